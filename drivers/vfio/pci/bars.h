/* SPDX-License-Identifier: GPL-2.0 */
/* Whether importers may reach the device's BARs. */
#ifndef _PEERBUF_VFIO_BARS_H
#define _PEERBUF_VFIO_BARS_H

#include <linux/bits.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/types.h>

struct peerbuf_device;
struct peerbuf_vfio;

#define PEERBUF_VFIO_BLOCK_MEMORY	BIT(0)	/* memory decode off, D3, or asleep */
#define PEERBUF_VFIO_BLOCK_RESET	BIT(1)	/* a reset is under way */
#define PEERBUF_VFIO_BLOCK_ERROR	BIT(2)	/* after an error, until set up again */
#define PEERBUF_VFIO_BLOCK_REMOVED	BIT(3)	/* being unbound: final */
#define PEERBUF_VFIO_BLOCK_CLOSED	BIT(4)	/* being closed, until opened again */

/* How long callbacks from the driver core wait for importers; in jiffies. */
#define PEERBUF_VFIO_TIMEOUT		(5 * HZ)

/**
 * struct peerbuf_vfio_bars - whether importers may reach the device's BARs
 * @pdevice_lock: held for reading, it keeps @pdevice while importers are waited for. The
 *	writer has told importers before, and waits for them in peerbuf_device_unregister()
 * @lock: protects @blocks and @accesses, and keeps the state of @pdevice in step with them
 * @blocks: why importers may not reach the BARs, PEERBUF_VFIO_BLOCK_*
 * @accesses: calls under way that may turn the BARs off
 * @pdevice: exports the BARs while the device is open. Set under @lock, cleared under
 *	@pdevice_lock held for writing
 *
 * Importers may reach the BARs if @blocks and @accesses are both zero.
 */
struct peerbuf_vfio_bars {
	struct rw_semaphore pdevice_lock;
	struct mutex lock;
	u32 blocks;
	u32 accesses;
	struct peerbuf_device *pdevice;
};

/* bars.c */
void peerbuf_vfio_bars_init(struct peerbuf_vfio_bars *bars);
void peerbuf_vfio_bars_destroy(struct peerbuf_vfio_bars *bars);
struct peerbuf_device *peerbuf_vfio_bars_claim(struct peerbuf_vfio *pv);
void peerbuf_vfio_bars_open(struct peerbuf_vfio *pv, struct peerbuf_device *pdevice);
void peerbuf_vfio_bars_close(struct peerbuf_vfio *pv);
void peerbuf_vfio_block(struct peerbuf_vfio *pv, u32 why, unsigned long timeout);
void peerbuf_vfio_unblock(struct peerbuf_vfio *pv, u32 why);
void peerbuf_vfio_access_begin(struct peerbuf_vfio *pv);
void peerbuf_vfio_access_end(struct peerbuf_vfio *pv);
void peerbuf_vfio_refresh(struct peerbuf_vfio *pv);
void peerbuf_vfio_woken(struct peerbuf_vfio *pv);

/* decode.c */
bool peerbuf_vfio_memory_enabled(struct peerbuf_vfio *pv);
bool peerbuf_vfio_command_is(struct peerbuf_vfio *pv, u8 low);
bool peerbuf_vfio_recovered(struct peerbuf_vfio *pv);

#endif /* _PEERBUF_VFIO_BARS_H */
