// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: all items in order, one at a time
 *
 * The queues may be long, so a walk drops the lock after each item and keeps
 * its place in the list by a marker that it moves along: the walk is linear,
 * and interrupts are off for one step only.  Items that join a list after the
 * walk began are not seen, or it might never end.
 */

#include <linux/ctype.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slow-work.h>
#include <linux/string.h>
#include "slow-work.h"

#define pool slow_work_pool

static struct list_head *slow_work_list_head(enum slow_work_list list)
{
	switch (list) {
	case SLOW_WORK_LIST_SLOW:
		return &pool.classes[SLOW_WORK_SLOW].queue;
	case SLOW_WORK_LIST_VSLOW:
		return &pool.classes[SLOW_WORK_VSLOW].queue;
	case SLOW_WORK_LIST_ARMED:
		return &pool.armed;
	default:
		return NULL;
	}
}

static bool slow_work_is_marker(const struct slow_work *work)
{
	return READ_ONCE(work->flags) & BIT(SLOW_WORK_MARKER);
}

/*
 * Keep the item that @walk has seen from its put_ref.  False: a put_ref that runs
 * already is not to be kept, so the item must not be touched without the lock.
 */
static bool slow_work_pin(struct slow_work_walk *walk)
{
	struct slow_work_holder *holder = slow_work_held(walk->seen);

	if (holder && !slow_work_catch(holder))
		return false;
	set_bit(SLOW_WORK_DESCRIBED, &walk->seen->flags);
	list_add(&walk->pin, &pool.pins);
	return true;
}

static bool slow_work_is_pinned(const struct slow_work *work)
{
	const struct slow_work_walk *walk;

	list_for_each_entry(walk, &pool.pins, pin)
		if (walk->seen == work)
			return true;
	return false;
}

static void slow_work_see(struct slow_work_walk *walk, struct slow_work *work)
{
	walk->seen = work;
	walk->flags = READ_ONCE(work->flags);
	walk->jiffies = work->mark;
	walk->execute = work->ops->execute;
	walk->user = work->account->user;
}

/* The next thread that executes something */
static bool slow_work_walk_threads(struct slow_work_walk *walk)
{
	struct slow_work_thread *thread;

	while (walk->slot < pool.limit) {
		thread = pool.threads[walk->slot++];
		if (!thread || !thread->holder.item ||
		    !slow_work_catch(&thread->holder))
			continue;
		slow_work_see(walk, thread->holder.item);
		walk->thread = thread->slot;
		walk->pid = task_pid_nr(thread->task);
		return true;
	}
	return false;
}

/* The next item of the list that the walk is in */
static bool slow_work_walk_list(struct slow_work_walk *walk)
{
	struct list_head *head = slow_work_list_head(walk->list);
	struct slow_work *work = &walk->place;
	unsigned long now = jiffies;

	list_for_each_entry_continue(work, head, link) {
		if (slow_work_is_marker(work))
			continue;
		/* However old: time_after() would turn round on 32 bits */
		if (now - work->mark < now - walk->began)
			break;
		list_move(&walk->place.link, &work->link);
		slow_work_see(walk, work);
		if (walk->list == SLOW_WORK_LIST_ARMED)
			walk->jiffies = container_of(work,
						     struct delayed_slow_work,
						     work)->timer.expires;
		return true;
	}
	return false;
}

/**
 * slow_work_walk_begin - begin a walk over all items
 * @walk: the walk
 *
 * Context: Process context.
 */
void slow_work_walk_begin(struct slow_work_walk *walk)
{
	*walk = (struct slow_work_walk) {
		.place.flags = BIT(SLOW_WORK_MARKER),
		.began = jiffies,
	};
	INIT_LIST_HEAD(&walk->place.link);
}

/**
 * slow_work_walk_next - go to the next item
 * @walk: the walk
 * @pin: keep the item from its put_ref, if that can be (see @walk->pinned)
 *
 * Context: Process context.
 * Return: false if there are no more items.
 */
bool slow_work_walk_next(struct slow_work_walk *walk, bool pin)
{
	bool found = false;

	cond_resched();		/* the queues may be long */
	raw_spin_lock_irq(&pool.lock);
	while (walk->list < SLOW_WORK_LIST_END) {
		found = walk->list == SLOW_WORK_LIST_THREADS ?
			slow_work_walk_threads(walk) :
			slow_work_walk_list(walk);
		if (found)
			break;

		list_del_init(&walk->place.link);
		walk->list++;
		if (walk->list < SLOW_WORK_LIST_END)
			list_add(&walk->place.link,
				 slow_work_list_head(walk->list));
	}
	walk->pinned = found && pin && slow_work_pin(walk);
	raw_spin_unlock_irq(&pool.lock);
	return found;
}

/**
 * slow_work_walk_at - a walk that sees one item, and pins it if that can be
 * @walk: the walk
 * @work: the item, which is queued or executes
 *
 * Context: pool.lock held.
 */
void slow_work_walk_at(struct slow_work_walk *walk, struct slow_work *work)
{
	lockdep_assert_held(&pool.lock);
	slow_work_see(walk, work);
	walk->pinned = slow_work_pin(walk);
}

/**
 * slow_work_walk_unpin - let the item go that slow_work_walk_next() pinned
 * @walk: the walk
 *
 * Context: Process context.
 */
void slow_work_walk_unpin(struct slow_work_walk *walk)
{
	/*
	 * Under the lock, as the flags of a queued item are written there
	 * without atomic operations.  Afterwards the item may be gone.
	 */
	raw_spin_lock_irq(&pool.lock);
	list_del(&walk->pin);
	if (!slow_work_is_pinned(walk->seen))
		clear_bit_unlock(SLOW_WORK_DESCRIBED, &walk->seen->flags);
	raw_spin_unlock_irq(&pool.lock);
	walk->pinned = false;
	wake_up_all(&pool.described);
}

/* What was printed is to stay on its line, and in it. */
static void slow_work_one_line(struct seq_file *m)
{
	size_t i;

	while (m->count && isspace(m->buf[m->count - 1]))
		m->count--;
	for (i = 0; i < m->count; i++)
		if (iscntrl(m->buf[i]))
			m->buf[i] = ' ';
}

/**
 * slow_work_describe - what an item says of itself, on one line
 * @work: the item; pinned
 * @m: where to; empty, and its buffer all zeros
 *
 * Context: Process context, no lock held.
 * Return: false if there was no room for all.
 */
bool slow_work_describe(struct slow_work *work, struct seq_file *m)
{
	bool fits;

	if (work->ops->desc)
		work->ops->desc(work, m);
	else	/* its function, and whose that is */
		seq_printf(m, "%ps", work->ops->execute);
	fits = !seq_has_overflowed(m);
	/* What overflowed counts as full, though it may not be. */
	if (!fits)
		m->count = strnlen(m->buf, m->size);
	slow_work_one_line(m);
	return fits;
}

/**
 * slow_work_walk_end - end a walk, at any place
 * @walk: the walk
 *
 * Context: Process context.
 */
void slow_work_walk_end(struct slow_work_walk *walk)
{
	raw_spin_lock_irq(&pool.lock);
	list_del_init(&walk->place.link);
	raw_spin_unlock_irq(&pool.lock);
}
