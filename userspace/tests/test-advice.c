// SPDX-License-Identifier: GPL-2.0-only
/* Advice names the functions at hand instead of the library's placeholders. */
#include <stdlib.h>

#include "check.h"
#include "tool.h"

static void all_named(void)
{
	const struct subject subject = {
		.provider = PEERBUF_PCI_ADDR(0, 1, 0, 0),
		.client = PEERBUF_PCI_ADDR(0, 2, 0, 1),
		.bridge = PEERBUF_PCI_ADDR(0, 0, 3, 0),
	};
	char *text = advice(PEERBUF_REASON_ACS_REDIRECT, &subject);

	CHECK(strstr(text, "pci=disable_acs_redir=0000:00:03.0,"));
	CHECK(strstr(text, "'peerbuf allow 0000:01:00.0 0000:02:00.1'"));
	CHECK(!strstr(text, "PROVIDER") && !strstr(text, "CLIENT") && !strstr(text, "BRIDGE"));
	free(text);
}

static void some_named(void)
{
	const struct subject nobody = { 0 }, export = { .id = 12 };
	char *text = advice(PEERBUF_REASON_REVOKED, &nobody);

	CHECK_TEXT(text, peerbuf_reason_advice(PEERBUF_REASON_REVOKED));
	free(text);
	text = advice(PEERBUF_REASON_REVOKED, &export);
	CHECK_TEXT(text, "'peerbuf restore 12' brings it back");
	free(text);
	/* A reason with nothing to name, and an empty subject. */
	text = advice(PEERBUF_REASON_COMMON_BRIDGE, &export);
	CHECK_TEXT(text, "");
	free(text);
}

int main(void)
{
	all_named();
	some_named();
	return check_result();
}
