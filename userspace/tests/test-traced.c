// SPDX-License-Identifier: GPL-2.0-only
/* Parsing lines of trace_pipe from processes with arbitrary names. */
#include <string.h>

#include "check.h"
#include "trace.h"

static struct traced traced;
static char line[256];

static bool parse(const char *text)
{
	snprintf(line, sizeof(line), "%s", text);
	return traced_parse(line, &traced);
}

int main(void)
{
	char value[32];

	CHECK_INT(parse("            bash-1234    [001] ..... 12345.678901: peerbuf_map: id=7 "
			"dev=0000:01:00.0 generation=3 segments=2"), true);
	CHECK_INT(strcmp(traced.name, "map"), 0);
	CHECK_INT(strcmp(traced.comm, "bash"), 0);
	CHECK_INT(traced.pid, 1234);
	CHECK_INT(traced.seconds == 12345.678901, true);
	CHECK_INT(traced_field(&traced, "id", value, sizeof(value)), true);
	CHECK_INT(strcmp(value, "7"), 0);
	CHECK_INT(traced_field(&traced, "dev", value, sizeof(value)), true);
	CHECK_INT(strcmp(value, "0000:01:00.0"), 0);
	CHECK_INT(traced_field(&traced, "segments", value, sizeof(value)), true);
	CHECK_INT(strcmp(value, "2"), 0);
	CHECK_INT(traced_field(&traced, "segment", value, sizeof(value)), false);
	CHECK_INT(traced_field(&traced, "ev", value, sizeof(value)), false);

	/* Interrupt flags, and a name that looks like a line. */
	CHECK_INT(parse(": peerbuf_map: -99 [000] d..1. 0.5: peerbuf_refuse: id=1 dev=x "
			"reason=131 error=-95"), true);
	CHECK_INT(strcmp(traced.name, "refuse"), 0);
	CHECK_INT(strcmp(traced.comm, ": peerbuf_map: "), 0);
	CHECK_INT(traced.pid, 99);
	CHECK_INT(traced_field(&traced, "reason", value, sizeof(value)), true);
	CHECK_INT(strcmp(value, "131"), 0);
	CHECK_INT(parse("kworker/u4:2-57  [000] ..... 1.000000: peerbuf_move: id=1"), true);
	CHECK_INT(strcmp(traced.comm, "kworker/u4:2"), 0);

	CHECK_INT(parse(""), false);
	CHECK_INT(parse("CPU:0 [LOST 5 EVENTS]"), false);
	CHECK_INT(parse("bash-1 [000] ..... 1.0: sched_switch: prev=1"), false);
	CHECK_INT(parse(": peerbuf_map: "), false);
	CHECK_INT(parse("bash [000] ..... x: peerbuf_map: id=1"), false);
	return check_result();
}
