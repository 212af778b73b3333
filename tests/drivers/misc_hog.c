// SPDX-License-Identifier: GPL-2.0
/*
 * Occupies minors of misc devices, as a machine with many devices does: older kernels have only
 * 128. Releases them when it is unloaded.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#define HOG_MOST	256

static const struct file_operations hog_fops = {
	.owner = THIS_MODULE,
};

static struct miscdevice hogs[HOG_MOST];
static char names[HOG_MOST][16];
static unsigned int nr;

static int __init hog_init(void)
{
	for (nr = 0; nr < HOG_MOST; nr++) {
		snprintf(names[nr], sizeof(names[nr]), "misc-hog-%u", nr);
		hogs[nr].minor = MISC_DYNAMIC_MINOR;
		hogs[nr].name = names[nr];
		hogs[nr].fops = &hog_fops;
		if (misc_register(&hogs[nr]))
			break;
	}
	pr_info("%u minors\n", nr);
	return 0;
}

static void __exit hog_exit(void)
{
	while (nr)
		misc_deregister(&hogs[--nr]);
}

module_init(hog_init);
module_exit(hog_exit);

MODULE_DESCRIPTION("Uses up the minors of misc devices, for tests");
MODULE_LICENSE("GPL");
