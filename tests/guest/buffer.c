// SPDX-License-Identifier: GPL-2.0
/* Buffers and their contents, as the CPU sees them. */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
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

/*
 * Eight of them: most bytes of a guest's are made and looked at here, and each instruction is
 * emulated. Within 256 bytes each is seven more than the one before it.
 */
static __u64 pattern_word(size_t i, __u32 seed)
{
	const __u64 ones = 0x0101010101010101, steps = 0x312a231c150e0700, tops = ones << 7;
	__u64 first = pattern_byte(i, seed) * ones, word = 0;

	/* A sum of bytes, no carry from one to the next. */
	if (i % 256 <= 248)
		return ((first & ~tops) + steps) ^ (first & tops);
	for (int n = 7; n >= 0; n--)
		word = word << 8 | pattern_byte(i + n, seed);
	return word;
}

/* How many bytes there are in front of one that eight can be read or written at. */
static size_t unaligned(const volatile void *at, size_t length)
{
	size_t before = -(uintptr_t)at % sizeof(__u64);

	return before < length ? before : length;
}

void pattern_fill_part(void *data, size_t from, size_t length, __u32 seed)
{
	volatile __u8 *bytes = data;
	size_t i, first = unaligned(data, length);

	for (i = 0; i < first; i++)
		bytes[i] = pattern_byte(from + i, seed);
	for (; i + sizeof(__u64) <= length; i += sizeof(__u64))
		*(volatile __u64 *)(bytes + i) = pattern_word(from + i, seed);
	for (; i < length; i++)
		bytes[i] = pattern_byte(from + i, seed);
}

void pattern_fill(void *data, size_t length, __u32 seed)
{
	pattern_fill_part(data, 0, length, seed);
}

static bool byte_matches(__u8 byte, size_t i, __u32 seed)
{
	__u8 want = pattern_byte(i, seed);

	if (byte != want)
		printf("byte %zu is %#x, not %#x\n", i, byte, want);
	return byte == want;
}

/* A byte at a time: where eight are not as they should be, too. */
static bool bytes_match(const volatile __u8 *bytes, size_t from, size_t length, __u32 seed)
{
	for (size_t i = 0; i < length; i++)
		if (!byte_matches(bytes[i], from + i, seed))
			return false;
	return true;
}

bool pattern_matches_part(const volatile void *data, size_t from, size_t length, __u32 seed)
{
	const volatile __u8 *bytes = data;
	size_t i = unaligned(data, length);

	if (!bytes_match(bytes, from, i, seed))
		return false;
	for (; i + sizeof(__u64) <= length; i += sizeof(__u64)) {
		__u64 word = *(const volatile __u64 *)(bytes + i);

		/* What is there now may be right: what was read is what counts. */
		if (word != pattern_word(from + i, seed))
			return bytes_match((const __u8 *)&word, from + i, sizeof(word), seed);
	}
	return bytes_match(bytes + i, from + i, length - i, seed);
}

bool all_bytes_are(const void *data, size_t length, __u8 byte)
{
	const __u8 *bytes = data;

	return !length || (*bytes == byte && !memcmp(bytes, bytes + 1, length - 1));
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
