// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: an item from enqueue to put_ref
 *
 * An enqueue pins the item with get_ref and puts it into its owner's queue of the item's
 * class.  A pool thread takes it out, calls execute and then put_ref.  One raw spinlock,
 * slow_pool.lock, orders all of this; the locking rules are in slow-work.h.
 *
 * The pool holds one reference on an item, from the enqueue or arming until put_ref.  An
 * enqueue during execute takes no other: the reference serves the next run too.  But
 * execute ends without the lock, so that an item costs two passes of the lock and not
 * three, and from then on the reference is about to be put.  So a caller that finds an
 * item held claims it first.  On failure execute is over: take a new reference, and wait
 * for the old one to be put.
 *
 * This file follows an item down to the thread's loop; slow-work-cancel.c has cancels.
 */

#define pr_fmt(fmt) "Slow work thread pool: " fmt

#include <linux/freezer.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/slow-work.h>
#include "slow-work.h"
#include "slow-work-item.h"
#include "slow-work-walk.h"

/* Who has an item ***************************************************/

/*
 * Has the task died that runs put_ref of @work for a cancel?  exit_state tells, not
 * PF_EXITING: a task that exits closes its files, and a release may well cancel.
 */
static bool slow_work_put_is_lost(const struct slow_work *work)
{
	pid_t pid = work->timestamp & GENMASK(21, 0);
	struct task_struct *task;
	bool lost;

	if (!(READ_ONCE(work->flags) & BIT(SLOW_WORK_PUTTING)) || !pid)
		return false;
	rcu_read_lock();
	task = pid_task(find_pid_ns(pid, &init_pid_ns), PIDTYPE_PID);
	lost = !task || work->timestamp != slow_work_putter(task, true) ||
	       READ_ONCE(task->exit_state);
	rcu_read_unlock();
	return lost;
}

/* Has the holder of @work, or the cancel that puts it, died in a call-out? */
bool slow_work_item_is_lost(const struct slow_work *work)
{
	const struct slow_work_holder *holder = slow_work_held(work);

	return holder ? slow_work_is_lost(holder) : slow_work_put_is_lost(work);
}

void slow_work_init_holder(struct slow_work_holder *holder)
{
	holder->item = NULL;
	INIT_LIST_HEAD(&holder->waiters);
	INIT_LIST_HEAD(&holder->next);
}

/* Wait **************************************************************/

/*
 * Flushes that wait for the pending run of @work wait for @holder from now on: the run
 * begins, or was taken back.
 */
void slow_work_bind_flushes(struct slow_work *work,
			    struct slow_work_holder *holder)
{
	clear_bit(SLOW_WORK_FLUSHED, &work->flags);
	list_splice_tail_init(&work->holder->next, &holder->waiters);
	holder->recheck = true;
}

/*
 * @holder, a thread's or an anchor, lets go of @work.  Flushes that wait for the pending
 * run are listed at the first of them from now on: it waits as long as the others.
 */
void slow_work_leave_flushes(struct slow_work *work,
			     struct slow_work_holder *holder)
{
	struct slow_work_wait *first;

	if (!(READ_ONCE(work->flags) & BIT(SLOW_WORK_FLUSHED))) {
		work->holder = NULL;
		return;
	}
	first = list_first_entry(&holder->next, struct slow_work_wait,
				 waiter.link);
	if (&first->anchor != holder)
		list_splice_init(&holder->next, &first->anchor.next);
	work->holder = &first->anchor;
}

/* Who owns an item **************************************************/

/* Count a reference on @work for its owner: as armed, or as active. */
static __always_inline void slow_work_count_ref(struct slow_work *work, bool armed)
{
	struct slow_work_account *account = slow_pool.recent;

	if (unlikely(account->module != work->ops->owner))
		account = slow_work_find_account(work);
	if (armed)
		account->user->armed++;
	else
		account->active++;
	WRITE_ONCE(work->account, account);
}

/*
 * If @work executes, the reference that its thread has serves the next run again: it
 * counts for the same user, which stays there until the present run ends.
 */
static bool slow_work_share_ref(struct slow_work *work)
{
	struct slow_work_holder *holder = slow_work_held(work);

	if (!holder || !slow_work_claim(holder))
		return false;
	WRITE_ONCE(work->account, holder->account->user->current_account);
	return true;
}

/*
 * Take a reference on an idle item, and count it.  PENDING is set last: a refusal by
 * get_ref changes nothing (promise 3).
 *
 * An oops in get_ref kills the task that holds the lock: slow_work_died() releases it,
 * as nothing has been changed yet.
 */
static __always_inline int slow_work_admit(struct slow_work *work, bool armed)
{
	const struct slow_work_ops *ops = work->ops;

	if (ops->get_ref) {
		int ret;

		/* litmus: getter */
		WRITE_ONCE(slow_pool.getter, current);
		ret = ops->get_ref(work);
		WRITE_ONCE(slow_pool.getter, NULL);
		if (unlikely(ret < 0))
			return ret;
	}
	slow_work_count_ref(work, armed);
	slow_work_debug_activate(work);
	return 0;
}

/*
 * The reference on @work, which counts as active, serves a new run; one with a delay if
 * @armed.
 */
static void slow_work_recount(struct slow_work *work, bool armed)
{
	struct slow_work_account *before = work->account;

	slow_work_count_ref(work, armed);
	slow_work_inactive(before);
}

/*
 * Merge an enqueue into the pending run.  The caller has read PENDING with acquire, so
 * the account is visible; its memory stays, even if the item leaves it meanwhile.
 * litmus: account, late-merge
 */
static __always_inline void slow_work_merge(const struct slow_work *work,
					    unsigned long flags)
{
	struct slow_work_user *user = READ_ONCE(work->account)->user;

	atomic_long_inc(&user->merged[slow_work_class_id(flags)]);
}

/* Enqueue ***********************************************************/

static __always_inline void slow_work_queue(struct slow_work *work)
{
	struct slow_work_class *class = slow_work_class_of(work->flags);
	struct slow_work_queue *queue = slow_work_queue_of(work);

	work->timestamp = jiffies;
	class->queued++;
	slow_work_list_add_tail(&queue->items, &work->link);
	if (unlikely(!slow_work_list_is_last(&class->turns, &queue->turn)))
		slow_work_join_turns(class, queue, work);
	if (static_branch_unlikely(&slow_work_traced))
		slow_work_note_queued(work);
}

/*
 * Queue @work, which is in no list; if it is held, its holder queues it when it lets go.
 * A lost item is not queued: it never runs again.
 */
void slow_work_queue_or_defer(struct slow_work *work)
{
	if (likely(!slow_work_is_held(work))) {
		slow_work_queue(work);
		slow_work_kick();
		return;
	}
	if (slow_work_item_is_lost(work)) {
		clear_bit(SLOW_WORK_PENDING, &work->flags);
		return;
	}
	slow_work_recheck_later(work);
	set_bit(SLOW_WORK_ENQ_DEFERRED, &work->flags);
	slow_work_count(work->account->user, work, SLOW_WORK_COUNT_DEFERRED);
	trace_slow_work_defer(work);
}

/*
 * Run a delay that is longer than a timer's in legs; @stamp has the rest.  The present
 * tick has partly passed; the timer wheel adds one for it (calc_index()), so a delay never
 * ends early.
 */
static __always_inline void slow_work_start_timer(struct slow_work *work,
						  unsigned long delay)
{
	unsigned long leg = delay;

	work->stamp = 0;
	if (unlikely(leg > MAX_JIFFY_OFFSET)) {
		leg = MAX_JIFFY_OFFSET;
		work->stamp = min_t(unsigned long, delay - leg, U32_MAX);
	}
	mod_timer(&slow_work_delayed(work)->timer, jiffies + leg);
}

static __always_inline void slow_work_arm(struct slow_work *work,
					  unsigned long delay)
{
	/* left by a disarm while the timer's function was running */
	if (unlikely(READ_ONCE(work->flags) & BIT(SLOW_WORK_REARMED)))
		clear_bit(SLOW_WORK_REARMED, &work->flags);
	set_bit(SLOW_WORK_DELAYED, &work->flags);
	slow_work_list_add_tail(&slow_pool.armed, &work->link);
	slow_work_start_timer(work, delay);
	trace_slow_work_arm(work, delay);
}

/*
 * Arm an item that may be held: its timestamp is in use then, see slow_work_began_at()
 * and slow_work_put_back().
 */
static void slow_work_arm_busy(struct slow_work *work, unsigned long delay)
{
	struct slow_work_holder *holder = slow_work_held(work);

	if (holder && READ_ONCE(holder->stage) != SLOW_WORK_ENDED && !holder->timestamp)
		holder->timestamp = work->timestamp ?: 1;
	if (!(READ_ONCE(work->flags) & BIT(SLOW_WORK_PUTTING)))
		work->timestamp = jiffies;
	slow_work_arm(work, delay);
}

static void slow_work_queue_or_arm(struct slow_work *work, unsigned long delay)
{
	if (delay)
		slow_work_arm_busy(work, delay);
	else
		slow_work_queue_or_defer(work);
}

/* Refused: no user is registered.  No errno, as get_ref may return any. */
#define SLOW_WORK_NO_USER	1

/*
 * Enqueue an item that is not idle, or without a user (promises 1, 2 and 6).
 *
 * While the pool closes, queued items still run, and armed ones do not (promise 9).
 */
static noinline int slow_work_accept_busy(struct slow_work *work,
					  unsigned long delay)
{
	unsigned long flags = READ_ONCE(work->flags);
	int ret;

	if (flags & BIT(SLOW_WORK_CANCELLING))
		return -ECANCELED;
	if (!slow_pool.nr_users && (!(flags & BIT(SLOW_WORK_PENDING)) ||
				    (flags & BIT(SLOW_WORK_DELAYED))))
		return SLOW_WORK_NO_USER;
	if (slow_work_item_is_lost(work))
		return -EOWNERDEAD;
	if (flags & BIT(SLOW_WORK_PENDING)) {
		slow_work_merge(work, flags);
		return 0;
	}

	if (!slow_work_share_ref(work)) {
		if (flags & BIT(SLOW_WORK_PUT_AGAIN)) {
			/* The reference of a run taken back, not put yet, serves too. */
			clear_bit(SLOW_WORK_PUT_AGAIN, &work->flags);
			slow_work_recount(work, delay);
		} else {
			/* In its put_ref, which finishes first, or idle after all. */
			ret = slow_work_admit(work, delay);
			if (ret)
				return ret;
		}
	}
	/* litmus: account-again */
	set_bit(SLOW_WORK_PENDING, &work->flags);
	slow_work_queue_or_arm(work, delay);
	return 0;
}

static __always_inline int slow_work_accept(struct slow_work *work,
					    unsigned long delay)
{
	const unsigned long busy = BIT(SLOW_WORK_PENDING) |
				   BIT(SLOW_WORK_CANCELLING) |
				   BIT(SLOW_WORK_PUTTING);
	int ret;

	if (unlikely((READ_ONCE(work->flags) & busy) || !slow_pool.nr_users ||
		     slow_work_held(work)))
		return slow_work_accept_busy(work, delay);

	ret = slow_work_admit(work, delay);
	if (unlikely(ret))
		return ret;
	/* The account comes before PENDING; slow_work_submit(); litmus: account */
	smp_store_release(&work->flags, work->flags | BIT(SLOW_WORK_PENDING));
	if (delay) {
		work->timestamp = jiffies;
		slow_work_arm(work, delay);
	} else {
		slow_work_queue(work);
		slow_work_kick();
	}
	return 0;
}

/* Take @work, which is pending and not armed, off its queue.  It stays pending. */
static void slow_work_withdraw(struct slow_work *work)
{
	if (slow_work_is_held(work))
		clear_bit(SLOW_WORK_ENQ_DEFERRED, &work->flags);
	else
		slow_work_dequeue(work);
}

static int slow_work_modify(struct slow_work *work, unsigned long delay)
{
	unsigned long flags = READ_ONCE(work->flags);

	/* With no delay a queued item is where it belongs. */
	if (!(flags & BIT(SLOW_WORK_PENDING)) ||
	    (!delay && !(flags & BIT(SLOW_WORK_DELAYED))))
		return slow_work_accept(work, delay);
	if (flags & BIT(SLOW_WORK_CANCELLING))
		return -ECANCELED;
	if (!slow_pool.nr_users)
		return SLOW_WORK_NO_USER;
	if (slow_work_item_is_lost(work))
		return -EOWNERDEAD;

	slow_work_merge(work, flags);
	if (!(flags & BIT(SLOW_WORK_DELAYED))) {
		slow_work_withdraw(work);
	} else if (!slow_work_try_disarm(work)) {
		/* The delay has run out, and another begins, be it of no length. */
		set_bit(SLOW_WORK_REARMED, &work->flags);
		slow_work_start_timer(work, delay);
		return 0;
	}

	if (!slow_work_share_ref(work))
		slow_work_recount(work, delay);
	slow_work_queue_or_arm(work, delay);
	return 0;
}

/* An item whose timer was not initialised would be armed for ever. */
static __always_inline bool slow_work_usable(struct slow_work *work, bool delay)
{
	return work->ops && work->ops->execute &&
	       (!delay || slow_work_is_function(slow_work_delayed(work)->timer.function,
						delayed_slow_work_timer));
}

/* Refuse an enqueue for a mistake of its caller's. */
static noinline int slow_work_refuse(int ret, unsigned long caller)
{
	WARN_ONCE(ret == -EINVAL,
		  "slow-work: item without operations, execute or timer enqueued by %pS\n",
		  (void *)caller);
	WARN_ONCE(ret == SLOW_WORK_NO_USER,
		  "slow-work: no user is registered; item enqueued by %pS\n",
		  (void *)caller);
	return ret == SLOW_WORK_NO_USER ? -ESHUTDOWN : ret;
}

/* What an enqueue does to the delay of an item that is pending */
enum slow_work_change {
	SLOW_WORK_LEAVE_DELAY,
	SLOW_WORK_SET_DELAY,
	SLOW_WORK_REDUCE_DELAY,		/* bring it forward, if that is earlier */
};

/* An enqueue that is not merged without the lock */
static __always_inline int __slow_work_submit(struct slow_work *work,
					      unsigned long delay,
					      enum slow_work_change change)
{
	unsigned long irq;
	int ret;

	if (unlikely(!slow_work_usable(work, change || delay)))
		return slow_work_refuse(-EINVAL, _RET_IP_);

	raw_spin_lock_irqsave(&slow_pool.lock, irq);
	if (change == SLOW_WORK_SET_DELAY ||
	    (change == SLOW_WORK_REDUCE_DELAY &&
	     (READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED)) &&
	     slow_work_delay_left(work) > delay))
		ret = slow_work_modify(work, delay);
	else
		ret = slow_work_accept(work, delay);
	if (unlikely(ret))
		slow_work_count_refused(work);
	raw_spin_unlock_irqrestore(&slow_pool.lock, irq);
	if (unlikely(ret > 0))
		return slow_work_refuse(ret, _RET_IP_);
	return ret;
}

/*
 * Can an enqueue be merged without the lock?  Not into an armed run: that is disarmed
 * where the last user has left.  Nor beside a put_ref, in which its task may have died.
 */
static __always_inline bool slow_work_will_run(unsigned long flags)
{
	return (flags & (BIT(SLOW_WORK_PENDING) | BIT(SLOW_WORK_CANCELLING) |
			 BIT(SLOW_WORK_DELAYED) | BIT(SLOW_WORK_PUTTING))) ==
	       BIT(SLOW_WORK_PENDING);
}

static __always_inline int slow_work_submit(struct slow_work *work,
					    unsigned long delay)
{
	unsigned long flags;

	/*
	 * Pending already: one run serves both.  What the caller wrote before
	 * is seen by that run: either we see PENDING before a thread clears it,
	 * and then the thread's barrier in slow_work_execute() comes after
	 * ours; or we do not, and go on.
	 * litmus: submit, begun, retract
	 */
	smp_mb();
	/* the account with PENDING; pairs with slow_work_accept(); litmus: account */
	flags = smp_load_acquire(&work->flags);
	if (unlikely(slow_work_will_run(flags))) {
		slow_work_merge(work, flags);
		return 0;
	}

	return __slow_work_submit(work, delay, SLOW_WORK_LEAVE_DELAY);
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
 * A merged enqueue takes no reference, but reads @work: the caller needs a reference
 * of its own across the call.
 *
 * Context: Any, hard interrupts included; not NMI, nor under the scheduler's
 *	locks.  Calls the item's get_ref() with a raw spinlock held.
 * Return: 0: accepted;
 *	-ECANCELED: a cancel of @work is under way, or it is disabled;
 *	-ESHUTDOWN: no user is registered, or the last one is leaving and no run
 *	would come (warns once);
 *	-EINVAL: @work has no operations or no execute() (warns once);
 *	-EOWNERDEAD: a task has died in a call-out of @work, and it is lost;
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
 * Return: As slow_work_enqueue(); with a delay -EINVAL of an item that no delayed
 *	initialiser has made, too (warns once).
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
 * The item is there: DELAYED means that the pool has a reference, and a disarm fails
 * while this function has yet to take the lock.  When the lock is dropped the item may
 * be gone.
 *
 * Context: The timer's, and not TIMER_IRQSAFE: interrupts are on between the timers of
 *	items that are due together (promise 11).
 */
void delayed_slow_work_timer(struct timer_list *timer)
{
	struct delayed_slow_work *dwork =
		timer_container_of(dwork, timer, timer);
	struct slow_work *work = &dwork->work;
	unsigned long irq;

	raw_spin_lock_irqsave(&slow_pool.lock, irq);
	if (timer_pending(timer)) {
		/* delayed_slow_work_mod() has set it anew: it comes again */
		clear_bit(SLOW_WORK_REARMED, &work->flags);
	} else if (time_before(jiffies, timer->expires)) {
		/* beyond the timer wheel's range: it went off early */
		mod_timer(timer, timer->expires);
	} else if (work->stamp) {
		slow_work_start_timer(work, work->stamp);
	} else {
		slow_work_end_delay(work);
		slow_work_queue_or_defer(work);
	}
	raw_spin_unlock_irqrestore(&slow_pool.lock, irq);
}
EXPORT_SYMBOL(delayed_slow_work_timer);

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
 * Return: As slow_work_enqueue(); whatever the delay, -EINVAL of an item that no delayed
 *	initialiser has made, too (warns once).
 */
int delayed_slow_work_mod(struct delayed_slow_work *dwork, unsigned long delay)
{
	return __slow_work_submit(&dwork->work, delay, SLOW_WORK_SET_DELAY);
}
EXPORT_SYMBOL(delayed_slow_work_mod);

/**
 * delayed_slow_work_reduce - have an item executed after a delay, or earlier
 * @dwork: the delayed item
 * @delay: how long it may wait at most before it is queued, in jiffies, from now;
 *	0: queue it now
 *
 * delayed_slow_work_mod() that never puts off: an item that is queued already, or
 * armed with less left than @delay, is left as it is.  It is timer_reduce() of
 * timers.
 *
 * Context: As slow_work_enqueue().
 * Return: As slow_work_enqueue(); whatever the delay, -EINVAL of an item that no delayed
 *	initialiser has made, too (warns once).
 */
int delayed_slow_work_reduce(struct delayed_slow_work *dwork,
			     unsigned long delay)
{
	return __slow_work_submit(&dwork->work, delay, SLOW_WORK_REDUCE_DELAY);
}
EXPORT_SYMBOL(delayed_slow_work_reduce);

/**
 * delayed_slow_work_left - how long does an armed item still have?
 * @dwork: the delayed item
 *
 * For whoever shows it: it may have changed when this returns.
 *
 * Context: As slow_work_enqueue().
 * Return: jiffies until @dwork is queued; 0 if its delay has just run out, or it is
 *	not armed.
 */
unsigned long delayed_slow_work_left(struct delayed_slow_work *dwork)
{
	struct slow_work *work = &dwork->work;
	unsigned long irq, left = 0;

	raw_spin_lock_irqsave(&slow_pool.lock, irq);
	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED))
		left = slow_work_delay_left(work);
	raw_spin_unlock_irqrestore(&slow_pool.lock, irq);
	return left;
}
EXPORT_SYMBOL(delayed_slow_work_left);

/* Take **************************************************************/

/* @thread is about to take @work: see to its flags that are special. */
static noinline void slow_work_prepare_special(struct slow_work_thread *thread,
					       struct slow_work *work)
{
	unsigned long flags = READ_ONCE(work->flags);
	struct slow_work_class *class = slow_work_class_of(flags);

	if (flags & BIT(SLOW_WORK_DESCRIBED))
		WRITE_ONCE(thread->holder.stage, SLOW_WORK_CLAIMED);
	if (flags & BIT(SLOW_WORK_FLUSHED))
		slow_work_bind_flushes(work, &thread->holder);
	if (test_and_clear_bit(SLOW_WORK_YIELDED, &work->flags)) {
		class->yielded--;
		class->yielded_at = jiffies;
	}
}

/*
 * Find the first item of @class, where a cursor or a queue without items comes before it,
 * or it has a flag that is special.  Such queues lose their turn.
 */
static noinline struct slow_work *
slow_work_take_special(struct slow_work_thread *thread,
		       struct slow_work_class *class)
{
	struct slow_work_queue *queue;
	struct slow_work *work;

	for (;;) {
		queue = hlist_entry(class->turns.head.first,
				    struct slow_work_queue, turn);
		work = slow_work_first_of(&queue->items);
		if (work)
			break;
		slow_work_leave_turns(class, queue);
	}
	slow_work_prepare_special(thread, work);
	return work;
}

/* @work, which is in no queue, is @thread's, as one of @class. */
static __always_inline void slow_work_hold(struct slow_work_thread *thread,
					   struct slow_work *work,
					   struct slow_work_class *class)
{
	struct slow_work_holder *holder = &thread->holder;

	class->executing++;
	class->started++;
	thread->class = class;
	holder->item = work;
	holder->account = work->account;
	work->holder = holder;
	work->timestamp = jiffies;
	/* PENDING becomes EXECUTING; PENDING is known to be set; litmus: is-queued */
	WRITE_ONCE(work->flags, work->flags ^ (BIT(SLOW_WORK_PENDING) |
					       BIT(SLOW_WORK_EXECUTING)));
}

/*
 * Take the next item of @class, which has one, for @thread; its queue passes the turn on.
 * litmus: take
 */
static __always_inline struct slow_work *
slow_work_take(struct slow_work_thread *thread, struct slow_work_class *class)
{
	const unsigned long special = BIT(SLOW_WORK_MARKER) |
				      BIT(SLOW_WORK_DESCRIBED) |
				      BIT(SLOW_WORK_YIELDED) |
				      BIT(SLOW_WORK_FLUSHED);
	struct slow_work_queue *queue;
	struct hlist_node *node;
	struct slow_work *work;

	WRITE_ONCE(thread->holder.stage, SLOW_WORK_RUNNING);
	queue = hlist_entry(class->turns.head.first, struct slow_work_queue, turn);
	node = queue->items.head.first;
	work = hlist_entry(node, struct slow_work, link);
	if (unlikely(!node) || unlikely(READ_ONCE(work->flags) & special)) {
		work = slow_work_take_special(thread, class);
		queue = slow_work_queue_of(work);
	}

	if (static_branch_unlikely(&slow_work_traced))
		slow_work_note_start(thread, work);
	slow_work_list_del(&queue->items, &work->link);
	class->queued--;
	slow_work_hold(thread, work, class);
	queue->taken = work->timestamp;
	if (unlikely(queue->turn.next))
		slow_work_next_turn(class, queue);
	return work;
}

/*
 * The oldest item of the user that @thread is a reserve of becomes @thread's; NULL if
 * there is none, or the pool serves them again.  It counts in no class of the pool's.
 */
static struct slow_work *slow_work_take_reserved(struct slow_work_thread *thread)
{
	struct slow_work *work = slow_work_first_unserved(thread->user);

	if (!work)
		return NULL;
	WRITE_ONCE(thread->holder.stage, SLOW_WORK_RUNNING);
	slow_work_prepare_special(thread, work);
	if (static_branch_unlikely(&slow_work_traced))
		slow_work_note_start(thread, work);
	slow_work_dequeue(work);
	thread->flags = SLOW_WORK_CALLED;	/* what was preempted is over */
	slow_work_hold(thread, work,
		       &slow_pool.reserve_classes[slow_work_class_id(work->flags)]);
	return work;
}

/* Let go ************************************************************/

static void slow_work_tell_described(const void *what)
{
	const struct slow_work *work = what;

	pr_warn("Still waiting for the desc of %ps, which is being read\n",
		work->ops->execute);
}

/* Wait until a desc of @work that runs has returned; another may run by then. */
void slow_work_wait_described(struct slow_work *work)
	__must_hold(&slow_pool.lock)
{
	unsigned long patience = SLOW_WORK_PATIENCE_JIFFIES;
	struct slow_work_waiter waiter;
	struct slow_work_walk *walk;

	list_for_each_entry(walk, &slow_pool.pins, pin)
		if (walk->seen == work)
			break;
	init_completion(&waiter.done);
	list_add_tail(&waiter.link, &walk->waiters);
	raw_spin_unlock_irq(&slow_pool.lock);
	slow_work_wait_for(&waiter, &patience, slow_work_tell_described, work);
	raw_spin_lock_irq(&slow_pool.lock);
}

/*
 * put_ref of @work is over: queue it if it was enqueued meanwhile.  A thread that comes to
 * the queues next kicks only then, or another would be called for what it takes itself.
 */
void slow_work_queue_deferred(struct slow_work *work)
{
	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_ENQ_DEFERRED)) {
		clear_bit(SLOW_WORK_ENQ_DEFERRED, &work->flags);
		slow_work_queue(work);
	}
}

/*
 * A run that was enqueued during put_ref was cancelled: put its reference.  After that
 * @holder->recheck says whether the item is still there: a waiter keeps it, and an
 * enqueue or cancel meanwhile sets it anew.
 */
static void slow_work_put_again(struct slow_work_holder *holder)
	__must_hold(&slow_pool.lock)
{
	struct slow_work *work = holder->item;
	struct slow_work_account *account = work->account;

	clear_bit(SLOW_WORK_PUT_AGAIN, &work->flags);
	holder->recheck = !list_empty(&holder->waiters);
	slow_work_debug_deactivate(work);
	raw_spin_unlock_irq(&slow_pool.lock);
	if (work->ops->put_ref)
		work->ops->put_ref(work);
	raw_spin_lock_irq(&slow_pool.lock);
	slow_work_inactive(account);
}

/* Recheck the item before @holder lets go of it: see slow_work_recheck_later(). */
static noinline void slow_work_recheck(struct slow_work_holder *holder)
	__must_hold(&slow_pool.lock)
{
	struct slow_work *work = holder->item;

	while (READ_ONCE(work->flags) & BIT(SLOW_WORK_PUT_AGAIN)) {
		slow_work_put_again(holder);
		if (!holder->recheck)
			return;
	}
	holder->recheck = false;
	holder->disturbed = false;
	holder->item = NULL;
	slow_work_leave_flushes(work, holder);
	/* Queue before waking the waiters: they may free @work. */
	slow_work_queue_deferred(work);
	slow_work_wake_waiters(&holder->waiters);
}

/* put_ref has returned; the item may be freed.  litmus: cancel */
static __always_inline void slow_work_let_go(struct slow_work_holder *holder,
					     struct slow_work_account *account)
	__must_hold(&slow_pool.lock)
{
	slow_work_inactive(account);
	if (unlikely(holder->recheck))
		slow_work_recheck(holder);
	holder->item = NULL;
}

/*
 * End a run whose completion must take the lock.  True: call put_ref.  False: @work has
 * been let go, and keeps its reference, as it is queued again or armed.
 */
static noinline bool slow_work_end_claimed(struct slow_work_thread *thread,
					   struct slow_work *work)
	__must_hold(&slow_pool.lock)
{
	const unsigned long again = BIT(SLOW_WORK_ENQ_DEFERRED) |
				    BIT(SLOW_WORK_DELAYED);
	struct slow_work_holder *holder = &thread->holder;

	holder->timestamp = 0;
	if (!(READ_ONCE(work->flags) & again)) {
		/* First: from now on no reader of runqueue pins it, so the wait has an end. */
		WRITE_ONCE(holder->stage, SLOW_WORK_ENDED);
		while (slow_work_is_described(work))
			slow_work_wait_described(work);
		return true;
	}

	/* The reference goes on to the next run, and may count elsewhere there. */
	slow_work_debug_activate(work);
	clear_bit(SLOW_WORK_EXECUTING, &work->flags);
	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_ENQ_DEFERRED)) {
		work->account->active++;
		if (thread->flags & SLOW_WORK_PREEMPTED) {
			set_bit(SLOW_WORK_YIELDED, &work->flags);
			slow_work_class_of(work->flags)->yielded++;
		}
	} else {
		work->account->user->armed++;
	}
	slow_work_inactive(holder->account);
	holder->account->executed++;
	thread->class->executing--;
	slow_work_recheck(holder);
	return false;
}

/*
 * execute has returned: let go of @work, and return with the lock held.
 *
 * The cmpxchg decides against slow_work_claim().  If it succeeds, nothing has claimed the
 * run, nor can from now on: put_ref is next, and the lock is not taken for that.
 */
static __always_inline void slow_work_end(struct slow_work_thread *thread,
					  struct slow_work *work,
					  struct slow_work_class *class)
	__acquires(&slow_pool.lock)
{
	struct slow_work_holder *holder = &thread->holder;
	struct slow_work_account *account;
	int stage = SLOW_WORK_RUNNING;

	/* First: once it has ended, an enqueue activates it again. */
	slow_work_debug_deactivate(work);
	if (unlikely(!try_cmpxchg(&holder->stage, &stage, SLOW_WORK_ENDED))) {
		/* slow_work_note_start() claims a run that is timed. */
		slow_work_note_end(thread, work);
		raw_spin_lock_irq(&slow_pool.lock);
		if (!slow_work_end_claimed(thread, work))
			return;
		raw_spin_unlock_irq(&slow_pool.lock);
	}

	/* litmus: executing */
	clear_bit(SLOW_WORK_EXECUTING, &work->flags);
	if (work->ops->put_ref)
		work->ops->put_ref(work);

	raw_spin_lock_irq(&slow_pool.lock);
	account = holder->account;
	account->executed++;
	slow_work_let_go(holder, account);
	class->executing--;
}

/**
 * slow_work_lose - a thread has died in a call-out
 * @thread: the thread
 *
 * Its item stays held, and waits for it go on, for ever.  A pending run is taken back, as
 * it would never come.
 *
 * Context: slow_pool.lock held.
 */
void slow_work_lose(struct slow_work_thread *thread)
{
	struct slow_work_holder *holder = &thread->holder;
	struct slow_work *work = holder->item;

	lockdep_assert_held(&slow_pool.lock);
	/* After execute @work may be gone, unless recheck says otherwise. */
	if (holder->stage != SLOW_WORK_ENDED || holder->recheck) {
		if (READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED)) {
			/* A timer's function that is under way finds the item lost. */
			slow_work_try_disarm(work);
		}
		if (!(READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED))) {
			clear_bit(SLOW_WORK_ENQ_DEFERRED, &work->flags);
			clear_bit(SLOW_WORK_PENDING, &work->flags);
		}
	}
	if (!list_empty(&thread->sleeper))
		slow_work_end_sleep(thread);
	slow_work_arrive(thread);
	if (!thread->user && !(thread->flags & SLOW_WORK_RETIRED))
		slow_work_retire(thread);
	holder->stage = SLOW_WORK_LOST;
	thread->since = jiffies;
	thread->class->executing--;
	thread->class->uncounted++;
	list_add_tail(&thread->link, &slow_pool.lost);
	slow_pool.nr_lost++;
	slow_work_kick();
	slow_work_wake_manager();	/* there may be fewer than the minimum */
}

/*
 * The last user leaves: one message names an item that it left armed.  Of a bool, s390's
 * xchg() would return the bytes beside it, too.
 */
static void slow_work_tell_disarmed(void (*execute)(struct slow_work *work))
{
	if (!xchg(&slow_pool.closing_told, 1))	/* litmus: told */
		pr_warn("Disarming what was left armed: %ps and the like\n", execute);
}

/* Call put_ref of @work, which is taken back and in no list, on @thread. */
static void slow_work_put_disarmed(struct slow_work_thread *thread,
				   struct slow_work *work)
	__must_hold(&slow_pool.lock)
{
	struct slow_work_holder *holder = &thread->holder;

	holder->item = work;
	holder->stage = SLOW_WORK_ENDED;
	holder->account = work->account;
	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_FLUSHED))
		slow_work_bind_flushes(work, holder);
	work->holder = holder;
	/* Taken, and executing, and in the end not executed: see slow_work_lose() */
	thread->execute = work->ops->execute;
	thread->class = slow_work_class_of(work->flags);
	thread->class->executing++;
	thread->class->started++;
	/* First: with the lock dropped, an enqueue activates it again. */
	slow_work_debug_deactivate(work);
	while (slow_work_is_described(work))
		slow_work_wait_described(work);
	raw_spin_unlock_irq(&slow_pool.lock);
	slow_work_tell_disarmed(thread->execute);
	if (work->ops->put_ref)
		work->ops->put_ref(work);
	raw_spin_lock_irq(&slow_pool.lock);
	slow_work_let_go(holder, holder->account);
	thread->class->executing--;
	thread->class->uncounted++;
}

/*
 * The last user leaves: disarm one item, and have @thread call its put_ref.  False: there
 * is none, or the pool has been opened again.
 */
static noinline bool slow_work_discard(struct slow_work_thread *thread)
	__must_hold(&slow_pool.lock)
{
	void (*execute)(struct slow_work *work);
	struct slow_work *work = slow_work_first_of(&slow_pool.armed);

	if (!work || slow_pool.nr_users) {
		slow_pool.closing = false;
		slow_work_update();
		return false;
	}
	if (timer_delete_sync_try(&slow_work_delayed(work)->timer) < 0) {
		/* Its timer runs, and takes it off this list. */
		raw_spin_unlock_irq(&slow_pool.lock);
		cond_resched();
		raw_spin_lock_irq(&slow_pool.lock);
		return true;
	}
	/* Before DELAYED, or an enqueue merges into this run; litmus: discard */
	clear_bit(SLOW_WORK_PENDING, &work->flags);
	slow_work_end_delay(work);
	slow_work_retract_run(work, true);
	if (!slow_work_is_held(work)) {
		slow_work_put_disarmed(thread, work);
		return true;
	}
	/* Its holder puts it: without the lock it may be gone. */
	execute = work->ops->execute;
	raw_spin_unlock_irq(&slow_pool.lock);
	slow_work_tell_disarmed(execute);
	raw_spin_lock_irq(&slow_pool.lock);
	return true;
}

/* The thread ********************************************************/

/*
 * Sleep until slow_work_wake_thread() or the manager wakes the thread.  The state is set
 * under the lock that both hold when they take the thread off the list, so no wake-up
 * is lost.  The freezer freezes an idle thread where it is.  litmus: idle
 */
static void slow_work_idle(struct slow_work_thread *thread)
	__must_hold(&slow_pool.lock)
{
	thread->since = jiffies;
	list_add(&thread->link, &slow_pool.idle);
	slow_pool.nr_idle++;
	slow_pool.helpers = true;
	if (slow_pool.nr > slow_pool.min) {
		if (!slow_pool.surplus)
			slow_work_note_surplus();
		if (!slow_pool.culling)
			slow_work_wake_manager();
	}
	set_current_state(SLOW_WORK_IDLE);
	raw_spin_unlock_irq(&slow_pool.lock);
	freezable_schedule();
	/* A niceness that was given to an idle thread stays; signals are dropped. */
	slow_work_note_self(thread);
	if (unlikely(task_sigpending(current)))
		slow_work_reset_signals();
	raw_spin_lock_irq(&slow_pool.lock);
	if (!list_empty(&thread->link)) {
		list_del_init(&thread->link);
		slow_pool.nr_idle--;
	}
}

/*
 * Does the scheduler, the freezer or RCU tasks wait for the thread to be between items?
 * (A busy thread has no other voluntary switch for RCU tasks.)  Or has the last item
 * left a signal pending?
 */
static __always_inline bool slow_work_should_pause(void)
{
	unsigned long flags = READ_ONCE(current_thread_info()->flags) &
			      (_TIF_NEED_RESCHED | _TIF_SIGPENDING);

#ifdef CONFIG_TASKS_RCU
	flags |= READ_ONCE(current->rcu_tasks_holdout);
#endif
	return unlikely(flags) || unlikely(freezing(current));
}

static noinline void slow_work_pause(struct slow_work_thread *thread)
	__must_hold(&slow_pool.lock)
{
	slow_work_step_aside(thread);
	raw_spin_unlock_irq(&slow_pool.lock);
	if (task_sigpending(current))
		slow_work_report_signals(thread);
	cond_resched_tasks_rcu_qs();
	try_to_freeze();
	raw_spin_lock_irq(&slow_pool.lock);
}

enum slow_work_next {
	SLOW_WORK_EXIT,
	SLOW_WORK_ANY_ITEM,
	SLOW_WORK_SLOW_ITEM,
};

/* @thread is at the queues, and has thread flags or something special to do. */
static noinline enum slow_work_next
slow_work_report_in(struct slow_work_thread *thread)
	__must_hold(&slow_pool.lock)
{
	bool slow_first = thread->flags & SLOW_WORK_SLOW_FIRST;

	slow_work_arrive(thread);
	/* What can start does not wait for the put_ref of what is disarmed. */
	while (slow_pool.closing &&
	       !slow_work_startable(&slow_pool.classes[SLOW_WORK_SLOW]) &&
	       !slow_work_startable(&slow_pool.classes[SLOW_WORK_VSLOW]) &&
	       slow_work_discard(thread))
		;
	if (slow_work_too_many() && !thread->flags)
		slow_work_retire(thread);
	if (thread->flags & SLOW_WORK_RETIRED)
		return SLOW_WORK_EXIT;
	return slow_first && slow_pool.classes[SLOW_WORK_SLOW].queued ?
	       SLOW_WORK_SLOW_ITEM : SLOW_WORK_ANY_ITEM;
}

/* Execute @work, which @thread has taken, and come back with the lock held. */
static __always_inline void slow_work_execute(struct slow_work_thread *thread,
					      struct slow_work *work,
					      struct slow_work_class *class)
	__acquires(&slow_pool.lock)
{
	/* PENDING is clear; pairs with the barrier in slow_work_submit() */
	smp_mb();
	slow_work_run_acquire(thread, work);
	thread->execute = work->ops->execute;
	thread->execute(work);
	slow_work_check_left(thread, work);
	slow_work_end(thread, work, class);
	slow_work_run_release(thread);
}

/**
 * slow_work_thread_main - a pool thread
 * @data: its struct slow_work_thread
 *
 * Return: 0, when it was retired.
 */
int slow_work_thread_main(void *data)
{
	struct slow_work_class *vslow = &slow_pool.classes[SLOW_WORK_VSLOW];
	struct slow_work_class *slow = &slow_pool.classes[SLOW_WORK_SLOW];
	struct slow_work_thread *thread = data;
	struct slow_work_class *class;
	enum slow_work_next next;
	struct slow_work *work;

	set_freezable();
	thread->cred = get_current_cred();
	slow_work_note_self(thread);

	raw_spin_lock_irq(&slow_pool.lock);
	for (;;) {
		/*
		 * Between items: waiters for the last one have been woken.  A
		 * thread that was called is counted on meanwhile.
		 */
		if (slow_work_should_pause()) {
			slow_work_pause(thread);
			continue;
		}
		if (unlikely(thread->flags | slow_pool.special)) {
			next = slow_work_report_in(thread);
			if (next == SLOW_WORK_EXIT)
				break;
			class = slow;
			if (next == SLOW_WORK_SLOW_ITEM)
				goto take;
		}

		/* Very slow items first, while they have a slot */
		if (unlikely(vslow->queued) &&
		    vslow->executing < vslow->limit) {
			class = vslow;
			/* For its share more threads may be wanted than are busy. */
			if (unlikely(slow_pool.surplus))
				slow_work_note_surplus();
		} else if (likely(slow->queued)) {
			class = slow;
		} else {
			slow_work_kick();
			slow_work_idle(thread);
			continue;
		}

take:
		work = slow_work_take(thread, class);
		slow_work_kick();
		raw_spin_unlock_irq(&slow_pool.lock);
		slow_work_execute(thread, work, class);
	}

	/* Leave pending work to another thread; the manager reaps this one. */
	list_add_tail(&thread->link, &slow_pool.retired);
	slow_work_kick();
	slow_work_wake_manager();
	raw_spin_unlock_irq(&slow_pool.lock);
	slow_work_reset_io();
	put_cred(thread->cred);
	return 0;
}

/*
 * Sleep until slow_work_call_reserve() wakes the reserve.  The state is set under the lock
 * which that holds, so no wake-up is lost.
 */
static void slow_work_reserve_idle(struct slow_work_thread *thread)
	__must_hold(&slow_pool.lock)
{
	set_current_state(SLOW_WORK_IDLE);
	raw_spin_unlock_irq(&slow_pool.lock);
	/* kthread_stop() sets that before it wakes us */
	if (!kthread_should_stop())
		freezable_schedule();
	__set_current_state(TASK_RUNNING);
	slow_work_note_self(thread);
	if (unlikely(task_sigpending(current)))
		slow_work_reset_signals();
	raw_spin_lock_irq(&slow_pool.lock);
}

/**
 * slow_work_reserve_main - the reserve of a user
 * @data: its struct slow_work_thread
 *
 * Return: 0, when the user has gone.
 */
int slow_work_reserve_main(void *data)
{
	struct slow_work_thread *thread = data;
	struct slow_work *work;

	set_freezable();
	thread->cred = get_current_cred();
	slow_work_note_self(thread);

	raw_spin_lock_irq(&slow_pool.lock);
	while (!kthread_should_stop()) {
		if (slow_work_should_pause()) {
			slow_work_pause(thread);
			continue;
		}
		work = NULL;
		if (thread->flags & (SLOW_WORK_CALLED | SLOW_WORK_PREEMPTED))
			work = slow_work_take_reserved(thread);
		if (!work) {
			slow_work_arrive(thread);
			slow_work_reserve_idle(thread);
			continue;
		}
		raw_spin_unlock_irq(&slow_pool.lock);
		slow_work_execute(thread, work, thread->class);
		/* for what was enqueued meanwhile: the pool's threads may take that */
		slow_work_kick();
	}
	raw_spin_unlock_irq(&slow_pool.lock);
	slow_work_reset_io();
	put_cred(thread->cred);
	return 0;
}

/* The thread of the pool, a reserve included, that calls, or NULL */
struct slow_work_thread *slow_work_current_thread(void)
{
	int (*func)(void *data);

	if (!(current->flags & PF_KTHREAD))
		return NULL;
	func = kthread_func(current);
	return func == slow_work_thread_main || func == slow_work_reserve_main ?
	       kthread_data(current) : NULL;
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
	/* litmus: current */
	if (!thread || READ_ONCE(thread->holder.stage) == SLOW_WORK_ENDED)
		return NULL;
	return READ_ONCE(thread->holder.item);
}
EXPORT_SYMBOL(slow_work_current);
