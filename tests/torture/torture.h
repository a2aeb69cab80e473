/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slow-work-torture: what its files share.
 *
 * main.c	parameters, the director, the verdict
 * item.c	an item whose call-outs check what the pool promises
 * crowd.c	the actors: threads and interrupts that enqueue, cancel, free ...
 * exact.c	with the pool's size held still: order, share, sleepers
 *
 * The director lets actors act for a while, then gathers them: each is parked,
 * items requeue themselves no more, and all come to rest.  Then the books are
 * looked at, and it goes on.  Nothing here waits for ever: what takes longer
 * than the parameter patience is a fault, reported with the item's state.
 */

#ifndef _SLOW_WORK_TORTURE_H
#define _SLOW_WORK_TORTURE_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/kref.h>
#include <linux/sched.h>
#include <linux/slow-work.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include "../compat.h"
#include "../item.h"

struct module;

/* Faults ************************************************************/

/* Beside those of the item, enum swt_fault */
enum tort_fault {
	TORT_EARLY = SWT_NR_FAULTS, /* run before its delay was over */
	TORT_ORDER,		/* not started in the order of joining */
	TORT_SHARE,		/* very slow items above the share */
	TORT_THREADS,		/* their number did not settle */
	TORT_TOUCHED,		/* memory written to after the item's end */
	TORT_RESULT,		/* a return value that may not be */
	TORT_EVENT,		/* a sleeper missed its event */
	TORT_UNSERVED,		/* one of too many sleepers never ran */
	TORT_BUSY,		/* sleepers pass the threads round */
	TORT_RESERVE,		/* a user with a reserve makes no progress */
	TORT_STUCK,		/* no end within the patience */
	TORT_NR_FAULTS
};

__printf(2, 3) bool tort_fault(unsigned int fault, const char *format, ...);

/* Counts, for the report ********************************************/

enum tort_count {
	TORT_ACCEPTED,
	TORT_ARMED,
	TORT_REFUSED_CANCEL,
	TORT_REFUSED_REF,
	TORT_FROM_HARDIRQ,
	TORT_FROM_SOFTIRQ,
	TORT_RUNS,
	TORT_CANCELS,
	TORT_PREVENTED,
	TORT_TRIES,
	TORT_TAKEN,
	TORT_MODS,
	TORT_FLUSHES,
	TORT_USER_FLUSHES,
	TORT_FREED,
	TORT_YIELDS,
	TORT_EVENTS,
	TORT_SLEEPS,
	TORT_DESCS,
	TORT_USERS,
	TORT_DISABLES,
	TORT_HOLDS,
	TORT_RESERVED,
	TORT_GATHERED,
	TORT_EXACT,
	TORT_ROUNDS,
	TORT_NR_COUNTS
};

extern atomic_long_t tort_counts[TORT_NR_COUNTS];

static inline void tort_count(enum tort_count count)
{
	atomic_long_inc(&tort_counts[count]);
}

/* Chance ************************************************************/

/* Of one thread, or of one that is never asked from two at a time */
struct tort_rng {
	u64 state;
};

u64 tort_mix(u64 x);
void tort_seed(struct tort_rng *rng, const char *what, unsigned int nr);
unsigned int tort_below(struct tort_rng *rng, unsigned int n);

/* Items *************************************************************/

/* What an item is like */
#define TORT_COUNTED	BIT(0)	/* has get_ref and put_ref */
#define TORT_FLAKY	BIT(1)	/* get_ref fails now and then */
#define TORT_MORTAL	BIT(2)	/* on the heap, lives as long as its references */
#define TORT_LATE	BIT(3)	/* enqueued in its put_ref at times */
#define TORT_DUE	BIT(4)	/* one owner arms it, and it must not be early */
#define TORT_RECLAIM	BIT(5)	/* its owner has a reserve: it waits for no others' */

#define TORT_MAX_ITEMS	1024	/* that all play with */

#define TORT_POISON	0x5d

/**
 * struct tort_item - what torture adds to an item
 * @set: what it is one of
 * @nr: which one
 * @size: of its memory
 * @traits: TORT_COUNTED etc.
 * @run: what it does in execute
 * @draws: how often it has drawn lots
 * @seed: for these lots
 * @ref: of a mortal item: its owners and the pool
 * @watched: of the watchdog: the ticket that it waits for
 * @watched_since: of the watchdog: since when
 * @due: TORT_DUE: jiffies before which it must not run
 * @wq: a sleeper waits here for its event
 * @fired: events of a sleeper
 * @noticed: those that it has noticed
 * @event_since: of the watchdog: since when @fired is ahead of @noticed
 * @ticket: its place in the order (exact.c)
 * @base: the item; last, so that KASAN sees what is beyond
 */
struct tort_item {
	const char *set;
	int nr;
	size_t size;
	unsigned int traits;
	void (*run)(struct tort_item *item);
	atomic_t draws;
	u64 seed;
	struct kref ref;
	long watched;
	unsigned long watched_since;
	unsigned long due;
	wait_queue_head_t wq;
	atomic_t fired;
	atomic_t noticed;
	unsigned long event_since;
	unsigned int ticket;
	struct swt_item base;
};

static inline struct tort_item *tort_item_of(struct swt_item *base)
{
	return container_of(base, struct tort_item, base);
}

/* What one of that kind takes */
static inline size_t tort_item_size(enum swt_kind kind)
{
	return swt_item_size(kind, offsetof(struct tort_item, base));
}

static inline bool tort_at_rest(struct tort_item *item)
{
	return swt_at_rest(&item->base);
}

static inline void tort_must_rest(struct tort_item *item, const char *after)
{
	swt_must_rest(&item->base, after);
}

static inline void tort_audit(struct tort_item *item)
{
	swt_audit(&item->base);
}

extern atomic_t tort_mortals;
extern unsigned int tort_longest_wait;
extern unsigned int tort_haste;

void tort_ops_init(struct slow_work_ops *ops, struct module *owner,
		   bool counted);
void tort_item_init(struct tort_item *item, const char *set, int nr,
		    enum swt_kind kind, unsigned int traits,
		    const struct slow_work_ops *ops);
struct tort_item *tort_item_new(struct tort_rng *rng);
void tort_item_drop(struct tort_item *item);
void tort_graveyard_clear(void);
unsigned int tort_draw(struct tort_item *item, unsigned int n);
void tort_nap(struct tort_item *item, unsigned int usecs);
int tort_enqueue(struct tort_item *item, unsigned long delay);
int tort_mod(struct tort_item *item, unsigned long delay);
void tort_cancel(struct tort_item *item);
void tort_disable(struct tort_item *item);
void tort_enable(struct tort_item *item);
bool tort_try_cancel(struct tort_item *item);
void tort_flush(struct tort_item *item);
void tort_flush_user(struct module *module, struct tort_item *items,
		     unsigned int nr);
void tort_show(struct tort_item *item, const char *why);
void tort_watch(struct tort_item *item);
void tort_fire(struct tort_item *item);
void tort_run_any(struct tort_item *item);
void tort_run_requeuer(struct tort_item *item);
void tort_run_sleeper(struct tort_item *item);

/* Actors ************************************************************/

enum tort_role {
	TORT_PRODUCER,
	TORT_CANCELLER,
	TORT_DISABLER,
	TORT_FLUSHER,
	TORT_DELAYER,
	TORT_WAKER,
	TORT_FREER,
	TORT_USER,
	TORT_HOLDER,
	TORT_HARDIRQ,
	TORT_SOFTIRQ,
	TORT_NR_ROLES
};

#define TORT_NOBODY	0UL
#define TORT_ALL	(BIT(TORT_NR_ROLES) - 1)

int tort_crowd_init(void);
void tort_crowd_exit(void);
bool tort_release(unsigned long roles);
bool tort_gather(void);
void tort_crowd_watch(void);

/* With the pool held still ******************************************/

int tort_exact_init(void);
void tort_exact_exit(void);
bool tort_exact_at_rest(void);
bool tort_exact(unsigned int threads, unsigned int share);

/* The director ******************************************************/

/**
 * struct tort - what all look at
 * @seed: all is drawn from it
 * @phase: the roles that may act
 * @crowd: items of the module itself may be enqueued by items
 * @settling: items shall come to rest
 * @calm: sleepers only: they wake for nothing but their events
 * @hung: something did not end: give up, and never unload
 * @share: so many very slow items may execute; 0: that is not known
 * @very_slow: so many do
 * @shared: items that everybody plays with
 * @nr_shared: how many
 * @sleepers: items that sleep till their thread is needed
 * @nr_sleepers: how many
 * @ops: operations without and with references
 */
struct tort {
	u64 seed;
	unsigned long phase;
	bool crowd;
	bool settling;
	bool calm;
	bool hung;
	unsigned int share;
	atomic_t very_slow;
	struct tort_item *shared;
	unsigned int nr_shared;
	struct tort_item *sleepers;
	unsigned int nr_sleepers;
	struct slow_work_ops ops[2];
};

extern struct tort tort;
extern unsigned int tort_actors[TORT_NR_ROLES];

unsigned long tort_patience(void);
unsigned int tort_threads(void);
void tort_give_up(const char *what);

/* Until @cond; false if that takes longer than the patience */
#define tort_comes_true(cond)						\
({									\
	unsigned long __end = jiffies + tort_patience();		\
	bool __true, __late;						\
									\
	for (;;) {							\
		/* First: a look may take long */			\
		__late = !time_before(jiffies, __end);			\
		__true = (cond);					\
		if (__true || __late)					\
			break;						\
		schedule_timeout_idle(1);				\
	}								\
	__true;								\
})

#endif /* _SLOW_WORK_TORTURE_H */
