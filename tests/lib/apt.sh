# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Sourced by env.sh: Debian's suites, whatever this machine has installed
#
# Kernels, sources and QEMU come from the suites that they belong to, by
# configurations of apt that are kept in the cache, apart from the system's.  They
# are fetched from the mirror that this machine has its Debian from, or from
# DEBIAN_MIRROR= (and DEBIAN_SECURITY_MIRROR=).

# Unstable's has another name
keyring() {
	local file
	need_packages debian-archive-keyring
	for file in /usr/share/keyrings/debian-archive-keyring.[gp]*; do echo "$file"; return; done
}

# Unstable has none on some days
codename() { ( . /etc/os-release && echo "${VERSION_CODENAME-}" ); }

# origin LABEL: where apt has that from
origin() {
	# shellcheck disable=SC2016 # apt is to see them
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
		"Label: $1" | sort -u | head -n 1
}

mirror() {
	local uri=${DEBIAN_MIRROR-}
	[ -n "$uri" ] || uri=$(origin Debian)
	if [ -z "$uri" ]; then
		apt_lists
		uri=$(origin Debian)
	fi
	[ -n "$uri" ] || die "apt has no mirror of Debian among its sources: set DEBIAN_MIRROR=http://..."
	echo "${uri%/}"
}

# Mirrors have it beside the other, as deb.debian.org has
security_mirror() {
	local uri=${DEBIAN_SECURITY_MIRROR-}
	[ -n "$uri${DEBIAN_MIRROR-}" ] || uri=$(origin Debian-Security)
	[ -n "$uri" ] || uri=$(mirror)-security
	echo "${uri%/}"
}

# sources_of SUITE: as in sources.list
sources_of() {
	local uri security
	uri=$(mirror)
	echo "deb $uri $1 main"
	case $1 in unstable|*-backports) return ;; esac
	security=$(security_mirror)
	echo "deb $security $1-security main"
}

# apt_of SUITE ARCHITECTURE: sets APT, what apt-get and apt-cache are to be told
# to go by that suite alone, with lists kept apart from the system's.  These are
# fetched at most once a day, or with a third word; where that fails, those that
# are there serve.  A mirror that lags has lists that have expired, and serves as
# well: they are signed, and what is installed here is for tests.
APT=() APT_FORCE=
apt_of() {
	local dir=$CACHE/apt/$1-$2 key
	APT=(-qq -o "Dir::Etc::SourceList=$dir/sources.list" -o Dir::Etc::SourceParts=-
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
		-o "Dir::State::Lists=$dir/lists" -o Dir::State::status=/dev/null
		-o "Dir::Cache=$dir" -o APT::Architecture="$2" -o APT::Architectures="$2"
		-o Acquire::Languages=none -o APT::Sandbox::User=root
		-o Acquire::Check-Valid-Until=false -o APT::Update::Error-Mode=any)
	APT_FORCE="apt_of $1 $2 force"
	key=$(keyring)
	mkdir -p "$dir/lists/partial" "$dir/archives/partial" "$CACHE/locks"
	(
		flock 9
		[ -n "${3-}" ] || [ -z "$(find "$dir/updated" -mtime -1 2>/dev/null)" ] || exit 0
		sources_of "$1" | sed "s,^deb ,deb [signed-by=$key] ," >"$dir/sources.new"
		mv "$dir/sources.new" "$dir/sources.list"
		# A list that is not fetched is an error, which it is not by itself; once more then
		if apt-get "${APT[@]}" update >&2 || apt-get "${APT[@]}" update >&2; then
			touch "$dir/updated"
		elif [ -e "$dir/updated" ]; then
			say "slow-work: going by the old package lists of $1"
		else
			die "cannot fetch the package lists of $1 for $2"
		fi
	) 9>"$CACHE/locks/apt-$1-$2"
}

# candidate PACKAGE: the version of it that is the newest there
candidate() { apt-cache "${APT[@]}" policy "$1" | sed -n 's/^  Candidate: \([^(]*\)$/\1/p'; }

# newest_of PREFIX...: of the versions in standard input the newest that all packages
# PREFIX-VERSION have.  A security update brings headers days before the signed image.
newest_of() {
	local v p
	while read -r v; do
		for p; do [ -n "$(candidate "$p-$v")" ] || continue 2; done
		echo "$v"
		return
	done < <(sort -rV)
}

# fetch_deb ROOT PACKAGE: unpacks a package below ROOT, from where apt_of said
fetch_deb() {
	local deb
	download() { ( cd "$1" && apt-get "${APT[@]}" download "$2" >&2 ); }
	download "$@" || { $APT_FORCE; download "$@"; } || die "cannot download package $2"
	for deb in "$1/${2%%=*}"_*.deb; do
		dpkg -x "$deb" "$1"
		rm "$deb"
	done
}

# own_mounts: sets UNSHARE, to put before a command whose mounts go with it, however
# it ends.  unshare wants / to be a mount point, which it is not in many a chroot;
# where no mounts are shared there is no need to.
own_mounts() {
	UNSHARE=(unshare --mount)
	! "${UNSHARE[@]}" true 2>/dev/null || return 0
	"${UNSHARE[@]}" --propagation unchanged true 2>/dev/null ||
		die "may not mount anything: as root, in a container that is privileged"
	! grep -q ' shared:' /proc/1/mountinfo 2>/dev/null ||
		die "cannot have mounts of its own: a chroot is to be a mount point (mount --bind DIR DIR)"
	UNSHARE+=(--propagation unchanged)
}

# bootstrap DIR SUITE PACKAGE,...: a minimal Debian with these; is told of apt's
# settings, which debootstrap does not know of.  Who loses power makes another.
bootstrap() {
	mkdir -p "$1/etc/dpkg/dpkg.cfg.d"
	echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/unsafe-io"
	eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
	[ -z "${http_proxy-}" ] || export http_proxy
	[ -z "${https_proxy-}" ] || export https_proxy
	own_mounts
	"${UNSHARE[@]}" debootstrap --variant=minbase --keyring="$(keyring)" --include="$3" \
		"$2" "$1" "$(mirror)"
}

# fill_root DIR SUITE [PACKAGE...]
fill_root() {
	local root=$1 suite=$2; shift 2
	bootstrap "$root" "$suite" ca-certificates &&
	{
		apt-config dump | grep -E '^Acquire::.* ".+";' || true
		echo 'Acquire::Check-Valid-Until "false";'
	} >"$root/etc/apt/apt.conf.d/90host" &&
	sources_of "$suite" >"$root/etc/apt/sources.list" &&
	# Nothing is started in there
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" &&
	chmod +x "$root/usr/sbin/policy-rc.d" &&
	if [ $# -gt 0 ]; then
		# shellcheck disable=SC2016 # for the inner shell
		"${UNSHARE[@]}" sh -ec 'root=$1; shift
			mount --bind /proc "$root/proc"
			export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
			chroot "$root" apt-get -qq update
			exec chroot "$root" apt-get -qq install -y --no-install-recommends "$@"' sh "$root" "$@"
	fi &&
	rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
}

# make_root DIR SUITE [PACKAGE...]: DIR becomes a minimal Debian with these
make_root() {
	[ "$(id -u)" = 0 ] || die "debootstrap wants to be root"
	need_packages debootstrap debian-archive-keyring util-linux mount
	fill_root "$@" >"$1.log" 2>&1 || { tail -n 30 "$1.log" >&2; die "cannot make a root of Debian $2"; }
	mv "$1.log" "$1/root.log"
}

# --- a Debian 12 for all that is not one ------------------------------------------

# Tests are for Debian 12: its compiler, its tools.  On another system a Debian 12 in
# the cache takes the place of /usr, /etc and /var, in a name space of mounts that
# ends with the command; packages are installed there.  The sources, the cache,
# /tmp, /dev and all else are the machine's.
enter_debian() {
	local root=$CACHE/root/bookworm
	[ "$(id -u)" = 0 ] ||
		die "run as root: this is no Debian 12, and tests have one of their own, by debootstrap"
	once "a Debian 12 to test in (1 minute, once)" "$root" enter_made
	own_mounts
	# shellcheck disable=SC2016 # for the inner shell
	exec "${UNSHARE[@]}" sh -ec '
		root=$1 sources=$2 cache=$3 here=$PWD; shift 3
		[ ! -e /etc/resolv.conf ] || cp -L /etc/resolv.conf "$root/etc/"
		for dir in "$sources" "$cache" "$here"; do
			case $dir in
			/etc|/etc/*|/usr|/usr/*|/var|/var/*)
				mkdir -p "$root$dir"
				mount --bind "$dir" "$root$dir" ;;
			esac
		done
		for dir in etc usr var; do
			mount --rbind "$root/$dir" "/$dir"
		done
		cd "$here"
		exec "$@"' sh "$root" "$TOP" "$CACHE" "$@"
}
enter_made() { make_root "$1" bookworm; }
