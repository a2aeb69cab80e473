// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Misuse never takes the machine down by itself: a WARN, and an error or
 * nothing.  The WARNs come once a kind, so it is the outcome that is looked at.
 */

#include <linux/slab.h>

#include "helper.h"

static const struct slow_work_ops no_execute = { .owner = THIS_MODULE };

static void expect_invalid(struct swt *t, enum swt_kind kind, const struct slow_work_ops *ops)
{
	struct swt_item *item = swt_item(t, kind);

	item->work.ops = ops;
	swt_log_mark(t);
	swt_expect_splat(t);
	KUNIT_EXPECT_EQ(t->test, swt_enqueue(item), -EINVAL);
	if (kind == SWT_DELAYED) {
		KUNIT_EXPECT_EQ(t->test, swt_arm(item, 0), -EINVAL);
		KUNIT_EXPECT_EQ(t->test, swt_arm(item, 1), -EINVAL);
	}
	swt_splat_over(t);
	swt_expect_warned(t, "without operations, execute or timer enqueued by");
	KUNIT_EXPECT_FALSE(t->test, swt_logged(t, "no user is registered", ""));
	KUNIT_EXPECT_TRUE(t->test, swt_at_rest(item));
	KUNIT_EXPECT_FALSE(t->test, slow_work_is_queued(&item->work));
	swt_settle(t);
	/* Once it has what it lacked it is of use */
	item->work.ops = &swt_ops;
	swt_must_run(item);
}

static void enqueue_without_operations(struct kunit *test)
{
	expect_invalid(test->priv, SWT_SLOW, NULL);
	expect_invalid(test->priv, SWT_VSLOW, NULL);
	expect_invalid(test->priv, SWT_DELAYED, NULL);
}

static void enqueue_without_execute(struct kunit *test)
{
	expect_invalid(test->priv, SWT_SLOW, &no_execute);
	expect_invalid(test->priv, SWT_VSLOW, &no_execute);
	expect_invalid(test->priv, SWT_DELAYED, &no_execute);
}

static void enqueue_without_a_user(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[3];
	int i;

	swt_unregister(t, THIS_MODULE);
	swt_expect_splat(t);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_item(t, i);
		KUNIT_EXPECT_EQ(test, swt_enqueue(items[i]), -ESHUTDOWN);
		if (i == SWT_DELAYED)
			KUNIT_EXPECT_EQ(test, swt_arm(items[i], 1), -ESHUTDOWN);
	}
	swt_splat_over(t);
	swt_expect_warned(t, "no user is registered; item enqueued by");
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
	KUNIT_ASSERT_EQ(test, swt_register(t, THIS_MODULE), 0);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		KUNIT_EXPECT_FALSE(test, slow_work_is_queued(&items[i]->work));
		KUNIT_EXPECT_EQ(test, atomic_read(&items[i]->gets), 0);
		swt_settle(t);
		KUNIT_EXPECT_EQ(test, swt_starts(items[i]), 0);
		swt_must_run(items[i]);
	}
}

static void cancel_without_a_user_is_harmless(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_must_enqueue(item);
	swt_unregister(t, THIS_MODULE);
	swt_cancel(item);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	KUNIT_EXPECT_TRUE(test, swt_at_rest(item));
}

/* ---- cancelling oneself ------------------------------------------------- */

static void cancel_self(struct swt_item *item)
{
	if (swt_starts(item) == 1)
		slow_work_cancel(&item->work);
}

static void enqueue_and_cancel_self(struct swt_item *item)
{
	if (swt_starts(item) > 1)
		return;
	item->result = swt_enqueue(item);
	slow_work_cancel(&item->work);
}

static void arm_and_cancel_self(struct swt_item *item)
{
	if (swt_starts(item) > 1)
		return;
	item->result = swt_arm(item, 2);
	delayed_slow_work_cancel(&item->dwork);
}

static void expect_self_cancel(struct swt *t, enum swt_kind kind,
			       void (*on_execute)(struct swt_item *item))
{
	struct swt_item *item = swt_item(t, kind);
	struct swt_item *later = swt_item(t, SWT_DELAYED);

	item->on_execute = on_execute;
	swt_expect_splat(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));
	swt_splat_over(t);
	swt_expect_warned(t, "cancels the item it is called for, from");
	KUNIT_EXPECT_EQ(t->test, item->result, 0);
	/* What it had queued or armed is taken back */
	swt_must_arm(later, 3);
	swt_wait(t, swt_runs(later) == 1);
	swt_settle(t);
	KUNIT_EXPECT_EQ(t->test, swt_starts(item), 1);
	/* No cancel is left under way */
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 2);
}

static void cancel_in_its_own_execute_does_not_wait(struct kunit *test)
{
	expect_self_cancel(test->priv, SWT_SLOW, cancel_self);
	expect_self_cancel(test->priv, SWT_VSLOW, cancel_self);
}

static void cancel_in_its_own_execute_takes_back_what_is_deferred(struct kunit *test)
{
	expect_self_cancel(test->priv, SWT_SLOW, enqueue_and_cancel_self);
	expect_self_cancel(test->priv, SWT_DELAYED, enqueue_and_cancel_self);
}

static void cancel_in_its_own_execute_takes_back_what_is_armed(struct kunit *test)
{
	expect_self_cancel(test->priv, SWT_DELAYED, arm_and_cancel_self);
}

static void enqueue_after_cancelling_oneself(struct swt_item *item)
{
	if (swt_starts(item) > 1)
		return;
	slow_work_cancel(&item->work);
	item->result = swt_enqueue(item);
}

static void item_that_cancelled_itself_can_be_enqueued(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	item->on_execute = enqueue_after_cancelling_oneself;
	swt_expect_splat(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 2 && swt_at_rest(item));
	swt_splat_over(t);
	KUNIT_EXPECT_EQ(test, item->result, 0);
}

/* ---- users from pool threads -------------------------------------------- */

static void unregister_from_execute(struct swt_item *item)
{
	slow_work_unregister_user(THIS_MODULE);
}

static void unregister_in_a_pool_thread_changes_nothing(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_item *next = swt_item(t, SWT_SLOW);

	item->on_execute = unregister_from_execute;
	swt_expect_splat(t);
	swt_must_run(item);
	swt_splat_over(t);
	swt_expect_warned(t, "unregister from a pool thread by");
	/* Registered still */
	swt_must_run(next);
	swt_unregister(t, THIS_MODULE);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

static void unregister_in_put_ref_changes_nothing(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_item *next = swt_item(t, SWT_SLOW);

	item->on_put = unregister_from_execute;
	swt_expect_splat(t);
	swt_must_enqueue(item);
	swt_wait(t, atomic_read(&item->puts) == 1);
	swt_splat_over(t);
	swt_must_run(next);
	swt_unregister(t, THIS_MODULE);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

static void register_from_execute(struct swt_item *item)
{
	item->result = slow_work_register_user(THIS_MODULE);
}

/* It may not, so it is refused; had it counted, the pool would outlive the case */
static void register_in_a_pool_thread_changes_nothing(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	item->on_execute = register_from_execute;
	swt_expect_splat(t);
	swt_must_run(item);
	swt_splat_over(t);
	swt_expect_warned(t, "slow-work: register from a pool thread by");
	KUNIT_EXPECT_LT(test, item->result, 0);
	swt_unregister(t, THIS_MODULE);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

static int unregister_fn(struct swt_thread *thread)
{
	slow_work_unregister_user(thread->arg);
	return 0;
}

/* While the only registration is given back, and that waits */
static void unregister_once_too_often_changes_nothing(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "leaver");
	struct swt_item *item = swt_blocker_ops(t, SWT_SLOW, swt_ops_of(t, owner));
	struct swt_thread *unregister;

	KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
	unregister = swt_unregister_start(t, owner, item);
	swt_wait(t, swt_blocked(unregister));
	swt_expect_splat(t);
	/* This one has nothing to wait for */
	swt_call(t, unregister_fn, owner);
	swt_splat_over(t);
	swt_expect_warned(t, "unregister without register by");
	KUNIT_EXPECT_FALSE(test, swt_done(unregister));
	swt_release(item);
	swt_join(unregister);
	KUNIT_EXPECT_TRUE(test, unregister->seen_at_rest);
	/* We are registered still, and so can the other be once more */
	swt_expect_threads(t, 2);
	KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
	swt_unregister(t, owner);
}

static struct kunit_case misuse_cases[] = {
	KUNIT_CASE(enqueue_without_operations),
	KUNIT_CASE(enqueue_without_execute),
	KUNIT_CASE(enqueue_without_a_user),
	KUNIT_CASE(cancel_without_a_user_is_harmless),
	KUNIT_CASE(cancel_in_its_own_execute_does_not_wait),
	KUNIT_CASE(cancel_in_its_own_execute_takes_back_what_is_deferred),
	KUNIT_CASE(cancel_in_its_own_execute_takes_back_what_is_armed),
	KUNIT_CASE(item_that_cancelled_itself_can_be_enqueued),
	KUNIT_CASE(unregister_in_a_pool_thread_changes_nothing),
	KUNIT_CASE(unregister_in_put_ref_changes_nothing),
	KUNIT_CASE(register_in_a_pool_thread_changes_nothing),
	KUNIT_CASE(unregister_once_too_often_changes_nothing),
	{}
};

static struct kunit_suite misuse_suite = {
	.name = "slow_work_misuse",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = misuse_cases,
};

kunit_test_suite(misuse_suite);
