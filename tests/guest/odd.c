// SPDX-License-Identifier: GPL-2.0
/* See odd.h. */
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "harness.h"
#include "odd.h"

#define DRIVER	"odd_exporter"

int odd_node(void)
{
	static int node = -1;

	if (node < 0) {
		check_eq(module_load(DRIVER), 0);
		eventually(5, (node = open("/dev/" DRIVER, O_RDWR | O_CLOEXEC)) >= 0);
	}
	return node;
}

void odd_bind(const char *id)
{
	odd_node();
	device_bind(id, DRIVER);
}

struct odd_export odd_request(const char *mem, __u32 where)
{
	struct odd_export req = { .length = ODD_SIZE, .where = where };

	if (mem) {
		req.addr = lab_addr(mem);
		req.bar = MEM_BAR;
		req.slots = ODD_SLOTS;
		req.offset = ODD_OFFSET;
	}
	return req;
}

int odd_export(struct odd_export *req)
{
	int ret;

	req->size = sizeof(*req);
	ret = peer_ioctl(odd_node(), ODD_IOC_EXPORT, req);
	return ret;
}

int odd_rules(int fd, const struct odd_rule *rules, __u32 nr)
{
	struct odd_rules req = {
		.size = sizeof(req), .fd = fd, .rules = (__u64)(uintptr_t)rules, .nr_rules = nr,
	};

	return peer_ioctl(odd_node(), ODD_IOC_RULES, &req);
}

int odd_do(int fd, __u32 action, __u32 late_ms)
{
	struct odd_do req = {
		.size = sizeof(req), .fd = fd, .action = action, .late_ms = late_ms,
	};

	return peer_ioctl(odd_node(), ODD_IOC_DO, &req);
}

struct odd_counts odd_counts(int fd)
{
	struct odd_counts counts = { .size = sizeof(counts), .fd = fd };

	check_ok(peer_ioctl(odd_node(), ODD_IOC_COUNTS, &counts));
	return counts;
}

const char *odd_bad_name(__u32 bad)
{
	static const char *const names[ODD_NR_BAD] = {
		"map without the lock", "unmap without the lock", "pin without the lock",
		"unmap of what is not mapped", "unmap with another direction",
		"mapping kept for too long", "memory written that was given back",
		"fences that do not signal", "detach with mappings", "detach with pins",
		"unpin of what is not pinned",
	};

	return names[bad];
}

void odd_check_good(int fd, __u32 but)
{
	struct odd_counts counts = odd_counts(fd);

	for (__u32 i = 0; i < ODD_NR_BAD; i++)
		if (counts.bad[i] && i != but)
			fail("%llu times: %s", (unsigned long long)counts.bad[i],
			     odd_bad_name(i));
}
