// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds the symbols that a module imports by libkmod, from the module's own symbol table, and
 * whether it is signed.
 */
#include <libkmod.h>
#include <stddef.h>
#include <string.h>

#include "facts.h"

static void each_symbol(struct kmod_module *module, void (*take)(void *data, const char *symbol),
			void *data)
{
	struct kmod_list *list = NULL, *entry;

	if (kmod_module_get_dependency_symbols(module, &list) < 0)
		return;
	kmod_list_foreach(entry, list)
		take(data, kmod_module_dependency_symbol_get_symbol(entry));
	kmod_module_dependency_symbols_free_list(list);
}

static int has_signature(struct kmod_module *module)
{
	struct kmod_list *list = NULL, *entry;
	int found = 0;

	if (kmod_module_get_info(module, &list) < 0)
		return -1;
	kmod_list_foreach(entry, list)
		found |= !strcmp(kmod_module_info_get_key(entry), "sig_id");
	kmod_module_info_free_list(list);
	return found;
}

int module_signed(const char *module)
{
	struct kmod_ctx *context = kmod_new(NULL, NULL);
	struct kmod_list *found = NULL;
	struct kmod_module *first;
	int ret = -1;

	if (!context)
		return -1;
	if (kmod_module_new_from_lookup(context, module, &found) >= 0 && found) {
		first = kmod_module_get_module(found);
		ret = has_signature(first);
		kmod_module_unref(first);
		kmod_module_unref_list(found);
	}
	kmod_unref(context);
	return ret;
}

void module_symbols(const char *module, void (*take)(void *data, const char *symbol), void *data)
{
	struct kmod_ctx *context = kmod_new(NULL, NULL);
	struct kmod_list *found = NULL;
	struct kmod_module *first;

	if (!context)
		return;
	if (kmod_module_new_from_lookup(context, module, &found) >= 0 && found) {
		first = kmod_module_get_module(found);
		each_symbol(first, take, data);
		kmod_module_unref(first);
		kmod_module_unref_list(found);
	}
	kmod_unref(context);
}
