# SPDX-License-Identifier: GPL-2.0-or-later
# The system is frozen and thawed while items execute, sleep, are queued and
# armed.  pm_test ends each suspend once all is frozen, and waits there for two
# seconds.  slow_work_freeze looks on meanwhile: its lines stand in the kernel's
# log between the kernel's own.

FREEZE=/proc/slow_work_freeze
state() { local k v; while read -r k v; do [ "$k" != "$1" ] || echo "$v"; done <$FREEZE/state; }
THREADS=14
SLEEPERS=5

# On the first CPU, which it keeps busy; the witness has the last
freeze() {
	dmesg -c >/dev/null
	taskset 1 sh -c 'echo freeze >/sys/power/state' 2>/tmp/err
	local status=$?
	dmesg | sed 's/^\[[^]]*\] //' >/tmp/log
	# From where all is frozen to where anything is thawed.  The first of these
	# looks may have begun before.
	awk '/suspend debug: Waiting/ { on = 1 }
	     /OOM killer enabled|Restarting / { on = 0 }
	     on && /slow_work_freeze: look/ && looks++' /tmp/log >/tmp/frozen
	return $status
}

# seen FIELD: the values that it had in the looks at the frozen pool, each once
seen() { sed "s/.* $1 \([^ ]*\).*/\1/" /tmp/frozen | uniq | xargs; }

# What holds for each freeze
judge() {
	local began
	check "$what: it was looked at while it was frozen" [ "$(wc -l </tmp/frozen)" -ge 5 ]
	note "$what: $(wc -l </tmp/frozen) looks"
	is "$what: so many threads" $THREADS "$(seen threads)"
	is "$what: all of them are frozen" $THREADS "$(seen frozen)"
	began=$(seen began)
	is "$what: no item begins" 1 "$(echo $began | wc -w)"
	is "$what: none is under way or ends" "$began" "$(seen ended)"
	is "$what: what was begun while it froze is accepted" "early: 0" \
		"$(sed -n 's/.*gave \(early\)/\1/p' /tmp/log)"
	is "$what: so is what is queued and armed while it is frozen" "plain: 0 late: 0" \
		"$(sed -n '/early/d; s/.*gave //p' /tmp/log | xargs)"
	# Armed, if that was to be seen, then queued, and never executing
	is "$what: a delay that began before ends, and nothing runs" queued \
		"$(seen early | sed 's/^armed //')"
	is "$what: the same of one that began in it" queued "$(seen late | sed 's/^armed //')"
	is "$what: what is queued stays so" queued "$(seen plain)"
	[ "$began" = "$(seen ended)" ] || note "$(cat /tmp/log)"
	rounds=$((rounds + 1))
	for gift in early plain late; do
		wait_for "$what: the $gift one runs after it" 60 state_is $gift $rounds
	done
	echo busy 1 >$FREEZE/control
	wait_for "$what: others go on" 60 eval '[ "$(state ended)" -gt $((began + 50)) ]'
	wait_for "$what: sleepers sleep again" 60 state_is asleep $SLEEPERS
	for gift in early plain late; do
		is "$what: the $gift one ran once" $rounds "$(state $gift)"
	done
}

load slow_work min_threads=$THREADS max_threads=$THREADS
load slow_work_freeze
echo freezer >/sys/power/pm_test
echo 4 >/sys/module/suspend/parameters/pm_test_delay
# The host may be slow
echo 600000 >/sys/power/pm_freeze_timeout
rounds=0
at_work() { [ "$(state ended)" -gt 20 ] && state_is asleep $SLEEPERS; }
wait_for "some items run again and again, others sleep" 60 at_work

what=frozen
check "a freeze is held up by nothing" freeze
judge
note "$(state gave-way) sleepers gave way"

what=held
echo signal 1 >$FREEZE/control
echo hold 10 >$FREEZE/control
wait_for "an item executes that ends only once the freeze has begun" 60 state_is holding 1
check "the freeze waits for it, and no longer" expect_splat freeze
judge
awk '/look: .* holding 1/ && !released { held++ }
     /slow_work_freeze: released/ && !waiting { released++ }
     /suspend debug: Waiting/ { waiting++ }
     END { print held, released, waiting }' /tmp/log >/tmp/order
is "looks at a freeze held up, then the item ends, then all is frozen" "10 1 1" "$(cat /tmp/order)"
is "the signal that it leaves is reported once" 1 "$(messages 'BUG: freeze_run_hold')"
echo signal 0 >$FREEZE/control

# With others queued a sleeper would be woken for their sake, and let its thread
# freeze; now it has to do so by itself
what=quiet
echo busy 0 >$FREEZE/control
quiet() { [ "$(wc -l <$RUNQUEUE)" = $((SLEEPERS + 2)) ] && state_is asleep $SLEEPERS; }
wait_for "there are but sleepers" 60 quiet
check "a freeze is held up by none of them" freeze
judge

# One that the freezer wakes enqueues itself, and the next gives way to it.  Until 6.1 it
# wakes none of these.
echo alone 1 >$FREEZE/control
echo busy 0 >$FREEZE/control
deep() { [ "$(wc -l <$RUNQUEUE)" = 5 ] && state_is asleep 3; }
wait_for "there are but sleepers that no signal would wake" 60 deep
check "a freeze is held up by none of them, though nothing is enqueued" freeze
is "all threads were frozen" $THREADS "$(seen frozen | sed 's/.* //')"
echo alone 0 >$FREEZE/control
echo busy 1 >$FREEZE/control
wait_for "they sleep again" 60 at_work

# The freezer loses its patience, tells what it waited for, and thaws all
echo 300 >/sys/power/pm_freeze_timeout
echo hold 1000000 >$FREEZE/control
wait_for "an item executes for longer than the freezer has patience" 60 state_is holding 1
before=$(state ended)
check_not "such a freeze fails" expect_splat freeze
wait_for "then the others go on" 60 eval '[ "$(state ended)" -gt $((before + 100)) ]'
echo hold 0 >$FREEZE/control
wait_for "so does that one" 60 state_is holding 0
echo 600000 >/sys/power/pm_freeze_timeout
before=$(state ended)
check "the next freeze is held up by nothing" freeze
wait_for "and the others go on" 60 eval '[ "$(state ended)" -gt $((before + 100)) ]'

unload slow_work_freeze
is "no thread is left" 0 "$(threads)"
unload slow_work
plan
