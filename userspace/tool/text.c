// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define TEXT_SIZE	256 /* for texts of bounded length */

/* All texts made so far, so that a caller may hold any number of them. */
struct text {
	struct text *next;
	char chars[];
};

static struct text *texts;

static char *new_text(size_t size)
{
	struct text *text = malloc(sizeof(*text) + size);

	if (!text)
		out_of_memory();
	text->next = texts;
	texts = text;
	return text->chars;
}

static char *next_text(void)
{
	return new_text(TEXT_SIZE);
}

void texts_free(void)
{
	while (texts) {
		struct text *text = texts;

		texts = text->next;
		free(text);
	}
}

const char *format_text(const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		out_of_memory();
	text = new_text(length + 1);
	va_start(args, format);
	vsnprintf(text, length + 1, format, args);
	va_end(args);
	return text;
}

const char *addr_text(uint64_t addr)
{
	char *text = next_text();

	peerbuf_addr_format(addr, text, TEXT_SIZE);
	return text;
}

const char *addr_label(uint64_t addr, bool shorten)
{
	const char *text = addr_text(addr);

	if (shorten && addr != PEERBUF_PCI_NONE && !PEERBUF_PCI_DOMAIN(addr))
		return text + strlen("0000:");
	return text;
}

const char *size_text(uint64_t bytes)
{
	char *text = next_text();

	peerbuf_size_format(bytes, text, TEXT_SIZE);
	return text;
}

const char *route_cell(const struct peerbuf_route *route)
{
	switch (route->type) {
	case PEERBUF_ROUTE_BUS_ADDR:
		return format_text("SW%" PRIu32, route->distance);
	case PEERBUF_ROUTE_THRU_HOST_BRIDGE:
		return format_text("RC%" PRIu32 "%s", route->distance,
				   route->flags & PEERBUF_ROUTE_F_OVERRIDE ? "*" : "");
	}
	return "-";
}

const char *state_text(const struct peerbuf_export_info *info)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} names[] = {
		{ PEERBUF_STATE_F_DEAD, "dead" },
		{ PEERBUF_STATE_F_REVOKED, "revoked" },
		{ PEERBUF_STATE_F_DEVICE_DOWN, "down" },
		{ PEERBUF_STATE_F_PINNED, "pinned" },
		{ PEERBUF_STATE_F_VMAPPED, "vmapped" },
		{ PEERBUF_STATE_F_SHARED, "shared" },
		{ PEERBUF_STATE_F_BUSY, "busy" },
	};
	char *text = next_text();
	size_t n;

	*text = '\0';
	for (n = 0; n < ARRAY_SIZE(names); n++) {
		if (!(info->state & names[n].flag))
			continue;
		if (*text)
			strcat(text, ",");
		strcat(text, names[n].name);
	}
	if (info->hidden_size)
		strcat(text, *text ? ",hidden" : "hidden");
	return *text ? text : "live";
}

const char *range_text(const struct peerbuf_range *range)
{
	if (range->flags & PEERBUF_RANGE_F_SYSTEM)
		return format_text("system memory length 0x%" PRIx64, (uint64_t)range->length);
	return format_text("BAR %" PRIu32 " offset 0x%" PRIx64 " length 0x%" PRIx64, range->bar,
			   (uint64_t)range->offset, (uint64_t)range->length);
}

const char *owner_text(uint32_t owner)
{
	switch (owner) {
	case PEERBUF_OWNER_STUB:
		return "stub";
	case PEERBUF_OWNER_LENT:
		return "lent";
	case PEERBUF_OWNER_DRIVER:
		return "driver";
	}
	return "unknown";
}
