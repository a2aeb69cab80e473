# SPDX-License-Identifier: GPL-2.0-or-later
# Helpers of the test scripts that run inside the VM (busybox ash).  A script
# prints KTAP on its standard output with them:
#
#	load slow_work
#	check "pool starts" [ "$(threads)" -ge 2 ]
#	wait_for "surplus threads leave" 60 eval '[ $(threads) = 2 ]'
#	plan
#
# Nothing here waits for a fixed time: wait_for polls, and its deadline is only
# there so that a fault is reported.  Machines are slow and shared, so it counts
# from the last sign of life.

TESTS=0

ok()     { TESTS=$((TESTS + 1)); echo "ok $TESTS - $1"; }
not_ok() { TESTS=$((TESTS + 1)); echo "not ok $TESTS - $1"; shift; for _l; do note "$_l"; done; }
note()   { echo "$*" | sed 's/^/# /'; }
# What this kernel lacks something for.  vm.sh tells on which that is no failure.
skip()   { TESTS=$((TESTS + 1)); echo "ok $TESTS - $1 # SKIP $2"; }
# The plan comes last, when the number is known; a script that ends early has none
plan()   { echo "1..$TESTS"; }

# check NAME COMMAND...: passes if the command succeeds
check() {
	local name="$1" out; shift
	if out=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "failed: $*" "$out"; fi
}

# check_not NAME COMMAND...: passes if the command fails
check_not() {
	local name="$1" out; shift
	if out=$("$@" 2>&1); then not_ok "$name" "succeeded: $*" "$out"; else ok "$name"; fi
}

# is NAME WANTED GOT: passes if the two texts are equal
is() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "wanted: $2" "got: $3"; fi
}

# Differs when a thread came or went, an item came further, or a screen was written to
signs() {
	kslowd_pids
	cat $CALLER/state $USER/state /tmp/term/screen 2>/dev/null
	grep -E '\.(started|queued|armed|executing|executed|cancelled) ' ${RUNQUEUE%/*}/stats-values 2>/dev/null
	dmesg | wc -l
}

# until_true SECONDS COMMAND...: polls; fails if it does not come true and nothing
# moves for so long, at four looks a quarter of that apart, or ten times so long if
# something does
until_true() {
	local _step=$((($1 + 3) / 4)) _still=0 _looks=0 _next _was='' _is _up; shift
	read -r _up _ </proc/uptime
	_next=$((${_up%.*} + _step))
	until "$@" 2>/dev/null; do
		read -r _up _ </proc/uptime
		if [ "${_up%.*}" -ge $_next ]; then
			_is=$(signs)
			_still=$((_still + 1)) _looks=$((_looks + 1))
			[ "$_is" = "$_was" ] || _still=0
			[ $_still -lt 4 ] && [ $_looks -lt 40 ] || return 1
			_was=$_is _next=$((${_up%.*} + _step))
		fi
		usleep 20000
	done
}

# wait_for NAME SECONDS COMMAND...: passes once the command succeeds
wait_for() {
	local name="$1" secs="$2"; shift 2
	if until_true "$secs" "$@"; then ok "$name"
	else not_ok "$name" "waited in vain for: $*"; fi
}

# load MODULE [PARAMETER=VALUE...], unload MODULE
load()   { local m="$1"; shift; insmod "/modules/$m.ko" "$@"; }
unload() { rmmod "$1"; }
loaded() { [ -d "/sys/module/$1" ]; }

# Has the kernel what some of ours are built without?
have_sysctl() { [ -d /proc/sys/kernel ]; }
have_debugfs() { grep -qw debugfs /proc/filesystems; }
have_smp() { [ -e /sys/devices/system/cpu/cpu1 ]; }
have_unload() { grep -q ' [Tt] .*_sys_delete_module$' /proc/kallsyms; }

# A kernel report between these two is wanted by the test and fails nothing
expect_splat() { echo EXPECT-SPLAT-BEGIN >/dev/kmsg; "$@"; local s=$?; echo EXPECT-SPLAT-END >/dev/kmsg; return $s; }

# messages TEXT: how many kernel messages hold TEXT
messages() { dmesg | grep -cF "$1"; }

# Our threads, their numbers and what they are doing
kslowd_pids() { local s c; for s in /proc/[0-9]*/comm; do read -r c <"$s" || continue
	case $c in kslowd*) s=${s#/proc/}; echo "${s%/comm}" ;; esac; done 2>/dev/null; }
threads() { kslowd_pids | wc -l; }

SYSCTL=/proc/sys/kernel/slow-work
RUNQUEUE=/sys/kernel/debug/slow_work/runqueue

# kunit MODULE: loads it and prints what its suites report.  That is read from the
# kernel's log, since the copy in debugfs breaks off after 512 bytes a test;
# debugfs, if there is one, tells how many suites there are.  The plan is left to do.
kunit() {
	local before suites reported
	before=$(ls /sys/kernel/debug/kunit 2>/dev/null)
	dmesg -c >/dev/null
	if ! load "$1"; then not_ok "load $1"; return; fi
	# Lines of KTAP begin with four blanks (a suite's) or are its verdict
	dmesg | sed 's/^\[ *[0-9.]*\] //' | awk '
		/^    # Subtest: /	{ inside = 1 }
		inside && /^(    |ok |not ok )/
		/^(ok|not ok) [0-9]+/	{ inside = 0 }' >/tmp/ktap
	if have_debugfs; then
		suites=$(ls /sys/kernel/debug/kunit | wc -l)
		suites=$((suites - $(echo "$before" | grep -c .)))
	else
		suites=$(grep -c '^    # Subtest: ' /tmp/ktap)
	fi
	reported=$(grep -cE '^(ok|not ok) ' /tmp/ktap)
	# The kernel counts suites from 1 over all modules; a plan fits only the first
	cat /tmp/ktap
	TESTS=$((TESTS + reported))
	if [ "$suites" -lt 1 ] || [ "$suites" != "$reported" ]; then
		not_ok "every suite of $1 reports" "there are: $suites" "reported: $reported"
	fi
}

# detectors: what a debug kernel knows only when asked
detectors() {
	local leaks=/sys/kernel/debug/kmemleak
	if [ -e $leaks ] && [ ! -e /tmp/leaks-are-done ]; then
		# kmemleak reports nothing younger than 5 s, and nothing at first sight
		sleep 6
		echo scan >$leaks
		echo scan >$leaks
		if [ -s $leaks ] || [ -n "$(head -c 1 $leaks)" ]; then
			while read -r line; do echo "<3>kmemleak: $line" >/dev/kmsg; done <$leaks
		fi
	fi
	# Lockdep goes silent after its first report, and when its tables are full
	if [ -e /proc/lockdep_stats ] && [ ! -e /tmp/lockdep-is-done ] && ! grep -q 'debug_locks: *1' /proc/lockdep_stats; then
		echo "<3>BUG: lockdep has switched itself off" >/dev/kmsg
	fi
}

# --- slow_work_caller, the caller that is steered: order close; order slow 3

CALLER=/proc/slow_work_caller
order() { echo "$*" >$CALLER/control; }
state() { sed -n "s/^$1 //p" $CALLER/state; }
state_is() { [ "$(state "$1")" = "$2" ]; }
threads_are() { [ "$(threads)" = "$1" ]; }
# Four threads execute, two very slow items and two slow ones, until order open
occupy() {
	order close
	order vslow 2
	wait_for "two very slow items execute" 60 state_is vslow 2
	order slow 2
	wait_for "two slow ones beside them" 60 state_is executing 4
}

# --- slow_work_user, which comes and goes when it is told to: user register

USER=/proc/slow_work_user
user() { echo "$*" >$USER/control; }
user_executes() { [ "$(sed -n 's/^executing //p' $USER/state)" = "$1" ]; }

# What is there only while there is a pool
no_pids() { [ -z "$(pool_pids)" ]; }
pool_pids() { local s c; for s in /proc/[0-9]*/comm; do read -r c <"$s" || continue
	case $c in kslowd*|slow_work_mgr) s=${s#/proc/}; echo "${s%/comm}" ;; esac; done 2>/dev/null; }

# --- slow_work_deadlock, the caller that could hang

# deadlock WAY: lockdep tells of it, or of nothing if that is the way.  It tells
# but once a boot.
deadlock() {
	circles_are() { [ "$(messages 'possible circular locking dependency')" = "$1" ]; }
	load slow_work
	if [ "$1" = nothing ]; then
		check "a caller that cannot hang" load slow_work_deadlock way=nothing
		unload slow_work_deadlock
		check "is not complained of" circles_are 0
	else
		touch /tmp/lockdep-is-done
		expect_splat load slow_work_deadlock way="$1"
		expect_splat unload slow_work_deadlock
		check "a circle by way of $1 is told though nothing hung" circles_are 1
		check "by the name of the lock" [ "$(messages '(deadlock_mutex)')" -ge 1 ]
	fi
	unload slow_work
}
