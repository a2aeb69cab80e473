// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-caller: a caller of slow-work that scripts can steer
 *
 * /proc/slow_work_caller/control takes one order a write (debugfs would do, but
 * not every kernel has that):
 *
 *	slow N		queue so many new slow items
 *	vslow N		the same, very slow
 *	delayed N MS	arm so many new items
 *	close		from now on, items that execute wait at the gate
 *	open		let them all through
 *	cancel		cancel every item there is
 *	revoke		take back every item that is pending, waiting for none
 *	flush		flush every item there is
 *	flush-user	slow_work_flush_user() of this module
 *	hang		wait for open, uninterruptibly
 *	crash		the item that came to the gate last makes the kernel panic
 *
 * and .../state tells what became of it.  Unloading opens the gate, cancels what
 * is armed, and leaves the rest to slow_work_unregister_user().
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/kref.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/slow-work.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/wait.h>
#include "control.h"

#define CALLER_MOST	100000	/* items an order */

enum { CALLER_SLOW, CALLER_VSLOW, CALLER_DELAYED };

static const char * const caller_kinds[] = { "slow", "vslow", "delayed" };

struct caller_item {
	struct delayed_slow_work dwork;	/* the others use its work alone */
	struct kref ref;
	struct list_head link;		/* in caller_items */
	unsigned int number;
	int kind;
};

static struct proc_dir_entry *caller_dir;
static DEFINE_SPINLOCK(caller_lock);	/* for caller_items and caller_numbers */
static LIST_HEAD(caller_items);
static unsigned int caller_numbers;
static DECLARE_WAIT_QUEUE_HEAD(caller_gate);
static bool caller_closed;
static struct task_struct *caller_last;	/* to come to the gate, while there */
static bool caller_crash;

static atomic_t caller_gets, caller_puts, caller_executed;
static atomic_t caller_executing, caller_vslow, caller_most, caller_most_vslow;

static struct caller_item *to_caller_item(struct slow_work *work)
{
	return container_of(work, struct caller_item, dwork.work);
}

static void caller_release(struct kref *ref)
{
	struct caller_item *item = container_of(ref, struct caller_item, ref);

	spin_lock(&caller_lock);
	list_del(&item->link);
	spin_unlock(&caller_lock);
	kfree(item);
}

static int caller_get_ref(struct slow_work *work)
{
	atomic_inc(&caller_gets);
	kref_get(&to_caller_item(work)->ref);
	return 0;
}

static void caller_put_ref(struct slow_work *work)
{
	atomic_inc(&caller_puts);
	kref_put(&to_caller_item(work)->ref, caller_release);
}

static void caller_enter(atomic_t *now, atomic_t *most)
{
	int n = atomic_inc_return(now), m = atomic_read(most);

	while (m < n && !atomic_try_cmpxchg(most, &m, n))
		;
}

static void caller_execute(struct slow_work *work)
{
	bool vslow = to_caller_item(work)->kind == CALLER_VSLOW;

	caller_enter(&caller_executing, &caller_most);
	if (vslow)
		caller_enter(&caller_vslow, &caller_most_vslow);
	WRITE_ONCE(caller_last, current);
	/* Idle: a gate that is closed for long is neither load nor a hang. */
	wait_event_idle(caller_gate, !READ_ONCE(caller_closed) ||
			READ_ONCE(caller_crash));
	if (READ_ONCE(caller_crash))
		panic("as ordered");
	cmpxchg(&caller_last, current, NULL);
	if (vslow)
		atomic_dec(&caller_vslow);
	atomic_dec(&caller_executing);
	atomic_inc(&caller_executed);
}

/* The pool is to put this on one line. */
static void caller_desc(struct slow_work *work, struct seq_file *m)
{
	struct caller_item *item = to_caller_item(work);

	seq_printf(m, "caller: %s\n%u\n", caller_kinds[item->kind], item->number);
}

static const struct slow_work_ops caller_ops = {
	.owner		= THIS_MODULE,
	.get_ref	= caller_get_ref,
	.put_ref	= caller_put_ref,
	.execute	= caller_execute,
	.desc		= caller_desc,
};

static int caller_add(int kind, unsigned int ms)
{
	struct caller_item *item = kzalloc(sizeof(*item), GFP_KERNEL);
	int ret;

	if (!item)
		return -ENOMEM;
	kref_init(&item->ref);
	item->kind = kind;
	if (kind == CALLER_DELAYED)
		delayed_slow_work_init(&item->dwork, &caller_ops);
	else if (kind == CALLER_VSLOW)
		vslow_work_init(&item->dwork.work, &caller_ops);
	else
		slow_work_init(&item->dwork.work, &caller_ops);
	spin_lock(&caller_lock);
	item->number = caller_numbers++;
	list_add_tail(&item->link, &caller_items);
	spin_unlock(&caller_lock);

	if (kind == CALLER_DELAYED)
		ret = delayed_slow_work_enqueue(&item->dwork,
						msecs_to_jiffies(ms));
	else
		ret = slow_work_enqueue(&item->dwork.work);
	kref_put(&item->ref, caller_release);
	return ret;
}

/* The first item from @number on, delayed ones alone if so wished, or NULL */
static struct caller_item *caller_find(unsigned int number, bool delayed_only)
{
	struct caller_item *item, *found = NULL;

	spin_lock(&caller_lock);
	list_for_each_entry(item, &caller_items, link) {
		if (item->number < number ||
		    (delayed_only && item->kind != CALLER_DELAYED))
			continue;
		/* One that is being released leaves by itself. */
		if (kref_get_unless_zero(&item->ref)) {
			found = item;
			break;
		}
	}
	spin_unlock(&caller_lock);
	return found;
}

/* Cancel every item, or every delayed one. */
static void caller_cancel(bool delayed_only)
{
	struct caller_item *item;

	while ((item = caller_find(0, delayed_only))) {
		if (item->kind == CALLER_DELAYED)
			delayed_slow_work_cancel(&item->dwork);
		else
			slow_work_cancel(&item->dwork.work);
		kref_put(&item->ref, caller_release);
	}
}

/* Call something for each item that is there. */
static void caller_each(bool (*call)(struct slow_work *work))
{
	struct caller_item *item;
	unsigned int number = 0;

	while ((item = caller_find(number, false))) {
		call(&item->dwork.work);
		number = item->number + 1;
		kref_put(&item->ref, caller_release);
	}
}

static void caller_set_gate(bool closed)
{
	WRITE_ONCE(caller_closed, closed);
	wake_up_all(&caller_gate);
}

static int caller_word(const char *word)
{
	struct task_struct *last = READ_ONCE(caller_last);

	/*
	 * The others sleep on, so that a dump is the same each time.  One that is
	 * not asleep yet looks at caller_crash before it is.
	 */
	if (last && !strcmp(word, "crash")) {
		WRITE_ONCE(caller_crash, true);
		wake_up_process(last);
		return 0;
	}
	if (!strcmp(word, "cancel")) {
		caller_cancel(false);
		return 0;
	}
	if (!strcmp(word, "revoke")) {
		caller_each(slow_work_try_cancel);
		return 0;
	}
	if (!strcmp(word, "flush")) {
		caller_each(slow_work_flush);
		return 0;
	}
	if (!strcmp(word, "flush-user")) {
		slow_work_flush_user(THIS_MODULE);
		return 0;
	}
	if (!strcmp(word, "hang")) {
		wait_event(caller_gate, !READ_ONCE(caller_closed));
		return 0;
	}
	if (strcmp(word, "open") && strcmp(word, "close"))
		return -EINVAL;
	atomic_set(&caller_most, 0);
	atomic_set(&caller_most_vslow, 0);
	caller_set_gate(*word == 'c');
	return 0;
}

static int caller_order(char *rest)
{
	char *word = strsep(&rest, " "), *number = strsep(&rest, " ");
	unsigned int n, ms = 0;
	int kind, ret;

	if (!number)
		return caller_word(word);
	kind = match_string(caller_kinds, ARRAY_SIZE(caller_kinds), word);
	/* Delayed ones alone have a delay. */
	if (kind < 0 || (kind == CALLER_DELAYED ? !rest : !!rest))
		return -EINVAL;
	ret = kstrtouint(number, 10, &n);
	if (!ret && rest)
		ret = kstrtouint(rest, 10, &ms);
	if (ret || n > CALLER_MOST)
		return -EINVAL;
	while (!ret && n--)
		ret = caller_add(kind, ms);
	return ret;
}

static ssize_t caller_control_write(struct file *file, const char __user *from,
				    size_t count, loff_t *pos)
{
	char order[40];
	int ret = vm_copy_order(order, sizeof(order), from, count);

	if (!ret)
		ret = caller_order(order);
	return ret ?: count;
}

static const struct proc_ops caller_control_ops = {
	.proc_write	= caller_control_write,
	.proc_lseek	= noop_llseek,
};

static int caller_state_show(struct seq_file *m, void *v)
{
	seq_printf(m, "gets %d\nputs %d\nexecuted %d\n",
		   atomic_read(&caller_gets), atomic_read(&caller_puts),
		   atomic_read(&caller_executed));
	seq_printf(m, "executing %d\nvslow %d\n",
		   atomic_read(&caller_executing), atomic_read(&caller_vslow));
	/* Since the gate was last opened or closed */
	seq_printf(m, "most %d\nmost-vslow %d\n", atomic_read(&caller_most),
		   atomic_read(&caller_most_vslow));
	return 0;
}

static int __init caller_init(void)
{
	int ret = slow_work_register_user(THIS_MODULE);

	if (ret)
		return ret;
	caller_dir = proc_mkdir("slow_work_caller", NULL);
	if (caller_dir &&
	    proc_create("control", 0200, caller_dir, &caller_control_ops) &&
	    proc_create_single("state", 0400, caller_dir, caller_state_show))
		return 0;
	proc_remove(caller_dir);
	slow_work_unregister_user(THIS_MODULE);
	return -ENOMEM;
}

static void __exit caller_exit(void)
{
	proc_remove(caller_dir);
	caller_set_gate(false);
	caller_cancel(true);
	slow_work_unregister_user(THIS_MODULE);
	WARN_ON(!list_empty(&caller_items));
	WARN_ON(atomic_read(&caller_gets) != atomic_read(&caller_puts));
}

module_init(caller_init);
module_exit(caller_exit);

MODULE_DESCRIPTION("Caller of slow-work for the scripts in tests/vm");
MODULE_AUTHOR("The slow-work developers");
MODULE_LICENSE("GPL");
