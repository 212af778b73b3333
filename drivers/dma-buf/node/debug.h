/* SPDX-License-Identifier: GPL-2.0 */
/* debugfs. */
#ifndef _PEERBUF_DEBUG_H
#define _PEERBUF_DEBUG_H

void peerbuf_debug_init(void);
void peerbuf_debug_exit(void);

#endif /* _PEERBUF_DEBUG_H */
