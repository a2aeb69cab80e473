# SPDX-License-Identifier: GPL-2.0-or-later
# After apt install: what an administrator does first.
. ./settings.sh

check "modprobe" modprobe slow_work
is "the module's version is the package's" "$(dpkg-query -W -f '${Version}' slow-work-dkms)" \
	"$(cat /sys/module/slow_work/version)"
check "sysctl -w" sysctl -w kernel.slow-work.max-threads=16
is "is heard" 16 "$(setting max-threads)"
check_not "sysctl -w of nonsense is refused" sysctl -w kernel.slow-work.vslow-percentage=100
check "rmmod" rmmod slow_work
make_settings
check "modprobe with files in modprobe.d and sysctl.d" modprobe slow_work
settings_hold
check "rmmod once more" rmmod slow_work
plan
