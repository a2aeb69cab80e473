// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-freeze: work that goes on for ever, and a witness of what becomes
 * of it while the system is frozen
 *
 * Some items enqueue themselves each time, others sleep till their thread is
 * needed, each in a task state of its own.  The witness, a thread that does not
 * freeze, writes down in the kernel's log what it sees of the pool whenever its
 * threads are frozen or to freeze; so the kernel's own lines tell what was seen
 * between which of them, and no clock is asked.  It also gives the pool work
 * meanwhile: one item is armed once the threads are to freeze, one queued and
 * one armed once they have frozen.
 *
 * The order "hold N" has an item execute until the witness has seen N times that a
 * freeze waits for it; 0 ends that.  After "signal 1" it leaves a signal pending.
 * "busy 0" ends the items that enqueue themselves, "busy 1" begins them anew.
 * "alone 1": the witness gives nothing, and there are no sleepers but those that sleep
 * uninterruptibly; "alone 0" ends that.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/freezer.h>
#include <linux/jiffies.h>
#include <linux/kstrtox.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>
#include "control.h"
#include "../compat.h"

#define FREEZE_BUSY	6
#define FREEZE_LOOK_MS	20

/* What one may sleep in; the last two freeze where they sleep. */
static const unsigned int freeze_states[] = {
	TASK_INTERRUPTIBLE,
	TASK_UNINTERRUPTIBLE,
	TASK_IDLE,
	TASK_INTERRUPTIBLE | TASK_FREEZABLE,
	TASK_UNINTERRUPTIBLE | TASK_FREEZABLE,
};

static struct slow_work freeze_busy[FREEZE_BUSY];
static atomic_t freeze_began, freeze_ended;
static bool freeze_is_busy;

static struct slow_work freeze_sleepers[ARRAY_SIZE(freeze_states)];
static DECLARE_WAIT_QUEUE_HEAD(freeze_wq);
static atomic_t freeze_asleep, freeze_gave_way;

static struct slow_work freeze_hold;
static unsigned int freeze_looks;	/* for which it is to hold on */
static bool freeze_holding, freeze_leaves_signal;

/* What the witness gives the pool to do */
static struct freeze_gift {
	const char *name;
	struct delayed_slow_work dwork;
	atomic_t runs;
} freeze_gifts[] = {
	{ .name = "early" },	/* armed before the threads have frozen */
	{ .name = "plain" },	/* the others once they have */
	{ .name = "late" },
};

static struct task_struct *freeze_witness_task;
static bool freeze_ending, freeze_alone;

/* Items *************************************************************/

static void freeze_run_busy(struct slow_work *work)
{
	atomic_inc(&freeze_began);
	usleep_range(1000, 3000);
	atomic_inc(&freeze_ended);
	if (READ_ONCE(freeze_is_busy))
		slow_work_enqueue(work);
}

static void freeze_run_sleeper(struct slow_work *work)
{
	unsigned int state = freeze_states[work - freeze_sleepers];
	signed long timeout = MAX_SCHEDULE_TIMEOUT;
	bool needed = false;
	DEFINE_WAIT(wait);

	atomic_inc(&freeze_asleep);
	while (!needed) {
		prepare_to_wait(&freeze_wq, &wait, state);
		if (READ_ONCE(freeze_ending) ||
		    (READ_ONCE(freeze_alone) && !(state & TASK_UNINTERRUPTIBLE)))
			break;
		needed = slow_work_sleep_till_thread_needed(work, &timeout);
	}
	finish_wait(&freeze_wq, &wait);
	atomic_dec(&freeze_asleep);
	if (needed) {
		atomic_inc(&freeze_gave_way);
		slow_work_enqueue(work);
	}
}

/* Not a state that the freezer could leave us in */
static void freeze_run_hold(struct slow_work *work)
{
	WRITE_ONCE(freeze_holding, true);
	wait_event_idle(freeze_wq,
			!READ_ONCE(freeze_looks) || READ_ONCE(freeze_ending));
	WRITE_ONCE(freeze_holding, false);
	if (READ_ONCE(freeze_leaves_signal)) {
		allow_signal(SIGUSR1);
		send_sig(SIGUSR1, current, 1);
	}
}

static void freeze_run_gift(struct slow_work *work)
{
	atomic_inc(&container_of(work, struct freeze_gift, dwork.work)->runs);
}

static const struct slow_work_ops freeze_busy_ops = {
	.owner = THIS_MODULE, .execute = freeze_run_busy,
};

static const struct slow_work_ops freeze_sleeper_ops = {
	.owner = THIS_MODULE, .execute = freeze_run_sleeper,
};

static const struct slow_work_ops freeze_hold_ops = {
	.owner = THIS_MODULE, .execute = freeze_run_hold,
};

static const struct slow_work_ops freeze_gift_ops = {
	.owner = THIS_MODULE, .execute = freeze_run_gift,
};

/* The witness *******************************************************/

/*
 * The freezer wants threads to be frozen or it does not: to go by what they are
 * would not do, as one that it lets go looks frozen once more for a moment.
 */
static void freeze_look(unsigned int *threads, unsigned int *freezing_ones,
			unsigned int *frozen_ones)
{
	char comm[TASK_COMM_LEN];
	struct task_struct *task;

	*threads = 0;
	*freezing_ones = 0;
	*frozen_ones = 0;
	rcu_read_lock();
	for_each_process(task) {
		get_task_comm(comm, task);
		if (!(task->flags & PF_KTHREAD) ||
		    strncmp(comm, "kslowd", 6))
			continue;
		++*threads;
		if (freezing(task))
			++*freezing_ones;
		if (slow_work_is_frozen(task))
			++*frozen_ones;
	}
	rcu_read_unlock();
}

static const char *freeze_gift_state(const struct freeze_gift *gift)
{
	unsigned long flags = READ_ONCE(gift->dwork.work.flags);

	if (flags & BIT(SLOW_WORK_EXECUTING))
		return "executing";
	if (flags & BIT(SLOW_WORK_DELAYED))
		return "armed";
	if (flags & BIT(SLOW_WORK_PENDING))
		return "queued";
	return "rests";
}

static void freeze_give(struct freeze_gift *gift, unsigned int ms)
{
	int ret;

	if (READ_ONCE(freeze_alone))
		return;
	ret = delayed_slow_work_enqueue(&gift->dwork, msecs_to_jiffies(ms));
	pr_info("gave %s: %d\n", gift->name, ret);
}

static void freeze_release(unsigned int looks)
{
	WRITE_ONCE(freeze_looks, looks);
	wake_up_all(&freeze_wq);
}

static int freeze_witness(void *unused)
{
	unsigned int threads, freezing_ones, frozen_ones, looks;
	bool begun = false, complete = false;

	for (; !kthread_should_stop();
	     schedule_timeout_idle(msecs_to_jiffies(FREEZE_LOOK_MS))) {
		freeze_look(&threads, &freezing_ones, &frozen_ones);
		if (!freezing_ones) {
			begun = false;
			complete = false;
			continue;
		}
		if (!begun) {
			begun = true;
			freeze_give(&freeze_gifts[0], 500);
		}
		if (!complete && frozen_ones == threads) {
			complete = true;
			freeze_give(&freeze_gifts[1], 0);
			freeze_give(&freeze_gifts[2], 300);
		}
		pr_info("look: threads %u frozen %u holding %d began %d ended %d early %s plain %s late %s\n",
			threads, frozen_ones, READ_ONCE(freeze_holding),
			atomic_read(&freeze_began), atomic_read(&freeze_ended),
			freeze_gift_state(&freeze_gifts[0]),
			freeze_gift_state(&freeze_gifts[1]),
			freeze_gift_state(&freeze_gifts[2]));
		looks = READ_ONCE(freeze_looks);
		if (READ_ONCE(freeze_holding) && looks) {
			if (looks == 1)
				pr_info("released\n");
			freeze_release(looks - 1);
		}
	}
	return 0;
}

/* Orders ************************************************************/

static int freeze_set_busy(bool busy)
{
	int i, ret = 0;

	WRITE_ONCE(freeze_is_busy, busy);
	for (i = 0; busy && !ret && i < FREEZE_BUSY; i++)
		ret = slow_work_enqueue(&freeze_busy[i]);
	return ret;
}

static int freeze_set_alone(bool alone)
{
	int i, ret = 0;

	WRITE_ONCE(freeze_alone, alone);
	wake_up_all(&freeze_wq);
	for (i = 0; !alone && !ret && i < ARRAY_SIZE(freeze_states); i++)
		if (!(freeze_states[i] & TASK_UNINTERRUPTIBLE))
			ret = slow_work_enqueue(&freeze_sleepers[i]);
	return ret;
}

static int vm_order(char *rest)
{
	char *word = strsep(&rest, " ");
	unsigned int n;
	int ret = rest ? kstrtouint(rest, 10, &n) : -EINVAL;

	if (ret)
		return ret;
	if (!strcmp(word, "busy"))
		return freeze_set_busy(n);
	if (!strcmp(word, "alone"))
		return freeze_set_alone(n);
	if (!strcmp(word, "signal")) {
		WRITE_ONCE(freeze_leaves_signal, n);
		return 0;
	}
	if (strcmp(word, "hold"))
		return -EINVAL;
	freeze_release(n);
	return n ? slow_work_enqueue(&freeze_hold) : 0;
}

static int vm_state(struct seq_file *m, void *unused)
{
	int i;

	seq_printf(m, "ended %d\nasleep %d\ngave-way %d\nholding %d\n",
		   atomic_read(&freeze_ended), atomic_read(&freeze_asleep),
		   atomic_read(&freeze_gave_way), READ_ONCE(freeze_holding));
	for (i = 0; i < ARRAY_SIZE(freeze_gifts); i++)
		seq_printf(m, "%s %d\n", freeze_gifts[i].name,
			   atomic_read(&freeze_gifts[i].runs));
	return 0;
}

/* Coming and going **************************************************/

static int __init freeze_init(void)
{
	int i, ret = vm_begin();

	if (ret)
		return ret;
	slow_work_init(&freeze_hold, &freeze_hold_ops);
	for (i = 0; i < ARRAY_SIZE(freeze_gifts); i++)
		delayed_slow_work_init(&freeze_gifts[i].dwork, &freeze_gift_ops);

	/* The last CPU is the witness's, whatever the suspending task keeps busy. */
	freeze_witness_task = kthread_create(freeze_witness, NULL,
					     "freeze_witness");
	if (IS_ERR(freeze_witness_task)) {
		proc_remove(vm_dir);
		slow_work_unregister_user(THIS_MODULE);
		return PTR_ERR(freeze_witness_task);
	}
	kthread_bind(freeze_witness_task, cpumask_last(cpu_online_mask));
	wake_up_process(freeze_witness_task);

	for (i = 0; i < ARRAY_SIZE(freeze_sleepers); i++) {
		slow_work_init(&freeze_sleepers[i], &freeze_sleeper_ops);
		slow_work_enqueue(&freeze_sleepers[i]);
	}
	for (i = 0; i < FREEZE_BUSY; i++)
		slow_work_init(&freeze_busy[i], &freeze_busy_ops);
	freeze_set_busy(true);
	return 0;
}

static void __exit freeze_exit(void)
{
	proc_remove(vm_dir);
	kthread_stop(freeze_witness_task);
	WRITE_ONCE(freeze_is_busy, false);
	WRITE_ONCE(freeze_ending, true);
	wake_up_all(&freeze_wq);
	slow_work_unregister_user(THIS_MODULE);
}

module_init(freeze_init);
module_exit(freeze_exit);

MODULE_DESCRIPTION("Caller of slow-work that is at work while the system freezes");
