// SPDX-License-Identifier: GPL-2.0
/* A BAR of 8 GiB in segments as long as a scatterlist holds: 4 GiB less a page. */
#include <unistd.h>

#include "harness.h"
#include "odd.h"
#include "scene.h"

#define EDU	"rp-edu"
#define MEM	"rp-mem"
#define LENGTH	2000
#define SIZE	(8ULL << 30)
#define PIECE	((4ULL << 30) - PAGE)

static int edu;
static __u32 handle;

static int export(__u32 piece)
{
	struct odd_export req;

	edu = edu_open(EDU);
	odd_bind(MEM);
	check_eq(bar_size(MEM, MEM_BAR), SIZE);
	req = odd_request(MEM, ODD_IN_BAR);
	req.offset = 0;
	req.slots = 1;
	req.length = SIZE;
	req.piece[0] = piece;
	req.nr_pieces = !!piece;
	check_ok(odd_export(&req));
	return req.fd;
}

static __u32 segments(struct edu_dma_segment *list, __u32 room)
{
	__u64 sum = 0;
	__u32 total;

	check_ok(edu_map(edu, handle));
	check_ok(edu_segments(edu, handle, list, room, &total));
	check(total <= room);
	for (__u32 i = 0; i < total; i++)
		sum += list[i].len;
	check_eq(sum, SIZE);
	return total;
}

/* Across the end of a segment: written there, seen by the host, read back. */
static void check_across(__u64 end, __u32 seed)
{
	__u8 inner[LENGTH];
	__u64 at = end - LENGTH / 2;

	pattern_fill(inner, LENGTH, seed);
	check_ok(edu_put(edu, 0, inner, LENGTH));
	check_ok(edu_copy(edu, handle, at, 0, LENGTH, EDU_DMA_TO_BUFFER, 0));
	check_host_pattern(MEM, at, LENGTH, seed);
	memset(inner, 0, LENGTH);
	check_ok(edu_put(edu, 0, inner, LENGTH));
	check_ok(edu_copy(edu, handle, at, 0, LENGTH, EDU_DMA_FROM_BUFFER, 0));
	check_ok(edu_get(edu, 0, inner, LENGTH));
	check(pattern_matches(inner, LENGTH, seed));
}

static void longest_pieces(__u32 mode)
{
	struct edu_dma_segment list[8];
	int fd = export(0);

	check_ok(edu_attach(edu, fd, mode, 0, &handle));
	check_eq(segments(list, 8), 3);
	check_eq(list[0].len, PIECE);
	check_eq(list[1].len, PIECE);
	check_eq(list[2].len, 2 * PAGE);
	check_across(PIECE, 1);
	check_across(4ULL << 30, 2);
	check_across(2 * PIECE, 3);
	/* It is too long to be moved, and can be withdrawn all the same. */
	check_fails(odd_do(fd, ODD_DO_MOVE, 0), EFBIG);
	check_ok(odd_do(fd, ODD_DO_REVOKE, 0));
	check_eq(odd_counts(fd).mappings, 0);
	check_fails(edu_map(edu, handle), ENODEV);
	check_ok(odd_do(fd, ODD_DO_RESTORE, 0));
	check_across(PIECE, 4);
	check_ok(edu_detach(edu, handle));
	odd_check_good(fd, ODD_NR_BAD);
	close(fd);
}

TEST(helper_takes_the_longest_pieces)
{
	longest_pieces(EDU_DMA_DYNAMIC);
}

TEST(foreign_takes_the_longest_pieces)
{
	longest_pieces(EDU_DMA_FOREIGN);
}

/* 99,991 pages is a prime, and no segment ends where anything else does. */
TEST(primes_of_pages)
{
	struct edu_dma_segment list[64];
	int fd = export(99991);

	check_ok(edu_attach(edu, fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_eq(segments(list, 64), SIZE / PAGE / 99991 + 1);
	for (__u64 i = 1; i <= SIZE / PAGE / 99991; i += 5)
		check_across(i * 99991 * PAGE, i);
	check_ok(edu_detach(edu, handle));
	odd_check_good(fd, ODD_NR_BAD);
	close(fd);
}
