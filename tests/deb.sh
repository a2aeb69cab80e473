#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# deb.sh build:            makes the Debian packages, in debs/
# deb.sh life [SUITE...]:  their life on Debian 12 and on Debian 13 (bookworm, trixie),
#                          from apt install to apt purge (KTAP)
#
# The Debian is a minimal one that debootstrap makes; it is kept in the cache.
# Packages are installed and modules compiled in a chroot, at this machine's speed and
# without network; then it is booted as an ext4 disk, with systemd, as often as it
# takes.  The upgrade from 0.1 is done in the machine too, by one who has it in use.
# On Debian 13 the packages are those that its own tools build, and in the machine
# those of "make deb", which are Debian 12's on any host.
. "$(dirname "$0")/lib/env.sh"

PATH+=:/usr/sbin:/sbin
DEBS=$TOP/debs

# --- the packages ------------------------------------------------------------

make_pages() {
	local said
	said=$("$TOP/tests/docs.sh" 2>&1) ||
		{ grep -B20 '^not ok' <<<"$said" >&2; die "make docs failed: no man pages"; }
}

# With the man pages that make docs has made
this_sources() {
	rsync -a --delete --exclude=.git --include='/Documentation/output/' \
		--include='/Documentation/output/man/***' --exclude='/Documentation/output/*' \
		--filter=':- .gitignore' "$TOP/" "$1/"
}

# What was 0.1 when 0.2 began.  Where the history does not reach so far, as in a shallow
# clone, it is today's by that name.
OLDER=0.1
OLDER_COMMIT=790de681c086081b44720f5d4a8c1f8d3ccf026b
in_history() { git -C "$TOP" -c safe.directory='*' "$@"; }
have_older() { in_history cat-file -e "$OLDER_COMMIT^{commit}" 2>/dev/null; }
older_sources() {
	if have_older; then
		rm -rf "$1"
		mkdir "$1"
		in_history archive "$OLDER_COMMIT" | tar -C "$1" -x
		return
	fi
	this_sources "$1"
	sed -i "1s/([^)]*)/($OLDER)/" "$1/debian/changelog"
	sed -i "s/^MODULE_VERSION(.*/MODULE_VERSION(\"$OLDER\");/" "$1/main.c"
}

# build_packages DIR [older]: in a copy, as dpkg-buildpackage writes beside the
# directory it works in
build_packages() {
	need_packages build-essential debhelper dh-dkms dpkg-dev git rsync
	built=$CACHE/build/deb-$(echo "$TOP" | sha256sum | cut -c1-8)
	mkdir -p "$built" "$CACHE/locks"
	exec 8>"$CACHE/locks/${built##*/}"
	flock 8
	rm -f "$built"/slow-work[_-]*
	"${2-this}_sources" "$built/slow-work"
	( cd "$built/slow-work" && dpkg-buildpackage -us -uc ) >"$built/log" 2>&1 ||
		{ tail -n 30 "$built/log" >&2; die "dpkg-buildpackage failed"; }
	rm -rf "$1"
	mkdir "$1"
	cp "$built"/*.deb "$1/"
	exec 8>&-
}

# lintian_errors DIR [COMMAND...]: there, by COMMAND
lintian_errors() {
	local status=0 dir=$1; shift
	# shellcheck disable=SC2016 # for the inner shell
	"$@" sh -c 'exec lintian --allow-root --tag-display-limit 0 "$1"/*.changes' sh "$dir" \
		>"$work/lintian" 2>&1 || status=$?
	sed 's/^/# /' "$work/lintian" >&3
	return $status
}

# --- the Debian --------------------------------------------------------------

# in_root COMMAND...: as root in $root.  What it mounts and what it leaves running
# ends with it.
in_root() {
	"${UNSHARE[@]}" --pid --fork --kill-child --mount-proc "${net[@]}" --root="$root" --wd=/ \
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C \
		DEBIAN_FRONTEND=noninteractive "$@"
}
apt_in_root() { in_root apt-get -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends "$@"; }

# in_builder COMMAND...: where $suite has what packages are built with; $work/there is
# its /srv
in_builder() {
	# shellcheck disable=SC2016 # for the inner shell
	"${UNSHARE[@]}" --net sh -ec 'root=$1 there=$2; shift 2
		mount --bind "$there" "$root/srv"
		mount --bind /proc "$root/proc"
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C "$@"' \
		sh "$builder/root" "$work/there" "$@"
}

# The newest 6.12 of the suite: the cloud flavour, since it is a third of the other's
# size
newest_second() {
	apt-cache "${APT[@]}" pkgnames linux-image-6.12 |
		sed -nE 's/^linux-image-(6\.12\.[0-9]+\+deb[0-9]+-cloud-amd64)$/\1/p' |
		newest_of linux-headers linux-image
}

make_debian() {
	local root=$1/root net=()
	# As a machine is on which modules are built
	make_root "$root" "$suite" systemd-sysv udev procps kmod initramfs-tools zstd python3 gcc make \
		libc6-dev dkms openssl
	# An initrd for the one machine it is to boot on
	echo MODULES=list >"$root/etc/initramfs-tools/conf.d/modules"
	printf '%s\n' virtio_pci virtio_blk ext4 >"$root/etc/initramfs-tools/modules"
	{
		apt_in_root update
		apt_in_root install linux-image-amd64 linux-headers-amd64
		mkdir "$root/srv/kernel"
		in_root sh -c "apt-get -y -qq --no-install-recommends --download-only -o Dir::Cache::archives=/srv/kernel install \
			linux-image-$second linux-headers-$second && rm -rf /srv/kernel/partial /srv/kernel/lock"
	} >"$1/log" 2>&1 || { tail -n 5 "$1/log" >&2; die "apt-get in the new Debian failed"; }
	# What apt and the host needed of it
	rm -f "$root"/etc/apt/apt.conf.d/90host "$root/usr/sbin/policy-rc.d" "$root/root.log"
	rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*
	: >"$root/etc/apt/sources.list"
}

make_builder() { make_root "$1/root" "$suite" build-essential debhelper dh-dkms lintian; }

# key_of FUNCTION PACKAGE...: packages of another version make another one
key_of() {
	local function=$1 p; shift
	{ for p; do candidate "$p"; done; declare -f "$function"; } | sha256sum | cut -c1-12
}

# Sets $debian, and $builder where packages are not built by Debian 12
debian_root() {
	need_packages debootstrap debian-archive-keyring util-linux mount
	apt_of "$suite" amd64
	second=$(newest_second)
	[ -n "$second" ] || die "no second kernel in Debian $suite"
	debian=$CACHE/debian/$suite-$(key_of make_debian linux-image-amd64 "linux-image-$second" dkms systemd)
	once "a minimal Debian $suite (2 to 5 minutes, once)" "$debian" make_debian
	[ "$suite" != bookworm ] || return 0
	builder=$CACHE/debian/$suite-builder-$(key_of make_builder debhelper dh-dkms dpkg-dev lintian)
	once "a Debian $suite that builds packages (2 minutes, once)" "$builder" make_builder
}

# files: all there are in $root, with their contents, but for what apt, dpkg and
# logs change and the key that DKMS makes for all its modules
files() {
	( cd "$root" || exit
	find . \( -path ./proc -o -path ./sys -o -path ./run -o -path ./tmp -o -path ./home \
		-o -path ./var/log -o -path ./var/cache -o -path ./var/lib/apt -o -path ./var/lib/dpkg \
		-o -path './var/lib/dkms/mok.*' \) -prune -o -printf '%y %m %u:%g %p %l\n'
	find etc usr boot var/lib/dkms -type f ! -name 'mok.*' -exec sha256sum {} + ) | sort
}

# --- its life ----------------------------------------------------------------

# From the sources, as README has it
sources_install_for() {
	local dir=$root/home/slow-work
	cp -r "$built/slow-work" "$dir" &&
	in_root make -C /home/slow-work KDIR="/lib/modules/$1/build" install &&
	in_root modprobe -n -v -S "$1" slow_work &&
	[ -e "$root/usr/include/slow-work/linux/slow-work.h" ]
}

sources_go() {
	rm -r "$root/home/slow-work" "$root/usr/include/slow-work" &&
	find "$root/lib/modules" -depth \( -name 'slow_work.ko*' -o -name extra -empty \
		-o -name updates -empty \) -delete &&
	in_root depmod "$1"
}

# As one does it who has that Debian; leaves them in $work/there
build_there() {
	rm -rf "$work/there" &&
	mkdir "$work/there" &&
	cp -r "$built/slow-work" "$work/there/" &&
	in_builder sh -c 'cd /srv/slow-work && dpkg-buildpackage -us -uc'
}

# install_packages DIR
install_packages() {
	rm -rf "$root/root/debs" &&
	mkdir "$root/root/debs" &&
	cp "$1"/*.deb "$root/root/debs/" &&
	in_root sh -c 'apt-get -y -qq install /root/debs/*.deb'
}

# It takes the place of the one before: there are no sources, no module and no entry
# of DKMS but its own
only_version() {
	local there
	there="$(in_root dpkg-query -W -f '${Version}' slow-work-dkms)"
	there+=" $(in_root dkms status | sed -n 's,^slow-work/\([^,]*\).*,\1,p' | sort -u)"
	there+=" $(cd "$root/usr/src" && echo slow-work-*)"
	there+=" $(in_root modinfo -k "$first" -F version slow_work)"
	echo "there is: $there"
	[ "$there" = "$1 $1 slow-work-$1 $1" ]
}

# What an administrator has said stands there after it, too: upgrade_packages DIR
upgrade_packages() {
	local d=$root/etc/modprobe.d/slow-work.conf c=$root/etc/sysctl.d/slow-work.conf
	echo "options slow_work min_threads=3" >"$d"
	echo "kernel.slow-work.max-threads=24" >"$c"
	cat "$d" "$c" >"$work/said" &&
	install_packages "$1" &&
	cat "$d" "$c" | diff "$work/said" - &&
	rm "$d" "$c"
}

# DKMS says so, it is where modprobe finds it, and it is signed by DKMS's key
module_built_for() {
	in_root dkms status slow-work -k "$1" | grep ': installed$' &&
	in_root modinfo -k "$1" -F filename slow_work | grep "^/lib/modules/$1/updates/dkms/" &&
	in_root modinfo -k "$1" -F signer slow_work | grep 'DKMS module signing key'
}

# For slow-work-dump.py
debug_information_for() {
	local ko
	ko=$(in_root modinfo -k "$1" -F filename slow_work) &&
	case $ko in *.xz) xz -dc "$root$ko" ;; *) cat "$root$ko" ;; esac >"$work/slow_work.ko" &&
	readelf -WS "$work/slow_work.ko" | grep '\.debug_info'
}

# The caller and the Makefile that README shows; by a user
caller_built_for() {
	local dir=$root/home/caller
	mkdir -p "$dir" &&
	"$TOP/tests/readme.sh" c >"$dir/hello.c" &&
	"$TOP/tests/readme.sh" make >"$dir/Makefile" &&
	[ "$(wc -l <"$dir/Makefile")" = 2 ] &&
	chown -R 65534 "$dir" &&
	in_root setpriv --reuid=65534 --clear-groups make -C /home/caller KVER="$1" 2>&1 |
		tee "$work/make" &&
	! grep -i warning "$work/make" &&
	in_root make -C /home/caller KVER="$1" modules_install &&
	in_root make -C /home/caller KVER="$1" clean &&
	[ "$(find "$dir" -type f | wc -l)" = 2 ] &&
	in_root modinfo -k "$1" -F depends hello | grep -w slow_work
}

# What a directory of a caller's has is built as the caller is
caller_has_a_directory() {
	local dir=$root/home/caller
	mkdir "$dir/sub" &&
	cp "$dir/hello.c" "$dir/sub/deeper.c" &&
	echo 'obj-m := deeper.o' >"$dir/sub/Kbuild" &&
	sed -i '1s,$, sub/,' "$dir/Makefile" &&
	in_root make -C /home/caller KVER="$1" &&
	ls "$dir/sub/deeper.ko" &&
	in_root make -C /home/caller KVER="$1" clean &&
	sed -i '1s, sub/$,,' "$dir/Makefile" &&
	rm -r "$dir/sub"
}

# A kernel that is not built for is named, not stumbled over
caller_refused() {
	local out
	! out=$(in_root make -C /home/caller KVER="$2" 2>&1) && echo "$out" | grep "$1" ||
		{ echo "$out"; return 1; }
}

install_second() { in_root sh -c 'apt-get -y -qq install /srv/kernel/*.deb'; }

remove_second() {
	# shellcheck disable=SC2046 # words they are
	apt_in_root purge $(cd "$root/srv/kernel" && printf '%s\n' *.deb | sed 's/_.*//') &&
	find "$root/lib/modules" "$root/var/lib/dkms" -path "*$second*" >"$work/left" &&
	[ ! -s "$work/left" ] || { cat "$work/left"; return 1; }
}

purge_packages() { apt_in_root purge slow-work-{dkms,dev,tools}; }
nothing_known() { [ -z "$(in_root dkms status)" ]; }

nothing_left() {
	files | diff "$work/before" - >"$work/left" || { head -n 40 "$work/left"; return 1; }
}

# make_disk FILE: of what there is now, to run the scripts of boot()
make_disk() {
	local unit=$root/etc/systemd/system/slow-work-test.service
	cp "$TOP/tests/deb/${unit##*/}" "$unit" &&
	in_root systemctl -q enable "${unit##*/}" &&
	truncate -s 6G "$1" &&
	mke2fs -q -t ext4 -d "$root" "$1" &&
	in_root systemctl -q disable "${unit##*/}" &&
	rm "$unit"
}

# boot WHAT DISK RELEASE SCRIPT [SILENCE]: in the virtual machine; its results are
# nested.  SILENCE: the seconds that DKMS may compile there, which it does without a word
# and at the speed of emulation
boot() {
	local status=0 dir=$work/boot-$3 f began=$SECONDS
	mkdir -p "$dir"
	for f in vmlinuz initrd.img config; do
		cp "$root/boot/$f-$3" "$dir/${f%.img}"
	done
	echo "$3" >"$dir/release"
	"$TOP/tests/vm.sh" "$3" --system "$dir" --disk "$2" --file "$TOP/tests/deb/settings.sh" \
		--file "$work/versions" --timeout "${5-900}" --append slub_debug=- \
		"$TOP/tests/deb/$4.sh" >"$work/ktap" || status=1
	sed 's/^/    /' "$work/ktap"
	result "$suite: $1" [ $status = 0 ]
	echo "# $((SECONDS - began)) s"
}

# life_on SUITE
life_on() {
	local suite=$1 second='' debian='' builder='' root net failed=$FAILED first began packages=$DEBS
	on() { local name=$1; shift; result "$suite: $name" "$@"; }
	debian_root
	began=$SECONDS
	root=$work/root net=(--net)
	rm -rf "$root"
	cp -a "$debian/root" "$root"
	first=$(ls "$root/lib/modules")

	if [ -n "$builder" ]; then
		on "dpkg-buildpackage" build_there
		packages=$work/there
		on "lintian finds no error" lintian_errors /srv in_builder
	else
		on "lintian finds no error" lintian_errors "$built"
	fi
	files >"$work/before"
	on "make install" sources_install_for "$first"
	on "what that brought goes" sources_go "$first"
	on "apt install of $OLDER" install_packages "$work/older"
	on "that is what there is" only_version "$OLDER"
	on "the module is built for $first" module_built_for "$first"
	on "and so is the caller in README.md" caller_built_for "$first"
	cp "$DEBS"/*.deb "$root/root/debs/"
	on "a disk of that" make_disk "$work/disk-older"
	on "apt install of this one" upgrade_packages "$packages"
	on "there is no other" only_version "$version"
	on "the module is built for $first" module_built_for "$first"
	on "with its debug information" debug_information_for "$first"
	on "the caller in README.md is built" caller_built_for "$first"
	on "so is what a directory of it has" caller_has_a_directory "$first"
	on "slow-work-top starts" in_root slow-work-top --help
	on "a build for a kernel without headers says so" \
		caller_refused "install linux-headers-6.66" 6.66
	on "apt install of a second kernel" install_second
	on "the module is built for $second" module_built_for "$second"
	on "and so is the caller" caller_built_for "$second"
	on "a disk of that" make_disk "$work/disk"
	echo "# $suite: $((SECONDS - began)) s till there"

	# No machine for what is broken already
	[ $FAILED = "$failed" ] || return 0
	boot "an upgrade from $OLDER while it is in use" "$work/disk-older" "$first" upgrade 3600
	boot "holds after a reboot" "$work/disk-older" "$first" again
	boot "what an administrator does" "$work/disk" "$first" first
	boot "holds on the second kernel, until the package is purged" "$work/disk" "$second" purge

	# The caller's owner takes it away again; 6.1 had put it into extra/
	find "$root/lib/modules" -depth \( -name 'hello.ko*' -o -name extra -empty \) -delete
	rm -r "$root/home/caller"
	on "the second kernel takes its module with it" remove_second
	on "apt purge" purge_packages
	on "DKMS knows of no module" nothing_known
	rm -r "$root/root/debs"
	on "no file is left" nothing_left
	echo "# $suite: $((SECONDS - began)) s in all"
}

life() {
	local suite version
	[ "$(id -u)" = 0 ] || die "debootstrap and chroot need root"
	[ $# -gt 0 ] || set -- bookworm trixie
	need_packages lintian e2fsprogs kmod
	own_mounts
	exec 3>&1
	mkdir -p "$CACHE/run"
	work=$(mktemp -d "$CACHE/run/XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM HUP
	make_pages
	echo "KTAP version 1"
	build_packages "$work/older" older
	have_older || echo "# the history does not reach $OLDER: it is today's module by that name"
	build_packages "$DEBS"
	version=$(dpkg-parsechangelog -l "$TOP/debian/changelog" -S Version)
	printf 'older=%s\nthis=%s\nreal=%s\n' "$OLDER" "$version" "$(! have_older || echo yes)" >"$work/versions"
	for suite; do
		life_on "$suite"
	done
	plan
}

main() {
	case ${1-} in
	build)	make_pages; build_packages "$DEBS"; ls "$DEBS"/*.deb ;;
	life)	shift; life "$@" ;;
	*)	die "usage: deb.sh build | life [SUITE...] (see the head of $0)" ;;
	esac
}

main "$@"; exit
