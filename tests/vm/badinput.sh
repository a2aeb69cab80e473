# SPDX-License-Identifier: GPL-2.0-or-later
# What no file and no parameter may take, but for those that sysctl.sh and
# samples.sh deal with: refused, and nothing changes.  An insmod that fails, too.

EXACT=/sys/module/slow_work_torture/parameters/exact

# By dd: one write, and it says why that failed.  Texts are as printf has them.
tell() { printf "$2" >/tmp/in; dd if=/tmp/in of=$1 bs=128k conv=notrunc 2>&1; }
# refuses FILE: each line of the standard input; seen() tells what may not change
refuses() {
	local text before out
	while IFS= read -r text; do
		before=$(seen)
		out=$(tell $1 "$text")
		case $out in
		*"Invalid argument"*) is "${1##*/slow_work_}: '$text' is refused" "$before" "$(seen)" ;;
		*) not_ok "${1##*/slow_work_}: '$text' is refused" "said: $out" ;;
		esac
	done
}

# --- the test callers

load slow_work
is "isolcpus= and nohz_full= leave no CPU: what nohz_full= leaves it is" 1 "$(cat $SYSCTL/cpumask)"
load slow_work_caller
load slow_work_user
seen() { cat $CALLER/state $USER/state $RUNQUEUE $SYSCTL/*; threads; }
refuses $CALLER/control <<'END'
\n
\040
\n\n
x
\377\376\001
open it
Open
 open
open\nclose\n
open\0
open\0close
cancel 1
slow
slow\040
slow -1
slow x
slow 1x
slow 0x1
slow 1\040
slow 1 2
slow  1
slow 1\n\n
slow 1\0
slow\0 1
slow 100001
slow 4294967297
slow 99999999999999999999
slow 1%034d
slow %05000d
%0100000d
sloww 1
vslow
vslow 1 5
delayed
delayed 1
delayed 1\040
delayed 1 -5
delayed 1 5x
delayed 1 5 7
delayed 1 4294967296
delayed -1 5
delayed x 5
END
refuses $USER/control <<'END'
\n
x
\377\376\001
register 1
 register
register\n\n
register\0
unregister
stuck
stuck -1
stuck 1x
stuck 1 1
stuck 1001
stuck 4294967297
orphan x
open 1
%0100000d
END
check "an order need not end its line" eval '[ -z "$(tell $CALLER/control "slow 2" | grep Invalid)" ]'
check "it may" eval '[ -z "$(tell $CALLER/control "delayed 1 5\n" | grep Invalid)" ]'
wait_for "such orders are carried out" 60 state_is executed 3
refuses $RUNQUEUE <<'END'
x
\n
END
unload slow_work_user
unload slow_work_caller

# --- torture's request

load slow_work_torture seconds=0
seen() { cat $EXACT $SYSCTL/*; }
refuses $EXACT <<'END'
\n
\040
x
\377\376\001
-0
0 50
1 50
65 50
2
2\040
2 0
2 100
2 -50
2 50x
2 50 7
2  50
2,50
-2 50
0x2 50
4294967298 50
2 4294967346
99999999999999999999 50
2 50%040d
%0100000d
END
# As everywhere in sysfs a text ends where its first NUL is
taken() { tell $1 "0\0x" | grep -q Invalid && echo refused || echo taken; }
is "a NUL goes as with the kernel's own" "$(taken /sys/module/suspend/parameters/pm_test_delay)" "$(taken $EXACT)"
check "removed it ends" unload slow_work_torture
is "with success" 1 "$(messages "End of test: SUCCESS")"

# --- parameters

long=$(printf '%0900d' 1)
# unloadable MODULE PARAMETER...
unloadable() {
	local m=$1 p; shift
	for p; do
		check_not "$m: parameter '$(printf %.40s "$p" | tr -c ' -~' '?')' is refused" load $m "$p"
		! loaded $m || unload $m
	done
	is "$m: nothing is left of them" "" "$(pool_pids)"
}
for p in seconds=-1 seconds= seconds seconds=x seconds=1x seconds=604801 seconds=4294967297 \
		seconds=99999999999999999999 seconds="$(printf '\377')" seconds=x$long seed=-1 seed=x \
		patience=0 patience=3601 items=0 items=1025 items=-1 requeuers=25 sleepers=1025 \
		producers=65 cancellers=65 hardirqs=-1 users=4294967297 exact=x exact=1 exact= \
		exact="2 50 7" state=x state; do
	set -- "$@" "$p"
done
unloadable slow_work_torture "$@"
unload slow_work
unloadable slow_work min_threads min_threads= min_threads=+ min_threads=0x min_threads=3,4 \
	min_threads=4294967299 min_threads=x$long max_threads="$(printf '\377')" max_threads=9999 \
	max_threads=18446744073709551620 vslow_percentage= vslow_percentage=4294967346 \
	vslow_percentage=-50 vslow_percentage=50%

# --- a name

# The sysctls come last, when all that can be taken back has been done.
states() { cat /sys/devices/system/cpu/hotplug/states; }
states >/tmp/states
load slow_work_namesake
for try in 1 2; do
	dmesg -c >/dev/null
	check_not "insmod $try fails where the name of its sysctls is another's" expect_splat load slow_work
	check_not "$try: it is not loaded" loaded slow_work
	check "$try: the kernel says why" [ "$(messages "sysctl could not get directory")" -ge 1 ]
	check_not "$try: it leaves no file" [ -e ${RUNQUEUE%/*} ]
	check "$try: nor anything for a CPU that comes" eval 'states | cmp -s /tmp/states'
done
unload slow_work_namesake
check "it loads when that has gone" load slow_work
check "with all of its sysctls" [ -e $SYSCTL/nice ]
check "and has a user" load slow_work_caller
unload slow_work_caller
unload slow_work
plan
