// SPDX-License-Identifier: GPL-2.0
/*
 * How much is lent of a function that keeps its driver, and what a function can do that the stub
 * has: nobody gets more than was meant for him.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "harness.h"
#include "quirk.h"
#include "scene.h"
#include "writer.h"

#define CMB_BAR		2
#define SIZE		(64 * 1024ULL)

/* edu's engine, from its internal memory to a bus address. */
#define EDU_BAR		0
#define EDU_SOURCE	0x80
#define EDU_DEST	0x88
#define EDU_COUNT	0x90
#define EDU_COMMAND	0x98
#define EDU_START	1ULL
#define EDU_OUT		2ULL
#define EDU_INSIDE	0x40000
#define EDU_DMA_MS	300

static int control, node;
static __u64 nvme;

static void open_nvme(void)
{
	control = control_open();
	device_bind("sw-nvme", "nvme");
	nvme = lab_addr("sw-nvme");
}

static int lend(__u32 whole, const struct peerbuf_range *ranges, __u32 nr)
{
	__u32 bad_range;
	int ret = peer_lend_ranges(control, nvme, whole, ranges, nr, &bad_range);

	if (!ret)
		eventually(5, (node = node_path_open("sw-nvme", O_RDWR)) >= 0);
	return ret;
}

static void take_back(__u32 mask)
{
	close(node);
	check_ok(peer_unlend(control, nvme, mask));
	check(node_path_open("sw-nvme", O_RDWR) == -ENOENT);
}

static void exports(__u32 bar, __u64 offset, __u64 length)
{
	struct peer_export export;

	check_ok(peer_export_one(node, bar, offset, length, 0, &export));
	close(export.fd);
}

static void refuses(__u32 bar, __u64 offset, __u64 length, __u32 reason)
{
	struct peer_export export;

	check_fails(peer_export_one(node, bar, offset, length, 0, &export), EACCES);
	check_eq(peer_reason, reason);
	check_eq(export.bad_range, 0);
}

static struct peerbuf_range part(__u64 offset, __u64 length)
{
	return (struct peerbuf_range){ .bar = CMB_BAR, .offset = offset, .length = length };
}

TEST(part_of_a_bar_is_lent)
{
	struct peerbuf_range range = part(SIZE, 2 * SIZE);
	struct peer_export export;
	__u8 read_back[1000];
	__u32 handle;
	int edu;

	open_nvme();
	check_ok(lend(0, &range, 1));
	refuses(CMB_BAR, 0, SIZE, PEERBUF_REASON_NOT_LENT);
	refuses(CMB_BAR, SIZE - PAGE, 2 * PAGE, PEERBUF_REASON_NOT_LENT);
	refuses(CMB_BAR, 3 * SIZE - PAGE, 2 * PAGE, PEERBUF_REASON_NOT_LENT);
	exports(CMB_BAR, SIZE, PAGE);
	check_ok(peer_export_one(node, CMB_BAR, SIZE, 2 * SIZE, 0, &export));
	edu = edu_open("sw-edu");
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(writer_put(&(struct writer){ edu, handle }, 0, sizeof(read_back), 5));
	check_ok(writer_check(&(struct writer){ edu, handle }, 0, sizeof(read_back), 5));
	check_ok(edu_detach(edu, handle));
	/* Nor is it moved there. */
	check_fails(peer_move_one(node, export.id, CMB_BAR, 0, 2 * SIZE, 0), EACCES);
	check_eq(peer_reason, PEERBUF_REASON_NOT_LENT);
	close(export.fd);
	take_back(1U << CMB_BAR);
}

TEST(parts_add_up)
{
	struct peerbuf_range ranges[] = { part(0, SIZE), part(2 * SIZE, SIZE), part(SIZE, SIZE) };

	open_nvme();
	check_ok(lend(0, ranges, 2));
	refuses(CMB_BAR, 0, 3 * SIZE, PEERBUF_REASON_NOT_LENT);
	check_ok(lend(0, ranges + 2, 1));
	exports(CMB_BAR, 0, 3 * SIZE);
	refuses(CMB_BAR, 0, 3 * SIZE + PAGE, PEERBUF_REASON_NOT_LENT);
	/* And at last all of it, to which a part adds nothing. */
	check_ok(lend(1U << CMB_BAR, NULL, 0));
	check_ok(lend(0, ranges, 1));
	exports(CMB_BAR, 0, bar_size("sw-nvme", CMB_BAR));
	take_back(1U << CMB_BAR);
	/* What was lent before is forgotten. */
	check_ok(lend(0, ranges + 1, 1));
	refuses(CMB_BAR, 0, SIZE, PEERBUF_REASON_NOT_LENT);
	take_back(1U << CMB_BAR);
}

static void refused(const struct peerbuf_range *ranges, __u32 nr, __u32 bad, int error,
		    __u32 reason)
{
	__u32 bad_range;

	check_fails(peer_lend_ranges(control, nvme, 0, ranges, nr, &bad_range), error);
	check_eq(peer_reason, reason);
	check_eq(bad_range, bad);
	check(node_path_open("sw-nvme", O_RDWR) == -ENOENT);
}

/* And then nothing is lent at all. */
TEST(parts_that_are_none)
{
	struct peerbuf_range ranges[2] = { part(0, SIZE) }, many[PEERBUF_MAX_LENT + 1];
	__u64 size;

	open_nvme();
	size = bar_size("sw-nvme", CMB_BAR);
	ranges[1] = part(0, 0);
	refused(ranges, 2, 1, EINVAL, PEERBUF_REASON_ZERO_LENGTH);
	ranges[1] = part(100, SIZE);
	refused(ranges, 2, 1, EINVAL, PEERBUF_REASON_UNALIGNED);
	ranges[1] = part(size - PAGE, 2 * PAGE);
	refused(ranges, 2, 1, ERANGE, PEERBUF_REASON_PAST_END);
	ranges[1] = part(-PAGE, 2 * PAGE);
	refused(ranges, 2, 1, EOVERFLOW, PEERBUF_REASON_OVERFLOW);
	ranges[1] = part(SIZE, SIZE);
	ranges[1].flags = PEERBUF_RANGE_F_SYSTEM;
	refused(ranges, 2, 1, EINVAL, PEERBUF_REASON_FLAGS);
	ranges[1].flags = 0;
	ranges[1].device_fd = 1;
	refused(ranges, 2, 1, EINVAL, PEERBUF_REASON_RESERVED);
	ranges[1].device_fd = 0;
	ranges[1].bar = 5;
	refused(ranges, 2, 1, ENXIO, PEERBUF_REASON_NO_BAR);
	for (__u32 i = 0; i < PEERBUF_MAX_LENT + 1; i++)
		many[i] = part(2 * i * PAGE, PAGE);
	refused(many, PEERBUF_MAX_LENT + 1, ~0U, EMSGSIZE, PEERBUF_REASON_TOO_MANY_RANGES);
	/* One more than there is room for changes nothing. */
	check_ok(lend(0, many, PEERBUF_MAX_LENT));
	check_fails(lend(0, many + PEERBUF_MAX_LENT, 1), EMSGSIZE);
	check_eq(peer_reason, PEERBUF_REASON_TOO_MANY_RANGES);
	exports(CMB_BAR, 0, PAGE);
	refuses(CMB_BAR, many[PEERBUF_MAX_LENT].offset, PAGE, PEERBUF_REASON_NOT_LENT);
	take_back(1U << CMB_BAR);
}

static __u32 config_value(const char *id, __u64 where, size_t size)
{
	__u32 value = 0;

	config_read(id, where, &value, size);
	return value;
}

static off_t msix_of(const char *id)
{
	off_t at = config_value(id, PCI_CAPABILITY_LIST, 1);

	while (at && config_value(id, at, 1) != PCI_CAP_ID_MSIX)
		at = config_value(id, at + 1, 1);
	check(at);
	return at;
}

/* Whoever writes there raises interrupts that the driver takes for its device's. */
TEST(msix_table_is_never_lent)
{
	struct peerbuf_range range;
	__u32 table, pba, bad_range;
	__u64 at, bits;
	off_t msix;

	open_nvme();
	msix = msix_of("sw-nvme");
	table = config_value("sw-nvme", msix + PCI_MSIX_TABLE, 4);
	pba = config_value("sw-nvme", msix + PCI_MSIX_PBA, 4);
	range.bar = table & PCI_MSIX_TABLE_BIR;
	check_eq(pba & PCI_MSIX_PBA_BIR, range.bar);
	at = (table & PCI_MSIX_TABLE_OFFSET) / PAGE * PAGE;
	bits = (pba & PCI_MSIX_PBA_OFFSET) / PAGE * PAGE;
	check_ok(lend(1U << range.bar, NULL, 0));
	refuses(range.bar, at, PAGE, PEERBUF_REASON_MSIX);
	refuses(range.bar, bits, PAGE, PEERBUF_REASON_MSIX);
	refuses(range.bar, 0, bar_size("sw-nvme", range.bar), PEERBUF_REASON_MSIX);
	if (at)
		exports(range.bar, 0, at < bits ? at : bits);
	take_back(1U << range.bar);
	range = (struct peerbuf_range){ .bar = range.bar, .offset = at, .length = PAGE };
	check_fails(peer_lend_ranges(control, nvme, 0, &range, 1, &bad_range), EACCES);
	check_eq(peer_reason, PEERBUF_REASON_MSIX);
	check_eq(bad_range, 0);
}

/* Where its table is cannot be told; it may be anywhere. */
TEST(part_of_a_function_that_does_not_answer)
{
	const struct peerbuf_range range = part(SIZE, SIZE);
	int mute;

	open_nvme();
	mute = quirk_begin("mute", "sw-nvme");
	check(mute >= 0);
	check_eq(config_value("sw-nvme", PCI_VENDOR_ID, 2), 0xffff);
	refused(&range, 1, 0, EACCES, PEERBUF_REASON_MSIX);
	check_sys(close(mute));
	check_ok(lend(0, &range, 1));
	exports(CMB_BAR, SIZE, SIZE);
	take_back(1U << CMB_BAR);
}

TEST(function_that_nobody_may_map_is_not_lent)
{
	int quirk, ret;
	__u32 reason;

	open_nvme();
	quirk = quirk_begin("unmappable", "sw-nvme");
	if (quirk == -EOPNOTSUPP)
		skip("this kernel knows no such functions");
	check(quirk >= 0);
	ret = lend(1U << CMB_BAR, NULL, 0);
	reason = peer_reason;
	check_sys(close(quirk));
	check_fails(ret, EADDRNOTAVAIL);
	check_eq(reason, PEERBUF_REASON_BAR_UNMAPPABLE);
	check_ok(lend(1U << CMB_BAR, NULL, 0));
	take_back(1U << CMB_BAR);
}

static bool is_master(const char *id)
{
	return config_value(id, PCI_COMMAND, 2) & PCI_COMMAND_MASTER;
}

static void become_master(const char *id)
{
	__u16 command = config_value(id, PCI_COMMAND, 2) | PCI_COMMAND_MASTER;

	config_write(id, PCI_COMMAND, &command, sizeof(command));
}

TEST(stub_switches_bus_mastering_off)
{
	struct peerbuf_ioc_info info;
	__u64 addr = lab_addr("rp-mem");

	control = control_open();
	device_unbind("rp-mem");
	become_master("rp-mem");
	check(is_master("rp-mem"));
	node = node_open("rp-mem");
	check(!is_master("rp-mem"));
	check_ok(peer_policy(control, addr, PEERBUF_POLICY_F_BUS_MASTER, 0));
	check(is_master("rp-mem"));
	check_ok(peer_info(node, &info));
	check_eq(info.flags, PEERBUF_INFO_F_BUS_MASTER);
	/* A reset does not change that, either way. */
	check_ok(device_write("rp-mem", "reset", "1"));
	check(is_master("rp-mem"));
	check_ok(peer_policy(control, addr, 0, PEERBUF_POLICY_F_BUS_MASTER));
	check(!is_master("rp-mem"));
	check_ok(device_write("rp-mem", "reset", "1"));
	check(!is_master("rp-mem"));
}

TEST(lent_functions_driver_decides_about_bus_mastering)
{
	open_nvme();
	check_ok(lend(1U << CMB_BAR, NULL, 0));
	check_fails(peer_policy(control, nvme, PEERBUF_POLICY_F_BUS_MASTER, 0), EOPNOTSUPP);
	check_eq(peer_reason, PEERBUF_REASON_DRIVER_DECIDES);
	check(is_master("sw-nvme"));
	take_back(1U << CMB_BAR);
}

static void engine_writes(volatile __u8 *edu, __u64 to)
{
	*(volatile __u64 *)(edu + EDU_SOURCE) = EDU_INSIDE;
	*(volatile __u64 *)(edu + EDU_DEST) = to;
	*(volatile __u64 *)(edu + EDU_COUNT) = 64;
	*(volatile __u64 *)(edu + EDU_COMMAND) = EDU_START | EDU_OUT;
	pause_ms(EDU_DMA_MS);
}

/* Whoever has the node programs the device's engine, to write where it likes. */
TEST(owner_of_a_node_gets_no_dma_with_it)
{
	const __u8 inner[64] = { 0x5a };
	struct peer_export export;
	volatile __u8 *registers;

	control = control_open();
	check_ok(edu_put(edu_open("rp-edu"), 0, inner, sizeof(inner)));
	close(node_open("rp-mem"));
	lab_host_fill("rp-mem", 0, PAGE, SCENE_PAINT);
	device_bind("rp-edu", "peerbuf");
	node = node_open("rp-edu");
	check_ok(peer_export_one(node, EDU_BAR, 0, bar_size("rp-edu", EDU_BAR), 0, &export));
	registers = buffer_map(export.fd, bar_size("rp-edu", EDU_BAR), 0);
	engine_writes(registers, bar_base("rp-mem", MEM_BAR));
	check_host_bytes("rp-mem", 0, 64, SCENE_PAINT);
	check_ok(peer_policy(control, lab_addr("rp-edu"), PEERBUF_POLICY_F_BUS_MASTER, 0));
	engine_writes(registers, bar_base("rp-mem", MEM_BAR));
	check_host_bytes("rp-mem", 1, 63, 0);
	check_host_bytes("rp-mem", 0, 1, 0x5a);
	check_ok(peer_policy(control, lab_addr("rp-edu"), 0, PEERBUF_POLICY_F_BUS_MASTER));
	device_bind("rp-edu", "edu_dma");
}
