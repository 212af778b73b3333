// SPDX-License-Identifier: GPL-2.0
/* See shapes.h. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "drive.h"
#include "harness.h"
#include "lab.h"
#include "shapes.h"

#define SIZE	(16 * PAGE)
#define START	(32 * PAGE)

static void fill_nothing(struct stage *stage, void *data)
{
	(void)stage;
	(void)data;
}

static void fill_export(struct stage *stage, void *data)
{
	struct peerbuf_ioc_export *req = data;

	stage->range.offset = 0;
	req->open_flags = O_RDWR | O_CLOEXEC;
	req->nr_ranges = 1;
	req->ranges = (unsigned long)&stage->range;
}

static void undo_export(struct stage *stage, void *data)
{
	struct peerbuf_ioc_export *req = data;

	(void)stage;
	close(req->fd);
}

static void fill_move(struct stage *stage, void *data)
{
	struct peerbuf_ioc_move *req = data;

	stage->range.offset = START;
	req->id = stage->export.id;
	req->nr_ranges = 1;
	req->ranges = (unsigned long)&stage->range;
}

static void fill_revoke(struct stage *stage, void *data)
{
	struct peerbuf_ioc_revoke *req = data;

	req->id = stage->export.id;
}

static void undo_revoke(struct stage *stage, void *data)
{
	(void)data;
	check_ok(peer_restore(stage->node, stage->export.id));
}

static void fill_restore(struct stage *stage, void *data)
{
	struct peerbuf_ioc_restore *req = data;

	req->id = stage->export.id;
	check_ok(peer_revoke(stage->node, stage->export.id, 0));
}

static void fill_query(struct stage *stage, void *data)
{
	struct peerbuf_ioc_query *req = data;

	req->id = stage->export.id;
}

static void fill_list(struct stage *stage, void *data)
{
	struct peerbuf_ioc_list *req = data;

	req->entries = (unsigned long)stage->entries;
	req->nr_entries = 4;
	req->entry_size = sizeof(struct peerbuf_export_info);
}

static void fill_attachments(struct stage *stage, void *data)
{
	struct peerbuf_ioc_attachments *req = data;

	req->id = stage->export.id;
	req->entries = (unsigned long)stage->entries;
	req->nr_entries = 4;
	req->entry_size = sizeof(struct peerbuf_attachment_info);
}

static void fill_route(struct stage *stage, void *data)
{
	struct peerbuf_ioc_route *req = data;

	req->provider = stage->addr;
	req->client = stage->addr;
	req->bar = PEERBUF_ANY_BAR;
}

static void fill_lend(struct stage *stage, void *data)
{
	struct peerbuf_ioc_lend *req = data;

	req->addr = stage->addr;
	req->bar_mask = 1U << 2;
}

static void undo_lend(struct stage *stage, void *data)
{
	(void)data;
	check_ok(peer_unlend(stage->control, stage->addr, 1U << 2));
}

static void fill_unlend(struct stage *stage, void *data)
{
	check_ok(peer_lend(stage->control, stage->addr, 1U << 2));
	fill_lend(stage, data);
}

static void fill_devices(struct stage *stage, void *data)
{
	struct peerbuf_ioc_devices *req = data;

	req->entries = (unsigned long)stage->entries;
	req->nr_entries = 8;
}

static void fill_events(struct stage *stage, void *data)
{
	struct peerbuf_ioc_events *req = data;

	(void)stage;
	req->types = 1U << PEERBUF_EVENT_EXPORT;
	req->record_size = sizeof(struct peerbuf_event);
}

static void fill_file_read(struct stage *stage, void *data)
{
	struct peerbuf_ioc_file *req = data;

	req->file_fd = stage->disk;
	req->dmabuf_fd = stage->export.fd;
	req->length = PAGE;
	req->file_offset = PAGE;
}

/* What it writes is what is there. */
static void fill_file_write(struct stage *stage, void *data)
{
	struct peerbuf_ioc_file read = { 0 };

	fill_file_read(stage, &read);
	check_ok(peer_file(stage->control, false, &read));
	fill_file_read(stage, data);
}

static void fill_policy(struct stage *stage, void *data)
{
	struct peerbuf_ioc_policy *req = data;

	check_ok(peer_lend(stage->control, stage->addr, 1U << 2));
	req->addr = stage->addr;
	req->set = PEERBUF_POLICY_F_PINNED;
}

static void fill_lookup(struct stage *stage, void *data)
{
	struct peerbuf_ioc_lookup *req = data;

	req->addr = (unsigned long)stage->cpu;
	req->length = SIZE;
	req->pieces = (unsigned long)stage->entries;
	req->nr_pieces = 1;
	req->piece_size = sizeof(struct peerbuf_piece);
}

static void undo_lookup(struct stage *stage, void *data)
{
	(void)data;
	check_sys(close(((struct peerbuf_piece *)stage->entries)->fd));
}

#define SHAPE(verb, type, who_, ...)					\
	{ .name = #verb, .request = PEERBUF_IOC_##verb,			\
	  .size = sizeof(struct peerbuf_ioc_##type), .who = who_, __VA_ARGS__ }
#define SINCE_FIRST(type, member)					\
	.grown_from = offsetof(struct peerbuf_ioc_##type, member)
#define FLAGS(type)	.flags = offsetof(struct peerbuf_ioc_##type, flags)
#define RESERVED(type)	.reserved = offsetof(struct peerbuf_ioc_##type, reserved)
#define BOTH		(SHAPE_NODE | SHAPE_CONTROL)

const struct shape shapes[] = {
	SHAPE(INFO, info, SHAPE_NODE, .fill = fill_nothing),
	SHAPE(EXPORT, export, SHAPE_NODE, FLAGS(export), RESERVED(export),
	      SINCE_FIRST(export, segment_align),
	      .fill = fill_export, .undo = undo_export),
	SHAPE(MOVE, move, SHAPE_NODE, FLAGS(move), RESERVED(move),
	      SINCE_FIRST(move, rights), .fill = fill_move),
	SHAPE(REVOKE, revoke, BOTH, FLAGS(revoke), RESERVED(revoke),
	      .fill = fill_revoke, .undo = undo_revoke),
	SHAPE(RESTORE, restore, BOTH, FLAGS(restore), RESERVED(restore),
	      SINCE_FIRST(restore, rights), .fill = fill_restore),
	SHAPE(QUERY, query, BOTH, FLAGS(query),
	      SINCE_FIRST(query, info.fallbacks), .fill = fill_query),
	SHAPE(LIST, list, BOTH, FLAGS(list), .fill = fill_list),
	SHAPE(ATTACHMENTS, attachments, BOTH, FLAGS(attachments),
	      .fill = fill_attachments),
	SHAPE(ROUTE, route, BOTH, FLAGS(route), SINCE_FIRST(route, offset),
	      .fill = fill_route),
	SHAPE(LEND, lend, SHAPE_CONTROL, FLAGS(lend), SINCE_FIRST(lend, ranges),
	      .fill = fill_lend, .undo = undo_lend),
	SHAPE(UNLEND, lend, SHAPE_CONTROL, FLAGS(lend), SINCE_FIRST(lend, ranges),
	      .fill = fill_unlend),
	SHAPE(DEVICES, devices, SHAPE_CONTROL, FLAGS(devices),
	      RESERVED(devices), .fill = fill_devices),
	SHAPE(STATS, stats, SHAPE_CONTROL, SINCE_FIRST(stats, migrations),
	      .fill = fill_nothing),
	SHAPE(PROBE, probe, BOTH, FLAGS(probe), .fill = fill_nothing),
	SHAPE(EVENTS, events, SHAPE_NODE, FLAGS(events), .fill = fill_events),
	SHAPE(POLICY, policy, SHAPE_CONTROL, RESERVED(policy),
	      .flags = offsetof(struct peerbuf_ioc_policy, clear),
	      .fill = fill_policy, .undo = undo_lend),
	SHAPE(LOOKUP, lookup, SHAPE_CONTROL, FLAGS(lookup), .fill = fill_lookup,
	      .undo = undo_lookup),
	SHAPE(FILE_READ, file, SHAPE_CONTROL, FLAGS(file), RESERVED(file),
	      .fill = fill_file_read),
	SHAPE(FILE_WRITE, file, SHAPE_CONTROL, FLAGS(file), RESERVED(file),
	      .fill = fill_file_write),
};

const size_t nr_shapes = sizeof(shapes) / sizeof(*shapes);

void stage_open(struct stage *stage)
{
	memset(stage, 0, sizeof(*stage));
	stage->node = node_open("rp-mem");
	stage->control = control_open();
	stage->disk = drive_open(O_RDWR);
	stage->addr = lab_addr("sw-nvme");
	stage->range.length = SIZE;
	stage->range.bar = MEM_BAR;
	check_ok(peer_export_one(stage->node, MEM_BAR, START, SIZE, 0,
				 &stage->export));
	stage->cpu = buffer_map(stage->export.fd, SIZE, 0);
}

__u32 shape_first(const struct shape *shape)
{
	return shape->grown_from ?: shape->size;
}

int shape_fd(const struct shape *shape, const struct stage *stage)
{
	return shape->who & SHAPE_NODE ? stage->node : stage->control;
}

int shape_call(const struct shape *shape, struct stage *stage, void *data)
{
	return peer_ioctl(shape_fd(shape, stage), shape->request, data);
}

void shape_prepare(const struct shape *shape, struct stage *stage, void *data)
{
	memset(data, 0, shape->size);
	*(__u32 *)data = shape->size;
	shape->fill(stage, data);
}
