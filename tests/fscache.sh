#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# fscache.sh [demo | compare [ROUNDS]]: FS-Cache and CacheFiles, moved to slow-work
#
# In a virtual machine with Debian's 6.1, or KERNEL=6.12, 9p mounts a tree of the host's
# through FS-Cache, and CacheFiles keeps it on an ext4 disk (tests/fscache/guest.sh).
# Prints KTAP; with demo what is to be seen, and at the end the verdict.  With compare
# they and those of Debian run in turn (tests/fscache/compare.sh), and it prints medians
# of the rounds, as ratios.
#
# Documentation/fscache.rst tells of it.
. "$(dirname "$0")/lib/env.sh"
. "$TOP/tests/lib/port.sh"

PATH+=:/usr/sbin:/sbin
FILES=2400
# Of each request to the slow disks
DELAYS_MS=(10 500)
export KERNEL=${KERNEL:-6.1}
GUEST=$TOP/tests/fscache

make_disk() {
	truncate -s 384M "$1"
	mke2fs -q -t ext4 -E lazy_itable_init=0,lazy_journal_init=0 "$1"
}

# run SCRIPT [OPTION...]: in the machine
run() {
	local script=$1 with=(); shift
	[ "$KERNEL" != 6.1 ] || with=(--with 9pnet_virtio)
	"$TOP/tests/vm.sh" "$KERNEL" --modules "$modules" "${with[@]}" \
		--file "$work/expected" --file "$GUEST/lib.sh:/test/fscache.sh" \
		--disk "$work/disk" --mem 1536 \
		--qemu "-fsdev local,id=tree,path=$work/tree,security_model=none,readonly=on" \
		--qemu "-device virtio-9p-pci,fsdev=tree,mount_tag=tree" "$@" "$script"
}

main() {
	need_packages e2fsprogs tar qemu-system-x86
	kernel=$("$TOP/tests/kernel.sh" "$KERNEL")
	work=$(mktemp -d)
	trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM HUP
	pids=()
	modules=$("$GUEST/build.sh")
	# That many passes take long enough with fewer
	[ "${1-}" != compare ] || FILES=600
	port_tree $FILES
	make_disk "$work/disk"
	case ${1-} in
	'')	run "$GUEST/guest.sh" --qemu "-serial null" ;;
	demo)	demo ;;
	compare) compare "${2:-5}" ;;
	*)	die "usage: fscache.sh [demo | compare [ROUNDS]]" ;;
	esac
}

demo() {
	local status=0
	echo "FS-Cache and CacheFiles of Debian's $KERNEL on slow-work; $FILES files over 9p"
	touch "$work/screen"
	run "$GUEST/guest.sh" --qemu "-serial file:$work/screen" >"$work/ktap" &
	pids+=($!)
	tail -n +1 -f -s 0.2 --pid=$! "$work/screen"
	wait "${pids[0]}" || status=$?
	pids=()
	grep '^not ok' "$work/ktap" || true
	[ $status = 0 ] || die "the run in the virtual machine failed"
	echo "RIGHT: $(grep -c '^ok' "$work/ktap") checks; each file as user space has it, and nothing in the kernel's log"
}

# slow_disk MILLISECONDS: a disk each of whose requests takes so much longer
slow_disk() {
	local disk=$work/slow-$1
	make_disk "$disk"
	nbdkit -f -U "$disk.sock" -P "$disk.pid" -t 32 \
		--filter=delay file "$disk" rdelay="${1}ms" wdelay="${1}ms" &
	pids+=($!)
	until [ -s "$disk.pid" ]; do
		kill -0 $! || die "nbdkit does not start"
		sleep 0.1
	done
	disks+=(--disk "nbd+unix:///?socket=$disk.sock")
}

compare() {
	local ms disks=()
	need_packages nbdkit python3
	for ms in "${DELAYS_MS[@]}"; do
		slow_disk "$ms"
	done
	run "$GUEST/compare.sh" --append "slub_debug=- rounds=$1" --timeout 3000 "${disks[@]}" |
		tee "$work/ktap" >&2
	"$TOP/tests/lib/ratios.py" "$work/ktap" seconds threads "at once" look-ups "median us" "99 % us"
}

main "$@"; exit
