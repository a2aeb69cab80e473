// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Items that the compiler initialises, on the stack, and of the fourth kind:
 * delayed and very slow.  debugobjects has nothing to say about any.
 */

#include "helper.h"

static atomic_t runs, gets, puts;

static int count_get(struct slow_work *work)
{
	atomic_inc(&gets);
	return 0;
}

static void count_put(struct slow_work *work)
{
	atomic_inc(&puts);
}

static void count_execute(struct slow_work *work)
{
	atomic_inc(&runs);
}

static const struct slow_work_ops static_ops = {
	.owner = THIS_MODULE,
	.get_ref = count_get,
	.put_ref = count_put,
	.execute = count_execute,
};

static DEFINE_SLOW_WORK(slow, &static_ops);
static DEFINE_VSLOW_WORK(vslow, &static_ops);
static DEFINE_DELAYED_SLOW_WORK(delayed_slow, &static_ops);
static DEFINE_DELAYED_VSLOW_WORK(delayed_vslow, &static_ops);

static struct {
	int before;
	struct slow_work slow, vslow;
	struct delayed_slow_work delayed_slow, delayed_vslow;
	int behind;
} members = {
	.before = 1,
	.slow = SLOW_WORK_INITIALIZER(members.slow, &static_ops),
	.vslow = VSLOW_WORK_INITIALIZER(members.vslow, &static_ops),
	.delayed_slow = DELAYED_SLOW_WORK_INITIALIZER(members.delayed_slow, &static_ops),
	.delayed_vslow = DELAYED_VSLOW_WORK_INITIALIZER(members.delayed_vslow, &static_ops),
	.behind = 1,
};

/* Nobody has had these yet when they are cancelled, flushed, armed */
static DEFINE_DELAYED_SLOW_WORK(cancelled, &static_ops);
static DEFINE_DELAYED_SLOW_WORK(tried, &static_ops);
static DEFINE_DELAYED_SLOW_WORK(flushed, &static_ops);
static DEFINE_DELAYED_VSLOW_WORK(modified, &static_ops);

/* Where a case starts from, and what debugobjects says meanwhile */
static void begin(struct swt *t)
{
	swt_log_mark(t);
	atomic_set(&runs, 0);
	atomic_set(&gets, 0);
	atomic_set(&puts, 0);
}

static void expect_runs(struct swt *t, int nr)
{
	swt_wait(t, atomic_read(&runs) == nr && atomic_read(&puts) == nr);
	KUNIT_EXPECT_EQ(t->test, atomic_read(&gets), nr);
	KUNIT_EXPECT_FALSE(t->test, swt_logged(t, "ODEBUG", ""));
}

static bool very_slow(const struct slow_work *work)
{
	return test_bit(SLOW_WORK_VERY_SLOW, &work->flags);
}

/* Two runs of each, so with and without a delay */
static void expect_all_run(struct swt *t, struct slow_work *plain[2],
			   struct delayed_slow_work *delayed[2])
{
	struct kunit *test = t->test;
	int i;

	begin(t);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, very_slow(plain[i]), i);
		KUNIT_EXPECT_EQ(test, very_slow(&delayed[i]->work), i);
		KUNIT_EXPECT_EQ(test, slow_work_enqueue(plain[i]), 0);
		KUNIT_EXPECT_EQ(test, delayed_slow_work_enqueue(delayed[i], 1), 0);
	}
	expect_runs(t, 4);
	for (i = 0; i < 2; i++) {
		slow_work_cancel(plain[i]);
		delayed_slow_work_cancel(delayed[i]);
		KUNIT_EXPECT_EQ(test, slow_work_enqueue(plain[i]), 0);
		KUNIT_EXPECT_EQ(test, delayed_slow_work_enqueue(delayed[i], 0), 0);
	}
	expect_runs(t, 8);
	/* The module may go with them only when nobody has them */
	for (i = 0; i < 2; i++) {
		slow_work_cancel(plain[i]);
		delayed_slow_work_cancel(delayed[i]);
	}
}

static void defined_items_run(struct kunit *test)
{
	struct slow_work *plain[] = { &slow, &vslow };
	struct delayed_slow_work *delayed[] = { &delayed_slow, &delayed_vslow };

	expect_all_run(test->priv, plain, delayed);
}

static void members_of_static_structures_run(struct kunit *test)
{
	struct slow_work *plain[] = { &members.slow, &members.vslow };
	struct delayed_slow_work *delayed[] = { &members.delayed_slow, &members.delayed_vslow };

	expect_all_run(test->priv, plain, delayed);
	KUNIT_EXPECT_EQ(test, members.before + members.behind, 2);
}

static void defined_item_can_be_cancelled_first(struct kunit *test)
{
	struct swt *t = test->priv;

	begin(t);
	KUNIT_EXPECT_FALSE(test, delayed_slow_work_cancel(&cancelled));
	KUNIT_EXPECT_EQ(test, delayed_slow_work_enqueue(&cancelled, SWT_NEVER), 0);
	KUNIT_EXPECT_TRUE(test, delayed_slow_work_cancel(&cancelled));
	KUNIT_EXPECT_EQ(test, atomic_read(&puts), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&runs), 0);
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "ODEBUG", ""));
}

static void defined_item_can_be_tried_first(struct kunit *test)
{
	struct swt *t = test->priv;

	begin(t);
	KUNIT_EXPECT_FALSE(test, delayed_slow_work_try_cancel(&tried));
	KUNIT_EXPECT_EQ(test, delayed_slow_work_enqueue(&tried, SWT_NEVER), 0);
	KUNIT_EXPECT_TRUE(test, delayed_slow_work_try_cancel(&tried));
	KUNIT_EXPECT_EQ(test, atomic_read(&puts), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&runs), 0);
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "ODEBUG", ""));
}

static void defined_item_can_be_flushed_first(struct kunit *test)
{
	struct swt *t = test->priv;

	begin(t);
	KUNIT_EXPECT_FALSE(test, delayed_slow_work_flush(&flushed));
	KUNIT_EXPECT_EQ(test, delayed_slow_work_enqueue(&flushed, SWT_NEVER), 0);
	KUNIT_EXPECT_TRUE(test, delayed_slow_work_flush(&flushed));
	expect_runs(t, 1);
}

static void defined_item_can_be_modified_first(struct kunit *test)
{
	struct swt *t = test->priv;

	begin(t);
	KUNIT_EXPECT_EQ(test, delayed_slow_work_mod(&modified, SWT_NEVER), 0);
	KUNIT_EXPECT_EQ(test, delayed_slow_work_mod(&modified, 1), 0);
	expect_runs(t, 1);
	delayed_slow_work_cancel(&modified);
}

/* What was defined may be initialised like any other */
static void defined_item_can_be_initialised_anew(struct kunit *test)
{
	struct swt *t = test->priv;

	slow_work_cancel(&slow);
	begin(t);
	vslow_work_init(&slow, &static_ops);
	KUNIT_EXPECT_TRUE(test, very_slow(&slow));
	KUNIT_EXPECT_EQ(test, slow_work_enqueue(&slow), 0);
	expect_runs(t, 1);
	slow_work_cancel(&slow);
	slow_work_init(&slow, &static_ops);
}

static void delayed_and_very_slow(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	struct swt_item *hogs[2], *slow_one;
	int i;

	delayed_vslow_work_init(&item->dwork, &swt_ops);
	KUNIT_EXPECT_TRUE(test, swt_flag(item, SLOW_WORK_VERY_SLOW));
	swt_must_arm(item, HZ / 10);
	swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));
	KUNIT_EXPECT_TRUE(test, swt_due(item, HZ / 10));

	/* Of two threads very slow items have one: it waits, though its delay is over */
	swt_pool(t, 2, 2);
	for (i = 0; i < 2; i++) {
		hogs[i] = swt_blocker(t, SWT_VSLOW);
		swt_must_enqueue(hogs[i]);
	}
	swt_wait(t, swt_executing(hogs[0]));
	KUNIT_EXPECT_EQ(test, swt_mod(item, 1), 0);
	swt_wait(t, !swt_flag(item, SLOW_WORK_DELAYED));
	slow_one = swt_item(t, SWT_SLOW);
	swt_must_run(slow_one);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 1);
	for (i = 0; i < 2; i++)
		swt_release(hogs[i]);
	swt_wait(t, swt_runs(item) == 2);
}

static void on_the_stack(struct kunit *test)
{
	struct swt *t = test->priv;
	struct delayed_slow_work delayed[2];
	struct slow_work plain[2];
	int i;

	begin(t);
	slow_work_init_on_stack(&plain[0], &static_ops);
	vslow_work_init_on_stack(&plain[1], &static_ops);
	delayed_slow_work_init_on_stack(&delayed[0], &static_ops);
	delayed_vslow_work_init_on_stack(&delayed[1], &static_ops);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, very_slow(&plain[i]), i);
		KUNIT_EXPECT_EQ(test, very_slow(&delayed[i].work), i);
		KUNIT_EXPECT_EQ(test, slow_work_enqueue(&plain[i]), 0);
		KUNIT_EXPECT_EQ(test, delayed_slow_work_enqueue(&delayed[i], 1), 0);
	}
	/* The stack must not go before they have */
	for (i = 0; i < 2; i++) {
		slow_work_flush(&plain[i]);
		delayed_slow_work_flush(&delayed[i]);
		slow_work_cancel(&plain[i]);
		delayed_slow_work_cancel(&delayed[i]);
		destroy_slow_work_on_stack(&plain[i]);
		destroy_delayed_slow_work_on_stack(&delayed[i]);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&runs), 4);
	KUNIT_EXPECT_EQ(test, atomic_read(&puts), 4);
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "ODEBUG", ""));
}

static struct kunit_case initialisers_cases[] = {
	KUNIT_CASE(defined_items_run),
	KUNIT_CASE(members_of_static_structures_run),
	KUNIT_CASE(defined_item_can_be_cancelled_first),
	KUNIT_CASE(defined_item_can_be_tried_first),
	KUNIT_CASE(defined_item_can_be_flushed_first),
	KUNIT_CASE(defined_item_can_be_modified_first),
	KUNIT_CASE(defined_item_can_be_initialised_anew),
	KUNIT_CASE(delayed_and_very_slow),
	KUNIT_CASE(on_the_stack),
	{}
};

static struct kunit_suite initialisers_suite = {
	.name = "slow_work_initialisers",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = initialisers_cases,
};

kunit_test_suite(initialisers_suite);
