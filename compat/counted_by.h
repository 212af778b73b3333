/* SPDX-License-Identifier: GPL-2.0 */
/* Bounds of flexible arrays, for the compilers and kernels that know them. */
#ifndef _PEERBUF_COMPAT_COUNTED_BY_H
#define _PEERBUF_COMPAT_COUNTED_BY_H

#ifndef __counted_by
#define __counted_by(member)
#endif

#endif /* _PEERBUF_COMPAT_COUNTED_BY_H */
