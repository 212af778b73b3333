// SPDX-License-Identifier: GPL-2.0
/*
 * By which type of memory a process has each page of a buffer mapped. arm64 only: there nothing
 * corrects an entry of the wrong type, and system memory that one process has cached and another
 * has not shows either of them old bytes.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

#define START	(32 * PAGE)

/* Attributes of MAIR_EL1 (Arm ARM): the high half of a device's is zero. */
#define NORMAL_UNCACHED	0x44
#define IS_DEVICE(type)	(!((type) & 0xf0))

static int types;

static void begin(void)
{
	check_eq(module_load("page_type"), 0);
	eventually(5, (types = open("/dev/page_type", O_RDONLY | O_CLOEXEC)) >= 0);
}

/* Of a page that is mapped: it is touched first. */
static unsigned int type_of(volatile __u8 *address)
{
	__u8 type;

	(void)*address;
	check_eq(pread(types, &type, 1, (off_t)(unsigned long)address), 1);
	return type;
}

/* As any memory of this process is. */
static unsigned int ordinary(void)
{
	static __u8 memory[1];

	memory[0] = 1;
	return type_of(memory);
}

static __u8 *map_ranges(int node, const struct peerbuf_range *ranges, __u32 nr,
			struct peer_export *export)
{
	check_ok(peer_export(node, ranges, nr, 0, export));
	return buffer_map(export->fd, nr * PAGE, 0);
}

static void check_types(volatile __u8 *cpu, const struct peerbuf_range *ranges, __u32 nr)
{
	for (__u32 i = 0; i < nr; i++) {
		unsigned int type = type_of(cpu + i * PAGE);

		printf("page %u: %#x\n", i, type);
		if (ranges[i].flags & PEERBUF_RANGE_F_SYSTEM)
			check_eq(type, ordinary());
		else if (ranges[i].flags & PEERBUF_RANGE_F_DEVICE_FD)
			check(IS_DEVICE(type));
		else
			check_eq(type, NORMAL_UNCACHED);
	}
}

/* The mapping has one protection, which is that of the first range, and each page its own. */
TEST(each_page_has_the_type_of_its_memory)
{
	struct peerbuf_range bar = { .bar = MEM_BAR, .offset = START, .length = PAGE };
	struct peerbuf_range system = { .length = PAGE, .flags = PEERBUF_RANGE_F_SYSTEM };
	/* With pages of 16 KiB its BAR is too small to be mapped. */
	__u32 nr = bar_size("io-dev", 0) < PAGE ? 2 : 3;
	struct peerbuf_range registers = {
		.length = PAGE, .flags = PEERBUF_RANGE_F_DEVICE_FD,
		.device_fd = nr == 3 ? node_open("io-dev") : -1,
	};
	const struct peerbuf_range orders[][3] = {
		{ bar, system, registers }, { system, bar, registers }, { registers, system, bar },
	};
	int node = node_open("rp-mem");
	struct peer_export export;
	__u8 *cpu;

	begin();
	check(ordinary() != NORMAL_UNCACHED && !IS_DEVICE(ordinary()));
	for (unsigned int i = 0; i < nr; i++) {
		cpu = map_ranges(node, orders[i], nr, &export);
		check_types(cpu, orders[i], nr);
		/* Whoever changes what may be done to the pages leaves their types alone. */
		check_sys(mprotect(cpu, nr * PAGE, PROT_READ));
		check_types(cpu, orders[i], nr);
		check_sys(munmap(cpu, nr * PAGE));
		close(export.fd);
	}
}

TEST(type_goes_with_the_buffer_where_it_moves)
{
	struct peerbuf_range bar = { .bar = MEM_BAR, .offset = START, .length = PAGE };
	struct peerbuf_range system = { .length = PAGE, .flags = PEERBUF_RANGE_F_SYSTEM };
	int node = node_open("rp-mem");
	struct peer_export export;
	__u8 *cpu;

	begin();
	cpu = map_ranges(node, &bar, 1, &export);
	check_types(cpu, &bar, 1);
	check_ok(peer_move(node, export.id, &system, 1, PEERBUF_MOVE_F_COPY));
	check_types(cpu, &system, 1);
	check_ok(peer_move(node, export.id, &bar, 1, PEERBUF_MOVE_F_COPY));
	check_types(cpu, &bar, 1);
}
