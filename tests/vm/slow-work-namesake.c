// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-namesake: a sysctl with the name of the directory of slow_work's, so that its
 * insmod fails where that is almost through.  The name of one of those in the directory
 * would not do: the kernel loses sight of all that is there.
 */
#include <linux/module.h>
#include <linux/sysctl.h>
#include "../compat.h"

static int namesake_value;

static struct ctl_table namesake_sysctls[] = {
	{
		.procname	= "slow-work",
		.data		= &namesake_value,
		.maxlen		= sizeof(int),
		.mode		= 0444,
		.proc_handler	= proc_dointvec,
	},
	SLOW_WORK_SYSCTL_END
};

static struct ctl_table_header *namesake_header;

static int __init namesake_init(void)
{
	namesake_header = register_sysctl("kernel", namesake_sysctls);
	return namesake_header ? 0 : -ENOMEM;
}

static void __exit namesake_exit(void)
{
	unregister_sysctl_table(namesake_header);
}

module_init(namesake_init);
module_exit(namesake_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Has the name of slow_work's sysctls");
