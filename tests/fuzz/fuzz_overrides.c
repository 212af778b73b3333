// SPDX-License-Identifier: GPL-2.0
/* The override parameter's language (drivers/pci/p2p/override_list.c), against a regex. */

#include <regex.h>

#include "override_list.h"

#include "fuzz.h"

#define HEX	"[0-9a-fA-F]"
#define BUS	HEX "{4,8}:" HEX "{2}"
#define PLACE	BUS ":[01]" HEX "\\.[0-7]"
#define ITEM	"(" PLACE "-" PLACE "|host:" BUS ")"

static regex_t language;

static bool is_language(const char *text)
{
	static bool ready;

	if (!ready)
		PROMISE(!regcomp(&language, "^(" ITEM "(," ITEM ")*)?$",
				 REG_EXTENDED | REG_NOSUB));
	ready = true;
	return !regexec(&language, text, 0, NULL, 0);
}

static bool equal(const struct p2p_override_list *a, const struct p2p_override_list *b)
{
	u32 i;

	if (a->nr != b->nr)
		return false;
	for (i = 0; i < a->nr; i++)
		if (!p2p_override_list_has(b, &a->item[i]))
			return false;
	return true;
}

/* What is printed is what was meant. */
static void check_format(const struct p2p_override_list *list)
{
	static char text[4096];
	struct p2p_override_list again;
	const char *bad;
	int length;

	length = p2p_override_list_format(text, sizeof(text), list);
	PROMISE(length < (int)sizeof(text) && length == (int)strlen(text));
	PROMISE(!p2p_override_list_parse(&again, text, &bad, &length));
	PROMISE(equal(list, &again));
}

static void check_sets(const struct p2p_override_list *a, const struct p2p_override_list *b)
{
	struct p2p_override_list sum = *a;
	u32 i;

	if (p2p_override_list_add(&sum, b))
		return;
	for (i = 0; i < b->nr; i++)
		PROMISE(p2p_override_list_has(&sum, &b->item[i]));
	PROMISE(!p2p_override_list_remove(&sum, b));
	for (i = 0; i < b->nr; i++)
		PROMISE(!p2p_override_list_has(&sum, &b->item[i]));
	for (i = 0; i < a->nr; i++)
		PROMISE(p2p_override_list_has(&sum, &a->item[i]) !=
			p2p_override_list_has(b, &a->item[i]));
}

static void check_lookups(const struct p2p_override_list *list)
{
	u32 i;

	for (i = 0; i < list->nr; i++) {
		const struct p2p_override *item = &list->item[i];

		if (item->host) {
			PROMISE(p2p_override_list_host(list, item->a));
			continue;
		}
		PROMISE(item->a < item->b);
		PROMISE(p2p_override_list_pair(list, item->a, item->b));
		PROMISE(p2p_override_list_pair(list, item->b, item->a));
	}
}

/* Two functions of a pair may be the same one, which only numbers show. */
static int parse(struct p2p_override_list *list, const char *text)
{
	const char *bad = NULL;
	int length = -1, ret = p2p_override_list_parse(list, text, &bad, &length);

	PROMISE(!ret || ret == -EINVAL || ret == -E2BIG);
	if (!ret)
		PROMISE(is_language(text));
	if (ret != -EINVAL)
		return ret;
	PROMISE(bad >= text && length >= 0 && bad + length <= text + strlen(text));
	if (is_language(text))
		PROMISE(length >= 25 && strncmp(bad, "host:", 5));
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = { data, size };
	struct p2p_override_list list[2];
	char *text = fuzz_text(&fuzz), *second = strchr(text, '\n');
	int ret[2] = { -1, -1 };

	if (second)
		*second++ = '\0';
	ret[0] = parse(&list[0], text);
	if (second)
		ret[1] = parse(&list[1], second);
	if (!ret[0]) {
		check_format(&list[0]);
		check_lookups(&list[0]);
	}
	if (!ret[0] && !ret[1])
		check_sets(&list[0], &list[1]);
	free(text);
	return 0;
}
