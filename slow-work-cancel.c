// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: cancel and flush of an item
 *
 * A cancel takes back what is pending, and then waits until the item is not held.  A
 * flush waits for the pending run, or for the one that executes.  The holder of an item
 * lists those that wait for it; without a holder, the first of them lists all.
 */

#define pr_fmt(fmt) "Slow work thread pool: " fmt

#include <linux/module.h>
#include <linux/slow-work.h>
#include "slow-work.h"
#include "slow-work-item.h"

/* Wait **************************************************************/

static void slow_work_init_wait(struct slow_work_wait *wait)
{
	init_completion(&wait->waiter.done);
	slow_work_init_holder(&wait->anchor);
}

/*
 * Where are those listed that wait for @work?  If nowhere yet, then at @wait.  The pointer
 * of an item that no holder has is an anchor under these flags alone; else it is stale.
 */
static struct slow_work_holder *slow_work_wait_at(struct slow_work *work,
						  struct slow_work_wait *wait)
{
	const unsigned long anchored = BIT(SLOW_WORK_PUTTING) |
				       BIT(SLOW_WORK_FLUSHED);

	if (!slow_work_held(work) &&
	    (!(READ_ONCE(work->flags) & anchored) || !work->holder))
		work->holder = &wait->anchor;
	return work->holder;
}

void slow_work_tell_wait(void (*execute)(struct slow_work *work), const char *owner,
			 unsigned long flags, bool lost)
{
	pr_warn("Still waiting for %ps of %s (%s)\n", execute, owner,
		lost ? "lost: its task has died" :
		flags & BIT(SLOW_WORK_DELAYED) ? "armed" :
		flags & BIT(SLOW_WORK_EXECUTING) ? "executing" :
		flags & BIT(SLOW_WORK_PENDING) ? "queued" : "in its put_ref");
}

/* @what is an item, which the caller keeps alive. */
static void slow_work_tell_item(const void *what)
{
	const struct slow_work *work = what;
	unsigned long flags;
	bool lost;

	raw_spin_lock_irq(&slow_pool.lock);
	flags = READ_ONCE(work->flags);
	lost = slow_work_item_is_lost(work);
	raw_spin_unlock_irq(&slow_pool.lock);
	slow_work_tell_wait(work->ops->execute, work->ops->owner ?
			    module_name(work->ops->owner) : "nobody", flags, lost);
}

/* Note in @wait, which is to wait for @work, whether its owner has no reserve. */
static void slow_work_check_dependency(const struct slow_work *work,
				       struct slow_work_wait *wait)
{
	const struct slow_work_user *user = work->account->user;

	lockdep_assert_held(&slow_pool.lock);
	wait->lacks = user->reserved ? NULL : user;
	wait->execute = work->ops->execute;
}

/*
 * Where memory reclaim, or an item that it may wait for, waits for an item, that is to
 * have a reserve as well.  check_flush_dependency() of workqueues is the model.  Told
 * without the lock, as a console may be slow; the user's memory is kept.
 */
static void slow_work_tell_dependency(const struct slow_work_wait *wait)
{
	struct slow_work_thread *thread = slow_work_current_thread();
	const struct slow_work_user *user;

	if (!wait->lacks)
		return;
	/* The calling thread's item keeps its account, and its user. */
	user = thread && thread->holder.item ? thread->holder.account->user : NULL;
	WARN_ONCE(current->flags & PF_MEMALLOC,
		  "slow-work: PID %d (%s), in memory reclaim, waits for %ps of %s, which has no reserve\n",
		  task_pid_nr(current), current->comm, wait->execute,
		  wait->lacks->name);
	WARN_ONCE(user && READ_ONCE(user->reserved),
		  "slow-work: %ps of %s, which has a reserve, waits for %ps of %s, which has none\n",
		  thread->execute, user->name, wait->execute, wait->lacks->name);
}

/*
 * Wait until @work is not held.  A lost item is reported at once: this wait has no end.
 */
static void slow_work_wait_held(struct slow_work *work, unsigned long *patience)
	__must_hold(&slow_pool.lock)
{
	struct slow_work_holder *holder;
	struct slow_work_wait wait;
	bool lost;

	slow_work_init_wait(&wait);
	slow_work_check_dependency(work, &wait);
	holder = slow_work_wait_at(work, &wait);
	holder->recheck = true;
	lost = slow_work_item_is_lost(work);
	list_add_tail(&wait.waiter.link, &holder->waiters);
	raw_spin_unlock_irq(&slow_pool.lock);
	slow_work_tell_dependency(&wait);
	if (lost)
		slow_work_tell_item(work);
	slow_work_wait_for(&wait.waiter, patience, slow_work_tell_item, work);
	raw_spin_lock_irq(&slow_pool.lock);
}

/* Tell lockdep that we may wait for a run of @work. */
static __always_inline void slow_work_expect_run(struct slow_work *work)
{
	if (IS_ENABLED(CONFIG_LOCKDEP))
		slow_work_wait_acquire(slow_work_current_thread(), work);
}

/* Cancel ************************************************************/

/* While @work was put it was enqueued or armed anew, or waited for. */
static noinline void slow_work_put_is_over(struct slow_work *work)
{
	struct slow_work_holder *anchor = work->holder;

	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED)) {
		/* It joins the armed ones now, as its timestamp says. */
		work->timestamp = jiffies;
		slow_work_list_del(&slow_pool.armed, &work->link);
		slow_work_list_add_tail(&slow_pool.armed, &work->link);
	}
	if (anchor)
		slow_work_leave_flushes(work, anchor);
	slow_work_queue_deferred(work);
	slow_work_kick();
	if (anchor)
		slow_work_wake_waiters(&anchor->waiters);
}

/*
 * Call put_ref of @work for a cancel that took it back.  @work is in no list and not
 * held; the caller of the cancel keeps it alive.
 *
 * A flag of @work says so, and its timestamp has the task: a holder on the stack would
 * be a pointer into the stack of a dead task after an oops in put_ref.
 *
 * @irqs_on, @irq: how to drop the lock; @irq is what interrupts were before.
 */
static __always_inline void slow_work_put_back(struct slow_work *work,
					       bool irqs_on, unsigned long irq)
	__must_hold(&slow_pool.lock)
{
	const unsigned long more = BIT(SLOW_WORK_PUT_AGAIN) |
				   BIT(SLOW_WORK_DELAYED) |
				   BIT(SLOW_WORK_ENQ_DEFERRED);
	struct slow_work_account *account;

	set_bit(SLOW_WORK_PUTTING, &work->flags);
	work->timestamp = slow_work_putter(current, irqs_on || in_task());
	if (unlikely(READ_ONCE(work->flags) & BIT(SLOW_WORK_FLUSHED)))
		slow_work_bind_flushes(work, work->holder);
	else
		work->holder = NULL;
	do {
		/*
		 * First: with the lock dropped, an enqueue counts and activates it again,
		 * and a cancel of that is put for by the next turn.
		 */
		clear_bit(SLOW_WORK_PUT_AGAIN, &work->flags);
		account = work->account;
		slow_work_debug_deactivate(work);
		/* A desc that began before; none begins now. */
		while (unlikely(slow_work_is_described(work)))
			slow_work_wait_described(work);
		if (irqs_on)
			raw_spin_unlock_irq(&slow_pool.lock);
		else
			raw_spin_unlock_irqrestore(&slow_pool.lock, irq);
		if (work->ops->put_ref)
			work->ops->put_ref(work);
		if (irqs_on)
			raw_spin_lock_irq(&slow_pool.lock);
		else
			raw_spin_lock_irqsave(&slow_pool.lock, irq);
		slow_work_inactive(account);
	} while (unlikely(READ_ONCE(work->flags) & BIT(SLOW_WORK_PUT_AGAIN)));

	clear_bit(SLOW_WORK_PUTTING, &work->flags);
	if (unlikely((READ_ONCE(work->flags) & more) || work->holder))
		slow_work_put_is_over(work);
}

/* Is the caller in a call-out of @work? */
static bool slow_work_is_own(const struct slow_work *work)
{
	const struct slow_work_holder *holder = slow_work_held(work);

	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_PUTTING))
		return work->timestamp == slow_work_putter(current, true);
	return holder && slow_work_holding_thread(holder)->task == current;
}

static __always_inline bool slow_work_is_cancelled(const struct slow_work *work)
{
	return READ_ONCE(work->flags) & BIT(SLOW_WORK_CANCELLING);
}

/* A thread that sleeps in @work, or is about to, is told to come back. */
static noinline void slow_work_disturb(struct slow_work *work)
{
	struct slow_work_holder *holder = slow_work_held(work);

	if (!holder)
		return;
	holder->disturbed = true;	/* until slow_work_recheck(), for who waits */
	slow_work_wake_sleeper(slow_work_holding_thread(holder));
}

/*
 * Wait until @work, which is held, is at rest.  False: it is our own, and never would be.
 *
 * Who has it now is waited for.  Who has it next only while CANCELLING is set: a cancel
 * keeps that bit, a disable may find that @work was enabled meanwhile.
 */
static noinline bool slow_work_wait_at_rest(struct slow_work *work)
	__must_hold(&slow_pool.lock)
{
	unsigned long patience = SLOW_WORK_PATIENCE_JIFFIES;

	do {
		if (slow_work_is_own(work))
			return false;
		trace_slow_work_cancel(work, SLOW_WORK_CANCEL_WAITS);
		slow_work_disturb(work);
		slow_work_wait_held(work, &patience);
	} while (slow_work_is_held(work) && slow_work_is_cancelled(work));
	return true;
}

/*
 * Wait for the timer's function of @work, which cannot be disarmed just now.  Another task
 * may disarm it then: this stops a timer that is set meanwhile.  The caller keeps @work
 * alive.
 */
static noinline void slow_work_wait_timer(struct slow_work *work)
	__must_hold(&slow_pool.lock)
{
	raw_spin_unlock_irq(&slow_pool.lock);
	timer_delete_sync(&slow_work_delayed(work)->timer);
	raw_spin_lock_irq(&slow_pool.lock);
}

/*
 * A disable has waited for the timer's function of @work, and meanwhile it was enabled:
 * what is pending now comes.  Its timer may have been stopped by that wait.
 */
static noinline void slow_work_leave_pending(struct slow_work *work)
{
	struct timer_list *timer = &slow_work_delayed(work)->timer;

	if (!(READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED)))
		return;
	set_bit(SLOW_WORK_REARMED, &work->flags);
	mod_timer(timer, timer->expires);
}

/* Take back what is pending of @work, and wait until it is at rest, if it is not ours. */
static __always_inline bool slow_work_take_back(struct slow_work *work, bool *own)
	__must_hold(&slow_pool.lock)
{
	bool disarmed = false, prevented = false;

	while (READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED)) {
		disarmed = slow_work_try_disarm(work);
		if (likely(disarmed))
			break;
		slow_work_wait_timer(work);
		if (!slow_work_is_cancelled(work)) {
			slow_work_leave_pending(work);
			goto rest;
		}
	}
	prevented = slow_work_retract(work, disarmed);
	if (prevented && !slow_work_is_held(work))
		slow_work_put_back(work, true, 0);
rest:
	if (unlikely(slow_work_is_held(work)))
		*own = !slow_work_wait_at_rest(work);
	return prevented;
}

static noinline void slow_work_warn_own(const struct slow_work *work,
					unsigned long caller)
{
	WARN_ONCE(1, "slow-work: %ps cancels the item it is called for, from %pS\n",
		  work->ops->execute, (void *)caller);
}

/*
 * Take @work back, and wait until it is at rest.  Its enqueues are refused meanwhile, or
 * from now on if @disable is set.
 */
static __always_inline bool __slow_work_cancel(struct slow_work *work, bool disable)
{
	bool prevented, full = false, own = false;

	might_sleep();
	slow_work_expect_run(work);

	raw_spin_lock_irq(&slow_pool.lock);
	if (!disable)
		work->cancels++;
	else if (work->disables < USHRT_MAX)
		work->disables++;
	else
		full = true;
	set_bit(SLOW_WORK_CANCELLING, &work->flags);
	prevented = slow_work_take_back(work, &own);
	if (!disable && !--work->cancels && likely(!work->disables))
		clear_bit(SLOW_WORK_CANCELLING, &work->flags);
	raw_spin_unlock_irq(&slow_pool.lock);

	WARN_ONCE(full, "slow-work: item disabled too often by %pS\n",
		  (void *)_RET_IP_);
	if (unlikely(own))
		slow_work_warn_own(work, _RET_IP_);
	return prevented;
}

/**
 * slow_work_cancel - take an item back, and wait until it is at rest
 * @work: the item, a delayed one (its member work) included
 *
 * When this returns @work is not queued, not armed and not executing, its
 * put_ref() has returned, and the pool does not touch its memory again: it may
 * be freed, or enqueued anew.  If several cancels of one item are under way,
 * it may be freed once all have returned.  Meanwhile enqueues of it return
 * -ECANCELED.  A wait of more than 10 s says once what for.
 *
 * From inside the item's own execute() or put_ref() there is nothing to wait
 * for: that warns, takes back what is pending, and returns.
 *
 * Context: Process context; sleeps until execute() and put_ref() have returned.
 *	May call put_ref() itself.  Not from a suspend callback, where pool threads
 *	are frozen.
 * Return: true if a run was prevented: @work was pending (queued, armed or
 *	deferred).
 */
bool slow_work_cancel(struct slow_work *work)
{
	return __slow_work_cancel(work, false);
}
EXPORT_SYMBOL(slow_work_cancel);

/**
 * slow_work_disable_sync - cancel an item, and have its enqueues refused from now on
 * @work: the item, a delayed one (its member work) included
 *
 * slow_work_cancel(), but that enqueues of @work return -ECANCELED until
 * slow_work_enable() has been called as often as this.  So a caller that stops for a
 * while (for a suspend, or to recover from an error) need not stop whatever enqueues.
 * It is disable_work_sync() of workqueues.  If @work is enabled meanwhile this still waits
 * for a run, perhaps a later one, but takes back nothing that is enqueued since.
 *
 * An item can be disabled 65,535 times over; what goes beyond warns once, and is a mere
 * cancel.
 *
 * Context: As slow_work_cancel().
 * Return: true if a run was prevented.
 */
bool slow_work_disable_sync(struct slow_work *work)
{
	return __slow_work_cancel(work, true);
}
EXPORT_SYMBOL(slow_work_disable_sync);

/**
 * slow_work_enable - take one slow_work_disable_sync() back
 * @work: the item, a delayed one (its member work) included
 *
 * What was refused meanwhile is not made up for: a caller that may have missed
 * something enqueues @work where this returns true.  Without a disable before, this
 * warns once.
 *
 * Context: Any but NMI.
 * Return: true if that was the last one, and @work can be enqueued again;
 *	false if others remain, or a cancel is under way, which refuses enqueues until
 *	it returns.
 */
bool slow_work_enable(struct slow_work *work)
{
	bool disabled, enabled = false;
	unsigned long irq;

	raw_spin_lock_irqsave(&slow_pool.lock, irq);
	disabled = work->disables;
	if (disabled)
		enabled = !--work->disables && !work->cancels;
	if (enabled)
		clear_bit(SLOW_WORK_CANCELLING, &work->flags);
	raw_spin_unlock_irqrestore(&slow_pool.lock, irq);

	WARN_ONCE(!disabled, "slow-work: item enabled that was not disabled, by %pS\n",
		  (void *)_RET_IP_);
	return enabled;
}
EXPORT_SYMBOL(slow_work_enable);

/**
 * slow_work_try_cancel - take an item back if it is pending, and do not wait
 * @work: the item, a delayed one (its member work) included
 *
 * If @work is pending it will not run for that.  The reference that it was
 * enqueued with is put: by this call; or, if a thread has the item from a run
 * before, by that.
 *
 * An execute() that is under way is not waited for, and enqueues are accepted
 * again at once.  This is to slow_work_cancel() what cancel_work() is to
 * cancel_work_sync().  As with all calls, the caller keeps @work alive meanwhile.
 *
 * Context: Wherever the item's put_ref() may be called, which this may do; any,
 *	hard interrupts included, if it has none.  Not NMI.
 * Return: true: @work was pending, and is no more; unless a run before that is under
 *	way the pool does not touch its memory again.
 *	false: nothing has changed: it was not pending; or its delay ends, or its
 *	desc() runs just now, which cannot be waited for here, and it will run.
 */
bool slow_work_try_cancel(struct slow_work *work)
{
	bool armed, held, cancelled = false;
	unsigned long irq;

	raw_spin_lock_irqsave(&slow_pool.lock, irq);
	held = slow_work_is_held(work);
	armed = READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED);
	if (!slow_work_is_described(work) || (held && !armed))
		if (!armed || slow_work_try_disarm(work))
			cancelled = slow_work_retract(work, armed);
	if (cancelled && !held)
		slow_work_put_back(work, false, irq);
	raw_spin_unlock_irqrestore(&slow_pool.lock, irq);
	return cancelled;
}
EXPORT_SYMBOL(slow_work_try_cancel);

/* Flush *************************************************************/

/**
 * slow_work_flush - wait for the run that an item was last enqueued for
 * @work: the item, a delayed one (its member work) included
 *
 * When this returns the run that serves the last enqueue of @work which was
 * accepted before has ended, and its put_ref() has returned; or that run was
 * cancelled.  The item may have been enqueued again meanwhile.  One that is armed
 * is queued at once, as flush_delayed_work() does; if it is armed anew by
 * delayed_slow_work_mod() while it is queued, that run is waited for.
 *
 * A wait of more than 10 s says once what for.
 *
 * From inside the item's own execute() or put_ref() that would never end: it
 * warns, and returns.
 *
 * Context: Process context; sleeps.  With no lock held that a call-out of the item
 *	takes.  Not from a suspend callback, where pool threads are frozen.
 * Return: true if there was something to wait for; false if @work was at rest, or called
 *	this itself.
 */
bool slow_work_flush(struct slow_work *work)
{
	unsigned long patience = SLOW_WORK_PATIENCE_JIFFIES;
	struct slow_work_holder *holder;
	struct slow_work_wait wait;
	bool own, busy = false;

	might_sleep();
	slow_work_expect_run(work);
	slow_work_init_wait(&wait);

	raw_spin_lock_irq(&slow_pool.lock);
	own = slow_work_is_held(work) && slow_work_is_own(work);
	if (own)
		goto out;

	while (READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED)) {
		if (slow_work_try_disarm(work))
			slow_work_queue_or_defer(work);
		else
			slow_work_wait_timer(work);
	}
	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_PENDING)) {
		busy = true;
		slow_work_check_dependency(work, &wait);
		slow_work_recheck_later(work);
		holder = slow_work_wait_at(work, &wait);
		set_bit(SLOW_WORK_FLUSHED, &work->flags);
		list_add_tail(&wait.waiter.link, &holder->next);
	} else if (slow_work_is_held(work)) {
		slow_work_wait_held(work, &patience);
		raw_spin_unlock_irq(&slow_pool.lock);
		return true;
	}
out:
	raw_spin_unlock_irq(&slow_pool.lock);
	WARN_ONCE(own, "slow-work: %ps flushes the item it is called for, from %pS\n",
		  work->ops->execute, (void *)_RET_IP_);
	if (!busy)
		return false;
	slow_work_tell_dependency(&wait);
	slow_work_wait_for(&wait.waiter, &patience, slow_work_tell_item, work);
	return true;
}
EXPORT_SYMBOL(slow_work_flush);
