/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slow-work: types and locking rules, shared by the module's own files
 *
 * Calls run downwards in this list only:
 *
 * main.c		the list of inits and, backwards, of exits
 * slow-work-sysctl.c	/proc/sys/kernel/slow-work and the module parameters
 * slow-work-debugfs.c	runqueue
 * slow-work-stats.c	statistics
 * slow-work-users.c	register, unregister, flush of a user
 * slow-work-stall.c	reports of items that do not start or do not end
 * slow-work-walk.c	all items in order, one at a time
 * slow-work-pool.c	threads: start, manager, growth, cull
 * slow-work-place.c	CPUs and niceness of the threads
 * slow-work.c		an item from enqueue to put_ref; the thread's loop
 * slow-work-wake.c	which thread comes for what is queued
 * slow-work-watch.c	tracepoints and latency statistics
 * slow-work-check.c	run-time checks of callers
 */

#ifndef _SLOW_WORK_PRIVATE_H
#define _SLOW_WORK_PRIVATE_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/cred.h>
#include <linux/debugobjects.h>
#include <linux/hashtable.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/jump_label.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include "compat.h"

/*
 * Locking rules
 *
 * I: set when the module is loaded, read-only afterwards.
 *
 * L: slow_work_pool.lock protected.  A raw spinlock, since items are enqueued from
 *    hard interrupts on PREEMPT_RT too.  Held for bit and list operations and for
 *    no call-out but get_ref.  No list is walked to its end under it: a section is
 *    as short with 100,000 items and 1,000 users as with one (promise 11).
 *
 * R: slow_work_register_mutex protected.  Held while threads are started for the
 *    first user or stopped after the last; never while an item is waited for.
 *
 * U: slow_work_users_mutex protected, and L for writing.  Readers of all users
 *    hold it; nests inside R.
 *
 * P: slow_work_place_mutex protected.  Held while settings change, and while a new
 *    thread is placed and made known; nests inside R.
 *
 * S: the starter of threads: the manager while there is one, else the holder of R.
 *
 * T: the thread itself.
 *
 * H: written under L, read without it where a value that is about to change will
 *    do.
 */

/* Flag bits of our own, behind the six that callers know */
#define SLOW_WORK_DESCRIBED	6	/* pinned by desc: put_ref has to wait */
#define SLOW_WORK_YIELDED	7	/* queued again by giving up its thread */
#define SLOW_WORK_MARKER	8	/* no item: a walk's cursor in a list */
#define SLOW_WORK_PUTTING	9	/* a cancel has it, for its put_ref */
#define SLOW_WORK_FLUSHED	10	/* a flush waits for its pending run */
/* 11 is SLOW_WORK_STATIC */
#define SLOW_WORK_REARMED	13	/* its timer was set while its function came */
#define SLOW_WORK_PUT_AGAIN	12	/* a run enqueued during put_ref was cancelled */

#define SLOW_WORK_PUBLIC_FLAGS	GENMASK(SLOW_WORK_DELAYED, SLOW_WORK_PENDING)

/*
 * How threads and the manager idle, as worker_thread() does: no part of the load
 * average, no hung-task report, deaf to signals.
 */
#define SLOW_WORK_IDLE		(TASK_IDLE | TASK_FREEZABLE)

#define SLOW_WORK_NICE		(-5)
#define SLOW_WORK_STALL_SECS	120
#define SLOW_WORK_STALL_SECS_MAX (7 * 24 * 60 * 60)
#define SLOW_WORK_MIN_THREADS	2
#define SLOW_WORK_CULL_JIFFIES	(5 * HZ)	/* surplus this long: exit */
#define SLOW_WORK_RETRY_JIFFIES	(5 * HZ)	/* no start after a failure */
#define SLOW_WORK_SAMPLE_JIFFIES HZ		/* nothing moves: look for dead threads */

/*
 * 10 ms: how long a sleeper may lie before an item that yielded preempts it, and
 * how long the pool counts on a thread that was called (promise 8)
 */
#define SLOW_WORK_REST_JIFFIES	(msecs_to_jiffies(10) + 1)

enum slow_work_class_id {
	SLOW_WORK_SLOW,
	SLOW_WORK_VSLOW,
	SLOW_WORK_NR_CLASSES
};

/* Counted for each user and class */
enum slow_work_count {
	SLOW_WORK_COUNT_DEFERRED,	/* enqueued while a thread had it */
	SLOW_WORK_COUNT_CANCELLED,	/* runs taken back */
	SLOW_WORK_COUNT_REFUSED,	/* enqueues that returned an error */
	SLOW_WORK_NR_COUNTS
};

/* Which time of an item */
enum slow_work_time {
	SLOW_WORK_TIME_WAIT,		/* from the queue to execute */
	SLOW_WORK_TIME_RUN,		/* in execute */
	SLOW_WORK_NR_TIMES
};

#define SLOW_WORK_BUCKETS	48	/* the last: from 39 hours on */

/**
 * struct slow_work_times - histograms of waiting and running time
 * @buckets: how often it was 2^n ns and more, and less than 2^(n+1)
 */
struct slow_work_times {
	atomic_long_t buckets[SLOW_WORK_NR_TIMES][SLOW_WORK_BUCKETS];
};

/**
 * struct slow_work_class - a class of items
 * @queue: L: its items that wait for a thread, and the cursors of walks
 * @queued: L: items in @queue
 * @yielded: L: those of @queued that came back by yielding their thread
 * @executing: L: its items that threads have out of the queue
 * @limit: L: start none while so many are executing
 * @started: L: items taken from @queue, ever
 * @sampled: L: @started at the last sample
 * @uncounted: L: those of @started that do not count as executed: from before the
 *	reset, or lost
 * @counts: L: see enum slow_work_count, since the reset
 * @merged: enqueues of pending items by users that have left, since the reset
 * @sleepers: L: threads that sleep in one of its items, longest first
 * @nr_sleepers: L: entries of @sleepers
 * @preempted: L: its sleepers that were preempted and are still counted on
 */
struct slow_work_class {
	struct list_head queue;
	unsigned int queued;
	unsigned int yielded;
	unsigned int executing;
	unsigned int limit;
	unsigned long started;
	unsigned long sampled;
	unsigned long uncounted;
	unsigned long counts[SLOW_WORK_NR_COUNTS];
	atomic_long_t merged;
	struct list_head sleepers;
	unsigned int nr_sleepers;
	unsigned int preempted;
} ____cacheline_aligned;	/* a power of two: an index costs a shift */

/**
 * struct slow_work_waiter - a task that waits for an item or a user
 * @link: L: in the list of those that wait for the same, then in pool.woken
 * @done: the wait is over
 *
 * No wait queue: a waker may be in hard interrupt, on PREEMPT_RT too.
 */
struct slow_work_waiter {
	struct list_head link;
	struct completion done;
};

/* Where a holder is with its item: slow_work_holder::stage */
enum slow_work_stage {
	SLOW_WORK_ENDED,	/* execute is over; put_ref comes, or ran */
	SLOW_WORK_RUNNING,	/* may complete without the lock */
	SLOW_WORK_CLAIMED,	/* running; completion must take the lock */
	SLOW_WORK_LOST,		/* its thread has died */
};

/**
 * struct slow_work_holder - has an item out of the queues
 * @item: L: the item; NULL when let go
 * @stage: RUNNING becomes CLAIMED under L, and ENDED by the thread without it: both
 *	by cmpxchg, so that one of them wins
 * @look: L: after put_ref the item's memory is there, with something to be done
 * @mark: L: of an item that was armed while it executes: its mark from before, or 0
 * @account: L: where @item counts; a thread alone writes its own, and so may
 *	read it without
 * @task: L: the thread
 * @waiters: L: wait until @item is let go
 * @next: L: wait for the run of @item that is pending
 *
 * A thread holds what it executes until put_ref has returned.  An item is held if the
 * holder that it points to points back, so a pointer that is left in an item does no
 * harm: threads' holders live until the module goes.
 *
 * A cancel has no holder, since its item outlives the call: SLOW_WORK_PUTTING says
 * that it runs put_ref.  Nothing points into the stack of a task that may die there.
 */
struct slow_work_holder {
	struct slow_work *item;
	int stage;
	bool look;
	unsigned long mark;
	struct slow_work_account *account;
	struct task_struct *task;
	struct list_head waiters;
	struct list_head next;
};

/* slow_work_thread::flags */
#define SLOW_WORK_SEARCHING	BIT(0)	/* it is pool.searcher */
#define SLOW_WORK_COMING	BIT(1)	/* it is in pool.coming */
#define SLOW_WORK_PREEMPTED	BIT(2)	/* its item was told to give way */
#define SLOW_WORK_RETIRED	BIT(3)	/* it counts no more, and is to exit */
#define SLOW_WORK_SLOW_FIRST	BIT(4)	/* it comes for a slow item */
#define SLOW_WORK_ABSENT	BIT(5)	/* it was called, has no item and did not come */

/**
 * struct slow_work_thread - a pool thread
 * @holder: L: what it executes
 * @class: L: the class of that item
 * @link: L: in pool.idle, pool.coming, pool.retired or pool.lost
 * @since: L: jiffies when it joined pool.idle, pool.coming or pool.lost
 * @sleeper: L: in its class's sleepers
 * @asleep_since: L: jiffies when it joined them last, or was started
 * @flags: L: what is expected of it when it comes to the queues
 * @slot: I: its number
 * @began: T, but L clears it: ns when execute began; 0 if that was not timed
 * @task: S, pointer read under L: the task, on which we hold a reference
 * @cred: T: its credentials, on which it holds a reference
 * @prio: T: its current->normal_prio before execute
 * @cpus: T: the first word of its current->cpus_mask before execute
 * @execute: T: the function of the item that it had last
 * @locks: T: locks held by it, as lockdep counts, when execute began
 * @map: T: of the item that it runs
 * @mapped: T: it took that, and its user's
 */
struct slow_work_thread {
	struct slow_work_holder holder;
	struct slow_work_class *class;
	struct list_head link;
	unsigned long since;
	struct list_head sleeper;
	unsigned long asleep_since;
	unsigned int flags;
	unsigned int slot;
	u64 began;
	struct task_struct *task;
	const struct cred *cred;
	int prio;
	unsigned long cpus;
	void (*execute)(struct slow_work *work);
#ifdef CONFIG_LOCKDEP
	int locks;
	struct lockdep_map map;
	bool mapped;
#endif
};

/**
 * struct slow_work_account - in-flight count of a user
 * @active: L: references that the pool holds on its items; an armed item counts in
 *	slow_work_user::armed instead
 * @waited: L: tell slow_work_drained() when @active becomes 0
 * @executed: L: references put after execute, or handed on, since the reset
 * @module: I: the user's, as enqueues look for it here
 * @user: I: the user
 */
struct slow_work_account {
	unsigned long active;
	bool waited;
	unsigned long executed;
	struct module *module;
	struct slow_work_user *user;
};

#define SLOW_WORK_NR_ACCOUNTS	2

/**
 * struct slow_work_user - a module that registered
 * @hash: L: in pool.users; in pool.spare when it has left
 * @link: U: in slow_work_users
 * @module: I: the module; only a key, but for its name
 * @name: I: its name
 * @registered: L: how often it did
 * @leaving: L: how many of these are about to unregister
 * @accounts: L: as the flush colours of a workqueue: new runs count in
 *	@current_account; a flush makes the other one current and waits for this one
 *	to become empty
 * @current_account: L: see @accounts
 * @armed: L: references that the pool holds on armed items
 * @counts: L: see enum slow_work_count, since the reset
 * @merged: enqueues of pending items, by class, since the reset
 * @flushes: L: wait for the account that is not current to become empty
 * @next_flushes: L: came meanwhile: the next flush serves them all
 * @leavers: L: wait until nothing of it is in the pool
 * @times: histograms
 * @key: I: lockdep's key of @map
 * @map: I: the runs of its items, for lockdep
 *
 * Its memory is kept for the next user: an enqueue that is merged counts without
 * the lock, perhaps for a user that has left.
 */
struct slow_work_user {
	struct hlist_node hash;
	struct list_head link;
	struct module *module;
	char name[MODULE_NAME_LEN];
	unsigned int registered;
	unsigned int leaving;
	struct slow_work_account accounts[SLOW_WORK_NR_ACCOUNTS];
	struct slow_work_account *current_account;
	unsigned long armed;
	unsigned long counts[SLOW_WORK_NR_COUNTS][SLOW_WORK_NR_CLASSES];
	atomic_long_t merged[SLOW_WORK_NR_CLASSES];
	struct list_head flushes;
	struct list_head next_flushes;
	struct list_head leavers;
	struct slow_work_times times;
#ifdef CONFIG_LOCKDEP
	struct lock_class_key key;
	struct lockdep_map map;
#endif
};

/**
 * struct slow_work_pool - the pool
 * @lock: L itself
 * @classes: L: see there
 * @open: H: there is a user: enqueues are accepted
 * @stopping: L: all threads are to exit
 * @closing: L: the last user has left: a thread is to disarm what is armed
 * @closing_told: one such item has been named in the log
 * @special: L: a thread that comes to the queues is to look at @closing, and whether
 *	it is surplus
 * @helpers: L: slow_work_wake_thread() may find one: a thread idles or sleeps, or
 *	can be started
 * @nr: L: threads, without the retired and the lost ones
 * @idle: L: threads with nothing to do, the latest first
 * @nr_idle: L: entries of @idle
 * @searcher: L: the idle thread that was woken and has not come to the queues yet
 * @coming: L: threads that are counted on to come otherwise, oldest first: sleepers
 *	that were preempted, threads that were started
 * @nr_coming: L: entries of @coming
 * @nr_absent: L: threads with SLOW_WORK_ABSENT; as many more are wanted
 * @armed: L: items whose delay runs, and the cursors of walks
 * @retired: L: threads that are exiting and want to be reaped
 * @lost: L: threads that have died in a call-out, with their items
 * @nr_lost: L: entries of @lost
 * @timer: ends trust in threads that do not come, and preempts sleepers that have
 *	rested
 * @sampled_at: L: jiffies when @timer last sampled whether anything moves
 * @woken: L: waiters whose wait is over, and that are not woken yet
 * @dying: L: a thread has met its end in a call-out, and may not be in @lost yet
 * @dying_since: L: jiffies of that
 * @getter: L: the task that is in a get_ref
 * @min: H: see /proc/sys/kernel/slow-work/
 * @max: H: the same
 * @vslow_percentage: H: the same
 * @failed_at: L: jiffies when a start failed last: none for a while, if @failed
 * @failed: L: the last start of a thread failed
 * @managing: L: the manager is awake, or wakes by itself soon
 * @culling: L: the manager wakes to see whether an idle thread has become cold
 * @sampling: L: the manager is to look for dead threads, and at @unowned_execute
 * @unowned_execute: H: of the first item whose owner has not registered
 * @users: L: registered modules by their address
 * @nr_users: L, changed under R too: registrations
 * @recent: L: the account of the item that was enqueued last; always current
 * @unowned: L: stands for owners that have not registered
 * @spare: L: users that have left
 * @times: histograms, by class
 * @pins: L: walks that keep an item from its put_ref
 * @histograms: H: times go into the histograms
 * @histograms_since: L: jiffies (64 bits) when that was switched on or reset
 * @reset_at: L: the same when the statistics were reset
 * @peak: L: the most threads since then
 * @starts: L: threads started since then
 * @culled: L: threads retired as surplus since then
 * @start_failures: L: failed thread creations since then
 * @stalls: L: reports of stalls since then
 * @max_ticks: L: jiffies at the maximum, up to @max_since
 * @max_since: L: jiffies when the number of threads changed last
 * @at_max: L: there are as many as there may be
 * @threads: written by S and under L, where a thread has died; read under L: by
 *	number
 * @slots: S; the number of a thread that has died is cleared by whoever finds it
 * @limit: I: hard limit of @max, and the size of @threads
 * @hz: I: HZ, for those who read our memory from outside
 * @manager: L: creates and reaps threads
 */
struct slow_work_pool {
	raw_spinlock_t lock;
	struct slow_work_class classes[SLOW_WORK_NR_CLASSES];
	bool open;
	bool stopping;
	bool closing;
	bool closing_told;
	bool special;
	bool helpers;
	unsigned int nr;
	struct list_head idle;
	unsigned int nr_idle;
	struct slow_work_thread *searcher;
	struct list_head coming;
	unsigned int nr_coming;
	unsigned int nr_absent;
	struct list_head armed;
	struct list_head retired;
	struct list_head lost;
	unsigned int nr_lost;
	struct timer_list timer;
	unsigned long sampled_at;
	struct list_head woken;
	bool dying;
	unsigned long dying_since;
	struct task_struct *getter;
	unsigned int min;
	unsigned int max;
	unsigned int vslow_percentage;
	unsigned long failed_at;
	bool failed;
	bool managing;
	bool culling;
	bool sampling;
	void (*unowned_execute)(struct slow_work *work);
	DECLARE_HASHTABLE(users, 8);
	unsigned int nr_users;
	struct slow_work_account *recent;
	struct slow_work_user unowned;
	struct hlist_head spare;
	struct slow_work_times times[SLOW_WORK_NR_CLASSES];
	struct list_head pins;
	bool histograms;
	u64 histograms_since;
	u64 reset_at;
	unsigned int peak;
	unsigned long starts;
	unsigned long culled;
	unsigned long start_failures;
	unsigned long stalls;
	unsigned long max_ticks;
	unsigned long max_since;
	bool at_max;
	struct slow_work_thread **threads;
	unsigned long *slots;
	unsigned int limit;
	unsigned int hz;
	struct task_struct *manager;
};

extern struct slow_work_pool slow_work_pool;

/* Are there more threads than there may be? */
static inline bool slow_work_surplus(void)
{
	return slow_work_pool.stopping ||
	       slow_work_pool.nr > slow_work_pool.max;
}

/* How many items of a class could start if there were threads for them */
static inline unsigned int slow_work_room(const struct slow_work_class *class)
{
	return class->executing < class->limit ?
	       class->limit - class->executing : 0;
}

static inline unsigned int
slow_work_startable(const struct slow_work_class *class)
{
	return min(class->queued, slow_work_room(class));
}

static inline struct slow_work_thread *
slow_work_first_sleeper(struct slow_work_class *class)
{
	return list_first_entry_or_null(&class->sleepers,
					struct slow_work_thread, sleeper);
}

static inline enum slow_work_class_id slow_work_class_id(unsigned long flags)
{
	BUILD_BUG_ON(SLOW_WORK_SLOW != 0 || SLOW_WORK_VSLOW != 1);
	return (flags >> SLOW_WORK_VERY_SLOW) & 1;
}

static inline struct slow_work_class *slow_work_class_of(unsigned long flags)
{
	return &slow_work_pool.classes[slow_work_class_id(flags)];
}

/* Count for @user, and for the class of @work. */
static inline void slow_work_count(struct slow_work_user *user,
				   const struct slow_work *work,
				   enum slow_work_count count)
{
	enum slow_work_class_id class = slow_work_class_id(work->flags);

	lockdep_assert_held(&slow_work_pool.lock);
	user->counts[count][class]++;
	slow_work_pool.classes[class].counts[count]++;
}

/* slow-work-wake.c */
void slow_work_update(void);
void slow_work_wake_manager(void);
bool slow_work_unserved(void);
unsigned int slow_work_wanted(void);
unsigned long slow_work_left(unsigned long since, unsigned long wait);
unsigned long slow_work_backs_off(void);
struct slow_work *slow_work_first(const struct slow_work_class *class);
void slow_work_wake_thread(void);
void slow_work_wake_sleeper(struct slow_work_thread *thread);
void slow_work_call(struct slow_work_thread *thread, unsigned int flags);
void slow_work_arrive(struct slow_work_thread *thread);
void slow_work_retire(struct slow_work_thread *thread);
void slow_work_end_sleep(struct slow_work_thread *thread);
void slow_work_wake_now(void);
void slow_work_close(void);
void slow_work_timer(struct timer_list *unused);

/*
 * Have a thread come for what is queued.  To be called after each change that
 * gives the queues something to start: an item joined, a thread took one (and
 * there may be more), lay down to sleep in one, or left.
 */
static __always_inline void slow_work_kick(void)
{
	lockdep_assert_held(&slow_work_pool.lock);
	if (unlikely(slow_work_pool.helpers))
		slow_work_wake_thread();
}

/* slow-work.c */
#define SLOW_WORK_PATIENCE_JIFFIES	(10 * HZ)	/* then a wait says what for */

int slow_work_thread_main(void *data);
struct slow_work_thread *slow_work_current_thread(void);
bool slow_work_claim(struct slow_work_holder *holder);
void slow_work_init_holder(struct slow_work_holder *holder,
			   struct task_struct *task);
void slow_work_init_user(struct slow_work_user *user, struct module *module);
struct slow_work_user *slow_work_lookup_user(struct module *module);
void slow_work_lose(struct slow_work_thread *thread);
bool slow_work_forget(struct slow_work *work);
bool slow_work_user_idle(struct slow_work_user *user);
void slow_work_start_flush(struct slow_work_user *user);
void slow_work_wait_for(struct slow_work_waiter *waiter,
			void (*tell)(const void *what), const void *what);
void slow_work_wake_waiters(struct list_head *waiters);

/* Who has @work out of the queues, if anybody has? */
static inline struct slow_work_holder *
slow_work_held(const struct slow_work *work)
{
	struct slow_work_holder *holder = work->holder;

	lockdep_assert_held(&slow_work_pool.lock);
	return holder && holder->item == work ? holder : NULL;
}

/* When did the thread of @holder, which has an item, begin to execute it? */
static inline unsigned long
slow_work_began_at(const struct slow_work_holder *holder)
{
	return holder->mark ?: holder->item->mark;
}

/* slow-work-check.c */

/* Allocation flags that a run may set for a while */
#define SLOW_WORK_PF_LEFT	(PF_MEMALLOC | PF_MEMALLOC_NOFS | \
				 PF_MEMALLOC_NOIO)

void slow_work_report_left(struct slow_work_thread *thread,
			   const struct slow_work *work);
void slow_work_note_self(struct slow_work_thread *thread);
void slow_work_report_signals(const struct slow_work_thread *thread);
void slow_work_reset_signals(void);
void slow_work_reset_io(void);

static inline unsigned int slow_work_migration_off(void)
{
#ifdef CONFIG_SMP
	return current->migration_disabled;
#else
	return 0;
#endif
}

#ifdef CONFIG_LOCKDEP

void slow_work_run_acquire(struct slow_work_thread *thread,
			   struct slow_work *work);
void slow_work_run_release(struct slow_work_thread *thread);
bool slow_work_run_suspend(struct slow_work_thread *thread);
void slow_work_run_resume(struct slow_work_thread *thread);
void slow_work_wait_acquire(struct slow_work *work);
void slow_work_user_acquire(struct slow_work_user *user);
void slow_work_user_init_map(struct slow_work_user *user);
void slow_work_user_destroy_map(struct slow_work_user *user);

static inline bool slow_work_locks_left(const struct slow_work_thread *thread)
{
	/* none when lockdep has gone silent meanwhile */
	return lockdep_depth(current) && lockdep_depth(current) != thread->locks;
}

#else

static inline void slow_work_run_acquire(struct slow_work_thread *thread,
					 struct slow_work *work) { }
static inline void slow_work_run_release(struct slow_work_thread *thread) { }
static inline bool slow_work_run_suspend(struct slow_work_thread *thread)
{
	return false;
}

static inline void slow_work_run_resume(struct slow_work_thread *thread) { }
static inline void slow_work_wait_acquire(struct slow_work *work) { }
static inline void slow_work_user_acquire(struct slow_work_user *user) { }
static inline void slow_work_user_init_map(struct slow_work_user *user) { }
static inline void slow_work_user_destroy_map(struct slow_work_user *user) { }

static inline bool slow_work_locks_left(const struct slow_work_thread *thread)
{
	return false;
}

#endif

/* get_current_state(), but that the compiler may load it as it likes */
static __always_inline unsigned int slow_work_task_state(void)
{
	/* A late wake-up may write it, and means TASK_RUNNING. */
	return data_race(current->__state);
}

/* rcu_preempt_depth(), but that the compiler may load it as it likes */
static __always_inline int slow_work_rcu_depth(void)
{
#ifdef CONFIG_PREEMPT_RCU
	return current->rcu_read_lock_nesting;
#else
	return 0;
#endif
}

static __always_inline unsigned long slow_work_adopted_memcg(void)
{
#ifdef CONFIG_MEMCG
	return (unsigned long)current->active_memcg;
#else
	return 0;
#endif
}

/*
 * Has the policy, the niceness or the affinity of the calling thread changed since
 * slow_work_note_self()?  A change that concerns CPUs from 64 on alone is not seen.
 */
static __always_inline unsigned long
slow_work_moved(const struct slow_work_thread *thread)
{
	/* Settings may be written just now: slow_work_place_self() looks again. */
	return data_race(current->policy) |
	       /* the same */
	       (data_race(current->normal_prio) ^ thread->prio) |
	       /* the same */
	       (data_race(*cpumask_bits(&current->cpus_mask)) ^ thread->cpus);
}

/*
 * Is the task as it was before execute, as far as the kernel can tell?  One test for
 * all that is a load away: it is made after each item.  A pending signal is looked for
 * in slow_work_should_pause(), where the thread's flags are read anyway.
 */
static __always_inline void
slow_work_check_left(struct slow_work_thread *thread,
		     const struct slow_work *work)
{
	unsigned long left;

	/* preempt_count() has the softirqs in it, but on PREEMPT_RT */
	left = preempt_count() | slow_work_task_state() | slow_work_rcu_depth() |
	       slow_work_migration_off() | (current->flags & SLOW_WORK_PF_LEFT) |
	       (IS_ENABLED(CONFIG_PREEMPT_RT) ? softirq_count() : 0);
	left |= (unsigned long)current->plug |
		(unsigned long)current->journal_info |
		(unsigned long)current->mm | slow_work_adopted_memcg();
	if (unlikely(left | slow_work_moved(thread)) ||
	    unlikely(irqs_disabled()) ||
	    unlikely(current_cred() != thread->cred) ||
	    unlikely(slow_work_locks_left(thread)))
		slow_work_report_left(thread, work);
}

#ifdef CONFIG_DEBUG_OBJECTS

extern const struct debug_obj_descr slow_work_debug_descr;

static inline void slow_work_debug_init(struct slow_work *work, bool on_stack)
{
	if (on_stack)
		debug_object_init_on_stack(work, &slow_work_debug_descr);
	else
		debug_object_init(work, &slow_work_debug_descr);
}

static inline void slow_work_debug_activate(struct slow_work *work)
{
	debug_object_activate(work, &slow_work_debug_descr);
}

static inline void slow_work_debug_deactivate(struct slow_work *work)
{
	debug_object_deactivate(work, &slow_work_debug_descr);
}

#else

static inline void slow_work_debug_init(struct slow_work *work, bool on_stack)
{
}

static inline void slow_work_debug_activate(struct slow_work *work) { }
static inline void slow_work_debug_deactivate(struct slow_work *work) { }

#endif

/* slow-work-pool.c */
int slow_work_pool_init(void);
void slow_work_pool_exit(void);
int slow_work_pool_start(void);
void slow_work_pool_stop(void);
void slow_work_find_dead(void);

/* slow-work-place.c */

/* What slow_work_place_self() had to put right */
#define SLOW_WORK_MOVED_POLICY	BIT(0)
#define SLOW_WORK_MOVED_NICE	BIT(1)
#define SLOW_WORK_MOVED_CPUS	BIT(2)

unsigned int slow_work_place_self(void);
int slow_work_place_init(void);
void slow_work_place_exit(void);
void slow_work_place_begin(struct task_struct *task);
void slow_work_place_begin_thread(struct task_struct *task);
void slow_work_place_end(void);
int slow_work_nice(void);
int slow_work_set_nice(int nice);
void slow_work_get_cpumask(struct cpumask *mask);
int slow_work_set_cpumask(const struct cpumask *mask);

/* slow-work-stall.c */
int slow_work_stall_init(void);
void slow_work_stall_exit(void);
void slow_work_stall_start(void);
void slow_work_stall_stop(void);
unsigned int slow_work_stall_secs(void);
int slow_work_set_stall_secs(int secs);

/* slow-work-users.c */
extern struct mutex slow_work_users_mutex;
extern struct list_head slow_work_users;
void slow_work_users_exit(void);

/* slow-work-watch.c */
DECLARE_STATIC_KEY_FALSE(slow_work_watched);
void slow_work_note_queued(struct slow_work *work);
void slow_work_note_start(struct slow_work_thread *thread,
			  const struct slow_work *work);
void slow_work_note_end(struct slow_work_thread *thread,
			const struct slow_work *work);
void slow_work_set_histograms(bool on);
void slow_work_reset_times(void);

/* slow-work-sysctl.c */
int slow_work_params_check(void);
int slow_work_sysctl_init(void);
void slow_work_sysctl_exit(void);

/* slow-work-walk.c */

/* Lists in the order in which they are walked */
enum slow_work_list {
	SLOW_WORK_LIST_THREADS,
	SLOW_WORK_LIST_LOST,
	SLOW_WORK_LIST_SLOW,
	SLOW_WORK_LIST_VSLOW,
	SLOW_WORK_LIST_ARMED,
	SLOW_WORK_LIST_END
};

/**
 * struct slow_work_walk - a walk over all items
 * @cursor: L: stands behind the item seen last
 * @list: the list that @cursor is in
 * @slot: the next thread to look at
 * @began: jiffies; what joins a queue later is not seen
 * @seen: the item seen last: only its address once it is unpinned
 * @flags: its flags
 * @jiffies: when it was queued, began to execute, or is due
 * @execute: its function
 * @user: whom it counts for
 * @thread: the number of the thread that executes it
 * @pid: that thread's
 * @pinned: it is kept from put_ref: slow_work_walk_unpin() is owed
 * @pin: L: in pool.pins then
 * @waiters: L: wait for that to end
 */
struct slow_work_walk {
	struct slow_work cursor;
	enum slow_work_list list;
	unsigned int slot;
	unsigned long began;
	struct slow_work *seen;
	unsigned long flags;
	unsigned long jiffies;
	void (*execute)(struct slow_work *work);
	const struct slow_work_user *user;
	unsigned int thread;
	pid_t pid;
	bool pinned;
	struct list_head pin;
	struct list_head waiters;
};

void slow_work_walk_begin(struct slow_work_walk *walk);
bool slow_work_walk_next(struct slow_work_walk *walk, bool pin);
void slow_work_walk_at(struct slow_work_walk *walk, struct slow_work *work);
void slow_work_walk_unpin(struct slow_work_walk *walk);
void slow_work_walk_end(struct slow_work_walk *walk);
bool slow_work_describe(struct slow_work *work, struct seq_file *m);

/* slow-work-debugfs.c, slow-work-stats.c */
#ifdef CONFIG_SLOW_WORK_DEBUG
void slow_work_stats_init(struct dentry *dir);
void slow_work_debugfs_init(void);
void slow_work_debugfs_exit(void);
#else
static inline void slow_work_debugfs_init(void) { }
static inline void slow_work_debugfs_exit(void) { }
#endif

#endif /* _SLOW_WORK_PRIVATE_H */
