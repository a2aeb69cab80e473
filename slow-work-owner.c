// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: whose an item is, and how many of its are in flight
 *
 * Each reference that the pool holds on an item counts for the user that owns the
 * item, from get_ref until put_ref has returned; so a user whose counts are zero has
 * nothing queued, armed or executing, and no call-out of it runs.
 */

#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/slow-work.h>
#include "slow-work.h"
#include "slow-work-debug.h"
#include "slow-work-item.h"

/* The memory of @user is new. */
void slow_work_init_queues(struct slow_work_user *user)
{
	int i;

	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++) {
		slow_work_list_init(&user->queues[i].items);
		INIT_HLIST_NODE(&user->queues[i].turn);
		user->queues[i].taken = jiffies - SLOW_WORK_REST_JIFFIES;
	}
	INIT_LIST_HEAD(&user->reserves);
	user->reserve = NULL;
	raw_spin_lock_irq(&slow_pool.lock);
	user->older = slow_pool.newest;
	user->number = user->older ? user->older->number + 1 : 0;
	/* Readers go down the list without the lock. */
	smp_store_release(&slow_pool.newest, user);
	raw_spin_unlock_irq(&slow_pool.lock);
}

/*
 * Initialise @user, whose memory is new or that of one that has left: a walk's cursor may
 * be in its queues, and a late merge may follow its accounts to it, so neither is cleared.
 * No enqueue finds it yet, so no lock is needed.
 */
void slow_work_init_user(struct slow_work_user *user, struct module *module)
{
	int i;

	memset(user->counts, 0, sizeof(user->counts));
	memset(user->merged, 0, sizeof(user->merged));
	memset(&user->times, 0, sizeof(user->times));
	user->reserved = false;
	user->module = module;
	strscpy(user->name, module ? module_name(module) : "nobody",
		sizeof(user->name));
	for (i = 0; i < SLOW_WORK_NR_ACCOUNTS; i++) {
		user->accounts[i].waited = false;
		user->accounts[i].executed = 0;
		user->accounts[i].module = module;
		user->accounts[i].user = user;
	}
	user->current_account = user->accounts;
	INIT_LIST_HEAD(&user->flushes);
	INIT_LIST_HEAD(&user->next_flushes);
	INIT_LIST_HEAD(&user->leavers);
	slow_work_user_init_map(user);
}

/* @queue has no item. */
void slow_work_leave_turns(struct slow_work_class *class,
			   struct slow_work_queue *queue)
{
	lockdep_assert_held(&slow_pool.lock);
	if (hlist_unhashed(&queue->turn))
		return;
	slow_work_list_del(&class->turns, &queue->turn);
	INIT_HLIST_NODE(&queue->turn);
}

/*
 * @work has joined @queue, which is not the last to have its turn.  If there was nothing
 * before it, its turn comes last, though @queue may have kept one.
 */
void slow_work_join_turns(struct slow_work_class *class,
			  struct slow_work_queue *queue,
			  const struct slow_work *work)
{
	lockdep_assert_held(&slow_pool.lock);
	if (slow_work_first_of(&queue->items) != work)
		return;
	slow_work_leave_turns(class, queue);
	slow_work_list_add_tail(&class->turns, &queue->turn);
}

/* @queue, the first of its class and not alone there, has had its turn. */
void slow_work_next_turn(struct slow_work_class *class,
			 struct slow_work_queue *queue)
{
	lockdep_assert_held(&slow_pool.lock);
	slow_work_list_del(&class->turns, &queue->turn);
	if (slow_work_first_of(&queue->items))
		slow_work_list_add_tail(&class->turns, &queue->turn);
	else
		INIT_HLIST_NODE(&queue->turn);
}

struct slow_work_user *slow_work_lookup_user(struct module *module)
{
	struct slow_work_user *user;

	lockdep_assert_held(&slow_pool.lock);
	hash_for_each_possible(slow_pool.users, user, hash, (unsigned long)module)
		if (user->module == module)
			return user;
	return NULL;
}

/* Find the in-flight count for a new run.  The manager reports an unregistered owner. */
struct slow_work_account *
slow_work_find_account(const struct slow_work *work)
{
	struct module *owner = work->ops->owner;
	struct slow_work_user *user = slow_work_lookup_user(owner);

	if (user) {
		slow_pool.recent = user->current_account;
		return slow_pool.recent;
	}
	if (owner && !slow_pool.unowned_execute) {
		/* litmus: unowned */
		WRITE_ONCE(slow_pool.unowned_execute, work->ops->execute);
		slow_pool.sampling = true;
		slow_work_wake_manager();
	}
	return slow_pool.unowned.current_account;
}

void slow_work_count_refused(const struct slow_work *work)
{
	struct slow_work_user *user = slow_work_lookup_user(work->ops->owner);

	slow_work_count(user ?: &slow_pool.unowned, work, SLOW_WORK_COUNT_REFUSED);
}

/*
 * Does the pool hold nothing of @user?  If it does, @waited has slow_work_drained() look
 * again whenever an account becomes empty.
 */
bool slow_work_user_idle(struct slow_work_user *user)
{
	struct slow_work_account *accounts = user->accounts;

	lockdep_assert_held(&slow_pool.lock);
	if (!accounts[0].active && !accounts[1].active && !user->armed)
		return true;
	/* What is armed becomes active in either of them before it goes. */
	accounts[0].waited = true;
	accounts[1].waited = true;
	return false;
}

/*
 * Serve all flushes of @user that have come: new runs count in the other account
 * from now on, and the flushes wait for this one to become empty.  The other one is
 * empty, as the flush before has waited for that.
 */
void slow_work_start_flush(struct slow_work_user *user)
{
	struct slow_work_account *account = user->current_account;

	lockdep_assert_held(&slow_pool.lock);
	list_splice_init(&user->next_flushes, &user->flushes);
	user->current_account = account == user->accounts ?
				user->accounts + 1 : user->accounts;
	if (slow_pool.recent == account)
		slow_pool.recent = user->current_account;
	if (account->active)
		account->waited = true;
	else
		slow_work_wake_waiters(&user->flushes);
}

/*
 * @account has become empty, and @waited was set: end the flushes that wait for it, and
 * wake the leavers if the whole user is idle, else look again later.
 */
void slow_work_drained(struct slow_work_account *account)
{
	struct slow_work_user *user = account->user;

	account->waited = false;
	if (account != user->current_account && !list_empty(&user->flushes)) {
		slow_work_wake_waiters(&user->flushes);
		if (!list_empty(&user->next_flushes))
			slow_work_start_flush(user);
	}
	if (!list_empty(&user->leavers) && slow_work_user_idle(user))
		slow_work_wake_waiters(&user->leavers);
}
