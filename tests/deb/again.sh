# SPDX-License-Identifier: GPL-2.0-or-later
# After a reboot, with what first.sh has left.
. ./settings.sh

loaded_as_dependency
check "the caller goes" modprobe -r hello
plan
