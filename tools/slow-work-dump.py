#!/usr/bin/env drgn
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the slow-work pool has, read from its memory by drgn.

    drgn -s vmlinux -s slow_work.ko slow-work-dump.py             a live kernel
    drgn -c vmcore -s vmlinux -s slow_work.ko slow-work-dump.py   a crash dump

With no help from debugfs, nor from the module: so it works when nothing else
does.  It shows what slow-work-top shows, but for what only code can tell: an item
has its function here and not its desc.  Below each thread that is blocked in an
item, in a crash dump below one that ran, too, stands where it is.  Functions of
modules have names if these are given, too: -s slow_scrub.ko.
"""

import argparse

from drgn import ProgramFlags, container_of
from drgn.helpers.linux.list import hlist_for_each_entry, list_for_each_entry
from drgn.helpers.linux.sched import task_state_to_char

# pylint: disable=undefined-variable
# prog is drgn's

MARKER = 1 << 8
FLAGS_SHOWN = 0x3f
CLASSES = ("slow", "vslow")
COUNTS = ("deferred", "cancelled", "refused")
LISTS = ("sq", "vsq")


def text(array):
    """A char array's string"""
    return array.string_().decode(errors="replace")


def symbol(address):
    """A function's name, or its address"""
    try:
        return prog.symbol(address.value_()).name
    except LookupError:
        return hex(address.value_())


def place(frame):
    """Where a frame of a stack is; what is assembly has a symbol alone"""
    try:
        return frame.name or frame.symbol().name
    except LookupError:
        return hex(frame.pc)


class Pool:
    """The module's struct slow_work_pool, and what is in it"""

    def __init__(self):
        self.pool = prog["slow_pool"]
        self.jiffies = prog["jiffies_64"].value_()
        self.bits = 8 * prog.type("unsigned long").size

    def seconds(self, since):
        """How long ago, by jiffies that come round; ahead of us is negative"""
        ticks = (self.jiffies - since.value_()) % (1 << self.bits)
        if ticks >> (self.bits - 1):
            ticks -= 1 << self.bits
        return ticks / self.pool.hz.value_()

    def threads(self):
        """The threads there are, by number"""
        for slot in range(self.pool.limit):
            thread = self.pool.threads[slot]
            if thread and thread.task:
                yield thread

    def reserves(self):
        """The reserves of users that asked for one"""
        for user in list_for_each_entry("struct slow_work_user",
                                        self.pool.reserves.address_of_(), "reserves"):
            yield user.reserve

    def executing(self):
        """Pairs of a thread and the item that it has; None: its put_ref runs, it may be gone"""
        for thread in list(self.threads()) + list(self.reserves()):
            if thread.holder.item:
                yield thread, thread.holder.item if thread.holder.stage else None

    def class_of(self, thread):
        """The name of the class of what a thread has"""
        vslow = (self.pool.classes[1].address_of_(), self.pool.reserve_classes[1].address_of_())
        return CLASSES[thread.member_("class") in vslow]

    def lost(self):
        """Threads that have died in a call-out"""
        return list_for_each_entry("struct slow_work_thread", self.pool.lost.address_of_(),
                                   "link")

    def items(self, fifo):
        """The items in a list, without the cursors of walks"""
        for work in hlist_for_each_entry("struct slow_work", fifo.head.address_of_(), "link"):
            if not work.flags & MARKER:
                yield work

    def queues(self, number):
        """The queues of a class, in the order of turns"""
        yield from hlist_for_each_entry("struct slow_work_queue",
                                        self.pool.classes[number].turns.head.address_of_(),
                                        "turn")

    def queued(self):
        """Triples of a list's name, its class and an item, owner by owner"""
        for number, name in enumerate(LISTS):
            for queue in self.queues(number):
                for work in self.items(queue.items):
                    yield name, number, work

    def users(self):
        """What stands for unregistered owners, and those who registered"""
        yield self.pool.unowned.address_of_()
        for bucket in self.pool.users:
            node = bucket.first
            while node:
                yield container_of(node, "struct slow_work_user", "hash")
                node = node.next


def owner(account):
    """The name of the module that an item counts for"""
    return text(account.user.name)


def class_of(work):
    """The name of an item's class"""
    return CLASSES[(work.flags.value_() >> 3) & 1]


def duration(seconds):
    """As runqueue has it: a number and a unit"""
    seconds = max(seconds, 0)
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    for limit, factor, unit in ((10000, 1, "s"), (600000, 60, "m"), (36000000, 3600, "h")):
        if seconds < limit:
            return f"{seconds // factor:.0f}{unit}"
    return f"{seconds // 86400:.0f}d"


def tally(pool):
    """What is queued, executing and armed, by class and by owner"""
    found = {}

    def count(kind, name, account):
        for row in (("class", name), ("owner", owner(account))):
            found.setdefault(row, {"queued": 0, "executing": 0, "armed": 0})[kind] += 1

    for thread, _ in pool.executing():
        count("executing", pool.class_of(thread), thread.holder.account)
    for _, _, work in pool.queued():
        count("queued", class_of(work), work.account)
    for work in pool.items(pool.pool.armed):
        count("armed", class_of(work), work.account)
    return found


def show_row(name, now, executed, merged, counts):
    """A line of the table of classes and owners"""
    print(f"{name:<16.16}{now['queued']:>8}{now['executing']:>6}{now['armed']:>8}"
          f"{executed:>11}{merged:>10}" + "".join(f"{count:>10}" for count in counts))


def show_tables(pool):
    """Classes, then owners"""
    now = tally(pool)
    none = {"queued": 0, "executing": 0, "armed": 0}
    head = (f"{'QUEUED':>8}{'EXEC':>6}{'ARMED':>8}{'EXECUTED':>11}{'MERGED':>10}"
            f"{'DEFERRED':>10}{'CANCELLED':>10}{'REFUSED':>10}")
    users = list(pool.users())
    print(f"\n{'CLASS':<16}{head}")
    for number, name in enumerate(CLASSES):
        this = pool.pool.classes[number]
        merged = this.merged.counter.value_() + \
            sum(user.merged[number].counter.value_() for user in users)
        counts = [this.counts[count].value_() for count in range(len(COUNTS))]
        show_row(name, now.get(("class", name), none),
                 sum((each.started - each.executing - each.uncounted).value_()
                     for each in (this, pool.pool.reserve_classes[number])), merged, counts)
    print(f"\n{'OWNER':<16}{head}")
    for user in users:
        merged = sum(count.counter.value_() for count in user.merged)
        counts = [sum(by_class.value_() for by_class in user.counts[count])
                  for count in range(len(COUNTS))]
        name = text(user.name)
        show_row(name, now.get(("owner", name), none),
                 sum(account.executed.value_() for account in user.accounts), merged, counts)


def show_item(where, pid, work, since):
    """A line of the tables of items"""
    print(f"{where:<12}{pid:>6} {duration(since):>7} {work.flags.value_() & FLAGS_SHOWN:>5x}  "
          f"{owner(work.account)}: {symbol(work.ops.execute)}")


def show_executing(pool, stacks):
    """The threads that have an item, and where they are"""
    live = prog.flags & ProgramFlags.IS_LIVE
    print(f"\n{'EXECUTING':<12}{'PID':>6} {'AGE':>7} {'FLAGS':>5}  ITEM")
    for thread, work in pool.executing():
        task = thread.task
        if work:
            show_item(text(task.comm), task.pid.value_(), work,
                      pool.seconds(thread.holder.timestamp or work.timestamp))
        else:
            print(f"{text(task.comm):<12}{task.pid.value_():>6} {'-':>7} {'-':>5}  "
                  f"{owner(thread.holder.account)}: put_ref after {symbol(thread.execute)}")
        state = task_state_to_char(task)
        if not stacks or (state == "R" and live):
            continue
        print(f"    state {state}")
        try:
            for frame in prog.stack_trace(task):
                if frame.pc:
                    print(f"    {place(frame)}")
        except (ValueError, LookupError) as error:
            print(f"    no stack: {error}")


def show_lost(pool):
    """Threads that have died, with what they died in"""
    for thread in pool.lost():
        name = (f"kslowr/{text(thread.user.name)}" if thread.user
                else f"kslowd{thread.slot.value_():03d}")
        print(f"lost: {name} (PID {thread.task.pid.value_()}) died "
              f"{duration(pool.seconds(thread.since))} ago in {symbol(thread.execute)} of "
              f"{text(thread.holder.account.user.name)}")


def show_waiting(pool, most):
    """The items that wait, the first of each list; then the armed ones"""
    print(f"\n{'WAITING':<12}{'PID':>6} {'AGE':>7} {'FLAGS':>5}  ITEM")
    shown = dict.fromkeys(LISTS + ("dly",), 0)
    for name, _, work in pool.queued():
        shown[name] += 1
        if shown[name] <= most:
            show_item(name, "-", work, pool.seconds(work.timestamp))
    for work in pool.items(pool.pool.armed):
        shown["dly"] += 1
        if shown["dly"] <= most:
            timer = container_of(work, "struct delayed_slow_work", "work").timer
            show_item("dly", "-", work,
                      -pool.seconds(timer.expires + work.stamp))
    for name, count in shown.items():
        if count > most:
            print(f"  and {count - most} more in {name}")


def main():
    """Everything, from top to bottom"""
    parser = argparse.ArgumentParser(prog="slow-work-dump.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-i", "--items", type=int, default=20, metavar="N",
                        help="show so many of the items in each list (default 20)")
    parser.add_argument("--no-stacks", action="store_true",
                        help="do not show where blocked threads are")
    args = parser.parse_args()

    try:
        pool = Pool()
    except KeyError:
        parser.exit(1, "slow-work-dump.py: the module slow_work is not loaded, or its debug "
                       "information is missing (drgn -s slow_work.ko)\n")
    it = pool.pool
    threads = list(pool.threads())
    idle = it.nr_idle.value_()
    having = list(pool.executing())
    sleeping = sum(1 for thread, _ in having
                   if thread.sleeper.next != thread.sleeper.address_of_())
    awake = sum(1 for thread, _ in having if task_state_to_char(thread.task) == "R")
    print(f"slow-work: {it.nr.value_()} threads ({it.min.value_()} to {it.max.value_()}), "
          f"{idle} idle, {len(having)} executing: {len(having) - sleeping - awake} blocked, "
          f"{sleeping} asleep until needed")
    print(f"very slow items may have {it.classes[1].limit.value_()} threads "
          f"({it.vslow_percentage.value_()} %); stalls reported: {it.events.stalls.value_()}")
    if it.nr_reserves:
        print(f"reserves: {it.nr_reserves.value_()}, "
              f"called {it.events.reserve_calls.value_()} times")
    if len(threads) != it.nr.value_():
        print(f"{len(threads) - it.nr.value_()} threads are on their way out")
    show_tables(pool)
    show_executing(pool, not args.no_stacks)
    show_lost(pool)
    show_waiting(pool, args.items)


if __name__ == "__main__":
    main()
