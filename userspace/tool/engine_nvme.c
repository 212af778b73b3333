// SPDX-License-Identifier: GPL-2.0-only
/*
 * Of an NVMe drive, through the module peerbuf-nvme: the drive writes to the memory what it reads
 * from its medium, and reads from there what it is to write. What is on the medium is left alone,
 * unless somebody names a place that may be overwritten.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>

#include "engine.h"
#include "tool.h"

#define MOST		(64 << 10) /* bytes of a transfer */
#define FILE_GRAIN	4096	   /* of files: no file system has larger blocks here */
#define TRIES		64	   /* for a place whose bytes are not all the same */

/**
 * struct nvme - a drive
 * @engine: what others see of it
 * @addr: its controller's function
 * @control: asks the module
 * @file: a namespace of it, or the scratch file, past the page cache
 * @size: of that, in bytes
 * @place: where in it the next transfer is
 * @memory: MOST bytes at the beginning of a page
 * @dmabuf: that is attached
 */
struct nvme {
	struct engine engine;
	uint64_t addr;
	int control;
	int file;
	uint64_t size;
	uint64_t place;
	unsigned char *memory;
	int dmabuf;
};

static int move(struct nvme *nvme, bool to_buffer, uint64_t offset, size_t length,
		struct peerbuf_ioc_file *io)
{
	struct peerbuf_error error;
	ssize_t moved;

	*io = (struct peerbuf_ioc_file) {
		.flags = PEERBUF_FILE_F_STRICT,
		.file_fd = nvme->file,
		.dmabuf_fd = nvme->dmabuf,
		.file_offset = nvme->place,
		.length = length,
		.offset = offset,
	};
	moved = to_buffer ? peerbuf_file_read(nvme->control, io, &error) :
			    peerbuf_file_write(nvme->control, io, &error);
	nvme->engine.reason = moved < 0 ? error.reason : 0;
	if (moved < 0)
		return moved;
	return (size_t)moved == length ? 0 : -EIO;
}

/* Nothing is attached but for the time of a call. So one is made, of a few bytes. */
static int nvme_attach(struct engine *engine, int dmabuf, uint64_t size)
{
	struct nvme *nvme = (struct nvme *)engine;
	struct peerbuf_ioc_file io;
	int ret;

	(void)size;
	nvme->dmabuf = dmabuf;
	nvme->place = 0;
	ret = move(nvme, true, 0, engine->grain, &io);
	if (ret || io.controller == nvme->addr)
		return ret;
	warning("%s is on the drive at %s", engine->name, addr_text(io.controller));
	return -EXDEV;
}

static void nvme_detach(struct engine *engine)
{
	((struct nvme *)engine)->dmabuf = -1;
}

static bool is_uniform(const unsigned char *data, size_t length)
{
	return !memcmp(data, data + 1, length - 1);
}

/* What is at its place on the drive. */
static int read_place(struct nvme *nvme, void *data, size_t length)
{
	ssize_t nr = pread(nvme->file, nvme->memory, length, nvme->place);

	if (nr < 0)
		return -errno;
	if ((size_t)nr != length)
		return -EIO;
	memcpy(data, nvme->memory, length);
	return 0;
}

/* Another place each time, and one that says where a byte belongs, if there is any. */
static int read_medium(struct engine *engine, void *data, size_t length)
{
	struct nvme *nvme = (struct nvme *)engine;
	int ret = -EIO, n;

	for (n = 0; n < TRIES; n++) {
		nvme->place += MOST;
		if (nvme->place + MOST > nvme->size)
			nvme->place = 0;
		ret = read_place(nvme, data, length);
		if (!ret && !is_uniform(data, length))
			break;
	}
	return ret;
}

static int write_scratch(struct engine *engine, void *data, size_t length)
{
	struct nvme *nvme = (struct nvme *)engine;
	ssize_t nr;

	memcpy(nvme->memory, data, length);
	nr = pwrite(nvme->file, nvme->memory, length, nvme->place);
	if (nr < 0)
		return -errno;
	return (size_t)nr == length ? 0 : -EIO;
}

static int nvme_transfer(struct engine *engine, int to_buffer, uint64_t offset, void *data,
			 size_t length)
{
	struct nvme *nvme = (struct nvme *)engine;
	struct peerbuf_ioc_file io;
	int ret = move(nvme, to_buffer, offset, length, &io);

	return ret || to_buffer ? ret : read_place(nvme, data, length);
}

static void nvme_close(struct engine *engine)
{
	struct nvme *nvme = (struct nvme *)engine;

	if (nvme->file >= 0)
		close(nvme->file);
	if (nvme->control >= 0)
		peerbuf_close(nvme->control);
	free(nvme->memory);
	free(nvme);
}

/* nvme0c1n2, hidden, is a path by which the controller serves a part of the disk nvme0n2. */
static const char *disk_name(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	unsigned int subsystem, controller, head;

	if (sscanf(name, "nvme%uc%un%u", &subsystem, &controller, &head) == 3)
		return format_text("nvme%un%u", subsystem, head);
	return format_text("%s", name);
}

/* The first namespace that can be opened. */
static int open_disk(struct nvme *nvme)
{
	const char *pattern = format_text("/sys/bus/pci/devices/%s/nvme/nvme*/nvme*n*",
					  addr_text(nvme->addr));
	const char *name = NULL;
	int err = 0;
	glob_t found;
	size_t n;

	if (glob(pattern, 0, NULL, &found))
		return -ENODEV;
	for (n = 0; n < found.gl_pathc && nvme->file < 0; n++) {
		name = disk_name(found.gl_pathv[n]);
		nvme->file = open(format_text("/dev/%s", name), O_RDONLY | O_DIRECT | O_CLOEXEC);
		err = nvme->file < 0 ? -errno : 0;
	}
	globfree(&found);
	if (err)
		warning("/dev/%s of the drive cannot be read: %s", name, strerror(-err));
	else
		snprintf(nvme->engine.name, sizeof(nvme->engine.name), "%s", name);
	return err;
}

/* A disk that is in use is nobody's to overwrite: that is what O_EXCL asks of the kernel. */
static int open_scratch(struct nvme *nvme, const char *path)
{
	struct stat status;
	bool disk = !stat(path, &status) && S_ISBLK(status.st_mode);

	nvme->file = open(path, O_RDWR | O_DIRECT | O_CLOEXEC | (disk ? O_EXCL : 0));
	if (nvme->file < 0) {
		warning("%s: %s", path, strerror(errno));
		return -EACCES;
	}
	snprintf(nvme->engine.name, sizeof(nvme->engine.name), "%s", path);
	return 0;
}

/* How much there is, and in which steps. */
static int measure(struct nvme *nvme)
{
	struct engine *engine = &nvme->engine;
	struct stat status;
	int block;

	engine->grain = FILE_GRAIN;
	if (ioctl(nvme->file, BLKGETSIZE64, &nvme->size)) {
		if (fstat(nvme->file, &status) || !S_ISREG(status.st_mode))
			return -EINVAL;
		nvme->size = status.st_size;
	} else if (!ioctl(nvme->file, BLKSSZGET, &block) && block > 0) {
		engine->grain = block;
	}
	engine->most = nvme->size < MOST ? nvme->size / engine->grain * engine->grain : MOST;
	if (engine->most && engine->grain <= MOST)
		return 0;
	warning("%s is too small: 64 KiB are wanted", engine->name);
	return -EINVAL;
}

/* With no buffer at all the module, if it can be had, gets as far as that. */
static bool is_served(struct nvme *nvme)
{
	struct peerbuf_ioc_file io;

	nvme->dmabuf = -1;
	if (move(nvme, true, 0, nvme->engine.grain, &io) == -EBADF)
		return true;
	warning("the drive's %s cannot be used: %s", nvme->engine.name,
		peerbuf_reason_text(nvme->engine.reason));
	return false;
}

static bool set_up(struct nvme *nvme, const char *scratch)
{
	if (scratch ? open_scratch(nvme, scratch) : open_disk(nvme))
		return false;
	nvme->control = peerbuf_open_control(O_RDONLY);
	return nvme->control >= 0 && !measure(nvme) && is_served(nvme);
}

struct engine *engine_nvme(uint64_t addr, const char *scratch)
{
	struct nvme *nvme = calloc(1, sizeof(*nvme));

	if (!nvme)
		out_of_memory();
	nvme->memory = aligned_alloc(FILE_GRAIN, MOST);
	if (!nvme->memory)
		out_of_memory();
	nvme->addr = addr;
	nvme->file = -1;
	nvme->control = -1;
	nvme->engine = (struct engine) {
		.kind = "nvme",
		.align = 4,
		.only_writes = !scratch,
		.passing = true,
		.attach = nvme_attach,
		.detach = nvme_detach,
		.prepare = scratch ? write_scratch : read_medium,
		.transfer = nvme_transfer,
		.close = nvme_close,
	};
	if (set_up(nvme, scratch))
		return &nvme->engine;
	nvme_close(&nvme->engine);
	return NULL;
}
