# SPDX-License-Identifier: GPL-2.0
"""Images: one Debian tree per distribution, with its own stock kernel or a chosen one.

A tree is the guest's userland (shown to it over 9p, read-only) and also the
place where everything for that guest is compiled, with that distribution's
compiler and headers.
"""

import os

from . import archive, cache, host
from .arch import AMD64

# Raise it when what is made below changes in a way the key does not show.
RECIPE = 1

COMMON = """
linux-image-amd64 linux-headers-amd64
gcc make libc6-dev meson ninja-build pkg-config
kmod mount pciutils iproute2 procps strace jq nvme-cli
busybox-static python3-minimal
e2fsprogs xfsprogs
rdma-core ibverbs-utils ibverbs-providers perftest rdmacm-utils
libfabric-bin libfabric-dev openmpi-bin libopenmpi-dev
libibverbs-dev librdmacm-dev libdrm-dev libpci-dev libsmartcols-dev
libjson-c-dev libkmod-dev liburing-dev
""".split()

# The stock kernel's packages, which a chosen kernel's replace.
STOCK = COMMON[:2]

# What building the instrumented kernel takes on top.
KERNEL_BUILD = "bison flex bc libelf-dev libssl-dev libdw-dev xz-utils".split()

FORKY = "igt-gpu-tools igt-gpu-tools-tests python3-pyverbs".split()

PACKAGES = {
    "bookworm": COMMON,
    "trixie": COMMON,
    "forky": COMMON + FORKY + KERNEL_BUILD,
}

# These move on while a mirror may lag: the Release file's validity can
# have lapsed.  Signatures are checked all the same.
MOVING = ["forky", "trixie-backports", "sid"]
OPTIONS = {suite: ['Acquire::Check-Valid-Until "false"'] for suite in MOVING}

# No manuals, no translations: nobody reads them in a guest.
DPKG = ["path-exclude=/usr/share/man/*", "path-exclude=/usr/share/locale/*",
        "path-exclude=/usr/share/doc/*"]


class Image:
    """The finished tree of one Debian suite, with its own kernel or one of a series."""

    def __init__(self, suite, series=None, arch=AMD64):
        self.suite = suite
        self.series = series           # None: the suite's own kernel
        self.arch = arch
        self.cross = False             # else its programs do not run in its guests
        base = suite.removesuffix("-backports")
        self.base = base
        packages = PACKAGES.get(base, COMMON)
        if series:
            packages = [p for p in packages if p not in STOCK]
        # Which release of a series it is does not matter, nor does an update.
        self.key = cache.digest(RECIPE, suite, packages,
                                OPTIONS.get(suite, []), DPKG,
                                *([series] if series else []))
        self._packages = packages
        self.path = None

    @property
    def name(self):
        """What it is called in the cache, before the key."""
        return "-".join(filter(None, [self.suite, self.series]))

    @property
    def folder(self):
        """The name of its directory in the cache."""
        return f"{self.name}-{self.key}"

    def obtain(self):
        """Make the tree unless the cache has it; returns self."""
        self.path = cache.obtain("images", self.folder, self._make)
        return self

    @property
    def root(self):
        """The root directory of the tree."""
        return self.path / "root"

    def stock_release(self):
        """`uname -r` of the tree's own kernel."""
        return (self.path / "release").read_text().strip()

    def cached_release(self):
        """The same if the cache has the tree, else None; makes nothing."""
        file = cache.base() / "images" / self.folder / "release"
        return file.read_text().strip() if file.exists() else None

    def offered(self):
        """The releases a tree made now could have, newest first."""
        names = archive.packages(self.suite, self.arch.debian)
        releases = archive.kernels(names, self.arch.debian)
        if self.series:
            return archive.of_series(releases, self.series)
        return releases[:1]

    def _make(self, partial):
        cache.note(f"making the Debian {self.name} tree (a minute or two)")
        root = partial / "root"
        host.quiet(self.mmdebstrap(root, [self.arch.debian]), env=environment())
        releases = sorted(p.name for p in (root / "lib/modules").iterdir()
                          if (p / "kernel").is_dir())
        (partial / "release").write_text(releases[-1] + "\n")

    def _chosen(self):
        """The packages of the newest kernel of the series, out of this very suite."""
        if not self.series:
            return []
        release = self.offered()[0]
        names = ["linux-base", f"linux-image-{release}", f"linux-headers-{release}"]
        return [f"{name}/{self.suite}" for name in names]

    def mmdebstrap(self, root, architectures):
        """The command that makes the tree, its own architecture first."""
        command = ["mmdebstrap", "--mode=root", "--variant=apt",
                   "--architectures=" + ",".join(architectures),
                   "--include=" + ",".join(self._packages + self._chosen())]
        for option in host.apt_options() + OPTIONS.get(self.suite, []):
            command.append("--aptopt=" + option)
        command += ["--dpkgopt=" + option for option in DPKG]
        return command + [self.base, str(root), *host.sources(self.suite)]


def environment():
    """Without an initrd: the guest brings its own, and making one is slow."""
    return dict(os.environ, INITRD="No", DEBIAN_FRONTEND="noninteractive",
                LC_ALL="C")
