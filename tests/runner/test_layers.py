#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""scripts/layers complains about what it is there for, and about nothing else."""

import contextlib
import importlib.util
import io
import sys
import tempfile
import unittest
from importlib.machinery import SourceFileLoader
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parent.parent.parent
LOADER = SourceFileLoader("layers", str(TOP / "scripts/layers"))
layers = importlib.util.module_from_spec(importlib.util.spec_from_loader("layers", LOADER))
LOADER.exec_module(layers)

GOOD = {
    "node/call.c": """
#include "ops/map.h"
#include "core/buffer.h"

/* free_it() is not called from below, whatever a comment says. */
int call(int nr)
{
	return nr ? map(nr) : take();
}
""",
    "ops/map.h": "int map(int nr);\n",
    "ops/map.c": """
#include "ops/map.h"
#include "core/buffer.h"

static int helper(int nr)
{
	return nr;
}

int map(int nr)
{
	return helper(nr) + take() + limit();
}
""",
    "core/buffer.h": """
int take(void);
int call(int nr);

static inline int limit(void)
{
	return 1;
}
""",
    "core/buffer.c": """
#include "core/buffer.h"
#include "core/list.h"

static int helper(int nr)
{
	return nr;
}

int take(void)
{
	pr_info("no call()");
	return helper(find());
}
""",
    "core/list.h": "int find(void);\n",
    "core/list.c": """
int find(void)
{
	return 2;
}
""",
    "core/trace.h": """
TRACE_EVENT(call,
	TP_PROTO(int nr));
DEFINE_EVENT(call, map,
	TP_PROTO(int nr));
""",
}


class LayersTest(unittest.TestCase):
    """A tree of a few files, and what is said about it."""

    def says(self, changes=None, forward=None):
        """What is complained of in GOOD with these files changed."""
        with tempfile.TemporaryDirectory() as room:
            for name, text in {**GOOD, **(changes or {})}.items():
                path = Path(room, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            printed = io.StringIO()
            with mock.patch.object(layers, "FORWARD", forward or {}), \
                    mock.patch.object(sys, "argv", ["layers", room]), \
                    contextlib.redirect_stdout(printed):
                status = layers.main()
        self.assertEqual(status, 1 if printed.getvalue() else 0)
        return printed.getvalue()

    def test_calls_that_go_down_are_good(self):
        """Comments, strings, declarations, static names and events are no calls."""
        self.assertEqual(self.says(), "")

    def test_a_call_upwards(self):
        """From core/ into ops/."""
        said = self.says({"core/list.c": "int find(void)\n{\n\treturn map(2);\n}\n"})
        self.assertIn("core/list calls map of ops/map, which is further up", said)

    def test_a_call_upwards_by_a_table(self):
        """Who names a function calls it."""
        said = self.says({"core/list.c": "int (*const table[])(int) = { map };\n"
                                         "int find(void)\n{\n\treturn 2;\n}\n"})
        self.assertIn("core/list calls map of ops/map", said)

    def test_a_call_upwards_from_a_header(self):
        """By a function that is inline."""
        said = self.says({"core/list.h": "static inline int found(void)\n{\n"
                                         "\treturn map(2);\n}\n"})
        self.assertIn("core/list calls map of ops/map", said)

    def test_an_object_further_up(self):
        """No function, but the same arrow."""
        said = self.says({"ops/map.c": GOOD["ops/map.c"] + "\nint total;\n",
                          "core/list.c": "int find(void)\n{\n\treturn total;\n}\n"})
        self.assertIn("core/list calls total of ops/map", said)

    def test_an_include_upwards(self):
        """Even if nothing of it is called."""
        said = self.says({"core/list.c": '#include "ops/map.h"\n' + GOOD["core/list.c"]})
        self.assertEqual(said, "core/list.c includes ops/map.h, which is further up\n")

    def test_a_circle_in_one_folder(self):
        """Of two files of core/."""
        said = self.says({"core/list.c": "int find(void)\n{\n\treturn take();\n}\n"})
        self.assertEqual(said.splitlines(), [
            "call each other: core/buffer core/list",
            "    core/buffer -> core/list: find",
            "    core/list -> core/buffer: take"])

    def test_a_file_in_no_folder(self):
        """And one in a folder that is no layer."""
        self.assertIn("main.c is in no layer", self.says({"main.c": ""}))
        self.assertIn("misc/main.c is in no layer", self.says({"misc/main.c": ""}))

    def test_what_is_allowed(self):
        """One name for one file; and no longer than it is needed."""
        upwards = {"core/list.c": "int find(void)\n{\n\treturn map(2);\n}\n"}
        self.assertEqual(self.says(upwards, {("core/list", "map"): "a reason"}), "")
        self.assertIn("core/list calls map",
                      self.says(upwards, {("core/buffer", "find"): "a reason"}))
        self.assertIn("does not name map any more",
                      self.says(forward={("core/list", "map"): "a reason"}))


if __name__ == "__main__":
    unittest.main()
