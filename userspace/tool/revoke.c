// SPDX-License-Identifier: GPL-2.0-only
/* revoke, restore: the administrator uses control, other users use a node. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

/* After this time the command says whom it waits for. */
#define FIRST_WAIT_MS	2000

static const char *blocker_text(const struct peerbuf_error *error)
{
	const char *name = error->blocker_name[0] ? error->blocker_name : "an importer";

	if (error->blockers > 1)
		return format_text("%s and %" PRIu32 " more", name, error->blockers - 1);
	return format_text("%s", name);
}

static int revoke_result(uint64_t id, int ret, const struct peerbuf_error *error)
{
	const struct subject subject = { .id = id };

	if (!ret)
		return EXIT_OK;
	if (ret != -EINPROGRESS && ret != -EINTR)
		return failed(error, &subject, "revoke %" PRIu64, id);
	if (error->reason == PEERBUF_REASON_BUSY)
		failed_errno(ret, "revoke %" PRIu64 ": importers have not been told yet, as "
			     "the buffer is locked", id);
	else
		failed_errno(ret, "revoke %" PRIu64 ": %s still maps the buffer", id,
			     blocker_text(error));
	hint("the revoke is in force: no importer can map it any more; 'peerbuf ps' shows which "
	     "process to end, 'peerbuf revoke %" PRIu64 "' waits again", id);
	return EXIT_STILL_MAPPED;
}

/**
 * struct wait - how long to wait for importers, and what to print meanwhile
 * @timeout_ms: for each export
 * @follow: print the importer again whenever it changes
 */
struct wait {
	uint32_t timeout_ms;
	bool follow;
};

static void tell_blocker(uint64_t id, const struct peerbuf_error *error)
{
	if (error->reason == PEERBUF_REASON_BUSY)
		warning("waiting for the lock of export %" PRIu64, id);
	else
		warning("waiting for %s to unmap export %" PRIu64, blocker_text(error), id);
}

/* The kernel answers when no importer is left, or after a while which one is. */
static int revoke_following(int fd, uint64_t id, struct peerbuf_error *error)
{
	const char *told = "";
	int ret;

	while ((ret = peerbuf_revoke(fd, id, FIRST_WAIT_MS, error)) == -EINPROGRESS) {
		if (!strcmp(told, blocker_text(error)))
			continue;
		tell_blocker(id, error);
		told = blocker_text(error);
	}
	return ret;
}

/* Waits in two parts, so that a long wait prints a message. */
static int revoke_waiting(int fd, uint64_t id, const struct wait *wait,
			  struct peerbuf_error *error)
{
	uint32_t timeout_ms = wait->timeout_ms;
	uint32_t first = timeout_ms < FIRST_WAIT_MS ? timeout_ms : FIRST_WAIT_MS;
	int ret;

	if (wait->follow)
		return revoke_following(fd, id, error);
	ret = peerbuf_revoke(fd, id, first, error);
	if (ret != -EINPROGRESS || first == timeout_ms)
		return ret;
	tell_blocker(id, error);
	if (timeout_ms != PEERBUF_WAIT_FOREVER)
		timeout_ms -= first;
	return peerbuf_revoke(fd, id, timeout_ms, error);
}

static int revoke_one(uint64_t id, const struct wait *wait)
{
	struct peerbuf_error error;
	int fd = open_revoker(id), ret;

	if (fd < 0)
		return -fd;
	ret = revoke_waiting(fd, id, wait, &error);
	peerbuf_close(fd);
	return revoke_result(id, ret, &error);
}

/* Withdraws all exports first and then waits for each, so that all end together. */
static int revoke_listed(int node, const struct peerbuf_export_info *exports, size_t nr,
			 const struct wait *wait)
{
	struct peerbuf_error error;
	int code = EXIT_OK, ret;
	size_t n;

	for (n = 0; n < nr; n++)
		peerbuf_revoke(node, exports[n].id, 0, &error);
	for (n = 0; n < nr; n++) {
		ret = revoke_waiting(node, exports[n].id, wait, &error);
		/* The export has ended by itself, which is as good. */
		if (ret == -ENOENT)
			continue;
		ret = revoke_result(exports[n].id, ret, &error);
		if (ret && code != EXIT_REFUSED)
			code = ret;
	}
	return code;
}

static int revoke_all_of(uint64_t addr, const struct wait *wait)
{
	struct peerbuf_export_info *exports;
	struct peerbuf_error error;
	int node = open_node(addr, O_RDWR), ret;
	size_t nr;

	if (node < 0)
		return -node;
	ret = peerbuf_list(node, &exports, &nr, &error);
	if (ret) {
		ret = failed(&error, NULL, "exports of %s", addr_text(addr));
	} else {
		ret = revoke_listed(node, exports, nr, wait);
		free(exports);
	}
	peerbuf_close(node);
	return ret;
}

static uint32_t parse_timeout(const struct command *self, const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds >= 0 && seconds <= 4000000))
		usage_error(self, "%s: not a number of seconds from 0 to 4000000", text);
	return seconds * 1000;
}

static int revoke_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, { "timeout", required_argument, NULL, 't' },
		{ "wait", no_argument, NULL, 'w' },
		{ "all-of", required_argument, NULL, 'a' }, { 0 }
	};
	struct wait wait = { .timeout_ms = PEERBUF_WAIT_FOREVER };
	uint64_t addr = PEERBUF_PCI_NONE;
	int option;

	while ((option = next_option(self, argc, argv, ":ht:wa:", options)) != -1) {
		if (option == 't')
			wait.timeout_ms = parse_timeout(self, optarg);
		else if (option == 'a')
			addr = parse_addr(self, optarg);
		else
			wait.follow = true;
	}
	if (wait.follow && wait.timeout_ms != PEERBUF_WAIT_FOREVER)
		usage_error(self, "--wait is without end, --timeout is not");
	if (addr != PEERBUF_PCI_NONE) {
		count_arguments(self, argc, 0, 0);
		return revoke_all_of(addr, &wait);
	}
	count_arguments(self, argc, 1, 1);
	return revoke_one(parse_id(self, argv[optind]), &wait);
}

const struct command revoke_command = {
	.name = "revoke",
	.synopsis = "[--timeout SECONDS | --wait] ID\n"
		    "[--timeout SECONDS | --wait] --all-of FUNCTION",
	.summary = "Withdraw an export; when it returns 0, nothing reaches the memory",
	.help = "  ID                    the export's number, see 'peerbuf ps'\n"
		"  -a, --all-of FUNCTION all exports with memory of this function, or made\n"
		"                        through its node\n"
		"  -t, --timeout SECONDS how long to wait for importers to unmap each; without\n"
		"                        it, for ever\n"
		"  -w, --wait            for ever, and name each importer that is waited for\n",
	.notes = "The exit code is 5 if an importer still maps the buffer. The revoke is in\n"
		"force nevertheless, and another revoke waits again.\n",
	.run = revoke_run,
};

/* The advice "restore it" would be wrong: this user cannot undo the revoke. */
static int restore_refused(uint64_t id, const struct peerbuf_error *error)
{
	const struct subject subject = { .id = id };

	if (error->missing != PEERBUF_PCI_NONE) {
		failed_errno(error->error, "restore %" PRIu64 ": the owner of %s revoked it", id,
			     addr_text(error->missing));
		hint("only users who may write to /dev/peerbuf/%s, or the administrator, can undo "
		     "that", addr_text(error->missing));
		return EXIT_REFUSED;
	}
	if (error->error != -EPERM || error->reason != PEERBUF_REASON_REVOKED)
		return failed(error, &subject, "restore %" PRIu64, id);
	failed_errno(-EPERM, "restore %" PRIu64 ": the exporting driver or the administrator "
		     "revoked it", id);
	hint("only the driver can undo its own revoke; 'peerbuf restore %" PRIu64 "' as root "
	     "undoes the administrator's", id);
	return EXIT_REFUSED;
}

/* Adds every node that is needed and that this user may write to. */
static int restore(int fd, uint64_t id, struct peerbuf_error *error)
{
	struct rights rights = { 0 };
	int ret, more;

	ret = peerbuf_restore_with(fd, id, NULL, 0, error);
	while (rights_add(&rights, error)) {
		more = peerbuf_restore_with(fd, id, rights.fds, rights.nr, error);
		/* One restore has succeeded, so the result is success even if others fail. */
		if (ret)
			ret = more;
	}
	rights_close(&rights);
	return ret;
}

static int restore_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = { HELP_OPTION, { 0 } };
	struct peerbuf_error error;
	uint64_t id;
	int fd, ret;

	while (next_option(self, argc, argv, ":h", options) != -1)
		;
	count_arguments(self, argc, 1, 1);
	id = parse_id(self, argv[optind]);
	fd = open_revoker(id);
	if (fd < 0)
		return -fd;
	ret = restore(fd, id, &error);
	peerbuf_close(fd);
	if (ret)
		return restore_refused(id, &error);
	if (error.missing != PEERBUF_PCI_NONE)
		warning("export %" PRIu64 " stays revoked: the owner of %s revoked it, too", id,
			addr_text(error.missing));
	return EXIT_OK;
}

const struct command restore_command = {
	.name = "restore",
	.synopsis = "ID",
	.summary = "Undo a revoke",
	.help = "  ID                    the export's number, see 'peerbuf ps'\n",
	.run = restore_run,
};
