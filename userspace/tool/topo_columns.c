// SPDX-License-Identifier: GPL-2.0-only
/* The columns of topo, for functions and for pairs. */
#include <stdio.h>
#include <string.h>

#include "table.h"
#include "tool.h"
#include "topo.h"

static void set_number(struct value *value, long long number, bool none)
{
	value->none = none;
	value->number = number;
}

static void function_addr(const void *row, struct value *value)
{
	const struct function *function = row;

	value_addr(value, function->addr);
}

static void function_driver_name(const void *row, struct value *value)
{
	const struct function *function = row;

	value->text = function->driver;
	value->none = !strcmp(function->driver, "-");
}

static void function_words(const void *row, struct value *value)
{
	const struct function *function = row;

	value->text = device_name(function->vendor, function->device);
}

static void function_id(const void *row, struct value *value)
{
	const struct function *function = row;

	value->text = format_text("%04x:%04x", function->vendor, function->device);
}

static void function_class(const void *row, struct value *value)
{
	const struct function *function = row;

	value->text = format_text("%04x", function->class);
}

static void function_numa(const void *row, struct value *value)
{
	const struct function *function = row;

	set_number(value, function->numa_node, function->numa_node < 0);
}

static void function_link(const void *row, struct value *value)
{
	const struct function *function = row;

	value->none = !function->link.speed;
	value->text = link_text(&function->link);
}

static void function_max_link(const void *row, struct value *value)
{
	const struct function *function = row;
	const struct link most = {
		.speed = function->link.max_speed,
		.width = function->link.max_width,
	};

	value->none = !most.speed;
	value->text = link_text(&most);
}

static void function_rate(const void *row, struct value *value)
{
	const struct function *function = row;

	set_number(value, link_rate(&function->link), !function->link.speed);
}

static void function_group(const void *row, struct value *value)
{
	const struct function *function = row;

	set_number(value, function->iommu_group, function->iommu_group < 0);
}

static void function_parent(const void *row, struct value *value)
{
	const struct function *function = row;

	value_addr(value, function->parent);
}

static void function_physical(const void *row, struct value *value)
{
	const struct function *function = row;

	value_addr(value, function->physical);
}

static void function_root(const void *row, struct value *value)
{
	const struct function *function = row;

	value->text = format_text("%04x:%02x", (uint32_t)(function->root >> 16),
				  (unsigned int)(function->root >> 8 & 0xff));
}

static void function_dma(const void *row, struct value *value)
{
	const struct function *function = row;

	set_number(value, function->dma_bits, !function->dma_bits);
}

static void function_decode(const void *row, struct value *value)
{
	const struct function *function = row;

	value->number = function->command >> 1 & 1;
	value->text = value->number ? "on" : "off";
}

static void function_bars(const void *row, struct value *value)
{
	const struct function *function = row;
	const char *text = "";
	unsigned int n;

	for (n = 0; n < ARRAY_SIZE(function->bars); n++)
		if (function->bars[n].size && !function->bars[n].io)
			text = format_text("%s%s%u:%s%s", text, *text ? "," : "", n,
					   size_text(function->bars[n].size),
					   function->bars[n].sizes ? "*" : "");
	value->none = !*text;
	value->text = text;
}

const struct column_info function_columns[] = {
	{ "FUNCTION", VALUE_TEXT, 0, "its PCI address", function_addr },
	{ "NUMA", VALUE_NUMBER, TABLE_RIGHT, "its NUMA node", function_numa },
	{ "LINK", VALUE_TEXT, TABLE_RIGHT, "speed and width of its link", function_link },
	{ "MAX_LINK", VALUE_TEXT, TABLE_RIGHT, "what the function could do", function_max_link },
	{ "RATE", VALUE_NUMBER, TABLE_RIGHT, "what the link lets through, in MB/s one way",
	  function_rate },
	{ "GROUP", VALUE_NUMBER, TABLE_RIGHT, "its IOMMU group", function_group },
	{ "PARENT", VALUE_TEXT, 0, "the bridge above it", function_parent },
	{ "ROOT", VALUE_TEXT, 0, "the host bridge's domain and bus", function_root },
	{ "PHYSICAL", VALUE_TEXT, 0, "the function this virtual one was made from",
	  function_physical },
	{ "DMA_BITS", VALUE_NUMBER, TABLE_RIGHT, "addresses it can put out, in bits",
	  function_dma },
	{ "DECODE", VALUE_BOOL, 0, "whether it answers to memory accesses", function_decode },
	{ "BARS", VALUE_TEXT, 0, "its memory BARs and their sizes, * resizable", function_bars },
	{ "ID", VALUE_TEXT, 0, "vendor and device", function_id },
	{ "CLASS", VALUE_TEXT, 0, "base class and subclass", function_class },
	{ "DRIVER", VALUE_TEXT, 0, "bound to it", function_driver_name },
	{ "NAME", VALUE_TEXT, TABLE_CUT, "vendor and device in words", function_words },
	{ NULL }
};

static void pair_provider(const void *row, struct value *value)
{
	const struct pair *pair = row;

	value_addr(value, pair->provider->addr);
}

static void pair_client(const void *row, struct value *value)
{
	const struct pair *pair = row;

	value_addr(value, pair->client->addr);
}

static void pair_route(const void *row, struct value *value)
{
	const struct pair *pair = row;

	value->text = verdict_word(pair->verdict);
}

static void pair_hops(const void *row, struct value *value)
{
	const struct pair *pair = row;

	set_number(value, pair->verdict->route.distance, false);
}

static void pair_decider(const void *row, struct value *value)
{
	const struct pair *pair = row;

	value_addr(value, pair->verdict->route.decider);
}

static void pair_reason(const void *row, struct value *value)
{
	const struct pair *pair = row;

	value->text = pair->verdict->certain ? peerbuf_reason_name(pair->verdict->route.reason) :
		      "ACS_UNREADABLE";
}

static void pair_bottleneck(const void *row, struct value *value)
{
	const struct pair *pair = row;
	const struct link *link = pair_link(pair->provider, pair->client, pair->verdict);

	value->none = !link;
	value->text = link ? link_text(link) : NULL;
}

static void pair_rate(const void *row, struct value *value)
{
	const struct pair *pair = row;
	const struct link *link = pair_link(pair->provider, pair->client, pair->verdict);

	set_number(value, link ? link_rate(link) : 0, !link);
}

static void pair_flag(const struct pair *pair, uint32_t flag, struct value *value)
{
	value_flag(value, pair->verdict->route.flags & flag);
}

static void pair_redirect(const void *row, struct value *value)
{
	pair_flag(row, PEERBUF_ROUTE_F_ACS_REDIRECT, value);
}

static void pair_override(const void *row, struct value *value)
{
	pair_flag(row, PEERBUF_ROUTE_F_OVERRIDE, value);
}

static void pair_iommu(const void *row, struct value *value)
{
	pair_flag(row, PEERBUF_ROUTE_F_IOMMU, value);
}

const struct column_info pair_columns[] = {
	{ "PROVIDER", VALUE_TEXT, 0, "whose memory", pair_provider },
	{ "CLIENT", VALUE_TEXT, 0, "who reaches for it", pair_client },
	{ "ROUTE", VALUE_TEXT, 0, "the verdict", pair_route },
	{ "HOPS", VALUE_NUMBER, TABLE_RIGHT, "over bridges", pair_hops },
	{ "BOTTLENECK", VALUE_TEXT, TABLE_RIGHT, "the slowest link on the way", pair_bottleneck },
	{ "RATE", VALUE_NUMBER, TABLE_RIGHT, "what that lets through, in MB/s one way",
	  pair_rate },
	{ "DECIDER", VALUE_TEXT, 0, "the function that decides", pair_decider },
	{ "REASON", VALUE_TEXT, 0, "why", pair_reason },
	{ "REDIRECT", VALUE_BOOL, 0, "ACS redirects on the way", pair_redirect },
	{ "OVERRIDE", VALUE_BOOL, 0, "the administrator vouches for it", pair_override },
	{ "IOMMU", VALUE_BOOL, 0, "an IOMMU translates for the client", pair_iommu },
	{ NULL }
};
