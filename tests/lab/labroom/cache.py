# SPDX-License-Identifier: GPL-2.0
"""The cache: finished things under a key, never half-finished ones.

Everything expensive lives outside the checkout, in a directory named after a
hash of what it was made from.  A thing is made in a `.partial` directory and
renamed when complete, under a lock of its own: an interrupted build is never
mistaken for a finished one, and two labs never make the same thing twice.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
import time
from pathlib import Path


def base():
    """The cache's directory, by the usual environment variables."""
    explicit = os.environ.get("PEERBUF_CACHE")
    if explicit:
        return Path(explicit).absolute()
    xdg = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(xdg).absolute() / "peerbuf"


def digest(*parts):
    """A short key made of strings, byte strings and lists of them."""
    state = hashlib.sha256()
    for part in parts:
        if isinstance(part, (list, tuple)):
            part = digest(*part)
        data = part if isinstance(part, bytes) else str(part).encode()
        state.update(b"%d:" % len(data) + data)
    return state.hexdigest()[:16]


def note(message):
    """Progress, on stderr: a cold cache takes minutes, and silence frightens.

    Warm runs never come here, so the command's own stderr stays its own.
    """
    print(f"lab: {message}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def lock(name):
    """Hold the named lock; the kernel drops it when the process dies."""
    folder = base() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{name}.lock", "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note(f"waiting for another lab to finish {name}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def obtain(kind, name, make):
    """The finished directory kind/name; make(partial) fills it if missing."""
    final = base() / kind / name
    if final.is_dir():
        os.utime(final)
        return final
    with lock(f"{kind}-{name}"):
        if final.is_dir():
            return final
        partial = final.with_name(name + ".partial")
        remove(partial)
        partial.mkdir(parents=True)
        started = time.monotonic()
        try:
            make(partial)
        except BaseException:
            remove(partial)
            raise
        os.rename(partial, final)
        note(f"{kind}/{name} made in {time.monotonic() - started:.0f} s")
    return final


def remove(path):
    """Remove a tree, whatever it holds."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()


def prune(kind, prefix, keep, older_than=86400):
    """Drop all but the newest `keep` entries that nobody used for a day.

    A running guest reads its layer live, hence the age.
    """
    folder = base() / kind
    entries = sorted((p for p in folder.glob(prefix + "*")),
                     key=lambda p: p.stat().st_mtime, reverse=True)
    for path in entries[keep:]:
        if time.time() - path.stat().st_mtime > older_than:
            remove(path)
