#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Snapshots of made-up machines, in the shapes of real ones.

Usage: machines.py NAME > FILE, or machines.py to list the names."""

import json
import sys

RR, CR, EC = 0x04, 0x08, 0x20
SV, UF = 0x01, 0x10
ISOLATED = SV | RR | CR | UF
ROOT_PORT, UPSTREAM, DOWNSTREAM, ENDPOINT = 4, 5, 6, 0
FAKE = 0xfff0                   # a vendor that is in no list of names
MIB = 1 << 20
GIB = 1 << 30
GPU, NIC, DISK, BRIDGE, HOST = 0x0302, 0x0200, 0x0108, 0x0604, 0x0600


def address(domain, bus, device, function=0):
    return f"{domain:04x}:{bus:02x}:{device:02x}.{function:x}"


class Machine:
    def __init__(self, vendor="", family=0, overrides="", iommu="", **facts):
        self.functions = {}
        self.cpu = {"vendor": vendor, "family": family}
        self.overrides = overrides
        self.iommu = iommu
        self.facts = facts
        self.base = 0x100000000000
        self.group = 0

    def add(self, where, parent, root, device, kind, **more):
        function = {
            "function": where, "parent": parent, "physical": None, "root": root,
            "vendor": FAKE, "device": device, "class": kind, "bridge": kind == BRIDGE,
            "driver": "pcieport" if kind == BRIDGE else "-", "numa_node": None,
            "iommu_group": None, "iommu_type": "", "pcie_type": None,
            "dma_mask_bits": 64 if kind != BRIDGE else 0, "command": 6,
            "acs": {"state": "none"}, "link": None, "bars": [],
        }
        function.update(more)
        if self.iommu:
            function["iommu_type"] = self.iommu
            if function["iommu_group"] is None:
                function["iommu_group"] = self.group
                self.group += 1
        self.functions[where] = function
        return where

    def bar(self, number, size, **more):
        self.base = (self.base + size - 1) // size * size
        bar = {"bar": number, "size": size, "base": self.base, "bus_address": self.base,
               "type": "memory", "prefetchable": True, "64bit": True, "resizable": None}
        self.base += size
        bar.update(more)
        return bar

    def host(self, domain, bus, vendor=FAKE, device=1, numa=None):
        root = f"{domain:04x}:{bus:02x}"
        self.add(address(domain, bus, 0), None, root, device, HOST, vendor=vendor,
                 numa_node=numa)
        return root

    def port(self, where, parent, root, kind, acs=None, **more):
        state = {"state": "none"} if acs is None else \
            {"state": "read", "capability": 0x7f, "control": acs}
        return self.add(where, parent, root, more.pop("device", kind), BRIDGE, pcie_type=kind,
                        acs=state, **more)

    def switch(self, domain, bus, parent, root, ports, acs=None, link=(160, 16)):
        """Adds an upstream port at bus:00.0, with its downstream ports on the next bus."""
        up = self.port(address(domain, bus, 0), parent, root, UPSTREAM, link=speed(*link))
        return [self.port(address(domain, bus + 1, n), up, root, DOWNSTREAM, acs)
                for n in range(ports)]

    def device(self, where, parent, root, kind, size=16 * GIB, driver="-", link=(160, 16),
               device=None, **more):
        return self.add(where, parent, root, device or 0x1000 + (kind >> 8), kind,
                        driver=driver, pcie_type=ENDPOINT, link=speed(*link),
                        bars=more.pop("bars", None) or [self.bar(0, size)], **more)

    def snapshot(self):
        return {"format": "peerbuf-snapshot", "version": 1, "cpu": self.cpu,
                "overrides": self.overrides, "facts": self.facts,
                "functions": list(self.functions.values())}


def speed(rate, width, most=None, lanes=None):
    return {"speed": rate, "width": width, "max_speed": most or rate,
            "max_width": lanes or width}


FACTS = {
    "tool": "0.1.0", "kernel": "6.12.107+deb13-amd64", "architecture": "x86_64", "root": True,
    "parameters": [], "lockdown": "none", "secure_boot": False,
    "config": {"CONFIG_PCI_P2PDMA": "n", "CONFIG_DMABUF_MOVE_NOTIFY": "n",
               "CONFIG_VFIO_PCI_CORE": "m", "CONFIG_INFINIBAND_USER_ACCESS": "m"},
    "modules": [{"name": name, "loaded": True, "installed": True, "version": "0.1.0",
                 "srcversion": None, "taint": "OE"}
                for name in ("p2p", "peerbuf", "peerbuf_vfio_pci")],
    "iommus": [], "memlock": {"soft": 8388608, "hard": 8388608}, "cgroup_memory_max": None,
    "udev_rules": ["/etc/udev/rules.d/60-peerbuf.rules"], "group": True,
    "nodes": {"nr": 0, "writable": 0},
    "importers": [
        {"device": "mlx5_0", "module": "mlx5_ib", "kind": "dynamic", "also_pins": True},
        {"device": "irdma0", "module": "irdma", "kind": "pinned-revocable", "also_pins": False},
        {"device": "bnxt_re0", "module": "bnxt_re", "kind": "pinned", "also_pins": False},
        {"device": "siw0", "module": "siw", "kind": "none", "also_pins": False},
        {"device": "acme0", "module": "acme", "kind": "unknown", "also_pins": False},
    ],
}


def board8(acs=None, iommu="", vendor="AuthenticAMD", family=25):
    """Two sockets, four switches with two GPUs, a NIC and a drive each."""
    gpus = [{"device": f"card{n}", "module": "amdgpu", "kind": "dynamic", "asks_p2pdma": False}
            for n in range(2)]
    m = Machine(vendor, family, iommu=iommu, **FACTS, gpus=gpus)
    for n in range(4):
        bus = 0x20 * n
        root = m.host(0, bus, numa=n // 2)
        port = m.port(address(0, bus, 1), None, root, ROOT_PORT, acs, numa_node=n // 2)
        ports = m.switch(0, bus + 1, port, root, 4, acs)
        for slot, kind, driver in ((0, GPU, "amdgpu"), (1, GPU, "amdgpu"), (2, NIC, "mlx5_core"),
                                   (3, DISK, "nvme")):
            size = {GPU: 64 * GIB, NIC: 32 << 20, DISK: 1 << 14}[kind]
            link = {GPU: (160, 16), NIC: (160, 16), DISK: (160, 4)}[kind]
            m.device(address(0, bus + 3 + slot, 0), ports[slot], root, kind, size, driver, link,
                     numa_node=n // 2)
    return m


def two_sockets():
    """Skylake servers: their host bridges are listed."""
    m = Machine("GenuineIntel", 6, iommu="DMA", **FACTS)
    for numa, bus in enumerate((0x17, 0x85)):
        root = f"0000:{bus:02x}"
        for slot in range(2):
            # No function 00.0 here: the first root port stands for the host bridge.
            port = m.port(address(0, bus, slot + 2), None, root, ROOT_PORT, ISOLATED,
                          vendor=0x8086, device=0x2030 + slot, numa_node=numa)
            m.device(address(0, bus + 1 + slot, 0), port, root, GPU if slot else NIC,
                     GIB, "acme", (80, 8), numa_node=numa)
    return m


def same_only():
    """Haswell servers: below one host bridge only."""
    m = Machine("GenuineIntel", 6, **FACTS)
    for numa, bus in enumerate((0, 0x80)):
        root = m.host(0, bus, 0x8086, 0x2f00, numa)
        for slot in range(2):
            port = m.port(address(0, bus, slot + 1), None, root, ROOT_PORT, 0, numa_node=numa)
            m.device(address(0, bus + 1 + slot, 0), port, root, GPU, GIB, "acme", (80, 16),
                     numa_node=numa)
    return m


def grace():
    """A domain for each root port, and unlisted host bridges, one of which is vouched for."""
    facts = dict(FACTS, kernel="6.8.0-1021-nvidia-64k", architecture="aarch64",
                 config=None, lockdown="integrity", secure_boot=True)
    m = Machine(iommu="DMA-FQ", overrides="host:0000:00,0002:01:00.0-0006:01:00.0", **facts)
    for domain in (0, 2, 6, 9):
        root = f"{domain:04x}:00"
        port = m.port(address(domain, 0, 0), None, root, ROOT_PORT, ISOLATED, vendor=0x10de,
                      device=0x22b1, numa_node=0)
        size = {9: 128 * GIB}.get(domain, 32 << 20)
        m.device(address(domain, 1, 0), port, root, GPU if domain == 9 else NIC, size,
                 "nvidia" if domain == 9 else "mlx5_core", (320, 16), numa_node=0)
    return m


def vfs():
    """Hundreds of virtual functions of a NIC and an accelerator, below one switch."""
    m = Machine("AuthenticAMD", 23, iommu="identity", **FACTS)
    root = m.host(0, 0)
    port = m.port(address(0, 0, 1), None, root, ROOT_PORT, 0)
    ports = m.switch(0, 1, port, root, 2, 0)
    for n, (slot, kind, count) in enumerate(((0, NIC, 255), (1, GPU, 127))):
        bus = 0x10 + 0x10 * n
        first = m.device(address(0, bus, 0), ports[slot], root, kind, GIB, "acme", (320, 16))
        for vf in range(1, count + 1):
            m.device(address(0, bus + (vf >> 8), vf >> 3 & 31, vf & 7), ports[slot], root, kind,
                     1 << 20, "vfio-pci", (0, 0), device=0x2000 + n, physical=first, command=4)
    for function in m.functions.values():
        if function["link"] and not function["link"]["speed"]:
            function["link"] = None
    return m


def nested(known=True):
    """Three levels of switches; one port in the middle redirects. Without privilege only groups
    are known: all ports above the lone one isolate, nothing is known of the others."""
    m = Machine("GenuineIntel", 6, iommu="DMA", **FACTS)
    root = m.host(0, 0)
    port = m.port(address(0, 0, 1), None, root, ROOT_PORT, ISOLATED)
    top = m.switch(0, 1, port, root, 3, 0)
    m.functions[top[0]]["acs"]["control"] = RR
    m.functions[top[2]]["acs"]["control"] = ISOLATED
    for branch in range(2):
        bus = 0x10 + 0x10 * branch
        middle = m.switch(0, bus, top[branch], root, 2, 0)
        for n, below in enumerate(middle):
            low = m.switch(0, bus + 2 + 4 * n, below, root, 2, EC if n else 0, (80, 8))
            for slot in range(2):
                m.device(address(0, bus + 4 + 4 * n + slot, 0), low[slot], root, GPU, GIB,
                         "acme", (160, 16))
    lone = m.device(address(0, 0x40, 0), top[2], root, NIC, GIB, "acme", (80, 8))
    # Functions that are not isolated share a group.
    for name, function in m.functions.items():
        if name not in (lone, port, top[2], address(0, 0, 0)):
            function["iommu_group"] = 3
    if not known:
        for function in m.functions.values():
            function["acs"] = {"state": "unknown"}
            function["pcie_type"] = None
    return m


def functions():
    """Cards of several functions, some of which have ACS between them; the first Zen."""
    m = Machine("AuthenticAMD", 23, iommu="DMA", **FACTS)
    for bus in (0, 0x40):
        root = m.host(0, bus)
        port = m.port(address(0, bus, 1), None, root, ROOT_PORT, 0)
        for function in range(4):
            acs = {"state": "read", "capability": 0x0c, "control": RR if function == 1 else 0}
            m.device(address(0, bus + 1, 0, function), port, root, NIC, 1 << 20, "acme",
                     acs=acs if function else {"state": "none"})
    return m


def domains():
    """A storage domain behind a controller, and two ordinary ones, on the last AMD CPUs
    that do not forward."""
    m = Machine("AuthenticAMD", 21, overrides="10000:01:00.0-0000:02:00.0", **FACTS)
    for domain in (0, 1, 0x10000):
        root = m.host(domain, 0)
        for slot in range(2):
            port = m.port(address(domain, 0, slot + 1), None, root, ROOT_PORT, 0)
            m.device(address(domain, slot + 1, 0), port, root, DISK, 1 << 20, "nvme", (160, 4),
                     dma_mask_bits=44 if domain else 64)
    return m


def desktop():
    """Everything with memory is built into the root complex, or badly placed."""
    facts = dict(FACTS, kernel="5.10.0-30-amd64", importers=[],
                 gpus=[{"device": "card0", "module": "i915", "kind": "static"},
                       {"device": "card1", "module": "vram", "kind": "dynamic"}], udev_rules=[], group=False,
                 modules=[dict(FACTS["modules"][0], loaded=False, installed=False),
                          dict(FACTS["modules"][1], loaded=False, signed=False),
                          {"name": "peerbuf_nvme", "loaded": False, "installed": True,
                           "signed": True}],
                 memlock={"soft": 0, "hard": 0}, sig_enforce=True,
                 cgroup_rdma_max=["mlx5_0 hca_handle=2 hca_object=max"])
    m = Machine("GenuineIntel", 6, **facts)
    root = m.host(0, 0)
    m.device(address(0, 2, 0), None, root, 0x0300, 256 << 20, "i915")
    m.device(address(0, 0x14, 0), None, root, 0x0c03, 1 << 16, "xhci_hcd")
    bars = [m.bar(1, 256 << 20, resizable=[(1 << 20) << n for n in range(8, 14)]),
            m.bar(2, 32, type="io")]
    m.add(address(0, 3, 0), None, root, 0x99, GPU, bars=bars, driver="acme", command=0)
    return m


def lab(vendor="AuthenticAMD", family=23, iommu="", acs=None):
    """The machine of tests/lab, whose endpoints have no PCI Express link. ACS is switched on
    if there is an IOMMU; the switch has none."""
    edu, mem = (0x1234, 0x11e8, 0x00ff), (0x1af4, 0x1110, 0x0500)
    m = Machine(vendor, family, iommu=iommu,
                **dict(FACTS, importers=[], udev_rules=[], group=False))

    def card(bus, port, root, what, size, driver="-"):
        bars = [m.bar(2 if size > MIB else 0, size, prefetchable=size > MIB)]
        m.device(address(0, bus, 0), port, root, what[2], vendor=what[0], device=what[1],
                 driver=driver, link=(0, 0), bars=bars)
        m.functions[address(0, bus, 0)].update(link=None, pcie_type=None, iommu_type="")

    near = m.host(0, 0, 0x8086, 0x29c0)
    far = m.host(0, 0x80, 0x1b36, 0x000b)
    ports = [m.port(address(0, 0, slot), None, near, ROOT_PORT, acs, vendor=0x1b36,
                    device=0x000c) for slot in range(2, 6)]
    ports += [m.port(address(0, 0x80, slot), None, far, ROOT_PORT, acs, vendor=0x1b36,
                     device=0x000c) for slot in range(2)]
    up = m.port("0000:01:00.0", ports[0], near, UPSTREAM, vendor=0x104c, device=0x8232)
    down = [m.port(address(0, 2, slot), up, near, DOWNSTREAM, vendor=0x104c, device=0x8233)
            for slot in range(3)]
    card(3, down[0], near, edu, MIB)
    card(4, down[1], near, mem, 16 * MIB)
    card(5, down[2], near, (0x1b36, 0x0010, 0x0108), 16 * MIB, "nvme")
    card(6, ports[1], near, edu, MIB)
    card(7, ports[2], near, mem, 16 * MIB)
    card(0x81, ports[4], far, edu, MIB)
    card(0x82, ports[5], far, mem, 16 * MIB)
    # Grouped as the kernel does it: each function with its port of the switch.
    for below, port in zip(("0000:03:00.0", "0000:04:00.0", "0000:05:00.0"), down):
        m.functions[below]["iommu_group"] = m.functions[port]["iommu_group"]
    return m


def thousand():
    """1,000 devices: two domains of 32 host bridges each have switches, cards and VFs."""
    m = Machine("AuthenticAMD", 26, iommu="DMA", **FACTS)
    nr = 0
    for domain in range(2):
        for host in range(32):
            bus = host * 8
            root = m.host(domain, bus, numa=host // 16)
            port = m.port(address(domain, bus, 1), None, root, ROOT_PORT, ISOLATED)
            ports = m.switch(domain, bus + 1, port, root, 4, 0 if host % 2 else ISOLATED)
            for slot in range(4):
                for function in range(4 if slot else 8):
                    if nr < 1000:
                        m.device(address(domain, bus + 3 + slot, 0, function), ports[slot], root,
                                 GPU if slot else NIC, 1 << 30, "acme", (320, 16),
                                 numa_node=host // 16)
                        nr += 1
    # Fill up to the promised number.
    for host in range(32):
        for function in range(8):
            if nr < 1000:
                m.device(address(0, host * 8, 0x10, function), None, f"0000:{host * 8:02x}", NIC,
                         1 << 20, "acme", (80, 4))
                nr += 1
    return m


MACHINES = {
    "board8": board8,
    "board8-isolated": lambda: board8(ISOLATED, "DMA", "GenuineIntel", 6),
    "two-sockets": two_sockets,
    "same-only": same_only,
    "grace": grace,
    "vfs": vfs,
    "nested": nested,
    "nested-user": lambda: nested(False),
    "functions": functions,
    "domains": domains,
    "desktop": desktop,
    "lab-plain": lab,
    "lab-vtd": lambda: lab(iommu="DMA-FQ", acs=ISOLATED),
    "lab-intel": lambda: lab("GenuineIntel", 6),
    "thousand": thousand,
}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("\n".join(MACHINES))
    else:
        json.dump(MACHINES[sys.argv[1]]().snapshot(), sys.stdout)
