// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow_work_flush(): when it returns, the run that the last accepted enqueue is
 * served by has ended, put_ref included, or was cancelled.  What is enqueued
 * meanwhile is not waited for.
 *
 * swt_thread::result is what the flush returned, and seen_at_rest the item's state
 * just then.
 */

#include "helper.h"

/* Of a flush that is to wait: until it does so, and it must not be through */
static void expect_waits(struct swt_thread *flush)
{
	swt_wait(flush->t, swt_blocked(flush));
	KUNIT_EXPECT_FALSE(flush->t->test, swt_done(flush));
}

static void expect_waited(struct swt_thread *flush)
{
	KUNIT_EXPECT_EQ(flush->t->test, swt_join(flush), 1);
	KUNIT_EXPECT_TRUE(flush->t->test, flush->seen_at_rest);
}

static void item_at_rest_is_not_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;
	int kind;

	for (kind = SWT_SLOW; kind <= SWT_DELAYED; kind++) {
		item = swt_item(t, kind);
		KUNIT_EXPECT_EQ(test, swt_join(swt_flush_start(item)), 0);
		swt_must_enqueue(item);
		swt_wait(t, swt_at_rest(item));
		/* The thread may not have let go of it yet */
		swt_cancel(item);
		KUNIT_EXPECT_EQ(test, swt_join(swt_flush_start(item)), 0);
		KUNIT_EXPECT_EQ(test, swt_starts(item), 1);
	}
}

static void queued_item_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread *flushes[3];
	struct swt_item *items[3];
	int i;

	swt_one_thread(t);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_item(t, i);
		swt_must_enqueue(items[i]);
		flushes[i] = swt_flush_start(items[i]);
		expect_waits(flushes[i]);
	}
	swt_release(t->held[0]);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		expect_waited(flushes[i]);
		KUNIT_EXPECT_EQ(test, swt_runs(items[i]), 1);
	}
}

static void executing_item_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread *flush;
	struct swt_item *item;
	int kind;

	for (kind = SWT_SLOW; kind <= SWT_DELAYED; kind++) {
		item = swt_blocker(t, kind);
		swt_must_execute(item);
		flush = swt_flush_start(item);
		expect_waits(flush);
		swt_release(item);
		expect_waited(flush);
		KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	}
}

static void put_ref_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_thread *before, *within;

	item->put_gate = swt_gate(t);
	swt_must_execute(item);
	before = swt_flush_start(item);
	expect_waits(before);
	swt_release(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	within = swt_flush_start(item);
	expect_waits(within);
	KUNIT_EXPECT_FALSE(test, swt_done(before));
	swt_open(item->put_gate);
	expect_waited(before);
	expect_waited(within);
}

/* The second run of an item waits at the gate in its data */
static void change_gates(struct swt_item *item)
{
	if (swt_starts(item) == 2)
		item->gate = item->data;
}

static struct swt_item *two_gates(struct swt *t, enum swt_kind kind)
{
	struct swt_item *item = swt_blocker(t, kind);

	item->data = swt_gate(t);
	item->on_execute = change_gates;
	return item;
}

static void deferred_run_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = two_gates(t, SWT_SLOW);
	struct swt_thread *flush;

	swt_must_execute(item);
	swt_must_enqueue(item);
	flush = swt_flush_start(item);
	expect_waits(flush);
	swt_release(item);
	swt_wait(t, swt_starts(item) == 2);
	expect_waits(flush);
	swt_open(item->data);
	expect_waited(flush);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 2);
}

static void run_enqueued_in_put_ref_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = two_gates(t, SWT_SLOW);
	struct swt_thread *flush;

	item->put_gate = swt_gate(t);
	swt_must_execute(item);
	swt_release(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	swt_must_enqueue(item);
	flush = swt_flush_start(item);
	expect_waits(flush);
	swt_open(item->put_gate);
	swt_wait(t, swt_starts(item) == 2);
	expect_waits(flush);
	swt_open(item->data);
	expect_waited(flush);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 2);
}

static void run_enqueued_meanwhile_is_not_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = two_gates(t, SWT_SLOW);
	struct swt_thread *flush;

	swt_must_execute(item);
	flush = swt_flush_start(item);
	expect_waits(flush);
	swt_must_enqueue(item);
	swt_release(item);
	KUNIT_EXPECT_EQ(test, swt_join(flush), 1);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	swt_wait(t, swt_starts(item) == 2);
}

static void requeue_self(struct swt_item *item)
{
	if (!READ_ONCE(item->t->stop))
		item->result |= swt_enqueue(item);
}

static void item_that_requeues_itself_does_not_hold_it_up(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	int i;

	item->on_execute = requeue_self;
	swt_must_enqueue(item);
	for (i = 0; i < 20; i++)
		KUNIT_EXPECT_EQ(test, swt_join(swt_flush_start(item)), 1);
	KUNIT_EXPECT_EQ(test, item->result, 0);
}

static void armed_item_is_queued_at_once(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	struct swt_thread *flush;

	swt_one_thread(t);
	swt_must_arm(item, SWT_NEVER);
	flush = swt_flush_start(item);
	expect_waits(flush);
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_TRUE(test, slow_work_is_queued(&item->work));
	swt_release(t->held[0]);
	expect_waited(flush);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	/* Its timer is off: it can be armed anew */
	swt_must_arm(item, 1);
	swt_wait(t, swt_runs(item) == 2);
}

static void item_executing_and_armed_runs_again_at_once(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = two_gates(t, SWT_DELAYED);
	struct swt_thread *flush;

	swt_must_execute(item);
	swt_must_arm(item, SWT_NEVER);
	flush = swt_flush_start(item);
	expect_waits(flush);
	swt_release(item);
	swt_wait(t, swt_starts(item) == 2);
	expect_waits(flush);
	swt_open(item->data);
	expect_waited(flush);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 1);
}

static void armed_in_put_ref_runs_at_once(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	struct swt_thread *flush;

	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	swt_must_arm(item, SWT_NEVER);
	flush = swt_flush_start(item);
	expect_waits(flush);
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_DELAYED));
	swt_open(item->put_gate);
	expect_waited(flush);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 2);
}

/* ---- cancelled meanwhile ------------------------------------------------ */

static void expect_cancel_ends_it(struct swt_item *item, bool try)
{
	struct swt *t = item->t;
	struct swt_thread *flush = swt_flush_start(item);

	expect_waits(flush);
	if (try)
		KUNIT_EXPECT_TRUE(t->test, swt_try_cancel(item));
	else
		KUNIT_EXPECT_EQ(t->test, swt_join(swt_cancel_start(item)), 1);
	expect_waited(flush);
	KUNIT_EXPECT_EQ(t->test, swt_starts(item), 0);
}

static void cancel_of_a_queued_item_ends_it(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	int try;

	swt_one_thread(t);
	for (try = 0; try < 2; try++) {
		swt_must_enqueue(item);
		expect_cancel_ends_it(item, try);
	}
	swt_release(t->held[0]);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
}

static void cancel_of_an_armed_item_ends_it(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	int try;

	swt_one_thread(t);
	for (try = 0; try < 2; try++) {
		swt_must_arm(item, SWT_NEVER);
		expect_cancel_ends_it(item, try);
	}
}

static void put_ref_by_a_cancel_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_thread *before, *within, *cancel;

	swt_one_thread(t);
	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	before = swt_flush_start(item);
	expect_waits(before);
	cancel = swt_cancel_start(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	within = swt_flush_start(item);
	expect_waits(within);
	KUNIT_EXPECT_FALSE(test, swt_done(before));
	swt_open(item->put_gate);
	expect_waited(before);
	expect_waited(within);
	swt_join(cancel);
}

static void expect_cancel_of_deferred_ends_it(struct swt *t, unsigned long delay, bool try)
{
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);
	struct swt_thread *flush, *cancel = NULL;

	swt_must_execute(item);
	swt_must_arm(item, delay);
	flush = swt_flush_start(item);
	expect_waits(flush);
	if (try) {
		KUNIT_EXPECT_TRUE(t->test, swt_try_cancel(item));
	} else {
		cancel = swt_cancel_start(item);
		swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING) && swt_blocked(cancel));
	}
	swt_release(item);
	expect_waited(flush);
	if (cancel)
		KUNIT_EXPECT_EQ(t->test, swt_join(cancel), 1);
	KUNIT_EXPECT_EQ(t->test, swt_runs(item), 1);
}

static void cancel_of_a_deferred_run_ends_it(struct kunit *test)
{
	expect_cancel_of_deferred_ends_it(test->priv, 0, false);
	expect_cancel_of_deferred_ends_it(test->priv, 0, true);
	expect_cancel_of_deferred_ends_it(test->priv, SWT_NEVER, false);
	expect_cancel_of_deferred_ends_it(test->priv, SWT_NEVER, true);
}

static void run_taken_back_in_put_ref_is_waited_for_no_more(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_thread *flush;

	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	swt_must_enqueue(item);
	flush = swt_flush_start(item);
	expect_waits(flush);
	KUNIT_EXPECT_TRUE(test, swt_try_cancel(item));
	swt_open(item->put_gate);
	expect_waited(flush);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 2);
}

/* ---- several ------------------------------------------------------------ */

static void several_flushes_of_one_item_all_return(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_thread *flushes[6];
	int i;

	swt_one_thread(t);
	swt_must_enqueue(item);
	for (i = 0; i < 3; i++) {
		flushes[i] = swt_flush_start(item);
		expect_waits(flushes[i]);
	}
	swt_release(t->held[0]);
	swt_wait(t, swt_executing(item));
	for (; i < ARRAY_SIZE(flushes); i++) {
		flushes[i] = swt_flush_start(item);
		expect_waits(flushes[i]);
	}
	for (i = 0; i < ARRAY_SIZE(flushes); i++)
		KUNIT_EXPECT_FALSE(test, swt_done(flushes[i]));
	swt_release(item);
	for (i = 0; i < ARRAY_SIZE(flushes); i++)
		expect_waited(flushes[i]);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
}

/* One waits for the run that is under way, one for the next */
static void flushes_of_two_runs_are_told_apart(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = two_gates(t, SWT_SLOW);
	struct swt_thread *first, *second;

	swt_must_execute(item);
	first = swt_flush_start(item);
	expect_waits(first);
	swt_must_enqueue(item);
	second = swt_flush_start(item);
	expect_waits(second);
	swt_release(item);
	KUNIT_EXPECT_EQ(test, swt_join(first), 1);
	swt_wait(t, swt_starts(item) == 2);
	expect_waits(second);
	swt_open(item->data);
	expect_waited(second);
}

static void flushes_of_two_items_are_told_apart(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[2] = { swt_blocker(t, SWT_SLOW), swt_blocker(t, SWT_SLOW) };
	struct swt_thread *flushes[2];
	int i;

	swt_one_thread(t);
	for (i = 0; i < 2; i++) {
		swt_must_enqueue(items[i]);
		flushes[i] = swt_flush_start(items[i]);
		expect_waits(flushes[i]);
	}
	swt_release(t->held[0]);
	swt_release(t->held[1]);
	swt_wait(t, swt_executing(items[0]) && swt_executing(items[1]));
	swt_release(items[1]);
	expect_waited(flushes[1]);
	expect_waits(flushes[0]);
	swt_release(items[0]);
	expect_waited(flushes[0]);
}

/* The thread that had both before tells nothing of who waits for them */
static void flushes_of_items_that_have_run_are_told_apart(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[2] = { swt_item(t, SWT_SLOW), swt_item(t, SWT_SLOW) };
	struct swt_thread *flushes[2];
	int i;

	swt_one_thread(t);
	swt_release(t->held[0]);
	for (i = 0; i < 2; i++)
		swt_must_run(items[i]);
	swt_hold(t, 1);
	items[1]->gate = swt_gate(t);
	for (i = 0; i < 2; i++) {
		swt_must_enqueue(items[i]);
		flushes[i] = swt_flush_start(items[i]);
		expect_waits(flushes[i]);
	}
	swt_release(t->held[2]);
	expect_waited(flushes[0]);
	swt_wait(t, swt_executing(items[1]));
	/* Of several that are woken, all but one have to wait for a timer */
	schedule_timeout_uninterruptible(2);
	expect_waits(flushes[1]);
	swt_release(items[1]);
	expect_waited(flushes[1]);
}

#define STACK_WORDS	112

/* Has @item wherever the flush had something on the stack, until the gate opens */
static noinline int wait_on_that_stack(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;
	struct slow_work *left[STACK_WORDS];
	int i, nr = 0;

	for (i = 0; i < ARRAY_SIZE(left); i++)
		WRITE_ONCE(left[i], &item->work);
	/* Pairs with flush_that_has_gone_is_forgotten() */
	smp_store_release(&thread->seen_at_rest, true);
	swt_poke(item->t);
	swt_pass(item->data);
	for (i = 0; i < ARRAY_SIZE(left); i++)
		nr += READ_ONCE(left[i]) == &item->work;
	return nr;
}

static int flush_and_wait(struct swt_thread *thread)
{
	return swt_do_flush(thread->arg) ? wait_on_that_stack(thread) : 0;
}

static int try_to_cancel(struct swt_thread *thread)
{
	return swt_try_cancel(thread->arg);
}

static struct swt_thread *take_back_with_put_gate(struct swt_item *item)
{
	struct swt *t = item->t;
	struct swt_thread *cancel;
	int putting = atomic_read(&item->putting);

	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	cancel = swt_start(t, try_to_cancel, item);
	swt_wait(t, atomic_read(&item->putting) == putting + 1);
	return cancel;
}

/*
 * Who waits for the put_ref that a cancel calls lists the others, and those of the next
 * run too; nothing of it is used when it has gone.
 */
static void flush_that_has_gone_is_forgotten(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_thread *flushes[2], *flush, *next, *cancel;
	int i;

	swt_one_thread(t);
	item->data = swt_gate(t);
	for (i = 0; i < 2; i++) {
		cancel = take_back_with_put_gate(item);
		flush = swt_start(t, flush_and_wait, item);
		flushes[i] = flush;
		expect_waits(flush);
		if (i) {
			swt_must_enqueue(item);
			next = swt_flush_start(item);
			expect_waits(next);
			/* What the thread has now that had it is not waited for */
			swt_release(t->held[2]);
			swt_settle(t);
			schedule_timeout_uninterruptible(2);
			KUNIT_EXPECT_FALSE(test, flush->seen_at_rest);
			expect_waits(next);
		}
		swt_open(item->put_gate);
		KUNIT_EXPECT_EQ(test, swt_join(cancel), 1);
		/* Pairs with wait_on_that_stack() */
		swt_wait(t, smp_load_acquire(&flush->seen_at_rest));
		if (!i) {
			item->put_gate = NULL;
			swt_must_enqueue(item);
			swt_release(t->held[0]);
			swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));
			swt_hold(t, 1);
		}
	}
	expect_waited(next);
	swt_open(item->data);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, swt_join(flushes[i]), STACK_WORDS);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 2);
}

/* One thread has both by turns, and lists nobody for an item that it let go of */
static void flushes_of_two_deferred_runs_are_told_apart(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[2];
	struct swt_thread *flushes[2];
	struct swt_gate *gate;
	int i;

	swt_one_thread(t);
	for (i = 0; i < 2; i++) {
		items[i] = swt_blocker(t, SWT_SLOW);
		swt_must_enqueue(items[i]);
	}
	swt_release(t->held[0]);
	for (i = 0; i < 2; i++) {
		/* It is at its gate, not on the way there */
		swt_wait(t, swt_asleep(items[i]));
		swt_must_enqueue(items[i]);
		flushes[i] = swt_flush_start(items[i]);
		expect_waits(flushes[i]);
		/* Of the second runs the first one ends by itself */
		gate = items[i]->gate;
		items[i]->gate = i ? swt_gate(t) : NULL;
		swt_open(gate);
	}
	expect_waited(flushes[0]);
	swt_wait(t, swt_executing(items[1]));
	/* As above */
	schedule_timeout_uninterruptible(2);
	expect_waits(flushes[1]);
	swt_release(items[1]);
	expect_waited(flushes[1]);
}

/* ---- from inside -------------------------------------------------------- */

static void flush_self(struct swt_item *item)
{
	item->result = slow_work_flush(&item->work);
}

static void flush_in_its_own_execute_does_not_wait(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	item->result = -1;
	item->on_execute = flush_self;
	swt_expect_splat(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_at_rest(item) && swt_runs(item) == 1);
	swt_splat_over(t);
	swt_expect_warned(t, "flushes the item it is called for, from");
	KUNIT_EXPECT_EQ(test, item->result, 0);
}

static void flush_in_its_own_put_ref_does_not_wait(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	item->result = -1;
	item->on_put = flush_self;
	swt_expect_splat(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_at_rest(item) && swt_runs(item) == 1);
	KUNIT_EXPECT_EQ(test, item->result, 0);
	/* So also where a cancel calls it */
	item->result = -1;
	swt_one_thread(t);
	swt_must_enqueue(item);
	swt_cancel(item);
	KUNIT_EXPECT_EQ(test, item->result, 0);
	item->result = -1;
	swt_must_enqueue(item);
	KUNIT_EXPECT_EQ(test, swt_call(t, try_to_cancel, item), 1);
	swt_splat_over(t);
	KUNIT_EXPECT_EQ(test, item->result, 0);
}

static void flush_other(struct swt_item *item)
{
	item->value = slow_work_flush(&item->other->work);
	item->result = swt_at_rest(item->other);
}

/* What is waited for is initialised anew here, of another class than what waits */
static void execute_may_flush_others(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_item *other = swt_blocker(t, SWT_SLOW);

	slow_work_init(&other->work, &swt_ops);
	item->on_execute = flush_other;
	item->other = other;
	swt_must_execute(other);
	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item) && swt_asleep(item));
	swt_release(other);
	swt_wait(t, swt_runs(item) == 1);
	KUNIT_EXPECT_EQ(test, item->value, 1L);
	KUNIT_EXPECT_EQ(test, item->result, 1);
}

/* ---- races -------------------------------------------------------------- */

/* Nobody else enqueues it: so it is at rest when its flush returns */
static int enqueue_and_flush(struct swt_thread *thread)
{
	struct swt *t = thread->t;
	struct swt_item *item = thread->arg;
	struct swt_budget budget = swt_budget();
	int before, ret;

	while (swt_more(t, &budget)) {
		before = swt_starts(item);
		ret = item->kind == SWT_DELAYED ? swt_arm(item, swt_random(3)) :
						  swt_enqueue(item);
		if (ret)
			return ret;
		/* From when it is queued until it is long over */
		swt_jitter(swt_random(2) ? 10 : 200);
		slow_work_flush(&item->work);
		if (!swt_at_rest(item))
			return -EBUSY;
		if (swt_starts(item) != before + 1)
			return -EIO;
	}
	return 0;
}

static void jitter(struct swt_item *item)
{
	swt_jitter(20);
}

static void flush_against_its_run(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread *threads[3];
	struct swt_item *item;
	int i;

	swt_pool(t, 4, 4);
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		item = swt_item(t, i);
		item->on_execute = jitter;
		item->on_put = jitter;
		threads[i] = swt_start(t, enqueue_and_flush, item);
	}
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ(test, swt_join(threads[i]), 0);
}

/* An item, and tickets: each is seen by a run, or was taken back */
struct tickets {
	struct swt_item *item;
	atomic_t want;			/* drawn before an enqueue */
	atomic_t seen;			/* by the run that ended last, when it began */
	atomic_t excused;		/* drawn before a cancel was over that took one */
};

static void raise(atomic_t *what, int to)
{
	int old = atomic_read(what);

	while (old < to && !atomic_try_cmpxchg(what, &old, to))
		;
}

static void see_tickets(struct swt_item *item)
{
	struct tickets *tickets = item->data;
	int seen = atomic_read(&tickets->want);

	swt_jitter(20);
	atomic_set(&tickets->seen, seen);
}

static int flush_tickets(struct swt_thread *thread)
{
	struct tickets *tickets = thread->arg;
	struct swt_item *item = tickets->item;
	struct swt_budget budget = swt_budget();
	int ticket, ret;

	while (swt_more(thread->t, &budget)) {
		ticket = atomic_inc_return(&tickets->want);
		ret = item->kind == SWT_DELAYED ? swt_arm(item, swt_random(3)) :
						  swt_enqueue(item);
		if (ret && ret != -ECANCELED)
			return ret;
		swt_jitter(10);
		slow_work_flush(&item->work);
		if (!ret && atomic_read(&tickets->seen) < ticket &&
		    /* A cancel may just have taken it, and not have said so yet */
		    !swt_comes_true(thread->t, atomic_read(&tickets->excused) >= ticket))
			return -EBUSY;
	}
	return 0;
}

static int cancel_tickets(struct swt_thread *thread)
{
	struct tickets *tickets = thread->arg;
	struct swt_item *item = tickets->item;
	struct swt_budget budget = swt_budget();

	while (swt_more(thread->t, &budget)) {
		if (swt_random(2) ? swt_do_cancel(item) : swt_try_cancel(item))
			raise(&tickets->excused, atomic_read(&tickets->want));
		swt_jitter(40);
	}
	return 0;
}

static void expect_flushes_hold(struct swt *t, enum swt_kind kind, int flushers, int cancels)
{
	struct tickets *tickets = swt_alloc(t, sizeof(*tickets));
	struct swt_item *item = swt_item(t, kind);
	struct swt_thread *threads[4];
	int i;

	item->data = tickets;
	item->on_execute = see_tickets;
	item->on_put = jitter;
	tickets->item = item;
	swt_pool(t, 4, 4);
	for (i = 0; i < flushers; i++)
		threads[i] = swt_start(t, flush_tickets, tickets);
	for (; i < flushers + cancels; i++)
		threads[i] = swt_start(t, cancel_tickets, tickets);
	for (i = 0; i < flushers + cancels; i++)
		KUNIT_EXPECT_EQ(t->test, swt_join(threads[i]), 0);
	swt_wait(t, swt_at_rest(item));
}

static void flush_against_enqueue(struct kunit *test)
{
	expect_flushes_hold(test->priv, SWT_SLOW, 3, 0);
	expect_flushes_hold(test->priv, SWT_DELAYED, 3, 0);
}

static void flush_against_cancel(struct kunit *test)
{
	expect_flushes_hold(test->priv, SWT_SLOW, 2, 1);
	expect_flushes_hold(test->priv, SWT_DELAYED, 2, 2);
}

static struct kunit_case flush_cases[] = {
	KUNIT_CASE(item_at_rest_is_not_waited_for),
	KUNIT_CASE(queued_item_is_waited_for),
	KUNIT_CASE(executing_item_is_waited_for),
	KUNIT_CASE(put_ref_is_waited_for),
	KUNIT_CASE(deferred_run_is_waited_for),
	KUNIT_CASE(run_enqueued_in_put_ref_is_waited_for),
	KUNIT_CASE(run_enqueued_meanwhile_is_not_waited_for),
	KUNIT_CASE(item_that_requeues_itself_does_not_hold_it_up),
	KUNIT_CASE(armed_item_is_queued_at_once),
	KUNIT_CASE(item_executing_and_armed_runs_again_at_once),
	KUNIT_CASE(armed_in_put_ref_runs_at_once),
	KUNIT_CASE(cancel_of_a_queued_item_ends_it),
	KUNIT_CASE(cancel_of_an_armed_item_ends_it),
	KUNIT_CASE(put_ref_by_a_cancel_is_waited_for),
	KUNIT_CASE(cancel_of_a_deferred_run_ends_it),
	KUNIT_CASE(run_taken_back_in_put_ref_is_waited_for_no_more),
	KUNIT_CASE(several_flushes_of_one_item_all_return),
	KUNIT_CASE(flushes_of_two_runs_are_told_apart),
	KUNIT_CASE(flushes_of_two_items_are_told_apart),
	KUNIT_CASE(flushes_of_items_that_have_run_are_told_apart),
	KUNIT_CASE(flushes_of_two_deferred_runs_are_told_apart),
	KUNIT_CASE(flush_that_has_gone_is_forgotten),
	KUNIT_CASE(flush_in_its_own_execute_does_not_wait),
	KUNIT_CASE(flush_in_its_own_put_ref_does_not_wait),
	KUNIT_CASE(execute_may_flush_others),
	KUNIT_CASE(flush_against_its_run),
	KUNIT_CASE(flush_against_enqueue),
	KUNIT_CASE(flush_against_cancel),
	{}
};

static struct kunit_suite flush_suite = {
	.name = "slow_work_flush",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = flush_cases,
};

kunit_test_suite(flush_suite);
