# SPDX-License-Identifier: GPL-2.0
"""The control port: what the guest's labrun tells the host."""


class Control:
    """Everything heard so far; see guest/labrun.c for the words."""

    def __init__(self):
        self.booted = False
        self.failure = None     # the guest's set-up failed, and why
        self.status = None      # the command's exit status
        self.bytes = None       # how much it wrote: (stdout, stderr)
        self.data = {}          # "kmsg", "kmemleak": bytes
        self.done = False
        self._buffer = bytearray()

    def feed(self, data):
        """Take what came from the port."""
        self._buffer += data
        while self._take():
            pass

    def _take(self):
        line, newline, rest = self._buffer.partition(b"\n")
        if not newline:
            return False
        word, _, value = line.decode(errors="replace").partition(" ")
        if word in ("kmsg", "kmemleak"):
            length = int(value)
            if len(rest) < length:
                return False
            self.data[word] = bytes(rest[:length])
            rest = rest[length:]
        else:
            self._word(word, value)
        self._buffer = rest
        return True

    def _word(self, word, value):
        if word == "booted":
            self.booted = True
        elif word == "fail":
            self.failure = value
        elif word == "exit":
            self.status = int(value)
        elif word == "bytes":
            self.bytes = tuple(map(int, value.split()))
        elif word == "done":
            self.done = True
