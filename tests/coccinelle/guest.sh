# SPDX-License-Identifier: GPL-2.0-or-later
# The sample on workqueues, moved by the semantic patch, does what it did; in its
# place by hand, samples.sh has the same.

m=lease_moved
renewals() { cat /sys/module/$m/parameters/renewals; }
renewed() { [ "$(renewals)" -ge "$1" ]; }
armed() { [ "$(grep -c '^ *dly .*lease_renew' $RUNQUEUE)" = 8 ]; }

check "load slow_work" load slow_work
check "load what was moved" load $m
check "it is told to renew its 8 leases" eval 'echo 1 >/sys/module/$m/parameters/renew'
check "they are when that returns" renewed 8
wait_for "its 8 items are armed" 60 armed
wait_for "they are renewed again by themselves" 60 renewed 16
check "it unloads with all items armed" unload $m
is "no thread without a user" 0 "$(threads)"
check "unload slow_work" unload slow_work
plan
