// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Items that are freed or initialised again while the pool has them: debugobjects
 * tells, and the pool forgets them, so that its lists stay whole.
 *
 * debugobjects shows but the first few of its reports, so that is looked for once.
 */

#include <linux/slab.h>

#include "helper.h"

static atomic_t bare_runs;

static void bare_execute(struct slow_work *work)
{
	atomic_inc(&bare_runs);
}

static const struct slow_work_ops bare_ops = {
	.owner = THIS_MODULE,
	.execute = bare_execute,
};

/* What was queued around the lost item runs, and nothing is left to wait for. */
static void expect_carries_on(struct swt *t, struct swt_item *before, struct swt_item *after)
{
	swt_release(t->held[0]);
	swt_release(t->held[1]);
	swt_wait(t, swt_runs(before) == 1 && swt_runs(after) == 1);
	swt_unregister(t, THIS_MODULE);
	KUNIT_EXPECT_EQ(t->test, swt_threads(), 0);
	KUNIT_EXPECT_EQ(t->test, atomic_read(&bare_runs), 0);
}

static struct delayed_slow_work *bare_item(struct kunit *test, bool delayed)
{
	struct delayed_slow_work *dwork = kzalloc(sizeof(*dwork), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dwork);
	atomic_set(&bare_runs, 0);
	if (delayed)
		delayed_slow_work_init(dwork, &bare_ops);
	else
		slow_work_init(&dwork->work, &bare_ops);
	return dwork;
}

/* Without it nobody tells the pool that the item has gone */
static void need_free_checks(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_DEBUG_OBJECTS_FREE))
		kunit_skip(test, "built without CONFIG_DEBUG_OBJECTS_FREE");
}

/* How the case loses its item */
static void lose(struct kunit *test, bool delayed, bool init)
{
	struct swt *t = test->priv;
	struct swt_item *before = swt_item(t, SWT_SLOW), *after = swt_item(t, SWT_SLOW);
	struct delayed_slow_work *dwork;

	if (!init)
		need_free_checks(test);
	dwork = bare_item(test, delayed);
	swt_one_thread(t);
	swt_must_enqueue(before);
	if (delayed)
		KUNIT_EXPECT_EQ(test, delayed_slow_work_enqueue(dwork, 1000 * HZ), 0);
	else
		KUNIT_EXPECT_EQ(test, slow_work_enqueue(&dwork->work), 0);
	swt_must_enqueue(after);

	swt_expect_splat(t);
	if (init && delayed)
		delayed_slow_work_init(dwork, &bare_ops);
	else if (init)
		slow_work_init(&dwork->work, &bare_ops);
	else
		kfree(dwork);
	swt_splat_over(t);
	expect_carries_on(t, before, after);
	if (init)
		kfree(dwork);
}

static void item_freed_while_queued_is_reported(struct kunit *test)
{
	swt_log_mark(test->priv);
	lose(test, false, false);
	KUNIT_EXPECT_TRUE(test, swt_logged(test->priv, "ODEBUG: free active", "slow_work"));
	KUNIT_EXPECT_TRUE(test, swt_logged(test->priv, "ODEBUG: free active", "bare_execute"));
}

static void item_initialised_while_queued_is_reported(struct kunit *test)
{
	swt_log_mark(test->priv);
	lose(test, false, true);
	KUNIT_EXPECT_TRUE(test, swt_logged(test->priv, "ODEBUG: init active", "slow_work"));
}

static void item_freed_while_armed_is_forgotten(struct kunit *test)
{
	lose(test, true, false);
}

static void item_initialised_while_armed_is_forgotten(struct kunit *test)
{
	lose(test, true, true);
}

static struct kmem_cache *bare_cache;

static void free_itself_execute(struct slow_work *work)
{
	kmem_cache_free(bare_cache, work);
	atomic_inc(&bare_runs);
}

/* The thread looks at it once more, so it is of such memory as stays readable. */
static void item_freed_by_its_execute_is_reported(struct kunit *test)
{
	static const struct slow_work_ops ops = {
		.owner = THIS_MODULE,
		.execute = free_itself_execute,
	};
	struct swt *t = test->priv;
	struct slow_work *work;

	need_free_checks(test);
	bare_cache = kmem_cache_create("slow_work_kunit_bare", sizeof(*work), 0,
				       SLAB_TYPESAFE_BY_RCU, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bare_cache);
	work = kmem_cache_zalloc(bare_cache, GFP_KERNEL);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, work);
	if (work) {
		atomic_set(&bare_runs, 0);
		slow_work_init(work, &ops);
		swt_expect_splat(t);
		KUNIT_EXPECT_EQ(test, slow_work_enqueue(work), 0);
		swt_comes_true(t, atomic_read(&bare_runs) == 1);
		swt_unregister(t, THIS_MODULE);
		swt_splat_over(t);
		KUNIT_EXPECT_EQ(test, atomic_read(&bare_runs), 1);
		KUNIT_EXPECT_EQ(test, swt_threads(), 0);
	}
	kmem_cache_destroy(bare_cache);
}

/* An item at rest, or one that its put_ref frees, is nobody's concern. */
static void item_freed_at_rest_is_not_reported(struct kunit *test)
{
	struct swt *t = test->priv;
	struct delayed_slow_work *dwork = bare_item(test, false);
	int i;

	swt_log_mark(t);
	for (i = 1; i <= 3; i++) {
		KUNIT_EXPECT_EQ(test, slow_work_enqueue(&dwork->work), 0);
		swt_wait(t, atomic_read(&bare_runs) == i);
		if (i % 2)
			slow_work_cancel(&dwork->work);
	}
	slow_work_cancel(&dwork->work);
	slow_work_init(&dwork->work, &bare_ops);
	kfree(dwork);
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "ODEBUG", ""));
}

static void item_on_the_stack_is_annotated(struct kunit *test)
{
	struct swt *t = test->priv;
	struct delayed_slow_work dwork;
	struct slow_work work;

	swt_log_mark(t);
	atomic_set(&bare_runs, 0);
	slow_work_init_on_stack(&work, &bare_ops);
	delayed_slow_work_init_on_stack(&dwork, &bare_ops);
	KUNIT_EXPECT_EQ(test, slow_work_enqueue(&work), 0);
	KUNIT_EXPECT_EQ(test, delayed_slow_work_enqueue(&dwork, 1), 0);
	/* The stack must not go before they have */
	swt_comes_true(t, atomic_read(&bare_runs) == 2);
	slow_work_cancel(&work);
	delayed_slow_work_cancel(&dwork);
	KUNIT_EXPECT_EQ(test, atomic_read(&bare_runs), 2);
	destroy_slow_work_on_stack(&work);
	destroy_delayed_slow_work_on_stack(&dwork);
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "ODEBUG", ""));
}

static struct kunit_case debugobjects_cases[] = {
	KUNIT_CASE(item_freed_while_queued_is_reported),
	KUNIT_CASE(item_initialised_while_queued_is_reported),
	KUNIT_CASE(item_freed_while_armed_is_forgotten),
	KUNIT_CASE(item_initialised_while_armed_is_forgotten),
	KUNIT_CASE(item_freed_by_its_execute_is_reported),
	KUNIT_CASE(item_freed_at_rest_is_not_reported),
	KUNIT_CASE(item_on_the_stack_is_annotated),
	{}
};

static struct kunit_suite debugobjects_suite = {
	.name = "slow_work_debugobjects",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = debugobjects_cases,
};

kunit_test_suite(debugobjects_suite);
