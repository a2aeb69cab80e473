#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# docs.sh: makes HTML and man pages of Documentation/ and of the kernel-doc in
# the sources, and compares what is written there with the sources.
#
# What comes out is in Documentation/output: html/index.html, and a tree for
# man -M: section 7 for what is written, 8 for the tools, 9 for each call.

# shellcheck disable=SC2016 # backquotes are the documents'
. "$(dirname "$0")/lib/env.sh"

need_packages python3 python3-drgn python3-sphinx groff-base perl
KERNEL_SOURCE=$("$TOP/tests/kernel.sh" --source)
NEWER=$("$TOP/tests/kernel.sh" --source 6.12)
export KERNEL_SOURCE
cd "$TOP"
HEADER=include/linux/slow-work.h
OUT=Documentation/output
MAN=$OUT/man
texts=(README.md CONTRIBUTING.md CHANGELOG.md Documentation/*.rst)

# --- pages -------------------------------------------------------------------

# All anew each time, since sphinx warns once and then goes by what it kept.  What
# kernel-doc says beside it is a warning to us.
sphinx() {
	local out
	out=$(sphinx-build -W --keep-going -q -E -d "$OUT/doctrees" -b "$1" \
		Documentation "$2" 2>&1) || out+=" (status $?)"
	[ -z "$out" ] || { printf '%s\n' "$out"; return 1; }
}

# kernel_doc FILE...: the pages of what a caller sees of FILE
kernel_doc() {
	local file options
	for file; do
		options=-export
		[ "$file" != $HEADER ] || options=
		# shellcheck disable=SC2086 # none is no word
		"$KERNEL_SOURCE/scripts/kernel-doc" -Werror -man $options "$file" || return
	done
}

# What tools say of themselves is a part of their pages.  By Debian's Python, since
# drgn is Debian's.
help_texts() {
	local tool
	mkdir -p "$OUT/help" || return
	for tool in tools/*; do
		COLUMNS=80 /usr/bin/python3 "$tool" --help >"$OUT/help/${tool##*/}" || return
	done
}

tools_have_pages() {
	local tool status=0
	for tool in tools/*; do
		tool=${tool##*/}
		[ -s "$MAN/man8/${tool%.py}.8" ] || { echo "$tool has no page"; status=1; }
	done
	return $status
}

# A struct's page is to be found under the name of the struct alone
call_pages() {
	local page name
	mkdir -p "$MAN/man9" || return
	# shellcheck disable=SC2046 # words they are
	kernel_doc $HEADER $(grep -l '^EXPORT_SYMBOL' ./*.c) >"$OUT/man9" || return
	"$KERNEL_SOURCE/scripts/split-man.pl" "$MAN/man9" <"$OUT/man9" 2>/dev/null || return
	rm "$OUT/man9"
	for page in "$MAN"/man9/struct\ *; do
		# By that name man -k lists it, too
		sed -i '3s/^struct //' "$page"
		mv "$page" "${page/struct /}"
	done
	# A macro that defines may be told of with others of its kind
	for name in $(public | grep '^[A-Z_]*$'); do
		[ ! -e "$MAN/man9/$name.9" ] || continue
		page=$(find "$MAN/man9" -type f -exec grep -lF "\\fB$name\\fP" {} +)
		[ -z "$page" ] || ln -s "${page##*/}" "$MAN/man9/$name.9"
	done
}

man_pages() {
	local page section
	sphinx man "$MAN" || return
	for page in "$MAN"/*.[1-9]; do
		section=$MAN/man${page##*.}
		mkdir -p "$section"
		# A boxed table loses lines where a page would end, narrow columns cannot be
		# filled evenly, groff 1.23 has no font C
		{
			! grep -q '^\.TS$' "$page" || echo "'\\\" t"
			sed 's/^center;$/nokeep;/; /^|l/s/|/ /g; s/T{$/&\n.na/; s/^\.ft C$/.ft CR/' "$page"
		} >"$section/${page##*/}"
		rm "$page"
	done
}

# It says what is wrong, and ends well all the same.  break: lines that cannot be
# filled evenly, in narrow columns.
readable() {
	local page said status=0
	for page in "$MAN"/man*/*; do
		said=$(groff -t -man -Tutf8 -ww -Wbreak "$page" 2>&1 >/dev/null) && [ -z "$said" ] ||
			{ echo "${page##*/}: $said"; status=1; }
	done
	return $status
}

# --- what there is -----------------------------------------------------------

exported() { sed -n 's/^EXPORT_SYMBOL\w*(\(\w*\));/\1/p' ./*.c; }

# What callers may use: functions, inline or not, and macros with parameters.
# What begins with __ is ours, but for what is exported and has to be told of.
public() {
	{
		sed -nE 's/^([a-z][a-z_ ]* \**)?([a-z]\w+)\(.*/\2/p
			s/^#define ([A-Za-z]\w*)\(.*/\1/p' $HEADER
		exported
	} | grep -v ^__ | sort -u
}
structs() { sed -nE 's/^struct (\w+) \{$/\1/p' $HEADER; }
sysctls() { sed -nE 's/.*\.procname\s*=\s*"(.*)".*/\1/p' ./*.c; }
targets() { sed -nE 's/^([a-z0-9-]+):.*/\1/p' Makefile; }
parameters() { sed -nE 's/^module_param\w*\((\w+),.*/\1/p' ./*.c; }
tracepoints() {
	sed -nE 's/^TRACE_EVENT\w*\((\w+),.*/\1/p; s/^DEFINE_EVENT\w*\(\w+, (\w+),.*/\1/p' ./*.h
}
debugfs() { sed -nE 's/.*debugfs_create_file\w*\("([^"]*)".*/\1/p' ./*.c; }

# What administration.rst has below the label LABEL: the literals that rows of tables
# begin with.  A table has three rules, and rows after the second.
written() {
	awk -v label="$1" '
		/^\.\. _[a-z-]+:/	{ on = $2 == "_" label ":" }
		/^=+ =/			{ rules++ }
		on && rules % 3 == 2 && match($0, /^``[A-Za-z0-9_.-]+``/) {
			print substr($0, 3, RLENGTH - 4)
		}' Documentation/administration.rst
}

# Formats of stats-values; a row's class or owner, and its kind of time, have names
values() {
	sed -nE '/seq_printf\(m, "[^ ]+ %/ {
		s/.*"%s\.%s\.%s\./"ROW.TIME./; s/.*"%s\.%s\./"ROW./; s/\.%d /.N /
		s/.*"([A-Za-z0-9.-]+) %[a-z]+(\\n)?".*/\1/p
	}' slow-work-debugfs.c
}

# --- the two compared --------------------------------------------------------

# same WHAT "WORDS WRITTEN" "WORDS THERE"
same() {
	local lines
	lines=$(diff <(sort -u <<<"$2") <(sort -u <<<"$3") |
		sed -n 's/^< \(.\)/written, but not there: \1/p; s/^> /there, but not written: /p')
	[ -n "$3" ] || lines="no $1 found in the sources"
	[ -z "$lines" ] || { echo "$1:"; echo "$lines"; return 1; }
}

# Each call has its page, with where it may be called and what it returns, and
# its place in callers.rst.  Macros that define have no context; a place they
# may share.
calls_have_pages() {
	local name page calls html=$OUT/html/callers.html status=0
	wrong() { echo "$*"; status=1; }
	calls=$(public)
	for name in $calls $(structs); do
		page=$MAN/man9/$name.9
		[ -s "$page" ] || wrong "$name has no kernel-doc"
		[[ ! $name =~ [a-z] ]] || grep -qF "id=\"c.$name\"" "$html" ||
			wrong "callers.rst does not take in $name"
	done
	for name in $calls; do
		page=$MAN/man9/$name.9
		[ -s "$page" ] || continue
		if [[ ! $name =~ [a-z] ]]; then
			grep -qw "$name" "$html" || wrong "callers.rst does not tell of $name"
			continue
		fi
		grep -q '^.SH "CONTEXT"' "$page" || wrong "$name does not tell its context"
		! grep -qE '^\.B "(bool|int|struct .*)"' "$page" || grep -q '^.SH "RETURN"' "$page" ||
			wrong "$name does not tell what it returns"
	done
	return $status
}

# known WHAT "THERE" PREFIX REST: whatever texts name that begins with PREFIX
# and goes on like REST is there
known() {
	local name status=0
	while read -r name; do
		grep -qxF -- "$name" <<<"$2" ||
			{ echo "there is no $1 $name"; status=1; }
	done < <(grep -ohE "$3$4" "${texts[@]}" | sed -E "s,^$3,,; s,[(][)]$,," | sort -u)
	return $status
}

# Lines that administration.rst explains are printed: all of their text between
# values, which are in capitals there, in brackets, or numbers
log_lines_are_there() {
	local line status=0
	while read -r line; do
		grep -qF -- "$line" ./*.c || { echo "nothing prints: $line"; status=1; }
	done < <(sed -nE '/^\.\. _log:/,/^Debugging by Example/s/^`{2}([^`]*)`{2}$/\1/p' \
		Documentation/administration.rst | sed -E 's/\.\.\.//; s/\([^)]*\)|\b[a-z]*[A-Z]{2,}\b|[0-9]+/\n/g' |
		sed -E 's/^[^A-Za-z]+//; s/[ :]+$//' | grep -E '.{4}')
	return $status
}

# What was measured is written as it was measured
figures_are_measured() {
	local name status=0 picture=tests/bench/picture.py json=Documentation/bench.json
	for name in costs growth; do
		diff <(awk -v label=".. _$name:" '$0 == label { on = 1; next }
			on && /^=+ =/ { rules++ } on && rules { print } rules == 3 { exit }' \
			Documentation/performance.rst) <("$picture" "$name" "$json") ||
			{ echo "the table \"$name\" is not of $json: tests/bench.sh keep"; status=1; }
	done
	"$picture" draw "$json" "$OUT/bench.svg"
	cmp "$OUT/bench.svg" Documentation/bench.svg || status=1
	return $status
}

# tests/vm/samples.sh builds and runs it
readme_is_in_kernel_style() {
	tests/readme.sh c >"$OUT/hello.c"
	[ -s "$OUT/hello.c" ] || return
	"$KERNEL_SOURCE/scripts/checkpatch.pl" --no-tree --strict --terse --no-summary --file "$OUT/hello.c"
}

# What from-workqueue.rst translates is there in the kernel
workqueue_has_them() {
	local name status=0
	while read -r name; do
		# those of 6.10 on are not in 6.1
		grep -qw "$name" "$KERNEL_SOURCE"/include/linux/{workqueue,timer}.h "$NEWER/include/linux/workqueue.h" ||
			{ echo "neither workqueues nor timers have $name"; status=1; }
	done < <(sed -nE 's/^`{2}(\w+)\(\)`{2} .*/\1/p' Documentation/from-workqueue.rst | grep .)
	return $status
}

whatever_is_named_is_there() {
	local status=0
	known sysctl "$(sysctls)" /proc/sys/kernel/slow-work/ '[a-z-]+' || status=1
	known "debugfs file" "$(debugfs)" /sys/kernel/debug/slow_work/ '[a-z-]+' || status=1
	known tracepoint "$(tracepoints)" slow_work: '\w+' || status=1
	known option "$(find . -name Kconfig -exec sed -n 's/^config //p' {} +)" CONFIG_ 'SLOW_WORK\w*' || status=1
	known call "$(public; exported)" '' '\w*(slow_work|SLOW_WORK)\w*[(][)]' || status=1
	known target "$(targets)" '(    |`)make ' '[a-z0-9-]+' || status=1
	return $status
}

links_lead_somewhere() {
	local text link status=0
	while IFS=: read -r text link; do
		case $link in
		# a heading of the same page
		\#*)	sed -n 's/^##* //p' "$text" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9\n-' |
				grep -qxF -- "${link#?}" ;;
		*)	[ -e "$(dirname "$text")/$link" ] ;;
		esac || { echo "$text: there is no $link"; status=1; }
	done < <(grep -oHE '\]\([^):]*[^):/]' "${texts[@]}" Documentation/*.md | sed 's/\](//')
	return $status
}

# What is not built, and has no capitals for a name of the reader's choice
files_are_there() {
	local text file status=0
	while IFS=: read -r text file; do
		[ -e "$file" ] || { echo "$text: there is no $file"; status=1; }
	done < <(grep -oHP '(?<![\w/.-])(debian|include|samples|scripts|tests|tools)/[a-z0-9/._-]*[a-z0-9](?!\w)' \
		README.md CONTRIBUTING.md CHANGELOG.md Documentation/{design.md,testing.rst} | grep -v '\.ko$' | sort -u)
	return $status
}

# design.md tells which file to open for what
each_file_is_told_of() {
	local file name status=0
	for file in *.[ch]; do
		grep -qF "\`$file\`" Documentation/design.md || { echo "no word of $file"; status=1; }
	done
	while read -r name; do
		grep -qE "^(\w.*\W)?$name\(" ./*.[ch] || { echo "there is no $name()"; status=1; }
	done < <(grep -oE '\w*slow_work\w*[(][)]' Documentation/design.md | sed 's/..$//' | sort -u)
	return $status
}

echo "KTAP version 1"
rm -rf "$OUT"
mkdir -p "$OUT"
result "help texts" help_texts
result "HTML" sphinx html "$OUT/html"
result "man pages of what is written" man_pages
result "man pages of kernel-doc" call_pages
result "man pages can be shown" readable
result "each call has its page" calls_have_pages
result "each tool has its page" tools_have_pages
result "sysctls" same sysctls "$(written sysctls)" "$(sysctls)"
result "module parameters" same parameters "$(written parameters)" "$(parameters)"
result "debugfs files" same files "$(written debugfs-files)" "$(debugfs)"
result "keys of stats-values" same keys "$(written stats-keys)" "$(values)"
result "tracepoints" same tracepoints "$(written tracepoints)" "$(tracepoints)"
result "lines in the log" log_lines_are_there
result "figures" figures_are_measured
result "README.md's caller is in kernel style" readme_is_in_kernel_style
result "calls of workqueues" workqueue_has_them
result "whatever is named is there" whatever_is_named_is_there
result "links" links_lead_somewhere
result "files that are named" files_are_there
result "design.md tells of each file" each_file_is_told_of
rm -rf "$OUT/doctrees" "$OUT"/{hello.c,bench.svg} .checkpatch-camelcase.*
echo "# see $OUT/html/index.html and man -M $OUT/man slow-work"
plan
