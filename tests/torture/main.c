// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-torture: tries to make the pool break a promise
 *
 * A crowd of kthreads and interrupts enqueues, arms, cancels and frees items,
 * registers users and takes them away, for so many seconds or until the module
 * is removed.  All is drawn from one seed, which is printed.  Somebody outside
 * (tests/torture/guest.sh) turns the pool's controls meanwhile.
 *
 * What can be judged only while the pool's size is known is judged on request:
 * who turns the controls sets both limits to N, writes "N PERCENTAGE" to the
 * parameter exact, and leaves the controls alone from then on.  Once the
 * parameter state reads exact, the order, the sleepers and the number of
 * threads have been judged; the very slow share is, until "0" is written and
 * state reads running again.
 *
 * The last line is "End of test: SUCCESS", or FAILURE and what was off.
 */

#define pr_fmt(fmt) "slow-work-torture: " fmt

#include <linux/err.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/sched/debug.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "torture.h"

#define TORT_MAX_ACTORS		64
#define TORT_MAX_SECONDS	(7 * 24 * 3600)
#define TORT_MAX_EXACT		64
#define TORT_TELL		5	/* so many faults of each kind */

struct tort tort;
atomic_long_t tort_counts[TORT_NR_COUNTS];

/* Parameters ********************************************************/

static unsigned int seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "What all is drawn from (default 0: one is drawn, and printed)");

static unsigned int seconds = 60;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "Length (default 60; 0: until removed)");

static unsigned int patience = 60;
module_param(patience, uint, 0444);
MODULE_PARM_DESC(patience, "Seconds after which something counts as stuck (default 60)");

unsigned int tort_haste = 1;
module_param_named(haste, tort_haste, uint, 0444);
MODULE_PARM_DESC(haste, "Actors and items pause so many times more rarely (default 1)");

static unsigned int items = 24;
module_param(items, uint, 0444);
MODULE_PARM_DESC(items, "Items that all play with (default 24)");

static unsigned int requeuers = 2;
module_param(requeuers, uint, 0444);
MODULE_PARM_DESC(requeuers, "How many of them enqueue themselves each time (default 2)");

static unsigned int sleepers = 12;
module_param(sleepers, uint, 0444);
MODULE_PARM_DESC(sleepers, "Items that sleep till their thread is needed (default 12)");

unsigned int tort_actors[TORT_NR_ROLES] = {
	[TORT_PRODUCER]	 = 3,
	[TORT_CANCELLER] = 2,
	[TORT_DISABLER]	 = 1,
	[TORT_FLUSHER]	 = 2,
	[TORT_DELAYER]	 = 2,
	[TORT_WAKER]	 = 1,
	[TORT_FREER]	 = 3,
	[TORT_USER]	 = 2,
	[TORT_HOLDER]	 = 1,
	[TORT_HARDIRQ]	 = 2,
	[TORT_SOFTIRQ]	 = 2,
};

module_param_named(producers, tort_actors[TORT_PRODUCER], uint, 0444);
MODULE_PARM_DESC(producers, "Threads that enqueue and arm (default 3)");
module_param_named(cancellers, tort_actors[TORT_CANCELLER], uint, 0444);
MODULE_PARM_DESC(cancellers, "Threads that cancel (default 2)");
module_param_named(disablers, tort_actors[TORT_DISABLER], uint, 0444);
MODULE_PARM_DESC(disablers, "Threads that disable and enable (default 1)");
module_param_named(flushers, tort_actors[TORT_FLUSHER], uint, 0444);
MODULE_PARM_DESC(flushers, "Threads that wait for runs (default 2)");
module_param_named(delayers, tort_actors[TORT_DELAYER], uint, 0444);
MODULE_PARM_DESC(delayers, "Threads that arm items of their own (default 2)");
module_param_named(wakers, tort_actors[TORT_WAKER], uint, 0444);
MODULE_PARM_DESC(wakers, "Threads that cause sleepers' events (default 1)");
module_param_named(freers, tort_actors[TORT_FREER], uint, 0444);
MODULE_PARM_DESC(freers, "Threads that free items after a cancel (default 3)");
module_param_named(users, tort_actors[TORT_USER], uint, 0444);
MODULE_PARM_DESC(users, "Modules that register and unregister (default 2)");
module_param_named(holders, tort_actors[TORT_HOLDER], uint, 0444);
MODULE_PARM_DESC(holders, "Threads that hold all of the pool's for a while (default 1)");
module_param_named(hardirqs, tort_actors[TORT_HARDIRQ], uint, 0444);
MODULE_PARM_DESC(hardirqs, "Timers that enqueue from hard interrupts (default 2)");
module_param_named(softirqs, tort_actors[TORT_SOFTIRQ], uint, 0444);
MODULE_PARM_DESC(softirqs, "Timers that enqueue from softirqs (default 2)");

static int tort_check(const char *name, unsigned int value, unsigned int least,
		      unsigned int most)
{
	if (value >= least && value <= most)
		return 0;
	pr_err("Parameter %s: %u is not from %u to %u\n", name, value, least,
	       most);
	return -EINVAL;
}

static int tort_check_all(void)
{
	int ret = 0;
	int role;

	for (role = 0; role < TORT_NR_ROLES; role++)
		ret = ret ?: tort_check("for actors", tort_actors[role], 0,
					TORT_MAX_ACTORS);
	ret = ret ?: tort_check("seconds", seconds, 0, TORT_MAX_SECONDS);
	ret = ret ?: tort_check("patience", patience, 1, 3600);
	ret = ret ?: tort_check("haste", tort_haste, 1, 1000000);
	ret = ret ?: tort_check("items", items, 1, TORT_MAX_ITEMS);
	ret = ret ?: tort_check("requeuers", requeuers, 0, items);
	ret = ret ?: tort_check("sleepers", sleepers, 0, TORT_MAX_ITEMS);
	return ret;
}

unsigned long tort_patience(void)
{
	return patience * HZ;
}

/* Chance ************************************************************/

u64 tort_mix(u64 x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* The same draws each time for the same seed, name and number */
void tort_seed(struct tort_rng *rng, const char *what, unsigned int nr)
{
	u64 state = tort.seed;

	while (*what)
		state = tort_mix(state + *what++);
	rng->state = tort_mix(state + nr);
}

unsigned int tort_below(struct tort_rng *rng, unsigned int n)
{
	rng->state += GOLDEN_RATIO_64;
	return (unsigned long)tort_mix(rng->state) % n;
}

/* The verdict *******************************************************/

/* Those beside the item's */
static const char * const tort_fault_names[TORT_NR_FAULTS] = {
	[TORT_EARLY]		= "delays cut short",
	[TORT_ORDER]		= "items out of order",
	[TORT_SHARE]		= "very slow items above the share",
	[TORT_THREADS]		= "wrong numbers of threads",
	[TORT_TOUCHED]		= "items touched after their end",
	[TORT_RESULT]		= "wrong results",
	[TORT_EVENT]		= "events missed",
	[TORT_UNSERVED]		= "sleepers not served",
	[TORT_BUSY]		= "sleepers that keep busy",
	[TORT_RESERVE]		= "users with a reserve that make no progress",
	[TORT_STUCK]		= "hangs",
};

static atomic_t tort_faults[TORT_NR_FAULTS];

static const char *tort_fault_name(unsigned int fault)
{
	return fault < SWT_NR_FAULTS ? swt_fault_names[fault] : tort_fault_names[fault];
}

/* Returns whether it was told */
bool tort_fault(unsigned int fault, const char *format, ...)
{
	struct va_format vaf = { .fmt = format };
	va_list args;

	if (atomic_inc_return(&tort_faults[fault]) > TORT_TELL)
		return false;
	va_start(args, format);
	vaf.va = &args;
	pr_alert("FAULT: %s: %pV\n", tort_fault_name(fault), &vaf);
	va_end(args);
	return true;
}

static unsigned long tort_begin;	/* jiffies */

static long tort_got(enum tort_count count)
{
	return atomic_long_read(&tort_counts[count]);
}

static bool tort_failed(void)
{
	int fault;

	for (fault = 0; fault < TORT_NR_FAULTS; fault++)
		if (atomic_read(&tort_faults[fault]))
			return true;
	return false;
}

/* How often the pool was asked for something */
static long tort_operations(void)
{
	return tort_got(TORT_ACCEPTED) + tort_got(TORT_ARMED) + tort_got(TORT_REFUSED_CANCEL) +
	       tort_got(TORT_REFUSED_REF) + tort_got(TORT_CANCELS) + tort_got(TORT_TRIES) +
	       tort_got(TORT_FLUSHES) + tort_got(TORT_USER_FLUSHES) +
	       2 * tort_got(TORT_DISABLES);
}

static void tort_report(void)
{
	unsigned int ran = (jiffies - tort_begin) / HZ;
	int fault;

	pr_info("%ld operations in %u s, %ld a second\n", tort_operations(), ran,
		tort_operations() / max(ran, 1U));
	pr_info("%ld enqueues and %ld delays accepted (%ld from hard interrupts, %ld from softirqs), %ld refused by cancels, %ld by get_ref\n",
		tort_got(TORT_ACCEPTED), tort_got(TORT_ARMED),
		tort_got(TORT_FROM_HARDIRQ), tort_got(TORT_FROM_SOFTIRQ),
		tort_got(TORT_REFUSED_CANCEL), tort_got(TORT_REFUSED_REF));
	pr_info("%ld runs, %ld cancels, %ld items freed, %ld users, %ld descriptions\n",
		tort_got(TORT_RUNS), tort_got(TORT_CANCELS),
		tort_got(TORT_FREED), tort_got(TORT_USERS),
		tort_got(TORT_DESCS));
	pr_info("%ld runs prevented by cancels, %ld by %ld that do not wait; %ld mods, %ld flushes, %ld of users\n",
		tort_got(TORT_PREVENTED), tort_got(TORT_TAKEN),
		tort_got(TORT_TRIES), tort_got(TORT_MODS),
		tort_got(TORT_FLUSHES), tort_got(TORT_USER_FLUSHES));
	pr_info("sleepers: %ld gave way, %ld slept on, %ld events; longest wait for a run: %u s\n",
		tort_got(TORT_YIELDS), tort_got(TORT_SLEEPS),
		tort_got(TORT_EVENTS), READ_ONCE(tort_longest_wait) / HZ);
	pr_info("%ld disables; all threads held %ld times, %ld runs of users with a reserve meanwhile\n",
		tort_got(TORT_DISABLES), tort_got(TORT_HOLDS),
		tort_got(TORT_RESERVED));
	pr_info("books looked at %ld times; pool held still %ld times, %ld rounds in order\n",
		tort_got(TORT_GATHERED), tort_got(TORT_EXACT),
		tort_got(TORT_ROUNDS));

	for (fault = 0; fault < TORT_NR_FAULTS; fault++)
		if (atomic_read(&tort_faults[fault]))
			pr_alert("%d %s\n", atomic_read(&tort_faults[fault]),
				 tort_fault_name(fault));
	pr_alert("End of test: %s (seed %u)\n",
		 tort_failed() ? "FAILURE" : "SUCCESS", seed);
}

/* Requests from outside *********************************************/

/**
 * struct tort_request - hold the pool still and judge it
 * @threads: so many there are to be; 0: no request
 * @percentage: the very slow share of them
 */
struct tort_request {
	unsigned int threads;
	unsigned int percentage;
};

static DEFINE_MUTEX(tort_request_mutex);
static struct tort_request tort_request;
static const char *tort_state = "starting";

static int tort_exact_set(const char *text, const struct kernel_param *kp)
{
	struct tort_request request = {};
	char copy[32], *rest = copy, *word;
	int ret;

	if (strscpy(copy, text, sizeof(copy)) < 0)
		return -EINVAL;
	rest = strim(copy);
	word = strsep(&rest, " ");
	ret = kstrtouint(word, 10, &request.threads);
	if (ret)
		return -EINVAL;
	if (request.threads) {
		if (!rest || kstrtouint(rest, 10, &request.percentage) ||
		    request.threads < 2 || request.threads > TORT_MAX_EXACT ||
		    request.percentage < 1 || request.percentage > 99)
			return -EINVAL;
	} else if (rest) {
		return -EINVAL;
	}

	mutex_lock(&tort_request_mutex);
	tort_request = request;
	mutex_unlock(&tort_request_mutex);
	return 0;
}

static int tort_exact_get(char *buffer, const struct kernel_param *kp)
{
	int ret;

	mutex_lock(&tort_request_mutex);
	ret = sysfs_emit(buffer, "%u %u\n", tort_request.threads,
			 tort_request.percentage);
	mutex_unlock(&tort_request_mutex);
	return ret;
}

static const struct kernel_param_ops tort_exact_ops = {
	.set = tort_exact_set,
	.get = tort_exact_get,
};

module_param_cb(exact, &tort_exact_ops, NULL, 0644);
MODULE_PARM_DESC(exact, "Judge what needs a pool held still: \"THREADS PERCENTAGE\"; 0 ends it");

static int tort_state_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", READ_ONCE(tort_state));
}

/* Its mode keeps it from being written to, but not from being given to insmod. */
static int tort_state_set(const char *text, const struct kernel_param *kp)
{
	return -EINVAL;
}

static const struct kernel_param_ops tort_state_ops = {
	.set = tort_state_set,
	.get = tort_state_get,
};

module_param_cb(state, &tort_state_ops, NULL, 0444);
MODULE_PARM_DESC(state, "running, exact, SUCCESS or FAILURE");

static struct tort_request tort_requested(void)
{
	struct tort_request request;

	mutex_lock(&tort_request_mutex);
	request = tort_request;
	mutex_unlock(&tort_request_mutex);
	return request;
}

/* The pool, from outside *********************************************/

static void tort_each_thread(void (*fn)(struct task_struct *task))
{
	char comm[TASK_COMM_LEN];
	struct task_struct *task;

	rcu_read_lock();
	for_each_process(task) {
		if (!(READ_ONCE(task->flags) & PF_KTHREAD))
			continue;
		get_task_comm(comm, task);
		if (!strncmp(comm, "kslowd", 6))
			fn(task);
	}
	rcu_read_unlock();
}

static unsigned int tort_threads_seen;	/* of the director */

static void tort_count_thread(struct task_struct *task)
{
	tort_threads_seen++;
}

/* How many threads the pool has.  Context: the director. */
unsigned int tort_threads(void)
{
	tort_threads_seen = 0;
	tort_each_thread(tort_count_thread);
	return tort_threads_seen;
}

void tort_give_up(const char *what)
{
	tort_fault(TORT_STUCK, "%s", what);
	tort_each_thread(sched_show_task);
	WRITE_ONCE(tort.hung, true);
}

/* The director ******************************************************/

static struct task_struct *tort_director_task, *tort_watchdog_task;
static unsigned long tort_end;
static bool tort_registered;
static struct tort_rng tort_director_rng;

static bool tort_ending(void)
{
	return kthread_should_stop() || READ_ONCE(tort.hung) ||
	       (seconds && time_after_eq(jiffies, tort_end));
}

/* Our own registration, without which users come first and go last */
static void tort_register(bool wanted)
{
	int ret;

	if (wanted == tort_registered)
		return;
	if (wanted) {
		ret = slow_work_register_user(THIS_MODULE);
		if (ret) {
			tort_fault(TORT_RESULT, "register returned %d", ret);
			tort_give_up("cannot register");
			return;
		}
	} else {
		slow_work_unregister_user(THIS_MODULE);
	}
	tort_registered = wanted;
}

/* Let @roles act for a while, then look at the books. */
static void tort_act(unsigned long roles, unsigned int msecs)
{
	unsigned long end = jiffies + msecs_to_jiffies(msecs);

	if (!tort_release(roles))
		return;
	while (!tort_ending() && time_before(jiffies, end))
		schedule_timeout_idle(HZ / 20 + 1);
	tort_gather();
}

static void tort_judge(struct tort_request request)
{
	unsigned int share = max(request.threads * request.percentage / 100, 1U);

	tort_register(true);
	if (READ_ONCE(tort.hung))
		return;
	if (!tort_comes_true(tort_threads() == request.threads))
		tort_fault(TORT_THREADS, "%u, not %u", tort_threads(),
			   request.threads);
	else if (!tort_exact(request.threads, share))
		return;

	/* All are at rest now, so none that began before counts. */
	WRITE_ONCE(tort.share, share);
	if (!tort_release(TORT_ALL))
		return;
	WRITE_ONCE(tort_state, "exact");
	while (!tort_ending() &&
	       tort_requested().threads == request.threads &&
	       tort_requested().percentage == request.percentage)
		schedule_timeout_idle(HZ / 20 + 1);
	tort_gather();
	if (!tort_comes_true(tort_threads() == request.threads))
		tort_fault(TORT_THREADS, "%u, not %u any more", tort_threads(),
			   request.threads);
	WRITE_ONCE(tort.share, 0);
	WRITE_ONCE(tort_state, "running");
}

static void tort_direct(void)
{
	struct tort_rng *rng = &tort_director_rng;
	struct tort_request request = tort_requested();

	if (request.threads) {
		tort_judge(request);
	} else if (tort_actors[TORT_USER] && !tort_below(rng, 6)) {
		tort_register(false);
		tort_act(BIT(TORT_USER), 50 + tort_below(rng, 300));
		tort_register(true);
	} else if (!tort_below(rng, 3)) {
		/* A few only: what is done at once is not hidden by the queue. */
		tort_register(true);
		tort_act(BIT(tort_below(rng, TORT_NR_ROLES)) |
			 (tort_below(rng, TORT_ALL) & tort_below(rng, TORT_ALL)),
			 100 + tort_below(rng, 1000));
	} else {
		tort_register(true);
		tort_act(TORT_ALL, 200 + tort_below(rng, 2500));
	}
}

/*
 * What is stuck in the pool, or an actor in a call of it, still needs our text:
 * then we can never be unloaded.
 */
static int tort_director(void *unused)
{
	WRITE_ONCE(tort_state, "running");
	while (!tort_ending())
		tort_direct();

	if (READ_ONCE(tort.hung)) {
		__module_get(THIS_MODULE);
	} else {
		kthread_stop(tort_watchdog_task);
		tort_crowd_exit();
		tort_register(false);
		tort_graveyard_clear();
	}
	tort_report();
	WRITE_ONCE(tort_state, tort_failed() ? "FAILURE" : "SUCCESS");

	while (!kthread_should_stop() || READ_ONCE(tort.hung))
		schedule_timeout_idle(HZ / 5 + 1);
	return 0;
}

static int tort_watchdog(void *unused)
{
	while (!kthread_should_stop()) {
		tort_crowd_watch();
		schedule_timeout_idle(HZ);
	}
	return 0;
}

/* Coming and going **************************************************/

static void tort_make_items(void)
{
	unsigned int i, mix, traits;

	for (i = 0; i < tort.nr_shared; i++) {
		mix = (i + i / SWT_NR_KINDS) % 4;	/* of each kind all */
		traits = mix ? TORT_COUNTED | TORT_LATE : 0;
		if (mix == 2)
			traits |= TORT_FLAKY;
		tort_item_init(&tort.shared[i], "shared", i, i % SWT_NR_KINDS,
			       traits, &tort.ops[!!traits]);
		if (i < requeuers)
			tort.shared[i].run = tort_run_requeuer;
	}
	for (i = 0; i < tort.nr_sleepers; i++) {
		tort_item_init(&tort.sleepers[i], "sleeper", i,
			       i % 2 ? SWT_VSLOW : SWT_SLOW, TORT_COUNTED,
			       &tort.ops[1]);
		tort.sleepers[i].run = tort_run_sleeper;
	}
}

static void tort_free_all(void)
{
	tort_exact_exit();
	kfree(tort.shared);
	kfree(tort.sleepers);
}

static int __init tort_init(void)
{
	int ret = tort_check_all();

	if (ret)
		return ret;
	while (!seed)
		seed = get_random_u32();
	tort.seed = tort_mix(seed);
	tort_seed(&tort_director_rng, "director", 0);
	tort_ops_init(&tort.ops[0], THIS_MODULE, false);
	tort_ops_init(&tort.ops[1], THIS_MODULE, true);
	tort_begin = jiffies;
	tort_end = tort_begin + seconds * HZ;

	tort.shared = kcalloc(items, sizeof(*tort.shared), GFP_KERNEL);
	tort.sleepers = kcalloc(sleepers, sizeof(*tort.sleepers), GFP_KERNEL);
	if (!tort.shared || !tort.sleepers) {
		tort_free_all();
		return -ENOMEM;
	}
	tort.nr_shared = items;
	tort.nr_sleepers = sleepers;
	tort_make_items();
	ret = tort_exact_init();
	if (!ret)
		ret = tort_crowd_init();
	if (ret)
		goto out_free;

	pr_alert("Start of test: seed=%u seconds=%u\n", seed, seconds);
	tort_watchdog_task = kthread_run(tort_watchdog, NULL, "tort_watchdog");
	if (IS_ERR(tort_watchdog_task)) {
		ret = PTR_ERR(tort_watchdog_task);
		goto out_crowd;
	}
	tort_director_task = kthread_run(tort_director, NULL, "tort_director");
	if (IS_ERR(tort_director_task)) {
		ret = PTR_ERR(tort_director_task);
		goto out_watchdog;
	}
	return 0;

out_watchdog:
	kthread_stop(tort_watchdog_task);
out_crowd:
	tort_crowd_exit();
out_free:
	tort_free_all();
	return ret;
}

/* Ends the test if it has not ended. */
static void __exit tort_exit(void)
{
	kthread_stop(tort_director_task);
	tort_free_all();
}

module_init(tort_init);
module_exit(tort_exit);

MODULE_DESCRIPTION("Torture test of slow work");
MODULE_AUTHOR("The slow-work developers");
MODULE_LICENSE("GPL");
