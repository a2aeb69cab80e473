// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: the threads
 *
 * The manager, a kthread of its own, starts threads when the queues need them,
 * and culls those that have been idle for long.  No item waits behind it and no
 * enqueuer waits for it.
 *
 * How fast the pool grows.  A thread that is started for an item which another
 * would have taken in a moment is started for nothing.  So the manager does not
 * go by the length of the queue alone: when items find no thread it samples how
 * the queue moves, SLOW_WORK_LOOK_US apart.  It starts threads, up to the number
 * wanted, as soon as one sample shows that nothing was taken, or that what is
 * queued would last for more than SLOW_WORK_HORIZON_US at the pace seen; or when
 * items have found no thread for that long.  A spike that the threads there are
 * can serve within that time starts none.
 */

#define pr_fmt(fmt) "Slow work thread pool: " fmt

#include <linux/freezer.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/kdebug.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/slow-work.h>
#include "slow-work.h"
#include "slow-work-item.h"
#include "slow-work-trace.h"

#define SLOW_WORK_CULL_JIFFIES	(5 * HZ)	/* surplus this long: exit */
#define SLOW_WORK_LOOK_US	200
#define SLOW_WORK_HORIZON_US	10000

/* What the manager has seen of a busy pool */
static struct slow_work_growth {
	bool watching;		/* S: it is watching the queue move */
	bool growing;		/* S: it has seen enough: start what is wanted */
	ktime_t since;		/* S: when it began to watch */
	ktime_t looked;		/* S: when it looked last */
	unsigned long started;	/* S: the count of items taken at that time */
} growth;

/* Start and stop ***************************************************/

static struct slow_work_thread *slow_work_new_thread(unsigned int slot)
{
	struct slow_work_thread *thread = kzalloc(sizeof(*thread), GFP_KERNEL);

	if (thread) {
		thread->slot = slot;
		INIT_LIST_HEAD(&thread->sleeper);
		slow_work_init_holder(&thread->holder);
	}
	return thread;
}

/* Context: the starter. */
static int slow_work_start_thread(void)
{
	/* There is one: slow_work_pool_start() or slow_work_grow() has looked. */
	unsigned int slot = find_first_zero_bit(slow_pool.slots, slow_pool.limit);
	struct slow_work_thread *thread;
	struct task_struct *task;

	/* The number may be a dead thread's, and just have been freed; litmus: slots */
	raw_spin_lock_irq(&slow_pool.lock);
	thread = slow_pool.threads[slot];
	raw_spin_unlock_irq(&slow_pool.lock);
	if (!thread)
		thread = slow_work_new_thread(slot);
	if (!thread)
		return -ENOMEM;

	task = kthread_create(slow_work_thread_main, thread, "kslowd%03u",
			      slot);
	if (IS_ERR(task)) {
		if (!slow_pool.threads[slot])
			kfree(thread);
		return PTR_ERR(task);
	}
	/* It may exit by itself; until it is reaped it can be woken. */
	get_task_struct(task);
	set_bit(slot, slow_pool.slots);
	slow_work_affinity_begin(task, true);

	raw_spin_lock_irq(&slow_pool.lock);
	thread->task = task;
	thread->asleep_since = jiffies;
	thread->flags = 0;
	slow_work_call(thread, 0);
	slow_pool.threads[slot] = thread;
	slow_pool.nr++;
	slow_pool.events.starts++;
	slow_work_update();
	trace_slow_work_thread_start(thread);
	raw_spin_unlock_irq(&slow_pool.lock);
	slow_work_affinity_end();

	wake_up_process(task);
	return 0;
}

/* Wait for a thread to have left our code.  Context: the starter. */
static void slow_work_reap(struct slow_work_thread *thread)
{
	struct task_struct *task = thread->task;

	kthread_stop(task);

	raw_spin_lock_irq(&slow_pool.lock);
	/* A thread that is stopped before it first ran has done neither. */
	slow_work_arrive(thread);
	if (!(thread->flags & SLOW_WORK_RETIRED))
		slow_work_retire(thread);
	list_del_init(&thread->link);
	thread->task = NULL;
	raw_spin_unlock_irq(&slow_pool.lock);
	/* No lookup under the lock finds it any more. */
	put_task_struct(task);
	clear_bit(thread->slot, slow_pool.slots);
}

/* Reserves **********************************************************/

/**
 * slow_work_reserve_start - have a reserve for a user, if it has none
 * @user: the user, which stays there meanwhile
 *
 * Context: Process context, slow_work_users_mutex held; sleeps.
 * Return: 0, or a negative errno.
 */
int slow_work_reserve_start(struct slow_work_user *user)
{
	struct slow_work_thread *thread;
	struct task_struct *task;
	bool alive;

	/* slow_work_find_dead() takes a dead one off without the mutex. */
	raw_spin_lock_irq(&slow_pool.lock);
	thread = user->reserve;
	alive = thread && thread->task;
	raw_spin_unlock_irq(&slow_pool.lock);
	if (alive)
		return 0;
	if (!thread)
		thread = slow_work_new_thread(UINT_MAX);
	if (!thread)
		return -ENOMEM;
	thread->user = user;
	raw_spin_lock_irq(&slow_pool.lock);
	user->reserve = thread;
	raw_spin_unlock_irq(&slow_pool.lock);
	task = kthread_create(slow_work_reserve_main, thread, "kslowr/%s",
			      user->name);
	if (IS_ERR(task))
		return PTR_ERR(task);
	get_task_struct(task);
	slow_work_affinity_begin(task, true);
	raw_spin_lock_irq(&slow_pool.lock);
	thread->task = task;
	thread->asleep_since = jiffies;
	thread->flags = 0;
	list_add(&user->reserves, &slow_pool.reserves);
	slow_pool.nr_reserves++;
	slow_pool.helpers = true;
	slow_work_kick();	/* what is queued already counts on it, too */
	raw_spin_unlock_irq(&slow_pool.lock);
	slow_work_affinity_end();
	wake_up_process(task);
	return 0;
}

/**
 * slow_work_reserve_stop - the user of a reserve has gone
 * @thread: the reserve, which has no item; or NULL
 *
 * Context: Process context; sleeps until the thread has exited.
 */
void slow_work_reserve_stop(struct slow_work_thread *thread)
{
	struct task_struct *task = thread ? thread->task : NULL;

	if (!task)
		return;
	raw_spin_lock_irq(&slow_pool.lock);
	list_del_init(&thread->user->reserves);
	slow_pool.nr_reserves--;
	raw_spin_unlock_irq(&slow_pool.lock);
	kthread_stop(task);
	raw_spin_lock_irq(&slow_pool.lock);
	thread->task = NULL;
	raw_spin_unlock_irq(&slow_pool.lock);
	put_task_struct(task);
}

/* Threads that have died ********************************************/

/* The thread is there for good, and so is its account's user. */
static void slow_work_report_death(const struct slow_work_thread *thread, bool put)
{
	pr_err("%s (PID %d) died in %s%ps of %s; the item is lost\n",
	       thread->task->comm, task_pid_nr(thread->task),
	       put ? "the put_ref after " : "", thread->execute,
	       thread->holder.account->user->name);
}

/*
 * If the reserve of @user, or the thread of @slot if @user is NULL, has died in a call-out,
 * move it to slow_pool.lost and report it.  The number of a thread is free then; for a
 * reserve the manager starts another.
 */
static void slow_work_check_alive(unsigned int slot, struct slow_work_user *user)
{
	struct slow_work_thread *thread;
	bool put;

	raw_spin_lock_irq(&slow_pool.lock);
	thread = user ? user->reserve : slow_pool.threads[slot];
	/* A thread that retires has no item. */
	if (!thread || !thread->holder.item || !slow_work_is_lost(&thread->holder)) {
		raw_spin_unlock_irq(&slow_pool.lock);
		return;
	}
	put = thread->holder.stage == SLOW_WORK_ENDED;
	if (user) {
		list_del_init(&user->reserves);
		slow_pool.nr_reserves--;
		slow_pool.reserve_died = true;
		user->reserve = NULL;
	} else {
		WRITE_ONCE(slow_pool.threads[slot], NULL);
		clear_bit(slot, slow_pool.slots);
	}
	slow_work_lose(thread);		/* wakes the manager */
	raw_spin_unlock_irq(&slow_pool.lock);
	slow_work_report_death(thread, put);
}

/* A start that failed delays the next one: see slow_work_backs_off(). */
static void slow_work_record_start(int ret)
{
	raw_spin_lock_irq(&slow_pool.lock);
	slow_pool.failed = ret;
	slow_pool.failed_at = jiffies;
	if (ret)
		slow_pool.events.start_failures++;
	raw_spin_unlock_irq(&slow_pool.lock);
	if (ret) {
		trace_slow_work_thread_fail(ret);
		pr_warn_ratelimited("Cannot start a thread (%d), next try in %d s\n",
				    ret, SLOW_WORK_RETRY_JIFFIES / HZ);
	}
}

/* Context: the manager, no lock held. */
static void slow_work_replace_reserves(void)
{
	struct slow_work_user *user;
	int ret = 0;

	mutex_lock(&slow_work_users_mutex);
	list_for_each_entry(user, &slow_work_users, link)
		if (user->reserved)
			ret = slow_work_reserve_start(user) ?: ret;
	mutex_unlock(&slow_work_users_mutex);
	slow_work_record_start(ret);
	if (ret) {
		raw_spin_lock_irq(&slow_pool.lock);
		slow_pool.reserve_died = true;
		raw_spin_unlock_irq(&slow_pool.lock);
	}
}

/**
 * slow_work_find_dead - take threads that have died in a call-out off the pool
 *
 * Each is reported, and its number is free for another.
 *
 * Context: Process context.
 */
void slow_work_find_dead(void)
{
	struct slow_work_user *user;
	unsigned int slot;

	for_each_set_bit(slot, slow_pool.slots, slow_pool.limit)
		slow_work_check_alive(slot, NULL);
	for (user = READ_ONCE(slow_pool.newest); user; user = user->older)
		slow_work_check_alive(0, user);
}

/* A thread is about to die.  Once it has, the timer has the manager look for it. */
static void slow_work_dying(struct irq_work *unused)
{
	unsigned long irq;

	raw_spin_lock_irqsave(&slow_pool.lock, irq);
	slow_pool.dying = true;
	slow_pool.dying_since = jiffies;
	timer_reduce(&slow_pool.timer, jiffies + SLOW_WORK_SAMPLE_JIFFIES);
	raw_spin_unlock_irqrestore(&slow_pool.lock, irq);
}

static DEFINE_IRQ_WORK(slow_work_dying_work, slow_work_dying);

/*
 * An oops in get_ref kills a task that holds slow_pool.lock, and the pool with it; but
 * get_ref comes before anything is changed.
 */
static int slow_work_died(struct notifier_block *unused, unsigned long event,
			  void *data)
{
	if (event != DIE_OOPS)
		return NOTIFY_DONE;
	if (slow_work_current_thread())
		irq_work_queue(&slow_work_dying_work);
	if (READ_ONCE(slow_pool.getter) == current) {
		WRITE_ONCE(slow_pool.getter, NULL);
		__acquire(&slow_pool.lock);
		raw_spin_unlock(&slow_pool.lock);
	}
	return NOTIFY_DONE;
}

static struct notifier_block slow_work_die_block = {
	.notifier_call = slow_work_died,
};

/* The manager ******************************************************/

static void slow_work_shorten(ktime_t *timeout, u64 ns)
{
	*timeout = min(*timeout, ns_to_ktime(ns));
}

/*
 * Is it time to replace reserves that died?  While a failed start is backed off from,
 * slow_work_grow() shortens the manager's timeout.
 */
static bool slow_work_replaces(void)
{
	bool due = slow_pool.reserve_died && !slow_work_backs_off();

	lockdep_assert_held(&slow_pool.lock);
	if (due)
		slow_pool.reserve_died = false;
	return due;
}

/*
 * Is it time to start a thread?  If not, shorten @timeout to when it may be.
 * The head of this file tells why it is judged so.
 */
static bool slow_work_grow(ktime_t *timeout)
{
	unsigned long queued = 0, started = 0, left;
	ktime_t now;
	s64 passed;
	int i;

	lockdep_assert_held(&slow_pool.lock);

	/* First: while it backs off, nothing that is queued wakes the manager. */
	left = slow_work_backs_off();
	if (left) {
		growth.watching = false;
		slow_work_shorten(timeout, jiffies_to_nsecs(left));
		return false;
	}
	/* Where all numbers are taken, a thread that exits wakes the manager. */
	if (slow_pool.nr >= slow_work_wanted() ||
	    (slow_pool.nr >= slow_pool.min && !slow_work_unserved()) ||
	    bitmap_full(slow_pool.slots, slow_pool.limit)) {
		growth.watching = false;
		return false;
	}
	if (slow_pool.nr < slow_pool.min)
		return true;

	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++) {
		queued += slow_pool.classes[i].queued;
		started += slow_pool.classes[i].started;
	}
	now = ktime_get();
	if (!growth.watching) {
		growth = (struct slow_work_growth) {
			.watching = true,
			.since = now,
			.looked = now,
			.started = started,
		};
	}
	if (growth.growing)
		return true;

	passed = ktime_us_delta(now, growth.looked);
	if (passed >= SLOW_WORK_LOOK_US) {
		u64 taken = started - growth.started;

		growth.growing =
			taken * SLOW_WORK_HORIZON_US < queued * (u64)passed ||
			ktime_us_delta(now, growth.since) > SLOW_WORK_HORIZON_US;
		if (growth.growing)
			return true;
		growth.looked = now;
		growth.started = started;
		passed = 0;
	}
	slow_work_shorten(timeout, (SLOW_WORK_LOOK_US - passed) * NSEC_PER_USEC);
	return false;
}

/*
 * Retire an idle thread, if there is one to go: 5 s after there were more than wanted,
 * and after it idled.  The coldest is the last of the idle list, as the others have been
 * used since.
 */
static bool slow_work_cull(ktime_t *timeout)
{
	struct slow_work_thread *coldest;
	unsigned long left;

	lockdep_assert_held(&slow_pool.lock);

	slow_work_note_surplus();
	slow_pool.culling = false;
	if (list_empty(&slow_pool.idle) || slow_pool.nr <= slow_pool.min)
		return false;

	coldest = list_last_entry(&slow_pool.idle, struct slow_work_thread, link);
	left = max(slow_work_left(coldest->since, SLOW_WORK_CULL_JIFFIES),
		   slow_work_left(slow_pool.surplus_since, SLOW_WORK_CULL_JIFFIES));
	if (slow_pool.nr > slow_pool.max || (slow_pool.surplus && !left)) {
		list_del_init(&coldest->link);
		slow_pool.nr_idle--;
		slow_work_retire(coldest);
		slow_pool.events.culled++;
		trace_slow_work_thread_cull(coldest);
		wake_up_process(coldest->task);
		return true;
	}

	slow_pool.culling = true;
	slow_work_shorten(timeout, jiffies_to_nsecs(left ?: SLOW_WORK_CULL_JIFFIES));
	return false;
}

static void slow_work_report_unowned(void)
{
	void (*execute)(struct slow_work *work);

	execute = READ_ONCE(slow_pool.unowned_execute);
	if (execute)
		pr_warn_once("The owner of %ps has not registered: nothing waits for its items\n",
			     execute);
}

/*
 * Do one thing at a time, then sleep.  The state is set before the fields are read under
 * the lock, and each writer of them wakes the manager under the lock: no wake-up is lost.
 */
static int slow_work_manager_main(void *unused)
{
	const u64 slack = 50 * NSEC_PER_USEC;
	struct slow_work_thread *thread;
	ktime_t timeout, *until;

	set_freezable();
	for (;;) {
		try_to_freeze();
		/* litmus: manager, stop */
		set_current_state(SLOW_WORK_IDLE);
		if (kthread_should_stop())
			break;
		timeout = KTIME_MAX;

		raw_spin_lock_irq(&slow_pool.lock);
		slow_pool.managing = true;
		thread = list_first_entry_or_null(&slow_pool.retired,
						  struct slow_work_thread, link);
		if (thread) {
			raw_spin_unlock_irq(&slow_pool.lock);
			__set_current_state(TASK_RUNNING);
			slow_work_reap(thread);
			continue;
		}
		if (slow_pool.sampling) {
			slow_pool.sampling = false;
			raw_spin_unlock_irq(&slow_pool.lock);
			__set_current_state(TASK_RUNNING);
			slow_work_find_dead();
			slow_work_report_unowned();
			continue;
		}
		if (slow_work_replaces()) {
			raw_spin_unlock_irq(&slow_pool.lock);
			__set_current_state(TASK_RUNNING);
			slow_work_replace_reserves();
			continue;
		}
		if (slow_work_grow(&timeout)) {
			raw_spin_unlock_irq(&slow_pool.lock);
			__set_current_state(TASK_RUNNING);
			slow_work_record_start(slow_work_start_thread());
			continue;
		}
		if (slow_work_cull(&timeout)) {
			raw_spin_unlock_irq(&slow_pool.lock);
			__set_current_state(TASK_RUNNING);
			continue;
		}
		slow_pool.managing = growth.watching;
		slow_pool.helpers = true;	/* the manager may be one */
		raw_spin_unlock_irq(&slow_pool.lock);
		until = timeout == KTIME_MAX ? NULL : &timeout;
		freezable_schedule_hrtimeout_range(until, slack, HRTIMER_MODE_REL);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/* The pool *********************************************************/

/**
 * slow_work_pool_start - have threads, and take items
 *
 * Context: Process context, slow_work_register_mutex held; sleeps.
 * Return: 0, or the negative errno with which a thread could not be started:
 *	then there is none.
 */
int slow_work_pool_start(void)
{
	struct task_struct *manager;
	int ret;

	/* Built in, a caller may come before our init, or after that failed. */
	if (!slow_pool.slots)
		return -EAGAIN;

	raw_spin_lock_irq(&slow_pool.lock);
	slow_pool.stopping = false;
	slow_pool.closing = false;
	slow_pool.failed = false;
	slow_work_update();
	raw_spin_unlock_irq(&slow_pool.lock);
	growth.watching = false;

	/* What retires meanwhile, as max-threads is lowered, keeps its number. */
	while (READ_ONCE(slow_pool.nr) < READ_ONCE(slow_pool.min) &&
	       !bitmap_full(slow_pool.slots, slow_pool.limit)) {
		ret = slow_work_start_thread();
		if (ret)
			goto fail;
	}
	manager = kthread_create(slow_work_manager_main, NULL, "slow_work_mgr");
	if (IS_ERR(manager)) {
		ret = PTR_ERR(manager);
		goto fail;
	}

	slow_work_affinity_begin(manager, false);
	raw_spin_lock_irq(&slow_pool.lock);
	slow_pool.manager = manager;
	raw_spin_unlock_irq(&slow_pool.lock);
	slow_work_affinity_end();
	wake_up_process(manager);
	/* The first sample of the watchdog, which sets the timer again */
	mod_timer(&slow_pool.stall_timer, jiffies + SLOW_WORK_SAMPLE_JIFFIES);
	return 0;

fail:
	slow_work_pool_stop();
	return ret;
}

/**
 * slow_work_pool_stop - have no threads
 *
 * To be called when no item is left.
 *
 * Context: Process context, slow_work_register_mutex held; sleeps until all
 *	threads have exited.
 */
void slow_work_pool_stop(void)
{
	struct task_struct *manager;
	unsigned int slot;

	raw_spin_lock_irq(&slow_pool.lock);
	manager = slow_pool.manager;
	slow_pool.manager = NULL;
	slow_pool.managing = false;
	slow_pool.culling = false;
	slow_pool.surplus = false;
	slow_pool.stopping = true;
	slow_pool.dying = false;
	slow_work_update();
	raw_spin_unlock_irq(&slow_pool.lock);

	if (manager)
		kthread_stop(manager);
	for_each_set_bit(slot, slow_pool.slots, slow_pool.limit)
		slow_work_reap(slow_pool.threads[slot]);
	timer_delete_sync(&slow_pool.stall_timer);	/* without a manager it is not set */
	timer_delete_sync(&slow_pool.timer);
	slow_work_timer(NULL);		/* it may have had waiters to wake */
}

/**
 * slow_work_pool_init - what the pool needs while it has no threads
 *
 * Return: 0 or -ENOMEM.
 */
int slow_work_pool_init(void)
{
	int i;

	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++) {
		slow_work_list_init(&slow_pool.classes[i].turns);
		INIT_LIST_HEAD(&slow_pool.classes[i].sleepers);
		INIT_LIST_HEAD(&slow_pool.reserve_classes[i].sleepers);
	}
	hash_init(slow_pool.users);
	timer_setup(&slow_pool.timer, slow_work_timer, 0);
	slow_work_init_queues(&slow_pool.unowned);
	slow_work_init_user(&slow_pool.unowned, NULL);
	slow_pool.recent = slow_pool.unowned.current_account;
	slow_pool.events.reset_at = get_jiffies_64();
	slow_pool.histograms_since = get_jiffies_64();
	slow_pool.max_since = jiffies;

	slow_pool.threads = kvcalloc(slow_pool.limit, sizeof(*slow_pool.threads), GFP_KERNEL);
	slow_pool.slots = bitmap_zalloc(slow_pool.limit, GFP_KERNEL);
	if (!slow_pool.threads || !slow_pool.slots) {
		slow_work_pool_exit();
		return -ENOMEM;
	}
	return register_die_notifier(&slow_work_die_block);
}

void slow_work_pool_exit(void)
{
	struct slow_work_thread **threads = slow_pool.threads;
	unsigned int slot;

	unregister_die_notifier(&slow_work_die_block);
	irq_work_sync(&slow_work_dying_work);
	timer_delete_sync(&slow_pool.timer);
	raw_spin_lock_irq(&slow_pool.lock);
	slow_pool.threads = NULL;
	raw_spin_unlock_irq(&slow_pool.lock);
	for (slot = 0; threads && slot < slow_pool.limit; slot++)
		kfree(threads[slot]);
	kvfree(threads);
	bitmap_free(slow_pool.slots);
	slow_pool.slots = NULL;
}
