# SPDX-License-Identifier: LGPL-2.1-or-later
"""The C library: its calls with their types, and its errors as exceptions."""

import ctypes
import os

from . import _abi

NAME = "libpeerbuf.so.0"


class Library:
    """libpeerbuf, found as any shared library.  Each call is an attribute."""

    def __init__(self):
        self._library = ctypes.CDLL(NAME)

    def __getattr__(self, name):
        kind, arguments = _abi.CALLS.get(name, (None, None))
        if kind is None:
            raise AttributeError(f"libpeerbuf has no {name}()")
        call = getattr(self._library, name)
        call.restype, call.argtypes = kind, arguments
        setattr(self, name, call)
        return call


lib = Library()


class Error(OSError):
    """Why a call failed.

    errno is positive, as usual.  reason is the reason's name ("UNALIGNED"), "" if the kernel gave
    none; range is the index of the refused range, or None; blockers the number of importers that a
    revoke still waits for; missing the address of a function whose right is missing, or
    None; advice what a person can do; bad the address that a lookup stumbled over, or None.
    """

    def __init__(self, number, detail=None):
        super().__init__(-number, os.strerror(-number))
        self.reason, self.advice = "", ""
        self.range = self.missing = self.bad = None
        self.blockers = 0
        if detail is not None and detail.reason:
            self._tell(detail)

    def _tell(self, detail):
        self.reason = lib.peerbuf_reason_name(detail.reason).decode()
        self.advice = lib.peerbuf_reason_advice(detail.reason).decode()
        self.strerror = lib.peerbuf_reason_text(detail.reason).decode()
        self.blockers = detail.blockers
        if detail.range != _abi.PEERBUF_NO_RANGE:
            self.range = detail.range
        if detail.missing != _abi.PEERBUF_PCI_NONE:
            self.missing = format_address(detail.missing)


def check(result, detail=None):
    """Returns a call's result, or raises Error if it is a negative errno."""
    if result < 0:
        raise Error(result, detail)
    return result


def ask(name, *arguments):
    """Makes a call whose last argument is a struct peerbuf_error."""
    detail = _abi.peerbuf_error()
    return check(getattr(lib, name)(*arguments, ctypes.byref(detail)), detail)


# Fields that are PCI addresses.
ADDRESSES = {"addr", "last_refusal_addr", "decider"}


def plain(value, name=None):
    """Returns a structure as a dictionary, without sizes and reserved fields; addresses as text."""
    if isinstance(value, ctypes.Structure):
        return {name: plain(getattr(value, name), name) for name, *_ in value._fields_
                if name not in ("size", "reserved")}
    if name in ADDRESSES:
        return format_address(value)
    if isinstance(value, ctypes.Array):
        return [plain(entry) for entry in value]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value


def format_address(number):
    """Returns the text of a PCI address, "0000:01:00.0", or "-" for none."""
    room = ctypes.create_string_buffer(_abi.PEERBUF_ADDR_LEN)
    check(lib.peerbuf_addr_format(number, room, len(room)))
    return room.value.decode()


def parse_address(text):
    """Returns the number of a PCI address; a number is returned as it is."""
    if isinstance(text, int):
        return text
    number = ctypes.c_uint64()
    check(lib.peerbuf_addr_parse(text.encode(), ctypes.byref(number)))
    return number.value


def parse_size(text):
    """Returns the bytes of "64K"; a number is returned as it is."""
    if isinstance(text, int):
        return text
    number = ctypes.c_uint64()
    check(lib.peerbuf_size_parse(text.encode(), ctypes.byref(number)))
    return number.value


def format_size(number):
    """Returns the shortest text that parse_size() reads back."""
    room = ctypes.create_string_buffer(_abi.PEERBUF_SIZE_LEN)
    check(lib.peerbuf_size_format(number, room, len(room)))
    return room.value.decode()
