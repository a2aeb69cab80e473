# SPDX-License-Identifier: GPL-2.0-or-later
# On 32 bits jiffies come round five minutes after the start, for the sake of tests
# like this one: what began or was armed before goes on after it.

uptime() { cut -d. -f1 /proc/uptime; }
# order_at SECONDS N: arms so many items until that uptime
order_at() { order delayed "$2" $((($1 - $(uptime)) * 1000)); }
# lines KIND: the marks of these
lines() { grep "caller: $1" /tmp/rq | cut -c31-35; }
# not_from LEAST MOST: marks that are not so many seconds
not_from() {
	local mark
	while read -r mark; do
		case $mark in *[0-9]s) ;; *) echo "$mark"; continue ;; esac
		mark=${mark%s}
		[ "$mark" -ge "$1" ] && [ "$mark" -le "$2" ] || echo "$mark"
	done
}

load slow_work max_threads=4
# Reports of what hangs here are not of a fault
echo 0 >$SYSCTL/stall-warn-secs
load slow_work_caller
order close
order vslow 2
order slow 2
wait_for "four items execute" 60 state_is executing 4
order slow 3
# Timers of minutes may be an eighth late
order_at 240 1
order_at 310 1
order_at 3600 2
began=$(uptime)
check "jiffies have not come round yet" [ "$began" -lt 200 ]
while [ "$(uptime)" -lt 305 ]; do sleep 5; done
cat $RUNQUEUE >/tmp/rq
note "$(cat /tmp/rq)"
is "no item executed meanwhile" 0 "$(state executed)"
is "all are shown" 11 "$(sed 1,2d /tmp/rq | grep -c caller)"
is "executing and queued ones with how long" "" \
	"$(lines 'v*slow' | not_from $((304 - began)) 3600)"
is "so is the one whose delay ended before" "" "$(lines 'delayed 7' | not_from 10 3600)"
is "those armed for much later are so still" 2 "$(grep -c '^dly.*caller: delayed \(9\|10\)$' /tmp/rq)"
is "with how long until then" "" "$(lines 'delayed \(9\|10\)' | not_from 1 3300)"
order open
wait_for "all but these run" 60 state_is executed 9
wait_for "surplus threads leave" 60 threads_are 2
order cancel
is "gets and puts balance" "$(state gets)" "$(state puts)"
unload slow_work_caller
unload slow_work
plan
