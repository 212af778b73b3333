# SPDX-License-Identifier: GPL-2.0
"""The archive: which kernels a Debian suite offers today, without a tree of it.

Old suites have one kernel for good.  Testing, unstable and backports move on, and what
they had yesterday is gone: so the lab asks before it makes a tree.
"""

import functools
import os
import re
import tempfile
from pathlib import Path

from . import host


@functools.lru_cache(maxsize=None)
def packages(suite, debian):
    """The names of a suite's packages for an architecture that begin with linux-."""
    with tempfile.TemporaryDirectory(prefix="peerbuf-lab-apt-") as folder:
        os.chmod(folder, 0o755)
        for name in ("lists/partial", "cache/archives/partial"):
            (Path(folder) / name).mkdir(parents=True)
        lines = [line.replace("deb ", f"deb [arch={debian} "
                              f"signed-by={host.KEYRING}] ", 1)
                 for line in host.sources(suite)
                 if f" {suite} " in line]
        (Path(folder) / "sources").write_text("\n".join(lines) + "\n")
        options = ["-q", *(f"-o{name}={value}" for name, value in (
            ("Dir::Etc::SourceList", f"{folder}/sources"),
            ("Dir::Etc::SourceParts", "/dev/null"),
            ("Dir::State::Lists", f"{folder}/lists"),
            ("Dir::Cache", f"{folder}/cache"),
            ("Dir::State::Status", "/dev/null"),
            ("APT::Architecture", debian), ("APT::Architectures", debian),
            ("APT::Sandbox::User", "root"), ("Acquire::Languages", "none"),
            ("Acquire::Check-Valid-Until", "false"),
            # An update that got nothing must not pass for an empty suite.
            ("APT::Update::Error-Mode", "any")))]
        host.quiet(["apt-get", *options, "update"])
        said = host.quiet(["apt-cache", *options, "pkgnames", "linux-"])
        return frozenset(said.decode().split())


def kernels(names, debian):
    """Of package names: the releases with an image and headers, newest first."""
    form = re.compile(rf"linux-image-(([0-9.]+)\+deb[0-9]+-{debian})")
    found = [(tuple(map(int, match.group(2).split("."))), match.group(1))
             for match in map(form.fullmatch, names) if match]
    return [release for _, release in sorted(found, reverse=True)
            if f"linux-headers-{release}" in names]


def of_series(releases, series):
    """The releases of a series: 7.2.12+deb14-amd64 is of 7.2, 7.20.1-... is not."""
    return [r for r in releases if r.startswith(series + ".")]
