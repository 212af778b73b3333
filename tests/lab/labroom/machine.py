# SPDX-License-Identifier: GPL-2.0
"""Machines: the PCI topology every guest sees, and QEMU's command line.

    host bridge 0 (pcie.0, bus 00)              host bridge 1 (far, bus 80)
      |                                           |
      +-- rp0 -- sw (x3130 upstream)              +-- fp-edu -- far-edu  edu
      |           +-- dp-edu  -- sw-edu   edu     |
      |           +-- dp-mem  -- sw-mem   ivshmem +-- fp-mem -- far-mem  ivshmem
      |           +-- dp-nvme -- sw-nvme  nvme + CMB + PMR
      +-- rp1 -- rp-edu  edu
      +-- rp2 -- rp-mem  ivshmem
      +-- rp3 -- io-dev  pci-testdev (a memory BAR and an I/O-port BAR)
      +-- (root complex) virtio-9p, virtio-serial: the lab's own

edu has a DMA engine and no memory; ivshmem's BAR2 is memory, backed by a file
of the host (--bar-size, 16 MiB unless told).  nvme has memory behind two BARs: the
controller memory buffer in BAR2 and, once switched on, the persistent memory region
in BAR4, whose file the host has.  With --gpu the root complex has two GPUs as well:
bochs (bochs-display) and virtio-gpu; with --sriov there is rp4 -- pf, an igb with virtual
functions to switch on, and sibling in the same slot.  A copy between ... crosses:

    sw-edu  and sw-mem    one switch         rp-edu and rp-mem   two root ports
    sw-edu  and rp-mem    switch, root port  rp-edu and far-mem  host bridges

These machines have this topology:

    plain   an AMD CPU, no IOMMU: the host bridge is trusted for peer traffic
    vtd     the same, behind an emulated Intel VT-d that translates
    intel   an Intel CPU, no IOMMU, a host bridge that is not on the list
    arm     arm64: QEMU's board virt, no IOMMU
    smmu    the same, behind an emulated Arm SMMUv3 that translates

Nobody's list has the host bridges of QEMU's virt: on arm and smmu p2p's parameter
override vouches for them.
"""

from dataclasses import dataclass
from pathlib import Path

from .arch import AMD64, ARM64, Architecture
from .errors import UsageError

# TCG lacks these; a CPU that does not claim them starts without complaint.
_EPYC = "EPYC,fxsr-opt=off,misalignsse=off,3dnowprefetch=off,osvw=off," \
        "topoext=off,nrip-save=off"
_SKYLAKE = "Skylake-Server,pcid=off,hle=off,rtm=off,invpcid=off," \
           "avx512f=off,avx512dq=off,avx512cd=off,avx512bw=off," \
           "avx512vl=off,tsc-deadline=off"



@dataclass(frozen=True)
class Model:
    """A machine without its devices."""
    arch: Architecture
    board: str
    cpu: str
    devices: tuple = ()
    cmdline: str = ""


_Q35 = "q35,kernel-irqchip=split"
_VIRT = "virt,gic-version=3"
_VOUCHED = "p2p.override=host:0000:00,host:0000:80"

MACHINES = {
    "plain": Model(AMD64, _Q35, _EPYC),
    "intel": Model(AMD64, _Q35, _SKYLAKE),
    # intremap off: with it on, the emulated lines need more than TCG is worth.
    "vtd": Model(AMD64, _Q35, _EPYC,
                 ("-device", "intel-iommu,intremap=off,caching-mode=on,"
                             "device-iotlb=on,aw-bits=48"),
                 "intel_iommu=on iommu.passthrough=0"),
    "arm": Model(ARM64, _VIRT, "neoverse-n1", (), _VOUCHED),
    "smmu": Model(ARM64, _VIRT + ",iommu=smmuv3", "neoverse-n1", (),
                  "iommu.passthrough=0 " + _VOUCHED),
}

# Only the board's firmware tells the kernel of a second host bridge.  Hot-plug is as
# the PCIe specification has it, not ACPI's.
FIRMWARE = {
    AMD64: ("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"),
    ARM64: ("-bios", "QEMU_EFI.fd"),
}

# A busy guest's clock counts 2 ns an instruction, an idle one's jumps to its next timer.
VIRTUAL_TIME = ["-icount", "shift=1,sleep=off"]

# With --gpu: endpoints of the root complex whose drivers are the kernel's own.
# The display is all memory: 16 MiB behind BAR0.
DISPLAY = "bochs"
GPUS = [
    (DISPLAY, "bochs-display", "pcie.0", "addr=0x8,vgamem=16M"),
    # Blob resources are what makes virtio-gpu a dynamic importer.
    ("virtio-gpu", "virtio-gpu-pci", "pcie.0", "addr=0x9,blob=on"),
]

# With --sriov: a physical function, which needs no driver that knows it, and another
# function in its slot, which is reset along with it.
SRIOV = [
    ("rp4", "pcie-root-port", "pcie.0", "addr=0xa,chassis=10,slot=10"),
    ("pf", "igb", "rp4", "romfile=,multifunction=on,x-pcie-ari-nextfn-1=on,addr=0x0.0x0"),
    ("sibling", "pci-testdev", "rp4", "addr=0x0.0x1"),
]

BAR_SIZE = 16 << 20
CMB_MB = 16
DISK_SIZE = 512 << 20
MARKED_SIZE = 8 << 20
BAD_SECTORS = [("read", 15000), ("write", 15500)]

# (id, QEMU driver, bus, more) of the bridges, parents first.
BRIDGES = [
    ("rp0", "pcie-root-port", "pcie.0", "addr=0x2,chassis=1,slot=1"),
    ("rp1", "pcie-root-port", "pcie.0", "addr=0x3,chassis=2,slot=2"),
    ("rp2", "pcie-root-port", "pcie.0", "addr=0x4,chassis=3,slot=3"),
    ("rp3", "pcie-root-port", "pcie.0", "addr=0x5,chassis=4,slot=4"),
    ("far", "pxb-pcie", "pcie.0", "addr=0x6,bus_nr=0x80"),
    ("sw", "x3130-upstream", "rp0", ""),
    ("dp-edu", "xio3130-downstream", "sw", "addr=0x0,chassis=5,slot=5"),
    ("dp-mem", "xio3130-downstream", "sw", "addr=0x1,chassis=6,slot=6"),
    ("dp-nvme", "xio3130-downstream", "sw", "addr=0x2,chassis=7,slot=7"),
    ("fp-edu", "pcie-root-port", "far", "addr=0x0,chassis=8,slot=8"),
    ("fp-mem", "pcie-root-port", "far", "addr=0x1,chassis=9,slot=9"),
]

# Endpoint id, kind, and the port it sits in.
ENDPOINTS = [
    ("sw-edu", "edu", "dp-edu"),
    ("sw-mem", "ivshmem", "dp-mem"),
    ("sw-nvme", "nvme", "dp-nvme"),
    ("rp-edu", "edu", "rp1"),
    ("rp-mem", "ivshmem", "rp2"),
    ("io-dev", "pci-testdev", "rp3"),
    ("far-edu", "edu", "fp-edu"),
    ("far-mem", "ivshmem", "fp-mem"),
]


@dataclass
class Endpoint:
    """One leaf of the topology."""
    id: str
    kind: str
    port: str
    size: int            # of the BAR that matters: BAR2, CMB and PMR, or BAR0
    backing: Path = None  # the host file behind the BAR, if there is one
    serial: int = 0      # how often it was plugged


def topology():
    """The whole machine as (id, kind, parent) rows, for whoever asks."""
    rows = [(name, driver, bus) for name, driver, bus, _ in BRIDGES]
    return rows + ENDPOINTS


def names(arch):
    """The machines there are for an architecture."""
    return [name for name, model in MACHINES.items() if model.arch is arch]


def check(name, arch=AMD64):
    """Refuse a machine that does not exist, or is of another architecture."""
    if name not in MACHINES:
        raise UsageError(f"-m {name}: no such machine; there are "
                         + ", ".join(MACHINES))
    if name not in names(arch):
        raise UsageError(f"-m {name}: not for {arch.debian}, which has "
                         + ", ".join(names(arch)))


def parse_size(text):
    """A BAR size: a power of two of at least 4 KiB, with K, M, G or T."""
    factors = {"K": 10, "M": 20, "G": 30, "T": 40}
    digits, shift = text, 0
    if text and text[-1].upper() in factors:
        digits, shift = text[:-1], factors[text[-1].upper()]
    size = int(digits) << shift if digits.isdigit() else 0
    if size < 4096 or size & (size - 1) or size > 128 << 30:
        raise UsageError(f"--bar-size {text}: must be a power of two from "
                         "4K to 128G")
    return size


class Machine:
    """One machine, ready to be started: its devices, files and arguments."""

    def __init__(self, name, folder, bar_size, debug, gpus=False,
                 real_time=False, arch=AMD64, sriov=False):
        check(name, arch)
        self.model = MACHINES[name]
        self.clock = [] if real_time else VIRTUAL_TIME
        self.gpus = GPUS if gpus else []
        self.more = self.gpus + (SRIOV if sriov else [])
        self.memory = "4G" if debug else "2G"
        self.bars = folder / "bars"
        self.bars.mkdir()
        self.disk = folder / "disk"
        _write_disk(self.disk)
        sizes = {"edu": 1 << 20, "ivshmem": bar_size, "nvme": CMB_MB << 20,
                 "pci-testdev": 4096}
        self.endpoints = {name: Endpoint(name, kind, port, sizes[kind])
                          for name, kind, port in ENDPOINTS}

    def arguments(self):
        """QEMU's arguments for CPU, memory and PCI."""
        # One thread for all CPUs: see emulator.py.
        line = ["-accel", "tcg,thread=single", *self.clock,
                "-machine", self.model.board, "-cpu", self.model.cpu,
                "-smp", "2", "-m", self.memory, "-nodefaults",
                "-display", "none", "-no-reboot",
                *FIRMWARE[self.model.arch], *self.model.devices]
        if self.gpus:
            # QEMU wants to be able to share what blobs are made of.
            line += ["-object", "memory-backend-memfd,id=ram,share=on,"
                                f"size={self.memory}",
                     "-machine", "memory-backend=ram"]
        for name, driver, bus, more in BRIDGES + self.more:
            line += ["-device", ",".join(
                filter(None, [driver, f"id={name}", f"bus={bus}", more]))]
        # Nobody needs the medium after the guest: a flush need not reach the host's disk.
        line += ["-blockdev", "driver=raw,node-name=disk,cache.no-flush=on,"
                              "file.driver=blkdebug,"
                              "file.image.driver=file,"
                              f"file.image.filename={self.disk},"
                              + ",".join(_bad_sectors())]
        for endpoint in self.endpoints.values():
            backend = self.backend(endpoint)
            if backend:
                line += ["-object", _joined(backend.pop("qom-type"), backend)]
            device = self.device(endpoint)
            line += ["-device", _joined(device.pop("driver"), device)]
        return line

    def backend(self, endpoint):
        """QMP arguments of a fresh memory backend, for what has one.

        Fresh each time: QEMU aborts when one backend is plugged in twice.
        """
        if endpoint.kind not in ("ivshmem", "nvme"):
            return None
        endpoint.serial += 1
        endpoint.backing = self.bars / endpoint.id
        fresh = self.bars / f".{endpoint.id}.new"
        with open(fresh, "wb") as file:
            file.truncate(endpoint.size)
        fresh.rename(endpoint.backing)
        return {"qom-type": "memory-backend-file",
                "id": f"mem-{endpoint.id}-{endpoint.serial}",
                "mem-path": str(endpoint.backing), "size": endpoint.size,
                "share": True, "reserve": False}

    def device(self, endpoint):
        """QMP arguments of an endpoint."""
        common = {"id": endpoint.id, "bus": endpoint.port}
        if endpoint.kind == "edu":
            return {"driver": "edu", "dma_mask": 0xffffffffffffffff, **common}
        if endpoint.kind == "ivshmem":
            return {"driver": "ivshmem-plain", **common,
                    "memdev": f"mem-{endpoint.id}-{endpoint.serial}"}
        if endpoint.kind == "nvme":
            return {"driver": "nvme", **common, "serial": "lab",
                    "drive": "disk", "cmb_size_mb": CMB_MB,
                    "pmrdev": f"mem-{endpoint.id}-{endpoint.serial}"}
        return {"driver": "pci-testdev", **common}


def _bad_sectors():
    """Options of blkdebug: a sector that cannot be read, one that cannot be written."""
    for n, (iotype, sector) in enumerate(BAD_SECTORS):
        yield (f"file.inject-error.{n}.event=none,"
               f"file.inject-error.{n}.iotype={iotype},"
               f"file.inject-error.{n}.sector={sector}")


def _joined(first, properties):
    """A device as QEMU's command line spells it."""
    def spell(value):
        if isinstance(value, bool):
            return "on" if value else "off"
        return str(value).replace(",", ",,")
    return ",".join([first] + [f"{k}={spell(v)}"
                               for k, v in properties.items()])


def _write_disk(path):
    """The NVMe's medium: in the beginning each 512-byte sector says its number
    throughout, the rest is empty."""
    with open(path, "wb") as file:
        for sector in range(MARKED_SIZE // 512):
            file.write((b"peerbuf sector %08d\n" % sector).ljust(32, b".")
                       * 16)
        file.truncate(DISK_SIZE)
