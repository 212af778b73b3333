# SPDX-License-Identifier: GPL-2.0
"""The host agent: what `lab-host` in the guest can ask of the outside.

    lab-host where ID                        PCI address of a device
    lab-host devices                         id, address, kind, port of all
    lab-host size ID                         bytes of the BAR behind ID
    lab-host unplug ID                       PCIe hot-unplug; waits for it
    lab-host plug ID                         the same kind, in the same slot
    lab-host fill ID OFFSET LENGTH BYTE      write the host file behind a BAR
    lab-host read ID OFFSET LENGTH           ... and read it, as hex; of a display:
                                             its video memory
    lab-host disk OFFSET LENGTH              the NVMe's medium, as hex
    lab-host screen ID ROW                   a row of pixels that a GPU shows, as
                                             hex: red, green, blue
    lab-host now                             the host's clock, in seconds
    lab-host wait SECONDS                    answer that much later, by the host's clock

Numbers may be decimal or 0x….  `where` accepts bridges as well.
"""

import os
import threading
import time

from . import machine
from .errors import LabError

UNPLUG_TIMEOUT = 30
# A status for lab-host: ask again. And how long to wait for something before that.
NOT_YET = 75
GLANCE = 0.002
MOST = 1 << 20       # what one `read` returns at most


class _NotYet(Exception):
    """What is asked for takes longer."""


class HostAgent:
    """Answers the guest's requests, in a thread of its own."""

    def __init__(self, connection, room, qmp, patience=1):
        self._file = connection.makefile("rwb")
        self._machine = room
        self._qmp = qmp
        self._patience = patience
        self._pressed = 0           # when a slot's button was
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        try:
            for line in self._file:
                status, text = self._answer(line)
                self._file.write(b"%d %d\n" % (status, len(text)) + text)
                self._file.flush()
        except (OSError, ValueError):
            pass                    # the guest is gone; so is our work

    def _answer(self, line):
        words = line.decode(errors="replace").rstrip("\n").split("\t")[:-1]
        actions = {
            "where": (1, self.where), "devices": (0, self.devices),
            "size": (1, self.size), "press": (1, self.press),
            "gone": (1, self.gone), "plug": (1, self.plug),
            "fill": (4, self.fill),
            "read": (3, self.read), "disk": (2, self.disk),
            "screen": (2, self.screen),
            "now": (0, self.now), "wait": (1, self.wait),
        }
        name, rest = (words[0], words[1:]) if words else ("--help", [])
        if name in ("--help", "-h", "help"):
            return 0, (__doc__.strip() + "\n").encode()
        if name not in actions or len(rest) != actions[name][0]:
            return 2, b"lab-host: bad arguments (try lab-host --help)\n"
        try:
            return 0, actions[name][1](*rest).encode()
        except _NotYet:
            return NOT_YET, b""
        except (LabError, OSError, ValueError) as error:
            return 1, f"lab-host {name}: {error}\n".encode()

    # --- looking

    def _functions(self):
        """Every PCI function, as QEMU describes it."""
        def walk(devices):
            for device in devices:
                yield device
                yield from walk(device.get("pci_bridge", {})
                                .get("devices", []))

        for bus in self._qmp.ask("query-pci"):
            yield from walk(bus["devices"])

    def _addresses(self):
        """QEMU's id of every PCI function and its address in the guest."""
        return {device["qdev_id"]: "0000:{bus:02x}:{slot:02x}.{fn}".format(
                    bus=device["bus"], slot=device["slot"],
                    fn=device["function"])
                for device in self._functions()}

    def _bar(self, name, index):
        """Where the guest has one of a function's BARs; None if nowhere."""
        for device in self._functions():
            for region in device["regions"]:
                if device["qdev_id"] == name and region["bar"] == index \
                        and region["address"] != -1:
                    return region
        return None

    def where(self, name):
        """The address of one device."""
        found = self._addresses()
        if name not in found:
            raise LabError(f"no device {name}")
        return found[name] + "\n"

    def devices(self):
        """The table of the topology; '-' for what is unplugged."""
        found = self._addresses()
        rows = machine.topology() + [row[:3] for row in self._machine.more]
        return "".join(f"{name:8} {found.get(name, '-'):12} "
                       f"{kind:18} {parent}\n"
                       for name, kind, parent in rows)

    def _endpoint(self, name):
        if name not in self._machine.endpoints:
            raise LabError(f"no endpoint {name}; there are "
                           + " ".join(self._machine.endpoints))
        return self._machine.endpoints[name]

    def size(self, name):
        """How large the BAR is that holds the endpoint's memory."""
        return f"{self._endpoint(name).size}\n"

    # --- plugging

    # `lab-host unplug` is three requests: where, press and gone.  Between the
    # last two the guest switches the slot off itself, or pciehp would wait
    # five seconds for a person to think better of it.

    def press(self, name):
        """Ask the guest for the device, as a person at the slot would."""
        self._endpoint(name)
        self._qmp.forget_events()
        self._qmp.ask("device_del", id=name)
        self._pressed = time.monotonic()
        return ""

    def gone(self, name):
        """Has the guest released the device?"""
        patience = UNPLUG_TIMEOUT * self._patience
        if self._qmp.wait_event(
                lambda e: e["event"] == "DEVICE_DELETED"
                and e["data"].get("device") == name, GLANCE):
            return ""
        if time.monotonic() < self._pressed + patience:
            raise _NotYet
        raise LabError(f"the guest did not release {name} within {patience} s")

    def plug(self, name):
        """Plug the same kind of device into the same slot."""
        endpoint = self._endpoint(name)
        if name in self._addresses():
            raise LabError(f"{name} is plugged in")
        backend = self._machine.backend(endpoint)
        if backend:
            self._qmp.ask("object-add", **backend)
        self._qmp.ask("device_add", **self._machine.device(endpoint))
        return ""

    # --- the file behind the BAR

    def _open(self, name, offset, length):
        endpoint = self._endpoint(name)
        if not endpoint.backing:
            raise LabError(f"{name} has no host file behind it")
        offset, length = int(offset, 0), int(length, 0)
        if offset < 0 or length < 0 or offset + length > endpoint.size:
            raise LabError(f"{offset}+{length} is outside of {name}")
        return os.open(endpoint.backing, os.O_RDWR), offset, length

    def fill(self, name, offset, length, byte):
        """Set bytes of the host file."""
        value = bytes([int(byte, 0)])
        fd, offset, length = self._open(name, offset, length)
        try:
            while length:
                part = min(length, MOST)
                offset += os.pwrite(fd, value * part, offset)
                length -= part
        finally:
            os.close(fd)
        return ""

    def read(self, name, offset, length):
        """Bytes of the host file, or of a display's memory, as hex."""
        if int(length, 0) > MOST:
            raise LabError(f"at most {MOST} bytes at once")
        if name == machine.DISPLAY and self._machine.gpus:
            return self._read_display(name, int(offset, 0), int(length, 0))
        fd, offset, length = self._open(name, offset, length)
        try:
            return os.pread(fd, length, offset).hex() + "\n"
        finally:
            os.close(fd)

    def _read_display(self, name, offset, length):
        """Its memory is QEMU's own: no file, but it saves what is behind BAR0."""
        bar = self._bar(name, 0)
        if not bar:
            raise LabError(f"the guest has switched {name}'s memory off")
        if offset < 0 or length < 1 or offset + length > bar["size"]:
            raise LabError(f"{offset}+{length} is outside of {name}")
        path = self._machine.bars.parent / "vram"
        self._qmp.ask("pmemsave", val=bar["address"] + offset, size=length,
                      filename=str(path))
        return path.read_bytes().hex() + "\n"

    def disk(self, offset, length):
        """Bytes of the NVMe's medium, as hex."""
        with open(self._machine.disk, "rb") as file:
            file.seek(int(offset, 0))
            return file.read(min(int(length, 0), MOST)).hex() + "\n"

    # --- time

    def now(self):
        """Seconds since whenever; only differences mean anything."""
        return f"{time.monotonic():.6f}\n"

    def wait(self, seconds):
        """A host that takes its time."""
        seconds = float(seconds)
        if not 0 <= seconds <= 60:
            raise LabError("from 0 to 60 seconds")
        time.sleep(seconds)
        return ""

    # --- the display

    def screen(self, name, row):
        """A row of what a GPU shows: QEMU reads it where the guest put it."""
        if name not in [gpu[0] for gpu in self._machine.gpus]:
            raise LabError(f"{name} is no GPU of this machine")
        path = self._machine.bars.parent / "screen"
        self._qmp.ask("screendump", filename=str(path), device=name)
        with open(path, "rb") as file:
            kind = file.readline().split()
            width, height = map(int, file.readline().split())
            file.readline()                           # the most a colour can be
            row = int(row, 0)
            if kind != [b"P6"] or not 0 <= row < height:
                raise LabError(f"no row {row} in {width}x{height}")
            file.seek(row * width * 3, os.SEEK_CUR)
            return file.read(width * 3).hex() + "\n"
