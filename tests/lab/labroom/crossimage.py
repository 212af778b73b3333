# SPDX-License-Identifier: GPL-2.0
"""Trees for another architecture: one to build in, and one for its guests.

Neither runs a program of that architecture while it is made.  What builds is a tree of
the host's architecture, with a cross compiler, the other one's libraries and its kernels.
Those are only unpacked: their packages ask for a compiler that does not run here.  The
guests' tree is only unpacked, too, and what its packages' scripts would do is done by hand.
"""

import os
import shlex

from . import archive, cache, host
from .arch import HOST
from .image import DPKG, Image, OPTIONS, environment

# Raise it when what is made below changes in a way the key does not show.
RECIPE = 1

# The host's, to build with. qemu-user lists the tests of programs that do not run here.
TOOLS = "make kmod mount meson ninja-build pkg-config python3 qemu-user".split()
# The other architecture's, to build against.
LIBRARIES = """
libc6-dev libibverbs-dev ibverbs-providers librdmacm-dev libfabric-dev libdrm-dev libpci-dev
libsmartcols-dev libjson-c-dev libkmod-dev liburing-dev
""".split()

# In a guest: what image.COMMON has, less what builds.
GUEST = """
bash coreutils dash grep sed gawk util-linux findutils kmod mount pciutils iproute2 procps
strace jq nvme-cli busybox-static python3-minimal libpython3-stdlib passwd diffutils
e2fsprogs xfsprogs rdma-core ibverbs-utils ibverbs-providers perftest rdmacm-utils libfabric-bin
libdrm2 libpci3 libsmartcols1 libjson-c5 libkmod2 liburing2 librdmacm1t64
""".split()

# $1 is the tree, the rest are packages. Since 7.3 a kernel's package is in pieces.
_UNPACK = r"""
set -eu
root=$1; shift
mkdir "$root/tmp/kernels"
chroot "$root" sh -euc 'cd /tmp/kernels
    apt-get -q -o APT::Sandbox::User=root download "$@"
    for package in *.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x -C / --keep-directory-symlink
    done
    for folder in /usr/lib/modules/*; do
        if [ -e "$folder/kernel" ]; then
            depmod "${folder##*/}"
        fi
    done' sh "$@"
rm -r "$root/tmp/kernels"
"""

# What the scripts of base-passwd, libc-bin and others would have done.
_FINISH = r"""
set -eu
root=$1
cd "$root"
for file in passwd group; do
    cp "usr/share/base-passwd/$file.master" "etc/$file"
done
sed -i 's,^root:[^:]*:,root::,' etc/passwd
printf 'root:*:20000:0:99999:7:::\n' > etc/shadow
chmod 640 etc/shadow
[ -e usr/bin/sh ] || ln -s dash usr/bin/sh
[ -e usr/bin/awk ] || ln -s gawk usr/bin/awk
mkdir -p usr/local/bin usr/local/sbin
"""


class CrossImage(Image):
    """A tree of the host's architecture that builds for another, with kernels of a series."""

    def __init__(self, suite, series, arch, flavours):
        super().__init__(suite, series, arch)
        self.cross = True
        self.flavours = flavours       # what follows the version, in a release
        self._packages = TOOLS + [f"gcc-{arch.triplet.replace('_', '-')}"] + [
            f"{name}:{arch.debian}" for name in LIBRARIES]
        self.key = cache.digest(RECIPE, suite, self._packages,
                                OPTIONS.get(suite, []), DPKG, series,
                                arch.debian, flavours, _UNPACK)

    @property
    def name(self):
        """What it is called in the cache, before the key."""
        return f"{self.suite}-{self.series}-{self.arch.debian}"

    def _chosen(self):
        """What belongs to no architecture, and what builds: by apt."""
        version = self._version(self.offered()[0])
        return [f"{name}/{self.suite}" for name in
                (f"linux-headers-{version}-common", f"linux-kbuild-{version}")]

    def release(self, flavour):
        """`uname -r` of one of its kernels."""
        return f"{self._version(self.stock_release())}-{flavour}"

    def _version(self, release):
        return release.removesuffix(f"-{self.arch.debian}")

    def _make(self, partial):
        cache.note(f"making the Debian {self.name} tree (a minute or two)")
        release = self.offered()[0]
        root = partial / "root"
        command = self.mmdebstrap(root, [HOST.debian, self.arch.debian])
        script = partial / "unpack"
        script.write_text(_UNPACK)
        names = " ".join(f"{name}/{self.suite}" for name in self.kernel_packages(release))
        command.insert(1, f'--customize-hook=sh {shlex.quote(str(script))} "$1" {names}')
        host.quiet(command, env=environment())
        (partial / "release").write_text(release + "\n")

    def kernel_packages(self, release):
        """The packages with its kernels and their headers."""
        version = self._version(release)
        names = archive.packages(self.suite, self.arch.debian)
        wanted = []
        for flavour in self.flavours:
            own = f"{version}-{flavour}"
            pieces = [f"linux-{part}-{own}" for part in ("base", "binary", "modules")]
            if pieces[1] not in names:
                pieces = [f"linux-image-{own}"]
            wanted += [f"{name}:{self.arch.debian}" for name in
                       [f"linux-headers-{own}", *pieces]]
        return wanted


class GuestTree:
    """The userland of another architecture's guests, without a kernel."""

    def __init__(self, suite, arch):
        self.suite = suite
        self.arch = arch
        key = cache.digest(RECIPE, suite, GUEST, OPTIONS.get(suite, []), DPKG,
                           arch.debian, _FINISH)
        self.folder = f"{suite}-{arch.debian}-guest-{key}"
        self.path = None

    @property
    def name(self):
        """What it is called, for people."""
        return f"{self.suite}-{self.arch.debian}"

    @property
    def root(self):
        """The root directory of the tree."""
        return self.path / "root"

    def obtain(self):
        """Make the tree unless the cache has it; returns self."""
        self.path = cache.obtain("images", self.folder, self._make)
        return self

    def _make(self, partial):
        cache.note(f"unpacking a Debian {self.name} tree (a minute or two)")
        root = partial / "root"
        command = ["mmdebstrap", "--mode=root", "--variant=extract",
                   f"--architectures={self.arch.debian}",
                   "--include=" + ",".join(GUEST)]
        command += ["--aptopt=" + option for option in
                    host.apt_options() + OPTIONS.get(self.suite, [])]
        command += ["--dpkgopt=" + option for option in DPKG]
        host.quiet([*command, self.suite, str(root), *host.sources(self.suite)],
                   env=dict(os.environ, LC_ALL="C"))
        script = partial / "finish"
        script.write_text(_FINISH)
        host.quiet(["sh", str(script), str(root)])
