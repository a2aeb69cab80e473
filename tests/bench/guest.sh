# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the benchmark inside a VM; its lines go to the host as they are.  $jobs,
# $engines and $rounds come from the kernel's command line, and so does $short, jobs
# that run three times; with $symbols the addresses of all functions go to the host too.

# The pool's notices would be timed as what a serial line takes to print them
echo 4 >/proc/sys/kernel/printk
echo "# bench-kernel: $(uname -r)"
# From 6.12 on the scheduler has a server of fair tasks, in case real-time ones leave
# them nothing.  When the first task wakes up on an idle CPU that is started, which is 500
# instructions more or less by when in its period that was.
for server in /sys/kernel/debug/sched/fair_server/*/runtime; do
	[ ! -e "$server" ] || echo 0 >"$server"
done
# For some seconds the kernel is busy with its own start
sleep 8
load slow_work || not_ok "load slow_work"
dmesg -c >/dev/null
benchmark() { load slow_work_bench ${jobs:+jobs=$jobs} ${engines:+engines=$engines} ${rounds:+rounds=$rounds}; }
check "run the benchmark" benchmark
[ -z "$short" ] || check "three rounds of the rest" eval "unload slow_work_bench && jobs=$short rounds=3 && benchmark"
dmesg | sed -n 's/^\[ *[0-9.]*\] slow_work_bench: /# bench: /p'
[ -z "$symbols" ] || { echo "# symbols:"; awk '$2 ~ /[tTwW]/ { print $1, $3 }' /proc/kallsyms | gzip | base64 | sed "s/^/# symbols: /"; }
check "unload" eval "unload slow_work_bench && unload slow_work"
plan
