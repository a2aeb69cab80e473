// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stalls: what is reported, what is not, and which setting is named.
 */

#include <linux/completion.h>
#include <linux/wait.h>

#include "helper.h"

/* Code that is built in is of no module, and nobody's */
#ifdef MODULE
#define OURS	" [slow_work_kunit]"
#define OWNER	"slow_work_kunit"
#else
#define OURS	""
#define OWNER	"nobody"
#endif

static void begin(struct swt *t, int min, int max)
{
	swt_pool(t, min, max);
	swt_log_mark(t);
	/* A report shows a stack, and another may come until the pool is gone */
	swt_expect_splat(t);
}

static struct swt_item *named(struct swt_item *item, const char *name)
{
	strscpy(item->name, name, sizeof(item->name));
	return item;
}

/* Blocks a thread by an item of that name */
static struct swt_item *hold(struct swt *t, const char *name)
{
	struct swt_item *item = named(swt_blocker(t, SWT_SLOW), name);

	swt_must_execute(item);
	return item;
}

/* Has a report a line that begins with @text and holds @rest too? */
static bool told(struct swt *t, const char *text, const char *rest)
{
	char line[160];

	snprintf(line, sizeof(line), "Slow work thread pool: stall: %s", text);
	return swt_logged(t, line, rest);
}

/* How many reports are there?  Each has one such line. */
static int reports(struct swt *t)
{
	return swt_log_lines(t, "Slow work thread pool: stall: queued: ", "");
}

/* A report's last line is the item's own */
static bool reported(struct swt_item *item)
{
	return told(item->t, "the item is: ", item->name);
}

/* Does a report name that value, at which all items would have a thread? */
static bool names(struct swt *t, const char *setting, int value)
{
	char rest[48];

	snprintf(rest, sizeof(rest), "%s %d (the limit is ", setting, value);
	return told(t, "every item queued or executing would have a thread at ", rest);
}

static void an_item_that_executes_for_long(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;

	begin(t, 2, 2);
	item = hold(t, "a\nlong one\n");
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, told(t, "the item is: a long one", ""));
	swt_set(t, "stall-warn-secs", 0);
	KUNIT_EXPECT_TRUE(test, told(t, "swt_execute" OURS " of " OWNER ", a slow",
				     "item, executes for"));
	KUNIT_EXPECT_TRUE(test, told(t, "queued: 0 slow (next: 0 s), 0 very slow (next: 0 s); ",
				     "threads: 2 of at most 2, 1 executing, "));
	KUNIT_EXPECT_TRUE(test, told(t, "queued: ", ", 0 of them very slow items of at most 1, "));
	KUNIT_EXPECT_TRUE(test, told(t, "queued: ", ", 1 blocked, 0 asleep until needed"));
	KUNIT_EXPECT_TRUE(test, told(t, "1 thread in swt_execute" OURS ", for ", " s: kslowd00"));
	KUNIT_EXPECT_TRUE(test, told(t, "the stack of kslowd00", "):"));
	KUNIT_EXPECT_TRUE(test, swt_logged(t, "swt_execute+0x", OURS));
	KUNIT_EXPECT_FALSE(test, told(t, "", "execute for so long"));
	KUNIT_EXPECT_FALSE(test, told(t, "", "would"));
	swt_release(item);
}

static void a_class_that_starts_nothing(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = named(swt_item(t, SWT_SLOW), "queued");

	begin(t, 2, 2);
	swt_hold(t, 2);
	swt_must_enqueue(item);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, reported(item));
	swt_set(t, "stall-warn-secs", 0);
	KUNIT_EXPECT_TRUE(test, told(t, "no slow item has started for",
				     "s; swt_execute" OURS " of " OWNER " is"));
	KUNIT_EXPECT_TRUE(test, told(t, "queued: 1 slow (next: ",
				     " 0 very slow (next: 0 s); threads: 2 of at most 2, 2"));
	KUNIT_EXPECT_TRUE(test, told(t, "2 threads in swt_execute" OURS ", the longest for ",
				     " s: kslowd00"));
	KUNIT_EXPECT_TRUE(test, names(t, "max-threads", 3));
	swt_set(t, "max-threads", 3);
	swt_wait(t, swt_runs(item) == 1);
}

static void threads_that_hang_in_put_ref(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *putting[2], *item = named(swt_item(t, SWT_SLOW), "queued");
	struct swt_gate *gate = swt_gate(t);
	int i;

	begin(t, 2, 2);
	for (i = 0; i < 2; i++) {
		putting[i] = swt_item(t, SWT_SLOW);
		putting[i]->put_gate = gate;
		swt_must_enqueue(putting[i]);
		swt_wait(t, atomic_read(&putting[i]->putting) == 1);
	}
	swt_must_enqueue(item);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, reported(item));
	swt_set(t, "stall-warn-secs", 0);
	KUNIT_EXPECT_TRUE(test, told(t, "no slow item has started for", ""));
	KUNIT_EXPECT_TRUE(test, told(t, "2 threads in the put_ref after swt_execute" OURS
				     ": kslowd00", ", kslowd00"));
	KUNIT_EXPECT_TRUE(test, told(t, "the stack of kslowd00", ""));
	KUNIT_EXPECT_FALSE(test, told(t, "", "every thread is blocked in"));
	KUNIT_EXPECT_FALSE(test, told(t, "", " executes for "));
	swt_open(gate);
	swt_wait(t, swt_runs(item) == 1);
}

static void a_share_that_is_full(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *first = swt_blocker(t, SWT_VSLOW), *beside = swt_item(t, SWT_SLOW);
	struct swt_item *second = named(swt_item(t, SWT_VSLOW), "second");

	begin(t, 3, 3);
	swt_must_execute(first);
	swt_must_enqueue(second);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, reported(second));
	/* others do not stall meanwhile */
	swt_must_run(beside);
	swt_set(t, "stall-warn-secs", 0);
	KUNIT_EXPECT_TRUE(test, told(t, "no very slow item has started for", ""));
	KUNIT_EXPECT_FALSE(test, told(t, "no slow item", ""));
	KUNIT_EXPECT_TRUE(test, told(t, "1 thread in swt_execute" OURS, ""));
	KUNIT_EXPECT_TRUE(test, names(t, "vslow-percentage", 67));
	KUNIT_EXPECT_EQ(test, swt_runs(second), 0);
	swt_set(t, "vslow-percentage", 67);
	swt_wait(t, swt_runs(second) == 1);
	swt_release(first);
}

static void sleep_until_needed(struct swt_item *item)
{
	wait_queue_head_t *wq = item->data;
	signed long timeout = SWT_NEVER;
	DEFINE_WAIT(wait);

	prepare_to_wait(wq, &wait, TASK_UNINTERRUPTIBLE);
	slow_work_sleep_till_thread_needed(&item->work, &timeout);
	finish_wait(wq, &wait);
}

/* The older of the two sleeps by permission: the younger is reported, alone */
static void a_sleeper_is_no_stall(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleeper = named(swt_item(t, SWT_SLOW), "sleeper"), *item;
	wait_queue_head_t *wq = swt_alloc(t, sizeof(*wq));

	init_waitqueue_head(wq);
	sleeper->data = wq;
	sleeper->on_execute = sleep_until_needed;
	begin(t, 3, 3);
	swt_must_enqueue(sleeper);
	swt_wait(t, swt_asleep(sleeper));
	item = hold(t, "awake");
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, reported(item));
	swt_set(t, "stall-warn-secs", 0);
	KUNIT_EXPECT_FALSE(test, told(t, "", "execute for so long"));
	KUNIT_EXPECT_TRUE(test, told(t, "", "1 blocked, 1 asleep until needed"));
	KUNIT_EXPECT_FALSE(test, reported(sleeper));
	swt_release(item);
	wake_up_all(wq);
}

static void several_at_once_are_one_report(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread *cancel[3];
	struct swt_item *items[3];
	int i;

	begin(t, 4, 4);
	for (i = 0; i < 3; i++)
		items[i] = hold(t, "one of them");
	for (i = 0; i < 3; i++) {
		cancel[i] = swt_cancel_start(items[i]);
		swt_wait(t, swt_blocked(cancel[i]));
	}
	/* from now on it counts, for all of them */
	swt_set(t, "stall-warn-secs", 0);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, reported(items[0]));
	swt_set(t, "stall-warn-secs", 0);
	KUNIT_EXPECT_EQ(test, reports(t), 1);
	KUNIT_EXPECT_TRUE(test, told(t, "3 threads execute for so long", ""));
	KUNIT_EXPECT_TRUE(test, told(t, "3 threads in swt_execute" OURS ", the longest for ",
				     " s: kslowd00"));
	KUNIT_EXPECT_TRUE(test, told(t, "a cancel of the item waits for it", ""));
	for (i = 0; i < 3; i++) {
		swt_release(items[i]);
		swt_join(cancel[i]);
	}
}

/* As FS-Cache's cookies wait for the work that makes their volume */
static void wait_for_another(struct swt_item *item)
{
	wait_for_completion((struct completion *)item->data);
}

static void complete_others(struct swt_item *item)
{
	complete_all(item->data);
}

static void items_that_wait_for_one_behind_them(struct kunit *test)
{
	struct swt *t = test->priv;
	struct completion *made = swt_alloc(t, sizeof(*made));
	struct swt_item *cookies[4], *volume = named(swt_item(t, SWT_SLOW), "volume");
	int i, max;

	init_completion(made);
	volume->data = made;
	volume->on_execute = complete_others;
	begin(t, 2, 2);
	for (i = 0; i < 4; i++) {
		cookies[i] = named(swt_item(t, SWT_SLOW), "cookie");
		cookies[i]->data = made;
		cookies[i]->on_execute = wait_for_another;
		swt_must_enqueue(cookies[i]);
	}
	swt_must_enqueue(volume);
	swt_set(t, "stall-warn-secs", 1);
	/* One more, and another, helps none of them; what is reported does. */
	for (max = 2; max < 5; max++) {
		swt_log_mark(t);
		swt_set(t, "max-threads", max);
		swt_wait(t, swt_executing(cookies[max - 1]));
		swt_wait(t, told(t, "no slow item has started for ", ""));
		swt_wait(t, names(t, "max-threads", 5));
		KUNIT_EXPECT_TRUE(test, told(t, "every thread is blocked in swt_execute" OURS,
					     ", which is queued too"));
		KUNIT_EXPECT_EQ(test, swt_runs(volume), 0);
	}
	swt_set(t, "stall-warn-secs", 0);
	swt_set(t, "max-threads", 5);
	swt_wait(t, swt_runs(volume) == 1);
	for (i = 0; i < 4; i++)
		swt_wait(t, swt_runs(cookies[i]) == 1);
}

static void other_execute(struct slow_work *work)
{
	swt_ops.execute(work);
	barrier();	/* a frame, and so a function, of its own */
}

static void threads_are_grouped_by_function(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = swt_ops_of(t, THIS_MODULE);
	struct swt_item *other, *item = named(swt_item(t, SWT_SLOW), "queued");

	ops->execute = other_execute;
	begin(t, 3, 3);
	other = swt_blocker_ops(t, SWT_SLOW, ops);
	swt_must_enqueue(other);
	swt_wait(t, swt_executing(other));
	swt_hold(t, 2);
	swt_must_enqueue(item);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, reported(item));
	swt_set(t, "stall-warn-secs", 0);
	KUNIT_EXPECT_TRUE(test, told(t, "1 thread in other_execute" OURS ", for ", " s: kslowd00"));
	KUNIT_EXPECT_TRUE(test, told(t, "2 threads in swt_execute" OURS ", the longest for ",
				     " s: kslowd00"));
	KUNIT_EXPECT_FALSE(test, told(t, "", "every thread is blocked in"));
	KUNIT_EXPECT_TRUE(test, names(t, "max-threads", 4));
	swt_release(other);
	swt_wait(t, swt_runs(item) == 1);
}

/* As the interface has it: has each item a thread, and each very slow one a slot? */
static bool fits(int threads, int percentage, int vslow, int slow)
{
	int slots = clamp(threads * percentage / 100, 1, max(threads, 2) - 1);

	return vslow <= slots && vslow + slow <= threads;
}

static const struct {
	int threads;
	int slow;
	int vslow;
	const char *setting;
	int value;
} settings[] = {
	{ 3, 4, 0, "max-threads", 4 },
	{ 2, 3, 1, "max-threads", 4 },
	{ 4, 2, 3, "max-threads", 6 },		/* neither a thread nor a slot */
	{ 4, 0, 4, "max-threads", 8 },		/* a slow item keeps a thread */
	{ 4, 1, 3, "vslow-percentage", 75 },
	{ 6, 0, 5, "vslow-percentage", 84 },
	{ 10, 1, 6, "vslow-percentage", 60 },
};

/* With the value that is named all items execute at once; with less they cannot. */
static void the_setting_that_is_named_is_enough(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[8];
	int i, n, nr;

	begin(t, 2, 2);
	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		int threads = settings[i].threads, value = settings[i].value;
		int slow = settings[i].slow, vslow = settings[i].vslow;

		nr = slow + vslow;
		KUNIT_ASSERT_LE(test, nr, (int)ARRAY_SIZE(items));
		if (!strcmp(settings[i].setting, "max-threads"))
			KUNIT_EXPECT_FALSE(test, fits(value - 1, 50, vslow, slow));
		else
			KUNIT_EXPECT_FALSE(test, fits(threads, value - 1, vslow, slow));
		swt_set(t, "vslow-percentage", 50);
		swt_pool(t, threads, threads);
		swt_log_mark(t);
		for (n = 0; n < nr; n++) {
			items[n] = swt_blocker(t, n < slow ? SWT_SLOW : SWT_VSLOW);
			swt_must_enqueue(items[n]);
		}
		swt_set(t, "stall-warn-secs", 1);
		swt_wait(t, names(t, settings[i].setting, value));
		swt_set(t, "stall-warn-secs", 0);
		swt_set(t, settings[i].setting, value);
		for (n = 0; n < nr; n++)
			swt_wait(t, swt_executing(items[n]));
		for (n = 0; n < nr; n++)
			swt_release(items[n]);
		for (n = 0; n < nr; n++)
			swt_wait(t, swt_runs(items[n]) == 1);
	}
}

static void more_items_than_there_may_be_threads(struct kunit *test)
{
	int limit = max(255U, 2 * num_possible_cpus()), i;
	struct swt *t = test->priv;
	char text[64];

	begin(t, 2, 2);
	swt_hold(t, 2);
	for (i = 2; i < limit + 1; i++)
		swt_must_enqueue(swt_item(t, SWT_SLOW));
	swt_set(t, "stall-warn-secs", 1);
	snprintf(text, sizeof(text), "at max-threads %d (the limit is %d)", limit + 1, limit);
	swt_wait(t, told(t, "every item queued or executing would have a thread ", text));
	swt_set(t, "stall-warn-secs", 0);
}

static void go_on_for_a_while(struct swt_item *item)
{
	schedule_timeout_uninterruptible(HZ / 20);
	if (!READ_ONCE(item->t->stop))
		swt_enqueue(item);
}

/* Each waits for 2 s before it has its turn, but there is always one that has */
static void a_busy_pool_is_no_stall(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[80];
	unsigned long begin_at;
	int i;

	begin(t, 2, 2);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_item(t, SWT_SLOW);
		items[i]->on_execute = go_on_for_a_while;
		swt_must_enqueue(items[i]);
	}
	/* A host may be so busy that none starts for a second */
	swt_set(t, "stall-warn-secs", swt_time_travel() ? 1 : 60);
	begin_at = jiffies;
	swt_wait(t, time_after(jiffies, begin_at + 4 * HZ));
	swt_set(t, "stall-warn-secs", 0);
	KUNIT_EXPECT_FALSE(test, told(t, "", ""));
	for (i = 0; i < ARRAY_SIZE(items); i++)
		swt_cancel(items[i]);
}

static struct kunit_case stall_cases[] = {
	KUNIT_CASE(an_item_that_executes_for_long),
	KUNIT_CASE(a_class_that_starts_nothing),
	KUNIT_CASE(threads_that_hang_in_put_ref),
	KUNIT_CASE(a_share_that_is_full),
	KUNIT_CASE(a_sleeper_is_no_stall),
	KUNIT_CASE(several_at_once_are_one_report),
	KUNIT_CASE(items_that_wait_for_one_behind_them),
	KUNIT_CASE(threads_are_grouped_by_function),
	KUNIT_CASE(the_setting_that_is_named_is_enough),
	KUNIT_CASE(more_items_than_there_may_be_threads),
	KUNIT_CASE(a_busy_pool_is_no_stall),
	{}
};

static struct kunit_suite stall_suite = {
	.name = "slow_work_stall",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = stall_cases,
};

kunit_test_suite(stall_suite);
