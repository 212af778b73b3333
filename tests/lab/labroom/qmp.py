# SPDX-License-Identifier: GPL-2.0
"""QMP: QEMU's control socket."""

import json
import queue
import threading

from .errors import LabError


class Qmp:
    """A connection on which one thread asks; another collects the answers."""

    def __init__(self, connection):
        self._file = connection.makefile("rwb")
        self._answers = queue.Queue()
        self._events = []
        self._changed = threading.Condition()
        self._asking = threading.Lock()
        self.gone = False
        threading.Thread(target=self._read, daemon=True).start()
        self._answers.get()                       # the greeting
        self.ask("qmp_capabilities")

    def _read(self):
        try:
            for line in self._file:
                self._sort(json.loads(line))
        except (OSError, ValueError):
            pass
        self.gone = True
        self._answers.put(None)
        with self._changed:
            self._changed.notify_all()

    def _sort(self, message):
        if "event" not in message:
            self._answers.put(message)
            return
        with self._changed:
            self._events.append(message)
            self._changed.notify_all()

    def ask(self, command, **arguments):
        """Send a command; its result, or LabError with QEMU's words."""
        names = {k.replace("_", "-") if k in ("qom_type",) else k: v
                 for k, v in arguments.items()}
        with self._asking:
            text = json.dumps({"execute": command, "arguments": names})
            try:
                self._file.write(text.encode() + b"\n")
                self._file.flush()
            except (OSError, ValueError):
                raise LabError("QEMU is gone") from None
            answer = self._answers.get()
        if answer is None:
            self._answers.put(None)
            raise LabError("QEMU is gone")
        if "error" in answer:
            raise LabError(answer["error"]["desc"])
        return answer.get("return")

    def forget_events(self):
        """Drop what happened so far, before doing what has an event."""
        with self._changed:
            self._events.clear()

    def wait_event(self, wanted, timeout):
        """Wait for an event for which wanted(event) holds; None if late."""
        with self._changed:
            def find():
                hits = [e for e in self._events if wanted(e)]
                return hits[0] if hits else self.gone
            found = self._changed.wait_for(find, timeout)
        return found if isinstance(found, dict) else None
