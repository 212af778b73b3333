// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "engine.h"
#include "tool.h"

static const struct {
	const char *kind;
	struct engine *(*open)(uint64_t addr, const char *scratch);
} engines[] = {
	{ "edu", engine_edu },
	{ "verbs", engine_verbs },
	{ "nvme", engine_nvme },
};

const char *engine_kind(const struct command *self, const char *text)
{
	size_t n;

	for (n = 0; n < ARRAY_SIZE(engines); n++)
		if (!strcmp(text, engines[n].kind))
			return engines[n].kind;
	usage_error(self, "%s: not an engine; they are edu, verbs and nvme", text);
}

struct engine *engine_open(uint64_t addr, const char *kind, const char *scratch)
{
	struct engine *engine = NULL;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(engines) && !engine; n++)
		if (!kind || !strcmp(kind, engines[n].kind))
			engine = engines[n].open(addr, scratch);
	return engine;
}
