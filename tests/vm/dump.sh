# SPDX-License-Identifier: GPL-2.0-or-later
# slow-work-dump.py, by Debian's drgn, on a disk that dump.host made: what it reads
# from this kernel's memory is held against what the caller was ordered to do.

mount -o ro /dev/vda /mnt
mount -t proc proc /mnt/proc
mount -t sysfs sys /mnt/sys
mount --bind /dev /mnt/dev
# dump MODULE... [-- OPTION...]: with the debug information of MODULEs
dump() {
	local with=
	while [ -n "$1" ] && [ "$1" != -- ]; do with="$with -s /$1.ko"; shift; done
	[ $# = 0 ] || shift
	PATH=/usr/bin:/bin chroot /mnt drgn -s /vmlinux $with /slow-work-dump.py "$@"
}
both="slow_work slow_work_caller"

load slow_work min_threads=2 max_threads=4
load slow_work_caller
echo 0 >$SYSCTL/stall-warn-secs

# --- what there was
order slow 5
order vslow 1
wait_for "six items" 60 state_is executed 6
order delayed 3 5000000
order revoke

# --- what there is
occupy
order slow 3
order vslow 4
order delayed 2 5000000
aged() { [ "$(grep -c 'ms caller' $RUNQUEUE)" = 0 ]; }
wait_for "all are a second old" 60 aged
check "it reads" eval "dump $both >/tmp/dump 2>/tmp/said"
note "$(cat /tmp/dump /tmp/said)"
is "and has nothing to complain of" "" "$(cat /tmp/said)"
table() { awk -v head="$1" '$1 == head { on = 1; next } /^$/ { on = 0 } on' /tmp/dump; }
is "its head" "slow-work: 4 threads (2 to 4), 0 idle, 4 executing: 4 blocked, 0 asleep until needed
very slow items may have 2 threads (50 %); stalls reported: 0" "$(head -n 2 /tmp/dump)"
is "its classes" "slow 3 2 2 5 0 0 3 0
vslow 4 2 0 1 0 0 0 0" "$(table CLASS | sed 's/  */ /g')"
is "its owners" "nobody 0 0 0 0 0 0 0 0
slow_work_caller 7 4 2 6 0 0 3 0" "$(table OWNER | sed 's/  */ /g' | sort)"
is "its threads" "$(for p in $(kslowd_pids); do echo "$(cat "/proc/$p/comm") $p"; done | sort)" \
	"$(table EXECUTING | awk '/^kslowd/ { print $1, $2 }' | sort)"
is "what they execute" "2 slow_work_caller: caller_execute
2 slow_work_caller: caller_execute
a slow_work_caller: caller_execute
a slow_work_caller: caller_execute" "$(table EXECUTING | sed -nE 's/^kslowd... +[0-9]+ +[0-9]+s +//p' | sed 's/  / /' | sort)"
is "their state" "4     state I" "$(table EXECUTING | grep state | sort | uniq -c | sed 's/^ *//')"
# A line a stack
table EXECUTING | awk '/^kslowd/ { printf "%s", (NR > 1 ? "\n" : ""); next } / state / { next } { printf " %s", $1 } END { print "" }' >/tmp/stacks
is "where they are" 4 "$(grep -cE ' __schedule .*schedule .*caller_execute .*slow_work_thread_main kthread' /tmp/stacks)"
is "what waits" "sq - 1 slow_work_caller: caller_execute
sq - 1 slow_work_caller: caller_execute
sq - 1 slow_work_caller: caller_execute
vsq - 9 slow_work_caller: caller_execute
vsq - 9 slow_work_caller: caller_execute
vsq - 9 slow_work_caller: caller_execute
vsq - 9 slow_work_caller: caller_execute
dly - 21 slow_work_caller: caller_execute
dly - 21 slow_work_caller: caller_execute" "$(table WAITING | sed -E 's/ +[0-9]+s / /; s/ +/ /g')"
# 5000 s, less what it took
is "when what is armed is due" "" "$(table WAITING | awk '/^dly/ && ($3 + 0 <= 4000 || $3 + 0 >= 5000)')"

# --- less of it, and with less to go by
dump slow_work -- --items 2 --no-stacks >/tmp/dump
is "two of each" "sq sq vsq vsq dly dly   and 1 more in sq   and 2 more in vsq" \
	"$(table WAITING | sed -E 's/^([a-z]+) .*/\1/' | tr '\n' ' ' | sed 's/ $//')"
is "no stacks" 4 "$(table EXECUTING | wc -l)"
check "without a module's debug information its functions have names all the same" \
	grep -qE '^kslowd000 .* slow_work_caller: (caller_execute|0x[0-9a-f]{16})$' /tmp/dump

# --- nothing to see
unload slow_work_caller
unload slow_work
is "without the module" "1 slow-work-dump.py: the module slow_work is not loaded, or its debug information is missing (drgn -s slow_work.ko)" \
	"$(dump >/tmp/said 2>&1; echo $? $(cat /tmp/said))"
plan
