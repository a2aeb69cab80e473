// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: run-time checks of callers
 *
 * What execute leaves behind is reported with its name and put right, so that the next
 * item finds a clean thread.  Lockdep learns which waits depend on which runs.
 */

#define pr_fmt(fmt) "Slow work thread pool: " fmt

#include <linux/bottom_half.h>
#include <linux/cpumask.h>
#include <linux/cred.h>
#include <linux/debug_locks.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/seq_buf.h>
#include <linux/slow-work.h>
#include "slow-work.h"
#include "slow-work-debug.h"

/* What execute left behind ******************************************/

/*
 * Give the thread @cred again.  execute may have left an override or committed others;
 * the override goes first, as commit_creds() requires that both pointers are equal.
 */
static void slow_work_restore_cred(const struct cred *cred)
{
	if (current_cred() != current_real_cred())
		revert_creds(current_real_cred());
	if (current_cred() != cred)
		commit_creds((struct cred *)get_cred(cred));
}

static void slow_work_enable_preemption(void)
{
	while (preempt_count() & PREEMPT_MASK)
		preempt_enable();
}

/*
 * A count may be below zero, as by an unlock too many: in preempt_count() that
 * shows as bits which no thread has, and there is no counting up from there.
 *
 * On PREEMPT_RT the first to turn softirqs off takes a lock, and with it turns
 * migration off, if it may be preempted; the same holds for the last to turn them on.
 */
static void slow_work_enable_all(void)
{
	/* Before an interrupt finds it: one within what shows as an NMI is fatal. */
	if (preempt_count() & (HARDIRQ_MASK | NMI_MASK))
		preempt_count_set(0);
	local_irq_enable();
	if (!IS_ENABLED(CONFIG_PREEMPT_RT) || slow_work_migration_off())
		slow_work_enable_preemption();
	while (softirq_count())
		local_bh_enable();
	slow_work_enable_preemption();
	while (slow_work_migration_off())
		migrate_enable();

	while (rcu_preempt_depth() < 0) {
		rcu_read_lock();
		__release(RCU);
	}
	while (rcu_preempt_depth() > 0) {
		__acquire(RCU);
		rcu_read_unlock();
	}
}

/*
 * Hear no signal.  What is ignored from now on is pending no longer; but the kernel leaves
 * the flag of a task that is to freeze, or before 5.11 to be patched live, as it is.
 */
void slow_work_reset_signals(void)
{
	int sig;

	for (sig = 1; sig <= _NSIG; sig++)
		disallow_signal(sig);
	clear_thread_flag(TIF_SIGPENDING);
}

/*
 * A plug is on the stack of the execute that has returned, so it is not flushed:
 * the requests in it are lost.  The kernel does not tell modules of an associated
 * blkcg: it goes whenever something else is found, and when the thread exits.
 */
void slow_work_reset_io(void)
{
	current->plug = NULL;
	current->journal_info = NULL;
	if (current->mm)
		kthread_unuse_mm(current->mm);
#ifdef CONFIG_MEMCG
	current->active_memcg = NULL;
#endif
#ifdef CONFIG_BLK_CGROUP
	kthread_associate_blkcg(NULL);
#endif
}

/**
 * slow_work_report_signals - report a pending signal, and drop it
 * @thread: the calling thread
 *
 * The last item's execute or put_ref left it; the next item's interruptible sleep would
 * end at once.
 *
 * Context: The thread, between items.
 */
void slow_work_report_signals(const struct slow_work_thread *thread)
{
	if (thread->execute)
		pr_err("BUG: %ps returned with a pending signal\n",
		       thread->execute);
	slow_work_reset_signals();
}

static void slow_work_tell(struct seq_buf *text, bool left, const char *what)
{
	if (left)
		seq_buf_printf(text, "%s%s", text->len ? ", " : "", what);
}

/* Record priority and affinity: slow_work_moved() compares with them after execute. */
void slow_work_note_self(struct slow_work_thread *thread)
{
	/* Settings may be written just now: see slow_work_moved(). */
	thread->prio = data_race(current->normal_prio);
	/* the same */
	thread->cpus = data_race(*cpumask_bits(&current->cpus_mask));
}

/**
 * slow_work_report_left - report what execute left behind, and put it right
 * @thread: the calling thread
 * @work: the item
 *
 * Reports what it is and puts it right; but not locks, which only their holder
 * can release.  A niceness or affinity that differs because a setting was written
 * during the run is not reported.
 *
 * Context: The thread, in whatever state execute left it.
 */
void slow_work_report_left(struct slow_work_thread *thread,
			   const struct slow_work *work)
{
	bool locks = slow_work_locks_left(thread);
	bool cred = current_cred() != thread->cred;
	unsigned int moved = 0;
	char buffer[256];
	struct seq_buf text;

	seq_buf_init(&text, buffer, sizeof(buffer));
	if (preempt_count() || rcu_preempt_depth())
		seq_buf_printf(&text, "preempt_count %x, RCU depth %d",
			       preempt_count(), rcu_preempt_depth());
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		slow_work_tell(&text, softirq_count(), "softirqs off");
	slow_work_tell(&text, irqs_disabled(), "interrupts off");
	slow_work_tell(&text, slow_work_migration_off(), "migration off");
	slow_work_tell(&text, locks, "locks held");
	slow_work_tell(&text, cred, "other credentials");
	if (get_current_state())
		seq_buf_printf(&text, "%stask state %x", text.len ? ", " : "",
			       get_current_state());
	if (slow_work_left_flags())
		seq_buf_printf(&text, "%sallocation flags %x",
			       text.len ? ", " : "",
			       slow_work_left_flags());
	slow_work_tell(&text, current->plug, "a plug");
	slow_work_tell(&text, current->journal_info, "journal_info");
	slow_work_tell(&text, current->mm, "an adopted mm");
	slow_work_tell(&text, slow_work_adopted_memcg(), "an adopted memcg");
	slow_work_tell(&text, task_sigpending(current), "a pending signal");
	if (locks)
		debug_show_held_locks(current);

	__set_current_state(TASK_RUNNING);
	current->flags &= ~SLOW_WORK_PF_LEFT;
	slow_work_enable_all();
	if (cred)
		slow_work_restore_cred(thread->cred);
	if (task_sigpending(current))
		slow_work_reset_signals();
	slow_work_reset_io();

	/* Needs a mutex, so comes last. */
	if (slow_work_moved(thread))
		moved = slow_work_restore_affinity();
	slow_work_tell(&text, moved & SLOW_WORK_MOVED_POLICY,
		       "another scheduling policy");
	slow_work_tell(&text, moved & SLOW_WORK_MOVED_NICE, "another niceness");
	slow_work_tell(&text, moved & SLOW_WORK_MOVED_CPUS, "another affinity");
	slow_work_note_self(thread);

	if (text.len)
		pr_err("BUG: %ps returned with %.*s\n", work->ops->execute,
		       (int)text.len, buffer);
}

/* Lockdep ***********************************************************/

#ifdef CONFIG_LOCKDEP

/*
 * A run is a lock that the thread holds from before execute until put_ref has
 * returned; in fact two, the item's and its user's.  Cancels, flushes and unregister
 * take and release the one that they wait for, as workqueues do: so a lock that is
 * held around them and wanted by a run closes a circle on the first run of
 * both, hang or no hang.
 *
 * A task that freezes may hold no lock, and the freezer looks; so a run holds
 * neither while it sleeps in slow_work_sleep_till_thread_needed(), and a thread
 * freezes between runs.
 */

#define SLOW_WORK_RUN_LOCKS	2

/*
 * The item may be freed by its put_ref, so its map is copied.  A thread to which
 * an earlier item has left a lock takes none: that order would be blamed on this item.
 */
void slow_work_run_acquire(struct slow_work_thread *thread,
			   struct slow_work *work)
{
	lockdep_copy_map(&thread->map, &work->lockdep_map);
	thread->mapped = !lockdep_depth(current);
	if (thread->mapped)
		slow_work_run_resume(thread);
	thread->locks = lockdep_depth(current);
}

void slow_work_run_release(struct slow_work_thread *thread)
{
	if (!thread->mapped)
		return;
	lock_map_release(&thread->map);
	lock_map_release(&thread->holder.account->user->map);
}

/*
 * Before and after a sleep.  A caller that sleeps with a lock of its own held is
 * left alone: taken anew, ours would come behind that one.
 */
bool slow_work_run_suspend(struct slow_work_thread *thread)
{
	if (!thread->mapped || lockdep_depth(current) != SLOW_WORK_RUN_LOCKS)
		return false;
	slow_work_run_release(thread);
	return true;
}

void slow_work_run_resume(struct slow_work_thread *thread)
{
	lock_map_acquire(&thread->holder.account->user->map);
	lock_map_acquire(&thread->map);
}

/*
 * A cancel or flush waits for the run of @work; @thread is the caller, if it is the pool's.
 * Where one item waits for another that was initialised at the same place nothing is
 * learnt: to lockdep they are one.
 */
void slow_work_wait_acquire(struct slow_work_thread *thread,
			    struct slow_work *work)
{
	if (thread && thread->map.key == work->lockdep_map.key)
		return;
	lock_map_acquire(&work->lockdep_map);
	lock_map_release(&work->lockdep_map);
}

/* An unregister, or a flush of @user, waits for the runs of its items. */
void slow_work_user_acquire(struct slow_work_user *user)
{
	lock_map_acquire(&user->map);
	lock_map_release(&user->map);
}

void slow_work_user_init_map(struct slow_work_user *user)
{
	if (user != &slow_pool.unowned)	/* which is static */
		lockdep_register_key(&user->key);
	lockdep_init_map(&user->map, user->name, &user->key, 0);
}

void slow_work_user_destroy_map(struct slow_work_user *user)
{
	lockdep_unregister_key(&user->key);
}

#endif
