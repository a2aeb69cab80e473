// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: which thread comes for what is queued
 *
 * An idle thread is woken; where none idles, a thread that sleeps in
 * slow_work_sleep_till_thread_needed() is preempted; where none sleeps, the manager
 * is woken to start one.
 *
 * A thread that was preempted or started is counted on for 10 ms, and an idle one that
 * was woken while items are started.  If it has not come to the queues by then the pool
 * does what it would have done without it: a preempted item may have a lot to wind up,
 * or wait for the very item it makes way for, and a thread may get no CPU.
 *
 * The pool's timer sees to that, to sleepers that have rested, and to the users with a
 * reserve whose items no thread takes.  It is not the manager that does, since the
 * manager may sleep in kthread_create() for long (promise 8).
 *
 * Threads are woken under slow_pool.lock, as workqueues do: so they are there, and a
 * busy pool, where the lock is wanted most, wakes none.
 */

#include <linux/slow-work.h>
#include "slow-work.h"
#include "slow-work-trace.h"

/* How many *********************************************************/

static struct slow_work_thread *
slow_work_first_sleeper(struct slow_work_class *class)
{
	return list_first_entry_or_null(&class->sleepers,
					struct slow_work_thread, sleeper);
}

/*
 * What follows from the number of threads and the settings; to be called whenever
 * one of them changes.  The one place that computes the very slow share: less than 100 %,
 * so that a thread is left, unless it is the only one.
 */
void slow_work_update(void)
{
	unsigned int share = slow_pool.nr * slow_pool.vslow_percentage / 100;

	lockdep_assert_held(&slow_pool.lock);
	slow_pool.classes[SLOW_WORK_SLOW].limit = UINT_MAX;
	slow_pool.classes[SLOW_WORK_VSLOW].limit = max(share, 1U);
	slow_pool.special = slow_work_too_many() || slow_pool.closing;
	slow_pool.helpers = true;

	/* for the statistics */
	if (slow_pool.at_max)
		slow_pool.events.max_ticks += jiffies - slow_pool.max_since;
	slow_pool.max_since = jiffies;
	slow_pool.at_max = slow_pool.nr >= slow_pool.max;
	slow_pool.events.peak = max(slow_pool.events.peak, slow_pool.nr);
}

/* The fewest threads that have a slot for each item at once */
unsigned long slow_work_needed(void)
{
	struct slow_work_class *slow = &slow_pool.classes[SLOW_WORK_SLOW];
	struct slow_work_class *vslow = &slow_pool.classes[SLOW_WORK_VSLOW];
	unsigned long very = vslow->queued + vslow->executing;
	unsigned long needed = very + slow->queued + slow->executing;

	lockdep_assert_held(&slow_pool.lock);
	if (very > 1)
		needed = max(needed, DIV_ROUND_UP(very * 100,
						  slow_pool.vslow_percentage));
	return needed;
}

/* That, as far as the settings allow */
unsigned int slow_work_wanted(void)
{
	return clamp_t(unsigned long, slow_work_needed() + slow_pool.nr_absent,
		       slow_pool.min, slow_pool.max);
}

/*
 * Are there more threads than wanted, and since when?  To be called whenever that may
 * have changed while threads idle: these count from then, or from when they went idle.
 */
void slow_work_note_surplus(void)
{
	bool surplus = slow_pool.nr > slow_work_wanted();

	lockdep_assert_held(&slow_pool.lock);
	if (surplus && !slow_pool.surplus)
		slow_pool.surplus_since = jiffies;
	slow_pool.surplus = surplus;
}

/*
 * The slots of @class that are free, or will be once the sleepers that were told have given
 * way.  Their threads are counted on for that, as they are for the items that start then.
 */
static unsigned int slow_work_room_soon(const struct slow_work_class *class)
{
	unsigned int room = slow_work_room(class);

	return room + min(class->preempted, UINT_MAX - room);
}

/* Are there queued items that no thread comes for? */
bool slow_work_unserved(void)
{
	unsigned int startable = 0;
	int i;

	lockdep_assert_held(&slow_pool.lock);
	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++) {
		struct slow_work_class *class = &slow_pool.classes[i];
		unsigned int room = slow_work_room_soon(class);

		if (class->queued > room)
			return true;
		startable += class->queued;
	}
	return startable > slow_pool.nr_coming + !!slow_pool.searcher &&
	       list_empty(&slow_pool.idle);
}

/*
 * How much is left of a wait of @wait jiffies that began at @since, or 0.  Jiffies
 * are read once: they go on even with interrupts off, and a second read may be past
 * the end.  On 32 bits they also wrap.
 */
unsigned long slow_work_left(unsigned long since, unsigned long wait)
{
	unsigned long passed = jiffies - since;

	return passed < wait ? wait - passed : 0;
}

/* After a failed thread creation: jiffies until it is time to try again, or 0 */
unsigned long slow_work_backs_off(void)
{
	return slow_pool.failed ? slow_work_left(slow_pool.failed_at,
						 SLOW_WORK_RETRY_JIFFIES) : 0;
}

/* Can the manager do something for what is queued? */
static bool slow_work_short_handed(void)
{
	return slow_pool.nr < slow_pool.max && !slow_work_backs_off() &&
	       slow_work_unserved();
}

void slow_work_wake_manager(void)
{
	lockdep_assert_held(&slow_pool.lock);
	if (slow_pool.manager) {
		slow_pool.managing = true;
		wake_up_process(slow_pool.manager);
	}
}

/* @thread counts no more, and exits as soon as it comes to the queues. */
void slow_work_retire(struct slow_work_thread *thread)
{
	lockdep_assert_held(&slow_pool.lock);
	thread->flags |= SLOW_WORK_RETIRED;
	slow_pool.nr--;
	slow_work_update();
}

/* Threads that are counted on **************************************/

/* Have the timer run in @delay jiffies at the latest. */
static void slow_work_poll_in(unsigned long delay)
{
	timer_reduce(&slow_pool.timer, jiffies + delay);
}

/* Where the timer is set, slow_work_sample() sets it again.  litmus: timer */
static __always_inline void slow_work_sample_later(void)
{
	if (unlikely(!timer_pending(&slow_pool.timer)))
		slow_work_poll_in(SLOW_WORK_SAMPLE_JIFFIES);
}

/* @thread, which was just woken or created, is counted on for a while. */
void slow_work_call(struct slow_work_thread *thread, unsigned int flags)
{
	lockdep_assert_held(&slow_pool.lock);
	thread->flags |= SLOW_WORK_COMING | flags;
	thread->since = jiffies;
	list_add_tail(&thread->link, &slow_pool.coming);
	slow_pool.nr_coming++;
	if (flags & SLOW_WORK_PREEMPTED)
		thread->class->preempted++;
	slow_work_poll_in(SLOW_WORK_REST_JIFFIES);
}

/* @thread is counted on no more. */
static void slow_work_uncall(struct slow_work_thread *thread)
{
	thread->flags &= ~SLOW_WORK_COMING;
	list_del_init(&thread->link);
	slow_pool.nr_coming--;
	if (thread->flags & SLOW_WORK_PREEMPTED)
		thread->class->preempted--;
}

static void slow_work_end_search(struct slow_work_thread *thread)
{
	thread->flags &= ~SLOW_WORK_SEARCHING;
	slow_pool.searcher = NULL;
	slow_pool.helpers = true;
}

/* @thread was called, and has not come: another is wanted in its place. */
static void slow_work_miss(struct slow_work_thread *thread)
{
	thread->flags |= SLOW_WORK_ABSENT;
	slow_pool.nr_absent++;
}

/* @thread is at the queues: whatever it was called for is done. */
void slow_work_arrive(struct slow_work_thread *thread)
{
	lockdep_assert_held(&slow_pool.lock);
	if (thread->flags & SLOW_WORK_SEARCHING)
		slow_work_end_search(thread);
	if (thread->flags & SLOW_WORK_COMING)
		slow_work_uncall(thread);
	if (thread->flags & SLOW_WORK_ABSENT)
		slow_pool.nr_absent--;
	thread->flags &= SLOW_WORK_RETIRED;
}

/* Sleepers *********************************************************/

/* @thread sleeps no more, or is about to wake. */
void slow_work_end_sleep(struct slow_work_thread *thread)
{
	lockdep_assert_held(&slow_pool.lock);
	list_del_init(&thread->sleeper);
	thread->class->nr_sleepers--;
}

/* Wake @thread if it sleeps.  It is not counted on: see slow_work_call(). */
void slow_work_wake_sleeper(struct slow_work_thread *thread)
{
	lockdep_assert_held(&slow_pool.lock);
	if (list_empty(&thread->sleeper))
		return;
	slow_work_end_sleep(thread);
	wake_up_process(thread->task);
	trace_slow_work_sleeper_wake(thread);
}

static struct slow_work_thread *slow_work_oldest_sleeper(void)
{
	struct slow_work_thread *oldest = NULL, *thread;
	int i;

	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++) {
		thread = slow_work_first_sleeper(&slow_pool.classes[i]);
		if (thread && (!oldest || time_before(thread->asleep_since,
						      oldest->asleep_since)))
			oldest = thread;
	}
	return oldest;
}

static bool slow_work_rested(const struct slow_work_thread *thread)
{
	return !slow_work_left(thread->asleep_since, SLOW_WORK_REST_JIFFIES);
}

/* Items that yielded wait for sleepers to have rested: for how long yet? */
static unsigned long slow_work_rest(void)
{
	struct slow_work_thread *thread;
	unsigned long rest = 0, left;
	int i;

	if (likely(!slow_pool.classes[SLOW_WORK_SLOW].yielded &&
		   !slow_pool.classes[SLOW_WORK_VSLOW].yielded))
		return 0;
	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++) {
		thread = slow_work_first_sleeper(&slow_pool.classes[i]);
		left = thread ? slow_work_left(thread->asleep_since,
					       SLOW_WORK_REST_JIFFIES) : 0;
		if (left && (!rest || left < rest))
			rest = left;
	}
	return rest;
}

/* The first item of @list, or NULL.  There are no more cursors than walks. */
struct slow_work *slow_work_first_of(const struct slow_work_list *list)
{
	struct slow_work *work;

	lockdep_assert_held(&slow_pool.lock);
	hlist_for_each_entry(work, &list->head, link)
		if (!(READ_ONCE(work->flags) & BIT(SLOW_WORK_MARKER)))
			return work;
	return NULL;
}

/* The item of @class that is taken next, or NULL */
struct slow_work *slow_work_first(const struct slow_work_class *class)
{
	struct slow_work_queue *queue;
	struct slow_work *work;

	hlist_for_each_entry(queue, &class->turns.head, turn) {
		work = slow_work_first_of(&queue->items);
		if (work)
			return work;
	}
	return NULL;
}

/*
 * A very slow sleeper that yields leaves a very slow slot free, and its thread
 * would take a very slow item again, perhaps another sleeper: so a slow item would
 * wait while threads are passed round.  A thread that was preempted therefore takes a
 * slow item first, once, if that is the fresh one or has waited longer.  Fresh ones that
 * displace each other would keep very slow ones that yielded waiting for ever: one of these
 * comes first each 10 ms.
 */
static bool slow_work_comes_for_slow(void)
{
	struct slow_work_class *slow = &slow_pool.classes[SLOW_WORK_SLOW];
	struct slow_work_class *vslow = &slow_pool.classes[SLOW_WORK_VSLOW];
	unsigned long since;

	if (!slow->queued || !vslow->queued)
		return slow->queued;
	since = slow_work_first(vslow)->timestamp;
	if (slow->queued > slow->yielded && vslow->queued == vslow->yielded &&
	    (slow_work_left(since, SLOW_WORK_REST_JIFFIES) ||
	     slow_work_left(vslow->yielded_at, SLOW_WORK_REST_JIFFIES)))
		return true;
	return time_before(slow_work_first(slow)->timestamp, since);
}

/*
 * Find a sleeper to preempt, if more items wait than called threads come for.  A fresh
 * item, which has not yielded, may have any sleeper.  For one that has, the sleeper must
 * have rested, or the threads would be passed round for nothing (promise 8).
 *
 * @flags is set to what else to call it with.
 */
static struct slow_work_thread *slow_work_find_sleeper(unsigned int *flags)
{
	unsigned int fresh = 0, startable = 0, coming;
	struct slow_work_thread *thread;
	int i;

	*flags = slow_work_comes_for_slow() ? SLOW_WORK_SLOW_FIRST : 0;

	/* for want of a slot in the class */
	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++) {
		struct slow_work_class *class = &slow_pool.classes[i];
		unsigned int all = class->queued;
		unsigned int new = all - class->yielded;
		unsigned int room = slow_work_room_soon(class);

		fresh += min(new, room);
		startable += min(all, room);
		thread = slow_work_first_sleeper(class);
		if (thread &&
		    (new > room || (all > room && slow_work_rested(thread))))
			return thread;
	}

	/* for want of a thread */
	coming = slow_pool.nr_coming + !!slow_pool.searcher;
	thread = slow_work_oldest_sleeper();
	if (thread && (fresh > coming ||
		       (startable > coming && slow_work_rested(thread))))
		return thread;
	return NULL;
}

/*
 * Tell one item to give way; to wake a task takes up to 5 us on PREEMPT_RT, so others
 * are for another section.  True: there are others.
 */
static noinline bool slow_work_preempt(void)
{
	struct slow_work_thread *thread;
	unsigned int flags;

	thread = slow_work_find_sleeper(&flags);
	if (!thread)
		return false;
	slow_work_wake_sleeper(thread);
	slow_work_call(thread, SLOW_WORK_PREEMPTED | flags);
	return slow_work_find_sleeper(&flags);
}

/* Wake *************************************************************/

/*
 * Of idle threads only one is on its way at a time, and kicks again when it has
 * taken an item: so a burst wakes them one by the other, and none that finds
 * nothing left.
 */
static void slow_work_wake_idle(void)
{
	struct slow_work_thread *thread;

	if (!slow_pool.searcher) {
		thread = list_first_entry(&slow_pool.idle, struct slow_work_thread,
					  link);
		list_del_init(&thread->link);
		slow_pool.nr_idle--;
		thread->flags |= SLOW_WORK_SEARCHING;
		slow_pool.searcher = thread;
		wake_up_process(thread->task);
	}
	slow_work_sample_later();
	/* until it arrives or is given up; the timer, which is set, sees to reserves */
	slow_pool.helpers = false;
}

/*
 * Wake one thread for what is queued or to be disarmed, if there is one, or the manager:
 * see the head of this file.  True: there is more to do than fits into one section with
 * interrupts off.
 */
static bool slow_work_find_thread(void)
{
	struct slow_work_class *slow = &slow_pool.classes[SLOW_WORK_SLOW];
	struct slow_work_class *vslow = &slow_pool.classes[SLOW_WORK_VSLOW];
	unsigned long rest;
	bool more = false;

	if (unlikely(slow_pool.nr_reserves))
		slow_work_poll_in(SLOW_WORK_REST_JIFFIES);

	if (!list_empty(&slow_pool.idle) &&
	    (slow->queued || slow_work_room(vslow) || slow_pool.closing)) {
		slow_work_wake_idle();
		return false;
	}

	if (slow->nr_sleepers || vslow->nr_sleepers)
		more = slow_work_preempt();
	rest = slow_work_rest();
	if (unlikely(rest))
		slow_work_poll_in(rest);

	if (!slow_pool.managing && slow_work_short_handed())
		slow_work_wake_manager();
	slow_work_sample_later();

	/* Each change of one of these sets it again. */
	slow_pool.helpers = !list_empty(&slow_pool.idle) ||
		       slow->nr_sleepers || vslow->nr_sleepers ||
		       (slow_pool.nr < slow_pool.max && !slow_pool.managing);
	return more;
}

/*
 * @thread, between two items, lets others have the CPU.  One that idles may take what it
 * would; else it is counted on for 10 ms.  A slot that it was to leave has been left.
 */
void slow_work_step_aside(struct slow_work_thread *thread)
{
	const unsigned int gives_way = SLOW_WORK_COMING | SLOW_WORK_PREEMPTED;

	lockdep_assert_held(&slow_pool.lock);
	if ((thread->flags & gives_way) == gives_way) {
		thread->flags &= ~SLOW_WORK_PREEMPTED;
		thread->class->preempted--;
	}
	if (!list_empty(&slow_pool.idle))
		slow_work_kick();
	else if (slow_work_wants_thread())
		slow_work_poll_in(SLOW_WORK_REST_JIFFIES);
}

/*
 * The last user has left: have a thread disarm what is armed; if none idles, the next
 * that comes to the queues.  One that finds an item to execute there kicks another.
 */
void slow_work_close(void)
{
	lockdep_assert_held(&slow_pool.lock);
	slow_pool.closing = !hlist_empty(&slow_pool.armed.head);
	slow_pool.closing_told = 0;
	slow_work_update();
	slow_work_kick();
}

/* The second half of slow_work_kick() */
void slow_work_wake_thread(void)
{
	lockdep_assert_held(&slow_pool.lock);
	if (slow_work_find_thread())
		slow_work_poll_in(0);
}

/* The timer ********************************************************/

/*
 * The thread that was called first, 10 ms ago, and has not come is counted on no more.
 * True: there may be another.
 */
static bool slow_work_give_up(void)
{
	struct slow_work_thread *thread;
	unsigned long left;

	thread = list_first_entry_or_null(&slow_pool.coming,
					  struct slow_work_thread, link);
	if (!thread)
		return false;
	left = slow_work_left(thread->since, SLOW_WORK_REST_JIFFIES);
	if (left) {
		slow_work_poll_in(left);
		return false;
	}
	slow_work_uncall(thread);
	/* One that was preempted is not absent: it has its item. */
	if (!(thread->flags & SLOW_WORK_PREEMPTED))
		slow_work_miss(thread);
	return true;
}

/*
 * Once a second while items wait or a thread dies: if a class has started nothing since
 * the last sample, count on the searcher no more, as it may get no CPU, and have the
 * manager look for dead threads.
 */
static void slow_work_sample(void)
{
	struct slow_work_thread *searcher;
	struct slow_work_class *class;
	bool waits, still;
	int i;

	if (slow_pool.dying && !slow_work_left(slow_pool.dying_since, 60 * HZ))
		slow_pool.dying = false;
	waits = slow_pool.dying;
	still = slow_pool.dying;
	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++)
		waits |= slow_pool.classes[i].queued;
	if (!waits)
		return;
	if (slow_work_left(slow_pool.sampled_at, SLOW_WORK_SAMPLE_JIFFIES)) {
		slow_work_poll_in(SLOW_WORK_SAMPLE_JIFFIES);
		return;
	}
	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++) {
		class = &slow_pool.classes[i];
		still |= class->queued && class->started == class->sampled;
		class->sampled = class->started;
	}
	if (still) {
		searcher = slow_pool.searcher;
		if (searcher) {
			slow_work_end_search(searcher);
			slow_work_miss(searcher);
		}
		slow_pool.sampling = true;
		slow_work_wake_manager();
	}
	slow_pool.sampled_at = jiffies;
	slow_work_poll_in(SLOW_WORK_SAMPLE_JIFFIES);
}

/* Reserves *********************************************************/

/*
 * For how long yet may the items of @queue wait for the pool?  Until it has taken none of
 * them for 10 ms, and the first has waited for @wait.  ULONG_MAX: none waits.
 *
 * Each class by itself: the very slow share may be held while the pool serves slow items.
 */
static unsigned long slow_work_queue_left(const struct slow_work_queue *queue,
					  unsigned long wait)
{
	struct slow_work *work = slow_work_first_of(&queue->items);

	if (!work)
		return ULONG_MAX;
	return max(slow_work_left(queue->taken, SLOW_WORK_REST_JIFFIES),
		   slow_work_left(work->timestamp, wait));
}

/* The same of @user.  While a thread can be had the manager gets 10 ms more to start it. */
static unsigned long slow_work_reserve_left(const struct slow_work_user *user)
{
	unsigned long wait = SLOW_WORK_REST_JIFFIES, left = ULONG_MAX;
	int i;

	if (slow_pool.nr < slow_pool.max && !slow_work_backs_off())
		wait += SLOW_WORK_REST_JIFFIES;
	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++)
		left = min(left, slow_work_queue_left(&user->queues[i], wait));
	return left;
}

/**
 * slow_work_first_unserved - what a reserve takes next
 * @user: its user
 *
 * The reserve, once called, goes on while there are items in a class of which the pool
 * has taken none for 10 ms.  If an idle thread could take them, the first must have waited
 * for 10 ms, too; else it may have just joined.
 *
 * Context: slow_pool.lock held.
 * Return: the oldest of these, or NULL.
 */
struct slow_work *slow_work_first_unserved(const struct slow_work_user *user)
{
	struct slow_work *oldest = NULL, *work;
	unsigned long wait;
	int i;

	lockdep_assert_held(&slow_pool.lock);
	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++) {
		work = slow_work_first_of(&user->queues[i].items);
		wait = slow_work_startable(&slow_pool.classes[i]) &&
		       !list_empty(&slow_pool.idle) ? SLOW_WORK_REST_JIFFIES : 0;
		if (slow_work_queue_left(&user->queues[i], wait))
			continue;
		if (!oldest || time_before(work->timestamp, oldest->timestamp))
			oldest = work;
	}
	return oldest;
}

/* Its user's items are not served: @thread, a reserve, is to come. */
static void slow_work_call_reserve(struct slow_work_thread *thread)
{
	unsigned long rest;

	slow_work_poll_in(SLOW_WORK_REST_JIFFIES);
	if (thread->flags & SLOW_WORK_CALLED)
		return;
	if (!list_empty(&thread->sleeper)) {
		/* What waits may have yielded, and has waited anyway. */
		rest = slow_work_left(thread->asleep_since, SLOW_WORK_REST_JIFFIES);
		if (rest) {
			slow_work_poll_in(rest);
			return;
		}
		thread->flags |= SLOW_WORK_PREEMPTED;
		slow_work_wake_sleeper(thread);
	} else if (!thread->holder.item) {
		thread->flags |= SLOW_WORK_CALLED;
		slow_pool.events.reserve_calls++;
		trace_slow_work_reserve_call(thread);
		wake_up_process(thread->task);
	}
}

/*
 * Check one user that has a reserve, move it to the tail, and call the reserve if the pool
 * leaves its items.  @seen counts those checked.  True: others remain.
 */
static bool slow_work_check_reserve(unsigned int *seen)
{
	struct slow_work_user *user;
	unsigned long left;

	if (*seen >= slow_pool.nr_reserves)
		return false;
	user = list_first_entry(&slow_pool.reserves, struct slow_work_user,
				reserves);
	list_move_tail(&user->reserves, &slow_pool.reserves);
	left = slow_work_reserve_left(user);
	++*seen;
	if (!left) {
		slow_work_call_reserve(user->reserve);
		return true;	/* one wake-up a section: see slow_work_preempt() */
	}
	if (left != ULONG_MAX)
		slow_work_poll_in(left);
	return *seen < slow_pool.nr_reserves;
}

/* Waiters **********************************************************/

/* Wake one of those whose wait is over.  True: there are others. */
static bool slow_work_wake_one(void)
{
	struct slow_work_waiter *waiter;

	waiter = list_first_entry_or_null(&slow_pool.woken, struct slow_work_waiter,
					  link);
	if (!waiter)
		return false;
	list_del(&waiter->link);
	complete(&waiter->done);	/* now it may be gone; litmus: waiter, flush */
	return !list_empty(&slow_pool.woken);
}

/*
 * What @waiters wait for has happened.  slow_work_wake_one() wakes them, one of them now
 * and the others from the pool's timer: they may be many.
 */
void slow_work_wake_waiters(struct list_head *waiters)
{
	lockdep_assert_held(&slow_pool.lock);
	if (list_empty(waiters))
		return;
	list_splice_tail_init(waiters, &slow_pool.woken);
	if (slow_work_wake_one())
		slow_work_poll_in(0);
}

/**
 * slow_work_wait_for - wait until slow_work_wake_waiters() comes to a waiter
 * @waiter: the waiter, linked where that will find it
 * @patience: jiffies until the caller says what it waits for, SLOW_WORK_PATIENCE_JIFFIES
 *	before its first wait; set to what is left, 0 once it has said so
 * @report: says what is waited for
 * @what: its argument
 *
 * TASK_IDLE, since what is waited for may well be long: no hung-task report.
 *
 * Context: Process context; sleeps.
 */
void slow_work_wait_for(struct slow_work_waiter *waiter, unsigned long *patience,
			void (*report)(const void *what), const void *what)
{
	struct completion *done = &waiter->done;

	/* litmus: waiter, flush */
	if (*patience) {
		*patience = swait_event_idle_timeout_exclusive(done->wait,
							       completion_done(done),
							       *patience);
		if (*patience)
			return;
		report(what);
	}
	swait_event_idle_exclusive(done->wait, completion_done(done));
}

/**
 * slow_work_timer - what is due without an enqueue or an end of an item
 * @unused: the pool's
 *
 * Context: Softirq.  Interrupts are on between sections, so their length does not
 *	grow with what there is to do.
 */
void slow_work_timer(struct timer_list *unused)
{
	unsigned int seen = 0;
	unsigned long irq;
	bool more;

	do {
		raw_spin_lock_irqsave(&slow_pool.lock, irq);
		more = slow_work_wake_one() || slow_work_check_reserve(&seen);
		if (!more) {
			more = slow_work_give_up();
			slow_work_sample();
			slow_pool.helpers = true;
			more |= slow_work_wants_thread() && slow_work_find_thread();
		}
		raw_spin_unlock_irqrestore(&slow_pool.lock, irq);
	} while (more);
}
