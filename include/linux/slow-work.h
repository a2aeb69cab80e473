/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slow-work: one pool of threads, shared by every caller, for work that blocks
 * for long: look-ups, mkdirs, recovery, polling.
 *
 * Embed a struct slow_work in an object, initialise it with its operations,
 * register as a user and enqueue it.  The page for callers in Documentation/
 * tells when to use this and when a workqueue; samples/ has callers to copy from.
 */

#ifndef _LINUX_SLOW_WORK_H
#define _LINUX_SLOW_WORK_H

#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/timer.h>
#include <linux/types.h>

struct module;
struct seq_file;
struct slow_work;
struct slow_work_account;
struct slow_work_holder;

/**
 * struct slow_work_ops - what the pool calls for an item
 * @owner: the module that the item's code is in (THIS_MODULE);
 *	slow_work_unregister_user() of that module waits for the item.
 *	May be NULL: then nothing waits for it.
 * @get_ref: pin the item; called once when it becomes queued or its delay is
 *	armed.  Runs in the enqueuer's context with interrupts off under a raw
 *	spinlock: it may do atomic operations only, not sleep, not take a
 *	spinlock_t, not call slow-work.  Return 0, or a negative errno that the
 *	enqueue hands to its caller (-EAGAIN by custom).  Optional.
 * @put_ref: the pool lets go of the item; balances @get_ref.  Process context,
 *	no lock held: it may sleep and may free the item, but not cancel it,
 *	register or unregister.  Optional.
 * @execute: do the work.  Runs in a pool thread; may block for long, enqueue
 *	this item and others, cancel others.  May not free the item (leave that
 *	to @put_ref), register or unregister.  Required.
 * @desc: print in a few words what the item is for, on one line.  Process
 *	context of a reader, or of a kworker for the report of a stall; no lock of
 *	the pool held, perhaps while @execute runs, perhaps twice for one line.  May
 *	sleep for short.  May not take a lock that is held around a cancel, a flush,
 *	a register or an unregister.  Optional.
 */
struct slow_work_ops {
	struct module *owner;
	int (*get_ref)(struct slow_work *work);
	void (*put_ref)(struct slow_work *work);
	void (*execute)(struct slow_work *work);
	void (*desc)(struct slow_work *work, struct seq_file *m);
};

/* Bit numbers in slow_work::flags.  From 6 on they are the pool's own. */
#define SLOW_WORK_PENDING	0	/* will run: queued, deferred or armed */
#define SLOW_WORK_EXECUTING	1	/* a thread is in execute */
#define SLOW_WORK_ENQ_DEFERRED	2	/* to be queued when execute returns */
#define SLOW_WORK_VERY_SLOW	3	/* of the very slow class */
#define SLOW_WORK_CANCELLING	4	/* a cancel is under way */
#define SLOW_WORK_DELAYED	5	/* armed: its timer has not queued it yet */

/* The pool's own, here for the initialisers */
#define SLOW_WORK_STATIC	11	/* initialised by the compiler */

/* Bit number in what __slow_work_init() is told; in no item's flags */
#define SLOW_WORK_ON_STACK	31

/**
 * struct slow_work - an item, to be embedded in the caller's object
 * @flags: SLOW_WORK_* bits; for reading only
 * @ops: the operations given when it was initialised
 *
 * All other members belong to the pool.  The layout depends on no option of
 * the slow-work module, since callers are built apart from it.
 */
struct slow_work {
	unsigned long flags;
	const struct slow_work_ops *ops;
	/* private: */
	/* All protected by the pool's lock; @account is read without where PENDING is */
	struct hlist_node link;		/* in its owner's queue, or armed */
	struct slow_work_holder *holder;	/* executes it, or lists who waits */
	struct slow_work_account *account;	/* counts its reference */
	unsigned long timestamp;	/* jiffies: queued, armed or begun; or who puts it */
	unsigned short cancels;		/* under way */
	unsigned short disables;	/* to be taken back */
	unsigned int stamp;		/* the same time, finer; armed: what is left */
#ifdef CONFIG_LOCKDEP
	struct lockdep_map lockdep_map;
#endif
};

/**
 * struct delayed_slow_work - an item that can be armed with a delay
 * @work: the item
 * @timer: queues it when the delay has run out; belongs to the pool
 */
struct delayed_slow_work {
	struct slow_work work;
	struct timer_list timer;
};

void __slow_work_init(struct slow_work *work, const struct slow_work_ops *ops,
		      unsigned long flags, const char *name,
		      struct lock_class_key *key);
void __delayed_slow_work_init(struct delayed_slow_work *dwork,
			      const struct slow_work_ops *ops,
			      unsigned long flags, const char *name,
			      struct lock_class_key *key);

/* For the initialisers alone */
void delayed_slow_work_timer(struct timer_list *timer);

#ifdef CONFIG_LOCKDEP
#define __SLOW_WORK_LOCKDEP_MAP(name, key)				\
	.lockdep_map = STATIC_LOCKDEP_MAP_INIT(#name, key),
#else
#define __SLOW_WORK_LOCKDEP_MAP(name, key)
#endif

#define __SLOW_WORK_INITIALIZER(name, item, operations, bits) {		\
	.flags = (bits) | 1UL << SLOW_WORK_STATIC,			\
	.ops = (operations),						\
	__SLOW_WORK_LOCKDEP_MAP(name, &(item))				\
}

#define __DELAYED_SLOW_WORK_INITIALIZER(name, operations, bits) {	\
	.work = __SLOW_WORK_INITIALIZER(name, (name).work, operations, bits), \
	.timer = __TIMER_INITIALIZER(delayed_slow_work_timer, 0), \
}

/**
 * SLOW_WORK_INITIALIZER - what a static item of the slow class begins with
 * @name: the item as an expression, such as a member of a static structure
 * @ops: its operations
 *
 * VSLOW_WORK_INITIALIZER(), DELAYED_SLOW_WORK_INITIALIZER() and
 * DELAYED_VSLOW_WORK_INITIALIZER() are the same of the other kinds.
 */
#define SLOW_WORK_INITIALIZER(name, ops)				\
	__SLOW_WORK_INITIALIZER(name, name, ops, 0)
#define VSLOW_WORK_INITIALIZER(name, ops)				\
	__SLOW_WORK_INITIALIZER(name, name, ops, 1UL << SLOW_WORK_VERY_SLOW)
#define DELAYED_SLOW_WORK_INITIALIZER(name, ops)			\
	__DELAYED_SLOW_WORK_INITIALIZER(name, ops, 0)
#define DELAYED_VSLOW_WORK_INITIALIZER(name, ops)			\
	__DELAYED_SLOW_WORK_INITIALIZER(name, ops, 1UL << SLOW_WORK_VERY_SLOW)

/**
 * DEFINE_SLOW_WORK - define an item of the slow class, initialised
 * @name: the variable; static may stand before
 * @ops: its operations
 *
 * DEFINE_VSLOW_WORK(), DEFINE_DELAYED_SLOW_WORK() and DEFINE_DELAYED_VSLOW_WORK()
 * are the same of the other kinds.
 */
#define DEFINE_SLOW_WORK(name, ops)					\
	struct slow_work name = SLOW_WORK_INITIALIZER(name, ops)
#define DEFINE_VSLOW_WORK(name, ops)					\
	struct slow_work name = VSLOW_WORK_INITIALIZER(name, ops)
#define DEFINE_DELAYED_SLOW_WORK(name, ops)				\
	struct delayed_slow_work name = DELAYED_SLOW_WORK_INITIALIZER(name, ops)
#define DEFINE_DELAYED_VSLOW_WORK(name, ops)				\
	struct delayed_slow_work name =					\
		DELAYED_VSLOW_WORK_INITIALIZER(name, ops)

#define __slow_work_init_as(init, item, ops, flags)			\
do {									\
	static struct lock_class_key __slow_work_key;			\
									\
	init(item, ops, flags, #item, &__slow_work_key);		\
} while (0)

/**
 * slow_work_init - initialise an item of the slow class
 * @work: the item; must be at rest
 * @ops: its operations; must outlive it
 *
 * Items that are initialised at the same place in the source are one to lockdep.
 *
 * Context: Any.
 */
#define slow_work_init(work, ops)					\
	__slow_work_init_as(__slow_work_init, work, ops, 0)

/**
 * vslow_work_init - initialise an item of the very slow class
 * @work: the item; must be at rest
 * @ops: its operations; must outlive it
 *
 * Very slow items never take all threads of the pool, and always have one.
 *
 * Context: Any.
 */
#define vslow_work_init(work, ops)					\
	__slow_work_init_as(__slow_work_init, work, ops,		\
			    1UL << SLOW_WORK_VERY_SLOW)

/**
 * delayed_slow_work_init - initialise a delayed item of the slow class
 * @dwork: the delayed item; must be at rest
 * @ops: its operations; must outlive it
 *
 * Context: Any.
 */
#define delayed_slow_work_init(dwork, ops)				\
	__slow_work_init_as(__delayed_slow_work_init, dwork, ops, 0)

/**
 * delayed_vslow_work_init - initialise a delayed item of the very slow class
 * @dwork: the delayed item; must be at rest
 * @ops: its operations; must outlive it
 *
 * Context: Any.
 */
#define delayed_vslow_work_init(dwork, ops)				\
	__slow_work_init_as(__delayed_slow_work_init, dwork, ops,	\
			    1UL << SLOW_WORK_VERY_SLOW)

/**
 * slow_work_init_on_stack - slow_work_init() of an item on the stack
 * @work: the item; must be at rest
 * @ops: its operations; must outlive it
 *
 * To be balanced by destroy_slow_work_on_stack(), when the item has been
 * cancelled.  Without CONFIG_DEBUG_OBJECTS there is no difference.
 *
 * Context: Any.
 */
#define slow_work_init_on_stack(work, ops)				\
	__slow_work_init_as(__slow_work_init, work, ops,		\
			    1UL << SLOW_WORK_ON_STACK)

/**
 * vslow_work_init_on_stack - vslow_work_init() of an item on the stack
 * @work: the item; must be at rest
 * @ops: its operations; must outlive it
 *
 * See slow_work_init_on_stack().
 *
 * Context: Any.
 */
#define vslow_work_init_on_stack(work, ops)				\
	__slow_work_init_as(__slow_work_init, work, ops,		\
			    1UL << SLOW_WORK_VERY_SLOW |		\
			    1UL << SLOW_WORK_ON_STACK)

/**
 * delayed_slow_work_init_on_stack - the same of a delayed item
 * @dwork: the delayed item; must be at rest
 * @ops: its operations; must outlive it
 *
 * To be balanced by destroy_delayed_slow_work_on_stack().
 *
 * Context: Any.
 */
#define delayed_slow_work_init_on_stack(dwork, ops)			\
	__slow_work_init_as(__delayed_slow_work_init, dwork, ops,	\
			    1UL << SLOW_WORK_ON_STACK)

/**
 * delayed_vslow_work_init_on_stack - the same of one of the very slow class
 * @dwork: the delayed item; must be at rest
 * @ops: its operations; must outlive it
 *
 * To be balanced by destroy_delayed_slow_work_on_stack().
 *
 * Context: Any.
 */
#define delayed_vslow_work_init_on_stack(dwork, ops)			\
	__slow_work_init_as(__delayed_slow_work_init, dwork, ops,	\
			    1UL << SLOW_WORK_VERY_SLOW |		\
			    1UL << SLOW_WORK_ON_STACK)

void destroy_slow_work_on_stack(struct slow_work *work);
void destroy_delayed_slow_work_on_stack(struct delayed_slow_work *dwork);

/* slow_work_register_user_flags(): memory reclaim may wait for the module's items */
#define SLOW_WORK_MEM_RECLAIM	1U

int slow_work_register_user(struct module *owner);
int slow_work_register_user_flags(struct module *owner, unsigned int flags);
void slow_work_unregister_user(struct module *owner);

int slow_work_enqueue(struct slow_work *work);
int delayed_slow_work_enqueue(struct delayed_slow_work *dwork,
			      unsigned long delay);
int delayed_slow_work_mod(struct delayed_slow_work *dwork, unsigned long delay);
int delayed_slow_work_reduce(struct delayed_slow_work *dwork,
			     unsigned long delay);
unsigned long delayed_slow_work_left(struct delayed_slow_work *dwork);

bool slow_work_cancel(struct slow_work *work);
bool slow_work_disable_sync(struct slow_work *work);
bool slow_work_enable(struct slow_work *work);
bool slow_work_try_cancel(struct slow_work *work);

bool slow_work_flush(struct slow_work *work);
void slow_work_flush_user(struct module *module);

struct slow_work *slow_work_current(void);

/**
 * delayed_slow_work_cancel - slow_work_cancel() of a delayed item
 * @dwork: the delayed item
 *
 * Context: As slow_work_cancel().
 * Return: As slow_work_cancel().
 */
static inline bool delayed_slow_work_cancel(struct delayed_slow_work *dwork)
{
	return slow_work_cancel(&dwork->work);
}

/**
 * delayed_slow_work_disable_sync - slow_work_disable_sync() of a delayed item
 * @dwork: the delayed item
 *
 * Context: As slow_work_disable_sync().
 * Return: As slow_work_disable_sync().
 */
static inline bool delayed_slow_work_disable_sync(struct delayed_slow_work *dwork)
{
	return slow_work_disable_sync(&dwork->work);
}

/**
 * delayed_slow_work_enable - slow_work_enable() of a delayed item
 * @dwork: the delayed item
 *
 * Context: As slow_work_enable().
 * Return: As slow_work_enable().
 */
static inline bool delayed_slow_work_enable(struct delayed_slow_work *dwork)
{
	return slow_work_enable(&dwork->work);
}

/**
 * delayed_slow_work_try_cancel - slow_work_try_cancel() of a delayed item
 * @dwork: the delayed item
 *
 * Context: As slow_work_try_cancel().
 * Return: As slow_work_try_cancel().
 */
static inline bool delayed_slow_work_try_cancel(struct delayed_slow_work *dwork)
{
	return slow_work_try_cancel(&dwork->work);
}

/**
 * delayed_slow_work_flush - slow_work_flush() of a delayed item
 * @dwork: the delayed item
 *
 * Context: As slow_work_flush().
 * Return: As slow_work_flush().
 */
static inline bool delayed_slow_work_flush(struct delayed_slow_work *dwork)
{
	return slow_work_flush(&dwork->work);
}

bool slow_work_sleep_till_thread_needed(struct slow_work *work,
					signed long *timeout);

/**
 * slow_work_is_queued - is the item waiting for a run?
 * @work: the item
 *
 * Context: Any.
 * Return: true if @work is pending (queued or armed) and is not executing.
 */
static inline bool slow_work_is_queued(struct slow_work *work)
{
	unsigned long flags = READ_ONCE(work->flags);

	return (flags & (1UL << SLOW_WORK_PENDING)) &&
	       !(flags & (1UL << SLOW_WORK_EXECUTING));
}

#endif /* _LINUX_SLOW_WORK_H */
