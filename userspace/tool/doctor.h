/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_DOCTOR_H
#define PEERBUF_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;
struct machine;

/**
 * enum severity - how much it matters
 * @SEVERITY_OK: as it should be
 * @SEVERITY_NOTE: good to know
 * @SEVERITY_WARNING: slower, or a part does not work
 * @SEVERITY_ERROR: stands in the way
 */
enum severity { SEVERITY_OK, SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };

/**
 * struct report - where findings go
 * @machine: what is judged
 * @facts: what else is known
 * @finding: those there are, in the order they were found
 * @nr: how many
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

/** found() - @remedy is "" where nothing is to be done */
void found(struct report *report, enum severity severity, const char *topic,
	   const char *evidence, const char *remedy);

/* doctor_facts.c: what the facts say */
void check_kernel(struct report *report);
void check_modules(struct report *report);
void check_lockdown(struct report *report);
void check_limits(struct report *report);
void check_access(struct report *report);
void check_importers(struct report *report);

/* doctor_devices.c: what the functions say */
void check_privilege(struct report *report);
void check_iommu(struct report *report);
void check_routes(struct report *report);
void check_bars(struct report *report);
void check_decode(struct report *report);
void check_masks(struct report *report);
void check_links(struct report *report);

#endif /* PEERBUF_DOCTOR_H */
