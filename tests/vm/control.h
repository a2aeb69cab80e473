/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the callers in this directory are controlled: /proc/MODULE/control takes an
 * order a write, .../state tells what became of it.  Not every kernel has debugfs.
 */

#ifndef _SLOW_WORK_VM_CONTROL_H
#define _SLOW_WORK_VM_CONTROL_H

#include <linux/errno.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slow-work.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/uaccess.h>

/* The longest order */
#ifndef VM_LONGEST
#define VM_LONGEST	40
#endif

/* Defined by the module.  Return 0 or an errno. */
static int vm_order(char *order);
static int vm_state(struct seq_file *m, void *unused);

static struct proc_dir_entry *vm_dir;

/* An order is a line, the end of which may be missing */
static ssize_t vm_write(struct file *file, const char __user *from, size_t count,
			loff_t *pos)
{
	char order[VM_LONGEST] = "";
	int ret;

	if (!count || count >= sizeof(order))
		return -EINVAL;
	if (copy_from_user(order, from, count))
		return -EFAULT;
	if (strlen(order) != count)
		return -EINVAL;
	if (order[count - 1] == '\n')
		order[count - 1] = '\0';
	if (strchr(order, '\n'))
		return -EINVAL;
	ret = vm_order(order);
	return ret ?: count;
}

static const struct proc_ops vm_control_ops = {
	.proc_write	= vm_write,
	.proc_lseek	= noop_llseek,
};

static int vm_make_files(void)
{
	vm_dir = proc_mkdir(KBUILD_MODNAME, NULL);
	if (vm_dir && proc_create("control", 0200, vm_dir, &vm_control_ops) &&
	    proc_create_single("state", 0400, vm_dir, vm_state))
		return 0;
	proc_remove(vm_dir);
	return -ENOMEM;
}

/* The same of one that registers as a user first */
static inline int vm_begin(void)
{
	int ret = slow_work_register_user(THIS_MODULE);

	if (ret)
		return ret;
	ret = vm_make_files();
	if (ret)
		slow_work_unregister_user(THIS_MODULE);
	return ret;
}

MODULE_AUTHOR("The slow-work developers");
MODULE_LICENSE("GPL");

#endif /* _SLOW_WORK_VM_CONTROL_H */
