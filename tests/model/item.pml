/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of one item, for spin: tests/model.sh checks it over every
 * interleaving, and that each fault that MUTANT_... puts in is found.
 *
 * Who takes part: two pool threads; callers of slow_work_enqueue(), of
 * delayed_slow_work_enqueue() and of slow_work_cancel_sync(); the timer.  Each
 * calls as often as it likes, at any time.  -D says who else, and how many:
 *
 *   ENQUEUERS=n, DELAYERS=n, CANCELLERS=n
 *   TRY	cancellers call slow_work_try_cancel() too
 *   FLUSH	and slow_work_flush()
 *   MOD	delayers call delayed_slow_work_mod() too
 *   READERS=n	readers of runqueue, who pin the item with SLOW_WORK_DESCRIBED
 *   FLUSH_USERS=n	callers of slow_work_flush_user()
 *   SELF	execute may cancel its own item
 *   SHUTDOWN	the last user unregisters; the item belongs to nobody
 *   OWNED	the owner frees the item, see below
 *
 * The item dies and another is born in the same place, over and over:
 *
 *   whoever calls has a reference, the pool has those that get_ref gave it, and
 *   the last put_ref frees the item, that of the pool included;
 *   with OWNED there is neither get_ref nor put_ref, and the owner frees the item
 *   when nobody calls any more and a cancel has returned since the last enqueue,
 *   or when he saw that its user has nothing (slow_work_unregister_user()).
 *
 * What is checked, by asserts at the places named:
 *
 *   execute never runs twice at once		started()
 *   no accepted enqueue is lost		die(), at_rest()
 *   references balance, no list has the item	die(), at_rest()
 *   no enqueue is accepted during a cancel	accepted()
 *   a cancel, an unregister leave it at rest	at_rest()
 *   a flush ends after the run for the last
 *   enqueue, or when that was taken back, and
 *   after the put_ref it finds to come		canceller()
 *   a flush of the user ends after all that
 *   was accepted and is not armed, waits for
 *   no run that came later, and finds the
 *   other account empty			user_flusher()
 *   a timer that is set has no function on
 *   its way to the lock			arm(), disarm(), timer()
 *   a freed item is not touched, nor another,
 *   born in its place, taken for it		touch(), mine()
 *   it joins no list twice			queue(), arm()
 *   a thread that has it counts as busy		thread()
 *   neither cancel, flush, unregister nor a
 *   thread waits for ever			spin: no invalid end state
 *
 * Steps.  A critical section under pool.lock is one atomic, as the lock keeps
 * everybody else out.  What goes without the lock is a step of its own: the
 * merge test; cmpxchg and clear_bit(EXECUTING) in slow_work_end(); the reads of
 * DESCRIBED in wait_event().  A section that reads the flags and writes them back
 * later (slow_work_accept(), slow_work_take()) would lose a bit that somebody
 * changes meanwhile without the lock: these are two steps, and `lock' says that
 * the lock is held in between.  The end of a call-out is one step with what its
 * caller did before it; so is the end of a wait with the section after it, as a
 * completion is its waiter's alone.  Who spins in slow_work_disarm() waits until
 * that would end.
 *
 * Memory order.  spin knows sequential consistency only.  The code relies on
 *
 *   the lock: what one section wrote, the next one reads;
 *   cmpxchg of holder->stage, a full barrier: what is left in the flags after
 *   slow_work_catch() is looked at under the lock by the thread that finds WANTED,
 *   and all that execute wrote comes before ENDED;
 *   smp_mb() in slow_work_submit(), between what the caller wrote for execute and
 *   the merge test, and in slow_work_thread_main(), between the clearing of
 *   PENDING and execute: or each could miss what the other wrote.  For each
 *   there is a mutant in which the read goes before the write;
 *   the end of desc before DESCRIBED is seen to be cleared, in
 *   slow_work_walk_unpin() and slow_work_is_described().
 *
 * Not here: classes, the order of a queue, which thread is woken, those that
 * sleep till they are needed (pool.pml); the timeout of an unregister; misuse.
 */

#ifndef ENQUEUERS
#define ENQUEUERS 0
#endif
#ifndef DELAYERS
#define DELAYERS 0
#endif
#ifndef CANCELLERS
#define CANCELLERS 0
#endif
#ifndef READERS
#define READERS 0
#endif
#ifndef FLUSH_USERS
#define FLUSH_USERS 0
#endif

/* Holders: the threads, and those who take an item back */
#define T0	0
#define T1	1
#define C0	2
#define C1	3
#define NONE	7
/* Who else knows the item, in a mask with these */
#define READ0	4
#define READ1	5
/* Who else waits, in masks with C0 and C1 */
#define OWNER	0
#define F0	4
#define F1	5
#define BIT(n)	(1 << (n))

/* work->flags */
#define PENDING		1
#define EXECUTING	2
#define DEFERRED	4
#define CANCELLING	8
#define ARMED		16	/* SLOW_WORK_DELAYED */
#define DESCRIBED	32
#define DISCARDED	64
#define FLUSHED		128

/* holder->stage */
#define ENDED	0
#define RUNNING	1
#define WANTED	2

/* holder->wishes */
#define REQUEUE		1
#define PUT_AGAIN	2
#define WAITED		4

/* struct slow_work */
byte flags;
byte holder = NONE;
byte cancels;
byte pins;
bit account;		/* which of the two of its user it counts in */
bool queued;		/* it is in the queue of its class */
bool armed;		/* it is in pool.armed */

/* struct slow_work_holder; there is but one address for @item to be */
typedef slow_work_holder {
	bool item;
	byte stage;
	byte wishes;
	bit account
}
slow_work_holder h[4];

/*
 * struct slow_work_waiter: of C0 and C1, what for: a holder; NONE: the run that is
 * pending; or it is not in the list.  Of the others, who is there for the user.
 */
#define OVER	6
byte waiter[2] = OVER;
byte user_waiters;

/* struct timer_list */
bool timer_pending;
bool timer_coming;	/* its function waits for the lock */

/* struct slow_work_user, struct slow_work_account */
bit current_account;
byte active_refs[2];
byte armed_refs[2];
bool user_waited[2];
bool flush_mutex;

bool lock;		/* pool.lock is held between two steps */
bool open = true;	/* pool.open */
byte busy;		/* class->executing */

/* Ghosts */
bool owned = true;	/* the owner has not let go: calls may begin */
byte calls;		/* calls under way: who calls keeps the item alive */
bool freed;
bool clean = true;	/* nothing was accepted since a cancel returned */
byte valid;		/* for whom in the pool it is still the item he knows */
byte refs;		/* get_ref less put_ref */
byte execs;		/* execute is running */
byte puts;		/* put_ref is running, or was and is not let go yet */
byte describing;	/* desc is running */
bool owed;		/* an enqueue was accepted and no execute has begun since */
bool running;		/* a run has begun, and its put_ref is not over */
byte for_pending;	/* who waits for the run that is owed, */
byte for_running;	/* for that which runs, */
byte for_put;		/* and for the put_ref of one that was taken back */

#define touch()		assert(!freed)
#define mine(me)	assert(!freed && (valid & BIT(me)))

/* slow_work_held() */
#define held()		(holder != NONE && h[holder].item)

/* holder->task == current */
#define own(me)		(held() && holder == me)

/* slow_work_to_be_put() */
#define to_be_put()	((flags & DISCARDED) && !held())

/* What was owed began to run, ran, or is not owed any more */
inline begun()
{
	owed = false;
	running = true;
	assert(!for_running);
	for_running = for_pending;
	for_pending = 0
}

inline over()
{
	running = false;
	for_running = 0
}

inline disowned()
{
	owed = false;
	for_pending = 0
}

/* Life and death ***********************************************************/

/* Promises 3 and 6, 9: where a cancel or an unregister is about to return */
inline at_rest()
{
	touch();
	assert(!queued && !armed && !timer_pending);
	assert(refs == 0 && execs == 0 && puts == 0 && describing == 0 && !owed);
	assert(!(flags & ~CANCELLING) && pins == 0)
}

inline die()
{
	touch();
	assert(!queued && !armed && !timer_pending && calls == 0);
	assert(refs == 0 && execs == 0 && describing == 0 && !owed && !for_put);
	assert((flags & ~EXECUTING) == 0 && cancels == 0 && pins == 0);
	freed = true;
	over();
	valid = 0;
	flags = 0;
	puts = 0;
	clean = true;
	holder = NONE;		/* whatever: fewer states */
	account = 0
}

inline put_ref()
{
	assert(refs > 0);
	refs--;
#ifndef OWNED
	if
	:: refs == 0 && !owned && calls == 0 -> die()
	:: else
	fi
#endif
}

/* A call returns, be it the last */
inline call_over()
{
	calls--;
#ifndef OWNED
	if
	:: refs == 0 && !owned && calls == 0 -> die()
	:: else
	fi
#endif
}

#ifdef MUTANT_SETTLED_NO_ARMED
#define in_account(n)	active_refs[n]
#else
#define in_account(n)	(active_refs[n] || armed_refs[n])
#endif

/* The owner */
active proctype owner()
{
end_owner:
	if
	:: atomic {
		owned && !freed ->
		owned = false;
#ifndef OWNED
		if
		:: refs == 0 && calls == 0 -> die()
		:: else
		fi
	   }
#else
	   };
	   if
	   :: atomic { calls == 0 && clean -> die(); goto end_owner }
	   :: calls == 0 -> goto settle
	   fi
#endif
	:: /* delayed_slow_work_init() of a new one */
	   /* flushes of the user stop him, or none would be seen to wait for ever */
	   atomic { freed && open && !flush_mutex -> freed = false; owned = true }
	fi;
	goto end_owner;
#ifdef OWNED
	/* slow_work_unregister_user(): slow_work_wait_user(), slow_work_is_settled() */
settle:	atomic {
		!lock ->
		if
#ifdef MUTANT_SETTLED_ONE_ACCOUNT
		:: !in_account(current_account) -> at_rest(); die(); goto end_owner
#else
		:: !in_account(0) && !in_account(1) -> at_rest(); die(); goto end_owner
#endif
		:: else ->
#ifdef MUTANT_SETTLED_MARKS_ONE
			user_waited[current_account] = true;
#else
			user_waited[0] = true;
			user_waited[1] = true;
#endif
			user_waiters = user_waiters | BIT(OWNER)
		fi
	};
	atomic { !(user_waiters & BIT(OWNER)) -> goto settle }
#endif
}

/* Lists and stages *********************************************************/

inline queue()		/* slow_work_queue() */
{
	touch();
	assert(!queued && !armed && (flags & (PENDING | DISCARDED)));
	queued = true
}

/* slow_work_dequeue() */
inline dequeue()
{
	assert(queued);
	queued = false;
#ifndef MUTANT_DEQUEUE_KEEPS_DISCARDED
	flags = flags & ~DISCARDED;
#endif
	skip
}

inline arm()		/* slow_work_arm() */
{
	touch();
	assert(!queued && !armed && !timer_pending && !timer_coming);
	flags = flags | ARMED;
	armed = true;
	timer_pending = true
}

/* Whether slow_work_catch(), which was called, succeeded */
#define caught(who)	(h[who].stage != ENDED)

/* slow_work_shares() */
#define shares()	(held() && caught(holder))

#ifdef MUTANT_UNARM_KEEPS_ACCOUNT
#define current		account
#else
#define current		current_account
#endif

/*
 * slow_work_unarm(): list_del() from pool.armed, clear_bit(); then
 * slow_work_shares(), where slow_work_catch() has nothing to do any more.
 */
inline unarm()
{
	touch();
	assert(armed && (flags & ARMED));
	flags = flags & ~ARMED;
	armed = false;
	if
	:: shares()
	:: else ->
		assert(armed_refs[account] > 0);
		armed_refs[account]--;
		active_refs[current]++
	fi;
	account = current
}

/*
 * The cmpxchg of slow_work_catch().  Its result is whether the stage is other
 * than ENDED, which cannot change under the lock.
 */
inline catch(who)
{
	if
	:: h[who].stage == RUNNING -> h[who].stage = WANTED
	:: else
	fi
}

#define wish(who, what)	h[who].wishes = h[who].wishes | what

/* slow_work_place() */
inline place()
{
	if
	:: !held() -> queue()
	:: else ->
		catch(holder);
		if
#ifdef MUTANT_PLACE_DEFERS
		:: true
#else
		:: caught(holder)
#endif
		   -> flags = flags | DEFERRED
		:: else -> wish(holder, REQUEUE)
		fi
	fi
}

/* slow_work_bind_flushes() */
inline bind_flushes(who)
{
#ifdef FLUSH
	if
	:: flags & FLUSHED ->
		flags = flags & ~FLUSHED;
		if
		:: waiter[0] == NONE -> waiter[0] = who; wish(who, WAITED)
		:: else
		fi;
		if
		:: waiter[1] == NONE -> waiter[1] = who; wish(who, WAITED)
		:: else
		fi
	:: else
	fi
#else
	skip
#endif
}

/* slow_work_bind_flushes() with no holder */
inline end_flushes()
{
#ifdef FLUSH
	if
	:: flags & FLUSHED ->
		flags = flags & ~FLUSHED;
		if
		:: waiter[0] == NONE -> waiter[0] = OVER
		:: else
		fi;
		if
		:: waiter[1] == NONE -> waiter[1] = OVER
		:: else
		fi
	:: else
	fi
#else
	skip
#endif
}

/* slow_work_wait(), but for the end of it */
inline wait_for(who)
{
#ifndef MUTANT_WAIT_NO_WAITED
	wish(who, WAITED);
#endif
	waiter[me - C0] = who
}

/* slow_work_wake_waiters() */
inline wake_waiters(who)
{
	if
	:: h[who].wishes & WAITED ->
		h[who].wishes = h[who].wishes & ~WAITED;
		if
		:: waiter[0] == who -> waiter[0] = OVER
		:: else
		fi;
		if
		:: waiter[1] == who -> waiter[1] = OVER
		:: else
		fi
	:: else
	fi
}

/* slow_work_hold() */
inline hold(who)
{
	assert(!queued && !armed && !(flags & PENDING) && !held());
	h[who].item = true;
	h[who].stage = ENDED;
	h[who].wishes = 0;
	h[who].account = account;
	holder = who;
	valid = valid | BIT(who);
#ifndef MUTANT_HOLD_BINDS_NONE
	bind_flushes(who);
#endif
	skip
}

/* Accounts *****************************************************************/

/* slow_work_inactive(), slow_work_wake_user() */
inline inactive(from)
{
	assert(active_refs[from] > 0);
	active_refs[from]--;
	if
	:: active_refs[from] == 0 && user_waited[from] ->
		user_waited[from] = false;
#ifndef MUTANT_INACTIVE_WAKES_NONE
		user_waiters = 0;
#endif
		skip
	:: else
	fi
}

inline count(delay)
{
	if
	:: delay -> armed_refs[account]++
	:: else -> active_refs[account]++
	fi
}

/* slow_work_recount() */
inline recount(delay)
{
	if
	:: account == current_account && !delay
	:: account == current_account && delay ->
		armed_refs[account]++;
		inactive(account)
	:: else ->
		account = current_account;
		count(delay);
		inactive(!current_account)
	fi
}

/* Delay ********************************************************************/

/*
 * slow_work_disarm(): whether it goes on, as timer_delete() fails; whether it
 * succeeds; and that it does
 */
#define is_armed(unless)	((flags & (ARMED | (unless))) == ARMED)
#ifdef MUTANT_DISARM_NO_SPIN
#define spins(unless)		false
#else
#define spins(unless)		(is_armed(unless) && !timer_pending)
#endif
#define disarmable(unless)	(is_armed(unless) && timer_pending)

inline disarm()
{
	assert(!timer_coming);
	timer_pending = false;
	unarm()
}

/* slow_work_withdraw() */
#if defined(MUTANT_WITHDRAW_CANCELLED)
#define withdrawable()	((flags & PENDING) && open)
#elif defined(MUTANT_WITHDRAW_CLOSED)
#define withdrawable()	((flags & (PENDING | CANCELLING)) == PENDING)
#else
#define withdrawable()	((flags & (PENDING | CANCELLING)) == PENDING && open)
#endif

inline withdraw()
{
	/* what is armed is no matter of theirs, nor what is to be queued anew */
	for_pending = for_pending & ~(BIT(F0) | BIT(F1));
	if
	:: !held() -> dequeue()
	:: else ->
		catch(holder);
		if
		:: caught(holder) ->
#ifndef MUTANT_WITHDRAW_KEEPS_DEFERRED
			flags = flags & ~DEFERRED;
#endif
			skip
		:: else ->
#ifndef MUTANT_WITHDRAW_KEEPS_REQUEUE
			h[holder].wishes = h[holder].wishes & ~REQUEUE;
#endif
			skip
		fi
	fi
}

#ifdef MUTANT_MOD_DISARMS_CANCELLED
#define MOD_UNLESS	0
#else
#define MOD_UNLESS	CANCELLING
#endif

#if DELAYERS > 0
active proctype timer()
{
end_timer:
	do
	:: atomic { timer_pending -> timer_pending = false; timer_coming = true };
	   /* delayed_slow_work_timer() */
	   atomic {
		!lock ->
		touch();
		timer_coming = false;
		assert(armed && (flags & ARMED) && !timer_pending);
		if
		:: timer_pending = true		/* went off early: mod_timer() */
		:: unarm(); place()
		fi
	   }
	od
}
#endif

/* Enqueue ******************************************************************/

inline accepted()
{
	assert(cancels == 0);
	clean = false;
	owed = owed || !(flags & DISCARDED)	/* shutdown() takes no more */
}

/* pool.recent */
#ifdef MUTANT_FLUSH_USER_KEEPS_RECENT
#define recent		0
#else
#define recent		current_account
#endif

/* slow_work_admit(), where get_ref succeeds */
inline admit(delay)
{
	refs++;
	account = recent;
	count(delay)
}

/* Queued to be put, as slow_work_accept_busy() has it */
#ifdef MUTANT_ACCEPT_IGNORES_DISCARDED
#define revives()	false
#else
#define revives()	(!held() && (f & DISCARDED))
#endif
/* slow_work_catch(), which was called, failed, and there is a reference */
#define resumes()	(held() && !caught(holder) && \
			 (h[holder].wishes & PUT_AGAIN))
#define admits()	(!(held() && caught(holder)) && !resumes() && !revives())

/* slow_work_accept(), slow_work_accept_busy(); f: the flags that they read */
inline accept(f, delay)
{
	if
	:: f & CANCELLING
	:: !(f & CANCELLING) && (f & PENDING) -> accepted()
	:: !(f & (CANCELLING | PENDING)) && !open
	:: else ->
		if
#ifndef MUTANT_ACCEPT_NO_CATCH
		:: held() -> catch(holder)
#endif
		:: else
		fi;
		if
		:: held() && caught(holder) ->
#ifndef MUTANT_ACCEPT_KEEPS_ACCOUNT
			account = current_account;
#endif
			flags = flags | PENDING;
			if
			:: delay -> arm()
			:: else -> place()
			fi;
			accepted()
		:: revives() ->
#ifndef MUTANT_REVIVE_NO_DEQUEUE
			dequeue();
#endif
#ifndef MUTANT_REVIVE_NO_RECOUNT
			recount(delay);
#endif
			for_put = 0;
#ifndef MUTANT_REVIVE_KEEPS_FLUSHES
			end_flushes();
#endif
#ifdef FLUSH
			/* the run that begins here may be far away */
			assert(waiter[0] != NONE && waiter[1] != NONE);
#endif
			flags = flags | PENDING;
			if
			:: delay -> arm()
			:: else -> place()
			fi;
			accepted()
		:: resumes() ->
#ifndef MUTANT_ACCEPT_KEEPS_PUT_AGAIN
			h[holder].wishes = h[holder].wishes & ~PUT_AGAIN;
#endif
#ifndef MUTANT_ACCEPT_NO_RECOUNT
			recount(delay);
#endif
			flags = flags | PENDING;
			if
			:: delay -> arm()
			:: else -> place()
			fi;
			accepted()
#ifndef OWNED
		:: admits()	/* get_ref fails */
#endif
		:: admits() ->
			admit(delay);
			if
#ifdef MUTANT_ACCEPT_IN_PUT
			:: false
#else
			:: held() ->
				flags = flags | PENDING;
				if
				:: delay -> arm()
				:: else -> place()
				fi
#endif
			:: else ->
				flags = f | PENDING;	/* smp_store_release() */
				if
				:: delay -> arm()
				:: else -> queue()
				fi
			fi;
			accepted()
		fi
	fi
}

#ifdef MUTANT_MERGE_CANCELLING
#define merges()	((flags & PENDING) != 0)
#else
#define merges()	((flags & (PENDING | CANCELLING)) == PENDING)
#endif

/*
 * slow_work_submit().  That the caller writes what execute is to find, smp_mb()
 * and the merge test are one step: if an execute comes in between and finds it,
 * the better.
 */
proctype enqueuer(bool delay)
{
	byte f;

end_enqueuer:
	if
	:: atomic {
		owned && merges() ->
		touch();
#ifdef MUTANT_SUBMIT_NO_MB
		calls++
#else
		accepted();
		goto end_enqueuer
#endif
	   }
	:: atomic { owned && !merges() -> touch(); calls++; goto locked }
#ifdef MOD
	:: atomic { delay && owned -> touch(); calls++; goto mod }
#endif
	fi;
#ifdef MUTANT_SUBMIT_NO_MB
	atomic { owed = true; clean = false; call_over(); goto end_enqueuer };
#endif
locked:	atomic { !lock -> lock = true; touch(); f = flags };
	atomic {
		skip;
decide:		accept(f, delay);
		f = 0;
		lock = false;
#ifdef MOD
		delay = true;	/* or it would not be here */
#endif
		call_over();
		goto end_enqueuer
	};
#ifdef MOD
	/* delayed_slow_work_mod(); the delay may be 0 */
mod:	atomic {
		!lock && !spins(MOD_UNLESS) -> touch();
		if
		:: true
		:: delay = false
		fi;
		if
		:: disarmable(MOD_UNLESS) -> disarm()
		:: else ->
			/* slow_work_withdraw() */
			if
			:: !delay || !withdrawable() ->
				lock = true;
				f = flags;
				goto locked_too
			:: else -> withdraw()
			fi
		fi;
		accepted();
		if
#ifndef MUTANT_MOD_NO_RECOUNT
		:: !shares() -> recount(delay)
#endif
		:: else -> account = current_account
		fi;
		if
		:: delay -> arm()
		:: else -> place()
		fi;
		delay = true;
		call_over();
		goto end_enqueuer
	};
locked_too:
	atomic { true -> goto decide }
#endif
}

/* Let go *******************************************************************/

/* Where @me has called put_ref and is back under the lock */
inline put_over(me)
{
	if
	:: valid & BIT(me) -> puts--; over(); for_put = 0
	:: else			/* its item is gone, and counts no more */
	fi;
	inactive(h[me].account)
}

/* slow_work_grant(): another round; h[me].account is its @account */
#define puts_again(me)	(h[me].wishes & PUT_AGAIN)

inline put_again(me)
{
	mine(me);
	h[me].wishes = h[me].wishes & ~PUT_AGAIN;
	h[me].account = account;
	puts++
}

/*
 * slow_work_let_go(), slow_work_grant() from where the last put_ref is over.  That a
 * thread may take its next item before it drops the lock makes no difference to
 * this one.
 */
inline let_go(me)
{
#ifndef MUTANT_GRANT_WAKES_NONE
	wake_waiters(me);
#endif
	if
	:: h[me].wishes & REQUEUE -> mine(me); queue()
	:: else
	fi;
#ifdef MUTANT_LET_GO_READS
	touch();
#endif
	h[me].wishes = 0;
	h[me].item = false;
	h[me].account = 0;	/* whatever */
	valid = valid & ~BIT(me)
}

/* Take back ****************************************************************/

/* slow_work_retract(): PENDING was set.  So ends what an enqueue was promised */
inline retract_run()
{
	flags = flags & ~PENDING;
	disowned()
}

/* slow_work_retract(): somebody has it */
inline retract_from(who)
{
	catch(who);
	if
	:: caught(who) ->
#ifndef MUTANT_RETRACT_KEEPS_DEFERRED
		flags = flags & ~DEFERRED;
#endif
		skip
	:: else ->
		h[who].wishes = h[who].wishes & ~REQUEUE;
#ifndef MUTANT_RETRACT_NO_PUT_AGAIN
		wish(who, PUT_AGAIN);
#endif
#ifndef MUTANT_RETRACT_KEEPS_DISCARDED
		flags = flags & ~DISCARDED;
#endif
		skip
	fi;
#ifndef MUTANT_RETRACT_BINDS_NONE
	bind_flushes(who);
#endif
	skip
}

inline uncancel()
{
	cancels--;
	if
#ifdef MUTANT_CANCEL_NO_COUNT
	:: true
#else
	:: cancels == 0
#endif
	   -> flags = flags & ~CANCELLING
	:: else
	fi
}

/* The thread ***************************************************************/

#ifdef MUTANT_END_PUTS_ARMED
#define AGAIN	DEFERRED
#else
#define AGAIN	(DEFERRED | ARMED)
#endif

inline started()
{
	execs++;
	assert(execs == 1);
	begun()
}

#ifdef MUTANT_TAKE_IGNORES_DESCRIBED
#define first_stage()	RUNNING
#else
#define first_stage()	((flags & DESCRIBED) -> WANTED : RUNNING)
#endif

proctype thread(byte me)
{
	byte f;

end_idle:
	atomic {
		/* slow_work_take(), slow_work_take_marked() */
		!lock && queued ->
		touch();
		assert(h[me].wishes == 0);
		if
		:: flags & DISCARDED ->
			/* slow_work_put_discarded() */
			dequeue();
			flags = flags & ~PENDING;
			hold(me);
#ifndef MUTANT_DISCARDED_NO_COUNT
			busy++;
#endif
			goto held
		:: else
		fi;
		assert(flags & PENDING);
		queued = false;
		busy++;
		h[me].item = true;
		h[me].stage = first_stage();
		h[me].account = account;
		holder = me;
		valid = valid | BIT(me);
#ifndef MUTANT_TAKE_BINDS_NONE
		bind_flushes(me);
#endif
#ifdef MUTANT_THREAD_NO_MB
		lock = true;
		started()
	};
	atomic {
		flags = (flags & ~PENDING) | EXECUTING;
		lock = false
	};
#else
		f = flags;
		lock = true
	};
	atomic {
		flags = f ^ (PENDING | EXECUTING);	/* WRITE_ONCE */
		f = 0;
		lock = false;
		/* slow_work_thread_main(): smp_mb(), execute() */
		mine(me);
		started()
	};
#endif

executing:
	if
#ifdef SELF
	:: atomic {
		/* slow_work_cancel_sync() of the item itself */
		!lock -> mine(me);
		cancels++;
		flags = flags | CANCELLING;
		if
		:: !spins(0) -> goto marked
		:: else
		fi
	   };
	   atomic {
		!lock && !spins(0) -> mine(me);
marked:		if
		:: disarmable(0) -> disarm()
		:: else
		fi;
		assert(own(me));
		if
		:: flags & PENDING -> retract_run(); retract_from(me)
		:: else
		fi;
		uncancel();
		goto executing
	   }
#endif
#ifdef MUTANT_END_NO_CMPXCHG
	:: atomic { h[me].stage == RUNNING -> execs-- };
	   atomic { h[me].stage = ENDED; goto put }
#else
	   /* slow_work_end(): cmpxchg */
	:: atomic { h[me].stage == RUNNING -> execs--; h[me].stage = ENDED; goto put }
#endif
	:: atomic { h[me].stage != RUNNING -> execs-- }
	fi;

end_caught:
	/* slow_work_end_caught() */
	atomic {
		!lock -> mine(me);
		if
		:: flags & AGAIN ->
			flags = flags & ~EXECUTING;
			if
			:: flags & DEFERRED ->
				flags = flags & ~DEFERRED;
#ifndef MUTANT_CAUGHT_NO_COUNT
				active_refs[account]++;
#endif
				queue()
			:: else -> armed_refs[account]++
			fi;
			over();
#ifndef MUTANT_CAUGHT_WAKES_NONE
			wake_waiters(me);
#endif
			inactive(h[me].account);
			assert(h[me].wishes == 0);
			h[me].item = false;
			h[me].account = 0;	/* whatever */
			valid = valid & ~BIT(me);
			assert(busy > 0);
			busy--;
			goto end_idle
		:: !(flags & AGAIN) && !(flags & DESCRIBED) ->
			h[me].stage = ENDED;
			goto put
		:: else
		fi
	};
	/* wait_event(pool.described) */
described:
	atomic { !(flags & DESCRIBED) -> mine(me); goto end_caught };

held:	/* slow_work_put_unexecuted() */
	atomic {
#ifdef MUTANT_PUT_DISCARDED_DESCRIBED
		true ->
#else
		!(flags & DESCRIBED) ->
#endif
		mine(me);
		puts++;
		put_ref();
		goto letting_go
	};

put:	/* slow_work_end(): clear_bit(EXECUTING) without the lock, put_ref */
	atomic {
		mine(me);
		puts++;
#ifdef MUTANT_END_CLEARS_LATE
		put_ref();
		mine(me);
		flags = flags & ~EXECUTING
#else
		flags = flags & ~EXECUTING;
		put_ref()
#endif
	};

letting_go:
	/* slow_work_let_go() */
	atomic {
		!lock -> put_over(me);
		if
		:: puts_again(me) -> put_again(me)
		:: else ->
			let_go(me);
			assert(busy > 0);
			busy--;
			goto end_idle
		fi
	};
	atomic { mine(me); put_ref(); goto letting_go }
}

/* Cancel, flush ************************************************************/

/* Our stack is another's: anything may stand there */
#define stack_is_gone(me) \
	h[me].item = true; h[me].stage = RUNNING; valid = valid & ~BIT(me)

#ifdef MUTANT_FLUSH_BINDS_HELD
#define waits_for_pending()	(((flags & PENDING) && !held()) || to_be_put())
#elif defined(MUTANT_FLUSH_IGNORES_DISCARDED)
#define waits_for_pending()	((flags & PENDING) != 0)
#else
#define waits_for_pending()	((flags & PENDING) || to_be_put())
#endif

proctype canceller(byte me)
{
	bool disarmed, trying;
#ifdef MUTANT_FLUSH_LOOKS_ONCE
	byte seen;
#endif

	atomic { stack_is_gone(me) };
end_canceller:
	if
	:: atomic {
		/* slow_work_cancel_sync() */
		!lock && owned -> touch();
		calls++;
		cancels++;
#ifndef MUTANT_CANCEL_NO_MARK
		flags = flags | CANCELLING;
#endif
		if
		:: !spins(0) -> goto marked
		:: else
		fi
	   }
#ifdef TRY
	:: atomic {
		/* slow_work_try_cancel() */
		!lock && owned -> touch();
		calls++;
		trying = true;
		if
		:: !spins(0) -> goto marked
		:: else
		fi
	   }
#endif
#ifdef FLUSH
	:: atomic {
		/* slow_work_flush() */
		!lock && owned -> touch();
		calls++;
		assert(!own(me));
#ifdef MUTANT_FLUSH_LOOKS_ONCE
		if
		:: held() -> seen = holder
		:: else -> seen = NONE
		fi;
#endif
		if
		:: owed -> for_pending = for_pending | BIT(me)
		:: !owed && running -> for_running = for_running | BIT(me)
		:: !owed && !running && to_be_put() -> for_put = for_put | BIT(me)
		:: else
		fi;
		if
		:: !spins(CANCELLING) -> goto flushing
		:: else -> goto flush_spins
		fi
	   }
#endif
	fi;
	atomic {
		!lock && !spins(0) -> touch();
marked:		if
		:: disarmable(0) -> disarm(); disarmed = true
		:: else
		fi;
		/* slow_work_retract() */
		if
		:: flags & PENDING ->
			retract_run();
			if
			:: held() -> retract_from(holder); goto look
			:: else
			fi;
			if
			:: !disarmed -> dequeue()
			:: else
			fi;
			if
#ifndef MUTANT_TRY_IGNORES_DESCRIBED
			:: trying && (flags & DESCRIBED) ->
#ifndef MUTANT_TRY_NO_DISCARDED
				flags = flags | DISCARDED;
#endif
				queue();
				disarmed = false;
				goto tried
#endif
			:: else
			fi
#ifndef MUTANT_CANCEL_IGNORES_DISCARDED
		:: !(flags & PENDING) && !trying && to_be_put() -> dequeue()
#endif
		:: else -> goto look
		fi;
		disarmed = false;
		hold(me)
	};
	/* slow_work_put_unexecuted(); or put_ref alone */
	atomic { trying || !(flags & DESCRIBED) -> mine(me); puts++; put_ref() };
letting_go:
	atomic {
		!lock -> put_over(me);
		if
		:: puts_again(me) -> assert(trying); put_again(me)
		:: else -> let_go(me); goto free
		fi
	};
	atomic { mine(me); put_ref(); goto letting_go };

	atomic {
		false;
look:		disarmed = false;
		if
		:: trying -> goto tried
		:: else -> goto look_again
		fi
	};
	/* wait_for_completion() of slow_work_wait() */
wait:	atomic {
		waiter[me - C0] == OVER && !lock ->
look_again:	touch();
		assert(!own(me));
		if
#ifdef MUTANT_CANCEL_BY_FLAG
		:: flags & EXECUTING
#else
		:: held()
#endif
		   -> wait_for(holder); goto wait
		:: else
		fi;
free:		touch();
#ifdef MUTANT_TRY_LEAVES_HOLDER
		if
		:: !trying -> holder = NONE
		:: else
		fi;
#else
#ifndef MUTANT_CANCEL_LEAVES_HOLDER
		holder = NONE;
#endif
#endif
		if
		:: trying
		:: else ->
			at_rest();
			clean = true;
			uncancel()
		fi;
		stack_is_gone(me);
tried:		trying = false;
		call_over();
		goto end_canceller
	};
#ifdef FLUSH
flush_spins:
	atomic {
		!lock && !spins(CANCELLING) -> touch();
flushing:	if
		:: disarmable(CANCELLING) -> disarm(); place()
		:: else
		fi;
		if
		:: waits_for_pending() ->
			flags = flags | FLUSHED;
			waiter[me - C0] = NONE
#ifdef MUTANT_FLUSH_LOOKS_ONCE
		:: !waits_for_pending() && seen != NONE -> wait_for(seen)
#else
		:: !waits_for_pending() && held() -> wait_for(holder)
#endif
		:: else
		fi
	};
	/* wait_for_completion() */
	atomic {
		waiter[me - C0] == OVER ->
		assert(!((for_pending | for_running | for_put) & BIT(me)));
		call_over();
		goto end_canceller
	}
#endif
}

/* Flush of a user **********************************************************/

/* slow_work_flush_user() */

#define puts_one(who)	(h[who].item && h[who].stage == ENDED)
#define goal(me)	((for_pending | for_running) & BIT(me))

proctype user_flusher(byte me)
{
	bit from;

end_flush_user:
#ifdef MUTANT_FLUSH_USER_NO_MUTEX
	atomic { owned || refs -> flush_mutex = true };
#else
	atomic { (owned || refs) && !flush_mutex -> flush_mutex = true };
#endif
	atomic {
		!lock ->
		from = current_account;
		current_account = !from;
		assert(active_refs[current_account] == 0);
		if
		:: owed && !(flags & ARMED) -> for_pending = for_pending | BIT(me)
		:: else
		fi;
		if
		:: running -> for_running = for_running | BIT(me)
		:: else
		fi
	};
	/* slow_work_wait_user(), slow_work_is_empty() */
look:	atomic {
		!lock ->
		if
		:: active_refs[from] == 0 ->
			assert(!goal(me));
			from = 0;
			flush_mutex = false;
			goto end_flush_user
		:: else ->
			/* not for a run that came later; for a put_ref may be */
			assert(goal(me) || to_be_put() || puts_one(T0) ||
			       puts_one(T1) || puts_one(C0) || puts_one(C1));
			user_waited[from] = true;
			user_waiters = user_waiters | BIT(me)
		fi
	};
	atomic { !(user_waiters & BIT(me)) -> goto look }
}

/* The last unregister ******************************************************/

#ifdef SHUTDOWN
/* slow_work_remove_user(), slow_work_shut_down() */
active proctype shutdown()
{
	atomic { !lock -> open = false };
	do
	:: atomic {
		/* slow_work_disarm_all(); timer_delete() succeeds */
#ifdef MUTANT_DISARM_ALL_DUE
		!lock && armed ->
#else
		!lock && armed && timer_pending ->
#endif
		assert(!timer_coming);
		timer_pending = false;
		/* slow_work_discard() */
		unarm();
		disowned();
		if
		:: held() -> catch(holder)
		:: else
		fi;
		if
		:: held() && caught(holder) ->
			flags = flags & ~PENDING;
#ifndef MUTANT_DISCARD_BINDS_NONE
			bind_flushes(holder);
#endif
			skip
		:: else ->
			flags = flags | DISCARDED;
			place()
		fi
	   }
	:: atomic {
		/* slow_work_wait_settled(&pool.nobody): or again, after 10 s */
		!lock && !in_account(0) && !in_account(1) ->
		assert(puts == 0 && execs == 0 && !armed && !queued && !timer_pending);
		break
	   }
	od
	/* slow_work_pool_stop() */
}
#endif

/* The readers of runqueue **************************************************/

proctype reader(byte me)
{
end_reader:
	if
	:: atomic {
		/* slow_work_walk_next(): the queue and the armed */
		!lock && (queued || armed) ->
		touch();
		if
		:: held() -> catch(holder)
		:: else
		fi;
		if
#ifndef MUTANT_PIN_NO_CATCH
		:: held() && !caught(holder) -> goto end_reader
#endif
		:: else
		fi;
		goto pin
	   }
	:: atomic {
		/* slow_work_walk_threads() */
		!lock && h[T0].item && caught(T0) -> catch(T0); mine(T0); goto pin
	   }
	:: atomic {
		!lock && h[T1].item && caught(T1) -> catch(T1); mine(T1); goto pin
	   }
	fi;
	atomic {
		skip;
pin:		/* slow_work_pin(), desc() */
		pins++;
		flags = flags | DESCRIBED;
		valid = valid | BIT(me);
		describing++
	};
	/* desc() returns; slow_work_walk_unpin() */
#ifdef MUTANT_UNPIN_NO_LOCK
	atomic {
		mine(me);
#else
	atomic {
		!lock ->
		mine(me);
#endif
		describing--;
		pins--;
		if
#ifdef MUTANT_UNPIN_NO_COUNT
		:: true
#else
		:: pins == 0
#endif
		   -> flags = flags & ~DESCRIBED
		:: else
		fi;
		valid = valid & ~BIT(me);
		goto end_reader
	}
}

init {
	atomic {
		run thread(T0);
		run thread(T1);
#if ENQUEUERS > 0
		run enqueuer(false);
#endif
#if ENQUEUERS > 1
		run enqueuer(false);
#endif
#if DELAYERS > 0
		run enqueuer(true);
#endif
#if CANCELLERS > 0
		run canceller(C0);
#endif
#if CANCELLERS > 1
		run canceller(C1);
#endif
#if READERS > 0
		run reader(READ0);
#endif
#if READERS > 1
		run reader(READ1);
#endif
#if FLUSH_USERS > 0
		run user_flusher(F0);
#endif
#if FLUSH_USERS > 1
		run user_flusher(F1);
#endif
	}
}
