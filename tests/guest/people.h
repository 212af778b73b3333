/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A buffer of two functions, A and B, whose node root has both open; and other people, who
 * have one of the two nodes and no more.
 */
#ifndef PEOPLE_H
#define PEOPLE_H

#include <sys/types.h>

#include "peer.h"

#define A		"rp-mem"
#define B		"far-mem"
#define AT_A		(16 * PAGE)
#define AT_B		(32 * PAGE)
#define ELSEWHERE	(128 * PAGE)
#define ALL		(1 << 20)
#define OF_A		0xa1
#define OF_B		0x5e
#define EMPTY		0xee

/* Of root. */
extern int node_a, node_b, control;
extern struct peer_export export;
extern __u8 *cpu;
/* The node of somebody who has one. */
extern int mine;

struct peerbuf_range in_a(__u64 offset, __u64 length);
struct peerbuf_range in_b(__u64 offset, __u64 length);
struct peerbuf_range in_system(__u64 length);

void open_nodes(void);
void open_shared(__u32 flags);

void node_mode(const char *id, mode_t mode);
void become_somebody(void);
pid_t start_owner_of(const char *id, void (*run)(void));
void end_owner_of(const char *id, pid_t pid);
void as_owner_of(const char *id, void (*run)(void));

__u32 state_by(int node);
bool revoked(void);
void check_missing(const char *id);

#define lacks_right_to(id, call)					\
	do {								\
		check_fails(call, EACCES);				\
		check_missing(id);					\
	} while (0)

#endif /* PEOPLE_H */
