# SPDX-License-Identifier: GPL-2.0-or-later
# Runs storm.c inside a VM, and reads every file and writes every sysctl meanwhile;
# its lines go to the host as they are.  $items and $waiters come from the kernel's
# command line, if it is to be fewer.

FILES=${RUNQUEUE%/*}

read_files() {
	while :; do
		cat $FILES/runqueue $FILES/stats $FILES/stats-values
		usleep 100000
	done >/dev/null
}

write_sysctls() {
	local percentage
	while :; do
		for percentage in 1 99 50; do
			echo $percentage >$SYSCTL/vslow-percentage
			usleep 5000
		done
		echo 1 >$SYSCTL/histograms
		echo 1 >$SYSCTL/cpumask
		echo -6 >$SYSCTL/nice
		usleep 5000
		echo 1 >$FILES/reset
		echo 0 >$SYSCTL/histograms
		echo -5 >$SYSCTL/nice
		usleep 5000
	done
}

# A stall is to be told, and a serial line takes no part in it
echo 4 >/proc/sys/kernel/printk
echo "# bench-kernel: $(uname -r)"
sleep 8
load slow_work || not_ok "load slow_work"
dmesg -c >/dev/null
echo 1 >$SYSCTL/stall-warn-secs
read_files & readers=$!
write_sysctls & writers=$!
check "everything at once" load slow_work_storm ${items:+items=$items} ${waiters:+waiters=$waiters}
kill $readers $writers
dmesg | sed -n 's/^\[ *[0-9.]*\] slow_work_storm: /# bench: /p'
check "a stall was told" [ "$(messages 'Slow work thread pool: stall: ')" -ge 1 ]
check "unload" eval "unload slow_work_storm && unload slow_work"
plan
