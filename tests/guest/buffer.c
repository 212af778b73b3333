// SPDX-License-Identifier: GPL-2.0
/* Buffers and their contents, as the CPU sees them. */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "harness.h"
#include "lab.h"

/* Bytes on each side of where two pages meet. */
#define SEAM	64

void *buffer_map(int fd, size_t length, __u64 offset)
{
	void *address = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED,
			     fd, offset);

	if (address == MAP_FAILED)
		fail("mmap of a buffer: %s", strerror(errno));
	return address;
}

/* No two bytes in a row alike, no two seeds alike anywhere near. */
static __u8 pattern_byte(size_t i, __u32 seed)
{
	return (__u8)(i * 7 + seed * 31 + (i >> 8) + 1);
}

void pattern_fill_part(void *data, size_t from, size_t length, __u32 seed)
{
	volatile __u8 *bytes = data;

	for (size_t i = 0; i < length; i++)
		bytes[i] = pattern_byte(from + i, seed);
}

void pattern_fill(void *data, size_t length, __u32 seed)
{
	pattern_fill_part(data, 0, length, seed);
}

bool pattern_matches_part(const volatile void *data, size_t from, size_t length, __u32 seed)
{
	const volatile __u8 *bytes = data;

	for (size_t i = 0; i < length; i++) {
		__u8 byte = bytes[i], want = pattern_byte(from + i, seed);

		if (byte != want) {
			printf("byte %zu is %#x, not %#x\n", from + i, byte, want);
			return false;
		}
	}
	return true;
}

bool pattern_matches(const volatile void *data, size_t length, __u32 seed)
{
	return pattern_matches_part(data, 0, length, seed);
}

bool pattern_matches_seams(const volatile void *data, size_t length, __u32 seed)
{
	const volatile __u8 *bytes = data;

	for (size_t at = 0; at < length; at += PAGE) {
		size_t last = (length - at < PAGE ? length - at : PAGE) - SEAM;

		if (!pattern_matches_part(bytes + at, at, SEAM, seed) ||
		    !pattern_matches_part(bytes + at + last, at + last, SEAM, seed))
			return false;
	}
	return true;
}

static sigjmp_buf touch_jump;

static void on_sigbus(int signal)
{
	(void)signal;
	siglongjmp(touch_jump, 1);
}

int byte_read(volatile void *address, bool write)
{
	struct sigaction action = { .sa_handler = on_sigbus }, before;
	volatile __u8 *byte = address;
	volatile int value = -1;

	sigaction(SIGBUS, &action, &before);
	if (!sigsetjmp(touch_jump, 1)) {
		__u8 found = *byte;

		if (write)
			*byte = found;
		value = found;
	}
	sigaction(SIGBUS, &before, NULL);
	return value;
}

bool touches(volatile void *address, bool write)
{
	return byte_read(address, write) >= 0;
}
