# SPDX-License-Identifier: GPL-2.0
"""A Debian machine to install things on: a tree of the lab under a writable layer.

The layer is gone when the machine is.  What every test needs on it (DKMS, what packages are
built with) is installed once and kept in the cache, as a layer of its own.
"""

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from labroom import cache, compiler, host

VERBOSE = False
# Raise it when what is made below changes in a way the key does not show.
RECIPE = 1
CLONE_NEWNS = 0x20000

BUILDING = """build-essential debhelper dh-dkms dh-python dkms python3 meson mandoc
bash-completion pkgconf libpci-dev libsmartcols-dev libjson-c-dev lintian autopkgtest
libibverbs-dev libkmod-dev man-db""".split()
DKMS = ["dkms"]


class Failed(Exception):
    """A command that should have succeeded, or a thing that is not as it should be."""


def enter():
    """Mounts made from now on are seen by this process and its children, and end with
    them."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS):
        raise Failed(f"unshare: {os.strerror(ctypes.get_errno())}")
    _mount("--make-rprivate", "/")


def _mount(*words):
    host.quiet(["mount", *map(str, words)])


class Machine:
    """A tree with packages on top: what is done to it is undone at the end."""

    def __init__(self, image, packages, sources=()):
        self.image = image.obtain()
        self._packages = packages
        self._sources = list(sources)
        self._folder = self.root = None

    def __enter__(self):
        # Not below the cache: the layer below may be a mount there.
        self._folder = Path(tempfile.mkdtemp(prefix="peerbuf-packages-"))
        try:
            self._start([self._prepared() / "layer", self.image.root])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            host.quiet(["umount", "-l", str(self._folder / "root")])
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, lower):
        self.root = self._folder / "root"
        for name in ("root", "up", "work"):
            (self._folder / name).mkdir()
        _mount("-t", "overlay", "-o", f"lowerdir={':'.join(map(str, lower))},"
               f"upperdir={self._folder / 'up'},workdir={self._folder / 'work'}",
               "overlay", self.root)

    def _prepared(self):
        """The layer with the packages."""
        key = cache.digest(RECIPE, str(self.image.path), self._packages, self._sources)
        return cache.obtain("packages", f"{self.image.name}-{key}", self._prepare)

    def _prepare(self, partial):
        cache.note(f"installing {' '.join(self._packages)} on Debian {self.image.name}")
        other = Machine.__new__(Machine)
        other.image, other._folder = self.image, partial / "making"
        other._folder.mkdir()
        try:
            other._start([self.image.root])
            for line in self._sources:
                other.append("/etc/apt/sources.list", line + "\n")
            other.run("apt-get", "-q", "update")
            other.install(*self._packages)
            other.run("apt-get", "clean")
        finally:
            host.quiet(["umount", "-l", str(other.root)])
        os.rename(other._folder / "up", partial / "layer")
        shutil.rmtree(other._folder)

    def run(self, *words, may_fail=False, directory="/"):
        """Run a command on it; what it says."""
        (memory, _), = compiler.binds()
        line = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _INSIDE,
                "sh", str(self.root), str(memory), directory, *map(str, words)]
        done = subprocess.run(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              check=False)
        if VERBOSE:
            print(f"$ {' '.join(map(str, words))}\n{done.stdout}", end="", file=sys.stderr)
        if done.returncode and not may_fail:
            raise Failed(f"{' '.join(map(str, words))}: exit status {done.returncode}\n"
                         + "\n".join(line[:300] for line in done.stdout.splitlines()[-40:]))
        return done.stdout

    def install(self, *packages):
        """By apt, from the archive or from files that are on it."""
        command = ["apt-get", "-qy", "--no-install-recommends", "install", *packages]
        try:
            self.run(*command)
        except Failed:
            # What its lists name may have left the archive since they were fetched.
            self.run("apt-get", "-q", "update")
            self.run(*command)

    def path(self, name):
        """A file of it, as the host sees it."""
        return self.root / name.lstrip("/")

    def append(self, name, text):
        """Add to a file of it."""
        with open(self.path(name), "a", encoding="utf-8") as file:
            file.write(text)

    def give(self, files, folder="/srv"):
        """Copy files of the host there; their names on it."""
        self.path(folder).mkdir(parents=True, exist_ok=True)
        return [f"{folder}/{Path(shutil.copy(file, self.path(folder))).name}"
                for file in files]


# $1 the tree, $2 the lab's ccache, $3 a directory in the tree, then the command.
# Debian's kernels compile modules by ccache if they are asked to.
_INSIDE = r"""
set -e
root=$1 ccache=$2 folder=$3; shift 3
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mkdir -p "$root/mnt/ccache"
mount --bind "$ccache" "$root/mnt/ccache"
# There, because apt gives dpkg a path of its own.
ln -sf /mnt/ccache/bin/ccache "$root/usr/bin/ccache"
cp /etc/resolv.conf "$root/etc/resolv.conf"
exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    DEBIAN_KERNEL_USE_CCACHE=1 \
    HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive INITRD=No \
    sh -c 'cd "$0" && exec "$@"' "$folder" "$@"
"""
