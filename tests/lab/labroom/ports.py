# SPDX-License-Identifier: GPL-2.0
"""Ports: the sockets between QEMU and the lab.

The lab listens before QEMU starts and QEMU connects: no race, and when QEMU
ends, however it ends, every socket says so.
"""

import socket

from .errors import LabError

# Virtio-serial ports, by the names the guest knows them under.
VIRTIO = ["lab.stdout", "lab.stderr", "lab.control", "lab.host"]


class Ports:
    """Listening sockets first, then the connections by name."""

    def __init__(self, folder, console):
        self._folder = folder
        self.names = VIRTIO + ["qmp"] + (["tty"] if console else [])
        self._listening = {}
        self.connection = {}
        for name in self.names:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(folder / name))
            listener.listen(1)
            self._listening[name] = listener

    def arguments(self):
        """QEMU's arguments for the ports."""
        # By way of the main loop a notification is now and then lost when the host
        # has less CPUs to give than the guest has, and the guest waits for ever.
        line = ["-device", "virtio-serial-pci,id=serial0,bus=pcie.0,addr=0x10,"
                           "ioeventfd=off"]
        for name in self.names:
            line += ["-chardev",
                     f"socket,id={name},path={self._folder / name}"]
        for name in VIRTIO:
            line += ["-device", f"virtserialport,bus=serial0.0,"
                                f"chardev={name},name={name}"]
        line += ["-mon", "chardev=qmp,mode=control"]
        if "tty" in self.names:
            line += ["-serial", "chardev:tty"]
        return line

    def accept(self, alive):
        """Wait for QEMU to connect everything; alive() says it still runs."""
        for name, listener in self._listening.items():
            listener.settimeout(0.2)
            while name not in self.connection:
                try:
                    self.connection[name] = listener.accept()[0]
                except TimeoutError:
                    if not alive():
                        raise LabError("QEMU did not start") from None
            self.connection[name].settimeout(None)
            listener.close()
        return self.connection

    def close(self):
        """Close all there is."""
        for sock in [*self._listening.values(), *self.connection.values()]:
            sock.close()
