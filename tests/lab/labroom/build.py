# SPDX-License-Identifier: GPL-2.0
"""Builds: peerbuf for one kernel, and external modules against it.

peerbuf's result is a layer: a directory the guest stacks over the Debian tree,
holding the modules, the library, the tools and the tests.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import cache, chroot, compiler
from .errors import LabError, UsageError

CHECKOUT = Path(__file__).resolve().parents[3]

# What goes into a layer, and so into its key.
SOURCES = ["Kbuild", "drivers", "include", "compat", "userspace",
           "tests/drivers", "tests/guest", "tests/igt", "tests/demo"]
# In there, but read by tests/run alone.
NOT_BUILT = {"tests/guest/suites", "tests/guest/skips"}
RECIPE = 1

_MODULES = r"""
build=$1 release=$2 jobs=$3
make "$jobs" -C "$build" M=/mnt/src CONFIG_PEERBUF_TESTS=y CC="$CC" modules
updates=/mnt/out/layer/usr/lib/modules/$release/updates
mkdir -p "$updates"
find /mnt/src -name '*.ko' -exec cp -t "$updates" {} +
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

_USERSPACE = r"""
jobs=$1 libdir=$2 options=$3
cd /mnt/src
prefix="--prefix=/usr --libdir=$libdir --libexecdir=libexec
        --buildtype=debugoptimized"
meson setup $prefix $options /tmp/userspace userspace
ninja "$jobs" -C /tmp/userspace
DESTDIR=/mnt/out/layer meson install -C /tmp/userspace --no-rebuild
"""

# The tests find the library just installed: its .pc files, moved to where it
# is now (a sysroot would move every other library's as well).
_TESTS = r"""
jobs=$1 libdir=$2
cd /mnt/src
mkdir /tmp/pc
for pc in /mnt/out/layer/usr/lib/*/pkgconfig/*.pc; do
    [ -e "$pc" ] || continue
    sed 's,^prefix=.*,prefix=/mnt/out/layer/usr,' "$pc" > "/tmp/pc/${pc##*/}"
done
export PKG_CONFIG_PATH=/tmp/pc
meson setup --prefix=/usr --libdir="$libdir" --libexecdir=libexec \
    --buildtype=debugoptimized /tmp/tests tests/guest
ninja "$jobs" -C /tmp/tests
DESTDIR=/mnt/out/layer meson install -C /tmp/tests --no-rebuild
"""


class Layer:
    """peerbuf, built for one kernel."""

    def __init__(self, kernel, bare=False, verbose=False):
        self.kernel = kernel
        self._verbose = verbose
        # Read once: what is built is what the key was made of, even if
        # somebody is editing right now.
        self._files = {} if bare else {n: _read(n) for n in source_files()}
        key = cache.digest(RECIPE, kernel.key, Path(__file__).read_bytes(),
                           [part for name, (content, mode)
                            in self._files.items()
                            for part in (name, content, mode)])
        self.path = cache.obtain("layers", f"{kernel.name}-{key}", self._make)
        cache.prune("layers", f"{kernel.name}-", keep=6)

    @property
    def root(self):
        """What the guest sees stacked over its tree."""
        return self.path / "layer"

    @property
    def symvers(self):
        """The symbols peerbuf's modules export."""
        return (self.root / "usr/lib/modules" / self.kernel.release
                / "peerbuf.symvers")

    def modules(self):
        """The modules a guest must load, in order."""
        if not (self.path / "has-modules").exists():
            return []
        return ["p2p", "peerbuf"]

    def _make(self, partial):
        cache.note(f"building peerbuf for {self.kernel.name}")
        source = partial / "src"
        for name, (content, mode) in self._files.items():
            _write(source / name, content, mode)
        updates = (partial / "layer/usr/lib/modules" / self.kernel.release
                   / "updates")
        updates.mkdir(parents=True)
        if "Kbuild" in self._files:
            self._script(partial, _MODULES, self.kernel.build_dir,
                         self.kernel.release, chroot.jobs())
            (partial / "has-modules").touch()
        self._depmod(partial)
        if "userspace/meson.build" in self._files:
            self._script(partial, _USERSPACE, chroot.jobs(),
                         self.kernel.arch.libdir, self._meson_options())
        if "tests/guest/meson.build" in self._files:
            self._script(partial, _TESTS, chroot.jobs(),
                         self.kernel.arch.libdir)
        shutil.rmtree(source, ignore_errors=True)

    def _script(self, partial, text, *args):
        binds = [*self.kernel.binds(), (partial, "/mnt/out"),
                 *compiler.binds()]
        text = f"CC='{compiler.PROGRAM} {self.kernel.compiler}'; export CC\n" + text
        if (partial / "src").exists():
            binds.append((partial / "src", "/mnt/src"))
        chroot.script(self.kernel.image.root, binds, text, *args,
                      verbose=self._verbose,
                      what=f"building peerbuf for {self.kernel.name}")

    def _depmod(self, partial):
        binds = [(partial, "/mnt/out"), (self.kernel.modules, "/mnt/modules")]
        chroot.script(self.kernel.image.root, binds, _DEPMOD,
                      self.kernel.release, verbose=self._verbose,
                      what="depmod")

    def _meson_options(self):
        """-Dtests=true, if the project knows such an option."""
        for name in ("meson.options", "meson_options.txt"):
            content, _ = self._files.get("userspace/" + name, (b"", None))
            if b"'tests'" in content:
                return "-Dtests=true"
        return ""


def source_files():
    """The project's files that make a layer: tracked, or new, not ignored."""
    present = [name for name in SOURCES if (CHECKOUT / name).exists()]
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


def _write(path, content, mode):
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode is None:
        path.symlink_to(os.fsdecode(content))
        return
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
