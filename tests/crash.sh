#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# crash.sh: slow-work-dump.py on a dump of a kernel that crashed
#
# An item panics in a virtual machine.  QEMU dumps its memory, and what the tool, by
# Debian's drgn, reads there is held against what the caller was ordered to do.
. "$(dirname "$0")/lib/env.sh"
. "$TOP/tests/vm/guest/lib.sh"
. "$TOP/tests/vm/guest/dump.sh"

need_packages python3 python3-drgn
kernel=$("$TOP/tests/kernel.sh" debug)
modules=$(all_switches debug | xargs "$TOP/tests/build.sh" debug)
mkdir -p "$CACHE/run"
work=$(mktemp -d "$CACHE/run/XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

cat >"$work/crash.sh" <<-'END'
	. /test/dump.sh
	known_state
	note "$(kslowd_names)"
	cat >/tmp/last <<-'LAST'
		echo EXPECT-SPLAT-BEGIN >/dev/kmsg
		order crash &&
			while :; do sleep 1; done
	LAST
	plan
END

# like_kdump FILE PID: what kdump writes and QEMU does not, so that drgn finds it: which
# process ran on the first CPU, and the virtual address of what memory begins with.
# Debian's drgn wants the latter of a kernel that lies where it was linked for, as it
# takes a phys_base of 0 for none.
like_kdump() {
	python3 - "$@" <<-'END'
		import struct, sys
		with open(sys.argv[1], "r+b") as core:
		    def write(at, form, value):
		        core.seek(at)
		        core.write(struct.pack(form, value))
		    head = core.read(64)
		    start, = struct.unpack_from("<Q", head, 32)
		    count, = struct.unpack_from("<H", head, 56)
		    for at in range(start, start + 56 * count, 56):
		        core.seek(at)
		        kind, _, offset, virtual, physical = struct.unpack("<IIQQQ", core.read(32))
		        if kind == 4:  # the notes: PRSTATUS first, of the first CPU
		            write(offset + 20 + 32, "<I", int(sys.argv[2]))
		        elif virtual == physical == 0:
		            write(at + 16, "<Q", 0xffffffff80000000)
	END
}

dump() {
	/usr/bin/drgn -c "$work/vmcore" -s "$kernel/kdir/vmlinux" -s "$modules/slow_work.ko" \
		-s "$modules/slow_work_caller.ko" "$TOP/tools/slow-work-dump.py"
}

main() {
	local status=0 pid
	echo "KTAP version 1"
	"$TOP/tests/vm.sh" debug --modules "$modules" --file "$TOP/tests/vm/guest/dump.sh" \
		--cpus 1 --dump "$work/vmcore" --log "$work/console" \
		"$work/crash.sh" >"$work/ktap" || status=$?
	sed 's/^/    /' "$work/ktap"
	check "a crash leaves a dump" [ $status = 0 ]
	if [ $status = 0 ]; then
		pid=$(sed -n 's/.*CPU: 0 PID: \([0-9]*\) Comm: kslowd.*/\1/p' "$work/console")
		check "an item's thread has panicked" like_kdump "$work/vmcore" "$pid"
		dump >"$work/said" 2>"$work/complaints" || echo "it ends with status $?" >>"$work/complaints"
		note "$(cat "$work/said" "$work/complaints")"
		is "it is read, and there is nothing to complain of" "" "$(cat "$work/complaints")"
		says_it "$work/said" "$(sed -n 's/^# \(kslowd.*\)/\1/p' "$work/ktap")" 3
	fi
	plan
}

main | tee "$work/all"
! grep -q "^ *not ok" "$work/all"
