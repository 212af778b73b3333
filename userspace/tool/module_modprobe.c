// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replaces module_kmod.c if peerbuf is built without libkmod: uses modprobe, which knows
 * the symbols of modules that were built with CONFIG_MODVERSIONS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "facts.h"
#include "tool.h"

/* Parses "path/of/module.ko.xz: path/of/others"; the first path is the module's file. */
static const char *module_path(const char *release, const char *module)
{
	FILE *file = fopen(format_text("/lib/modules/%s/modules.dep", release), "re");
	const char *path = NULL, *slash;
	char *line = NULL;
	size_t n, size = 0;

	while (file && !path && getline(&line, &size, file) > 0) {
		line[strcspn(line, ":")] = '\0';
		slash = strrchr(line, '/');
		slash = slash ? slash + 1 : line;
		for (n = 0; module[n] &&
		     (slash[n] == module[n] || (slash[n] == '-' && module[n] == '_')); n++)
			;
		if (!module[n] && !strncmp(slash + n, ".ko", 3))
			path = format_text("/lib/modules/%s/%s", release, line);
	}
	free(line);
	if (file)
		fclose(file);
	return path;
}

int module_signed(const char *module)
{
	FILE *file = open_program((const char *const []) {
		"modinfo", "-F", "sig_id", module, NULL,
	});
	char text[64] = "";

	if (!file)
		return -1;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	return close_program(file) ? -1 : !!*text;
}

/* Reads lines "CRC SYMBOL", one for every symbol that the module imports. */
void module_symbols(const char *module, void (*take)(void *data, const char *symbol), void *data)
{
	const char *path;
	char symbol[128], *line = NULL;
	struct utsname name;
	size_t size = 0;
	FILE *file;

	uname(&name);
	path = module_path(name.release, module);
	if (!path)
		return;
	file = open_program((const char *const []) {
		"modprobe", "--dump-modversions", path, NULL,
	});
	while (file && getline(&line, &size, file) > 0)
		if (sscanf(line, "%*s %127s", symbol) == 1)
			take(data, symbol);
	free(line);
	if (file)
		close_program(file);
}
