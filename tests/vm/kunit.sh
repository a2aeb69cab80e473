# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the KUnit suites, then takes everything out again: what a suite leaves
# behind shows as a failed unload, a thread or a leak.  Where time travels the suite
# comes last whose threads die: after that nothing can be unloaded.
have() { [ -e "/modules/$1.ko" ]; }

load slow_work || not_ok "load slow_work"
! have slow_work_kunit || kunit slow_work_kunit
if have_unload; then
	{ ! loaded slow_work_kunit || unload slow_work_kunit; } && unload slow_work && [ "$(threads)" = 0 ] ||
		{ echo "Bail out! modules do not unload"; exit 1; }
	if have slow_work_kunit_lost && grep -q time-travel /proc/cmdline; then
		load slow_work || not_ok "load slow_work"
		kunit slow_work_kunit_lost
	fi
fi
plan
