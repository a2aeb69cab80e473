// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: one pool of threads, shared by every caller, for work that blocks
 * for long.  This file is the list of its parts.
 */

#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slow-work.h>
#include "slow-work.h"

static int __init slow_work_module_init(void)
{
	int ret;

	ret = slow_work_params_check();
	/* Built in there is no load to refuse: the default holds */
	if (ret && __is_defined(MODULE))
		return ret;
	ret = slow_work_pool_init();
	if (ret)
		return ret;
	ret = slow_work_affinity_init();
	if (ret)
		goto out_pool;
	ret = slow_work_watchdog_init();
	if (ret)
		goto out_affinity;
	ret = slow_work_sysctl_init();
	if (ret)
		goto out_watchdog;
	slow_work_debugfs_init();
	return 0;

out_watchdog:
	slow_work_watchdog_exit();
out_affinity:
	slow_work_affinity_exit();
out_pool:
	slow_work_pool_exit();
	return ret;
}

/*
 * Callers depend on us, so all have unregistered: no thread, no item, no timer
 * is left.  But a timer's function may have its last lines before it.
 */
static void __exit slow_work_module_exit(void)
{
	synchronize_rcu();
	slow_work_debugfs_exit();
	slow_work_sysctl_exit();
	slow_work_watchdog_exit();
	slow_work_affinity_exit();
	slow_work_pool_exit();
	slow_work_trace_exit();
	slow_work_user_exit();
}

/* Built in, callers among drivers and filesystems come later than this */
subsys_initcall(slow_work_module_init);
module_exit(slow_work_module_exit);

MODULE_DESCRIPTION("Shared pool of threads for work that blocks for long");
MODULE_AUTHOR("The slow-work developers");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.2");
