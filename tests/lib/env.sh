# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by every script under tests/: where things are, how to speak, how to
# get what is missing.

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
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
		-o DPkg::Lock::Timeout=300 "$@" >&2
}

# Package lists are fetched when there are none; a stale list shows as a failed
# install or download, and is fetched again then.
apt_lists() {
	if [ "${1-}" = force ] || ! apt-cache show busybox-static >/dev/null 2>&1; then
		[ "$(id -u)" = 0 ] || die "package lists missing or stale; run as root: apt-get update"
		say "slow-work: apt-get update"
		_apt update
	fi
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

# once NAME DIR FUNCTION: DIR is complete afterwards.  FUNCTION fills a directory
# given as $1, which takes the name DIR only when FUNCTION is through, so that
# whatever is found under DIR is whole, however its maker ended.  The lock is
# kept by FUNCTION's children too: one that outlives a killed script cannot
# write into the directory of the next.
once() {
	local what=$1 dir=$2 fn=$3 tmp
	[ -d "$dir" ] && return 0
	mkdir -p "${dir%/*}" "$CACHE/locks"
	tmp=${dir%/*}/.tmp-${dir##*/}
	(
		exec 9>"$CACHE/locks/${dir##*/}"
		flock -n 9 || { say "slow-work: waiting for another run to make $what"; flock 9; }
		[ -d "$dir" ] && exit 0
		rm -rf "$tmp"
		mkdir "$tmp"
		say "slow-work: making $what"
		# Not "fn || ...": that would switch set -e off inside of it.
		set -e
		"$fn" "$tmp"
		sync -f "$tmp"
		mv -T "$tmp" "$dir"
	)
}
