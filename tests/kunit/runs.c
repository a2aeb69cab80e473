// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Promise 1: an accepted enqueue means that execute runs at least once after
 * it; enqueues of an item that is pending are merged into one run.
 */

#include "helper.h"

static void slow_item_runs(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	swt_must_run(item);
}

static void very_slow_item_runs(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_VSLOW);

	swt_must_run(item);
}

static void armed_item_runs(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_must_arm(item, 2);
	swt_wait(t, swt_runs(item) == 1);
}

static void each_enqueue_at_rest_is_a_run(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	int i;

	for (i = 1; i <= 20; i++) {
		swt_must_enqueue(item);
		swt_wait(t, swt_at_rest(item));
		KUNIT_ASSERT_EQ(test, swt_runs(item), i);
	}
}

static void enqueues_of_queued_item_are_one_run(struct kunit *test)
{
	static const enum swt_kind kinds[] = { SWT_SLOW, SWT_VSLOW, SWT_DELAYED };
	struct swt *t = test->priv;
	struct swt_item *items[ARRAY_SIZE(kinds)];
	int i, n;

	swt_one_thread(t);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		items[i] = swt_item(t, kinds[i]);
		for (n = 0; n < 3; n++)
			KUNIT_EXPECT_EQ(test, swt_enqueue(items[i]), 0);
	}
	swt_release(t->held[0]);
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		swt_wait(t, swt_at_rest(items[i]));
	swt_settle(t);
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		KUNIT_EXPECT_EQ(test, swt_runs(items[i]), 1);
}

static void arming_a_queued_item_is_merged(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	struct swt_item *later = swt_item(t, SWT_DELAYED);

	swt_one_thread(t);
	swt_must_enqueue(item);
	KUNIT_EXPECT_EQ(test, swt_arm(item, 2), 0);
	swt_release(t->held[0]);
	swt_wait(t, swt_at_rest(item));
	/* Had the delay been armed beside, it would be over before this one */
	swt_must_arm(later, 4);
	swt_wait(t, swt_at_rest(later));
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
}

static void expect_only_after(struct swt *t, struct swt_item *item, unsigned long due)
{
	struct swt_item *later = swt_item(t, SWT_DELAYED);

	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_FALSE(t->test, time_before(item->started_at, due));
	swt_must_arm(later, 2);
	swt_wait(t, swt_at_rest(later));
	KUNIT_EXPECT_EQ(t->test, swt_runs(item), 1);
}

static int arm_without_delay(struct swt_item *item)
{
	return swt_arm(item, 0);
}

static int arm_briefly(struct swt_item *item)
{
	return swt_arm(item, 1);
}

static void expect_delay_to_stay(struct swt *t, int (*again)(struct swt_item *item))
{
	struct swt_item *item;
	unsigned long due;

	item = swt_arm_and(t, HZ / 5, again, &due);
	expect_only_after(t, item, due);
}

static void plain_enqueue_of_armed_item_waits_for_the_delay(struct kunit *test)
{
	expect_delay_to_stay(test->priv, swt_enqueue);
}

static void delay_0_of_armed_item_waits_for_the_delay(struct kunit *test)
{
	expect_delay_to_stay(test->priv, arm_without_delay);
}

static void shorter_delay_of_armed_item_is_merged(struct kunit *test)
{
	expect_delay_to_stay(test->priv, arm_briefly);
}

static void longer_delay_of_armed_item_is_merged(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_must_arm(item, HZ / 20);
	KUNIT_EXPECT_EQ(test, swt_arm(item, SWT_NEVER), 0);
	swt_wait(t, swt_runs(item) == 1);
}

static void queued_means_pending_and_not_executing(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);

	KUNIT_EXPECT_FALSE(test, slow_work_is_queued(&item->work));
	swt_one_thread(t);
	swt_must_enqueue(item);
	KUNIT_EXPECT_TRUE(test, slow_work_is_queued(&item->work));
	swt_release(t->held[0]);
	swt_wait(t, swt_executing(item));
	KUNIT_EXPECT_FALSE(test, slow_work_is_queued(&item->work));
	swt_must_enqueue(item);
	KUNIT_EXPECT_FALSE(test, slow_work_is_queued(&item->work));
	swt_release(item);
	swt_wait(t, swt_at_rest(item) && swt_runs(item) == 2);
	KUNIT_EXPECT_FALSE(test, slow_work_is_queued(&item->work));
	swt_must_arm(item, SWT_NEVER);
	KUNIT_EXPECT_TRUE(test, slow_work_is_queued(&item->work));
	swt_cancel(item);
	KUNIT_EXPECT_FALSE(test, slow_work_is_queued(&item->work));
}

/* What callers wrote into their items, and read from flags, in 2.6.35 */
static void flags_have_their_numbers_and_meanings(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_VSLOW);
	struct swt_item *armed = swt_item(t, SWT_DELAYED);
	struct swt_thread *cancel;
	/* All but the pool's own */
	unsigned long mask = 0x3f;

	KUNIT_EXPECT_EQ(test, item->work.flags & mask, 0x08UL);
	KUNIT_EXPECT_EQ(test, armed->work.flags & mask, 0x00UL);
	KUNIT_EXPECT_PTR_EQ(test, item->work.ops, &swt_ops);
	swt_must_arm(armed, SWT_NEVER);
	KUNIT_EXPECT_EQ(test, READ_ONCE(armed->work.flags) & mask, 0x21UL);
	swt_one_thread(t);
	swt_must_enqueue(item);
	KUNIT_EXPECT_EQ(test, READ_ONCE(item->work.flags) & mask, 0x09UL);
	swt_release(t->held[0]);
	swt_wait(t, swt_executing(item));
	KUNIT_EXPECT_EQ(test, READ_ONCE(item->work.flags) & mask, 0x0aUL);
	swt_must_enqueue(item);
	KUNIT_EXPECT_TRUE(test, swt_flag(item, SLOW_WORK_ENQ_DEFERRED));
	cancel = swt_cancel_start(item);
	swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING));
	swt_release(item);
	swt_join(cancel);
	KUNIT_EXPECT_EQ(test, READ_ONCE(item->work.flags) & mask, 0x08UL);
	BUILD_BUG_ON(SLOW_WORK_PENDING != 0 || SLOW_WORK_EXECUTING != 1 ||
		     SLOW_WORK_ENQ_DEFERRED != 2 || SLOW_WORK_VERY_SLOW != 3 ||
		     SLOW_WORK_CANCELLING != 4 || SLOW_WORK_DELAYED != 5);
}

static void note_value(struct swt_item *item)
{
	WRITE_ONCE(item->result, READ_ONCE(item->value));
}

/*
 * Each enqueue comes just as the run that it made known ends.  The item must
 * see what was written before the enqueue, or the enqueue is as good as lost.
 */
static int enqueue_as_execute_ends(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;
	struct swt_budget budget = swt_budget();
	struct swt_watch watch;

	while (swt_more(thread->t, &budget)) {
		WRITE_ONCE(item->value, item->value + 1);
		if (swt_enqueue(item))
			return -EINVAL;
		for (watch = swt_watch(); READ_ONCE(item->result) != item->value;) {
			if (swt_hopeless(thread->t, &watch))
				return -ETIMEDOUT;
			swt_relax();
		}
		swt_jitter(20);
	}
	return 0;
}

static void no_enqueue_is_lost_as_execute_ends(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	item->on_execute = note_value;
	KUNIT_EXPECT_EQ(test, swt_call(t, enqueue_as_execute_ends, item), 0);
}

static int enqueue_and_wait_for_a_run(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;
	struct swt_budget budget = swt_budget();
	long accepted;

	while (swt_more(thread->t, &budget)) {
		if (swt_enqueue(item))
			return -EINVAL;
		accepted = atomic_long_read(&item->accepted);
		if (!swt_comes_true(thread->t, swt_satisfied(item, accepted)))
			return -ETIMEDOUT;
	}
	return 0;
}

static void no_enqueue_of_several_threads_is_lost(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_thread *threads[3];
	int i;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = swt_start(t, enqueue_and_wait_for_a_run, item);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ(test, swt_join(threads[i]), 0);
}

static void a_thousand_items_all_run(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;
	int i;

	for (i = 0; i < 1000; i++)
		swt_must_enqueue(swt_item(t, i % 3));
	list_for_each_entry(item, &t->items, list) {
		swt_wait(t, swt_at_rest(item));
		KUNIT_ASSERT_EQ(test, swt_runs(item), 1);
	}
}

static struct kunit_case runs_cases[] = {
	KUNIT_CASE(slow_item_runs),
	KUNIT_CASE(very_slow_item_runs),
	KUNIT_CASE(armed_item_runs),
	KUNIT_CASE(each_enqueue_at_rest_is_a_run),
	KUNIT_CASE(enqueues_of_queued_item_are_one_run),
	KUNIT_CASE(arming_a_queued_item_is_merged),
	KUNIT_CASE(plain_enqueue_of_armed_item_waits_for_the_delay),
	KUNIT_CASE(delay_0_of_armed_item_waits_for_the_delay),
	KUNIT_CASE(shorter_delay_of_armed_item_is_merged),
	KUNIT_CASE(longer_delay_of_armed_item_is_merged),
	KUNIT_CASE(queued_means_pending_and_not_executing),
	KUNIT_CASE(flags_have_their_numbers_and_meanings),
	KUNIT_CASE(no_enqueue_is_lost_as_execute_ends),
	KUNIT_CASE(no_enqueue_of_several_threads_is_lost),
	KUNIT_CASE(a_thousand_items_all_run),
	{}
};

static struct kunit_suite runs_suite = {
	.name = "slow_work_runs",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = runs_cases,
};

kunit_test_suite(runs_suite);
