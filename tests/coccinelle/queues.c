// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workqueues whose arguments scripts/coccinelle/workqueue-to-slow-work.cocci is to
 * report: never built.  tests/coccinelle.sh has the reports.
 */
#include <linux/module.h>
#include <linux/workqueue.h>

static struct workqueue_struct *writers, *ordered;

static void write_fn(struct work_struct *work)
{
}

static DECLARE_WORK(write_work, write_fn);

static int __init queues_init(void)
{
	writers = alloc_workqueue("writers", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!writers)
		return -ENOMEM;
	ordered = alloc_workqueue("ordered", WQ_UNBOUND, 1);
	if (!ordered)
		return -ENOMEM;
	queue_work(ordered, &write_work);
	return 0;
}
module_init(queues_init);
MODULE_LICENSE("GPL");
