# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the scripts that use GFS2 in a guest (busybox ash).  /test/tree is a tree of
# the host's, /test/expected is md5sum's of it; /dev/vda has an empty GFS2.

WRITERS=8
A=/mnt/a
B=/mnt/b
TRACE=/sys/kernel/tracing

mkdir -p $A $B

# "relatime" would write when it is read
mount_gfs2() { mount -t gfs2 -o noatime "$1" "$2"; }
forget() { echo 3 >/proc/sys/vm/drop_caches; }

# Each writer has each eighth file
deal() {
	sed 's/^[^ ]*  //' /test/expected |
		awk -v n=$WRITERS '{ print >"/tmp/list." NR % n }'
}

# each COMMAND...: one of these for each list, side by side; the list is its input
each() {
	local i=0
	workers=
	while [ $i -lt $WRITERS ]; do
		"$@" <"/tmp/list.$i" >"/tmp/said.$i" 2>&1 &
		workers="$workers $!"
		i=$((i + 1))
	done
}
working() { kill -0 $workers 2>/dev/null; }
# Not within check, which is another shell's
wait_workers() { local p s=0; for p in $workers; do wait "$p" || s=1; done; [ $s = 0 ] || cat /tmp/said.* | sed 's/^/# /'; return $s; }

# All directories first, so that writers make files alone
make_dirs() { sed 's/^[^ ]*  //; s,/[^/]*$,,' /test/expected | sort -u | (mkdir -p "$1" && cd "$1" && xargs mkdir -p); }

# copy DIR: the files of the input's list
copy() {
	local f
	while read -r f; do cp "/test/tree/$f" "$1/$f" || return; done
}
# copy_all DIR: by all side by side, which wait_workers waits for
copy_all() { make_dirs "$1" && each copy "$1"; }
remove() {
	local f
	while read -r f; do rm "$1/$f" || return; done
}
same_sums() { (cd "$1" && md5sum -s -c /test/expected 2>&1 | head -n 5; md5sum -s -c /test/expected 2>/dev/null); }

trace_on() {
	echo 0 >$TRACE/tracing_on
	echo >$TRACE/trace
	echo 1 >$TRACE/tracing_on
}
# executed FUNCTION: how many runs there were since trace_on
executed() { grep -c "slow_work_execute_start: .*$1" $TRACE/trace; }
ran() { [ "$(executed "$1")" -gt 0 ]; }
