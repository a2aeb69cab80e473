# SPDX-License-Identifier: GPL-2.0-or-later
# The guest's part of tests/gfs2.sh: GFS2 on slow-work.  What is to be seen goes to the
# third serial line as it happens.
. /test/gfs2.sh

stty -F /dev/ttyS2 raw -echo 115200
exec 3>/dev/ttyS2
screen() { sed 's/^/  /' >&3; }
shell() { echo "\$ $*" | screen; }


# To demote a glock is what another node would ask for
demote() { echo "$1 EX" >"/sys/fs/gfs2/${2:-vda}/demote_rq"; }
inode() { stat -c %i "$1"; }
held() { state_is executing 2 && threads_are 2; }

mount -t tracefs trace $TRACE
echo 16384 >$TRACE/buffer_size_kb
deal
files=$(wc -l </test/expected)
note "$files files"

shell "insmod slow_work.ko; insmod gfs2.ko; mount -t gfs2 /dev/vda $A"
check "load slow_work" load slow_work
for e in execute_start execute_end reserve_call; do echo 1 >$TRACE/events/slow_work/slow_work_$e/enable; done
check "GFS2 on it" load gfs2
is "it is a user of the pool, with a reserve" 1 "$(cat /proc/[0-9]*/comm | grep -c '^kslowr/gfs2$')"
trace_on
check "mount" mount_gfs2 /dev/vda $A
check "journals are looked at by items" ran gfs2_recover_func

# --- a tree, from many processes
shell "$WRITERS processes write $files files"
copy_all $A/one
wait_workers
is "$WRITERS processes write" 0 $?
sync
for i in 1 2 3; do forget; done
check "what was written is read" same_sums $A/one
check "glocks are demoted by items" ran glock_work_func

# --- removed while open
free() { df -k $A | awk 'NR == 2 { print $4 }'; }
copy_all $A/two
wait_workers
sync
before=$(free)
hold_open() { local f; while read -r f; do exec 9<"$A/two/$f"; rm "$A/two/$f"; cat <&9 >/dev/null; done; }
each hold_open
wait_workers
is "removed while open" 0 $?
sync
more() { sync; [ "$(free)" -gt "$before" ]; }
wait_for "their blocks are free again" 60 more

# --- memory pressure, by page cache and by a tmpfs
available() { awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo; }
mkdir /mnt/fill
mount -t tmpfs -o size=100% fill /mnt/fill
dd if=/dev/zero of=/mnt/fill/x bs=1M count=$(($(available) - 60)) 2>/dev/null
note "$(available) MB left"
copy_all $A/three
wait_workers
is "written with little memory left" 0 $?
forget
check "what was written so is read" same_sums $A/three
umount /mnt/fill

# --- frozen, by the administrator, and by another node, whose part demote_rq takes.
# Nobody writes meanwhile: 6.1's GFS2 lets writers go before it takes note that it is
# thawed, and withdraws if one of them is quick.
check "fsfreeze" fsfreeze --freeze $A
is "it is frozen" 1 "$(cat /sys/fs/gfs2/vda/freeze)"
forget
check "and can be read" same_sums $A/three
check "thaw" fsfreeze --unfreeze $A
copy_all $A/four
wait_workers
is "and be written again" 0 $?
check "as it was" same_sums $A/four
trace_on
demote 1:2
frozen() { grep -q 'slow_work_execute_end: .*gfs2_freeze_func' $TRACE/trace; }
wait_for "another node's wish to freeze is an item" 60 frozen
check "and it goes on" touch $A/after-freeze

# --- a crash: the disk is copied as it is, with files that are open and removed
mkdir $A/open
i=0
while [ $i -lt 20 ]; do echo $i >$A/open/$i; i=$((i + 1)); done
# shellcheck disable=SC2217 # it is to have them open
sleep 100000 0<$A/open/0 4<$A/open/1 5<$A/open/2 6<$A/open/3 7<$A/open/4 &
holder=$!
opened() { [ -e /proc/$holder/fd/7 ] && [ "$(readlink /proc/$holder/exe)" = /bin/busybox ]; }
wait_for "a process has files open" 60 opened
rm $A/open/[0-4]
each remove $A/four
wait_workers
copy_all $A/five
wait_workers
sync
copied() {
	forget
	dd if=/dev/vda of=/dev/vdb bs=1M 2>/dev/null
	sync
	forget
	cmp -s /dev/vda /dev/vdb
}
wait_for "a copy of the disk, as it is mounted" 120 copied
kill $holder
wait $holder 2>/dev/null
check "unmount" umount $A
check "unload, and load without the reserve" eval 'unload gfs2 && load gfs2 reserve=0'
shell "mount -t gfs2 /dev/vdb $B    # a copy of the other, as it was"
trace_on
dmesg -c >/dev/null
check "it is mounted" mount_gfs2 /dev/vdb $B
dmesg | grep 'fsid=vdb.*jid=' | screen
check "its journal is replayed" [ "$(messages 'Replaying journal')" -ge 1 ]
check "by an item" ran gfs2_recover_func
check "to the byte" same_sums $B/five
check "to the byte, what was written before" same_sums $B/one
check_not "what was removed has gone" [ -e $B/four/"$(head -n 1 /tmp/list.0)" ]
check_not "what was removed while open, too" [ -e $B/open/0 ]

# --- items that wait for items.  Blocks of inodes that have no name any more are freed by
# who finds no others: five deletions, which take a resource group's glock each.  Then
# another node wants these.  The deletions wait until the glocks' items have run, which
# are queued behind them: were all of one class, two of these would have both threads for
# ever.
echo 2 >$SYSCTL/max-threads
check "another module that uses the pool" load slow_work_caller
take() {
	order close
	order slow 2
	wait_for "$what: it has both threads" 60 held
}
what="items that wait"
take
deletions() { [ "$(grep -c ' delete inode ' $RUNQUEUE)" -ge "$1" ]; }
dd if=/dev/zero of=$B/fill bs=1M 2>/dev/null &
filling=$!
wait_for "$what: deletions are queued" 60 deletions 3
wait $filling
# shellcheck disable=SC2013 # words they are
for glock in $(sed -n 's,^G: .* n:3/\([0-9a-f]*\) .*,\1,p' /sys/kernel/debug/gfs2/vdb*/glocks); do
	demote 3:$((0x$glock)) vdb
done
wanted() { grep -q ' glock n:3/.* demote to ' $RUNQUEUE; }
wait_for "$what: behind glocks that are wanted" 60 wanted
order open
wait_for "$what: all inodes without a name are deleted" 60 eval '! deletions 1'
check "$what: by items" [ "$(executed delete_work_func)" -ge 3 ]
rm $B/fill
check "unmount the copy" umount $B
check "mount it again" mount_gfs2 /dev/vdb $B
check "and it is as it was" same_sums $B/five
check "unmount it" umount $B

# --- all threads are another module's.  What waits for a glock is served by the reserve.
check "unload, and load with the reserve" eval 'unload gfs2 && load gfs2'
check "mount" mount_gfs2 /dev/vda $A
# demote and read again: until the glock's item has run the reader waits
reread() { local i; for i in 1 2 3 4 5; do demote "2:$(inode $A/one/"$1")" && cat "$A/one/$1" >/dev/null || return; done; }
first=$(head -n 1 /tmp/list.1)

what="with the reserve"
take
shell "while another module's items have all threads"
trace_on
check "$what: a file is read, that another node wanted" reread "$first"
copy_all $A/six
wait_workers
is "$what: written meanwhile" 0 $?
forget
check "$what: and read" same_sums $A/six
is "$what: the threads were taken all the while" yes "$(held && echo yes)"
check "$what: it was called" grep -q slow_work_reserve_call $TRACE/trace
check "$what: unmount" umount $A
is "$what: still taken" yes "$(held && echo yes)"
order open
check "$what: unload" unload gfs2

what="without"
check "$what: another GFS2" load gfs2 reserve=0
check "$what: mount" mount_gfs2 /dev/vda $A
cat $A/one/"$first" >/dev/null
take
reread "$first" &
reader=$!
stands() { grep -qE '^ *sq .* [0-9]+s glock ' $RUNQUEUE && kill -0 $reader; }
wait_for "$what: it stands still" 60 stands

# Nothing is executed, so that all of it is there to be seen
second=$(head -n 1 /tmp/list.2)
inode "$A/one/$second" >/tmp/inode
demote 5:"$(cat /tmp/inode)"
demote 1:2
mount_gfs2 /dev/vdb $B &
mounting=$!
words() { grep -qE "^ *$1 .* $2 \[vd[ab](\.0)?\]$" $RUNQUEUE; }
wait_for "runqueue, in GFS2's words: a glock" 60 words sq 'glock n:2/[0-9a-f]+ s:SH demote to UN'
wait_for "an inode to be deleted" 60 words vsq "delete inode $(printf %x "$(cat /tmp/inode)")"
wait_for "another node's wish to freeze" 60 words vsq freeze
wait_for "a journal" 60 words vsq 'recover journal [01]'
shell "cat $RUNQUEUE"
screen <$RUNQUEUE
order open
wait $reader
is "$what: until the threads are let go" 0 $?
wait $mounting
is "$what: the mount, too" 0 $?
check "$what: what was to be deleted has a name, and stays" cmp "$A/one/$second" "/test/tree/$second"
check "$what: unmount" umount $A
check "$what: unmount the other" umount $B
# An item that freezes keeps the super block
wait_for "$what: unload" 60 unload gfs2
check "unload the other module" unload slow_work_caller
echo 4 >$SYSCTL/max-threads

# --- loaded and unloaded with work under way
for i in 1 2 3; do
	load gfs2 && mount_gfs2 /dev/vda $A && rm -rf $A/seven || break
	copy_all $A/seven
	until_true 60 [ -e $A/seven ]
	forget
	kill $workers 2>/dev/null
	wait_workers
	until_true 60 umount $A && unload gfs2 && [ "$(threads)" = 0 ] || break
	i=
done
check "three times over, with items under way" [ -z "$i" ]
is "no thread without a user" 0 "$(threads)"
check "unload slow_work" unload slow_work
plan
