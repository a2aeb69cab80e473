#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# abi.sh [record]: compares the binary interface with the one on record
#
# tests/abi/VERSION holds what a caller's binary relies on: the exported symbols with
# their prototypes, the layout of the public structures (64 bits, no lockdep), the
# constants of the header, the parameters.  CHANGELOG.md says what may change from
# one version to the next; that is held against the version before.  With "record"
# the file is written anew, for a version that is not released.
. "$(dirname "$0")/lib/env.sh"

KERNEL=6.1
STRUCTS="slow_work_ops slow_work delayed_slow_work"

# interface DIRECTORY: prints what is to be on record of the module built there
interface() {
	local ko=$1/slow_work.ko struct
	awk -F '\t' '
		NR == FNR {
			split($0, f, "(")
			n = split(f[1], word, " ")
			prototype[word[n]] = $0
			next
		}
		$3 ~ "/slow_work$" {
			if (!($2 in prototype)) exit 1
			printf "symbol %s: %s %s\n", $2, $4, prototype[$2]
		}' <(pfunct --prototypes --no_parm_names "$ko") "$1/../src/Module.symvers" | sort
	for struct in $STRUCTS; do
		pahole -C "$struct" "$ko" | awk -v s="$struct" '
			match($0, /\/\* +[0-9]+ +[0-9]+ \*\//) {
				split(substr($0, RSTART + 2), n, " ")
				member = substr($0, 1, RSTART - 1)
				gsub(/[\t ]+/, " ", member)
				printf "struct %s: at %d, %d bytes:%s\n", s, n[1], n[2], member
			}
			match($0, /size: [0-9]+/) { printf "struct %s: %s\n", s, substr($0, RSTART, RLENGTH) }'
	done | sed 's/ $//'
	sed '/#include/d' "$TOP/include/linux/slow-work.h" | gcc -E -dM -undef -xc - |
		sed -n 's/^#define \(SLOW_WORK_[A-Z_]*\) \(.*\)/constant \1: \2/p' | sort
	modinfo -F parm "$ko" | sed 's/\([^:]*\):.*/parameter \1:/' | sort
}

# changes OLD NEW: what that is for callers: 2 they must be rebuilt, 1 they need not
# but those of the new one do not load with the old, 0 nothing
changes() {
	diff "$1" "$2" | awk '
		NR == FNR	{ split($0, f, ":"); known[f[1]] = 1; next }
		/^</		{ worst = 2 }
		/^> /		{ split(substr($0, 3), f, ":")
				  level = f[1] in known ? 2 : 1
				  if (level > worst) worst = level }
		END		{ print worst + 0 }' "$1" -
}

# step OLD NEW: what kind of a step from the one version number to the other is: 2
# to another first number, 1 second, 0 third; before 1.0 the second says what the
# first does later
step() {
	awk -v a="$1" -v b="$2" 'BEGIN {
		split(a, x, "."); split(b, y, ".")
		print x[1] != y[1] || (x[1] == 0 && x[2] != y[2]) ? 2 : x[2] != y[2] ? 1 : 0 }'
}

compare() {
	[ -e "$recorded" ] ||
		{ echo "there is no record of $version: tests/abi.sh record"; return 1; }
	diff -u "$recorded" "$now" && return
	echo "The binary interface is not the one on record.  Where that was meant:"
	echo "tests/abi.sh record, and commit tests/abi/$version with what changed it."
	return 1
}

# The version before, and the rule at the head of CHANGELOG.md
rule() {
	local before need
	before=$(cd "$TOP/tests/abi" && printf '%s\n' * "$version" | sort -Vu |
		grep -xFB 1 "$version" | head -n 1)
	[ "$before" != "$version" ] || return 0
	need=$(changes "$TOP/tests/abi/$before" "$now")
	[ "$(step "$before" "$version")" -lt "$need" ] || return 0
	diff -u "$TOP/tests/abi/$before" "$now" || true
	echo "From $before to $version is too small a step for that: see CHANGELOG.md"
	return 1
}

changelog() {
	grep -m 1 '^## ' "$TOP/CHANGELOG.md" | grep -qE "^## $version \((unreleased|[0-9-]{10})\)$" ||
		{ echo "CHANGELOG.md does not begin with version $version of main.c"; return 1; }
}

main() {
	local version recorded now
	need_packages dwarves kmod gcc
	version=$(sed -n 's/^MODULE_VERSION("\(.*\)");/\1/p' "$TOP/main.c")
	recorded=$TOP/tests/abi/$version
	mkdir -p "$CACHE/run"
	now=$(mktemp "$CACHE/run/abi-XXXXXX")
	# shellcheck disable=SC2064 # the file of now
	trap "rm -f '$now'" EXIT
	interface "$(all_switches $KERNEL | xargs "$TOP/tests/build.sh" $KERNEL)" >"$now"
	case ${1-} in
	record)
		grep -q "^## $version (unreleased)" "$TOP/CHANGELOG.md" ||
			die "$version is released: give main.c and CHANGELOG.md a new number first"
		mkdir -p "$TOP/tests/abi"
		cp "$now" "$recorded"
		say "slow-work: recorded in tests/abi/$version"
		rule || exit 1 ;;
	'')
		echo "KTAP version 1"
		result "the binary interface is the one on record" compare
		result "the version's number says what changed" rule
		result "CHANGELOG.md is of this version" changelog
		plan ;;
	*)	die "usage: abi.sh [record]" ;;
	esac
}

main "$@"; exit
