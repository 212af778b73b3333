# SPDX-License-Identifier: GPL-2.0
"""Times: what boots and tests cost this machine, in seconds of its CPUs.

A guest's own seconds say little: in virtual time a sleep is free, and what the emulator does
for an instruction differs. Its CPU time does not depend on what else this machine does.
"""

import collections
import contextlib
import os
import threading
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
# How many lines of each kind the closing summary has.
SHOWN = 40


def _processes():
    """(parent, ticks of it and of those that it has waited for) of every process."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # The name in brackets may hold anything.
            words = path.read_text(errors="replace").rpartition(")")[2].split()
            found[int(path.parent.name)] = int(words[1]), sum(map(int, words[11:15]))
    return found


def _spent(pid):
    """Seconds of a process and all below it, those that have ended as well."""
    processes = _processes()
    tree, ticks = {pid}, 0
    while tree:
        ticks += sum(processes.get(one, (0, 0))[1] for one in tree)
        tree = {one for one, (parent, _) in processes.items() if parent in tree}
    return ticks / _TICK


class Meter:
    """What a process has spent since it was asked last."""

    def __init__(self, pid):
        self._pid = pid
        self._before = 0

    def lap(self):
        """Seconds; a process that is just being waited for is not counted twice."""
        now = max(_spent(self._pid), self._before)
        lap, self._before = now - self._before, now
        return lap


class Times:
    """What everything cost; boots report from threads of their own."""

    def __init__(self):
        self.boots = collections.Counter()
        self.before = collections.Counter()
        self.areas = collections.Counter()
        self.tests = collections.Counter()
        self._lock = threading.Lock()

    def booted(self, where, seconds):
        """Until the first test was begun."""
        with self._lock:
            self.boots[where] += seconds
            self.before[where] += seconds

    def tested(self, where, name, seconds):
        """A test, and what was between it and the one before it."""
        with self._lock:
            self.boots[where] += seconds
            self.tests[f"{where} {name}"] += seconds
            self.areas[name.partition(".")[0]] += seconds

    def ended(self, where, seconds):
        """What was left after the last test."""
        with self._lock:
            self.boots[where] += seconds

    def lines(self):
        """For the closing summary."""
        for what, counter in (("test", self.tests), ("area", self.areas)):
            for name, seconds in counter.most_common(SHOWN):
                yield f"CPU: {seconds:7.1f} s  {what} {name}"
        for name, seconds in self.boots.most_common():
            yield f"CPU: {seconds:7.1f} s  boot {name}, " \
                  f"{self.before[name]:.1f} s before its first test"
