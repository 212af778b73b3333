// SPDX-License-Identifier: GPL-2.0
/*
 * The override parameter's language: dddd:bb:dd.f-dddd:bb:dd.f and host:dddd:bb,
 * separated by commas. Pure logic: the peerbuf command and tests/unit build this file in
 * userspace.
 */

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "override_list.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Takes all hex digits there are. False if they are fewer than @min or more than @max. */
static bool take_hex(const char **p, const char *end, int min, int max, u32 *value)
{
	int digits = 0;

	*value = 0;
	while (*p < end && hex_value(**p) >= 0) {
		if (++digits > max)
			return false;
		*value = *value << 4 | hex_value(**p);
		(*p)++;
	}
	return digits >= min;
}

static bool take_char(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return false;
	(*p)++;
	return true;
}

static bool take_bus(const char **p, const char *end, u64 *addr)
{
	u32 domain, bus;

	if (!take_hex(p, end, 4, 8, &domain) || !take_char(p, end, ':') ||
	    !take_hex(p, end, 2, 2, &bus))
		return false;
	*addr = (u64)domain << 16 | bus << 8;
	return true;
}

static bool take_function(const char **p, const char *end, u64 *addr)
{
	u32 device, function;

	if (!take_bus(p, end, addr) || !take_char(p, end, ':') ||
	    !take_hex(p, end, 2, 2, &device) || !take_char(p, end, '.') ||
	    !take_hex(p, end, 1, 1, &function))
		return false;
	if (device > 0x1f || function > 7)
		return false;
	*addr |= device << 3 | function;
	return true;
}

static bool token_parse(const char *p, const char *end, struct p2p_override *item)
{
	u64 a, b;

	if (end - p > 5 && !strncmp(p, "host:", 5)) {
		p += 5;
		*item = (struct p2p_override) { .host = true };
		return take_bus(&p, end, &item->a) && p == end;
	}
	if (!take_function(&p, end, &a) || !take_char(&p, end, '-') ||
	    !take_function(&p, end, &b) || p != end || a == b)
		return false;
	*item = (struct p2p_override) { .a = min(a, b), .b = max(a, b) };
	return true;
}

static bool override_equal(const struct p2p_override *x, const struct p2p_override *y)
{
	return x->host == y->host && x->a == y->a && x->b == y->b;
}

bool p2p_override_list_has(const struct p2p_override_list *list,
			   const struct p2p_override *item)
{
	u32 i;

	for (i = 0; i < list->nr; i++)
		if (override_equal(&list->item[i], item))
			return true;
	return false;
}

static int list_append(struct p2p_override_list *list, const struct p2p_override *item)
{
	if (p2p_override_list_has(list, item))
		return 0;
	if (list->nr == P2P_OVERRIDES_MAX)
		return -E2BIG;
	list->item[list->nr++] = *item;
	return 0;
}

/*
 * Empty text is an empty list. On -EINVAL @bad and @bad_len say which token is
 * malformed; on -E2BIG there are more than P2P_OVERRIDES_MAX.
 */
int p2p_override_list_parse(struct p2p_override_list *list, const char *text,
			    const char **bad, int *bad_len)
{
	const char *end = text + strlen(text);
	const char *stop;
	int error;

	list->nr = 0;
	if (text == end)
		return 0;
	for (; ; text = stop + 1) {
		struct p2p_override item;

		stop = strchr(text, ',');
		if (!stop)
			stop = end;
		if (!token_parse(text, stop, &item)) {
			*bad = text;
			*bad_len = stop - text;
			return -EINVAL;
		}
		error = list_append(list, &item);
		if (error || stop == end)
			return error;
	}
}

/* Returns -E2BIG if they do not fit; the contents of @list are then undefined. */
int p2p_override_list_add(struct p2p_override_list *list,
			  const struct p2p_override_list *more)
{
	u32 i;
	int error;

	for (i = 0; i < more->nr; i++) {
		error = list_append(list, &more->item[i]);
		if (error)
			return error;
	}
	return 0;
}

/* Returns -ENOENT, with @list unchanged, if an item of @less is not in @list. */
int p2p_override_list_remove(struct p2p_override_list *list,
			     const struct p2p_override_list *less)
{
	u32 i, kept = 0;

	for (i = 0; i < less->nr; i++)
		if (!p2p_override_list_has(list, &less->item[i]))
			return -ENOENT;
	for (i = 0; i < list->nr; i++)
		if (!p2p_override_list_has(less, &list->item[i]))
			list->item[kept++] = list->item[i];
	list->nr = kept;
	return 0;
}

/* Returns the length of the whole text, as snprintf() does. */
int p2p_override_format(char *text, size_t size, const struct p2p_override *item)
{
	u64 a = item->a, b = item->b;

	if (item->host)
		return snprintf(text, size, "host:%04x:%02x", (u32)(a >> 16),
				(u32)(a >> 8 & 0xff));
	return snprintf(text, size, "%04x:%02x:%02x.%x-%04x:%02x:%02x.%x",
			(u32)(a >> 16), (u32)(a >> 8 & 0xff), (u32)(a >> 3 & 0x1f),
			(u32)(a & 7), (u32)(b >> 16), (u32)(b >> 8 & 0xff),
			(u32)(b >> 3 & 0x1f), (u32)(b & 7));
}

/* Returns the length, less than @size. A page always has room for P2P_OVERRIDES_MAX items. */
int p2p_override_list_format(char *text, size_t size, const struct p2p_override_list *list)
{
	size_t used = 0;
	u32 i;

	text[0] = '\0';
	for (i = 0; i < list->nr; i++) {
		char one[P2P_OVERRIDE_TEXT];
		int len = p2p_override_format(one, sizeof(one), &list->item[i]);

		if (used + !!i + len >= size)
			break;
		if (i)
			text[used++] = ',';
		memcpy(text + used, one, len + 1);
		used += len;
	}
	return used;
}

bool p2p_override_list_pair(const struct p2p_override_list *list, u64 a, u64 b)
{
	const struct p2p_override item = { .a = min(a, b), .b = max(a, b) };

	return p2p_override_list_has(list, &item);
}

bool p2p_override_list_host(const struct p2p_override_list *list, u64 root)
{
	const struct p2p_override item = { .host = true, .a = root };

	return p2p_override_list_has(list, &item);
}
