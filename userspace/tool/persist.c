// SPDX-License-Identifier: GPL-2.0-only
/*
 * Repeats after a restart what 'bind' and 'allow' did, by a udev rule for each. The rule names the
 * card, so that another card in the same slot is not affected; it checks that by
 * 'persist --is'.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "identity.h"
#include "machine.h"
#include "table.h"
#include "tool.h"

/* Runs before udev's rules that load drivers, which begin with 80. */
#define DIRECTORY	"/etc/udev/rules.d"
#define PREFIX		"61-peerbuf-"
#define SUFFIX		".rules"

static const char *path_of(const struct persistent *persistent)
{
	const char *who = persistent->host;

	if (!who)
		who = persistent->nr == 2 ?
		      format_text("%s-%s", addr_text(persistent->addrs[0]),
				  addr_text(persistent->addrs[1])) :
		      addr_text(persistent->addrs[0]);
	return format_text(DIRECTORY "/" PREFIX "%s-%s" SUFFIX, persistent->kind, who);
}

/* The path of this program, because udev has no PATH. */
static const char *own_path(void)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (length < 0)
		return "/usr/bin/peerbuf";
	path[length] = '\0';
	return format_text("%s", path);
}

/* A note for 'persist' to list: the rule's contents in a form that is easy to parse. */
static struct json_object *note_json(const struct persistent *persistent)
{
	struct json_object *note = json_new(), *functions = json_new_array();
	int n;

	json_set_text(note, "kind", persistent->kind);
	for (n = 0; n < persistent->nr; n++) {
		struct json_object *function = json_new();

		json_set_addr(function, "function", persistent->addrs[n]);
		json_set_text(function, "identity", identity_of(persistent->addrs[n]));
		json_append(functions, function);
	}
	json_set(note, "functions", functions);
	json_set_text(note, "command", format_text("peerbuf %s", persistent->command));
	return note;
}

static void write_rule(FILE *file, const struct persistent *persistent)
{
	const char *peerbuf = own_path();
	int n;

	fprintf(file, "# By 'peerbuf %s --persist'; 'peerbuf persist' lists and removes it.\n",
		persistent->kind);
	fprintf(file, "# %s\n", json_line(note_json(persistent)));
	if (persistent->host || persistent->nr == 2)
		fputs("ACTION==\"add\", SUBSYSTEM==\"module\", KERNEL==\"p2p\"", file);
	else
		fprintf(file, "ACTION==\"%s\", SUBSYSTEM==\"pci\", KERNEL==\"%s\"",
			persistent->driver ? "add" : "bind", addr_text(persistent->addrs[0]));
	for (n = 0; n < persistent->nr; n++)
		fprintf(file, ", PROGRAM==\"%s persist --is %s %s\"", peerbuf,
			identity_of(persistent->addrs[n]), addr_text(persistent->addrs[n]));
	if (persistent->driver)
		fprintf(file, ", ATTR{driver_override}=\"%s\"", persistent->driver);
	if (!persistent->host && persistent->nr == 1)
		fprintf(file, ", RUN{builtin}+=\"kmod load %s\"",
			persistent->driver ? persistent->driver : "peerbuf");
	fprintf(file, ", RUN+=\"%s %s\"\n", peerbuf, persistent->command);
}

/* Without udev nothing needs to be reloaded. */
static void tell_udev(void)
{
	const char *const reload[] = { "udevadm", "control", "--reload", NULL };
	FILE *output = open_program(reload);

	if (output)
		close_program(output);
}

/* Replaces the file atomically: udev may read the directory at any time. */
static int replace(const char *path, const struct persistent *persistent)
{
	const char *draft = format_text("%s.new", path);
	FILE *file;
	int err;

	if (mkdir(DIRECTORY, 0755) && errno != EEXIST)
		return -errno;
	file = fopen(draft, "we");
	if (!file)
		return -errno;
	write_rule(file, persistent);
	err = ferror(file) ? -EIO : 0;
	if (fclose(file) || err || rename(draft, path)) {
		err = err ? err : -errno;
		unlink(draft);
	}
	return err;
}

int persist_write(const struct command *self, const struct persistent *persistent)
{
	const char *path = path_of(persistent);
	int err = replace(path, persistent);

	if (err) {
		failed_errno(err, "%s: %s", self->name, path);
		hint("it is done, but will not last");
		return EXIT_REFUSED;
	}
	tell_udev();
	printf("%s makes it last\n", path);
	return EXIT_OK;
}

static int drop(const char *path)
{
	if (unlink(path) && errno != ENOENT)
		return failed_errno(-errno, "%s", path);
	tell_udev();
	return EXIT_OK;
}

int persist_drop(const struct persistent *persistent)
{
	const char *path = path_of(persistent);

	return access(path, F_OK) ? EXIT_OK : drop(path);
}

int persist_remind(const struct persistent *persistent)
{
	if (!access(path_of(persistent), F_OK))
		warning("it will be so again after a restart; 'peerbuf persist --remove' ends "
			"that");
	return EXIT_OK;
}

static int is_ours(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return !strncmp(entry->d_name, PREFIX, strlen(PREFIX)) && length > strlen(SUFFIX) &&
	       !strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX);
}

/* Reads the note in the file's second line; NULL if there is none. */
static struct json_object *read_note(const char *path)
{
	FILE *file = fopen(path, "re");
	struct json_object *note = NULL;
	char *line = NULL;
	size_t size = 0;

	while (file && !note && getline(&line, &size, file) > 0)
		if (!strncmp(line, "# {", 3))
			note = json_parse(line + 2);
	free(line);
	if (file)
		fclose(file);
	return note;
}

static bool is_about(struct json_object *note, uint64_t addr)
{
	struct json_object *functions = json_member(note, "functions");
	size_t n;

	for (n = 0; n < json_length(functions); n++)
		if (!strcmp(json_text_of(json_item(functions, n), "function"), addr_text(addr)))
			return true;
	return false;
}

/* Returns "yes", "no" (the slot is empty) or "other" (another card is there). */
static const char *presence(struct json_object *note)
{
	struct json_object *functions = json_member(note, "functions");
	size_t n;

	for (n = 0; n < json_length(functions); n++) {
		struct json_object *function = json_item(functions, n);
		uint64_t addr;

		if (peerbuf_addr_parse(json_text_of(function, "function"), &addr) ||
		    !function_find(addr))
			return "no";
		if (!identity_is(addr, json_text_of(function, "identity")))
			return "other";
	}
	return "yes";
}

static const char *functions_text(struct json_object *note)
{
	struct json_object *functions = json_member(note, "functions");
	const char *text = "";
	size_t n;

	for (n = 0; n < json_length(functions); n++)
		text = format_text("%s%s%s", text, n ? "," : "",
				   json_text_of(json_item(functions, n), "function"));
	return text;
}

/**
 * struct rules - what to do with the rules
 * @table: shows them, or NULL
 * @list: collects them, or NULL
 * @remove: remove those about @addr
 * @addr: a function
 * @code: exit code
 */
struct rules {
	struct libscols_table *table;
	struct json_object *list;
	bool remove;
	uint64_t addr;
	int code;
};

static void each_rule(struct rules *rules, const char *name)
{
	const char *path = format_text(DIRECTORY "/%s", name);
	struct json_object *note = read_note(path);

	if (rules->remove && is_about(note, rules->addr))
		rules->code = drop(path);
	if (rules->table)
		table_row(rules->table, json_text_of(note, "kind"), functions_text(note),
			  presence(note), name, json_text_of(note, "command"));
	if (rules->list && note) {
		json_set_text(note, "present", presence(note));
		json_set_text(note, "rule", path);
		json_append(rules->list, note);
	} else {
		json_free(note);
	}
}

static void walk(struct rules *rules)
{
	struct dirent **entries = NULL;
	int n, nr = scandir(DIRECTORY, &entries, is_ours, alphasort);

	for (n = 0; n < nr; n++) {
		each_rule(rules, entries[n]->d_name);
		free(entries[n]);
	}
	free(entries);
}

static int list(bool json)
{
	struct rules rules = { 0 };
	struct json_object *top;

	if (json) {
		top = json_new();
		rules.list = json_new_array();
		walk(&rules);
		json_set(top, "rules", rules.list);
		return json_print(top);
	}
	rules.table = table_new();
	table_columns(rules.table, (const struct column[]) {
		{ "KIND", 0 }, { "FUNCTIONS", 0 }, { "PRESENT", 0 }, { "RULE", 0 },
		{ "COMMAND", 0 }, { NULL, 0 },
	});
	walk(&rules);
	table_print(rules.table);
	return EXIT_OK;
}

static int remove_rules(uint64_t addr)
{
	struct rules rules = { .remove = true, .addr = addr, .code = -1 };

	walk(&rules);
	if (rules.code >= 0)
		return rules.code;
	failed_errno(-ENOENT, "persist %s: no rule is about it", addr_text(addr));
	hint("'peerbuf persist' lists the rules there are");
	return EXIT_REFUSED;
}

static int persist_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION, { "remove", no_argument, NULL, 'r' },
		{ "is", required_argument, NULL, 'i' }, { 0 }
	};
	const char *identity = NULL;
	bool json = false, remove = false;
	int option;

	while ((option = next_option(self, argc, argv, ":hjri:", options)) != -1) {
		json |= option == 'j';
		remove |= option == 'r';
		identity = option == 'i' ? optarg : identity;
	}
	if (remove + !!identity + json > 1)
		usage_error(self, "--remove, --is and --json stand alone");
	count_arguments(self, argc, remove || identity, remove || identity);
	if (remove)
		return remove_rules(parse_addr(self, argv[optind]));
	if (identity)
		return identity_is(parse_addr(self, argv[optind]), identity) ? EXIT_OK :
									       EXIT_REFUSED;
	return list(json);
}

const struct command persist_command = {
	.name = "persist",
	.synopsis = "[-j]\n--remove FUNCTION",
	.summary = "List or remove what 'bind' and 'allow' were told to make last",
	.help = "  -r, --remove FUNCTION remove the rules about it; it stays as it is until the\n"
		"                        machine starts again\n"
		"  -i, --is IDENTITY FUNCTION\n"
		"                        is this very card there? For the rules themselves\n"
		"  -j, --json            print JSON\n",
	.notes = "PRESENT is yes, no (there is no such function) or other: another card is in\n"
		"its place, for which the rule does nothing.\n",
	.run = persist_run,
};
