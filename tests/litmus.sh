#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# litmus.sh [NAME]: what is done without the lock, by the kernel's memory model
#
# herd7 judges each test of tests/litmus by tools/memory-model of Debian's kernel
# source: first as the module does it, which is to be right whatever a processor or a
# compiler may reorder; then each variant, which lacks a barrier, a lock or an order,
# and has to be found wrong.
#
# In a test: "Result: VERDICT", "Result of VARIANT: VERDICT"; a line that ends in
# "// not VARIANT" is left out there, one that begins with "// VARIANT: " is put in.
# A verdict is what herd7 says of the condition (Never, Sometimes), or the flag that it
# raises, such as data-race.
. "$(dirname "$0")/lib/env.sh"

herd=$("$TOP/tests/kernel.sh" herd7)
model=$("$TOP/tests/kernel.sh" --source 6.12)/tools/memory-model
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# verdict FILE
verdict() {
	(cd "$model" && "$herd/herd7" -conf linux-kernel.cfg "$1") >"$work/out" 2>&1 || true
	awk '/^Flag / { flag = $2 } /^Observation / { seen = $3 }
	     END { print seen == "" ? "none" : flag != "" ? flag : seen }' "$work/out"
}

# judge FILE VARIANT VERDICT
judge() {
	local test=$1 said
	if [ -n "$2" ]; then
		test=$work/variant.litmus
		sed "/\/\/ not $2\$/d; s,// $2: ,," "$1" >"$test"
		! cmp -s "$1" "$test" || { echo "no line of $1 knows $2"; return 1; }
	fi
	said=$(verdict "$test")
	[ "$said" = "$3" ] && return
	echo "herd7 says $said, not $3:"
	cat "$work/out"
	return 1
}

# What a test tells of is there
names_functions() {
	local name absent=''
	while read -r name; do
		grep -q "\<${name%()}(" "$TOP"/*.[ch] "$TOP"/include/linux/*.h || absent+=" $name"
	done < <(grep -ohE '\<slow_work_[a-z_]+\(\)' "$@" | sort -u)
	[ -z "$absent" ] || { echo "not in the module:$absent"; return 1; }
}

# The comment at the step names the test, and no other
named_in_module() {
	local named
	named=$(sed -nE 's,.*litmus: ([a-z, -]*[a-z]).*,\1,p' "$TOP"/*.[ch] | tr -s ', ' '\n' | sort -u)
	[ "$named" = "$(cd "$TOP/tests/litmus" && printf '%s\n' *.litmus | sed 's/\.litmus$//' | sort)" ] ||
		{ echo "the comments name: $named"; return 1; }
}

mapfile -t tests < <(compgen -G "$TOP/tests/litmus/${1-*}.litmus" | sort)
[ ${#tests[@]} -gt 0 ] || die "no test ${1-}"
echo "KTAP version 1"
for t in "${tests[@]}"; do
	name=${t##*/} name=${name%.litmus}
	mapfile -t variants < <(sed -nE 's/^ \* Result of ([a-z_]+): ([A-Za-z-]+)$/\1 \2/p' "$t")
	result "$name" judge "$t" "" "$(sed -n 's/^ \* Result: //p' "$t")"
	[ ${#variants[@]} -gt 0 ] || result "$name has a variant" false
	for v in "${variants[@]}"; do
		result "$name, ${v% *}: ${v#* }" judge "$t" "${v% *}" "${v#* }"
	done
done
result "the functions that they name are there" names_functions "${tests[@]}"
result "comments in the module name each of them" named_in_module
plan
