# SPDX-License-Identifier: GPL-2.0-or-later
# On the second kernel; and the packages are purged while the module is in use.
. ./settings.sh

loaded_as_dependency
# The boot's apt timers may have the lock
check "apt purge" apt-get -y -o DPkg::Lock::Timeout=600 purge slow-work-dkms slow-work-dev slow-work-tools
check "what is loaded works on" setting_is max-threads 24
check "and goes" eval 'rmmod hello && rmmod slow_work'
check_not "it cannot be loaded any more" modprobe slow_work
is "no module is left" "" "$(find /lib/modules /var/lib/dkms -name 'slow[_-]work*')"
plan
