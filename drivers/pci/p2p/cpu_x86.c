// SPDX-License-Identifier: GPL-2.0
/* What the CPU says about its root complex, on x86. */

#include <asm/processor.h>

#include "host_bridge.h"

/* AMD's since Zen all forward, between host bridges as well. */
bool p2p_cpu_forwards(void)
{
	return boot_cpu_data.x86_vendor == X86_VENDOR_AMD && boot_cpu_data.x86 >= 0x17;
}
