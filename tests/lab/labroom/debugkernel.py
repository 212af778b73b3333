# SPDX-License-Identifier: GPL-2.0
"""Kernels that are built here: Debian's source, tinyconfig and a fragment of ours.

The instrumented one, and one for arm64 with pages of 64 KiB.  Built in a tree by its
compiler, from a linux-source package: that suite's, or of another that still has it.
Kept: the image, its modules as a layer, and as much of the build tree as
building external modules against it takes.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from . import archive, cache, chroot, host
from .arch import AMD64, ARM64, Architecture
from .errors import GoneError, LabError

FOLDER = Path(__file__).resolve().parent.parent
RECIPE = 1


@dataclass(frozen=True)
class Recipe:
    """What one of them is made of."""
    source: str
    suites: tuple
    config: str            # the fragment's file
    arch: Architecture

    @property
    def fragment(self):
        """What is set on top of tinyconfig."""
        return FOLDER / self.config

    @property
    def boot_image(self):
        """The name of the file to boot, among what is kept."""
        return Path(self.arch.boot_image).name


RECIPES = {
    "7.2-debug": Recipe("linux-source-7.2", ("forky", "trixie-backports", "sid"),
                        "debug.config", AMD64),
    "7.3-arm64-64k": Recipe("linux-source-7.3", ("trixie-backports", "sid"),
                            "arm64-64k.config", ARM64),
}

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
cat /mnt/lab/{config} >> .config
make -s olddefconfig 2>&1 | grep -v 'override: reassigning' || true
"""

_BUILD = r"""
jobs=$1
cd /mnt/kernel
make -s "$jobs" {boot_image} modules
make -s kernelrelease > /mnt/out/release
cp {boot_path} System.map .config /mnt/out/
make -s INSTALL_MOD_PATH=/mnt/out/layer/usr modules_install
release=$(cat /mnt/out/release)
rm -f "/mnt/out/layer/usr/lib/modules/$release/build"
mkdir -p "/mnt/out/layer/usr/lib/modules/$release/updates"
strip -g -o /mnt/out/vmlinux vmlinux
# Modules need headers, scripts, objtool and Module.symvers; nothing else.
find . -path ./scripts -prune -o -path ./tools -prune -o \
    \( -name '*.o' -o -name '*.a' -o -name '.*.cmd' -o -name 'vmlinux*' \) \
    -type f ! -name 'module-common.o' ! -name 'vmlinux.symvers' \
    -exec rm -f {{}} +
rm -rf Documentation samples
find arch -mindepth 1 -maxdepth 1 -type d ! -name {arch} -exec rm -rf {{}} +
find drivers fs net sound crypto mm kernel lib security block ipc -name '*.c' \
    -exec rm -f {{}} +
"""


def obtain(name, image):
    """The directory of the finished kernel."""
    recipe = RECIPES[name]
    key = cache.digest(RECIPE, image.key, recipe.source, recipe.fragment.read_bytes(),
                       _FETCH, *_scripts(recipe))
    return cache.obtain("kernels", f"{name}-{key}",
                        lambda partial: _make(recipe, image, partial))


def _scripts(recipe):
    """What configures and builds it."""
    words = {"config": recipe.config, "boot_image": recipe.boot_image,
             "boot_path": recipe.arch.boot_image, "arch": recipe.arch.kernel}
    return [text.format(**words) for text in (_CONFIGURE, _BUILD)]


def source_suite(recipe, names_of):
    """The first suite that has the source; names_of(suite) are its packages."""
    for suite in recipe.suites:
        if recipe.source in names_of(suite):
            return suite
    raise GoneError(f"no Debian suite has {recipe.source} any more, nor has the cache the "
                    "kernel made of it: looked in " + ", ".join(recipe.suites))


def _make(recipe, image, partial):
    root = image.root
    suite = source_suite(recipe, lambda s: archive.packages(s, image.arch.debian))
    cache.note(f"building a kernel with {recipe.config} (ten minutes or so)")
    binds = [(partial, "/mnt/out"), (FOLDER, "/mnt/lab")]
    if suite != image.suite:
        sources = partial / "sources.list"
        sources.write_text("\n".join(host.sources(suite)) + "\n")
        binds.append((sources, "/etc/apt/sources.list"))
    resolv = Path("/etc/resolv.conf")
    if resolv.exists() and (root / "etc/resolv.conf").exists():
        binds.append((resolv, "/etc/resolv.conf"))
    chroot.script(root, binds, _FETCH, recipe.source, what=f"fetching {recipe.source}")
    binds.append((partial / "build", "/mnt/kernel"))
    # Set before the scripts' own words: the tree may build for another architecture.
    target = image.cross and (f"export ARCH={image.arch.kernel} "
                              f"CROSS_COMPILE={image.arch.triplet}-\n") or ""
    configure, build = _scripts(recipe)
    chroot.script(root, binds, target + configure, what="configuring the kernel")
    lost = check_config(recipe, (partial / "build/.config").read_text())
    if lost:
        raise LabError(f"{recipe.config} asks for what the kernel did not take:\n"
                       + "\n".join("  " + line for line in lost))
    chroot.script(root, binds, target + build, chroot.jobs(), what="building the kernel")


def check_config(recipe, config):
    """The fragment's lines that did not stick."""
    have = set(config.splitlines())
    values = {line.partition("=")[0] for line in have if "=" in line}
    lost = []
    for line in recipe.fragment.read_text().splitlines():
        off = re.fullmatch(r"# (CONFIG_\w+) is not set", line)
        if off and off.group(1) in values:
            lost.append(line)
        if line.startswith("CONFIG_") and line not in have:
            lost.append(line)
    return lost
