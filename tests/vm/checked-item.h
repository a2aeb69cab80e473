/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The instrumented item in the callers of this directory: a fault is a WARN. */

#ifndef _SLOW_WORK_VM_CHECKED_ITEM_H
#define _SLOW_WORK_VM_CHECKED_ITEM_H

#include "../item.c"

void swt_item_fault(struct swt_item *item, enum swt_fault fault, const char *where)
{
	/* The last unregister may call put_ref */
	if (fault == SWT_PUT_STRANGER)
		return;
	WARN(1, "%p: %s in %s\n", item, swt_fault_names[fault], where);
	if (fault != SWT_DEAD)
		swt_show_item(item, where);
}

void swt_item_moved(struct swt_item *item)
{
}

void swt_item_began(struct swt_item *item)
{
}

#endif /* _SLOW_WORK_VM_CHECKED_ITEM_H */
