// SPDX-License-Identifier: GPL-2.0-only
/* revoke, restore: by the administrator through control, by others through a node. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool.h"

/* Short enough for a person to learn soon whom the command waits for. */
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
			     "somebody is at work on the buffer", id);
	else
		failed_errno(ret, "revoke %" PRIu64 ": %s still maps the buffer", id,
			     blocker_text(error));
	hint("the revoke is in force: nobody can map it any more; 'peerbuf ps' shows which "
	     "process to end, 'peerbuf revoke %" PRIu64 "' waits again", id);
	return EXIT_STILL_MAPPED;
}

/* In two parts, so that a long wait is not a silent one. */
static int revoke_wait(int fd, uint64_t id, uint32_t timeout_ms,
		       struct peerbuf_error *error)
{
	uint32_t first = timeout_ms < FIRST_WAIT_MS ? timeout_ms : FIRST_WAIT_MS;
	int ret = peerbuf_revoke(fd, id, first, error);

	if (ret != -EINPROGRESS || first == timeout_ms)
		return ret;
	if (error->reason == PEERBUF_REASON_BUSY)
		warning("waiting for whoever is at work on export %" PRIu64, id);
	else
		warning("waiting for %s to unmap export %" PRIu64, blocker_text(error), id);
	if (timeout_ms != PEERBUF_WAIT_FOREVER)
		timeout_ms -= first;
	return peerbuf_revoke(fd, id, timeout_ms, error);
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
		HELP_OPTION, { "timeout", required_argument, NULL, 't' }, { 0 }
	};
	uint32_t timeout_ms = PEERBUF_WAIT_FOREVER;
	struct peerbuf_error error;
	int option, fd, ret;
	uint64_t id;

	while ((option = next_option(self, argc, argv, ":ht:", options)) != -1)
		timeout_ms = parse_timeout(self, optarg);
	count_arguments(self, argc, 1, 1);
	id = parse_id(self, argv[optind]);
	fd = open_revoker(id);
	if (fd < 0)
		return -fd;
	ret = revoke_wait(fd, id, timeout_ms, &error);
	peerbuf_close(fd);
	return revoke_result(id, ret, &error);
}

const struct command revoke_command = {
	.name = "revoke",
	.synopsis = "[--timeout SECONDS] ID",
	.summary = "Withdraw an export; when it returns 0, nothing reaches the memory",
	.help = "  ID                    the export's number, see 'peerbuf ps'\n"
		"  -t, --timeout SECONDS how long to wait for importers to unmap; without it,\n"
		"                        for ever\n",
	.notes = "The exit code is 5 if an importer still maps the buffer. The revoke is in\n"
		"force all the same, and can be waited for again.\n",
	.run = revoke_run,
};

/* "It is revoked, restore it" would be no help: somebody else has to. */
static int restore_refused(uint64_t id, const struct peerbuf_error *error)
{
	const struct subject subject = { .id = id };

	if (error->missing != PEERBUF_PCI_NONE) {
		failed_errno(error->error, "restore %" PRIu64 ": the owner of %s revoked it", id,
			     addr_text(error->missing));
		hint("only who may write to /dev/peerbuf/%s restores that, or the administrator",
		     addr_text(error->missing));
		return EXIT_REFUSED;
	}
	if (error->error != -EPERM || error->reason != PEERBUF_REASON_REVOKED)
		return failed(error, &subject, "restore %" PRIu64, id);
	failed_errno(-EPERM, "restore %" PRIu64 ": somebody else revoked it", id);
	hint("what the exporting driver revoked only it restores, and what the administrator "
	     "did, 'peerbuf restore %" PRIu64 "' as root", id);
	return EXIT_REFUSED;
}

/* With every node that it takes and that this user may write to. */
static int restore(int fd, uint64_t id, struct peerbuf_error *error)
{
	struct rights rights = { 0 };
	int ret, more;

	ret = peerbuf_restore_with(fd, id, NULL, 0, error);
	while (rights_add(&rights, error)) {
		more = peerbuf_restore_with(fd, id, rights.fds, rights.nr, error);
		/* What was restored stays so, whatever becomes of the rest. */
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
