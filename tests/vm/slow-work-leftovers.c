// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-leftovers: a caller whose execute leaves something behind
 *
 * An order enqueues an item and flushes it:
 *
 *	look		it records the state of its thread, for .../state
 *	nice, policy, affinity, memcg, mm
 *			it leaves the thread with another of these
 *	blkcg		it leaves the writer's, and another niceness
 *	blkcg-alone	it leaves the writer's, which nothing tells
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-cgroup.h>
#include <linux/cgroup.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/memcontrol.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include "../compat.h"
#include "control.h"

/**
 * struct leftovers_way - something to leave
 * @name: the order
 * @leave: does so, in the item
 */
struct leftovers_way {
	const char *name;
	void (*leave)(void);
};

static struct slow_work leftovers_item;
static const struct leftovers_way *leftovers_way;	/* of the item */
static DEFINE_MUTEX(leftovers_mutex);	/* held while an order is carried out */

/* The writer's, with a reference until an order to look has been carried out */
static struct mm_struct *leftovers_mm;
static struct mem_cgroup *leftovers_memcg;
static struct cgroup_subsys_state *leftovers_blkcg;

static struct leftovers_seen {
	struct cpumask cpus;
	unsigned int policy, priority;
	int nice;
	bool mm, memcg;
} leftovers_seen;

/* In the item *******************************************************/

static struct mem_cgroup *leftovers_active_memcg(void)
{
#ifdef CONFIG_MEMCG
	return current->active_memcg;
#else
	return NULL;
#endif
}

static void leftovers_look(void)
{
	leftovers_seen = (struct leftovers_seen) {
		.cpus = *current->cpus_ptr,
		.policy = current->policy,
		.priority = current->rt_priority,
		.nice = task_nice(current),
		.mm = current->mm,
		.memcg = leftovers_active_memcg(),
	};
	/* If that was not put right, no more than the test shall fail */
	if (current->mm)
		kthread_unuse_mm(current->mm);
	set_active_memcg(NULL);
}

static void leftovers_nice(void)
{
	set_user_nice(current, 10);
}

static void leftovers_policy(void)
{
	sched_set_fifo(current);
}

static void leftovers_affinity(void)
{
	set_cpus_allowed_ptr(current, cpumask_of(1));
}

static void leftovers_use_memcg(void)
{
	set_active_memcg(leftovers_memcg);
}

static void leftovers_use_mm(void)
{
	kthread_use_mm(leftovers_mm);
}

/* A module cannot see the blkcg; it sees the niceness. */
static void leftovers_use_blkcg(void)
{
	kthread_associate_blkcg(leftovers_blkcg);
	set_user_nice(current, 10);
}

static void leftovers_use_blkcg_alone(void)
{
	kthread_associate_blkcg(leftovers_blkcg);
}

static const struct leftovers_way leftovers_ways[] = {
	{ "look", leftovers_look },
	{ "nice", leftovers_nice },
	{ "policy", leftovers_policy },
	{ "affinity", leftovers_affinity },
	{ "memcg", leftovers_use_memcg },
	{ "mm", leftovers_use_mm },
	{ "blkcg", leftovers_use_blkcg },
	{ "blkcg-alone", leftovers_use_blkcg_alone },
};

static void leftovers_execute(struct slow_work *work)
{
	leftovers_way->leave();
}

static const struct slow_work_ops leftovers_ops = {
	.owner = THIS_MODULE, .execute = leftovers_execute,
};

/* Orders ************************************************************/

static void leftovers_get(void)
{
	if (leftovers_mm)
		return;
	leftovers_mm = get_task_mm(current);
	leftovers_memcg = get_mem_cgroup_from_mm(leftovers_mm);
#ifdef CONFIG_BLK_CGROUP
	leftovers_blkcg = task_get_css(current, io_cgrp_id);
#endif
}

static void leftovers_put(void)
{
	if (!leftovers_mm)
		return;
	mmput(leftovers_mm);
	leftovers_mm = NULL;
	mem_cgroup_put(leftovers_memcg);
	if (leftovers_blkcg)
		css_put(leftovers_blkcg);
}

static int vm_order(char *word)
{
	const struct leftovers_way *way = leftovers_ways;
	int ret;

	while (strcmp(way->name, word))
		if (++way == leftovers_ways + ARRAY_SIZE(leftovers_ways))
			return -EINVAL;

	mutex_lock(&leftovers_mutex);
	leftovers_way = way;
	leftovers_get();
	ret = slow_work_enqueue(&leftovers_item);
	slow_work_flush(&leftovers_item);
	if (way->leave == leftovers_look)
		leftovers_put();
	mutex_unlock(&leftovers_mutex);
	return ret;
}

static int vm_state(struct seq_file *m, void *unused)
{
	const struct leftovers_seen *seen = &leftovers_seen;

	mutex_lock(&leftovers_mutex);
	seq_printf(m, "nice %d policy %u priority %u cpus %*pbl%s%s\n",
		   seen->nice, seen->policy, seen->priority,
		   cpumask_pr_args(&seen->cpus), seen->mm ? " mm" : "",
		   seen->memcg ? " memcg" : "");
	mutex_unlock(&leftovers_mutex);
	return 0;
}

static int __init leftovers_init(void)
{
	slow_work_init(&leftovers_item, &leftovers_ops);
	return vm_begin();
}

static void __exit leftovers_exit(void)
{
	proc_remove(vm_dir);
	slow_work_unregister_user(THIS_MODULE);
	leftovers_put();
}

module_init(leftovers_init);
module_exit(leftovers_exit);

MODULE_DESCRIPTION("Caller of slow-work that leaves something behind");
