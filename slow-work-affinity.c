// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: where threads run, and with which niceness
 *
 * By default they keep to the CPUs that isolcpus= and nohz_full= leave to the
 * kernel, as unbound workqueues do (those of 7.2 heed isolcpus= alone).  A thread
 * is placed before it runs for the first time, and bound by then as workqueues'
 * are: so neither taskset nor a cpuset moves it, and the kernel, which since 6.14
 * places kthreads anew when CPUs or cpusets change, leaves it alone.  (On 6.1 a
 * cpuset partition moves what is bound to several CPUs, workqueues' threads, too.)
 *
 * When the last of its CPUs goes off line the scheduler lets a thread run
 * anywhere, and leaves it so.  Therefore all are placed again when a CPU comes.
 * (Not after a failed offline: the kernel has no callback for that.)
 */

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/isolation.h>
#include <linux/sched/prio.h>
#include <linux/sched/task.h>
#include <linux/slow-work.h>
#include <linux/workqueue.h>
#include "slow-work.h"
#include "slow-work-debug.h"

static DEFINE_MUTEX(slow_work_affinity_mutex);

/*
 * Serialises writers of the settings; P nests inside.  Held while a thread is moved,
 * which waits for that thread where it sleeps with migration disabled: so not P, for
 * which the manager would wait.
 */
static DEFINE_MUTEX(slow_work_settings_mutex);

static struct {
	bool given;		/* P: @mask was written; until then it follows housekeeping */
	struct cpumask mask;	/* P: CPUs to run on; slow_work_affinity_mask() tells */
	/* P: pending calls of slow_work_apply_all(); threads may differ from the settings */
	unsigned int changing;
	int hotplug;		/* I: the state of CPU hotplug that calls us */
} affinity;

/*
 * As workqueues had it on 6.1: where the two leave no CPU, the first goes.  Since 7.0
 * the second changes with the cpusets that are isolated, hence RCU.
 */
static const struct cpumask *slow_work_affinity_mask(void)
{
	lockdep_assert_held(&slow_work_affinity_mutex);
	if (affinity.given)
		return &affinity.mask;
	rcu_read_lock();
	if (!cpumask_and(&affinity.mask, housekeeping_cpumask(HK_TYPE_WQ),
			 housekeeping_cpumask(HK_TYPE_DOMAIN)))
		cpumask_copy(&affinity.mask, housekeeping_cpumask(HK_TYPE_WQ));
	rcu_read_unlock();
	return &affinity.mask;
}

static void slow_work_bind_task(struct task_struct *task,
				const struct cpumask *mask)
{
	/*
	 * Refused while none of them is on line: then anywhere, until one comes.  Until Linux
	 * 5.11 it warns where one is on line but not active.  It may still, if the last one
	 * ceases to be active between the test and the call.  cpus_read_lock() may not be
	 * taken here: hotplug waits for slow_work_affinity_mutex, which some callers hold,
	 * and an execute that this waits for may itself wait for cpus_read_lock().
	 */
	if (!cpumask_intersects(mask, cpu_active_mask) ||
	    set_cpus_allowed_ptr(task, mask))
		set_cpus_allowed_ptr(task, cpu_possible_mask);
}

/*
 * The task of the reserve of @user, or of the thread of @slot if @user is NULL; with a
 * reference, for the caller to put.  NULL if there is none.
 */
static struct task_struct *slow_work_get_task(unsigned int slot,
					      const struct slow_work_user *user)
{
	const struct slow_work_thread *thread;
	struct task_struct *task = NULL;

	raw_spin_lock_irq(&slow_pool.lock);
	thread = user ? user->reserve : slow_pool.threads[slot];
	if (thread && thread->task)
		task = get_task_struct(thread->task);
	raw_spin_unlock_irq(&slow_pool.lock);
	return task;
}

static struct task_struct *slow_work_get_manager(void)
{
	struct task_struct *task;

	raw_spin_lock_irq(&slow_pool.lock);
	task = slow_pool.manager;
	if (task)
		get_task_struct(task);
	raw_spin_unlock_irq(&slow_pool.lock);
	return task;
}

/* Place one thread as the settings are now, and put it. */
static void slow_work_apply(struct task_struct *task, bool nice)
{
	static struct cpumask mask;	/* slow_work_settings_mutex protected */

	if (!task)
		return;
	mutex_lock(&slow_work_affinity_mutex);
	cpumask_copy(&mask, slow_work_affinity_mask());
	if (nice)
		set_user_nice(task, slow_pool.nice);
	mutex_unlock(&slow_work_affinity_mutex);
	slow_work_bind_task(task, &mask);
	put_task_struct(task);
}

/*
 * The settings, or the CPUs, have changed, as affinity.changing counts.  A thread that is
 * created meanwhile is placed as they are now; one that was known before is found here.
 */
static void slow_work_apply_all(void)
{
	struct slow_work_user *user;
	unsigned int slot;

	lockdep_assert_held(&slow_work_settings_mutex);
	for (slot = 0; slot < slow_pool.limit; slot++)
		slow_work_apply(slow_work_get_task(slot, NULL), true);
	for (user = READ_ONCE(slow_pool.newest); user; user = user->older)
		slow_work_apply(slow_work_get_task(0, user), true);
	slow_work_apply(slow_work_get_manager(), false);
	mutex_lock(&slow_work_affinity_mutex);
	affinity.changing--;
	mutex_unlock(&slow_work_affinity_mutex);
}

/**
 * slow_work_restore_affinity - put right what execute changed of the calling thread
 *
 * Compares with the settings, so a sysctl that was written meanwhile is no change; nor
 * is anything while one is being written.
 * While no CPU of the mask is active, the scheduler has chosen the affinity.
 *
 * Context: A pool thread; sleeps.
 * Return: SLOW_WORK_MOVED_* bits of what differed.
 */
unsigned int slow_work_restore_affinity(void)
{
	const struct cpumask *mask;
	unsigned int moved = 0;

	mutex_lock(&slow_work_affinity_mutex);
	if (current->policy != SCHED_NORMAL) {
		moved |= SLOW_WORK_MOVED_POLICY;
		sched_set_normal(current, slow_pool.nice);
	}
	if (task_nice(current) != slow_pool.nice) {
		moved |= SLOW_WORK_MOVED_NICE;
		set_user_nice(current, slow_pool.nice);
	}
	mask = slow_work_affinity_mask();
	if (!cpumask_equal(current->cpus_ptr, mask) &&
	    cpumask_intersects(mask, cpu_active_mask)) {
		moved |= SLOW_WORK_MOVED_CPUS;
		slow_work_bind_task(current, mask);
	}
	if (affinity.changing)
		moved = 0;	/* that may have been a setting */
	mutex_unlock(&slow_work_affinity_mutex);
	return moved;
}

/* New threads *******************************************************/

/**
 * slow_work_affinity_begin - place a thread that was just created
 * @task: the thread, which has not run yet
 * @nice: it executes items, and gets the niceness: the manager does not
 *
 * Settings do not change until slow_work_affinity_end(); by then the thread is to
 * be found by slow_work_apply_all().
 *
 * Context: Process context; sleeps.
 */
void slow_work_affinity_begin(struct task_struct *task, bool nice)
{
	mutex_lock(&slow_work_affinity_mutex);
	/* for PF_NO_SETAFFINITY; which CPU does not matter */
	kthread_bind(task, cpumask_first(slow_work_affinity_mask()));
	slow_work_bind_task(task, slow_work_affinity_mask());
	if (nice)
		set_user_nice(task, slow_pool.nice);
}

void slow_work_affinity_end(void)
{
	mutex_unlock(&slow_work_affinity_mutex);
}

/* Settings **********************************************************/

/**
 * slow_work_set_nice - give all threads, those to come too, a niceness
 * @nice: from MIN_NICE to MAX_NICE
 *
 * Context: Process context; sleeps.
 * Return: 0, or -EINVAL.
 */
int slow_work_set_nice(int nice)
{
	if (nice < MIN_NICE || nice > MAX_NICE)
		return -EINVAL;
	mutex_lock(&slow_work_settings_mutex);
	mutex_lock(&slow_work_affinity_mutex);
	WRITE_ONCE(slow_pool.nice, nice);
	affinity.changing++;
	mutex_unlock(&slow_work_affinity_mutex);
	slow_work_apply_all();
	mutex_unlock(&slow_work_settings_mutex);
	return 0;
}

/**
 * slow_work_get_cpumask - where threads run
 * @mask: is set to that
 *
 * Context: Process context; sleeps.
 */
void slow_work_get_cpumask(struct cpumask *mask)
{
	mutex_lock(&slow_work_affinity_mutex);
	cpumask_copy(mask, slow_work_affinity_mask());
	mutex_unlock(&slow_work_affinity_mutex);
}

/**
 * slow_work_set_cpumask - have all threads, those to come too, run elsewhere
 * @mask: there; CPUs that are not possible do not count
 *
 * Waits for those that run elsewhere just now to have moved.
 *
 * Context: Process context; sleeps.
 * Return: 0, or -EINVAL if no CPU is left.
 */
int slow_work_set_cpumask(const struct cpumask *mask)
{
	if (!cpumask_intersects(mask, cpu_possible_mask))
		return -EINVAL;
	mutex_lock(&slow_work_settings_mutex);
	mutex_lock(&slow_work_affinity_mutex);
	cpumask_and(&affinity.mask, mask, cpu_possible_mask);
	affinity.given = true;
	affinity.changing++;
	mutex_unlock(&slow_work_affinity_mutex);
	slow_work_apply_all();
	mutex_unlock(&slow_work_settings_mutex);
	return 0;
}

/* CPU hotplug *******************************************************/

static void slow_work_apply_later(struct work_struct *unused)
{
	/* The CPU that comes runs tasks when its hotplug is through */
	cpus_read_lock();
	cpus_read_unlock();
	mutex_lock(&slow_work_settings_mutex);
	/* A thread that is placed and has seen it inactive is known when it has been */
	mutex_lock(&slow_work_affinity_mutex);
	mutex_unlock(&slow_work_affinity_mutex);
	slow_work_apply_all();
	mutex_unlock(&slow_work_settings_mutex);
}

/*
 * A work item, since the callback must not take the mutex: a writer of a setting holds
 * that while it waits for an execute which has migration disabled, and which may wait
 * for cpus_read_lock().
 */
static DECLARE_WORK(slow_work_online_work, slow_work_apply_later);

static int slow_work_cpu_online(unsigned int cpu)
{
	mutex_lock(&slow_work_affinity_mutex);
	if (schedule_work(&slow_work_online_work))
		affinity.changing++;
	mutex_unlock(&slow_work_affinity_mutex);
	return 0;
}

/**
 * slow_work_affinity_init - hear of CPUs that come
 *
 * Return: 0, or a negative errno.
 */
int slow_work_affinity_init(void)
{
	int state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN,
					      "slow_work:online",
					      slow_work_cpu_online, NULL);

	affinity.hotplug = state;
	return state < 0 ? state : 0;
}

void slow_work_affinity_exit(void)
{
	cpuhp_remove_state_nocalls(affinity.hotplug);
	cancel_work_sync(&slow_work_online_work);
}
