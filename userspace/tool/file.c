// SPDX-License-Identifier: GPL-2.0-only
/* read, write: move data between a file or block device and a buffer, by the drive's own DMA. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>

#include "file.h"
#include "lookup.h"
#include "progress.h"
#include "tool.h"

/* Bytes of one call, so that progress can be shown in between. */
#define STEP	(256ULL << 20)

/**
 * struct job - what to move
 * @file: name of the file
 * @id: the export
 * @io: descriptors, offsets, flags; its length is the total length
 * @whole: no length was given
 * @write: to the file
 * @explain: print how the bytes were moved
 * @json: print JSON
 * @sum: results of all calls so far
 */
struct job {
	const char *file;
	uint64_t id;
	struct peerbuf_ioc_file io;
	bool whole;
	bool write;
	bool explain;
	bool json;
	struct peerbuf_ioc_file sum;
};

void file_add(struct peerbuf_ioc_file *sum, const struct peerbuf_ioc_file *io)
{
	sum->bytes += io->bytes;
	sum->direct += io->direct;
	sum->unaligned += io->unaligned;
	sum->unmapped += io->unmapped;
	sum->fallback += io->fallback;
	sum->commands += io->commands;
	sum->controller = io->controller;
	sum->max_command = io->max_command;
	if (io->nvme_status)
		sum->nvme_status = io->nvme_status;
}

static int refused(int control, const struct job *job, const struct peerbuf_error *error)
{
	struct subject subject = { .id = job->id, .client = job->sum.controller };
	const char *verb = job->write ? "write" : "read";
	struct peerbuf_export_info info;
	const char *status = "";

	if (!peerbuf_query_fd(control, job->io.dmabuf_fd, &info, NULL))
		subject.provider = info.addr;
	if (job->sum.nvme_status)
		status = format_text(", NVMe status 0x%x", job->sum.nvme_status);
	return failed(error, &subject, "%s %s: after %" PRIu64 " bytes%s", verb, job->file,
		      (uint64_t)job->sum.bytes, status);
}

static int run(int control, struct job *job)
{
	const char *what = job->write ? "MiB written" : "MiB read";
	struct peerbuf_error error;
	struct peerbuf_ioc_file io;
	ssize_t moved;

	do {
		io = job->io;
		io.file_offset += job->sum.bytes;
		io.offset += job->sum.bytes;
		io.length -= job->sum.bytes;
		if (io.length > STEP)
			io.length = STEP;
		moved = job->write ? peerbuf_file_write(control, &io, &error) :
				     peerbuf_file_read(control, &io, &error);
		file_add(&job->sum, &io);
		if (moved < 0)
			return refused(control, job, &error);
		progress(what, job->sum.bytes >> 20, job->io.length >> 20);
	} while (moved && job->sum.bytes < job->io.length);
	progress(what, 1, 1);
	return EXIT_OK;
}

void file_ways_json(struct json_object *object, const struct peerbuf_ioc_file *sum)
{
	json_set_number(object, "bytes", sum->bytes);
	json_set_number(object, "direct", sum->direct);
	json_set_number(object, "unaligned", sum->unaligned);
	json_set_number(object, "unmapped", sum->unmapped);
	json_set_number(object, "fallback", sum->fallback);
	json_set_number(object, "commands", sum->commands);
	json_set_number(object, "max_command", sum->max_command);
	json_set_addr(object, "controller", sum->controller);
}

static void print_json(const struct job *job)
{
	struct json_object *top = json_new();

	json_set_number(top, "id", job->id);
	json_set_text(top, "file", job->file);
	file_ways_json(top, &job->sum);
	json_print(top);
}

void file_explain(const struct peerbuf_ioc_file *sum)
{
	printf("%s by %" PRIu32 " command%s of the drive at %s, of up to %s each\n",
	       size_text(sum->direct), sum->commands, plural(sum->commands),
	       addr_text(sum->controller), size_text(sum->max_command));
	if (sum->unaligned)
		printf("%s through system memory: not aligned to the drive's blocks, or in the "
		       "buffer to four bytes\n", size_text(sum->unaligned));
	if (sum->unmapped)
		printf("%s through system memory: the file has no block there that the drive may "
		       "use\n", size_text(sum->unmapped));
	if (sum->fallback)
		printf("%s through system memory: the drive has no route to the buffer\n",
		       size_text(sum->fallback));
}

static void print_result(const struct job *job)
{
	if (job->json) {
		print_json(job);
		return;
	}
	printf("%" PRIu64 " bytes %s\n", (uint64_t)job->sum.bytes,
	       job->write ? "written" : "read");
	if (job->explain)
		file_explain(&job->sum);
	else if (job->sum.fallback)
		warning("%s went through system memory: the drive has no route to the buffer",
			size_text(job->sum.fallback));
}

uint64_t file_size(int fd)
{
	struct stat status;
	uint64_t size;

	if (!ioctl(fd, BLKGETSIZE64, &size))
		return size;
	return fstat(fd, &status) || !S_ISREG(status.st_mode) ? UINT64_MAX :
								(uint64_t)status.st_size;
}

/* Sets the length to the rest of the buffer, and for a read to no more than the file's rest. */
static int measure(int control, struct job *job)
{
	struct peerbuf_export_info info;
	struct peerbuf_error error;
	uint64_t size = file_size(job->io.file_fd), left;

	if (!job->whole)
		return EXIT_OK;
	if (peerbuf_query_fd(control, job->io.dmabuf_fd, &info, &error))
		return failed(&error, NULL, "export %" PRIu64, job->id);
	left = info.buffer_size > job->io.offset ? info.buffer_size - job->io.offset : 0;
	if (!job->write && size > job->io.file_offset && size - job->io.file_offset < left)
		left = size - job->io.file_offset;
	/* If nothing is left, ask for one byte, so that the kernel names the reason. */
	job->io.length = left ? left : 1;
	return EXIT_OK;
}

static int move_all(void *data, int control)
{
	struct job *job = data;
	int ret = measure(control, job);

	if (!ret)
		ret = run(control, job);
	if (!ret)
		print_result(job);
	return ret;
}

int file_with(struct peerbuf_ioc_file *io, const char *file, bool write, uint64_t id,
	      int (*move)(void *job, int control), void *job)
{
	int control, ret;

	io->file_fd = open(file, (write ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	if (io->file_fd < 0)
		return failed_errno(-errno, "%s", file);
	control = open_control(O_RDONLY);
	if (control < 0) {
		close(io->file_fd);
		return -control;
	}
	io->dmabuf_fd = lookup_buffer(control, id);
	ret = io->dmabuf_fd < 0 ? -io->dmabuf_fd : move(job, control);
	if (io->dmabuf_fd >= 0)
		close(io->dmabuf_fd);
	peerbuf_close(control);
	close(io->file_fd);
	return ret;
}

void parse_place(const struct command *self, char *text, uint64_t *id, __u64 *offset)
{
	char *colon = strchr(text, ':');

	if (colon) {
		*colon = '\0';
		*offset = parse_size(self, colon + 1);
	}
	*id = parse_id(self, text);
}

uint32_t parse_depth(const struct command *self, const char *text)
{
	char *end;
	unsigned long depth = strtoul(text, &end, 10);

	if (end == text || *end || !depth || depth > PEERBUF_FILE_MAX_DEPTH)
		usage_error(self, "%s: not a number from 1 to %d", text, PEERBUF_FILE_MAX_DEPTH);
	return depth;
}

enum { EXPLAIN = 256 };

static const struct option options[] = {
	HELP_OPTION, JSON_OPTION, { "offset", required_argument, NULL, 'o' },
	{ "length", required_argument, NULL, 'l' }, { "depth", required_argument, NULL, 'd' },
	{ "strict", no_argument, NULL, 's' }, { "fallback", no_argument, NULL, 'f' },
	{ "explain", no_argument, NULL, EXPLAIN }, { 0 }
};

static void take_option(const struct command *self, struct job *job, int option)
{
	switch (option) {
	case 'o':
		job->io.file_offset = parse_size(self, optarg);
		break;
	case 'l':
		job->io.length = parse_size(self, optarg);
		job->whole = false;
		break;
	case 'd':
		job->io.depth = parse_depth(self, optarg);
		break;
	case 's':
		job->io.flags |= PEERBUF_FILE_F_STRICT;
		break;
	case 'f':
		job->io.flags |= PEERBUF_FILE_F_FALLBACK;
		break;
	case EXPLAIN:
		job->explain = true;
		break;
	case 'j':
		job->json = true;
	}
}

static int file_run(const struct command *self, int argc, char **argv)
{
	struct job job = {
		.whole = true,
		.write = !strcmp(self->name, "write"),
		.sum.controller = PEERBUF_PCI_NONE,
	};
	int option;

	while ((option = next_option(self, argc, argv, ":hjo:l:d:sf", options)) != -1)
		take_option(self, &job, option);
	count_arguments(self, argc, 2, 2);
	job.file = argv[optind];
	parse_place(self, argv[optind + 1], &job.id, &job.io.offset);
	return file_with(&job.io, job.file, job.write, job.id, move_all, &job);
}

#define OPTIONS_HELP							\
	"  FILE                  an NVMe block device, a partition of one, or a file of\n" \
	"                        ext4 or xfs on either\n"		\
	"  ID                    the export's number, see 'peerbuf ps', and where to\n" \
	"                        begin in it\n"			\
	"  -o, --offset N        where to begin in the file\n"		\
	"  -l, --length N        how many bytes; without it, to the end of the buffer or,\n" \
	"                        when reading, of the file\n"		\
	"  -d, --depth N         commands under way at a time, up to 64\n"	\
	"  -s, --strict          fail rather than move anything through system memory\n" \
	"  -f, --fallback        go through system memory where the drive has no route\n" \
	"      --explain         say which bytes went which way, by how many commands\n" \
	"  -j, --json            print JSON\n"

#define NOTES								\
	"The drive keeps its driver. This takes a descriptor of the buffer: run it below\n" \
	"'peerbuf export … -- COMMAND', or as root.\n"

const struct command read_command = {
	.name = "read",
	.synopsis = "[OPTION]… FILE ID[:OFFSET]",
	.summary = "Have an NVMe drive read a file straight into a buffer",
	.help = OPTIONS_HELP,
	.notes = NOTES,
	.run = file_run,
};

const struct command write_command = {
	.name = "write",
	.synopsis = "[OPTION]… FILE ID[:OFFSET]",
	.summary = "Have an NVMe drive write to a file straight from a buffer",
	.help = OPTIONS_HELP,
	.notes = NOTES,
	.run = file_run,
};
