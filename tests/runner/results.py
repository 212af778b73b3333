# SPDX-License-Identifier: GPL-2.0
"""Results: what came of every test, and what the run has to say in the end."""

import resource
import threading

from .skips import HOST
from .times import Times


class Results:
    """What came of every test.

    A test may be skipped only if the budget, a skips.Budget, lists it.
    """

    def __init__(self, verbose, budget):
        self.verbose = verbose
        self.budget = budget
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.in_guests = 0
        self.failures = []
        self.gone = []          # kernels that cannot be had any more
        self.times = []
        self.spent = Times()
        self.retries = []
        self.without_lockdep = []
        self._printing = threading.Lock()

    def add(self, where, name, outcome, lines=(), seconds=None):
        """One test; its lines are shown when it failed or was skipped."""
        if outcome == "skipped" and not self.budget.lists(where, name):
            outcome = "failed"
            lines = [*lines, "it was skipped, and tests/guest/skips does not "
                             "list it"]
        with self._printing:
            self.counts[outcome] += 1
            self.in_guests += where != HOST
            word = {"passed": "ok", "failed": "FAIL", "skipped": "skip"}
            clock = f" ({seconds:.1f} s)" if seconds is not None else ""
            print(f"{word[outcome]:4} {where} {name}{clock}", flush=True)
            if outcome == "failed":
                self.failures.append(f"{where} {name}")
            if outcome == "failed" or self.verbose:
                for line in lines:
                    print(f"     {line}", flush=True)
            if seconds is not None:
                self.times.append((seconds, f"{where} {name}"))

    def retried(self, where, reason):
        """A boot that came to nothing before any test, and was done again."""
        with self._printing:
            self.retries.append(f"{where}: {reason}")

    def ran_without_lockdep(self, where, name):
        """The kernel has lockdep, and it had stopped looking."""
        with self._printing:
            self.without_lockdep.append(f"{where} {name}")

    def good(self):
        """Nothing failed; something passed, or there was no kernel to pass it."""
        done = self.counts["passed"] or self.gone
        return bool(done) and not self.counts["failed"]

    def close(self, seconds):
        """The closing summary; its last line is the sum."""
        if self.verbose:
            for taken, name in sorted(self.times, reverse=True)[:15]:
                print(f"slow: {taken:6.1f} s  {name}")
        for line in self.spent.lines():
            print(line)
        for name in self.without_lockdep:
            print(f"without lockdep: {name}")
        for retry in self.retries:
            print(f"boot retried: {retry}")
        for name in self.failures:
            print(f"failed: {name}")
        print(f"{len(self.retries)} boots retried, "
              f"{len(self.without_lockdep)} tests without lockdep")
        # Of all the guests and builds that were waited for: that does not depend on
        # what else the machine does.
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"took {seconds:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of CPU")
        print("{passed} passed, {failed} failed, {skipped} skipped"
              .format(**self.counts))
