// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow_work_flush_user(): when it returns every run has ended for which an
 * enqueue of the module's items was accepted before, put_ref included.  It waits
 * for nothing that is enqueued meanwhile, nor for what is armed.
 */

#include "helper.h"

/* Whose items most are: a module's, as of code that is built in nothing is flushed */
static struct module *us;
static const struct slow_work_ops *our_ops;

static int flush_user_init(struct kunit *test)
{
	int ret = swt_init(test);

	us = THIS_MODULE;
	our_ops = &swt_ops;
	if (ret || us)
		return ret;
	us = swt_owner(test->priv, "us");
	our_ops = swt_ops_of(test->priv, us);
	return swt_register(test->priv, us);
}

static struct swt_item *our_item(struct swt *t, enum swt_kind kind)
{
	return swt_item_ops(t, kind, our_ops);
}

static struct swt_item *our_blocker(struct swt *t)
{
	return swt_blocker_ops(t, SWT_DELAYED, our_ops);
}

static struct swt_thread *flush_start(struct swt *t, struct swt_item *item)
{
	return swt_flush_user_start(t, us, item);
}

static void expect_waits(struct swt_thread *flush)
{
	swt_wait(flush->t, swt_blocked(flush));
	KUNIT_EXPECT_FALSE(flush->t->test, swt_done(flush));
}

static void expect_rest(struct swt_thread *flush)
{
	swt_join(flush);
	KUNIT_EXPECT_TRUE(flush->t->test, flush->seen_at_rest);
}

/* Made and executing */
static struct swt_item *busy_item(struct swt *t, const struct slow_work_ops *ops)
{
	struct swt_item *item = swt_blocker_ops(t, SWT_DELAYED, ops);

	swt_must_execute(item);
	return item;
}

static void nothing_to_wait_for(struct kunit *test)
{
	struct swt *t = test->priv;
	int i;

	for (i = 0; i < 5; i++) {
		swt_join(flush_start(t, NULL));
		swt_settle(t);
	}
}

static void queued_item_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "other");
	struct swt_item *item = swt_item_ops(t, SWT_VSLOW, swt_ops_of(t, owner));
	struct swt_thread *flush;

	KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
	swt_one_thread(t);
	swt_must_enqueue(item);
	flush = swt_flush_user_start(t, owner, item);
	expect_waits(flush);
	/* The other one that blocks a thread is not the module's */
	swt_release(t->held[0]);
	expect_rest(flush);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
}

static void executing_item_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = busy_item(t, our_ops);
	struct swt_thread *flush = flush_start(t, item);

	expect_waits(flush);
	swt_release(item);
	expect_rest(flush);
}

static void put_ref_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = our_item(t, SWT_SLOW);
	struct swt_thread *flush;

	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	flush = flush_start(t, item);
	expect_waits(flush);
	swt_open(item->put_gate);
	expect_rest(flush);
}

static void put_ref_by_a_cancel_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = our_item(t, SWT_DELAYED);
	struct swt_thread *flush, *cancel;

	swt_must_arm(item, SWT_NEVER);
	item->put_gate = swt_gate(t);
	cancel = swt_cancel_start(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	flush = flush_start(t, item);
	expect_waits(flush);
	swt_open(item->put_gate);
	expect_rest(flush);
	swt_join(cancel);
}

static void cancelled_item_is_waited_for_no_more(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "other");
	struct swt_item *item = swt_item_ops(t, SWT_SLOW, swt_ops_of(t, owner));
	struct swt_thread *flush;

	KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
	swt_one_thread(t);
	swt_must_enqueue(item);
	flush = swt_flush_user_start(t, owner, item);
	expect_waits(flush);
	swt_cancel(item);
	expect_rest(flush);

	swt_must_enqueue(item);
	flush = swt_flush_user_start(t, owner, item);
	expect_waits(flush);
	KUNIT_EXPECT_TRUE(test, swt_try_cancel(item));
	expect_rest(flush);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
}

/* ---- what comes meanwhile ----------------------------------------------- */

static void item_enqueued_meanwhile_is_not_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *before = busy_item(t, our_ops), *since;
	struct swt_thread *flush;
	int i;

	/* Each flush counts in the account that the one before has left */
	for (i = 0; i < 4; i++) {
		flush = flush_start(t, before);
		expect_waits(flush);
		since = busy_item(t, our_ops);
		swt_release(before);
		expect_rest(flush);
		KUNIT_EXPECT_TRUE(test, swt_executing(since));
		before = since;
	}
}

static void requeue_self(struct swt_item *item)
{
	if (!READ_ONCE(item->t->stop))
		item->result |= swt_enqueue(item);
}

static void item_that_requeues_itself_does_not_hold_it_up(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = our_item(t, SWT_SLOW);
	int i;

	item->on_execute = requeue_self;
	swt_must_enqueue(item);
	for (i = 0; i < 20; i++)
		swt_join(flush_start(t, NULL));
	KUNIT_EXPECT_EQ(test, item->result, 0);
}

/* The second run of an item waits at the gate in its data */
static void change_gates(struct swt_item *item)
{
	if (swt_starts(item) == 2)
		item->gate = item->data;
}

static struct swt_item *two_gates(struct swt *t)
{
	struct swt_item *item = our_blocker(t);

	item->data = swt_gate(t);
	item->on_execute = change_gates;
	swt_must_execute(item);
	return item;
}

static void run_deferred_before_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = two_gates(t);
	struct swt_thread *flush;

	swt_must_enqueue(item);
	flush = flush_start(t, item);
	expect_waits(flush);
	swt_release(item);
	swt_wait(t, swt_starts(item) == 2);
	expect_waits(flush);
	swt_open(item->data);
	expect_rest(flush);
}

static void run_deferred_meanwhile_is_not_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = two_gates(t);
	struct swt_thread *flush = flush_start(t, NULL);

	expect_waits(flush);
	swt_must_enqueue(item);
	swt_release(item);
	swt_join(flush);
	swt_wait(t, swt_starts(item) == 2);
	/* The next one does */
	flush = flush_start(t, item);
	expect_waits(flush);
	swt_open(item->data);
	expect_rest(flush);
}

static void run_enqueued_in_put_ref_is_told_apart(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = two_gates(t);
	struct swt_thread *before, *since;

	item->put_gate = swt_gate(t);
	swt_release(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	before = flush_start(t, NULL);
	expect_waits(before);
	swt_must_enqueue(item);
	since = flush_start(t, item);
	expect_waits(since);
	swt_open(item->put_gate);
	swt_join(before);
	swt_wait(t, swt_starts(item) == 2);
	expect_waits(since);
	swt_open(item->data);
	expect_rest(since);
}

/* One that is taken back while its put_ref runs and enqueued anew is a new one */
static void reference_used_again_counts_anew(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = two_gates(t);
	struct swt_thread *flush;

	item->put_gate = swt_gate(t);
	swt_release(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	swt_must_enqueue(item);
	flush = flush_start(t, NULL);
	expect_waits(flush);
	KUNIT_EXPECT_TRUE(test, swt_try_cancel(item));
	swt_must_enqueue(item);
	swt_open(item->put_gate);
	swt_join(flush);
	swt_wait(t, swt_starts(item) == 2);
	swt_open(item->data);
}

/* ---- delays ------------------------------------------------------------- */

static void armed_item_is_not_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = our_item(t, SWT_DELAYED);

	swt_must_arm(item, SWT_NEVER);
	swt_join(flush_start(t, NULL));
	swt_join(flush_start(t, NULL));
	KUNIT_EXPECT_TRUE(test, swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
}

static void item_whose_delay_is_over_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = our_blocker(t);
	struct swt_thread *flush;

	swt_must_arm(item, 1);
	swt_wait(t, swt_executing(item));
	flush = flush_start(t, item);
	expect_waits(flush);
	swt_release(item);
	expect_rest(flush);
}

/*
 * Arms @item and starts a flush, which has another run to wait for; then the delay
 * ends, sooner than it would.
 */
static struct swt_thread *flush_before_the_delay_ends(struct swt_item *item)
{
	struct swt_thread *flush;

	swt_must_arm(item, SWT_NEVER);
	flush = flush_start(item->t, NULL);
	expect_waits(flush);
	mod_timer(&item->dwork.timer, jiffies + 1);
	swt_wait(item->t, !swt_flag(item, SLOW_WORK_DELAYED));
	return flush;
}

static void item_whose_delay_ends_meanwhile_is_not_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *busy = busy_item(t, our_ops), *item = our_blocker(t);
	struct swt_thread *flush = flush_before_the_delay_ends(item);

	swt_wait(t, swt_executing(item));
	swt_release(busy);
	swt_join(flush);
	KUNIT_EXPECT_TRUE(test, swt_executing(item));
}

static void run_armed_in_execute_whose_delay_ends_meanwhile_is_neither(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = two_gates(t);
	struct swt_thread *flush = flush_before_the_delay_ends(item);

	swt_release(item);
	swt_join(flush);
	swt_wait(t, swt_starts(item) == 2);
	swt_open(item->data);
}

static void deferred_run_that_is_put_off_and_on_counts_anew(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = two_gates(t);
	struct swt_thread *flush;

	swt_must_enqueue(item);
	flush = flush_start(t, NULL);
	expect_waits(flush);
	KUNIT_EXPECT_EQ(test, swt_mod(item, SWT_NEVER), 0);
	KUNIT_EXPECT_EQ(test, swt_mod(item, 0), 0);
	swt_release(item);
	swt_join(flush);
	swt_wait(t, swt_starts(item) == 2);
	swt_open(item->data);
}

static void item_that_is_put_off_is_waited_for_no_more(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "other");
	struct swt_item *item = swt_item_ops(t, SWT_DELAYED, swt_ops_of(t, owner));
	struct swt_thread *flush;

	KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
	swt_one_thread(t);
	swt_must_enqueue(item);
	flush = swt_flush_user_start(t, owner, NULL);
	expect_waits(flush);
	KUNIT_EXPECT_EQ(test, swt_mod(item, SWT_NEVER), 0);
	swt_join(flush);
	/* And counts again when it is queued */
	KUNIT_EXPECT_EQ(test, swt_mod(item, 0), 0);
	flush = swt_flush_user_start(t, owner, item);
	expect_waits(flush);
	swt_release(t->held[0]);
	expect_rest(flush);
}

static void unregister_waits_for_what_a_flush_did_not(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "other");
	struct slow_work_ops *ops = swt_ops_of(t, owner);
	struct swt_thread *unregister;
	struct swt_item *item;
	int i;

	for (i = 0; i < 4; i++) {
		KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
		item = swt_blocker_ops(t, SWT_DELAYED, ops);
		swt_must_arm(item, SWT_NEVER);
		if (i & 1)
			swt_join(swt_flush_user_start(t, owner, NULL));
		if (i & 2)
			swt_join(swt_flush_user_start(t, owner, NULL));
		unregister = swt_unregister_start(t, owner, item);
		expect_waits(unregister);
		/* The delay ends, sooner than it would */
		mod_timer(&item->dwork.timer, jiffies + 1);
		swt_wait(t, swt_executing(item));
		expect_waits(unregister);
		swt_release(item);
		expect_rest(unregister);
		KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	}
}

/* Nor does what comes to its end meanwhile end a flush, where an unregister waits as well */
static void unregister_meanwhile_ends_no_flush(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *first = busy_item(t, our_ops), *later;
	struct swt_thread *flush = flush_start(t, first), *leave;

	expect_waits(flush);
	KUNIT_ASSERT_EQ(test, swt_register(t, us), 0);
	leave = swt_unregister_start(t, us, first);
	expect_waits(leave);
	later = our_item(t, SWT_SLOW);
	swt_must_run(later);
	swt_settle(t);
	expect_waits(flush);
	swt_release(first);
	expect_rest(flush);
	expect_rest(leave);
}

/* ---- several ------------------------------------------------------------ */

static void several_flushes_each_wait_for_theirs(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[4];
	struct swt_thread *flushes[ARRAY_SIZE(items)];
	int i;

	swt_pool(t, 4, 4);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = busy_item(t, our_ops);
		flushes[i] = flush_start(t, items[i]);
		expect_waits(flushes[i]);
	}
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		KUNIT_EXPECT_FALSE(test, swt_done(flushes[i]));
		swt_release(items[i]);
	}
	/* Those that came later began when the first had ended */
	for (i = 0; i < ARRAY_SIZE(items); i++)
		expect_rest(flushes[i]);
}

static void later_flush_waits_for_what_the_earlier_does(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *first = busy_item(t, our_ops), *second;
	struct swt_thread *flushes[2];

	flushes[0] = flush_start(t, first);
	expect_waits(flushes[0]);
	second = busy_item(t, our_ops);
	flushes[1] = flush_start(t, first);
	expect_waits(flushes[1]);
	swt_release(second);
	swt_wait(t, swt_at_rest(second));
	expect_waits(flushes[0]);
	expect_waits(flushes[1]);
	swt_release(first);
	expect_rest(flushes[0]);
	expect_rest(flushes[1]);
}

static void flushes_at_once_all_return(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = busy_item(t, our_ops);
	struct swt_thread *flushes[6];
	int i;

	for (i = 0; i < ARRAY_SIZE(flushes); i++) {
		flushes[i] = flush_start(t, item);
		expect_waits(flushes[i]);
	}
	swt_release(item);
	for (i = 0; i < ARRAY_SIZE(flushes); i++)
		expect_rest(flushes[i]);
}

/* More than there are places for: some begin later, and all end */
static void many_flushes_at_once_all_return(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[24];
	struct swt_thread *flushes[ARRAY_SIZE(items)];
	int i, round;

	for (i = 0; i < ARRAY_SIZE(items); i++)
		items[i] = our_item(t, i % 3);
	swt_one_thread(t);
	for (round = 1; round <= 2; round++) {
		for (i = 0; i < ARRAY_SIZE(items); i++) {
			swt_must_enqueue(items[i]);
			flushes[i] = flush_start(t, items[i]);
			expect_waits(flushes[i]);
		}
		swt_release(t->held[0]);
		swt_release(t->held[1]);
		for (i = 0; i < ARRAY_SIZE(items); i++) {
			expect_rest(flushes[i]);
			KUNIT_EXPECT_EQ(test, swt_runs(items[i]), round);
		}
		t->nr_held = 0;
		swt_hold(t, 2);
	}
}

/* ---- whose items -------------------------------------------------------- */

static void items_of_others_are_not_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "other"), *stranger = swt_owner(t, "stranger");
	struct swt_item *item;

	KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
	swt_pool(t, 4, 4);
	item = busy_item(t, swt_ops_of(t, owner));
	busy_item(t, swt_ops_of(t, NULL));
	swt_join(flush_start(t, NULL));
	/* Nobody's items are waited for by nobody, nor are a stranger's */
	swt_join(swt_flush_user_start(t, NULL, NULL));
	busy_item(t, swt_ops_of(t, stranger));
	swt_join(swt_flush_user_start(t, stranger, NULL));
	KUNIT_EXPECT_TRUE(test, swt_executing(item));
}

static void nobody_registered(struct kunit *test)
{
	struct swt *t = test->priv;

	swt_unregister(t, us);
	if (us != THIS_MODULE)
		swt_unregister(t, THIS_MODULE);
	swt_join(flush_start(t, NULL));
	swt_join(swt_flush_user_start(t, NULL, NULL));
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

static void flush_from_execute(struct swt_item *item)
{
	slow_work_flush_user(us);
}

static void flush_in_a_pool_thread_waits_for_nothing(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = our_item(t, SWT_SLOW), *busy = busy_item(t, our_ops);

	item->on_execute = flush_from_execute;
	item->on_put = flush_from_execute;
	swt_expect_splat(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_at_rest(item) && swt_runs(item) == 1);
	swt_splat_over(t);
	swt_expect_warned(t, "flush of a user from a pool thread by");
	KUNIT_EXPECT_TRUE(test, swt_executing(busy));
}

/* ---- races -------------------------------------------------------------- */

#define NR_ITEMS	4

/* Each of the items notes when it ran what had been asked of it */
struct crowd {
	struct swt_item *items[NR_ITEMS];
	atomic_t want[NR_ITEMS];
	atomic_t seen[NR_ITEMS];
	atomic_t accepted[NR_ITEMS];
};

static void see_wants(struct swt_item *item)
{
	struct crowd *crowd = item->data;
	int seen = atomic_read(&crowd->want[item->value]);

	swt_jitter(20);
	atomic_set(&crowd->seen[item->value], seen);
}

/* The only one to enqueue them; a flush looks at what was accepted */
static int enqueue_crowd(struct swt_thread *thread)
{
	struct crowd *crowd = thread->arg;
	struct swt_budget budget = swt_budget();
	int i, ticket, ret;

	while (swt_more(thread->t, &budget)) {
		i = swt_random(NR_ITEMS);
		ticket = atomic_inc_return(&crowd->want[i]);
		ret = swt_random(4) ? swt_enqueue(crowd->items[i]) :
				      swt_mod(crowd->items[i], 0);
		if (ret)
			return ret;
		atomic_set(&crowd->accepted[i], ticket);
		swt_jitter(20);
	}
	return 0;
}

static int flush_crowd(struct swt_thread *thread)
{
	struct crowd *crowd = thread->arg;
	struct swt_budget budget = swt_budget();
	int i, accepted[NR_ITEMS];

	while (swt_more(thread->t, &budget)) {
		for (i = 0; i < NR_ITEMS; i++)
			accepted[i] = atomic_read(&crowd->accepted[i]);
		slow_work_flush_user(us);
		for (i = 0; i < NR_ITEMS; i++)
			if (atomic_read(&crowd->seen[i]) < accepted[i])
				return -EBUSY;
		swt_jitter(20);
	}
	return 0;
}

static void flush_against_enqueue(struct kunit *test)
{
	struct swt *t = test->priv;
	struct crowd *crowd = swt_alloc(t, sizeof(*crowd));
	struct swt_thread *threads[4];
	int i;

	swt_pool(t, 4, 4);
	for (i = 0; i < NR_ITEMS; i++) {
		crowd->items[i] = our_item(t, SWT_DELAYED);
		crowd->items[i]->value = i;
		crowd->items[i]->data = crowd;
		crowd->items[i]->on_execute = see_wants;
	}
	threads[0] = swt_start(t, enqueue_crowd, crowd);
	for (i = 1; i < ARRAY_SIZE(threads); i++)
		threads[i] = swt_start(t, flush_crowd, crowd);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ(test, swt_join(threads[i]), 0);
}

static struct kunit_case flush_user_cases[] = {
	KUNIT_CASE(nothing_to_wait_for),
	KUNIT_CASE(queued_item_is_waited_for),
	KUNIT_CASE(executing_item_is_waited_for),
	KUNIT_CASE(put_ref_is_waited_for),
	KUNIT_CASE(put_ref_by_a_cancel_is_waited_for),
	KUNIT_CASE(cancelled_item_is_waited_for_no_more),
	KUNIT_CASE(item_enqueued_meanwhile_is_not_waited_for),
	KUNIT_CASE(item_that_requeues_itself_does_not_hold_it_up),
	KUNIT_CASE(run_deferred_before_is_waited_for),
	KUNIT_CASE(run_deferred_meanwhile_is_not_waited_for),
	KUNIT_CASE(run_enqueued_in_put_ref_is_told_apart),
	KUNIT_CASE(reference_used_again_counts_anew),
	KUNIT_CASE(armed_item_is_not_waited_for),
	KUNIT_CASE(item_whose_delay_is_over_is_waited_for),
	KUNIT_CASE(item_whose_delay_ends_meanwhile_is_not_waited_for),
	KUNIT_CASE(run_armed_in_execute_whose_delay_ends_meanwhile_is_neither),
	KUNIT_CASE(deferred_run_that_is_put_off_and_on_counts_anew),
	KUNIT_CASE(item_that_is_put_off_is_waited_for_no_more),
	KUNIT_CASE(unregister_waits_for_what_a_flush_did_not),
	KUNIT_CASE(unregister_meanwhile_ends_no_flush),
	KUNIT_CASE(several_flushes_each_wait_for_theirs),
	KUNIT_CASE(later_flush_waits_for_what_the_earlier_does),
	KUNIT_CASE(flushes_at_once_all_return),
	KUNIT_CASE(many_flushes_at_once_all_return),
	KUNIT_CASE(items_of_others_are_not_waited_for),
	KUNIT_CASE(nobody_registered),
	KUNIT_CASE(flush_in_a_pool_thread_waits_for_nothing),
	KUNIT_CASE(flush_against_enqueue),
	{}
};

static struct kunit_suite flush_user_suite = {
	.name = "slow_work_flush_user",
	.init = flush_user_init,
	.exit = swt_exit,
	.test_cases = flush_user_cases,
};

kunit_test_suite(flush_user_suite);
