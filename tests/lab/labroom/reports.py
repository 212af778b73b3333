# SPDX-License-Identifier: GPL-2.0
"""Reports of a kernel: which lines of its log are one.

What is looked for is in tests/guest/kernel_reports, which says what its lines mean.
The guest's tests read the same file (tests/guest/kmsg.c).
"""

import fnmatch
import re
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "guest" / "kernel_reports"
KINDS = ("report", "stall", "iommu_fault", "harmless")

# The level, the time stamp and, where the kernel prints it, the caller's id.
_STAMP = re.compile(r"^(?:<\d+>)?(?:\[ *\d+\.\d+\])?(?:\[ *[TC]\d+\])? ?")
# "(&ctrl->reset_lock#2/1){+.+.}-{4:4}": the name, without lockdep's numbers.
_LOCK = re.compile(r"\((.*?)(?:#\d+)?(?:/\d+)?\)\{")
# Lockdep's report of a cycle, and the lines in it that lead to a lock.
_CYCLE = "possible circular locking dependency"
_ACQUIRED = "is trying to acquire lock:"
_HELD = "already holding lock:"
_LINK = "-> #"
_END = "stack backtrace"


def read(text=None):
    """The file: patterns by kind, and "cycle": lists of lock names."""
    found = {kind: [] for kind in (*KINDS, "cycle")}
    for line in (text or FILE.read_text()).splitlines():
        if not line or line.startswith("#"):
            continue
        kind, _, rest = line.partition("\t")
        found[kind].append(rest.split() if kind == "cycle" else rest)
    return found


_FILE = read()
_PATTERNS = {kind: re.compile("|".join(f"(?:{p})" for p in _FILE[kind]))
             for kind in KINDS}


def plain(line):
    """The message alone."""
    return _STAMP.sub("", line)


def offends(line, stalls=True):
    """Is it the first line of a report?  One of a stall only if they count."""
    text = plain(line)
    if _PATTERNS["harmless"].search(text):
        return False
    if _PATTERNS["stall"].search(text):
        return stalls
    return bool(_PATTERNS["report"].search(text))


def let_pass(lines):
    """Do these lines begin with lockdep's report of a cycle of upstream's?"""
    if _CYCLE not in lines[0]:
        return False
    acquired, held, chain = _locks(lines)
    return bool(chain) and any(
        _is(acquired, names[0]) and _is(held, names[1])
        and all(any(_is(lock, name) for name in names) for lock in chain)
        for names in _FILE["cycle"])


def _locks(lines):
    """The lock that is acquired, the one that is held, and those of the chain."""
    ends, chain = {}, []
    expected = None
    for line in map(plain, lines):
        if expected and expected not in ends:
            ends[expected] = _name(line)
        expected = next((e for e in (_ACQUIRED, _HELD) if e in line), None)
        if _LINK in line:
            chain.append(_name(line))
        if _END in line:
            return ends.get(_ACQUIRED), ends.get(_HELD), chain
    return None, None, []              # a report without its end


def _name(line):
    found = _LOCK.search(line)
    return found.group(1) if found else None


def _is(lock, name):
    return lock is not None and fnmatch.fnmatchcase(lock, name)
