/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DRM: what a driver's description must say only to older kernels. Included by DRM
 * drivers only, because it needs <drm/drm_prime.h>.
 */
#ifndef _PEERBUF_COMPAT_DRM_H
#define _PEERBUF_COMPAT_DRM_H

#include <drm/drm_drv.h>
#include <drm/drm_prime.h>

/* Until 6.6 a driver without these had no PRIME; later ones take them as well. */
#ifdef HAVE_DRM_PRIME_HELPERS
#define DRM_DRIVER_PRIME_OPS						\
	.prime_handle_to_fd = drm_gem_prime_handle_to_fd,		\
	.prime_fd_to_handle = drm_gem_prime_fd_to_handle,
#else
#define DRM_DRIVER_PRIME_OPS
#endif

/* Until 6.14 a driver without a date was warned about. */
#ifdef HAVE_DRM_DRIVER_DATE
#define DRM_DRIVER_DATE(text)	.date = (text),
#else
#define DRM_DRIVER_DATE(text)
#endif

#endif /* _PEERBUF_COMPAT_DRM_H */
