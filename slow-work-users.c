// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: modules that register, and what is waited for when one goes
 *
 * Each reference that the pool holds on an item counts for the user that owns
 * it, from get_ref until put_ref has returned; so a user whose counts are zero
 * has nothing queued, armed or executing, and no call-out of it runs.  The
 * first user makes the pool, the last takes it down.
 *
 * A user has two accounts.  Runs count in the current one from when they are
 * accepted, or from when their delay is over.  A flush makes the other one
 * current and waits until this one is empty: so it waits for what was accepted
 * before, and for nothing that comes meanwhile.
 */

#define pr_fmt(fmt) "Slow work thread pool: " fmt

#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/slow-work.h>
#include "slow-work.h"

#define pool slow_work_pool

#define SLOW_WORK_PATIENCE_JIFFIES	(10 * HZ)

static DEFINE_MUTEX(slow_work_register_mutex);

static struct slow_work_user *slow_work_lookup_user(struct module *module)
{
	struct slow_work_user *user;

	lockdep_assert_held(&pool.lock);
	hash_for_each_possible(pool.users, user, hash, (unsigned long)module)
		if (user->module == module)
			return user;
	return NULL;
}

/* Where does a new run of @work count? */
struct slow_work_account *slow_work_find_account(const struct slow_work *work)
{
	struct module *owner = work->ops->owner;
	struct slow_work_user *user = slow_work_lookup_user(owner);

	if (user) {
		pool.recent = user->current_account;
		return user->current_account;
	}
	if (owner) {
		pool.todo.any = true;
		pool.todo.stranger = work->ops->execute;
	}
	return pool.nobody.current_account;
}

void slow_work_count_refused(const struct slow_work *work)
{
	enum slow_work_class_id class = slow_work_class_id(work->flags);
	struct slow_work_user *user = slow_work_lookup_user(work->ops->owner);

	lockdep_assert_held(&pool.lock);
	if (!user)
		user = &pool.nobody;
	user->accounts->counts[SLOW_WORK_COUNT_REFUSED][class]++;
}

/*
 * Has @user nothing in the pool?  If not, have whoever lets go of the last in an
 * account wake us: slow_work_inactive() takes the mark away.
 */
static bool slow_work_is_settled(struct slow_work_user *user)
{
	struct slow_work_account *accounts = user->accounts;

	lockdep_assert_held(&pool.lock);
	if (!accounts[0].active && !accounts[0].armed &&
	    !accounts[1].active && !accounts[1].armed)
		return true;
	/* What is armed becomes active in either of them before it goes. */
	accounts[0].waited = true;
	accounts[1].waited = true;
	return false;
}

/* The same of the active ones in @account */
static bool slow_work_is_empty(struct slow_work_account *account)
{
	lockdep_assert_held(&pool.lock);
	if (!account->active)
		return true;
	account->waited = true;
	return false;
}

/* An account of @user has become empty: all who wait for one look again. */
void slow_work_wake_user(struct slow_work_user *user)
{
	struct slow_work_waiter *waiter, *next;

	lockdep_assert_held(&pool.lock);
	list_for_each_entry_safe(waiter, next, &pool.waiters, link) {
		if (waiter->user == user) {
			list_del_init(&waiter->link);
			complete(&waiter->done);
		}
	}
}

/*
 * Wait until @account is empty; without one, until @user has nothing in the pool.
 * For @timeout jiffies; false: that was not enough.
 *
 * slow_work_inactive() wakes us: it looks at the mark, and then for us, under the
 * lock under which we set the one and join the list.
 */
static bool slow_work_wait_user(struct slow_work_user *user,
				struct slow_work_account *account,
				unsigned long timeout)
{
	struct slow_work_waiter waiter = { .user = user };
	bool done;

	INIT_LIST_HEAD(&waiter.link);
	init_completion(&waiter.done);
	for (;;) {
		raw_spin_lock_irq(&pool.lock);
		if (!list_empty(&waiter.link))
			list_del_init(&waiter.link);
		done = account ? slow_work_is_empty(account) :
				 slow_work_is_settled(user);
		if (!done && timeout)
			list_add_tail(&waiter.link, &pool.waiters);
		raw_spin_unlock_irq(&pool.lock);
		if (done || !timeout)
			return done;
		timeout = wait_for_completion_timeout(&waiter.done, timeout);
	}
}

static const char *slow_work_state(unsigned long flags)
{
	if (flags & BIT(SLOW_WORK_DELAYED))
		return "armed";
	if (flags & BIT(SLOW_WORK_EXECUTING))
		return "executing";
	return "queued";
}

static void slow_work_tell_awaited(const struct slow_work_user *user)
{
	struct slow_work_walk walk;
	bool found;

	slow_work_walk_begin(&walk);
	do
		found = slow_work_walk_next(&walk, false);
	while (found && walk.user != user);
	slow_work_walk_end(&walk);

	if (found)
		pr_warn("Still waiting for %ps of %s (%s)\n", walk.execute,
			user->name, slow_work_state(walk.flags));
	else
		pr_warn("Still waiting for a put_ref of %s\n", user->name);
}

/*
 * Wait until @user has nothing in the pool, and return true; or for 10 s, and
 * say once what for.
 */
static bool slow_work_wait_settled(struct slow_work_user *user, bool *told)
{
	if (slow_work_wait_user(user, NULL, SLOW_WORK_PATIENCE_JIFFIES))
		return true;
	if (!*told)
		slow_work_tell_awaited(user);
	*told = true;
	return false;
}

/* Register **********************************************************/

/* Make @user one that is nobody's yet, and has counted nothing. */
void slow_work_user_init(struct slow_work_user *user, struct module *module)
{
	int i;

	memset(user, 0, sizeof(*user));
	user->module = module;
	strscpy(user->name, module ? module_name(module) : "nobody",
		sizeof(user->name));
	for (i = 0; i < SLOW_WORK_NR_ACCOUNTS; i++) {
		user->accounts[i].module = module;
		user->accounts[i].user = user;
	}
	user->current_account = user->accounts;
	mutex_init(&user->flush_mutex);
	slow_work_user_init_map(user);
}

static struct slow_work_user *slow_work_new_user(struct module *module)
{
	struct slow_work_user *user = NULL;

	raw_spin_lock_irq(&pool.lock);
	if (!hlist_empty(&pool.spare)) {
		user = hlist_entry(pool.spare.first, struct slow_work_user,
				   hash);
		hlist_del(&user->hash);
	}
	raw_spin_unlock_irq(&pool.lock);

	if (!user)
		user = kmalloc(sizeof(*user), GFP_KERNEL);
	if (user)
		slow_work_user_init(user, module);
	return user;
}

/* Keep the memory: see struct slow_work_user. */
static void slow_work_free_user(struct slow_work_user *user)
{
	if (!user)
		return;
	slow_work_user_destroy_map(user);
	raw_spin_lock_irq(&pool.lock);
	hlist_add_head(&user->hash, &pool.spare);
	raw_spin_unlock_irq(&pool.lock);
}

void slow_work_users_exit(void)
{
	struct slow_work_user *user;
	struct hlist_node *next;

	hlist_for_each_entry_safe(user, next, &pool.spare, hash)
		kfree(user);
}

/**
 * slow_work_register_user - have the pool there, to enqueue items
 * @module: the caller (THIS_MODULE); NULL from built-in code, for whose items
 *	no unregister waits
 *
 * To be called before items are enqueued; the first user starts the threads.
 * Each call is to be balanced by one of slow_work_unregister_user().
 *
 * Context: Process context, not a pool thread; sleeps.
 * Return: 0; or, with nothing changed:
 *	-ENOMEM, -EAGAIN: no memory, or no thread could be started; built in,
 *	before subsys_initcall() too;
 *	-EINTR: the caller is being killed;
 *	-EDEADLK: called from a pool thread (warns once).
 */
int slow_work_register_user(struct module *module)
{
	struct slow_work_user *user, *new = NULL;
	int ret;

	if (slow_work_current_thread()) {
		WARN_ONCE(1, "slow-work: register from a pool thread by %pS\n",
			  (void *)_RET_IP_);
		return -EDEADLK;
	}

	if (module) {
		new = slow_work_new_user(module);
		if (!new)
			return -ENOMEM;
	}

	ret = mutex_lock_killable(&slow_work_register_mutex);
	if (ret)
		goto out_free;

	if (!pool.nr_users) {
		pr_notice("Starting up\n");
		ret = slow_work_pool_start();
		if (ret) {
			pr_notice("Cannot start (%d)\n", ret);
			goto out_unlock;
		}
		pr_notice("Ready\n");
	}

	raw_spin_lock_irq(&pool.lock);
	user = module ? slow_work_lookup_user(module) : &pool.nobody;
	if (!user) {
		user = new;
		new = NULL;
		hash_add(pool.users, &user->hash, (unsigned long)module);
	}
	user->registered++;
	pool.nr_users++;
	pool.open = true;
	if (pool.failed) {
		/* always try afresh */
		pool.failed = false;
		slow_work_summon_manager();
	}
	slow_work_unlock();

out_unlock:
	mutex_unlock(&slow_work_register_mutex);
out_free:
	slow_work_free_user(new);
	return ret;
}
EXPORT_SYMBOL(slow_work_register_user);

/* Unregister ********************************************************/

/*
 * Disarm what no user that is left will wait for.  An item whose timer is going
 * off right now cannot be disarmed: it is on its way into the queue.
 */
static void slow_work_disarm_all(bool *told)
{
	void (*execute)(struct slow_work *work);
	struct slow_work *work;

	raw_spin_lock_irq(&pool.lock);
again:
	list_for_each_entry(work, &pool.armed, link) {
		if (READ_ONCE(work->flags) & BIT(SLOW_WORK_MARKER))
			continue;
		if (!timer_delete(&container_of(work, struct delayed_slow_work,
						work)->timer))
			continue;
		execute = work->ops->execute;
		slow_work_discard(work);
		slow_work_unlock();

		if (!*told)
			pr_warn("Disarming what was left armed: %ps and the like\n",
				execute);
		*told = true;
		raw_spin_lock_irq(&pool.lock);
		goto again;
	}
	raw_spin_unlock_irq(&pool.lock);
}

static void slow_work_shut_down(void)
{
	bool told_armed = false, told = false;

	pr_notice("Shutting down\n");
	slow_work_user_acquire(&pool.nobody);
	do
		slow_work_disarm_all(&told_armed);
	while (!slow_work_wait_settled(&pool.nobody, &told));
	slow_work_pool_stop();
	pr_notice("Shut down complete\n");
}

/* What was counted of @user counts for its classes on. */
static void slow_work_count_gone(const struct slow_work_user *user)
{
	const struct slow_work_account *account;
	int class, i;

	for (account = user->accounts;
	     account < user->accounts + SLOW_WORK_NR_ACCOUNTS; account++) {
		for (class = 0; class < SLOW_WORK_NR_CLASSES; class++) {
			for (i = 0; i < SLOW_WORK_NR_COUNTS; i++)
				pool.gone[i][class] += account->counts[i][class];
			pool.gone_merged[class] +=
				atomic_long_read(&account->merged[class]);
		}
	}
}

/* False: more of it was queued meanwhile. */
static bool slow_work_remove_user(struct slow_work_user *user)
{
	bool gone = false;

	raw_spin_lock_irq(&pool.lock);
	if (user != &pool.nobody) {
		if (!slow_work_is_settled(user)) {
			raw_spin_unlock_irq(&pool.lock);
			return false;
		}
		gone = user->registered == 1;
	}
	user->registered--;
	user->leaving--;
	if (gone) {
		hash_del(&user->hash);
		if (pool.recent->user == user)
			pool.recent = pool.nobody.current_account;
		slow_work_count_gone(user);
	}
	if (!--pool.nr_users)
		pool.open = false;
	raw_spin_unlock_irq(&pool.lock);

	if (gone)
		slow_work_free_user(user);
	return true;
}

/**
 * slow_work_unregister_user - the module may go once this returns
 * @module: as given to slow_work_register_user()
 *
 * Waits until no item that @module owns is queued, armed or executing and no
 * call-out of it runs; what is queued meanwhile is waited for too, so stop
 * first whatever enqueues.  If it takes longer than 10 s, one message names what
 * is waited for.  For NULL nothing is waited for.
 *
 * The last user to go lets everything run that is queued, disarms what is still
 * armed, and waits for all threads to have exited.
 *
 * Context: Process context, not a pool thread (that warns once and changes
 *	nothing); sleeps.
 */
void slow_work_unregister_user(struct module *module)
{
	struct slow_work_user *user;
	bool told = false;

	if (slow_work_current_thread()) {
		WARN_ONCE(1, "slow-work: unregister from a pool thread by %pS\n",
			  (void *)_RET_IP_);
		return;
	}

	/* Our registration keeps @user there while we wait without a lock. */
	raw_spin_lock_irq(&pool.lock);
	user = module ? slow_work_lookup_user(module) : &pool.nobody;
	if (user && user->leaving == user->registered)
		user = NULL;
	if (user)
		user->leaving++;
	raw_spin_unlock_irq(&pool.lock);

	if (!user) {
		WARN_ONCE(1, "slow-work: unregister without register by %pS\n",
			  (void *)_RET_IP_);
		return;
	}

	/* If we are the last we wait for nobody's items too. */
	slow_work_user_acquire(&pool.nobody);
	if (module)
		slow_work_user_acquire(user);

	/* Not under the mutex: what we wait for may be long. */
	for (;;) {
		while (module && !slow_work_wait_settled(user, &told))
			;
		mutex_lock(&slow_work_register_mutex);
		if (slow_work_remove_user(user))
			break;
		mutex_unlock(&slow_work_register_mutex);
	}
	if (!pool.nr_users)
		slow_work_shut_down();
	mutex_unlock(&slow_work_register_mutex);
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
 * a user what flush_workqueue() is to a workqueue.  Of several flushes of one user
 * a later begins when the one before has ended.
 *
 * For NULL, and for a module that has not registered, nothing is waited for.
 *
 * Context: Process context, not a pool thread (that warns once and waits for
 *	nothing), nor a put_ref(); sleeps.  With no lock held that a call-out of
 *	the module's items takes.
 */
void slow_work_flush_user(struct module *module)
{
	struct slow_work_account *account;
	struct slow_work_user *user;

	might_sleep();
	if (slow_work_current_thread()) {
		WARN_ONCE(1, "slow-work: flush of a user from a pool thread by %pS\n",
			  (void *)_RET_IP_);
		return;
	}

	raw_spin_lock_irq(&pool.lock);
	user = module ? slow_work_lookup_user(module) : NULL;
	raw_spin_unlock_irq(&pool.lock);
	if (!user)
		return;
	slow_work_user_acquire(user);

	/* The other account is empty: who flushed before us has waited for that. */
	mutex_lock(&user->flush_mutex);
	raw_spin_lock_irq(&pool.lock);
	account = user->current_account;
	user->current_account = account == user->accounts ?
				user->accounts + 1 : user->accounts;
	if (pool.recent == account)
		pool.recent = user->current_account;
	raw_spin_unlock_irq(&pool.lock);

	slow_work_wait_user(user, account, MAX_SCHEDULE_TIMEOUT);
	mutex_unlock(&user->flush_mutex);
}
EXPORT_SYMBOL(slow_work_flush_user);
