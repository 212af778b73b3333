/* SPDX-License-Identifier: GPL-2.0-only */
/* What the commands share that have a drive move data between a file and a buffer. */
#ifndef PEERBUF_FILE_H
#define PEERBUF_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "tool.h"

/** file_size() - bytes of a regular file or block device; UINT64_MAX: of neither */
uint64_t file_size(int fd);

/**
 * file_with() - open a file, control and the export's buffer, and close them after @move
 * @io: gets the descriptors of the file and of the buffer
 * @file: name
 * @write: the file is opened for writing, else for reading
 * @id: the export
 * @move: called with @job and control; returns an exit code
 * @job: for @move
 *
 * Return: @move's exit code, or that of what could not be opened, after a message.
 */
int file_with(struct peerbuf_ioc_file *io, const char *file, bool write, uint64_t id,
	      int (*move)(void *job, int control), void *job);

/** parse_place() - parse "ID" or "ID:OFFSET"; @text is changed */
void parse_place(const struct command *self, char *text, uint64_t *id, __u64 *offset);

uint32_t parse_depth(const struct command *self, const char *text);

/** file_add() - add the result of one call to @sum */
void file_add(struct peerbuf_ioc_file *sum, const struct peerbuf_ioc_file *io);

/** file_ways_json() - set the bytes of each way, and the commands */
void file_ways_json(struct json_object *object, const struct peerbuf_ioc_file *sum);

/** file_explain() - print which bytes went which way */
void file_explain(const struct peerbuf_ioc_file *sum);

#endif /* PEERBUF_FILE_H */
