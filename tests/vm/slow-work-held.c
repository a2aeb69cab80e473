// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-held: sleepers, and a kthread_create() that can be held up
 *
 * The orders:
 *
 *	hold		kthread_create() does not return to the manager
 *	release		those calls fail now, later ones work
 *	slow		queue a new item that sleeps till its thread is needed, and
 *			then enqueues itself
 *	vslow		the same, very slow
 *
 * This has to be the last user that is unloaded.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/kprobes.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include "control.h"

#define HELD_MOST	16	/* sleepers */

static struct held_sleeper {
	struct slow_work work;
	unsigned int turns;
} held_sleepers[HELD_MOST];
static unsigned int held_nr;

static DECLARE_WAIT_QUEUE_HEAD(held_gate);
static bool held_holding, held_ending;
static atomic_t held_held, held_asleep;

/* The probe *********************************************************/

/* In place of kthread_create_on_node() */
static void *held_create(void)
{
	atomic_inc(&held_held);
	wait_event_idle(held_gate, !READ_ONCE(held_holding));
	atomic_dec(&held_held);
	return ERR_PTR(-EAGAIN);
}

static int held_divert(struct kprobe *probe, struct pt_regs *regs)
{
	if (!READ_ONCE(held_holding) || strcmp(current->comm, "slow_work_mgr"))
		return 0;
	instruction_pointer_set(regs, (unsigned long)held_create);
	return 1;
}

/* Without one the probe may become a jump, which ignores a changed address. */
static void held_after(struct kprobe *probe, struct pt_regs *regs,
		       unsigned long flags)
{
}

static struct kprobe held_probe = {
	.symbol_name	= "kthread_create_on_node",
	.pre_handler	= held_divert,
	.post_handler	= held_after,
};

/* Sleepers **********************************************************/

static void held_execute(struct slow_work *work)
{
	struct held_sleeper *sleeper =
		container_of(work, struct held_sleeper, work);
	signed long timeout = MAX_SCHEDULE_TIMEOUT;
	bool needed = false;
	DEFINE_WAIT(wait);

	WRITE_ONCE(sleeper->turns, sleeper->turns + 1);
	atomic_inc(&held_asleep);
	while (!needed) {
		prepare_to_wait(&held_gate, &wait, TASK_IDLE);
		if (READ_ONCE(held_ending))
			break;
		needed = slow_work_sleep_till_thread_needed(work, &timeout);
	}
	finish_wait(&held_gate, &wait);
	atomic_dec(&held_asleep);
	if (needed)
		slow_work_enqueue(work);
}

static const struct slow_work_ops held_ops = {
	.owner = THIS_MODULE, .execute = held_execute,
};

static int held_add(bool vslow)
{
	struct slow_work *work;

	if (held_nr == HELD_MOST)
		return -ENOSPC;
	work = &held_sleepers[held_nr++].work;
	if (vslow)
		vslow_work_init(work, &held_ops);
	else
		slow_work_init(work, &held_ops);
	return slow_work_enqueue(work);
}

/* Orders ************************************************************/

static void held_hold(bool hold)
{
	WRITE_ONCE(held_holding, hold);
	wake_up_all(&held_gate);
}

static int vm_order(char *word)
{
	if (!strcmp(word, "hold"))
		held_hold(true);
	else if (!strcmp(word, "release"))
		held_hold(false);
	else if (!strcmp(word, "slow"))
		return held_add(false);
	else if (!strcmp(word, "vslow"))
		return held_add(true);
	else
		return -EINVAL;
	return 0;
}

static int vm_state(struct seq_file *m, void *unused)
{
	unsigned int fewest = UINT_MAX, i;

	for (i = 0; i < held_nr; i++)
		fewest = min(fewest, READ_ONCE(held_sleepers[i].turns));
	seq_printf(m, "held %d\nasleep %d\nfewest %u\n",
		   atomic_read(&held_held), atomic_read(&held_asleep), fewest);
	return 0;
}

/* Coming and going **************************************************/

static int __init held_init(void)
{
	int ret = register_kprobe(&held_probe);

	if (ret)
		return ret;
	ret = vm_begin();
	if (ret)
		unregister_kprobe(&held_probe);
	return ret;
}

static void __exit held_exit(void)
{
	proc_remove(vm_dir);
	WRITE_ONCE(held_ending, true);
	held_hold(false);
	/* The last user's unregister ends the manager, which may be in held_create(). */
	slow_work_unregister_user(THIS_MODULE);
	unregister_kprobe(&held_probe);
}

module_init(held_init);
module_exit(held_exit);

MODULE_DESCRIPTION("Caller of slow-work that holds up kthread_create()");
