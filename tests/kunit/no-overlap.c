// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Promise 2: execute of one item never runs in two threads at once; what is
 * enqueued during execute is deferred to its end.  Every item's execute looks
 * whether it is alone (SWT_OVERLAP); each case's exit asserts that it was.
 */

#include "helper.h"

static void expect_deferred(struct swt *t, enum swt_kind kind, int enqueues)
{
	struct swt_item *item = swt_blocker(t, kind);

	swt_pool(t, 4, 4);
	swt_must_execute(item);
	while (enqueues--)
		swt_must_enqueue(item);
	/* There are threads free to do it wrong */
	swt_settle(t);
	KUNIT_EXPECT_EQ(t->test, swt_starts(item), 1);
	swt_release(item);
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_EQ(t->test, swt_runs(item), 2);
}

static void enqueue_during_execute_is_deferred(struct kunit *test)
{
	expect_deferred(test->priv, SWT_SLOW, 1);
}

static void enqueue_of_very_slow_is_deferred(struct kunit *test)
{
	expect_deferred(test->priv, SWT_VSLOW, 1);
}

static void enqueues_during_execute_are_one_run(struct kunit *test)
{
	expect_deferred(test->priv, SWT_SLOW, 5);
}

static void delay_that_ends_during_execute_is_deferred(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);
	struct swt_item *later = swt_item(t, SWT_DELAYED);

	swt_must_execute(item);
	swt_must_arm(item, 2);
	swt_must_arm(later, 4);
	swt_wait(t, swt_runs(later) == 1);
	swt_wait(t, !swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_EQ(test, swt_starts(item), 1);
	swt_release(item);
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, swt_runs(item), 2);
}

/* The order of promise 7, with the item's own run in between */
static void deferred_item_goes_to_the_tail(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_item *second = swt_item(t, SWT_SLOW);

	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	swt_must_execute(item);
	swt_must_enqueue(item);
	swt_must_enqueue(second);
	swt_release(item);
	swt_wait(t, swt_at_rest(item) && swt_at_rest(second));
	KUNIT_EXPECT_EQ(test, swt_runs(item), 2);
	KUNIT_EXPECT_LT(test, second->order, item->order);
}

static void enqueue_self(struct swt_item *item)
{
	if (item->value-- > 0)
		item->result |= swt_enqueue(item);
}

static void item_that_enqueues_itself_runs_again(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	item->on_execute = enqueue_self;
	item->value = 100;
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 101);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 101);
	KUNIT_EXPECT_EQ(test, item->result, 0);
}

static void stay_a_little(struct swt_item *item)
{
	swt_jitter(30);
}

static int enqueue_often(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;
	struct swt_budget budget = swt_budget();
	int ret = 0;

	while (swt_more(thread->t, &budget)) {
		ret |= item->kind == SWT_DELAYED && swt_random(2) ?
				swt_arm(item, swt_random(2)) : swt_enqueue(item);
		swt_jitter(30);
	}
	return ret;
}

static void never_twice_at_once_however_enqueued(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *slow = swt_item(t, SWT_SLOW);
	struct swt_item *delayed = swt_item(t, SWT_DELAYED);
	struct swt_thread *threads[4];
	int i;

	swt_pool(t, 4, 4);
	slow->on_execute = stay_a_little;
	delayed->on_execute = stay_a_little;
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = swt_start(t, enqueue_often, i % 2 ? slow : delayed);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ(test, swt_join(threads[i]), 0);
	swt_wait(t, swt_at_rest(slow) && swt_at_rest(delayed));
	KUNIT_EXPECT_FALSE(test, test_bit(SWT_OVERLAP, &slow->faults));
	KUNIT_EXPECT_FALSE(test, test_bit(SWT_OVERLAP, &delayed->faults));
}

static struct kunit_case no_overlap_cases[] = {
	KUNIT_CASE(enqueue_during_execute_is_deferred),
	KUNIT_CASE(enqueue_of_very_slow_is_deferred),
	KUNIT_CASE(enqueues_during_execute_are_one_run),
	KUNIT_CASE(delay_that_ends_during_execute_is_deferred),
	KUNIT_CASE(deferred_item_goes_to_the_tail),
	KUNIT_CASE(item_that_enqueues_itself_runs_again),
	KUNIT_CASE(never_twice_at_once_however_enqueued),
	{}
};

static struct kunit_suite no_overlap_suite = {
	.name = "slow_work_no_overlap",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = no_overlap_cases,
};

kunit_test_suite(no_overlap_suite);
