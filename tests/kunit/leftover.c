// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an execute leaves behind is reported with its name, once, and put right,
 * so that the next item on that thread finds it as it should be.
 */

#include <linux/blkdev.h>
#include <linux/bottom_half.h>
#include <linux/cpumask.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/lockdep.h>
#include <linux/memcontrol.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "helper.h"

/* 5.13 */
#ifdef PF_MEMALLOC_PIN
#define ALLOC_PIN	PF_MEMALLOC_PIN
#else
#define ALLOC_PIN	PF_MEMALLOC_NOCMA
#endif

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
	bool signal;
	const void *plug;
	const void *journal;
	const void *mm;
	const void *memcg;
	unsigned int policy;
	int nice;
	int cpus;
};

static void leftover_look(struct leftover_state *state)
{
	*state = (struct leftover_state) {
		.preempt = preempt_count(),
		.irqs_off = irqs_disabled(),
		.rcu = rcu_preempt_depth(),
		.softirqs = softirq_count(),
		.state = get_current_state(),
		.flags = current->flags & (PF_MEMALLOC | PF_MEMALLOC_NOFS |
					   PF_MEMALLOC_NOIO | ALLOC_PIN),
		.cred = current_cred(),
		.real_cred = current_real_cred(),
		.signal = signal_pending(current),
#ifdef CONFIG_BLOCK
		.plug = current->plug,
#endif
		.journal = current->journal_info,
		.mm = current->mm,
#ifdef CONFIG_MEMCG
		.memcg = current->active_memcg,
#endif
		.policy = current->policy,
		.nice = task_nice(current),
		.cpus = current->nr_cpus_allowed,
	};
}

struct leftover {
	struct leftover_state seen[3];	/* by its runs, at their beginning */
	void (*leave)(struct swt_item *item);
	void (*undo)(struct swt_item *item);
	void *what;			/* for @leave and @undo */
	const char *told;		/* a part of the report, or NULL */
};

static void *leftover_what(struct swt_item *item)
{
	return ((struct leftover *)item->data)->what;
}

/*
 * Looks first.  In its second run it leaves something; in the third, if it finds
 * that, it takes it away, so that it does not become the riddle of the next case.
 */
static void look_and_leave(struct swt_item *item)
{
	struct leftover *leftover = item->data;
	int run = swt_starts(item) - 1;

	leftover_look(&leftover->seen[run]);
	if (run == 1)
		leftover->leave(item);
	else if (run == 2 && leftover->undo)
		leftover->undo(item);
}

static void expect_clean(struct kunit *test, const struct leftover_state *seen,
			 const struct leftover_state *first)
{
	KUNIT_EXPECT_EQ(test, seen->preempt, first->preempt);
	KUNIT_EXPECT_EQ(test, seen->irqs_off, 0);
	KUNIT_EXPECT_EQ(test, seen->rcu, 0);
	KUNIT_EXPECT_EQ(test, seen->softirqs, 0);
	KUNIT_EXPECT_EQ(test, seen->state, TASK_RUNNING);
	KUNIT_EXPECT_EQ(test, seen->flags, 0);
	KUNIT_EXPECT_PTR_EQ(test, seen->cred, first->cred);
	KUNIT_EXPECT_PTR_EQ(test, seen->real_cred, first->real_cred);
	KUNIT_EXPECT_FALSE(test, seen->signal);
	KUNIT_EXPECT_PTR_EQ(test, seen->plug, NULL);
	KUNIT_EXPECT_PTR_EQ(test, seen->journal, NULL);
	KUNIT_EXPECT_PTR_EQ(test, seen->mm, NULL);
	KUNIT_EXPECT_PTR_EQ(test, seen->memcg, NULL);
	KUNIT_EXPECT_EQ(test, seen->policy, first->policy);
	KUNIT_EXPECT_EQ(test, seen->nice, first->nice);
	KUNIT_EXPECT_EQ(test, seen->cpus, first->cpus);
}

/*
 * Ends swt_expect_splat().  A signal is told of when put_ref is over and the item at
 * rest: the thread is between items then.
 */
static void wait_for_report(struct swt *t)
{
	swt_wait(t, swt_logged(t, "swt_execute", "returned with"));
	swt_splat_over(t);
}

/* One thread serves, so each run finds what the last has left */
static void expect_put_right_after(struct kunit *test, struct leftover *leftover)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	int i;

	swt_one_thread(t);
	swt_release(t->held[0]);
	item->on_execute = look_and_leave;
	item->data = leftover;
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));

	swt_log_mark(t);
	swt_expect_splat(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 2 && swt_at_rest(item));
	wait_for_report(t);
	KUNIT_EXPECT_EQ(test, swt_log_lines(t, "swt_execute", "returned with"), 1);
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "returned with ,", ""));
	if (leftover->told)
		KUNIT_EXPECT_TRUE(test, swt_logged(t, "returned with", leftover->told));

	swt_log_mark(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 3 && swt_at_rest(item));
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "returned with", ""));
	for (i = 1; i < 3; i++)
		expect_clean(test, &leftover->seen[i], &leftover->seen[0]);
}

static struct leftover *new_leftover(struct kunit *test, void (*leave)(struct swt_item *item),
				     void (*undo)(struct swt_item *item), void *what)
{
	struct leftover *leftover = swt_alloc(test->priv, sizeof(*leftover));

	leftover->leave = leave;
	leftover->undo = undo;
	leftover->what = what;
	return leftover;
}

/* Where @known is false this kernel cannot tell, and nothing is left either */
static void expect_put_right(struct kunit *test, void (*leave)(struct swt_item *item), bool known)
{
	if (known)
		expect_put_right_after(test, new_leftover(test, leave, NULL, NULL));
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
	struct leftover *leftover = new_leftover(test, leave_softirqs_off, NULL, NULL);

	/* The count has them, but on PREEMPT_RT */
	leftover->told = IS_ENABLED(CONFIG_PREEMPT_RT) ? "softirqs off" : "RCU depth 0\n";
	expect_put_right_after(test, leftover);
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

static void leave_pin(struct swt_item *item)
{
	current->flags |= ALLOC_PIN;	/* memalloc_pin_save(), and before 5.13 another */
}

static void allocation_flags(struct kunit *test)
{
	expect_put_right(test, leave_allocation_flags, true);
}

static void allocation_flag_of_a_pin(struct kunit *test)
{
	expect_put_right(test, leave_pin, true);
}

/* Newer kernels' override has no reference of its own: ours goes when the case does. */
static struct cred *left_override;

static void leave_override(struct swt_item *item)
{
	left_override = prepare_creds();
	if (left_override)
		override_creds(left_override);
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

/*
 * With the count below zero arm64's interrupt controllers do not know an interrupt for one,
 * and refuse it ("Unexpected interrupt"): that of the timer is raised again at once, and
 * the CPU never gets any further.
 */
static void skip_where_interrupts_go_by_count(struct kunit *test)
{
	if (IS_ENABLED(CONFIG_ARM64))
		kunit_skip(test, "an interrupt meanwhile never ends on arm64");
}

static void leave_too_little_preemption_off(struct swt_item *item)
{
	preempt_enable();
}

static void preemption_on_once_too_often(struct kunit *test)
{
	skip_where_interrupts_go_by_count(test);
	expect_put_right(test, leave_too_little_preemption_off,
			 extra_is_ours && IS_ENABLED(CONFIG_PREEMPT_COUNT));
}

static void leave_too_few_softirqs_off(struct swt_item *item)
{
	local_bh_enable();
}

static void softirqs_on_once_too_often(struct kunit *test)
{
	skip_where_interrupts_go_by_count(test);
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
	skip_where_interrupts_go_by_count(test);
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

/* ---- what file systems and the like set in the task ---------------------- */

static void leave_signal(struct swt_item *item)
{
	int sig;

	for (sig = 1; sig <= _NSIG; sig++)
		allow_signal(sig);
	send_sig(SIGUSR1, current, 1);
}

static void undo_signal(struct swt_item *item)
{
	int sig;

	flush_signals(current);
	for (sig = 1; sig <= _NSIG; sig++)
		disallow_signal(sig);
}

static void pending_signal(struct kunit *test)
{
	expect_put_right_after(test, new_leftover(test, leave_signal, undo_signal, NULL));
}

/* One item leaves a signal, on the one thread that serves from then on */
static void leave_signal_to_others(struct swt *t)
{
	struct swt_item *item = swt_item(t, SWT_SLOW);

	swt_one_thread(t);
	swt_release(t->held[0]);
	item->on_execute = leave_signal;
	swt_log_mark(t);
	swt_expect_splat(t);
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));
	wait_for_report(t);
}

static void sleep_interruptibly(struct swt_item *item)
{
	item->value = msleep_interruptible(20);
}

static void sleeps_after_a_signal_come_to_their_end(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[8];
	int i;

	leave_signal_to_others(t);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_item(t, SWT_SLOW);
		items[i]->on_execute = sleep_interruptibly;
		items[i]->value = -1;
		swt_must_enqueue(items[i]);
	}
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		swt_wait(t, swt_at_rest(items[i]));
		KUNIT_EXPECT_EQ(test, items[i]->value, 0L);
	}
}

static void thread_idles_after_a_signal(struct kunit *test)
{
	leave_signal_to_others(test->priv);
	KUNIT_EXPECT_TRUE(test, swt_pool_sleeps());
}

/* The first, the last, and the one that was left */
static void be_sent_signals(struct swt_item *item)
{
	static const int sigs[] = { 1, SIGUSR1, _NSIG };
	int i;

	for (i = 0; i < ARRAY_SIZE(sigs); i++)
		send_sig(sigs[i], current, 1);
	item->value = signal_pending(current);
	flush_signals(current);
}

/* None is allowed any longer, as the thread does not look for signals by itself */
static void signal_is_ignored_again(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	leave_signal_to_others(t);
	item->on_execute = be_sent_signals;
	swt_must_enqueue(item);
	swt_wait(t, swt_at_rest(item));
	KUNIT_EXPECT_EQ(test, item->value, 0L);
}

#ifdef CONFIG_BLOCK

static void leave_plug(struct swt_item *item)
{
	blk_start_plug(leftover_what(item));
}

static void undo_plug(struct swt_item *item)
{
	if (current->plug)
		blk_finish_plug(current->plug);
}

static void plug(struct kunit *test)
{
	expect_put_right_after(test, new_leftover(test, leave_plug, undo_plug,
						  swt_alloc(test->priv, sizeof(struct blk_plug))));
}

#else

static void plug(struct kunit *test)
{
}

#endif

static void leave_journal_info(struct swt_item *item)
{
	current->journal_info = item;
}

static void undo_journal_info(struct swt_item *item)
{
	current->journal_info = NULL;
}

static void journal_of_a_filesystem(struct kunit *test)
{
	struct leftover *leftover = new_leftover(test, leave_journal_info, undo_journal_info,
						 NULL);

	/* and nothing else */
	leftover->told = "returned with journal_info\n";
	expect_put_right_after(test, leftover);
}

static struct mm_struct *get_user_mm(void)
{
	struct mm_struct *mm = NULL;
	struct task_struct *task;

	rcu_read_lock();
	for_each_process(task) {
		mm = get_task_mm(task);
		if (mm)
			break;
	}
	rcu_read_unlock();
	return mm;
}

static void leave_adopted_mm(struct swt_item *item)
{
	kthread_use_mm(leftover_what(item));
}

static void undo_mm(struct swt_item *item)
{
	if (current->mm)
		kthread_unuse_mm(current->mm);
}

static void adopted_mm(struct kunit *test)
{
	struct mm_struct *mm = get_user_mm();

	/* Built in, the suites run before there is any */
	if (!mm)
		return;
	expect_put_right_after(test, new_leftover(test, leave_adopted_mm, undo_mm, mm));
	mmput(mm);
}

#ifdef CONFIG_MEMCG

static void leave_active_memcg(struct swt_item *item)
{
	set_active_memcg(leftover_what(item));
}

static void undo_active_memcg(struct swt_item *item)
{
	set_active_memcg(NULL);
}

static void active_memcg(struct kunit *test)
{
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(NULL);

	if (!memcg)
		return;
	expect_put_right_after(test, new_leftover(test, leave_active_memcg, undo_active_memcg,
						  memcg));
	mem_cgroup_put(memcg);
}

#else

static void active_memcg(struct kunit *test)
{
}

#endif

/* ---- how and where its thread runs --------------------------------------- */

static void leave_policy(struct swt_item *item)
{
	sched_set_fifo(current);
}

static void scheduling_policy(struct kunit *test)
{
	expect_put_right_after(test, new_leftover(test, leave_policy, swt_undo_scheduling, NULL));
}

static void leave_niceness(struct swt_item *item)
{
	set_user_nice(current, 7);
}

static void niceness(struct kunit *test)
{
	expect_put_right_after(test, new_leftover(test, leave_niceness, swt_undo_scheduling, NULL));
}

static void leave_affinity(struct swt_item *item)
{
	set_cpus_allowed_ptr(current, cpumask_of(raw_smp_processor_id()));
}

static void undo_affinity(struct swt_item *item)
{
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

static void affinity(struct kunit *test)
{
	if (num_possible_cpus() > 1)
		expect_put_right_after(test, new_leftover(test, leave_affinity, undo_affinity,
							  NULL));
}

static void leave_several(struct swt_item *item)
{
	leave_signal(item);
	leave_journal_info(item);
	leave_policy(item);
	leave_affinity(item);
	leave_all(item);
}

static void undo_several(struct swt_item *item)
{
	undo_signal(item);
	undo_journal_info(item);
	swt_undo_scheduling(item);
	undo_affinity(item);
}

static void several_of_these(struct kunit *test)
{
	struct leftover *leftover = new_leftover(test, leave_several, undo_several, NULL);

	leftover->told = ", journal_info, a pending signal, another scheduling policy";
	expect_put_right_after(test, leftover);
}

/* What an administrator sets is not the item's, even if that executes just then */
static void expect_setting_is_not_reported(struct kunit *test, const char *path,
					   const char *text, struct leftover_state *seen)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW), *next = swt_item(t, SWT_SLOW);
	struct leftover *leftover = new_leftover(test, NULL, NULL, NULL);
	char before[128];

	swt_need_sysctls(t);
	swt_one_thread(t);
	next->on_execute = look_and_leave;
	next->data = leftover;
	swt_log_mark(t);
	swt_must_enqueue(item);
	swt_release(t->held[0]);
	swt_wait(t, swt_executing(item));
	KUNIT_ASSERT_GT(test, swt_read_file(path, before, sizeof(before)), (ssize_t)0);
	KUNIT_EXPECT_GT(test, swt_write_file(path, text), (ssize_t)0);
	swt_must_enqueue(next);
	swt_release(item);
	if (!swt_comes_true(t, swt_runs(next) == 1 && swt_at_rest(next)))
		KUNIT_EXPECT_TRUE(test, false);
	swt_write_file(path, before);
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "returned with", ""));
	*seen = leftover->seen[0];
}

static void niceness_set_by_an_administrator_is_not_reported(struct kunit *test)
{
	struct leftover_state seen;

	expect_setting_is_not_reported(test, SWT_SYSCTL "nice", "3\n", &seen);
	KUNIT_EXPECT_EQ(test, seen.nice, 3);
}

static void cpumask_set_by_an_administrator_is_not_reported(struct kunit *test)
{
	struct leftover_state seen;

	expect_setting_is_not_reported(test, SWT_SYSCTL "cpumask", "1\n", &seen);
	KUNIT_EXPECT_EQ(test, seen.cpus, 1);
}

static void stay_on_a_processor(struct swt_item *item)
{
	migrate_disable();
	item->value = raw_smp_processor_id();
	swt_pass(item->data);
	migrate_enable();
	/* As if that were of the setting, which is not written yet */
	if (item->other)
		set_user_nice(current, 3);
}

static int write_cpumask(struct swt_thread *thread)
{
	return swt_write_file(SWT_SYSCTL "cpumask", thread->arg);
}

/*
 * The writer waits for the first thread, which cannot leave its CPU; the other one is not
 * where it is to be yet.
 */
static void item_that_ends_while_a_setting_is_written_is_not_blamed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[2], *first, *other;
	char *text = swt_alloc(t, 32), before[128];
	struct swt_thread *writer;
	int i;

	if (num_online_cpus() == 1 || num_possible_cpus() > BITS_PER_LONG)
		return;
	swt_pool(t, 2, 2);
	for (i = 0; i < 2; i++) {
		items[i] = swt_item(t, SWT_SLOW);
		items[i]->on_execute = stay_on_a_processor;
		items[i]->data = swt_gate(t);
		swt_must_execute(items[i]);
		swt_wait(t, swt_asleep(items[i]));
	}
	first = items[items[1]->number < items[0]->number];
	other = items[first == items[0]];
	KUNIT_ASSERT_GT(test, swt_read_file(SWT_SYSCTL "cpumask", before, sizeof(before)),
			(ssize_t)0);
	snprintf(text, 32, "%lx\n", *cpumask_bits(cpu_online_mask) & ~BIT(first->value));
	swt_log_mark(t);
	other->other = first;
	writer = swt_start(t, write_cpumask, text);
	swt_wait(t, swt_blocked(writer));
	swt_open(other->data);
	swt_wait(t, swt_at_rest(other));
	KUNIT_EXPECT_FALSE(test, swt_done(writer));
	swt_open(first->data);
	KUNIT_EXPECT_GT(test, swt_join(writer), 0);
	swt_write_file(SWT_SYSCTL "cpumask", before);
	swt_wait(t, swt_at_rest(first));
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "returned with", ""));
}

struct given {
	struct task_struct *tasks[2];
	int nr;
};

static void note_task(struct task_struct *task, void *arg)
{
	struct given *given = arg;

	if (given->nr < ARRAY_SIZE(given->tasks))
		given->tasks[given->nr++] = get_task_struct(task);
}

static void just_look(struct swt_item *item)
{
	leftover_look(item->data);
}

/* It stays, and no item is blamed for it */
static void what_an_idle_thread_is_given_from_outside(struct kunit *test)
{
	struct swt *t = test->priv;
	struct leftover_state *seen = swt_alloc(t, 2 * sizeof(*seen));
	struct given given = { };
	int i, round;

	swt_pool(t, 2, 2);
	swt_wait(t, swt_idle_threads() == 2);
	swt_each_thread(note_task, &given);
	for (i = 0; i < given.nr; i++) {
		set_user_nice(given.tasks[i], 4);
		set_cpus_allowed_ptr(given.tasks[i], cpumask_of(raw_smp_processor_id()));
		put_task_struct(given.tasks[i]);
	}
	swt_log_mark(t);
	for (round = 0; round < 2; round++) {
		struct swt_item *items[2];

		for (i = 0; i < 2; i++) {
			items[i] = swt_blocker(t, SWT_SLOW);
			items[i]->on_execute = just_look;
			items[i]->data = &seen[i];
			swt_must_enqueue(items[i]);
		}
		swt_wait(t, swt_executing(items[0]) && swt_executing(items[1]));
		for (i = 0; i < 2; i++) {
			swt_release(items[i]);
			swt_wait(t, swt_at_rest(items[i]));
			KUNIT_EXPECT_EQ(test, seen[i].nice, 4);
			KUNIT_EXPECT_EQ(test, seen[i].cpus, 1);
		}
	}
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "returned with", ""));
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
	set_user_nice(current, task_nice(current) + 1);
	set_user_nice(current, task_nice(current) - 1);
	leave_signal(item);
	undo_signal(item);
	leave_journal_info(item);
	undo_journal_info(item);
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
	KUNIT_CASE(allocation_flag_of_a_pin),
	KUNIT_CASE(overridden_credentials),
	KUNIT_CASE(committed_credentials),
	KUNIT_CASE(all_of_it),
	KUNIT_CASE(lock_held),
	KUNIT_CASE(pending_signal),
	KUNIT_CASE(sleeps_after_a_signal_come_to_their_end),
	KUNIT_CASE(thread_idles_after_a_signal),
	KUNIT_CASE(signal_is_ignored_again),
	KUNIT_CASE(plug),
	KUNIT_CASE(journal_of_a_filesystem),
	KUNIT_CASE(adopted_mm),
	KUNIT_CASE(active_memcg),
	KUNIT_CASE(scheduling_policy),
	KUNIT_CASE(niceness),
	KUNIT_CASE(affinity),
	KUNIT_CASE(several_of_these),
	KUNIT_CASE(niceness_set_by_an_administrator_is_not_reported),
	KUNIT_CASE(cpumask_set_by_an_administrator_is_not_reported),
	KUNIT_CASE(item_that_ends_while_a_setting_is_written_is_not_blamed),
	KUNIT_CASE(what_an_idle_thread_is_given_from_outside),
	KUNIT_CASE(nothing_left_is_not_reported),
	{}
};

static void leftover_exit(struct kunit *test)
{
	swt_exit(test);
	if (left_override)
		put_cred(left_override);
	left_override = NULL;
}

static struct kunit_suite leftover_suite = {
	.name = "slow_work_leftover",
	.init = swt_init,
	.exit = leftover_exit,
	.test_cases = leftover_cases,
};

kunit_test_suite(leftover_suite);
