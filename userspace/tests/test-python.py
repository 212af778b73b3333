#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The Python binding without a device: text, errors, and who closes what.  tests/guest tests
real devices.  Usage: test-python.py _abi.py PACKAGE; the dynamic linker must find the
library."""

import ctypes
import errno
import gc
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

# A domain that no machine has.
NOWHERE = "fffffff0:ff:1f.7"


def is_open(descriptor):
    """Is the descriptor open?"""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


class Words(unittest.TestCase):
    """Addresses and sizes."""

    def test_addresses_are_read_and_written(self):
        number = peerbuf.parse_address("1:2.3")
        self.assertEqual(peerbuf.format_address(number), "0000:01:02.3")
        self.assertEqual(peerbuf.parse_address(number), number)
        self.assertEqual(peerbuf.format_address(peerbuf.PEERBUF_PCI_NONE), "-")

    def test_a_wrong_address_says_what_is_wrong(self):
        with self.assertRaises(peerbuf.Error) as raised:
            peerbuf.parse_address("no address")
        self.assertEqual(raised.exception.errno, errno.EINVAL)
        with self.assertRaises(OSError) as raised:
            peerbuf.parse_address("0000:00:20.0")
        self.assertEqual(raised.exception.errno, errno.ERANGE)

    def test_sizes_are_read_and_written(self):
        self.assertEqual(peerbuf.parse_size("64K"), 65536)
        self.assertEqual(peerbuf.parse_size(7), 7)
        self.assertEqual(peerbuf.format_size(1 << 20), "1M")


class Errors(unittest.TestCase):
    """Exceptions with the reasons of the kernel and of the library."""

    def test_no_node(self):
        with self.assertRaises(peerbuf.Error) as raised:
            peerbuf.Node(NOWHERE)
        self.assertEqual(raised.exception.errno, errno.ENOENT)

    def test_reason_range_and_advice_are_told(self):
        detail = abi().peerbuf_error(
            reason=peerbuf.PEERBUF_REASON_UNALIGNED, range=3,
            missing=peerbuf.PEERBUF_PCI_NONE)
        error = peerbuf.Error(-errno.EINVAL, detail)
        self.assertEqual((error.errno, error.reason, error.range, error.missing),
                         (errno.EINVAL, "UNALIGNED", 3, None))
        self.assertIn("page aligned", str(error))

    def test_what_is_no_node_is_refused(self):
        descriptor = os.open("/dev/null", os.O_RDWR)
        node = peerbuf.Node.__new__(peerbuf.Node)
        node._descriptor = descriptor  # pylint: disable=protected-access
        for call in (node.info, node.exports, node.probe, lambda: node.export_bar(0),
                     lambda: node.select_events(["REVOKE", "MOVE"]),
                     lambda: node.revoke(1, 0), lambda: node.move(1, [peerbuf.system("4K")]),
                     lambda: node.export([peerbuf.system("4K")], max_segment="4K")):
            with self.assertRaises(peerbuf.Error) as raised:
                call()
            self.assertEqual(raised.exception.errno, errno.ENOTTY)
        with self.assertRaises(peerbuf.Error) as raised:
            node.export([peerbuf.system("4K")] * (peerbuf.PEERBUF_MAX_RANGES + 1))
        self.assertEqual(raised.exception.reason, "TOO_MANY_RANGES")
        node.close()

    def test_memory_is_looked_up_by_what_is_a_control(self):
        control = peerbuf.Control.__new__(peerbuf.Control)
        control._descriptor = os.open("/dev/null", os.O_RDWR)  # pylint: disable=protected-access
        memory = bytearray(4096)
        for call in (lambda: control.lookup(memory), lambda: control.lookup(4096, "4K"),
                     lambda: control.lookup_one(memory, 7)):
            with self.assertRaises(peerbuf.Error) as raised:
                call()
            self.assertEqual(raised.exception.errno, errno.ENOTTY)
        with self.assertRaises(TypeError):
            control.lookup(b"of nobody to write to")
        control.close()

    def test_there_is_no_such_call(self):
        with self.assertRaises(AttributeError):
            peerbuf.lib.peerbuf_nothing()


class Ownership(unittest.TestCase):
    """Descriptors are closed exactly once, and mappings work on their own."""

    def test_with_closes(self):
        descriptor = os.open("/dev/null", os.O_RDWR)
        with peerbuf.Buffer(descriptor) as buffer:
            self.assertEqual(buffer.fileno(), descriptor)
        self.assertFalse(is_open(descriptor))
        other = os.open("/dev/null", os.O_RDWR)
        buffer.close()
        self.assertTrue(is_open(other))
        os.close(other)
        with self.assertRaises(ValueError):
            buffer.fileno()

    def test_the_last_reference_closes(self):
        descriptor = os.open("/dev/null", os.O_RDWR)
        buffer = peerbuf.Buffer(descriptor)
        del buffer
        gc.collect()
        self.assertFalse(is_open(descriptor))

    def test_a_mapping_shows_the_bytes(self):
        descriptor = os.memfd_create("buffer")
        os.ftruncate(descriptor, 8192)
        with peerbuf.Buffer(descriptor) as buffer:
            with buffer.map("4K", offset="4K") as bytes_:
                bytes_[0:4] = b"word"
            self.assertEqual(os.pread(descriptor, 4, 4096), b"word")


class Structures(unittest.TestCase):
    """As dictionaries."""

    def test_memory_is_an_address_and_a_length(self):
        memory = bytearray(64)
        address, length = files()._memory(memory, None)
        ctypes.memset(address, ord("x"), length)
        self.assertEqual(memory, b"x" * 64)
        self.assertEqual(files()._memory(memory, "1K")[1], 1024)
        self.assertEqual(files()._memory(4096, 5), (4096, 5))

    def test_fields_are_plain(self):
        info = abi().peerbuf_export_info(id=7, comm=b"x\xff", last_refusal_addr=8)
        found = library().plain(info)
        self.assertEqual((found["id"], found["comm"], found["last_refusal_addr"]),
                         (7, "x\ufffd", "0000:00:01.0"))
        self.assertEqual(found["last_refusal_route"]["type"], 0)

    def test_every_call_of_the_table_exists(self):
        for name in abi().CALLS:
            self.assertTrue(callable(getattr(peerbuf.lib, name)))
        self.assertGreater(len(abi().CALLS), 40)

    def test_structures_of_a_range(self):
        ranges, count = files()._ranges([peerbuf.Range(2, "1M", "64K"),
                                         peerbuf.system(4096)])
        self.assertEqual(count, 2)
        self.assertEqual((ranges[0].bar, ranges[0].offset, ranges[0].flags), (2, 1 << 20, 0))
        self.assertEqual(ranges[1].flags, peerbuf.PEERBUF_RANGE_F_SYSTEM)
        self.assertEqual(ctypes.sizeof(ranges), 2 * ctypes.sizeof(ranges[0]))


class Program(unittest.TestCase):
    """python3 -m peerbuf."""

    def run_it(self, *arguments):
        return subprocess.run([sys.executable, "-m", "peerbuf", *arguments], check=False,
                              env=dict(os.environ, PYTHONPATH=sys.path[0]),
                              capture_output=True, text=True)

    def test_help(self):
        done = self.run_it("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("exports", done.stdout)

    def test_a_failure_is_one_line_and_a_status(self):
        done = self.run_it("exports", NOWHERE)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertEqual(self.run_it("nonsense").returncode, 2)


def abi():
    """Returns the module made from the headers."""
    return sys.modules["peerbuf._abi"]


def library():
    """Returns the module that makes the calls."""
    return sys.modules["peerbuf.library"]


def files():
    """Returns the module with the classes that own descriptors."""
    return sys.modules["peerbuf.files"]


if __name__ == "__main__":
    made, package = map(Path, sys.argv[1:3])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "peerbuf").mkdir()
        for source in [made, *package.glob("*.py")]:
            (Path(folder) / "peerbuf" / source.name).symlink_to(source.resolve())
        sys.path.insert(0, folder)
        import peerbuf  # pylint: disable=import-error
        unittest.main(argv=sys.argv[:1])
