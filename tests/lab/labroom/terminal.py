# SPDX-License-Identifier: GPL-2.0
"""The user's terminal, joined to the guest's second serial line."""

import os
import select
import selectors
import shutil
import sys
import termios
import tty

from .errors import UsageError


class Terminal:
    """Raw while a guest has it: Ctrl-C goes to the guest."""

    def __init__(self):
        if not sys.stdin.isatty():
            raise UsageError("shell needs a terminal; use run for a command")
        self.columns, self.rows = shutil.get_terminal_size()
        self.kind = os.environ.get("TERM", "vt100")
        self._guest = None
        self._before = None
        self._selector = None

    def attach(self, selector, guest):
        """Take part in the guest's event loop."""
        self._guest = guest
        self._selector = selector
        selector.register(guest, selectors.EVENT_READ, "tty")
        selector.register(0, selectors.EVENT_READ, "keys")

    def move(self, which):
        """Pass on what there is, one way or the other."""
        if which == "keys":
            keys = os.read(0, 1024)
            if keys:
                self._guest.sendall(keys)
            else:
                self._selector.unregister(0)
            return
        data = self._guest.recv(65536)
        if data:
            os.write(1, data)
        else:
            self._selector.unregister(self._guest)

    def drain(self):
        """The guest's last words, which may still be on their way."""
        while select.select([self._guest], [], [], 0.3)[0]:
            data = self._guest.recv(65536)
            if not data:
                return
            os.write(1, data)

    def __enter__(self):
        self._before = termios.tcgetattr(0)
        tty.setraw(0)
        return self

    def __exit__(self, *_):
        termios.tcsetattr(0, termios.TCSADRAIN, self._before)
