// SPDX-License-Identifier: GPL-2.0-only
/* allow, deny: lend a function's BARs, or vouch for a route. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "tool.h"

#define ALL_BARS	0x3f

/**
 * struct permission - what to allow or deny
 * @host: host bridge as given on the command line, or NULL
 * @args: BARs and ranges as given on the command line
 * @bar_mask: whole BARs among them, or 0
 * @policy: PEERBUF_POLICY_F_* to allow as well
 * @nr: number of functions
 * @addrs: the functions
 * @persist: also after a restart, or (deny) no longer
 */
struct permission {
	const char *host;
	struct range_args args;
	uint32_t bar_mask;
	uint32_t policy;
	int nr;
	uint64_t addrs[2];
	bool persist;
};

static bool is_allow(const struct command *self)
{
	return self == &allow_command;
}

/* A host bridge's address has no device and function: append some to parse it. */
static const char *host_text(const struct command *self, const char *text)
{
	char full[40];
	uint64_t addr;

	snprintf(full, sizeof(full), "%s:00.0", text);
	if (strlen(text) > 16 || peerbuf_addr_parse(full, &addr))
		usage_error(self, "%s: not a host bridge like 0000:00 (domain:bus)", text);
	return format_text("host:%04x:%02x", PEERBUF_PCI_DOMAIN(addr), PEERBUF_PCI_BUS(addr));
}

/* The BARs that are lent now, so that "deny" without --bar names only these. */
static uint32_t lent_bars(uint64_t addr)
{
	int node = peerbuf_open_addr(addr, O_RDONLY);
	struct peerbuf_ioc_info info;
	uint32_t mask = 0;
	unsigned int n;

	if (node < 0)
		return ALL_BARS;
	if (!peerbuf_info(node, &info, NULL))
		for (n = 0; n < ARRAY_SIZE(info.bars); n++)
			if (info.bars[n].flags & PEERBUF_BAR_F_EXPORTABLE)
				mask |= 1U << n;
	peerbuf_close(node);
	return mask ? mask : ALL_BARS;
}

/* There is no node yet that would know. */
static void measure(struct permission *permission)
{
	const struct function *function = function_find(permission->addrs[0]);
	uint64_t sizes[6] = { 0 };
	size_t n;

	for (n = 0; function && n < ARRAY_SIZE(sizes); n++)
		if (!function->bars[n].io)
			sizes[n] = function->bars[n].size;
	range_args_sizes(&permission->args, sizes);
}

static int lend(const struct command *self, const struct permission *permission)
{
	uint32_t bar_mask = permission->bar_mask;
	uint64_t addr = permission->addrs[0];
	const struct subject subject = { .function = addr };
	int control = open_control(O_RDWR);
	struct peerbuf_error error;
	int ret;

	if (control < 0)
		return -control;
	if (is_allow(self))
		ret = peerbuf_lend_ranges(control, addr, bar_mask, permission->args.ranges,
					  permission->args.nr, &error);
	else
		ret = peerbuf_unlend(control, addr, bar_mask ? bar_mask : lent_bars(addr), &error);
	peerbuf_close(control);
	if (ret)
		return failed(&error, &subject, "%s %s", self->name, addr_text(addr));
	return policy_set(self, addr, permission->policy);
}

static int vouch(const struct command *self, const struct permission *permission)
{
	char sign = is_allow(self) ? '+' : '-';

	if (permission->host)
		return override_change(sign, host_text(self, permission->host));
	return override_change(sign, format_text("%s-%s", addr_text(permission->addrs[0]),
						 addr_text(permission->addrs[1])));
}

/* Writes a udev rule that allows it again when the function, or the module, appears again. */
static int last(const struct command *self, const struct permission *permission)
{
	struct persistent rule = { .kind = "allow", .nr = permission->nr, .host = NULL };
	uint64_t first;
	size_t n;

	memcpy(rule.addrs, permission->addrs, sizeof(rule.addrs));
	rule.command = format_text("allow %s", addr_text(rule.addrs[0]));
	if (permission->host) {
		rule.host = host_text(self, permission->host);
		rule.command = format_text("allow --host-bridge %s", permission->host);
		peerbuf_addr_parse(format_text("%s:00.0", permission->host), &first);
		rule.addrs[0] = first;
		rule.nr = !!function_find(first);
	} else if (rule.nr == 2) {
		rule.command = format_text("%s %s", rule.command, addr_text(rule.addrs[1]));
	}
	for (n = 0; n < 6; n++)
		if (permission->bar_mask & (1U << n))
			rule.command = format_text("%s --bar %zu", rule.command, n);
	for (n = 0; n < permission->args.nr; n++)
		rule.command = format_text("%s --bar %u --range %" PRIu64 ":%" PRIu64,
					   rule.command, permission->args.ranges[n].bar,
					   (uint64_t)permission->args.ranges[n].offset,
					   (uint64_t)permission->args.ranges[n].length);
	if (permission->policy & PEERBUF_POLICY_F_PINNED)
		rule.command = format_text("%s --pinned", rule.command);
	if (!permission->persist)
		return is_allow(self) ? EXIT_OK : persist_remind(&rule);
	return is_allow(self) ? persist_write(self, &rule) : persist_drop(&rule);
}

static void check(const struct command *self, const struct permission *permission)
{
	bool bars = permission->bar_mask || permission->args.nr;

	if (permission->host && (permission->nr || bars))
		usage_error(self, "--host-bridge stands alone");
	if (!permission->host && !permission->nr)
		usage_error(self, "argument missing");
	if (permission->nr == 2 && bars)
		usage_error(self, "--bar lends the memory of one function, name only that one");
	if (permission->nr == 2 && permission->addrs[0] == permission->addrs[1])
		usage_error(self, "a route needs two functions");
	if (permission->policy && (permission->nr != 1 || !is_allow(self)))
		usage_error(self, "--pinned goes with BARs that are lent");
	if (permission->args.nr && !is_allow(self))
		usage_error(self, "BARs are taken back as a whole");
	if (permission->nr == 1 && is_allow(self) && !bars)
		usage_error(self, "--bar is missing");
}

static int permission_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, BAR_OPTION, { "host-bridge", required_argument, NULL, 'H' },
		{ "range", required_argument, NULL, 'r' },
		{ "pinned", no_argument, NULL, 'p' }, { "persist", no_argument, NULL, 'P' }, { 0 }
	};
	struct permission permission = { .args.bar = -1 };
	int option, n, ret;

	while ((option = next_option(self, argc, argv, ":hb:r:H:", options)) != -1) {
		if (option == 'b')
			range_args_bar(self, &permission.args, optarg);
		else if (option == 'r')
			range_args_range(self, &permission.args, optarg);
		else if (option == 'H')
			permission.host = optarg;
		else if (option == 'p')
			permission.policy |= PEERBUF_POLICY_F_PINNED;
		else
			permission.persist = true;
	}
	permission.nr = count_arguments(self, argc, 0, 2);
	for (n = 0; n < permission.nr; n++)
		permission.addrs[n] = parse_addr(self, argv[optind + n]);
	if (permission.args.bar >= 0)
		range_args_end(self, &permission.args);
	permission.bar_mask = range_args_bars(&permission.args);
	check(self, &permission);
	if (permission.args.nr)
		measure(&permission);
	if (permission.nr == 1)
		ret = lend(self, &permission);
	else
		ret = vouch(self, &permission);
	return ret ? ret : last(self, &permission);
}

const struct command allow_command = {
	.name = "allow",
	.synopsis = "[--pinned] [--persist] FUNCTION --bar N [--range RANGE…]…\n"
		    "[--persist] PROVIDER CLIENT\n[--persist] --host-bridge DOMAIN:BUS",
	.summary = "Lend BARs of a device that keeps its driver, or vouch for a route",
	.help = "  FUNCTION -b, --bar N  make this BAR exportable; may be given several times\n"
		"  -r, --range RANGE     only this part of the BAR before it, OFFSET:LENGTH, or\n"
		"                        OFFSET: up to its end\n"
		"      --pinned          accept importers that cannot give its memory back\n"
		"  PROVIDER CLIENT       the two reach each other through the root complex,\n"
		"                        whatever the list of host bridges says\n"
		"  --host-bridge DOMAIN:BUS\n"
		"                        this host bridge forwards between its devices\n"
		"      --persist         also after a restart, as long as these cards are there\n",
	.notes = "What is vouched for wrongly loses or corrupts data. It lasts until the module\n"
		"is unloaded, is logged, and shows as an override in topo and why.\n",
	.run = permission_run,
};

const struct command deny_command = {
	.name = "deny",
	.synopsis = "[--persist] FUNCTION [--bar N…]\n[--persist] PROVIDER CLIENT\n"
		    "[--persist] --host-bridge DOMAIN:BUS",
	.summary = "Undo an allow; what was exported is revoked for good",
	.help = "  FUNCTION [-b, --bar N]\n"
		"                        take back this BAR, or all; exports are revoked for good\n"
		"  PROVIDER CLIENT       no longer vouch for the pair\n"
		"  --host-bridge DOMAIN:BUS\n"
		"                        no longer vouch for the host bridge\n"
		"      --persist         and not again after a restart\n",
	.run = permission_run,
};
