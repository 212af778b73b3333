// SPDX-License-Identifier: GPL-2.0-only
/* doctor: finds everything that prevents peer-to-peer, and says what to do. */
#include <stdio.h>
#include <stdlib.h>

#include "doctor.h"
#include "machine.h"
#include "table.h"
#include "tool.h"

static const char *const severities[] = {
	[SEVERITY_OK] = "ok", [SEVERITY_NOTE] = "note", [SEVERITY_WARNING] = "warning",
	[SEVERITY_ERROR] = "error",
};

static const char *const colors[] = {
	[SEVERITY_OK] = "32", [SEVERITY_NOTE] = "36", [SEVERITY_WARNING] = "33",
	[SEVERITY_ERROR] = "31",
};

static void (*const checks[])(struct report *report) = {
	check_privilege, check_kernel, check_modules, check_lockdown, check_iommu, check_routes,
	check_bars, check_decode, check_masks, check_links, check_limits, check_access,
	check_importers,
};

void found(struct report *report, enum severity severity, const char *topic,
	   const char *evidence, const char *remedy)
{
	report->finding = reallocarray(report->finding, report->nr + 1, sizeof(*report->finding));
	if (!report->finding)
		out_of_memory();
	report->finding[report->nr++] = (struct finding) {
		.severity = severity,
		.topic = topic,
		.evidence = utf8_line(evidence),
		.remedy = utf8_line(remedy),
	};
}

static void print_text(const struct report *report)
{
	bool colored = use_colors();
	size_t n;

	for (n = 0; n < report->nr; n++) {
		const struct finding *finding = &report->finding[n];

		if (colored)
			printf("\033[%sm%-7s\033[0m ", colors[finding->severity],
			       severities[finding->severity]);
		else
			printf("%-7s ", severities[finding->severity]);
		printf("%-9s ", finding->topic);
		print_wrapped(finding->evidence, 18);
		if (*finding->remedy) {
			printf("%18s", "");
			print_wrapped(format_text("-> %s", finding->remedy), 21);
		}
	}
}

static void print_json(const struct report *report)
{
	struct json_object *top = json_new(), *list = json_new_array();
	size_t n;

	for (n = 0; n < report->nr; n++) {
		const struct finding *finding = &report->finding[n];
		struct json_object *object = json_new();

		json_set_text(object, "severity", severities[finding->severity]);
		json_set_text(object, "topic", finding->topic);
		json_set_text(object, "evidence", finding->evidence);
		if (*finding->remedy)
			json_set_text(object, "remedy", finding->remedy);
		else
			json_set(object, "remedy", NULL);
		json_append(list, object);
	}
	json_set(top, "findings", list);
	json_print(top);
}

static int examine(bool json)
{
	struct report report = { .machine = machine_get(), .facts = machine_facts() };
	enum severity worst = SEVERITY_OK;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(checks); n++)
		checks[n](&report);
	if (json)
		print_json(&report);
	else
		print_text(&report);
	for (n = 0; n < report.nr; n++) {
		if (report.finding[n].severity > worst)
			worst = report.finding[n].severity;
		free(report.finding[n].evidence);
		free(report.finding[n].remedy);
	}
	free(report.finding);
	return worst == SEVERITY_ERROR ? EXIT_FINDINGS : EXIT_OK;
}

static int doctor_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = { HELP_OPTION, JSON_OPTION, FROM_OPTION, { 0 } };
	bool json = false;
	int option, ret;

	while ((option = next_option(self, argc, argv, ":hj", options)) != -1) {
		json |= option == 'j';
		ret = option == 'F' ? machine_from(optarg) : EXIT_OK;
		if (ret)
			return ret;
	}
	count_arguments(self, argc, 0, 0);
	return examine(json);
}

const struct command doctor_command = {
	.name = "doctor",
	.synopsis = "[-j] [--from FILE]",
	.summary = "Find what stands in the way of peer-to-peer, and say what to do",
	.help = "      --from FILE       of another machine's snapshot ('peerbuf snapshot')\n"
		"  -j, --json            print JSON\n",
	.notes = "A finding is ok, a note, a warning (slower, or a part does not work) or an\n"
		"error. The exit code is 7 if there is an error.\n",
	.run = doctor_run,
};
