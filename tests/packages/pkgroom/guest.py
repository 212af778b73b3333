# SPDX-License-Identifier: GPL-2.0
"""A guest that boots a machine's tree, with the kernel of its image."""

import shlex
import subprocess
import sys
from pathlib import Path

from labroom.guest import Guest
from labroom.kernel import Kernel

from .machine import Failed

# With it, this file boots the tree $2 with the kernel $1 and runs the rest.
HERE = Path(__file__).resolve()


class Tree:
    """The userland: nothing is stacked over it."""

    layers = ()

    def __init__(self, root):
        self.root = Path(root)


class Nothing:
    """The layer of peerbuf: what is to be tested is installed already."""

    roots = ()

    def __init__(self, kernel):
        self.kernel = kernel

    def modules(self):
        """None is loaded by the lab."""
        return []


def run(kernel, machine, script, timeout=600):
    """Run a shell script in a guest; what it says."""
    line = [sys.executable, "-c",
            f"import sys; sys.path[:0] = {sys.path[:2]!r}; from pkgroom import guest; "
            "sys.exit(guest.boot(*sys.argv[1:]))",
            kernel, str(machine.root), str(timeout), script]
    done = subprocess.run(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if done.returncode:
        raise Failed(f"in a guest with {kernel}: exit status {done.returncode}\n"
                     f"{shlex.quote(script)[:60]}...\n"
                     + "\n".join(done.stdout.splitlines()[-40:]))
    return done.stdout


def boot(kernel, root, timeout, script):
    """The child's part; the exit status of the script."""
    layer = Nothing(Kernel(kernel))
    return Guest(layer, "plain", {"share": None, "out": None}, 16 << 20, float(timeout),
                 land=Tree(root)).run(["sh", "-euc", script])
