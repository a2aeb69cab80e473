# SPDX-License-Identifier: GPL-2.0-or-later
# Lockdown: of debugfs it leaves what cannot be written and is readable to its
# owner, and no more; the sysctls it does not concern.

LOCKDOWN=/sys/kernel/security/lockdown

reads() { cat "$1" >/dev/null; }
# Opened as a program would; an order that is none
writes() { echo none >>"$1"; }
refused() { ! "$@" 2>/tmp/err && grep -q 'Operation not permitted' /tmp/err; }
mode() { stat -c %a "$1"; }

# look LEVEL: at each file of ours, and at one of the test's that can be written
look() {
	local f
	for f in /sys/kernel/debug/slow_work/* $CALLER/control; do
		case $(mode "$f") in
		400)	check "$1: ${f##*/} is read" reads "$f"
			check "$1: ${f##*/} is not written" refused writes "$f" ;;
		*)	check "$1: ${f##*/}, which can be written, is closed to readers" refused reads "$f"
			check "$1: and to writers" refused writes "$f" ;;
		esac
	done
	is "$1: runqueue shows what is armed" 2 "$(grep -c '^dly' $RUNQUEUE)"
	check "$1: sysctls are written" eval 'echo 3 >$SYSCTL/min-threads && echo 2 >$SYSCTL/min-threads'
}

mount -t securityfs security /sys/kernel/security
check "it is not locked down yet" grep -qF '[none]' $LOCKDOWN
insmod /test/signed/slow_work.ko
insmod /test/signed/slow_work_caller.ko
check "control can be written" order delayed 2 1000000
is "there is a file to look at" 400 "$(mode $RUNQUEUE)"

echo integrity >$LOCKDOWN
look integrity
check "a report of the refusal" [ "$(messages 'Lockdown: cat: debugfs access is restricted')" -ge 1 ]
unload slow_work_caller
unload slow_work
check_not "integrity: no unsigned module" load slow_work
check "for that reason" [ "$(messages 'unsigned module loading is restricted')" -ge 1 ]
check "integrity: but a signed one" insmod /test/signed/slow_work.ko
plan
