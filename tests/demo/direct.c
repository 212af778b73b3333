// SPDX-License-Identifier: GPL-2.0
/* Without an IOMMU: which address the engine gets, and that bytes arrive there. */
#include <inttypes.h>
#include <string.h>

#include "demo.h"

static void show_bus_address(void)
{
	uint64_t dma = engine_dma_address();

	say("what the BAR's register says: bus address 0x%" PRIx64, memory_bus());
	say("what the engine uses:         bus address 0x%" PRIx64, dma);
	expect(dma == memory_bus(), "the engine does not use the BAR's bus address");
	proven("below a switch the engine's address is the BAR's bus address");
}

static void show_cpu_address(void)
{
	uint64_t dma = engine_dma_address();

	say("where the export is:          physical address 0x%" PRIx64, memory_physical());
	say("what the engine uses:         CPU address      0x%" PRIx64, dma);
	expect(dma == memory_physical(), "without an IOMMU the address is not the CPU's");
	proven("without an IOMMU the root complex gets the CPU's address");
}

/* ROUTE as `peerbuf ps` prints it: SW4, RC4. */
void tell_direct(const char *route, const char *engine_bdf)
{
	bool below_switch = !strncmp(route, "SW", 2);

	engine_attach_and_map();
	run_shown_with("peerbuf ps", engine_bdf, route);
	if (below_switch)
		show_bus_address();
	else
		show_cpu_address();
	write_and_look(below_switch ? "by switch:" : "by root:");
	read_back();
	proven("bytes moved both ways through %s, by DMA alone",
	       below_switch ? "a switch" : "a root complex");
	print_proven();
}
