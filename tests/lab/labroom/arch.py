# SPDX-License-Identifier: GPL-2.0
"""Architectures: what Debian, the kernel and QEMU each call one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """One of them, by everybody's name."""
    debian: str        # packages: linux-image-amd64, --architectures=amd64
    kernel: str        # make ARCH=
    triplet: str       # the compiler, and the directory of the libraries
    boot_image: str    # what a kernel build makes to boot
    emulator: str      # QEMU's program for guests
    emulator_packages: tuple
    loader: str        # ld.so's name
    firmware: str      # a directory of QEMU's, next to its own
    user_emulator: str # QEMU's program for single programs
    console: str       # the board's serial ports, as the guest calls them

    @property
    def libdir(self):
        """Where libraries go, below the prefix."""
        return f"lib/{self.triplet}"


AMD64 = Architecture(
    debian="amd64", kernel="x86", triplet="x86_64-linux-gnu",
    boot_image="arch/x86/boot/bzImage", emulator="qemu-system-x86_64",
    emulator_packages=("qemu-system-x86",), loader="ld-linux-x86-64.so.2",
    firmware="seabios", user_emulator="qemu-x86_64", console="ttyS")

ARM64 = Architecture(
    debian="arm64", kernel="arm64", triplet="aarch64-linux-gnu",
    boot_image="arch/arm64/boot/Image", emulator="qemu-system-aarch64",
    emulator_packages=("qemu-system-arm", "qemu-efi-aarch64"),
    loader="ld-linux-aarch64.so.1", firmware="qemu-efi-aarch64",
    user_emulator="qemu-aarch64", console="ttyAMA")

# Of the machine the lab runs on: compilers and emulators are programs of it.
HOST = AMD64
