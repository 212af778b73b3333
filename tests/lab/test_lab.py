#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What of the lab can be tested without a guest: python3 tests/lab/test_lab.py"""

import os
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from labroom import machine, verdict            # noqa: E402
from labroom.control import Control             # noqa: E402
from labroom.errors import UsageError           # noqa: E402

REPORTS = """\
<4>[    6.506984] WARNING: CPU: 1 PID: 161 at drivers/x.c:6 f+0x21/0x1000 [x]
<4>[    8.182766] WARNING: x.c:6 at f+0x25/0xff0 [x], CPU#0: insmod/165
[    8.1][  T161] WARNING: possible circular locking dependency detected
[    8.1] WARNING: suspicious RCU usage
[    8.1] BUG: kernel NULL pointer dereference, address: 0000000000000000
[    8.1] BUG: KASAN: slab-use-after-free in f+0x1/0x2 [x]
[    8.1] BUG: sleeping function called from invalid context at x.c:1
[    8.1] BUG: unable to handle page fault for address: ffff
[    8.1] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [x:1]
[    8.1] kernel BUG at lib/list_debug.c:29!
[    8.1] Oops: Oops: 0002 [#1] SMP NOPTI
[    8.1] general protection fault, probably for non-canonical address 0x1
[    8.1] UBSAN: array-index-out-of-bounds in x.c:1:2
[    8.1] DMA-API: edu 0000:03:00.0: device driver has pending DMA allocations
[    8.1] INFO: task x:12 blocked for more than 30 seconds.
[    8.1] INFO: task x:12 blocked in I/O wait for more than 30 seconds.
[    8.1] rcu: INFO: rcu_preempt self-detected stall on CPU
[    8.1] BUG kmalloc-64 (Tainted: G    OE): Right Redzone overwritten
[    8.1] INFO: trying to register non-static key.
[    8.1] Kernel panic - not syncing: sysrq triggered crash
[    8.1] list_del corruption, ffff->next is LIST_POISON1
[    8.1] refcount_t: underflow; use-after-free.
[    8.1] BUG: workqueue leaked atomic, lock or RCU: x[1]
[    8.1] page_owner: BUG: Bad page state in process x  pfn:1
""".splitlines()

HARMLESS = """\
[    0.3] Speculative Return Stack Overflow: WARNING: See https://kernel.org/
[    0.2] RETBleed: WARNING: Spectre v2 mitigation leaves CPU vulnerable
[    0.2] DMA-API: preallocated 65536 debug entries
[    0.2] DMA-API: debugging enabled by kernel config
[    4.1] nvme nvme0: failed to register the CMB
[    4.1] DMAR: DRHD: handling fault status reg 2
[    4.1] DMAR: [DMA Write NO_PASID] Request device [06:00.0] fault addr 0xf
[    4.1] FAULT_INJECTION: forcing a failure.
[    4.1] peerbuf: loading out-of-tree module taints kernel.
[    4.1] AMD Zen1 DIV0 bug detected. Disable SMT for full protection.
[    0.1] rcu: \tRCU lockdep checking is enabled.
[    0.1] Lock dependency validator: Copyright (c) 2006 Red Hat, Inc.
[    0.1] KernelAddressSanitizer initialized (generic)
[    0.1] kmemleak: Kernel memory leak detector initialized
""".splitlines()

LEAKS = """\
unreferenced object 0xffff888100000000 (size 64):
  comm "swapper/0", pid 1, jiffies 4294892300
  hex dump (first 32 bytes):
  backtrace (crc 0):
    kmalloc_trace+0x26/0x90
    acpi_init+0x1/0x2
unreferenced object 0xffff888100000040 (size 64):
  comm "insmod", pid 99, jiffies 4294892300
  backtrace (crc 0):
    kmalloc_trace+0x26/0x90
    w_init+0x41/0x1000 [warnmod]
unreferenced object 0xffff888100000080 (size 64):
  comm "insmod", pid 99, jiffies 4294892300
  backtrace (crc 0):
    kmalloc_trace+0x26/0x90
    0xffffffffa0001041
"""


class VerdictTest(unittest.TestCase):
    """The patterns, on lines that kernels really print."""

    def test_reports(self):
        for line in REPORTS:
            self.assertTrue(verdict.scan(line), line)

    def test_harmless(self):
        for line in HARMLESS:
            self.assertFalse(verdict.scan(line), line)

    def test_pciehp(self):
        """Its own cycle is let pass, anybody else's is not."""
        theirs = """\
<4>[   38.0] WARNING: possible circular locking dependency detected
<4>[   38.0] 7.2.12-peerbuf-debug #1 Not tainted
<4>[   38.0] ------------------------------------------------------
<4>[   38.0] irq/32-pciehp/58 is trying to acquire lock:
<4>[   38.0] ffff8881056abad8 (&ctrl->reset_lock/1){.+.+}-{4:4}, at: pciehp_x+0x1
<4>[   38.0]
<4>[   38.0] but task is already holding lock:
<4>[   38.0] ffffffff834d7a80 (pci_rescan_remove_lock){+.+.}-{4:4}, at: y+0x1
"""
        self.assertFalse(verdict.scan(theirs))
        reset, rescan = "&ctrl->reset_lock/1", "pci_rescan_remove_lock"
        turned = (theirs.replace(reset, "X").replace(rescan, reset)
                  .replace("X", rescan))
        self.assertFalse(verdict.scan(turned))
        self.assertTrue(verdict.scan(theirs.replace("reset_lock", "my_lock")))

    def test_vfio_and_pciehp(self):
        """Their cycle is let pass as long as nobody else is in it."""
        theirs = """\
<4>[  379.4] WARNING: possible circular locking dependency detected
<4>[  379.4] 7.2.12-peerbuf-debug #1 Tainted: G           OE
<4>[  379.4] ------------------------------------------------------
<4>[  379.4] irq/27-pciehp/52 is trying to acquire lock:
<4>[  379.4] ffffffff861a9a50 (&vfio.group_lock){+.+.}-{4:4}, at: x+0x32/0xa0
<4>[  379.4]
<4>[  379.4] but task is already holding lock:
<4>[  379.4] ffffffff834d7a80 (pci_rescan_remove_lock){+.+.}-{4:4}, at: y+0x12
<4>[  379.4]
<4>[  379.4] which lock already depends on the new lock.
<4>[  379.4]
<4>[  379.4]
<4>[  379.4] the existing dependency chain (in reverse order) is:
<4>[  379.4] -> #4 (pci_rescan_remove_lock){+.+.}-{4:4}:
<4>[  379.4] -> #3 (&ctrl->reset_lock){++++}-{4:4}:
<4>[  379.4] -> #2 (&new_dev_set->lock){+.+.}-{4:4}:
<4>[  379.4] -> #1 (&group->group_lock){+.+.}-{4:4}:
<4>[  379.4] -> #0 (&vfio.group_lock){+.+.}-{4:4}:
<4>[  379.4] stack backtrace:
"""
        self.assertFalse(verdict.scan(theirs))
        ours = theirs.replace("&new_dev_set->lock", "&space->lock")
        self.assertTrue(verdict.scan(ours))
        head = "\n".join(theirs.splitlines()[:12])
        self.assertTrue(verdict.scan(head))

    def test_context_ends_with_the_trace(self):
        text = "\n".join([REPORTS[0], "a", "---[ end trace 0 ]---", "b"])
        self.assertEqual(verdict.scan(text), text.split("\n")[:-1])

    def test_leaks(self):
        reports, ours = verdict.leaks(LEAKS)
        self.assertEqual((len(reports), len(ours)), (3, 2))
        self.assertEqual(verdict.leaks(""), ([], []))


class ControlTest(unittest.TestCase):
    """The control port's words, however they are cut."""

    def test_byte_by_byte(self):
        control = Control()
        for byte in b"booted\nexit 7\nbytes 3 4\nkmsg 5\na\nb\ncdone\n":
            control.feed(bytes([byte]))
        self.assertTrue(control.booted and control.done)
        self.assertEqual(control.status, 7)
        self.assertEqual(control.bytes, (3, 4))
        self.assertEqual(control.data["kmsg"], b"a\nb\nc")


class MachineTest(unittest.TestCase):
    """Sizes, and a topology in which everything hangs on something."""

    def test_sizes(self):
        self.assertEqual(machine.parse_size("16M"), 16 << 20)
        self.assertEqual(machine.parse_size("64g"), 64 << 30)
        for bad in ("", "3M", "1K", "M", "-4K", "1.5G", "256G"):
            with self.assertRaises(UsageError):
                machine.parse_size(bad)

    def test_parents(self):
        names = [row[0] for row in machine.topology()]
        self.assertEqual(len(names), len(set(names)))
        for _, _, parent in machine.topology():
            self.assertIn(parent, names + ["pcie.0"])

    def test_gpus(self):
        for gpus in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                line = machine.Machine("plain", Path(folder), 4096, False,
                                       gpus).arguments()
            text = " ".join(line)
            self.assertEqual("id=virtio-gpu" in text, gpus)
            self.assertEqual("id=bochs" in text, gpus)
            self.assertEqual("memory-backend=ram" in line, gpus)


if __name__ == "__main__":
    unittest.main()
