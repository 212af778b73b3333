#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What of tests/run can be tested without a guest: nothing passes by accident."""

import contextlib
import io
import shutil
import subprocess
import sys
import tempfile
import types
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))

from runner import coverage, host, shards, suites   # noqa: E402
from runner.results import Results              # noqa: E402
from runner.skips import Budget                 # noqa: E402
from runner.suites import Word                  # noqa: E402
from runner.tap import Tap                      # noqa: E402
from runner.times import Meter                  # noqa: E402

SUITE = TESTS / "guest" / "suite"
KERNELS = ["6.12", "7.2-debug"]
BOOTS = [("6.12", "plain"), ("7.2-debug", "plain"), ("7.2-debug", "plain/unplug")]

GOOD = """\
plan bytes write
plan bytes read
listed bytes:!slow* 0 2
area bytes
TAP version 13
1..2
ok 1 - write
# 0.2 s
# what it said
ok 2 - read
# 1.5 s
lockdep on
"""


def outcome(text, status, words=(("bytes", ["!slow*"], True),), lockdep="on",
            budget="", said=()):
    """What tests/run makes of a guest that said this: Results, and its words."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        results = Results(False, Budget(budget))
        tap = Tap(results, "6.12/plain", [Word(*w) for w in words], lockdep)
        for line in text.splitlines():
            tap.feed(line)
        tap.finish(status, list(said))
    return results, printed.getvalue()


class TimesTest(unittest.TestCase):
    """What `tests/run --times` tells."""

    def test_what_a_process_waited_for_counts(self):
        line = "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done"
        with subprocess.Popen(["sh", "-c", f"(sh -c '{line}'; :); echo; read end"],
                              stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            clock = Meter(process.pid)
            process.stdout.readline()
            self.assertGreater(clock.lap(), 0)
            self.assertLess(clock.lap(), 0.05)

    def test_each_boot_area_and_test_is_told_its_own(self):
        laps = iter([8, 2, 3, 1])
        results = Results(False, Budget(""))
        with contextlib.redirect_stdout(io.StringIO()):
            tap = Tap(results, "6.12/plain", [Word("bytes", [], True)])
            tap.clock = types.SimpleNamespace(lap=lambda: next(laps))
            for line in GOOD.splitlines():
                tap.feed(line)
            tap.end()
        self.assertEqual([line.split() for line in results.spent.lines()], [
            "CPU: 3.0 s test 6.12/plain bytes.read".split(),
            "CPU: 2.0 s test 6.12/plain bytes.write".split(),
            "CPU: 5.0 s area bytes".split(),
            "CPU: 14.0 s boot 6.12/plain, 8.0 s before its first test".split()])


class TapTest(unittest.TestCase):
    """What makes a guest fail although no test of it says so."""

    def fails(self, because, *args, **options):
        """It fails, and for that reason alone."""
        results, printed = outcome(*args, **options)
        self.assertEqual(results.counts["failed"], 1, printed)
        self.assertIn(because, printed)
        self.assertFalse(results.good())

    def test_all_is_well(self):
        results, printed = outcome(GOOD, 0)
        self.assertEqual(results.counts,
                         {"passed": 2, "failed": 0, "skipped": 0}, printed)
        self.assertTrue(results.good())
        self.assertEqual([t for t, _ in results.times], [0.2, 1.5])

    def test_status_1_without_a_failed_test(self):
        self.fails("exit status 1, and no test failed", GOOD, 1)

    def test_status_1_of_a_failed_test(self):
        self.fails("FAIL 6.12/plain bytes.write",
                   GOOD.replace("ok 1", "not ok 1"), 1)

    def test_other_status(self):
        self.fails("exit status 125", GOOD, 125)

    def test_list_crashes(self):
        self.fails("--list ended with status 139",
                   GOOD.replace("!slow* 0 2", "!slow* 139 2"), 0)

    def test_line_that_plans_nothing(self):
        words = [("bytes", ["!slow*"], True), ("gone", [], True)]
        text = GOOD.replace("area", "listed gone 0 0\narea", 1)
        self.fails("gone: no test is planned", text, 0, words)
        words[1] = ("gone", [], False)
        self.assertTrue(outcome(text, 0, words)[0].good())

    def test_word_that_is_not_listed(self):
        words = [("bytes", ["!slow*"], True), ("gone", [], True)]
        self.fails("gone: its tests were not listed", GOOD, 0, words)

    def test_nothing_at_all(self):
        self.fails("bytes:!slow*: its tests were not listed", "lockdep on", 0)

    def test_test_that_did_not_run(self):
        text = GOOD.replace("ok 2 - read\n", "")
        results, printed = outcome(text, 0)
        self.assertIn("FAIL 6.12/plain bytes.read", printed)
        self.assertIn("FAIL 6.12/plain boot", printed)

    def test_test_that_ran_only_once_of_two_times(self):
        text = GOOD.replace("plan bytes read", "plan bytes write")
        results, printed = outcome(text, 0)
        self.assertIn("FAIL 6.12/plain bytes.write", printed)
        self.assertEqual(results.counts["passed"], 2)

    def test_lockdep_stops(self):
        text = GOOD.replace("lockdep on", "lockdep off")
        self.fails("lockdep stopped looking", text, 0)
        self.assertTrue(outcome(text, 0, lockdep="may stop")[0].good())
        self.assertTrue(outcome(text, 0, lockdep="none")[0].good())

    def test_lockdep_is_missing(self):
        for word in ("", "lockdep none"):
            self.fails("no word about lockdep",
                       GOOD.replace("lockdep on", word), 0)

    def test_who_ran_without_lockdep(self):
        text = GOOD.replace("# what it said", "# lockdep is off")
        results, _ = outcome(text, 0, lockdep="may stop")
        self.assertEqual(results.without_lockdep, ["6.12/plain bytes.read"])
        self.assertIn("1 tests without lockdep", closing(results))

    def test_boots_are_counted(self):
        said = ["lab: boot retried: nothing on its console for 120 s",
                "lab: logs in /x"]
        results, _ = outcome(GOOD, 0, said=said * 2)
        self.assertEqual(len(results.retries), 2)
        self.assertTrue(results.good())
        self.assertIn("2 boots retried", closing(results))
        self.assertIn("boot retried: 6.12/plain: nothing on its console for",
                      closing(results))


def closing(results):
    """The closing summary."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        results.close(1)
    return printed.getvalue()


class SkipTest(unittest.TestCase):
    """What may be skipped."""

    SKIPPED = GOOD.replace("- write", "- write # SKIP no such thing")

    def test_one_that_is_not_listed(self):
        results, printed = outcome(self.SKIPPED, 0)
        self.assertEqual(results.counts,
                         {"passed": 1, "failed": 1, "skipped": 0})
        self.assertIn("tests/guest/skips does not list it", printed)
        self.assertIn("no such thing", printed)

    def test_one_that_is_listed(self):
        for line in ("6.12/plain bytes.write no such thing\n",
                     "6.* *.write no such thing\n"):
            results, _ = outcome(self.SKIPPED, 0, budget="# x\n\n" + line)
            self.assertEqual(results.counts,
                             {"passed": 1, "failed": 0, "skipped": 1})
        for line in ("6.1/plain bytes.write no\n", "6.12/vtd bytes.write no\n",
                     "6.12/plain bytes.writ no\n"):
            self.assertFalse(outcome(self.SKIPPED, 0, budget=line)[0].good())

    def test_a_whole_kernel(self):
        results = Results(False, Budget("7.2 kernel no suite has it\n"))
        with contextlib.redirect_stdout(io.StringIO()):
            results.add("7.2", "kernel", "skipped", ["no suite has it"])
            results.add("6.1", "kernel", "skipped", ["no suite has it"])
        self.assertEqual(results.counts,
                         {"passed": 0, "failed": 1, "skipped": 1})

    def test_entries(self):
        with self.assertRaises(ValueError):
            Budget("6.12/plain bytes.write\n")
        budget = Budget("* bytes.* why\n* gone.* why\nhost unit.x why\n"
                        "7.2 kernel why\n")
        self.assertEqual(budget.unknown(["bytes.write"]), ["gone.*"])

    def test_userspace(self):
        log = ('{"name": "a", "result": "OK"}\n'
               '{"name": "b", "result": "SKIP"}\n')
        self.assertEqual(host.meson_skips(log), ["b"])

    def test_unit(self):
        for said in ("ok 3 - b # SKIP why", "test_b (x.Y) ... skipped 'why'"):
            results = Results(False, Budget(""))
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                host.local(results, "unit", "echo", f"ok 1 - a\n{said}")
            self.assertEqual(results.counts,
                             {"passed": 1, "failed": 1, "skipped": 0})
            self.assertIn("why", printed.getvalue())


class SuiteTest(unittest.TestCase):
    """The guest's `suite`, with programs that go wrong."""

    PROGRAMS = {
        "good": 'echo "${1#--list}" >/dev/null; [ "$1" = --list ] && '
                'exec echo write; echo "ok 1 - write"',
        "crashes": '[ "$1" = --list ] && kill -SEGV $$; echo "ok 1 - x"',
        "empty": "exit 0",
        "ends": '[ "$1" = --list ] && exec echo write; echo "ok 1 - write"; '
                "exit 3",
    }

    def outcome(self, *areas):
        """What tests/run makes of these areas."""
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(SUITE, folder)
            for name, text in self.PROGRAMS.items():
                path = Path(folder, name)
                path.write_text(f"#!/bin/sh\n{text}\n")
                path.chmod(0o755)
            done = subprocess.run([f"{folder}/suite", *areas], text=True,
                                  stdout=subprocess.PIPE, check=False,
                                  stderr=subprocess.DEVNULL)
        return outcome(done.stdout, done.returncode,
                       [(area, [], True) for area in areas], "none")

    def test_good(self):
        results, printed = self.outcome("good")
        self.assertTrue(results.good(), printed)
        self.assertEqual(results.counts["passed"], 1)

    def test_program_is_missing(self):
        results, printed = self.outcome("good", "gone")
        self.assertIn("gone: --list ended with status 127", printed)
        self.assertFalse(results.good())

    def test_program_crashes(self):
        results, printed = self.outcome("good", "crashes")
        self.assertIn("crashes: --list ended with status 139", printed)
        self.assertFalse(results.good())

    def test_program_has_no_tests(self):
        results, printed = self.outcome("good", "empty")
        self.assertIn("empty: no test is planned", printed)
        self.assertFalse(results.good())

    def test_program_ends_badly(self):
        results, printed = self.outcome("good", "ends")
        self.assertIn("exit status 1, and no test failed", printed)
        self.assertFalse(results.good())


class SuitesTest(unittest.TestCase):
    """Which test runs where."""

    LINES = suites.read("""\
plain			bytes	!slow*
plain@7.2-debug		nth
plain@stock		sleep
plain/unplug		death	*unplugged
bench			bench
""")

    TESTS = {("bytes", "read"), ("bytes", "write"), ("bytes", "slow_write"),
             ("sleep", "write"), ("death", "unplugged"), ("death", "write")}

    def words(self, kernel, machine, *patterns):
        """The words for suite."""
        return [w.text for w in suites.words(kernel, machine, patterns, self.TESTS,
                                             self.LINES)]

    def test_boots(self):
        self.assertEqual(suites.boots(["6.12", "7.2-debug"], ["plain", "vtd"],
                                      self.LINES), BOOTS)
        self.assertEqual(self.words("6.12", "plain"),
                         ["bytes:!slow*", "sleep", "death:*unplugged"])
        self.assertEqual(self.words("7.2-debug", "plain"),
                         ["bytes:!slow*", "nth"])
        self.assertEqual(self.words("7.2-debug", "plain/unplug"),
                         ["death:*unplugged"])
        self.assertEqual(self.words("6.12", "plain/unplug"), [])

    def test_short_boots_and_architectures(self):
        lines = suites.read("plain bytes\nplain/core bytes read\narm bytes\n"
                            "arm/core bytes write\n")
        kernels, machines = ["6.12", "7.3-arm64-16k"], ["plain", "arm"]
        self.assertEqual(suites.boots(kernels, machines, lines),
                         [("6.12", "plain"), ("7.3-arm64-16k", "arm")])
        self.assertEqual(suites.cores(kernels, machines, lines),
                         [("6.12", "plain/core"), ("7.3-arm64-16k", "arm/core")])
        for kernel, machine, wanted in (("6.12", "plain", ["bytes"]),
                                        ("6.12", "plain/core", ["bytes:read"]),
                                        ("7.3-arm64-16k", "arm/core", ["bytes:write"]),
                                        ("7.3-arm64-16k", "plain", [])):
            words = suites.words(kernel, machine, (), self.TESTS, lines)
            self.assertEqual([word.text for word in words], wanted)

    def test_pattern(self):
        self.assertEqual(self.words("6.12", "plain", "bytes"), ["bytes:!slow*"])
        # What the line leaves out stays out.
        self.assertEqual(self.words("6.12", "plain", "b*.*write"), ["bytes:write"])
        # A test's name alone finds it in any area; death's line has no such test.
        self.assertEqual(self.words("6.12", "plain", "write"),
                         ["bytes:write", "sleep:write"])
        self.assertEqual(self.words("6.12", "plain", "nothing"), [])

    def test_patterns_add_up(self):
        self.assertEqual(self.words("6.12", "plain", "bytes.read", "sleep"),
                         ["bytes:read", "sleep"])
        self.assertEqual(self.words("6.12", "plain", "bytes.read", "write"),
                         ["bytes:read,write", "sleep:write"])

    def test_an_area_asked_for_by_name_must_plan(self):
        chosen = suites.words("6.12", "plain", ["bytes"], self.TESTS, self.LINES)
        self.assertTrue(chosen[0].must_plan)
        chosen = suites.words("6.12", "plain", ["write"], self.TESTS, self.LINES)
        self.assertFalse(any(word.must_plan for word in chosen))

    def test_every_test_runs_somewhere(self):
        tests = {("bytes", "write"), ("nth", "x"), ("sleep", "x"),
                 ("death", "x_unplugged"), ("bench", "x")}
        self.assertEqual(suites.run_nowhere(tests, BOOTS, KERNELS, self.LINES),
                         ([], []))
        more = {("bytes", "slow_one"), ("death", "x"), ("forgotten", "x")}
        self.assertEqual(
            suites.run_nowhere(tests | more, BOOTS, KERNELS, self.LINES),
            (sorted(more), []))

    def test_lines_that_run_nothing(self):
        tests = {("bytes", "write"), ("sleep", "x"), ("bench", "x")}
        left, idle = suites.run_nowhere(tests, BOOTS[:1], KERNELS, self.LINES)
        self.assertEqual(left, [])
        self.assertEqual(idle, ["plain nth", "plain death *unplugged"])

    def test_a_line_of_a_kernel_that_is_not_asked_for(self):
        lines = suites.read("plain@7.2 fabric\nplain@6.12 absent\n")
        boots = [("7.2", "plain"), ("6.12", "plain")]
        _, idle = suites.run_nowhere(set(), boots, ["6.12"], lines)
        self.assertEqual(idle, ["plain absent"])

    def test_igt(self):
        lines = suites.read("plain@6.12\tigt\n")
        tests = [("a@x", []), ("b@x", ["6.12", "7.2"]), ("c@x", ["7.2"])]
        self.assertEqual(coverage.igt_nowhere(tests, BOOTS, lines), ["c@x"])

    def test_words_of_the_file(self):
        with self.assertRaises(ValueError):
            suites.read("plain/last death\n")


class ShardsTest(unittest.TestCase):
    """Pieces that are no longer than allowed, the longest first, and nothing lost."""

    LINES = "plain a\nplain b x*\nplain c\n"

    def _words(self):
        return suites.words("6.12", "plain", (), set(), suites.read(self.LINES))

    def test_split(self):
        words = self._words()
        for weights, most, want in (([1, 1, 1], 3, [3]), ([1, 1, 1], 2, [2, 1]),
                                    ([9, 1, 1], 2, [1, 2]), ([1, 9, 1], 2, [1, 1, 1])):
            parts = shards.split(words, weights, most)
            self.assertEqual([len(part) for part in parts], want)
            self.assertEqual([w for part in parts for w in part], words)

    def test_weight(self):
        tests = {("a", "one"), ("a", "two"), ("b", "x1"), ("b", "y1")}
        self.assertEqual([shards.weight(w, tests) for w in self._words()],
                         [2, 1, 0])

    def test_longest_first(self):
        boots = suites.boots(["6.12", suites.DEBUG], ["plain", "intel"])
        tests = {(line.area, f"t{n}") for line in suites.read() for n in range(30)}
        found = shards.pieces(boots, (), tests)
        weights = [piece.weight for piece in found]
        self.assertEqual(weights, sorted(weights, reverse=True))
        for boot in boots:
            texts = sorted(w.text for piece in found for w in piece.words
                           if (piece.kernel, piece.machine) == boot)
            self.assertEqual(texts, sorted(
                w.text for w in suites.words(*boot, (), tests)))


if __name__ == "__main__":
    unittest.main()
