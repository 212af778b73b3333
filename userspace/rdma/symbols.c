// SPDX-License-Identifier: LGPL-2.1-or-later
/* Finds a symbol in the C library's own table, by the GNU hash that every distribution has. */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "symbols.h"

/* Tables to which an object's dynamic section points. */
struct tables {
	const char *strings;
	const Elf64_Sym *symbols;
	const uint32_t *hash;
};

static void read_tables(const struct link_map *map, struct tables *tables)
{
	const Elf64_Dyn *entry;

	for (entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
		if (entry->d_tag == DT_STRTAB)
			tables->strings = (const char *)entry->d_un.d_ptr;
		else if (entry->d_tag == DT_SYMTAB)
			tables->symbols = (const Elf64_Sym *)entry->d_un.d_ptr;
		else if (entry->d_tag == DT_GNU_HASH)
			tables->hash = (const uint32_t *)entry->d_un.d_ptr;
	}
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t hash = 5381;

	while (*name)
		hash = hash * 33 + (unsigned char)*name++;
	return hash;
}

/* The hash table: number of buckets, first symbol, filter words, shift; filter; buckets; chains. */
static const Elf64_Sym *find(const struct tables *tables, const char *name)
{
	const uint32_t nr_buckets = tables->hash[0], first = tables->hash[1];
	const Elf64_Addr *filter = (const Elf64_Addr *)&tables->hash[4];
	const uint32_t *buckets = (const uint32_t *)&filter[tables->hash[2]];
	const uint32_t *chains = &buckets[nr_buckets];
	const uint32_t hash = gnu_hash(name);
	uint32_t n = buckets[hash % nr_buckets];

	for (; n >= first; n++) {
		if ((chains[n - first] | 1) == (hash | 1) &&
		    !strcmp(tables->strings + tables->symbols[n].st_name, name))
			return &tables->symbols[n];
		if (chains[n - first] & 1)
			break;
	}
	return NULL;
}

void *libc_symbol(const char *name)
{
	struct link_map *map = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	struct tables tables = { 0 };
	const Elf64_Sym *symbol;

	if (!map)
		return NULL;
	read_tables(map, &tables);
	if (!tables.strings || !tables.symbols || !tables.hash)
		return NULL;
	symbol = find(&tables, name);
	return symbol && symbol->st_shndx != SHN_UNDEF ?
	       (void *)(map->l_addr + symbol->st_value) : NULL;
}
