/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine the tests run on: devices by the names the lab gives them, bound to
 * the driver a test needs, and the host's view of the memory behind a BAR.
 * What goes wrong here fails the test.
 *
 * The address of a device can change when it is unplugged and plugged in again.
 */
#ifndef LAB_H
#define LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "peer.h"

/* BAR 2 of an ivshmem device is its memory. */
#define MEM_BAR		2

const char *lab_where(const char *id);
/* A function that the lab does not know gets a name; until something is plugged. */
void lab_name(const char *id, const char *bdf);
__u64 lab_addr(const char *id);
int lab_host(const char *format, ...) __attribute__((format(printf, 1, 2)));
void lab_plug(const char *id);
/* Has some line of what a shell command prints all of these words? It must succeed. */
bool command_prints(const char *command, const char *const *words);
void lab_host_read(const char *id, __u64 offset, void *data, size_t length);
unsigned int lab_screen(const char *id, unsigned int row, __u8 *rgb, unsigned int most);
void lab_host_fill(const char *id, __u64 offset, __u64 length, __u8 byte);
/* That all of it is this byte. */
void check_host_bytes(const char *id, __u64 offset, size_t length, __u8 byte);
/* What the NVMe's medium has: at most 16 KiB. */
void lab_host_disk(__u64 offset, void *data, size_t length);

/*
 * What is waited for takes the host's time: the guest's clock must not run off meanwhile. That
 * of 9p, of disks with a driver of the kernel's and of lab_host() is held by itself.
 */
int lab_clock_hold(void);
void lab_clock_release(int clock);

bool sysfs_exists(const char *path);
int sysfs_write(const char *path, const char *text);
/* All of it, and its first line. */
void file_read(const char *path, char *text, size_t size);
void sysfs_read(const char *path, char *text, size_t size);
int device_write(const char *id, const char *attribute, const char *text);
void device_read(const char *id, const char *attribute, char *text, size_t size);
/* Configuration space, by hand, as setpci does it. */
void config_read(const char *id, __u64 offset, void *data, size_t length);
void config_write(const char *id, __u64 offset, const void *data, size_t length);
void memory_decode(const char *id, bool on);
__u64 bar_base(const char *id, unsigned int bar);
__u64 bar_size(const char *id, unsigned int bar);
void device_driver(const char *id, char *name, size_t size);
void device_unbind(const char *id);
void device_bind(const char *id, const char *driver);
int module_load(const char *name);
int module_load_with(const char *name, const char *parameter);
int module_unload(const char *name);

/* Of the stub's, as it is when it has just been bound. */
int node_open(const char *id);
int node_path_open(const char *id, int flags);
int edu_open(const char *id);
/* Bound anew with a module parameter that differs; false if it does not bind. */
bool edu_rebind(const char *id, const char *parameter, const char *value,
		const char *standard);
int owner_open(const char *id);
int control_open(void);
/* The administrator accepts importers that cannot be revoked, until node_open() or an unbind. */
void accept_pinned(const char *id);

/* Buffers. */
void *buffer_map(int fd, size_t length, __u64 offset);
void pattern_fill(void *data, size_t length, __u32 seed);
bool pattern_matches(const volatile void *data, size_t length, __u32 seed);
/* A part of a pattern: that many bytes of it, the first of which is byte @from. */
void pattern_fill_part(void *data, size_t from, size_t length, __u32 seed);
bool pattern_matches_part(const volatile void *data, size_t from, size_t length, __u32 seed);
/*
 * Where pages begin and end. For what is looked at again and again, and goes from place to
 * place by whole pages; all of it is looked at in the end.
 */
bool pattern_matches_seams(const volatile void *data, size_t length, __u32 seed);
bool all_bytes_are(const void *data, size_t length, __u8 byte);
/* Can it be accessed, or is there a SIGBUS? Writing writes what was read. */
bool touches(volatile void *address, bool write);
/* The same, and what was read, or -1. */
int byte_read(volatile void *address, bool write);

/* An export by another process, which waits until it is killed. */
pid_t exporter_start(const char *id, __u64 offset, __u64 length, __u32 flags,
		     struct peer_export *export);
/* The test fails if the process has ended before, for whatever reason. */
void process_kill(pid_t pid);
/* The second half of that. */
void process_was_killed(pid_t pid);
/* It comes to its end, with status 0. */
void process_ends_well(pid_t pid);
/* A descriptor, with some data as there must be. */
void descriptor_send(int socket, int fd, const void *data, size_t size);

#endif /* LAB_H */
