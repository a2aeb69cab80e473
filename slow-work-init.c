// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: items are initialised
 */

#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/slow-work.h>
#include <linux/timer.h>
#include "slow-work-debug.h"

/**
 * __slow_work_init - initialise an item
 * @work: the item; must be at rest
 * @ops: its operations; must outlive it
 * @flags: the bits SLOW_WORK_VERY_SLOW and SLOW_WORK_ON_STACK where that is so
 * @name: what lockdep calls it
 * @key: what lockdep knows it by; must be static, or registered with it
 *
 * To be called as slow_work_init(), vslow_work_init() etc.; directly where
 * items that are initialised at one place need a key each.
 *
 * Context: Any.
 */
void __slow_work_init(struct slow_work *work, const struct slow_work_ops *ops,
		      unsigned long flags, const char *name,
		      struct lock_class_key *key)
{
	slow_work_debug_init(work, flags & BIT(SLOW_WORK_ON_STACK));
	work->flags = flags & BIT(SLOW_WORK_VERY_SLOW);
	work->ops = ops;
	INIT_HLIST_NODE(&work->link);
	work->holder = NULL;
	work->account = NULL;
	work->timestamp = 0;
	work->cancels = 0;
	work->disables = 0;
	work->stamp = 0;
#ifdef CONFIG_LOCKDEP
	lockdep_init_map(&work->lockdep_map, name, key, 0);
#endif
}
EXPORT_SYMBOL(__slow_work_init);

/**
 * __delayed_slow_work_init - initialise a delayed item
 * @dwork: the delayed item; must be at rest
 * @ops: its operations; must outlive it
 * @flags: as of __slow_work_init()
 * @name: what lockdep calls it
 * @key: what lockdep knows it by; must be static, or registered with it
 *
 * To be called as delayed_slow_work_init(), delayed_vslow_work_init() etc.
 *
 * Context: Any.
 */
void __delayed_slow_work_init(struct delayed_slow_work *dwork,
			      const struct slow_work_ops *ops,
			      unsigned long flags, const char *name,
			      struct lock_class_key *key)
{
	__slow_work_init(&dwork->work, ops, flags, name, key);
	if (flags & BIT(SLOW_WORK_ON_STACK))
		timer_setup_on_stack(&dwork->timer, delayed_slow_work_timer, 0);
	else
		timer_setup(&dwork->timer, delayed_slow_work_timer, 0);
}
EXPORT_SYMBOL(__delayed_slow_work_init);
