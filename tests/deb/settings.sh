# SPDX-License-Identifier: GPL-2.0-or-later
# What the scripts beside this one share.  The administrator's two files say
# other than the module's defaults, and other than each other.
make_settings() {
	echo "options slow_work min_threads=3 vslow_percentage=40" >/etc/modprobe.d/slow-work.conf
	printf 'kernel.slow-work.%s\n' max-threads=24 vslow-percentage=30 >/etc/sysctl.d/slow-work.conf
}

setting() { sysctl -n "kernel.slow-work.$1"; }
setting_is() { [ "$(setting "$1")" = "$2" ]; }

# Here udev applies sysctl.d, soon
settings_hold() {
	is "modprobe.d holds" 3 "$(setting min-threads)"
	wait_for "sysctl.d holds" 60 setting_is max-threads 24
	wait_for "sysctl.d has the last word" 60 setting_is vslow-percentage 30
}

# Loaded late, as what a caller depends on
loaded_as_dependency() {
	check_not "nothing loads the module at boot" loaded slow_work
	check "the boot's sysctl run is over" systemctl is-active systemd-sysctl
	check "modprobe of a caller" modprobe hello
	check "loads the module" loaded slow_work
	settings_hold
	wait_for "the caller's item runs" 60 eval '[ "$(messages "hello: done")" = 1 ]'
}
