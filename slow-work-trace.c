// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: tracepoints and latency statistics
 *
 * One static key, slow_work_traced, is on while a tracepoint of every item or the
 * histograms are enabled.  While it is off an item pays for neither.
 *
 * Reading the clock is expensive.  The time of the enqueue is kept in the item, shifted by
 * SLOW_WORK_STAMP_SHIFT to fit into 32 bits; the time when execute began in the thread.
 */

#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/slow-work.h>
#include "slow-work.h"

#define CREATE_TRACE_POINTS
#include "slow-work-trace.h"

#define SLOW_WORK_STAMP_SHIFT	10	/* 1.024 us; comes round after 73 min */

DEFINE_STATIC_KEY_FALSE(slow_work_traced);

/* Serialises the first enable with clearing stale timestamps. */
static DEFINE_MUTEX(slow_work_trace_mutex);

/*
 * Enable the key once more.  Runs that are under way at the first enable have no start
 * time; a time left in their thread is of another run, so it is cleared.
 *
 * Context: Process context; sleeps.
 */
int slow_work_trace_enable(void)
{
	struct slow_work_user *user;
	unsigned int slot;

	mutex_lock(&slow_work_trace_mutex);
	for (slot = 0; slot < slow_pool.limit; slot++) {
		if (static_key_enabled(&slow_work_traced))
			break;
		raw_spin_lock_irq(&slow_pool.lock);
		/* an event may be switched on while the module goes */
		if (slow_pool.threads && slow_pool.threads[slot])
			WRITE_ONCE(slow_pool.threads[slot]->began, 0);
		raw_spin_unlock_irq(&slow_pool.lock);
	}
	/* litmus: trace */
	for (user = READ_ONCE(slow_pool.newest);
	     user && !static_key_enabled(&slow_work_traced); user = user->older) {
		raw_spin_lock_irq(&slow_pool.lock);
		if (user->reserve)
			WRITE_ONCE(user->reserve->began, 0);
		raw_spin_unlock_irq(&slow_pool.lock);
	}
	static_branch_inc(&slow_work_traced);
	mutex_unlock(&slow_work_trace_mutex);
	return 0;
}

void slow_work_trace_disable(void)
{
	mutex_lock(&slow_work_trace_mutex);
	static_branch_dec(&slow_work_traced);
	mutex_unlock(&slow_work_trace_mutex);
}

/* The memory of users goes, but an event may be switched on until the module has gone. */
void slow_work_trace_exit(void)
{
	mutex_lock(&slow_work_trace_mutex);
	WRITE_ONCE(slow_pool.newest, &slow_pool.unowned);
	mutex_unlock(&slow_work_trace_mutex);
}

static u32 slow_work_stamp(u64 now)
{
	return now >> SLOW_WORK_STAMP_SHIFT;
}

/*
 * How long has @work been in its queue?  The stamp is valid if the jiffies of its
 * timestamp agree: it may be from an earlier enable, or have wrapped.
 */
static u64 slow_work_waited(const struct slow_work *work, u64 now)
{
	u64 coarse = jiffies64_to_nsecs(jiffies - work->timestamp);
	u64 fine = (u64)(slow_work_stamp(now) - work->stamp) <<
		   SLOW_WORK_STAMP_SHIFT;

	return max(fine, coarse) - min(fine, coarse) <= 2 * TICK_NSEC ?
	       fine : coarse;
}

static void slow_work_add(struct slow_work_account *account,
			  enum slow_work_class_id class,
			  enum slow_work_time which, u64 ns)
{
	unsigned int n = min_t(unsigned int, ilog2(ns | 1),
			       SLOW_WORK_BUCKETS - 1);

	if (!READ_ONCE(slow_pool.histograms))
		return;
	atomic_long_inc(&slow_pool.times[class].buckets[which][n]);
	atomic_long_inc(&account->user->times.buckets[which][n]);
}

static void slow_work_clear(struct slow_work_times *times)
{
	int which, n;

	for (which = 0; which < SLOW_WORK_NR_TIMES; which++)
		for (n = 0; n < SLOW_WORK_BUCKETS; n++)
			atomic_long_set(&times->buckets[which][n], 0);
}

/* The histograms count from now.  Context: Process context; sleeps. */
void slow_work_reset_times(void)
{
	struct slow_work_user *user;
	int i;

	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++)
		slow_work_clear(&slow_pool.times[i]);
	slow_work_clear(&slow_pool.unowned.times);
	mutex_lock(&slow_work_users_mutex);
	list_for_each_entry(user, &slow_work_users, link)
		slow_work_clear(&user->times);
	mutex_unlock(&slow_work_users_mutex);
	raw_spin_lock_irq(&slow_pool.lock);
	slow_pool.histograms_since = get_jiffies_64();
	raw_spin_unlock_irq(&slow_pool.lock);
}

/*
 * Switch the histograms on or off.  They begin empty; their contents stay readable after
 * they are switched off.  Returns 0, or -EINVAL if @on is neither 0 nor 1.
 *
 * Context: Process context; sleeps.
 */
int slow_work_set_histograms(int on)
{
	static DEFINE_MUTEX(mutex);

	if (on < 0 || on > 1)
		return -EINVAL;
	mutex_lock(&mutex);
	if (on && !slow_pool.histograms) {
		slow_work_reset_times();
		raw_spin_lock_irq(&slow_pool.lock);
		WRITE_ONCE(slow_pool.histograms, 1);
		raw_spin_unlock_irq(&slow_pool.lock);
		slow_work_trace_enable();
	} else if (!on && slow_pool.histograms) {
		slow_work_trace_disable();
		raw_spin_lock_irq(&slow_pool.lock);
		WRITE_ONCE(slow_pool.histograms, 0);
		raw_spin_unlock_irq(&slow_pool.lock);
	}
	mutex_unlock(&mutex);
	return 0;
}

/* @work has joined its queue. */
void slow_work_note_queued(struct slow_work *work)
{
	lockdep_assert_held(&slow_pool.lock);
	work->stamp = slow_work_stamp(ktime_get_ns());
	trace_slow_work_queue(work);
}

/* @thread takes @work, whose timestamp is still that of its enqueue. */
void slow_work_note_start(struct slow_work_thread *thread,
			  const struct slow_work *work)
{
	u64 now = ktime_get_ns(), wait = slow_work_waited(work, now);

	lockdep_assert_held(&slow_pool.lock);
	WRITE_ONCE(thread->began, now);
	/* so that slow_work_end() calls slow_work_note_end() */
	WRITE_ONCE(thread->holder.stage, SLOW_WORK_CLAIMED);
	slow_work_add(work->account, slow_work_class_id(work->flags),
		      SLOW_WORK_TIME_WAIT, wait);
	trace_slow_work_execute_start(work, wait);
}

/*
 * execute has returned; @work is still there.  A run without a start time is not
 * counted.
 */
void slow_work_note_end(struct slow_work_thread *thread,
			const struct slow_work *work)
{
	u64 run = ktime_get_ns(), began = READ_ONCE(thread->began);

	if (!began)
		return;
	run -= began;
	WRITE_ONCE(thread->began, 0);
	slow_work_add(thread->holder.account, slow_work_class_id(work->flags),
		      SLOW_WORK_TIME_RUN, run);
	trace_slow_work_execute_end(work, run);
}
