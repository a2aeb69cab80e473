# SPDX-License-Identifier: GPL-2.0-or-later
# A kernel that takes signed modules alone (module.sig_enforce=1)

is "the kernel enforces signatures" Y "$(cat /sys/module/module/parameters/sig_enforce)"
check_not "an unsigned module is refused" load slow_work
check "for that reason" [ "$(messages 'unsigned module is rejected')" -ge 1 ]
check_not "one signed with a key that the kernel does not know" insmod /test/signed/stranger.ko
check "for that reason" [ "$(messages 'module with unavailable key is rejected')" -ge 1 ]
check_not "one that was changed when it had been signed" insmod /test/signed/changed.ko
is "nothing is loaded" 0 "$(grep -c slow_work /proc/modules)"

check "one signed with the kernel's key is taken" insmod /test/signed/slow_work.ko
check "and a caller of it" insmod /test/signed/slow_work_caller.ko
is "it taints the kernel as built out of tree alone" O "$(cat /sys/module/slow_work/taint)"
order slow 3
wait_for "and it works" 60 state_is executed 3
unload slow_work_caller
check "it unloads" unload slow_work
plan
