/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slow-work: a walk over all items
 */

#ifndef _SLOW_WORK_WALK_H
#define _SLOW_WORK_WALK_H

#include "slow-work.h"

/* Lists in the order in which they are walked */
enum slow_work_list_id {
	SLOW_WORK_LIST_THREADS,
	SLOW_WORK_LIST_RESERVES,
	SLOW_WORK_LIST_LOST,
	SLOW_WORK_LIST_SLOW,
	SLOW_WORK_LIST_VSLOW,
	SLOW_WORK_LIST_ARMED,
	SLOW_WORK_LIST_END
};

/* A walk over all items */
struct slow_work_walk {
	struct slow_work cursor;	/* L: stands behind the item seen last */
	enum slow_work_list_id list;	/* what is walked */
	struct slow_work_list *cursor_in;	/* the list that @cursor is in, or NULL */
	unsigned int slot;	/* the next thread to see; of a reserve: seen */
	struct slow_work_user *user_at;	/* of a list that users have: whose is seen */
	bool entering;	/* @list is to be begun */
	unsigned int nr_users;	/* that there were when it began */
	struct slow_work_user **order;	/* those that have @list, in order; or NULL */
	unsigned long *ordered;	/* by their numbers: are in @order */
	unsigned int nr_order;	/* entries of @order */
	unsigned int next;	/* of @order */
	unsigned long began;	/* jiffies; what joins a queue later is not seen */
	struct slow_work *seen;	/* only its address once it is unpinned */
	unsigned long flags;	/* its flags */
	unsigned long jiffies;	/* when it was queued, armed or began to execute */
	unsigned long left;	/* armed: how many until it is due */
	void (*execute)(struct slow_work *work);	/* its function */
	const struct slow_work_user *user;	/* in whose count it is */
	unsigned int thread;	/* the number of the thread that executes it */
	pid_t pid;	/* that thread's */
	bool pinned;	/* slow_work_walk_unpin() is owed */
	struct list_head pin;	/* L: in slow_pool.pins, if @pinned */
	struct list_head waiters;	/* L: for @pinned to end */
};

void slow_work_walk_begin(struct slow_work_walk *walk);
void slow_work_walk_begin_by_turns(struct slow_work_walk *walk);
bool slow_work_walk_next(struct slow_work_walk *walk, bool pin);
void slow_work_walk_at(struct slow_work_walk *walk, struct slow_work *work);
void slow_work_walk_unpin(struct slow_work_walk *walk);
void slow_work_walk_end(struct slow_work_walk *walk);
void slow_work_describe(struct slow_work *work, struct seq_file *m);

#endif /* _SLOW_WORK_WALK_H */
