// SPDX-License-Identifier: GPL-2.0
/* Programs that use nodes by the library: the Python binding, and the example for nodes. */
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

#define EXAMPLE	"/usr/libexec/peerbuf/examples/node-watch"
#define SCRIPT	"/usr/libexec/peerbuf/tests/client.py"
#define START	(128 * 1024)
#define MOVED	(1024 * 1024)
#define SIZE	(64 * 1024)
#define LENGTH	64

/**
 * struct client - a program that is told what to do, a line at a time
 * @pid: its process
 * @in: what it reads
 * @out: what it says
 */
struct client {
	pid_t pid;
	FILE *in;
	FILE *out;
};

static void client_start(struct client *client, char *const *argv)
{
	int in[2], out[2];

	check_sys(pipe(in));
	check_sys(pipe(out));
	client->pid = check_sys(fork());
	if (!client->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execvp(argv[0], argv);
		fail("%s: %s", argv[0], strerror(errno));
	}
	close(in[0]);
	close(out[1]);
	client->in = fdopen(in[1], "w");
	client->out = fdopen(out[0], "r");
	check(client->in && client->out);
}

static void client_tell(struct client *client, const char *word)
{
	check(fprintf(client->in, "%s\n", word) > 0);
	check(!fflush(client->in));
}

static void client_line(struct client *client, char *line, size_t size)
{
	if (!fgets(line, size, client->out))
		fail("it ended");
	line[strcspn(line, "\n")] = '\0';
}

/* Its answer to that word. */
static void client_answers(struct client *client, const char *word, const char *expected)
{
	char line[256];

	client_tell(client, word);
	client_line(client, line, sizeof(line));
	if (strcmp(line, expected))
		fail("'%s' for '%s', not '%s'", line, word, expected);
}

/* It says so, and perhaps something else before. */
static void client_says(struct client *client, const char *expected)
{
	char line[256];

	do
		client_line(client, line, sizeof(line));
	while (strcmp(line, expected));
}

static void client_end(struct client *client)
{
	int status;

	fclose(client->in);
	check_sys(waitpid(client->pid, &status, 0));
	check_eq(status, 0);
	fclose(client->out);
}

/* A descriptor of its own, as if it had been sent. */
static int client_descriptor(struct client *client, int fd)
{
	int process = check_sys(syscall(SYS_pidfd_open, client->pid, 0));
	int copy = check_sys(syscall(SYS_pidfd_getfd, process, fd, 0));

	close(process);
	return copy;
}

static void python_start(struct client *client, __u64 *id, int *dmabuf)
{
	static char mem[24];
	char *argv[] = { (char *)"python3", (char *)SCRIPT, mem, NULL };
	char line[64];
	int fd;

	close(node_open("rp-mem"));
	snprintf(mem, sizeof(mem), "%s", lab_where("rp-mem"));
	client_start(client, argv);
	client_line(client, line, sizeof(line));
	if (sscanf(line, "%llu %d", id, &fd) != 2)
		fail("not an export and a descriptor: %s", line);
	*dmabuf = client_descriptor(client, fd);
}

/* What an engine writes is what Python's mmap shows. */
static void engine_writes(struct client *client, int edu, __u32 handle, __u32 seed)
{
	__u8 data[LENGTH];
	char hex[2 * LENGTH + 1];

	pattern_fill(data, LENGTH, seed);
	check_ok(edu_put(edu, 0, data, LENGTH));
	check_ok(edu_copy(edu, handle, 0, 0, LENGTH, EDU_DMA_TO_BUFFER, 0));
	for (int i = 0; i < LENGTH; i++)
		sprintf(hex + 2 * i, "%02x", data[i]);
	client_answers(client, "look", hex);
}

TEST(python_exports_what_an_engine_writes, .timeout = 120)
{
	struct client client;
	__u32 handle;
	int edu, dmabuf;
	__u64 id;

	lab_host_fill("rp-mem", START, SIZE, 0);
	python_start(&client, &id, &dmabuf);
	check_host_bytes("rp-mem", START, SIZE, 0x5a);
	edu = edu_open("rp-edu");
	check_ok(edu_attach(edu, dmabuf, EDU_DMA_DYNAMIC, 0, &handle));
	engine_writes(&client, edu, handle, 1);
	client_answers(&client, "who", lab_where("rp-edu"));
	client_answers(&client, "size", "65536");
	client_answers(&client, "same", "True");
	client_answers(&client, "alone", "True");
	client_answers(&client, "node", "True");
	client_answers(&client, "route", "SAME_FUNCTION");
	client_answers(&client, "lookup", "('PEERBUF', True, True, True, 0, None)");
	client_answers(&client, "ordinary", "ORDINARY_MEMORY");
	client_answers(&client, "move", "done");
	engine_writes(&client, edu, handle, 2);
	check_ok(edu_detach(edu, handle));
	close(dmabuf);
	client_end(&client);
}

TEST(python_revokes_and_restores, .timeout = 120)
{
	struct client client;
	__u32 handle;
	int edu, dmabuf;
	__u64 id;

	python_start(&client, &id, &dmabuf);
	edu = edu_open("rp-edu");
	check_ok(edu_attach(edu, dmabuf, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	client_answers(&client, "restore", "NOT_REVOKED");
	client_answers(&client, "revoke", "done");
	check_fails(edu_map(edu, handle), ENODEV);
	client_answers(&client, "move", "REVOKED");
	client_answers(&client, "restore", "done");
	check_ok(edu_map(edu, handle));
	check_ok(edu_unmap(edu, handle));
	client_tell(&client, "events");
	client_says(&client, "EXPORT REVOKE DRAINED RESTORE");
	check_ok(edu_detach(edu, handle));
	close(dmabuf);
	client_end(&client);
}

TEST(python_prints_exports_as_json, .timeout = 120)
{
	int node = node_open("rp-mem");
	const char *const words[] = { "\"buffer_size\": 65536", "\"importers\": []",
				      lab_where("rp-mem"), NULL };
	const char *const nodes[] = { "\"driver\": \"peerbuf\"", lab_where("rp-mem"), NULL };
	const char *const stats[] = { "\"live_exports\": 1", NULL };
	struct peer_export export;

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	check(command_prints("python3 -m peerbuf exports", words));
	check(command_prints("python3 -m peerbuf nodes", nodes));
	check(command_prints("python3 -m peerbuf stats", stats));
}

TEST(example_watches_revokes_and_restores)
{
	char mem[24];
	char *argv[] = { (char *)EXAMPLE, mem, (char *)"2", (char *)"128K:64K", NULL };
	struct peerbuf_ioc_stats stats;
	struct peerbuf_export_info info;
	int node = node_open("rp-mem");
	struct client client;
	__u32 stored, total;
	char line[64];

	snprintf(mem, sizeof(mem), "%s", lab_where("rp-mem"));
	client_start(&client, argv);
	eventually(10, !peer_list(node, 0, &info, 1, &stored, &total) && stored == 1);
	client_tell(&client, "who");
	client_says(&client, "0 importers");
	client_tell(&client, "revoke");
	client_says(&client, "nothing reaches the memory any more");
	snprintf(line, sizeof(line), "export %llu: revoked", info.id);
	client_says(&client, line);
	snprintf(line, sizeof(line), "export %llu: mapped by nobody any more", info.id);
	client_says(&client, line);
	check_ok(peer_query(node, info.id, &info));
	check_eq(info.state, PEERBUF_STATE_F_REVOKED);
	client_tell(&client, "restore");
	snprintf(line, sizeof(line), "export %llu: restored", info.id);
	client_says(&client, line);
	client_end(&client);
	check_ok(peer_stats(&stats));
	check_eq(stats.live_exports, 0);
}
