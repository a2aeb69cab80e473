// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stalls: what is reported, what is not, and what would have helped.
 */

#include <linux/wait.h>

#include "../../slow-work-stall.h"
#include "helper.h"

/* ---- the advice --------------------------------------------------------- */

struct advice_case {
	const char *what;
	bool vslow;
	struct slow_work_situation s;
	struct slow_work_advice wanted;
};

#define SITUATION(nr, most, percent, places, busy, busy_vslow) {		\
	.threads = (nr), .max = (most), .limit = 255, .percentage = (percent),	\
	.share = (places), .executing = (busy), .vslow = (busy_vslow),		\
}

static const struct advice_case advice_cases[] = {
	{ "all threads are at work",
	  false, SITUATION(2, 2, 50, 1, 2, 0), { SLOW_WORK_CURE_THREADS, 3 } },
	{ "on very slow items too",
	  false, SITUATION(4, 4, 50, 2, 4, 2), { SLOW_WORK_CURE_THREADS, 5 } },
	{ "the last number that there is",
	  false, SITUATION(254, 254, 50, 127, 254, 0), { SLOW_WORK_CURE_THREADS, 255 } },
	{ "there are no more",
	  false, SITUATION(255, 255, 50, 127, 255, 9), { SLOW_WORK_CURE_LIMIT, 0 } },
	{ "the maximum was lowered",
	  false, SITUATION(5, 3, 50, 2, 5, 0), { SLOW_WORK_CURE_THREADS, 6 } },
	{ "there may be more threads already",
	  false, SITUATION(2, 4, 50, 1, 2, 0), { SLOW_WORK_CURE_NO_START, 0 } },
	{ "a thread is free",
	  false, SITUATION(3, 3, 50, 1, 2, 1), { SLOW_WORK_CURE_NO_CPU, 0 } },
	{ "a thread is free, and there may be more",
	  false, SITUATION(3, 9, 50, 1, 2, 1), { SLOW_WORK_CURE_NO_CPU, 0 } },

	{ "a thread and a place are free",
	  true, SITUATION(4, 4, 50, 2, 3, 1), { SLOW_WORK_CURE_NO_CPU, 0 } },
	{ "a place is free and no thread",
	  true, SITUATION(4, 4, 50, 2, 4, 1), { SLOW_WORK_CURE_THREADS, 5 } },
	{ "a thread is free and no place",
	  true, SITUATION(4, 4, 50, 2, 2, 2), { SLOW_WORK_CURE_SHARE, 75 } },
	{ "the smallest share of many",
	  true, SITUATION(10, 10, 1, 1, 1, 1), { SLOW_WORK_CURE_SHARE, 20 } },
	{ "one thread is left for slow items",
	  true, SITUATION(4, 4, 75, 3, 3, 3), { SLOW_WORK_CURE_THREADS, 6 } },
	{ "as with the fewest threads",
	  true, SITUATION(2, 2, 50, 1, 1, 1), { SLOW_WORK_CURE_THREADS, 4 } },
	{ "and the largest share",
	  true, SITUATION(2, 2, 99, 1, 1, 1), { SLOW_WORK_CURE_THREADS, 3 } },
	{ "no percentage is large enough",
	  true, SITUATION(200, 200, 99, 198, 198, 198), { SLOW_WORK_CURE_THREADS, 202 } },
	{ "neither thread nor place is free",
	  true, SITUATION(4, 4, 50, 2, 4, 2), { SLOW_WORK_CURE_THREADS, 6 } },
	{ "nor can there be one",
	  true, SITUATION(200, 200, 50, 100, 200, 100), { SLOW_WORK_CURE_THREADS, 202 } },
	{ "not with that share",
	  true, SITUATION(255, 255, 50, 127, 255, 127), { SLOW_WORK_CURE_LIMIT, 0 } },
	{ "places would come with threads, and there may be more",
	  true, SITUATION(2, 4, 50, 1, 1, 1), { SLOW_WORK_CURE_NO_START, 0 } },
};

static void advice_fits_the_situation(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(advice_cases); i++) {
		const struct advice_case *c = &advice_cases[i];
		struct slow_work_advice got = slow_work_advise(&c->s, c->vslow);

		KUNIT_EXPECT_EQ_MSG(test, (int)got.cure, (int)c->wanted.cure, "%s", c->what);
		KUNIT_EXPECT_EQ_MSG(test, got.value, c->wanted.value, "%s", c->what);
	}
}

/* As the interface has it */
static unsigned int share_of(unsigned int threads, unsigned int percentage)
{
	return clamp(threads * percentage / 100, 1U, max(threads, 2U) - 1);
}

/* Whatever the pool, with the value advised there is a place more, and below none */
static void advice_is_enough_and_not_too_much(struct kunit *test)
{
	unsigned int nr, percentage, places;
	struct slow_work_advice advice;
	unsigned int enough = 0, wrong = 0;

	for (nr = 2; nr <= 255; nr++) {
		for (percentage = 1; percentage <= 99; percentage++) {
			struct slow_work_situation s;

			places = share_of(nr, percentage);
			s = (struct slow_work_situation)
				SITUATION(nr, nr, percentage, places, places, places);
			advice = slow_work_advise(&s, true);
			if (advice.cure == SLOW_WORK_CURE_SHARE) {
				enough++;
				wrong += advice.value > 99 ||
					 share_of(nr, advice.value) <= places ||
					 share_of(nr, advice.value - 1) > places;
			} else if (advice.cure == SLOW_WORK_CURE_THREADS) {
				enough++;
				wrong += share_of(nr, 99) > places ||
					 share_of(advice.value, percentage) <= places ||
					 share_of(advice.value - 1, percentage) > places;
			} else {
				wrong += advice.cure != SLOW_WORK_CURE_LIMIT ||
					 share_of(nr, 99) > places ||
					 share_of(255, percentage) > places;
			}
		}
	}
	KUNIT_EXPECT_EQ(test, wrong, 0U);
	KUNIT_EXPECT_GT(test, enough, 20000U);
}

/* ---- the reports -------------------------------------------------------- */

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

	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
	return item;
}

/* Has a report a line that begins with @text and holds @rest too? */
static bool told(struct swt *t, const char *text, const char *rest)
{
	char line[160];

	snprintf(line, sizeof(line), "Slow work thread pool: stall: %s", text);
	return swt_logged(t, line, rest);
}

/* A report's last line is the item's own */
static bool reported(struct swt_item *item)
{
	return told(item->t, "the item is: ", item->name);
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
	KUNIT_EXPECT_TRUE(test, told(t, "", "s, and 0 others so long"));
	KUNIT_EXPECT_TRUE(test, told(t, "queued: 0 slow, 0 very slow; threads: 2 of at most 2, ",
				     "1 executing, 0 of them very slow items of at most 1"));
	KUNIT_EXPECT_TRUE(test, told(t, "kslowd00", ") has executed swt_execute"));
	KUNIT_EXPECT_TRUE(test, swt_logged(t, "swt_execute+0x", OURS));
	KUNIT_EXPECT_TRUE(test, told(t, "no queued item is held up by it", ""));
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
	KUNIT_EXPECT_TRUE(test, told(t, "queued: 1 slow, 0 very slow; threads: 2 of at most 2, ",
				     "2 executing"));
	KUNIT_EXPECT_TRUE(test, told(t, "raising max-threads from 2 to 3 would have helped", ""));
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
	KUNIT_EXPECT_TRUE(test, told(t, "kslowd00", ") is in a put_ref; its stack:"));
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
	swt_must_enqueue(first);
	swt_wait(t, swt_executing(first));
	swt_must_enqueue(second);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, reported(second));
	/* others do not stall meanwhile */
	swt_must_enqueue(beside);
	swt_wait(t, swt_runs(beside) == 1);
	swt_set(t, "stall-warn-secs", 0);
	KUNIT_EXPECT_TRUE(test, told(t, "no very slow item has started for", ""));
	KUNIT_EXPECT_FALSE(test, told(t, "no slow item", ""));
	KUNIT_EXPECT_TRUE(test, told(t, "raising vslow-percentage from 50 to 67 would have helped",
				     ""));
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
	KUNIT_EXPECT_TRUE(test, told(t, "", "s, and 0 others so long"));
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
	KUNIT_EXPECT_TRUE(test, told(t, "", "s, and 2 others so long"));
	KUNIT_EXPECT_FALSE(test, told(t, "", "0 others"));
	KUNIT_EXPECT_FALSE(test, told(t, "", "1 others"));
	KUNIT_EXPECT_TRUE(test, told(t, "a cancel of the item waits for it", ""));
	for (i = 0; i < 3; i++) {
		swt_release(items[i]);
		swt_join(cancel[i]);
	}
}

static struct kunit_case stall_cases[] = {
	KUNIT_CASE(advice_fits_the_situation),
	KUNIT_CASE(advice_is_enough_and_not_too_much),
	KUNIT_CASE(an_item_that_executes_for_long),
	KUNIT_CASE(a_class_that_starts_nothing),
	KUNIT_CASE(threads_that_hang_in_put_ref),
	KUNIT_CASE(a_share_that_is_full),
	KUNIT_CASE(a_sleeper_is_no_stall),
	KUNIT_CASE(several_at_once_are_one_report),
	{}
};

static struct kunit_suite stall_suite = {
	.name = "slow_work_stall",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = stall_cases,
};

kunit_test_suite(stall_suite);
