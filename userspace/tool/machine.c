// SPDX-License-Identifier: GPL-2.0-only
/* A machine's PCI functions, from sysfs or from a snapshot. */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "facts.h"
#include "machine.h"
#include "tool.h"

/* Request redirect, completion redirect, egress control: as in drivers/pci/p2p/route.c. */
#define ACS_REDIRECTS	(0x04 | 0x08 | 0x20)

static struct machine current;
static bool is_read;

static int by_addr(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

struct function *machine_add(struct machine *machine)
{
	struct function *function;

	/* Doubles the array whenever the number of entries is a power of two. */
	if (!(machine->nr & (machine->nr - 1))) {
		machine->functions = reallocarray(machine->functions,
						  machine->nr ? machine->nr * 2 : 1,
						  sizeof(*machine->functions));
		if (!machine->functions)
			out_of_memory();
	}
	function = &machine->functions[machine->nr++];
	*function = (struct function) {
		.parent = PEERBUF_PCI_NONE,
		.physical = PEERBUF_PCI_NONE,
		.numa_node = -1,
		.iommu_group = -1,
		.pcie = PCIE_UNKNOWN,
		.driver = "-",
	};
	return function;
}

struct function *machine_find(const struct machine *machine, uint64_t addr)
{
	const struct function key = { .addr = addr };

	if (!machine->nr)
		return NULL;
	return bsearch(&key, machine->functions, machine->nr, sizeof(key), by_addr);
}

static bool has_memory_bar(const struct function *function)
{
	size_t n;

	for (n = 0; n < ARRAY_SIZE(function->bars); n++)
		if (function->bars[n].size && !function->bars[n].io)
			return true;
	return false;
}

/* Guesses the port type from its place, if the register cannot be read. */
static int guess_port(const struct function *function)
{
	if (!function->is_bridge)
		return PCIE_UNKNOWN;
	if (!function->up)
		return PCIE_ROOT_PORT;
	return function->up->pcie == PCIE_UPSTREAM ? PCIE_DOWNSTREAM : PCIE_UPSTREAM;
}

/*
 * The kernel gives a function a group of its own only if every port above it isolates,
 * with request and completion redirect on. So if a port shares no group with what is below
 * it, that port isolates, and so does every port above it. The reverse does not hold: a group with
 * many functions shows that some port does not isolate, but not which one.
 */
static void infer_redirects(const struct function *function)
{
	struct function *port = function->up;

	if (!port || function->iommu_group < 0 || port->iommu_group < 0 ||
	    function->iommu_group == port->iommu_group)
		return;
	for (; port; port = port->up)
		if (port->acs == ACS_UNKNOWN && port->pcie != PCIE_UPSTREAM)
			port->acs = ACS_GROUPED;
}

/* A file may contain anything: missing bridges and circles are cut here. */
static void link_up(struct machine *machine, struct function *function)
{
	struct function *up = NULL;

	if (function->parent != PEERBUF_PCI_NONE)
		up = machine_find(machine, function->parent);
	if (up && up->is_bridge && up != function)
		function->up = up;
	else
		function->parent = PEERBUF_PCI_NONE;
}

static void break_circle(struct function *function)
{
	struct function *slow = function, *fast = function;

	while (fast && fast->up) {
		slow = slow->up;
		fast = fast->up->up;
		if (slow != fast)
			continue;
		slow->up = NULL;
		slow->parent = PEERBUF_PCI_NONE;
		return;
	}
}

static int depth(const struct function *function)
{
	int levels = 0;

	for (; function->up; function = function->up)
		levels++;
	return levels;
}

void machine_finish(struct machine *machine)
{
	int level, deepest = 0;
	size_t n;

	if (machine->nr)
		qsort(machine->functions, machine->nr, sizeof(*machine->functions), by_addr);
	for (n = 0; n < machine->nr; n++)
		link_up(machine, &machine->functions[n]);
	for (n = 0; n < machine->nr; n++) {
		struct function *function = &machine->functions[n];

		break_circle(function);
		function->below_port = function->up;
		function->shareable = !function->is_bridge && has_memory_bar(function);
		if (depth(function) > deepest)
			deepest = depth(function);
	}
	for (level = 0; level <= deepest; level++)
		for (n = 0; n < machine->nr; n++)
			if (machine->functions[n].pcie == PCIE_UNKNOWN &&
			    depth(&machine->functions[n]) == level)
				machine->functions[n].pcie = guess_port(&machine->functions[n]);
	for (n = 0; n < machine->nr; n++)
		infer_redirects(&machine->functions[n]);
}

const struct machine *machine_get(void)
{
	if (!is_read) {
		current.live = true;
		machine_read_sysfs(&current);
		machine_finish(&current);
		is_read = true;
	}
	return &current;
}

struct json_object *machine_facts(void)
{
	machine_get();
	if (!current.facts)
		current.facts = current.live ? facts_collect() : json_new();
	return current.facts;
}

int machine_load(const char *path, struct machine *machine)
{
	bool standard_input = !strcmp(path, "-");
	struct json_object *top;
	const char *wrong;
	int err = 0;

	*machine = (struct machine) { 0 };
	if (!standard_input && access(path, R_OK))
		err = -errno;
	top = err ? NULL : json_object_from_file(standard_input ? "/dev/stdin" : path);
	wrong = top ? machine_read_json(machine, top) : "not JSON";
	json_object_put(top);
	if (!wrong) {
		machine_finish(machine);
		return EXIT_OK;
	}
	if (err)
		return failed_errno(err, "%s", path);
	failed_errno(-EINVAL, "%s: %s", path, wrong);
	hint("'peerbuf snapshot > FILE' makes one");
	return EXIT_REFUSED;
}

void machine_free(struct machine *machine)
{
	free(machine->functions);
	json_object_put(machine->facts);
}

int machine_from(const char *path)
{
	if (is_read)
		machine_free(&current);
	is_read = true;
	return machine_load(path, &current);
}

bool function_redirects(const struct function *function)
{
	return function->acs == ACS_GROUPED ||
	       (function->acs == ACS_READ && function->acs_control & ACS_REDIRECTS);
}

const struct function *functions_common(const struct function *a, const struct function *b)
{
	const struct function *other;

	for (; a; a = a->up)
		for (other = b; other; other = other->up)
			if (a == other)
				return a;
	return NULL;
}

/* The raw rate less encoding: 8b/10b up to 5 GT/s, then 128b/130b, and FLITs from 64. */
unsigned int link_rate(const struct link *link)
{
	unsigned int raw = link->speed * link->width;

	if (link->speed <= 50)
		return raw * 10;
	if (link->speed < 640)
		return raw * 100 / 8 * 128 / 130;
	return raw * 100 / 8 * 242 / 256;
}

const char *link_text(const struct link *link)
{
	if (!link->speed || !link->width)
		return "-";
	return format_text("%u%sGT/sx%u", link->speed / 10, link->speed % 10 ? ".5" : "",
			   link->width);
}
