// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The least that a caller of slow work needs: one item, run once.  While it
 * runs, for a second, /sys/kernel/debug/slow_work/runqueue shows it.
 *
 * filesum.c has what comes next: objects that come and go while they are queued.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slow-work.h>

/* The item is embedded in what it works on; container_of() leads back to that */
static struct minimal {
	struct slow_work work;
	unsigned int ms;
} minimal = { .ms = 1000 };

/* Runs in a thread of the pool, and may block there for as long as it takes */
static void minimal_execute(struct slow_work *work)
{
	msleep(container_of(work, struct minimal, work)->ms);
	pr_info("slow_work_minimal: done\n");
}

/* Optional: what the administrator reads in runqueue */
static void minimal_desc(struct slow_work *work, struct seq_file *m)
{
	seq_printf(m, "minimal: sleep for %u ms",
		   container_of(work, struct minimal, work)->ms);
}

/* Neither get_ref nor put_ref: this object lives as long as the module */
static const struct slow_work_ops minimal_ops = {
	.owner = THIS_MODULE,
	.execute = minimal_execute,
	.desc = minimal_desc,
};

static int __init minimal_init(void)
{
	int err = slow_work_register_user(THIS_MODULE);

	if (err)
		return err;
	slow_work_init(&minimal.work, &minimal_ops);
	err = slow_work_enqueue(&minimal.work);
	if (err)
		slow_work_unregister_user(THIS_MODULE);
	return err;
}

static void __exit minimal_exit(void)
{
	/* Takes the item back while it waits, and waits for it while it runs */
	slow_work_cancel(&minimal.work);
	/* From here on the pool runs no line of ours: tear down after it */
	slow_work_unregister_user(THIS_MODULE);
}

module_init(minimal_init);
module_exit(minimal_exit);
MODULE_DESCRIPTION("The least that a caller of slow work needs");
MODULE_LICENSE("GPL");
