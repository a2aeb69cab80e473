# SPDX-License-Identifier: GPL-2.0-or-later
# A million items in the queue cost the pool no memory, and nobody time: in
# counted instructions an enqueue or a cancel takes what it takes with ten.

MILLION=/proc/slow_work_million
result() { sed -n "s/^$1 //p" $MILLION/state; }
executed() { [ "$(result executed)" = "$1" ]; }
# near NAME WITH-TEN WITH-A-MILLION: within 5 %
near() { [ "$2" -gt 0 ] && [ $(($3 * 20)) -le $(($2 * 21)) ]; }

load slow_work min_threads=2 max_threads=2
check "a million items are queued" load slow_work_million
for what in enqueue cancel-first cancel-middle cancel-last; do
	note "$what: $(result $what) ns with ten items and with a million"
	check "$what takes no longer with a million items" near $what $(result $what)
done
note "queueing them took $(result bytes-taken) bytes; an item has $(result item-size), which are the caller's"
# Less than a pointer for each
check "the pool allocates nothing for them" [ "$(result bytes-taken)" -lt 4000000 ]
check "the view shows the first of them" eval '[ "$(head -n 1000 $RUNQUEUE | grep -c "^ sq")" = 996 ]'
echo open >$MILLION/control
wait_for "all of them run" 300 executed 1000000
is "on two threads" 2 "$(threads)"
unload slow_work_million
unload slow_work
plan
