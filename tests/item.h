/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instrumented item of all tests of slow-work: the KUnit suites, the torture
 * test, and the callers that scripts control in virtual machines.
 *
 * Its call-outs count, check what the pool promises of them, and call what the
 * test has set.  Each test module includes item.c in one of its files, and
 * defines the swt_item_*() functions below.
 *
 * Whoever enqueues draws a ticket first.  A run notes the last ticket drawn when
 * it begins; a cancel that says it prevented a run excuses all that were drawn
 * before it returned.  At rest every ticket whose enqueue was accepted has been
 * seen or excused, or an enqueue was lost.  When a flush returns that holds for
 * those accepted before, unless a cancel is about to excuse them.
 */

#ifndef _SLOW_WORK_TESTS_ITEM_H
#define _SLOW_WORK_TESTS_ITEM_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/slow-work.h>
#include <linux/wait.h>

struct swt;
struct swt_item;

enum swt_kind { SWT_SLOW, SWT_VSLOW, SWT_DELAYED, SWT_DELAYED_VSLOW, SWT_NR_KINDS };

/* What must never be seen */
enum swt_fault {
	SWT_LOST,			/* enqueue accepted; neither run nor cancelled */
	SWT_OVERLAP,			/* execute in two threads at once */
	SWT_UNBALANCED,			/* more puts than gets, or fewer at rest */
	SWT_NOT_AT_REST,
	SWT_REFUSED,			/* an enqueue, and there is no cancel */
	SWT_FLUSHED_EARLY,
	SWT_DEAD,			/* call-out of an item that is freed */
	SWT_GET_WITH_IRQS_ON,
	SWT_EXECUTE_CONTEXT,		/* not in a pool thread that may sleep */
	SWT_PUT_CONTEXT,		/* atomic */
	SWT_PUT_STRANGER,		/* neither pool thread nor during a cancel */
	SWT_DESC_CONTEXT,		/* atomic */
	SWT_PUT_DURING_DESC,
	SWT_WRONG_CURRENT,		/* of slow_work_current() */
	SWT_NR_FAULTS
};

extern const char * const swt_fault_names[SWT_NR_FAULTS];

/* Blocks call-outs until it is opened */
struct swt_gate {
	struct list_head list;		/* of the test's */
	wait_queue_head_t wq;
	unsigned int state;		/* in which they wait */
	bool open;
};

#define SWT_ALIVE	0x5a11fe00UL

struct swt_item {
	unsigned long magic;		/* SWT_ALIVE */
	enum swt_kind kind;
	char name[32];			/* printed by desc */

	/* Set by the test */
	int get_result;			/* of get_ref */
	int (*on_get)(struct swt_item *item);		/* instead */
	void (*on_execute)(struct swt_item *item);	/* before the gate */
	void (*on_put)(struct swt_item *item);		/* the same */
	void (*on_last)(struct swt_item *item);		/* ends put_ref; may free */
	void (*on_desc)(struct swt_item *item, struct seq_file *m);
	struct swt_gate *gate;		/* execute waits here */
	struct swt_gate *put_gate;	/* put_ref does */
	struct swt_gate *desc_gate;	/* desc does */
	atomic_t *sequence;		/* numbers executions */

	/* For the test's own use */
	struct list_head list;
	struct swt *t;
	struct swt_item *other;
	void *data;
	long value;
	int result;

	/* Noted */
	atomic_t gets;			/* get_ref that succeeded */
	atomic_t failed_gets;
	atomic_t puts;			/* put_ref that are through */
	atomic_t putting;		/* put_ref that began */
	atomic_t starts;		/* execute that began */
	atomic_t runs;			/* execute that are through */
	atomic_t inside;		/* in execute just now */
	atomic_t describing;		/* in desc just now */
	atomic_t descs;
	atomic_t cancels_begun;		/* cancels of either kind */
	atomic_t cancels_done;		/* those that have returned */
	atomic_t tries_begun;		/* those of them that do not wait */
	atomic_long_t want;		/* tickets drawn before an enqueue */
	atomic_long_t accepted;		/* the last ticket whose enqueue was accepted */
	atomic_long_t seen;		/* the last ticket that a run knew of when it began */
	atomic_long_t over;		/* the same, of a run that has ended */
	atomic_long_t excused;		/* the last ticket that a cancel may have taken */
	unsigned long marks;		/* starts; plain, so that KCSAN sees overlaps */
	unsigned long faults;		/* those that swt_item_fault() takes for some */
	unsigned long armed_at;		/* jiffies before the last swt_arm() */
	unsigned long started_at;	/* jiffies when execute last began */
	unsigned long queued_at;	/* for the test's own use: jiffies */
	int order;			/* number of the last execution */
	struct task_struct *thread;	/* valid while executing */
	pid_t pid;
	int number;			/* of the thread */
	pid_t get_pid;			/* who called get_ref last */
	pid_t put_pid;

	/* Last and no longer than needed: so KASAN sees what is beyond it */
	union {
		struct slow_work work;
		struct delayed_slow_work dwork;
	};
};

/* What a flush is to wait for */
struct swt_flush {
	long accepted;			/* the last ticket accepted before */
	int cancels;			/* begun; all had returned, or -1 */
};

/* Defined by each test module.  A fault may be seen in any context. */
void swt_item_fault(struct swt_item *item, enum swt_fault fault, const char *where);
void swt_item_moved(struct swt_item *item);
void swt_item_began(struct swt_item *item);	/* execute, in place of moved */

void swt_gate_init(struct swt_gate *gate, unsigned int state);
void swt_pass(struct swt_gate *gate);
void swt_open(struct swt_gate *gate);

bool swt_is_kslowd(struct task_struct *task);
bool swt_is_reserve(struct task_struct *task);
int swt_number(struct task_struct *task);

/* Call-outs, with this module as owner, and those for operations of one's own */
extern const struct slow_work_ops swt_ops;

size_t swt_item_size(enum swt_kind kind, size_t offset);
void swt_item_init(struct swt_item *item, enum swt_kind kind, const struct slow_work_ops *ops,
		   const char *name, struct lock_class_key *key);
int swt_enqueue(struct swt_item *item);
int swt_arm(struct swt_item *item, unsigned long delay);
int swt_mod(struct swt_item *item, unsigned long delay);
bool swt_do_cancel(struct swt_item *item);
bool swt_try_cancel(struct swt_item *item);
bool swt_disable(struct swt_item *item);
bool swt_enable(struct swt_item *item);
struct swt_flush swt_flush_begin(struct swt_item *item);
void swt_flush_end(struct swt_item *item, struct swt_flush flush);
bool swt_do_flush(struct swt_item *item);

/* What state an item is in */
bool swt_at_rest(struct swt_item *item);
bool swt_satisfied(struct swt_item *item, long ticket);
void swt_must_rest(struct swt_item *item, const char *where);
void swt_audit(struct swt_item *item);
void swt_show_item(struct swt_item *item, const char *why);

static inline struct swt_item *swt_item_of(struct slow_work *work)
{
	return container_of(work, struct swt_item, work);
}

static inline bool swt_is_delayed(const struct swt_item *item)
{
	return item->kind == SWT_DELAYED || item->kind == SWT_DELAYED_VSLOW;
}

static inline bool swt_is_vslow(const struct swt_item *item)
{
	return item->kind == SWT_VSLOW || item->kind == SWT_DELAYED_VSLOW;
}

static inline bool swt_flag(struct swt_item *item, int bit)
{
	return test_bit(bit, &item->work.flags);
}

static inline int swt_runs(struct swt_item *item)
{
	return atomic_read_acquire(&item->runs);
}

static inline int swt_starts(struct swt_item *item)
{
	return atomic_read_acquire(&item->starts);
}

/* And what it notes of itself, its thread to begin with, is there; see swt_execute() */
static inline bool swt_executing(struct swt_item *item)
{
	return swt_starts(item) > swt_runs(item);
}

#endif /* _SLOW_WORK_TESTS_ITEM_H */
