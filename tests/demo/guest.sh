# SPDX-License-Identifier: GPL-2.0-or-later
# The guest's part of the demo (tests/demo.sh).  What is to be seen goes to the
# third serial line as it happens; the results, for the comparison, to the second.

SCRUB=/proc/slow_scrub

stty -F /dev/ttyS2 raw -echo 115200
exec 3>/dev/ttyS2
screen() { sed 's/^/  /' >&3; }
shell() { echo "\$ $*" | screen; }
result() { local k v; while read -r k v; do [ "$k" != "$1" ] || echo "$v"; done <$SCRUB/state; }
ended() { local k v; read -r k v <$SCRUB/state; [ "$v" != running ]; }
far_enough() { [ "$(result files)" -ge 500 ] || ended; }

# Of each kind of line the first three, cut to a screen's width
gist() {
	awk '	function rest() { if (n > 3) print "        ... and " n - 3 " more"; n = 0 }
		{ kind = $1 ~ /^[0-9]/ ? "thread" : $1 }
		kind != last { rest(); last = kind }
		++n <= 3 { print substr($0, 1, 77) }
		END { rest() }'
}

progress() {
	local next=500
	printf '  files read:' >&3
	until ended; do
		while [ "$(result files)" -ge $next ]; do
			printf ' %s' $next >&3
			next=$((next + 500))
		done
		usleep 100000
	done
	echo " $(result files)" >&3
}

# scrub THREADS: with nothing in the caches
scrub() {
	mount -t ext4 -o ro /dev/vda /mnt
	echo 3 >/proc/sys/vm/drop_caches
	shell "echo /mnt >/proc/slow_scrub/control"
	echo /mnt >$SCRUB/control
	until_true 100 far_enough
	cat $RUNQUEUE >/tmp/runqueue
	ps -o pid,nice,stat,comm | grep kslowd >/tmp/ps
	shell "cat /sys/kernel/debug/slow_work/runqueue"
	gist </tmp/runqueue | screen
	shell "ps -o pid,nice,stat,comm | grep kslowd"
	awk '{ printf "%5s %3s %-3s %s%s", $1, $2, $3, $4, NR % 3 ? "   " : "\n" }
		END { if (NR % 3) print "" }' /tmp/ps | screen
	progress
	check "unmount right after the scrub" umount /mnt
	is "the scrub ended" done "$(result state)"
	is "all could be read" 0 "$(result errors)"
	note "scrub $1 $(result files) $(result bytes) $(result checksum) $(result ms)"
	shell "cat /proc/slow_scrub/state"
	sed 's/  */ /' $SCRUB/state | tr '\n' ',' |
		sed 's/,$/\n/; s/,/, /g' | screen
	echo >&3
}

shell "insmod slow_work.ko max_threads=2; insmod slow_scrub.ko; insmod lease_slow_work.ko"
load slow_work max_threads=2
load slow_scrub
load lease_slow_work
scrub 2

shell "echo 16 >/proc/sys/kernel/slow-work/max-threads"
echo 16 >$SYSCTL/max-threads
scrub 16

before=$(threads)
echo 3 >$SYSCTL/max-threads
wait_for "surplus threads leave" 60 eval '[ "$(threads)" -le 3 ]'
shell "echo 3 >/proc/sys/kernel/slow-work/max-threads"
echo "kslowd threads: $before before, $(threads) after" | screen
check "unload slow_scrub" unload slow_scrub
check "unload lease_slow_work" unload lease_slow_work
is "no thread without a user" 0 "$(threads)"
check "unload slow_work" unload slow_work
plan
