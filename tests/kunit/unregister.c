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
	swt_must_enqueue(party->item);
	swt_wait(t, swt_executing(party->item));
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
	swt_must_enqueue(party->item);
	swt_wait(t, swt_executing(party->item));
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
	swt_must_enqueue(party->item);
	swt_wait(t, swt_executing(party->item));
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
	swt_must_enqueue(party->item);
	swt_wait(t, swt_executing(party->item));
	thread = swt_unregister_start(t, party->owner, second);
	swt_wait(t, swt_blocked(thread));
	swt_must_enqueue(second);
	swt_wait(t, swt_executing(second));
	swt_release(party->item);
	swt_wait(t, swt_at_rest(party->item));
	swt_settle(t);
	KUNIT_EXPECT_FALSE(test, swt_done(thread));
	swt_release(second);
	expect_left(thread);
	KUNIT_EXPECT_EQ(test, swt_runs(second), 1);
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

	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
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

	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
	swt_unregister(t, party->owner);
	swt_release(item);
	swt_wait(t, swt_runs(item) == 1);
}

static void null_waits_for_nothing(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker_ops(t, SWT_SLOW, swt_ops_of(t, NULL));
	struct swt_item *armed = swt_item_ops(t, SWT_DELAYED, item->work.ops);

	KUNIT_ASSERT_EQ(test, swt_register(t, NULL), 0);
	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
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
	swt_must_enqueue(party->item);
	swt_wait(t, swt_runs(party->item) == 1);
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
	swt_must_enqueue(party->item);
	swt_wait(t, swt_executing(party->item));
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
	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
	KUNIT_EXPECT_EQ(test, module_refcount(THIS_MODULE), before);
#else
	kunit_skip(test, "not a module that has references");
#endif
}

/* Three wait at once, each for an item in another state */
static void long_wait_is_reported(struct kunit *test)
{
	static const char * const owners[] = { "swt_runner", "swt_queuer", "swt_armer" };
	static const char * const states[] = { "executing", "queued", "armed" };
	struct swt_thread *threads[ARRAY_SIZE(owners)];
	struct party *parties[ARRAY_SIZE(owners)];
	struct swt *t = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(owners); i++)
		parties[i] = join_pool(t, owners[i], i == 2 ? SWT_DELAYED : SWT_SLOW);
	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	parties[0]->item->gate = swt_gate(t);
	swt_must_enqueue(parties[0]->item);
	swt_wait(t, swt_executing(parties[0]->item));
	swt_must_enqueue(parties[1]->item);
	swt_must_arm(parties[2]->item, SWT_NEVER);
	swt_log_mark(t);
	for (i = 0; i < ARRAY_SIZE(owners); i++)
		threads[i] = leave_and_wait(t, parties[i]);
	for (i = 0; i < ARRAY_SIZE(owners); i++) {
		swt_wait(t, swt_logged(t, owners[i], states[i]));
		if (IS_ENABLED(CONFIG_KALLSYMS))
			KUNIT_EXPECT_TRUE(test, swt_logged(t, owners[i], "swt_execute"));
		/* As a pr_warn() */
		KUNIT_EXPECT_TRUE(test, swt_logged(t, owners[i], "<4>"));
		/* And the wait goes on */
		KUNIT_EXPECT_FALSE(test, swt_done(threads[i]));
	}
	swt_cancel(parties[2]->item);
	swt_release(parties[0]->item);
	for (i = 0; i < ARRAY_SIZE(owners); i++)
		expect_left(threads[i]);
	KUNIT_EXPECT_EQ(test, swt_runs(parties[1]->item), 1);
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
	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
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
	swt_expect_splat(t);
	thread = swt_unregister_start(t, THIS_MODULE, item);
	swt_join(thread);
	swt_splat_over(t);
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
	KUNIT_CASE(item_that_goes_on_is_waited_for_to_its_end),
	KUNIT_CASE(other_owners_are_not_waited_for),
	KUNIT_CASE(nobodys_items_are_not_waited_for),
	KUNIT_CASE(owner_that_has_not_registered_counts_as_nobody),
	KUNIT_CASE(null_waits_for_nothing),
	KUNIT_CASE(registering_twice_counts_twice),
	KUNIT_CASE(owner_registered_twice_still_is_waited_for),
	KUNIT_CASE(no_module_reference_is_taken),
	KUNIT_CASE(long_wait_is_reported),
	KUNIT_CASE(last_one_lets_run_what_is_queued),
	KUNIT_CASE(last_one_waits_for_nobodys_items),
	KUNIT_CASE(last_one_disarms_and_puts_what_is_armed),
	KUNIT_CASE(last_one_ends_what_arms_itself),
	KUNIT_CASE(last_one_waits_for_a_cancel),
	KUNIT_CASE(pool_can_be_had_again),
	KUNIT_CASE(users_come_and_go_at_once),
	{}
};

static struct kunit_suite unregister_suite = {
	.name = "slow_work_unregister",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = unregister_cases,
};

kunit_test_suite(unregister_suite);
