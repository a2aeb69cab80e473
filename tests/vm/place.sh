# SPDX-License-Identifier: GPL-2.0-or-later
# Where threads run, and with which niceness: those that are there and those to
# come, on four CPUs of which the command line takes the last two from the kernel.

WORKQUEUES=/sys/devices/virtual/workqueue/cpumask
# By dd: the shell's own printf does not tell why a write failed
write() { printf "$2" >/tmp/in; dd if=/tmp/in of=$1 bs=64k conv=notrunc 2>&1; }
tell() { write $SYSCTL/$1 "$2" >/dev/null; }
# without the zeros that kernels show for CPUs which are not possible
mask() { sed 's/^[0,]*//' $SYSCTL/cpumask; }
settings() { echo $(mask) $(cat $SYSCTL/nice); }
cpu() { echo $2 >/sys/devices/system/cpu/cpu$1/online; }

# What the threads have, each value once: one word if they agree
of() { local p; for p in $($1); do echo /proc/$p/$2; done; }
masks_are() { [ "$(masks)" = "$1" ]; }
masks() { sed -n 's/^Cpus_allowed:\t[0,]*//p' $(of pool_pids status) 2>/dev/null | sort -u | xargs; }
nices() { cut -d' ' -f19 $(of kslowd_pids stat) 2>/dev/null | sort -u | xargs; }
agree() { [ "$(nices) $(masks)" = "$1" ]; }
cpus() { cut -d' ' -f39 $(of kslowd_pids stat) 2>/dev/null | sort -u | xargs; }
manager() { grep -l '^slow_work_mgr$' /proc/[0-9]*/comm | cut -d/ -f3; }

if ! have_sysctl; then
	skip "where threads run" "no sysctls"
	plan
	exit
fi
if ! have_smp; then
	skip "where threads run" "one CPU"
	plan
	exit
fi

# --- by default

load slow_work
# CPUs take long to come and go
tell stall-warn-secs 0
# kernels for debugging know no nohz_full=
housekeeping=7
[ ! -e /sys/devices/system/cpu/nohz_full ] || housekeeping=3
is "neither isolcpus= nor nohz_full= has them" $housekeeping "$(mask)"
is "niceness" -5 "$(cat $SYSCTL/nice)"
load slow_work_caller
wait_for "the first user brings the minimum" 60 threads_are 2
is "they keep to these CPUs, the manager too" $housekeeping "$(masks)"
is "and have that niceness" -5 "$(nices)"
is "the manager has none" 0 "$(cut -d' ' -f19 /proc/$(manager)/stat)"
p=$(kslowd_pids | head -n 1)
check_not "taskset does not move them" taskset -p 8 $p

# --- threads that are there, threads to come

tell max-threads 12
order close
order slow 4
wait_for "items execute" 60 state_is executing 4
check "a write" tell cpumask 8
is "holds" "8 -5" "$(settings)"
is "for threads that are blocked" 8 "$(masks)"
check "niceness is written" tell nice 7
is "and holds" "8 7" "$(settings)"
is "for them too" 7 "$(nices)"
is "not for the manager" 0 "$(cut -d' ' -f19 /proc/$(manager)/stat)"
order slow 8
wait_for "more threads are started" 60 state_is executing 12
is "the CPUs hold for them" 8 "$(masks)"
is "so does the niceness" 7 "$(nices)"
order open
wait_for "every item runs" 60 state_is executed 12
is "there" 3 "$(cpus)"
tell cpumask 4
is "idle threads are moved" 4 "$(masks)"
order close
order slow 12
wait_for "items execute" 60 state_is executing 12
is "where they were moved to" 2 "$(cpus)"
order open
wait_for "every item runs" 60 state_is executed 24
for n in -20 19 0; do
	check "niceness $n" tell nice $n
	is "is theirs" $n "$(nices)"
done

# --- a write while threads come and go

tell max-threads 20
agreed=0
for round in $(seq 10); do
	tell min-threads 2
	tell max-threads 2
	until_true 60 threads_are 2
	tell max-threads 20
	mask=$((round % 15 + 1))
	(tell min-threads 20) &
	until_true 60 eval '[ $(threads) -gt $((round % 10 + 2)) ]'
	tell nice $((round - 10))
	tell cpumask $(printf %x $mask)
	wait
	until_true 60 threads_are 20
	# The last one has its name first
	until_true 60 agree "$((round - 10)) $(printf %x $mask)" && agreed=$((agreed + 1)) ||
		note "round $round: $(nices), $(masks)"
done
is "settings hold for threads that start meanwhile" 10 $agreed
tell min-threads 2

# --- CPUs that go and come

tell nice -5
tell cpumask 4
is "one CPU" 4 "$(masks)"
check "it goes off line" cpu 2 0
order close
order slow 20
wait_for "threads run all the same, old ones and new" 60 state_is executing 20
is "so many" 20 "$(threads)"
is "the setting stays" 4 "$(mask)"
# A manager that sleeps keeps its CPU until it wakes
is "they may run anywhere meanwhile" "" \
	"$(sed -n 's/^Cpus_allowed:\t[0,]*//p' $(of kslowd_pids status) | grep -x 4)"
check "the CPU comes back" cpu 2 1
wait_for "and with it the threads" 60 masks_are 4
cpu 2 0
check "a CPU that is off line may be written" tell cpumask 4
check "one that is on line is taken from both" tell cpumask 6
is "both are told" 6 "$(mask)"
is "and are the threads'" 6 "$(masks)"
tell cpumask 4
check_not "without one on line they do not stay where they were" masks_are 6
cpu 2 1
wait_for "one that came is theirs again" 60 masks_are 4
order open
wait_for "every item runs" 60 state_is executed 44
is "there" 2 "$(cpus)"
# Until Linux 5.11 one that is on line and does not run tasks is no place
cpu 3 0
while :; do tell cpumask 8; tell cpumask c; done &
telling=$!
came=0
for round in $(seq 5); do
	cpu 2 0 && cpu 2 1 && came=$((came + 1))
done
is "one of two goes and comes while threads are told" 5 $came
kill $telling
wait $telling
tell cpumask c
wait_for "it is theirs" 60 masks_are c
cpu 3 1
tell cpumask 4
is "one CPU again" 4 "$(masks)"

# --- bad input

# refused FILE TEXT [REASON]
refused() {
	local before="$(settings)" out
	out=$(write $SYSCTL/$1 "$2")
	case $out in
	*"${3-Invalid argument}"*) is "$1: '$2' is refused" "$before" "$(settings)" ;;
	*) not_ok "$1: '$2' is refused" "said: ${out:-nothing}" ;;
	esac
}
for bad in 0 '0\n' '\n' ' ' x 3x 0x3 -1 + 3.0 '3\n4' '3\n\n' '3\0004' '\377'; do
	refused cpumask "$bad"
done
# as workqueues say it
refused cpumask f0 "Value too large"
refused cpumask "$(printf '1%0400d' 0)" "Value too large"
for bad in '\n' ' ' -21 20 100 x 3x '3 4' 3.0 - 99999999999 4294967297; do
	refused nice "$bad"
done
is "no thread has been moved by that" "4 -5" "$(masks) $(nices)"
at_offset() { printf 3 | dd bs=1 seek=1 conv=notrunc of=$SYSCTL/cpumask; }
check_not "cpumask: a write at an offset is refused" at_offset
is "and changes nothing" 4 "$(mask)"

# --- what workqueues take

# by NAME FILE TEXT: what a write gives, and what is there then
by() { write $2 1 >/dev/null; write $2 "$3" >/tmp/said && echo taken $(cat $2) || grep -o 'write.*: .*' /tmp/said | sed 's/.*: //'; }
for text in 3 '3\n' 0f f 00000003 '0,3' '00000000,00000002' 'B' b ff '2 ' ' 2' '1,' ',1' g 0 '' \
		1fffffffff '3,00000000'; do
	is "'$text' is to cpumask what it is to workqueues" "$(by theirs $WORKQUEUES "$text")" \
		"$(by ours $SYSCTL/cpumask "$text")"
done
dd if=$SYSCTL/cpumask bs=1 >/tmp/bytes 2>/dev/null
is "and reads the same by the byte" "$(cat $SYSCTL/cpumask)" "$(cat /tmp/bytes)"

# --- without a user

if ! have_unload; then
	skip "without a user" "no unloading"
	plan
	exit
fi
unload slow_work_caller
check "settings may be written" tell cpumask 2
tell nice 3
cpu 3 0
cpu 3 1
load slow_work_caller
is "and are there for the first" "2 3" "$(masks) $(nices)"

# --- cpusets, which place kernel threads anew

# 5.10 isolates none, and where a partition is a root takes the CPUs from under its own
# workqueues, with a warning
have_isolated() { case $(uname -r) in 5.10.*) false ;; esac; }

# Last, as 6.1 does so once more, some time after the group is gone
tell cpumask 4
group=/tmp/cgroup
mkdir $group
if have_isolated && mount -t cgroup2 none $group && echo +cpuset >$group/cgroup.subtree_control; then
	mkdir $group/alone
	echo 1 >$group/alone/cpuset.cpus
	echo isolated >$group/alone/cpuset.cpus.partition
	is "another CPU is isolated" isolated "$(cat $group/alone/cpuset.cpus.partition)"
	# 6.1 moves whatever is not bound to a single CPU, workqueues' threads too
	case $(uname -r) in
	6.1.*) tell cpumask 4 ;;
	esac
	is "threads stay" 4 "$(masks)"
	order close
	order slow 20
	wait_for "threads are started" 60 state_is executing 20
	is "those to come go there too" "4 2" "$(masks) $(cpus)"
	order open
	wait_for "every item runs" 60 state_is executed 20
	rmdir $group/alone
	umount $group
else
	note "no cpusets"
fi

unload slow_work_caller
unload slow_work
cpu 3 0
check "CPUs go and come when we are gone" cpu 3 1
plan
