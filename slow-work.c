// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: the way of an item
 *
 * A caller enqueues an item; it is pinned with get_ref and waits in the queue
 * of its class.  A pool thread takes it out, calls execute and then put_ref.
 * One raw spinlock, pool.lock, orders all of this; the legend of who may touch
 * what is in slow-work.h.
 *
 * The pool holds one reference on an item, the one that get_ref gave, from the
 * moment it is queued or armed until put_ref.  An enqueue during execute takes
 * no other: the reference serves for the next run.  But execute ends without
 * the lock, so that an item costs two passes of it and not three, and from then
 * on the reference is on its way out.  Therefore whoever finds an item held by
 * a thread must catch() it first.  Where that fails, what he does concerns a
 * new reference, and waits for the old one to be gone.
 *
 * This file follows an item down: init, enqueue, delay, the wake-up of a
 * thread, its loop, execute, yield, put_ref; last the cancel.
 */

#define pr_fmt(fmt) "Slow work thread pool: " fmt

#include <linux/freezer.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slow-work.h>
#include "slow-work.h"
#include "slow-work-trace.h"

#define pool slow_work_pool

/* Initialise ********************************************************/

/**
 * __slow_work_init - initialise an item
 * @work: the item; must be at rest
 * @ops: its operations; must outlive it
 * @flags: the bits SLOW_WORK_VERY_SLOW and SLOW_WORK_ON_STACK where that is so
 * @name: what lockdep calls it
 * @key: what lockdep knows it by; must be static, or registered with it
 *
 * To be called as slow_work_init(), vslow_work_init() etc.; directly where
 * items that are initialised at one place need a key each.
 *
 * Context: Any.
 */
void __slow_work_init(struct slow_work *work, const struct slow_work_ops *ops,
		      unsigned long flags, const char *name,
		      struct lock_class_key *key)
{
	slow_work_debug_init(work, flags & BIT(SLOW_WORK_ON_STACK));
	work->flags = flags & BIT(SLOW_WORK_VERY_SLOW);
	work->ops = ops;
	INIT_LIST_HEAD(&work->link);
	work->holder = NULL;
	work->account = NULL;
	work->mark = 0;
	work->cancels = 0;
	work->stamp = 0;
#ifdef CONFIG_LOCKDEP
	lockdep_init_map(&work->lockdep_map, name, key, 0);
#endif
}
EXPORT_SYMBOL(__slow_work_init);

/**
 * __delayed_slow_work_init - initialise a delayed item
 * @dwork: the delayed item; must be at rest
 * @ops: its operations; must outlive it
 * @flags: as of __slow_work_init()
 * @name: what lockdep calls it
 * @key: what lockdep knows it by; must be static, or registered with it
 *
 * To be called as delayed_slow_work_init(), delayed_vslow_work_init() etc.
 *
 * Context: Any.
 */
void __delayed_slow_work_init(struct delayed_slow_work *dwork,
			      const struct slow_work_ops *ops,
			      unsigned long flags, const char *name,
			      struct lock_class_key *key)
{
	__slow_work_init(&dwork->work, ops, flags, name, key);
	if (flags & BIT(SLOW_WORK_ON_STACK))
		timer_setup_on_stack(&dwork->timer, delayed_slow_work_timer,
				     TIMER_IRQSAFE);
	else
		timer_setup(&dwork->timer, delayed_slow_work_timer,
			    TIMER_IRQSAFE);
}
EXPORT_SYMBOL(__delayed_slow_work_init);

/* Where an item is **************************************************/

static struct delayed_slow_work *slow_work_delayed(struct slow_work *work)
{
	return container_of(work, struct delayed_slow_work, work);
}

/*
 * Make sure that @holder comes by the lock before it lets go of its item, and
 * looks there at what we leave in its flags.  False: execute is over, and
 * put_ref comes next or has been called.  Pairs with slow_work_end().
 */
bool slow_work_catch(struct slow_work_holder *holder)
{
	lockdep_assert_held(&pool.lock);
	return cmpxchg(&holder->stage, SLOW_WORK_RUNNING, SLOW_WORK_WANTED) !=
	       SLOW_WORK_ENDED;
}

/*
 * The run of @work that flushes wait for has begun in @holder; or will not come, as
 * it was taken back, but @holder has the item.  Where nobody has it, they wait no
 * more.
 */
static noinline void slow_work_bind_flushes(struct slow_work *work,
					    struct slow_work_holder *holder)
{
	struct slow_work_waiter *waiter, *next;

	clear_bit(SLOW_WORK_FLUSHED, &work->flags);
	list_for_each_entry_safe(waiter, next, &pool.waiters, link) {
		if (waiter->work != work)
			continue;
		waiter->work = NULL;
		waiter->holder = holder;
		if (holder) {
			holder->wishes |= SLOW_WORK_WAITED;
		} else {
			list_del(&waiter->link);
			complete(&waiter->done);
		}
	}
}

/*
 * @holder, whoever calls, has @work to put it, and not to execute it.  Nobody else
 * has it, and it is in no list and not pending.
 */
static __always_inline void slow_work_hold(struct slow_work_holder *holder,
					   struct slow_work *work)
{
	lockdep_assert_held(&pool.lock);
	holder->item = work;
	holder->stage = SLOW_WORK_ENDED;
	holder->wishes = 0;
	holder->account = work->account;
	holder->task = current;
	work->holder = holder;
	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_FLUSHED))
		slow_work_bind_flushes(work, holder);
	/* Before an enqueue that finds us here activates it again */
	slow_work_debug_deactivate(work);
}

/* A reference that counts in @account is gone, or counts elsewhere from now. */
static __always_inline void
slow_work_inactive(struct slow_work_account *account)
{
	if (!--account->active && unlikely(account->waited)) {
		account->waited = false;
		slow_work_wake_user(account->user);
	}
}

/* Enqueue ***********************************************************/

static __always_inline void slow_work_queue(struct slow_work *work)
{
	struct slow_work_class *class = slow_work_class_of(work->flags);

	work->mark = jiffies;
	class->queued++;
	list_add_tail(&work->link, &class->queue);
	if (static_branch_unlikely(&slow_work_watched))
		slow_work_note_queued(work);
}

/*
 * @work is to run now.  It is in no list, and is queued if no thread has it; else
 * that thread queues it when it lets go of it.
 */
static void slow_work_place(struct slow_work *work)
{
	struct slow_work_holder *holder = slow_work_held(work);

	if (likely(!holder)) {
		slow_work_queue(work);
		slow_work_kick();
		return;
	}
	if (slow_work_catch(holder))
		set_bit(SLOW_WORK_ENQ_DEFERRED, &work->flags);
	else
		holder->wishes |= SLOW_WORK_REQUEUE;
	slow_work_count(work, SLOW_WORK_COUNT_DEFERRED);
	trace_slow_work_defer(work);
}

static __always_inline void slow_work_dequeue(struct slow_work *work)
{
	const unsigned long marks = BIT(SLOW_WORK_YIELDED) |
				    BIT(SLOW_WORK_DISCARDED);
	unsigned long flags = READ_ONCE(work->flags);
	struct slow_work_class *class = slow_work_class_of(flags);

	list_del(&work->link);
	class->queued--;
	if (unlikely(flags & marks)) {
		clear_bit(SLOW_WORK_DISCARDED, &work->flags);
		if (test_and_clear_bit(SLOW_WORK_YIELDED, &work->flags))
			class->yielded--;
	}
}

/*
 * Does @work, which is armed, live on the reference of the thread that executes
 * it?  Whoever armed it meanwhile has caught that one.
 */
static bool slow_work_shares(const struct slow_work *work)
{
	struct slow_work_holder *holder = slow_work_held(work);

	return unlikely(holder) && slow_work_catch(holder);
}

/*
 * The timer is set for one tick more, since the tick that is running now counts
 * as none: a delay never ends early.
 */
static void slow_work_arm(struct slow_work *work, unsigned long delay)
{
	delay = min_t(unsigned long, delay, MAX_JIFFY_OFFSET - 1);
	set_bit(SLOW_WORK_DELAYED, &work->flags);
	work->mark = jiffies;
	list_add_tail(&work->link, &pool.armed);
	mod_timer(&slow_work_delayed(work)->timer, jiffies + delay + 1);
	trace_slow_work_arm(work, delay);
}

/*
 * @work is armed no more: its run counts from now, and so in the current account.
 * Where it shares the reference of a run that goes on it does when that has ended.
 */
static __always_inline void slow_work_unarm(struct slow_work *work)
{
	struct slow_work_account *account = work->account->user->current_account;

	clear_bit(SLOW_WORK_DELAYED, &work->flags);
	list_del(&work->link);
	if (!slow_work_shares(work)) {
		work->account->armed--;
		account->active++;
	}
	WRITE_ONCE(work->account, account);
}

/*
 * The reference on @work, which counts as active, serves a new run; one that begins
 * with a delay if it is @armed.
 */
static void slow_work_recount(struct slow_work *work, bool armed)
{
	struct slow_work_account *account = work->account;

	WRITE_ONCE(work->account, account->user->current_account);
	if (armed)
		work->account->armed++;
	else
		work->account->active++;
	slow_work_inactive(account);
}

/*
 * The pool takes an item that it had nothing to do with, or no more.  The mark
 * is made last: a refusal has nothing to take back (promise 3).
 */
static __always_inline int slow_work_admit(struct slow_work *work, bool armed)
{
	const struct slow_work_ops *ops = work->ops;
	struct slow_work_account *account;

	if (ops->get_ref) {
		int ret = ops->get_ref(work);

		if (unlikely(ret < 0))
			return ret;
	}
	account = pool.recent;
	if (unlikely(account->module != work->ops->owner))
		account = slow_work_find_account(work);
	if (armed)
		account->armed++;
	else
		account->active++;
	WRITE_ONCE(work->account, account);
	slow_work_debug_activate(work);
	return 0;
}

/*
 * One run serves this enqueue and one before.  The mark has the account visible;
 * which stays in memory, though the item may have left it meanwhile.
 */
static __always_inline void slow_work_merge(const struct slow_work *work,
					    unsigned long flags)
{
	struct slow_work_account *account = READ_ONCE(work->account);

	atomic_long_inc(&account->merged[slow_work_class_id(flags)]);
}

/* No errno, as get_ref may return any */
#define SLOW_WORK_NO_USER	1

/*
 * An enqueue of an item that is not idle, or for which nobody is there: see the
 * return values for promises 1, 2 and 6.
 */
static noinline int slow_work_accept_busy(struct slow_work *work,
					  unsigned long delay)
{
	unsigned long flags = READ_ONCE(work->flags);
	struct slow_work_holder *holder;
	int ret;

	if (flags & BIT(SLOW_WORK_CANCELLING))
		return -ECANCELED;
	if (flags & BIT(SLOW_WORK_PENDING)) {
		slow_work_merge(work, flags);
		return 0;
	}
	if (!pool.open)
		return SLOW_WORK_NO_USER;

	holder = slow_work_held(work);
	if (!holder) {
		/*
		 * Queued to be put: it is to run after all, and joins anew.  What
		 * flushes wait for was cancelled; they are not for this run.
		 */
		slow_work_dequeue(work);
		slow_work_recount(work, delay);
		if (flags & BIT(SLOW_WORK_FLUSHED))
			slow_work_bind_flushes(work, NULL);
	} else if (slow_work_catch(holder)) {
		/* Executing: the reference that the thread has serves again. */
		WRITE_ONCE(work->account,
			   holder->account->user->current_account);
	} else if (holder->wishes & SLOW_WORK_PUT_AGAIN) {
		/* So does one that was taken back, and is not put yet. */
		holder->wishes &= ~SLOW_WORK_PUT_AGAIN;
		slow_work_recount(work, delay);
	} else {
		/* In its put_ref: that one finishes first, else two had it. */
		ret = slow_work_admit(work, delay);
		if (ret)
			return ret;
	}
	set_bit(SLOW_WORK_PENDING, &work->flags);
	if (delay)
		slow_work_arm(work, delay);
	else
		slow_work_place(work);
	return 0;
}

static __always_inline int slow_work_accept(struct slow_work *work,
					    unsigned long delay)
{
	const unsigned long busy = BIT(SLOW_WORK_PENDING) |
				   BIT(SLOW_WORK_CANCELLING) |
				   BIT(SLOW_WORK_DISCARDED);
	int ret;

	if (unlikely((READ_ONCE(work->flags) & busy) || !pool.open ||
		     slow_work_held(work)))
		return slow_work_accept_busy(work, delay);

	ret = slow_work_admit(work, delay);
	if (unlikely(ret))
		return ret;
	/* The account comes before the mark; pairs with slow_work_submit(). */
	smp_store_release(&work->flags, work->flags | BIT(SLOW_WORK_PENDING));
	if (delay) {
		slow_work_arm(work, delay);
	} else {
		slow_work_queue(work);
		slow_work_kick();
	}
	return 0;
}

/* An item without its timer would be armed for ever. */
static __always_inline bool slow_work_usable(struct slow_work *work, bool delay)
{
	return work->ops && work->ops->execute &&
	       (!delay || slow_work_delayed(work)->timer.function ==
			  delayed_slow_work_timer);
}

static noinline int slow_work_refuse(int ret, unsigned long caller)
{
	WARN_ONCE(ret == -EINVAL,
		  "slow-work: item without operations or execute enqueued by %pS\n",
		  (void *)caller);
	WARN_ONCE(ret == -ESHUTDOWN,
		  "slow-work: no user is registered; item enqueued by %pS\n",
		  (void *)caller);
	return ret;
}

static __always_inline int slow_work_submit(struct slow_work *work,
					    unsigned long delay)
{
	unsigned long flags, irq;
	int ret;

	/*
	 * Pending already: one run serves both.  What the caller wrote before
	 * is seen by that run: either we see the mark before a thread takes it
	 * away, and then the thread's barrier in slow_work_thread_main() comes
	 * after ours; or we do not, and go on.
	 */
	smp_mb();
	/* the account with the mark; pairs with slow_work_accept() */
	flags = smp_load_acquire(&work->flags);
	if (unlikely(flags & BIT(SLOW_WORK_PENDING)) &&
	    !(flags & BIT(SLOW_WORK_CANCELLING))) {
		slow_work_merge(work, flags);
		return 0;
	}

	if (unlikely(!slow_work_usable(work, delay)))
		return slow_work_refuse(-EINVAL, _RET_IP_);

	raw_spin_lock_irqsave(&pool.lock, irq);
	ret = slow_work_accept(work, delay);
	if (unlikely(ret))
		slow_work_count_refused(work);
	slow_work_unlock_irqrestore(irq);
	if (unlikely(ret == SLOW_WORK_NO_USER))
		return slow_work_refuse(-ESHUTDOWN, _RET_IP_);
	return ret;
}

/**
 * slow_work_enqueue - have an item executed
 * @work: the item
 *
 * execute() of @work runs at least once after this call, unless it is
 * cancelled.  If it is pending already (queued, or armed with a delay), this
 * enqueue is merged into that run; if it is executing, it is queued again when
 * execute() returns, and never runs in two threads at once.
 *
 * Context: Any, hard interrupts included; not NMI, nor under the scheduler's
 *	locks.  Calls the item's get_ref() with a raw spinlock held.
 * Return: 0: accepted;
 *	-ECANCELED: a cancel of @work is under way;
 *	-ESHUTDOWN: no user is registered (warns once);
 *	-EINVAL: @work has no operations or no execute() (warns once);
 *	or the negative errno of the item's get_ref(): nothing was queued.
 */
int slow_work_enqueue(struct slow_work *work)
{
	return slow_work_submit(work, 0);
}
EXPORT_SYMBOL(slow_work_enqueue);

/* Delay *************************************************************/

/**
 * delayed_slow_work_enqueue - have an item executed after a delay
 * @dwork: the delayed item
 * @delay: how long to wait before it is queued, in jiffies; 0 is a plain
 *	slow_work_enqueue()
 *
 * An item that is pending already is left as it is: neither does a delay hold
 * back one that is queued, nor does it change one that runs.  If the item
 * executes, the delay runs from now all the same.
 *
 * Context: As slow_work_enqueue().
 * Return: As slow_work_enqueue().
 */
int delayed_slow_work_enqueue(struct delayed_slow_work *dwork,
			      unsigned long delay)
{
	return slow_work_submit(&dwork->work, delay);
}
EXPORT_SYMBOL(delayed_slow_work_enqueue);

/**
 * delayed_slow_work_timer - the delay of an item has run out
 * @timer: the item's
 *
 * For the initialisers alone.
 *
 * The item cannot be gone: DELAYED means that the pool has a reference, and only
 * this function takes that mark away once the timer went off.  When the lock is
 * dropped it may be.
 *
 * Context: The timer's, with interrupts off (TIMER_IRQSAFE): so whoever waits for
 *	it waits for a few instructions on another CPU, in any context.
 */
void delayed_slow_work_timer(struct timer_list *timer)
{
	struct delayed_slow_work *dwork =
		timer_container_of(dwork, timer, timer);
	struct slow_work *work = &dwork->work;
	unsigned long irq;

	raw_spin_lock_irqsave(&pool.lock, irq);
	if (time_before(jiffies, timer->expires)) {
		/* longer than a timer can be: it went off early */
		mod_timer(timer, timer->expires);
	} else {
		slow_work_unarm(work);
		slow_work_place(work);
	}
	slow_work_unlock_irqrestore(irq);
}
EXPORT_SYMBOL(delayed_slow_work_timer);

/*
 * Stop the timer of @work, if it is armed and has no mark in @unless.  True: it is
 * armed no more, and no timer's function comes for it.
 *
 * Timers are set and stopped under the lock.  So one that is still set has no
 * function waiting for the lock; and one that is not, while the item is armed,
 * has one, on another CPU, as it runs with interrupts off: let that one have it.
 */
static __always_inline bool slow_work_disarm(struct slow_work *work,
					     unsigned long unless)
	__must_hold(&pool.lock)
{
	while ((READ_ONCE(work->flags) & (BIT(SLOW_WORK_DELAYED) | unless)) ==
	       BIT(SLOW_WORK_DELAYED)) {
		if (timer_delete(&slow_work_delayed(work)->timer)) {
			slow_work_unarm(work);
			return true;
		}
		raw_spin_unlock(&pool.lock);
		cpu_relax();
		raw_spin_lock(&pool.lock);
	}
	return false;
}

/*
 * The pool is going to be closed, and @work, of which the caller has stopped
 * the timer, would be armed for ever: have a thread put it.
 */
void slow_work_discard(struct slow_work *work)
{
	struct slow_work_holder *holder = slow_work_held(work);

	lockdep_assert_held(&pool.lock);
	slow_work_unarm(work);
	if (holder && slow_work_catch(holder)) {
		/* executing, and not to be queued again: that one puts it */
		clear_bit(SLOW_WORK_PENDING, &work->flags);
		if (READ_ONCE(work->flags) & BIT(SLOW_WORK_FLUSHED))
			slow_work_bind_flushes(work, holder);
		return;
	}
	set_bit(SLOW_WORK_DISCARDED, &work->flags);
	slow_work_place(work);
}

/*
 * Take @work, which is not armed, back from where it waits for its run.  It stays
 * pending, with its reference.  False: it is not pending, or to be left alone.
 */
static bool slow_work_withdraw(struct slow_work *work)
{
	struct slow_work_holder *holder = slow_work_held(work);
	unsigned long flags = READ_ONCE(work->flags);

	if (!(flags & BIT(SLOW_WORK_PENDING)) ||
	    (flags & BIT(SLOW_WORK_CANCELLING)) || !pool.open)
		return false;
	if (!holder)
		slow_work_dequeue(work);
	else if (slow_work_catch(holder))
		clear_bit(SLOW_WORK_ENQ_DEFERRED, &work->flags);
	else
		holder->wishes &= ~SLOW_WORK_REQUEUE;
	return true;
}

/**
 * delayed_slow_work_mod - have an item executed after a delay that counts from now
 * @dwork: the delayed item
 * @delay: how long to wait before it is queued, in jiffies; 0: queue it now
 *
 * Unlike delayed_slow_work_enqueue() this changes the delay of an item that is
 * armed, and arms one that is queued already.  It is mod_delayed_work() of
 * workqueues, but for what it returns.
 *
 * Context: As slow_work_enqueue().
 * Return: As slow_work_enqueue().
 */
int delayed_slow_work_mod(struct delayed_slow_work *dwork, unsigned long delay)
{
	struct slow_work *work = &dwork->work;
	unsigned long irq;
	bool disarmed;
	int ret = 0;

	if (unlikely(!slow_work_usable(work, true)))
		return slow_work_refuse(-EINVAL, _RET_IP_);

	raw_spin_lock_irqsave(&pool.lock, irq);
	disarmed = slow_work_disarm(work, BIT(SLOW_WORK_CANCELLING));
	if (!disarmed && (!delay || !slow_work_withdraw(work))) {
		ret = slow_work_accept(work, delay);
		if (unlikely(ret))
			slow_work_count_refused(work);
	} else {
		slow_work_merge(work, work->flags);
		if (!slow_work_shares(work))
			slow_work_recount(work, delay);
		else
			WRITE_ONCE(work->account,
				   work->account->user->current_account);
		if (delay)
			slow_work_arm(work, delay);
		else
			slow_work_place(work);
	}
	slow_work_unlock_irqrestore(irq);
	if (unlikely(ret == SLOW_WORK_NO_USER))
		return slow_work_refuse(-ESHUTDOWN, _RET_IP_);
	return ret;
}
EXPORT_SYMBOL(delayed_slow_work_mod);

/* Wake a thread *****************************************************/

static void slow_work_do(const struct slow_work_todo *todo)
{
	if (todo->stranger)
		pr_warn_once("The owner of %ps has not registered: nothing waits for its items\n",
			     todo->stranger);
}

void slow_work_unlock_and_do(bool irqs_on, unsigned long irq)
	__releases(&pool.lock)
{
	struct slow_work_todo todo = pool.todo;

	pool.todo = (struct slow_work_todo){};
	if (irqs_on)
		raw_spin_unlock_irq(&pool.lock);
	else
		raw_spin_unlock_irqrestore(&pool.lock, irq);
	slow_work_do(&todo);
}

/*
 * Threads are woken under the lock, as workqueues do: so they are there, and a
 * busy pool, where the lock is wanted most, wakes none.
 */

static struct slow_work_thread *slow_work_oldest_sleeper(void)
{
	struct slow_work_thread *oldest = NULL, *thread;
	int i;

	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++) {
		thread = slow_work_first_sleeper(&pool.classes[i]);
		if (thread && (!oldest || time_before(thread->asleep_since,
						      oldest->asleep_since)))
			oldest = thread;
	}
	return oldest;
}

/* @thread sleeps no more, or is about to wake. */
static void slow_work_end_sleep(struct slow_work_thread *thread)
{
	list_del_init(&thread->sleeper);
	thread->class->nr_sleepers--;
}

/* Tell @thread's item that its thread is needed, for @errand. */
static void slow_work_displace(struct slow_work_thread *thread,
			       unsigned int errand)
{
	slow_work_end_sleep(thread);
	thread->errand |= SLOW_WORK_COMING | SLOW_WORK_SUMMONED | errand;
	pool.coming++;
	thread->class->summoned++;
	wake_up_process(thread->task);
	trace_slow_work_sleeper_wake(thread);
}

/* @thread is back at the queues: nobody counts on its coming any more. */
void slow_work_arrive(struct slow_work_thread *thread)
{
	if (thread->errand & SLOW_WORK_SEARCHING) {
		pool.searching = false;
		pool.helpers = true;
	}
	if (thread->errand & SLOW_WORK_COMING)
		pool.coming--;
	if (thread->errand & SLOW_WORK_SUMMONED)
		thread->class->summoned--;
	thread->errand &= SLOW_WORK_RETIRED;
}

static bool slow_work_rested(const struct slow_work_thread *thread)
{
	/* no time_after(): on 32 bits that turns round after 25 days */
	return jiffies - thread->asleep_since >= SLOW_WORK_REST_JIFFIES;
}

/* The first item of @class, which has one queued */
struct slow_work *slow_work_first(const struct slow_work_class *class)
{
	struct slow_work *work;

	list_for_each_entry(work, &class->queue, link)
		if (!(READ_ONCE(work->flags) & BIT(SLOW_WORK_MARKER)))
			break;
	return work;
}

/*
 * A very slow sleeper that gives way leaves a very slow place free, and its
 * thread would take a very slow item again, perhaps another sleeper: so a slow
 * item would wait while threads are passed round.  A thread that was displaced
 * for want of one therefore takes a slow item first, once, if that is the fresh
 * one or has waited longer.
 */
static bool slow_work_comes_for_slow(void)
{
	struct slow_work_class *slow = &pool.classes[SLOW_WORK_SLOW];
	struct slow_work_class *vslow = &pool.classes[SLOW_WORK_VSLOW];

	if (!slow->queued || !vslow->queued)
		return slow->queued;
	if (slow->queued > slow->yielded && vslow->queued == vslow->yielded)
		return true;
	return time_before(slow_work_first(slow)->mark,
			   slow_work_first(vslow)->mark);
}

/*
 * No thread is free for what is queued: find a sleeper that gives way, one for
 * each item that would wait.  A fresh item may have any of them.  An item that
 * gave way itself must let them rest first, or the threads would be passed
 * round for nothing (promise 8, last rule).
 */
static struct slow_work_thread *slow_work_find_sleeper(unsigned int *errand)
{
	unsigned int fresh = 0, startable = 0, coming;
	struct slow_work_thread *thread;
	int i;

	/* for want of a place in the class */
	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++) {
		struct slow_work_class *class = &pool.classes[i];
		unsigned int all = class->queued;
		unsigned int new = all - class->yielded;
		unsigned int room = slow_work_room(class);

		fresh += min(new, room);
		startable += min(all, room);
		room += min(class->summoned, UINT_MAX - room);
		*errand = 0;
		thread = slow_work_first_sleeper(class);
		if (thread &&
		    (new > room || (all > room && slow_work_rested(thread))))
			return thread;
	}

	/* for want of a thread */
	coming = pool.coming + pool.searching;
	*errand = slow_work_comes_for_slow() ? SLOW_WORK_SLOW_FIRST : 0;
	thread = slow_work_oldest_sleeper();
	if (thread && (fresh > coming ||
		       (startable > coming && slow_work_rested(thread))))
		return thread;
	return NULL;
}

/*
 * The second half of slow_work_kick().
 *
 * Of idle threads only one is on its way at a time, and kicks again when it has
 * taken an item: so a burst wakes them one by the other, and none that finds
 * nothing left.
 */
void slow_work_find_thread(void)
{
	struct slow_work_class *slow = &pool.classes[SLOW_WORK_SLOW];
	struct slow_work_class *vslow = &pool.classes[SLOW_WORK_VSLOW];
	struct slow_work_thread *thread;
	unsigned int errand;

	if (!slow->queued && !vslow->queued)
		return;

	if (!list_empty(&pool.idle) &&
	    (slow->queued || slow_work_room(vslow))) {
		if (!pool.searching) {
			thread = list_first_entry(&pool.idle,
						  struct slow_work_thread, link);
			list_del_init(&thread->link);
			thread->errand |= SLOW_WORK_SEARCHING;
			pool.searching = true;
			wake_up_process(thread->task);
		}
		pool.helpers = false;	/* until it arrives, and kicks */
		return;
	}

	if (slow->nr_sleepers || vslow->nr_sleepers)
		while ((thread = slow_work_find_sleeper(&errand)))
			slow_work_displace(thread, errand);

	if (!pool.managing && slow_work_short_handed())
		slow_work_summon_manager();

	/* Whoever changes one of these sets it again. */
	pool.helpers = !list_empty(&pool.idle) ||
		       slow->nr_sleepers || vslow->nr_sleepers ||
		       (pool.nr < pool.max && !pool.managing);
}

/* Take **************************************************************/

static void slow_work_put_discarded(struct slow_work_thread *thread,
				    struct slow_work *work);

/*
 * The first item of @class is not a plain one, if it is an item at all.  NULL: it
 * was to be put and not executed, and the lock was dropped for that.
 */
static noinline struct slow_work *
slow_work_take_marked(struct slow_work_thread *thread,
		      struct slow_work_class *class)
	__must_hold(&pool.lock)
{
	struct slow_work *work = slow_work_first(class);
	unsigned long flags = READ_ONCE(work->flags);

	if (flags & BIT(SLOW_WORK_DISCARDED)) {
		slow_work_put_discarded(thread, work);
		return NULL;
	}
	if (flags & BIT(SLOW_WORK_DESCRIBED))
		WRITE_ONCE(thread->holder.stage, SLOW_WORK_WANTED);
	if (flags & BIT(SLOW_WORK_FLUSHED))
		slow_work_bind_flushes(work, &thread->holder);
	if (test_and_clear_bit(SLOW_WORK_YIELDED, &work->flags))
		class->yielded--;
	return work;
}

/*
 * The class to take the next item from, or NULL: very slow ones first while they
 * have a place, but for a thread that comes for a slow one.
 */
static __always_inline struct slow_work_class *slow_work_choose(bool slow_first)
{
	struct slow_work_class *slow = &pool.classes[SLOW_WORK_SLOW];
	struct slow_work_class *vslow = &pool.classes[SLOW_WORK_VSLOW];

	if (vslow->queued && vslow->executing < vslow->limit &&
	    !(slow_first && slow->queued))
		return vslow;
	return slow->queued ? slow : NULL;
}

/* The first item of @class, which has one, is @thread's; or NULL, see there. */
static __always_inline struct slow_work *
slow_work_take(struct slow_work_thread *thread, struct slow_work_class *class)
	__must_hold(&pool.lock)
{
	const unsigned long marked = BIT(SLOW_WORK_MARKER) |
				     BIT(SLOW_WORK_DESCRIBED) |
				     BIT(SLOW_WORK_YIELDED) |
				     BIT(SLOW_WORK_DISCARDED) |
				     BIT(SLOW_WORK_FLUSHED);
	struct slow_work_holder *holder = &thread->holder;
	struct slow_work *work;

	WRITE_ONCE(holder->stage, SLOW_WORK_RUNNING);
	work = list_first_entry(&class->queue, struct slow_work, link);
	if (unlikely(READ_ONCE(work->flags) & marked)) {
		work = slow_work_take_marked(thread, class);
		if (!work)
			return NULL;
	}

	if (static_branch_unlikely(&slow_work_watched))
		slow_work_note_start(thread, work);
	__list_del_entry(&work->link);
	class->queued--;
	class->executing++;
	class->started++;
	thread->class = class;
	holder->item = work;
	holder->account = work->account;
	work->holder = holder;
	work->mark = jiffies;
	/* from the one to the other: so it was, or it would not be queued */
	WRITE_ONCE(work->flags, work->flags ^ (BIT(SLOW_WORK_PENDING) |
					       BIT(SLOW_WORK_EXECUTING)));
	return work;
}

/* Let go ************************************************************/

static bool slow_work_is_described(const struct slow_work *work)
{
	/* pairs with the unlock in slow_work_walk_unpin() */
	return smp_load_acquire(&work->flags) & BIT(SLOW_WORK_DESCRIBED);
}

/* @holder lets go of its item: tell those who wait for that. */
static noinline void slow_work_wake_waiters(struct slow_work_holder *holder)
{
	struct slow_work_waiter *waiter, *next;

	holder->wishes &= ~SLOW_WORK_WAITED;
	list_for_each_entry_safe(waiter, next, &pool.waiters, link) {
		if (waiter->holder == holder) {
			list_del(&waiter->link);
			complete(&waiter->done);
		}
	}
}

/*
 * Others wished something of the item that @holder lets go.  So its memory is
 * there: the pool was given another reference, or somebody waits with his own.
 *
 * @irqs_on, @irq: how to drop the lock; @irq is what interrupts were before.
 */
static noinline void slow_work_grant(struct slow_work_holder *holder,
				     bool irqs_on, unsigned long irq)
	__must_hold(&pool.lock)
{
	struct slow_work *work = holder->item;

	while (unlikely(holder->wishes & SLOW_WORK_PUT_AGAIN)) {
		struct slow_work_account *account = work->account;

		holder->wishes &= ~SLOW_WORK_PUT_AGAIN;
		slow_work_debug_deactivate(work);
		slow_work_unlock_and_do(irqs_on, irq);
		if (work->ops->put_ref)
			work->ops->put_ref(work);
		raw_spin_lock_irqsave(&pool.lock, irq);
		slow_work_inactive(account);
	}
	if (holder->wishes & SLOW_WORK_WAITED)
		slow_work_wake_waiters(holder);
	if (holder->wishes & SLOW_WORK_REQUEUE) {
		slow_work_queue(work);
		slow_work_kick();
	}
	holder->wishes = 0;
}

/* put_ref of the item that @holder has is over, and so may be the item. */
static __always_inline void slow_work_let_go(struct slow_work_holder *holder,
					     bool irqs_on, unsigned long irq)
	__must_hold(&pool.lock)
{
	slow_work_inactive(holder->account);
	if (unlikely(holder->wishes))
		slow_work_grant(holder, irqs_on, irq);
	holder->item = NULL;
}

/*
 * Put @work, which slow_work_hold() has let us have; then it may be gone.
 * Context: Process context, without the lock.
 */
static __always_inline void slow_work_put_unexecuted(struct slow_work *work)
{
	wait_event(pool.described, !slow_work_is_described(work));
	if (work->ops->put_ref)
		work->ops->put_ref(work);
}

/* @thread takes @work to put it: one that executes, but for the execute. */
static void slow_work_put_discarded(struct slow_work_thread *thread,
				    struct slow_work *work)
	__must_hold(&pool.lock)
{
	struct slow_work_class *class = slow_work_class_of(work->flags);

	slow_work_dequeue(work);
	clear_bit(SLOW_WORK_PENDING, &work->flags);
	slow_work_hold(&thread->holder, work);
	thread->class = class;
	/* Taken, and executing, and in the end not executed: see stats */
	class->started++;
	class->executing++;
	slow_work_kick();
	slow_work_unlock();

	slow_work_put_unexecuted(work);

	raw_spin_lock_irq(&pool.lock);
	slow_work_let_go(&thread->holder, true, 0);
	class->executing--;
	pool.ended[class - pool.classes]++;
}

/*
 * Somebody caught @work while it executed.  True: it is to be put.  False: it
 * was let go with its reference, to be queued again or because its delay runs.
 */
static noinline bool slow_work_end_caught(struct slow_work_thread *thread,
					  struct slow_work *work)
	__must_hold(&pool.lock)
{
	const unsigned long again = BIT(SLOW_WORK_ENQ_DEFERRED) |
				    BIT(SLOW_WORK_DELAYED);
	struct slow_work_holder *holder = &thread->holder;

	while (!(READ_ONCE(work->flags) & again) &&
	       slow_work_is_described(work)) {
		raw_spin_unlock_irq(&pool.lock);
		wait_event(pool.described, !slow_work_is_described(work));
		raw_spin_lock_irq(&pool.lock);
	}

	if (!(READ_ONCE(work->flags) & again)) {
		WRITE_ONCE(holder->stage, SLOW_WORK_ENDED);
		return true;
	}

	/* The reference goes on to the next run, and may count elsewhere there. */
	slow_work_debug_activate(work);
	clear_bit(SLOW_WORK_EXECUTING, &work->flags);
	if (test_and_clear_bit(SLOW_WORK_ENQ_DEFERRED, &work->flags)) {
		work->account->active++;
		if (thread->errand & SLOW_WORK_SUMMONED) {
			set_bit(SLOW_WORK_YIELDED, &work->flags);
			thread->class->yielded++;
		}
		slow_work_queue(work);
	} else {
		work->account->armed++;
	}
	if (holder->wishes & SLOW_WORK_WAITED)
		slow_work_wake_waiters(holder);
	slow_work_inactive(holder->account);
	holder->account->executed++;
	holder->item = NULL;
	thread->class->executing--;
	return false;
}

/*
 * execute has returned.  Let go of @work, and come back with the lock held.
 *
 * The cmpxchg decides against slow_work_catch(): if it succeeds nobody had a
 * wish, nobody who comes later takes the item for executing, and the thread
 * may put it without having taken the lock.
 */
static __always_inline void slow_work_end(struct slow_work_thread *thread,
					  struct slow_work *work)
	__acquires(&pool.lock)
{
	struct slow_work_holder *holder = &thread->holder;
	int stage = SLOW_WORK_RUNNING;

	/* Before whoever does not catch us any more activates it again */
	slow_work_debug_deactivate(work);
	if (unlikely(!try_cmpxchg(&holder->stage, &stage, SLOW_WORK_ENDED))) {
		raw_spin_lock_irq(&pool.lock);
		if (!slow_work_end_caught(thread, work))
			return;
		raw_spin_unlock_irq(&pool.lock);
	}

	clear_bit(SLOW_WORK_EXECUTING, &work->flags);
	if (work->ops->put_ref)
		work->ops->put_ref(work);

	raw_spin_lock_irq(&pool.lock);
	holder->account->executed++;
	slow_work_let_go(holder, true, 0);
	thread->class->executing--;
}

/* The thread ********************************************************/

/*
 * Nothing to do: sleep until slow_work_find_thread() or the manager wakes us.  The
 * state is set under the lock that both hold when they take us off the list, so
 * neither wake-up can come before the sleep.  The freezer freezes an idle thread
 * where it is.
 */
static void slow_work_idle(struct slow_work_thread *thread)
	__must_hold(&pool.lock)
{
	thread->idle_since = jiffies;
	list_add(&thread->link, &pool.idle);
	pool.helpers = true;
	if (pool.nr > pool.min && !pool.culling)
		slow_work_summon_manager();
	set_current_state(SLOW_WORK_IDLE);
	slow_work_unlock();
	schedule();
	/* Whoever renices a thread that idles means it. */
	slow_work_note_self(thread);
	raw_spin_lock_irq(&pool.lock);
	if (!list_empty(&thread->link))
		list_del_init(&thread->link);
}

/**
 * slow_work_thread_main - a pool thread
 * @data: its struct slow_work_thread
 *
 * Return: 0, when it was retired.
 */
int slow_work_thread_main(void *data)
{
	struct slow_work_thread *thread = data;
	struct slow_work_class *class;
	struct slow_work *work;

	set_freezable();
	thread->cred = get_current_cred();
	slow_work_note_self(thread);

	raw_spin_lock_irq(&pool.lock);
	for (;;) {
		/*
		 * Between items: whoever waits for the last is told first.
		 * If we are on an errand we stay on it meanwhile.
		 */
		if (unlikely(need_resched() || freezing(current))) {
			slow_work_unlock();
			cond_resched();
			try_to_freeze();
			raw_spin_lock_irq(&pool.lock);
			continue;
		}

		if (unlikely(thread->errand | pool.surplus)) {
			bool slow_first = thread->errand & SLOW_WORK_SLOW_FIRST;

			slow_work_arrive(thread);
			if (pool.surplus && !thread->errand)
				slow_work_retire(thread);
			if (thread->errand & SLOW_WORK_RETIRED)
				break;
			class = slow_work_choose(slow_first);
		} else {
			class = slow_work_choose(false);
		}
		if (unlikely(!class)) {
			slow_work_kick();
			slow_work_idle(thread);
			continue;
		}

		work = slow_work_take(thread, class);
		if (unlikely(!work))
			continue;
		slow_work_kick();
		slow_work_unlock();

		/* PENDING is gone; pairs with the one in slow_work_submit() */
		smp_mb();
		slow_work_run_acquire(thread, work);
		work->ops->execute(work);
		if (static_branch_unlikely(&slow_work_watched))
			slow_work_note_end(thread, work);
		slow_work_check_left(thread, work);
		slow_work_end(thread, work);
		slow_work_run_release(thread);
	}

	/* What was ours to take is another's; and the manager buries us. */
	list_add_tail(&thread->link, &pool.retired);
	slow_work_kick();
	slow_work_summon_manager();
	slow_work_unlock();
	put_cred(thread->cred);
	return 0;
}

/* The pool thread that @task is, or NULL */
static struct slow_work_thread *slow_work_thread_of(struct task_struct *task)
{
	if (!(task->flags & PF_KTHREAD) ||
	    kthread_func(task) != slow_work_thread_main)
		return NULL;
	return kthread_data(task);
}

struct slow_work_thread *slow_work_current_thread(void)
{
	return slow_work_thread_of(current);
}

/**
 * slow_work_current - what the calling thread executes
 *
 * Context: Any.
 * Return: the item whose execute() this is called from, at whatever depth; NULL
 *	in that item's put_ref(), in an interrupt, and in all threads but the pool's.
 */
struct slow_work *slow_work_current(void)
{
	struct slow_work_thread *thread;

	if (!in_task())
		return NULL;
	thread = slow_work_current_thread();
	if (!thread || READ_ONCE(thread->holder.stage) == SLOW_WORK_ENDED)
		return NULL;
	return READ_ONCE(thread->holder.item);
}
EXPORT_SYMBOL(slow_work_current);

/* Yield *************************************************************/

/* Is somebody waiting for @work, which we execute, to come to an end? */
static bool slow_work_is_disturbed(const struct slow_work *work)
{
	return (READ_ONCE(work->flags) & BIT(SLOW_WORK_CANCELLING)) ||
	       freezing(current);
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
 * this thread (or this very slow item's place) and no other thread is free for
 * it.  An item that was queued since its last run displaces a sleeper at once;
 * one that gave way here itself lets others sleep for 10 ms first.
 *
 * Context: execute() of @work.  Returns with the task running.
 * Return: true: the thread is needed, @work is being cancelled or the threads
 *	are to freeze; better to enqueue @work again and return from execute().
 *	false: woken by something else, or the timeout ran out.
 */
bool slow_work_sleep_till_thread_needed(struct slow_work *work,
					signed long *timeout)
{
	struct slow_work_thread *thread = slow_work_current_thread();
	bool needed, suspended;

	if (!thread || thread->holder.item != work) {
		__set_current_state(TASK_RUNNING);
		WARN_ONCE(1, "slow-work: item not executing here put to sleep by %pS\n",
			  (void *)_RET_IP_);
		return false;
	}

	raw_spin_lock_irq(&pool.lock);
	slow_work_arrive(thread);	/* if it did not give way when asked */
	needed = slow_work_is_disturbed(work);
	if (!needed) {
		/* Displaced or woken from here on: schedule_timeout() returns. */
		thread->asleep_since = jiffies;
		list_add_tail(&thread->sleeper, &thread->class->sleepers);
		thread->class->nr_sleepers++;
		pool.helpers = true;
	}
	slow_work_kick();
	slow_work_unlock();

	if (!needed) {
		suspended = slow_work_run_suspend(thread);
		*timeout = schedule_timeout(*timeout);
		if (suspended)
			slow_work_run_resume(thread);

		raw_spin_lock_irq(&pool.lock);
		if (!list_empty(&thread->sleeper))
			slow_work_end_sleep(thread);
		needed = (thread->errand & SLOW_WORK_SUMMONED) ||
			 slow_work_is_disturbed(work);
		raw_spin_unlock_irq(&pool.lock);
	}
	__set_current_state(TASK_RUNNING);
	return needed;
}
EXPORT_SYMBOL(slow_work_sleep_till_thread_needed);

/* Cancel ************************************************************/

/*
 * Wait until @holder, which has an item that the caller has as well, lets go of it.
 * slow_work_wake_waiters() wakes us: the wish is looked at, and we are looked for,
 * under the lock under which we leave both.
 */
static void slow_work_wait(struct slow_work_holder *holder)
	__must_hold(&pool.lock)
{
	struct slow_work_waiter waiter = { .holder = holder };

	init_completion(&waiter.done);
	holder->wishes |= SLOW_WORK_WAITED;
	list_add_tail(&waiter.link, &pool.waiters);
	slow_work_unlock();
	wait_for_completion(&waiter.done);
	raw_spin_lock_irq(&pool.lock);
}

/* Was @work taken back while its desc ran, and is in its queue to be put? */
static bool slow_work_to_be_put(const struct slow_work *work)
{
	return (READ_ONCE(work->flags) & BIT(SLOW_WORK_DISCARDED)) &&
	       !slow_work_held(work);
}

enum slow_work_retracted {
	SLOW_WORK_NOT_PENDING,
	SLOW_WORK_RETRACTED,		/* who has the item puts the reference */
	SLOW_WORK_RETRACTED_OURS,	/* the caller does: slow_work_hold() it */
};

/*
 * If @work is pending, take that run off; it is in no list if its delay was
 * @disarmed just now.
 */
static __always_inline enum slow_work_retracted
slow_work_retract(struct slow_work *work, bool disarmed)
{
	struct slow_work_holder *holder = slow_work_held(work);

	if (!test_and_clear_bit(SLOW_WORK_PENDING, &work->flags))
		return SLOW_WORK_NOT_PENDING;

	slow_work_count(work, SLOW_WORK_COUNT_CANCELLED);
	if (trace_slow_work_cancel_enabled())
		trace_slow_work_cancel(work,
				       disarmed ? SLOW_WORK_CANCEL_DISARMED :
				       holder ? SLOW_WORK_CANCEL_DEFERRED :
				       SLOW_WORK_CANCEL_DEQUEUED);
	if (likely(!holder)) {
		if (likely(!disarmed))
			slow_work_dequeue(work);
		return SLOW_WORK_RETRACTED_OURS;
	}
	if (slow_work_catch(holder)) {
		clear_bit(SLOW_WORK_ENQ_DEFERRED, &work->flags);
	} else {
		holder->wishes &= ~SLOW_WORK_REQUEUE;
		holder->wishes |= SLOW_WORK_PUT_AGAIN;
		clear_bit(SLOW_WORK_DISCARDED, &work->flags);
	}
	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_FLUSHED))
		slow_work_bind_flushes(work, holder);
	return SLOW_WORK_RETRACTED;
}

/*
 * A thread that sleeps in the item it holds is told to come back.  Not for what
 * is queued: so nobody is to count on it, as it may have a lot to wind up.
 */
static noinline void slow_work_rouse(struct slow_work_holder *holder)
{
	struct slow_work_thread *thread = slow_work_thread_of(holder->task);

	if (thread && &thread->holder == holder &&
	    !list_empty(&thread->sleeper)) {
		slow_work_end_sleep(thread);
		wake_up_process(thread->task);
		trace_slow_work_sleeper_wake(thread);
	}
}

/**
 * slow_work_cancel_sync - take an item back, and wait until it is at rest
 * @work: the item, a delayed one (its member work) included
 *
 * When this returns @work is not queued, not armed and not executing, its
 * put_ref() has returned, and the pool does not touch its memory again: it may
 * be freed, or enqueued anew.  If several cancels of one item are under way,
 * it may be freed once all have returned.  Meanwhile enqueues of it return
 * -ECANCELED.
 *
 * From inside the item's own execute() or put_ref() there is nothing to wait
 * for: that warns, takes back what is pending, and returns.
 *
 * Context: Process context; sleeps until execute() and put_ref() have returned.
 *	May call put_ref() itself.
 * Return: true if a run was prevented: @work was pending (queued, armed or
 *	deferred).
 */
bool slow_work_cancel_sync(struct slow_work *work)
{
	struct slow_work_holder self, *holder;
	enum slow_work_retracted retracted;
	bool disarmed, ours, own = false;

	might_sleep();
	slow_work_wait_acquire(work);

	raw_spin_lock_irq(&pool.lock);
	work->cancels++;
	set_bit(SLOW_WORK_CANCELLING, &work->flags);

	disarmed = slow_work_disarm(work, 0);
	retracted = slow_work_retract(work, disarmed);
	ours = retracted == SLOW_WORK_RETRACTED_OURS;
	if (unlikely(!ours && slow_work_to_be_put(work))) {
		slow_work_dequeue(work);
		ours = true;
	}
	if (ours) {
		slow_work_hold(&self, work);
		slow_work_unlock();
		slow_work_put_unexecuted(work);
		raw_spin_lock_irq(&pool.lock);
		slow_work_let_go(&self, true, 0);
	} else {
		while ((holder = slow_work_held(work))) {
			own = holder->task == current;
			if (own)
				break;
			trace_slow_work_cancel(work, SLOW_WORK_CANCEL_WAITS);
			slow_work_rouse(holder);
			slow_work_wait(holder);
		}
	}

	if (!own)
		work->holder = NULL;
	if (!--work->cancels)
		clear_bit(SLOW_WORK_CANCELLING, &work->flags);
	slow_work_unlock();

	WARN_ONCE(own, "slow-work: %ps cancels the item it is called for, from %pS\n",
		  work->ops->execute, (void *)_RET_IP_);
	return retracted != SLOW_WORK_NOT_PENDING;
}
EXPORT_SYMBOL(slow_work_cancel_sync);

/**
 * slow_work_cancel - slow_work_cancel_sync() for callers who need not know
 * @work: the item, a delayed one (its member work) included
 *
 * Context: As slow_work_cancel_sync().
 */
void slow_work_cancel(struct slow_work *work)
{
	slow_work_cancel_sync(work);
}
EXPORT_SYMBOL(slow_work_cancel);

/**
 * slow_work_try_cancel - take an item back if it is pending, and do not wait
 * @work: the item, a delayed one (its member work) included
 *
 * If @work is pending it will not run for that.  The reference that it was
 * enqueued with is put: by this call; or, if a thread has the item from a run
 * before, by that; or, if its desc() runs just now, by a thread after that.
 *
 * An execute() that is under way is not waited for, and enqueues are accepted
 * again at once.  This is to slow_work_cancel_sync() what cancel_work() is to
 * cancel_work_sync().  As with all calls, the caller keeps @work alive meanwhile.
 *
 * Context: Wherever the item's put_ref() may be called, which this may do; any,
 *	hard interrupts included, if it has none.  Not NMI.
 * Return: true: @work was pending, and is no more; false: it was not.
 */
bool slow_work_try_cancel(struct slow_work *work)
{
	enum slow_work_retracted retracted;
	struct slow_work_holder self;
	unsigned long irq;
	bool disarmed;

	raw_spin_lock_irqsave(&pool.lock, irq);
	disarmed = slow_work_disarm(work, 0);
	retracted = slow_work_retract(work, disarmed);
	if (retracted == SLOW_WORK_RETRACTED_OURS) {
		if (slow_work_is_described(work)) {
			set_bit(SLOW_WORK_DISCARDED, &work->flags);
			slow_work_queue(work);
			slow_work_kick();
		} else {
			slow_work_hold(&self, work);
			slow_work_unlock_irqrestore(irq);
			if (work->ops->put_ref)
				work->ops->put_ref(work);
			raw_spin_lock_irqsave(&pool.lock, irq);
			slow_work_let_go(&self, false, irq);
			work->holder = NULL;
		}
	}
	slow_work_unlock_irqrestore(irq);
	return retracted != SLOW_WORK_NOT_PENDING;
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
 * From inside the item's own execute() or put_ref() that would never end: it
 * warns, and returns.
 *
 * Context: Process context; sleeps.  With no lock held that a call-out of the item
 *	takes.
 * Return: true if there was something to wait for; false if @work was at rest.
 */
bool slow_work_flush(struct slow_work *work)
{
	struct slow_work_waiter waiter = {};
	struct slow_work_holder *holder;
	bool own, busy = false;

	might_sleep();
	slow_work_wait_acquire(work);
	init_completion(&waiter.done);

	raw_spin_lock_irq(&pool.lock);
	holder = slow_work_held(work);
	own = holder && holder->task == current;
	if (own)
		goto out;

	if (slow_work_disarm(work, BIT(SLOW_WORK_CANCELLING)))
		slow_work_place(work);
	if ((READ_ONCE(work->flags) & BIT(SLOW_WORK_PENDING)) ||
	    slow_work_to_be_put(work)) {
		busy = true;
		waiter.work = work;
		set_bit(SLOW_WORK_FLUSHED, &work->flags);
		list_add_tail(&waiter.link, &pool.waiters);
	} else {
		/* looked up again, as disarming drops the lock */
		holder = slow_work_held(work);
		if (holder) {
			slow_work_wait(holder);
			slow_work_unlock();
			return true;
		}
	}
out:
	slow_work_unlock();
	WARN_ONCE(own, "slow-work: %ps flushes the item it is called for, from %pS\n",
		  work->ops->execute, (void *)_RET_IP_);
	if (busy)
		wait_for_completion(&waiter.done);
	return busy;
}
EXPORT_SYMBOL(slow_work_flush);

/* Forget ************************************************************/

#ifdef CONFIG_DEBUG_OBJECTS

/*
 * @work is being freed or initialised while it is queued or armed, as
 * debugobjects tells: keep the lists whole.  Its reference is not put, as its
 * owner has gone astray already; its timer may have been stopped by what
 * debugobjects does for timers.  False: a thread has it, and it stays there.
 */
bool slow_work_forget(struct slow_work *work)
{
	struct timer_list *timer = &slow_work_delayed(work)->timer;
	struct slow_work_holder nobody;
	bool forgot = false;
	unsigned long irq;

	raw_spin_lock_irqsave(&pool.lock, irq);
	if (!slow_work_held(work)) {
		if (!(READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED))) {
			slow_work_dequeue(work);
		} else {
			if (timer_pending(timer))
				timer_delete(timer);
			slow_work_unarm(work);
		}
		slow_work_hold(&nobody, work);
		slow_work_let_go(&nobody, false, irq);
		work->holder = NULL;
		WRITE_ONCE(work->flags,
			   work->flags & BIT(SLOW_WORK_VERY_SLOW));
		forgot = true;
	}
	slow_work_unlock_irqrestore(irq);
	return forgot;
}

#endif
