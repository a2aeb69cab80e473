// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Promise 10: whoever waits for an item, in a cancel, a flush, a flush of a user or
 * an unregister, may do so for as long as the work takes.  It is no hung task
 * meanwhile, and after 10 s it says once what it waits for.
 *
 * And of many that wait none is forgotten.
 */

#include "helper.h"

static void expect_waits(struct swt_thread *thread)
{
	swt_wait(thread->t, swt_blocked(thread));
	KUNIT_EXPECT_FALSE(thread->t->test, swt_done(thread));
}

static struct swt_item *busy_item(struct swt *t, const struct slow_work_ops *ops)
{
	struct swt_item *item = swt_blocker_ops(t, SWT_DELAYED, ops);

	swt_must_execute(item);
	return item;
}

/* Through with execute, and in a put_ref that waits */
static struct swt_item *item_in_put_ref(struct swt *t, const struct slow_work_ops *ops)
{
	struct swt_item *item = swt_item_ops(t, SWT_DELAYED, ops);

	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	return item;
}

static struct slow_work_ops *join_pool(struct swt *t, const char *name)
{
	struct module *owner = swt_owner(t, name);

	KUNIT_ASSERT_EQ(t->test, swt_register(t, owner), 0);
	return swt_ops_of(t, owner);
}

/* ---- many ---------------------------------------------------------------- */

#define NR_FLUSHES	500

static void all_of_500_flushes_of_one_item_return(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_thread **flushes = swt_alloc(t, NR_FLUSHES * sizeof(*flushes));
	int i, waited = 0, rested = 0;

	swt_one_thread(t);
	swt_must_enqueue(item);
	for (i = 0; i < NR_FLUSHES / 2; i++) {
		flushes[i] = swt_flush_start(item);
		expect_waits(flushes[i]);
	}
	swt_release(t->held[0]);
	swt_wait(t, swt_executing(item));
	for (; i < NR_FLUSHES; i++) {
		flushes[i] = swt_flush_start(item);
		expect_waits(flushes[i]);
	}
	for (i = 0; i < NR_FLUSHES; i++)
		KUNIT_EXPECT_FALSE(test, swt_done(flushes[i]));
	swt_release(item);
	for (i = 0; i < NR_FLUSHES; i++) {
		waited += swt_join(flushes[i]);
		rested += flushes[i]->seen_at_rest;
	}
	KUNIT_EXPECT_EQ(test, waited, NR_FLUSHES);
	KUNIT_EXPECT_EQ(test, rested, NR_FLUSHES);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
}

#define NR_ITEMS	200

static void each_of_200_waits_for_as_many_items_returns(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread **waits = swt_alloc(t, NR_ITEMS * sizeof(*waits));
	struct swt_item **items = swt_alloc(t, NR_ITEMS * sizeof(*items));
	int i;

	swt_pool(t, NR_ITEMS, NR_ITEMS);
	for (i = 0; i < NR_ITEMS; i++)
		items[i] = busy_item(t, &swt_ops);
	for (i = 0; i < NR_ITEMS; i++) {
		waits[i] = i % 2 ? swt_flush_start(items[i]) : swt_cancel_start(items[i]);
		expect_waits(waits[i]);
	}
	/* From both ends, so from the middle of whatever they are in, too */
	for (i = 0; i < NR_ITEMS; i++) {
		int nr = i % 2 ? NR_ITEMS - 1 - i / 2 : i / 2;

		swt_release(items[nr]);
		swt_join(waits[nr]);
		KUNIT_EXPECT_TRUE(test, waits[nr]->seen_at_rest);
	}
	swt_pool(t, 2, 2);
}

static void all_of_200_flushes_of_one_user_return(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = join_pool(t, "swt_other");
	struct swt_thread **flushes = swt_alloc(t, NR_ITEMS * sizeof(*flushes));
	struct swt_item *item = busy_item(t, ops);
	int i;

	for (i = 0; i < NR_ITEMS; i++) {
		flushes[i] = swt_flush_user_start(t, ops->owner, item);
		expect_waits(flushes[i]);
	}
	swt_release(item);
	for (i = 0; i < NR_ITEMS; i++) {
		swt_join(flushes[i]);
		KUNIT_EXPECT_TRUE(test, flushes[i]->seen_at_rest);
	}
}

/* ---- the hung-task detector ----------------------------------------------- */

/* As the detector goes by; what it waits for does not change, so a look or two do */
static void expect_no_hung_task(struct swt_thread *thread, const char *what)
{
	struct kunit *test = thread->t->test;
	unsigned int state;
	int i;

	expect_waits(thread);
	for (i = 0; i < 20; i++) {
		state = READ_ONCE(thread->task->__state);
		if ((state & TASK_IDLE) == TASK_IDLE)
			return;
		schedule_timeout_uninterruptible(1);
	}
	KUNIT_EXPECT_EQ_MSG(test, state, (unsigned int)TASK_IDLE, "%s", what);
}

static void who_waits_is_no_hung_task(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *flushed = join_pool(t, "swt_flushed");
	struct slow_work_ops *leaver = join_pool(t, "swt_leaver");
	struct swt_item *item;

	swt_pool(t, 6, 6);
	expect_no_hung_task(swt_cancel_start(busy_item(t, &swt_ops)), "cancel");
	expect_no_hung_task(swt_flush_start(busy_item(t, &swt_ops)), "flush");
	item = item_in_put_ref(t, &swt_ops);
	expect_no_hung_task(swt_cancel_start(item), "cancel, of one in put_ref");
	expect_no_hung_task(swt_flush_start(item), "flush, of one in put_ref");
	item = busy_item(t, flushed);
	expect_no_hung_task(swt_flush_user_start(t, flushed->owner, item), "flush of a user");
	/* A later one has to wait for the earlier to be through */
	expect_no_hung_task(swt_flush_user_start(t, flushed->owner, item),
			    "second flush of a user");
	expect_no_hung_task(swt_flush_user_start(t, flushed->owner, item),
			    "third flush of a user");
	item = busy_item(t, leaver);
	expect_no_hung_task(swt_unregister_start(t, leaver->owner, item), "unregister");

	/* Five have a thread; with this no thread is free */
	swt_hold(t, 1);
	item = swt_item(t, SWT_SLOW);
	swt_must_enqueue(item);
	expect_no_hung_task(swt_flush_start(item), "flush, of a queued one");
	item->put_gate = swt_gate(t);
	swt_cancel_start(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	expect_no_hung_task(swt_cancel_start(item), "second cancel");
}

/* A desc may take its time, too */
static void who_waits_for_a_desc_is_no_hung_task(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	if (!IS_ENABLED(CONFIG_SLOW_WORK_DEBUG))
		kunit_skip(test, "built without runqueue");
	item->desc_gate = swt_gate(t);
	swt_must_arm(item, SWT_NEVER);
	swt_log_mark(t);
	swt_runqueue_start(t);
	swt_wait(t, atomic_read(&item->describing) == 1);
	expect_no_hung_task(swt_cancel_start(item), "cancel");
	swt_wait(t, swt_logged(t, "Still waiting for the desc of", "which is being read"));
	expect_no_hung_task(swt_cancel_start(item), "second cancel");
	expect_no_hung_task(swt_flush_start(item), "flush");
}

static void who_leaves_last_is_no_hung_task(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = busy_item(t, swt_ops_of(t, NULL));

	expect_no_hung_task(swt_unregister_start(t, THIS_MODULE, item), "last unregister");
}

/* ---- what is told of long waits ------------------------------------------- */

enum waits_call { CANCEL, FLUSH, FLUSH_USER, UNREGISTER };
enum waits_stage { EXECUTING, PUTTING, QUEUED, ARMED, CANCELLED };

static const char * const told[] = {
	"of %s (executing)", "of %s (in its put_ref)", "of %s (queued)", "of %s (armed)",
	"a put_ref of %s",
};

/* Each of them has an owner of its own, so that it is known by that */
static const struct {
	const char *owner;
	enum waits_call call;
	enum waits_stage stage;
} waits[] = {
	{ "swt_cancel", CANCEL, EXECUTING },
	{ "swt_flush", FLUSH, EXECUTING },
	{ "swt_user_flush", FLUSH_USER, EXECUTING },
	{ "swt_unregister", UNREGISTER, EXECUTING },
	{ "swt_put_cancel", CANCEL, PUTTING },
	{ "swt_put_flush", FLUSH, PUTTING },
	{ "swt_put_user_flush", FLUSH_USER, PUTTING },
	{ "swt_queued_flush", FLUSH, QUEUED },
	{ "swt_queued_user_flush", FLUSH_USER, QUEUED },
	{ "swt_queued_unregister", UNREGISTER, QUEUED },
	{ "swt_armed_unregister", UNREGISTER, ARMED },
	{ "swt_taken_unregister", UNREGISTER, CANCELLED },
};

static struct swt_item *item_at_stage(struct swt *t, enum waits_stage stage,
				      struct slow_work_ops *ops)
{
	struct swt_item *item;

	switch (stage) {
	case EXECUTING:
		return busy_item(t, ops);
	case PUTTING:
		return item_in_put_ref(t, ops);
	case CANCELLED:
		item = swt_item_ops(t, SWT_DELAYED, ops);
		item->put_gate = swt_gate(t);
		swt_must_arm(item, SWT_NEVER);
		swt_cancel_start(item);
		swt_wait(t, atomic_read(&item->putting) == 1);
		return item;
	default:
		item = swt_item_ops(t, SWT_DELAYED, ops);
		swt_must_arm(item, stage == ARMED ? SWT_NEVER : 0);
		return item;
	}
}

static struct swt_thread *wait_start(struct swt *t, enum waits_call call,
				     struct swt_item *item)
{
	switch (call) {
	case CANCEL:
		return swt_cancel_start(item);
	case FLUSH:
		return swt_flush_start(item);
	case FLUSH_USER:
		return swt_flush_user_start(t, item->work.ops->owner, item);
	default:
		return swt_unregister_start(t, item->work.ops->owner, item);
	}
}

/* All at once, as it takes 10 s */
static void long_waits_are_reported_once(struct kunit *test)
{
	struct swt_thread *threads[ARRAY_SIZE(waits)];
	struct slow_work_ops *ops[ARRAY_SIZE(waits)];
	struct swt_item *items[ARRAY_SIZE(waits)], *armed[ARRAY_SIZE(waits)] = { };
	struct swt *t = test->priv;
	char text[64];
	int i;

	for (i = 0; i < ARRAY_SIZE(waits); i++)
		ops[i] = join_pool(t, waits[i].owner);
	/* As many as hold a thread; what is queued stays so */
	swt_pool(t, 7, 7);
	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		items[i] = item_at_stage(t, waits[i].stage, ops[i]);
		/* For which no flush waits, so neither does it tell of it */
		if (waits[i].call == FLUSH_USER) {
			armed[i] = swt_item_ops(t, SWT_DELAYED, ops[i]);
			swt_must_arm(armed[i], SWT_NEVER);
		}
	}
	swt_log_mark(t);
	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		threads[i] = wait_start(t, waits[i].call, items[i]);
		expect_waits(threads[i]);
	}
	for (i = 0; i < ARRAY_SIZE(waits); i++)
		swt_wait(t, swt_logged(t, "Still waiting for", waits[i].owner));
	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		KUNIT_EXPECT_EQ_MSG(test, swt_log_lines(t, "Still waiting for", waits[i].owner), 1,
				    "%s", waits[i].owner);
		/* A user's are not told apart any more */
		snprintf(text, sizeof(text),
			 told[waits[i].call == FLUSH_USER && waits[i].stage == PUTTING ?
			      CANCELLED : waits[i].stage], waits[i].owner);
		KUNIT_EXPECT_TRUE_MSG(test, swt_logged(t, "Still waiting for", text), "%s", text);
		if (IS_ENABLED(CONFIG_KALLSYMS) && waits[i].stage != PUTTING &&
		    waits[i].stage != CANCELLED)
			KUNIT_EXPECT_TRUE_MSG(test, swt_logged(t, waits[i].owner, "swt_execute"),
					      "%s", waits[i].owner);
		/* As a pr_warn() */
		KUNIT_EXPECT_TRUE_MSG(test, swt_logged(t, waits[i].owner, "<4>"), "%s",
				      waits[i].owner);
		/* And the wait goes on */
		KUNIT_EXPECT_FALSE(test, swt_done(threads[i]));
	}
	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		if (waits[i].stage == EXECUTING)
			swt_release(items[i]);
		if (waits[i].stage == PUTTING || waits[i].stage == CANCELLED)
			swt_open(items[i]->put_gate);
		if (waits[i].stage == ARMED)
			swt_cancel(items[i]);
		if (armed[i])
			swt_cancel(armed[i]);
	}
	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		swt_join(threads[i]);
		KUNIT_EXPECT_TRUE_MSG(test, threads[i]->seen_at_rest, "%s", waits[i].owner);
	}
}

static struct kunit_case waits_cases[] = {
	KUNIT_CASE(all_of_500_flushes_of_one_item_return),
	KUNIT_CASE(each_of_200_waits_for_as_many_items_returns),
	KUNIT_CASE(all_of_200_flushes_of_one_user_return),
	KUNIT_CASE(who_waits_is_no_hung_task),
	KUNIT_CASE(who_waits_for_a_desc_is_no_hung_task),
	KUNIT_CASE(who_leaves_last_is_no_hung_task),
	KUNIT_CASE(long_waits_are_reported_once),
	{}
};

static struct kunit_suite waits_suite = {
	.name = "slow_work_waits",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = waits_cases,
};

kunit_test_suite(waits_suite);
