/* SPDX-License-Identifier: GPL-2.0 */
/* DRM cards, by the kernel's own interface. Functions return 0 or -errno. */
#ifndef CARD_H
#define CARD_H

#include <linux/types.h>

/**
 * struct card_screen - a framebuffer that a card shows
 * @width: pixels
 * @height: rows
 * @fb: the framebuffer's id
 */
struct card_screen {
	__u32 width;
	__u32 height;
	__u32 fb;
};

/* Have that driver ready, if it is not part of the kernel. */
void card_load(const char *module);
/* The card of the driver of that name, its module loaded. */
int card_open(const char *module, const char *driver);
int card_import(int card, int dmabuf, __u32 *handle);
int card_export(int card, __u32 handle);
int card_forget(int card, __u32 handle);
/* Show a buffer of XRGB pixels at 640x480. */
int card_show(int card, __u32 handle, struct card_screen *screen);
/* Have what the CPU or a device wrote since shown. */
int card_dirty(int card, const struct card_screen *screen);
int card_hide(int card, const struct card_screen *screen);
/* What QEMU's display @id shows is what @memory has: the first, the middle and the last row. */
void card_check_shown(int card, const struct card_screen *screen, const __u8 *memory,
		      const char *id);

#endif /* CARD_H */
