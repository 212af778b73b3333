// SPDX-License-Identifier: GPL-2.0
/*
 * odd-buffer, the exporter's command for whoever has an importer and not these tests. The
 * importer here is odd_import.py, which drives an edu.
 */
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "odd.h"
#include "shell.h"

#define TESTS	"/usr/libexec/peerbuf/tests/"
#define COMMAND	TESTS "odd-buffer "
#define EDU	"rp-edu"
#define MEM	"rp-mem"

static char output[4096];

/* With these options, for an importer of that mode and those flags: its status. */
static int run(const char *options, __u32 mode, __u32 flags)
{
	const char *edu = lab_where(EDU);
	int status;

	close(edu_open(EDU));
	odd_node();
	status = shell(COMMAND "%s -- " TESTS "odd_import.py /dev/edu_dma/%s {} %u %u 6 >out",
		       options, edu, mode, flags);
	file_read("out", output, sizeof(output));
	printf("%s", output);
	return status;
}

static bool says(const char *text)
{
	return strstr(output, text);
}

TEST(good_importer)
{
	check_eq(run("--size 164K --pieces 1,3,7", EDU_DMA_FOREIGN, 0), 0);
	check(says("failed 0"));
	check(says("attach 1, detach 1, map 6, unmap 6"));
	check(says("bad: nothing"));
}

TEST(rules)
{
	check_eq(run("--rule map:fail:error=ENOMEM:first=2:every=3 --rule map:move:every=1",
		     EDU_DMA_FOREIGN, 0), 0);
	check(says("failed 2"));
	check(says("fail 2, delay 0, move 6"));
	check(says("bad: nothing"));
}

TEST(bad_importer)
{
	check_eq(run("-j", EDU_DMA_BAD, EDU_DMA_BAD_DIRECTION), 3);
	check(says("\"unmap_direction\": 6"));
	check(says("\"unmap_unknown\": 0"));
}

TEST(buffer_in_a_bar)
{
	char options[128];

	odd_bind(MEM);
	snprintf(options, sizeof(options), "--in bar --bar %s/2+1M --each 20:migrate",
		 lab_where(MEM));
	check_eq(run(options, EDU_DMA_DYNAMIC, 0), 0);
	check(says("failed 0"));
	check(says("bad: nothing"));
}

TEST(wrong_words)
{
	odd_node();
	check_eq(shell(COMMAND "--rule map:sing -- true"), 2);
	check_eq(shell(COMMAND "--rule map:fail -- true"), 2);
	check_eq(shell(COMMAND "--in bar -- true"), 2);
	check_eq(shell(COMMAND "-- sh -c 'exit 5'"), 5);
	check_eq(shell(COMMAND "-- sh -c 'kill -9 $$'"), 137);
}
