// SPDX-License-Identifier: GPL-2.0
/* Without an IOMMU: which address the engine gets, and that bytes arrive there. */
#include <inttypes.h>
#include <string.h>

#include "demo.h"

static void show_bus_address(void)
{
	uint64_t dma = engine_dma_address();

	expect(dma == memory_bus(), "the engine uses 0x%" PRIx64 ", not the bus address 0x%" PRIx64,
	       dma, memory_bus());
	say("what the BAR's register says: bus address 0x%" PRIx64, memory_bus());
	say("what the engine uses:         bus address 0x%" PRIx64, dma);
	proven("below a switch the engine's address is the BAR's bus address");
}

static void show_cpu_address(void)
{
	uint64_t dma = engine_dma_address();

	expect(dma == memory_physical(), "the engine uses 0x%" PRIx64 ", not the CPU's 0x%" PRIx64,
	       dma, memory_physical());
	say("where the export is:          physical address 0x%" PRIx64, memory_physical());
	say("what the engine uses:         CPU address      0x%" PRIx64, dma);
	proven("without an IOMMU the root complex gets the CPU's address");
}

/* ROUTE as `peerbuf ps -j` prints it: BUS_ADDR, THRU_HOST_BRIDGE. */
void tell_direct(const char *route, const char *engine_bdf)
{
	bool below_switch = !strcmp(route, "BUS_ADDR");

	engine_attach_and_map();
	ps_shown_with(engine_bdf, route);
	if (below_switch)
		show_bus_address();
	else
		show_cpu_address();
	write_and_look(below_switch ? "by switch:" : "by root:");
	read_back();
	proven("bytes moved both ways through %s, by DMA alone",
	       below_switch ? "a switch" : "a root complex");
}
