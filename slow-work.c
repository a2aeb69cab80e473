// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: an item from enqueue to put_ref
 *
 * A caller enqueues an item; it is pinned with get_ref and waits in the queue of
 * its class.  A pool thread takes it out, calls execute and then put_ref.  One raw
 * spinlock, pool.lock, orders all of this; the locking rules are in slow-work.h.
 *
 * The pool holds one reference on an item, the one that get_ref gave, from the
 * moment it is queued or armed until put_ref.  An enqueue during execute takes no
 * other: the reference serves for the next run.  But execute ends without the lock,
 * so that an item costs two passes of it and not three, and from then on the
 * reference is on its way out.  Therefore whoever finds an item held by a thread
 * must claim it first.  Where that fails, execute is over: what is done then
 * concerns a new reference, and waits for the old one to be put.
 *
 * This file follows an item down: init, enqueue, delay, the thread that takes it,
 * execute, put_ref, yield; then cancel and flush.
 */

#define pr_fmt(fmt) "Slow work thread pool: " fmt

#include <linux/freezer.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/slow-work.h>
#include <linux/swait.h>
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
		timer_setup_on_stack(&dwork->timer, delayed_slow_work_timer, 0);
	else
		timer_setup(&dwork->timer, delayed_slow_work_timer, 0);
}
EXPORT_SYMBOL(__delayed_slow_work_init);

/* Who has an item ***************************************************/

static struct delayed_slow_work *slow_work_delayed(struct slow_work *work)
{
	return container_of(work, struct delayed_slow_work, work);
}

/*
 * Make sure that @holder takes the lock before it lets go of its item, and looks
 * there at what we leave in its flags.  False: execute is over, and put_ref comes
 * next or has been called.  Pairs with slow_work_end().
 */
bool slow_work_claim(struct slow_work_holder *holder)
{
	lockdep_assert_held(&pool.lock);
	return cmpxchg(&holder->stage, SLOW_WORK_RUNNING, SLOW_WORK_CLAIMED) !=
	       SLOW_WORK_ENDED;
}

static bool slow_work_claim_item(struct slow_work *work)
{
	struct slow_work_holder *holder = slow_work_held(work);

	return holder && slow_work_claim(holder);
}

/*
 * If a thread has @work, it looks at it before it lets go; after put_ref, if it
 * cannot be claimed.  So @work must be there then: it has a new reference, or we
 * wait.
 */
static void slow_work_look_later(struct slow_work *work)
{
	struct slow_work_holder *holder = slow_work_held(work);

	if (holder && !slow_work_claim(holder))
		holder->look = true;
}

/* Has somebody @work out of the queues: a thread, or a cancel for its put_ref? */
static __always_inline bool slow_work_is_held(const struct slow_work *work)
{
	return (READ_ONCE(work->flags) & BIT(SLOW_WORK_PUTTING)) ||
	       slow_work_held(work);
}

/* Who runs put_ref of an item that is being put.  Pids have 22 bits; 0: an interrupt */
static __always_inline unsigned long
slow_work_putter(struct task_struct *task, bool in_task)
{
	return (unsigned long)task >> 6 << 22 | (in_task ? task_pid_nr(task) : 0);
}

/*
 * Has the task that runs put_ref of @work, for a cancel, died there?  Not while it
 * closes its files, whose release may well cancel: hence exit_state.
 */
static bool slow_work_put_is_lost(const struct slow_work *work)
{
	pid_t pid = work->mark & GENMASK(21, 0);
	struct task_struct *task;
	bool lost;

	if (!(READ_ONCE(work->flags) & BIT(SLOW_WORK_PUTTING)) || !pid)
		return false;
	rcu_read_lock();
	task = pid_task(find_pid_ns(pid, &init_pid_ns), PIDTYPE_PID);
	lost = !task || work->mark != slow_work_putter(task, true) ||
	       READ_ONCE(task->exit_state);
	rcu_read_unlock();
	return lost;
}

/* Has the thread of @holder died in a call-out?  It may not have been found yet. */
static bool slow_work_is_lost(const struct slow_work_holder *holder)
{
	/* The task writes others of its flags as it likes. */
	return data_race(holder->task->flags) & PF_EXITING;
}

/* Has whoever has @work, a thread or a cancel, died in a call-out of it? */
static bool slow_work_item_is_lost(const struct slow_work *work)
{
	const struct slow_work_holder *holder = slow_work_held(work);

	return holder ? slow_work_is_lost(holder) : slow_work_put_is_lost(work);
}

void slow_work_init_holder(struct slow_work_holder *holder,
			   struct task_struct *task)
{
	holder->task = task;
	INIT_LIST_HEAD(&holder->waiters);
	INIT_LIST_HEAD(&holder->next);
}

/* Wait **************************************************************/

/**
 * struct slow_work_wait - a wait for an item
 * @waiter: what it waits with
 * @anchor: of the waits for an item that no holder has, the first one's lists them
 *	all, and slow_work::holder points to it; @anchor.item is NULL
 */
struct slow_work_wait {
	struct slow_work_waiter waiter;
	struct slow_work_holder anchor;
};

static void slow_work_init_wait(struct slow_work_wait *wait)
{
	init_completion(&wait->waiter.done);
	slow_work_init_holder(&wait->anchor, NULL);
	wait->anchor.item = NULL;
}

/* Where are those listed that wait for @work?  If nowhere yet, then at @wait. */
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

/*
 * What @waiters wait for has happened.  slow_work_wake_one() wakes them, one of them now
 * and the others from the pool's timer: they may be many.
 */
void slow_work_wake_waiters(struct list_head *waiters)
{
	lockdep_assert_held(&pool.lock);
	if (list_empty(waiters))
		return;
	list_splice_tail_init(waiters, &pool.woken);
	slow_work_wake_now();
}

/**
 * slow_work_wait_for - wait until slow_work_wake_waiters() comes to a waiter
 * @waiter: the waiter, linked where that will find it
 * @tell: says after 10 s what is waited for
 * @what: its argument
 *
 * TASK_IDLE, since what is waited for may well be long: no hung-task report.
 *
 * Context: Process context; sleeps.
 */
void slow_work_wait_for(struct slow_work_waiter *waiter,
			void (*tell)(const void *what), const void *what)
{
	struct completion *done = &waiter->done;

	if (!swait_event_idle_timeout_exclusive(done->wait,
						completion_done(done),
						SLOW_WORK_PATIENCE_JIFFIES)) {
		tell(what);
		swait_event_idle_exclusive(done->wait, completion_done(done));
	}
}

static const char *slow_work_state(unsigned long flags)
{
	if (flags & BIT(SLOW_WORK_DELAYED))
		return "armed";
	if (flags & BIT(SLOW_WORK_EXECUTING))
		return "executing";
	if (flags & BIT(SLOW_WORK_PENDING))
		return "queued";
	return "in its put_ref";
}

/* @what is an item, which the caller keeps alive. */
static void slow_work_tell_item(const void *what)
{
	const struct slow_work *work = what;
	unsigned long flags;
	bool lost;

	raw_spin_lock_irq(&pool.lock);
	flags = READ_ONCE(work->flags);
	lost = slow_work_item_is_lost(work);
	raw_spin_unlock_irq(&pool.lock);
	pr_warn("Still waiting for %ps of %s (%s)\n", work->ops->execute,
		work->ops->owner ? module_name(work->ops->owner) : "nobody",
		lost ? "lost: its task has died" : slow_work_state(flags));
}

/*
 * Wait until whoever has @work lets go of it.  An item that is lost is told of at
 * once: this wait has no end.
 */
static void slow_work_wait_held(struct slow_work *work)
	__must_hold(&pool.lock)
{
	struct slow_work_holder *holder;
	struct slow_work_wait wait;
	bool lost;

	slow_work_init_wait(&wait);
	holder = slow_work_wait_at(work, &wait);
	holder->look = true;
	lost = slow_work_item_is_lost(work);
	list_add_tail(&wait.waiter.link, &holder->waiters);
	raw_spin_unlock_irq(&pool.lock);
	if (lost)
		slow_work_tell_item(work);
	slow_work_wait_for(&wait.waiter, slow_work_tell_item, work);
	raw_spin_lock_irq(&pool.lock);
}

/*
 * @holder has @work, and those that wait for its pending run wait for that now: the
 * run begins, or was taken back.
 */
static noinline void slow_work_bind_flushes(struct slow_work *work,
					    struct slow_work_holder *holder)
{
	clear_bit(SLOW_WORK_FLUSHED, &work->flags);
	list_splice_tail_init(&work->holder->next, &holder->waiters);
	holder->look = true;
}

/*
 * @holder, real or an anchor, is not to have @work any more.  Those that wait for its
 * pending run wait at least as long as the first of them, which lists them now.
 */
static void slow_work_leave_flushes(struct slow_work *work,
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

/* Make @user one that has counted nothing. */
void slow_work_init_user(struct slow_work_user *user, struct module *module)
{
	int i;

	memset(user, 0, sizeof(*user));
	user->module = module;
	strscpy(user->name, module ? module_name(module) : "nobody",
		sizeof(user->name));
	for (i = 0; i < SLOW_WORK_NR_ACCOUNTS; i++) {
		user->accounts[i].module = module;
		user->accounts[i].user = user;
	}
	user->current_account = user->accounts;
	INIT_LIST_HEAD(&user->flushes);
	INIT_LIST_HEAD(&user->next_flushes);
	INIT_LIST_HEAD(&user->leavers);
	slow_work_user_init_map(user);
}

struct slow_work_user *slow_work_lookup_user(struct module *module)
{
	struct slow_work_user *user;

	lockdep_assert_held(&pool.lock);
	hash_for_each_possible(pool.users, user, hash, (unsigned long)module)
		if (user->module == module)
			return user;
	return NULL;
}

/* Where does a new run of @work count?  The manager says it if for nobody. */
static noinline struct slow_work_account *
slow_work_find_account(const struct slow_work *work)
{
	struct module *owner = work->ops->owner;
	struct slow_work_user *user = slow_work_lookup_user(owner);

	if (user) {
		pool.recent = user->current_account;
		return pool.recent;
	}
	if (owner && !pool.unowned_execute) {
		WRITE_ONCE(pool.unowned_execute, work->ops->execute);
		pool.sampling = true;
		slow_work_wake_manager();
	}
	return pool.unowned.current_account;
}

static __always_inline struct slow_work_account *
slow_work_account_of(const struct slow_work *work)
{
	struct slow_work_account *account = pool.recent;

	if (unlikely(account->module != work->ops->owner))
		account = slow_work_find_account(work);
	return account;
}

/*
 * Where a run counts that is enqueued while @holder executes the item: with the user
 * of the run that executes, whose count keeps that one there until the end of it.
 */
static struct slow_work_account *
slow_work_account_again(const struct slow_work_holder *holder)
{
	return holder->account->user->current_account;
}

static void slow_work_count_refused(const struct slow_work *work)
{
	struct slow_work_user *user = slow_work_lookup_user(work->ops->owner);

	slow_work_count(user ?: &pool.unowned, work, SLOW_WORK_COUNT_REFUSED);
}

/* Is nothing of @user in the pool?  If something is, its end is to be told. */
bool slow_work_user_idle(struct slow_work_user *user)
{
	struct slow_work_account *accounts = user->accounts;

	lockdep_assert_held(&pool.lock);
	if (!accounts[0].active && !accounts[1].active && !user->armed)
		return true;
	/* What is armed becomes active in either of them before it goes. */
	accounts[0].waited = true;
	accounts[1].waited = true;
	return false;
}

/*
 * Serve all flushes of @user that have come: new runs count in the other account
 * from now on, and the flushes wait for this one to become empty.  The other one is
 * empty, as the flush before has waited for that.
 */
void slow_work_start_flush(struct slow_work_user *user)
{
	struct slow_work_account *account = user->current_account;

	lockdep_assert_held(&pool.lock);
	list_splice_init(&user->next_flushes, &user->flushes);
	user->current_account = account == user->accounts ?
				user->accounts + 1 : user->accounts;
	if (pool.recent == account)
		pool.recent = user->current_account;
	if (account->active)
		account->waited = true;
	else
		slow_work_wake_waiters(&user->flushes);
}

/* @account, which somebody waits for, has become empty. */
static noinline void slow_work_drained(struct slow_work_account *account)
{
	struct slow_work_user *user = account->user;

	account->waited = false;
	if (account != user->current_account && !list_empty(&user->flushes)) {
		slow_work_wake_waiters(&user->flushes);
		if (!list_empty(&user->next_flushes))
			slow_work_start_flush(user);
	}
	if (!list_empty(&user->leavers) && slow_work_user_idle(user))
		slow_work_wake_waiters(&user->leavers);
}

/* A reference that counts in @account is gone, or counts elsewhere from now. */
static __always_inline void
slow_work_inactive(struct slow_work_account *account)
{
	if (!--account->active && unlikely(account->waited))
		slow_work_drained(account);
}

/*
 * The pool takes an item that it has no reference on.  PENDING is set last: a
 * refusal has nothing to take back (promise 3).
 *
 * An oops in get_ref kills the task that holds the lock: slow_work_died() gives it
 * back, as nothing has been changed yet.
 */
static __always_inline int slow_work_admit(struct slow_work *work, bool armed)
{
	const struct slow_work_ops *ops = work->ops;
	struct slow_work_account *account;

	if (ops->get_ref) {
		int ret;

		pool.getter = current;
		ret = ops->get_ref(work);
		pool.getter = NULL;
		if (unlikely(ret < 0))
			return ret;
	}
	account = slow_work_account_of(work);
	if (armed)
		account->user->armed++;
	else
		account->active++;
	WRITE_ONCE(work->account, account);
	slow_work_debug_activate(work);
	return 0;
}

/*
 * The reference on @work, which counts as active, serves a new run; one that begins
 * with a delay if it is @armed.
 */
static void slow_work_recount(struct slow_work *work, bool armed)
{
	struct slow_work_account *account = slow_work_account_of(work);
	struct slow_work_account *before = work->account;

	WRITE_ONCE(work->account, account);
	if (armed)
		account->user->armed++;
	else
		account->active++;
	slow_work_inactive(before);
}

/*
 * One run serves this enqueue and one before.  PENDING has the account visible,
 * which stays in memory, though the item may have left it meanwhile.
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

	work->mark = jiffies;
	class->queued++;
	list_add_tail(&work->link, &class->queue);
	if (static_branch_unlikely(&slow_work_watched))
		slow_work_note_queued(work);
}

static __always_inline void slow_work_dequeue(struct slow_work *work)
{
	struct slow_work_class *class = slow_work_class_of(work->flags);

	list_del(&work->link);
	class->queued--;
	if (unlikely(READ_ONCE(work->flags) & BIT(SLOW_WORK_YIELDED))) {
		clear_bit(SLOW_WORK_YIELDED, &work->flags);
		class->yielded--;
	}
}

/*
 * @work is to run now.  It is in no list, and is queued if nobody has it; else
 * whoever has it queues it when letting go.  An item that is lost will never run.
 */
static void slow_work_queue_or_defer(struct slow_work *work)
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
	slow_work_look_later(work);
	set_bit(SLOW_WORK_ENQ_DEFERRED, &work->flags);
	slow_work_count(work->account->user, work, SLOW_WORK_COUNT_DEFERRED);
	trace_slow_work_defer(work);
}

/*
 * A delay longer than a timer can be is run in legs; @stamp has what is left.  The timer
 * is set for one tick more, since the tick that is running now counts as none: a delay
 * never ends early.
 */
static __always_inline void slow_work_start_timer(struct slow_work *work,
						  unsigned long delay)
{
	unsigned long leg = delay;

	work->stamp = 0;
	if (unlikely(leg >= MAX_JIFFY_OFFSET)) {
		leg = MAX_JIFFY_OFFSET - 1;
		work->stamp = min_t(unsigned long, delay - leg, U32_MAX);
	}
	mod_timer(&slow_work_delayed(work)->timer, jiffies + leg + 1);
}

static __always_inline void slow_work_arm(struct slow_work *work,
					  unsigned long delay)
{
	/* left by who disarmed it while that was under way */
	if (unlikely(READ_ONCE(work->flags) & BIT(SLOW_WORK_REARMED)))
		clear_bit(SLOW_WORK_REARMED, &work->flags);
	set_bit(SLOW_WORK_DELAYED, &work->flags);
	list_add_tail(&work->link, &pool.armed);
	slow_work_start_timer(work, delay);
	trace_slow_work_arm(work, delay);
}

/*
 * The same of an item that somebody may have: see slow_work_began_at() and
 * slow_work_put_back() for what its mark is then.
 */
static void slow_work_arm_busy(struct slow_work *work, unsigned long delay)
{
	struct slow_work_holder *holder = slow_work_held(work);

	if (holder && READ_ONCE(holder->stage) != SLOW_WORK_ENDED && !holder->mark)
		holder->mark = work->mark ?: 1;
	if (!(READ_ONCE(work->flags) & BIT(SLOW_WORK_PUTTING)))
		work->mark = jiffies;
	slow_work_arm(work, delay);
}

static void slow_work_queue_or_arm(struct slow_work *work, unsigned long delay)
{
	if (delay)
		slow_work_arm_busy(work, delay);
	else
		slow_work_queue_or_defer(work);
}

/* Refused: nobody has registered.  No errno, as get_ref may return any. */
#define SLOW_WORK_NO_USER	1

/*
 * An enqueue of an item that is not idle, or for which no user is there: see the
 * return values for promises 1, 2 and 6.
 *
 * While the pool is being closed everything that is queued still runs, and what is
 * armed does not (promise 9).
 */
static noinline int slow_work_accept_busy(struct slow_work *work,
					  unsigned long delay)
{
	unsigned long flags = READ_ONCE(work->flags);
	struct slow_work_holder *holder;
	int ret;

	if (flags & BIT(SLOW_WORK_CANCELLING))
		return -ECANCELED;
	if (!pool.open && (!(flags & BIT(SLOW_WORK_PENDING)) ||
			   (flags & BIT(SLOW_WORK_DELAYED))))
		return SLOW_WORK_NO_USER;
	holder = slow_work_held(work);
	if (slow_work_item_is_lost(work))
		return -EOWNERDEAD;
	if (flags & BIT(SLOW_WORK_PENDING)) {
		slow_work_merge(work, flags);
		return 0;
	}

	if (slow_work_claim_item(work)) {
		/* Executing: the reference that the thread has serves again. */
		WRITE_ONCE(work->account, slow_work_account_again(holder));
	} else if (flags & BIT(SLOW_WORK_PUT_AGAIN)) {
		/* So does one that was taken back, and is not put yet. */
		clear_bit(SLOW_WORK_PUT_AGAIN, &work->flags);
		slow_work_recount(work, delay);
	} else {
		/* In its put_ref, which finishes first, or idle after all. */
		ret = slow_work_admit(work, delay);
		if (ret)
			return ret;
	}
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

	if (unlikely((READ_ONCE(work->flags) & busy) || !pool.open ||
		     slow_work_held(work)))
		return slow_work_accept_busy(work, delay);

	ret = slow_work_admit(work, delay);
	if (unlikely(ret))
		return ret;
	/* The account comes before PENDING; pairs with slow_work_submit(). */
	smp_store_release(&work->flags, work->flags | BIT(SLOW_WORK_PENDING));
	if (delay) {
		work->mark = jiffies;
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

/* An enqueue is refused for a slip of its caller's. */
static noinline int slow_work_refuse(int ret, unsigned long caller)
{
	WARN_ONCE(ret == -EINVAL,
		  "slow-work: item without operations or execute enqueued by %pS\n",
		  (void *)caller);
	WARN_ONCE(ret == SLOW_WORK_NO_USER,
		  "slow-work: no user is registered; item enqueued by %pS\n",
		  (void *)caller);
	return ret == SLOW_WORK_NO_USER ? -ESHUTDOWN : ret;
}

/*
 * Will an item with these @flags run, so that an enqueue can be merged?  One that is
 * armed may be disarmed if the last user has left: that is judged under the lock.
 */
static __always_inline bool slow_work_will_run(unsigned long flags)
{
	return (flags & (BIT(SLOW_WORK_PENDING) | BIT(SLOW_WORK_CANCELLING) |
			 BIT(SLOW_WORK_DELAYED))) == BIT(SLOW_WORK_PENDING);
}

static __always_inline int slow_work_submit(struct slow_work *work,
					    unsigned long delay)
{
	unsigned long flags, irq;
	int ret;

	/*
	 * Pending already: one run serves both.  What the caller wrote before
	 * is seen by that run: either we see PENDING before a thread clears it,
	 * and then the thread's barrier in slow_work_thread_main() comes after
	 * ours; or we do not, and go on.
	 */
	smp_mb();
	/* the account with PENDING; pairs with slow_work_accept() */
	flags = smp_load_acquire(&work->flags);
	if (unlikely(slow_work_will_run(flags))) {
		slow_work_merge(work, flags);
		return 0;
	}

	if (unlikely(!slow_work_usable(work, delay)))
		return slow_work_refuse(-EINVAL, _RET_IP_);

	raw_spin_lock_irqsave(&pool.lock, irq);
	ret = slow_work_accept(work, delay);
	if (unlikely(ret))
		slow_work_count_refused(work);
	raw_spin_unlock_irqrestore(&pool.lock, irq);
	if (unlikely(ret > 0))
		return slow_work_refuse(ret, _RET_IP_);
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
 * A merged enqueue takes no reference, but reads @work: the caller needs a reference
 * of its own across the call.
 *
 * Context: Any, hard interrupts included; not NMI, nor under the scheduler's
 *	locks.  Calls the item's get_ref() with a raw spinlock held.
 * Return: 0: accepted;
 *	-ECANCELED: a cancel of @work is under way;
 *	-ESHUTDOWN: no user is registered, or the last one is leaving and no run
 *	would come (warns once);
 *	-EINVAL: @work has no operations or no execute() (warns once);
 *	-EOWNERDEAD: the thread that executed @work has died in it;
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
 * @work is armed no more: its run counts from now, and so in the current account.
 * Where it shares the reference of a run that goes on it does when that has ended.
 */
static __always_inline void slow_work_unarm(struct slow_work *work)
{
	struct slow_work_user *user = work->account->user;
	struct slow_work_holder *holder = slow_work_held(work);

	clear_bit(SLOW_WORK_DELAYED, &work->flags);
	list_del(&work->link);
	if (likely(!holder) || !slow_work_claim(holder)) {
		user->armed--;
		user->current_account->active++;
	}
	WRITE_ONCE(work->account, user->current_account);
}

/**
 * delayed_slow_work_timer - the delay of an item has run out
 * @timer: the item's
 *
 * For the initialisers alone.
 *
 * The item cannot be gone: DELAYED means that the pool has a reference, and who else
 * clears it has seen that this function is not under way.  When the lock is dropped
 * the item may be gone.
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

	raw_spin_lock_irqsave(&pool.lock, irq);
	if (timer_pending(timer)) {
		/* delayed_slow_work_mod() has set it anew: it comes again */
		clear_bit(SLOW_WORK_REARMED, &work->flags);
	} else if (time_before(jiffies, timer->expires)) {
		/* beyond the timer wheel's range: it went off early */
		mod_timer(timer, timer->expires);
	} else if (work->stamp) {
		slow_work_start_timer(work, work->stamp);
	} else {
		slow_work_unarm(work);
		slow_work_queue_or_defer(work);
	}
	raw_spin_unlock_irqrestore(&pool.lock, irq);
}
EXPORT_SYMBOL(delayed_slow_work_timer);

/*
 * @work is armed: stop its timer.  True: it is armed no more, and no timer's function
 * comes for it.  False: that is under way, perhaps interrupted by us; it has yet to
 * take the lock, so @work stays armed and in memory until then.
 *
 * A function that is under way may have had the lock already, and the item been armed
 * since: then the timer is set, but not by delayed_slow_work_mod().
 */
static __always_inline bool slow_work_try_disarm(struct slow_work *work)
{
	struct timer_list *timer = &slow_work_delayed(work)->timer;

	if (unlikely(timer_delete_sync_try(timer) < 0) &&
	    ((READ_ONCE(work->flags) & BIT(SLOW_WORK_REARMED)) ||
	     !timer_delete(timer)))
		return false;
	slow_work_unarm(work);
	return true;
}

/*
 * If @work is armed, and has no flag in @unless, disarm it, and return true.  The
 * caller keeps @work alive.
 *
 * Context: Process context; waits for the timer's function.
 */
static __always_inline bool slow_work_disarm(struct slow_work *work,
					     unsigned long unless)
	__must_hold(&pool.lock)
{
	while ((READ_ONCE(work->flags) & (BIT(SLOW_WORK_DELAYED) | unless)) ==
	       BIT(SLOW_WORK_DELAYED)) {
		if (likely(slow_work_try_disarm(work)))
			return true;
		/* Whoever looks meanwhile may disarm what this has stopped. */
		raw_spin_unlock_irq(&pool.lock);
		timer_delete_sync(&slow_work_delayed(work)->timer);
		raw_spin_lock_irq(&pool.lock);
	}
	return false;
}

/*
 * Take @work, which is pending and not armed, back from where it waits for its run.
 * It stays pending, with its reference.
 */
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
	if (!pool.open)
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

	if (slow_work_claim_item(work))
		WRITE_ONCE(work->account,
			   slow_work_account_again(slow_work_held(work)));
	else
		slow_work_recount(work, delay);
	slow_work_queue_or_arm(work, delay);
	return 0;
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
	int ret;

	if (unlikely(!slow_work_usable(work, true)))
		return slow_work_refuse(-EINVAL, _RET_IP_);

	raw_spin_lock_irqsave(&pool.lock, irq);
	ret = slow_work_modify(work, delay);
	if (unlikely(ret))
		slow_work_count_refused(work);
	raw_spin_unlock_irqrestore(&pool.lock, irq);
	if (unlikely(ret > 0))
		return slow_work_refuse(ret, _RET_IP_);
	return ret;
}
EXPORT_SYMBOL(delayed_slow_work_mod);

/* Take **************************************************************/

/*
 * The first item of @class is not a plain one, if it is an item at all.  Its flags
 * are what slow_work_take() wants of it afterwards.
 */
static noinline struct slow_work *
slow_work_take_special(struct slow_work_thread *thread,
		       struct slow_work_class *class)
{
	struct slow_work *work = slow_work_first(class);
	unsigned long flags = READ_ONCE(work->flags);

	if (flags & BIT(SLOW_WORK_DESCRIBED))
		WRITE_ONCE(thread->holder.stage, SLOW_WORK_CLAIMED);
	if (flags & BIT(SLOW_WORK_FLUSHED))
		slow_work_bind_flushes(work, &thread->holder);
	if (test_and_clear_bit(SLOW_WORK_YIELDED, &work->flags))
		class->yielded--;
	return work;
}

/* The first item of @class, which has one, is @thread's. */
static __always_inline struct slow_work *
slow_work_take(struct slow_work_thread *thread, struct slow_work_class *class)
{
	const unsigned long special = BIT(SLOW_WORK_MARKER) |
				      BIT(SLOW_WORK_DESCRIBED) |
				      BIT(SLOW_WORK_YIELDED) |
				      BIT(SLOW_WORK_FLUSHED);
	struct slow_work_holder *holder = &thread->holder;
	struct slow_work *work;

	WRITE_ONCE(holder->stage, SLOW_WORK_RUNNING);
	work = list_first_entry(&class->queue, struct slow_work, link);
	if (unlikely(READ_ONCE(work->flags) & special))
		work = slow_work_take_special(thread, class);

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
	/* PENDING becomes EXECUTING; PENDING is known to be set */
	WRITE_ONCE(work->flags, work->flags ^ (BIT(SLOW_WORK_PENDING) |
					       BIT(SLOW_WORK_EXECUTING)));
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
static void slow_work_wait_described(struct slow_work *work)
	__must_hold(&pool.lock)
{
	struct slow_work_waiter waiter;
	struct slow_work_walk *walk;

	list_for_each_entry(walk, &pool.pins, pin)
		if (walk->seen == work)
			break;
	init_completion(&waiter.done);
	list_add_tail(&waiter.link, &walk->waiters);
	raw_spin_unlock_irq(&pool.lock);
	slow_work_wait_for(&waiter, slow_work_tell_described, work);
	raw_spin_lock_irq(&pool.lock);
}

static bool slow_work_is_described(const struct slow_work *work)
{
	return READ_ONCE(work->flags) & BIT(SLOW_WORK_DESCRIBED);
}

/* @work was enqueued while somebody had it for put_ref, which is over. */
static void slow_work_queue_deferred(struct slow_work *work)
{
	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_ENQ_DEFERRED)) {
		clear_bit(SLOW_WORK_ENQ_DEFERRED, &work->flags);
		slow_work_queue(work);
		slow_work_kick();
	}
}

/*
 * A run that was enqueued during put_ref was cancelled: put the reference that it had.
 * After that @holder->look says whether the item is still there: whoever wants
 * something of it meanwhile sets it anew, and waiters keep it.
 */
static void slow_work_put_again(struct slow_work_holder *holder)
	__must_hold(&pool.lock)
{
	struct slow_work *work = holder->item;
	struct slow_work_account *account = work->account;

	clear_bit(SLOW_WORK_PUT_AGAIN, &work->flags);
	holder->look = !list_empty(&holder->waiters);
	slow_work_debug_deactivate(work);
	raw_spin_unlock_irq(&pool.lock);
	if (work->ops->put_ref)
		work->ops->put_ref(work);
	raw_spin_lock_irq(&pool.lock);
	slow_work_inactive(account);
}

/* @holder looks at the item that it lets go: see slow_work_look_later(). */
static noinline void slow_work_look(struct slow_work_holder *holder)
	__must_hold(&pool.lock)
{
	struct slow_work *work = holder->item;

	while (READ_ONCE(work->flags) & BIT(SLOW_WORK_PUT_AGAIN)) {
		slow_work_put_again(holder);
		if (!holder->look)
			return;
	}
	holder->look = false;
	holder->item = NULL;
	slow_work_leave_flushes(work, holder);
	/* Queued before waiters are told, since @work is theirs then. */
	slow_work_queue_deferred(work);
	slow_work_wake_waiters(&holder->waiters);
}

/* put_ref of the item that @holder has is over, and so may be the item. */
static __always_inline void slow_work_let_go(struct slow_work_holder *holder,
					     struct slow_work_account *account)
	__must_hold(&pool.lock)
{
	slow_work_inactive(account);
	if (unlikely(holder->look))
		slow_work_look(holder);
	holder->item = NULL;
}

/*
 * @work was claimed while it executed.  True: it is to be put.  False: it was let go
 * with its reference, to be queued again or because its delay runs.
 */
static noinline bool slow_work_end_claimed(struct slow_work_thread *thread,
					   struct slow_work *work)
	__must_hold(&pool.lock)
{
	const unsigned long again = BIT(SLOW_WORK_ENQ_DEFERRED) |
				    BIT(SLOW_WORK_DELAYED);
	struct slow_work_holder *holder = &thread->holder;

	/* It may be enqueued meanwhile. */
	while (!(READ_ONCE(work->flags) & again) && slow_work_is_described(work))
		slow_work_wait_described(work);
	holder->mark = 0;
	if (!(READ_ONCE(work->flags) & again)) {
		WRITE_ONCE(holder->stage, SLOW_WORK_ENDED);
		return true;
	}

	/* The reference goes on to the next run, and may count elsewhere there. */
	slow_work_debug_activate(work);
	clear_bit(SLOW_WORK_EXECUTING, &work->flags);
	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_ENQ_DEFERRED)) {
		work->account->active++;
		if (thread->flags & SLOW_WORK_PREEMPTED) {
			set_bit(SLOW_WORK_YIELDED, &work->flags);
			thread->class->yielded++;
		}
	} else {
		work->account->user->armed++;
	}
	slow_work_inactive(holder->account);
	holder->account->executed++;
	thread->class->executing--;
	slow_work_look(holder);
	return false;
}

/*
 * execute has returned.  Let go of @work, and come back with the lock held.
 *
 * The cmpxchg decides against slow_work_claim(): if it succeeds nobody wants
 * anything of @work, nobody who comes later takes it for executing, and the thread
 * may put it without having taken the lock.
 */
static __always_inline void slow_work_end(struct slow_work_thread *thread,
					  struct slow_work *work,
					  struct slow_work_class *class)
	__acquires(&pool.lock)
{
	struct slow_work_holder *holder = &thread->holder;
	struct slow_work_account *account;
	int stage = SLOW_WORK_RUNNING;

	/* Before whoever cannot claim it any more activates it again */
	slow_work_debug_deactivate(work);
	if (unlikely(!try_cmpxchg(&holder->stage, &stage, SLOW_WORK_ENDED))) {
		/* claimed when it was taken, if it is timed */
		slow_work_note_end(thread, work);
		raw_spin_lock_irq(&pool.lock);
		if (!slow_work_end_claimed(thread, work))
			return;
		raw_spin_unlock_irq(&pool.lock);
	}

	clear_bit(SLOW_WORK_EXECUTING, &work->flags);
	if (work->ops->put_ref)
		work->ops->put_ref(work);

	raw_spin_lock_irq(&pool.lock);
	account = holder->account;
	account->executed++;
	slow_work_let_go(holder, account);
	class->executing--;
}

/**
 * slow_work_lose - a thread has died in a call-out
 * @thread: the thread
 *
 * Its item stays held for ever, and what waits for it waits.  Runs that were to come
 * are taken off, as they never would.
 *
 * Context: pool.lock held.
 */
void slow_work_lose(struct slow_work_thread *thread)
{
	struct slow_work_holder *holder = &thread->holder;
	struct slow_work *work = holder->item;

	lockdep_assert_held(&pool.lock);
	/* After execute @work may be gone, unless somebody has seen to that. */
	if (holder->stage != SLOW_WORK_ENDED || holder->look) {
		if (READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED)) {
			/* Where its timer's function is under way, that sees it. */
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
	if (!(thread->flags & SLOW_WORK_RETIRED))
		slow_work_retire(thread);
	holder->stage = SLOW_WORK_LOST;
	thread->since = jiffies;
	thread->class->executing--;
	thread->class->uncounted++;
	list_add_tail(&thread->link, &pool.lost);
	pool.nr_lost++;
	slow_work_kick();
	slow_work_wake_manager();	/* there may be fewer than the minimum */
}

/*
 * The run of @work that was pending, and is no more, is taken off.  It is in no list if
 * it was @disarmed.
 */
static __always_inline void slow_work_take_off(struct slow_work *work,
					       bool disarmed)
{
	slow_work_count(work->account->user, work, SLOW_WORK_COUNT_CANCELLED);
	if (trace_slow_work_cancel_enabled())
		trace_slow_work_cancel(work,
				       disarmed ? SLOW_WORK_CANCEL_DISARMED :
				       slow_work_is_held(work) ?
				       SLOW_WORK_CANCEL_DEFERRED :
				       SLOW_WORK_CANCEL_DEQUEUED);
	if (likely(!slow_work_is_held(work))) {
		if (likely(!disarmed))
			slow_work_dequeue(work);
		return;
	}

	clear_bit(SLOW_WORK_ENQ_DEFERRED, &work->flags);
	if (!slow_work_claim_item(work)) {
		set_bit(SLOW_WORK_PUT_AGAIN, &work->flags);
		slow_work_look_later(work);
	}
	/* Whoever has it now is all that there is to wait for. */
	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_FLUSHED))
		slow_work_bind_flushes(work, work->holder);
}

/* If @work is pending, take that run off, and return true. */
static __always_inline bool slow_work_retract(struct slow_work *work,
					      bool disarmed)
{
	if (!test_and_clear_bit(SLOW_WORK_PENDING, &work->flags))
		return false;
	slow_work_take_off(work, disarmed);
	return true;
}

/*
 * The last user is leaving: take one armed item back, and put it, on @thread.  False:
 * there is none, or the pool has been opened again.
 */
static noinline bool slow_work_discard(struct slow_work_thread *thread)
	__must_hold(&pool.lock)
{
	struct slow_work_holder *holder = &thread->holder;
	struct slow_work *work;
	bool found = false;

	list_for_each_entry(work, &pool.armed, link) {
		found = !(READ_ONCE(work->flags) & BIT(SLOW_WORK_MARKER));
		if (found)
			break;
	}
	if (!found || pool.open) {
		pool.closing = false;
		slow_work_update();
		return false;
	}
	if (timer_delete_sync_try(&slow_work_delayed(work)->timer) < 0) {
		/* It is about to be queued, and to leave this list. */
		raw_spin_unlock_irq(&pool.lock);
		cond_resched();
		raw_spin_lock_irq(&pool.lock);
		return true;
	}
	/*
	 * First PENDING, then DELAYED: an enqueue that comes without the lock does
	 * not take it for a queued one, which runs.
	 */
	clear_bit(SLOW_WORK_PENDING, &work->flags);
	slow_work_unarm(work);
	slow_work_take_off(work, true);
	if (slow_work_is_held(work))
		return true;

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
	slow_work_kick();	/* what waits does not wait for this */
	/* Before an enqueue that finds us here activates it again */
	slow_work_debug_deactivate(work);
	while (slow_work_is_described(work))
		slow_work_wait_described(work);
	raw_spin_unlock_irq(&pool.lock);
	/* only threads and closing write it, one after the other */
	if (!xchg(&pool.closing_told, true))
		pr_warn("Disarming what was left armed: %ps and the like\n",
			work->ops->execute);
	if (work->ops->put_ref)
		work->ops->put_ref(work);
	raw_spin_lock_irq(&pool.lock);
	thread->class->executing--;
	thread->class->uncounted++;
	slow_work_let_go(holder, holder->account);
	return true;
}

/* The thread ********************************************************/

/*
 * Nothing to do: sleep until slow_work_wake_thread() or the manager wakes us.  The
 * state is set under the lock that both hold when they take us off the list, so
 * neither wake-up can come before the sleep.  The freezer freezes an idle thread
 * where it is.
 */
static void slow_work_idle(struct slow_work_thread *thread)
	__must_hold(&pool.lock)
{
	thread->since = jiffies;
	list_add(&thread->link, &pool.idle);
	pool.nr_idle++;
	pool.helpers = true;
	if (pool.nr > pool.min && !pool.culling)
		slow_work_wake_manager();
	set_current_state(SLOW_WORK_IDLE);
	raw_spin_unlock_irq(&pool.lock);
	schedule();
	/* Whoever renices a thread that idles means it; signals go unheard. */
	slow_work_note_self(thread);
	if (unlikely(task_sigpending(current)))
		slow_work_reset_signals();
	raw_spin_lock_irq(&pool.lock);
	if (!list_empty(&thread->link)) {
		list_del_init(&thread->link);
		pool.nr_idle--;
	}
}

/*
 * Does something wait for the thread to be between items: the scheduler, the freezer,
 * or RCU tasks, to which a thread that never blocks switches of its own nowhere else?
 * Or has the last item left a signal pending?
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

static noinline void slow_work_pause(const struct slow_work_thread *thread)
	__must_hold(&pool.lock)
{
	raw_spin_unlock_irq(&pool.lock);
	if (task_sigpending(current))
		slow_work_report_signals(thread);
	cond_resched_tasks_rcu_qs();
	try_to_freeze();
	raw_spin_lock_irq(&pool.lock);
}

enum slow_work_next {
	SLOW_WORK_EXIT,
	SLOW_WORK_ANY_ITEM,
	SLOW_WORK_SLOW_ITEM,
};

/* @thread, which has thread flags or something special to look at, is at the queues. */
static noinline enum slow_work_next
slow_work_report_in(struct slow_work_thread *thread)
	__must_hold(&pool.lock)
{
	bool slow_first = thread->flags & SLOW_WORK_SLOW_FIRST;

	slow_work_arrive(thread);
	while (pool.closing && slow_work_discard(thread))
		;
	if (slow_work_surplus() && !thread->flags)
		slow_work_retire(thread);
	if (thread->flags & SLOW_WORK_RETIRED)
		return SLOW_WORK_EXIT;
	return slow_first && pool.classes[SLOW_WORK_SLOW].queued ?
	       SLOW_WORK_SLOW_ITEM : SLOW_WORK_ANY_ITEM;
}

/**
 * slow_work_thread_main - a pool thread
 * @data: its struct slow_work_thread
 *
 * Return: 0, when it was retired.
 */
int slow_work_thread_main(void *data)
{
	struct slow_work_class *vslow = &pool.classes[SLOW_WORK_VSLOW];
	struct slow_work_class *slow = &pool.classes[SLOW_WORK_SLOW];
	struct slow_work_thread *thread = data;
	struct slow_work_class *class;
	enum slow_work_next next;
	struct slow_work *work;

	set_freezable();
	thread->cred = get_current_cred();
	slow_work_note_self(thread);

	raw_spin_lock_irq(&pool.lock);
	for (;;) {
		/*
		 * Between items: whoever waits for the last is told first.
		 * A thread that was called is counted on meanwhile.
		 */
		if (slow_work_should_pause()) {
			slow_work_pause(thread);
			continue;
		}
		if (unlikely(thread->flags | pool.special)) {
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
		raw_spin_unlock_irq(&pool.lock);

		/* PENDING is clear; pairs with the barrier in slow_work_submit() */
		smp_mb();
		slow_work_run_acquire(thread, work);
		thread->execute = work->ops->execute;
		thread->execute(work);
		slow_work_check_left(thread, work);
		slow_work_end(thread, work, class);
		slow_work_run_release(thread);
	}

	/* Leave pending work to another thread; the manager reaps this one. */
	list_add_tail(&thread->link, &pool.retired);
	slow_work_kick();
	slow_work_wake_manager();
	raw_spin_unlock_irq(&pool.lock);
	slow_work_reset_io();
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
 * it.  A fresh item preempts a sleeper at once; one that came back by yielding here
 * lets others sleep for 10 ms first (promise 8).
 *
 * Context: execute() of @work.  Returns with the task running.
 * Return: true: return from execute() now, and enqueue @work before if it has more
 *	to do: the thread is needed, @work is being cancelled, or the threads are to
 *	freeze.  After 10 ms the pool does without this thread.
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
		/* Preempted or woken from here on: schedule_timeout() returns. */
		thread->asleep_since = jiffies;
		list_add_tail(&thread->sleeper, &thread->class->sleepers);
		thread->class->nr_sleepers++;
		pool.helpers = true;
	}
	slow_work_kick();
	raw_spin_unlock_irq(&pool.lock);

	if (!needed) {
		suspended = slow_work_run_suspend(thread);
		*timeout = schedule_timeout(*timeout);
		if (suspended)
			slow_work_run_resume(thread);

		raw_spin_lock_irq(&pool.lock);
		if (!list_empty(&thread->sleeper))
			slow_work_end_sleep(thread);
		needed = (thread->flags & SLOW_WORK_PREEMPTED) ||
			 slow_work_is_disturbed(work);
		raw_spin_unlock_irq(&pool.lock);
	}
	__set_current_state(TASK_RUNNING);
	return needed;
}
EXPORT_SYMBOL(slow_work_sleep_till_thread_needed);

/* Cancel ************************************************************/

/* While @work was put it was enqueued or armed anew, or waited for. */
static noinline void slow_work_put_is_over(struct slow_work *work)
{
	struct slow_work_holder *anchor = work->holder;

	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED)) {
		/* It joins the armed ones now, as its mark says. */
		work->mark = jiffies;
		list_move_tail(&work->link, &pool.armed);
	}
	if (anchor)
		slow_work_leave_flushes(work, anchor);
	slow_work_queue_deferred(work);
	if (anchor)
		slow_work_wake_waiters(&anchor->waiters);
}

/*
 * Put @work, which was taken back, for a cancel.  It is in no list and nobody has
 * it.  It outlives this, as its caller sees to that.
 *
 * @work itself says that it is being put, and by whom: were it a holder on our stack,
 * an oops in put_ref would leave a pointer into the stack of a dead task.
 *
 * @irqs_on, @irq: how to drop the lock; @irq is what interrupts were before.
 */
static __always_inline void slow_work_put_back(struct slow_work *work,
					       bool irqs_on, unsigned long irq)
	__must_hold(&pool.lock)
{
	const unsigned long more = BIT(SLOW_WORK_PUT_AGAIN) |
				   BIT(SLOW_WORK_DELAYED) |
				   BIT(SLOW_WORK_ENQ_DEFERRED);
	struct slow_work_account *account;

	set_bit(SLOW_WORK_PUTTING, &work->flags);
	work->mark = slow_work_putter(current, irqs_on || in_task());
	if (unlikely(READ_ONCE(work->flags) & BIT(SLOW_WORK_FLUSHED)))
		slow_work_bind_flushes(work, work->holder);
	else
		work->holder = NULL;
	while (unlikely(slow_work_is_described(work)))
		slow_work_wait_described(work);
	do {
		clear_bit(SLOW_WORK_PUT_AGAIN, &work->flags);
		account = work->account;
		/* Before an enqueue that finds us here activates it again */
		slow_work_debug_deactivate(work);
		if (irqs_on)
			raw_spin_unlock_irq(&pool.lock);
		else
			raw_spin_unlock_irqrestore(&pool.lock, irq);
		if (work->ops->put_ref)
			work->ops->put_ref(work);
		if (irqs_on)
			raw_spin_lock_irq(&pool.lock);
		else
			raw_spin_lock_irqsave(&pool.lock, irq);
		slow_work_inactive(account);
	} while (unlikely(READ_ONCE(work->flags) & BIT(SLOW_WORK_PUT_AGAIN)));

	clear_bit(SLOW_WORK_PUTTING, &work->flags);
	if (unlikely((READ_ONCE(work->flags) & more) || work->holder))
		slow_work_put_is_over(work);
}

/* Is the caller in a call-out of @work, by whoever has it? */
static bool slow_work_is_own(const struct slow_work *work)
{
	const struct slow_work_holder *holder = slow_work_held(work);

	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_PUTTING))
		return work->mark == slow_work_putter(current, true);
	return holder && holder->task == current;
}

/* A thread that sleeps in @work is told to come back. */
static noinline void slow_work_disturb(struct slow_work *work)
{
	struct slow_work_holder *holder = slow_work_held(work);
	struct slow_work_thread *thread;

	if (!holder || READ_ONCE(holder->stage) == SLOW_WORK_LOST)
		return;
	thread = slow_work_thread_of(holder->task);
	if (thread && &thread->holder == holder)
		slow_work_wake_sleeper(thread);
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
	bool disarmed, prevented, own = false;

	might_sleep();
	slow_work_wait_acquire(work);

	raw_spin_lock_irq(&pool.lock);
	work->cancels++;
	set_bit(SLOW_WORK_CANCELLING, &work->flags);

	disarmed = slow_work_disarm(work, 0);
	prevented = slow_work_retract(work, disarmed);
	if (prevented && !slow_work_is_held(work))
		slow_work_put_back(work, true, 0);
	while (unlikely(slow_work_is_held(work))) {
		own = slow_work_is_own(work);
		if (own)
			break;
		trace_slow_work_cancel(work, SLOW_WORK_CANCEL_WAITS);
		slow_work_disturb(work);
		slow_work_wait_held(work);
	}

	if (!--work->cancels)
		clear_bit(SLOW_WORK_CANCELLING, &work->flags);
	raw_spin_unlock_irq(&pool.lock);

	WARN_ONCE(own, "slow-work: %ps cancels the item it is called for, from %pS\n",
		  work->ops->execute, (void *)_RET_IP_);
	return prevented;
}
EXPORT_SYMBOL(slow_work_cancel);

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

	raw_spin_lock_irqsave(&pool.lock, irq);
	held = slow_work_is_held(work);
	armed = READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED);
	if (!slow_work_is_described(work) || (held && !armed))
		if (!armed || slow_work_try_disarm(work))
			cancelled = slow_work_retract(work, armed);
	if (cancelled && !held)
		slow_work_put_back(work, false, irq);
	raw_spin_unlock_irqrestore(&pool.lock, irq);
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
 * Return: true if there was something to wait for; false if @work was at rest.
 */
bool slow_work_flush(struct slow_work *work)
{
	struct slow_work_holder *holder;
	struct slow_work_wait wait;
	bool own, busy = false;

	might_sleep();
	slow_work_wait_acquire(work);
	slow_work_init_wait(&wait);

	raw_spin_lock_irq(&pool.lock);
	own = slow_work_is_held(work) && slow_work_is_own(work);
	if (own)
		goto out;

	if (slow_work_disarm(work, BIT(SLOW_WORK_CANCELLING)))
		slow_work_queue_or_defer(work);
	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_PENDING)) {
		busy = true;
		slow_work_look_later(work);
		holder = slow_work_wait_at(work, &wait);
		set_bit(SLOW_WORK_FLUSHED, &work->flags);
		list_add_tail(&wait.waiter.link, &holder->next);
	} else if (slow_work_is_held(work)) {
		slow_work_wait_held(work);
		raw_spin_unlock_irq(&pool.lock);
		return true;
	}
out:
	raw_spin_unlock_irq(&pool.lock);
	WARN_ONCE(own, "slow-work: %ps flushes the item it is called for, from %pS\n",
		  work->ops->execute, (void *)_RET_IP_);
	if (busy)
		slow_work_wait_for(&wait.waiter, slow_work_tell_item, work);
	return busy;
}
EXPORT_SYMBOL(slow_work_flush);

/* Forget ************************************************************/

#ifdef CONFIG_DEBUG_OBJECTS

/*
 * @work is being freed or initialised while it is queued or armed, as debugobjects
 * tells: keep the lists whole.  Its reference is not put, as its owner has gone
 * astray already.  False: a thread has it, and it stays there.
 */
bool slow_work_forget(struct slow_work *work)
{
	bool armed = false, forgot = false;
	unsigned long irq;

	raw_spin_lock_irqsave(&pool.lock, irq);
	/*
	 * Its timer may have been stopped by what debugobjects does for timers; or
	 * have its function under way, which is let pass.
	 */
	while (READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED)) {
		armed = slow_work_try_disarm(work);
		if (armed || in_hardirq())
			break;
		raw_spin_unlock_irqrestore(&pool.lock, irq);
		cpu_relax();
		raw_spin_lock_irqsave(&pool.lock, irq);
	}
	if (!slow_work_is_held(work) &&
	    (READ_ONCE(work->flags) & (BIT(SLOW_WORK_PENDING) |
				       BIT(SLOW_WORK_DELAYED))) ==
	    BIT(SLOW_WORK_PENDING)) {
		if (!armed)
			slow_work_dequeue(work);
		if (READ_ONCE(work->flags) & BIT(SLOW_WORK_FLUSHED))
			slow_work_wake_waiters(&work->holder->next);
		slow_work_debug_deactivate(work);
		slow_work_inactive(work->account);
		work->holder = NULL;
		WRITE_ONCE(work->flags,
			   work->flags & BIT(SLOW_WORK_VERY_SLOW));
		forgot = true;
	}
	raw_spin_unlock_irqrestore(&pool.lock, irq);
	return forgot;
}

#endif
