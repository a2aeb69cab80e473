// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The reserve: a thread of its own for a user that memory reclaim waits for.  It comes
 * once an item of that user has waited for 10 ms and no thread of the pool is free or
 * could be had.
 *
 * On a busy machine a free thread may get no CPU for so long, and then the reserve comes
 * rightly: an item that it executes has always waited, and where time travels it
 * executes none that the pool can.
 */

#include <linux/cpumask.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/preempt.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "helper.h"

#define NAME		"swt_rsv"
#define OTHER_NAME	"swt_two"

/* What there is of reserves, but for those that exit */
struct look {
	const char *name;		/* in: of the user, or any */
	int nr;
	int begun;
	int idle;			/* sleep as the pool's threads do */
	int nice;			/* of the last */
	int cpus;
};

static struct look look_at(const char *name)
{
	struct look look = { };
	struct task_struct *task;

	rcu_read_lock();
	for_each_process(task) {
		if (!swt_is_reserve(task) || (READ_ONCE(task->flags) & PF_EXITING) ||
		    (name && strcmp(task->comm + strlen("kslowr/"), name)))
			continue;
		look.nr++;
		look.begun += swt_has_begun(task);
		look.idle += (READ_ONCE(task->__state) & TASK_IDLE) == TASK_IDLE;
		look.nice = task_nice(task);
		look.cpus = task->nr_cpus_allowed;
	}
	rcu_read_unlock();
	return look;
}

/* One of them, with a reference */
static struct task_struct *get_reserve(void)
{
	struct task_struct *task, *reserve = NULL;

	rcu_read_lock();
	for_each_process(task)
		if (swt_is_reserve(task) && !(READ_ONCE(task->flags) & PF_EXITING))
			reserve = task;
	if (reserve)
		get_task_struct(reserve);
	rcu_read_unlock();
	return reserve;
}

static int reserves(const char *name)
{
	return look_at(name).nr;
}

/* Operations of a new user that has a reserve */
static struct slow_work_ops *new_user(struct swt *t, const char *name)
{
	struct module *owner = swt_owner(t, name);

	KUNIT_ASSERT_EQ(t->test, swt_register_flags(t, owner, SLOW_WORK_MEM_RECLAIM), 0);
	return swt_ops_of(t, owner);
}

static void enqueue_now(struct swt_item *item)
{
	item->queued_at = jiffies;
	swt_must_enqueue(item);
}

/* Did a reserve begin to execute it last, and no thread of the pool? */
static bool by_reserve(struct swt_item *item)
{
	return swt_starts(item) && item->number < 0;
}

/* In jiffies, as the pool counts them: where ticks are lost they come in leaps */
static void expect_to_have_waited(struct swt_item *item, unsigned int ms)
{
	if (by_reserve(item))
		KUNIT_EXPECT_GE(item->t->test, item->started_at - item->queued_at,
				msecs_to_jiffies(ms));
}

/* All have gone to sleep: what is queued from now on is to wait before one comes */
static void wait_for_reserves(struct swt *t)
{
	swt_wait(t, look_at(NULL).idle == look_at(NULL).nr);
}

static struct swt_item *run_one(struct swt *t, enum swt_kind kind, const struct slow_work_ops *ops)
{
	struct swt_item *item = swt_item_ops(t, kind, ops);

	enqueue_now(item);
	swt_wait(t, swt_at_rest(item));
	return item;
}

/* ---- it comes and goes with its user ------------------------------------ */

static void reserve_is_there_when_register_returns(struct kunit *test)
{
	struct swt *t = test->priv;
	int threads = swt_threads();
	struct look look;

	KUNIT_EXPECT_EQ(test, reserves(NULL), 0);
	new_user(t, NAME);
	look = look_at(NAME);
	KUNIT_EXPECT_EQ(test, look.nr, 1);
	KUNIT_EXPECT_EQ(test, look.nice, -5);
	KUNIT_EXPECT_EQ(test, swt_threads(), threads);
	swt_wait(t, look_at(NAME).begun && look_at(NAME).idle);
}

static void reserve_counts_in_no_limit(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops;

	swt_pool(t, 2, 2);
	ops = new_user(t, NAME);
	new_user(t, OTHER_NAME);
	KUNIT_EXPECT_EQ(test, swt_threads(), 2);
	/* None of the pool's is surplus for that */
	swt_hold(t, 2);
	KUNIT_EXPECT_TRUE(test, by_reserve(run_one(t, SWT_SLOW, ops)));
	KUNIT_EXPECT_EQ(test, swt_threads(), 2);
	KUNIT_EXPECT_EQ(test, swt_read("max-threads"), 2);
	KUNIT_EXPECT_EQ(test, swt_read("min-threads"), 2);
	KUNIT_EXPECT_EQ(test, reserves(NULL), 2);
}

static void reserve_goes_with_its_user(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME);
	struct task_struct *task = get_reserve();
	const struct cred *cred;

	KUNIT_ASSERT_NOT_NULL(test, task);
	cred = get_task_cred(task);
	new_user(t, OTHER_NAME);
	swt_unregister(t, ops->owner);
	KUNIT_EXPECT_EQ(test, reserves(NAME), 0);
	KUNIT_EXPECT_EQ(test, reserves(OTHER_NAME), 1);
	swt_settle(t);
	swt_expect_let_go(t, task, cred);
}

static void reserve_lasts_until_the_last_registration(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, NAME);

	KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
	KUNIT_EXPECT_EQ(test, reserves(NAME), 0);
	KUNIT_ASSERT_EQ(test, swt_register_flags(t, owner, SLOW_WORK_MEM_RECLAIM), 0);
	KUNIT_EXPECT_EQ(test, reserves(NAME), 1);
	KUNIT_ASSERT_EQ(test, swt_register_flags(t, owner, SLOW_WORK_MEM_RECLAIM), 0);
	KUNIT_EXPECT_EQ(test, reserves(NAME), 1);
	swt_unregister(t, owner);
	swt_unregister(t, owner);
	KUNIT_EXPECT_EQ(test, reserves(NAME), 1);
	/* And is of use */
	swt_one_thread(t);
	KUNIT_EXPECT_TRUE(test, by_reserve(run_one(t, SWT_SLOW, swt_ops_of(t, owner))));
	swt_unregister(t, owner);
	KUNIT_EXPECT_EQ(test, reserves(NAME), 0);
}

/* In the memory that a user with a reserve has left */
static void next_user_has_none_unless_it_asks(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops;
	struct swt_item *item;
	int i;

	swt_one_thread(t);
	for (i = 0; i < 4; i++) {
		ops = new_user(t, NAME);
		KUNIT_EXPECT_TRUE(test, by_reserve(run_one(t, SWT_SLOW, ops)));
		swt_unregister(t, ops->owner);
	}
	KUNIT_ASSERT_EQ(test, swt_register(t, ops->owner), 0);
	KUNIT_EXPECT_EQ(test, reserves(NULL), 0);
	item = swt_item_ops(t, SWT_SLOW, ops);
	swt_must_enqueue(item);
	schedule_timeout_uninterruptible(msecs_to_jiffies(100));
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
}

static void bad_flags_change_nothing(struct kunit *test)
{
	static const unsigned int flags[] = { 2, 3, 4, 1U << 31, ~0U };
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, NAME);
	int i;

	swt_unregister(t, THIS_MODULE);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		KUNIT_EXPECT_EQ(test, swt_register_flags(t, owner, flags[i]), -EINVAL);
		KUNIT_EXPECT_EQ(test, swt_register_flags(t, NULL, flags[i]), -EINVAL);
	}
	/* For nobody there is nobody to go with */
	KUNIT_EXPECT_EQ(test, swt_register_flags(t, NULL, SLOW_WORK_MEM_RECLAIM), -EINVAL);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
	KUNIT_EXPECT_EQ(test, reserves(NULL), 0);
}

static void register_fails_cleanly_without_a_reserve(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, NAME);
	int ret, threads = swt_threads();

	swt_log_mark(t);
	swt_let_no_thread_start(t);
	ret = swt_register_flags(t, owner, SLOW_WORK_MEM_RECLAIM);
	swt_let_threads_start(t);
	KUNIT_EXPECT_LT(test, ret, 0);
	KUNIT_EXPECT_TRUE(test, swt_logged(t, "Cannot start the reserve of " NAME " (-", ""));
	KUNIT_EXPECT_EQ(test, reserves(NULL), 0);
	KUNIT_EXPECT_EQ(test, swt_threads(), threads);
	swt_settle(t);
	/* It is no user: the last one to go takes the threads along */
	swt_unregister(t, THIS_MODULE);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
	/* It always tries afresh */
	KUNIT_EXPECT_EQ(test, swt_register_flags(t, owner, SLOW_WORK_MEM_RECLAIM), 0);
	KUNIT_EXPECT_EQ(test, reserves(NAME), 1);
}

static bool manager_is_there(void)
{
	struct task_struct *manager = swt_get_manager();

	if (manager)
		put_task_struct(manager);
	return manager;
}

/* Two threads, the manager, the reserve: each of them can be what cannot be started. */
static void register_fails_cleanly_wherever_it_does(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, NAME);
	int ret, count = 0, threads;

	swt_unregister(t, THIS_MODULE);
	do {
		swt_let_only_start(t, count);
		ret = swt_register_flags(t, owner, SLOW_WORK_MEM_RECLAIM);
		threads = swt_threads();
		swt_let_threads_start(t);
		if (!ret)
			break;
		KUNIT_EXPECT_EQ(test, threads, 0);
		KUNIT_EXPECT_EQ(test, reserves(NULL), 0);
		KUNIT_EXPECT_FALSE(test, manager_is_there());
	} while (++count < 100);
	KUNIT_ASSERT_EQ(test, ret, 0);
	/* Elsewhere the kernel starts threads of its own meanwhile */
	if (swt_time_travel())
		KUNIT_EXPECT_EQ(test, count, 4);
	run_one(t, SWT_SLOW, swt_ops_of(t, owner));
	swt_expect_threads(t, 2);
	KUNIT_EXPECT_EQ(test, reserves(NAME), 1);
}

/* The last unregister waits for an item of nobody's: a failed register stops nothing. */
static void register_that_fails_leaves_nobodys_items(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker_ops(t, SWT_SLOW, swt_ops_of(t, NULL));
	struct module *owner = swt_owner(t, NAME);
	struct swt_thread *last;
	int ret, threads;

	swt_must_execute(item);
	last = swt_unregister_start(t, THIS_MODULE, item);
	swt_wait(t, swt_blocked(last));
	swt_let_no_thread_start(t);
	ret = swt_register_flags(t, owner, SLOW_WORK_MEM_RECLAIM);
	threads = swt_threads();
	swt_let_threads_start(t);
	KUNIT_EXPECT_LT(test, ret, 0);
	KUNIT_EXPECT_GT(test, threads, 0);
	swt_release(item);
	swt_join(last);
	KUNIT_EXPECT_TRUE(test, last->seen_at_rest);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

/*
 * It takes the pool down when nobody's items have ended, and before all are woken that
 * wait for them: one after the other, by a timer which goes with the pool.
 */
static void register_that_fails_leaves_nobody_waiting(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, NAME);
	struct swt_thread *flushes[4], *last;
	struct swt_item *items[2];
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_blocker_ops(t, SWT_SLOW, swt_ops_of(t, NULL));
		swt_must_execute(items[i]);
	}
	for (i = 0; i < ARRAY_SIZE(flushes); i++) {
		flushes[i] = swt_flush_start(items[0]);
		swt_wait(t, swt_blocked(flushes[i]));
	}
	last = swt_unregister_start(t, THIS_MODULE, items[1]);
	swt_wait(t, swt_blocked(last));
	swt_let_no_thread_start(t);
	for (i = 0; i < ARRAY_SIZE(items); i++)
		swt_release(items[i]);
	swt_wait(t, swt_runs(items[0]) && swt_runs(items[1]));
	usleep_range(10, 11);
	ret = swt_register_flags(t, owner, SLOW_WORK_MEM_RECLAIM);
	swt_let_threads_start(t);
	KUNIT_EXPECT_LT(test, ret, 0);
	for (i = 0; i < ARRAY_SIZE(flushes); i++)
		KUNIT_EXPECT_EQ(test, swt_join(flushes[i]), 1);
	swt_join(last);
	KUNIT_EXPECT_TRUE(test, last->seen_at_rest);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

/* ---- when it comes ------------------------------------------------------ */

static void expect_the_pool_to_serve(struct swt *t, const struct slow_work_ops *ops)
{
	int i, called = 0;

	for (i = 0; i < 40; i++) {
		struct swt_item *item;

		wait_for_reserves(t);
		item = run_one(t, i % 2, ops);
		expect_to_have_waited(item, 10);
		called += by_reserve(item);
	}
	if (swt_time_travel())
		KUNIT_EXPECT_EQ(t->test, called, 0);
}

static void free_thread_is_enough(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME);

	expect_the_pool_to_serve(t, ops);
	/* One that sleeps is as good as free, if its item comes */
	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	expect_the_pool_to_serve(t, ops);
}

static void thread_that_can_be_had_is_enough(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME);
	struct swt_item *items[2];
	int i;

	/* Of the last thread that there may be, no more than 10 ms are waited for */
	swt_pool(t, 2, 5);
	swt_hold(t, 2);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_blocker_ops(t, SWT_SLOW, ops);
		enqueue_now(items[i]);
		swt_wait(t, swt_executing(items[i]));
		/* Else there may be fewer threads by now */
		expect_to_have_waited(items[i], swt_time_travel() && swt_threads() < 5 ? 20 : 10);
		if (swt_time_travel())
			KUNIT_EXPECT_FALSE(test, by_reserve(items[i]));
	}
}

/* By the reserve, and as soon as it may: 10 ms are two ticks, or what is left of them */
static void expect_soon(struct swt_item *item)
{
	KUNIT_EXPECT_TRUE(item->t->test, by_reserve(item));
	if (swt_time_travel())
		KUNIT_EXPECT_LE(item->t->test, item->started_at - item->queued_at, 3UL);
}

static void comes_when_all_threads_are_held(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME);
	enum swt_kind kind;
	int i;

	swt_one_thread(t);
	for (i = 0; i < 5; i++) {
		for (kind = SWT_SLOW; kind <= SWT_DELAYED; kind++) {
			struct swt_item *item;

			wait_for_reserves(t);
			item = run_one(t, kind, ops);
			expect_to_have_waited(item, 10);
			expect_soon(item);
		}
	}
}

/* However many others there are that have nothing to do */
static void each_of_several_comes_soon(struct kunit *test)
{
	static const char * const names[] = { NAME, OTHER_NAME, "swt_three" };
	struct swt *t = test->priv;
	struct slow_work_ops *ops[ARRAY_SIZE(names)];
	struct swt_item *items[ARRAY_SIZE(names)];
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		ops[i] = new_user(t, names[i]);
	swt_one_thread(t);
	for (i = 0; i < 2 * ARRAY_SIZE(names); i++) {
		wait_for_reserves(t);
		expect_soon(run_one(t, SWT_SLOW, ops[i % ARRAY_SIZE(names)]));
	}
	/* All at once */
	wait_for_reserves(t);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		items[i] = swt_item_ops(t, SWT_SLOW, ops[i]);
		enqueue_now(items[i]);
	}
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		swt_wait(t, swt_at_rest(items[i]));
		expect_soon(items[i]);
	}
	/* Whenever the pool looks, which it does while another's item waits */
	swt_must_enqueue(swt_item(t, SWT_SLOW));
	for (i = 0; i < 6; i++) {
		wait_for_reserves(t);
		schedule_timeout_uninterruptible(3 + i);
		expect_soon(run_one(t, SWT_SLOW, ops[0]));
	}
}

/* There is one more as soon as it has a moment */
static void goes_on_at_once(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME);
	struct swt_item *first = swt_blocker_ops(t, SWT_SLOW, ops);
	struct swt_item *item = swt_item_ops(t, SWT_VSLOW, ops);

	swt_one_thread(t);
	swt_must_execute(first);
	schedule_timeout_uninterruptible(msecs_to_jiffies(50));
	enqueue_now(item);
	swt_release(first);
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_TRUE(test, by_reserve(item));
	if (swt_time_travel())
		KUNIT_EXPECT_EQ(test, item->started_at, item->queued_at);
}

static void delay_counts_for_no_wait(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item_ops(t, SWT_DELAYED, new_user(t, NAME));

	swt_one_thread(t);
	swt_must_arm(item, msecs_to_jiffies(100));
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_TRUE(test, by_reserve(item));
	KUNIT_EXPECT_TRUE(test, swt_due(item, msecs_to_jiffies(110)));
}

static void comes_for_what_was_queued_before(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, NAME);
	struct swt_item *item;
	unsigned long since;

	KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
	swt_one_thread(t);
	item = swt_item_ops(t, SWT_SLOW, swt_ops_of(t, owner));
	swt_must_enqueue(item);
	schedule_timeout_uninterruptible(msecs_to_jiffies(50));
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
	since = jiffies;
	KUNIT_ASSERT_EQ(test, swt_register_flags(t, owner, SLOW_WORK_MEM_RECLAIM), 0);
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_TRUE(test, by_reserve(item));
	/* Without a word from anybody the pool looks once a second */
	if (swt_time_travel())
		KUNIT_EXPECT_TRUE(test, time_before(item->started_at, since + HZ / 4));
}

static void comes_when_no_thread_can_start(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME);
	struct swt_item *items[6];
	bool ran = true;
	int i;

	swt_pool(t, 2, 2);
	swt_hold(t, 2);
	swt_let_no_thread_start(t);
	swt_set(t, "max-threads", 4);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_item_ops(t, i % 2, ops);
		swt_must_enqueue(items[i]);
	}
	for (i = 0; i < ARRAY_SIZE(items); i++)
		ran = ran && swt_comes_true(t, swt_at_rest(items[i]));
	swt_let_threads_start(t);
	KUNIT_EXPECT_TRUE(test, ran);
	for (i = 0; i < ARRAY_SIZE(items); i++)
		KUNIT_EXPECT_TRUE(test, by_reserve(items[i]));
}

static void takes_the_oldest_whatever_its_class(struct kunit *test)
{
	static const enum swt_kind kinds[] = {
		SWT_VSLOW, SWT_SLOW, SWT_SLOW, SWT_VSLOW, SWT_VSLOW, SWT_SLOW, SWT_VSLOW,
	};
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME);
	struct swt_item *first = swt_blocker_ops(t, SWT_SLOW, ops);
	struct swt_item *items[ARRAY_SIZE(kinds)];
	int i;

	swt_one_thread(t);
	swt_must_enqueue(first);
	swt_wait(t, swt_executing(first));
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		items[i] = swt_item_ops(t, kinds[i], ops);
		swt_must_enqueue(items[i]);
		/* Or neither is older */
		schedule_timeout_uninterruptible(1);
	}
	swt_release(first);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		swt_wait(t, swt_at_rest(items[i]));
		KUNIT_EXPECT_TRUE(test, by_reserve(items[i]));
		KUNIT_EXPECT_EQ(test, items[i]->order, first->order + 1 + i);
	}
}

static void note_thread(struct swt_item *item)
{
	strscpy(item->name, current->comm, sizeof(item->name));
}

static void takes_no_item_of_another(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME), *two = new_user(t, OTHER_NAME);
	struct swt_item *others[4], *mine[5], *its[5];
	int i;

	swt_one_thread(t);
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		others[i] = swt_item_ops(t, i % 2, i < 2 ? &swt_ops : swt_ops_of(t, NULL));
		swt_must_enqueue(others[i]);
	}
	for (i = 0; i < ARRAY_SIZE(mine); i++) {
		mine[i] = swt_item_ops(t, i % 2, ops);
		its[i] = swt_item_ops(t, i % 2, two);
		mine[i]->on_execute = note_thread;
		its[i]->on_execute = note_thread;
		swt_must_enqueue(its[i]);
		swt_must_enqueue(mine[i]);
	}
	for (i = 0; i < ARRAY_SIZE(mine); i++) {
		swt_wait(t, swt_at_rest(mine[i]) && swt_at_rest(its[i]));
		KUNIT_EXPECT_STREQ(test, &mine[i]->name[0], "kslowr/" NAME);
		KUNIT_EXPECT_STREQ(test, &its[i]->name[0], "kslowr/" OTHER_NAME);
	}
	for (i = 0; i < ARRAY_SIZE(others); i++)
		KUNIT_EXPECT_EQ(test, swt_starts(others[i]), 0);
}

static void open_other(struct swt_item *item)
{
	if (item->other)
		swt_open(item->other->gate);
	usleep_range(2000, 2500);
}

/* A thread of the pool has come back, and takes one after the other */
static void sleeps_when_the_pool_serves_again(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME);
	struct swt_item *first = swt_blocker_ops(t, SWT_SLOW, ops), *items[12];
	int i, called = 0;

	swt_one_thread(t);
	swt_must_enqueue(first);
	swt_wait(t, swt_executing(first));
	KUNIT_EXPECT_TRUE(test, by_reserve(first));
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_item_ops(t, SWT_SLOW, ops);
		items[i]->on_execute = open_other;
		swt_must_enqueue(items[i]);
	}
	items[1]->other = first;
	swt_release(t->held[0]);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		swt_wait(t, swt_at_rest(items[i]));
		called += by_reserve(items[i]);
	}
	if (swt_time_travel())
		KUNIT_EXPECT_EQ(test, called, 0);
	swt_release(t->held[1]);
	expect_the_pool_to_serve(t, ops);
}

static void come_again(struct swt_item *item)
{
	usleep_range(1000, 1500);
	if (swt_starts(item) < 4000 && !swt_starts(item->other))
		swt_enqueue(item);
}

/* The pool serves slow items all the time; the very slow share is held */
static void comes_for_a_class_that_is_not_served(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME);
	struct swt_item *blocker = swt_blocker(t, SWT_VSLOW);
	struct swt_item *busy = swt_item_ops(t, SWT_SLOW, ops);
	struct swt_item *item = swt_item_ops(t, SWT_VSLOW, ops);

	swt_pool(t, 2, 2);
	swt_must_enqueue(blocker);
	swt_wait(t, swt_executing(blocker));
	busy->on_execute = come_again;
	busy->other = item;
	swt_must_enqueue(busy);
	swt_must_enqueue(item);
	swt_wait(t, swt_at_rest(busy) && swt_runs(item) == 1);
	KUNIT_EXPECT_TRUE(test, by_reserve(item));
}

/* ---- what its items may do ---------------------------------------------- */

static struct swt_item *in_reserve(struct swt *t, struct slow_work_ops *ops)
{
	struct swt_item *item = swt_blocker_ops(t, SWT_SLOW, ops);

	swt_one_thread(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
	KUNIT_EXPECT_TRUE(t->test, by_reserve(item));
	return item;
}

static void unregister_waits_for_it(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME);
	struct swt_item *item = in_reserve(t, ops), *queued[3];
	struct swt_thread *unregister;
	int i;

	item->put_gate = swt_gate(t);
	for (i = 0; i < ARRAY_SIZE(queued); i++) {
		queued[i] = swt_item_ops(t, i % 2, ops);
		swt_must_enqueue(queued[i]);
	}
	unregister = swt_unregister_start(t, ops->owner, item);
	swt_wait(t, swt_blocked(unregister));
	swt_release(item);
	swt_wait(t, atomic_read(&item->putting));
	KUNIT_EXPECT_FALSE(test, swt_done(unregister));
	KUNIT_EXPECT_EQ(test, reserves(NAME), 1);
	swt_open(item->put_gate);
	swt_join(unregister);
	KUNIT_EXPECT_TRUE(test, unregister->seen_at_rest);
	for (i = 0; i < ARRAY_SIZE(queued); i++)
		KUNIT_EXPECT_EQ(test, swt_runs(queued[i]), 1);
	KUNIT_EXPECT_EQ(test, reserves(NAME), 0);
}

static void cancel_waits_for_it(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME);
	struct swt_item *item = in_reserve(t, ops), *queued = swt_item_ops(t, SWT_VSLOW, ops);
	struct swt_thread *cancel;

	swt_must_enqueue(queued);
	swt_must_enqueue(item);
	/* Neither waits for the reserve to be free */
	swt_cancel(queued);
	KUNIT_EXPECT_EQ(test, swt_starts(queued), 0);
	cancel = swt_cancel_start(item);
	swt_wait(t, swt_blocked(cancel));
	KUNIT_EXPECT_FALSE(test, swt_done(cancel));
	swt_release(item);
	KUNIT_EXPECT_EQ(test, swt_join(cancel), 1);
	KUNIT_EXPECT_TRUE(test, cancel->seen_at_rest);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 1);
}

static void flush_waits_for_it(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME);
	struct swt_item *item = in_reserve(t, ops), *queued = swt_item_ops(t, SWT_VSLOW, ops);
	struct swt_thread *flush, *other, *all;

	swt_must_enqueue(item);
	swt_must_enqueue(queued);
	flush = swt_flush_start(item);
	other = swt_flush_start(queued);
	all = swt_flush_user_start(t, ops->owner, queued);
	swt_wait(t, swt_blocked(flush) && swt_blocked(other) && swt_blocked(all));
	KUNIT_EXPECT_FALSE(test, swt_done(flush) || swt_done(other) || swt_done(all));
	swt_release(item);
	KUNIT_EXPECT_EQ(test, swt_join(flush), 1);
	KUNIT_EXPECT_EQ(test, swt_join(other), 1);
	swt_join(all);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 2);
	KUNIT_EXPECT_EQ(test, swt_runs(queued), 1);
	KUNIT_EXPECT_TRUE(test, by_reserve(item) && by_reserve(queued));
}

static void enqueue_during_execute_is_deferred(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item_ops(t, SWT_SLOW, new_user(t, NAME));

	swt_one_thread(t);
	item->on_execute = swt_enqueue_self_to_5;
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 5 && swt_at_rest(item));
	KUNIT_EXPECT_TRUE(test, by_reserve(item));
}

static void enqueue_self_until_told(struct swt_item *item)
{
	usleep_range(1000, 1500);
	if (!item->value)
		item->result = swt_enqueue(item);
}

/* Each run of it is queued anew before the reserve looks for what is queued */
static void item_that_enqueues_itself_goes_back_to_the_pool(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item_ops(t, SWT_SLOW, new_user(t, NAME));
	int starts;

	swt_one_thread(t);
	item->on_execute = enqueue_self_until_told;
	swt_must_enqueue(item);
	swt_wait(t, by_reserve(item) && swt_starts(item) > 3);
	swt_release(t->held[0]);
	swt_release(t->held[1]);
	swt_wait(t, !by_reserve(item));
	starts = swt_starts(item);
	swt_wait(t, swt_starts(item) > starts + 20);
	if (swt_time_travel())
		KUNIT_EXPECT_FALSE(test, by_reserve(item));
	item->value = 1;
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, item->result, 0);
}

static void look_at_current(struct swt_item *item)
{
	if (slow_work_current() != &item->work)
		item->result = -EINVAL;
}

static void look_at_no_current(struct swt_item *item)
{
	if (slow_work_current())
		item->result = -EINVAL;
}

static void it_is_current(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item_ops(t, SWT_SLOW, new_user(t, NAME));

	swt_one_thread(t);
	item->on_execute = look_at_current;
	item->on_put = look_at_no_current;
	swt_must_enqueue(item);
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_TRUE(test, by_reserve(item));
	KUNIT_EXPECT_EQ(test, item->result, 0);
}

static void sleep_and_come_again(struct swt_item *item)
{
	signed long timeout = MAX_SCHEDULE_TIMEOUT;

	set_current_state(TASK_UNINTERRUPTIBLE);
	if (slow_work_sleep_till_thread_needed(&item->work, &timeout)) {
		item->value++;
		/* A cancel refuses that */
		slow_work_enqueue(&item->work);
	}
}

/* To its own user's items, and not to others' */
static void sleeper_gives_way(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME);
	struct swt_item *sleepers[2], *fresh, *other = swt_item(t, SWT_SLOW);
	int i;

	swt_one_thread(t);
	swt_must_enqueue(other);
	for (i = 0; i < 2; i++) {
		sleepers[i] = swt_item_ops(t, i, ops);
		sleepers[i]->on_execute = sleep_and_come_again;
	}
	swt_must_enqueue(sleepers[0]);
	swt_wait(t, swt_asleep(sleepers[0]));
	schedule_timeout_uninterruptible(msecs_to_jiffies(100));
	KUNIT_EXPECT_EQ(test, sleepers[0]->value, 0);
	fresh = run_one(t, SWT_SLOW, ops);
	KUNIT_EXPECT_TRUE(test, by_reserve(fresh));
	KUNIT_EXPECT_EQ(test, sleepers[0]->value, 1);
	/* Two share it: each has its turn again and again */
	swt_must_enqueue(sleepers[1]);
	swt_wait(t, sleepers[0]->value > 3 && sleepers[1]->value > 3);
	KUNIT_EXPECT_EQ(test, swt_starts(other), 0);
	swt_cancel(sleepers[0]);
	swt_cancel(sleepers[1]);
	KUNIT_EXPECT_TRUE(test, swt_at_rest(sleepers[0]) && swt_at_rest(sleepers[1]));
}

static void sleep_when_told(struct swt_item *item)
{
	unsigned long began;

	swt_pass(item->data);
	began = jiffies;
	swt_sleep_until_needed(item);
	item->value = jiffies - began;
}

/* Whenever the pool looks meanwhile.  10 ms are two ticks, or what is left of them. */
static void sleeper_gives_way_after_10_ms(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME);
	struct swt_item *sleeper, *item;
	int i;

	swt_one_thread(t);
	for (i = 0; i < 4; i++) {
		sleeper = swt_item_ops(t, SWT_SLOW, ops);
		sleeper->on_execute = sleep_when_told;
		sleeper->data = swt_gate(t);
		swt_must_execute(sleeper);
		item = swt_item_ops(t, SWT_SLOW, ops);
		swt_must_enqueue(item);
		schedule_timeout_uninterruptible(4 + i);
		swt_open(sleeper->data);
		swt_wait(t, swt_at_rest(sleeper) && swt_at_rest(item));
		KUNIT_EXPECT_GT(test, sleeper->value, (long)msecs_to_jiffies(10));
		if (swt_time_travel())
			KUNIT_EXPECT_LE(test, sleeper->value, 3L);
	}
}

static void leave_much(struct swt_item *item)
{
	if (swt_starts(item) == 2) {
		item->result = task_nice(current) == -5 && !current->journal_info &&
			       !(current->flags & PF_MEMALLOC_NOFS);
		return;
	}
	current->journal_info = item;
	memalloc_nofs_save();
	set_user_nice(current, 3);
	set_current_state(TASK_UNINTERRUPTIBLE);
}

static void what_is_left_is_put_right(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item_ops(t, SWT_SLOW, new_user(t, NAME));

	swt_one_thread(t);
	item->on_execute = leave_much;
	swt_log_mark(t);
	swt_expect_splat(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));
	swt_wait(t, swt_logged(t, "swt_execute", "returned with"));
	swt_splat_over(t);
	KUNIT_EXPECT_TRUE(test, by_reserve(item));
	KUNIT_EXPECT_TRUE(test, swt_logged(t, "journal_info", "another niceness"));
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 2 && swt_at_rest(item));
	KUNIT_EXPECT_TRUE(test, by_reserve(item));
	KUNIT_EXPECT_EQ(test, item->result, 1);
}

static void note_niceness(struct swt_item *item)
{
	item->result = task_nice(current);
}

/* Nor are they taken for what its last item has left */
static void idle_reserve_is_deaf_to_signals(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item_ops(t, SWT_SLOW, new_user(t, NAME));
	struct task_struct *task = get_reserve();

	KUNIT_ASSERT_NOT_NULL(test, task);
	swt_one_thread(t);
	item->on_execute = swt_allow_signals;
	swt_must_enqueue(item);
	swt_wait(t, swt_at_rest(item));
	wait_for_reserves(t);
	swt_log_mark(t);
	send_sig(SIGUSR1, task, 1);
	send_sig(SIGKILL, task, 1);
	put_task_struct(task);
	item->on_execute = swt_look_for_signal;
	swt_must_enqueue(item);
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_TRUE(test, by_reserve(item));
	KUNIT_EXPECT_EQ(test, item->value, 0L);
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "returned with", ""));
}

/* From outside, while it is idle: no item is blamed for it */
static void niceness_that_it_is_given_stays(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME);
	struct task_struct *task = get_reserve();
	int i;

	KUNIT_ASSERT_NOT_NULL(test, task);
	swt_one_thread(t);
	wait_for_reserves(t);
	set_user_nice(task, 4);
	put_task_struct(task);
	swt_log_mark(t);
	for (i = 0; i < 2; i++) {
		struct swt_item *item = swt_item_ops(t, SWT_SLOW, ops);

		item->on_execute = note_niceness;
		swt_must_enqueue(item);
		swt_wait(t, swt_at_rest(item));
		KUNIT_EXPECT_TRUE(test, by_reserve(item));
		KUNIT_EXPECT_EQ(test, item->result, 4);
	}
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "returned with", ""));
}

static void follows_the_settings(struct kunit *test)
{
	struct swt *t = test->priv;
	char cpus[128];

	swt_need_sysctls(t);
	KUNIT_ASSERT_GT(test, swt_read_file(SWT_SYSCTL "cpumask", cpus, sizeof(cpus)), (ssize_t)0);
	new_user(t, NAME);
	swt_wait(t, look_at(NAME).begun);
	KUNIT_EXPECT_GT(test, swt_write("nice", 7), (ssize_t)0);
	KUNIT_EXPECT_GT(test, swt_write_file(SWT_SYSCTL "cpumask", "1\n"), (ssize_t)0);
	/* And the next */
	new_user(t, OTHER_NAME);
	KUNIT_EXPECT_EQ(test, look_at(NAME).nice, 7);
	KUNIT_EXPECT_EQ(test, look_at(NAME).cpus, 1);
	KUNIT_EXPECT_EQ(test, look_at(OTHER_NAME).nice, 7);
	KUNIT_EXPECT_EQ(test, look_at(OTHER_NAME).cpus, 1);
	KUNIT_EXPECT_GT(test, swt_write_file(SWT_SYSCTL "cpumask", cpus), (ssize_t)0);
	KUNIT_EXPECT_EQ(test, look_at(NAME).cpus, (int)num_possible_cpus());
}

/* ---- readers ------------------------------------------------------------ */

#ifdef CONFIG_SLOW_WORK_DEBUG

static void runqueue_shows_it(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = in_reserve(t, new_user(t, NAME));
	char row[16], *text, *line;

	strscpy(item->name, "writeback", sizeof(item->name));
	text = swt_runqueue(t);
	snprintf(row, sizeof(row), "\nrsv %5d ", item->pid);
	line = strstr(text, row);
	KUNIT_ASSERT_NOT_NULL_MSG(test, line, "\n%.400s", text);
	line++;
	*strchrnul(line, '\n') = '\0';
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(line, " writeback"), "%s", line);
	/* Behind the threads, and the reserve is none of these */
	KUNIT_EXPECT_NULL(test, strstr(line, "kslowd"));
	swt_release(item);
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_NULL(test, strstr(swt_runqueue(t), "\nrsv "));
}

static void figures_count_it(struct kunit *test)
{
	struct swt *t = test->priv;
	s64 calls, executed, threads;
	struct slow_work_ops *ops;
	struct swt_item *item;

	KUNIT_EXPECT_EQ(test, swt_value(t, "pool.reserves"), (s64)0);
	ops = new_user(t, NAME);
	new_user(t, OTHER_NAME);
	KUNIT_EXPECT_EQ(test, swt_value(t, "pool.reserves"), (s64)2);
	swt_pool(t, 2, 2);
	threads = swt_value(t, "pool.threads");
	calls = swt_value(t, "pool.reserve-calls");
	executed = swt_value(t, "class.slow.executed");
	item = in_reserve(t, ops);
	KUNIT_EXPECT_EQ(test, swt_value(t, "pool.reserve-calls"), calls + 1);
	KUNIT_EXPECT_EQ(test, swt_value(t, "owner." NAME ".executing"), (s64)1);
	KUNIT_EXPECT_EQ(test, swt_value(t, "pool.threads"), threads);
	swt_release(item);
	swt_wait(t, swt_at_rest(item));
	swt_wait(t, swt_value(t, "class.slow.executed") == executed + 1);
	KUNIT_EXPECT_EQ(test, swt_value(t, "owner." NAME ".executed"), (s64)1);
	KUNIT_EXPECT_EQ(test, swt_value(t, "owner." NAME ".executing"), (s64)0);
}

static int enqueue_and_hog_processor(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;
	int ret;

	preempt_disable();
	ret = swt_enqueue(item);
	mdelay(item->value);
	preempt_enable();
	return ret;
}

/* Nothing runs for so long after it was enqueued but the pool's timer */
static struct swt_item *run_one_after(struct swt *t, int ms, const struct slow_work_ops *ops)
{
	struct swt_item *item = swt_item_ops(t, SWT_SLOW, ops);

	item->value = ms;
	wait_for_reserves(t);
	/* Just behind a tick */
	schedule_timeout_uninterruptible(1);
	KUNIT_EXPECT_EQ(t->test, swt_call(t, enqueue_and_hog_processor, item), 0);
	swt_wait(t, swt_at_rest(item));
	return item;
}

/* While a thread can be had it waits 10 ms longer; and it is called but once */
static void calls_that_are_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME);
	s64 calls;

	if (!swt_time_travel())
		return;
	swt_pool(t, 2, 4);
	swt_hold(t, 2);
	calls = swt_value(t, "pool.reserve-calls");
	KUNIT_EXPECT_FALSE(test, by_reserve(run_one_after(t, 35, ops)));
	KUNIT_EXPECT_EQ(test, swt_value(t, "pool.reserve-calls"), calls);
	swt_hold(t, 2);
	KUNIT_EXPECT_TRUE(test, by_reserve(run_one_after(t, 75, ops)));
	KUNIT_EXPECT_EQ(test, swt_value(t, "pool.reserve-calls"), calls + 1);
}

#endif

/* ---- who waits for whom ------------------------------------------------- */

static void flush_other(struct swt_item *item)
{
	if (item->data)
		slow_work_cancel(&item->other->work);
	else
		slow_work_flush(&item->other->work);
}

/* An item of @ops waits for one of @others */
static void wait_for_item(struct swt *t, const struct slow_work_ops *ops,
			  const struct slow_work_ops *others, bool cancel)
{
	struct swt_item *item = swt_item_ops(t, SWT_SLOW, ops);
	struct swt_item *other = swt_blocker_ops(t, SWT_SLOW, others);

	item->on_execute = flush_other;
	item->other = other;
	item->data = cancel ? item : NULL;
	swt_must_enqueue(other);
	swt_wait(t, swt_executing(other));
	swt_must_enqueue(item);
	swt_wait(t, swt_asleep(item));
	swt_release(other);
	swt_wait(t, swt_at_rest(item) && swt_at_rest(other));
}

static int wait_in_reclaim(struct swt_thread *thread)
{
	unsigned int flags = memalloc_noreclaim_save();
	struct swt_item *item = thread->arg;

	slow_work_flush(&item->work);
	memalloc_noreclaim_restore(flags);
	return 0;
}

/* For an item that is queued, but to a reserve */
static void reclaim_waits_for(struct swt *t, const struct slow_work_ops *ops)
{
	struct swt_item *item = swt_item_ops(t, SWT_SLOW, ops);
	struct swt_thread *flush;

	swt_hold(t, 4);
	swt_must_enqueue(item);
	flush = swt_start(t, wait_in_reclaim, item);
	swt_wait(t, swt_blocked(flush) || swt_done(flush));
	swt_release_held(t);
	swt_join(flush);
}

static int flush_in_reclaim(struct swt_thread *thread)
{
	unsigned int flags = memalloc_noreclaim_save();

	slow_work_flush_user(thread->arg);
	memalloc_noreclaim_restore(flags);
	return 0;
}

static void reclaim_flushes(struct swt *t, struct module *module)
{
	swt_join(swt_start(t, flush_in_reclaim, module));
}

/* Told once, and with nothing to wait for too */
static void flush_of_a_user_in_reclaim_is_told_once(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME);
	struct module *without = swt_owner(t, OTHER_NAME);

	KUNIT_ASSERT_EQ(test, swt_register(t, without), 0);
	swt_log_mark(t);
	reclaim_flushes(t, NULL);
	reclaim_flushes(t, ops->owner);
	slow_work_flush_user(without);
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "slow-work: ", "in memory reclaim"));

	swt_expect_splat(t);
	reclaim_flushes(t, without);
	reclaim_flushes(t, without);
	swt_splat_over(t);
	KUNIT_EXPECT_EQ(test, swt_log_lines(t, "in memory reclaim, flushes " OTHER_NAME,
					    "which has no reserve"), 1);
}

/* Each is told once, so all is in one case */
static void waits_for_what_has_no_reserve_are_told_once(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = new_user(t, NAME), *two = new_user(t, OTHER_NAME);

	swt_pool(t, 4, 4);
	swt_log_mark(t);
	/* These are as they should be */
	wait_for_item(t, &swt_ops, &swt_ops, false);
	wait_for_item(t, &swt_ops, ops, true);
	wait_for_item(t, two, ops, false);
	wait_for_item(t, ops, ops, true);
	reclaim_waits_for(t, ops);
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "slow-work: ", "waits for"));

	swt_expect_splat(t);
	wait_for_item(t, ops, &swt_ops, false);
	wait_for_item(t, two, &swt_ops, true);
	reclaim_waits_for(t, &swt_ops);
	reclaim_waits_for(t, &swt_ops);
	swt_splat_over(t);
	KUNIT_EXPECT_EQ(test, swt_log_lines(t, "slow-work: swt_execute", " of " NAME
					    ", which has a reserve, waits for swt_execute"), 1);
	KUNIT_EXPECT_EQ(test, swt_log_lines(t, "which has a reserve, waits for", ""), 1);
	KUNIT_EXPECT_EQ(test, swt_log_lines(t, "in memory reclaim, waits for swt_execute",
					    "which has no reserve"), 1);
}

static struct kunit_case reserve_cases[] = {
	KUNIT_CASE(reserve_is_there_when_register_returns),
	KUNIT_CASE(reserve_counts_in_no_limit),
	KUNIT_CASE(reserve_goes_with_its_user),
	KUNIT_CASE(reserve_lasts_until_the_last_registration),
	KUNIT_CASE(next_user_has_none_unless_it_asks),
	KUNIT_CASE(bad_flags_change_nothing),
	KUNIT_CASE(register_fails_cleanly_without_a_reserve),
	KUNIT_CASE(register_fails_cleanly_wherever_it_does),
	KUNIT_CASE(register_that_fails_leaves_nobodys_items),
	KUNIT_CASE(register_that_fails_leaves_nobody_waiting),
	KUNIT_CASE(free_thread_is_enough),
	KUNIT_CASE(thread_that_can_be_had_is_enough),
	KUNIT_CASE(comes_when_all_threads_are_held),
	KUNIT_CASE(each_of_several_comes_soon),
	KUNIT_CASE(goes_on_at_once),
	KUNIT_CASE(delay_counts_for_no_wait),
	KUNIT_CASE(comes_for_what_was_queued_before),
	KUNIT_CASE(comes_when_no_thread_can_start),
	KUNIT_CASE(takes_the_oldest_whatever_its_class),
	KUNIT_CASE(takes_no_item_of_another),
	KUNIT_CASE(sleeps_when_the_pool_serves_again),
	KUNIT_CASE(comes_for_a_class_that_is_not_served),
	KUNIT_CASE(unregister_waits_for_it),
	KUNIT_CASE(cancel_waits_for_it),
	KUNIT_CASE(flush_waits_for_it),
	KUNIT_CASE(enqueue_during_execute_is_deferred),
	KUNIT_CASE(item_that_enqueues_itself_goes_back_to_the_pool),
	KUNIT_CASE(it_is_current),
	KUNIT_CASE(sleeper_gives_way),
	KUNIT_CASE(sleeper_gives_way_after_10_ms),
	KUNIT_CASE(what_is_left_is_put_right),
	KUNIT_CASE(idle_reserve_is_deaf_to_signals),
	KUNIT_CASE(niceness_that_it_is_given_stays),
	KUNIT_CASE(follows_the_settings),
#ifdef CONFIG_SLOW_WORK_DEBUG
	KUNIT_CASE(runqueue_shows_it),
	KUNIT_CASE(figures_count_it),
	KUNIT_CASE(calls_that_are_waited_for),
#endif
	KUNIT_CASE(flush_of_a_user_in_reclaim_is_told_once),
	KUNIT_CASE(waits_for_what_has_no_reserve_are_told_once),
	{}
};

static struct kunit_suite reserve_suite = {
	.name = "slow_work_reserve",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = reserve_cases,
};

kunit_test_suite(reserve_suite);
