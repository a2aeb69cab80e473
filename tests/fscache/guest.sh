# SPDX-License-Identifier: GPL-2.0-or-later
# The guest's part of tests/fscache.sh: FS-Cache and CacheFiles on slow-work, used
# by 9p.  What is to be seen goes to the third serial line as it happens.
. /test/fscache.sh

stty -F /dev/ttyS2 raw -echo 115200
exec 3>/dev/ttyS2
screen() { sed 's/^/  /' >&3; }
shell() { echo "\$ $*" | screen; }

cookie_seen() { grep -E "^ *($1) .* [a-z, ]+ c=[0-9a-f]+ V=[0-9a-f]+ \[9p,tree,.*\] key=[0-9a-f]+" $RUNQUEUE >/tmp/seen; }
# Whoever reads tells of what he sees; that he sees it is checked beside
look() {
	if [ ! -s "/tmp/$1" ] && cookie_seen "$2"; then
		cp /tmp/seen "/tmp/$1"
		cat $RUNQUEUE >"/tmp/$1.all"
	fi
}

# In the order in which it is to be read, cut to a screen's width
show() {
	shell "cat $RUNQUEUE"
	awk '	function rest() { if (n > 3) print "        ... and " n - 3 " more"; n = 0 }
		{ kind = $1 ~ /^[0-9]/ ? "thread" : $1 }
		kind != last { rest(); last = kind }
		++n <= 3 { print substr($0, 1, 118) }
		END { rest() }' "$1" | screen
}

# read_all NAME: all of the tree by all readers, while COMMANDs disturb
read_all() {
	local name="$1" began; shift
	began=$(cut -d' ' -f1 /proc/uptime)
	start_readers
	while reading; do
		"$@"
		look executing '[0-9]+'
		look queued vsq
	done
	wait_readers
	seconds=$(awk -v a="$began" '{ print $1 - a }' /proc/uptime)
	check "$name: what user space computed" same_sums
}
quietly() { usleep 100000; }

# Another size each time
resize() {
	case $sizes in
	16) sizes=2 ;;
	2) sizes=7 ;;
	*) sizes=16 ;;
	esac
	echo $sizes >$SYSCTL/max-threads && resized=$((resized + 1))
	usleep 50000
}

# Bound and withdrawn in turn
rebind() {
	if [ $bound = yes ]; then
		withdraw_cache && withdrawn=$((withdrawn + 1)) bound=no
	else
		bind_cache && bound=yes
	fi
	usleep 200000
}

deal
files=$(wc -l </test/expected)
note "$files files"

# --- how many files the kernel's own modules keep.  6.12 does not copy a page to the cache
# in which the file ends, so it keeps none of the files that are smaller than a page.
check "Debian's own FS-Cache and CacheFiles" load_all debian-
check "an empty cache" new_cache
bind_cache
check "mount" mount_tree
start_readers
wait_readers
check "cold, Debian's: what user space computed" same_sums
sync
check "mount again, with nothing in memory" eval 'unmount_tree && forget && mount_tree'
watch_cache
start_readers
wait_readers
kept=$(files_from_cache)
check "warm, Debian's: what user space computed" same_sums
note "$kept of them come out of the cache with Debian's modules"
check "which are enough to judge by" [ "$kept" -ge $((files / 4)) ]
check "unmount the tree" unmount_tree
withdraw_cache
wait_for "unmount the cache" 60 umount $CACHE
check "and unload all of it" unload_all

# --- ours
shell "insmod slow_work.ko; insmod ${NETFS:-fscache}.ko; insmod cachefiles.ko; insmod 9p.ko"
check "load slow_work" load slow_work
check "FS-Cache and CacheFiles on it, and Debian's 9p on these" load_all
check "it is a user of the pool" eval '[ "$(threads)" -ge 2 ]'
check "an empty cache" new_cache

# --- cold.  The cache comes to readers that are at work, while another module has both
# threads.  When that lets go there are cookies to be looked up, and each of them waits
# for the volume, which the first of them enqueues: behind all others, were it of their
# class, and two of those would have both threads for ever.
echo 2 >$SYSCTL/max-threads
check "another module that uses the pool" load slow_work_caller
order close
order slow 2
wait_for "it has both threads" 60 state_is executing 2
check "mount, without a cache" mount_tree
shell "echo bind >/dev/cachefiles    # while $READERS processes read $files files"
looked_up() { [ "$(grep -c ' looking up c=' $RUNQUEUE)" -ge 4 ]; }
bound=no
bind_once() {
	if [ $bound = no ]; then
		# What is read meanwhile is not cached
		killall -STOP md5sum
		bind_cache && bound=yes
		killall -CONT md5sum
		wait_for "cookies queue" 60 looked_up
		order open
	fi
	quietly
}
read_all "cold, 2 threads" bind_once
is "bound meanwhile" yes $bound
cold=$seconds
sync
check "most of it was written to the cache" [ "$(count IO wr)" -ge $((kept * 9 / 10)) ]
check "cookies that execute are in runqueue, in FS-Cache's words" [ -s /tmp/executing ]
check "cookies that are queued, too" [ -s /tmp/queued ]
show /tmp/queued.all

# --- warm
check "unmount" unmount_tree
forget
wrote=$(count IO wr)
check "mount again" mount_tree
echo 4 >$SYSCTL/max-threads
watch_cache
read_all "warm, 4 threads" quietly
warm=$seconds
from_cache=$(files_from_cache)
note "$from_cache of them come out of the cache"
check "as many as with Debian's modules, but for a tenth" [ "$from_cache" -ge $((kept * 9 / 10)) ]
check "and little was written to it" [ $(($(count IO wr) - wrote)) -le $((kept / 10)) ]
echo "cold $cold s with 2 threads, warm $warm s with 4; $(objects) objects in use" | screen
shell "cat $STATS"
screen <$STATS

# --- withdrawn under load
withdrawn=0
unmount_tree
forget
mount_tree
read_all "the cache is withdrawn and bound meanwhile" rebind
check "several times" [ $withdrawn -ge 2 ]
echo "withdrawn and bound $withdrawn times under load" | screen
[ $bound = yes ] || bind_cache

# --- resized
sizes=4 resized=0
unmount_tree
forget
before=$(count IO rd)
mount_tree
read_all "the pool is resized meanwhile" resize
check "several times" [ $resized -ge 3 ]
check "by way of the cache" [ "$(count IO rd)" -gt "$before" ]
echo 4 >$SYSCTL/max-threads

# --- unused cookies are discarded by the delayed item, 10 s after the last use
shell "grep dly $RUNQUEUE"
grep dly $RUNQUEUE | screen
armed() { grep -q '^ *dly .* discard unused cookies' $RUNQUEUE; }
wait_for "the delayed item is armed while there are unused cookies" 60 armed
discarded() { [ "$(count LRU exp)" -gt 0 ] && [ "$(count LRU n)" = 0 ]; }
wait_for "they are discarded" 120 discarded
check "and it is armed no more" eval '! armed'

# --- unloaded, and loaded again
withdraw_cache
check "unmount the tree" unmount_tree
check "unload all of it" unload_all
check "and the other module" unload slow_work_caller
is "no thread without a user" 0 "$(threads)"
for i in 1 2 3; do
	load_all && bind_cache && mount_tree && start_readers || break
	until_true 60 cookie_seen '[0-9]+|vsq'	# whatever is under way
	stop_readers
	until_true 60 unmount_tree && withdraw_cache && unload_all && [ "$(threads)" = 0 ] || break
	i=
done
check "three times over, with items under way" [ -z "$i" ]
# Kernel threads close files a little later
wait_for "unmount the cache" 60 umount $CACHE
check "unload slow_work" unload slow_work
plan
