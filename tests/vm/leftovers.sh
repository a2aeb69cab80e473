# SPDX-License-Identifier: GPL-2.0-or-later
# What an execute leaves behind, on a stock kernel with a user process's mm and
# cgroups: reported once with the function's name, and put right before the next item.

LEFT=/proc/slow_work_leftovers
left() { echo "$*" >$LEFT/control; }
look() { left look; cat $LEFT/state; }
told() { messages 'leftovers_execute [slow_work_leftovers] returned with'; }
tell() { echo "$2" >$SYSCTL/$1; }
cpu() { echo $2 >/sys/devices/system/cpu/cpu$1/online; }

# One of two threads is blocked, so the other executes all items
load slow_work min_threads=2 max_threads=2
load slow_work_caller
load slow_work_leftovers
order close
order slow 1
wait_for "a thread is blocked" 60 state_is executing 1
clean=$(look)
is "the other is clean" "nice -5 policy 0 priority 0 cpus 0-1" "$clean"
is "nothing is reported" 0 "$(told)"

# --- what an execute leaves

echo EXPECT-SPLAT-BEGIN >/dev/kmsg
n=0
for way in nice policy affinity memcg mm; do
	n=$((n + 1))
	check "an item leaves its $way" left $way
	is "that is reported once" $n "$(told)"
	is "the next item finds its thread clean" "$clean" "$(look)"
	is "nothing is reported of that one" $n "$(told)"
done
echo EXPECT-SPLAT-END >/dev/kmsg

# A cgroup to which there are references still counts once its directory is removed
groups() { awk '$1 == "blkio" { print $3 }' /proc/cgroups; }
group=/tmp/blkio
mkdir $group
mount -t cgroup -o blkio none $group
before=$(groups)
mkdir $group/one
echo EXPECT-SPLAT-BEGIN >/dev/kmsg
sh -c "echo 0 >$group/one/cgroup.procs && echo blkcg >$LEFT/control"
echo EXPECT-SPLAT-END >/dev/kmsg
is "an item leaves its block cgroup" $((before + 1)) "$(groups)"
is "the next item finds its thread clean" "$clean" "$(look)"
check "the cgroup can be removed" rmdir $group/one
wait_for "no thread has a reference to it" 60 eval '[ "$(groups)" = $before ]'

# --- what changes while an item executes

executed=$(state executed) n=$(messages 'returned with')
tell cpumask 2
check "the last CPU of its thread goes off line" cpu 1 0
order open
wait_for "the item completes elsewhere" 60 state_is executed $((executed + 1))
cpu 1 1
order close
order slow 1
wait_for "another executes" 60 state_is executing 1
tell cpumask 1
tell nice 3
order open
wait_for "affinity and niceness are written while it executes" 60 state_is executed $((executed + 2))
left look
is "nothing is reported of either" $n "$(messages 'returned with')"
is "what was written holds" "nice 3 policy 0 priority 0 cpus 0" "$(cat $LEFT/state)"
# All that has been written, and the CPU that came back, is over
n=$(told)
told_again() { left nice; [ "$(told)" -gt $n ]; }
echo EXPECT-SPLAT-BEGIN >/dev/kmsg
wait_for "an item that leaves its niceness after that is reported" 60 told_again
echo EXPECT-SPLAT-END >/dev/kmsg

# --- what is there when a thread exits

mkdir $group/two
sh -c "echo 0 >$group/two/cgroup.procs && echo blkcg-alone >$LEFT/control"
is "an item leaves its block cgroup, and nothing else" $((before + 1)) "$(groups)"
check "the cgroup can be removed" rmdir $group/two
unload slow_work_leftovers
unload slow_work_caller
wait_for "no thread has kept it" 60 eval '[ "$(groups)" = $before ]'
unload slow_work
plan
