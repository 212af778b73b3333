# SPDX-License-Identifier: GPL-2.0
"""RDMA userland: the libibverbs provider of the test HCA (tests/drivers/hca).

libibverbs loads providers through a private interface that changes with its
releases and whose header is in no package but the source.  So the provider is
built against the source archive of the very rdma-core that is installed in a
tree.  Not every archive is to be had from every mirror: where one is missing,
the guest gets the userland of another distribution, under its own kernel.
"""

from pathlib import Path

from . import cache, chroot
from .errors import LabError, UsageError
from .image import Image
from .userland import Userland

CHECKOUT = Path(__file__).resolve().parents[3]
PROVIDER = CHECKOUT / "userspace/verbs"
ABI = CHECKOUT / "tests/drivers/hca/hca_abi.h"
RECIPE = 1

# Whose userland to take when a distribution's own cannot be had, in this order.
SUITES = ["trixie", "forky"]

# apt itself knows where the archive is and what its hash must be.
_FETCH = r"""
mount -t tmpfs tmpfs /var/lib/apt/lists
mount -t tmpfs tmpfs /var/cache/apt
mkdir -p /var/lib/apt/lists/partial /var/cache/apt/archives/partial
sed 's/^deb /deb-src /' /etc/apt/sources.list > /tmp/sources
options="-q -o APT::Sandbox::User=root -o Dir::Etc::SourceParts=/dev/null
         -o Dir::Etc::SourceList=/tmp/sources"
apt-get $options update
version=$(dpkg-query -W -f '${source:Version}' libibverbs1)
apt-get $options source --print-uris --only-source "rdma-core=$version" \
    > /tmp/uris
sed -n "s/^'\(.*\.orig\.tar\.[^']*\)' .* \(SHA256:.*\)$/\1 \2/p" /tmp/uris \
    > /tmp/archive
read -r uri hash < /tmp/archive
if ! /usr/lib/apt/apt-helper $options download-file "$uri" /tmp/orig "$hash" \
        > /tmp/said 2>&1; then
    cat /tmp/said
    grep -q ' 404 ' /tmp/said || exit 1
    echo "$version" > /mnt/out/missing
    exit 0
fi
mkdir /mnt/out/source
tar -xf /tmp/orig -C /mnt/out/source --strip-components=1 --wildcards \
    '*/libibverbs' '*/ccan' '*/util' '*/kernel-headers' \
    '*/buildlib/make_abi_structs.py'
"""


def userland(kernel):
    """What a guest needs to use the HCA, on top of its own layers."""
    if kernel.image.cross:
        raise UsageError(f"--verbs: not with {kernel.name}: the provider is not cross-built")
    for image in [kernel.image, *map(Image, SUITES)]:
        image.obtain()
        source = _source(image)
        if not (source / "missing").exists():
            break
    else:
        raise LabError("no distribution's rdma-core source is to be had")
    if image is not kernel.image:
        cache.note(f"{kernel.image.name}'s rdma-core source is not to be "
                   f"had: {kernel.name} runs with {image.name}'s userland")
    return Userland(kernel, image, [_provider(image, source) / "layer"])


def _source(image):
    """rdma-core's source as installed in a tree, or a file "missing"."""
    key = cache.digest(RECIPE, image.key, _FETCH)
    return cache.obtain("verbs", f"source-{image.name}-{key}",
                        lambda partial: _fetch(image.root, partial))


def _fetch(root, partial):
    cache.note("fetching rdma-core's source")
    binds = [(partial, "/mnt/out")]
    resolv = Path("/etc/resolv.conf")
    if resolv.exists() and (root / "etc/resolv.conf").exists():
        binds.append((resolv, "/etc/resolv.conf"))
    chroot.script(root, binds, _FETCH, what="fetching rdma-core's source")


def _provider(image, source):
    key = cache.digest(RECIPE, str(source), (PROVIDER / "build").read_bytes(),
                       (PROVIDER / "hca.c").read_bytes(), ABI.read_bytes())

    def make(partial):
        binds = [(source / "source", "/mnt/source"), (ABI.parent, "/mnt/abi"),
                 (PROVIDER, "/mnt/provider"), (partial, "/mnt/out")]
        chroot.run(image.root, binds,
                   ["/mnt/provider/build", "/mnt/source", "/mnt/abi",
                    "/mnt/out/layer"], what="building the HCA's provider")

    return cache.obtain("verbs", f"provider-{image.name}-{key}", make)
