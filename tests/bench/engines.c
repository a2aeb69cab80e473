// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work benchmark: slow-work, an unbound workqueue and a kthread_worker,
 * behind one interface
 */

#include <linux/module.h>
#include "bench.h"
#include "files.h"

#ifndef kthread_run_worker	/* 6.14 */
#define kthread_run_worker	kthread_create_worker
#endif

#define BENCH_DELAY	(60 * HZ)	/* longer than any job */

/* In the loop itself: an indirect call would cost a fifth of an item */
#define BENCH_EACH(fn, statement)					\
static void fn(struct bench_item *items, unsigned int n)		\
{									\
	struct bench_item *item;					\
									\
	for (item = items; item < items + n; item++)			\
		statement;						\
}

/* --- slow-work */

int bench_get_ref(struct slow_work *work)
{
	return 0;
}

void bench_put_ref(struct slow_work *work)
{
}

/* Registered twice: taking one back waits for all items; see slow_drain(). */
static int slow_open(unsigned int min, unsigned int max)
{
	int ret;

	min = max(min, 2U);
	max = max(max, 2U);
	ret = bench_set(BENCH_SYSCTL("min-threads"), 2);
	if (!ret)
		ret = bench_set(BENCH_SYSCTL("max-threads"), max);
	if (!ret)
		ret = bench_set(BENCH_SYSCTL("min-threads"), min);
	if (!ret)
		ret = slow_work_register_user(THIS_MODULE);
	if (ret)
		return ret;
	ret = slow_work_register_user(THIS_MODULE);
	if (ret)
		slow_work_unregister_user(THIS_MODULE);
	return ret;
}

static void slow_close(void)
{
	slow_work_unregister_user(THIS_MODULE);
	slow_work_unregister_user(THIS_MODULE);
}

static void slow_init(struct bench_item *item,
		      const struct bench_execute *execute, enum bench_kind kind)
{
	switch (kind) {
	case BENCH_SLOW:
		slow_work_init(&item->slow.work, &execute->slow);
		break;
	case BENCH_VSLOW:
		vslow_work_init(&item->slow.work, &execute->slow);
		break;
	case BENCH_DELAYED:
		delayed_slow_work_init(&item->slow, &execute->slow);
		break;
	}
}

BENCH_EACH(slow_enqueue,
	   slow_work_enqueue(&item->slow.work));

static void slow_drain(void)
{
	slow_work_unregister_user(THIS_MODULE);
	WARN_ON(slow_work_register_user(THIS_MODULE));
}

static void slow_cancel(struct bench_item *item)
{
	slow_work_cancel(&item->slow.work);
}

BENCH_EACH(slow_arm,
	   delayed_slow_work_enqueue(&item->slow, BENCH_DELAY));

BENCH_EACH(slow_disarm,
	   delayed_slow_work_cancel(&item->slow));

/* --- unbound workqueue */

static struct workqueue_struct *bench_wq;

#define WQ_SYSFS_NICE	"/sys/devices/virtual/workqueue/slow_work_bench/nice"
#define WQ_NICE		(-5)	/* as our threads have it, and nobody else */

/*
 * Unbound workqueues of the same attributes share their workers, which stay for
 * five minutes: so they are warm from the second time on.  Where cold threads
 * are wanted the queue gets a niceness of its own, and with it a pool of one
 * worker that goes when the queue does.
 */
static int wq_open(unsigned int min, unsigned int max)
{
	int ret;

	if (min == max) {
		bench_wq = alloc_workqueue("slow_work_bench", WQ_UNBOUND, max);
		return bench_wq ? 0 : -ENOMEM;
	}

	bench_wq = alloc_workqueue("slow_work_bench", WQ_UNBOUND | WQ_SYSFS, max);
	if (!bench_wq)
		return -ENOMEM;
	ret = bench_set(WQ_SYSFS_NICE, WQ_NICE);
	if (ret)
		destroy_workqueue(bench_wq);
	return ret;
}

static void wq_close(void)
{
	destroy_workqueue(bench_wq);
}

static void wq_init(struct bench_item *item,
		    const struct bench_execute *execute, enum bench_kind kind)
{
	if (kind == BENCH_DELAYED)
		INIT_DELAYED_WORK(&item->work, execute->work);
	else
		INIT_WORK(&item->work.work, execute->work);
}

BENCH_EACH(wq_enqueue,
	   queue_work(bench_wq, &item->work.work));

static void wq_drain(void)
{
	flush_workqueue(bench_wq);
}

static void wq_cancel(struct bench_item *item)
{
	cancel_work_sync(&item->work.work);
}

BENCH_EACH(wq_arm,
	   queue_delayed_work(bench_wq, &item->work, BENCH_DELAY));

BENCH_EACH(wq_disarm,
	   cancel_delayed_work_sync(&item->work));

/* --- kthread_worker */

static struct kthread_worker *bench_worker;

static int kworker_open(unsigned int min, unsigned int max)
{
	bench_worker = kthread_run_worker(0, "bench_worker");
	return PTR_ERR_OR_ZERO(bench_worker);
}

static void kworker_close(void)
{
	kthread_destroy_worker(bench_worker);
}

static void kworker_init(struct bench_item *item,
			 const struct bench_execute *execute,
			 enum bench_kind kind)
{
	if (kind == BENCH_DELAYED)
		kthread_init_delayed_work(&item->kwork, execute->kwork);
	else
		kthread_init_work(&item->kwork.work, execute->kwork);
}

BENCH_EACH(kworker_enqueue,
	   kthread_queue_work(bench_worker, &item->kwork.work));

static void kworker_drain(void)
{
	kthread_flush_worker(bench_worker);
}

static void kworker_cancel(struct bench_item *item)
{
	kthread_cancel_work_sync(&item->kwork.work);
}

BENCH_EACH(kworker_arm,
	   kthread_queue_delayed_work(bench_worker, &item->kwork, BENCH_DELAY));

BENCH_EACH(kworker_disarm,
	   kthread_cancel_delayed_work_sync(&item->kwork));

const struct bench_engine bench_engines[BENCH_NR_ENGINES] = {
	[BENCH_SLOW_WORK] = {
		.name = "slow_work",
		.open = slow_open,
		.close = slow_close,
		.init = slow_init,
		.enqueue = slow_enqueue,
		.drain = slow_drain,
		.cancel = slow_cancel,
		.arm = slow_arm,
		.disarm = slow_disarm,
	},
	[BENCH_WORKQUEUE] = {
		.name = "workqueue",
		.open = wq_open,
		.close = wq_close,
		.init = wq_init,
		.enqueue = wq_enqueue,
		.drain = wq_drain,
		.cancel = wq_cancel,
		.arm = wq_arm,
		.disarm = wq_disarm,
	},
	[BENCH_KTHREAD_WORKER] = {
		.name = "kthread_worker",
		.open = kworker_open,
		.close = kworker_close,
		.init = kworker_init,
		.enqueue = kworker_enqueue,
		.drain = kworker_drain,
		.cancel = kworker_cancel,
		.arm = kworker_arm,
		.disarm = kworker_disarm,
		.single = true,
	},
};
