// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work benchmark: the same jobs through slow-work, an unbound workqueue and
 * a kthread_worker, in turn
 *
 * Loading the module runs the jobs of the table at the end of this file that
 * the parameter "jobs" names, each so many rounds, and within a round each
 * engine after the other, so that a noisy machine is noisy for all of them.
 * Each measurement is a line in the kernel's log:
 *
 *	slow_work_bench: job=noop-p1 engine=slow_work round=0 items=100000 ns=...
 *
 * Where throughput is measured no clock is read but at both ends: on many a
 * machine two time stamps cost as much as a whole item.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kernel_stat.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sort.h>
#include <uapi/linux/sched/types.h>
#include "../compat.h"
#include "bench.h"
#include "files.h"
#include "slow-work.h"

static char *jobs = "all";
module_param(jobs, charp, 0444);
MODULE_PARM_DESC(jobs, "What to run: names, or what they begin with, and commas");

static char *engines = "all";
module_param(engines, charp, 0444);
MODULE_PARM_DESC(engines, "What to run them by: slow_work, workqueue, kthread_worker");

static unsigned int rounds = 3;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "How often to run it (default 3)");

/* Items *************************************************************/

static atomic_t bench_left;		/* items that are not through */
static DECLARE_COMPLETION(bench_all);	/* none is left */
static DECLARE_COMPLETION(bench_ended);	/* a job is through */
static DECLARE_COMPLETION(bench_done);	/* an item is through, or a thread */
static DECLARE_COMPLETION(bench_go);	/* all may go on */
static atomic_t bench_running;		/* items that execute now */
static unsigned int bench_most;		/* so many did at once */
static u64 bench_since;			/* when the burst began */
static u64 bench_reached[256];		/* when that many executed at once */

static void bench_nap(unsigned int us)
{
	usleep_range(us, us + 1);
}

/* Next to nothing: the last one tells */
static __always_inline void bench_noop_item(struct bench_item *item)
{
	if (atomic_dec_and_test(&bench_left))
		complete(&bench_all);
}

BENCH_EXECUTE(bench_noop);

static __always_inline void bench_stamp_item(struct bench_item *item)
{
	item->ns = ktime_get_ns() - item->ns;
	complete(&bench_done);
}

BENCH_EXECUTE(bench_stamp);

/* Take a while, and tell how long it waited */
static void bench_sleep_item(struct bench_item *item)
{
	item->ns = ktime_get_ns() - item->ns;
	if (item->us)
		bench_nap(item->us);
}

BENCH_EXECUTE(bench_sleep);

/* Take a while, and tell how many do so at once */
static void bench_count_item(struct bench_item *item)
{
	unsigned int n = atomic_inc_return(&bench_running);

	if (n > READ_ONCE(bench_most) && n < ARRAY_SIZE(bench_reached)) {
		bench_most = n;
		bench_reached[n] = ktime_get_ns() - bench_since;
	}
	if (item->us < 100)
		udelay(item->us);
	else
		bench_nap(item->us);
	atomic_dec(&bench_running);
	bench_noop_item(item);
}

BENCH_EXECUTE(bench_count);

static void bench_block_item(struct bench_item *item)
{
	bench_noop_item(item);
	wait_for_completion(&bench_go);
}

BENCH_EXECUTE(bench_block);

/* Threads ***********************************************************/

/**
 * struct bench_census - the kernel threads of a name
 * @nr: how many
 * @switches: how often they were switched to
 * @ns: the CPU time they had
 */
struct bench_census {
	unsigned int nr;
	unsigned long switches;
	u64 ns;
};

static struct bench_census bench_census(const char *prefix)
{
	struct bench_census census = {};
	struct task_struct *task;

	rcu_read_lock();
	for_each_process(task) {
		if (!(task->flags & PF_KTHREAD) ||
		    strncmp(task->comm, prefix, strlen(prefix)))
			continue;
		census.nr++;
		census.switches += task->nvcsw + task->nivcsw;
		census.ns += task->se.sum_exec_runtime;
	}
	rcu_read_unlock();
	return census;
}

/* Jobs **************************************************************/

#define ENGINE_SLOW	BIT(BENCH_SLOW_WORK)
#define ENGINES_POOLS	(ENGINE_SLOW | BIT(BENCH_WORKQUEUE))
#define ENGINES_ALL	(ENGINES_POOLS | BIT(BENCH_KTHREAD_WORKER))

#define BENCH_CANCELS		10000	/* timed */
#define BENCH_VSLOW_ITEMS	200	/* that a quick item is behind */
#define BENCH_VSLOW_US		20000	/* that a very slow one takes */
#define BENCH_IDLE_MS		10000	/* to watch an idle pool */
#define BENCH_FLOOD		10000	/* items of other owners */
#define BENCH_FLOOD_US		5000	/* that each of them takes */

struct bench_run;

/**
 * struct bench_job - a row of the table
 * @name: its name
 * @run: the job
 * @engines: which engines can do it
 * @min: threads to have at least, if not as many as @max
 * @max: threads to have at most
 * @items: how many items
 * @arg: what @run makes of it
 */
struct bench_job {
	const char *name;
	int (*run)(struct bench_run *run);
	unsigned int engines;
	unsigned int min;
	unsigned int max;
	unsigned int items;
	unsigned int arg;
};

/**
 * struct bench_run - a job in a round, by an engine
 * @job: the job
 * @engine: the engine
 * @round: the round
 * @items: its items, and one more for each thread
 * @samples: what was measured
 * @ret: 0 or an errno
 */
struct bench_run {
	const struct bench_job *job;
	const struct bench_engine *engine;
	unsigned int round;
	struct bench_item *items;
	u64 *samples;
	int ret;
};

static __printf(2, 3) void bench_report(struct bench_run *run,
					const char *fmt, ...)
{
	struct va_format text;
	va_list args;

	va_start(args, fmt);
	text.fmt = fmt;
	text.va = &args;
	pr_info("job=%s engine=%s round=%u threads=%u items=%u %pV\n",
		run->job->name, run->engine->name, run->round, run->job->max,
		run->job->items, &text);
	va_end(args);
}

static noinline void
bench_init_items(struct bench_run *run, unsigned int n,
		 const struct bench_execute *execute, enum bench_kind kind)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		run->engine->init(&run->items[i], execute, kind);
}

static unsigned int bench_min(const struct bench_job *job)
{
	return job->min ?: job->max;
}

/* Have the threads there and asleep before something is timed */
static int bench_open(struct bench_run *run)
{
	const struct bench_job *job = run->job;
	unsigned int min = bench_min(job);
	int ret = run->engine->open(min, job->max);
	int patience = 500;

	if (ret)
		return ret;
	if (run->engine == &bench_engines[BENCH_SLOW_WORK])
		while (bench_census("kslowd").nr < min && --patience)
			bench_nap(10000);
	if (!patience)
		pr_warn("only %u threads of %u\n", bench_census("kslowd").nr,
			min);
	bench_nap(50000);
	return 0;
}

static int bench_compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static void bench_report_samples(struct bench_run *run, const char *what,
				 unsigned int n)
{
	u64 *samples = run->samples;

	sort(samples, n, sizeof(*samples), bench_compare, NULL);
	bench_report(run, "what=%s n=%u p50=%llu p99=%llu max=%llu", what, n,
		     samples[n / 2], samples[n * 99 / 100], samples[n - 1]);
}

/* --- throughput: many items that do nothing; arg: producers */

struct bench_producer {
	struct bench_run *run;
	struct bench_item *items;
	unsigned int n;
};

static int bench_produce(void *data)
{
	struct bench_producer *producer = data;

	wait_for_completion(&bench_go);
	producer->run->engine->enqueue(producer->items, producer->n);
	kthread_complete_and_exit(&bench_done, 0);
}

/* Whoever is woken may have the CPU at once, as where the kernel is preemptible */
static int bench_produce_yielding(void *data)
{
	struct bench_producer *producer = data;
	unsigned int i;

	wait_for_completion(&bench_go);
	for (i = 0; i < producer->n; i++) {
		producer->run->engine->enqueue(&producer->items[i], 1);
		cond_resched();
	}
	kthread_complete_and_exit(&bench_done, 0);
}

#define BENCH_PRODUCERS	8

/* To be called with all items initialised */
static int bench_run_producers(struct bench_run *run, unsigned int nr,
			       int (*produce)(void *data))
{
	struct bench_producer producers[BENCH_PRODUCERS];
	unsigned int share = run->job->items / nr, i;
	struct task_struct *task;
	u64 ns;

	atomic_set(&bench_left, nr * share);
	reinit_completion(&bench_all);
	reinit_completion(&bench_done);
	reinit_completion(&bench_go);
	for (i = 0; i < nr; i++) {
		producers[i] = (struct bench_producer) {
			.run = run,
			.items = run->items + i * share,
			.n = share,
		};
		task = kthread_run(produce, &producers[i], "bench_prod/%u",
				   i);
		if (IS_ERR(task))
			break;
	}
	bench_nap(10000);

	ns = ktime_get_ns();
	complete_all(&bench_go);
	if (i == nr)
		wait_for_completion(&bench_all);
	ns = ktime_get_ns() - ns;

	while (i--)
		wait_for_completion(&bench_done);
	run->engine->drain();
	if (IS_ERR(task))
		return PTR_ERR(task);
	bench_report(run, "what=item producers=%u ns=%llu", nr, ns);
	return 0;
}

static int bench_noop_job(struct bench_run *run)
{
	bench_init_items(run, run->job->items, &bench_noop_execute, BENCH_SLOW);
	return bench_run_producers(run, run->job->arg, bench_produce);
}

static int bench_yield_job(struct bench_run *run)
{
	bench_init_items(run, run->job->items, &bench_noop_execute, BENCH_SLOW);
	return bench_run_producers(run, run->job->arg, bench_produce_yielding);
}

/*
 * The items of many users in turn, so that none is of the same one as the item
 * before; arg: users.  A user is known by the address of its module, and no more
 * than the name is read there.
 */
struct bench_user {
	struct slow_work_ops ops;
	struct module module;
};

static int bench_users_job(struct bench_run *run)
{
	unsigned int nr = run->job->arg, i, n;
	struct bench_user *users;
	int ret = 0;

	users = kvcalloc(nr, sizeof(*users), GFP_KERNEL);
	if (!users)
		return -ENOMEM;
	for (n = 0; n < nr; n++) {
		snprintf(users[n].module.name, MODULE_NAME_LEN, "bench-%u", n);
		users[n].ops = bench_noop_execute.slow;
		users[n].ops.owner = &users[n].module;
		ret = slow_work_register_user(&users[n].module);
		if (ret)
			break;
	}
	for (i = 0; i < run->job->items; i++)
		slow_work_init(&run->items[i].slow.work, &users[i % nr].ops);
	if (!ret)
		ret = bench_run_producers(run, 1, bench_produce);
	while (n--)
		slow_work_unregister_user(&users[n].module);
	kvfree(users);
	return ret;
}

/* All but the items' way through: what profile.py takes off */
static int bench_setup(struct bench_run *run)
{
	bench_init_items(run, run->job->items, &bench_noop_execute, BENCH_SLOW);
	bench_nap(10000);
	bench_report(run, "what=setup");
	return 0;
}

/* --- latency: one item after the other; arg: idle time before each, in us */

static int bench_wake(struct bench_run *run)
{
	unsigned int i, n = run->job->items;
	struct bench_item *item;

	bench_init_items(run, n, &bench_stamp_execute, BENCH_SLOW);
	reinit_completion(&bench_done);
	for (i = 0; i < n; i++) {
		if (run->job->arg)
			bench_nap(run->job->arg);
		item = &run->items[i];
		item->ns = ktime_get_ns();
		run->engine->enqueue(item, 1);
		wait_for_completion(&bench_done);
		run->samples[i] = item->ns;
	}
	run->engine->drain();
	bench_report_samples(run, "wait", n);
	return 0;
}

/* --- with so many threads blocked, what is enqueued finds the others or none */

static void bench_block(struct bench_run *run, struct bench_item *items,
			unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		run->engine->init(&items[i], &bench_block_execute, BENCH_SLOW);
	atomic_set(&bench_left, n);
	reinit_completion(&bench_all);
	reinit_completion(&bench_go);
	run->engine->enqueue(items, n);
	wait_for_completion(&bench_all);
	bench_nap(10000);
}

static void bench_unblock(struct bench_run *run)
{
	complete_all(&bench_go);
	run->engine->drain();
}

/* --- burst: many items at once that take arg us each */

static int bench_run_burst(struct bench_run *run, unsigned int blocked)
{
	unsigned int i, half, n = run->job->items;
	u64 ns;

	bench_init_items(run, n, &bench_count_execute, BENCH_SLOW);
	for (i = 0; i < n; i++)
		run->items[i].us = run->job->arg;
	memset(bench_reached, 0, sizeof(bench_reached));
	bench_most = 0;
	if (bench_min(run->job) == run->job->max) {
		/* all threads have been needed once: a workqueue's too */
		bench_block(run, run->items + n, run->job->max);
		bench_unblock(run);
	}
	if (blocked)
		bench_block(run, run->items + n, blocked);
	atomic_set(&bench_left, n);
	reinit_completion(&bench_all);

	bench_since = ktime_get_ns();
	run->engine->enqueue(run->items, n);
	wait_for_completion(&bench_all);
	ns = ktime_get_ns() - bench_since;
	if (blocked)
		bench_unblock(run);
	run->engine->drain();

	half = DIV_ROUND_UP(bench_most, 2);
	bench_report(run, "what=burst ns=%llu kslowd=%u most=%u half_at=%llu most_at=%llu",
		     ns, bench_census("kslowd").nr, bench_most,
		     bench_reached[half], bench_reached[bench_most]);
	return 0;
}

static int bench_burst(struct bench_run *run)
{
	return bench_run_burst(run, 0);
}

/* The threads that there are blocked for good before it begins */
static int bench_burst_blocked(struct bench_run *run)
{
	return bench_run_burst(run, run->job->min);
}

/* --- with every thread blocked, what is enqueued stays queued */

static unsigned int bench_block_all(struct bench_run *run)
{
	unsigned int n = run->engine->single ? 1 : run->job->max;

	bench_init_items(run, n + run->job->items, &bench_noop_execute,
			 BENCH_SLOW);
	bench_block(run, run->items, n);
	return n;
}

/* Enqueue an item that is pending; arg: how often */
static int bench_pending(struct bench_run *run)
{
	unsigned int i, first = bench_block_all(run);
	struct bench_item *item = &run->items[first];
	u64 ns;

	run->engine->enqueue(item, 1);
	ns = ktime_get_ns();
	for (i = 0; i < run->job->arg; i++)
		run->engine->enqueue(item, 1);
	ns = ktime_get_ns() - ns;
	bench_unblock(run);
	bench_report(run, "what=enqueue n=%u ns=%llu", run->job->arg, ns);
	return 0;
}

/* Cancel an item somewhere among the queued ones, and enqueue it again */
static int bench_cancel(struct bench_run *run)
{
	unsigned int depth = run->job->items, first = bench_block_all(run);
	struct bench_item *item;
	u64 ns = 0, clock, since;
	int i;

	run->engine->enqueue(run->items + first, depth);
	for (i = 0; i < BENCH_CANCELS; i++) {
		item = &run->items[first + i * 7919 % depth];
		since = ktime_get_ns();
		run->engine->cancel(item);
		ns += ktime_get_ns() - since;
		run->engine->enqueue(item, 1);
	}
	bench_unblock(run);

	/* What two time stamps cost alone */
	clock = ktime_get_ns();
	for (i = 0; i < BENCH_CANCELS; i++)
		(void)ktime_get_ns();
	clock = ktime_get_ns() - clock;
	bench_report(run, "what=cancel n=%u ns=%llu", BENCH_CANCELS,
		     ns - min(ns, clock));
	return 0;
}

/* --- read runqueue, with many items queued; and enqueue meanwhile; arg: how many */

static unsigned long bench_lines;	/* of runqueue that were read */

static void bench_desc(struct slow_work *work, struct seq_file *m)
{
	seq_puts(m, "benchmark");
}

/* An item that says what it is for */
static const struct slow_work_ops bench_listed_ops = {
	.owner = THIS_MODULE,
	.get_ref = bench_get_ref,
	.put_ref = bench_put_ref,
	.execute = bench_noop_slow,
	.desc = bench_desc,
};

/* Again and again */
static int bench_reader(void *unused)
{
	int ret = 0;

	while (!kthread_should_stop()) {
		if (ret >= 0)
			ret = bench_read(BENCH_RUNQUEUE, UINT_MAX, &bench_lines);
		else
			bench_nap(10000);
	}
	return ret;
}

static void bench_enqueue_timed(struct bench_run *run, const char *what,
				struct bench_item *items)
{
	u64 ns = ktime_get_ns();

	run->engine->enqueue(items, run->job->arg);
	ns = ktime_get_ns() - ns;
	bench_report(run, "what=%s n=%u ns=%llu", what, run->job->arg, ns);
}

static int bench_runqueue(struct bench_run *run)
{
	unsigned int first = bench_block_all(run), extra = run->job->arg, i;
	struct bench_item *items = run->items + first;
	struct task_struct *reader;
	u64 ns;
	int ret;

	for (i = 0; i < run->job->items; i++)
		slow_work_init(&items[i].slow.work, &bench_listed_ops);
	run->engine->enqueue(items, run->job->items - 2 * extra);
	items += run->job->items - 2 * extra;

	bench_lines = 0;
	ns = ktime_get_ns();
	ret = bench_read(BENCH_RUNQUEUE, UINT_MAX, &bench_lines);
	ns = ktime_get_ns() - ns;
	if (ret < 0)
		goto out;
	bench_report(run, "what=list n=%lu ns=%llu", bench_lines, ns);

	bench_enqueue_timed(run, "alone", items);
	bench_lines = 0;
	reader = kthread_run(bench_reader, NULL, "bench_reader");
	if (IS_ERR(reader)) {
		ret = PTR_ERR(reader);
		goto out;
	}
	/* Or until it is clear that there is nothing to read */
	for (i = 0; i < 1000 && !READ_ONCE(bench_lines); i++)
		bench_nap(1000);
	bench_enqueue_timed(run, "beside", items + extra);
	ret = kthread_stop(reader);
out:
	bench_unblock(run);
	return ret;
}

/* --- arm delayed items, and take them back */

static int bench_delayed(struct bench_run *run)
{
	unsigned int n = run->job->items;
	u64 since, armed, disarmed;

	bench_init_items(run, n, &bench_noop_execute, BENCH_DELAYED);
	since = ktime_get_ns();
	run->engine->arm(run->items, n);
	armed = ktime_get_ns();
	run->engine->disarm(run->items, n);
	disarmed = ktime_get_ns();
	bench_report(run, "what=arm n=%u ns=%llu", n, armed - since);
	bench_report(run, "what=disarm n=%u ns=%llu", n, disarmed - armed);
	return 0;
}

/*
 * --- threads: a cold pool until each of its threads is in an item and blocks.
 * Beside the two pools what cannot be had for less: kthread_run() alone.
 */

static int bench_bare_thread(void *unused)
{
	bench_block_item(NULL);
	kthread_complete_and_exit(&bench_done, 0);
}

static unsigned int bench_start_bare(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (IS_ERR(kthread_run(bench_bare_thread, NULL, "bench_bare/%u",
				       i)))
			break;
	return i;
}

static int bench_threads(struct bench_run *run)
{
	unsigned int i, n = run->job->items, started = n;
	bool bare = run->engine->single;
	u64 ns;

	bench_init_items(run, n, &bench_block_execute, BENCH_SLOW);
	atomic_set(&bench_left, n);
	reinit_completion(&bench_all);
	reinit_completion(&bench_done);
	reinit_completion(&bench_go);

	ns = ktime_get_ns();
	if (bare)
		started = bench_start_bare(n);
	else
		run->engine->enqueue(run->items, n);
	if (started == n)
		wait_for_completion(&bench_all);
	ns = ktime_get_ns() - ns;

	complete_all(&bench_go);
	for (i = 0; bare && i < started; i++)
		wait_for_completion(&bench_done);
	run->engine->drain();
	bench_report(run, "what=threads n=%u ns=%llu", n, ns);
	return started == n ? 0 : -EAGAIN;
}

/* --- have a pool and none; register while there is one; arg: how often */

static int bench_pool(struct bench_run *run)
{
	unsigned int i, n = run->job->arg, min = bench_min(run->job);
	int ret = 0;
	u64 ns;

	run->engine->close();
	ns = ktime_get_ns();
	for (i = 0; i < n && !ret; i++) {
		ret = run->engine->open(min, run->job->max);
		if (!ret)
			run->engine->close();
	}
	ns = ktime_get_ns() - ns;
	WARN_ON(run->engine->open(min, run->job->max));
	bench_report(run, "what=pool n=%u ns=%llu", n, ns);
	return ret;
}

static int bench_register(struct bench_run *run)
{
	unsigned int i, n = run->job->arg;
	u64 ns = ktime_get_ns();

	for (i = 0; i < n && !slow_work_register_user(THIS_MODULE); i++)
		slow_work_unregister_user(THIS_MODULE);
	ns = ktime_get_ns() - ns;
	bench_report(run, "what=register n=%u ns=%llu", n, ns);
	return i == n ? 0 : -ENOMEM;
}

/* --- what looks like a filesystem, at 3 items in a millisecond */

/* A tenth is very slow, of 20 ms; the others take 0.2 to 2 ms */
static void bench_init_mix(struct bench_run *run)
{
	struct bench_item *item;
	u32 random = 1;

	for (item = run->items; item < run->items + run->job->items; item++) {
		random = random * 1664525 + 1013904223;
		item->vslow = (random >> 16) % 10 == 0;
		item->us = item->vslow ? BENCH_VSLOW_US :
					 200 + (random >> 8) % 1800;
		run->engine->init(item, &bench_sleep_execute,
				  item->vslow ? BENCH_VSLOW : BENCH_SLOW);
	}
}

static void bench_report_class(struct bench_run *run, const char *what,
			       bool vslow)
{
	unsigned int i, n = 0;

	for (i = 0; i < run->job->items; i++)
		if (run->items[i].vslow == vslow)
			run->samples[n++] = run->items[i].ns;
	bench_report_samples(run, what, n);
}

static int bench_mix(struct bench_run *run)
{
	unsigned int i;
	u64 ns;

	bench_init_mix(run);
	ns = ktime_get_ns();
	for (i = 0; i < run->job->items; i++) {
		if (i % 10 == 0)
			bench_nap(3333);
		run->items[i].ns = ktime_get_ns();
		run->engine->enqueue(&run->items[i], 1);
	}
	run->engine->drain();
	ns = ktime_get_ns() - ns;
	bench_report(run, "what=mix ns=%llu", ns);
	bench_report_class(run, "slow-wait", false);
	bench_report_class(run, "vslow-wait", true);
	return 0;
}

/* --- a quick item now and then, behind very slow ones of 20 ms */

/* Whoever is woken has the CPU at once, which is else the scheduler's to say */
static void bench_give_way(bool give)
{
	const struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = give ? SCHED_IDLE : SCHED_NORMAL,
		.sched_nice = task_nice(current),	/* as it was */
	};

	WARN_ON_ONCE(sched_setattr_nocheck(current, &attr));
}

static int bench_quick(struct bench_run *run)
{
	unsigned int i, n = run->job->items - BENCH_VSLOW_ITEMS;
	struct bench_item *quick = run->items + BENCH_VSLOW_ITEMS;

	bench_init_items(run, run->job->items, &bench_sleep_execute, BENCH_SLOW);
	bench_init_items(run, BENCH_VSLOW_ITEMS, &bench_sleep_execute,
			 BENCH_VSLOW);
	for (i = 0; i < BENCH_VSLOW_ITEMS; i++)
		run->items[i].us = BENCH_VSLOW_US;

	run->engine->enqueue(run->items, BENCH_VSLOW_ITEMS);
	bench_give_way(true);
	for (i = 0; i < n; i++) {
		quick[i].ns = ktime_get_ns();
		run->engine->enqueue(&quick[i], 1);
		cond_resched();	/* what follows is none of its waiting */
		schedule_timeout_uninterruptible(msecs_to_jiffies(10));
	}
	bench_give_way(false);
	run->engine->drain();
	for (i = 0; i < n; i++)
		run->samples[i] = quick[i].ns;
	bench_report_samples(run, "wait", n);
	return 0;
}

/*
 * --- an owner's item now and then beside the flood that all others have enqueued: how
 * long does it wait?  arg: owners; with workqueues, each has one of its own
 */

static struct workqueue_struct **bench_owners_wq;
static struct bench_user *bench_owners;

static int bench_open_owners(struct bench_run *run)
{
	bool pool = run->engine == &bench_engines[BENCH_SLOW_WORK];
	unsigned int nr = run->job->arg, n;
	int ret = 0;

	bench_owners = kvcalloc(nr, sizeof(*bench_owners), GFP_KERNEL);
	bench_owners_wq = kvcalloc(nr, sizeof(*bench_owners_wq), GFP_KERNEL);
	if (!bench_owners || !bench_owners_wq)
		return -ENOMEM;
	for (n = 0; n < nr && !ret; n++) {
		struct bench_user *owner = &bench_owners[n];

		snprintf(owner->module.name, MODULE_NAME_LEN, "bench-%u", n);
		owner->ops = bench_sleep_execute.slow;
		owner->ops.owner = &owner->module;
		if (pool) {
			ret = slow_work_register_user(&owner->module);
			continue;
		}
		bench_owners_wq[n] = alloc_workqueue("bench-%u", WQ_UNBOUND,
						     run->job->max, n);
		if (!bench_owners_wq[n])
			ret = -ENOMEM;
	}
	return ret;
}

/* Item @i is of owner 0 if it is one of the last, else of the others in turn */
static unsigned int bench_owner_of(struct bench_run *run, unsigned int i)
{
	return i < BENCH_FLOOD ? 1 + i % (run->job->arg - 1) : 0;
}

static void bench_enqueue_owned(struct bench_run *run, unsigned int i)
{
	struct bench_item *item = &run->items[i];

	item->ns = ktime_get_ns();
	if (run->engine == &bench_engines[BENCH_SLOW_WORK])
		slow_work_enqueue(&item->slow.work);
	else
		queue_work(bench_owners_wq[bench_owner_of(run, i)],
			   &item->work.work);
}

static void bench_init_owned(struct bench_run *run, unsigned int i, bool vslow)
{
	struct bench_item *item = &run->items[i];
	const struct slow_work_ops *ops = &bench_owners[bench_owner_of(run, i)].ops;

	item->us = i < BENCH_FLOOD ? BENCH_FLOOD_US : 0;
	if (run->engine != &bench_engines[BENCH_SLOW_WORK])
		INIT_WORK(&item->work.work, bench_sleep_execute.work);
	else if (vslow)
		vslow_work_init(&item->slow.work, ops);
	else
		slow_work_init(&item->slow.work, ops);
}

static void bench_close_owners(struct bench_run *run)
{
	unsigned int n;

	for (n = 0; bench_owners && bench_owners_wq && n < run->job->arg; n++) {
		if (bench_owners_wq[n])
			destroy_workqueue(bench_owners_wq[n]);
		else if (run->engine == &bench_engines[BENCH_SLOW_WORK])
			slow_work_unregister_user(&bench_owners[n].module);
	}
	kvfree(bench_owners);
	kvfree(bench_owners_wq);
}

static int bench_owned(struct bench_run *run, bool vslow)
{
	unsigned int i, n = run->job->items - BENCH_FLOOD;
	int ret = bench_open_owners(run);

	for (i = 0; !ret && i < run->job->items; i++)
		bench_init_owned(run, i, vslow);
	for (i = 0; !ret && i < BENCH_FLOOD; i++)
		bench_enqueue_owned(run, i);
	for (i = 0; !ret && i < n; i++) {
		bench_enqueue_owned(run, BENCH_FLOOD + i);
		/* not in step with the flood */
		schedule_timeout_uninterruptible(msecs_to_jiffies(300) + i % 5);
	}
	for (i = 0; !ret && i < BENCH_FLOOD; i++)
		run->engine->cancel(&run->items[i]);
	bench_close_owners(run);
	for (i = 0; i < n; i++)
		run->samples[i] = run->items[BENCH_FLOOD + i].ns;
	if (!ret)
		bench_report_samples(run, "wait", n);
	return ret;
}

static int bench_owners_slow(struct bench_run *run)
{
	return bench_owned(run, false);
}

static int bench_owners_vslow(struct bench_run *run)
{
	return bench_owned(run, true);
}

/* --- what a pool costs that does nothing, once its surplus threads have left */

static unsigned int bench_ticks(void)
{
	unsigned int cpu, ticks = 0;

	for_each_online_cpu(cpu)
		ticks += kstat_softirqs_cpu(TIMER_SOFTIRQ, cpu) +
			 kstat_softirqs_cpu(HRTIMER_SOFTIRQ, cpu);
	return ticks;
}

static int bench_idle(struct bench_run *run)
{
	static const char * const names[] = { "kslowd", "slow_work_mgr" };
	struct bench_census before[2], after[2];
	unsigned int ticks, i, n = run->job->items;

	bench_init_items(run, n, &bench_count_execute, BENCH_SLOW);
	for (i = 0; i < n; i++)
		run->items[i].us = 5000;
	run->engine->enqueue(run->items, n);
	run->engine->drain();
	msleep(15000);

	for (i = 0; i < 2; i++)
		before[i] = bench_census(names[i]);
	ticks = bench_ticks();
	msleep(BENCH_IDLE_MS);
	ticks = bench_ticks() - ticks;
	for (i = 0; i < 2; i++)
		after[i] = bench_census(names[i]);
	bench_report(run, "what=idle ms=%u kslowd=%u switches=%lu cpu=%llu ticks=%u",
		     BENCH_IDLE_MS, after[0].nr,
		     after[0].switches - before[0].switches +
		     after[1].switches - before[1].switches,
		     after[0].ns - before[0].ns + after[1].ns - before[1].ns,
		     ticks);
	return 0;
}

/* --- bytes; what a kernel thread takes in any case is told apart */

static int bench_size(struct bench_run *run)
{
	size_t item, delayed, thread = 0;

	if (run->engine == &bench_engines[BENCH_SLOW_WORK]) {
		item = sizeof(struct slow_work);
		delayed = sizeof(struct delayed_slow_work);
		thread = sizeof(struct slow_work_thread);
	} else if (run->engine == &bench_engines[BENCH_WORKQUEUE]) {
		item = sizeof(struct work_struct);
		delayed = sizeof(struct delayed_work);
	} else {
		item = sizeof(struct kthread_work);
		delayed = sizeof(struct kthread_delayed_work);
		thread = sizeof(struct kthread_worker);
	}
	bench_report(run, "what=size item=%zu delayed=%zu thread=%zu task=%zu stack=%zu",
		     item, delayed, thread, sizeof(struct task_struct),
		     (size_t)THREAD_SIZE);
	return 0;
}

/* The table *********************************************************/

#define BENCH_JOB(_name, _run, _engines, _min, _max, _items, _arg)	\
	{ .name = _name, .run = _run, .engines = _engines,		\
	  .min = _min, .max = _max, .items = _items, .arg = _arg }
#define NOOP(name, threads, items, producers)				\
	BENCH_JOB(name, bench_noop_job, ENGINES_ALL, 0, threads, items,	\
		  producers)
#define USERS(name, users)						\
	BENCH_JOB(name, bench_users_job, ENGINE_SLOW, 0, 4, 100000, users)
#define OWNERS(name, owners)						\
	BENCH_JOB(name, bench_owners_slow, ENGINES_POOLS, 0, 4,		\
		  BENCH_FLOOD + 15, owners)
#define VSLOW_OWNERS(name, owners)					\
	BENCH_JOB(name, bench_owners_vslow, ENGINES_POOLS, 0, 4,	\
		  BENCH_FLOOD + 15, owners)
#define BURST(name, min, max, items, us)				\
	BENCH_JOB(name, bench_burst, ENGINES_POOLS, min, max, items, us)
#define CANCEL(name, depth)						\
	BENCH_JOB(name, bench_cancel, ENGINES_ALL, 0, 4, depth, 0)
#define RUNQUEUE(name, queued, more)					\
	BENCH_JOB(name, bench_runqueue, ENGINE_SLOW, 0, 4,		\
		  (queued) + 2 * (more), more)

static const struct bench_job bench_jobs[] = {
	NOOP("noop-p1", 4, 100000, 1),
	NOOP("noop-p2", 4, 100000, 2),
	NOOP("noop-p3", 4, 100000, 3),
	NOOP("noop-p4", 4, 100000, 4),
	NOOP("noop-p8", 4, 100000, 8),
	NOOP("noop-t1", 1, 100000, 1),
	NOOP("noop-t2", 2, 100000, 1),
	NOOP("noop-t8", 8, 100000, 1),
	NOOP("noop-t16", 16, 100000, 1),
	NOOP("noop-t32", 32, 100000, 1),
	NOOP("noop-t64", 64, 100000, 1),
	NOOP("noop-t255", 255, 100000, 1),
	NOOP("noop-n10", 4, 10, 1),
	NOOP("noop-n100", 4, 100, 1),
	NOOP("noop-n1000", 4, 1000, 1),
	NOOP("noop-n10000", 4, 10000, 1),
	NOOP("noop-n1000000", 4, 1000000, 1),
	USERS("users-1", 1),
	USERS("users-2", 2),
	USERS("users-16", 16),
	USERS("users-64", 64),
	USERS("users-1000", 1000),
	BENCH_JOB("setup", bench_setup, ENGINES_ALL, 0, 4, 100000, 0),
	BENCH_JOB("yield", bench_yield_job, ENGINES_ALL, 0, 4, 20000, 1),
	BENCH_JOB("wake-now", bench_wake, ENGINES_ALL, 0, 4, 10000, 0),
	BENCH_JOB("wake-idle", bench_wake, ENGINES_ALL, 0, 4, 10000, 200),
	BENCH_JOB("wake-10ms", bench_wake, ENGINES_ALL, 0, 4, 200, 10000),
	BURST("burst-cold", 2, 64, 1000, 10000),
	BURST("burst-warm", 0, 64, 1000, 10000),
	BENCH_JOB("burst-blocked", bench_burst_blocked, ENGINES_POOLS, 2, 64,
		  960, 10000),
	BURST("burst-moving", 2, 64, 1000, 1000),
	/* Threads are wanted where items block, and not for a short spike */
	BURST("spike-stuck", 2, 64, 20, 50000),
	BURST("spike-cpu", 2, 64, 200, 20),
	BURST("spike-sleep", 2, 64, 50, 100),
	BENCH_JOB("quick", bench_quick, ENGINES_POOLS, 0, 4,
		  BENCH_VSLOW_ITEMS + 15, 0),
	BENCH_JOB("mix", bench_mix, ENGINES_POOLS, 0, 16, 2000, 0),
	BENCH_JOB("pending", bench_pending, ENGINES_ALL, 0, 4, 1, 100000),
	CANCEL("cancel-1", 1),
	CANCEL("cancel-1000", 1000),
	CANCEL("cancel-100000", 100000),
	CANCEL("cancel-1000000", 1000000),
	RUNQUEUE("runqueue-1000", 1000, 1000),
	RUNQUEUE("runqueue-100000", 100000, 20000),
	BENCH_JOB("delayed", bench_delayed, ENGINES_ALL, 0, 4, 10000, 0),
	BENCH_JOB("threads", bench_threads, ENGINES_ALL, 2, 64, 64, 0),
	BENCH_JOB("register", bench_register, ENGINE_SLOW, 0, 4, 1, 1000),
	BENCH_JOB("pool", bench_pool, ENGINES_ALL, 0, 4, 1, 20),
	BENCH_JOB("idle", bench_idle, ENGINES_POOLS, 2, 64, 200, 0),
	BENCH_JOB("size", bench_size, ENGINES_ALL, 0, 4, 1, 0),
	/* Last, as what they leave behind would be in the way of the others */
	OWNERS("owners-2", 2),
	OWNERS("owners-10", 10),
	OWNERS("owners-100", 100),
	VSLOW_OWNERS("vslow-owners-2", 2),
	VSLOW_OWNERS("vslow-owners-10", 10),
	VSLOW_OWNERS("vslow-owners-100", 100),
};

/*
 * Each in a fresh kernel thread: how far a wake-up goes at once depends on the
 * scheduling group of the waker, and on the CPU time that it had before.
 */
static int bench_run_thread(void *data)
{
	struct bench_run *run = data;

	run->ret = run->job->run(run);
	kthread_complete_and_exit(&bench_ended, 0);
}

static int bench_run_job(struct bench_run *run)
{
	struct task_struct *task;

	reinit_completion(&bench_ended);
	task = kthread_run(bench_run_thread, run, "slow_work_bench");
	if (IS_ERR(task))
		return PTR_ERR(task);
	/* Piecewise, or we would be reported as hung */
	while (!wait_for_completion_timeout(&bench_ended, 10 * HZ))
		;
	return run->ret;
}

static void bench_one(const struct bench_job *job,
		      const struct bench_engine *engine, unsigned int round)
{
	struct bench_run run = {
		.job = job,
		.engine = engine,
		.round = round,
	};
	int ret = -ENOMEM;

	run.items = kvcalloc(job->items + job->max, sizeof(*run.items),
			     GFP_KERNEL);
	run.samples = kvcalloc(job->items, sizeof(*run.samples), GFP_KERNEL);
	if (run.items && run.samples) {
		ret = bench_open(&run);
		if (!ret) {
			ret = bench_run_job(&run);
			engine->close();
		}
	}
	if (ret)
		bench_report(&run, "what=error errno=%d", ret);
	kvfree(run.samples);
	kvfree(run.items);
}

/* Is @name, or what it begins with up to a dash, one of the @words? */
static bool bench_selected(const char *words, const char *name)
{
	size_t len;

	for (;; words += len + 1) {
		len = strcspn(words, ",");
		if (len == 3 && !strncmp(words, "all", 3))
			return true;
		if (len && !strncmp(words, name, len) &&
		    (!name[len] || name[len] == '-'))
			return true;
		if (!words[len])
			return false;
	}
}

static int __init bench_module_init(void)
{
	const struct bench_job *job;
	unsigned int e, round;

	for (job = bench_jobs; job < bench_jobs + ARRAY_SIZE(bench_jobs); job++) {
		if (!bench_selected(jobs, job->name))
			continue;
		for (round = 0; round < rounds; round++)
			for (e = 0; e < BENCH_NR_ENGINES; e++)
				if ((job->engines & BIT(e)) &&
				    bench_selected(engines, bench_engines[e].name))
					bench_one(job, &bench_engines[e], round);
	}
	return 0;
}

static void __exit bench_module_exit(void)
{
}

module_init(bench_module_init);
module_exit(bench_module_exit);

MODULE_DESCRIPTION("Benchmark of slow work against workqueues");
MODULE_AUTHOR("The slow-work developers");
MODULE_LICENSE("GPL");
