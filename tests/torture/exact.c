// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-torture: with the pool's size held still
 *
 * From outside one sees when execute begins, not when its item is taken; so
 * threads that race from there to here may swap two items.  The order is
 * judged where they cannot: all threads but one are blocked.
 */

#define pr_fmt(fmt) "slow-work-torture: " fmt

#include <linux/delay.h>
#include <linux/freezer.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include "torture.h"

#define TORT_ORDERED	96
#define TORT_BLOCKERS	63
#define TORT_ORDER_ROUNDS	4

/**
 * struct tort_order - items in a row
 * @lock: what is queued while it is held is queued in the order of tickets
 * @queued: so many of the items have been
 * @tickets: of each class: the next ticket
 * @started: of each class: how many have begun
 * @valid: but one thread serves
 * @released: the blockers may go
 * @wq: they wait here
 * @items: the items
 * @blockers: these take all threads but one
 * @hrtimer: queues items too
 * @timer: the same
 * @rng: what @hrtimer draws from
 */
static struct tort_order {
	raw_spinlock_t lock;
	unsigned int queued;
	unsigned int tickets[2];
	atomic_t started[2];
	bool valid;
	bool released;
	wait_queue_head_t wq;
	struct tort_item *items;
	struct tort_item *blockers;
	struct hrtimer hrtimer;
	struct timer_list timer;
	struct tort_rng rng;
} order;

/* The order *********************************************************/

/* Queue the next one, in any context.  False: that was the last. */
static bool tort_order_next(void)
{
	struct tort_item *item;
	unsigned long flags;
	bool more = false;

	raw_spin_lock_irqsave(&order.lock, flags);
	if (order.queued < TORT_ORDERED) {
		item = &order.items[order.queued];
		WRITE_ONCE(order.queued, order.queued + 1);
		item->ticket = order.tickets[item->base.kind == SWT_VSLOW]++;
		tort_enqueue(item, 0);
		more = order.queued < TORT_ORDERED;
	}
	raw_spin_unlock_irqrestore(&order.lock, flags);
	return more;
}

static enum hrtimer_restart tort_order_hardirq(struct hrtimer *hrtimer)
{
	if (!tort_order_next())
		return HRTIMER_NORESTART;
	hrtimer_forward_now(hrtimer, ns_to_ktime(10000 +
				tort_below(&order.rng, 200000)));
	return HRTIMER_RESTART;
}

static void tort_order_softirq(struct timer_list *timer)
{
	if (tort_order_next())
		mod_timer(timer, jiffies + 1);
}

static void tort_run_ordered(struct tort_item *item)
{
	unsigned int very_slow = item->base.kind == SWT_VSLOW;
	unsigned int turn = atomic_inc_return(&order.started[very_slow]) - 1;

	if (READ_ONCE(order.valid) && item->ticket != turn)
		tort_fault(TORT_ORDER, "%s item %u came as the %uth",
			   very_slow ? "very slow" : "slow", item->ticket, turn);
	if (!tort_draw(item, 4))
		usleep_range(10, 100);
}

/* The freezer must not wait for us; but then the order is not to be seen. */
static void tort_run_blocker(struct tort_item *item)
{
	wait_event_interruptible(order.wq,
				 READ_ONCE(order.released) || freezing(current));
	if (!READ_ONCE(order.released))
		WRITE_ONCE(order.valid, false);
}

static bool tort_blocked(unsigned int blockers)
{
	unsigned int i;

	for (i = 0; i < blockers; i++)
		if (!atomic_read(&order.blockers[i].base.inside))
			return false;
	return true;
}

static bool tort_ordered_at_rest(void)
{
	unsigned int i;

	for (i = 0; i < TORT_ORDERED; i++)
		if (!tort_at_rest(&order.items[i]))
			return false;
	return READ_ONCE(order.queued) == TORT_ORDERED || !order.queued;
}

bool tort_exact_at_rest(void)
{
	unsigned int i;

	for (i = 0; i < TORT_BLOCKERS; i++)
		if (!tort_at_rest(&order.blockers[i]))
			return false;
	return tort_ordered_at_rest();
}

static bool tort_order_round(void)
{
	unsigned int i;

	order.queued = 0;
	for (i = 0; i < 2; i++) {
		order.tickets[i] = 0;
		atomic_set(&order.started[i], 0);
	}
	mod_timer(&order.timer, jiffies + 1);
	hrtimer_start(&order.hrtimer, ns_to_ktime(10000), HRTIMER_MODE_REL_HARD);
	while (tort_order_next())
		if (!(READ_ONCE(order.queued) % 4))
			usleep_range(10, 200);
	hrtimer_cancel(&order.hrtimer);
	timer_delete_sync(&order.timer);

	if (!tort_comes_true(tort_ordered_at_rest())) {
		for (i = 0; i < TORT_ORDERED; i++)
			if (!tort_at_rest(&order.items[i]))
				tort_show(&order.items[i], "ordered");
		tort_give_up("a queue does not move");
		return false;
	}
	for (i = 0; i < TORT_ORDERED; i++)
		tort_audit(&order.items[i]);
	tort_count(TORT_ROUNDS);
	return true;
}

static bool tort_order_judge(unsigned int threads)
{
	unsigned int i, blockers = threads - 1;
	bool ok;

	WRITE_ONCE(order.released, false);
	WRITE_ONCE(order.valid, true);
	for (i = 0; i < blockers; i++)
		tort_enqueue(&order.blockers[i], 0);

	ok = tort_comes_true(tort_blocked(blockers) || !READ_ONCE(order.valid));
	if (!ok)
		tort_fault(TORT_STUCK, "%u threads do not take %u items",
			   threads, blockers);
	for (i = 0; ok && i < TORT_ORDER_ROUNDS && READ_ONCE(order.valid); i++)
		ok = tort_order_round();

	WRITE_ONCE(order.released, true);
	wake_up_all(&order.wq);
	if (!tort_comes_true(tort_exact_at_rest())) {
		tort_give_up("blockers do not come to rest");
		ok = false;
	}
	return ok;
}

/* Sleepers **********************************************************/

static bool tort_each_started(const int *before)
{
	unsigned int i;

	for (i = 0; i < tort.nr_sleepers; i++)
		if (atomic_read(&tort.sleepers[i].base.starts) == before[i])
			return false;
	return true;
}

static bool tort_each_noticed(void)
{
	unsigned int i;

	for (i = 0; i < tort.nr_sleepers; i++)
		if (atomic_read(&tort.sleepers[i].noticed) !=
		    atomic_read(&tort.sleepers[i].fired))
			return false;
	return true;
}

static unsigned int tort_all_starts(int *each)
{
	unsigned int i, sum = 0;

	for (i = 0; i < tort.nr_sleepers; i++) {
		each[i] = atomic_read(&tort.sleepers[i].base.starts);
		sum += each[i];
	}
	return sum;
}

/*
 * Sleepers pass the threads round, but one that gives way to another which
 * came back has rested for 10 ms; so no thread begins more than one execution
 * in that time.  In a freeze, or for a fresh item, each may be sent away once.
 */
static void tort_judge_pace(const char *when, unsigned int threads,
			    unsigned int starts, unsigned long since)
{
	unsigned int ms = jiffies_to_msecs(jiffies - since);
	unsigned int most = threads * (ms / 10 + 2) + tort.nr_sleepers;

	if (starts > most)
		tort_fault(TORT_BUSY, "%s: %u sleepers, %u threads: %u runs in %u ms, not %u",
			   when, tort.nr_sleepers, threads, starts, ms, most);
}

/*
 * Nothing but sleepers, more of them than threads unless there are many of
 * those.  Each is served, none burns the processor, each notices its event.
 */
static bool tort_calm_judge(unsigned int threads)
{
	unsigned int i, starts;
	unsigned long since;
	int *before;

	if (!tort.nr_sleepers)
		return true;
	before = kcalloc(tort.nr_sleepers, sizeof(*before), GFP_KERNEL);
	if (!before)
		return true;

	WRITE_ONCE(tort.calm, true);
	if (!tort_release(TORT_NOBODY))
		goto out;
	tort_all_starts(before);
	for (i = 0; i < tort.nr_sleepers; i++)
		tort_enqueue(&tort.sleepers[i], 0);
	if (!tort_comes_true(tort_each_started(before)))
		tort_fault(TORT_UNSERVED, "%u sleepers, %u threads",
			   tort.nr_sleepers, threads);

	since = jiffies;
	starts = tort_all_starts(before);
	schedule_timeout_idle(HZ / 2);
	tort_judge_pace("calm", threads, tort_all_starts(before) - starts, since);

	for (i = 0; i < tort.nr_sleepers; i++)
		tort_fire(&tort.sleepers[i]);
	if (!tort_comes_true(tort_each_noticed())) {
		for (i = 0; i < tort.nr_sleepers; i++)
			tort_show(&tort.sleepers[i], "sleeper");
		tort_fault(TORT_EVENT, "in a calm");
	}
out:
	WRITE_ONCE(tort.calm, false);
	kfree(before);
	return tort_gather();
}

/* Blockers take all threads but those that very slow items may have. */
static struct tort_item *tort_cross(unsigned int threads, unsigned int share,
				    int *before)
{
	unsigned int i, blockers = threads - share;
	struct tort_item *item = order.items;

	for (i = 0; i < blockers; i++)
		tort_enqueue(&order.blockers[i], 0);
	if (!tort_comes_true(tort_blocked(blockers) || !READ_ONCE(order.valid)))
		return NULL;

	tort_all_starts(before);
	for (i = 0; i < tort.nr_sleepers; i++)
		if (tort.sleepers[i].base.kind == SWT_VSLOW)
			tort_enqueue(&tort.sleepers[i], 0);
		else
			before[i]--;
	if (!tort_comes_true(tort_each_started(before)))
		return NULL;
	while (item->base.kind != SWT_SLOW)
		item++;
	return item;
}

/*
 * Very slow sleepers, and a slow item for which no other thread is left than
 * theirs.  It is served, though they have the first call on a thread of the
 * very slow share; and for its sake they do not chase each other.
 */
static bool tort_crossed_judge(unsigned int threads, unsigned int share)
{
	unsigned int starts;
	struct tort_item *item;
	unsigned long since;
	int *before;
	int ran;

	before = kcalloc(tort.nr_sleepers + 1, sizeof(*before), GFP_KERNEL);
	if (!before)
		return true;
	WRITE_ONCE(order.released, false);
	WRITE_ONCE(order.valid, true);
	WRITE_ONCE(tort.calm, true);
	if (!tort_release(TORT_NOBODY))
		goto out;
	item = tort_cross(threads, share, before);
	if (!item) {
		tort_fault(TORT_UNSERVED, "%u threads, share %u: not all begin",
			   threads, share);
		goto out;
	}

	WRITE_ONCE(order.valid, false);	/* of this one no order is asked */
	since = jiffies;
	starts = tort_all_starts(before);
	ran = atomic_read(&item->base.starts);
	tort_enqueue(item, 0);
	if (!tort_comes_true(atomic_read(&item->base.starts) != ran))
		tort_fault(TORT_UNSERVED, "%u threads, share %u: a slow item",
			   threads, share);
	tort_judge_pace("crossed", threads, tort_all_starts(before) - starts,
			since);
out:
	WRITE_ONCE(order.released, true);
	wake_up_all(&order.wq);
	WRITE_ONCE(tort.calm, false);
	kfree(before);
	return tort_gather();
}

/**
 * tort_exact - judge what can only be judged while the pool's size is known
 * @threads: so many there are, and are to be
 * @share: so many of them at most execute very slow items
 *
 * To be called when all are gathered, and returns so.
 *
 * Return: false if that cannot be had any more.
 */
bool tort_exact(unsigned int threads, unsigned int share)
{
	tort_count(TORT_EXACT);
	return tort_order_judge(threads) && tort_calm_judge(threads) &&
	       tort_crossed_judge(threads, share);
}

/* Coming and going **************************************************/

int tort_exact_init(void)
{
	unsigned int i;

	raw_spin_lock_init(&order.lock);
	init_waitqueue_head(&order.wq);
	tort_seed(&order.rng, "order", 0);
	timer_setup(&order.timer, tort_order_softirq, 0);
	hrtimer_setup(&order.hrtimer, tort_order_hardirq, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_HARD);
	order.items = kcalloc(TORT_ORDERED, sizeof(*order.items), GFP_KERNEL);
	order.blockers = kcalloc(TORT_BLOCKERS, sizeof(*order.blockers),
				 GFP_KERNEL);
	if (!order.items || !order.blockers) {
		tort_exact_exit();
		return -ENOMEM;
	}

	for (i = 0; i < TORT_ORDERED; i++) {
		tort_item_init(&order.items[i], "ordered", i,
			       tort_below(&order.rng, 3) ? SWT_SLOW : SWT_VSLOW,
			       i % 2 ? TORT_COUNTED : 0, &tort.ops[i % 2]);
		order.items[i].run = tort_run_ordered;
	}
	for (i = 0; i < TORT_BLOCKERS; i++) {
		tort_item_init(&order.blockers[i], "blocker", i, SWT_SLOW, 0,
			       &tort.ops[0]);
		order.blockers[i].run = tort_run_blocker;
	}
	return 0;
}

void tort_exact_exit(void)
{
	kfree(order.items);
	kfree(order.blockers);
}
