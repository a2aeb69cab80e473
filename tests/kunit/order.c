// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Promise 7: within its class, items are taken in the order in which they
 * joined the queue; a delayed or deferred item joins when its delay ends or its
 * execute returns.  In all cases one single thread serves the queues.
 */

#include "helper.h"

#define NR_ITEMS	20

static void expect_order(struct swt *t, struct swt_item **items, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		swt_wait(t, swt_at_rest(items[i]));
	for (i = 1; i < nr; i++)
		KUNIT_EXPECT_LT(t->test, items[i - 1]->order, items[i]->order);
}

static void queue_is_served_first_come_first(struct swt *t, enum swt_kind kind)
{
	struct swt_item *items[NR_ITEMS];
	int i;

	swt_one_thread(t);
	for (i = 0; i < NR_ITEMS; i++) {
		items[i] = swt_item(t, kind);
		swt_must_enqueue(items[i]);
	}
	swt_release(t->held[0]);
	expect_order(t, items, NR_ITEMS);
}

static void slow_items_keep_their_order(struct kunit *test)
{
	queue_is_served_first_come_first(test->priv, SWT_SLOW);
}

static void very_slow_items_keep_their_order(struct kunit *test)
{
	queue_is_served_first_come_first(test->priv, SWT_VSLOW);
}

static void merged_enqueue_keeps_the_place(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[3];
	int i;

	swt_one_thread(t);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_item(t, SWT_SLOW);
		swt_must_enqueue(items[i]);
	}
	swt_must_enqueue(items[0]);
	swt_release(t->held[0]);
	expect_order(t, items, ARRAY_SIZE(items));
}

static void cancelled_item_loses_its_place(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[2] = { swt_item(t, SWT_SLOW), swt_item(t, SWT_SLOW) };

	swt_one_thread(t);
	swt_must_enqueue(items[1]);
	swt_must_enqueue(items[0]);
	swt_cancel(items[1]);
	swt_must_enqueue(items[1]);
	swt_release(t->held[0]);
	expect_order(t, items, 2);
}

/*
 * Arms @item and calls @then, which must come before the delay ends: on a machine
 * that was too slow for that, it is done anew with a longer delay.
 */
static void arm_and_then(struct swt_item *item, struct swt_item *other,
			 void (*then)(struct swt_item *item, struct swt_item *other))
{
	unsigned long delay = HZ / 5;

	for (;;) {
		swt_must_arm(item, delay);
		then(item, other);
		if (swt_flag(item, SLOW_WORK_DELAYED))
			return;
		swt_cancel(item);
		swt_cancel(other);
		delay *= 2;
	}
}

static void enqueue_other(struct swt_item *item, struct swt_item *other)
{
	swt_must_enqueue(other);
}

/* The delay's end, not the arming, gives the place */
static void delayed_item_joins_when_its_delay_ends(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *between = swt_item(t, SWT_SLOW);
	struct swt_item *armed = swt_item(t, SWT_DELAYED);
	struct swt_item *after = swt_item(t, SWT_SLOW);
	struct swt_item *items[] = { between, armed, after };

	swt_one_thread(t);
	arm_and_then(armed, between, enqueue_other);
	swt_wait(t, !swt_flag(armed, SLOW_WORK_DELAYED));
	swt_must_enqueue(after);
	swt_release(t->held[0]);
	expect_order(t, items, ARRAY_SIZE(items));
}

static void arm_other(struct swt_item *item, struct swt_item *other)
{
	swt_must_arm(other, 1);
	swt_wait(item->t, !swt_flag(other, SLOW_WORK_DELAYED));
}

static void shorter_delay_armed_later_comes_first(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *lengthy = swt_item(t, SWT_DELAYED);
	struct swt_item *brief = swt_item(t, SWT_DELAYED);
	struct swt_item *items[] = { brief, lengthy };

	swt_one_thread(t);
	arm_and_then(lengthy, brief, arm_other);
	swt_wait(t, !swt_flag(brief, SLOW_WORK_DELAYED) && !swt_flag(lengthy, SLOW_WORK_DELAYED));
	swt_release(t->held[0]);
	expect_order(t, items, ARRAY_SIZE(items));
}

static void enqueue_both(struct swt_item *item, struct swt_item *other)
{
	swt_must_enqueue(item);
	swt_must_enqueue(other);
}

static void plain_enqueue_gives_an_armed_item_no_place(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *armed = swt_item(t, SWT_DELAYED);
	struct swt_item *after = swt_item(t, SWT_SLOW);
	struct swt_item *items[] = { after, armed };

	swt_one_thread(t);
	arm_and_then(armed, after, enqueue_both);
	swt_wait(t, !swt_flag(armed, SLOW_WORK_DELAYED));
	swt_release(t->held[0]);
	expect_order(t, items, ARRAY_SIZE(items));
}

static void deferred_item_joins_when_execute_returns(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_item *items[] = { swt_item(t, SWT_SLOW), swt_item(t, SWT_SLOW), item };

	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	swt_must_execute(item);
	swt_must_enqueue(items[0]);
	swt_must_enqueue(item);
	swt_must_enqueue(items[1]);
	swt_release(item);
	swt_wait(t, swt_runs(item) == 2);
	expect_order(t, items, ARRAY_SIZE(items));
}

static void delay_ended_in_execute_joins_when_execute_returns(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);
	struct swt_item *items[] = { swt_item(t, SWT_SLOW), item };

	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	swt_must_execute(item);
	swt_must_arm(item, 1);
	swt_wait(t, !swt_flag(item, SLOW_WORK_DELAYED));
	swt_must_enqueue(items[0]);
	swt_release(item);
	swt_wait(t, swt_runs(item) == 2);
	expect_order(t, items, ARRAY_SIZE(items));
}

static struct kunit_case order_cases[] = {
	KUNIT_CASE(slow_items_keep_their_order),
	KUNIT_CASE(very_slow_items_keep_their_order),
	KUNIT_CASE(merged_enqueue_keeps_the_place),
	KUNIT_CASE(cancelled_item_loses_its_place),
	KUNIT_CASE(delayed_item_joins_when_its_delay_ends),
	KUNIT_CASE(shorter_delay_armed_later_comes_first),
	KUNIT_CASE(plain_enqueue_gives_an_armed_item_no_place),
	KUNIT_CASE(deferred_item_joins_when_execute_returns),
	KUNIT_CASE(delay_ended_in_execute_joins_when_execute_returns),
	{}
};

static struct kunit_suite order_suite = {
	.name = "slow_work_order",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = order_cases,
};

kunit_test_suite(order_suite);
