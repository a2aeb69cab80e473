// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work benchmark: everything at once, as much of each as promise 11 names
 *
 * Loading the module has 255 threads, 1,000 users, 100,000 items, 1,000 waiters of
 * each kind and more sleepers than threads meet, while storm.sh reads every file
 * and writes every sysctl.  What of that takes the longest with interrupts off is
 * reported in the end: see irqsoff.c, which is in the pool's own module then.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/slow-work.h>
#include "../compat.h"
#include "files.h"
#include "irqsoff.h"

static unsigned int threads = 255;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "Threads of the pool; twice as many sleepers");

static unsigned int users = 1000;
module_param(users, uint, 0444);
MODULE_PARM_DESC(users, "Modules that register");

static unsigned int items = 100000;
module_param(items, uint, 0444);
MODULE_PARM_DESC(items, "Items; half of them armed, half of them queued");

static unsigned int waiters = 1000;
module_param(waiters, uint, 0444);
MODULE_PARM_DESC(waiters, "Waiters of each kind");

#define STORM_KINDS	6	/* of waiters */
#define STORM_CHURN	1000	/* items that are taken back and come again */
#define STORM_LINE	64	/* bytes of a line of runqueue, or less */
#define STORM_DELAY	(3 * HZ)
#define STORM_STALL_MS	1500	/* longer than a stall takes to be told */
#define STORM_REST_MS	300	/* for sleepers to preempt each other */

struct storm_user {
	struct slow_work_ops noop;
	struct slow_work_ops block;
	struct slow_work_ops doze;
	struct module module;	/* known by its address, and its name is read */
};

struct storm_item {
	struct delayed_slow_work slow;
	struct task_struct *reader;	/* stops at its desc */
};

static struct storm_user *storm_users;
static struct storm_item *storm_items;

static atomic_t storm_left;		/* blockers that have no thread yet */
static DECLARE_COMPLETION(storm_all);	/* none is left */
static DECLARE_COMPLETION(storm_go);	/* blockers may end */
static DECLARE_COMPLETION(storm_tell);	/* readers may go on */
static atomic_t storm_readers;		/* that have stopped */
static DECLARE_COMPLETION(storm_done);	/* a task has ended */

/* Items *************************************************************/

static int storm_get_ref(struct slow_work *work)
{
	return 0;
}

static void storm_put_ref(struct slow_work *work)
{
}

static void storm_desc(struct slow_work *work, struct seq_file *m)
{
	struct storm_item *item = container_of(work, struct storm_item,
					       slow.work);

	seq_puts(m, "storm");
	if (READ_ONCE(item->reader) == current) {
		WRITE_ONCE(item->reader, NULL);
		atomic_inc(&storm_readers);
		wait_for_completion(&storm_tell);
	}
}

static void storm_noop(struct slow_work *work)
{
}

static void storm_block(struct slow_work *work)
{
	if (atomic_dec_and_test(&storm_left))
		complete(&storm_all);
	wait_for_completion(&storm_go);
}

/* What it waits for never comes: until it is cancelled */
static void storm_doze(struct slow_work *work)
{
	signed long timeout = MAX_SCHEDULE_TIMEOUT;

	do
		set_current_state(TASK_INTERRUPTIBLE);
	while (!slow_work_sleep_till_thread_needed(work, &timeout));
	slow_work_enqueue(work);
}

static void storm_init_ops(struct slow_work_ops *ops, struct module *owner,
			   void (*execute)(struct slow_work *work))
{
	*ops = (struct slow_work_ops) {
		.owner = owner,
		.get_ref = storm_get_ref,
		.put_ref = storm_put_ref,
		.desc = storm_desc,
		.execute = execute,
	};
}

static struct storm_user *storm_user_of(unsigned int i)
{
	return &storm_users[i % users];
}

/* The next user's each; every other one very slow, if that is wanted */
static void storm_init_item(unsigned int i, const struct slow_work_ops *ops,
			    bool mixed)
{
	struct storm_item *item = &storm_items[i];

	if (mixed && i % 2)
		delayed_vslow_work_init(&item->slow, ops);
	else
		delayed_slow_work_init(&item->slow, ops);
}

static void storm_enqueue(unsigned int i)
{
	slow_work_enqueue(&storm_items[i].slow.work);
}

/* Tasks *************************************************************/

static struct task_struct **storm_tasks;
static unsigned int storm_nr_tasks;

static int storm_cancel(void *item)
{
	delayed_slow_work_cancel(&((struct storm_item *)item)->slow);
	kthread_complete_and_exit(&storm_done, 0);
}

static int storm_flush(void *item)
{
	slow_work_flush(&((struct storm_item *)item)->slow.work);
	kthread_complete_and_exit(&storm_done, 0);
}

static int storm_flush_user(void *module)
{
	slow_work_flush_user(module);
	kthread_complete_and_exit(&storm_done, 0);
}

static int storm_unregister(void *module)
{
	slow_work_unregister_user(module);
	kthread_complete_and_exit(&storm_done, 0);
}

/* Stops at @item, which is among the first, until it is told to go on */
static int storm_read(void *item)
{
	unsigned int pages = DIV_ROUND_UP(2 * threads * STORM_LINE, PAGE_SIZE);
	unsigned long lines = 0;

	WRITE_ONCE(((struct storm_item *)item)->reader, current);
	bench_read(BENCH_RUNQUEUE, pages, &lines);
	kthread_complete_and_exit(&storm_done, 0);
}

static int storm_start(int (*fn)(void *data), void *data)
{
	struct task_struct *task;

	task = kthread_create(fn, data, "storm/%u", storm_nr_tasks);
	if (IS_ERR(task)) {
		pr_err("what=error errno=%ld\n", PTR_ERR(task));
		return PTR_ERR(task);
	}
	storm_tasks[storm_nr_tasks++] = get_task_struct(task);
	wake_up_process(task);
	return 0;
}

static void storm_nap(unsigned int us)
{
	usleep_range(us, us + 1);
}

/* Until all of them wait for something, or have ended */
static void storm_settle(void)
{
	unsigned int i;

	for (i = 0; i < storm_nr_tasks; i++)
		while (task_is_running(storm_tasks[i]))
			storm_nap(1000);
}

/* Until all have ended */
static void storm_join(void)
{
	while (storm_nr_tasks) {
		wait_for_completion(&storm_done);
		put_task_struct(storm_tasks[--storm_nr_tasks]);
	}
}

static unsigned int storm_census(void)
{
	struct task_struct *task;
	unsigned int n = 0;

	rcu_read_lock();
	for_each_process(task)
		n += !strncmp(task->comm, "kslowd", 6);
	rcu_read_unlock();
	return n;
}

/* Parts *************************************************************/

static void storm_drain(void)
{
	unsigned int i;

	for (i = 0; i < users; i++)
		slow_work_flush_user(&storm_users[i].module);
}

static int storm_set_threads(unsigned int min, unsigned int max)
{
	int ret;

	ret = bench_set(BENCH_SYSCTL("min-threads"), 2);
	ret = ret ?: bench_set(BENCH_SYSCTL("max-threads"), max);
	return ret ?: bench_set(BENCH_SYSCTL("min-threads"), min);
}

/* Of all items the first are blockers: have each on a thread */
static void storm_occupy(void)
{
	unsigned int i;

	atomic_set(&storm_left, threads);
	reinit_completion(&storm_all);
	reinit_completion(&storm_go);
	for (i = 0; i < threads; i++)
		storm_enqueue(i);
	wait_for_completion(&storm_all);
}

/* More sleepers than threads; fresh items preempt them; all are cancelled at once */
static int storm_rest(void)
{
	unsigned int i, n = 2 * threads;
	int ret;

	for (i = 0; i < items; i++)
		storm_init_item(i, i < n ? &storm_user_of(i)->doze :
					   &storm_user_of(i)->noop, true);
	for (i = 0; i < n; i++)
		storm_enqueue(i);
	msleep(STORM_REST_MS);
	for (i = n; i < n + STORM_CHURN; i++)
		storm_enqueue(i);
	msleep(STORM_REST_MS);
	ret = storm_set_threads(2, threads);
	ret = ret ?: storm_set_threads(threads, threads);
	for (i = 0; i < n && !ret; i++)
		ret = storm_start(storm_cancel, &storm_items[i]);
	storm_join();
	storm_drain();
	return ret;
}

/* A waiter of each kind; the first items execute, the others are queued */
static int storm_start_waiters(unsigned int i)
{
	int ret;

	ret = storm_start(storm_cancel, &storm_items[0]);
	ret = ret ?: storm_start(storm_flush, &storm_items[1]);
	ret = ret ?: storm_start(storm_flush_user, &storm_user_of(2)->module);
	ret = ret ?: storm_start(storm_unregister, &storm_user_of(3)->module);
	ret = ret ?: storm_start(storm_flush, &storm_items[items / 2 - 1]);
	return ret ?: storm_start(storm_flush, &storm_items[threads + i]);
}

static struct storm_item *storm_rung;	/* is enqueued from hard interrupt */

static void storm_ring(struct irq_work *unused)
{
	slow_work_enqueue(&storm_rung->slow.work);
}

static struct irq_work storm_irq_work = IRQ_WORK_INIT_HARD(storm_ring);

/* Of what waits some is taken back, and comes again */
static void storm_churn(unsigned long due)
{
	struct delayed_slow_work *dwork;
	unsigned int i;

	for (i = 0; i < STORM_CHURN; i++) {
		/* the queued ones that nobody waits for */
		dwork = &storm_items[items / 2 - 2 - i].slow;
		if (i % 2)
			slow_work_cancel(&dwork->work);
		else
			slow_work_try_cancel(&dwork->work);
		storm_rung = container_of(dwork, struct storm_item, slow);
		irq_work_queue(&storm_irq_work);
		irq_work_sync(&storm_irq_work);

		dwork = &storm_items[items / 2 + i].slow;
		if (i % 2)
			delayed_slow_work_cancel(dwork);
		delayed_slow_work_mod(dwork, due - jiffies);
	}
}

/* All threads blocked; so all else stays queued or armed, and is waited for */
static int storm_crowd(void)
{
	unsigned int i, half = items / 2;
	unsigned long due;
	int ret = 0;

	for (i = 0; i < items; i++)
		storm_init_item(i, i < threads ? &storm_user_of(i)->block :
						 &storm_user_of(i)->noop,
				i >= threads);
	storm_occupy();

	due = jiffies + STORM_DELAY;
	for (i = threads; i < half; i++)
		storm_enqueue(i);
	for (; i < items; i++)
		delayed_slow_work_enqueue(&storm_items[i].slow, due - jiffies);

	/* One at each item that executes, one at as many queued slow ones */
	for (i = 0; i < threads && !ret; i++) {
		ret = storm_start(storm_read, &storm_items[i]);
		ret = ret ?: storm_start(storm_read,
				&storm_items[(threads + 1 + 2 * i) & ~1U]);
	}
	for (i = 0; i < waiters && !ret; i++)
		ret = storm_start_waiters(i);
	storm_settle();
	storm_churn(max(due, jiffies + HZ));
	ret = ret ?: storm_set_threads(2, 2);
	ret = ret ?: storm_set_threads(threads, threads);
	msleep(STORM_STALL_MS);
	/* Timers may be late by an eighth of their delay */
	while (time_before(jiffies, due + STORM_DELAY / 4))
		msleep(100);

	pr_info("job=storm engine=slow_work round=0 what=crowd waiting=%u readers=%u threads=%u\n",
		storm_nr_tasks, atomic_read(&storm_readers), storm_census());
	complete_all(&storm_go);
	msleep(100);
	complete_all(&storm_tell);
	storm_join();
	storm_drain();
	return ret;
}

static void storm_await_threads(unsigned int n)
{
	unsigned int patience = 1000;

	while (storm_census() != n && --patience)
		storm_nap(10000);
	if (!patience)
		pr_warn("%u threads instead of %u\n", storm_census(), n);
}

/* From all threads to two, and back */
static int storm_resize(void)
{
	int ret;

	ret = storm_set_threads(2, 2);
	if (ret)
		return ret;
	storm_await_threads(2);
	ret = storm_set_threads(threads, threads);
	storm_await_threads(threads);
	return ret;
}

/* Somebody who comes when the last user goes */
static int storm_come(void *unused)
{
	if (!slow_work_register_user(NULL))
		slow_work_unregister_user(NULL);
	kthread_complete_and_exit(&storm_done, 0);
}

/*
 * All users leave at once, and each waits for an item of its own.  The last to go
 * finds armed what nobody owns.
 */
static int storm_leave(void)
{
	static struct slow_work_ops ops;
	unsigned int i;
	int ret = 0;

	storm_init_ops(&ops, NULL, storm_noop);
	for (i = 0; i < items; i++) {
		if (i < users) {
			storm_init_item(i, i < threads ? &storm_users[i].block :
							 &storm_users[i].noop,
					i >= threads);
			continue;
		}
		storm_init_item(i, &ops, true);
		delayed_slow_work_enqueue(&storm_items[i].slow, 3600 * HZ);
	}
	storm_occupy();
	for (i = threads; i < users; i++)
		storm_enqueue(i);
	for (i = 0; i < users && !ret; i++)
		ret = storm_start(storm_unregister, &storm_users[i].module);
	storm_settle();
	complete_all(&storm_go);
	storm_join();

	ret = ret ?: storm_start(storm_come, NULL);
	slow_work_unregister_user(THIS_MODULE);
	storm_join();
	return ret;
}

static int storm_register(void)
{
	unsigned int i;
	int ret;

	ret = slow_work_register_user(THIS_MODULE);
	for (i = 0; i < users && !ret; i++) {
		struct storm_user *user = &storm_users[i];

		snprintf(user->module.name, MODULE_NAME_LEN, "storm-%u", i);
		storm_init_ops(&user->noop, &user->module, storm_noop);
		storm_init_ops(&user->block, &user->module, storm_block);
		storm_init_ops(&user->doze, &user->module, storm_doze);
		ret = slow_work_register_user(&user->module);
	}
	/* Some unregister while the others wait */
	for (i = 0; i < waiters && !ret; i++)
		ret = slow_work_register_user(&storm_user_of(3)->module);
	return ret;
}

static int storm_all_of_it(void)
{
	int ret;

	irqsoff_start();
	ret = storm_set_threads(threads, threads);
	ret = ret ?: storm_register();
	ret = ret ?: storm_rest();
	ret = ret ?: storm_crowd();
	ret = ret ?: storm_resize();
	ret = ret ?: storm_leave();
	irqsoff_report();
	return ret;
}

/*
 * Where something could not be had, all are left as they are: whatever was begun
 * needs its memory.
 */
static int __init storm_module_init(void)
{
	size_t tasks = STORM_KINDS * waiters + 2 * threads + users + 1;
	int ret = -ENOMEM;

	if (items < 2 * (threads + waiters + STORM_CHURN) || items < users ||
	    users < threads || threads < 4)
		return -EINVAL;
	storm_users = kvcalloc(users, sizeof(*storm_users), GFP_KERNEL);
	storm_items = kvcalloc(items, sizeof(*storm_items), GFP_KERNEL);
	storm_tasks = kvcalloc(tasks, sizeof(*storm_tasks), GFP_KERNEL);
	if (storm_users && storm_items && storm_tasks)
		ret = storm_all_of_it();
	if (ret) {
		pr_err("job=storm engine=slow_work round=0 what=error errno=%d\n",
		       ret);
		__module_get(THIS_MODULE);
	}
	return 0;
}

static void __exit storm_module_exit(void)
{
	kvfree(storm_tasks);
	kvfree(storm_items);
	kvfree(storm_users);
}

module_init(storm_module_init);
module_exit(storm_module_exit);

MODULE_DESCRIPTION("slow-work benchmark: everything at once");
MODULE_AUTHOR("The slow-work developers");
MODULE_LICENSE("GPL");
