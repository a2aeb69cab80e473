// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * delayed_slow_work_mod(): the item runs after a delay that counts from now,
 * whatever it waited for before; never earlier.
 */

#include <linux/delay.h>

#include "helper.h"

static void must_mod(struct swt_item *item, unsigned long delay)
{
	KUNIT_ASSERT_EQ(item->t->test, swt_mod(item, delay), 0);
}

static void expect_armed(struct swt_item *item)
{
	KUNIT_EXPECT_TRUE(item->t->test, swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_TRUE(item->t->test, swt_flag(item, SLOW_WORK_PENDING));
	KUNIT_EXPECT_TRUE(item->t->test, timer_pending(&item->dwork.timer));
}

static void item_at_rest_is_armed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	must_mod(item, HZ / 10);
	swt_expect_one_run(item);
	KUNIT_EXPECT_TRUE(test, swt_due(item, HZ / 10));
}

static void item_at_rest_is_queued_without_a_delay(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_one_thread(t);
	must_mod(item, 0);
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_TRUE(test, slow_work_is_queued(&item->work));
	swt_release(t->held[0]);
	swt_expect_one_run(item);
}

static void shorter_delay(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_must_arm(item, SWT_NEVER);
	must_mod(item, HZ / 10);
	swt_expect_one_run(item);
	KUNIT_EXPECT_TRUE(test, swt_due(item, HZ / 10));
}

static void longer_delay(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED), *later;
	unsigned long delay = HZ / 10;
	int i;

	/* Put off again and again, and each time in time */
	for (i = 0; i < 5; i++) {
		swt_must_arm(item, delay);
		must_mod(item, SWT_NEVER);
		if (!swt_flag(item, SLOW_WORK_EXECUTING) && !swt_starts(item))
			break;
		/* Slower than the delay: all anew */
		swt_cancel(item);
		item = swt_item(t, SWT_DELAYED);
		delay *= 4;
	}
	expect_armed(item);
	later = swt_item(t, SWT_DELAYED);
	swt_must_arm(later, delay + 1);
	swt_wait(t, swt_runs(later) == 1);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
	expect_armed(item);
	must_mod(item, HZ / 10);
	swt_expect_one_run(item);
	KUNIT_EXPECT_TRUE(test, swt_due(item, HZ / 10));
}

static void armed_item_is_queued_without_a_delay(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_must_arm(item, SWT_NEVER);
	must_mod(item, 0);
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_FALSE(test, timer_pending(&item->dwork.timer));
	swt_expect_one_run(item);
}

static void queued_item_is_taken_off_and_armed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_one_thread(t);
	swt_must_enqueue(item);
	must_mod(item, SWT_NEVER);
	expect_armed(item);
	swt_release(t->held[0]);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
	expect_armed(item);
	must_mod(item, 2);
	swt_expect_one_run(item);
	KUNIT_EXPECT_TRUE(test, swt_due(item, 2));
}

static void queued_item_keeps_its_place_without_a_delay(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED), *second = swt_item(t, SWT_SLOW);

	swt_one_thread(t);
	swt_must_enqueue(item);
	swt_must_enqueue(second);
	must_mod(item, 0);
	swt_release(t->held[0]);
	swt_expect_one_run(item);
	KUNIT_EXPECT_LT(test, item->order, second->order);
}

/* ---- executing ---------------------------------------------------------- */

/* Executes until it is released; the second run is through at once */
static struct swt_item *executing(struct swt *t)
{
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);

	swt_must_execute(item);
	return item;
}

/* After its first run @item is armed, and nothing else */
static void expect_armed_after_its_run(struct swt_item *item)
{
	struct swt *t = item->t;

	swt_release(item);
	swt_wait(t, !swt_flag(item, SLOW_WORK_EXECUTING));
	swt_settle(t);
	KUNIT_EXPECT_EQ(t->test, swt_starts(item), 1);
	KUNIT_EXPECT_EQ(t->test, atomic_read(&item->puts), 0);
	expect_armed(item);
}

/* Its second run, on the reference of the first, ends the case */
static void expect_second_run(struct swt_item *item)
{
	struct swt *t = item->t;

	swt_wait(t, swt_runs(item) == 2 && swt_at_rest(item));
	swt_settle(t);
	KUNIT_EXPECT_EQ(t->test, swt_starts(item), 2);
	KUNIT_EXPECT_EQ(t->test, atomic_read(&item->gets), 1);
}

static void executing_item_is_armed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = executing(t);

	must_mod(item, HZ / 10);
	swt_release(item);
	expect_second_run(item);
	KUNIT_EXPECT_TRUE(test, swt_due(item, HZ / 10));
}

static void executing_item_is_deferred_without_a_delay(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = executing(t);

	must_mod(item, 0);
	KUNIT_EXPECT_TRUE(test, swt_flag(item, SLOW_WORK_ENQ_DEFERRED));
	swt_release(item);
	expect_second_run(item);
}

static void deferred_item_is_armed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = executing(t);

	swt_must_enqueue(item);
	must_mod(item, SWT_NEVER);
	expect_armed(item);
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_ENQ_DEFERRED));
	expect_armed_after_its_run(item);
	must_mod(item, 0);
	expect_second_run(item);
}

static void item_executing_and_armed_is_armed_anew(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = executing(t);

	swt_must_arm(item, SWT_NEVER);
	must_mod(item, HZ / 10);
	swt_release(item);
	expect_second_run(item);
	KUNIT_EXPECT_TRUE(test, swt_due(item, HZ / 10));
}

static void item_executing_and_armed_is_deferred_without_a_delay(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = executing(t);

	swt_must_arm(item, SWT_NEVER);
	must_mod(item, 0);
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_TRUE(test, swt_flag(item, SLOW_WORK_ENQ_DEFERRED));
	/* And off again */
	must_mod(item, SWT_NEVER);
	expect_armed_after_its_run(item);
	must_mod(item, 0);
	expect_second_run(item);
}

static void mod_self(struct swt_item *item)
{
	if (swt_starts(item) > 1 && !swt_due(item, 3))
		item->result = -ETIME;
	if (item->value-- > 0 && (swt_arm(item, 1) || swt_mod(item, SWT_NEVER) || swt_mod(item, 3)))
		item->result = -EINVAL;
}

static void item_puts_itself_off_over_and_over(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	item->on_execute = mod_self;
	item->value = 10;
	must_mod(item, 3);
	swt_wait(t, swt_runs(item) == 11 && swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, item->result, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 1);
}

/* ---- in put_ref --------------------------------------------------------- */

static struct swt_item *in_put_ref(struct swt *t)
{
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	return item;
}

static void expect_second_reference(struct swt_item *item)
{
	struct swt *t = item->t;

	swt_wait(t, swt_runs(item) == 2 && swt_at_rest(item));
	swt_settle(t);
	KUNIT_EXPECT_EQ(t->test, swt_starts(item), 2);
	KUNIT_EXPECT_EQ(t->test, atomic_read(&item->gets), 2);
}

static void item_in_put_ref_is_armed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = in_put_ref(t);

	must_mod(item, 2);
	swt_open(item->put_gate);
	expect_second_reference(item);
	KUNIT_EXPECT_TRUE(test, swt_due(item, 2));
}

static void item_enqueued_in_put_ref_is_armed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = in_put_ref(t);

	swt_must_enqueue(item);
	must_mod(item, SWT_NEVER);
	swt_open(item->put_gate);
	swt_wait(t, atomic_read(&item->puts) == 1);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 1);
	expect_armed(item);
	must_mod(item, 0);
	expect_second_reference(item);
}

static void item_armed_in_put_ref_is_queued_without_a_delay(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = in_put_ref(t);

	swt_must_arm(item, SWT_NEVER);
	must_mod(item, 0);
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_DELAYED));
	swt_settle(t);
	/* The old reference goes first */
	KUNIT_EXPECT_EQ(test, swt_starts(item), 1);
	swt_open(item->put_gate);
	expect_second_reference(item);
}

static void item_taken_back_in_put_ref_is_armed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = in_put_ref(t);

	swt_must_enqueue(item);
	KUNIT_EXPECT_TRUE(test, swt_try_cancel(item));
	must_mod(item, SWT_NEVER);
	KUNIT_EXPECT_TRUE(test, swt_try_cancel(item));
	must_mod(item, 2);
	swt_open(item->put_gate);
	swt_wait(t, swt_runs(item) == 2 && swt_at_rest(item));
	KUNIT_EXPECT_TRUE(test, swt_due(item, 2));
}

/* ---- what it refuses ---------------------------------------------------- */

static void while_a_cancel_is_under_way(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = executing(t);
	struct swt_thread *cancel;

	swt_must_arm(item, SWT_NEVER);
	cancel = swt_cancel_start(item);
	swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING));
	KUNIT_EXPECT_EQ(test, swt_mod(item, 0), -ECANCELED);
	KUNIT_EXPECT_EQ(test, swt_mod(item, 1), -ECANCELED);
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_PENDING));
	swt_release(item);
	swt_join(cancel);
	KUNIT_EXPECT_TRUE(test, cancel->seen_at_rest);
	must_mod(item, 1);
	swt_wait(t, swt_runs(item) == 2 && swt_at_rest(item));
}

static void while_a_cancel_calls_put_ref(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	struct swt_thread *cancel;

	item->put_gate = swt_gate(t);
	swt_must_arm(item, SWT_NEVER);
	cancel = swt_cancel_start(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	KUNIT_EXPECT_EQ(test, swt_mod(item, 1), -ECANCELED);
	swt_open(item->put_gate);
	swt_join(cancel);
	must_mod(item, 1);
	swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));
}

static void without_operations(struct kunit *test)
{
	static const struct slow_work_ops no_execute = { .owner = THIS_MODULE };
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_expect_splat(t);
	item->work.ops = NULL;
	KUNIT_EXPECT_EQ(test, swt_mod(item, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, swt_mod(item, 1), -EINVAL);
	item->work.ops = &no_execute;
	KUNIT_EXPECT_EQ(test, swt_mod(item, 1), -EINVAL);
	swt_splat_over(t);
	KUNIT_EXPECT_TRUE(test, swt_at_rest(item));
	item->work.ops = &swt_ops;
	must_mod(item, 1);
	swt_expect_one_run(item);
}

static void without_a_user(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_unregister(t, THIS_MODULE);
	swt_expect_splat(t);
	KUNIT_EXPECT_EQ(test, swt_mod(item, 0), -ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, swt_mod(item, 1), -ESHUTDOWN);
	swt_splat_over(t);
	KUNIT_EXPECT_TRUE(test, swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 0);
	KUNIT_ASSERT_EQ(test, swt_register(t, THIS_MODULE), 0);
	must_mod(item, 1);
	swt_expect_one_run(item);
}

static void where_get_ref_refuses(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	item->get_result = -EAGAIN;
	KUNIT_EXPECT_EQ(test, swt_mod(item, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, swt_mod(item, 1), -EAGAIN);
	KUNIT_EXPECT_TRUE(test, swt_at_rest(item));
	item->get_result = 0;
	must_mod(item, SWT_NEVER);
	/* It is not asked again while the pool has a reference */
	item->get_result = -EAGAIN;
	must_mod(item, 2);
	swt_expect_one_run(item);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->failed_gets), 2);
}

/* ---- races -------------------------------------------------------------- */

struct schedule {
	struct swt_item *item;
	unsigned long due;		/* no run begins before */
	int since;			/* which has this number or a higher one */
	int early;
};

static void look_at_schedule(struct swt_item *item)
{
	struct schedule *schedule = item->data;

	/* Pairs with the release of mod_at_ticks() */
	if (swt_starts(item) >= smp_load_acquire(&schedule->since) &&
	    time_before(jiffies, READ_ONCE(schedule->due)))
		schedule->early++;
	swt_jitter(10);
}

/*
 * The only one to arm it.  Once a mod has returned, a run that was not under way
 * then is the one that it asked for.
 */
static int mod_at_ticks(struct swt_thread *thread)
{
	struct schedule *schedule = thread->arg;
	struct swt_item *item = schedule->item;
	struct swt_budget budget = swt_budget();
	unsigned long delay, due;
	int ret;

	while (swt_more(thread->t, &budget)) {
		delay = swt_random(4);
		due = jiffies + delay;
		/* What runs from here on may be from before */
		WRITE_ONCE(schedule->since, INT_MAX);
		ret = swt_mod(item, delay);
		if (ret)
			return ret;
		if (!swt_flag(item, SLOW_WORK_EXECUTING)) {
			/* All that were taken before have begun, and ended */
			WRITE_ONCE(schedule->due, due);
			smp_mb();	/* one that begins later sees that */
			smp_store_release(&schedule->since, swt_starts(item) + 1);
		}
		/* Around the tick at which it ends */
		if (swt_random(2))
			usleep_range(1, 2 * jiffies_to_usecs(1));
		swt_jitter(10);
	}
	WRITE_ONCE(schedule->since, INT_MAX);
	ret = swt_mod(item, 0);
	slow_work_flush(&item->work);
	if (!swt_at_rest(item))
		return -EBUSY;
	return ret ?: schedule->early ? -ETIME : 0;
}

static void against_the_end_of_its_delay(struct kunit *test)
{
	struct swt *t = test->priv;
	struct schedule *schedule = swt_alloc(t, sizeof(*schedule));

	schedule->item = swt_item(t, SWT_DELAYED);
	schedule->item->data = schedule;
	schedule->item->on_execute = look_at_schedule;
	KUNIT_EXPECT_EQ(test, swt_call(t, mod_at_ticks, schedule), 0);
}

static int mod_at_random(struct swt_thread *thread)
{
	struct swt_budget budget = swt_budget();
	int ret;

	while (swt_more(thread->t, &budget)) {
		ret = swt_random(4) ? swt_mod(thread->arg, swt_random(3)) :
				      swt_enqueue(thread->arg);
		if (ret && ret != -ECANCELED)
			return ret;
		swt_jitter(10);
	}
	return 0;
}

static int cancel_at_random(struct swt_thread *thread)
{
	struct swt_budget budget = swt_budget();

	while (swt_more(thread->t, &budget)) {
		if (swt_random(2))
			swt_do_cancel(thread->arg);
		else
			swt_try_cancel(thread->arg);
		swt_jitter(20);
	}
	return 0;
}

static void expect_race_is_harmless(struct swt *t, int mods, int cancels)
{
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	struct swt_thread *threads[4];
	int i, before;

	swt_pool(t, 4, 4);
	for (i = 0; i < mods; i++)
		threads[i] = swt_start(t, mod_at_random, item);
	for (; i < mods + cancels; i++)
		threads[i] = swt_start(t, cancel_at_random, item);
	for (i = 0; i < mods + cancels; i++)
		KUNIT_EXPECT_EQ(t->test, swt_join(threads[i]), 0);
	swt_wait(t, swt_at_rest(item));
	before = swt_runs(item);
	must_mod(item, 1);
	swt_wait(t, swt_runs(item) == before + 1 && swt_at_rest(item));
}

static void against_each_other(struct kunit *test)
{
	expect_race_is_harmless(test->priv, 3, 0);
}

static void against_cancels(struct kunit *test)
{
	expect_race_is_harmless(test->priv, 2, 2);
}

static struct kunit_case mod_cases[] = {
	KUNIT_CASE(item_at_rest_is_armed),
	KUNIT_CASE(item_at_rest_is_queued_without_a_delay),
	KUNIT_CASE(shorter_delay),
	KUNIT_CASE(longer_delay),
	KUNIT_CASE(armed_item_is_queued_without_a_delay),
	KUNIT_CASE(queued_item_is_taken_off_and_armed),
	KUNIT_CASE(queued_item_keeps_its_place_without_a_delay),
	KUNIT_CASE(executing_item_is_armed),
	KUNIT_CASE(executing_item_is_deferred_without_a_delay),
	KUNIT_CASE(deferred_item_is_armed),
	KUNIT_CASE(item_executing_and_armed_is_armed_anew),
	KUNIT_CASE(item_executing_and_armed_is_deferred_without_a_delay),
	KUNIT_CASE(item_puts_itself_off_over_and_over),
	KUNIT_CASE(item_in_put_ref_is_armed),
	KUNIT_CASE(item_enqueued_in_put_ref_is_armed),
	KUNIT_CASE(item_armed_in_put_ref_is_queued_without_a_delay),
	KUNIT_CASE(item_taken_back_in_put_ref_is_armed),
	KUNIT_CASE(while_a_cancel_is_under_way),
	KUNIT_CASE(while_a_cancel_calls_put_ref),
	KUNIT_CASE(without_operations),
	KUNIT_CASE(without_a_user),
	KUNIT_CASE(where_get_ref_refuses),
	KUNIT_CASE(against_the_end_of_its_delay),
	KUNIT_CASE(against_each_other),
	KUNIT_CASE(against_cancels),
	{}
};

static struct kunit_suite mod_suite = {
	.name = "slow_work_mod",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = mod_cases,
};

kunit_test_suite(mod_suite);
