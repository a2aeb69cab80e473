# SPDX-License-Identifier: GPL-2.0-or-later
# The hung-task detector reports no task that waits for an item, however long that
# takes; after 10 s each wait logs once what it waits for.

CONTROL=/proc/sys/kernel/hung_task
F='swt_execute [slow_work_caller] of slow_work_caller (executing)'
U='swt_execute [slow_work_user] of slow_work_user (executing)'
said() { echo $(messages "Still waiting for $F") $(messages "Still waiting for $U"); }
said_is() { [ "$(said)" = "$1" ]; }
# PIDs that were reported
hung() { dmesg | sed -n 's/.*INFO: task .*:\([0-9]*\) blocked for more than.*/\1/p' | sort -u | xargs; }
returned() { local p; for p in $pids; do [ ! -e /proc/$p/exe ] || return 1; done; }

if [ ! -e ${CONTROL}_timeout_secs ]; then
	skip "no wait is a hung task" "no hung-task detector"
	plan
	exit
fi
load slow_work
load slow_work_caller
load slow_work_user
user register
user stuck 1
order close
order slow 1
wait_for "an item of each executes" 60 eval 'state_is executing 1 && user_executes 1'

echo EXPECT-SPLAT-BEGIN >/dev/kmsg
echo 1 >${CONTROL}_check_interval_secs
echo 1 >${CONTROL}_timeout_secs
echo -1 >${CONTROL}_warnings
pids=
for wait in cancel flush flush-user flush-user; do order $wait & pids="$pids $!"; done
user unregister &
pids="$pids $!"
wait_for "cancel, flush, flushes of a user and unregister log what they wait for" 60 said_is "4 1"
order hang &
hang=$!
wait_for "a task that hangs is reported meanwhile" 60 eval 'case " $(hung) " in *" $hang "*) ;; *) false ;; esac'
order open
user open
wait_for "all return" 60 returned
echo 0 >${CONTROL}_timeout_secs
# Where the host is slow, one that has no part in this may be
others=$(for p in $pids $(kslowd_pids); do case " $(hung) " in *" $p "*) echo $p ;; esac; done)
is "none of the others is" "" "$others"
is "each has logged that once" "4 1" "$(said)"
is "the items have completed" "0 1" "$(state executing) $(state executed)"

unload slow_work_caller
unload slow_work_user
unload slow_work
# A report that was under way has ended by now
echo EXPECT-SPLAT-END >/dev/kmsg
plan
