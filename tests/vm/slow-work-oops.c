// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-oops: a caller whose call-outs oops
 *
 * The orders:
 *
 *	new WAY		queue a new item
 *	arm WAY		arm a new item for an hour
 *	enqueue WAY	enqueue the latest item of that way again
 *	cancel WAY	cancel it
 *	try WAY		slow_work_try_cancel() it
 *	flush WAY	flush it
 *	open		let the items of the way desc complete
 *	reserve		register once more, with a reserve
 *	unregister
 *
 * WAY is the call-out in which the item dereferences
 * NULL, the first time that it is called:
 *
 *	execute, get, put
 *	late		execute, when it has taken three seconds
 *	desc		execute waits for open
 *	inside		get_ref of a second item, which execute enqueues
 *	after		execute, when it has enqueued a second item, which is good
 *	sleep		slow_work_sleep_till_thread_needed(), which execute calls
 *	exit		none: execute ends its thread
 *	good		none
 *
 * Items are never freed, and the module is never unloaded.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include "../compat.h"
#include "control.h"

enum oops_way {
	OOPS_EXECUTE, OOPS_LATE, OOPS_GET, OOPS_PUT, OOPS_DESC, OOPS_INSIDE,
	OOPS_AFTER, OOPS_SLEEP, OOPS_EXIT, OOPS_GOOD, OOPS_NR_WAYS
};

static const char * const oops_ways[] = {
	"execute", "late", "get", "put", "desc", "inside", "after", "sleep", "exit", "good"
};

struct oops_item {
	struct delayed_slow_work dwork;
	struct oops_item *second;	/* of inside and after */
	enum oops_way way;
	bool called;
};

static struct oops_item *oops_items[OOPS_NR_WAYS];	/* the latest */
static atomic_t oops_count, oops_executed;
static DECLARE_WAIT_QUEUE_HEAD(oops_gate);
static bool oops_opened;

static struct oops_item *to_oops_item(struct slow_work *work)
{
	return container_of(work, struct oops_item, dwork.work);
}

static void oops_if(struct slow_work *work, enum oops_way way)
{
	struct oops_item *item = to_oops_item(work);

	if (item->way != way || xchg(&item->called, true))
		return;
	atomic_inc(&oops_count);
	WRITE_ONCE(*(int *)NULL, 0);
}

static int oops_get_ref(struct slow_work *work)
{
	oops_if(work, OOPS_GET);
	return 0;
}

static void oops_put_ref(struct slow_work *work)
{
	oops_if(work, OOPS_PUT);
}

static void oops_execute(struct slow_work *work)
{
	struct oops_item *item = to_oops_item(work);

	oops_if(work, OOPS_EXECUTE);
	if (item->way == OOPS_LATE)
		schedule_timeout_idle(3 * HZ);
	oops_if(work, OOPS_LATE);
	if (item->second)
		slow_work_enqueue(&item->second->dwork.work);
	oops_if(work, OOPS_AFTER);
	if (item->way == OOPS_SLEEP) {
		atomic_inc(&oops_count);
		slow_work_sleep_till_thread_needed(work, NULL);
	}
	if (item->way == OOPS_EXIT)
		kthread_complete_and_exit(NULL, 0);
	if (item->way == OOPS_DESC)
		wait_event_idle(oops_gate, READ_ONCE(oops_opened));
	atomic_inc(&oops_executed);
}

static void oops_desc(struct slow_work *work, struct seq_file *m)
{
	oops_if(work, OOPS_DESC);
	seq_printf(m, "oops: %s", oops_ways[to_oops_item(work)->way]);
}

static const struct slow_work_ops oops_ops = {
	.owner		= THIS_MODULE,
	.get_ref	= oops_get_ref,
	.put_ref	= oops_put_ref,
	.execute	= oops_execute,
	.desc		= oops_desc,
};

static struct oops_item *oops_new(enum oops_way way)
{
	struct oops_item *item = kzalloc(sizeof(*item), GFP_KERNEL);

	if (!item)
		return NULL;
	delayed_slow_work_init(&item->dwork, &oops_ops);
	item->way = way;
	if (way == OOPS_INSIDE || way == OOPS_AFTER) {
		item->second = oops_new(way == OOPS_INSIDE ? OOPS_GET : OOPS_GOOD);
		if (!item->second) {
			kfree(item);
			return NULL;
		}
	}
	return item;
}

static int vm_order(char *rest)
{
	char *word = strsep(&rest, " ");
	struct oops_item *item;
	int way;

	if (!rest && !strcmp(word, "open")) {
		WRITE_ONCE(oops_opened, true);
		wake_up_all(&oops_gate);
		return 0;
	}
	if (!rest && !strcmp(word, "reserve"))
		return slow_work_register_user_flags(THIS_MODULE, SLOW_WORK_MEM_RECLAIM);
	if (!rest && !strcmp(word, "unregister")) {
		slow_work_unregister_user(THIS_MODULE);
		return 0;
	}
	way = rest ? match_string(oops_ways, OOPS_NR_WAYS, rest) : -EINVAL;
	if (way < 0)
		return way;

	if (!strcmp(word, "new") || !strcmp(word, "arm")) {
		item = oops_new(way);
		if (!item)
			return -ENOMEM;
		oops_items[way] = item;
		return delayed_slow_work_enqueue(&item->dwork,
						 *word == 'a' ? 3600 * HZ : 0);
	}
	item = oops_items[way];
	if (!item)
		return -ENOENT;
	if (!strcmp(word, "enqueue"))
		return slow_work_enqueue(&item->dwork.work);
	if (!strcmp(word, "cancel"))
		delayed_slow_work_cancel(&item->dwork);
	else if (!strcmp(word, "try"))
		delayed_slow_work_try_cancel(&item->dwork);
	else if (!strcmp(word, "flush"))
		delayed_slow_work_flush(&item->dwork);
	else
		return -EINVAL;
	return 0;
}

static int vm_state(struct seq_file *m, void *unused)
{
	seq_printf(m, "oopses %d\nexecuted %d\n", atomic_read(&oops_count),
		   atomic_read(&oops_executed));
	return 0;
}

static int __init oops_init(void)
{
	return vm_begin();
}

/* There is no exit: an unregister waits for a lost item for ever. */
module_init(oops_init);

MODULE_DESCRIPTION("Caller of slow-work whose call-outs oops");
