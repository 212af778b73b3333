/* SPDX-License-Identifier: GPL-2.0 */
/* Memory of a device that has gone, which an importer still maps. */
#ifndef KEPT_H
#define KEPT_H

#include <stdbool.h>

/* Is there any in the kernel's list? */
bool is_kept(void);
/* 0 or -errno. */
int try_bind(const char *id, const char *driver);

#endif /* KEPT_H */
