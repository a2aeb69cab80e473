/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slow-work: lists of items, who has an item, and the steps of an item that both its way
 * through the pool and a cancel take
 *
 * All of them are taken under slow_pool.lock.
 */

#ifndef _SLOW_WORK_ITEM_H
#define _SLOW_WORK_ITEM_H

#include <linux/bitops.h>
#include <linux/list.h>
#include <linux/pid.h>
#include <linux/timer.h>
#include "slow-work.h"
#include "slow-work-debug.h"
#include "slow-work-trace.h"

static inline void slow_work_list_init(struct slow_work_list *list)
{
	INIT_HLIST_HEAD(&list->head);
	list->tail = &list->head.first;
}

/* Add @node where @at points from: at the head, behind a node, or at the tail. */
static inline void slow_work_list_insert(struct slow_work_list *list,
					 struct hlist_node *node,
					 struct hlist_node **at)
{
	node->next = *at;
	node->pprev = at;
	if (node->next)
		node->next->pprev = &node->next;
	else
		list->tail = &node->next;
	*at = node;
}

static __always_inline void slow_work_list_add_tail(struct slow_work_list *list,
						    struct hlist_node *node)
{
	node->next = NULL;
	node->pprev = list->tail;
	*list->tail = node;
	list->tail = &node->next;
}

static __always_inline void slow_work_list_del(struct slow_work_list *list,
					       struct hlist_node *node)
{
	*node->pprev = node->next;
	if (node->next)
		node->next->pprev = node->pprev;
	else
		list->tail = node->pprev;
}

/* Is @node the last of @list? */
static __always_inline bool slow_work_list_is_last(const struct slow_work_list *list,
						   struct hlist_node *node)
{
	return list->tail == &node->next;
}

/* Where @work waits, or would */
static inline struct slow_work_queue *
slow_work_queue_of(const struct slow_work *work)
{
	struct slow_work_user *user = work->account->user;

	return &user->queues[slow_work_class_id(work->flags)];
}

/* Who has @work out of the queues, if anybody has? */
static inline struct slow_work_holder *
slow_work_held(const struct slow_work *work)
{
	struct slow_work_holder *holder = work->holder;

	lockdep_assert_held(&slow_pool.lock);
	return holder && holder->item == work ? holder : NULL;
}

/*
 * Make sure that @holder takes the lock before it lets go of its item, and sees there
 * what we leave in the item's flags.  False: execute is over, and put_ref comes next
 * or has been called.  Pairs with slow_work_end(); litmus: claim, stage, described.
 */
static inline bool slow_work_claim(struct slow_work_holder *holder)
{
	lockdep_assert_held(&slow_pool.lock);
	return cmpxchg(&holder->stage, SLOW_WORK_RUNNING, SLOW_WORK_CLAIMED) !=
	       SLOW_WORK_ENDED;
}

/* The thread that has the item of @holder: only threads' holders have one */
static inline struct slow_work_thread *
slow_work_holding_thread(const struct slow_work_holder *holder)
{
	return container_of(holder, struct slow_work_thread, holder);
}

/* When did the thread of @holder, which has an item, begin to execute it? */
static inline unsigned long
slow_work_began_at(const struct slow_work_holder *holder)
{
	return holder->timestamp ?: holder->item->timestamp;
}

/* Has the thread of @holder died in a call-out?  slow_work_find_dead() may come later. */
static inline bool slow_work_is_lost(const struct slow_work_holder *holder)
{
	/* The task writes others of its flags as it likes. */
	return data_race(slow_work_holding_thread(holder)->task->flags) & PF_EXITING;
}

/* A wait for an item */
struct slow_work_wait {
	struct slow_work_waiter waiter;
	/*
	 * Of the waits for an item that no holder has, the first one's anchor lists
	 * them all, and slow_work::holder points to it; its item is NULL.
	 */
	struct slow_work_holder anchor;
	/* Whose item it is, if that has no reserve; and its function */
	const struct slow_work_user *lacks;
	void (*execute)(struct slow_work *work);
};

/* slow-work-owner.c */
void slow_work_init_queues(struct slow_work_user *user);
void slow_work_join_turns(struct slow_work_class *class,
			  struct slow_work_queue *queue,
			  const struct slow_work *work);
void slow_work_leave_turns(struct slow_work_class *class,
			   struct slow_work_queue *queue);
void slow_work_next_turn(struct slow_work_class *class,
			 struct slow_work_queue *queue);
void slow_work_init_user(struct slow_work_user *user, struct module *module);
struct slow_work_user *slow_work_lookup_user(struct module *module);
struct slow_work_account *slow_work_find_account(const struct slow_work *work);
bool slow_work_user_idle(struct slow_work_user *user);
void slow_work_start_flush(struct slow_work_user *user);
void slow_work_drained(struct slow_work_account *account);
void slow_work_count_refused(const struct slow_work *work);

/* slow-work-cancel.c */
void slow_work_tell_wait(void (*execute)(struct slow_work *work), const char *owner,
			 unsigned long flags, bool lost);

/* slow-work.c */
int slow_work_thread_main(void *data);
int slow_work_reserve_main(void *data);
void slow_work_lose(struct slow_work_thread *thread);
bool slow_work_item_is_lost(const struct slow_work *work);
void slow_work_init_holder(struct slow_work_holder *holder);
void slow_work_bind_flushes(struct slow_work *work,
			    struct slow_work_holder *holder);
void slow_work_leave_flushes(struct slow_work *work,
			     struct slow_work_holder *holder);
void slow_work_queue_or_defer(struct slow_work *work);
void slow_work_queue_deferred(struct slow_work *work);
void slow_work_wait_described(struct slow_work *work);

/* Count for @user, and for the class of @work. */
static __always_inline void slow_work_count(struct slow_work_user *user,
					    const struct slow_work *work,
					    enum slow_work_count count)
{
	enum slow_work_class_id class = slow_work_class_id(work->flags);

	lockdep_assert_held(&slow_pool.lock);
	user->counts[count][class]++;
	slow_pool.classes[class].counts[count]++;
}

static __always_inline struct delayed_slow_work *slow_work_delayed(struct slow_work *work)
{
	return container_of(work, struct delayed_slow_work, work);
}

static __always_inline bool slow_work_claim_item(struct slow_work *work)
{
	struct slow_work_holder *holder = slow_work_held(work);

	return holder && slow_work_claim(holder);
}

/*
 * Have the holder of @work, if there is one, recheck it before it lets go: at the end of
 * execute if it can be claimed, else after put_ref.  @work must be there then: it has a
 * new reference, or the caller waits.
 */
static __always_inline void slow_work_recheck_later(struct slow_work *work)
{
	struct slow_work_holder *holder = slow_work_held(work);

	if (holder && !slow_work_claim(holder))
		holder->recheck = true;
}

/* Is @work out of the queues: with a thread, or with a cancel for its put_ref? */
static __always_inline bool slow_work_is_held(const struct slow_work *work)
{
	return (READ_ONCE(work->flags) & BIT(SLOW_WORK_PUTTING)) ||
	       slow_work_held(work);
}

/* The task that runs put_ref, by address and pid (22 bits; 0: an interrupt) */
static __always_inline unsigned long
slow_work_putter(struct task_struct *task, bool in_task)
{
	return (unsigned long)task >> 6 << 22 | (in_task ? task_pid_nr(task) : 0);
}

static __always_inline bool slow_work_is_described(const struct slow_work *work)
{
	return READ_ONCE(work->flags) & BIT(SLOW_WORK_DESCRIBED);
}

/* A reference leaves @account: it is put, or counted elsewhere. */
static __always_inline void
slow_work_inactive(struct slow_work_account *account)
{
	if (!--account->active && unlikely(account->waited))
		slow_work_drained(account);
}

static __always_inline void slow_work_dequeue(struct slow_work *work)
{
	struct slow_work_class *class = slow_work_class_of(work->flags);
	struct slow_work_queue *queue = slow_work_queue_of(work);

	slow_work_list_del(&queue->items, &work->link);
	class->queued--;
	/* An empty queue keeps its turn where it is alone, and only there. */
	if (!slow_work_first_of(&queue->items) && class->turns.head.first->next)
		slow_work_leave_turns(class, queue);
	if (unlikely(READ_ONCE(work->flags) & BIT(SLOW_WORK_YIELDED))) {
		clear_bit(SLOW_WORK_YIELDED, &work->flags);
		class->yielded--;
	}
}

/*
 * @work is armed no more.  Its run counts in the current account from now on; where it
 * shares the reference of a run that executes, from the end of that run.
 */
static __always_inline void slow_work_end_delay(struct slow_work *work)
{
	struct slow_work_user *user = work->account->user;
	struct slow_work_holder *holder = slow_work_held(work);

	clear_bit(SLOW_WORK_DELAYED, &work->flags);
	slow_work_list_del(&slow_pool.armed, &work->link);
	if (likely(!holder) || !slow_work_claim(holder)) {
		user->armed--;
		user->current_account->active++;
	}
	WRITE_ONCE(work->account, user->current_account);
}

/*
 * Stop the timer of @work, which is armed.  True: @work is armed no more, and the timer's
 * function does not run for it.  False: the function is running, perhaps interrupted by
 * this CPU, and has yet to take the lock; @work stays armed and in memory until then.
 *
 * A function that is running may have had the lock already, and the item been armed
 * since: then the timer is set, but not by delayed_slow_work_mod().
 */
static __always_inline bool slow_work_try_disarm(struct slow_work *work)
{
	struct timer_list *timer = &slow_work_delayed(work)->timer;

	if (unlikely(timer_delete_sync_try(timer) < 0) &&
	    ((READ_ONCE(work->flags) & BIT(SLOW_WORK_REARMED)) ||
	     !timer_delete(timer)))
		return false;
	slow_work_end_delay(work);
	return true;
}

/*
 * Take back the run of @work whose PENDING bit was just cleared.  @work is in no list if
 * it was @disarmed.
 */
static __always_inline void slow_work_retract_run(struct slow_work *work,
						  bool disarmed)
{
	slow_work_count(work->account->user, work, SLOW_WORK_COUNT_CANCELLED);
	if (trace_slow_work_cancel_enabled())
		trace_slow_work_cancel(work,
				       disarmed ? SLOW_WORK_CANCEL_DISARMED :
				       slow_work_is_held(work) ?
				       SLOW_WORK_CANCEL_DEFERRED :
				       SLOW_WORK_CANCEL_DEQUEUED);
	if (likely(!slow_work_is_held(work))) {
		if (likely(!disarmed))
			slow_work_dequeue(work);
		return;
	}

	clear_bit(SLOW_WORK_ENQ_DEFERRED, &work->flags);
	if (!slow_work_claim_item(work)) {
		set_bit(SLOW_WORK_PUT_AGAIN, &work->flags);
		slow_work_recheck_later(work);
	}
	/* The flushes wait for the present holder now. */
	if (READ_ONCE(work->flags) & BIT(SLOW_WORK_FLUSHED))
		slow_work_bind_flushes(work, work->holder);
}

/*
 * How long @work still has, which is armed; 0: the delay has run out.  @stamp has the legs
 * to come: see slow_work_start_timer().
 */
static inline unsigned long slow_work_delay_left(struct slow_work *work)
{
	long left = slow_work_delayed(work)->timer.expires - jiffies;

	return max(left, 0L) + work->stamp;
}

/* If @work is pending, take that run back, and return true. */
static __always_inline bool slow_work_retract(struct slow_work *work,
					      bool disarmed)
{
	/* litmus: retract */
	if (!test_and_clear_bit(SLOW_WORK_PENDING, &work->flags))
		return false;
	slow_work_retract_run(work, disarmed);
	return true;
}

#endif /* _SLOW_WORK_ITEM_H */
