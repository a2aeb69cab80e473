#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# build.sh: FS-Cache and CacheFiles on slow-work, of Debian's 6.1 or of KERNEL=6.12
#
# Takes them out of Debian's linux-source, moves them by
# scripts/coccinelle/fscache-slow-work.cocci, and builds them against the headers of
# Debian's kernel.  Prints a directory with all modules that they are used with:
#   slow_work fscache cachefiles	ours, and those that are moved
#   9p 9pnet 9pnet_virtio		Debian's, not changed
#   debian-fscache debian-cachefiles	Debian's, to compare with
# In 6.12 FS-Cache is a part of netfs, and that is the module's name.  Words after the
# script's name are given to sed -E for the semantic patch and the adapter, to break them
# on purpose.
. "$(dirname "$0")/../lib/env.sh"
. "$TOP/tests/lib/port.sh"

KERNEL=${KERNEL:-6.1}

# What is left of workqueues and timers would be built, and be wrong
OLD='work_struct|delayed_work|timer_list|[a-z_]*queue_work|schedule_work|fscache_wq|timer_[a-z_]+|[A-Z_]+_WORK'

# same_versions SYMVERS: modules that are not built here load only if they are
same_versions() {
	local theirs=$kernel/kdir/Module.symvers different
	different=$(join -j 2 <(sed -n "/fs\/$part\/$part/p" "$theirs" | sort -k 2,2) <(sort -k 2,2 "$1") |
		awk '$2 != $5 { print $1 }' | xargs)
	[ -z "$different" ] || die "other symbol versions than Debian's: $different"
}

main() {
	local f files
	case $KERNEL in
	6.1)	part=fscache files='*.[ch]' ;;
	6.12)	part=netfs files='fscache_*.c' ;;
	*)	die "no FS-Cache that is known in $KERNEL" ;;
	esac
	port_begin fscache "$KERNEL" "$@"
	cp -r "$source/fs/$part" "$source/fs/cachefiles" "$TOP/tests/fscache/Kbuild" "$work/src/"
	# shellcheck disable=SC2231 # a pattern it is
	for f in "$work/src/$part"/$files; do
		port_apply "$work/fscache-slow-work.cocci" "$f"
		port_moved "$f" "$OLD"
	done
	cp "$work"/fscache-slow-work.[ch] "$work/src/$part/"
	echo "$part-y += fscache-slow-work.o" >>"$work/src/$part/Makefile"
	port_build PART=$part
	same_versions "$dir/src/Module.symvers"
	port_collect 9p 9pnet 9pnet_virtio "$part" cachefiles
}

main "$@"; exit
