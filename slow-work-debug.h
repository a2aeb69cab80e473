/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slow-work: run-time checks of callers, as far as they are made inline
 */

#ifndef _SLOW_WORK_DEBUG_H
#define _SLOW_WORK_DEBUG_H

#include <linux/cpumask.h>
#include <linux/cred.h>
#include <linux/debugobjects.h>
#include <linux/irqflags.h>
#include <linux/lockdep.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include "slow-work.h"

/* Allocation flags that a run may set for a while */
#define SLOW_WORK_PF_LEFT	(PF_MEMALLOC | PF_MEMALLOC_NOFS | \
				 PF_MEMALLOC_NOIO | PF_MEMALLOC_PIN)

void slow_work_report_left(struct slow_work_thread *thread,
			   const struct slow_work *work);
void slow_work_note_self(struct slow_work_thread *thread);
void slow_work_report_signals(const struct slow_work_thread *thread);
void slow_work_reset_signals(void);
void slow_work_reset_io(void);

/* slow-work-affinity.c: what it has put right */
#define SLOW_WORK_MOVED_POLICY	BIT(0)
#define SLOW_WORK_MOVED_NICE	BIT(1)
#define SLOW_WORK_MOVED_CPUS	BIT(2)

unsigned int slow_work_restore_affinity(void);

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
void slow_work_wait_acquire(struct slow_work_thread *thread,
			    struct slow_work *work);
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
static inline void slow_work_wait_acquire(struct slow_work_thread *thread,
					  struct slow_work *work) { }
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
	/* An interrupt may write it, and puts it back before we go on. */
	return data_race(current->rcu_read_lock_nesting);
#else
	return 0;
#endif
}

static __always_inline unsigned int slow_work_left_flags(void)
{
	/* A softirq may clear PF_MEMALLOC, and puts it back before we go on. */
	return data_race(current->flags) & SLOW_WORK_PF_LEFT;
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
	/* Settings may be written just now: slow_work_restore_affinity() looks again. */
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
	       slow_work_migration_off() | slow_work_left_flags() |
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

/* slow-work-debugobjects.c; without CONFIG_DEBUG_OBJECTS there is none, nor is it used */
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

#endif /* _SLOW_WORK_DEBUG_H */
