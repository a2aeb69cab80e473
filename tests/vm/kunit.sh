# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the KUnit suites, then takes everything out again: what a suite leaves
# behind shows as a failed unload, a thread or a leak; and what slow_work itself
# does, in debugfs or when it is loaded once more.  Where time travels the suite comes
# last whose threads die: after that nothing can be unloaded.
have() { [ -e "/modules/$1.ko" ]; }
clean() { [ "$(threads)" = 0 ] && [ ! -e ${RUNQUEUE%/*} ]; }
unload_if_loaded() { ! loaded "$1" || unload "$1"; }
# With one user: of many that are left each leads to the next, and kmemleak looks no
# further where something stale leads to the first
once_more() {
	load slow_work || return
	! have slow_work_caller || { load slow_work_caller && unload slow_work_caller; } || return
	unload slow_work
}

# gives WANTED PARAMETER...: slow_work loads with these settings, or says so why it does not
settings() { echo $(cat $SYSCTL/min-threads $SYSCTL/max-threads $SYSCTL/vslow-percentage); }
gives() {
	local wanted="$1" given; shift
	dmesg -c >/dev/null
	if load slow_work "$@" 2>/dev/null; then given=$(settings); unload slow_work
	else given=$(dmesg | sed -n 's/.*: Parameter //p' | sort -u)	# busybox may try twice
	fi
	is "slow_work $*" "$wanted" "$given"
}

load slow_work || not_ok "load slow_work"
! have slow_work_kunit || kunit slow_work_kunit
if have_unload; then
	unload_if_loaded slow_work_kunit && unload slow_work && clean &&
		once_more && clean ||
		{ echo "Bail out! modules do not unload, leave something behind, or do not load again"; exit 1; }
	# For mutants.py; elsewhere sysctl.sh looks at more
	if grep -q time-travel /proc/cmdline; then
		gives "3 7 20" min_threads=3 max_threads=7 vslow_percentage=20
		gives "10 10 50" min_threads=10
		gives "2 2 1" min_threads=2 max_threads=2 vslow_percentage=1
		gives "min_threads: 6 is not from 2 to 5" min_threads=6 max_threads=5
		gives "min_threads: 3 is not from 2 to 2" min_threads=3 max_threads=2
		gives "max_threads: 1 is not from 3 to 255" min_threads=3 max_threads=1
		gives "vslow_percentage: 100 is not from 1 to 99" vslow_percentage=100
		gives "" min_threads=x
	fi
	if have slow_work_kunit_lost && grep -q time-travel /proc/cmdline; then
		# What a dead thread had is not freed
		detectors
		touch /tmp/leaks-are-done
		load slow_work || not_ok "load slow_work"
		kunit slow_work_kunit_lost
	fi
fi
plan
