// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: reports of stalls
 *
 * A class stalls if it has items queued and starts none of them for
 * stall-warn-secs; a thread, a reserve too, if it executes one item for that long.  A
 * work of system_freezable_wq samples the pool eight times in that span, since the
 * pool's own threads and its manager may be what hangs.  A stall that goes on is
 * reported again when it is twice as old.
 *
 * Time that a thread sleeps in slow_work_sleep_till_thread_needed() does not count,
 * nor does time in which the system is frozen, or a virtual machine stopped.
 *
 * A report has facts: what stalls, the state of the pool, the threads by the
 * function that they execute, the stack of the one that executes longest.  It
 * names a setting only where every item queued or executing would have a thread.  What
 * the item says of itself comes from another work: where that blocks, as it may want what
 * the stalled item has, other reports do not.
 *
 * A section under slow_pool.lock looks at one thread at most (promise 11).
 */

#define pr_fmt(fmt) "Slow work thread pool: stall: " fmt

#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/ratelimit.h>
#include <linux/sched/debug.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/slow-work.h>
#include <linux/suspend.h>
#include <linux/workqueue.h>
#include "slow-work.h"
#include "slow-work-item.h"
#include "slow-work-walk.h"
#include "slow-work-trace.h"

#define SLOW_WORK_STALL_SECS_MAX	(7 * 24 * 60 * 60)
#define SLOW_WORK_STALL_SAMPLES		8	/* in stall-warn-secs */
#define SLOW_WORK_STALL_LATE_JIFFIES	(5 * HZ)
#define SLOW_WORK_STALL_NAMES		8	/* threads named in a line */
#define SLOW_WORK_DESC_JIFFIES		HZ	/* a report waits for its last line */

/*
 * H, I, L: see slow-work.h.
 *
 * W: the sampling work alone, which never runs twice at once.
 *
 * D: who has the description: the describing work, from when W queues it until it
 *    completes @done or W takes it back; else W.
 */

/* A thread at the last sample */
struct slow_work_sample {
	struct slow_work_age age;	/* W: */
	struct slow_work_thread *thread;	/* W: */
	void (*execute)(struct slow_work *work); /* W: NULL: it has no item */
	unsigned long executes;	/* W: for so many jiffies; 0 in put_ref */
	pid_t pid;		/* W: */
	bool vslow;		/* W: its item is very slow */
	bool putting;		/* W: execute is over: put_ref runs */
	bool sleeping;		/* W: it sleeps until it is needed */
	bool blocked;		/* W: it neither runs nor sleeps so */
	bool listed;		/* W: the report is done with it */
};

static struct {
	bool suspended;		/* L: the system is frozen, or about to be */
	unsigned long since;	/* L: jiffies; nothing counts from before */
	unsigned long due;	/* W: jiffies when the next sample is due */
	unsigned long least;	/* W: stall-warn-secs in jiffies, for this sample */
	struct slow_work_age classes[SLOW_WORK_NR_CLASSES];	/* W: */
	unsigned long oldest[SLOW_WORK_NR_CLASSES];	/* W: longest wait, in jiffies */
	struct slow_work_sample *threads;	/* I, entries W: by number */
	struct slow_work_thread *longest;	/* W: of those whose stall is due */
	unsigned long longest_for;	/* W: jiffies that it executes */
	unsigned int nr_due;	/* W: of them */
	char text[256];		/* W: a part of a line */
} watchdog;

/* What is reported: noted under slow_pool.lock, printed without */
static struct slow_work_stall {
	bool executing;		/* W: a thread's stall; else a class's */
	unsigned long age;	/* W: jiffies */
	/* The item is the thread's, or the class's next in turn. */
	void (*execute)(struct slow_work *work);	/* W: of the item */
	unsigned long flags;	/* W: of the item */
	bool described;		/* W: @description pins the item */
	const char *class;	/* W: of the item */
	char owner[MODULE_NAME_LEN];	/* W: of the item */
	bool leaving;		/* W: the owner waits to unregister */
	char numbers[224];	/* W: of the pool */
	unsigned int nr;	/* W: its threads */
	bool no_start;		/* W: a thread is wanted, but is not started */
	bool no_slot;		/* W: threads are free, very slow slots are not */
	const char *cause;	/* W: if it is no matter of a setting */
	const char *setting;	/* W: if it is */
	unsigned long value;	/* W: of @setting that would be enough */
	unsigned int limit;	/* W: of @setting */
} stall;

/* What an item says of itself */
static struct {
	struct slow_work_walk walk;	/* D: pins the item */
	struct completion done;		/* complete while nothing is being described */
	struct file file;		/* D: as much of a file as seq_user_ns() reads */
	struct seq_file m;		/* D */
	char text[256];			/* D */
} description;

/* Over stall-warn-secs; slow_pool.events.stalls counts the suppressed ones, too. */
static DEFINE_RATELIMIT_STATE(slow_work_stall_ratelimit,
			      SLOW_WORK_STALL_SECS * HZ, 5);

/* Report ***********************************************************/

/* The threads that are in the same function as that of number @first */
static void slow_work_print_group(unsigned int first)
{
	struct slow_work_sample *group = &watchdog.threads[first], *thread;
	char *text = watchdog.text, *end = text + sizeof(watchdog.text);
	unsigned int slot, count = 0;
	unsigned long most = 0;

	for (slot = first; slot < slow_pool.limit; slot++) {
		thread = &watchdog.threads[slot];
		if (thread->listed || thread->execute != group->execute ||
		    thread->putting != group->putting)
			continue;
		thread->listed = true;
		most = max(most, thread->executes);
		if (++count <= SLOW_WORK_STALL_NAMES)
			text += scnprintf(text, end - text,
					  "%s kslowd%03u (PID %d)",
					  count > 1 ? "," : "", slot, thread->pid);
	}
	if (count > SLOW_WORK_STALL_NAMES)
		scnprintf(text, end - text, ", and %u more",
			  count - SLOW_WORK_STALL_NAMES);
	if (group->putting)
		pr_warn("%u thread%s in the put_ref after %ps:%s\n", count,
			count > 1 ? "s" : "", group->execute, watchdog.text);
	else
		pr_warn("%u thread%s in %ps, %s %lu s:%s\n", count,
			count > 1 ? "s" : "", group->execute,
			count > 1 ? "the longest for" : "for", most / HZ,
			watchdog.text);
}

/* Those that hold what stalled items lack; returns the one that does so longest. */
static const struct slow_work_thread *slow_work_print_threads(void)
{
	struct slow_work_sample *thread, *longest = NULL;
	unsigned int slot;

	for (slot = 0; slot < slow_pool.limit; slot++) {
		thread = &watchdog.threads[slot];
		thread->listed = !thread->execute ||
				 (stall.no_slot && !thread->vslow);
		if (!thread->listed &&
		    (!longest || thread->executes > longest->executes))
			longest = thread;
	}
	for (slot = 0; slot < slow_pool.limit; slot++)
		if (!watchdog.threads[slot].listed)
			slow_work_print_group(slot);
	if (stall.executing)
		return watchdog.longest;
	return longest ? longest->thread : NULL;
}

/* The stack of the manager if that starts no thread, else of the thread @longest */
static void slow_work_print_stack(const struct slow_work_thread *longest)
{
	struct task_struct *task = NULL;

	raw_spin_lock_irq(&slow_pool.lock);
	if (stall.no_start)
		task = slow_pool.manager;
	else if (longest && !stall.cause)
		task = longest->task;
	if (task)
		get_task_struct(task);
	raw_spin_unlock_irq(&slow_pool.lock);
	if (!task)
		return;
	pr_warn("the stack of %s (PID %d):\n", task->comm, task_pid_nr(task));
	sched_show_task(task);
	put_task_struct(task);
}

/* Why a class starts nothing; @same: threads blocked in stall.execute */
static void slow_work_print_cause(unsigned int same)
{
	if (stall.cause)
		pr_warn("%s\n", stall.cause);
	else if (same == stall.nr)
		pr_warn("every thread is blocked in %ps, which is queued too: they may wait for an item queued behind them\n",
			stall.execute);
	if (stall.setting)
		pr_warn("every item queued or executing would have a thread at %s %lu (the limit is %u)\n",
			stall.setting, stall.value, stall.limit);
}

static void slow_work_print_desc(struct work_struct *unused)
{
	struct seq_file *m = &description.m;

	description.file.f_cred = current_cred();
	mutex_init(&m->lock);
	m->file = &description.file;
	m->buf = description.text;
	m->size = sizeof(description.text);
	m->count = 0;
	memset(description.text, 0, sizeof(description.text));
	slow_work_describe(description.walk.seen, m);
	pr_warn("the item is: %.*s\n", (int)m->count, description.text);
	slow_work_walk_unpin(&description.walk);
	complete_all(&description.done);
}

/* Delayed, though by nothing: for older kernels export no cancel_work() */
static DECLARE_DELAYED_WORK(slow_work_desc_work, slow_work_print_desc);

/*
 * Have the last line of a report printed, and wait for it, but not for a desc that blocks.
 * If there is no worker for it yet, as where memory is short, the report does without: the
 * worker that is free next may be wanted for what itself waits for the pinned item.
 */
static void slow_work_let_describe(void)
{
	reinit_completion(&description.done);
	/* On no freezable workqueue: a thread that waits for desc holds up the freezer. */
	schedule_delayed_work(&slow_work_desc_work, 0);
	if (wait_for_completion_timeout(&description.done, SLOW_WORK_DESC_JIFFIES) ||
	    !cancel_delayed_work(&slow_work_desc_work))
		return;
	slow_work_walk_unpin(&description.walk);
	complete_all(&description.done);
}

static void slow_work_print_stall(void)
{
	unsigned int slot, blocked = 0, sleeping = 0, same = 0;
	const struct slow_work_sample *thread;

	for (slot = 0; slot < slow_pool.limit; slot++) {
		thread = &watchdog.threads[slot];
		sleeping += thread->sleeping;
		blocked += thread->blocked;
		same += thread->blocked && !thread->putting &&
			thread->execute == stall.execute;
	}
	if (stall.executing)
		pr_warn("%ps of %s, a %s item, executes for %lu s\n",
			stall.execute, stall.owner, stall.class,
			stall.age / HZ);
	else
		pr_warn("no %s item has started for %lu s; %ps of %s is next in turn\n",
			stall.class, stall.age / HZ, stall.execute,
			stall.owner);
	pr_warn("%s, %u blocked, %u asleep until needed\n", stall.numbers,
		blocked, sleeping);
	if (stall.executing && watchdog.nr_due > 1)
		pr_warn("%u threads execute for so long\n", watchdog.nr_due);
	slow_work_print_stack(slow_work_print_threads());
	if (stall.executing && (stall.flags & BIT(SLOW_WORK_CANCELLING)))
		pr_warn("a cancel of the item waits for it\n");
	if (stall.executing && stall.leaving)
		pr_warn("%s waits for it to unregister\n", stall.owner);
	if (!stall.executing)
		slow_work_print_cause(same);
}

/* Sample ***********************************************************/

/* Is a stall of @lasted jiffies to be reported, the first time or again? */
static bool slow_work_is_due(struct slow_work_age *age, unsigned long lasted)
{
	if (lasted < age->reported)
		age->reported = 0;
	if (lasted < watchdog.least || lasted / 2 < age->reported)
		return false;
	age->reported = lasted;
	return true;
}

/* For how many jiffies has a class had items queued, and started none? */
static unsigned long slow_work_class_waits(enum slow_work_class_id id)
{
	const struct slow_work_class *class = &slow_pool.classes[id];
	struct slow_work_age *age = &watchdog.classes[id];
	unsigned long now = jiffies;

	if (!class->queued || class->started != age->mark) {
		*age = (struct slow_work_age) {
			.mark = class->started,
			.since = now,
		};
		return 0;
	}
	/* The next in turn may have come just now, in place of one that was cancelled. */
	return min3(now - age->since, now - watchdog.since, watchdog.oldest[id]);
}

static struct slow_work_age *slow_work_age_of(struct slow_work_thread *thread)
{
	return thread->user ? &thread->user->age :
			      &watchdog.threads[thread->slot].age;
}

/* For how many jiffies has @thread executed its item, but for permitted sleep? */
static unsigned long slow_work_thread_executes(struct slow_work_thread *thread)
{
	struct slow_work_age *age = slow_work_age_of(thread);
	struct slow_work_holder *holder = &thread->holder;
	unsigned long began, now = jiffies;

	/* The item of a thread that has died may be gone. */
	if (!holder->item || READ_ONCE(holder->stage) == SLOW_WORK_LOST ||
	    !slow_work_claim(holder))
		return 0;
	began = slow_work_began_at(holder);
	if (began != age->mark)
		*age = (struct slow_work_age) {
			.mark = began,
			.since = began,
		};
	if (!list_empty(&thread->sleeper))
		age->since = now;
	return min3(now - age->since, now - watchdog.since,
		    now - thread->asleep_since);
}

/* The same, and whether that is a stall to be reported */
static unsigned long slow_work_sample_executes(struct slow_work_thread *thread)
{
	unsigned long executes = slow_work_thread_executes(thread);

	if (slow_work_is_due(slow_work_age_of(thread), executes)) {
		watchdog.nr_due++;
		if (!watchdog.longest || executes > watchdog.longest_for) {
			watchdog.longest = thread;
			watchdog.longest_for = executes;
		}
	}
	return executes;
}

static void slow_work_sample_thread(struct slow_work_sample *sample,
				    struct slow_work_thread *thread)
{
	*sample = (struct slow_work_sample){ .age = sample->age };
	if (!thread || !thread->holder.item)
		return;
	sample->thread = thread;
	sample->executes = slow_work_sample_executes(thread);
	sample->putting = READ_ONCE(thread->holder.stage) == SLOW_WORK_ENDED;
	/* An item whose put_ref runs may be gone. */
	sample->execute = sample->putting ? thread->execute :
					    thread->holder.item->ops->execute;
	sample->pid = task_pid_nr(thread->task);
	sample->vslow = thread->class == &slow_pool.classes[SLOW_WORK_VSLOW];
	sample->sleeping = !list_empty(&thread->sleeper);
	sample->blocked = !sample->sleeping && !task_is_running(thread->task);
}

/* Why does the class of @id start nothing, and what would have it start all? */
static void slow_work_note_cause(enum slow_work_class_id id)
{
	const struct slow_work_class *slow = &slow_pool.classes[SLOW_WORK_SLOW];
	const struct slow_work_class *vslow = &slow_pool.classes[SLOW_WORK_VSLOW];
	bool busy = slow->executing + vslow->executing >= slow_pool.nr;
	unsigned long very = vslow->queued + vslow->executing;

	if (!busy && slow_work_room(&slow_pool.classes[id])) {
		stall.cause = "a thread is free, but gets no CPU (see cpumask, nice)";
	} else if (slow_pool.nr < slow_pool.max) {
		stall.no_start = true;
		stall.cause = slow_pool.failed ? "no thread can be started" :
			      "the manager does not get to start a thread";
	} else {
		stall.no_slot = !busy;
		stall.setting = "max-threads";
		stall.value = slow_work_needed();
		stall.limit = slow_pool.limit;
	}
	/* Are the threads enough, if one is left to slow items? */
	if (stall.no_slot && very < slow_pool.nr && very * 100 <= slow_pool.nr * 99 &&
	    very + slow->queued + slow->executing <= slow_pool.nr) {
		stall.setting = "vslow-percentage";
		stall.value = DIV_ROUND_UP(very * 100, slow_pool.nr);
		stall.limit = 99;
	}
}

/* For how long has the item of @class waited that is next in turn? */
static unsigned long slow_work_next_secs(const struct slow_work_class *class)
{
	return class->queued ? (jiffies - slow_work_first(class)->timestamp) / HZ : 0;
}

/* What a report says of @work, which has stalled for @age jiffies, and of the pool */
static void slow_work_note_stall(struct slow_work *work, unsigned long age)
{
	const struct slow_work_class *slow = &slow_pool.classes[SLOW_WORK_SLOW];
	const struct slow_work_class *vslow = &slow_pool.classes[SLOW_WORK_VSLOW];
	const struct slow_work_user *user = work->account->user;

	slow_pool.events.stalls++;
	trace_slow_work_stall(work, jiffies_to_msecs(age));
	stall.execute = work->ops->execute;
	stall.flags = READ_ONCE(work->flags);
	if (completion_done(&description.done)) {
		slow_work_walk_at(&description.walk, work);
		stall.described = description.walk.pinned;
	}
	stall.age = age;
	stall.class = slow_work_class_id(work->flags) == SLOW_WORK_VSLOW ?
		      "very slow" : "slow";
	strscpy(stall.owner, user->name, sizeof(stall.owner));
	stall.leaving = user->leaving;
	stall.nr = slow_pool.nr;
	snprintf(stall.numbers, sizeof(stall.numbers),
		 "queued: %u slow (next: %lu s), %u very slow (next: %lu s); threads: %u of at most %u, %u executing, %u of them very slow items of at most %u",
		 slow->queued, slow_work_next_secs(slow), vslow->queued,
		 slow_work_next_secs(vslow), slow_pool.nr, slow_pool.max,
		 slow->executing + vslow->executing, vslow->executing,
		 vslow->limit);
}

static void slow_work_report(void)
{
	bool told = __ratelimit(&slow_work_stall_ratelimit);

	if (told)
		slow_work_print_stall();
	if (!stall.described)
		return;
	if (told)
		slow_work_let_describe();
	else
		slow_work_walk_unpin(&description.walk);
}

static void slow_work_check_class(enum slow_work_class_id id)
{
	unsigned long waits;
	bool due;

	stall = (struct slow_work_stall){ };
	raw_spin_lock_irq(&slow_pool.lock);
	waits = slow_work_class_waits(id);
	due = slow_work_is_due(&watchdog.classes[id], waits);
	if (due) {
		slow_work_note_stall(slow_work_first(&slow_pool.classes[id]), waits);
		slow_work_note_cause(id);
	}
	raw_spin_unlock_irq(&slow_pool.lock);
	if (due)
		slow_work_report();
}

/* Of the threads whose stall is due, report the one that executes longest. */
static void slow_work_check_threads(void)
{
	struct slow_work_thread *thread = watchdog.longest;
	unsigned long executes;

	if (!thread)
		return;
	stall = (struct slow_work_stall){ .executing = true };
	raw_spin_lock_irq(&slow_pool.lock);
	executes = slow_work_thread_executes(thread);
	if (executes < watchdog.least)
		executes = 0;	/* it has gone on to another */
	if (executes)
		slow_work_note_stall(thread->holder.item, executes);
	raw_spin_unlock_irq(&slow_pool.lock);
	if (executes)
		slow_work_report();
}

static void slow_work_sample_user(struct slow_work_user *user)
{
	struct slow_work *work;
	int i;

	if (user->reserve)
		slow_work_sample_executes(user->reserve);
	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++) {
		work = slow_work_first_of(&user->queues[i].items);
		if (work)
			watchdog.oldest[i] = max(watchdog.oldest[i],
						 jiffies - work->timestamp);
	}
}

static void slow_work_sample_all(void)
{
	struct slow_work_user *user;
	unsigned int slot;

	watchdog.longest = NULL;
	watchdog.nr_due = 0;
	memset(watchdog.oldest, 0, sizeof(watchdog.oldest));
	/* Users are never freed before the module goes. */
	for (user = READ_ONCE(slow_pool.newest); user; user = user->older) {
		raw_spin_lock_irq(&slow_pool.lock);
		slow_work_sample_user(user);
		raw_spin_unlock_irq(&slow_pool.lock);
	}
	for (slot = 0; slot < slow_pool.limit; slot++) {
		raw_spin_lock_irq(&slow_pool.lock);
		slow_work_sample_thread(&watchdog.threads[slot],
					slow_pool.threads[slot]);
		raw_spin_unlock_irq(&slow_pool.lock);
	}
}

static void slow_work_watchdog_sample(struct work_struct *unused)
{
	bool report;

	slow_work_find_dead();
	watchdog.least = READ_ONCE(slow_pool.stall_secs) * HZ;
	raw_spin_lock_irq(&slow_pool.lock);
	/* The system stood still, or there was no pool. */
	if (time_after(jiffies, watchdog.due + SLOW_WORK_STALL_LATE_JIFFIES +
				watchdog.least / 2))
		watchdog.since = jiffies;
	report = watchdog.least && !watchdog.suspended;
	raw_spin_unlock_irq(&slow_pool.lock);
	if (report) {
		slow_work_sample_all();
		slow_work_check_class(SLOW_WORK_SLOW);
		slow_work_check_class(SLOW_WORK_VSLOW);
		slow_work_check_threads();
	}

	raw_spin_lock_irq(&slow_pool.lock);
	/* Without threads the timer rests until slow_work_pool_start(). */
	if (slow_pool.manager && slow_pool.stall_secs) {
		watchdog.due = jiffies +
			max_t(unsigned int, HZ / 4,
			      slow_pool.stall_secs * HZ / SLOW_WORK_STALL_SAMPLES);
		mod_timer(&slow_pool.stall_timer, watchdog.due);
	}
	raw_spin_unlock_irq(&slow_pool.lock);
}

static DECLARE_WORK(slow_work_watchdog_work, slow_work_watchdog_sample);

static void slow_work_watchdog_timer(struct timer_list *unused)
{
	queue_work(system_freezable_wq, &slow_work_watchdog_work);
}

/* Settings *********************************************************/

/* Set stall-warn-secs: 0, or -EINVAL.  No report by the old value comes after this. */
int slow_work_set_stall_secs(int secs)
{
	if (secs < 0 || secs > SLOW_WORK_STALL_SECS_MAX)
		return -EINVAL;
	raw_spin_lock_irq(&slow_pool.lock);
	if (!slow_pool.stall_secs)
		watchdog.since = jiffies;	/* no samples until now */
	WRITE_ONCE(slow_pool.stall_secs, secs);
	WRITE_ONCE(slow_work_stall_ratelimit.interval, secs * HZ);
	raw_spin_unlock_irq(&slow_pool.lock);
	/* One that is under way may wait for a desc; one that is queued, for a worker. */
	cancel_work_sync(&slow_work_watchdog_work);
	queue_work(system_freezable_wq, &slow_work_watchdog_work);
	return 0;
}

static int slow_work_watchdog_pm(struct notifier_block *unused,
				 unsigned long event, void *nothing)
{
	raw_spin_lock_irq(&slow_pool.lock);
	watchdog.suspended = event == PM_SUSPEND_PREPARE ||
			     event == PM_HIBERNATION_PREPARE ||
			     event == PM_RESTORE_PREPARE;
	watchdog.since = jiffies;
	raw_spin_unlock_irq(&slow_pool.lock);
	return NOTIFY_DONE;
}

static struct notifier_block slow_work_watchdog_pm_block = {
	.notifier_call = slow_work_watchdog_pm,
};

int slow_work_watchdog_init(void)
{
	int ret;

	timer_setup(&slow_pool.stall_timer, slow_work_watchdog_timer, 0);
	init_completion(&description.done);
	complete_all(&description.done);
	watchdog.threads = kvcalloc(slow_pool.limit, sizeof(*watchdog.threads),
				    GFP_KERNEL);
	if (!watchdog.threads)
		return -ENOMEM;
	ret = register_pm_notifier(&slow_work_watchdog_pm_block);
	if (ret)
		kvfree(watchdog.threads);
	return ret;
}

/* There is no manager any more, so the work does not set the timer again. */
void slow_work_watchdog_exit(void)
{
	unregister_pm_notifier(&slow_work_watchdog_pm_block);
	timer_delete_sync(&slow_pool.stall_timer);
	cancel_work_sync(&slow_work_watchdog_work);
	flush_delayed_work(&slow_work_desc_work);
	kvfree(watchdog.threads);
}
