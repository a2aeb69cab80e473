#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# deb.sh build: makes the Debian packages, in debs/
# deb.sh life:  their life on a Debian 12, from apt install to apt purge (KTAP)
#
# The Debian is a minimal one that debootstrap makes from the mirror this
# machine's apt uses; it is kept in the cache.  Packages are installed and modules
# compiled in a chroot, at this machine's speed and without network; then it is
# booted as an ext4 disk, with systemd, as often as it takes.
. "$(dirname "$0")/lib/env.sh"

PATH+=:/usr/sbin:/sbin
DEBS=$TOP/debs

# --- the packages ------------------------------------------------------------

make_pages() {
	local said
	said=$("$TOP/tests/docs.sh" 2>&1) ||
		{ grep -B20 '^not ok' <<<"$said" >&2; die "make docs failed: no man pages"; }
}

# build_packages DIR [VERSION]: in a copy, as dpkg-buildpackage writes beside the
# directory it works in; as VERSION, if it is not to be today's
build_packages() {
	need_packages build-essential debhelper dh-dkms dpkg-dev rsync
	built=$CACHE/build/deb-$(echo "$TOP" | sha256sum | cut -c1-8)
	mkdir -p "$built" "$CACHE/locks"
	exec 8>"$CACHE/locks/${built##*/}"
	flock 8
	rm -f "$built"/slow-work[_-]*
	# With the man pages that make docs has made
	rsync -a --delete --exclude=.git --include='/Documentation/output/' \
		--include='/Documentation/output/man/***' --exclude='/Documentation/output/*' \
		--filter=':- .gitignore' "$TOP/" "$built/slow-work/"
	if [ $# -gt 1 ]; then
		sed -i "1s/([^)]*)/($2)/" "$built/slow-work/debian/changelog"
		sed -i "s/^MODULE_VERSION(.*/MODULE_VERSION(\"$2\");/" "$built/slow-work/main.c"
	fi
	( cd "$built/slow-work" && dpkg-buildpackage -us -uc ) >"$built/log" 2>&1 ||
		{ tail -n 30 "$built/log" >&2; die "dpkg-buildpackage failed"; }
	rm -rf "$1"
	mkdir "$1"
	cp "$built"/*.deb "$1/"
	exec 8>&-
}

lintian_errors() {
	local status=0
	lintian --allow-root --tag-display-limit 0 "$built"/*.changes >"$work/lintian" 2>&1 || status=$?
	sed 's/^/# /' "$work/lintian" >&3
	return $status
}

# --- the Debian --------------------------------------------------------------

# in_root COMMAND...: as root in $root.  What it mounts and what it leaves running
# ends with it.
in_root() {
	unshare --mount --pid --fork --kill-child --mount-proc "${net[@]}" --root="$root" --wd=/ \
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C \
		DEBIAN_FRONTEND=noninteractive "$@"
}
apt_in_root() { in_root apt-get -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends "$@"; }

# The newest 6.12: the cloud flavour, since it is a third of the other's size
newest_second() {
	apt-cache pkgnames linux-image-6.12 |
		sed -nE 's/^linux-image-(6\.12\.[0-9]+\+deb12-cloud-amd64)$/\1/p' | sort -V | tail -n 1
}

make_debian() {
	local root=$1/root net=() mirror p
	# shellcheck disable=SC2016 # for apt to fill in
	mirror=$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' 'Identifier: Packages' \
		'Origin: Debian' 'Release: bookworm' | sed -n '/ main$/{s/ .*//p;q}')
	[ -n "$mirror" ] || die "no mirror of Debian 12 among apt's sources"
	eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
	export http_proxy https_proxy
	# As a machine is on which modules are built
	p=systemd-sysv,udev,procps,kmod,initramfs-tools,zstd,python3,gcc,make,libc6-dev,dkms,openssl
	unshare --mount --pid --fork --kill-child debootstrap --variant=minbase --include="$p" \
		bookworm "$root" "$mirror" >"$1/log" 2>&1 || { tail -n 5 "$1/log" >&2; die "debootstrap failed"; }
	# Who loses power makes another one
	echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
	# The machine's apt settings and sources, while packages are fetched
	apt-config dump | grep -E '^Acquire::.* ".+";' >"$root/etc/apt/apt.conf.d/zz-host"
	# shellcheck disable=SC2016
	apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' \
		'Origin: Debian' | grep ' bookworm' >"$root/etc/apt/sources.list"
	# An initrd for the one machine it is to boot on
	echo MODULES=list >"$root/etc/initramfs-tools/conf.d/modules"
	printf '%s\n' virtio_pci virtio_blk ext4 >"$root/etc/initramfs-tools/modules"
	{
		apt_in_root update
		apt_in_root install linux-image-amd64 linux-headers-amd64
		mkdir "$root/srv/kernel"
		in_root sh -c "apt-get -y -qq --no-install-recommends --download-only -o Dir::Cache::archives=/srv/kernel install \
			linux-image-$second linux-headers-$second && rm -rf /srv/kernel/partial /srv/kernel/lock"
	} >>"$1/log" 2>&1 || { tail -n 5 "$1/log" >&2; die "apt-get in the new Debian failed"; }
	rm "$root/etc/apt/apt.conf.d/zz-host"
	rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*
	: >"$root/etc/apt/sources.list"
}

# Sets $debian.  Packages of another version make another one.
debian_root() {
	need_packages debootstrap util-linux
	apt_lists
	second=$(newest_second)
	[ -n "$second" ] || die "no package for a second kernel: is bookworm-security among apt's sources?"
	local key
	key=$( { apt-cache policy linux-image-amd64 dkms systemd | grep Candidate; echo "$second"
		declare -f make_debian; } | sha256sum | cut -c1-12)
	debian=$CACHE/debian/bookworm-$key
	once "a minimal Debian 12 (2 to 5 minutes, once)" "$debian" make_debian
}

# files: all there are in $root, with their contents, but for what apt, dpkg and
# logs change and the key that DKMS makes for all its modules
files() {
	( cd "$root"
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

# install_packages DIR
install_packages() {
	rm -rf "$root/root/debs" &&
	cp -r "$1" "$root/root/debs" &&
	in_root sh -c 'apt-get -y -qq install /root/debs/*.deb'
}

# It takes the place of the one before: there are no sources, no module and no entry
# of DKMS but its own
only_version() {
	local version
	version=$(in_root dpkg-query -W -f '${Version}' slow-work-dkms) &&
	[ "$version" = "$1" ] &&
	[ "$(in_root dkms status | sed -n 's,^slow-work/\([^,]*\).*,\1,p' | sort -u)" = "$1" ] &&
	[ "$(cd "$root/usr/src" && echo slow-work-*)" = "slow-work-$1" ] &&
	[ "$(in_root modinfo -k "$first" -F version slow_work)" = "$1" ]
}

# DKMS says so, it is where modprobe finds it, and it is signed by DKMS's key
module_built_for() {
	in_root dkms status slow-work -k "$1" | grep ': installed$' &&
	in_root modinfo -k "$1" -F filename slow_work | grep "^/lib/modules/$1/updates/dkms/" &&
	in_root modinfo -k "$1" -F signer slow_work | grep 'DKMS module signing key'
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
	! find "$root/lib/modules/$second" "$root/var/lib/dkms" | grep "$second"
}

purge_packages() { apt_in_root purge slow-work-{dkms,dev,tools}; }
nothing_known() { [ -z "$(in_root dkms status)" ]; }

nothing_left() {
	files | diff "$work/before" - >"$work/left" || { head -n 40 "$work/left"; return 1; }
}

# boot WHAT RELEASE SCRIPT: in the virtual machine; its results are nested
boot() {
	local status=0 dir=$work/boot-$2 f
	mkdir -p "$dir"
	for f in vmlinuz initrd.img config; do
		cp "$root/boot/$f-$2" "$dir/${f%.img}"
	done
	echo "$2" >"$dir/release"
	"$TOP/tests/vm.sh" "$2" --system "$dir" --disk "$work/disk" --file "$TOP/tests/deb/settings.sh" \
		--append slub_debug=- "$TOP/tests/deb/$3.sh" >"$work/ktap" || status=1
	sed 's/^/    /' "$work/ktap"
	result "$1" [ $status = 0 ]
}

life() {
	local first unit version
	[ "$(id -u)" = 0 ] || die "debootstrap and chroot need root"
	need_packages lintian e2fsprogs kmod
	exec 3>&1
	mkdir -p "$CACHE/run"
	work=$(mktemp -d "$CACHE/run/XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM HUP
	make_pages
	build_packages "$work/older" 0.0
	build_packages "$DEBS"
	version=$(dpkg-parsechangelog -l "$TOP/debian/changelog" -S Version)
	debian_root
	root=$work/root net=(--net)
	cp -a "$debian/root" "$root"
	first=$(ls "$root/lib/modules")

	echo "KTAP version 1"
	result "lintian finds no error" lintian_errors
	files >"$work/before"
	result "make install" sources_install_for "$first"
	result "what that brought goes" sources_go "$first"
	result "apt install of an older version" install_packages "$work/older"
	result "that is what there is" only_version 0.0
	result "apt install of this one" install_packages "$DEBS"
	result "there is no other" only_version "$version"
	result "the module is built for $first" module_built_for "$first"
	result "the caller in README.md is built" caller_built_for "$first"
	result "so is what a directory of it has" caller_has_a_directory "$first"
	result "slow-work-top starts" in_root slow-work-top --help
	result "a build for a kernel without headers says so" \
		caller_refused "install linux-headers-6.66" 6.66
	result "apt install of a second kernel" install_second
	result "the module is built for $second" module_built_for "$second"
	result "and so is the caller" caller_built_for "$second"

	# No machine for what is broken already
	[ $FAILED = 0 ] || { plan; return; }
	unit=$root/etc/systemd/system/slow-work-test.service
	cp "$TOP/tests/deb/${unit##*/}" "$unit"
	in_root systemctl -q enable "${unit##*/}"
	truncate -s 6G "$work/disk"
	mke2fs -q -t ext4 -d "$root" "$work/disk"
	in_root systemctl -q disable "${unit##*/}"
	rm "$unit"
	boot "what an administrator does" "$first" first
	boot "holds after a reboot" "$first" again
	boot "and on the second kernel, until the package is purged" "$second" purge

	# The caller's owner takes it away again; 6.1 had put it into extra/
	find "$root/lib/modules" -depth \( -name 'hello.ko*' -o -name extra -empty \) -delete
	rm -r "$root/home/caller"
	result "the second kernel takes its module with it" remove_second
	result "apt purge" purge_packages
	result "DKMS knows of no module" nothing_known
	rm -r "$root/root/debs"
	result "no file is left" nothing_left
	plan
}

main() {
	case ${1-} in
	build)	make_pages; build_packages "$DEBS"; ls "$DEBS"/*.deb ;;
	life)	life ;;
	*)	die "usage: deb.sh build | life (see the head of $0)" ;;
	esac
}

main "$@"; exit
