#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kunit.sh KERNEL [--plain] [OPTION of vm.sh...]: runs the KUnit suites on one of our kernels
#
# In User Mode Linux time travels: what is waited for comes at once, and a run is
# like the next.  With --plain, and on uml-smp, the time is the host's, so that threads
# are preempted wherever they are, in another place each time.
#
# SUITES="yield cancel" in the environment: these alone (files in tests/kunit)
. "$(dirname "$0")/lib/env.sh"

kernel=${1-uml}; shift || true
plain=
[ "${1-}" != --plain ] || { plain=yes; shift; }
switches=(CONFIG_SLOW_WORK_KUNIT_TEST=m ${SUITES:+"SUITES=$SUITES"})
# Those that other tests run on too are built for once
[ -n "${SUITES-}" ] || mapfile -t switches < <(all_switches "$kernel")
modules=$("$TOP/tests/build.sh" "$kernel" "${switches[@]}")
[ -n "${SUITES-}" ] || [ -e "$modules/slow_work_kunit.ko" ] || die "there are no suites for $kernel"
# Who spins there stops the time; a run takes some seconds of a CPU
[[ $kernel != uml?(-debug) || -n $plain ]] || set -- --append time-travel=inf-cpu --cpu-time 120 "$@"
# The suites for misuse provoke warnings, and say which.
# More CPUs than most hosts here have cores: that opens races, where they are emulated.
# On the debug kernel it opens none and takes half as long again, as CPUs spin for what
# one has that the host does not run.  Twenty minutes is a guard, not a measure.
cpus=4
case $kernel in uml-smp|debug) cpus=2 ;; esac
exec "$TOP/tests/vm.sh" "$kernel" --modules "$modules" --cpus $cpus --no-panic-on-warn --timeout 1200 "$@" \
	"$TOP/tests/vm/kunit.sh"
