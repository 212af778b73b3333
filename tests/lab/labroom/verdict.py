# SPDX-License-Identifier: GPL-2.0
"""The verdict: what a kernel log must not hold.

The log is read twice: the serial console's file on the host, which is there
even if the guest died, and the kernel's own buffer, which the guest sends at
the end and which is complete whatever the console's level was.
"""

import re

from . import reports

# How many lines are shown after the first of a report.
CONTEXT = 45
# Lockdep's report of a cycle has at most so many.
LONGEST = 400


def scan(text, stalls=True):
    """The offending lines, each with what follows it; empty if all is well.

    Without stalls: only what a timer that does not tick cannot explain.
    """
    lines = text.splitlines()
    shown, until = [], -1
    for number, line in enumerate(lines):
        if reports.offends(line, stalls) and not reports.let_pass(
                lines[number:number + LONGEST]):
            until = number + CONTEXT
        if number <= until:
            shown.append(line)
            if "---[ end trace" in line:
                until = number
    return shown


def leaks(text):
    """kmemleak's reports in text: (all of them, those that count).

    The instrumented kernel has no modules but ours and the tests', so a report
    counts when its backtrace runs through any module, loaded ("[peerbuf]") or
    already gone (a bare address).  What the kernel's own boot leaves behind
    does not.
    """
    found = [r for r in re.split(r"(?m)^(?=unreferenced object)", text)
             if r.startswith("unreferenced object")]
    through = re.compile(r"\+0x\w+/0x\w+ \[\w+\]|^\s*(?:\[<)?0xffffffff[a-f]",
                         re.M)
    trace = re.compile(r"backtrace.*", re.S)
    ours = [r for r in found
            if (m := trace.search(r)) and through.search(m.group())]
    return found, ours


def decode(data):
    """A log's bytes as text; consoles end lines with CR LF."""
    return data.decode(errors="replace").replace("\r\n", "\n")
