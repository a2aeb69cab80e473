// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Promise 8: slow_work_sleep_till_thread_needed().  An executing item that has
 * arranged its own wake-up sleeps until that, its timeout, or until queued work
 * could use its thread (or very slow slot) and no other thread is free for it.
 *
 * The sleepers sleep in a state that counts as load, the pool's idle threads do
 * not, so the two can be told apart from outside.
 */

#include <linux/delay.h>
#include <linux/slab.h>

#include "helper.h"

/* What a sleeper has beside its item */
struct bed {
	wait_queue_head_t wq;		/* its own event comes through this */
	bool event;			/* it came */
	bool early_event;		/* it comes between preparation and call */
	struct swt_gate *winding_up;	/* where it is wanted, and the first to be that: */
	atomic_t *told;			/* waits there; shared with the others */
	signed long timeout;		/* in: what to sleep at most */
	signed long left;		/* out */
	atomic_t lying;			/* sleeps begun */
	atomic_t wanted;		/* that returned true */
	atomic_t not_wanted;		/* that returned false */
	atomic_t early;			/* true within 10 ms, while @strict; by both clocks */
	bool *strict;
	unsigned long began_at;		/* jiffies */
	unsigned long ended_at;
	unsigned long shortest;		/* jiffies, of those that returned true */
	unsigned int bad_state;		/* a task state seen after a return */
};

static struct bed *bed_of(struct swt_item *item)
{
	return item->data;
}

static void wake_sleeper(struct swt_item *item)
{
	struct bed *bed = bed_of(item);

	WRITE_ONCE(bed->event, true);
	wake_up_all(&bed->wq);
}

/* One sleep, as FS-Cache did it; returns whether the thread is wanted */
static bool lie_down(struct swt_item *item)
{
	struct bed *bed = bed_of(item);
	signed long timeout = bed->timeout;
	unsigned long time;
	bool strict, wanted = false;
	DEFINE_WAIT(wait);

	prepare_to_wait(&bed->wq, &wait, TASK_UNINTERRUPTIBLE);
	if (bed->early_event)
		wake_sleeper(item);
	if (bed->early_event || !READ_ONCE(bed->event)) {
		strict = bed->strict && READ_ONCE(*bed->strict);
		bed->began_at = jiffies;
		atomic_inc(&bed->lying);
		wanted = slow_work_sleep_till_thread_needed(&item->work, &timeout);
		if (get_current_state() != TASK_RUNNING)
			bed->bad_state |= get_current_state();
		bed->ended_at = jiffies;
		bed->left = timeout;
		time = bed->ended_at - bed->began_at;
		if (wanted && time < bed->shortest)
			bed->shortest = time;
		if (wanted && strict && time < msecs_to_jiffies(10))
			atomic_inc(&bed->early);
		atomic_inc(wanted ? &bed->wanted : &bed->not_wanted);
	}
	finish_wait(&bed->wq, &wait);
	swt_poke(item->t);
	return wanted;
}

static void sleep_once(struct swt_item *item)
{
	lie_down(item);
}

static void wind_up(struct swt_item *item)
{
	struct bed *bed = bed_of(item);

	if (bed->winding_up && atomic_inc_return(bed->told) == 1)
		swt_pass(bed->winding_up);
}

/* Sleeps until its event or the end of the case, giving way whenever wanted */
static void sleep_and_give_way(struct swt_item *item)
{
	struct bed *bed = bed_of(item);

	while (!READ_ONCE(bed->event) && !READ_ONCE(item->t->stop)) {
		if (lie_down(item)) {
			wind_up(item);
			/* A cancel refuses that, and so does the end of the case */
			slow_work_enqueue(&item->work);
			return;
		}
	}
}

static void sleep_and_wind_up(struct swt_item *item)
{
	if (lie_down(item))
		wind_up(item);
}

static void sleep_and_flush_other(struct swt_item *item)
{
	if (lie_down(item))
		item->result = slow_work_flush(&item->other->work);
}

static void sleep_and_wait_for_other(struct swt_item *item)
{
	if (lie_down(item))
		item->result = swt_comes_true(item->t, swt_runs(item->other));
}

static struct swt_item *new_sleeper(struct swt *t, enum swt_kind kind)
{
	struct swt_item *item = swt_item(t, kind);
	struct bed *bed = swt_alloc(t, sizeof(*bed));

	init_waitqueue_head(&bed->wq);
	bed->timeout = SWT_NEVER;
	bed->shortest = ULONG_MAX;
	item->data = bed;
	item->on_execute = sleep_once;
	return item;
}

static void enqueue_and_see_it_sleep(struct swt_item *item)
{
	swt_must_enqueue(item);
	swt_wait(item->t, atomic_read(&bed_of(item)->lying) == 1 && swt_asleep(item));
}

/* Enqueues it and waits until it sleeps */
static struct swt_item *put_to_bed(struct swt *t, enum swt_kind kind)
{
	struct swt_item *item = new_sleeper(t, kind);

	enqueue_and_see_it_sleep(item);
	return item;
}

static void expect_woken(struct swt_item *item, bool wanted)
{
	struct swt *t = item->t;
	struct bed *bed = bed_of(item);

	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_EQ(t->test, atomic_read(&bed->wanted), wanted);
	KUNIT_EXPECT_EQ(t->test, atomic_read(&bed->not_wanted), !wanted);
	KUNIT_EXPECT_EQ(t->test, bed->bad_state, 0U);
}

static int count_woken(struct swt_item **items, int nr)
{
	int woken = 0;

	while (nr--)
		woken += atomic_read(&bed_of(items[nr])->wanted) +
			 atomic_read(&bed_of(items[nr])->not_wanted);
	return woken;
}

static void own_wakeup_is_false_with_the_time_left(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = put_to_bed(t, SWT_SLOW);
	struct bed *bed = bed_of(item);

	wake_sleeper(item);
	expect_woken(item, false);
	KUNIT_EXPECT_LE(test, bed->left, (long)SWT_NEVER);
	/* Jiffies that passed are missing, and no more than those */
	KUNIT_EXPECT_GE(test, bed->left, (long)(SWT_NEVER - (bed->ended_at - bed->began_at) - 1));
}

static void timeout_is_false_with_no_time_left(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = new_sleeper(t, SWT_SLOW);
	struct bed *bed = bed_of(item);

	bed->timeout = 5;
	bed->left = -1;
	swt_must_enqueue(item);
	expect_woken(item, false);
	KUNIT_EXPECT_EQ(test, bed->left, 0L);
	KUNIT_EXPECT_FALSE(test, time_before(bed->ended_at, bed->began_at + 5));
}

static void sleep_without_timeout(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = new_sleeper(t, SWT_SLOW);

	bed_of(item)->timeout = MAX_SCHEDULE_TIMEOUT;
	swt_must_enqueue(item);
	swt_wait(t, atomic_read(&bed_of(item)->lying) == 1 && swt_asleep(item));
	wake_sleeper(item);
	expect_woken(item, false);
	KUNIT_EXPECT_EQ(test, bed_of(item)->left, MAX_SCHEDULE_TIMEOUT);
}

/* The pool must not set the task's state over the caller's: that loses it */
static void wakeup_before_the_call_is_not_lost(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = new_sleeper(t, SWT_SLOW);

	bed_of(item)->early_event = true;
	swt_must_enqueue(item);
	expect_woken(item, false);
	KUNIT_EXPECT_GT(test, bed_of(item)->left, 0L);
}

/* @item, the last that was enqueued, has run; one sleeper each gave way for @nr of them */
static void expect_no_more_woken(struct swt_item **sleepers, int nr_sleepers, int nr,
				 struct swt_item *item, unsigned long since)
{
	struct swt *t = item->t;

	swt_wait(t, count_woken(sleepers, nr_sleepers) >= nr);
	if (swt_came_soon(item, since))
		KUNIT_EXPECT_EQ(t->test, count_woken(sleepers, nr_sleepers), nr);
}

static void fresh_item_preempts_a_sleeper(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleepers[2];
	struct swt_item *item = swt_item(t, SWT_SLOW);
	unsigned long since;

	swt_pool(t, 2, 2);
	sleepers[0] = put_to_bed(t, SWT_SLOW);
	sleepers[1] = put_to_bed(t, SWT_SLOW);
	since = jiffies;
	swt_must_run(item);
	expect_no_more_woken(sleepers, 2, 1, item, since);
	/* Of these the one that has slept for longer */
	if (swt_came_soon(item, since))
		expect_woken(sleepers[0], true);
}

static void item_whose_delay_ends_preempts_a_sleeper(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleepers[2];
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	unsigned long since;

	swt_pool(t, 2, 2);
	sleepers[0] = put_to_bed(t, SWT_SLOW);
	sleepers[1] = put_to_bed(t, SWT_SLOW);
	since = jiffies + 2;
	swt_must_arm(item, 2);
	swt_wait(t, swt_runs(item) == 1);
	expect_no_more_woken(sleepers, 2, 1, item, since);
	expect_woken(sleepers[atomic_read(&bed_of(sleepers[1])->wanted)], true);
}

static void one_sleeper_is_woken_for_every_item(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleepers[4], *items[3];
	bool soon = true;
	unsigned long since;
	int i;

	swt_pool(t, 4, 4);
	for (i = 0; i < ARRAY_SIZE(sleepers); i++)
		sleepers[i] = put_to_bed(t, SWT_SLOW);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_blocker(t, SWT_SLOW);
		since = jiffies;
		swt_must_execute(items[i]);
		soon &= swt_came_soon(items[i], since);
		if (soon)
			KUNIT_EXPECT_EQ(test, count_woken(sleepers, ARRAY_SIZE(sleepers)), i + 1);
	}
	/* Whoever was woken too many would have run out by now */
	for (i = 0; i < ARRAY_SIZE(items); i++)
		swt_release(items[i]);
	swt_wait(t, swt_idle_threads() >= 3);
	if (soon)
		KUNIT_EXPECT_EQ(test, count_woken(sleepers, ARRAY_SIZE(sleepers)), 3);
}

static void several_items_wake_as_many_sleepers(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleepers[4], *items[4];
	int i;

	swt_pool(t, 4, 4);
	for (i = 0; i < ARRAY_SIZE(sleepers); i++)
		sleepers[i] = put_to_bed(t, SWT_SLOW);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_blocker(t, SWT_SLOW);
		swt_must_enqueue(items[i]);
	}
	for (i = 0; i < ARRAY_SIZE(items); i++)
		swt_wait(t, swt_executing(items[i]));
	for (i = 0; i < ARRAY_SIZE(sleepers); i++)
		expect_woken(sleepers[i], true);
}

static void free_thread_spares_the_sleeper(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleeper, *item;
	bool soon = true;
	unsigned long since;
	int i;

	swt_pool(t, 2, 2);
	sleeper = put_to_bed(t, SWT_SLOW);
	for (i = 0; i < 20 && soon; i++) {
		item = swt_item(t, i % 2 ? SWT_VSLOW : SWT_SLOW);
		swt_wait(t, swt_idle_threads() == 1);
		since = jiffies;
		swt_must_run(item);
		soon = swt_came_soon(item, since);
	}
	wake_sleeper(sleeper);
	/* Else the pool may have taken a thread that was kept waiting for one that waits */
	if (soon && swt_time_travel())
		expect_woken(sleeper, false);
}

/* Before threads are started: the pool may have four, and has two */
static void sleeper_is_woken_before_threads_are_started(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleepers[2];
	struct swt_item *item = swt_item(t, SWT_SLOW);
	unsigned long since;

	swt_pool(t, 2, 4);
	sleepers[0] = put_to_bed(t, SWT_SLOW);
	sleepers[1] = put_to_bed(t, SWT_SLOW);
	swt_wait(t, swt_threads() == 2);
	since = jiffies;
	swt_must_run(item);
	expect_no_more_woken(sleepers, 2, 1, item, since);
}

static void wait_for_other_queued(struct swt_item *item)
{
	swt_comes_true(item->t, slow_work_is_queued(&item->other->work));
	lie_down(item);
}

static void work_queued_before_the_call_is_seen(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = new_sleeper(t, SWT_SLOW);

	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	item->on_execute = wait_for_other_queued;
	item->other = swt_item(t, SWT_SLOW);
	swt_must_execute(item);
	swt_must_enqueue(item->other);
	expect_woken(item, true);
	swt_wait(t, swt_runs(item->other) == 1);
	/* Nobody had to look for it */
	if (swt_time_travel())
		KUNIT_EXPECT_TRUE(test, swt_came_soon(item->other, bed_of(item)->began_at));
}

static void pass_and_lie_down(struct swt_item *item)
{
	swt_pass(item->other->gate);
	lie_down(item);
}

/* When one was queued last there was nothing to be had for it */
static void sleeper_in_a_full_pool_is_preempted_at_once(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleeper = new_sleeper(t, SWT_SLOW), *item = swt_item(t, SWT_SLOW);
	unsigned long since;

	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	sleeper->on_execute = pass_and_lie_down;
	sleeper->other = swt_blocker(t, SWT_SLOW);
	swt_must_execute(sleeper);
	swt_must_enqueue(sleeper->other);
	swt_cancel(sleeper->other);
	swt_release(sleeper->other);
	swt_wait(t, atomic_read(&bed_of(sleeper)->lying) == 1 && swt_asleep(sleeper));
	since = jiffies;
	swt_must_run(item);
	expect_woken(sleeper, true);
	if (swt_time_travel())
		KUNIT_EXPECT_TRUE(test, swt_came_soon(item, since));
}

static void cancel_wakes_the_sleeper(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *slow = put_to_bed(t, SWT_SLOW);
	struct swt_item *very_slow = put_to_bed(t, SWT_VSLOW);

	swt_cancel(slow);
	expect_woken(slow, true);
	swt_cancel(very_slow);
	expect_woken(very_slow, true);
}

/* Nor does it count any more among those that wait for a sleeper to have rested */
static void cancelled_after_it_yielded_it_has_no_mark(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = new_sleeper(t, SWT_SLOW), *sleeper;
	struct swt_item *blocker = swt_blocker(t, SWT_SLOW), *fresh = swt_item(t, SWT_SLOW);
	unsigned long flags = item->work.flags, since;

	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	item->on_execute = sleep_and_give_way;
	enqueue_and_see_it_sleep(item);
	swt_must_execute(blocker);
	swt_wait(t, swt_runs(item) == 1 && swt_flag(item, SLOW_WORK_PENDING));
	swt_cancel(item);
	KUNIT_EXPECT_EQ(test, item->work.flags, flags);
	swt_release(blocker);
	sleeper = put_to_bed(t, SWT_SLOW);
	since = jiffies;
	swt_must_run(fresh);
	expect_woken(sleeper, true);
	if (swt_time_travel())
		KUNIT_EXPECT_EQ(test, fresh->started_at, since);
}

static void sleep_once_cancelled(struct swt_item *item)
{
	swt_comes_true(item->t, swt_flag(item, SLOW_WORK_CANCELLING));
	lie_down(item);
}

static void item_being_cancelled_does_not_lie_down(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = new_sleeper(t, SWT_SLOW);

	item->on_execute = sleep_once_cancelled;
	swt_must_execute(item);
	swt_cancel(item);
	expect_woken(item, true);
}

/* One very slow slot among two threads: a thread is free, the slot is not */
static void very_slow_sleeper_gives_up_its_slot(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleeper, *item = swt_item(t, SWT_VSLOW);

	swt_pool(t, 2, 2);
	sleeper = put_to_bed(t, SWT_VSLOW);
	swt_wait(t, swt_idle_threads() == 1);
	swt_must_run(item);
	expect_woken(sleeper, true);
}

static void slow_item_preempts_a_very_slow_sleeper(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleeper, *item = swt_item(t, SWT_SLOW);

	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	sleeper = put_to_bed(t, SWT_VSLOW);
	swt_must_run(item);
	expect_woken(sleeper, true);
}

static void very_slow_item_preempts_a_slow_sleeper(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleeper, *item = swt_item(t, SWT_VSLOW);

	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	sleeper = put_to_bed(t, SWT_SLOW);
	swt_must_run(item);
	expect_woken(sleeper, true);
}

/* A slow sleeper has no slot to give, and its thread would be of no use */
static void very_slow_item_without_a_slot_wakes_no_slow_sleeper(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *blocker = swt_blocker(t, SWT_VSLOW);
	struct swt_item *sleeper, *item = swt_item(t, SWT_VSLOW);

	swt_pool(t, 2, 2);
	swt_must_execute(blocker);
	sleeper = put_to_bed(t, SWT_SLOW);
	swt_must_enqueue(item);
	wake_sleeper(sleeper);
	expect_woken(sleeper, false);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
	swt_release(blocker);
	swt_wait(t, swt_runs(item) == 1);
}

/* Nothing was to be had for what was queued last */
static void fresh_item_preempts_beside_one_without_a_slot(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *blocker = swt_blocker(t, SWT_VSLOW);
	struct swt_item *sleeper, *item = swt_item(t, SWT_SLOW);
	unsigned long since;

	swt_pool(t, 2, 2);
	swt_must_execute(blocker);
	sleeper = put_to_bed(t, SWT_SLOW);
	swt_must_enqueue(swt_item(t, SWT_VSLOW));
	schedule_timeout_uninterruptible(2);
	since = jiffies;
	swt_must_run(item);
	expect_woken(sleeper, true);
	if (swt_time_travel())
		KUNIT_EXPECT_TRUE(test, swt_came_soon(item, since));
}

/* Whatever its class: the other one sleeps on */
static void sleeper_that_slept_longest_makes_way(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleepers[2], *item;
	enum swt_kind first;
	unsigned long since;

	swt_pool(t, 2, 2);
	for (first = SWT_SLOW; first <= SWT_VSLOW; first++) {
		sleepers[0] = put_to_bed(t, first);
		schedule_timeout_uninterruptible(1);
		sleepers[1] = put_to_bed(t, !first);
		schedule_timeout_uninterruptible(msecs_to_jiffies(50));
		item = swt_item(t, SWT_SLOW);
		since = jiffies;
		swt_must_run(item);
		expect_woken(sleepers[0], true);
		if (swt_came_soon(item, since))
			KUNIT_EXPECT_EQ(test, atomic_read(&bed_of(sleepers[1])->wanted), 0);
		wake_sleeper(sleepers[1]);
		swt_wait(t, swt_at_rest(sleepers[1]));
	}
}

static void enqueueing_again_after_true_sleeps_again(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleeper, *item = swt_item(t, SWT_SLOW);

	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	sleeper = new_sleeper(t, SWT_SLOW);
	sleeper->on_execute = sleep_and_give_way;
	swt_must_enqueue(sleeper);
	swt_wait(t, atomic_read(&bed_of(sleeper)->lying) == 1);
	swt_must_run(item);
	swt_wait(t, atomic_read(&bed_of(sleeper)->lying) == 2 && swt_asleep(sleeper));
	KUNIT_EXPECT_EQ(test, atomic_read(&bed_of(sleeper)->wanted), 1);
	wake_sleeper(sleeper);
	swt_wait(t, swt_at_rest(sleeper));
	KUNIT_EXPECT_EQ(test, swt_runs(sleeper), 2);
	KUNIT_EXPECT_EQ(test, bed_of(sleeper)->bad_state, 0U);
}

/* A fresh item need not wait the 10 ms that one which yielded has to */
static void fresh_item_preempts_at_once(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleeper, *item;
	int runs, tries = 1000;

	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	sleeper = new_sleeper(t, SWT_SLOW);
	sleeper->on_execute = sleep_and_give_way;
	item = swt_item(t, SWT_SLOW);
	swt_must_enqueue(sleeper);
	/* On a busy machine one try in many will do */
	do {
		swt_wait(t, swt_asleep(sleeper) && swt_at_rest(item));
		runs = swt_runs(item);
		swt_must_enqueue(item);
		swt_wait(t, swt_runs(item) > runs);
	} while (READ_ONCE(bed_of(sleeper)->shortest) > msecs_to_jiffies(10) && --tries);
	KUNIT_EXPECT_LE(test, bed_of(sleeper)->shortest, msecs_to_jiffies(10));
}

#define MANY	12
#define FEW	4

static int fewest_runs(struct swt_item **items, int nr)
{
	int fewest = INT_MAX;

	while (nr--)
		fewest = min(fewest, swt_starts(items[nr]));
	return fewest;
}

static int all_runs(struct swt_item **items, int nr)
{
	int runs = 0;

	while (nr--)
		runs += swt_starts(items[nr]);
	return runs;
}

static void make_sleepers(struct swt *t, struct swt_item **sleepers, int nr, bool *strict,
			  enum swt_kind kind)
{
	int i;

	for (i = 0; i < nr; i++) {
		sleepers[i] = new_sleeper(t, kind);
		bed_of(sleepers[i])->strict = strict;
		sleepers[i]->on_execute = sleep_and_give_way;
	}
}

/* Ends what make_sleepers() made */
static void wake_sleepers(struct swt_item **sleepers, int nr)
{
	struct swt *t = sleepers[0]->t;
	int i;

	for (i = 0; i < nr; i++)
		wake_sleeper(sleepers[i]);
	for (i = 0; i < nr; i++) {
		swt_wait(t, swt_at_rest(sleepers[i]));
		KUNIT_EXPECT_EQ(t->test, bed_of(sleepers[i])->bad_state, 0U);
	}
}

/*
 * Section 6, row 12: the old code passed the threads round 1.6 million times a
 * second.  By the 10 ms rule each of @places is passed on at most once in 10 ms.
 * A fresh item preempts at once, and again for each that is queued before it,
 * so this is counted from the second turn on.
 */
static void expect_few_runs(struct swt *t, struct swt_item **sleepers, int nr, int places)
{
	unsigned long begin, elapsed;
	int i, before, runs;

	for (i = 0; i < nr; i++)
		swt_must_enqueue(sleepers[i]);
	swt_wait(t, fewest_runs(sleepers, nr) >= 2);
	begin = jiffies;
	before = all_runs(sleepers, nr);
	swt_wait(t, fewest_runs(sleepers, nr) >= 6);
	runs = all_runs(sleepers, nr) - before;
	elapsed = (jiffies - begin) / msecs_to_jiffies(10);
	KUNIT_EXPECT_LE(t->test, (unsigned long)runs, places * (elapsed + 2));
	/* Nor are there fewer, where nothing else takes time: 10 ms are two ticks, or three */
	if (swt_time_travel())
		KUNIT_EXPECT_GE(t->test, (unsigned long)runs, places * (elapsed / 4));
}

static void many_sleepers_burn_no_processor(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleepers[MANY];

	swt_pool(t, FEW, FEW);
	make_sleepers(t, sleepers, MANY, NULL, SWT_SLOW);
	expect_few_runs(t, sleepers, MANY, FEW);
	wake_sleepers(sleepers, MANY);
}

static void very_slow_sleepers_burn_no_processor(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleepers[MANY];

	/* Two threads to spare, and two slots for them all */
	swt_pool(t, FEW, FEW);
	make_sleepers(t, sleepers, MANY, NULL, SWT_VSLOW);
	expect_few_runs(t, sleepers, MANY, FEW / 2);
	wake_sleepers(sleepers, MANY);
}

/* No thread can be started, so each turn comes from a sleeper that has rested */
static void expect_turns_on_two_threads(struct swt *t, int nr, enum swt_kind kind, int places)
{
	struct swt_item *sleepers[5];

	swt_pool(t, 2, 2);
	make_sleepers(t, sleepers, nr, NULL, kind);
	expect_few_runs(t, sleepers, nr, places);
	wake_sleepers(sleepers, nr);
}

static void three_sleepers_on_two_threads_all_have_turns(struct kunit *test)
{
	expect_turns_on_two_threads(test->priv, 3, SWT_SLOW, 2);
	expect_turns_on_two_threads(test->priv, 3, SWT_VSLOW, 1);
}

static void five_sleepers_on_two_threads_all_have_turns(struct kunit *test)
{
	expect_turns_on_two_threads(test->priv, 5, SWT_SLOW, 2);
	expect_turns_on_two_threads(test->priv, 5, SWT_VSLOW, 1);
}

/* A slow one takes no turn from the very slow ones, nor the other way round */
static void sleepers_of_both_classes_have_turns_on_one_thread(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleepers[4];
	int nr;

	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	for (nr = 3; nr <= 4; nr++) {
		make_sleepers(t, sleepers, 2, NULL, SWT_SLOW);
		make_sleepers(t, sleepers + 2, nr - 2, NULL, SWT_VSLOW);
		expect_few_runs(t, sleepers, nr, 1);
		wake_sleepers(sleepers, nr);
	}
}

/* Else the very slow ones have the thread by turns, each of them at once */
static void slow_item_comes_before_very_slow_sleepers(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleepers[2], *item = swt_item(t, SWT_SLOW);
	int before;

	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	make_sleepers(t, sleepers, 2, NULL, SWT_VSLOW);
	swt_must_enqueue(sleepers[0]);
	swt_must_enqueue(sleepers[1]);
	swt_wait(t, fewest_runs(sleepers, 2) >= 3);
	before = all_runs(sleepers, 2);
	swt_must_run(item);
	if (swt_time_travel())
		KUNIT_EXPECT_LE(test, all_runs(sleepers, 2), before + 1);
	wake_sleepers(sleepers, 2);
}

/* Which waits until a sleeper has rested; at any time of that */
static void fresh_item_preempts_beside_one_that_yielded(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleepers[2], *item;
	unsigned long since;
	enum swt_kind kind;
	int i;

	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	for (kind = SWT_SLOW; kind <= SWT_VSLOW; kind++) {
		make_sleepers(t, sleepers, 2, NULL, kind);
		swt_must_enqueue(sleepers[0]);
		swt_must_enqueue(sleepers[1]);
		swt_wait(t, fewest_runs(sleepers, 2) >= 3);
		for (i = 0; i < 8; i++) {
			schedule_timeout_uninterruptible(3 + i);
			item = swt_item(t, SWT_SLOW);
			since = jiffies;
			swt_must_run(item);
			if (swt_time_travel())
				KUNIT_EXPECT_EQ(test, item->started_at, since);
		}
		wake_sleepers(sleepers, 2);
	}
}

static void lie_down_when_told(struct swt_item *item)
{
	swt_pass(item->data);
	swt_sleep_until_needed(item);
}

/* Both waited for a thread before there was a sleeper: it makes way for the older one */
static void sleeper_makes_way_for_the_older_of_two(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleeper, *items[2];
	int i, first;

	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	for (first = 0; first < 2; first++) {
		sleeper = swt_item(t, SWT_SLOW);
		sleeper->on_execute = lie_down_when_told;
		sleeper->data = swt_gate(t);
		swt_must_execute(sleeper);
		for (i = 0; i < 2; i++) {
			items[i] = swt_item(t, i ^ first);
			swt_must_enqueue(items[i]);
			/* Or neither is older */
			schedule_timeout_uninterruptible(1);
		}
		swt_open(sleeper->data);
		swt_wait(t, swt_runs(items[0]) == 1 && swt_runs(items[1]) == 1);
		KUNIT_EXPECT_LT(test, items[0]->order, items[1]->order);
		swt_wait(t, swt_at_rest(sleeper));
	}
}

static void yielded_item_preempts_no_sooner_than_10_ms(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleepers[MANY];
	bool *strict = swt_alloc(t, sizeof(*strict));
	int i, before;

	swt_pool(t, FEW, FEW);
	make_sleepers(t, sleepers, MANY, strict, SWT_SLOW);
	for (i = 0; i < MANY; i++)
		swt_must_enqueue(sleepers[i]);
	/* Fresh ones may preempt at once; from the second turn on there are none */
	swt_wait(t, fewest_runs(sleepers, MANY) >= 2);
	WRITE_ONCE(*strict, true);
	before = fewest_runs(sleepers, MANY);
	swt_wait(t, fewest_runs(sleepers, MANY) >= before + 5);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, atomic_read(&bed_of(sleepers[i])->early), 0);
	wake_sleepers(sleepers, MANY);
}

/* It has waited for longer, and there was none that slept; nothing else happens meanwhile */
static void yielded_item_preempts_10_ms_after_one_lies_down(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *yielded, *sleeper;
	enum swt_kind kind;

	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	for (kind = SWT_SLOW; kind <= SWT_VSLOW; kind++) {
		make_sleepers(t, &yielded, 1, NULL, SWT_SLOW);
		enqueue_and_see_it_sleep(yielded);
		sleeper = new_sleeper(t, kind);
		sleeper->on_execute = pass_and_lie_down;
		sleeper->other = swt_blocker(t, SWT_SLOW);
		swt_must_execute(sleeper);
		swt_wait(t, slow_work_is_queued(&yielded->work));
		schedule_timeout_uninterruptible(msecs_to_jiffies(100));
		swt_release(sleeper->other);
		expect_woken(sleeper, true);
		swt_wait(t, swt_starts(yielded) == 2);
		if (swt_time_travel())
			KUNIT_EXPECT_LE(test, yielded->started_at - bed_of(sleeper)->began_at,
					msecs_to_jiffies(30));
		wake_sleepers(&yielded, 1);
	}
}

static void wait_and_sleep(struct swt_item *item)
{
	swt_pass(bed_of(item)->winding_up);
	lie_down(item);
}

/* Another is put to bed just before, and is not to have rested when this is queued again */
static void enqueue_self_and_other(struct swt_item *item)
{
	item->value = ktime_to_us(ktime_get());
	if (swt_starts(item) > 1)
		return;
	swt_open(item->data);
	usleep_range(1000, 1001);
	item->result = swt_enqueue(item) ?: swt_enqueue(item->other);
}

/* Its thread takes the other item, for which a sleeper winds up; for one more it is told */
static void item_that_enqueues_itself_without_a_sleep_has_not_yielded(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW), *more = swt_item(t, SWT_SLOW);
	struct swt_item *sleepers[2];
	ktime_t since;
	int i;

	if (!swt_time_travel())
		return;
	swt_pool(t, 3, 3);
	for (i = 0; i < 2; i++) {
		sleepers[i] = new_sleeper(t, SWT_SLOW);
		sleepers[i]->on_execute = i ? wait_and_sleep : sleep_and_wind_up;
		bed_of(sleepers[i])->winding_up = swt_gate(t);
		bed_of(sleepers[i])->told = swt_alloc(t, sizeof(atomic_t));
		swt_must_enqueue(sleepers[i]);
		swt_wait(t, swt_asleep(sleepers[i]));
	}
	item->other = swt_blocker(t, SWT_SLOW);
	item->data = bed_of(sleepers[1])->winding_up;
	item->on_execute = enqueue_self_and_other;
	since = ktime_get();
	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item->other));
	/* Two fresh ones wait, and one thread comes */
	swt_must_enqueue(more);
	swt_wait(t, swt_runs(item) == 2);
	KUNIT_EXPECT_LT(test, item->value - ktime_to_us(since), 5000L);
	swt_wait(t, swt_runs(more));
	swt_open(bed_of(sleepers[0])->winding_up);
	expect_woken(sleepers[1], true);
}

/* Its thread takes it again: nobody has to give way for that */
static void item_that_enqueues_itself_displaces_nobody(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW), *sleeper;

	/* Elsewhere it may get no CPU in between for 10 ms */
	if (!swt_time_travel())
		return;
	swt_pool(t, 2, 2);
	sleeper = put_to_bed(t, SWT_SLOW);
	swt_wait(t, swt_idle_threads() == 1);
	item->on_execute = swt_enqueue_self_to_5;
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 5 && swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, atomic_read(&bed_of(sleeper)->wanted), 0);
	KUNIT_EXPECT_TRUE(test, swt_asleep(sleeper));
	wake_sleeper(sleeper);
	expect_woken(sleeper, false);
}

/* Each of them displaces the one before, and the very slow one has a slot all the time */
static void fresh_items_starve_no_very_slow_one(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleeper = new_sleeper(t, SWT_VSLOW), *items[2];
	int i;

	if (!swt_time_travel())
		return;
	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	sleeper->on_execute = sleep_and_give_way;
	enqueue_and_see_it_sleep(sleeper);
	for (i = 0; i < 2; i++)
		items[i] = new_sleeper(t, SWT_SLOW);
	for (i = 0; i < 40; i++) {
		swt_must_enqueue(items[i % 2]);
		usleep_range(5000, 5001);
	}
	KUNIT_EXPECT_GE(test, swt_starts(sleeper), 5);
	KUNIT_EXPECT_GE(test, swt_starts(items[0]), 15);
	wake_sleeper(sleeper);
	wake_sleepers(items, 2);
}

/* All of these give way in turn, and have waited for longer than 10 ms */
static void fresh_item_passes_by_very_slow_ones(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleepers[MANY], *item;
	int i, turn, before;

	if (!swt_time_travel())
		return;
	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	make_sleepers(t, sleepers, MANY, NULL, SWT_VSLOW);
	for (i = 0; i < MANY; i++)
		swt_must_enqueue(sleepers[i]);
	swt_wait(t, fewest_runs(sleepers, MANY) >= 1);
	for (turn = 0; turn < 5; turn++) {
		item = swt_item(t, SWT_SLOW);
		before = all_runs(sleepers, MANY);
		swt_must_enqueue(item);
		usleep_range(2000, 2001);
		KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
		/* One before it, and one behind it */
		KUNIT_EXPECT_LE(test, all_runs(sleepers, MANY), before + 2);
		usleep_range(50000 + 3000 * turn, 50001 + 3000 * turn);
	}
	wake_sleepers(sleepers, MANY);
}

static void fresh_items_pass_through_many_sleepers(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleepers[MANY], *item;
	int i;

	swt_pool(t, FEW, FEW);
	make_sleepers(t, sleepers, MANY, NULL, SWT_SLOW);
	for (i = 0; i < MANY; i++)
		swt_must_enqueue(sleepers[i]);
	swt_wait(t, fewest_runs(sleepers, MANY) >= 1);
	for (i = 0; i < 10; i++) {
		item = swt_item(t, i % 2 ? SWT_SLOW : SWT_VSLOW);
		swt_must_run(item);
	}
	wake_sleepers(sleepers, MANY);
}

/* ---- sleepers that give way, but not soon ------------------------------- */

/* Told to give way, it goes on until the gate opens */
static struct swt_item *new_slow_riser(struct swt *t, enum swt_kind kind)
{
	struct swt_item *item = new_sleeper(t, kind);

	item->gate = swt_gate(t);
	enqueue_and_see_it_sleep(item);
	return item;
}

/* It was told to give way, and has not let go of its thread yet */
static void expect_winding_up(struct swt_item *sleeper)
{
	struct kunit *test = sleeper->t->test;

	swt_wait(sleeper->t, atomic_read(&bed_of(sleeper)->wanted) == 1);
	KUNIT_EXPECT_TRUE(test, swt_executing(sleeper));
}

/* What was counted on it is set right: with one thread left, its sleeper gives way */
static void expect_pool_counts_right(struct swt *t)
{
	struct swt_item *sleeper, *item = swt_item(t, SWT_SLOW);
	int max = swt_read("max-threads");

	t->nr_held = 0;
	swt_hold(t, max - 1);
	sleeper = put_to_bed(t, SWT_SLOW);
	swt_wait(t, swt_threads() == max);
	swt_must_run(item);
	expect_woken(sleeper, true);
}

static void pool_grows_past_a_sleeper_that_winds_up(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleeper, *item = swt_item(t, SWT_SLOW);

	swt_pool(t, 2, 4);
	swt_hold(t, 1);
	sleeper = new_slow_riser(t, SWT_SLOW);
	swt_wait(t, swt_threads() == 2);
	swt_must_enqueue(item);
	if (swt_time_travel()) {
		/* It is counted on for 10 ms, and the manager, which looks, knows that */
		swt_set(t, "max-threads", 4);
		usleep_range(5000, 5001);
		KUNIT_EXPECT_EQ(test, swt_threads(), 2);
	}
	swt_wait(t, swt_runs(item) == 1);
	expect_winding_up(sleeper);
	swt_expect_threads(t, 3);
	/* It comes in the end, and nothing is left to wait for it */
	swt_release(sleeper);
	swt_release(t->held[0]);
	expect_woken(sleeper, true);
	expect_pool_counts_right(t);
}

static void wind_up_soon(struct swt_item *item)
{
	if (lie_down(item))
		usleep_range(11000, 11001);
}

/* The thread of one is counted on meanwhile.  On a busy machine it may take longer. */
static void expect_one_to_give_way(struct swt *t, enum swt_kind kind)
{
	struct swt_item *sleepers[2], *item = swt_item(t, kind);
	int i;

	for (i = 0; i < 2; i++) {
		sleepers[i] = new_sleeper(t, kind);
		sleepers[i]->on_execute = wind_up_soon;
		enqueue_and_see_it_sleep(sleepers[i]);
	}
	swt_must_run(item);
	if (swt_time_travel()) {
		KUNIT_EXPECT_EQ(t->test, count_woken(sleepers, 2), 1);
		KUNIT_EXPECT_EQ(t->test, swt_threads(), 4);
	}
	for (i = 0; i < 2; i++) {
		wake_sleeper(sleepers[i]);
		swt_wait(t, swt_at_rest(sleepers[i]));
	}
}

static void no_thread_is_started_past_a_sleeper_that_winds_up_soon(struct kunit *test)
{
	struct swt *t = test->priv;

	swt_pool(t, 4, 8);
	expect_one_to_give_way(t, SWT_VSLOW);
	swt_hold(t, 2);
	expect_one_to_give_way(t, SWT_SLOW);
}

/* Two are told one tick apart; each is counted on for as long */
static void each_sleeper_that_winds_up_is_counted_on_for_10_ms(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[2];
	unsigned long since[2];
	int i;

	if (!swt_time_travel())
		return;
	swt_pool(t, 2, 8);
	for (i = 0; i < 2; i++) {
		new_slow_riser(t, SWT_SLOW);
		items[i] = swt_blocker(t, SWT_SLOW);
	}
	for (i = 0; i < 2; i++) {
		schedule_timeout_uninterruptible(1);
		since[i] = jiffies;
		swt_must_enqueue(items[i]);
	}
	for (i = 0; i < 2; i++) {
		swt_wait(t, swt_executing(items[i]));
		KUNIT_EXPECT_EQ(test, items[i]->started_at - since[i], 3UL);
	}
}

static void pool_grows_past_all_sleepers_that_wind_up(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleepers[2], *items[2];
	int i;

	swt_pool(t, 2, 4);
	for (i = 0; i < 2; i++)
		sleepers[i] = new_slow_riser(t, SWT_SLOW);
	swt_wait(t, swt_threads() == 2);
	for (i = 0; i < 2; i++) {
		items[i] = swt_blocker(t, SWT_SLOW);
		swt_must_enqueue(items[i]);
	}
	for (i = 0; i < 2; i++)
		swt_wait(t, swt_executing(items[i]));
	for (i = 0; i < 2; i++) {
		expect_winding_up(sleepers[i]);
		swt_release(sleepers[i]);
		swt_release(items[i]);
		expect_woken(sleepers[i], true);
	}
	expect_pool_counts_right(t);
}

/* One of four threads' share is winding up, so there have to be four for the next */
static void pool_grows_past_a_very_slow_sleeper_that_winds_up(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleeper, *item = swt_item(t, SWT_VSLOW);

	swt_pool(t, 2, 4);
	sleeper = new_slow_riser(t, SWT_VSLOW);
	swt_wait(t, swt_threads() == 2);
	swt_must_run(item);
	expect_winding_up(sleeper);
	swt_release(sleeper);
	expect_woken(sleeper, true);
	expect_pool_counts_right(t);
}

/* For two items at once, one is told, and the other with the next tick */
static void sleepers_are_told_one_after_the_other(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleepers[3];
	int i;

	if (!swt_time_travel())
		return;
	swt_set(t, "vslow-percentage", 25);
	swt_pool(t, 4, 4);
	swt_must_execute(swt_blocker(t, SWT_VSLOW));
	for (i = 0; i < ARRAY_SIZE(sleepers); i++)
		sleepers[i] = new_slow_riser(t, SWT_SLOW);
	for (i = 0; i < 2; i++)
		swt_must_enqueue(swt_item(t, SWT_VSLOW));
	schedule_timeout_uninterruptible(5);
	KUNIT_EXPECT_EQ(test, count_woken(sleepers, 3), 0);
	swt_set(t, "vslow-percentage", 75);
	usleep_range(15000, 15001);
	/* Long before the first is counted on no more */
	KUNIT_EXPECT_EQ(test, count_woken(sleepers, 3), 2);
}

/* Two very slow ones, for one item each, at once; and not the slow one that slept before */
static void very_slow_sleepers_are_told_for_slots(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *other, *sleepers[2], *items[2];
	int i;

	if (!swt_time_travel())
		return;
	swt_pool(t, 4, 4);
	other = put_to_bed(t, SWT_SLOW);
	for (i = 0; i < 2; i++)
		sleepers[i] = new_slow_riser(t, SWT_VSLOW);
	schedule_timeout_uninterruptible(1);
	for (i = 0; i < 2; i++) {
		items[i] = swt_item(t, SWT_VSLOW);
		swt_must_enqueue(items[i]);
	}
	usleep_range(15000, 15001);
	KUNIT_EXPECT_EQ(test, count_woken(sleepers, 2), 2);
	KUNIT_EXPECT_EQ(test, count_woken(&other, 1), 0);
	for (i = 0; i < 2; i++)
		swt_release(sleepers[i]);
	for (i = 0; i < 2; i++) {
		swt_wait(t, swt_runs(items[i]) == 1);
		wake_sleeper(sleepers[i]);
		swt_wait(t, swt_at_rest(sleepers[i]));
	}
	wake_sleeper(other);
	swt_wait(t, swt_at_rest(other));
}

/* The first has the slot that is free, on the second's thread; the other one its slot */
static void sleepers_are_told_for_a_slot_and_a_thread(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleepers[2];
	int i;

	if (!swt_time_travel())
		return;
	swt_pool(t, 4, 4);
	swt_set(t, "vslow-percentage", 75);
	swt_hold(t, 1);
	swt_must_execute(swt_blocker(t, SWT_VSLOW));
	sleepers[0] = new_slow_riser(t, SWT_VSLOW);
	schedule_timeout_uninterruptible(2);
	sleepers[1] = new_slow_riser(t, SWT_SLOW);
	for (i = 0; i < 2; i++)
		swt_must_enqueue(swt_item(t, SWT_VSLOW));
	usleep_range(1000, 1001);
	KUNIT_EXPECT_EQ(test, count_woken(sleepers, 1), 1);
	KUNIT_EXPECT_EQ(test, count_woken(sleepers, 2), 2);
}

/* Both have yielded, and neither has waited for 10 ms when a sleeper has rested */
static void what_yielded_first_comes_first(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[3];
	int i;

	if (!swt_time_travel())
		return;
	swt_pool(t, 3, 3);
	schedule_timeout_uninterruptible(1);
	for (i = 0; i < 3; i++) {
		items[i] = new_sleeper(t, i ? SWT_SLOW : SWT_VSLOW);
		items[i]->on_execute = sleep_and_give_way;
		swt_must_enqueue(items[i]);
		usleep_range(100, 101);
		/* The first lies down a tick before the others, and they one before what follows */
		while (i != 1 && time_before(jiffies, bed_of(items[i])->began_at + 1))
			usleep_range(100, 101);
	}
	/* These displace the first two */
	for (i = 0; i < 2; i++) {
		swt_must_enqueue(swt_blocker(t, SWT_SLOW));
		usleep_range(100, 101);
		KUNIT_EXPECT_EQ(test, count_woken(items, 3), i + 1);
	}
	KUNIT_EXPECT_EQ(test, jiffies, bed_of(items[2])->began_at + 1);
	/* The timer would be a tick late; a setting has the pool look */
	while (time_before(jiffies, bed_of(items[2])->began_at + 2))
		usleep_range(100, 101);
	swt_set(t, "vslow-percentage", 51);
	usleep_range(100, 101);
	KUNIT_EXPECT_EQ(test, count_woken(items, 3), 3);
	swt_wait(t, swt_starts(items[0]) == 2);
	KUNIT_EXPECT_EQ(test, swt_starts(items[1]), 1);
	for (i = 0; i < 3; i++)
		wake_sleeper(items[i]);
}

/* Else the two would wait for each other for ever */
static void expect_no_deadlock(struct swt *t, void (*on_execute)(struct swt_item *item))
{
	struct swt_item *sleeper = new_sleeper(t, SWT_SLOW), *item = swt_item(t, SWT_SLOW);

	swt_pool(t, 2, 4);
	swt_hold(t, 1);
	sleeper->on_execute = on_execute;
	sleeper->other = item;
	enqueue_and_see_it_sleep(sleeper);
	swt_wait(t, swt_threads() == 2);
	swt_must_run(item);
	expect_woken(sleeper, true);
	swt_release(t->held[0]);
	expect_pool_counts_right(t);
}

static void sleeper_may_flush_the_item_that_it_makes_way_for(struct kunit *test)
{
	expect_no_deadlock(test->priv, sleep_and_flush_other);
}

static void sleeper_may_wait_for_the_item_that_it_makes_way_for(struct kunit *test)
{
	expect_no_deadlock(test->priv, sleep_and_wait_for_other);
}

/* Enqueued and asleep; of all that @told and @gate are given to one winds up */
static struct swt_item *new_rival(struct swt *t, void (*on_execute)(struct swt_item *item),
				  atomic_t *told, struct swt_gate *gate)
{
	struct swt_item *item = new_sleeper(t, SWT_SLOW);

	item->on_execute = on_execute;
	bed_of(item)->told = told;
	bed_of(item)->winding_up = gate;
	enqueue_and_see_it_sleep(item);
	return item;
}

static void another_sleeper_gives_way_for_one_that_winds_up(struct kunit *test)
{
	struct swt *t = test->priv;
	atomic_t *told = swt_alloc(t, sizeof(*told));
	struct swt_gate *gate = swt_gate(t);
	struct swt_item *sleepers[2], *item = swt_item(t, SWT_SLOW);
	int i;

	swt_pool(t, 2, 2);
	for (i = 0; i < 2; i++)
		sleepers[i] = new_rival(t, sleep_and_wind_up, told, gate);
	swt_must_run(item);
	KUNIT_EXPECT_EQ(test, count_woken(sleepers, 2), 2);
	KUNIT_EXPECT_EQ(test, swt_executing(sleepers[0]) + swt_executing(sleepers[1]), 1);
	swt_open(gate);
	for (i = 0; i < 2; i++)
		expect_woken(sleepers[i], true);
	expect_pool_counts_right(t);
}

/*
 * One that was counted on no more has given way all the same: it comes back as
 * any that yields, and lets others sleep for 10 ms.
 */
static void sleeper_that_comes_late_has_yielded(struct kunit *test)
{
	struct swt *t = test->priv;
	bool *strict = swt_alloc(t, sizeof(*strict));
	atomic_t *told = swt_alloc(t, sizeof(*told));
	struct swt_gate *gate = swt_gate(t);
	struct swt_item *sleepers[2], *item = swt_item(t, SWT_SLOW), *late, *other;
	int i;

	swt_pool(t, 2, 2);
	for (i = 0; i < 2; i++) {
		sleepers[i] = new_rival(t, sleep_and_give_way, told, gate);
		bed_of(sleepers[i])->strict = strict;
	}
	swt_must_run(item);
	/* The other one sleeps again, on the thread that the item had */
	swt_wait(t, atomic_read(&bed_of(sleepers[0])->lying) +
		    atomic_read(&bed_of(sleepers[1])->lying) == 3);
	i = atomic_read(&bed_of(sleepers[1])->lying) == 1;
	late = sleepers[i];
	other = sleepers[!i];
	expect_winding_up(late);
	swt_wait(t, swt_asleep(other));

	/* Its thread is taken for good; so there is one for both of the sleepers */
	swt_hold(t, 1);
	swt_wait(t, slow_work_is_queued(&other->work));
	WRITE_ONCE(*strict, true);
	swt_open(gate);
	swt_wait(t, fewest_runs(sleepers, 2) >= 5);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, atomic_read(&bed_of(sleepers[i])->early), 0);
	wake_sleepers(sleepers, 2);
}

/* Each event must be seen, however many fresh items preempt the sleeper meanwhile */
static void count_events(struct swt_item *item)
{
	struct bed *bed = bed_of(item);

	while (!READ_ONCE(item->t->stop)) {
		if (xchg(&bed->event, false)) {
			WRITE_ONCE(item->value, item->value + 1);
			swt_poke(item->t);
		}
		if (lie_down(item)) {
			slow_work_enqueue(&item->work);
			return;
		}
	}
}

static int post_events(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;
	struct swt_budget budget = swt_budget();
	long seen;

	while (swt_more(thread->t, &budget)) {
		seen = READ_ONCE(item->value);
		swt_jitter(20);
		wake_sleeper(item);
		if (!swt_comes_true(thread->t, READ_ONCE(item->value) != seen))
			return -ETIMEDOUT;
	}
	return 0;
}

static int run_fresh_items(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;
	struct swt_budget budget = swt_budget();
	int before;

	while (swt_more(thread->t, &budget)) {
		before = swt_runs(item);
		if (swt_enqueue(item))
			return -EINVAL;
		if (!swt_comes_true(thread->t, swt_runs(item) != before))
			return -ETIMEDOUT;
		swt_jitter(20);
	}
	return 0;
}

static void no_wakeup_is_missed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread *threads[4];
	struct swt_item *item;
	int i;

	swt_pool(t, 2, 2);
	for (i = 0; i < 2; i++) {
		item = new_sleeper(t, SWT_SLOW);
		item->on_execute = count_events;
		swt_must_enqueue(item);
		threads[i] = swt_start(t, post_events, item);
		threads[2 + i] = swt_start(t, run_fresh_items, swt_item(t, i));
	}
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ(test, swt_join(threads[i]), 0);
}

static int cancel_sleepers(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;
	struct swt_budget budget = swt_budget();

	while (swt_more(thread->t, &budget)) {
		if (swt_enqueue(item))
			return -EINVAL;
		swt_jitter(30);
		swt_do_cancel(item);
		if (!swt_at_rest(item))
			return -EBUSY;
	}
	return 0;
}

static void no_cancel_is_missed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread *threads[2];
	int i;

	swt_pool(t, 2, 2);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = swt_start(t, cancel_sleepers, new_sleeper(t, i));
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ(test, swt_join(threads[i]), 0);
}

static int call_from_outside(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;

	lie_down(item);
	return 0;
}

static void from_outside_the_pool_it_is_false(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = new_sleeper(t, SWT_SLOW);

	bed_of(item)->timeout = 1;
	swt_expect_splat(t);
	swt_call(t, call_from_outside, item);
	swt_splat_over(t);
	swt_expect_warned(t, "item not executing here put to sleep by");
	expect_woken(item, false);
}

/* The item may be gone by then */
static void in_its_put_ref_it_is_false(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = new_sleeper(t, SWT_SLOW);

	bed_of(item)->timeout = 5;
	item->on_execute = NULL;
	item->on_put = sleep_once;
	swt_expect_splat(t);
	swt_must_enqueue(item);
	swt_wait(t, atomic_read(&bed_of(item)->not_wanted) == 1);
	swt_splat_over(t);
	expect_woken(item, false);
	KUNIT_EXPECT_EQ(test, bed_of(item)->left, 5L);
}

static struct kunit_case yield_cases[] = {
	KUNIT_CASE(own_wakeup_is_false_with_the_time_left),
	KUNIT_CASE(timeout_is_false_with_no_time_left),
	KUNIT_CASE(sleep_without_timeout),
	KUNIT_CASE(wakeup_before_the_call_is_not_lost),
	KUNIT_CASE(fresh_item_preempts_a_sleeper),
	KUNIT_CASE(item_whose_delay_ends_preempts_a_sleeper),
	KUNIT_CASE(one_sleeper_is_woken_for_every_item),
	KUNIT_CASE(several_items_wake_as_many_sleepers),
	KUNIT_CASE(free_thread_spares_the_sleeper),
	KUNIT_CASE(sleeper_is_woken_before_threads_are_started),
	KUNIT_CASE(work_queued_before_the_call_is_seen),
	KUNIT_CASE(sleeper_in_a_full_pool_is_preempted_at_once),
	KUNIT_CASE(cancel_wakes_the_sleeper),
	KUNIT_CASE(cancelled_after_it_yielded_it_has_no_mark),
	KUNIT_CASE(item_being_cancelled_does_not_lie_down),
	KUNIT_CASE(very_slow_sleeper_gives_up_its_slot),
	KUNIT_CASE(slow_item_preempts_a_very_slow_sleeper),
	KUNIT_CASE(very_slow_item_preempts_a_slow_sleeper),
	KUNIT_CASE(very_slow_item_without_a_slot_wakes_no_slow_sleeper),
	KUNIT_CASE(fresh_item_preempts_beside_one_without_a_slot),
	KUNIT_CASE(sleeper_that_slept_longest_makes_way),
	KUNIT_CASE(enqueueing_again_after_true_sleeps_again),
	KUNIT_CASE(fresh_item_preempts_at_once),
	KUNIT_CASE(many_sleepers_burn_no_processor),
	KUNIT_CASE(very_slow_sleepers_burn_no_processor),
	KUNIT_CASE(three_sleepers_on_two_threads_all_have_turns),
	KUNIT_CASE(five_sleepers_on_two_threads_all_have_turns),
	KUNIT_CASE(sleepers_of_both_classes_have_turns_on_one_thread),
	KUNIT_CASE(slow_item_comes_before_very_slow_sleepers),
	KUNIT_CASE(fresh_item_preempts_beside_one_that_yielded),
	KUNIT_CASE(sleeper_makes_way_for_the_older_of_two),
	KUNIT_CASE(yielded_item_preempts_no_sooner_than_10_ms),
	KUNIT_CASE(yielded_item_preempts_10_ms_after_one_lies_down),
	KUNIT_CASE(item_that_enqueues_itself_without_a_sleep_has_not_yielded),
	KUNIT_CASE(item_that_enqueues_itself_displaces_nobody),
	KUNIT_CASE(fresh_items_starve_no_very_slow_one),
	KUNIT_CASE(fresh_item_passes_by_very_slow_ones),
	KUNIT_CASE(fresh_items_pass_through_many_sleepers),
	KUNIT_CASE(pool_grows_past_a_sleeper_that_winds_up),
	KUNIT_CASE(no_thread_is_started_past_a_sleeper_that_winds_up_soon),
	KUNIT_CASE(each_sleeper_that_winds_up_is_counted_on_for_10_ms),
	KUNIT_CASE(pool_grows_past_all_sleepers_that_wind_up),
	KUNIT_CASE(pool_grows_past_a_very_slow_sleeper_that_winds_up),
	KUNIT_CASE(sleepers_are_told_one_after_the_other),
	KUNIT_CASE(very_slow_sleepers_are_told_for_slots),
	KUNIT_CASE(sleepers_are_told_for_a_slot_and_a_thread),
	KUNIT_CASE(what_yielded_first_comes_first),
	KUNIT_CASE(sleeper_may_flush_the_item_that_it_makes_way_for),
	KUNIT_CASE(sleeper_may_wait_for_the_item_that_it_makes_way_for),
	KUNIT_CASE(another_sleeper_gives_way_for_one_that_winds_up),
	KUNIT_CASE(sleeper_that_comes_late_has_yielded),
	KUNIT_CASE(no_wakeup_is_missed),
	KUNIT_CASE(no_cancel_is_missed),
	KUNIT_CASE(from_outside_the_pool_it_is_false),
	KUNIT_CASE(in_its_put_ref_it_is_false),
	{}
};

static struct kunit_suite yield_suite = {
	.name = "slow_work_yield",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = yield_cases,
};

kunit_test_suite(yield_suite);
