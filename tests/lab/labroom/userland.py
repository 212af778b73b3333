# SPDX-License-Identifier: GPL-2.0
"""Userlands: a kernel under another distribution's tree.

A newer userland runs on an older kernel.  What the guest then needs of its own
distribution is the kernel's modules, stacked over the other tree.
"""

import shutil

from . import cache
from .errors import UsageError
from .image import Image

# The only distribution that packages IGT's test programs.
IGT = "forky"


def own(kernel):
    """The userland that a kernel's guests have unless they are told otherwise."""
    return Userland(kernel, kernel.tree())


class Userland:
    """A tree for a kernel, and the layers it takes on top of the kernel's own."""

    def __init__(self, kernel, image, layers=()):
        self.image = image
        self.layers = list(layers)
        if image.folder != kernel.image.folder:
            self.layers.append(_modules(kernel) / "layer")

    @property
    def root(self):
        """The tree to boot."""
        return self.image.root


def with_igt(kernel):
    """The userland that has IGT's tests: of Debian testing, on any kernel."""
    image = kernel.image
    if image.cross:
        raise UsageError(f"--gpu: not with {kernel.name}: there is no tree of {IGT} for "
                         f"{kernel.arch.debian}")
    if image.suite != IGT:
        cache.note(f"IGT's tests are packaged for {IGT} only: {kernel.name} "
                   "runs with its userland")
        image = Image(IGT).obtain()
    return Userland(kernel, image)


def _modules(kernel):
    """The kernel's modules alone, for a userland that is not its own."""
    def make(partial):
        shutil.copytree(kernel.modules, partial / "layer/usr/lib/modules"
                        / kernel.release, symlinks=True)

    return cache.obtain("verbs", f"modules-{kernel.name}-{kernel.key}", make)
