#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# check.sh [PART [KERNEL]]: runs the parts that find most in the shortest time;
# with "all", every part; else the one that is called PART, or those whose names
# begin so.  "matrix" is no part of all.
#
# Prints KTAP, then what failed and what repeats it, and as its last line
# "N passed, N failed", counted over the leaf results of all parts.  A part that
# breaks off, or has no result to show, is a failure, and never keeps the others
# from running.
. "$(dirname "$0")/lib/env.sh"

# Debian's kernels that the scripts under tests/vm run on
VM_KERNELS="6.1 6.12 6.12-rt"
VM_SCRIPTS="sysctl place runqueue load"
# What says the same on each of them, or wants one of ours: KERNEL:SCRIPT.  What wants a
# kernel that is not built yet comes first once, when the other lanes have enough to do.
VM_ONCE="kcsan:signed 6.1:faults 6.1:badinput 6.1:many-cpus 6.1:million 6.12:suspend"
VM_ONCE+=" debug:suspend uml-debug:inject debug:deadlock-cancel debug:deadlock-put"
VM_ONCE+=" debug:deadlock-unregister debug:place debug:stall debug:dump"
VM_ONCE+=" 6.1:stall 6.1:watch 6.1:oops 6.1:hungtask 6.1:heldstart"
VM_ONCE+=" 6.1:reclaim 6.1:leftovers 6.12-rt:leftovers 6.1:reports 6.12-rt:reports"
VM_ONCE+=" 6.12:samples 6.12:top 6.12:access kcsan:lockdown"
# Short runs; make torture gives it longer ones
TORTURE_KERNELS="kcsan 6.1 6.12-rt debug uml-smp"
TORTURE_SECONDS=30
# Those that figures of the benchmark are recorded for
BENCH_KERNELS="6.1 6.12"
IRQSOFF_KERNELS="6.12-rt"

# The short tier: what finds most faults soonest, longest first, so that all lanes
# end together.  What is long and says much the same on both kernels runs on one.
QUICK="bench-6.1 vm-6.12-samples kunit-uml style-sources"
for s in load place sysctl runqueue; do
	QUICK+=" vm-6.1-$s vm-6.12-$s"
done
QUICK+=" abi"

# The kernels that are supported and how they may be configured: make matrix
MATRIX_KERNELS="5.10 6.1 6.1-cloud 6.1-rt 6.12 6.12-cloud 6.12-rt 6.12-trixie unstable"
MATRIX_KERNELS+=" up 32bit nosysctl nodebugfs nounload clang 6.1-arm64 arm64 6.1-s390x s390x"
MATRIX_COMPILED="riscv64 5.10-arm64"
# Nowhere else is torture run on these
MATRIX_TORTURE="6.1-arm64 arm64 6.1-s390x s390x"
MATRIX_TORTURE_SECONDS=60

# One line a part: its name, and the command.  While one lane builds the debug
# kernel the others have enough to do without it; kcsan is built after that.
parts() {
	local k s
	echo style-sources tests/style.sh sources
	echo style-builds tests/style.sh builds
	echo docs tests/docs.sh
	echo kunit-uml tests/kunit.sh uml
	echo kunit-plain tests/kunit.sh uml --plain
	echo kunit-debug tests/kunit.sh debug
	echo kunit-uml-debug tests/kunit.sh uml-debug
	echo kunit-uml-smp tests/kunit.sh uml-smp
	for k in ${1:-$BENCH_KERNELS}; do
		case " $BENCH_KERNELS " in
		*" $k "*) echo "bench-$k" env "KERNEL=$k" tests/bench.sh counted ;;
		esac
	done
	for k in $IRQSOFF_KERNELS; do
		[ "${1:-$k}" != "$k" ] || echo "bench-irqsoff-$k" env "KERNEL=$k" tests/bench.sh irqsoff
	done
	for k in ${1:-$VM_KERNELS}; do
		for s in $VM_SCRIPTS; do
			echo "vm-$k-$s" vm_script "$k" "$s"
		done
	done
	echo model tests/model.sh
	echo litmus tests/litmus.sh
	echo mutants tests/mutants.py --jobs 1
	echo cocci tests/coccinelle.sh
	[ "${1:-6.12}" != 6.12 ] || echo tree tests/tree.sh
	[ "${1:-6.1}" != 6.1 ] || echo abi tests/abi.sh
	[ "${1:-6.1}" != 6.1 ] || echo fscache tests/fscache.sh
	[ "${1:-6.1}" != 6.1 ] || echo gfs2 tests/gfs2.sh
	[ "${1:-6.1}" != 6.1 ] || echo failure tests/failure.sh
	# Slips that the debug kernel's detectors would mend themselves
	[ "${1:-kcsan}" != kcsan ] || echo kunit-kcsan env SUITES=leftover \
		tests/kunit.sh kcsan --append kcsan.early_enable=0
	for k in $TORTURE_KERNELS; do
		[ "${1:-$k}" != "$k" ] || echo "torture-$k" tests/torture.sh "$k" $TORTURE_SECONDS
	done
	[ "${1:-debug}" != debug ] || echo crash tests/crash.sh
	for s in $VM_ONCE; do
		k=${s%%:*} s=${s#*:}
		[ "${1:-$k}" != "$k" ] || echo "vm-$k-$s" vm_script "$k" "$s"
	done
}

# The parts of the matrix are no parts of a check of everything
matrix_parts() {
	local k s more
	for k in ${1:-$MATRIX_KERNELS $MATRIX_COMPILED}; do
		echo "matrix-$k-build" matrix_build "$k"
		case " $MATRIX_COMPILED " in *" $k "*) continue ;; esac
		case $k in
		[0-9].*|unstable) ;;
		*) echo "matrix-$k-kunit" when_built "$k" tests/kunit.sh "$k" ;;
		esac
		# Jiffies wrap on 32 bits alone; the freezer was another until 6.1.  Those of
		# 6.12 and 6.12-rt run on 6.1 in a check of everything, and here on a second
		# kernel.
		case $k in
		32bit)	more=wrap ;;
		5.10)	more=suspend ;;
		6.12)	more="watch reclaim" ;;
		6.12-rt) more="faults heldstart oops stall" ;;
		*)	more='' ;;
		esac
		for s in $VM_SCRIPTS samples $more; do
			echo "matrix-$k-$s" when_built "$k" vm_script "$k" "$s"
		done
		[ "$k" != 6.12 ] || echo "matrix-$k-fscache" when_built "$k" env KERNEL=6.12 tests/fscache.sh
		[ "$k" != 6.1 ] || echo "matrix-$k-irqsoff" when_built "$k" env KERNEL=6.1 tests/bench.sh irqsoff
		case " $MATRIX_TORTURE " in
		*" $k "*) echo "matrix-$k-torture" when_built "$k" tests/torture.sh "$k" $MATRIX_TORTURE_SECONDS ;;
		esac
	done
}

# Anew, so that the time says something; the kernel is made before
matrix_build() {
	local switches began FAILED=0
	mapfile -t switches < <(all_switches "$1")
	echo "KTAP version 1"
	tests/kernel.sh "$1" >/dev/null || true
	began=$SECONDS
	result "W=1 build for $1" env FRESH=yes tests/build.sh "$1" "${switches[@]}"
	echo "# built in $((SECONDS - began)) s"
	touch "$work/built-$1"
	plan
}

# If it is wanted, that part was begun before
when_built() {
	if [[ " ${NAMES[*]} " = *" matrix-$1-build "* ]]; then
		until [ -e "$work/built-$1" ]; do sleep 1; done
	fi
	shift
	"$@"
}

# NAME.host beside a script makes in a directory what the script wants of the
# host, such as disks, and prints options for vm.sh, one word a line.  KERNEL and
# MODULES tell it which they are.
vm_script() {
	local script=tests/vm/$2 modules options=()
	modules=$(all_switches "$1" | xargs tests/build.sh "$1") || return
	if [ -x "$script.host" ]; then
		mkdir "$out.host"
		KERNEL=$1 MODULES=$modules "$script.host" "$out.host" >"$out.options" || return
		mapfile -t options <"$out.options"
	fi
	tests/vm.sh "$1" --modules "$modules" "${options[@]}" "$script.sh"
}

# run_part NUMBER COMMAND...: leaves the results in a file, in another the seconds, and
# those of CPUs, which say more where lanes and hosts are shared.
# What a part that breaks off says of it is for those who see the results alone, too.
run_part() {
	local out=$work/$1 began=$SECONDS; shift
	"$@" </dev/null >"$out" 2> >(tee "$out.err" >&2) || {
		echo "# exit status $?"
		# tee may not have made the file yet
		tail -n 20 "$out.err" | sed 's/^/# /' || true
	} >>"$out"
	rm -rf "$out.host"
	# Of this shell, then of its children, user and system each
	times >"$out.times"
	awk -v seconds=$((SECONDS - began)) -F '[ms ]+' '
		{ cpu += 60 * ($1 + $3) + $2 + $4 }
		END { printf "%d s, %d s of CPUs\n", seconds, cpu }' "$out.times" >"$out.tmp"
	mv "$out.tmp" "$out.done"
}

# lost_parts N: nobody is left to finish those of the first N that have no end
lost_parts() {
	local i
	for ((i = SHOWN + 1; i <= $1; i++)); do
		[ ! -e "$work/$i.done" ] || continue
		echo "# exit status unknown: it was ended from outside" >>"$work/$i"
		echo "and nobody knows how long" >"$work/$i.done"
	done
}

# Shows what has come to its end, in the order of the list
show_parts() {
	local out passed failed skipped
	while [ $SHOWN -lt ${#NAMES[@]} ] && [ -e "$work/$((SHOWN + 1)).done" ]; do
		SHOWN=$((SHOWN + 1)) out=$work/$SHOWN
		read -r passed failed skipped < <(awk -f tests/ktap.awk "$out")
		if [ "$failed" = 0 ] && grep -q '^# exit status' "$out"; then
			failed=1
		fi
		PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed))
		echo "# ${NAMES[SHOWN - 1]}"
		sed 's/^/    /' "$out"
		[ "$failed" = 0 ] || { printf 'not '; BAD+=" $SHOWN"; }
		echo "ok $SHOWN - ${NAMES[SHOWN - 1]} # $passed passed, $failed failed," \
			"$skipped skipped, $(cat "$out.done")"
	done
}

# The parts that are wanted
select_parts() {
	case ${1-} in
	'')	parts | awk -v names="$QUICK" '
			{ line[$1] = $0 }
			END { n = split(names, name); for (i = 1; i <= n; i++) print line[name[i]] }' ;;
	all)	parts "${2-}" ;;
	*)	case $1 in matrix*) matrix_parts "${2-}" ;; *) parts "${2-}" ;; esac |
			awk -v want="$1" '
				$1 == want		{ exact = $0 "\n" }
				index($1, want) == 1	{ all = all $0 "\n" }
				END			{ printf "%s", exact ? exact : all }' ;;
	esac
}

# What failed, with its results that are not ok and the command that repeats it
repeat_failures() {
	local i name
	for i in $BAD; do
		name=${NAMES[i - 1]}
		echo "# failed: $name; again: tests/check.sh $name"
		grep -E '^ *not ok |^# exit status' "$work/$i" | head -n 20 | sed 's/^ */#     /' || true
	done
}

# In a function, so that a change to this file does not disturb a run
main() {
	local list name command packages n=0 NAMES=() SHOWN=0 PASSED=0 FAILED=0 BAD=
	cd "$TOP"
	list=$(select_parts "$@")
	[ -n "$list" ] || die "no part $1; there are: $(parts "${2-}" | cut -d' ' -f1 | xargs)"
	mkdir -p "$CACHE/run"
	work=$(mktemp -d "$CACHE/run/XXXXXX")
	# Parts are process groups, to be ended whole
	trap 'for n in $(jobs -rp); do kill -- "-$n"; done; wait; rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM HUP

	# All at once, before anything runs side by side
	packages=(make gcc gcc-12 libc6-dev flex bison bc kmod cpio rsync perl python3 sparse
		libelf-dev libssl-dev openssl dwarves xz-utils binutils git patch qemu-system-x86
		busybox-static e2fsprogs debian-archive-keyring)
	case ${1-} in
	'') ;;
	matrix*) packages+=(clang lld llvm debootstrap gcc-aarch64-linux-gnu gcc-s390x-linux-gnu
		gcc-riscv64-linux-gnu qemu-system-arm qemu-system-misc coccinelle libpython3-dev) ;;
	*) packages+=(spin tcc trace-cmd python3-drgn python3-sphinx groff-base coccinelle
		libpython3-dev gfs2-utils) ;;
	esac
	need_packages "${packages[@]}"
	echo "KTAP version 1"
	echo "1..$(echo "$list" | wc -l)"
	# Guests keep one CPU busy, or wait, so three parts at a time on two cores; a
	# kernel that takes minutes to build holds up the part that wants it, and not
	# the others
	while read -r -u 4 name command; do
		NAMES+=("$name")
		n=$((n + 1))
		while [ "$(jobs -rp | wc -l)" -ge 3 ]; do
			wait -n || true
			show_parts
		done
		set -m
		# shellcheck disable=SC2086 # words they are
		AGAIN="tests/check.sh $name" run_part $n $command &
		set +m
	done 4<<<"$list"
	while [ $SHOWN -lt $n ]; do
		wait -n || true
		[ -n "$(jobs -rp)" ] || lost_parts $n
		show_parts
	done
	repeat_failures
	echo "$PASSED passed, $FAILED failed"
	[ "$FAILED" = 0 ]
}

main "$@"; exit
