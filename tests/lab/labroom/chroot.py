# SPDX-License-Identifier: GPL-2.0
"""Work done inside a tree: by its own compiler, in a mount namespace.

The tree itself is mounted read-only there, so nothing that is built can spoil
it; /tmp and /mnt are empty tmpfs, and what the caller wants to see is bound
below /mnt.
"""

import os
import subprocess
import sys

from .errors import LabError

# $1 is the tree, then pairs "SOURCE TARGET" up to "--", then the command.
# A new PID namespace with its own /proc: objtool looks itself up there, and
# what a failing build leaves behind dies with it.
_ENTER = r"""
set -e
tree=$1; shift
mount --make-rprivate /
mount --bind "$tree" "$tree"
mount -o remount,bind,ro "$tree"
mount -t proc proc "$tree/proc"
mount --rbind /dev "$tree/dev"
mount -t tmpfs -o mode=1777 tmpfs "$tree/tmp"
mount -t tmpfs -o mode=755 tmpfs "$tree/mnt"
while [ "$1" != -- ]; do
    case $2 in
    /mnt/*) mkdir -p "$tree$2" ;;
    esac
    mount --bind "$1" "$tree$2"
    shift 2
done
shift
exec chroot "$tree" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp \
    LC_ALL=C.UTF-8 TERM="${TERM:-dumb}" DEBIAN_FRONTEND=noninteractive "$@"
"""


def command(root, binds, argv):
    """The host command that runs argv in the tree, with those binds."""
    line = ["unshare", "--mount", "--pid", "--fork", "--kill-child",
            "sh", "-c", _ENTER, "enter", str(root)]
    for source, target in binds:
        line += [str(source), str(target)]
    return line + ["--", *map(str, argv)]


def run(root, binds, argv, verbose=False, what=None):
    """Run argv in the tree; what it says is shown if it fails (or verbose).

    Everything said goes to stderr: stdout belongs to the guest's command.
    """
    pipe = None if verbose else subprocess.PIPE
    done = subprocess.run(command(root, binds, argv),
                          stdin=subprocess.DEVNULL,
                          stdout=sys.stderr if verbose else pipe,
                          stderr=None if verbose else subprocess.STDOUT)
    if done.returncode:
        if not verbose:
            sys.stderr.write(done.stdout.decode(errors="replace"))
        raise LabError(f"{what or argv[0]} failed ({done.returncode})")
    return b"" if verbose else done.stdout


def script(root, binds, text, *args, verbose=False, what=None):
    """Run a shell script in the tree."""
    return run(root, binds, ["sh", "-euc", text, "sh", *args], verbose, what)


def jobs():
    """How many compilers at once."""
    return f"-j{os.cpu_count() or 1}"
