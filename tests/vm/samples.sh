# SPDX-License-Identifier: GPL-2.0-or-later
# The samples on a stock kernel; samples.host makes the disks and says what is
# on them.

SCRUB=/sys/kernel/debug/slow_scrub

# Polled, so without a process each time
result() { local k v; while read -r k v; do [ "$k" != "$1" ] || echo "$v"; done <$SCRUB/result; }
ended() { local k v; read -r k v <$SCRUB/result; [ "$v" = done ]; }
files_are() { [ "$(result files)" = "$1" ]; }
files_or_end() { ended || [ "$(result files)" -ge "$1" ]; }
# orders FILE: writes it to control, all at once
orders() { dd "if=$1" of=$SCRUB/control bs=64k conv=notrunc 2>&1; }
# order TEXT: says something only if it is refused
order() {
	local out
	printf %s "$1" >/tmp/order
	out=$(orders /tmp/order) || { echo "$out"; return 1; }
}
found() { sed -n '/^files/p; /^directories/p; /^bytes/p; /^checksum/p' $SCRUB/result; }

# scrub PATH: to its end, which is not judged
scrub() { order "$1" && until_true 300 ended; }

# right NAME PATH EXPECTED: a scrub finds what user space found
right() {
	check "$1 ends" scrub "$2"
	is "$1 is right" "$(cat "/test/expected/$3")" "$(found)"
	is "$1 had no errors" 0 "$(result errors)"
}

# refused TEXT COMMAND: as printf has it; fails for that reason, changes nothing
seen() { cat $SCRUB/result $RUNQUEUE; }
refused() {
	local out
	printf "$2" >/tmp/in
	out=$(orders /tmp/in)
	case $out in
	*"$1"*)	is "refused: $2" "$before" "$(seen)" ;;
	*)	not_ok "refused: $2" "wanted: $1" "got: $out" ;;
	esac
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

# The same caller on a workqueue and on slow work: the last, as they never rest
renewals() { cat /sys/module/$m/parameters/renewals; }
renewed() { [ "$(renewals)" -ge "$1" ]; }
all_listed() { [ "$(grep -c ' lease [0-7]: renew$' $RUNQUEUE)" = 8 ]; }
leases() {
	for m in lease_workqueue lease_slow_work; do
		load $m
		check "$m: is told to renew its 8 leases" \
			eval 'echo 1 >/sys/module/$m/parameters/renew'
		check "$m: they are when that returns" renewed 8
		wait_for "$m: they are again by themselves" 60 renewed 16
		[ $m != lease_slow_work ] ||
			wait_for "$m: runqueue has them all" 60 all_listed
		! have_unload || check "$m: unloads" unload $m
	done
}

load slow_work

# --- minimal

check "minimal loads" load slow_work_minimal
wait_for "minimal runs" 60 eval '[ "$(messages "slow_work_minimal: done")" = 1 ]'
if have_unload; then
	check "minimal unloads" unload slow_work_minimal
	load slow_work_minimal
	check "minimal unloads while its item is queued or runs" unload slow_work_minimal
	is "no threads are left" 0 "$(threads)"
fi
if ! have_debugfs; then
	skip "slow_scrub, which is steered there" "no debugfs"
	plan
	exit
fi

# --- orders that are refused

mount -t ext4 /dev/vda /mnt
check "slow_scrub loads" load slow_scrub
is "modes" "200 400" "$(stat -c %a $SCRUB/control $SCRUB/result | tr '\n' ' ' | sed 's/ $//')"
is "idle" idle "$(result state)"
few_refused() {
	local before
	before=$(seen)
	refused "Invalid argument" '\n'
	refused "Invalid argument" 'mnt'
	refused "No such file or directory" '/mnt/nothing\n'
	refused "Not a directory" '/mnt/tree/sizes/1\n'
}
many_refused() {
	local before
	before=$(seen)
	refused "Invalid argument" '\n'
	refused "Invalid argument" '\n\n'
	refused "Invalid argument" 'mnt'
	refused "Invalid argument" './mnt\n'
	refused "Invalid argument" ' /mnt\n'
	refused "Invalid argument" '/mnt\n/mnt\n'
	refused "Invalid argument" '/mnt\0/tree\n'
	refused "Invalid argument" '\0'
	refused "Invalid argument" '\377\376\001\002'
	refused "Invalid argument" 'stop now\n'
	refused "Invalid argument" 'stopp'
	refused "Invalid argument" 'STOP'
	refused "Invalid argument" 'rescan\n'
	refused "Invalid argument" 'rescan \n'
	refused "Invalid argument" 'rescan -1\n'
	refused "Invalid argument" 'rescan 5 s\n'
	# of what?
	refused "Invalid argument" 'rescan 5\n'
	refused "Numerical result out of range" 'rescan 604801'
	refused "Numerical result out of range" 'rescan 99999999999999999999'
	refused "No such file or directory" '/mnt/nothing\n'
	refused "Not a directory" '/mnt/tree/sizes/1\n'
	refused "Not a directory" '/mnt/tree/sizes/1/x\n'
	refused "Not a directory" '/mnt/tree/links/file'
	refused "Too many" '/mnt/tree/links/self'
	refused "File name too long" '/%0300d'
	refused "File name too long" '/%05000d'
	refused "File name too long" '/mnt%070000d'
}
many_refused

# --- what is found

right "the tree" /mnt/tree tree
few_refused
right "the tree, by way of a link" /mnt/tree/links/up tree
is "the path is shown" /mnt/tree/links/up "$(result path)"
order "/mnt/tree/names/d-new
line"
is "a path with a line's end is refused" /mnt/tree/links/up "$(result path)"
right "a deep tree" /mnt/deep deep
right "a wide tree" /mnt/wide wide
check "unmount right after a scrub" cold_disk
check "a scrub of what is partly broken ends" scrub /mnt/bad
is "what is readable is found" "$(cat /test/expected/bad)" "$(found)"
is "what is not is counted" 2 "$(result errors)"

mkdir /tmp/b
mount -t ext4 -o ro /dev/vdb /tmp/b
check "a filesystem that does not tell types ends" scrub /tmp/b
is "its files are found" "$(grep -v dir /test/expected/tree)" "$(found | grep -v dir)"
check "unmount of that" umount /tmp/b

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

for n in 1 2 3 4; do
	scrub /mnt/tree/plain && cold_disk || not_ok "unmount right after scrub $n"
done

# --- bounds

check "a scrub of 20,000 files begins" order /mnt/many
refused_busy() { ! order /mnt/tree >/tmp/out && grep -q busy /tmp/out; }
check "a second one is refused meanwhile" refused_busy
most=0
while ! ended; do
	cat $RUNQUEUE >/tmp/seen
	n=$(wc -l </tmp/seen)
	[ "$n" -le $most ] || most=$n
	cat /tmp/seen >>/tmp/all
	usleep 100000
done
note "most lines in runqueue: $most, took $(result ms) ms"
is "20,000 files are right" "$(cat /test/expected/many)" "$(found)"
# 256 files and 32 directories; twice that, since lines are gathered one after the
# other, while items come and go
check "never more in the queue than allowed" [ $most -le $((2 * (256 + 32))) ]
check "and not much less" [ $most -ge 200 ]
check "files are described" grep -q ' sq .* read [0-9a-z]*/[0-9]*$' /tmp/all
check "directories are described" grep -q ' list .*/' /tmp/all

if ! have_unload; then
	leases
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

# Another caller takes all threads but one, and that one once some files are read:
# it comes behind at most 8 that are queued, of 905
hold() { echo "$*" >$CALLER/control; }
waiting() { grep -c ' read [0-9a-z]*/[0-9]*$' $RUNQUEUE; }
unload slow_scrub
load slow_scrub max_files=8
load slow_work_caller
mkdir /mnt/v
cp -r /mnt/many/flat /mnt/v/
hold close
hold slow 7
wait_for "all threads but one are taken" 60 state_is executing 7
check "a scrub is in progress on that" in_progress /mnt/v 1
hold slow 1
wait_for "that one is taken" 60 state_is executing 8
n=$(waiting)
check "files wait" [ "$n" -gt 0 ]
rm -r /mnt/v
hold open
wait_for "a scrub of what vanishes ends" 300 ended
note "of a tree that was removed: $(result files) files, $(result errors) errors"
check "what vanishes is counted" [ "$(result errors)" -ge "$n" ]
unload slow_work_caller
check "unmount after that" cold_disk

# --- rescans

mkdir /tmp/r
mount -t tmpfs r /tmp/r
echo 1 >/tmp/r/1
scrub /tmp/r
check "a rescan" order "rescan 1
"
wait_for "a rescan is described" 60 grep -q 'dly .* rescan /tmp/r every 1 s' $RUNQUEUE
echo 2 >/tmp/r/2
wait_for "it finds what is new" 60 files_are 2
wait_for "the filesystem can be unmounted between two" 60 umount /tmp/r
wait_for "what was under it is found then" 60 files_are 0
rmdir /tmp/r
wait_for "what is gone is reported" 60 eval '[ "$(messages "rescan of /tmp/r: error -2")" -ge 1 ]'
mkdir /tmp/r
echo 3 >/tmp/r/3
wait_for "it goes on" 60 files_are 1
order "rescan 0"
check_not "rescan 0 ends it" grep -q dly $RUNQUEUE
order "rescan 1000"
order stop
check_not "so does stop" grep -q dly $RUNQUEUE
unload slow_scrub

# --- removal at any moment

was_running=0
for n in 1 500 50; do
	load slow_scrub
	in_progress /mnt/many $n && was_running=$((was_running + 1))
	[ $n -lt 500 ] || order "rescan 1"
	unload slow_scrub || not_ok "removal at $n files"
	cold_disk || not_ok "unmount right after removal at $n files"
done
note "removed while running: $was_running of 3"
check "the module can be removed during a scrub" [ $was_running -gt 0 ]
leases
is "no threads are left at the end" 0 "$(threads)"
umount /mnt
check "slow_work unloads" unload slow_work
plan
