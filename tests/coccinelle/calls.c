// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls that the sample does not have, which scripts/coccinelle/workqueue-to-slow-work.cocci
 * moves without a report.  tests/coccinelle.sh builds what comes out.
 */
#include <linux/module.h>
#include <linux/workqueue.h>

struct port {
	struct work_struct reset;
	struct delayed_work poll;
};

static struct workqueue_struct *ports;

static void reset_fn(struct work_struct *work)
{
	struct port *port = container_of(work, struct port, reset);

	if (current_work() == work && !delayed_work_pending(&port->poll))
		queue_delayed_work(ports, &port->poll, HZ);
}

static void poll_fn(struct work_struct *work)
{
	struct port *port = container_of(to_delayed_work(work), struct port, poll);

	mod_delayed_work(ports, &port->poll, HZ);
}

static DECLARE_WORK(reset_all, reset_fn);
static DECLARE_DELAYED_WORK(poll_all, poll_fn);

void port_stop(struct port *port, struct delayed_work *other)
{
	disable_work_sync(&port->reset);
	disable_delayed_work_sync(&port->poll);
	if (delayed_work_pending(other))
		cancel_delayed_work(other);
	cancel_work(&reset_all);
	enable_delayed_work(&port->poll);
	enable_work(&port->reset);
	flush_delayed_work(&poll_all);
	flush_workqueue(ports);
}

/* Once, and wait for it */
void port_reset(void)
{
	struct delayed_work later;
	struct work_struct now;

	INIT_WORK_ONSTACK(&now, reset_fn);
	INIT_DELAYED_WORK_ONSTACK(&later, poll_fn);
	queue_work(ports, &now);
	schedule_delayed_work(&later, 1);
	flush_work(&now);
	cancel_work_sync(&now);
	cancel_delayed_work_sync(&later);
	destroy_delayed_work_on_stack(&later);
	destroy_work_on_stack(&now);
}

static int __init ports_init(void)
{
	ports = alloc_workqueue("ports", WQ_UNBOUND, 0);
	if (!ports)
		return -ENOMEM;
	return 0;
}
module_init(ports_init);
MODULE_DESCRIPTION("Calls to be moved");
MODULE_LICENSE("GPL");
