/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the fuzz targets have in common: bytes taken one after the other, zeroes when there are no
 * more, and a promise that ends the program where it does not hold.
 */
#ifndef _FUZZ_H
#define _FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct fuzz {
	const uint8_t *data;
	size_t left;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline uint8_t fuzz_byte(struct fuzz *fuzz)
{
	if (!fuzz->left)
		return 0;
	fuzz->left--;
	return *fuzz->data++;
}

static inline uint64_t fuzz_number(struct fuzz *fuzz, unsigned int bytes)
{
	uint64_t number = 0;

	while (bytes--)
		number = number << 8 | fuzz_byte(fuzz);
	return number;
}

/* A string of what is left; free(3) it. */
static inline char *fuzz_text(struct fuzz *fuzz)
{
	char *text = malloc(fuzz->left + 1);
	size_t n;

	for (n = 0; fuzz->left; n++)
		text[n] = fuzz_byte(fuzz);
	text[n] = '\0';
	return text;
}

#define PROMISE(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
			abort(); \
		} \
	} while (0)

#endif /* _FUZZ_H */
