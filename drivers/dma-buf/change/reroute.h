/* SPDX-License-Identifier: GPL-2.0 */
/* What is done when routes have changed. */
#ifndef _PEERBUF_REROUTE_H
#define _PEERBUF_REROUTE_H

int peerbuf_routes_init(void);
void peerbuf_routes_exit(void);

#endif /* _PEERBUF_REROUTE_H */
