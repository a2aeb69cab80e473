#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# torture.sh [KERNEL [SECONDS [SEED]]]: tortures the pool in a virtual machine
#
# KERNEL is one of kernel.sh (default debug), SECONDS the length (default 60).
# The SEED (default: a random one) is printed with the command that repeats it; the
# same gives the same draws, if not the same interleaving.  Prints KTAP.
#
# On kcsan a report counts if one of the two accesses is in a file of ours; what
# lies in the kernel alone is counted and named, and fails nothing.
#
# CPUS=      of the machine (default 4, on uml-smp 2)
# HASTE=     pauses are so many times rarer (default 1, on uml-smp 1000)
. "$(dirname "$0")/lib/env.sh"

# kcsan_reports ours|theirs LOG: the reports' head lines.  Ours are those where a
# stack has us as the accessing function, or right below a helper of the kernel
# that touches memory for its caller (or an atomic instruction's wrapper).  An access that
# is marked is right; what races with it is at fault, as the kernel's timers are with
# timer_pending().
kcsan_reports() {
	awk -v want="$1" '
	function done() {
		if (head != "" && ours == (want == "ours"))
			print head
		head = ""; ours = 0
	}
	{ sub(/^\[[^]]*\] (\[ *[TC][0-9]+\] )?/, "") }
	/^BUG: KCSAN: /	{ done(); head = $0; frames = 9 }
	/^={20,}/	{ done() }
	head == ""	{ next }
	/^(race at unknown origin, with )?(read|write)/	{ frames = /\(marked/ ? 9 : 0; next }
	/^ /	{
		if (!frames++ || helper)
			if (/\[slow_work/)
				ours = 1
		helper = frames == 1 && /^ (mem(set|cpy|move|chr_inv)|__?list_|_find_|str|kfree)/
	}
	END	{ done() }' "$2"
}

# console_reports LOG: what vm.sh would take for a report, were there no KCSAN
console_reports() {
	local SPLAT=
	eval "$(grep -E '^SPLAT\+?=' "$TOP/tests/vm.sh")"
	awk -v splat="$SPLAT" '
	{ line = $0; sub(/^\[[^]]*\] (\[ *[TC][0-9]+\] )?/, "", line) }
	line ~ /^={20,}/	{ inside = 0 }
	line ~ /^BUG: KCSAN: /	{ inside = 1 }
	!inside && $0 ~ splat' "$1"
}

run() {
	"$TOP/tests/vm.sh" "$kernel" --modules "$modules" --cpus "$CPUS" --log "$log" \
		--timeout $((seconds * 3 + 900)) \
		--append "torture_seconds=$seconds torture_seed=$seed torture_haste=$HASTE torture_patience=$patience" "$@" \
		"$TOP/tests/torture/guest.sh"
}

# run_knowing COMMAND OPTION...: some reports are the kernel's own, and fail
# nothing.  COMMAND prints those that are left.
run_knowing() {
	local left=$1 status=0 head; shift
	run --no-panic-on-warn "$@" >"$work/out" 2>"$work/err" || status=$?
	grep -v '^# vm ' "$work/out" || true
	$left >"$work/left"
	[ $status != 0 ] || return 0
	head=$(grep '^# vm ' "$work/out" || true)
	if [[ $head == "# vm $kernel guest.sh: the kernel reported something" ]] &&
		[ ! -s "$work/left" ]; then
		# It passed, and so leaves nothing
		rm -rf "$(sed -n 's/^slow-work: what a report of this needs is in //p' "$work/err")"
		return 0
	fi
	printf '%s\n' "$head"
	cat "$work/err" >&2
	return $status
}

left_of_kcsan() {
	kcsan_reports theirs "$log" | sort | uniq -c | sed 's/^/# in the kernel alone: /' >&3
	kcsan_reports ours "$log" | sort | uniq -c | sed 's/^/# data race of ours: /' >"$work/ours"
	cat "$work/ours" >&3
	cat "$work/ours"
	console_reports "$log"
}

# The scheduler of 6.12.  PREEMPT_RT, once in some hundred times that a CPU goes off line:
# it has left a task there.  Which these are it says below the warning.  And where the
# host is so slow that the server of its deadline class lags, that one forwards a timer
# which is armed, or takes back more of a CPU than it had (arm64, with CPUs off line).
left_of_6.12() {
	awk '
	/cut here/	{ inside = 1; block = "" }
	inside		{ block = block $0 "\n" }
	inside && /end trace/ {
		inside = 0
		if (block !~ /Dying CPU not properly vacated|hrtimer_forward.*dl_task_timer/ &&
		    block !~ /dl_rq->running_bw > old/)
			printf "%s", block
		next
	}
	!inside
	END		{ if (inside) printf "%s", block }' "$log" >"$work/rest"
	grep -A6 'enqueued tasks (' "$log" | sed 's/^/# in the kernel alone: CPU not vacated: /' >&3 ||
		true
	grep -E 'dl_task_timer\+|dl_rq->running_bw > old' "$log" | sed 's/^/# in the kernel alone: deadline server: /' >&3 ||
		true
	console_reports "$work/rest"
}

kernel=${1-debug} seconds=${2-60} seed=${3-$((RANDOM * 32768 + RANDOM + 1))}
[[ $seconds =~ ^[1-9][0-9]*$ && $seed =~ ^[1-9][0-9]*$ ]] ||
	die "usage: torture.sh [KERNEL [SECONDS [SEED]]]"
# Its CPUs spin for what the host has preempted: with more of them than cores nearly all
# of the time.  Without emulation there is time for many operations
cpus=4 haste=1
[ "$kernel" != uml-smp ] || cpus=2 haste=1000
CPUS=${CPUS:-$cpus} HASTE=${HASTE:-$haste}
# The host may be slow for minutes, in hours it is bound to be; a hang lasts
patience=$((seconds > 1800 ? seconds / 10 : 180))
modules=$(all_switches "$kernel" | xargs "$TOP/tests/build.sh" "$kernel")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
log=$work/console

# With the results, since those are what is kept of a run that fails; vm.sh takes it
# from the environment
export AGAIN="CPUS=$CPUS HASTE=$HASTE tests/torture.sh $kernel $seconds $seed"
echo "# again: $AGAIN"
exec 3>&1
case $kernel in
kcsan)	run_knowing left_of_kcsan --append "kcsan.skip_watch=500 kcsan.udelay_task=200" ;;
*-rt|arm64) run_knowing left_of_6.12 ;;
*)	run ;;
esac
