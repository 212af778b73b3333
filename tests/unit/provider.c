// SPDX-License-Identifier: GPL-2.0
/* A provider without a device. */

#include "provider.h"

struct p2p_provider *p2p_provider_get(struct p2p_provider *provider)
{
	provider->references++;
	return provider;
}

void p2p_provider_put(struct p2p_provider *provider)
{
	if (provider)
		provider->references--;
}

phys_addr_t p2p_provider_base(struct p2p_provider *provider)
{
	return provider->base;
}

u64 p2p_provider_length(struct p2p_provider *provider)
{
	return provider->length;
}
