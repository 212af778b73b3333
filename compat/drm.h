/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DRM: fields of a driver's description that only older kernels have or need. Included by DRM
 * drivers only, because it needs <drm/drm_prime.h>.
 */
#ifndef _PEERBUF_COMPAT_DRM_H
#define _PEERBUF_COMPAT_DRM_H

#include <drm/drm_drv.h>
#include <drm/drm_prime.h>

/* Before 6.6 a driver without these had no PRIME. Later kernels accept them as well. */
#ifdef HAVE_DRM_PRIME_HELPERS
#define DRM_DRIVER_PRIME_OPS						\
	.prime_handle_to_fd = drm_gem_prime_handle_to_fd,		\
	.prime_fd_to_handle = drm_gem_prime_fd_to_handle,
#else
#define DRM_DRIVER_PRIME_OPS
#endif

/* Before 6.14 the core warned about a driver without a date. */
#ifdef HAVE_DRM_DRIVER_DATE
#define DRM_DRIVER_DATE(text)	.date = (text),
#else
#define DRM_DRIVER_DATE(text)
#endif

#endif /* _PEERBUF_COMPAT_DRM_H */
