// SPDX-License-Identifier: GPL-2.0
/* Buffers and their contents, as the CPU sees them. */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "harness.h"
#include "lab.h"

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

void pattern_fill(void *data, size_t length, __u32 seed)
{
	volatile __u8 *bytes = data;

	for (size_t i = 0; i < length; i++)
		bytes[i] = pattern_byte(i, seed);
}

bool pattern_matches(const volatile void *data, size_t length, __u32 seed)
{
	const volatile __u8 *bytes = data;

	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != pattern_byte(i, seed)) {
			printf("byte %zu is %#x, not %#x\n", i, bytes[i],
			       pattern_byte(i, seed));
			return false;
		}
	}
	return true;
}

static sigjmp_buf touch_jump;

static void on_sigbus(int signal)
{
	(void)signal;
	siglongjmp(touch_jump, 1);
}

/* Can it be accessed, or is there a SIGBUS? */
bool touches(volatile void *address, bool write)
{
	struct sigaction action = { .sa_handler = on_sigbus }, before;
	volatile __u8 *byte = address;
	bool good = false;

	sigaction(SIGBUS, &action, &before);
	if (!sigsetjmp(touch_jump, 1)) {
		if (write)
			*byte = *byte;
		else
			(void)*byte;
		good = true;
	}
	sigaction(SIGBUS, &before, NULL);
	return good;
}
