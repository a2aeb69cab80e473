// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What lease-workqueue.c does, moved to slow work.  That file tells what it is;
 * diff shows what the move takes.
 */
#include <linux/delay.h>
#include <linux/kref.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/slow-work.h>

#define LEASES		8
#define PERIOD		(5 * HZ)

struct lease {
	struct delayed_slow_work work;
	struct kref ref;
	int id;
};

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

static struct lease *to_lease(struct slow_work *work)
{
	return container_of(work, struct lease, work.work);
}

/* The pool has a reference while the lease is armed, queued or executing */
static int lease_get_ref(struct slow_work *work)
{
	kref_get(&to_lease(work)->ref);
	return 0;
}

static void lease_put_ref(struct slow_work *work)
{
	lease_put(to_lease(work));
}

static void lease_renew(struct slow_work *work)
{
	struct lease *lease = to_lease(work);

	msleep(100);		/* talk to the server */
	atomic_inc(&renewals);
	pr_debug("lease %d renewed\n", lease->id);
	/* Refused while lease_drop() cancels it, as it should be */
	delayed_slow_work_enqueue(&lease->work, PERIOD);
}

static void lease_desc(struct slow_work *work, struct seq_file *m)
{
	seq_printf(m, "lease %d: renew", to_lease(work)->id);
}

static const struct slow_work_ops lease_ops = {
	.owner = THIS_MODULE,
	.get_ref = lease_get_ref,
	.put_ref = lease_put_ref,
	.execute = lease_renew,
	.desc = lease_desc,
};

static struct lease *lease_new(int id)
{
	struct lease *lease = kzalloc(sizeof(*lease), GFP_KERNEL);

	if (!lease)
		return NULL;
	kref_init(&lease->ref);
	lease->id = id;
	delayed_slow_work_init(&lease->work, &lease_ops);
	/* Not refused: there is a user, and lease_get_ref() never fails */
	delayed_slow_work_enqueue(&lease->work, PERIOD);
	return lease;
}

static void lease_drop(struct lease *lease)
{
	delayed_slow_work_cancel(&lease->work);
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
		delayed_slow_work_mod(&leases[i]->work, 0);
	slow_work_flush_user(THIS_MODULE);
	return 0;
}

static const struct kernel_param_ops renew_ops = { .set = lease_renew_all };
module_param_cb(renew, &renew_ops, NULL, 0200);
MODULE_PARM_DESC(renew, "Written to: renews all leases at once");

static int __init lease_init(void)
{
	int err, i;

	err = slow_work_register_user(THIS_MODULE);
	if (err)
		return err;
	for (i = 0; i < LEASES; i++) {
		leases[i] = lease_new(i);
		if (!leases[i])
			goto fail;
	}
	return 0;

fail:
	lease_drop_all();
	slow_work_unregister_user(THIS_MODULE);
	return -ENOMEM;
}

static void __exit lease_exit(void)
{
	lease_drop_all();
	slow_work_unregister_user(THIS_MODULE);
}

module_init(lease_init);
module_exit(lease_exit);
MODULE_DESCRIPTION("A caller that was moved from a workqueue");
MODULE_LICENSE("GPL");
