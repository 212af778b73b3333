// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes a machine as JSON and reads it. Contains only what verdicts and findings need: no serial
 * numbers, no network addresses, no host name.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "tool.h"

#define FORMAT	"peerbuf-snapshot"
#define VERSION	1

static const char *const acs_names[] = {
	[ACS_UNKNOWN] = "unknown",
	[ACS_NONE] = "none",
	[ACS_READ] = "read",
};

static struct json_object *sizes_json(uint64_t sizes)
{
	struct json_object *list = json_new_array();
	unsigned int n;

	for (n = 0; n < 43; n++)
		if (sizes >> n & 1)
			json_append(list, json_object_new_uint64(UINT64_C(1) << (20 + n)));
	return list;
}

static struct json_object *bar_json(const struct bar *bar, unsigned int number)
{
	struct json_object *object = json_new();

	json_set_number(object, "bar", number);
	json_set_number(object, "size", bar->size);
	json_set_number(object, "base", bar->base);
	json_set_number(object, "bus_address", bar->bus);
	json_set_text(object, "type", bar->io ? "io" : "memory");
	json_set_bool(object, "prefetchable", bar->prefetchable);
	json_set_bool(object, "64bit", bar->is_64bit);
	json_set(object, "resizable", bar->sizes ? sizes_json(bar->sizes) : NULL);
	return object;
}

static struct json_object *acs_json(const struct function *function)
{
	struct json_object *object = json_new();
	/* What was inferred from groups is not saved: the reader infers it again. */
	bool was_read = function->acs == ACS_READ;

	json_set_text(object, "state",
		      acs_names[function->acs == ACS_GROUPED ? ACS_UNKNOWN : function->acs]);
	if (!was_read)
		return object;
	json_set_number(object, "capability", function->acs_capability);
	json_set_number(object, "control", function->acs_control);
	return object;
}

static struct json_object *link_json(const struct link *link)
{
	struct json_object *object;

	if (!link->speed)
		return NULL;
	object = json_new();
	json_set_number(object, "speed", link->speed);
	json_set_number(object, "width", link->width);
	json_set_number(object, "max_speed", link->max_speed);
	json_set_number(object, "max_width", link->max_width);
	return object;
}

/* A negative number is written as null. */
static void set_optional(struct json_object *object, const char *key, int number)
{
	if (number < 0)
		json_set(object, key, NULL);
	else
		json_set_number(object, key, number);
}

static struct json_object *function_json(const struct function *function)
{
	struct json_object *object = json_new(), *bars = json_new_array();
	unsigned int n;

	json_set_addr(object, "function", function->addr);
	json_set_addr(object, "parent", function->parent);
	json_set_addr(object, "physical", function->physical);
	json_set_text(object, "root", format_text("%04x:%02x", (uint32_t)(function->root >> 16),
						  (unsigned int)(function->root >> 8 & 0xff)));
	json_set_number(object, "vendor", function->vendor);
	json_set_number(object, "device", function->device);
	json_set_number(object, "class", function->class);
	json_set_bool(object, "bridge", function->is_bridge);
	json_set_text(object, "driver", strcmp(function->driver, "-") ? function->driver : "");
	set_optional(object, "numa_node", function->numa_node);
	set_optional(object, "iommu_group", function->iommu_group);
	json_set_text(object, "iommu_type", function->iommu_type);
	set_optional(object, "pcie_type", function->pcie);
	json_set_number(object, "dma_mask_bits", function->dma_bits);
	json_set_number(object, "command", function->command);
	json_set_bool(object, "enabled", function->enabled);
	json_set(object, "acs", acs_json(function));
	json_set(object, "link", link_json(&function->link));
	for (n = 0; n < ARRAY_SIZE(function->bars); n++)
		if (function->bars[n].size)
			json_append(bars, bar_json(&function->bars[n], n));
	json_set(object, "bars", bars);
	return object;
}

struct json_object *machine_to_json(const struct machine *machine)
{
	struct json_object *top = json_new(), *functions = json_new_array(), *cpu = json_new();
	size_t n;

	json_set_text(top, "format", FORMAT);
	json_set_number(top, "version", VERSION);
	json_set_text(cpu, "vendor", machine->cpu_vendor);
	json_set_number(cpu, "family", machine->cpu_family);
	json_set(top, "cpu", cpu);
	json_set_text(top, "overrides", machine->overrides);
	json_set(top, "facts", json_object_get(machine->facts));
	for (n = 0; n < machine->nr; n++)
		json_append(functions, function_json(&machine->functions[n]));
	json_set(top, "functions", functions);
	return top;
}

static int optional_of(struct json_object *object, const char *key)
{
	struct json_object *value = json_member(object, key);

	return json_object_is_type(value, json_type_int) ? json_object_get_int(value) : -1;
}

static bool bool_of(struct json_object *object, const char *key)
{
	return json_object_get_boolean(json_member(object, key));
}

static uint64_t addr_of(struct json_object *object, const char *key)
{
	uint64_t addr;

	return peerbuf_addr_parse(json_text_of(object, key), &addr) ? PEERBUF_PCI_NONE : addr;
}

static size_t length_of(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

static void read_bar(struct function *function, struct json_object *object)
{
	struct json_object *sizes = json_member(object, "resizable");
	uint64_t number = json_number_of(object, "bar");
	struct bar *bar;
	size_t n;

	if (number >= ARRAY_SIZE(function->bars))
		return;
	bar = &function->bars[number];
	*bar = (struct bar) {
		.size = json_number_of(object, "size"),
		.base = json_number_of(object, "base"),
		.bus = json_number_of(object, "bus_address"),
		.io = !strcmp(json_text_of(object, "type"), "io"),
		.prefetchable = bool_of(object, "prefetchable"),
		.is_64bit = bool_of(object, "64bit"),
	};
	for (n = 0; n < length_of(sizes); n++)
		bar->sizes |= json_object_get_uint64(json_object_array_get_idx(sizes, n)) >> 20;
}

static void read_acs(struct function *function, struct json_object *object)
{
	const char *state = json_text_of(object, "state");
	size_t n;

	for (n = 0; n < ARRAY_SIZE(acs_names); n++)
		if (!strcmp(state, acs_names[n]))
			function->acs = n;
	function->acs_capability = json_number_of(object, "capability");
	function->acs_control = json_number_of(object, "control");
}

static void read_link(struct link *link, struct json_object *object)
{
	link->speed = json_number_of(object, "speed");
	link->width = json_number_of(object, "width");
	link->max_speed = json_number_of(object, "max_speed");
	link->max_width = json_number_of(object, "max_width");
}

static uint64_t root_of(struct json_object *object, uint64_t addr)
{
	unsigned int domain, bus;

	if (sscanf(json_text_of(object, "root"), "%x:%x", &domain, &bus) == 2 && bus <= 0xff)
		return (uint64_t)domain << 16 | bus << 8;
	return addr & ~UINT64_C(0xff);
}

static void read_function(struct function *function, struct json_object *object)
{
	struct json_object *bars = json_member(object, "bars");
	size_t n;

	function->addr = addr_of(object, "function");
	function->parent = addr_of(object, "parent");
	function->physical = addr_of(object, "physical");
	function->root = root_of(object, function->addr);
	function->vendor = json_number_of(object, "vendor");
	function->device = json_number_of(object, "device");
	function->class = json_number_of(object, "class");
	function->is_bridge = bool_of(object, "bridge");
	function->numa_node = optional_of(object, "numa_node");
	function->iommu_group = optional_of(object, "iommu_group");
	function->pcie = optional_of(object, "pcie_type");
	function->dma_bits = json_number_of(object, "dma_mask_bits");
	function->command = json_number_of(object, "command");
	function->enabled = bool_of(object, "enabled");
	snprintf(function->driver, sizeof(function->driver), "%.63s",
		 json_text_of(object, "driver"));
	snprintf(function->iommu_type, sizeof(function->iommu_type), "%.15s",
		 json_text_of(object, "iommu_type"));
	read_acs(function, json_member(object, "acs"));
	read_link(&function->link, json_member(object, "link"));
	for (n = 0; n < length_of(bars); n++)
		read_bar(function, json_object_array_get_idx(bars, n));
}

static int by_addr(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static const char *read_functions(struct machine *machine, struct json_object *list)
{
	size_t n;

	for (n = 0; n < length_of(list); n++) {
		struct function *function = machine_add(machine);

		read_function(function, json_object_array_get_idx(list, n));
		if (function->addr == PEERBUF_PCI_NONE)
			return "a function without a PCI address";
		if (!*function->driver)
			strcpy(function->driver, "-");
	}
	if (machine->nr)
		qsort(machine->functions, machine->nr, sizeof(*machine->functions), by_addr);
	for (n = 1; n < machine->nr; n++)
		if (machine->functions[n - 1].addr == machine->functions[n].addr)
			return "two functions with one PCI address";
	return NULL;
}

const char *machine_read_json(struct machine *machine, struct json_object *top)
{
	struct json_object *cpu = json_member(top, "cpu"), *facts = json_member(top, "facts");

	if (strcmp(json_text_of(top, "format"), FORMAT))
		return "not a snapshot of peerbuf's";
	if (json_number_of(top, "version") != VERSION)
		return "a snapshot of another version of peerbuf";
	snprintf(machine->cpu_vendor, sizeof(machine->cpu_vendor), "%.31s",
		 json_text_of(cpu, "vendor"));
	machine->cpu_family = json_number_of(cpu, "family");
	snprintf(machine->overrides, sizeof(machine->overrides), "%.4095s",
		 json_text_of(top, "overrides"));
	if (json_object_is_type(facts, json_type_object))
		machine->facts = json_object_get(facts);
	return read_functions(machine, json_member(top, "functions"));
}
