# SPDX-License-Identifier: GPL-2.0-or-later
# Cases from public bug reports about workqueues and the like.

REPORTS=/proc/slow_work_reports
reports() { echo "$*" >$REPORTS/control; }
count() { sed -n "s/^$1 //p" $REPORTS/state; }
more() { [ "$(count $1)" -ge "$2" ]; }
cpu() { echo $2 >/sys/devices/system/cpu/cpu$1/online; }
gone() { ! [ -e /proc/$1/exe ]; }
# ends NAME ORDER...: the order is carried out in time
ends() {
	local name="$1" pid; shift
	reports "$@" &
	pid=$!
	if until_true 120 gone $pid; then
		wait $pid
		check "$name" [ $? = 0 ]
	else
		not_ok "$name" "not within 120 s"
	fi
}

load slow_work max_threads=8
load slow_work_reports

# --- CPUs go off line and come back under items that arm themselves

reports poll
went=0
for round in $(seq 10); do
	for c in 1 2 3; do cpu $c 0 && went=$((went + 1)); done
	until_true 60 more polls $(($(count polls) + 20)) || break
	for c in 1 2 3; do cpu $c 1; done
	until_true 60 more polls $(($(count polls) + 20)) || break
done
is "CPUs went off line" 30 $went
since=$(count polls)
wait_for "items have run meanwhile, and do" 60 more polls $((since + 20))
ends "the items can be cancelled" stop

# --- hard interrupts enqueue items whose desc runs

since=$(count runs) descs=$(count descs)
while :; do cat $RUNQUEUE >/dev/null; done &
reader=$!
reports interrupt
wait_for "1000 items run" 60 more runs $((since + 1000))
wait_for "200 descs run" 60 more descs $((descs + 200))
ends "those can be cancelled" stop
kill $reader
is "none is left" 2 "$(wc -l <$RUNQUEUE)"

# --- an item's memory, cancels, flushes

ends "put_ref makes the next item from the memory of this one" reuse 5000
ends "six real-time tasks on one CPU cancel one item" cancel 200
ends "items flush items, as deep as there are threads" nest 8

# --- threads that never block

reports flood
reports rcu
wait_for "a grace period of RCU tasks ends meanwhile" 60 more grace-periods 1
ends "the flood can be cancelled" stop

check "unload" unload slow_work_reports
is "no thread is left" "" "$(pool_pids)"
unload slow_work
plan
