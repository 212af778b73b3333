#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What make bench-check makes of figures: no guest is needed for that."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True

import baseline                     # noqa: E402
import plots                        # noqa: E402
from measure import Kernel          # noqa: E402


def line(work, step, who, value, size=65536, ranges=1):
    """As the guest's programs print it."""
    return "# " + json.dumps({"work": work, "route": "bus", "ranges": ranges,
                              "bytes": size, "step": step, "who": who,
                              "value": value})


def kernel(export=1000, vfio=1500, peer=1000, release="6.12 #1", more=()):
    """One that has said this."""
    made = Kernel("6.12")
    made.feed("\n".join([
        f"uname {release}", "TAP version 13",
        line("export", "map", "peerbuf", export - 10),
        line("export", "total", "peerbuf", export),
        line("VFIO export", "total", "vfio-pci", peer),
        line("VFIO export", "total", "peerbuf-vfio-pci", vfio),
        line("VFIO export", "refused", "vfio-pci", 98, 8192, 2),
        line("VFIO export", "total", "peerbuf-vfio-pci", 7, 8192, 2), *more]))
    return made


def outcomes(rows):
    """{name without the kernel's: outcome}."""
    return {row.name.partition(" ")[2]: row.outcome for row in rows}


EXPORT = "export, bus, 1 x 65536"
VFIO = "VFIO export, bus, 1 x 65536"
ALONE = "VFIO export, bus, 2 x 4096"


class Records(unittest.TestCase):
    """What goes into bench.json."""

    def test_peer_and_ratio(self):
        record = [r for r in kernel().records() if r["peer"] is not None]
        self.assertEqual(record, [{
            "kernel": "6.12", "work": "VFIO export", "route": "bus", "ranges": 1,
            "bytes": 65536, "step": "total", "ours": 1500, "peer": 1000,
            "peer_name": "vfio-pci", "ratio": 1.5}])

    def test_refusal_is_no_figure(self):
        record = [r for r in kernel().records() if r["ranges"] == 2]
        self.assertEqual(len(record), 1)
        self.assertIsNone(record[0]["peer"])
        self.assertEqual(list(kernel().refusals().values()), [("vfio-pci", 98)])


class Baseline(unittest.TestCase):
    """Comparing, and accepting."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(setattr, baseline, "FILE", baseline.FILE)
        baseline.FILE = Path(folder.name) / "baseline.json"
        baseline.accept([kernel()])

    def test_same_passes(self):
        self.assertEqual(outcomes(baseline.compare(kernel())),
                         {EXPORT: "passed", VFIO: "passed", ALONE: "passed"})

    def test_five_percent_pass_and_six_fail(self):
        self.assertEqual(outcomes(baseline.compare(kernel(1050)))[EXPORT],
                         "passed")
        self.assertEqual(outcomes(baseline.compare(kernel(1060))),
                         {EXPORT: "failed", VFIO: "passed", ALONE: "passed"})

    def test_no_kind_of_work_may_grow_more(self):
        for work in ("copy, BAR to BAR", "copy, BAR to system", "memory", "revoke, importers: 1"):
            baseline.accept([kernel(more=[line(work, "total", "peerbuf", 1000)])])
            for cost, outcome in ((1050, "passed"), (1060, "failed")):
                now = kernel(more=[line(work, "total", "peerbuf", cost)])
                self.assertEqual(outcomes(baseline.compare(now))[f"{work}, bus, 1 x 65536"],
                                 outcome)

    def test_what_boots_differ_in_may_grow_more(self):
        for work, most in (("copy, system to system", 1250), ("drive to BAR, depth 4", 1150)):
            baseline.accept([kernel(more=[line(work, "total", "peerbuf", 1000)])])
            for cost, outcome in ((most, "passed"), (most + 1, "failed")):
                now = kernel(more=[line(work, "total", "peerbuf", cost)])
                self.assertEqual(outcomes(baseline.compare(now))[f"{work}, bus, 1 x 65536"],
                                 outcome)

    def test_accepted_growth_passes(self):
        baseline.accept([kernel(2000)])
        self.assertEqual(outcomes(baseline.compare(kernel(2000)))[EXPORT],
                         "passed")

    def test_new_and_missing_totals_fail(self):
        more = kernel(more=[line("revoke", "total", "peerbuf", 5)])
        self.assertEqual(
            outcomes(baseline.compare(more))["revoke, bus, 1 x 65536"], "failed")
        baseline.accept([more])
        self.assertEqual(
            outcomes(baseline.compare(kernel()))["revoke, bus, 1 x 65536"],
            "failed")

    def test_kernel_without_baseline_fails(self):
        baseline.FILE.write_text("{}")
        self.assertEqual(set(outcomes(baseline.compare(kernel())).values()),
                         {"failed"})

    def test_other_release_compares_ratios_alone(self):
        same = kernel(1060, 3000, 2000, release="6.12 #2")
        self.assertEqual(outcomes(baseline.compare(same)),
                         {EXPORT: "skipped", VFIO: "passed", ALONE: "skipped"})
        worse = kernel(1000, 1600, 1000, release="6.12 #2")
        self.assertEqual(outcomes(baseline.compare(worse))[VFIO], "failed")


class Promises(unittest.TestCase):
    """What size may cost."""

    def rows(self, time, memory):
        large = 1 << 36
        return [row.outcome for row in baseline.promises(kernel(more=[
            line("export", "total", "peerbuf", time, large),
            line("memory", "total", "peerbuf", 100),
            line("memory", "total", "peerbuf", memory, large)]))]

    def test_limits(self):
        self.assertEqual(self.rows(2000, 4196), ["passed", "passed"])
        self.assertEqual(self.rows(2001, 4196), ["failed", "passed"])
        self.assertEqual(self.rows(2000, 4197), ["passed", "failed"])

    def test_not_measured_fails(self):
        self.assertEqual([row.outcome for row in baseline.promises(kernel())],
                         ["failed", "failed"])


class Plots(unittest.TestCase):
    """Drawings: of what there is, and of nothing else."""

    def drawn(self, *more):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return {path.name: path.read_text()
                for path in plots.draw(kernel(more=more), Path(folder.name))}

    def test_one_size_is_no_curve(self):
        self.assertEqual(self.drawn(), {})

    def test_curves_of_ours_and_of_peers(self):
        made = self.drawn(
            line("export", "map", "peerbuf", 1000, 1 << 30),
            line("bounce buffer, heap", "map", "peerbuf", 900),
            line("bounce buffer, heap", "map", "system heap", 2000),
            line("bounce buffer, heap", "map", "peerbuf", 900, 1 << 30),
            line("bounce buffer, heap", "map", "system heap", 70000, 1 << 30))
        self.assertEqual(list(made), ["map-6.12.svg"])
        self.assertIn("export, by bus address", made["map-6.12.svg"])
        self.assertIn("system heap", made["map-6.12.svg"])
        self.assertNotIn("type1", made["map-6.12.svg"])


if __name__ == "__main__":
    unittest.main()
