# SPDX-License-Identifier: GPL-2.0-or-later
# The guest's part of tests/gfs2.sh compare: GFS2 as Debian has it and on slow-work, in
# turn.  Notes a line for each run:
#
#	run WHAT QUEUE SECONDS THREADS AT-ONCE RUNS MEDIAN-US P99-US
#
# of all threads that executed GFS2's works how many there were and how many at once, how
# many works were executed, and how long one waited from being queued to being begun.
. /test/gfs2.sh

FUNCTIONS='glock_work_func|delete_work_func|gfs2_recover_func'

trace() {
	local e
	for e in "$TRACE"/events/*/*_queue_work "$TRACE"/events/*work*/*_execute_* \
		"$TRACE/events/slow_work/slow_work_queue"; do
		[ ! -e "$e" ] || echo "$1" >"$e/enable"
	done
	[ "$1" = 0 ] || trace_on
}

# Lines are: COMM-PID [CPU] FLAGS SECONDS: EVENT: work ADDRESS function NAME
evaluate() {
	: >/tmp/waits
	sed -nE "s/^ *.*-([0-9]+) +\\[[0-9]+\\] [^ ]* +([0-9.]+): ([a-z_]+): work[ a-z=]*([0-9a-f]+):? function[ =]($FUNCTIONS).*/\\1 \\2 \\3 \\4/p" \
		$TRACE/trace | awk '
		$3 ~ /_queue(_work)?$/	{ if (!($4 in queued)) queued[$4] = $2 }
		$3 ~ /_start$/		{ runs++
					  if ($4 in queued) {
						printf "%d\n", ($2 - queued[$4]) * 1e6 >"/tmp/waits"
						delete queued[$4]
					  }
					  if (!($1 in seen)) { seen[$1] = 1; threads++ }
					  if (!busy[$1]) { busy[$1] = 1; if (++now > most) most = now } }
		$3 ~ /_end$/		{ if (busy[$1]) { busy[$1] = 0; now-- } }
		END			{ printf "%d %d %d ", threads, most, runs }'
	sort -n /tmp/waits | awk '{ w[NR] = $1 } END { print w[int((NR + 1) / 2)] + 0, w[int(NR * 0.99) + (NR < 100)] + 0 }'
}

# measure WHAT COMMAND...
measure() {
	local what="$1" began took; shift
	sync
	trace 1
	began=$(cut -d' ' -f1 /proc/uptime)
	"$@" || not_ok "$what, $queue: $*"
	took=$(awk -v a="$began" '{ print $1 - a }' /proc/uptime)
	trace 0
	note "run $what $queue $took $(evaluate)"
}

write_all() { copy_all $A/tree && wait_workers && sync; }
read_again() { forget; same_sums $A/tree; }
read_all() { local f; while read -r f; do md5sum "$A/tree/$f" >/dev/null || return; done; }
read_side_by_side() { forget; each read_all && wait_workers; }
remount() { umount $A && mount_gfs2 /dev/vda $A; }
remove_all() { each remove $A/tree && wait_workers && sync; }

one_round() {
	local prefix=
	case $queue in
	workqueue) prefix=debian- ;;
	*) load slow_work "max_threads=${queue#slow-work-}" ;;
	esac
	load ${prefix}gfs2
	check "round $round, $queue" mount_gfs2 /dev/vda $A
	rm -rf $A/tree
	measure create write_all
	measure re-read read_again
	measure re-read-by-8 read_side_by_side
	measure remount remount
	measure unlink remove_all
	check "unmount" umount $A
	check "unload" unload gfs2
	[ "$queue" = workqueue ] || unload slow_work
}

mount -t tracefs trace $TRACE
echo 32768 >$TRACE/buffer_size_kb
deal
# shellcheck disable=SC2154 # of the kernel's command line
for round in $(seq "$rounds"); do
	for queue in workqueue slow-work-4; do
		one_round
	done
done
plan
