# SPDX-License-Identifier: GPL-2.0-or-later
# /sys/kernel/debug/slow_work/runqueue: mode, format, order.  runqueue.host boots
# without slub_debug, which makes the kernel print addresses as they are.

load slow_work max_threads=4
load slow_work_caller
if ! have_debugfs; then
	order close
	order vslow 3
	order slow 3
	order delayed 3 1
	wait_for "without a view the pool works" 60 state_is executing 4
	order open
	wait_for "every item runs" 60 state_is executed 9
	unload slow_work_caller
	unload slow_work
	skip "the view" "no debugfs"
	plan
	exit
fi
is "mode of the file" 400 "$(stat -c %a $RUNQUEUE)"
head='THR PID   ITEM ADDR        FL MARK  DESC
=== ===== ================ == ===== =========='
is "an idle pool shows the head alone" "$head" "$(cat $RUNQUEUE)"

# Two very slow items and two slow ones on four threads, some more of each queued,
# some armed
occupy
order slow 3
order vslow 2
order delayed 2 5000000
order delayed 1 50000000
cat $RUNQUEUE >/tmp/rq
note "$(cat /tmp/rq)"
is "the head" "$head" "$(head -n 2 /tmp/rq)"
sed 1,2d /tmp/rq >/tmp/lines
is "every item has its line" 12 "$(wc -l </tmp/lines)"
is "threads first, then both queues, then what is armed" \
	"n n n n sq sq sq vsq vsq dly dly dly" \
	"$(echo $(cut -c1-3 /tmp/lines | sed 's/.*[0-9].*/n/'))"
head -n 4 /tmp/lines >/tmp/threads
is "threads are in the order of their numbers" "$(sort -n /tmp/threads)" "$(cat /tmp/threads)"
while read -r thr pid rest; do
	is "thread $thr has the name and the PID shown" \
		"$(printf 'kslowd%03d' "$thr")" "$(cat "/proc/$pid/comm")"
done </tmp/threads
is "what is not executing has no PID" "-" "$(sed 1,4d /tmp/lines | cut -c5-9 | tr -d ' ' | sort -u)"
is "addresses are hashed, as for any reader" "" \
	"$(cut -c11-26 /tmp/lines | grep -vE '^(0{8}[0-9a-f]{8}|[0-9a-f]{8} {8})$')"
is "each item has its own" 12 "$(cut -c11-26 /tmp/lines | sort -u | wc -l)"
is "flags" "2 2 a a 1 1 1 9 9 21 21 21" \
	"$(echo $(head -n 4 /tmp/lines | cut -c28-29 | sort; sed 1,4d /tmp/lines | cut -c28-29))"
is "columns are apart" "" "$(sed 's/^.\{3\} .\{5\} .\{16\} .\{2\} .\{5\} .*//' /tmp/lines)"
is "marks are five characters with their unit" "" \
	"$(cut -c31-35 /tmp/lines | grep -vE '^ *[0-9]+(ms|[smhd])$')"
# 5000 s and 50000 s away
is "armed items show when they are due" "" \
	"$(tail -n 3 /tmp/lines | cut -c31-35 | grep -vE '^(4[89]..|5000)s$|^ 83[0-3]m$')"
is "descriptions, each on its line" \
	"slow 2 slow 3 slow 4 slow 5 slow 6 vslow 0 vslow 1 vslow 7 vslow 8 delayed 9 delayed 10 delayed 11" \
	"$(echo $(cut -c37- /tmp/lines | sed 's/ *$//; s/^caller: //' | grep ^slow | sort
		cut -c37- /tmp/lines | sed 's/ *$//; s/^caller: //' | grep ^vslow | sort
		sed 's/.* caller: //' /tmp/lines | grep ^delayed))"
order cancel &
order open
wait $!
check "it empties" eval '[ "$(cat $RUNQUEUE)" = "$head" ]'

# --- long queues

order close
order slow 4
wait_for "four items execute" 60 state_is executing 4
order slow 2000
is "long queues are shown whole" 2006 "$(wc -l <$RUNQUEUE)"
dd if=$RUNQUEUE bs=100 2>/dev/null | cut -c37- >/tmp/small
is "in small bites too" 2006 "$(wc -l </tmp/small)"
is "in the order of the queue" "$(sed 1,6d /tmp/small | sort -n -k3)" "$(sed 1,6d /tmp/small)"
order open
# While it moves each read ends, and shows no line twice
until_true 60 eval '[ $(wc -l <$RUNQUEUE) = 2 ]'
check "it empties again" eval '[ "$(cat $RUNQUEUE)" = "$head" ]'
order cancel
is "gets and puts balance" "$(state gets)" "$(state puts)"
if have_unload; then
	unload slow_work_caller
	unload slow_work
	check "it is gone with the module" [ ! -e "${RUNQUEUE%/*}" ]
else
	skip "it is gone with the module" "no unloading"
fi
plan
