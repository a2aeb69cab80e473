#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tree.sh: slow-work as a part of a kernel tree, Debian's linux-source-6.12
#
# scripts/in-tree.py makes a series of patches.  checkpatch --strict is to accept
# each, and each is to apply and build; then the KUnit suites run, built in, by the
# kernel's own kunit.py, and with MODULAR=yes loaded as a module, too.  Both kernels are
# User Mode Linux; what was built is kept, so only the first run takes minutes.
. "$(dirname "$0")/lib/env.sh"

need_packages make gcc libc6-dev flex bison bc kmod libelf-dev libssl-dev python3 perl git patch
pristine=$("$TOP/tests/kernel.sh" --source 6.12)
dir=$CACHE/tree/${pristine##*/}-$(echo "$CHECKOUT" | sha256sum | cut -c1-8)
src=$dir/src series=$dir/series um=$dir/modular builtin=$dir/builtin
mkdir -p "$um" "$CACHE/locks"
exec 9>"$CACHE/locks/tree-${dir##*/}"
flock 9
# Who runs the tests may have no name in git
export GIT_CEILING_DIRECTORIES=$CACHE
if ! git -C "$TOP" var GIT_AUTHOR_IDENT >/dev/null 2>&1; then
	export GIT_AUTHOR_NAME='A tester' GIT_AUTHOR_EMAIL=tester@example.org
fi

in_um() { make -C "$src" O="$um" ARCH=um -j"$JOBS" "$@"; }

# Links, for none of the tools writes into a file of the tree's that is there; this
# User Mode Linux is no newer than kernel.sh's
fresh_tree() {
	rm -rf "$src" "$series" && cp -al "$pristine" "$src" &&
		patch -s -d "$src" -p1 <"$TOP/tests/kernels/uml.patch" &&
		"$TOP/scripts/in-tree.py" --series "$series" "$src"
}

# Excused is compat.h, which looks at versions, and what include/linux/workqueue.h and each header of tracepoints in a tree
# has too: initialisers name their item twice, tracepoints look like C to nothing but
# their own macros
EXCUSED='/slow-work\.h:[0-9]+: (CHECK:MACRO_ARG_REUSE|WARNING:MACRO_ARG_UNUSED)'
EXCUSED+='|/compat\.h:'
EXCUSED+='|/slow-work-trace\.h:[0-9]+: [A-Z]+:(OPEN_ENDED_LINE|PARENTHESIS_ALIGNMENT|SPACING'
EXCUSED+='|COMPLEX_MACRO|MULTISTATEMENT_MACRO_USE_DO_WHILE|MACRO_ARG_REUSE)'
checkpatch() {
	( cd "$src" && scripts/checkpatch.pl --strict --terse --show-types --showfile "$1" ) \
		>"$dir/checkpatch" 2>&1 && return
	! grep -vE "$EXCUSED|^total: .* lines checked$" "$dir/checkpatch" &&
		grep -q '^total: ' "$dir/checkpatch"
}

apply() { cd "$src" && git apply "$1"; }

# configure SYMBOL=VALUE...: in a kernel that loads modules
configure() {
	[ -e "$um/.config" ] || in_um tinyconfig || return
	{ cat "$TOP/tests/kernels/uml.config"; printf 'CONFIG_%s\n' "$@"; } >>"$um/.config"
	in_um olddefconfig || return
	! printf 'CONFIG_%s\n' "$@" | grep -vxFf "$um/.config"
}

# No warning of ours; the kernel's own are not our business
build() {
	in_um "$@" >"$dir/log" 2>&1 && ! grep -E 'slow[-_]work.*(warning|error)' "$dir/log" ||
		{ grep -E -A 4 'error:|warning:|\*\*\*' "$dir/log" | head -n 40; return 1; }
}

# The paths that the patches speak of, but for those of the running system, and of what
# Kbuild has for a build outside of the tree
paths() {
	awk '/^\+\+\+ / { skip = /Kbuild$/ } !skip && sub(/^\+/, "")' "$series"/*.patch |
		grep -oP '(?<![\w/])(Documentation|include|kernel|samples|scripts|tests|tools)/[\w./-]*\w(?![\w*-])' |
		grep -v '\.ko$' | sort -u
}

# A path of the repository's is not a path of the tree's
references() {
	local path status=0
	for path in $(paths); do
		[ -e "$src/$path" ] || { echo "no $path"; status=1; }
	done
	return "$status"
}

# Written straight into a tree it is the same; and not written twice
same_as_series() {
	local straight=$dir/straight
	rm -rf "$straight" && mkdir "$straight" && cd "$pristine" &&
		cp -r --parents MAINTAINERS Makefile kernel/Makefile init/Kconfig include/linux \
			samples/Makefile samples/Kconfig Documentation/{core-api,admin-guide}/index.rst "$straight" &&
		"$TOP/scripts/in-tree.py" "$straight" && cd "$straight" &&
		[ -z "$(find . -type f ! -exec cmp {} "$src/{}" \; -print)" ] &&
		[ -e kernel/slow-work/main.c ] || return
	! "$TOP/scripts/in-tree.py" "$straight" && rm -rf "$straight"
}

# What vm.sh wants to know of a kernel
as_kernel() {
	local to=$dir/kernel
	rm -rf "$to" && mkdir -p "$to/ko" && build linux modules || return
	in_um -s kernelrelease | grep -v ^make >"$to/release"
	echo um >"$to/arch"
	cp "$um/.config" "$to/config"
	strip -o "$to/vmlinuz" "$um/linux" && copy_modules "$um" "$to/ko"
}

suites_as_module() {
	as_kernel || return
	SLOW_WORK_KERNEL_DIR=$dir/kernel "$TOP/tests/vm.sh" uml --modules "$dir/kernel/ko" \
		--no-panic-on-warn --append time-travel=inf-cpu --cpu-time 120 \
		"$TOP/tests/vm/kunit.sh" >"$dir/ktap" ||
		{ grep -E 'not ok|^#' "$dir/ktap"; return 1; }
}

# What kunit.py's kernel has by itself, nobody uses here, and takes a fifth of the build
WITHOUT=(EXPERT=y IO_URING=n INPUT=n HID_SUPPORT=n BLOCK=n
	RD_BZIP2=n RD_LZMA=n RD_XZ=n RD_LZO=n RD_LZ4=n RD_ZSTD=n)

# kunit LOG COMMAND OPTION...
kunit() {
	local log=$1; shift
	cd "$src" && tools/testing/kunit/kunit.py "$1" --build_dir="$builtin" --timeout=3600 "${@:2}" \
		</dev/null >"$log" 2>&1 ||
		{ grep -E 'FAILED|ERROR|error' "$log"; tail -n 20 "$log"; return 1; }
}

# There is no load that could fail: the default holds, as the suite finds
wrong_parameter() {
	kunit "$dir/parameter.log" exec --kernel_args=slow_work.min_threads=1 slow_work_sysctl &&
		grep -F 'Parameter min_threads: 1 is not from 2' "$builtin/test.log" &&
		grep -qE 'Ran [1-9][0-9]* tests: passed: [1-9]' "$dir/parameter.log"
}

# In a function, so that a change to this file does not disturb a run
main() {
	local n=0 patch options dirs=(kernel/slow-work/)
	echo "KTAP version 1"
	result "scripts/in-tree.py makes a series" fresh_tree
	for patch in "$series"/*.patch; do
		n=$((n + 1))
		options=(SLOW_WORK=m)
		[ $n -lt 2 ] || options+=(SLOW_WORK_KUNIT_TEST=m)
		[ $n -lt 4 ] || { options+=(SAMPLES=y SLOW_WORK_SAMPLES=m); dirs+=(samples/slow-work/); }
		result "checkpatch --strict, patch $n" checkpatch "$patch"
		result "patch $n applies" apply "$patch"
		result "the options of patch $n can be had" configure "${options[@]}"
		result "patch $n builds" build prepare "${dirs[@]}"
	done
	result "the series has five patches" [ "$n" = 5 ]
	result "what it speaks of is in the tree" references
	result "the tree itself is written the same" same_as_series
	[ -z "${MODULAR-}" ] || result "KUnit suites as a module" suites_as_module
	result "KUnit suites built in, by kunit.py" kunit "$dir/kunit.log" run \
		--kunitconfig=kernel/slow-work/tests/kunit --jobs="$JOBS" \
		"${WITHOUT[@]/#/--kconfig_add=CONFIG_}"
	result "a parameter out of range, built in" wrong_parameter
	grep -h '^Testing complete' <(sed 's/\x1b\[[0-9;]*m//g; s/^\[[^]]*\] //' "$dir/kunit.log") |
		sed 's/^/# kunit.py: /' || true
	plan
}

main; exit
