// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /sys/kernel/debug/slow_work/stats-values: what is counted, by class and by owner,
 * and the histograms.
 *
 * The figures go on from case to case, so each case looks at how they grew.
 */

#include <linux/delay.h>
#include <linux/math64.h>
#include <linux/slab.h>

#include "helper.h"

#define SWT_STATS	"/sys/kernel/debug/slow_work/stats"
#define SWT_RESET	"/sys/kernel/debug/slow_work/reset"

/* What is counted for each class and owner */
#define NR_COUNTERS	5

static const char * const counters[NR_COUNTERS] = {
	"executed", "merged", "deferred", "cancelled", "refused",
};

/* What there is of each */
static const char * const levels[3] = { "queued", "executing", "armed" };

/* @row: class.slow or the like */
static s64 field_in(const char *text, const char *row, const char *field)
{
	char key[96];

	snprintf(key, sizeof(key), "%s.%s", row, field);
	return swt_value_in(text, key);
}

static s64 field(struct swt *t, const char *row, const char *name)
{
	return field_in(swt_read_values(t), row, name);
}

/* @nr since @before, and @executing execute */
static bool has_executed_but(struct swt *t, const char *row, const char *before, long nr,
			     long executing)
{
	const char *now = swt_read_values(t);

	return field_in(now, row, "executed") - field_in(before, row, "executed") == nr &&
	       field_in(now, row, "executing") == executing;
}

/* and none executes */
static bool has_executed(struct swt *t, const char *row, const char *before, long nr)
{
	return has_executed_but(t, row, before, nr, 0);
}

/* The row of an owner; in memory of the case */
static char *row_of(struct swt *t, struct module *owner)
{
	char *row = swt_alloc(t, 80);

	snprintf(row, 80, "owner.%s", owner ? module_name(owner) : "nobody");
	return row;
}

/* Of @row, how the counters of @after grew since @before: executed, merged, ... */
static void expect_growth(struct swt *t, const char *row, const char *before,
			  const char *after, const long (*wanted)[NR_COUNTERS])
{
	int i;

	for (i = 0; i < NR_COUNTERS; i++) {
		s64 from = field_in(before, row, counters[i]);

		KUNIT_EXPECT_GE_MSG(t->test, from, 0L, "%s.%s", row, counters[i]);
		KUNIT_EXPECT_EQ_MSG(t->test, field_in(after, row, counters[i]) - from,
				    (*wanted)[i], "%s.%s", row, counters[i]);
	}
}

#define GREW(t, row, before, after, ...)				\
	expect_growth(t, row, before, after, &(const long [NR_COUNTERS]) { __VA_ARGS__ })

/*
 * The slow class and our own row, while the others stand still.  It waits for as
 * many items to have been executed: one is counted when its thread lets go of it,
 * which nobody else sees.
 */
#define SLOW_GREW(t, before, count, ...)				\
do {									\
	struct swt *__t = (t);						\
	const char *__before = (before);				\
	char *__own = row_of(__t, THIS_MODULE), *__after;		\
	long __count = (count);						\
									\
	swt_wait(__t, has_executed(__t, __own, __before, __count));	\
	__after = swt_read_values(__t);					\
	GREW(__t, "class.slow", __before, __after, __count, __VA_ARGS__);	\
	GREW(__t, __own, __before, __after, __count, __VA_ARGS__);	\
	GREW(__t, "class.vslow", __before, __after, 0);			\
	if (__is_defined(MODULE))	/* built in we are nobody */	\
		GREW(__t, "owner.nobody", __before, __after, 0);	\
} while (0)

/* queued, executing, armed */
static void expect_levels(struct swt *t, const char *text, const char *row,
			  const long (*wanted)[3])
{
	int i;

	for (i = 0; i < ARRAY_SIZE(levels); i++)
		KUNIT_EXPECT_EQ_MSG(t->test, field_in(text, row, levels[i]), (*wanted)[i],
				    "%s.%s", row, levels[i]);
}

#define LEVELS(t, text, row, ...) \
	expect_levels(t, text, row, &(const long [3]) { __VA_ARGS__ })

static void files_are_for_root(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, swt_file_mode(SWT_STATS), 0400);
	KUNIT_EXPECT_EQ(test, swt_file_mode(SWT_VALUES), 0400);
	KUNIT_EXPECT_EQ(test, swt_file_mode(SWT_RESET), 0200);
}

/* Or when they were reset, that is with the module */
static void counts_are_no_older_than_the_system(struct kunit *test)
{
	struct swt *t = test->priv;
	char *text = swt_read_values(t);
	s64 up = jiffies64_to_msecs(get_jiffies_64() - INITIAL_JIFFIES);

	KUNIT_EXPECT_GE(test, swt_value_in(text, "since-ms"), 0L);
	KUNIT_EXPECT_LE(test, swt_value_in(text, "since-ms"), up);
	KUNIT_EXPECT_GE(test, swt_value_in(text, "histograms-since-ms"), 0L);
	KUNIT_EXPECT_LE(test, swt_value_in(text, "histograms-since-ms"), up);
}

static void executed_items_are_counted(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW), *delayed = swt_item(t, SWT_DELAYED);
	char *own = row_of(t, THIS_MODULE), *before = swt_read_values(t);
	int i;

	for (i = 1; i <= 5; i++) {
		swt_must_enqueue(item);
		/* Until its thread lets go of it, an enqueue is deferred. */
		swt_wait(t, has_executed(t, own, before, i));
	}
	swt_must_arm(delayed, 1);
	swt_wait(t, swt_runs(delayed) == 1);
	SLOW_GREW(t, before, 6);
}

static void classes_are_counted_apart(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *vslow = swt_item(t, SWT_VSLOW), *slow = swt_item(t, SWT_SLOW);
	char *own = row_of(t, THIS_MODULE), *before = swt_read_values(t), *after;
	int i;

	for (i = 1; i <= 3; i++) {
		swt_must_enqueue(vslow);
		swt_wait(t, has_executed(t, own, before, i));
	}
	swt_must_enqueue(slow);
	swt_wait(t, has_executed(t, own, before, 4));
	after = swt_read_values(t);
	GREW(t, "class.slow", before, after, 1);
	GREW(t, "class.vslow", before, after, 3);
	GREW(t, own, before, after, 4);
}

static void merged_enqueues_are_counted(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *queued = swt_item(t, SWT_SLOW), *armed = swt_item(t, SWT_DELAYED);
	char *before;

	swt_one_thread(t);
	before = swt_read_values(t);
	swt_must_enqueue(queued);
	swt_must_enqueue(queued);
	swt_must_enqueue(queued);
	swt_must_arm(armed, SWT_NEVER);
	swt_must_arm(armed, 1);
	swt_must_enqueue(armed);
	swt_cancel(armed);
	swt_release(t->held[0]);
	swt_release(t->held[1]);
	/* The two that held the threads count as well */
	SLOW_GREW(t, before, 3, 4, 0, 1);
}

static void deferred_enqueues_are_counted(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	char *before = swt_read_values(t);

	swt_must_execute(item);
	swt_must_enqueue(item);
	/* It is pending from now on */
	swt_must_enqueue(item);
	swt_release(item);
	swt_wait(t, swt_runs(item) == 2);
	SLOW_GREW(t, before, 2, 1, 1);
}

static void enqueues_in_put_ref_are_deferred(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	char *before = swt_read_values(t);

	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	swt_must_enqueue(item);
	swt_must_enqueue(item);
	swt_open(item->put_gate);
	swt_wait(t, swt_runs(item) == 2);
	SLOW_GREW(t, before, 2, 1, 1);
}

static void cancelled_runs_are_counted(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *queued = swt_item(t, SWT_SLOW), *armed = swt_item(t, SWT_DELAYED);
	struct swt_item *again = swt_blocker(t, SWT_SLOW);
	struct swt_item *idle = swt_item(t, SWT_SLOW);
	char *before = swt_read_values(t);

	/* Nothing to take back */
	swt_cancel(idle);
	swt_try_cancel(idle);
	swt_must_arm(armed, SWT_NEVER);
	swt_cancel(armed);
	swt_must_arm(armed, SWT_NEVER);
	swt_try_cancel(armed);
	swt_must_execute(again);
	/* Not that it executes, but that it was to do so again */
	swt_must_enqueue(again);
	swt_try_cancel(again);
	swt_try_cancel(again);
	swt_release(again);
	SLOW_GREW(t, before, 1, 0, 1, 3);

	swt_one_thread(t);
	before = swt_read_values(t);
	swt_must_enqueue(queued);
	swt_cancel(queued);
	swt_must_enqueue(queued);
	swt_try_cancel(queued);
	swt_release(t->held[0]);
	swt_release(t->held[1]);
	SLOW_GREW(t, before, 2, 0, 0, 2);
}

/* A thread has it meanwhile, and then has not executed it */
static void run_that_the_last_unregister_disarms_is_cancelled(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = swt_ops_of(t, NULL);
	struct swt_item *item = swt_item_ops(t, SWT_DELAYED_VSLOW, ops);
	struct swt_item *blocker = swt_blocker_ops(t, SWT_SLOW, ops);
	struct swt_thread *last;
	char *start, *before, *text;

	swt_pool(t, 2, 2);
	start = swt_read_values(t);
	swt_must_execute(blocker);
	/* The other thread has had a slow one last */
	swt_settle(t);
	swt_must_arm(item, SWT_NEVER);
	swt_wait(t, has_executed_but(t, "class.slow", start, 1, 1));
	before = swt_read_values(t);
	last = swt_unregister_start(t, THIS_MODULE, item);
	swt_release(blocker);
	swt_join(last);
	text = swt_read_values(t);
	GREW(t, "class.slow", before, text, 1);
	GREW(t, "class.vslow", before, text, 0, 0, 0, 1);
	LEVELS(t, text, "class.vslow", 0, 0, 0);
}

/* Its cancel has it until its desc has returned */
static void run_that_is_only_put_is_not_executed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_thread *cancel;
	char *before, *within;

	swt_one_thread(t);
	item->desc_gate = swt_gate(t);
	swt_must_enqueue(item);
	swt_runqueue_start(t);
	swt_wait(t, atomic_read(&item->describing) == 1);
	before = swt_read_values(t);
	cancel = swt_cancel_start(item);
	swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING));
	swt_release(t->held[0]);
	swt_wait(t, field(t, "class.slow", "queued") == 0);
	swt_wait(t, has_executed_but(t, "class.slow", before, 1, 1));
	within = swt_read_values(t);
	GREW(t, "class.slow", before, within, 1, 0, 0, 1);
	swt_open(item->desc_gate);
	KUNIT_EXPECT_EQ(test, swt_join(cancel), 1);
	swt_release(t->held[1]);
	SLOW_GREW(t, before, 2, 0, 0, 1);
}

static void rearming_merges_and_is_no_cancel(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	char *before = swt_read_values(t);
	int i;

	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, swt_mod(item, SWT_NEVER), 0);
	KUNIT_EXPECT_EQ(test, swt_mod(item, 0), 0);
	swt_wait(t, swt_runs(item) == 1);
	/* One run serves all */
	SLOW_GREW(t, before, 1, 3);
}

static void mod_to_now_of_a_queued_item_is_merged(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	char *before = swt_read_values(t);

	swt_one_thread(t);
	swt_must_enqueue(item);
	KUNIT_EXPECT_EQ(test, swt_mod(item, 0), 0);
	KUNIT_EXPECT_EQ(test, swt_mod(item, 0), 0);
	swt_release(t->held[0]);
	swt_release(t->held[1]);
	SLOW_GREW(t, before, 3, 2);
}

static void refused_enqueues_are_counted(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW), *busy = swt_blocker(t, SWT_SLOW);
	struct swt_thread *cancel;
	char *before = swt_read_values(t);

	item->get_result = -ENOENT;
	KUNIT_EXPECT_EQ(test, swt_enqueue(item), -ENOENT);
	KUNIT_EXPECT_EQ(test, swt_enqueue(item), -ENOENT);
	swt_must_execute(busy);
	cancel = swt_cancel_start(busy);
	swt_wait(t, swt_blocked(cancel));
	KUNIT_EXPECT_EQ(test, swt_enqueue(busy), -ECANCELED);
	swt_release(busy);
	swt_join(cancel);
	SLOW_GREW(t, before, 1, 0, 0, 0, 3);
}

static void owners_are_counted_apart(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "swt_counted");
	struct swt_item *item, *busy;
	struct swt_thread *flush;
	char *own = row_of(t, THIS_MODULE), *theirs = row_of(t, owner), *before, *after;

	KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
	before = swt_read_values(t);
	GREW(t, theirs, before, before, 0);
	KUNIT_EXPECT_EQ(test, field_in(before, theirs, "executed"), 0L);
	/* They stand in the order in which they registered */
	if (__is_defined(MODULE))
		KUNIT_EXPECT_LT(test, strstr(before, own) - before,
				strstr(before, theirs) - before);
	item = swt_item_ops(t, SWT_SLOW, swt_ops_of(t, owner));
	busy = swt_blocker_ops(t, SWT_SLOW, swt_ops_of(t, owner));
	swt_must_enqueue(item);
	swt_must_enqueue(busy);
	swt_wait(t, swt_executing(busy) && swt_runs(item) == 1);
	swt_must_enqueue(busy);
	swt_must_enqueue(busy);
	/* A flush makes another account current, and the sum is the same */
	flush = swt_flush_user_start(t, owner, NULL);
	swt_wait(t, swt_blocked(flush));
	swt_release(busy);
	swt_wait(t, field(t, theirs, "executed") == 3 && field(t, theirs, "executing") == 0);
	after = swt_read_values(t);
	GREW(t, theirs, before, after, 3, 1, 1);
	GREW(t, own, before, after, 0);
	GREW(t, "class.slow", before, after, 3, 1, 1);

	swt_join(flush);
	/* The classes remember those who left */
	swt_unregister(t, owner);
	after = swt_read_values(t);
	KUNIT_EXPECT_EQ(test, field_in(after, theirs, "executed"), -1L);
	GREW(t, "class.slow", before, after, 3, 1, 1);
	/* Nor does one who comes later count on */
	KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
	KUNIT_EXPECT_EQ(test, field(t, theirs, "executed"), 0L);
	KUNIT_EXPECT_EQ(test, field(t, theirs, "merged"), 0L);
}

static void nobodys_items_are_counted(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item_ops(t, SWT_SLOW, swt_ops_of(t, NULL));
	char *own = row_of(t, THIS_MODULE), *before = swt_read_values(t), *after;
	int i;

	swt_must_enqueue(item);
	swt_wait(t, field(t, "owner.nobody", "executed") ==
		    field_in(before, "owner.nobody", "executed") + 1);
	after = swt_read_values(t);
	GREW(t, "owner.nobody", before, after, 1);
	if (__is_defined(MODULE))
		GREW(t, own, before, after, 0);
	GREW(t, "class.slow", before, after, 1);
	/* The classes have counted as much and more */
	for (i = 0; i < NR_COUNTERS; i++)
		KUNIT_EXPECT_LE_MSG(test, field_in(after, "owner.nobody", counters[i]),
				    field_in(after, "class.slow", counters[i]) +
				    field_in(after, "class.vslow", counters[i]), "%s", counters[i]);
}

static void items_on_reserves_are_counted(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "swt_counted");
	char *theirs = row_of(t, owner), *before, *after;
	struct swt_item *item;

	before = swt_read_values(t);
	KUNIT_ASSERT_EQ(test, swt_register_flags(t, owner, SLOW_WORK_MEM_RECLAIM), 0);
	KUNIT_EXPECT_EQ(test, swt_value(t, "pool.reserves"),
			swt_value_in(before, "pool.reserves") + 1);
	item = swt_blocker_ops(t, SWT_SLOW, swt_ops_of(t, owner));
	swt_one_thread(t);
	before = swt_read_values(t);
	swt_must_execute(item);
	after = swt_read_values(t);
	GREW(t, "class.slow", before, after, 0);
	LEVELS(t, after, "class.slow", 0, 3, 0);
	LEVELS(t, after, theirs, 0, 1, 0);
	swt_release(item);
	swt_wait(t, has_executed(t, theirs, before, 1));
	after = swt_read_values(t);
	GREW(t, "class.slow", before, after, 1);
	GREW(t, "class.vslow", before, after, 0);
}

static void what_the_last_unregister_disarms_is_not_executed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item_ops(t, SWT_DELAYED, swt_ops_of(t, NULL));
	char *before, *after;

	before = swt_read_values(t);
	swt_must_arm(item, SWT_NEVER);
	swt_unregister(t, THIS_MODULE);
	after = swt_read_values(t);
	GREW(t, "class.slow", before, after, 0, 0, 0, 1);
	GREW(t, "owner.nobody", before, after, 0, 0, 0, 1);
}

static void what_there_is_is_shown(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[3], *delayed[2];
	char *own = row_of(t, THIS_MODULE), *text;
	unsigned long begin;
	int i;

	swt_wait(t, field(t, own, "executing") == 0);
	text = swt_read_values(t);
	LEVELS(t, text, own, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, field_in(text, own, "oldest-queued-ms"), 0L);

	swt_one_thread(t);
	begin = jiffies;
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_item(t, i ? SWT_SLOW : SWT_VSLOW);
		swt_must_enqueue(items[i]);
	}
	for (i = 0; i < ARRAY_SIZE(delayed); i++) {
		delayed[i] = swt_item(t, SWT_DELAYED);
		swt_must_arm(delayed[i], SWT_NEVER);
	}
	swt_wait(t, field(t, own, "oldest-queued-ms") > 0);
	text = swt_read_values(t);
	KUNIT_EXPECT_LE(test, field_in(text, own, "oldest-queued-ms"),
			(s64)jiffies_to_msecs(jiffies - begin));
	LEVELS(t, text, "class.slow", 2, 2, 2);
	LEVELS(t, text, "class.vslow", 1, 0, 0);
	LEVELS(t, text, own, 3, 2, 2);
	if (__is_defined(MODULE))
		LEVELS(t, text, "owner.nobody", 0, 0, 0);
	KUNIT_EXPECT_EQ(test, swt_value_in(text, "pool.threads"), 2L);
	KUNIT_EXPECT_EQ(test, swt_value_in(text, "pool.executing"), 2L);
	KUNIT_EXPECT_EQ(test, swt_value_in(text, "pool.idle"), 0L);
	/* Each waits at its gate */
	swt_wait(t, swt_value(t, "pool.blocked") == 2);
	KUNIT_EXPECT_EQ(test, swt_value_in(text, "pool.sleeping"), 0L);
}

/* Times ************************************************************/

static void switch_histograms(struct swt *t, bool on)
{
	swt_set(t, "histograms", on);
}

/* The sum of the buckets; -1 where one stands in the wrong place */
static s64 buckets_in(const char *text, const char *row, const char *time)
{
	s64 sum = 0, count;
	char name[32];
	int n;

	for (n = 0; n < 64; n++) {
		snprintf(name, sizeof(name), "%s.bucket.%d", time, n);
		count = field_in(text, row, name);
		if (count > 0)
			sum += count;
		else if (!count)
			return -1;	/* those that are 0 are left out */
	}
	return sum;
}

/* The end of the bucket in which the share of @percent is complete */
static s64 quantile_in(const char *text, const char *row, const char *time, int percent)
{
	s64 sum = 0, count, total = buckets_in(text, row, time);
	char name[32];
	int n;

	for (n = 0; n < 62; n++) {
		snprintf(name, sizeof(name), "%s.bucket.%d", time, n);
		count = field_in(text, row, name);
		if (count > 0)
			sum += count;
		if (sum * 100 >= total * percent)
			return 2LL << n;
	}
	return -1;
}

static void times_go_into_histograms(struct kunit *test)
{
	static const char * const times[] = { "wait", "run" };
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW), *longest = swt_blocker(t, SWT_SLOW);
	char *own = row_of(t, THIS_MODULE), *rows[] = { "class.slow", own };
	char *before, *after;
	s64 count, most;
	ktime_t since;
	int i, n;

	switch_histograms(t, true);
	before = swt_read_values(t);
	KUNIT_EXPECT_EQ(test, swt_value_in(before, "histograms"), 1L);
	for (i = 1; i <= 20; i++) {
		swt_must_enqueue(item);
		swt_wait(t, swt_runs(item) == i && swt_at_rest(item));
	}
	swt_must_execute(longest);
	/* 2^24 ns are 17 ms, by the clock that the pool goes by: ticks may come late */
	since = ktime_get();
	swt_wait(t, ktime_ms_delta(ktime_get(), since) >= 20);
	swt_release(longest);
	swt_wait(t, has_executed(t, own, before, 21));
	switch_histograms(t, false);
	after = swt_read_values(t);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (n = 0; n < ARRAY_SIZE(times); n++) {
			char name[32];

			snprintf(name, sizeof(name), "%s.count", times[n]);
			count = field_in(after, rows[i], name);
			KUNIT_EXPECT_EQ(test, count - field_in(before, rows[i], name), 21L);
			KUNIT_EXPECT_EQ(test, buckets_in(after, rows[i], times[n]), count);
			snprintf(name, sizeof(name), "%s.median", times[n]);
			KUNIT_EXPECT_EQ(test, field_in(after, rows[i], name),
					quantile_in(after, rows[i], times[n], 50));
			snprintf(name, sizeof(name), "%s.p99", times[n]);
			KUNIT_EXPECT_EQ(test, field_in(after, rows[i], name),
					quantile_in(after, rows[i], times[n], 99));
		}
		most = quantile_in(after, rows[i], "run", 100);
		KUNIT_EXPECT_GT_MSG(test, most, 1L << 24, "%s: the longest", rows[i]);
	}
	KUNIT_EXPECT_EQ(test, field_in(after, "class.vslow", "run.count"),
			field_in(before, "class.vslow", "run.count"));
}

static bool nothing_moves(struct swt *t)
{
	const char *now = swt_read_values(t);

	return swt_value_in(now, "pool.idle") == 2 && !swt_value_in(now, "pool.executing") &&
	       !field_in(now, "class.slow", "executing") &&
	       !field_in(now, "class.slow", "queued") && !field_in(now, "class.vslow", "queued");
}

/* What holds the two threads, and waits until there is nothing left to do */
static void release_all(struct swt *t)
{
	swt_release_held(t);
	swt_wait(t, nothing_moves(t));
}

static void take_5_ms(struct swt_item *item)
{
	mdelay(5);
}

/*
 * Where time travels code takes none: the times are what is waited for here.  Ticks tell the
 * one in the queue where they and the item's stamp differ by more than two.
 */
static void times_are_exact(struct kunit *test)
{
	static const struct { int ticks; const char *bucket; } waits[] = {
		{ 0, "wait.bucket.19" },	/* 1 ms */
		{ 2, "wait.bucket.19" },
		{ 3, "wait.bucket.24" },	/* 30 ms */
	};
	static const char * const rows[] = { "class.vslow", "owner.nobody" };
	struct swt *t = test->priv;
	char *own = row_of(t, THIS_MODULE), *values;
	struct swt_item *item;
	int i, n;

	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		switch_histograms(t, true);
		swt_one_thread(t);
		item = swt_item_ops(t, SWT_VSLOW, swt_ops_of(t, NULL));
		item->on_execute = take_5_ms;
		schedule_timeout_uninterruptible(1);
		swt_must_enqueue(item);
		/* It is alone in the queue, and nobody takes it yet */
		item->work.timestamp -= waits[i].ticks;
		mdelay(1);
		release_all(t);
		values = swt_read_values(t);
		/* Of what was before they count nothing */
		KUNIT_EXPECT_EQ(test, field_in(values, "class.slow", "wait.count"), 2L);
		KUNIT_EXPECT_EQ(test, field_in(values, "class.slow", "run.count"), 2L);
		if (!__is_defined(MODULE))	/* built in we are nobody */
			break;
		KUNIT_EXPECT_EQ(test, field_in(values, own, "run.count"), 2L);
		for (n = 0; n < ARRAY_SIZE(rows); n++) {
			KUNIT_EXPECT_EQ(test, field_in(values, rows[n], "wait.count"), 1L);
			KUNIT_EXPECT_EQ(test, field_in(values, rows[n], "run.count"), 1L);
			if (!swt_time_travel())
				continue;
			KUNIT_EXPECT_EQ(test, field_in(values, rows[n], waits[i].bucket), 1L);
			KUNIT_EXPECT_EQ(test, field_in(values, rows[n], "run.bucket.22"), 1L);
		}
		/* An idle thread takes an item at once */
		if (swt_time_travel())
			KUNIT_EXPECT_EQ(test, field_in(values, "class.slow", "wait.bucket.0"), 2L);
		switch_histograms(t, false);
	}
}

/* Neither from what an item had before, nor from before they were switched off */
static void runs_across_a_switch_are_not_timed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "swt_timed");
	char *theirs = row_of(t, owner), *values;
	struct swt_item *item;
	int on;

	KUNIT_ASSERT_EQ(test, swt_register_flags(t, owner, SLOW_WORK_MEM_RECLAIM), 0);
	for (on = 0; on <= 1; on++) {
		switch_histograms(t, on);
		swt_one_thread(t);
		item = swt_blocker_ops(t, SWT_SLOW, swt_ops_of(t, owner));
		/* By the reserve */
		swt_must_execute(item);
		switch_histograms(t, false);
		switch_histograms(t, true);
		swt_release(item);
		release_all(t);
		values = swt_read_values(t);
		KUNIT_EXPECT_EQ(test, field_in(values, "class.slow", "run.count"), 0L);
		KUNIT_EXPECT_EQ(test, field_in(values, theirs, "run.count"), 0L);
		switch_histograms(t, false);
	}
}

static void what_is_switched_twice_stays(struct kunit *test)
{
	struct swt *t = test->priv;
	unsigned long before = jiffies;
	s64 since;

	switch_histograms(t, true);
	since = swt_value(t, "histograms-since-ms");
	KUNIT_EXPECT_LE(test, since, (s64)jiffies_to_msecs(jiffies - before));
	swt_settle(t);
	swt_wait(t, field(t, "class.slow", "run.count") == 1);
	switch_histograms(t, true);
	KUNIT_EXPECT_EQ(test, swt_write("histograms", 2), (ssize_t)-EINVAL);
	KUNIT_EXPECT_EQ(test, swt_write("histograms", -1), (ssize_t)-EINVAL);
	KUNIT_EXPECT_EQ(test, swt_read("histograms"), 1);
	KUNIT_EXPECT_EQ(test, field(t, "class.slow", "run.count"), 1L);
	before = jiffies;
	swt_wait(t, time_after(jiffies, before + HZ / 10));
	KUNIT_EXPECT_GE(test, swt_value(t, "histograms-since-ms"), since + 100);
	switch_histograms(t, false);
	switch_histograms(t, false);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, field(t, "class.slow", "run.count"), 1L);
	switch_histograms(t, true);
	KUNIT_EXPECT_EQ(test, field(t, "class.slow", "run.count"), 0L);
	swt_settle(t);
	swt_wait(t, field(t, "class.slow", "run.count") == 1);
}

static void times_of_reserves_are_taken(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "swt_timed");
	char *theirs = row_of(t, owner), *values;
	struct swt_item *item;

	KUNIT_ASSERT_EQ(test, swt_register_flags(t, owner, SLOW_WORK_MEM_RECLAIM), 0);
	switch_histograms(t, true);
	swt_one_thread(t);
	item = swt_item_ops(t, SWT_SLOW, swt_ops_of(t, owner));
	item->on_execute = take_5_ms;
	swt_must_enqueue(item);
	swt_wait(t, field(t, theirs, "executed") == 1);
	values = swt_read_values(t);
	KUNIT_EXPECT_EQ(test, field_in(values, theirs, "wait.count"), 1L);
	KUNIT_EXPECT_EQ(test, field_in(values, theirs, "run.count"), 1L);
	if (swt_time_travel())
		KUNIT_EXPECT_EQ(test, field_in(values, theirs, "run.bucket.22"), 1L);
}

/* Longer than the stamp that the item has goes round */
static void long_waits_are_told(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	char *own = row_of(t, THIS_MODULE), *before, *after;

	switch_histograms(t, true);
	swt_one_thread(t);
	swt_must_enqueue(item);
	before = swt_read_values(t);
	/* 4300 s; it is alone in the queue, and nobody takes it yet */
	item->work.timestamp -= 4300 * HZ;
	swt_release(t->held[0]);
	swt_wait(t, swt_runs(item) == 1);
	after = swt_read_values(t);
	/* 2^41 ns are 2199 s */
	KUNIT_EXPECT_EQ(test, field_in(before, own, "wait.bucket.41"), -1L);
	KUNIT_EXPECT_EQ(test, field_in(after, own, "wait.bucket.41"), 1L);
	KUNIT_EXPECT_EQ(test, field_in(after, "class.slow", "wait.bucket.41"), 1L);
}

/* The last bucket is from 39 hours on */
static void longest_waits_are_in_the_last_bucket(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	char *own = row_of(t, THIS_MODULE), *after;

	switch_histograms(t, true);
	swt_one_thread(t);
	swt_must_enqueue(item);
	/* A week; it is alone in the queue, and nobody takes it yet */
	item->work.timestamp -= 7 * 86400 * HZ;
	swt_release(t->held[0]);
	swt_wait(t, swt_runs(item) == 1);
	after = swt_read_values(t);
	KUNIT_EXPECT_EQ(test, field_in(after, own, "wait.bucket.47"), 1L);
	KUNIT_EXPECT_EQ(test, field_in(after, own, "wait.count"), 3L);
	KUNIT_EXPECT_EQ(test, field_in(after, own, "wait.p99"), 2LL << 47);
	KUNIT_EXPECT_LT(test, field_in(after, own, "wait.median"), 2LL << 46);
}

/* A run of an item of @owner's, and each other counter grows by one as well */
static void count_each(struct swt *t, struct module *owner, enum swt_kind kind)
{
	struct slow_work_ops *ops = swt_ops_of(t, owner);
	struct swt_item *item = swt_blocker_ops(t, kind, ops), *refused;
	char *row = row_of(t, owner), *before = swt_read_values(t);
	struct swt_thread *flush;

	refused = swt_item_ops(t, kind, ops);
	refused->get_result = -EAGAIN;
	KUNIT_EXPECT_EQ(t->test, swt_enqueue(refused), -EAGAIN);
	swt_must_execute(item);
	swt_must_enqueue(item);
	swt_must_enqueue(item);
	KUNIT_EXPECT_TRUE(t->test, swt_try_cancel(item));
	/* Another account is the current one from now on */
	flush = swt_flush_user_start(t, owner, item);
	swt_wait(t, swt_blocked(flush));
	swt_release(item);
	swt_wait(t, has_executed(t, row, before, 1));
	swt_join(flush);
}

/* Of all counters and all times of @row's */
static void expect_each(struct swt *t, const char *text, const char *row, s64 wanted)
{
	static const char * const times[] = { "wait.count", "run.count" };
	int i;

	for (i = 0; i < NR_COUNTERS; i++)
		KUNIT_EXPECT_EQ_MSG(t->test, field_in(text, row, counters[i]), wanted, "%s.%s",
				    row, counters[i]);
	for (i = 0; i < ARRAY_SIZE(times); i++)
		KUNIT_EXPECT_EQ_MSG(t->test, field_in(text, row, times[i]), wanted, "%s.%s",
				    row, times[i]);
}

/* In the memory of one that has left */
static void new_owner_begins_with_nothing(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner;
	char *row;
	int i;

	switch_histograms(t, true);
	for (i = 0; i < 2; i++) {
		owner = swt_owner(t, i ? "swt_second" : "swt_first");
		row = row_of(t, owner);
		KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
		expect_each(t, swt_read_values(t), row, 0);
		count_each(t, owner, SWT_SLOW);
		expect_each(t, swt_read_values(t), row, 1);
		swt_unregister(t, owner);
	}
	switch_histograms(t, false);
}

static void times_are_not_taken_when_off(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW), *across = swt_blocker(t, SWT_SLOW);
	char *own = row_of(t, THIS_MODULE), *before, *after;

	switch_histograms(t, false);
	before = swt_read_values(t);
	KUNIT_EXPECT_EQ(test, swt_value_in(before, "histograms"), 0L);
	swt_must_enqueue(item);
	/* Nor of what begins now, when it ends while they are on */
	swt_must_enqueue(across);
	swt_wait(t, swt_executing(across) && swt_runs(item) == 1);
	switch_histograms(t, true);
	swt_release(across);
	swt_wait(t, has_executed(t, own, before, 2));
	switch_histograms(t, false);
	after = swt_read_values(t);
	/* They begin empty */
	KUNIT_EXPECT_EQ(test, field_in(after, own, "run.count"), 0L);
	KUNIT_EXPECT_EQ(test, field_in(after, own, "wait.count"), 0L);
	KUNIT_EXPECT_EQ(test, field_in(after, own, "run.median"), 0L);
	KUNIT_EXPECT_EQ(test, field_in(after, own, "wait.p99"), 0L);
}

/* The pool ********************************************************/

/* Between two readings, in ms, and what jiffies say at the most and the least */
static void expect_grown(struct swt *t, s64 ms, unsigned long least, unsigned long most)
{
	KUNIT_EXPECT_GE(t->test, ms + 1, (s64)jiffies_to_msecs(least));
	KUNIT_EXPECT_LE(t->test, ms, (s64)jiffies_to_msecs(most) + 1);
}

static s64 at_maximum(struct swt *t)
{
	return swt_value(t, "pool.at-max-ms");
}

static void time_at_the_maximum_is_counted(struct kunit *test)
{
	unsigned long begin, began, end, ended;
	struct swt *t = test->priv;
	s64 from, to;

	swt_pool(t, 2, 2);
	begin = jiffies;
	from = at_maximum(t);
	began = jiffies;
	swt_wait(t, time_after(jiffies, began + HZ / 10));
	/* That it is set anew makes no difference */
	swt_set(t, "max-threads", 2);
	swt_wait(t, time_after(jiffies, began + HZ / 5));
	end = jiffies;
	to = at_maximum(t);
	ended = jiffies;
	expect_grown(t, to - from, end - began, ended - begin);
	/* Until it is raised */
	swt_set(t, "max-threads", 3);
	from = at_maximum(t);
	expect_grown(t, from - to, 0, jiffies - end);
	ended = jiffies;
	swt_wait(t, time_after(jiffies, ended + HZ / 10));
	KUNIT_EXPECT_EQ(test, at_maximum(t), from);
}

static void starts_and_culls_are_counted(struct kunit *test)
{
	struct swt *t = test->priv;
	char *before, *after;

	swt_pool(t, 2, 2);
	before = swt_read_values(t);
	swt_pool(t, 2, 5);
	swt_hold(t, 5);
	after = swt_read_values(t);
	KUNIT_EXPECT_EQ(test, swt_value_in(after, "pool.threads"), 5L);
	KUNIT_EXPECT_GE(test, swt_value_in(after, "pool.peak"), 5L);
	KUNIT_EXPECT_EQ(test, swt_value_in(after, "pool.started"),
			swt_value_in(before, "pool.started") + 3);
	KUNIT_EXPECT_EQ(test, swt_value_in(after, "pool.culled"),
			swt_value_in(before, "pool.culled"));
	swt_release(t->held[0]);
	swt_release(t->held[1]);
	swt_release(t->held[2]);
	swt_wait(t, swt_value(t, "pool.threads") == 2);
	before = after;
	after = swt_read_values(t);
	KUNIT_EXPECT_EQ(test, swt_value_in(after, "pool.culled") -
			swt_value_in(before, "pool.culled"), 3L);
	KUNIT_EXPECT_EQ(test, swt_value_in(after, "pool.started"),
			swt_value_in(before, "pool.started"));
}

static void failed_starts_are_counted_and_told(struct kunit *test)
{
	struct swt *t = test->priv;
	s64 before;

	swt_pool(t, 2, 2);
	swt_hold(t, 2);
	before = swt_value(t, "pool.start-failures");
	KUNIT_ASSERT_GE(test, before, 0L);
	swt_log_mark(t);
	swt_let_no_thread_start(t);
	swt_set(t, "max-threads", 4);
	swt_must_enqueue(swt_item(t, SWT_SLOW));
	swt_wait(t, swt_value(t, "pool.start-failures") > before);
	swt_let_threads_start(t);
	swt_wait(t, swt_logged(t, "Cannot start a thread (-11), next try in 5 s", ""));
	swt_settle(t);
	/* Another comes after 5 s, or none */
	if (swt_time_travel())
		KUNIT_EXPECT_EQ(test, swt_value(t, "pool.start-failures"), before + 1);
}

static void no_thread_comes_and_goes_at_the_maximum(struct kunit *test)
{
	struct swt *t = test->priv;
	unsigned long begin;
	s64 started;
	int i;

	swt_pool(t, 2, 2);
	swt_hold(t, 2);
	started = swt_value(t, "pool.started");
	for (i = 0; i < 4; i++)
		swt_must_enqueue(swt_item(t, i & 1 ? SWT_VSLOW : SWT_SLOW));
	begin = jiffies;
	swt_wait(t, time_after(jiffies, begin + HZ));
	KUNIT_EXPECT_EQ(test, swt_value(t, "pool.started"), started);
}

static void sleeper_is_not_blocked(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	char *values;

	item->on_execute = swt_sleep_until_needed;
	swt_pool(t, 2, 2);
	swt_must_enqueue(item);
	swt_wait(t, swt_value(t, "pool.sleeping") == 1);
	swt_wait(t, swt_value(t, "pool.idle") == 1);
	values = swt_read_values(t);
	KUNIT_EXPECT_EQ(test, swt_value_in(values, "pool.executing"), 1L);
	KUNIT_EXPECT_EQ(test, swt_value_in(values, "pool.blocked"), 0L);
	swt_hold(t, 1);
	swt_must_enqueue(swt_item(t, SWT_SLOW));
	swt_wait(t, swt_at_rest(item));
}

static void settings_are_told(struct kunit *test)
{
	unsigned long begin = jiffies, began, end;
	struct swt *t = test->priv;
	char *values;
	s64 since = swt_value(t, "since-ms");

	began = jiffies;
	swt_pool(t, 3, 7);
	swt_set(t, "vslow-percentage", 70);
	swt_wait(t, time_after(jiffies, began + HZ / 10));
	end = jiffies;
	values = swt_read_values(t);
	expect_grown(t, swt_value_in(values, "since-ms") - since, end - began, jiffies - begin);
	/* Nor is it longer than the kernel is up */
	KUNIT_EXPECT_LE(test, swt_value_in(values, "since-ms"),
			(s64)jiffies64_to_msecs(get_jiffies_64() - INITIAL_JIFFIES));
	KUNIT_EXPECT_EQ(test, swt_value_in(values, "format"), 1L);
	KUNIT_EXPECT_EQ(test, swt_value_in(values, "pool.min-threads"), 3L);
	KUNIT_EXPECT_EQ(test, swt_value_in(values, "pool.max-threads"), 7L);
	KUNIT_EXPECT_EQ(test, swt_value_in(values, "pool.limit"),
			max_t(s64, 255, 2 * num_possible_cpus()));
	KUNIT_EXPECT_EQ(test, swt_value_in(values, "pool.vslow-percentage"), 70L);
	KUNIT_EXPECT_EQ(test, swt_value_in(values, "pool.vslow-limit"), 2L);
	KUNIT_EXPECT_EQ(test, swt_value_in(values, "pool.lost"), 0L);
	swt_set(t, "vslow-percentage", 50);
}

/* Reset ***********************************************************/

static const enum swt_kind both_classes[] = { SWT_SLOW, SWT_VSLOW };

/* Some that have left, nobody's, and what @owner has counted in both accounts */
static void count_all(struct swt *t, struct module *owner)
{
	struct module *gone = swt_owner(t, "swt_gone");
	int i;

	for (i = 0; i < ARRAY_SIZE(both_classes); i++) {
		KUNIT_ASSERT_EQ(t->test, swt_register(t, gone), 0);
		count_each(t, gone, both_classes[i]);
		swt_unregister(t, gone);
		count_each(t, NULL, both_classes[i]);
		count_each(t, owner, both_classes[i]);
	}
}

/*
 * While two threads and a reserve have items, for all that there is.  More threads there
 * have been; and the pool is at its maximum for longer than since the reset.
 */
static void reset_sets_all_counts_to_zero(struct kunit *test)
{
	static const char * const events[] = {
		"pool.started", "pool.culled", "pool.start-failures", "pool.stalls",
		"pool.reserve-calls",
	};
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "swt_reset");
	char *theirs = row_of(t, owner), *before, *after, *rows[] = {
		"class.slow", "class.vslow", "owner.nobody", theirs,
	};
	struct swt_item *busy = swt_blocker_ops(t, SWT_SLOW, swt_ops_of(t, owner));
	struct swt_item *vslow = swt_item_ops(t, SWT_VSLOW, swt_ops_of(t, owner));
	unsigned long begin;
	int i;

	KUNIT_ASSERT_EQ(test, swt_register_flags(t, owner, SLOW_WORK_MEM_RECLAIM), 0);
	switch_histograms(t, true);
	swt_pool(t, 2, 4);
	swt_hold(t, 4);
	swt_release_held(t);
	swt_pool(t, 2, 2);
	count_all(t, owner);
	swt_one_thread(t);
	/* By the reserve, as what comes next */
	swt_must_run(vslow);
	swt_must_execute(busy);
	begin = jiffies;
	swt_wait(t, time_after(jiffies, begin + HZ / 10));
	before = swt_read_values(t);
	KUNIT_EXPECT_GT(test, swt_value_in(before, "pool.peak"), 2L);
	KUNIT_EXPECT_GT(test, swt_value_in(before, "pool.started"), 0L);
	KUNIT_EXPECT_GT(test, swt_value_in(before, "pool.reserve-calls"), 0L);

	KUNIT_EXPECT_FALSE(test, swt_echo(t, "0", SWT_RESET));
	KUNIT_EXPECT_FALSE(test, swt_echo(t, "2", SWT_RESET));
	after = swt_read_values(t);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		GREW(t, rows[i], before, after, 0);
		KUNIT_EXPECT_GT_MSG(test, field_in(after, rows[i], "run.count"), 0L, "%s", rows[i]);
	}

	begin = jiffies;
	KUNIT_EXPECT_TRUE(test, swt_echo(t, "1", SWT_RESET));
	after = swt_read_values(t);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		expect_each(t, after, rows[i], 0);
	for (i = 0; i < ARRAY_SIZE(events); i++)
		KUNIT_EXPECT_EQ_MSG(test, swt_value_in(after, events[i]), 0L, "%s", events[i]);
	KUNIT_EXPECT_EQ(test, swt_value_in(after, "pool.peak"), 2L);
	expect_grown(t, swt_value_in(after, "since-ms"), 0, jiffies - begin);
	expect_grown(t, swt_value_in(after, "histograms-since-ms"), 0, jiffies - begin);
	/* They are told at the same moment, but for a tick */
	KUNIT_EXPECT_LE(test, swt_value_in(after, "pool.at-max-ms"),
			swt_value_in(after, "since-ms") + 2 * MSEC_PER_SEC / HZ);
	LEVELS(t, after, "class.slow", 0, 3, 0);
	LEVELS(t, after, theirs, 0, 1, 0);

	/* It counts on; that what is under way has waited is from before */
	swt_release(busy);
	swt_release_held(t);
	before = after;
	swt_wait(t, has_executed(t, "class.slow", before, 3));
	after = swt_read_values(t);
	GREW(t, "class.slow", before, after, 3);
	GREW(t, "class.vslow", before, after, 0);
	GREW(t, theirs, before, after, 1);
	KUNIT_EXPECT_EQ(test, field_in(after, "class.slow", "wait.count"), 0L);
	KUNIT_EXPECT_EQ(test, field_in(after, "class.slow", "run.count"), 3L);
	count_all(t, owner);
	after = swt_read_values(t);
	GREW(t, "class.slow", before, after, 6, 3, 3, 3, 3);
	GREW(t, "class.vslow", before, after, 3, 3, 3, 3, 3);
	GREW(t, "owner.nobody", before, after, 2, 2, 2, 2, 2);
	GREW(t, theirs, before, after, 3, 2, 2, 2, 2);
}

/* Text ************************************************************/

static char *read_text(struct swt *t)
{
	char *text;

	KUNIT_ASSERT_GE(t->test, swt_read_debugfs(t, SWT_STATS, &text), 0);
	return text;
}

#define MAX_TEXT	65536

static __printf(2, 3) void append(char *text, const char *format, ...)
{
	size_t len = strlen(text);
	va_list args;

	va_start(args, format);
	vscnprintf(text + len, MAX_TEXT - len, format, args);
	va_end(args);
}

/* "12.345 s" behind @word, in ms; -1 where there is none */
static s64 seconds_behind(const char *text, const char *word)
{
	u64 s;
	u32 ms;

	text = strstr(text, word);
	if (!text || sscanf(text + strlen(word), "%llu.%3u s", &s, &ms) != 2)
		return -1;
	return s * 1000 + ms;
}

/* What a bucket ends with, as people read it */
static const char *time_text(struct swt *t, s64 ns)
{
	static const struct { s64 below, unit; const char *name; int width; } units[] = {
		{ 10000, 1, "ns", 4 }, { 10000000, 1000, "us", 4 },
		{ 10000000000, 1000000, "ms", 4 }, { LLONG_MAX, 1000000000, "s", 5 },
	};
	char *text = swt_alloc(t, 32);
	int i = 0;

	if (!ns)
		return "      -";
	while (ns >= units[i].below)
		i++;
	snprintf(text, 32, " %*lld%s", units[i].width, div64_s64(ns, units[i].unit),
		 units[i].name);
	return text;
}

static void append_row(struct swt *t, char *text, const char *values, const char *row)
{
	append(text, "%-16s %7lld %5lld %6lld %10lld %10lld %8lld %8lld %7lld%s%s%s%s\n",
	       strchr(row, '.') + 1, field_in(values, row, "queued"),
	       field_in(values, row, "executing"), field_in(values, row, "armed"),
	       field_in(values, row, "executed"), field_in(values, row, "merged"),
	       field_in(values, row, "deferred"), field_in(values, row, "cancelled"),
	       field_in(values, row, "refused"),
	       time_text(t, field_in(values, row, "wait.median")),
	       time_text(t, field_in(values, row, "wait.p99")),
	       time_text(t, field_in(values, row, "run.median")),
	       time_text(t, field_in(values, row, "run.p99")));
}

static void append_rows(struct swt *t, char *text, const char *values)
{
	const char *line, *end;
	char row[80];

	for (line = values; *line; line = strchrnul(line, '\n') + 1) {
		end = strstr(line, ".queued ");
		if (!end || end > strchrnul(line, '\n'))
			continue;
		snprintf(row, sizeof(row), "%.*s", (int)(end - line), line);
		/* The owners stand apart */
		if (!strcmp(row, "owner.nobody"))
			append(text, "\n");
		append_row(t, text, values, row);
	}
}

/* What stands in @text behind @word, in seconds, is between @key in @before and in @after */
static void append_seconds(struct swt *t, char *wanted, const char *text, const char *word,
			   const char *before, const char *after, const char *key)
{
	s64 ms = seconds_behind(text, word), secs = div64_s64(ms, 1000);

	KUNIT_EXPECT_GE_MSG(t->test, ms, swt_value_in(before, key), "%s", key);
	KUNIT_EXPECT_LE_MSG(t->test, ms, swt_value_in(after, key), "%s", key);
	append(wanted, "%s%lld.%03lld s", word, secs, ms - secs * 1000);
}

/* All of it, while nothing moves but the clock */
static void expect_text(struct swt *t)
{
	char *wanted = swt_alloc(t, MAX_TEXT), *before, *text, *values;

	before = swt_read_values(t);
	text = read_text(t);
	values = swt_read_values(t);
	append(wanted,
	       "threads  %lld now (%lld idle, %lld executing, of these %lld blocked and %lld asleep until needed)\n",
	       swt_value_in(values, "pool.threads"), swt_value_in(values, "pool.idle"),
	       swt_value_in(values, "pool.executing"), swt_value_in(values, "pool.blocked"),
	       swt_value_in(values, "pool.sleeping"));
	append(wanted, "         %lld to %lld allowed; very slow items may have %lld (%lld %%)\n",
	       swt_value_in(values, "pool.min-threads"), swt_value_in(values, "pool.max-threads"),
	       swt_value_in(values, "pool.vslow-limit"),
	       swt_value_in(values, "pool.vslow-percentage"));
	append_seconds(t, wanted, text, "counted  since ", before, values, "since-ms");
	append(wanted, ": at most %lld threads, %lld started, %lld culled, %lld",
	       swt_value_in(values, "pool.peak"), swt_value_in(values, "pool.started"),
	       swt_value_in(values, "pool.culled"), swt_value_in(values, "pool.start-failures"));
	append_seconds(t, wanted, text, " not to be had\n         ", before, values,
		       "pool.at-max-ms");
	append(wanted, " at the maximum, %lld stalls reported\n",
	       swt_value_in(values, "pool.stalls"));
	if (swt_value_in(values, "pool.reserves"))
		append(wanted, "reserves %lld, called %lld times\n",
		       swt_value_in(values, "pool.reserves"),
		       swt_value_in(values, "pool.reserve-calls"));
	if (swt_value_in(values, "histograms")) {
		append_seconds(t, wanted, text, "times    since ", before, values,
			       "histograms-since-ms");
		append(wanted, "; median and 99th, less than\n");
	} else {
		append(wanted, "times    off: sysctl kernel.slow-work.histograms=1\n");
	}
	append(wanted,
	       "\n                  QUEUED  EXEC  ARMED   EXECUTED     MERGED DEFERRED CANCELLD REFUSED   WAIT   99TH    RUN   99TH\n");
	append_rows(t, wanted, values);
	KUNIT_EXPECT_STREQ(t->test, text, wanted);
}

/* Without values and buckets */
static char *keys_in(struct swt *t, const char *values)
{
	char *keys = swt_alloc(t, MAX_TEXT), key[96];
	const char *line, *end, *bucket;
	int n;

	for (line = values; *line; line = end + 1) {
		end = strchrnul(line, '\n');
		snprintf(key, sizeof(key), "%.*s", (int)(strchrnul(line, ' ') - line), line);
		bucket = strstr(key, ".bucket.");
		if (!bucket || sscanf(bucket, ".bucket.%d", &n) != 1 || n < 0 || n > 47)
			append(keys, "%s\n", key);
	}
	return keys;
}

/* Each once, in the order of Documentation/ */
static void values_have_these_keys(struct kunit *test)
{
	static const char * const pool[] = {
		"format", "since-ms", "pool.threads", "pool.idle", "pool.executing",
		"pool.blocked", "pool.sleeping", "pool.min-threads", "pool.max-threads",
		"pool.limit", "pool.vslow-percentage", "pool.vslow-limit", "pool.peak",
		"pool.started", "pool.culled", "pool.start-failures", "pool.at-max-ms",
		"pool.stalls", "pool.lost", "pool.reserves", "pool.reserve-calls",
		"histograms", "histograms-since-ms",
	};
	static const char * const fields[] = {
		"queued", "executing", "armed", "executed", "merged", "deferred", "cancelled",
		"refused", "oldest-queued-ms", "wait.count", "wait.median", "wait.p99",
		"run.count", "run.median", "run.p99",
	};
	struct swt *t = test->priv;
	char *wanted = swt_alloc(t, MAX_TEXT), name[16], *rows[40] = {
		"class.slow", "class.vslow", "owner.nobody", row_of(t, THIS_MODULE),
	};
	struct module *owner;
	int i, n;

	for (i = 4; i < ARRAY_SIZE(rows); i++) {
		snprintf(name, sizeof(name), "swt_owner%d", i);
		owner = swt_owner(t, name);
		KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
		rows[i] = row_of(t, owner);
	}
	switch_histograms(t, true);
	swt_settle(t);
	for (i = 0; i < ARRAY_SIZE(pool); i++)
		append(wanted, "%s\n", pool[i]);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		/* Built in we are nobody */
		for (n = 0; n < ARRAY_SIZE(fields) && (i != 3 || __is_defined(MODULE)); n++)
			append(wanted, "%s.%s\n", rows[i], fields[n]);
	KUNIT_EXPECT_STREQ(test, keys_in(t, swt_read_values(t)), wanted);
}

static void sleep_for(struct swt_item *item)
{
	if (item->value)
		schedule_timeout_uninterruptible(item->value);
}

/* @nr times, for @ticks each */
static void run_for(struct swt *t, int nr, unsigned long ticks)
{
	struct swt_item *item = swt_item(t, SWT_SLOW);
	int i;

	item->value = ticks;
	item->on_execute = sleep_for;
	for (i = 1; i <= nr; i++) {
		swt_must_enqueue(item);
		swt_wait(t, swt_runs(item) == i && swt_at_rest(item));
	}
}

/* Of 100 times a half is short, and all but one are rather short */
static void quantiles_of_100_times(struct kunit *test)
{
	struct swt *t = test->priv;
	char *own = row_of(t, THIS_MODULE), *before, *after;

	switch_histograms(t, true);
	before = swt_read_values(t);
	run_for(t, 50, 0);
	run_for(t, 49, 1);
	/* Twice what it is to be, as ticks that are late come at once */
	run_for(t, 1, 2 * HZ);
	swt_wait(t, has_executed(t, own, before, 100));
	after = swt_read_values(t);
	KUNIT_ASSERT_EQ(test, field_in(after, own, "run.count"), 100L);
	KUNIT_EXPECT_EQ(test, field_in(after, own, "run.median"),
			quantile_in(after, own, "run", 50));
	KUNIT_EXPECT_EQ(test, field_in(after, own, "run.p99"), quantile_in(after, own, "run", 99));
	swt_wait(t, nothing_moves(t));
	expect_text(t);
	/* One more that is long, and the 99th is not short */
	run_for(t, 1, 2 * HZ);
	swt_wait(t, has_executed(t, own, before, 101));
	after = swt_read_values(t);
	KUNIT_EXPECT_EQ(test, field_in(after, own, "run.p99"), quantile_in(after, own, "run", 99));
	/* 2^29 ns are half a second */
	KUNIT_EXPECT_GT(test, field_in(after, own, "run.p99"), 1L << 29);
}

static void text_has_what_the_values_have(struct kunit *test)
{
	/* How long ago each of them was queued, in us: the waits are told in all units */
	static const unsigned long waits[] = { 0, 3, 50, 3000000, 4000000000UL };
	struct swt *t = test->priv;
	struct swt_item *item, *asleep;
	int i;

	switch_histograms(t, true);
	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		swt_one_thread(t);
		item = swt_item(t, SWT_SLOW);
		swt_must_enqueue(item);
		/* It is alone in the queue, and nobody takes it yet */
		item->work.timestamp -= usecs_to_jiffies(waits[i] % 1000000) +
					waits[i] / 1000000 * HZ;
		item->work.stamp -= div_u64(waits[i] * 1000ULL, 1 << 10);
		swt_release_held(t);
		swt_wait(t, swt_at_rest(item));
		/* and what held the threads: nothing moves between two readings */
		swt_wait(t, swt_value(t, "pool.idle") == 2);
		expect_text(t);
		switch_histograms(t, false);
		expect_text(t);
		switch_histograms(t, true);
	}
	swt_pool(t, 2, 3);
	swt_hold(t, 2);
	asleep = swt_blocker(t, SWT_VSLOW);
	swt_must_enqueue(asleep);
	swt_wait(t, swt_executing(asleep));
	swt_must_enqueue(swt_item(t, SWT_VSLOW));
	swt_must_enqueue(swt_item(t, SWT_SLOW));
	swt_must_arm(swt_item(t, SWT_DELAYED), SWT_NEVER);
	swt_wait(t, swt_value(t, "pool.blocked") == 3);
	KUNIT_ASSERT_EQ(test, swt_register_flags(t, swt_owner(t, "swt_rsv"),
						 SLOW_WORK_MEM_RECLAIM), 0);
	expect_text(t);
}

static struct kunit_case stats_cases[] = {
	KUNIT_CASE(files_are_for_root),
	KUNIT_CASE(counts_are_no_older_than_the_system),
	KUNIT_CASE(executed_items_are_counted),
	KUNIT_CASE(classes_are_counted_apart),
	KUNIT_CASE(merged_enqueues_are_counted),
	KUNIT_CASE(deferred_enqueues_are_counted),
	KUNIT_CASE(enqueues_in_put_ref_are_deferred),
	KUNIT_CASE(cancelled_runs_are_counted),
	KUNIT_CASE(run_that_the_last_unregister_disarms_is_cancelled),
	KUNIT_CASE(run_that_is_only_put_is_not_executed),
	KUNIT_CASE(rearming_merges_and_is_no_cancel),
	KUNIT_CASE(mod_to_now_of_a_queued_item_is_merged),
	KUNIT_CASE(refused_enqueues_are_counted),
	KUNIT_CASE(owners_are_counted_apart),
	KUNIT_CASE(nobodys_items_are_counted),
	KUNIT_CASE(items_on_reserves_are_counted),
	KUNIT_CASE(what_the_last_unregister_disarms_is_not_executed),
	KUNIT_CASE(what_there_is_is_shown),
	KUNIT_CASE(times_go_into_histograms),
	KUNIT_CASE(times_are_exact),
	KUNIT_CASE(times_of_reserves_are_taken),
	KUNIT_CASE(runs_across_a_switch_are_not_timed),
	KUNIT_CASE(what_is_switched_twice_stays),
	KUNIT_CASE(long_waits_are_told),
	KUNIT_CASE(longest_waits_are_in_the_last_bucket),
	KUNIT_CASE(new_owner_begins_with_nothing),
	KUNIT_CASE(times_are_not_taken_when_off),
	KUNIT_CASE(time_at_the_maximum_is_counted),
	KUNIT_CASE(starts_and_culls_are_counted),
	KUNIT_CASE(failed_starts_are_counted_and_told),
	KUNIT_CASE(no_thread_comes_and_goes_at_the_maximum),
	KUNIT_CASE(sleeper_is_not_blocked),
	KUNIT_CASE(settings_are_told),
	KUNIT_CASE(reset_sets_all_counts_to_zero),
	KUNIT_CASE(values_have_these_keys),
	KUNIT_CASE(quantiles_of_100_times),
	KUNIT_CASE(text_has_what_the_values_have),
	{}
};

/* Whatever a case left behind */
static void stats_exit(struct kunit *test)
{
	swt_write("histograms", 0);
	swt_exit(test);
}

static struct kunit_suite stats_suite = {
	.name = "slow_work_stats",
	.init = swt_init,
	.exit = stats_exit,
	.test_cases = stats_cases,
};

kunit_test_suite(stats_suite);
