#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a person sees: peerbuf in a real terminal, narrow and wide, and in a pipe.

Usage: test-terminal.py PEERBUF

The terminal is tmux, which can print its screen afterwards, with colours."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent / "snapshots"
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
import machines  # noqa: E402

PEERBUF = os.path.abspath(sys.argv[1])
COLOR = "\033["
failures = 0


def fail(message):
    global failures
    failures += 1
    print(message)


class Terminal:
    """A terminal with that many columns, in which a command has run to its end."""

    def __init__(self, folder, columns, command, **variables):
        # A tmux server of its own: one that is about to exit may still accept the next session.
        folder = tempfile.mkdtemp(dir=folder)
        self.socket = f"{folder}/tmux"
        done = Path(folder) / "done"
        words = " ".join(f"{name}='{value}'" for name, value in
                         {"PEERBUF_PCI_IDS": HERE / "pci.ids", "LC_ALL": "C.UTF-8",
                          **variables}.items())
        script = Path(folder) / "script"
        script.write_text(f"unset NO_COLOR\nexport {words}\n{command}\n"
                          f"echo $? > {done}.new; mv {done}.new {done}; sleep 1000\n")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", "100",
                  f"sh {script}")
        until = time.monotonic() + 60
        while not done.exists() and time.monotonic() < until:
            time.sleep(0.05)
        # Wait until tmux has drawn the output.
        time.sleep(0.3)
        self.status = done.read_text().strip() if done.exists() else "never ended"
        self.text = self.tmux("capture-pane", "-p").rstrip("\n")
        self.colored = self.tmux("capture-pane", "-p", "-e")
        self.tmux("kill-server")

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", self.socket, *words], check=False, text=True,
                              capture_output=True).stdout


def piped(*words):
    environment = dict(os.environ, PEERBUF_PCI_IDS=str(HERE / "pci.ids"), LC_ALL="C.UTF-8",
                       TERM="xterm-256color")
    environment.pop("NO_COLOR", None)
    return subprocess.run([PEERBUF, *words], env=environment, capture_output=True, check=False,
                          text=True).stdout


def one_line(text):
    return re.sub(r"\s+", " ", text).strip()


def check_sentences(folder, path, *words):
    """Sentences are broken at blanks where the screen ends, and not at all in a pipe."""
    command = " ".join([PEERBUF, *words, "--from", str(path)])
    whole = piped(*words, "--from", str(path))
    if COLOR in whole:
        fail(f"{words}: colours in a pipe")
    for columns in (50, 80, 200):
        screen = Terminal(folder, columns, command)
        if one_line(screen.text) != one_line(whole):
            fail(f"{words}: {columns} columns show something else than a pipe:\n{screen.text}")
        # tmux itself breaks a line that is too long, without a blank.
        widest = max((len(line) for line in screen.text.splitlines()), default=0)
        if widest > columns:
            fail(f"{words}: a line of {widest} in {columns} columns")


def check_colors(folder, path):
    command = f"{PEERBUF} doctor --from {path}"
    if COLOR not in Terminal(folder, 80, command).colored:
        fail("doctor: no colours on a terminal")
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        if COLOR in Terminal(folder, 80, command, **variables).colored:
            fail(f"doctor: colours in spite of {variables}")


def check_tables(folder, path):
    """A row is one line, if the terminal is wide enough."""
    command = f"{PEERBUF} topo -o FUNCTION,BARS,GROUP,CLASS,PARENT --from {path}"
    rows = len(piped(*command.split()[1:]).splitlines())
    screen = Terminal(folder, 120, command)
    if len(screen.text.splitlines()) != rows:
        fail(f"topo -o: {len(screen.text.splitlines())} lines on a terminal, {rows} in a pipe")


def matrix_of(text):
    """Returns what the parts of a matrix have between them: (ROW, COLUMN): cell."""
    cells, columns = {}, []
    for line in text.splitlines():
        words = line.split()
        if line.startswith("MEMORY_OF"):
            columns = words[3:]
        elif not words:
            columns = []
        elif columns:
            cells.update({(words[0], column): cell
                          for column, cell in zip(columns, words[3:], strict=True)})
    return cells


def check_matrix(folder, path):
    """A matrix that is too wide comes in parts, one below the other."""
    command = f"{PEERBUF} topo --from {path}"
    whole = matrix_of(piped("topo", "--from", str(path)))
    for columns, parts in ((45, 2), (80, 1)):
        screen = Terminal(folder, columns, command)
        if matrix_of(screen.text) != whole or len(whole) != 16:
            fail(f"topo: {columns} columns show another matrix than a pipe:\n{screen.text}")
        if screen.text.count("MEMORY_OF") != parts:
            fail(f"topo: {columns} columns do not show {parts} parts:\n{screen.text}")


def check_failures(folder):
    screen = Terminal(folder, 80, f"{PEERBUF} topo --from /no/such/file")
    if screen.status != "1" or "ENOENT" not in screen.text:
        fail(f"a missing file: status {screen.status}, and:\n{screen.text}")
    screen = Terminal(folder, 80, f"{PEERBUF} topo --help | head -1")
    if not screen.text.startswith("Usage: peerbuf topo"):
        fail(f"--help | head:\n{screen.text}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "machine"
        path.write_text(json.dumps(machines.MACHINES["two-sockets"]().snapshot()))
        check_sentences(folder, path, "doctor")
        check_sentences(folder, path, "why", "0000:18:00.0", "0000:19:00.0")
        check_matrix(folder, path)
        check_colors(folder, path)
        check_tables(folder, path)
        check_failures(folder)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
