# SPDX-License-Identifier: GPL-2.0
"""Guests: start QEMU, attend to it, and come to a verdict."""

import contextlib
import os
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import (cache, emulator, initramfs, terminal, udmabuf, userland, verdict,
               vmlinux)
from .control import Control
from .errors import (EXIT_DIED, EXIT_KLOG, EXIT_MODULES, EXIT_TIMEOUT,
                     LabError)
from .hostagent import HostAgent
from .machine import Machine
from .ports import Ports
from .qmp import Qmp

# After the command ended, how long the guest may take to say the rest.
CLOSING = {False: 60, True: 400}
TIMEOUT = {False: 300, True: 1500}
# Slow kernels hang for longer without being hung.
HUNG_TASK = {False: 60, True: 120}
LOGS_KEPT = 100
# An emulated timer now and then stops ticking while a kernel boots, and that boot says
# nothing for ever after, or only that it stalls. As nothing of ours has run before init
# says STARTED, another boot is the same test. A kernel that crashes is not tried again.
STARTED = b"lab init: started"
STALLED = b"Possible timer handling issue"
SILENCE = {False: 120, True: 240}
BOOTS = 3


class Guest:
    """One guest, from start to verdict."""

    def __init__(self, layer, machine_name, shares, bar_size=None,
                 timeout=None, append="", land=None, gpus=False,
                 real_time=False, sriov=False):
        self.layer = layer
        self.kernel = layer.kernel
        self.machine_name = machine_name
        self.shares = shares        # "share" and "out": a directory or None
        self.bar_size = bar_size
        self.append = append
        self.land = land or userland.own(self.kernel)
        self.gpus = gpus
        self.sriov = sriov
        self.real_time = real_time
        self.timeout = timeout or TIMEOUT[self.kernel.debug]
        self.qemu = emulator.obtain(gpus and self.kernel.makes_blobs,
                                    self.kernel.arch)
        self.process = None
        self._fresh_log()

    def run(self, argv):
        """Run a command in the guest; the lab's exit code."""
        return self._session([os.fsencode(a) for a in argv], None)

    def shell(self):
        """A shell on this terminal; the lab's exit code."""
        # Somebody at a keyboard is slower than any timer: in virtual time the clock
        # would run off between two keys.
        self.real_time = True
        return self._session([], terminal.Terminal())

    def _fresh_log(self):
        self.log = _log_folder(self.kernel.name, self.machine_name)
        self._console = self.log / "console"

    def _session(self, argv, tty):
        for _ in range(BOOTS - 1):
            try:
                return self._boot(argv, tty, SILENCE[self.kernel.debug])
            except _Silent as silent:
                offending = verdict.scan(verdict.decode(self._said()),
                                         stalls=False)
                if offending:
                    self._show("the kernel log holds a report:", offending)
                    self._say(f"the guest's kernel did not boot ({silent})")
                    return EXIT_DIED
                # tests/run counts these.
                self._say(f"boot retried: {silent}")
                self._fresh_log()
        return self._boot(argv, tty, None)

    def _boot(self, argv, tty, silence):
        folder = Path(tempfile.mkdtemp(prefix="peerbuf-lab-",
                                       dir=_short_folder()))
        ports = None
        try:
            with _signals():
                ports = Ports(folder, tty is not None)
                self._start(folder, ports, argv, tty)
                conns = ports.accept(lambda: self.process.poll() is None)
                return self._attend(conns, tty, silence)
        except _Stopped as stopped:
            print(f"lab: stopped by {stopped}", file=sys.stderr)
            return 128 + stopped.number
        finally:
            self._kill()
            if ports:
                ports.close()
            shutil.rmtree(folder, ignore_errors=True)

    # --- starting

    def _start(self, folder, ports, argv, tty):
        room = Machine(self.machine_name, folder, self.bar_size,
                       self.kernel.debug, self.gpus, self.real_time,
                       self.kernel.arch, self.sriov)
        self.room = room
        settings = self._settings(tty)
        (folder / "initramfs").write_bytes(initramfs.compose(
            initramfs.obtain(self.kernel), argv, settings))
        line = [*self.qemu, *room.arguments(),
                "-kernel", str(vmlinux.obtain(self.kernel)),
                "-initrd", str(folder / "initramfs"),
                "-append", self._cmdline(room),
                "-serial", f"file:{self._console}", *ports.arguments()]
        for number, (tag, path) in enumerate(self._shares(room)):
            right = "off" if tag == "out" else "on"
            line += ["-fsdev", f"local,id={tag},path={_comma(path)},"
                               f"security_model=none,readonly={right},"
                               "multidevs=remap",
                     "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag},"
                                f"bus=pcie.0,addr={0x11 + number:#x}"]
        (self.log / "qemu.sh").write_text(shlex.join(line) + "\n")
        # The parent's death, by whatever signal, is QEMU's too.
        with open(self.log / "qemu.log", "wb") as said:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL",
                 *udmabuf.provide(self.gpus, folder), *line],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                start_new_session=True)

    def _layers(self):
        return [*self.layer.roots, *self.land.layers, *self.kernel.layers]

    def _shares(self, room):
        shares = [(f"layer{n}", path) for n, path in
                  enumerate(self._layers())]
        shares += [("root", self.land.root), ("bars", room.bars)]
        return shares + [(tag, path) for tag, path in self.shares.items()
                         if path]

    def _settings(self, tty):
        """What the guest's init is told."""
        settings = {
            "KERNEL": self.kernel.name, "MACHINE": self.machine_name,
            "LAYERS": " ".join(f"layer{n}"
                               for n in range(len(self._layers()))),
            "MODULES": " ".join(self.layer.modules()),
            "SHARES": " ".join(n for n, path in self.shares.items() if path),
            "HUNG_TASK": HUNG_TASK[self.kernel.debug],
            "VIRTUAL_TIME": "" if self.real_time else "1",
            "TERMINAL": "dumb", "CONSOLE": "", "STTY": "",
        }
        if tty:
            settings.update(CONSOLE=f"/dev/{self.kernel.arch.console}1", TERMINAL=tty.kind,
                            STTY=f"rows {tty.rows} cols {tty.columns} sane")
        return settings

    def _cmdline(self, room):
        words = [f"console={self.kernel.arch.console}0,115200", "loglevel=6", "log_buf_len=4M",
                 "panic=-1", "rdinit=/init", "mitigations=off",
                 # The kernel's tests of its own cryptography are for others.
                 "cryptomgr.notests",
                 room.model.cmdline,
                 # The host may be busy with other guests, or be stopped for a
                 # while itself: not every long silence is a lockup in here.
                 "rcupdate.rcu_cpu_stall_timeout=120", "watchdog_thresh=60"]
        if self.kernel.debug:
            # The second bridge's _PRT method allocates so much that KASAN and
            # kmemleak make it take over 30 s, each time a device is enabled.
            # Without it only the legacy interrupts of that bus are lost.
            words.append("acpi=noirq")
            # SLUB's sheaves keep stale pointers to what they handed out, which
            # hides small leaks from kmemleak; debugged caches have none.
            words.append("slab_debug=F")
            # 256 of them, for nobody, take eight CPU seconds of a boot.
            words.append("pty.legacy_count=0")
        return " ".join(filter(None, words + [self.append]))

    # --- attending

    def _attend(self, conns, tty, silence):
        qmp = Qmp(conns["qmp"])
        HostAgent(conns["lab.host"], self.room, qmp,
                  patience=6 if self.kernel.debug else 1)
        control = Control()
        sinks = {"lab.stdout": _Sink(1), "lab.stderr": _Sink(2)}
        deadline = None if tty else time.monotonic() + self.timeout
        with selectors.DefaultSelector() as selector:
            for name in ("lab.stdout", "lab.stderr", "lab.control"):
                selector.register(conns[name], selectors.EVENT_READ, name)
            if tty:
                tty.attach(selector, conns["tty"])
            with tty or contextlib.nullcontext():
                if silence and not tty:
                    self._await_boot(selector, silence)
                late = self._loop(selector, control, sinks, tty, deadline)
                if tty:
                    tty.drain()
        self._kill()
        return self._judge(control, late)

    def _await_boot(self, selector, silence):
        """Until the guest's init runs or QEMU ends; _Silent if it hangs."""
        said, since = b"", time.monotonic()
        while not selector.select(1) and STARTED not in said:
            now = self._said()
            if STALLED in now:
                raise _Silent("one of its timers does not tick")
            if now != said:
                said, since = now, time.monotonic()
            elif time.monotonic() - since > silence:
                raise _Silent(f"nothing on its console for {silence} s")

    def _said(self):
        return self._console.read_bytes() if self._console.exists() else b""

    def _loop(self, selector, control, sinks, tty, deadline):
        """Until the guest has said all, or died (False), or is late (True)."""
        closing = False
        while not _complete(control, sinks):
            if control.status is not None and not closing:
                closing = True
                deadline = time.monotonic() + CLOSING[self.kernel.debug]
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return True
            for key, _ in selector.select(left):
                if key.data in ("tty", "keys"):
                    tty.move(key.data)
                    continue
                data = key.fileobj.recv(65536)
                if not data:
                    selector.unregister(key.fileobj)
                    if key.data == "lab.control":
                        _drain(selector, sinks)
                        return False
                elif key.data == "lab.control":
                    control.feed(data)
                else:
                    sinks[key.data].write(data)
        return False

    # --- judging

    def _judge(self, control, late):
        console = verdict.decode(self._console.read_bytes())
        kmsg = verdict.decode(control.data.get("kmsg", b""))
        if kmsg:
            (self.log / "kmsg").write_text(kmsg)
        offending = verdict.scan(kmsg) or verdict.scan(console)
        self._show("the kernel log holds a report:", offending)
        leaked = self._judge_leaks(control)
        if control.failure:
            self._say(f"the guest did not come up: {control.failure}")
            return (EXIT_MODULES if "modprobe" in control.failure
                    else EXIT_DIED)
        if late:
            self._say(f"timeout: no verdict within {self.timeout} s"
                      if control.status is None else
                      "timeout: the command ended "
                      f"({control.status}), the guest did not")
            return EXIT_TIMEOUT
        if not control.done:
            self._died(console, control, offending)
            return EXIT_DIED
        if offending or leaked:
            self._say(f"the command's own status was {control.status}; "
                      f"failing because of the kernel's reports")
            return EXIT_KLOG
        return control.status

    def _judge_leaks(self, control):
        reports, ours = verdict.leaks(
            verdict.decode(control.data.get("kmemleak", b"")))
        if reports:
            (self.log / "kmemleak").write_text("".join(reports))
        self._show("kmemleak found, through modules:",
                   "".join(ours).splitlines())
        return bool(ours)

    def _died(self, console, control, shown):
        at = ("before the command started" if not control.booted else
              "while the command ran" if control.status is None else
              f"after the command ended ({control.status})")
        code = self.process.returncode
        if not shown:
            self._show("the console's last lines:", console.splitlines()[-25:])
        said = (self.log / "qemu.log").read_text(errors="replace")
        self._show("QEMU said:", [line for line in said.splitlines()
                                  if "TCG doesn't support" not in line])
        self._say(f"the guest died {at} (QEMU's status {code})")

    def _show(self, title, lines):
        if lines:
            print(f"lab: {title}", *lines, sep="\n    ", file=sys.stderr)

    def _say(self, message):
        print(f"lab: {message}\nlab: logs in {self.log}", file=sys.stderr,
              flush=True)

    def _kill(self):
        if self.process and self.process.poll() is None:
            # Give a QEMU that is on its way out the time to say why.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.05)
                return
            self.process.kill()
            self.process.wait()


class _Sink:
    """One of the lab's own streams, and how much went into it."""

    def __init__(self, fd):
        self._fd = fd
        self.count = 0

    def write(self, data):
        """All of it; like any writer, end when the reader has gone."""
        self.count += len(data)
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view):]
            except BrokenPipeError:
                raise _Stopped(signal.SIGPIPE) from None


class _Stopped(BaseException):
    """A signal asks the lab to end."""

    def __init__(self, number):
        self.number = int(number)
        super().__init__(signal.Signals(number).name)


class _Silent(Exception):
    """The guest said nothing for too long, before its programs ran."""


@contextlib.contextmanager
def _signals():
    """While a guest runs, signals become exceptions: it is cleaned up."""
    def stop(number, _frame):
        raise _Stopped(number)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {n: signal.signal(n, stop) for n in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _complete(control, sinks):
    """The guest is done, and every byte it sent has arrived."""
    if not control.done:
        return False
    return control.failure or control.bytes == (sinks["lab.stdout"].count,
                                                sinks["lab.stderr"].count)


def _drain(selector, sinks):
    """QEMU is gone: what is still in the sockets is all there will be."""
    for key in list(selector.get_map().values()):
        if key.data in sinks:
            while data := key.fileobj.recv(65536):
                sinks[key.data].write(data)


def _comma(path):
    return str(path).replace(",", ",,")


def _short_folder():
    """Where to make the temporary directory: socket names must be short."""
    folder = tempfile.gettempdir()
    return folder if len(folder) < 60 else "/tmp"


def _log_folder(kernel, machine):
    logs = cache.base() / "logs"
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = logs / f"{stamp}-{kernel}-{machine}-{os.getpid()}"
    folder.mkdir(parents=True)
    cache.prune("logs", "", keep=LOGS_KEPT)
    return folder
