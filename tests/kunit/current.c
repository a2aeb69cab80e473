// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow_work_current(): the item whose execute the calling thread is in, or NULL.
 */

#include <linux/irq_work.h>

#include "helper.h"

static noinline struct slow_work *at_some_depth(int depth)
{
	struct slow_work *work = depth ? at_some_depth(depth - 1) : slow_work_current();

	barrier();	/* or the call were the last deed, and a jump */
	return work;
}

static void look_in_execute(struct swt_item *item)
{
	if (slow_work_current() != &item->work || at_some_depth(3) != &item->work)
		item->result = -EINVAL;
}

static void in_execute_it_is_the_item(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[8];
	int i, round;

	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_item(t, i % 3);
		items[i]->on_execute = look_in_execute;
	}
	for (round = 0; round < 5; round++) {
		for (i = 0; i < ARRAY_SIZE(items); i++)
			swt_must_enqueue(items[i]);
		for (i = 0; i < ARRAY_SIZE(items); i++)
			swt_wait(t, swt_at_rest(items[i]));
	}
	for (i = 0; i < ARRAY_SIZE(items); i++)
		KUNIT_EXPECT_EQ(test, items[i]->result, 0);
}

static void wait_and_look(struct swt_item *item)
{
	look_in_execute(item);
	swt_pass(item->data);
	look_in_execute(item);
}

/* Whatever others have asked of it meanwhile */
static void in_execute_that_is_waited_for_too(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_thread *cancel, *flush;

	item->on_execute = wait_and_look;
	item->data = swt_gate(t);
	swt_must_execute(item);
	flush = swt_flush_start(item);
	swt_wait(t, swt_blocked(flush));
	swt_must_enqueue(item);
	cancel = swt_cancel_start(item);
	swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING));
	swt_open(item->data);
	swt_join(cancel);
	swt_join(flush);
	KUNIT_EXPECT_EQ(test, item->result, 0);
}

static void look_for_none(struct swt_item *item)
{
	if (slow_work_current())
		item->result = -EINVAL;
}

static void in_put_ref_it_is_none(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW), *caught = swt_blocker(t, SWT_SLOW);

	item->on_put = look_for_none;
	swt_must_enqueue(item);
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, item->result, 0);
	/* Where the thread had to come by the lock before */
	caught->on_put = look_for_none;
	swt_must_execute(caught);
	swt_must_enqueue(caught);
	KUNIT_EXPECT_TRUE(test, swt_try_cancel(caught));
	swt_release(caught);
	swt_wait(t, swt_at_rest(caught));
	KUNIT_EXPECT_EQ(test, caught->result, 0);
	/* And where somebody else calls it */
	swt_one_thread(t);
	swt_must_enqueue(item);
	swt_cancel(item);
	KUNIT_EXPECT_EQ(test, item->result, 0);
}

struct interrupter {
	struct irq_work irq_work;
	struct slow_work *current_work;
	struct task_struct *task;
};

static void look_in_hard_irq(struct irq_work *irq_work)
{
	struct interrupter *interrupter = container_of(irq_work, struct interrupter, irq_work);

	interrupter->current_work = slow_work_current();
	WRITE_ONCE(interrupter->task, current);
}

static void be_interrupted(struct swt_item *item)
{
	struct interrupter *interrupter = item->data;

	/* It is to hit this very thread, so do not sleep until it has come */
	do {
		WRITE_ONCE(interrupter->task, NULL);
		irq_work_queue(&interrupter->irq_work);
		while (!READ_ONCE(interrupter->task) && !READ_ONCE(item->t->stop))
			cpu_relax();
		irq_work_sync(&interrupter->irq_work);
	} while (interrupter->task != current && !READ_ONCE(item->t->stop));
	item->value = interrupter->task == current;
	look_in_execute(item);
}

static void in_an_interrupt_it_is_none(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct interrupter *interrupter = swt_alloc(t, sizeof(*interrupter));

	interrupter->irq_work = IRQ_WORK_INIT_HARD(look_in_hard_irq);
	interrupter->current_work = &item->work;
	item->data = interrupter;
	item->on_execute = be_interrupted;
	swt_must_enqueue(item);
	swt_wait(t, swt_at_rest(item) && swt_runs(item) == 1);
	KUNIT_EXPECT_EQ(test, item->value, 1L);
	KUNIT_EXPECT_PTR_EQ(test, interrupter->current_work, NULL);
	KUNIT_EXPECT_EQ(test, item->result, 0);
}

static int look_in_a_thread(struct swt_thread *thread)
{
	return slow_work_current() ? -EINVAL : 0;
}

static void in_other_threads_it_is_none(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);

	swt_must_execute(item);
	KUNIT_EXPECT_EQ(test, swt_call(t, look_in_a_thread, NULL), 0);
	KUNIT_EXPECT_PTR_EQ(test, slow_work_current(), NULL);
}

static void sleep_and_look(struct swt_item *item)
{
	signed long timeout = 1;

	set_current_state(TASK_UNINTERRUPTIBLE);
	slow_work_sleep_till_thread_needed(&item->work, &timeout);
	look_in_execute(item);
}

static void after_a_sleep_it_is_the_item(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	item->on_execute = sleep_and_look;
	swt_must_enqueue(item);
	swt_wait(t, swt_at_rest(item) && swt_runs(item) == 1);
	KUNIT_EXPECT_EQ(test, item->result, 0);
}

static struct kunit_case current_cases[] = {
	KUNIT_CASE(in_execute_it_is_the_item),
	KUNIT_CASE(in_execute_that_is_waited_for_too),
	KUNIT_CASE(in_put_ref_it_is_none),
	KUNIT_CASE(in_an_interrupt_it_is_none),
	KUNIT_CASE(in_other_threads_it_is_none),
	KUNIT_CASE(after_a_sleep_it_is_the_item),
	{}
};

static struct kunit_suite current_suite = {
	.name = "slow_work_current",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = current_cases,
};

kunit_test_suite(current_suite);
