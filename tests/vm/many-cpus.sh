# SPDX-License-Identifier: GPL-2.0-or-later
# The hard limit of max-threads on a kernel with 255 possible CPUs, of which two
# are there: twice as many threads, all of them at work at once.

LIMIT=510
tell() { echo "$2" >$SYSCTL/$1; }
names() { for p in $(kslowd_pids); do cat /proc/$p/comm; done | sort; }

is "so many CPUs are possible" 0-254 "$(cat /sys/devices/system/cpu/possible)"
check_not "a minimum above the limit is refused" load slow_work min_threads=$((LIMIT + 1))
check_not "so is such a maximum" load slow_work max_threads=$((LIMIT + 1))
load slow_work
# So many take long to come
echo 0 >$SYSCTL/stall-warn-secs
is "the maximum is the number of possible CPUs" 255 "$(cat $SYSCTL/max-threads)"
check_not "more than the limit is refused" tell max-threads $((LIMIT + 1))
is "and changes nothing" 255 "$(cat $SYSCTL/max-threads)"
check "the limit is accepted" tell max-threads $LIMIT
is "and holds" $LIMIT "$(cat $SYSCTL/max-threads)"

load slow_work_caller
order close
order slow $LIMIT
wait_for "as many items as the limit execute at once" 300 state_is executing $LIMIT
is "that took as many threads" $LIMIT "$(threads)"
for n in $(seq 0 $((LIMIT - 1))); do printf 'kslowd%03d\n' $n; done >/tmp/wanted
names >/tmp/names
is "each with its number" "" "$(diff /tmp/wanted /tmp/names)"
order slow 10
is "every item has its line" $((LIMIT + 12)) "$(wc -l <$RUNQUEUE)"
order open
wait_for "every item runs" 300 state_is executed $((LIMIT + 10))
wait_for "all leave but the minimum" 300 threads_are 2

# The highest numbers again, and from the start
check "a minimum of the limit is accepted" tell min-threads $LIMIT
wait_for "and reached" 300 threads_are $LIMIT
order vslow 600
wait_for "every very slow item runs" 300 state_is executed $((LIMIT + 610))
check "unload with all threads there" unload slow_work_caller
is "no thread is left" 0 "$(threads)"
unload slow_work
check "as many threads from the start" load slow_work min_threads=$LIMIT
load slow_work_caller
is "are there once the first user is" $LIMIT "$(threads)"
unload slow_work_caller
is "and gone with the last" 0 "$(threads)"
unload slow_work
plan
