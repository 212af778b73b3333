# SPDX-License-Identifier: GPL-2.0
"""The initramfs: a static busybox, a few modules, and the guest's programs."""

from pathlib import Path

from . import cache, chroot

GUEST = Path(__file__).resolve().parent.parent / "guest"
PROGRAMS = ["labrun", "lab-host"]
APPLETS = """sh mount mkdir insmod chroot cp cat echo ln switch_root hostname
sleep dmesg uname test ls""".split()


class Archive:
    """A cpio archive in the format the kernel unpacks ("newc")."""

    def __init__(self):
        self.data = bytearray()
        self.count = 0

    def add(self, name, content=b"", mode=0o100644, rdev=(0, 0)):
        """One entry; its mode says whether it is a file, link or folder."""
        self.count += 1
        raw = name.encode() + b"\0"
        fields = [self.count, mode, 0, 0, 1, 0, len(content), 0, 0,
                  *rdev, len(raw), 0]
        self.data += b"070701" + b"".join(b"%08X" % f for f in fields) + raw
        self._pad()
        self.data += content
        self._pad()

    def folder(self, name):
        """A directory."""
        self.add(name, mode=0o040755)

    def link(self, name, target):
        """A symbolic link."""
        self.add(name, target.encode(), 0o120777)

    def program(self, name, content):
        """An executable file."""
        self.add(name, content, 0o100755)

    def close(self):
        """The whole archive."""
        self.add("TRAILER!!!", mode=0)
        return bytes(self.data)

    def _pad(self):
        self.data += b"\0" * (-len(self.data) % 4)


def obtain(kernel):
    """The file with the part of the initramfs that is the same every time."""
    sources = sorted(p for p in GUEST.rglob("*") if p.is_file())
    key = cache.digest(kernel.key, *[p.read_bytes() for p in sources],
                       Path(__file__).read_bytes())
    folder = cache.obtain("initramfs", f"{kernel.name}-{key}",
                          lambda partial: _make(kernel, partial))
    cache.prune("initramfs", f"{kernel.name}-", keep=3)
    return folder / "initramfs"


_CLOCK = r"""
mkdir /tmp/clock
cp /mnt/guest/clock/* /tmp/clock
"$@" -s M=/tmp/clock modules
cp /tmp/clock/lab_clock.ko /mnt/out
"""


def _make(kernel, partial):
    root = kernel.image.root
    chroot.script(root, [(GUEST, "/mnt/guest"), (partial, "/mnt/out"),
                         *kernel.binds()], _CLOCK, *kernel.make(),
                  what="building the guest's clock guard")
    chroot.script(root, [(GUEST, "/mnt/guest"), (partial, "/mnt/out")],
                  'cd /mnt/guest; cc=$1; shift; for p; do '
                  '$cc -D_GNU_SOURCE -O2 -Wall -Wextra -static '
                  '-o /mnt/out/$p $p.c; done',
                  f"{kernel.cross_prefix}gcc", *PROGRAMS,
                  what="building the guest's programs")
    archive = Archive()
    for name in ("bin", "dev", "proc", "sys", "lab", "modules", "lower", "rw",
                 "newroot"):
        archive.folder(name)
    archive.add("dev/console", mode=0o020600, rdev=(5, 1))
    archive.program("bin/busybox", _busybox(kernel.tree().root).read_bytes())
    for applet in APPLETS:
        archive.link(f"bin/{applet}", "busybox")
    for name in PROGRAMS:
        archive.program(f"lab/{name}", (partial / name).read_bytes())
    archive.add("lab/lab_clock.ko", (partial / "lab_clock.ko").read_bytes())
    archive.program("init", (GUEST / "init").read_bytes())
    names = []
    for name, content in kernel.boot_modules():
        archive.add(f"modules/{name}", content)
        names.append(name)
    archive.add("modules/order", "".join(n + "\n" for n in names).encode())
    (partial / "initramfs").write_bytes(archive.close())


def _busybox(root):
    """Debian 12 has it elsewhere."""
    return next(path for path in (root / "usr/bin/busybox", root / "bin/busybox")
                if path.exists())


def compose(fixed, argv, settings):
    """The fixed part plus this run's own: settings and the command's argv."""
    archive = Archive()
    archive.add("lab/argv", b"".join(a + b"\0" for a in argv))
    lines = [f"{name}='{value}'\n" for name, value in settings.items()]
    archive.add("lab/settings", "".join(lines).encode())
    return fixed.read_bytes() + archive.close()
