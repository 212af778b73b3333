# SPDX-License-Identifier: GPL-2.0
"""The emulators: Debian 13's QEMU, whatever the host is, and another for blobs.

Debian 12's QEMU 7.2 loses accesses to devices.  When one CPU of a guest changes where
PCI devices decode, the others go on using the numbers of the old memory map until they
have flushed their TLBs: a write then ends in another device, which the guest sees as a
doorbell nobody heard or a timer that never ticks, or in none at all, which is a NULL
pointer in memory_region_dispatch_write().  QEMU 8.2 made that rarer ("softmmu: Use
async_run_on_cpu in tcg_commit"), and 10.0 notices some of it ("iotlb_to_section: Assertion
`section_index < d->map.sections_nb' failed").  It is over with one thread for all CPUs of a
guest: none of them runs while another one changes the map.  They still take turns
anywhere, so that races in the guest remain races.

Machines whose virtio-gpu shows blobs have Debian 12's all the same.  It shows a blob from
where the guest has it; later ones only show what /dev/udmabuf takes, and that is neither a
file behind a BAR nor, on most hosts, there.  Older kernels make no blobs of what they import,
and have Debian 13's: in virtual time 6.1 does not boot on the other one.

The trees are only unpacked.  A QEMU is started by its own loader, with its own libraries,
so that the host needs no package for it.
"""

from . import cache, host
from .arch import AMD64, HOST

SUITES = {False: "trixie", True: "bookworm"}       # with blobs?
# Raise it when what is made below changes in a way the key does not show.
RECIPE = 1
# Debian 12 has not all below /usr.
_LIBRARIES = ["usr/" + HOST.libdir, HOST.libdir]
_LOADERS = ["usr/lib64/" + HOST.loader, "lib64/" + HOST.loader]


def obtain(blobs=False, arch=AMD64):
    """The words that start QEMU; its tree is made unless the cache has it."""
    suite = SUITES[blobs]
    other = [] if arch is AMD64 else [arch.debian]
    name = "-".join([suite, *other, cache.digest(RECIPE, suite, *other)])
    tree = cache.obtain("emulators", name,
                        lambda partial: _make(suite, arch, partial))
    return _command(tree / "root", arch)


def _make(suite, arch, partial):
    cache.note(f"unpacking the QEMU of Debian {suite}")
    root = partial / "root"
    host.quiet(["mmdebstrap", "--mode=root", "--variant=extract",
                f"--architectures={HOST.debian}",
                "--include=" + ",".join(arch.emulator_packages),
                *("--aptopt=" + option for option in host.apt_options()),
                suite, str(root), *host.sources(suite)])
    host.quiet([*_command(root, arch), "--version"])


def _command(root, arch):
    libraries = [str(root / path) for path in _LIBRARIES]
    loader = next(path for path in _LOADERS if (root / path).exists())
    return ["env", f"QEMU_MODULE_DIR={libraries[0]}/qemu",
            str(root / loader), "--library-path", ":".join(libraries),
            "--argv0", arch.emulator,
            str(root / "usr/bin" / arch.emulator),
            "-L", str(root / "usr/share/qemu"),
            "-L", str(root / "usr/share" / arch.firmware)]
