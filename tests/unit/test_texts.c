// SPDX-License-Identifier: GPL-2.0
/* Every verdict has words, and the numbers are those of the uAPI. */

#include "tap.h"
#include <linux/peerbuf.h>
#include <peerbuf/p2p.h>

#define SAME(name) { P2P_REASON_##name, PEERBUF_REASON_##name }

static const struct {
	u32 inside, outside;
} reasons[] = {
	SAME(NONE), SAME(SAME_FUNCTION), SAME(COMMON_BRIDGE), SAME(CPU_FORWARDS),
	SAME(HOST_BRIDGE_KNOWN), SAME(OVERRIDE_PAIR), SAME(OVERRIDE_HOST_BRIDGE),
	SAME(HOST_BRIDGE_UNKNOWN), SAME(ACS_REDIRECT), SAME(NO_COMMON_ROOT),
	SAME(DMA_MASK), SAME(NOT_PCI), SAME(PROVIDER_GONE),
	SAME(MEM_ENCRYPTION), SAME(CONFIDENTIAL_GUEST), SAME(DMA_MASK_IOMMU),
	SAME(BRIDGE_OFF),
};

static void numbers_are_the_same_outside(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(reasons); i++)
		CHECK_EQ(reasons[i].inside, reasons[i].outside);
	CHECK_EQ(P2P_ROUTE_NOT_SUPPORTED, PEERBUF_ROUTE_NOT_SUPPORTED);
	CHECK_EQ(P2P_ROUTE_BUS_ADDR, PEERBUF_ROUTE_BUS_ADDR);
	CHECK_EQ(P2P_ROUTE_THRU_HOST_BRIDGE, PEERBUF_ROUTE_THRU_HOST_BRIDGE);
	CHECK_EQ(P2P_ROUTE_F_ACS_REDIRECT, PEERBUF_ROUTE_F_ACS_REDIRECT);
	CHECK_EQ(P2P_ROUTE_F_OVERRIDE, PEERBUF_ROUTE_F_OVERRIDE);
	CHECK_EQ(P2P_ROUTE_F_IOMMU, PEERBUF_ROUTE_F_IOMMU);
	CHECK_EQ(P2P_ADDR_NONE, PEERBUF_PCI_NONE);
}

static void each_has_words_of_its_own(void)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		const char *text = p2p_route_reason_text(reasons[i].inside);

		ROW("reason %u", reasons[i].inside);
		CHECK(strcmp(text, "unknown"));
		for (j = 0; j < i; j++)
			CHECK(strcmp(text, p2p_route_reason_text(reasons[j].inside)));
	}
	for (i = 0; i <= P2P_ROUTE_THRU_HOST_BRIDGE; i++)
		CHECK(strcmp(p2p_route_type_name(i), "unknown"));
}

static void others_are_unknown(void)
{
	static const u32 numbers[] = { 7, 15, 26, 63, U32_MAX };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		CHECK(!strcmp(p2p_route_reason_text(numbers[i]), "unknown"));
	CHECK(!strcmp(p2p_route_type_name(3), "unknown"));
	CHECK(!strcmp(p2p_route_type_name(U32_MAX), "unknown"));
}

void test_texts(void)
{
	RUN(numbers_are_the_same_outside);
	RUN(each_has_words_of_its_own);
	RUN(others_are_unknown);
}
