// SPDX-License-Identifier: GPL-2.0-only
/* Compares two snapshots: functions that came and went, other changes, and changed routes. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"
#include "machine.h"
#include "tool.h"
#include "verdict.h"

/**
 * struct change - one difference
 * @what: "function", "fact" or "route"
 * @subject: which function, fact or route
 * @member: the member that changed
 * @before: its old value, NULL if it was not there
 * @after: its new value, NULL if it is not there
 */
struct change {
	const char *what;
	const char *subject;
	const char *member;
	const char *before;
	const char *after;
};

struct changes {
	struct json_object *list;
	bool json;
	size_t nr;
};

static void set_or_null(struct json_object *object, const char *key, const char *text)
{
	if (text)
		json_set_text(object, key, text);
	else
		json_set(object, key, NULL);
}

static void report(struct changes *changes, const struct change *change)
{
	struct json_object *object;

	changes->nr++;
	if (!changes->json) {
		printf("%s %s", change->what, change->subject);
		if (*change->member)
			printf(" %s", change->member);
		printf(": %s -> %s\n", change->before ? change->before : "none",
		       change->after ? change->after : "none");
		return;
	}
	object = json_new();
	json_set_text(object, "what", change->what);
	json_set_text(object, "subject", change->subject);
	json_set_text(object, "member", change->member);
	set_or_null(object, "before", change->before);
	set_or_null(object, "after", change->after);
	json_append(changes->list, object);
}

static const char *value_text(struct json_object *value)
{
	if (!value)
		return NULL;
	return format_text("%s", json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
							JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* Compares the members of two objects, including those that @before lacks. */
static void compare(struct changes *changes, struct change *change,
		    struct json_object *before, struct json_object *after)
{
	struct json_object *other;

	json_object_object_foreach(before, key, value) {
		other = json_object_object_get(after, key);
		change->member = key;
		change->before = value_text(value);
		change->after = value_text(other);
		if (!json_object_equal(value, other))
			report(changes, change);
	}
	json_object_object_foreach(after, new_key, new_value) {
		change->member = new_key;
		change->before = NULL;
		change->after = value_text(new_value);
		if (!json_object_object_get_ex(before, new_key, NULL))
			report(changes, change);
	}
}

static const char *words(const struct function *function)
{
	return device_name(function->vendor, function->device);
}

static struct json_object *functions_of(struct json_object *snapshot)
{
	return json_object_object_get(snapshot, "functions");
}

/* Both are sorted by address, because machine_to_json() writes them so. */
static void compare_functions(struct changes *changes, const struct machine *a,
			      const struct machine *b)
{
	struct json_object *before = machine_to_json(a), *after = machine_to_json(b);
	struct change change = { .what = "function", .member = "" };
	size_t x = 0, y = 0;

	for (;;) {
		const struct function *f = x < a->nr ? &a->functions[x] : NULL;
		const struct function *g = y < b->nr ? &b->functions[y] : NULL;

		if (!f && !g)
			break;
		change.member = "";
		if (f && (!g || f->addr < g->addr)) {
			change.subject = addr_text(f->addr);
			change.before = words(f);
			change.after = NULL;
			report(changes, &change);
			x++;
		} else if (!f || g->addr < f->addr) {
			change.subject = addr_text(g->addr);
			change.before = NULL;
			change.after = words(g);
			report(changes, &change);
			y++;
		} else {
			change.subject = addr_text(f->addr);
			compare(changes, &change,
				json_object_array_get_idx(functions_of(before), x++),
				json_object_array_get_idx(functions_of(after), y++));
		}
	}
	json_object_put(before);
	json_object_put(after);
}

static void compare_pair(struct changes *changes, const struct judge judges[2],
			 const struct function *provider, const struct function *client)
{
	const struct machine *after = judges[1].machine;
	const struct function *new_provider = machine_find(after, provider->addr);
	const struct function *new_client = machine_find(after, client->addr);
	struct verdict was, is;

	if (!new_provider || !new_client)
		return;
	judge(&judges[0], provider, client, PEERBUF_ANY_BAR, &was, NULL);
	judge(&judges[1], new_provider, new_client, PEERBUF_ANY_BAR, &is, NULL);
	if (was.route.type == is.route.type)
		return;
	report(changes, &(struct change) {
		.what = "route",
		.subject = format_text("%s to %s", addr_text(client->addr),
				       addr_text(provider->addr)),
		.member = "",
		.before = verdict_word(&was),
		.after = verdict_word(&is),
	});
}

static void compare_routes(struct changes *changes, const struct machine *a,
			   const struct machine *b)
{
	struct judge judges[2];
	size_t p, c;

	judge_machine(&judges[0], a);
	judge_machine(&judges[1], b);
	for (p = 0; p < a->nr; p++)
		for (c = 0; c < a->nr; c++)
			if (p != c && a->functions[p].shareable && a->functions[c].shareable)
				compare_pair(changes, judges, &a->functions[p], &a->functions[c]);
	judge_close(&judges[0]);
	judge_close(&judges[1]);
}

static void compare_machines(struct changes *changes, const struct machine *a,
			     const struct machine *b)
{
	struct json_object *nothing = json_new();
	struct change change = { .what = "fact", .subject = "machine" };

	compare(changes, &change, a->facts ? a->facts : nothing, b->facts ? b->facts : nothing);
	json_object_put(nothing);
	if (strcmp(a->overrides, b->overrides))
		report(changes, &(struct change) {
			.what = "fact", .subject = "machine", .member = "overrides",
			.before = a->overrides, .after = b->overrides,
		});
	compare_functions(changes, a, b);
	compare_routes(changes, a, b);
}

int diff_print(const char *before, const char *after, bool json)
{
	struct changes changes = { .json = json };
	struct machine a, b;
	int ret = machine_load(before, &a);

	if (!ret)
		ret = machine_load(after, &b);
	else
		b = (struct machine) { 0 };
	if (!ret) {
		if (json)
			changes.list = json_new_array();
		compare_machines(&changes, &a, &b);
		ret = changes.nr ? EXIT_FINDINGS : EXIT_OK;
	}
	if (changes.list) {
		struct json_object *top = json_new();

		json_set(top, "changes", changes.list);
		json_print(top);
	}
	machine_free(&a);
	machine_free(&b);
	return ret;
}
