// SPDX-License-Identifier: GPL-2.0
/*
 * The command register of a device whose BAR is in a peer's IOVA space. What may turn memory
 * decode off revokes first, whatever the writing process does to its bytes meanwhile; what
 * cannot leaves the mapping alone.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "vfio.h"

#define EDU	"rp-edu"
#define MEM	"rp-mem"
#define START	(128 * 1024ULL)
#define SIZE	(64 * 1024ULL)
#define LENGTH	1000
#define WRITES	20
#define ACCESS	(PEERBUF_VFIO_MAP_F_READ | PEERBUF_VFIO_MAP_F_WRITE)

static int mem;
static struct vfio_edu edu;

static void scene(void)
{
	int container = vfio_container();

	mem = vfio_open(container, MEM, VFIO_VARIANT);
	vfio_edu_open(&edu, container, EDU);
	check_ok(peerbuf_vfio_map(edu.fd, vfio_export_one(mem, MEM_BAR, START, SIZE), 0, SIZE,
				  PEER_IOVA, ACCESS, -1, NULL, NULL));
	check_eq(vfio_state(edu.fd, PEER_IOVA), PEERBUF_VFIO_STATE_MAPPED);
}

static __u16 command(void)
{
	__u16 value;

	vfio_config(mem, PCI_COMMAND, &value, sizeof(value), false);
	return value;
}

static __u64 changes(void)
{
	struct peerbuf_vfio_ioc_query query;

	check_ok(peerbuf_vfio_query(edu.fd, PEER_IOVA, 0, &query, NULL));
	return query.changes;
}

static void check_works(__u32 seed)
{
	__u8 data[LENGTH];

	vfio_mapped(edu.fd, PEER_IOVA);
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, seed);
	check(vfio_edu_reads(&edu, PEER_IOVA, LENGTH, seed));
	lab_host_read(MEM, START, data, sizeof(data));
	check(pattern_matches(data, sizeof(data), seed));
}

/* ---- one process, one write ---- */

/* Drivers do so at each interrupt, while peers transfer. */
TEST(interrupt_bit_leaves_the_mapping_alone)
{
	__u16 masked, before;
	__u64 since;

	scene();
	since = changes();
	before = command();
	masked = before | PCI_COMMAND_INTX_DISABLE;
	for (int i = 0; i < 10; i++) {
		vfio_config(mem, PCI_COMMAND, &masked, sizeof(masked), true);
		check_eq(command(), masked);
		vfio_config(mem, PCI_COMMAND, &before, sizeof(before), true);
		check_eq(command(), before);
	}
	check_eq(changes(), since);
	check_works(1);
}

/* A write of everything, as of a saved state: the command register is in the middle. */
TEST(write_of_the_whole_header_is_done)
{
	__u8 header[64], after[64];
	__u64 since;

	scene();
	since = changes();
	vfio_config(mem, 0, header, sizeof(header), false);
	header[PCI_CACHE_LINE_SIZE] ^= 0x10;
	header[PCI_COMMAND + 1] ^= PCI_COMMAND_INTX_DISABLE >> 8;
	vfio_config(mem, 0, header, sizeof(header), true);
	vfio_config(mem, 0, after, sizeof(after), false);
	check_eq(after[PCI_CACHE_LINE_SIZE], header[PCI_CACHE_LINE_SIZE]);
	check_eq(after[PCI_COMMAND], header[PCI_COMMAND]);
	check_eq(after[PCI_COMMAND + 1], header[PCI_COMMAND + 1]);
	check_eq(changes(), since);
	/* One byte of it, and that the one which stays: there is nothing left to pass on. */
	vfio_config(mem, PCI_COMMAND, &header[PCI_COMMAND], 1, true);
	check_eq(changes(), since);
	header[PCI_COMMAND] &= ~PCI_COMMAND_MEMORY;
	vfio_config(mem, 0, header, sizeof(header), true);
	check_eq(vfio_state(edu.fd, PEER_IOVA), PEERBUF_VFIO_STATE_AWAY);
	check(!(command() & PCI_COMMAND_MEMORY));
	header[PCI_COMMAND] |= PCI_COMMAND_MEMORY;
	vfio_config(mem, 0, header, sizeof(header), true);
	check_works(2);
}

TEST(bus_mastering_comes_and_goes)
{
	scene();
	for (int i = 0; i < 5; i++) {
		check_ok(peerbuf_vfio_command(mem, PCI_COMMAND_MASTER, 0));
		check(!(command() & PCI_COMMAND_MASTER));
		check_works(3 + i);
		check_ok(peerbuf_vfio_command(mem, 0, PCI_COMMAND_MASTER));
		check(command() & PCI_COMMAND_MASTER);
	}
	check_works(9);
}

/* ---- bytes that change while the kernel reads them ---- */

/**
 * struct trap - bytes of a configuration space write, the first of which the kernel waits for
 * @fd: of userfaultfd(2)
 * @pages: four bytes at the end of the first page, which is not there, and the rest in the
 *	second, from the command register on
 * @config: where configuration space is
 */
struct trap {
	int fd;
	__u8 *pages;
	__u64 config;
};

static void trap_set(struct trap *trap)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = {
		.range = { .len = PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct peerbuf_vfio_region config;

	check_ok(peerbuf_vfio_region(mem, VFIO_PCI_CONFIG_REGION_INDEX, &config));
	trap->config = config.offset;
	trap->pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	check(trap->pages != MAP_FAILED);
	trap->fd = check_sys(syscall(SYS_userfaultfd, O_CLOEXEC));
	check_sys(ioctl(trap->fd, UFFDIO_API, &api));
	area.range.start = (unsigned long)trap->pages;
	check_sys(ioctl(trap->fd, UFFDIO_REGISTER, &area));
	*(__u16 *)(trap->pages + PAGE) = command();
}

/* Vendor, device, command. Nobody can write the first two. */
static void *trap_write(void *arg)
{
	struct trap *trap = arg;

	check_eq(pwrite(mem, trap->pages + PAGE - 4, 6, trap->config), 6);
	return NULL;
}

/* Until the kernel wants the first bytes. It has seen the others then, or it has not. */
static void trap_wait(struct trap *trap)
{
	struct pollfd pfd = { .fd = trap->fd, .events = POLLIN };
	struct uffd_msg message;

	check_eq(poll(&pfd, 1, 5000 * slowness()), 1);
	check_eq(read(trap->fd, &message, sizeof(message)), sizeof(message));
	check_eq(message.event, UFFD_EVENT_PAGEFAULT);
}

static void trap_release(struct trap *trap)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (unsigned long)trap->pages, .len = PAGE },
	};

	check_sys(ioctl(trap->fd, UFFDIO_ZEROPAGE, &zero));
}

/* The byte that is written says that decode stays on, until somebody has looked at it. */
static void write_and_change(struct trap *trap, __u8 first, __u32 meanwhile)
{
	pthread_t writer;

	trap_set(trap);
	trap->pages[PAGE] = first;
	check_eq(pthread_create(&writer, NULL, trap_write, trap), 0);
	trap_wait(trap);
	check_eq(vfio_state(edu.fd, PEER_IOVA), meanwhile);
	trap->pages[PAGE] = first & ~PCI_COMMAND_MEMORY;
	trap_release(trap);
	check_eq(pthread_join(writer, NULL), 0);
}

TEST(byte_that_changes_finds_nobody_there, .flags = TEST_IOMMU_FAULTS)
{
	struct trap trap;

	scene();
	write_and_change(&trap, command() ^ PCI_COMMAND_MASTER, PEERBUF_VFIO_STATE_AWAY);
	check(!(command() & PCI_COMMAND_MEMORY));
	check_eq(vfio_state(edu.fd, PEER_IOVA), PEERBUF_VFIO_STATE_AWAY);
	vfio_edu_faults(&edu, PEER_IOVA);
	check_ok(peerbuf_vfio_command(mem, 0, PCI_COMMAND_MEMORY));
	check_works(10);
}

/* What the register holds already is not read twice. */
TEST(byte_that_changes_too_late_changes_nothing)
{
	__u16 before;
	__u64 since;
	struct trap trap;

	scene();
	before = command();
	since = changes();
	write_and_change(&trap, before, PEERBUF_VFIO_STATE_MAPPED);
	check_eq(command(), before);
	check_eq(changes(), since);
	check_works(11);
}

/* And without a trap. */
static void *flip(void *arg)
{
	volatile __u8 *byte = arg;

	for (;;)
		*byte ^= PCI_COMMAND_MEMORY;
	return NULL;
}

TEST(racing_bytes_and_mapping_agree_afterwards, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	struct peerbuf_vfio_region config;
	unsigned int off = 0, on = 0;
	pthread_t flipper;
	__u16 word;

	scene();
	check_ok(peerbuf_vfio_region(mem, VFIO_PCI_CONFIG_REGION_INDEX, &config));
	word = command();
	check_eq(pthread_create(&flipper, NULL, flip, &word), 0);
	while (off < WRITES || on < WRITES) {
		check_eq(pwrite(mem, &word, sizeof(word), config.offset + PCI_COMMAND),
			 sizeof(word));
		if (command() & PCI_COMMAND_MEMORY) {
			vfio_mapped(edu.fd, PEER_IOVA);
			on++;
		} else {
			check_eq(vfio_state(edu.fd, PEER_IOVA), PEERBUF_VFIO_STATE_AWAY);
			off++;
		}
		vfio_edu_start(&edu, PEER_IOVA, FAULT_LENGTH, true);
	}
	vfio_edu_wait(&edu);
	check_ok(peerbuf_vfio_command(mem, 0, PCI_COMMAND_MEMORY));
	check_works(12);
}
