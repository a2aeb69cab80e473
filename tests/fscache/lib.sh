# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the scripts that use FS-Cache in a guest (busybox ash): a tree that the
# host has is mounted by 9p over virtio, and cached by CacheFiles on /dev/vda.
#
# /test/expected is md5sum's of that tree, computed on the host.

STATS=/proc/fs/fscache/stats
READERS=8
TREE=/mnt/tree
CACHE=/mnt/cache
TRACING=/sys/kernel/tracing
mount -t tracefs trace $TRACING
echo 16384 >$TRACING/buffer_size_kb

# count LINE FIELD: a number of FS-Cache's own statistics
count() { sed -n "s/^$1 *:.* $2=\([0-9]*\).*/\1/p" $STATS; }
objects() { awk 'NR > 2 { n += $4 } END { print n + 0 }' /proc/fs/fscache/caches; }

# watch_cache, files_from_cache: how many files CacheFiles had data of, meanwhile
PREP_READ=$TRACING/events/cachefiles/cachefiles_prep_read/enable
watch_cache() { echo >$TRACING/trace; echo 1 >$PREP_READ; }
files_from_cache() {
	echo 0 >$PREP_READ
	sed -n 's/.*: cachefiles_prep_read: .* READ .* ni=\([0-9a-f]*\) .*/\1/p' $TRACING/trace | sort -u | wc -l
}

# From 6.12 on FS-Cache is a part of netfs, which 9pnet needs, too
NETFS=
[ -e /modules/fscache.ko ] || NETFS=netfs

# load_all [PREFIX]: ours, or with debian- those that Debian builds
load_all() {
	if [ $NETFS ]; then
		load "$1netfs" && load 9pnet && load 9pnet_virtio
	else
		load "$1fscache"
	fi && load "$1cachefiles" && load 9p
}
unload_all() {
	unload 9p && unload cachefiles && if [ $NETFS ]; then
		unload 9pnet_virtio && unload 9pnet && unload netfs
	else
		unload fscache
	fi
}

# A new cache, with nothing in it.  Other file descriptors than 9 are the shell's.
new_cache() { mkdir -p $CACHE; mount -t ext4 "${1:-/dev/vda}" $CACHE && rm -rf $CACHE/cache $CACHE/graveyard; }
free_device() { (exec 9<>/dev/cachefiles); }
bind_cache() {
	until_true 60 free_device && exec 9<>/dev/cachefiles || return
	echo "dir $CACHE" >&9 && echo "tag demo" >&9 && echo bind >&9
}
# Returns when all objects are withdrawn
withdraw_cache() { exec 9>&-; }

# The host's side is read-only.  This is not, so that there is writeback: 6.12 leaves to it
# what is to be copied to the cache.
mount_tree() {
	mkdir -p $TREE
	mount -t 9p -o trans=virtio,version=9p2000.L,msize=131072,cache=fscache,cachetag=demo \
		tree $TREE
}

# What is being copied to the cache when 9p is unmounted puts a file that 9p has freed by
# then.  That is so with Debian's modules, too.
no_requests() { grep -q ' rr=0 sr=0' $STATS; }
unmount_tree() { until_true 60 no_requests && umount $TREE; }

# Nothing in memory, so that all is asked for again
forget() { echo 3 >/proc/sys/vm/drop_caches; }

# Each reader has each eighth file
deal() {
	sed 's/^[^ ]*  //' /test/expected |
		awk -v n=$READERS '{ print >"/tmp/list." NR % n }'
}
start_readers() {
	local i=0
	rm -f /tmp/sums.*
	readers=
	while [ $i -lt $READERS ]; do
		(cd $TREE && exec xargs md5sum <"/tmp/list.$i" >"/tmp/sums.$i" 2>&1 9>&-) &
		readers="$readers $!"
		i=$((i + 1))
	done
}
reading() { kill -0 $readers 2>/dev/null; }
wait_readers() { wait $readers; }
stop_readers() { kill $readers; killall md5sum; wait_readers; } 2>/dev/null
same_sums() { cat /tmp/sums.* | sort -k 2 >/tmp/sums; cmp /tmp/sums /test/expected; }
