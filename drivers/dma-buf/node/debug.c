// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/peerbuf/exports: every export and its importers, to be read by people who have
 * only a shell. The format may change.
 */
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/seq_file.h>

#include <peerbuf/peerbuf.h>

#include "core/buffer.h"
#include "core/client.h"
#include "core/placement.h"
#include "core/reach.h"
#include "node/debug.h"

static struct dentry *peerbuf_debug_dir;

static void peerbuf_debug_vec(struct seq_file *m, const struct p2p_vec *vec)
{
	switch (vec->kind) {
	case P2P_VEC_BAR:
		seq_printf(m, "  range %s BAR %d offset %#llx length %#llx\n",
			   pci_name(p2p_provider_pdev(vec->provider)),
			   p2p_provider_bar(vec->provider),
			   vec->paddr - p2p_provider_base(vec->provider),
			   vec->len);
		break;
	case P2P_VEC_SYSTEM:
		seq_printf(m, "  range system memory length %#llx\n", vec->len);
		break;
	default:
		seq_printf(m, "  range hidden memory length %#llx\n", vec->len);
	}
}

static void peerbuf_debug_vecs(struct seq_file *m, const struct p2p_vecs *vecs)
{
	u32 i;

	for (i = 0; i < vecs->nr; i++)
		peerbuf_debug_vec(m, &vecs->vec[i]);
}

static void peerbuf_debug_client(struct seq_file *m,
				 const struct peerbuf_client *client)
{
	struct device *dev = client->attach->dev;

	seq_printf(m, "  importer %s %s%s%s pins %u mappings %u segments %u by %s\n",
		   dev_driver_string(dev), dev_name(dev),
		   client->revocable ? " revocable" : "",
		   client->native ? " native" : "",
		   peerbuf_client_pins(client), client->maps,
		   client->nr_segments, client->comm);
}

static void peerbuf_debug_export(struct seq_file *m, struct peerbuf *pb)
{
	struct peerbuf_client *client;

	seq_printf(m, "export %llu size %llu flags %#x state %#x revoked %#x generation %llu holds %u by %s\n",
		   pb->id, pb->size, pb->flags, peerbuf_state(pb, true), peerbuf_revoked(pb),
		   pb->generation, pb->nr_holds, pb->comm);
	peerbuf_debug_vecs(m, pb->placement->vecs);
	list_for_each_entry(client, &pb->clients, node)
		peerbuf_debug_client(m, client);
}

static int peerbuf_debug_show(struct seq_file *m, void *unused)
{
	unsigned long until = jiffies + PEERBUF_GLANCE;
	struct peerbuf *pb;
	u64 id = 0;

	while ((pb = peerbuf_registry_next(id))) {
		id = pb->id;
		if (peerbuf_lock_until(pb, until)) {
			peerbuf_debug_export(m, pb);
			dma_resv_unlock(pb->dmabuf->resv);
		} else {
			seq_printf(m, "export %llu size %llu revoked %#x busy by %s\n",
				   pb->id, pb->size, peerbuf_revoked(pb), pb->comm);
		}
		peerbuf_put(pb);
	}
	return 0;
}

DEFINE_SHOW_ATTRIBUTE(peerbuf_debug);

/* Errors are ignored: without debugfs there is no file. */
void peerbuf_debug_init(void)
{
	peerbuf_debug_dir = debugfs_create_dir("peerbuf", NULL);
	debugfs_create_file("exports", 0400, peerbuf_debug_dir, NULL,
			    &peerbuf_debug_fops);
}

void peerbuf_debug_exit(void)
{
	debugfs_remove_recursive(peerbuf_debug_dir);
}
