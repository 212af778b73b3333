// SPDX-License-Identifier: GPL-2.0
/* Modules: not to be unloaded while in use, and gone without a trace after. */
#include <fcntl.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

#define SIZE	(16 * PAGE)

static int node, edu;
static struct peer_export export;
static __u32 handle;

static void load_all(void)
{
	check_eq(module_load("peerbuf"), 0);
	node = node_open("rp-mem");
	edu = edu_open("rp-edu");
	check_ok(peer_export_one(node, MEM_BAR, 0, SIZE, 0, &export));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
}

static void none_unloads(void)
{
	check_fails(module_unload("edu_dma"), EAGAIN);
	check_fails(module_unload("peerbuf"), EAGAIN);
	check_fails(module_unload("p2p"), EAGAIN);
}

TEST(refused_while_mapped)
{
	load_all();
	check_ok(edu_map(edu, handle));
	none_unloads();
	/* And while a transfer runs. */
	check_ok(edu_copy(edu, handle, 0, 0, 100, EDU_DMA_TO_BUFFER,
			  EDU_DMA_COPY_F_NOWAIT));
	none_unloads();
	check_ok(edu_wait(edu, handle));
	check_ok(edu_copy(edu, handle, 0, 0, 100, EDU_DMA_TO_BUFFER, 0));
}

/* Whatever earlier tests have left behind. */
static void unload_users(void)
{
	static const char *const users[] = {
		"peerbuf_vfio_pci", "peerbuf_nvme", "steps", "edu_dma", "bar_owner", "vram",
	};
	char path[64];

	for (size_t i = 0; i < sizeof(users) / sizeof(*users); i++) {
		snprintf(path, sizeof(path), "/sys/module/%s", users[i]);
		if (sysfs_exists(path))
			eventually(5, !module_unload(users[i]));
	}
}

/* Says who still uses peerbuf.ko where it should be free and is not. */
static void show_users(void)
{
	static const char show[] = "cd /sys/module/peerbuf && cat refcnt && ls holders && "
		"cd /proc && ls -l [0-9]*/fd 2>/dev/null | grep -e peerbuf -e dmabuf";

	check(system(show) >= 0);
}

static void peerbuf_unloads(void)
{
	double until = now() + 5 * slowness();

	while (module_unload("peerbuf")) {
		if (now() > until) {
			show_users();
			fail("peerbuf.ko is still used");
		}
		pause_ms(10);
	}
}

TEST(refused_while_exported)
{
	load_all();
	close(edu);
	close(node);
	/* Only the dma-buf is left, a dead one; fences are freed by RCU. */
	unload_users();
	check_fails(module_unload("peerbuf"), EAGAIN);
	check_fails(module_unload("p2p"), EAGAIN);
}

TEST(refused_while_a_driver_uses_it)
{
	load_all();
	close(edu);
	close(export.fd);
	close(node);
	check_fails(module_unload("peerbuf"), EAGAIN);
	check_fails(module_unload("p2p"), EAGAIN);
}

TEST(exporter_refused_while_its_buffer_lives)
{
	int owner = owner_open("rp-mem");

	check_ok(owner_export(owner, 0, SIZE, 0, -1, &export));
	close(owner);
	device_bind("rp-mem", "peerbuf");
	check_fails(module_unload("bar_owner"), EAGAIN);
	close(export.fd);
	eventually(5, !module_unload("bar_owner"));
}

/* All of them, with devices still bound to the stub, and back again. */
TEST(clean_when_unused, .timeout = 120)
{
	load_all();
	check_ok(edu_copy(edu, handle, 0, 0, 100, EDU_DMA_TO_BUFFER, 0));
	close(edu);
	close(export.fd);
	close(node);
	unload_users();
	peerbuf_unloads();
	check(!sysfs_exists("/dev/peerbuf/control"));
	eventually(5, !module_unload("p2p"));
	load_all();
	check_ok(edu_copy(edu, handle, 0, 0, 100, EDU_DMA_TO_BUFFER, 0));
}

/* A lent BAR is no use of the module: it is taken back. */
TEST(lent_bar_is_taken_back, .timeout = 120)
{
	int control = control_open();

	check_eq(module_load("edu_dma"), 0);
	device_bind("sw-nvme", "nvme");
	check_ok(peer_lend(control, lab_addr("sw-nvme"), 1U << 2));
	close(control);
	unload_users();
	peerbuf_unloads();
	check_eq(module_load("peerbuf"), 0);
	check(node_path_open("sw-nvme", O_RDWR) == -ENOENT);
	/* With the module gone and back, so is the chance to lend it. */
	control = control_open();
	check_ok(peer_lend(control, lab_addr("sw-nvme"), 1U << 2));
	check_ok(peer_unlend(control, lab_addr("sw-nvme"), 1U << 2));
}
