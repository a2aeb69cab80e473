/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of one item, for spin: tests/model.sh checks it over every
 * interleaving, and that each fault that MUTANT_... puts in is found.
 *
 * Who takes part: two pool threads; callers of slow_work_enqueue(), of
 * delayed_slow_work_enqueue() and of slow_work_cancel(); the item's timer.  Each
 * calls as often as it likes, at any time.  -D says who else, and how many:
 *
 *   ENQUEUERS=n, DELAYERS=n, CANCELLERS=n
 *   NO_CANCEL	cancellers do not call slow_work_cancel()
 *   TRY	they call slow_work_try_cancel() too
 *   DISABLE	and slow_work_disable_sync() and slow_work_enable()
 *   FLUSH	and slow_work_flush()
 *   MOD	delayers call delayed_slow_work_mod() too
 *   TAIL	the timer's function is under way for longer than it has the lock
 *   READERS=n	readers of runqueue, who pin the item with SLOW_WORK_DESCRIBED
 *   FLUSH_USERS=n	callers of slow_work_flush_user()
 *   SELF	execute may cancel its own item
 *   USERS=n	modules that register and unregister; the item is unowned
 *   DEATH	the second thread may die in a call-out
 *   OWNED	the owner frees the item, see below
 *
 * The item dies and another is born in the same place, over and over:
 *
 *   whoever calls has a reference, the pool has those that get_ref gave it, and
 *   the last put_ref frees the item, that of the pool included;
 *   with OWNED there is neither get_ref nor put_ref, and the owner frees the item
 *   when nobody calls any more and a cancel has returned since the last enqueue,
 *   or when it saw that its user has nothing (slow_work_unregister_user()).
 *
 * What is checked, by asserts at the places named:
 *
 *   execute never runs twice at once		started()
 *   no accepted enqueue is lost		die(), at_rest(), thread()
 *   what the pool accepts while it is being
 *   closed runs; nothing is disarmed while
 *   it is open					thread(), accepted()
 *   an item that is lost is not accepted	accepted()
 *   references balance, no list has the item	die(), at_rest()
 *   no enqueue is accepted during a cancel, nor
 *   until all that disabled it have enabled it	accepted()
 *   otherwise none is refused for that		accept()
 *   a cancel, an unregister leave it at rest	at_rest()
 *   the pool has threads while it has items	accepted(), user(), thread()
 *   a flush ends after the run for the last
 *   enqueue, or when that was taken back, and
 *   after the put_ref it finds to come		canceller()
 *   a flush of the user ends after all that
 *   was accepted and is not armed, and new
 *   runs do not prolong it			user_flusher(), count_active()
 *   a timer that is set has no function on
 *   its way to the lock			arm(), disarm(), timer()
 *   a freed item is not touched, nor another,
 *   born in its place, taken for it; nor the
 *   stack of a waiter that has gone		touch(), mine(), leave()
 *   it joins no list twice			queue(), arm()
 *   a thread that has it counts as busy	thread()
 *   neither cancel, flush, unregister nor a
 *   thread waits for ever, but for an item
 *   that is lost				spin: no invalid end state
 *
 * Waiters.  A list is a mask with those that are in it; the first may be any of
 * them.  It is in the holder of the item, or where no thread has it in the wait of
 * one of them, its anchor, to which work->holder points; so holders and anchors
 * have one numbering here.
 *
 * Steps.  A critical section under slow_pool.lock is one atomic, as the lock keeps
 * everybody else out.  What goes without the lock is a step of its own: the
 * merge test; cmpxchg and clear_bit(EXECUTING) in slow_work_end(); each waiter that
 * the first one wakes.  A section that reads the flags and writes them back
 * later (slow_work_accept(), slow_work_take()) would lose a bit that somebody
 * changes meanwhile without the lock: these are two steps, and `lock' says that
 * the lock is held in between.  The end of a call-out is one step with what its
 * caller did before it; so is the end of a wait with the section after it.  Who
 * spins in slow_work_take_back() waits until that would end.
 *
 * Memory order.  spin knows sequential consistency only.  The code relies on
 *
 *   the lock: what one section wrote, the next one reads;
 *   cmpxchg of holder->stage, a full barrier: what is left in the flags after
 *   slow_work_claim() is looked at under the lock by the thread that finds CLAIMED,
 *   and all that execute wrote comes before ENDED;
 *   smp_mb() in slow_work_submit(), between what the caller wrote for execute and
 *   the merge test, and in slow_work_execute(), between the clearing of
 *   PENDING and execute: or each could miss what the other wrote.  For each
 *   there is a mutant in which the read goes before the write.
 *
 * Not here: classes, the order of a queue, which thread is woken, those that
 * sleep till they are needed (pool.pml); misuse, but for SELF.
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
#ifndef USERS
#define USERS 0
#endif

/* Threads, which are holders; those that wait for the item, which may be anchors */
#define T0	0
#define T1	1
#define C0	2
#define C1	3
#define C2	4
#define NONE	7
/* Those that wait for the user; F0 and F1 flush it or are modules that leave */
#define F0	5
#define F1	6
#define OWNER	7
/* Readers, in masks with threads */
#define READ0	4
#define READ1	5
#define BIT(n)	(1 << (n))

/* work->flags */
#define PENDING		1
#define EXECUTING	2
#define DEFERRED	4
#define CANCELLING	8
#define ARMED		16	/* SLOW_WORK_DELAYED */
#define DESCRIBED	32
#define PUTTING		64
#define FLUSHED		128
#define PUT_AGAIN	256

/* holder->stage */
#define ENDED	0
#define RUNNING	1
#define CLAIMED	2
#define LOST	3

/* struct slow_work */
short flags;
byte holder = NONE;
byte cancels;
#ifdef DISABLE
byte disables;
byte stopped;		/* ghost: who has stopped the timer, and will arm or disarm it */
byte let_in = 255;	/* ghost: without those that disable it, and it was not enabled since */
#else
#define disables	0
#endif
bit account;		/* which of the two of its user it counts in */
bool queued;		/* it is in the queue of its class */
bool armed;		/* it is in slow_pool.armed */

/* struct slow_work_holder; there is but one address for @item to be */
typedef slow_work_holder {
	bool item;
	byte stage;
	bool recheck;
	bit account;
	byte waiters;
	byte next
}
slow_work_holder h[5];	/* T0, T1; and the anchors of C0, C1, C2 */

/* struct slow_work_waiter */
byte asleep;		/* is not completed yet */
byte woken;		/* slow_pool.woken: is about to be */

/* struct slow_work_walk */
byte pins;		/* slow_pool.pins */
byte pin_waiters[2];

/* struct timer_list */
bool timer_pending;
byte timer_function;	/* where that is */
#define NOWHERE		0
#define COMING		1	/* waits for the lock */
#define GOING		2	/* has had it: base->running_timer is still set */
bool rearmed;		/* SLOW_WORK_REARMED: it was set anew while COMING */

/* struct slow_work_user, struct slow_work_account */
bit current_account;
byte active_refs[2];
bool waited[2];
byte armed_refs;
byte flushes, next_flushes, leavers;

bool lock;		/* slow_pool.lock is held between two steps */
byte busy;		/* class->executing */

/* Registrations: slow_pool.nr_users, and open, which is that; slow_pool.closing, .manager */
#if USERS > 0
bool open;
bool closing;
byte nr_users;
bool pool_running;
bool register_mutex;
#else
#define open		true
#define closing		false
#define pool_running	true
#endif

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
bool sure;		/* the same, while the pool was being closed */
bool prompt;		/* the same, with no delay, or one that was taken off */
bool running;		/* a run has begun, and its put_ref is not over */
#define ROUND	1	/* all flushes of the user that are under way */
byte for_pending;	/* who waits for the run that is owed, */
byte for_running;	/* for that which runs, */
byte for_put;		/* and for the put_ref of one that was taken back */
#ifdef DEATH
bool died;		/* the second thread has */
bool lost_here;		/* in this item, and that was found out */
bool putter_died;	/* a caller of a cancel has, in put_ref */
#else
#define died		false
#define lost_here	false
#define putter_died	false
#endif
#if USERS > 0
byte leaving;		/* last users in slow_work_shut_down() */
#else
#define leaving		0
#endif

#define touch()		assert(!freed)
#define mine(me)	assert(!freed && (valid & BIT(me)))

/* slow_work_held(), slow_work_is_held() */
#define held()		(holder <= T1 && h[holder].item)
#define is_held()	((flags & PUTTING) || held())
/* slow_work_item_is_lost(): slow_work_is_lost(), slow_work_put_is_lost() */
#define lost()		(died && holder == T1 && h[T1].item)
#define put_is_lost()	((flags & PUTTING) && putter_died)

/* slow_work_is_own(), of a thread */
#define own(me)		(held() && holder == me)

/* What was owed began to run, ran, or is not owed any more */
inline begun()
{
	owed = false;
	sure = false;
	prompt = false;
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
	sure = false;
	prompt = false;
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
	assert(refs == 0 && describing == 0 && !owed && !for_put);
	assert(execs == 0 || died);
	assert(timer_function != COMING);
	assert((flags & ~EXECUTING) == (disables > 0 -> CANCELLING : 0));
	assert(cancels == 0 && pins == 0);
	assert(holder <= T1 || holder == NONE);
	freed = true;
	over();
#ifdef DEATH
	lost_here = false;
#endif
	valid = 0;
	flags = 0;
#ifdef DISABLE
	disables = 0;
	let_in = 255;
#endif
	rearmed = false;
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

/* Wait *********************************************************************/

/* slow_work_wake_one(): one of them; the timer goes on with the others */
inline wake_one()
{
	if
	:: woken & BIT(T0) -> wake_this(T0)
	:: woken & BIT(T1) -> wake_this(T1)
	:: woken & BIT(C0) -> wake_this(C0)
	:: woken & BIT(C1) -> wake_this(C1)
#if CANCELLERS > 2
	:: woken & BIT(C2) -> wake_this(C2)
#endif
	:: woken & BIT(F0) -> wake_this(F0)
	:: woken & BIT(F1) -> wake_this(F1)
	:: woken & BIT(OWNER) -> wake_this(OWNER)
	fi
}

inline wake_this(n)
{
	assert(asleep & BIT(n));
	asleep = asleep & ~BIT(n);
#ifndef MUTANT_WAKE_NO_UNLINK
	woken = woken & ~BIT(n)
#endif
}

/* slow_work_wake_waiters() */
inline wake(list)
{
	if
	:: list ->
		woken = woken | list;
		list = 0;
		wake_one()
	:: else
	fi
}

#ifndef MUTANT_WAKE_NO_TIMER
/* slow_work_timer(), as far as it concerns us */
active proctype pool_timer()
{
end_pool_timer:
	do
	:: atomic { !lock && woken -> wake_one() }
	od
}
#endif

#define is_woken(me)	(!(asleep & BIT(me)))

/* slow_work_wait_at(): work->holder has the lists then */
#ifdef MUTANT_WAIT_AT_STALE
#define has_anchor()	(holder != NONE)
#else
#define has_anchor()	((flags & (PUTTING | FLUSHED)) && holder != NONE)
#endif

inline wait_at(me)
{
	if
	:: !held() && !has_anchor() -> holder = me
	:: else
	fi;
	assert(holder <= T1 || (asleep & BIT(holder)) || holder == me)
}

/* slow_work_wait_held(), but for the end of it */
inline wait_held(me)
{
	wait_at(me);
#ifndef MUTANT_WAIT_NO_RECHECK
	h[holder].recheck = (holder <= T1);
#endif
	h[holder].waiters = h[holder].waiters | BIT(me);
	asleep = asleep | BIT(me)
}

/* A wait is over, and its stack another's */
inline leave(me)
{
	assert((holder != me || freed) && !(woken & BIT(me)));
	assert(h[me].waiters == 0 && h[me].next == 0)
}

/* slow_work_bind_flushes() */
inline bind_flushes(who)
{
#ifdef FLUSH
	if
	:: flags & FLUSHED ->
		flags = flags & ~FLUSHED;
		h[who].waiters = h[who].waiters | h[holder].next;
		h[holder].next = 0;
		h[who].recheck = (who <= T1)
	:: else
	fi
#else
	skip
#endif
}

/* slow_work_leave_flushes() */
inline leave_flushes(who)
{
#ifdef FLUSH
	if
	:: flags & FLUSHED ->
#ifndef MUTANT_LEAVE_KEEPS_ANCHOR
		byte first;

		if
		:: h[who].next & BIT(C0) -> first = C0
		:: h[who].next & BIT(C1) -> first = C1
#if CANCELLERS > 2
		:: h[who].next & BIT(C2) -> first = C2
#endif
		fi;
		if
		:: first != who ->
#ifndef MUTANT_LEAVE_NO_SPLICE
			h[first].next = h[first].next | h[who].next;
			h[who].next = 0;
#endif
			holder = first
		:: else
		fi;
		first = 0
#endif
	:: else ->
#ifndef MUTANT_LEAVE_KEEPS_HOLDER
		holder = NONE
#endif
	fi
#else
#ifndef MUTANT_LEAVE_KEEPS_HOLDER
	holder = NONE
#endif
#endif
}

/* The user *****************************************************************/

/* slow_work_user_idle() */
#ifdef MUTANT_IDLE_NO_ARMED
#define user_idle()	(active_refs[0] == 0 && active_refs[1] == 0)
#elif defined(MUTANT_IDLE_ONE_ACCOUNT)
#define user_idle()	(active_refs[current_account] == 0 && armed_refs == 0)
#else
#define user_idle()	(active_refs[0] == 0 && active_refs[1] == 0 && armed_refs == 0)
#endif

/* The same where that is false */
inline user_busy()
{
#ifdef MUTANT_IDLE_MARKS_ONE
	waited[current_account] = true
#else
	waited[0] = true;
	waited[1] = true
#endif
}

/* What is accepted and not armed */
inline set_goal(who)
{
	if
	:: owed && !(flags & ARMED) -> for_pending = for_pending | (who)
	:: else
	fi;
	if
	:: running -> for_running = for_running | (who)
	:: else
	fi
}

/* slow_work_start_flush() */
inline start_flush()
{
	assert(flushes == 0);
	flushes = next_flushes;
	next_flushes = 0;
	set_goal(ROUND);
#ifndef MUTANT_START_NO_SWITCH
	current_account = !current_account;
	assert(active_refs[current_account] == 0);
#endif
	if
	:: active_refs[!current_account] > 0 ->
#ifndef MUTANT_START_NO_WAITED
		waited[!current_account] = true
#endif
	:: else -> wake(flushes)
	fi
}

/* slow_work_inactive(), slow_work_drained() */
inline inactive(from)
{
	assert(active_refs[from] > 0);
	active_refs[from]--;
	if
	:: active_refs[from] == 0 && waited[from] ->
		waited[from] = false;
#if FLUSH_USERS > 0 || USERS > 0
		if
		:: from != current_account && flushes ->
#ifndef MUTANT_DRAINED_WAKES_NONE
			wake(flushes);
#endif
#ifdef MUTANT_DRAINED_WAKES_NEXT
			wake(next_flushes);
#endif
			if
#ifndef MUTANT_DRAINED_NO_NEXT
			:: next_flushes -> start_flush()
#endif
			:: else
			fi
		:: else
		fi;
#endif
#if USERS > 0 || defined(OWNED)
		if
#ifndef MUTANT_DRAINED_NO_LEAVERS
		:: leavers && user_idle() -> wake(leavers)
#endif
		:: leavers && !user_idle() -> user_busy()
		:: else
		fi;
#endif
		skip
	:: else
	fi
}

/* A new run counts as active: in the account that no flush waits for */
inline count_active()
{
	assert(flushes == 0 || account == current_account);
	active_refs[account]++
}

/* slow_work_recount() */
inline recount(delay)
{
	if
	:: account == current_account && !delay
	:: account == current_account && delay ->
		armed_refs++;
		inactive(account)
	:: else ->
		account = current_account;
		if
		:: delay -> armed_refs++
		:: else -> count_active()
		fi;
		inactive(!current_account)
	fi
}

/* The owner ****************************************************************/

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
	   /* those that wait for a user stop it, or none would be seen to wait for ever */
	   atomic { freed && !(flushes | next_flushes) && !leaving -> freed = false; owned = true }
	fi;
	goto end_owner;
#ifdef OWNED
	/* slow_work_unregister_user(): slow_work_wait_idle() */
settle:	atomic {
		!lock ->
		if
		:: user_idle() -> at_rest(); die(); goto end_owner
		:: else ->
			user_busy();
			leavers = leavers | BIT(OWNER);
			asleep = asleep | BIT(OWNER)
		fi
	};
	atomic { is_woken(OWNER) -> goto settle }
#endif
}

/* Lists and stages *********************************************************/

inline queue()		/* slow_work_queue() */
{
	touch();
	assert(!queued && !armed && (flags & PENDING) && !is_held());
	queued = true
}

inline dequeue()	/* slow_work_dequeue() */
{
	assert(queued);
	queued = false
}

inline arm()		/* slow_work_arm() */
{
	touch();
	assert(!queued && !armed && !timer_pending && timer_function != COMING);
	rearmed = false;
	flags = flags | ARMED;
	armed = true;
	timer_pending = true
}

/* Whether slow_work_claim(), which was called, succeeded */
#define claimed(who)	(h[who].stage != ENDED)
/* slow_work_claim_item(), the same */
#define claimed_item()	(held() && claimed(holder))

/*
 * The cmpxchg of slow_work_claim().  Its result is whether the stage is other
 * than ENDED, which cannot change under the lock.
 */
inline claim(who)
{
	if
	:: h[who].stage == RUNNING -> h[who].stage = CLAIMED
	:: else
	fi
}

inline claim_item()
{
	if
	:: held() -> claim(holder)
	:: else
	fi
}

/* slow_work_recheck_later() */
inline recheck_later()
{
	claim_item();
	if
#ifndef MUTANT_RECHECK_NOT_LATER
	:: held() && !claimed(holder) -> h[holder].recheck = true
#endif
	:: else
	fi
}

#ifdef MUTANT_END_DELAY_KEEPS_ACCOUNT
#define new_account	account
#else
#define new_account	current_account
#endif

/*
 * slow_work_end_delay(): list_del() from slow_pool.armed, clear_bit(); then
 * slow_work_claim(), which has nothing to do any more.
 */
inline end_delay()
{
	touch();
	assert(armed && (flags & ARMED));
	flags = flags & ~ARMED;
	armed = false;
	account = new_account;
	if
	:: claimed_item()
	:: else ->
		assert(armed_refs > 0);
		armed_refs--;
		count_active()
	fi
}

/* slow_work_queue_or_defer() */
inline queue_or_defer()
{
	if
	:: !is_held() -> queue()
#ifndef MUTANT_DEFER_LOST
	:: is_held() && (lost() || put_is_lost()) -> flags = flags & ~PENDING; disowned()
#endif
	:: else ->
		recheck_later();
		flags = flags | DEFERRED
	fi
}

/* slow_work_queue_deferred() */
inline queue_deferred()
{
	if
#ifndef MUTANT_QUEUE_NO_DEFERRED
	:: flags & DEFERRED -> flags = flags & ~DEFERRED; queue()
#endif
	:: else
	fi
}

/* Delay ********************************************************************/

/*
 * slow_work_try_disarm(): whether it succeeds, by timer_delete_sync_try(); or by
 * timer_delete(), where the timer's function has had the lock
 */
#ifdef MUTANT_DISARM_NO_SYNC
#define disarmable	true
#elif defined(MUTANT_DISARM_REARMED)
#define disarmable	(timer_function == NOWHERE || timer_pending)
#else
#define disarmable	(timer_function == NOWHERE || (!rearmed && timer_pending))
#endif

inline disarm()
{
	timer_pending = false;
	end_delay()
}

#define is_armed()	(flags & ARMED)
#ifdef DISABLE
#define to_disarm()	(is_armed() && (flags & CANCELLING))
#else
#define to_disarm()	is_armed()
#endif

/* timer_delete_sync(), without the lock; and with it again */
inline stop_timer()
{
	atomic {
		timer_function == NOWHERE ->
		timer_pending = false;
#ifdef DISABLE
		stopped++
#endif
	}
}

inline timer_stopped()
{
	!lock -> touch();
#ifdef DISABLE
	stopped--
#endif
}

#if DELAYERS > 0
active proctype timer()
{
end_timer:
	do
	:: atomic {
		timer_pending ->
		assert(!prompt);
		timer_pending = false;
		timer_function = COMING
	   };
	   /* delayed_slow_work_timer() */
	   atomic {
		!lock ->
		touch();
		assert(armed && (flags & ARMED));
#ifdef TAIL
		timer_function = GOING;
#else
		timer_function = NOWHERE;
#endif
		if
#ifndef MUTANT_TIMER_IGNORES_PENDING
		:: timer_pending -> rearmed = false
#else
		:: timer_pending -> end_delay(); queue_or_defer()
#endif
		:: !timer_pending && !prompt ->
			timer_pending = true	/* went off early, or another leg */
		:: !timer_pending -> end_delay(); queue_or_defer()
		fi
	   }
#ifdef TAIL
	   ;
	   atomic { true -> timer_function = NOWHERE }
#endif
	od
}
#endif

/* Enqueue ******************************************************************/

inline accepted()
{
	assert(cancels == 0 && disables == 0);
	assert(!lost_here);
	assert(!put_is_lost());
	assert(pool_running);
#if USERS > 0
	assert(!open || !leavers);	/* who leaves waits for none of these */
#endif
	clean = false;
	owed = true;
	sure = !open
}

/* slow_work_admit(), where get_ref succeeds */
inline admit(delay)
{
	refs++;
#ifdef MUTANT_START_KEEPS_RECENT
	account = 0;			/* slow_pool.recent */
#else
	account = current_account;
#endif
	if
	:: delay -> armed_refs++
	:: else -> count_active()
	fi
}

inline queue_or_arm(delay)
{
	if
	:: delay -> arm()
	:: else -> queue_or_defer()
	fi
}

/* slow_work_accept(), slow_work_accept_busy(): the pool is being closed */
#ifdef MUTANT_CLOSED_ACCEPTS_ARMED
#define refuses(f)	(!open && !((f) & PENDING))
#else
#define refuses(f)	(!open && (!((f) & PENDING) || ((f) & ARMED)))
#endif
#ifdef MUTANT_ACCEPT_LOST
#define refuses_lost()	false
#elif defined(MUTANT_ACCEPT_LOST_LATE)
#define refuses_lost()	((lost() || put_is_lost()) && !(flags & PENDING))
#else
#define refuses_lost()	(lost() || put_is_lost())
#endif
/* slow_work_claim_item(), which was called, failed, and there is a reference */
#define resumes()	(!claimed_item() && (flags & PUT_AGAIN))

/* f: the flags that they read */
inline accept(f, delay)
{
	if
	:: f & CANCELLING -> assert(cancels > 0 || disables > 0)
	:: !(f & CANCELLING) && (refuses(f) || refuses_lost())
	:: !(f & CANCELLING) && !(refuses(f) || refuses_lost()) && (f & PENDING) ->
		accepted()
	:: else ->
#ifndef MUTANT_ACCEPT_NO_CLAIM
		claim_item();
#endif
		if
		:: claimed_item() ->
#ifndef MUTANT_ACCEPT_KEEPS_ACCOUNT
			account = current_account;
#endif
			flags = flags | PENDING;
			accepted();
			queue_or_arm(delay)
		:: resumes() ->
#ifndef MUTANT_ACCEPT_KEEPS_PUT_AGAIN
			flags = flags & ~PUT_AGAIN;
#endif
#ifndef MUTANT_ACCEPT_NO_RECOUNT
			recount(delay);
#endif
			flags = flags | PENDING;
			accepted();
			queue_or_arm(delay)
#ifndef OWNED
		:: !claimed_item() && !resumes()	/* get_ref fails */
#endif
		:: !claimed_item() && !resumes() ->
			admit(delay);
			accepted();
			if
#ifndef MUTANT_ACCEPT_IN_PUT
			:: is_held() ->
				flags = flags | PENDING;
				queue_or_arm(delay)
#endif
			:: else ->
				flags = f | PENDING;	/* smp_store_release() */
				if
				:: delay -> arm()
				:: else -> queue()
				fi
			fi
		fi
	fi
}

/*
 * slow_work_will_run().  What is armed may be disarmed when the pool is closed, and
 * the enqueue is refused then: under the lock.
 */
#if defined(MUTANT_MERGE_CANCELLING)
#define merges()	((flags & (PENDING | ARMED | PUTTING)) == PENDING)
#elif defined(MUTANT_MERGE_ARMED)
#define merges()	((flags & (PENDING | CANCELLING | PUTTING)) == PENDING)
#elif defined(MUTANT_MERGE_PUTTING)
#define merges()	((flags & (PENDING | CANCELLING | ARMED)) == PENDING)
#else
#define merges()	((flags & (PENDING | CANCELLING | ARMED | PUTTING)) == PENDING)
#endif

/* delayed_slow_work_mod(), slow_work_modify(): what is pending and not in place */
#define modifies(delay)	((flags & PENDING) && (delay || (flags & ARMED)))
#ifdef MUTANT_MOD_CANCELLED
#define mod_refused()	(!open || refuses_lost())
#elif defined(MUTANT_MOD_CLOSED_ARMED)
#define mod_refused()	((flags & CANCELLING) || refuses_lost() || \
			 (!open && !(flags & ARMED)))
#elif defined(MUTANT_MOD_CLOSED_QUEUED)
#define mod_refused()	((flags & CANCELLING) || refuses_lost() || \
			 (!open && (flags & ARMED)))
#else
#define mod_refused()	((flags & CANCELLING) || refuses_lost() || !open)
#endif

/* slow_work_withdraw() */
inline withdraw()
{
	/* what is armed is no matter of theirs, nor what is to be queued anew */
	for_pending = for_pending & ~(BIT(F0) | BIT(F1) | ROUND);
	if
	:: is_held() ->
#ifndef MUTANT_WITHDRAW_KEEPS_DEFERRED
		flags = flags & ~DEFERRED;
#endif
		skip
	:: else -> dequeue()
	fi
}

/*
 * slow_work_submit().  That the caller writes what execute is to find, smp_mb()
 * and the merge test are one step: if an execute comes in between and finds it,
 * the better.
 */
proctype enqueuer(bool delay)
{
	short f;

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
#ifdef MUTANT_MERGE_OPEN_LATE
	:: atomic {
		owned && (flags & (PENDING | CANCELLING | ARMED)) == (PENDING | ARMED) ->
		touch();
		calls++;
		if
		:: open -> accepted()
		:: else -> goto reads_open
		fi
	   }
#endif
#ifdef MOD
	:: atomic {
		delay && owned -> touch();
		calls++;
		if
		:: goto mod
		:: delay = false; goto mod
		fi
	   }
#endif
	fi;
#ifdef MUTANT_SUBMIT_NO_MB
	atomic { owed = true; clean = false; call_over(); goto end_enqueuer };
#endif
#ifdef MUTANT_MERGE_OPEN_LATE
	atomic {
		if
		:: open -> call_over(); goto end_enqueuer
		:: else -> goto locked
		fi
	};
reads_open:
	atomic {
		if
		:: open -> assert(flags & PENDING); accepted(); call_over(); goto end_enqueuer
		:: else
		fi
	};
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
mod:	atomic {
		!lock -> touch();
		if
		:: !modifies(delay) -> lock = true; f = flags; goto locked_too
		:: modifies(delay) && mod_refused()
		:: modifies(delay) && !mod_refused() && (flags & ARMED) && !disarmable ->
			/* the delay has run out, and another begins */
			accepted();
			rearmed = true;
#ifdef MUTANT_MOD_ZERO_NOTHING
			prompt = !delay;
			timer_pending = (timer_pending || delay)
#else
			timer_pending = true
#endif
		:: else ->
			if
			:: flags & ARMED -> disarm()
			:: else -> withdraw()
			fi;
			accepted();
			prompt = !delay;
			claim_item();
			if
#ifndef MUTANT_MOD_NO_RECOUNT
			:: !claimed_item() -> recount(delay)
#endif
			:: else -> account = current_account
			fi;
			queue_or_arm(delay)
		fi;
		delay = true;
		call_over();
		goto end_enqueuer
	};
locked_too:
	atomic { true -> goto decide }
#endif
}

/* Take back ****************************************************************/

/* slow_work_retract_run().  So ends what an enqueue was promised */
inline retract_run(disarmed)
{
	disowned();
	if
	:: !is_held() ->
		if
		:: !disarmed -> dequeue()
		:: else
		fi
	:: else ->
#ifndef MUTANT_RETRACT_KEEPS_DEFERRED
		flags = flags & ~DEFERRED;
#endif
		claim_item();
		if
#ifndef MUTANT_RETRACT_NO_PUT_AGAIN
		:: !claimed_item() -> flags = flags | PUT_AGAIN; recheck_later()
#endif
		:: else
		fi;
#ifndef MUTANT_RETRACT_BINDS_NONE
		bind_flushes(holder);
#endif
		skip
	fi
}

/* slow_work_retract() */
inline retract(disarmed)
{
	flags = flags & ~PENDING;
	retract_run(disarmed)
}

inline unmark()
{
	flags = flags & ~CANCELLING;
#ifdef DISABLE
	let_in = 255
#endif
}

inline uncancel()
{
	cancels--;
	if
#if defined(MUTANT_CANCEL_NO_COUNT)
	:: true
#elif defined(MUTANT_CANCEL_ENABLES)
	:: cancels == 0
#elif defined(MUTANT_CANCEL_KEEPS_MARK)
	:: false
#else
	:: cancels == 0 && disables == 0
#endif
	   -> unmark()
	:: else
	fi
}

/* Let go *******************************************************************/

/* Where put_ref has been called and its caller is back under the lock */
inline put_over()
{
	puts--;
	over();
	for_put = 0
}

/* slow_work_wait_described(), but for the end of it */
inline wait_described(me)
{
#if READERS > 0
	if
	:: pins & 1 -> pin_waiters[0] = pin_waiters[0] | BIT(me)
	:: pins & 2 -> pin_waiters[1] = pin_waiters[1] | BIT(me)
	fi;
	asleep = asleep | BIT(me)
#else
	assert(false)
#endif
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
#define first_stage()	((flags & DESCRIBED) -> CLAIMED : RUNNING)
#endif

#ifdef MUTANT_DISCARD_OPEN
#define discards()	armed
#else
#define discards()	(armed && !open)
#endif

proctype thread(byte me)
{
	short f;
	bool discarding;	/* it waits for desc in slow_work_discard() */

end_idle:
	if
#if USERS > 0
	:: atomic {
		/* slow_work_discard() */
		!lock && closing && !discards() -> closing = false
	   };
	   goto end_idle
	:: atomic {
		!lock && closing && discards() && disarmable ->
		assert(!open);
		timer_pending = false;
		lock = true;
#ifdef MUTANT_DISCARD_PENDING_LATE
		flags = flags & ~ARMED
#else
		flags = flags & ~PENDING
#endif
	   };
	   atomic {
		assert(!sure);
		flags = (flags | ARMED) & ~PENDING;
		lock = false;
		end_delay();
		retract_run(true);
		if
		:: is_held() -> goto end_idle
		:: else
		fi;
		h[me].item = true;
		h[me].stage = ENDED;
		h[me].account = account;
#ifndef MUTANT_DISCARD_BINDS_NONE
		bind_flushes(me);
#endif
		holder = me;
		valid = valid | BIT(me);
		busy++;
		goto discard_described
	   }
#endif
	:: atomic {
		/* slow_work_take(), slow_work_prepare_special(), slow_work_hold() */
		!lock && queued ->
		touch();
		assert(pool_running && !is_held());
		assert(!h[me].recheck && !h[me].item && !h[me].waiters && !h[me].next);
		assert(flags & PENDING);
		queued = false;
		busy++;
		h[me].stage = first_stage();
		h[me].account = account;
#ifndef MUTANT_TAKE_BINDS_NONE
		bind_flushes(me);
#endif
		h[me].item = true;
		holder = me;
		valid = valid | BIT(me);
#ifdef MUTANT_THREAD_NO_MB
		lock = true;
		started()
	   };
	   atomic {
		flags = (flags & ~PENDING) | EXECUTING;
		lock = false
	   }
#else
		f = flags;
		lock = true
	   };
	   atomic {
		flags = f ^ (PENDING | EXECUTING);	/* WRITE_ONCE */
		f = 0;
		lock = false;
		/* slow_work_execute(): smp_mb(), execute() */
		mine(me);
		started()
	   }
#endif
	fi;

executing:
	if
#ifdef SELF
	:: atomic {
		/* slow_work_cancel() of the item itself */
		!lock -> mine(me);
		cancels++;
		flags = flags | CANCELLING;
marked:		if
		:: is_armed() && disarmable -> disarm()
		:: is_armed() && !disarmable -> goto sync
		:: else
		fi;
		assert(own(me));
		if
		:: flags & PENDING -> retract(true)
		:: else
		fi;
		uncancel();
		goto executing
	   };
	   /* timer_delete_sync() */
sync:	   atomic { timer_function == NOWHERE -> timer_pending = false };
	   atomic { !lock -> mine(me); goto marked }
#endif
#ifdef DEATH
	:: atomic { me == T1 && !died -> died = true; goto dead }
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

end_claimed:
	/* slow_work_end_claimed() */
	atomic {
		!lock -> mine(me);
		if
		:: flags & AGAIN ->
			flags = flags & ~EXECUTING;
			if
			:: flags & DEFERRED ->
#ifndef MUTANT_CLAIMED_NO_COUNT
				active_refs[account]++;
#endif
				assert(account == current_account || !flushes ||
				       (for_pending & ROUND))
			:: else -> armed_refs++
			fi;
			over();
			inactive(h[me].account);
			assert(busy > 0);
			busy--;
			assert(!(flags & PUT_AGAIN));
			goto recheck
		:: else
		fi;
		h[me].stage = ENDED;
end_described:
		if
		:: flags & DESCRIBED -> wait_described(me)
		:: else -> goto put
		fi
	};
	atomic { is_woken(me) && !lock -> mine(me); goto end_described };

#if USERS > 0
	atomic {
		false;
discard_described:
		if
#ifndef MUTANT_DISCARD_DESCRIBED
		:: flags & DESCRIBED -> wait_described(me)
#endif
		:: else -> goto discard_put
		fi
	};
	atomic { is_woken(me) && !lock -> mine(me); goto discard_described };
discard_put:
	atomic { mine(me); puts++; put_ref(); goto letting_go };
#endif

put:	/* slow_work_end(): clear_bit(EXECUTING) without the lock, put_ref */
	atomic {
		mine(me);
		puts++;
#ifdef DEATH
		if
		:: me == T1 && !died -> died = true; flags = flags & ~EXECUTING; goto dead
		:: true
		fi;
#endif
#ifdef MUTANT_END_CLEARS_LATE
		put_ref();
		mine(me);
		flags = flags & ~EXECUTING
#else
		flags = flags & ~EXECUTING;
		put_ref()
#endif
#ifdef DEATH
		;
		if
		:: me == T1 && !died -> died = true; goto dead
		:: true
		fi
#endif
	};

letting_go:
	/* slow_work_let_go() */
	atomic {
		!lock ->
		assert(busy > 0);
		busy--;
back:		if
		:: valid & BIT(me) -> put_over()
		:: else			/* its item is gone, and counts no more */
		fi;
		inactive(h[me].account);
		if
#ifdef MUTANT_LET_GO_READS
		:: true ->
#else
		:: h[me].recheck ->
#endif
recheck:		mine(me);
			if
			:: flags & PUT_AGAIN ->
				/* slow_work_recheck(): the reference of another run */
				flags = flags & ~PUT_AGAIN;
				h[me].account = account;
#ifndef MUTANT_RECHECK_AFTER_PUT
				h[me].recheck = (h[me].waiters != 0);
#endif
				puts++;
				goto put_again
			:: else
			fi;
			h[me].recheck = false;
			h[me].item = false;
			leave_flushes(me);
			queue_deferred();
#ifndef MUTANT_RECHECK_WAKES_NONE
			wake(h[me].waiters);
#endif
			skip
		:: else -> h[me].item = false
		fi;
		assert(!h[me].waiters && !h[me].next);
		h[me].account = 0;	/* whatever */
		valid = valid & ~BIT(me);
		goto end_idle
	};
put_again:
	atomic { mine(me); put_ref() };
	atomic { !lock -> goto back };

#ifdef DEATH
dead:	/* slow_work_check_alive(), slow_work_lose() */
	atomic {
		!lock ->
		if
#ifdef MUTANT_LOSE_LOOKS
		:: true ->
#else
		:: h[me].stage != ENDED || h[me].recheck ->
#endif
			mine(me);
			if
			:: is_armed() && disarmable -> disarm()
			:: else
			fi;
			if
#ifndef MUTANT_LOSE_KEEPS_PENDING
			:: !(flags & ARMED) ->
				flags = flags & ~(DEFERRED | PENDING);
				disowned()
#endif
			:: else
			fi
		:: else
		fi;
#ifdef MUTANT_LOSE_WAKES
		wake(h[me].waiters);
#endif
#ifdef MUTANT_LOSE_LETS_GO
		h[me].item = false;
		queue_deferred();
#endif
		h[me].stage = LOST;
		lost_here = (holder == me && (valid & BIT(me)));
		busy--
	};
end_dead:
	false
#endif
}

/* Cancel, flush ************************************************************/

#ifdef MUTANT_TRY_DESCRIBED
#define try_may()	true
#else
#define try_may()	(!(flags & DESCRIBED) || (is_held() && !(flags & ARMED)))
#endif

/* What slow_work_take_back() waits for */
#ifdef MUTANT_CANCEL_BY_FLAG
#define cancel_waits()	(flags & (EXECUTING | PUTTING))
#else
#ifdef DISABLE
#ifdef MUTANT_DISABLE_WAITS_NOT
#define cancel_waits()	(is_held() && (flags & CANCELLING))
#else
#define cancel_waits()	(is_held() && (!has_waited || (flags & CANCELLING)))
#endif
#else
#define cancel_waits()	is_held()
#endif
#endif
#ifdef DISABLE
#define waited(yes)	has_waited = yes
#else
#define waited(yes)	skip
#endif

proctype canceller(byte me)
{
	bool disarmed, trying;
#ifdef DISABLE
	bool disabling, has_waited;
#endif
	bit from;		/* the account of the reference that it puts */
	byte anchor;

end_canceller:
	if
#ifndef NO_CANCEL
	:: atomic {
		/* slow_work_cancel() */
		!lock && owned -> touch();
		calls++;
		cancels++;
#ifndef MUTANT_CANCEL_NO_MARK
		flags = flags | CANCELLING;
#endif
		/* slow_work_take_back() */
marked:		if
		:: to_disarm() && disarmable -> disarm(); disarmed = true
		:: to_disarm() && !disarmable -> goto cancel_sync
		:: else
		fi;
		if
#if defined(DISABLE) && !defined(MUTANT_DISABLE_TAKES_LATE)
		:: !(flags & CANCELLING) ->
			/* slow_work_leave_pending() */
#ifndef MUTANT_DISABLE_STOPS_TIMER
			if
			:: flags & ARMED ->
#ifndef MUTANT_DISABLE_NO_REARMED
				rearmed = true;
#endif
				timer_pending = true
			:: else
			fi;
#endif
			goto look_again
		:: (flags & CANCELLING) && (flags & PENDING) ->
#else
		:: flags & PENDING ->
#endif
			retract(disarmed);
			disarmed = false;
			if
			:: is_held() -> goto look_again
			:: else -> goto put_back
			fi
		:: else -> goto look_again
		fi
	   };
cancel_sync:
	   stop_timer();
	   atomic { timer_stopped(); goto marked }
#endif
#ifdef DISABLE
	:: atomic {
		/* slow_work_disable_sync() */
		!lock && owned && disables < 2 -> touch();
		calls++;
		disables++;
		disabling = true;
		let_in = let_in & ~BIT(me);
		if
		:: running -> for_running = for_running | BIT(me)
		:: !running && is_held() -> for_put = for_put | BIT(me)
		:: else
		fi;
#ifndef MUTANT_DISABLE_NO_MARK
		flags = flags | CANCELLING;
#endif
		goto marked
	   }
	:: atomic {
		/* slow_work_enable() */
		!lock && owned && disables > 0 -> touch();
		disables--;
		if
#if defined(MUTANT_ENABLE_NO_COUNT)
		:: cancels == 0 ->
#elif defined(MUTANT_ENABLE_CANCELLED)
		:: disables == 0 ->
#elif defined(MUTANT_ENABLE_KEEPS_MARK)
		:: false ->
#else
		:: disables == 0 && cancels == 0 ->
#endif
			unmark()
		:: else
		fi;
		goto end_canceller
	   }
#endif
#ifdef TRY
	:: atomic {
		/* slow_work_try_cancel() */
		!lock && owned -> touch();
		calls++;
		disarmed = ((flags & ARMED) != 0);
		if
		:: (flags & PENDING) && try_may() && (!disarmed || disarmable) ->
			if
			:: disarmed -> disarm()
			:: else
			fi;
			retract(disarmed);
			disarmed = false;
			if
			:: is_held() -> call_over(); goto end_canceller
			:: else -> trying = true; goto put_back
			fi
		:: else -> disarmed = false; call_over(); goto end_canceller
		fi
	   }
#endif
#ifdef FLUSH
	:: atomic {
		/* slow_work_flush() */
		!lock && owned -> touch();
		calls++;
		if
		:: owed -> for_pending = for_pending | BIT(me)
		:: !owed && running -> for_running = for_running | BIT(me)
		:: !owed && !running && is_held() -> for_put = for_put | BIT(me)
		:: else
		fi;
flushing:	if
#ifdef MUTANT_FLUSH_LEAVES_CANCELLED
		:: is_armed() && (flags & CANCELLING)
		:: is_armed() && !(flags & CANCELLING) && disarmable ->
#else
		:: is_armed() && disarmable ->
#endif
			disarm();
			prompt = owed;
			queue_or_defer()
		:: is_armed() && !disarmable -> goto flush_sync
		:: else
		fi;
		assert(!is_armed());	/* a flush waits for no delay */
		if
#ifdef MUTANT_FLUSH_BINDS_HELD
		:: (flags & PENDING) && !is_held() ->
#else
		:: flags & PENDING ->
#endif
			recheck_later();
			wait_at(me);
			flags = flags | FLUSHED;
			h[holder].next = h[holder].next | BIT(me);
			asleep = asleep | BIT(me)
#ifdef MUTANT_FLUSH_BINDS_HELD
		:: is_held() -> wait_held(me)
#else
		:: !(flags & PENDING) && is_held() -> wait_held(me)
#endif
		:: else -> goto flushed
		fi
	   };
	   goto flush_waits;
flush_sync:
	   stop_timer();
	   atomic { timer_stopped(); goto flushing }
#endif
	fi;

	/* slow_work_put_back() */
	atomic {
		false;
put_back:	assert(!queued && !armed && !(flags & PENDING) && !is_held());
#ifndef MUTANT_PUT_NO_MARK
		flags = flags | PUTTING;
#endif
		if
#ifndef MUTANT_PUT_BINDS_NONE
		:: flags & FLUSHED -> bind_flushes(holder)
#endif
#ifndef MUTANT_PUT_KEEPS_HOLDER
		:: else -> holder = NONE
#else
		:: else
#endif
		fi;
put_begins:
#ifndef MUTANT_PUT_LATE
		flags = flags & ~PUT_AGAIN;
		from = account;
#endif
put_described:	if
#ifndef MUTANT_PUT_DESCRIBED
		:: flags & DESCRIBED -> assert(!trying); wait_described(me)
#endif
		:: else -> goto put_comes
		fi
	};
	atomic { is_woken(me) && !lock -> touch(); goto put_described };
	atomic {
		false;
put_comes:
#ifdef MUTANT_PUT_LATE
		flags = flags & ~PUT_AGAIN;
		from = account;
#endif
		skip
	};
	atomic {
		touch();
		puts++;
#ifdef DEATH
		if
		:: !died && !putter_died -> putter_died = true; goto end_dead
		:: true
		fi;
#endif
		put_ref()
	};
	atomic {
		!lock -> touch();
		put_over();
		inactive(from);
		from = 0;
		if
#ifndef MUTANT_PUT_NOT_AGAIN
		:: flags & PUT_AGAIN -> goto put_begins
#endif
		:: else
		fi;
		flags = flags & ~PUTTING;
		anchor = holder;
		if
		:: anchor != NONE -> leave_flushes(anchor)
		:: else
		fi;
		queue_deferred();
		if
#ifndef MUTANT_PUT_WAKES_NONE
		:: anchor != NONE -> wake(h[anchor].waiters)
#endif
		:: else
		fi;
		anchor = 0;
		if
		:: trying -> trying = false; call_over(); goto end_canceller
		:: else -> goto look_again
		fi
	};

	/* slow_work_wait_held() of a cancel */
wait:
	if
	:: atomic {
		is_woken(me) && !lock ->
		leave(me);
look_again:	touch();
		if
		:: cancel_waits() -> wait_held(me); waited(true); goto wait
		:: else
		fi;
		waited(false);
#ifdef DISABLE
		if
		:: disabling && (let_in & BIT(me)) ->
			assert(!armed || timer_pending || timer_function != NOWHERE || stopped ||
			       (flags & CANCELLING))
		:: else -> at_rest(); clean = true
		fi;
		if
		:: disabling ->
			/* Who had it is waited for in any case. */
			assert(!((for_running | for_put) & BIT(me)));
			disabling = false;
			let_in = let_in | BIT(me)
		:: else -> uncancel()
		fi;
#else
		at_rest();
		clean = true;
		uncancel();
#endif
		call_over();
		goto end_canceller
	   }
#ifdef DEATH
	:: lost_here && ((h[T1].waiters | h[T1].next) & BIT(me)) -> goto end_waits
	:: put_is_lost() && !is_woken(me) && !(woken & BIT(me)) -> goto end_waits
#endif
	fi;
#ifdef FLUSH
flush_waits:
	if
	:: atomic {
		is_woken(me) ->
		leave(me);
flushed:	assert(!((for_pending | for_running | for_put) & BIT(me)));
		call_over();
		goto end_canceller
	   }
#ifdef DEATH
	:: lost_here && ((h[T1].waiters | h[T1].next) & BIT(me)) -> goto end_waits
	:: put_is_lost() && !is_woken(me) && !(woken & BIT(me)) -> goto end_waits
#endif
	fi;
#endif
#ifdef DEATH
	/* for ever */
end_waits:
	is_woken(me) -> assert(false);
end_dead:
	false
#endif
}

/* Flush of a user **********************************************************/

#define goal(me)	((for_pending | for_running) & BIT(me))

/* slow_work_flush_runs(), but for the wait */
inline flush_runs(me)
{
	asleep = asleep | BIT(me);
#ifdef MUTANT_FLUSH_JOINS_LATE
	if
	:: flushes -> flushes = flushes | BIT(me)
	:: else -> next_flushes = next_flushes | BIT(me); start_flush()
	fi
#else
	next_flushes = next_flushes | BIT(me);
	if
	:: flushes == 0 -> start_flush()
	:: else
	fi
#endif
}

#if FLUSH_USERS > 0
/* slow_work_flush_user() */
proctype user_flusher(byte me)
{
end_flush_user:
	atomic { !lock && (owned || refs) -> set_goal(BIT(me)); flush_runs(me) };
	atomic { is_woken(me) -> assert(!goal(me)); goto end_flush_user }
}
#endif

/* Users ********************************************************************/

#if USERS > 0
proctype user(byte me)
{
end_user:
	/* slow_work_register_user(): slow_work_run(), slow_work_add_user() */
#ifdef MUTANT_REGISTER_OPENS_EARLY
	atomic {
		!register_mutex && !lock && owned ->
		register_mutex = true;
		open = true
	};
#endif
	atomic {
#ifdef MUTANT_REGISTER_OPENS_EARLY
		!lock ->
		register_mutex = false;
#else
		!register_mutex && !lock && owned ->
#endif
		assert(pool_running || nr_users == 0);
		pool_running = true;
		nr_users++;
		if
		:: nr_users == 1 ->
			open = true;
#ifndef MUTANT_REGISTER_WAKES_NONE
			wake(leavers);
#endif
			skip
		:: else
		fi
	};
	/* slow_work_unregister_user(): slow_work_remove_user(), slow_work_close() */
	atomic {
		!register_mutex && !lock ->
		nr_users--;
		if
		:: nr_users == 0 ->
			open = false;
			closing = armed;
			leaving++;
			set_goal(BIT(me))
		:: else -> goto end_user
		fi
	};
	/* slow_work_shut_down(): slow_work_wait_idle() */
idle:	atomic {
		!lock ->
		if
		:: user_idle() || open -> goto try_stop
		:: else ->
			user_busy();
			leavers = leavers | BIT(me);
			asleep = asleep | BIT(me)
		fi
	};
	atomic { is_woken(me) -> goto idle };
	/* slow_work_try_stop() */
try_stop:
#ifdef MUTANT_STOP_NO_MUTEX
	if
	:: atomic { !lock && pool_running && nr_users == 0 && !user_idle() -> goto idle }
	:: atomic { !lock && pool_running && nr_users == 0 && user_idle() }
	:: atomic { !(pool_running && nr_users == 0) -> goto flush }
	fi;
#else
	if
	:: atomic {
		!register_mutex && !lock && pool_running && nr_users == 0 && !user_idle() ->
		goto idle
	   }
	:: atomic {
		!register_mutex && !lock && pool_running && nr_users == 0 && user_idle() ->
		register_mutex = true
	   }
	:: atomic {
		!register_mutex && !lock && !(pool_running && nr_users == 0) ->
		goto flushing
	   }
	fi;
#endif
	/* slow_work_pool_stop() */
	atomic {
		!lock ->
		assert(puts == 0 && execs == 0 && !armed && !queued && !timer_pending);
		assert(!owed && !is_held() && active_refs[0] + active_refs[1] == 0);
		pool_running = false;
		register_mutex = false
	};
flush:	atomic {
		!lock ->
flushing:	flush_runs(me)
	};
	atomic {
		is_woken(me) ->
		assert(!goal(me));
		leaving--;
		assert(!pool_running || nr_users > 0 || leaving > 0);
		goto end_user
	}
}
#endif

/* The readers of runqueue **************************************************/

#if READERS > 0
proctype reader(byte me)
{
end_reader:
	if
	:: atomic {
		/* slow_work_walk_list(): the queue and the armed; slow_work_pin() */
		!lock && (queued || armed) ->
		touch();
		claim_item();
		if
#ifndef MUTANT_PIN_PUTTING
		:: flags & PUTTING -> goto end_reader
#endif
#ifndef MUTANT_PIN_NO_CLAIM
		:: held() && (!claimed(holder) || lost()) -> goto end_reader
#endif
		:: else
		fi;
		goto pin
	   }
	:: atomic {
		/* slow_work_walk_thread() */
		!lock && h[T0].item && claimed(T0) -> claim(T0); mine(T0); goto pin
	   }
	:: atomic {
		!lock && h[T1].item && claimed(T1) && h[T1].stage != LOST ->
		claim(T1);
		mine(T1);
		goto pin
	   }
	fi;
	atomic {
		skip;
pin:		/* slow_work_pin(), desc() */
		pins = pins | BIT(me - READ0);
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
		pins = pins & ~BIT(me - READ0);
		if
#ifndef MUTANT_UNPIN_NO_COUNT
		:: pins ->
#ifndef MUTANT_UNPIN_NO_SPLICE
			pin_waiters[1 - (me - READ0)] =
				pin_waiters[1 - (me - READ0)] | pin_waiters[me - READ0];
#endif
			pin_waiters[me - READ0] = 0
#endif
		:: else ->
			flags = flags & ~DESCRIBED;
#ifndef MUTANT_UNPIN_WAKES_NONE
			wake(pin_waiters[me - READ0]);
#endif
			skip
		fi;
		valid = valid & ~BIT(me);
		goto end_reader
	}
}
#endif

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
#if CANCELLERS > 2
		run canceller(C2);
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
#if USERS > 0
		run user(F0);
#endif
#if USERS > 1
		run user(F1);
#endif
	}
}
