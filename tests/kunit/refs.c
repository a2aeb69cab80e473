// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Promise 3: get_ref is called once when an item becomes queued or its delay is
 * armed, put_ref once when the pool lets go of it; where get_ref refuses, so
 * does the enqueue, and a later one works.  Each case's exit asserts for every
 * item of every suite that the two counts are equal at rest.
 */

#include <linux/slab.h>

#include "helper.h"

static void queued_item_is_pinned_once(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	swt_one_thread(t);
	swt_must_enqueue(item);
	swt_must_enqueue(item);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 0);
	swt_release(t->held[0]);
	swt_wait(t, atomic_read(&item->puts) == 1);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 1);
}

static void armed_item_is_pinned_once(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;
	unsigned long due;

	item = swt_arm_and(t, HZ / 10, swt_enqueue, &due);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 1);
	swt_wait(t, atomic_read(&item->puts) == 1);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 1);
}

static void executing_item_is_pinned(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);

	swt_must_execute(item);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->putting), 0);
	swt_release(item);
	swt_wait(t, atomic_read(&item->puts) == 1);
}

/*
 * Two runs without a rest between them: the pool holds the item all the while,
 * so it may keep its reference or take a second one.
 */
static void expect_balance(struct swt_item *item)
{
	struct kunit *test = item->t->test;

	swt_settle(item->t);
	KUNIT_EXPECT_GE(test, atomic_read(&item->gets), 1);
	KUNIT_EXPECT_LE(test, atomic_read(&item->gets), 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), atomic_read(&item->gets));
}

static void merged_and_deferred_enqueues_balance(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);

	swt_must_execute(item);
	swt_must_enqueue(item);
	swt_must_enqueue(item);
	swt_release(item);
	swt_wait(t, swt_runs(item) == 2 && swt_at_rest(item));
	expect_balance(item);
}

static void delay_that_ends_during_execute_balances(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);

	swt_must_execute(item);
	swt_must_arm(item, 1);
	swt_wait(t, !swt_flag(item, SLOW_WORK_DELAYED));
	swt_release(item);
	swt_wait(t, swt_runs(item) == 2 && swt_at_rest(item));
	expect_balance(item);
}

static void cancel_puts_what_was_queued(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_VSLOW);

	swt_one_thread(t);
	swt_must_enqueue(item);
	swt_cancel(item);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 1);
}

static void cancel_puts_what_was_armed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_must_arm(item, SWT_NEVER);
	swt_cancel(item);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 1);
}

static void cancel_puts_what_was_deferred(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_thread *cancel;

	swt_must_execute(item);
	swt_must_enqueue(item);
	cancel = swt_cancel_start(item);
	swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING));
	swt_release(item);
	swt_join(cancel);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	expect_balance(item);
}

static void cancel_of_idle_item_puts_nothing(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_cancel(item);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 0);
}

/* Section 6, row 5: the old code left the item marked pending for good */
static void expect_refusal(struct swt *t, enum swt_kind kind, unsigned long delay, int error)
{
	struct kunit *test = t->test;
	struct swt_item *item = swt_item(t, kind);

	item->get_result = error;
	KUNIT_EXPECT_EQ(test, delay ? swt_arm(item, delay) : swt_enqueue(item), error);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->failed_gets), 1);
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_PENDING));
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_FALSE(test, slow_work_is_queued(&item->work));
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->putting), 0);

	item->get_result = 0;
	KUNIT_EXPECT_EQ(test, delay ? swt_arm(item, delay) : swt_enqueue(item), 0);
	swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 1);
}

static void refused_enqueue_returns_the_error_and_leaves_no_mark(struct kunit *test)
{
	expect_refusal(test->priv, SWT_SLOW, 0, -EAGAIN);
	expect_refusal(test->priv, SWT_VSLOW, 0, -ENOMEM);
	expect_refusal(test->priv, SWT_DELAYED, 0, -EAGAIN);
}

static void refused_arming_returns_the_error_and_leaves_no_mark(struct kunit *test)
{
	expect_refusal(test->priv, SWT_DELAYED, 1, -EAGAIN);
	expect_refusal(test->priv, SWT_DELAYED, 1, -ESTALE);
}

static void refused_enqueue_during_execute_is_no_second_run(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	bool refused;

	swt_must_execute(item);
	item->get_result = -EAGAIN;
	refused = swt_enqueue(item) == -EAGAIN;
	/* The one reference may do for both runs; if not, it has been asked for */
	KUNIT_EXPECT_EQ(test, atomic_read(&item->failed_gets), refused);
	swt_release(item);
	swt_wait(t, swt_at_rest(item));
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_runs(item), refused ? 1 : 2);
	item->get_result = 0;
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == (refused ? 2 : 3));
}

static void refused_enqueue_during_put_ref_is_no_second_run(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	item->get_result = -EAGAIN;
	KUNIT_EXPECT_EQ(test, swt_enqueue(item), -EAGAIN);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->failed_gets), 1);
	item->get_result = 0;
	swt_open(item->put_gate);
	swt_wait(t, swt_at_rest(item));
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 1);
}

static void only_below_0_is_an_error(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	item->get_result = 1;
	KUNIT_EXPECT_GE(test, swt_enqueue(item), 0);
	swt_wait(t, swt_runs(item) == 1);
}

/* Items with nothing but execute */
static atomic_t bare_runs;

static void bare_execute(struct slow_work *work)
{
	atomic_inc(&bare_runs);
}

static const struct slow_work_ops bare_ops = { .execute = bare_execute };

static void expect_bare_run(struct swt *t, enum swt_kind kind, unsigned long delay)
{
	struct swt_item *item = swt_item_ops(t, kind, &bare_ops);
	int before = atomic_read(&bare_runs);

	KUNIT_ASSERT_EQ(t->test, delay ? swt_arm(item, delay) : swt_enqueue(item), 0);
	swt_wait(t, atomic_read(&bare_runs) == before + 1);
	/* An armed one that is cancelled has to do without, too */
	KUNIT_ASSERT_EQ(t->test, delay ? swt_arm(item, SWT_NEVER) : swt_enqueue(item), 0);
	swt_cancel(item);
}

static void get_ref_put_ref_and_desc_are_optional(struct kunit *test)
{
	expect_bare_run(test->priv, SWT_SLOW, 0);
	expect_bare_run(test->priv, SWT_VSLOW, 0);
	expect_bare_run(test->priv, SWT_DELAYED, 0);
}

/* Section 6, row 7: the old code called get_ref without looking: oops */
static void armed_item_needs_no_get_ref(struct kunit *test)
{
	expect_bare_run(test->priv, SWT_DELAYED, 1);
}

static void enqueue_from_put(struct swt_item *item)
{
	if (item->value-- > 0)
		item->result |= swt_enqueue(item);
}

static void put_ref_may_enqueue_the_item_it_still_holds(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	item->on_put = enqueue_from_put;
	item->value = 10;
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 11 && swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, item->result, 0);
}

/* An object that goes with its last reference, as callers have them */
struct counted {
	struct delayed_slow_work dwork;
	atomic_t refs;
	bool closed;			/* what was not the pool's is gone */
	struct swt *t;
	atomic_t *freed;
};

static struct counted *counted_of(struct slow_work *work)
{
	return container_of(work, struct counted, dwork.work);
}

static int counted_get(struct slow_work *work)
{
	atomic_inc(&counted_of(work)->refs);
	return 0;
}

static void counted_put(struct slow_work *work)
{
	struct counted *object = counted_of(work);
	struct swt *t = object->t;

	if (!atomic_dec_and_test(&object->refs))
		return;
	atomic_inc(object->freed);
	/* What the pool reads of it from here on is seen */
	memset(object, 0xff, sizeof(*object));
	kfree(object);
	swt_poke(t);
}

static void counted_execute(struct slow_work *work)
{
	struct counted *object = counted_of(work);

	swt_jitter(10);
	if (!swt_random(4))
		slow_work_enqueue(work);
	if (!swt_random(4))
		delayed_slow_work_enqueue(&object->dwork, swt_random(2));
}

static const struct slow_work_ops counted_ops = {
	.owner = THIS_MODULE,
	.get_ref = counted_get,
	.put_ref = counted_put,
	.execute = counted_execute,
};

static void put_ref_may_free_the_item(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_budget budget = swt_budget();
	atomic_t *freed = swt_alloc(t, sizeof(*freed));
	struct counted *object;
	int made = 0, bad = 0;

	swt_pool(t, 4, 4);
	while (swt_more(t, &budget)) {
		object = kzalloc(sizeof(*object), GFP_KERNEL | __GFP_NOFAIL);
		made++;
		object->t = t;
		object->freed = freed;
		delayed_slow_work_init(&object->dwork, &counted_ops);
		atomic_set(&object->refs, 1);
		bad |= swt_random(2) ? slow_work_enqueue(&object->dwork.work) :
				       delayed_slow_work_enqueue(&object->dwork, swt_random(3));
		/* The pool's is the last one, or ours */
		counted_put(&object->dwork.work);
		if (made % 100 == 0)
			swt_wait(t, atomic_read(freed) == made);
	}
	swt_wait(t, atomic_read(freed) == made);
	KUNIT_EXPECT_EQ(test, bad, 0);
}

/* The caller has left its reference to the item, which drops it as it runs */
static void close_and_go_on(struct slow_work *work)
{
	struct counted *object = counted_of(work);
	struct swt *t = object->t;

	if (object->closed)
		return;
	object->closed = true;
	/* The pool's reference serves for one more run */
	if (!swt_random(2))
		slow_work_enqueue(work);
	else if (!swt_random(4))
		delayed_slow_work_enqueue(&object->dwork, 1);
	counted_put(work);
	swt_jitter(10);
	/* The memory is there as long as the run goes on */
	if (!READ_ONCE(object->closed) || object->t != t)
		atomic_set(object->freed, INT_MIN / 2);
}

static const struct slow_work_ops closing_ops = {
	.owner = THIS_MODULE,
	.get_ref = counted_get,
	.put_ref = counted_put,
	.execute = close_and_go_on,
};

static void last_close_inside_its_own_run(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_budget budget = swt_budget();
	atomic_t *freed = swt_alloc(t, sizeof(*freed));
	struct counted *object;
	int made = 0, bad = 0;

	swt_pool(t, 4, 4);
	while (swt_more(t, &budget)) {
		object = kzalloc(sizeof(*object), GFP_KERNEL | __GFP_NOFAIL);
		made++;
		object->t = t;
		object->freed = freed;
		delayed_slow_work_init(&object->dwork, &closing_ops);
		atomic_set(&object->refs, 1);
		/* From here on it is gone at any time */
		bad |= swt_random(4) ? slow_work_enqueue(&object->dwork.work) :
				       delayed_slow_work_enqueue(&object->dwork, swt_random(3));
		if (made % 100 == 0)
			swt_wait(t, atomic_read(freed) == made);
	}
	swt_wait(t, atomic_read(freed) == made);
	KUNIT_EXPECT_EQ(test, bad, 0);
}

static struct kunit_case refs_cases[] = {
	KUNIT_CASE(queued_item_is_pinned_once),
	KUNIT_CASE(armed_item_is_pinned_once),
	KUNIT_CASE(executing_item_is_pinned),
	KUNIT_CASE(merged_and_deferred_enqueues_balance),
	KUNIT_CASE(delay_that_ends_during_execute_balances),
	KUNIT_CASE(cancel_puts_what_was_queued),
	KUNIT_CASE(cancel_puts_what_was_armed),
	KUNIT_CASE(cancel_puts_what_was_deferred),
	KUNIT_CASE(cancel_of_idle_item_puts_nothing),
	KUNIT_CASE(refused_enqueue_returns_the_error_and_leaves_no_mark),
	KUNIT_CASE(refused_arming_returns_the_error_and_leaves_no_mark),
	KUNIT_CASE(refused_enqueue_during_execute_is_no_second_run),
	KUNIT_CASE(refused_enqueue_during_put_ref_is_no_second_run),
	KUNIT_CASE(only_below_0_is_an_error),
	KUNIT_CASE(get_ref_put_ref_and_desc_are_optional),
	KUNIT_CASE(armed_item_needs_no_get_ref),
	KUNIT_CASE(put_ref_may_enqueue_the_item_it_still_holds),
	KUNIT_CASE(put_ref_may_free_the_item),
	KUNIT_CASE(last_close_inside_its_own_run),
	{}
};

static struct kunit_suite refs_suite = {
	.name = "slow_work_refs",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = refs_cases,
};

kunit_test_suite(refs_suite);
