/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_FACTS_H
#define PEERBUF_FACTS_H

struct json_object;

/** facts_collect() - what doctor judges, of this machine, beside its PCI functions */
struct json_object *facts_collect(void);
/** importers_collect() - RDMA devices, and how their drivers hold a DMA-BUF */
struct json_object *importers_collect(void);

#endif /* PEERBUF_FACTS_H */
