// SPDX-License-Identifier: GPL-2.0
/* Behind an IOMMU: an export that is used, revoked and restored. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "demo.h"

static void show_address(void)
{
	uint64_t dma = engine_dma_address();

	expect(dma != memory_physical(), "the IOVA is the physical address: nothing translates");
	say("where the export is:         physical address 0x%" PRIx64, memory_physical());
	say("what the engine uses:        IOVA             0x%" PRIx64, dma);
	proven("the engine's address is an IOVA, not the BAR's physical address");
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

void tell_revocation(const char *export_id, const char *engine_bdf)
{
	uint64_t iova;

	heading("5. DMA: edu writes into the peer's BAR");
	engine_attach_and_map();
	show_address();
	iova = engine_dma_address();
	write_and_look("hello, peer:");
	read_back();
	proven("bytes moved both ways between two PCIe devices, by DMA alone");
	ps_shown_with(engine_bdf, "THRU_HOST_BRIDGE");

	heading("6. Revoke: the owner takes its memory back");
	run_shown("peerbuf revoke %s", export_id);
	refused_to_importer();
	refused_to_cpu();
	refused_to_old_address(iova);

	heading("7. Restore");
	run_shown("peerbuf restore %s", export_id);
	write_and_look("hello again:");
	proven("after a restore the same file descriptor works again");
}
