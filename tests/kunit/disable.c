// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow_work_disable_sync() and slow_work_enable(): an item is cancelled and waited for,
 * and its enqueues are refused until there were as many of the one as of the other.
 */

#include <linux/irq_work.h>
#include <linux/slab.h>

#include "helper.h"

static int disable_fn(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;
	bool prevented = swt_disable(item);

	WRITE_ONCE(thread->seen_at_rest, swt_at_rest(item));
	return prevented;
}

static struct swt_thread *disable_start(struct swt_item *item)
{
	return swt_start(item->t, disable_fn, item);
}

/* In a thread, as a fault may make it hang */
static bool disable(struct swt_item *item)
{
	return swt_join(disable_start(item));
}

static void expect_refused(struct swt_item *item)
{
	struct kunit *test = item->t->test;
	int gets = atomic_read(&item->gets);

	KUNIT_EXPECT_EQ(test, swt_enqueue(item), -ECANCELED);
	if (item->kind == SWT_DELAYED) {
		KUNIT_EXPECT_EQ(test, swt_arm(item, 0), -ECANCELED);
		KUNIT_EXPECT_EQ(test, swt_arm(item, 1), -ECANCELED);
		KUNIT_EXPECT_EQ(test, swt_mod(item, 0), -ECANCELED);
		KUNIT_EXPECT_EQ(test, swt_mod(item, 1), -ECANCELED);
	}
	KUNIT_EXPECT_TRUE(test, swt_at_rest(item));
	KUNIT_EXPECT_FALSE(test, slow_work_is_queued(&item->work));
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), gets);
}

static void expect_as_good_as_new(struct swt_item *item)
{
	struct kunit *test = item->t->test;
	int runs = swt_runs(item);

	KUNIT_EXPECT_EQ(test, item->work.flags & 0x3f & ~BIT(SLOW_WORK_VERY_SLOW), 0UL);
	swt_must_enqueue(item);
	swt_wait(item->t, swt_runs(item) == runs + 1 && swt_at_rest(item));
	if (item->kind != SWT_DELAYED)
		return;
	swt_must_arm(item, 1);
	swt_wait(item->t, swt_runs(item) == runs + 2 && swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, swt_mod(item, 1), 0);
	swt_wait(item->t, swt_runs(item) == runs + 3 && swt_at_rest(item));
}

static void each_kind(struct kunit *test, void (*fn)(struct swt_item *item))
{
	enum swt_kind kind;

	for (kind = SWT_SLOW; kind <= SWT_DELAYED; kind++)
		fn(swt_item(test->priv, kind));
}

static void refuse_until_enabled(struct swt_item *item)
{
	KUNIT_EXPECT_FALSE(item->t->test, disable(item));
	expect_refused(item);
	swt_settle(item->t);
	KUNIT_EXPECT_EQ(item->t->test, swt_starts(item), 0);
	KUNIT_EXPECT_TRUE(item->t->test, swt_enable(item));
	expect_as_good_as_new(item);
}

static void enqueues_are_refused_until_enabled(struct kunit *test)
{
	each_kind(test, refuse_until_enabled);
}

/* What was refused is not made up for */
static void enable_queues_nothing(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	disable(item);
	KUNIT_EXPECT_EQ(test, swt_enqueue(item), -ECANCELED);
	KUNIT_EXPECT_TRUE(test, swt_enable(item));
	KUNIT_EXPECT_TRUE(test, swt_at_rest(item));
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
}

static void count(struct swt_item *item)
{
	struct kunit *test = item->t->test;
	int i;

	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_FALSE(test, disable(item));
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_FALSE(test, swt_enable(item));
		expect_refused(item);
	}
	KUNIT_EXPECT_TRUE(test, swt_enable(item));
	expect_as_good_as_new(item);
}

static void disables_are_counted(struct kunit *test)
{
	each_kind(test, count);
}

/* ---- what it takes back and waits for ----------------------------------- */

static void prevent_a_queued_run(struct swt_item *item)
{
	struct kunit *test = item->t->test;

	swt_must_enqueue(item);
	/* Merged: one run serves both, and neither comes */
	swt_must_enqueue(item);
	KUNIT_EXPECT_TRUE(test, disable(item));
	KUNIT_EXPECT_TRUE(test, swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 1);
	expect_refused(item);
	KUNIT_EXPECT_TRUE(test, swt_enable(item));
}

static void queued_run_is_prevented(struct kunit *test)
{
	struct swt *t = test->priv;

	swt_one_thread(t);
	each_kind(test, prevent_a_queued_run);
	/* What was held, and the item that tells that all is over; none of the three */
	swt_release(t->held[0]);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, atomic_read(&t->sequence), 3);
}

static void armed_run_is_prevented(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_must_arm(item, SWT_NEVER);
	KUNIT_EXPECT_TRUE(test, disable(item));
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 1);
	expect_refused(item);
	KUNIT_EXPECT_TRUE(test, swt_enable(item));
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
	expect_as_good_as_new(item);
}

static void executing_item_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_thread *thread;

	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
	swt_must_enqueue(item);
	thread = disable_start(item);
	swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING) && swt_blocked(thread));
	KUNIT_EXPECT_EQ(test, swt_enqueue(item), -ECANCELED);
	KUNIT_EXPECT_FALSE(test, swt_done(thread));
	swt_release(item);
	swt_wait(t, atomic_read(&item->putting));
	KUNIT_EXPECT_FALSE(test, swt_done(thread));
	swt_open(item->put_gate);
	/* What was deferred is a run, too */
	KUNIT_EXPECT_EQ(test, swt_join(thread), 1);
	KUNIT_EXPECT_TRUE(test, thread->seen_at_rest);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	expect_refused(item);
	KUNIT_EXPECT_TRUE(test, swt_enable(item));
	expect_as_good_as_new(item);
}

static void sleep_and_enqueue(struct swt_item *item)
{
	swt_sleep_until_needed(item);
	item->result = slow_work_enqueue(&item->work);
}

static void sleeper_is_told(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	item->on_execute = sleep_and_enqueue;
	swt_must_enqueue(item);
	swt_wait(t, swt_asleep(item));
	KUNIT_EXPECT_FALSE(test, disable(item));
	KUNIT_EXPECT_EQ(test, item->value, 1L);
	KUNIT_EXPECT_EQ(test, item->result, -ECANCELED);
	expect_refused(item);
}

/* ---- with the other calls ----------------------------------------------- */

static void cancel_leaves_it_disabled(struct swt_item *item)
{
	struct kunit *test = item->t->test;

	disable(item);
	swt_cancel(item);
	expect_refused(item);
	KUNIT_EXPECT_FALSE(test, swt_try_cancel(item));
	expect_refused(item);
	KUNIT_EXPECT_TRUE(test, swt_enable(item));
	expect_as_good_as_new(item);
}

static void cancel_enables_nothing(struct kunit *test)
{
	each_kind(test, cancel_leaves_it_disabled);
}

static void enable_during_a_cancel_lets_nothing_in(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_thread *thread, *cancel;

	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
	thread = disable_start(item);
	swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING));
	cancel = swt_cancel_start(item);
	swt_wait(t, swt_blocked(thread) && swt_blocked(cancel));
	/* True would mean that it can be enqueued */
	KUNIT_EXPECT_FALSE(test, swt_enable(item));
	KUNIT_EXPECT_EQ(test, swt_enqueue(item), -ECANCELED);
	swt_release(item);
	swt_join(thread);
	swt_join(cancel);
	KUNIT_EXPECT_TRUE(test, cancel->seen_at_rest);
	expect_as_good_as_new(item);
}

static void second_run_waits(struct swt_item *item)
{
	if (swt_starts(item) == 2)
		swt_pass(item->data);
}

/* As with enable_work(): the disable waits for the run that it found, and no other */
static void enable_during_a_disable_lets_the_next_in(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_gate *gate = swt_gate(t);
	struct swt_thread *thread;

	item->on_execute = second_run_waits;
	item->data = gate;
	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
	thread = disable_start(item);
	swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING) && swt_blocked(thread));
	KUNIT_EXPECT_EQ(test, swt_enqueue(item), -ECANCELED);
	KUNIT_EXPECT_TRUE(test, swt_enable(item));
	KUNIT_EXPECT_EQ(test, swt_enqueue(item), 0);
	swt_settle(t);
	KUNIT_EXPECT_FALSE(test, swt_done(thread));
	swt_release(item);
	swt_join(thread);
	swt_wait(t, swt_starts(item) == 2);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	swt_open(gate);
	swt_wait(t, swt_at_rest(item));
	expect_as_good_as_new(item);
}

/* A disable waits for a reader of a queued item, and it is enabled before the reader ends */
static struct swt_thread *disable_while_described(struct swt_item *item,
						  struct swt_thread **reader)
{
	struct swt *t = item->t;
	struct swt_thread *thread;

	if (!IS_ENABLED(CONFIG_SLOW_WORK_DEBUG))
		kunit_skip(t->test, "built without runqueue");
	item->desc_gate = swt_gate(t);
	swt_pool(t, 2, 2);
	swt_hold(t, 2);
	swt_must_enqueue(item);
	*reader = swt_runqueue_start(t);
	swt_wait(t, atomic_read(&item->describing) == 1);
	thread = disable_start(item);
	swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING) && swt_blocked(thread));
	KUNIT_EXPECT_TRUE(t->test, swt_enable(item));
	return thread;
}

/* What is taken back meanwhile has a reference of its own, which is put, too */
static void enabled_and_taken_back_while_it_is_described(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_thread *reader, *thread;

	thread = disable_while_described(item, &reader);
	KUNIT_EXPECT_EQ(test, swt_enqueue(item), 0);
	KUNIT_EXPECT_TRUE(test, swt_try_cancel(item));
	swt_open(item->desc_gate);
	KUNIT_EXPECT_EQ(test, swt_join(reader), 0);
	KUNIT_EXPECT_EQ(test, swt_join(thread), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 2);
	KUNIT_EXPECT_TRUE(test, swt_at_rest(item));
	swt_release_held(t);
	expect_as_good_as_new(item);
}

/* The reference that is put counts where it was taken, and a flush of the user waits for it */
static void enabled_and_flushed_while_it_is_described(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "described");
	struct slow_work_ops *ops = swt_ops_of(t, owner);
	struct swt_thread *reader, *thread, *flush;
	struct swt_item *item;

	KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
	item = swt_item_ops(t, SWT_SLOW, ops);
	thread = disable_while_described(item, &reader);
	flush = swt_flush_user_start(t, owner, NULL);
	swt_wait(t, swt_blocked(flush));
	KUNIT_EXPECT_EQ(test, swt_enqueue(item), 0);
	swt_open(item->desc_gate);
	KUNIT_EXPECT_EQ(test, swt_join(reader), 0);
	KUNIT_EXPECT_EQ(test, swt_join(thread), 1);
	swt_join(flush);
	swt_release_held(t);
	swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));
	expect_as_good_as_new(item);
	KUNIT_EXPECT_EQ(test, swt_join(swt_unregister_start(t, owner, NULL)), 0);
}

/* What comes in between is enqueued or armed, and stays so */
struct comer {
	bool arms;
	bool placed;			/* the thread that disables */
	bool stands;			/* in the timer's function */
	bool over;
	int ret;
};

/*
 * The disable waits for the timer's function, which comes on the first processor, and
 * knows of it by the disable's mark.
 */
static void enable_within_timer(struct timer_list *timer)
{
	struct swt_item *item = container_of(timer, struct swt_item, dwork.timer);
	struct comer *comer = item->data;
	unsigned long end = jiffies + 15 * HZ;	/* more would be a lockup */

	WRITE_ONCE(comer->stands, true);
	while (!swt_flag(item, SLOW_WORK_CANCELLING) && time_before(jiffies, end))
		cpu_relax();
	timer->function = delayed_slow_work_timer;
	comer->ret = swt_enable(item) ? 0 : -EBUSY;
	delayed_slow_work_timer(timer);
	if (comer->arms) {
		comer->ret |= swt_mod(item, SWT_NEVER);
	} else {
		comer->ret |= swt_enqueue(item);
		timer->expires = jiffies + SWT_NEVER;	/* is not to be set */
	}
	/* Pairs with expect_to_stay() */
	smp_store_release(&comer->over, true);
	swt_poke(item->t);
}

/* On the last processor */
static int disable_meanwhile(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;
	struct comer *comer = item->data;

	set_cpus_allowed_ptr(current, cpumask_of(cpumask_last(cpu_online_mask)));
	WRITE_ONCE(comer->placed, true);
	swt_poke(thread->t);
	while (!READ_ONCE(comer->stands) && !READ_ONCE(thread->t->stop))
		schedule_timeout_idle(1);
	return disable_fn(thread);
}

static void expect_to_stay(struct swt *t, bool arms)
{
	struct kunit *test = t->test;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	struct comer *comer = swt_alloc(t, sizeof(*comer));
	struct timer_list *timer = &item->dwork.timer;
	struct swt_thread *thread;

	item->data = comer;
	comer->arms = arms;
	swt_pool(t, 2, 2);
	swt_hold(t, 2);
	swt_must_arm(item, SWT_NEVER);
	thread = swt_start(t, disable_meanwhile, item);
	swt_wait(t, READ_ONCE(comer->placed));
	timer_delete(timer);
	timer->function = enable_within_timer;
	timer->expires = jiffies + 1;
	add_timer_on(timer, cpumask_first(cpu_online_mask));
	/* Pairs with enable_within_timer() */
	swt_wait(t, smp_load_acquire(&comer->over));
	KUNIT_EXPECT_EQ(test, comer->ret, 0);
	KUNIT_EXPECT_EQ(test, swt_join(thread), 0);
	KUNIT_EXPECT_EQ(test, swt_flag(item, SLOW_WORK_DELAYED), arms);
	KUNIT_EXPECT_EQ(test, timer_pending(timer), arms);
	if (arms)
		KUNIT_EXPECT_EQ(test, swt_mod(item, 0), 0);
	swt_release_held(t);
	swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));
	expect_as_good_as_new(item);
}

/* The disable waits for the timer's function; what is accepted since the enable comes */
static void enabled_as_its_timer_comes(struct kunit *test)
{
	struct swt *t = test->priv;

	/* It takes two processors */
	if (num_online_cpus() == 1)
		return;
	expect_to_stay(t, false);
	expect_to_stay(t, true);
}

static void sleep_behind_a_gate(struct swt_item *item)
{
	swt_pass(item->data);
	swt_sleep_until_needed(item);
}

/* The run that the disable waits for is told, also if the item was enabled since */
static void enabled_before_its_item_sleeps(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_thread *thread;

	item->data = swt_gate(t);
	item->on_execute = sleep_behind_a_gate;
	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
	thread = disable_start(item);
	swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING) && swt_blocked(thread));
	KUNIT_EXPECT_TRUE(test, swt_enable(item));
	swt_open(item->data);
	swt_join(thread);
	item->on_execute = NULL;
	swt_wait(t, swt_at_rest(item));
	expect_as_good_as_new(item);
}

static void several_at_once_each_wait(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_VSLOW);
	struct swt_thread *threads[6];
	int i, prevented = 0;

	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
	swt_must_enqueue(item);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = i % 3 ? disable_start(item) : swt_cancel_start(item);
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		swt_wait(t, swt_blocked(threads[i]));
		KUNIT_EXPECT_FALSE(test, swt_done(threads[i]));
	}
	swt_release(item);
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		prevented += swt_join(threads[i]);
		KUNIT_EXPECT_TRUE(test, threads[i]->seen_at_rest);
	}
	/* The deferred run was one */
	KUNIT_EXPECT_EQ(test, prevented, 1);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_FALSE(test, swt_enable(item));
		expect_refused(item);
	}
	KUNIT_EXPECT_TRUE(test, swt_enable(item));
	expect_as_good_as_new(item);
}

static void flush_of_what_is_disabled_waits_for_nothing(struct swt_item *item)
{
	struct kunit *test = item->t->test;

	disable(item);
	KUNIT_EXPECT_EQ(test, swt_join(swt_flush_start(item)), 0);
	expect_refused(item);
	KUNIT_EXPECT_TRUE(test, swt_enable(item));
}

static void flush_has_nothing_to_wait_for(struct kunit *test)
{
	each_kind(test, flush_of_what_is_disabled_waits_for_nothing);
}

static void flush_ends_when_its_run_is_prevented(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_thread *flush;

	swt_one_thread(t);
	swt_must_enqueue(item);
	flush = swt_flush_start(item);
	swt_wait(t, swt_blocked(flush));
	KUNIT_EXPECT_TRUE(test, disable(item));
	swt_join(flush);
	KUNIT_EXPECT_TRUE(test, flush->seen_at_rest);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
}

static void unregister_waits_for_nothing_disabled(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_must_arm(item, SWT_NEVER);
	disable(item);
	swt_unregister(t, THIS_MODULE);
	KUNIT_ASSERT_EQ(test, swt_register(t, THIS_MODULE), 0);
	expect_refused(item);
	KUNIT_EXPECT_TRUE(test, swt_enable(item));
	expect_as_good_as_new(item);
}

/* As after a free */
static void initialised_anew_it_is_enabled(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	disable(item);
	disable(item);
	slow_work_init(&item->work, &swt_ops);
	expect_as_good_as_new(item);
	disable(item);
	KUNIT_EXPECT_TRUE(test, swt_enable(item));
}

/* ---- contexts, and misuse ----------------------------------------------- */

static void enable_in_interrupt(struct irq_work *work);
static DEFINE_IRQ_WORK(enabler, enable_in_interrupt);
static struct swt_item *to_enable;

static void enable_in_interrupt(struct irq_work *work)
{
	to_enable->result = swt_enable(to_enable) ?
			    slow_work_enqueue(&to_enable->work) : -EINVAL;
}

static void enable_from_a_hard_interrupt(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	disable(item);
	item->result = 1;
	to_enable = item;
	irq_work_queue(&enabler);
	irq_work_sync(&enabler);
	KUNIT_EXPECT_EQ(test, item->result, 0);
	swt_wait(t, swt_runs(item) == 1);
}

static void enable_without_a_disable(struct swt_item *item)
{
	struct kunit *test = item->t->test;

	KUNIT_EXPECT_FALSE(test, slow_work_enable(&item->work));
	KUNIT_EXPECT_FALSE(test, slow_work_enable(&item->work));
	/* It has not been counted */
	KUNIT_EXPECT_FALSE(test, disable(item));
	expect_refused(item);
	KUNIT_EXPECT_TRUE(test, swt_enable(item));
	expect_as_good_as_new(item);
}

static void enable_without_a_disable_changes_nothing(struct kunit *test)
{
	struct swt *t = test->priv;

	swt_log_mark(t);
	swt_expect_splat(t);
	each_kind(test, enable_without_a_disable);
	swt_splat_over(t);
	swt_expect_warned(t, "item enabled that was not disabled, by");
	KUNIT_EXPECT_LE(test, swt_log_lines(t, "slow-work: item enabled that was not disabled", ""),
			1);
}

/* The one that is too many is not counted, so the enables balance the others */
static void disables_are_counted_up_to_65535(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	unsigned int n;

	for (n = 0; n < USHRT_MAX; n++)
		swt_disable(item);
	swt_expect_splat(t);
	swt_disable(item);
	swt_splat_over(t);
	swt_expect_warned(t, "item disabled too often by");
	for (n = 1; n < USHRT_MAX; n++)
		if (swt_enable(item))
			break;
	KUNIT_EXPECT_EQ(test, n, (unsigned int)USHRT_MAX);
	expect_refused(item);
	KUNIT_EXPECT_TRUE(test, swt_enable(item));
	expect_as_good_as_new(item);
}

static void disable_self(struct swt_item *item)
{
	if (swt_starts(item) > 1)
		return;
	item->result = swt_enqueue(item);
	item->value = swt_disable(item);
	if (!item->result && swt_enqueue(item) != -ECANCELED)
		item->result = -EINVAL;
}

static void from_its_own_execute_it_does_not_wait(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;
	enum swt_kind kind;

	swt_expect_splat(t);
	for (kind = SWT_SLOW; kind <= SWT_DELAYED; kind++) {
		item = swt_item(t, kind);
		item->on_execute = disable_self;
		swt_must_enqueue(item);
		swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));
		KUNIT_EXPECT_EQ(test, item->result, 0);
		/* What it had queued is taken back */
		KUNIT_EXPECT_EQ(test, item->value, 1L);
		expect_refused(item);
		KUNIT_EXPECT_TRUE(test, swt_enable(item));
		expect_as_good_as_new(item);
	}
	swt_splat_over(t);
}

/* ---- items that the compiler initialises -------------------------------- */

static atomic_t runs;

static void count_run(struct slow_work *work)
{
	atomic_inc(&runs);
}

static const struct slow_work_ops static_ops = {
	.owner = THIS_MODULE,
	.execute = count_run,
};

static DEFINE_SLOW_WORK(slow, &static_ops);
static DEFINE_VSLOW_WORK(vslow, &static_ops);
static DEFINE_DELAYED_SLOW_WORK(delayed_slow, &static_ops);
static DEFINE_DELAYED_VSLOW_WORK(delayed_vslow, &static_ops);

/* Nobody has had them before */
static void static_items_can_be_disabled(struct kunit *test)
{
	struct slow_work *items[] = {
		&slow, &vslow, &delayed_slow.work, &delayed_vslow.work,
	};
	struct swt *t = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(items); i++) {
		atomic_set(&runs, 0);
		KUNIT_EXPECT_FALSE(test, slow_work_disable_sync(items[i]));
		KUNIT_EXPECT_EQ(test, slow_work_enqueue(items[i]), -ECANCELED);
		KUNIT_EXPECT_TRUE(test, slow_work_enable(items[i]));
		KUNIT_EXPECT_EQ(test, slow_work_enqueue(items[i]), 0);
		swt_wait(t, atomic_read(&runs) == 1);
		slow_work_cancel(items[i]);
	}
}

/* ---- races -------------------------------------------------------------- */

static int enqueue_all_the_time(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;
	struct swt *t = thread->t;
	int ret = 0;

	while (!READ_ONCE(t->stop) && !READ_ONCE(item->value)) {
		swt_jitter(20);
		ret = item->kind == SWT_DELAYED && swt_random(2) ? swt_arm(item, swt_random(2)) :
								   swt_enqueue(item);
		if (ret && ret != -ECANCELED)
			return ret;
		cond_resched();
	}
	return 0;
}

/* Enqueues come from two threads all the while */
static void disabled_item_does_not_run(struct kunit *test, enum swt_kind kind)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, kind);
	struct swt_budget budget = swt_budget();
	struct swt_thread *threads[2];
	int i, starts, early = 0;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = swt_start(t, enqueue_all_the_time, item);
	while (swt_more(t, &budget)) {
		swt_jitter(50);
		swt_disable(item);
		early += !swt_at_rest(item);
		starts = swt_starts(item);
		swt_jitter(50);
		early += swt_starts(item) != starts;
		KUNIT_EXPECT_TRUE(test, swt_enable(item));
	}
	swt_wait(t, swt_starts(item) > 0);
	WRITE_ONCE(item->value, 1);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ(test, swt_join(threads[i]), 0);
	KUNIT_EXPECT_EQ(test, early, 0);
	swt_cancel(item);
	expect_as_good_as_new(item);
}

static void slow_item_is_raced_in_vain(struct kunit *test)
{
	disabled_item_does_not_run(test, SWT_SLOW);
}

static void delayed_item_is_raced_in_vain(struct kunit *test)
{
	disabled_item_does_not_run(test, SWT_DELAYED);
}

static struct kunit_case disable_cases[] = {
	KUNIT_CASE(enqueues_are_refused_until_enabled),
	KUNIT_CASE(enable_queues_nothing),
	KUNIT_CASE(disables_are_counted),
	KUNIT_CASE(queued_run_is_prevented),
	KUNIT_CASE(armed_run_is_prevented),
	KUNIT_CASE(executing_item_is_waited_for),
	KUNIT_CASE(sleeper_is_told),
	KUNIT_CASE(cancel_enables_nothing),
	KUNIT_CASE(enable_during_a_cancel_lets_nothing_in),
	KUNIT_CASE(enable_during_a_disable_lets_the_next_in),
	KUNIT_CASE(enabled_and_taken_back_while_it_is_described),
	KUNIT_CASE(enabled_and_flushed_while_it_is_described),
	KUNIT_CASE(enabled_as_its_timer_comes),
	KUNIT_CASE(enabled_before_its_item_sleeps),
	KUNIT_CASE(several_at_once_each_wait),
	KUNIT_CASE(flush_has_nothing_to_wait_for),
	KUNIT_CASE(flush_ends_when_its_run_is_prevented),
	KUNIT_CASE(unregister_waits_for_nothing_disabled),
	KUNIT_CASE(initialised_anew_it_is_enabled),
	KUNIT_CASE(enable_from_a_hard_interrupt),
	KUNIT_CASE(enable_without_a_disable_changes_nothing),
	KUNIT_CASE(disables_are_counted_up_to_65535),
	KUNIT_CASE(from_its_own_execute_it_does_not_wait),
	KUNIT_CASE(static_items_can_be_disabled),
	KUNIT_CASE(slow_item_is_raced_in_vain),
	KUNIT_CASE(delayed_item_is_raced_in_vain),
	{}
};

static struct kunit_suite disable_suite = {
	.name = "slow_work_disable",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = disable_cases,
};

kunit_test_suite(disable_suite);
