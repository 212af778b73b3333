/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_TOOL_H
#define PEERBUF_TOOL_H

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <peerbuf.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

struct json_object;

/* What every command's exit code means; documented in peerbuf(1). */
enum {
	EXIT_OK		= 0,
	EXIT_REFUSED	= 1, /* refused or failed; a message says why */
	EXIT_USAGE	= 2,
	EXIT_NO_ROUTE	= 3, /* why: there is no route */
	EXIT_NO_MODULE	= 4, /* the peerbuf module is not loaded */
	EXIT_STILL_MAPPED = 5, /* revoke: in force, but an importer has not unmapped */
	EXIT_UNKNOWN	= 6, /* why: cannot be known without privilege */
	EXIT_FINDINGS	= 7, /* doctor: something prevents peer-to-peer */
	EXIT_NOT_PROVEN	= 8, /* verify: bytes did not arrive */
	EXIT_ONE_WAY	= 9, /* verify: bytes arrived, but only one direction was tried */
	EXIT_OWN	= 125, /* export, run: failed before COMMAND ran */
	EXIT_NOT_RUN	= 126, /* export, run: COMMAND could not be run */
	EXIT_NOT_FOUND	= 127, /* export, run: COMMAND was not found */
	EXIT_SIGNAL	= 128, /* export: plus the signal that ended COMMAND */
};

/**
 * struct command - one verb
 * @name: the verb
 * @synopsis: its arguments, one line per form
 * @summary: what it does, for the list of commands
 * @help: what its arguments mean
 * @notes: other information for the user, or NULL
 * @columns: prints additional help, or NULL
 * @run: runs it; argv[0] is the verb; returns an exit code
 */
struct command {
	const char *name;
	const char *synopsis;
	const char *summary;
	const char *help;
	const char *notes;
	void (*columns)(void);
	int (*run)(const struct command *self, int argc, char **argv);
};

extern const struct command topo_command, why_command, allow_command, deny_command,
	export_command, ps_command, revoke_command, restore_command, move_command,
	devices_command, list_command, stats_command, events_command, bind_command,
	unbind_command, doctor_command, snapshot_command, persist_command, cdi_command,
	verify_command, bench_command, top_command, run_command, read_command, write_command,
	load_command;

/* options.c: arguments. All of these end the program on bad usage. */

#define HELP_OPTION	{ "help", no_argument, NULL, 'h' }
#define JSON_OPTION	{ "json", no_argument, NULL, 'j' }
#define FROM_OPTION	{ "from", required_argument, NULL, 'F' }
#define BAR_OPTION	{ "bar", required_argument, NULL, 'b' }

/** print_usage() - print the command's help to stdout */
void print_usage(const struct command *self);

/** usage_exits() - use another exit code than EXIT_USAGE from now on */
void usage_exits(int code);

/** has_command() - is there a "--"? Checked before the options, because one of them may be wrong */
bool has_command(char **argv);

/** usage_error() - print what is wrong with the arguments, and exit with EXIT_USAGE */
void usage_error(const struct command *self, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/** next_option() - getopt_long(3) that handles --help and bad options */
int next_option(const struct command *self, int argc, char **argv, const char *letters,
		const struct option *options);

/** count_arguments() - return the number of arguments after the options, from @min to @max */
int count_arguments(const struct command *self, int argc, int min, int max);

uint64_t parse_addr(const struct command *self, const char *text);
uint64_t parse_id(const struct command *self, const char *text);
uint64_t parse_size(const struct command *self, const char *text);
unsigned int parse_bar(const struct command *self, const char *text);
struct peerbuf_range parse_range(const struct command *self, const char *text,
				 unsigned int bar);

/**
 * struct range_args - ranges from the command line
 * @ranges: for the library, after range_args_resolve()
 * @nr: number of ranges
 * @bar: the BAR to which the next --range applies; initially -1
 * @bar_used: that --bar was followed by a --range
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
/* Removes the whole BARs and returns them as a mask, for callers that have no node. */
uint32_t range_args_bars(struct range_args *args);
/* Sets the lengths of ranges "to the end"; @sizes are the BARs' sizes, 0 where it is no memory. */
void range_args_sizes(struct range_args *args, const uint64_t sizes[6]);
/* Sets the lengths of whole BARs. */
int range_args_resolve(int node, struct range_args *args, struct peerbuf_error *error);

/* message.c: messages on stderr */

/* Values of the placeholders in peerbuf_reason_advice(); zero: no value. */
struct subject {
	uint64_t function;
	uint64_t provider;
	uint64_t client;
	uint64_t bridge;
	uint64_t id;
};

/** failed() - print "peerbuf: WHAT: sentence (ERRNO)" and a hint; returns EXIT_REFUSED */
int failed(const struct peerbuf_error *error, const struct subject *subject,
	   const char *what, ...) __attribute__((format(printf, 3, 4)));

/** failed_errno() - as failed(), for a negative errno without a reason */
int failed_errno(int err, const char *what, ...) __attribute__((format(printf, 2, 3)));

void warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void hint(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** hint_module() - the hint where there is no trace of the module */
void hint_module(void);
__attribute__((noreturn)) void out_of_memory(void);

/** advice() - return peerbuf_reason_advice() with the values of @subject; free(3) it */
char *advice(uint32_t reason, const struct subject *subject);

/* open.c: opens nodes and prints messages. A negative result is a negated exit code. */

int open_control(int flags);
int open_node(uint64_t addr, int flags);
/*
 * Opens the node of a function that owns the export @id, for writing. Asks control for the
 * function; without CAP_SYS_ADMIN tries the nodes that this user may open.
 */
int open_owner(uint64_t id, struct peerbuf_export_info *info);
/* Opens where this user may revoke and restore: control for the administrator, else a node. */
int open_revoker(uint64_t id);

/**
 * struct rights - nodes of further functions, opened because a call needs their rights
 * @fds: descriptors, open for writing
 * @nr: number of descriptors
 */
struct rights {
	int fds[PEERBUF_MAX_RIGHTS];
	size_t nr;
};

/*
 * After a call ended with @error: returns true if a right was added and the call should be
 * repeated.
 */
bool rights_add(struct rights *rights, const struct peerbuf_error *error);
void rights_close(struct rights *rights);

/* main.c */

/** finish() - return the exit code, or a failure if output could not be written */
int finish(int code);

/* wrap.c */
/** terminal_width() - columns of the terminal; SIZE_MAX if stdout is none */
size_t terminal_width(void);

/** print_wrapped() - print a line, wrapped on a terminal; its first part is already at @indent */
void print_wrapped(const char *text, unsigned int indent);

/* text.c: values as text, valid until texts_free() */

void texts_free(void);

const char *addr_text(uint64_t addr);
const char *size_text(uint64_t bytes);
/* Returns "01:00.0" if @shorten, and the domain is zero. */
const char *addr_label(uint64_t addr, bool shorten);
/** plural() - what a noun has at its end, for @nr of it */
static inline const char *plural(uint64_t nr)
{
	return nr == 1 ? "" : "s";
}

const char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Returns "SW4", "RC6", "RC6*" or "-". */
const char *route_cell(const struct peerbuf_route *route);
/* Returns "REVOKED,PINNED", or "live". */
const char *state_text(const struct peerbuf_export_info *info);
/* Returns "BAR 2 offset 0x0 length 0x1000", for messages. */
const char *range_text(const struct peerbuf_range *range);
const char *owner_text(uint32_t owner);

/* utf8.c: names chosen by others; the caller calls free(3) on the results */

/** utf8_length() - return the bytes of the character at the start of @text; 0 if it is invalid */
size_t utf8_length(const char *text);
/** utf8_valid() - return @text with U+FFFD for what is not UTF-8 */
char *utf8_valid(const char *text);
/** utf8_line() - return @text with unprintable characters as \xNN, so that it stays one line */
char *utf8_line(const char *text);
/** utf8_word() - as utf8_line(), and with blanks as \x20, so that it stays one word */
char *utf8_word(const char *text);

/* json.c: numbers and text as json-c objects, without checks at each use */

struct json_object *json_new(void);
struct json_object *json_new_array(void);
void json_set(struct json_object *object, const char *key, struct json_object *value);
/* "" is null, as all that there is none of */
void json_set_text(struct json_object *object, const char *key, const char *text);
void json_set_number(struct json_object *object, const char *key, uint64_t number);
/* 0, which no such thing has, is null */
void json_set_optional(struct json_object *object, const char *key, uint64_t number);
void json_set_bool(struct json_object *object, const char *key, bool value);
/* Sets an address as text, null for none. */
void json_set_addr(struct json_object *object, const char *key, uint64_t addr);

/* Missing members and null read as nothing, because files of other versions have other members. */
struct json_object *json_member(struct json_object *object, const char *key);
const char *json_text_of(struct json_object *object, const char *key);
uint64_t json_number_of(struct json_object *object, const char *key);
struct json_object *route_json(const struct peerbuf_route *route);
void json_set_route(struct json_object *object, const char *key,
		    const struct peerbuf_route *route);
void json_append_text(struct json_object *array, const char *text);
void json_append_number(struct json_object *array, uint64_t number);
/** json_length() - return the length of an array; 0 for anything else */
size_t json_length(struct json_object *array);
struct json_object *json_item(struct json_object *array, size_t n);
/** json_parse() - returns NULL if @text is not JSON */
struct json_object *json_parse(const char *text);
/** json_line() - return the object as one line of text, and free it */
const char *json_line(struct json_object *object);
/** json_free() - free an object that is part of no other */
void json_free(struct json_object *object);
void json_append(struct json_object *array, struct json_object *value);
/** json_print() - print to stdout, over several lines, and free it */
int json_print(struct json_object *object);
/** json_print_item() - print to stdout, without the end of the line, and free it */
void json_print_item(struct json_object *object);
/** json_print_line() - print to stdout, on one line, and free it */
void json_print_line(struct json_object *object);

/* functions.c: the functions of the current machine, see machine.h */

struct function;

const struct function *function_find(uint64_t addr);
bool function_is_shareable(uint64_t addr);
/** no_function() - print that the machine has no such function; returns EXIT_REFUSED */
int no_function(const struct command *self, const char *name);
/** device_name() - return the names of vendor and device */
const char *device_name(uint16_t vendor, uint16_t device);
/** function_name() - return the names of vendor and device, or "unknown" */
const char *function_name(uint64_t addr);
/** function_driver() - return the driver bound now, not when functions were read; or "-" */
const char *function_driver(uint64_t addr);

/* sysfs.c: small files in sysfs */

/** read_line() - read a file's first line, without its end; a negative errno if there is none */
int read_line(const char *path, char *text, size_t size);
int write_file(const char *path, const char *text);

/* program.c: other programs, found in PATH; one at a time */

/** open_program() - run a program and read its output; NULL if there is none */
FILE *open_program(const char *const argv[]);
/** close_program() - return the wait status; closes an ordinary file as well */
int close_program(FILE *file);

/** feed_program() - run a program that prints to @output; returns its input, or NULL and errno */
FILE *feed_program(const char *const argv[], int output);
/** close_fed() - returns 0, or a negative errno if the program failed */
int close_fed(FILE *to);

/* inuse.c */

/** function_in_use() - call @report for each use that the driver has; returns whether any */
bool function_in_use(uint64_t addr, void (*report)(const char *use));

/* bound.c: the driver before 'bind' */

/**
 * struct bound - how a function was bound
 * @driver: its driver, "-" for none
 * @override: its driver_override, "" for none
 */
struct bound {
	char driver[64];
	char override[64];
};

int bound_save(uint64_t addr, const struct bound *bound);
/** bound_load() - returns false if nothing is known of this device */
bool bound_load(uint64_t addr, struct bound *bound);
void bound_forget(uint64_t addr);

/* persist.c: settings to repeat after a restart */

/**
 * struct persistent - a udev rule
 * @kind: "bind" or "allow"
 * @function: the rule acts when this function appears; NULL: when the module p2p is loaded
 * @nr: number of functions in @addrs
 * @addrs: the functions that it is about
 * @host: the host bridge that it is about, "host:DDDD:BB", or NULL
 * @driver: the driver that @function is reserved for, or NULL
 * @command: the command that it runs, after "peerbuf "
 */
struct persistent {
	const char *kind;
	int nr;
	uint64_t addrs[2];
	const char *host;
	const char *driver;
	const char *command;
};

/** persist_write() - write the rule; returns an exit code */
int persist_write(const struct command *self, const struct persistent *persistent);
/** persist_drop() - remove the rule; returns an exit code, EXIT_OK also if there was none */
int persist_drop(const struct persistent *persistent);
/** persist_remind() - print a message if there is such a rule; returns EXIT_OK */
int persist_remind(const struct persistent *persistent);

/* policy.c: policies that the administrator sets together with a function */

/** policy_set() - set PEERBUF_POLICY_F_* in @set, if any; returns an exit code */
int policy_set(const struct command *self, uint64_t addr, uint32_t set);

/* override.c: routes that the administrator vouches for, see p2p.ko's parameter */

/** override_change() - @sign '+' or '-', @what a pair or "host:dddd:bb"; returns an exit code */
int override_change(char sign, const char *what);

#endif /* PEERBUF_TOOL_H */
