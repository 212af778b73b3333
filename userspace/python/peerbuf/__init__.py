# SPDX-License-Identifier: LGPL-2.1-or-later
"""PCIe BAR memory as dynamic DMA-BUFs: libpeerbuf for Python.

    import peerbuf

    with peerbuf.Node("0000:01:00.0") as node:
        with node.export([peerbuf.Range(2, 0, "64K")]) as buffer:
            bytes = buffer.map("64K")
            node.revoke(buffer.id)

Calls that fail raise peerbuf.Error, an OSError with a reason.  The constants of
<linux/peerbuf.h> are attributes of this module; peerbuf.lib has all calls of the library, with
their C types.
"""

from . import _abi
from .files import Buffer, Control, Event, Node, Piece, Range, system
from .library import (Error, format_address, format_size, lib, parse_address,
                      parse_size)

__all__ = ["Buffer", "Control", "Error", "Event", "Node", "Piece", "Range",
           "format_address", "format_size", "lib", "parse_address", "parse_size", "system"]

for _name, _value in vars(_abi).items():
    if _name.startswith("PEERBUF_"):
        globals()[_name] = _value
        __all__.append(_name)
