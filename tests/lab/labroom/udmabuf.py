# SPDX-License-Identifier: GPL-2.0
"""/dev/udmabuf for QEMU, on a host whose kernel has none.

QEMU gives a virtio-gpu blob resources only where it can open /dev/udmabuf.  It
uses it to show a blob on a display without a copy, which no guest of the lab
does: what a blob is made of it reaches through the guest's memory, as ever, and
an ioctl of udmabuf that fails is a warning to it.  So where the host has no
udmabuf, QEMU gets to see an empty file of that name, in a /dev of its own.
"""

import os

_DEVICE = "/dev/udmabuf"

# $1 is an empty directory; the rest is the command.
_ENTER = r"""
set -e
dev=$1; shift
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$dev"
for name in null zero full random urandom; do
    touch "$dev/$name"
    mount --bind "/dev/$name" "$dev/$name"
done
touch "$dev/udmabuf"
mount --rbind "$dev" /dev
exec "$@"
"""


def provide(wanted, folder):
    """The words before QEMU's own, if any: same process, same standard files."""
    if not wanted or os.access(_DEVICE, os.R_OK | os.W_OK):
        return []
    stage = folder / "dev"
    stage.mkdir()
    return ["unshare", "--mount", "sh", "-c", _ENTER, "enter", str(stage)]
