/* SPDX-License-Identifier: GPL-2.0 */
/* libc itself includes the user-space header of this name. */
#include_next <linux/errno.h>
#include "../kernel.h"
