/* SPDX-License-Identifier: GPL-2.0 */
/* Other exporters' memory, by physical address. */
#ifndef _PEERBUF_FOREIGN_H
#define _PEERBUF_FOREIGN_H

#include <linux/types.h>

struct device;
struct scatterlist;

int peerbuf_foreign_init(void);
void peerbuf_foreign_exit(void);
struct device *peerbuf_foreign_device(void);
int peerbuf_foreign_piece(struct scatterlist *sg, u64 *paddr);

#endif /* _PEERBUF_FOREIGN_H */
