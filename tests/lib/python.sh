# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Sourced after env.sh by what wants Debian's Python in a guest

# python_root DIR [PACKAGE...]: below DIR, to be entered by chroot, Debian's Python,
# its standard library, and the files of PACKAGEs, each with what it is linked
# against
python_root() {
	local root=$1 python packages f
	shift
	need_packages python3 "$@"
	python=$(readlink /usr/bin/python3)
	packages=(python3-minimal "$python-minimal" "lib$python-minimal" "lib$python-stdlib"
		ncurses-base "$@")
	mkdir -p "$root"/{proc,sys,dev,tmp} "$root"/usr/{bin,lib,lib64}
	ln -s usr/bin usr/lib usr/lib64 "$root"
	dpkg -L "${packages[@]}" | grep -vE '^/usr/share/(doc|lintian|man)' |
		while read -r f; do [ ! -f "$f" ] || echo "$f"; done >"$root/tmp/list"
	# What is compiled already belongs to no package
	sed -nE 's,(.*)/(.*)\.py$,\1/__pycache__/\2.*.pyc,p' "$root/tmp/list" |
		while read -r f; do compgen -G "$f" || true; done >"$root/tmp/more"
	# Scripts are among them, and linked against nothing
	{ grep -E '\.so$|/bin/' "$root/tmp/list" | xargs ldd 2>/dev/null || true; } |
		grep -oE '/[^ ]+ \(0x' | cut -d' ' -f1 >>"$root/tmp/more"
	sort -u "$root/tmp/list" "$root/tmp/more" | sed 's,^/,,' |
		tar -C / -hc --no-recursion -T - | tar -C "$root" --keep-directory-symlink -x
	rm "$root/tmp/list" "$root/tmp/more"
}

# disk_of DIR FILE: a disk with what is in DIR
disk_of() {
	PATH=$PATH:/usr/sbin:/sbin
	need_packages e2fsprogs
	truncate -s "$(($(du -sm "$1" | cut -f1) * 5 / 4 + 16))M" "$2"
	mke2fs -q -t ext2 -d "$1" "$2"
}
