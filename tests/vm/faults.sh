# SPDX-License-Identifier: GPL-2.0-or-later
# What may go wrong around the pool on any machine: no thread can be had, who
# registers is killed, an item never ends.

THREADS_MAX=/proc/sys/kernel/threads-max
plenty=$(cat $THREADS_MAX)

# Between these two no process can be started, so only the shell itself is there:
# the log is copied by a process that has been started before.
cat /dev/kmsg >/tmp/klog &
logger=$!
no_threads() { echo 1 >$THREADS_MAX; }
enough_threads() { echo $plenty >$THREADS_MAX; }
mkfifo /tmp/never
# said TEXT SINCE: the copy has it in a line behind the one that has SINCE
said() {
	local line behind=
	while read -r line; do
		case $line in
		*"$2"*) behind=yes ;;
		*"$1"*) [ -z "$behind" ] || return 0 ;;
		esac
	done </tmp/klog
	return 1
}
field() { local k v; while read -r k v; do [ "$k" != "$1" ] || [ "$v" != "$2" ] || return 0; done <$CALLER/state; return 1; }
# The deadline is in naps, as there is no clock without a process
comes_true() {
	local naps=0
	until "$@"; do
		naps=$((naps + 1))
		[ $naps -lt 600 ] || return 1
		read -r -t 1 _ <>/tmp/never
	done
	return 0
}
mark() { echo "mark $1" >/dev/kmsg; }
uptime_cs() { local up _; read -r up _ </proc/uptime; CS=${up%.*}${up#*.}; }

load slow_work
load slow_work_user

# --- no thread for the first user

mkfifo /tmp/go
(read -r _ </tmp/go; exec insmod /modules/slow_work_caller.ko 2>/tmp/insmod.err) &
insmod=$!
no_threads
user register 2>/tmp/user.err
echo go >/tmp/go
wait $insmod
status=$?
enough_threads
check "without threads a user is refused" grep -q 'Resource temporarily unavailable' /tmp/user.err
check "insmod of one fails" [ $status != 0 ]
check "and says why" grep -q 'Resource temporarily unavailable' /tmp/insmod.err
check_not "it is not loaded" loaded slow_work_caller
check "the log tells" [ "$(messages 'Slow work thread pool: Cannot start (-11)')" -ge 2 ]
check "once there are threads it loads" load slow_work_caller
is "with the minimum of them" 2 "$(threads)"

# --- no thread to grow with

TRACING=/sys/kernel/tracing
mount -t tracefs none $TRACING
echo 1 >$TRACING/events/slow_work/slow_work_thread_fail/enable
echo 6 >$SYSCTL/max-threads
order close
mark growth
no_threads
uptime_cs; before=$CS
order slow 6
comes_true field executing 2 && comes_true said "Cannot start a thread" "mark growth"
tried=$?
# the manager's stack is shown
echo EXPECT-SPLAT-BEGIN >/dev/kmsg
echo 1 >$SYSCTL/stall-warn-secs
comes_true said "stall: no thread can be started" "mark growth"
advised=$?
echo 120 >$SYSCTL/stall-warn-secs
echo EXPECT-SPLAT-END >/dev/kmsg
enough_threads
echo 4 2>/tmp/err >$SYSCTL/min-threads
wrote=$?
is "the pool tries to grow, and says that it cannot" 0 $tried
check "an event tells why" grep -q 'slow_work_thread_fail: error=-11 threads=2' $TRACING/trace
check "it is counted" grep -q '^pool.start-failures [1-9]' /sys/kernel/debug/slow_work/stats-values
echo 0 >$TRACING/events/slow_work/slow_work_thread_fail/enable
is "what waits is reported as a stall, for want of threads" 0 $advised
is "a sysctl that wants threads is accepted" 0 $wrote
is "and holds" 4 "$(cat $SYSCTL/min-threads)"
wait_for "the pool grows in the end" 60 state_is executing 6
# In ticks of 10 ms on the same clock; it cannot have failed before it was asked
first=$(for p in $(kslowd_pids); do sed 's/.*) //' /proc/$p/stat | cut -d' ' -f20; done |
	sort -n | awk -v since=$before '$1 > since { print; exit }')
note "threads could be had at once, and were started after $((first - before)) ticks"
check "but no thread is started for 5 s" [ $((first - before)) -ge 490 ]
# So that none leaves until the next order
echo 6 >$SYSCTL/min-threads
order open
wait_for "every item runs" 60 state_is executed 6

order close
mark open
no_threads
echo 9 2>/tmp/err >$SYSCTL/max-threads
order slow 30
comes_true field executing 6 && comes_true said "Cannot start a thread" "mark open"
tried=$?
order open
comes_true field executed 36
ran=$?
order delayed 5 100
order vslow 5
comes_true field executed 46
more=$?
enough_threads
is "what cannot grow says so" 0 $tried
is "the threads that are there run every item" 0 $ran
is "those that come meanwhile too" 0 $more
echo 2 >$SYSCTL/min-threads
unload slow_work_caller
is "no thread is left" "" "$(pool_pids)"
kill $logger

# --- a user that comes while the last one leaves

# It waits for an item that nobody owns
busy() { user register && user orphan 1 && until_true 60 user_executes 1; }
check "a user leaves an item behind" busy
shut=$(messages "Shutting down")
user unregister &
leaving=$!
wait_for "and waits for it" 60 eval '[ "$(messages "Shutting down")" -gt $shut ]'
check "the next user does not" load slow_work_caller
check "the item still executes" user_executes 1
check "and is waited for" [ -e /proc/$leaving/exe ]
user open
wait $leaving
is "then the first user is gone" 0 $?
check "and the next one has threads" [ "$(threads)" -ge 2 ]
unload slow_work_caller
is "no thread is left" "" "$(pool_pids)"
check "another can come" load slow_work_caller
unload slow_work_caller
unload slow_work_user
unload slow_work

# --- killed while registering

# While threads are being made: whoever is killed too early or too late for that
# is tried again
total() { read -r _ _ _ TOTAL _ </proc/loadavg; TOTAL=${TOTAL#*/}; }
load slow_work min_threads=255
caught=0 unclean=
for try in $(seq 30); do
	dmesg -c >/dev/null
	total; base=$TOTAL
	insmod /modules/slow_work_caller.ko 2>/dev/null &
	insmod=$!
	while total; [ $TOTAL -lt $((base + 40 + try * 5)) ] && [ -e /proc/$insmod/exe ]; do :; done
	kill -KILL $insmod 2>/dev/null
	wait $insmod
	if loaded slow_work_caller; then
		[ "$(threads)" = 255 ] || unclean="$unclean, loaded with $(threads) threads"
		unload slow_work_caller
	else
		[ "$(messages "Cannot start (-4)")" = 0 ] || caught=$((caught + 1))
	fi
	[ -z "$(pool_pids)" ] || unclean="$unclean, $(pool_pids | wc -l) threads left"
	[ $caught -lt 3 ] || break
done
note "killed $caught times while threads were made, of $try"
check "users are killed while threads are made for them" [ $caught -ge 1 ]
is "nothing is left of them" "" "$unclean"
check "another can come" load slow_work_caller
is "with as many threads" 255 "$(threads)"
order slow 1000
wait_for "and work for them" 60 state_is executed 1000
unload slow_work_caller
unload slow_work

# --- an item that never ends

load slow_work min_threads=2 max_threads=6
load slow_work_user
load slow_work_caller
user register
user stuck 2
wait_for "both threads execute an item that never ends" 60 user_executes 2
order slow 50
order vslow 20
order delayed 5 10
wait_for "the items of another user run" 60 state_is executed 75
user stuck 3
wait_for "all threads but one execute such an item" 60 user_executes 5
order slow 50
order delayed 5 10
wait_for "the items of another user still run" 60 state_is executed 130
cat $RUNQUEUE >/tmp/runqueue
is "the view says whose they are" 5 "$(grep -c ' swt_execute \[slow_work_user\] *$' /tmp/runqueue)"
note "$(cat /tmp/runqueue)"
check "the other user can unregister" unload slow_work_caller
check "and register" load slow_work_caller
user unregister &
leaving=$!
wait_for "the log says what the owner waits for" 60 \
	eval '[ "$(messages "Still waiting for swt_execute [slow_work_user] of slow_work_user (executing)")" = 1 ]'
user stuck 1
wait_for "all threads execute such an item" 60 user_executes 6
order slow 10
echo 7 >$SYSCTL/max-threads
wait_for "a thread more serves the other user" 60 state_is executed 10
check "who can unregister while the owner waits" unload slow_work_caller
user open
wait $leaving
wait_for "in the end no thread is left" 60 no_pids
unload slow_work_user
unload slow_work
plan
