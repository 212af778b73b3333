#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The readers of the headers: they understand the headers' style, and refuse anything else."""

import os
import re
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../generate"))

import bindings  # noqa: E402  pylint: disable=wrong-import-position
import header    # noqa: E402  pylint: disable=wrong-import-position
import manuals   # noqa: E402  pylint: disable=wrong-import-position

GOOD = """
#define LIMIT	(1U << 4)
#define ANY	(~0U)
#define NONE	(~(__u64)0)
#define TWICE	(LIMIT | 1)
#define MAKE(a)	((a) + 1)
#define NUMBER	_IOWR(1, 2)

enum kind {
	FIRST = 3, /* one */
	SECOND,
};

/**
 * struct thing - it
 * @name: text
 */
struct thing {
	__u32 size; /* of it */
	char name[LIMIT];
	__u64 rest[];
};

/**
 * do_it() - do a thing
 * @thing: what, see do_it()
 * @count: how often,
 *	at most LIMIT
 *
 * More of it. And "(more)".
 *
 * Return: 0; -EINVAL it is none; or -errno as PEERBUF_IOC_DO.
 */
int do_it(const struct thing *thing,
	  size_t count);
"""
IOCTL = """
/**
 * struct peerbuf_ioc_do - PEERBUF_IOC_DO: do it
 * @size: of it
 *
 * errno: ENOENT, ESRCH no such thing; or two; EIO it broke.
 */
struct peerbuf_ioc_do {
	__u32 size;
};
"""


def read(text):
    """Reads a header with that text."""
    with tempfile.NamedTemporaryFile("w", suffix=".h") as file:
        file.write(text)
        file.flush()
        return header.Header(file.name)


class Reading(unittest.TestCase):
    """header.py."""

    def test_constants(self):
        self.assertEqual(read(GOOD).constants,
                         {"LIMIT": 16, "ANY": 0xffffffff, "NONE": 2**64 - 1, "TWICE": 17,
                          "FIRST": 3, "SECOND": 4})

    def test_structures(self):
        thing, = read(GOOD).structs
        self.assertEqual(thing.fields, [("__u32", "size", None), ("char", "name", "LIMIT"),
                                        ("__u64", "rest", "")])

    def test_calls(self):
        call, = read(GOOD).calls
        self.assertEqual(call.arguments, [("const struct thing *", "thing"),
                                          ("size_t", "count")])
        self.assertEqual(call.doc.parameters["count"], "how often, at most LIMIT")

    def test_a_comment_that_misses_a_parameter_is_refused(self):
        with self.assertRaises(header.StyleError):
            read(GOOD.replace(" * @count: how often,\n *	at most LIMIT\n", ""))

    def test_a_call_without_comment_is_refused(self):
        with self.assertRaises(header.StyleError):
            read("int do_it(void);\n")

    def test_a_field_of_another_style_is_refused(self):
        with self.assertRaises(header.StyleError):
            read("struct x {\n\tint (*call)(int);\n};\n")


class Writing(unittest.TestCase):
    """manuals.py and bindings.py."""

    def page(self):
        """The one page of GOOD."""
        found = read(GOOD)
        errors = manuals.ioctl_errors(read(IOCTL).docs)
        calls = {call.name: call for call in found.calls}
        return manuals.page(found.calls[0], "it.h", calls, "May 1, 2026", errors)

    def test_a_page_has_all_there_is(self):
        page = self.page()
        for line in (".Nd do a thing", '.Fa "const struct thing *thing"', ".Xr do_it 3",
                     ".Er -EINVAL", ".Dv PEERBUF_IOC_DO .", ".It Bq Er ENOENT , ESRCH",
                     "No such thing; or two.", 'And "(more)".'):
            self.assertIn(line, page.splitlines())

    def test_a_structure_as_python(self):
        found = read(GOOD)
        self.assertEqual(bindings.structure(found.structs[0], found.constants).split("\n")[2:],
                         ["class thing(Structure):", "    _fields_ = [",
                          '        ("size", c_uint32),', '        ("name", c_char * 16),',
                          "    ]"])

    def test_pointers(self):
        self.assertEqual(bindings.argument("const struct thing **"),
                         "POINTER(POINTER(thing))")
        self.assertEqual(bindings.argument("const char *"), "c_char_p")


USERSPACE = Path(__file__).resolve().parents[1]
# Calls of peerbuf.h that have another way in the language, or none that makes sense.
PYTHONS_OWN = {
    "peerbuf_close", "peerbuf_mmap", "peerbuf_munmap",      # os, mmap
    "peerbuf_open", "peerbuf_export", "peerbuf_lend", "peerbuf_move", "peerbuf_restore",
    "peerbuf_error_format", "peerbuf_range_parse",        # more general calls; objects
    "peerbuf_file_prepare_read", "peerbuf_file_prepare_write",   # entries of C's io_uring
}
CPLUSPLUS_OWN = {
    "peerbuf_move", "peerbuf_restore", "peerbuf_range_parse",
    "peerbuf_reason_text", "peerbuf_route_name",          # words are called as in C
    "peerbuf_size_format", "peerbuf_size_parse",
    "peerbuf_file_prepare_read", "peerbuf_file_prepare_write",
}


def words_of(*paths):
    """All words in these files."""
    return set(re.findall(r"\w+", "\n".join(path.read_text() for path in paths)))


class Languages(unittest.TestCase):
    """A call that is new in the header is new everywhere."""

    def setUp(self):
        found = header.Header(str(USERSPACE / "include/peerbuf.h"))
        self.calls = {call.name for call in found.calls}
        self.assertGreater(len(self.calls), 40)

    def test_python_knows_every_call(self):
        self.assertEqual(self.calls - words_of(*(USERSPACE / "python/peerbuf").glob("*.py")),
                         PYTHONS_OWN)

    def test_cplusplus_knows_every_call(self):
        self.assertEqual(self.calls - words_of(USERSPACE / "include/peerbuf.hpp"),
                         CPLUSPLUS_OWN)

    def test_packages_name_every_symbol(self):
        for library, versions in (("libpeerbuf", "lib/libpeerbuf.map"),
                                  ("libpeerbuf-verbs", "rdma/libpeerbuf-verbs.map")):
            exported = re.findall(r"^\t(\w+);", (USERSPACE / versions).read_text(), re.M)
            listed = (USERSPACE / f"../packaging/debian/{library}0.symbols").read_text()
            self.assertEqual(sorted(exported), re.findall(r"^ (peerbuf_\w+)@", listed, re.M))


if __name__ == "__main__":
    unittest.main()
