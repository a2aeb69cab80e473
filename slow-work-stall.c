// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: stalls, and what would have helped
 *
 * A class stalls if it has items queued and starts none of them for
 * stall-warn-secs; a thread, if it executes an item for so long.  Nobody on an
 * item's way has to do with that: a work of the kernel's looks eight times in
 * that span, and remembers what it saw.  It does not hang on the pool, on whose
 * account it is there.
 *
 * What does not count: time that a thread sleeps in
 * slow_work_sleep_till_thread_needed(); time in which the system was frozen, or
 * stood still as virtual machines do.  A stall that goes on is reported again
 * when it has become twice as old.
 */

#define pr_fmt(fmt) "Slow work thread pool: stall: " fmt

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/sched/debug.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/slow-work.h>
#include <linux/suspend.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include "slow-work.h"
#include "slow-work-walk.h"
#include "slow-work-stall.h"
#include "slow-work-trace.h"

#define SLOW_WORK_STALL_SECS		120
#define SLOW_WORK_STALL_SECS_MAX	(7 * 24 * 60 * 60)
#define SLOW_WORK_STALL_LOOKS		8	/* in stall-warn-secs */
#define SLOW_WORK_STALL_LATE_JIFFIES	(5 * HZ)
#define SLOW_WORK_STALL_DESC		256

/* Orders start and stop of the looks, their next time, and the setting. */
static DEFINE_MUTEX(slow_work_stall_mutex);

/* In stall-warn-secs; more say no more */
static DEFINE_RATELIMIT_STATE(slow_work_stall_ratelimit,
			      SLOW_WORK_STALL_SECS * HZ, 5);

static void slow_work_look(struct work_struct *unused);
static void slow_work_look_is_due(struct timer_list *unused);

static DECLARE_WORK(slow_work_look_work, slow_work_look);

/**
 * struct slow_work_seen - what the looks have seen of a class or a thread
 * @started: of a class, what it had started; of a thread, the mark of its item
 * @since: jiffies; from then on it counts
 * @told: jiffies that the stall had lasted when it was reported; 0: it was not
 */
struct slow_work_seen {
	unsigned long started;
	unsigned long since;
	unsigned long told;
};

/**
 * struct slow_work_sample - what a thread does, as the last sample found it
 * @age: jiffies that it has executed its item, but for what it was permitted to sleep
 * @vslow: that item is very slow
 * @busy: it has an item
 * @ended: execute is over: it is in put_ref
 * @sleeping: it sleeps until it is needed
 * @blocked: it does not run, and does not sleep so
 */
struct slow_work_sample {
	unsigned long age;
	bool vslow;
	bool busy;
	bool ended;
	bool sleeping;
	bool blocked;
};

/**
 * struct slow_work_watchman - who looks
 * @secs: stall-warn-secs; written with the mutex held
 * @on: there is a pool; the same
 * @suspended: L: the system is frozen, or about to be
 * @classes: L: what the looks saw
 * @threads: L: the same, by number
 * @samples: of the threads, by number; the work's own
 * @since: L: nothing counts from before then
 * @due: jiffies when the next look is due; written by the looks, and before they
 *	start
 * @timer: brings it
 */
struct slow_work_watchman {
	unsigned int secs;
	bool on;
	bool suspended;
	struct slow_work_seen classes[SLOW_WORK_NR_CLASSES];
	struct slow_work_seen *threads;
	struct slow_work_sample *samples;
	unsigned long since;
	unsigned long due;
	struct timer_list timer;
};

static struct slow_work_watchman watchman = {
	.secs		= SLOW_WORK_STALL_SECS,
	.timer		= __TIMER_INITIALIZER(slow_work_look_is_due, 0),
};

/**
 * struct slow_work_stall - a stall, to be reported
 * @executing: of an item that executes; else of a class, by its oldest queued one
 * @age: how long it has lasted, in jiffies
 * @walk: the item
 * @class: its class
 * @owner: its owner's name
 * @leaving: that one is about to unregister
 * @others: so many threads more are to be reported just now
 * @waiting: the class that is held up; SLOW_WORK_NR_CLASSES: neither
 * @waited: for how long, in jiffies
 * @task: whose stack tells why, with a reference; or NULL
 * @task_does: what that one does, if it does not execute an item
 * @task_age: how long it has executed its item, in jiffies
 * @task_execute: the function of that
 * @situation: of the pool
 * @advice: what would have helped @waiting
 * @queued: items, by class
 * @blocked: threads that execute and do not run, but for those
 * @sleeping: that sleep until they are needed
 * @failed: the last start of a thread failed
 */
struct slow_work_stall {
	bool executing;
	unsigned long age;
	struct slow_work_walk walk;
	enum slow_work_class_id class;
	char owner[MODULE_NAME_LEN];
	bool leaving;
	unsigned int others;
	enum slow_work_class_id waiting;
	unsigned long waited;
	struct task_struct *task;
	const char *task_does;
	unsigned long task_age;
	void (*task_execute)(struct slow_work *work);
	struct slow_work_situation situation;
	struct slow_work_advice advice;
	unsigned int queued[SLOW_WORK_NR_CLASSES];
	unsigned int blocked;
	unsigned int sleeping;
	bool failed;
};

/* Tell **************************************************************/

static const char *slow_work_class_name(enum slow_work_class_id class)
{
	return class == SLOW_WORK_VSLOW ? "very slow" : "slow";
}

static void slow_work_tell_advice(const struct slow_work_stall *stall)
{
	static const char neither[] =
		"raising max-threads or vslow-percentage would not have helped";
	const struct slow_work_situation *s = &stall->situation;

	switch (stall->advice.cure) {
	case SLOW_WORK_CURE_THREADS:
		pr_warn("raising max-threads from %u to %u would have helped\n",
			s->max, stall->advice.value);
		break;
	case SLOW_WORK_CURE_SHARE:
		pr_warn("raising vslow-percentage from %u to %u would have helped\n",
			s->percentage, stall->advice.value);
		break;
	case SLOW_WORK_CURE_NO_START:
		pr_warn("%s: %s\n", neither, stall->failed ?
			"no thread can be started" :
			"the manager does not get to start a thread");
		break;
	case SLOW_WORK_CURE_NO_CPU:
		pr_warn("%s: a thread is free, but gets no CPU (see cpumask, nice)\n",
			neither);
		break;
	case SLOW_WORK_CURE_LIMIT:
		pr_warn("%s: there cannot be more than %u threads\n", neither,
			s->limit);
		break;
	}
}

static void slow_work_tell_held_up(const struct slow_work_stall *stall)
{
	if (stall->walk.flags & BIT(SLOW_WORK_CANCELLING))
		pr_warn("a cancel of the item waits for it\n");
	if (stall->leaving)
		pr_warn("%s waits for it to unregister\n", stall->owner);
	if (stall->waiting == SLOW_WORK_NR_CLASSES) {
		pr_warn("no queued item is held up by it\n");
		return;
	}
	pr_warn("no %s item has started for %lu s\n",
		slow_work_class_name(stall->waiting), stall->waited / HZ);
	slow_work_tell_advice(stall);
}

static void slow_work_tell_task(const struct slow_work_stall *stall)
{
	if (stall->task_does)
		pr_warn("%s (PID %d) %s; its stack:\n", stall->task->comm,
			task_pid_nr(stall->task), stall->task_does);
	else
		pr_warn("%s (PID %d) has executed %ps for %lu s; its stack:\n",
			stall->task->comm, task_pid_nr(stall->task),
			stall->task_execute, stall->task_age / HZ);
	sched_show_task(stall->task);
}

/* Last, as it may block on what the item blocks on; all else is said then. */
static void slow_work_tell_desc(const struct slow_work_stall *stall)
{
	static char text[SLOW_WORK_STALL_DESC];
	static struct file file;
	static struct seq_file m;

	/* so much of a file as seq_user_ns() wants */
	file.f_cred = current_cred();
	mutex_init(&m.lock);
	m.file = &file;
	m.buf = text;
	m.size = sizeof(text);
	m.count = 0;
	memset(text, 0, sizeof(text));
	slow_work_describe(stall->walk.seen, &m);
	pr_warn("the item is: %.*s\n", (int)m.count, text);
}

static void slow_work_tell(const struct slow_work_stall *stall)
{
	const struct slow_work_situation *s = &stall->situation;

	if (stall->executing)
		pr_warn("%ps of %s, a %s item, executes for %lu s, and %u others so long\n",
			stall->walk.execute, stall->owner,
			slow_work_class_name(stall->class), stall->age / HZ,
			stall->others);
	else
		pr_warn("no %s item has started for %lu s; %ps of %s is the oldest queued\n",
			slow_work_class_name(stall->class), stall->age / HZ,
			stall->walk.execute, stall->owner);
	pr_warn("queued: %u slow, %u very slow; threads: %u of at most %u, %u executing, %u of them very slow items of at most %u, %u blocked, %u asleep until needed\n",
		stall->queued[SLOW_WORK_SLOW], stall->queued[SLOW_WORK_VSLOW],
		s->threads, s->max, s->executing, s->vslow, s->share,
		stall->blocked, stall->sleeping);
	if (stall->task)
		slow_work_tell_task(stall);
	if (stall->executing)
		slow_work_tell_held_up(stall);
	else
		slow_work_tell_advice(stall);
	if (stall->walk.pinned)
		slow_work_tell_desc(stall);
}

static void slow_work_report(struct slow_work_stall *stall)
{
	if (__ratelimit(&slow_work_stall_ratelimit))
		slow_work_tell(stall);
	if (stall->walk.pinned)
		slow_work_walk_unpin(&stall->walk);
	if (stall->task)
		put_task_struct(stall->task);
}

/* Judge *************************************************************/

/* Each report counts, one that the rate limit swallows too. */
static void slow_work_stall_note(const struct slow_work *work,
				 unsigned long age)
{
	lockdep_assert_held(&slow_pool.lock);
	slow_pool.stalls++;
	trace_slow_work_stall(work, jiffies_to_msecs(age));
}

/* Is a stall of that age to be reported, the first time or again? */
static bool slow_work_stall_is_due(struct slow_work_seen *seen,
				   unsigned long age)
{
	unsigned long least = READ_ONCE(watchman.secs) * HZ;

	if (age < seen->told)
		seen->told = 0;
	if (!least || age < least || age / 2 < seen->told)
		return false;
	seen->told = age;
	return true;
}

/* How long has @id started nothing, though it has something queued? */
static unsigned long slow_work_class_age(enum slow_work_class_id id,
					 unsigned long now)
{
	const struct slow_work_class *class = &slow_pool.classes[id];
	struct slow_work_seen *seen = &watchman.classes[id];

	lockdep_assert_held(&slow_pool.lock);
	if (!class->queued || class->started != seen->started) {
		*seen = (struct slow_work_seen) {
			.started = class->started,
			.since = now,
		};
		return 0;
	}
	return min3(now - seen->since, now - watchman.since,
		    now - slow_work_first(class)->timestamp);
}

/* How long has @thread executed its item, but for what it was permitted to sleep? */
static unsigned long slow_work_run_age(struct slow_work_thread *thread,
				       unsigned long now)
{
	struct slow_work_seen *seen = &watchman.threads[thread->slot];
	struct slow_work *work = thread->holder.item;
	unsigned long began;

	lockdep_assert_held(&slow_pool.lock);
	if (!work || !slow_work_claim(&thread->holder))
		return 0;
	began = slow_work_began_at(&thread->holder);
	if (seen->started != began) {
		*seen = (struct slow_work_seen) {
			.started = began,
			.since = began,
		};
	}
	if (!list_empty(&thread->sleeper))
		seen->since = now;
	return min3(now - seen->since, now - watchman.since,
		    now - thread->asleep_since);
}

static void slow_work_stall_show(struct slow_work_stall *stall,
				 struct task_struct *task, const char *does)
{
	stall->task = get_task_struct(task);
	stall->task_does = does;
}

static void slow_work_stall_show_run(struct slow_work_stall *stall,
				     struct slow_work_thread *thread,
				     unsigned long age)
{
	slow_work_stall_show(stall, thread->task, NULL);
	stall->task_execute = thread->holder.item->ops->execute;
	stall->task_age = age;
}

/* Look at one thread at a time, as there may be many. */
static void slow_work_sample_threads(void)
{
	struct slow_work_thread *thread;
	struct slow_work_sample *sample;
	unsigned int slot;

	for (slot = 0; slot < slow_pool.limit; slot++) {
		sample = &watchman.samples[slot];
		memset(sample, 0, sizeof(*sample));
		raw_spin_lock_irq(&slow_pool.lock);
		thread = slow_pool.threads[slot];
		if (thread && thread->holder.item) {
			sample->busy = true;
			sample->vslow = thread->class ==
					&slow_pool.classes[SLOW_WORK_VSLOW];
			sample->age = slow_work_run_age(thread, jiffies);
			sample->ended = READ_ONCE(thread->holder.stage) ==
					SLOW_WORK_ENDED;
			sample->sleeping = !list_empty(&thread->sleeper);
			sample->blocked = !sample->sleeping &&
					  !task_is_running(thread->task);
		}
		raw_spin_unlock_irq(&slow_pool.lock);
	}
}

/* Of the threads that are in the way of a class, the one that is so for longest */
static void slow_work_stall_show_longest(struct slow_work_stall *stall)
{
	bool share = stall->advice.cure == SLOW_WORK_CURE_SHARE;
	const struct slow_work_sample *sample;
	unsigned int slot, longest = 0, other = 0;
	struct slow_work_thread *thread;
	unsigned long most = 0;
	bool ended = false;

	for (slot = 0; slot < slow_pool.limit; slot++) {
		sample = &watchman.samples[slot];
		if (!sample->busy || (share && !sample->vslow))
			continue;
		if (sample->ended) {
			ended = true;
			other = slot;
		}
		if (sample->age > most) {
			most = sample->age;
			longest = slot;
		}
	}
	raw_spin_lock_irq(&slow_pool.lock);
	thread = slow_pool.threads[most ? longest : other];
	if (most && thread && thread->holder.item &&
	    slow_work_claim(&thread->holder))
		slow_work_stall_show_run(stall, thread, most);
	else if (!most && ended && thread && thread->task)
		slow_work_stall_show(stall, thread->task, "is in a put_ref");
	raw_spin_unlock_irq(&slow_pool.lock);
}

/* Who is in the way of a class that stalls? */
static void slow_work_stall_show_cause(struct slow_work_stall *stall)
{
	switch (stall->advice.cure) {
	case SLOW_WORK_CURE_NO_CPU:
		break;
	case SLOW_WORK_CURE_NO_START:
		raw_spin_lock_irq(&slow_pool.lock);
		if (slow_pool.manager)
			slow_work_stall_show(stall, slow_pool.manager,
					     "is to start threads");
		raw_spin_unlock_irq(&slow_pool.lock);
		break;
	default:
		slow_work_stall_show_longest(stall);
	}
}

static void slow_work_stall_count_threads(struct slow_work_stall *stall)
{
	unsigned int slot;

	for (slot = 0; slot < slow_pool.limit; slot++) {
		stall->sleeping += watchman.samples[slot].sleeping;
		stall->blocked += watchman.samples[slot].blocked;
	}
}

/* A class that has started nothing since the last look, or longer */
static void slow_work_stall_waiting(struct slow_work_stall *stall,
				    unsigned long now)
{
	unsigned long least = READ_ONCE(watchman.secs) * HZ /
			      SLOW_WORK_STALL_LOOKS, age;
	int i;

	stall->waiting = SLOW_WORK_NR_CLASSES;
	stall->waited = 0;
	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++) {
		age = slow_work_class_age(i, now);
		if (age && age >= least && age > stall->waited) {
			stall->waiting = i;
			stall->waited = age;
		}
	}
}

/* @work stalls: what there is to tell of it, and of the pool? */
static void slow_work_stall_gather(struct slow_work_stall *stall,
				   struct slow_work *work, unsigned long age)
{
	const struct slow_work_class *slow = &slow_pool.classes[SLOW_WORK_SLOW];
	const struct slow_work_class *vslow = &slow_pool.classes[SLOW_WORK_VSLOW];
	const struct slow_work_user *user = work->account->user;

	lockdep_assert_held(&slow_pool.lock);
	slow_work_stall_note(work, age);
	stall->age = age;
	stall->class = slow_work_class_id(work->flags);
	stall->leaving = user->leaving;
	strscpy(stall->owner, user->name, sizeof(stall->owner));
	stall->situation = (struct slow_work_situation) {
		.threads = slow_pool.nr,
		.max = slow_pool.max,
		.limit = slow_pool.limit,
		.percentage = slow_pool.vslow_percentage,
		.share = vslow->limit,
		.executing = slow->executing + vslow->executing,
		.vslow = vslow->executing,
	};
	stall->queued[SLOW_WORK_SLOW] = slow->queued;
	stall->queued[SLOW_WORK_VSLOW] = vslow->queued;
	stall->failed = slow_pool.failed;
	stall->advice = slow_work_advise(&stall->situation,
					 stall->waiting == SLOW_WORK_VSLOW);
	slow_work_walk_at(&stall->walk, work);
}

static bool slow_work_judge_class(enum slow_work_class_id id,
				  struct slow_work_stall *stall)
{
	struct slow_work_class *class = &slow_pool.classes[id];
	unsigned long now, age;
	bool due;

	*stall = (struct slow_work_stall){ .waiting = id };
	raw_spin_lock_irq(&slow_pool.lock);
	now = jiffies;
	age = slow_work_class_age(id, now);
	due = slow_work_stall_is_due(&watchman.classes[id], age);
	if (due)
		slow_work_stall_gather(stall, slow_work_first(class), age);
	raw_spin_unlock_irq(&slow_pool.lock);
	if (due) {
		slow_work_stall_count_threads(stall);
		slow_work_stall_show_cause(stall);
	}
	return due;
}

/*
 * Of all threads whose stall is due, the one that has executed for longest; others are
 * counted in @stall.  False: there is none.
 */
static bool slow_work_find_due(struct slow_work_stall *stall,
			       unsigned int *longest)
{
	unsigned long age, most = 0;
	unsigned int slot, due = 0;
	bool is_due;

	for (slot = 0; slot < slow_pool.limit; slot++) {
		age = watchman.samples[slot].age;
		raw_spin_lock_irq(&slow_pool.lock);
		is_due = slow_work_stall_is_due(&watchman.threads[slot], age);
		raw_spin_unlock_irq(&slow_pool.lock);
		if (!is_due)
			continue;
		due++;
		if (age > most) {
			most = age;
			*longest = slot;
		}
	}
	stall->others = due - 1;
	return due;
}

static bool slow_work_judge_threads(struct slow_work_stall *stall)
{
	struct slow_work_thread *thread;
	unsigned int slot = 0;
	unsigned long age = 0;

	*stall = (struct slow_work_stall){ .executing = true };
	if (!slow_work_find_due(stall, &slot))
		return false;
	raw_spin_lock_irq(&slow_pool.lock);
	thread = slow_pool.threads[slot];
	if (thread)
		age = slow_work_run_age(thread, jiffies);
	if (age) {
		slow_work_stall_waiting(stall, jiffies);
		slow_work_stall_gather(stall, thread->holder.item, age);
		slow_work_stall_show_run(stall, thread, age);
	}
	raw_spin_unlock_irq(&slow_pool.lock);
	slow_work_stall_count_threads(stall);
	return age;
}

/* Look **************************************************************/

/* Nothing counts from before now. */
static void slow_work_forgive(void)
{
	lockdep_assert_held(&slow_pool.lock);
	watchman.since = jiffies;
}

static unsigned long slow_work_look_period(void)
{
	return max_t(unsigned long, HZ / 4,
		     watchman.secs * HZ / SLOW_WORK_STALL_LOOKS);
}

static void slow_work_look_next(void)
{
	lockdep_assert_held(&slow_work_stall_mutex);
	if (!watchman.on || !watchman.secs)
		return;
	watchman.due = jiffies + slow_work_look_period();
	mod_timer(&watchman.timer, watchman.due);
}

/* False: the system is not as it should be, and no judge of what is late. */
static bool slow_work_look_begin(void)
{
	unsigned long late = max_t(unsigned long, SLOW_WORK_STALL_LATE_JIFFIES,
				   READ_ONCE(watchman.secs) * HZ / 2);
	bool fit;

	raw_spin_lock_irq(&slow_pool.lock);
	fit = !watchman.suspended;
	if (time_after(jiffies, watchman.due + late))
		slow_work_forgive();
	raw_spin_unlock_irq(&slow_pool.lock);
	return fit;
}

static void slow_work_look(struct work_struct *unused)
{
	/* static, as an oops in a desc would leave it pinned */
	static struct slow_work_stall stall;
	int i;

	slow_work_find_dead();
	if (slow_work_look_begin()) {
		slow_work_sample_threads();
		for (i = 0; i < SLOW_WORK_NR_CLASSES; i++)
			if (slow_work_judge_class(i, &stall))
				slow_work_report(&stall);
		if (slow_work_judge_threads(&stall))
			slow_work_report(&stall);
	}
	mutex_lock(&slow_work_stall_mutex);
	slow_work_look_next();
	mutex_unlock(&slow_work_stall_mutex);
}

static void slow_work_look_is_due(struct timer_list *unused)
{
	queue_work(system_freezable_wq, &slow_work_look_work);
}

/* Settings **********************************************************/

unsigned int slow_work_stall_secs(void)
{
	return READ_ONCE(watchman.secs);
}

/**
 * slow_work_set_stall_secs - say how long is too long
 * @secs: seconds, up to SLOW_WORK_STALL_SECS_MAX; 0: nothing is
 *
 * Context: Process context; sleeps.
 * Return: 0, or -EINVAL.
 */
int slow_work_set_stall_secs(int secs)
{
	if (secs < 0 || secs > SLOW_WORK_STALL_SECS_MAX)
		return -EINVAL;
	mutex_lock(&slow_work_stall_mutex);
	if (!watchman.secs) {
		/* nobody has looked until now */
		raw_spin_lock_irq(&slow_pool.lock);
		slow_work_forgive();
		raw_spin_unlock_irq(&slow_pool.lock);
	}
	WRITE_ONCE(watchman.secs, secs);
	WRITE_ONCE(slow_work_stall_ratelimit.interval, secs * HZ);
	if (watchman.on)
		queue_work(system_freezable_wq, &slow_work_look_work);
	mutex_unlock(&slow_work_stall_mutex);
	return 0;
}

/* The pool ***********************************************************/

/* There are threads: have them looked at. */
void slow_work_stall_start(void)
{
	raw_spin_lock_irq(&slow_pool.lock);
	slow_work_forgive();
	raw_spin_unlock_irq(&slow_pool.lock);

	mutex_lock(&slow_work_stall_mutex);
	watchman.on = true;
	slow_work_look_next();
	mutex_unlock(&slow_work_stall_mutex);
}

/* Context: Process context; waits for a look that is under way. */
void slow_work_stall_stop(void)
{
	mutex_lock(&slow_work_stall_mutex);
	watchman.on = false;
	mutex_unlock(&slow_work_stall_mutex);
	timer_delete_sync(&watchman.timer);
	cancel_work_sync(&slow_work_look_work);
}

static int slow_work_stall_pm(struct notifier_block *unused,
			      unsigned long event, void *nothing)
{
	bool suspended = event == PM_SUSPEND_PREPARE ||
			 event == PM_HIBERNATION_PREPARE ||
			 event == PM_RESTORE_PREPARE;

	raw_spin_lock_irq(&slow_pool.lock);
	watchman.suspended = suspended;
	slow_work_forgive();
	raw_spin_unlock_irq(&slow_pool.lock);
	return NOTIFY_DONE;
}

static struct notifier_block slow_work_stall_pm_block = {
	.notifier_call = slow_work_stall_pm,
};

/**
 * slow_work_stall_init - what looks need
 *
 * Return: 0, or a negative errno.
 */
int slow_work_stall_init(void)
{
	int ret;

	watchman.threads = kvcalloc(slow_pool.limit, sizeof(*watchman.threads),
				    GFP_KERNEL);
	watchman.samples = kvcalloc(slow_pool.limit, sizeof(*watchman.samples),
				    GFP_KERNEL);
	ret = watchman.threads && watchman.samples ?
	      register_pm_notifier(&slow_work_stall_pm_block) : -ENOMEM;
	if (ret) {
		kvfree(watchman.threads);
		kvfree(watchman.samples);
	}
	return ret;
}

void slow_work_stall_exit(void)
{
	unregister_pm_notifier(&slow_work_stall_pm_block);
	kvfree(watchman.threads);
	kvfree(watchman.samples);
}
