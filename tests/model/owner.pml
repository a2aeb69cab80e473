/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owners that share the pool, for spin: they take turns, and those with a reserve
 * make progress while others hold all threads.  tests/model.sh checks it over every
 * interleaving, and that each fault that MUTANT_... puts in is found.  The life of
 * one item is in item.pml, where a reserve is a thread like another; how the pool's
 * threads are found is in pool.pml.
 *
 * Who takes part: OWNERS owners, each with a queue in each of CLASSES classes, and up
 * to ITEMS items in it; POOL threads of the pool; the reserves of the last RESERVES
 * owners; the pool timer; and the world around, which enqueues, cancels what is
 * queued, and lets time pass.  -D says what else there is:
 *
 *   CURSOR	a reader of runqueue, whose cursor goes from queue to queue
 *   GROW	the manager may have another thread to start, or not
 *   LATE	threads of the pool that were woken may get no CPU
 *   SLEEPERS	an item of a reserve sleeps till its thread is needed
 *   USERS	the last owner registers, twice too, and unregisters
 *   DEATHS	a reserve may die in an item, and the start of another fail
 *
 * What is checked, by asserts at the places named:
 *
 *   while an owner's items wait no other has two
 *   turns					turn_taken()
 *   a queue with items has a place among the turns,
 *   and no more than one without, which make a
 *   section longer				places()
 *   only an item is taken			take(), take_reserved()
 *   a reserve takes its user's items, the oldest
 *   first					take_reserved()
 *   it does so when one has waited for the pool,
 *   which took none of its class meanwhile	call_reserve(), take_reserved()
 *   it is not called while a thread idles that
 *   could have the item			call_reserve()
 *   no item of its user waits for longer, though
 *   the pool serves other items of it		pass()
 *   none waits for ever, whatever holds the pool	at_rest()
 *   a reserve is there as long as its user	reserve_main(), at_rest()
 *   and no longer				pool_timer(), user()
 *
 * As in pool.pml the world may hold still at any time: no item ends then.  When
 * nobody can move (timeout) the timer is set if it is needed; then time passes,
 * until at_rest() has to hold.
 *
 * Time.  A tick is a part of the 10 ms, of which REST make SLOW_WORK_REST_JIFFIES.  An
 * item is as old as the ticks that it has seen, and the next one of its queue of any
 * age that is not above.  No tick passes while somebody is about to move: so what comes
 * too late is to be blamed on the pool, not on its host.
 *
 * Steps.  A critical section under slow_pool.lock is one atomic.  A reserve sets its
 * state under the lock and sleeps after that; whoever wakes it does so under the lock.
 * The timer looks at one user in a section.
 *
 * Not here: the order of slow_pool.reserves; freezing.
 */

#ifndef OWNERS
#define OWNERS	2
#endif
#ifndef RESERVES
#define RESERVES 1
#endif
#ifndef CLASSES
#define CLASSES	1
#endif
#ifndef ITEMS
#define ITEMS	2
#endif
#ifndef POOL
#define POOL	1
#endif
#ifndef REST
#define REST	1
#endif
#define OLD	(2 * REST)	/* no age is looked at beyond that */
#define LIMIT_V	1		/* of very slow items that execute */
#define QUEUES	(OWNERS * CLASSES)

#define S	0
#define V	1
#define Q(o, c)	((c) * OWNERS + (o))
#define owner_of(q)	((q) % OWNERS)
#define class_of(q)	((q) / OWNERS)
#define LAST	(OWNERS - 1)
#define reserved(o)	((o) >= OWNERS - RESERVES)

/* struct slow_work_queue, struct slow_work_class */
byte items[QUEUES];
byte executing[QUEUES];		/* by threads of the pool */
byte taken[QUEUES];		/* so long ago */
chan turns[CLASSES] = [OWNERS] of { byte };
#ifdef CURSOR
byte cursor = QUEUES;		/* the queue that it is in */
#define has_cursor(q)	(cursor == (q))
#else
#define has_cursor(q)	false
#endif

/* The pool */
byte idle = POOL;
byte found;		/* was idle: slow_pool.searcher */
bool helpers = true;
bool growable;		/* a thread could be had */
byte timer;		/* due in so many ticks and one more; 0: not set */
#define OFF	0
#define DUE	1
bool timer_runs;
chan reserves = [OWNERS] of { byte };

/* The reserve of an owner: struct slow_work_thread */
bool there[OWNERS];	/* its task is */
bool called[OWNERS];	/* SLOW_WORK_CALLED */
bool preempted[OWNERS];	/* SLOW_WORK_PREEMPTED */
bool asleep[OWNERS];	/* its task is, for want of something to do */
bool stop[OWNERS];	/* kthread_should_stop() */
byte at[OWNERS];	/* where it is with an item */
#define NOTHING	0
#define RUNS	1
#define SLEEPS	2	/* in slow_work_class::sleepers */
#define DIES	3
byte registered[OWNERS];
#ifdef DEATHS
bool reserve_died;
#else
#define reserve_died	false
#endif

/* Ghosts */
bool still;
byte passes;		/* ticks since the world holds still */
byte age[QUEUES];	/* of the first item */
byte starved[QUEUES];	/* ticks that it waits while its reserve has no item, or sleeps in it */
#if RESERVES == 0
bool over[QUEUES * OWNERS];	/* others that had a turn meanwhile */
#endif
bool leaving;		/* the user waits for its reserve to exit */
bool lost;		/* an item of the last owner is: it counts for ever */
byte i;

#if CLASSES == 2
#define of_owner(array, o)	(array[Q(o, S)] + array[Q(o, V)])
#else
#define of_owner(array, o)	array[Q(o, S)]
#endif
#if OWNERS == 3
#define of_class(array, c)	(array[Q(0, c)] + array[Q(1, c)] + array[Q(2, c)])
#else
#define of_class(array, c)	(array[Q(0, c)] + array[Q(1, c)])
#endif
/* Of owners that have none, beside those with a reserve, one item is like many */
#define many(q)		(RESERVES == 0 || (reserved(owner_of(q)) && class_of(q) == S))
#define most_items(q)	(many(q) -> ITEMS : 1)
#define queued_s	of_class(items, S)
#if CLASSES == 2
#define queued_v	of_class(items, V)
#define room_v		(of_class(executing, V) < LIMIT_V)
#else
#define queued_v	0
#define room_v		false
#endif
#define queued		(queued_s + queued_v)
#define user_idle(o)	(of_owner(items, o) + of_owner(executing, o) == 0 && \
			 at[o] == NOTHING && !lost)

#define in_turns(q)	(turns[class_of(q)]??[eval(q)])

/* slow_work_poll_in() */
inline set_timer(ticks)
{
	if
	:: timer == OFF || timer > (ticks) + 1 -> timer = (ticks) + 1
	:: else
	fi
}

/* Turns ********************************************************************/

#define empty_turn(q)	(in_turns(q) && items[q] == 0 && !has_cursor(q))

/* To be true whenever the lock is dropped */
inline places()
{
	assert(items[0] == 0 || in_turns(0));
	assert(items[1] == 0 || in_turns(1));
#if QUEUES > 2
	assert(items[2] == 0 || in_turns(2));
#endif
#if QUEUES > 3
	assert(items[3] == 0 || in_turns(3));
#endif
#if OWNERS == 3
	assert(empty_turn(0) + empty_turn(1) + empty_turn(2) <= 1)
#else
	assert(empty_turn(0) + empty_turn(1) <= 1)
#endif
#if CLASSES == 2
	;
	assert(empty_turn(2) + empty_turn(3) <= 1)
#endif
}

/* The pool has taken an item of q: those of other owners that wait were overtaken */
inline turn_taken(q)
{
#if RESERVES > 0
	skip
#else
	for (i : 0 .. OWNERS - 1) {
		over[q * OWNERS + i] = false;
		if
		:: i != owner_of(q) && items[Q(i, class_of(q))] > 0 ->
			assert(!over[Q(i, class_of(q)) * OWNERS + owner_of(q)]);
			over[Q(i, class_of(q)) * OWNERS + owner_of(q)] = true
		:: else
		fi
	}
	i = 0
#endif
}

/* The first item of q has gone, or another: all are alike but for their age */
inline less(q)
{
	assert(items[q] > 0);
	items[q]--;
	starved[q] = 0;
	if
	:: items[q] == 0 ->
		age[q] = 0;
#if RESERVES == 0
		for (i : 0 .. OWNERS - 1) {
			over[q * OWNERS + i] = false
		}
		i = 0
#endif
	:: else ->
		do
		:: age[q] > 0 -> age[q]--
		:: break
		od
	fi
}

inline queue(q)		/* slow_work_queue() */
{
	items[q]++;
	if
	:: in_turns(q)
#ifdef MUTANT_QUEUE_NO_TURN
	:: !in_turns(q) && len(turns[class_of(q)]) > 0
	:: !in_turns(q) && len(turns[class_of(q)]) == 0 -> turns[class_of(q)]!q
#elif defined(MUTANT_QUEUE_FIRST)
	:: else ->
		i = len(turns[class_of(q)]);
		turns[class_of(q)]!q;
		do
		:: i > 0 -> i--; turns[class_of(q)]?t; turns[class_of(q)]!t
		:: else -> break
		od;
		t = 0
#else
	:: else -> turns[class_of(q)]!q
#endif
	fi
}

#ifdef MUTANT_DEQUEUE_BY_LIST
#define emptied(q)	(items[q] == 0 && !has_cursor(q))
#else
#define emptied(q)	(items[q] == 0)
#endif
#ifdef MUTANT_DEQUEUE_KEEPS_TURN
#define drops(q)	false
#elif defined(MUTANT_DEQUEUE_DROPS)
#define drops(q)	(len(turns[class_of(q)]) > 1)
#else
#define drops(q)	(emptied(q) && len(turns[class_of(q)]) > 1)
#endif

inline dequeue(q)	/* slow_work_dequeue() */
{
	less(q);
	if
	:: drops(q) -> turns[class_of(q)]??eval(q)
	:: else
	fi
}

/* slow_work_next_turn() */
inline next_turn(c)
{
	turns[c]?t;
#ifdef MUTANT_NEXT_TURN_DROPS
	skip
#elif defined(MUTANT_NEXT_TURN_KEEPS)
	turns[c]!t
#else
	if
	:: items[t] > 0 -> turns[c]!t
	:: else
	fi
#endif
}

/* slow_work_take(), slow_work_take_special() */
inline take(c)
{
#ifndef MUTANT_TAKE_NO_SPECIAL
	do
	:: turns[c]?<t> ->
		if
		:: items[t] == 0 -> turns[c]?t
		:: else -> break
		fi
	od;
#endif
	turns[c]?<t>;
	assert(items[t] > 0);
	less(t);
	executing[t]++;
	taken[t] = (reserved(owner_of(t)) -> 0 : REST);
	turn_taken(t);
	if
#ifdef MUTANT_TAKE_KEEPS_TURN
	:: items[t] == 0 && len(turns[c]) > 1 -> next_turn(c)
#else
	:: len(turns[c]) > 1 -> next_turn(c)
#endif
	:: else
	fi;
#ifdef MUTANT_TAKE_SKIPS
	if
	:: len(turns[c]) > 2 -> turns[c]?t; turns[c]!t
	:: else
	fi;
#endif
	t = 0
}

/* Wake *********************************************************************/

/* slow_work_find_thread(), as far as it concerns us */
inline kick()
{
	if
	:: helpers && queued > 0 ->
#ifndef MUTANT_FIND_NO_POLL
		if
		:: len(reserves) > 0 -> set_timer(REST)
		:: else
		fi;
#endif
		if
		:: idle > 0 && (queued_s > 0 || room_v) ->
			/* slow_work_wake_idle() */
			if
#ifndef MUTANT_FIND_WAKES_NONE
			:: found == 0 -> idle--; found++
#endif
			:: else
			fi;
			helpers = false
		:: else ->
			helpers = (idle > 0)
		fi
	:: else
	fi
}

/* The threads of the pool **************************************************/

active proctype threads()
{
	byte t;

end_threads:
	if
	:: atomic { found > 0 -> found--; helpers = true; goto look }
	:: atomic { !still && executing[0] > 0 -> executing[0]--; goto look }
	:: atomic { !still && executing[1] > 0 -> executing[1]--; goto look }
#if QUEUES > 2
	:: atomic { !still && executing[2] > 0 -> executing[2]--; goto look }
#endif
#if QUEUES > 3
	:: atomic { !still && executing[3] > 0 -> executing[3]--; goto look }
#endif
	fi;
	atomic {
		false ->
look:		if
#if CLASSES == 2
		:: queued_v > 0 && room_v -> take(V); kick()
#endif
		:: !(queued_v > 0 && room_v) && queued_s > 0 -> take(S); kick()
		:: else -> kick(); idle++; helpers = true
		fi;
		places();
		goto end_threads
	}
}

/* The timer ****************************************************************/

#ifdef MUTANT_LEFT_NOT_TAKEN
#define left_taken(q)	0
#else
#define left_taken(q)	(taken[q] < REST -> REST - taken[q] : 0)
#endif
#define wait		(growable -> 2 * REST : REST)
#ifdef MUTANT_LEFT_AT_ONCE
#define left_age(q)	0
#elif defined(MUTANT_LEFT_NO_MANAGER)
#define left_age(q)	(age[q] < REST -> REST - age[q] : 0)
#else
#define left_age(q)	(age[q] < wait -> wait - age[q] : 0)
#endif
#define most(a, b)	((a) > (b) -> (a) : (b))
#define least(a, b)	((a) < (b) -> (a) : (b))
#define NEVER		255
/* slow_work_reserve_left() */
#define left_of(q)	(items[q] == 0 -> NEVER : most(left_taken(q), left_age(q)))
#ifdef MUTANT_LEFT_BY_USER
#define left_by_user(o)	most(most(left_taken(Q(o, S)), left_taken(Q(o, V))), \
			     least((items[Q(o, S)] == 0 -> NEVER : left_age(Q(o, S))), \
				   (items[Q(o, V)] == 0 -> NEVER : left_age(Q(o, V)))))
#define left(o)		(of_owner(items, o) == 0 -> NEVER : left_by_user(o))
#elif CLASSES == 2
#define left(o)		least(left_of(Q(o, S)), left_of(Q(o, V)))
#else
#define left(o)		left_of(Q(o, S))
#endif

/* Has an item of q waited for the pool? */
#define has_waited(q)	(items[q] > 0 && age[q] >= wait && taken[q] >= REST)
/* Could a thread of the pool that idles have one? */
#define pool_could(q)	(items[q] > 0 && idle + found > 0 && (class_of(q) == S || room_v))

/* slow_work_call_reserve() */
inline call_reserve(o)
{
	set_timer(REST);
	if
	:: called[o]
#ifndef MUTANT_CALL_NOT_SLEEPER
	:: !called[o] && at[o] == SLEEPS -> at[o] = RUNS; preempted[o] = true
#endif
#ifndef MUTANT_CALL_NEVER
	:: !called[o] && at[o] == NOTHING ->
#if CLASSES == 2
		assert(has_waited(Q(o, S)) || has_waited(Q(o, V)));
#ifndef LATE
		assert((items[Q(o, S)] > 0 && !pool_could(Q(o, S))) ||
		       (items[Q(o, V)] > 0 && !pool_could(Q(o, V))));
#endif
#else
		assert(has_waited(Q(o, S)));
#ifndef LATE
		assert(!pool_could(Q(o, S)));
#endif
#endif
#ifndef MUTANT_CALL_NO_FLAG
		called[o] = true;
#endif
		asleep[o] = false
#endif
	:: else
	fi
}

active proctype pool_timer()
{
	byte seen, o, ticks;

end_timer:
	do
	:: atomic {
		timer == DUE ->
		timer = OFF;
		timer_runs = true;
		/* slow_work_check_reserve(), one a section */
section:	if
		:: seen < len(reserves) ->
			reserves?o;
			reserves!o;
			assert(there[o] || at[o] == DIES);
			ticks = left(o);
			if
			:: ticks == 0 -> call_reserve(o)
#ifndef MUTANT_CHECK_NO_POLL
			:: ticks > 0 && ticks < NEVER -> set_timer(ticks)
#endif
			:: else
			fi;
			seen++
		:: else
		fi;
		o = 0;
		ticks = 0;
		if
#ifdef MUTANT_CHECK_ONE
		:: false
#else
		:: seen < len(reserves) -> goto again
#endif
		:: else ->
			seen = 0;
			timer_runs = false;
#ifndef MUTANT_TIMER_NO_HELPERS
			helpers = true;
#endif
			kick()
		fi
	   }
	od;
again:	atomic { true -> goto section }
}

/* Reserves *****************************************************************/

#if RESERVES > 0
/* slow_work_first_unserved() */
#ifdef MUTANT_GOES_ON_ALWAYS
#define goes_on(q)	true
#elif defined(MUTANT_GOES_ON_BY_USER)
#define goes_on(q)	(taken[Q(owner_of(q), S)] >= REST && taken[Q(owner_of(q), V)] >= REST)
#else
#define goes_on(q)	(taken[q] >= REST)
#endif
#define may_take(q)	(items[q] > 0 && goes_on(q))
#if CLASSES == 2
#define may_take_any(o)	(may_take(Q(o, S)) || may_take(Q(o, V)))
#else
#define may_take_any(o)	may_take(Q(o, S))
#endif

/* slow_work_arrive() */
inline arrive(o)
{
#ifndef MUTANT_ARRIVE_NOT
	called[o] = false;
#endif
	preempted[o] = false
}

/* slow_work_take_reserved() */
inline take_reserved(o)
{
#ifdef MUTANT_RESERVE_TAKES_TURN
	turns[S]?<q>;
	do
	:: items[q] == 0 -> turns[S]?q; turns[S]?<q>
	:: else -> break
	od;
#elif CLASSES == 2 && !defined(MUTANT_RESERVE_SLOW_FIRST)
	if
	:: may_take(Q(o, S)) && (!may_take(Q(o, V)) || age[Q(o, S)] >= age[Q(o, V)]) ->
		q = Q(o, S)
	:: may_take(Q(o, V)) && (!may_take(Q(o, S)) || age[Q(o, V)] >= age[Q(o, S)]) ->
		q = Q(o, V)
	fi;
#elif CLASSES == 2
	q = (may_take(Q(o, S)) -> Q(o, S) : Q(o, V));
#else
	q = Q(o, S);
#endif
	assert(owner_of(q) == o && items[q] > 0 && taken[q] >= REST);
#if CLASSES == 2
	assert(!may_take(Q(o, S)) || age[Q(o, S)] <= age[q]);
	assert(!may_take(Q(o, V)) || age[Q(o, V)] <= age[q]);
#endif
	dequeue(q);
	q = 0;
	at[o] = RUNS
}

proctype reserve_main(byte o)
{
	byte q, t;

end_gone:
	if
	:: atomic { there[o] -> asleep[o] = false }
	/* kthread_stop() of one that has not run */
	:: atomic { !there[o] && stop[o] -> stop[o] = false; goto end_gone }
	fi;
loop:
#ifdef MUTANT_RESERVE_STOP_EARLY
	if
	:: atomic { stop[o] -> goto exits }
	:: atomic { !stop[o] }
	fi;
#endif
	atomic {
		/* slow_work_reserve_main(): one section */
		if
#ifndef MUTANT_RESERVE_STOP_EARLY
		:: stop[o] -> goto exits
#endif
		:: (called[o] || preempted[o]) && may_take_any(o)
		   ->
			take_reserved(o);
			places();
			goto end_executes
		:: else ->
			/* slow_work_reserve_idle() */
#ifdef MUTANT_RESERVE_ARRIVES_LATE
			skip
#else
			arrive(o);
#endif
#ifdef MUTANT_RESERVE_STATE_LATE
			skip
#else
			asleep[o] = true
#endif
		fi
	};
#ifdef MUTANT_RESERVE_STATE_LATE
	atomic { true -> asleep[o] = true };
#endif
	/* kthread_should_stop(), schedule() */
end_idle:
	if
#ifndef MUTANT_RESERVE_STOP_EARLY
	:: atomic { asleep[o] && stop[o] -> asleep[o] = false }
#endif
	:: atomic { !asleep[o] }
	fi;
#ifdef MUTANT_RESERVE_ARRIVES_LATE
	atomic { true -> arrive(o) };
#endif
	goto loop;

end_executes:
	if
	/* it is let go, and was enqueued meanwhile or not */
	:: atomic {
		!still && at[o] == RUNS ->
		at[o] = NOTHING;
		if
		:: items[Q(o, S)] < ITEMS -> queue(Q(o, S)); kick(); places()
		:: true
		fi
	   }
#ifdef SLEEPERS
	/* slow_work_sleep_till_thread_needed() */
	:: atomic {
		!still && at[o] == RUNS ->
#ifdef MUTANT_SLEEP_NO_ARRIVE
		skip;
#else
		arrive(o);
#endif
		at[o] = SLEEPS;
		starved[Q(o, S)] = 0;
#if CLASSES == 2
		starved[Q(o, V)] = 0;
#endif
		kick()
	   };
	   goto end_executes
	/* its event */
	:: atomic { !still && at[o] == SLEEPS -> at[o] = RUNS }; goto end_executes
#endif
#ifdef DEATHS
	:: atomic { !still && at[o] == RUNS && !lost -> at[o] = DIES; there[o] = false };
	   goto end_gone
#endif
	fi;
	goto loop;

exits:	atomic {
		/* none but the last registration of its user ends it */
		assert(user_idle(o) && registered[o] == 0 && !there[o]);
		stop[o] = false;
		called[o] = false;
		preempted[o] = false;
		asleep[o] = false;
		goto end_gone
	}
}
#endif

/* slow_work_reserve_start() */
inline reserve_start(o)
{
	there[o] = true;
	called[o] = false;
	preempted[o] = false;
	reserves!o;
#ifndef MUTANT_START_NO_HELPERS
	helpers = true;
#endif
	kick()
}

#ifdef DEATHS
/* The manager: slow_work_check_alive(), slow_work_replace_reserves() */
active proctype manager()
{
end_manager:
	do
	:: atomic {
		at[LAST] == DIES ->
		at[LAST] = NOTHING;
#ifndef MUTANT_DEAD_KEEPS_LIST
		reserves??eval(LAST);
#endif
		lost = true;
#ifndef MUTANT_DIED_UNTOLD
		reserve_died = true
#endif
	   }
	:: atomic {
		reserve_died ->
		reserve_died = false;
		if
		:: reserve_start(LAST)
		:: !still ->
#ifdef MUTANT_REPLACE_ONCE
			skip
#else
			reserve_died = true
#endif
		fi
	   }
	od
}
#endif

/* The user *****************************************************************/

#ifdef USERS
/* slow_work_reserve_stop() */
inline reserve_stop(o)
{
	atomic {
#ifndef MUTANT_STOP_KEEPS_LIST
		reserves??eval(o);
#endif
		there[o] = false
	};
	/* kthread_stop() */
	atomic { stop[o] = true; asleep[o] = false; leaving = true };
	!stop[o];
	leaving = false
}

/*
 * Registers again when it likes.  Turns of a user that has gone are another's when its
 * memory is.
 */
active proctype user()
{
end_user:
	if
	/* slow_work_register_user_flags() */
	:: atomic {
		!still && registered[LAST] < 2 ->
		if
		:: registered[LAST] == 0 -> reserve_start(LAST)
		:: else
		fi;
		registered[LAST]++
	   }
	/* slow_work_unregister_user(): slow_work_wait_idle() */
	:: atomic { !still && registered[LAST] > 0 } ->
#ifdef MUTANT_STOP_BUSY
		if
		:: atomic { registered[LAST] == 1 -> skip };
		   reserve_stop(LAST)
		:: atomic { registered[LAST] == 2 }
		fi;
#endif
end_busy:	atomic {
			user_idle(LAST);
			/* slow_work_remove_user() */
			registered[LAST]--;
			if
			:: registered[LAST] == 0 ->
#ifndef MUTANT_REMOVE_KEEPS_TURN
				if
				:: in_turns(Q(LAST, S)) -> turns[S]??eval(LAST)
				:: else
				fi;
#endif
				skip
			:: else ->
#ifndef MUTANT_STOP_FIRST
				goto end_user
#endif
			fi
		};
#ifndef MUTANT_STOP_BUSY
		reserve_stop(LAST);
#endif
		assert(registered[LAST] > 0 || !in_turns(Q(LAST, S)))
	fi;
	goto end_user
}
#endif

/* The reader of runqueue ***************************************************/

#ifdef CURSOR
active proctype reader()
{
end_reader:
	do
	:: atomic {
		!still || cursor < QUEUES ->
		cursor = (cursor == QUEUES -> 0 : cursor + 1);
		places()
	   }
	od
}
#endif

/* The world ****************************************************************/

#define quiet(o)	(asleep[o] || at[o] != NOTHING || !there[o])
#ifdef LATE
#define thread_comes	false
#else
#define thread_comes	(found > 0)
#endif
/* Nobody is about to move */
#if OWNERS == 3
#define all_quiet	(timer != DUE && !timer_runs && !thread_comes && !reserve_died && \
			 quiet(0) && quiet(1) && quiet(2) && !leaving && at[LAST] != DIES)
#else
#define all_quiet	(timer != DUE && !timer_runs && !thread_comes && !reserve_died && \
			 quiet(0) && quiet(1) && !leaving && at[LAST] != DIES)
#endif

/* What the manager has first, and what an item that sleeps now and then may cost */
#if defined(GROW) && defined(SLEEPERS)
#define PATIENCE	(3 * REST)
#elif defined(GROW) || defined(SLEEPERS)
#define PATIENCE	(2 * REST)
#else
#define PATIENCE	REST
#endif
#define unserved(q)	(items[q] > 0 && reserved(owner_of(q)) && there[owner_of(q)] && \
			 at[owner_of(q)] != RUNS)

inline pass()		/* time does */
{
	for (i : 0 .. QUEUES - 1) {
		if
		:: reserved(owner_of(i)) && items[i] > 0 && age[i] < OLD -> age[i]++
		:: else
		fi;
		if
		:: taken[i] < REST -> taken[i]++
		:: else
		fi;
		if
		:: unserved(i) -> starved[i]++; assert(starved[i] <= PATIENCE)
		:: else -> starved[i] = 0
		fi
	}
	i = 0;
	if
	:: timer > DUE -> timer--
	:: else
	fi
}

/* While the world holds still, the timer is set where that is needed */
inline prompt_rest()
{
	assert(queued == 0 || len(reserves) == 0 || timer != OFF);
	assert(!leaving)
}

inline at_rest()
{
	for (i : 0 .. QUEUES - 1) {
		assert(!unserved(i));
		assert(items[i] == 0 || !pool_could(i) || found > 0)
	}
	i = 0;
#if RESERVES > 0
	assert(registered[LAST] == 0 || there[LAST]);
#endif
	skip
}

active proctype world()
{
	byte q, t;

	atomic {
		/* slow_work_register_user_flags() */
		for (i : 0 .. OWNERS - 1) {
			taken[i] = REST;
#if CLASSES == 2
			taken[Q(i, V)] = REST;
#endif
#ifdef USERS
			if
			:: i != LAST -> registered[i] = 1
			:: else
			fi;
#else
			registered[i] = 1;
#if RESERVES > 0
			if
			:: reserved(i) -> reserve_start(i)
			:: else
			fi;
#endif
#endif
#if RESERVES > 0
			if
			:: reserved(i) -> run reserve_main(i)
			:: else
			fi
#endif
		}
		i = 0
	};
	do
	/* slow_work_accept(), slow_work_queue_deferred(), delayed_slow_work_timer() */
	:: atomic {
		!still ->
		do
		:: q < QUEUES - 1 -> q++
		:: break
		od;
		if
		:: registered[owner_of(q)] > 0 && items[q] < most_items(q) -> queue(q); kick()
		:: else
		fi;
		q = 0;
		places()
	   }
	/* slow_work_retract_run(), slow_work_withdraw() */
	:: atomic {
		!still ->
		do
		:: q < QUEUES - 1 -> q++
		:: break
		od;
		if
		:: items[q] > 0 -> dequeue(q)
		:: else
		fi;
		q = 0;
		places()
	   }
#ifdef GROW
	:: atomic { !still -> growable = !growable }
#endif
#if RESERVES > 0
	:: atomic { !still && all_quiet -> pass() }
#endif
	:: atomic { !still -> still = true }
	:: atomic {
		still && timeout ->
		prompt_rest();
		if
		:: passes < 4 * REST -> passes++; pass()
		:: else -> at_rest(); passes = 0; still = false
		fi
	   }
	od
}
