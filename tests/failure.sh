#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# failure.sh: what is left of a run in a virtual machine that fails
#
# A script that fails on purpose is to leave one directory with all that a report of
# it needs, and the machine in there is to fail in the same way.
. "$(dirname "$0")/lib/env.sh"

work=$(mktemp -d)
keep=
trap 'rm -rf "$work" ${keep:+"$keep"}' EXIT
trap 'exit 130' INT TERM HUP

cat >"$work/fails.sh" <<-'END'
	echo "<4>a line on the console: $torture_seed" >/dev/kmsg
	ok "one that passes"
	not_ok "one that fails" "on purpose"
	plan
END

# Sets keep; the words with a blank are there since they have to survive
fail_on() {
	if AGAIN=$2 "$TOP/tests/vm.sh" "$1" --append "torture_seed=12345 words=1" \
			"$work/fails.sh" >"$work/out" 2>"$work/err"; then
		echo "it did not fail"
		return 1
	fi
}
named() { [ -d "$keep" ]; }
reported() { grep -qF -- "$1" "$keep/report" || { cat "$keep/report"; return 1; }; }
kept() { [ -s "$keep/$1" ]; }
on_console() { grep -qF 'a line on the console: 12345' "$keep/$1"; }
the_same() {
	diff <(grep -E '^(not )?ok' "$keep/ktap") <(tr -d '\r' <"$keep/results.again" | grep -E '^(not )?ok')
}
again() { ( cd / && timeout 3600 "$keep/again" ); }
command_again() {
	local command before
	before=$(sed -n 's/^again: *//p' "$keep/report")
	# What it says, as it stands there
	! bash -c "$before" >"$work/out" 2>"$work/err2" || { echo "it did not fail: $before"; return 1; }
	command=$(sed -n 's/.* is in //p' "$work/err2" | tail -n 1)
	cmp "$keep/ktap" "$command/ktap" && rm -rf "$command"
}

echo "KTAP version 1"
for kernel in uml 6.1; do
	again=
	[ $kernel = uml ] || again="tests/check.sh some-part"
	result "$kernel: a failure fails" fail_on $kernel "$again"
	keep=$(sed -n 's/^slow-work: .* is in //p' "$work/err" | tail -n 1)
	result "$kernel: what is left is named" named
	for f in report console.log ktap config initrd again; do
		result "$kernel: there is its $f" kept $f
	done
	result "$kernel: the console is whole" on_console console.log
	result "$kernel: the report names the script" reported "fails.sh on $(cat "$("$TOP/tests/kernel.sh" $kernel)/release")"
	result "$kernel: and the seed" reported "torture_seed=12345"
	result "$kernel: and what failed" reported "not ok 2 - one that fails"
	if [ -n "$again" ]; then
		result "$kernel: and the command that was run" reported "again:    $again"
	else
		result "$kernel: and a command that fails again" command_again
	fi
	result "$kernel: the machine starts again" again
	result "$kernel: with the same console" on_console console.again
	result "$kernel: and the same results" the_same
	rm -rf "$keep"
	keep=
done
plan
