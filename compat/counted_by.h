/* SPDX-License-Identifier: GPL-2.0 */
/* __counted_by() for compilers and kernels that lack it. */
#ifndef _PEERBUF_COMPAT_COUNTED_BY_H
#define _PEERBUF_COMPAT_COUNTED_BY_H

#ifndef __counted_by
#define __counted_by(member)
#endif

#endif /* _PEERBUF_COMPAT_COUNTED_BY_H */
