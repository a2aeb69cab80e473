/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Older kernels given the newer calls.  The rest of the module is written for
 * the newest kernel; nothing else looks at the version, but for what tests need.
 */

#ifndef _SLOW_WORK_COMPAT_H
#define _SLOW_WORK_COMPAT_H

#include <linux/atomic.h>
#include <linux/freezer.h>
#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/isolation.h>
#include <linux/sched/signal.h>
#include <linux/sysctl.h>
#include <linux/timer.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 0)
#error slow-work needs Linux 5.10 or later
#endif

/*
 * 5.11, and 5.10-rt; before, it is preemption that is off.  No kernel thread is in an
 * execve.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0) && !defined(CONFIG_PREEMPT_RT)
#define migration_disabled	in_execve
#endif

/* 5.11, and late releases of 5.10; before, signal_pending() asks for nothing else */
#ifdef SLOW_WORK_LACKS_task_sigpending
#define task_sigpending(task)	signal_pending(task)
#endif

/* 5.11; before, x86 alone has it */
#ifndef try_cmpxchg
#define try_cmpxchg(ptr, old, new) ({				\
	typeof(*(ptr)) *__old = (old), __was = *__old;		\
								\
	*__old = cmpxchg(ptr, __was, new);			\
	*__old == __was;					\
})
#endif

/* 5.11 */
#ifndef in_hardirq
#define in_hardirq()		in_irq()
#endif

/* 5.13; before, it goes by what the idle task and some kernel threads lack */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 13, 0)
#define kthread_func(task)	((task)->set_child_tid ? kthread_func(task) : NULL)
#endif

/* 5.14 */
#ifndef task_is_running
#define task_is_running(task)	(READ_ONCE((task)->state) == TASK_RUNNING)
#endif
#ifndef get_current_state
#define get_current_state()	((unsigned int)READ_ONCE(current->state))
#define __state			state
#endif

/* 5.18; no macro tells, so Kbuild has looked */
#ifdef SLOW_WORK_LACKS_HK_TYPE_WQ
#define HK_TYPE_DOMAIN		HK_FLAG_DOMAIN
#define HK_TYPE_WQ		HK_FLAG_WQ
#endif

/* 6.1 has the freezer know from a task's state that it need not wake it up */
#ifdef TASK_FREEZABLE
#define freezable_schedule()	schedule()
#define freezable_schedule_hrtimeout_range(expires, delta, mode) \
	schedule_hrtimeout_range(expires, delta, mode)
#else
#define TASK_FREEZABLE		0
#endif

/*
 * 6.1, too; before, it wakes up no kernel thread that sleeps uninterruptibly, which looks
 * by itself for that reason, and finds that it was woken by nothing in particular.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
static inline signed long slow_work_schedule_timeout(signed long timeout)
{
	signed long nap = timeout, left;

	if (get_current_state() & TASK_UNINTERRUPTIBLE)
		nap = min_t(signed long, timeout, HZ);
	left = schedule_timeout(nap);
	return timeout == MAX_SCHEDULE_TIMEOUT ? timeout : timeout - nap + left;
}

#define schedule_timeout(timeout)	slow_work_schedule_timeout(timeout)
#endif

/* Before 6.1 clang's CFI has another address of a function in each module */
#if defined(CONFIG_CFI_CLANG) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#define slow_work_is_function(pointer, function)	((pointer) != NULL)
#else
#define slow_work_is_function(pointer, function)	((pointer) == (function))
#endif

/* del_timer_sync() and del_timer() until 6.2, and in 6.1 until these */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 84)
#define timer_delete_sync(timer)	del_timer_sync(timer)
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 91)
#define timer_delete(timer)		del_timer(timer)
#endif

/* 5.13 */
#ifndef PF_MEMALLOC_PIN
#define PF_MEMALLOC_PIN		PF_MEMALLOC_NOCMA
#endif

/* 6.16 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define timer_destroy_on_stack(timer)	destroy_timer_on_stack(timer)
#define timer_delete_sync_try(timer)	try_to_del_timer_sync(timer)
#endif

/* 6.16; from_timer() went with it */
#ifndef timer_container_of
#define timer_container_of(var, callback_timer, timer_fieldname) \
	from_timer(var, callback_timer, timer_fieldname)
#endif

/*
 * 6.6 counts the entries of a table; before, an empty one ended it.  6.11 hands
 * tables to their handlers as const.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define SLOW_WORK_SYSCTL_END	{ }
#else
#define SLOW_WORK_SYSCTL_END
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define slow_work_ctl_table	struct ctl_table
#else
#define slow_work_ctl_table	const struct ctl_table
#endif

#endif /* _SLOW_WORK_COMPAT_H */
