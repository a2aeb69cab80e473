// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-torture: what its items do, and their life; ../item.h has how they
 * check what the pool promises
 */

#define pr_fmt(fmt) "slow-work-torture: " fmt

#include <linux/delay.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "torture.h"
#include "../item.c"

#define TORT_GRAVES	64
#define TORT_MAX_FLUSHED	32U

atomic_t tort_mortals = ATOMIC_INIT(0);
unsigned int tort_longest_wait;	/* of the watchdog: jiffies */

/* Memory that has been poisoned, to be looked at once more before it is freed */
static struct tort_item *tort_graves[TORT_GRAVES];
static atomic_t tort_burials = ATOMIC_INIT(0);

/* What state it is in ************************************************/

void tort_show(struct tort_item *item, const char *why)
{
	swt_show_item(&item->base, why);
	pr_alert("%s: traits %x events %d/%d\n", item->base.name, item->traits,
		 atomic_read(&item->fired), atomic_read(&item->noticed));
}

void swt_item_fault(struct swt_item *base, enum swt_fault fault, const char *where)
{
	/* Nothing else is to be read of a dead one */
	if (fault == SWT_DEAD)
		tort_fault(fault, "%p, magic %lx, in %s", base, base->magic, where);
	else if (tort_fault(fault, "%s in %s", base->name, where))
		tort_show(tort_item_of(base), where);
}

void swt_item_moved(struct swt_item *base)
{
}

void swt_item_began(struct swt_item *base)
{
}

/* The watchdog's look at an item, each second */
void tort_watch(struct tort_item *item)
{
	unsigned long patience = tort_patience(), now = jiffies;	/* before the looks */
	unsigned int waited = now - item->watched_since;

	if (swt_satisfied(&item->base, item->watched)) {
		item->watched = atomic_long_read(&item->base.accepted);
		item->watched_since = now;
	} else if (waited <= patience) {
		WRITE_ONCE(tort_longest_wait, max(tort_longest_wait, waited));
	} else {
		tort_fault(SWT_LOST, "%s does not run", item->base.name);
		tort_show(item, "watchdog");
		item->watched_since = now;
	}

	if (atomic_read(&item->noticed) == atomic_read(&item->fired) ||
	    !atomic_read(&item->base.inside)) {
		item->event_since = now;
	} else if (time_after(now, item->event_since + patience)) {
		tort_fault(TORT_EVENT, "%s sleeps", item->base.name);
		tort_show(item, "watchdog");
		item->event_since = now;
	}
}

/* What is done with it **********************************************/

unsigned int tort_draw(struct tort_item *item, unsigned int n)
{
	u64 draw = tort_mix(item->seed + atomic_inc_return(&item->draws));

	return (unsigned long)draw % n;
}

/* Draws nothing where there is no haste, so that a seed draws what it drew */
static bool tort_item_in_haste(struct tort_item *item)
{
	return tort_haste > 1 && tort_draw(item, tort_haste);
}

void tort_nap(struct tort_item *item, unsigned int usecs)
{
	if (!tort_item_in_haste(item))
		usleep_range(10, usecs);
}

static int tort_submitted(struct tort_item *item, unsigned long delay, int ret)
{
	if (!ret)
		tort_count(delay ? TORT_ARMED : TORT_ACCEPTED);
	else if (ret == -ECANCELED)
		tort_count(TORT_REFUSED_CANCEL);
	else if (ret == -EAGAIN && (item->traits & TORT_FLAKY))
		tort_count(TORT_REFUSED_REF);
	else
		tort_fault(TORT_RESULT, "%s: enqueue returned %d", item->base.name, ret);
	return ret;
}

/* Context: any that slow_work_enqueue() allows. */
int tort_enqueue(struct tort_item *item, unsigned long delay)
{
	int ret = swt_is_delayed(&item->base) && delay ? swt_arm(&item->base, delay) :
							 swt_enqueue(&item->base);

	return tort_submitted(item, delay, ret);
}

/* The same, but that it changes the delay of one that is pending */
int tort_mod(struct tort_item *item, unsigned long delay)
{
	if (!swt_is_delayed(&item->base))
		return tort_enqueue(item, delay);
	tort_count(TORT_MODS);
	return tort_submitted(item, delay, swt_mod(&item->base, delay));
}

void tort_cancel(struct tort_item *item)
{
	if (swt_do_cancel(&item->base))
		tort_count(TORT_PREVENTED);
	tort_count(TORT_CANCELS);
}

/* A cancel that lasts until tort_enable(): until then it is at rest. */
void tort_disable(struct tort_item *item)
{
	if (swt_disable(&item->base))
		tort_count(TORT_PREVENTED);
	tort_must_rest(item, "disable");
	tort_count(TORT_DISABLES);
}

void tort_enable(struct tort_item *item)
{
	tort_must_rest(item, "being disabled");
	swt_enable(&item->base);
}

/* Context: any for items without references, else as put_ref. */
bool tort_try_cancel(struct tort_item *item)
{
	bool taken = swt_try_cancel(&item->base);

	if (taken)
		tort_count(TORT_TAKEN);
	tort_count(TORT_TRIES);
	return taken;
}

void tort_flush(struct tort_item *item)
{
	swt_do_flush(&item->base);
	tort_count(TORT_FLUSHES);
}

/*
 * Those of @module's items that are looked at, at most TORT_MAX_FLUSHED.  Of delayed
 * ones nothing can be said, as they may be armed.
 */
void tort_flush_user(struct module *module, struct tort_item *items,
		     unsigned int nr)
{
	struct swt_flush flushes[TORT_MAX_FLUSHED];
	unsigned int i;

	nr = min(nr, TORT_MAX_FLUSHED);
	for (i = 0; i < nr; i++)
		flushes[i] = swt_flush_begin(&items[i].base);
	slow_work_flush_user(module);
	for (i = 0; i < nr; i++)
		if (!swt_is_delayed(&items[i].base))
			swt_flush_end(&items[i].base, flushes[i]);
	tort_count(TORT_USER_FLUSHES);
}

/* The event that a sleeper waits for */
void tort_fire(struct tort_item *item)
{
	atomic_inc(&item->fired);
	wake_up(&item->wq);
	tort_count(TORT_EVENTS);
}

/* The call-outs *****************************************************/

static int tort_on_get(struct swt_item *base)
{
	struct tort_item *item = tort_item_of(base);

	if ((item->traits & TORT_FLAKY) && !tort_draw(item, 16))
		return -EAGAIN;
	if (item->traits & TORT_MORTAL)
		kref_get(&item->ref);
	return 0;
}

static void tort_on_put(struct swt_item *base)
{
	struct tort_item *item = tort_item_of(base);

	if (!tort_draw(item, 8))
		tort_nap(item, 300);
	if ((item->traits & TORT_LATE) && !READ_ONCE(tort.settling) &&
	    !tort_draw(item, 8))
		tort_enqueue(item, tort_draw(item, 3));
}

static void tort_on_last(struct swt_item *base)
{
	tort_item_drop(tort_item_of(base));
}

/* Reserves have no part in the share */
static bool tort_is_shared(struct swt_item *base)
{
	return swt_is_vslow(base) && swt_is_kslowd(current);
}

static void tort_on_execute(struct swt_item *base)
{
	struct tort_item *item = tort_item_of(base);
	unsigned int share;

	if (tort_is_shared(base)) {
		unsigned int very_slow = atomic_inc_return(&tort.very_slow);

		share = READ_ONCE(tort.share);
		if (share && very_slow > share)
			tort_fault(TORT_SHARE, "%u execute, the share is %u",
				   very_slow, share);
	}
	if ((item->traits & TORT_DUE) &&
	    time_before(jiffies, READ_ONCE(item->due)))
		tort_fault(TORT_EARLY, "%s: %lu jiffies early", base->name,
			   READ_ONCE(item->due) - jiffies);
	tort_count(TORT_RUNS);
	item->run(item);
	if (tort_is_shared(base))
		atomic_dec(&tort.very_slow);
}

static void tort_on_desc(struct swt_item *base, struct seq_file *m)
{
	tort_count(TORT_DESCS);
	seq_printf(m, "%s, %d starts", base->name, swt_starts(base));
	if (!tort_draw(tort_item_of(base), 8))
		usleep_range(10, 300);
}

void tort_ops_init(struct slow_work_ops *ops, struct module *owner,
		   bool counted)
{
	*ops = swt_ops;
	ops->owner = owner;
	if (!counted) {
		ops->get_ref = NULL;
		ops->put_ref = NULL;
	}
}

/* What execute does *************************************************/

/* Returns with the task running, and no more time left than there was. */
static bool tort_sleep(struct tort_item *item, signed long *timeout)
{
	signed long given = *timeout;
	bool needed;

	needed = slow_work_sleep_till_thread_needed(&item->base.work, timeout);
	if (!task_is_running(current))
		tort_fault(TORT_RESULT, "%s: sleep returned in state %x",
			   item->base.name, get_current_state());
	if (*timeout < 0 || *timeout > given)
		tort_fault(TORT_RESULT, "%s: of %ld jiffies %ld are left",
			   item->base.name, given, *timeout);
	tort_count(needed ? TORT_YIELDS : TORT_SLEEPS);
	return needed;
}

static unsigned int tort_sleep_state(struct tort_item *item)
{
	switch (tort_draw(item, 3)) {
	case 0:
		return TASK_UNINTERRUPTIBLE;
	case 1:
		return TASK_IDLE;
	default:
		return TASK_INTERRUPTIBLE;
	}
}

/* Only such as cannot come to wait for @item in turn: see tort_run_any() */
static struct tort_item *tort_another(struct tort_item *item)
{
	unsigned int nr = tort_draw(item, tort.nr_shared);

	if (item >= tort.shared && item < tort.shared + tort.nr_shared &&
	    nr <= item->nr)
		return NULL;
	return &tort.shared[nr];
}

/*
 * A bit of everything that an execute may do.  Cancelling others: of shared
 * items only such with a higher number, so that no two wait for each other.
 */
void tort_run_any(struct tort_item *item)
{
	struct tort_item *other;
	signed long timeout;

	switch (tort_draw(item, 32)) {
	case 0:
		if (!tort_item_in_haste(item))
			schedule_timeout_idle(tort_draw(item, 4));
		break;
	case 1 ... 4:
		tort_nap(item, 400);
		break;
	case 5 ... 7:
		udelay(tort_draw(item, 20));
		break;
	case 8 ... 10:
		if (!READ_ONCE(tort.settling))
			tort_enqueue(item, 0);
		break;
	case 11 ... 13:
		if (!READ_ONCE(tort.settling))
			tort_enqueue(item, tort_draw(item, 4));
		tort_nap(item, 100);
		break;
	case 14 ... 15:
		if (READ_ONCE(tort.crowd))
			tort_enqueue(&tort.shared[tort_draw(item, tort.nr_shared)],
				     tort_draw(item, 3));
		break;
	case 16:
		other = tort_another(item);
		if (READ_ONCE(tort.crowd) && other && !(item->traits & TORT_RECLAIM))
			tort_cancel(other);
		break;
	case 17:
		timeout = 1 + tort_draw(item, 5);
		set_current_state(tort_sleep_state(item));
		if (tort_sleep(item, &timeout) && !READ_ONCE(tort.settling))
			tort_enqueue(item, 0);
		break;
	case 18:
		/* nothing is waited for, so any will do */
		if (READ_ONCE(tort.crowd))
			tort_try_cancel(&tort.shared[tort_draw(item, tort.nr_shared)]);
		break;
	case 19:
		if (!READ_ONCE(tort.settling)) {
			tort_enqueue(item, tort_draw(item, 3));
			tort_try_cancel(item);
		}
		break;
	case 20:
		if (!READ_ONCE(tort.settling))
			tort_mod(item, tort_draw(item, 4));
		break;
	default:
		break;
	}
}

/* Always there: the pool is never quite idle while these go round. */
void tort_run_requeuer(struct tort_item *item)
{
	if (tort_draw(item, 2))
		tort_nap(item, 200);
	if (!READ_ONCE(tort.settling))
		tort_enqueue(item, tort_draw(item, 4) ? 0 : 1);
}

static bool tort_notice(struct tort_item *item)
{
	int fired = atomic_read(&item->fired);

	return atomic_xchg(&item->noticed, fired) != fired;
}

/*
 * Sleeps until its event, or until the thread is needed.  In a calm it goes on
 * sleeping after the event; else it may return.
 */
void tort_run_sleeper(struct tort_item *item)
{
	signed long timeout = MAX_SCHEDULE_TIMEOUT;
	DEFINE_WAIT(wait);
	bool needed;

	for (;;) {
		bool calm = READ_ONCE(tort.calm);

		if (tort_notice(item) && !calm && tort_draw(item, 2))
			return;
		timeout = calm || tort_draw(item, 4) ? MAX_SCHEDULE_TIMEOUT :
						       tort_draw(item, 20);

		needed = false;
		prepare_to_wait(&item->wq, &wait, tort_sleep_state(item));
		if (READ_ONCE(tort.settling)) {
			finish_wait(&item->wq, &wait);
			tort_notice(item);
			return;
		}
		if (atomic_read(&item->fired) == atomic_read(&item->noticed))
			needed = tort_sleep(item, &timeout);
		finish_wait(&item->wq, &wait);

		if (needed) {
			if (!READ_ONCE(tort.settling))
				tort_enqueue(item, 0);
			return;
		}
		if (!timeout && tort_draw(item, 2))
			return;
	}
}

/* Its life **********************************************************/

/*
 * Shared items cancel such with a higher number, and others cancel shared ones:
 * lockdep is to know them apart.
 */
static struct lock_class_key tort_keys[TORT_MAX_ITEMS], tort_key;

void tort_item_init(struct tort_item *item, const char *set, int nr,
		    enum swt_kind kind, unsigned int traits,
		    const struct slow_work_ops *ops)
{
	bool shared = item >= tort.shared &&
		      item < tort.shared + tort.nr_shared;
	struct lock_class_key *key = shared ? &tort_keys[nr] : &tort_key;
	struct swt_item *base = &item->base;
	struct tort_rng rng;

	tort_seed(&rng, set, nr);
	item->set = set;
	item->nr = nr;
	item->traits = traits;
	item->run = tort_run_any;
	item->seed = rng.state;
	item->watched_since = jiffies;
	item->event_since = jiffies;
	kref_init(&item->ref);
	init_waitqueue_head(&item->wq);
	swt_item_init(base, kind, ops, shared ? "tort_shared_item" : "tort_item", key);
	snprintf(base->name, sizeof(base->name), "%s %d", set, nr);
	base->on_get = tort_on_get;
	base->on_put = tort_on_put;
	base->on_last = traits & TORT_MORTAL ? tort_on_last : NULL;
	base->on_execute = tort_on_execute;
	base->on_desc = tort_on_desc;
}

/* A mortal item, with one reference for the caller; NULL without memory */
struct tort_item *tort_item_new(struct tort_rng *rng)
{
	enum swt_kind kind = tort_below(rng, SWT_NR_KINDS);
	bool counted = tort_below(rng, 2);
	unsigned int traits = TORT_MORTAL;
	size_t size = tort_item_size(kind);
	struct tort_item *item;

	item = kzalloc(size, GFP_KERNEL);
	if (!item)
		return NULL;
	if (counted)
		traits |= TORT_COUNTED | (tort_below(rng, 2) ? TORT_FLAKY : 0);
	tort_item_init(item, "mortal", atomic_inc_return(&tort_mortals), kind,
		       traits, &tort.ops[counted]);
	item->size = size;
	return item;
}

static void tort_exhume(struct tort_item *item, size_t size)
{
	if (!item)
		return;
	if (memchr_inv(item, TORT_POISON, size))
		tort_fault(TORT_TOUCHED, "after the end of %p", item);
	kfree(item);
}

/*
 * Half of them are freed at once, for KASAN and the allocator to watch; the
 * others stay a while, poisoned, so that a late write shows on any kernel.
 * The smaller size serves for all.
 */
static void tort_item_release(struct kref *ref)
{
	struct tort_item *item = container_of(ref, struct tort_item, ref);
	unsigned int grave = atomic_inc_return(&tort_burials);

	tort_must_rest(item, "its last reference");
	memset(item, TORT_POISON, item->size);
	if (grave % 2)
		kfree(item);
	else
		tort_exhume(xchg(&tort_graves[grave / 2 % TORT_GRAVES], item),
			    tort_item_size(SWT_SLOW));
	tort_count(TORT_FREED);
	atomic_dec(&tort_mortals);
}

void tort_item_drop(struct tort_item *item)
{
	kref_put(&item->ref, tort_item_release);
}

void tort_graveyard_clear(void)
{
	unsigned int grave;

	for (grave = 0; grave < TORT_GRAVES; grave++)
		tort_exhume(xchg(&tort_graves[grave], NULL),
			    tort_item_size(SWT_SLOW));
}
