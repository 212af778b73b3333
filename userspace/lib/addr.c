// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdio.h>

#include "internal.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * Read 1 to @max_digits hexadecimal digits. Not strtoul(): that takes blanks,
 * signs and "0x", none of which an address has.
 */
static const char *read_hex(const char *text, unsigned int max_digits, uint64_t *value)
{
	unsigned int n;

	*value = 0;
	for (n = 0; hex_digit(*text) >= 0; n++, text++) {
		if (n == max_digits)
			return NULL;
		*value = *value << 4 | hex_digit(*text);
	}
	return n ? text : NULL;
}

int peerbuf_addr_parse(const char *text, uint64_t *addr)
{
	uint64_t domain = 0, bus, dev, fn;

	text = read_hex(text, 8, &bus);
	if (!text || *text != ':')
		return -EINVAL;
	text = read_hex(text + 1, 2, &dev);
	if (text && *text == ':') {
		domain = bus;
		bus = dev;
		text = read_hex(text + 1, 2, &dev);
	}
	if (!text || *text != '.')
		return -EINVAL;
	text = read_hex(text + 1, 1, &fn);
	if (!text || *text)
		return -EINVAL;
	if (bus > 0xff || dev > 0x1f || fn > 7)
		return -ERANGE;
	*addr = PEERBUF_PCI_ADDR(domain, bus, dev, fn);
	return 0;
}

int peerbuf_addr_format(uint64_t addr, char *text, size_t length)
{
	int saved_errno = errno;
	int ret;

	if (addr == PEERBUF_PCI_NONE)
		ret = snprintf(text, length, "-");
	else
		ret = snprintf(text, length, "%04x:%02x:%02x.%x", PEERBUF_PCI_DOMAIN(addr),
			       PEERBUF_PCI_BUS(addr), PEERBUF_PCI_DEV(addr),
			       PEERBUF_PCI_FN(addr));
	errno = saved_errno;
	return (size_t)ret < length ? ret : -ENOSPC;
}
