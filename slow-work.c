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
#include <linux/wait_bit.h>
#include "slow-work.h"

#define pool slow_work_pool

/* Initialise ********************************************************/

static void slow_work_timer(struct timer_list *timer);

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
	work->user = NULL;
	work->mark = 0;
	work->cancels = 0;
	work->pins = 0;
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
 * To be called as delayed_slow_work_init() or delayed_slow_work_init_on_stack().
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
		timer_setup_on_stack(&dwork->timer, slow_work_timer, 0);
	else
		timer_setup(&dwork->timer, slow_work_timer, 0);
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

/* Enqueue ***********************************************************/

static __always_inline void slow_work_queue(struct slow_work *work)
{
	struct slow_work_class *class =
		slow_work_class_of(READ_ONCE(work->flags));

	work->mark = jiffies;
	class->queued++;
	list_add_tail(&work->link, &class->queue);
}

static void slow_work_dequeue(struct slow_work *work)
{
	struct slow_work_class *class = slow_work_class_of(work->flags);

	list_del(&work->link);
	class->queued--;
	clear_bit(SLOW_WORK_DISCARDED, &work->flags);
	if (unlikely(test_and_clear_bit(SLOW_WORK_YIELDED, &work->flags)))
		class->yielded--;
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
}

/*
 * The pool takes an item that it had nothing to do with, or no more.  The mark
 * is made last: a refusal has nothing to take back (promise 3).
 */
static __always_inline int slow_work_admit(struct slow_work *work)
{
	const struct slow_work_ops *ops = work->ops;
	struct slow_work_user *user;

	if (ops->get_ref) {
		int ret = ops->get_ref(work);

		if (unlikely(ret < 0))
			return ret;
	}
	user = pool.recent;
	if (unlikely(user->module != work->ops->owner))
		user = slow_work_find_user(work);
	user->active++;
	work->user = user;
	slow_work_debug_activate(work);
	return 0;
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
	if (flags & BIT(SLOW_WORK_PENDING))
		return 0;
	if (!pool.open)
		return SLOW_WORK_NO_USER;

	/* Executing: the reference that the thread has serves once more. */
	holder = slow_work_held(work);
	if (slow_work_catch(holder)) {
		set_bit(SLOW_WORK_PENDING, &work->flags);
		if (delay)
			slow_work_arm(work, delay);
		else
			set_bit(SLOW_WORK_ENQ_DEFERRED, &work->flags);
		return 0;
	}

	/* In its put_ref: that one finishes first, else two had the item. */
	ret = slow_work_admit(work);
	if (ret)
		return ret;
	set_bit(SLOW_WORK_PENDING, &work->flags);
	if (delay)
		slow_work_arm(work, delay);
	else
		holder->wishes |= SLOW_WORK_REQUEUE;
	return 0;
}

static __always_inline int slow_work_accept(struct slow_work *work,
					    unsigned long delay)
{
	const unsigned long busy = BIT(SLOW_WORK_PENDING) |
				   BIT(SLOW_WORK_CANCELLING);
	int ret;

	if (unlikely((READ_ONCE(work->flags) & busy) || !pool.open ||
		     slow_work_held(work)))
		return slow_work_accept_busy(work, delay);

	ret = slow_work_admit(work);
	if (unlikely(ret))
		return ret;
	WRITE_ONCE(work->flags, work->flags | BIT(SLOW_WORK_PENDING));
	if (delay) {
		slow_work_arm(work, delay);
	} else {
		slow_work_queue(work);
		slow_work_kick();
	}
	return 0;
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

	if (unlikely(!work->ops || !work->ops->execute))
		return slow_work_refuse(-EINVAL, _RET_IP_);

	/*
	 * Pending already: one run serves both.  What the caller wrote before
	 * is seen by that run: either we see the mark before a thread takes it
	 * away, and then the thread's barrier in slow_work_thread_main() comes
	 * after ours; or we do not, and go on.
	 */
	smp_mb();
	flags = READ_ONCE(work->flags);
	if ((flags & (BIT(SLOW_WORK_PENDING) | BIT(SLOW_WORK_CANCELLING))) ==
	    BIT(SLOW_WORK_PENDING))
		return 0;

	raw_spin_lock_irqsave(&pool.lock, irq);
	ret = slow_work_accept(work, delay);
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

/*
 * The delay of an item has run out.  The item cannot be gone: DELAYED means
 * that the pool has a reference, and only this function and those who have
 * waited for it take that mark away.  Once the lock is dropped it may be.
 */
static void slow_work_timer(struct timer_list *timer)
{
	struct delayed_slow_work *dwork =
		timer_container_of(dwork, timer, timer);
	struct slow_work *work = &dwork->work;
	struct slow_work_holder *holder;
	unsigned long irq;

	raw_spin_lock_irqsave(&pool.lock, irq);
	if (time_before(jiffies, timer->expires)) {
		/* longer than a timer can be: it went off early */
		mod_timer(timer, timer->expires);
	} else {
		clear_bit(SLOW_WORK_DELAYED, &work->flags);
		list_del(&work->link);
		holder = slow_work_held(work);
		if (likely(!holder)) {
			slow_work_queue(work);
			slow_work_kick();
		} else if (slow_work_catch(holder)) {
			set_bit(SLOW_WORK_ENQ_DEFERRED, &work->flags);
		} else {
			holder->wishes |= SLOW_WORK_REQUEUE;
		}
	}
	slow_work_unlock_irqrestore(irq);
}

/*
 * The pool is going to be closed, and @work, of which the caller has stopped
 * the timer, would be armed for ever: have a thread put it.
 */
void slow_work_discard(struct slow_work *work)
{
	struct slow_work_holder *holder = slow_work_held(work);

	lockdep_assert_held(&pool.lock);
	clear_bit(SLOW_WORK_DELAYED, &work->flags);
	list_del(&work->link);
	if (holder && slow_work_catch(holder)) {
		/* executing, and not to be queued again: that one puts it */
		clear_bit(SLOW_WORK_PENDING, &work->flags);
		return;
	}
	set_bit(SLOW_WORK_DISCARDED, &work->flags);
	if (holder) {
		holder->wishes |= SLOW_WORK_REQUEUE;
	} else {
		slow_work_queue(work);
		slow_work_kick();
	}
}

/* Wake a thread *****************************************************/

static void slow_work_do(const struct slow_work_todo *todo)
{
	if (todo->let_go)
		wake_up_var(todo->let_go);
	if (todo->settled)
		wake_up_all(&pool.settled);
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

/* Tell @thread's item that its thread is needed, for @errand. */
static void slow_work_displace(struct slow_work_thread *thread,
			       unsigned int errand)
{
	list_del_init(&thread->sleeper);
	thread->class->nr_sleepers--;
	thread->errand |= SLOW_WORK_COMING | SLOW_WORK_SUMMONED | errand;
	pool.coming++;
	thread->class->summoned++;
	wake_up_process(thread->task);
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
	return time_after_eq(jiffies,
			     thread->asleep_since + SLOW_WORK_REST_JIFFIES);
}

/* The first item of @class, which has one queued */
static struct slow_work *slow_work_first(const struct slow_work_class *class)
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

/* The first item of @class is not a plain one, if it is an item at all. */
static noinline struct slow_work *
slow_work_take_marked(struct slow_work_thread *thread,
		      struct slow_work_class *class)
{
	struct slow_work *work;

	work = slow_work_first(class);
	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_DESCRIBED))
		WRITE_ONCE(thread->holder.stage, SLOW_WORK_WANTED);
	if (test_and_clear_bit(SLOW_WORK_YIELDED, &work->flags))
		class->yielded--;
	return work;
}

/*
 * The next item for @thread: very slow ones first while they have a place, but
 * for a thread that comes for a slow one.
 */
static __always_inline struct slow_work *
slow_work_take(struct slow_work_thread *thread, bool slow_first)
{
	const unsigned long marked = BIT(SLOW_WORK_MARKER) |
				     BIT(SLOW_WORK_DESCRIBED) |
				     BIT(SLOW_WORK_YIELDED);
	struct slow_work_holder *holder = &thread->holder;
	struct slow_work_class *class;
	struct slow_work *work;

	class = &pool.classes[SLOW_WORK_VSLOW];
	if (!class->queued || class->executing >= class->limit ||
	    (slow_first && pool.classes[SLOW_WORK_SLOW].queued)) {
		class = &pool.classes[SLOW_WORK_SLOW];
		if (!class->queued)
			return NULL;
	}

	WRITE_ONCE(holder->stage, SLOW_WORK_RUNNING);
	work = list_first_entry(&class->queue, struct slow_work, link);
	if (unlikely(READ_ONCE(work->flags) & marked))
		work = slow_work_take_marked(thread, class);

	__list_del_entry(&work->link);
	class->queued--;
	class->executing++;
	class->started++;
	thread->class = class;
	holder->item = work;
	holder->user = work->user;
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

/* A reference on an item of @user is gone. */
static __always_inline void slow_work_inactive(struct slow_work_user *user)
{
	if (!--user->active && unlikely(user->waited)) {
		pool.todo.any = true;
		pool.todo.settled = true;
	}
}

/*
 * Others wished something of the item that @holder lets go.  So its memory is
 * there: the pool was given another reference, or a cancel waits with its own.
 */
static noinline void slow_work_grant(struct slow_work_holder *holder)
	__must_hold(&pool.lock)
{
	struct slow_work *work = holder->item;

	while (unlikely(holder->wishes & SLOW_WORK_PUT_AGAIN)) {
		struct slow_work_user *user = work->user;

		holder->wishes &= ~SLOW_WORK_PUT_AGAIN;
		slow_work_unlock();
		slow_work_debug_deactivate(work);
		if (work->ops->put_ref)
			work->ops->put_ref(work);
		raw_spin_lock_irq(&pool.lock);
		slow_work_inactive(user);
	}
	if (holder->wishes & SLOW_WORK_REQUEUE)
		slow_work_queue(work);
	if (holder->wishes & SLOW_WORK_WAITED) {
		pool.todo.any = true;
		pool.todo.let_go = work;
	}
	holder->wishes = 0;
}

/* put_ref of the item that @holder has is over, and so may be the item. */
static __always_inline void slow_work_let_go(struct slow_work_holder *holder)
	__must_hold(&pool.lock)
{
	slow_work_inactive(holder->user);
	if (unlikely(holder->wishes))
		slow_work_grant(holder);
	holder->item = NULL;
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

	while (!(READ_ONCE(work->flags) & again) &&
	       slow_work_is_described(work)) {
		raw_spin_unlock_irq(&pool.lock);
		wait_event(pool.described, !slow_work_is_described(work));
		raw_spin_lock_irq(&pool.lock);
	}

	if (!(READ_ONCE(work->flags) & again)) {
		WRITE_ONCE(thread->holder.stage, SLOW_WORK_ENDED);
		return true;
	}

	slow_work_debug_activate(work);
	clear_bit(SLOW_WORK_EXECUTING, &work->flags);
	thread->holder.item = NULL;
	thread->class->executing--;
	if (test_and_clear_bit(SLOW_WORK_ENQ_DEFERRED, &work->flags)) {
		if (thread->errand & SLOW_WORK_SUMMONED) {
			set_bit(SLOW_WORK_YIELDED, &work->flags);
			thread->class->yielded++;
		}
		slow_work_queue(work);
	}
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

	/* Before whoever does not catch us any more activates it again */
	slow_work_debug_deactivate(work);
	if (unlikely(cmpxchg(&holder->stage, SLOW_WORK_RUNNING,
			     SLOW_WORK_ENDED) != SLOW_WORK_RUNNING)) {
		raw_spin_lock_irq(&pool.lock);
		if (!slow_work_end_caught(thread, work))
			return;
		raw_spin_unlock_irq(&pool.lock);
	}

	clear_bit(SLOW_WORK_EXECUTING, &work->flags);
	if (work->ops->put_ref)
		work->ops->put_ref(work);

	raw_spin_lock_irq(&pool.lock);
	slow_work_let_go(holder);
	thread->class->executing--;
}

/* The thread ********************************************************/

/*
 * Nothing to do: wait to be found by slow_work_find_thread(), retired, or
 * frozen.  The state is set under the lock under which all of them find us, so
 * none can wake us before we sleep.
 */
static void slow_work_idle(struct slow_work_thread *thread)
	__must_hold(&pool.lock)
{
	thread->idle_since = jiffies;
	list_add(&thread->link, &pool.idle);
	pool.helpers = true;
	if (pool.nr > pool.min && !pool.culling)
		slow_work_summon_manager();
	set_current_state(TASK_INTERRUPTIBLE);
	slow_work_unlock();
	schedule();
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
	struct slow_work *work;
	bool slow_first;

	set_user_nice(current, SLOW_WORK_NICE);
	set_freezable();
	thread->cred = get_current_cred();

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

		slow_first = false;
		if (unlikely(thread->errand || pool.surplus)) {
			slow_first = thread->errand & SLOW_WORK_SLOW_FIRST;
			slow_work_arrive(thread);
			if (pool.surplus && !thread->errand)
				slow_work_retire(thread);
			if (thread->errand & SLOW_WORK_RETIRED)
				break;
		}

		work = slow_work_take(thread, slow_first);
		if (unlikely(!work)) {
			slow_work_kick();
			slow_work_idle(thread);
			continue;
		}
		slow_work_kick();
		slow_work_unlock();

		/* PENDING is gone; pairs with the one in slow_work_submit() */
		smp_mb();
		slow_work_run_acquire(thread, work);
		if (likely(!(READ_ONCE(work->flags) &
			     BIT(SLOW_WORK_DISCARDED)))) {
			work->ops->execute(work);
			slow_work_check_left(thread, work);
		} else {
			clear_bit(SLOW_WORK_DISCARDED, &work->flags);
		}
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
		if (!list_empty(&thread->sleeper)) {
			list_del_init(&thread->sleeper);
			thread->class->nr_sleepers--;
		}
		needed = (thread->errand & SLOW_WORK_SUMMONED) ||
			 slow_work_is_disturbed(work);
		raw_spin_unlock_irq(&pool.lock);
	}
	__set_current_state(TASK_RUNNING);
	return needed;
}
EXPORT_SYMBOL(slow_work_sleep_till_thread_needed);

/* Cancel ************************************************************/

/* A cancel waits until this is true; slow_work_grant() wakes it. */
static bool slow_work_is_free(struct slow_work *work)
{
	struct slow_work_holder *holder;

	raw_spin_lock_irq(&pool.lock);
	holder = slow_work_held(work);
	if (holder)
		holder->wishes |= SLOW_WORK_WAITED;
	raw_spin_unlock_irq(&pool.lock);
	return !holder;
}

/*
 * If @work is pending, take that run off; it is in no list if its delay was
 * @disarmed just now.  The reference that belongs to the run is put: here, as
 * holder, with the lock dropped meanwhile, if nobody holds the item; else by
 * whoever does.
 */
static void slow_work_take_back(struct slow_work *work,
				struct slow_work_holder *self, bool disarmed)
	__must_hold(&pool.lock)
{
	struct slow_work_holder *holder = slow_work_held(work);

	if (!test_and_clear_bit(SLOW_WORK_PENDING, &work->flags))
		return;

	if (holder) {
		if (slow_work_catch(holder)) {
			clear_bit(SLOW_WORK_ENQ_DEFERRED, &work->flags);
		} else {
			holder->wishes &= ~SLOW_WORK_REQUEUE;
			holder->wishes |= SLOW_WORK_PUT_AGAIN;
			clear_bit(SLOW_WORK_DISCARDED, &work->flags);
		}
		return;
	}

	if (!disarmed)
		slow_work_dequeue(work);
	*self = (struct slow_work_holder) {
		.item = work,
		.stage = SLOW_WORK_ENDED,
		.user = work->user,
		.task = current,
	};
	work->holder = self;
	slow_work_unlock();

	wait_event(pool.described, !slow_work_is_described(work));
	slow_work_debug_deactivate(work);
	if (work->ops->put_ref)
		work->ops->put_ref(work);

	raw_spin_lock_irq(&pool.lock);
	slow_work_let_go(self);
}

/*
 * Stop the timer of @work; true: it is armed no more, and no timer's function
 * comes for it.  Nobody arms it while it is being cancelled, so one that is
 * still set cannot have its function waiting for the lock.  One that went off
 * may: it runs first, with the lock dropped, and takes the mark away.
 */
static bool slow_work_disarm(struct slow_work *work)
	__must_hold(&pool.lock)
{
	struct timer_list *timer = &slow_work_delayed(work)->timer;

	if (!timer_delete(timer)) {
		raw_spin_unlock_irq(&pool.lock);
		timer_delete_sync(timer);
		raw_spin_lock_irq(&pool.lock);
		if (!(READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED)))
			return false;
	}
	clear_bit(SLOW_WORK_DELAYED, &work->flags);
	list_del(&work->link);
	return true;
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
		list_del_init(&thread->sleeper);
		thread->class->nr_sleepers--;
		wake_up_process(thread->task);
	}
}

/**
 * slow_work_cancel - take an item back, and wait until it is at rest
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
 */
void slow_work_cancel(struct slow_work *work)
{
	struct slow_work_holder self, *holder;
	bool disarmed = false, own = false;

	might_sleep();
	slow_work_wait_acquire(work);

	raw_spin_lock_irq(&pool.lock);
	work->cancels++;
	set_bit(SLOW_WORK_CANCELLING, &work->flags);

	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED))
		disarmed = slow_work_disarm(work);

	slow_work_take_back(work, &self, disarmed);

	holder = slow_work_held(work);
	if (holder && holder->task == current) {
		own = true;
	} else if (holder) {
		slow_work_rouse(holder);
		slow_work_unlock();
		wait_var_event(work, slow_work_is_free(work));
		raw_spin_lock_irq(&pool.lock);
	}

	if (!own)
		work->holder = NULL;
	if (!--work->cancels)
		clear_bit(SLOW_WORK_CANCELLING, &work->flags);
	slow_work_unlock();

	WARN_ONCE(own, "slow-work: %ps cancels the item it is called for, from %pS\n",
		  work->ops->execute, (void *)_RET_IP_);
}
EXPORT_SYMBOL(slow_work_cancel);

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
	bool forgot = false;
	unsigned long irq;

	raw_spin_lock_irqsave(&pool.lock, irq);
	if (!slow_work_held(work)) {
		if (!(READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED))) {
			slow_work_dequeue(work);
		} else {
			if (timer_pending(timer))
				timer_delete(timer);
			list_del(&work->link);
		}
		WRITE_ONCE(work->flags,
			   work->flags & BIT(SLOW_WORK_VERY_SLOW));
		slow_work_inactive(work->user);
		slow_work_debug_deactivate(work);
		forgot = true;
	}
	slow_work_unlock_irqrestore(irq);
	return forgot;
}

#endif
