// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-user: a user of slow-work that comes and goes when it is told to
 *
 * An order to /sys/kernel/debug/slow_work_user/control:
 *
 *	register	what comes of these two is in the log too, for those
 *	unregister	who are killed meanwhile
 *	stuck N		queue so many items that execute until open
 *	orphan N	the same, but nobody owns them: the last user to
 *			unregister waits for them, whoever that is
 *	open		let them all end
 *
 * and .../state tells how many are executing.  Orphans and their code must be
 * waited for by the script: only the last unregister does.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/slow-work.h>
#include <linux/string.h>
#include <linux/wait.h>
#include "control.h"

#define USER_MOST	1000	/* items a time */

static struct dentry *user_dir;
static atomic_t user_registered, user_executing;
static DECLARE_WAIT_QUEUE_HEAD(user_gate);
static bool user_opened;

static void user_put_ref(struct slow_work *work)
{
	kfree(work);
}

static void user_execute(struct slow_work *work)
{
	atomic_inc(&user_executing);
	wait_event_idle(user_gate, READ_ONCE(user_opened));
	atomic_dec(&user_executing);
}

/* No desc: what do others see of such an item? */
static const struct slow_work_ops user_stuck_ops = {
	.owner		= THIS_MODULE,
	.put_ref	= user_put_ref,
	.execute	= user_execute,
};

static const struct slow_work_ops user_orphan_ops = {
	.put_ref	= user_put_ref,
	.execute	= user_execute,
};

static int user_add(const struct slow_work_ops *ops, unsigned int n)
{
	struct slow_work *work;
	int ret = 0;

	WRITE_ONCE(user_opened, false);
	while (!ret && n--) {
		work = kzalloc(sizeof(*work), GFP_KERNEL);
		if (!work)
			return -ENOMEM;
		slow_work_init(work, ops);
		ret = slow_work_enqueue(work);
		if (ret)
			kfree(work);
	}
	return ret;
}

static void user_open(void)
{
	WRITE_ONCE(user_opened, true);
	wake_up_all(&user_gate);
}

static int user_register(void)
{
	int ret = slow_work_register_user(THIS_MODULE);

	if (!ret)
		atomic_inc(&user_registered);
	pr_info("register: %d\n", ret);
	return ret;
}

static int user_unregister(void)
{
	if (!atomic_add_unless(&user_registered, -1, 0))
		return -EINVAL;
	slow_work_unregister_user(THIS_MODULE);
	pr_info("unregister: 0\n");
	return 0;
}

static int user_order(char *order)
{
	char *word = strsep(&order, " ");
	unsigned int n;

	if (!order) {
		if (!strcmp(word, "register"))
			return user_register();
		if (!strcmp(word, "unregister"))
			return user_unregister();
		if (strcmp(word, "open"))
			return -EINVAL;
		user_open();
		return 0;
	}
	if (kstrtouint(order, 10, &n) || n > USER_MOST)
		return -EINVAL;
	if (!strcmp(word, "stuck"))
		return user_add(&user_stuck_ops, n);
	if (!strcmp(word, "orphan"))
		return user_add(&user_orphan_ops, n);
	return -EINVAL;
}

static ssize_t user_control_write(struct file *file, const char __user *from,
				  size_t count, loff_t *pos)
{
	char order[32];
	int ret = vm_copy_order(order, sizeof(order), from, count);

	if (!ret)
		ret = user_order(order);
	return ret ?: count;
}

static const struct file_operations user_control_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= user_control_write,
};

static int user_state_show(struct seq_file *m, void *v)
{
	seq_printf(m, "registered %d\nexecuting %d\n",
		   atomic_read(&user_registered), atomic_read(&user_executing));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(user_state);

static int __init user_init(void)
{
	user_dir = debugfs_create_dir("slow_work_user", NULL);
	debugfs_create_file("control", 0200, user_dir, NULL, &user_control_fops);
	debugfs_create_file("state", 0400, user_dir, NULL, &user_state_fops);
	return 0;
}

static void __exit user_exit(void)
{
	debugfs_remove_recursive(user_dir);
	user_open();
	while (!user_unregister())
		;
}

module_init(user_init);
module_exit(user_exit);

MODULE_DESCRIPTION("User of slow-work that comes and goes for the scripts in tests/vm");
MODULE_AUTHOR("The slow-work developers");
MODULE_LICENSE("GPL");
