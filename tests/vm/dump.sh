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
. /test/dump.sh

known_state
check "it reads" eval "dump $both >/tmp/dump 2>/tmp/said"
note "$(cat /tmp/dump /tmp/said)"
is "and has nothing to complain of" "" "$(cat /tmp/said)"
says_it /tmp/dump "$(kslowd_names)" 4

# --- less of it, and with less to go by
dump slow_work -- --items 2 --no-stacks >/tmp/dump
is "two of each" "sq sq vsq vsq dly dly   and 1 more in sq   and 2 more in vsq" \
	"$(table WAITING /tmp/dump | sed -E 's/^([a-z]+) .*/\1/' | tr '\n' ' ' | sed 's/ $//')"
is "no stacks" 4 "$(table EXECUTING /tmp/dump | wc -l)"
check "without a module's debug information its functions have names all the same" \
	grep -qE '^kslowd000 .* slow_work_caller: (swt_execute|0x[0-9a-f]{16})$' /tmp/dump

# --- an item that its put_ref has freed, while that goes on
order open
# By the pool, which counts until put_ref has returned
at_rest() { [ "$(sed -nE 's/^(pool.executing|class.v?slow.queued) //p' /sys/kernel/debug/slow_work/stats-values | xargs)" = "0 0 0" ]; }
wait_for "all have run" 60 at_rest
order linger
order slow 1
lingers() { [ "$(($(state gets) - $(state puts)))" = 2 ]; }	# those that are armed
wait_for "it lingers" 60 lingers
dump $both >/tmp/dump
is "what is known of it" "- - slow_work_caller: put_ref after swt_execute" \
	"$(table EXECUTING /tmp/dump | sed -nE 's/^kslowd... +[0-9]+ +//p' | sed 's/  */ /g')"
is "it counts" "slow_work_caller 0 1 2" "$(table OWNER /tmp/dump | grep caller | sed 's/  */ /g' | cut -d ' ' -f 1-4)"
order open

# --- nothing to see
unload slow_work_caller
unload slow_work
is "without the module" "1 slow-work-dump.py: the module slow_work is not loaded, or its debug information is missing (drgn -s slow_work.ko)" \
	"$(dump >/tmp/said 2>&1; echo $? $(cat /tmp/said))"
plan
