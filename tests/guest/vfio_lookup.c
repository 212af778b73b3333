// SPDX-License-Identifier: GPL-2.0
/* BARs that a process has mapped through VFIO, looked up by their addresses. */
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "vfio.h"
#include "writer.h"

#define MEM	"rp-mem"
#define PART	(4 * PAGE)
#define AT	(16 * PAGE)
#define LENGTH	2000

static int device, control;
static __u8 *cpu;
static struct peerbuf_piece piece;
static struct writer writer;

static int look(const void *address, __u64 length, __u32 flags)
{
	__u32 nr = 1;

	return peer_lookup(control, address, length, flags, &piece, &nr);
}

static void open_all(void)
{
	__u64 size;

	device = vfio_open(vfio_container(), MEM, VFIO_VARIANT);
	control = control_open();
	lab_host_fill(MEM, 0, 1 << 20, 0xee);
	cpu = vfio_region_map(device, MEM_BAR, &size);
	check(size >= 1 << 20);
}

static void import(void)
{
	check_ok(look(cpu + AT + 100, PART - 100, 0));
	check_eq(piece.kind, PEERBUF_PIECE_PEERBUF);
	check_eq(piece.reason, 0);
	check_eq(piece.parent, 0);
	check_eq(piece.offset, 100);
	writer_open(&writer, "far-edu", piece.fd, EDU_DMA_DYNAMIC);
}

TEST(region_that_is_mapped)
{
	struct peerbuf_export_info info;

	open_all();
	check_ok(look(cpu + AT, PART, PEERBUF_LOOKUP_F_LOOK));
	check_eq(piece.kind, PEERBUF_PIECE_DEVICE);
	check_eq(piece.reason, 0);
	import();
	check_ok(peer_query_fd(control, piece.fd, &info));
	check_eq(info.buffer_size, PART);
	check_eq(info.addr, lab_addr(MEM));
	check_ok(writer_put(&writer, 100, LENGTH, 1));
	check(pattern_matches(cpu + AT + 100, LENGTH, 1));
	check_host_bytes(MEM, AT, 100, 0xee);
	check_host_bytes(MEM, AT + PART, PAGE, 0xee);
	/* It is for devices, as all that a VFIO device exports. */
	check(mmap(NULL, PART, PROT_READ, MAP_SHARED, piece.fd, 0) == MAP_FAILED);
}

TEST(part_of_a_mapping_that_was_cut)
{
	open_all();
	check_sys(munmap(cpu, AT + PAGE));
	check_ok(look(cpu + AT + PAGE, PAGE, 0));
	check_eq(piece.reason, 0);
	writer_open(&writer, "far-edu", piece.fd, EDU_DMA_DYNAMIC);
	check_ok(writer_put(&writer, 0, LENGTH, 2));
	check(pattern_matches(cpu + AT + PAGE, LENGTH, 2));
}

TEST(goes_with_the_device)
{
	open_all();
	import();
	check_ok(writer_put(&writer, 0, LENGTH, 3));
	check_sys(munmap(cpu, bar_size(MEM, MEM_BAR)));
	check_ok(writer_put(&writer, 0, LENGTH, 3));
	close(device);
	eventually(10, writer_put(&writer, 0, LENGTH, 3) == -ENODEV);
}

TEST(away_and_back_with_a_reset)
{
	open_all();
	import();
	check_ok(writer_put(&writer, 0, LENGTH, 4));
	check_ok(peerbuf_vfio_reset(device));
	check_ok(writer_put(&writer, 0, LENGTH, 5));
}

/* The stock driver's mappings are of no dma-buf of ours. */
TEST(stock_driver_has_a_word_for_it)
{
	__u64 size;

	device = vfio_open(vfio_container(), MEM, VFIO_STOCK);
	control = control_open();
	cpu = vfio_region_map(device, MEM_BAR, &size);
	check_ok(look(cpu, PAGE, 0));
	check_eq(piece.kind, PEERBUF_PIECE_DEVICE);
	check_eq(piece.reason, PEERBUF_REASON_DEVICE_MEMORY);
	check_eq(piece.fd, -1);
}
