# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the KUnit suites, then takes everything out again: what a suite leaves
# behind shows as a failed unload, a thread or a leak.
load slow_work || not_ok "load slow_work"
kunit slow_work_kunit
have_unload || exit 0
unload slow_work_kunit && unload slow_work && [ "$(threads)" = 0 ] ||
	{ echo "Bail out! modules do not unload"; exit 1; }
