#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What of the lab can be tested without a guest: python3 tests/lab/test_lab.py"""

import argparse
import contextlib
import importlib.machinery
import importlib.util
import io
import lzma
import selectors
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import types
import unittest
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
GUEST = HERE.parent / "guest"
sys.path[:0] = [str(HERE), str(HERE.parent)]

from labroom import (archive, build, debugkernel, errors, guest, kernel,     # noqa: E402
                     machine, reports, verdict, vmlinux)
from labroom.control import Control             # noqa: E402
from labroom.errors import EXIT_GONE, GoneError, LabError, UsageError         # noqa: E402
from runner.skips import Budget                 # noqa: E402
from runner.tap import RETRIED                  # noqa: E402

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


# What pciehp's cycle looks like: {} are the locks of its chain.
CYCLE = """\
<4>[  379.4] WARNING: possible circular locking dependency detected
<4>[  379.4] 7.2.12-peerbuf-debug #1 Tainted: G           OE
<4>[  379.4] ------------------------------------------------------
<4>[  379.4] irq/27-pciehp/52 is trying to acquire lock:
<4>[  379.4] ffffffff861a9a50 ({acquired}){{+.+.}}-{{4:4}}, at: x+0x32/0xa0
<4>[  379.4]
<4>[  379.4] but task is already holding lock:
<4>[  379.4] ffffffff834d7a80 ({held}){{+.+.}}-{{4:4}}, at: y+0x12
<4>[  379.4]
<4>[  379.4] which lock already depends on the new lock.
<4>[  379.4]
<4>[  379.4]
<4>[  379.4] the existing dependency chain (in reverse order) is:
{chain}
<4>[  379.4] stack backtrace:
<4>[  379.4] Call Trace:
"""
RESET, RESCAN = "&ctrl->reset_lock/1", "pci_rescan_remove_lock"
GROUP = "&vfio.group_lock"


def cycle(acquired, held, *others):
    """Lockdep's report of a cycle of these locks."""
    locks = [held, *others, acquired]
    chain = "\n".join(
        f"<4>[  379.4]\n<4>[  379.4] -> #{n} ({lock}){{+.+.}}-{{4:4}}:"
        for n, lock in reversed(list(enumerate(reversed(locks)))))
    return CYCLE.format(acquired=acquired, held=held, chain=chain)


# Cycles of upstream's locks alone, and such that somebody else is in.
LET_PASS = [
    cycle(RESET, RESCAN),
    cycle(RESCAN, RESET),
    cycle("&ctrl->reset_lock#2/1", RESCAN, "&ctrl->reset_lock#3"),
    cycle(GROUP, RESCAN, "&ctrl->reset_lock", "&new_dev_set->lock",
          "&group->group_lock"),
    cycle("&group->group_lock", GROUP, RESCAN, "&ctrl->reset_lock", "&new_dev_set->lock"),
]
NOT_LET_PASS = [
    cycle(RESET, RESCAN, "&peerbuf->lock"),
    cycle(RESCAN, RESET, "peerbuf_registry_lock"),
    cycle(RESET, RESCAN, "(work_completion)(&space->work)"),
    cycle("&ctrl->my_lock/1", RESCAN),
    cycle(RESET, "&ctrl->reset_lock"),
    cycle(RESCAN, GROUP),
    cycle("&group->group_lock", GROUP, RESCAN, "&pdevice->lock"),
    cycle(GROUP, RESCAN, "&ctrl->reset_lock", "&space->lock"),
    cycle(RESET, RESCAN).partition("the existing dependency")[0],
    cycle(RESET, RESCAN).replace("-> #", "--"),
]


class Unpacking(unittest.TestCase):
    """A kernel is taken out of its boot image, all of it or not at all."""

    KERNEL = b"\x7fELF" + b"code" * 1000

    def image(self, payload):
        """A boot image with two sectors of set-up, and that behind 100 bytes of code."""
        head = bytearray(3 * 512)
        head[0x1f1] = 2
        head[0x202:0x206] = b"HdrS"
        struct.pack_into("<II", head, 0x248, 100, len(payload))
        return bytes(head) + b"-" * 100 + payload + b"more"

    def test_a_kernel_of_xz_is_unpacked(self):
        size = struct.pack("<I", len(self.KERNEL))
        packed = lzma.compress(self.KERNEL, check=lzma.CHECK_CRC32) + size
        self.assertEqual(vmlinux.unpack(self.image(packed)), self.KERNEL)

    def test_one_of_another_length_is_refused(self):
        packed = lzma.compress(self.KERNEL) + struct.pack("<I", 7)
        with self.assertRaises(errors.LabError):
            vmlinux.unpack(self.image(packed))

    def test_what_is_packed_in_an_unknown_way_is_left(self):
        self.assertIsNone(vmlinux.unpack(self.image(b"\x1f\x8b" + bytes(100))))
        self.assertIsNone(vmlinux.unpack(b"MZ" + bytes(1000)))


class BuildTest(unittest.TestCase):
    """What a build leaves for the next one."""

    def test_what_a_killed_build_left_is_not_used(self):
        with tempfile.TemporaryDirectory() as name:
            kept = Path(name) / "modules"
            with build.whole(kept):
                (kept / "object.o").touch()
            for how, is_kept in ((LabError, True), (KeyboardInterrupt, False)):
                with contextlib.suppress(how), build.whole(kept):
                    (kept / "object.o").touch()
                    raise how("ended")
                with build.whole(kept):
                    self.assertEqual((kept / "object.o").exists(), is_kept)


class VerdictTest(unittest.TestCase):
    """The patterns, on lines that kernels really print."""

    def test_reports(self):
        for line in REPORTS:
            self.assertTrue(verdict.scan(line), line)

    def test_harmless(self):
        for line in HARMLESS:
            self.assertFalse(verdict.scan(line), line)

    def test_cycles_of_upstream(self):
        for text in LET_PASS:
            self.assertFalse(verdict.scan(text), text)

    def test_cycles_that_somebody_else_is_in(self):
        for text in NOT_LET_PASS:
            self.assertTrue(verdict.scan(text), text)

    def test_stalls(self):
        """They count, unless a boot is to be tried again."""
        stalls = """\
[   60.1] rcu: INFO: rcu_sched detected stalls on CPUs/tasks:
[   60.1] rcu: Possible timer handling issue on cpu=1 timer-softirq=0
[   60.2] INFO: task swapper/0:1 blocked for more than 60 seconds.
[   60.3] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [x:1]
"""
        self.assertTrue(verdict.scan(stalls))
        self.assertFalse(verdict.scan(stalls, stalls=False))
        self.assertTrue(verdict.scan(stalls + REPORTS[4], stalls=False))

    def test_context_ends_with_the_trace(self):
        text = "\n".join([REPORTS[0], "a", "---[ end trace 0 ]---", "b"])
        self.assertEqual(verdict.scan(text), text.split("\n")[:-1])

    def test_leaks(self):
        reports, ours = verdict.leaks(LEAKS)
        self.assertEqual((len(reports), len(ours)), (3, 2))
        self.assertEqual(verdict.leaks(""), ([], []))


class GuestsFilterTest(unittest.TestCase):
    """The guest's filter comes to the same conclusions as the host's."""

    def test_same_as_the_hosts(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["gcc", "-D_GNU_SOURCE", "-o", f"{folder}/filter",
                            HERE / "filter.c", GUEST / "reports.c"], check=True)
            shutil.copy(reports.FILE, folder)
            for text in [*REPORTS, *HARMLESS, *LET_PASS, *NOT_LET_PASS]:
                lines = text.splitlines()
                begins = [n for n, line in enumerate(lines)
                          if reports.offends(line)
                          and not reports.let_pass(lines[n:])]
                done = subprocess.run(
                    [f"{folder}/filter"], check=True, text=True,
                    stdout=subprocess.PIPE,
                    input="".join(reports.plain(n) + "\n" for n in lines))
                self.assertEqual(begins, [int(n) for n in done.stdout.split()],
                                 text)

    def test_patterns_mean_the_same_in_both(self):
        for kind in reports.KINDS:
            for pattern in reports.read()[kind]:
                self.assertNotRegex(pattern, r"\\|\(\?|\[\[|[*+?]\?", pattern)
                self.assertEqual(pattern, pattern.strip())


class FakeGuest(guest.Guest):
    """Its boots end as it is told: a console, or the lab's exit code."""

    def __init__(self, folder, boots):
        self.kernel = types.SimpleNamespace(debug=False)
        self.folder = folder
        self.boots = boots
        self._fresh_log()

    def _fresh_log(self):
        self.log = self.folder
        self._console = self.folder / "console"
        self._console.unlink(missing_ok=True)

    def _boot(self, argv, tty, silence):
        boot = self.boots.pop(0)
        if isinstance(boot, int):
            return boot
        self._console.write_text(boot)
        raise guest._Silent("it said nothing")


class RetryTest(unittest.TestCase):
    """Which boots are tried again."""

    STALLS = "[   60.1] rcu: INFO: rcu_sched detected stalls on CPUs/tasks:\n"

    def outcome(self, *boots):
        """The exit code, the boots that were not needed, and what was said."""
        said = io.StringIO()
        with tempfile.TemporaryDirectory() as folder, \
                contextlib.redirect_stderr(said):
            fake = FakeGuest(Path(folder), list(boots))
            return fake.run(["true"]), len(fake.boots), said.getvalue()

    def test_one_that_hangs_is(self):
        for console in ("", "[    0.1] Linux\n", self.STALLS):
            code, left, said = self.outcome(console, console, 7)
            self.assertEqual((code, left), (7, 0))
            self.assertEqual(
                [n for n in said.splitlines() if RETRIED.match(n)],
                ["lab: boot retried: it said nothing"] * 2)

    def test_one_with_a_report_is_not(self):
        for report in (*REPORTS[4:8], self.STALLS + REPORTS[0]):
            code, left, said = self.outcome(report, 7)
            self.assertEqual((code, left), (errors.EXIT_DIED, 1))
            self.assertIn(report.splitlines()[-1], said)
            self.assertNotIn("retried", said)

    def test_qemu_ends(self):
        """That is no hang: the verdict is that the guest died."""
        fake = FakeGuest.__new__(FakeGuest)
        here, there = socket.socketpair()
        with tempfile.TemporaryDirectory() as folder, here, \
                selectors.DefaultSelector() as selector:
            fake._console = Path(folder, "console")
            fake._console.write_text("[    0.1] Linux\n")
            selector.register(here, selectors.EVENT_READ)
            there.close()
            fake._await_boot(selector, 120)


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

    def test_medium_is_not_flushed(self):
        with tempfile.TemporaryDirectory() as folder:
            line = machine.Machine("plain", Path(folder), 4096, False).arguments()
        drives = [word for word in line if "node-name=disk" in word]
        self.assertEqual(len(drives), 1)
        self.assertIn("cache.no-flush=on", drives[0])

    def test_sriov(self):
        for sriov in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                line = machine.Machine("plain", Path(folder), 4096, False,
                                       sriov=sriov).arguments()
            self.assertEqual("id=pf" in " ".join(line), sriov)


class FakeImage:
    """A tree that the cache has or not, of a suite that offers what it offers."""

    def __init__(self, suite, cached=None, offered=()):
        self.suite = suite
        self._cached, self._offered = cached, list(offered)

    def cached_release(self):
        """Of the finished tree."""
        return self._cached

    def offered(self):
        """Of the suite today."""
        return self._offered


class KernelTest(unittest.TestCase):
    """Where a kernel comes from, as suites move on; nothing is fetched."""

    def test_cached_tree_outlives_its_suite(self):
        old = FakeImage("forky", "7.2.12+deb14-amd64", ["7.4.1+deb14-amd64"])
        more = FakeImage("sid", None, ["7.2.13+deb14-amd64"])
        self.assertIs(kernel.home("7.2", [more, old]), old)

    def test_first_suite_that_offers_it(self):
        moved = FakeImage("forky", "7.4.1+deb14-amd64", ["7.4.1+deb14-amd64"])
        gone = FakeImage("trixie-backports")
        has = FakeImage("sid", None, ["7.2.13+deb14-amd64"])
        self.assertIs(kernel.home("7.2", [moved, gone, has]), has)

    def test_nobody_offers_it(self):
        alike = FakeImage("forky", "7.20.1+deb14-amd64",
                          ["7.20.1+deb14-amd64"])
        with self.assertRaises(GoneError) as caught:
            kernel.home("7.2", [alike, FakeImage("sid")])
        self.assertEqual(caught.exception.code, EXIT_GONE)
        self.assertIn("forky, sid", str(caught.exception))

    def test_machines_are_of_an_architecture(self):
        for name, here, other in (("7.3-arm64", "smmu", "vtd"), ("6.12", "vtd", "smmu")):
            machine.check(here, kernel.arch(name))
            with self.assertRaises(UsageError):
                machine.check(other, kernel.arch(name))

    def test_packages_of_a_kernel_for_another_architecture(self):
        tree = kernel.HOMES["7.3-arm64-16k"][0]
        release = "7.3.4+deb13-arm64"
        pieces = {f"linux-{part}-7.3.4+deb13-arm64" for part in
                  ("base", "binary", "modules")}
        for names, wanted in ((pieces, "linux-binary-7.3.4+deb13-arm64:arm64"),
                              (set(), "linux-image-7.3.4+deb13-arm64:arm64")):
            with mock.patch.object(archive, "packages", lambda *_, n=names: n):
                self.assertIn(wanted, tree.kernel_packages(release))
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "release").write_text(release + "\n")
            with mock.patch.object(tree, "path", Path(folder)):
                self.assertEqual(tree.release("arm64-16k"), "7.3.4+deb13-arm64-16k")

    def test_releases_of_an_index(self):
        names = {f"linux-{part}-{release}" for part in ("image", "headers")
                 for release in ("7.2.9+deb13-amd64", "7.2.12+deb13-amd64",
                                 "7.3.4+deb13-amd64", "7.3.4+deb13-rt-amd64")}
        names |= {"linux-image-7.4.1+deb13-amd64", "linux-image-amd64",
                  "linux-headers-amd64", "linux-headers-7.2.12+deb13-common"}
        found = archive.kernels(names, "amd64")
        self.assertEqual(found, ["7.3.4+deb13-amd64", "7.2.12+deb13-amd64",
                                 "7.2.9+deb13-amd64"])
        self.assertEqual(archive.of_series(found, "7.2"), found[1:])

    def test_source_of_the_instrumented_kernel(self):
        has = {"sid": {debugkernel.SOURCE}}
        self.assertEqual(
            debugkernel.source_suite(lambda s: has.get(s, set())), "sid")
        with self.assertRaises(GoneError):
            debugkernel.source_suite(lambda _: {"linux-source-7.4"})


def _load_run():
    """tests/run as a module."""
    path = Path(__file__).resolve().parents[1] / "run"
    loader = importlib.machinery.SourceFileLoader("tests_run", str(path))
    spec = importlib.util.spec_from_loader("tests_run", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


class RunTest(unittest.TestCase):
    """tests/run, with a lab that is a script."""

    def _guests(self, script, tests_like=None):
        run = _load_run()
        results = run.Results(False, Budget())
        options = argparse.Namespace(debug=False, kernel=["7.2"], jobs=1,
                                     machine=["plain"], test=None,
                                     timeout=None, tests=None, long=False, core=False,
                                     real_time=False, unit=False,
                                     userspace=False, no_guests=False, tests_like=tests_like)
        with tempfile.TemporaryDirectory() as folder:
            lab = Path(folder) / "lab"
            lab.write_text("#!/bin/sh\n" + script)
            lab.chmod(0o755)
            with mock.patch.object(run, "LAB", lab), \
                    contextlib.redirect_stdout(io.StringIO()):
                run.run_all(options, results)
        return results

    def test_kernel_that_is_gone_is_one_skip(self):
        results = self._guests(f"exit {EXIT_GONE}\n")
        self.assertEqual(results.counts,
                         {"passed": 0, "failed": 0, "skipped": 1})
        self.assertEqual(results.gone, ["7.2"])

    def test_no_guest_is_a_failure(self):
        results = self._guests('case $1 in list) echo bytes read;; esac\n',
                               tests_like=["nothing"])
        self.assertIn("host guests", results.failures)

    def test_what_needs_no_guest_runs_without_any(self):
        run = _load_run()
        ran = []
        results = run.Results(False, Budget())
        options = argparse.Namespace(debug=False, jobs=1, unit=True, userspace=False,
                                     no_guests=True)
        with mock.patch.object(run.host, "local",
                               lambda results, name, *command: ran.append(name)):
            run.run_all(options, results)
        self.assertEqual(sorted(ran),
                         ["bench", "fuzz", "lab", "model", "run", "unit"])

    def test_lab_that_fails_is_not_gone(self):
        with self.assertRaises(subprocess.CalledProcessError):
            self._guests("exit 121\n")


if __name__ == "__main__":
    unittest.main()
