/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slow-work benchmark: how long interrupts are off
 *
 * A build with CONFIG_SLOW_WORK_IRQSOFF=y has this included before each source of
 * the module.  It puts time stamps round the sections in which the pool has
 * interrupts off or holds a raw spinlock, for irqsoff.c to keep the longest.  No
 * other build is like that, and the sources know nothing of it.
 *
 * For one CPU.  Under -icount the time stamps count instructions, 2 ns each.
 */

#ifndef _SLOW_WORK_BENCH_IRQSOFF_H
#define _SLOW_WORK_BENCH_IRQSOFF_H

#include <linux/types.h>

/**
 * struct irqsoff_site - where sections begin
 * @file: the source
 * @line: its line
 * @next: the next one that was passed
 * @known: it was
 * @n: how many sections began there
 * @ns: the longest
 * @from: where that began, since what is inlined is in many functions
 * @to: where it ended
 */
struct irqsoff_site {
	const char *file;
	unsigned int line;
	struct irqsoff_site *next;
	bool known;
	unsigned long n;
	u64 ns;
	unsigned long from;
	unsigned long to;
};

void irqsoff_begin(struct irqsoff_site *site, bool irqs_on);
void irqsoff_end(bool irqs_on);
void irqsoff_start(void);
void irqsoff_report(void);

#ifdef SLOW_WORK_IRQSOFF_WRAP

/* What has messages in it comes before those of a source get their prefix */
#include <linux/completion.h>
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/ratelimit.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#undef pr_fmt

/*
 * What the kernel's own do at once is done here one by one, so that the lock is
 * taken and dropped between the two time stamps; and nobody is preempted before
 * interrupts are on again.
 */

static __always_inline unsigned long irqsoff_save(struct irqsoff_site *site)
{
	unsigned long flags;

	preempt_disable();
	local_irq_save(flags);
	irqsoff_begin(site, !irqs_disabled_flags(flags));
	return flags;
}

static __always_inline void irqsoff_restore(unsigned long flags)
{
	irqsoff_end(!irqs_disabled_flags(flags));
	local_irq_restore(flags);
	preempt_enable();
}

static __always_inline void irqsoff_lock(raw_spinlock_t *lock,
					 struct irqsoff_site *site)
{
	preempt_disable();
	irqsoff_begin(site, !irqs_disabled());
	raw_spin_lock(lock);
}

static __always_inline void irqsoff_unlock(raw_spinlock_t *lock)
{
	raw_spin_unlock(lock);
	irqsoff_end(!irqs_disabled());
	preempt_enable();
}

static __always_inline bool irqsoff_trylock(raw_spinlock_t *lock,
					    struct irqsoff_site *site)
{
	if (!raw_spin_trylock(lock))
		return false;
	preempt_disable();
	irqsoff_begin(site, !irqs_disabled());
	return true;
}

static __always_inline void irqsoff_lock_irq(raw_spinlock_t *lock,
					     struct irqsoff_site *site)
{
	irqsoff_save(site);
	raw_spin_lock(lock);
}

static __always_inline void irqsoff_unlock_irq(raw_spinlock_t *lock)
{
	raw_spin_unlock(lock);
	irqsoff_end(true);
	local_irq_enable();
	preempt_enable();
}

static __always_inline unsigned long
irqsoff_lock_irqsave(raw_spinlock_t *lock, struct irqsoff_site *site)
{
	unsigned long flags = irqsoff_save(site);

	raw_spin_lock(lock);
	return flags;
}

static __always_inline void irqsoff_unlock_irqrestore(raw_spinlock_t *lock,
						      unsigned long flags)
{
	raw_spin_unlock(lock);
	irqsoff_restore(flags);
}

/*
 * These wake all with interrupts off.  Kernels before 6.7 have them on for a moment
 * after each 64 of a wait queue's, which is not seen here.
 */
static __always_inline void irqsoff_complete_all(struct completion *done,
						 struct irqsoff_site *site)
{
	unsigned long flags = irqsoff_save(site);

	complete_all(done);
	irqsoff_restore(flags);
}

static __always_inline void irqsoff_wake_up_all(struct wait_queue_head *queue,
						struct irqsoff_site *site)
{
	unsigned long flags;

	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		/* its lock sleeps there */
		wake_up_all(queue);
		return;
	}
	flags = irqsoff_save(site);
	wake_up_all(queue);
	irqsoff_restore(flags);
}

#define IRQSOFF_SITE							\
({									\
	static struct irqsoff_site __irqsoff_site = {			\
		.file = __FILE__,					\
		.line = __LINE__,					\
	};								\
									\
	&__irqsoff_site;						\
})

#undef raw_spin_lock
#undef raw_spin_unlock
#undef raw_spin_trylock
#undef raw_spin_lock_irq
#undef raw_spin_unlock_irq
#undef raw_spin_lock_irqsave
#undef raw_spin_unlock_irqrestore
#undef wake_up_all

#define raw_spin_lock(lock)		irqsoff_lock(lock, IRQSOFF_SITE)
#define raw_spin_unlock(lock)		irqsoff_unlock(lock)
#define raw_spin_trylock(lock)		irqsoff_trylock(lock, IRQSOFF_SITE)
#define raw_spin_lock_irq(lock)		irqsoff_lock_irq(lock, IRQSOFF_SITE)
#define raw_spin_unlock_irq(lock)	irqsoff_unlock_irq(lock)
#define raw_spin_lock_irqsave(lock, flags)				\
	((flags) = irqsoff_lock_irqsave(lock, IRQSOFF_SITE))
#define raw_spin_unlock_irqrestore(lock, flags)				\
	irqsoff_unlock_irqrestore(lock, flags)
#define complete_all(done)		irqsoff_complete_all(done, IRQSOFF_SITE)
#define wake_up_all(queue)		irqsoff_wake_up_all(queue, IRQSOFF_SITE)

#endif /* SLOW_WORK_IRQSOFF_WRAP */
#endif /* _SLOW_WORK_BENCH_IRQSOFF_H */
