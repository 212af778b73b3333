/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_GROUP_H
#define PEERBUF_GROUP_H

#include <stdint.h>

/** group_of() - return the IOMMU group of a function, -1 for none */
int group_of(uint64_t addr);
/** group_explain() - print whether VFIO can give this function's group to a program, or why not */
void group_explain(uint64_t addr);

#endif /* PEERBUF_GROUP_H */
