# SPDX-License-Identifier: GPL-2.0-or-later
# Fifty loads and unloads with work in between leave nothing behind.

# Slab objects that were allocated from within a module, by the allocator's own
# records (slub_debug=U): of a module that is gone the symbol is a bare address.
# Before 5.14 they were in sysfs.
records() { cat /sys/kernel/debug/slab/$1/alloc_traces /sys/kernel/slab/$1/alloc_calls 2>/dev/null; }
module_objects() {
	records '*' | grep -E ' 0x[0-9a-f]{8,}|\[slow_' | sort | uniq -c
}

cycle() {
	load slow_work && load slow_work_caller || return 1
	order slow 50 && order vslow 20 && order delayed 5 1 && order delayed 5 1000000 || return 1
	case $1 in
	*0) until_true 60 eval '[ $(state executed) -ge 75 ]' || return 1 ;;
	*5) order cancel || return 1 ;;
	*) cat $RUNQUEUE $SYSCTL/* >/dev/null ;;
	esac
	unload slow_work_caller || return 1
	[ "$(threads)" = 0 ] || return 1
	unload slow_work
}

if ! have_unload; then
	load slow_work
	load slow_work_caller
	check_not "a caller cannot be unloaded" unload slow_work_caller
	order slow 50
	wait_for "and goes on" 60 state_is executed 50
	check_not "slow_work cannot be unloaded" unload slow_work
	check_not "it cannot be loaded twice" load slow_work
	skip "fifty rounds of load, work, unload" "no unloading"
	plan
	exit
fi

# entries DIR: what is in it, if it is there
entries() { ls "$1" 2>/dev/null; }
entries /proc/sys/kernel >/tmp/sysctl
entries /sys/kernel/debug >/tmp/debugfs
# what hears of CPUs that come
states() { cat /sys/devices/system/cpu/hotplug/states 2>/dev/null; }
states >/tmp/states
# The kernel's own modules have initialisers, whose addresses have no names any more
module_objects >/tmp/objects
# An event may be switched on while the module goes.  Not by its own file: 6.1 opens one
# that is being removed.  Without names of tasks, which are had of three events of the
# scheduler's.
EVENTS=/sys/kernel/tracing/set_event EVENT=slow_work:slow_work_queue
mount -t tracefs none ${EVENTS%/*} 2>/dev/null
echo 0 2>/dev/null >${EVENTS%/*}/options/record-cmd
while [ -e $EVENTS ]; do echo $EVENT >>$EVENTS; echo !$EVENT >>$EVENTS; done 2>/dev/null &
toggler=$!
bad=0
for n in $(seq 50); do
	cycle $n || { bad=$((bad + 1)); note "in round $n"; unload slow_work_caller; unload slow_work; }
done 2>/tmp/err
kill $toggler 2>/dev/null
is "fifty rounds of load, work, unload" 0 $bad
[ $bad = 0 ] || note "$(cat /tmp/err)"
is "threads left" 0 "$(threads)"
is "sysctl entries left" "" "$(entries /proc/sys/kernel | diff /tmp/sysctl -)"
is "debugfs entries left" "" "$(entries /sys/kernel/debug | diff /tmp/debugfs -)"
is "nothing hears of CPUs any more" "" "$(states | diff /tmp/states -)"
# The look has /proc forget what it has cached of them
check "the caller's files are gone" [ ! -e $CALLER ]
if have_debugfs; then
	check "the allocator keeps records" eval 'records kmalloc-128 | grep -q .'
	# What the kernel frees after a grace period may take it seconds
	no_objects() { module_objects | diff /tmp/objects - >/tmp/left; }
	wait_for "no memory is left" 60 no_objects
	[ ! -s /tmp/left ] || note "$(cat /tmp/left)"
else
	skip "no memory is left" "no debugfs, where the allocator tells"
fi
is "loads are announced" "50 50 50 50" "$(echo $(for t in 'Starting up' Ready 'Shutting down' 'Shut down complete'
	do messages "Slow work thread pool: $t"; done))"
load slow_work
check "while a user is there slow_work stays" eval 'load slow_work_caller; ! unload slow_work'
! have_debugfs || check "memory in use is seen by this test" eval 'order delayed 3 100000; ! no_objects'
unload slow_work_caller
unload slow_work
plan
