# SPDX-License-Identifier: GPL-2.0-or-later
# Where the version before is installed: it is upgraded while a caller uses it.
# shellcheck disable=SC2154 # ./versions has them
. ./settings.sh
. ./versions

make_settings
files="/etc/modprobe.d/slow-work.conf /etc/sysctl.d/slow-work.conf"
said=$(cat $files)
loaded_as_dependency
is "it is $older" "$older" "$(cat /sys/module/slow_work/version)"
# The boot's apt timers may have the lock
check "apt install of $this" eval 'apt-get -y -o DPkg::Lock::Timeout=600 install /root/debs/slow-work-*_${this}_*.deb'
is "is done" "$this" "$(dpkg-query -W -f '${Version}' slow-work-dkms)"
is "the administrator's files are as they were" "$said" "$(cat $files)"
is "what is loaded stays" "$older" "$(cat /sys/module/slow_work/version)"
check "with its settings" setting_is max-threads 24
check "and its caller goes" rmmod hello
check "and comes, as what it was built for is loaded" modprobe hello
wait_for "and its item runs" 60 eval '[ "$(messages "hello: done")" = 2 ]'
is "what would be loaded is $this" "$this" "$(modinfo -F version slow_work)"
is "there is no other" 1 "$(find /lib/modules -name 'slow_work.ko*' | wc -l)"

check "both go" eval 'rmmod hello && rmmod slow_work'
if [ "$real" = yes ]; then
	check_not "a caller that was built for $older is refused" modprobe hello
	check "with the reason" [ "$(messages 'hello: disagrees about version of symbol')" -ge 1 ]
fi
check "it is built anew" make -C /home/caller modules modules_install
check "and comes" modprobe hello
settings_hold
wait_for "and its item runs" 60 eval '[ "$(messages "hello: done")" = 3 ]'
plan
