// SPDX-License-Identifier: GPL-2.0
/*
 * A snapshot of a machine: whatever a file says, it is read or refused, each function has a way
 * up that ends, and what is written of it is read as the same.
 */
#include <json-c/json.h>
#include <string.h>

#include "facts.h"
#include "machine.h"
#include "rules.h"
#include "tool.h"

#include "fuzz.h"

/* Pairs of more would take too long. */
#define FEW	24

/* Nothing here looks at the machine that it runs on. */
struct json_object *facts_collect(void)
{
	return NULL;
}

void machine_read_sysfs(struct machine *machine)
{
}

static bool load(const char *text, struct machine *machine)
{
	struct json_object *top = json_parse(text);
	const char *wrong;

	*machine = (struct machine) { 0 };
	if (!top)
		return false;
	wrong = machine_read_json(machine, top);
	json_free(top);
	if (wrong) {
		machine_free(machine);
		return false;
	}
	machine_finish(machine);
	return true;
}

static void check_ways_up(const struct machine *machine)
{
	const struct function *up;
	size_t n, steps;

	for (n = 0; n < machine->nr; n++) {
		PROMISE(!n || machine->functions[n - 1].addr < machine->functions[n].addr);
		PROMISE(machine_find(machine, machine->functions[n].addr) ==
			&machine->functions[n]);
		for (steps = 0, up = machine->functions[n].up; up; up = up->up) {
			PROMISE(up->is_bridge);
			PROMISE(++steps <= machine->nr);
		}
	}
}

static void check_route(const struct machine *machine, const struct peerbuf_route *route)
{
	PROMISE(route->type <= PEERBUF_ROUTE_THRU_HOST_BRIDGE);
	PROMISE(strcmp(peerbuf_reason_name(route->reason), "UNKNOWN"));
	PROMISE(route->type != PEERBUF_ROUTE_BUS_ADDR ||
		!(route->flags & PEERBUF_ROUTE_F_OVERRIDE));
	PROMISE(machine->nr);
}

static void check_routes(const struct machine *machine)
{
	struct rules *rules = rules_new(machine);
	struct peerbuf_route best, worst;
	size_t n, k;

	for (n = 0; n < machine->nr && n < FEW; n++) {
		for (k = 0; k < machine->nr && k < FEW; k++) {
			rules_decide(rules, &machine->functions[n], &machine->functions[k], n % 8,
				     false, &best);
			rules_decide(rules, &machine->functions[n], &machine->functions[k], n % 8,
				     true, &worst);
			check_route(machine, &best);
			check_route(machine, &worst);
			/* What is not known to redirect may: that makes no way better. */
			PROMISE(best.type != PEERBUF_ROUTE_NOT_SUPPORTED ||
				worst.type != PEERBUF_ROUTE_BUS_ADDR);
		}
	}
	rules_free(rules);
}

static char *written(const struct machine *machine)
{
	struct json_object *top = machine_to_json(machine);
	char *text = strdup(json_object_to_json_string_ext(top, JSON_C_TO_STRING_PLAIN));

	json_free(top);
	return text;
}

static char *rewritten(const char *text)
{
	struct machine machine;
	char *again;

	PROMISE(load(text, &machine));
	again = written(&machine);
	machine_free(&machine);
	return again;
}

/* Names that are too long, or no UTF-8, are others once they have been read, and then stay. */
static void check_written(const struct machine *machine)
{
	char *first = written(machine), *second = rewritten(first), *third = rewritten(second);

	PROMISE(!strcmp(second, third));
	free(first);
	free(second);
	free(third);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = { data, size };
	char *text = fuzz_text(&fuzz);
	struct machine machine;

	if (load(text, &machine)) {
		check_ways_up(&machine);
		check_routes(&machine);
		check_written(&machine);
		machine_free(&machine);
	}
	texts_free();
	free(text);
	return 0;
}
