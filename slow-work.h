/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slow-work: what our own files share.
 *
 * slow-work.c		an item's way from enqueue to put_ref; the thread's loop
 * slow-work-pool.c	the threads: how many, who starts and stops them
 * slow-work-place.c	where threads run, and with which niceness
 * slow-work-stall.c	items that do not start, or do not end
 * slow-work-users.c	modules that register, and what is waited for
 * slow-work-sysctl.c	/proc/sys/kernel/slow-work and the module parameters
 * slow-work-walk.c	all items in order, one at a time
 * slow-work-watch.c	what is told of items and threads: tracepoints, times
 * slow-work-check.c	what callers do wrong, told where it was done
 * slow-work-debugfs.c	runqueue
 * slow-work-stats.c	figures
 * main.c		the list of inits, and backwards of exits
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
#include <linux/wait.h>
#include "compat.h"

/*
 * Who may touch what:
 *
 * I: set when the module is loaded, read-only afterwards.
 *
 * L: pool.lock.  A raw spinlock, since items are enqueued from hard interrupts
 *    on PREEMPT_RT too.  Held for bit operations and list operations, and for
 *    no call-out but get_ref.
 *
 * R: slow_work_register_mutex.  Held while the pool is set up and taken down,
 *    and so while threads are waited for.
 *
 * P: slow_work_place_mutex.  Held while a thread that was just created is placed
 *    and made known, and while all are placed anew; inside R.
 *
 * S: the starter of threads: the manager while there is one, else whoever
 *    holds R.
 *
 * T: the thread itself.
 *
 * H: written under L.  Read without it where the reader can do with a value
 *    that is about to change.
 */

/* Flag bits of our own, behind the six that callers know */
#define SLOW_WORK_DESCRIBED	6	/* its desc runs: keep it from put_ref */
#define SLOW_WORK_YIELDED	7	/* queued again by giving up its thread */
#define SLOW_WORK_MARKER	8	/* no item: a walk's place in a list */
#define SLOW_WORK_DISCARDED	9	/* queued to be put, and not executed */
#define SLOW_WORK_FLUSHED	10	/* its pending run is waited for */

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
#define SLOW_WORK_REST_JIFFIES	(msecs_to_jiffies(10) + 1) /* a sleeper's due */

enum slow_work_class_id {
	SLOW_WORK_SLOW,
	SLOW_WORK_VSLOW,
	SLOW_WORK_NR_CLASSES
};

/* What is counted of a user's items, by class */
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
 * @queue: L: its items that wait for a thread, and the markers of walks
 * @queued: L: items in @queue
 * @yielded: L: those of @queued that came back by yielding their thread
 * @executing: L: its items that threads have out of the queue
 * @limit: L: start none while so many are executing
 * @started: L: items taken from @queue, ever
 * @sleepers: L: threads that sleep in one of its items, longest first
 * @nr_sleepers: L: entries of @sleepers
 * @summoned: L: its sleepers that were displaced and have not come back yet
 */
struct slow_work_class {
	struct list_head queue;
	unsigned int queued;
	unsigned int yielded;
	unsigned int executing;
	unsigned int limit;
	unsigned long started;
	struct list_head sleepers;
	unsigned int nr_sleepers;
	unsigned int summoned;
};

/* Where a holder is with its item: slow_work_holder::stage */
enum slow_work_stage {
	SLOW_WORK_ENDED,	/* execute is over; put_ref comes, or ran */
	SLOW_WORK_RUNNING,	/* execute runs, and nobody asked for it */
	SLOW_WORK_WANTED,	/* the same, and look at the item when it ends */
};

/* slow_work_holder::wishes */
#define SLOW_WORK_REQUEUE	BIT(0)	/* it has a new reference: queue it */
#define SLOW_WORK_PUT_AGAIN	BIT(1)	/* a cancel took the new one back */
#define SLOW_WORK_WAITED	BIT(2)	/* somebody waits for that */

/**
 * struct slow_work_holder - who has an item out of the queues
 * @item: L: the item; NULL when let go
 * @stage: RUNNING becomes WANTED under L, and ENDED by the holder without it:
 *	both by cmpxchg, so that one of them wins
 * @wishes: L: what others want to be done when @item is let go
 * @account: L: where @item counts; a thread alone writes its own, and so may
 *	read it without
 * @task: L: the holder
 *
 * A thread holds what it executes, a cancel what it took out of a queue, until
 * put_ref has returned.  An item is held if the holder it points to points
 * back; so a pointer left over in an item does no harm, as the holders of
 * threads live until the module goes and a cancel takes its own back.
 */
struct slow_work_holder {
	struct slow_work *item;
	int stage;
	unsigned int wishes;
	struct slow_work_account *account;
	struct task_struct *task;
};

/**
 * struct slow_work_waiter - somebody waits, for one of three things
 * @link: L: in pool.waiters
 * @work: L: a flush waits for its run, which is pending
 * @holder: L: or for this one to let go of its item
 * @user: L: or for one of its accounts to become empty
 * @done: so it is
 *
 * No wait queue, since those who wake may have interrupts off, on PREEMPT_RT too.
 */
struct slow_work_waiter {
	struct list_head link;
	struct slow_work *work;
	struct slow_work_holder *holder;
	struct slow_work_user *user;
	struct completion done;
};

/* slow_work_thread::errand */
#define SLOW_WORK_SEARCHING	BIT(0)	/* it is pool.searching */
#define SLOW_WORK_COMING	BIT(1)	/* it counts in pool.coming */
#define SLOW_WORK_SUMMONED	BIT(2)	/* and there; its item is to give way */
#define SLOW_WORK_RETIRED	BIT(3)	/* it counts no more, and is to exit */
#define SLOW_WORK_SLOW_FIRST	BIT(4)	/* it comes for a slow item */

/**
 * struct slow_work_thread - a pool thread
 * @holder: L: what it executes
 * @class: L: the class of that item
 * @link: L: in pool.idle or pool.retired
 * @idle_since: L: jiffies when it joined pool.idle
 * @sleeper: L: in its class's sleepers
 * @asleep_since: L: jiffies when it joined them last, or was started
 * @errand: L: what is expected of it when it comes back to the queues
 * @slot: I: its number
 * @began: T, but that L clears it: ns when execute began; 0 if nobody looked
 * @task: S, pointer read under L: the task, on which we hold a reference
 * @cred: T: its credentials, on which it holds a reference
 * @prio: T: its current->normal_prio before execute
 * @policy: T: its current->policy before execute
 * @nr_cpus: T: its current->nr_cpus_allowed before execute
 * @cpus: T: the first word of its current->cpus_ptr before execute
 * @locks: T: locks held by it, as lockdep counts, when execute began
 * @map: T: of the item that it runs
 * @mapped: T: it took that, and its user's
 */
struct slow_work_thread {
	struct slow_work_holder holder;
	struct slow_work_class *class;
	struct list_head link;
	unsigned long idle_since;
	struct list_head sleeper;
	unsigned long asleep_since;
	unsigned int errand;
	unsigned int slot;
	u64 began;
	struct task_struct *task;
	const struct cred *cred;
	int prio;
	unsigned int policy;
	int nr_cpus;
	unsigned long cpus;
#ifdef CONFIG_LOCKDEP
	int locks;
	struct lockdep_map map;
	bool mapped;
#endif
};

/**
 * struct slow_work_account - where items of a user count
 * @module: I: the user's, as enqueuers look for it here
 * @active: L: references that the pool holds on items; without those that are
 *	armed, until their delay is over
 * @waited: L: somebody waits for @active to become 0
 * @armed: L: the references on armed ones
 * @executed: L: references that were put after execute, or handed on
 * @counts: L: see there
 * @user: I: the user
 * @merged: enqueues of items that were pending, by class
 */
struct slow_work_account {
	struct module *module;
	unsigned long active;
	bool waited;
	unsigned long armed;
	unsigned long executed;
	unsigned long counts[SLOW_WORK_NR_COUNTS][SLOW_WORK_NR_CLASSES];
	struct slow_work_user *user;
	atomic_long_t merged[SLOW_WORK_NR_CLASSES];
};

#define SLOW_WORK_NR_ACCOUNTS	2

/**
 * struct slow_work_user - a module that registered
 * @hash: L: in pool.users; in pool.spare when it has left
 * @module: I: the module; only a key, but for its name
 * @name: I: its name
 * @registered: L: how often it did
 * @leaving: L: how many of these are about to unregister
 * @accounts: see there
 * @current_account: L: the account that new runs count in; the other one is
 *	empty, but for what is armed, or a flush waits for that
 * @flush_mutex: held by a flush from when it changes @current_account until the
 *	one before is empty
 * @times: see there
 * @key: I: what lockdep knows @map by
 * @map: I: the runs of its items, for lockdep
 *
 * Its memory is kept for the next user, since an enqueue that is merged counts
 * without the lock, in an account that its item may have had before.
 */
struct slow_work_user {
	struct hlist_node hash;
	struct module *module;
	char name[MODULE_NAME_LEN];
	unsigned int registered;
	unsigned int leaving;
	struct slow_work_account accounts[SLOW_WORK_NR_ACCOUNTS];
	struct slow_work_account *current_account;
	struct mutex flush_mutex;	/* see above */
	struct slow_work_times times;
#ifdef CONFIG_LOCKDEP
	struct lock_class_key key;
	struct lockdep_map map;
#endif
};

/**
 * struct slow_work_todo - what is to be done once pool.lock is dropped
 * @any: L: there is something
 * @stranger: L: warn that the owner of this function has not registered
 */
struct slow_work_todo {
	bool any;
	void *stranger;
};

/**
 * struct slow_work_pool - the pool
 * @lock: L itself
 * @classes: L: see there
 * @open: H: there is a user: enqueues are taken
 * @stopping: L: all threads are to exit
 * @surplus: L: a thread that comes to the queues is to exit
 * @helpers: L: slow_work_find_thread() may find one: somebody idles, sleeps or
 *	can be started
 * @todo: L: what is to be done once the lock is dropped; always empty when it
 *	is taken
 * @nr: L: threads, without the retired ones
 * @idle: L: threads with nothing to do, the latest first
 * @searching: L: an idle thread was woken and has not come to the queues yet
 * @coming: L: threads that are on their way to the queue otherwise: sleepers
 *	that were displaced, threads that were just started
 * @armed: L: items whose delay runs, and the markers of walks
 * @retired: L: threads that are exiting and want to be reaped
 * @min: H: see /proc/sys/kernel/slow-work/
 * @max: H: the same
 * @vslow_percentage: H: the same
 * @failed_at: L: jiffies when a start failed last: none for a while, if @failed
 * @failed: L: the last start of a thread failed
 * @managing: L: the manager is awake, or wakes by itself soon
 * @culling: L: the manager wakes to see whether an idle thread has become cold
 * @users: L: registered modules by their address
 * @nr_users: L, changed under R too: registrations
 * @recent: L: the account of the item that was enqueued last
 * @nobody: L: stands for the owners that did not register
 * @spare: L: users that have left
 * @gone: L: what was counted of these, when they left
 * @gone_merged: L: the same
 * @ended: L: by class, items that had been executed at the last reset; and those
 *	that were taken since to be put alone
 * @times: by class, see there
 * @waiters: L: see there
 * @pins: L: walks that keep an item from its put_ref
 * @histograms: H: times go into the histograms
 * @histograms_since: L: jiffies (64 bits) when that was switched on or reset
 * @reset_at: L: the same when the figures were reset
 * @peak: L: the most threads since then
 * @starts: L: threads started since then
 * @culled: L: threads retired as surplus since then
 * @start_failures: L: threads that could not be had
 * @stalls: L: reports of stalls since then
 * @max_ticks: L: jiffies at the maximum, up to @max_since
 * @max_since: L: jiffies when the number of threads changed last
 * @at_max: L: there are as many as there may be
 * @threads: S, pointers read under L: by number; not freed while loaded
 * @slots: S: the numbers in use
 * @limit: I: hard limit of @max, and the size of @threads
 * @hz: I: HZ, for those who read our memory from outside
 * @manager: L: starts threads, and buries them
 * @described: those who wait until an item's desc has returned
 */
struct slow_work_pool {
	raw_spinlock_t lock;
	struct slow_work_class classes[SLOW_WORK_NR_CLASSES];
	bool open;
	bool stopping;
	bool surplus;
	bool helpers;
	struct slow_work_todo todo;
	unsigned int nr;
	struct list_head idle;
	bool searching;
	unsigned int coming;
	struct list_head armed;
	struct list_head retired;
	unsigned int min;
	unsigned int max;
	unsigned int vslow_percentage;
	unsigned long failed_at;
	bool failed;
	bool managing;
	bool culling;
	DECLARE_HASHTABLE(users, 6);
	unsigned int nr_users;
	struct slow_work_account *recent;
	struct slow_work_user nobody;
	struct hlist_head spare;
	unsigned long gone[SLOW_WORK_NR_COUNTS][SLOW_WORK_NR_CLASSES];
	unsigned long gone_merged[SLOW_WORK_NR_CLASSES];
	unsigned long ended[SLOW_WORK_NR_CLASSES];
	struct slow_work_times times[SLOW_WORK_NR_CLASSES];
	struct list_head waiters;
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
	wait_queue_head_t described;
};

extern struct slow_work_pool slow_work_pool;

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

/* Count something that happens to @work, of which the pool has a reference. */
static inline void slow_work_count(const struct slow_work *work,
				   enum slow_work_count count)
{
	lockdep_assert_held(&slow_work_pool.lock);
	work->account->counts[count][slow_work_class_id(work->flags)]++;
}

/* slow-work.c */
int slow_work_thread_main(void *data);
struct slow_work_thread *slow_work_current_thread(void);
bool slow_work_catch(struct slow_work_holder *holder);
void slow_work_discard(struct slow_work *work);
void slow_work_wake_user(struct slow_work_user *user);
bool slow_work_forget(struct slow_work *work);
struct slow_work *slow_work_first(const struct slow_work_class *class);
void slow_work_find_thread(void);
void slow_work_arrive(struct slow_work_thread *thread);
void slow_work_unlock_and_do(bool irqs_on, unsigned long irq)
	__releases(&slow_work_pool.lock);

/* Who has @work out of the queues, if anybody has? */
static inline struct slow_work_holder *
slow_work_held(const struct slow_work *work)
{
	struct slow_work_holder *holder = work->holder;

	lockdep_assert_held(&slow_work_pool.lock);
	return holder && holder->item == work ? holder : NULL;
}

/*
 * See to it that somebody comes for what is queued.  To be called after each
 * change that gives the queues something to start: an item joined, a thread
 * took one (and there may be more), lay down to sleep in one, or left.
 */
static __always_inline void slow_work_kick(void)
{
	lockdep_assert_held(&slow_work_pool.lock);
	if (unlikely(slow_work_pool.helpers))
		slow_work_find_thread();
}

/*
 * Drop the lock, and do what is to be done then.  Every critical section that
 * may have found something to do ends with one of these.
 */
static __always_inline void slow_work_unlock(void)
	__releases(&slow_work_pool.lock)
{
	if (unlikely(slow_work_pool.todo.any))
		slow_work_unlock_and_do(true, 0);
	else
		raw_spin_unlock_irq(&slow_work_pool.lock);
}

static __always_inline void slow_work_unlock_irqrestore(unsigned long irq)
	__releases(&slow_work_pool.lock)
{
	if (unlikely(slow_work_pool.todo.any))
		slow_work_unlock_and_do(false, irq);
	else
		raw_spin_unlock_irqrestore(&slow_work_pool.lock, irq);
}

/* slow-work-check.c */

/* Allocation flags that a run may set for a while */
#define SLOW_WORK_PF_LEFT	(PF_MEMALLOC | PF_MEMALLOC_NOFS | \
				 PF_MEMALLOC_NOIO)

void slow_work_report_left(struct slow_work_thread *thread,
			   const struct slow_work *work);
void slow_work_note_self(struct slow_work_thread *thread);

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

static __always_inline bool slow_work_adopted_memcg(void)
{
#ifdef CONFIG_MEMCG
	return current->active_memcg;
#else
	return false;
#endif
}

/*
 * Has the policy, the niceness or the affinity of the calling thread changed since
 * slow_work_note_self()?  Others may have set them, hence READ_ONCE(); CPUs from 64
 * on show by their number alone.
 */
static __always_inline unsigned long
slow_work_moved(const struct slow_work_thread *thread)
{
	return (READ_ONCE(current->normal_prio) ^ thread->prio) |
	       (READ_ONCE(current->policy) ^ thread->policy) |
	       (READ_ONCE(current->nr_cpus_allowed) ^ thread->nr_cpus) |
	       (READ_ONCE(*cpumask_bits(current->cpus_ptr)) ^ thread->cpus);
}

/* Is the task as it was before execute, as far as the kernel can tell? */
static __always_inline void
slow_work_check_left(struct slow_work_thread *thread,
		     const struct slow_work *work)
{
	/* preempt_count() has the softirqs in it, but on PREEMPT_RT */
	if (unlikely(preempt_count() | get_current_state() |
		     rcu_preempt_depth() | slow_work_migration_off() |
		     (current->flags & SLOW_WORK_PF_LEFT) |
		     (IS_ENABLED(CONFIG_PREEMPT_RT) ? softirq_count() : 0)) ||
	    unlikely((unsigned long)current->plug |
		     (unsigned long)current->journal_info |
		     (unsigned long)current->mm |
		     slow_work_adopted_memcg()) ||
	    unlikely(slow_work_moved(thread)) ||
	    unlikely(task_sigpending(current)) ||
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
bool slow_work_short_handed(void);
void slow_work_retire(struct slow_work_thread *thread);
void slow_work_update(void);
void slow_work_summon_manager(void);

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
void slow_work_user_init(struct slow_work_user *user, struct module *module);
struct slow_work_account *slow_work_find_account(const struct slow_work *work);
void slow_work_count_refused(const struct slow_work *work);
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
	SLOW_WORK_LIST_SLOW,
	SLOW_WORK_LIST_VSLOW,
	SLOW_WORK_LIST_ARMED,
	SLOW_WORK_LIST_END
};

/**
 * struct slow_work_walk - a walk over all items
 * @place: L: stands behind the item seen last
 * @list: the list that @place is in
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
 */
struct slow_work_walk {
	struct slow_work place;
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
