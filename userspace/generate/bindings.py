#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The structures, constants and calls of the library for Python's ctypes, from its headers.

    bindings.py UAPI... -- HEADER...            the module _abi.py, on stdout
    bindings.py --check UAPI... -- HEADER...    C that compiles if the module is right
"""

import sys
from ctypes import sizeof

import header

SIMPLE = {
    "__u8": "c_uint8", "__u16": "c_uint16", "__u32": "c_uint32", "__u64": "c_uint64",
    "__s32": "c_int32", "uint16_t": "c_uint16", "uint32_t": "c_uint32",
    "int32_t": "c_int32", "uint64_t": "c_uint64", "size_t": "c_size_t",
    "ssize_t": "c_ssize_t", "int": "c_int", "unsigned int": "c_uint", "char": "c_char",
}
POINTERS = {"char *": "c_char_p", "void *": "c_void_p", "void **": "POINTER(c_void_p)"}
# From <linux/vfio.h>; the VFIO calls use it unchanged.
FOREIGN = """

class vfio_region_dma_range(Structure):
    _fields_ = [
        ("offset", c_uint64),
        ("length", c_uint64),
    ]
"""
START = '''\
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Structures, constants and calls of libpeerbuf, made of its headers."""
# pylint: disable=invalid-name,too-few-public-methods,missing-class-docstring

from ctypes import (POINTER, Structure, c_char, c_char_p, c_int, c_int32, c_size_t,
                    c_ssize_t, c_uint, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p)
'''


def structure(found, constants):
    """A structure, as a class."""
    lines = ["", "", f"class {found.name}(Structure):", "    _fields_ = ["]
    for kind, name, length in found.fields:
        if length == "":               # a flexible array adds no bytes
            continue
        text = SIMPLE.get(kind) or kind.removeprefix("struct ")
        if length:
            text += f" * {constants.get(length, length)}"
        lines.append(f'        ("{name}", {text}),')
    return "\n".join(lines + ["    ]"])


def argument(kind):
    """The type of an argument or a result."""
    kind = kind.removeprefix("const ")
    if kind in SIMPLE:
        return SIMPLE[kind]
    if kind in POINTERS:
        return POINTERS[kind]
    base = kind.rstrip("*").strip()
    inner = SIMPLE.get(base) or base.removeprefix("struct ")
    for _ in range(kind.count("*")):
        inner = f"POINTER({inner})"
    return inner


def module(uapi, headers):
    """The text of _abi.py."""
    every = uapi + headers
    constants = {name: value for found in every for name, value in
                 found.constants.items() if name.startswith("PEERBUF_")}
    out = [START]
    out += [f"{name} = {value!r}" for name, value in constants.items()]
    structs = [s for found in every for s in found.structs]
    for found in structs:
        if found.name.startswith("peerbuf_"):
            out.append(structure(found, constants))
    out.append(FOREIGN)
    out += ["", "# name: (what it returns, its arguments)", "CALLS = {"]
    for call in (call for found in headers for call in found.calls):
        kinds = ", ".join(argument(kind) for kind, _ in call.arguments)
        out.append(f'    "{call.name}": ({argument(call.type)}, [{kinds}]),')
    return "\n".join(out + ["}"]) + "\n"


def check(text):
    """Returns C code that compiles if every field's place and every constant is right."""
    names = {}
    exec(compile(text, "_abi.py", "exec"), names)  # pylint: disable=exec-used
    print("#include <stddef.h>", "#include <peerbuf.h>", "#include <peerbuf_vfio.h>", sep="\n")
    for name, value in names.items():
        if hasattr(value, "_fields_"):
            print(f"_Static_assert(sizeof(struct {name}) == {sizeof(value)}, \"{name}\");")
            for entry in value._fields_:
                place = getattr(value, entry[0])
                print(f"_Static_assert(offsetof(struct {name}, {entry[0]}) == {place.offset} &&",
                      f"sizeof(((struct {name} *)0)->{entry[0]}) == {place.size},",
                      f"\"{name}.{entry[0]}\");")
        elif name.startswith("PEERBUF_") and isinstance(value, int):
            print(f"_Static_assert((unsigned long long)({name}) == {value}ULL, \"{name}\");")
        elif name.startswith("PEERBUF_"):
            print(f"_Static_assert(sizeof({name}) == {len(value) + 1}, \"{name}\");")


def main(arguments):
    """Does what the command line says."""
    checking = arguments[0] == "--check"
    if checking:
        arguments = arguments[1:]
    split = arguments.index("--")
    text = module([header.Header(path) for path in arguments[:split]],
                  [header.Header(path) for path in arguments[split + 1:]])
    if checking:
        check(text)
    else:
        print(text, end="")


if __name__ == "__main__":
    main(sys.argv[1:])
