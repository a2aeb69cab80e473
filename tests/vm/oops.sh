# SPDX-License-Identifier: GPL-2.0-or-later
# Oopses in each call-out, with panic_on_oops=0: the task that called it dies, the
# pool goes on.  parts="put get" on the kernel's command line runs these parts alone.

OOPS=/proc/slow_work_oops
oops() { echo "$*" >$OOPS/control; }
count() { sed -n "s/^$1 //p" $OOPS/state; }
ours() { dmesg | grep -F 'Slow work thread pool: '; }

# Threads that have died, lines that runqueue has for lost items
DIED=0 LOST=0
died() { ours | grep -cE 'kslowd[0-9]+ \(PID [0-9]+\) died in .*oops_.* of slow_work_oops; the item is lost'; }
lost() { grep -c '^ *lst ' $RUNQUEUE; }
# goes_on WHAT N: N more threads have died, each is logged and replaced, its item is
# lost; other items run
goes_on() {
	local executed="$(count executed)" least=$((LOST + $2))
	DIED=$((DIED + $2))
	check "$1: another item is accepted" oops new good
	if ! until_true 30 eval '[ "$(count executed)" -gt $executed ]'; then
		not_ok "$1: it runs" "not within 30 s, nor will others"
		exit 1
	fi
	ok "$1: it runs"
	wait_for "$1: $DIED threads have died, by the log" 30 eval '[ "$(died)" = $DIED ]'
	wait_for "$1: runqueue shows the lost items" 30 eval '[ "$(lost)" -ge $least ]'
	LOST=$(lost)
}
# Log lines about a lost item, without the one when it was lost
told() { ours | grep -v ' died in ' | grep -c 'oops_execute.*lost'; }
waits() { grep -q ' slow_work_' /proc/$1/stack; }
# awaits ORDER...: the call logs that the item is lost, and goes on waiting.  All but
# unregister say so once more after 10 s, and then nothing: what the next says is its own.
awaits() {
	local before="$(told)" pid
	oops "$@" &
	pid=$!
	wait_for "$*: logs that the item is lost" 30 eval '[ "$(told)" -gt $before ]'
	[ "$1" = unregister ] || wait_for "$*: and again" 60 eval '[ "$(told)" -gt $((before + 1)) ]'
	wait_for "$*: goes on waiting" 30 waits $pid
}
gone() { ! [ -e /proc/$1/exe ]; }
# refused ERRORS ORDER...: the call returns one of these errors
refused() {
	local why="$1" out; shift
	out=$(oops "$@" 2>&1)
	if echo "$out" | grep -qE "$why"; then ok "$*: is refused"
	else not_ok "$*: is refused" "wanted: $why" "said: ${out:-nothing}"; fi
}
# dies COMMAND...: the task that runs it does
dies() {
	local pid; "$@" &
	pid=$!
	if until_true 30 gone $pid; then
		wait $pid
		check "$*: the task dies" [ $? -gt 128 ]
	else
		not_ok "$*: the task dies" "it is still there after 30 s"
	fi
}
# ends COMMAND...: it returns, and well
ends() {
	local pid; "$@" &
	pid=$!
	if until_true 30 gone $pid; then
		wait $pid
		is "$*: returns" 0 $?
	else
		not_ok "$*: returns" "it is still there after 30 s"
	fi
}

part_execute() {
	# No oops has been to tell of it, and nothing waits: the next sample for stalls finds it
	oops new good
	wait_for "an item runs" 30 eval '[ "$(count executed)" = 1 ]'
	echo 1 >$SYSCTL/stall-warn-secs
	oops new exit
	wait_for "a thread that exits is found while nothing else moves" 30 eval '[ "$(died)" = 1 ]'
	# After an oops the pool looks by itself
	echo 0 >$SYSCTL/stall-warn-secs
	goes_on "exit of the thread in execute" 1
	# The first that oopses, when the timer that its enqueue set has run
	oops new late
	DIED=$((DIED + 1))
	wait_for "one that oopses after some seconds is found" 30 eval '[ "$(died)" = $DIED ]'
	for n in 1 2 3 4 5; do oops new execute; done
	goes_on "five oopses in execute" 5
	oops new execute
	DIED=$((DIED + 1))
	wait_for "one that oopses is found while nothing else moves" 30 eval '[ "$(died)" = $DIED ]'
	goes_on "that" 0
	echo 120 >$SYSCTL/stall-warn-secs
	wait_for "there are threads" 60 eval '[ "$(threads)" -ge 2 ]'
	refused "Owner died" enqueue execute
	refused "Owner died" enqueue late
	awaits cancel execute
	awaits cancel execute
	awaits flush execute
}

part_put() {
	oops new put
	goes_on "oops in put_ref" 1
	refused "Owner died" enqueue put
	awaits cancel put
	awaits cancel put
}

# The caller of a cancel dies in put_ref
part_cancel() {
	for word in cancel try; do
		oops arm put
		dies oops $word put
		goes_on "oops in put_ref of $word" 0
		refused "Owner died|Operation canceled" enqueue put
		awaits cancel put
		awaits cancel put
	done
}

# A reader of runqueue dies in desc, for which it has pinned the item
part_desc() {
	oops arm desc
	dies cat $RUNQUEUE
	ends oops cancel desc
	oops new desc
	dies cat $RUNQUEUE
	executed=$(count executed)
	oops open
	wait_for "an item completes after its reader died" 30 eval '[ "$(count executed)" -gt $executed ]'
	oops arm desc
	dies cat $RUNQUEUE
	oops arm good
	check "another reader gets to the end" grep -q '^dly.* oops: good' $RUNQUEUE
	ends oops cancel desc
	goes_on "oopses in desc" 0
}

# get_ref is called with pool.lock held
part_get() {
	oops new inside
	goes_on "oops in get_ref in an execute" 1
	oops new after
	goes_on "oops in an execute that has called get_ref" 1
	dies oops new get
	goes_on "oops in get_ref in a task" 0
	executed=$(count executed)
	check "that item was not queued, and is accepted" oops enqueue get
	wait_for "it runs" 30 eval '[ "$(count executed)" -gt $executed ]'
}

# It dies among the sleepers
part_sleep() {
	oops new sleep
	goes_on "oops in a sleep that others may end" 1
}

# A reserve dies, for which there is no thread of the pool in the place
part_reserve() {
	local n executed
	executed=$(count executed)
	load slow_work_caller
	check "a reserve is registered" oops reserve
	echo 2 >$SYSCTL/max-threads
	wait_for "the pool has two threads" 60 threads_are 2
	order close
	order slow 4
	wait_for "both are held" 60 state_is executing 2
	for n in 1 2; do
		oops new execute
		wait_for "oops $n in execute on a reserve: the log has it" 30 eval \
			'[ "$(ours | grep -cE "kslowr/slow_wor[k]? \(PID [0-9]+\) died in oops_execute")" = $n ]'
		oops new good
		wait_for "another reserve is in its place" 30 eval '[ "$(count executed)" -ge $((executed + n)) ]'
	done
	is "the pool's threads are held yet" 2 "$(state executing)"
	order open
	wait_for "what held them runs" 60 state_is executed 4
	is "no dead thread was called for another item" $((LOST + 2)) "$(lost)"
	echo 4 >$SYSCTL/max-threads
}

echo EXPECT-SPLAT-BEGIN >/dev/kmsg
# A CPU that spins on a lock which a dead task holds ends the guest
echo 60 >/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout
echo 1 >/proc/sys/kernel/panic_on_rcu_stall
load slow_work min_threads=2 max_threads=4
load slow_work_oops
for part in ${parts:-execute put cancel desc get sleep reserve}; do part_$part; done

[ $DIED = 0 ] || awaits unregister
is "each ordered oops has happened" "$(count oopses)" "$(messages 'BUG: kernel NULL pointer dereference')"
is "none of them died with a preempt count left" 0 "$(messages 'exited with preempt_count')"
is "nothing else is reported" "" "$(dmesg | grep -E 'WARNING:|general protection|page fault for|corruption|Poison|already free|stalls on|soft lockup:')"
echo EXPECT-SPLAT-END >/dev/kmsg
plan
