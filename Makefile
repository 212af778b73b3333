# SPDX-License-Identifier: GPL-2.0
#
# Everything a person types.  The kernel modules' own build is in Kbuild, the
# tool's in userspace/meson.build; what runs in guests is started by tests/.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
DEMO_KERNEL ?= 6.12
# Ten minutes' worth.
STRESS_ROUNDS ?= 1100
DESTDIR ?=
PREFIX ?= /usr/local
VERSION := 0.1.0
BUILD := build
DKMS_SRC := /usr/src/peerbuf-$(VERSION)

# Where udev looks on every Debian; packages use the distribution's own directory.
UDEV_RULES ?= /etc/udev/rules.d
CONFIG_FILES := $(DESTDIR)$(PREFIX)/lib/sysusers.d/peerbuf.conf \
	$(DESTDIR)$(PREFIX)/lib/modules-load.d/peerbuf.conf \
	$(DESTDIR)$(UDEV_RULES)/60-peerbuf.rules

.PHONY: help demo test test-long test-debug test-rdma test-stress test-packages model fuzz bench \
	bench-check bench-accept check modules modules_install tool \
	install install-tool install-config uninstall dkms-install dkms-remove deb \
	htmldocs clean

help:
	@sed -n 's/^#: //p' $(firstword $(MAKEFILE_LIST))

#: Without hardware (guests; installs what it needs when run as root; ARGS are
#: options of tests/run, such as ARGS='-k 7.2 -m vtd -t revoke'):
#:   make demo           one device's BAR, reached by another device, taken back, RDMA
#:   make test           unit, tool and guest tests on kernels 6.1, 6.12, 7.2 and 7.3, and
#:                       a slice of them on arm64; a fifth of what tests repeat
#:   make test-long      the guest tests on those and all of arm64's kernels, all of it
#:   make test-debug     the guest tests again, in an instrumented 7.2
#:   make test-rdma      RDMA into a BAR, on an RDMA device made for tests
#:   make test-stress    eviction storms on shared GPU buffers, ten minutes or so
#:   make test-packages  the Debian packages, on Debian 12 and 13, DKMS on every kernel
#:   make model          every order in which revokes, moves and importers can meet
#:   make fuzz           random input to the pure logic, under sanitizers
#:   make bench          what exporting and mapping costs, in instructions of the guest
#:   make bench-check    fails if that has grown by 5 % since it was last accepted
#:   make bench-accept   accepts what it costs now (tests/bench/baseline.json)
#:   make check          style, sparse, W=1 on four kernels and arm64, documentation
#:   make htmldocs       Documentation/ as HTML, in build/html
demo:
	@scripts/install-deps host
	@tests/demo/run -k $(DEMO_KERNEL)

test:
	@scripts/install-deps host userspace terminal model fuzz
	@tests/run --unit --userspace $(ARGS)

test-long:
	@scripts/install-deps host
	@tests/run --long $(ARGS)

test-debug:
	@scripts/install-deps host
	@tests/run --debug $(ARGS)

test-rdma:
	@scripts/install-deps host
	@tests/run -m plain+rdma -m vtd+rdma $(ARGS)

test-stress:
	@scripts/install-deps host
	@PEERBUF_TEST_ROUNDS=$(STRESS_ROUNDS) tests/run -v -k 7.2 -m plain -t gpu_stress \
		--timeout 3600 $(ARGS)

test-packages:
	@scripts/install-deps host
	@tests/packages/run $(ARGS)

model:
	@scripts/install-deps model
	@tests/model/run $(ARGS)

fuzz:
	@scripts/install-deps fuzz
	@tests/fuzz/run $(ARGS)

bench:
	@scripts/install-deps host plots
	@tests/bench/run $(ARGS)

bench-check:
	@scripts/install-deps host plots
	@tests/bench/run --check $(ARGS)

bench-accept:
	@scripts/install-deps host plots
	@tests/bench/run --accept $(ARGS)

check:
	@scripts/install-deps host userspace check docs
	@scripts/check $(CHECKS)

htmldocs:
	@scripts/install-deps docs
	@scripts/htmldocs $(BUILD)/html

#: With hardware:
#:   make modules        p2p.ko and peerbuf.ko for the running kernel, or KVER=…
#:   make tool           libpeerbuf and the peerbuf command
#:   make install        both, as root (DESTDIR, PREFIX), and what loads the modules
#:   make install-tool   the library and the command alone
#:   make uninstall      undo either
#:   make deb            Debian packages of all of it, in build/deb
#:   make dkms-install   the modules, rebuilt by DKMS at every kernel update
#:   make dkms-remove    undo that
modules:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

modules_install: modules
	$(MAKE) -C $(KDIR) M=$(CURDIR) $(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR)) \
		modules_install
	$(if $(DESTDIR),,depmod -a $(KVER))

tool:
	@scripts/install-deps userspace
	@if test -e $(BUILD)/userspace/build.ninja; then \
		meson configure $(BUILD)/userspace --prefix=$(PREFIX); \
	else \
		meson setup $(BUILD)/userspace userspace --prefix=$(PREFIX) \
			--buildtype=release; \
	fi
	meson compile -C $(BUILD)/userspace

# /usr/local/lib is where the dynamic linker looks only after ldconfig.
install-tool: tool
	DESTDIR=$(DESTDIR) meson install -C $(BUILD)/userspace --no-rebuild
	$(if $(DESTDIR),,ldconfig)

# A group for the nodes, the rule that gives them to it, and the modules at boot.
install-config:
	install -D -m 644 packaging/sysusers.d/peerbuf.conf -t $(DESTDIR)$(PREFIX)/lib/sysusers.d
	install -D -m 644 packaging/modules-load.d/peerbuf.conf \
		-t $(DESTDIR)$(PREFIX)/lib/modules-load.d
	install -D -m 644 packaging/udev/60-peerbuf.rules -t $(DESTDIR)$(UDEV_RULES)
	$(if $(DESTDIR),,! command -v systemd-sysusers >/dev/null || systemd-sysusers)
	$(if $(DESTDIR),,! command -v udevadm >/dev/null || udevadm control --reload || true)

install: modules_install install-tool install-config

# What meson installed is in its log, which only the build directory has.
uninstall:
	@if test -e $(BUILD)/userspace/meson-logs/install-log.txt; then \
		scripts/uninstall-tool $(BUILD)/userspace/meson-logs/install-log.txt; \
	else \
		echo "the library and the command: nothing was installed from here"; \
	fi
	rm -f $(CONFIG_FILES)
	find $(DESTDIR)/lib/modules/$(KVER) -path '*/drivers/*' \( -name 'p2p.ko*' \
		-o -name 'peerbuf.ko*' -o -name 'peerbuf-*.ko*' \) -type f -delete
	$(if $(DESTDIR),,depmod -a $(KVER); ldconfig)

deb:
	@scripts/install-deps deb
	@scripts/deb $(BUILD)/deb
	@ls $(BUILD)/deb/*.deb

# DKMS takes what it has built of this version, for whatever kernel, for up to date.
dkms-install:
	@scripts/install-deps dkms
	@if [ -n "$$(dkms status peerbuf/$(VERSION))" ]; then \
		dkms remove peerbuf/$(VERSION) --all; \
	fi
	rm -rf $(DKMS_SRC)
	mkdir -p $(DKMS_SRC)
	cp -r Kbuild compat include drivers packaging/dkms/dkms.conf $(DKMS_SRC)/
	dkms install peerbuf/$(VERSION) -k $(KVER)

dkms-remove:
	dkms remove peerbuf/$(VERSION) --all
	rm -rf $(DKMS_SRC)

#: Either way:
#:   make clean          what the above left in this directory
clean:
	@rm -rf $(BUILD)
	@find Kbuild drivers tests/drivers modules.order Module.symvers \
		.Module.symvers.cmd .modules.order.cmd \
		\( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		-o -name '.*.cmd' -o -name '.*.d' -o -name modules.order \
		-o -name Module.symvers \) -type f -delete 2>/dev/null || true
