// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * delayed_slow_work_reduce(): the item runs after a delay that counts from now, or
 * earlier if it would have anyway.  delayed_slow_work_left(): how long that is.
 */

#include <linux/delay.h>

#include "helper.h"

static int reduce(struct swt_item *item, unsigned long delay)
{
	item->armed_at = jiffies;
	return delayed_slow_work_reduce(&item->dwork, delay);
}

static unsigned long left(struct swt_item *item)
{
	return delayed_slow_work_left(&item->dwork);
}

static void item_at_rest_is_armed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	KUNIT_EXPECT_EQ(test, left(item), 0UL);
	KUNIT_ASSERT_EQ(test, reduce(item, HZ / 10), 0);
	swt_expect_one_run(item);
	KUNIT_EXPECT_TRUE(test, swt_due(item, HZ / 10));
	KUNIT_EXPECT_EQ(test, left(item), 0UL);
}

static void item_at_rest_is_queued_without_a_delay(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_one_thread(t);
	KUNIT_ASSERT_EQ(test, reduce(item, 0), 0);
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_TRUE(test, slow_work_is_queued(&item->work));
	swt_release(t->held[0]);
	swt_expect_one_run(item);
}

static void shorter_delay_brings_it_forward(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_must_arm(item, SWT_NEVER);
	KUNIT_ASSERT_EQ(test, reduce(item, HZ / 10), 0);
	KUNIT_EXPECT_LE(test, left(item), (unsigned long)HZ / 10);
	swt_expect_one_run(item);
	KUNIT_EXPECT_TRUE(test, swt_due(item, HZ / 10));
}

static void armed_item_is_queued_without_a_delay(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_must_arm(item, SWT_NEVER);
	KUNIT_ASSERT_EQ(test, reduce(item, 0), 0);
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_DELAYED));
	swt_expect_one_run(item);
}

static void longer_delay_changes_nothing(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	unsigned long expires;

	swt_must_arm(item, SWT_NEVER);
	expires = item->dwork.timer.expires;
	KUNIT_ASSERT_EQ(test, reduce(item, 2 * SWT_NEVER), 0);
	KUNIT_ASSERT_EQ(test, reduce(item, SWT_NEVER + HZ), 0);
	KUNIT_EXPECT_EQ(test, item->dwork.timer.expires, expires);
	KUNIT_EXPECT_LE(test, left(item), SWT_NEVER);
	KUNIT_EXPECT_GT(test, left(item), SWT_NEVER / 2);
	swt_cancel(item);
	KUNIT_EXPECT_EQ(test, left(item), 0UL);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 1);

	/* Nor does one that runs out meanwhile */
	item = swt_item(t, SWT_DELAYED);
	swt_must_arm(item, HZ / 10);
	KUNIT_ASSERT_EQ(test, delayed_slow_work_reduce(&item->dwork, SWT_NEVER), 0);
	/* Too late for that one on a slow host: then it is armed anew while it executes */
	if (left(item) > HZ / 10) {
		swt_wait(t, swt_starts(item));
		swt_cancel(item);
	} else {
		swt_expect_one_run(item);
	}
}

static void queued_item_keeps_its_place(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED), *second = swt_item(t, SWT_SLOW);

	swt_one_thread(t);
	swt_must_enqueue(item);
	swt_must_enqueue(second);
	KUNIT_ASSERT_EQ(test, reduce(item, SWT_NEVER), 0);
	KUNIT_ASSERT_EQ(test, reduce(item, 0), 0);
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_EQ(test, left(item), 0UL);
	swt_release(t->held[0]);
	swt_expect_one_run(item);
	swt_wait(t, swt_at_rest(second));
	KUNIT_EXPECT_LT(test, item->order, second->order);
}

static void executing_item_is_armed_and_brought_forward(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);

	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
	KUNIT_ASSERT_EQ(test, reduce(item, SWT_NEVER), 0);
	KUNIT_EXPECT_TRUE(test, swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_GT(test, left(item), SWT_NEVER / 2);
	KUNIT_ASSERT_EQ(test, reduce(item, 2), 0);
	swt_release(item);
	swt_wait(t, swt_runs(item) == 2 && swt_at_rest(item));
	KUNIT_EXPECT_TRUE(test, swt_due(item, 2));
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 1);
}

static void deferred_item_stays_deferred(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);

	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
	swt_must_enqueue(item);
	KUNIT_ASSERT_EQ(test, reduce(item, SWT_NEVER), 0);
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_DELAYED));
	swt_release(item);
	swt_wait(t, swt_runs(item) == 2 && swt_at_rest(item));
}

/* These a timer takes in several goes */
static void longest_delays(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_must_arm(item, MAX_JIFFY_OFFSET - 1);
	KUNIT_EXPECT_GT(test, left(item), MAX_JIFFY_OFFSET / 2);
	KUNIT_ASSERT_EQ(test, reduce(item, ULONG_MAX), 0);
	KUNIT_EXPECT_LT(test, left(item), (unsigned long)MAX_JIFFY_OFFSET);
	swt_cancel(item);

	swt_must_arm(item, MAX_JIFFY_OFFSET + 1UL);
	KUNIT_EXPECT_GE(test, left(item), MAX_JIFFY_OFFSET - SWT_NEVER);
	KUNIT_ASSERT_EQ(test, reduce(item, SWT_NEVER), 0);
	KUNIT_EXPECT_LE(test, left(item), SWT_NEVER);
	swt_cancel(item);

	/* What no timer takes at once is told in whole, as far as it is kept */
	swt_must_arm(item, ULONG_MAX);
	KUNIT_EXPECT_GT(test, left(item), MAX_JIFFY_OFFSET + SWT_NEVER);
	swt_cancel(item);
}

/* The timer may yet have to come */
static void nothing_is_left_of_a_delay_that_has_run_out(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	unsigned long armed;

	swt_must_arm(item, 1);
	armed = jiffies;
	while (!time_after(jiffies, armed)) {
		udelay(5);
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, left(item), 0UL);
	swt_expect_one_run(item);
}

static void while_a_cancel_is_under_way(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);
	struct swt_thread *cancel;

	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
	cancel = swt_cancel_start(item);
	swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING));
	KUNIT_EXPECT_EQ(test, reduce(item, 1), -ECANCELED);
	swt_release(item);
	swt_join(cancel);
	KUNIT_EXPECT_TRUE(test, cancel->seen_at_rest);
}

static void where_get_ref_refuses(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	item->get_result = -EAGAIN;
	KUNIT_EXPECT_EQ(test, reduce(item, 1), -EAGAIN);
	KUNIT_EXPECT_TRUE(test, swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, left(item), 0UL);
}

static int reduce_at_random(struct swt_thread *thread)
{
	struct swt_budget budget = swt_budget();
	struct swt_item *item = thread->arg;
	int ret;

	while (swt_more(thread->t, &budget)) {
		ret = swt_random(4) ? delayed_slow_work_reduce(&item->dwork, swt_random(3)) :
				      swt_mod(item, swt_random(6));
		if (ret && ret != -ECANCELED)
			return ret;
		if (left(item) > 6)
			return -ERANGE;
		swt_jitter(10);
	}
	return 0;
}

static void against_each_other(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	struct swt_thread *threads[3];
	int i, before;

	swt_pool(t, 4, 4);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = swt_start(t, reduce_at_random, item);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ(test, swt_join(threads[i]), 0);
	swt_wait(t, swt_at_rest(item));
	before = swt_runs(item);
	KUNIT_ASSERT_EQ(test, reduce(item, 1), 0);
	swt_wait(t, swt_runs(item) == before + 1 && swt_at_rest(item));
}

static struct kunit_case reduce_cases[] = {
	KUNIT_CASE(item_at_rest_is_armed),
	KUNIT_CASE(item_at_rest_is_queued_without_a_delay),
	KUNIT_CASE(shorter_delay_brings_it_forward),
	KUNIT_CASE(armed_item_is_queued_without_a_delay),
	KUNIT_CASE(longer_delay_changes_nothing),
	KUNIT_CASE(queued_item_keeps_its_place),
	KUNIT_CASE(executing_item_is_armed_and_brought_forward),
	KUNIT_CASE(deferred_item_stays_deferred),
	KUNIT_CASE(longest_delays),
	KUNIT_CASE(nothing_is_left_of_a_delay_that_has_run_out),
	KUNIT_CASE(while_a_cancel_is_under_way),
	KUNIT_CASE(where_get_ref_refuses),
	KUNIT_CASE(against_each_other),
	{}
};

static struct kunit_suite reduce_suite = {
	.name = "slow_work_reduce",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = reduce_cases,
};

kunit_test_suite(reduce_suite);
