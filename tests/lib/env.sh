# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by every script under tests/: where things are, how to speak, how to
# get what is missing.

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# What is built in the cache is each checkout's own; those that no two use at once may have
# a name in common instead of their paths
CHECKOUT=${SLOW_WORK_CHECKOUT:-$TOP}
CACHE=${SLOW_WORK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slow-work}
JOBS=$(nproc)
export LC_ALL=C
# The caller's make must not steer ours: a VAR=value or a job server of his
# reaches us through these.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }

_apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 \
		-o DPkg::Lock::Timeout=3600 "$@" >&2
}

# Package lists are fetched when there are none; a stale list shows as a failed
# install or download, and is fetched again then.
APT_LISTS=/var/lib/apt/lists
apt_lists() {
	[ "${1-}" = force ] || ! compgen -G "$APT_LISTS/*_Packages*" >/dev/null || return 0
	[ "$(id -u)" = 0 ] || die "package lists missing or stale; run as root: apt-get update"
	say "slow-work: apt-get update"
	_apt update
}

# need_packages PACKAGE...: all of them are installed afterwards
need_packages() {
	local p missing=()
	for p; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] ||
			missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	local cmd="apt-get install --no-install-recommends ${missing[*]}"
	[ "$(id -u)" = 0 ] || die "packages missing; run as root: $cmd"
	say "slow-work: $cmd"
	apt_lists
	_apt install -y --no-install-recommends "${missing[@]}" ||
		{ apt_lists force; _apt install -y --no-install-recommends "${missing[@]}"; } ||
		die "failed: $cmd"
}

# once WHAT DIR FUNCTION: DIR is complete afterwards.  FUNCTION fills a directory
# given as $1, which takes the name DIR only when FUNCTION is through, so that
# whatever is found under DIR is whole, however its maker ended.  The lock is
# kept by FUNCTION's children too: one that outlives a killed script cannot
# write into the directory of the next.
once() {
	local what=$1 dir=$2 fn=$3 tmp
	[ -d "$dir" ] && return 0
	mkdir -p "${dir%/*}" "$CACHE/locks"
	(
		# What killed runs left: a directory whose lock is free
		for tmp in "${dir%/*}"/.tmp-*; do
			[ ! -d "$tmp" ] || flock -n "$CACHE/locks/${tmp##*/.tmp-}" rm -rf "$tmp" || true
		done
		tmp=${dir%/*}/.tmp-${dir##*/}
		exec 9>"$CACHE/locks/${dir##*/}"
		flock -n 9 || { say "slow-work: waiting for another run to make $what"; flock 9; }
		[ -d "$dir" ] && exit 0
		rm -rf "$tmp"
		mkdir "$tmp"
		say "slow-work: making $what"
		"$fn" "$tmp"
		sync -f "$tmp"
		mv -T "$tmp" "$dir"
	)
}

# Everything that can be switched on for kernel NAME; KUnit is in none of Debian's
all_switches() {
	local dir
	for dir in samples tests/vm tests/torture tests/bench tests/kunit; do
		[ -e "$TOP/$dir/Kbuild" ] || continue
		case $dir,$1 in
		samples,*)		echo CONFIG_SLOW_WORK_SAMPLES=m ;;
		tests/vm,*)		echo CONFIG_SLOW_WORK_VM_TEST=m ;;
		tests/torture,*)	echo CONFIG_SLOW_WORK_TORTURE_TEST=m ;;
		tests/bench,5.10)	;;	# sched_setattr_nocheck() is not exported
		tests/bench,*)		echo CONFIG_SLOW_WORK_BENCH=m ;;
		tests/kunit,[0-9].*|tests/kunit,unstable) ;;
		tests/kunit,kcsan)	;;	# but for one suite, by itself
		tests/kunit,*)		echo CONFIG_SLOW_WORK_KUNIT_TEST=m ;;
		esac
	done
}

# copy_modules FROM TO: those that the build in FROM has made, and none that an earlier one
# left there.  The list has objects from Linux 6.2 on.
copy_modules() {
	( cd "$1" && sed 's,^.*/src/,,; s/\.o$/.ko/' modules.order | xargs cp -t "$2" )
}

# KTAP of scripts on the host.  result NAME COMMAND...: passes if the command
# succeeds; what it prints is shown if it fails.
RESULTS=0 FAILED=0
result() {
	local name=$1 out; shift
	RESULTS=$((RESULTS + 1))
	if out=$("$@" 2>&1); then
		echo "ok $RESULTS - $name"
	else
		FAILED=$((FAILED + 1))
		printf '%s\n' "$out" | sed 's/^/# /'
		echo "not ok $RESULTS - $name"
	fi
}
plan() { echo "1..$RESULTS"; [ $FAILED = 0 ]; }

. "$TOP/tests/lib/apt.sh"
[ "$(codename)" = bookworm ] || enter_debian "$0" "$@"
