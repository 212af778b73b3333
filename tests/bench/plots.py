# SPDX-License-Identifier: GPL-2.0
"""Drawings of what was measured, by gnuplot: an SVG each, per kernel."""

import subprocess

STYLE = """set terminal svg size 760,440 font 'sans,12' background 'white'
set key outside right top
set grid
set logscale xy
set format y '10^{%L}'
"""
SIZES = [(name, 1 << shift) for name, shift in (
    ("64 KiB", 16), ("1 MiB", 20), ("16 MiB", 24), ("256 MiB", 28),
    ("4 GiB", 32), ("64 GiB", 36))]


class Drawing:
    """One: its title, its axes, and curves of (name, [(x, y), ...])."""

    def __init__(self, name, title, across, up):
        self.name = name
        self.title = title
        self.across = across
        self.up = up
        self.curves = []

    def add(self, name, points):
        """A curve, if there is anything to draw."""
        points = sorted(p for p in points if all(p))
        if len(points) > 1:
            self.curves.append((name, points))

    def script(self, output):
        """For gnuplot. Names are ours, and have no quotes in them."""
        if self.across == "importers":
            marks = sorted({x for _, points in self.curves for x, _ in points})
            tics = ", ".join(str(mark) for mark in marks)
        else:
            tics = ", ".join(f"'{name}' {size}" for name, size in SIZES)
        lines = [STYLE + f"set xtics ({tics})",
                 f"set output '{output}'", f"set title '{self.title}'",
                 f"set xlabel '{self.across}'", f"set ylabel '{self.up}'"]
        for number, (_, points) in enumerate(self.curves):
            lines += [f"$curve{number} << EOD",
                      *(f"{x} {y}" for x, y in points), "EOD"]
        curves = (f"$curve{number} using 1:2 with linespoints title '{name}'"
                  for number, (name, _) in enumerate(self.curves))
        return "\n".join([*lines, "plot " + ", ".join(curves)]) + "\n"


def _points(records, step, side="ours", **wanted):
    """(bytes, value) of those records."""
    return [(r["bytes"], r[side]) for r in records if r["step"] == step
            and all(r[field] == value for field, value in wanted.items())]


def _map(name, records):
    drawing = Drawing("map", f"Map, Linux {name}", "size",
                      "instructions to map")
    for label, side, wanted in (
            ("export, by bus address", "ours", {"work": "export", "route": "bus"}),
            ("export, by the IOMMU", "ours", {"work": "export", "route": "iommu"}),
            ("system heap", "peer", {"work": "bounce buffer, heap"}),
            ("udmabuf", "peer", {"work": "bounce buffer, memfd"}),
            ("VFIO import", "ours", {"work": "VFIO import"}),
            ("type1, of a CPU mapping", "peer", {"work": "VFIO import"})):
        drawing.add(label, _points(records, "map", side, **wanted))
    return drawing


def _register(name, records):
    drawing = Drawing("register", f"Until memory can be given, Linux {name}",
                      "size", "instructions")
    for label, side, wanted in (
            ("export", "ours", {"work": "export", "route": "bus"}),
            ("system heap", "peer", {"work": "bounce buffer, heap"}),
            ("udmabuf", "peer", {"work": "bounce buffer, memfd"})):
        drawing.add(label, _points(records, "export", side, **wanted))
    drawing.add("struct pages", _points(records, "total", "peer",
                                        work="struct pages"))
    return drawing


def _memory(name, records):
    drawing = Drawing("memory", f"Kernel memory held, Linux {name}", "size", "bytes held")
    drawing.add("export, mapped", _points(records, "total", work="memory"))
    drawing.add("struct pages", _points(records, "total", "peer",
                                        work="struct page memory"))
    return drawing


def _revoke(name, records):
    drawing = Drawing("revoke", f"Revoke, Linux {name}", "importers",
                      "instructions until it returns")
    drawing.add("peerbuf", [(int(r["work"].rpartition(" ")[2]), r["ours"])
                            for r in records if r["work"].startswith("revoke,")
                            and r["step"] == "total"])
    return drawing


def draw(kernel, folder):
    """All of a kernel's; the names of the files."""
    records = kernel.records()
    made = []
    for drawing in (kind(kernel.name, records)
                    for kind in (_map, _register, _memory, _revoke)):
        if not drawing.curves:
            continue
        path = folder / f"{drawing.name}-{kernel.name}.svg"
        subprocess.run(["gnuplot", "-"], input=drawing.script(path), text=True,
                       check=True)
        made.append(path)
    return made
