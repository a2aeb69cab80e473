# SPDX-License-Identifier: GPL-2.0-or-later
# Stalls of each kind are reported, by name, with the setting at which all items have a
# thread; and that is so.  What is none, is not.

tell() { echo "$2" >$SYSCTL/$1; }
settings() { tell min-threads 2; tell max-threads $1; tell min-threads $1; tell vslow-percentage 50; }
value() { sed -n "s/^$1 //p" /sys/kernel/debug/slow_work/stats-values; }
lines() { dmesg | sed -n 's/.*Slow work thread pool: stall: //p'; }
said() { lines | grep -qF "$1"; }
# Between these a stack may be shown
begin() { dmesg -c >/dev/null; echo EXPECT-SPLAT-BEGIN >/dev/kmsg; }
end() { tell stall-warn-secs 0; order open; echo EXPECT-SPLAT-END >/dev/kmsg; }
told() { check "$1" said "$2"; }
F='swt_execute [slow_work_caller]'
ALL='every item queued or executing would have a thread at'

load slow_work
is "how long is too long" 120 "$(cat $SYSCTL/stall-warn-secs)"
tell stall-warn-secs 0
load slow_work_caller

# --- nothing is too long

settings 2
begin
order close
order slow 3
wait_for "two items execute" 60 state_is executing 2
# as the queue's line has it
old() { grep ' sq ' $RUNQUEUE | grep -q ' [4-9]s \| [1-9][0-9]s \|m '; }
wait_for "another waits for 4 s" 60 old
is "of which nothing is said" "" "$(lines)"
is "or counted" 0 "$(value pool.stalls)"

# --- all threads are blocked

tell stall-warn-secs 1
wait_for "once it is to be, both kinds of stalls are reported" 60 \
	eval 'said "is next in turn" && said "a slow item, executes for" && said "the item is: caller: slow 2" && lines | grep -q "^the item is: caller: slow [01]$"'
tell stall-warn-secs 0
told "that nothing starts, with owner and function" \
	"s; $F of slow_work_caller is next in turn"
told "with its desc, on one line" "the item is: caller: slow 2"
told "the queues and the threads" \
	" s), 0 very slow (next: 0 s); threads: 2 of at most 2, 2 executing, 0 of them very slow items of at most 1, 2 blocked, 0 asleep until needed"
check "who has the threads" eval 'lines | grep -qE "^2 threads in swt_execute \[slow_work_caller\], the longest for [1-9][0-9]* s: kslowd00[01] \(PID [0-9]+\), kslowd00[01] \(PID [0-9]+\)$"'
told "whose stack it is" "the stack of kslowd00"
check "the stack" eval 'dmesg | grep -q " caller_execute+0x"'
told "that all are blocked in what is queued" "every thread is blocked in $F, which is queued too"
told "how many threads are enough" "$ALL max-threads 3 (the limit is "
told "that an item executes for long" "$F of slow_work_caller, a slow item, executes for"
told "that two do" "2 threads execute for so long"
check "with its desc too" eval 'lines | grep -q "^the item is: caller: slow [01]$"'
is "each report is counted" "$(lines | grep -cE 'is next in turn$| executes for [0-9]+ s$')" "$(value pool.stalls)"
tell max-threads 3
wait_for "they are" 60 state_is executing 3
end
wait_for "every item runs" 60 state_is executed 3

# --- the very slow share is full

settings 4
begin
order close
order vslow 3
wait_for "two very slow items execute" 60 state_is executing 2
order delayed 1 0
tell stall-warn-secs 1
wait_for "the third is reported" 60 said "the item is: caller: vslow 5"
tell stall-warn-secs 0
told "as of its class" "no very slow item has started for"
told "who has the share" "2 threads in $F, the longest for "
told "which share is enough" "$ALL vslow-percentage 75 (the limit is 99)"
check_not "nothing is said of slow items" eval 'lines | grep -q "no slow item"'
tell vslow-percentage 75
wait_for "it is" 60 state_is vslow 3
end
wait_for "every item runs" 60 state_is executed 7

# --- an item that executes for long and is in nobody's way; again and again

settings 4
begin
order close
order slow 1
wait_for "an item executes" 60 state_is executing 1
tell stall-warn-secs 1
# ages: of each report of the item, in s
ages() { lines | sed -n "s/.* executes for \([0-9]*\) s$/\1/p" | xargs; }
wait_for "it is reported thrice" 120 eval '[ "$(ages | wc -w)" -ge 3 ]'
wait_for "with what it is" 60 eval '[ $(lines | grep -c "the item is: caller: slow 7") -ge 3 ]'
tell stall-warn-secs 0
reports=$(ages)
check "each time it is twice as old" awk -v ages="$reports" 'BEGIN {
	n = split(ages, a, " "); least = 1
	for (i = 1; i <= n; i++) { if (a[i] < least) exit 1; least *= 2 } }'
note "reported after so many s: $reports"
told "that nothing is queued" "queued: 0 slow (next: 0 s), 0 very slow (next: 0 s)"
check_not "no setting is named" said "at max-threads"
check_not "nobody else executes for so long" said "execute for so long"
# but for a cancel
dmesg -c >/dev/null
echo cancel >$CALLER/control &
cancel=$!
wait_for "it is being cancelled" 60 eval 'awk "\$4 == 12 { found = 1 } END { exit !found }" $RUNQUEUE'
tell stall-warn-secs 1
wait_for "that is told" 60 said "a cancel of the item waits for it"
wait_for "with what it is" 60 said "the item is: caller: slow 7"
end
wait $cancel
wait_for "the item runs" 60 state_is executed 8

# --- time in which the system was frozen

if [ -e /sys/power/pm_test ]; then
	settings 2
	begin
	# Longer than a host stalls, and shorter than the rest of the freeze
	tell stall-warn-secs 6
	echo freezer >/sys/power/pm_test
	echo 600000 >/sys/power/pm_freeze_timeout
	echo 10 >/sys/module/suspend/parameters/pm_test_delay
	stalls=$(value pool.stalls)
	for n in 9 10; do
		order delayed 1 2500
		check "the system is frozen while a delay ends" \
			taskset 1 sh -c 'echo freeze >/sys/power/state'
		wait_for "the item runs" 60 state_is executed $n
	done
	is "that was no stall" "$stalls" "$(value pool.stalls)"
	end
fi

# --- samples while the pool comes and goes

# A slow host may have one told meanwhile, with a stack
begin
tell stall-warn-secs 1
for i in $(seq 10); do
	unload slow_work_caller
	load slow_work_caller
	order close
	order slow 3
	tell stall-warn-secs $((i % 3))
	order open
done
unload slow_work_caller
check "there is none without a pool" tell stall-warn-secs 1
echo EXPECT-SPLAT-END >/dev/kmsg
is "there is no other report" "" "$(dmesg | grep -E 'BUG|WARNING|INFO:|possible')"
check "nor when we are gone" unload slow_work
plan
