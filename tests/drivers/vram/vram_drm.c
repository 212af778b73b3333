// SPDX-License-Identifier: GPL-2.0
/* The DRM driver. */
#include <linux/module.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>

#include "drm.h"
#include "vram.h"

static const struct drm_ioctl_desc vram_ioctls[] = {
	DRM_IOCTL_DEF_DRV(VRAM_BO_CREATE, vram_ioctl_bo_create, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VRAM_BO_INFO, vram_ioctl_bo_info, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VRAM_BO_MOVE, vram_ioctl_bo_move, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VRAM_COPY, vram_ioctl_copy, DRM_RENDER_ALLOW),
	DRM_IOCTL_DEF_DRV(VRAM_STATS, vram_ioctl_stats, DRM_RENDER_ALLOW),
};

DEFINE_DRM_GEM_FOPS(vram_fops);

/* DRIVER_MODESET without a display: user space uses dumb buffers only with such drivers. */
const struct drm_driver vram_drm_driver = {
	.driver_features = DRIVER_GEM | DRIVER_RENDER | DRIVER_SYNCOBJ |
			   DRIVER_SYNCOBJ_TIMELINE | DRIVER_MODESET,
	.fops = &vram_fops,
	.ioctls = vram_ioctls,
	.num_ioctls = ARRAY_SIZE(vram_ioctls),
	.dumb_create = vram_dumb_create,
	.gem_prime_import = vram_gem_import,
	DRM_DRIVER_PRIME_OPS
	.name = "vram",
	.desc = "Memory behind a BAR, as a GPU has it",
	DRM_DRIVER_DATE("20261121")
	.major = 1,
	.minor = 0,
};
