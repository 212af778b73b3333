# SPDX-License-Identifier: GPL-2.0
"""The compiler's memory: the host's ccache, shown to every tree.

A layer is made anew whenever a file of the project changes, and most of its files have
not: what their compiler said is remembered, across trees, checkouts and branches.  The
trees have no ccache; the host's goes in with its own C library.
"""

import os
import shutil
import subprocess

from . import cache

# Where it is in a tree.
INSIDE = "/mnt/ccache"
PROGRAM = f"{INSIDE}/bin/ccache"

# Each tree has a compiler of its own under the same name. And sources are written just
# before they are compiled: their times say nothing.
_WRAPPER = f"""\
#!/bin/sh
export CCACHE_DIR={INSIDE}/memory CCACHE_MAXSIZE=3G CCACHE_COMPILERCHECK=content
export CCACHE_SLOPPINESS=include_file_ctime,include_file_mtime CCACHE_TEMPDIR=/tmp
dir={INSIDE}/lib
exec "$dir/ld-linux-x86-64.so.2" --library-path "$dir" "$dir/ccache" "$@"
"""


def binds():
    """The bind that shows it to a tree."""
    return [(_folder(), INSIDE)]


def _folder():
    program = shutil.which("ccache")
    stat = os.stat(program)
    key = cache.digest(program, stat.st_size, stat.st_mtime_ns, _WRAPPER)
    folder = cache.obtain("ccache", key, lambda partial: _make(program, partial))
    (folder / "memory").mkdir(exist_ok=True)
    return folder


def _make(program, partial):
    (partial / "bin").mkdir()
    (partial / "lib").mkdir()
    said = subprocess.run(["ldd", program], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    for path in [program, *(w for w in said.split() if w.startswith("/"))]:
        shutil.copy(path, partial / "lib")
    wrapper = partial / "bin/ccache"
    wrapper.write_text(_WRAPPER)
    wrapper.chmod(0o755)
