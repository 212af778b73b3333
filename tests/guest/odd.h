/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The exporter that importers are tried against, odd_exporter, and the trial. Functions return 0
 * or -errno where a test may want to see a call fail; the rest fails the test.
 */
#ifndef ODD_H
#define ODD_H

#include <stdbool.h>
#include <stddef.h>

#include "lab.h"
#include "odd/odd_uapi.h"

/* A buffer of the trial: not a multiple of any of the pieces. */
#define ODD_SIZE	(41 * PAGE)
/* Where its places in a BAR begin, and how many there are. */
#define ODD_OFFSET	(64 * PAGE)
#define ODD_SLOTS	8

/* The device's BAR may be exported from now on. */
void odd_bind(const char *id);
int odd_node(void);
/* In system memory, or in the BAR of @mem, with places to move to in either if @mem is given. */
struct odd_export odd_request(const char *mem, __u32 where);
int odd_export(struct odd_export *req);
int odd_rules(int fd, const struct odd_rule *rules, __u32 nr);
int odd_do(int fd, __u32 action, __u32 late_ms);
struct odd_counts odd_counts(int fd);
/* Of nothing that importers may not do, but for one thing if @but is less than ODD_NR_BAD. */
void odd_check_good(int fd, __u32 but);
const char *odd_bad_name(__u32 bad);

/**
 * struct odd_importer - an importer on trial
 * @open: import the buffer; 0 or -errno
 * @write: the device writes a pattern there; 0, or not 0 if it could not
 * @read: the device reads, and finds that pattern; the same
 * @wrote: is that what the device wrote? NULL: the pattern
 * @again: after one of them has failed: whatever that takes
 * @close: let go of the buffer
 * @unit: what @write and @read begin and end at, bytes
 * @length: what they move at once, bytes
 */
struct odd_importer {
	int (*open)(int fd, __u64 size);
	int (*write)(__u64 offset, __u32 length, __u32 seed);
	int (*read)(__u64 offset, __u32 length, __u32 seed);
	bool (*wrote)(const __u8 *data, __u32 length, __u32 seed);
	void (*again)(void);
	void (*close)(void);
	__u32 unit;
	__u32 length;
};

/**
 * struct odd_where - where the buffer of a trial is
 * @mem: the device with the BAR, or NULL
 * @where: ODD_IN_*
 */
struct odd_where {
	const char *mem;
	__u32 where;
};

/* The trials: what the exporter does is in odd_try.c, what must come of it as well. */
void odd_try_shapes(const struct odd_importer *importer, const struct odd_where *where);
void odd_try_moves(const struct odd_importer *importer, const struct odd_where *where);
void odd_try_late(const struct odd_importer *importer, const struct odd_where *where);
void odd_try_slow(const struct odd_importer *importer, const struct odd_where *where);
void odd_try_errors(const struct odd_importer *importer, const struct odd_where *where);
void odd_try_revokes(const struct odd_importer *importer, const struct odd_where *where);

/* A test for each trial of an importer: NAME is its, and of its place. */
#define ODD_TRY(name, kind, importer, ...)					\
	TEST(name##_##kind, .timeout = 120)					\
	{									\
		odd_try_##kind(importer, &(const struct odd_where){ __VA_ARGS__ });	\
	}

#define ODD_TRIALS(name, importer, ...)						\
	ODD_TRY(name, shapes, importer, __VA_ARGS__)				\
	ODD_TRY(name, moves, importer, __VA_ARGS__)				\
	ODD_TRY(name, late, importer, __VA_ARGS__)				\
	ODD_TRY(name, slow, importer, __VA_ARGS__)				\
	ODD_TRY(name, errors, importer, __VA_ARGS__)				\
	ODD_TRY(name, revokes, importer, __VA_ARGS__)

#endif /* ODD_H */
