// SPDX-License-Identifier: GPL-2.0
/*
 * The demo's second half, run by `peerbuf export … -- story`: the dma-buf is
 * PEERBUF_FD and the export is PEERBUF_ID. Nothing here is peculiar to peerbuf:
 * it is a program that got a dma-buf and hands it to a device.
 *
 * Every line is printed after the thing it says was done and looked at.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "demo.h"

#define AT	0x2000	/* in the buffer: the third page */

static const char *export_id;

/* Not to be confused with anything an earlier run left behind. */
static void compose(uint8_t *message, const char *text)
{
	uint64_t nonce;

	expect(getrandom(&nonce, sizeof(nonce), 0) == sizeof(nonce), "getrandom");
	memset(message, '.', MESSAGE_SIZE);
	snprintf((char *)message, MESSAGE_SIZE, "%s %016" PRIx64, text, nonce);
	message[strlen((char *)message)] = '.';
}

static void show_address(void)
{
	uint64_t dma = engine_dma_address();

	say("where the export is:         physical address 0x%" PRIx64, memory_physical());
	say("what the engine uses:        IOVA             0x%" PRIx64, dma);
	expect(dma != memory_physical(), "the IOVA is the physical address: nothing translates");
	proven("the engine's address is an IOVA, not the BAR's physical address");
}

static void write_and_look(const char *text)
{
	uint8_t message[MESSAGE_SIZE], seen[MESSAGE_SIZE];
	int error;

	compose(message, text);
	engine_load(message);
	error = engine_to_buffer(AT);
	expect(!error, "DMA into the BAR: %s", strerror(error));

	say("edu wrote %d bytes at offset 0x%x of the dma-buf by its own DMA engine:",
	    MESSAGE_SIZE, AT);
	expect(memory_read_cpu(AT, seen, sizeof(seen)), "SIGBUS while the export is in force");
	dump("seen by the CPU, in a mmap of the dma-buf:", seen, sizeof(seen));
	expect(!memcmp(seen, message, sizeof(seen)), "the CPU sees other bytes than were sent");
	memory_read_host(AT, seen, sizeof(seen));
	dump("and in the host's file behind the BAR:", seen, sizeof(seen));
	expect(!memcmp(seen, message, sizeof(seen)), "the host's file has other bytes");
}

static void read_back(void)
{
	uint8_t zero[MESSAGE_SIZE] = {}, there[MESSAGE_SIZE], got[MESSAGE_SIZE];
	int error;

	engine_load(zero);
	error = engine_from_buffer(AT);
	expect(!error, "DMA out of the BAR: %s", strerror(error));
	engine_unload(got);
	memory_read_host(AT, there, sizeof(there));
	expect(!memcmp(got, there, sizeof(got)), "the engine read other bytes than are there");
	say("edu's memory was cleared, then it read them back by DMA: the same %d bytes",
	    MESSAGE_SIZE);
	proven("bytes moved both ways between two PCIe devices, by DMA alone");
}

static void refused_to_importer(void)
{
	int error = engine_map();

	expect(error == ENODEV, "mapping a revoked export: %s", strerror(error));
	say("the engine maps it again:    ENODEV (%s)", strerror(error));
	error = engine_to_buffer(AT);
	expect(error == ENODEV, "DMA into a revoked export: %s", strerror(error));
	proven("after the revoke the importer gets ENODEV");
}

static void refused_to_cpu(void)
{
	uint8_t byte;

	expect(!memory_read_cpu(AT, &byte, 1), "the CPU read a byte of a revoked export");
	say("the CPU reads its old mmap:  SIGBUS");
	proven("after the revoke the CPU gets SIGBUS");
}

/* The last line of defence: an engine that keeps its old address and uses it. */
static void refused_to_old_address(uint64_t iova)
{
	uint8_t before[MESSAGE_SIZE], after[MESSAGE_SIZE], stale[MESSAGE_SIZE];
	char line[200];

	compose(stale, "never arrives:");
	engine_load(stale);
	memory_read_host(AT, before, sizeof(before));
	klog_mark();
	engine_to_address(iova + AT);
	expect(klog_iommu_fault(iova + AT, line, sizeof(line)),
	       "the IOMMU did not report a fault for the old IOVA");
	memory_read_host(AT, after, sizeof(after));
	expect(!memcmp(before, after, sizeof(after)), "DMA to the old IOVA reached the BAR");
	say("the engine uses its old IOVA all the same; the kernel logs:");
	quote(line);
	say("and the %d bytes in the host's file are as they were.", MESSAGE_SIZE);
	proven("after the revoke the old IOVA faults in the IOMMU, no byte arrives");
}

static void tell(void)
{
	uint64_t iova;
	int error;

	heading("3. DMA: edu writes into the peer's BAR");
	engine_attach(atoi(getenv("PEERBUF_FD")));
	error = engine_map();
	expect(!error, "mapping the export: %s", strerror(error));
	show_address();
	iova = engine_dma_address();
	write_and_look("hello, peer:");
	read_back();
	run_shown("peerbuf ps");

	heading("4. Revoke: the owner takes its memory back");
	run_shown("peerbuf revoke %s", export_id);
	refused_to_importer();
	refused_to_cpu();
	refused_to_old_address(iova);

	heading("5. Restore");
	run_shown("peerbuf restore %s", export_id);
	write_and_look("hello again:");
	proven("after a restore the same file descriptor works again");

	print_proven();
}

int main(int argc, char **argv)
{
	export_id = getenv("PEERBUF_ID");
	expect(argc == 5, "usage: story MEMORY-BDF MEMORY-ID BAR-OFFSET ENGINE-BDF");
	expect(export_id && getenv("PEERBUF_FD"), "not started by peerbuf export");

	memory_open(atoi(getenv("PEERBUF_FD")), argv[1], argv[2], strtoull(argv[3], NULL, 0));
	say("dma-buf fd %s, export %s, %" PRIu64 " KiB", getenv("PEERBUF_FD"), export_id,
	    memory_size() >> 10);
	engine_open(argv[4]);
	tell();
	return 0;
}
