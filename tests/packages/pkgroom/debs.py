# SPDX-License-Identifier: GPL-2.0
"""The packages, built once for each Debian and kept in the cache."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from labroom import cache, host
from labroom.kernel import HOMES

from .machine import BUILDING, Machine

CHECKOUT = Path(__file__).resolve().parents[3]
# What the packages are made from.
BUILT_FROM = ("Kbuild", "compat/", "include/", "drivers/", "userspace/", "packaging/",
              "scripts/deb")
# What has the version in it.
VERSIONED = ["Makefile", "compat/Kbuild.include", "packaging/dkms/dkms.conf",
             "packaging/debian/changelog", "userspace/meson.build"]
STOCK = {"12": HOMES["6.1"][0], "13": HOMES["6.12"][0]}


def version():
    """Of the checkout."""
    return re.search(r"^VERSION := (\S+)", (CHECKOUT / "Makefile").read_text(), re.M).group(1)


def following(text):
    """The version after that one."""
    head, _, last = text.rpartition(".")
    return f"{head}.{int(last) + 1}"


def built(debian, release=None):
    """The .deb files for Debian 12 or 13, by package; of another version if asked for."""
    return {path.name.partition("_")[0]: path
            for path in folder(debian, release).glob("*.deb") if "dbgsym" not in path.name}


def folder(debian, release=None):
    """The directory with all that the build gave."""
    release = release or version()
    name = f"debs-{debian}-{release}-{cache.digest(_state())}"
    path = cache.obtain("packages", name, lambda partial: _build(partial, debian, release))
    cache.prune("packages", f"debs-{debian}-", keep=4)
    return path


def files():
    """Those of the checkout, committed or about to be."""
    said = subprocess.run(["git", "-c", "safe.directory=*", "-C", str(CHECKOUT), "ls-files",
                           "-z", "--cached", "--others", "--exclude-standard"],
                          stdout=subprocess.PIPE, check=True).stdout
    names = sorted({os.fsdecode(name) for name in said.split(b"\0") if name})
    return [name for name in names if (CHECKOUT / name).is_file()]


def _state():
    """What the packages are made from, as a key."""
    state = hashlib.sha256()
    for name in files():
        if name.startswith(BUILT_FROM):
            state.update(name.encode() + b"\0" + (CHECKOUT / name).read_bytes())
    return state.hexdigest()


def _build(partial, debian, release):
    cache.note(f"building the packages, version {release}, for Debian {debian}")
    with Machine(STOCK[debian], BUILDING) as machine, \
            tempfile.TemporaryDirectory() as place:
        source = copy(Path(place) / "peerbuf", release)
        shutil.copytree(source, machine.path("/srv/peerbuf"))
        machine.run("scripts/deb", "/srv/out", directory="/srv/peerbuf")
        for path in machine.path("/srv/out").iterdir():
            if path.suffix in (".deb", ".changes", ".buildinfo"):
                shutil.copy(path, partial)


def clone(place):
    """What is committed, as whoever clones the repository gets it."""
    host.quiet(["git", "-c", "safe.directory=*", "clone", "-q", "--no-hardlinks",
                CHECKOUT, place])
    return place


def copy(place, release=None):
    """A copy of the checkout, of another version if asked for."""
    for name in files():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, place / name)
    if release:
        for name in VERSIONED:
            text = (place / name).read_text()
            (place / name).write_text(text.replace(version(), release))
    return place
