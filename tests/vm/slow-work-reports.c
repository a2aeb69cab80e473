// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-reports: a caller that does what public bug reports tell of
 *
 * An order starts or stops something:
 *
 *	poll		delayed items that arm themselves in execute
 *	interrupt	a hard interrupt that enqueues items, 10,000 a second,
 *			whose desc takes a millisecond
 *	flood		items that enqueue themselves, so that threads never block
 *	stop		stop these, and cancel their items
 *	rcu		ask for a callback after a grace period of RCU tasks
 *
 * or is carried out before the write returns:
 *
 *	reuse N		N items, each initialised in put_ref of the one before, in
 *			the same memory
 *	cancel N	N times: six real-time tasks on one CPU cancel one item,
 *			then its memory is overwritten
 *	nest N		an item that flushes an item that flushes, N deep
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include "../compat.h"
#include "checked-item.h"
#include "control.h"

#define REPORTS_POLLERS		4
#define REPORTS_FLOODS		8
#define REPORTS_INTERRUPTED	64
#define REPORTS_CANCELLERS	6
#define REPORTS_DEEPEST		64

static bool reports_polling, reports_flooding, reports_interrupting;
static atomic_t reports_polls, reports_runs, reports_descs, reports_gps;

/* Poll and flood ****************************************************/

static struct delayed_slow_work reports_pollers[REPORTS_POLLERS];
static struct slow_work reports_floods[REPORTS_FLOODS];

static void reports_poll(struct slow_work *work)
{
	atomic_inc(&reports_polls);
	if (READ_ONCE(reports_polling))
		delayed_slow_work_enqueue(container_of(work, struct delayed_slow_work, work), 1);
}

static const struct slow_work_ops reports_poll_ops = {
	.owner = THIS_MODULE, .execute = reports_poll,
};

static void reports_flood(struct slow_work *work)
{
	if (READ_ONCE(reports_flooding))
		slow_work_enqueue(work);
}

static const struct slow_work_ops reports_flood_ops = {
	.owner = THIS_MODULE, .execute = reports_flood,
};

static struct rcu_head reports_rcu;

static void reports_gp(struct rcu_head *unused)
{
	atomic_inc(&reports_gps);
}

/* Interrupts ********************************************************/

static struct swt_item reports_items[REPORTS_INTERRUPTED];
static struct lock_class_key reports_key;
static struct hrtimer reports_timer;
static unsigned int reports_next;

static void reports_execute(struct swt_item *item)
{
	usleep_range(300, 600);
	atomic_inc(&reports_runs);
}

static void reports_desc(struct swt_item *item, struct seq_file *m)
{
	WARN_ON(atomic_read(&item->gets) == atomic_read(&item->puts));
	usleep_range(1000, 2000);
	seq_printf(m, "interrupt %td", item - reports_items);
	atomic_inc(&reports_descs);
}

static enum hrtimer_restart reports_interrupt(struct hrtimer *timer)
{
	if (!READ_ONCE(reports_interrupting))
		return HRTIMER_NORESTART;
	swt_enqueue(&reports_items[reports_next++ % REPORTS_INTERRUPTED]);
	hrtimer_forward_now(timer, ns_to_ktime(100 * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

/* Reuse *************************************************************/

static struct slow_work reports_memory;
static unsigned int reports_left;
static DECLARE_COMPLETION(reports_reused);

static void reports_nothing(struct slow_work *work)
{
	WARN_ON(work->ops->execute != reports_nothing);
}

static void reports_reuse(struct slow_work *work);

static const struct slow_work_ops reports_reuse_ops = {
	.owner = THIS_MODULE, .execute = reports_nothing,
	.put_ref = reports_reuse,
};

static void reports_reuse(struct slow_work *work)
{
	bool more = --reports_left;

	memset(work, 0x6b, sizeof(*work));
	if (!more) {
		complete(&reports_reused);
		return;
	}
	slow_work_init(work, &reports_reuse_ops);
	slow_work_enqueue(work);
}

static int reports_reuse_times(unsigned int n)
{
	int ret;

	reports_left = n;
	slow_work_init(&reports_memory, &reports_reuse_ops);
	ret = slow_work_enqueue(&reports_memory);
	if (!ret)
		wait_for_completion(&reports_reused);
	return ret;
}

/* Cancels ***********************************************************/

static DECLARE_COMPLETION(reports_began);
static struct completion reports_go, reports_gone;
static bool reports_executes;

static void reports_slow(struct slow_work *work)
{
	WRITE_ONCE(reports_executes, true);
	complete(&reports_began);
	usleep_range(500, 1500);
	slow_work_enqueue(work);
	WRITE_ONCE(reports_executes, false);
}

static const struct slow_work_ops reports_slow_ops = {
	.owner = THIS_MODULE, .execute = reports_slow,
};

static int reports_canceller(void *unused)
{
	sched_set_fifo(current);
	wait_for_completion(&reports_go);
	slow_work_cancel(&reports_memory);
	WARN_ON(READ_ONCE(reports_executes) ||
		slow_work_is_queued(&reports_memory));
	complete(&reports_gone);
	return 0;
}

static int reports_cancel_once(void)
{
	struct task_struct *task;
	int i, started = 0, ret;

	init_completion(&reports_go);
	init_completion(&reports_gone);
	slow_work_init(&reports_memory, &reports_slow_ops);
	ret = slow_work_enqueue(&reports_memory);
	if (ret)
		return ret;
	wait_for_completion(&reports_began);
	for (i = 0; i < REPORTS_CANCELLERS; i++) {
		task = kthread_create(reports_canceller, NULL, "reports/%d", i);
		if (IS_ERR(task)) {
			ret = PTR_ERR(task);
			continue;
		}
		kthread_bind(task, 0);
		wake_up_process(task);
		started++;
	}
	complete_all(&reports_go);
	while (started--)
		wait_for_completion(&reports_gone);
	slow_work_cancel(&reports_memory);
	memset(&reports_memory, 0x6b, sizeof(reports_memory));
	reinit_completion(&reports_began);
	return ret;
}

static int reports_cancel_times(unsigned int n)
{
	int ret = 0;

	while (!ret && n--)
		ret = reports_cancel_once();
	return ret;
}

/* Nesting ***********************************************************/

static struct slow_work reports_nested[REPORTS_DEEPEST];
static unsigned int reports_depth;

/* Items initialised at one place are one to lockdep. */
static void reports_nest(struct slow_work *work)
{
	unsigned int next = work - reports_nested + 1;

	if (next < reports_depth) {
		slow_work_enqueue(&reports_nested[next]);
		slow_work_flush(&reports_nested[next]);
	}
}

static const struct slow_work_ops reports_nest_ops = {
	.owner = THIS_MODULE, .execute = reports_nest,
};

static int reports_nest_deep(unsigned int n)
{
	unsigned int i;
	int ret;

	if (!n || n > REPORTS_DEEPEST)
		return -EINVAL;
	reports_depth = n;
	for (i = 0; i < n; i++)
		slow_work_init(&reports_nested[i], &reports_nest_ops);
	ret = slow_work_enqueue(&reports_nested[0]);
	slow_work_flush(&reports_nested[0]);
	return ret;
}

/* Orders ************************************************************/

static void reports_stop(void)
{
	int i;

	WRITE_ONCE(reports_polling, false);
	WRITE_ONCE(reports_flooding, false);
	WRITE_ONCE(reports_interrupting, false);
	hrtimer_cancel(&reports_timer);
	for (i = 0; i < REPORTS_POLLERS; i++)
		delayed_slow_work_cancel(&reports_pollers[i]);
	for (i = 0; i < REPORTS_FLOODS; i++)
		slow_work_cancel(&reports_floods[i]);
	for (i = 0; i < REPORTS_INTERRUPTED; i++) {
		swt_do_cancel(&reports_items[i]);
		swt_audit(&reports_items[i]);
	}
}

static int reports_word(const char *word)
{
	int i, ret = 0;

	if (!strcmp(word, "stop")) {
		reports_stop();
	} else if (!strcmp(word, "rcu")) {
		call_rcu_tasks(&reports_rcu, reports_gp);
	} else if (!strcmp(word, "poll")) {
		reports_polling = true;
		for (i = 0; !ret && i < REPORTS_POLLERS; i++)
			ret = delayed_slow_work_enqueue(&reports_pollers[i], 1);
	} else if (!strcmp(word, "flood")) {
		reports_flooding = true;
		for (i = 0; !ret && i < REPORTS_FLOODS; i++)
			ret = slow_work_enqueue(&reports_floods[i]);
	} else if (!strcmp(word, "interrupt")) {
		reports_interrupting = true;
		hrtimer_start(&reports_timer, ns_to_ktime(NSEC_PER_MSEC),
			      HRTIMER_MODE_REL_HARD);
	} else {
		ret = -EINVAL;
	}
	return ret;
}

static int vm_order(char *rest)
{
	char *word = strsep(&rest, " ");
	unsigned int n;
	int ret;

	if (!rest)
		return reports_word(word);
	ret = kstrtouint(rest, 10, &n);
	if (ret)
		return ret;
	if (!strcmp(word, "reuse"))
		return reports_reuse_times(n);
	if (!strcmp(word, "cancel"))
		return reports_cancel_times(n);
	if (!strcmp(word, "nest"))
		return reports_nest_deep(n);
	return -EINVAL;
}

static int vm_state(struct seq_file *m, void *unused)
{
	seq_printf(m, "polls %d\nruns %d\ndescs %d\ngrace-periods %d\n",
		   atomic_read(&reports_polls), atomic_read(&reports_runs),
		   atomic_read(&reports_descs), atomic_read(&reports_gps));
	return 0;
}

/* Coming and going **************************************************/

static int __init reports_init(void)
{
	int i;

	for (i = 0; i < REPORTS_POLLERS; i++)
		delayed_slow_work_init(&reports_pollers[i], &reports_poll_ops);
	for (i = 0; i < REPORTS_FLOODS; i++)
		slow_work_init(&reports_floods[i], &reports_flood_ops);
	for (i = 0; i < REPORTS_INTERRUPTED; i++) {
		swt_item_init(&reports_items[i], SWT_SLOW, &swt_ops, "reports_item",
			      &reports_key);
		reports_items[i].on_execute = reports_execute;
		reports_items[i].on_desc = reports_desc;
	}
	hrtimer_setup(&reports_timer, reports_interrupt, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_HARD);
	return vm_begin();
}

static void __exit reports_exit(void)
{
	proc_remove(vm_dir);
	reports_stop();
	if (IS_ENABLED(CONFIG_TASKS_RCU))
		rcu_barrier_tasks();
	else
		rcu_barrier();
	slow_work_unregister_user(THIS_MODULE);
}

module_init(reports_init);
module_exit(reports_exit);

MODULE_DESCRIPTION("Caller of slow-work that does what bug reports tell of");
