// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Promise 6: when a cancel returns, the item is not queued, not armed and not
 * executing, put_ref has returned, and the pool never touches its memory again.
 * While any cancel is under way every enqueue returns -ECANCELED; after the last
 * the item is as good as new.
 *
 * swt_thread::seen_at_rest is the item's state just as its cancel returned.
 */

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "helper.h"

static void expect_good_as_new(struct swt_item *item)
{
	struct swt *t = item->t;
	int before = swt_runs(item);

	KUNIT_EXPECT_TRUE(t->test, swt_at_rest(item));
	KUNIT_EXPECT_FALSE(t->test, swt_flag(item, SLOW_WORK_CANCELLING));
	if (item->kind == SWT_DELAYED) {
		swt_must_arm(item, 1);
		swt_wait(t, swt_at_rest(item));
		before++;
	}
	swt_must_enqueue(item);
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_EQ(t->test, swt_runs(item), before + 1);
}

/* Whatever runs after this ran after all that had been taken back */
static void expect_never_runs(struct swt_item *item, unsigned long delay)
{
	struct swt *t = item->t;
	struct swt_item *later = swt_item(t, SWT_DELAYED);
	int before = swt_starts(item);

	swt_must_arm(later, delay + 1);
	swt_wait(t, swt_runs(later) == 1);
	swt_settle(t);
	KUNIT_EXPECT_EQ(t->test, swt_starts(item), before);
}

static void idle_item(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_item *armed = swt_item(t, SWT_DELAYED);

	swt_cancel(item);
	swt_cancel(armed);
	swt_cancel(armed);
	expect_good_as_new(item);
	expect_good_as_new(armed);
	swt_cancel(item);
	swt_cancel(armed);
	expect_good_as_new(item);
	expect_good_as_new(armed);
}

static void queued_item_does_not_run(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[3];
	struct swt_thread *cancel;
	int i;

	swt_one_thread(t);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_item(t, i);
		swt_must_enqueue(items[i]);
		/* No thread has to come free for that */
		cancel = swt_cancel_start(items[i]);
		swt_join(cancel);
		KUNIT_EXPECT_TRUE(test, cancel->seen_at_rest);
	}
	swt_release(t->held[0]);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		expect_never_runs(items[i], 0);
		expect_good_as_new(items[i]);
	}
}

static void armed_item_does_not_run(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	struct swt_thread *cancel;

	swt_must_arm(item, HZ / 5);
	cancel = swt_cancel_start(item);
	swt_join(cancel);
	KUNIT_EXPECT_TRUE(test, cancel->seen_at_rest);
	/* It can have run only where the cancel itself took that long */
	if (time_before(jiffies, item->armed_at + HZ / 5))
		KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
	expect_never_runs(item, HZ / 5);
	expect_good_as_new(item);
}

static void long_armed_item_is_put_at_once(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_must_arm(item, SWT_NEVER);
	swt_cancel(item);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 1);
	KUNIT_EXPECT_EQ(test, swt_starts(item), 0);
	expect_good_as_new(item);
}

/* Cancels what executes; it must wait for the end, and nothing runs again */
static void expect_wait_for_execute(struct swt_item *item)
{
	struct swt *t = item->t;
	struct swt_thread *cancel = swt_cancel_start(item);

	swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING) && swt_blocked(cancel));
	KUNIT_EXPECT_FALSE(t->test, swt_done(cancel));
	swt_release(item);
	swt_join(cancel);
	KUNIT_EXPECT_TRUE(t->test, cancel->seen_at_rest);
	KUNIT_EXPECT_EQ(t->test, swt_runs(item), 1);
	expect_never_runs(item, 2);
	expect_good_as_new(item);
}

static void executing_item_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[3];
	int i;

	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_blocker(t, i);
		swt_must_execute(items[i]);
		expect_wait_for_execute(items[i]);
	}
}

static void sleep_for_50_ms(struct swt_item *item)
{
	item->value = schedule_timeout_uninterruptible(msecs_to_jiffies(50));
}

/* It is told where it gives way, and nowhere else */
static void executing_item_is_not_woken(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	item->on_execute = sleep_for_50_ms;
	swt_must_enqueue(item);
	/* On a busy machine it may be over */
	swt_wait(t, swt_asleep(item) || swt_runs(item));
	swt_cancel(item);
	KUNIT_EXPECT_EQ(test, item->value, 0L);
}

static void deferred_item_does_not_run_again(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);

	swt_must_execute(item);
	swt_must_enqueue(item);
	expect_wait_for_execute(item);
}

static void item_executing_and_armed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);

	swt_must_execute(item);
	swt_must_arm(item, SWT_NEVER);
	expect_wait_for_execute(item);
}

static void item_executing_and_its_delay_ended(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);

	swt_must_execute(item);
	swt_must_arm(item, 1);
	swt_wait(t, !swt_flag(item, SLOW_WORK_DELAYED));
	expect_wait_for_execute(item);
}

static void put_ref_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_thread *cancel;

	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	cancel = swt_cancel_start(item);
	swt_wait(t, swt_blocked(cancel));
	KUNIT_EXPECT_FALSE(test, swt_done(cancel));
	KUNIT_EXPECT_EQ(test, swt_enqueue(item), -ECANCELED);
	swt_open(item->put_gate);
	swt_join(cancel);
	KUNIT_EXPECT_TRUE(test, cancel->seen_at_rest);
	expect_good_as_new(item);
}

static void put_ref_of_a_queued_item_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_thread *first, *second;

	/* A thread has had it before */
	swt_must_run(item);
	swt_one_thread(t);
	swt_wait(t, swt_at_rest(item));
	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	first = swt_cancel_start(item);
	swt_wait(t, atomic_read(&item->putting) == 2);
	/* Nor may a second one return before what the first one does has ended */
	second = swt_cancel_start(item);
	swt_wait(t, swt_blocked(second));
	KUNIT_EXPECT_FALSE(test, swt_done(first));
	KUNIT_EXPECT_FALSE(test, swt_done(second));
	swt_open(item->put_gate);
	swt_join(first);
	swt_join(second);
	KUNIT_EXPECT_TRUE(test, first->seen_at_rest);
	KUNIT_EXPECT_TRUE(test, second->seen_at_rest);
	swt_release(t->held[0]);
	expect_good_as_new(item);
}

static void put_ref_of_an_armed_item_is_waited_for(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	struct swt_thread *first, *second;

	item->put_gate = swt_gate(t);
	swt_must_arm(item, SWT_NEVER);
	first = swt_cancel_start(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	second = swt_cancel_start(item);
	swt_wait(t, swt_blocked(second));
	KUNIT_EXPECT_FALSE(test, swt_done(first));
	KUNIT_EXPECT_FALSE(test, swt_done(second));
	swt_open(item->put_gate);
	swt_join(first);
	swt_join(second);
	KUNIT_EXPECT_TRUE(test, first->seen_at_rest);
	KUNIT_EXPECT_TRUE(test, second->seen_at_rest);
	expect_good_as_new(item);
}

static void enqueue_meanwhile_is_refused(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);
	struct swt_thread *cancel;

	swt_must_execute(item);
	cancel = swt_cancel_start(item);
	swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING));
	KUNIT_EXPECT_EQ(test, swt_enqueue(item), -ECANCELED);
	KUNIT_EXPECT_EQ(test, swt_arm(item, 0), -ECANCELED);
	KUNIT_EXPECT_EQ(test, swt_arm(item, 1), -ECANCELED);
	swt_release(item);
	swt_join(cancel);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->gets), 1);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	expect_never_runs(item, 1);
	expect_good_as_new(item);
}

static void wait_and_enqueue_self(struct swt_item *item)
{
	if (!swt_comes_true(item->t, swt_flag(item, SLOW_WORK_CANCELLING)))
		return;
	item->result = swt_enqueue(item);
}

static void enqueue_by_its_own_execute_is_refused(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	item->on_execute = wait_and_enqueue_self;
	swt_must_execute(item);
	swt_cancel(item);
	KUNIT_EXPECT_EQ(test, item->result, -ECANCELED);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	item->on_execute = NULL;
	expect_good_as_new(item);
}

static void enqueue_self_from_put(struct swt_item *item)
{
	item->result = swt_enqueue(item);
}

static void enqueue_by_its_own_put_ref_is_refused(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	swt_one_thread(t);
	item->on_put = enqueue_self_from_put;
	swt_must_enqueue(item);
	swt_cancel(item);
	KUNIT_EXPECT_EQ(test, item->result, -ECANCELED);
	item->on_put = NULL;
	swt_release(t->held[0]);
	expect_good_as_new(item);
}

static void several_cancels_each_wait(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);
	struct swt_thread *cancels[4];
	int i;

	swt_must_execute(item);
	swt_must_arm(item, SWT_NEVER);
	for (i = 0; i < ARRAY_SIZE(cancels); i++) {
		cancels[i] = swt_cancel_start(item);
		swt_wait(t, swt_blocked(cancels[i]));
	}
	for (i = 0; i < ARRAY_SIZE(cancels); i++)
		KUNIT_EXPECT_FALSE(test, swt_done(cancels[i]));
	KUNIT_EXPECT_EQ(test, swt_enqueue(item), -ECANCELED);
	swt_release(item);
	for (i = 0; i < ARRAY_SIZE(cancels); i++) {
		swt_join(cancels[i]);
		KUNIT_EXPECT_TRUE(test, cancels[i]->seen_at_rest);
	}
	KUNIT_EXPECT_EQ(test, swt_runs(item), 1);
	expect_good_as_new(item);
}

static void cancel_other(struct swt_item *item)
{
	swt_do_cancel(item->other);
	item->result = swt_at_rest(item->other);
}

/* What is cancelled is initialised anew here, of another class than what cancels */
static void execute_may_cancel_others(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_item *other = swt_item(t, SWT_DELAYED);

	delayed_slow_work_init(&other->dwork, &swt_ops);
	item->on_execute = cancel_other;
	item->other = other;
	swt_must_arm(other, SWT_NEVER);
	swt_must_run(item);
	KUNIT_EXPECT_EQ(test, item->result, 1);
	KUNIT_EXPECT_EQ(test, swt_starts(other), 0);
	expect_good_as_new(other);
}

static void execute_may_cancel_what_executes_elsewhere(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_item *other = swt_blocker(t, SWT_SLOW);

	slow_work_init(&other->work, &swt_ops);
	item->on_execute = cancel_other;
	item->other = other;
	swt_must_execute(other);
	swt_must_enqueue(item);
	swt_wait(t, swt_flag(other, SLOW_WORK_CANCELLING));
	swt_release(other);
	swt_wait(t, swt_runs(item) == 1);
	KUNIT_EXPECT_EQ(test, item->result, 1);
	expect_good_as_new(other);
}

static void same_memory_can_be_another_item(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);
	struct swt_thread *cancel;

	swt_must_execute(item);
	swt_must_arm(item, SWT_NEVER);
	cancel = swt_cancel_start(item);
	swt_wait(t, swt_flag(item, SLOW_WORK_CANCELLING));
	swt_release(item);
	swt_join(cancel);
	memset(&item->dwork, 0x6b, sizeof(item->dwork));
	vslow_work_init(&item->work, &swt_ops);
	item->kind = SWT_VSLOW;
	expect_good_as_new(item);
	swt_cancel(item);
	memset(&item->dwork, 0x6b, sizeof(item->dwork));
	delayed_slow_work_init(&item->dwork, &swt_ops);
	item->kind = SWT_DELAYED;
	expect_good_as_new(item);
}

/*
 * The races.  Objects are freed or overwritten on the line after the cancel;
 * what they count is elsewhere.
 */

struct tally {
	atomic_t gets, puts, inside, describing;
	atomic_t starts;
	atomic_t faults;
};

struct victim {
	struct tally *tally;
	u32 generation;
	u32 seen;
	union {
		struct slow_work work;
		struct delayed_slow_work dwork;
	};
};

#define POISON	0x5a

static struct victim *victim_of(struct slow_work *work)
{
	return container_of(work, struct victim, work);
}

static int victim_get(struct slow_work *work)
{
	atomic_inc(&victim_of(work)->tally->gets);
	return 0;
}

static void victim_put(struct slow_work *work)
{
	struct tally *tally = victim_of(work)->tally;

	swt_jitter(5);
	atomic_inc(&tally->puts);
}

static void victim_execute(struct slow_work *work)
{
	struct victim *victim = victim_of(work);
	struct tally *tally = victim->tally;

	if (atomic_inc_return(&tally->inside) != 1)
		atomic_inc(&tally->faults);
	atomic_inc(&tally->starts);
	swt_jitter(10);
	victim->seen = victim->generation;
	atomic_dec(&tally->inside);
}

static void victim_desc(struct slow_work *work, struct seq_file *m)
{
	struct victim *victim = victim_of(work);
	struct tally *tally = victim->tally;

	atomic_inc(&tally->describing);
	swt_jitter(5);
	seq_printf(m, "generation %u", victim->generation);
	atomic_dec(&tally->describing);
}

/* The promise holds with references and without */
static const struct slow_work_ops victim_ops[] = {
	{
		.owner = THIS_MODULE,
		.get_ref = victim_get,
		.put_ref = victim_put,
		.execute = victim_execute,
		.desc = victim_desc,
	}, {
		.owner = THIS_MODULE,
		.execute = victim_execute,
		.desc = victim_desc,
	},
};

/* As its own flags are gone with it: nothing is held, nothing runs */
static bool tally_at_rest(struct tally *tally)
{
	return !atomic_read(&tally->inside) && !atomic_read(&tally->describing) &&
	       !atomic_read(&tally->faults) &&
	       atomic_read(&tally->gets) == atomic_read(&tally->puts);
}

static int start_victim(struct victim *victim, unsigned int kind)
{
	const struct slow_work_ops *ops = &victim_ops[swt_random(ARRAY_SIZE(victim_ops))];
	int ret;

	switch (kind) {
	case 0:
		slow_work_init(&victim->work, ops);
		break;
	case 1:
		vslow_work_init(&victim->work, ops);
		break;
	default:
		delayed_slow_work_init(&victim->dwork, ops);
		ret = delayed_slow_work_enqueue(&victim->dwork, swt_random(3));
		swt_jitter(15);
		if (swt_random(3) == 0)
			ret |= delayed_slow_work_enqueue(&victim->dwork, swt_random(2));
		if (swt_random(4) == 0)
			usleep_range(1, 2 * jiffies_to_usecs(1));
		return ret;
	}
	ret = slow_work_enqueue(&victim->work);
	swt_jitter(15);
	if (swt_random(3) == 0)
		ret |= slow_work_enqueue(&victim->work);
	return ret;
}

static struct victim *new_victim(struct tally *tally, unsigned int kind)
{
	size_t size = kind < 2 ? offsetof(struct victim, work) + sizeof(struct slow_work) :
				 sizeof(struct victim);
	struct victim *victim = kzalloc(size, GFP_KERNEL | __GFP_NOFAIL);

	victim->tally = tally;
	return victim;
}

/* Section 6, row 8: the old code read the item once more after its cancel */
static int cancel_and_free(struct swt_thread *thread)
{
	struct swt *t = thread->t;
	struct tally *tally = swt_alloc(t, sizeof(*tally));
	struct swt_budget budget = swt_budget();
	struct victim *victim;
	unsigned int kind;

	while (swt_more(t, &budget)) {
		kind = swt_random(3);
		victim = new_victim(tally, kind);
		if (start_victim(victim, kind))
			return -EINVAL;
		swt_jitter(15);
		slow_work_cancel(&victim->work);
		if (!tally_at_rest(tally))
			return -EBUSY;
		kfree(victim);
	}
	return 0;
}

static void memory_freed_right_after(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread *threads[2];

	swt_pool(t, 4, 4);
	threads[0] = swt_start(t, cancel_and_free, NULL);
	threads[1] = swt_start(t, cancel_and_free, NULL);
	KUNIT_EXPECT_EQ(test, swt_join(threads[0]), 0);
	KUNIT_EXPECT_EQ(test, swt_join(threads[1]), 0);
}

static void memory_freed_while_runqueue_is_read(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread *thread;
	int i;

	if (!IS_ENABLED(CONFIG_SLOW_WORK_DEBUG))
		kunit_skip(test, "built without runqueue");
	swt_pool(t, 4, 4);
	thread = swt_start(t, cancel_and_free, NULL);
	/* Each turn leaves some memory behind until the end of the case */
	for (i = 0; i < 500 && !swt_done(thread); i++)
		swt_runqueue(t);
	KUNIT_EXPECT_EQ(test, swt_join(thread), 0);
}

/* Several cancels of each of many items; whoever is last, then it is freed */
struct duel {
	struct victim *victim;
	atomic_t rounds;		/* begun */
	atomic_t returned;		/* cancels, of the seconds */
};

#define NR_SECONDS	2

static int cancel_as_second(struct swt_thread *thread)
{
	struct duel *duel = thread->arg;
	int rounds, round = 0;

	while (!READ_ONCE(thread->t->stop)) {
		/* One look: the end may come between two */
		rounds = atomic_read(&duel->rounds);
		if (rounds < 0)
			break;
		if (rounds == round) {
			swt_relax();
			continue;
		}
		round++;
		swt_jitter(10);
		slow_work_cancel(&READ_ONCE(duel->victim)->work);
		atomic_inc(&duel->returned);
	}
	return 0;
}

static int cancel_in_company(struct swt_thread *thread)
{
	struct swt *t = thread->t;
	struct duel *duel = thread->arg;
	struct tally *tally = swt_alloc(t, sizeof(*tally));
	struct swt_budget budget = swt_budget();
	unsigned int kind;
	int round, ret = 0;

	for (round = 1; !ret && swt_more(t, &budget); round++) {
		kind = swt_random(3);
		WRITE_ONCE(duel->victim, new_victim(tally, kind));
		if (start_victim(duel->victim, kind))
			ret = -EINVAL;
		atomic_inc_return(&duel->rounds);
		swt_jitter(10);
		slow_work_cancel(&duel->victim->work);
		if (!tally_at_rest(tally))
			ret = -EBUSY;
		while (atomic_read(&duel->returned) != NR_SECONDS * round) {
			if (READ_ONCE(t->stop))
				return -EINTR;
			swt_relax();
		}
		kfree(duel->victim);
	}
	atomic_set(&duel->rounds, -1);
	return ret;
}

static void memory_freed_after_several_cancels(struct kunit *test)
{
	struct swt *t = test->priv;
	struct duel *duel = swt_alloc(t, sizeof(*duel));
	struct swt_thread *seconds[NR_SECONDS], *thread;
	int i;

	swt_pool(t, 4, 4);
	for (i = 0; i < NR_SECONDS; i++)
		seconds[i] = swt_start(t, cancel_as_second, duel);
	thread = swt_start(t, cancel_in_company, duel);
	KUNIT_EXPECT_EQ(test, swt_join(thread), 0);
	for (i = 0; i < NR_SECONDS; i++)
		swt_join(seconds[i]);
}

#define NR_GRAVES	16

static int cancel_and_poison(struct swt_thread *thread)
{
	struct swt *t = thread->t;
	struct tally *tally = swt_alloc(t, sizeof(*tally));
	struct victim *graves = swt_alloc(t, NR_GRAVES * sizeof(*graves));
	struct swt_budget budget = swt_budget();
	struct victim *victim;
	unsigned int i;

	memset(graves, POISON, NR_GRAVES * sizeof(*graves));
	for (i = 0; swt_more(t, &budget); i++) {
		victim = &graves[i % NR_GRAVES];
		/* Untouched since the cancel, a while ago? */
		if (memchr_inv(victim, POISON, sizeof(*victim)))
			return -EFAULT;
		memset(victim, 0, sizeof(*victim));
		victim->tally = tally;
		if (start_victim(victim, swt_random(3)))
			return -EINVAL;
		slow_work_cancel(&victim->work);
		memset(victim, POISON, sizeof(*victim));
		if (!tally_at_rest(tally))
			return -EBUSY;
	}
	return memchr_inv(graves, POISON, NR_GRAVES * sizeof(*graves)) ? -EFAULT : 0;
}

static void memory_is_not_written_after(struct kunit *test)
{
	struct swt *t = test->priv;

	swt_pool(t, 4, 4);
	KUNIT_EXPECT_EQ(test, swt_call(t, cancel_and_poison, NULL), 0);
}

/* One piece of memory is one item after the other; each must run as itself */
static int reincarnate(struct swt_thread *thread)
{
	struct swt *t = thread->t;
	struct tally *tally = swt_alloc(t, sizeof(*tally));
	struct victim *victim = swt_alloc(t, sizeof(*victim));
	struct swt_budget budget = swt_budget();
	u32 generation;

	for (generation = 1; swt_more(t, &budget); generation++) {
		memset(victim, 0, sizeof(*victim));
		victim->tally = tally;
		victim->generation = generation;
		if (start_victim(victim, swt_random(3)))
			return -EINVAL;
		/* Every other one is cancelled in full flight */
		if (generation % 2 &&
		    !swt_comes_true(t, READ_ONCE(victim->seen) == generation))
			return -ETIMEDOUT;
		slow_work_cancel(&victim->work);
		if (!tally_at_rest(tally))
			return -EBUSY;
	}
	return 0;
}

static void new_item_at_the_same_address_is_itself(struct kunit *test)
{
	struct swt *t = test->priv;

	swt_pool(t, 4, 4);
	KUNIT_EXPECT_EQ(test, swt_call(t, reincarnate, NULL), 0);
}

/* ---- an item at the address of another ----------------------------------- */

#define NR_TENANTS	5000

/*
 * A piece of memory that is one item after the other, of the same operations: the
 * put_ref of one frees it, and allocates the next, which is enqueued at once.  So
 * that may be through before the put_ref has returned.
 */
struct lodging {
	struct swt *t;
	int generation;			/* of the item that is in there */
	int ran;			/* the last one that ran */
	struct tally tally;
	union {
		struct slow_work work;
		struct delayed_slow_work dwork;
	};
};

static struct lodging *lodging_of(struct slow_work *work)
{
	return container_of(work, struct lodging, work);
}

static const struct slow_work_ops tenant_ops;

static void move_in(struct lodging *lodging)
{
	int generation = ++lodging->generation;
	int ret;

	memset(&lodging->dwork, POISON, sizeof(lodging->dwork));
	if (generation % 100 == 0) {
		delayed_slow_work_init(&lodging->dwork, &tenant_ops);
		ret = delayed_slow_work_enqueue(&lodging->dwork, 1);
	} else {
		if (generation % 3)
			slow_work_init(&lodging->work, &tenant_ops);
		else
			vslow_work_init(&lodging->work, &tenant_ops);
		ret = slow_work_enqueue(&lodging->work);
	}
	/* What is in there may be another by now; what is counted is beside it */
	if (ret)
		atomic_inc(&lodging->tally.faults);
}

static int tenant_get(struct slow_work *work)
{
	atomic_inc(&lodging_of(work)->tally.gets);
	return 0;
}

static void tenant_execute(struct slow_work *work)
{
	struct lodging *lodging = lodging_of(work);

	if (atomic_inc_return(&lodging->tally.inside) != 1 ||
	    lodging->ran != lodging->generation - 1)
		atomic_inc(&lodging->tally.faults);
	lodging->ran = lodging->generation;
	atomic_dec(&lodging->tally.inside);
}

static void tenant_put(struct slow_work *work)
{
	struct lodging *lodging = lodging_of(work);
	struct swt *t = lodging->t;

	if (lodging->ran != lodging->generation)
		atomic_inc(&lodging->tally.faults);
	atomic_inc(&lodging->tally.puts);
	atomic_inc(&t->turns);	/* progress */
	if (lodging->generation < NR_TENANTS && !READ_ONCE(t->stop)) {
		move_in(lodging);
		if (!swt_random(8))
			usleep_range(1, 20);
	} else {
		swt_poke(t);
	}
}

static const struct slow_work_ops tenant_ops = {
	.owner = THIS_MODULE,
	.get_ref = tenant_get,
	.put_ref = tenant_put,
	.execute = tenant_execute,
};

static void item_freed_in_put_ref_is_followed_by_another_at_once(struct kunit *test)
{
	struct swt *t = test->priv;
	struct lodging *lodging = swt_alloc(t, sizeof(*lodging));

	swt_pool(t, 4, 4);
	lodging->t = t;
	move_in(lodging);
	swt_wait(t, atomic_read(&lodging->tally.puts) == NR_TENANTS);
	KUNIT_EXPECT_EQ(test, atomic_read(&lodging->tally.faults), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&lodging->tally.gets), NR_TENANTS);
	KUNIT_EXPECT_EQ(test, lodging->ran, NR_TENANTS);
}

/* In the put_ref of the first; from the gate on it is that thread's no more */
static void be_another_item(struct swt_item *item)
{
	if (atomic_read(&item->putting) > 1)
		return;
	memset(&item->dwork, POISON, sizeof(item->dwork));
	delayed_slow_work_init(&item->dwork, &swt_ops);
	/* for the case, which looks at it */
	smp_store_release(&item->value, 1);
	swt_poke(item->t);
	swt_pass(item->data);
}

/* Whatever waits for the new one does not wait for the thread that is in put_ref */
static void new_item_does_not_wait_for_the_put_ref_of_the_old(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_pool(t, 2, 2);
	item->on_put = be_another_item;
	item->data = swt_gate(t);
	swt_must_enqueue(item);
	/* pairs with be_another_item() */
	swt_wait(t, smp_load_acquire(&item->value));
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 2 && atomic_read(&item->puts) == 1);
	swt_cancel(item);
	KUNIT_EXPECT_EQ(test, swt_join(swt_flush_start(item)), 0);
	swt_must_arm(item, SWT_NEVER);
	KUNIT_EXPECT_EQ(test, swt_join(swt_cancel_start(item)), 1);
	swt_must_arm(item, SWT_NEVER);
	KUNIT_EXPECT_EQ(test, swt_join(swt_flush_start(item)), 1);
	KUNIT_EXPECT_EQ(test, swt_runs(item), 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 3);
	swt_open(item->data);
	swt_wait(t, atomic_read(&item->puts) == 4);
	expect_good_as_new(item);
}

/* ---- several of highest priority ----------------------------------------- */

#define NR_CANCELS	6

/* Nothing else runs on that processor while one of them could */
static int cancel_with_priority(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;
	bool prevented;

	set_cpus_allowed_ptr(current, cpumask_of(cpumask_first(cpu_online_mask)));
	sched_set_fifo(current);
	prevented = swt_do_cancel(item);
	return prevented | !swt_at_rest(item) << 1;
}

static void six_cancels_with_priority_on_one_processor(struct kunit *test)
{
	struct swt_thread *threads[NR_CANCELS];
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	int i, round, ret, sum;

	set_cpus_allowed_ptr(current, cpumask_of(cpumask_first(cpu_online_mask)));
	for (round = 0; round < SWT_RACE_MIN; round++) {
		/* It is queued, executes, is put, or its timer goes off */
		swt_must_arm(item, swt_random(4));
		if (!swt_random(3))
			swt_enqueue(item);
		swt_jitter(50);
		for (i = 0; i < NR_CANCELS; i++)
			threads[i] = swt_start(t, cancel_with_priority, item);
		for (i = 0, sum = 0; i < NR_CANCELS; i++) {
			ret = swt_join(threads[i]);
			KUNIT_EXPECT_EQ(test, ret & 2, 0);
			sum += ret & 1;
		}
		KUNIT_EXPECT_LE(test, sum, 1);
		KUNIT_EXPECT_FALSE(test, swt_flag(item, SLOW_WORK_CANCELLING));
	}
	expect_good_as_new(item);
}

static int enqueue_at_random(struct swt_thread *thread)
{
	struct swt_item *item = thread->arg;
	struct swt_budget budget = swt_budget();
	int ret;

	while (swt_more(thread->t, &budget)) {
		ret = item->kind == SWT_DELAYED ? swt_arm(item, swt_random(3)) :
						  swt_enqueue(item);
		if (ret && ret != -ECANCELED)
			return ret;
		swt_jitter(10);
	}
	return 0;
}

static int cancel_at_random(struct swt_thread *thread)
{
	struct swt_budget budget = swt_budget();

	while (swt_more(thread->t, &budget)) {
		swt_do_cancel(thread->arg);
		swt_jitter(20);
	}
	return 0;
}

static void expect_race_is_harmless(struct swt *t, enum swt_kind kind, int enqueuers, int cancels)
{
	struct swt_item *item = swt_item(t, kind);
	struct swt_thread *threads[4];
	int i;

	swt_pool(t, 4, 4);
	for (i = 0; i < enqueuers; i++)
		threads[i] = swt_start(t, enqueue_at_random, item);
	for (; i < enqueuers + cancels; i++)
		threads[i] = swt_start(t, cancel_at_random, item);
	for (i = 0; i < enqueuers + cancels; i++)
		KUNIT_EXPECT_EQ(t->test, swt_join(threads[i]), 0);
	swt_cancel(item);
	expect_good_as_new(item);
}

/*
 * Section 6, row 6: an enqueue that a cancel refused at the last moment left the
 * item marked as pending
 */
static void cancel_against_enqueue(struct kunit *test)
{
	expect_race_is_harmless(test->priv, SWT_SLOW, 2, 1);
}

/* Section 6, row 9: the old code met an assertion about the timer */
static void cancel_against_arming(struct kunit *test)
{
	expect_race_is_harmless(test->priv, SWT_DELAYED, 2, 1);
}

static void cancel_against_cancel(struct kunit *test)
{
	expect_race_is_harmless(test->priv, SWT_DELAYED, 1, 3);
	expect_race_is_harmless(test->priv, SWT_VSLOW, 1, 3);
}

/* Like row 6, and each cancel's return is looked at: nothing is queued behind it */
static int cancel_and_look_again(struct swt_thread *thread)
{
	struct swt *t = thread->t;
	struct swt_item *item = thread->arg;
	struct swt_budget budget = swt_budget();
	int before, ret;

	while (swt_more(t, &budget)) {
		ret = swt_random(2) ? swt_enqueue(item) : swt_arm(item, 1);
		if (ret)
			return ret;
		if (swt_random(2))
			usleep_range(1, jiffies_to_usecs(1));
		swt_jitter(10);
		swt_do_cancel(item);
		if (!swt_at_rest(item))
			return -EBUSY;
		before = swt_runs(item);
		ret = swt_enqueue(item);
		if (ret)
			return ret;
		if (!swt_comes_true(t, swt_runs(item) == before + 1))
			return -ETIMEDOUT;
	}
	return 0;
}

static void item_is_as_good_as_new_each_time(struct kunit *test)
{
	struct swt *t = test->priv;

	KUNIT_EXPECT_EQ(test, swt_call(t, cancel_and_look_again, swt_item(t, SWT_DELAYED)), 0);
}

static struct kunit_case cancel_cases[] = {
	KUNIT_CASE(idle_item),
	KUNIT_CASE(queued_item_does_not_run),
	KUNIT_CASE(armed_item_does_not_run),
	KUNIT_CASE(long_armed_item_is_put_at_once),
	KUNIT_CASE(executing_item_is_waited_for),
	KUNIT_CASE(executing_item_is_not_woken),
	KUNIT_CASE(deferred_item_does_not_run_again),
	KUNIT_CASE(item_executing_and_armed),
	KUNIT_CASE(item_executing_and_its_delay_ended),
	KUNIT_CASE(put_ref_is_waited_for),
	KUNIT_CASE(put_ref_of_a_queued_item_is_waited_for),
	KUNIT_CASE(put_ref_of_an_armed_item_is_waited_for),
	KUNIT_CASE(enqueue_meanwhile_is_refused),
	KUNIT_CASE(enqueue_by_its_own_execute_is_refused),
	KUNIT_CASE(enqueue_by_its_own_put_ref_is_refused),
	KUNIT_CASE(several_cancels_each_wait),
	KUNIT_CASE(execute_may_cancel_others),
	KUNIT_CASE(execute_may_cancel_what_executes_elsewhere),
	KUNIT_CASE(same_memory_can_be_another_item),
	KUNIT_CASE(memory_freed_right_after),
	KUNIT_CASE(memory_freed_while_runqueue_is_read),
	KUNIT_CASE(memory_freed_after_several_cancels),
	KUNIT_CASE(memory_is_not_written_after),
	KUNIT_CASE(new_item_at_the_same_address_is_itself),
	KUNIT_CASE(item_freed_in_put_ref_is_followed_by_another_at_once),
	KUNIT_CASE(new_item_does_not_wait_for_the_put_ref_of_the_old),
	KUNIT_CASE(six_cancels_with_priority_on_one_processor),
	KUNIT_CASE(cancel_against_enqueue),
	KUNIT_CASE(cancel_against_arming),
	KUNIT_CASE(cancel_against_cancel),
	KUNIT_CASE(item_is_as_good_as_new_each_time),
	{}
};

static struct kunit_suite cancel_suite = {
	.name = "slow_work_cancel",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = cancel_cases,
};

kunit_test_suite(cancel_suite);
