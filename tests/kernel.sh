#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kernel.sh [--headers] NAME: makes a kernel ready, prints its directory
#
# NAME is one of
#   uml uml-debug debug kcsan
#                       built from Debian's linux-source-6.1 with the fragments under
#                       kernels/
#   up 32bit nosysctl nodebugfs nounload clang
#                       the same from linux-source-6.12: each lacks what it is
#                       called, or has it
#   arm64 s390x         the same for other machines
#   uml-smp             User Mode Linux on several CPUs, from the newest linux-source
#                       of Debian unstable
#   riscv64 5.10-arm64  only to compile for, as there is no more than the headers
#   6.1 6.12            Debian 12's, each also with -cloud, -rt, -arm64 or -s390x;
#                       unpacked beside the system, not installed
#   5.10 6.12-trixie unstable
#                       the newest of Debian 11, 13 and unstable, each with the
#                       compiler that it wants in a root of its own
# or no kernel, but a tool that Debian 12 lacks:
#   qemu                qemu-system-x86_64 of Debian's backports, where Debian's own
#                       is too old
#   herd7               of Debian unstable
#
# The directory holds:
#   kdir      to hand to make -C        release   what uname -r says there
#   config    its configuration         arch      ARCH= for make
#   vmlinuz   to boot; modules/ the image's own (neither with --headers, for
#             Debian's kernels: saves fetching the image where one only compiles)
# and where they are needed:
#   make      further words for make    root/     to build in, by chroot
#   busybox   that runs there
#
# An entry is kept for good, under a name made of its version and its
# configuration; rm -rf takes the cache away.
. "$(dirname "$0")/lib/env.sh"

SRC_PACKAGE=linux-source-6.1 SRC_SUITE=bookworm

# The unpacked kernel source, shared by the kernels of our own, by the style check
# for its checkpatch.pl, and by the in-tree run: nobody writes into it.
source_tree() {
	SRC_PACKAGE=${1:-$SRC_PACKAGE}
	need_packages xz-utils
	newest "$SRC_PACKAGE" source_version
	SRC_VERSION=$PKG_VERSION
	[ "$SRC_PACKAGE" != linux-source ] || SRC_PACKAGE=$VERSION
	SRC=$CACHE/source/$SRC_PACKAGE-$SRC_VERSION
	once "$SRC_PACKAGE $SRC_VERSION (unpacking)" "$SRC" unpack_source
}

# linux-source depends on the suite's newest
source_version() {
	local package=$SRC_PACKAGE
	apt_of "$SRC_SUITE" amd64
	VERSION=source
	if [ "$package" = linux-source ]; then
		package=$(apt-cache "${APT[@]}" depends linux-source |
			sed -n 's/^  Depends: \(linux-source-[0-9].*\)/\1/p')
		VERSION=$package
	fi
	PKG_VERSION=$(candidate "$package")
}

unpack_source() {
	apt_of "$SRC_SUITE" amd64
	fetch_deb "$1" "$SRC_PACKAGE=$SRC_VERSION"
	mv "$1/usr/src/$SRC_PACKAGE.tar.xz" "$1.tar.xz"
	rm -rf "${1:?}/usr"
	tar -C "$1" --strip-components=1 -xJf "$1.tar.xz"
	rm "$1.tar.xz"
}

# The same with kernels/NAME.patch, by links to all that it leaves alone
patched_tree() {
	local plain=$SRC patch=$TOP/tests/kernels/$1.patch
	need_packages patch
	SRC+=-$1-$(sha256sum <"$patch" | cut -c1-12)
	once "$SRC_PACKAGE $SRC_VERSION for $1" "$SRC" patch_source
}

patch_source() {
	cp -al "$plain/." "$1"
	patch -s -d "$1" -p1 <"$patch"
}

# --- kernels of our own ------------------------------------------------------

own_kernel() {
	local words='' version='gcc -dumpfullversion' packages=(gcc) build=(build_own) patch=$1 key
	ARCH=x86_64 target=bzImage fragments=(x86 newer "$1")
	case $1 in
	uml)	ARCH=um target=linux fragments=(uml) ;;
	uml-debug) ARCH=um target=linux fragments=(uml uml-debug) patch=uml ;;
	uml-smp) ARCH=um target=linux fragments=(uml uml-smp)
		SRC_PACKAGE=linux-source SRC_SUITE=unstable build=(build_placed build_own) ;;
	# Where each variable is at each instruction takes gcc long, and no test asks
	debug)	fragments=(x86 debug) words=KCFLAGS=-fno-var-tracking ;;
	kcsan)	fragments=(x86 kcsan) ;;
	*)	SRC_PACKAGE=linux-source-6.12 ;;
	esac
	case $1 in
	32bit)	ARCH=i386 ;;
	clang)	fragments=(x86 newer) words=LLVM=1 version='clang -dumpversion' packages=(clang lld llvm) ;;
	arm64)	ARCH=arm64 target=Image; foreign arm64 ;;
	s390x)	ARCH=s390; foreign s390x ;;
	riscv64) ARCH=riscv target='' fragments=(compile); foreign riscv64 ;;
	5.10-arm64) ARCH=arm64 target='' fragments=(compile "$1"); foreign arm64
		SRC_PACKAGE=linux-source-5.10 SRC_SUITE=bullseye ;;
	esac
	if [ -n "$MACHINE" ]; then
		words=CROSS_COMPILE=$MACHINE-
		version="$MACHINE-gcc -dumpfullversion" packages=("gcc-$MACHINE")
		build=(build_foreign build_own)
		[ "$1" != s390x ] || build=(build_s390 build_own)
	fi
	# What modpost would go by is known when all of a kernel is compiled
	[ -n "$target" ] || words+=' KBUILD_MODPOST_WARN=1'
	need_packages make gcc libc6-dev flex bison bc kmod cpio libelf-dev libssl-dev openssl python3 \
		"${packages[@]}"
	source_tree
	[ ! -e "$TOP/tests/kernels/$patch.patch" ] || patched_tree "$patch"
	fragments=("${fragments[@]/#/$TOP/tests/kernels/}")
	fragments=("${fragments[@]/%/.config}")
	# The key: version, configuration, compiler, and how it is built (below).
	key=$( { echo "${SRC#"$CACHE/source/$SRC_PACKAGE-"}" $words; $version; declare -f "${build[@]}"
		cat "${fragments[@]}"; } | sha256sum | cut -c1-12)
	ENTRY=$CACHE/kernels/$1-$SRC_VERSION-$key
	once "kernel $1 (2 to 12 minutes, once)" "$ENTRY" "${build[0]}"
	[ "$SRC_SUITE" != unstable ] || forget_older "$1"
}

# forget_older NAME: unstable has others soon; those of another version go, and their source
forget_older() {
	local old from
	for old in "$CACHE/kernels/$1"-*; do
		case $old in "$CACHE/kernels/$1-$SRC_VERSION-"*) continue ;; esac
		from=$(readlink "$old/kdir/source" || true)
		case $from in
		"$SRC")	;;
		"$CACHE/source/"*) rm -rf "$from" ;;
		esac
		rm -rf "$old"
	done
}

build_own() {
	local o=$1/kdir log=$1/build.log mk f
	mk="make -C $SRC O=$o ARCH=$ARCH -j$JOBS $words"
	mkdir "$o"
	[ $ARCH != i386 ] || busybox_i386 "$1"
	$mk tinyconfig >"$log" 2>&1
	# Of an option that several fragments set the last word holds
	awk '/^CONFIG_[^ ]*=/ { split($0, part, "="); said[part[1]] = $0 }
		/^# CONFIG_.* is not set/ { said[$2] = $0 }
		END { for (o in said) print said[o] }' "${fragments[@]}" >"$1/wanted"
	cat "$1/wanted" >>"$o/.config"
	$mk olddefconfig >>"$log" 2>&1
	# Kconfig drops in silence what cannot be had
	f=$({ grep -v '^#' "$1/wanted" | grep -vxFf "$o/.config"
		sed -n 's/^# \(CONFIG_.*\) is not set/^\1=/p' "$1/wanted" | grep -f - "$o/.config"
		} || true)
	[ -z "$f" ] || die "not possible in this kernel:" $f
	$mk $target modules_prepare >>"$log" 2>&1 ||
		{ tail -n 30 "$log" >&2; die "build failed"; }
	# There are no modules but ours, so vmlinux exports all there is
	[ -z "$target" ] || cp "$o/vmlinux.symvers" "$o/Module.symvers"
	$mk -s kernelrelease 2>/dev/null | tail -n 1 >"$1/release"
	echo $ARCH >"$1/arch"
	[ -z "$words" ] || echo "$words" >"$1/make"
	cp "$o/.config" "$1/config"
	case $target in
	linux)	cp "$o/linux" "$1/vmlinuz"; strip "$1/vmlinuz" ;;
	bzImage) cp -L "$o/arch/x86/boot/bzImage" "$1/vmlinuz" ;;
	esac
	# Modules need the headers and the tools, not the objects
	find "$o" \( -path "$o/scripts" -o -path "$o/tools" \) -prune -o \
		-type f \( -name '*.o' -o -name '*.a' -o -name '.*.cmd' \) -exec rm -f {} +
}

# build_own knows the images of x86 and of User Mode Linux
build_foreign() {
	build_own "$1"
	[ -n "$target" ] || return 0
	cp "$1/kdir/arch/$ARCH/boot/$target" "$1/vmlinuz"
	busybox_of "$DEB_ARCH" "$1"
}

# It has a bzImage too, which build_own() would look for where x86 has it
build_s390() {
	target='vmlinux bzImage' build_own "$1"
	cp "$1/kdir/arch/s390/boot/bzImage" "$1/vmlinuz"
	busybox_of s390x "$1"
}

# From 6.13 on a tree knows where it is
build_placed() {
	build_own "$1"
	sed -i "s,$1/,$ENTRY/," "$1/kdir/Makefile"
}

# foreign ARCHITECTURE, as Debian calls it: sets that and what compilers call it
DEB_ARCH=amd64 MACHINE=
foreign() {
	DEB_ARCH=$1 MACHINE=$1-linux-gnu
	[ "$1" != arm64 ] || MACHINE=aarch64-linux-gnu
}

# The machine's own is for 64 bits
busybox_i386() { busybox_of i386 "$1"; }

# busybox_of ARCHITECTURE DIR
busybox_of() {
	apt_of bookworm "$1"
	shift
	mkdir "$1/deb"
	fetch_deb "$1/deb" busybox-static
	mv "$1/deb/bin/busybox" "$1/busybox"
	rm -rf "$1/deb"
}

# --- QEMU -----------------------------------------------------------------------

# Until 8.1 a thread a CPU may translate a breakpoint that is just taken away, and
# run into it later.  The kernel patches jump labels by way of breakpoints.
qemu() {
	local suite=bookworm-backports
	need_packages qemu-system-x86
	if dpkg --compare-versions "$(dpkg-query -W -f '${Version}' qemu-system-x86)" ge 1:8.1; then
		ENTRY=$(dirname "$(command -v qemu-system-x86_64)")
		return
	fi
	ENTRY=$CACHE/qemu/$suite
	once "QEMU of $suite" "$ENTRY" backported_qemu
}

# Its libraries are those of Debian's own
backported_qemu() {
	local p
	apt_of "$suite" amd64
	for p in qemu-system-x86 qemu-system-common qemu-system-data seabios; do
		fetch_deb "$1" $p
	done
	cat >"$1/qemu-system-x86_64" <<-END
		#!/bin/sh
		share=$ENTRY/usr/share
		exec $ENTRY/usr/bin/qemu-system-x86_64 -L \$share/qemu -L \$share/seabios "\$@"
	END
	chmod +x "$1/qemu-system-x86_64"
	"$1/usr/bin/qemu-system-x86_64" --version >&2
}

# --- herd7 ----------------------------------------------------------------------

herd7() {
	ENTRY=$CACHE/herd7/unstable
	once "herd7 of unstable" "$ENTRY" unstable_herd7
}

# With the C library that it is linked against
unstable_herd7() {
	local p lib=usr/lib/x86_64-linux-gnu
	apt_of unstable amd64
	mkdir "$1/deb"
	for p in herdtools7 libc6 libgmp10; do
		fetch_deb "$1/deb" $p
	done
	mkdir "$1/lib"
	cp "$1/deb/$lib"/{ld-linux-x86-64.so.2,libc.so.6,libm.so.6,libgmp.so.10} "$1/lib/"
	cp "$1/deb/usr/bin/herd7" "$1/lib/"
	cp -r "$1/deb/usr/share/herdtools7/herd" "$1/models"
	rm -rf "$1/deb"
	cat >"$1/herd7" <<-'END'
		#!/bin/sh
		dir=$(dirname "$0")
		exec "$dir/lib/ld-linux-x86-64.so.2" --library-path "$dir/lib" "$dir/lib/herd7" \
			-set-libdir "$dir/models" "$@"
	END
	chmod +x "$1/herd7"
	"$1/herd7" -version >&2
}

# --- Debian's kernels --------------------------------------------------------

# newest NAME FUNCTION: sets VERSION and PKG_VERSION, the newest that can be had, by
# FUNCTION.  Asking apt takes seconds, and what is newer takes as long to make as the
# first: the answer holds for a week.
newest() {
	local memo=$CACHE/newest-$1
	if [ -z "$(find "$memo" -mtime -7 -size +0 2>/dev/null)" ]; then
		mkdir -p "$CACHE"
		(
			VERSION='' PKG_VERSION=''
			"$2" "$1"
			[ -n "$VERSION" ] && [ -n "$PKG_VERSION" ] || die "no $1 among Debian's packages"
			echo "$VERSION $PKG_VERSION" >"$memo.$$"
			mv "$memo.$$" "$memo"
		) || [ -s "$memo" ] || exit 1
	fi
	read -r VERSION PKG_VERSION <"$memo"
}

# Debian 12 has several series
stock_version() {
	local series=${1%%-*} flavour=$DEB_ARCH dots
	case $1 in *-rt|*-cloud) flavour=${1#*-}-amd64 ;; esac
	dots=${series//./\\.}
	apt_of bookworm "$DEB_ARCH"
	VERSION=$(apt-cache "${APT[@]}" pkgnames "linux-headers-$series" |
		sed -nE "s/^linux-headers-($dots\.[0-9]+(-[0-9]+|\+deb12)-$flavour)\$/\1/p" |
		newest_of linux-headers linux-image)
	PKG_VERSION=$(candidate "linux-headers-$VERSION")
}

# The common headers and the tools are named by the headers' dependencies
stock_headers() {
	local p h=usr/src/linux-headers-$VERSION tools=()
	apt_of bookworm "$DEB_ARCH"
	fetch_deb "$1" "linux-headers-$VERSION"
	for p in $(apt-cache "${APT[@]}" depends "linux-headers-$VERSION" |
			sed -nE 's/^  Depends: (linux-headers-.*|linux-kbuild-.*)/\1/p'); do
		case $p in
		linux-kbuild-*) tools+=("$p") ;;
		*) fetch_deb "$1" "$p" ;;
		esac
	done
	# These are to run here
	apt_of bookworm amd64
	for p in "${tools[@]}"; do
		fetch_deb "$1" "$p"
	done
	# The only absolute path in there that matters
	sed -i "s,^include /usr/src/,include $ENTRY/usr/src/," "$1/$h/Makefile"
	ln -s "$h" "$1/kdir"
	cp "$1/$h/.config" "$1/config"
	echo "$VERSION" >"$1/release"
	case $DEB_ARCH in
	amd64)	echo x86 ;;
	s390x)	echo s390 ;;
	*)	echo "$DEB_ARCH" ;;
	esac >"$1/arch"
	[ -z "$MACHINE" ] || echo "CROSS_COMPILE=$MACHINE-" >"$1/make"
}

# stock_image DIR: newer ones come in several packages
stock_image() {
	local p f
	fetch_deb "$1" "linux-image-$VERSION"
	for p in $(apt-cache "${APT[@]}" depends "linux-image-$VERSION" |
			sed -n "s/^  Depends: \(linux-.*-$VERSION\)\$/\1/p"); do
		fetch_deb "$1" "$p"
	done
	mkdir -p "$1/modules/lib/modules"
	for f in "$1/lib/modules/$VERSION" "$1/usr/lib/modules/$VERSION"; do
		[ ! -d "$f" ] || mv "$f" "$1/modules/lib/modules/"
	done
	for f in "$1/boot/vmlinuz-$VERSION" "$1/modules/lib/modules/$VERSION/vmlinuz"; do
		[ ! -f "$f" ] || mv "$f" "$1/vmlinuz"
	done
	depmod -b "$1/modules" "$VERSION"
	rm -rf "${1:?}/boot" "${1:?}/lib" "${1:?}/usr"
	for f in kdir config release arch make root; do
		[ ! -e "$HEADERS/$f" ] || ln -s "../${HEADERS##*/}/$f" "$1/$f"
	done
}

stock_kernel() {
	case $1 in *-arm64|*-s390x) foreign "${1#*-}" ;; esac
	# pahole: 6.12's build asks for its version
	need_packages make "gcc-12${MACHINE:+-$MACHINE}" libc6-dev libelf1 dwarves kmod
	newest "$1" stock_version
	HEADERS=$CACHE/kernels/$VERSION-$PKG_VERSION-headers
	ENTRY=$HEADERS
	once "headers $VERSION" "$ENTRY" stock_headers
	[ -z "$headers_only" ] || return 0
	ENTRY=${HEADERS%-headers}
	once "kernel image $VERSION" "$ENTRY" bookworm_image
}

bookworm_image() {
	apt_of bookworm "$DEB_ARCH"
	stock_image "$1"
	[ -z "$MACHINE" ] || busybox_of "$DEB_ARCH" "$1"
}

# --- other Debians' -------------------------------------------------------------

# Their headers want their compiler, and that its C library: so they are built with in
# a root of its own, which build.sh enters.
suite_version() {
	apt_of "$suite" amd64
	VERSION=$(apt-cache "${APT[@]}" depends linux-headers-amd64 |
		sed -n 's/^  Depends: linux-headers-\([0-9].*\)/\1/p')
	PKG_VERSION=$(candidate "linux-headers-$VERSION")
}

suite_kernel() {
	local old suite=$2
	need_packages make kmod
	newest "$1" suite_version
	HEADERS=$CACHE/kernels/$1-$PKG_VERSION-headers
	ENTRY=$HEADERS
	once "a root of Debian $suite with headers $VERSION (3 minutes, once)" "$ENTRY" suite_root
	if [ -z "$headers_only" ]; then
		ENTRY=${HEADERS%-headers}
		once "kernel image $VERSION" "$ENTRY" suite_image
	fi
	# There are others soon
	for old in "$CACHE/kernels/$1"-*; do
		case $old in
		"${HEADERS%-headers}"|"$HEADERS") ;;
		*) rm -rf "$old" ;;
		esac
	done
}

# With W=1 their kernel-doc checks our comments, and wants all of perl
suite_root() {
	make_root "$1/root" "$suite" make gcc perl "linux-headers-$VERSION"
	rm -rf "$1/root/usr/share/doc"
	ln -s "root/usr/src/linux-headers-$VERSION" "$1/kdir"
	cp "$1/kdir/.config" "$1/config"
	echo "$VERSION" >"$1/release"
	echo x86 >"$1/arch"
}

suite_image() {
	apt_of "$suite" amd64
	stock_image "$1"
}

# -----------------------------------------------------------------------------

# In a function, so that a change to this file does not disturb a run
main() {
	headers_only=
	[ "${1-}" != --headers ] || { headers_only=yes; shift; }
	case ${1-} in
	--source)	source_tree ${2:+"linux-source-$2"}; ENTRY=$SRC ;;
	uml|uml-debug|uml-smp|debug|kcsan|up|32bit|nosysctl|nodebugfs|nounload|clang|arm64|s390x|riscv64|5.10-arm64)
		# of others' making, as tests/tree.sh has one
		if [ -n "${SLOW_WORK_KERNEL_DIR-}" ]; then ENTRY=$SLOW_WORK_KERNEL_DIR; else own_kernel "$1"; fi ;;
	6.1|6.12|6.1-rt|6.12-rt|6.1-cloud|6.12-cloud) stock_kernel "$1" ;;
	6.1-arm64|6.12-arm64|6.1-s390x|6.12-s390x) stock_kernel "$1" ;;
	5.10)	suite_kernel 5.10 bullseye ;;
	6.12-trixie) suite_kernel 6.12-trixie trixie ;;
	unstable) suite_kernel unstable unstable ;;
	qemu|herd7) "$1" ;;
	*) die "usage: kernel.sh [--headers] NAME (uml, 6.1-rt, ...: see the head of $0)
	       kernel.sh --source [6.12] (unpacked kernel sources)
	       kernel.sh qemu
	       kernel.sh herd7" ;;
	esac
	echo "$ENTRY"
}

main "$@"; exit
