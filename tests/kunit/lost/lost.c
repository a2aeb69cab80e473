// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A thread that dies in a call-out is found, reported and replaced, and its item shown as
 * lost; who waits for it is told.
 *
 * Without an oops, a thread dies by kthread_complete_and_exit().  Its item and whoever
 * waits for it stay for ever, so nothing here is on a stack, freed or unregistered.
 *
 * The module is loaded anew for this suite.  So what it does once, or when nothing has
 * been before, comes first here.
 */

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#include "../../compat.h"
#include "../helper.h"

#define NAME		"swt_lost"
#define LEAVING_NAME	"swt_leaving"
#define RESERVE_NAME	"swt_lostrsv"

static struct module lost_owner = { .name = NAME };
static struct module leaving_owner = { .name = LEAVING_NAME };
static struct module reserve_owner = { .name = RESERVE_NAME };

static void die_here(struct swt_item *item)
{
	kthread_complete_and_exit(NULL, 0);
}

/* With a name to find it by in runqueue */
static struct swt_item *new_item(struct swt *t, enum swt_kind kind, struct module *owner)
{
	static int nr;
	struct swt_item *item = swt_item_ops(t, kind, swt_ops_of(t, owner));

	snprintf(item->name, sizeof(item->name), "lost item %d", nr++);
	return item;
}

static struct swt_item *mortal(struct swt *t, enum swt_kind kind, struct module *owner)
{
	struct swt_item *item = new_item(t, kind, owner);

	item->on_execute = die_here;
	return item;
}

static void expect_dead_by(struct swt *t, struct swt_item *item, const char *format,
			   const char *owner)
{
	char *text = swt_alloc(t, 80), *tail = swt_alloc(t, 80);

	swt_wait(t, swt_starts(item));
	snprintf(text, 80, format, item->number, item->pid);
	snprintf(tail, 80, " of %s; the item is lost", owner);
	swt_wait(t, swt_logged(t, text, tail));
	KUNIT_EXPECT_EQ(t->test, swt_log_lines(t, text, tail), 1);
}

static void expect_dead_of(struct swt *t, struct swt_item *item, const char *owner)
{
	expect_dead_by(t, item, "kslowd%03d (PID %d) died in swt_execute", owner);
}

static void expect_dead(struct swt *t, struct swt_item *item)
{
	expect_dead_of(t, item, NAME);
}

/* Counts what has died in the case */
static void expect_lost(struct swt *t, s64 before, int nr)
{
	swt_wait(t, !swt_value(t, "pool.executing"));
	KUNIT_EXPECT_EQ(t->test, swt_value(t, "pool.lost"), before + nr);
	KUNIT_EXPECT_EQ(t->test, swt_value(t, "pool.threads"), (s64)swt_threads());
}

static void expect_refused(struct swt *t, struct swt_item *item)
{
	KUNIT_EXPECT_EQ(t->test, slow_work_enqueue(&item->work), -EOWNERDEAD);
}

/* The pool has both its threads again, and each executes */
static void expect_to_serve(struct swt *t)
{
	unsigned long numbers[BITS_TO_LONGS(SWT_MAX_NUMBER)] = { };

	swt_wait(t, swt_threads() == 2);
	KUNIT_EXPECT_EQ(t->test, swt_numbers(numbers), 2);
	KUNIT_EXPECT_EQ(t->test, numbers[0], 3UL);
	swt_hold(t, 2);
	swt_release_held(t);
	swt_settle(t);
}

/* ---- for the first time ------------------------------------------------- */

/* And has no class until then, nor has had an item */
static void thread_that_is_new_disarms_what_is_left(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item_ops(t, SWT_DELAYED, swt_ops_of(t, NULL));

	swt_must_arm(item, SWT_NEVER);
	swt_unregister(t, THIS_MODULE);
	slow_work_unregister_user(&lost_owner);
	KUNIT_EXPECT_TRUE(test, swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
	KUNIT_EXPECT_TRUE(test, swt_logged(t, "Disarming", "armed: swt_execute"));
}

/* Nor does a reading go beyond the users that there were: some are new, as never later */
static void item_of_a_user_that_comes_meanwhile_is_not_shown(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *executing = swt_blocker(t, SWT_SLOW), *item;
	struct module *owner = swt_owner(t, "swt_new");
	unsigned long since = jiffies;
	struct swt_thread *reader;

	executing->desc_gate = swt_gate(t);
	swt_must_execute(executing);
	swt_hold(t, 1);
	reader = swt_runqueue_start(t);
	swt_wait(t, atomic_read(&executing->describing) == 1);
	KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
	item = new_item(t, SWT_SLOW, owner);
	swt_must_enqueue(item);
	/* In the same jiffy, or it would be seen that it was queued later */
	KUNIT_EXPECT_EQ(test, jiffies, since);
	swt_open(executing->desc_gate);
	KUNIT_ASSERT_EQ(test, swt_join(reader), 0);
	KUNIT_EXPECT_NULL(test, strstr(reader->text, item->name));
	KUNIT_EXPECT_NOT_NULL(test, strstr(swt_runqueue(t), item->name));
	swt_release(executing);
	swt_unregister(t, owner);
}

static void first_sleeper_gives_way(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW), *sleeper = swt_item(t, SWT_SLOW);
	unsigned long since;

	swt_hold(t, 1);
	sleeper->on_execute = swt_sleep_until_needed;
	swt_must_enqueue(sleeper);
	swt_wait(t, swt_asleep(sleeper));
	since = jiffies;
	swt_must_run(item);
	KUNIT_EXPECT_LT(test, jiffies - since, HZ / 10UL);
	KUNIT_EXPECT_EQ(test, sleeper->value, 1L);
}

/* No sooner, no later: it is as if the pool had taken none of its items for long */
static void first_item_of_a_new_user_waits_10_ms_for_its_reserve(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "swt_new");
	struct swt_item *item = swt_item_ops(t, SWT_SLOW, swt_ops_of(t, owner));
	unsigned long since;

	swt_hold(t, 2);
	KUNIT_ASSERT_EQ(test, swt_register_flags(t, owner, SLOW_WORK_MEM_RECLAIM), 0);
	since = jiffies;
	swt_must_run(item);
	KUNIT_EXPECT_LT(test, item->number, 0);
	KUNIT_EXPECT_GE(test, item->started_at - since, msecs_to_jiffies(10));
	KUNIT_EXPECT_LE(test, item->started_at - since, msecs_to_jiffies(10) + 2);
	swt_unregister(t, owner);
}

/* By the manager, with nothing else to do; nobody's items are not meant */
static void owner_that_has_not_registered_is_told_of(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *stranger = swt_owner(t, "swt_stranger");

	/* The owner is looked for where it is another than that of the last item */
	swt_must_run(swt_item(t, SWT_SLOW));
	swt_must_run(swt_item_ops(t, SWT_SLOW, swt_ops_of(t, NULL)));
	schedule_timeout_uninterruptible(5 * HZ);
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "has not registered", ""));
	swt_must_run(swt_item_ops(t, SWT_SLOW, swt_ops_of(t, stranger)));
	swt_wait(t, swt_logged(t, "The owner of swt_execute", "has not registered"));
}

/* ---- the pool's threads ------------------------------------------------- */

static void thread_that_dies_is_found_and_replaced(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;
	s64 before = swt_value(t, "pool.lost");
	int kind;

	for (kind = 0; kind < SWT_NR_KINDS; kind++) {
		item = mortal(t, kind, &lost_owner);
		swt_must_enqueue(item);
		expect_dead(t, item);
		expect_to_serve(t);
		expect_lost(t, before, kind + 1);
		expect_refused(t, item);
	}
	KUNIT_EXPECT_EQ(test, delayed_slow_work_enqueue(&item->dwork, 1), -EOWNERDEAD);
	KUNIT_EXPECT_EQ(test, delayed_slow_work_mod(&item->dwork, 1), -EOWNERDEAD);
}

static void all_threads_die_at_once(struct kunit *test)
{
	struct swt *t = test->priv;
	s64 before = swt_value(t, "pool.lost");
	struct swt_item *items[2];
	int i;

	for (i = 0; i < 2; i++) {
		items[i] = mortal(t, SWT_SLOW, &lost_owner);
		swt_must_enqueue(items[i]);
	}
	for (i = 0; i < 2; i++)
		expect_dead(t, items[i]);
	expect_to_serve(t);
	expect_lost(t, before, 2);
}

/* And let the last ones be over: one that begins with that, and one that was due */
static void switch_samples_off(struct swt *t)
{
	swt_set(t, "stall-warn-secs", 0);
	schedule_timeout_uninterruptible(2 * HZ);
}

/* With samples off items that wait have the manager look. */
static void items_that_wait_find_it(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[2], *item = swt_item(t, SWT_SLOW);
	int i;

	switch_samples_off(t);
	for (i = 0; i < 2; i++) {
		items[i] = mortal(t, SWT_SLOW, &lost_owner);
		swt_must_enqueue(items[i]);
	}
	swt_wait(t, !swt_threads());
	swt_must_run(item);
	for (i = 0; i < 2; i++)
		expect_dead(t, items[i]);
	expect_to_serve(t);
}

/* With samples off too, while items wait: the pool looks once a second, twice. */
static void pool_in_which_items_wait_finds_it(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;
	int kind;

	switch_samples_off(t);
	for (kind = SWT_SLOW; kind <= SWT_VSLOW; kind++) {
		swt_hold(t, 1);
		swt_must_enqueue(mortal(t, kind, &lost_owner));
		swt_wait(t, swt_threads() == 1);
		/* No look is due any more */
		schedule_timeout_uninterruptible(3 * HZ);
		KUNIT_EXPECT_EQ(test, swt_threads(), 1);
		item = new_item(t, kind, &lost_owner);
		item->queued_at = jiffies;
		swt_must_enqueue(item);
		swt_wait(t, swt_at_rest(item));
		KUNIT_EXPECT_LT(test, item->started_at - item->queued_at, 3UL * HZ);
		swt_release_held(t);
		expect_to_serve(t);
	}
}

/* With samples off nothing finds it: then a wait of 10 s does, which also says so. */
static void cancel_finds_it_and_says_so(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = mortal(t, SWT_SLOW, &lost_owner);
	struct swt_thread *thread;

	switch_samples_off(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_threads() == 1);
	thread = swt_cancel_start(item);
	swt_wait(t, swt_logged(t, "Still waiting for swt_execute",
			       " of " NAME " (lost: its task has died)"));
	swt_wait(t, swt_blocked(thread));
	swt_set(t, "stall-warn-secs", 1);
	expect_dead(t, item);
	expect_to_serve(t);
	/* Each of them says it, those at once that come when it is known */
	swt_log_mark(t);
	swt_flush_start(item);
	swt_wait(t, swt_logged(t, "Still waiting for swt_execute", " of " NAME " (lost: "));
	swt_log_mark(t);
	swt_cancel_start(item);
	swt_wait(t, swt_logged(t, "Still waiting for swt_execute", " of " NAME " (lost: "));
	KUNIT_EXPECT_FALSE(test, swt_done(thread));
}

static int leave(struct swt_thread *thread)
{
	slow_work_unregister_user(&leaving_owner);
	return 0;
}

static void unregister_finds_it_and_says_so(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = mortal(t, SWT_SLOW, &leaving_owner);
	struct swt_thread *thread;

	KUNIT_ASSERT_EQ(test, slow_work_register_user(&leaving_owner), 0);
	switch_samples_off(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_threads() == 1);
	/* Which of the items of others it is not */
	swt_hold(t, 1);
	thread = swt_start(t, leave, NULL);
	swt_wait(t, swt_logged(t, "Still waiting for swt_execute", " of " LEAVING_NAME " ("));
	KUNIT_EXPECT_TRUE(test, swt_logged(t, "Still waiting for swt_execute",
					   " of " LEAVING_NAME " (lost: its task has died)"));
	expect_dead_of(t, item, LEAVING_NAME);
	swt_wait(t, swt_blocked(thread));
	swt_release_held(t);
	expect_to_serve(t);
	KUNIT_EXPECT_FALSE(test, swt_done(thread));
}

/* One that sleeps is found, and no other thread is taken for one */
static void sleeper_makes_way_beside_a_lost_thread(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *dead = mortal(t, SWT_SLOW, &lost_owner);
	struct swt_item *sleeper = new_item(t, SWT_SLOW, &lost_owner);
	struct swt_item *item = new_item(t, SWT_SLOW, &lost_owner);

	swt_must_enqueue(dead);
	expect_dead(t, dead);
	expect_to_serve(t);
	swt_hold(t, 1);
	sleeper->on_execute = swt_sleep_until_needed;
	swt_must_enqueue(sleeper);
	swt_wait(t, swt_asleep(sleeper));
	swt_must_enqueue(item);
	swt_wait(t, swt_at_rest(item) && swt_at_rest(sleeper));
	swt_release_held(t);
}

static void sleep_and_die(struct swt_item *item)
{
	swt_sleep_until_needed(item);
	die_here(item);
}

/* The thread that was told to come for another */
static void sleeper_that_makes_way_dies(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleeper = mortal(t, SWT_SLOW, &lost_owner), *item;

	swt_hold(t, 1);
	sleeper->on_execute = sleep_and_die;
	swt_must_enqueue(sleeper);
	swt_wait(t, swt_asleep(sleeper));
	item = swt_item(t, SWT_SLOW);
	swt_must_enqueue(item);
	/* A sample finds it while it is counted on, which it is for 10 ms */
	usleep_range(500, 600);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, swt_at_rest(item));
	expect_dead(t, sleeper);
	swt_release_held(t);
	expect_to_serve(t);
}

static void execute_for_long_and_die(struct swt_item *item)
{
	schedule_timeout_uninterruptible(5 * HZ);
	die_here(item);
}

/* And no thread is started for the next, nor does another item come */
static void slot_of_a_dead_thread_is_free_at_once(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *dead = mortal(t, SWT_VSLOW, &lost_owner), *item = swt_item(t, SWT_VSLOW);
	unsigned long found_at;

	/* Of two threads that are left one may be very slow, as of three */
	swt_pool(t, 3, 3);
	swt_set(t, "stall-warn-secs", 60);	/* it is one */
	dead->on_execute = execute_for_long_and_die;
	swt_must_execute(dead);
	swt_let_no_thread_start(t);
	swt_must_enqueue(item);
	expect_dead(t, dead);
	found_at = jiffies;
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_LT(test, (long)(item->started_at - found_at), HZ / 10L);
	KUNIT_EXPECT_EQ(test, swt_threads(), 2);
	swt_let_threads_start(t);
	swt_pool(t, 2, 2);
	expect_to_serve(t);
}

/* A run that is pending would never come */
static void enqueue_self_and_die(struct swt_item *item)
{
	item->result = swt_enqueue(item);
	die_here(item);
}

static void arm_self_and_die(struct swt_item *item)
{
	item->result = swt_arm(item, SWT_NEVER);
	die_here(item);
}

static void pending_run_is_taken_back(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;
	s64 queued = swt_value(t, "class.slow.queued"), armed = swt_value(t, "class.slow.armed");
	int i;

	for (i = 0; i < 2; i++) {
		item = mortal(t, SWT_DELAYED, &lost_owner);
		item->on_execute = i ? arm_self_and_die : enqueue_self_and_die;
		swt_must_enqueue(item);
		expect_dead(t, item);
		KUNIT_EXPECT_EQ(test, item->result, 0);
		KUNIT_EXPECT_FALSE(test, slow_work_is_queued(&item->work));
		KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_ENQ_DEFERRED));
		KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_DELAYED));
		KUNIT_EXPECT_FALSE(test, timer_pending(&item->dwork.timer));
		expect_refused(t, item);
	}
	expect_to_serve(t);
	KUNIT_EXPECT_EQ(test, swt_value(t, "class.slow.queued"), queued);
	KUNIT_EXPECT_EQ(test, swt_value(t, "class.slow.armed"), armed);
}

static void arm_self_for_a_moment_and_die(struct swt_item *item)
{
	item->result = swt_arm(item, 2);
	die_here(item);
}

/* Before anything finds that it is lost: nothing is accepted any more, or queued */
static void lost_item_is_refused_at_once(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = mortal(t, SWT_DELAYED, &lost_owner);
	struct swt_item *armed = mortal(t, SWT_DELAYED, &lost_owner);
	char *before = swt_read_values(t), *after;
	struct delayed_slow_work *dwork = &armed->dwork;

	switch_samples_off(t);
	item->on_execute = arm_self_for_a_moment_and_die;
	swt_must_enqueue(item);
	armed->on_execute = arm_self_and_die;
	swt_must_enqueue(armed);
	swt_wait(t, !swt_threads());
	expect_refused(t, armed);
	KUNIT_EXPECT_EQ(test, delayed_slow_work_mod(dwork, 1), -EOWNERDEAD);
	KUNIT_EXPECT_EQ(test, delayed_slow_work_mod(dwork, 0), -EOWNERDEAD);
	KUNIT_EXPECT_EQ(test, delayed_slow_work_reduce(dwork, 1), -EOWNERDEAD);
	expect_refused(t, item);
	swt_wait(t, !swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_PENDING));
	KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_ENQ_DEFERRED));
	after = swt_read_values(t);
	KUNIT_EXPECT_EQ(test, swt_value_in(after, "owner." NAME ".deferred"),
			swt_value_in(before, "owner." NAME ".deferred"));
	KUNIT_EXPECT_EQ(test, swt_log_lines(t, "died in", ""), 0);
	swt_set(t, "stall-warn-secs", 1);
	expect_dead(t, item);
	expect_dead(t, armed);
	expect_to_serve(t);
}

static int try_to_cancel(struct swt_thread *thread)
{
	return swt_try_cancel(thread->arg);
}

/* The task of a cancel, as it calls put_ref */
static void put_ref_that_dies_in_a_cancel(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread *thread;
	struct swt_item *item;
	int i;

	swt_hold(t, 2);
	for (i = 0; i < 2; i++) {
		item = new_item(t, SWT_DELAYED, &lost_owner);
		item->on_put = die_here;
		swt_must_arm(item, SWT_NEVER);
		thread = i ? swt_cancel_start(item) : swt_start(t, try_to_cancel, item);
		swt_wait(t, READ_ONCE(thread->task->exit_state));
		if (!i) {
			expect_refused(t, item);
			KUNIT_EXPECT_EQ(test, delayed_slow_work_mod(&item->dwork, 1), -EOWNERDEAD);
		}
		swt_log_mark(t);
		thread = swt_cancel_start(item);
		swt_wait(t, swt_logged(t, "Still waiting for swt_execute", " of " NAME " (lost: "));
		swt_wait(t, swt_blocked(thread));
		KUNIT_EXPECT_FALSE(test, swt_done(thread));
		KUNIT_EXPECT_EQ(test, atomic_read(&item->putting), 1);
	}
	swt_release_held(t);
	expect_to_serve(t);
}

static void die_once_pending(struct swt_item *item)
{
	swt_comes_true(item->t, swt_flag(item, SLOW_WORK_PENDING));
	die_here(item);
}

/* Another run was accepted meanwhile, and never begins */
static void pending_run_beside_a_put_ref_that_dies_takes_none_in(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = new_item(t, SWT_SLOW, &lost_owner);
	struct swt_thread *thread;

	swt_hold(t, 2);
	item->on_put = die_once_pending;
	swt_must_enqueue(item);
	thread = swt_start(t, try_to_cancel, item);
	swt_wait(t, atomic_read(&item->putting));
	swt_must_enqueue(item);
	swt_must_enqueue(item);
	swt_wait(t, READ_ONCE(thread->task->exit_state));
	KUNIT_EXPECT_TRUE(test, swt_flag(item, SLOW_WORK_PENDING));
	expect_refused(t, item);
	swt_release_held(t);
	expect_to_serve(t);
}

static void put_ref_that_dies_is_named(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = new_item(t, SWT_SLOW, &lost_owner);

	item->on_put = die_here;
	swt_must_enqueue(item);
	expect_dead_by(t, item, "kslowd%03d (PID %d) died in the put_ref after swt_execute",
		       NAME);
	expect_to_serve(t);
}

/* "lst 12345 ffff880023f52348  2  20s swt_execute", for each, oldest first */
static void runqueue_shows_all(struct kunit *test)
{
	struct swt *t = test->priv;
	s64 lost = swt_value(t, "pool.lost");
	struct swt_item *items[3], *later = swt_item(t, SWT_DELAYED);
	unsigned long secs = 0, flags = 0;
	const char *line;
	char text[40];
	int i, end, later_ones;

	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = mortal(t, i % 2, &lost_owner);
		/* The time that counts is not that of the thread */
		schedule_timeout_uninterruptible(10 * HZ);
		swt_must_enqueue(items[i]);
		expect_dead(t, items[i]);
		expect_to_serve(t);
	}
	swt_must_arm(later, 20 * HZ);
	swt_wait(t, swt_at_rest(later));
	line = strstr(swt_runqueue(t), "\nlst ");
	for (i = 0; i < lost + ARRAY_SIZE(items); i++, line = strstr(line + 1, "\nlst ")) {
		KUNIT_ASSERT_NOT_NULL(test, line);
		if (i < lost)
			continue;
		snprintf(text, sizeof(text), "\nlst %5d %p ", items[i - lost]->pid,
			 &items[i - lost]->work);
		KUNIT_EXPECT_EQ_MSG(test, strncmp(line, text, strlen(text)), 0, "%.60s", line);
		end = 0;
		if (sscanf(line + 27, "%lx %lus swt_execute%n", &flags, &secs, &end) < 2 || !end)
			KUNIT_FAIL(test, "%.80s", line);
		KUNIT_EXPECT_EQ(test, flags, BIT(SLOW_WORK_EXECUTING) |
				((i - lost) % 2 ? BIT(SLOW_WORK_VERY_SLOW) : 0));
		later_ones = lost + ARRAY_SIZE(items) - 1 - i;
		KUNIT_EXPECT_GE(test, secs, 20UL + 10 * later_ones);
		KUNIT_EXPECT_LE(test, secs, 23UL + 12 * later_ones);
	}
	KUNIT_EXPECT_NULL(test, line);
}

/* ---- reserves ----------------------------------------------------------- */

static int reserves(void)
{
	struct task_struct *task;
	int nr = 0;

	rcu_read_lock();
	for_each_process(task)
		nr += swt_is_reserve(task) && !(READ_ONCE(task->flags) & PF_EXITING);
	rcu_read_unlock();
	return nr;
}

static void register_reserve(struct kunit *test)
{
	int ret = slow_work_register_user_flags(&reserve_owner, SLOW_WORK_MEM_RECLAIM);

	KUNIT_ASSERT_EQ(test, ret, 0);
}

/* Both threads are held, and @item is its reserve's */
static void let_reserve_die(struct swt *t, struct swt_item *item)
{
	swt_must_enqueue(item);
	swt_wait(t, swt_logged(t, "kslowr/", "died in swt_execute"));
	KUNIT_EXPECT_EQ(t->test, swt_log_lines(t, "kslowr/", "died in swt_execute"), 1);
	KUNIT_EXPECT_TRUE(t->test, swt_logged(t, "died in swt_execute", " of " RESERVE_NAME));
	KUNIT_EXPECT_LT(t->test, item->number, 0);
}

static void reserve_that_dies_is_replaced(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = new_item(t, SWT_SLOW, &reserve_owner);
	s64 slow, vslow;
	int i;

	register_reserve(test);
	swt_hold(t, 2);
	slow = swt_value(t, "class.slow.executed");
	vslow = swt_value(t, "class.vslow.executed");
	for (i = 0; i < 2; i++) {
		swt_log_mark(t);
		let_reserve_die(t, mortal(t, i, &reserve_owner));
		swt_wait(t, reserves() == 1);
		KUNIT_EXPECT_EQ(test, swt_threads(), 2);
		swt_must_enqueue(item);
		swt_wait(t, swt_at_rest(item));
		KUNIT_EXPECT_EQ(test, swt_runs(item), i + 1);
		KUNIT_EXPECT_LT(test, item->number, 0);
	}
	/* What died has not been executed */
	swt_wait(t, swt_value(t, "class.slow.executed") == slow + 2);
	KUNIT_EXPECT_EQ(test, swt_value(t, "class.vslow.executed"), vslow);
	/* Nobody else has got one, whose user asked for none */
	KUNIT_EXPECT_EQ(test, reserves(), 1);
}

/* Nor does it go on at once where that fails: as for the pool's threads */
static void reserve_is_replaced_once_threads_can_start(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = new_item(t, SWT_SLOW, &reserve_owner);
	s64 failures = swt_value(t, "pool.start-failures");
	unsigned long failed;

	register_reserve(test);
	swt_set(t, "stall-warn-secs", 60);	/* what follows is one */
	swt_hold(t, 2);
	swt_let_no_thread_start(t);
	let_reserve_die(t, mortal(t, SWT_SLOW, &reserve_owner));
	swt_wait(t, swt_logged(t, "Cannot start a thread (-11), next try in 5 s", ""));
	failed = jiffies;	/* a tick or two ago */
	KUNIT_EXPECT_EQ(test, swt_value(t, "pool.start-failures"), failures + 1);
	KUNIT_EXPECT_EQ(test, reserves(), 0);
	swt_must_enqueue(item);
	/* A second one */
	swt_wait(t, swt_value(t, "pool.start-failures") == failures + 2);
	KUNIT_EXPECT_GE(test, jiffies - failed, 5UL * HZ - 2);
	KUNIT_EXPECT_LT(test, jiffies - failed, 6UL * HZ);
	swt_let_threads_start(t);
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_LT(test, item->number, 0);
	KUNIT_EXPECT_EQ(test, reserves(), 1);
	KUNIT_EXPECT_GE(test, jiffies - failed, 10UL * HZ - 4);
	KUNIT_EXPECT_LT(test, jiffies - failed, 11UL * HZ);
	KUNIT_EXPECT_EQ(test, swt_value(t, "pool.start-failures"), failures + 2);
}

static struct kunit_case lost_cases[] = {
	KUNIT_CASE(thread_that_is_new_disarms_what_is_left),
	KUNIT_CASE(item_of_a_user_that_comes_meanwhile_is_not_shown),
	KUNIT_CASE(first_sleeper_gives_way),
	KUNIT_CASE(first_item_of_a_new_user_waits_10_ms_for_its_reserve),
	KUNIT_CASE(owner_that_has_not_registered_is_told_of),
	KUNIT_CASE(thread_that_dies_is_found_and_replaced),
	KUNIT_CASE(all_threads_die_at_once),
	KUNIT_CASE(items_that_wait_find_it),
	KUNIT_CASE(pool_in_which_items_wait_finds_it),
	KUNIT_CASE(cancel_finds_it_and_says_so),
	KUNIT_CASE(unregister_finds_it_and_says_so),
	KUNIT_CASE(sleeper_makes_way_beside_a_lost_thread),
	KUNIT_CASE(sleeper_that_makes_way_dies),
	KUNIT_CASE(slot_of_a_dead_thread_is_free_at_once),
	KUNIT_CASE(pending_run_is_taken_back),
	KUNIT_CASE(lost_item_is_refused_at_once),
	KUNIT_CASE(put_ref_that_dies_is_named),
	KUNIT_CASE(put_ref_that_dies_in_a_cancel),
	KUNIT_CASE(pending_run_beside_a_put_ref_that_dies_takes_none_in),
	KUNIT_CASE(runqueue_shows_all),
	KUNIT_CASE(reserve_that_dies_is_replaced),
	KUNIT_CASE(reserve_is_replaced_once_threads_can_start),
	{ }
};

static int lost_init(struct kunit *test)
{
	int ret = swt_init(test);

	/* Each case may begin an unregister, which never ends */
	ret = ret ? ret : slow_work_register_user(&lost_owner);
	if (!ret) {
		swt_pool(test->priv, 2, 2);
		/* The samples for stalls look for dead threads */
		swt_set(test->priv, "stall-warn-secs", 1);
		swt_log_mark(test->priv);
	}
	return ret;
}

/* What a lost item has to do with stays */
static void lost_exit(struct kunit *test)
{
	struct swt *t = test->priv;

	if (!t)
		return;
	swt_let_threads_start(t);
	swt_release_held(t);
	test->priv = NULL;
}

static struct kunit_suite lost_suite = {
	.name = "slow_work_lost",
	.init = lost_init,
	.exit = lost_exit,
	.test_cases = lost_cases,
};

kunit_test_suite(lost_suite);
