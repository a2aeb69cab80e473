// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-torture: the actors
 *
 * Each is a kthread that does one kind of thing, again and again, as long as
 * its role may act; else it is parked.  Those for interrupts start timers and
 * leave the deed to them.
 */

#define pr_fmt(fmt) "slow-work-torture: " fmt

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/freezer.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/debug.h>
#include <linux/slab.h>
#include "torture.h"

#define TORT_OWN	4	/* items of a delayer */
#define TORT_MODIFIED	0	/* one of them is armed anew at any time */
#define TORT_USER_ITEMS	5
#define TORT_HELD	80	/* more than the threads that guest.sh ever sets */

/**
 * struct tort_actor - an actor
 * @role: its role
 * @nr: its number within the role
 * @task: its kthread
 * @rng: what it draws from
 * @parked: it does nothing
 * @rounds: what it has done so far
 * @watched: of the watchdog: @rounds at
 * @watched_since: of the watchdog: these jiffies
 * @own: of a delayer: items that nobody else enqueues
 * @hold: of a holder
 * @hrtimer: of a TORT_HARDIRQ
 * @timer: of a TORT_SOFTIRQ
 * @irq_rng: what these draw from
 * @repeats: how often they go off again by themselves
 */
struct tort_actor {
	enum tort_role role;
	unsigned int nr;
	struct task_struct *task;
	struct tort_rng rng;
	bool parked;
	unsigned long rounds;
	unsigned long watched;
	unsigned long watched_since;
	struct tort_item own[TORT_OWN];
	struct tort_hold *hold;
	struct hrtimer hrtimer;
	struct timer_list timer;
	struct tort_rng irq_rng;
	unsigned int repeats;
};

struct tort_role_ops {
	const char *name;
	void (*act)(struct tort_actor *actor);
	void (*rest)(struct tort_actor *actor);
};

static const struct tort_role_ops tort_roles[TORT_NR_ROLES];

static struct tort_actor *tort_crowd;
static unsigned int tort_nr_crowd;
static DECLARE_WAIT_QUEUE_HEAD(tort_gate);

/* A mortal item with a reference that whoever finds it may have */
static struct tort_item *tort_exchange;

/* What they do ******************************************************/

static bool tort_in_haste(struct tort_rng *rng)
{
	return tort_haste > 1 && tort_below(rng, tort_haste);
}

static void tort_pause(struct tort_rng *rng)
{
	if (tort_in_haste(rng)) {
		cond_resched();
		return;
	}
	switch (tort_below(rng, 8)) {
	case 0:
		schedule_timeout_idle(1);
		break;
	case 1 ... 4:
		usleep_range(10, 10 + tort_below(rng, 1000));
		break;
	default:
		cond_resched();
		break;
	}
}

/* Half of the time all play with the same one. */
static struct tort_item *tort_pick(struct tort_rng *rng)
{
	if (tort_below(rng, 2))
		return &tort.shared[jiffies / 8 % tort.nr_shared];
	return &tort.shared[tort_below(rng, tort.nr_shared)];
}

static void tort_produce(struct tort_actor *actor)
{
	struct tort_rng *rng = &actor->rng;
	int burst = tort_below(rng, 4);

	do {
		if (tort_below(rng, 8))
			tort_enqueue(tort_pick(rng), tort_below(rng, 2) ?
						     tort_below(rng, 4) : 0);
		else
			tort_mod(tort_pick(rng), tort_below(rng, 4));
	} while (burst--);
}

static void tort_cancel_one(struct tort_actor *actor)
{
	if (tort.nr_sleepers && !tort_below(&actor->rng, 4))
		tort_cancel(&tort.sleepers[tort_below(&actor->rng,
						      tort.nr_sleepers)]);
	else if (tort_below(&actor->rng, 2))
		tort_cancel(tort_pick(&actor->rng));
	else
		tort_try_cancel(tort_pick(&actor->rng));
}

/* What is disabled is at rest, however much is enqueued meanwhile. */
static void tort_disable_one(struct tort_actor *actor)
{
	struct tort_item *item = tort_pick(&actor->rng);

	tort_disable(item);
	if (!tort_below(&actor->rng, 8)) {
		/* They are counted; and a cancel is no enable. */
		tort_disable(item);
		tort_cancel(item);
		tort_enable(item);
	}
	if (!tort_in_haste(&actor->rng))
		usleep_range(10, 10 + tort_below(&actor->rng, 2000));
	tort_enable(item);
}

/* What sleeps is waited for until it is sent home: so not each time */
static void tort_flush_one(struct tort_actor *actor)
{
	if (tort_below(&actor->rng, 8))
		tort_flush(tort_pick(&actor->rng));
	else
		tort_flush_user(THIS_MODULE, tort.shared, tort.nr_shared);
}

static void tort_arm(struct tort_item *item, unsigned long delay)
{
	WRITE_ONCE(item->due, jiffies + delay);
	tort_enqueue(item, delay);
}

static void tort_run_due(struct tort_item *item)
{
	if (!READ_ONCE(tort.settling) && !tort_draw(item, 4))
		tort_arm(item, tort_draw(item, 10));
	if (tort_draw(item, 2))
		tort_nap(item, 100);
}

static void tort_run_modified(struct tort_item *item)
{
	if (tort_draw(item, 2))
		tort_nap(item, 100);
}

/*
 * Arms an item anew, which does not arm itself.  A run that is not under way when
 * the mod has returned is the one that this asked for; any other may be from before.
 */
static void tort_modify(struct tort_item *item, unsigned long delay)
{
	unsigned long due = jiffies + delay;

	if (time_before(due, item->due))
		WRITE_ONCE(item->due, due);
	tort_mod(item, delay);
	if (!swt_flag(&item->base, SLOW_WORK_EXECUTING))
		WRITE_ONCE(item->due, due);
}

/* The same, or it is taken back: nobody else does any of that. */
static void tort_delay_modified(struct tort_actor *actor, struct tort_item *item)
{
	switch (tort_below(&actor->rng, 8)) {
	case 0:
		tort_cancel(item);
		tort_must_rest(item, "its only canceller");
		break;
	case 1:
		tort_try_cancel(item);
		break;
	case 2:
		WRITE_ONCE(item->due, jiffies);
		tort_flush(item);
		tort_must_rest(item, "the flush of its only enqueuer");
		break;
	default:
		tort_modify(item, tort_below(&actor->rng, 10));
		break;
	}
}

/* Its own items are armed by nobody else, so they must not run early. */
static void tort_delay(struct tort_actor *actor)
{
	unsigned int nr = tort_below(&actor->rng, TORT_OWN);
	struct tort_item *item = &actor->own[nr];

	if (nr == TORT_MODIFIED) {
		tort_delay_modified(actor, item);
	} else if (tort_at_rest(item)) {
		tort_arm(item, tort_below(&actor->rng, 10));
	} else if (!tort_below(&actor->rng, 4)) {
		tort_cancel(item);
		tort_must_rest(item, "its only canceller");
	}
}

/* Sleepers are to be there, and have events. */
static void tort_wake(struct tort_actor *actor)
{
	struct tort_item *item;

	if (!tort.nr_sleepers)
		return;
	item = &tort.sleepers[tort_below(&actor->rng, tort.nr_sleepers)];
	if (tort_at_rest(item))
		tort_enqueue(item, 0);
	else if (!tort_below(&actor->rng, 4))
		tort_fire(item);
}

/*
 * An owner of a mortal item leaves it: cancels it and drops it on the next
 * line.  Where the pool has references too, it may go without a cancel.
 */
static void tort_part(struct tort_actor *actor, struct tort_item *item)
{
	if (!tort_below(&actor->rng, 4))
		tort_try_cancel(item);
	if (!tort_below(&actor->rng, 4))
		tort_flush(item);
	if (!(item->traits & TORT_COUNTED) || tort_below(&actor->rng, 3)) {
		tort_cancel(item);
		if (kref_read(&item->ref) == 1) {
			smp_rmb();	/* what others did before they left */
			tort_must_rest(item, "cancel");
		}
	}
	tort_item_drop(item);
}

static void tort_enqueue_some(struct tort_actor *actor, struct tort_item *item)
{
	int i;

	for (i = tort_below(&actor->rng, 4); i >= 0; i--)
		tort_enqueue(item, tort_below(&actor->rng, 4));
}

/* Makes an item, at times shares it with another, and frees it. */
static void tort_free(struct tort_actor *actor)
{
	struct tort_item *item, *other = NULL;

	item = tort_item_new(&actor->rng);
	if (!item)
		return;
	tort_enqueue_some(actor, item);
	switch (tort_below(&actor->rng, 4)) {
	case 0 ... 1:
		kref_get(&item->ref);
		other = xchg(&tort_exchange, item);
		break;
	case 2:
		other = xchg(&tort_exchange, NULL);
		break;
	}
	if (tort_below(&actor->rng, 2))
		tort_pause(&actor->rng);
	tort_part(actor, item);
	if (other) {
		if (tort_below(&actor->rng, 2))
			tort_enqueue_some(actor, other);
		tort_part(actor, other);
	}
}

/*
 * A module that comes, and goes together with all that it had.  Each is an owner of its
 * own, whose items take turns with all others'.
 */
struct tort_user {
	struct module module;
	struct slow_work_ops ops[2];
	struct tort_item items[TORT_USER_ITEMS];
};

static void tort_use_one(struct tort_actor *actor, struct tort_item *item)
{
	switch (tort_below(&actor->rng, 12)) {
	case 0 ... 1:
		tort_cancel(item);
		break;
	case 2:
		tort_try_cancel(item);
		break;
	case 3:
		tort_flush(item);
		break;
	case 4:
		tort_mod(item, tort_below(&actor->rng, 4));
		break;
	}
}

static void tort_use(struct tort_actor *actor)
{
	struct tort_rng *rng = &actor->rng;
	bool reserve = !tort_below(rng, 4);
	unsigned int traits, i, twice;
	struct tort_user *user;
	int ret;

	user = kzalloc(sizeof(*user), GFP_KERNEL);
	if (!user)
		return;
	snprintf(user->module.name, sizeof(user->module.name), "tort_user_%u",
		 actor->nr);
	for (i = 0; i < 2; i++)
		tort_ops_init(&user->ops[i], &user->module, i);
	for (i = 0; i < TORT_USER_ITEMS; i++) {
		traits = tort_below(rng, 4) ? TORT_COUNTED | TORT_LATE : 0;
		tort_item_init(&user->items[i], user->module.name, i,
			       tort_below(rng, SWT_NR_KINDS),
			       traits | (reserve ? TORT_RECLAIM : 0),
			       &user->ops[!!traits]);
	}

	twice = tort_below(rng, 2);
	for (i = 0; i <= twice; i++) {
		ret = slow_work_register_user_flags(&user->module,
						    reserve ? SLOW_WORK_MEM_RECLAIM : 0);
		if (ret)
			tort_fault(TORT_RESULT, "register returned %d", ret);
	}
	tort_count(TORT_USERS);
	for (i = tort_below(rng, 12); i; i--) {
		tort_enqueue_some(actor,
				  &user->items[tort_below(rng, TORT_USER_ITEMS)]);
		tort_pause(rng);
		tort_use_one(actor, &user->items[tort_below(rng, TORT_USER_ITEMS)]);
		if (!tort_below(rng, 4))
			tort_flush_user(&user->module, user->items,
					TORT_USER_ITEMS);
	}
	for (i = 0; i <= twice; i++)
		slow_work_unregister_user(&user->module);

	for (i = 0; i < TORT_USER_ITEMS; i++)
		tort_audit(&user->items[i]);
	memset(user, TORT_POISON, sizeof(*user));
	kfree(user);
}

/* All threads held **************************************************/

/**
 * struct tort_hold - what a holder has
 * @wq: the blockers wait here
 * @released: they may go
 * @user: two modules with a reserve
 * @blockers: items of the torture module's; at rest while the holder is parked
 */
struct tort_hold {
	wait_queue_head_t wq;
	bool released;
	struct tort_user user[2];
	struct tort_item blockers[TORT_HELD];
};

/* One holder's at a time: an item has no room for whose it is */
static DEFINE_MUTEX(tort_hold_mutex);
static struct tort_hold *tort_holding;

/* The freezer must not wait for us. */
static void tort_run_held(struct tort_item *item)
{
	struct tort_hold *hold = READ_ONCE(tort_holding);

	wait_event_interruptible(hold->wq, READ_ONCE(hold->released) || freezing(current));
}

static void tort_run_reserved(struct tort_item *item)
{
	if (tort_draw(item, 2))
		usleep_range(10, 400);
	/* At times it is that again, at once or after a delay */
	if (!READ_ONCE(tort.settling) && !tort_draw(item, 4))
		tort_enqueue(item, tort_draw(item, 3));
}

static bool tort_hold_at_rest(struct tort_hold *hold)
{
	unsigned int i;

	for (i = 0; i < TORT_HELD; i++)
		if (!tort_at_rest(&hold->blockers[i]))
			return false;
	return true;
}

/* More blockers are queued than there are threads: nothing else is served. */
static bool tort_is_held(struct tort_hold *hold)
{
	unsigned int i, queued = 0;

	for (i = 0; i < TORT_HELD; i++)
		queued += slow_work_is_queued(&hold->blockers[i].base.work);
	return queued;
}

/* Every item of @user that is enqueued runs, whoever holds the threads. */
static void tort_expect_progress(struct tort_actor *actor, struct tort_user *user)
{
	struct tort_item *item = &user->items[tort_below(&actor->rng, TORT_USER_ITEMS)];
	bool held = tort_is_held(actor->hold);
	int starts;

	starts = swt_starts(&item->base);
	if (tort_enqueue(item, swt_is_delayed(&item->base) ? tort_below(&actor->rng, 4) : 0))
		return;
	if (!tort_comes_true(swt_starts(&item->base) != starts)) {
		tort_fault(TORT_RESERVE, "%s", item->base.name);
		tort_show(item, "reserve");
	} else if (held && tort_is_held(actor->hold)) {
		tort_count(TORT_RESERVED);
	}
}

static void tort_hold_user(struct tort_actor *actor, struct tort_user *user, unsigned int nr)
{
	unsigned int i;
	int ret;

	memset(user, 0, sizeof(*user));
	snprintf(user->module.name, sizeof(user->module.name), "tort_hold_%u", nr);
	for (i = 0; i < 2; i++)
		tort_ops_init(&user->ops[i], &user->module, i);
	for (i = 0; i < TORT_USER_ITEMS; i++) {
		tort_item_init(&user->items[i], user->module.name, i,
			       tort_below(&actor->rng, SWT_NR_KINDS),
			       i % 2 ? TORT_COUNTED : 0, &user->ops[i % 2]);
		user->items[i].run = tort_run_reserved;
	}
	ret = slow_work_register_user_flags(&user->module, SLOW_WORK_MEM_RECLAIM);
	if (ret)
		tort_fault(TORT_RESULT, "register with a reserve returned %d", ret);
}

/*
 * Holds all threads of the pool, and looks whether those that have a reserve make
 * progress; at times they leave meanwhile.
 */
static void tort_hold(struct tort_actor *actor)
{
	struct tort_hold *hold = actor->hold;
	struct tort_rng *rng = &actor->rng;
	unsigned int i, j;

	/* Others want to be served, too */
	if (tort_below(rng, 8)) {
		schedule_timeout_idle(1 + tort_below(rng, HZ / 10));
		return;
	}
	mutex_lock(&tort_hold_mutex);
	WRITE_ONCE(hold->released, false);
	WRITE_ONCE(tort_holding, hold);
	for (i = 0; i < 2; i++)
		tort_hold_user(actor, &hold->user[i], 2 * actor->nr + i);
	for (i = 0; i < TORT_HELD; i++)
		tort_enqueue(&hold->blockers[i], 0);
	tort_count(TORT_HOLDS);
	for (i = 1 + tort_below(rng, 10); i; i--)
		tort_expect_progress(actor, &hold->user[tort_below(rng, 2)]);

	for (i = 0; i < 2; i++) {
		if (i == 1) {
			WRITE_ONCE(hold->released, true);
			wake_up_all(&hold->wq);
		}
		slow_work_unregister_user(&hold->user[i].module);
		for (j = 0; j < TORT_USER_ITEMS; j++)
			tort_audit(&hold->user[i].items[j]);
	}
	if (!tort_comes_true(tort_hold_at_rest(hold)))
		tort_give_up("what held the threads does not come to rest");
	mutex_unlock(&tort_hold_mutex);
}

static void tort_hold_free(struct tort_actor *actor)
{
	kvfree(actor->hold);
	actor->hold = NULL;
}

static int tort_hold_init(struct tort_actor *actor)
{
	struct tort_hold *hold = kvzalloc(sizeof(*hold), GFP_KERNEL);
	int i;

	if (!hold)
		return -ENOMEM;
	init_waitqueue_head(&hold->wq);
	for (i = 0; i < TORT_HELD; i++) {
		tort_item_init(&hold->blockers[i], "held", i, SWT_SLOW, i % 2 ? TORT_COUNTED : 0,
			       &tort.ops[i % 2]);
		hold->blockers[i].run = tort_run_held;
	}
	actor->hold = hold;
	return 0;
}

/* Interrupts ********************************************************/

/* Those with references have a put_ref that sleeps. */
static void tort_interrupt(struct tort_rng *rng)
{
	struct tort_item *item = tort_pick(rng);

	if (slow_work_current())
		tort_fault(TORT_RESULT, "an item is current in an interrupt");
	if (!tort_below(rng, 8))
		tort_mod(item, tort_below(rng, 3));
	else
		tort_enqueue(item, tort_below(rng, 3));
	item = tort_pick(rng);
	if (!(item->traits & TORT_COUNTED) && tort_below(rng, 2))
		tort_try_cancel(item);
}

static enum hrtimer_restart tort_hardirq(struct hrtimer *hrtimer)
{
	struct tort_actor *actor = container_of(hrtimer, struct tort_actor,
						hrtimer);
	unsigned int repeats = READ_ONCE(actor->repeats);

	tort_count(TORT_FROM_HARDIRQ);
	tort_interrupt(&actor->irq_rng);
	if (!repeats)
		return HRTIMER_NORESTART;
	WRITE_ONCE(actor->repeats, repeats - 1);
	hrtimer_forward_now(hrtimer, ns_to_ktime(5000 +
				tort_below(&actor->irq_rng, 300000)));
	return HRTIMER_RESTART;
}

static void tort_start_hardirq(struct tort_actor *actor)
{
	if (hrtimer_active(&actor->hrtimer))
		return;
	WRITE_ONCE(actor->repeats, tort_below(&actor->rng, 8));
	hrtimer_start(&actor->hrtimer,
		      ns_to_ktime(tort_below(&actor->rng, 200000)),
		      HRTIMER_MODE_REL_HARD);
}

static void tort_stop_hardirq(struct tort_actor *actor)
{
	hrtimer_cancel(&actor->hrtimer);
}

static void tort_softirq(struct timer_list *timer)
{
	struct tort_actor *actor = container_of(timer, struct tort_actor, timer);

	tort_count(TORT_FROM_SOFTIRQ);
	tort_interrupt(&actor->irq_rng);
}

static void tort_start_softirq(struct tort_actor *actor)
{
	if (!timer_pending(&actor->timer))
		mod_timer(&actor->timer, jiffies + tort_below(&actor->rng, 3));
}

static void tort_stop_softirq(struct tort_actor *actor)
{
	timer_delete_sync(&actor->timer);
}

static const struct tort_role_ops tort_roles[TORT_NR_ROLES] = {
	[TORT_PRODUCER]	 = { "produce", tort_produce },
	[TORT_CANCELLER] = { "cancel", tort_cancel_one },
	[TORT_DISABLER]	 = { "disable", tort_disable_one },
	[TORT_FLUSHER]	 = { "flush", tort_flush_one },
	[TORT_DELAYER]	 = { "delay", tort_delay },
	[TORT_WAKER]	 = { "wake", tort_wake },
	[TORT_FREER]	 = { "free", tort_free },
	[TORT_USER]	 = { "use", tort_use },
	[TORT_HOLDER]	 = { "hold", tort_hold },
	[TORT_HARDIRQ]	 = { "hardirq", tort_start_hardirq, tort_stop_hardirq },
	[TORT_SOFTIRQ]	 = { "softirq", tort_start_softirq, tort_stop_softirq },
};

/* Acting and resting ************************************************/

static bool tort_may_act(struct tort_actor *actor)
{
	return READ_ONCE(tort.phase) & BIT(actor->role);
}

static int tort_actor_main(void *data)
{
	struct tort_actor *actor = data;
	const struct tort_role_ops *ops = &tort_roles[actor->role];

	/* The processors are for the pool first, or it does not get to run. */
	set_user_nice(current, 10);
	while (!kthread_should_stop()) {
		if (!tort_may_act(actor)) {
			if (ops->rest)
				ops->rest(actor);
			/* whoever sees us parked sees what we did */
			smp_store_release(&actor->parked, true);
			wait_event_idle(tort_gate,
					tort_may_act(actor) || kthread_should_stop());
			WRITE_ONCE(actor->parked, false);
			continue;
		}
		ops->act(actor);
		WRITE_ONCE(actor->rounds, actor->rounds + 1);
		tort_pause(&actor->rng);
	}
	return 0;
}

/* Those whose roles may act have begun, and all others rest */
static bool tort_all_follow(void)
{
	unsigned int i;

	for (i = 0; i < tort_nr_crowd; i++) {
		/* pairs with the store in tort_actor_main() */
		bool parked = smp_load_acquire(&tort_crowd[i].parked);

		if (parked == tort_may_act(&tort_crowd[i]))
			return false;
	}
	return true;
}

/* @fn for all items that are there all the time; true if it was for all */
static bool tort_each_item(bool (*fn)(struct tort_item *item))
{
	bool all = true;
	unsigned int i, j;

	for (i = 0; i < tort.nr_shared; i++)
		all &= fn(&tort.shared[i]);
	for (i = 0; i < tort.nr_sleepers; i++)
		all &= fn(&tort.sleepers[i]);
	for (i = 0; i < tort_nr_crowd; i++)
		if (tort_crowd[i].role == TORT_DELAYER)
			for (j = 0; j < TORT_OWN; j++)
				all &= fn(&tort_crowd[i].own[j]);
	return all;
}

static bool tort_audit_one(struct tort_item *item)
{
	tort_audit(item);
	return true;
}

static bool tort_watch_one(struct tort_item *item)
{
	tort_watch(item);
	return true;
}

static bool tort_show_restless(struct tort_item *item)
{
	if (!tort_at_rest(item))
		tort_show(item, "restless");
	return true;
}

/*
 * Two looks at each: until the first one's are over, a run that began while the crowd was
 * there may enqueue an item that has been looked at.
 */
static bool tort_all_at_rest(void)
{
	return !atomic_read(&tort_mortals) && tort_exact_at_rest() &&
	       tort_each_item(tort_at_rest) && tort_each_item(tort_at_rest);
}

/* Those with one of @roles may act.  False: they do not follow. */
bool tort_release(unsigned long roles)
{
	WRITE_ONCE(tort.settling, false);
	WRITE_ONCE(tort.crowd, !!(roles & BIT(TORT_PRODUCER)));
	WRITE_ONCE(tort.phase, roles);
	wake_up_all(&tort_gate);
	if (tort_comes_true(tort_all_follow()))
		return true;
	tort_give_up("actors do not start");
	return false;
}

/* Nobody acts, and all comes to rest.  False: it does not. */
bool tort_gather(void)
{
	struct tort_item *item;
	unsigned int i;

	WRITE_ONCE(tort.settling, true);
	WRITE_ONCE(tort.crowd, false);
	WRITE_ONCE(tort.phase, TORT_NOBODY);
	for (i = 0; i < tort.nr_sleepers; i++)
		wake_up(&tort.sleepers[i].wq);

	if (!tort_comes_true(tort_all_follow())) {
		for (i = 0; i < tort_nr_crowd; i++)
			if (!READ_ONCE(tort_crowd[i].parked))
				sched_show_task(tort_crowd[i].task);
		tort_give_up("actors do not stop");
		return false;
	}

	item = xchg(&tort_exchange, NULL);
	if (item) {
		tort_cancel(item);
		tort_item_drop(item);
	}

	if (!tort_comes_true(tort_all_at_rest())) {
		tort_each_item(tort_show_restless);
		if (atomic_read(&tort_mortals))
			pr_alert("%d mortal items are left\n",
				 atomic_read(&tort_mortals));
		tort_give_up("items do not come to rest");
		return false;
	}
	tort_each_item(tort_audit_one);
	tort_count(TORT_GATHERED);
	return true;
}

/* The watchdog's look at all, each second */
void tort_crowd_watch(void)
{
	unsigned int i;

	tort_each_item(tort_watch_one);
	for (i = 0; i < tort_nr_crowd; i++) {
		struct tort_actor *actor = &tort_crowd[i];
		unsigned long now = jiffies;	/* before the looks */
		unsigned long rounds = READ_ONCE(actor->rounds);

		/* One that can run waits for nobody but the host */
		if (READ_ONCE(actor->parked) || rounds != actor->watched ||
		    task_is_running(actor->task)) {
			actor->watched = rounds;
			actor->watched_since = now;
		} else if (time_after(now, actor->watched_since +
				      tort_patience())) {
			tort_fault(TORT_STUCK, "actor %s %u",
				   tort_roles[actor->role].name, actor->nr);
			sched_show_task(actor->task);
			actor->watched_since = now;
		}
	}
}

/* Coming and going **************************************************/

static int tort_actor_start(struct tort_actor *actor, enum tort_role role,
			    unsigned int nr)
{
	const char *name = tort_roles[role].name;
	struct task_struct *task;
	int i;

	actor->role = role;
	actor->nr = nr;
	actor->watched_since = jiffies;
	tort_seed(&actor->rng, name, nr);
	tort_seed(&actor->irq_rng, name, nr + 1000);
	timer_setup(&actor->timer, tort_softirq, 0);
	hrtimer_setup(&actor->hrtimer, tort_hardirq, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_HARD);
	for (i = 0; i < TORT_OWN; i++) {
		tort_item_init(&actor->own[i], "delayed", nr * TORT_OWN + i,
			       SWT_DELAYED, TORT_COUNTED | TORT_DUE,
			       &tort.ops[1]);
		actor->own[i].run = i == TORT_MODIFIED ? tort_run_modified :
							 tort_run_due;
	}

	if (role == TORT_HOLDER && tort_hold_init(actor))
		return -ENOMEM;
	task = kthread_run(tort_actor_main, actor, "tort_%s/%u", name, nr);
	if (IS_ERR(task)) {
		tort_hold_free(actor);
		return PTR_ERR(task);
	}
	actor->task = task;
	return 0;
}

/* Actors start parked: the phase is nobody's. */
int tort_crowd_init(void)
{
	enum tort_role role;
	unsigned int nr, total = 0;
	int ret;

	for (role = 0; role < TORT_NR_ROLES; role++)
		total += tort_actors[role];
	tort_crowd = kcalloc(total, sizeof(*tort_crowd), GFP_KERNEL);
	if (!tort_crowd)
		return -ENOMEM;
	for (role = 0; role < TORT_NR_ROLES; role++)
		for (nr = 0; nr < tort_actors[role]; nr++) {
			ret = tort_actor_start(&tort_crowd[tort_nr_crowd], role,
					       nr);
			if (ret) {
				tort_crowd_exit();
				return ret;
			}
			tort_nr_crowd++;
		}
	return 0;
}

/* To be called when all are gathered. */
void tort_crowd_exit(void)
{
	while (tort_nr_crowd) {
		kthread_stop(tort_crowd[--tort_nr_crowd].task);
		tort_hold_free(&tort_crowd[tort_nr_crowd]);
	}
	kfree(tort_crowd);
	tort_crowd = NULL;
}
