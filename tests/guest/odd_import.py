#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""An importer for odd-buffer: odd_import.py NODE FD MODE FLAGS ROUNDS has an edu attach, map and
unmap. What fails is no fault of its own, and it goes on."""

import fcntl
import os
import struct
import sys

ATTACH = struct.Struct("=IIiIII")
HANDLE = struct.Struct("=II")


def call(node, number, layout, *values, answers=False):
    """An ioctl of edu_dma, and what it has changed."""
    request = (3 if answers else 1) << 30 | layout.size << 16 | 0xed << 8 | number
    data = bytearray(layout.pack(layout.size, *values))
    fcntl.ioctl(node, request, data)
    return layout.unpack(data)


def main(path, buffer, mode, flags, rounds):
    """Until it has mapped it so often."""
    node = os.open(path, os.O_RDWR)
    handle = call(node, 0, ATTACH, int(mode), int(buffer), int(flags, 0), 0, 0, answers=True)[4]
    failed = 0
    for _ in range(int(rounds)):
        try:
            call(node, 2, HANDLE, handle)
            call(node, 3, HANDLE, handle)
        except OSError:
            failed += 1
    call(node, 1, HANDLE, handle)
    print("failed", failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
