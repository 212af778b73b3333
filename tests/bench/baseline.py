# SPDX-License-Identifier: GPL-2.0
"""The baseline: what work has cost when that was last accepted.

What is compared are the totals. On 7.2 they repeat to within two instructions in a thousand.
On 6.12 most repeat as well as that, and in some boots a few are 1.4 % more, for all of the
boot: 5 % more is not noise. They have the kernel's own code in them, though, which another
release of it changes. So the baseline says of which release it is; of another one only
ratios to a peer on that same kernel are compared, and the other totals are skipped.
"""

import json
from pathlib import Path

FILE = Path(__file__).resolve().parent / "baseline.json"
GROWTH = 1.05
# What differs by more than that from boot to boot, of the same code: a move that frees pages of
# system memory, for the kernel's allocator (8.12 and 8.57 million to a BAR, 2.93 and 3.47 to
# system memory, on 6.12), and what an emulated drive has done by when it is looked at (50 and
# 56 thousand).
UNSTEADY = {" copy, system to ": 1.25, " drive to BAR": 1.15}
# Works whose peer is another driver: its ratio says something whatever the kernel's release.
# What the page allocator gives a bounce buffer depends on what was freed before.
DRIVERS = ("VFIO export", "VFIO import", "copy", "drive to BAR")
# What the largest size may cost: in time, of the smallest; and bytes of memory more.
TIME_LIMIT = 2.0
MEMORY_LIMIT = 4096


def _name(record):
    return (f"{record['kernel']} {record['work']}, {record['route']}, "
            f"{record['ranges']} x {record['bytes'] // record['ranges']}")


def _totals(kernel):
    return [r for r in kernel.records() if r["step"] == "total"]


def _ratio(record):
    """To a peer, if it is one to hold on to."""
    return record["ratio"] if record["work"].startswith(DRIVERS) else None


def load():
    """{kernel: {"release", "totals"}}."""
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def accept(kernels):
    """What was measured is the baseline; other kernels' stay."""
    known = load()
    for kernel in kernels:
        known[kernel.name] = {
            "release": kernel.release,
            "totals": {_name(r): {"ours": r["ours"], "ratio": _ratio(r)}
                       for r in _totals(kernel)},
        }
    order = sorted(known, key=lambda name: [int(n) for n in name.split(".")])
    FILE.write_text(json.dumps({name: known[name] for name in order}, indent=1)
                    + "\n")


class Row:
    """One comparison: what came of it, and the numbers that say so."""

    def __init__(self, name, was, now, outcome, remark=""):
        self.name = name
        self.was = was
        self.now = now
        self.outcome = outcome
        self.remark = remark

    def show(self):
        """A line of the table."""
        def spell(value):
            return "-" if value is None else \
                f"{value:.3f}" if isinstance(value, float) else str(value)
        word = {"passed": "ok", "failed": "FAIL", "skipped": "skip"}[self.outcome]
        change = "" if not self.was or self.now is None else \
            f"{100 * (self.now / self.was - 1):+.2f} %"
        print(f"{word:4} {self.name:58} {spell(self.was):>10} "
              f"{spell(self.now):>10} {change:>10}  {self.remark}".rstrip(),
              flush=True)


def _grown(name, was, now, remark=""):
    limit = next((more for work, more in UNSTEADY.items() if work in name), GROWTH)
    return Row(name, was, now, "failed" if now > was * limit else "passed",
               remark)


def _compare_one(record, was, same):
    """One total with its baseline."""
    name = _name(record)
    if was is None:
        return Row(name, None, record["ours"], "failed", "not in the baseline")
    if same:
        return _grown(name, was["ours"], record["ours"])
    if was["ratio"] and record["ratio"]:
        return _grown(name, was["ratio"], record["ratio"],
                      f"ratio to {record['peer_name']}")
    return Row(name, was["ours"], record["ours"], "skipped",
               "another release of the kernel")


def compare(kernel):
    """Every total of a kernel with the baseline."""
    known = load().get(kernel.name, {"release": kernel.release, "totals": {}})
    same = known["release"] == kernel.release
    if not same:
        print(f"{kernel.name}: the baseline is of {known['release']}, this is "
              f"{kernel.release}: only ratios are compared (make bench-accept, "
              "and commit it, to compare all again)")
    now = {_name(r): r for r in _totals(kernel)}
    rows = [_compare_one(record, known["totals"].get(name), same)
            for name, record in now.items()]
    return rows + [Row(name, was["ours"], None, "failed", "not measured any more")
                   for name, was in known["totals"].items() if name not in now]


def promises(kernel):
    """What holds whatever the baseline says: size costs next to nothing."""
    rows = []
    totals = [r for r in _totals(kernel) if r["route"] == "bus"]
    for work, limit in (("export", TIME_LIMIT), ("memory", None)):
        sizes = [r["ours"] for r in totals if r["work"] == work]
        if len(sizes) < 2:
            rows.append(Row(f"{kernel.name} {work} of all sizes", None, None,
                            "failed", "not measured"))
            continue
        small, large = sizes[0], sizes[-1]
        good = large <= small * limit if limit else large - small <= MEMORY_LIMIT
        rows.append(Row(f"{kernel.name} {work}, all of the BAR against 64 KiB",
                        small, large, "passed" if good else "failed",
                        f"limit x{limit:.0f}" if limit
                        else f"limit +{MEMORY_LIMIT} bytes"))
    return rows
