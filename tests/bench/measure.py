# SPDX-License-Identifier: GPL-2.0
"""Measuring: guests that run the benchmarks, and the figures they print."""

import concurrent.futures
import json
import subprocess
import sys
from pathlib import Path

LAB = Path(__file__).resolve().parents[1] / "lab" / "lab"
sys.path.insert(0, str(LAB.parent))

from labroom.errors import EXIT_GONE            # noqa: E402

INSTALLED = "/usr/libexec/peerbuf/tests"
TIMEOUT = 900

# What runs in which machine: one guest each.
WORK = {
    "plain": "./bench bus memory copy && ./peers_bench && ./storage_bench",
    "vtd": "./bench iommu revoke && ./vfio_bench",
}
# A guest on virtual time has no other clock to check this one by, and another one may
# take a call to the hypervisor to read.
APPEND = "tsc=reliable"

OURS = ("peerbuf", "peerbuf-vfio-pci")


class Kernel:
    """What one kernel's guests have said."""

    def __init__(self, name):
        self.name = name
        self.release = None     # and the version of Debian's package
        self.good = True
        self.gone = False
        self.values = {}        # {(work, route, ranges, bytes): {(step, who): value}}

    def feed(self, text):
        """A guest's output."""
        for line in text.splitlines():
            line = line.removeprefix("# ")
            if line.startswith("uname "):
                self.release = line.partition(" ")[2]
            elif line.startswith("{"):
                said = json.loads(line)
                key = said["work"], said["route"], said["ranges"], said["bytes"]
                self.values.setdefault(key, {})[said["step"], said["who"]] = \
                    said["value"]

    def records(self):
        """As in bench.json, in the order they were measured."""
        return [self._record(key, step, who, value)
                for key, values in self.values.items()
                for (step, who), value in values.items()
                if step != "refused" and who in OURS]

    def _record(self, key, step, ours, value):
        work, route, ranges, size = key
        peers = {who: peer for (name, who), peer in self.values[key].items()
                 if name == step and who != ours}
        peer_name, peer = next(iter(peers.items()), (None, None))
        return {"kernel": self.name, "work": work, "route": route,
                "ranges": ranges, "bytes": size, "step": step, "ours": value,
                "peer": peer, "peer_name": peer_name,
                "ratio": round(value / peer, 4) if peer else None}

    def refusals(self):
        """{(work, route, ranges, bytes): (who, errno)} of what a peer cannot do."""
        return {key: (who, value) for key, values in self.values.items()
                for (step, who), value in values.items()
                if step == "refused" and who not in OURS}


def _guest(kernel, machine, bar_size, tests):
    """One guest; True if all went well."""
    line = [str(LAB), "run", "-k", kernel.name, "-m", machine, "--bar-size",
            bar_size, "--append", APPEND, "--timeout", str(TIMEOUT)]
    if tests:
        line += ["--share", tests]
    folder = "/mnt/share" if tests else INSTALLED
    script = f"echo uname $(uname -rv); cd {folder} && {WORK[machine]}"
    done = subprocess.run(line + ["--", "sh", "-c", script], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode:
        print(done.stdout, done.stderr, f"{kernel.name}/{machine}: exit status "
              f"{done.returncode}", sep="\n", file=sys.stderr)
    return done.returncode == 0, done.stdout


def _prepare(kernel):
    """What its guests need; False if the kernel cannot be had any more."""
    done = subprocess.run([str(LAB), "prepare", "-k", kernel.name], check=False,
                          stdin=subprocess.DEVNULL)
    kernel.gone = done.returncode == EXIT_GONE     # the lab has said why
    kernel.good = done.returncode == 0
    return kernel.good


def measure(names, bar_size, jobs, tests=None):
    """All kernels, so many guests at a time."""
    kernels = [Kernel(name) for name in names]
    # In turn, not four builds at once.
    able = [kernel for kernel in kernels if _prepare(kernel)]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = [(kernel, pool.submit(_guest, kernel, machine, bar_size, tests))
                   for machine in WORK for kernel in able]
        for kernel, future in running:
            good, said = future.result()
            kernel.feed(said)
            kernel.good &= good and bool(kernel.values)
    return kernels
