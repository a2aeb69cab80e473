// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pool: how many threads there are and when, which class they serve, and
 * what happens when a thread cannot be started.
 */

#include <linux/cpumask.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/kernel_stat.h>
#include <linux/preempt.h>
#include <linux/refcount.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "helper.h"

/* ---- users and threads -------------------------------------------------- */

static void no_thread_without_a_user(struct kunit *test)
{
	struct swt *t = test->priv;

	swt_unregister(t, THIS_MODULE);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
	KUNIT_ASSERT_EQ(test, swt_register(t, THIS_MODULE), 0);
	KUNIT_EXPECT_EQ(test, swt_threads(), 2);
	swt_unregister(t, THIS_MODULE);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

static void register_starts_the_minimum(struct kunit *test)
{
	struct swt *t = test->priv;

	swt_unregister(t, THIS_MODULE);
	swt_set(t, "max-threads", 7);
	swt_set(t, "min-threads", 5);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
	KUNIT_ASSERT_EQ(test, swt_register(t, THIS_MODULE), 0);
	KUNIT_EXPECT_EQ(test, swt_threads(), 5);
}

struct manners {
	int bad_nice;
	int not_freezable;
	int bad_name;
};

static void look_at_manners(struct task_struct *task, void *arg)
{
	struct manners *manners = arg;
	char name[TASK_COMM_LEN];

	manners->bad_nice += task_nice(task) != -5;
	manners->not_freezable += !swt_is_freezable(task);
	snprintf(name, sizeof(name), "kslowd%03d", swt_number(task));
	manners->bad_name += strcmp(name, task->comm) != 0;
}

static void threads_have_name_niceness_and_are_freezable(struct kunit *test)
{
	struct swt *t = test->priv;
	struct manners manners = { };
	int i;

	swt_pool(t, 4, 4);
	/* Each of them has come as far as to run something */
	swt_hold(t, 4);
	for (i = 0; i < 4; i++)
		swt_release(t->held[i]);
	swt_wait(t, swt_idle_threads() == 4);
	swt_each_thread(look_at_manners, &manners);
	KUNIT_EXPECT_EQ(test, manners.bad_nice, 0);
	KUNIT_EXPECT_EQ(test, manners.not_freezable, 0);
	KUNIT_EXPECT_EQ(test, manners.bad_name, 0);
}

static void threads_have_the_lowest_numbers(struct kunit *test)
{
	unsigned long *numbers = kunit_kcalloc(test, BITS_TO_LONGS(SWT_MAX_NUMBER),
					       sizeof(long), GFP_KERNEL);
	struct swt *t = test->priv;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, numbers);
	swt_pool(t, 6, 6);
	KUNIT_EXPECT_EQ(test, swt_numbers(numbers), 6);
	KUNIT_EXPECT_EQ(test, (int)find_first_zero_bit(numbers, SWT_MAX_NUMBER), 6);
	/* Whichever leave, those that come later take their places */
	swt_set(t, "min-threads", 2);
	swt_set(t, "max-threads", 3);
	swt_wait(t, swt_threads() <= 3);
	swt_set(t, "max-threads", 6);
	swt_hold(t, 6);
	KUNIT_EXPECT_EQ(test, swt_numbers(numbers), 6);
	KUNIT_EXPECT_EQ(test, (int)find_first_zero_bit(numbers, SWT_MAX_NUMBER), 6);
	for (i = 0; i < 6; i++)
		KUNIT_EXPECT_LT(test, t->held[i]->number, 6);
}

static void idle_threads_are_no_load(struct kunit *test)
{
	struct swt *t = test->priv;

	swt_pool(t, 4, 4);
	swt_wait(t, swt_idle_threads() == 4);
	swt_settle(t);
	swt_wait(t, swt_idle_threads() == 4);
}

static void count_bad_idlers(struct task_struct *task, void *arg)
{
	*(int *)arg += (READ_ONCE(task->__state) & TASK_IDLE) != TASK_IDLE ||
		       !swt_is_freezable(task);
}

static void idle_threads_sleep_as_those_of_workqueues(struct kunit *test)
{
	struct swt *t = test->priv;
	int bad = 0;

	swt_pool(t, 4, 4);
	swt_wait(t, swt_idle_threads() == 4);
	swt_each_thread(count_bad_idlers, &bad);
	KUNIT_EXPECT_EQ(test, bad, 0);
}

static void send_signals(struct task_struct *task, void *arg)
{
	send_sig(SIGUSR1, task, 1);
	send_sig(SIGKILL, task, 1);
}

/* Also those of which an item has asked for signals, that came when it was over */
static void idle_threads_are_deaf_to_signals(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	int round;

	swt_one_thread(t);
	swt_release(t->held[0]);
	for (round = 0; round < 2; round++) {
		KUNIT_EXPECT_TRUE(test, swt_pool_sleeps());
		swt_each_thread(send_signals, NULL);
		KUNIT_EXPECT_TRUE(test, swt_pool_sleeps());
		item->on_execute = swt_look_for_signal;
		swt_must_enqueue(item);
		swt_wait(t, swt_at_rest(item));
		KUNIT_EXPECT_EQ(test, item->value, 0L);
		item->on_execute = swt_allow_signals;
		swt_must_enqueue(item);
		swt_wait(t, swt_at_rest(item));
	}
}

static unsigned long switches_of(const struct task_struct *task)
{
	return READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
}

static void manager_runs_before_it_is_wanted(struct kunit *test)
{
	struct swt *t = test->priv;
	struct task_struct *manager = swt_get_manager();
	bool begun;

	KUNIT_ASSERT_NOT_NULL(test, manager);
	begun = swt_comes_true(t, swt_has_begun(manager));
	put_task_struct(manager);
	KUNIT_EXPECT_TRUE(test, begun);
}

/* It is no load, the freezer has it, and with nothing to do it does not run */
static void manager_sleeps_as_threads_do(struct kunit *test)
{
	/* Where that takes no time, for longer than it gives an idle thread */
	unsigned long period = swt_time_travel() ? 12 * HZ : HZ / 10;
	struct swt *t = test->priv;
	struct task_struct *manager;
	unsigned long switches;
	bool sleeps = false;
	int i;

	swt_pool(t, 2, 2);
	swt_wait(t, swt_idle_threads() == 2);
	manager = swt_get_manager();
	KUNIT_ASSERT_NOT_NULL(test, manager);
	for (i = 0; i < 20 && !sleeps; i++) {
		switches = switches_of(manager);
		schedule_timeout_uninterruptible(period);
		sleeps = switches_of(manager) == switches;
	}
	KUNIT_EXPECT_TRUE(test, sleeps);
	swt_wait(t, READ_ONCE(manager->__state) & TASK_NOLOAD);
	KUNIT_EXPECT_TRUE(test, swt_is_freezable(manager));
	put_task_struct(manager);
}

/* It knows when they leave, and no item that they run wakes it before */
static void manager_sleeps_while_threads_are_surplus(struct kunit *test)
{
	struct swt *t = test->priv;
	struct task_struct *manager;
	unsigned long switches;
	int i;

	swt_pool(t, 2, 4);
	swt_hold(t, 4);
	for (i = 0; i < 4; i++)
		swt_release(t->held[i]);
	swt_wait(t, swt_idle_threads() == swt_threads());
	manager = swt_get_manager();
	KUNIT_ASSERT_NOT_NULL(test, manager);
	switches = switches_of(manager);
	for (i = 0; i < 50; i++) {
		swt_settle(t);
		swt_wait(t, swt_idle_threads() == swt_threads());
	}
	KUNIT_EXPECT_LT(test, switches_of(manager) - switches, 50UL);
	put_task_struct(manager);
}

/* ---- growth ------------------------------------------------------------- */

/*
 * Section 6, row 1: in the old code the starter of threads was itself a queued
 * item, so with every thread blocked the pool never grew
 */
static void grows_to_the_maximum_while_all_threads_are_blocked(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[4];
	int i;

	swt_pool(t, 2, 4);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_blocker(t, SWT_SLOW);
		swt_must_enqueue(items[i]);
	}
	for (i = 0; i < ARRAY_SIZE(items); i++)
		swt_wait(t, swt_executing(items[i]));
	KUNIT_EXPECT_EQ(test, swt_threads(), 4);
}

static void grows_by_a_thread_for_every_item_that_blocks(struct kunit *test)
{
	struct swt *t = test->priv;
	int i;

	swt_pool(t, 2, 8);
	for (i = 1; i <= 8; i++) {
		swt_hold(t, 1);
		KUNIT_EXPECT_GE(test, swt_threads(), max(i, 2));
		if (swt_time_travel())
			KUNIT_EXPECT_EQ(test, swt_threads(), max(i, 2));
	}
}

static void grows_no_further_than_the_maximum(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[5];
	int i;

	swt_pool(t, 2, 3);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_blocker(t, SWT_SLOW);
		swt_must_enqueue(items[i]);
	}
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		swt_wait(t, swt_executing(items[i]));
		KUNIT_EXPECT_LE(test, swt_threads(), 3);
		swt_release(items[i]);
	}
}

static void grows_to_what_is_wanted_and_no_more(struct kunit *test)
{
	struct swt *t = test->priv;

	swt_pool(t, 2, 16);
	swt_hold(t, 5);
	/* Elsewhere one may get no CPU for 10 ms, and have another in its place */
	if (!swt_time_travel())
		return;
	KUNIT_EXPECT_EQ(test, swt_threads(), 5);
	/* A sixth item wants a sixth thread, its end none */
	swt_settle(t);
	KUNIT_EXPECT_LE(test, swt_threads(), 6);
}

/* Two of them fit in the share of four threads, and not of three */
static void grows_until_very_slow_items_have_a_place(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[3];
	int i;

	swt_pool(t, 2, 16);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_blocker(t, SWT_VSLOW);
		swt_must_execute(items[i]);
		swt_expect_threads(t, 2 * (i + 1));
	}
}

static void dispatch_and_wait(struct swt_item *item)
{
	if (item->other)
		item->result = swt_enqueue(item->other) ?:
			       slow_work_flush(&item->other->work);
}

/* Each executes until the next has run, and the last until all execute */
static void dispatch_is_as_deep_as_there_may_be_threads(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[16];
	int i;

	swt_pool(t, 2, ARRAY_SIZE(items));
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_item(t, SWT_SLOW);
		items[i]->on_execute = dispatch_and_wait;
		if (i)
			items[i]->other = items[i - 1];
	}
	items[0]->gate = swt_gate(t);
	swt_must_enqueue(items[i - 1]);
	swt_wait(t, swt_executing(items[0]));
	for (i = 0; i < ARRAY_SIZE(items); i++)
		KUNIT_EXPECT_TRUE(test, swt_executing(items[i]));
	KUNIT_EXPECT_EQ(test, swt_threads(), (int)ARRAY_SIZE(items));
	/* Each of the others waits by now, or it would find nothing to wait for */
	for (i = 1; i < ARRAY_SIZE(items); i++)
		swt_wait(t, swt_asleep(items[i]));
	swt_release(items[0]);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		swt_wait(t, swt_runs(items[i]) == 1);
		KUNIT_EXPECT_EQ(test, items[i]->result, i > 0);
	}
}

static void take_its_time(struct swt_item *item)
{
	usleep_range(item->value, item->value + 1);
}

/* So many items, each of which sleeps for some us */
static struct swt_item **enqueue_spike(struct swt *t, int nr, int usecs)
{
	struct swt_item **items = swt_alloc(t, nr * sizeof(*items));
	int i;

	for (i = 0; i < nr; i++) {
		items[i] = swt_item(t, SWT_SLOW);
		items[i]->on_execute = take_its_time;
		items[i]->value = usecs;
	}
	for (i = 0; i < nr; i++)
		swt_must_enqueue(items[i]);
	return items;
}

/* How many threads do so many items of 100 us have, after so many ms? */
static int threads_for_spike(struct swt *t, int nr, int ms)
{
	struct swt_item **items = enqueue_spike(t, nr, 100);
	int i, threads;

	usleep_range(ms * USEC_PER_MSEC, ms * USEC_PER_MSEC + 1);
	threads = swt_threads();
	for (i = 0; i < nr; i++)
		swt_wait(t, swt_at_rest(items[i]));
	return threads;
}

/*
 * Where time travels everything takes the time that it says: two threads serve so many in
 * 6 ms, or in 30 ms.
 */
static void spike_that_is_served_soon_starts_no_thread(struct kunit *test)
{
	struct swt *t = test->priv;

	if (!swt_time_travel())
		return;
	swt_pool(t, 2, 8);
	swt_wait(t, swt_idle_threads() == 2);
	KUNIT_EXPECT_EQ(test, threads_for_spike(t, 80, 20), 2);
	KUNIT_EXPECT_EQ(test, threads_for_spike(t, 80, 20), 2);
	/* At that pace it would take too long: that is seen at once */
	KUNIT_EXPECT_GT(test, threads_for_spike(t, 400, 2), 2);
}

/* Where time travels: it has a thread before the pool would start one whatever happens */
static void expect_a_thread_at_once(struct swt *t)
{
	ktime_t since = ktime_get();

	swt_hold(t, 1);
	KUNIT_EXPECT_LT(t->test, ktime_us_delta(ktime_get(), since), 5000LL);
}

static void item_has_a_thread_at_once_when_nothing_moves(struct kunit *test)
{
	struct swt *t = test->priv;

	if (!swt_time_travel())
		return;
	swt_pool(t, 2, 8);
	swt_hold(t, 2);
	expect_a_thread_at_once(t);
}

/* Which had none to take when it came to its end, and what waited has just been taken */
static void item_has_a_thread_at_once_that_has_become_idle(struct kunit *test)
{
	struct swt *t = test->priv;

	if (!swt_time_travel())
		return;
	swt_one_thread(t);
	/* No timer looks that was set before */
	schedule_timeout_uninterruptible(2 * HZ);
	swt_must_enqueue(swt_item(t, SWT_SLOW));
	swt_release_held(t);
	swt_wait(t, swt_idle_threads() == 2);
	expect_a_thread_at_once(t);
}

/* The manager has gone to sleep again, and is woken for the next one */
static void item_has_a_thread_at_once_after_a_spike(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *blockers[2];
	int i;

	if (!swt_time_travel())
		return;
	swt_pool(t, 2, 8);
	swt_wait(t, swt_idle_threads() == 2);
	enqueue_spike(t, 2, 100);
	for (i = 0; i < ARRAY_SIZE(blockers); i++) {
		blockers[i] = swt_blocker(t, SWT_SLOW);
		swt_must_enqueue(blockers[i]);
	}
	for (i = 0; i < ARRAY_SIZE(blockers); i++)
		swt_wait(t, swt_executing(blockers[i]));
	usleep_range(2000, 2001);
	KUNIT_EXPECT_EQ(test, swt_threads(), 2);
	expect_a_thread_at_once(t);
}

/* It was served well until then: the manager goes by what it has seen last */
static void item_has_a_thread_at_once_when_a_spike_gets_stuck(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *blockers[3];
	ktime_t since;
	int i;

	if (!swt_time_travel())
		return;
	swt_pool(t, 2, 8);
	swt_wait(t, swt_idle_threads() == 2);
	since = ktime_get();
	enqueue_spike(t, 20, 100);
	for (i = 0; i < ARRAY_SIZE(blockers); i++) {
		blockers[i] = swt_blocker(t, SWT_SLOW);
		swt_must_enqueue(blockers[i]);
	}
	for (i = 0; i < ARRAY_SIZE(blockers); i++)
		swt_wait(t, swt_executing(blockers[i]));
	KUNIT_EXPECT_LT(test, ktime_us_delta(ktime_get(), since), 5000LL);
}

static void find_idle(struct task_struct *task, void *arg)
{
	struct task_struct **found = arg;

	if (!*found && (READ_ONCE(task->__state) & (TASK_INTERRUPTIBLE | TASK_NOLOAD)))
		*found = get_task_struct(task);
}

/* Lets nothing else run on this processor until @item has run; false: in vain */
static int hog_processor(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;
	unsigned long end;

	set_cpus_allowed_ptr(current, cpumask_of(cpumask_last(cpu_online_mask)));
	preempt_disable();
	WRITE_ONCE(item->value, 1);
	/* More would be a lockup */
	end = jiffies + 15 * HZ;
	while (!swt_runs(item) && time_before(jiffies, end) && !READ_ONCE(thread->t->stop))
		cpu_relax();
	preempt_enable();
	return swt_runs(item);
}

/* The idle thread that is woken has no processor to run on for as long as it takes */
static void pool_grows_past_a_thread_that_does_not_come(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct task_struct *idle = NULL;
	struct swt_thread *hog;
	int cpu = cpumask_last(cpu_online_mask), served;

	/* It takes two processors */
	if (!cpu)
		return;
	set_cpus_allowed_ptr(current, cpumask_of(cpumask_first(cpu_online_mask)));
	swt_pool(t, 2, 4);
	swt_hold(t, 1);
	swt_wait(t, swt_idle_threads() == 1);
	swt_each_thread(find_idle, &idle);
	KUNIT_ASSERT_NOT_NULL(test, idle);
	set_cpus_allowed_ptr(idle, cpumask_of(cpu));
	hog = swt_start(t, hog_processor, item);
	if (swt_comes_true(t, READ_ONCE(item->value)))
		KUNIT_EXPECT_EQ(test, swt_enqueue(item), 0);
	served = swt_comes_true(t, swt_done(hog)) && hog->result;
	set_cpus_allowed_ptr(idle, cpu_possible_mask);
	put_task_struct(idle);
	KUNIT_ASSERT_TRUE(test, served);
	swt_expect_threads(t, 3);
	/* It comes in the end, and is as good as the others */
	swt_wait(t, swt_idle_threads() >= 2);
	swt_hold(t, 3);
}

/* The same on one processor, where time travels: then the manager may run, and no thread */
struct hog {
	struct swt_item *items[2];	/* to enqueue at once */
	int nr;				/* of these */
	int ms;				/* until the manager may run */
	int fifo_ms;			/* for which it may */
	struct swt_item *sleeper;	/* or NULL */
	bool asleep;			/* it still is, when the threads may run, too */
};

static int hog_only_processor(struct swt_thread *thread)
{
	struct hog *hog = thread->arg;
	int i, ret = 0;

	preempt_disable();
	for (i = 0; i < hog->nr && !ret; i++)
		ret = swt_enqueue(hog->items[i]);
	mdelay(hog->ms);
	preempt_enable();
	sched_set_fifo_low(current);
	for (i = 0; i < hog->fifo_ms; i++) {
		mdelay(1);
		cond_resched();
	}
	hog->asleep = hog->sleeper && swt_asleep(hog->sleeper);
	sched_set_normal(current, 0);
	return ret;
}

/* The manager may run while @hog does, and who makes its threads, and has its timers at times */
static void let_hog(struct swt *t, struct hog *hog)
{
	struct task_struct *tasks[] = {
		swt_get_manager(), swt_get_task("kthreadd"), swt_get_task("ksoftirqd/0"),
	};
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(tasks); i++) {
		KUNIT_ASSERT_NOT_NULL(t->test, tasks[i]);
		sched_set_fifo(tasks[i]);
	}
	for (i = 0; i < hog->nr; i++)
		hog->items[i] = swt_item(t, SWT_SLOW);
	/* Just behind a tick */
	schedule_timeout_uninterruptible(1);
	ret = swt_call(t, hog_only_processor, hog);
	for (i = 0; i < ARRAY_SIZE(tasks); i++) {
		sched_set_normal(tasks[i], 0);
		put_task_struct(tasks[i]);
	}
	KUNIT_EXPECT_EQ(t->test, ret, 0);
	for (i = 0; i < hog->nr; i++)
		swt_wait(t, swt_runs(hog->items[i]) == 1);
}

static void let_thread_come_late(struct swt *t, int ms)
{
	struct hog *hog = swt_alloc(t, sizeof(*hog));

	*hog = (struct hog) { .nr = 1, .ms = ms, .fifo_ms = 20 };
	swt_wait(t, swt_idle_threads() == 1);
	let_hog(t, hog);
}

static void thread_that_was_woken_may_come_late(struct kunit *test)
{
	struct swt *t = test->priv;

	if (!swt_time_travel())
		return;
	swt_pool(t, 2, 4);
	swt_hold(t, 1);
	/* It is counted on while a look a second ago may have been before that */
	let_thread_come_late(t, 900);
	/* No timer is set any more */
	schedule_timeout_uninterruptible(2 * HZ);
	KUNIT_EXPECT_EQ(test, swt_threads(), 2);
	let_thread_come_late(t, 1900);
	schedule_timeout_uninterruptible(2 * HZ);
	KUNIT_EXPECT_EQ(test, swt_threads(), 2);
	let_thread_come_late(t, 2100);
	swt_wait(t, swt_threads() == 3);
	/* It has come, and is as good as the others */
	swt_wait(t, swt_idle_threads() == 2);
	swt_hold(t, 2);
	KUNIT_EXPECT_EQ(test, swt_threads(), 3);
	swt_hold(t, 1);
	KUNIT_EXPECT_EQ(test, swt_threads(), 4);
	/* Nor is any kept in its place */
	swt_release_held(t);
	swt_wait(t, swt_threads() == 2);
}

/* For a user that has a reserve the timer comes all the time: not all of these are looks */
static void thread_that_was_woken_may_come_late_beside_a_reserve(struct kunit *test)
{
	struct swt *t = test->priv;

	if (!swt_time_travel())
		return;
	swt_pool(t, 2, 4);
	KUNIT_ASSERT_EQ(test, swt_register_flags(t, swt_owner(t, "swt_reserved"),
						 SLOW_WORK_MEM_RECLAIM), 0);
	swt_hold(t, 1);
	schedule_timeout_uninterruptible(2 * HZ);
	let_thread_come_late(t, 900);
	schedule_timeout_uninterruptible(2 * HZ);
	KUNIT_EXPECT_EQ(test, swt_threads(), 2);
}

/* One idle thread is on its way, so there is none for the second item */
static void thread_that_comes_late_comes_for_one_item(struct kunit *test)
{
	struct swt *t = test->priv;
	struct hog *hog = swt_alloc(t, sizeof(*hog));

	if (!swt_time_travel())
		return;
	*hog = (struct hog) { .nr = 2, .ms = 1100, .fifo_ms = 20 };
	swt_pool(t, 2, 4);
	swt_hold(t, 1);
	schedule_timeout_uninterruptible(2 * HZ);
	let_hog(t, hog);
	swt_wait(t, swt_threads() == 3);
}

static void sleeper_is_preempted_for_another_item_than_that(struct kunit *test)
{
	struct swt *t = test->priv;
	struct hog *hog = swt_alloc(t, sizeof(*hog));

	if (!swt_time_travel())
		return;
	*hog = (struct hog) { .nr = 2, .ms = 1100 };
	swt_pool(t, 3, 3);
	swt_hold(t, 1);
	hog->sleeper = swt_item(t, SWT_SLOW);
	hog->sleeper->on_execute = swt_sleep_until_needed;
	swt_must_enqueue(hog->sleeper);
	swt_wait(t, swt_asleep(hog->sleeper));
	schedule_timeout_uninterruptible(2 * HZ);
	let_hog(t, hog);
	KUNIT_EXPECT_FALSE(test, hog->asleep);
}

/* It is counted on for 10 ms; after that another one is wanted, and it stays */
static void thread_that_was_started_may_come_late(struct kunit *test)
{
	struct swt *t = test->priv;
	struct hog *hog = swt_alloc(t, sizeof(*hog));

	if (!swt_time_travel())
		return;
	*hog = (struct hog) { .nr = 1, .fifo_ms = 15 };
	swt_pool(t, 2, 5);
	swt_hold(t, 2);
	let_hog(t, hog);
	KUNIT_EXPECT_EQ(test, swt_threads(), 3);
	swt_hold(t, 1);
	hog->fifo_ms = 35;
	let_hog(t, hog);
	KUNIT_EXPECT_EQ(test, swt_threads(), 5);
	swt_hold(t, 2);
}

/* ---- what is done in vain ----------------------------------------------- */

/* Of so many threads that idle, how many have not been woken */
struct idlers {
	struct task_struct *tasks[3];
	unsigned long switches[3];
	int nr;
};

static void note_idler(struct task_struct *task, void *arg)
{
	struct idlers *idlers = arg;

	if (idlers->nr == ARRAY_SIZE(idlers->tasks))
		return;
	idlers->tasks[idlers->nr] = get_task_struct(task);
	idlers->switches[idlers->nr++] = switches_of(task);
}

static void expect_not_woken(struct swt *t, struct idlers *idlers, int nr)
{
	int not_woken = 0;

	while (idlers->nr--) {
		not_woken += switches_of(idlers->tasks[idlers->nr]) ==
			     idlers->switches[idlers->nr];
		put_task_struct(idlers->tasks[idlers->nr]);
	}
	KUNIT_EXPECT_EQ(t->test, not_woken, nr);
}

static void enqueue_other_and_sleep(struct swt_item *item)
{
	item->result = swt_enqueue(item->other);
	swt_sleep_until_needed(item);
}

/* Though another lies down while that one is on its way */
static void one_idle_thread_is_woken_for_an_item(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct idlers idlers = { };

	if (!swt_time_travel())
		return;
	swt_pool(t, 3, 3);
	swt_wait(t, swt_idle_threads() == 3);
	swt_each_thread(note_idler, &idlers);
	item->on_execute = enqueue_other_and_sleep;
	item->other = swt_item(t, SWT_SLOW);
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item->other) == 1 && swt_asleep(item) && swt_idle_threads() == 2);
	expect_not_woken(t, &idlers, 1);
}

/* Some items more, one a tick; the manager has nothing to do for them */
static void expect_manager_to_sleep(struct swt *t)
{
	struct task_struct *manager = swt_get_manager();
	unsigned long switches;
	int i;

	KUNIT_ASSERT_NOT_NULL(t->test, manager);
	schedule_timeout_uninterruptible(2);
	switches = switches_of(manager);
	for (i = 0; i < 5; i++) {
		swt_must_enqueue(swt_item(t, i % 2));
		schedule_timeout_uninterruptible(1);
	}
	KUNIT_EXPECT_EQ(t->test, switches_of(manager), switches);
	put_task_struct(manager);
}

/* Neither where there are all threads, nor while it waits after a failure to start one */
static void manager_is_woken_for_no_item_that_waits(struct kunit *test)
{
	struct swt *t = test->priv;

	if (!swt_time_travel())
		return;
	swt_pool(t, 2, 2);
	/* Nor by a thread that idles again: none of these is to leave */
	swt_wait(t, swt_idle_threads() == 2);
	expect_manager_to_sleep(t);
	swt_hold(t, 2);
	expect_manager_to_sleep(t);
	swt_let_no_thread_start(t);
	swt_set(t, "max-threads", 4);
	expect_manager_to_sleep(t);
	swt_let_threads_start(t);
}

/* How often some timer or other comes */
static unsigned int ticks_in_10_s(void)
{
	unsigned int before;

	schedule_timeout_uninterruptible(2 * HZ);
	before = kstat_softirqs_cpu(TIMER_SOFTIRQ, 0);
	schedule_timeout_uninterruptible(10 * HZ);
	return kstat_softirqs_cpu(TIMER_SOFTIRQ, 0) - before;
}

static void pool_that_idles_does_not_look(struct kunit *test)
{
	struct swt *t = test->priv;
	unsigned int without;

	if (!swt_time_travel())
		return;
	swt_unregister(t, THIS_MODULE);
	without = ticks_in_10_s();
	KUNIT_ASSERT_EQ(test, swt_register(t, THIS_MODULE), 0);
	swt_settle(t);
	/* The watchdog may */
	KUNIT_EXPECT_LE(test, ticks_in_10_s(), without + 3);
}

static void pool_that_waits_looks_once_a_second(struct kunit *test)
{
	struct swt *t = test->priv;
	unsigned int ticks;

	if (!swt_time_travel())
		return;
	swt_pool(t, 2, 2);
	swt_hold(t, 2);
	swt_must_enqueue(swt_item(t, SWT_SLOW));
	swt_must_enqueue(swt_item(t, SWT_VSLOW));
	ticks = kstat_softirqs_cpu(TIMER_SOFTIRQ, 0);
	schedule_timeout_uninterruptible(5 * HZ);
	/* And all others that have a timer */
	KUNIT_EXPECT_LT(test, kstat_softirqs_cpu(TIMER_SOFTIRQ, 0) - ticks, 50U);
}

/* A barrier for a fixed number of items at once, over and over */
struct barrier {
	spinlock_t lock;		/* for all of it */
	wait_queue_head_t wq;
	int size;
	int arrived;
	int generation;
};

static void meet_the_others(struct swt_item *item)
{
	struct barrier *barrier = item->data;
	int generation;

	spin_lock(&barrier->lock);
	generation = barrier->generation;
	if (++barrier->arrived == barrier->size) {
		barrier->arrived = 0;
		WRITE_ONCE(barrier->generation, generation + 1);
		wake_up_all(&barrier->wq);
	}
	spin_unlock(&barrier->lock);
	wait_event(barrier->wq, READ_ONCE(barrier->generation) != generation ||
		   READ_ONCE(item->t->stop));
}

static void expect_all_threads_at_once(struct swt *t, int size, int rounds)
{
	struct barrier *barrier = swt_alloc(t, sizeof(*barrier));
	struct swt_item **items = swt_alloc(t, size * rounds * sizeof(*items));
	int i;

	spin_lock_init(&barrier->lock);
	init_waitqueue_head(&barrier->wq);
	barrier->size = size;
	for (i = 0; i < size * rounds; i++) {
		items[i] = swt_item(t, SWT_SLOW);
		items[i]->on_execute = meet_the_others;
		items[i]->data = barrier;
	}
	for (i = 0; i < size * rounds; i++)
		swt_must_enqueue(items[i]);
	if (!swt_comes_true(t, READ_ONCE(barrier->generation) == rounds)) {
		/* Lets the items go before the case ends */
		WRITE_ONCE(t->stop, true);
		wake_up_all(&barrier->wq);
		KUNIT_EXPECT_EQ(t->test, READ_ONCE(barrier->generation), rounds);
		return;
	}
	for (i = 0; i < size * rounds; i++)
		swt_wait(t, swt_at_rest(items[i]));
}

/*
 * Section 6, row 2: with a maximum of 64 the old pool, cold or warm, worked with
 * a fraction of that.  Here every round needs all 64 at the same time.
 */
static void cold_pool_comes_to_all_of_64_threads(struct kunit *test)
{
	struct swt *t = test->priv;

	swt_pool(t, 2, 64);
	expect_all_threads_at_once(t, 64, 15);
	/* Elsewhere some may be idle for 5 s before the last one has ended */
	if (swt_time_travel())
		KUNIT_EXPECT_EQ(test, swt_threads(), 64);
}

static void warm_pool_works_with_all_of_64_threads(struct kunit *test)
{
	struct swt *t = test->priv;

	swt_pool(t, 64, 64);
	expect_all_threads_at_once(t, 64, 15);
	KUNIT_EXPECT_EQ(test, swt_threads(), 64);
}

/* ---- limits while it runs ----------------------------------------------- */

/* Section 6, row 3: the old code started one thread and stopped there */
static void raised_minimum_is_reached(struct kunit *test)
{
	struct swt *t = test->priv;

	swt_set(t, "max-threads", 12);
	swt_set(t, "min-threads", 12);
	swt_wait(t, swt_threads() == 12);
}

static void raised_minimum_is_reached_while_all_threads_are_blocked(struct kunit *test)
{
	struct swt *t = test->priv;

	swt_pool(t, 2, 2);
	swt_hold(t, 2);
	swt_set(t, "max-threads", 8);
	swt_set(t, "min-threads", 8);
	swt_wait(t, swt_threads() == 8);
}

static void raised_maximum_lets_the_queued_start(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	swt_pool(t, 2, 2);
	swt_hold(t, 2);
	swt_must_enqueue(item);
	swt_set(t, "max-threads", 3);
	swt_wait(t, swt_runs(item) == 1);
}

static void lowered_maximum_lets_threads_leave_as_they_come_free(struct kunit *test)
{
	struct swt *t = test->priv;
	int i;

	swt_pool(t, 2, 6);
	swt_hold(t, 6);
	swt_set(t, "max-threads", 3);
	/* What executes goes on */
	for (i = 0; i < 6; i++)
		KUNIT_EXPECT_TRUE(test, swt_executing(t->held[i]));
	for (i = 0; i < 3; i++)
		swt_release(t->held[i]);
	swt_wait(t, swt_threads() == 3);
	for (; i < 6; i++) {
		KUNIT_EXPECT_TRUE(test, swt_executing(t->held[i]));
		swt_release(t->held[i]);
	}
	swt_settle(t);
	KUNIT_EXPECT_LE(test, swt_threads(), 3);
}

/* Their memory is the kernel's again: the last reference is ours */
static void threads_that_left_are_let_go(struct kunit *test)
{
	struct swt *t = test->priv;
	struct task_struct *task = NULL;

	swt_pool(t, 2, 2);
	swt_wait(t, swt_idle_threads() == 2);
	swt_each_thread(find_idle, &task);
	KUNIT_ASSERT_NOT_NULL(test, task);
	swt_unregister(t, THIS_MODULE);
	swt_wait(t, refcount_read(&task->usage) == 1);
	put_task_struct(task);
}

/* And so is all that they had, at once, where the pool goes on with fewer */
static void threads_that_retired_are_let_go(struct kunit *test)
{
	struct swt *t = test->priv;
	const struct cred *creds[4];
	struct task_struct *tasks[4];
	int i, nr = 0;

	swt_pool(t, 2, 4);
	swt_hold(t, 4);
	for (i = 0; i < 4; i++) {
		tasks[i] = get_task_struct(t->held[i]->thread);
		creds[i] = get_task_cred(tasks[i]);
	}
	swt_set(t, "max-threads", 2);
	swt_release_held(t);
	swt_wait(t, swt_threads() == 2);
	for (i = 0; i < 4; i++) {
		if (READ_ONCE(tasks[i]->flags) & PF_EXITING) {
			nr++;
			swt_expect_let_go(t, tasks[i], creds[i]);
		} else {
			put_task_struct(tasks[i]);
			put_cred(creds[i]);
		}
	}
	KUNIT_EXPECT_EQ(test, nr, 2);
}

static void make_fifo_low(struct task_struct *task, void *unused)
{
	sched_set_fifo_low(task);
}

static void make_normal(struct task_struct *task, void *unused)
{
	sched_set_normal(task, -5);
}

/* The one that was woken for an item is one too many when it comes: another has it at once */
static void thread_that_retires_leaves_its_item_to_another(struct kunit *test)
{
	struct swt_item *item;
	struct swt *t = test->priv;
	ktime_t since;

	if (!swt_time_travel())
		return;
	swt_pool(t, 3, 3);
	swt_set(t, "min-threads", 2);
	swt_wait(t, swt_idle_threads() == 3);
	item = swt_item(t, SWT_SLOW);
	item->on_execute = swt_undo_scheduling;
	since = ktime_get();
	/* It comes after that, and before the manager, which would retire another */
	swt_each_thread(make_fifo_low, NULL);
	sched_set_fifo(current);
	swt_must_enqueue(item);
	swt_set(t, "max-threads", 2);
	sched_set_normal(current, 0);
	swt_wait(t, swt_runs(item));
	KUNIT_EXPECT_LT(test, ktime_us_delta(ktime_get(), since), 5000LL);
	swt_wait(t, swt_threads() == 2);
	swt_each_thread(make_normal, NULL);
}

/* The 5 s are a promise: a thread that left sooner is a failure, too */
static void surplus_threads_leave_after_5_s_down_to_the_minimum(struct kunit *test)
{
	struct swt *t = test->priv;
	unsigned long surplus_since;
	int turn;

	swt_pool(t, 3, 6);
	for (turn = 0; turn < 2; turn++) {
		swt_hold(t, 6);
		surplus_since = jiffies;
		swt_release_held(t);
		swt_wait(t, swt_threads() < 6);
		KUNIT_EXPECT_FALSE(test, time_before(jiffies, surplus_since + 5 * HZ));
		/* Nor later, where nothing else takes time */
		if (swt_time_travel())
			KUNIT_EXPECT_TRUE(test, time_before(jiffies, surplus_since + 6 * HZ));
		swt_wait(t, swt_threads() <= 3);
		KUNIT_EXPECT_EQ(test, swt_threads(), 3);
	}
	swt_set(t, "min-threads", 2);
	swt_wait(t, swt_threads() <= 2);
	KUNIT_EXPECT_EQ(test, swt_threads(), 2);
	swt_settle(t);
	swt_expect_threads(t, 2);
}

/* One of them is enough for what comes, and that is the one which had it before */
static void threads_leave_though_one_is_in_use(struct kunit *test)
{
	struct swt *t = test->priv;
	int i;

	swt_pool(t, 2, 6);
	swt_hold(t, 6);
	for (i = 0; i < 6; i++)
		swt_release(t->held[i]);
	for (i = 0; i < 400 && swt_threads() > 2; i++) {
		swt_settle(t);
		schedule_timeout_uninterruptible(HZ / 2);
	}
	KUNIT_EXPECT_EQ(test, swt_threads(), 2);
}

static void enqueue_self_after_a_second(struct swt_item *item)
{
	schedule_timeout_uninterruptible(HZ);
	if (!READ_ONCE(item->t->stop))
		swt_enqueue(item);
}

/* The thread that has it takes it again, so a third is of no use */
static void threads_leave_beside_an_item_that_enqueues_itself(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	int i;

	swt_pool(t, 2, 3);
	swt_hold(t, 3);
	for (i = 0; i < 2; i++)
		swt_release(t->held[--t->nr_held]);
	item->on_execute = enqueue_self_after_a_second;
	swt_must_enqueue(item);
	for (i = 0; i < 200 && swt_threads() > 2; i++)
		schedule_timeout_uninterruptible(HZ);
	KUNIT_EXPECT_EQ(test, swt_threads(), 2);
	swt_cancel(item);
}

/* They are more than wanted all the time, but each of them is needed now and then */
static void threads_that_are_all_in_use_stay(struct kunit *test)
{
	struct swt *t = test->priv;
	int i;

	if (!swt_time_travel())
		return;
	swt_pool(t, 2, 4);
	for (i = 0; i < 10; i++) {
		swt_hold(t, 4);
		swt_release_held(t);
		schedule_timeout_uninterruptible(HZ);
		KUNIT_EXPECT_EQ(test, swt_threads(), 4);
	}
}

/* From now on there are more than wanted, and all that idle have done so for longer */
static void expect_culled_from_now(struct swt *t, unsigned long now, int from, int to)
{
	swt_wait(t, swt_threads() < from);
	KUNIT_EXPECT_FALSE(t->test, time_before(jiffies, now + 5 * HZ));
	if (swt_time_travel())
		KUNIT_EXPECT_TRUE(t->test, time_before(jiffies, now + 6 * HZ));
	swt_wait(t, swt_threads() == to);
}

static void idle_for_long(struct swt *t)
{
	unsigned long now = jiffies;

	swt_wait(t, !time_before(jiffies, now + 7 * HZ));
}

static void lower_minimum_lets_idle_threads_leave_after_5_s(struct kunit *test)
{
	struct swt *t = test->priv;
	unsigned long now;

	swt_pool(t, 6, 8);
	idle_for_long(t);
	KUNIT_EXPECT_EQ(test, swt_threads(), 6);
	now = jiffies;
	swt_set(t, "min-threads", 2);
	expect_culled_from_now(t, now, 6, 2);
}

/* For three very slow items six threads are wanted, and three of them idle */
static void threads_for_the_share_leave_after_5_s(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[3];
	unsigned long now;
	int i, turn;

	swt_pool(t, 2, 8);
	for (turn = 0; turn < 2; turn++) {
		for (i = 0; i < ARRAY_SIZE(items); i++) {
			items[i] = swt_blocker(t, SWT_VSLOW);
			swt_must_enqueue(items[i]);
		}
		for (i = 0; i < ARRAY_SIZE(items); i++)
			swt_wait(t, swt_executing(items[i]));
		swt_expect_threads(t, 6);
		if (!turn)
			idle_for_long(t);
		swt_expect_threads(t, 6);
		now = jiffies;
		for (i = 0; i < ARRAY_SIZE(items); i++)
			swt_release(items[i]);
		if (!turn)	/* and others come before that */
			swt_wait(t, !time_before(jiffies, now + 2 * HZ));
	}
	expect_culled_from_now(t, now, 6, 2);
}

/* So many, no more, are wanted for so many very slow items at that share */
static void expect_threads_to_leave_beside(struct swt *t, int nr, int share, int threads)
{
	struct swt_item *items[2];
	int i;

	swt_set(t, "vslow-percentage", share);
	swt_pool(t, 2, 5);
	for (i = 0; i < nr; i++) {
		items[i] = swt_blocker(t, SWT_VSLOW);
		swt_must_execute(items[i]);
	}
	swt_hold(t, 5 - nr);
	swt_wait(t, swt_threads() == 5);
	swt_release_held(t);
	swt_wait(t, swt_threads() == threads);
	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_TRUE(t->test, swt_executing(items[i]));
		swt_release(items[i]);
	}
}

static void threads_leave_beside_very_slow_items(struct kunit *test)
{
	/* One has a place in any share */
	expect_threads_to_leave_beside(test->priv, 1, 1, 2);
	expect_threads_to_leave_beside(test->priv, 2, 99, 3);
	expect_threads_to_leave_beside(test->priv, 2, 50, 4);
}

/*
 * Section 6, row 13: numbers lived in arrays of 255.  More than that takes more
 * CPUs than a test has; up to there every number is used here.
 */
static void pool_of_255_threads(struct kunit *test)
{
	unsigned long *numbers = kunit_kcalloc(test, BITS_TO_LONGS(SWT_MAX_NUMBER),
					       sizeof(long), GFP_KERNEL);
	struct swt *t = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, numbers);
	swt_pool(t, 255, 255);
	KUNIT_EXPECT_EQ(test, swt_numbers(numbers), 255);
	KUNIT_EXPECT_EQ(test, (int)find_first_zero_bit(numbers, SWT_MAX_NUMBER), 255);
	expect_all_threads_at_once(t, 255, 2);
	swt_pool(t, 2, 2);
	swt_wait(t, swt_threads() == 2);
	swt_settle(t);
}

/* ---- the very slow share ------------------------------------------------ */

struct share {
	atomic_t now;
	atomic_t most;
};

static void count_very_slow(struct swt_item *item)
{
	struct share *share = item->data;
	int now = atomic_inc_return(&share->now);
	int most = atomic_read(&share->most);

	while (now > most && !atomic_try_cmpxchg(&share->most, &most, now))
		;
	swt_pass(item->gate);
	atomic_dec(&share->now);
}

/* As interface.md has it, once more */
static int share_of(int threads, int percentage)
{
	return clamp(threads * percentage / 100, 1, threads - 1);
}

/*
 * Fills the share and finds it kept: slow items are served beside, and when the
 * very slow ones go on, there are never more of them.
 */
static void expect_share(struct swt *t, int threads, int percentage)
{
	struct share *share = swt_alloc(t, sizeof(*share));
	int wanted = share_of(threads, percentage);
	struct swt_gate *gate = swt_gate(t);
	struct swt_item *items[12];
	int i, nr = threads + 4;

	swt_set(t, "vslow-percentage", percentage);
	swt_pool(t, threads, threads);
	for (i = 0; i < nr; i++) {
		items[i] = swt_item(t, SWT_VSLOW);
		items[i]->on_execute = count_very_slow;
		items[i]->gate = gate;
		items[i]->data = share;
		swt_must_enqueue(items[i]);
	}
	swt_wait(t, atomic_read(&share->most) == wanted);
	/* The flood leaves all other threads to slow items: so many at once */
	expect_all_threads_at_once(t, threads - wanted, 2);
	KUNIT_EXPECT_EQ(t->test, atomic_read(&share->most), wanted);
	swt_open(gate);
	for (i = 0; i < nr; i++)
		swt_wait(t, swt_at_rest(items[i]));
	KUNIT_EXPECT_EQ(t->test, atomic_read(&share->most), wanted);
}

static void share_of_small_pools(struct kunit *test)
{
	int threads;

	for (threads = 2; threads <= 5; threads++)
		expect_share(test->priv, threads, 50);
}

/* Section 6, row 4: very slow items never ran, as two places rounded differently */
static void share_of_1_percent_is_one_thread(struct kunit *test)
{
	int threads;

	for (threads = 2; threads <= 5; threads++)
		expect_share(test->priv, threads, 1);
}

static void share_of_99_percent_leaves_one_thread(struct kunit *test)
{
	int threads;

	for (threads = 2; threads <= 5; threads++)
		expect_share(test->priv, threads, 99);
}

static void share_is_rounded_down(struct kunit *test)
{
	expect_share(test->priv, 3, 66);
	expect_share(test->priv, 3, 67);
	expect_share(test->priv, 4, 74);
	expect_share(test->priv, 4, 75);
	expect_share(test->priv, 5, 59);
	expect_share(test->priv, 5, 60);
}

static void changed_share_holds_from_the_next_item_on(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[4];
	int i;

	swt_set(t, "vslow-percentage", 75);
	swt_pool(t, 4, 4);
	for (i = 0; i < 4; i++) {
		items[i] = swt_blocker(t, SWT_VSLOW);
		swt_must_enqueue(items[i]);
	}
	for (i = 0; i < 3; i++)
		swt_wait(t, swt_executing(items[i]));
	/* Those that execute go on; the fourth has to wait for all of them */
	swt_set(t, "vslow-percentage", 25);
	swt_release(items[0]);
	swt_release(items[1]);
	swt_wait(t, swt_at_rest(items[0]) && swt_at_rest(items[1]));
	swt_settle(t);
	KUNIT_EXPECT_TRUE(test, swt_executing(items[2]));
	KUNIT_EXPECT_EQ(test, swt_starts(items[3]), 0);
	swt_release(items[2]);
	swt_wait(t, swt_executing(items[3]));
}

static void open_its_gate(struct swt_item *item)
{
	swt_open(item->data);
}

/*
 * from-workqueue.rst: items that wait for another one are very slow, and what they wait
 * for is slow.  It is queued last, and when one waits already; were all of one class,
 * two waiters would have both threads for ever.
 */
static void very_slow_items_may_wait_for_a_slow_one(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_gate *gate = swt_gate(t);
	struct swt_item *waiters[6], *other = swt_blocker(t, SWT_SLOW);
	struct swt_item *awaited = swt_item(t, SWT_SLOW);
	int i;

	swt_pool(t, 2, 2);
	swt_must_enqueue(other);
	for (i = 0; i < ARRAY_SIZE(waiters); i++) {
		waiters[i] = swt_item(t, SWT_VSLOW);
		waiters[i]->gate = gate;
		swt_must_enqueue(waiters[i]);
	}
	swt_wait(t, swt_executing(other) && swt_executing(waiters[0]));
	awaited->on_execute = open_its_gate;
	awaited->data = gate;
	swt_must_enqueue(awaited);
	/* Another caller's item is in its way, for a while */
	swt_release(other);
	for (i = 0; i < ARRAY_SIZE(waiters); i++)
		swt_wait(t, swt_runs(waiters[i]) == 1);
	swt_wait(t, swt_runs(awaited) == 1);
}

static void raised_share_lets_more_start(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[4];
	int i;

	swt_set(t, "vslow-percentage", 25);
	swt_pool(t, 4, 4);
	for (i = 0; i < 3; i++) {
		items[i] = swt_blocker(t, SWT_VSLOW);
		swt_must_enqueue(items[i]);
	}
	swt_wait(t, swt_executing(items[0]));
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_starts(items[1]), 0);
	swt_set(t, "vslow-percentage", 75);
	items[3] = swt_blocker(t, SWT_VSLOW);
	swt_must_enqueue(items[3]);
	swt_wait(t, swt_executing(items[1]) && swt_executing(items[2]));
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_starts(items[3]), 0);
}

static void flood_of_very_slow_items_leaves_slow_ones_served(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_gate *gate = swt_gate(t);
	struct swt_item *item;
	int i;

	swt_pool(t, 2, 4);
	for (i = 0; i < 200; i++) {
		item = swt_item(t, SWT_VSLOW);
		item->gate = gate;
		swt_must_enqueue(item);
	}
	/* None of the flood goes on meanwhile */
	for (i = 0; i < 50; i++)
		swt_settle(t);
	swt_open(gate);
	list_for_each_entry(item, &t->items, list)
		swt_wait(t, swt_at_rest(item));
}

static void very_slow_items_always_have_a_thread_in_the_end(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_VSLOW);
	int i;

	/* Behind a flood of slow ones it need not wait for their end */
	swt_one_thread(t);
	for (i = 0; i < 50; i++)
		swt_must_enqueue(swt_item(t, SWT_SLOW));
	swt_must_enqueue(item);
	swt_release(t->held[0]);
	swt_wait(t, swt_runs(item) == 1);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, item->order, 3);
}

static void free_thread_takes_very_slow_items_first(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *slow = swt_item(t, SWT_SLOW);
	struct swt_item *very_slow = swt_item(t, SWT_VSLOW);

	swt_one_thread(t);
	swt_must_enqueue(slow);
	swt_must_enqueue(very_slow);
	swt_release(t->held[0]);
	swt_wait(t, swt_runs(slow) == 1 && swt_runs(very_slow) == 1);
	KUNIT_EXPECT_LT(test, very_slow->order, slow->order);
}

static void free_thread_takes_slow_items_once_the_share_is_used_up(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *blocker = swt_blocker(t, SWT_VSLOW);
	struct swt_item *slow = swt_item(t, SWT_SLOW);
	struct swt_item *very_slow = swt_item(t, SWT_VSLOW);

	swt_pool(t, 2, 2);
	swt_must_execute(blocker);
	swt_hold(t, 1);
	swt_must_enqueue(very_slow);
	swt_must_enqueue(slow);
	swt_release(t->held[0]);
	swt_wait(t, swt_runs(slow) == 1);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_starts(very_slow), 0);
	swt_release(blocker);
	swt_wait(t, swt_runs(very_slow) == 1);
}

/* Nothing was to be had for what was queued last, but the thread is free */
static void free_thread_takes_a_slow_item_beside_very_slow_ones_at_once(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *blocker = swt_blocker(t, SWT_VSLOW), *slow = swt_item(t, SWT_SLOW);
	unsigned long since;

	swt_pool(t, 2, 2);
	swt_must_execute(blocker);
	swt_wait(t, swt_idle_threads() == 1);
	swt_must_enqueue(swt_item(t, SWT_VSLOW));
	schedule_timeout_uninterruptible(2);
	since = jiffies;
	swt_must_run(slow);
	if (swt_time_travel())
		KUNIT_EXPECT_TRUE(test, swt_came_soon(slow, since));
}

/* ---- threads that cannot be started ------------------------------------- */

static void register_fails_cleanly(struct kunit *test)
{
	struct swt *t = test->priv;
	int ret, threads;

	swt_unregister(t, THIS_MODULE);
	swt_log_mark(t);
	swt_let_no_thread_start(t);
	ret = swt_register(t, THIS_MODULE);
	threads = swt_threads();
	swt_let_threads_start(t);
	KUNIT_EXPECT_LT(test, ret, 0);
	KUNIT_EXPECT_TRUE(test, swt_logged(t, "Slow work thread pool: Cannot start (-", ""));
	KUNIT_EXPECT_EQ(test, threads, 0);
	/* It always tries afresh */
	KUNIT_ASSERT_EQ(test, swt_register(t, THIS_MODULE), 0);
	KUNIT_EXPECT_EQ(test, swt_threads(), 2);
	swt_settle(t);
}

/* Further users need no thread started */
static void register_as_another_user_when_no_thread_can_start(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "swt_other");
	int ret;

	swt_let_no_thread_start(t);
	ret = swt_register(t, owner);
	swt_let_threads_start(t);
	KUNIT_EXPECT_EQ(test, ret, 0);
	swt_settle(t);
}

/* Gives the pool the time to try, and to fail, with every thread it has blocked */
static void let_a_second_pass(struct swt *t)
{
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	if (!swt_arm(item, HZ))
		swt_comes_true(t, !swt_flag(item, SLOW_WORK_DELAYED));
}

static void nothing_queued_is_lost_when_no_thread_can_start(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[20];
	bool served = true;
	int i, threads;

	swt_pool(t, 2, 2);
	swt_hold(t, 2);
	swt_let_no_thread_start(t);
	swt_set(t, "max-threads", 4);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_item(t, i % 2);
		swt_must_enqueue(items[i]);
	}
	let_a_second_pass(t);
	/* The threads there are carry on */
	swt_release(t->held[0]);
	swt_release(t->held[1]);
	for (i = 0; i < ARRAY_SIZE(items); i++)
		served &= swt_comes_true(t, swt_runs(items[i]) == 1);
	threads = swt_threads();
	swt_let_threads_start(t);
	KUNIT_EXPECT_TRUE(test, served);
	KUNIT_EXPECT_EQ(test, threads, 2);
}

static void pool_grows_once_threads_can_start(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *blockers[2];
	int i, threads;

	swt_pool(t, 2, 2);
	swt_hold(t, 2);
	swt_let_no_thread_start(t);
	swt_set(t, "max-threads", 4);
	for (i = 0; i < ARRAY_SIZE(blockers); i++) {
		blockers[i] = swt_blocker(t, SWT_SLOW);
		swt_must_enqueue(blockers[i]);
	}
	let_a_second_pass(t);
	threads = swt_threads();
	swt_let_threads_start(t);
	KUNIT_EXPECT_EQ(test, threads, 2);
	/* Nobody has to enqueue anything for that */
	swt_wait(t, swt_executing(blockers[0]) && swt_executing(blockers[1]));
	KUNIT_EXPECT_EQ(test, swt_threads(), 4);
}

static void raised_minimum_is_reached_once_threads_can_start(struct kunit *test)
{
	struct swt *t = test->priv;
	ssize_t ret;
	int threads;

	swt_set(t, "max-threads", 8);
	swt_let_no_thread_start(t);
	ret = swt_write("min-threads", 6);
	let_a_second_pass(t);
	threads = swt_threads();
	swt_let_threads_start(t);
	/* The write succeeds, the threads follow */
	KUNIT_EXPECT_GT(test, ret, 0);
	KUNIT_EXPECT_EQ(test, threads, 2);
	KUNIT_EXPECT_EQ(test, swt_read("min-threads"), 6);
	swt_wait(t, swt_threads() == 6);
}

static void register_tries_afresh_after_a_failure(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "swt_other");
	unsigned long began;

	swt_set(t, "max-threads", 8);
	swt_let_no_thread_start(t);
	swt_write("min-threads", 6);
	let_a_second_pass(t);
	swt_let_threads_start(t);
	began = jiffies;
	KUNIT_EXPECT_EQ(test, swt_register(t, owner), 0);
	swt_wait(t, swt_threads() == 6);
	/* By itself it tries again after 5 s */
	if (swt_time_travel())
		KUNIT_EXPECT_TRUE(test, time_before(jiffies, began + HZ));
}

static struct kunit_case pool_cases[] = {
	KUNIT_CASE(no_thread_without_a_user),
	KUNIT_CASE(register_starts_the_minimum),
	KUNIT_CASE(threads_have_name_niceness_and_are_freezable),
	KUNIT_CASE(threads_have_the_lowest_numbers),
	KUNIT_CASE(idle_threads_are_no_load),
	KUNIT_CASE(idle_threads_sleep_as_those_of_workqueues),
	KUNIT_CASE(idle_threads_are_deaf_to_signals),
	KUNIT_CASE(manager_runs_before_it_is_wanted),
	KUNIT_CASE(manager_sleeps_as_threads_do),
	KUNIT_CASE(manager_sleeps_while_threads_are_surplus),
	KUNIT_CASE(grows_to_the_maximum_while_all_threads_are_blocked),
	KUNIT_CASE(grows_by_a_thread_for_every_item_that_blocks),
	KUNIT_CASE(grows_no_further_than_the_maximum),
	KUNIT_CASE(grows_to_what_is_wanted_and_no_more),
	KUNIT_CASE(grows_until_very_slow_items_have_a_place),
	KUNIT_CASE(dispatch_is_as_deep_as_there_may_be_threads),
	KUNIT_CASE(spike_that_is_served_soon_starts_no_thread),
	KUNIT_CASE(item_has_a_thread_at_once_when_nothing_moves),
	KUNIT_CASE(item_has_a_thread_at_once_that_has_become_idle),
	KUNIT_CASE(item_has_a_thread_at_once_after_a_spike),
	KUNIT_CASE(item_has_a_thread_at_once_when_a_spike_gets_stuck),
	KUNIT_CASE(pool_grows_past_a_thread_that_does_not_come),
	KUNIT_CASE(thread_that_was_woken_may_come_late),
	KUNIT_CASE(thread_that_was_woken_may_come_late_beside_a_reserve),
	KUNIT_CASE(thread_that_comes_late_comes_for_one_item),
	KUNIT_CASE(sleeper_is_preempted_for_another_item_than_that),
	KUNIT_CASE(thread_that_was_started_may_come_late),
	KUNIT_CASE(one_idle_thread_is_woken_for_an_item),
	KUNIT_CASE(manager_is_woken_for_no_item_that_waits),
	KUNIT_CASE(pool_that_idles_does_not_look),
	KUNIT_CASE(pool_that_waits_looks_once_a_second),
	KUNIT_CASE(cold_pool_comes_to_all_of_64_threads),
	KUNIT_CASE(warm_pool_works_with_all_of_64_threads),
	KUNIT_CASE(raised_minimum_is_reached),
	KUNIT_CASE(raised_minimum_is_reached_while_all_threads_are_blocked),
	KUNIT_CASE(raised_maximum_lets_the_queued_start),
	KUNIT_CASE(lowered_maximum_lets_threads_leave_as_they_come_free),
	KUNIT_CASE(threads_that_left_are_let_go),
	KUNIT_CASE(threads_that_retired_are_let_go),
	KUNIT_CASE(thread_that_retires_leaves_its_item_to_another),
	KUNIT_CASE(surplus_threads_leave_after_5_s_down_to_the_minimum),
	KUNIT_CASE(threads_leave_though_one_is_in_use),
	KUNIT_CASE(threads_leave_beside_an_item_that_enqueues_itself),
	KUNIT_CASE(threads_that_are_all_in_use_stay),
	KUNIT_CASE(lower_minimum_lets_idle_threads_leave_after_5_s),
	KUNIT_CASE(threads_for_the_share_leave_after_5_s),
	KUNIT_CASE(threads_leave_beside_very_slow_items),
	KUNIT_CASE(pool_of_255_threads),
	KUNIT_CASE(share_of_small_pools),
	KUNIT_CASE(share_of_1_percent_is_one_thread),
	KUNIT_CASE(share_of_99_percent_leaves_one_thread),
	KUNIT_CASE(share_is_rounded_down),
	KUNIT_CASE(changed_share_holds_from_the_next_item_on),
	KUNIT_CASE(very_slow_items_may_wait_for_a_slow_one),
	KUNIT_CASE(raised_share_lets_more_start),
	KUNIT_CASE(flood_of_very_slow_items_leaves_slow_ones_served),
	KUNIT_CASE(very_slow_items_always_have_a_thread_in_the_end),
	KUNIT_CASE(free_thread_takes_very_slow_items_first),
	KUNIT_CASE(free_thread_takes_slow_items_once_the_share_is_used_up),
	KUNIT_CASE(free_thread_takes_a_slow_item_beside_very_slow_ones_at_once),
	KUNIT_CASE(register_fails_cleanly),
	KUNIT_CASE(register_as_another_user_when_no_thread_can_start),
	KUNIT_CASE(nothing_queued_is_lost_when_no_thread_can_start),
	KUNIT_CASE(pool_grows_once_threads_can_start),
	KUNIT_CASE(raised_minimum_is_reached_once_threads_can_start),
	KUNIT_CASE(register_tries_afresh_after_a_failure),
	{}
};

static struct kunit_suite pool_suite = {
	.name = "slow_work_pool",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = pool_cases,
};

kunit_test_suite(pool_suite);
