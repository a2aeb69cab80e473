// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-user: a user of slow-work that comes and goes when it is told to
 *
 * The orders:
 *
 *	register	what comes of these two is in the log too, for those
 *	unregister	who are killed meanwhile
 *	reserve		register with a reserve
 *	stuck N		queue so many items that execute until open
 *	orphan N	the same, but nobody owns them: the last user to
 *			unregister waits for them, whoever that is
 *	open		let them all end
 *
 * The state tells how many are executing.  Orphans and their code must be waited
 * for by the script: only the last unregister does.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/slab.h>
#include "checked-item.h"
#include "control.h"

#define USER_MOST	1000	/* items a time */

static atomic_t user_registered, user_executing;
static struct swt_gate user_gate;

static void user_last(struct swt_item *item)
{
	swt_audit(item);
	kfree(item);
}

static void user_execute(struct swt_item *item)
{
	atomic_inc(&user_executing);
	swt_pass(&user_gate);
	atomic_dec(&user_executing);
}

static int user_add(struct module *owner, unsigned int n)
{
	static struct slow_work_ops ops[2];
	static struct lock_class_key key;
	struct swt_item *item;
	int ret = 0;

	/* No desc: what do others see of such an item? */
	ops[!!owner] = swt_ops;
	ops[!!owner].owner = owner;
	ops[!!owner].desc = NULL;
	WRITE_ONCE(user_gate.open, false);
	while (!ret && n--) {
		item = kzalloc(sizeof(*item), GFP_KERNEL);
		if (!item)
			return -ENOMEM;
		swt_item_init(item, SWT_SLOW, &ops[!!owner], "user_item", &key);
		item->on_execute = user_execute;
		item->on_last = user_last;
		/* It may be gone when this returns */
		ret = slow_work_enqueue(&item->work);
		if (ret)
			kfree(item);
	}
	return ret;
}

static int user_register(unsigned int flags)
{
	int ret = slow_work_register_user_flags(THIS_MODULE, flags);

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

static int vm_order(char *order)
{
	char *word = strsep(&order, " ");
	unsigned int n;

	if (!order) {
		if (!strcmp(word, "register"))
			return user_register(0);
		if (!strcmp(word, "reserve"))
			return user_register(SLOW_WORK_MEM_RECLAIM);
		if (!strcmp(word, "unregister"))
			return user_unregister();
		if (strcmp(word, "open"))
			return -EINVAL;
		swt_open(&user_gate);
		return 0;
	}
	if (kstrtouint(order, 10, &n) || n > USER_MOST)
		return -EINVAL;
	if (!strcmp(word, "stuck"))
		return user_add(THIS_MODULE, n);
	if (!strcmp(word, "orphan"))
		return user_add(NULL, n);
	return -EINVAL;
}

static int vm_state(struct seq_file *m, void *unused)
{
	seq_printf(m, "registered %d\nexecuting %d\n",
		   atomic_read(&user_registered), atomic_read(&user_executing));
	return 0;
}

static int __init user_init(void)
{
	swt_gate_init(&user_gate, TASK_IDLE);
	return vm_make_files();
}

static void __exit user_exit(void)
{
	proc_remove(vm_dir);
	swt_open(&user_gate);
	while (!user_unregister())
		;
}

module_init(user_init);
module_exit(user_exit);

MODULE_DESCRIPTION("User of slow-work that comes and goes for the scripts in tests/vm");
