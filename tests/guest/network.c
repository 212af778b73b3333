// SPDX-License-Identifier: GPL-2.0
/* See network.h. */
#include <arpa/inet.h>
#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "network.h"
#include "rdma.h"
#include "shell.h"

static void find_interface(struct station *station)
{
	char path[128];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/net", lab_where(station->edu));
	dir = opendir(path);
	if (!dir)
		fail("%s has no network interface", station->edu);
	while ((entry = readdir(dir)))
		if (*entry->d_name != '.')
			snprintf(station->interface, sizeof(station->interface), "%.31s",
				 entry->d_name);
	closedir(dir);
}

/* The core adds a GID for an address a little after the address is there. */
static void await_gid(struct station *station)
{
	__u8 b[4];

	check_eq(inet_pton(AF_INET, station->address, b), 1);
	check(shell_in_time(10, "grep -q ffff:%02x%02x:%02x%02x "
			    "/sys/class/infiniband/%s/ports/1/gids/*",
			    b[0], b[1], b[2], b[3], station->device));
}

static void station_up(struct station *station)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "ip link set lo up && ip link set %s up && ip addr replace %s/24 dev %s",
		 station->interface, station->address, station->interface);
	check_eq(station_run(station, command), 0);
	await_gid(station);
}

static void station_find(struct station *station, const char *edu, const char *address)
{
	*station = (struct station){ .edu = edu, .address = address };
	rdma_cm_modules();
	device_bind(edu, "edu_dma");
	eventually(5, *rdma_name(edu));
	snprintf(station->device, sizeof(station->device), "%s", rdma_name(edu));
	find_interface(station);
}

void station_open(struct station *station, const char *edu, const char *address)
{
	station_find(station, edu, address);
	station_up(station);
}

pid_t station_start(struct station *station, const char *command)
{
	char words[1024];
	pid_t pid;

	snprintf(words, sizeof(words), "exec %s", command);
	printf("# %s$ %s\n", station->device, command);
	fflush(stdout);
	pid = check_sys(fork());
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/bin/sh", "sh", "-c", words, NULL);
		_exit(127);
	}
	return pid;
}

__u64 station_bytes(struct station *station)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), "/sys/class/infiniband/%s/hw_counters/cpu_bytes",
		 station->device);
	sysfs_read(path, text, sizeof(text));
	return strtoull(text, NULL, 0);
}

int station_wait(pid_t pid)
{
	int status;

	check_sys(waitpid(pid, &status, 0));
	return status_of(status);
}

int station_run(struct station *station, const char *command)
{
	char words[1024];

	snprintf(words, sizeof(words), "sh -c '%s'", command);
	return station_wait(station_start(station, words));
}

/* A look takes longer than the guest sleeps in between, which costs nothing. */
static void await_success(struct station *station, pid_t pid, const char *command)
{
	double until = now() + 30 * slowness();

	while (station_run(station, command)) {
		if (ended_within(pid, 0))
			fail("who should listen has ended");
		if (now() > until)
			fail("never: %s", command);
		pause_ms(200);
	}
}

void station_cm_listens(struct station *station, pid_t pid)
{
	await_success(station, pid, "rdma resource show cm_id | grep -q LISTEN");
}

void station_tcp_listens(struct station *station, pid_t pid, unsigned int port)
{
	char command[128];

	snprintf(command, sizeof(command), "ss -Hltn sport = :%u | grep -q LISTEN", port);
	await_success(station, pid, command);
}
