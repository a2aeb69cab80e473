// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Promise 5: a delayed item is queued once its delay has run out, never
 * earlier; delay 0 is a plain enqueue; a delay may be armed during execute.
 */

#include "helper.h"

static void never_earlier_than_the_delay(struct kunit *test)
{
	static const unsigned long delays[] = { 1, 2, 3, 4, 5, 7, 11, 16, 25, 37, 50 };
	struct swt *t = test->priv;
	struct swt_item *items[ARRAY_SIZE(delays)];
	int i, n;

	for (i = 0; i < ARRAY_SIZE(delays); i++)
		items[i] = swt_item(t, SWT_DELAYED);
	for (n = 1; n <= 3; n++) {
		for (i = 0; i < ARRAY_SIZE(delays); i++)
			swt_must_arm(items[i], delays[i]);
		for (i = 0; i < ARRAY_SIZE(delays); i++) {
			swt_wait(t, swt_runs(items[i]) == n && swt_at_rest(items[i]));
			KUNIT_EXPECT_FALSE(test, time_before(items[i]->started_at,
							     items[i]->armed_at + delays[i]));
		}
	}
}

static void armed_item_is_marked(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_must_arm(item, SWT_NEVER);
	KUNIT_EXPECT_TRUE(test, swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_TRUE(test, swt_flag(item, SLOW_WORK_PENDING));
	KUNIT_EXPECT_TRUE(test, slow_work_is_queued(&item->work));
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
}

static void delay_0_is_a_plain_enqueue(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	struct swt_item *second = swt_item(t, SWT_SLOW);

	swt_one_thread(t);
	swt_must_arm(item, 0);
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_TRUE(test, slow_work_is_queued(&item->work));
	swt_must_enqueue(second);
	swt_release(t->held[0]);
	swt_wait(t, swt_at_rest(item) && swt_at_rest(second));
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	KUNIT_EXPECT_LT(test, item->order, second->order);
}

static void armed_during_execute_runs_after_the_delay(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);

	swt_must_execute(item);
	swt_must_arm(item, HZ / 10);
	swt_release(item);
	swt_wait(t, swt_runs(item) == 2);
	KUNIT_EXPECT_FALSE(test, time_before(item->started_at, item->armed_at + HZ / 10));
}

static void plain_enqueue_of_item_armed_during_execute_waits(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);

	swt_must_execute(item);
	swt_must_arm(item, HZ / 10);
	/* Pending includes armed */
	swt_must_enqueue(item);
	swt_release(item);
	swt_wait(t, swt_runs(item) == 2 && swt_at_rest(item));
	KUNIT_EXPECT_FALSE(test, time_before(item->started_at, item->armed_at + HZ / 10));
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 2);
}

static void arm_self(struct swt_item *item)
{
	/* Runs 2 and later come from here */
	if (swt_starts(item) > 1 && time_before(item->started_at, item->armed_at + 3))
		item->result = -ETIME;
	if (item->value-- > 0 && swt_arm(item, 3))
		item->result = -EINVAL;
}

static void item_arms_itself_over_and_over(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	item->on_execute = arm_self;
	item->value = 10;
	swt_must_arm(item, 3);
	swt_wait(t, swt_runs(item) == 11);
	KUNIT_EXPECT_EQ(test, item->result, 0);
}

static void many_armed_items_all_run(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;
	int i;

	for (i = 0; i < 300; i++) {
		item = swt_item(t, SWT_DELAYED);
		item->value = 1 + i % 20;
		swt_must_arm(item, item->value);
	}
	list_for_each_entry(item, &t->items, list) {
		swt_wait(t, swt_at_rest(item));
		KUNIT_ASSERT_EQ(test, swt_runs(item), 1);
		KUNIT_EXPECT_FALSE(test, time_before(item->started_at,
						     item->armed_at + item->value));
	}
}

/* Some are longer than a timer can be: these it takes in several goes */
static const unsigned long long_delays[] = {
	MAX_JIFFY_OFFSET, MAX_JIFFY_OFFSET + 1UL, ULONG_MAX / 2, ULONG_MAX / 2 + 1,
	ULONG_MAX - 1, ULONG_MAX,
};

static void expect_armed(struct swt_item *item)
{
	KUNIT_EXPECT_TRUE(item->t->test, swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_TRUE(item->t->test, timer_pending(&item->dwork.timer));
	KUNIT_EXPECT_EQ(item->t->test, swt_starts(item), 0);
}

static void delays_of_any_length(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;
	int i;

	for (i = 0; i < ARRAY_SIZE(long_delays); i++) {
		item = swt_item(t, SWT_DELAYED);
		swt_must_arm(item, long_delays[i]);
		swt_settle(t);
		expect_armed(item);
		/* Merged, as with any that is armed */
		swt_must_enqueue(item);
		swt_settle(t);
		expect_armed(item);
		swt_cancel(item);
		KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
		KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 1);
	}
}

/* On 64 bits the longest that a timer takes is as good as for ever */
static void timer_that_ends_before_the_delay_goes_on(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;
	struct timer_list *timer;
	int i;

	if (BITS_PER_LONG > 32)
		return;
	/* For these it takes two at least */
	for (i = 2; i < ARRAY_SIZE(long_delays); i++) {
		item = swt_item(t, SWT_DELAYED);
		timer = &item->dwork.timer;
		swt_must_arm(item, long_delays[i]);
		/* The first is over, sooner than it would be */
		mod_timer(timer, jiffies + 1);
		swt_wait(t, timer_pending(timer) && time_after(timer->expires, jiffies + HZ));
		expect_armed(item);
		swt_cancel(item);
	}
}

/* Nothing is left of the long one */
static void long_delay_that_is_made_short(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;
	int i;

	for (i = 0; i < ARRAY_SIZE(long_delays); i++) {
		item = swt_item(t, SWT_DELAYED);
		swt_must_arm(item, long_delays[i]);
		KUNIT_EXPECT_EQ(test, swt_mod(item, 2), 0);
		swt_wait(t, swt_runs(item) == 1);
		KUNIT_EXPECT_TRUE(test, swt_due(item, 2));
		swt_wait(t, swt_at_rest(item));
		/* Cancelled, flushed: the next delay is what it is as well */
		swt_must_arm(item, long_delays[i]);
		KUNIT_EXPECT_EQ(test, swt_join(swt_cancel_start(item)), 1);
		swt_must_arm(item, 2);
		swt_wait(t, swt_runs(item) == 2 && swt_at_rest(item));
		swt_must_arm(item, long_delays[i]);
		KUNIT_EXPECT_EQ(test, swt_join(swt_flush_start(item)), 1);
		KUNIT_EXPECT_EQ(test, swt_runs(item), 3);
		swt_must_arm(item, 2);
		swt_wait(t, swt_runs(item) == 4 && swt_at_rest(item));
	}
}

static struct kunit_case delay_cases[] = {
	KUNIT_CASE(never_earlier_than_the_delay),
	KUNIT_CASE(armed_item_is_marked),
	KUNIT_CASE(delay_0_is_a_plain_enqueue),
	KUNIT_CASE(armed_during_execute_runs_after_the_delay),
	KUNIT_CASE(plain_enqueue_of_item_armed_during_execute_waits),
	KUNIT_CASE(item_arms_itself_over_and_over),
	KUNIT_CASE(many_armed_items_all_run),
	KUNIT_CASE(delays_of_any_length),
	KUNIT_CASE(timer_that_ends_before_the_delay_goes_on),
	KUNIT_CASE(long_delay_that_is_made_short),
	{}
};

static struct kunit_suite delay_suite = {
	.name = "slow_work_delay",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = delay_cases,
};

kunit_test_suite(delay_suite);
