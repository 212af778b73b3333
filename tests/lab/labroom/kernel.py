# SPDX-License-Identifier: GPL-2.0
"""Kernels: what `-k` names, and where each one's parts are."""

import lzma
import re
from pathlib import Path

from . import archive, cache, debugkernel
from .arch import ARM64
from .crossimage import CrossImage, GuestTree
from .errors import GoneError, UsageError
from .image import Image

# arm64's kernels of a series: with pages of 4 KiB, and of 16 KiB.
_ARM64 = (ARM64, ("arm64", "arm64-16k"))

# Where each kernel is, in the order to look: a suite's own kernel, or one of a series
# out of what a suite offers.  Stable's stay; 7.2 and 7.3 leave these suites one day.
HOMES = {
    "6.1": [Image("bookworm")],
    "6.12": [Image("trixie")],
    "7.2": [Image("forky"), Image("trixie-backports", "7.2"),
            Image("sid", "7.2")],
    "7.3": [Image("trixie-backports", "7.3"), Image("forky", "7.3"),
            Image("sid", "7.3")],
    "6.12-arm64": [CrossImage("trixie", "6.12", *_ARM64)],
    "7.3-arm64": [CrossImage("trixie-backports", "7.3", *_ARM64),
                  CrossImage("sid", "7.3", *_ARM64)],
    # Its source is a package of its own: debugkernel.py.
    "7.2-debug": [Image("forky")],
}
HOMES["7.3-arm64-16k"] = HOMES["7.3-arm64"]
DEBUG = "7.2-debug"
# What such guests run: the same for all of their kernels.
GUESTS = {ARM64: GuestTree("trixie", ARM64)}
PAGE_SIZES = {"16k": 16384}

# What the initramfs must load to reach the root and the ports.
BOOT_MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay",
                "virtio_console"]


def check(name):
    """Refuse a kernel that does not exist."""
    if name not in HOMES:
        raise UsageError(f"-k {name}: no such kernel; there are "
                         + ", ".join(HOMES))


def arch(name):
    """The architecture of a kernel that exists."""
    return HOMES[name][0].arch


def home(series, images):
    """The tree that has a kernel of the series: a finished one first, whatever the
    suites have come to, else the first that could be made today."""
    for image in images:
        if archive.of_series([image.cached_release() or ""], series):
            return image
    for image in images:
        if archive.of_series(image.offered(), series):
            return image
    raise GoneError(f"no Debian suite has kernel {series} any more, nor has the "
                    "cache: looked in " + ", ".join(i.suite for i in images))


class Kernel:
    """One kernel, with the Debian tree its guests live in."""

    def __init__(self, name):
        check(name)
        self.name = name
        self.debug = name == DEBUG
        images = HOMES[name]
        series = name.partition("-")[0]
        # With one home there is nothing to look for.
        image = home(series, images) if len(images) > 1 else images[0]
        self.image = image.obtain()
        self.arch = image.arch
        self.own = debugkernel.obtain(self.image) if self.debug else None
        if self.debug:
            self.release = (self.own / "release").read_text().strip()
        elif self.image.cross:
            self.release = self.image.release(name.partition("-")[2])
        else:
            self.release = self.image.stock_release()

    def tree(self):
        """The tree its guests run: the one it is in, if that is of its architecture."""
        return GUESTS[self.arch].obtain() if self.image.cross else self.image

    @property
    def page_size(self):
        """Bytes of a page."""
        return PAGE_SIZES.get(self.name.rpartition("-")[2], 4096)

    @property
    def vmlinuz(self):
        """The file to boot."""
        if self.debug:
            return self.own / "bzImage"
        # From 7.3 on it is with the modules.
        places = [self.image.root / "boot" / f"vmlinuz-{self.release}",
                  self.modules / "vmlinuz"]
        return next(path for path in places if path.exists())

    @property
    def layers(self):
        """Directories the guest stacks over the tree, topmost first."""
        return [self.own / "layer"] if self.debug else []

    @property
    def key(self):
        """Changes whenever the kernel or its tree does."""
        parts = [self.name, str(self.image.path)]
        if self.debug:
            parts.append(str(self.own))
        return cache.digest(*parts)

    def binds(self):
        """Binds that make `build_dir` and the kernel's modules visible."""
        if not self.debug:
            return []
        return [(self.own / "build", "/mnt/kernel")]

    @property
    def build_dir(self):
        """The kernel's build directory, as seen inside the tree."""
        if self.debug:
            return "/mnt/kernel"
        return f"/lib/modules/{self.release}/build"

    @property
    def makes_blobs(self):
        """Does its virtio-gpu make blobs of what it imports?"""
        return not self.image.cross and self.name.partition("-")[0] not in ("6.1", "6.12")

    @property
    def compiler(self):
        """The name of the compiler that made it, in the tree."""
        if self.debug:
            return "gcc"
        pattern = re.compile(r"^CC = .*\)(gcc-\S+)$", re.M)
        return self.cross_prefix + pattern.search(
            (self._headers() / ".kernelvariables").read_text()).group(1)

    @property
    def cross_prefix(self):
        """What the names of the tools that build for it begin with."""
        return f"{self.arch.triplet}-" if self.image.cross else ""

    def _headers(self):
        return self.image.root / "usr/src" / f"linux-headers-{self.release}"

    @property
    def user_emulator(self):
        """The program of its tree that runs its guests' programs, if they need one."""
        return self.arch.user_emulator if self.image.cross else ""

    def make(self):
        """The words of make that build for it, CC aside."""
        words = ["make", "-C", self.build_dir]
        if self.image.cross:
            words += [f"ARCH={self.arch.kernel}", f"CROSS_COMPILE={self.cross_prefix}"]
        return words

    @property
    def modules(self):
        """The directory of the kernel's own modules, on the host."""
        top = self.layers[0] if self.debug else self.image.root
        return top / "usr/lib/modules" / self.release

    def boot_modules(self):
        """(file name, content) of the modules to insert, in order."""
        if self.debug:
            return []
        return [(path.name.partition(".ko")[0] + ".ko", _plain(path))
                for path in _order(self.modules, BOOT_MODULES)]


def _order(folder, wanted):
    """The module files that `wanted` takes, each after what it needs."""
    needs = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
    by_name = {Path(p).name.partition(".ko")[0].replace("-", "_"): p
               for p in needs}
    ordered = []

    def visit(path):
        for other in needs[path]:
            visit(other)
        if path not in ordered:
            ordered.append(path)

    for name in wanted:
        if name in by_name:            # else it is built in
            visit(by_name[name])
    return [folder / path for path in ordered]


def _plain(path):
    """A module's content, decompressed: busybox's insmod knows no xz."""
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data
