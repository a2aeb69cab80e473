# SPDX-License-Identifier: GPL-2.0-or-later
# A pool in a state that is known, and what slow-work-dump.py has to say of it: the
# first in the guest, the second there (tests/vm/dump.sh) or, of a dump of the
# guest's memory, on the host (tests/crash.sh).

known_state() {
	load slow_work min_threads=2 max_threads=4
	load slow_work_caller
	echo 0 >$SYSCTL/stall-warn-secs

	# --- what there was
	order slow 5
	order vslow 1
	wait_for "six items" 60 state_is executed 6
	order delayed 3 5000000
	order revoke

	# --- what there is
	occupy
	order slow 3
	order vslow 4
	order delayed 2 5000000
	aged() { [ "$(grep -c 'ms caller' $RUNQUEUE)" = 0 ]; }
	wait_for "all are a second old" 60 aged
}

kslowd_names() { for p in $(kslowd_pids); do echo "$(cat "/proc/$p/comm") $p"; done | sort; }

# table HEAD FILE: a table of what was said
table() { awk -v head="$1" '$1 == head { on = 1; next } /^$/ { on = 0 } on' "$2"; }

# says_it FILE NAMES BLOCKED: of four threads so many; one that is not has panicked
says_it() {
	local said="$1" names="$2" blocked="$3" stacks
	is "its head" "slow-work: 4 threads (2 to 4), 0 idle, 4 executing: $blocked blocked, 0 asleep until needed
very slow items may have 2 threads (50 %); stalls reported: 0" "$(head -n 2 "$said")"
	is "its classes" "slow 3 2 2 5 0 0 3 0
vslow 4 2 0 1 0 0 0 0" "$(table CLASS "$said" | sed 's/  */ /g')"
	is "its owners" "nobody 0 0 0 0 0 0 0 0
slow_work_caller 7 4 2 6 0 0 3 0" "$(table OWNER "$said" | sed 's/  */ /g' | sort)"
	is "its threads" "$names" "$(table EXECUTING "$said" | awk '/^kslowd/ { print $1, $2 }' | sort)"
	is "what they execute" "2 slow_work_caller: swt_execute
2 slow_work_caller: swt_execute
a slow_work_caller: swt_execute
a slow_work_caller: swt_execute" \
		"$(table EXECUTING "$said" | sed -nE 's/^kslowd... +[0-9]+ +[0-9]+s +//p' | sed 's/  / /' | sort)"
	is "their state" "$(i=0; while [ $i -lt 4 ]; do [ $i -lt "$blocked" ] && echo I || echo R; i=$((i + 1)); done)" \
		"$(table EXECUTING "$said" | sed -n 's/^ *state //p' | sort)"
	# A line a stack
	stacks=$(table EXECUTING "$said" | awk '
		/^kslowd/	{ printf "%s", (NR > 1 ? "\n" : ""); next }
		/ state /	{ next }
				{ printf " %s", $1 }
		END		{ print "" }')
	is "where they are" "$blocked" \
		"$(echo "$stacks" | grep -cE ' __schedule .*schedule .*caller_execute .*slow_work_thread_main kthread')"
	is "where one has panicked" $((4 - blocked)) \
		"$(echo "$stacks" | grep -cE ' panic .*caller_execute .*slow_work_thread_main kthread')"
	is "what waits" "sq - 1 slow_work_caller: swt_execute
sq - 1 slow_work_caller: swt_execute
sq - 1 slow_work_caller: swt_execute
vsq - 9 slow_work_caller: swt_execute
vsq - 9 slow_work_caller: swt_execute
vsq - 9 slow_work_caller: swt_execute
vsq - 9 slow_work_caller: swt_execute
dly - 21 slow_work_caller: swt_execute
dly - 21 slow_work_caller: swt_execute" "$(table WAITING "$said" | sed -E 's/ +[0-9]+s / /; s/ +/ /g')"
	# 5000 s, less what it took
	is "when what is armed is due" "" \
		"$(table WAITING "$said" | awk '/^dly/ && ($3 + 0 <= 4000 || $3 + 0 >= 5000)')"
}
