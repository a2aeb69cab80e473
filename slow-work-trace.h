/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slow-work: tracepoints
 *
 * Those of what happens to every item are behind slow_work_traced, with the
 * histograms: so an item passes three switches, whatever can be asked of it.
 */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM slow_work

#if !defined(_SLOW_WORK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _SLOW_WORK_TRACE_H

#include <linux/slow-work.h>
#include <linux/tracepoint.h>
#include "slow-work.h"

#ifndef _SLOW_WORK_TRACE_ONCE
#define _SLOW_WORK_TRACE_ONCE

/* What a cancel found */
enum slow_work_cancelled {
	SLOW_WORK_CANCEL_DEQUEUED,	/* it was queued */
	SLOW_WORK_CANCEL_DISARMED,	/* it was armed */
	SLOW_WORK_CANCEL_DEFERRED,	/* it was to be queued after a run */
	SLOW_WORK_CANCEL_WAITS,		/* a run, or a put_ref, is waited for */
};

int slow_work_trace_enable(void);
void slow_work_trace_disable(void);
DECLARE_STATIC_KEY_FALSE(slow_work_traced);
void slow_work_note_queued(struct slow_work *work);
void slow_work_note_start(struct slow_work_thread *thread,
			  const struct slow_work *work);
void slow_work_note_end(struct slow_work_thread *thread,
			const struct slow_work *work);

#endif

TRACE_DEFINE_ENUM(SLOW_WORK_CANCEL_DEQUEUED);
TRACE_DEFINE_ENUM(SLOW_WORK_CANCEL_DISARMED);
TRACE_DEFINE_ENUM(SLOW_WORK_CANCEL_DEFERRED);
TRACE_DEFINE_ENUM(SLOW_WORK_CANCEL_WAITS);

#define show_slow_work_cancelled(how)				\
	__print_symbolic(how,					\
		{ SLOW_WORK_CANCEL_DEQUEUED, "dequeued" },	\
		{ SLOW_WORK_CANCEL_DISARMED, "disarmed" },	\
		{ SLOW_WORK_CANCEL_DEFERRED, "deferred" },	\
		{ SLOW_WORK_CANCEL_WAITS, "waits" })

/* What each event on an item tells of it */
#define SLOW_WORK_TRACE_ITEM			\
	__field(const void *, work)		\
	__field(const void *, function)		\
	__field(bool, vslow)			\
	__array(char, owner, MODULE_NAME_LEN)

#define SLOW_WORK_TRACE_ASSIGN(item)					\
	__entry->work = item;						\
	__entry->function = (item)->ops->execute;			\
	__entry->vslow = slow_work_class_id((item)->flags);		\
	strscpy(__entry->owner, (item)->account->user->name, MODULE_NAME_LEN)

#define SLOW_WORK_TRACE_FORMAT "work=%p function=%ps owner=%s class=%s"

#define SLOW_WORK_TRACE_PRINT					\
	__entry->work, __entry->function, __entry->owner,	\
	__entry->vslow ? "vslow" : "slow"

/*
 * slow_work_queue: an item joins its queue
 * @work: the item
 */
TRACE_EVENT_FN(slow_work_queue,
	TP_PROTO(const struct slow_work *work),
	TP_ARGS(work),
	TP_STRUCT__entry(SLOW_WORK_TRACE_ITEM),
	TP_fast_assign(SLOW_WORK_TRACE_ASSIGN(work);),
	TP_printk(SLOW_WORK_TRACE_FORMAT, SLOW_WORK_TRACE_PRINT),
	slow_work_trace_enable, slow_work_trace_disable
);

/*
 * slow_work_arm: the delay of an item begins
 * @work: the item
 * @delay: in jiffies
 */
TRACE_EVENT(slow_work_arm,
	TP_PROTO(const struct slow_work *work, unsigned long delay),
	TP_ARGS(work, delay),
	TP_STRUCT__entry(
		SLOW_WORK_TRACE_ITEM
		__field(unsigned long, delay)
	),
	TP_fast_assign(
		SLOW_WORK_TRACE_ASSIGN(work);
		__entry->delay = delay;
	),
	TP_printk(SLOW_WORK_TRACE_FORMAT " delay=%lu", SLOW_WORK_TRACE_PRINT,
		  __entry->delay)
);

/*
 * slow_work_execute_start: a thread takes an item out of its queue
 * @work: the item
 * @wait: how long it was there, in ns
 */
TRACE_EVENT_FN(slow_work_execute_start,
	TP_PROTO(const struct slow_work *work, u64 wait),
	TP_ARGS(work, wait),
	TP_STRUCT__entry(
		SLOW_WORK_TRACE_ITEM
		__field(u64, wait)
	),
	TP_fast_assign(
		SLOW_WORK_TRACE_ASSIGN(work);
		__entry->wait = wait;
	),
	TP_printk(SLOW_WORK_TRACE_FORMAT " wait=%llu", SLOW_WORK_TRACE_PRINT,
		  __entry->wait),
	slow_work_trace_enable, slow_work_trace_disable
);

/*
 * slow_work_execute_end: execute has returned
 * @work: the item
 * @run: how long it took, in ns
 */
TRACE_EVENT_FN(slow_work_execute_end,
	TP_PROTO(const struct slow_work *work, u64 run),
	TP_ARGS(work, run),
	TP_STRUCT__entry(
		SLOW_WORK_TRACE_ITEM
		__field(u64, run)
	),
	TP_fast_assign(
		SLOW_WORK_TRACE_ASSIGN(work);
		__entry->run = run;
	),
	TP_printk(SLOW_WORK_TRACE_FORMAT " run=%llu", SLOW_WORK_TRACE_PRINT,
		  __entry->run),
	slow_work_trace_enable, slow_work_trace_disable
);

/*
 * slow_work_defer: an item is to run while a thread still has it
 * @work: the item; it is queued when that one lets go of it
 */
TRACE_EVENT(slow_work_defer,
	TP_PROTO(const struct slow_work *work),
	TP_ARGS(work),
	TP_STRUCT__entry(SLOW_WORK_TRACE_ITEM),
	TP_fast_assign(SLOW_WORK_TRACE_ASSIGN(work);),
	TP_printk(SLOW_WORK_TRACE_FORMAT, SLOW_WORK_TRACE_PRINT)
);

/*
 * slow_work_cancel: a cancel takes a run back, or waits for one
 * @work: the item
 * @how: what it found
 */
TRACE_EVENT(slow_work_cancel,
	TP_PROTO(const struct slow_work *work, enum slow_work_cancelled how),
	TP_ARGS(work, how),
	TP_STRUCT__entry(
		SLOW_WORK_TRACE_ITEM
		__field(int, how)
	),
	TP_fast_assign(
		SLOW_WORK_TRACE_ASSIGN(work);
		__entry->how = how;
	),
	TP_printk(SLOW_WORK_TRACE_FORMAT " how=%s", SLOW_WORK_TRACE_PRINT,
		  show_slow_work_cancelled(__entry->how))
);

/*
 * slow_work_sleeper_wake: an item is told that its thread is needed
 * @thread: the thread, which sleeps in slow_work_sleep_till_thread_needed()
 */
TRACE_EVENT(slow_work_sleeper_wake,
	TP_PROTO(const struct slow_work_thread *thread),
	TP_ARGS(thread),
	TP_STRUCT__entry(
		SLOW_WORK_TRACE_ITEM
		__field(pid_t, pid)
	),
	TP_fast_assign(
		SLOW_WORK_TRACE_ASSIGN(thread->holder.item);
		__entry->pid = thread->task->pid;
	),
	TP_printk(SLOW_WORK_TRACE_FORMAT " pid=%d", SLOW_WORK_TRACE_PRINT,
		  __entry->pid)
);

DECLARE_EVENT_CLASS(slow_work_thread,
	TP_PROTO(const struct slow_work_thread *thread),
	TP_ARGS(thread),
	TP_STRUCT__entry(
		__field(unsigned int, slot)
		__field(pid_t, pid)
		__field(unsigned int, threads)
	),
	TP_fast_assign(
		__entry->slot = thread->slot;
		__entry->pid = thread->task->pid;
		__entry->threads = slow_pool.nr;
	),
	TP_printk("thread=kslowd%03u pid=%d threads=%u", __entry->slot,
		  __entry->pid, __entry->threads)
);

/*
 * slow_work_thread_start: the pool has another thread
 * @thread: the thread
 */
DEFINE_EVENT(slow_work_thread, slow_work_thread_start,
	TP_PROTO(const struct slow_work_thread *thread),
	TP_ARGS(thread)
);

/*
 * slow_work_thread_cull: a thread has been idle for long, and is to exit
 * @thread: the thread
 */
DEFINE_EVENT(slow_work_thread, slow_work_thread_cull,
	TP_PROTO(const struct slow_work_thread *thread),
	TP_ARGS(thread)
);

/*
 * slow_work_reserve_call: a user's items are not served: its reserve comes
 * @thread: the reserve
 */
TRACE_EVENT(slow_work_reserve_call,
	TP_PROTO(const struct slow_work_thread *thread),
	TP_ARGS(thread),
	TP_STRUCT__entry(
		__array(char, owner, MODULE_NAME_LEN)
		__field(pid_t, pid)
		__field(unsigned int, threads)
	),
	TP_fast_assign(
		strscpy(__entry->owner, thread->user->name,
			MODULE_NAME_LEN);
		__entry->pid = thread->task->pid;
		__entry->threads = slow_pool.nr;
	),
	TP_printk("thread=kslowr/%s pid=%d threads=%u", __entry->owner,
		  __entry->pid, __entry->threads)
);

/*
 * slow_work_thread_fail: a thread could not be had
 * @error: negative errno
 */
TRACE_EVENT(slow_work_thread_fail,
	TP_PROTO(int error),
	TP_ARGS(error),
	TP_STRUCT__entry(
		__field(int, error)
		__field(unsigned int, threads)
	),
	TP_fast_assign(
		__entry->error = error;
		__entry->threads = READ_ONCE(slow_pool.nr);
	),
	TP_printk("error=%d threads=%u", __entry->error, __entry->threads)
);

/*
 * slow_work_stall: an item waits for long, or executes for long
 * @work: the item
 * @age: how long, in ms
 */
TRACE_EVENT(slow_work_stall,
	TP_PROTO(const struct slow_work *work, unsigned int age),
	TP_ARGS(work, age),
	TP_STRUCT__entry(
		SLOW_WORK_TRACE_ITEM
		__field(bool, executing)
		__field(unsigned int, age)
	),
	TP_fast_assign(
		SLOW_WORK_TRACE_ASSIGN(work);
		__entry->executing = work->flags & BIT(SLOW_WORK_EXECUTING);
		__entry->age = age;
	),
	TP_printk(SLOW_WORK_TRACE_FORMAT " state=%s age=%u", SLOW_WORK_TRACE_PRINT,
		  __entry->executing ? "executing" : "queued", __entry->age)
);

#endif /* _SLOW_WORK_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE slow-work-trace
#include <trace/define_trace.h>
