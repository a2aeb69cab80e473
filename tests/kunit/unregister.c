// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Promise 9: slow_work_unregister_user(m) returns when no item with owner m is
 * queued, armed or executing and no call-out of m is running any more; the last
 * one lets everything run that is queued, disarms and puts what is armed, and
 * leaves no thread.  Section 6, rows 10 and 11.
 *
 * swt_thread::seen_at_rest is the item's state just as its unregister returned.
 */

#include <linux/kallsyms.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "helper.h"

/* A second user with an item of its own */
struct party {
	struct module *owner;
	struct slow_work_ops *ops;
	struct swt_item *item;
};

static struct party *join_pool(struct swt *t, const char *name, enum swt_kind kind)
{
	struct party *party = swt_alloc(t, sizeof(*party));

	party->owner = swt_owner(t, name);
	party->ops = swt_ops_of(t, party->owner);
	party->item = swt_item_ops(t, kind, party->ops);
	KUNIT_ASSERT_EQ(t->test, swt_register(t, party->owner), 0);
	return party;
}

/* Starts its unregister, and sees it wait */
static struct swt_thread *leave_and_wait(struct swt *t, struct party *party)
{
	struct swt_thread *thread = swt_unregister_start(t, party->owner, party->item);

	swt_wait(t, swt_blocked(thread));
	KUNIT_EXPECT_FALSE(t->test, swt_done(thread));
	return thread;
}

static void expect_left(struct swt_thread *thread)
{
	swt_join(thread);
	KUNIT_EXPECT_TRUE(thread->t->test, thread->seen_at_rest);
}

static void queued_item_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread *thread;
	struct party *party;
	int i;

	swt_one_thread(t);
	for (i = 0; i < 2; i++) {
		party = join_pool(t, "swt_other", i ? SWT_VSLOW : SWT_SLOW);
		swt_must_enqueue(party->item);
		thread = leave_and_wait(t, party);
		swt_release(t->held[i]);
		expect_left(thread);
		KUNIT_EXPECT_EQ(test, swt_runs(party->item), 1);
		if (!i)
			swt_hold(t, 1);
	}
}

static void executing_item_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct party *party = join_pool(t, "swt_other", SWT_SLOW);
	struct swt_thread *thread;

	party->item->gate = swt_gate(t);
	swt_must_execute(party->item);
	thread = leave_and_wait(t, party);
	swt_release(party->item);
	expect_left(thread);
}

static void armed_item_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct party *party = join_pool(t, "swt_other", SWT_DELAYED);
	struct swt_thread *thread;

	swt_must_arm(party->item, HZ / 4);
	thread = swt_unregister_start(t, party->owner, party->item);
	expect_left(thread);
	KUNIT_EXPECT_EQ(test, swt_runs(party->item), 1);
	KUNIT_EXPECT_FALSE(test, time_before(party->item->started_at,
					     party->item->armed_at + HZ / 4));
}

static void armed_item_that_is_cancelled_is_not_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct party *party = join_pool(t, "swt_other", SWT_DELAYED);
	struct swt_thread *thread;

	swt_must_arm(party->item, SWT_NEVER);
	thread = leave_and_wait(t, party);
	swt_cancel(party->item);
	expect_left(thread);
}

static void deferred_item_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct party *party = join_pool(t, "swt_other", SWT_SLOW);
	struct swt_thread *thread;

	party->item->gate = swt_gate(t);
	swt_must_execute(party->item);
	swt_must_enqueue(party->item);
	thread = leave_and_wait(t, party);
	swt_release(party->item);
	expect_left(thread);
	KUNIT_EXPECT_EQ(test, swt_runs(party->item), 2);
}

static void put_ref_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct party *party = join_pool(t, "swt_other", SWT_SLOW);
	struct swt_thread *thread;

	party->item->put_gate = swt_gate(t);
	swt_must_enqueue(party->item);
	swt_wait(t, atomic_read(&party->item->putting) == 1);
	thread = leave_and_wait(t, party);
	swt_open(party->item->put_gate);
	expect_left(thread);
}

static void put_ref_called_by_a_cancel_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct party *party = join_pool(t, "swt_other", SWT_DELAYED);
	struct swt_thread *thread, *cancel;

	party->item->put_gate = swt_gate(t);
	swt_must_arm(party->item, SWT_NEVER);
	cancel = swt_cancel_start(party->item);
	swt_wait(t, atomic_read(&party->item->putting) == 1);
	thread = leave_and_wait(t, party);
	swt_open(party->item->put_gate);
	expect_left(thread);
	swt_join(cancel);
}

static void desc_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct party *party = join_pool(t, "swt_other", SWT_SLOW);
	struct swt_thread *thread, *reader;

	if (!IS_ENABLED(CONFIG_SLOW_WORK_DEBUG))
		kunit_skip(test, "built without runqueue");
	party->item->gate = swt_gate(t);
	party->item->desc_gate = swt_gate(t);
	swt_must_execute(party->item);
	reader = swt_runqueue_start(t);
	swt_wait(t, atomic_read(&party->item->descs));
	swt_release(party->item);
	thread = leave_and_wait(t, party);
	KUNIT_EXPECT_EQ(test, atomic_read(&party->item->describing), 1);
	swt_open(party->item->desc_gate);
	expect_left(thread);
	KUNIT_EXPECT_EQ(test, swt_join(reader), 0);
}

static void work_queued_meanwhile_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct party *party = join_pool(t, "swt_other", SWT_SLOW);
	struct swt_item *second = swt_blocker_ops(t, SWT_SLOW, party->ops);
	struct swt_thread *thread;

	party->item->gate = swt_gate(t);
	swt_must_execute(party->item);
	thread = swt_unregister_start(t, party->owner, second);
	swt_wait(t, swt_blocked(thread));
	swt_must_execute(second);
	swt_release(party->item);
	swt_wait(t, swt_at_rest(party->item));
	swt_settle(t);
	KUNIT_EXPECT_FALSE(test, swt_done(thread));
	swt_release(second);
	expect_left(thread);
	KUNIT_EXPECT_EQ(test, swt_runs(second), 1);
}

/* What comes to the pool at the same moment */
struct rush {
	struct swt_gate *gate;
	struct module *other;		/* registers, with a reserve */
	struct party *party;		/* unregisters */
};

static int rush_to_register(struct swt_thread *thread)
{
	struct rush *rush = thread->arg;

	swt_pass(rush->gate);
	return slow_work_register_user_flags(rush->other, SLOW_WORK_MEM_RECLAIM);
}

static int rush_to_unregister(struct swt_thread *thread)
{
	struct rush *rush = thread->arg;

	swt_pass(rush->gate);
	slow_work_unregister_user(rush->party->owner);
	return swt_at_rest(rush->party->item);
}

static int rush_to_enqueue(struct swt_thread *thread)
{
	struct rush *rush = thread->arg;

	swt_pass(rush->gate);
	return swt_enqueue(rush->party->item);
}

/*
 * An unregister has nothing to wait for, but for a register that comes first.  Where time
 * travels, whoever sleeps for that lets the enqueue pass.
 */
static void work_queued_behind_a_register_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct rush *rush = swt_alloc(t, sizeof(*rush));
	struct swt_thread *threads[3];
	int i;

	if (!swt_time_travel())
		return;
	rush->gate = swt_gate(t);
	rush->other = swt_owner(t, "swt_reserved");
	rush->party = join_pool(t, "swt_other", SWT_SLOW);
	t->nr_users--;			/* it unregisters by itself */
	rush->party->item->gate = swt_gate(t);
	threads[0] = swt_start(t, rush_to_register, rush);
	threads[1] = swt_start(t, rush_to_unregister, rush);
	threads[2] = swt_start(t, rush_to_enqueue, rush);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		swt_wait(t, swt_blocked(threads[i]));
	swt_open(rush->gate);
	KUNIT_EXPECT_EQ(test, swt_join(threads[2]), 0);
	KUNIT_EXPECT_EQ(test, swt_join(threads[0]), 0);
	t->users[t->nr_users++] = rush->other;
	swt_release(rush->party->item);
	KUNIT_EXPECT_EQ(test, swt_join(threads[1]), 1);
	KUNIT_EXPECT_EQ(test, swt_runs(rush->party->item), 1);
}

static void enqueue_or_arm_self(struct swt_item *item)
{
	if (item->value-- > 0)
		item->result |= item->value % 2 ? swt_enqueue(item) : swt_arm(item, 1);
}

static void item_that_goes_on_is_waited_for_to_its_end(struct kunit *test)
{
	struct swt *t = test->priv;
	struct party *party = join_pool(t, "swt_other", SWT_DELAYED);

	party->item->on_execute = enqueue_or_arm_self;
	party->item->value = 10;
	swt_must_enqueue(party->item);
	expect_left(swt_unregister_start(t, party->owner, party->item));
	KUNIT_EXPECT_EQ(test, swt_runs(party->item), 11);
	KUNIT_EXPECT_EQ(test, party->item->result, 0);
}

static void other_owners_are_not_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct party *party = join_pool(t, "swt_other", SWT_SLOW);
	struct swt_item *armed = swt_item(t, SWT_DELAYED);

	/* All of it is this module's */
	swt_one_thread(t);
	swt_must_enqueue(swt_item(t, SWT_VSLOW));
	swt_must_arm(armed, SWT_NEVER);
	swt_unregister(t, party->owner);
	KUNIT_EXPECT_EQ(test, swt_threads(), 2);
}

static void nobodys_items_are_not_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct party *party = join_pool(t, "swt_other", SWT_SLOW);
	struct swt_item *item = swt_blocker_ops(t, SWT_SLOW, swt_ops_of(t, NULL));

	swt_must_execute(item);
	swt_unregister(t, party->owner);
	swt_release(item);
	swt_wait(t, swt_runs(item) == 1);
}

static void owner_that_has_not_registered_counts_as_nobody(struct kunit *test)
{
	struct swt *t = test->priv;
	struct party *party = join_pool(t, "swt_other", SWT_SLOW);
	struct module *stranger = swt_owner(t, "swt_stranger");
	struct swt_item *item = swt_blocker_ops(t, SWT_SLOW, swt_ops_of(t, stranger));

	swt_must_execute(item);
	swt_unregister(t, party->owner);
	swt_release(item);
	swt_wait(t, swt_runs(item) == 1);
	/* That is said once, perhaps of an item before */
	swt_wait(t, swt_logged(t, "The owner of ",
			       " has not registered: nothing waits for its items"));
}

static void null_waits_for_nothing(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker_ops(t, SWT_SLOW, swt_ops_of(t, NULL));
	struct swt_item *armed = swt_item_ops(t, SWT_DELAYED, item->work.ops);

	KUNIT_ASSERT_EQ(test, swt_register(t, NULL), 0);
	swt_must_execute(item);
	swt_must_arm(armed, SWT_NEVER);
	swt_unregister(t, NULL);
	KUNIT_EXPECT_TRUE(test, swt_flag(armed, SLOW_WORK_DELAYED));
	swt_release(item);
	swt_wait(t, swt_runs(item) == 1);
}

static void registering_twice_counts_twice(struct kunit *test)
{
	struct swt *t = test->priv;
	struct party *party = join_pool(t, "swt_other", SWT_SLOW);

	KUNIT_ASSERT_EQ(test, swt_register(t, party->owner), 0);
	swt_unregister(t, party->owner);
	swt_unregister(t, THIS_MODULE);
	/* One is left, so there is a pool */
	KUNIT_EXPECT_GE(test, swt_threads(), 2);
	swt_must_run(party->item);
	swt_unregister(t, party->owner);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

static void owner_registered_twice_still_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct party *party = join_pool(t, "swt_other", SWT_SLOW);
	struct swt_thread *thread;

	KUNIT_ASSERT_EQ(test, swt_register(t, party->owner), 0);
	swt_unregister(t, party->owner);
	party->item->gate = swt_gate(t);
	swt_must_execute(party->item);
	thread = leave_and_wait(t, party);
	swt_release(party->item);
	expect_left(thread);
}

static void no_module_reference_is_taken(struct kunit *test)
{
#if defined(MODULE) && defined(CONFIG_MODULE_UNLOAD)
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	int before;

	swt_unregister(t, THIS_MODULE);
	before = module_refcount(THIS_MODULE);
	KUNIT_ASSERT_EQ(test, swt_register(t, THIS_MODULE), 0);
	swt_must_execute(item);
	KUNIT_EXPECT_EQ(test, module_refcount(THIS_MODULE), before);
#else
	kunit_skip(test, "not a module that has references");
#endif
}

/* ---- the last unregister ------------------------------------------------ */

static void last_one_lets_run_what_is_queued(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *stranger = swt_owner(t, "swt_stranger");
	struct swt_item *items[9];
	struct swt_thread *thread;
	int i;

	swt_one_thread(t);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		struct module *owner = i < 3 ? NULL : i < 6 ? stranger : THIS_MODULE;

		items[i] = swt_item_ops(t, i % 3, swt_ops_of(t, owner));
		swt_must_enqueue(items[i]);
	}
	thread = swt_unregister_start(t, THIS_MODULE, NULL);
	swt_wait(t, swt_blocked(thread));
	swt_release(t->held[0]);
	swt_release(t->held[1]);
	swt_join(thread);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		KUNIT_EXPECT_TRUE(test, swt_at_rest(items[i]));
		KUNIT_EXPECT_EQ(test, swt_runs(items[i]), 1);
	}
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

static void last_one_waits_for_nobodys_items(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker_ops(t, SWT_SLOW, swt_ops_of(t, NULL));
	struct swt_thread *thread;

	item->put_gate = swt_gate(t);
	swt_must_execute(item);
	thread = swt_unregister_start(t, THIS_MODULE, item);
	swt_wait(t, swt_blocked(thread));
	KUNIT_EXPECT_FALSE(test, swt_done(thread));
	swt_release(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	swt_wait(t, swt_blocked(thread));
	KUNIT_EXPECT_FALSE(test, swt_done(thread));
	swt_open(item->put_gate);
	swt_join(thread);
	KUNIT_EXPECT_TRUE(test, thread->seen_at_rest);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

static void last_one_disarms_and_puts_what_is_armed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *stranger = swt_owner(t, "swt_stranger");
	struct swt_item *items[2];
	int i;

	items[0] = swt_item_ops(t, SWT_DELAYED, swt_ops_of(t, NULL));
	items[1] = swt_item_ops(t, SWT_DELAYED, swt_ops_of(t, stranger));
	for (i = 0; i < ARRAY_SIZE(items); i++)
		swt_must_arm(items[i], SWT_NEVER);
	swt_log_mark(t);
	swt_unregister(t, THIS_MODULE);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		KUNIT_EXPECT_TRUE(test, swt_at_rest(items[i]));
		KUNIT_EXPECT_EQ(test, atomic_read(&items[i]->puts), 1);
		KUNIT_EXPECT_EQ(test, swt_starts(items[i]), 0);
	}
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
	if (IS_ENABLED(CONFIG_KALLSYMS))
		KUNIT_EXPECT_TRUE(test, swt_logged(t, "Disarming", "swt_execute"));

	/* No mark is left on them */
	KUNIT_ASSERT_EQ(test, swt_register(t, THIS_MODULE), 0);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		swt_must_arm(items[i], 1);
		swt_wait(t, swt_runs(items[i]) == 1);
	}
}

static void arm_for_long_at_first(struct swt_item *item)
{
	if (swt_starts(item) == 1)
		swt_arm(item, SWT_NEVER);
}

/* Nor does what can start wait for the put_ref of what is disarmed */
static void queued_item_comes_before_what_is_disarmed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = swt_ops_of(t, NULL);
	struct swt_item *armed = swt_item_ops(t, SWT_DELAYED, ops);
	struct swt_item *item = swt_item_ops(t, SWT_SLOW, ops), *held[2];
	struct swt_thread *unregister;
	int i;

	swt_pool(t, 2, 2);
	for (i = 0; i < ARRAY_SIZE(held); i++) {
		held[i] = swt_blocker_ops(t, SWT_SLOW, ops);
		swt_must_execute(held[i]);
	}
	armed->put_gate = swt_gate(t);
	swt_must_arm(armed, SWT_NEVER);
	swt_must_enqueue(item);
	unregister = swt_unregister_start(t, THIS_MODULE, armed);
	swt_wait(t, swt_blocked(unregister));
	swt_release(held[0]);
	swt_wait(t, swt_runs(item) == 1);
	swt_open(armed->put_gate);
	swt_release(held[1]);
	swt_join(unregister);
	KUNIT_EXPECT_EQ(test, atomic_read(&armed->puts), 1);
	KUNIT_EXPECT_EQ(test, swt_runs(armed), 0);
}

/*
 * The thread that comes first finds an item to execute: another one disarms all, what that
 * has armed of itself too, one after the other, and those whose timer somebody has stopped.
 */
static void last_one_disarms_while_an_item_executes(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = swt_ops_of(t, NULL);
	struct swt_item *armed[3], *item = swt_blocker_ops(t, SWT_DELAYED, ops);
	struct swt_thread *thread;
	unsigned long since;
	int i;

	swt_pool(t, 2, 2);
	item->on_execute = arm_for_long_at_first;
	for (i = 0; i < ARRAY_SIZE(armed); i++) {
		if (i == 2) {
			swt_must_execute(item);
			swt_wait(t, swt_flag(item, SLOW_WORK_DELAYED));
		}
		armed[i] = swt_item_ops(t, SWT_DELAYED, ops);
		swt_must_arm(armed[i], SWT_NEVER);
	}
	timer_delete(&armed[0]->dwork.timer);
	swt_wait(t, swt_idle_threads() == 1);
	/* Nor does a timer look that was set before */
	if (swt_time_travel())
		schedule_timeout_uninterruptible(2 * HZ);
	since = jiffies;
	thread = swt_unregister_start(t, THIS_MODULE, item);
	for (i = 0; i < ARRAY_SIZE(armed); i++) {
		swt_wait(t, swt_at_rest(armed[i]));
		KUNIT_EXPECT_EQ(test, atomic_read(&armed[i]->puts), 1);
	}
	/* None of them waits for a look that comes once a second */
	if (swt_time_travel())
		KUNIT_EXPECT_LT(test, jiffies - since, (unsigned long)HZ / 10);
	KUNIT_EXPECT_TRUE(test, swt_executing(item));
	swt_release(item);
	expect_left(thread);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

/* The same where a thread is woken for an item as the last one leaves */
static void last_one_disarms_though_an_item_comes_first(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = swt_ops_of(t, NULL);
	struct swt_item *armed = swt_item_ops(t, SWT_DELAYED, ops);
	struct swt_item *item = swt_blocker_ops(t, SWT_SLOW, ops);
	struct swt_thread *thread;

	swt_pool(t, 2, 2);
	swt_must_arm(armed, SWT_NEVER);
	swt_wait(t, swt_idle_threads() == 2);
	thread = swt_enqueue_and_unregister_start(t, THIS_MODULE, item);
	swt_wait(t, swt_executing(item));
	swt_wait(t, swt_at_rest(armed));
	KUNIT_EXPECT_EQ(test, atomic_read(&armed->puts), 1);
	swt_release(item);
	swt_join(thread);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

/* All threads are busy when it comes; the first that has a moment does it */
static void last_one_disarms_when_a_thread_comes_free(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = swt_ops_of(t, NULL);
	struct swt_item *armed = swt_item_ops(t, SWT_DELAYED, ops), *items[2];
	struct swt_thread *thread;
	unsigned long since;
	int i;

	swt_pool(t, 2, 2);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_blocker_ops(t, SWT_SLOW, ops);
		swt_must_execute(items[i]);
	}
	swt_must_arm(armed, SWT_NEVER);
	thread = swt_unregister_start(t, THIS_MODULE, armed);
	swt_wait(t, swt_blocked(thread));
	since = jiffies;
	swt_release(items[0]);
	swt_wait(t, swt_at_rest(armed));
	/* Nor does one have to be told, which takes a second */
	if (swt_time_travel())
		KUNIT_EXPECT_TRUE(test, time_before(jiffies, since + HZ / 4));
	swt_release(items[1]);
	swt_join(thread);
	KUNIT_EXPECT_EQ(test, swt_starts(armed), 0);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

static void armed_for_one_jiffy_again(struct swt_item *item)
{
	swt_arm(item, 1);
}

/* Without an end of its own; refused or disarmed, it must come to rest */
static void last_one_ends_what_arms_itself(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item_ops(t, SWT_DELAYED, swt_ops_of(t, NULL));
	struct swt_thread *thread;

	item->on_execute = armed_for_one_jiffy_again;
	swt_must_arm(item, 1);
	swt_wait(t, swt_runs(item) >= 3);
	/* It may come when there is no user any more */
	swt_log_mark(t);
	swt_expect_splat(t);
	thread = swt_unregister_start(t, THIS_MODULE, item);
	swt_join(thread);
	swt_splat_over(t);
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "item without operations", ""));
	KUNIT_EXPECT_TRUE(test, thread->seen_at_rest);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

static void last_one_waits_for_a_cancel(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item_ops(t, SWT_DELAYED, swt_ops_of(t, NULL));
	struct swt_thread *thread, *cancel;

	item->put_gate = swt_gate(t);
	swt_must_arm(item, SWT_NEVER);
	cancel = swt_cancel_start(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	thread = swt_unregister_start(t, THIS_MODULE, item);
	swt_wait(t, swt_blocked(thread));
	swt_open(item->put_gate);
	swt_join(cancel);
	swt_join(thread);
	KUNIT_EXPECT_TRUE(test, cancel->seen_at_rest);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

static void pool_can_be_had_again(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	int i;

	for (i = 1; i <= 10; i++) {
		KUNIT_ASSERT_GE(test, swt_threads(), 2);
		swt_must_enqueue(item);
		swt_unregister(t, THIS_MODULE);
		KUNIT_ASSERT_EQ(test, swt_runs(item), i);
		KUNIT_ASSERT_TRUE(test, swt_at_rest(item));
		KUNIT_ASSERT_EQ(test, swt_threads(), 0);
		KUNIT_ASSERT_EQ(test, swt_register(t, THIS_MODULE), 0);
	}
}

static int register_and_unregister(struct swt_thread *thread)
{
	struct party *party = thread->arg;
	struct swt_item *item = party->item;
	struct swt_budget budget = swt_budget();
	int ret, runs;

	while (swt_more(thread->t, &budget)) {
		ret = slow_work_register_user(party->owner);
		if (ret)
			return ret;
		runs = swt_runs(item);
		ret = swt_random(2) ? swt_enqueue(item) : swt_arm(item, 1);
		slow_work_unregister_user(party->owner);
		if (ret)
			return ret;
		if (!swt_at_rest(item) || swt_runs(item) != runs + 1)
			return -EBUSY;
	}
	return 0;
}

/* Several users come and go; with none but them the pool does, too */
static void users_come_and_go_at_once(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread *threads[3];
	struct party *party;
	int i;

	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		party = join_pool(t, "swt_other", SWT_DELAYED);
		swt_unregister(t, party->owner);
		threads[i] = swt_start(t, register_and_unregister, party);
	}
	swt_unregister(t, THIS_MODULE);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ(test, swt_join(threads[i]), 0);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

/* ---- while the pool is being closed -------------------------------------- */

/*
 * The last user leaves, and has to wait for items that are nobody's: they hold so
 * many threads of two, which cannot become more.
 */
struct closing {
	struct slow_work_ops *ops;	/* of what is nobody's */
	struct swt_item *blockers[2];
	int nr;
	struct swt_thread *thread;	/* the unregister */
};

static struct closing *new_closing(struct swt *t, int nr)
{
	struct closing *closing = swt_alloc(t, sizeof(*closing));
	int i;

	closing->ops = swt_ops_of(t, NULL);
	closing->nr = nr;
	swt_pool(t, 2, 2);
	for (i = 0; i < nr; i++) {
		closing->blockers[i] = swt_blocker_ops(t, SWT_DELAYED, closing->ops);
		swt_must_execute(closing->blockers[i]);
	}
	return closing;
}

static void begin_to_close(struct swt *t, struct closing *closing)
{
	closing->thread = swt_unregister_start(t, THIS_MODULE, closing->blockers[0]);
	swt_wait(t, swt_blocked(closing->thread));
	KUNIT_EXPECT_FALSE(t->test, swt_done(closing->thread));
}

static void expect_closed(struct swt *t, struct closing *closing)
{
	int i;

	for (i = 0; i < closing->nr; i++)
		swt_release(closing->blockers[i]);
	expect_left(closing->thread);
	for (i = 0; i < closing->nr; i++) {
		KUNIT_EXPECT_TRUE(t->test, swt_at_rest(closing->blockers[i]));
		KUNIT_EXPECT_EQ(t->test, swt_runs(closing->blockers[i]), 1);
	}
}

/* Another module's; at once, whatever others wait for */
static struct party *join_while_closing(struct swt *t, enum swt_kind kind)
{
	struct party *party = swt_alloc(t, sizeof(*party));
	struct swt_thread *thread;

	party->owner = swt_owner(t, "swt_next");
	party->ops = swt_ops_of(t, party->owner);
	party->item = swt_item_ops(t, kind, party->ops);
	thread = swt_register_start(t, party->owner);
	KUNIT_EXPECT_EQ(t->test, swt_join(thread), 0);
	return party;
}

static void register_while_closing_opens_the_pool_again(struct kunit *test)
{
	struct swt *t = test->priv;
	struct closing *closing = new_closing(t, 1);
	struct party *party;

	begin_to_close(t, closing);
	party = join_while_closing(t, SWT_DELAYED);
	/* Its items run, and so do nobody's */
	swt_must_enqueue(party->item);
	swt_wait(t, swt_runs(party->item) == 1 && swt_at_rest(party->item));
	swt_must_arm(party->item, 1);
	swt_wait(t, swt_runs(party->item) == 2 && swt_at_rest(party->item));
	swt_settle(t);
	KUNIT_EXPECT_FALSE(test, swt_done(closing->thread));
	expect_closed(t, closing);
	/* As there is a user, there are threads */
	KUNIT_EXPECT_EQ(test, swt_threads(), 2);
	swt_must_enqueue(party->item);
	swt_wait(t, swt_runs(party->item) == 3);
	swt_unregister(t, party->owner);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

static void what_is_armed_after_that_stays_armed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct closing *closing = new_closing(t, 1);
	struct swt_item *unowned = swt_item_ops(t, SWT_DELAYED, closing->ops);
	struct party *party;

	begin_to_close(t, closing);
	party = join_while_closing(t, SWT_DELAYED);
	swt_must_arm(party->item, SWT_NEVER);
	swt_must_arm(unowned, SWT_NEVER);
	swt_log_mark(t);
	expect_closed(t, closing);
	KUNIT_EXPECT_TRUE(test, swt_flag(party->item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_TRUE(test, swt_flag(unowned, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "Disarming", ""));
	swt_cancel(party->item);
	swt_unregister(t, party->owner);
	KUNIT_EXPECT_TRUE(test, swt_at_rest(unowned));
	KUNIT_EXPECT_EQ(test, swt_starts(unowned), 0);
}

/* Each is the last as it goes, and has the same item to wait for */
static void users_come_and_go_while_closing(struct kunit *test)
{
	struct swt *t = test->priv;
	struct closing *closing = new_closing(t, 1);
	struct swt_thread *threads[2];
	struct party *party;
	int i;

	begin_to_close(t, closing);
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		party = join_while_closing(t, SWT_SLOW);
		swt_must_enqueue(party->item);
		swt_wait(t, swt_runs(party->item) == 1 && swt_at_rest(party->item));
		threads[i] = leave_and_wait(t, party);
	}
	KUNIT_EXPECT_FALSE(test, swt_done(closing->thread));
	expect_closed(t, closing);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		expect_left(threads[i]);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
	/* And again from the beginning */
	KUNIT_ASSERT_EQ(test, swt_register(t, THIS_MODULE), 0);
	KUNIT_EXPECT_EQ(test, swt_threads(), 2);
	swt_settle(t);
}

static int enqueue(struct swt_item *item)
{
	return swt_enqueue(item);
}

static int arm_for_long(struct swt_item *item)
{
	return swt_arm(item, SWT_NEVER);
}

static int mod_to_now(struct swt_item *item)
{
	return swt_mod(item, 0);
}

static int mod_to_long(struct swt_item *item)
{
	return swt_mod(item, SWT_NEVER);
}

/*
 * Nothing is accepted and then dropped: 0 and there is a run still, or -ESHUTDOWN
 * and there is none.
 */
static int expect_told_the_truth(struct swt *t, struct closing *closing, struct swt_item *item,
				 int (*submit)(struct swt_item *item), int runs_else)
{
	int ret;

	swt_log_mark(t);
	swt_expect_splat(t);
	ret = submit(item);
	swt_splat_over(t);
	KUNIT_EXPECT_FALSE(t->test, swt_logged(t, "item without operations", ""));
	expect_closed(t, closing);
	KUNIT_EXPECT_TRUE(t->test, swt_at_rest(item));
	if (ret) {
		KUNIT_EXPECT_EQ(t->test, ret, -ESHUTDOWN);
		KUNIT_EXPECT_EQ(t->test, swt_runs(item), runs_else);
	} else {
		KUNIT_EXPECT_EQ(t->test, swt_runs(item), max(runs_else, 1));
	}
	KUNIT_EXPECT_EQ(t->test, swt_threads(), 0);
	return ret;
}

/* Of one that was armed when the last user left, whether it is so still or not */
static void expect_truth_of_armed(struct kunit *test, int (*submit)(struct swt_item *item))
{
	struct swt *t = test->priv;
	struct closing *closing = new_closing(t, 2);
	struct swt_item *item = swt_item_ops(t, SWT_DELAYED, closing->ops);

	swt_must_arm(item, SWT_NEVER);
	begin_to_close(t, closing);
	expect_told_the_truth(t, closing, item, submit, 0);
}

static void enqueue_of_an_armed_item_while_closing(struct kunit *test)
{
	expect_truth_of_armed(test, enqueue);
}

static void arming_of_an_armed_item_while_closing(struct kunit *test)
{
	expect_truth_of_armed(test, arm_for_long);
}

static void mod_to_now_of_an_armed_item_while_closing(struct kunit *test)
{
	expect_truth_of_armed(test, mod_to_now);
}

static void mod_to_long_of_an_armed_item_while_closing(struct kunit *test)
{
	expect_truth_of_armed(test, mod_to_long);
}

/* Of one that is queued it runs once, whatever is said; what does not put it off is merged */
static void expect_truth_of_queued(struct kunit *test, int (*submit)(struct swt_item *item))
{
	struct swt *t = test->priv;
	struct closing *closing = new_closing(t, 2);
	struct swt_item *item = swt_item_ops(t, SWT_DELAYED, closing->ops);
	int ret;

	swt_must_enqueue(item);
	begin_to_close(t, closing);
	ret = expect_told_the_truth(t, closing, item, submit, 1);
	if (submit != mod_to_long)
		KUNIT_EXPECT_EQ(test, ret, 0);
}

static void enqueue_of_a_queued_item_while_closing(struct kunit *test)
{
	expect_truth_of_queued(test, enqueue);
}

static void mod_to_now_of_a_queued_item_while_closing(struct kunit *test)
{
	expect_truth_of_queued(test, mod_to_now);
}

static void mod_to_long_of_a_queued_item_while_closing(struct kunit *test)
{
	expect_truth_of_queued(test, mod_to_long);
}

/* One that executes, and before the last user left was @submitted again as well */
static void expect_truth_of_executing(struct kunit *test, int (*submitted)(struct swt_item *item),
				      int (*submit)(struct swt_item *item))
{
	struct swt *t = test->priv;
	struct closing *closing;
	struct swt_item *item;
	int ret;

	/* Each turn leaves without a user */
	if (!t->nr_users)
		KUNIT_ASSERT_EQ(test, swt_register(t, THIS_MODULE), 0);
	closing = new_closing(t, 1);
	item = closing->blockers[0];
	if (submitted)
		KUNIT_ASSERT_EQ(test, submitted(item), 0);
	swt_log_mark(t);
	begin_to_close(t, closing);
	/* What was armed is armed no more, and that is told */
	swt_wait(t, !swt_flag(item, SLOW_WORK_DELAYED));
	if (submitted == arm_for_long)
		swt_wait(t, swt_log_lines(t, "Disarming what was left armed",
					  IS_ENABLED(CONFIG_KALLSYMS) ? "swt_execute" : "") == 1);
	swt_expect_splat(t);
	ret = submit(item);
	swt_splat_over(t);
	swt_release(item);
	expect_left(closing->thread);
	if (ret)
		KUNIT_EXPECT_EQ(test, ret, -ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, swt_runs(item), !ret || submitted == enqueue ? 2 : 1);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

static void enqueue_of_an_executing_item_while_closing(struct kunit *test)
{
	expect_truth_of_executing(test, NULL, enqueue);
	expect_truth_of_executing(test, NULL, mod_to_now);
	expect_truth_of_executing(test, NULL, mod_to_long);
}

static void enqueue_of_a_deferred_item_while_closing(struct kunit *test)
{
	expect_truth_of_executing(test, enqueue, enqueue);
	expect_truth_of_executing(test, enqueue, mod_to_now);
	expect_truth_of_executing(test, enqueue, mod_to_long);
}

static void enqueue_of_an_item_disarmed_in_execute_while_closing(struct kunit *test)
{
	expect_truth_of_executing(test, arm_for_long, enqueue);
	expect_truth_of_executing(test, arm_for_long, mod_to_now);
	expect_truth_of_executing(test, arm_for_long, mod_to_long);
}

static void wait_until(struct swt *t, unsigned long when)
{
	swt_wait(t, !time_before(jiffies, when));
}

/* It waits for its own items, then for unowned ones, and all that is one wait */
static void expect_one_message(struct kunit *test, int first, int most)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "swt_two_waits");
	struct swt_item *unowned = swt_blocker_ops(t, SWT_SLOW, swt_ops_of(t, NULL));
	struct swt_item *item = swt_blocker_ops(t, SWT_SLOW, swt_ops_of(t, owner));
	struct swt_thread *thread;
	unsigned long began;

	KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
	swt_must_enqueue(item);
	swt_must_enqueue(unowned);
	swt_wait(t, swt_executing(item) && swt_executing(unowned));
	swt_unregister(t, THIS_MODULE);
	swt_log_mark(t);
	began = jiffies;
	thread = swt_unregister_start(t, owner, item);
	swt_wait(t, swt_blocked(thread));
	wait_until(t, began + first * HZ);
	swt_release(item);
	swt_wait(t, swt_logged(t, "Still waiting for", ""));
	if (swt_time_travel())
		KUNIT_EXPECT_TRUE(test, time_before(jiffies, began + most * HZ));
	wait_until(t, began + (first + 12) * HZ);
	KUNIT_EXPECT_EQ(test, swt_log_lines(t, "Still waiting for", ""), 1);
	swt_release(unowned);
	expect_left(thread);
}

static void long_wait_in_two_parts_is_told_after_10_s(struct kunit *test)
{
	expect_one_message(test, 6, 11);
}

static void long_wait_in_two_parts_is_told_once(struct kunit *test)
{
	expect_one_message(test, 11, 13);
}

static void enqueue_self(struct swt_item *item)
{
	item->result = swt_enqueue(item);
}

/* Whoever disarms it calls that, and no lock is held */
static void enqueue_in_the_put_ref_of_a_disarmed_item(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item_ops(t, SWT_DELAYED, swt_ops_of(t, NULL));

	item->on_put = enqueue_self;
	swt_must_arm(item, SWT_NEVER);
	swt_expect_splat(t);
	expect_left(swt_unregister_start(t, THIS_MODULE, item));
	swt_splat_over(t);
	swt_expect_warned(t, "no user is registered; item enqueued by");
	KUNIT_EXPECT_EQ(test, item->result, -ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 1);
}

/* As from a thread that executes it */
static void cancel_waits_for_the_put_ref_of_a_disarmed_item(struct kunit *test)
{
	struct swt *t = test->priv;
	struct closing *closing = new_closing(t, 1);
	struct swt_item *item = swt_item_ops(t, SWT_DELAYED, closing->ops);

	item->put_gate = swt_gate(t);
	swt_must_arm(item, SWT_NEVER);
	begin_to_close(t, closing);
	swt_expect_cancel_waits_for_put(item);
	expect_closed(t, closing);
}

static void never_executed(struct slow_work *work)
{
}

/* By its own function, whatever the thread that disarms it has executed before */
static void disarmed_item_is_named(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = swt_ops_of(t, NULL);
	struct swt_item *item;

	ops->execute = never_executed;
	item = swt_item_ops(t, SWT_DELAYED, ops);
	swt_hold(t, 2);
	swt_release_held(t);
	swt_must_arm(item, SWT_NEVER);
	swt_log_mark(t);
	swt_unregister(t, THIS_MODULE);
	if (IS_ENABLED(CONFIG_KALLSYMS))
		KUNIT_EXPECT_TRUE(test, swt_logged(t, "Disarming", "armed: never_executed"));
}

/* swt_flush_start() would ask for the run that it waits for */
static int flush_it(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;
	bool waited = slow_work_flush(&item->work);

	WRITE_ONCE(thread->seen_at_rest, swt_at_rest(item));
	return waited;
}

/* It waited for a run that was queued, and then put off */
static void flush_of_a_disarmed_item_ends(struct kunit *test)
{
	struct swt *t = test->priv;
	struct closing *closing = new_closing(t, 2);
	struct swt_item *item = swt_item_ops(t, SWT_DELAYED, closing->ops);
	struct swt_thread *flush;

	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	flush = swt_start(t, flush_it, item);
	swt_wait(t, swt_blocked(flush));
	KUNIT_EXPECT_EQ(test, swt_mod(item, SWT_NEVER), 0);
	begin_to_close(t, closing);
	swt_release(closing->blockers[1]);
	swt_wait(t, atomic_read(&item->putting) == 1);
	KUNIT_EXPECT_FALSE(test, swt_done(flush));
	swt_open(item->put_gate);
	KUNIT_EXPECT_EQ(test, swt_join(flush), 1);
	KUNIT_EXPECT_TRUE(test, flush->seen_at_rest);
	expect_closed(t, closing);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
}

/* Nobody's, armed or enqueued by whoever likes, while users come and go */
static int submit_at_random(struct swt_thread *thread)
{
	int (* const submit[])(struct swt_item *item) = {
		enqueue, mod_to_now, arm_for_long, mod_to_long
	};
	struct swt_item *item = thread->arg;
	struct swt_budget budget = swt_budget();
	int before, ret, i;
	bool accepted;

	while (swt_more(thread->t, &budget)) {
		before = swt_starts(item);
		i = swt_random(4);
		ret = submit[i](item);
		if (ret && ret != -ESHUTDOWN)
			return ret;
		accepted = !ret && i < 2;
		/* What waits for long is sent on its way, or the pool takes it back */
		while (!swt_at_rest(item) && swt_starts(item) == before) {
			if (READ_ONCE(thread->t->stop))
				return 0;
			if (swt_flag(item, SLOW_WORK_DELAYED) && !swt_random(4))
				accepted |= !swt_mod(item, 0);
			swt_relax();
		}
		if (accepted && swt_starts(item) == before)
			return -EIO;
		swt_jitter(20);
	}
	return 0;
}

static void items_of_nobody_while_users_come_and_go(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = swt_ops_of(t, NULL);
	struct swt_thread *threads[4];
	struct swt_item *items[2];
	struct party *party;
	int i;

	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		if (i < 2) {
			party = join_pool(t, "swt_other", SWT_DELAYED);
			swt_unregister(t, party->owner);
			threads[i] = swt_start(t, register_and_unregister, party);
		} else {
			items[i - 2] = swt_item_ops(t, SWT_DELAYED, ops);
			threads[i] = swt_start(t, submit_at_random, items[i - 2]);
		}
	}
	swt_expect_splat(t);
	swt_unregister(t, THIS_MODULE);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ(test, swt_join(threads[i]), 0);
	swt_splat_over(t);
	for (i = 0; i < ARRAY_SIZE(items); i++)
		swt_wait(t, swt_at_rest(items[i]));
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

static struct kunit_case unregister_cases[] = {
	KUNIT_CASE(queued_item_is_waited_for),
	KUNIT_CASE(executing_item_is_waited_for),
	KUNIT_CASE(armed_item_is_waited_for),
	KUNIT_CASE(armed_item_that_is_cancelled_is_not_waited_for),
	KUNIT_CASE(deferred_item_is_waited_for),
	KUNIT_CASE(put_ref_is_waited_for),
	KUNIT_CASE(put_ref_called_by_a_cancel_is_waited_for),
	KUNIT_CASE(desc_is_waited_for),
	KUNIT_CASE(work_queued_meanwhile_is_waited_for),
	KUNIT_CASE(work_queued_behind_a_register_is_waited_for),
	KUNIT_CASE(item_that_goes_on_is_waited_for_to_its_end),
	KUNIT_CASE(other_owners_are_not_waited_for),
	KUNIT_CASE(nobodys_items_are_not_waited_for),
	KUNIT_CASE(owner_that_has_not_registered_counts_as_nobody),
	KUNIT_CASE(null_waits_for_nothing),
	KUNIT_CASE(registering_twice_counts_twice),
	KUNIT_CASE(owner_registered_twice_still_is_waited_for),
	KUNIT_CASE(no_module_reference_is_taken),
	KUNIT_CASE(last_one_lets_run_what_is_queued),
	KUNIT_CASE(last_one_waits_for_nobodys_items),
	KUNIT_CASE(last_one_disarms_and_puts_what_is_armed),
	KUNIT_CASE(queued_item_comes_before_what_is_disarmed),
	KUNIT_CASE(last_one_disarms_while_an_item_executes),
	KUNIT_CASE(last_one_disarms_though_an_item_comes_first),
	KUNIT_CASE(last_one_disarms_when_a_thread_comes_free),
	KUNIT_CASE(last_one_ends_what_arms_itself),
	KUNIT_CASE(last_one_waits_for_a_cancel),
	KUNIT_CASE(pool_can_be_had_again),
	KUNIT_CASE(users_come_and_go_at_once),
	KUNIT_CASE(register_while_closing_opens_the_pool_again),
	KUNIT_CASE(what_is_armed_after_that_stays_armed),
	KUNIT_CASE(users_come_and_go_while_closing),
	KUNIT_CASE(enqueue_of_an_armed_item_while_closing),
	KUNIT_CASE(arming_of_an_armed_item_while_closing),
	KUNIT_CASE(mod_to_now_of_an_armed_item_while_closing),
	KUNIT_CASE(mod_to_long_of_an_armed_item_while_closing),
	KUNIT_CASE(enqueue_of_a_queued_item_while_closing),
	KUNIT_CASE(mod_to_now_of_a_queued_item_while_closing),
	KUNIT_CASE(mod_to_long_of_a_queued_item_while_closing),
	KUNIT_CASE(enqueue_of_an_executing_item_while_closing),
	KUNIT_CASE(enqueue_of_a_deferred_item_while_closing),
	KUNIT_CASE(enqueue_of_an_item_disarmed_in_execute_while_closing),
	KUNIT_CASE(long_wait_in_two_parts_is_told_after_10_s),
	KUNIT_CASE(long_wait_in_two_parts_is_told_once),
	KUNIT_CASE(enqueue_in_the_put_ref_of_a_disarmed_item),
	KUNIT_CASE(cancel_waits_for_the_put_ref_of_a_disarmed_item),
	KUNIT_CASE(disarmed_item_is_named),
	KUNIT_CASE(flush_of_a_disarmed_item_ends),
	KUNIT_CASE(items_of_nobody_while_users_come_and_go),
	{}
};

static struct kunit_suite unregister_suite = {
	.name = "slow_work_unregister",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = unregister_cases,
};

kunit_test_suite(unregister_suite);
