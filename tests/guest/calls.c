// SPDX-License-Identifier: GPL-2.0
/* See calls.h. All of peerbuf.h's ioctls; half of what is made up is wild. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "calls.h"
#include "harness.h"
#include "lab.h"
#include "peer.h"

#define F(type, member, kind, ...) \
	{ offsetof(struct type, member), sizeof(((struct type *)0)->member), CALL_##kind, \
	  ##__VA_ARGS__ }

#define FILE_FIELDS { \
		F(peerbuf_ioc_file, flags, FLAGS, PEERBUF_FILE_F_STRICT | \
		  PEERBUF_FILE_F_FALLBACK), \
		F(peerbuf_ioc_file, depth, DEPTH), F(peerbuf_ioc_file, file_fd, FILE), \
		F(peerbuf_ioc_file, dmabuf_fd, DMABUF), F(peerbuf_ioc_file, file_offset, OFFSET), \
		F(peerbuf_ioc_file, length, PART), F(peerbuf_ioc_file, offset, INSIDE), \
		F(peerbuf_ioc_file, reserved, RESERVED) }

const struct call calls[] = {
	{ "INFO", PEERBUF_IOC_INFO, sizeof(struct peerbuf_ioc_info), 0, false, {
		F(peerbuf_ioc_info, flags, OUT) } },
	{ "EXPORT", PEERBUF_IOC_EXPORT, sizeof(struct peerbuf_ioc_export),
	  offsetof(struct peerbuf_ioc_export, segment_align), false, {
		F(peerbuf_ioc_export, flags, FLAGS, PEERBUF_EXPORT_F_PERSIST |
		  PEERBUF_EXPORT_F_FALLBACK | PEERBUF_EXPORT_F_NO_CPU),
		F(peerbuf_ioc_export, open_flags, OPEN_FLAGS),
		F(peerbuf_ioc_export, ranges, RANGES), F(peerbuf_ioc_export, nr_ranges, NR_RANGES),
		F(peerbuf_ioc_export, reserved, RESERVED),
		F(peerbuf_ioc_export, segment_align, ALIGN),
		F(peerbuf_ioc_export, max_segment, ALIGN) } },
	{ "MOVE", PEERBUF_IOC_MOVE, sizeof(struct peerbuf_ioc_move),
	  offsetof(struct peerbuf_ioc_move, rights), false, {
		F(peerbuf_ioc_move, id, ID), F(peerbuf_ioc_move, flags, FLAGS, PEERBUF_MOVE_F_COPY),
		F(peerbuf_ioc_move, ranges, RANGES), F(peerbuf_ioc_move, nr_ranges, NR_RANGES),
		F(peerbuf_ioc_move, reserved, RESERVED),
		F(peerbuf_ioc_move, rights, RIGHTS), F(peerbuf_ioc_move, nr_rights, NR_RIGHTS) } },
	{ "REVOKE", PEERBUF_IOC_REVOKE, sizeof(struct peerbuf_ioc_revoke), 0, false, {
		F(peerbuf_ioc_revoke, id, ID), F(peerbuf_ioc_revoke, flags, FLAGS),
		F(peerbuf_ioc_revoke, timeout_ms, TIMEOUT),
		F(peerbuf_ioc_revoke, reserved, RESERVED) } },
	{ "RESTORE", PEERBUF_IOC_RESTORE, sizeof(struct peerbuf_ioc_restore),
	  offsetof(struct peerbuf_ioc_restore, rights), false, {
		F(peerbuf_ioc_restore, id, ID), F(peerbuf_ioc_restore, flags, FLAGS),
		F(peerbuf_ioc_restore, reserved, RESERVED),
		F(peerbuf_ioc_restore, rights, RIGHTS),
		F(peerbuf_ioc_restore, nr_rights, NR_RIGHTS) } },
	{ "QUERY", PEERBUF_IOC_QUERY, sizeof(struct peerbuf_ioc_query), 0, false, {
		F(peerbuf_ioc_query, id, ID), F(peerbuf_ioc_query, fd, DMABUF),
		F(peerbuf_ioc_query, flags, FLAGS) } },
	{ "LIST", PEERBUF_IOC_LIST, sizeof(struct peerbuf_ioc_list), 0, false, {
		F(peerbuf_ioc_list, after, ID), F(peerbuf_ioc_list, entries, ENTRIES),
		F(peerbuf_ioc_list, nr_entries, NR_ENTRIES),
		F(peerbuf_ioc_list, entry_size, ENTRY_SIZE), F(peerbuf_ioc_list, flags, FLAGS) } },
	{ "ATTACHMENTS", PEERBUF_IOC_ATTACHMENTS, sizeof(struct peerbuf_ioc_attachments), 0,
	  false, {
		F(peerbuf_ioc_attachments, id, ID), F(peerbuf_ioc_attachments, entries, ENTRIES),
		F(peerbuf_ioc_attachments, nr_entries, NR_ENTRIES),
		F(peerbuf_ioc_attachments, entry_size, ENTRY_SIZE),
		F(peerbuf_ioc_attachments, flags, FLAGS) } },
	{ "ROUTE", PEERBUF_IOC_ROUTE, sizeof(struct peerbuf_ioc_route),
	  offsetof(struct peerbuf_ioc_route, offset), true, {
		F(peerbuf_ioc_route, provider, ADDR), F(peerbuf_ioc_route, client, ADDR),
		F(peerbuf_ioc_route, bar, BAR), F(peerbuf_ioc_route, flags, FLAGS),
		F(peerbuf_ioc_route, offset, OFFSET), F(peerbuf_ioc_route, length, LENGTH) } },
	{ "LEND", PEERBUF_IOC_LEND, sizeof(struct peerbuf_ioc_lend),
	  offsetof(struct peerbuf_ioc_lend, ranges), true, {
		F(peerbuf_ioc_lend, addr, ADDR), F(peerbuf_ioc_lend, bar_mask, BAR_MASK),
		F(peerbuf_ioc_lend, flags, FLAGS), F(peerbuf_ioc_lend, ranges, RANGES),
		F(peerbuf_ioc_lend, nr_ranges, NR_PARTS) } },
	{ "UNLEND", PEERBUF_IOC_UNLEND, sizeof(struct peerbuf_ioc_lend),
	  offsetof(struct peerbuf_ioc_lend, ranges), true, {
		F(peerbuf_ioc_lend, addr, ADDR), F(peerbuf_ioc_lend, bar_mask, BAR_MASK),
		F(peerbuf_ioc_lend, flags, FLAGS), F(peerbuf_ioc_lend, ranges, RESERVED),
		F(peerbuf_ioc_lend, nr_ranges, RESERVED) } },
	{ "DEVICES", PEERBUF_IOC_DEVICES, sizeof(struct peerbuf_ioc_devices), 0, true, {
		F(peerbuf_ioc_devices, entries, ENTRIES),
		F(peerbuf_ioc_devices, nr_entries, NR_ENTRIES),
		F(peerbuf_ioc_devices, flags, FLAGS),
		F(peerbuf_ioc_devices, reserved, RESERVED) } },
	{ "STATS", PEERBUF_IOC_STATS, sizeof(struct peerbuf_ioc_stats),
	  offsetof(struct peerbuf_ioc_stats, migrations), true, {
		F(peerbuf_ioc_stats, exports, OUT) } },
	{ "PROBE", PEERBUF_IOC_PROBE, sizeof(struct peerbuf_ioc_probe), 0, true, {
		F(peerbuf_ioc_probe, flags, FLAGS) } },
	{ "EVENTS", PEERBUF_IOC_EVENTS, sizeof(struct peerbuf_ioc_events), 0, false, {
		F(peerbuf_ioc_events, types, TYPES), F(peerbuf_ioc_events, record_size, ENTRY_SIZE),
		F(peerbuf_ioc_events, flags, FLAGS) } },
	{ "POLICY", PEERBUF_IOC_POLICY, sizeof(struct peerbuf_ioc_policy), 0, true, {
		F(peerbuf_ioc_policy, addr, ADDR),
		F(peerbuf_ioc_policy, set, FLAGS, PEERBUF_POLICY_F_PINNED),
		F(peerbuf_ioc_policy, clear, FLAGS, PEERBUF_POLICY_F_PINNED),
		F(peerbuf_ioc_policy, reserved, RESERVED) } },
	{ "LOOKUP", PEERBUF_IOC_LOOKUP, sizeof(struct peerbuf_ioc_lookup), 0, true, {
		F(peerbuf_ioc_lookup, flags, FLAGS, PEERBUF_LOOKUP_F_LOOK |
		  PEERBUF_LOOKUP_F_COMPOSE),
		F(peerbuf_ioc_lookup, open_flags, CLOEXEC), F(peerbuf_ioc_lookup, addr, USER),
		F(peerbuf_ioc_lookup, length, LENGTH), F(peerbuf_ioc_lookup, pieces, ENTRIES),
		F(peerbuf_ioc_lookup, nr_pieces, NR_ENTRIES),
		F(peerbuf_ioc_lookup, piece_size, ENTRY_SIZE) } },
	{ "FILE_READ", PEERBUF_IOC_FILE_READ, sizeof(struct peerbuf_ioc_file), 0,
	  true, FILE_FIELDS },
	{ "FILE_WRITE", PEERBUF_IOC_FILE_WRITE, sizeof(struct peerbuf_ioc_file), 0,
	  true, FILE_FIELDS },
};

const size_t nr_calls = sizeof(calls) / sizeof(*calls);

static _Thread_local struct peerbuf_range ranges[8];
static _Thread_local __s32 rights[8];
static _Thread_local __u8 *entries;

/* What the kernel is told to fill. With a wild size of an entry it may fill far behind them. */
#define ENTRIES_SIZE	8192
#define ENTRIES_BEHIND	(64ULL << 30)

/* splitmix64 */
__u64 call_random(__u64 *state)
{
	__u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

__u64 call_below(__u64 *state, __u64 limit)
{
	return call_random(state) % limit;
}

static bool one_in(__u64 *state, unsigned int n)
{
	return !call_below(state, n);
}

/* Numbers that a check may be off by one at. */
static __u64 edge(__u64 *state)
{
	static const __u64 edges[] = {
		0, 1, 4, 0xff, PAGE - 1, PAGE, PAGE + 1, 0x7fffffff, 0x80000000, 0xffffffff,
		0x100000000, 1ULL << 62, ~0ULL >> 1, 1ULL << 63, ~0ULL - PAGE + 1, ~0ULL,
	};

	if (one_in(state, 4))
		return call_random(state);
	return edges[call_below(state, sizeof(edges) / sizeof(*edges))];
}

/* Where user memory is not, or not to be written to. */
static __u64 bad_pointer(__u64 *state)
{
	static const __u64 bad[] = {
		0, 1, 0x7ffffffff000, 0xffff888000000000, ~0ULL, 0xffffffff81000000,
	};

	if (one_in(state, 3))
		return (unsigned long)calls;
	return bad[call_below(state, sizeof(bad) / sizeof(*bad))];
}

static __s32 any_fd(__u64 *state, const struct call_slots *slots)
{
	switch (call_below(state, 12)) {
	case 0:
		return -1;
	case 1:
		return 0;
	case 2:
		return call_below(state, 1024);
	case 3:
		return slots->dmabufs[call_below(state, SLOTS)];
	default:
		return slots->nodes[call_below(state, SLOTS)];
	}
}

static __u64 pages(__u64 *state, unsigned int most)
{
	return call_below(state, most) * PAGE;
}

/* One that may be exported, and moved to by what has its size. */
static struct peerbuf_range good_range(__u64 *state, const struct call_slots *slots)
{
	struct peerbuf_range range = {
		.bar = MEM_BAR, .offset = pages(state, 512), .length = SLOT_SIZE,
		.device_fd = slots->nodes[call_below(state, 2)],
	};

	if (one_in(state, 4))
		return (struct peerbuf_range){ .length = SLOT_SIZE,
					       .flags = PEERBUF_RANGE_F_SYSTEM };
	if (one_in(state, 2))
		range.flags = PEERBUF_RANGE_F_DEVICE_FD;
	return range;
}

static __u64 fill_good_ranges(__u64 *state, const struct call_slots *slots)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		ranges[i] = good_range(state, slots);
	return (unsigned long)ranges;
}

static __u64 fill_ranges(__u64 *state, const struct call_slots *slots)
{
	if (one_in(state, 2))
		return fill_good_ranges(state, slots);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		struct peerbuf_range *range = &ranges[i];

		*range = (struct peerbuf_range) {
			.offset = pages(state, 64), .length = PAGE << call_below(state, 4),
			.bar = one_in(state, 8) ? call_below(state, 8) : 2,
			.device_fd = any_fd(state, slots),
		};
		if (one_in(state, 4))
			range->flags = PEERBUF_RANGE_F_DEVICE_FD;
		else if (one_in(state, 5))
			*range = (struct peerbuf_range) {
				.length = range->length, .flags = PEERBUF_RANGE_F_SYSTEM };
		if (one_in(state, 24))
			range->offset = edge(state);
		if (one_in(state, 24))
			range->length = edge(state);
		if (one_in(state, 24))
			range->flags = call_random(state);
		if (one_in(state, 48))
			range->reserved = call_random(state);
	}
	return (unsigned long)ranges;
}

static __u64 fill_rights(__u64 *state, const struct call_slots *slots)
{
	for (size_t i = 0; i < sizeof(rights) / sizeof(*rights); i++)
		rights[i] = one_in(state, 8) ? any_fd(state, slots) : slots->nodes[i & 1];
	return (unsigned long)rights;
}

static __u64 fill_entries(void)
{
	if (!entries) {
		entries = mmap(NULL, ENTRIES_BEHIND, PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		check(entries != MAP_FAILED);
		check_sys(mprotect(entries, ENTRIES_SIZE, PROT_READ | PROT_WRITE));
	}
	memset(entries, 0, ENTRIES_SIZE);
	return (unsigned long)entries;
}

/* Bytes are kept few: what is allocated here is the guest's memory. */
static __u64 good_value(__u64 *state, const struct call_field *field,
			const struct call_slots *slots)
{
	switch (field->kind) {
	case CALL_FLAGS:
		return call_random(state) & field->known;
	case CALL_ID:
		return one_in(state, 8) ? 0 : slots->ids[call_below(state, SLOTS)];
	case CALL_DMABUF:
		return slots->dmabufs[call_below(state, SLOTS)];
	case CALL_ADDR:
		return slots->addrs[call_below(state, SLOTS)];
	case CALL_BAR:
		return one_in(state, 3) ? PEERBUF_ANY_BAR : call_below(state, 6);
	case CALL_BAR_MASK:
		return one_in(state, 4) ? call_below(state, 64) : 1U << MEM_BAR;
	case CALL_OFFSET:
		return pages(state, 64);
	case CALL_LENGTH:
		return pages(state, 16);
	case CALL_TIMEOUT:
		return call_below(state, 20);
	case CALL_OPEN_FLAGS:
		return one_in(state, 4) ? O_CLOEXEC : O_RDWR | O_CLOEXEC;
	case CALL_ALIGN:
		return one_in(state, 4) ? PAGE << call_below(state, 12) : 0;
	case CALL_RANGES:
		return fill_ranges(state, slots);
	case CALL_NR_RANGES:
		return one_in(state, 8) ? call_below(state, 9) : 1;
	case CALL_NR_PARTS:
		return one_in(state, 4) ? call_below(state, 9) : 0;
	case CALL_RIGHTS:
		return fill_rights(state, slots);
	case CALL_NR_RIGHTS:
		return call_below(state, 5);
	case CALL_ENTRIES:
		return fill_entries();
	case CALL_NR_ENTRIES:
		return call_below(state, 12);
	case CALL_ENTRY_SIZE:
		return 64 + 8 * call_below(state, 32);
	case CALL_CLOEXEC:
		return one_in(state, 2) ? O_CLOEXEC : 0;
	case CALL_USER:
		return slots->mapped[call_below(state, SLOTS)] + pages(state, 4);
	case CALL_FILE:
		return slots->files[one_in(state, 2) ? call_below(state, SLOTS) : 0];
	case CALL_INSIDE:
		return pages(state, SLOT_SIZE / PAGE);
	case CALL_PART:
		return 1 + call_below(state, 2 * PAGE);
	case CALL_DEPTH:
		return call_below(state, 20);
	case CALL_TYPES:
		return call_random(state) & 0xfe;
	default:
		return 0;
	}
}

/* Where such a call is to go, or any other place. */
static int target(__u64 *state, const struct call_slots *slots, const struct call *call, bool wild)
{
	if (wild && one_in(state, 6))
		return any_fd(state, slots);
	if (wild && one_in(state, 2))
		return slots->nodes[call_below(state, SLOTS)];
	return slots->nodes[call->control ? SLOT_CONTROL : call_below(state, 2)];
}

/*
 * A wild timeout would be a wait without end, and so it stays. Of ranges a wild number is
 * refused, or found not to be accessible.
 */
static __u64 value(__u64 *state, const struct call_field *field, const struct call_slots *slots)
{
	__u64 good = good_value(state, field, slots);
	bool pointer = field->kind == CALL_RANGES || field->kind == CALL_RIGHTS ||
		       field->kind == CALL_ENTRIES;

	if (field->kind == CALL_RESERVED && !one_in(state, 24))
		return 0;
	if (field->kind == CALL_TIMEOUT || !one_in(state, 16))
		return good;
	return pointer ? bad_pointer(state) : edge(state);
}

/* The structure's own size: what it is, was, or could not be. */
static __u32 any_size(__u64 *state, const struct call *call)
{
	switch (call_below(state, 24)) {
	case 0:
		return call->first ?: call->size;
	case 1:
		return call->size + 8;
	case 2:
		return call_below(state, call->size + 64);
	case 3:
		return edge(state);
	default:
		return call->size;
	}
}

void call_make_up(__u64 *state, const struct call_slots *slots, struct call_made *made)
{
	const struct call_field *field;
	bool wild = one_in(state, 2);
	__u32 size;

	made->call = &calls[call_below(state, nr_calls)];
	made->fd = target(state, slots, made->call, wild);
	memset(made->data, 0, sizeof(made->data));
	size = wild ? any_size(state, made->call) : made->call->size;
	memcpy(made->data, &size, sizeof(size));
	for (field = made->call->fields; field->width; field++) {
		__u64 content = wild ? value(state, field, slots) :
				       good_value(state, field, slots);

		memcpy(made->data + field->offset, &content, field->width);
	}
	made->arg = made->data;
	if (wild && one_in(state, 32))
		made->arg = (void *)(unsigned long)bad_pointer(state);
}
