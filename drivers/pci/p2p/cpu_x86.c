// SPDX-License-Identifier: GPL-2.0
/* Does this x86 CPU's root complex forward peer traffic? */

#include <asm/processor.h>

#include "host_bridge.h"
#include "host_list.h"

bool p2p_cpu_forwards(void)
{
	return p2p_cpu_family_forwards(boot_cpu_data.x86_vendor == X86_VENDOR_AMD,
				       boot_cpu_data.x86);
}
