# SPDX-License-Identifier: GPL-2.0-or-later
# The guest's part of tests/torture.sh: slow-work-torture runs, and meanwhile the
# sysctls are turned, the runqueue is read, CPUs go and come, the system freezes
# and thaws, a caller is loaded and unloaded.  Variables: torture_seconds,
# torture_seed, torture_haste, torture_patience.  What is random is drawn from the seed.

MODULE=/sys/module/slow_work_torture/parameters
# Polled by all, so none of these starts a process
state_is() { local s; read -r s <$MODULE/state; [ "$s" = "$1" ]; }
ended() { state_is SUCCESS || state_is FAILURE; }

# below N: sets R to a random number below N.  Each job has its own RANDOM_STATE.
below() {
	RANDOM_STATE=$(((RANDOM_STATE * 1103515245 + 12345) & 0x7fffffff))
	R=$(((RANDOM_STATE >> 8) % $1))
}
nap() { below "$1"; usleep "${R}000"; }

# job NAME FUNCTION: runs FUNCTION in the background until the test has ended; what
# it counted is in /tmp/NAME.count, complaints are in /tmp/NAME.faults
job() {
	JOBS="$JOBS $1"
	RANDOM_STATE=$((torture_seed + ${#JOBS} * 7919))
	: >"/tmp/$1.faults"
	(
		count=0
		while ! ended; do $2 && count=$((count + 1)); done
		echo $count >"/tmp/$1.count"
	) &
}
jobs_done() { local j; for j in $JOBS; do [ -e "/tmp/$j.count" ] || return 1; done; }

# Held by whoever must not be disturbed by another job
lock() { until mkdir /tmp/lock 2>/dev/null; do usleep 20000; done; }
unlock() { rmdir /tmp/lock; }

fault() { echo "$2" >>"/tmp/$1.faults"; }

# --- the jobs

# While the module holds the pool still nobody else may turn it; so all turning
# is done here, one thing after the other.
turn() {
	local min max share n
	state_is running || { nap 20; false; return; }
	TURNS=$((TURNS + 1))
	[ $((TURNS % 6)) != 1 ] || { hold_still; return; }
	below 6; min=$((R + 2))
	below 7; max=$((min + R))
	below 99; share=$((R + 1))
	# In this order each is within its range, whatever held before
	set_all 2 $max $min $share
	below 4
	[ "$R" = 0 ] || { nap 300; return 0; }
	# There is none while nobody is registered, and a look takes seconds on a
	# slow host with KASAN: the deadline has to hold many of them
	until_true 300 settled $min $max ||
		fault sysctls "$(threads) threads, not from $min to $max"
}

# Once the test has ended there may be no pool any more
settled() { ended || { n=$(threads); [ "$n" -ge "$1" ] && [ "$n" -le "$2" ]; }; }

# set_all LOW MAX MIN SHARE
set_all() {
	echo "$1" >$SYSCTL/min-threads && echo "$2" >$SYSCTL/max-threads &&
		echo "$3" >$SYSCTL/min-threads && echo "$4" >$SYSCTL/vslow-percentage ||
		fault sysctls "sysctl refused: $*"
	# shellcheck disable=SC2046 # words they are
	set -- "$@" $(cd $SYSCTL && cat min-threads max-threads vslow-percentage)
	[ "$5 $6 $7" = "$3 $2 $4" ] || fault sysctls "sysctls read back wrong: $*"
}

hold_still() {
	local threads share
	below 9; threads=$((R + 2))
	below 99; share=$((R + 1))
	set_all 2 $threads $threads $share
	# No work but the module's while it judges how sleepers are served, and no
	# freeze, which wakes whomever the pool may have forgotten to wake
	lock
	echo "$threads $share" >$MODULE/exact
	until_true 300 not_running || fault sysctls "exact $threads $share: not begun"
	unlock
	state_is exact && nap 3000
	echo 0 >$MODULE/exact
	until_true 300 not_exact || fault sysctls "exact $threads $share: not ended"
}
not_running() { ! state_is running; }
not_exact() { ! state_is exact; }

# Every line is of the promised form, as far as columns go
look() {
	awk '
	NR == 1 && $0 != "THR PID   ITEM ADDR        FL MARK  DESC" ||
	NR == 2 && $0 != "=== ===== ================ == ===== ==========" ||
	NR > 2 && $0 !~ /^( *[0-9]+|rsv| sq|vsq|dly) +([0-9]+|-) .* +[0-9a-f]+ +[0-9]+(ms|[smhd]) / {
		print "runqueue: " $0
	}' $RUNQUEUE >>/tmp/runqueue.faults
	nap 100
}

plug() {
	local cpu
	below $((CPUS - 1)); cpu=/sys/devices/system/cpu/cpu$((R + 1))/online
	if ! echo 0 2>/dev/null >$cpu; then
		nap 200 # in a freeze it is refused
		false; return
	fi
	nap 200
	until_true 60 eval "echo 1 >$cpu" || fault cpus "$cpu stays off"
	nap 1500
}

freeze() {
	nap 30000
	ended && { false; return; }
	lock
	echo freezer >/sys/power/pm_test
	# On a slow host a reader of runqueue may take more than the usual 20 s
	echo 600000 >/sys/power/pm_freeze_timeout
	echo freeze >/sys/power/state || fault freezer "freeze refused"
	unlock
}

come_and_go() {
	lock
	load slow_work_torture_caller || fault modules "not loaded"
	nap 150
	rmmod slow_work_torture_caller || fault modules "not unloaded"
	unlock
	nap 500
}

# --- the run

JOBS='' TURNS=0
torture_patience=${torture_patience:-60}
CPUS=$(grep -c '^processor' /proc/cpuinfo)
check "load slow_work" load slow_work
check "load slow_work_torture" \
	load slow_work_torture seconds="$torture_seconds" seed="$torture_seed" haste="${torture_haste:-1}" \
		patience="$torture_patience"
job sysctls turn
[ ! -e $RUNQUEUE ] || job runqueue look
[ ! -e /sys/devices/system/cpu/cpu1/online ] || job cpus plug
if [ -e /sys/power/pm_test ]; then
	echo 1 >/sys/module/suspend/parameters/pm_test_delay
	job freezer freeze
fi
job modules come_and_go

# Time is up, then it may wait for as long as its patience, a few times
until_true $((torture_seconds + 100 + 5 * torture_patience)) ended
check "End of test: SUCCESS" state_is SUCCESS
dmesg | sed -n 's/^\[[^]]*\] slow-work-torture: /# /p' | tail -n 40
if ! until_true 120 jobs_done; then
	not_ok "jobs end" "$(ps | grep -v '\[')"
	echo t >/proc/sysrq-trigger
fi
for job in $JOBS; do
	note "$job: $(cat "/tmp/$job.count") times"
	is "$job" "" "$(head -n 5 "/tmp/$job.faults")"
done
is "the caller's books" 0 "$(messages 'slow-work-torture-caller: FAILURE')"
check "unload slow_work_torture" unload slow_work_torture
wait_for "no thread is left" 60 eval '[ "$(threads)" = 0 ]'
check "unload slow_work" unload slow_work
plan
