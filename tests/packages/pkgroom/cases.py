# SPDX-License-Identifier: GPL-2.0
"""The cases, by what they show."""

import functools
import os
import re

from labroom import host
from labroom.kernel import HOMES, Kernel

from . import backports, debs, guest
from .machine import BUILDING, DKMS, Failed, Machine

# Which Debian's packages go onto a kernel's tree.
DEBIAN = {"6.1": "12", "6.12": "13", "7.2": "13", "7.3": "13"}
NAMES = ["libpeerbuf-dev", "libpeerbuf-verbs0", "libpeerbuf0", "peerbuf-dkms", "peerbuf-utils",
         "python3-peerbuf"]
MODULES = ["p2p", "peerbuf", "peerbuf-vfio-pci", "peerbuf-nvme"]
CASES = {}


def case(**variants):
    """A case, once for each value of its one argument."""
    def add(call):
        for name, values in variants.items():
            for value in values:
                CASES[f"{call.__name__}.{value}"] = functools.partial(call, **{name: value})
        if not variants:
            CASES[call.__name__] = call
        return call
    return add


def every():
    """All cases by name."""
    return CASES


def expect(condition, what):
    """What should be so."""
    if not condition:
        raise Failed(what)


def machine_of(kernel):
    """The tree with that kernel, with DKMS."""
    found = Kernel(kernel)
    return found.release, Machine(found.image, DKMS)


def stock(debian):
    """A Debian with all that its packages are built with."""
    return Machine(debs.STOCK[debian], BUILDING)


def built_modules(machine, release):
    """The modules that DKMS has installed for a kernel."""
    folder = machine.path(f"/lib/modules/{release}/updates/dkms")
    return sorted(path.name.partition(".ko")[0] for path in folder.glob("*.ko*"))


def check_modules(machine, release, names=tuple(MODULES)):
    """These are there, for that kernel, and complete; no others."""
    status = machine.run("dkms", "status", "-k", release)
    expect("installed" in status, f"dkms status: {status}")
    expect(built_modules(machine, release) == sorted(names),
           f"built for {release}: {built_modules(machine, release)}")
    for name in names:
        magic = machine.run("modinfo", "-k", release, "-F", "vermagic", name)
        expect(magic.split()[0] == release, f"{name} is for {magic}")
        number = machine.run("modinfo", "-k", release, "-F", "version", name).strip()
        expect(number in status, f"{name} is of version {number}")
        machine.run("modprobe", "--set-version", release, "--show-depends", name)


def leftovers(machine):
    """What of the packages is still there."""
    return machine.run("find", "/usr", "/etc", "/var/lib/dkms", "/lib/modules", "-xdev",
                       "-name", "*peerbuf*", "-not", "-path", "/usr/lib/python3*/__pycache__/*")


@case(kernel=DEBIAN)
def dkms_builds(kernel):
    """The package builds all modules against the headers of the kernel's own package."""
    packages = debs.built(DEBIAN[kernel])
    release, machine = machine_of(kernel)
    with machine:
        machine.install(*machine.give([packages["peerbuf-dkms"]]))
        check_modules(machine, release)


@case(debian=debs.STOCK)
def make_deb_builds_a_clean_clone(debian):
    """With what `make deb` installs itself, and without git; nothing is left in the checkout."""
    with Machine(debs.STOCK[debian], ["make"]) as machine:
        clone = debs.clone(machine.path("/srv/clone"))
        machine.run("apt-get", "-q", "update")
        machine.run("make", "deb", directory="/srv/clone")
        found = {path.name.partition("_")[0] for path in (clone / "build/deb").glob("*.deb")
                 if "dbgsym" not in path.name}
        expect(sorted(found) == NAMES, f"built: {sorted(found)}")
        left = host.quiet(["git", "-c", "safe.directory=*", "-C", clone, "status",
                           "--porcelain"]).decode()
        expect(not left, f"left: {left}")


@case(debian=debs.STOCK)
def packages_are_complete(debian):
    """Each has its files."""
    packages = debs.built(debian)
    expect(sorted(packages) == NAMES, f"built: {sorted(packages)}")
    with stock(debian) as machine:
        for name, path in zip(packages, machine.give(packages.values())):
            listed = machine.run("dpkg-deb", "--contents", path)
            for wanted in CONTENTS[name]:
                expect(re.search(wanted + "$", listed, re.M), f"{name} lacks {wanted}:\n{listed}")


@case(debian=debs.STOCK)
def lintian_has_nothing_to_say(debian):
    """Neither an error nor a warning; a release of Debian's it is not."""
    with stock(debian) as machine:
        files = machine.give(path for path in debs.folder(debian).iterdir() if path.is_file())
        machine.run("lintian", "--fail-on", "warning,error", "--allow-root",
                    *[name for name in files if name.endswith(".changes")])


CONTENTS = {
    "peerbuf-dkms": ["usr/src/peerbuf-[0-9.]*/dkms.conf", "/Kbuild", "/compat/compat.h",
                     "modules-load.d/peerbuf.conf", "man4/peerbuf.4.gz", "man4/peerbuf-nvme.4.gz",
                     "man4/peerbuf-vfio-pci.4.gz"],
    "libpeerbuf0": [r"libpeerbuf.so.0(\.\d+)+", "libpeerbuf.so.0 -> .*"],
    "libpeerbuf-verbs0": [r"libpeerbuf-verbs.so.0(\.\d+)+", "libpeerbuf-verbs.so.0 -> .*"],
    "libpeerbuf-dev": ["/usr/include/peerbuf.h", "/usr/include/peerbuf.hpp",
                       "/usr/include/peerbuf/linux/peerbuf.h",
                       "/usr/include/peerbuf/linux/peerbuf/reason.h", "libpeerbuf.pc",
                       "man3/peerbuf_export.3.gz", "man3/libpeerbuf.3.gz",
                       "man3/peerbuf_reg_mr.3.gz", "/usr/include/peerbuf_verbs.h",
                       "examples/node-watch.c"],
    "peerbuf-utils": ["/usr/bin/peerbuf", "peerbuf/peerbuf-run.so", "sysusers.d/peerbuf.conf",
                      "rules.d/60-peerbuf.rules",
                      "man1/peerbuf.1.gz", "man7/peerbuf.7.gz", "man8/peerbuf-admin.8.gz",
                      "bash-completion/completions/peerbuf"],
    "python3-peerbuf": ["dist-packages/peerbuf/_abi.py", "dist-packages/peerbuf/__init__.py"],
}


@case(debian=debs.STOCK)
def autopkgtests_pass(debian):
    """What the packages bring for Debian's own testing."""
    packages = debs.built(debian)
    with stock(debian) as machine:
        debs.copy(machine.path("/srv/peerbuf"))
        machine.run("cp", "-r", "packaging/debian", "debian", directory="/srv/peerbuf")
        files = machine.give(packages.values(), "/srv/debs")
        said = machine.run("autopkgtest", "--no-built-binaries", *files, "/srv/peerbuf", "--",
                           "null")
        for name in ("developers", "command", "dkms"):
            expect(re.search(rf"^{name} +PASS", said, re.M), said)


@case(debian=debs.STOCK)
def purge_leaves_nothing(debian):
    """Neither removal nor purge fails; then it is as if nothing had been installed."""
    packages = debs.built(debian)
    with stock(debian) as machine:
        before = leftovers(machine)
        machine.install(*machine.give(packages.values()))
        expect(machine.run("peerbuf", "--version"), "no command")
        machine.run("apt-get", "-qy", "remove", "--autoremove", *NAMES)
        expect(not machine.run("dkms", "status"), "DKMS still has it")
        # apt does not know them any more: they leave no configuration behind.
        machine.run("dpkg", "--purge", *NAMES)
        left = set(leftovers(machine).split()) - set(before.split())
        expect(not left, f"left: {left}")


# (The kernel there is, the series of the one that comes.)
UPDATES = {"6.12-point-release": ("6.12", "6.12"), "6.12-to-7.3": ("6.12", "7.3"),
           "7.2-to-7.3": ("7.2", "7.3")}


@case(update=UPDATES)
def kernel_update_builds(update):
    """A kernel that comes later gets its modules as it comes: another release of Debian
    13's own, and those of its backports."""
    kernel, series = UPDATES[update]
    packages = debs.built(DEBIAN[kernel])
    release, machine = machine_of(kernel)
    with machine:
        machine.install(*machine.give([packages["peerbuf-dkms"]]))
        if series != kernel:
            sources_of(machine, series)
        machine.run("apt-get", "-q", "update")
        other = newest_headers(machine, series, release)
        machine.install(f"linux-headers-{other}")
        check_modules(machine, other)
        check_modules(machine, release)
        machine.run("apt-get", "-qy", "purge", f"linux-headers-{other}")


def sources_of(machine, series):
    """Its package lists have what the suite that has the series offers."""
    image = HOMES[series][0]
    have = machine.path("/etc/apt/sources.list").read_text()
    for line in host.sources(image.suite):
        if line not in have:
            machine.append("/etc/apt/sources.list", line + "\n")


def newest_headers(machine, series, not_this):
    """A release of the series that has headers in the archive."""
    said = machine.run("apt-cache", "search", "--names-only",
                       rf"^linux-headers-{re.escape(series)}\.[0-9]+[^-]*-amd64$")
    found = [line.split()[0].removeprefix("linux-headers-") for line in said.splitlines()]
    found = [name for name in found if name != not_this]
    expect(found, f"the archive has no other {series}: {said}")
    return max(found, key=lambda name: [int(n) for n in re.findall(r"\d+", name)])


# What a kernel may be built without, and the module that it costs.
OPTIONS = {"CONFIG_VFIO_PCI_CORE": "peerbuf-vfio-pci", "CONFIG_BLK_DEV_NVME": "peerbuf-nvme"}


@case(option=OPTIONS)
def kernel_without_it_gets_the_others(option):
    """Its configuration says so; Kbuild and dkms.conf agree on it."""
    packages = debs.built("13")
    release, machine = machine_of("6.12")
    with machine:
        for name in ("include/config/auto.conf", ".config"):
            path = machine.path(f"/usr/src/linux-headers-{release}/{name}")
            if path.exists():
                lines = [line for line in path.read_text().splitlines(True)
                         if not re.search(rf"\b{option}\b", line)]
                path.write_text("".join(lines))
        machine.install(*machine.give([packages["peerbuf-dkms"]]))
        check_modules(machine, release, [name for name in MODULES if name != OPTIONS[option]])


@case(kernel=backports.EDITS)
def backports_defeat_no_probe(kernel):
    """Whatever a kernel of that version has taken from newer ones, the modules build: what
    it has they see in its headers.  Its symbols stay the old ones, hence the warnings."""
    packages = debs.built(DEBIAN[kernel])
    release, machine = machine_of(kernel)
    with machine:
        file, = machine.give([packages["peerbuf-dkms"]])
        machine.run("dpkg-deb", "--extract", file, "/srv/source")
        common, = machine.path("/usr/src").glob("linux-headers-*-common")
        backports.apply(kernel, common)
        source = f"/srv/source/usr/src/peerbuf-{debs.version()}"
        said = machine.run("make", "-C", f"/lib/modules/{release}/build", f"M={source}",
                           "KBUILD_MODPOST_WARN=1", "modules")
        expect("warning: " not in said, said)
        for name in MODULES:
            expect(list(machine.path(source).rglob(f"{name}.ko")), f"no {name}.ko:\n{said}")


@case(debian=debs.STOCK)
def upgrade_builds_the_new(debian):
    """The next version takes the place of the last one, in DKMS and on the disk."""
    old, new = debs.built(debian), debs.built(debian, debs.following(debs.version()))
    kernel = {"12": "6.1", "13": "6.12"}[debian]
    release, machine = machine_of(kernel)
    with machine:
        machine.install(*machine.give(old.values(), "/srv/old"))
        machine.install(*machine.give(new.values(), "/srv/new"))
        check_modules(machine, release)
        status = machine.run("dkms", "status")
        expect(status.count("installed") == 1 and debs.version() not in status, status)
        expect(not machine.path(f"/usr/src/peerbuf-{debs.version()}").exists(), "old source")
        expect(debs.following(debs.version()) in machine.run("peerbuf", "--version"),
               "the old command")


@case(kernel=["6.1", "6.12"])
def upgrade_and_purge_keep_exports(kernel):
    """In a guest: the module out of the package has memory exported, and stays with it
    while every package is upgraded, removed and purged."""
    debian = DEBIAN[kernel]
    old, new = debs.built(debian), debs.built(debian, debs.following(debs.version()))
    release, machine = machine_of(kernel)
    with machine:
        machine.install(*machine.give(old.values()))
        check_modules(machine, release)
        machine.give(new.values(), "/srv/new")
        # Compilers take minutes in a guest: upgrade_builds_the_new has seen them.
        machine.path("/etc/dkms/no-autoinstall").touch()
        said = guest.run(kernel, machine, UPGRADE)
        expect("all is well" in said, said)


# The holder looks at its bytes once more when all packages are gone.
UPGRADE = """
modprobe peerbuf
version=$(cat /sys/module/peerbuf/version)
memory=$(lab-host where rp-mem)
peerbuf bind "$memory"
cat > /run/holder <<'P'
import mmap, os, time
memory = mmap.mmap(int(os.environ["PEERBUF_FD"]), 65536)
memory[:] = b"\x5a" * 65536
open("/run/exported", "w").close()
while not os.path.exists("/run/done"):
    time.sleep(1)
assert memory[:] == b"\x5a" * 65536
P
peerbuf export "$memory" --bar 2 --range 1M:64K -- python3 /run/holder &
while ! [ -e /run/exported ]; do sleep 1; done
exports=/sys/kernel/debug/peerbuf/exports
cp $exports /run/before
grep -q 'size 65536' /run/before
quietly() {
    "$@" > /run/log 2>&1 || { cat /run/log; exit 1; }
    cmp $exports /run/before
    grep -x "$version" /sys/module/peerbuf/version
}
quietly dpkg -i /srv/new/*.deb
python3 -c 'import peerbuf
with peerbuf.Control() as control: assert len(control.exports()) == 1'
peerbuf ps
names="python3-peerbuf libpeerbuf-dev libpeerbuf-verbs0 peerbuf-utils peerbuf-dkms libpeerbuf0"
quietly dpkg --remove $names
quietly dpkg --purge $names
touch /run/done
wait $!
cat $exports
modprobe -r peerbuf
echo all is well
"""


@case()
def container_gets_node_and_group():
    """In a guest: by the specification that `peerbuf cdi` prints podman gives a container the node
    of a function, and whoever is nobody in there the group that may open it."""
    packages = debs.built("13")
    release = Kernel("6.12").release
    with Machine(debs.STOCK["13"], DKMS + ENGINE) as machine:
        machine.install(*machine.give(packages.values()))
        check_modules(machine, release)
        machine.run("mkdir", "-p", "/srv/box/bin")
        machine.run("cp", "/bin/busybox", "/srv/box/bin/sh")
        said = guest.run("6.12", machine, CONTAINER)
        expect("all is well" in said, said)


ENGINE = ["podman", "crun", "busybox-static"]
# No udev is there to give the node to its group, no systemd to make cgroups.
CONTAINER = """
modprobe peerbuf
memory=$(lab-host where rp-mem)
peerbuf bind "$memory"
chgrp peerbuf /dev/peerbuf/"$memory"
chmod 0660 /dev/peerbuf/"$memory"
mkdir -p /etc/cdi /var/lib/containers
peerbuf cdi > /etc/cdi/peerbuf.json
mount -t tmpfs none /var/lib/containers
mount -t tmpfs none /run
run() {
    podman run --rm --network none --cgroups disabled --user 1000 "$@"
}
name=$(echo "$memory" | tr : -)
run --device "peerbuf.local/function=$name" --rootfs /srv/box /bin/sh -c ": <> /dev/peerbuf/$memory"
run --device peerbuf.local/function=all --rootfs /srv/box /bin/sh -c ": <> /dev/peerbuf/$memory"
if run --rootfs /srv/box /bin/sh -c ": <> /dev/peerbuf/$memory"; then exit 1; fi
if run --device peerbuf.local/function=0000-00-1f.7 --rootfs /srv/box /bin/sh -c :; then exit 1; fi
echo all is well
"""


@case()
def make_install_and_uninstall():
    """What `make install` puts there `make uninstall` takes away, and nothing else."""
    release = Kernel("6.12").release
    with stock("13") as machine:
        debs.copy(machine.path("/srv/peerbuf"))
        words = ["make", "-j", str(os.cpu_count()), f"KVER={release}"]
        listing = ["find", "/usr/local", "/lib/modules", "/etc/udev", "-not", "-type", "d",
                   "-not", "-name", "modules.*"]
        before = machine.run(*listing)
        machine.run(*words, "install", directory="/srv/peerbuf")
        for name in MODULES:
            machine.run("modinfo", "-k", release, name)
        machine.run("peerbuf", "--version")
        expect(machine.run("getent", "group", "peerbuf"), "no group")
        machine.run("sh", "-c", "gcc -x c - -o /dev/null $(pkg-config --cflags --libs libpeerbuf)"
                    " <<'C'\n#include <peerbuf_vfio.h>\nint main(void) { return 0; }\nC\n")
        machine.run(*words, "uninstall", directory="/srv/peerbuf")
        after = machine.run(*listing)
        expect(before == after, "left:\n" + "\n".join(
            sorted(set(after.split()) - set(before.split()))))
