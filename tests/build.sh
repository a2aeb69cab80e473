#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# build.sh NAME [VAR=value...]: builds our modules for a kernel of kernel.sh
#
# Sources are built in a copy inside the cache, one for each kernel and set of
# switches, so that several kernels do not tread on each other's objects and a
# repetition builds only what changed.  A warning fails the build.  Prints the
# directory that holds the .ko files.  For example:
#   build.sh uml CONFIG_SLOW_WORK_KUNIT_TEST=m
#   build.sh 6.12 C=2 CF=-Wsparse-all
. "$(dirname "$0")/lib/env.sh"

[ $# -ge 1 ] || die "usage: build.sh NAME [VAR=value...]"
name=$1; shift
need_packages make rsync perl
kernel=$("$TOP/tests/kernel.sh" --headers "$name")
key=$(echo "$CHECKOUT $*" | sha256sum | cut -c1-8)
dir=$CACHE/build/$name-$key
mkdir -p "$dir" "$CACHE/locks"
exec 9>"$CACHE/locks/build-$name-$key"
flock 9

# Objects of an older kernel package are of no use; FRESH=yes: nor any others
[ "$(cat "$dir/.kernel" 2>/dev/null)${FRESH-}" = "$kernel" ] || rm -rf "${dir:?}"/* "$dir"/.[!.]*
echo "$kernel" >"$dir/.kernel"

# By content and without times: a file that differs gets the time of now, even
# where an older version came back, and make sees that
mkdir -p "$dir/src" "$dir/ko"
changes=$(rsync -rlpci --delete --exclude=.git --exclude=/Documentation/output --exclude='*.o' \
	--exclude='*.ko' --exclude='*.mod' --exclude='*.mod.c' --exclude='.*.cmd' \
	--exclude='.*.d' --exclude='*.symvers' --exclude=modules.order "$TOP/" "$dir/src/")
# What is built already is whole
if [ -z "$changes" ] && sha256sum --status -c "$dir/.built" 2>/dev/null; then
	echo "$dir/ko"
	exit
fi
rm -f "$dir/.built"

mk=(make -C "$kernel/kdir" M="$dir/src")
[ ! -d "$kernel/root" ] || mk=(in_root make -C "/usr/src/linux-headers-$(cat "$kernel/release")" M=/mnt/src)
mk+=(ARCH="$(cat "$kernel/arch")" -j"$JOBS" W=1)
# shellcheck disable=SC2207 # words they are
[ ! -e "$kernel/make" ] || mk+=($(cat "$kernel/make"))

# One kernel that runs on machines and one that does not are enough for sparse, which
# sees whatever is compiled
case $name in
6.1|uml) need_packages sparse; mk+=(C=1) ;;
esac

# In a root of the kernel's, where $dir is /mnt
in_root() {
	own_mounts
	# shellcheck disable=SC2016 # for the inner shell
	"${UNSHARE[@]}" sh -ec 'root=$1
		mount --bind "$2" "$root/mnt"
		mount --bind /proc "$root/proc"	# objtool looks there
		shift 2
		exec chroot "$root" "$@"' sh "$kernel/root" "$dir" "$@"
}

ok=yes
"${mk[@]}" "$@" modules >"$dir/log" 2>&1 || ok=
# Where there are only headers, who exports what is not known.  A mutant may have warnings.
[ -n "${WARNINGS-}" ] || ! grep -iE 'warning|error:' "$dir/log" |
	grep -vE 'WARNING: (modpost: ".*" \[.*\] undefined!|modpost: suppressed|.*[Mm]odule.symvers"? is missing|modpost: Symbol info)' |
	grep -v 'You can set KBUILD_MODPOST_WARN' >/dev/null || ok=
if [ -z "$ok" ]; then
	say "slow-work: building for $name failed:"
	grep -vE '^make: |^  [A-Z]+( \[M\])? ' "$dir/log" | head -n 60 >&2
	# Next time the warning shall be seen again
	rm -rf "$dir/src"
	exit 1
fi
rm -f "$dir"/ko/*.ko
copy_modules "$dir/src" "$dir/ko"
sha256sum "$dir"/ko/*.ko >"$dir/.built"
echo "$dir/ko"
