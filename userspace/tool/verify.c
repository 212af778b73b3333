// SPDX-License-Identifier: GPL-2.0-only
/* verify: proves a route by bytes that a device moved along it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "engine.h"
#include "progress.h"
#include "trial.h"
#include "tool.h"

#define USUAL_SIZE	(64 << 10) /* default size in bytes */

/**
 * struct proof - what to prove, and the result
 * @provider: the function whose memory is used
 * @client: the function whose engine is used
 * @args: ranges of the memory; if there are none, memory is chosen
 * @kind: kind of the engine, NULL for any
 * @scratch: the file or disk that a drive may overwrite, or NULL
 * @seconds: how long to write to measure a rate, 0: not at all
 * @json: print JSON
 * @route: the route according to the rules
 * @place: the buffer
 * @kept: the old contents of the memory
 * @trials: the trials made
 * @nr: number of trials
 * @rate: bytes per second, or 0
 */
struct proof {
	uint64_t provider;
	uint64_t client;
	struct range_args args;
	const char *kind;
	const char *scratch;
	double seconds;
	bool json;
	struct peerbuf_route route;
	struct place place;
	unsigned char *kept;
	struct trial trials[TRIALS_MOST];
	size_t nr;
	double rate;
};

static size_t attempts(const struct proof *proof, bool to_buffer)
{
	size_t n, nr = 0;

	for (n = 0; n < proof->nr; n++)
		nr += proof->trials[n].to_buffer == to_buffer;
	return nr;
}

static size_t failures(const struct proof *proof, bool to_buffer)
{
	size_t n, nr = 0;

	for (n = 0; n < proof->nr; n++)
		nr += proof->trials[n].to_buffer == to_buffer && !trial_passed(&proof->trials[n]);
	return nr;
}

/* What the trials show, as an exit code. */
static int verdict(const struct proof *proof)
{
	if (failures(proof, true) || failures(proof, false))
		return EXIT_NOT_PROVEN;
	return attempts(proof, true) && attempts(proof, false) ? EXIT_OK : EXIT_ONE_WAY;
}

static const char *trial_text(const struct trial *trial)
{
	const char *at = format_text("at 0x%" PRIx64 ", %zu byte%s", trial->offset, trial->length,
				     plural(trial->length));

	if (trial->error)
		return format_text("%s: %s", at, strerror(-trial->error));
	if (trial->nothing)
		return format_text("%s: the device says it is done, and nothing arrived", at);
	if (trial->wrong)
		return format_text("%s: %zu wrong, the first is byte %zu", at, trial->wrong,
				   trial->first);
	return format_text("%s: bytes next to them have changed", at);
}

static void print_direction(const struct proof *proof, bool to_buffer)
{
	size_t n, nr = failures(proof, to_buffer), all = attempts(proof, to_buffer);
	const char *direction = to_buffer ? "write" : "read";

	if (!all) {
		printf("%-9s not tried: what it reads it would write to its medium; --scratch FILE "
		       "says where it may\n", direction);
		return;
	}
	printf("%-9s %s, in %zu of %zu places\n", direction, nr ? "FAILED" : "right",
	       nr ? nr : all, all);
	for (n = 0; n < proof->nr; n++)
		if (proof->trials[n].to_buffer == to_buffer && !trial_passed(&proof->trials[n]))
			printf("          %s\n", trial_text(&proof->trials[n]));
}

static void print_text(const struct proof *proof)
{
	const char *client = addr_text(proof->client), *provider = addr_text(proof->provider);

	print_direction(proof, true);
	print_direction(proof, false);
	if (proof->rate)
		printf("rate      %.3f MB/s, %s\n", proof->rate / 1e6,
		       "written one after the other");
	if (verdict(proof) == EXIT_NOT_PROVEN)
		printf("NOT PROVEN: %s does not reach the memory of %s, whatever the rules say\n",
		       client, provider);
	else if (verdict(proof) == EXIT_OK)
		printf("proven: %s writes and reads the memory of %s\n", client, provider);
	else
		printf("proven in one direction only: %s writes the memory of %s; whether it "
		       "reads it is not known\n", client, provider);
}

static void print_head(const struct proof *proof)
{
	const struct peerbuf_range *range = &proof->args.ranges[0];

	printf("route     %s: %s\n", peerbuf_route_name(proof->route.type),
	       peerbuf_reason_text(proof->route.reason));
	printf("engine    %s %s\n", proof->place.engine->kind, proof->place.engine->name);
	printf("memory    %s of %s; what was there is put back\n", range_text(range),
	       addr_text(proof->provider));
	fflush(stdout);
}

static struct json_object *trial_json(const struct trial *trial)
{
	struct json_object *object = json_new();

	json_set_text(object, "direction", trial->to_buffer ? "write" : "read");
	json_set_number(object, "offset", trial->offset);
	json_set_number(object, "length", trial->length);
	json_set_bool(object, "passed", trial_passed(trial));
	json_set_number(object, "errno", -trial->error);
	json_set_number(object, "wrong", trial->wrong);
	json_set_bool(object, "nothing_arrived", trial->nothing);
	json_set_bool(object, "around_changed", trial->around);
	return object;
}

/* null if it was not tried. */
static void json_set_direction(struct json_object *object, const char *key,
			       const struct proof *proof, bool to_buffer)
{
	if (attempts(proof, to_buffer))
		json_set_bool(object, key, !failures(proof, to_buffer));
	else
		json_set(object, key, NULL);
}

static void print_json(const struct proof *proof)
{
	struct json_object *top = json_new(), *trials = json_new_array();
	size_t n;

	json_set_addr(top, "provider", proof->provider);
	json_set_addr(top, "client", proof->client);
	json_set_route(top, "route", &proof->route);
	json_set_text(top, "engine", proof->place.engine->kind);
	json_set_text(top, "device", proof->place.engine->name);
	json_set_number(top, "size", proof->place.size);
	json_set_bool(top, "proven", verdict(proof) == EXIT_OK);
	json_set_direction(top, "write_proven", proof, true);
	json_set_direction(top, "read_proven", proof, false);
	for (n = 0; n < proof->nr; n++)
		json_append(trials, trial_json(&proof->trials[n]));
	json_set(top, "trials", trials);
	if (proof->rate)
		json_set_number(top, "bytes_per_second", proof->rate);
	else
		json_set(top, "bytes_per_second", NULL);
	json_print(top);
}

/* Without an engine only the rules remain, and they are no proof. */
static int no_engine(const struct proof *proof)
{
	const char *driver = function_driver(proof->client);

	if (strcmp(driver, "-"))
		driver = format_text("driver %s", driver);
	else
		driver = "without a driver";
	failed_errno(-EOPNOTSUPP, "verify: %s, %s, has no engine that peerbuf can use",
		     addr_text(proof->client), driver);
	hint("an RDMA device is one, and an NVMe drive with the module peerbuf-nvme%s; by the "
	     "rules alone the route is %s: %s",
	     strcmp(function_driver(proof->client), "-") ? "" : ", once its driver is bound",
	     peerbuf_route_name(proof->route.type), peerbuf_reason_text(proof->route.reason));
	return EXIT_UNKNOWN;
}

/* The largest BAR without read side effects: memory, not registers. */
static int choose(struct proof *proof, int node, struct peerbuf_error *error)
{
	const uint32_t wanted = PEERBUF_BAR_F_MEMORY | PEERBUF_BAR_F_PREFETCHABLE |
				PEERBUF_BAR_F_EXPORTABLE;
	struct peerbuf_range *range = calloc(1, sizeof(*range));
	struct peerbuf_ioc_info info;
	int ret = peerbuf_info(node, &info, error);
	unsigned int n;

	if (!range)
		out_of_memory();
	for (n = 0; !ret && n < ARRAY_SIZE(info.bars); n++) {
		if ((info.bars[n].flags & wanted) != wanted || info.bars[n].size <= range->length)
			continue;
		range->bar = n;
		range->length = info.bars[n].size;
	}
	if (range->length > USUAL_SIZE)
		range->length = USUAL_SIZE;
	proof->args.ranges = range;
	proof->args.nr = !!range->length;
	return ret;
}

static int no_memory(const struct proof *proof)
{
	failed_errno(-ENXIO, "verify: %s has no prefetchable BAR that may be exported",
		     addr_text(proof->provider));
	hint("name a BAR of it that is memory, --bar N; verify writes to it");
	return EXIT_REFUSED;
}

/* Asks the exporter why it refused the importer; the engine knows only an errno. */
static int not_attached(const struct proof *proof, int node, uint64_t id, int err)
{
	const struct subject subject = { .provider = proof->provider, .client = proof->client };
	struct peerbuf_export_info info;
	struct peerbuf_error error = { .error = err, .reason = proof->place.engine->reason };

	if (!peerbuf_query(node, id, &info, NULL) && info.refusals)
		error.reason = info.last_refusal;
	if (error.reason == PEERBUF_REASON_NO_ROUTE)
		error.reason = info.last_refusal_route.reason;
	failed(&error, &subject, "verify: %s does not take the buffer", addr_text(proof->client));
	return proof->route.type == PEERBUF_ROUTE_NOT_SUPPORTED ? EXIT_NO_ROUTE : EXIT_REFUSED;
}

static void keep(struct proof *proof)
{
	size_t n;

	proof->kept = malloc(proof->place.size);
	if (!proof->kept)
		out_of_memory();
	for (n = 0; n < proof->place.size; n++)
		proof->kept[n] = proof->place.memory[n];
}

static void put_back(struct proof *proof)
{
	size_t n;

	for (n = 0; n < proof->place.size; n++)
		proof->place.memory[n] = proof->kept[n];
	__sync_synchronize();
	free(proof->kept);
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	interrupted = number;
}

/* The owner may revoke the memory at any time; then its old contents cannot be restored. */
static void on_revoke(int number)
{
	static const char text[] = "peerbuf: verify: the memory was revoked meanwhile\n";

	(void)number;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(EXIT_REFUSED);
	_exit(EXIT_REFUSED);
}

static void watch_signals(void)
{
	sigaction(SIGINT, &(struct sigaction) { .sa_handler = on_interrupt }, NULL);
	sigaction(SIGTERM, &(struct sigaction) { .sa_handler = on_interrupt }, NULL);
	sigaction(SIGHUP, &(struct sigaction) { .sa_handler = on_interrupt }, NULL);
	sigaction(SIGBUS, &(struct sigaction) { .sa_handler = on_revoke }, NULL);
}

/* The old contents are restored after an interruption, too. */
static void try_all(struct proof *proof)
{
	size_t n, nr = trials_plan(&proof->place, proof->trials);

	for (n = 0; n < nr && !interrupted; n++) {
		progress("verify", n, nr);
		trial_run(&proof->place, &proof->trials[n]);
	}
	progress("verify", nr, nr);
	proof->nr = n;
}

static int prove(struct proof *proof)
{
	try_all(proof);
	if (!proof->nr && !interrupted) {
		put_back(proof);
		failed_errno(-EINVAL, "verify: %s moves %zu bytes at a time, and the memory has "
			     "%" PRIu64, proof->place.engine->name, proof->place.engine->grain,
			     proof->place.size);
		return EXIT_UNKNOWN;
	}
	if (interrupted) {
		put_back(proof);
		warning("interrupted after %zu trials; nothing is proven", proof->nr);
		return EXIT_SIGNAL + interrupted;
	}
	if (verdict(proof) != EXIT_NOT_PROVEN && proof->seconds)
		proof->rate = trials_rate(&proof->place, proof->seconds);
	put_back(proof);
	if (proof->json)
		print_json(proof);
	else
		print_text(proof);
	return verdict(proof);
}

static int with_buffer(struct proof *proof, int node, uint64_t id)
{
	struct engine *engine = proof->place.engine;
	void *memory;
	int ret;

	ret = peerbuf_mmap(proof->place.dmabuf, 0, proof->place.size, PROT_READ | PROT_WRITE,
			   &memory);
	if (ret)
		return failed_errno(ret, "verify: %s: mmap", addr_text(proof->provider));
	proof->place.memory = memory;
	watch_signals();
	keep(proof);
	ret = engine->attach(engine, proof->place.dmabuf, proof->place.size);
	if (ret) {
		put_back(proof);
		ret = not_attached(proof, node, id, ret);
	} else {
		if (!proof->json)
			print_head(proof);
		ret = prove(proof);
	}
	peerbuf_munmap(memory, proof->place.size);
	return ret;
}

static int with_node(struct proof *proof, int node)
{
	const struct subject subject = { .function = proof->provider };
	struct peerbuf_error error;
	uint64_t id = 0;
	size_t n;
	int ret;

	ret = proof->args.nr ? range_args_resolve(node, &proof->args, &error) :
			       choose(proof, node, &error);
	if (!ret && !proof->args.nr)
		return no_memory(proof);
	if (!ret)
		ret = peerbuf_export(node, proof->args.ranges, proof->args.nr, 0,
				     O_RDWR | O_CLOEXEC, &id, &error);
	if (ret < 0)
		return failed(&error, &subject, "verify: %s", addr_text(proof->provider));
	proof->place.dmabuf = ret;
	for (n = 0; n < proof->args.nr; n++)
		proof->place.size += proof->args.ranges[n].length;
	ret = with_buffer(proof, node, id);
	/* Detach the engine before its export ends. */
	proof->place.engine->close(proof->place.engine);
	close(proof->place.dmabuf);
	return ret;
}

static int verify(struct proof *proof)
{
	const struct subject subject = { .provider = proof->provider, .client = proof->client };
	struct peerbuf_error error;
	int node = open_node(proof->provider, O_RDWR), ret;

	if (node < 0)
		return -node;
	ret = peerbuf_route(node, proof->provider, proof->client, PEERBUF_ANY_BAR, &proof->route,
			    &error);
	if (ret) {
		ret = failed(&error, &subject, "verify %s %s", addr_text(proof->provider),
			     addr_text(proof->client));
	} else {
		proof->place.engine = engine_open(proof->client, proof->kind, proof->scratch);
		ret = proof->place.engine ? with_node(proof, node) : no_engine(proof);
	}
	peerbuf_close(node);
	return ret;
}

static double parse_seconds(const struct command *self, const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds > 0 && seconds <= 86400))
		usage_error(self, "%s: not a number of seconds up to a day", text);
	return seconds;
}

static int verify_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION, BAR_OPTION,
		{ "range", required_argument, NULL, 'r' },
		{ "loop", required_argument, NULL, 'l' },
		{ "engine", required_argument, NULL, 'e' },
		{ "scratch", required_argument, NULL, 's' }, { 0 }
	};
	struct proof proof = { .args.bar = -1 };
	int option, ret;

	while ((option = next_option(self, argc, argv, ":hjb:r:l:e:s:", options)) != -1) {
		if (option == 'b')
			range_args_bar(self, &proof.args, optarg);
		else if (option == 'r')
			range_args_range(self, &proof.args, optarg);
		else if (option == 'l')
			proof.seconds = parse_seconds(self, optarg);
		else if (option == 'e')
			proof.kind = engine_kind(self, optarg);
		else if (option == 's')
			proof.scratch = optarg;
		else
			proof.json = true;
	}
	count_arguments(self, argc, 2, 2);
	proof.provider = parse_addr(self, argv[optind]);
	proof.client = parse_addr(self, argv[optind + 1]);
	if (proof.args.bar >= 0 || proof.args.nr)
		range_args_end(self, &proof.args);
	if (proof.scratch && !proof.kind)
		proof.kind = engine_kind(self, "nvme");
	if (proof.scratch && strcmp(proof.kind, "nvme"))
		usage_error(self, "--scratch is for the engine nvme");
	/* A random seed, because bytes of an earlier run may still be in the memory. */
	if (getrandom(&proof.place.seed, sizeof(proof.place.seed), 0) < 0)
		return failed_errno(-errno, "getrandom");
	ret = verify(&proof);
	free(proof.args.ranges);
	return ret;
}

const struct command verify_command = {
	.name = "verify",
	.synopsis = "[OPTION…] [--bar N [--range RANGE]…] PROVIDER CLIENT",
	.summary = "Prove a route by bytes that the client moves along it",
	.help = "  PROVIDER              PCI address of the function whose memory is meant; it is\n"
		"                        written to, and put back\n"
		"  CLIENT                PCI address of the device that does the DMA\n"
		"  -b, --bar N           which memory; without it, the first 64 KiB of the\n"
		"                        largest prefetchable BAR\n"
		"  -r, --range RANGE     a piece of that BAR, as in export\n"
		"  -e, --engine KIND     edu, verbs or nvme, where the client has several\n"
		"  -s, --scratch FILE    of a drive: a disk or file of xfs that it may overwrite;\n"
		"                        without it only what it writes to the memory is tried\n"
		"  -l, --loop SECONDS    then write for so long, and say how fast\n"
		"  -j, --json            print JSON\n",
	.notes = "The client's engine is an RDMA device, an NVMe drive with its own driver (by\n"
		"the module peerbuf-nvme), or edu in the lab. The exit code is 0 if all bytes\n"
		"arrived in both directions, 9 if they arrived and only one direction was\n"
		"tried, 8 if bytes were lost or wrong, 3 if there is no route, and 6 if the\n"
		"client has no engine, so that nothing is proven. Do not run it on memory that\n"
		"is in use.\n",
	.run = verify_run,
};
