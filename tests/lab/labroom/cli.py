# SPDX-License-Identifier: GPL-2.0
"""The command line."""

import argparse
import shutil
import signal
import sys
from pathlib import Path

from . import build, cache, emulator, errors, guest, host, hostagent, initramfs
from . import kernel as kernels
from . import machine as machines
from . import programs, userland, vmlinux
from . import verbs as rdma
from .errors import LabError, UsageError

DESCRIPTION = """\
Boot a real Debian guest under QEMU with peerbuf's modules loaded, and run a
command in it; build external modules for it; or have a shell in it.  What that
takes (trees, kernels, builds) is made at need and kept in a cache."""

MATRIX = """\
kernels (-k):
  6.1         Debian 12 with its stock kernel
  6.12        Debian 13 with its stock kernel
  7.2         Debian testing with its stock kernel
  7.3         Debian 13 with the kernel of its backports
  7.2-debug   Debian testing with an instrumented kernel (KASAN, lockdep, ...)
  6.12-arm64, 7.3-arm64, 7.3-arm64-16k
              Debian 13 for arm64, with pages of 4 and of 16 KiB

machines (-m): the topology is the same in all
  plain       no IOMMU, a trusted host bridge (AMD CPU model)
  vtd         an emulated, translating Intel VT-d
  intel       no IOMMU, a host bridge that is not trusted
  arm         arm64: no IOMMU, host bridges that p2p's override vouches for
  smmu        arm64: the same behind an emulated, translating SMMUv3
"""

CODES = f"""\
exit status of run and shell: the command's own (128+N if signal N ended it,
127 not found, 126 not executable), or
  {errors.EXIT_USAGE}    the lab's command line is wrong
  {errors.EXIT_GONE}  no Debian suite offers the kernel any more (prepare, too)
  {errors.EXIT_LAB}  the lab failed (an image or build; QEMU did not start)
  {errors.EXIT_MODULES}  peerbuf's modules did not load
  {errors.EXIT_DIED}  the guest died: panic, or QEMU ended
  {errors.EXIT_TIMEOUT}  timeout; the guest was killed
  {errors.EXIT_KLOG}  the kernel log holds a report (BUG, WARNING, Oops,
       lockdep, KASAN, UBSAN, DMA-API, hung task, stall, lockup) or kmemleak found
       a leak that goes through a module; shown on stderr
"""

PATHS = f"""\
in the guest:
  /mnt/share    --share DIR, read-only
  /mnt/out      --out DIR, writable
  /mnt/bars/ID  the host file behind the ivshmem BAR of device ID, read-only and
                uncached: read() it, do not mmap it
  lab-host      asks the host; lab-host --help:

{hostagent.__doc__.partition(chr(10) * 2)[2]}
the topology:

{machines.__doc__.partition(chr(10) * 2)[2]}
environment: PEERBUF_CACHE (default $XDG_CACHE_HOME/peerbuf or ~/.cache/peerbuf)
"""


def parser():
    """The whole command line."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        prog="lab", description=DESCRIPTION, formatter_class=raw,
        epilog=MATRIX + "\n" + CODES + "\n" + PATHS)
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name, text, epilog=""):
        return verbs.add_parser(name, help=text, description=text,
                                formatter_class=raw, epilog=epilog)

    run = verb("run", "run a command in a guest, as root",
               MATRIX + "\n" + CODES + "\n" + PATHS)
    _guest_options(run)
    run.add_argument("--timeout", type=_seconds, metavar="SECONDS",
                     help="kill the guest when it has not come to an end after "
                          "that long, its boot included (default "
                          f"{guest.TIMEOUT[False]}, with 7.2-debug "
                          f"{guest.TIMEOUT[True]})")
    run.add_argument("command", nargs="+", metavar="COMMAND",
                     help="after --: the command and its arguments, passed "
                          "on as they are")
    shell = verb("shell", "an interactive root shell; leaving it ends the "
                 "guest", MATRIX + "\n" + PATHS)
    _guest_options(shell)
    make = verb("build", "build an external module directory in place, "
                "against a kernel, peerbuf's headers and peerbuf's symbols",
                "The exit status is make's.  Words after -- go to make "
                "instead of `modules`.\n\n" + MATRIX)
    make.add_argument("-k", dest="kernel", required=True, metavar="KERNEL")
    _bare_option(make)
    make.add_argument("directory", metavar="DIR",
                      help="holds the module's own Kbuild or Makefile")
    make.add_argument("words", nargs="*", metavar="WORD",
                      help="targets and variables for make, after --")
    compiler = verb("cc", "compile a program for a kernel's guests, in the current "
                    "directory", "The words after -- are the compiler's; it finds "
                    "libpeerbuf, and no file outside the directory.  The exit status "
                    "is its own.\n\n" + MATRIX)
    compiler.add_argument("-k", dest="kernel", required=True, metavar="KERNEL")
    compiler.add_argument("words", nargs="+", metavar="WORD", help="after --")
    prepare = verb("prepare", "make everything guests need, without booting")
    prepare.add_argument("-k", dest="kernels", action="append", default=[],
                         metavar="KERNEL", help="only that one (repeatable; "
                                                "default: all but 7.2-debug)")
    prepare.add_argument("-v", dest="verbose", action="store_true",
                         help="show the compilers at work")
    tree = verb("tree", "make a kernel's tree alone: what `build --bare` needs")
    tree.add_argument("-k", dest="kernel", required=True, metavar="KERNEL")
    path = verb("path", "print where a kernel's tree, build directory, layer "
                "and symbols are")
    path.add_argument("-k", dest="kernel", required=True, metavar="KERNEL")
    listed = verb("list", "print the tests of peerbuf's test programs",
                  "A line AREA TEST for each, by the programs' own word.  1 "
                  "if one of them fails.")
    listed.add_argument("-k", dest="kernel", required=True, metavar="KERNEL")
    clean = verb("clean", "remove the cache, or only peerbuf's own builds")
    clean.add_argument("--builds", action="store_true",
                       help="only builds of peerbuf and logs: keep images "
                            "and kernels")
    return top


def _guest_options(sub):
    sub.add_argument("-k", dest="kernel", required=True, metavar="KERNEL",
                     help="one of " + ", ".join(kernels.HOMES))
    sub.add_argument("-m", dest="machine", required=True, metavar="MACHINE",
                     help="one of " + ", ".join(machines.MACHINES))
    sub.add_argument("--share", metavar="DIR",
                     help="show DIR, read-only, at /mnt/share")
    sub.add_argument("--out", metavar="DIR",
                     help="show DIR, writable, at /mnt/out")
    sub.add_argument("--bar-size", metavar="SIZE", default="16M",
                     help="of the ivshmem BARs: a power of two with K, M "
                          "or G (default %(default)s)")
    sub.add_argument("--append", metavar="WORDS", default="",
                     help="more words for the kernel's command line")
    sub.add_argument("--real-time", action="store_true",
                     help="let the guest's clock follow the host's, instead of "
                          "counting instructions and skipping what it would "
                          "sleep (a shell always does)")
    more = sub.add_mutually_exclusive_group()
    more.add_argument("--verbs", action="store_true",
                      help="with the libibverbs provider of the test HCA, on "
                           "another distribution's userland if need be")
    more.add_argument("--gpu", action="store_true",
                      help="with a bochs-display and a virtio-gpu, and with "
                           "Debian testing's userland, which has IGT")
    sub.add_argument("--sriov", action="store_true",
                     help="with a function that has virtual functions")
    _bare_option(sub)


def _bare_option(sub):
    sub.add_argument("--bare", action="store_true",
                     help="without peerbuf: neither built nor loaded")


def _seconds(text):
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def _guest(args, timeout=None):
    """Check all that can be checked, then prepare what the guest needs."""
    kernels.check(args.kernel)
    machines.check(args.machine, kernels.arch(args.kernel))
    size = machines.parse_size(args.bar_size)
    shares = {name: _directory(f"--{name}", getattr(args, name))
              for name in ("share", "out")}
    host.ensure_tools()
    layer = build.Layer(kernels.Kernel(args.kernel), bare=args.bare)
    land = None
    if args.verbs:
        land = rdma.userland(layer.kernel)
    elif args.gpu:
        land = userland.with_igt(layer.kernel)
    return guest.Guest(layer, args.machine, shares, size, timeout, args.append,
                       land, args.gpu, args.real_time, args.sriov)


def _directory(option, text):
    """A directory that was asked for by name, or None."""
    if text is None:
        return None
    path = Path(text).resolve()
    if not path.is_dir():
        raise UsageError(f"{option} {text}: not a directory")
    return path


def _run(args):
    return _guest(args, args.timeout).run(args.command)


def _shell(args):
    return _guest(args).shell()


def _build(args):
    kernels.check(args.kernel)
    host.ensure_tools()
    kernel = kernels.Kernel(args.kernel)
    symvers = None if args.bare else build.Layer(kernel).symvers
    return build.external(kernel, symvers, args.directory, args.words)


def _cc(args):
    kernels.check(args.kernel)
    host.ensure_tools()
    return build.program(build.Layer(kernels.Kernel(args.kernel)), args.words)


def _prepare(args):
    names = args.kernels or [k for k in kernels.HOMES if k != kernels.DEBUG]
    for name in names:
        kernels.check(name)
    host.ensure_tools()
    for name in names:
        kernel = kernels.Kernel(name)
        emulator.obtain(arch=kernel.arch)
        if kernel.makes_blobs:
            emulator.obtain(True)
        initramfs.obtain(kernel)
        vmlinux.obtain(kernel)
        build.Layer(kernel, verbose=args.verbose)
    return 0


def _tree(args):
    kernels.check(args.kernel)
    host.ensure_tools()
    kernels.Kernel(args.kernel)
    return 0


def _path(args):
    kernel = kernels.Kernel(args.kernel)
    layer = build.Layer(kernel)
    print(f"release   {kernel.release}", f"tree      {kernel.image.root}",
          f"vmlinuz   {kernel.vmlinuz}",
          f"build     {kernel.build_dir} (inside the tree)",
          *(f"layer     {root}" for root in layer.roots), f"symbols   {layer.symvers}", sep="\n")
    return 0


def _list(args):
    kernels.check(args.kernel)
    host.ensure_tools()
    return programs.listed(build.Layer(kernels.Kernel(args.kernel)))


def _clean(args):
    kinds = ["layers", "builds", "logs"]
    if not args.builds:
        kinds += ["verbs", "packages", "images", "emulators", "kernels", "initramfs",
                  "ccache", "locks"]
    for kind in kinds:
        shutil.rmtree(cache.base() / kind, ignore_errors=True)
    return 0


def main(argv):
    """Do what the command line says; the exit status."""
    args = parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    verbs = {"run": _run, "shell": _shell, "build": _build, "cc": _cc,
             "prepare": _prepare, "tree": _tree, "path": _path,
             "list": _list, "clean": _clean}
    try:
        return verbs[args.verb](args)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return 130
