/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Older kernels given the newer calls.  The rest of the module is written for
 * the newest kernel; this is the only file that looks at the version.
 */

#ifndef _SLOW_WORK_COMPAT_H
#define _SLOW_WORK_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/sysctl.h>
#include <linux/timer.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error slow-work needs Linux 6.1 or later
#endif

/* del_timer_sync() and del_timer() until 6.2, and in 6.1 until these */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 84)
#define timer_delete_sync(timer)	del_timer_sync(timer)
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 91)
#define timer_delete(timer)		del_timer(timer)
#endif

/* 6.13; 6.15 has no other */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define hrtimer_setup(timer, expired, clock, mode) \
	(hrtimer_init(timer, clock, mode), (void)((timer)->function = (expired)))
#endif

/* 6.16 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define timer_destroy_on_stack(timer)	destroy_timer_on_stack(timer)
#endif

/* 6.16 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define timer_delete_sync_try(timer)	try_to_del_timer_sync(timer)
#endif

/* 6.16; from_timer() went with it */
#ifndef timer_container_of
#define timer_container_of(var, callback_timer, timer_fieldname) \
	from_timer(var, callback_timer, timer_fieldname)
#endif

/* 6.9 is told the limits of a disk as it makes it */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
#define slow_work_alloc_disk(set)	blk_mq_alloc_disk(set, NULL)
#else
#define slow_work_alloc_disk(set)	blk_mq_alloc_disk(set, NULL, NULL)
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
