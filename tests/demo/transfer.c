// SPDX-License-Identifier: GPL-2.0
/* One message, by the engine's DMA into the BAR and out again, looked at from all sides. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "demo.h"

/* Not to be confused with anything an earlier run left behind. */
void compose(uint8_t *message, const char *text)
{
	uint64_t nonce;

	expect(getrandom(&nonce, sizeof(nonce), 0) == sizeof(nonce), "getrandom");
	memset(message, '.', MESSAGE_SIZE);
	snprintf((char *)message, MESSAGE_SIZE, "%s %016" PRIx64, text, nonce);
	message[strlen((char *)message)] = '.';
}

void write_and_look(const char *text)
{
	uint8_t message[MESSAGE_SIZE], seen[MESSAGE_SIZE];
	int error;

	compose(message, text);
	engine_load(message);
	error = engine_to_buffer(AT);
	expect(!error, "DMA into the BAR: %s", strerror(error));

	say("edu wrote %d bytes at offset 0x%x of the dma-buf by its own DMA engine:",
	    MESSAGE_SIZE, AT);
	expect(memory_read_cpu(AT, seen, sizeof(seen)), "SIGBUS while the export is in force");
	dump("seen by the CPU, in a mmap of the dma-buf:", seen, sizeof(seen));
	expect(!memcmp(seen, message, sizeof(seen)), "the CPU sees other bytes than were sent");
	memory_read_host(AT, seen, sizeof(seen));
	dump("and in the host's file behind the BAR:", seen, sizeof(seen));
	expect(!memcmp(seen, message, sizeof(seen)), "the host's file has other bytes");
}

void read_back(void)
{
	uint8_t zero[MESSAGE_SIZE] = {}, there[MESSAGE_SIZE], got[MESSAGE_SIZE];
	int error;

	engine_load(zero);
	error = engine_from_buffer(AT);
	expect(!error, "DMA out of the BAR: %s", strerror(error));
	engine_unload(got);
	memory_read_host(AT, there, sizeof(there));
	expect(!memcmp(got, there, sizeof(got)), "the engine read other bytes than are there");
	say("edu's memory was cleared, then it read them back by DMA: the same %d bytes",
	    MESSAGE_SIZE);
}
