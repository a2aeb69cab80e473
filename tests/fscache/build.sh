#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# build.sh: FS-Cache and CacheFiles of Debian's 6.1 on slow-work
#
# Takes them out of Debian's linux-source-6.1, moves them by
# scripts/coccinelle/fscache-slow-work.cocci, and builds them against the headers of
# Debian's kernel.  Prints a directory with all modules that they are used with:
#   slow_work fscache cachefiles	ours, and those that are moved
#   9p					Debian's, not changed
#   debian-fscache debian-cachefiles	Debian's, to compare with
# Nothing of the kernel's sources is kept but in the cache.  Words after the script's
# name are given to sed -E for the semantic patch and the adapter, to break them on
# purpose.
. "$(dirname "$0")/../lib/env.sh"

COCCI=$TOP/scripts/coccinelle

# What is left of workqueues and timers would be built, and be wrong
OLD='work_struct|delayed_work|timer_list|[a-z_]*queue_work|schedule_work|fscache_wq|timer_[a-z_]+|[A-Z_]+_WORK'

# move_file FILE: one of fs/fscache
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
	different=$(join -j 2 <(sed -n '/fs\/fscache\/fscache/p' "$theirs" | sort -k 2,2) <(sort -k 2,2 "$1") |
		awk '$2 != $5 { print $1 }' | xargs)
	[ -z "$different" ] || die "other symbol versions than Debian's: $different"
}

main() {
	local f theirs
	need_packages coccinelle make rsync kmod xz-utils
	kernel=$("$TOP/tests/kernel.sh" 6.1)
	source=$("$TOP/tests/kernel.sh" --source)
	ours=$("$TOP/tests/build.sh" 6.1 CONFIG_SLOW_WORK_SAMPLES=m CONFIG_SLOW_WORK_VM_TEST=m)
	dir=$CACHE/build/fscache-$(echo "$TOP $*" | sha256sum | cut -c1-8)
	mkdir -p "$dir"/{src,ko} "$CACHE/locks"
	exec 9>"$CACHE/locks/${dir##*/}"
	flock 9
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT

	cp "$COCCI"/fscache-slow-work.* "$work/"
	[ $# = 0 ] || sed -i -E "$*" "$work"/fscache-slow-work.*
	cp -r "$source/fs/fscache" "$source/fs/cachefiles" "$work/"
	for f in "$work"/fscache/*.[ch]; do
		move_file "$f"
	done
	cp "$work"/fscache-slow-work.[ch] "$work/fscache/"
	echo 'fscache-y += fscache-slow-work.o' >>"$work/fscache/Makefile"
	cp "$TOP/tests/fscache/Kbuild" "$work/"
	# By content, so that make does again what differs, and no more
	mkdir "$work/src"
	mv "$work"/{fscache,cachefiles,Kbuild} "$work/src/"
	rsync -rlpc "$work/src/" "$dir/src/"

	make -C "$kernel/kdir" M="$dir/src" ARCH="$(cat "$kernel/arch")" -j"$JOBS" \
		SLOW_WORK="${ours%/ko}/src" modules >"$dir/log" 2>&1 ||
		{ tail -n 40 "$dir/log" >&2; die "does not build"; }
	! grep -E 'warning:|WARNING' "$dir/log" >&2 || die "warnings"
	same_versions "$dir/src/Module.symvers"

	rm -f "$dir"/ko/*
	cp "$ours/slow_work.ko" "$ours/slow_work_caller.ko" "$dir"/src/*/*.ko "$dir/ko/"
	for f in 9p fscache cachefiles; do
		theirs=$(modinfo -b "$kernel/modules" -k "$(cat "$kernel/release")" -F filename $f)
		[ -e "$dir/ko/$f.ko" ] && f=debian-$f
		case $theirs in
		*.xz)	xz -dc "$theirs" >"$dir/ko/$f.ko" ;;
		*)	cp "$theirs" "$dir/ko/$f.ko" ;;
		esac
	done
	echo "$dir/ko"
}

main "$@"
exit
