#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# bench.sh [COMMAND]: slow-work beside an unbound workqueue and a kthread_worker
#
#   all      counted instructions, then 2 CPUs, then those of User Mode Linux; a table
#            with what is wanted, raw figures as JSON, a picture (the default)
#   compare  counted instructions only
#   counted  ours alone, counted, against what is recorded (KTAP; a minute or two)
#   irqsoff  how long ours has interrupts off while everything happens at once:
#            20 us at most, and by place in the source, longest first (KTAP)
#   record   records both
#   noisy    2 CPUs only
#   smp      2 CPUs of User Mode Linux, on the newest kernel, only
#   native   on this machine's own kernel, as root: loads our modules
#   keep     puts the last run's counted figures and picture into Documentation, and
#            prints them as the tables of performance.rst
#   profile [OPTION...]          where the instructions go (bench/profile.py)
#
# KERNEL=   6.1 (default), 6.12, ... (kernel.sh)
# OUT=      where the results go (default: bench-results)
# ROUNDS=   how often each job runs (default: 3 counted, 11 otherwise)
#
# Counted instructions are exact, on any host; all else is noise but for medians
# of ratios of what ran in the same round, so nothing is ever asserted of it.
. "$(dirname "$0")/lib/env.sh"

KERNEL=${KERNEL:-6.1}
OUT=${OUT:-$TOP/bench-results}
BENCH=$TOP/tests/bench

# What of ours is recorded, and what is worth a look where figures are noisy
ASSERTED=noop-p1,noop-p2,noop-p8,noop-t64,users-16,users-1000,wake,burst,spike,quick
ASSERTED+=,owners,vslow-owners,register,idle,size
# And what takes milliseconds, of three rounds: what the kernel does once, as to give back
# the memory of another job, is up to 8 % of that
SHORT=noop-n10000,pending,cancel,runqueue,delayed
NOISY=noop-p1,noop-p2,noop-p4,noop-p8,noop-t64,yield,wake,burst,spike,quick,mix,pending
NOISY+=,cancel-1000,runqueue,delayed,register

# Where interrupts are off for how long; on PREEMPT_RT that is all there is to count
IRQSOFF_KERNELS="6.1 6.12-rt"

# run_vm FILE KERNEL "VARIABLES" OPTION...: the benchmark's lines are in FILE then.
# The guest runs SCRIPT (guest.sh), with modules built with SWITCHES too.
run_vm() {
	local file=$1 kernel=$2 variables=$3 modules; shift 3
	# Those that other tests run on too are built for once
	# shellcheck disable=SC2046,SC2086 # words they are
	modules=$("$TOP/tests/build.sh" "$kernel" ${SWITCHES:-$(all_switches "$kernel")})
	mkdir -p "${file%/*}"
	"$TOP/tests/vm.sh" "$kernel" "$@" --modules "$modules" --timeout 3000 \
		--append "slub_debug=- $variables" "$BENCH/${SCRIPT:-guest.sh}" >"$file.tmp" ||
		{ grep -v '^# bench:' "$file.tmp" >&2; die "the benchmark failed on $kernel"; }
	! grep '^# bench: .*what=error' "$file.tmp" >&2 || die "a job failed on $kernel"
	mv "$file.tmp" "$file"
}

counted() {
	say "slow-work: counting instructions on $KERNEL"
	run_vm "$OUT/counted-$KERNEL.txt" "$KERNEL" "rounds=${ROUNDS:-3}" --icount
}

noisy() {
	say "slow-work: measuring on 2 CPUs of $KERNEL"
	run_vm "$OUT/noisy-$KERNEL.txt" "$KERNEL" "rounds=${ROUNDS:-11} jobs=$NOISY"
}

# Ours alone: what it costs does not depend on what else is measured
ours() { run_vm "$1" "$KERNEL" "engines=slow_work rounds=1 jobs=$ASSERTED short=$SHORT" --icount; }

# Six thousand waiters want more than the usual memory
irqsoff() {
	SWITCHES="CONFIG_SLOW_WORK_BENCH=m CONFIG_SLOW_WORK_IRQSOFF=y" SCRIPT=storm.sh run_vm "$1" "$KERNEL" "" --icount --mem 2048
}

smp() {
	say "slow-work: measuring on 2 CPUs of User Mode Linux"
	run_vm "$OUT/smp-newest.txt" uml-smp "rounds=${ROUNDS:-11} jobs=$NOISY"
}

bench_lines() { dmesg | sed -n 's/^\[ *[0-9.]*\] slow_work_bench: /# bench: /p'; }

native() {
	local release before build=$CACHE/build/native file
	release=$(uname -r) file=$OUT/native-$(uname -r).txt
	[ "$(id -u)" = 0 ] || die "loading modules takes root"
	[ -e "/lib/modules/$release/build/Makefile" ] || die "no headers for $release"
	[ ! -e /sys/module/slow_work ] || die "slow_work is loaded: rmmod it first"
	need_packages make rsync
	mkdir -p "$build" "$OUT"
	rsync -rlpc --delete --exclude=.git --exclude='*.o' --exclude='*.ko' --exclude='.*.cmd' "$TOP/" "$build/"
	make -s -C "/lib/modules/$release/build" M="$build" CONFIG_SLOW_WORK_BENCH=m modules >&2
	trap 'rmmod slow_work_bench slow_work 2>/dev/null' EXIT
	insmod "$build/slow_work.ko"
	before=$(bench_lines | wc -l)
	insmod "$build/tests/bench/slow_work_bench.ko" "rounds=${ROUNDS:-11}" "jobs=$NOISY"
	{ echo "# bench-kernel: $release"
		bench_lines | tail -n "+$((before + 1))"; } >"$file"
}

table() {
	"$BENCH/report.py" table "$OUT"
	"$BENCH/picture.py" draw "$OUT/bench.json" "$OUT/bench.svg"
}

keep() {
	[ -e "$OUT/bench.json" ] || die "nothing was measured: tests/bench.sh compare"
	"$BENCH/picture.py" keep "$OUT/bench.json" "$TOP/Documentation"
	"$BENCH/picture.py" costs "$TOP/Documentation/bench.json"
	"$BENCH/picture.py" growth "$TOP/Documentation/bench.json"
}

need_packages python3
case ${1-all} in
all)		counted; noisy; smp; table ;;
compare)	counted; table ;;
noisy|smp|native) "$1"; table ;;
counted|record|irqsoff)
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	file=$work/counted-$KERNEL.txt
	case $1 in
	counted) ours "$file"; "$BENCH/report.py" check "$file" ;;
	irqsoff) irqsoff "$file"; "$BENCH/report.py" sections "$file" ;;
	record)
		case $KERNEL in *-rt) ;; *) ours "$file" ;; esac
		case " $IRQSOFF_KERNELS " in *" $KERNEL "*) irqsoff "$work/irqsoff.txt"; cat "$work/irqsoff.txt" >>"$file" ;; esac
		"$BENCH/report.py" record "$file" ;;
	esac ;;
table)		table ;;
keep)		keep ;;
profile)	need_packages gcc libc6-dev binutils
		shift; exec "$BENCH/profile.py" -k "$KERNEL" "$@" ;;
*)		die "usage: bench.sh [all|compare|counted|record|irqsoff|noisy|smp|native|keep|profile] (see the head of $0)" ;;
esac
