/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Older kernels given the newer calls that tests alone use: see ../compat.h
 */

#ifndef _SLOW_WORK_TESTS_COMPAT_H
#define _SLOW_WORK_TESTS_COMPAT_H

#include <linux/fs.h>
#include <linux/wait.h>
#include "../compat.h"

/* 5.12 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 12, 0)
#define file_open_root(root, name, flags, mode) \
	file_open_root((root)->dentry, (root)->mnt, name, flags, mode)
#endif

/* 5.14 exports what it needs in interrupts */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 14, 0) && defined(CONFIG_MEMCG)
#define set_active_memcg(memcg)	(current->active_memcg = (memcg))
#endif

/* 5.17; no macro tells, so Kbuild has looked */
#ifdef SLOW_WORK_LACKS_kthread_complete_and_exit
#define kthread_complete_and_exit(done, code)	complete_and_exit(done, code)
#endif

/* 6.1 has a state for it */
#ifdef TASK_FROZEN
#define slow_work_is_frozen(task) \
	(READ_ONCE((task)->__state) & TASK_FROZEN)
#else
#define slow_work_is_frozen(task)	(frozen(task) || freezer_should_skip(task))
#endif

/* 6.1 */
#ifndef wait_event_state
#define wait_event_state(wq, condition, state) \
	___wait_event(wq, condition, state, 0, 0, schedule())
#endif

/* 6.1; before, 0 meant to go on */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#define slow_work_actor		int
#define SLOW_WORK_GO_ON		0
#define SLOW_WORK_STOP		1
#else
#define slow_work_actor		bool
#define SLOW_WORK_GO_ON		true
#define SLOW_WORK_STOP		false
#endif

/* 6.9 is told the limits of a disk as it makes it */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
#define slow_work_alloc_disk(set)	blk_mq_alloc_disk(set, NULL)
#else
#define slow_work_alloc_disk(set)	blk_mq_alloc_disk(set, NULL, NULL)
#endif

/* 6.13; 6.15 has no other */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define hrtimer_setup(timer, expired, clock, mode) \
	(hrtimer_init(timer, clock, mode), (void)((timer)->function = (expired)))
#endif

#endif /* _SLOW_WORK_TESTS_COMPAT_H */
