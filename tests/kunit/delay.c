// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Promise 5: a delayed item is queued once its delay has run out, never
 * earlier; delay 0 is a plain enqueue; a delay may be armed during execute.
 */

#include <linux/bottom_half.h>
#include <linux/ktime.h>
#include <linux/timer.h>

#include "../compat.h"
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

static void note_time(struct swt_item *item)
{
	item->value = ktime_get_ns();
}

/* Where time travels it is exact: the tick that has partly passed does not count, nor more */
static void not_by_a_part_of_a_tick(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;
	u64 since;
	int i;

	if (!swt_time_travel())
		return;
	for (i = 1; i < 4; i++) {
		item = swt_item(t, SWT_DELAYED);
		item->on_execute = note_time;
		schedule_timeout_uninterruptible(1);
		swt_take_time();
		since = ktime_get_ns();
		swt_must_arm(item, i);
		swt_wait(t, swt_runs(item) == 1);
		KUNIT_EXPECT_GE(test, (u64)item->value - since, jiffies_to_nsecs(i));
		KUNIT_EXPECT_LT(test, (u64)item->value - since,
				jiffies_to_nsecs(i + 1) + NSEC_PER_MSEC);
	}
}

/* The timer's function is called by hand, as the timer wheel does where its range ends */
static void call_timer(struct swt_item *item)
{
	struct timer_list *timer = &item->dwork.timer;

	local_bh_disable();
	timer_delete(timer);
	delayed_slow_work_timer(timer);
	local_bh_enable();
}

static void timer_that_goes_off_early_goes_on(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	struct timer_list *timer = &item->dwork.timer;
	/* Where the time is the host's, it is not over before it is looked at */
	unsigned long expires, rest = swt_time_travel() ? 4 : 10 * HZ;

	swt_must_arm(item, SWT_NEVER);
	expires = timer->expires;
	call_timer(item);
	expect_armed(item);
	KUNIT_EXPECT_EQ(test, timer->expires, expires);
	swt_cancel(item);
	/* Longer than a timer can be: then come the rest, and the item */
	swt_must_arm(item, MAX_JIFFY_OFFSET + rest);
	timer_delete(timer);
	timer->expires = jiffies;
	call_timer(item);
	KUNIT_EXPECT_TRUE(test, swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_FALSE(test, time_after(timer->expires, jiffies + rest + 2));
	if (!swt_time_travel())
		KUNIT_EXPECT_EQ(test, delayed_slow_work_mod(&item->dwork, 1), 0);
	swt_wait(t, swt_runs(item) == 1);
}

/* As debugobjects does it to a timer that is freed */
static void cancelled_though_its_timer_was_stopped(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_must_arm(item, SWT_NEVER);
	timer_delete(&item->dwork.timer);
	KUNIT_EXPECT_TRUE(test, swt_try_cancel(item));
	KUNIT_EXPECT_TRUE(test, swt_at_rest(item));
	swt_must_arm(item, SWT_NEVER);
	timer_delete(&item->dwork.timer);
	KUNIT_EXPECT_EQ(test, swt_join(swt_cancel_start(item)), 1);
}

/* ---- while the timer's function is under way ----------------------------- */

/* What is called there, before and after that has had the pool's lock */
struct in_timer {
	void (*before)(struct swt_item *item);
	void (*after)(struct swt_item *item);
	int results[4];			/* theirs */
	bool over;
};

static void within_timer(struct timer_list *timer)
{
	struct swt_item *item = container_of(timer, struct swt_item, dwork.timer);
	struct in_timer *in = item->data;

	/* An enqueue looks at that */
	timer->function = delayed_slow_work_timer;
	if (in->before)
		in->before(item);
	delayed_slow_work_timer(timer);
	if (in->after)
		in->after(item);
	/* Pairs with results_in_timer() */
	smp_store_release(&in->over, true);
	swt_poke(item->t);
}

/* Items without put_ref may be taken back there */
static struct swt_item *new_in_timer(struct swt *t, void (*before)(struct swt_item *item),
				     void (*after)(struct swt_item *item))
{
	struct slow_work_ops *ops = swt_ops_of(t, THIS_MODULE);
	struct in_timer *in = swt_alloc(t, sizeof(*in));
	struct swt_item *item;

	ops->get_ref = NULL;
	ops->put_ref = NULL;
	item = swt_item_ops(t, SWT_DELAYED, ops);
	in->before = before;
	in->after = after;
	item->data = in;
	return item;
}

/* What these have noted, when it is over */
static const int *results_in_timer(struct swt_item *item)
{
	struct in_timer *in = item->data;

	swt_must_arm(item, SWT_NEVER);
	item->dwork.timer.function = within_timer;
	mod_timer(&item->dwork.timer, jiffies + 1);
	/* Pairs with within_timer() */
	swt_wait(item->t, smp_load_acquire(&in->over));
	return in->results;
}

static void arm_for_longer(struct swt_item *item)
{
	struct in_timer *in = item->data;

	in->results[0] = swt_mod(item, SWT_NEVER);
	in->results[1] = swt_try_cancel(item);
}

static void try_to_cancel(struct swt_item *item)
{
	struct in_timer *in = item->data;

	in->results[2] = swt_try_cancel(item);
	in->results[3] = swt_flag(item, SLOW_WORK_DELAYED);
}

/* The function that comes finds it armed anew; until then it cannot be taken back */
static void armed_anew_as_its_timer_comes(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = new_in_timer(t, arm_for_longer, NULL);
	const int *results = results_in_timer(item);

	KUNIT_EXPECT_EQ(test, results[0], 0);
	KUNIT_EXPECT_EQ(test, results[1], 0);
	swt_settle(t);
	expect_armed(item);
	KUNIT_EXPECT_EQ(test, swt_mod(item, 2), 0);
	swt_wait(t, swt_runs(item) == 1);
	KUNIT_EXPECT_TRUE(test, swt_due(item, 2));
}

/* It has come: what is armed now is not its */
static void taken_back_when_its_timer_has_come(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = new_in_timer(t, arm_for_longer, try_to_cancel);
	const int *results = results_in_timer(item);

	KUNIT_EXPECT_EQ(test, results[2], 1);
	KUNIT_EXPECT_EQ(test, results[3], 0);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
	KUNIT_EXPECT_FALSE(test, timer_pending(&item->dwork.timer));
	KUNIT_EXPECT_TRUE(test, swt_at_rest(item));
}

static void try_cancel_and_enqueue(struct swt_item *item)
{
	struct in_timer *in = item->data;

	in->results[0] = swt_try_cancel(item);
	in->results[1] = swt_enqueue(item);
}

/* Taken off its queue and armed: nothing hinders that in the function that has come */
static void take_off_and_arm(struct swt_item *item)
{
	struct in_timer *in = item->data;

	/* On another processor a thread may have it */
	if (!swt_try_cancel(item))
		return;
	in->results[2] = swt_arm(item, SWT_NEVER) ?: swt_try_cancel(item);
	in->results[3] = swt_arm(item, 2);
}

static void not_taken_back_as_its_timer_comes(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = new_in_timer(t, try_cancel_and_enqueue, take_off_and_arm);
	const int *results = results_in_timer(item);

	KUNIT_EXPECT_EQ(test, results[0], 0);
	KUNIT_EXPECT_EQ(test, results[1], 0);
	if (swt_time_travel())
		KUNIT_EXPECT_EQ(test, results[2], 1);
	KUNIT_EXPECT_EQ(test, results[3], 0);
	swt_wait(t, swt_runs(item) == 1);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 1);
}

static void arm_anew_and_stop(struct swt_item *item)
{
	struct in_timer *in = item->data;
	struct timer_list *timer = &item->dwork.timer;

	in->results[0] = swt_mod(item, 1);
	timer_delete(timer);
	timer->expires = jiffies;
}

/* Nothing is left of what was noted for a timer that was stopped then */
static void armed_anew_and_stopped_as_its_timer_comes(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = new_in_timer(t, arm_anew_and_stop, take_off_and_arm);
	const int *results = results_in_timer(item);

	KUNIT_EXPECT_EQ(test, results[0], 0);
	if (swt_time_travel())
		KUNIT_EXPECT_EQ(test, results[2], 1);
	swt_wait(t, swt_runs(item) == 1);
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
	KUNIT_CASE(not_by_a_part_of_a_tick),
	KUNIT_CASE(timer_that_goes_off_early_goes_on),
	KUNIT_CASE(cancelled_though_its_timer_was_stopped),
	KUNIT_CASE(armed_anew_as_its_timer_comes),
	KUNIT_CASE(taken_back_when_its_timer_has_come),
	KUNIT_CASE(not_taken_back_as_its_timer_comes),
	KUNIT_CASE(armed_anew_and_stopped_as_its_timer_comes),
	{}
};

static struct kunit_suite delay_suite = {
	.name = "slow_work_delay",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = delay_cases,
};

kunit_test_suite(delay_suite);
