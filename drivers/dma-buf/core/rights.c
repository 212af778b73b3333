// SPDX-License-Identifier: GPL-2.0
/*
 * Rights: whose memory a call may touch.
 *
 * A node that is open for writing gives the right to its function's memory and to no other. A call
 * has the rights of the node that it is made on, of the nodes that its ranges name, and of those
 * in its array of rights. They are gathered before the buffer is looked up, because a visitor of
 * a buffer must not touch user memory. Which rights are needed is known only under the buffer's
 * lock: until then the buffer may move to another function.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/uaccess.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/buffer.h"
#include "core/device.h"
#include "core/file.h"
#include "core/placement.h"
#include "core/refusal.h"
#include "core/rights.h"

/* Begins with the right of the node that the call is made on; control has all rights. */
void peerbuf_rights_init(struct peerbuf_rights *rights, struct peerbuf_file *pf)
{
	rights->nr = 0;
	rights->all = !pf->pdevice;
	rights->missing = PEERBUF_PCI_NONE;
	if (pf->pdevice)
		peerbuf_rights_add(rights, pf->pdevice);
}

void peerbuf_rights_drop(struct peerbuf_rights *rights)
{
	while (rights->nr)
		peerbuf_device_put(rights->of[--rights->nr]);
}

bool peerbuf_rights_have(const struct peerbuf_rights *rights,
			 const struct peerbuf_device *pdevice)
{
	u32 i;

	if (rights->all)
		return true;
	for (i = 0; i < rights->nr; i++)
		if (rights->of[i] == pdevice)
			return true;
	return false;
}

/* Takes a reference of its own. Returns 0, or -EMSGSIZE. */
int peerbuf_rights_add(struct peerbuf_rights *rights, struct peerbuf_device *pdevice)
{
	if (peerbuf_rights_have(rights, pdevice))
		return 0;
	if (rights->nr == ARRAY_SIZE(rights->of))
		return -EMSGSIZE;
	peerbuf_device_get(pdevice);
	rights->of[rights->nr++] = pdevice;
	return 0;
}

/*
 * Returns a node that is open for writing, with a reference to @filp, which keeps the result. Or
 * -EBADF, or -EXDEV if it is no node, with the reason.
 */
struct peerbuf_file *peerbuf_right_from_fd(int fd, struct file **filp, struct peerbuf_refusal *why)
{
	struct peerbuf_file *pf = peerbuf_file_from_fd(fd, filp);

	if (pf == ERR_PTR(-EXDEV))
		return ERR_PTR(peerbuf_fail(why, -EXDEV, PEERBUF_REASON_NOT_NODE));
	if (IS_ERR(pf))
		return ERR_PTR(peerbuf_fail(why, PTR_ERR(pf), PEERBUF_REASON_BAD_FD));
	if (!pf->writable) {
		fput(*filp);
		return ERR_PTR(peerbuf_fail(why, -EBADF, PEERBUF_REASON_READ_ONLY_FILE));
	}
	return pf;
}

static int peerbuf_rights_add_fd(struct peerbuf_rights *rights, int fd, struct peerbuf_refusal *why)
{
	struct peerbuf_file *pf;
	struct file *filp;
	int ret;

	pf = peerbuf_right_from_fd(fd, &filp, why);
	if (IS_ERR(pf))
		return PTR_ERR(pf);
	ret = peerbuf_rights_add(rights, pf->pdevice);
	if (ret)
		peerbuf_fail(why, ret, PEERBUF_REASON_TOO_MANY_RIGHTS);
	fput(filp);
	return ret;
}

/*
 * Adds the rights in the array at @user. What has been added stays until peerbuf_rights_drop(),
 * also after an error.
 */
int peerbuf_rights_fetch(struct peerbuf_rights *rights, u64 user, u32 nr, u32 *bad_right,
			 struct peerbuf_refusal *why)
{
	s32 fds[PEERBUF_MAX_RIGHTS];
	int ret;
	u32 i;

	if (nr > PEERBUF_MAX_RIGHTS)
		return peerbuf_fail(why, -EMSGSIZE, PEERBUF_REASON_TOO_MANY_RIGHTS);
	if (copy_from_user(fds, u64_to_user_ptr(user), nr * sizeof(fds[0])))
		return peerbuf_fail(why, -EFAULT, PEERBUF_REASON_BAD_POINTER);
	for (i = 0; i < nr; i++) {
		ret = peerbuf_rights_add_fd(rights, fds[i], why);
		if (ret) {
			*bad_right = i;
			return ret;
		}
	}
	return 0;
}

static int peerbuf_rights_need(struct peerbuf_rights *rights,
			       const struct peerbuf_device *pdevice, struct peerbuf_refusal *why)
{
	if (peerbuf_rights_have(rights, pdevice))
		return 0;
	rights->missing = p2p_pci_addr(pdevice->pdev);
	return peerbuf_fail(why, -EACCES, PEERBUF_REASON_RIGHT_MISSING);
}

/*
 * Under resv: do the rights cover all of @pb? Its home counts wherever @pb lies, and owns the
 * system memory in it.
 */
int peerbuf_rights_cover(struct peerbuf_rights *rights, struct peerbuf *pb,
			 struct peerbuf_refusal *why)
{
	const struct peerbuf_placement *placement = pb->placement;
	int ret = 0;
	u32 i;

	dma_resv_assert_held(pb->dmabuf->resv);

	if (pb->home)
		ret = peerbuf_rights_need(rights, pb->home, why);
	for (i = 0; !ret && placement && i < placement->nr_claims; i++)
		ret = peerbuf_rights_need(rights, placement->claims[i].pdevice, why);
	return ret;
}
