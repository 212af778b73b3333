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
	EXIT_NO_ROUTE	= 3, /* why: the answer is no */
	EXIT_NO_MODULE	= 4, /* the peerbuf module is not loaded */
	EXIT_STILL_MAPPED = 5, /* revoke: in force, but an importer has not let go */
	EXIT_UNKNOWN	= 6, /* why: nobody can know without privilege */
	EXIT_FINDINGS	= 7, /* doctor: something stands in the way */
	EXIT_NOT_PROVEN	= 8, /* verify: bytes did not arrive */
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
 * @notes: what else a person must know, or NULL
 * @columns: prints what else --help says, or NULL
 * @run: does it; argv[0] is the verb; returns an exit code
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
	verify_command, bench_command, top_command, run_command, read_command, write_command;

/* options.c: arguments. All of these end the program on bad usage. */

#define HELP_OPTION	{ "help", no_argument, NULL, 'h' }
#define JSON_OPTION	{ "json", no_argument, NULL, 'j' }
#define FROM_OPTION	{ "from", required_argument, NULL, 'F' }
#define BAR_OPTION	{ "bar", required_argument, NULL, 'b' }

/** print_usage() - the command's help, to stdout */
void print_usage(const struct command *self);

/** usage_exits() - with another code than EXIT_USAGE from now on */
void usage_exits(int code);

/** has_command() - is there a "--"? Asked before the options, one of which may be wrong */
bool has_command(char **argv);

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
uint64_t parse_size(const struct command *self, const char *text);
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
/* Takes the whole BARs out, and returns them as a mask; for who has no node to ask for sizes. */
uint32_t range_args_bars(const struct command *self, struct range_args *args);
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

/* main.c */

/** finish() - end with this exit code, unless what was printed got lost */
int finish(int code);

/* wrap.c */

/** print_wrapped() - a line, on a terminal several; the first stands at @indent already */
void print_wrapped(const char *text, unsigned int indent);

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

/* utf8.c: names that others chose; free(3) what these return */

/** utf8_length() - bytes of the character that @text begins with; 0 if it is none */
size_t utf8_length(const char *text);
/** utf8_valid() - @text with U+FFFD for what is not UTF-8 */
char *utf8_valid(const char *text);
/** utf8_line() - and with what no terminal shows as \xNN, so that it stays on its line */
char *utf8_line(const char *text);
/** utf8_word() - and with blanks as \x20, so that it stays one word */
char *utf8_word(const char *text);

/* json.c: numbers and words as json-c objects, without the checks at each use */

struct json_object *json_new(void);
struct json_object *json_new_array(void);
void json_set(struct json_object *object, const char *key, struct json_object *value);
void json_set_text(struct json_object *object, const char *key, const char *text);
void json_set_number(struct json_object *object, const char *key, uint64_t number);
void json_set_bool(struct json_object *object, const char *key, bool value);
/* An address as text, null for none */
void json_set_addr(struct json_object *object, const char *key, uint64_t addr);

/* Members that are missing or null read as nothing: files of other versions have others. */
struct json_object *json_member(struct json_object *object, const char *key);
const char *json_text_of(struct json_object *object, const char *key);
uint64_t json_number_of(struct json_object *object, const char *key);
struct json_object *route_json(const struct peerbuf_route *route);
void json_set_route(struct json_object *object, const char *key,
		    const struct peerbuf_route *route);
void json_append_text(struct json_object *array, const char *text);
void json_append_number(struct json_object *array, uint64_t number);
/** json_length() - of an array; 0 for anything else */
size_t json_length(struct json_object *array);
struct json_object *json_item(struct json_object *array, size_t n);
/** json_parse() - NULL if it is no JSON */
struct json_object *json_parse(const char *text);
/** json_line() - as text of one line; frees it */
const char *json_line(struct json_object *object);
/** json_free() - for what nothing else has got */
void json_free(struct json_object *object);
void json_append(struct json_object *array, struct json_object *value);
/** json_print() - to stdout, over several lines; frees it */
int json_print(struct json_object *object);
/** json_print_item() - to stdout, without the end of the line; frees it */
void json_print_item(struct json_object *object);
/** json_print_line() - to stdout, on one line; frees it */
void json_print_line(struct json_object *object);

/* functions.c: the functions of the machine at hand, see machine.h */

struct function;

const struct function *function_find(uint64_t addr);
bool function_is_shareable(uint64_t addr);
/** no_function() - say that the machine has none there; returns EXIT_REFUSED */
int no_function(const struct command *self, const char *name);
/** device_name() - vendor and device in words */
const char *device_name(uint16_t vendor, uint16_t device);
/** function_name() - vendor and device in words, or "unknown" */
const char *function_name(uint64_t addr);
/** function_driver() - the driver bound now, not when functions were read; or "-" */
const char *function_driver(uint64_t addr);

/* sysfs.c: its small files */

/** read_line() - the first line of a file, without its end; a negative errno if none */
int read_line(const char *path, char *text, size_t size);
int write_file(const char *path, const char *text);

/* program.c: other programs, by their name in PATH; one at a time */

/** open_program() - read what it prints; NULL if there is none */
FILE *open_program(const char *const argv[]);
/** close_program() - its wait status; closes an ordinary file as well */
int close_program(FILE *file);

/** feed_program() - tell it something, it prints to @output; NULL with errno if there is none */
FILE *feed_program(const char *const argv[], int output);
/** close_fed() - 0, or a negative errno if it failed */
int close_fed(FILE *to);

/* inuse.c */

/** function_in_use() - tell what would be lost with the driver; whether anything */
bool function_in_use(uint64_t addr, void (*report)(const char *use));

/* bound.c: what was there before 'bind' */

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
/** bound_load() - false if nothing is known of this device */
bool bound_load(uint64_t addr, struct bound *bound);
void bound_forget(uint64_t addr);

/* persist.c: what is to be so again after a restart */

/**
 * struct persistent - a udev rule
 * @kind: "bind" or "allow"
 * @function: whose coming it acts on, NULL for that of the module p2p
 * @nr: functions it is about
 * @addrs: the functions
 * @host: a host bridge it is about, "host:DDDD:BB", or NULL
 * @driver: that @function is kept for, or NULL
 * @command: what it runs, after "peerbuf "
 */
struct persistent {
	const char *kind;
	int nr;
	uint64_t addrs[2];
	const char *host;
	const char *driver;
	const char *command;
};

/** persist_write() - make it last; exit code */
int persist_write(const struct command *self, const struct persistent *persistent);
/** persist_drop() - end that; exit code, EXIT_OK also if it did not last */
int persist_drop(const struct persistent *persistent);
/** persist_remind() - say so if it does; EXIT_OK */
int persist_remind(const struct persistent *persistent);

/* policy.c: what the administrator grants together with a function */

/** policy_set() - PEERBUF_POLICY_F_* in @set, if any; exit code */
int policy_set(const struct command *self, uint64_t addr, uint32_t set);

/* override.c: routes the administrator vouches for, see p2p.ko's parameter */

/** override_change() - @sign '+' or '-', @what a pair or "host:dddd:bb"; exit code */
int override_change(char sign, const char *what);

#endif /* PEERBUF_TOOL_H */
