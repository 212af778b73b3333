// SPDX-License-Identifier: GPL-2.0
/* One message, by the engine's DMA into the BAR and out again, looked at from all sides. */
#include <string.h>

#include "demo.h"

void write_and_look(const char *text)
{
	uint8_t message[MESSAGE_SIZE], cpu[MESSAGE_SIZE], host[MESSAGE_SIZE];
	int error;

	compose(message, text);
	engine_load(message);
	error = engine_to_buffer(AT);
	expect(!error, "DMA into the BAR: %s", strerror(error));

	expect(memory_read_cpu(AT, cpu, sizeof(cpu)), "SIGBUS while the export is in force");
	expect(!memcmp(cpu, message, sizeof(cpu)), "the CPU sees other bytes than were sent");
	memory_read_host(AT, host, sizeof(host));
	expect(!memcmp(host, message, sizeof(host)), "the host's file has other bytes");
	say("edu wrote %d bytes at offset 0x%x of the dma-buf by its own DMA engine:",
	    MESSAGE_SIZE, AT);
	dump("seen by the CPU, in a mmap of the dma-buf:", cpu, sizeof(cpu));
	dump("and in the host's file behind the BAR:", host, sizeof(host));
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
