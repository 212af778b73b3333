// SPDX-License-Identifier: GPL-2.0
/* See card.h. */
#include <drm.h>
#include <drm_fourcc.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "card.h"
#include "harness.h"
#include "lab.h"

#define CARDS		8
#define WIDTH		640
#define HEIGHT		480
#define MOST_MODES	64

static int card_ioctl(int card, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(card, request, arg);
	} while (ret == -1 && (errno == EINTR || errno == EAGAIN));
	return ret == -1 ? -errno : 0;
}

static bool card_is(int card, const char *driver)
{
	char name[32] = "";
	struct drm_version version = {
		.name = name, .name_len = sizeof(name) - 1,
	};

	return !card_ioctl(card, DRM_IOCTL_VERSION, &version) &&
	       !strcmp(name, driver);
}

static int card_find(const char *driver)
{
	char path[32];
	int card;

	for (int i = 0; i < CARDS; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		card = open(path, O_RDWR | O_CLOEXEC);
		if (card >= 0 && card_is(card, driver))
			return card;
		if (card >= 0)
			close(card);
	}
	return -1;
}

void card_load(const char *module)
{
	/* Nobody but the test is to draw on it. */
	module_load("drm_kms_helper");
	sysfs_write("/sys/module/drm_kms_helper/parameters/fbdev_emulation", "0");
	module_load(module);
}

int card_open(const char *module, const char *driver)
{
	int card;

	card_load(module);
	eventually(10, (card = card_find(driver)) >= 0);
	return card;
}

int card_import(int card, int dmabuf, __u32 *handle)
{
	struct drm_prime_handle prime = { .fd = dmabuf };
	int ret = card_ioctl(card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime);

	*handle = prime.handle;
	return ret;
}

int card_export(int card, __u32 handle)
{
	struct drm_prime_handle prime = {
		.handle = handle, .flags = DRM_CLOEXEC | DRM_RDWR,
	};
	int ret = card_ioctl(card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);

	return ret ?: prime.fd;
}

int card_forget(int card, __u32 handle)
{
	struct drm_gem_close close = { .handle = handle };

	return card_ioctl(card, DRM_IOCTL_GEM_CLOSE, &close);
}

/* ---- the display ---- */

/**
 * struct pipe - what it takes to show something
 * @crtc: the first one
 * @connector: the first one
 * @mode: of the size that is wanted
 */
struct pipe {
	__u32 crtc;
	__u32 connector;
	struct drm_mode_modeinfo mode;
};

static int pipe_mode(int card, struct pipe *pipe)
{
	static struct drm_mode_modeinfo modes[MOST_MODES];
	struct drm_mode_get_connector get = {
		.connector_id = pipe->connector,
	};
	int ret = card_ioctl(card, DRM_IOCTL_MODE_GETCONNECTOR, &get);

	if (ret)
		return ret;
	get.modes_ptr = (__u64)(unsigned long)modes;
	get.count_modes = get.count_modes < MOST_MODES ? get.count_modes :
							 MOST_MODES;
	get.count_props = 0;
	get.count_encoders = 0;
	ret = card_ioctl(card, DRM_IOCTL_MODE_GETCONNECTOR, &get);
	for (__u32 i = 0; !ret && i < get.count_modes && i < MOST_MODES; i++) {
		if (modes[i].hdisplay == WIDTH && modes[i].vdisplay == HEIGHT) {
			pipe->mode = modes[i];
			return 0;
		}
	}
	return ret ?: -ENOENT;
}

static int pipe_find(int card, struct pipe *pipe)
{
	__u32 crtcs[8] = {}, connectors[8] = {};
	struct drm_mode_card_res resources = {
		.crtc_id_ptr = (__u64)(unsigned long)crtcs,
		.connector_id_ptr = (__u64)(unsigned long)connectors,
		.count_crtcs = 8, .count_connectors = 8,
	};
	int ret = card_ioctl(card, DRM_IOCTL_MODE_GETRESOURCES, &resources);

	pipe->crtc = crtcs[0];
	pipe->connector = connectors[0];
	return ret ?: pipe_mode(card, pipe);
}

int card_show(int card, __u32 handle, struct card_screen *screen)
{
	struct drm_mode_fb_cmd2 add = {
		.width = WIDTH, .height = HEIGHT,
		.pixel_format = DRM_FORMAT_XRGB8888,
		.handles = { handle }, .pitches = { WIDTH * 4 },
	};
	struct drm_mode_crtc set = { .count_connectors = 1, .mode_valid = 1 };
	struct pipe pipe;
	int ret;

	ret = pipe_find(card, &pipe);
	if (!ret)
		ret = card_ioctl(card, DRM_IOCTL_MODE_ADDFB2, &add);
	if (ret)
		return ret;
	set.crtc_id = pipe.crtc;
	set.fb_id = add.fb_id;
	set.mode = pipe.mode;
	set.set_connectors_ptr = (__u64)(unsigned long)&pipe.connector;
	*screen = (struct card_screen){ WIDTH, HEIGHT, add.fb_id };
	return card_ioctl(card, DRM_IOCTL_MODE_SETCRTC, &set);
}

int card_dirty(int card, const struct card_screen *screen)
{
	struct drm_mode_fb_dirty_cmd dirty = { .fb_id = screen->fb };

	return card_ioctl(card, DRM_IOCTL_MODE_DIRTYFB, &dirty);
}

/* A framebuffer that is removed is shown no more. */
int card_hide(int card, const struct card_screen *screen)
{
	__u32 fb = screen->fb;

	return card_ioctl(card, DRM_IOCTL_MODE_RMFB, &fb);
}

static bool row_shown(const struct card_screen *screen, const __u8 *memory, const char *id,
		      unsigned int row)
{
	const __u8 *pixel = memory + row * screen->width * 4;
	__u8 rgb[3 * 1024];

	check_eq(lab_screen(id, row, rgb, 1024), screen->width);
	for (unsigned int i = 0; i < screen->width; i++, pixel += 4)
		for (unsigned int colour = 0; colour < 3; colour++)
			if (rgb[3 * i + colour] != pixel[2 - colour])
				return false;
	return true;
}

void card_check_shown(int card, const struct card_screen *screen, const __u8 *memory,
		      const char *id)
{
	check_ok(card_dirty(card, screen));
	eventually(10, row_shown(screen, memory, id, 0));
	check(row_shown(screen, memory, id, screen->height / 2));
	check(row_shown(screen, memory, id, screen->height - 1));
}
