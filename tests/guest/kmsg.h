/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KMSG_H
#define KMSG_H

#include <stdbool.h>

bool kmsg_scan(int mark, bool faults_allowed);

#endif /* KMSG_H */
