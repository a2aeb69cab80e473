# SPDX-License-Identifier: GPL-2.0-or-later
# What an administrator sees: figures, histograms, tracepoints.  All of it is held
# against what the caller was ordered to do.

STATS=/sys/kernel/debug/slow_work
value() { sed -n "s/^$1 //p" $STATS/stats-values; }
# values KEY...: their values, on a line
values() { local k; for k; do value "$k"; done | xargs; }
is_value() { [ "$(value "$1")" = "$2" ]; }
counts() { values "$1.executed" "$1.merged" "$1.deferred" "$1.cancelled" "$1.refused"; }

load slow_work min_threads=2 max_threads=4
load slow_work_caller

for f in stats stats-values; do
	is "mode of $f" 400 "$(stat -c %a $STATS/$f)"
done
is "mode of reset" 200 "$(stat -c %a $STATS/reset)"
is "the form of the values" 1 "$(value format)"
is "each value has its key, and each key one value" "" \
	"$(grep -vE '^[a-z][A-Za-z0-9_.-]* [0-9]+$' $STATS/stats-values; cut -d' ' -f1 $STATS/stats-values | sort | uniq -d)"
is "settings" "2 4 50" "$(values pool.min-threads pool.max-threads pool.vslow-percentage)"
wait_for "all threads idle" 60 is_value pool.idle 2
is "nothing happened yet" "0 0 0 0 0" "$(counts class.slow)"

# --- what there is
occupy
order slow 3
order vslow 4
order delayed 2 5000000
cat $STATS/stats $STATS/stats-values >/tmp/stats
note "$(cat /tmp/stats)"
is "threads" "4 0 4" "$(values pool.threads pool.idle pool.executing)"
wait_for "all blocked" 60 is_value pool.blocked 4
is "slow items" "3 2 2" "$(values class.slow.queued class.slow.executing class.slow.armed)"
is "very slow items" "4 2 0" "$(values class.vslow.queued class.vslow.executing class.vslow.armed)"
is "items by owner" "7 4 2" "$(values owner.slow_work_caller.queued \
	owner.slow_work_caller.executing owner.slow_work_caller.armed)"
is "nobody's" "0 0 0" "$(values owner.nobody.queued owner.nobody.executing owner.nobody.armed)"
is "most threads, and started" "4 4" "$(values pool.peak pool.started)"
check "time at the maximum" [ "$(value pool.at-max-ms)" -gt 0 ]
is "none has ended" "0 0" "$(values class.slow.executed class.vslow.executed)"
order revoke
is "what waited is taken back" "0 0 0 0" "$(values class.slow.queued class.vslow.queued \
	class.slow.armed class.vslow.armed)"
order open
wait_for "the others end" 60 is_value pool.executing 0
is "by class: executed, merged, deferred, cancelled, refused" "2 0 0 5 0 2 0 0 4 0" \
	"$(counts class.slow) $(counts class.vslow)"
is "by owner" "4 0 0 9 0" "$(counts owner.slow_work_caller)"
wait_for "surplus threads leave" 60 is_value pool.threads 2

# --- reset
check_not "reset takes nothing but 1" eval "echo 2 >$STATS/reset"
check "some were executed" [ "$(value owner.slow_work_caller.executed)" -gt 0 ]
echo 1 >$STATS/reset
is "reset" "0 0 0 0 0 0 0 0 0 0" "$(counts class.slow) $(counts owner.slow_work_caller)"
is "threads started and culled" "0 0" "$(values pool.started pool.culled)"

# --- histograms
check_not "no other value than 0 and 1" eval "echo 2 >$SYSCTL/histograms"
is "off by default" "0 0" "$(values histograms owner.slow_work_caller.run.count)"
order slow 10
wait_for "ten items" 60 is_value owner.slow_work_caller.executed 10
is "they were not timed" 0 "$(value class.slow.run.count)"
echo 1 >$SYSCTL/histograms
order close
order slow 1
wait_for "an item executes" 60 state_is executing 1
usleep 100000
order open
wait_for "it ends" 60 is_value class.slow.executed 11
order slow 100
wait_for "a hundred more" 60 is_value class.slow.executed 111
is "waiting and running times of all" "101 101 101 101" "$(values class.slow.wait.count \
	class.slow.run.count owner.slow_work_caller.wait.count owner.slow_work_caller.run.count)"
is "of no other class" "0 0" "$(values class.vslow.wait.count class.vslow.run.count)"
is "the buckets add up" 101 "$(sed -n 's/^class.slow.run.bucket.* //p' $STATS/stats-values | xargs | tr ' ' + | xargs -I{} sh -c 'echo $(({}))')"
# 2^26 ns are 67 ms
check "the one of 100 ms stands where it belongs" \
	[ "$(sed -n 's/^class.slow.run.bucket.\([0-9]*\) .*/\1/p' $STATS/stats-values | sort -n | tail -n 1)" -ge 26 ]
check "the median does not know of it" [ "$(value class.slow.run.median)" -lt 67108864 ]
note "$(cat $STATS/stats)"
# An event that is switched on meanwhile
mount -t tracefs none /sys/kernel/tracing 2>/dev/null
EVENTS=/sys/kernel/tracing/events/slow_work
order close
order slow 1
wait_for "one more executes" 60 state_is executing 1
echo 1 >$EVENTS/slow_work_queue/enable
order open
wait_for "and ends" 60 is_value class.slow.executed 112
is "is no reason not to time it" 102 "$(value class.slow.run.count)"
echo 0 >$EVENTS/slow_work_queue/enable
echo 0 >$SYSCTL/histograms
order slow 10
wait_for "ten more" 60 is_value class.slow.executed 122
is "off again: they stay as they were" 102 "$(value class.slow.run.count)"

# --- tracepoints
cat >/tmp/busy <<'END'
. /test/lib.sh
queued() { [ "$(grep -c "^ sq" $RUNQUEUE)" = "$1" ]; }
set -e
order close
order slow 6
until_true 60 state_is executing 4
order delayed 1 10
until_true 60 queued 3
order delayed 1 5000000
order revoke
order cancel &
# which waits for the first of those that execute: CANCELLING is 10
until_true 60 grep -q '^ *[0-9].* 12 ' $RUNQUEUE
order open
wait
until_true 60 eval '[ "$(threads)" = 2 ]'
END
record() { trace-cmd record -q -e slow_work -o /tmp/trace.dat "$@" >/tmp/record 2>&1; }
report() { trace-cmd report -i /tmp/trace.dat 2>&1 | grep ' slow_work_' >/tmp/report; }
# events NAME [WHAT]: how many there were
events() { grep -c " slow_work_$1: .*$2" /tmp/report; }
# or none would be started
wait_for "surplus threads have left" 60 is_value pool.threads 2
check "trace-cmd records" record sh /tmp/busy
report
note "$(head -n 40 /tmp/report)"
is "each event of an item tells whose it is" "" "$(grep -E '_(queue|arm|execute_.*|defer|cancel|sleeper_wake): ' /tmp/report |
	grep -vE 'work=[0-9a-fx]+ function=swt_execute.* owner=slow_work_caller class=slow')"
is "queued" 7 "$(events queue)"
is "armed, with the delay" "1 2" "$(events arm 'delay=1250000') $(events arm)"
is "begun and ended" "4 4" "$(events execute_start 'wait=[0-9]') $(events execute_end 'run=[0-9]')"
is "events alone fill no histogram" 102 "$(value class.slow.run.count)"
is "taken back" "3 1" "$(events cancel how=dequeued) $(events cancel how=disarmed)"
check "waited for" [ "$(events cancel how=waits)" -ge 1 ]
is "threads started, up to four" "2 4" \
	"$(events thread_start) $(sed -n 's/.*_thread_start: .*threads=//p' /tmp/report | sort -n | tail -n 1)"
is "and culled" 2 "$(events thread_cull)"
# The kernel's own file, as the record of one event is all that is wanted
echo 1 >$EVENTS/slow_work_stall/enable
echo 1 >$SYSCTL/stall-warn-secs
order close
order slow 1
stalled() { [ "$(value pool.stalls)" -ge 1 ] && [ "$(messages 'stall: the item is: caller: slow')" -ge 1 ]; }
# with the stack of the thread, and so would be one more
stalls() { until_true 60 stalled; local s=$?; echo 0 >$SYSCTL/stall-warn-secs; return $s; }
check "a stall is counted" expect_splat stalls
check "and traced" grep -q 'slow_work_stall: .* owner=slow_work_caller class=slow state=executing age=[1-9]' /sys/kernel/tracing/trace
echo 0 >$EVENTS/slow_work_stall/enable
order open
unload slow_work_caller
wait_for "no thread is left" 60 eval '[ "$(threads)" = 0 ]'

# Sleepers that give way, and items that queue themselves again
load slow_work_freeze
cat >/tmp/others <<'END'
gave_way() { sed -n 's/^gave-way //p' /proc/slow_work_freeze/state; }
before=$(gave_way)
until [ "$(gave_way)" -gt $((before + 10)) ]; do usleep 20000; done
END
check "trace-cmd records others" record sh /tmp/others
report
check "sleepers are woken" [ "$(events sleeper_wake 'owner=slow_work_freeze.*pid=[1-9]')" -gt 0 ]
check "items are deferred" [ "$(events defer 'function=freeze_run_')" -gt 0 ]
unload slow_work_freeze
unload slow_work
check_not "the events are gone" test -e $EVENTS
plan
