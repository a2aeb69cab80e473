// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-torture-caller: comes, leaves work behind, and goes
 *
 * Loaded and unloaded while slow-work-torture runs.  On its way out it cancels
 * nothing: unregistering alone must keep its text and its items from going
 * under the feet of a pool thread.
 */

#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slow-work.h>

#define CALLER_ITEMS	12

static atomic_t caller_refs = ATOMIC_INIT(0);
static atomic_t caller_runs = ATOMIC_INIT(0);

static int caller_get_ref(struct slow_work *work)
{
	atomic_inc(&caller_refs);
	return 0;
}

static void caller_put_ref(struct slow_work *work)
{
	usleep_range(10, 200);
	atomic_dec(&caller_refs);
	usleep_range(10, 200);
}

static void caller_execute(struct slow_work *work)
{
	/* one of three comes once more, a few times in all */
	if (atomic_inc_return(&caller_runs) % 3 == 0)
		slow_work_enqueue(work);
	usleep_range(10, 2000);
}

static void caller_desc(struct slow_work *work, struct seq_file *m)
{
	seq_printf(m, "caller, run %d", atomic_read(&caller_runs));
}

static const struct slow_work_ops caller_ops = {
	.owner = THIS_MODULE,
	.get_ref = caller_get_ref,
	.put_ref = caller_put_ref,
	.execute = caller_execute,
	.desc = caller_desc,
};

static struct delayed_slow_work caller_items[CALLER_ITEMS];
static DEFINE_DELAYED_VSLOW_WORK(caller_static_item, &caller_ops);

static int __init caller_init(void)
{
	int i, ret;

	ret = slow_work_register_user(THIS_MODULE);
	if (ret)
		return ret;
	for (i = 0; i < CALLER_ITEMS; i++) {
		delayed_slow_work_init(&caller_items[i], &caller_ops);
		delayed_slow_work_enqueue(&caller_items[i],
					  i % 2 ? msecs_to_jiffies(5 * i) : 0);
	}
	delayed_slow_work_enqueue(&caller_static_item, msecs_to_jiffies(20));
	return 0;
}

static void __exit caller_exit(void)
{
	if (delayed_slow_work_flush(&caller_static_item))
		slow_work_flush_user(THIS_MODULE);
	slow_work_unregister_user(THIS_MODULE);
	if (atomic_read(&caller_refs) || atomic_read(&caller_runs) <= CALLER_ITEMS)
		pr_err("slow-work-torture-caller: FAILURE: %d references, %d runs of %d or more\n",
		       atomic_read(&caller_refs), atomic_read(&caller_runs),
		       CALLER_ITEMS + 1);
}

module_init(caller_init);
module_exit(caller_exit);

MODULE_DESCRIPTION("Caller of slow work that comes and goes");
MODULE_LICENSE("GPL");
