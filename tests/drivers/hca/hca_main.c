// SPDX-License-Identifier: GPL-2.0
/* The module and the list of its devices. See hca.h for an overview. */
#include <linux/module.h>

#include "edu_dma.h"
#include "hca.h"

bool hca_pinned;
module_param_named(pinned, hca_pinned, bool, 0644);
MODULE_PARM_DESC(pinned, "MRs on DMA-BUFs registered from now on pin them, as many in-tree drivers do");

bool hca_cpu_copy = true;
module_param_named(cpu_copy, hca_cpu_copy, bool, 0644);
MODULE_PARM_DESC(cpu_copy, "the CPU copies system memory; else the DMA engine does, slowly");

bool hca_roce;
module_param_named(roce, hca_roce, bool, 0644);
MODULE_PARM_DESC(roce, "devices made from now on are RoCE: with a network interface, and for the RDMA CM");

static DEFINE_SPINLOCK(hca_list_lock); /* the list below; takes xarray locks inside */
static LIST_HEAD(hca_list);

void hca_list_add(struct hca *hca)
{
	spin_lock(&hca_list_lock);
	list_add_tail(&hca->link, &hca_list);
	spin_unlock(&hca_list_lock);
}

/* After this, other devices do not find its QPs. */
void hca_list_del(struct hca *hca)
{
	spin_lock(&hca_list_lock);
	list_del(&hca->link);
	spin_unlock(&hca_list_lock);
}

/* The device with that address, or NULL. */
static struct hca *hca_list_find(const struct hca_address *to)
{
	struct hca *hca, *found = NULL;

	lockdep_assert_held(&hca_list_lock);
	list_for_each_entry(hca, &hca_list, link) {
		if (hca_address_is_exactly(hca, to))
			return hca;
		if (!found && hca_address_is(hca, to))
			found = hca;
	}
	return found;
}

/*
 * The QP with that number at that address, or NULL. The caller gets a reference: until
 * hca_qp_put(), reset and destruction of the QP wait, and so does removal of the device.
 */
struct hca_qp *hca_list_find_qp(const struct hca_address *to, u32 number)
{
	struct hca_qp *qp = NULL;
	struct hca *hca;

	spin_lock(&hca_list_lock);
	hca = hca_list_find(to);
	if (hca) {
		xa_lock(&hca->qps);
		qp = xa_load(&hca->qps, number);
		if (qp)
			hca_qp_get_locked(qp);
		xa_unlock(&hca->qps);
	}
	spin_unlock(&hca_list_lock);
	return qp;
}

static void *hca_add(struct edu *edu)
{
	return hca_device_create(edu);
}

static void hca_remove(void *priv)
{
	hca_device_destroy(priv);
}

static const struct edu_client hca_client = {
	.add = hca_add,
	.remove = hca_remove,
};

static int __init hca_init(void)
{
	return edu_client_register(&hca_client);
}
module_init(hca_init);

static void __exit hca_exit(void)
{
	edu_client_unregister(&hca_client);
}
module_exit(hca_exit);

MODULE_IMPORT_NS("DMA_BUF");
MODULE_DESCRIPTION("RDMA device for tests, on the DMA engine of QEMU's edu device");
MODULE_LICENSE("GPL");
