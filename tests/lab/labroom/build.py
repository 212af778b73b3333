# SPDX-License-Identifier: GPL-2.0
"""Builds: peerbuf for one kernel, and external modules against it.

peerbuf's result is three layers, directories that the guest stacks over the Debian
tree: the modules, the library with the tools, and the tests.  Each has a key of its own,
made of the files that it is built from, and a directory in the cache where the last
build is kept: an edit compiles what depends on it and nothing else.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import cache, chroot, compiler
from .errors import LabError, UsageError

CHECKOUT = Path(__file__).resolve().parents[3]

# What each part is made from, and so its key. The tools have the rules for routes
# from p2p; the tests find what the drivers' headers say, and the library.
SOURCES = {
    "modules": ["Kbuild", "drivers", "include", "compat", "tests/drivers"],
    "userspace": ["userspace", "include", "drivers/pci/p2p", "tests/drivers/edu_dma_uapi.h"],
    "tests": ["tests/guest", "tests/igt", "tests/demo", "tests/drivers", "include",
              "userspace/examples", "Documentation/tutorial.rst"],
}
# In there, but read by tests/run alone.
NOT_BUILT = {"tests/guest/suites", "tests/guest/skips"}
RECIPE = 2

# What a module was built from may be gone: make says which it has built now.
_MODULES = r"""
release=$1 jobs=$2; shift 2
"$@" "$jobs" M=/mnt/src CONFIG_PEERBUF_TESTS=y CC="$CC" modules
updates=/mnt/out/layer/usr/lib/modules/$release/updates
mkdir -p "$updates"
sed 's,^/mnt/src/,,; s,\.o$,.ko,' /mnt/src/modules.order | while read -r module; do
    cp "/mnt/src/$module" "$updates"
done
if [ -e /mnt/src/Module.symvers ]; then
    cp /mnt/src/Module.symvers "$updates/../peerbuf.symvers"
fi
"""

# The index files of the kernel's own modules and ours together: depmod sees a
# directory where both are mounted side by side.
_DEPMOD = r"""
release=$1
all=/tmp/root/lib/modules/$release
mkdir -p "$all/kernel" "$all/updates"
if [ -d "/mnt/modules/kernel" ]; then
    mount --bind /mnt/modules/kernel "$all/kernel"
fi
ours=/mnt/out/layer/usr/lib/modules/$release
mount --bind "$ours/updates" "$all/updates"
cp /mnt/modules/modules.builtin* /mnt/modules/modules.order "$all"
depmod -b /tmp/root "$release"
cp "$all"/modules.* "$ours"
"""

# /mnt/build is that of the last time, if there was one.  The tests find the library of
# the layer below: its .pc files, moved to where it is now (a sysroot would move every
# other library's as well).
_MESON = r"""
jobs=$1 libdir=$2 source=$3 options=$4 cross=$5
cd /mnt/src
mkdir /tmp/pc
for pc in /mnt/below/usr/lib/*/pkgconfig/*.pc; do
    [ -e "$pc" ] || continue
    sed 's,^prefix=.*,prefix=/mnt/below/usr,' "$pc" > "/tmp/pc/${pc##*/}"
done
export PKG_CONFIG_PATH=/tmp/pc
if [ -n "$cross" ]; then
    echo "$cross" > /tmp/cross
    options="$options --cross-file /tmp/cross"
fi
if ! [ -e /mnt/build/build.ninja ]; then
    meson setup --prefix=/usr --libdir="$libdir" --libexecdir=libexec \
        --buildtype=debugoptimized $options /mnt/build "$source"
fi
ninja "$jobs" -C /mnt/build
DESTDIR=/mnt/out/layer meson install -C /mnt/build --no-rebuild
"""


# For meson: whom to build for, by what.
_CROSS = """\
[binaries]
c = [{compiler}]
ar = '{prefix}ar'
strip = '{prefix}strip'
pkg-config = 'pkg-config'
[properties]
pkg_config_libdir = ['/tmp/pc', '/usr/{libdir}/pkgconfig', '/usr/share/pkgconfig']
[host_machine]
system = 'linux'
cpu_family = '{cpu}'
cpu = '{cpu}'
endian = 'little'
"""


@contextlib.contextmanager
def whole(kept):
    """For as long as something is built in that folder, of which the next build keeps what it can.

    If a build was killed, nothing: 6.1's leaves objects without the versions of their symbols, which
    make takes for finished.
    """
    mark = kept / "unfinished"
    if mark.exists():
        shutil.rmtree(kept)
    kept.mkdir(parents=True, exist_ok=True)
    mark.touch()
    try:
        yield
    except LabError:
        # Make has ended by itself, and knows what it has not finished.
        mark.unlink()
        raise
    mark.unlink()


class Layer:
    """peerbuf, built for one kernel."""

    def __init__(self, kernel, bare=False, verbose=False):
        self.kernel = kernel
        self._parts = []
        if bare:
            # The kernel's own modules need their index files all the same.
            self._modules = _Modules(kernel, {}, verbose)
            self._parts = [self._modules]
            return
        # Read once: what is built is what the key was made of, even if
        # somebody is editing right now.
        files = {n: _read(n) for n in source_files()}
        self._modules = _Modules(kernel, files, verbose)
        userspace = _Meson("userspace", kernel, files, verbose)
        tests = _Meson("tests", kernel, files, verbose, below=userspace)
        self._parts = [tests, userspace, self._modules]

    @property
    def roots(self):
        """What the guest sees stacked over its tree, topmost first."""
        return [part.path / "layer" for part in self._parts
                if (part.path / "layer").exists()]

    @property
    def symvers(self):
        """The symbols peerbuf's modules export."""
        return (self._modules.path / "layer/usr/lib/modules"
                / self.kernel.release / "peerbuf.symvers")

    @property
    def library(self):
        """The directory with libpeerbuf and its headers, from its root on."""
        return self._parts[1].path / "layer"

    def modules(self):
        """The modules a guest must load, in order."""
        return ["p2p", "peerbuf"] if self._modules.files else []


class _Part:
    """One of the three, made unless the cache has it."""

    def __init__(self, name, place, kernel, files, verbose, *parts):
        self.kernel = kernel
        self.files = {n: f for n, f in files.items() if _belongs(n, SOURCES[name])}
        self._verbose = verbose
        self._kept = cache.base() / "builds" / f"{name}-{place}"
        self._what = f"building peerbuf's {name} for {place}"
        key = cache.digest(RECIPE, Path(__file__).read_bytes(), *parts,
                           [part for name, (content, mode)
                            in self.files.items()
                            for part in (name, content, mode)])
        self.path = cache.obtain("layers", f"{name}-{place}-{key}", self._make)
        cache.prune("layers", f"{name}-{place}-", keep=6)

    def _make(self, partial):
        cache.note(self._what)
        (partial / "layer").mkdir()
        with cache.lock(f"builds-{self._kept.name}"), whole(self._kept):
            self._build(partial)

    def _build(self, partial):
        raise NotImplementedError

    def _source(self):
        """The kept copy of the sources, brought up to date."""
        source = self._kept / "src"
        source.mkdir(parents=True, exist_ok=True)
        listing = self._kept / "files"
        before = set(listing.read_text().split("\n")) if listing.exists() else set()
        for name in before - set(self.files) - {""}:
            (source / name).unlink(missing_ok=True)
        for name, (content, mode) in self.files.items():
            _update(source / name, content, mode)
        listing.write_text("\n".join(self.files))
        return source

    def _script(self, binds, text, *args):
        text = f"CC='{compiler.PROGRAM} {self.kernel.compiler}'; export CC\n" + text
        chroot.script(self.kernel.image.root,
                      [*self.kernel.binds(), *compiler.binds(), *binds], text, *args,
                      verbose=self._verbose, what=self._what)


class _Modules(_Part):
    """The modules, with the index files of all of the kernel's."""

    def __init__(self, kernel, files, verbose):
        super().__init__("modules", kernel.name, kernel, files, verbose, kernel.key)

    def _build(self, partial):
        updates = (partial / "layer/usr/lib/modules" / self.kernel.release
                   / "updates")
        updates.mkdir(parents=True)
        if "Kbuild" in self.files:
            self._script([(self._source(), "/mnt/src"), (partial, "/mnt/out")],
                         _MODULES, self.kernel.release, chroot.jobs(),
                         *self.kernel.make())
        self._script([(partial, "/mnt/out"), (self.kernel.modules, "/mnt/modules")],
                     _DEPMOD, self.kernel.release)


class _Meson(_Part):
    """A meson project: the same for all kernels of one tree."""

    def __init__(self, name, kernel, files, verbose, below=None):
        self._folder = {"userspace": "userspace", "tests": "tests/guest"}[name]
        self._below = below
        place = kernel.image.path.name
        # Tests are compiled for a size of pages.
        if name == "tests" and kernel.page_size != 4096:
            place += f"-{kernel.page_size >> 10}k"
        super().__init__(name, place, kernel, files, verbose,
                         str(below.path if below else ""))

    def _build(self, partial):
        if f"{self._folder}/meson.build" not in self.files:
            return
        source, build = self._source(), self._kept / "build"
        build.mkdir(exist_ok=True)
        binds = [(source, "/mnt/src"), (build, "/mnt/build"), (partial, "/mnt/out")]
        if self._below:
            binds.append((self._below.path / "layer", "/mnt/below"))
        self._script(binds, _MESON, chroot.jobs(), self.kernel.arch.libdir,
                     self._folder, self._options(), self._cross())

    def _options(self):
        """Those that the project knows."""
        known = b""
        for name in ("meson.options", "meson_options.txt"):
            known += self.files.get(f"{self._folder}/{name}", (b"", None))[0]
        options = {"tests": "true", "page_size": self.kernel.page_size}
        return " ".join(f"-D{name}={value}" for name, value in options.items()
                        if f"'{name}'".encode() in known)

    def _cross(self):
        """The cross file's text, or none."""
        if not self.kernel.image.cross:
            return ""
        words = [compiler.PROGRAM, self.kernel.cross_prefix + "gcc"]
        arch = self.kernel.arch
        return _CROSS.format(compiler=", ".join(f"'{word}'" for word in words),
                             prefix=self.kernel.cross_prefix, libdir=arch.libdir,
                             cpu=arch.triplet.partition("-")[0])


def _belongs(name, tops):
    return any(name == top or name.startswith(top + "/") for top in tops)


def source_files():
    """The project's files that make a layer: tracked, or new, not ignored."""
    tops = {top for part in SOURCES.values() for top in part}
    present = sorted(top for top in tops if (CHECKOUT / top).exists())
    if not present:
        return []
    listed = shutil.which("git") and subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", str(CHECKOUT), "ls-files",
         "-z", "--cached", "--others", "--exclude-standard", "--", *present],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if listed and listed.returncode == 0:
        names = {os.fsdecode(n) for n in listed.stdout.split(b"\0") if n}
    else:                              # not a checkout: an unpacked archive
        names = {str(path.relative_to(CHECKOUT)) for top in present
                 for path in [CHECKOUT / top, *(CHECKOUT / top).rglob("*")]}
    return sorted(n for n in names - NOT_BUILT if _is_file(CHECKOUT / n))


def _is_file(path):
    return path.is_symlink() or path.is_file()


def _read(name):
    """A file's content and mode; a symbolic link's target and None."""
    path = CHECKOUT / name
    if path.is_symlink():
        return os.fsencode(os.readlink(path)), None
    return path.read_bytes(), 0o755 if os.access(path, os.X_OK) else 0o644


def _update(path, content, mode):
    """Written only if it differs: its time says when."""
    if mode is None:
        target = os.fsdecode(content)
        if not path.is_symlink() or os.readlink(path) != target:
            path.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(target)
        return
    if path.is_symlink() or not path.exists() or path.read_bytes() != content:
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    path.chmod(mode)


def external(kernel, symvers, folder, words):
    """Run make for an external module in its own directory; make's status.

    symvers are peerbuf's symbols for that kernel, or None.
    """
    folder = Path(folder).resolve()
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such directory")
    if not any((folder / n).exists() for n in ("Kbuild", "Makefile")):
        raise UsageError(f"{folder}: has neither a Kbuild nor a Makefile")
    headers = [name for name in ("include", "include/uapi")
               if (CHECKOUT / name).is_dir()]
    # -C and not M='s -I: a module's own flags come later and win.
    make = [*kernel.make(), "M=/mnt/module",
            "KCFLAGS=" + " ".join(f"-I/mnt/peerbuf/{h}" for h in headers)]
    binds = kernel.binds() + [(folder, "/mnt/module")]
    if headers:
        binds.append((CHECKOUT / "include", "/mnt/peerbuf/include"))
    if symvers and symvers.exists():
        binds.append((symvers.parent, "/mnt/symbols"))
        make.append("KBUILD_EXTRA_SYMBOLS=/mnt/symbols/peerbuf.symvers")
    return _stream(kernel.image.root, binds, make + list(words or ["modules"]),
                   {b"/mnt/module": os.fsencode(folder),
                    b"/mnt/peerbuf": os.fsencode(CHECKOUT)})


def program(layer, words):
    """Run the compiler for a kernel's guests in the current directory; its status."""
    kernel = layer.kernel
    compile_ = ["sh", "-c", 'cd /mnt/work; exec "$@"', "sh", f"{kernel.cross_prefix}gcc",
                "-I/mnt/library/usr/include", "-I/mnt/library/usr/include/peerbuf",
                f"-L/mnt/library/usr/{kernel.arch.libdir}", *words]
    return _stream(kernel.image.root,
                   [(Path.cwd(), "/mnt/work"), (layer.library, "/mnt/library")], compile_,
                   {b"/mnt/work": os.fsencode(Path.cwd()),
                    b"/mnt/library": os.fsencode(layer.library)})


def _stream(root, binds, make, names):
    """Run it, showing what it says with the host's names for directories."""
    with subprocess.Popen(chroot.command(root, binds, make),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as process:
        for line in process.stdout:
            for inside, outside in names.items():
                line = line.replace(inside, outside)
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
    return process.returncode
