/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slow-work: types and locking rules, shared by the module's own files
 *
 * Calls run downwards in this list only (make check-style checks that):
 *
 * main.c		the list of inits and, backwards, of exits
 * slow-work-sysctl.c	/proc/sys/kernel/slow-work and the module parameters
 * slow-work-debugfs.c	runqueue and the statistics
 * slow-work-watchdog.c	reports of items that do not start or do not end
 * slow-work-user.c	register, unregister, flush of a user
 * slow-work-pool.c	threads: start, manager, growth, cull
 * slow-work-walk.c	all items in order, one at a time
 * slow-work-cancel.c	cancel and flush of an item
 * slow-work-yield.c	an item gives way to others
 * slow-work-init.c	items are initialised
 * slow-work.c		an item from enqueue to put_ref; the thread's loop
 * slow-work-debugobjects.c	items that are freed while the pool has them
 * slow-work-owner.c	whose an item is, and how many of its are in flight
 * slow-work-wake.c	which thread comes for what is queued; waits
 * slow-work-debug.c	run-time checks of callers
 * slow-work-affinity.c	CPUs and niceness of the threads
 * slow-work-trace.c	tracepoints and latency statistics
 * slow-work-state.c	the pool, as data
 */

#ifndef _SLOW_WORK_PRIVATE_H
#define _SLOW_WORK_PRIVATE_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/hashtable.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include "compat.h"

/*
 * Locking rules
 *
 * I: set before others can see it, read-only until its memory is used for another.
 *
 * L: slow_pool.lock protected.  A raw spinlock, since items are enqueued from hard
 *    interrupts on PREEMPT_RT too.  Held for bit and list operations and for no
 *    call-out but get_ref.  No list of items, waiters, sleepers or users is walked to
 *    its end under it: a section is as short with 100,000 items and 1,000 users as
 *    with one (promise 11).
 *
 * R: slow_work_register_mutex protected.  Held while threads are started for the
 *    first user or stopped after the last; never while an item is waited for.
 *
 * U: slow_work_users_mutex protected, and L for writing.  Readers of all users
 *    hold it; nests inside R.
 *
 * P: slow_work_affinity_mutex protected.  Held while settings change, and while a
 *    new thread is placed and made known; nests inside R and U.
 *
 * S: the starter of threads: the manager while there is one, else the holder of R.
 *
 * T: the thread itself.
 *
 * H: written under L, read without it where a value that is about to change will
 *    do.
 */

/* Flag bits of an item that are ours, behind the six that callers know */
#define SLOW_WORK_DESCRIBED	6	/* pinned by desc: put_ref has to wait */
#define SLOW_WORK_YIELDED	7	/* queued again by giving up its thread */
#define SLOW_WORK_MARKER	8	/* no item: a walk's cursor in a list */
#define SLOW_WORK_PUTTING	9	/* a cancel has it, for its put_ref */
#define SLOW_WORK_FLUSHED	10	/* a flush waits for its pending run */
/* 11 is SLOW_WORK_STATIC */
#define SLOW_WORK_PUT_AGAIN	12	/* a run enqueued during put_ref was cancelled */
#define SLOW_WORK_REARMED	13	/* its timer was set while its function came */

#define SLOW_WORK_MIN_THREADS	2
#define SLOW_WORK_STALL_SECS	120

/*
 * 10 ms: how long a sleeper may lie before an item that yielded preempts it, and
 * how long the pool counts on a thread that was called (promise 8)
 */
#define SLOW_WORK_REST_JIFFIES	(msecs_to_jiffies(10) + 1)

/* No start of a thread for so long after a failure */
#define SLOW_WORK_RETRY_JIFFIES	(5 * HZ)

/* Items wait and nothing starts: sample for dead threads so often */
#define SLOW_WORK_SAMPLE_JIFFIES HZ

/* A call that has waited for so long says once what for. */
#define SLOW_WORK_PATIENCE_JIFFIES (10 * HZ)

/*
 * How threads and the manager idle, as worker_thread() does: no part of the load
 * average, no hung-task report, deaf to signals.
 */
#define SLOW_WORK_IDLE		(TASK_IDLE | TASK_FREEZABLE)

enum slow_work_class_id {
	SLOW_WORK_SLOW,
	SLOW_WORK_VSLOW,
	SLOW_WORK_NR_CLASSES
};

/* Counted for each user and class, since the reset */
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

/* Histograms: how often a time was 2^n ns and more, and less than 2^(n+1) */
struct slow_work_times {
	atomic_long_t buckets[SLOW_WORK_NR_TIMES][SLOW_WORK_BUCKETS];
};

/*
 * Items in the order in which they joined, and walks' cursors; or queues in the order of
 * their turns.  An hlist with a tail: the checks that CONFIG_DEBUG_LIST makes of a
 * list_head, once to add and once to delete, are a tenth of what a no-op item costs on a
 * distribution's kernel.
 */
struct slow_work_list {
	struct hlist_head head;		/* L */
	struct hlist_node **tail;	/* L: where the next one is to be added */
};

/* A class of items */
struct slow_work_class {
	struct slow_work_list turns;	/* L: queues with items, in the order of turns */
	unsigned int queued;		/* L: items in these */
	unsigned int yielded;		/* L: of these, came back by yielding */
	unsigned long yielded_at;	/* L: jiffies when one that had was taken last */
	unsigned int executing;		/* L: items that threads have */
	unsigned int limit;		/* L: of @executing: start no more */
	unsigned long started;		/* L: items taken from queues, ever */
	unsigned long sampled;		/* L: @started at the last sample */
	unsigned long uncounted;	/* L: of @started: lost, disarmed, before reset */
	unsigned long counts[SLOW_WORK_NR_COUNTS];	/* L */
	atomic_long_t merged;		/* enqueues merged, by users that left */
	struct list_head sleepers;	/* L: threads asleep in one, longest first */
	unsigned int nr_sleepers;	/* L: entries of @sleepers */
	unsigned int preempted;		/* L: were sleepers, are counted on */
} ____cacheline_aligned;	/* a power of two: an index costs a shift */

/*
 * A task that waits for an item or a user.  No wait queue: a waker may be in hard
 * interrupt, on PREEMPT_RT too.
 */
struct slow_work_waiter {
	struct list_head link;		/* L: with others, then in slow_pool.woken */
	struct completion done;		/* the wait is over */
};

/* Where a holder is with its item */
enum slow_work_stage {
	SLOW_WORK_ENDED,	/* execute is over; put_ref comes, or ran */
	SLOW_WORK_RUNNING,	/* may complete without the lock */
	SLOW_WORK_CLAIMED,	/* running; completion must take the lock */
	SLOW_WORK_LOST,		/* its thread has died */
};

/*
 * Has an item out of the queues, from when a thread takes it until put_ref has
 * returned.  An item is held if the holder that it points to points back, so a
 * pointer that is left in an item does no harm: threads' holders live until the
 * module goes.
 *
 * A cancel has no holder, since its item outlives the call: SLOW_WORK_PUTTING says
 * that it runs put_ref.  Nothing points into the stack of a task that may die there.
 */
struct slow_work_holder {
	struct slow_work *item;		/* L, read by T: NULL when let go */
	int stage;			/* RUNNING to ENDED without the lock, else L */
	bool recheck;			/* L: the item is there after put_ref: see to it */
	bool disturbed;			/* L: a cancel waits for the run, be it enabled since */
	unsigned long timestamp;	/* L: the item's, if that was armed meanwhile */
	struct slow_work_account *account; /* L, read by T: where the item counts */
	struct list_head waiters;	/* L: until @item is let go */
	struct list_head next;		/* L: for the run of @item that is pending */
};

/* slow_work_thread::flags */
#define SLOW_WORK_SEARCHING	BIT(0)	/* it is slow_pool.searcher */
#define SLOW_WORK_COMING	BIT(1)	/* it is in slow_pool.coming */
#define SLOW_WORK_PREEMPTED	BIT(2)	/* its item was told to give way */
#define SLOW_WORK_RETIRED	BIT(3)	/* it counts no more, and is to exit */
#define SLOW_WORK_SLOW_FIRST	BIT(4)	/* it comes for a slow item */
#define SLOW_WORK_ABSENT	BIT(5)	/* it was called, has no item and did not come */
#define SLOW_WORK_CALLED	BIT(6)	/* a reserve: it was woken, and goes on */

/* A pool thread */
struct slow_work_thread {
	struct slow_work_holder holder;	/* L: what it executes */
	struct slow_work_class *class;	/* L, read by T: the class of that item */
	struct list_head link;		/* L: in idle, coming, retired or lost */
	unsigned long since;		/* L: jiffies when it joined that */
	struct list_head sleeper;	/* L: in its class's sleepers */
	unsigned long asleep_since;	/* L: jiffies when it joined, or was started */
	unsigned int flags;		/* L: SLOW_WORK_SEARCHING and the like */
	unsigned int slot;		/* I: its number */
	u64 began;			/* T, L clears: ns when execute began, or 0 */
	struct task_struct *task;	/* L to write, by S, of a reserve by U or R: referenced */
	struct slow_work_user *user;	/* I: of a reserve: whose */
	const struct cred *cred;	/* T: its credentials, referenced */
	int prio;			/* T: its normal_prio before execute */
	unsigned long cpus;		/* T: first word of its cpus_mask before that */
	void (*execute)(struct slow_work *work); /* T, read under L in put_ref: of its last item */
#ifdef CONFIG_LOCKDEP
	int locks;			/* T: lockdep's count when execute began */
	struct lockdep_map map;		/* T: of the item that it runs */
	bool mapped;			/* T: it took that, and its user's */
#endif
};

/* An in-flight count of a user */
struct slow_work_account {
	unsigned long active;		/* L: references held, but of armed items */
	bool waited;			/* L: slow_work_drained() at 0 */
	unsigned long executed;		/* L: runs that ended, since the reset */
	struct module *module;		/* I: the user's; enqueues look here */
	struct slow_work_user *user;	/* I */
};

#define SLOW_WORK_NR_ACCOUNTS	2

/*
 * The items of an owner that wait in a class.  Queues with items take turns, one item
 * each (promise 7).  One that is alone keeps its turn when it becomes empty: so an
 * owner that has the pool to itself pays for no list of queues.
 */
struct slow_work_queue {
	struct slow_work_list items;	/* L */
	struct hlist_node turn;		/* L: in slow_work_class::turns */
	unsigned long taken;		/* L: jiffies when the pool took one last */
} __aligned(64);	/* a power of two, as struct slow_work_class */

/* Since when a class or a thread has made no progress.  W: see slow-work-watchdog.c. */
struct slow_work_age {
	unsigned long mark;	/* W: items started; jiffies when the item began */
	unsigned long since;	/* W: jiffies: @mark is as old, or the last sleep */
	unsigned long reported;	/* W: the age at the last report, or 0 */
};

/*
 * A module that registered.  Its memory is kept for the next one: an enqueue that is
 * merged counts without the lock, perhaps for a user that has left.
 *
 * The accounts are what the flush colours are to a workqueue: new runs count in the
 * current one; a flush makes the other current and waits for this one to drain.
 */
struct slow_work_user {
	struct slow_work_queue queues[SLOW_WORK_NR_CLASSES]; /* L */
	struct slow_work_user *older;	/* I: the next in slow_pool.newest */
	unsigned int number;		/* I: how many are older */
	struct slow_work_thread *reserve; /* L, set under U, cleared if it died: memory stays */
	struct list_head reserves;	/* L: in slow_pool.reserves, while it has one */
	struct slow_work_age age;	/* W: of what the reserve executes */
	struct module *module;		/* I: only a key, but for its name */
	struct hlist_node hash;		/* L: in slow_pool.users, later in spare */
	struct list_head link;		/* U: in slow_work_users */
	bool reserved;			/* H, changed under U: asked for a reserve */
	char name[MODULE_NAME_LEN];	/* I */
	unsigned int registered;	/* L: how often it did */
	unsigned int leaving;		/* L: of these, are about to unregister */
	struct slow_work_account accounts[SLOW_WORK_NR_ACCOUNTS]; /* L */
	struct slow_work_account *current_account; /* L */
	unsigned long armed;		/* L: references held on armed items */
	unsigned long counts[SLOW_WORK_NR_COUNTS][SLOW_WORK_NR_CLASSES]; /* L */
	atomic_long_t merged[SLOW_WORK_NR_CLASSES]; /* enqueues, since the reset */
	struct list_head flushes;	/* L: wait for the other account to drain */
	struct list_head next_flushes;	/* L: came meanwhile */
	struct list_head leavers;	/* L: wait until nothing of it is in the pool */
	struct slow_work_times times;
#ifdef CONFIG_LOCKDEP
	struct lock_class_key key;	/* I: of @map */
	struct lockdep_map map;		/* I: the runs of its items */
#endif
};

/* What happened since the reset */
struct slow_work_events {
	u64 reset_at;			/* L: jiffies (64 bits) */
	unsigned int peak;		/* L: most threads */
	unsigned long starts;		/* L: threads started */
	unsigned long culled;		/* L: threads retired as surplus */
	unsigned long start_failures;	/* L: failed thread creations */
	unsigned long stalls;		/* L: found, printed or not */
	unsigned long reserve_calls;	/* L: of reserves that were called */
	unsigned long max_ticks;	/* L: jiffies at the maximum, to @max_since */
};

/* The pool */
struct slow_work_pool {
	raw_spinlock_t lock;		/* L itself */
	struct slow_work_class classes[SLOW_WORK_NR_CLASSES]; /* L */
	bool stopping;			/* L: all threads are to exit */
	bool closing;			/* L: the last user left: disarm what is armed */
	bool special;			/* L: @closing, or slow_work_too_many() */
	bool helpers;			/* L: slow_work_wake_thread() may find one to wake */
	int closing_told;		/* L to clear, xchg() to set: one item has been named */

	/* Threads */
	unsigned int nr;		/* H: but for retired and lost ones */
	struct list_head idle;		/* L: the latest first */
	unsigned int nr_idle;		/* L: entries of @idle */
	struct slow_work_thread *searcher; /* L: was woken, has not come yet */
	struct list_head coming;	/* L: preempted or started, oldest first */
	unsigned int nr_coming;		/* L: entries of @coming */
	unsigned int nr_absent;		/* L: SLOW_WORK_ABSENT: as many more are wanted */
	struct list_head retired;	/* L: are exiting, and want to be reaped */
	struct list_head lost;		/* L: died in a call-out, with their items */
	unsigned int nr_lost;		/* L: entries of @lost */
	struct slow_work_thread **threads; /* L, S to set: by number */
	unsigned long *slots;		/* S, cleared under L too: numbers taken */
	unsigned int limit;		/* I: of @max; size of @threads */
	unsigned int hz;		/* I: HZ, for readers from outside */

	struct slow_work_list armed;	/* L: delayed items */
	struct timer_list timer;	/* ends trust, preempts, samples, wakes */
	unsigned long sampled_at;	/* L: jiffies of the last sample */
	struct timer_list stall_timer;	/* the watchdog's, which sets it again */
	struct list_head woken;		/* L: waiters to be woken, one a section */
	struct list_head pins;		/* L: walks that pin an item */
	bool dying;			/* L: a thread died; it may not be in @lost yet */
	unsigned long dying_since;	/* L: jiffies of that */
	struct task_struct *getter;	/* H: is in a get_ref */

	/* Settings: /proc/sys/kernel/slow-work/ */
	unsigned int min;		/* H */
	unsigned int max;		/* H */
	unsigned int vslow_percentage;	/* H */
	int nice;			/* P, read without: of the threads, but for the manager */
	unsigned int stall_secs;	/* H: stall-warn-secs; 0: no samples */
	unsigned int histograms;	/* H: 0 or 1: times go into the histograms */

	/* The manager */
	struct task_struct *manager;	/* L, changed under R: creates and reaps threads */
	bool managing;			/* L: it is awake, or wakes soon by itself */
	bool culling;			/* L: it wakes to see whether one is cold */
	bool surplus;			/* L: there are more threads than wanted */
	unsigned long surplus_since;	/* L: jiffies of when that began */
	bool sampling;			/* L: it is to look for dead threads */
	bool failed;			/* L: the last start of a thread failed */
	unsigned long failed_at;	/* L: jiffies of that */
	void (*unowned_execute)(struct slow_work *work); /* H: of an unregistered owner */

	/* Users */
	DECLARE_HASHTABLE(users, 8);	/* L: by their module's address */
	unsigned long nr_users;		/* L, changed under R too: registrations; 0: no enqueues */
	struct slow_work_account *recent; /* L: of the last enqueue; always current */
	struct slow_work_user unowned;	/* L: owners that have not registered */
	struct hlist_head spare;	/* L: users that have left */
	struct slow_work_user *newest;	/* H, at exit none: of all users, spare ones too */

	/* Reserves */
	struct list_head reserves;	/* L: users that have one, next to check first */
	unsigned int nr_reserves;	/* L: entries of @reserves */
	struct slow_work_class reserve_classes[SLOW_WORK_NR_CLASSES]; /* L: what they run */
	bool reserve_died;		/* L: one is to be started in its place */

	/* Statistics */
	struct slow_work_times times[SLOW_WORK_NR_CLASSES];
	u64 histograms_since;		/* L: jiffies (64 bits) */
	struct slow_work_events events;	/* L */
	unsigned long max_since;	/* L: jiffies of the last change of @nr */
	bool at_max;			/* L: there are as many as there may be */
};

/* slow-work-state.c */
extern struct slow_work_pool slow_pool;
extern struct mutex slow_work_users_mutex;
extern struct list_head slow_work_users;

/* Are there more threads than there may be? */
static inline bool slow_work_too_many(void)
{
	return slow_pool.stopping || slow_pool.nr > slow_pool.max;
}

/* How many items of a class could start if they and threads for them were there */
static inline unsigned int slow_work_room(const struct slow_work_class *class)
{
	return class->executing < class->limit ?
	       class->limit - class->executing : 0;
}

/* How many items of a class could start if there were threads for them */
static inline unsigned int slow_work_startable(const struct slow_work_class *class)
{
	return min(class->queued, slow_work_room(class));
}

static inline enum slow_work_class_id slow_work_class_id(unsigned long flags)
{
	BUILD_BUG_ON(SLOW_WORK_SLOW != 0 || SLOW_WORK_VSLOW != 1);
	return (flags >> SLOW_WORK_VERY_SLOW) & 1;
}

static inline struct slow_work_class *slow_work_class_of(unsigned long flags)
{
	return &slow_pool.classes[slow_work_class_id(flags)];
}

/* slow-work-trace.c */
int slow_work_set_histograms(int on);
void slow_work_reset_times(void);
void slow_work_trace_exit(void);

/* slow-work-affinity.c */
int slow_work_affinity_init(void);
void slow_work_affinity_exit(void);
void slow_work_affinity_begin(struct task_struct *task, bool nice);
void slow_work_affinity_end(void);
int slow_work_set_nice(int nice);
void slow_work_get_cpumask(struct cpumask *mask);
int slow_work_set_cpumask(const struct cpumask *mask);

/* slow-work-wake.c */
void slow_work_update(void);
void slow_work_wake_manager(void);
bool slow_work_unserved(void);
unsigned long slow_work_needed(void);
unsigned int slow_work_wanted(void);
void slow_work_note_surplus(void);
unsigned long slow_work_left(unsigned long since, unsigned long wait);
unsigned long slow_work_backs_off(void);
struct slow_work *slow_work_first_of(const struct slow_work_list *list);
struct slow_work *slow_work_first(const struct slow_work_class *class);
struct slow_work *slow_work_first_unserved(const struct slow_work_user *user);
void slow_work_wake_thread(void);
void slow_work_wake_sleeper(struct slow_work_thread *thread);
void slow_work_call(struct slow_work_thread *thread, unsigned int flags);
void slow_work_arrive(struct slow_work_thread *thread);
void slow_work_retire(struct slow_work_thread *thread);
void slow_work_end_sleep(struct slow_work_thread *thread);
void slow_work_step_aside(struct slow_work_thread *thread);
void slow_work_close(void);
void slow_work_timer(struct timer_list *unused);
void slow_work_wake_waiters(struct list_head *waiters);
void slow_work_wait_for(struct slow_work_waiter *waiter, unsigned long *patience,
			void (*report)(const void *what), const void *what);

/* Is there something that a thread is to come for? */
static __always_inline bool slow_work_wants_thread(void)
{
	return slow_pool.classes[SLOW_WORK_SLOW].queued |
	       slow_pool.classes[SLOW_WORK_VSLOW].queued | slow_pool.closing;
}

/*
 * Have a thread come for what is queued.  To be called after each change that
 * gives the queues something to start: an item joined, a thread took one (and
 * there may be more), lay down to sleep in one, or left.
 *
 * helpers says what idle, searcher, the sleepers, nr and managing say.  To read these
 * here instead costs an item 6 % more (noop-p1 of make bench).
 */
static __always_inline void slow_work_kick(void)
{
	lockdep_assert_held(&slow_pool.lock);
	if (unlikely(slow_pool.helpers) && slow_work_wants_thread())
		slow_work_wake_thread();
}

/* slow-work.c */
struct slow_work_thread *slow_work_current_thread(void);

/* slow-work-pool.c */
int slow_work_pool_init(void);
void slow_work_pool_exit(void);
int slow_work_pool_start(void);
void slow_work_pool_stop(void);
void slow_work_find_dead(void);
int slow_work_reserve_start(struct slow_work_user *user);
void slow_work_reserve_stop(struct slow_work_thread *thread);

/* slow-work-user.c */
void slow_work_user_exit(void);

/* slow-work-watchdog.c */
int slow_work_watchdog_init(void);
void slow_work_watchdog_exit(void);
int slow_work_set_stall_secs(int secs);

/* slow-work-sysctl.c */
int slow_work_params_check(void);
int slow_work_sysctl_init(void);
void slow_work_sysctl_exit(void);

/* slow-work-debugfs.c */
#ifdef CONFIG_SLOW_WORK_DEBUG
void slow_work_debugfs_init(void);
void slow_work_debugfs_exit(void);
#else
static inline void slow_work_debugfs_init(void) { }
static inline void slow_work_debugfs_exit(void) { }
#endif

#endif /* _SLOW_WORK_PRIVATE_H */
