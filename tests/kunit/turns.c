// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Promise 7, where items of several owners wait: these take turns, one item each; the
 * items of one keep their order.  In most cases one single thread serves the queues.
 */

#include <linux/slab.h>

#include "helper.h"

#define MAX_ITEMS	160

/* NULL as an owner; and a module that has not registered */
#define NULL_OWNER	'n'
#define STRANGER	's'

/* A case's owners, each with a letter, and what they have queued */
struct turns {
	struct swt *t;
	struct module *owners['z' + 1];
	struct slow_work_ops *ops['z' + 1];
	int joined['z' + 1];
	struct swt_item *items[MAX_ITEMS];
	int nr;
};

static struct turns *turns_of(struct kunit *test)
{
	struct swt *t = test->priv;
	struct turns *turns = swt_alloc(t, sizeof(*turns));

	turns->t = t;
	return turns;
}

static struct slow_work_ops *ops_of(struct turns *turns, char letter)
{
	int i = letter;
	char name[16];

	if (turns->ops[i])
		return turns->ops[i];
	if (letter != NULL_OWNER) {
		snprintf(name, sizeof(name), "swt_turns_%c", letter);
		turns->owners[i] = swt_owner(turns->t, name);
		if (letter != STRANGER)
			KUNIT_ASSERT_EQ(turns->t->test,
					swt_register(turns->t, turns->owners[i]), 0);
	}
	turns->ops[i] = swt_ops_of(turns->t, turns->owners[i]);
	return turns->ops[i];
}

/* The item says the letter of its owner and its place among those of that owner */
static struct swt_item *new_item(struct turns *turns, char letter, enum swt_kind kind)
{
	struct swt_item *item = swt_item_ops(turns->t, kind, ops_of(turns, letter));

	KUNIT_ASSERT_LT(turns->t->test, turns->nr, MAX_ITEMS);
	item->value = letter;
	item->result = turns->joined[(int)letter]++;
	snprintf(item->name, sizeof(item->name), "%c%d", letter, item->result);
	turns->items[turns->nr++] = item;
	return item;
}

static struct swt_item *join(struct turns *turns, char letter, enum swt_kind kind)
{
	struct swt_item *item = new_item(turns, letter, kind);

	swt_must_enqueue(item);
	return item;
}

/* An item for each letter */
static void join_all(struct turns *turns, const char *letters, enum swt_kind kind)
{
	while (*letters)
		join(turns, *letters++, kind);
}

/* The item that ran before or after others: @order begins with 1 and grows */
static struct swt_item *next_run(struct turns *turns, int after)
{
	struct swt_item *next = NULL;
	int i;

	for (i = 0; i < turns->nr; i++) {
		struct swt_item *item = turns->items[i];

		if (swt_runs(item) && item->order > after &&
		    (!next || item->order < next->order))
			next = item;
	}
	return next;
}

/*
 * All have run, but for those that were cancelled: whose, in that order?  Those of one
 * owner in the order of their names.
 */
static void expect_turns(struct turns *turns, int since, const char *wanted)
{
	struct kunit *test = turns->t->test;
	char *seen = swt_alloc(turns->t, MAX_ITEMS + 1);
	int last['z' + 1], i, n = 0;
	struct swt_item *item;

	for (i = 0; i < turns->nr; i++)
		swt_wait(turns->t, swt_at_rest(turns->items[i]));
	memset(last, -1, sizeof(last));
	for (item = next_run(turns, since); item; item = next_run(turns, item->order)) {
		KUNIT_EXPECT_GT_MSG(test, item->result, last[item->value],
				    "%s came too late", item->name);
		last[item->value] = item->result;
		seen[n++] = item->value;
	}
	KUNIT_EXPECT_STREQ(test, seen, wanted);
}

/* The numbers of executions begin with what was held; see swt_one_thread() */
static int one_thread(struct turns *turns)
{
	swt_one_thread(turns->t);
	return atomic_read(&turns->t->sequence);
}

static void owners_take_turns(struct kunit *test, enum swt_kind kind)
{
	struct turns *turns = turns_of(test);
	int since = one_thread(turns);

	join_all(turns, "AAAABBC", kind);
	swt_release(turns->t->held[0]);
	expect_turns(turns, since, "ABCABAA");
}

static void slow_owners_take_turns(struct kunit *test)
{
	owners_take_turns(test, SWT_SLOW);
}

static void very_slow_owners_take_turns(struct kunit *test)
{
	owners_take_turns(test, SWT_VSLOW);
}

/* Very slow items come first, and neither class takes the other's turn */
static void each_class_has_its_own_turns(struct kunit *test)
{
	struct turns *turns = turns_of(test);
	int since = one_thread(turns);

	join_all(turns, "AABB", SWT_VSLOW);
	join_all(turns, "CCD", SWT_SLOW);
	join_all(turns, "BE", SWT_SLOW);
	swt_release(turns->t->held[0]);
	expect_turns(turns, since, "ABABCDBEC");
}

static void flood_delays_another_by_one_item(struct kunit *test)
{
	struct turns *turns = turns_of(test);
	int since = one_thread(turns), i;
	struct swt_item *item;

	for (i = 0; i < 100; i++)
		join(turns, 'A', SWT_SLOW);
	item = join(turns, 'B', SWT_SLOW);
	swt_release(turns->t->held[0]);
	for (i = 0; i < turns->nr; i++)
		swt_wait(turns->t, swt_runs(turns->items[i]) == 1);
	KUNIT_EXPECT_EQ(test, item->order, since + 2);
}

/* The same of one that fills up its queue as fast as it is served */
static void enqueue_again(struct swt_item *item)
{
	if (swt_starts(item) < 1000 && !swt_starts(item->other))
		item->result = swt_enqueue(item);
}

static void item_that_comes_again_and_again_gives_way(struct kunit *test)
{
	struct turns *turns = turns_of(test);
	struct swt_item *item, *greedy[2];
	int i;

	one_thread(turns);
	item = new_item(turns, 'B', SWT_SLOW);
	for (i = 0; i < 2; i++) {
		greedy[i] = new_item(turns, 'A', SWT_SLOW);
		greedy[i]->on_execute = enqueue_again;
		greedy[i]->other = item;
		swt_must_enqueue(greedy[i]);
	}
	swt_must_enqueue(item);
	swt_release(turns->t->held[0]);
	swt_wait(turns->t, swt_at_rest(greedy[0]) && swt_at_rest(greedy[1]));
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	KUNIT_EXPECT_LT(test, swt_runs(greedy[0]) + swt_runs(greedy[1]), 4);
}

static void owners_that_have_not_registered_are_one(struct kunit *test)
{
	struct turns *turns = turns_of(test);
	int since = one_thread(turns);

	join_all(turns, "nsnsAA", SWT_SLOW);
	swt_release(turns->t->held[0]);
	expect_turns(turns, since, "nAsAns");
}

/* ---- in the middle of a rotation ---------------------------------------- */

/* A's first executes; the others' turns come */
static struct swt_item *begin_rotation(struct turns *turns, const char *letters,
				       enum swt_kind kind)
{
	struct swt_item *first = new_item(turns, 'A', kind);

	first->gate = swt_gate(turns->t);
	swt_must_enqueue(first);
	join_all(turns, letters, kind);
	swt_release(turns->t->held[0]);
	swt_wait(turns->t, swt_executing(first));
	return first;
}

static void cancelled_items_take_no_turn(struct kunit *test)
{
	struct turns *turns = turns_of(test);
	int since = one_thread(turns);
	struct swt_item *first = begin_rotation(turns, "ABBCC", SWT_SLOW);

	swt_cancel(turns->items[2]);	/* B0, not B1 */
	swt_cancel(turns->items[5]);	/* C1 */
	swt_release(first);
	expect_turns(turns, since, "ABCA");
}

/* It has no turn while it has nothing, and joins as one that comes new */
static void owner_whose_items_were_cancelled_comes_last(struct kunit *test)
{
	struct turns *turns = turns_of(test);
	int since = one_thread(turns);
	struct swt_item *first = begin_rotation(turns, "BBCCA", SWT_SLOW);

	swt_cancel(turns->items[1]);
	swt_cancel(turns->items[2]);
	join(turns, 'B', SWT_SLOW);
	swt_release(first);
	expect_turns(turns, since, "ACABC");
}

static void all_cancelled_and_anew(struct kunit *test)
{
	struct turns *turns = turns_of(test);
	int since = one_thread(turns), i;
	struct swt_item *first = begin_rotation(turns, "BCDBCD", SWT_VSLOW);

	for (i = 1; i < 7; i++)
		swt_cancel(turns->items[7 - i]);
	join_all(turns, "DDCB", SWT_VSLOW);
	swt_release(first);
	expect_turns(turns, since, "ADCBD");
}

static void modified_item_joins_at_the_tail_of_its_owner(struct kunit *test)
{
	struct turns *turns = turns_of(test);
	int since = one_thread(turns);
	struct swt_item *item, *first;

	first = new_item(turns, 'A', SWT_SLOW);
	first->gate = swt_gate(turns->t);
	swt_must_enqueue(first);
	join(turns, 'B', SWT_SLOW);
	/* After B0 in its name, and queued before B1 and B2 */
	item = new_item(turns, 'B', SWT_DELAYED);
	swt_must_enqueue(item);
	join_all(turns, "BBCC", SWT_SLOW);
	swt_release(turns->t->held[0]);
	swt_wait(turns->t, swt_executing(first));
	KUNIT_EXPECT_EQ(test, swt_mod(item, SWT_NEVER), 0);
	KUNIT_EXPECT_EQ(test, swt_mod(item, 0), 0);
	item->result = turns->joined['B'];
	swt_release(first);
	expect_turns(turns, since, "ABCBCBB");
}

static void flush_changes_no_turn(struct kunit *test)
{
	struct turns *turns = turns_of(test);
	int since = one_thread(turns);
	struct swt_item *first = begin_rotation(turns, "BBBCA", SWT_SLOW);
	struct swt_thread *flush = swt_flush_start(turns->items[2]);
	struct swt_thread *other = swt_flush_start(turns->items[5]);

	swt_wait(turns->t, swt_blocked(flush) && swt_blocked(other));
	KUNIT_EXPECT_FALSE(test, swt_done(flush));
	swt_release(first);
	KUNIT_EXPECT_EQ(test, swt_join(flush), 1);
	KUNIT_EXPECT_EQ(test, swt_join(other), 1);
	expect_turns(turns, since, "ABCABB");
}

/* ---- who joins where ---------------------------------------------------- */

static void deferred_item_joins_at_the_tail_of_its_owner(struct kunit *test)
{
	struct turns *turns = turns_of(test);
	struct swt_item *first;

	one_thread(turns);
	first = begin_rotation(turns, "AAB", SWT_SLOW);
	swt_must_enqueue(first);
	join(turns, 'B', SWT_SLOW);
	first->result = turns->joined['A'];
	swt_release(first);
	swt_wait(turns->t, swt_runs(first) == 2);
	/* What A has left comes between those of B, and A's first after that */
	KUNIT_EXPECT_LT(test, turns->items[3]->order, turns->items[1]->order);
	KUNIT_EXPECT_LT(test, turns->items[1]->order, turns->items[4]->order);
	KUNIT_EXPECT_LT(test, turns->items[4]->order, turns->items[2]->order);
	KUNIT_EXPECT_LT(test, turns->items[2]->order, first->order);
}

static void delayed_item_joins_at_the_tail_of_its_owner(struct kunit *test)
{
	struct turns *turns = turns_of(test);
	int since = one_thread(turns);
	struct swt_item *item;

	join_all(turns, "ABB", SWT_SLOW);
	item = new_item(turns, 'A', SWT_DELAYED);
	swt_must_arm(item, 1);
	swt_wait(turns->t, !swt_flag(item, SLOW_WORK_DELAYED));
	join_all(turns, "ACB", SWT_SLOW);
	swt_release(turns->t->held[0]);
	expect_turns(turns, since, "ABCABAB");
}

/* Who had all turns until a moment ago has none before others that came meanwhile */
static void owner_that_was_served_comes_after_those_that_wait(struct kunit *test)
{
	struct turns *turns = turns_of(test);
	struct swt *t = turns->t;
	struct swt_item *alone;
	int since, i;

	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	/* The last of A's own; its queue is empty, and was alone */
	for (i = 0; i < 3; i++)
		join(turns, 'A', SWT_SLOW);
	for (i = 0; i < 3; i++)
		swt_wait(t, swt_at_rest(turns->items[i]));
	alone = swt_blocker_ops(t, SWT_SLOW, ops_of(turns, 'A'));
	swt_must_enqueue(alone);
	swt_wait(t, swt_executing(alone));
	since = atomic_read(&t->sequence);
	join_all(turns, "BBAA", SWT_SLOW);
	swt_release(alone);
	expect_turns(turns, since, "BABA");
}

/* ---- owners that come and go -------------------------------------------- */

static void owner_leaves_and_another_comes(struct kunit *test)
{
	struct turns *turns = turns_of(test);
	int since = one_thread(turns);
	struct swt_item *first = begin_rotation(turns, "BBCA", SWT_SLOW);

	swt_cancel(turns->items[1]);
	swt_cancel(turns->items[2]);
	swt_unregister(turns->t, turns->owners['B']);
	/* In the memory of the one that left */
	join_all(turns, "DCD", SWT_SLOW);
	swt_release(first);
	expect_turns(turns, since, "ACADCD");
}

static void owners_leave_by_turns(struct kunit *test)
{
	struct turns *turns = turns_of(test);
	struct swt *t = turns->t;
	int since, round;

	swt_pool(t, 2, 2);
	swt_hold(t, 1);
	for (round = 0; round < 8; round++) {
		struct swt_item *gate = swt_blocker(t, SWT_SLOW);

		swt_must_enqueue(gate);
		swt_wait(t, swt_executing(gate));
		since = atomic_read(&t->sequence);
		join_all(turns, "AABBCCDD", SWT_SLOW);
		swt_release(gate);
		expect_turns(turns, since, "ABCDABCD");
		turns->ops['A' + round % 4] = NULL;
		swt_unregister(t, turns->owners['A' + round % 4]);
		turns->nr = 0;
	}
}

/* On kernels for debugging one takes long to come and to go */
#define NR_OWNERS	(IS_ENABLED(CONFIG_LOCKDEP) ? 100 : 1000)

static void thousand_owners_take_turns(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item **items = swt_alloc(t, 2 * NR_OWNERS * sizeof(*items));
	struct module **owners = swt_alloc(t, NR_OWNERS * sizeof(*owners));
	char name[16];
	int i, wrong = 0, since;

	swt_one_thread(t);
	since = atomic_read(&t->sequence);
	for (i = 0; i < NR_OWNERS; i++) {
		struct slow_work_ops *ops;

		snprintf(name, sizeof(name), "swt_turns_%d", i);
		owners[i] = swt_owner(t, name);
		KUNIT_ASSERT_EQ(test, swt_register(t, owners[i]), 0);
		ops = swt_ops_of(t, owners[i]);
		items[i] = swt_item_ops(t, SWT_SLOW, ops);
		items[NR_OWNERS + i] = swt_item_ops(t, SWT_SLOW, ops);
		swt_must_enqueue(items[i]);
		swt_must_enqueue(items[NR_OWNERS + i]);
	}
	swt_release(t->held[0]);
	for (i = 0; i < 2 * NR_OWNERS; i++) {
		swt_wait(t, swt_at_rest(items[i]));
		wrong += items[i]->order != since + 1 + i;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	for (i = 0; i < NR_OWNERS; i++)
		swt_unregister(t, owners[i]);
}

/* ---- readers ------------------------------------------------------------ */

#ifdef CONFIG_SLOW_WORK_DEBUG

/* The first words of the lines that begin with @list, each behind the one before */
static void expect_rows(struct turns *turns, const char *list, const char *wanted)
{
	char *seen = swt_alloc(turns->t, 4 * MAX_ITEMS), *line, *desc;
	char *text = swt_runqueue(turns->t);
	int n = 0;

	while ((line = strsep(&text, "\n"))) {
		desc = strrchr(line, ' ');
		if (str_has_prefix(line, list) && desc)
			n += scnprintf(seen + n, 4 * MAX_ITEMS - n, "%s%s", n ? " " : "",
				       desc + 1);
	}
	KUNIT_EXPECT_STREQ(turns->t->test, seen, wanted);
}

static void runqueue_has_owner_by_owner_in_the_order_of_turns(struct kunit *test)
{
	struct turns *turns = turns_of(test);
	struct swt_item *first;

	one_thread(turns);
	/* Not in the order in which they registered, nor backwards */
	ops_of(turns, 'B');
	ops_of(turns, 'D');
	ops_of(turns, 'A');
	ops_of(turns, 'C');
	join_all(turns, "DDBCC", SWT_VSLOW);
	first = new_item(turns, 'A', SWT_SLOW);
	first->gate = swt_gate(turns->t);
	swt_must_enqueue(first);
	join_all(turns, "ABBCADDC", SWT_SLOW);
	expect_rows(turns, " sq ", "A0 A1 A2 B1 B2 C2 C3 D2 D3");
	expect_rows(turns, "vsq ", "D0 D1 B0 C0 C1");
	swt_cancel(turns->items[0]);
	swt_cancel(turns->items[1]);
	swt_cancel(turns->items[2]);
	swt_cancel(turns->items[3]);
	swt_cancel(turns->items[4]);
	swt_release(turns->t->held[0]);
	swt_wait(turns->t, swt_executing(first));
	/* A has had its turn */
	expect_rows(turns, " sq ", "B1 B2 C2 C3 D2 D3 A1 A2");
	swt_release(first);
}

/*
 * A reader stands behind B's first, and keeps that from its put_ref; so one thread is
 * lost, and another serves the rest.
 */
static void stand_in_queue(struct turns *turns, const char *letters, const char *wanted)
{
	struct swt *t = turns->t;
	struct swt_thread *reader;
	struct swt_item *item;
	int since, i;

	swt_pool(t, 3, 3);
	swt_hold(t, 3);
	since = atomic_read(&t->sequence);
	join_all(turns, letters, SWT_SLOW);
	for (i = 0; turns->items[i]->value != 'B'; i++)
		;
	item = turns->items[i];
	item->desc_gate = swt_gate(t);
	reader = swt_runqueue_start(t);
	swt_wait(t, atomic_read(&item->describing));
	swt_release(t->held[0]);
	swt_wait(t, swt_runs(item) == 1);
	/* Where the reader is there may be nothing else now */
	join_all(turns, "BA", SWT_SLOW);
	swt_release(t->held[1]);
	for (i = 0; i < turns->nr; i++)
		swt_wait(t, swt_runs(turns->items[i]) == 1);
	swt_open(item->desc_gate);
	swt_join(reader);
	expect_turns(turns, since, wanted);
}

static void reader_in_a_queue_takes_no_turn(struct kunit *test)
{
	stand_in_queue(turns_of(test), "ABABCAB", "ABCABABAB");
}

static void reader_alone_in_a_queue_takes_no_turn(struct kunit *test)
{
	stand_in_queue(turns_of(test), "ABACC", "ABCABCA");
}

/* A cancel leaves the reader alone there */
static void reader_alone_after_a_cancel_takes_no_turn(struct kunit *test)
{
	struct turns *turns = turns_of(test);
	struct swt *t = turns->t;
	struct swt_thread *reader, *cancel;
	struct swt_item *item;
	int since = one_thread(turns);

	join_all(turns, "ABCC", SWT_SLOW);
	item = turns->items[1];
	item->desc_gate = swt_gate(t);
	reader = swt_runqueue_start(t);
	swt_wait(t, atomic_read(&item->describing));
	cancel = swt_cancel_start(item);
	swt_wait(t, !swt_flag(item, SLOW_WORK_PENDING));
	join_all(turns, "AB", SWT_SLOW);
	swt_release(t->held[0]);
	swt_wait(t, swt_runs(turns->items[4]) == 1 && swt_runs(turns->items[5]) == 1);
	swt_open(item->desc_gate);
	swt_join(reader);
	swt_join(cancel);
	expect_turns(turns, since, "ACBAC");
}

#endif

static struct kunit_case turns_cases[] = {
	KUNIT_CASE(slow_owners_take_turns),
	KUNIT_CASE(very_slow_owners_take_turns),
	KUNIT_CASE(each_class_has_its_own_turns),
	KUNIT_CASE(flood_delays_another_by_one_item),
	KUNIT_CASE(item_that_comes_again_and_again_gives_way),
	KUNIT_CASE(owners_that_have_not_registered_are_one),
	KUNIT_CASE(cancelled_items_take_no_turn),
	KUNIT_CASE(owner_whose_items_were_cancelled_comes_last),
	KUNIT_CASE(all_cancelled_and_anew),
	KUNIT_CASE(modified_item_joins_at_the_tail_of_its_owner),
	KUNIT_CASE(flush_changes_no_turn),
	KUNIT_CASE(deferred_item_joins_at_the_tail_of_its_owner),
	KUNIT_CASE(delayed_item_joins_at_the_tail_of_its_owner),
	KUNIT_CASE(owner_that_was_served_comes_after_those_that_wait),
	KUNIT_CASE(owner_leaves_and_another_comes),
	KUNIT_CASE(owners_leave_by_turns),
	KUNIT_CASE(thousand_owners_take_turns),
#ifdef CONFIG_SLOW_WORK_DEBUG
	KUNIT_CASE(runqueue_has_owner_by_owner_in_the_order_of_turns),
	KUNIT_CASE(reader_in_a_queue_takes_no_turn),
	KUNIT_CASE(reader_alone_in_a_queue_takes_no_turn),
	KUNIT_CASE(reader_alone_after_a_cancel_takes_no_turn),
#endif
	{}
};

static struct kunit_suite turns_suite = {
	.name = "slow_work_turns",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = turns_cases,
};

kunit_test_suite(turns_suite);
