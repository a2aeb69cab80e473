// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: the threads
 *
 * The manager, a kthread of its own, starts threads when the queues need them,
 * and culls those that have been idle for long.  No item waits behind it and no
 * enqueuer waits for it.
 *
 * How fast the pool grows.  A thread that is started for an item which another
 * would have taken in a moment is started for nothing.  So the manager does not
 * go by the length of the queue alone: when items find no thread it looks how
 * the queue moves, LOOK_US apart.  It starts threads, up to the number wanted,
 * as soon as one look shows that nothing was taken, or that what is queued
 * would last for more than HORIZON_US at the pace seen; or when items have found
 * no thread for that long.  A spike that the threads there are can serve
 * within that time starts none.
 */

#define pr_fmt(fmt) "Slow work thread pool: " fmt

#include <linux/freezer.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/slow-work.h>
#include "slow-work.h"
#include "slow-work-trace.h"

#define pool slow_work_pool

#define SLOW_WORK_LOOK_US	200
#define SLOW_WORK_HORIZON_US	10000

struct slow_work_pool slow_work_pool = {
	.lock			= __RAW_SPIN_LOCK_UNLOCKED(pool.lock),
	.idle			= LIST_HEAD_INIT(pool.idle),
	.armed			= LIST_HEAD_INIT(pool.armed),
	.retired		= LIST_HEAD_INIT(pool.retired),
	.min			= SLOW_WORK_MIN_THREADS,
	.vslow_percentage	= 50,
	.hz			= HZ,
	.waiters		= LIST_HEAD_INIT(pool.waiters),
	.pins			= LIST_HEAD_INIT(pool.pins),
	.described		= __WAIT_QUEUE_HEAD_INITIALIZER(pool.described),
};

/**
 * struct slow_work_growth - what the manager has seen of a busy pool
 * @watching: S: it is watching the queue move
 * @growing: S: it has seen enough: start what is wanted
 * @since: S: when it began to watch
 * @looked: S: when it looked last
 * @started: S: the count of items taken at that time
 */
static struct slow_work_growth {
	bool watching;
	bool growing;
	ktime_t since;
	ktime_t looked;
	unsigned long started;
} growth;

/* How many *********************************************************/

/*
 * What follows from the number of threads and the settings; to be called
 * whenever one of them changes.  The one place that computes the very slow
 * share.
 */
void slow_work_update(void)
{
	unsigned int share = pool.nr * pool.vslow_percentage / 100;

	lockdep_assert_held(&pool.lock);
	pool.classes[SLOW_WORK_SLOW].limit = UINT_MAX;
	pool.classes[SLOW_WORK_VSLOW].limit =
		clamp(share, 1U, max(pool.nr, 2U) - 1);
	pool.surplus = pool.stopping || pool.nr > pool.max;
	pool.helpers = true;

	/* for the figures */
	if (pool.at_max)
		pool.max_ticks += jiffies - pool.max_since;
	pool.max_since = jiffies;
	pool.at_max = pool.nr >= pool.max;
	pool.peak = max(pool.peak, pool.nr);
}

/* The fewest threads that have a place for each item at once */
static unsigned int slow_work_wanted(void)
{
	struct slow_work_class *slow = &pool.classes[SLOW_WORK_SLOW];
	struct slow_work_class *vslow = &pool.classes[SLOW_WORK_VSLOW];
	unsigned long very = vslow->queued + vslow->executing;
	unsigned long wanted = very + slow->queued + slow->executing;

	if (very > 1) {
		wanted = max(wanted, very + 1);
		wanted = max(wanted, DIV_ROUND_UP(very * 100,
						  pool.vslow_percentage));
	}
	return clamp_t(unsigned long, wanted, pool.min, pool.max);
}

/* Are there queued items that nobody is coming for? */
static bool slow_work_unserved(void)
{
	unsigned int startable = 0;
	int i;

	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++) {
		struct slow_work_class *class = &pool.classes[i];
		unsigned int places = slow_work_startable(class);

		if (class->queued - places > class->summoned)
			return true;
		startable += places;
	}
	return startable > pool.coming + pool.searching &&
	       list_empty(&pool.idle);
}

/*
 * How much is left of a wait of @wait jiffies that began at @since, or 0.
 * Jiffies are read once: they go on even with interrupts off, and a second look
 * may be past the end.  On 32 bits they also come round.
 */
static unsigned long slow_work_left(unsigned long since, unsigned long wait)
{
	unsigned long passed = jiffies - since;

	return passed < wait ? wait - passed : 0;
}

/* Jiffies until the first of @class's sleepers may be displaced by any item */
static unsigned long slow_work_rest_left(struct slow_work_class *class)
{
	struct slow_work_thread *thread = slow_work_first_sleeper(class);

	return thread ? slow_work_left(thread->asleep_since,
				       SLOW_WORK_REST_JIFFIES) : 0;
}

/* Items that gave way wait for sleepers to have rested: for how long yet? */
static unsigned long slow_work_rest(void)
{
	unsigned long rest = 0, left;
	int i;

	if (likely(!pool.classes[SLOW_WORK_SLOW].yielded &&
		   !pool.classes[SLOW_WORK_VSLOW].yielded))
		return 0;
	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++) {
		left = slow_work_rest_left(&pool.classes[i]);
		if (left && (!rest || left < rest))
			rest = left;
	}
	return rest;
}

/* No thread could be had: jiffies until it is time to try again, or 0 */
static unsigned long slow_work_backs_off(void)
{
	return pool.failed ? slow_work_left(pool.failed_at,
					    SLOW_WORK_RETRY_JIFFIES) : 0;
}

/* Is there something that the manager can do for what is queued? */
bool slow_work_short_handed(void)
{
	lockdep_assert_held(&pool.lock);
	return (pool.nr < pool.max && !slow_work_backs_off() &&
		slow_work_unserved()) || slow_work_rest();
}

void slow_work_summon_manager(void)
{
	lockdep_assert_held(&pool.lock);
	if (pool.manager) {
		pool.managing = true;
		wake_up_process(pool.manager);
	}
}

/* Start and stop ***************************************************/

/* Context: the starter. */
static int slow_work_start_thread(void)
{
	unsigned int slot = find_first_zero_bit(pool.slots, pool.limit);
	struct slow_work_thread *thread;
	struct task_struct *task;

	if (slot >= pool.limit)
		return -EAGAIN;
	thread = pool.threads[slot];
	if (!thread) {
		thread = kzalloc(sizeof(*thread), GFP_KERNEL);
		if (!thread)
			return -ENOMEM;
		thread->slot = slot;
		INIT_LIST_HEAD(&thread->link);
		INIT_LIST_HEAD(&thread->sleeper);
	}

	task = kthread_create(slow_work_thread_main, thread, "kslowd%03u",
			      slot);
	if (IS_ERR(task)) {
		if (!pool.threads[slot])
			kfree(thread);
		return PTR_ERR(task);
	}
	/* It may exit by itself; until it is reaped it can be woken. */
	get_task_struct(task);
	__set_bit(slot, pool.slots);
	slow_work_place_begin_thread(task);

	raw_spin_lock_irq(&pool.lock);
	thread->task = task;
	thread->holder.task = task;
	thread->asleep_since = jiffies;
	thread->errand = SLOW_WORK_COMING;
	pool.coming++;
	pool.threads[slot] = thread;
	pool.nr++;
	pool.starts++;
	slow_work_update();
	trace_slow_work_thread_start(thread);
	raw_spin_unlock_irq(&pool.lock);
	slow_work_place_end();

	wake_up_process(task);
	return 0;
}

/* @thread counts no more, and exits as soon as it finds that out. */
void slow_work_retire(struct slow_work_thread *thread)
{
	lockdep_assert_held(&pool.lock);
	thread->errand |= SLOW_WORK_RETIRED;
	pool.nr--;
	slow_work_update();
}

/* Wait for a thread to have left our code.  Context: the starter. */
static void slow_work_reap(struct slow_work_thread *thread)
{
	struct task_struct *task = thread->task;

	kthread_stop(task);

	raw_spin_lock_irq(&pool.lock);
	/* A thread that is stopped before it first ran has done neither. */
	slow_work_arrive(thread);
	if (!(thread->errand & SLOW_WORK_RETIRED))
		slow_work_retire(thread);
	list_del_init(&thread->link);
	thread->task = NULL;
	thread->holder.task = NULL;
	raw_spin_unlock_irq(&pool.lock);
	/* now that nobody finds it under the lock */
	put_task_struct(task);
	__clear_bit(thread->slot, pool.slots);
}

/* The manager ******************************************************/

static void slow_work_try_start(void)
{
	int ret = slow_work_start_thread();

	raw_spin_lock_irq(&pool.lock);
	pool.failed = ret;
	pool.failed_at = jiffies;
	if (ret)
		pool.start_failures++;
	raw_spin_unlock_irq(&pool.lock);
	if (ret) {
		trace_slow_work_thread_fail(ret);
		pr_warn_ratelimited("Cannot start a thread (%d), next try in %d s\n",
				    ret, SLOW_WORK_RETRY_JIFFIES / HZ);
	}
}

static void slow_work_nap(ktime_t *nap, ktime_t most)
{
	if (ktime_before(most, *nap))
		*nap = most;
}

static ktime_t slow_work_jiffies_to_ktime(unsigned long left)
{
	return ns_to_ktime(jiffies_to_nsecs(left));
}

/*
 * Is it time to start a thread?  If not, shorten @nap to when it may be.
 * The head of this file tells why it is judged so.
 */
static bool slow_work_grow(ktime_t *nap)
{
	unsigned long queued = 0, started = 0, left;
	ktime_t now;
	s64 passed;
	int i;

	lockdep_assert_held(&pool.lock);

	/* First, as nobody summons us for what is queued meanwhile. */
	left = slow_work_backs_off();
	if (left) {
		growth.watching = false;
		slow_work_nap(nap, slow_work_jiffies_to_ktime(left));
		return false;
	}
	/* Where all numbers are taken, one that exits will summon us. */
	if (pool.nr >= slow_work_wanted() ||
	    (pool.nr >= pool.min && !slow_work_unserved()) ||
	    bitmap_full(pool.slots, pool.limit)) {
		growth.watching = false;
		return false;
	}
	if (pool.nr < pool.min)
		return true;

	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++) {
		queued += pool.classes[i].queued;
		started += pool.classes[i].started;
	}
	now = ktime_get();
	if (!growth.watching) {
		growth = (struct slow_work_growth) {
			.watching = true,
			.since = now,
			.looked = now,
			.started = started,
		};
	}
	if (growth.growing)
		return true;

	passed = ktime_us_delta(now, growth.looked);
	if (passed >= SLOW_WORK_LOOK_US) {
		u64 taken = started - growth.started;

		growth.growing =
			taken * SLOW_WORK_HORIZON_US < queued * (u64)passed ||
			ktime_us_delta(now, growth.since) > SLOW_WORK_HORIZON_US;
		if (growth.growing)
			return true;
		growth.looked = now;
		growth.started = started;
		passed = 0;
	}
	slow_work_nap(nap, ns_to_ktime((SLOW_WORK_LOOK_US - passed) *
					 NSEC_PER_USEC));
	return false;
}

/*
 * Retire an idle thread, if there is one to go.  The coldest is the last of
 * the idle list, as the others have been used since.
 */
static bool slow_work_cull(ktime_t *nap)
{
	struct slow_work_thread *coldest;
	unsigned long left;

	lockdep_assert_held(&pool.lock);

	pool.culling = false;
	if (list_empty(&pool.idle) || pool.nr <= pool.min)
		return false;

	coldest = list_last_entry(&pool.idle, struct slow_work_thread, link);
	left = slow_work_left(coldest->idle_since, SLOW_WORK_CULL_JIFFIES);
	if (pool.nr > pool.max || (pool.nr > slow_work_wanted() && !left)) {
		list_del_init(&coldest->link);
		slow_work_retire(coldest);
		pool.culled++;
		trace_slow_work_thread_cull(coldest);
		wake_up_process(coldest->task);
		return true;
	}

	pool.culling = true;
	slow_work_nap(nap, slow_work_jiffies_to_ktime(left ?:
						      SLOW_WORK_CULL_JIFFIES));
	return false;
}

/*
 * One thing at a time, until nothing is left to do but sleep.  Whoever gives us
 * something to do wakes us under the lock; our state is set before we look
 * there.
 */
static int slow_work_manager_main(void *unused)
{
	struct slow_work_thread *thread;
	unsigned long rest;
	ktime_t nap;

	set_freezable();
	for (;;) {
		try_to_freeze();
		set_current_state(SLOW_WORK_IDLE);
		if (kthread_should_stop())
			break;
		nap = KTIME_MAX;

		raw_spin_lock_irq(&pool.lock);
		pool.managing = true;
		thread = list_first_entry_or_null(&pool.retired,
						  struct slow_work_thread, link);
		if (thread) {
			raw_spin_unlock_irq(&pool.lock);
			__set_current_state(TASK_RUNNING);
			slow_work_reap(thread);
			continue;
		}
		if (slow_work_grow(&nap)) {
			raw_spin_unlock_irq(&pool.lock);
			__set_current_state(TASK_RUNNING);
			slow_work_try_start();
			continue;
		}

		if (slow_work_cull(&nap)) {
			raw_spin_unlock_irq(&pool.lock);
			__set_current_state(TASK_RUNNING);
			continue;
		}
		slow_work_kick();	/* sleepers may have rested */
		rest = slow_work_rest();
		if (rest)
			slow_work_nap(&nap, slow_work_jiffies_to_ktime(rest));
		pool.managing = growth.watching || rest;
		pool.helpers = true;	/* the manager may be one */
		slow_work_unlock();
		schedule_hrtimeout_range(nap == KTIME_MAX ? NULL : &nap,
					 50 * NSEC_PER_USEC, HRTIMER_MODE_REL);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/* The pool *********************************************************/

/**
 * slow_work_pool_start - have threads, and take items
 *
 * Context: Process context, slow_work_register_mutex held; sleeps.
 * Return: 0, or the negative errno with which a thread could not be started:
 *	then there is none.
 */
int slow_work_pool_start(void)
{
	struct task_struct *manager;
	int ret;

	/* Built in, somebody may come before our init, or where that failed */
	if (!pool.slots)
		return -EAGAIN;

	raw_spin_lock_irq(&pool.lock);
	pool.stopping = false;
	pool.failed = false;
	slow_work_update();
	raw_spin_unlock_irq(&pool.lock);
	growth.watching = false;

	while (READ_ONCE(pool.nr) < READ_ONCE(pool.min)) {
		ret = slow_work_start_thread();
		if (ret)
			goto fail;
	}
	manager = kthread_create(slow_work_manager_main, NULL, "slow_work_mgr");
	if (IS_ERR(manager)) {
		ret = PTR_ERR(manager);
		goto fail;
	}

	slow_work_place_begin(manager);
	raw_spin_lock_irq(&pool.lock);
	pool.manager = manager;
	raw_spin_unlock_irq(&pool.lock);
	slow_work_place_end();
	wake_up_process(manager);
	slow_work_stall_start();
	return 0;

fail:
	slow_work_pool_stop();
	return ret;
}

/**
 * slow_work_pool_stop - have no threads
 *
 * To be called when no item is left.
 *
 * Context: Process context, slow_work_register_mutex held; sleeps until all
 *	threads have exited.
 */
void slow_work_pool_stop(void)
{
	struct task_struct *manager;
	unsigned int slot;

	slow_work_stall_stop();
	raw_spin_lock_irq(&pool.lock);
	manager = pool.manager;
	pool.manager = NULL;
	pool.managing = false;
	pool.culling = false;
	pool.stopping = true;
	slow_work_update();
	raw_spin_unlock_irq(&pool.lock);

	if (manager)
		kthread_stop(manager);
	for_each_set_bit(slot, pool.slots, pool.limit)
		slow_work_reap(pool.threads[slot]);
}

/**
 * slow_work_pool_init - what the pool needs while it has no threads
 *
 * Return: 0 or -ENOMEM.
 */
int slow_work_pool_init(void)
{
	int i;

	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++) {
		INIT_LIST_HEAD(&pool.classes[i].queue);
		INIT_LIST_HEAD(&pool.classes[i].sleepers);
	}
	hash_init(pool.users);
	slow_work_user_init(&pool.nobody, NULL);
	pool.recent = pool.nobody.current_account;
	pool.reset_at = get_jiffies_64();
	pool.histograms_since = get_jiffies_64();
	pool.max_since = jiffies;

	pool.threads = kvcalloc(pool.limit, sizeof(*pool.threads), GFP_KERNEL);
	pool.slots = bitmap_zalloc(pool.limit, GFP_KERNEL);
	if (!pool.threads || !pool.slots) {
		slow_work_pool_exit();
		return -ENOMEM;
	}
	return 0;
}

void slow_work_pool_exit(void)
{
	struct slow_work_thread **threads = pool.threads;
	unsigned int slot;

	raw_spin_lock_irq(&pool.lock);
	pool.threads = NULL;
	raw_spin_unlock_irq(&pool.lock);
	for (slot = 0; threads && slot < pool.limit; slot++)
		kfree(threads[slot]);
	kvfree(threads);
	bitmap_free(pool.slots);
	pool.slots = NULL;
	slow_work_users_exit();
}
