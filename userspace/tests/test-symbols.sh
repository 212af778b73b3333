#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The library exports what its headers declare, under LIBPEERBUF_0.1, and nothing else.
# Usage: test-symbols.sh LIBRARY HEADER...
set -eu

library=$1
shift

declared=$(sed -nE 's/^(int|ssize_t|const char) \*?(peerbuf_[a-z_]+)\(.*/\2/p' "$@" | sort)
exported=$(nm -D --defined-only "$library" | awk '$2 == "T" { print $3 }' |
	sed -n 's/@@LIBPEERBUF_0\.1$//p' | sort)
# The version itself is a symbol of type A; the sanitizers add their own symbols.
others=$(nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' |
	grep -v -e '@@LIBPEERBUF_0\.1$' -e '^__asan' -e '^__ubsan' || true)

fail=0
if [ "$declared" != "$exported" ]; then
	echo "declared in $*:" "$declared"
	echo "exported by $library:" "$exported"
	fail=1
fi
if [ -n "$others" ]; then
	echo "exported without a version:" "$others"
	fail=1
fi
if [ "$(echo "$declared" | wc -l)" -lt 20 ]; then
	echo "only" "$declared" "found in $*: has its style changed?"
	fail=1
fi
exit $fail
