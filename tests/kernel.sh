#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernel.sh [--headers] NAME: makes a kernel ready, prints its directory
#
# NAME is uml, debug or kcsan (built from Debian's linux-source-6.1 with the
# fragments under kernels/), or one of Debian 12's own: 6.1, 6.12, each also
# with -cloud or -rt; these are unpacked beside the system, not installed.
#
# The directory holds:
#   kdir      to hand to make -C        release   what uname -r says there
#   config    its configuration         arch      ARCH= for make
#   vmlinuz   to boot; modules/ the image's own (neither with --headers, for
#             Debian's kernels: saves fetching the image where one only compiles)
#
# An entry is kept for good, under a name made of its version and its
# configuration; rm -rf takes the cache away.
. "$(dirname "$0")/lib/env.sh"

SRC_PACKAGE=linux-source-6.1

# The unpacked kernel source, shared by the kernels of our own and, for
# checkpatch.pl, by the style check.
source_tree() {
	need_packages "$SRC_PACKAGE" xz-utils
	SRC_VERSION=$(dpkg-query -W -f '${Version}' "$SRC_PACKAGE")
	SRC=$CACHE/source/$SRC_PACKAGE-$SRC_VERSION
	once "$SRC_PACKAGE $SRC_VERSION (unpacking)" "$SRC" unpack_source
}

unpack_source() {
	tar -C "$1" --strip-components=1 -xJf "/usr/src/$SRC_PACKAGE.tar.xz"
}

# --- kernels of our own ------------------------------------------------------

own_kernel() {
	case $1 in
	uml)	ARCH=um target=linux fragments=(uml) ;;
	*)	ARCH=x86_64 target=bzImage fragments=(x86 "$1") ;;
	esac
	need_packages make gcc libc6-dev flex bison bc kmod cpio libelf-dev libssl-dev python3
	source_tree
	fragments=("${fragments[@]/#/$TOP/tests/kernels/}")
	fragments=("${fragments[@]/%/.config}")
	local key
	# The key: version, configuration, compiler, and how it is built (below).
	key=$( { echo "$SRC_VERSION"; gcc -dumpfullversion; declare -f build_own
		cat "${fragments[@]}"; } | sha256sum | cut -c1-12)
	ENTRY=$CACHE/kernels/$1-$SRC_VERSION-$key
	once "kernel $1 (3 to 12 minutes, once)" "$ENTRY" build_own
}

build_own() {
	local o=$1/kdir log=$1/build.log mk f
	mk="make -C $SRC O=$o ARCH=$ARCH -j$JOBS"
	mkdir "$o"
	$mk tinyconfig >"$log" 2>&1
	cat "${fragments[@]}" >>"$o/.config"
	$mk olddefconfig >>"$log" 2>&1
	# Kconfig drops in silence what cannot be had
	f=$({ sed -n 's/^\(CONFIG_[^ ]*=.*\)/\1/p' "${fragments[@]}" | grep -vxFf "$o/.config"
		sed -n 's/^# \(CONFIG_.*\) is not set/\1=/p' "${fragments[@]}" | grep -f - "$o/.config"
		} || true)
	[ -z "$f" ] || die "not possible in this kernel:" $f
	$mk $target modules_prepare >>"$log" 2>&1 ||
		{ tail -n 30 "$log" >&2; die "build failed"; }
	# There are no modules but ours, so vmlinux exports all there is
	cp "$o/vmlinux.symvers" "$o/Module.symvers"
	$mk -s kernelrelease 2>/dev/null | tail -n 1 >"$1/release"
	echo $ARCH >"$1/arch"
	cp "$o/.config" "$1/config"
	case $ARCH in
	um)	cp "$o/linux" "$1/vmlinuz"; strip "$1/vmlinuz" ;;
	*)	cp -L "$o/arch/x86/boot/bzImage" "$1/vmlinuz" ;;
	esac
	# Modules need the headers and the tools, not the objects
	find "$o" \( -path "$o/scripts" -o -path "$o/tools" \) -prune -o \
		-type f \( -name '*.o' -o -name '*.a' -o -name '.*.cmd' \) -exec rm -f {} +
}

# --- Debian's kernels --------------------------------------------------------

# resolve NAME: sets VERSION, the newest that can be had, and PKG_VERSION.  Asking
# apt takes seconds, so the answer is kept until its lists change.
resolve() {
	local series=${1%%-*} flavour=amd64 dots memo=$CACHE/newest-$1
	if [ "$memo" -nt "$APT_LISTS" ]; then
		read -r VERSION PKG_VERSION <"$memo"
		return
	fi
	[ "$series" = "$1" ] || flavour=${1#*-}-amd64
	dots=${series//./\\.}
	apt_lists
	VERSION=$(apt-cache pkgnames "linux-headers-$series" |
		sed -nE "s/^linux-headers-($dots\.[0-9]+(-[0-9]+|\+deb12)-$flavour)\$/\1/p" |
		sort -V | tail -n 1)
	[ -n "$VERSION" ] ||
		die "no package for kernel $1: is bookworm-security among apt's sources?"
	PKG_VERSION=$(apt-cache policy "linux-headers-$VERSION" | sed -n 's/^  Candidate: //p')
	mkdir -p "$CACHE"
	echo "$VERSION $PKG_VERSION" >"$memo.$$"
	mv "$memo.$$" "$memo"
}

# fetch_deb ROOT PACKAGE: unpacks a package below ROOT
fetch_deb() {
	local deb
	( cd "$1" && apt-get -qq -o APT::Sandbox::User=root download "$2" >&2 ) ||
		{ apt_lists force; ( cd "$1" && apt-get -qq -o APT::Sandbox::User=root download "$2" >&2 ); } ||
		die "cannot download package $2"
	for deb in "$1/${2}"_*.deb; do
		dpkg -x "$deb" "$1"
		rm "$deb"
	done
}

# The common headers and the tools are named by the headers' dependencies
stock_headers() {
	local p h=usr/src/linux-headers-$VERSION
	fetch_deb "$1" "linux-headers-$VERSION"
	for p in $(apt-cache depends "linux-headers-$VERSION" |
			sed -nE 's/^  Depends: (linux-headers-.*|linux-kbuild-.*)/\1/p'); do
		fetch_deb "$1" "$p"
	done
	# The only absolute path in there that matters
	sed -i "s,^include /usr/src/,include $ENTRY/usr/src/," "$1/$h/Makefile"
	ln -s "$h" "$1/kdir"
	cp "$1/$h/.config" "$1/config"
	echo "$VERSION" >"$1/release"
	echo x86 >"$1/arch"
}

stock_image() {
	local f
	fetch_deb "$1" "linux-image-$VERSION"
	mv "$1/boot/vmlinuz-$VERSION" "$1/vmlinuz"
	mkdir -p "$1/modules/lib/modules"
	mv "$1/lib/modules/$VERSION" "$1/modules/lib/modules/"
	depmod -b "$1/modules" "$VERSION"
	rm -rf "${1:?}/boot" "${1:?}/lib" "${1:?}/usr"
	for f in kdir config release arch; do
		ln -s "../${HEADERS##*/}/$f" "$1/$f"
	done
}

stock_kernel() {
	# pahole: 6.12's build asks for its version
	need_packages make gcc-12 libc6-dev libelf1 dwarves kmod
	resolve "$1"
	HEADERS=$CACHE/kernels/$VERSION-$PKG_VERSION-headers
	ENTRY=$HEADERS
	once "headers $VERSION" "$ENTRY" stock_headers
	[ -z "$headers_only" ] || return 0
	ENTRY=${HEADERS%-headers}
	once "kernel image $VERSION" "$ENTRY" stock_image
}

# -----------------------------------------------------------------------------

# In a function, so that a change to this file does not disturb a run
main() {
	headers_only=
	[ "${1-}" != --headers ] || { headers_only=yes; shift; }
	case ${1-} in
	--source)	source_tree; ENTRY=$SRC ;;
	uml|debug|kcsan) own_kernel "$1" ;;
	6.1|6.12|6.1-rt|6.12-rt|6.1-cloud|6.12-cloud) stock_kernel "$1" ;;
	*) die "usage: kernel.sh [--headers] NAME (uml, debug, kcsan, 6.1, 6.1-cloud, 6.1-rt, 6.12, ...)
	       kernel.sh --source (unpacked kernel sources, for the style tools)" ;;
	esac
	echo "$ENTRY"
}

main "$@"
exit
