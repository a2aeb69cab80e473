#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# gfs2.sh [demo | compare [ROUNDS]]: GFS2, moved to slow-work
#
# In a virtual machine with Debian's 6.1, GFS2 (lock_nolock) is mounted, written, frozen,
# and mounted again after a crash, with the threads of the pool free and taken
# (tests/gfs2/guest.sh).  Prints KTAP; with demo what is to be seen, and at the end the
# verdict.  With compare it and that of Debian run in turn (tests/gfs2/compare.sh), and
# it prints medians of the rounds, as ratios.
#
# Documentation/gfs2.rst tells of it.
. "$(dirname "$0")/lib/env.sh"
. "$TOP/tests/lib/port.sh"

PATH+=:/usr/sbin:/sbin
FILES=480
DISK_MB=112
GUEST=$TOP/tests/gfs2

# run SCRIPT [OPTION...]: in the machine, with two disks; the first has a filesystem
run() {
	local script=$1; shift
	"$TOP/tests/vm.sh" 6.1 --modules "$modules" --file "$work/tree" --file "$work/expected" \
		--file "$GUEST/lib.sh:/test/gfs2.sh" --disk "$work/disk" --disk "$work/copy" \
		--mem 768 "$@" "$script"
}

main() {
	need_packages gfs2-utils tar qemu-system-x86
	kernel=$("$TOP/tests/kernel.sh" 6.1)
	work=$(mktemp -d)
	trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM HUP
	pid=
	modules=$("$GUEST/build.sh")
	port_tree $FILES
	truncate -s ${DISK_MB}M "$work/disk" "$work/copy"
	mkfs.gfs2 -q -O -p lock_nolock -j 2 -J 8 "$work/disk" >/dev/null
	case ${1-} in
	'')	run "$GUEST/guest.sh" --qemu "-serial null" ;;
	demo)	demo ;;
	compare) compare "${2:-5}" ;;
	*)	die "usage: gfs2.sh [demo | compare [ROUNDS]]" ;;
	esac
}

demo() {
	local status=0
	echo "GFS2 of Debian's 6.1 on slow-work; $FILES files"
	touch "$work/screen"
	run "$GUEST/guest.sh" --qemu "-serial file:$work/screen" >"$work/ktap" &
	pid=$!
	tail -n +1 -f -s 0.2 --pid=$pid "$work/screen"
	wait $pid || status=$?
	pid=
	grep '^not ok' "$work/ktap" || true
	[ $status = 0 ] || die "the run in the virtual machine failed"
	echo "RIGHT: $(grep -c '^ok' "$work/ktap") checks; each file as it was written, and nothing in the kernel's log"
}

compare() {
	need_packages python3
	run "$GUEST/compare.sh" --append "slub_debug=- rounds=$1" --timeout 3000 | tee "$work/ktap" >&2
	"$TOP/tests/lib/ratios.py" "$work/ktap" seconds threads "at once" runs "median us" "99 % us"
}

main "$@"
exit
