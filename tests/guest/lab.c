// SPDX-License-Identifier: GPL-2.0
/* See lab.h. */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drive.h"
#include "harness.h"
#include "lab.h"

#define DEVICES		"/sys/bus/pci/devices"

/* ---- asking the host ---- */

extern char **environ;

/* Run it without a shell; its status, and up to size - 1 bytes of what it says. */
static int run(char *const *argv, char *answer, size_t size)
{
	posix_spawn_file_actions_t actions;
	int pipes[2], status;
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	check_sys(pipe2(pipes, O_CLOEXEC));
	check_eq(posix_spawn_file_actions_init(&actions), 0);
	check_eq(posix_spawn_file_actions_adddup2(&actions, pipes[1], 1), 0);
	check_eq(posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	while (used < size - 1 &&
	       (n = read(pipes[0], answer + used, size - 1 - used)) > 0)
		used += n;
	answer[used] = '\0';
	close(pipes[0]);
	check_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static bool has_all(const char *line, const char *const *words)
{
	for (; *words; words++)
		if (!strstr(line, *words))
			return false;
	return true;
}

bool command_prints(const char *command, const char *const *words)
{
	char line[4096];
	bool found = false;
	FILE *pipe;

	printf("$ %s\n", command);
	pipe = popen(command, "re");
	check(pipe);
	while (fgets(line, sizeof(line), pipe)) {
		printf("%s", line);
		found |= has_all(line, words);
	}
	printf("\n");
	check_eq(pclose(pipe), 0);
	return found;
}

/* In real time there is nothing to hold. */
int lab_clock_hold(void)
{
	return open("/dev/lab-clock", O_RDONLY | O_CLOEXEC);
}

void lab_clock_release(int clock)
{
	if (clock >= 0)
		close(clock);
}

#define KNOWN_MOST	32

/* Addresses known so far, shared by all processes of a program. */
static struct known {
	char id[24];
	char bdf[24];
} *known;

__attribute__((constructor)) static void known_init(void)
{
	known = mmap(NULL, KNOWN_MOST * sizeof(*known), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (known == MAP_FAILED)
		abort();
}

static const char *remember(struct known *one, const char *id, const char *bdf)
{
	snprintf(one->bdf, sizeof(one->bdf), "%.23s", bdf);
	snprintf(one->id, sizeof(one->id), "%.23s", id);
	return one->bdf;
}

void lab_name(const char *id, const char *bdf)
{
	int i = 0;

	while (*known[i].id && strcmp(known[i].id, id))
		check(++i < KNOWN_MOST);
	remember(&known[i], id, bdf);
}

const char *lab_where(const char *id)
{
	char *argv[] = { "lab-host", "where", (char *)id, NULL };
	static char answer[64];
	int i;

	for (i = 0; i < KNOWN_MOST && *known[i].id; i++)
		if (!strcmp(known[i].id, id))
			return known[i].bdf;
	if (run(argv, answer, sizeof(answer)))
		fail("lab-host does not know where %s is", id);
	answer[strcspn(answer, "\n")] = '\0';
	if (i == KNOWN_MOST)
		return answer;
	return remember(&known[i], id, answer);
}

__u64 lab_addr(const char *id)
{
	unsigned int domain, bus, dev, fn;

	if (sscanf(lab_where(id), "%x:%x:%x.%x", &domain, &bus, &dev, &fn) != 4)
		fail("%s has no address", id);
	return PEERBUF_PCI_ADDR(domain, bus, dev, fn);
}

/* Run lab-host with these words; its exit status. */
int lab_host(const char *format, ...)
{
	char words[256], answer[4096], *argv[16] = { "lab-host" };
	int argc = 1;
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	for (char *word = strtok(words, " "); word && argc < 15;
	     word = strtok(NULL, " "))
		argv[argc++] = word;
	/* What is plugged in may get another address. */
	if (strstr(format, "plug"))
		memset(known, 0, KNOWN_MOST * sizeof(*known));
	return run(argv, answer, sizeof(answer));
}

/* The slot has a device, and the guest's kernel has found it. */
static bool plugged(const char *id)
{
	char path[PATH_MAX];

	if (lab_host("where %s", id))
		return false;
	snprintf(path, sizeof(path), DEVICES "/%s/resource", lab_where(id));
	return sysfs_exists(path);
}

/* A fresh device of the same kind, there when this returns. */
void lab_plug(const char *id)
{
	check_eq(lab_host("plug %s", id), 0);
	eventually(20, plugged(id));
}

/* A row of pixels as the display shows them, red, green and blue: their number. */
unsigned int lab_screen(const char *id, unsigned int row, __u8 *rgb, unsigned int most)
{
	char number[16], answer[3 * 2 * 1024 + 2];
	char *argv[] = { "lab-host", "screen", (char *)id, number, NULL };
	unsigned int n = 0;

	snprintf(number, sizeof(number), "%u", row);
	if (run(argv, answer, sizeof(answer)))
		fail("lab-host screen %s %u", id, row);
	while (n < most * 3 && sscanf(answer + 2 * n, "%2hhx", &rgb[n]) == 1)
		n++;
	return n / 3;
}

/* What lab-host says to these words: that many bytes, as hex. */
static void lab_host_hex(char *const *argv, void *data, size_t length)
{
	char *answer = malloc(2 * length + 2);

	check(answer);
	if (run(argv, answer, 2 * length + 2))
		fail("lab-host %s does not tell", argv[1]);
	for (size_t i = 0; i < length; i++) {
		char byte[3] = { answer[2 * i], answer[2 * i + 1] };

		if (sscanf(byte, "%2hhx", (__u8 *)data + i) != 1)
			fail("lab-host %s: %zu of %zu bytes", argv[1], i, length);
	}
	free(answer);
}

/* The host's file, which the guest sees over 9p and nothing caches; or what has none. */
void lab_host_read(const char *id, __u64 offset, void *data, size_t length)
{
	char path[64], from[24], size[24];
	char *argv[] = { "lab-host", "read", (char *)id, from, size, NULL };
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/mnt/bars/%s", id);
	if (!sysfs_exists(path)) {
		snprintf(from, sizeof(from), "%llu", (unsigned long long)offset);
		snprintf(size, sizeof(size), "%zu", length);
		lab_host_hex(argv, data, length);
		return;
	}
	fd = check_sys(open(path, O_RDONLY | O_CLOEXEC));
	n = pread(fd, data, length, offset);
	close(fd);
	if (n != (ssize_t)length)
		fail("%s: %zd of %zu bytes read at %llu", path, n, length,
		     (unsigned long long)offset);
}

void lab_host_fill(const char *id, __u64 offset, __u64 length, __u8 byte)
{
	check_eq(lab_host("fill %s %llu %llu %u", id,
			  (unsigned long long)offset,
			  (unsigned long long)length, byte), 0);
}

void check_host_bytes(const char *id, __u64 offset, size_t length, __u8 byte)
{
	__u8 *data = malloc(length);

	check(data);
	lab_host_read(id, offset, data, length);
	if (!all_bytes_are(data, length, byte)) {
		for (size_t i = 0; i < length; i++)
			if (data[i] != byte)
				fail("byte %zu of %s is %#x, not %#x", i, id, data[i], byte);
	}
	free(data);
}

void lab_host_disk(__u64 offset, void *data, size_t length)
{
	char from[24], size[24];
	char *argv[] = { "lab-host", "disk", from, size, NULL };

	check(length <= 16384);
	snprintf(from, sizeof(from), "%llu", (unsigned long long)offset);
	snprintf(size, sizeof(size), "%zu", length);
	lab_host_hex(argv, data, length);
}

/* ---- sysfs ---- */

bool sysfs_exists(const char *path)
{
	return !access(path, F_OK);
}

int sysfs_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

void file_read(const char *path, char *text, size_t size)
{
	int fd = check_sys(open(path, O_RDONLY | O_CLOEXEC));
	ssize_t n = check_sys(read(fd, text, size - 1));

	close(fd);
	text[n] = '\0';
}

void sysfs_read(const char *path, char *text, size_t size)
{
	file_read(path, text, size);
	text[strcspn(text, "\n")] = '\0';
}

static void device_path(const char *id, const char *attribute, char *path,
			size_t size)
{
	snprintf(path, size, DEVICES "/%s/%s", lab_where(id), attribute);
}

int device_write(const char *id, const char *attribute, const char *text)
{
	char path[PATH_MAX];

	device_path(id, attribute, path, sizeof(path));
	return sysfs_write(path, text);
}

void device_read(const char *id, const char *attribute, char *text, size_t size)
{
	char path[PATH_MAX];

	device_path(id, attribute, path, sizeof(path));
	sysfs_read(path, text, size);
}

static void bar_resource(const char *id, unsigned int bar, __u64 *start,
			 __u64 *end)
{
	unsigned long long from, to, flags;
	char path[PATH_MAX];
	FILE *file;

	device_path(id, "resource", path, sizeof(path));
	file = fopen(path, "re");
	if (!file)
		fail("%s: %s", path, strerror(errno));
	for (unsigned int i = 0; i <= bar; i++)
		if (fscanf(file, "%llx %llx %llx", &from, &to, &flags) != 3)
			fail("%s has no BAR %u", id, bar);
	fclose(file);
	*start = from;
	*end = to;
}

__u64 bar_base(const char *id, unsigned int bar)
{
	__u64 start, end;

	bar_resource(id, bar, &start, &end);
	return start;
}

__u64 bar_size(const char *id, unsigned int bar)
{
	__u64 start, end;

	bar_resource(id, bar, &start, &end);
	return end ? end - start + 1 : 0;
}

/* The name of the bound driver, empty if there is none. */
void device_driver(const char *id, char *name, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	device_path(id, "driver", path, sizeof(path));
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	snprintf(name, size, "%s", n > 0 ? basename(target) : "");
}

void device_unbind(const char *id)
{
	char name[64];

	device_driver(id, name, sizeof(name));
	if (*name)
		check_ok(device_write(id, "driver/unbind", lab_where(id)));
}

/* A device just plugged in is there before it takes a driver. */
static bool probe(const char *id, const char *driver)
{
	char name[64];

	sysfs_write("/sys/bus/pci/drivers_probe", lab_where(id));
	device_driver(id, name, sizeof(name));
	return !strcmp(name, driver);
}

/* Bound to that driver when it returns, whatever it was bound to. */
void device_bind(const char *id, const char *driver)
{
	char name[64];

	device_driver(id, name, sizeof(name));
	if (strcmp(name, driver)) {
		device_unbind(id);
		check_ok(device_write(id, "driver_override", driver));
		eventually(5, probe(id, driver));
	}
	if (!strcmp(driver, "nvme"))
		drive_settle(id);
}

int module_load(const char *name)
{
	return module_load_with(name, NULL);
}

int module_load_with(const char *name, const char *parameter)
{
	char *argv[] = { "modprobe", (char *)name, (char *)parameter, NULL };
	char path[64], answer[256];

	snprintf(path, sizeof(path), "/sys/module/%s/initstate", name);
	return sysfs_exists(path) ? 0 : run(argv, answer, sizeof(answer));
}

int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

/* ---- nodes ---- */

int node_path_open(const char *id, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/peerbuf/%s", lab_where(id));
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void policy_change(const char *id, __u32 set, __u32 clear)
{
	int control = control_open();

	check_ok(peer_policy(control, lab_addr(id), set, clear));
	close(control);
}

void accept_pinned(const char *id)
{
	policy_change(id, PEERBUF_POLICY_F_PINNED, 0);
}

/* The node of a device owned by the stub driver. */
int node_open(const char *id)
{
	struct peerbuf_ioc_info info;
	int fd;

	device_bind(id, "peerbuf");
	/* Bound by hot-plug, it may still be in its probe function. */
	eventually(5, (fd = node_path_open(id, O_RDWR)) >= 0);
	check_ok(peer_info(fd, &info));
	if (info.flags & PEERBUF_INFO_F_PINNED)
		policy_change(id, 0, PEERBUF_POLICY_F_PINNED);
	return fd;
}

static int driver_open(const char *id, const char *driver)
{
	char path[64];
	int fd;

	check_eq(module_load(driver), 0);
	device_bind(id, driver);
	snprintf(path, sizeof(path), "/dev/%s/%s", driver, lab_where(id));
	/* Bound by hot-plug, it may still be in its probe function. */
	eventually(5, (fd = open(path, O_RDWR | O_CLOEXEC)) >= 0);
	return fd;
}

int edu_open(const char *id)
{
	return driver_open(id, "edu_dma");
}

bool edu_rebind(const char *id, const char *parameter, const char *value,
		const char *standard)
{
	char path[128], name[64];

	check_eq(module_load("edu_dma"), 0);
	snprintf(path, sizeof(path), "/sys/module/edu_dma/parameters/%s",
		 parameter);
	device_unbind(id);
	check_ok(device_write(id, "driver_override", "edu_dma"));
	check_ok(sysfs_write(path, value));
	sysfs_write("/sys/bus/pci/drivers_probe", lab_where(id));
	/* Whatever came of it, the next one is to be as always. */
	check_ok(sysfs_write(path, standard));
	device_driver(id, name, sizeof(name));
	return !strcmp(name, "edu_dma");
}

int owner_open(const char *id)
{
	return driver_open(id, "bar_owner");
}

int control_open(void)
{
	int fd = peer_control();

	if (fd < 0)
		fail("no control node: %s", strerror(-fd));
	return fd;
}

/* ---- other processes ---- */

void descriptor_send(int socket, int fd, const void *data, size_t size)
{
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { (void *)data, size };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	check_sys(sendmsg(socket, &msg, 0));
}

static void receive_export(int socket, struct peer_export *export)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { export, sizeof(*export) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) != sizeof(*export) ||
	    !CMSG_FIRSTHDR(&msg))
		fail("the exporting process failed");
	memcpy(&export->fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
}

/* Its node is open in that process alone; the dma-buf is here as well. */
pid_t exporter_start(const char *id, __u64 offset, __u64 length, __u32 flags,
		     struct peer_export *export)
{
	int sockets[2], node;
	pid_t pid;

	check_sys(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	pid = check_sys(fork());
	if (!pid) {
		close(sockets[0]);
		node = node_open(id);
		check_ok(peer_export_one(node, MEM_BAR, offset, length, flags,
					 export));
		descriptor_send(sockets[1], export->fd, export, sizeof(*export));
		close(sockets[1]);
		for (;;)
			pause();
	}
	close(sockets[1]);
	receive_export(sockets[0], export);
	close(sockets[0]);
	return pid;
}

void process_ends_well(pid_t pid)
{
	int status;

	check_eq(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		fail("the process has died of signal %d", WTERMSIG(status));
	check_eq(WEXITSTATUS(status), 0);
}

void process_kill(pid_t pid)
{
	check_sys(kill(pid, SIGKILL));
	process_was_killed(pid);
}

void process_was_killed(pid_t pid)
{
	int status;

	check_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		fail("the process had ended by itself, with status %d", WEXITSTATUS(status));
	if (WTERMSIG(status) != SIGKILL)
		fail("the process had died of signal %d", WTERMSIG(status));
}
