/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads of the pool, for spin: which thread is woken, preempted, started or
 * retired, so that no item waits for nothing.  tests/model.sh checks it over every
 * interleaving, and that each fault that MUTANT_... puts in is found.  The life of
 * one item is in item.pml; here items are mere numbers in two queues.
 *
 * Who takes part: the manager; the pool timer; up to THREADS threads that the
 * manager starts, reaps and starts anew; and the world around, which enqueues SLOW
 * slow and VSLOW very slow items (each again when it has run), wakes threads for no
 * reason, lets time pass, and with
 *
 *   SLEEPERS	has items sleep in slow_work_sleep_till_thread_needed()
 *   LIMITS	writes to max-threads
 *   FAILURES	lets the start of a thread fail
 *   STOP	unregisters the last user and registers again
 *   DEATHS	lets threads die in a call-out
 *   CLOSE	has items armed, which a thread disarms when the last user leaves
 *
 * Threads are alike, so each is but a count in one of several cups, which say
 * where in slow_work_thread_main() it is and which flags it has.
 *
 * What is checked.  At any time the world may hold still: no item ends or goes to
 * sleep, nothing is enqueued, no event comes, no timeout of seconds ends; a thread
 * that was woken, preempted or started does not come, and a manager that is about to
 * start a thread does not return from kthread_create().  When nobody can move
 * (timeout) prompt_rest() says that nothing is left to be done at once: what is
 * queued has its threads on the way as far as there are any, and the timer is set if
 * there is something for it to do.  Then the 10 ms pass for which the pool counts on
 * a thread, or lets a sleeper rest, the timer goes off, and so on: until it has
 * nothing more to do.  Then at_rest() says that no item is queued that could be
 * executing: no thread is idle or sleeps that could have it, and none could be
 * started but for a manager that does not return; and that the pool counts on no
 * thread.  Then the world goes on.  So a wake-up that is lost is found, and a timeout
 * of seconds in which items wait, and whatever waits behind kthread_create().
 *
 * Threads that come in time are checked too: they come while the world moves.
 *
 * Steps.  All is done under slow_pool.lock, and a critical section is one atomic.
 * Threads go to sleep under it, too; but the manager sets its state before it
 * takes the lock and sleeps after, unless it was woken in between.  The timer's
 * function does its work in several sections.
 *
 * More may happen here than there: the order of the queues and of the idle
 * list is left out, so that any item and any idle thread may be the next; so is
 * which thread comes for a slow item first (SLOW_WORK_SLOW_FIRST); and while the
 * world moves the timer may go off at any time, and the manager may judge either way
 * whether it is time for a thread.  When it holds still, the manager sees a queue
 * that does not move.
 *
 * Not here: freezing.
 */

#ifndef THREADS
#define THREADS	3	/* the hard limit, too: slow_pool.limit */
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
byte idle;		/* in slow_pool.idle, asleep */
byte found;		/* was idle: SEARCHING */
byte late;		/* the same or started, and counted on no more */
byte culled;		/* was idle: RETIRED */
byte dying;		/* in slow_pool.retired */
byte executing_s, executing_v;	/* in execute, for as long as it likes */
byte asleep_s, asleep_v;	/* in slow_work_class::sleepers */
byte rested_s, rested_v;	/* the same, for as long as slow_work_rested() wants */
byte told_s, told_v;		/* was, and is to give way: COMING, PREEMPTED */
byte late_s, late_v;		/* the same, and counted on no more: PREEMPTED */
byte back_s, back_v;		/* has given way, is about to look: COMING, PREEMPTED */
byte dead_s, dead_v;		/* its task has died in execute */
byte discarding;		/* is in the put_ref of a slow item that it disarmed */

/* The pool */
byte queued_s, queued_v;
byte yielded_s, yielded_v;
byte preempted_s, preempted_v;
byte limit_v = 1;
byte nr;
byte max = THREADS;
bool surplus;
bool stopping;
bool helpers = true;
bool searching;		/* slow_pool.searcher is set */
byte coming;
bool managing;
bool culling;
bool failed;		/* and that was a short time ago: slow_work_backs_off() */
byte absent;		/* threads that are counted on no more and have no item */
bool sampling;		/* the manager is to look for dead threads */
#ifdef DEATHS
bool pool_dying;	/* slow_pool.dying: a thread died a short time ago */
#else
#define pool_dying	false
#endif
#ifdef CLOSE
bool open = true;
bool closing;		/* a thread is to disarm what is armed */
byte armed;
#else
#define open		true
#define closing		false
#endif
bool manager;		/* slow_pool.manager is set */
bool watching;		/* growth.watching */
bool manager_awake;	/* it was woken since it set its state */
bool manager_stop;	/* kthread_should_stop() */

/* slow_pool.timer */
#define OFF	0
#define SAMPLE	1	/* within SLOW_WORK_SAMPLE_JIFFIES */
#define SOON	2	/* within SLOW_WORK_REST_JIFFIES */
#define NOW	3	/* at once; or its function runs, and goes on */
byte timer;
byte due;		/* for so many threads the trust is over: SLOW_WORK_REST_JIFFIES */
bool sample;		/* SLOW_WORK_SAMPLE_JIFFIES are over */

/* The world */
bool still;
bool creating;		/* the manager is in kthread_create() */
byte passes;		/* how often it went off for that since the world holds still */
byte out_s = SLOW, out_v = VSLOW;	/* items that the pool has not */

#define least(a, b)	((a) < (b) -> (a) : (b))
#define most(a, b)	((a) > (b) -> (a) : (b))

/* slow_work_poll_in(): timer_reduce() */
inline set_timer(when)
{
	if
	:: stopping
#ifdef MUTANT_POLL_KEEPS_LATER
	:: timer != OFF
#endif
	:: else -> timer = most(timer, when)
	fi
}

/* How many *****************************************************************/

inline update()		/* slow_work_update() */
{
	limit_v = most(1, least(nr * SHARE / 100, most(nr, 2) - 1));
	surplus = stopping || nr > max;
	helpers = true
}

/* slow_work_class::executing: items that are out of the queue */
#define out_of_queue_v	(executing_v + asleep_v + rested_v + told_v + late_v + dead_v)
#define out_of_queue_s	(executing_s + asleep_s + rested_s + told_s + late_s + dead_s + \
			 discarding)

#define queued		(queued_s + queued_v)
#define room_v		(out_of_queue_v < limit_v -> limit_v - out_of_queue_v : 0)
#define startable	(queued_s + least(queued_v, room_v))
#define new_v		(queued_v - yielded_v)
#define room_soon_v	(room_v + preempted_v)
#define soon		(queued_s + least(queued_v, room_soon_v))
#define new		(queued_s - yielded_s + least(new_v, room_soon_v))
#define sleepers_s	(asleep_s + rested_s)
#define sleepers_v	(asleep_v + rested_v)
#define sleepers	(sleepers_s + sleepers_v)
#define slots		(fresh_threads + between + idle + found + late + culled + dying + \
			 out_of_queue_s + out_of_queue_v + back_s + back_v)

/* slow_work_wanted() */
#define all_v		(queued_v + out_of_queue_v)
#define all		(all_v + queued_s + out_of_queue_s)
#define for_all_v	(all_v > 1 -> most(all_v + 1, (all_v * 100 + SHARE - 1) / SHARE) : 0)
#ifdef MUTANT_WANTED_NO_ABSENT
#define wanted		least(most(most(all, for_all_v), MIN), max)
#else
#define wanted		least(most(most(all, for_all_v) + absent, MIN), max)
#endif

/* slow_work_unserved() */
#define unserved	(queued_v > room_soon_v || (soon > coming + searching && idle == 0))

/* slow_work_rest(): the one that has slept longest is rested, or none is */
#define rest		(yielded_s + yielded_v > 0 && \
			 ((asleep_s > 0 && rested_s == 0) || \
			  (asleep_v > 0 && rested_v == 0)))

/* slow_work_short_handed() */
#ifdef MUTANT_REST_BY_MANAGER
#define short_handed	((nr < max && !failed && unserved) || rest)
#else
#define short_handed	(nr < max && !failed && unserved)
#endif

inline wake_manager()		/* slow_work_wake_manager() */
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

/* Threads that are counted on **********************************************/

/* slow_work_uncall(), of one that was preempted; left: what is it now? */
inline uncall_told(told, left, preempted)
{
	told--;
	left++;
	assert(coming > 0 && preempted > 0);
	coming--;
#ifndef MUTANT_UNCALL_KEEPS_PREEMPTED
	preempted--
#endif
}

/* slow_work_miss() */
inline miss()
{
	late++;
	absent++
}

/* slow_work_give_up(): the first of slow_pool.coming, whichever that is */
inline give_up()
{
	if
	:: fresh_threads > 0 -> fresh_threads--; coming--; miss()
#ifdef SLEEPERS
	:: told_s > 0 -> uncall_told(told_s, late_s, preempted_s)
	:: told_v > 0 -> uncall_told(told_v, late_v, preempted_v)
	:: back_s > 0 -> uncall_told(back_s, between, preempted_s)
	:: back_v > 0 -> uncall_told(back_v, between, preempted_v)
#endif
	fi
}

/* slow_work_end_search() */
inline end_search()
{
	searching = false;
#ifndef MUTANT_SEARCH_NO_HELPERS
	helpers = true;
#endif
	skip
}

/* slow_work_arrive() */
inline arrive_coming()
{
	assert(coming > 0);
	coming--
}

inline arrive_preempted(preempted)
{
	arrive_coming();
	assert(preempted > 0);
	preempted--
}

/* Of one that is counted on no more: that is all there is to be undone */
inline arrive_absent()
{
	late--;
#ifndef MUTANT_ARRIVE_ABSENT
	assert(absent > 0);
	absent--;
#endif
	arrive_late()
}

inline arrive_late()
{
#ifdef MUTANT_ARRIVE_LATE_COMING
	if
	:: coming > 0 -> coming--
	:: else
	fi;
#endif
#ifdef MUTANT_ARRIVE_LATE_SEARCHING
	end_search();
#endif
	skip
}

/* Sleepers *****************************************************************/

/* What was queued really, and not because its thread was wanted elsewhere */
#ifdef MUTANT_LATE_NOT_YIELDED
byte gave_s, gave_v;
#define fresh_items	(queued - gave_s - gave_v)
#else
#define gave_s		yielded_s
#define gave_v		yielded_v
#define fresh_items	(queued - yielded_s - yielded_v)
#endif

/* slow_work_wake_sleeper(), slow_work_call(), of those that have slept longest */
inline preempt_v()
{
	if
	:: rested_v > 0 -> rested_v--
	:: else -> assert(asleep_v > 0 && fresh_items > 0); asleep_v--
	fi;
	told_v++;
	coming++;
	preempted_v++;
#ifndef MUTANT_CALL_NO_TIMER
	set_timer(SOON);
#endif
	skip
}

inline preempt_s()
{
	if
	:: rested_s > 0 -> rested_s--
	:: else -> assert(asleep_s > 0 && fresh_items > 0); asleep_s--
	fi;
	told_s++;
	coming++;
	preempted_s++;
#ifndef MUTANT_CALL_NO_TIMER
	set_timer(SOON);
#endif
	skip
}

/* slow_work_find_sleeper(): for want of a slot in the class */
#define fresh_for_slot	(sleepers_v > 0 && new_v > room_soon_v)
#define any_for_slot	(rested_v > 0 && queued_v > room_soon_v)
#define may_for_slot	(sleepers_v > 0 && queued_v > room_soon_v)
#define for_slot	(fresh_for_slot || any_for_slot)
/* for want of a thread */
#define fresh_for_thread (sleepers > 0 && new > coming + searching)
#define any_for_thread	(rested_s + rested_v > 0 && soon > coming + searching)
#define may_for_thread	(sleepers > 0 && soon > coming + searching)
#define for_thread	(fresh_for_thread || any_for_thread)

/* slow_work_oldest_sleeper() */
#define oldest_may_be_v	(rested_v > 0 || (rested_s == 0 && asleep_v > 0))
#define oldest_may_be_s	(rested_s > 0 || (rested_v == 0 && asleep_s > 0))

/* Wake a thread ************************************************************/

/* slow_work_wake_idle() is the way to go */
#define idle_may	(idle > 0 && (queued_s > 0 || room_v > 0))

inline wake_idle()	/* slow_work_wake_idle() */
{
	if
	:: !searching ->
		idle--;
		found++;
		searching = true;
#ifdef MUTANT_SEARCH_TIMER_ONCE
		set_timer(SAMPLE)
#endif
	:: else
	fi;
#if !defined(MUTANT_SEARCH_NO_TIMER) && !defined(MUTANT_SEARCH_TIMER_ONCE)
	set_timer(SAMPLE);
#endif
	helpers = false
}

/* slow_work_find_thread(), slow_work_preempt() */
#ifdef MUTANT_FIND_NO_CLOSING
#define disarms		false
#else
#define disarms		closing
#endif

inline find_thread()
{
	if
	:: queued == 0 && !disarms
	:: (queued > 0 && idle_may) || (disarms && idle > 0) ->
		wake_idle()
	:: else ->
#ifdef SLEEPERS
		/* one in a section */
		if
		:: for_slot -> preempt_v()
		:: !for_slot && for_thread ->
			if
			:: oldest_may_be_v -> preempt_v()
			:: oldest_may_be_s -> preempt_s()
			fi
		:: else
		fi;
		if
#ifndef MUTANT_PREEMPT_NO_MORE
		:: for_slot || for_thread -> set_timer(NOW)
#endif
		:: else
		fi;
#if !defined(MUTANT_REST_NO_TIMER) && !defined(MUTANT_REST_BY_MANAGER)
		if
		:: rest -> set_timer(SOON)
		:: else
		fi;
#endif
#endif
		if
		:: !managing && short_handed -> wake_manager()
		:: else
		fi;
#ifndef MUTANT_FIND_NO_TIMER
		set_timer(SAMPLE);
#endif
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

/* The timer ****************************************************************/

/*
 * slow_work_timer() does what there is to do in sections; it may go off for
 * nothing.  While the world moves, the 10 ms are over for any number of threads by
 * then; while it holds still, it is the world that lets the time pass.
 */
active proctype pool_timer()
{
end_timer:
	if
	:: atomic {
		!still && (timer == SOON || timer == SAMPLE) ->
		do
		:: due < coming -> due++
		:: break
		od;
		if
		:: queued > 0 || pool_dying -> sample = true
		:: true
		fi;
		goto section
	   }
	:: atomic {
		timer == NOW ->
section:	timer = OFF;
		/* slow_work_give_up() */
#ifndef MUTANT_TRUST_NEVER_ENDS
		if
		:: due > 0 && coming > 0 -> give_up(); due--
		:: else
		fi;
#else
		due = 0;
#endif
		if
#ifdef MUTANT_GIVE_UP_NO_MORE
		:: due > 0 && coming > 0 -> due = 0
#else
		:: due > 0 && coming > 0 -> timer = NOW		/* goes on */
#endif
#ifndef MUTANT_GIVE_UP_NO_TIMER
		:: due == 0 && coming > 0 -> set_timer(SOON)
#endif
		:: else -> due = 0
		fi;
		/* slow_work_sample() */
#ifdef DEATHS
		if
		/* a minute has passed, and many samples */
		:: pool_dying && !still && dead_s + dead_v == 0 && !sampling -> pool_dying = false
		:: true
		fi;
#endif
		if
		:: (queued > 0 || pool_dying) && sample ->
			if
#ifndef MUTANT_SEARCH_NEVER_ENDS
			:: searching -> found--; end_search(); miss()
#endif
			:: else
			fi;
#ifdef DEATHS
#ifndef MUTANT_SAMPLE_NO_DEAD
			sampling = true;
			wake_manager();
#endif
#endif
			set_timer(SAMPLE)
		:: (queued > 0 || pool_dying) && !sample -> set_timer(SAMPLE)
		:: else
		fi;
		sample = false;
#ifndef MUTANT_TIMER_NO_FIND
		helpers = true;
		find_thread();
#endif
		goto end_timer
	   }
	fi
}

/* The threads **************************************************************/

#define takes_v(slow_first) \
	(queued_v > 0 && out_of_queue_v < limit_v && !(slow_first && queued_s > 0))

/* Which item of the queue it is, is left open */
inline take(waiting, yielded, gave)
{
	if
	:: yielded < waiting
	:: yielded > 0 -> yielded--
	fi;
#ifdef MUTANT_LATE_NOT_YIELDED
	if
	:: gave < waiting
	:: gave > 0 -> gave--
	fi;
#endif
	waiting--
}

inline give_back(waiting, yielded, gave)
{
	waiting++;
	yielded++;
#ifdef MUTANT_LATE_NOT_YIELDED
	gave++
#endif
}

inline give_back_late(waiting, yielded, gave)
{
#ifdef MUTANT_LATE_NOT_YIELDED
	waiting++;
	gave++
#else
	give_back(waiting, yielded, gave)
#endif
}

#ifdef MUTANT_TAKE_NO_KICK
#define kick_taken()	skip
#else
#define kick_taken()	kick()
#endif

active proctype threads()
{
	bit slow_first;		/* of the thread that looks: SLOW_WORK_SLOW_FIRST */
	bit retired;		/* SLOW_WORK_RETIRED */

end_threads:
	if
	/* slow_work_thread_main(): look for an item */
	:: atomic { between > 0 -> between--; goto look }
	:: atomic { !still && fresh_threads > 0 -> fresh_threads--; arrive_coming(); goto look }
	:: atomic {
		!still && found > 0 ->
		found--;
		/* slow_work_arrive() */
		assert(searching);
#ifdef MUTANT_ARRIVE_NO_HELPERS
		searching = false;
#else
		end_search();
#endif
		goto look
	   }
	:: atomic { !still && late > 0 -> arrive_absent(); goto look }
	:: atomic { culled > 0 -> culled--; retired = true; goto look }
	/* kthread_stop(), or a freezer */
	:: atomic { idle > 0 && (!still || stopping) -> idle--; goto look }

#ifdef CLOSE
	:: atomic { !still && discarding > 0 -> discarding--; out_s++; between++; goto end_threads }
#endif

	/* slow_work_end() or slow_work_end_claimed(), where it was enqueued meanwhile */
	:: atomic {
		!still && executing_s > 0 ->
		executing_s--; between++;
		if
		:: queued_s++
		:: out_s++
		fi;
		goto end_threads
	   }
	:: atomic {
		!still && executing_v > 0 ->
		executing_v--; between++;
		if
		:: queued_v++
		:: out_v++
		fi;
		goto end_threads
	   }

#ifdef DEATHS
	:: atomic { !still && executing_s > 0 -> executing_s--; dead_s++; goto dies }
	:: atomic { !still && executing_v > 0 -> executing_v--; dead_v++; goto dies }
#endif

#ifdef SLEEPERS
	/* slow_work_sleep_till_thread_needed() */
	:: atomic { !still && executing_s > 0 -> executing_s--; asleep_s++; goto asleep }
	:: atomic { !still && executing_v > 0 -> executing_v--; asleep_v++; goto asleep }
	/* its event, or its timeout */
	:: atomic { !still && asleep_s > 0 -> asleep_s--; executing_s++; goto end_threads }
	:: atomic { !still && rested_s > 0 -> rested_s--; executing_s++; goto end_threads }
	:: atomic { !still && asleep_v > 0 -> asleep_v--; executing_v++; goto end_threads }
	:: atomic { !still && rested_v > 0 -> rested_v--; executing_v++; goto end_threads }
	/* SLOW_WORK_REST_JIFFIES pass */
	:: atomic {
		!still && asleep_s > 0 ->
		rested_s = rested_s + asleep_s; asleep_s = 0; goto end_threads
	   }
	:: atomic {
		!still && asleep_v > 0 ->
		rested_v = rested_v + asleep_v; asleep_v = 0; goto end_threads
	   }
	/* It was preempted: its item returns, and was enqueued again, or not */
	:: atomic {
		!still && told_s > 0 ->
		told_s--; back_s++;
		if
		:: give_back(queued_s, yielded_s, gave_s)
		:: out_s++
		fi;
		goto end_threads
	   }
	:: atomic {
		!still && told_v > 0 ->
		told_v--; back_v++;
		if
		:: give_back(queued_v, yielded_v, gave_v)
		:: out_v++
		fi;
		goto end_threads
	   }
	:: atomic { back_s > 0 -> back_s--; arrive_preempted(preempted_s); goto look_preempted }
	:: atomic { back_v > 0 -> back_v--; arrive_preempted(preempted_v); goto look_preempted }
	/* or too late */
	:: atomic {
		!still && late_s > 0 ->
		late_s--; between++;
		arrive_late();
		if
		:: give_back_late(queued_s, yielded_s, gave_s)
		:: out_s++
		fi;
		goto end_threads
	   }
	:: atomic {
		!still && late_v > 0 ->
		late_v--; between++;
		arrive_late();
		if
		:: give_back_late(queued_v, yielded_v, gave_v)
		:: out_v++
		fi;
		goto end_threads
	   }
	/* or sleeps again */
	:: atomic {
		!still && told_s > 0 ->
		told_s--; asleep_s++;
#ifndef MUTANT_SLEEP_NO_ARRIVE
		arrive_preempted(preempted_s);
#endif
		goto asleep
	   }
	:: atomic {
		!still && told_v > 0 ->
		told_v--; asleep_v++;
#ifndef MUTANT_SLEEP_NO_ARRIVE
		arrive_preempted(preempted_v);
#endif
		goto asleep
	   }
	:: atomic { !still && late_s > 0 -> late_s--; asleep_s++; arrive_late(); goto asleep }
	:: atomic { !still && late_v > 0 -> late_v--; asleep_v++; arrive_late(); goto asleep }
#ifdef DEATHS
	:: atomic { !still && late_s > 0 -> late_s--; dead_s++; goto dies }
	:: atomic { !still && late_v > 0 -> late_v--; dead_v++; goto dies }
#endif
#endif
	fi;

	atomic {
		false ->
#ifdef DEATHS
		/* slow_work_died(), slow_work_dying() */
dies:
		pool_dying = true;
#ifndef MUTANT_DIED_NO_TIMER
		set_timer(SAMPLE);
#endif
		goto end_threads;
#endif
#ifdef SLEEPERS
		/*
		 * slow_work_sleep_till_thread_needed(): on the list of sleepers already.
		 * It is over when the thread is preempted, or by an event of its own.
		 */
asleep:
#ifndef MUTANT_SLEEP_NO_HELPERS
		helpers = true;
#endif
		kick();
		goto end_threads;

look_preempted:	if
		:: slow_first = true
		:: skip
		fi;
#endif
		/* slow_work_thread_main(), with no more flags */
look:
#ifdef CLOSE
		/* slow_work_discard(), where slow_work_report_in() has nothing to start */
#ifdef MUTANT_DISCARD_FIRST
#define discards	(closing && !retired)
#else
#define discards	(closing && !retired && startable == 0)
#endif
		if
		:: discards && (armed == 0 || open) -> closing = false; update()
		:: discards && armed > 0 && !open ->
			armed--;
			discarding++;
			slow_first = false;
			goto end_threads
		:: else
		fi;
#endif
		if
		:: surplus || retired ->
			if
			:: !retired -> retire()
			:: else
			fi;
			dying++;
			kick();
			wake_manager()
		:: else ->
			/* slow_work_take(), as slow_work_thread_main() chooses */
			if
			:: takes_v(slow_first) ->
				take(queued_v, yielded_v, gave_v);
				executing_v++;
				kick_taken()
			:: !takes_v(slow_first) && queued_s > 0 ->
				take(queued_s, yielded_s, gave_s);
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
				:: nr > MIN && !culling -> wake_manager()
				:: else
				fi
			fi
		fi;
		slow_first = false;
		retired = false;
		goto end_threads
	}
}

/* The manager **************************************************************/

#define NONE	0
#define WATCH	1	/* SLOW_WORK_LOOK_US */
#define RETRY	2	/* when it is time to try again after a failure */
#define LATER	3	/* when an idle thread will be cold */

/* slow_work_start_thread() */
inline start_thread()
{
	assert(slots < THREADS);
	fresh_threads++;
	coming++;
#ifndef MUTANT_START_NO_TIMER
	set_timer(SOON);
#endif
	nr++;
	update()
}

#ifdef DEATHS
/* slow_work_lose(), of a dead thread that nobody counts on */
inline lose(dead)
{
	dead--;
#ifndef MUTANT_LOSE_KEEPS_NR
	assert(nr > 0);
	nr--;
	update();
#endif
#ifdef MUTANT_LOSE_ENDS_DYING
	pool_dying = false;
#endif
#ifndef MUTANT_LOSE_NO_KICK
	kick();
#endif
#ifndef MUTANT_LOSE_NO_WAKE
	wake_manager();
#endif
	skip
}
#endif

active proctype manager_main()
{
	byte timeout_in;

end_none:
	manager || manager_stop;		/* wake_up_process(); or it never ran */
loop:
	/*
	 * set_current_state(), kthread_should_stop(), and the section are one step:
	 * whoever comes in between finds it awake, and it goes on
	 */
#ifdef MUTANT_MANAGER_STOP_EARLY
	atomic {
		if
		:: manager_stop -> manager_stop = false; goto end_none
		:: else
		fi
	};
	manager_awake = false;
#endif
	atomic {
#ifndef MUTANT_MANAGER_STATE_LATE
		manager_awake = false;
#endif
#ifndef MUTANT_MANAGER_STOP_EARLY
		if
		:: manager_stop -> manager_stop = false; goto end_none
		:: else
		fi;
#endif
		timeout_in = NONE;
		managing = true;
		if
		:: dying > 0 -> dying--; goto loop	/* slow_work_reap() */
		:: else
		fi;
#ifdef DEATHS
		/* slow_work_find_dead(): one a section */
		if
		:: sampling && dead_s > 0 -> lose(dead_s); goto loop
		:: sampling && dead_s == 0 && dead_v > 0 -> lose(dead_v); goto loop
#ifdef SLEEPERS
		/* it died after it was told to give way */
		:: sampling && !still && told_s > 0 ->
			told_s--; dead_s++;
#ifndef MUTANT_LOSE_NO_ARRIVE
			arrive_preempted(preempted_s);
#endif
			lose(dead_s);
			goto loop
#endif
		:: else -> sampling = false
		fi;
#endif
		/* slow_work_grow() */
		if
#ifndef MUTANT_GROW_BACKS_OFF_LATE
		:: failed -> watching = false; timeout_in = RETRY
#endif
		:: else ->
		if
		:: nr >= wanted || (nr >= MIN && !unserved) || slots == THREADS ->
			watching = false
		:: else ->
			if
			:: failed -> watching = false; timeout_in = RETRY
			:: !failed && nr < MIN -> creating = true; goto start
			:: !failed && nr >= MIN && watching -> creating = true; goto start
			:: !failed && nr >= MIN && (!watching || !still) ->
				watching = true;
				timeout_in = WATCH
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
			timeout_in = (timeout_in == NONE -> LATER : timeout_in);
			break
		   fi
		od;
#ifdef MUTANT_REST_BY_MANAGER
		kick();
		if
		:: rest -> timeout_in = WATCH
		:: else
		fi;
		managing = (watching || rest);
#else
#ifdef MUTANT_MANAGING_WHILE_WAITING
		managing = (timeout_in != NONE);
#else
		managing = watching;
#endif
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
	:: timeout_in == WATCH
	:: timeout_in == RETRY && !failed
	:: timeout_in != NONE && !still
	fi;
	goto loop;

start:	/* slow_work_start_thread(): kthread_create() takes as long as it likes */
	atomic {
		!still ->
		creating = false;
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

/* While the world holds still, all has been done that is done at once */
inline prompt_rest()
{
	assert(back_s + back_v == 0);
	assert(dying == 0 || creating);
	/* an idle thread comes, and kicks; or sleepers were preempted, and so on */
	assert(queued == 0 || searching || !idle_may);
	assert(queued == 0 || searching || !(fresh_for_slot || fresh_for_thread));
	assert(!(short_handed && nr < wanted && slots < THREADS) || searching || creating);
#ifdef CLOSE
	/* what is armed is disarmed, or will be by a thread that has no time yet */
	assert(!closing || armed == 0 || open || searching || idle == 0 || discarding > 0);
#endif
	/* the timer is set where that is needed */
	assert(coming == 0 || timer == SOON);
	assert(queued == 0 || searching || !(may_for_slot || may_for_thread) || timer == SOON);
	assert((queued == 0 && !pool_dying) || timer != OFF)
}

/* The pool is at rest while the world holds still */
inline at_rest()
{
	assert(coming == 0 && preempted_s + preempted_v == 0);
	assert(!searching || queued == 0);
	assert(dead_s + dead_v == 0 || creating);
	assert(nr == idle + found + late + out_of_queue_s + out_of_queue_v);
	assert(nr >= MIN || failed || creating);
	assert(nr <= max || idle == 0 || creating);
	assert(startable == 0 || (idle == 0 && sleepers == 0));
	assert(queued_v == 0 || sleepers_v == 0);
	assert(queued == 0 || nr >= least(most(all, for_all_v) + late, max) || failed || creating)
}

/* What only the next sample will see to */
#define wants_sample	(timer == SAMPLE && \
			 ((queued > 0 && searching) || (dead_s + dead_v > 0 && !creating)))

inline rest_all()
{
	rested_s = rested_s + asleep_s;
	asleep_s = 0;
	rested_v = rested_v + asleep_v;
	asleep_v = 0
}

active proctype world()
{
	do
	/* slow_work_accept(), delayed_slow_work_timer() */
	:: atomic { !still && open && out_s > 0 -> out_s--; queued_s++; kick() }
	:: atomic { !still && open && out_v > 0 -> out_v--; queued_v++; kick() }
#ifdef CLOSE
	:: atomic { !still && open && out_s > 0 -> out_s--; armed++ }
	:: atomic { !still && armed > 0 -> armed--; queued_s++; kick() }
	/* slow_work_close() */
	:: atomic {
		!still && open ->
		open = false;
		closing = (armed > 0);
		update();
#ifndef MUTANT_CLOSE_WAKES_NONE
		kick()
#endif
	   }
	/* slow_work_add_user() */
	:: atomic { !still && !open -> open = true }
#endif
#ifdef LIMITS
	/* slow_work_set() */
	:: atomic {
		!still ->
		max = (max == MIN -> THREADS : MIN);
		update();
		kick();
#ifndef MUTANT_SET_NO_WAKE
		wake_manager();
#endif
		skip
	   }
#endif
#ifdef FAILURES
	/* SLOW_WORK_RETRY_JIFFIES pass */
	:: atomic { !still && failed -> failed = false }
#endif
#ifdef DEATHS
	/* slow_work_find_dead() of somebody who waits for long */
	:: atomic { !still && dead_s > 0 -> lose(dead_s) }
	:: atomic { !still && dead_v > 0 -> lose(dead_v) }
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
	   :: atomic { late > 0 -> arrive_absent(); retire() }
	   :: dying > 0 -> dying--
	   :: atomic { slots == 0 -> break }
	   od;
#ifndef MUTANT_STOP_KEEPS_TIMER
	   /* timer_delete_sync() */
	   atomic { timer != NOW -> timer = OFF };
#endif
	   atomic {
		assert(nr == 0 && coming == 0 && !searching && absent == 0);
		assert(preempted_s + preempted_v == 0 && queued == 0);
		assert(timer == OFF);
		/* slow_work_pool_start() */
		stopping = false;
		failed = false;
		sampling = false;
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
	:: atomic {
		still && timeout ->
		prompt_rest();
		if
		:: timer == SOON || wants_sample ->
			passes++;
			assert(passes <= 2 * THREADS);
			rest_all();
			due = coming;
			sample = (timer == SAMPLE);
			timer = NOW
		:: else ->
			at_rest();
			passes = 0;
			still = false
		fi
	   }
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
