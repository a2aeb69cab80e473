#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# style.sh [sources|builds]: checkpatch, kernel-doc, sparse; W=1 builds for the
# kernels that other tests run on.  All of them are to stay silent.
. "$(dirname "$0")/lib/env.sh"

need_packages perl sparse
source=$("$TOP/tests/kernel.sh" --source)
cd "$TOP"
sources() { find . -name .git -prune -o -type f "$@" -print | sort; }

# Fails if the command prints anything
silent() {
	local out
	out=$("$@" 2>&1) && [ -z "$out" ] || { printf '%s\n' "$out"; return 1; }
}

# It says what is wrong, and ends well all the same
kernel_doc() { "$source/scripts/kernel-doc" -none "$@" || true; }
build() { "$TOP/tests/build.sh" "$@"; }

# pretend VERSION.PATCHLEVEL.SUBLEVEL: what has make take kernel 6.1's headers for
# that version's
pretend() {
	local dir=$CACHE/pretend/$1 a b c
	IFS=. read -r a b c <<<"$1"
	mkdir -p "$dir/linux"
	printf '%s\n' "#define LINUX_VERSION_CODE $(((a << 16) + (b << 8) + c))" \
		'#define KERNEL_VERSION(a,b,c) (((a) << 16) + ((b) << 8) + (c))' >"$dir/linux/version.h"
	echo "NOSTDINC_FLAGS=-nostdinc -I$dir"
}

# Nothing but the one line, if perhaps for several files at a time
refused() {
	local out
	! out=$("$TOP/tests/build.sh" 6.1 "$(pretend "$1")" 2>&1) || { echo "it is built"; return 1; }
	[ "$(grep -F error: <<<"$out" | sed 's/.*error: //' | sort -u)" = \
		"#error slow-work needs Linux 5.10 or later" ] || { echo "$out"; return 1; }
}

# The package's version is the module's
one_version() {
	local module package
	module=$(sed -n 's/^MODULE_VERSION("\(.*\)");$/\1/p' main.c)
	package=$(sed -n '1s/^slow-work (\(.*\)) .*/\1/p' debian/changelog)
	[ -n "$module" ] && [ "$module" = "$package" ] || echo "module: $module, package: $package"
}

# compat.h is the only file that looks at the kernel's
looks_at_version() {
	local files
	files=$(sources -name '*.[ch]' ! -name compat.h) && [ -n "$files" ] || return
	# shellcheck disable=SC2086 # words they are
	! grep -nE 'LINUX_VERSION|KERNEL_VERSION|linux/version\.h' $files
}

# The list at the head of slow-work.h: what stands above may call what stands below
layers() {
	local objects names
	# shellcheck disable=SC2046 # words they are
	objects=$(build 6.1 $(all_switches 6.1)) || return
	names=$(sed -n 's/^ \* \([a-z-]*\)\.c\t.*/\1/p' slow-work.h)
	diff <(sort <<<"$names") <(ls -- *.c | sed 's/\.c$//' | sort) || return
	# shellcheck disable=SC2086 # words they are
	(cd "${objects%/ko}/src" && nm -A $(sed 's/$/.o/' <<<"$names") | sed 's/\.o:[0-9a-f]* */ /') |
		awk -v names="$names" '
		BEGIN { n = split(names, list); for (i = 1; i <= n; i++) layer[list[i]] = i }
		$2 == "U" { wants[$1 " " $3]; next }
		$2 ~ /[A-Z]/ { has[$3] = $1 }
		END {
			for (w in wants) {
				split(w, use)
				if (use[2] in has && layer[has[use[2]]] < layer[use[1]]) {
					print use[1] ".c calls up: " use[2] " of " has[use[2]] ".c"
					bad = 1
				}
			}
			exit bad
		}'
}

# shellcheck disable=SC2046 # words they are
build_all() { build "$1" $(all_switches "$1"); }

check_sources() {
	mapfile -t files < <(sources ! -name slow-work-trace.h \( -name '*.[ch]' -o -name Kbuild -o -name Kconfig \
		-o -name Makefile \))
	checkpatch=("$source/scripts/checkpatch.pl" --no-tree --strict --quiet --no-summary
		--show-types --terse --ignore MACRO_ARG_REUSE)	# initialisers name their item twice
	result "checkpatch --strict" silent "${checkpatch[@]}" --file "${files[@]}"
	# Tracepoints look like C to nothing but their own macros
	result "checkpatch of the tracepoints" silent "${checkpatch[@]}" \
		--ignore OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT,SPACING,COMPLEX_MACRO \
		--ignore MULTISTATEMENT_MACRO_USE_DO_WHILE --file slow-work-trace.h
	rm -f .checkpatch-camelcase.*	# its memory
	mapfile -t files < <(sources -name '*.[ch]')
	result "kernel-doc" silent kernel_doc "${files[@]}"
	result "one version in main.c and debian/changelog" silent one_version
	result "only compat.h looks at a version" looks_at_version
	result "calls run downwards only" layers
	# build.sh has it look at whatever is compiled for these
	result "sparse, against 6.1" build_all 6.1
	result "sparse, against uml" build_all uml
}

check_builds() {
	for k in 6.1 6.12 6.12-rt; do
		result "W=1 build for $k" build_all $k
	done
	result "a kernel older than 5.10 is refused, and that is said" refused 5.9.16
	result "W=1 build with the calls that 6.1.0 had" build 6.1 "$(pretend 6.1.0)"
	result "W=1 build for 6.1 without the debugfs view" build 6.1 CONFIG_SLOW_WORK_DEBUG=n
}

echo "KTAP version 1"
case ${1-} in
sources|builds) "check_$1" ;;
'')	check_sources; check_builds ;;
*)	die "usage: style.sh [sources|builds]" ;;
esac
plan
