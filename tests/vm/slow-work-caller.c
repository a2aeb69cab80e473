// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-caller: a caller of slow-work that scripts can steer
 *
 * The orders:
 *
 *	slow N		queue so many new slow items
 *	vslow N		the same, very slow
 *	delayed N MS	arm so many new items
 *	close		from now on, items that execute wait at the gate
 *	open		let them all through
 *	linger		until one of the two, what is put is freed and its put_ref goes on
 *	cancel		cancel every item there is
 *	revoke		take back every item that is pending, waiting for none
 *	flush		flush every item there is
 *	flush-user	slow_work_flush_user() of this module
 *	hang		wait for open, uninterruptibly
 *	crash		the item that came to the gate last makes the kernel panic
 *
 * Unloading opens the gate, cancels what is armed, and leaves the rest to
 * slow_work_unregister_user().
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/kref.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include "checked-item.h"
#include "control.h"

#define CALLER_MOST	100000	/* items an order */

static const char * const caller_kinds[] = { "slow", "vslow", "delayed" };

struct caller_item {
	struct kref ref;
	struct list_head link;		/* in caller_items */
	unsigned int number;
	struct swt_item base;
};

static DEFINE_SPINLOCK(caller_lock);	/* for caller_items and caller_numbers */
static LIST_HEAD(caller_items);
static unsigned int caller_numbers;
static DECLARE_WAIT_QUEUE_HEAD(caller_gate);
static bool caller_closed;
static struct task_struct *caller_last;	/* to come to the gate, while there */
static bool caller_crash, caller_lingers;

static atomic_t caller_gets, caller_puts, caller_executed;
static atomic_t caller_executing, caller_vslow, caller_most, caller_most_vslow;

static struct caller_item *to_caller_item(struct swt_item *base)
{
	return container_of(base, struct caller_item, base);
}

static void caller_release(struct kref *ref)
{
	struct caller_item *item = container_of(ref, struct caller_item, ref);

	swt_audit(&item->base);
	spin_lock(&caller_lock);
	list_del(&item->link);
	spin_unlock(&caller_lock);
	kfree(item);
}

static int caller_get(struct swt_item *base)
{
	atomic_inc(&caller_gets);
	kref_get(&to_caller_item(base)->ref);
	return 0;
}

static void caller_put(struct swt_item *base)
{
	atomic_inc(&caller_puts);
	kref_put(&to_caller_item(base)->ref, caller_release);
	wait_event_idle(caller_gate, !READ_ONCE(caller_lingers));
}

static void caller_enter(atomic_t *now, atomic_t *most)
{
	int n = atomic_inc_return(now), m = atomic_read(most);

	while (m < n && !atomic_try_cmpxchg(most, &m, n))
		;
}

static void caller_execute(struct swt_item *base)
{
	bool vslow = swt_is_vslow(base);

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
static void caller_desc(struct swt_item *base, struct seq_file *m)
{
	seq_printf(m, "caller: %s\n%u\n", caller_kinds[base->kind],
		   to_caller_item(base)->number);
}

static int caller_add(int kind, unsigned int ms)
{
	static struct lock_class_key keys[SWT_NR_KINDS];
	struct caller_item *item = kzalloc(sizeof(*item), GFP_KERNEL);
	struct swt_item *base = &item->base;
	int ret;

	if (!item)
		return -ENOMEM;
	kref_init(&item->ref);
	swt_item_init(base, kind, &swt_ops, "caller_item", &keys[kind]);
	base->on_get = caller_get;
	base->on_execute = caller_execute;
	base->on_last = caller_put;
	base->on_desc = caller_desc;
	spin_lock(&caller_lock);
	item->number = caller_numbers++;
	list_add_tail(&item->link, &caller_items);
	spin_unlock(&caller_lock);

	ret = kind == SWT_DELAYED ? swt_arm(base, msecs_to_jiffies(ms)) : swt_enqueue(base);
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
		    (delayed_only && !swt_is_delayed(&item->base)))
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
		swt_do_cancel(&item->base);
		kref_put(&item->ref, caller_release);
	}
}

/* Call something for each item that is there. */
static void caller_each(bool (*call)(struct swt_item *base))
{
	struct caller_item *item;
	unsigned int number = 0;

	while ((item = caller_find(number, false))) {
		call(&item->base);
		number = item->number + 1;
		kref_put(&item->ref, caller_release);
	}
}

static void caller_set_gate(bool closed)
{
	WRITE_ONCE(caller_closed, closed);
	WRITE_ONCE(caller_lingers, false);
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
		caller_each(swt_try_cancel);
		return 0;
	}
	if (!strcmp(word, "flush")) {
		caller_each(swt_do_flush);
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
	if (!strcmp(word, "linger")) {
		WRITE_ONCE(caller_lingers, true);
		return 0;
	}
	if (strcmp(word, "open") && strcmp(word, "close"))
		return -EINVAL;
	atomic_set(&caller_most, 0);
	atomic_set(&caller_most_vslow, 0);
	caller_set_gate(*word == 'c');
	return 0;
}

static int vm_order(char *rest)
{
	char *word = strsep(&rest, " "), *number = strsep(&rest, " ");
	unsigned int n, ms = 0;
	int kind, ret;

	if (!number)
		return caller_word(word);
	kind = match_string(caller_kinds, ARRAY_SIZE(caller_kinds), word);
	/* Delayed ones alone have a delay. */
	if (kind < 0 || (kind == SWT_DELAYED ? !rest : !!rest))
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

static int vm_state(struct seq_file *m, void *unused)
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
	return vm_begin();
}

static void __exit caller_exit(void)
{
	proc_remove(vm_dir);
	caller_set_gate(false);
	caller_cancel(true);
	slow_work_unregister_user(THIS_MODULE);
	WARN_ON(!list_empty(&caller_items));
	WARN_ON(atomic_read(&caller_gets) != atomic_read(&caller_puts));
}

module_init(caller_init);
module_exit(caller_exit);

MODULE_DESCRIPTION("Caller of slow-work for the scripts in tests/vm");
