// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow_work_try_cancel(): takes back what is pending, unless its desc runs just
 * then; waits for nothing, and is allowed wherever the item's put_ref is.  Once it
 * is true the pool does not touch the item again.  What both it and
 * slow_work_cancel() return: whether a run was prevented.
 */

#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>

#include "../compat.h"
#include "helper.h"

/* It cannot have begun what would run before @item now does */
static void expect_good_as_new(struct swt_item *item)
{
	struct swt *t = item->t;
	int before = swt_starts(item);

	swt_must_enqueue(item);
	swt_wait(t, swt_starts(item) > before && swt_at_rest(item));
	swt_settle(t);
	KUNIT_EXPECT_EQ(t->test, swt_starts(item), before + 1);
}

/* Would it hang, the case should not */
static int try_fn(struct swt_thread *thread)
{
	return swt_try_cancel(thread->arg);
}

static bool try(struct swt_item *item)
{
	return swt_call(item->t, try_fn, item);
}

static void item_at_rest(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;
	int kind;

	for (kind = SWT_SLOW; kind <= SWT_DELAYED; kind++) {
		item = swt_item(t, kind);
		KUNIT_EXPECT_FALSE(test, try(item));
		KUNIT_EXPECT_FALSE(test, try(item));
		expect_good_as_new(item);
		KUNIT_EXPECT_FALSE(test, try(item));
		expect_good_as_new(item);
	}
}

static void queued_item_does_not_run(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[3];
	int i;

	swt_one_thread(t);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_item(t, i);
		swt_must_enqueue(items[i]);
		KUNIT_EXPECT_TRUE(test, try(items[i]));
		KUNIT_EXPECT_FALSE(test, slow_work_is_queued(&items[i]->work));
		KUNIT_EXPECT_TRUE(test, swt_at_rest(items[i]));
		KUNIT_EXPECT_EQ(test, atomic_read(&items[i]->puts), 1);
		KUNIT_EXPECT_FALSE(test, try(items[i]));
	}
	swt_release(t->held[0]);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		swt_settle(t);
		KUNIT_EXPECT_EQ(test, swt_starts(items[i]), 0);
		expect_good_as_new(items[i]);
	}
}

static void enqueue_afterwards_is_accepted(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW), *second = swt_item(t, SWT_SLOW);

	swt_one_thread(t);
	swt_must_enqueue(item);
	swt_must_enqueue(second);
	KUNIT_EXPECT_TRUE(test, try(item));
	/* And it has lost its place */
	swt_must_enqueue(item);
	KUNIT_EXPECT_TRUE(test, slow_work_is_queued(&item->work));
	swt_release(t->held[0]);
	swt_wait(t, swt_at_rest(item) && swt_at_rest(second));
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	KUNIT_EXPECT_GT(test, item->order, second->order);
}

static void armed_item_does_not_run(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_must_arm(item, SWT_NEVER);
	KUNIT_EXPECT_TRUE(test, try(item));
	KUNIT_EXPECT_TRUE(test, swt_at_rest(item));
	KUNIT_EXPECT_FALSE(test, slow_work_is_queued(&item->work));
	KUNIT_EXPECT_FALSE(test, timer_pending(&item->dwork.timer));
	KUNIT_EXPECT_FALSE(test, try(item));
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
	swt_must_arm(item, 1);
	swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));
	expect_good_as_new(item);
}

static void execute_is_not_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;
	int kind;

	for (kind = SWT_SLOW; kind <= SWT_DELAYED; kind++) {
		item = swt_blocker(t, kind);
		swt_must_execute(item);
		KUNIT_EXPECT_FALSE(test, try(item));
		KUNIT_EXPECT_TRUE(test, swt_executing(item));
		swt_release(item);
		swt_wait(t, swt_at_rest(item));
		KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
		expect_good_as_new(item);
	}
}

static void deferred_item_does_not_run_again(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	int i;

	swt_must_execute(item);
	for (i = 0; i < 3; i++) {
		swt_must_enqueue(item);
		KUNIT_EXPECT_TRUE(test, try(item));
		KUNIT_EXPECT_FALSE(test, try(item));
		KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_PENDING));
		KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_ENQ_DEFERRED));
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 0);
	swt_release(item);
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 1);
	expect_good_as_new(item);
}

static void item_executing_and_armed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);

	swt_must_execute(item);
	swt_must_arm(item, SWT_NEVER);
	KUNIT_EXPECT_TRUE(test, try(item));
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_DELAYED));
	/* Deferred, as its delay has ended */
	swt_must_arm(item, 1);
	swt_wait(t, !swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_TRUE(test, try(item));
	swt_release(item);
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	expect_good_as_new(item);
}

static void deferred_again_afterwards_it_runs(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);

	swt_must_execute(item);
	swt_must_enqueue(item);
	KUNIT_EXPECT_TRUE(test, try(item));
	swt_must_enqueue(item);
	swt_release(item);
	swt_wait(t, swt_runs(item) == 2 && swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 1);
}

static void from_its_own_execute(struct swt_item *item)
{
	if (swt_starts(item) > 1)
		return;
	item->value = swt_try_cancel(item);
	item->result = swt_enqueue(item);
	item->value += 2 * swt_try_cancel(item);
}

/* There is nothing to warn of, as nothing is waited for */
static void from_execute_it_takes_back_what_that_deferred(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	item->on_execute = from_its_own_execute;
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, item->result, 0);
	KUNIT_EXPECT_EQ(test, item->value, 2L);
	expect_good_as_new(item);
}

/* ---- put_ref ------------------------------------------------------------ */

static struct swt_item *item_in_put_ref(struct swt *t)
{
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	return item;
}

static void put_ref_is_not_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = item_in_put_ref(t);

	KUNIT_EXPECT_FALSE(test, try(item));
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 0);
	swt_open(item->put_gate);
	swt_wait(t, swt_at_rest(item));
	expect_good_as_new(item);
}

static void enqueued_in_put_ref_it_is_put_once_more(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = item_in_put_ref(t);

	swt_must_enqueue(item);
	KUNIT_EXPECT_TRUE(test, try(item));
	KUNIT_EXPECT_FALSE(test, try(item));
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 0);
	swt_open(item->put_gate);
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 2);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	expect_good_as_new(item);
}

/* When it has been put as often as @value says, its memory is another's */
static void give_memory_away(struct swt_item *item)
{
	if (atomic_read(&item->puts) != item->value)
		return;
	memcpy(item->data, &item->work, sizeof(item->work));
	memset(&item->work, 0xff, sizeof(item->work));
	/* Pairs with expect_memory_left_alone() */
	smp_store_release(&item->result, 1);
	swt_poke(item->t);
}

static void expect_memory_left_alone(struct swt_item *item)
{
	struct swt *t = item->t;

	/* Pairs with give_memory_away() */
	swt_wait(t, smp_load_acquire(&item->result));
	swt_settle(t);
	swt_settle(t);
	KUNIT_EXPECT_NULL(t->test, memchr_inv(&item->work, 0xff, sizeof(item->work)));
	memcpy(&item->work, item->data, sizeof(item->work));
}

static struct swt_item *new_goner(struct swt_item *item, int puts)
{
	item->data = swt_alloc(item->t, sizeof(item->work));
	item->on_last = give_memory_away;
	item->value = puts;
	return item;
}

/* All bits are set there: whoever looks finds much to do */
static void put_for_the_last_time_it_is_not_looked_at(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_thread *cancel;

	/* Its thread has just had one that was waited for */
	swt_one_thread(t);
	swt_release(t->held[0]);
	swt_must_execute(item);
	cancel = swt_cancel_start(item);
	swt_wait(t, swt_blocked(cancel));
	swt_release(item);
	swt_join(cancel);
	item = new_goner(swt_item(t, SWT_SLOW), 1);
	swt_must_enqueue(item);
	expect_memory_left_alone(item);

	item = new_goner(item_in_put_ref(t), 2);
	swt_must_enqueue(item);
	KUNIT_EXPECT_TRUE(test, try(item));
	swt_open(item->put_gate);
	expect_memory_left_alone(item);
}

static void enqueued_in_put_ref_again_and_again(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = item_in_put_ref(t);
	int i;

	for (i = 0; i < 8; i++) {
		swt_must_arm(item, i % 2 ? SWT_NEVER : 0);
		KUNIT_EXPECT_TRUE(test, try(item));
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 0);
	swt_must_enqueue(item);
	swt_open(item->put_gate);
	swt_wait(t, swt_runs(item) == 2 && swt_at_rest(item));
	expect_good_as_new(item);
}

static void armed_in_put_ref_after_it_was_taken_back(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = item_in_put_ref(t);

	swt_must_enqueue(item);
	KUNIT_EXPECT_TRUE(test, try(item));
	swt_must_arm(item, SWT_NEVER);
	swt_open(item->put_gate);
	swt_wait(t, atomic_read(&item->puts) == 1);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 2);
	KUNIT_EXPECT_TRUE(test, swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_TRUE(test, try(item));
	/* At once, or by the thread that has called put_ref, as it lets go. */
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
}

static void arm_twice_and_other(struct swt_item *item)
{
	if (!item->other)
		return;
	item->result = swt_arm(item, SWT_NEVER) ?: swt_arm(item, SWT_NEVER) ?:
		       swt_arm(item->other, SWT_NEVER);
	item->other = NULL;
}

/* It is armed, and joins those that are armed when put_ref is over */
static void armed_in_the_put_ref_that_it_calls(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED), *other = swt_item(t, SWT_DELAYED);

	swt_one_thread(t);
	item->other = other;
	item->result = -1;
	item->on_put = arm_twice_and_other;
	swt_must_enqueue(item);
	KUNIT_EXPECT_TRUE(test, try(item));
	KUNIT_EXPECT_EQ(test, item->result, 0);
#ifdef CONFIG_SLOW_WORK_DEBUG
	strscpy(item->name, "first armed", sizeof(item->name));
	strscpy(other->name, "then armed", sizeof(other->name));
	KUNIT_EXPECT_NOT_NULL(test, strstr(strstr(swt_runqueue(t), other->name) ?: "",
					   item->name));
#endif
	KUNIT_EXPECT_TRUE(test, try(other));
	KUNIT_EXPECT_TRUE(test, try(item));
	KUNIT_EXPECT_TRUE(test, swt_at_rest(item) && swt_at_rest(other));
}

static void enqueue_once_more(struct swt_item *item)
{
	if (!item->value++)
		item->result = swt_enqueue(item);
}

/* A thread that idles is told */
static void enqueued_in_the_put_ref_that_it_calls_it_runs(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_wait(t, swt_idle_threads() == 2);
	/* Nor does a timer look that was set before */
	schedule_timeout_uninterruptible(HZ / 10);
	item->on_put = enqueue_once_more;
	swt_must_arm(item, SWT_NEVER);
	KUNIT_EXPECT_TRUE(test, try(item));
	swt_wait(t, swt_runs(item) == 1);
}

/* Whichever task calls put_ref, it is known to live */
static void enqueued_in_the_put_ref_of_any_task(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread *threads[8];
	struct swt_item *items[8];
	int i;

	swt_one_thread(t);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_item(t, SWT_SLOW);
		items[i]->on_put = enqueue_once_more;
		items[i]->put_gate = swt_gate(t);
		items[i]->result = -1;
		swt_must_enqueue(items[i]);
	}
	for (i = 0; i < ARRAY_SIZE(items); i++)
		threads[i] = swt_start(t, try_fn, items[i]);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		swt_wait(t, atomic_read(&items[i]->putting) == 1 && swt_blocked(threads[i]));
		KUNIT_EXPECT_EQ(test, items[i]->result, 0);
		swt_open(items[i]->put_gate);
		KUNIT_EXPECT_EQ(test, swt_join(threads[i]), 1);
	}
	swt_release(t->held[0]);
	for (i = 0; i < ARRAY_SIZE(items); i++)
		swt_wait(t, swt_runs(items[i]) == 1);
}

/* As if the task had died, and another had its pid by now */
static void enqueued_in_the_put_ref_of_a_task_that_is_another(struct kunit *test)
{
	const unsigned long address = 1UL << (BITS_PER_LONG - 1);
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_thread *thread;

	swt_one_thread(t);
	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	thread = swt_start(t, try_fn, item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	item->work.timestamp ^= address;
	KUNIT_EXPECT_EQ(test, slow_work_enqueue(&item->work), -EOWNERDEAD);
	item->work.timestamp ^= address;
	swt_must_enqueue(item);
	swt_open(item->put_gate);
	KUNIT_EXPECT_EQ(test, swt_join(thread), 1);
	swt_release(t->held[0]);
	swt_wait(t, swt_runs(item) == 1);
}

/* Whoever took it back is still in put_ref when it is enqueued, and so on */
static void enqueued_in_the_put_ref_that_it_calls(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_thread *first;
	int i;

	swt_one_thread(t);
	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	first = swt_start(t, try_fn, item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	for (i = 0; i < 4; i++) {
		swt_must_enqueue(item);
		KUNIT_EXPECT_TRUE(test, slow_work_is_queued(&item->work));
		KUNIT_EXPECT_TRUE(test, try(item));
	}
	swt_must_enqueue(item);
	swt_release(t->held[0]);
	swt_settle(t);
	/* The old reference goes first */
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
	swt_open(item->put_gate);
	KUNIT_EXPECT_EQ(test, swt_join(first), 1);
	swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));
	expect_good_as_new(item);
}

static void cancel_waits_for_the_put_ref_that_it_calls(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	struct swt_thread *first;

	item->put_gate = swt_gate(t);
	swt_must_arm(item, SWT_NEVER);
	first = swt_start(t, try_fn, item);
	swt_expect_cancel_waits_for_put(item);
	KUNIT_EXPECT_EQ(test, swt_join(first), 1);
	expect_good_as_new(item);
}

static void cancel_under_way_leaves_nothing_to_take(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_thread *cancel;

	swt_must_execute(item);
	swt_must_enqueue(item);
	cancel = swt_cancel_start(item);
	swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING));
	KUNIT_EXPECT_FALSE(test, try(item));
	KUNIT_EXPECT_TRUE(test, swt_flag(item, SLOW_WORK_CANCELLING));
	swt_release(item);
	KUNIT_EXPECT_EQ(test, swt_join(cancel), 1);
	expect_good_as_new(item);
}

/* ---- while its desc runs ------------------------------------------------ */

static struct swt_item *described_item(struct swt *t, unsigned long delay, int readers)
{
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	int i;

	if (!IS_ENABLED(CONFIG_SLOW_WORK_DEBUG))
		kunit_skip(t->test, "built without runqueue");
	swt_one_thread(t);
	item->desc_gate = swt_gate(t);
	swt_must_arm(item, delay);
	for (i = 0; i < readers; i++)
		swt_runqueue_start(t);
	swt_wait(t, atomic_read(&item->describing) == readers);
	return item;
}

/* No call out of the pool can be had back: false, and nothing has changed */
static void expect_left_alone(struct swt_item *item)
{
	struct kunit *test = item->t->test;
	bool armed = swt_flag(item, SLOW_WORK_DELAYED);
	int i;

	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_FALSE(test, try(item));
	KUNIT_EXPECT_TRUE(test, slow_work_is_queued(&item->work));
	KUNIT_EXPECT_EQ(test, swt_flag(item, SLOW_WORK_DELAYED), armed);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->putting), 0);
}

static void expect_runs_once(struct swt_item *item)
{
	struct swt *t = item->t;

	/* Its desc holds up its put_ref, and nothing else */
	swt_release(t->held[0]);
	swt_wait(t, swt_runs(item) == 1);
	KUNIT_EXPECT_EQ(t->test, atomic_read(&item->putting), 0);
	swt_open(item->desc_gate);
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_EQ(t->test, swt_starts(item), 1);
	KUNIT_EXPECT_EQ(t->test, atomic_read(&item->gets), 1);
	expect_good_as_new(item);
}

static void described_queued_item_runs(struct kunit *test)
{
	struct swt_item *item = described_item(test->priv, 0, 1);

	expect_left_alone(item);
	expect_runs_once(item);
}

static void described_by_several_it_runs(struct kunit *test)
{
	struct swt_item *item = described_item(test->priv, 0, 3);

	expect_left_alone(item);
	/* An enqueue is merged as it would have been before */
	swt_must_enqueue(item);
	expect_left_alone(item);
	expect_runs_once(item);
}

static void described_armed_item_stays_armed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = described_item(t, SWT_NEVER, 1);

	expect_left_alone(item);
	KUNIT_EXPECT_TRUE(test, timer_pending(&item->dwork.timer));
	/* After that it can be taken back as any */
	swt_open(item->desc_gate);
	swt_wait(t, swt_try_cancel(item));
	KUNIT_EXPECT_TRUE(test, swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
	swt_release(t->held[0]);
	swt_release(t->held[1]);
	expect_good_as_new(item);
}

/* What waits does so for its desc as well */
static void described_it_can_be_cancelled(struct kunit *test)
{
	static const unsigned long delays[] = { 0, SWT_NEVER };
	struct swt *t = test->priv;
	struct swt_thread *cancel;
	struct swt_item *item;
	int i;

	for (i = 0; i < ARRAY_SIZE(delays); i++) {
		t->nr_held = 0;
		item = described_item(t, delays[i], 1);
		expect_left_alone(item);
		cancel = swt_cancel_start(item);
		swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING) && swt_blocked(cancel));
		KUNIT_EXPECT_FALSE(test, swt_done(cancel));
		/* And has taken it back already */
		KUNIT_EXPECT_FALSE(test, try(item));
		swt_open(item->desc_gate);
		KUNIT_EXPECT_EQ(test, swt_join(cancel), 1);
		KUNIT_EXPECT_TRUE(test, cancel->seen_at_rest);
		KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
		swt_release(t->held[0]);
		swt_release(t->held[1]);
		expect_good_as_new(item);
	}
}

static void described_it_can_be_flushed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = described_item(t, SWT_NEVER, 1);
	struct swt_thread *flush;

	/* Which has it queued */
	flush = swt_flush_start(item);
	swt_wait(t, swt_blocked(flush));
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_DELAYED));
	expect_left_alone(item);
	KUNIT_EXPECT_FALSE(test, swt_done(flush));
	expect_runs_once(item);
	KUNIT_EXPECT_EQ(test, swt_join(flush), 1);
}

/* A thread has it: then its run after that may be taken back, or not */
static void described_executing_item_runs_again_or_not(struct kunit *test)
{
	static const long delays[] = { 0, SWT_NEVER };
	struct swt *t = test->priv;
	struct swt_item *item;
	bool taken;
	int i;

	if (!IS_ENABLED(CONFIG_SLOW_WORK_DEBUG))
		kunit_skip(test, "built without runqueue");
	for (i = 0; i < ARRAY_SIZE(delays); i++) {
		item = swt_blocker(t, SWT_DELAYED);
		item->desc_gate = swt_gate(t);
		swt_must_execute(item);
		swt_runqueue_start(t);
		swt_wait(t, atomic_read(&item->describing));
		KUNIT_EXPECT_FALSE(test, try(item));
		swt_must_arm(item, delays[i]);
		taken = try(item);
		KUNIT_EXPECT_NE(test, swt_flag(item, SLOW_WORK_PENDING), taken);
		if (!taken)
			KUNIT_EXPECT_EQ(test, swt_mod(item, 0), 0);
		swt_open(item->desc_gate);
		swt_release(item);
		swt_wait(t, swt_runs(item) == (taken ? 1 : 2) && swt_at_rest(item));
		expect_good_as_new(item);
	}
}

#define POISON	0x5a

static void describe_for_a_while(struct swt_item *item, struct seq_file *m)
{
	usleep_range(1, 100);
	seq_puts(m, "described");
}

/*
 * Where it is true, the pool never touches the item again: its memory is somebody
 * else's from then on.
 */
static int take_back_and_poison(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;
	struct swt_budget budget = swt_budget();
	bool touched;
	int ret;

	while (swt_more(thread->t, &budget)) {
		ret = swt_random(2) ? swt_enqueue(item) : swt_arm(item, swt_random(3));
		if (ret)
			return ret;
		swt_jitter(50);
		if (!swt_try_cancel(item)) {
			swt_do_cancel(item);
			continue;
		}
		/* No mark of the pool's; were it there, it would be in a list, too */
		if (READ_ONCE(item->work.flags)) {
			swt_do_cancel(item);
			return -EBUSY;
		}
		memset(&item->dwork, POISON, sizeof(item->dwork));
		swt_jitter(50);
		touched = memchr_inv(&item->dwork, POISON, sizeof(item->dwork));
		memset(&item->dwork, 0, sizeof(item->dwork));
		delayed_slow_work_init(&item->dwork, &swt_ops);
		if (touched)
			return -EFAULT;
	}
	return 0;
}

static void once_it_is_true_the_item_is_not_touched(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	struct swt_thread *thread;
	int i;

	if (!IS_ENABLED(CONFIG_SLOW_WORK_DEBUG))
		kunit_skip(test, "built without runqueue");
	item->on_desc = describe_for_a_while;
	swt_pool(t, 4, 4);
	swt_hold(t, 3);
	thread = swt_start(t, take_back_and_poison, item);
	/* Each turn leaves some memory behind until the end of the case */
	for (i = 0; i < 1000 && !swt_done(thread); i++)
		swt_runqueue(t);
	KUNIT_EXPECT_EQ(test, swt_join(thread), 0);
}

/* ---- contexts ----------------------------------------------------------- */

static void atomic_put_ref(struct slow_work *work)
{
	struct swt_item *item = swt_item_of(work);

	atomic_inc(&item->putting);
	atomic_inc(&item->puts);
}

/* Items whose put_ref may be called anywhere: one does nothing, one is none */
static struct swt_item *atomic_item_of(struct swt *t, enum swt_kind kind, bool counted,
				       struct module *owner)
{
	struct slow_work_ops *ops = swt_ops_of(t, owner);

	ops->put_ref = counted ? atomic_put_ref : NULL;
	if (!counted)
		ops->get_ref = NULL;
	return swt_item_ops(t, kind, ops);
}

static struct swt_item *atomic_item(struct swt *t, enum swt_kind kind, bool counted)
{
	return atomic_item_of(t, kind, counted, THIS_MODULE);
}

struct interrupter {
	struct irq_work irq_work;
	struct timer_list timer;
	struct swt_item *item;
	atomic_t calls;
	int results;			/* a bit a call */
};

/* Twice: the second finds nothing; and in between it can be enqueued */
static void try_twice(struct interrupter *interrupter)
{
	struct swt_item *item = interrupter->item;

	interrupter->results = swt_try_cancel(item);
	interrupter->results |= swt_try_cancel(item) << 1;
	interrupter->results |= !swt_enqueue(item) << 2;
	interrupter->results |= swt_try_cancel(item) << 3;
	atomic_inc(&interrupter->calls);
}

#define AS_IT_SHOULD	(BIT(0) | BIT(2) | BIT(3))

static void in_hard_interrupt(struct irq_work *irq_work)
{
	try_twice(container_of(irq_work, struct interrupter, irq_work));
}

static void in_soft_interrupt(struct timer_list *timer)
{
	try_twice(container_of(timer, struct interrupter, timer));
}

static struct interrupter *new_interrupter(struct swt_item *item)
{
	struct interrupter *interrupter = swt_alloc(item->t, sizeof(*interrupter));

	interrupter->irq_work = IRQ_WORK_INIT_HARD(in_hard_interrupt);
	timer_setup(&interrupter->timer, in_soft_interrupt, 0);
	interrupter->item = item;
	return interrupter;
}

static void call_in_hard_irq(struct swt *t, struct interrupter *interrupter)
{
	irq_work_queue(&interrupter->irq_work);
	irq_work_sync(&interrupter->irq_work);
}

static void call_in_softirq(struct swt *t, struct interrupter *interrupter)
{
	mod_timer(&interrupter->timer, jiffies + 1);
	swt_comes_true(t, atomic_read(&interrupter->calls));
	timer_delete_sync(&interrupter->timer);
}

static void call_with_interrupts_off(struct swt *t, struct interrupter *interrupter)
{
	unsigned long flags;

	local_irq_save(flags);
	try_twice(interrupter);
	KUNIT_EXPECT_TRUE(t->test, irqs_disabled());
	local_irq_restore(flags);
}

static void call_under_a_lock(struct swt *t, struct interrupter *interrupter)
{
	raw_spinlock_t *lock = swt_alloc(t, sizeof(*lock));

	raw_spin_lock_init(lock);
	raw_spin_lock(lock);
	try_twice(interrupter);
	raw_spin_unlock(lock);
}

static void expect_from(struct swt *t, void (*call)(struct swt *t, struct interrupter *i))
{
	struct interrupter *interrupter;
	struct swt_item *item;
	int kind, counted, state;

	swt_one_thread(t);
	for (kind = SWT_SLOW; kind <= SWT_DELAYED; kind++) {
		for (counted = 0; counted < 2; counted++) {
			item = atomic_item(t, kind, counted);
			swt_must_enqueue(item);
			for (state = 0; state < 2; state++) {
				interrupter = new_interrupter(item);
				call(t, interrupter);
				KUNIT_EXPECT_EQ(t->test, interrupter->results, AS_IT_SHOULD);
				KUNIT_EXPECT_TRUE(t->test, swt_at_rest(item));
				if (kind != SWT_DELAYED)
					break;
				if (!state)
					swt_must_arm(item, SWT_NEVER);
			}
			KUNIT_EXPECT_EQ(t->test, swt_starts(item), 0);
		}
	}
	swt_release(t->held[0]);
	swt_settle(t);
	expect_good_as_new(item);
}

static void tried_in_hard_irq(struct kunit *test)
{
	expect_from(test->priv, call_in_hard_irq);
}

static void tried_in_softirq(struct kunit *test)
{
	expect_from(test->priv, call_in_softirq);
}

static void tried_with_interrupts_off(struct kunit *test)
{
	expect_from(test->priv, call_with_interrupts_off);
}

static void tried_under_a_lock(struct kunit *test)
{
	expect_from(test->priv, call_under_a_lock);
}

static void enqueue_in_atomic_put_ref(struct slow_work *work)
{
	struct swt_item *item = swt_item_of(work);

	if (atomic_inc_return(&item->putting) == 1)
		item->result = swt_enqueue(item);
	atomic_inc(&item->puts);
}

/* Perhaps of this task, as the CPU does not idle */
static void call_in_softirq_meanwhile(struct swt *t, struct interrupter *interrupter)
{
	mod_timer(&interrupter->timer, jiffies + 1);
	while (!atomic_read(&interrupter->calls)) {
		udelay(5);
		cond_resched();
	}
	timer_delete_sync(&interrupter->timer);
}

/* It is not taken for the put_ref of the task that was interrupted, nor of another */
static void enqueued_in_the_put_ref_of_an_interrupt(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = swt_ops_of(t, THIS_MODULE);
	struct interrupter *interrupter;
	struct swt_item *item;
	int soft;

	ops->put_ref = enqueue_in_atomic_put_ref;
	swt_one_thread(t);
	for (soft = 0; soft <= 1; soft++) {
		item = swt_item_ops(t, SWT_SLOW, ops);
		item->result = -1;
		swt_must_enqueue(item);
		interrupter = new_interrupter(item);
		(soft ? call_in_softirq_meanwhile : call_in_hard_irq)(t, interrupter);
		KUNIT_EXPECT_EQ(test, item->result, 0);
		/* so that the second finds something */
		KUNIT_EXPECT_EQ(test, interrupter->results, AS_IT_SHOULD | BIT(1));
		KUNIT_EXPECT_TRUE(test, swt_at_rest(item));
	}
}

/* A cancel, a flush and a user's flush may wait for what it takes back */
static void tried_in_hard_irq_it_wakes_who_waits(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "other");
	struct swt_item *item = atomic_item_of(t, SWT_SLOW, true, owner);
	struct swt_thread *flush, *user;

	KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
	swt_one_thread(t);
	swt_must_enqueue(item);
	flush = swt_flush_start(item);
	user = swt_flush_user_start(t, owner, item);
	swt_wait(t, swt_blocked(flush) && swt_blocked(user));
	call_in_hard_irq(t, new_interrupter(item));
	swt_join(flush);
	swt_join(user);
}

/* ---- what a cancel that waits returns ----------------------------------- */

static bool prevented(struct swt_item *item)
{
	return swt_join(swt_cancel_start(item));
}

static void cancel_of_an_item_at_rest_prevents_nothing(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	KUNIT_EXPECT_FALSE(test, prevented(item));
	swt_must_enqueue(item);
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_FALSE(test, prevented(item));
}

static void cancel_of_a_pending_item_prevents_its_run(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_one_thread(t);
	swt_must_enqueue(item);
	KUNIT_EXPECT_TRUE(test, prevented(item));
	swt_must_arm(item, SWT_NEVER);
	KUNIT_EXPECT_TRUE(test, prevented(item));
	KUNIT_EXPECT_FALSE(test, prevented(item));
}

static void cancel_of_an_executing_item_prevents_the_next_run(struct kunit *test)
{
	static const long delays[] = { -1, 0, SWT_NEVER };
	struct swt *t = test->priv;
	struct swt_thread *cancel;
	struct swt_item *item;
	int i;

	for (i = 0; i < ARRAY_SIZE(delays); i++) {
		item = swt_blocker(t, SWT_DELAYED);
		swt_must_execute(item);
		if (delays[i] >= 0)
			swt_must_arm(item, delays[i]);
		cancel = swt_cancel_start(item);
		swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING));
		swt_release(item);
		KUNIT_EXPECT_EQ(test, swt_join(cancel), delays[i] >= 0);
		KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	}
}

static void cancel_in_put_ref_prevents_the_next_run(struct kunit *test)
{
	static const long delays[] = { -1, 0, SWT_NEVER };
	struct swt *t = test->priv;
	struct swt_thread *cancel;
	struct swt_item *item;
	int i;

	for (i = 0; i < ARRAY_SIZE(delays); i++) {
		item = item_in_put_ref(t);
		if (delays[i] >= 0)
			swt_must_arm(item, delays[i]);
		cancel = swt_cancel_start(item);
		swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING) && swt_blocked(cancel));
		swt_open(item->put_gate);
		KUNIT_EXPECT_EQ(test, swt_join(cancel), delays[i] >= 0);
		KUNIT_EXPECT_TRUE(test, cancel->seen_at_rest);
		KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	}
}

static void of_several_cancels_one_prevents_it(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_thread *cancels[4];
	int i, sum = 0;

	swt_one_thread(t);
	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	for (i = 0; i < ARRAY_SIZE(cancels); i++)
		cancels[i] = swt_cancel_start(item);
	for (i = 0; i < ARRAY_SIZE(cancels); i++)
		swt_wait(t, swt_blocked(cancels[i]));
	swt_open(item->put_gate);
	for (i = 0; i < ARRAY_SIZE(cancels); i++)
		sum += swt_join(cancels[i]);
	KUNIT_EXPECT_EQ(test, sum, 1);
}

/* ---- races -------------------------------------------------------------- */

/*
 * One enqueues, others take back.  Each enqueue is answered before the next: by
 * a run, or by one try that said true.
 */
struct ledger {
	struct swt_item *item;
	atomic_t enqueues;
	atomic_t taken;
	atomic_t over;			/* nothing more is enqueued */
};

static bool answered(struct ledger *ledger)
{
	return swt_starts(ledger->item) + atomic_read(&ledger->taken) ==
	       atomic_read(&ledger->enqueues);
}

static int enqueue_and_see(struct swt_thread *thread)
{
	struct ledger *ledger = thread->arg;
	struct swt_item *item = ledger->item;
	struct swt_budget budget = swt_budget();
	int ret = 0;

	while (!ret && swt_more(thread->t, &budget)) {
		atomic_inc(&ledger->enqueues);
		ret = item->kind == SWT_DELAYED ? swt_arm(item, swt_random(3)) :
						  swt_enqueue(item);
		if (!ret && !swt_comes_true(thread->t, answered(ledger)))
			ret = -ETIMEDOUT;
		/* It may execute or be put still: then the next is deferred */
		swt_jitter(10);
	}
	atomic_set(&ledger->over, 1);
	return ret;
}

static int try_again_and_again(struct swt_thread *thread)
{
	struct ledger *ledger = thread->arg;

	while (!atomic_read(&ledger->over) && !READ_ONCE(thread->t->stop)) {
		if (swt_try_cancel(ledger->item)) {
			atomic_inc(&ledger->taken);
			swt_poke(thread->t);
		}
		swt_jitter(swt_random(2) ? 10 : 100);
		/* Against the end of a delay, which is at a tick */
		if (swt_random(4) == 0)
			usleep_range(1, 2 * jiffies_to_usecs(1));
		cond_resched();
	}
	return 0;
}

static void jitter(struct swt_item *item)
{
	swt_jitter(20);
}

static void expect_books_balance(struct swt *t, enum swt_kind kind, bool atomic)
{
	struct ledger *ledger = swt_alloc(t, sizeof(*ledger));
	struct swt_thread *threads[3];
	int i;

	ledger->item = atomic ? atomic_item(t, kind, true) : swt_item(t, kind);
	ledger->item->on_execute = jitter;
	ledger->item->on_put = jitter;
	swt_pool(t, 4, 4);
	threads[0] = swt_start(t, enqueue_and_see, ledger);
	threads[1] = swt_start(t, try_again_and_again, ledger);
	threads[2] = swt_start(t, try_again_and_again, ledger);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ(t->test, swt_join(threads[i]), 0);
	swt_wait(t, swt_at_rest(ledger->item));
	KUNIT_EXPECT_TRUE(t->test, answered(ledger));
	ledger->item->on_put = NULL;
	expect_good_as_new(ledger->item);
}

static void against_a_thread_that_takes_it(struct kunit *test)
{
	expect_books_balance(test->priv, SWT_SLOW, false);
	expect_books_balance(test->priv, SWT_SLOW, true);
}

static void against_the_end_of_its_delay(struct kunit *test)
{
	expect_books_balance(test->priv, SWT_DELAYED, false);
	expect_books_balance(test->priv, SWT_DELAYED, true);
}

/* So put_ref may be called by whoever executes, takes it back or reads */
static void against_readers_of_runqueue(struct kunit *test)
{
	struct swt *t = test->priv;
	struct ledger *ledger = swt_alloc(t, sizeof(*ledger));
	struct swt_thread *threads[3];
	int i;

	if (!IS_ENABLED(CONFIG_SLOW_WORK_DEBUG))
		kunit_skip(test, "built without runqueue");
	ledger->item = swt_item(t, SWT_DELAYED);
	swt_pool(t, 4, 4);
	threads[0] = swt_start(t, enqueue_and_see, ledger);
	threads[1] = swt_start(t, try_again_and_again, ledger);
	threads[2] = swt_start(t, try_again_and_again, ledger);
	/* Each turn leaves some memory behind until the end of the case */
	for (i = 0; i < 500 && !swt_done(threads[0]); i++)
		swt_runqueue(t);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ(test, swt_join(threads[i]), 0);
	swt_wait(t, swt_at_rest(ledger->item));
	KUNIT_EXPECT_TRUE(test, answered(ledger));
}

static struct kunit_case try_cancel_cases[] = {
	KUNIT_CASE(item_at_rest),
	KUNIT_CASE(queued_item_does_not_run),
	KUNIT_CASE(enqueue_afterwards_is_accepted),
	KUNIT_CASE(armed_item_does_not_run),
	KUNIT_CASE(execute_is_not_waited_for),
	KUNIT_CASE(deferred_item_does_not_run_again),
	KUNIT_CASE(item_executing_and_armed),
	KUNIT_CASE(deferred_again_afterwards_it_runs),
	KUNIT_CASE(from_execute_it_takes_back_what_that_deferred),
	KUNIT_CASE(put_ref_is_not_waited_for),
	KUNIT_CASE(enqueued_in_put_ref_it_is_put_once_more),
	KUNIT_CASE(put_for_the_last_time_it_is_not_looked_at),
	KUNIT_CASE(enqueued_in_put_ref_again_and_again),
	KUNIT_CASE(armed_in_put_ref_after_it_was_taken_back),
	KUNIT_CASE(armed_in_the_put_ref_that_it_calls),
	KUNIT_CASE(enqueued_in_the_put_ref_that_it_calls_it_runs),
	KUNIT_CASE(enqueued_in_the_put_ref_of_any_task),
	KUNIT_CASE(enqueued_in_the_put_ref_of_a_task_that_is_another),
	KUNIT_CASE(enqueued_in_the_put_ref_that_it_calls),
	KUNIT_CASE(cancel_waits_for_the_put_ref_that_it_calls),
	KUNIT_CASE(cancel_under_way_leaves_nothing_to_take),
	KUNIT_CASE(described_queued_item_runs),
	KUNIT_CASE(described_by_several_it_runs),
	KUNIT_CASE(described_armed_item_stays_armed),
	KUNIT_CASE(described_it_can_be_cancelled),
	KUNIT_CASE(described_it_can_be_flushed),
	KUNIT_CASE(described_executing_item_runs_again_or_not),
	KUNIT_CASE(once_it_is_true_the_item_is_not_touched),
	KUNIT_CASE(tried_in_hard_irq),
	KUNIT_CASE(tried_in_softirq),
	KUNIT_CASE(tried_with_interrupts_off),
	KUNIT_CASE(tried_under_a_lock),
	KUNIT_CASE(enqueued_in_the_put_ref_of_an_interrupt),
	KUNIT_CASE(tried_in_hard_irq_it_wakes_who_waits),
	KUNIT_CASE(cancel_of_an_item_at_rest_prevents_nothing),
	KUNIT_CASE(cancel_of_a_pending_item_prevents_its_run),
	KUNIT_CASE(cancel_of_an_executing_item_prevents_the_next_run),
	KUNIT_CASE(cancel_in_put_ref_prevents_the_next_run),
	KUNIT_CASE(of_several_cancels_one_prevents_it),
	KUNIT_CASE(against_a_thread_that_takes_it),
	KUNIT_CASE(against_the_end_of_its_delay),
	KUNIT_CASE(against_readers_of_runqueue),
	{}
};

static struct kunit_suite try_cancel_suite = {
	.name = "slow_work_try_cancel",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = try_cancel_cases,
};

kunit_test_suite(try_cancel_suite);
