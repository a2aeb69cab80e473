// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: debugobjects: items that are freed or initialised while the pool has them
 */

#include <linux/debugobjects.h>
#include <linux/module.h>
#include <linux/slow-work.h>
#include "slow-work.h"
#include "slow-work-debug.h"
#include "slow-work-item.h"

#ifdef CONFIG_DEBUG_OBJECTS

/*
 * An item is active while the pool has its reference.  Counted from get_ref to
 * the call of put_ref, in which it may be freed.
 */

/*
 * @work is being freed or initialised while it is queued or armed, as debugobjects
 * tells: keep the lists whole.  Its reference is not put, as its owner has gone
 * astray already.  False: a thread, a cancel or its timer's function has it, and it
 * stays there.
 */
static bool slow_work_forget(struct slow_work *work)
{
	bool armed = false, forgot = false;
	unsigned long irq;

	raw_spin_lock_irqsave(&slow_pool.lock, irq);
	/*
	 * Its timer may have been stopped by what debugobjects does for timers; or
	 * have its function under way, which is let pass.
	 */
	while (READ_ONCE(work->flags) & BIT(SLOW_WORK_DELAYED)) {
		armed = slow_work_try_disarm(work);
		if (armed || in_hardirq())
			break;
		raw_spin_unlock_irqrestore(&slow_pool.lock, irq);
		cpu_relax();
		raw_spin_lock_irqsave(&slow_pool.lock, irq);
	}
	if (!slow_work_is_held(work) &&
	    (READ_ONCE(work->flags) & (BIT(SLOW_WORK_PENDING) |
				       BIT(SLOW_WORK_DELAYED))) ==
	    BIT(SLOW_WORK_PENDING)) {
		if (!armed)
			slow_work_dequeue(work);
		if (READ_ONCE(work->flags) & BIT(SLOW_WORK_FLUSHED))
			slow_work_wake_waiters(&work->holder->next);
		slow_work_debug_deactivate(work);
		slow_work_inactive(work->account);
		work->holder = NULL;
		WRITE_ONCE(work->flags,
			   work->flags & BIT(SLOW_WORK_VERY_SLOW));
		forgot = true;
	}
	raw_spin_unlock_irqrestore(&slow_pool.lock, irq);
	return forgot;
}

static void *slow_work_debug_hint(void *addr)
{
	const struct slow_work_ops *ops = ((struct slow_work *)addr)->ops;

	return ops ? ops->execute : NULL;
}

/* Those that the compiler has initialised were never told to debugobjects. */
static bool slow_work_is_static(void *addr)
{
	const struct slow_work *work = addr;

	return test_bit(SLOW_WORK_STATIC, &work->flags);
}

static bool slow_work_fixup_init(void *addr, enum debug_obj_state state)
{
	if (state != ODEBUG_STATE_ACTIVE || !slow_work_forget(addr))
		return false;
	debug_object_init(addr, &slow_work_debug_descr);
	return true;
}

/* Asked again and again, until the item is active no more. */
static bool slow_work_fixup_free(void *addr, enum debug_obj_state state)
{
	if (state != ODEBUG_STATE_ACTIVE)
		return false;
	if (!slow_work_forget(addr))
		slow_work_debug_deactivate(addr);
	debug_object_free(addr, &slow_work_debug_descr);
	return true;
}

const struct debug_obj_descr slow_work_debug_descr = {
	.name		= "slow_work",
	.debug_hint	= slow_work_debug_hint,
	.is_static_object = slow_work_is_static,
	.fixup_init	= slow_work_fixup_init,
	.fixup_free	= slow_work_fixup_free,
};

#endif

/**
 * destroy_slow_work_on_stack - an item on the stack is about to go
 * @work: the item, from slow_work_init_on_stack() or vslow_work_init_on_stack();
 *	at rest
 *
 * Context: Any.
 */
void destroy_slow_work_on_stack(struct slow_work *work)
{
	debug_object_free(work, &slow_work_debug_descr);
}
EXPORT_SYMBOL(destroy_slow_work_on_stack);

/**
 * destroy_delayed_slow_work_on_stack - the same of a delayed item
 * @dwork: the item, from delayed_slow_work_init_on_stack(); at rest
 *
 * Context: Any.
 */
void destroy_delayed_slow_work_on_stack(struct delayed_slow_work *dwork)
{
	timer_destroy_on_stack(&dwork->timer);
	destroy_slow_work_on_stack(&dwork->work);
}
EXPORT_SYMBOL(destroy_delayed_slow_work_on_stack);
