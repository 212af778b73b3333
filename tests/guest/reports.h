/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a kernel's log must not hold, as the file kernel_reports next to the program says.
 * The host reads the same file (tests/lab/labroom/reports.py).
 */
#ifndef REPORTS_H
#define REPORTS_H

#include <stdbool.h>
#include <stddef.h>

/* Is this the first line of a report? Without its time stamp. */
bool report_begins(const char *line, bool faults_allowed);

/* Does it say that a device used an address it does not have? */
bool report_of_iommu_fault(const char *line);

/* Do these lines begin with lockdep's report of a cycle of upstream's locks alone? */
bool report_let_pass(char *const *lines, size_t nr);

#endif /* REPORTS_H */
