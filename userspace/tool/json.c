// SPDX-License-Identifier: GPL-2.0-only
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool.h"

static struct json_object *made(struct json_object *object)
{
	if (!object)
		out_of_memory();
	return object;
}

struct json_object *json_new(void)
{
	return made(json_object_new_object());
}

struct json_object *json_new_array(void)
{
	return made(json_object_new_array());
}

void json_set(struct json_object *object, const char *key, struct json_object *value)
{
	if (json_object_object_add(object, key, value))
		out_of_memory();
}

void json_set_text(struct json_object *object, const char *key, const char *text)
{
	char *valid;

	if (!*text) {
		json_set(object, key, NULL);
		return;
	}
	valid = utf8_valid(text);
	json_set(object, key, made(json_object_new_string(valid)));
	free(valid);
}

void json_set_number(struct json_object *object, const char *key, uint64_t number)
{
	json_set(object, key, made(json_object_new_uint64(number)));
}

void json_set_optional(struct json_object *object, const char *key, uint64_t number)
{
	if (number)
		json_set_number(object, key, number);
	else
		json_set(object, key, NULL);
}

void json_set_bool(struct json_object *object, const char *key, bool value)
{
	json_set(object, key, made(json_object_new_boolean(value)));
}

void json_set_addr(struct json_object *object, const char *key, uint64_t addr)
{
	if (addr == PEERBUF_PCI_NONE)
		json_set(object, key, NULL);
	else
		json_set_text(object, key, addr_text(addr));
}

struct json_object *route_json(const struct peerbuf_route *route)
{
	struct json_object *value = json_new();

	json_set_text(value, "type", peerbuf_route_name(route->type));
	json_set_text(value, "reason", peerbuf_reason_name(route->reason));
	json_set_text(value, "text", peerbuf_reason_text(route->reason));
	json_set_number(value, "distance", route->distance);
	json_set_addr(value, "decider", route->decider);
	json_set_bool(value, "acs_redirect", route->flags & PEERBUF_ROUTE_F_ACS_REDIRECT);
	json_set_bool(value, "override", route->flags & PEERBUF_ROUTE_F_OVERRIDE);
	json_set_bool(value, "iommu", route->flags & PEERBUF_ROUTE_F_IOMMU);
	return value;
}

void json_set_route(struct json_object *object, const char *key,
		    const struct peerbuf_route *route)
{
	json_set(object, key, route_json(route));
}

void json_append(struct json_object *array, struct json_object *value)
{
	if (json_object_array_add(array, value))
		out_of_memory();
}

void json_append_text(struct json_object *array, const char *text)
{
	char *valid = utf8_valid(text);

	json_append(array, made(json_object_new_string(valid)));
	free(valid);
}

void json_append_number(struct json_object *array, uint64_t number)
{
	json_append(array, made(json_object_new_uint64(number)));
}

size_t json_length(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

struct json_object *json_item(struct json_object *array, size_t n)
{
	return json_object_array_get_idx(array, n);
}

struct json_object *json_parse(const char *text)
{
	return json_tokener_parse(text);
}

const char *json_line(struct json_object *object)
{
	const char *line;

	line = format_text("%s", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
								JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return line;
}

void json_free(struct json_object *object)
{
	json_object_put(object);
}

static void print(struct json_object *object, int flags)
{
	puts(json_object_to_json_string_ext(object, flags | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

void json_print_item(struct json_object *object)
{
	fputs(json_object_to_json_string_ext(object, JSON_C_TO_STRING_SPACED |
					     JSON_C_TO_STRING_NOSLASHESCAPE), stdout);
	json_object_put(object);
}

int json_print(struct json_object *object)
{
	print(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
	return EXIT_OK;
}

void json_print_line(struct json_object *object)
{
	print(object, JSON_C_TO_STRING_PLAIN);
}

struct json_object *json_member(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, key, &value);
	return value;
}

const char *json_text_of(struct json_object *object, const char *key)
{
	struct json_object *value = json_member(object, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

uint64_t json_number_of(struct json_object *object, const char *key)
{
	struct json_object *value = json_member(object, key);

	return json_object_is_type(value, json_type_int) ? json_object_get_uint64(value) : 0;
}
