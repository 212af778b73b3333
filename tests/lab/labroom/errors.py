# SPDX-License-Identifier: GPL-2.0
"""What can go wrong, and the exit code each thing has (see --help)."""

EXIT_USAGE = 2       # the command line asks for something that does not exist
EXIT_GONE = 120      # no Debian suite offers that kernel any more
EXIT_LAB = 121       # the lab itself failed: no image, no build, no QEMU
EXIT_MODULES = 122   # the guest booted, but p2p or peerbuf did not load
EXIT_DIED = 123      # the guest panicked, or QEMU ended, before a verdict
EXIT_TIMEOUT = 124   # the host killed the guest
EXIT_KLOG = 125      # the command ended, but the kernel log holds a report


class LabError(Exception):
    """A failure to be told in one message, with the exit code it deserves."""

    def __init__(self, message, code=EXIT_LAB):
        super().__init__(message)
        self.code = code


class UsageError(LabError):
    """A request that cannot be meant."""

    def __init__(self, message):
        super().__init__(message, EXIT_USAGE)


class GoneError(LabError):
    """A kernel that cannot be had: not in the cache, and in no suite today."""

    def __init__(self, message):
        super().__init__(message, EXIT_GONE)
