/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of one item, for spin: tests/model.sh checks it over every
 * interleaving, and that each fault that MUTANT_... puts in is found.
 *
 * Who takes part: two pool threads; callers of slow_work_enqueue(), of
 * delayed_slow_work_enqueue() and of slow_work_cancel(); the timer.  Each calls
 * as often as it likes, at any time.  -D says who else, and how many:
 *
 *   ENQUEUERS=n, DELAYERS=n, CANCELLERS=n
 *   READERS=n	readers of runqueue, who pin the item with SLOW_WORK_DESCRIBED
 *   SELF	execute may cancel its own item
 *   SHUTDOWN	the last user unregisters; the item belongs to nobody
 *   REFS	who frees the item, see below
 *
 * The item dies and another is born in the same place, over and over:
 *
 *   with REFS, whoever calls has a reference, the pool has those that get_ref
 *   gave it, and the last put_ref frees the item, that of the pool included;
 *   without, there is neither get_ref nor put_ref, and the owner frees the item
 *   when nobody calls any more and a cancel has returned since the last enqueue,
 *   or when he saw the count of its user at 0 (slow_work_unregister_user()).
 *
 * What is checked, by asserts at the places named:
 *
 *   execute never runs twice at once		started()
 *   no accepted enqueue is lost		die(), at_rest()
 *   references balance, no list has the item	die(), at_rest()
 *   no enqueue is accepted during a cancel	accepted()
 *   a cancel, an unregister leave it at rest	at_rest()
 *   a freed item is not touched, nor another,
 *   born in its place, taken for it		touch(), mine()
 *   it joins no list twice			queue(), arm()
 *   neither cancel nor unregister nor a thread
 *   waits for ever				spin: no invalid end state
 *
 * Steps.  A critical section under pool.lock is one atomic, as the lock keeps
 * everybody else out.  What goes without the lock is a step of its own: the
 * merge test; cmpxchg and clear_bit(EXECUTING) in slow_work_end(); the reads of
 * DESCRIBED in wait_event(); timer_delete_sync().  A section that reads the
 * flags and writes them back later (slow_work_accept(), slow_work_take()) would
 * lose a bit that somebody changes meanwhile without the lock: these are two
 * steps, and `lock' says that the lock is held in between.  The end of a call-out
 * is one step with what its caller did before it.
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
 * sleep till they are needed (pool.pml); of wait queues only wait_var_event() and
 * pool.settled; misuse.
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
/* Holders: the threads, and those who take an item back.  Readers are none. */
#define T0	0
#define T1	1
#define C0	2
#define C1	3
#define READ0	4
#define READ1	5
#define NONE	7
#define BIT(n)	(1 << (n))

/* work->flags */
#define PENDING		1
#define EXECUTING	2
#define DEFERRED	4
#define CANCELLING	8
#define ARMED		16	/* SLOW_WORK_DELAYED */
#define DESCRIBED	32
#define DISCARDED	64

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
bool queued;		/* it is in the queue of its class */
bool armed;		/* it is in pool.armed */

/* struct slow_work_holder; there is but one address for @item to be */
typedef slow_work_holder {
	bool item;
	byte stage;
	byte wishes
}
slow_work_holder h[4];

/* struct timer_list */
bool timer_pending;
bool timer_running;

bool lock;		/* pool.lock is held between two steps */
bool open = true;	/* pool.open */
byte active_refs;	/* work->user->active */
bool user_waited;	/* work->user->waited */
bool settled_wq;	/* somebody is on pool.settled */
byte var_wq;		/* who is on the wait queue of wait_var_event() */

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

#define touch()		assert(!freed)
#define mine(me)	assert(!freed && (valid & BIT(me)))

/* slow_work_held() */
#define held()		(holder != NONE && h[holder].item)

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
	assert(refs == 0 && execs == 0 && describing == 0 && !owed);
	assert((flags & ~EXECUTING) == 0 && cancels == 0 && pins == 0);
	freed = true;
	valid = 0;
	flags = 0;
	puts = 0;
	clean = true;
	holder = NONE		/* whatever: fewer states */
}

inline put_ref()
{
	assert(refs > 0);
	refs--;
#ifdef REFS
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
#ifdef REFS
	if
	:: refs == 0 && !owned && calls == 0 -> die()
	:: else
	fi
#endif
}

/* The owner */
active proctype owner()
{
end_owner:
	if
	:: atomic {
		owned && !freed ->
		owned = false;
#ifdef REFS
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
	   atomic { freed && open -> freed = false; owned = true }
	fi;
	goto end_owner;
#ifndef REFS
	/* slow_work_unregister_user(): wait_event(), slow_work_settled() */
settle:	atomic {
		!lock ->
		user_waited = (active_refs != 0);
		if
		:: active_refs != 0 -> settled_wq = true
		:: else -> at_rest(); die(); goto end_owner
		fi
	};
	atomic { !settled_wq -> goto settle }
#endif
}

/* Lists and stages *********************************************************/

inline queue()		/* slow_work_queue() */
{
	touch();
	assert(!queued && !armed && (flags & PENDING));
	queued = true
}

inline arm()		/* slow_work_arm() */
{
	touch();
	assert(!queued && !armed && !timer_pending);
	flags = flags | ARMED;
	armed = true;
	timer_pending = true
}

inline unarm()		/* list_del() from pool.armed, clear_bit() */
{
	touch();
	assert(armed && (flags & ARMED));
	flags = flags & ~ARMED;
	armed = false
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

#define caught(who)	(h[who].stage != ENDED)

#define wish(who, what)	h[who].wishes = h[who].wishes | what

/* Enqueue ******************************************************************/

inline accepted()
{
	assert(cancels == 0);
	clean = false;
	owed = owed || !(flags & DISCARDED)	/* shutdown() takes no more */
}

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
			flags = flags | PENDING;
			if
			:: delay -> arm()
			:: else -> flags = flags | DEFERRED
			fi;
			accepted()
#ifdef REFS
		:: !(held() && caught(holder))		/* get_ref fails */
#endif
		:: !(held() && caught(holder)) ->
			refs++;
			active_refs++;
			if
#ifdef MUTANT_ACCEPT_IN_PUT
			:: false
#else
			:: held() ->
				flags = flags | PENDING;
				if
				:: delay -> arm()
				:: else -> wish(holder, REQUEUE)
				fi
#endif
			:: else ->
				flags = f | PENDING;	/* WRITE_ONCE */
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
	fi;
#ifdef MUTANT_SUBMIT_NO_MB
	atomic { owed = true; clean = false; call_over(); goto end_enqueuer };
#endif
locked:	atomic { !lock -> lock = true; touch(); f = flags };
	atomic {
		accept(f, delay);
		f = 0;
		lock = false;
		call_over();
		goto end_enqueuer
	}
}

/* Delay ********************************************************************/

#if DELAYERS > 0
active proctype timer()
{
end_timer:
	do
	:: atomic { timer_pending -> timer_pending = false; timer_running = true };
	   /* slow_work_timer() */
	   atomic {
		!lock ->
		touch();
		assert(armed && (flags & ARMED));
		if
		:: timer_pending = true		/* went off early: mod_timer() */
		:: unarm();
		   if
		   :: !held() -> queue()
		   :: else ->
			catch(holder);
			if
#ifdef MUTANT_TIMER_DEFERS
			:: true
#else
			:: caught(holder)
#endif
			   -> flags = flags | DEFERRED
			:: else -> wish(holder, REQUEUE)
			fi
		   fi
		fi
	   };
	   timer_running = false
	od
}
#endif

/* Let go *******************************************************************/

/* slow_work_inactive(), and the wake-up that slow_work_unlock() does for it */
inline inactive()
{
	assert(active_refs > 0);
	active_refs--;
	if
	:: active_refs == 0 && user_waited -> settled_wq = false
	:: else
	fi
}

/*
 * slow_work_let_go(), slow_work_grant() from where the last put_ref is over.
 * waited: slow_work_unlock() is to call wake_up_var().  That a thread may take
 * its next item before it drops the lock makes no difference to this one.
 */
inline let_go(me)
{
	if
	:: h[me].wishes & REQUEUE -> mine(me); queue()
	:: else
	fi;
#ifdef MUTANT_LET_GO_READS
	touch();
#endif
	waited = (h[me].wishes & WAITED) != 0;
	h[me].wishes = 0;
	h[me].item = false
}

/* Where @me has called put_ref and is back under the lock */
inline put_over(me)
{
	if
	:: valid & BIT(me) -> puts--
	:: else			/* its item is gone, and counts no more */
	fi;
	inactive()
}

/* Take back ****************************************************************/

/* slow_work_take_back(): PENDING was set.  So ends what an enqueue was promised */
inline take_back_run()
{
	flags = flags & ~PENDING;
	owed = false
}

/* slow_work_take_back(): somebody has it */
inline take_back_from(who)
{
	catch(who);
	if
	:: caught(who) ->
#ifndef MUTANT_BACK_KEEPS_DEFERRED
		flags = flags & ~DEFERRED;
#endif
		skip
	:: else ->
		h[who].wishes = h[who].wishes & ~REQUEUE;
#ifndef MUTANT_BACK_NO_PUT_AGAIN
		wish(who, PUT_AGAIN);
#endif
#ifndef MUTANT_BACK_KEEPS_DISCARDED
		flags = flags & ~DISCARDED;
#endif
		skip
	fi
}

/* slow_work_take_back(): nobody has it */
inline take_back_hold(me)
{
	h[me].item = true;
	h[me].stage = ENDED;
	h[me].wishes = 0;
	holder = me;
	valid = valid | BIT(me)
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
	owed = false
}

#ifdef MUTANT_TAKE_IGNORES_DESCRIBED
#define first_stage()	RUNNING
#else
#define first_stage()	((flags & DESCRIBED) -> WANTED : RUNNING)
#endif

proctype thread(byte me)
{
	byte f;
	bool waited;

end_idle:
	atomic {
		/* slow_work_take() */
		!lock && queued ->
		touch();
		queued = false;
		assert(h[me].wishes == 0);
		h[me].item = true;
		h[me].stage = first_stage();
		holder = me;
		valid = valid | BIT(me);
		assert(flags & PENDING);
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
		if
		:: !(flags & DISCARDED) -> started()
		:: else -> goto discarded
		fi
	};
#endif

executing:
	if
#ifdef SELF
	:: atomic {
		/* slow_work_cancel() of the item itself */
		!lock -> mine(me);
		cancels++;
		flags = flags | CANCELLING;
		/* slow_work_disarm() */
		if
		:: flags & ARMED && timer_pending ->
			timer_pending = false;
			unarm();
			goto back
		:: flags & ARMED && !timer_pending
		:: else -> goto back
		fi
	   };
	   atomic { !timer_running -> timer_pending = false };
	   atomic {
		!lock -> mine(me);
		if
		:: flags & ARMED -> unarm()
		:: else
		fi;
back:		/* slow_work_take_back() */
		assert(held() && holder == me);
		if
		:: flags & PENDING -> take_back_run(); take_back_from(me)
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

	if
	:: false ->
discarded:	/* slow_work_thread_main(), slow_work_end() */
		atomic { mine(me); flags = flags & ~DISCARDED };
		atomic {
			mine(me);
			if
			:: h[me].stage == RUNNING -> h[me].stage = ENDED; goto put
			:: else
			fi
		}
	:: else
	fi;

end_caught:
	/* slow_work_end_caught() */
	atomic {
		!lock -> mine(me);
		if
		:: flags & AGAIN ->
			assert(h[me].wishes == 0);
			h[me].item = false;
			flags = flags & ~EXECUTING;
			if
			:: flags & DEFERRED -> flags = flags & ~DEFERRED; queue()
			:: else
			fi;
			valid = valid & ~BIT(me);
			goto out
		:: !(flags & AGAIN) && !(flags & DESCRIBED) ->
			h[me].stage = ENDED;
			goto put
		:: else
		fi
	};
	/* wait_event(pool.described) */
described:
	atomic { !(flags & DESCRIBED) -> mine(me); goto end_caught };

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
	/* slow_work_let_go() */
	atomic {
		!lock -> put_over(me);
		/* slow_work_grant() */
		if
		:: h[me].wishes & PUT_AGAIN -> puts++
		:: else -> goto last_put
		fi
	};
	atomic { mine(me); put_ref() };
	atomic {
		!lock -> put_over(me);
last_put:	let_go(me);
		valid = valid & ~BIT(me);
		if
		:: waited
		:: else -> goto out
		fi
	};
	atomic { var_wq = 0; waited = false };
out:	goto end_idle
}

/* Cancel *******************************************************************/

/* Our stack is another's: anything may stand there */
#define stack_is_gone(me) \
	h[me].item = true; h[me].stage = RUNNING; valid = valid & ~BIT(me)

proctype canceller(byte me)
{
	bool disarmed, waited;

	atomic { stack_is_gone(me) };
end_canceller:
	atomic {
		/* slow_work_cancel() */
		!lock && owned -> touch();
		calls++;
		cancels++;
#ifndef MUTANT_CANCEL_NO_MARK
		flags = flags | CANCELLING;
#endif
		/* slow_work_disarm() */
		if
		:: flags & ARMED && timer_pending ->	/* timer_delete() */
			timer_pending = false;
			unarm();
			disarmed = true;
			goto back
		:: flags & ARMED && !timer_pending
		:: else -> goto back
		fi
	};
#ifdef MUTANT_CANCEL_NO_SYNC
	timer_pending = false;
#else
	atomic { !timer_running -> timer_pending = false };	/* timer_delete_sync() */
#endif
	atomic {
		!lock ->
		touch();
		if
		:: flags & ARMED -> unarm(); disarmed = true
		:: else
		fi;
back:		/* slow_work_take_back() */
		if
		:: !(flags & PENDING) -> goto look
		:: else -> take_back_run()
		fi;
		if
		:: held() -> take_back_from(holder); goto look
		:: else
		fi;
		if
		:: !disarmed ->
			/* slow_work_dequeue() */
			assert(queued);
			queued = false;
			flags = flags & ~DISCARDED
		:: else
		fi;
		take_back_hold(me)
	};
	/* wait_event(pool.described), put_ref */
	atomic { !(flags & DESCRIBED) -> mine(me); puts++; put_ref() };
	/* slow_work_let_go() */
	atomic {
		!lock -> put_over(me);
		assert(!(h[me].wishes & PUT_AGAIN));
		let_go(me);
		if
		:: waited
		:: else -> goto relock
		fi
	};
	atomic { var_wq = 0; waited = false };
relock:	/* back in slow_work_cancel() */
	atomic {
		!lock ->
look:		disarmed = false;
		touch();
#ifdef MUTANT_CANCEL_BY_FLAG
		goto wait
#else
		if
		:: held() -> goto wait
		:: else -> goto free
		fi
#endif
	};
wait:	/* wait_var_event(): on the wait queue, slow_work_is_free(), schedule() */
	var_wq = var_wq | BIT(me);
	atomic {
		!lock -> touch();
#ifdef MUTANT_CANCEL_BY_FLAG
		if
		:: flags & EXECUTING -> wish(holder, WAITED)
#else
		if
		:: held() ->
#ifndef MUTANT_CANCEL_NO_WAITED
			wish(holder, WAITED);
#endif
			skip
#endif
		:: else -> var_wq = var_wq & ~BIT(me); goto is_free
		fi
	};
	atomic { !(var_wq & BIT(me)) -> goto wait };
is_free:
	atomic {
		!lock ->
free:		touch();
#ifndef MUTANT_CANCEL_LEAVES_HOLDER
		holder = NONE;
#endif
		at_rest();
		clean = true;
		uncancel();
		stack_is_gone(me);
		call_over();
		goto end_canceller
	}
}

/* The last unregister ******************************************************/

#ifdef SHUTDOWN
/* slow_work_remove_user(), slow_work_shut_down() */
active proctype shutdown()
{
	atomic { !lock -> open = false };
	do
	:: atomic {
		/* slow_work_disarm_all() */
		!lock && armed && timer_pending ->
		touch();
		timer_pending = false		/* timer_delete() */
#ifdef MUTANT_DISARM_UNLOCKS
	   };
	   atomic {
		!lock
#endif
		;
		/* slow_work_discard() */
		unarm();
		owed = false;
		if
		:: held() -> catch(holder)
		:: else
		fi;
		if
		:: held() && caught(holder) -> flags = flags & ~PENDING
		:: held() && !caught(holder) ->
			flags = flags | DISCARDED;
			wish(holder, REQUEUE)
		:: else ->
			flags = flags | DISCARDED;
			queue()
		fi
	   }
	:: atomic {
		/* slow_work_wait_settled(&pool.nobody): or again, after 10 s */
		!lock && active_refs == 0 ->
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
		valid = valid & ~BIT(me);
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
	}
}
