// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Promise 10: whoever waits for an item, in a cancel, a flush, a flush of a user or
 * an unregister, may do so for as long as the work takes.  It is no hung task
 * meanwhile, and after 10 s it says once what it waits for.
 *
 * And of many that wait none is forgotten.
 */

#include "helper.h"

static void expect_waits(struct swt_thread *thread)
{
	swt_wait(thread->t, swt_blocked(thread));
	KUNIT_EXPECT_FALSE(thread->t->test, swt_done(thread));
}

static struct swt_item *busy_item(struct swt *t, const struct slow_work_ops *ops)
{
	struct swt_item *item = swt_blocker_ops(t, SWT_DELAYED, ops);

	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
	return item;
}

static struct slow_work_ops *join_pool(struct swt *t, const char *name)
{
	struct module *owner = swt_owner(t, name);

	KUNIT_ASSERT_EQ(t->test, swt_register(t, owner), 0);
	return swt_ops_of(t, owner);
}

/* ---- many ---------------------------------------------------------------- */

#define NR_FLUSHES	500

static void all_of_500_flushes_of_one_item_return(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_thread **flushes = swt_alloc(t, NR_FLUSHES * sizeof(*flushes));
	int i, waited = 0, rested = 0;

	swt_one_thread(t);
	swt_must_enqueue(item);
	for (i = 0; i < NR_FLUSHES / 2; i++) {
		flushes[i] = swt_flush_start(item);
		expect_waits(flushes[i]);
	}
	swt_release(t->held[0]);
	swt_wait(t, swt_executing(item));
	for (; i < NR_FLUSHES; i++) {
		flushes[i] = swt_flush_start(item);
		expect_waits(flushes[i]);
	}
	for (i = 0; i < NR_FLUSHES; i++)
		KUNIT_EXPECT_FALSE(test, swt_done(flushes[i]));
	swt_release(item);
	for (i = 0; i < NR_FLUSHES; i++) {
		waited += swt_join(flushes[i]);
		rested += flushes[i]->seen_at_rest;
	}
	KUNIT_EXPECT_EQ(test, waited, NR_FLUSHES);
	KUNIT_EXPECT_EQ(test, rested, NR_FLUSHES);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
}

#define NR_ITEMS	200

static void each_of_200_waits_for_as_many_items_returns(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread **waits = swt_alloc(t, NR_ITEMS * sizeof(*waits));
	struct swt_item **items = swt_alloc(t, NR_ITEMS * sizeof(*items));
	int i;

	swt_pool(t, NR_ITEMS, NR_ITEMS);
	for (i = 0; i < NR_ITEMS; i++)
		items[i] = busy_item(t, &swt_ops);
	for (i = 0; i < NR_ITEMS; i++) {
		waits[i] = i % 2 ? swt_flush_start(items[i]) : swt_cancel_start(items[i]);
		expect_waits(waits[i]);
	}
	/* From both ends, so from the middle of whatever they are in, too */
	for (i = 0; i < NR_ITEMS; i++) {
		int nr = i % 2 ? NR_ITEMS - 1 - i / 2 : i / 2;

		swt_release(items[nr]);
		swt_join(waits[nr]);
		KUNIT_EXPECT_TRUE(test, waits[nr]->seen_at_rest);
	}
	swt_pool(t, 2, 2);
}

static void all_of_200_flushes_of_one_user_return(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = join_pool(t, "swt_other");
	struct swt_thread **flushes = swt_alloc(t, NR_ITEMS * sizeof(*flushes));
	struct swt_item *item = busy_item(t, ops);
	int i;

	for (i = 0; i < NR_ITEMS; i++) {
		flushes[i] = swt_flush_user_start(t, ops->owner, item);
		expect_waits(flushes[i]);
	}
	swt_release(item);
	for (i = 0; i < NR_ITEMS; i++) {
		swt_join(flushes[i]);
		KUNIT_EXPECT_TRUE(test, flushes[i]->seen_at_rest);
	}
}

static struct kunit_case waits_cases[] = {
	KUNIT_CASE(all_of_500_flushes_of_one_item_return),
	KUNIT_CASE(each_of_200_waits_for_as_many_items_returns),
	KUNIT_CASE(all_of_200_flushes_of_one_user_return),
	{}
};

static struct kunit_suite waits_suite = {
	.name = "slow_work_waits",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = waits_cases,
};

kunit_test_suite(waits_suite);
