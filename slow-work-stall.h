/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slow-work: what would have helped against a stall
 *
 * A file of its own, and of nothing but arithmetic, so that the KUnit suite has
 * it too.
 */

#ifndef _SLOW_WORK_STALL_H
#define _SLOW_WORK_STALL_H

#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/types.h>

/* Why an item does not start, and what would have helped */
enum slow_work_cure {
	SLOW_WORK_CURE_THREADS,		/* a larger max-threads */
	SLOW_WORK_CURE_SHARE,		/* a larger vslow-percentage */
	SLOW_WORK_CURE_NO_START,	/* neither: threads do not start */
	SLOW_WORK_CURE_NO_CPU,		/* neither: a thread is free already */
	SLOW_WORK_CURE_LIMIT,		/* neither: there are all there can be */
};

/**
 * struct slow_work_advice - what would have helped an item to start
 * @cure: what
 * @value: the smallest that would have been enough, of the first two
 */
struct slow_work_advice {
	enum slow_work_cure cure;
	unsigned int value;
};

/**
 * struct slow_work_situation - what the pool was like
 * @threads: how many there were
 * @max: max-threads
 * @limit: its hard limit
 * @percentage: vslow-percentage
 * @share: what came of that: so many very slow items may execute
 * @executing: items that did, of both classes
 * @vslow: very slow ones of these
 */
struct slow_work_situation {
	unsigned int threads;
	unsigned int max;
	unsigned int limit;
	unsigned int percentage;
	unsigned int share;
	unsigned int executing;
	unsigned int vslow;
};

/**
 * slow_work_advise - what would have helped a queued item to start?
 * @s: the situation
 * @vslow: the item is very slow
 *
 * Return: the advice.
 */
static inline struct slow_work_advice
slow_work_advise(const struct slow_work_situation *s, bool vslow)
{
	bool busy = s->executing >= s->threads;
	bool full = vslow && s->vslow >= s->share;
	unsigned int place = s->share + 1;
	struct slow_work_advice advice = { SLOW_WORK_CURE_LIMIT, 0 };
	unsigned int percentage, threads;

	if (!busy && !full) {
		advice.cure = SLOW_WORK_CURE_NO_CPU;
		return advice;
	}
	/* The manager has been wanting to start some all the time. */
	if (s->threads < s->max) {
		advice.cure = SLOW_WORK_CURE_NO_START;
		return advice;
	}

	/* One thread is always left to slow items. */
	percentage = DIV_ROUND_UP(place * 100, s->threads);
	if (!busy && place < s->threads && percentage <= 99) {
		advice.cure = SLOW_WORK_CURE_SHARE;
		advice.value = percentage;
		return advice;
	}

	threads = s->threads + busy;
	if (full)
		threads = max3(threads, place + 1,
			       DIV_ROUND_UP(place * 100, s->percentage));
	if (threads <= s->limit) {
		advice.cure = SLOW_WORK_CURE_THREADS;
		advice.value = threads;
	}
	return advice;
}

#endif /* _SLOW_WORK_STALL_H */
