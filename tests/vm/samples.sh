# SPDX-License-Identifier: GPL-2.0-or-later
# The samples and the caller in README.md, then slow_scrub with a real filesystem,
# on a stock kernel; samples.host makes the disk and says what is on it.

load slow_work

# callers_end MODULE: it can be unloaded at any time, and leaves no thread
callers_end() {
	have_unload || return 0
	check "$1 unloads" unload "$1"
	load "$1"
	check "$1 unloads while its item is queued or executes" unload "$1"
	is "no threads are left" 0 "$(threads)"
}

# --- the caller in README.md, minimal

check "the caller in README.md loads" load hello
wait_for "it executes" 60 eval '[ "$(messages "hello: done")" = 1 ]'
callers_end hello
check "minimal loads" load slow_work_minimal
wait_for "it executes" 60 eval '[ "$(messages "slow_work_minimal: done")" = 1 ]'
callers_end slow_work_minimal

# --- filesum

FILESUM=/sys/module/slow_work_filesum/parameters/file
logged() { [ "$(messages "filesum: $1")" -ge 1 ]; }
listed() { grep -q "$1" $RUNQUEUE; }
mount -t ext4 /dev/vda /mnt
check "filesum loads" load slow_work_filesum
check "it takes a file" eval 'echo /mnt/tree/sizes/3000000 >$FILESUM'
wait_for "and logs its checksum" 60 logged "/mnt/tree/sizes/3000000: $(cat /test/expected/crc), error 0"
check "it takes a file that is not there" eval 'echo /mnt/nothing >$FILESUM'
wait_for "and logs that" 60 logged "/mnt/nothing: error -2"
wait_for "the poll logs that nothing is to go" 60 logged "0 files to go"
# An open of a fifo waits for a writer
mkfifo /tmp/fifo
check "it takes a fifo" eval 'echo /tmp/fifo >$FILESUM'
wait_for "the poll logs that as to go" 60 logged "1 files to go"
if have_debugfs; then
	wait_for "runqueue has the very slow item, which executes" 60 \
		listed '^ *[0-9].* a .* checksum /tmp/fifo, at 0$'
	wait_for "and the poll, armed" 60 listed '^dly .* poll_execute'
fi
echo hello >/tmp/fifo
wait_for "its checksum is that of what was written" 60 logged "/tmp/fifo: 363a3020, error 0"
if have_unload; then
	for n in 1 2 3; do echo /mnt/tree/sizes/3000000 >$FILESUM; done
	check "filesum unloads while its items are queued or execute" unload slow_work_filesum
	is "no threads are left" 0 "$(threads)"
fi

# --- leases: the same caller on a workqueue and on slow work

renewals() { cat /sys/module/$m/parameters/renewals; }
renewed() { [ "$(renewals)" -ge "$1" ]; }
all_listed() { [ "$(grep -c ' lease [0-7]: renew$' $RUNQUEUE)" = 8 ]; }
for m in lease_workqueue lease_slow_work; do
	load $m
	check "$m: is told to renew its 8 leases" \
		eval 'echo 1 >/sys/module/$m/parameters/renew'
	check "$m: they are when that returns" renewed 8
	wait_for "$m: they are again by themselves" 60 renewed 16
	[ $m != lease_slow_work ] || ! have_debugfs ||
		wait_for "$m: runqueue has them all" 60 all_listed
	! have_unload || check "$m: unloads" unload $m
done
if ! have_debugfs; then
	skip "slow_scrub, of which runqueue is looked at" "no debugfs"
	plan
	exit
fi

# --- slow_scrub: what it finds

SCRUB=/proc/slow_scrub
# Polled, so without a process each time
result() { local k v; while read -r k v; do [ "$k" != "$1" ] || echo "$v"; done <$SCRUB/state; }
ended() { local k v; read -r k v <$SCRUB/state; [ "$v" = done ]; }
files_or_end() { ended || [ "$(result files)" -ge "$1" ]; }
order() { echo "$1" >$SCRUB/control; }
found() { sed -n '/^files/p; /^directories/p; /^bytes/p; /^checksum/p' $SCRUB/state; }

# scrub PATH: to its end, which is not judged
scrub() { order "$1" && until_true 300 ended; }

# right NAME PATH EXPECTED: a scrub finds what user space found
right() {
	check "$1 ends" scrub "$2"
	is "$1 is right" "$(cat "/test/expected/$3")" "$(found)"
	is "$1 had no errors" 0 "$(result errors)"
}

# in_progress PATH FILES: begins a scrub that is seen to run and to have done some
in_progress() {
	order "$1" || return 1
	until_true 100 files_or_end "$2"
	[ "$(result state)" = running ]
}

# Without sysctls what a umount drops has to do
drop_caches() { ! have_sysctl || echo 3 >/proc/sys/vm/drop_caches; }
cold_disk() {
	umount /mnt || return 1
	mount -t ext4 /dev/vda /mnt
	drop_caches
}

check "slow_scrub loads" load slow_scrub
check_not "a path that is not there is refused" order /mnt/nothing
right "the tree" /mnt/tree tree
right "a deep tree" /mnt/deep deep
right "a wide tree" /mnt/wide wide
check "unmount right after a scrub" cold_disk
check "a scrub of what is partly broken ends" scrub /mnt/bad
is "what is readable is found" "$(cat /test/expected/bad)" "$(found)"
is "what is not is counted" 2 "$(result errors)"

mount -t tmpfs other /mnt/tree/other
echo x >/mnt/tree/other/file
mount -o bind /test/lib.sh /mnt/tree/plain/0/0/0
check "a tree with mounts in it ends" scrub /mnt/tree
expected() { sed -n "s/^$1 *//p" /test/expected/tree; }
is "files of other mounts are left out" $(($(expected files) - 1)) "$(result files)"
is "so are their directories" $(($(expected directories) - 1)) "$(result directories)"
is "that is no error" 0 "$(result errors)"
umount /mnt/tree/other
umount /mnt/tree/plain/0/0/0

# --- bounds

check "a scrub of 20,000 files begins" order /mnt/many
check_not "a second one is refused meanwhile" order /mnt/tree
most=0
while ! ended; do
	cat $RUNQUEUE >/tmp/seen
	n=$(grep -c ' read ' /tmp/seen)
	[ "$n" -le $most ] || most=$n
	cat /tmp/seen >>/tmp/all
	usleep 100000
done
note "most files in runqueue: $most, took $(result ms) ms"
is "20,000 files are right" "$(cat /test/expected/many)" "$(found)"
# Twice the limit, since lines are gathered one by one, while items come and go
check "never more files in the queue than allowed" [ $most -le $((2 * 256)) ]
check "and not much less" [ $most -ge 200 ]
check "files are described" grep -q ' sq .* read [0-9a-z]*/[0-9]*$' /tmp/all
check "directories are described" grep -q ' list .*/' /tmp/all

if ! have_unload; then
	skip "other parameters, removal at any moment" "no unloading"
	plan
	exit
fi

# reload PARAMETER...: slow_work
reload() { unload slow_work; load slow_work "$@"; }
unload slow_scrub
reload max_threads=2
load slow_scrub max_files=1
right "the tree, one file at a time on 2 threads" /mnt/tree tree
unload slow_scrub
load slow_scrub max_files=3
right "the wide tree, 3 files at a time on 2 threads" /mnt/wide wide
unload slow_scrub
check_not "no files at a time is refused" load slow_scrub max_files=0
reload max_threads=8

# --- stopping

load slow_scrub
stopped=0
for n in 1 500 50; do
	in_progress /mnt/many $n && order stop || { until_true 100 ended; continue; }
	umount /mnt && mount -t ext4 /dev/vda /mnt ||
		not_ok "unmount right after a stop at $n files"
	[ "$(result state)" != stopped ] || stopped=$((stopped + 1))
	drop_caches
done
note "stopped while running: $stopped of 3"
check "a scrub in progress can be stopped" [ $stopped -gt 0 ]
is "nothing is queued after a stop" 2 "$(wc -l <$RUNQUEUE)"
check "a stop without a scrub is no error" order stop
right "after a stop all is found" /mnt/tree tree

# --- what vanishes

# Another caller takes all threads but one, and that one once some files are read: it
# comes behind at most 8 that are queued, of 905.  Where all are read before, again.
hold() { echo "$*" >$CALLER/control; }
waiting() { grep -c ' read [0-9a-z]*/[0-9]*$' $RUNQUEUE; }
unload slow_scrub
load slow_scrub max_files=8
load slow_work_caller
mkdir /mnt/v
cp -r /mnt/many/flat /mnt/v/
# step NUMBER COMMAND...: how far it came
step() { reached=$1; shift; "$@"; }
take_all() {
	n=0
	hold close
	hold slow 7
	until_true 60 state_is executing 7 && step 1 in_progress /mnt/v 1 && step 2 hold slow 1 &&
		until_true 60 state_is executing 8 && step 3 waiting >/tmp/waiting && read -r n </tmp/waiting
}
for try in $(seq 10); do
	! step 0 take_all || break
	hold open
	until_true 300 ended
	until_true 60 state_is executing 0
done
note "at the try number $try"
check "all threads but one are taken" [ $reached -ge 1 ]
check "a scrub is in progress on that" [ $reached -ge 2 ]
check "that one is taken" [ $reached -ge 3 ]
check "files wait" [ "$n" -gt 0 ]
rm -r /mnt/v
hold open
wait_for "a scrub of what vanishes ends" 300 ended
note "of a tree that was removed: $(result files) files, $(result errors) errors"
check "what vanishes is counted" [ "$(result errors)" -ge "$n" ]
unload slow_work_caller
check "unmount after that" cold_disk
unload slow_scrub

# --- removal at any moment

was_running=0
for n in 1 500 50; do
	load slow_scrub
	in_progress /mnt/many $n && was_running=$((was_running + 1))
	unload slow_scrub || not_ok "removal at $n files"
	cold_disk || not_ok "unmount right after removal at $n files"
done
note "removed while running: $was_running of 3"
check "the module can be removed during a scrub" [ $was_running -gt 0 ]
is "no threads are left at the end" 0 "$(threads)"
umount /mnt
check "slow_work unloads" unload slow_work
plan
