// SPDX-License-Identifier: GPL-2.0
/*
 * A device owned through VFIO against an exporter that does all it may do: the importer by
 * physical address, which maps again by itself. Of other exporters it takes system memory,
 * and only where type1 cannot map over it.
 */
#include <unistd.h>

#include "harness.h"
#include "odd.h"
#include "vfio.h"

#define EDU	"rp-edu"
#define LENGTH	1000
#define ACCESS	(PEERBUF_VFIO_MAP_F_READ | PEERBUF_VFIO_MAP_F_WRITE)

static struct vfio_edu edu;
static int buffer;

static bool exclusive(void)
{
	struct peerbuf_vfio_ioc_info info;

	check_ok(peerbuf_vfio_info(edu.fd, &info, NULL));
	return info.flags & PEERBUF_VFIO_INFO_F_EXCLUSIVE;
}

static int map(void)
{
	return peerbuf_vfio_map(edu.fd, buffer, 0, ODD_SIZE, PEER_IOVA, ACCESS, -1, NULL, NULL);
}

static int unmap(void)
{
	return peerbuf_vfio_unmap(edu.fd, PEER_IOVA, ODD_SIZE, NULL);
}

static int open_mapping(int fd, __u64 size)
{
	(void)size;
	buffer = fd;
	return map();
}

/* It maps again by itself after a move; what has failed is for its owner. */
static int ready(void)
{
	struct peerbuf_vfio_ioc_query query;

	for (int i = 0; i < 100; i++) {
		if (peerbuf_vfio_query(edu.fd, PEER_IOVA, 0, &query, NULL))
			return -ENOENT;
		if (query.state == PEERBUF_VFIO_STATE_MAPPED)
			return 0;
		if (query.state == PEERBUF_VFIO_STATE_FAILED)
			return -EIO;
		pause_ms(20);
	}
	return -ETIMEDOUT;
}

static int write_buffer(__u64 offset, __u32 length, __u32 seed)
{
	int ret = ready();

	if (!ret)
		vfio_edu_write(&edu, PEER_IOVA + offset, length, seed);
	return ret;
}

static int read_buffer(__u64 offset, __u32 length, __u32 seed)
{
	int ret = ready();

	if (!ret)
		check(vfio_edu_reads(&edu, PEER_IOVA + offset, length, seed));
	return ret;
}

static void map_anew(void)
{
	unmap();
	map();
}

static void done(void)
{
	unmap();
}

static const struct odd_importer vfio = {
	.open = open_mapping, .write = write_buffer, .read = read_buffer, .again = map_anew,
	.close = done, .unit = 1, .length = LENGTH,
};

static void try_or_be_kept_out(void (*trial)(const struct odd_importer *importer,
					     const struct odd_where *where))
{
	const struct odd_where where = { NULL, ODD_IN_SYSTEM };
	struct odd_export req = odd_request(NULL, ODD_IN_SYSTEM);

	vfio_edu_open(&edu, vfio_container(), EDU);
	if (exclusive()) {
		trial(&vfio, &where);
		return;
	}
	check_ok(odd_export(&req));
	check_fails(open_mapping(req.fd, ODD_SIZE), EOPNOTSUPP);
	check_eq(odd_counts(req.fd).attachments, 0);
	odd_check_good(req.fd, ODD_NR_BAD);
}

TEST(mapping_shapes, .timeout = 120)
{
	try_or_be_kept_out(odd_try_shapes);
}

TEST(mapping_moves, .timeout = 120)
{
	try_or_be_kept_out(odd_try_moves);
}

TEST(mapping_late, .timeout = 120)
{
	try_or_be_kept_out(odd_try_late);
}

TEST(mapping_slow, .timeout = 120)
{
	try_or_be_kept_out(odd_try_slow);
}

TEST(mapping_errors, .timeout = 120)
{
	try_or_be_kept_out(odd_try_errors);
}

TEST(bar_is_not_taken)
{
	struct odd_export req;

	odd_bind("rp-mem");
	req = odd_request("rp-mem", ODD_IN_BAR);
	vfio_edu_open(&edu, vfio_container(), EDU);
	check_ok(odd_export(&req));
	check_fails(open_mapping(req.fd, ODD_SIZE), EOPNOTSUPP);
	check_eq(odd_counts(req.fd).attachments, 0);
	odd_check_good(req.fd, ODD_NR_BAD);
}
