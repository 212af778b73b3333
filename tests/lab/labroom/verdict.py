# SPDX-License-Identifier: GPL-2.0
"""The verdict: what a kernel log must not hold.

The log is read twice: the serial console's file on the host, which is there
even if the guest died, and the kernel's own buffer, which the guest sends at
the end and which is complete whatever the console's level was.
"""

import re

# After the time stamp (and the caller's id, where the kernel prints it).
_START = r"^(?:<\d+>)?(?:\[[^\]]*\]\s*)*"

REPORTS = [re.compile(pattern) for pattern in (
    # WARN(), lockdep, RCU and many others: all begin the line.
    _START + r"WARNING: ",
    # oops, soft lockup, KASAN, "sleeping function called", list debugging
    r"\bBUG: ", r"kernel BUG at ", r"\bOops\b[:!]", r"general protection fault",
    r"Unable to handle kernel", r"Kernel panic", r"double fault",
    r"unable to handle page fault",
    # SLUB: "BUG kmalloc-64 (Tainted: G): Right Redzone overwritten"
    r"^\S*(?:\[[^\]]*\]\s*)*BUG [\w:.-]+ *\(",
    r"INFO: task .* blocked (?:in I/O wait )?for more than",
    r"INFO: rcu\S* .*detected", r"rcu: INFO: ", r"detected stalls on CPUs",
    r"soft lockup", r"hard LOCKUP", r"Watchdog detected",
    r"INFO: (?:possible|inconsistent|trying to register|HARDIRQ|SOFTIRQ)",
    r"(?:possible recursive|bad unlock balance|held lock freed)",
    r"UBSAN: ", r"KASAN: ", r"KFENCE: ", r"KCSAN: ",
    r"DMA-API: (?!preallocated|debugging enabled|disabled by)",
    r"ODEBUG: ", r"refcount_t: ", r"(?:list_add|list_del) corruption",
    # Without a scan area it scans more than it need: what fault injection makes of it.
    r"kmemleak: (?:Cannot(?! allocate a scan area)|Memory pool empty)",
    r"stack-protector: ", r"scheduling while atomic", r"bad page state",
    r"Bad rss-counter", r"[Ss]tack traceback? overflow",
    r"turning off the locking correctness validator",
)]

# Known to be harmless, and not ours.
HARMLESS = [re.compile(pattern) for pattern in (
    r"Spectre V2 : WARNING",           # a sentence about CPU mitigations
    r"debug: 'BUG: KASAN' selftest",
)]

# How many lines are shown after the first of a report.
CONTEXT = 45


# Linux 7.2's pciehp, on every hot-unplug, whatever the device: it lets go of
# its reset_lock and takes it again while holding pci_rescan_remove_lock.  After a
# rescan has found a port lockdep meets the two the other way round.  Nothing but
# the PCI core is in that cycle.  (lockdep is silent afterwards.)
_RESET = r"\(&ctrl->reset_lock(?:/\d+)?\)"
_RESCAN = r"\(pci_rescan_remove_lock\)"
_PCIEHP = re.compile(
    r"possible circular locking dependency.*?trying to acquire lock:[^(]*(?:"
    + _RESET + r".*?already holding lock:[^(]*" + _RESCAN + "|"
    + _RESCAN + r".*?already holding lock:[^(]*" + _RESET + ")", re.S)


# A VFIO device that is unplugged leaves its group under pci_rescan_remove_lock; a
# VFIO device that is opened is reset through its hot-plug port under its group's and
# its device set's locks.  It passes only if no other lock takes part.
_VFIO = re.compile(
    r"possible circular locking dependency.*?trying to acquire lock:[^(]*"
    r"\(&vfio\.group_lock\).*?already holding lock:[^(]*" + _RESCAN, re.S)
_IN_VFIO = re.compile(
    r"\((?:&vfio\.group_lock|&group->group_lock|&\w*dev_set->lock|"
    r"&ctrl->reset_lock(?:/\d+)?|pci_rescan_remove_lock)\)")


def _upstreams(lines):
    """These lines begin with a lockdep report about nobody but upstream."""
    head = "\n".join(lines[:12])
    if _PCIEHP.search(head):
        return True
    if not _VFIO.search(head):
        return False
    chain = []
    for line in lines[12:]:
        if "-> #" in line:
            chain.append(line)
        if "stack backtrace" in line:
            break
    return bool(chain) and all(_IN_VFIO.search(line) for line in chain)


def scan(text):
    """The offending lines, each with what follows it; empty if all is well."""
    lines = text.splitlines()
    shown, until = [], -1
    for number, line in enumerate(lines):
        if _offends(line) and not _upstreams(lines[number:number + 250]):
            until = number + CONTEXT
        if number <= until:
            shown.append(line)
            if "---[ end trace" in line:
                until = number
    return shown


def _offends(line):
    return any(p.search(line) for p in REPORTS) \
        and not any(p.search(line) for p in HARMLESS)


def leaks(text):
    """kmemleak's reports in text: (all of them, those that count).

    The instrumented kernel has no modules but ours and the tests', so a report
    counts when its backtrace runs through any module, loaded ("[peerbuf]") or
    already gone (a bare address).  What the kernel's own boot leaves behind
    does not.
    """
    reports = [r for r in re.split(r"(?m)^(?=unreferenced object)", text)
               if r.startswith("unreferenced object")]
    through = re.compile(r"\+0x\w+/0x\w+ \[\w+\]|^\s*(?:\[<)?0xffffffff[a-f]",
                         re.M)
    trace = re.compile(r"backtrace.*", re.S)
    ours = [r for r in reports
            if (m := trace.search(r)) and through.search(m.group())]
    return reports, ours


def decode(data):
    """A log's bytes as text; consoles end lines with CR LF."""
    return data.decode(errors="replace").replace("\r\n", "\n")
