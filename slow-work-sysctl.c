// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: /proc/sys/kernel/slow-work and the module's parameters
 */

#define pr_fmt(fmt) "Slow work thread pool: " fmt

#include <linux/bitmap.h>
#include <linux/cpumask.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/slow-work.h>
#include <linux/string.h>
#include <linux/sysctl.h>
#include "slow-work.h"

/* Module parameters *************************************************/

/* A parameter, which may not have been given */
struct slow_work_param {
	int value;	/* as text says it */
	bool given;	/* there is one */
};

static int slow_work_param_set(const char *text, const struct kernel_param *kp)
{
	struct slow_work_param *param = kp->arg;
	int ret = kstrtoint(text, 0, &param->value);

	if (!ret)
		param->given = true;
	return ret;
}

static const struct kernel_param_ops slow_work_param_ops = {
	.set = slow_work_param_set,
};

static struct slow_work_param min_threads, max_threads, vslow_percentage;

/* Mode 0: sysctl shows what holds now. */
module_param_cb(min_threads, &slow_work_param_ops, &min_threads, 0);
MODULE_PARM_DESC(min_threads, "Threads to have at least (default 2)");
module_param_cb(max_threads, &slow_work_param_ops, &max_threads, 0);
MODULE_PARM_DESC(max_threads,
		 "Threads to have at most (default 4, or the possible CPUs)");
module_param_cb(vslow_percentage, &slow_work_param_ops, &vslow_percentage, 0);
MODULE_PARM_DESC(vslow_percentage,
		 "Percentage of the threads that very slow items may take (default 50)");

static int slow_work_param_check(const char *name,
				 struct slow_work_param *param,
				 int least, int most, unsigned int *value)
{
	if (!param->given)
		return 0;
	if (param->value < least || param->value > most) {
		pr_err("Parameter %s: %d is not from %d to %d\n", name,
		       param->value, least, most);
		return -EINVAL;
	}
	*value = param->value;
	return 0;
}

/**
 * slow_work_params_check - the start values of the pool
 *
 * Return: 0, or -EINVAL if a parameter is out of range: a line says which, and
 * its default is set.
 */
int slow_work_params_check(void)
{
	unsigned int possible = num_possible_cpus();
	int ret, err;

	slow_pool.limit = max(255U, 2 * possible);
	slow_pool.max = max(4U, possible);

	ret = slow_work_param_check("min_threads", &min_threads,
				    SLOW_WORK_MIN_THREADS,
				    max_threads.given &&
				    max_threads.value >= SLOW_WORK_MIN_THREADS ?
				    min_t(int, max_threads.value, slow_pool.limit) :
				    slow_pool.limit, &slow_pool.min);
	slow_pool.max = max(slow_pool.max, slow_pool.min);
	err = slow_work_param_check("max_threads", &max_threads,
				    slow_pool.min, slow_pool.limit, &slow_pool.max);
	ret = ret ?: err;
	err = slow_work_param_check("vslow_percentage", &vslow_percentage,
				    1, 99, &slow_pool.vslow_percentage);
	return ret ?: err;
}

#ifdef CONFIG_SYSCTL

/* The least and the most that a setting may be; slow_pool.lock held */
static unsigned int slow_work_least(const unsigned int *setting)
{
	if (setting == &slow_pool.min)
		return SLOW_WORK_MIN_THREADS;
	return setting == &slow_pool.max ? slow_pool.min : 1;
}

static unsigned int slow_work_most(const unsigned int *setting)
{
	if (setting == &slow_pool.min)
		return slow_pool.max;
	return setting == &slow_pool.max ? slow_pool.limit : 99;
}

/*
 * The manager starts or retires threads later; this waits for none.  A very slow item
 * may have a slot now, so a thread may have to be woken.
 */
static int slow_work_set(unsigned int *setting, int value)
{
	int ret = -EINVAL;

	raw_spin_lock_irq(&slow_pool.lock);
	if (value >= 0 && value >= slow_work_least(setting) &&
	    value <= slow_work_most(setting)) {
		/* litmus: settings */
		WRITE_ONCE(*setting, value);
		slow_work_update();
		slow_work_kick();
		slow_work_wake_manager();
		ret = 0;
	}
	raw_spin_unlock_irq(&slow_pool.lock);
	return ret;
}

static int slow_work_set_integer(void *setting, int value)
{
	if (setting == &slow_pool.nice)
		return slow_work_set_nice(value);
	if (setting == &slow_pool.stall_secs)
		return slow_work_set_stall_secs(value);
	if (setting == &slow_pool.histograms)
		return slow_work_set_histograms(value);
	return slow_work_set(setting, value);
}

/* Integers in the kernel's notation; trailing characters are rejected. */
static int slow_work_sysctl(slow_work_ctl_table *table, int write,
			    void *buffer, size_t *lenp, loff_t *ppos)
{
	int value = write ? INT_MIN : READ_ONCE(*(int *)table->data), ret;
	struct ctl_table one = {
		.procname = table->procname,
		.data = &value,
		.maxlen = sizeof(value),
		.mode = table->mode,
	};
	size_t length = *lenp;
	bool at_offset = *ppos;

	ret = proc_dointvec(&one, write, buffer, lenp, ppos);
	if (ret || !write || !length)
		return ret;
	/* kernel.sysctl_writes_strict decides whether that is looked at */
	if (at_offset && value == INT_MIN)
		return 0;
	return *lenp == length ? slow_work_set_integer(table->data, value) : -EINVAL;
}

static int slow_work_show_cpumask(slow_work_ctl_table *table,
				  const struct cpumask *mask, void *buffer,
				  size_t *lenp, loff_t *ppos)
{
	char *text = kasprintf(GFP_KERNEL, "%*pb", cpumask_pr_args(mask));
	struct ctl_table one = {
		.procname = table->procname,
		.data = text,
		.mode = table->mode,
	};
	int ret;

	if (!text)
		return -ENOMEM;
	one.maxlen = strlen(text) + 1;
	ret = proc_dostring(&one, 0, buffer, lenp, ppos);
	kfree(text);
	return ret;
}

/* One line that the kernel's bitmaps take, and no more */
static int slow_work_parse_cpumask(const char *text, size_t length,
				   struct cpumask *mask)
{
	const char *end = memchr(text, '\n', length);

	if (memchr(text, '\0', length) || (end && end != text + length - 1))
		return -EINVAL;
	return bitmap_parse(text, length, cpumask_bits(mask), nr_cpumask_bits);
}

/* The format of /sys/devices/virtual/workqueue/cpumask */
static int slow_work_sysctl_cpumask(slow_work_ctl_table *table, int write,
				    void *buffer, size_t *lenp, loff_t *ppos)
{
	cpumask_var_t mask;
	int ret;

	if (!alloc_cpumask_var(&mask, GFP_KERNEL))
		return -ENOMEM;
	if (!write) {
		slow_work_get_cpumask(mask);
		ret = slow_work_show_cpumask(table, mask, buffer, lenp, ppos);
	} else if (*ppos) {
		ret = -EINVAL;
	} else {
		ret = slow_work_parse_cpumask(buffer, *lenp, mask);
		if (!ret)
			ret = slow_work_set_cpumask(mask);
		if (!ret)
			*ppos += *lenp;
	}
	free_cpumask_var(mask);
	return ret;
}

#define SLOW_WORK_INTEGER(setting)		\
	.data		= (setting),		\
	.maxlen		= sizeof(int),		\
	.mode		= 0644,			\
	.proc_handler	= slow_work_sysctl

static struct ctl_table slow_work_sysctls[] = {
	{ .procname = "min-threads", SLOW_WORK_INTEGER(&slow_pool.min) },
	{ .procname = "max-threads", SLOW_WORK_INTEGER(&slow_pool.max) },
	{ .procname = "vslow-percentage", SLOW_WORK_INTEGER(&slow_pool.vslow_percentage) },
	{
		.procname	= "cpumask",
		.mode		= 0644,
		.proc_handler	= slow_work_sysctl_cpumask,
	},
	{ .procname = "nice", SLOW_WORK_INTEGER(&slow_pool.nice) },
	{ .procname = "stall-warn-secs", SLOW_WORK_INTEGER(&slow_pool.stall_secs) },
	{ .procname = "histograms", SLOW_WORK_INTEGER(&slow_pool.histograms) },
	SLOW_WORK_SYSCTL_END
};

static struct ctl_table_header *slow_work_sysctl_header;

/**
 * slow_work_sysctl_init - make the sysctls
 *
 * Return: 0 or -ENOMEM.
 */
int slow_work_sysctl_init(void)
{
	slow_work_sysctl_header = register_sysctl("kernel/slow-work",
						  slow_work_sysctls);
	return slow_work_sysctl_header ? 0 : -ENOMEM;
}

void slow_work_sysctl_exit(void)
{
	unregister_sysctl_table(slow_work_sysctl_header);
}

#else

int slow_work_sysctl_init(void)
{
	return 0;
}

void slow_work_sysctl_exit(void)
{
}

#endif
