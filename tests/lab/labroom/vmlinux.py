# SPDX-License-Identifier: GPL-2.0
"""Vmlinux: a kernel that need not unpack itself in the guest: 6.1's xz takes it four CPU seconds.

What a boot image of x86 holds is an ELF file, compressed.  QEMU loads that as well,
if it says where to enter it (PVH).
"""

import lzma
import struct
import subprocess

from . import cache
from .arch import AMD64
from .errors import LabError

# Where the boot protocol says these are (Documentation/arch/x86/boot.rst).
_SECTORS = 0x1f1
_MAGIC = 0x202
_PAYLOAD = 0x248
# The note XEN_ELFNOTE_PHYS32_ENTRY: the lengths of its name and its data, its type, its name.
_PVH = struct.pack("<III", 4, 8, 18) + b"Xen\0"


def obtain(kernel):
    """The file to boot: unpacked, or as it is if that is not possible."""
    if kernel.arch is not AMD64 or kernel.debug:
        return kernel.vmlinuz
    folder = cache.obtain("vmlinux", f"{kernel.name}-{kernel.key}",
                          lambda partial: _make(kernel.vmlinuz, partial))
    cache.prune("vmlinux", f"{kernel.name}-", keep=1)
    unpacked = folder / "vmlinux"
    return unpacked if unpacked.exists() else kernel.vmlinuz


def _make(vmlinuz, partial):
    content = unpack(vmlinuz.read_bytes())
    if content and _PVH in content:
        (partial / "vmlinux").write_bytes(content)


def unpack(image):
    """The ELF file in a boot image, or None."""
    if image[_MAGIC:_MAGIC + 4] != b"HdrS":
        return None
    start, length = struct.unpack_from("<II", image, _PAYLOAD)
    start += ((image[_SECTORS] or 4) + 1) * 512
    # The last four bytes say how long it is when unpacked.
    packed, (size,) = (image[start:start + length - 4],
                       struct.unpack_from("<I", image, start + length - 4))
    if packed.startswith(b"\xfd7zXZ\0"):
        content = lzma.LZMADecompressor().decompress(packed)
    elif packed.startswith(b"\x28\xb5\x2f\xfd"):
        content = subprocess.run(["zstd", "-dcq"], input=packed, check=True,
                                 stdout=subprocess.PIPE).stdout
    else:
        return None
    if len(content) != size or not content.startswith(b"\x7fELF"):
        raise LabError(f"a kernel of {len(content)} bytes instead of {size}")
    return content
