/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the callers in this directory take an order from their control file. */

#ifndef _SLOW_WORK_VM_CONTROL_H
#define _SLOW_WORK_VM_CONTROL_H

#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/uaccess.h>

/* An order is a line, the end of which may be missing.  Return 0 or an errno. */
static inline int vm_copy_order(char *order, size_t size,
				const char __user *from, size_t count)
{
	memset(order, 0, size);
	if (!count || count >= size)
		return -EINVAL;
	if (copy_from_user(order, from, count))
		return -EFAULT;
	if (strlen(order) != count)
		return -EINVAL;
	if (order[count - 1] == '\n')
		order[count - 1] = '\0';
	return strchr(order, '\n') ? -EINVAL : 0;
}

#endif /* _SLOW_WORK_VM_CONTROL_H */
