/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_TOOL_H
#define PEERBUF_TOOL_H

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <peerbuf.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

struct json_object;

/* What every command's exit code means; documented in peerbuf(1). */
enum {
	EXIT_OK		= 0,
	EXIT_REFUSED	= 1, /* refused or failed; a message says why */
	EXIT_USAGE	= 2,
	EXIT_NO_ROUTE	= 3, /* why: the answer is no */
	EXIT_NO_MODULE	= 4, /* the peerbuf module is not loaded */
	EXIT_STILL_MAPPED = 5, /* revoke: in force, but an importer has not let go */
	EXIT_NOT_RUN	= 126, /* export: COMMAND could not be run */
	EXIT_NOT_FOUND	= 127, /* export: COMMAND was not found */
	EXIT_SIGNAL	= 128, /* export: plus the signal that ended COMMAND */
};

/**
 * struct command - one verb
 * @name: the verb
 * @synopsis: its arguments, one line per form
 * @summary: what it does, for the list of commands
 * @help: what its arguments mean
 * @notes: what else a person must know, or NULL
 * @run: does it; argv[0] is the verb; returns an exit code
 */
struct command {
	const char *name;
	const char *synopsis;
	const char *summary;
	const char *help;
	const char *notes;
	int (*run)(const struct command *self, int argc, char **argv);
};

extern const struct command topo_command, why_command, allow_command, deny_command,
	export_command, ps_command, revoke_command, restore_command, move_command,
	devices_command, list_command, stats_command, events_command, bind_command,
	unbind_command;

/* options.c: arguments. All of these end the program on bad usage. */

#define HELP_OPTION	{ "help", no_argument, NULL, 'h' }
#define JSON_OPTION	{ "json", no_argument, NULL, 'j' }
#define BAR_OPTION	{ "bar", required_argument, NULL, 'b' }

/** print_usage() - the command's help, to stdout */
void print_usage(const struct command *self);

/** usage_error() - say what is wrong with the arguments, exit with EXIT_USAGE */
void usage_error(const struct command *self, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/** next_option() - getopt_long(3) that has dealt with --help and with bad options */
int next_option(const struct command *self, int argc, char **argv, const char *letters,
		const struct option *options);

/** count_arguments() - what is left after the options, which must be @min..@max */
int count_arguments(const struct command *self, int argc, int min, int max);

uint64_t parse_addr(const struct command *self, const char *text);
uint64_t parse_id(const struct command *self, const char *text);
unsigned int parse_bar(const struct command *self, const char *text);
struct peerbuf_range parse_range(const struct command *self, const char *text,
				 unsigned int bar);

/**
 * struct range_args - ranges as the command line gives them
 * @ranges: to pass to the library after range_args_resolve()
 * @nr: how many
 * @bar: the BAR the next --range is for; start with -1
 * @bar_used: a --range followed that --bar
 */
struct range_args {
	struct peerbuf_range *ranges;
	size_t nr;
	int bar;
	bool bar_used;
};

void range_args_bar(const struct command *self, struct range_args *args, const char *text);
void range_args_range(const struct command *self, struct range_args *args, const char *text);
/* Call after the last option: a --bar with no --range is the whole BAR. */
void range_args_end(const struct command *self, struct range_args *args);
/* Put lengths where whole BARs were asked for. */
int range_args_resolve(int node, struct range_args *args, struct peerbuf_error *error);

/* message.c: what goes to stderr */

/* What the placeholders in peerbuf_reason_advice() stand for here; zero: nothing. */
struct subject {
	uint64_t function;
	uint64_t provider;
	uint64_t client;
	uint64_t bridge;
	uint64_t id;
};

/** failed() - "peerbuf: WHAT: sentence (ERRNO)" and a hint; returns EXIT_REFUSED */
int failed(const struct peerbuf_error *error, const struct subject *subject,
	   const char *what, ...) __attribute__((format(printf, 3, 4)));

/** failed_errno() - the same for a negative errno without a reason */
int failed_errno(int err, const char *what, ...) __attribute__((format(printf, 2, 3)));

void warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void hint(const char *format, ...) __attribute__((format(printf, 1, 2)));
__attribute__((noreturn)) void out_of_memory(void);

/** advice() - peerbuf_reason_advice() about @subject; free(3) it */
char *advice(uint32_t reason, const struct subject *subject);

/* open.c: nodes, with messages. Negative: an exit code, negated. */

int open_control(int flags);
int open_node(uint64_t addr, int flags);
/*
 * Node of a function that owns the export @id, for writing. Without CAP_SYS_ADMIN, which the
 * look at control needs, one that this user may open.
 */
int open_owner(uint64_t id, struct peerbuf_export_info *info);
/* Where this user may revoke and restore it: control for the administrator, or such a node. */
int open_revoker(uint64_t id);

/**
 * struct rights - nodes of further functions, opened because a call lacked them
 * @fds: open for writing
 * @nr: how many
 */
struct rights {
	int fds[PEERBUF_MAX_RIGHTS];
	size_t nr;
};

/* Whether a call that ended with @error had better be made again: it has one more right. */
bool rights_add(struct rights *rights, const struct peerbuf_error *error);
void rights_close(struct rights *rights);

/* text.c: values as words, which live until texts_free() */

void texts_free(void);

const char *addr_text(uint64_t addr);
const char *size_text(uint64_t bytes);
/* "01:00.0" if @shorten, and the domain is zero */
const char *addr_label(uint64_t addr, bool shorten);
const char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "SW4", "RC6", "RC6*", "-" */
const char *route_cell(const struct peerbuf_route *route);
/* "REVOKED,PINNED", or "live" */
const char *state_text(const struct peerbuf_export_info *info);
/* "BAR 2 offset 0x0 length 0x1000", for messages */
const char *range_text(const struct peerbuf_range *range);
const char *owner_text(uint32_t owner);

/* json.c: numbers and words as json-c objects, without the checks at each use */

struct json_object *json_new(void);
struct json_object *json_new_array(void);
void json_set(struct json_object *object, const char *key, struct json_object *value);
void json_set_text(struct json_object *object, const char *key, const char *text);
void json_set_number(struct json_object *object, const char *key, uint64_t number);
void json_set_bool(struct json_object *object, const char *key, bool value);
/* An address as text, null for none */
void json_set_addr(struct json_object *object, const char *key, uint64_t addr);
void json_set_route(struct json_object *object, const char *key,
		    const struct peerbuf_route *route);
void json_append(struct json_object *array, struct json_object *value);
/** json_print() - to stdout, over several lines; frees it */
int json_print(struct json_object *object);
/** json_print_line() - to stdout, on one line; frees it */
void json_print_line(struct json_object *object);

/* functions.c: PCI functions, by libpci and sysfs */

/**
 * struct function - a PCI function of this machine
 * @addr: its address
 * @vendor: PCI vendor ID
 * @device: PCI device ID
 * @class: PCI class, base and sub
 * @shareable: not a bridge, and has a memory BAR
 * @below_port: not one of those built into the root complex
 */
struct function {
	uint64_t addr;
	uint16_t vendor;
	uint16_t device;
	uint16_t class;
	bool shareable;
	bool below_port;
};

/** functions_get() - all of them, by address; kept until the program ends */
size_t functions_get(const struct function **functions);
const struct function *function_find(uint64_t addr);
/** function_name() - vendor and device in words, or "unknown" */
const char *function_name(uint64_t addr);
/** function_driver() - the driver bound now, or "-" */
const char *function_driver(uint64_t addr);

/* override.c: routes the administrator vouches for, see p2p.ko's parameter */

/** override_change() - @sign '+' or '-', @what a pair or "host:dddd:bb"; exit code */
int override_change(char sign, const char *what);

#endif /* PEERBUF_TOOL_H */
