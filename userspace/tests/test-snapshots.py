#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs topo, why and doctor on snapshots of other machines.

Usage: test-snapshots.py PEERBUF [--update]

Each command's output on each machine, and its help, are compared with snapshots/golden, and every
verdict with a second implementation, which is written from Documentation/topology.rst and
independent of path.c. --update rewrites the golden files: read the difference before committing."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent / "snapshots"
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
import machines  # noqa: E402

REDIRECTS = 0x04 | 0x08 | 0x20
LISTED = {0x2030: False, 0x2031: False, 0x2f00: True}   # device: same host bridge only
PEERBUF = sys.argv[1]
UPDATE = "--update" in sys.argv[2:]
failures = 0


def fail(message):
    global failures
    failures += 1
    print(message)


def peerbuf(*words, code=0, **more):
    environment = dict(os.environ, PEERBUF_PCI_IDS=str(HERE / "pci.ids"), LC_ALL="C.UTF-8",
                       NO_COLOR="1", **more)
    done = subprocess.run([PEERBUF, *map(str, words)], env=environment, capture_output=True)
    if code is not None and done.returncode != code:
        fail(f"peerbuf {' '.join(map(str, words))}: exit code {done.returncode}, not {code}\n"
             + done.stderr.decode(errors="replace"))
    return done


class Opinion:
    """What Documentation/topology.rst says about two functions of a snapshot."""

    def __init__(self, snapshot):
        self.by_address = {f["function"]: f for f in snapshot["functions"]}
        self.zen = snapshot["cpu"]["vendor"] == "AuthenticAMD" and snapshot["cpu"]["family"] >= 23
        self.overrides = snapshot["overrides"].split(",")

    def way_up(self, function):
        while function:
            yield function
            function = self.by_address.get(function["parent"])

    def redirects(self, function):
        """Returns None if that cannot be known."""
        if function["acs"]["state"] == "unknown":
            below = [f for f in self.by_address.values() if f["parent"] == function["function"]]
            if function["bridge"] and any(self.isolated_from(f, function) for f in below):
                return True
            return None
        return function["acs"]["state"] == "read" and bool(function["acs"]["control"] & REDIRECTS)

    def isolated_from(self, below, bridge):
        """Does its group show that all downstream and root ports above it isolate?"""
        ports = list(self.way_up(bridge))
        depth = len(ports)
        downstream = depth % 2 == 1     # root port, upstream, downstream, upstream, …
        if not downstream:
            return False
        everything = [f for f in self.by_address.values() if bridge in self.way_up(f)
                      and f is not bridge]
        return any(f["iommu_group"] is not None and parent["iommu_group"] != f["iommu_group"]
                   for f in everything for parent in [self.by_address[f["parent"]]])

    def host(self, side):
        top = side[-1]
        first = self.by_address.get(top["root"] + ":00.0")
        judge = first or (top if top["bridge"] else None)
        known = bool(judge) and judge["vendor"] == 0x8086 and judge["device"] in LISTED
        return top["root"], known, known and LISTED[judge["device"]]

    def through(self, provider, client):
        """Returns the type of a route through the root complex."""
        if self.zen:
            return "THRU_HOST_BRIDGE"
        hosts = [self.host(side) for side in (provider, client)]
        same = hosts[0][0] == hosts[1][0]
        pair = {provider[0]["function"], client[0]["function"]}
        vouched = any(set(o.split("-")) == pair for o in self.overrides if "-" in o)
        for root, known, same_only in hosts:
            fine = known and (same or not same_only)
            if not fine and f"host:{root}" not in self.overrides and not vouched:
                return "NOT_SUPPORTED"
        return "THRU_HOST_BRIDGE"

    def verdicts(self, provider, client):
        """Returns all verdicts that are possible."""
        up = [list(self.way_up(self.by_address[f])) for f in (provider, client)]
        common = next((f for f in up[0] if any(f is g for g in up[1])), None)
        if common is None:
            return {self.through(*up)}
        if provider == client:
            return {"BUS_ADDR"}
        on_the_way = [f for side in up for f in side[:[g is common for g in side].index(True)]]
        states = {self.redirects(f) for f in on_the_way + [common]}
        if True in states:
            return {self.through(*up)}
        if None in states:
            return {"BUS_ADDR", self.through(*up)}
        return {"BUS_ADDR"}


def check_verdicts(name, snapshot, path):
    opinion = Opinion(snapshot)
    # If there are very many functions, take a sample from all places.
    names = [f["function"] for f in snapshot["functions"] if f["bars"]]
    some = names[::11] if len(names) > 200 else []
    topo = json.loads(peerbuf("topo", "-j", "--all", "--from", path, *some).stdout)
    if len(topo["routes"]) != len(some or names) ** 2:
        fail(f"{name}: {len(topo['routes'])} routes")
    for route in topo["routes"]:
        ours = opinion.verdicts(route["provider"], route["client"])
        theirs = {route["route"]["type"]}
        if theirs == {"UNKNOWN"}:
            theirs = {may["type"] for may in route["route"]["may_be"]}
        if ours != theirs:
            fail(f"{name}: {route['client']} to {route['provider']}: {sorted(theirs)}, "
                 f"but should be {sorted(ours)}")


def check_json(name, *words):
    answer = json.loads(peerbuf(*words, code=None).stdout.decode("utf-8", "strict"))
    if empty(answer):
        fail(f"{name}: {' '.join(map(str, words))}: what there is none of is not null")


def compare(name, text):
    path = HERE / "golden" / name
    if UPDATE:
        path.write_text(text)
    elif not path.exists() or path.read_text() != text:
        fail(f"{path} differs from:\n{text}")


GOLDEN = {
    "topo": ("topo",),
    "pairs": ("topo", "--pairs", "-r", "-n"),
    "columns": ("topo", "-o", "FUNCTION,BARS,GROUP,CLASS,DMA_BITS,DECODE,PARENT", "--all"),
    "tree": ("topo", "--tree"),
    "dot": ("topo", "--dot"),
    "doctor": ("doctor",),
}

# Machines that are too large to read the output of, and add no new shape.
BRIEF = {"thousand": ("doctor",), "vfs": ("topo", "dot", "doctor"), "board8": GOLDEN,
         "board8-isolated": ("topo", "tree", "dot", "doctor")}

WHY = {
    "board8": [("0000:03:00.0", "0000:05:00.0", 0), ("0000:03:00.0", "0000:43:00.0", 0)],
    "board8-isolated": [("0000:03:00.0", "0000:05:00.0", 3)],
    "two-sockets": [("0000:18:00.0", "0000:19:00.0", 0)],
    "same-only": [("0000:01:00.0", "0000:02:00.0", 0), ("0000:01:00.0", "0000:81:00.0", 3)],
    "grace": [("0009:01:00.0", "0000:01:00.0", 3), ("0002:01:00.0", "0006:01:00.0", 0)],
    "nested": [("0000:14:00.0", "0000:15:00.0", 0), ("0000:14:00.0", "0000:28:00.0", 3)],
    "nested-user": [("0000:14:00.0", "0000:15:00.0", 6), ("0000:14:00.0", "0000:40:00.0", 3)],
    "functions": [("0000:01:00.0", "0000:01:00.1", 0), ("0000:01:00.0", "0000:01:00.2", 0),
                  ("0000:01:00.0", "0000:41:00.0", 0)],
    "lab-plain": [("0000:04:00.0", "0000:03:00.0", 0), ("0000:82:00.0", "0000:06:00.0", 0)],
    "lab-vtd": [("0000:07:00.0", "0000:06:00.0", 0)],
    "lab-intel": [("0000:82:00.0", "0000:06:00.0", 3)],
    "domains": [("10000:01:00.0", "0000:02:00.0", 0), ("0000:01:00.0", "0001:01:00.0", 3)],
}


def check_machine(name, directory):
    snapshot = machines.MACHINES[name]().snapshot()
    path = directory / name
    path.write_text(json.dumps(snapshot))
    check_verdicts(name, snapshot, path)
    for kind in BRIEF.get(name, GOLDEN):
        done = peerbuf(*GOLDEN[kind], "--from", path, code=None)
        compare(f"{name}.{kind}", done.stdout.decode() + f"[exit {done.returncode}]\n")
    for n, (provider, client, code) in enumerate(WHY.get(name, [])):
        done = peerbuf("why", "--from", path, provider, client, code=code)
        compare(f"{name}.why{n}", done.stdout.decode())
        check_json(name, "why", "-j", "--from", path, provider, client)
    check_json(name, "doctor", "-j", "--from", path)
    check_json(name, "topo", "-j", "-o", "FUNCTION,RATE,DECODE", "--from", path)
    findings = peerbuf("doctor", "--from", path, code=None).stdout.decode()
    if re.search(r"iommu=off|iommu=pt|passthrough=1|disable the IOMMU|IOMMU off", findings):
        fail(f"{name}: a remedy takes the IOMMU away")
    return path


def check_every_bridge(path):
    """The suggested parameter names all bridges that redirect between the two, and no others."""
    why = json.loads(peerbuf("why", "-j", "--from", path, "0000:03:00.0", "0000:05:00.0",
                             code=3).stdout)
    if why["disable_acs_redir"] != "0000:02:00.0;0000:02:02.0":
        fail(f"disable_acs_redir is {why['disable_acs_redir']}")


def check_diff(directory):
    before, after = directory / "board8", directory / "changed"
    snapshot = machines.board8().snapshot()
    for function in snapshot["functions"]:
        if function["function"] == "0000:02:00.0":
            function["acs"] = {"state": "read", "capability": 0x5f, "control": 0x1d}
    snapshot["functions"] = [f for f in snapshot["functions"] if f["function"] != "0000:66:00.0"]
    snapshot["facts"]["kernel"] = "7.2.12"
    snapshot["cpu"] = {"vendor": "GenuineIntel", "family": 6}
    after.write_text(json.dumps(snapshot))
    same = peerbuf("snapshot", "--diff", before, before)
    if same.stdout:
        fail("a machine differs from itself")
    done = peerbuf("snapshot", "--diff", before, after, code=7)
    lines = done.stdout.decode().splitlines()
    for expected in ("fact machine kernel: ", "function 0000:66:00.0: Made-up Disk -> none",
                     "function 0000:02:00.0 acs: ",
                     "route 0000:05:00.0 to 0000:03:00.0: BUS_ADDR -> NOT_SUPPORTED"):
        if not any(line.startswith(expected) for line in lines):
            fail(f"--diff does not say '{expected}'")
    changes = json.loads(peerbuf("snapshot", "--diff", "-j", before, after, code=7).stdout)
    if len(changes["changes"]) != len(lines):
        fail("--diff -j says other things than --diff")


def check_filters(path):
    def functions(*words):
        return peerbuf("topo", "-rno", "FUNCTION", "--from", path, *words).stdout.split()
    for words, number in ((("-f", "driver=amdgpu"), 8), (("-f", "class=0108"), 4),
                          (("-f", "numa=1"), 8), (("-f", "below=0000:21:00.0"), 4),
                          (("-f", "vendor=fff0", "-f", "numa=0", "-f", "class=02"), 2),
                          (("-f", "group=77"), 0)):
        if len(functions(*words)) != number:
            fail(f"topo {' '.join(words)} shows {len(functions(*words))}, not {number}")
    for words, said in ((("-f", "group=77"), b"passes the filters"),
                        (("-f", "below=0000:21:00.0", "-f", "class=02"), b"one function")):
        if said not in peerbuf("topo", "--from", path, *words).stdout:
            fail(f"topo {' '.join(words)} does not say: {said.decode()}")
    peerbuf("topo", "-f", "colour=red", "--from", path, code=2)
    peerbuf("topo", "-o", "COLOUR", "--from", path, code=2)
    peerbuf("topo", "--dot", "--tree", "--from", path, code=2)


def check_drawing(paths, directory):
    """Draws if graphviz is installed; otherwise the command says what is missing."""
    drawing = directory / "routes.svg"
    missing = peerbuf("topo", "--svg", drawing, "--from", paths["board8"], code=1,
                      PATH=str(directory))
    if b"install graphviz" not in missing.stderr or drawing.exists():
        fail("without graphviz --svg does not say so")
    if not shutil.which("dot"):
        return
    for name in ("board8", "nested-user", "vfs", "grace", "desktop"):
        peerbuf("topo", "--svg", drawing, "--from", paths[name])
        text = ElementTree.parse(drawing).getroot().itertext()
        if "through the root complex" not in " ".join(text):
            fail(f"{name}: no legend in the drawing")
    peerbuf("topo", "--svg", directory / "nowhere/routes.svg", "--from", paths["board8"], code=1)


def check_help():
    """What each command says of itself."""
    overview = peerbuf("--help").stdout.decode()
    names = re.findall(r"^  ([a-z]+) +\S", overview, re.M)
    if len(names) < 25:
        fail(f"there are {len(names)} commands")
    compare("help", overview + "".join(f"\n{peerbuf(name, '--help').stdout.decode()}"
                                       for name in names))


def check_bar_mask(directory):
    """The client's DMA mask counts if a BAR is given."""
    path = directory / "domains"
    topo = peerbuf("why", "-j", "--bar", 0, "--from", path, "0000:02:00.0", "10000:01:00.0", code=3)
    if json.loads(topo.stdout)["route"]["reason"] != "DMA_MASK":
        fail("a mask of 44 bits reaches a BAR at 2^44")


def check_speed(path):
    def spent():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime
    # CPU time, so that other load does not matter.
    before = spent()
    peerbuf("topo", "--from", path)
    took = spent() - before
    if took > 1:
        fail(f"1,000 functions take {took:.2f} s")


def check_odd_files(directory):
    """Whatever a file contains, the command answers or refuses."""
    path = directory / "odd"
    circle = machines.Machine()
    for name, parent in (("0000:00:01.0", "0000:00:02.0"), ("0000:00:02.0", "0000:00:01.0")):
        circle.port(name, parent, "0000:00", machines.ROOT_PORT)
    circle.device("0000:01:00.0", "0000:00:01.0", "0000:00", machines.GPU)
    circle.device("0000:02:00.0", "0000:0f:01.0", "0000:00", machines.GPU)
    deep = machines.Machine()
    above = None
    for bus in range(80):
        above = deep.port(machines.address(0, bus, 1), above, "0000:00", machines.DOWNSTREAM)
    deep.device("0000:f0:00.0", above, "0000:00", machines.GPU)
    deep.device("0000:f1:00.0", above, "0000:00", machines.GPU)
    for text, code in (("", 1), ("[]", 1), ("{}", 1), ('{"format": "peerbuf-snapshot"}', 1),
                       ('{"format": "peerbuf-snapshot", "version": 1, "functions": [1]}', 1),
                       ('{"format": "peerbuf-snapshot", "version": 1, "functions": 7}', 0),
                       ('{"format": "peerbuf-snapshot", "version": 1}', 0),
                       (json.dumps(circle.snapshot()), 0), (json.dumps(deep.snapshot()), 0)):
        path.write_text(text)
        for command in (("topo",), ("topo", "--tree"), ("topo", "--dot")):
            peerbuf(*command, "--from", path, code=code)
        peerbuf("doctor", "--from", path, code=code if code else None)
    peerbuf("topo", "--from", directory / "nowhere", code=1)


def empty(value):
    """Is there a text in it that says nothing?"""
    if isinstance(value, dict):
        return any(empty(each) for each in value.values())
    if isinstance(value, list):
        return any(empty(each) for each in value)
    return value in ("", "-")


def check_this_machine(directory):
    """A snapshot of this machine gives the same output as the machine itself."""
    path = directory / "here"
    path.write_bytes(peerbuf("snapshot").stdout)
    text = path.read_text()
    if empty(json.loads(text)):
        fail("in a snapshot something that there is none of is not null")
    if os.uname().nodename and f'"{os.uname().nodename}"' in text:
        fail("a snapshot names the host")
    if os.path.exists("/dev/peerbuf/control"):
        return
    for words in (("topo", "-j", "--all"), ("doctor", "-j"), ("topo", "--tree")):
        if peerbuf(*words, code=None).stdout != peerbuf(*words, "--from", path, code=None).stdout:
            fail(f"peerbuf {' '.join(words)} says something else of the saved machine")


def main():
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        paths = {name: check_machine(name, directory) for name in machines.MACHINES}
        check_every_bridge(paths["board8-isolated"])
        check_diff(directory)
        check_filters(paths["board8"])
        check_drawing(paths, directory)
        check_bar_mask(directory)
        check_help()
        check_speed(paths["thousand"])
        check_odd_files(directory)
        check_this_machine(directory)
    return 1 if failures else 0


sys.exit(main())
