/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slow-work benchmark: an item that each engine can run, and the engines
 */

#ifndef _SLOW_WORK_BENCH_H
#define _SLOW_WORK_BENCH_H

#include <linux/kthread.h>
#include <linux/slow-work.h>
#include <linux/workqueue.h>

/**
 * struct bench_item - an item for any of the engines
 * @slow: slow-work's
 * @work: the workqueue's
 * @kwork: the kthread_worker's
 * @us: how long it is to take
 * @vslow: it is of the very slow class
 * @ns: when it was enqueued; then how long it waited
 */
struct bench_item {
	union {
		struct delayed_slow_work slow;
		struct delayed_work work;
		struct kthread_delayed_work kwork;
	};
	unsigned int us;
	bool vslow;
	u64 ns;
};

/* What an item does: the same for each engine, with no indirect call more */
struct bench_execute {
	struct slow_work_ops slow;
	work_func_t work;
	kthread_work_func_t kwork;
};

int bench_get_ref(struct slow_work *work);
void bench_put_ref(struct slow_work *work);

/* From fn_item(), which takes an item: fn_execute, for all engines */
#define BENCH_EXECUTE(fn)						\
static void fn##_slow(struct slow_work *work)				\
{									\
	fn##_item(container_of(work, struct bench_item, slow.work));		\
}									\
									\
static void fn##_work(struct work_struct *work)				\
{									\
	fn##_item(container_of(work, struct bench_item, work.work));		\
}									\
									\
static void fn##_kwork(struct kthread_work *work)			\
{									\
	fn##_item(container_of(work, struct bench_item, kwork.work));		\
}									\
									\
static const struct bench_execute fn##_execute = {			\
	.slow = {							\
		.owner = THIS_MODULE,					\
		.get_ref = bench_get_ref,				\
		.put_ref = bench_put_ref,				\
		.execute = fn##_slow,					\
	},								\
	.work = fn##_work,						\
	.kwork = fn##_kwork,						\
}

enum bench_kind {
	BENCH_SLOW,
	BENCH_VSLOW,
	BENCH_DELAYED,
};

/**
 * struct bench_engine - what the jobs are run by
 * @name: its name in the results
 * @open: have at least @min threads and at most @max; returns 0 or an errno
 * @close: have none
 * @init: initialise an item
 * @enqueue: enqueue @n items
 * @drain: wait until all are through
 * @cancel: cancel an item
 * @arm: enqueue @n delayed items
 * @disarm: cancel them
 * @single: it has one thread whatever one wants
 */
struct bench_engine {
	const char *name;
	int (*open)(unsigned int min, unsigned int max);
	void (*close)(void);
	void (*init)(struct bench_item *item,
		     const struct bench_execute *execute, enum bench_kind kind);
	void (*enqueue)(struct bench_item *items, unsigned int n);
	void (*drain)(void);
	void (*cancel)(struct bench_item *item);
	void (*arm)(struct bench_item *items, unsigned int n);
	void (*disarm)(struct bench_item *items, unsigned int n);
	bool single;
};

/* In the order in which they take turns */
enum bench_engine_id {
	BENCH_SLOW_WORK,
	BENCH_WORKQUEUE,
	BENCH_KTHREAD_WORKER,
	BENCH_NR_ENGINES
};

extern const struct bench_engine bench_engines[BENCH_NR_ENGINES];

#endif /* _SLOW_WORK_BENCH_H */
