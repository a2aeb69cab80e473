/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads of the pool, for spin: who is woken, started and sent home so that
 * no item waits for nothing.  tests/model.sh checks it over every interleaving,
 * and that each fault that MUTANT_... puts in is found.  The life of one item is
 * in item.pml; here items are mere numbers in two queues.
 *
 * Who takes part: the manager; up to THREADS threads that it starts, buries and
 * starts anew; and the world around, which enqueues SLOW slow and VSLOW very
 * slow items (each again when it has run), wakes threads for no reason, lets time
 * pass, and with
 *
 *   SLEEPERS	has items sleep in slow_work_sleep_till_thread_needed()
 *   LIMITS	writes to max-threads
 *   FAILURES	lets the start of a thread fail
 *   STOP	unregisters the last user and registers again
 *
 * Threads are alike, so each is but a mark in one of several cups, which say
 * where in slow_work_thread_main() it is and on what errand.
 *
 * What is checked.  At any time the world may hold still: no item ends or lies
 * down to sleep unless its thread was asked for, nothing is enqueued, no event
 * comes, no nap of seconds ends.  When the pool has come to rest (timeout: nobody
 * can move) at_rest() says that no item is queued that could be executing: no
 * thread is idle or sleeps that could have it, and none could be started; and
 * that nobody counts on a thread that is not coming.  Then the world goes on.  So
 * a wake-up that is lost is found, and a nap of seconds in which items wait.
 *
 * Steps.  All is done under pool.lock, and a critical section is one atomic.
 * Threads go to sleep under it, too; but the manager sets its state before it
 * takes the lock and sleeps after, unless it was woken in between.
 *
 * More may happen here than there: the order of the queues and of the idle
 * list is left out, so that any item and any idle thread may be the next; and
 * while the world moves the manager may judge either way whether it is time for
 * a thread.  When it holds still, the manager sees a queue that does not move.
 *
 * Not here: freezing.
 */

#ifndef THREADS
#define THREADS	3	/* the hard limit, too: pool.limit */
#endif
#ifndef MIN
#define MIN	2
#endif
#ifndef SLOW
#define SLOW	4
#endif
#ifndef VSLOW
#define VSLOW	2
#endif
#define SHARE	50	/* vslow-percentage */

/* The cups */
byte fresh_threads;	/* started, has not run yet: COMING */
byte between;		/* has no item, is about to look at the queues */
byte idle;		/* in pool.idle, asleep */
byte found;		/* was idle: SEARCHING */
byte culled;		/* was idle: RETIRED */
byte dying;		/* in pool.retired */
byte executing_s, executing_v;	/* in execute, for as long as it likes */
byte asleep_s, asleep_v;	/* in slow_work_class::sleepers */
byte rested_s, rested_v;	/* the same, for as long as slow_work_rested() wants */
byte asked_s, asked_v;		/* was, and is to give way: COMING, SUMMONED */
byte asked_s1, asked_v1;	/* the same, and SLOW_FIRST */
byte back_s, back_v;		/* has given way, and is about to look: the same */
byte back_s1, back_v1;

/* The pool */
byte queued_s, queued_v;
byte yielded_s, yielded_v;
byte summoned_s, summoned_v;
byte limit_v = 1;
byte nr;
byte max = THREADS;
bool surplus;
bool stopping;
bool helpers = true;
bool searching;
byte coming;
bool managing;
bool culling;
bool failed;		/* and that was a short time ago: slow_work_backs_off() */
bool manager;		/* pool.manager is set */
bool watching;		/* growth.watching */
bool manager_awake;	/* it was woken since it set its state */
bool manager_stop;	/* kthread_should_stop() */

/* The world */
bool still;
byte out_s = SLOW, out_v = VSLOW;	/* items that the pool has not */

/* How many *****************************************************************/

#define least(a, b)	((a) < (b) -> (a) : (b))
#define most(a, b)	((a) > (b) -> (a) : (b))

inline update()		/* slow_work_update() */
{
	limit_v = most(1, least(nr * SHARE / 100, most(nr, 2) - 1));
	surplus = stopping || nr > max;
	helpers = true
}

/* slow_work_class::executing: items that are out of the queue */
#define out_of_queue_v	(executing_v + asleep_v + rested_v + asked_v + asked_v1)
#define out_of_queue_s	(executing_s + asleep_s + rested_s + asked_s + asked_s1)

#define room_v		(out_of_queue_v < limit_v -> limit_v - out_of_queue_v : 0)
#define startable	(queued_s + least(queued_v, room_v))
#define new_v		(queued_v - yielded_v)
#define new		(queued_s - yielded_s + least(new_v, room_v))
#define sleepers_v	(asleep_v + rested_v)
#define sleepers	(asleep_s + rested_s + sleepers_v)
#define slots		(fresh_threads + between + idle + found + culled + dying + \
			 out_of_queue_s + out_of_queue_v + \
			 back_s + back_v + back_s1 + back_v1)

/* slow_work_wanted() */
#define all_v		(queued_v + out_of_queue_v)
#define all		(all_v + queued_s + out_of_queue_s)
#define for_all_v	(all_v > 1 -> most(all_v + 1, (all_v * 100 + SHARE - 1) / SHARE) : 0)
#define wanted		least(most(most(all, for_all_v), MIN), max)

/* slow_work_unserved() */
#define unserved	(queued_v - least(queued_v, room_v) > summoned_v || \
			 (startable > coming + searching && idle == 0))

/* slow_work_rest(): the one that has slept longest is rested, or none is */
#define rest		(yielded_s + yielded_v > 0 && \
			 ((asleep_s > 0 && rested_s == 0) || \
			  (asleep_v > 0 && rested_v == 0)))

/* slow_work_short_handed() */
#define short_handed	((nr < max && !failed && unserved) || rest)

inline summon_manager()		/* slow_work_summon_manager() */
{
	if
	:: manager -> managing = true; manager_awake = true
	:: else
	fi
}

inline retire()			/* slow_work_retire() */
{
	assert(nr > 0);
	nr--;
	update()
}

/* Wake a thread ************************************************************/

/* slow_work_displace(), of those that have slept longest; asked: for which errand */
inline displace_v(asked)
{
	if
	:: rested_v > 0 -> rested_v--
	:: else -> assert(asleep_v > 0); asleep_v--
	fi;
	asked++;
	coming++;
	summoned_v++
}

inline displace_s(asked)
{
	if
	:: rested_s > 0 -> rested_s--
	:: else -> assert(asleep_s > 0); asleep_s--
	fi;
	asked++;
	coming++;
	summoned_s++
}

#define oldest_may_be_v	(rested_v > 0 || (rested_s == 0 && asleep_v > 0))
#define oldest_may_be_s	(rested_s > 0 || (rested_v == 0 && asleep_s > 0))

/* slow_work_comes_for_slow(): where that depends on who has waited longer, either */
#define may_come_for_slow \
	(queued_s > 0)
#define need_not_come_for_slow \
	(queued_s == 0 || (queued_v > 0 && !(queued_s > yielded_s && queued_v == yielded_v)))

/* slow_work_arrive() */
inline arrive_coming()
{
	assert(coming > 0);
	coming--
}

inline arrive_summoned(summoned)
{
	arrive_coming();
	assert(summoned > 0);
	summoned--
}

/* slow_work_find_thread(), with slow_work_find_sleeper() in its loop */
inline find_thread()
{
	if
	:: queued_s + queued_v == 0
	:: queued_s + queued_v > 0 && idle > 0 && (queued_s > 0 || room_v > 0) ->
		if
		:: !searching -> idle--; found++; searching = true
		:: else
		fi;
		helpers = false
	:: else ->
#ifdef SLEEPERS
		do
		/* for want of a place in the class */
		:: sleepers_v > 0 &&
		   (new_v > room_v + summoned_v ||
		    (queued_v > room_v + summoned_v && rested_v > 0)) ->
			displace_v(asked_v)
		/* for want of a thread */
		:: else ->
			if
			:: sleepers > 0 &&
			   (new > coming + searching ||
			    (startable > coming + searching && rested_s + rested_v > 0)) ->
				if
				:: oldest_may_be_v && may_come_for_slow -> displace_v(asked_v1)
				:: oldest_may_be_v && need_not_come_for_slow -> displace_v(asked_v)
				:: oldest_may_be_s && may_come_for_slow -> displace_s(asked_s1)
				:: oldest_may_be_s && need_not_come_for_slow -> displace_s(asked_s)
				fi
			:: else -> break
			fi
		od;
#endif
		if
		:: !managing && short_handed -> summon_manager()
		:: else
		fi;
		helpers = (idle > 0 || sleepers > 0 || (nr < max && !managing))
	fi
}

inline kick()			/* slow_work_kick() */
{
	if
	:: helpers -> find_thread()
	:: else
	fi
}

/* The threads **************************************************************/

#define takes_v(slow_first) \
	(queued_v > 0 && out_of_queue_v < limit_v && !(slow_first && queued_s > 0))

/* Come to the queues, with no more errand: slow_work_thread_main() */
inline look(retired, slow_first)
{
	if
	:: surplus && !retired -> retire(); leave()
	:: retired -> leave()
	:: !surplus && !retired ->
		/* slow_work_take(); which item of the queue it is, is left open */
		if
		:: takes_v(slow_first) ->
			if
			:: yielded_v < queued_v
			:: yielded_v > 0 -> yielded_v--
			fi;
			queued_v--;
			executing_v++;
			kick_taken()
		:: !takes_v(slow_first) && queued_s > 0 ->
			if
			:: yielded_s < queued_s
			:: yielded_s > 0 -> yielded_s--
			fi;
			queued_s--;
			executing_s++;
			kick_taken()
		:: else ->
			kick();
			/* slow_work_idle() */
			idle++;
#ifndef MUTANT_IDLE_NO_HELPERS
			helpers = true;
#endif
			if
			:: nr > MIN && !culling -> summon_manager()
			:: else
			fi
		fi
	fi
}

inline kick_taken()
{
#ifndef MUTANT_TAKE_NO_KICK
	kick();
#endif
	skip
}

/* The end of slow_work_thread_main() */
inline leave()
{
	dying++;
	kick();
	summon_manager()
}

/*
 * slow_work_sleep_till_thread_needed(): on the list of sleepers already.  It is
 * over when the thread is displaced, or by an event of its own.
 */
inline lie_down()
{
#ifndef MUTANT_SLEEP_NO_HELPERS
	helpers = true;
#endif
	kick()
}

active proctype threads()
{
end_threads:
	do
	/* slow_work_thread_main(): look for an item, on an errand or on none */
	:: atomic { between > 0 -> between--; look(false, false) }
	:: atomic { fresh_threads > 0 -> fresh_threads--; arrive_coming(); look(false, false) }
	:: atomic {
		found > 0 ->
		found--;
		/* slow_work_arrive() */
		searching = false;
#ifndef MUTANT_ARRIVE_NO_HELPERS
		helpers = true;
#endif
		look(false, false)
	   }
	:: atomic { culled > 0 -> culled--; look(true, false) }
	/* kthread_stop(), or a signal */
	:: atomic { idle > 0 && (!still || stopping) -> idle--; look(false, false) }

	/* slow_work_end() or slow_work_end_caught(), where it was enqueued meanwhile */
	:: atomic {
		!still && executing_s > 0 ->
		executing_s--; between++;
		if
		:: queued_s++
		:: out_s++
		fi
	   }
	:: atomic {
		!still && executing_v > 0 ->
		executing_v--; between++;
		if
		:: queued_v++
		:: out_v++
		fi
	   }

#ifdef SLEEPERS
	/* slow_work_sleep_till_thread_needed() */
	:: atomic { !still && executing_s > 0 -> executing_s--; asleep_s++; lie_down() }
	:: atomic { !still && executing_v > 0 -> executing_v--; asleep_v++; lie_down() }
	/* its event, or its timeout */
	:: atomic { !still && asleep_s > 0 -> asleep_s--; executing_s++ }
	:: atomic { !still && rested_s > 0 -> rested_s--; executing_s++ }
	:: atomic { !still && asleep_v > 0 -> asleep_v--; executing_v++ }
	:: atomic { !still && rested_v > 0 -> rested_v--; executing_v++ }
	/* SLOW_WORK_REST_JIFFIES pass */
	:: atomic { asleep_s > 0 -> rested_s = rested_s + asleep_s; asleep_s = 0 }
	:: atomic { asleep_v > 0 -> rested_v = rested_v + asleep_v; asleep_v = 0 }
	/* It was asked for: its item returns, and was enqueued again, or not */
	:: atomic {
		asked_s > 0 ->
		asked_s--; back_s++;
		if
		:: queued_s++; yielded_s++
		:: out_s++
		fi
	   }
	:: atomic {
		back_s > 0 ->
		back_s--; arrive_summoned(summoned_s);
		look(false, false)
	   }
	/* or sleeps again */
	:: atomic {
		!still && asked_s > 0 ->
		asked_s--; asleep_s++;
#ifndef MUTANT_SLEEP_NO_ARRIVE
		arrive_summoned(summoned_s);
#endif
		lie_down()
	   }
	:: atomic {
		asked_s1 > 0 ->
		asked_s1--; back_s1++;
		if
		:: queued_s++; yielded_s++
		:: out_s++
		fi
	   }
	:: atomic {
		back_s1 > 0 ->
		back_s1--; arrive_summoned(summoned_s);
		look(false, true)
	   }
	/* or sleeps again */
	:: atomic {
		!still && asked_s1 > 0 ->
		asked_s1--; asleep_s++;
#ifndef MUTANT_SLEEP_NO_ARRIVE
		arrive_summoned(summoned_s);
#endif
		lie_down()
	   }
	:: atomic {
		asked_v > 0 ->
		asked_v--; back_v++;
		if
		:: queued_v++; yielded_v++
		:: out_v++
		fi
	   }
	:: atomic {
		back_v > 0 ->
		back_v--; arrive_summoned(summoned_v);
		look(false, false)
	   }
	/* or sleeps again */
	:: atomic {
		!still && asked_v > 0 ->
		asked_v--; asleep_v++;
#ifndef MUTANT_SLEEP_NO_ARRIVE
		arrive_summoned(summoned_v);
#endif
		lie_down()
	   }
	:: atomic {
		asked_v1 > 0 ->
		asked_v1--; back_v1++;
		if
		:: queued_v++; yielded_v++
		:: out_v++
		fi
	   }
	:: atomic {
		back_v1 > 0 ->
		back_v1--; arrive_summoned(summoned_v);
		look(false, true)
	   }
	/* or sleeps again */
	:: atomic {
		!still && asked_v1 > 0 ->
		asked_v1--; asleep_v++;
#ifndef MUTANT_SLEEP_NO_ARRIVE
		arrive_summoned(summoned_v);
#endif
		lie_down()
	   }
#endif
	od
}

/* The manager **************************************************************/

#define NO_NAP	0
#define SOON	1	/* LOOK_US, or when a sleeper will have rested */
#define RETRY	2	/* when it is time to try again after a failure */
#define LATE	3	/* when an idle thread will be cold */

/* slow_work_start_thread() */
inline start_thread()
{
	assert(slots < THREADS);
	fresh_threads++;
	coming++;
	nr++;
	update()
}

active proctype manager_main()
{
	byte nap;

end_none:
	manager || manager_stop;		/* kthread_run(); or it never ran */
loop:
#if !defined(MUTANT_MANAGER_STATE_LATE) && !defined(MUTANT_MANAGER_STOP_EARLY)
	manager_awake = false;			/* set_current_state() */
#endif
	if
	:: manager_stop -> manager_stop = false; goto end_none
	:: else
	fi;
#ifdef MUTANT_MANAGER_STOP_EARLY
	manager_awake = false;
#endif
	atomic {
		nap = NO_NAP;
		managing = true;
		if
		:: dying > 0 -> dying--; goto loop	/* slow_work_reap() */
		:: else
		fi;
		/* slow_work_grow() */
		if
#ifndef MUTANT_GROW_BACKS_OFF_LATE
		:: failed -> watching = false; nap = RETRY
#endif
		:: else ->
		if
		:: nr >= wanted || (nr >= MIN && !unserved) || slots == THREADS ->
			watching = false
		:: else ->
			if
			:: failed -> watching = false; nap = RETRY
			:: !failed && nr < MIN -> goto start
			:: !failed && nr >= MIN && watching -> goto start	/* seen enough */
			:: !failed && nr >= MIN && (!watching || !still) ->
				watching = true;
				nap = SOON
			fi
		fi
		fi;
		/* slow_work_cull() */
		do
		:: culling = false;
		   if
		   :: idle == 0 || nr <= MIN -> break
		   :: idle > 0 && nr > MIN && (nr > max || (nr > wanted && !still)) ->
			idle--;
			culled++;
			retire()
		   :: idle > 0 && nr > MIN && nr <= max ->
			culling = true;
			nap = (nap == NO_NAP -> LATE : nap);
			break
		   fi
		od;
		kick();
		if
		:: rest -> nap = SOON
		:: else
		fi;
#ifdef MUTANT_MANAGING_WHILE_NAPPING
		managing = (nap != NO_NAP);
#else
		managing = (watching || rest);
#endif
#ifndef MUTANT_MANAGER_NO_HELPERS
		helpers = true;			/* the manager may be one */
#endif
		skip
	};
#ifdef MUTANT_MANAGER_STATE_LATE
	manager_awake = false;
#endif
	/* schedule_hrtimeout_range() */
	if
	:: manager_awake
	:: nap == SOON
	:: nap == RETRY && !failed
	:: nap != NO_NAP && !still
	fi;
	goto loop;

start:	/* slow_work_try_start() */
	atomic {
		if
		:: start_thread(); failed = false
#ifdef FAILURES
		:: failed = true
#endif
		fi;
		goto loop
	}
}

/* The world ****************************************************************/

/* The pool is at rest while the world holds still */
inline at_rest()
{
	assert(coming == 0 && !searching && summoned_s + summoned_v == 0);
	assert(dying == 0);
	assert(nr == idle + out_of_queue_s + out_of_queue_v);
	assert(nr >= MIN || failed);
	assert(nr <= max || idle == 0);
	assert(startable == 0 || (idle == 0 && sleepers == 0));
	assert(queued_v == 0 || sleepers_v == 0);
	assert(queued_s + queued_v == 0 || nr >= max || failed)
}

active proctype world()
{
	do
	/* slow_work_accept(), slow_work_timer() */
	:: atomic { !still && out_s > 0 -> out_s--; queued_s++; kick() }
	:: atomic { !still && out_v > 0 -> out_v--; queued_v++; kick() }
#ifdef LIMITS
	/* slow_work_set() */
	:: atomic {
		!still ->
		max = (max == MIN -> THREADS : MIN);
		update();
		kick();
#ifndef MUTANT_SET_NO_SUMMON
		summon_manager();
#endif
		skip
	   }
#endif
#ifdef FAILURES
	/* SLOW_WORK_RETRY_JIFFIES pass */
	:: atomic { !still && failed -> failed = false }
#endif
#ifdef STOP
	:: atomic {
		/* slow_work_pool_stop() */
		!still && manager && out_s == SLOW && out_v == VSLOW ->
		manager = false;
		managing = false;
		culling = false;
		stopping = true;
		update();
		manager_stop = true;
		manager_awake = true
	   };
	   !manager_stop;
	   do
	   :: atomic {
		/* slow_work_reap(): it had not run */
		fresh_threads > 0 ->
		fresh_threads--;
#ifndef MUTANT_REAP_NO_ARRIVE
		arrive_coming();
		retire();
#endif
		skip
	      }
	   :: dying > 0 -> dying--
	   :: atomic { slots == 0 -> break }
	   od;
	   atomic {
		assert(nr == 0 && coming == 0 && !searching);
		assert(summoned_s + summoned_v == 0 && queued_s + queued_v == 0);
		/* slow_work_pool_start() */
		stopping = false;
		failed = false;
		watching = false;
		update()
	   };
	   do
	   :: nr < MIN -> atomic { start_thread() }
	   :: nr >= MIN -> break
	   od;
	   atomic { manager = true; manager_awake = true }
#endif
	:: atomic { !still -> still = true }
	:: atomic { still && timeout -> at_rest(); still = false }
	od
}

init {
	atomic {
		/* slow_work_pool_start() */
		do
		:: nr < MIN -> start_thread()
		:: else -> break
		od;
		manager = true
	}
}
