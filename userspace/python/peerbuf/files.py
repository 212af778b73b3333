# SPDX-License-Identifier: LGPL-2.1-or-later
"""Objects with a descriptor: nodes, control, and DMA-BUFs.

Each has a fileno(), so that poll, select and asyncio accept it, and is closed at the end of
a `with`.  Closing a node revokes for good what was exported through it, unless it was
exported with PEERBUF_EXPORT_F_PERSIST.
"""

import ctypes
import mmap
import os
from typing import NamedTuple, Optional

from . import _abi
from .library import (Error, ask, check, format_address, lib, parse_address, parse_size,
                      plain)


class File:
    """Owns a descriptor."""

    def __init__(self, descriptor):
        self._descriptor = descriptor

    def fileno(self):
        """The descriptor."""
        if self._descriptor is None:
            raise ValueError("it is closed")
        return self._descriptor

    def close(self):
        """Closes it; a second call does nothing."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        # Without the attribute it was never opened.
        if getattr(self, "_descriptor", None) is not None:
            self.close()


class Range(NamedTuple):
    """A piece of a BAR, of `node`'s function, or of the function of the node that is called.
    Without a BAR it is system memory.  Sizes are bytes, or text like "64K"."""
    bar: Optional[int]
    offset: object
    length: object
    node: Optional["Node"] = None


def system(length):
    """A piece of system memory."""
    return Range(None, 0, length)


class Event(NamedTuple):
    """An event: type is "REVOKE", "MOVE", ...; time in seconds of CLOCK_BOOTTIME; lost: events
    dropped before it; pid and process: the process that caused it, 0 and "" for the kernel."""
    type: str
    id: int
    time: float
    buffer_size: int
    lost: int
    pid: int
    process: str


class Piece(NamedTuple):
    """What some addresses are: kind is "PEERBUF" (an export), "FOREIGN" (another exporter's
    DMA-BUF), "DEVICE", "ORDINARY" or "HOLE".  buffer is None, with a reason why, where none
    was made; offset is that of address in it, parent the id of the export that is mapped."""
    address: int
    length: int
    kind: str
    buffer: Optional["Buffer"]
    offset: int
    parent: int
    writable: bool
    reason: str


KINDS = {value: name.removeprefix("PEERBUF_PIECE_") for name, value in vars(_abi).items()
         if name.startswith("PEERBUF_PIECE_") and not name.startswith("PEERBUF_PIECE_F_")}
EVENTS = {value: name.removeprefix("PEERBUF_EVENT_") for name, value in vars(_abi).items()
          if name.startswith("PEERBUF_EVENT_") and not name.startswith("PEERBUF_EVENT_F_")}


class Buffer(File):
    """A DMA-BUF.  Pass its fileno() to an importer."""

    def __init__(self, descriptor, number=None):
        super().__init__(descriptor)
        self.id = number

    def map(self, length, offset=0, prot=mmap.PROT_READ | mmap.PROT_WRITE):
        """Maps bytes of it, as mmap.mmap.  Access to them after a revoke raises SIGBUS."""
        return mmap.mmap(self.fileno(), parse_size(length), mmap.MAP_SHARED, prot,
                         offset=parse_size(offset))


class _Answering(File):
    """What nodes and control have in common."""

    def revoke(self, number, timeout=None):
        """Withdraws an export.  On return nothing reaches the memory any more; after
        timeout seconds (None: no limit) it raises Error with EINPROGRESS."""
        wait = _abi.PEERBUF_WAIT_FOREVER if timeout is None else int(timeout * 1000)
        ask("peerbuf_revoke", self.fileno(), number, wait)

    def restore(self, number, rights=()):
        """Undoes a revoke, and those of the owners whose nodes are in rights."""
        ask("peerbuf_restore_with", self.fileno(), number, *_rights(rights))

    def probe(self):
        """Returns what the kernel module knows: versions, calls, flags and limits."""
        probe = _abi.peerbuf_ioc_probe()
        ask("peerbuf_probe", self.fileno(), ctypes.byref(probe))
        return plain(probe)

    def query(self, number):
        """Returns an export, as a dictionary of struct peerbuf_export_info."""
        info = _abi.peerbuf_export_info()
        ask("peerbuf_query", self.fileno(), number, ctypes.byref(info))
        return plain(info)

    def query_buffer(self, buffer):
        """Returns the export behind a DMA-BUF."""
        info = _abi.peerbuf_export_info()
        ask("peerbuf_query_fd", self.fileno(), _number(buffer), ctypes.byref(info))
        return plain(info)

    def exports(self):
        """Returns all exports: of the node's function, or on control of all functions."""
        return _array("peerbuf_list", _abi.peerbuf_export_info, self.fileno())

    def importers(self, number):
        """Returns all importers of an export."""
        return _array("peerbuf_attachments", _abi.peerbuf_attachment_info, self.fileno(),
                      number)

    def route(self, provider, client, bar=_abi.PEERBUF_ANY_BAR):
        """Returns how one function reaches another's memory; "not" is an answer, too."""
        route = _abi.peerbuf_route()
        ask("peerbuf_route", self.fileno(), parse_address(provider),
            parse_address(client), bar, ctypes.byref(route))
        return dict(plain(route), type=lib.peerbuf_route_name(route.type).decode(),
                    reason=lib.peerbuf_reason_name(route.reason).decode())


class Node(_Answering):
    """The node of a PCI function, "0000:01:00.0"."""

    def __init__(self, address, flags=os.O_RDWR):
        number = parse_address(address)
        super().__init__(check(lib.peerbuf_open_addr(number, flags)))

    def info(self):
        """Returns a description of its function."""
        info = _abi.peerbuf_ioc_info()
        ask("peerbuf_info", self.fileno(), ctypes.byref(info))
        return plain(info)

    def export(self, ranges, flags=0, open_flags=os.O_RDWR | os.O_CLOEXEC, segment_align=0,
               max_segment=0):
        """Makes a Buffer of Ranges; the last two say how importers' DMA segments are cut."""
        number = ctypes.c_uint64()
        options = _abi.peerbuf_export_options(
            size=ctypes.sizeof(_abi.peerbuf_export_options), flags=flags,
            open_flags=open_flags, segment_align=parse_size(segment_align),
            max_segment=parse_size(max_segment))
        descriptor = ask("peerbuf_export_with", self.fileno(), *_ranges(ranges),
                         ctypes.byref(options), ctypes.byref(number))
        return Buffer(descriptor, number.value)

    def export_bar(self, bar, flags=0, open_flags=os.O_RDWR | os.O_CLOEXEC):
        """Makes a Buffer of one whole BAR."""
        number = ctypes.c_uint64()
        descriptor = ask("peerbuf_export_bar", self.fileno(), bar, flags, open_flags,
                         ctypes.byref(number))
        return Buffer(descriptor, number.value)

    def move(self, number, ranges, flags=0, rights=()):
        """Moves a buffer, with the rights to the functions that it leaves."""
        ask("peerbuf_move_with", self.fileno(), number, *_ranges(ranges), flags,
            *_rights(rights))

    def select_events(self, names):
        """Chooses which events are reported, by their names."""
        numbers = {name: number for number, name in EVENTS.items()}
        ask("peerbuf_events_select", self.fileno(), sum({1 << numbers[n] for n in names}))

    def events(self, most=64):
        """Returns a list of Events since the last call.  Waits for an event unless the node was
        opened with O_NONBLOCK.  Returns [] when the device is gone."""
        room = (_abi.peerbuf_event * most)()
        count = check(lib.peerbuf_events(self.fileno(), room, most))
        return [Event(EVENTS.get(e.type, str(e.type)), e.id, e.time / 1e9, e.buffer_size,
                      e.lost, e.pid, e.comm.decode(errors="replace")) for e in room[:count]]


class Control(_Answering):
    """/dev/peerbuf/control."""

    def __init__(self, flags=os.O_RDONLY):
        super().__init__(check(lib.peerbuf_open_control(flags)))

    def devices(self):
        """Returns the addresses of all functions with a node."""
        return [format_address(number)
                for number in _array("peerbuf_devices", ctypes.c_uint64, self.fileno())]

    def lookup(self, memory, length=None, look=False):
        """The DMA-BUFs behind memory of this process, as a list of Pieces: an address with a
        length, or a mapping that may be written, such as Buffer.map() gives.  What is mapped of
        an export becomes an export of just those pages; with look nothing is made."""
        room = (_abi.peerbuf_piece * _abi.PEERBUF_MAX_PIECES)()
        count = ask("peerbuf_lookup", self.fileno(), *_memory(memory, length),
                    _abi.PEERBUF_LOOKUP_F_LOOK if look else 0, room, len(room))
        return [Piece(p.addr, p.length, KINDS.get(p.kind, str(p.kind)),
                      Buffer(p.fd, p.id or None) if p.fd >= 0 else None, p.offset, p.parent,
                      bool(p.flags & _abi.PEERBUF_PIECE_F_WRITABLE),
                      lib.peerbuf_reason_name(p.reason).decode() if p.reason else "")
                for p in room[:count]]

    def lookup_one(self, memory, length=None):
        """(Buffer, offset): one DMA-BUF of all of that memory, and where the memory begins in
        it.  Error.bad is the address of the first that can be no part of it."""
        offset, bad = ctypes.c_uint64(), ctypes.c_void_p()
        try:
            descriptor = ask("peerbuf_lookup_one", self.fileno(), *_memory(memory, length),
                             ctypes.byref(offset), ctypes.byref(bad))
        except Error as error:
            error.bad = bad.value
            raise
        return Buffer(descriptor), offset.value

    def stats(self):
        """Returns counters since the module was loaded."""
        stats = _abi.peerbuf_ioc_stats()
        ask("peerbuf_stats", self.fileno(), ctypes.byref(stats))
        return plain(stats)

    def lend(self, address, bars=(), ranges=()):
        """Lends BARs of a function that keeps its driver, and of other BARs only the Ranges."""
        ask("peerbuf_lend_ranges", self.fileno(), parse_address(address), _mask(bars),
            *_ranges(ranges))

    def unlend(self, address, bars):
        """Takes lent BARs back."""
        ask("peerbuf_unlend", self.fileno(), parse_address(address), _mask(bars))

    def file_read(self, file, dmabuf, length, file_offset=0, offset=0, flags=0, depth=0):
        """Lets a drive read a file directly into a buffer; returns the result."""
        return self._file("peerbuf_file_read", file, dmabuf, length, file_offset, offset,
                          flags, depth)

    def file_write(self, file, dmabuf, length, file_offset=0, offset=0, flags=0, depth=0):
        """Lets a drive write to a file directly from a buffer; returns the result."""
        return self._file("peerbuf_file_write", file, dmabuf, length, file_offset, offset,
                          flags, depth)

    def _file(self, call, file, dmabuf, length, file_offset, offset, flags, depth):
        io = _abi.peerbuf_ioc_file(file_fd=_number(file), dmabuf_fd=_number(dmabuf),
                                   length=length, file_offset=file_offset,
                                   offset=offset, flags=flags, depth=depth)
        ask(call, self.fileno(), ctypes.byref(io))
        return plain(io)

    def policy(self, address, on=0, off=0):
        """Switches PEERBUF_POLICY_F_* on and off; returns those that are on afterwards."""
        policy = ctypes.c_uint32()
        ask("peerbuf_policy", self.fileno(), parse_address(address), on, off,
            ctypes.byref(policy))
        return policy.value


def _memory(memory, length):
    """(address, bytes) of either."""
    if isinstance(memory, int):
        return memory, parse_size(length)
    first = ctypes.c_char.from_buffer(memory)
    return ctypes.addressof(first), len(memory) if length is None else parse_size(length)


def _mask(bars):
    return sum({1 << bar for bar in bars})


def _number(file):
    return file if isinstance(file, int) else file.fileno()


def _ranges(ranges):
    """Returns (array of struct peerbuf_range, its length)."""
    array = (_abi.peerbuf_range * len(ranges))()
    for entry, wanted in zip(array, ranges):
        entry.offset, entry.length = parse_size(wanted.offset), parse_size(wanted.length)
        if wanted.bar is None:
            entry.flags = _abi.PEERBUF_RANGE_F_SYSTEM
        else:
            entry.bar = wanted.bar
        if wanted.node is not None:
            entry.flags |= _abi.PEERBUF_RANGE_F_DEVICE_FD
            entry.device_fd = _number(wanted.node)
    return array, len(ranges)


def _rights(nodes):
    """Returns (array of descriptors, its length)."""
    return (ctypes.c_int * len(nodes))(*map(_number, nodes)), len(nodes)


_free = ctypes.CDLL(None).free
_free.argtypes = [ctypes.c_void_p]


def _array(name, kind, *arguments):
    """Returns the array that a call allocates, as a list."""
    entries, count = ctypes.POINTER(kind)(), ctypes.c_size_t()
    ask(name, *arguments, ctypes.byref(entries), ctypes.byref(count))
    try:
        return [plain(entries[n]) for n in range(count.value)]
    finally:
        _free(entries)
