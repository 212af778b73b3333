// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own DRM drivers, unmodified, against an exporter that does all it may do: vgem
 * and bochs attach statically, virtio-gpu dynamically. What is found is in
 * Documentation/odd-exporter.rst. Which of them import at all: see importers_drm.c.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "card.h"
#include "harness.h"
#include "lab.h"
#include "odd.h"

#define MEM	"rp-mem"
#define SIZE	(2 * 1024 * 1024ULL)

static int card, fd;
static __u32 handle;
static __u8 *cpu;
static struct card_screen screen;

static void export(const char *mem, __u32 where, const struct odd_rule *rules, __u32 nr)
{
	struct odd_export req;

	if (mem)
		odd_bind(mem);
	req = odd_request(mem, where);
	req.length = SIZE;
	req.slots = mem ? 3 : 0;
	req.piece[0] = 3;
	req.piece[1] = 7;
	req.nr_pieces = 2;
	check_ok(odd_export(&req));
	fd = req.fd;
	cpu = buffer_map(fd, SIZE, 0);
	pattern_fill(cpu, SIZE, 1);
	check_ok(odd_rules(fd, rules, nr));
}

static int import(void)
{
	return card_import(card, fd, &handle);
}

/* It is gone, and has done nothing wrong, @but one thing apart. */
static void forgotten(__u32 but)
{
	struct odd_counts counts;

	check_ok(card_forget(card, handle));
	counts = odd_counts(fd);
	check_eq(counts.attachments, 0);
	check_eq(counts.mappings, 0);
	check_eq(counts.pins, 0);
	check(pattern_matches(cpu, SIZE, 1));
	odd_check_good(fd, but);
	munmap(cpu, SIZE);
	close(fd);
}

/* Of what it does when it imports: not all of them map then. */
static void refuses(__u32 event, __u32 error)
{
	const struct odd_rule rule = { event, ODD_DO_FAIL, .first = 1, .error = error };
	int ret;

	export(NULL, ODD_IN_SYSTEM, &rule, 1);
	ret = import();
	if (!ret) {
		check_eq(odd_counts(fd).events[event], 0);
		forgotten(ODD_NR_BAD);
		return;
	}
	check_eq(ret, -(int)error);
	check_eq(odd_counts(fd).attachments, 0);
	check_eq(odd_counts(fd).mappings, 0);
	check_eq(odd_counts(fd).pins, 0);
	odd_check_good(fd, ODD_NR_BAD);
	check_ok(import());
	forgotten(ODD_NR_BAD);
}

static void moves_or_is_kept(void)
{
	struct odd_counts counts = odd_counts(fd);

	if (counts.pins)
		check_fails(odd_do(fd, ODD_DO_MOVE, 0), EBUSY);
	else
		check_ok(odd_do(fd, ODD_DO_MOVE, 0));
	check(pattern_matches(cpu, SIZE, 1));
}

TEST(vgem_imports)
{
	card = card_open("vgem", "vgem");
	export(NULL, ODD_IN_SYSTEM, NULL, 0);
	check_ok(import());
	moves_or_is_kept();
	forgotten(ODD_NR_BAD);
}

TEST(vgem_takes_errors)
{
	card = card_open("vgem", "vgem");
	refuses(ODD_ON_ATTACH, EACCES);
}

/* Before 7.2 it maps when it attaches. */
TEST(vgem_takes_errors_of_maps)
{
	card = card_open("vgem", "vgem");
	refuses(ODD_ON_PIN, ENOMEM);
	refuses(ODD_ON_MAP, ENOMEM);
}

TEST(vgem_is_not_given_a_bar)
{
	card = card_open("vgem", "vgem");
	export(MEM, ODD_IN_BAR, NULL, 0);
	check_fails(import(), EOPNOTSUPP);
	check_eq(odd_counts(fd).attachments, 0);
	odd_check_good(fd, ODD_NR_BAD);
}

TEST(bochs_shows_what_moves_in_between)
{
	card = card_open("bochs", "bochs-drm");
	export(NULL, ODD_IN_SYSTEM, NULL, 0);
	check_ok(import());
	for (int i = 0; i < 3; i++) {
		check_ok(card_show(card, handle, &screen));
		card_check_shown(card, &screen, cpu, "bochs");
		check_ok(card_hide(card, &screen));
		moves_or_is_kept();
	}
	forgotten(ODD_NR_BAD);
}

TEST(virtio_gpu_takes_errors)
{
	card = card_open("virtio_gpu", "virtio_gpu");
	refuses(ODD_ON_ATTACH, EACCES);
	refuses(ODD_ON_PIN, ENOMEM);
	refuses(ODD_ON_MAP, ENOMEM);
}
