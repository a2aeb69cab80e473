#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# coccinelle.sh: runs scripts/coccinelle/workqueue-to-slow-work.cocci on the sample of
# a caller on workqueues, builds and runs what comes out, and sees what it reports of
# another file
. "$(dirname "$0")/lib/env.sh"

# move FILE: in place, with the reports in FILE.reports
move() {
	spatch --sp-file "$TOP/scripts/coccinelle/workqueue-to-slow-work.cocci" --in-place \
		--very-quiet --no-show-diff "$1" >"$1.reports" 2>&1 || { cat "$1.reports"; return 1; }
}

# moves_whole FILE
moves_whole() {
	move "$work/$1" || return
	[ ! -s "$work/$1.reports" ] || { cat "$work/$1.reports"; return 1; }
	sed '/^\/\*/,/\*\//d' "$work/$1" >"$work/code" || return
	! grep -nE '\bwork_struct|\bdelayed_work|queue_work|workqueue_struct|able_work|\bcurrent_work' "$work/code"
}

build() {
	make -C "$kernel/kdir" M="$work" ARCH="$(cat "$kernel/arch")" SLOW_WORK="${modules%/ko}/src" \
		modules >"$work/log" 2>&1 || { cat "$work/log"; return 1; }
	! grep -i warning "$work/log"
}

reports() {
	move "$work/hard.c" || return
	diff - <(sed -E 's,^[^ ]*/hard\.c:[0-9:-]*,hard.c:,' "$work/hard.c.reports" | sort) <<-END
		hard.c: kfree() in other_fn(): of what the item is in? Then it belongs into put_ref
		hard.c: not moved: disable_work()
		hard.c: not moved: queue_work_on()
		hard.c: queue_work(): no workqueue is allocated here; does the module register?
		hard.c: schedule_work(): no workqueue is allocated here; does the module register?
		hard.c: wait_event() in job_fn(): for another item? Then that is to be slow, this very slow
		job_start(): kref_get() before an enqueue: of a run? Then it is get_ref's to take
		job_start(): not moved: queue_work() tells whether the work was pending, an enqueue whether a run will come
	END
}

# What a workqueue's arguments may mean; with one allocated, works need no other report
reports_queues() {
	move "$work/queues.c" || return
	diff - <(sed -E 's,^[^ ]*/queues\.c:[0-9:-]*,queues.c:,' "$work/queues.c.reports" | sort) <<-END
		queues.c: WQ_MEM_RECLAIM: does memory reclaim wait for a work? Then register with SLOW_WORK_MEM_RECLAIM
		queues.c: max_active of 1: these items will run side by side
	END
}

# By the compiler, too: but for the two calls that are reported as not moved it would
does_not_build() {
	local out
	sed -i 's/lease_moved/hard/' "$work/Kbuild"
	out=$(build) && { echo "it is built"; return 1; }
	[ "$(grep 'error:' <<<"$out" | grep -c 'passing argument . of .*queue_work')" = 2 ] ||
		{ echo "$out"; return 1; }
}

need_packages coccinelle libpython3-dev make gcc
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kernel=$("$TOP/tests/kernel.sh" uml)
modules=$(all_switches uml | xargs "$TOP/tests/build.sh" uml)
cat >"$work/Kbuild" <<'END'
obj-m := lease_moved.o calls.o
ccflags-y := -I$(SLOW_WORK)/include
KBUILD_EXTRA_SYMBOLS := $(SLOW_WORK)/Module.symvers
END
cp "$TOP/samples/lease-workqueue.c" "$work/lease_moved.c"
cp "$TOP"/tests/coccinelle/*.c "$work/"

echo "KTAP version 1"
result "the sample moves without a report" moves_whole lease_moved.c
result "and so do other calls" moves_whole calls.c
result "what comes out is built" build
mkdir "$work/ko"
cp "$modules/slow_work.ko" "$work"/*.ko "$work/ko/" || true
result "and does what it did" "$TOP/tests/vm.sh" uml --modules "$work/ko" "$TOP/tests/coccinelle/guest.sh"
result "what does not move is reported" reports
result "and does not compile" does_not_build
result "what a workqueue's arguments may mean is reported" reports_queues
plan
