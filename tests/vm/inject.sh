# SPDX-License-Identifier: GPL-2.0-or-later
# Allocations fail, each in its turn, on a kernel with fault injection: while a
# user registers, in its own task and in kthreadd, which makes the threads; while
# the pool grows; while slow_work is loaded.  In User Mode Linux that takes a tenth of the
# time.  badinput.sh looks at what is left in CPU hotplug.

FAILSLAB=/sys/kernel/debug/failslab
FAILPAGE=/sys/kernel/debug/fail_page_alloc
KTHREADD=2
# Allocations that may sleep are the ones that matter here; kthreadd's are told
# from the others' by its mark.  The console is to hold no stack for each.
echo N >$FAILSLAB/ignore-gfp-wait
echo Y >$FAILSLAB/task-filter
echo 0 >$FAILSLAB/verbose
echo 1 >$FAILSLAB/interval
echo 100 >$FAILSLAB/probability
# fail_always PID..., fail_never PID...: all allocations of these tasks
fail_always() { local p; for p; do echo 1 >/proc/$p/make-it-fail; done; echo -1 >$FAILSLAB/times; }
fail_never() { local p; echo 0 >$FAILSLAB/times; for p; do echo 0 >/proc/$p/make-it-fail; done; }
fail_never
# The fault of fail-nth may be spent on pages that a slab wants, and does without
one_fault() { echo 1 >$FAILSLAB/times; echo 1 >$FAILPAGE/times; }
was_fault() { [ "$(cat $FAILSLAB/times $FAILPAGE/times | tr -d '\n')" != 11 ]; }

# Sets THREADS and RESERVES, how many there are
count_threads() {
	local s c
	THREADS=0 RESERVES=0
	for s in /proc/[0-9]*/comm; do
		read -r c <"$s" || continue
		case $c in
		kslowd*) THREADS=$((THREADS + 1)) ;;
		kslowr*) RESERVES=$((RESERVES + 1)) ;;
		esac
	done 2>/dev/null
}

# in_turn PID TASK: has the first, second, ... allocation of a task fail while a
# user registers, with a reserve, until there are no more.  No process is started
# meanwhile, since whoever starts one allocates.
in_turn() {
	local nth=0 left=0 refused=0 kept=0 unclean= status
	while [ "$left" = 0 ] && [ $nth -lt 1000 ]; do
		nth=$((nth + 1))
		echo $nth >/proc/$1/fail-nth
		echo reserve 2>/dev/null >$USER/control
		status=$?
		read -r left 2>/dev/null </proc/$1/fail-nth || left=0
		echo 0 >/proc/$1/fail-nth
		if [ $status = 0 ]; then
			[ "$left" != 0 ] || kept=$((kept + 1))
			count_threads
			[ "$THREADS $RESERVES" = "2 1" ] ||
				unclean="$unclean $nth ($THREADS threads, $RESERVES reserves)"
			user unregister
		else
			refused=$((refused + 1))
			[ "$left" = 0 ] || unclean="$unclean $nth (no fault)"
		fi
		# One that has been waited for is still there for a moment
		until_true 60 no_pids || unclean="$unclean $nth"
	done
	note "$2: $((nth - 1)) allocations; a user is refused for $refused of them, gets on without $kept"
	check "faults in $2 have users refused" [ $refused -ge 2 ]
	check "all allocations of $2 have had their turn" [ "$left" != 0 ]
	is "nothing is left of them" "" "$unclean"
	check "a user can register after that" user reserve
	count_threads
	is "with the minimum of threads, and its reserve" "2 1" "$THREADS $RESERVES"
	user unregister
}

# --- insmod of slow_work

# nth N: loads slow_work while its Nth allocation fails.  True if there was one.
# Where insmod fails with memory short it tries again at once; so what a first try
# leaves behind is in the way of the second.
nth() {
	one_fault
	(echo "$1" >/proc/self/fail-nth; exec insmod /modules/slow_work.ko) 2>/dev/null
	if loaded slow_work; then
		[ -e $SYSCTL/max-threads ] || unclean="$unclean $1 (no sysctls)"
		# It is of use: there is a pool, and samples of it
		echo 120 >$SYSCTL/stall-warn-secs
		load slow_work_caller && unload slow_work_caller || unclean="$unclean $1 (no user)"
		unload slow_work
	else
		failed=$((failed + 1))
	fi
	[ ! -e $SYSCTL ] || unclean="$unclean $1 (sysctls)"
	[ ! -e ${RUNQUEUE%/*} ] || unclean="$unclean $1 (debugfs)"
	was_fault
}
failed=0 unclean=
# Some places in the kernel print a stack where memory is short, so reports are
# looked for here
dmesg -c >/dev/null
echo EXPECT-SPLAT-BEGIN >/dev/kmsg
least=1 most=4096
while [ $((most - least)) -gt 1 ]; do
	n=$(((least + most) / 2))
	if nth $n; then least=$n; else most=$n; fi
done
# The kernel prepares a module first; our own are the last
check "allocations of insmod fail" [ $least -gt 100 ]
for n in $(seq $((least - 80)) $((least + 2))); do nth $n; done
note "insmod of slow_work: $least allocations, not loaded $failed times"
is "nothing is left of them" "" "$unclean"

# --- texts that want memory

load slow_work
# reads FILE N: while the Nth allocation fails it is told in whole, or not at all
reads() {
	local out
	one_fault
	out=$({ (echo "$2" >/proc/self/fail-nth; exec dd if="$1" bs=4096 count=1) 2>/dev/null ||
		echo failed; } | tr '\0' 0)
	[ "$out" = failed ] || [ "${out%%
*}" = "$whole" ] || unclean="$unclean $2: $out"
	was_fault
}
for file in $SYSCTL/cpumask $RUNQUEUE ${RUNQUEUE%/*}/stats ${RUNQUEUE%/*}/stats-values; do
	unclean='' whole=$(head -n 1 $file)
	# Again, as a slab that wants pages moves the others
	for pass in 1 2 3; do
		n=1
		while reads $file $n && [ $n -lt 1000 ]; do n=$((n + 1)); done
	done
	note "a read of ${file##*/}: $((n - 1)) allocations"
	check "allocations of a read fail" [ $n -gt 2 ]
	is "it is whole, or an error" "" "$unclean"
done
unload slow_work
echo EXPECT-SPLAT-END >/dev/kmsg
is "the kernel found nothing twice, nor anything wrong" "" \
	"$(dmesg | grep -E 'duplicate|BUG|WARNING|Oops|INFO|KASAN|UBSAN|ODEBUG|corruption|refcount')"
fail_never

load slow_work
load slow_work_user
in_turn self "the task that registers"
in_turn $KTHREADD "kthreadd"

# --- insmod of a user

fail_always $KTHREADD
check_not "insmod of a user fails without memory for threads" load slow_work_caller
fail_never $KTHREADD
check_not "it is not loaded" loaded slow_work_caller
is "no thread is left" "" "$(pool_pids)"
check "later it loads" load slow_work_caller

# --- growing

manager() { local s c; for s in /proc/[0-9]*/comm; do read -r c <"$s" || continue
	[ "$c" != slow_work_mgr ] || { s=${s#/proc/}; echo "${s%/comm}"; }; done 2>/dev/null; }
uptime_cs() { local up _; read -r up _ </proc/uptime; CS=${up%.*}${up#*.}; }
given_up() { [ "$(messages "Cannot start a thread (-12), next try in 5 s")" -gt "$1" ]; }

echo 4 >$SYSCTL/max-threads
done=0
for task in $KTHREADD $(manager); do
	who=$(cat /proc/$task/comm)
	order close
	before=$(messages "Cannot start a thread")
	uptime_cs; since=$CS
	fail_always $task
	order slow 8
	wait_for "$who: the pool tries to grow, and says that it cannot" 60 given_up "$before"
	wait_for "$who: the threads that are there are at work" 60 state_is executing 2
	fail_never $task
	check "$who: a sysctl that wants threads is accepted" eval "echo 3 >$SYSCTL/min-threads"
	wait_for "$who: the pool grows in the end" 60 state_is executing 4
	# In ticks of 10 ms on the same clock; it cannot have failed before it was asked
	first=$(for p in $(kslowd_pids); do sed 's/.*) //' /proc/$p/stat | cut -d' ' -f20; done |
		sort -n | awk -v since=$since '$1 > since { print; exit }')
	note "$who: threads could be had at once, and were started after $((first - since)) ticks"
	check "$who: but no thread is started for 5 s" [ $((first - since)) -ge 490 ]
	order open
	done=$((done + 8))
	wait_for "$who: every item runs" 60 state_is executed $done
	echo 2 >$SYSCTL/min-threads
	wait_for "$who: surplus threads leave" 60 threads_are 2

	order close
	before=$(messages "Cannot start a thread")
	fail_always $task
	order slow 8
	wait_for "$who: it says so again" 60 given_up "$before"
	order open
	order delayed 4 50
	order vslow 4
	done=$((done + 16))
	wait_for "$who: without memory every item runs on the threads that are there" 60 \
		state_is executed $done
	is "$who: which are" 2 "$(threads)"
	fail_never $task
done
unload slow_work_caller
is "no thread is left" "" "$(pool_pids)"
unload slow_work_user
unload slow_work
plan
