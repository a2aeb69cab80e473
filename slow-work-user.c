// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: modules that register, and what is waited for when one goes
 *
 * A user may go when its counts are zero: see slow-work-owner.c.  The first user makes
 * the pool, the last takes it down.
 *
 * Closing.  The last user leaves in four steps: the pool accepts no enqueue that
 * would need a run of its own; what is armed and unowned is disarmed; what is unowned
 * and queued runs; the threads are stopped.  Only the first and the last of these
 * are made under the register mutex, so a register that comes meanwhile waits for no
 * item: it opens the same pool again, and the last step falls away.
 */

#define pr_fmt(fmt) "Slow work thread pool: " fmt

#include <linux/log2.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/slow-work.h>
#include "slow-work.h"
#include "slow-work-debug.h"
#include "slow-work-item.h"
#include "slow-work-walk.h"

static DEFINE_MUTEX(slow_work_register_mutex);

/* Wait **************************************************************/

/* Name the first item of @user that is found, perhaps an armed one if @armed is set. */
static void slow_work_tell_first(const struct slow_work_user *user, bool armed)
{
	struct slow_work_walk walk;
	bool found;

	slow_work_find_dead();
	slow_work_walk_begin(&walk);
	do
		found = slow_work_walk_next(&walk, false);
	while (found && (walk.user != user ||
			 (!armed && walk.list == SLOW_WORK_LIST_ARMED)));
	slow_work_walk_end(&walk);

	if (found)
		slow_work_tell_wait(walk.execute, user->name, walk.flags,
				    walk.list == SLOW_WORK_LIST_LOST);
	else
		pr_warn("Still waiting for a put_ref of %s\n", user->name);
}

/* @what is a user that leaves. */
static void slow_work_tell_user(const void *what)
{
	slow_work_tell_first(what, true);
}

/* @what is a user whose accepted runs a flush waits for. */
static void slow_work_tell_flush(const void *what)
{
	slow_work_tell_first(what, false);
}

/*
 * Wait until @user has nothing in the pool; or, for what is unowned, until the pool is
 * open again.  slow_work_drained() and slow_work_add_user() wake us: they look for us
 * under the lock under which we join the list.
 */
static void slow_work_wait_idle(struct slow_work_user *user, unsigned long *patience)
{
	struct slow_work_waiter waiter;
	bool done;

	for (;;) {
		init_completion(&waiter.done);
		raw_spin_lock_irq(&slow_pool.lock);
		done = slow_work_user_idle(user) ||
		       (user == &slow_pool.unowned && slow_pool.nr_users);
		if (!done)
			list_add_tail(&waiter.link, &user->leavers);
		raw_spin_unlock_irq(&slow_pool.lock);
		if (done)
			return;
		slow_work_wait_for(&waiter, patience, slow_work_tell_user, user);
	}
}

/*
 * Wait for the runs of @user that have been accepted, armed ones excepted.  A flush that
 * comes while another is under way waits for the next round, with all others that do.
 */
static void slow_work_flush_runs(struct slow_work_user *user, unsigned long *patience)
{
	struct slow_work_waiter waiter;

	init_completion(&waiter.done);
	raw_spin_lock_irq(&slow_pool.lock);
	list_add_tail(&waiter.link, &user->next_flushes);
	if (list_empty(&user->flushes))
		slow_work_start_flush(user);
	raw_spin_unlock_irq(&slow_pool.lock);
	slow_work_wait_for(&waiter, patience, slow_work_tell_flush, user);
}

/* Register **********************************************************/

static struct slow_work_user *slow_work_new_user(struct module *module)
{
	struct slow_work_user *user = NULL;

	raw_spin_lock_irq(&slow_pool.lock);
	if (!hlist_empty(&slow_pool.spare)) {
		user = hlist_entry(slow_pool.spare.first, struct slow_work_user,
				   hash);
		hlist_del(&user->hash);
	}
	raw_spin_unlock_irq(&slow_pool.lock);

	if (!user) {
		/* Only powers of two are aligned as their types want it. */
		user = kzalloc(roundup_pow_of_two(sizeof(*user)), GFP_KERNEL);
		if (!user)
			return NULL;
		slow_work_init_queues(user);
	}
	slow_work_init_user(user, module);
	return user;
}

/* Keep the memory: see struct slow_work_user. */
static void slow_work_free_user(struct slow_work_user *user)
{
	if (!user)
		return;
	slow_work_user_destroy_map(user);
	raw_spin_lock_irq(&slow_pool.lock);
	hlist_add_head(&user->hash, &slow_pool.spare);
	raw_spin_unlock_irq(&slow_pool.lock);
}

void slow_work_user_exit(void)
{
	struct slow_work_user *user;
	struct hlist_node *next;

	hlist_for_each_entry_safe(user, next, &slow_pool.spare, hash) {
		kfree(user->reserve);
		kfree(user);
	}
}

/*
 * Stop the pool if it has neither a user nor an unowned item.
 *
 * Context: slow_work_register_mutex held; sleeps.
 */
static void slow_work_stop_unused(void)
{
	bool idle;

	if (!slow_pool.manager || slow_pool.nr_users)
		return;
	raw_spin_lock_irq(&slow_pool.lock);
	idle = slow_work_user_idle(&slow_pool.unowned);
	raw_spin_unlock_irq(&slow_pool.lock);
	if (!idle)
		return;		/* the last user that left sees to that */
	slow_work_pool_stop();
	pr_notice("Shut down complete\n");
}

/* Have the pool running.  Context: slow_work_register_mutex held. */
static int slow_work_run(void)
{
	int ret;

	if (!slow_pool.manager) {
		pr_notice("Starting up\n");
		ret = slow_work_pool_start();
		if (ret) {
			pr_notice("Cannot start (%d)\n", ret);
			return ret;
		}
	}
	pr_notice("Ready\n");
	return 0;
}

/*
 * Count a registration of @module, with a reserve if it asks for one, and have enqueues
 * accepted.  *@new becomes the user if there is none yet, and NULL then.  No other
 * register comes meanwhile, nor does the user go.
 *
 * Context: slow_work_register_mutex held.
 */
static int slow_work_add_user(struct module *module, struct slow_work_user **new,
			      bool reserve)
{
	struct slow_work_user *user;
	int ret = 0;

	mutex_lock(&slow_work_users_mutex);	/* the manager may replace a reserve */
	raw_spin_lock_irq(&slow_pool.lock);
	user = module ? slow_work_lookup_user(module) ?: *new : &slow_pool.unowned;
	raw_spin_unlock_irq(&slow_pool.lock);
	if (reserve)
		ret = slow_work_reserve_start(user);
	if (ret)
		goto out;

	raw_spin_lock_irq(&slow_pool.lock);
	if (user == *new) {
		*new = NULL;
		hash_add(slow_pool.users, &user->hash, (unsigned long)module);
		list_add_tail(&user->link, &slow_work_users);
	}
	if (reserve)
		WRITE_ONCE(user->reserved, true);
	user->registered++;
	if (!slow_pool.nr_users++)
		slow_work_wake_waiters(&slow_pool.unowned.leavers);
	if (slow_pool.failed) {
		/* always try afresh */
		slow_pool.failed = false;
		slow_work_wake_manager();
	}
	raw_spin_unlock_irq(&slow_pool.lock);
out:
	mutex_unlock(&slow_work_users_mutex);
	return ret;
}

static int slow_work_register(struct module *module, struct slow_work_user **new,
			      bool reserve)
{
	int ret = 0;

	lockdep_assert_held(&slow_work_register_mutex);
	if (!slow_pool.nr_users)
		ret = slow_work_run();
	if (!ret) {
		ret = slow_work_add_user(module, new, reserve);
		if (ret) {
			pr_notice("Cannot start the reserve of %s (%d)\n",
				  module_name(module), ret);
			slow_work_stop_unused();
		}
	}
	return ret;
}

static int slow_work_register_for(struct module *module, unsigned int flags,
				  unsigned long caller)
{
	bool reserve = flags & SLOW_WORK_MEM_RECLAIM;
	struct slow_work_user *new = NULL;
	int ret;

	if ((flags & ~SLOW_WORK_MEM_RECLAIM) || (reserve && !module))
		return -EINVAL;
	if (slow_work_current_thread()) {
		WARN_ONCE(1, "slow-work: register from a pool thread by %pS\n",
			  (void *)caller);
		return -EDEADLK;
	}

	if (module) {
		new = slow_work_new_user(module);
		if (!new)
			return -ENOMEM;
	}

	ret = mutex_lock_killable(&slow_work_register_mutex);
	if (!ret) {
		ret = slow_work_register(module, &new, reserve);
		mutex_unlock(&slow_work_register_mutex);
	}
	slow_work_free_user(new);
	return ret;
}

/**
 * slow_work_register_user_flags - have the pool there, to enqueue items
 * @module: the caller (THIS_MODULE); NULL from built-in code, for whose items
 *	no unregister waits
 * @flags: 0, or SLOW_WORK_MEM_RECLAIM: memory reclaim may wait for items of @module,
 *	which is not NULL then
 *
 * To be called before items are enqueued; the first user starts the threads.
 * Each call is to be balanced by one of slow_work_unregister_user().  It waits for no
 * item, even while the last user before is leaving.
 *
 * With SLOW_WORK_MEM_RECLAIM the user has a thread of its own, the reserve.  It executes
 * the user's queued items, oldest first and whatever their class, once one of them has
 * waited for 10 ms and no thread of the pool takes one; so they make progress while all
 * threads are held by others' items, or cannot be started for want of memory.  It is
 * there until the module has unregistered as often as it has registered.
 *
 * Context: Process context, not a pool thread; sleeps.
 * Return: 0; or, with nothing changed:
 *	-EINVAL: unknown @flags, or a reserve for NULL;
 *	-ENOMEM, -EAGAIN: no memory, or no thread could be started; built in,
 *	before subsys_initcall() too;
 *	-EINTR: the caller is being killed;
 *	-EDEADLK: called from a pool thread (warns once).
 */
int slow_work_register_user_flags(struct module *module, unsigned int flags)
{
	return slow_work_register_for(module, flags, _RET_IP_);
}
EXPORT_SYMBOL(slow_work_register_user_flags);

/**
 * slow_work_register_user - slow_work_register_user_flags() without flags
 * @module: as there
 *
 * Context: As there.
 * Return: As there.
 */
int slow_work_register_user(struct module *module)
{
	return slow_work_register_for(module, 0, _RET_IP_);
}
EXPORT_SYMBOL(slow_work_register_user);

/* Unregister ********************************************************/

/*
 * Take one registration of @user back.  False: more of it was queued meanwhile.
 *
 * Context: slow_work_register_mutex held.
 */
static bool slow_work_remove_user(struct slow_work_user *user)
{
	bool gone;
	int class;

	mutex_lock(&slow_work_users_mutex);
	raw_spin_lock_irq(&slow_pool.lock);
	if (user != &slow_pool.unowned && !slow_work_user_idle(user)) {
		raw_spin_unlock_irq(&slow_pool.lock);
		mutex_unlock(&slow_work_users_mutex);
		return false;
	}
	user->registered--;
	user->leaving--;
	gone = user != &slow_pool.unowned && !user->registered;
	if (gone) {
		hash_del(&user->hash);
		list_del(&user->link);
		for (class = 0; class < SLOW_WORK_NR_CLASSES; class++) {
			slow_work_leave_turns(&slow_pool.classes[class],
					      &user->queues[class]);
			/* What was counted of it counts for its classes on. */
			atomic_long_add(atomic_long_read(&user->merged[class]),
					&slow_pool.classes[class].merged);
		}
		if (slow_pool.recent == user->current_account)
			slow_pool.recent = slow_pool.unowned.current_account;
	}
	if (!--slow_pool.nr_users)
		slow_work_close();
	raw_spin_unlock_irq(&slow_pool.lock);
	mutex_unlock(&slow_work_users_mutex);

	if (gone) {
		slow_work_reserve_stop(user->reserve);
		slow_work_free_user(user);
	}
	return true;
}

/*
 * Stop the pool, unless a user has registered again.  False: it is not empty any more.
 */
static bool slow_work_try_stop(void)
{
	bool done;

	mutex_lock(&slow_work_register_mutex);
	slow_work_stop_unused();
	done = !slow_pool.manager || slow_pool.nr_users;
	mutex_unlock(&slow_work_register_mutex);
	return done;
}

/*
 * The last user has left, and slow_work_close() has a thread disarm what is armed: wait
 * until nothing is left, and stop the pool.  Where it is opened again meanwhile, what was
 * queued is waited for all the same.
 *
 * Context: Process context, no lock held; sleeps.
 */
static void slow_work_shut_down(unsigned long *patience)
{
	do
		slow_work_wait_idle(&slow_pool.unowned, patience);
	while (!slow_work_try_stop());
	slow_work_flush_runs(&slow_pool.unowned, patience);
}

/**
 * slow_work_unregister_user - the module may go once this returns
 * @module: as given to slow_work_register_user()
 *
 * Waits until no item that @module owns is queued, armed or executing and no
 * call-out of it runs; what is queued meanwhile is waited for too, so stop
 * first whatever enqueues.  If it takes longer than 10 s, one message names what
 * is waited for.  For NULL nothing is waited for.  To be called before anything is
 * torn down that execute, put_ref or desc of the items use.
 *
 * The last user to go lets everything run that is queued, disarms what is still
 * armed, and waits for all threads to have exited; unless another module registers
 * meanwhile, which finds the pool open again.
 *
 * Context: Process context, not a pool thread, nor a suspend callback, where pool threads
 *	are frozen; sleeps.  From a pool thread, or without a register, it warns once and
 *	changes nothing.
 */
void slow_work_unregister_user(struct module *module)
{
	unsigned long patience = SLOW_WORK_PATIENCE_JIFFIES;
	struct slow_work_user *user;
	bool removed, last;

	if (slow_work_current_thread()) {
		WARN_ONCE(1, "slow-work: unregister from a pool thread by %pS\n",
			  (void *)_RET_IP_);
		return;
	}

	/* Our registration keeps @user there while we wait without a lock. */
	raw_spin_lock_irq(&slow_pool.lock);
	user = module ? slow_work_lookup_user(module) : &slow_pool.unowned;
	if (user && user->leaving == user->registered)
		user = NULL;
	if (user)
		user->leaving++;
	raw_spin_unlock_irq(&slow_pool.lock);

	if (!user) {
		WARN_ONCE(1, "slow-work: unregister without register by %pS\n",
			  (void *)_RET_IP_);
		return;
	}

	/* If we are the last we wait for unowned items too. */
	slow_work_user_acquire(&slow_pool.unowned);
	if (module)
		slow_work_user_acquire(user);

	/* Not under the mutex: what we wait for may be long. */
	do {
		if (module)
			slow_work_wait_idle(user, &patience);
		mutex_lock(&slow_work_register_mutex);
		removed = slow_work_remove_user(user);
		last = removed && !slow_pool.nr_users;
		if (last)
			pr_notice("Shutting down\n");
		mutex_unlock(&slow_work_register_mutex);
	} while (!removed);
	if (last)
		slow_work_shut_down(&patience);
}
EXPORT_SYMBOL(slow_work_unregister_user);

/* Flush *************************************************************/

/**
 * slow_work_flush_user - wait for what a module has enqueued
 * @module: as given to slow_work_register_user(); stays registered meanwhile
 *
 * Waits until every run has ended for which an enqueue of an item of @module was
 * accepted before, or was cancelled.  What is enqueued meanwhile is not waited
 * for, nor what is armed: its enqueue counts when its delay is over.  This is to
 * a user what flush_workqueue() is to a workqueue.  A flush that comes while another
 * of the same user is under way begins when that one has ended.  A wait of more than
 * 10 s says once what for.  In memory reclaim a flush of a user without a reserve
 * warns once, whether or not there is something to wait for.
 *
 * For NULL, and for a module that has not registered, nothing is waited for.
 *
 * Context: Process context, not a pool thread (that warns once and waits for
 *	nothing), nor a put_ref(), nor a suspend callback; sleeps.  With no lock held
 *	that a call-out of the module's items takes.
 */
void slow_work_flush_user(struct module *module)
{
	unsigned long patience = SLOW_WORK_PATIENCE_JIFFIES;
	struct slow_work_user *user;

	might_sleep();
	if (slow_work_current_thread()) {
		WARN_ONCE(1, "slow-work: flush of a user from a pool thread by %pS\n",
			  (void *)_RET_IP_);
		return;
	}

	raw_spin_lock_irq(&slow_pool.lock);
	user = module ? slow_work_lookup_user(module) : NULL;
	raw_spin_unlock_irq(&slow_pool.lock);
	if (!user)
		return;
	WARN_ONCE(current->flags & PF_MEMALLOC && !READ_ONCE(user->reserved),
		  "slow-work: PID %d (%s), in memory reclaim, flushes %s, which has no reserve\n",
		  task_pid_nr(current), current->comm, user->name);
	slow_work_user_acquire(user);
	slow_work_flush_runs(user, &patience);
}
EXPORT_SYMBOL(slow_work_flush_user);
