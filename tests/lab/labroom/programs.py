# SPDX-License-Identifier: GPL-2.0
"""Programs: the tests of a layer, by its test programs' own word."""

import subprocess

from . import chroot

FOLDER = "usr/libexec/peerbuf/tests"
# In every program that has the harness's main().
MARK = b"PEERBUF_TEST_ROUNDS"

_LIST = r"""
LD_LIBRARY_PATH=
for folder in /mnt/library/lib/*/; do
    LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder
done
export LD_LIBRARY_PATH
emulator=$1; shift
cd /mnt/layer/libexec/peerbuf/tests
status=0
for area; do
    $emulator "./$area" --list > /tmp/list || {
        echo "$area --list ended with status $?" >&2
        status=1
    }
    sed "s/^/$area /" /tmp/list
done
exit $status
"""


def listed(layer):
    """Print "AREA TEST" for each; the status, 1 if a program does not tell."""
    tests, library = layer.roots[:2]
    folder = tests / FOLDER
    areas = [path.name for path in sorted(folder.iterdir())
             if path.is_file() and MARK in path.read_bytes()]
    line = chroot.command(layer.kernel.image.root,
                          [(tests / "usr", "/mnt/layer"),
                           (library / "usr", "/mnt/library")],
                          ["sh", "-uc", _LIST, "sh",
                           layer.kernel.user_emulator, *areas])
    return subprocess.run(line, stdin=subprocess.DEVNULL,
                          check=False).returncode
