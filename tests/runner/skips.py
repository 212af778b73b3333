# SPDX-License-Identifier: GPL-2.0
"""Skips: what a run may leave out, with the reason a user would accept."""

import fnmatch
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / "guest" / "skips"
# Where a test runs that needs no guest; and what is skipped where there is no kernel.
HOST = "host"
KERNEL = "kernel"


class Budget:
    """The file tests/guest/skips, or another text of its kind."""

    def __init__(self, text=None):
        self.entries = []
        for line in (FILE.read_text() if text is None else text).splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            fields = line.split(None, 2)
            if len(fields) < 3:
                raise ValueError(f"tests/guest/skips: no reason given: {line}")
            self.entries.append(fields)

    def lists(self, where, name):
        """May this test be skipped there?"""
        return any(fnmatch.fnmatchcase(where, place)
                   and fnmatch.fnmatchcase(name, test)
                   for place, test, _ in self.entries)

    def unknown(self, names):
        """The AREA.TEST patterns that are about no test of a guest's."""
        names = list(names)
        return [test for place, test, _ in self.entries
                if place != HOST and test != KERNEL
                and not any(fnmatch.fnmatchcase(n, test) for n in names)]
