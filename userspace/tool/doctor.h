/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_DOCTOR_H
#define PEERBUF_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;
struct machine;

/**
 * enum severity - how much a finding matters
 * @SEVERITY_OK: as it should be
 * @SEVERITY_NOTE: good to know
 * @SEVERITY_WARNING: slower, or a part does not work
 * @SEVERITY_ERROR: prevents peer-to-peer
 */
enum severity { SEVERITY_OK, SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };

/**
 * struct report - collects findings
 * @machine: the machine that is examined
 * @facts: other facts about it
 * @finding: the findings, in the order in which they were found
 * @nr: number of findings
 */
struct report {
	const struct machine *machine;
	struct json_object *facts;
	struct finding {
		enum severity severity;
		const char *topic;
		char *evidence;
		char *remedy;
	} *finding;
	size_t nr;
};

/** found() - add a finding; @remedy is "" if nothing is to be done */
void found(struct report *report, enum severity severity, const char *topic,
	   const char *evidence, const char *remedy);

/* doctor_facts.c: findings from the facts */
void check_kernel(struct report *report);
void check_modules(struct report *report);
void check_lockdown(struct report *report);
void check_limits(struct report *report);
void check_access(struct report *report);
void check_importers(struct report *report);

/* doctor_devices.c: findings from the functions */
void check_privilege(struct report *report);
void check_iommu(struct report *report);
void check_routes(struct report *report);
void check_bars(struct report *report);
void check_decode(struct report *report);
void check_masks(struct report *report);
void check_links(struct report *report);

#endif /* PEERBUF_DOCTOR_H */
