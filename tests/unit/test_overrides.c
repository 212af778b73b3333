// SPDX-License-Identifier: GPL-2.0
/* The override parameter's language. */

#include "override_list.h"
#include "tap.h"

#define ONE	"0000:01:00.0-0000:04:00.0"

static struct p2p_override_list list, more;
static char text[4096];

static int parse(struct p2p_override_list *to, const char *from)
{
	const char *bad = NULL;
	int bad_len = 0;

	return p2p_override_list_parse(to, from, &bad, &bad_len);
}

static const struct {
	const char *in, *out;
} good[] = {
	{ "", "" },
	{ ONE, ONE },
	{ "0000:04:00.0-0000:01:00.0", ONE },
	{ "host:0000:20", "host:0000:20" },
	{ "host:10000:e0", "host:10000:e0" },
	{ ONE ",host:0000:00", ONE ",host:0000:00" },
	{ ONE "," ONE ",0000:04:00.0-0000:01:00.0", ONE },
	{ "host:0000:AB", "host:0000:ab" },
	{ "00000001:fF:1F.7-ffffffff:ff:1f.7", "0001:ff:1f.7-ffffffff:ff:1f.7" },
};

static void well_formed(void)
{
	size_t i, length;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		ROW("\"%s\"", good[i].in);
		CHECK_EQ(parse(&list, good[i].in), 0);
		length = p2p_override_list_format(text, sizeof(text), &list);
		CHECK_EQ(length, strlen(text));
		if (!CHECK(!strcmp(text, good[i].out)))
			printf("# printed as \"%s\"\n", text);
		CHECK_EQ(parse(&more, text), 0);
		CHECK_EQ(more.nr, list.nr);
		CHECK(!memcmp(more.item, list.item, list.nr * sizeof(list.item[0])));
	}
}

static const struct {
	const char *in, *bad;
} malformed[] = {
	{ ",", "" },
	{ ONE ",", "" },
	{ "," ONE, "" },
	{ ONE ",," ONE, "" },
	{ "nonsense", "nonsense" },
	{ ONE ",nonsense,host:0000:00", "nonsense" },
	{ "0000:01:00.0", "0000:01:00.0" },
	{ "0000:01:00.0-", "0000:01:00.0-" },
	{ "-0000:01:00.0", "-0000:01:00.0" },
	{ "0000:01:00.0-0000:01:00.0", "0000:01:00.0-0000:01:00.0" },
	{ "01:00.0-04:00.0", "01:00.0-04:00.0" },
	{ ONE "x", ONE "x" },
	{ ONE "-0000:05:00.0", ONE "-0000:05:00.0" },
	{ " " ONE, " " ONE },
	{ ONE " ", ONE " " },
	{ "0000:01:20.0-0000:04:00.0", "0000:01:20.0-0000:04:00.0" },
	{ "0000:01:00.8-0000:04:00.0", "0000:01:00.8-0000:04:00.0" },
	{ "0000:01:00.00-0000:04:00.0", "0000:01:00.00-0000:04:00.0" },
	{ "0000:101:00.0-0000:04:00.0", "0000:101:00.0-0000:04:00.0" },
	{ "000000001:01:00.0-0000:04:00.0", "000000001:01:00.0-0000:04:00.0" },
	{ "0x00:01:00.0-0000:04:00.0", "0x00:01:00.0-0000:04:00.0" },
	{ "000:01:00.0-0000:04:00.0", "000:01:00.0-0000:04:00.0" },
	{ "host:", "host:" },
	{ "host:0000", "host:0000" },
	{ "host:0000:", "host:0000:" },
	{ "host:0000:0", "host:0000:0" },
	{ "host:0000:00:00.0", "host:0000:00:00.0" },
	{ "HOST:0000:00", "HOST:0000:00" },
	{ "host:00", "host:00" },
	{ "+" ONE, "+" ONE },
};

static void malformed_are_named(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(malformed); i++) {
		const char *bad = NULL;
		int len = -1;

		ROW("\"%s\"", malformed[i].in);
		CHECK_EQ(p2p_override_list_parse(&list, malformed[i].in, &bad, &len), -EINVAL);
		if (CHECK(bad && len >= 0))
			CHECK((size_t)len == strlen(malformed[i].bad) &&
			      !memcmp(bad, malformed[i].bad, len));
	}
}

static void add_and_remove(void)
{
	CHECK_EQ(parse(&list, ONE ",host:0000:20"), 0);
	CHECK_EQ(parse(&more, "host:0000:20,host:0000:40"), 0);
	CHECK_EQ(p2p_override_list_add(&list, &more), 0);
	p2p_override_list_format(text, sizeof(text), &list);
	CHECK(!strcmp(text, ONE ",host:0000:20,host:0000:40"));

	CHECK_EQ(p2p_override_list_remove(&list, &more), 0);
	p2p_override_list_format(text, sizeof(text), &list);
	CHECK(!strcmp(text, ONE));

	/* One of the two is not there: neither is removed. */
	CHECK_EQ(parse(&more, ONE ",host:0000:40"), 0);
	CHECK_EQ(p2p_override_list_remove(&list, &more), -ENOENT);
	p2p_override_list_format(text, sizeof(text), &list);
	CHECK(!strcmp(text, ONE));
}

static void lookups(void)
{
	const u64 a = 0x0100, b = 0x0400;

	CHECK_EQ(parse(&list, ONE ",host:0001:20"), 0);
	CHECK(p2p_override_list_pair(&list, a, b));
	CHECK(p2p_override_list_pair(&list, b, a));
	CHECK(!p2p_override_list_pair(&list, a, b + 1));
	CHECK(!p2p_override_list_pair(&list, a, a));
	CHECK(!p2p_override_list_pair(&list, a, 0x10000 | b));
	CHECK(p2p_override_list_host(&list, 0x12000));
	CHECK(!p2p_override_list_host(&list, 0x2000));
	CHECK(!p2p_override_list_host(&list, a));
	/* A host bridge is no pair of its address and zero. */
	CHECK(!p2p_override_list_pair(&list, 0, 0x12000));
	CHECK(!p2p_override_list_pair(&list, 0x12000, 0));
}

/* The longest there are, as many as there can be, in the page that sysfs has. */
static void limits(void)
{
	char *p = text;
	int i;

	for (i = 0; i < P2P_OVERRIDES_MAX; i++)
		p += sprintf(p, "%sffffffff:%02x:1f.7-ffffffff:ff:1f.7", i ? "," : "", i);
	CHECK_EQ(parse(&list, text), 0);
	CHECK_EQ(list.nr, P2P_OVERRIDES_MAX);
	CHECK_EQ(p2p_override_list_format(text, PAGE_SIZE - 1, &list), p - text);

	CHECK_EQ(parse(&more, "host:0000:00"), 0);
	CHECK_EQ(p2p_override_list_add(&list, &more), -E2BIG);
	strcpy(p, ",host:0000:00");
	CHECK_EQ(parse(&list, text), -E2BIG);
}

static void format_keeps_within_its_buffer(void)
{
	char small[60];

	CHECK_EQ(parse(&list, ONE "," "host:0000:00," ONE ",0000:01:00.0-0000:05:00.0"), 0);
	memset(small, '!', sizeof(small));
	CHECK_EQ(p2p_override_list_format(small, 40, &list), strlen(ONE ",host:0000:00"));
	CHECK(!strcmp(small, ONE ",host:0000:00"));
	CHECK_EQ(p2p_override_list_format(small, 38, &list), strlen(ONE));
	CHECK_EQ(p2p_override_list_format(small, 1, &list), 0);
	CHECK(!*small);
}

void test_overrides(void)
{
	RUN(well_formed);
	RUN(malformed_are_named);
	RUN(add_and_remove);
	RUN(lookups);
	RUN(limits);
	RUN(format_keeps_within_its_buffer);
}
