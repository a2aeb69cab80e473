// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-million: what it costs that the queue is long
 *
 * Two items take the two threads that the script leaves the pool; then a
 * queue of ten is measured and one of a million, both while loading:
 * how long an enqueue takes, and a cancel of the first item, of one in the
 * middle and of the last.  On a machine that counts instructions time is exact.
 * Then the script reads the state, and the order open has all run.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>
#include "control.h"

#define MILLION_ITEMS	1000000
#define MILLION_SHORT	10
#define MILLION_ROUNDS	101

enum { MILLION_ENQUEUE, MILLION_LAST, MILLION_FIRST, MILLION_MIDDLE, MILLION_NR };

static const char * const million_names[MILLION_NR] = {
	[MILLION_ENQUEUE]	= "enqueue",
	[MILLION_LAST]		= "cancel-last",
	[MILLION_FIRST]		= "cancel-first",
	[MILLION_MIDDLE]	= "cancel-middle",
};

static struct slow_work *million_items;
static struct slow_work million_blockers[2];
static struct slow_work million_spare;
static unsigned int million_queued;

static u64 million_short[MILLION_NR], million_long[MILLION_NR];
static long million_available;		/* what filling the queue took, in pages */

static DECLARE_WAIT_QUEUE_HEAD(million_wq);
static atomic_t million_blocking, million_executed;
static bool million_open;

static void million_block(struct slow_work *work)
{
	atomic_inc(&million_blocking);
	wake_up_all(&million_wq);
	wait_event_idle(million_wq, READ_ONCE(million_open));
}

static void million_execute(struct slow_work *work)
{
	atomic_inc(&million_executed);
}

static const struct slow_work_ops million_block_ops = {
	.owner = THIS_MODULE, .execute = million_block,
};

static const struct slow_work_ops million_ops = {
	.owner = THIS_MODULE, .execute = million_execute,
};

/* Measure ***********************************************************/

static u64 million_time_enqueue(struct slow_work *work)
{
	u64 began = ktime_get_ns();

	slow_work_enqueue(work);
	return ktime_get_ns() - began;
}

static u64 million_time_cancel(struct slow_work *work)
{
	u64 began = ktime_get_ns();

	slow_work_cancel(work);
	return ktime_get_ns() - began;
}

static int million_compare(const void *a, const void *b)
{
	u64 one = *(const u64 *)a, other = *(const u64 *)b;

	return one < other ? -1 : one > other;
}

/* The median: an interrupt now and then is not what is measured. */
static u64 million_median(u64 *times)
{
	sort(times, MILLION_ROUNDS, sizeof(*times), million_compare, NULL);
	return times[MILLION_ROUNDS / 2];
}

/* The first so many items are queued, in their order, before and after. */
static void million_restore(void)
{
	unsigned int i;

	for (i = 0; i < million_queued; i++)
		slow_work_cancel(&million_items[i]);
	for (i = 0; i < million_queued; i++)
		slow_work_enqueue(&million_items[i]);
}

static void million_measure(u64 *medians)
{
	bool few = million_queued < 2 * MILLION_ROUNDS;
	static u64 times[MILLION_NR][MILLION_ROUNDS];
	unsigned int i, middle;

	for (i = 0; i < MILLION_ROUNDS; i++) {
		times[MILLION_ENQUEUE][i] = million_time_enqueue(&million_spare);
		times[MILLION_LAST][i] = million_time_cancel(&million_spare);

		/* It goes to the tail, and the next becomes the first. */
		times[MILLION_FIRST][i] =
			million_time_cancel(&million_items[few ? 0 : i]);
		slow_work_enqueue(&million_items[few ? 0 : i]);

		middle = million_queued / 2 + (few ? 0 : i);
		times[MILLION_MIDDLE][i] =
			million_time_cancel(&million_items[middle]);
		slow_work_enqueue(&million_items[middle]);
		if (few)
			million_restore();
	}
	for (i = 0; i < MILLION_NR; i++)
		medians[i] = million_median(times[i]);
}

static int million_fill(unsigned int n)
{
	int ret = 0;

	while (!ret && million_queued < n) {
		ret = slow_work_enqueue(&million_items[million_queued++]);
		if (!(million_queued % 1000))
			cond_resched();
	}
	return ret;
}

/* Orders ************************************************************/

static int vm_state(struct seq_file *m, void *unused)
{
	int i;

	for (i = 0; i < MILLION_NR; i++)
		seq_printf(m, "%s %llu %llu\n", million_names[i],
			   million_short[i], million_long[i]);
	seq_printf(m, "bytes-taken %ld\n", million_available * (long)PAGE_SIZE);
	seq_printf(m, "item-size %zu\n", sizeof(struct slow_work));
	seq_printf(m, "executed %d\n", atomic_read(&million_executed));
	return 0;
}

static void million_open_all(void)
{
	WRITE_ONCE(million_open, true);
	wake_up_all(&million_wq);
}

static int vm_order(char *word)
{
	if (strcmp(word, "open"))
		return -EINVAL;
	million_open_all();
	return 0;
}

/* Coming and going **************************************************/

static int __init million_init(void)
{
	unsigned int i;
	int ret;

	/* Zeroed, and so there to the last page */
	million_items = vzalloc(array_size(MILLION_ITEMS, sizeof(*million_items)));
	if (!million_items)
		return -ENOMEM;
	for (i = 0; i < MILLION_ITEMS; i++)
		slow_work_init(&million_items[i], &million_ops);
	slow_work_init(&million_spare, &million_ops);

	ret = slow_work_register_user(THIS_MODULE);
	if (ret) {
		vfree(million_items);
		return ret;
	}
	for (i = 0; i < ARRAY_SIZE(million_blockers); i++) {
		slow_work_init(&million_blockers[i], &million_block_ops);
		slow_work_enqueue(&million_blockers[i]);
	}
	wait_event(million_wq, atomic_read(&million_blocking) ==
			       ARRAY_SIZE(million_blockers));

	million_fill(MILLION_SHORT);
	million_measure(million_short);
	million_available = si_mem_available();
	million_fill(MILLION_ITEMS);
	million_available -= si_mem_available();
	million_measure(million_long);

	ret = vm_make_files();
	if (ret) {
		million_open_all();
		slow_work_unregister_user(THIS_MODULE);
		vfree(million_items);
	}
	return ret;
}

static void __exit million_exit(void)
{
	proc_remove(vm_dir);
	million_open_all();
	slow_work_unregister_user(THIS_MODULE);
	vfree(million_items);
}

module_init(million_init);
module_exit(million_exit);

MODULE_DESCRIPTION("Caller of slow-work that queues a million items");
