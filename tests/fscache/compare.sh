# SPDX-License-Identifier: GPL-2.0-or-later
# The guest's part of tests/fscache.sh compare: FS-Cache as Debian has it and on
# slow-work, in turn.  Notes a line for each run:
#
#	run WHAT QUEUE SECONDS THREADS AT-ONCE LOOKUPS MEDIAN-US P99-US
#
# of all that worked on cookies how many there were and how many at once, and how long
# a look-up waited from being queued to being begun.  FS-Cache's own tracepoints tell,
# which are the same in both.
. /test/fscache.sh

trace_on() {
	echo 0 >$TRACING/tracing_on
	echo >$TRACING/trace
	echo 1 >$TRACING/events/fscache/fscache_cookie/enable
	echo 1 >$TRACING/tracing_on
}
trace_off() { echo 0 >$TRACING/tracing_on; echo 0 >$TRACING/events/fscache/fscache_cookie/enable; }

# Lines are: COMM-PID [CPU] FLAGS SECONDS: fscache_cookie: c=NUMBER WHAT r=COUNT
evaluate() {
	sed -n 's/^ *[^[]*-\([0-9]*\) *\[[0-9]*\] [^ ]* *\([0-9.]*\): fscache_cookie: c=\([0-9a-f]*\) /\1 \2 \3 /p' \
		$TRACING/trace | awk '
		/ GQ  use /	{ if (!($3 in queued)) queued[$3] = $2 }
		/ -   work /	{ if ($3 in queued) {
					printf "%d\n", ($2 - queued[$3]) * 1e6 >"/tmp/waits"
					delete queued[$3]
				  }
				  if (!($1 in seen)) { seen[$1] = 1; threads++ }
				  if (!busy[$1]) { busy[$1] = 1; if (++now > most) most = now } }
		/ PQ  work /	{ if (busy[$1]) { busy[$1] = 0; now-- } }
		END		{ printf "%d %d ", threads, most }'
	sort -n /tmp/waits | awk '{ w[NR] = $1 } END { print NR, w[int((NR + 1) / 2)], w[int(NR * 0.99) + (NR < 100)] }'
}

# measure WHAT QUEUE COMMAND...: the readers, with COMMAND going on
measure() {
	local what="$1" queue="$2" began took; shift 2
	trace_on
	began=$(cut -d' ' -f1 /proc/uptime)
	start_readers
	while reading; do "$@"; done
	wait_readers
	took=$(awk -v a="$began" '{ print $1 - a }' /proc/uptime)
	trace_off
	same_sums || not_ok "$what, $queue: what user space computed"
	note "run $what $queue $took $(evaluate)"
}
quietly() { usleep 100000; }
forget_often() { forget; usleep 100000; }
slowly() { sync; forget; }
withdraw_often() { withdraw_cache; bind_cache; usleep 200000; }

fresh() { unmount_tree; forget; mount_tree; }

# one_round DISK QUEUE
one_round() {
	local prefix= disturb=quietly
	case $2 in
	workqueue) prefix=debian- ;;
	*) load slow_work "max_threads=${2#slow-work-}" ;;
	esac
	load_all $prefix
	# What is looked up and made has to be read from the slowest disk, and written to it
	[ "$1" != /dev/vdc ] || disturb=slowly
	new_cache "$1"
	$disturb
	bind_cache
	check "round $round, $1, $2" mount_tree
	measure "cold-$1" "$2" $disturb
	fresh
	measure "warm-$1" "$2" $disturb
	if [ "$1" = /dev/vda ]; then
		fresh
		measure "burst-$1" "$2" forget_often
		fresh
		measure "withdrawn-$1" "$2" withdraw_often
	fi
	withdraw_cache
	unmount_tree
	until_true 60 umount $CACHE
	check "and all is unloaded" unload_all
	[ "$2" = workqueue ] || unload slow_work
}

all=$(cat /test/expected)
# some N: each Nth file of the tree
some() { echo "$all" | awk -v n="$1" 'n == 1 || NR % n == 1' >/test/expected; deal; }
# shellcheck disable=SC2154 # of the kernel's command line
for round in $(seq "$rounds"); do
	some 1
	for queue in workqueue slow-work-4; do
		one_round /dev/vda $queue
	done
	# These take 10 ms longer for each request, and half a second
	some 8
	for queue in workqueue slow-work-4 slow-work-16; do
		one_round /dev/vdb $queue
	done
	some 20
	for queue in workqueue slow-work-4 slow-work-16; do
		one_round /dev/vdc $queue
	done
done
plan
