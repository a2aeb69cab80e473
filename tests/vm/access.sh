# SPDX-License-Identifier: GPL-2.0-or-later
# Nobody but root reads a file in debugfs or writes a sysctl: not another user, not
# one who is root in a user namespace, with mounts of his own or without, nor the
# root of a container whose users are mapped to others.

mkdir /etc
echo 'root:x:0:0::/:/bin/sh' >/etc/passwd
echo 'user:x:1000:1000::/:/bin/sh' >>/etc/passwd
echo 'user:x:1000:' >/etc/group
# The file modes are to be looked at, not the directory that they hide behind
mount -o remount,mode=755 /sys/kernel/debug
chmod 1777 /tmp

# Prints who it is, how many files it saw, and what it could do
cat >/tmp/attempt <<'END'
echo $(id -u) in $(cat /proc/self/uid_map)
ls /sys/kernel/debug/slow_work | wc -l
for f in /sys/kernel/debug/slow_work/*; do
	cat $f >/dev/null 2>&1 && echo "reads ${f##*/}"
	(: >>$f) 2>/dev/null && echo "opens ${f##*/} for writing"
done
ls /proc/sys/kernel/slow-work | wc -l
for f in /proc/sys/kernel/slow-work/*; do
	value=$(cat $f) || echo "does not read ${f##*/}"
	(echo $value >$f) 2>/dev/null && echo "writes ${f##*/}"
done
exit 0
END

load slow_work
load slow_work_caller
order delayed 1 1000000
files=$(ls /sys/kernel/debug/slow_work | wc -l)
sysctls=$(ls $SYSCTL | wc -l)

# attempts NAME WHO COMMAND...: it can do nothing
attempts() {
	local name="$1" who="$2"; shift 2
	is "$name" "$who $files $sysctls" "$(echo $("$@" 2>&1))"
}

# That the attempt can be seen to succeed
sh /tmp/attempt >/tmp/root
is "root writes all sysctls" "$sysctls" "$(grep -c ^writes /tmp/root)"
is "root opens all files" "$files" "$(grep -c ^opens /tmp/root)"
check "and reads runqueue" grep -q '^reads runqueue' /tmp/root
is "no parameter is left in sysfs" "" "$(ls /sys/module/slow_work/parameters 2>/dev/null)"

as_user() { su user -s /bin/sh -c "$1"; }
attempts "another user" "1000 in 0 0 4294967295" as_user "sh /tmp/attempt"
attempts "root of a user namespace" "0 in 0 1000 1" as_user "unshare -r sh /tmp/attempt"
attempts "with mounts of its own" "0 in 0 1000 1" \
	as_user "unshare -r -m -p -f sh -c 'mount -t proc proc /proc && sh /tmp/attempt'"
is "it mounts no debugfs" "mount: permission denied (are you root?)" \
	"$(as_user 'unshare -r -m mount -t debugfs debug /mnt' 2>&1)"

# A container as the administrator makes it
unshare -U -m sleep 100000 &
pid=$!
until_true 60 eval '[ "$(readlink /proc/$pid/ns/mnt)" != "$(readlink /proc/self/ns/mnt)" ]'
echo 0 100000 65536 >/proc/$pid/uid_map
echo 0 100000 65536 >/proc/$pid/gid_map
attempts "root of a container" "0 in 0 100000 65536" \
	nsenter -t $pid -U -m -S 0 -G 0 sh /tmp/attempt
kill $pid

unload slow_work_caller
unload slow_work
plan
