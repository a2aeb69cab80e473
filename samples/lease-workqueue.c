// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The same caller twice: lease-workqueue.c as one writes it for a workqueue,
 * lease-slow-work.c as it is on slow work.  The page on workqueues goes from the
 * one to the other; diff shows it line by line.
 *
 * A lease is renewed every few seconds by talking to a server, which may take
 * long.  Writing to the parameter "renew" renews all of them at once, and
 * returns when that is done.
 */
#include <linux/delay.h>
#include <linux/kref.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#define LEASES		8
#define PERIOD		(5 * HZ)

struct lease {
	struct delayed_work work;
	struct kref ref;
	int id;
};

static struct workqueue_struct *lease_queue;
static struct lease *leases[LEASES];

static atomic_t renewals;
module_param_named(renewals, renewals.counter, int, 0444);
MODULE_PARM_DESC(renewals, "How many there have been");

static void lease_release(struct kref *ref)
{
	kfree(container_of(ref, struct lease, ref));
}

static void lease_put(struct lease *lease)
{
	kref_put(&lease->ref, lease_release);
}

/* Each pending work has a reference; who finds it pending gives his own back */
static void lease_arm(struct lease *lease, unsigned long delay)
{
	kref_get(&lease->ref);
	if (!queue_delayed_work(lease_queue, &lease->work, delay))
		lease_put(lease);
}

static void lease_renew_now(struct lease *lease)
{
	kref_get(&lease->ref);
	if (mod_delayed_work(lease_queue, &lease->work, 0))
		lease_put(lease);
}

static void lease_renew(struct work_struct *work)
{
	struct lease *lease = container_of(to_delayed_work(work), struct lease,
					   work);

	msleep(100);		/* talk to the server */
	atomic_inc(&renewals);
	pr_debug("lease %d renewed\n", lease->id);
	lease_arm(lease, PERIOD);
	lease_put(lease);
}

static struct lease *lease_new(int id)
{
	struct lease *lease = kzalloc(sizeof(*lease), GFP_KERNEL);

	if (!lease)
		return NULL;
	kref_init(&lease->ref);
	lease->id = id;
	INIT_DELAYED_WORK(&lease->work, lease_renew);
	lease_arm(lease, PERIOD);
	return lease;
}

static void lease_drop(struct lease *lease)
{
	if (cancel_delayed_work_sync(&lease->work))
		lease_put(lease);	/* of the run that there will not be */
	lease_put(lease);
}

/* Parameters can be written to until the module is gone; not under this lock */
static void lease_drop_all(void)
{
	int i;

	kernel_param_lock(THIS_MODULE);
	for (i = 0; i < LEASES && leases[i]; i++) {
		lease_drop(leases[i]);
		leases[i] = NULL;
	}
	kernel_param_unlock(THIS_MODULE);
}

static int lease_renew_all(const char *val, const struct kernel_param *kp)
{
	int i;

	if (!leases[0])
		return -ENODEV;	/* not yet loaded, or no more */
	for (i = 0; i < LEASES && leases[i]; i++)
		lease_renew_now(leases[i]);
	flush_workqueue(lease_queue);
	return 0;
}

static const struct kernel_param_ops renew_ops = { .set = lease_renew_all };
module_param_cb(renew, &renew_ops, NULL, 0200);
MODULE_PARM_DESC(renew, "Written to: renews all leases at once");

static int __init lease_init(void)
{
	int i;

	lease_queue = alloc_workqueue("lease", WQ_UNBOUND | WQ_FREEZABLE, 4);
	if (!lease_queue)
		return -ENOMEM;
	for (i = 0; i < LEASES; i++) {
		leases[i] = lease_new(i);
		if (!leases[i])
			goto fail;
	}
	return 0;

fail:
	lease_drop_all();
	destroy_workqueue(lease_queue);
	return -ENOMEM;
}

static void __exit lease_exit(void)
{
	lease_drop_all();
	destroy_workqueue(lease_queue);
}

module_init(lease_init);
module_exit(lease_exit);
MODULE_DESCRIPTION("A caller of a workqueue, to be moved to slow work");
MODULE_LICENSE("GPL");
