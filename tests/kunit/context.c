// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Promise 4: enqueueing is allowed in any context, hard interrupts included.
 */

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/preempt.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

#include "../compat.h"
#include "helper.h"

/* Enqueues or arms an item in the context of an interrupt */
struct interrupter {
	struct irq_work irq_work;
	struct timer_list timer;
	struct swt_item *item;
	unsigned long delay;
	atomic_t calls;
	atomic_t errors;
	bool context_was_right;
};

static void enqueue_or_arm(struct interrupter *interrupter)
{
	if (interrupter->delay ? swt_arm(interrupter->item, interrupter->delay) :
				 swt_enqueue(interrupter->item))
		atomic_inc(&interrupter->errors);
	atomic_inc(&interrupter->calls);
}

static void in_hard_interrupt(struct irq_work *irq_work)
{
	struct interrupter *interrupter = container_of(irq_work, struct interrupter, irq_work);

	WRITE_ONCE(interrupter->context_was_right, in_hardirq());
	enqueue_or_arm(interrupter);
}

static void in_soft_interrupt(struct timer_list *timer)
{
	struct interrupter *interrupter = container_of(timer, struct interrupter, timer);

	WRITE_ONCE(interrupter->context_was_right, in_serving_softirq());
	enqueue_or_arm(interrupter);
}

static struct interrupter *new_interrupter(struct swt_item *item)
{
	struct interrupter *interrupter = swt_alloc(item->t, sizeof(*interrupter));

	interrupter->irq_work = IRQ_WORK_INIT_HARD(in_hard_interrupt);
	timer_setup(&interrupter->timer, in_soft_interrupt, 0);
	interrupter->item = item;
	return interrupter;
}

static void expect_run_from_hard_irq(struct swt *t, enum swt_kind kind, unsigned long delay)
{
	struct swt_item *item = swt_item(t, kind);
	struct interrupter *interrupter = new_interrupter(item);

	interrupter->delay = delay;
	irq_work_queue(&interrupter->irq_work);
	irq_work_sync(&interrupter->irq_work);
	KUNIT_EXPECT_TRUE(t->test, interrupter->context_was_right);
	KUNIT_EXPECT_EQ(t->test, atomic_read(&interrupter->errors), 0);
	swt_wait(t, swt_runs(item) == 1);
}

static void enqueue_in_hard_irq(struct kunit *test)
{
	expect_run_from_hard_irq(test->priv, SWT_SLOW, 0);
	expect_run_from_hard_irq(test->priv, SWT_VSLOW, 0);
}

static void arm_in_hard_irq(struct kunit *test)
{
	expect_run_from_hard_irq(test->priv, SWT_DELAYED, 2);
}

static void expect_run_from_softirq(struct swt *t, enum swt_kind kind, unsigned long delay)
{
	struct swt_item *item = swt_item(t, kind);
	struct interrupter *interrupter = new_interrupter(item);

	interrupter->delay = delay;
	mod_timer(&interrupter->timer, jiffies + 1);
	swt_comes_true(t, atomic_read(&interrupter->calls));
	timer_delete_sync(&interrupter->timer);
	KUNIT_EXPECT_TRUE(t->test, interrupter->context_was_right);
	KUNIT_EXPECT_EQ(t->test, atomic_read(&interrupter->errors), 0);
	swt_wait(t, swt_runs(item) == 1);
}

static void enqueue_in_softirq(struct kunit *test)
{
	expect_run_from_softirq(test->priv, SWT_SLOW, 0);
	expect_run_from_softirq(test->priv, SWT_VSLOW, 0);
}

static void arm_in_softirq(struct kunit *test)
{
	expect_run_from_softirq(test->priv, SWT_DELAYED, 2);
}

static void enqueue_with_interrupts_off(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_item *armed = swt_item(t, SWT_DELAYED);
	unsigned long flags;
	bool still_off;
	int ret;

	local_irq_save(flags);
	ret = swt_enqueue(item);
	ret |= swt_arm(armed, 1);
	still_off = irqs_disabled();
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_TRUE(test, still_off);
	swt_wait(t, swt_runs(item) == 1 && swt_runs(armed) == 1);
}

static void enqueue_under_raw_spinlock(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_item *armed = swt_item(t, SWT_DELAYED);
	raw_spinlock_t *lock = swt_alloc(t, sizeof(*lock));
	int ret;

	raw_spin_lock_init(lock);
	raw_spin_lock_irq(lock);
	ret = swt_enqueue(item);
	ret |= swt_arm(armed, 1);
	raw_spin_unlock_irq(lock);
	KUNIT_EXPECT_EQ(test, ret, 0);
	swt_wait(t, swt_runs(item) == 1 && swt_runs(armed) == 1);
}

static void enqueue_with_softirqs_off(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_item *armed = swt_item(t, SWT_DELAYED);
	int ret;

	local_bh_disable();
	ret = swt_enqueue(item);
	ret |= swt_arm(armed, 1);
	local_bh_enable();
	KUNIT_EXPECT_EQ(test, ret, 0);
	swt_wait(t, swt_runs(item) == 1 && swt_runs(armed) == 1);
}

static void hard_irq_during_execute_is_deferred(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct interrupter *interrupter = new_interrupter(item);

	swt_must_execute(item);
	irq_work_queue(&interrupter->irq_work);
	irq_work_sync(&interrupter->irq_work);
	KUNIT_EXPECT_EQ(test, atomic_read(&interrupter->errors), 0);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 1);
	swt_release(item);
	swt_wait(t, swt_runs(item) == 2);
}

static void refusal_in_hard_irq_is_returned(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct interrupter *interrupter = new_interrupter(item);

	item->get_result = -EAGAIN;
	irq_work_queue(&interrupter->irq_work);
	irq_work_sync(&interrupter->irq_work);
	KUNIT_EXPECT_EQ(test, atomic_read(&interrupter->errors), 1);
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_PENDING));
}

static void enqueue_by_ipi(void *arg)
{
	enqueue_or_arm(arg);
}

/*
 * Interrupts that hit every processor, so also a pool thread with a lock of the
 * pool in its hand.  With one processor the timer's tick has to serve.
 */
static int interrupt_everywhere(struct swt_thread *thread)
{
	struct interrupter *interrupter = thread->arg;
	struct swt_budget budget = swt_budget();
	int cpu;

	while (swt_more(thread->t, &budget)) {
		if (num_online_cpus() == 1) {
			irq_work_queue(&interrupter->irq_work);
			irq_work_sync(&interrupter->irq_work);
		}
		for_each_online_cpu(cpu)
			smp_call_function_single(cpu, enqueue_by_ipi, interrupter, 1);
		mod_timer(&interrupter->timer, jiffies + 1);
		swt_jitter(20);
	}
	timer_delete_sync(&interrupter->timer);
	return 0;
}

static int keep_pool_busy(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;
	struct swt_budget budget = swt_budget();
	int ret = 0;

	while (swt_more(thread->t, &budget)) {
		ret |= swt_enqueue(item);
		swt_jitter(5);
	}
	return ret;
}

static void interrupts_hit_the_pool_at_work(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread *threads[4];
	struct interrupter *plain, *delayed;
	int i;

	plain = new_interrupter(swt_item(t, SWT_SLOW));
	delayed = new_interrupter(swt_item(t, SWT_DELAYED));
	delayed->delay = 1;
	threads[0] = swt_start(t, interrupt_everywhere, plain);
	threads[1] = swt_start(t, interrupt_everywhere, delayed);
	threads[2] = swt_start(t, keep_pool_busy, swt_item(t, SWT_SLOW));
	threads[3] = swt_start(t, keep_pool_busy, swt_item(t, SWT_VSLOW));
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ(test, swt_join(threads[i]), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&plain->errors), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&delayed->errors), 0);
	swt_wait(t, swt_runs(plain->item) && swt_at_rest(plain->item));
	swt_wait(t, swt_runs(delayed->item) && swt_at_rest(delayed->item));
}

/* An interrupt every 100 us, each of which enqueues the next of these */
struct metronome {
	struct irq_work irq_work;
	struct swt_item *items[8];
	int beats;			/* left */
	int errors;
	int wrong_context;
};

static void enqueue_at_a_beat(struct irq_work *irq_work)
{
	struct metronome *metronome = container_of(irq_work, struct metronome, irq_work);

	metronome->beats--;
	metronome->wrong_context += !in_hardirq();
	metronome->errors += !!swt_enqueue(metronome->items[metronome->beats % 8]);
}

static int run_metronome(struct swt_thread *thread)
{
	struct metronome *metronome = thread->arg;
	unsigned long end = jiffies + 10 * HZ;

	metronome->irq_work = IRQ_WORK_INIT_HARD(enqueue_at_a_beat);
	while (metronome->beats && !READ_ONCE(thread->t->stop)) {
		/* Where a beat takes long they need not be so many */
		if (time_after(jiffies, end))
			metronome->beats = min(metronome->beats, 200);
		irq_work_queue(&metronome->irq_work);
		irq_work_sync(&metronome->irq_work);
		usleep_range(100, 110);
	}
	return metronome->beats;
}

static void describe_for_a_while(struct swt_item *item, struct seq_file *m)
{
	usleep_range(50, 200);
	seq_puts(m, "described");
}

static void interrupts_at_10_khz_while_descs_are_read(struct kunit *test)
{
	struct swt *t = test->priv;
	struct metronome *metronome = swt_alloc(t, sizeof(*metronome));
	struct swt_thread *thread;
	int i;

	if (!IS_ENABLED(CONFIG_SLOW_WORK_DEBUG))
		kunit_skip(test, "built without runqueue");
	swt_pool(t, 2, 4);
	metronome->beats = 5000;
	for (i = 0; i < ARRAY_SIZE(metronome->items); i++) {
		metronome->items[i] = swt_item(t, i % 3);
		metronome->items[i]->on_desc = describe_for_a_while;
	}
	thread = swt_start(t, run_metronome, metronome);
	/* Each turn leaves some memory behind until the end of the case */
	for (i = 0; i < 2000 && !swt_done(thread); i++)
		swt_runqueue(t);
	KUNIT_EXPECT_EQ(test, swt_join(thread), 0);
	KUNIT_EXPECT_EQ(test, metronome->errors, 0);
	KUNIT_EXPECT_EQ(test, metronome->wrong_context, 0);
	for (i = 0; i < ARRAY_SIZE(metronome->items); i++)
		swt_wait(t, swt_runs(metronome->items[i]) && swt_at_rest(metronome->items[i]));
}

static void enqueue_others(struct swt_item *item)
{
	item->result |= swt_enqueue(item->other);
	item->result |= swt_arm(item->data, 1);
}

static void enqueue_in_execute(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_item *armed = swt_item(t, SWT_DELAYED);

	item->other = swt_item(t, SWT_VSLOW);
	item->data = armed;
	item->on_execute = enqueue_others;
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 1 && swt_runs(item->other) == 1 && swt_runs(armed) == 1);
	KUNIT_EXPECT_EQ(test, item->result, 0);
}

static struct kunit_case context_cases[] = {
	KUNIT_CASE(enqueue_in_hard_irq),
	KUNIT_CASE(arm_in_hard_irq),
	KUNIT_CASE(enqueue_in_softirq),
	KUNIT_CASE(arm_in_softirq),
	KUNIT_CASE(enqueue_with_interrupts_off),
	KUNIT_CASE(enqueue_under_raw_spinlock),
	KUNIT_CASE(enqueue_with_softirqs_off),
	KUNIT_CASE(hard_irq_during_execute_is_deferred),
	KUNIT_CASE(refusal_in_hard_irq_is_returned),
	KUNIT_CASE(interrupts_hit_the_pool_at_work),
	KUNIT_CASE(interrupts_at_10_khz_while_descs_are_read),
	KUNIT_CASE(enqueue_in_execute),
	{}
};

static struct kunit_suite context_suite = {
	.name = "slow_work_context",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = context_cases,
};

kunit_test_suite(context_suite);
