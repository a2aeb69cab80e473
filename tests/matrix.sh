#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# matrix.sh [KERNEL...]: builds for every kernel that is supported, and tests there
#
# Prints what fails as it comes, and last a table: what was built with what and
# in how many seconds, how many results passed in each of the tests, and why some
# were skipped.  Some twelve kernels are made first, of which eight take a few minutes
# each, once.
. "$(dirname "$0")/lib/env.sh"

# What a row says of its kernel
what() {
	case $1 in
	*-cloud)	echo "Debian's, for virtual machines" ;;
	*-rt)		echo "Debian's, PREEMPT_RT" ;;
	5.10-arm64)	echo "arm64, DEBUG_OBJECTS; compiled only" ;;
	*-arm64)	echo "Debian 12's for arm64" ;;
	*-s390x)	echo "Debian 12's for s390x" ;;
	5.10)		echo "Debian 11's" ;;
	*-trixie)	echo "Debian 13's" ;;
	[0-9].*)	echo "Debian 12's" ;;
	unstable)	echo "Debian unstable's" ;;
	up)		echo "no SMP" ;;
	32bit)		echo "32-bit x86" ;;
	nosysctl)	echo "no sysctls" ;;
	nodebugfs)	echo "no debugfs" ;;
	nounload)	echo "modules cannot be unloaded" ;;
	clang)		echo "built with LLVM=1" ;;
	arm64)		echo "arm64, with KUnit" ;;
	s390x)		echo "s390x, big endian, with KUnit" ;;
	riscv64)	echo "compiled only" ;;
	*)		echo "" ;;
	esac
}

# row KERNEL: from what check.sh said
row() {
	local entry compiler
	entry=$("$TOP/tests/kernel.sh" --headers "$1")
	compiler=$(sed -nE 's/^CONFIG_CC_VERSION_TEXT="([^"]*)"/\1/p' "$entry/config")
	case $compiler in
	*clang*) compiler=$(sed -E 's/.*(clang) version ([^ ]*).*/\1 \2/' <<<"$compiler") ;;
	*) compiler="gcc ${compiler##* }" ;;
	esac
	awk -v kernel="$1" -v what="$(what "$1")" -v release="$(cat "$entry/release")" \
		-v compiler="$compiler" -v tests="$TESTS" '
	# Within a part; the next line names the part
	/^    # built in /	{ seconds = $4 }
	/^(not )?ok [0-9]+ - matrix-/ {
		sub(/^not /, "")
		part = $4
		if (index(part, "matrix-" kernel "-") != 1)
			next
		part = substr(part, length("matrix-" kernel "-") + 1)
		if (part ~ /-/)		# of 6.12-rt, when this is 6.12
			next
		match($0, /[0-9]+ passed/); passed = substr($0, RSTART) + 0
		match($0, /[0-9]+ failed/); failed = substr($0, RSTART) + 0
		match($0, /[0-9]+ skipped/); skipped = substr($0, RSTART) + 0
		bad += failed
		if (part == "build")
			said[part] = seconds " s"
		else
			said[part] = passed (skipped ? ", " skipped " skipped" : "")
		if (failed)
			said[part] = "**" failed " failed**"
	}
	END {
		printf "| %s | %s | %s | %s |", kernel, what, release, compiler
		n = split(tests, test, " ")
		for (i = 1; i <= n; i++)
			printf " %s |", test[i] in said ? said[test[i]] : "–"
		print bad ? " **no** |" : " ok |"
	}' "$work/said"
}

# Why something was skipped, each reason once
skips() {
	awk '/^# matrix-/ { part = substr($2, 8) }
		/^ +ok .* # SKIP ./ { sub(/.* # SKIP /, ""); why = "Skipped in " part ": " $0
			if (!seen[why]++) print why }' "$work/said"
}

main() {
	local status=0 k
	mkdir -p "$CACHE/run"
	work=$(mktemp -d "$CACHE/run/XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM HUP
	"$TOP/tests/check.sh" matrix "$*" | tee "$work/said" |
		grep --line-buffered -E '^(not )?ok |^ *not ok |^# failed|passed, ' || status=1
	[ -s "$work/said" ] || exit 1
	TESTS=$(sed -nE 's/.*ok [0-9]+ - matrix-.*-([a-z]+) # .*/\1/p' "$work/said" |
		cat <(printf '%s\n' build kunit) - | awk '!seen[$0]++' | xargs)
	echo
	echo "| kernel | what it is | release | compiler | ${TESTS// / | } | |"
	sed -E 's/[a-z]+/---/g; s/ / | /g; s/.*/| --- | --- | --- | --- | & | --- |/' <<<"$TESTS"
	for k in $(sed -nE 's/.*ok [0-9]+ - matrix-(.*)-build # .*/\1/p' "$work/said"); do
		row "$k"
	done
	skips
	return $status
}

main "$@"; exit
