#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# demo.sh: slow-scrub checksums a real tree in a virtual machine
#
# The kernel is Debian's 6.1.  The tree is a copy of files of this machine
# (licences, documentation, headers), on an ext4 disk whose every request takes
# 10 ms, as on a disk that seeks or a server far away: it is for waiting that
# one wants threads.  The checksums are compared with that of demo/checksum.py.
. "$(dirname "$0")/lib/env.sh"

PATH+=:/usr/sbin:/sbin
FILES=2400
DELAY_MS=10

step() { printf '\e[1m%3d s  %s\e[0m\n' "$SECONDS" "$*"; }

# copy_tree FROM TO MAX: at most so many files, links as links; $left counts down
copy_tree() {
	local list=$work/list
	(cd "$1" && find . \( -type f -o -type l \) -readable -size -512k) | sort |
		awk -v n=$(($3 < left ? $3 : left)) 'NR <= n' >"$list"
	mkdir -p "$tree/$2"
	tar -C "$1" --no-recursion -T "$list" -c | tar -C "$tree/$2" -x
	left=$((left - $(wc -l <"$list")))
}

make_disk() {
	local left=$FILES
	copy_tree /usr/share/common-licenses licences 50
	copy_tree /usr/share/doc doc 600
	copy_tree /usr/include include 700
	# These are there on any machine, and more than enough
	copy_tree "$(readlink -f "$kernel/kdir")/../linux-headers-"*-common/include kernel "$FILES"
	truncate -s "$(($(du -sm "$tree" | cut -f1) * 5 / 4 + 32))M" "$work/disk"
	mke2fs -q -t ext4 -E lazy_itable_init=0,lazy_journal_init=0 -d "$tree" "$work/disk"
}

field() { sed -n "s/^$1 *//p" "$work/expected"; }

need_packages make python3 e2fsprogs nbdkit tar qemu-system-x86
work=$(mktemp -d)
tree=$work/tree
trap 'kill $jobs 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
jobs=		# started here, ended here

step "building slow_work.ko and slow_scrub.ko for Debian's 6.1 kernel"
kernel=$("$TOP/tests/kernel.sh" 6.1)
modules=$("$TOP/tests/build.sh" 6.1 CONFIG_SLOW_WORK_SAMPLES=m \
	CONFIG_SLOW_WORK_VM_TEST=m)

step "copying files of this machine to an ext4 disk image"
make_disk
nbdkit -f -r -U "$work/disk.sock" -P "$work/nbdkit.pid" -t 32 \
	--filter=delay file "$work/disk" rdelay="${DELAY_MS}ms" &
jobs+=" $!"
until [ -s "$work/nbdkit.pid" ]; do
	kill -0 $jobs || die "nbdkit does not start"
	sleep 0.1
done

step "booting it in QEMU; meanwhile python computes what to expect"
touch "$work/screen"
"$TOP/tests/vm.sh" 6.1 --modules "$modules" --append slub_debug=- \
	--disk "nbd+unix:///?socket=$work/disk.sock,read-only=on" \
	--qemu "-serial file:$work/screen" "$TOP/tests/demo/guest.sh" >"$work/ktap" &
vm=$! jobs+=" $!"
"$TOP/tests/demo/checksum.py" "$tree" >"$work/expected"
step "to expect: $(field files) files, $(field bytes) bytes, checksum $(field checksum)"
echo
tail -n +1 -f -s 0.2 --pid=$vm "$work/screen"
status=0
wait $vm || status=$?

# --- the verdict
if [ $status != 0 ]; then
	grep -v '^ok' "$work/ktap" >&2 || true
	die "the run in the virtual machine failed"
fi
wanted="$(field files) $(field bytes) $(field checksum)"
got=$(sed -n 's/^# scrub [0-9]* \(.*\) [0-9]*$/\1/p' "$work/ktap" | sort -u)
if [ "$got" != "$wanted" ]; then
	step "WRONG: the module's files, bytes and checksum differ from user space's"
	printf '  wanted: %s\n' "$wanted"
	sed -n 's/^# scrub/  threads, found, ms:/p' "$work/ktap"
	exit 1
fi
awk -v delay=$DELAY_MS '/^# scrub/ { ms[$3] = $7 }
	END { printf "       2 threads %.1f s, 16 threads %.1f s (%.1f times as fast), ",
			ms[2] / 1000, ms[16] / 1000, ms[2] / ms[16]
		printf "at %d ms a disk request\n", delay }' "$work/ktap"
step "RIGHT: both found what user space found, $(field files) files, checksum $(field checksum)"
