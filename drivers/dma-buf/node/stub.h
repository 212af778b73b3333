/* SPDX-License-Identifier: GPL-2.0 */
/* The driver of lent devices that have no other. */
#ifndef _PEERBUF_STUB_H
#define _PEERBUF_STUB_H

int peerbuf_stub_init(void);
void peerbuf_stub_exit(void);

#endif /* _PEERBUF_STUB_H */
