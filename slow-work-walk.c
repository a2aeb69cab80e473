// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: all items in order, one at a time
 *
 * The queues may be long, so a walk drops the lock after each item and keeps
 * its position by a cursor in the list, which it moves along: the walk is linear,
 * and interrupts are off for one step only.  Items that join a list after the
 * walk began are not seen, or it might never end.
 */

#include <linux/bitmap.h>
#include <linux/ctype.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/slow-work.h>
#include <linux/string.h>
#include "slow-work.h"
#include "slow-work-item.h"
#include "slow-work-walk.h"

static bool slow_work_walk_is_by_turns(const struct slow_work_walk *walk)
{
	return walk->list == SLOW_WORK_LIST_SLOW ||
	       walk->list == SLOW_WORK_LIST_VSLOW;
}

/* The list of items that @walk is in, or NULL */
static struct slow_work_list *slow_work_list_of(const struct slow_work_walk *walk)
{
	if (walk->list == SLOW_WORK_LIST_ARMED)
		return &slow_pool.armed;
	if (!walk->user_at || !slow_work_walk_is_by_turns(walk))
		return NULL;
	return &walk->user_at->queues[walk->list == SLOW_WORK_LIST_VSLOW].items;
}

/* Take the cursor out of the list that it is in, if it is in one. */
static void slow_work_walk_unlink(struct slow_work_walk *walk)
{
	if (hlist_unhashed(&walk->cursor.link))
		return;
	slow_work_list_del(walk->cursor_in, &walk->cursor.link);
	INIT_HLIST_NODE(&walk->cursor.link);
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

	if (walk->list == SLOW_WORK_LIST_LOST || !walk->seen->ops->desc)
		return false;
	if ((READ_ONCE(walk->flags) & BIT(SLOW_WORK_PUTTING)) ||
	    (holder && (READ_ONCE(holder->stage) == SLOW_WORK_LOST ||
			!slow_work_claim(holder))))
		return false;
	INIT_LIST_HEAD(&walk->waiters);
	/* litmus: described */
	set_bit(SLOW_WORK_DESCRIBED, &walk->seen->flags);
	list_add(&walk->pin, &slow_pool.pins);
	return true;
}

/* Another walk that keeps the same item */
static struct slow_work_walk *slow_work_pinned_by(const struct slow_work *work)
{
	struct slow_work_walk *walk;

	list_for_each_entry(walk, &slow_pool.pins, pin)
		if (walk->seen == work)
			return walk;
	return NULL;
}

static void slow_work_see(struct slow_work_walk *walk, struct slow_work *work)
{
	walk->seen = work;
	walk->flags = READ_ONCE(work->flags);
	walk->jiffies = work->timestamp;
	walk->execute = work->ops->execute;
	walk->user = work->account->user;
}

/* Does @thread execute something?  One at a time, as all may be many. */
static bool slow_work_walk_thread(struct slow_work_walk *walk,
				  struct slow_work_thread *thread)
{
	if (!thread || !thread->holder.item ||
	    !slow_work_claim(&thread->holder))
		return false;
	slow_work_see(walk, thread->holder.item);
	walk->jiffies = slow_work_began_at(&thread->holder);
	walk->thread = thread->slot;
	walk->pid = task_pid_nr(thread->task);
	return true;
}

/*
 * The next thread that has died.  Its item may be gone; the thread says what there is
 * to say.
 */
static bool slow_work_walk_lost(struct slow_work_walk *walk)
{
	struct slow_work_thread *thread;
	unsigned int n = walk->slot;

	list_for_each_entry(thread, &slow_pool.lost, link) {
		if (n--)
			continue;
		walk->slot++;
		walk->seen = thread->holder.item;
		walk->flags = BIT(SLOW_WORK_EXECUTING);
		if (thread->class == &slow_pool.classes[SLOW_WORK_VSLOW] ||
		    thread->class == &slow_pool.reserve_classes[SLOW_WORK_VSLOW])
			walk->flags |= BIT(SLOW_WORK_VERY_SLOW);
		walk->jiffies = thread->since;
		walk->execute = thread->execute;
		walk->user = thread->holder.account->user;
		walk->pid = task_pid_nr(thread->task);
		return true;
	}
	return false;
}

/* The next item of the list that the walk is in */
static bool slow_work_walk_list(struct slow_work_walk *walk)
{
	struct slow_work_list *list = walk->cursor_in;
	struct slow_work *work = &walk->cursor;
	unsigned long now = jiffies;

	hlist_for_each_entry_continue(work, link) {
		if (slow_work_is_marker(work))
			continue;
		/*
		 * It joined since the walk began.  Ages are compared, as an item may
		 * have waited for longer than time_after() can tell on 32 bits.
		 */
		if (!(READ_ONCE(work->flags) & BIT(SLOW_WORK_PUTTING)) &&
		    now - work->timestamp < now - walk->began)
			break;
		slow_work_list_del(list, &walk->cursor.link);
		slow_work_list_insert(list, &walk->cursor.link, &work->link.next);
		slow_work_see(walk, work);
		if (walk->list == SLOW_WORK_LIST_ARMED)
			walk->left = slow_work_delay_left(work);
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
		.cursor.flags = BIT(SLOW_WORK_MARKER),
		.began = jiffies,
		.entering = true,
	};
}

/**
 * slow_work_walk_begin_by_turns - the same, with users in the order of their turns
 * @walk: the walk
 *
 * Without memory for that they come in another order.
 *
 * Context: Process context; sleeps.
 */
void slow_work_walk_begin_by_turns(struct slow_work_walk *walk)
{
	unsigned int nr = READ_ONCE(slow_pool.newest)->number + 1;

	slow_work_walk_begin(walk);
	walk->order = kvcalloc(nr, sizeof(*walk->order), GFP_KERNEL);
	walk->ordered = kvcalloc(BITS_TO_LONGS(nr), sizeof(*walk->ordered), GFP_KERNEL);
	walk->nr_users = nr;
}

/* Users have this list each. */
static bool slow_work_walk_is_by_user(const struct slow_work_walk *walk)
{
	return walk->list == SLOW_WORK_LIST_RESERVES ||
	       slow_work_walk_is_by_turns(walk);
}

static bool slow_work_walk_is_ordered(const struct slow_work_walk *walk)
{
	return walk->order && walk->ordered && slow_work_walk_is_by_user(walk);
}

/*
 * May there be something in the list of @user that @walk has come to?  The lock is not
 * needed: what joins the list meanwhile is not seen anyway.
 */
static bool slow_work_walk_wants(const struct slow_work_walk *walk,
				 const struct slow_work_user *user)
{
	enum slow_work_class_id id = walk->list == SLOW_WORK_LIST_VSLOW;

	if (walk->list == SLOW_WORK_LIST_RESERVES)
		/* The walk reads it again under the lock. */
		return data_race(user->reserve);
	/* So it does with the list. */
	return data_race(!hlist_empty(&user->queues[id].items.head));
}

/* False: it is there already. */
static bool slow_work_walk_add(struct slow_work_walk *walk, struct slow_work_user *user)
{
	if (__test_and_set_bit(user->number, walk->ordered))
		return false;
	walk->order[walk->nr_order++] = user;
	return true;
}

/*
 * Users in the order of their turns.  Turns go on meanwhile, as the lock is dropped
 * after each; whoever has something that the walk sees is there once all the same: those
 * that were missed come last.  Users are never freed before the module goes.  Those that
 * have come since the walk began have nothing that it sees, and no entry.
 */
static void slow_work_walk_sort(struct slow_work_walk *walk)
{
	enum slow_work_class_id id = walk->list == SLOW_WORK_LIST_VSLOW;
	struct hlist_node **next = &slow_pool.classes[id].turns.head.first, *at;
	unsigned int steps = slow_work_walk_is_by_turns(walk) ? walk->nr_users : 0;
	struct slow_work_user *user;

	bitmap_zero(walk->ordered, walk->nr_users);
	walk->nr_order = 0;
	walk->next = 0;
	while (steps--) {
		raw_spin_lock_irq(&slow_pool.lock);
		at = *next;
		raw_spin_unlock_irq(&slow_pool.lock);
		if (!at)
			break;
		next = &at->next;
		user = container_of(at, struct slow_work_user, queues[id].turn);
		if (user->number < walk->nr_users && !slow_work_walk_add(walk, user))
			break;
	}
	for (user = READ_ONCE(slow_pool.newest); user; user = user->older)
		if (user->number < walk->nr_users && slow_work_walk_wants(walk, user))
			slow_work_walk_add(walk, user);
}

static struct slow_work_user *slow_work_walk_next_user(struct slow_work_walk *walk)
{
	if (slow_work_walk_is_ordered(walk))
		return walk->next < walk->nr_order ? walk->order[walk->next++] :
						     NULL;
	return walk->user_at ? walk->user_at->older : READ_ONCE(slow_pool.newest);
}

/* Begin with the list that @walk has come to, or with another user's. */
static void slow_work_walk_enter(struct slow_work_walk *walk)
{
	walk->slot = 0;
	if (slow_work_walk_is_by_user(walk))
		walk->user_at = slow_work_walk_next_user(walk);
	slow_work_walk_unlink(walk);
	walk->cursor_in = slow_work_list_of(walk);
	if (walk->cursor_in)
		slow_work_list_insert(walk->cursor_in, &walk->cursor.link,
				      &walk->cursor_in->head.first);
}

/* What was at hand is at its end. */
static void slow_work_walk_leave(struct slow_work_walk *walk)
{
	if (walk->list == SLOW_WORK_LIST_THREADS && walk->slot < slow_pool.limit)
		return;
	if (slow_work_walk_is_by_user(walk)) {
		slow_work_walk_enter(walk);
		if (walk->user_at)
			return;
	}
	walk->list++;
	walk->entering = true;
}

/* One step, as a section with interrupts off is not to grow with what there is */
static bool slow_work_walk_see(struct slow_work_walk *walk)
{
	switch (walk->list) {
	case SLOW_WORK_LIST_THREADS:
		return walk->slot < slow_pool.limit &&
		       slow_work_walk_thread(walk, slow_pool.threads[walk->slot++]);
	case SLOW_WORK_LIST_RESERVES:
		return walk->user_at && !walk->slot++ &&
		       slow_work_walk_thread(walk, walk->user_at->reserve);
	case SLOW_WORK_LIST_LOST:
		return slow_work_walk_lost(walk);
	case SLOW_WORK_LIST_END:
		return false;
	default:
		return walk->cursor_in && slow_work_walk_list(walk);
	}
}

/**
 * slow_work_walk_next - go to the next item
 * @walk: the walk
 * @pin: keep an item that has a desc from its put_ref, if that can be (see
 *	@walk->pinned)
 *
 * Context: Process context.
 * Return: false if there are no more items.
 */
bool slow_work_walk_next(struct slow_work_walk *walk, bool pin)
{
	bool found;

	do {
		cond_resched();		/* the queues may be long */
		if (walk->entering && slow_work_walk_is_ordered(walk))
			slow_work_walk_sort(walk);
		raw_spin_lock_irq(&slow_pool.lock);
		if (walk->entering)
			slow_work_walk_enter(walk);
		walk->entering = false;
		found = slow_work_walk_see(walk);
		walk->pinned = found && pin && slow_work_pin(walk);
		if (!found)
			slow_work_walk_leave(walk);
		raw_spin_unlock_irq(&slow_pool.lock);
	} while (!found && walk->list < SLOW_WORK_LIST_END);
	return found;
}

/**
 * slow_work_walk_at - a walk that sees one item, and pins it if that can be
 * @walk: the walk
 * @work: the item, which is queued or executes
 *
 * Context: slow_pool.lock held.
 */
void slow_work_walk_at(struct slow_work_walk *walk, struct slow_work *work)
{
	lockdep_assert_held(&slow_pool.lock);
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
	struct slow_work_walk *other;

	/*
	 * Under the lock, as the flags of a queued item are written there
	 * without atomic operations.  Afterwards the item may be gone.
	 */
	raw_spin_lock_irq(&slow_pool.lock);
	list_del(&walk->pin);
	other = slow_work_pinned_by(walk->seen);
	if (other) {
		list_splice_tail(&walk->waiters, &other->waiters);
	} else {
		clear_bit(SLOW_WORK_DESCRIBED, &walk->seen->flags);
		slow_work_wake_waiters(&walk->waiters);
	}
	raw_spin_unlock_irq(&slow_pool.lock);
	walk->pinned = false;
}

/* What was printed is to stay on its line, and in it. */
static void slow_work_one_line(struct seq_file *m)
{
	size_t i;

	/* 0xa0 is a space to the kernel, and the end of some letters in UTF-8. */
	while (m->count && isascii(m->buf[m->count - 1]) &&
	       isspace(m->buf[m->count - 1]))
		m->count--;
	for (i = 0; i < m->count; i++)
		if (iscntrl(m->buf[i]))
			m->buf[i] = ' ';
}

/**
 * slow_work_describe - what an item says of itself, on one line
 * @work: the item; pinned, so it has a desc
 * @m: where to; empty, and its buffer all zeros
 *
 * Context: Process context, no lock held.
 */
void slow_work_describe(struct slow_work *work, struct seq_file *m)
{
	work->ops->desc(work, m);
	/* What overflowed counts as full, though it may not be. */
	if (seq_has_overflowed(m))
		m->count = strnlen(m->buf, m->size);
	slow_work_one_line(m);
}

/**
 * slow_work_walk_end - end a walk, at any place
 * @walk: the walk
 *
 * Context: Process context.
 */
void slow_work_walk_end(struct slow_work_walk *walk)
{
	raw_spin_lock_irq(&slow_pool.lock);
	slow_work_walk_unlink(walk);
	raw_spin_unlock_irq(&slow_pool.lock);
	kvfree(walk->order);
	kvfree(walk->ordered);
	walk->order = NULL;
	walk->ordered = NULL;
}
