#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kunit.sh uml|debug|kcsan [OPTION of vm.sh...]: runs the KUnit suites
#
# SUITES="yield cancel" in the environment: these alone (files in tests/kunit)
. "$(dirname "$0")/lib/env.sh"

kernel=${1-uml}; shift || true
modules=$("$TOP/tests/build.sh" "$kernel" CONFIG_SLOW_WORK_KUNIT_TEST=m \
	${SUITES:+"SUITES=$SUITES"})
# The suites for misuse provoke warnings, and say which.
# More CPUs than most hosts here have cores: that opens races.  Twenty minutes is
# a guard, not a measure.
exec "$TOP/tests/vm.sh" "$kernel" --modules "$modules" --cpus 4 --no-panic-on-warn --timeout 1200 "$@" \
	"$TOP/tests/vm/kunit.sh"
