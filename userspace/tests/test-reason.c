// SPDX-License-Identifier: GPL-2.0-only
/* Every reason in the header has a name and a sentence, and advice if it is a refusal. */
#include <errno.h>
#include <peerbuf.h>

#include "check.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static const struct {
	uint32_t reason;
	const char *name;
} reasons[] = {
#define X(n) { PEERBUF_REASON_##n, #n },
#include "reasons.h"
};

/* NONE, and reasons that explain a route that works. */
static int needs_no_advice(uint32_t reason)
{
	return reason < PEERBUF_REASON_HOST_BRIDGE_UNKNOWN;
}

static void check_reason(uint32_t reason, const char *name)
{
	const char *text = peerbuf_reason_text(reason);
	const char *advice = peerbuf_reason_advice(reason);

	CHECK_TEXT(peerbuf_reason_name(reason), name);
	CHECK(strlen(text) > 8);
	CHECK(text[strlen(text) - 1] != '.');
	CHECK(!strchr(text, '\n') && !strchr(advice, '\n'));
	CHECK_INT(strlen(advice) == 0, needs_no_advice(reason));
	if (strcmp(name, "NONE"))
		CHECK(strcmp(text, peerbuf_reason_text(0)));
}

static void unknown(uint32_t reason)
{
	CHECK_TEXT(peerbuf_reason_name(reason), "UNKNOWN");
	CHECK(strlen(peerbuf_reason_text(reason)) > 8);
	CHECK(strlen(peerbuf_reason_advice(reason)) > 8);
}

static void errors(void)
{
	struct peerbuf_error error = { .error = -EINVAL, .reason = PEERBUF_REASON_UNALIGNED };
	char text[80];

	CHECK_INT(peerbuf_error_format(&error, text, sizeof(text)),
		  strlen("not page aligned (EINVAL)"));
	CHECK_TEXT(text, "not page aligned (EINVAL)");
	peerbuf_error_format(&error, text, 4);
	CHECK_TEXT(text, "not");
	error = (struct peerbuf_error) { .error = -ENOMEM };
	peerbuf_error_format(&error, text, sizeof(text));
	CHECK_TEXT(text, "Cannot allocate memory (ENOMEM)");
	error = (struct peerbuf_error) { .error = -4000 };
	peerbuf_error_format(&error, text, sizeof(text));
	CHECK_TEXT(text, "unknown error (-4000)");
}

static void routes(void)
{
	CHECK_TEXT(peerbuf_route_name(PEERBUF_ROUTE_NOT_SUPPORTED), "NOT_SUPPORTED");
	CHECK_TEXT(peerbuf_route_name(PEERBUF_ROUTE_BUS_ADDR), "BUS_ADDR");
	CHECK_TEXT(peerbuf_route_name(PEERBUF_ROUTE_THRU_HOST_BRIDGE), "THRU_HOST_BRIDGE");
	CHECK_TEXT(peerbuf_route_name(3), "UNKNOWN");
	CHECK_TEXT(peerbuf_route_name(UINT32_MAX), "UNKNOWN");
}

int main(void)
{
	size_t n;

	for (n = 0; n < ARRAY_SIZE(reasons); n++)
		check_reason(reasons[n].reason, reasons[n].name);
	unknown(15);
	unknown(1000);
	unknown(UINT32_MAX);
	errors();
	routes();
	return check_result();
}
