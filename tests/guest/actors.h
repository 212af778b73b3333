/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Actors: processes and threads that do something again and again, while others do something
 * else, until they are asked to stop. Each counts what it gets done. The test fails if one of
 * them fails, ends too early, does not end soon after it was asked to, or got too little done.
 */
#ifndef ACTORS_H
#define ACTORS_H

#include <stdbool.h>

#define ACTORS_MOST	16
#define DEEDS_MOST	8

/**
 * struct part - what an actor does
 * @name: for messages
 * @with: what to do it with
 * @begin: once, before the first round; or NULL
 * @act: one round; whatever the others do it comes back soon, as only then it stops
 * @most: ends after as many rounds; 0: not before it is asked to
 * @least: rounds that it must have done, and how often each of its deeds
 * @deeds: what it tells actor_did() of, by name
 */
struct part {
	const char *name;
	const void *with;
	void (*begin)(const void *with);
	void (*act)(const void *with);
	unsigned int most;
	unsigned int least;
	const char *deeds[DEEDS_MOST];
};

struct actor;

struct actor *actor_start(const struct part *part);
/* In this process: shares its address space and its descriptors. All processes come first. */
struct actor *actor_start_thread(const struct part *part);
/* Said by an actor: it got this done. Said by anybody else it means nothing. */
void actor_did(const char *deed);
/*
 * Let the others on, every second time for a millisecond. Who only computes keeps them from it,
 * and a guest on virtual time from getting on.
 */
void actor_breathe(void);
unsigned long actor_rounds(const struct actor *actor);
/* Until it has done as many rounds since now. */
void actor_await(struct actor *actor, unsigned long more);

/* Let them act for so long, and on until each has done what it must, or it is stuck. */
void actors_perform(double seconds);
/* Until each that has a last round has done it; then ask the others to stop. */
void actors_finish(void);
/* Ask all to stop, see how they fared, and say what each has done. */
void actors_stop(void);
/* An act of who has done all it was to do in the beginning. */
void actor_idle(const void *with);
/* Wherever it is, the last one that was started; it must have done what it had to by now. */
void actor_kill(struct actor *actor);

#endif /* ACTORS_H */
