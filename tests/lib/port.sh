# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Sourced by the scripts that move a part of Debian's kernel to slow-work, build it and
# run it: tests/fscache.sh, tests/gfs2.sh, and build.sh of each.  Of Debian's linux-source
# nothing is kept but in the cache.

COCCI=$TOP/scripts/coccinelle

# port_begin NAME KERNEL [SED...]: sets kernel, source, ours; dir, where it is built, and
# work, where src is to be filled.  The semantic patch and the adapter of that name are in
# work, changed by sed -E SED, to break them on purpose.
port_begin() {
	local name=$1; shift
	need_packages coccinelle libpython3-dev make rsync kmod xz-utils
	kernel=$("$TOP/tests/kernel.sh" "$1")
	# shellcheck disable=SC2034 # for the script that sources this
	source=$("$TOP/tests/kernel.sh" --source "$1")
	ours=$(all_switches "$1" | xargs "$TOP/tests/build.sh" "$1")
	dir=$CACHE/build/$name-$(echo "$CHECKOUT $*" | sha256sum | cut -c1-8)
	mkdir -p "$dir"/{src,ko} "$CACHE/locks"
	exec 9>"$CACHE/locks/${dir##*/}"
	flock 9
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	cp "$COCCI/$name"-slow-work.* "$work/"
	shift
	[ $# = 0 ] || sed -i -E "$*" "$work/$name"-slow-work.*
	mkdir "$work/src"
}

# port_apply PATCH FILE: a semantic patch
port_apply() {
	spatch --sp-file "$1" --in-place --very-quiet --no-show-diff --no-includes "$2" >"$work/log" 2>&1 ||
		{ cat "$work/log" >&2; die "${1##*/} fails on ${2##*/}"; }
}

# port_moved FILE REGEX: what is left of workqueues would be built, and be wrong.  Comments
# may speak of them.
port_moved() {
	gcc -fpreprocessed -dD -E -P -x c "$1" >"$work/moved.c" 2>"$work/log" ||
		{ cat "$work/log" >&2; die "${1##*/} cannot be looked through"; }
	! grep -nwE "$2" "$work/moved.c" >&2 || die "not moved, in ${1##*/}"
}

# port_build VAR=VALUE...: by content, so that make does again what differs, and no more
port_build() {
	rsync -rlpc "$work/src/" "$dir/src/"
	# Or modpost leaves the versions of our symbols as they were for an earlier module
	rm -f "$dir/src/Module.symvers"
	make -C "$kernel/kdir" M="$dir/src" ARCH="$(cat "$kernel/arch")" -j"$JOBS" \
		SLOW_WORK="${ours%/ko}/src" "$@" modules >"$dir/log" 2>&1 ||
		{ tail -n 40 "$dir/log" >&2; die "does not build"; }
	! grep -E 'warning:|WARNING' "$dir/log" >&2 || die "warnings"
}

# port_collect MODULE...: ours, those that were moved, and these of Debian's, which are
# debian-MODULE where they were moved
port_collect() {
	local f theirs
	rm -f "$dir"/ko/*
	cp "$ours/slow_work.ko" "$ours/slow_work_caller.ko" "$dir/ko/"
	copy_modules "$dir/src" "$dir/ko"
	for f; do
		theirs=$(modinfo -b "$kernel/modules" -k "$(cat "$kernel/release")" -F filename "$f")
		[ -e "$dir/ko/$f.ko" ] && f=debian-$f
		case $theirs in
		*.xz)	xz -dc "$theirs" >"$dir/ko/$f.ko" ;;
		*)	cp "$theirs" "$dir/ko/$f.ko" ;;
		esac
	done
	echo "$dir/ko"
}

# port_tree FILES: as many of the kernel's headers, in $work/tree, their sums in
# $work/expected.  These are there on any machine, and they are real files.
port_tree() {
	local from
	from=$(echo "$(readlink -f "$kernel/kdir")/../linux-headers-"*-common/include)
	mkdir "$work/tree"
	(cd "$from" && find . -type f -size -64k | sort | awk -v n="$1" 'NR <= n') >"$work/list"
	tar -C "$from" -T "$work/list" -c | tar -C "$work/tree" -x
	(cd "$work/tree" && find . -type f -exec md5sum {} + | sort -k 2) >"$work/expected"
	[ "$(wc -l <"$work/expected")" = "$1" ] || die "only $(wc -l <"$work/expected") files"
}
