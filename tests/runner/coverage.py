# SPDX-License-Identifier: GPL-2.0
"""Coverage: every test there is runs somewhere, and what the files name exists.

What there is the test programs say themselves, as they were built (`lab list`).
"""

import subprocess
from pathlib import Path

from . import suites

IGT = Path(__file__).resolve().parent.parent / "igt"


def check(results, lab, kernels, all_boots):
    """One result for all of it; the kernels are those of this run.

    Returns the (area, test) pairs there are.
    """
    tests, faults = set(), []
    for kernel in kernels:
        done = subprocess.run([str(lab), "list", "-k", kernel], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
        if done.returncode:
            faults += [f"lab list -k {kernel}: exit status {done.returncode}",
                       *done.stderr.splitlines()[-20:]]
        tests |= {tuple(line.split()) for line in done.stdout.splitlines()}
    tests |= {("igt", test) for test, _ in igt_lists()}
    left, idle = suites.run_nowhere(tests, all_boots, kernels)
    faults += [f"{area}.{test} is in no line of tests/guest/suites, and runs "
               "nowhere" for area, test in left]
    faults += [f"tests/guest/suites: no boot runs any test by \"{line}\""
               for line in idle]
    faults += [f"igt.{test} is for kernels without igt, and runs nowhere"
               for test in igt_nowhere(igt_lists(), all_boots)]
    faults += [f"tests/guest/skips: there is no test {name}"
               for name in results.budget.unknown(
                   f"{area}.{test}" for area, test in tests)]
    results.add("host", "suites", "failed" if faults else "passed", faults)
    return tests


def igt_lists():
    """(PROGRAM@SUBTEST, kernels it is for) of each line of tests/igt's lists."""
    for path in sorted(IGT.glob("igt-*.testlist")):
        for line in path.read_text().splitlines():
            fields = line.split("#")[0].split()
            if fields:
                yield fields[0].partition("@")[2], fields[1:]


def igt_nowhere(tests, all_boots, lines=None):
    """Of such pairs, the tests whose kernels have no boot that runs igt."""
    lines = suites.read() if lines is None else lines
    kernels = {kernel for kernel, machine in all_boots for line in lines
               if line.area == "igt" and suites.here(line, kernel, machine)}
    return [test for test, only in tests if only and not kernels & set(only)]
