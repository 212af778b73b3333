# SPDX-License-Identifier: GPL-2.0
"""TAP: what a guest says about its tests, as tests/guest/suite and harness.c say it."""

import collections
import re

# What the lab says of a boot that came to nothing before any test.
RETRIED = re.compile(r"^lab: boot retried: (.*)")

# What harness.c says of a test that began when lockdep had stopped looking.
WITHOUT_LOCKDEP = "lockdep is off"


class Tap:
    """Follows the output of one guest, line by line.

    words are those that `suite` was told.  lockdep says what is expected of it:
    "none" (that kernel has none), "on" (to the end), or "may stop".  clock is None, or a
    times.Meter that tells what the guest costs this machine.
    """

    def __init__(self, results, where, words, lockdep="none"):
        self.results = results
        self.where = where
        self.words = words
        self.lockdep = lockdep
        self.clock = None
        self.planned = collections.Counter()
        self.listed = []
        self.seen = collections.Counter()
        self.failed = 0
        self.area = "?"
        self.notes = []
        self.pending = None
        self.lockdep_said = None

    def feed(self, line):
        """One line of the guest's."""
        words = line.split(None, 2)
        if line.startswith("plan ") and len(words) == 3:
            self.planned[f"{words[1]}.{words[2]}"] += 1
        elif line.startswith("listed ") and len(line.split()) == 4:
            self.listed.append(line.split()[1:])
        elif line.startswith("lockdep ") and len(words) == 2:
            self.lockdep_said = words[1]
        elif line.startswith("area "):
            self.flush()
            if self.clock and self.area == "?":
                self.results.spent.booted(self.where, self.clock.lap())
            self.area = words[1]
        elif line.startswith(("ok ", "not ok ")):
            self.flush()
            self._result(line)
        elif line.startswith("# ") and self.pending and line.endswith(" s"):
            self.flush(float(words[1]))
        elif line and not line.startswith(("TAP version", "1..")):
            self.flush()
            self.notes.append(line.removeprefix("# "))

    def _result(self, line):
        good = line.startswith("ok ")
        text = line.split(" - ", 1)[1] if " - " in line else line
        name, _, directive = text.partition(" # SKIP")
        outcome = "skipped" if directive and good else \
            "passed" if good else "failed"
        if directive:
            self.notes.append(directive.strip())
        self.pending = (f"{self.area}.{name.strip()}", outcome)

    def flush(self, seconds=None):
        """The result that was waiting for its time."""
        if self.pending:
            name, outcome = self.pending
            self.seen[name] += 1
            self.failed += outcome == "failed"
            if WITHOUT_LOCKDEP in self.notes:
                self.results.ran_without_lockdep(self.where, name)
            if self.clock:
                self.results.spent.tested(self.where, name, self.clock.lap())
            self.results.add(self.where, name, outcome, self.notes, seconds)
            self.pending, self.notes = None, []

    def end(self):
        """The guest has said all; it has not been waited for, so that its costs are known."""
        self.flush()
        if self.clock:
            self.results.spent.ended(self.where, self.clock.lap())

    def finish(self, status, said):
        """The guest has ended; said is what the lab had to say."""
        self.flush()
        for line in said:
            if found := RETRIED.match(line):
                self.results.retried(self.where, found.group(1))
        missing = list((self.planned - self.seen).elements())
        for name in missing:
            self.failed += 1
            self.results.add(self.where, name, "failed",
                             ["the guest did not come to it"])
        faults = [*self._word_faults(), *self._lockdep_faults()]
        if status not in (0, 1) or missing:
            faults.insert(0, f"lab: exit status {status}")
        elif status == 1 and not self.failed:
            faults.insert(0, "exit status 1, and no test failed")
        if faults:
            self.results.add(self.where, "boot", "failed",
                             faults + said[-80:] + self.notes)

    def _word_faults(self):
        """Each word must have been listed, and planned a test if it must."""
        listed = collections.Counter(word for word, _, _ in self.listed)
        for word in self.words:
            if not listed[word.text]:
                yield f"{word.text}: its tests were not listed"
        must_plan = {word.text for word in self.words if word.must_plan}
        for word, status, count in self.listed:
            if status != "0":
                yield f"{word}: --list ended with status {status}"
            elif count == "0" and word in must_plan:
                yield f"{word}: no test is planned"

    def _lockdep_faults(self):
        """It must be there, and still look in the end, unless it may stop."""
        if self.lockdep == "none":
            return
        if self.lockdep_said not in ("on", "off"):
            yield "no word about lockdep"
        elif self.lockdep_said == "off" and self.lockdep == "on":
            yield "lockdep stopped looking: whatever makes it do so needs a " \
                  "line with /unplug in tests/guest/suites"
