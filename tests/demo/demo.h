/* SPDX-License-Identifier: GPL-2.0 */
/* What the demo's files share. */
#ifndef _DEMO_H
#define _DEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_SIZE	32
#define AT		0x2000	/* in the buffer: the third page */

/* say.c */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void heading(const char *text);
void dump(const char *title, const uint8_t *bytes, size_t length);
void quote(const char *line);
void expect(bool held, const char *format, ...) __attribute__((format(printf, 2, 3)));
void proven(const char *format, ...) __attribute__((format(printf, 1, 2)));
void run_shown(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* `peerbuf ps`, which must name that device and that word. */
void ps_shown_with(const char *bdf, const char *word);

/* message.c */
void compose(uint8_t *message, const char *text);

/* transfer.c */
void write_and_look(const char *text);
void read_back(void);

/* direct.c, story.c: what is told */
void tell_direct(const char *route, const char *engine_bdf);
void tell_revocation(const char *export_id, const char *engine_bdf);

/* engine.c: the edu device, which does the DMA */
void engine_open(const char *bdf);
void engine_attach_and_map(void);
int engine_map(void);
uint64_t engine_dma_address(void);
void engine_load(const uint8_t *message);
void engine_unload(uint8_t *message);
int engine_to_buffer(uint64_t offset);
int engine_from_buffer(uint64_t offset);
void engine_to_address(uint64_t address);

/* memory.c: the device whose BAR it is */
void memory_open(int dmabuf, const char *bdf, const char *id, uint64_t bar_offset);
uint64_t memory_physical(void);
uint64_t memory_bus(void);
uint64_t memory_size(void);
bool memory_read_cpu(uint64_t offset, uint8_t *bytes, size_t length);
void memory_read_host(uint64_t offset, uint8_t *bytes, size_t length);

/* klog.c */
void klog_mark(void);
bool klog_iommu_fault(uint64_t address, char *line, size_t room);

#endif /* _DEMO_H */
