// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The instrumented item of all tests of slow-work; see item.h.  Each test module
 * includes this in one of its files.
 */

#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include "compat.h"
#include "item.h"

/* ---- gates -------------------------------------------------------------- */

void swt_gate_init(struct swt_gate *gate, unsigned int state)
{
	init_waitqueue_head(&gate->wq);
	gate->state = state;
	gate->open = false;
}

void swt_pass(struct swt_gate *gate)
{
	/* Pairs with swt_open(): what was set up before it opens is seen */
	wait_event_state(gate->wq, smp_load_acquire(&gate->open), gate->state);
}

void swt_open(struct swt_gate *gate)
{
	/* Pairs with swt_pass() */
	smp_store_release(&gate->open, true);
	wake_up_all(&gate->wq);
}

/* ---- threads ------------------------------------------------------------ */

bool swt_is_reserve(struct task_struct *task)
{
	return (task->flags & PF_KTHREAD) && str_has_prefix(task->comm, "kslowr/");
}

bool swt_is_kslowd(struct task_struct *task)
{
	return (task->flags & PF_KTHREAD) && str_has_prefix(task->comm, "kslowd");
}

/* The number in a thread's name, or -1 */
int swt_number(struct task_struct *task)
{
	int number;

	if (!swt_is_kslowd(task) || kstrtoint(task->comm + strlen("kslowd"), 10, &number))
		return -1;
	return number;
}

/* Whether the context is a process's that may sleep */
static bool swt_may_sleep(void)
{
	return !preempt_count() && !irqs_disabled();
}

/* ---- call-outs ---------------------------------------------------------- */

const char * const swt_fault_names[SWT_NR_FAULTS] = {
	[SWT_LOST]		= "lost enqueues",
	[SWT_OVERLAP]		= "overlapping executions",
	[SWT_UNBALANCED]	= "references out of balance",
	[SWT_NOT_AT_REST]	= "items not at rest",
	[SWT_REFUSED]		= "enqueues refused for no cancel",
	[SWT_FLUSHED_EARLY]	= "flushes that returned early",
	[SWT_DEAD]		= "call-outs of dead items",
	[SWT_GET_WITH_IRQS_ON]	= "get_ref with interrupts on",
	[SWT_EXECUTE_CONTEXT]	= "wrong contexts of execute",
	[SWT_PUT_CONTEXT]	= "wrong contexts of put_ref",
	[SWT_PUT_STRANGER]	= "put_ref from strange threads",
	[SWT_DESC_CONTEXT]	= "wrong contexts of desc",
	[SWT_PUT_DURING_DESC]	= "put while described",
	[SWT_WRONG_CURRENT]	= "wrong current items",
};

static bool swt_is_dead(struct swt_item *item, const char *where)
{
	if (likely(READ_ONCE(item->magic) == SWT_ALIVE))
		return false;
	swt_item_fault(item, SWT_DEAD, "get_ref");
	return true;
}

static int swt_get_ref(struct slow_work *work)
{
	struct swt_item *item = swt_item_of(work);
	int ret;

	if (swt_is_dead(item, "get_ref"))
		return -EIO;
	if (!irqs_disabled())
		swt_item_fault(item, SWT_GET_WITH_IRQS_ON, "get_ref");
	WRITE_ONCE(item->get_pid, current->pid);
	ret = item->on_get ? item->on_get(item) : READ_ONCE(item->get_result);
	atomic_inc(ret < 0 ? &item->failed_gets : &item->gets);
	return ret;
}

static int swt_cancels_begun(struct swt_item *item)
{
	return atomic_read(&item->cancels_begun);
}

static void swt_put_ref(struct slow_work *work)
{
	struct swt_item *item = swt_item_of(work);
	int done;

	if (swt_is_dead(item, "put_ref"))
		return;
	if (!swt_may_sleep())
		swt_item_fault(item, SWT_PUT_CONTEXT, "put_ref");
	/* What is done is read first: another cancel may come and go in between. */
	done = atomic_read_acquire(&item->cancels_done);
	if (!swt_is_kslowd(current) && !swt_is_reserve(current) &&
	    swt_cancels_begun(item) == done)
		swt_item_fault(item, SWT_PUT_STRANGER, "put_ref");
	if (atomic_read(&item->describing))
		swt_item_fault(item, SWT_PUT_DURING_DESC, "put_ref");
	if (slow_work_current() == work)
		swt_item_fault(item, SWT_WRONG_CURRENT, "put_ref");
	might_sleep();
	WRITE_ONCE(item->put_pid, current->pid);
	atomic_inc(&item->putting);
	swt_item_moved(item);
	if (item->on_put)
		item->on_put(item);
	if (item->put_gate)
		swt_pass(item->put_gate);
	if (atomic_inc_return(&item->puts) > atomic_read(&item->gets))
		swt_item_fault(item, SWT_UNBALANCED, "put_ref");
	swt_item_moved(item);
	if (item->on_last)
		item->on_last(item);
}

static void swt_execute(struct slow_work *work)
{
	struct swt_item *item = swt_item_of(work);
	long seen;

	if (swt_is_dead(item, "execute"))
		return;
	if (atomic_inc_return(&item->inside) != 1)
		swt_item_fault(item, SWT_OVERLAP, "execute");
	if (!swt_may_sleep() || !(swt_is_kslowd(current) || swt_is_reserve(current)))
		swt_item_fault(item, SWT_EXECUTE_CONTEXT, "execute");
	if (slow_work_current() != work)
		swt_item_fault(item, SWT_WRONG_CURRENT, "execute");
	might_sleep();
	WRITE_ONCE(item->thread, current);
	WRITE_ONCE(item->pid, current->pid);
	WRITE_ONCE(item->number, swt_number(current));
	WRITE_ONCE(item->started_at, jiffies);
	if (item->sequence)
		WRITE_ONCE(item->order, atomic_inc_return(item->sequence));
	seen = atomic_long_read(&item->want);
	atomic_long_set(&item->seen, seen);
	/* For the acquire of swt_executing() */
	atomic_fetch_inc_release(&item->starts);
	item->marks++;
	swt_item_began(item);
	if (item->on_execute)
		item->on_execute(item);
	if (item->gate)
		swt_pass(item->gate);
	atomic_long_set(&item->over, seen);
	smp_mb__before_atomic();	/* whoever sees it out sees what it wrote */
	atomic_dec(&item->inside);
	atomic_inc(&item->runs);
	swt_item_moved(item);
}

static void swt_desc(struct slow_work *work, struct seq_file *m)
{
	struct swt_item *item = swt_item_of(work);

	if (swt_is_dead(item, "desc"))
		return;
	atomic_inc(&item->describing);
	if (!swt_may_sleep())
		swt_item_fault(item, SWT_DESC_CONTEXT, "desc");
	might_sleep();
	atomic_inc(&item->descs);
	swt_item_moved(item);
	if (item->on_desc)
		item->on_desc(item, m);
	else
		seq_puts(m, item->name);
	if (item->desc_gate)
		swt_pass(item->desc_gate);
	swt_is_dead(item, "desc");
	atomic_dec(&item->describing);
}

const struct slow_work_ops swt_ops = {
	.owner = THIS_MODULE,
	.get_ref = swt_get_ref,
	.put_ref = swt_put_ref,
	.execute = swt_execute,
	.desc = swt_desc,
};

/* ---- what is done with an item ------------------------------------------ */

/* What one of that kind takes that begins so far inside of something */
size_t swt_item_size(enum swt_kind kind, size_t offset)
{
	return offset + (kind == SWT_DELAYED || kind == SWT_DELAYED_VSLOW ?
			 sizeof(struct swt_item) : offsetofend(struct swt_item, work));
}

/* The memory has been zeroed */
void swt_item_init(struct swt_item *item, enum swt_kind kind, const struct slow_work_ops *ops,
		   const char *name, struct lock_class_key *key)
{
	unsigned long flags = 0;

	item->magic = SWT_ALIVE;
	item->kind = kind;
	item->pid = -1;
	item->number = -1;
	if (swt_is_vslow(item))
		flags = BIT(SLOW_WORK_VERY_SLOW);
	if (swt_is_delayed(item))
		__delayed_slow_work_init(&item->dwork, ops, flags, name, key);
	else
		__slow_work_init(&item->work, ops, flags, name, key);
}

static void swt_raise(atomic_long_t *what, long to)
{
	long old = atomic_long_read(what);

	while (old < to && !atomic_long_try_cmpxchg(what, &old, to))
		;
}

enum swt_way { SWT_ENQUEUE, SWT_ARM, SWT_MOD };

static int swt_submit(struct swt_item *item, enum swt_way way, unsigned long delay)
{
	int done = atomic_read(&item->cancels_done), ret;
	long ticket = atomic_long_inc_return(&item->want);

	if (way != SWT_ENQUEUE)
		WRITE_ONCE(item->armed_at, jiffies);
	if (way == SWT_MOD)
		ret = delayed_slow_work_mod(&item->dwork, delay);
	else if (way == SWT_ARM)
		ret = delayed_slow_work_enqueue(&item->dwork, delay);
	else
		ret = slow_work_enqueue(&item->work);
	if (!ret)
		swt_raise(&item->accepted, ticket);
	/* Had all that ever began returned before? */
	if (ret == -ECANCELED && done == swt_cancels_begun(item))
		swt_item_fault(item, SWT_REFUSED, "enqueue");
	return ret;
}

/* These three in any context that slow_work_enqueue() allows */
int swt_enqueue(struct swt_item *item)
{
	return swt_submit(item, SWT_ENQUEUE, 0);
}

int swt_arm(struct swt_item *item, unsigned long delay)
{
	return swt_submit(item, SWT_ARM, delay);
}

int swt_mod(struct swt_item *item, unsigned long delay)
{
	return swt_submit(item, SWT_MOD, delay);
}

static bool swt_cancelled(struct swt_item *item, bool prevented)
{
	if (prevented)
		swt_raise(&item->excused, atomic_long_read(&item->want));
	smp_mb__before_atomic();	/* pairs with swt_flush_begin() */
	atomic_inc(&item->cancels_done);
	return prevented;
}

/* Cancels from this very thread; put_ref may then be called from it */
bool swt_do_cancel(struct swt_item *item)
{
	atomic_inc(&item->cancels_begun);
	return swt_cancelled(item, swt_is_delayed(item) ?
			     delayed_slow_work_cancel(&item->dwork) :
			     slow_work_cancel(&item->work));
}

/* The same: where there is no put_ref, or one that may be called, any context */
bool swt_try_cancel(struct swt_item *item)
{
	atomic_inc(&item->cancels_begun);
	atomic_inc(&item->tries_begun);
	return swt_cancelled(item, swt_is_delayed(item) ?
			     delayed_slow_work_try_cancel(&item->dwork) :
			     slow_work_try_cancel(&item->work));
}

/* A cancel that lasts until swt_enable() */
bool swt_disable(struct swt_item *item)
{
	/* This call is one by itself: it may be enabled before it returns */
	atomic_add(2, &item->cancels_begun);
	return swt_cancelled(item, swt_is_delayed(item) ?
			     delayed_slow_work_disable_sync(&item->dwork) :
			     slow_work_disable_sync(&item->work));
}

bool swt_enable(struct swt_item *item)
{
	bool enabled = swt_is_delayed(item) ? delayed_slow_work_enable(&item->dwork) :
					      slow_work_enable(&item->work);

	smp_mb__before_atomic();	/* pairs with swt_flush_begin() */
	atomic_inc(&item->cancels_done);
	return enabled;
}

struct swt_flush swt_flush_begin(struct swt_item *item)
{
	struct swt_flush flush;
	int done;

	flush.accepted = atomic_long_read(&item->accepted);
	done = atomic_read(&item->cancels_done);
	/* What a cancel that was done took is excused, and it had begun */
	smp_mb();
	flush.cancels = swt_cancels_begun(item);
	if (flush.cancels != done)
		flush.cancels = -1;
	return flush;
}

/* Exact but where a cancel came in between, and has perhaps not said yet what it did */
void swt_flush_end(struct swt_item *item, struct swt_flush flush)
{
	bool over = atomic_long_read(&item->over) >= flush.accepted ||
		    atomic_long_read(&item->excused) >= flush.accepted;

	smp_mb();	/* whoever took it meanwhile had begun before */
	if (!over && flush.cancels == swt_cancels_begun(item))
		swt_item_fault(item, SWT_FLUSHED_EARLY, "flush");
}

bool swt_do_flush(struct swt_item *item)
{
	struct swt_flush flush = swt_flush_begin(item);
	bool waited = swt_is_delayed(item) ? delayed_slow_work_flush(&item->dwork) :
					     slow_work_flush(&item->work);

	swt_flush_end(item, flush);
	return waited;
}

/* ---- what state it is in ------------------------------------------------ */

/*
 * Nothing of the item is left with the pool, as far as a caller can tell, and all
 * that execute wrote is to be seen
 */
bool swt_at_rest(struct swt_item *item)
{
	unsigned long busy = BIT(SLOW_WORK_PENDING) | BIT(SLOW_WORK_EXECUTING) |
			     BIT(SLOW_WORK_ENQ_DEFERRED) | BIT(SLOW_WORK_DELAYED);

	/* First: if as many have been got later, none was out then, whatever came between */
	int puts = atomic_read_acquire(&item->puts);
	/* What is said of an item without references is for behind its run, too */
	unsigned long flags = smp_load_acquire(&item->work.flags);

	return !(flags & busy) && !atomic_read_acquire(&item->inside) &&
	       atomic_read(&item->gets) == puts && atomic_read(&item->putting) == puts;
}

bool swt_satisfied(struct swt_item *item, long ticket)
{
	return atomic_long_read(&item->seen) >= ticket ||
	       atomic_long_read(&item->excused) >= ticket;
}

/* A cancel or an unregister has returned, and nobody else has the item */
void swt_must_rest(struct swt_item *item, const char *where)
{
	/* Plain: that the last run is seen whole, the pool has promised */
	unsigned long marks = item->marks;

	if (slow_work_is_queued(&item->work) || swt_flag(item, SLOW_WORK_PENDING) ||
	    atomic_read(&item->inside) || atomic_read(&item->describing) ||
	    atomic_read(&item->putting) != atomic_read(&item->puts))
		swt_item_fault(item, SWT_NOT_AT_REST, where);
	if (atomic_read(&item->gets) != atomic_read(&item->puts))
		swt_item_fault(item, SWT_UNBALANCED, where);
	if (marks != swt_starts(item))
		swt_item_fault(item, SWT_OVERLAP, where);
}

/* The same, once all is at rest */
void swt_audit(struct swt_item *item)
{
	swt_must_rest(item, "audit");
	if (!swt_satisfied(item, atomic_long_read(&item->accepted)))
		swt_item_fault(item, SWT_LOST, "audit");
}

void swt_show_item(struct swt_item *item, const char *why)
{
	pr_alert("%s: %s: kind %d flags %lx faults %lx; want %ld accepted %ld seen %ld over %ld excused %ld; cancels %d/%d tries %d gets %d puts %d/%d; starts %d inside %d desc %d\n",
		 why, item->name, item->kind, READ_ONCE(item->work.flags), item->faults,
		 atomic_long_read(&item->want), atomic_long_read(&item->accepted),
		 atomic_long_read(&item->seen), atomic_long_read(&item->over),
		 atomic_long_read(&item->excused), atomic_read(&item->cancels_begun),
		 atomic_read(&item->cancels_done), atomic_read(&item->tries_begun),
		 atomic_read(&item->gets), atomic_read(&item->putting),
		 atomic_read(&item->puts), swt_starts(item), atomic_read(&item->inside),
		 atomic_read(&item->describing));
}
