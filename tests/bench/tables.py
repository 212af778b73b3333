# SPDX-License-Identifier: GPL-2.0
"""Tables of what was measured, for people."""

import os

ROUTES = {"bus": "by bus address", "iommu": "through the IOMMU",
          "cpu": "by the CPU"}


def human(size):
    """1073741824 as 1 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}"
        size /= 1024
    return ""


def grouped(records, *fields):
    """Records by these fields, in order."""
    groups = {}
    for record in records:
        groups.setdefault(tuple(record[f] for f in fields), []).append(record)
    return groups


def _sizes(kernel, records):
    """A column for each size, and the last against the first."""
    sizes = list(grouped(records, "bytes"))
    unit = "bytes" if records[0]["work"] == "memory" else "instructions"
    head = "".join(f"{human(size):>12}" for size, in sizes)
    print(f"  {unit:14}{head}{'ratio':>8}")
    for (step,), row in grouped(records, "step").items():
        numbers = "".join(f"{r['ours']:12}" for r in row)
        print(f"  {step:14}{numbers}{row[-1]['ours'] / row[0]['ours']:8.2f}")


def _importers(kernel, records):
    """A row for each number of importers, and each against one."""
    totals = [r for r in records if r["step"] == "total"]
    print(f"  {'importers':14}{'instructions':>14}{'of one':>8}")
    for r in totals:
        number = r["work"].rpartition(" ")[2]
        print(f"  {number:14}{r['ours']:14}{r['ours'] / totals[0]['ours']:8.2f}")


def _peers(kernel, records):
    """A table for each work and number of ranges: the peer, ours, and the ratio."""
    for (work, ranges, size), group in grouped(records, "work", "ranges",
                                               "bytes").items():
        peer = group[0]["peer_name"] or "-"
        what = f"{ranges} x {human(size // ranges)}" + \
            work.removeprefix(group[0]["kind"])
        print(f"  {what:34}{peer:>26}{'peerbuf':>12}{'ratio':>8}")
        for r in group:
            other = "-" if r["peer"] is None else r["peer"]
            ratio = "-" if r["ratio"] is None else f"{r['ratio']:.2f}"
            print(f"  {r['step']:34}{other:>26}{r['ours']:12}{ratio:>8}")
        first = group[0]
        key = first["work"], first["route"], ranges, size
        if key in kernel.refusals():
            who, errno = kernel.refusals()[key]
            print(f"  {who} does not do this: {os.strerror(errno)}")


def show(kernel):
    """All tables of a kernel."""
    kinds = {"export": _sizes, "memory": _sizes, "revoke": _importers}
    records = [dict(r, kind=r["work"].partition(",")[0])
               for r in kernel.records()]
    for (kind, route), group in grouped(records, "kind", "route").items():
        print(f"{kernel.name}: {kind} {ROUTES[route]}")
        kinds.get(kind, _peers)(kernel, group)
        print(flush=True)
