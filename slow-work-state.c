// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: the pool, as data
 *
 * Here since every other file refers to it, and calls run downwards only.
 */

#include <linux/slow-work.h>
#include "slow-work.h"

struct slow_work_pool slow_pool = {
	.lock			= __RAW_SPIN_LOCK_UNLOCKED(slow_pool.lock),
	.idle			= LIST_HEAD_INIT(slow_pool.idle),
	.coming			= LIST_HEAD_INIT(slow_pool.coming),
	.armed.tail		= &slow_pool.armed.head.first,
	.retired		= LIST_HEAD_INIT(slow_pool.retired),
	.lost			= LIST_HEAD_INIT(slow_pool.lost),
	.min			= SLOW_WORK_MIN_THREADS,
	.vslow_percentage	= 50,
	.nice			= -5,
	.stall_secs		= SLOW_WORK_STALL_SECS,
	.hz			= HZ,
	.reserves		= LIST_HEAD_INIT(slow_pool.reserves),
	.pins			= LIST_HEAD_INIT(slow_pool.pins),
	.woken			= LIST_HEAD_INIT(slow_pool.woken),
};

/* U: see the locking rules */
DEFINE_MUTEX(slow_work_users_mutex);
LIST_HEAD(slow_work_users);
