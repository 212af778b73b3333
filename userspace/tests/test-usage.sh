#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Help, usage errors and exit codes that need no device.
# Usage: test-usage.sh PEERBUF
set -u
peerbuf=$1
out=$(mktemp)
err=$(mktemp)
trap 'rm -f "$out" "$err"' EXIT
fail=0

# expect CODE ARGUMENT…: runs peerbuf, leaves its output in $out and $err
expect()
{
	want=$1
	shift
	"$peerbuf" "$@" > "$out" 2> "$err"
	got=$?
	if [ $got -ne "$want" ]; then
		echo "peerbuf $*: exit code $got, not $want"
		cat "$err"
		fail=1
	fi
}

# says FILE TEXT
says()
{
	if ! grep -qe "$2" "$1"; then
		echo "no '$2' in:"
		cat "$1"
		fail=1
	fi
}

silent()
{
	if [ -s "$1" ]; then
		echo "unexpected output:"
		cat "$1"
		fail=1
	fi
}

expect 0 --version
says "$out" '^peerbuf [0-9]*\.[0-9]*\.[0-9]* (uAPI [0-9]*)$'
expect 0 --help
silent "$err"
commands=$(awk '/^  [a-z]/ { print $1 }' "$out")
[ "$(echo "$commands" | wc -l)" -ge 15 ] || { echo "too few commands:" "$commands"; fail=1; }

for command in $commands; do
	expect 0 "$command" --help
	silent "$err"
	says "$out" "^Usage: peerbuf $command"
	says "$out" '^  -h, --help '
	# Help must fit 80 columns.
	if [ "$(LC_ALL=C.UTF-8 wc -L < "$out")" -gt 80 ]; then
		echo "peerbuf $command --help is wider than 80 columns"
		fail=1
	fi
	expect 0 "$command" -h
	expect 2 "$command" --no-such-option
	silent "$out"
	says "$err" "unknown option --no-such-option"
	says "$err" "^Usage: peerbuf $command"
	expect 2 "$command" -Z
	says "$err" "unknown option -Z"
	"$peerbuf" "$command" --help > /dev/full 2> "$err"
	[ $? -eq 1 ] || { echo "$command --help > /dev/full did not fail"; fail=1; }
	says "$err" 'ENOSPC'
done

expect 2
silent "$out"
expect 0 help
silent "$err"
says "$out" '^Usage: peerbuf COMMAND'
expect 0 help topo
says "$out" '^Usage: peerbuf topo'
expect 2 help no-such-command
says "$err" "no command 'no-such-command'"
expect 2 topo --tree --json
expect 2 topo --tree --filter driver=nvme
expect 2 no-such-command
says "$err" "no command 'no-such-command'"

expect 2 why 01:00.0
expect 2 why 01:00.0 02:00.0 03:00.0
expect 2 why 01:00.0 nonsense
says "$err" 'nonsense: not a PCI address'
expect 2 why --from
expect 2 snapshot extra
expect 2 snapshot --diff one
expect 2 doctor extra
expect 2 topo --group colour
expect 2 topo --tree 01:00.0
expect 2 unbind --force 01:00.0
expect 2 why --bar 6 01:00.0 02:00.0
says "$err" '6: not a BAR'
expect 2 topo nonsense
expect 2 allow
expect 2 allow 01:00.0
says "$err" '--bar is missing'
expect 2 allow 01:00.0 01:00.0
expect 2 allow 01:00.0 02:00.0 --bar 1
expect 2 allow 01:00.0 02:00.0 --pinned
expect 2 deny 01:00.0 --bar 1 --pinned
expect 2 allow 01:00.0 --range 0:4K
expect 2 deny 01:00.0 --bar 1 --range 0:4K
expect 2 allow 01:00.0 --host-bridge 0000:00
expect 2 allow --host-bridge 0000:00:00.0
expect 2 allow --host-bridge 0000:100
expect 2 deny
expect 2 export --bar 2
expect 2 export 01:00.0
says "$err" '--bar is missing'
expect 2 export 01:00.0 --range 0:4K
says "$err" '--range needs a --bar before it'
expect 2 export 01:00.0 --bar 2 --range 4K
expect 2 export 01:00.0 --range system:
says "$err" 'system:: not a range'
expect 2 export 01:00.0 --bar 2 --range 0:99999999T
says "$err" 'too large for 64 bits'
expect 2 export 01:00.0 --bar
says "$err" 'option --bar needs an argument'
expect 2 export 01:00.0 --bar 2 --range x:
expect 2 export 01:00.0 --bar 2 --segment-align
expect 2 export 01:00.0 --bar 2 --segment-align large
says "$err" 'large: not a size'
expect 2 export 01:00.0 --bar 2 --max-segment 99999999T
says "$err" 'too large for 64 bits'
expect 2 move 1 --bar 2 --range 99999999T:
# With a command to run, peerbuf uses exit codes that differ from the command's.
expect 125 export --bar 2 -- true
says "$err" 'true: not a PCI address'
expect 125 export --no-such-option -- true
expect 125 export 01:00.0 --bar 2 -- true
silent "$out"
expect 2 verify --engine nvmx 01:00.0 02:00.0
says "$err" 'they are edu, verbs and nvme'
expect 2 verify --scratch disk --engine edu 01:00.0 02:00.0
says "$err" '--scratch is for the engine nvme'
expect 2 verify 01:00.0 02:00.0 --scratch
expect 2 load disk
expect 2 load disk 1 --block 0
says "$err" 'a block has one byte at least'
expect 2 load disk 1 --time 1 --count 1
says "$err" 'either --time or --count'
expect 2 load disk 1 --count 0
says "$err" '0: not a number from 1 on'
expect 2 load disk 1 --time -1
expect 2 load disk 1 --time 86401
says "$err" "more than a day's seconds"
expect 2 load disk 1 --depth 65
expect 2 load disk none
expect 2 revoke
expect 2 revoke 0
expect 2 revoke 1 --wait --timeout 1
expect 2 revoke 1 --all-of 01:00.0
expect 2 revoke --all-of nonsense
expect 2 revoke -- -1
expect 2 revoke 1 --timeout never
expect 2 revoke 1 --timeout -1
expect 2 restore 1x
expect 2 move 1
expect 2 ps 01:00.0 02:00.0
expect 2 stats extra
expect 2 events
expect 2 bind
expect 2 bind --vfio --pinned 01:00.0
expect 2 bind --vfio --bus-master 01:00.0

if [ ! -e /dev/peerbuf/control ]; then
	for arguments in ps devices list stats 'revoke 1' 'restore 1' \
		'revoke --all-of 01:00.0' 'export 01:00.0 --bar 0' 'events 01:00.0' 'allow 01:00.0 --bar 0' \
		'allow 01:00.0 02:00.0' 'deny --host-bridge 00' 'bind 01:00.0' 'move 1 --bar 0'; do
		# shellcheck disable=SC2086 # several words
		expect 4 $arguments
		silent "$out"
		says "$err" 'hint: load the peerbuf module: modprobe peerbuf'
	done
fi

# Output that cannot be written is an error.
"$peerbuf" --help > /dev/full 2> "$err"
[ $? -eq 1 ] || { echo "--help > /dev/full did not fail"; fail=1; }
says "$err" 'ENOSPC'

exit $fail
