# SPDX-License-Identifier: GPL-2.0
"""The instrumented kernel: Debian's source, tinyconfig and debug.config.

Built in forky's tree by forky's compiler, from a linux-source package: forky's, or
after that of another suite that still has it.
Kept: the image, its modules as a layer, and as much of the build tree as
building external modules against it takes.
"""

import re
from pathlib import Path

from . import archive, cache, chroot, compiler, host
from .errors import GoneError, LabError

FRAGMENT = Path(__file__).resolve().parent.parent / "debug.config"
SOURCE = "linux-source-7.2"
SUITES = ["forky", "trixie-backports", "sid"]
RECIPE = 1

_FETCH = r"""
source=$1
mount -t tmpfs tmpfs /var/lib/apt/lists
mount -t tmpfs tmpfs /var/cache/apt
mkdir -p /var/lib/apt/lists/partial /var/cache/apt/archives/partial
apt-get -q -o APT::Sandbox::User=root update
cd /tmp
apt-get -q -o APT::Sandbox::User=root download "$source"
dpkg-deb --fsys-tarfile ${source}_*.deb |
    tar -xO "./usr/src/$source.tar.xz" | tar -xJ -C /mnt/out
mv "/mnt/out/$source" /mnt/out/build
"""

# The tree's path must be the one it is later used at: objects and scripts
# remember it.
_CONFIGURE = r"""
cd /mnt/kernel
make -s tinyconfig
cat /mnt/lab/debug.config >> .config
make -s olddefconfig 2>&1 | grep -v 'override: reassigning' || true
"""

_BUILD = r"""
jobs=$1 compiler=$2
cd /mnt/kernel
make -s "$jobs" CC="$compiler" bzImage modules
make -s kernelrelease > /mnt/out/release
cp arch/x86/boot/bzImage System.map .config /mnt/out/
make -s INSTALL_MOD_PATH=/mnt/out/layer/usr modules_install
release=$(cat /mnt/out/release)
rm -f "/mnt/out/layer/usr/lib/modules/$release/build"
mkdir -p "/mnt/out/layer/usr/lib/modules/$release/updates"
strip -g -o /mnt/out/vmlinux vmlinux
# Modules need headers, scripts, objtool and Module.symvers; nothing else.
find . -path ./scripts -prune -o -path ./tools -prune -o \
    \( -name '*.o' -o -name '*.a' -o -name '.*.cmd' -o -name 'vmlinux*' \) \
    -type f ! -name 'module-common.o' ! -name 'vmlinux.symvers' \
    -exec rm -f {} +
rm -rf Documentation samples
find arch -mindepth 1 -maxdepth 1 -type d ! -name x86 -exec rm -rf {} +
find drivers fs net sound crypto mm kernel lib security block ipc -name '*.c' \
    -exec rm -f {} +
"""


def obtain(image):
    """The directory of the finished kernel."""
    key = cache.digest(RECIPE, image.key, SOURCE, FRAGMENT.read_bytes(),
                       _FETCH, _CONFIGURE, _BUILD)
    return cache.obtain("kernels", f"7.2-debug-{key}",
                        lambda partial: _make(image, partial))


def source_suite(names_of):
    """The first suite that has the source; names_of(suite) are its packages."""
    for suite in SUITES:
        if SOURCE in names_of(suite):
            return suite
    raise GoneError(f"no Debian suite has {SOURCE} any more, nor has the cache the "
                    "kernel made of it: looked in " + ", ".join(SUITES))


def _make(image, partial):
    root = image.root
    suite = source_suite(lambda s: archive.packages(s, image.arch.debian))
    cache.note("building the instrumented kernel (half an hour or so)")
    binds = [(partial, "/mnt/out"), (FRAGMENT.parent, "/mnt/lab")]
    if suite != image.suite:
        sources = partial / "sources.list"
        sources.write_text("\n".join(host.sources(suite)) + "\n")
        binds.append((sources, "/etc/apt/sources.list"))
    resolv = Path("/etc/resolv.conf")
    if resolv.exists() and (root / "etc/resolv.conf").exists():
        binds.append((resolv, "/etc/resolv.conf"))
    chroot.script(root, binds, _FETCH, SOURCE, what=f"fetching {SOURCE}")
    binds.append((partial / "build", "/mnt/kernel"))
    chroot.script(root, binds, _CONFIGURE, what="configuring the kernel")
    lost = check_config((partial / "build/.config").read_text())
    if lost:
        raise LabError("debug.config asks for what the kernel did not take:\n"
                       + "\n".join("  " + line for line in lost))
    # A build that was interrupted finds again what it had compiled.
    binds += compiler.binds()
    chroot.script(root, binds, _BUILD, chroot.jobs(), f"{compiler.PROGRAM} gcc",
                  what="building the instrumented kernel")


def check_config(config):
    """The fragment's lines that did not stick."""
    have = set(config.splitlines())
    values = {line.partition("=")[0] for line in have if "=" in line}
    lost = []
    for line in FRAGMENT.read_text().splitlines():
        off = re.fullmatch(r"# (CONFIG_\w+) is not set", line)
        if off and off.group(1) in values:
            lost.append(line)
        if line.startswith("CONFIG_") and line not in have:
            lost.append(line)
    return lost
