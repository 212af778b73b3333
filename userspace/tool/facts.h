/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_FACTS_H
#define PEERBUF_FACTS_H

struct json_object;

/** facts_collect() - collect what doctor needs of this machine besides its PCI functions */
struct json_object *facts_collect(void);
/** importers_collect() - collect RDMA devices, and how their drivers hold a DMA-BUF */
struct json_object *importers_collect(void);
/** gpus_collect() - collect DRM devices, and how their drivers hold a DMA-BUF */
struct json_object *gpus_collect(void);

/** module_symbols() - call @take for each symbol that a module of this kernel imports */
void module_symbols(const char *module, void (*take)(void *data, const char *symbol), void *data);

/** module_signed() - does the file of a module of this kernel have a signature? -1: not known */
int module_signed(const char *module);

#endif /* PEERBUF_FACTS_H */
