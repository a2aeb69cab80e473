# SPDX-License-Identifier: GPL-2.0-or-later
# After a reboot, with what upgrade.sh has left.
# shellcheck disable=SC2154 # ./versions has it
. ./settings.sh
. ./versions

loaded_as_dependency
is "it is $this" "$this" "$(cat /sys/module/slow_work/version)"
check "the caller goes" modprobe -r hello
plan
