// SPDX-License-Identifier: GPL-2.0
/*
 * The exporter as a judge: each thing that an importer may not do, done by one that is bad on
 * purpose, and counted once; and what the exporter's own interface refuses.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "odd.h"

#define EDU	"rp-edu"
#define MEM	"rp-mem"
#define LENGTH	2000
#define LIMIT	200

static int edu, fd;
static __u32 handle;
static __u8 *cpu;

static void export(const char *mem)
{
	struct odd_export req;

	edu = edu_open(EDU);
	if (mem)
		odd_bind(mem);
	req = odd_request(mem, mem ? ODD_IN_BAR : ODD_IN_SYSTEM);
	req.limit_ms = LIMIT;
	check_ok(odd_export(&req));
	fd = req.fd;
	cpu = buffer_map(fd, ODD_SIZE, 0);
	pattern_fill(cpu, ODD_SIZE, 1);
}

static void attach(__u32 mode, __u32 flags)
{
	check_ok(edu_attach(edu, fd, mode, flags, &handle));
}

/* So often, and of nothing else. */
static void check_bad(__u32 bad, __u64 count)
{
	struct odd_counts counts = odd_counts(fd);

	odd_check_good(fd, bad);
	check_eq(counts.bad[bad], count);
}

static void check_gone(void)
{
	struct odd_counts counts = odd_counts(fd);

	check_eq(counts.attachments, 0);
	check_eq(counts.mappings, 0);
	check_eq(counts.pins, 0);
}

TEST(maps_and_unmaps_without_the_lock)
{
	struct odd_counts counts;

	export(NULL);
	attach(EDU_DMA_BAD, EDU_DMA_BAD_UNLOCKED);
	check_ok(edu_map(edu, handle));
	check_ok(edu_unmap(edu, handle));
	counts = odd_counts(fd);
	check_eq(counts.bad[ODD_BAD_MAP_UNLOCKED], 1);
	check_eq(counts.bad[ODD_BAD_UNMAP_UNLOCKED], 1);
	check_ok(edu_detach(edu, handle));
	check_gone();
}

TEST(pins_without_the_lock)
{
	export(NULL);
	attach(EDU_DMA_BAD, EDU_DMA_BAD_PIN_UNLOCKED);
	check_bad(ODD_BAD_PIN_UNLOCKED, 2);
	check_ok(edu_detach(edu, handle));
	check_gone();
}

TEST(unmaps_twice)
{
	export(NULL);
	attach(EDU_DMA_BAD, EDU_DMA_BAD_TWICE);
	check_ok(edu_map(edu, handle));
	check_bad(ODD_BAD_UNMAP_UNKNOWN, 0);
	check_ok(edu_unmap(edu, handle));
	check_bad(ODD_BAD_UNMAP_UNKNOWN, 1);
	check_ok(edu_detach(edu, handle));
	check_gone();
}

TEST(unmaps_with_another_direction)
{
	export(NULL);
	attach(EDU_DMA_BAD, EDU_DMA_BAD_DIRECTION);
	check_ok(edu_map(edu, handle));
	check_ok(edu_unmap(edu, handle));
	check_bad(ODD_BAD_UNMAP_DIRECTION, 1);
	check_ok(edu_detach(edu, handle));
	check_gone();
}

TEST(detaches_with_a_mapping)
{
	export(MEM);
	attach(EDU_DMA_BAD, EDU_DMA_BAD_NO_UNMAP);
	check_ok(edu_map(edu, handle));
	check_ok(edu_detach(edu, handle));
	check_bad(ODD_BAD_DETACH_MAPPED, 1);
	check_gone();
}

TEST(detaches_with_a_pin)
{
	export(NULL);
	attach(EDU_DMA_BAD, EDU_DMA_BAD_NO_UNPIN);
	check_eq(odd_counts(fd).pins, 1);
	check_fails(odd_do(fd, ODD_DO_MOVE, 0), EBUSY);
	check_ok(edu_detach(edu, handle));
	check_bad(ODD_BAD_DETACH_PINNED, 1);
	check_gone();
	check_ok(odd_do(fd, ODD_DO_MOVE, 0));
}

TEST(unpins_without_a_pin)
{
	export(NULL);
	attach(EDU_DMA_BAD, EDU_DMA_BAD_UNPIN);
	check_bad(ODD_BAD_UNPIN, 1);
	check_ok(edu_map(edu, handle));
	check_ok(odd_do(fd, ODD_DO_MOVE, 0));
	check_ok(edu_detach(edu, handle));
	check_bad(ODD_BAD_UNPIN, 1);
	check_gone();
}

TEST(fences_never_signal)
{
	export(NULL);
	attach(EDU_DMA_BAD, EDU_DMA_BAD_FENCE);
	check_ok(edu_map(edu, handle));
	check_fails(odd_do(fd, ODD_DO_MOVE, 0), ETIMEDOUT);
	check_bad(ODD_BAD_FENCES, 1);
	check(pattern_matches(cpu, ODD_SIZE, 1));
	check_ok(edu_detach(edu, handle));
	check_ok(odd_do(fd, ODD_DO_MOVE, 0));
	check_bad(ODD_BAD_FENCES, 1);
	check_gone();
}

/* Whether it is asked meanwhile or only afterwards. */
static void keeps(const char *mem, bool asked)
{
	export(mem);
	attach(EDU_DMA_FOREIGN, EDU_DMA_ATTACH_F_KEEP);
	check_ok(edu_map(edu, handle));
	check_ok(odd_do(fd, ODD_DO_MOVE, 0));
	check_bad(ODD_BAD_KEPT, 0);
	pause_ms(2 * LIMIT);
	if (asked)
		check_bad(ODD_BAD_KEPT, 1);
	check_ok(edu_unmap(edu, handle));
	check_bad(ODD_BAD_KEPT, 1);
	check(odd_counts(fd).longest_ns >= LIMIT * 1000000ULL);
	check(pattern_matches(cpu, ODD_SIZE, 1));
	check_ok(edu_detach(edu, handle));
	check_gone();
}

TEST_VARIANT(keeps_a_mapping, keeps, NULL, true)
TEST_VARIANT(keeps_a_mapping_of_a_bar, keeps, MEM, true)

TEST_VARIANT(keeps_a_mapping_and_gives_it_back_unasked, keeps, NULL, false)

TEST(within_the_limit_is_in_time)
{
	export(NULL);
	attach(EDU_DMA_FOREIGN, EDU_DMA_ATTACH_F_KEEP);
	check_ok(edu_map(edu, handle));
	check_ok(odd_do(fd, ODD_DO_MOVE, 0));
	pause_ms(LIMIT / 4);
	check_ok(edu_unmap(edu, handle));
	pause_ms(2 * LIMIT);
	odd_check_good(fd, ODD_NR_BAD);
	check(odd_counts(fd).longest_ns >= LIMIT / 4 * 1000000ULL);
	check_ok(edu_detach(edu, handle));
}

static __u64 first_address(void)
{
	struct edu_dma_segment segment;
	__u32 total;

	check_ok(edu_segments(edu, handle, &segment, 1, &total));
	return segment.addr;
}

static void writes_there(__u64 addr)
{
	__u8 inner[LENGTH];

	pattern_fill(inner, LENGTH, 9);
	check_ok(edu_put(edu, 0, inner, LENGTH));
	check_ok(edu_raw(edu, addr, 0, LENGTH, EDU_DMA_TO_BUFFER));
}

/* By a mapping that it should not have any more: nothing of the contents is lost by that. */
static void writes_after(const char *mem, __u32 action)
{
	__u64 addr;

	export(mem);
	attach(EDU_DMA_FOREIGN, EDU_DMA_ATTACH_F_KEEP);
	check_ok(edu_map(edu, handle));
	addr = first_address();
	check_ok(odd_do(fd, action, 0));
	check_bad(ODD_BAD_WRITTEN, 0);
	writes_there(addr);
	check_eq(odd_counts(fd).bad[ODD_BAD_WRITTEN], 1);
	check_ok(edu_unmap(edu, handle));
	check_ok(edu_detach(edu, handle));
	if (action == ODD_DO_REVOKE)
		check_ok(odd_do(fd, ODD_DO_RESTORE, 0));
	check(pattern_matches(cpu, ODD_SIZE, 1));
	check_eq(odd_counts(fd).bad[ODD_BAD_WRITTEN], 1);
	/* What it had is looked at once more before it is freed. */
	pause_ms(3 * LIMIT);
	check_eq(odd_counts(fd).given_back, 0);
	check_eq(odd_counts(fd).bad[ODD_BAD_WRITTEN], 1);
}

TEST_VARIANT(writes_after_a_move, writes_after, NULL, ODD_DO_MOVE)
TEST_VARIANT(writes_after_a_move_in_a_bar, writes_after, MEM, ODD_DO_MOVE)

TEST_VARIANT(writes_after_a_revoke, writes_after, NULL, ODD_DO_REVOKE)

/* Without an IOMMU an address works that was unmapped. */
TEST(writes_after_its_unmap)
{
	__u64 addr;

	export(NULL);
	attach(EDU_DMA_FOREIGN, 0);
	check_ok(edu_map(edu, handle));
	addr = first_address();
	check_ok(odd_do(fd, ODD_DO_MOVE, 0));
	check_eq(odd_counts(fd).mappings, 0);
	check_eq(odd_counts(fd).given_back, 1);
	writes_there(addr);
	pause_ms(3 * LIMIT);
	check_bad(ODD_BAD_WRITTEN, 1);
	check_eq(odd_counts(fd).given_back, 0);
	check(pattern_matches(cpu, ODD_SIZE, 1));
	check_ok(edu_detach(edu, handle));
}

/* ---- the exporter itself ---- */

static int export_fails(struct odd_export req)
{
	int ret = odd_export(&req);

	if (!ret)
		close(req.fd);
	return ret;
}

TEST(bad_requests_are_refused)
{
	struct odd_export good;

	odd_bind(MEM);
	good = odd_request(MEM, ODD_IN_BAR);
#define REFUSED(member, value, error)	({			\
	struct odd_export req = good;				\
								\
	req.member = value;					\
	check_fails(export_fails(req), error);			\
	})
	check_ok(export_fails(good));
	REFUSED(flags, 1U << 31, EINVAL);
	REFUSED(length, 0, EINVAL);
	REFUSED(length, PAGE + 1, EINVAL);
	REFUSED(length, 1ULL << 63, ERANGE);
	REFUSED(where, 2, EINVAL);
	REFUSED(addr, lab_addr(EDU), ENODEV);
	REFUSED(bar, 6, EINVAL);
	REFUSED(bar, 5, EINVAL);
	REFUSED(slots, 0, EINVAL);
	REFUSED(slots, 65, EINVAL);
	REFUSED(offset, 1, EINVAL);
	REFUSED(offset, -PAGE, ERANGE);
	REFUSED(nr_pieces, ODD_MOST_PIECES + 1, EINVAL);
	REFUSED(nr_pieces, 1, EINVAL);
	REFUSED(limit_ms, ODD_MOST_DELAY_MS + 1, EINVAL);
	REFUSED(reserved, 1, EINVAL);
	good.where = ODD_IN_SYSTEM;
	good.slots = 0;
	REFUSED(length, ODD_MOST_SYSTEM + PAGE, E2BIG);
#undef REFUSED
}

static int rule_fails(struct odd_rule rule)
{
	return odd_rules(fd, &rule, 1);
}

TEST(bad_rules_are_refused)
{
	struct odd_rule good = { ODD_ON_MAP, ODD_DO_MOVE, .first = 1 };
	int pipes[2];

	export(NULL);
#define REFUSED(...)	check_fails(rule_fails((struct odd_rule){ __VA_ARGS__ }), EINVAL)
	REFUSED(ODD_NR_EVENTS, ODD_DO_MOVE, .first = 1);
	REFUSED(ODD_ON_MAP, ODD_NR_ACTIONS, .first = 1);
	REFUSED(ODD_ON_MAP, ODD_DO_MOVE);
	REFUSED(ODD_ON_MAP, ODD_DO_MOVE, .first = 1, .error = EIO);
	REFUSED(ODD_ON_MAP, ODD_DO_FAIL, .first = 1);
	REFUSED(ODD_ON_MAP, ODD_DO_FAIL, .first = 1, .error = 4096);
	REFUSED(ODD_ON_UNMAP, ODD_DO_FAIL, .first = 1, .error = EIO);
	REFUSED(ODD_ON_MAP, ODD_DO_DELAY, .first = 1);
	REFUSED(ODD_ON_MAP, ODD_DO_DELAY, .first = 1, .delay_ms = ODD_MOST_DELAY_MS + 1);
	REFUSED(ODD_ON_MAP, ODD_DO_REVOKE, .first = 1, .late_ms = 1);
	REFUSED(ODD_ON_MAP, ODD_DO_MOVE, .first = 1, .late_ms = ODD_MOST_LATE_MS + 1);
#undef REFUSED
	check_ok(rule_fails(good));
	check_fails(odd_rules(fd, &good, ODD_MOST_RULES + 1), EINVAL);
	check_fails(odd_rules(fd, NULL, 1), EFAULT);
	check_sys(pipe(pipes));
	check_fails(odd_rules(pipes[0], &good, 1), EINVAL);
	check_fails(odd_do(fd, ODD_DO_FAIL, 0), EINVAL);
	check_fails(odd_do(fd, ODD_DO_RESTORE, 0), EEXIST);
	check_fails(odd_do(fd, ODD_DO_MIGRATE, 0), EXDEV);
}

/* A rule goes for the events it names, and for no others. */
TEST(rules_count_events)
{
	static const struct odd_rule rules[] = {
		{ ODD_ON_MAP, ODD_DO_FAIL, .first = 3, .every = 2, .times = 2, .error = EIO },
		{ ODD_ON_MAP, ODD_DO_FAIL, .first = 1, .error = ENOMEM },
	};
	static const int right[] = { -ENOMEM, 0, -EIO, 0, -EIO, 0, 0, 0, 0 };

	export(NULL);
	attach(EDU_DMA_FOREIGN, 0);
	check_ok(odd_rules(fd, rules, 2));
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		check_eq(edu_map(edu, handle), right[i]);
		check_ok(edu_unmap(edu, handle));
	}
	check_eq(odd_counts(fd).actions[ODD_DO_FAIL], 3);
	/* Anew. */
	check_ok(odd_rules(fd, rules, 2));
	check_fails(edu_map(edu, handle), ENOMEM);
	check_ok(odd_rules(fd, NULL, 0));
	check_ok(edu_map(edu, handle));
	check_ok(edu_detach(edu, handle));
	odd_check_good(fd, ODD_NR_BAD);
}

TEST(static_importer_keeps_it_in_place)
{
	export(NULL);
	attach(EDU_DMA_STATIC, 0);
	check_ok(edu_map(edu, handle));
	check_fails(odd_do(fd, ODD_DO_MOVE, 0), EBUSY);
	check_fails(odd_do(fd, ODD_DO_REVOKE, 0), EBUSY);
	check_ok(edu_detach(edu, handle));
	check_ok(odd_do(fd, ODD_DO_MOVE, 0));
	odd_check_good(fd, ODD_NR_BAD);
	check_gone();
}

/* Memory of a BAR is for those who say that they take it. */
TEST(bar_is_for_peers)
{
	export(MEM);
	check_fails(edu_attach(edu, fd, EDU_DMA_PAGES, 0, &handle), EOPNOTSUPP);
	check_fails(edu_attach(edu, fd, EDU_DMA_STATIC, 0, &handle), EOPNOTSUPP);
	check_ok(odd_do(fd, ODD_DO_MIGRATE, 0));
	attach(EDU_DMA_PAGES, 0);
	check_ok(edu_map(edu, handle));
	check_fails(odd_do(fd, ODD_DO_MIGRATE, 0), EOPNOTSUPP);
	check_ok(edu_detach(edu, handle));
	check_ok(odd_do(fd, ODD_DO_MIGRATE, 0));
	check(pattern_matches(cpu, ODD_SIZE, 1));
}

TEST(bar_that_goes_is_revoked)
{
	struct odd_counts counts;

	export(MEM);
	attach(EDU_DMA_FOREIGN, 0);
	check_ok(edu_map(edu, handle));
	device_unbind(MEM);
	counts = odd_counts(fd);
	check_eq(counts.revoked, 1);
	check_eq(counts.mappings, 0);
	check_fails(edu_map(edu, handle), ENODEV);
	check_fails(odd_do(fd, ODD_DO_RESTORE, 0), ENODEV);
	check(!touches(cpu, false));
	odd_check_good(fd, ODD_NR_BAD);
	check_ok(edu_detach(edu, handle));
}

/* Whoever is killed leaves nothing, and the module can go. */
TEST(module_goes)
{
	export(MEM);
	attach(EDU_DMA_FOREIGN, 0);
	check_ok(edu_map(edu, handle));
	check_ok(odd_do(fd, ODD_DO_MOVE, 300));
	munmap(cpu, ODD_SIZE);
	close(edu);
	close(fd);
	close(odd_node());
	eventually(5, !module_unload("odd_exporter"));
}
