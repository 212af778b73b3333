# SPDX-License-Identifier: GPL-2.0
"""Images: one Debian tree per distribution, with its own stock kernel.

A tree is the guest's userland (shown to it over 9p, read-only) and also the
place where everything for that guest is compiled, with that distribution's
compiler and headers.
"""

import os

from . import cache, host

# Raise it when what is made below changes in a way the key does not show.
RECIPE = 1

COMMON = """
linux-image-amd64 linux-headers-amd64
gcc make libc6-dev meson ninja-build pkg-config
kmod mount pciutils iproute2 procps strace jq nvme-cli
busybox-static python3-minimal
rdma-core ibverbs-utils ibverbs-providers perftest
libibverbs-dev libdrm-dev libpci-dev libsmartcols-dev libjson-c-dev
""".split()

# What building the instrumented kernel takes on top.
KERNEL_BUILD = "bison flex bc libelf-dev libssl-dev libdw-dev xz-utils".split()

FORKY = "igt-gpu-tools igt-gpu-tools-tests python3-pyverbs".split()

PACKAGES = {
    "bookworm": COMMON,
    "trixie": COMMON,
    "forky": COMMON + FORKY + KERNEL_BUILD,
}

# Testing moves on while a mirror may lag: the Release file's validity can
# have lapsed.  Signatures are checked all the same.
OPTIONS = {"forky": ['Acquire::Check-Valid-Until "false"']}

# No manuals, no translations: nobody reads them in a guest.
DPKG = ["path-exclude=/usr/share/man/*", "path-exclude=/usr/share/locale/*",
        "path-exclude=/usr/share/doc/*"]


class Image:
    """The finished tree of one Debian suite."""

    def __init__(self, suite):
        self.suite = suite
        self.key = cache.digest(RECIPE, suite, PACKAGES[suite],
                                OPTIONS.get(suite, []), DPKG)
        self.path = None

    def obtain(self):
        """Make the tree unless the cache has it; returns self."""
        name = f"{self.suite}-{self.key}"
        self.path = cache.obtain("images", name, self._make)
        return self

    @property
    def root(self):
        """The root directory of the tree."""
        return self.path / "root"

    def stock_release(self):
        """`uname -r` of the tree's own kernel."""
        return (self.path / "release").read_text().strip()

    def _make(self, partial):
        cache.note(f"making the Debian {self.suite} tree (a minute or two)")
        root = partial / "root"
        host.quiet(self._mmdebstrap(root), env=_environment())
        releases = sorted(p.name for p in (root / "lib/modules").iterdir()
                          if (p / "kernel").is_dir())
        (partial / "release").write_text(releases[-1] + "\n")

    def _mmdebstrap(self, root):
        command = ["mmdebstrap", "--mode=root", "--variant=apt",
                   "--architectures=amd64",
                   "--include=" + ",".join(PACKAGES[self.suite])]
        for option in host.apt_options() + OPTIONS.get(self.suite, []):
            command.append("--aptopt=" + option)
        command += ["--dpkgopt=" + option for option in DPKG]
        return command + [self.suite, str(root), *host.sources(self.suite)]


def _environment():
    """Without an initrd: the guest brings its own, and making one is slow."""
    return dict(os.environ, INITRD="No", DEBIAN_FRONTEND="noninteractive",
                LC_ALL="C")
