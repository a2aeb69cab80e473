# SPDX-License-Identifier: GPL-2.0-or-later
# Swap and a filesystem on a device that is served by slow work, while the items of
# another module hold every thread of the pool, more of them are queued, and none can be
# started: twice the memory of the machine goes through each.  With a reserve that comes to
# its end.  Without one nothing moves until the threads are released.

HELD=/proc/slow_work_held
held() { echo "$*" >$HELD/control; }
field_is() { [ "$(sed -n "s/^$1 //p" $HELD/state)" = "$2" ]; }
memory() { awk -v name="$1:" '$1 == name { print int($2 / 1024) }' /proc/meminfo; }
# In pages of 4 KB
twice=$(($(memory MemTotal) * 2 * 256))
SWAP_MB=64
DISK=/dev/slowblk

# attach RESERVE: the device carries swap and a filesystem
attach() {
	check "$what: the device comes" load slow_work_blk size_mb=$((SWAP_MB + 33)) reserve="$1"
	printf '%s\n' n p 1 '' "+${SWAP_MB}M" n p 2 '' '' w | fdisk $DISK >/dev/null
	until_true 60 [ -e ${DISK}2 ]
	check "$what: a filesystem is put on it" dd if=/dev/vda of=${DISK}2 bs=1M conv=fsync
	check "$what: it is mounted" mount -t ext4 ${DISK}2 /mnt
	mkswap ${DISK}1 >/dev/null
	check "$what: it has swap" swapon ${DISK}1
}

detach() {
	check "$what: swap is taken off" swapoff ${DISK}1
	check "$what: the filesystem, too" umount /mnt
	check "$what: the device goes" unload slow_work_blk
}

# Two threads, two items that execute for long, six that wait
hold() {
	wait_for "$what: the pool has but two threads" 60 threads_are 2
	held hold
	order close
	order slow 8
	wait_for "$what: another module's items hold them" 60 state_is executing 2
	wait_for "$what: no other can be started" 60 field_is held 1
}

still_held() { state_is executing 2 && field_is held 1 && threads_are 2; }

release() {
	order open
	held release
	wait_for "$what: the others' items run" 60 state_is executed "$1"
}

# hogs PAGES SECONDS: while two push so much each, a third process looks on; it opens the
# gate if nothing moves for so long.  $stuck tells.
hogs() {
	local anon=$(($(memory MemAvailable) + 24)) swap file watch
	note "$what: $(memory MemTotal) MB, $(memory MemAvailable) MB of them free, a hog of $anon MB"
	/test/reclaim watch $(($2 * 10)) /sys/block/slowblk $CALLER open >/tmp/watch 2>&1 &
	watch=$!
	echo -1000 >/proc/$watch/oom_score_adj
	wait_for "$what: somebody looks on" 60 grep -q ready /tmp/watch
	/test/reclaim hog $anon "$1" >/dev/console 2>&1 &
	swap=$!
	/test/reclaim hog 16 "$1" /mnt/file >/dev/console 2>&1 &
	file=$!
	wait $swap
	is "$what: in the end $1 pages have gone through swap, and are what they were" 0 $?
	wait $file
	is "$what: so have as many through a filesystem" 0 $?
	still_held && after=held || after=released
	kill $watch 2>/dev/null
	wait $watch
	stuck=$?
	sed "1d; s/^/# $what: /" /tmp/watch
}

load slow_work min_threads=2 max_threads=8
load slow_work_held
load slow_work_caller
echo 0 >$SYSCTL/stall-warn-secs
# A fault waits for the reserve, so it is to read more than a few pages
echo 6 >/proc/sys/vm/page-cluster
# The shell is to outlive what uses memory up
echo -900 >/proc/$$/oom_score_adj

what="with the reserve"
attach 1
hold
# A host may be slow
hogs $twice 60
is "$what: it never stood still" 0 "$stuck"
is "$what: all the while no thread was to be had" held "$after"
release 8
detach

what=without
# Its detector is not to report the hang that is wanted
echo 0 >/proc/sys/kernel/hung_task_timeout_secs
attach 0
hold
hogs $((twice / 8)) 10
is "$what: it stood still until the threads were released" 2 "$stuck"
release 16
detach

is "nobody was killed for memory" 0 "$(messages 'Out of memory')"
unload slow_work_caller
unload slow_work_held
unload slow_work
plan
