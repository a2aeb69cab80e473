// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an execute leaves behind is reported with its name, once, and put right,
 * so that the next item on that thread finds it as it should be.
 */

#include <linux/bottom_half.h>
#include <linux/cred.h>
#include <linux/irqflags.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>

#include "helper.h"

/* How the task is, as far as the kernel can tell here */
struct leftover_state {
	int preempt;
	int irqs_off;
	int rcu;
	int softirqs;
	unsigned int state;
	unsigned int flags;
	const struct cred *cred;
	const struct cred *real_cred;
};

static void leftover_look(struct leftover_state *state)
{
	*state = (struct leftover_state) {
		.preempt = preempt_count(),
		.irqs_off = irqs_disabled(),
		.rcu = rcu_preempt_depth(),
		.softirqs = softirq_count(),
		.state = get_current_state(),
		.flags = current->flags & (PF_MEMALLOC | PF_MEMALLOC_NOFS | PF_MEMALLOC_NOIO),
		.cred = current_cred(),
		.real_cred = current_real_cred(),
	};
}

/* Looks first; and in its second run leaves something */
static void look_and_leave(struct swt_item *item)
{
	struct leftover_state *seen = item->data;
	void (*leave)(struct swt_item *item) = (void *)item->value;
	int run = swt_starts(item) - 1;

	leftover_look(&seen[run]);
	if (run == 1)
		leave(item);
}

/*
 * One thread serves, so each run finds what the last has left.  Where @known is
 * false this kernel cannot tell, and nothing is left either.
 */
static void expect_put_right(struct kunit *test, void (*leave)(struct swt_item *item), bool known)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct leftover_state *seen = swt_alloc(t, 3 * sizeof(*seen));
	int i;

	if (!known)
		return;
	swt_one_thread(t);
	swt_release(t->held[0]);
	item->on_execute = look_and_leave;
	item->data = seen;
	item->value = (long)leave;
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));

	swt_log_mark(t);
	swt_expect_splat(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 2 && swt_at_rest(item));
	swt_splat_over(t);
	KUNIT_EXPECT_TRUE(test, swt_logged(t, "swt_execute", "returned with"));

	swt_log_mark(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 3 && swt_at_rest(item));
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "returned with", ""));
	for (i = 1; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, seen[i].preempt, seen[0].preempt);
		KUNIT_EXPECT_EQ(test, seen[i].irqs_off, 0);
		KUNIT_EXPECT_EQ(test, seen[i].rcu, 0);
		KUNIT_EXPECT_EQ(test, seen[i].softirqs, 0);
		KUNIT_EXPECT_EQ(test, seen[i].state, TASK_RUNNING);
		KUNIT_EXPECT_EQ(test, seen[i].flags, 0);
		KUNIT_EXPECT_PTR_EQ(test, seen[i].cred, seen[0].cred);
		KUNIT_EXPECT_PTR_EQ(test, seen[i].real_cred, seen[0].real_cred);
	}
}

static void leave_preemption_off(struct swt_item *item)
{
	preempt_disable();
	preempt_disable();
}

static void preemption_off(struct kunit *test)
{
	expect_put_right(test, leave_preemption_off, IS_ENABLED(CONFIG_PREEMPT_COUNT));
}

static void leave_softirqs_off(struct swt_item *item)
{
	local_bh_disable();
}

static void softirqs_off(struct kunit *test)
{
	expect_put_right(test, leave_softirqs_off, true);
}

static void leave_interrupts_off(struct swt_item *item)
{
	local_irq_disable();
}

static void interrupts_off(struct kunit *test)
{
	expect_put_right(test, leave_interrupts_off, true);
}

static void leave_rcu_section(struct swt_item *item)
{
	rcu_read_lock();
	__release(RCU);
}

static void rcu_read_section(struct kunit *test)
{
	expect_put_right(test, leave_rcu_section, IS_ENABLED(CONFIG_PREEMPT_RCU));
}

static void leave_task_state(struct swt_item *item)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
}

static void task_state(struct kunit *test)
{
	expect_put_right(test, leave_task_state, true);
}

static void leave_allocation_flags(struct swt_item *item)
{
	memalloc_nofs_save();
	memalloc_noreclaim_save();
}

static void allocation_flags(struct kunit *test)
{
	expect_put_right(test, leave_allocation_flags, true);
}

/* The override's reference is the pool's to put then; ours goes at once. */
static void leave_override(struct swt_item *item)
{
	struct cred *cred = prepare_creds();

	if (!cred)
		return;
	override_creds(cred);
	put_cred(cred);
}

static void overridden_credentials(struct kunit *test)
{
	expect_put_right(test, leave_override, true);
}

static void leave_committed(struct swt_item *item)
{
	struct cred *cred = prepare_creds();

	if (!cred)
		return;
	cred->fsuid = KUIDT_INIT(1000);
	commit_creds(cred);
}

static void committed_credentials(struct kunit *test)
{
	expect_put_right(test, leave_committed, true);
}

/* What lockdep and DEBUG_PREEMPT report and mend by themselves is theirs. */
static const bool extra_is_ours = !IS_ENABLED(CONFIG_LOCKDEP) && !IS_ENABLED(CONFIG_DEBUG_PREEMPT);

static void leave_too_little_preemption_off(struct swt_item *item)
{
	preempt_enable();
}

static void preemption_on_once_too_often(struct kunit *test)
{
	expect_put_right(test, leave_too_little_preemption_off,
			 extra_is_ours && IS_ENABLED(CONFIG_PREEMPT_COUNT));
}

static void leave_too_few_softirqs_off(struct swt_item *item)
{
	local_bh_enable();
}

static void softirqs_on_once_too_often(struct kunit *test)
{
	expect_put_right(test, leave_too_few_softirqs_off, extra_is_ours);
}

/* As spin_unlock_bh() does */
static void leave_both_below(struct swt_item *item)
{
	preempt_enable();
	local_bh_enable();
}

static void both_on_once_too_often(struct kunit *test)
{
	expect_put_right(test, leave_both_below, extra_is_ours);
}

static void leave_rcu_below(struct swt_item *item)
{
	__acquire(RCU);
	rcu_read_unlock();
}

static void rcu_unlocked_once_too_often(struct kunit *test)
{
	expect_put_right(test, leave_rcu_below,
			 extra_is_ours && IS_ENABLED(CONFIG_PREEMPT_RCU));
}

/* All at once is one report. */
static void leave_all(struct swt_item *item)
{
	leave_override(item);
	memalloc_noio_save();
	local_bh_disable();
	preempt_disable();
	if (IS_ENABLED(CONFIG_PREEMPT_RCU))
		leave_rcu_section(item);
	local_irq_disable();
	set_current_state(TASK_INTERRUPTIBLE);
}

static void all_of_it(struct kunit *test)
{
	expect_put_right(test, leave_all, true);
}

/*
 * A lock is not the pool's to release; so this one is held until the thread is
 * gone, and but one report is made of it.
 */
static DEFINE_MUTEX(left_mutex);

static void leave_mutex(struct swt_item *item)
{
	if (swt_starts(item) == 1)
		mutex_lock(&left_mutex);
	else if (swt_starts(item) == 3)
		mutex_unlock(&left_mutex);
}

static void lock_held(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return;
	swt_one_thread(t);
	swt_release(t->held[0]);
	item->on_execute = leave_mutex;
	swt_log_mark(t);
	swt_expect_splat(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));
	swt_splat_over(t);
	KUNIT_EXPECT_TRUE(test, swt_logged(t, "swt_execute", "locks held"));
	KUNIT_EXPECT_TRUE(test, swt_logged(t, "left_mutex", ""));

	swt_log_mark(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 2 && swt_at_rest(item));
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "returned with", ""));
	/* One fewer is a change as well */
	swt_expect_splat(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 3 && swt_at_rest(item));
	swt_splat_over(t);
}

/* What an execute does and undoes is nobody's concern. */
static void leave_nothing(struct swt_item *item)
{
	unsigned int nofs = memalloc_nofs_save();
	const struct cred *old;
	struct cred *cred = prepare_creds();

	if (cred) {
		old = override_creds(cred);
		revert_creds(old);
		put_cred(cred);
	}
	set_current_state(TASK_INTERRUPTIBLE);
	__set_current_state(TASK_RUNNING);
	rcu_read_lock();
	rcu_read_unlock();
	memalloc_nofs_restore(nofs);
}

static void nothing_left_is_not_reported(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	item->on_execute = leave_nothing;
	swt_log_mark(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "returned with", ""));
}

static struct kunit_case leftover_cases[] = {
	KUNIT_CASE(preemption_off),
	KUNIT_CASE(softirqs_off),
	KUNIT_CASE(interrupts_off),
	KUNIT_CASE(rcu_read_section),
	KUNIT_CASE(preemption_on_once_too_often),
	KUNIT_CASE(softirqs_on_once_too_often),
	KUNIT_CASE(both_on_once_too_often),
	KUNIT_CASE(rcu_unlocked_once_too_often),
	KUNIT_CASE(task_state),
	KUNIT_CASE(allocation_flags),
	KUNIT_CASE(overridden_credentials),
	KUNIT_CASE(committed_credentials),
	KUNIT_CASE(all_of_it),
	KUNIT_CASE(lock_held),
	KUNIT_CASE(nothing_left_is_not_reported),
	{}
};

static struct kunit_suite leftover_suite = {
	.name = "slow_work_leftover",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = leftover_cases,
};

kunit_test_suite(leftover_suite);
