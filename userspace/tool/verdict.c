// SPDX-License-Identifier: GPL-2.0-only
/* Verdicts: from the kernel if it can be asked, otherwise by its own rules in this program. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>

#include "machine.h"
#include "rules.h"
#include "tool.h"
#include "verdict.h"

int judge_open(struct judge *judge)
{
	*judge = (struct judge) { .machine = machine_get(), .control = -1 };
	if (judge->machine->live) {
		judge->control = peerbuf_open_control(O_RDONLY | O_CLOEXEC);
		if (judge->control < 0 && judge->control != -ENOENT)
			warning("the kernel module is loaded, but not asked: "
				"no permission for /dev/peerbuf/control");
	}
	if (judge->control < 0)
		judge->rules = rules_new(judge->machine);
	return EXIT_OK;
}

void judge_machine(struct judge *judge, const struct machine *machine)
{
	*judge = (struct judge) { .machine = machine, .control = -1 };
	judge->rules = rules_new(machine);
}

void judge_close(struct judge *judge)
{
	if (judge->control >= 0)
		peerbuf_close(judge->control);
	rules_free(judge->rules);
}

int judge(const struct judge *judge, const struct function *provider,
	  const struct function *client, uint32_t bar, struct verdict *verdict,
	  struct peerbuf_error *error)
{
	*verdict = (struct verdict) { .certain = true };
	if (judge->control >= 0)
		return peerbuf_route(judge->control, provider->addr, client->addr, bar,
				     &verdict->route, error);
	rules_decide(judge->rules, provider, client, bar, false, &verdict->without);
	rules_decide(judge->rules, provider, client, bar, true, &verdict->with);
	verdict->route = verdict->without;
	if (verdict->with.type == verdict->without.type)
		return 0;
	verdict->certain = false;
	verdict->route.type = ROUTE_UNKNOWN;
	verdict->route.reason = REASON_UNKNOWN;
	verdict->route.decider = PEERBUF_PCI_NONE;
	return 0;
}

const char *verdict_word(const struct verdict *verdict)
{
	return verdict->certain ? peerbuf_route_name(verdict->route.type) : "UNKNOWN";
}

const char *verdict_cell(const struct verdict *verdict)
{
	return verdict->certain ? route_cell(&verdict->route) : "?";
}

/* In the form of a route; if it is not certain, with the routes that are possible. */
struct json_object *verdict_json(const struct verdict *verdict)
{
	struct json_object *object = route_json(&verdict->route), *may = json_new_array();

	if (verdict->certain) {
		json_object_put(may);
		return object;
	}
	json_set_text(object, "reason", "ACS_UNREADABLE");
	json_set_text(object, "text",
		      "whether ACS redirects on the way cannot be read without privilege");
	json_append(may, route_json(&verdict->without));
	json_append(may, route_json(&verdict->with));
	json_set(object, "may_be", may);
	return object;
}
