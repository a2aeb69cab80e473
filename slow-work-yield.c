// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: an item that waits for an event gives way to others
 */

#define pr_fmt(fmt) "Slow work thread pool: " fmt

#include <linux/freezer.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slow-work.h>
#include "slow-work.h"
#include "slow-work-debug.h"

/* Does a cancel or the freezer wait for the run of @thread, which we are, to end? */
static bool slow_work_is_disturbed(const struct slow_work_thread *thread)
{
	const struct slow_work *work = thread->holder.item;

	return (READ_ONCE(work->flags) & BIT(SLOW_WORK_CANCELLING)) ||
	       thread->holder.disturbed || freezing(current);
}

/**
 * slow_work_sleep_till_thread_needed - wait, but give way to others
 * @work: the item, which the calling thread executes
 * @timeout: how long to sleep at most, in jiffies (or MAX_SCHEDULE_TIMEOUT);
 *	what is left of it on return
 *
 * To be called from execute() by an item that waits for an event.  The caller
 * has arranged to be woken by it and has set its task state (as with
 * prepare_to_wait()), and has looked since whether it has happened.
 *
 * It sleeps until woken, until the timeout, or until a queued item could use
 * this thread (or this very slow item's slot) and no other thread is free for
 * it.  A fresh item preempts a sleeper at once; one that came back by yielding here
 * lets others sleep for 10 ms first (promise 8).
 *
 * Context: execute() of @work.  Returns with the task running.
 * Return: true: return from execute() now, and enqueue @work before if it has more
 *	to do: the thread is needed, @work is being cancelled, or the threads are to
 *	freeze.  After 10 ms the pool does without this thread.
 *	false: woken by something else, or the timeout ran out.  Before 6.1 an
 *	uninterruptible sleeper is woken once a second as well.  At once, with a warning,
 *	where the calling thread does not execute @work.
 */
bool slow_work_sleep_till_thread_needed(struct slow_work *work,
					signed long *timeout)
{
	struct slow_work_thread *thread = slow_work_current_thread();
	bool needed, suspended;

	/* Not in its put_ref either, where slow_work_current() is NULL: @work may be gone */
	if (!work || slow_work_current() != work) {
		__set_current_state(TASK_RUNNING);
		WARN_ONCE(1, "slow-work: item not executing here put to sleep by %pS\n",
			  (void *)_RET_IP_);
		return false;
	}

	raw_spin_lock_irq(&slow_pool.lock);
	slow_work_arrive(thread);	/* if it did not give way when asked */
	/* litmus: sleeper */
	needed = slow_work_is_disturbed(thread);
	if (!needed) {
		/* Preempted or woken from here on: schedule_timeout() returns. */
		thread->asleep_since = jiffies;
		list_add_tail(&thread->sleeper, &thread->class->sleepers);
		thread->class->nr_sleepers++;
		slow_pool.helpers = true;
	}
	slow_work_kick();
	raw_spin_unlock_irq(&slow_pool.lock);

	if (!needed) {
		suspended = slow_work_run_suspend(thread);
		*timeout = schedule_timeout(*timeout);
		if (suspended)
			slow_work_run_resume(thread);

		raw_spin_lock_irq(&slow_pool.lock);
		if (!list_empty(&thread->sleeper))
			slow_work_end_sleep(thread);
		needed = (thread->flags & SLOW_WORK_PREEMPTED) ||
			 slow_work_is_disturbed(thread);
		raw_spin_unlock_irq(&slow_pool.lock);
	}
	__set_current_state(TASK_RUNNING);
	return needed;
}
EXPORT_SYMBOL(slow_work_sleep_till_thread_needed);
