/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The network interfaces of RoCE devices, and programs that come in pairs: one listens,
 * the other one connects. What goes wrong here fails the test.
 */
#ifndef NETWORK_H
#define NETWORK_H

#include <sys/types.h>

#include <linux/types.h>

/* One end of a network: an RDMA device with an address. */
struct station {
	const char *edu;
	const char *address;
	char device[64];
	char interface[32];
};

/* Modules, the RDMA device of that edu, and its interface up with the address (/24). */
void station_open(struct station *station, const char *edu, const char *address);
/* As a shell command. */
pid_t station_start(struct station *station, const char *command);
int station_run(struct station *station, const char *command);
/* Something is listening there, by the RDMA CM or by TCP at that port, and @pid lives. */
void station_cm_listens(struct station *station, pid_t pid);
void station_tcp_listens(struct station *station, pid_t pid, unsigned int port);
/* How much system memory its device has read and written. */
__u64 station_bytes(struct station *station);
/* The status it ended with. */
int station_wait(pid_t pid);

#endif /* NETWORK_H */
