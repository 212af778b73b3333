// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that are made up from the description of the ioctls (calls.c), with descriptors of every
 * kind, importers and CPU mappings about. Whatever comes, a call either does what it says or
 * says why not; and the harness looks at the kernel's log and at what is left.
 *
 * A number gives the calls. A sequence that fails is made shorter, and then told call by call:
 *
 *	PEERBUF_TEST_SEED=S	the first sequence's number; the next have the next numbers
 *	PEERBUF_TEST_ROUNDS=N	calls
 */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "drive.h"
#include "harness.h"
#include "kmsg.h"
#include "lab.h"

/* In one process, with nodes opened for it; the number of runs to shorten one that fails. */
#define SEQUENCE	1000
#define SHORTENINGS	40
#define THREADS		4
#define SIZE		SLOT_SIZE

/* An ioctl is one in so many of what is done. */
enum act { ACT_CLOSE, ACT_OPEN, ACT_TOUCH, ACT_READ, ACT_SYNC, ACT_ATTACH, ACT_MAP, ACT_UNMAP,
	   ACT_DETACH, ACT_EXPORT, ACT_MAP_AGAIN, ACT_IOCTL };
#define ACTS		32

struct sequence {
	__u64 seed[SEQUENCE];
	unsigned int nr;
	bool tell;
};

#define CALLS_MOST	64

/* Of each ioctl, in all processes. */
struct tally {
	unsigned int made[CALLS_MOST];
	unsigned int succeeded[CALLS_MOST];
};

static struct call_slots slots;
static struct tally *tally;
/* Threads, that is. */
static bool several;
static int edu;
static __u32 handles[SLOTS];

/* What a call that waits is interrupted by. */
static void nothing(int signal)
{
	(void)signal;
}

static void open_node(unsigned int slot)
{
	switch (slot) {
	case 0:
		slots.nodes[slot] = node_path_open("rp-mem", O_RDWR);
		break;
	case 1:
		slots.nodes[slot] = node_path_open("sw-mem", O_RDWR);
		break;
	case 2:
		slots.nodes[slot] = node_path_open("rp-mem", O_RDONLY);
		break;
	case SLOT_CONTROL:
		slots.nodes[slot] = control_open();
		break;
	case 4:
		slots.nodes[slot] = open("/dev/peerbuf/control", O_RDONLY | O_CLOEXEC);
		break;
	default:
		slots.nodes[slot] = node_path_open("rp-mem", O_RDWR | O_NONBLOCK);
		break;
	}
}

static void export_anew(unsigned int slot)
{
	struct peer_export export;

	close(slots.dmabufs[slot]);
	slots.dmabufs[slot] = -1;
	if (peer_export_one(slots.nodes[slot & 1], MEM_BAR, slot * SIZE, SIZE, 0, &export))
		return;
	slots.dmabufs[slot] = export.fd;
	slots.ids[slot] = export.id;
}

/* Another process' files are not among them: what is written to one is not looked at. */
static void open_files(void)
{
	int ends[2];

	check_sys(pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	slots.files[0] = drive_open(O_RDONLY);
	slots.files[1] = check_sys(memfd_create("fuzz", MFD_CLOEXEC));
	check_sys(ftruncate(slots.files[1], SIZE));
	slots.files[2] = ends[0];
	slots.files[3] = check_sys(open("/dev/null", O_RDWR | O_CLOEXEC));
	slots.files[4] = check_sys(open("/", O_RDONLY | O_CLOEXEC));
	slots.files[5] = -1;
}

/*
 * Exports, read-only in part, and ordinary memory behind each; and a hole, but with several threads
 * another mapping might come to lie in it, and be unmapped with the rest.
 */
static void map_again(unsigned int slot)
{
	int protection = PROT_READ | (slot & 1 ? PROT_WRITE : 0);
	__u8 *place = mmap(NULL, 2 * SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u64 before;

	if (place == MAP_FAILED)
		return;
	if (!several)
		munmap(place + 6 * PAGE, PAGE);
	mmap(place, SIZE, protection, MAP_SHARED | MAP_FIXED, slots.dmabufs[slot], 0);
	before = __atomic_exchange_n(&slots.mapped[slot], (unsigned long)place, __ATOMIC_SEQ_CST);
	if (before)
		munmap((void *)(unsigned long)before, 2 * SIZE);
}

/* The last of the descriptors is none of a buffer. */
static void open_all(void)
{
	static const char *const ids[] = { "rp-mem", "sw-mem", "sw-edu", "sw-nvme", "rp-edu" };
	struct itimerval often = { { 0, 50000 }, { 0, 50000 } };
	struct sigaction action = { .sa_handler = nothing };

	edu = edu_open("sw-edu");
	close(node_open("rp-mem"));
	close(node_open("sw-mem"));
	for (unsigned int i = 0; i < SLOTS; i++) {
		slots.addrs[i] = i < 5 ? lab_addr(ids[i]) : 0x123456;
		slots.ids[i] = 0;
		slots.dmabufs[i] = -1;
		handles[i] = 0;
		open_node(i);
	}
	for (unsigned int i = 0; i < SLOTS - 1; i++)
		export_anew(i);
	slots.dmabufs[SLOTS - 1] = eventfd(0, EFD_CLOEXEC);
	open_files();
	for (unsigned int i = 0; i < SLOTS; i++) {
		slots.mapped[i] = 0;
		map_again(i);
	}
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

/* What outlives this process, and other tests do not expect. */
static void put_back(void)
{
	static const struct itimerval never;
	int control = control_open();

	setitimer(ITIMER_REAL, &never, NULL);
	for (unsigned int i = 0; i < SLOTS; i++) {
		peer_unlend(control, slots.addrs[i], 0x3f);
		peer_policy(control, slots.addrs[i], 0,
			    PEERBUF_POLICY_F_PINNED | PEERBUF_POLICY_F_BUS_MASTER);
	}
	close(control);
}

static bool is_allowed(int error)
{
	static const int allowed[] = {
		EACCES, EALREADY, EBADF, EBUSY, E2BIG, EEXIST, EFAULT, EHOSTUNREACH, EINPROGRESS,
		EINTR, EINVAL, EIO, EMFILE, EMSGSIZE, ENODEV, ENOENT, ENOMEM, ENOTTY, EOPNOTSUPP,
		EOVERFLOW, EPERM, EXDEV, ENOSPC, ERANGE, ENXIO, EADDRNOTAVAIL, EROFS, ETXTBSY,
		EUNATCH, ENFILE, 0
	};

	return among(-error, allowed);
}

/* Without one: no memory, no call, or nowhere to put it. */
static bool needs_reason(const struct call_made *made, int error)
{
	__u32 size;

	memcpy(&size, made->data, sizeof(size));
	return error != EFAULT && error != ENOMEM && error != ENOTTY && error != EBADF &&
	       error != EMFILE && error != EINTR && made->arg == made->data && size >= 8;
}

/* A new export is somebody's to close: it takes a slot. */
static void keep_export(__u64 *state, const struct call_made *made)
{
	const struct peerbuf_ioc_export *req = (const void *)made->data;
	unsigned int slot = call_below(state, SLOTS - 1);

	close(slots.dmabufs[slot]);
	slots.dmabufs[slot] = req->fd;
	slots.ids[slot] = req->id;
}

/* What was looked up is closed: there would be no descriptors left. */
static void close_pieces(const struct call_made *made)
{
	const struct peerbuf_ioc_lookup *req = (const void *)made->data;
	const __u8 *at = (const void *)(unsigned long)req->pieces;

	if (req->fd >= 0 && req->flags & PEERBUF_LOOKUP_F_COMPOSE)
		close(req->fd);
	for (__u32 i = 0; i < req->nr_pieces; i++, at += req->piece_size) {
		struct peerbuf_piece piece;

		memcpy(&piece, at, sizeof(piece));
		if (piece.fd >= 0)
			close(piece.fd);
	}
}

static void count(const struct call *call, bool succeeded)
{
	size_t n = call - calls;

	if (!tally)
		return;
	__atomic_add_fetch(&tally->made[n], 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&tally->succeeded[n], succeeded, __ATOMIC_RELAXED);
}

static void tally_begin(void)
{
	check(nr_calls <= CALLS_MOST);
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	check(tally != MAP_FAILED);
}

/* Of an ioctl that was called less often nothing is expected. */
#define ENOUGH		500

/*
 * What never succeeds is refused at the door, and what is behind it was not tried. There is no
 * file that may be written to: other tests look at what the drive has.
 */
static void check_tally(void)
{
	for (size_t i = 0; i < nr_calls; i++) {
		printf("%-12s %6u calls, %6u succeeded\n", calls[i].name, tally->made[i],
		       tally->succeeded[i]);
		if (calls[i].request != PEERBUF_IOC_FILE_WRITE && tally->made[i] >= ENOUGH)
			check(tally->succeeded[i]);
	}
}

static void do_ioctl(__u64 *state, bool tell)
{
	static _Thread_local struct call_made made;
	__u32 reason;
	int error;

	call_make_up(state, &slots, &made);
	/* What does not come back must not count as an answer. */
	reason = 0xbadbad;
	memcpy(made.data + 4, &reason, sizeof(reason));
	error = ioctl(made.fd, made.call->request, made.arg) ? errno : 0;
	memcpy(&reason, made.data + 4, sizeof(reason));
	count(made.call, !error);
	if (tell)
		printf("%s on %d: %s, reason %u\n", made.call->name, made.fd, strerror(error),
		       reason);
	if (!is_allowed(error))
		fail("%s: %s", made.call->name, strerror(error));
	if (error && needs_reason(&made, error) && (!reason || reason == 0xbadbad))
		fail("%s: %s without a reason", made.call->name, strerror(error));
	if (!error && made.arg == made.data && made.fd >= 0 && reason)
		fail("%s: success, but reason %u", made.call->name, reason);
	if (!error && made.call->request == PEERBUF_IOC_EXPORT)
		keep_export(state, &made);
	if (!error && made.call->request == PEERBUF_IOC_LOOKUP && made.arg == made.data)
		close_pieces(&made);
}

/* What a fault is caught by is the process' own: one thread at a time. */
static void touch(unsigned int slot, bool write)
{
	static pthread_mutex_t touching = PTHREAD_MUTEX_INITIALIZER;
	void *cpu = mmap(NULL, PAGE, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED,
			 slots.dmabufs[slot], 0);

	if (cpu == MAP_FAILED)
		return;
	pthread_mutex_lock(&touching);
	touches(cpu, write);
	pthread_mutex_unlock(&touching);
	munmap(cpu, PAGE);
}

static void read_events(unsigned int slot)
{
	struct pollfd pfd = { .fd = slots.nodes[slot], .events = POLLIN };
	__u8 events[512];

	if (poll(&pfd, 1, 0) == 1 && pfd.revents & POLLIN)
		read(pfd.fd, events, sizeof(events));
}

static void sync_caches(__u64 *state, unsigned int slot)
{
	struct dma_buf_sync sync = { .flags = call_below(state, 8) };

	ioctl(slots.dmabufs[slot], DMA_BUF_IOCTL_SYNC, &sync);
}

static void do_act(__u64 seed, bool tell)
{
	__u64 state = seed;
	unsigned int act = call_below(&state, ACTS), slot = call_below(&state, SLOTS);

	if (tell && act < ACT_IOCTL)
		printf("act %u of slot %u\n", act, slot);
	switch (act) {
	case ACT_CLOSE:
		close(slots.nodes[slot]);
		slots.nodes[slot] = -1;
		/* Most stay open, or little would succeed. */
		if (call_below(&state, 4))
			open_node(slot);
		break;
	case ACT_OPEN:
		close(slots.nodes[slot]);
		open_node(slot);
		break;
	case ACT_TOUCH:
		touch(slot, seed & 1);
		break;
	case ACT_READ:
		read_events(slot);
		break;
	case ACT_SYNC:
		sync_caches(&state, slot);
		break;
	case ACT_ATTACH:
		edu_attach(edu, slots.dmabufs[slot], call_below(&state, 6), 0, &handles[slot]);
		break;
	case ACT_MAP:
		edu_map(edu, handles[slot]);
		break;
	case ACT_UNMAP:
		edu_unmap(edu, handles[slot]);
		break;
	case ACT_DETACH:
		edu_detach(edu, handles[slot]);
		break;
	case ACT_EXPORT:
		if (slot < SLOTS - 1)
			export_anew(slot);
		break;
	case ACT_MAP_AGAIN:
		map_again(slot);
		break;
	default:
		do_ioctl(&state, tell);
		break;
	}
}

static void perform(const struct sequence *sequence)
{
	open_all();
	for (unsigned int i = 0; i < sequence->nr; i++)
		do_act(sequence->seed[i], sequence->tell);
	put_back();
}

/* In a process of its own, so that all it had is gone afterwards. */
static bool survives(const struct sequence *sequence)
{
	int mark = kmsg_mark(), status;
	bool good;
	pid_t pid;

	fflush(stdout);
	pid = check_sys(fork());
	if (!pid) {
		if (!sequence->tell && sequence->nr < SEQUENCE)
			check(freopen("/dev/null", "w", stdout));
		perform(sequence);
		_exit(0);
	}
	check_eq(waitpid(pid, &status, 0), pid);
	good = !status && !kmsg_scan(mark, false);
	kmsg_done(mark);
	return good;
}

/* Parts of it are left out as long as it still fails: halves first, then smaller ones. */
static void shorten(struct sequence *sequence)
{
	static struct sequence shorter;
	unsigned int part = sequence->nr / 2, begin = 0, tries;

	for (tries = 0; tries < SHORTENINGS && part; tries++) {
		unsigned int end = begin + part < sequence->nr ? begin + part : sequence->nr;

		shorter = *sequence;
		memmove(shorter.seed + begin, sequence->seed + end,
			(sequence->nr - end) * sizeof(*shorter.seed));
		shorter.nr -= end - begin;
		if (!survives(&shorter))
			*sequence = shorter;
		else
			begin = end;
		if (begin >= sequence->nr) {
			begin = 0;
			part /= 2;
		}
	}
}

static void fill(struct sequence *sequence, __u64 seed)
{
	sequence->nr = SEQUENCE;
	sequence->tell = false;
	for (unsigned int i = 0; i < SEQUENCE; i++)
		sequence->seed[i] = call_random(&seed);
}

static __u64 first_seed(void)
{
	const char *text = getenv("PEERBUF_TEST_SEED");

	return text ? strtoull(text, NULL, 0) : 1;
}

TEST(calls_that_are_made_up, .timeout = 600)
{
	unsigned int n = (rounds(20000) + SEQUENCE - 1) / SEQUENCE;
	static struct sequence sequence;
	__u64 seed = first_seed();

	printf("seeds from %llu, %u sequences of %u\n", (unsigned long long)seed, n, SEQUENCE);
	tally_begin();
	for (; n; n--, seed++) {
		fill(&sequence, seed);
		if (survives(&sequence))
			continue;
		shorten(&sequence);
		sequence.tell = true;
		printf("seed %llu, of which these %u are left:\n", (unsigned long long)seed,
		       sequence.nr);
		if (survives(&sequence))
			printf("which do not fail every time\n");
		fail("seed %llu", (unsigned long long)seed);
	}
	check_tally();
}

static void *thread(void *arg)
{
	const struct sequence *sequence = arg;

	for (unsigned int i = 0; i < sequence->nr; i++)
		do_act(sequence->seed[i], false);
	return NULL;
}

/* On the same descriptors: one closes what another is in the middle of using. */
TEST(calls_of_several_threads, .timeout = 600)
{
	static struct sequence sequence[THREADS];
	unsigned int n = (rounds(8000) + THREADS * SEQUENCE - 1) / (THREADS * SEQUENCE);
	__u64 seed = first_seed();
	pthread_t threads[THREADS];

	printf("seeds from %llu\n", (unsigned long long)seed);
	several = true;
	open_all();
	while (n--) {
		for (int i = 0; i < THREADS; i++) {
			fill(&sequence[i], seed++ + (1ULL << 32));
			check_eq(pthread_create(&threads[i], NULL, thread, &sequence[i]), 0);
		}
		for (int i = 0; i < THREADS; i++)
			check_eq(pthread_join(threads[i], NULL), 0);
	}
	put_back();
}
