# SPDX-License-Identifier: GPL-2.0
"""The host: its packages, its Debian mirror, and running things on it."""

import os
import shutil
import subprocess

from . import cache
from .errors import LabError

# What the lab needs on the host: a command that proves it, and its package.
NEEDED = {
    "mmdebstrap": "mmdebstrap",
    "cpio": "cpio",
    "xz": "xz-utils",
    "zstd": "zstd",
    "unshare": "util-linux",
    "mount": "mount",
    "gpgv": "gpgv",
    "ccache": "ccache",
}
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def ensure_tools():
    """Install, by apt, what is missing on the host."""
    if os.geteuid() != 0:
        raise LabError("the lab needs root: it makes trees and mounts them")
    missing = [package for tool, package in NEEDED.items()
               if not shutil.which(tool)]
    if not os.path.exists(KEYRING):
        missing.append("debian-archive-keyring")
    if not missing:
        return
    with cache.lock("host-packages"):
        cache.note("installing on the host: " + " ".join(missing))
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        quiet(["apt-get", "-q", "update"], env=env)
        quiet(["apt-get", "-q", "-y", "--no-install-recommends", "install",
               *missing], env=env)


def quiet(command, **options):
    """Run a command; show what it said only if it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **options)
    if done.returncode:
        said = done.stdout.decode(errors="replace")
        raise LabError(f"{said}\nfailed ({done.returncode}): "
                       + " ".join(map(str, command)))
    return done.stdout


def mirrors():
    """The host's own Debian mirror and security mirror (or None)."""
    found = _index_targets()
    if "Debian" not in found:
        quiet(["apt-get", "-q", "update"])
        found = _index_targets()
    if "Debian" not in found:
        raise LabError("apt on this host knows no Debian archive to take "
                       "packages from")
    return found["Debian"], found.get("Debian-Security")


def sources(suite):
    """The lines of a sources.list for that suite, from the host's mirrors."""
    main, security = mirrors()
    base = suite.removesuffix("-backports")
    lines = [f"deb {main} {base} main"]
    # Testing has a security suite too, but it is empty.
    if security and base not in ("forky", "sid"):
        lines.append(f"deb {security} {base}-security main")
    if base != suite:
        lines.append(f"deb {main} {suite} main")
    return lines


def _index_targets():
    """Label of each archive apt uses here, and its address."""
    form = "$(LABEL)|$(REPO_URI)"
    said = quiet(["apt-get", "indextargets", "--format", form,
                  "Created-By: Packages"]).decode()
    found = {}
    for line in said.splitlines():
        label, _, uri = line.partition("|")
        found.setdefault(label, uri)
    return found


def apt_options():
    """Options of the host's apt that a tree's apt needs as well."""
    options = []
    for name in ("Acquire::http::Proxy", "Acquire::https::Proxy"):
        said = quiet(["apt-config", "dump", "--format", "%v", name]).decode()
        if said.strip():
            options.append(f'{name} "{said.strip()}"')
    return options
