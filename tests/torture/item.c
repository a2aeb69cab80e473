// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-torture: an item whose call-outs check what the pool promises
 *
 * Whoever enqueues draws a ticket first.  A run notes the last ticket drawn
 * when it begins; a cancel that says it took a run back excuses all that were
 * drawn before it returned.  So once all is at rest, every ticket whose enqueue was
 * accepted has been seen or excused, or an enqueue was lost.  And when a flush
 * returns that is so of those accepted before, or a cancel is about to say so.
 */

#define pr_fmt(fmt) "slow-work-torture: " fmt

#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "torture.h"

#define TORT_GRAVES	64
#define TORT_MAX_FLUSHED	32U

atomic_t tort_mortals = ATOMIC_INIT(0);
unsigned int tort_longest_wait;	/* of the watchdog: jiffies */

/* Memory that has been poisoned, to be looked at once more before it is freed */
static struct tort_item *tort_graves[TORT_GRAVES];
static atomic_t tort_burials = ATOMIC_INIT(0);

/* What state it is in ************************************************/

bool tort_is_pending(struct tort_item *item)
{
	return READ_ONCE(item->work.flags) & BIT(SLOW_WORK_PENDING);
}

/* Nobody has the item, and all that execute wrote is to be seen */
bool tort_at_rest(struct tort_item *item)
{
	unsigned long flags = READ_ONCE(item->work.flags);

	return !(flags & (BIT(SLOW_WORK_PENDING) | BIT(SLOW_WORK_EXECUTING))) &&
	       !atomic_read_acquire(&item->inside) &&
	       atomic_read(&item->puts) == atomic_read(&item->gets);
}

bool tort_satisfied(struct tort_item *item, long ticket)
{
	return atomic_long_read(&item->seen) >= ticket ||
	       atomic_long_read(&item->excused) >= ticket;
}

void tort_show(struct tort_item *item, const char *why)
{
	pr_alert("%s: %s %d: kind %d traits %x flags %lx; want %ld accepted %ld seen %ld over %ld excused %ld; cancels %d/%d tries %d/%d gets %d puts %d/%d; starts %d inside %d desc %d; events %d/%d\n",
		 why, item->set, item->nr, item->kind, item->traits,
		 READ_ONCE(item->work.flags), atomic_long_read(&item->want),
		 atomic_long_read(&item->accepted),
		 atomic_long_read(&item->seen),
		 atomic_long_read(&item->over),
		 atomic_long_read(&item->excused),
		 atomic_read(&item->cancels_begun),
		 atomic_read(&item->cancels_done),
		 atomic_read(&item->tries_begun),
		 atomic_read(&item->tries_done), atomic_read(&item->gets),
		 atomic_read(&item->puts), atomic_read(&item->putting),
		 atomic_read(&item->starts), atomic_read(&item->inside),
		 atomic_read(&item->describing), atomic_read(&item->fired),
		 atomic_read(&item->noticed));
}

/* A cancel or an unregister has returned, and nobody else has the item. */
void tort_must_rest(struct tort_item *item, const char *after)
{
	/* Plain: that the last run is seen whole, the pool has promised. */
	unsigned long payload = item->payload;

	if (slow_work_is_queued(&item->work) || tort_is_pending(item) ||
	    atomic_read(&item->inside) || atomic_read(&item->putting) ||
	    atomic_read(&item->describing)) {
		tort_fault(TORT_NOT_AT_REST, "%s %d after %s", item->set,
			   item->nr, after);
		tort_show(item, after);
	}
	if (atomic_read(&item->gets) != atomic_read(&item->puts)) {
		tort_fault(TORT_UNBALANCED, "%s %d after %s", item->set,
			   item->nr, after);
		tort_show(item, after);
	}
	if (payload != atomic_read(&item->starts))
		tort_fault(TORT_OVERLAP, "%s %d: %d runs left %lu marks after %s",
			   item->set, item->nr, atomic_read(&item->starts),
			   payload, after);
}

/* All actors are parked, and all should be at rest */
void tort_audit(struct tort_item *item)
{
	tort_must_rest(item, "audit");
	if (!tort_satisfied(item, atomic_long_read(&item->accepted))) {
		tort_fault(TORT_LOST, "%s %d", item->set, item->nr);
		tort_show(item, "audit");
	}
}

/* The watchdog's look at an item, each second */
void tort_watch(struct tort_item *item)
{
	unsigned long patience = tort_patience();
	unsigned int waited = jiffies - item->watched_since;

	if (tort_satisfied(item, item->watched)) {
		item->watched = atomic_long_read(&item->accepted);
		item->watched_since = jiffies;
	} else if (waited <= patience) {
		WRITE_ONCE(tort_longest_wait, max(tort_longest_wait, waited));
	} else {
		tort_fault(TORT_LOST, "%s %d does not run", item->set, item->nr);
		tort_show(item, "watchdog");
		item->watched_since = jiffies;
	}

	if (atomic_read(&item->noticed) == atomic_read(&item->fired) ||
	    !atomic_read(&item->inside)) {
		item->event_since = jiffies;
	} else if (time_after(jiffies, item->event_since + patience)) {
		tort_fault(TORT_EVENT, "%s %d sleeps", item->set, item->nr);
		tort_show(item, "watchdog");
		item->event_since = jiffies;
	}
}

/* What is done with it **********************************************/

unsigned int tort_draw(struct tort_item *item, unsigned int n)
{
	u64 draw = tort_mix(item->seed + atomic_inc_return(&item->draws));

	return (unsigned long)draw % n;
}

static void tort_raise(atomic_long_t *what, long to)
{
	long old = atomic_long_read(what);

	while (old < to && !atomic_long_try_cmpxchg(what, &old, to))
		;
}

static int tort_submit(struct tort_item *item, unsigned long delay, bool mod)
{
	int done = atomic_read(&item->cancels_done);
	long ticket = atomic_long_inc_return(&item->want);
	int ret;

	if (mod)
		ret = delayed_slow_work_mod(&item->dwork, delay);
	else if (tort_is_delayed(item) && delay)
		ret = delayed_slow_work_enqueue(&item->dwork, delay);
	else
		ret = slow_work_enqueue(&item->work);

	if (!ret) {
		tort_raise(&item->accepted, ticket);
		tort_count(delay ? TORT_ARMED : TORT_ACCEPTED);
	} else if (ret == -ECANCELED) {
		tort_count(TORT_REFUSED_CANCEL);
		/* all that ever began were done before we came? */
		if (done == atomic_read(&item->cancels_begun))
			tort_fault(TORT_RESULT, "%s %d refused for no cancel",
				   item->set, item->nr);
	} else if (ret == -EAGAIN && (item->traits & TORT_FLAKY)) {
		tort_count(TORT_REFUSED_REF);
	} else {
		tort_fault(TORT_RESULT, "%s %d: enqueue returned %d",
			   item->set, item->nr, ret);
	}
	return ret;
}

/* Context: any that slow_work_enqueue() allows. */
int tort_enqueue(struct tort_item *item, unsigned long delay)
{
	return tort_submit(item, delay, false);
}

/* The same, but that it changes the delay of one that is pending */
int tort_mod(struct tort_item *item, unsigned long delay)
{
	if (!tort_is_delayed(item))
		return tort_enqueue(item, delay);
	tort_count(TORT_MODS);
	return tort_submit(item, delay, true);
}

void tort_cancel(struct tort_item *item)
{
	atomic_inc(&item->cancels_begun);
	if (slow_work_cancel(&item->work)) {
		tort_raise(&item->excused, atomic_long_read(&item->want));
		tort_count(TORT_PREVENTED);
	}
	smp_mb__before_atomic();	/* pairs with tort_flush_begin() */
	atomic_inc(&item->cancels_done);
	tort_count(TORT_CANCELS);
}

/* A cancel that lasts until tort_enable(): until then it is at rest. */
void tort_disable(struct tort_item *item)
{
	atomic_inc(&item->cancels_begun);
	if (slow_work_disable_sync(&item->work)) {
		tort_raise(&item->excused, atomic_long_read(&item->want));
		tort_count(TORT_PREVENTED);
	}
	tort_must_rest(item, "disable");
	tort_count(TORT_DISABLES);
}

void tort_enable(struct tort_item *item)
{
	tort_must_rest(item, "being disabled");
	slow_work_enable(&item->work);
	smp_mb__before_atomic();	/* pairs with tort_flush_begin() */
	atomic_inc(&item->cancels_done);
}

/* Context: any for items without references, else as put_ref. */
bool tort_try_cancel(struct tort_item *item)
{
	bool taken;

	atomic_inc(&item->tries_begun);
	taken = slow_work_try_cancel(&item->work);
	if (taken) {
		tort_raise(&item->excused, atomic_long_read(&item->want));
		tort_count(TORT_TAKEN);
	}
	smp_mb__before_atomic();	/* pairs with tort_flush_begin() */
	atomic_inc(&item->tries_done);
	tort_count(TORT_TRIES);
	return taken;
}

/**
 * struct tort_flush - what a flush is to wait for
 * @accepted: the last ticket accepted before
 * @cancels: cancels of any kind that had begun; all had returned, or -1
 */
struct tort_flush {
	long accepted;
	int cancels;
};

static int tort_cancels_begun(struct tort_item *item)
{
	return atomic_read(&item->cancels_begun) +
	       atomic_read(&item->tries_begun);
}

static struct tort_flush tort_flush_begin(struct tort_item *item)
{
	struct tort_flush flush;
	int done;

	flush.accepted = atomic_long_read(&item->accepted);
	done = atomic_read(&item->cancels_done) +
	       atomic_read(&item->tries_done);
	/* what a cancel that was done took is excused, and it had begun */
	smp_mb();
	flush.cancels = tort_cancels_begun(item);
	if (flush.cancels != done)
		flush.cancels = -1;
	return flush;
}

/* Exact but where a cancel came in between, and has perhaps not said yet what it did */
static void tort_flush_end(struct tort_item *item, struct tort_flush flush)
{
	bool over;

	over = atomic_long_read(&item->over) >= flush.accepted ||
	       atomic_long_read(&item->excused) >= flush.accepted;
	smp_mb();	/* whoever took it meanwhile had begun before */
	if (over || flush.cancels != tort_cancels_begun(item))
		return;
	tort_fault(TORT_FLUSH, "%s %d, ticket %ld", item->set, item->nr,
		   flush.accepted);
	tort_show(item, "flush");
}

void tort_flush(struct tort_item *item)
{
	struct tort_flush flush = tort_flush_begin(item);

	if (tort_is_delayed(item))
		delayed_slow_work_flush(&item->dwork);
	else
		slow_work_flush(&item->work);
	tort_flush_end(item, flush);
	tort_count(TORT_FLUSHES);
}

/*
 * Those of @module's items that are looked at, at most TORT_MAX_FLUSHED.  Of delayed
 * ones nothing can be said, as they may be armed.
 */
void tort_flush_user(struct module *module, struct tort_item *items,
		     unsigned int nr)
{
	struct tort_flush flushes[TORT_MAX_FLUSHED];
	unsigned int i;

	nr = min(nr, TORT_MAX_FLUSHED);
	for (i = 0; i < nr; i++)
		flushes[i] = tort_flush_begin(&items[i]);
	slow_work_flush_user(module);
	for (i = 0; i < nr; i++)
		if (!tort_is_delayed(&items[i]))
			tort_flush_end(&items[i], flushes[i]);
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

static bool tort_is_dead(struct tort_item *item, const char *call)
{
	unsigned long magic = READ_ONCE(item->magic);

	if (likely(magic == TORT_ALIVE))
		return false;
	tort_fault(TORT_DEAD, "%s of %p, magic %lx", call, item, magic);
	return true;
}

static int tort_get_ref(struct slow_work *work)
{
	struct tort_item *item = tort_item_of(work);

	if (tort_is_dead(item, "get_ref"))
		return -EIO;
	if (!irqs_disabled())
		tort_fault(TORT_CONTEXT, "get_ref with interrupts on");
	if ((item->traits & TORT_FLAKY) && !tort_draw(item, 16))
		return -EAGAIN;
	if (item->traits & TORT_MORTAL)
		kref_get(&item->ref);
	atomic_inc(&item->gets);
	return 0;
}

static void tort_put_ref(struct slow_work *work)
{
	struct tort_item *item = tort_item_of(work);

	might_sleep();
	if (tort_is_dead(item, "put_ref"))
		return;
	atomic_inc(&item->putting);
	if (atomic_read(&item->describing))
		tort_fault(TORT_DESCRIBED, "%s %d", item->set, item->nr);
	if (slow_work_current() == work)
		tort_fault(TORT_RESULT, "%s %d is current in put_ref", item->set,
			   item->nr);
	if (!tort_draw(item, 8))
		usleep_range(10, 300);
	if ((item->traits & TORT_LATE) && !READ_ONCE(tort.settling) &&
	    !tort_draw(item, 8))
		tort_enqueue(item, tort_draw(item, 3));
	atomic_dec(&item->putting);
	if (atomic_inc_return(&item->puts) > atomic_read(&item->gets))
		tort_fault(TORT_UNBALANCED, "%s %d: put too often", item->set,
			   item->nr);
	if (item->traits & TORT_MORTAL)
		tort_item_drop(item);
}

/* Reserves have no part in the share */
static bool tort_is_shared(const struct tort_item *item)
{
	return tort_is_vslow(item) && str_has_prefix(current->comm, "kslowd");
}

static void tort_execute(struct slow_work *work)
{
	struct tort_item *item = tort_item_of(work);
	unsigned int share;
	long seen;

	might_sleep();
	if (tort_is_dead(item, "execute"))
		return;
	if (atomic_inc_return(&item->inside) != 1)
		tort_fault(TORT_OVERLAP, "%s %d", item->set, item->nr);
	if (slow_work_current() != work)
		tort_fault(TORT_RESULT, "%s %d is not current", item->set,
			   item->nr);
	if (tort_is_shared(item)) {
		unsigned int very_slow = atomic_inc_return(&tort.very_slow);

		share = READ_ONCE(tort.share);
		if (share && very_slow > share)
			tort_fault(TORT_SHARE, "%u execute, the share is %u",
				   very_slow, share);
	}
	if ((item->traits & TORT_DUE) &&
	    time_before(jiffies, READ_ONCE(item->due)))
		tort_fault(TORT_EARLY, "%s %d: %lu jiffies early", item->set,
			   item->nr, READ_ONCE(item->due) - jiffies);
	seen = atomic_long_read(&item->want);
	atomic_long_set(&item->seen, seen);
	atomic_inc(&item->starts);
	item->payload++;	/* plain: no two runs at once, and each sees the last */
	tort_count(TORT_RUNS);

	item->run(item);

	atomic_long_set(&item->over, seen);
	if (tort_is_shared(item))
		atomic_dec(&tort.very_slow);
	smp_mb__before_atomic();	/* whoever sees us out sees what we wrote */
	atomic_dec(&item->inside);
}

static void tort_desc(struct slow_work *work, struct seq_file *m)
{
	struct tort_item *item = tort_item_of(work);

	might_sleep();
	if (tort_is_dead(item, "desc"))
		return;
	atomic_inc(&item->describing);
	tort_count(TORT_DESCS);
	seq_printf(m, "%s %d, %d starts", item->set, item->nr,
		   atomic_read(&item->starts));
	if (!tort_draw(item, 8))
		usleep_range(10, 300);
	tort_is_dead(item, "end of desc");
	atomic_dec(&item->describing);
}

void tort_ops_init(struct slow_work_ops *ops, struct module *owner,
		   bool counted)
{
	*ops = (struct slow_work_ops) {
		.owner = owner,
		.get_ref = counted ? tort_get_ref : NULL,
		.put_ref = counted ? tort_put_ref : NULL,
		.execute = tort_execute,
		.desc = tort_desc,
	};
}

/* What execute does *************************************************/

/* Returns with the task running, and no more time left than there was. */
static bool tort_sleep(struct tort_item *item, signed long *timeout)
{
	signed long given = *timeout;
	bool needed;

	needed = slow_work_sleep_till_thread_needed(&item->work, timeout);
	if (!task_is_running(current))
		tort_fault(TORT_RESULT, "%s %d: sleep returned in state %x",
			   item->set, item->nr, READ_ONCE(current->__state));
	if (*timeout < 0 || *timeout > given)
		tort_fault(TORT_RESULT, "%s %d: of %ld jiffies %ld are left",
			   item->set, item->nr, given, *timeout);
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
		schedule_timeout_idle(tort_draw(item, 4));
		break;
	case 1 ... 4:
		usleep_range(10, 400);
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
		usleep_range(10, 100);
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
		usleep_range(20, 200);
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
		    enum tort_kind kind, unsigned int traits,
		    const struct slow_work_ops *ops)
{
	bool shared = item >= tort.shared &&
		      item < tort.shared + tort.nr_shared;
	struct lock_class_key *key = &tort_key;
	const char *name = "tort_item";
	unsigned long flags = 0;
	struct tort_rng rng;

	tort_seed(&rng, set, nr);
	item->magic = TORT_ALIVE;
	item->set = set;
	item->nr = nr;
	item->kind = kind;
	item->traits = traits;
	item->run = tort_run_any;
	item->seed = rng.state;
	item->watched_since = jiffies;
	item->event_since = jiffies;
	kref_init(&item->ref);
	init_waitqueue_head(&item->wq);
	if (shared) {
		key = &tort_keys[nr];
		name = "tort_shared_item";
	}
	if (tort_is_vslow(item))
		flags = BIT(SLOW_WORK_VERY_SLOW);
	if (tort_is_delayed(item))
		__delayed_slow_work_init(&item->dwork, ops, flags, name, key);
	else
		__slow_work_init(&item->work, ops, flags, name, key);
}

/* A mortal item, with one reference for the caller; NULL without memory */
struct tort_item *tort_item_new(struct tort_rng *rng)
{
	enum tort_kind kind = tort_below(rng, TORT_NR_KINDS);
	bool counted = tort_below(rng, 2);
	unsigned int traits = TORT_MORTAL;
	struct tort_item *item;
	size_t size;

	size = kind == TORT_DELAYED || kind == TORT_DELAYED_VSLOW ?
	       sizeof(*item) : offsetofend(struct tort_item, work);
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
			    offsetofend(struct tort_item, work));
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
			    offsetofend(struct tort_item, work));
}
