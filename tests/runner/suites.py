# SPDX-License-Identifier: GPL-2.0
"""Suites: which tests run on which kernel and machine, as tests/guest/suites says."""

import collections
import fnmatch
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / "guest" / "suites"
DEBUG = "7.2-debug"
# After a machine: the boot that the instrumented kernel has of its own for what makes
# lockdep stop looking.
UNPLUG = "/unplug"
# After a machine: what is enough to see that a kernel and a machine of its kind work,
# where all of it takes too long.
CORE = "/core"
# The machines of arm64's kernels.
ARM64 = ["arm", "smmu"]
# The machine of programs that tests/bench/run runs.
BENCH = "bench"

Line = collections.namedtuple("Line", "machine kernel boot area patterns")


def read(text=None):
    """The lines of the file."""
    lines = []
    for line in (FILE.read_text() if text is None else text).splitlines():
        fields = line.split("#")[0].split()
        if not fields:
            continue
        place, slash, boot = fields[0].partition("/")
        if slash and slash + boot not in (UNPLUG, CORE):
            raise ValueError(f"tests/guest/suites: /{boot}: {line}")
        machine, _, kernel = place.partition("@")
        lines.append(Line(machine, kernel, slash + boot, fields[1], fields[2:]))
    return lines


def fits(kernel, machine):
    """Is the machine of the kernel's architecture?"""
    return ("-arm64" in kernel) == (machine.partition("+")[0] in ARM64)


def here(line, kernel, machine):
    """Does a line belong to that boot?"""
    name, slash, boot = machine.partition("/")
    boot = slash + boot
    # Only the instrumented kernel has boots of its own for what unplugs.
    boots_of_lines = [boot, UNPLUG] if kernel != DEBUG and not boot else [boot]
    if line.boot not in boots_of_lines or not fits(kernel, name) or (
            boot == UNPLUG and kernel != DEBUG):
        return False
    return line.machine == name and (
        line.kernel in ("", kernel)
        or (line.kernel == "stock" and kernel != DEBUG))


def boots(kernels, machines, lines=None):
    """(kernel, machine) of every boot there is something to do in."""
    lines = read() if lines is None else lines
    every = [(k, m) for m in machines for k in kernels]
    every += [(k, m + UNPLUG) for m in machines for k in kernels if k == DEBUG]
    return [b for b in every if any(here(line, *b) for line in lines)]


def cores(kernels, machines, lines=None):
    """The same of the short boots."""
    lines = read() if lines is None else lines
    every = [(k, m + CORE) for m in machines for k in kernels]
    return [b for b in every if any(here(line, *b) for line in lines)]


def wanted(names, patterns):
    """Those of an area's tests that a line's patterns choose: see harness.c."""
    yes = [p for p in patterns if not p.startswith("!")]
    no = [p[1:] for p in patterns if p.startswith("!")]

    def match(name, any_of):
        return any(fnmatch.fnmatchcase(name, p) for p in any_of)

    return [n for n in names if (not yes or match(n, yes))
            and not match(n, no)]


class Word:
    """One word for the guest's `suite`: an area, and patterns."""

    def __init__(self, area, patterns, must_plan):
        self.area = area
        self.patterns = patterns
        self.text = ":".join(filter(None, [area, ",".join(patterns)]))
        # A pattern of the command line need not match in every area.
        self.must_plan = must_plan


def _matches(area, test, pattern):
    """Does a test match AREA.TEST, or TEST alone?"""
    head, dot, tail = pattern.partition(".")
    if not dot:
        return fnmatch.fnmatch(test, pattern)
    return fnmatch.fnmatch(area, head) and fnmatch.fnmatch(test, tail)


def words(kernel, machine, patterns, tests, lines=None):
    """What `suite` is told: what a boot's lines choose of the (area, test) pairs there are.

    All of it, or what matches any of the patterns: AREA, AREA.TEST or TEST, with wildcards.
    """
    chosen = []
    for line in read() if lines is None else lines:
        if not here(line, kernel, machine):
            continue
        if not patterns or any(fnmatch.fnmatch(line.area, p) for p in patterns):
            chosen.append(Word(line.area, line.patterns, True))
            continue
        names = wanted(sorted(test for area, test in tests if area == line.area),
                       line.patterns)
        names = [name for name in names
                 if any(_matches(line.area, name, p) for p in patterns)]
        if names:
            # Not every kernel's programs have every test.
            chosen.append(Word(line.area, names, False))
    return chosen


def run_nowhere(tests, all_boots, listed, lines=None):
    """Of (area, test) pairs, those that no line brings to any of the boots.

    And "AREA PATTERN..." of each line that chooses none of its area's tests, but for lines of
    a kernel whose tests are not listed here: another userland may lack the whole area.
    """
    lines = read() if lines is None else lines
    areas = collections.defaultdict(list)
    for area, test in tests:
        areas[area].append(test)
    left, idle = set(tests), []
    for line in lines:
        chosen = wanted(areas[line.area], line.patterns)
        runs = line.machine == BENCH or any(here(line, *b) for b in all_boots)
        if runs:
            left -= {(line.area, test) for test in chosen}
        unlisted = line.kernel not in ("", "stock", *listed)
        if not runs or not chosen and not unlisted:
            idle.append(" ".join([line.machine, line.area, *line.patterns]))
    return sorted(left), idle
