# SPDX-License-Identifier: GPL-2.0-or-later
# Lockdown: of debugfs it leaves what cannot be written and is readable to its
# owner, and no more; the sysctls it does not concern.

LOCKDOWN=/sys/kernel/security/lockdown
DEBUGFS=/sys/kernel/debug/slow_work

reads() { cat "$1" >/dev/null; }
# Opened as a program would
writes() { echo 1 >>"$1"; }
refused() { ! "$@" 2>/tmp/err && grep -q 'Operation not permitted' /tmp/err; }
mode() { stat -c %a "$1"; }

# look LEVEL: at each file of ours
look() {
	local f
	for f in $DEBUGFS/*; do
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
is "there is a file to read, and one to write" "400 200" \
	"$(echo $(mode $RUNQUEUE) $(mode $DEBUGFS/reset))"
check "which can be written" eval 'echo 1 >$DEBUGFS/reset'

echo integrity >$LOCKDOWN
# First, as lines that say so are limited in number
check_not "no unsigned module" load slow_work
check "for that reason" [ "$(messages 'unsigned module loading is restricted')" -ge 1 ]
check "but a signed one" insmod /test/signed/slow_work_caller.ko
order delayed 2 1000000
look integrity
check "a report of the refusal" [ "$(messages 'Lockdown: cat: debugfs access is restricted')" -ge 1 ]
echo confidentiality >$LOCKDOWN
look confidentiality
unload slow_work_caller
unload slow_work
plan
