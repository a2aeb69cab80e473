#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# hosts.sh [SUITE...]: both commands of README.md on a bare Debian of each suite
#
# By default on 12, 13 and unstable (bookworm trixie unstable): a minimal one is made by
# debootstrap, with git and make and nothing else; it has its own empty cache.  There
# "make demo", then "make check" twice.  Prints KTAP with the seconds that each took.
# CHECK=: the targets instead of "demo check check".
. "$(dirname "$0")/lib/env.sh"

# in_host COMMAND...
in_host() {
	own_mounts
	# shellcheck disable=SC2016 # for the inner shell
	"${UNSHARE[@]}" sh -ec 'root=$1; shift
		mount --bind "$root" "$root"
		mount --bind /proc "$root/proc"
		mount --rbind /dev "$root/dev"
		exec chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' \
		sh "$work/root" "$@"
}

make_host() { bootstrap "$work/root" "$1" git,make; }

# What is committed, as one would have cloned it
clone() { git clone -q "$TOP" "$work/root/root/slow-work"; }

target() {
	local began=$SECONDS status=0
	in_host make -C /root/slow-work "$1" >"$work/out" 2>&1 || status=$?
	echo "# make $1: $((SECONDS - began)) s; $(tail -n 1 "$work/out")" >&3
	[ $status = 0 ] || { grep -E '^ *not ok|^#' "$work/out"; tail -n 30 "$work/out"; }
	return $status
}

[ "$(id -u)" = 0 ] || die "debootstrap wants to be root"
need_packages debootstrap git util-linux mount
[ $# -gt 0 ] || set -- bookworm trixie unstable
mkdir -p "$CACHE/run"
work=$(mktemp -d "$CACHE/run/XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
exec 3>&1
echo "KTAP version 1"
for suite; do
	rm -rf "$work/root"
	result "$suite: a bare one" make_host "$suite"
	result "$suite: the sources" clone
	for t in ${CHECK-demo check check}; do
		result "$suite: make $t" target "$t"
	done
done
plan
