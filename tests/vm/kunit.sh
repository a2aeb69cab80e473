# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the KUnit suites, then takes everything out again: what a suite leaves
# behind shows as a failed unload, a thread or a leak; and what slow_work itself
# does, in debugfs or when it is loaded once more.  Where time travels the suite comes
# last whose threads die: after that nothing can be unloaded.
have() { [ -e "/modules/$1.ko" ]; }
clean() { [ "$(threads)" = 0 ] && [ ! -e ${RUNQUEUE%/*} ]; }
unload_if_loaded() { ! loaded "$1" || unload "$1"; }

load slow_work || not_ok "load slow_work"
! have slow_work_kunit || kunit slow_work_kunit
if have_unload; then
	unload_if_loaded slow_work_kunit && unload slow_work && clean &&
		load slow_work && unload slow_work && clean ||
		{ echo "Bail out! modules do not unload, leave something behind, or do not load again"; exit 1; }
	if have slow_work_kunit_lost && grep -q time-travel /proc/cmdline; then
		# What a dead thread had is not freed
		detectors
		touch /tmp/leaks-are-done
		load slow_work || not_ok "load slow_work"
		kunit slow_work_kunit_lost
	fi
fi
plan
