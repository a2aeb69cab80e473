# SPDX-License-Identifier: GPL-2.0-or-later
# kthread_create() does not return to the manager: more sleepers than threads have
# their turns all the same, and queued items run.

HELD=/proc/slow_work_held
held() { echo "$*" >$HELD/control; }
field() { sed -n "s/^$1 //p" $HELD/state; }
field_is() { [ "$(field $1)" = "$2" ]; }
# turns NAME: from now on each sleeper has ten more
turns() {
	local since="$(field fewest)"
	wait_for "$1" 60 eval '[ "$(field fewest)" -ge $((since + 10)) ]'
}

load slow_work min_threads=2 max_threads=8
load slow_work_held
load slow_work_caller
held slow
held slow
wait_for "two sleepers have two threads" 60 field_is asleep 2
held hold
held slow
wait_for "for a third the manager creates a thread, and is held up" 60 field_is held 1
turns "three sleepers have their turns"
order slow 3
order vslow 3
wait_for "items run meanwhile" 60 state_is executed 6
held vslow
held vslow
turns "so have two very slow ones beside them"
is "all on two threads" 2 "$(threads)"
is "the manager is still held up" 1 "$(field held)"

held release
wait_for "once it is released there is a thread for each" 60 field_is asleep 5
unload slow_work_caller
unload slow_work_held
unload slow_work
plan
