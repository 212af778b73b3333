# SPDX-License-Identifier: GPL-2.0
"""Host: the tests that need no guest."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

# TAP's word for a skipped test, and Python's unittest's.
_SKIPPED = re.compile(r"^ok \d+ - (.+?) # SKIP *(.*)|\.\.\. skipped (.*)", re.M)


def commit_seed():
    """A number that changes by commit; without git, always the same."""
    done = subprocess.run(["git", "-c", "safe.directory=*", "rev-parse", "HEAD"],
                          cwd=CHECKOUT, text=True, check=False, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return int(done.stdout[:7] or "0", 16) + 1


def local(results, name, *command):
    """A test that runs on this machine: one line, its exit status."""
    start = time.monotonic()
    done = subprocess.run(command, cwd=CHECKOUT, text=True, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, errors="replace")
    results.add("host", name, "failed" if done.returncode else "passed",
                done.stdout.splitlines()[-60:], time.monotonic() - start)
    for found in _SKIPPED.finditer(done.stdout):
        test, reason, other = found.groups()
        results.add("host", f"{name}.{test or 'unittest'}", "skipped",
                    [reason or other or "no reason given"])


# The kernel's pure logic as a program, the model of it, and the lab's own tests: the
# longest first.
UNIT = [
    ("model", "tests/model/run", "--short"),
    ("fuzz", "tests/fuzz/run", "--slice"),
    ("unit", "make", "-C", "tests/unit", "check"),
    ("lab", sys.executable, "tests/lab/test_lab.py", "-v"),
    ("run", sys.executable, "tests/runner/test_runner.py", "-v"),
    ("bench", sys.executable, "tests/bench/test_bench.py", "-v"),
]


def jobs(want_unit, want_userspace):
    """What there is to do, as functions of the results, each apart from all others."""
    found = [lambda results, words=words: local(results, *words)
             for words in (UNIT if want_unit else [])]
    return found + ([userspace] if want_userspace else [])


def userspace(results):
    """The library's and the command's own tests, in a build directory aside."""
    cache = Path(os.environ.get("PEERBUF_CACHE")
                 or Path(os.environ.get("XDG_CACHE_HOME")
                         or Path.home() / ".cache") / "peerbuf")
    build = cache / "userspace-tests"
    log = build / "meson-logs/testlog.json"
    again = ["--reconfigure"] if build.exists() else []
    local(results, "userspace.setup", "meson", "setup", *again, str(build),
          "userspace")
    log.unlink(missing_ok=True)
    local(results, "userspace", "meson", "test", "-C", str(build),
          "--print-errorlogs")
    if log.exists():
        for name in meson_skips(log.read_text()):
            results.add("host", f"userspace.{name}", "skipped")


def meson_skips(text):
    """The tests that meson's log says were skipped."""
    tests = [json.loads(line) for line in text.splitlines() if line]
    return [test["name"] for test in tests if test["result"] == "SKIP"]
