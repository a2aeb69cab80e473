#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# build.sh: GFS2 on slow-work, of Debian's 6.1
#
# Takes it out of Debian's linux-source, moves it by
# scripts/coccinelle/workqueue-to-slow-work.cocci and then by gfs2-slow-work.cocci, and
# builds it against the headers of Debian's kernel.  Prints a directory with all modules
# that it is used with: slow_work and slow_work_caller, ours; gfs2, that is moved;
# debian-gfs2, Debian's.  Words after the script's name are given to sed -E for the
# semantic patch and the adapter, to break them on purpose.
. "$(dirname "$0")/../lib/env.sh"
. "$TOP/tests/lib/port.sh"

OLD='work_struct|delayed_work|[a-z_]*queue_(work|delayed_work)|flush_work(queue)?|[a-z_]*cancel_(delayed_)?work|INIT_[A-Z_]*WORK|alloc_workqueue|destroy_workqueue|slow_work_flush_user'

main() {
	local f
	port_begin gfs2 6.1 "$@"
	cp -r "$source/fs/gfs2" "$TOP/tests/gfs2/Kbuild" "$work/src/"
	for f in "$work"/src/gfs2/*.[ch]; do
		# spatch takes seconds for each
		grep -qE 'work_struct|delayed_work|INIT_WORK|queue_delete_work|workqueue' "$f" || continue
		port_apply "$COCCI/workqueue-to-slow-work.cocci" "$f"
		port_apply "$work/gfs2-slow-work.cocci" "$f"
	done
	for f in "$work"/src/gfs2/*.[ch]; do
		port_moved "$f" "$OLD"
	done
	cp "$work"/gfs2-slow-work.[ch] "$work/src/gfs2/"
	echo "gfs2-y += gfs2-slow-work.o" >>"$work/src/gfs2/Makefile"
	# shellcheck disable=SC2119 # it is to be as it is
	port_build
	port_collect gfs2
}

main "$@"
exit
