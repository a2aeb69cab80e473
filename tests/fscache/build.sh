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
# In 6.12 FS-Cache is a part of netfs, and that is the module's name.  Nothing of the
# kernel's sources is kept but in the cache.  Words after the script's name are given
# to sed -E for the semantic patch and the adapter, to break them on purpose.
. "$(dirname "$0")/../lib/env.sh"

COCCI=$TOP/scripts/coccinelle
KERNEL=${KERNEL:-6.1}

# What is left of workqueues and timers would be built, and be wrong
OLD='work_struct|delayed_work|timer_list|[a-z_]*queue_work|schedule_work|fscache_wq|timer_[a-z_]+|[A-Z_]+_WORK'

# move_file FILE: one of FS-Cache's
move_file() {
	spatch --sp-file "$work/fscache-slow-work.cocci" --in-place --very-quiet --no-includes \
		"$1" >"$work/log" 2>&1 || { cat "$work/log" >&2; die "the semantic patch fails on ${1##*/}"; }
	# Comments may speak of them
	! gcc -fpreprocessed -dD -E -P -x c "$1" 2>/dev/null | grep -nwE "$OLD" >&2 ||
		die "not moved, in ${1##*/}"
}

# same_versions SYMVERS: modules that are not built here load only if they are
same_versions() {
	local theirs=$kernel/kdir/Module.symvers different
	different=$(join -j 2 <(sed -n "/fs\/$part\/$part/p" "$theirs" | sort -k 2,2) <(sort -k 2,2 "$1") |
		awk '$2 != $5 { print $1 }' | xargs)
	[ -z "$different" ] || die "other symbol versions than Debian's: $different"
}

main() {
	local f theirs files
	need_packages coccinelle make rsync kmod xz-utils
	case $KERNEL in
	6.1)	part=fscache files='*.[ch]' ;;
	6.12)	part=netfs files='fscache_*.c' ;;
	*)	die "no FS-Cache that is known in $KERNEL" ;;
	esac
	kernel=$("$TOP/tests/kernel.sh" "$KERNEL")
	source=$("$TOP/tests/kernel.sh" --source "$KERNEL")
	ours=$("$TOP/tests/build.sh" "$KERNEL" CONFIG_SLOW_WORK_SAMPLES=m CONFIG_SLOW_WORK_VM_TEST=m)
	dir=$CACHE/build/fscache-$(echo "$TOP $KERNEL $*" | sha256sum | cut -c1-8)
	mkdir -p "$dir"/{src,ko} "$CACHE/locks"
	exec 9>"$CACHE/locks/${dir##*/}"
	flock 9
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT

	cp "$COCCI"/fscache-slow-work.* "$work/"
	[ $# = 0 ] || sed -i -E "$*" "$work"/fscache-slow-work.*
	mkdir "$work/src"
	cp -r "$source/fs/$part" "$source/fs/cachefiles" "$TOP/tests/fscache/Kbuild" "$work/src/"
	# shellcheck disable=SC2231 # a pattern it is
	for f in "$work/src/$part"/$files; do
		move_file "$f"
	done
	cp "$work"/fscache-slow-work.[ch] "$work/src/$part/"
	echo "$part-y += fscache-slow-work.o" >>"$work/src/$part/Makefile"
	# By content, so that make does again what differs, and no more
	rsync -rlpc "$work/src/" "$dir/src/"

	make -C "$kernel/kdir" M="$dir/src" ARCH="$(cat "$kernel/arch")" -j"$JOBS" \
		SLOW_WORK="${ours%/ko}/src" PART=$part modules >"$dir/log" 2>&1 ||
		{ tail -n 40 "$dir/log" >&2; die "does not build"; }
	! grep -E 'warning:|WARNING' "$dir/log" >&2 || die "warnings"
	same_versions "$dir/src/Module.symvers"

	rm -f "$dir"/ko/*
	cp "$ours/slow_work.ko" "$ours/slow_work_caller.ko" "$dir"/src/*/*.ko "$dir/ko/"
	for f in 9p 9pnet 9pnet_virtio "$part" cachefiles; do
		theirs=$(modinfo -b "$kernel/modules" -k "$(cat "$kernel/release")" -F filename $f)
		[ -e "$dir/ko/$f.ko" ] && f=debian-$f
		case $theirs in
		*.xz)	xz -dc "$theirs" >"$dir/ko/$f.ko" ;;
		*)	cp "$theirs" "$dir/ko/$f.ko" ;;
		esac
	done
	echo "$dir/ko"
}

main "$@"; exit
