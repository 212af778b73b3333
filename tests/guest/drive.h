/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The lab's NVMe drive with its own driver, as a block device. The first DRIVE_MARKED bytes of its
 * medium have each sector's number all over the sector until somebody writes, the rest is zero.
 * What goes wrong here fails the test.
 */
#ifndef DRIVE_H
#define DRIVE_H

#include <stddef.h>

#include <linux/types.h>

#define DRIVE		"sw-nvme"
#define DRIVE_SIZE	(512ULL << 20)
#define DRIVE_MARKED	(8ULL << 20)
#define SECTOR		512ULL
/* What its controller takes in one command. */
#define DRIVE_COMMAND	(512ULL << 10)
/* A sector that the medium fails to read, and one that it fails to write. */
#define DRIVE_UNREADABLE	15000ULL
#define DRIVE_UNWRITABLE	15500ULL

/*
 * Waits until nvme has found the namespaces of that device and read their partition tables, which
 * it does after its probe function has returned. A test that takes the device's memory away before
 * that loses a command, and the drive is unusable until its time limit of a minute.
 */
void drive_settle(const char *id);
/* Bound to its driver, with the module that moves its blocks loaded. Flags as for open(2). */
int drive_open(int flags);
/* The folder of its controller in sysfs. It and the disk need not have the same number. */
const char *drive_controller(void);
/* "nvme0n1" */
const char *drive_name(void);
/* Of a part of the medium as it is in the beginning, from any byte on. */
void check_medium(const __u8 *data, __u64 from, size_t length);
void check_sectors(const __u8 *data, __u64 first, __u64 nr);
/* The same, of memory behind a BAR, as the host sees it. */
void check_host_medium(const char *mem, __u64 offset, __u64 from, size_t length);
/* A fresh file system in what is not marked, mounted at that folder. */
void drive_mount(const char *type, const char *options, const char *folder);
void drive_unmount(const char *folder);
/* As it was, for the next test; not the sector that cannot be written, if that was formatted. */
void drive_restore(__u64 from, size_t length);

#endif /* DRIVE_H */
