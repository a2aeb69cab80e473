#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# model.sh [WORD]: checks the models under tests/model with spin, whole
#
# First the models as they are, in several companies: every state is visited and
# none may be wrong.  Then the mutants, each a model with one line of the module
# changed: spin must find the fault, or the model would not have seen it in the
# module either.  With WORD, only lines in which it occurs.
. "$(dirname "$0")/lib/env.sh"

# Kind, model, what spin is told with -D, and what it is about
list() {
	cat <<-'END'
	whole  item ENQUEUERS=2 DELAYERS=1 CANCELLERS=2 READERS=1 SELF: all that wait for rest, freed by the last put_ref
	whole  item ENQUEUERS=2 DELAYERS=1 CANCELLERS=2 READERS=1 SELF OWNED: the same, freed by the owner
	whole  item ENQUEUERS=2 DELAYERS=1 CANCELLERS=2 READERS=2: two readers of runqueue
	whole  item ENQUEUERS=1 DELAYERS=1 CANCELLERS=2 READERS=1 TRY FLUSH: cancels that do not wait, flushes
	whole  item ENQUEUERS=1 DELAYERS=1 CANCELLERS=1 READERS=2 TRY FLUSH: the same, with two readers
	whole  item DELAYERS=1 CANCELLERS=3 TRY FLUSH NO_CANCEL: three that wait for one
	whole  item ENQUEUERS=1 CANCELLERS=3 READERS=1 TRY FLUSH: the same, cancels among them
	whole  item ENQUEUERS=1 DELAYERS=1 CANCELLERS=1 READERS=1 TRY FLUSH MOD TAIL OWNED: delays change
	whole  item ENQUEUERS=1 DELAYERS=1 CANCELLERS=1 FLUSH_USERS=1 TRY MOD OWNED: a flush of the user, and unregister
	whole  item ENQUEUERS=1 DELAYERS=1 CANCELLERS=1 READERS=1 FLUSH_USERS=2 TRY: two flushes of the user
	whole  item ENQUEUERS=1 DELAYERS=1 CANCELLERS=2 TRY TAIL: the function of a timer is under way for longer
	whole  item DELAYERS=1 USERS=2 MOD: the pool is closed, and opened meanwhile
	whole  item ENQUEUERS=1 DELAYERS=1 USERS=2: the same, what is queued among what is armed
	whole  item DELAYERS=1 CANCELLERS=1 READERS=1 USERS=1 TRY FLUSH MOD: the same, others wait
	whole  item ENQUEUERS=1 DELAYERS=1 CANCELLERS=2 TRY FLUSH DEATH: a thread dies
	whole  item ENQUEUERS=1 DELAYERS=1 CANCELLERS=1 READERS=1 FLUSH MOD DEATH: the same, with a reader
	whole  item ENQUEUERS=1 DELAYERS=1 CANCELLERS=2 READERS=1 TRY DISABLE: it is disabled, twice too
	whole  item ENQUEUERS=1 DELAYERS=1 CANCELLERS=2 MOD DISABLE: the same, delays change
	whole  item DELAYERS=1 CANCELLERS=2 FLUSH MOD TAIL DISABLE: the same, and flushes
	whole  item DELAYERS=1 CANCELLERS=2 MOD DEATH DISABLE: the same, a thread dies
	whole  pool SLOW=4 VSLOW=2 LIMITS: two classes, max-threads changes
	whole  pool SLOW=2 VSLOW=1 LIMITS FAILURES STOP: threads cannot be had, users come and go
	whole  pool SLOW=3 VSLOW=1 SLEEPERS: items sleep till their thread is needed
	whole  pool SLOW=2 VSLOW=2 SLEEPERS: the same, for want of a slot in the class
	whole  pool SLOW=3 VSLOW=1 LIMITS DEATHS: threads die
	whole  pool SLOW=2 VSLOW=1 SLEEPERS DEATHS: the same among sleepers
	whole  pool SLOW=3 VSLOW=1 CLOSE: the pool is closed, and a thread disarms
	whole  pool SLOW=2 VSLOW=1 SLEEPERS CLOSE: the same among sleepers, as the pool closes
	whole  owner RESERVES=0 OWNERS=3 POOL=2 CURSOR: three owners take turns
	whole  owner RESERVES=0 CLASSES=2 POOL=2: two owners, in two classes
	whole  owner POOL=2 GROW LATE: one of them has a reserve
	whole  owner CLASSES=2 POOL=2 GROW: the same, in two classes
	whole  owner CLASSES=2 ITEMS=1 POOL=2 SLEEPERS LATE: the same, its items sleep till their thread is needed
	whole  owner REST=2 SLEEPERS GROW: the same, at more moments
	whole  owner OWNERS=3 RESERVES=2 ITEMS=1 POOL=2: two of three have a reserve
	whole  owner USERS SLEEPERS DEATHS: reserves come, go and die
	mutant item SUBMIT_NO_MB: slow_work_submit: no smp_mb()
	mutant item THREAD_NO_MB: slow_work_execute: no smp_mb()
	mutant item MERGE_CANCELLING: slow_work_will_run: though CANCELLING
	mutant item MERGE_ARMED CANCELLERS=0 READERS=0 USERS=1: slow_work_will_run: though DELAYED, and the pool may be closed
	mutant item MERGE_PUTTING CANCELLERS=1 TRY DEATH: slow_work_will_run: though PUTTING
	mutant item MERGE_OPEN_LATE CANCELLERS=0 READERS=0 USERS=1: slow_work_will_run: slow_pool.nr_users read behind the flags
	mutant item ACCEPT_NO_CLAIM: slow_work_accept_busy: slow_work_claim() leaves RUNNING
	mutant item ACCEPT_IN_PUT: slow_work_accept: not busy where it is held, queued while in put_ref
	mutant item ACCEPT_KEEPS_PUT_AGAIN TRY: slow_work_accept_busy: PUT_AGAIN stays
	mutant item ACCEPT_NO_RECOUNT TRY FLUSH_USERS=1: slow_work_accept_busy: no slow_work_recount()
	mutant item ACCEPT_KEEPS_ACCOUNT FLUSH_USERS=1: slow_work_accept_busy: an item that executes keeps its account
	mutant item ACCEPT_LOST CANCELLERS=1 TRY DEATH: slow_work_accept_busy: no slow_work_item_is_lost()
	mutant item ACCEPT_LOST_LATE CANCELLERS=1 READERS=0 DEATH: slow_work_accept_busy: PENDING before slow_work_item_is_lost()
	mutant item START_KEEPS_RECENT FLUSH_USERS=1: slow_work_start_flush: slow_pool.recent stays
	mutant item CLOSED_ACCEPTS_ARMED CANCELLERS=0 READERS=0 USERS=1: slow_work_accept_busy: 0 for what is armed without slow_pool.nr_users
	mutant item DEFER_LOST CANCELLERS=1 FLUSH DEATH: slow_work_queue_or_defer: though LOST
	mutant item END_DELAY_KEEPS_ACCOUNT FLUSH_USERS=1: slow_work_end_delay: counts where it was armed
	mutant item DISARM_NO_SYNC: slow_work_try_disarm: timer_delete() for timer_delete_sync_try()
	mutant item DISARM_REARMED TRY MOD: slow_work_try_disarm: though REARMED
	mutant item TIMER_IGNORES_PENDING MOD: delayed_slow_work_timer: though it was set anew
	mutant item MOD_ZERO_NOTHING MOD: slow_work_modify: with no delay no slow_work_start_timer()
	mutant item MOD_CANCELLED MOD: slow_work_modify: though CANCELLING
	mutant item MOD_CLOSED_ARMED CANCELLERS=0 READERS=0 USERS=1 MOD: slow_work_modify: of what is armed without slow_pool.nr_users
	mutant item MOD_CLOSED_QUEUED CANCELLERS=0 READERS=0 USERS=1 MOD: slow_work_modify: of what is queued without slow_pool.nr_users
	mutant item MOD_NO_RECOUNT MOD: slow_work_modify: no slow_work_recount()
	mutant item WITHDRAW_KEEPS_DEFERRED MOD: slow_work_withdraw: no clear_bit(ENQ_DEFERRED)
	mutant item TAKE_IGNORES_DESCRIBED: slow_work_prepare_special: stage stays RUNNING
	mutant item TAKE_BINDS_NONE FLUSH: slow_work_prepare_special: no slow_work_bind_flushes()
	mutant item END_NO_CMPXCHG: slow_work_end: read and write for cmpxchg()
	mutant item END_PUTS_ARMED: slow_work_end_claimed: again without DELAYED
	mutant item END_CLEARS_LATE: slow_work_end: clear_bit(EXECUTING) behind put_ref
	mutant item CLAIMED_NO_COUNT: slow_work_end_claimed: no account->active++
	mutant item LET_GO_READS: slow_work_let_go: reads the item though not holder->recheck
	mutant item RECHECK_NOT_LATER: slow_work_recheck_later: no holder->recheck = true
	mutant item RECHECK_AFTER_PUT TRY: slow_work_recheck: reads the item again behind the put_ref of PUT_AGAIN
	mutant item RECHECK_WAKES_NONE: slow_work_recheck: no slow_work_wake_waiters()
	mutant item QUEUE_NO_DEFERRED: slow_work_queue_deferred: leaves ENQ_DEFERRED
	mutant item LEAVE_KEEPS_HOLDER FLUSH: slow_work_leave_flushes: no work->holder = NULL
	mutant item LEAVE_KEEPS_ANCHOR CANCELLERS=3 READERS=0 TRY FLUSH: slow_work_leave_flushes: the anchor stays though it leaves
	mutant item LEAVE_NO_SPLICE CANCELLERS=3 READERS=0 TRY FLUSH: slow_work_leave_flushes: the list stays with the old anchor
	mutant item DRAINED_WAKES_NONE CANCELLERS=1 FLUSH_USERS=1: slow_work_drained: no slow_work_wake_waiters()
	mutant item DRAINED_WAKES_NEXT CANCELLERS=0 READERS=0 FLUSH_USERS=2: slow_work_drained: wakes user->next_flushes, too
	mutant item DRAINED_NO_NEXT CANCELLERS=0 READERS=0 FLUSH_USERS=2: slow_work_drained: no slow_work_start_flush()
	mutant item DRAINED_NO_LEAVERS CANCELLERS=0 READERS=0 OWNED: slow_work_drained: does not wake user->leavers
	mutant item START_NO_SWITCH CANCELLERS=0 READERS=0 FLUSH_USERS=1: slow_work_start_flush: current_account stays
	mutant item START_NO_WAITED CANCELLERS=0 READERS=0 FLUSH_USERS=1: slow_work_start_flush: no account->waited = true
	mutant item FLUSH_JOINS_LATE CANCELLERS=0 READERS=0 FLUSH_USERS=2: slow_work_flush_runs: joins the flush that is under way
	mutant item IDLE_ONE_ACCOUNT CANCELLERS=0 READERS=0 FLUSH_USERS=1 OWNED: slow_work_user_idle: looks at the current account
	mutant item IDLE_NO_ARMED CANCELLERS=0 READERS=0 OWNED: slow_work_user_idle: does not look at user->armed
	mutant item IDLE_MARKS_ONE CANCELLERS=0 READERS=0 FLUSH_USERS=1 OWNED: slow_work_user_idle: account->waited of the current one
	mutant item WAIT_NO_RECHECK: slow_work_wait_held: no holder->recheck = true
	mutant item WAIT_AT_STALE FLUSH: slow_work_wait_at: takes what is left in work->holder for an anchor
	mutant item WAKE_NO_TIMER FLUSH: slow_work_wake_waiters: no slow_work_poll_in()
	mutant item WAKE_NO_UNLINK FLUSH: slow_work_wake_one: no list_del()
	mutant item RETRACT_KEEPS_DEFERRED: slow_work_retract_run: no clear_bit(ENQ_DEFERRED)
	mutant item RETRACT_NO_PUT_AGAIN TRY: slow_work_retract_run: no PUT_AGAIN
	mutant item RETRACT_BINDS_NONE FLUSH: slow_work_retract_run: no slow_work_bind_flushes()
	mutant item CANCEL_NO_MARK: __slow_work_cancel: no set_bit(CANCELLING)
	mutant item CANCEL_NO_COUNT: __slow_work_cancel: CANCELLING cleared by the first of two
	mutant item CANCEL_KEEPS_MARK: __slow_work_cancel: no clear_bit(CANCELLING)
	mutant item CANCEL_ENABLES CANCELLERS=2 READERS=0 DISABLE: __slow_work_cancel: clear_bit(CANCELLING) though disabled
	mutant item DISABLE_NO_MARK CANCELLERS=1 READERS=0 DISABLE: __slow_work_cancel: no set_bit(CANCELLING) for a disable
	mutant item DISABLE_TAKES_LATE CANCELLERS=2 READERS=0 DISABLE: slow_work_take_back: slow_work_retract() though enabled meanwhile
	mutant item DISABLE_STOPS_TIMER CANCELLERS=2 READERS=0 MOD DISABLE: slow_work_leave_pending: no mod_timer()
	mutant item DISABLE_NO_REARMED CANCELLERS=2 READERS=0 MOD DISABLE: slow_work_leave_pending: no set_bit(REARMED)
	mutant item DISABLE_WAITS_NOT CANCELLERS=2 READERS=0 DISABLE: slow_work_wait_at_rest: while, not do
	mutant item FLUSH_LEAVES_CANCELLED CANCELLERS=2 READERS=0 FLUSH MOD DISABLE: slow_work_flush: does not disarm what is being cancelled
	mutant item ENABLE_NO_COUNT CANCELLERS=1 READERS=0 DISABLE: slow_work_enable: CANCELLING cleared by the first of two
	mutant item ENABLE_CANCELLED CANCELLERS=2 READERS=0 DISABLE: slow_work_enable: clear_bit(CANCELLING) though a cancel is under way
	mutant item ENABLE_KEEPS_MARK CANCELLERS=1 READERS=0 DISABLE: slow_work_enable: no clear_bit(CANCELLING)
	mutant item CANCEL_BY_FLAG: slow_work_take_back: waits by EXECUTING and PUTTING, not for the holder
	mutant item PUT_NO_MARK: slow_work_put_back: no set_bit(PUTTING)
	mutant item PUT_LATE READERS=1 TRY DISABLE: slow_work_put_back: slow_work_wait_described() before PUT_AGAIN and the account
	mutant item PUT_BINDS_NONE FLUSH: slow_work_put_back: no slow_work_bind_flushes()
	mutant item PUT_KEEPS_HOLDER: slow_work_put_back: no work->holder = NULL
	mutant item PUT_DESCRIBED: slow_work_put_back: does not wait for desc
	mutant item PUT_NOT_AGAIN TRY: slow_work_put_back: ignores PUT_AGAIN
	mutant item PUT_WAKES_NONE: slow_work_put_is_over: no slow_work_wake_waiters()
	mutant item TRY_DESCRIBED TRY: slow_work_try_cancel: though DESCRIBED
	mutant item FLUSH_BINDS_HELD FLUSH: slow_work_flush: waits for the holder, though PENDING
	mutant item DISCARD_OPEN CANCELLERS=0 READERS=0 USERS=2: slow_work_discard: though slow_pool.nr_users
	mutant item DISCARD_PENDING_LATE CANCELLERS=0 READERS=0 USERS=1: slow_work_discard: clears DELAYED before PENDING
	mutant item DISCARD_BINDS_NONE CANCELLERS=1 READERS=0 FLUSH MOD USERS=1: slow_work_put_disarmed: no slow_work_bind_flushes()
	mutant item DISCARD_DESCRIBED CANCELLERS=0 USERS=1: slow_work_put_disarmed: does not wait for desc
	mutant item REGISTER_OPENS_EARLY CANCELLERS=0 READERS=0 USERS=1: slow_work_register: slow_work_add_user() before slow_work_run()
	mutant item REGISTER_WAKES_NONE CANCELLERS=0 READERS=0 USERS=2: slow_work_add_user: does not wake those that wait for unowned items
	mutant item STOP_NO_MUTEX CANCELLERS=0 READERS=0 USERS=2: slow_work_try_stop: no slow_work_register_mutex
	mutant item LOSE_LOOKS CANCELLERS=1 READERS=0 DEATH: slow_work_lose: touches the item of a put_ref
	mutant item LOSE_KEEPS_PENDING CANCELLERS=1 READERS=0 DEATH: slow_work_lose: no clear_bit(PENDING)
	mutant item LOSE_WAKES CANCELLERS=1 READERS=0 FLUSH DEATH: slow_work_lose: slow_work_wake_waiters()
	mutant item LOSE_LETS_GO CANCELLERS=1 READERS=0 DEATH: slow_work_lose: holder->item = NULL
	mutant item PIN_NO_CLAIM: slow_work_pin: no slow_work_claim()
	mutant item PIN_PUTTING TRY: slow_work_pin: though PUTTING
	mutant item UNPIN_NO_LOCK: slow_work_walk_unpin: DESCRIBED cleared without the lock
	mutant item UNPIN_NO_COUNT READERS=2: slow_work_walk_unpin: DESCRIBED cleared by the first of two
	mutant item UNPIN_NO_SPLICE READERS=2: slow_work_walk_unpin: waiters are not left to the other
	mutant item UNPIN_WAKES_NONE: slow_work_walk_unpin: no slow_work_wake_waiters()
	mutant pool TAKE_NO_KICK: slow_work_thread_main: no slow_work_kick() behind slow_work_take()
	mutant pool IDLE_NO_HELPERS: slow_work_idle: no slow_pool.helpers = true
	mutant pool ARRIVE_NO_HELPERS: slow_work_end_search: no slow_pool.helpers = true for one that arrives
	mutant pool ARRIVE_ABSENT: slow_work_arrive: no slow_pool.nr_absent--
	mutant pool ARRIVE_LATE_COMING: slow_work_arrive: of a thread that was given up, too
	mutant pool ARRIVE_LATE_SEARCHING: slow_work_arrive: ends another thread's search
	mutant pool SET_NO_WAKE LIMITS: slow_work_set: no slow_work_wake_manager()
	mutant pool WANTED_NO_ABSENT: slow_work_wanted: no slow_pool.nr_absent
	mutant pool MANAGER_NO_HELPERS: slow_work_manager_main: no slow_pool.helpers = true
	mutant pool MANAGER_STATE_LATE: slow_work_manager_main: set_current_state() behind the lock
	mutant pool MANAGER_STOP_EARLY STOP: slow_work_manager_main: kthread_should_stop() before set_current_state()
	mutant pool MANAGING_WHILE_WAITING THREADS=4 SLOW=4 VSLOW=0: slow_work_manager_main: managing in a timeout of seconds
	mutant pool REST_BY_MANAGER SLEEPERS: slow_work_manager_main: has the sleepers that have rested preempted, not the timer
	mutant pool GROW_BACKS_OFF_LATE FAILURES: slow_work_grow: no timeout for slow_work_backs_off() while nothing is queued
	mutant pool REAP_NO_ARRIVE STOP: slow_work_reap: no slow_work_arrive(), slow_work_retire()
	mutant pool SLEEP_NO_HELPERS SLEEPERS: slow_work_sleep_till_thread_needed: no slow_pool.helpers = true
	mutant pool SLEEP_NO_ARRIVE SLEEPERS: slow_work_sleep_till_thread_needed: no slow_work_arrive()
	mutant pool LATE_NOT_YIELDED SLEEPERS: slow_work_end_claimed: no YIELDED where the thread was given up
	mutant pool CALL_NO_TIMER SLEEPERS: slow_work_call: no slow_work_poll_in() for a sleeper that is preempted
	mutant pool START_NO_TIMER: slow_work_call: the same for a thread that is started
	mutant pool SEARCH_NO_TIMER: slow_work_wake_idle: no slow_work_sample_later()
	mutant pool SEARCH_TIMER_ONCE: slow_work_wake_idle: slow_work_sample_later() for the item that wakes a thread alone
	mutant pool FIND_NO_TIMER: slow_work_find_thread: no slow_work_sample_later()
	mutant pool REST_NO_TIMER SLEEPERS: slow_work_find_thread: no slow_work_poll_in() for a yielded item
	mutant pool PREEMPT_NO_MORE SLEEPERS: slow_work_preempt: no further section
	mutant pool POLL_KEEPS_LATER SLEEPERS: slow_work_poll_in: does not change a timer that is set
	mutant pool STOP_KEEPS_TIMER STOP: slow_work_pool_stop: no timer_delete_sync()
	mutant pool TRUST_NEVER_ENDS: slow_work_timer: no slow_work_give_up()
	mutant pool TIMER_NO_FIND: slow_work_timer: no slow_work_find_thread()
	mutant pool GIVE_UP_NO_MORE: slow_work_give_up: no further section
	mutant pool GIVE_UP_NO_TIMER: slow_work_give_up: no slow_work_poll_in()
	mutant pool UNCALL_KEEPS_PREEMPTED SLEEPERS: slow_work_uncall: no class->preempted--
	mutant pool SEARCH_NEVER_ENDS: slow_work_sample: no slow_work_end_search()
	mutant pool SEARCH_NO_HELPERS: slow_work_end_search: the same for one that is given up
	mutant pool SAMPLE_NO_DEAD DEATHS: slow_work_sample: no slow_pool.sampling = true
	mutant pool DIED_NO_TIMER DEATHS: slow_work_died: does not set the timer
	mutant pool LOSE_ENDS_DYING DEATHS: slow_work_lose: slow_pool.dying = false, for two dead threads
	mutant pool LOSE_NO_WAKE DEATHS: slow_work_lose: no slow_work_wake_manager()
	mutant pool LOSE_KEEPS_NR DEATHS: slow_work_lose: no slow_work_retire()
	mutant pool LOSE_NO_KICK SLOW=2 SLEEPERS DEATHS: slow_work_lose: no slow_work_kick()
	mutant pool LOSE_NO_ARRIVE SLEEPERS DEATHS: slow_work_lose: no slow_work_arrive()
	mutant pool DISCARD_FIRST CLOSE: slow_work_report_in: disarms though something can start
	mutant pool FIND_NO_CLOSING CLOSE: slow_work_find_thread: only for what is queued
	mutant pool CLOSE_WAKES_NONE CLOSE: slow_work_close: no slow_work_kick()
	mutant owner QUEUE_NO_TURN RESERVES=0: slow_work_join_turns: no slow_work_list_add_tail()
	mutant owner QUEUE_FIRST RESERVES=0 OWNERS=3: slow_work_join_turns: the turn comes first
	mutant owner DEQUEUE_KEEPS_TURN RESERVES=0: slow_work_dequeue: an emptied queue keeps its place
	mutant owner DEQUEUE_BY_LIST RESERVES=0 CURSOR: slow_work_dequeue: the same where a cursor is in it
	mutant owner DEQUEUE_DROPS RESERVES=0: slow_work_dequeue: a queue loses its place with items in it
	mutant owner NEXT_TURN_DROPS RESERVES=0: slow_work_next_turn: the same
	mutant owner NEXT_TURN_KEEPS RESERVES=0: slow_work_next_turn: an emptied queue keeps its place
	mutant owner TAKE_KEEPS_TURN RESERVES=0: slow_work_take: no slow_work_next_turn()
	mutant owner TAKE_SKIPS RESERVES=0 OWNERS=3: slow_work_take: the next turn is skipped
	mutant owner TAKE_NO_SPECIAL RESERVES=0: slow_work_take: though the queue has no item
	mutant owner RESERVE_TAKES_TURN: slow_work_take_reserved: takes another owner's item
	mutant owner RESERVE_SLOW_FIRST CLASSES=2 POOL=2: slow_work_take_reserved: not the oldest item
	mutant owner GOES_ON_ALWAYS: slow_work_take_reserved: though the pool takes items again
	mutant owner GOES_ON_BY_USER CLASSES=2 POOL=2: slow_work_take_reserved: not where the pool takes items of the other class
	mutant owner RESERVE_STATE_LATE SLEEPERS: slow_work_reserve_idle: set_current_state() behind the lock
	mutant owner RESERVE_ARRIVES_LATE: slow_work_reserve_main: slow_work_arrive() behind the sleep
	mutant owner RESERVE_STOP_EARLY USERS: slow_work_reserve_idle: kthread_should_stop() before the lock only
	mutant owner ARRIVE_NOT: slow_work_reserve_main: no slow_work_arrive()
	mutant owner SLEEP_NO_ARRIVE SLEEPERS: slow_work_sleep_till_thread_needed: no slow_work_arrive()
	mutant owner LEFT_NOT_TAKEN: slow_work_reserve_left: though the pool took an item just now
	mutant owner LEFT_AT_ONCE: slow_work_reserve_left: of an item that has not waited, with the pool idle
	mutant owner LEFT_NO_MANAGER GROW: slow_work_reserve_left: no time for the manager
	mutant owner LEFT_BY_USER CLASSES=2 POOL=2: slow_work_reserve_left: not where the pool takes items of the other class
	mutant owner CALL_NEVER: slow_work_call_reserve: does not call it
	mutant owner CALL_NO_FLAG: slow_work_call_reserve: no SLOW_WORK_CALLED
	mutant owner CALL_NOT_SLEEPER SLEEPERS: slow_work_call_reserve: not one that sleeps
	mutant owner CHECK_NO_POLL REST=2: slow_work_check_reserve: no slow_work_poll_in()
	mutant owner CHECK_ONE OWNERS=3 RESERVES=2 ITEMS=1: slow_work_check_reserve: no further section
	mutant owner FIND_WAKES_NONE: slow_work_find_thread: no slow_work_wake_idle()
	mutant owner FIND_NO_POLL: slow_work_find_thread: no slow_work_poll_in() for reserves
	mutant owner TIMER_NO_HELPERS: slow_work_timer: no slow_pool.helpers = true
	mutant owner START_NO_HELPERS USERS: slow_work_reserve_start: no slow_pool.helpers = true
	mutant owner DEAD_KEEPS_LIST DEATHS: slow_work_check_alive: no list_del_init()
	mutant owner DIED_UNTOLD DEATHS: slow_work_check_alive: no slow_pool.reserve_died = true
	mutant owner REPLACE_ONCE DEATHS: slow_work_replace_reserves: the same, where a start has failed
	mutant owner STOP_KEEPS_LIST USERS: slow_work_reserve_stop: no list_del_init()
	mutant owner STOP_BUSY USERS: slow_work_unregister_user: slow_work_reserve_stop() before slow_work_wait_idle()
	mutant owner STOP_FIRST USERS: slow_work_remove_user: slow_work_reserve_stop() with the first of two registrations
	mutant owner REMOVE_KEEPS_TURN USERS: slow_work_remove_user: no slow_work_leave_turns()
	END
}

# A small company will do for a mutant; what its line says goes before it
company() {
	case $1 in
	item) echo ENQUEUERS=1 DELAYERS=1 CANCELLERS=2 READERS=1 ;;
	pool) echo SLOW=3 VSLOW=1 ;;
	owner) ;;
	esac
}

# check_line NUMBER KIND MODEL WORDS: leaves the result line in NUMBER.result
check_line() {
	local dir=$work/$1 kind=$2 model=$3 about=${4#*: } words name found ok=not word compile='gcc -Og'
	local -a define
	words=${4%%: *}
	name="$model ${words}: $about"
	if [ "$kind" = mutant ]; then
		name="$model MUTANT_$words: $about"
		words="MUTANT_$words $(company "$model")"
		compile=tcc		# found long before gcc would be through
	fi
	for word in $words; do
		case " ${define[*]-}" in
		*" -D${word%%=*}="*|*" -D$word "*) ;;
		*) define+=("-D$word") ;;
		esac
	done
	mkdir "$dir"
	cd "$dir"
	if spin -a "${define[@]}" "$TOP/tests/model/$model.pml" >log 2>&1 &&
	   $compile -w -DSAFETY -DMEMLIM=900 -o pan pan.c >>log 2>&1; then
		# of CPU time, as the machine may be busy
		(ulimit -t 600; exec ./pan -m1500000 -w22) >pan.log 2>&1 || true
		cat pan.log >>log
		found=$(sed -n 's/^pan:1: \(.*\) (at depth.*/\1/p' pan.log)
		# Also says "max search depth too small", "reached -DMEMLIM bound", and
		# nothing at all when it was killed
		if [ "$kind" = whole ] && grep -q 'errors: 0$' pan.log &&
		   ! grep -qE '^error:|reached -DMEMLIM|not completed' pan.log; then
			ok=
		elif [ "$kind" = mutant ] && [ -n "$found" ]; then
			ok=
		fi
	fi
	{
		echo "${ok:+not }ok $1 - $name"
		if [ -n "$ok" ]; then
			echo "# ${define[*]}"
			tail -n 15 log | sed 's/^/# /'
		elif [ "$kind" = whole ]; then
			awk '/states, stored/ { n = $1 } /total actual memory/ { m = $1 }
			     /elapsed time/ { t = $4 }
			     END { printf "# %d states, %d MB, %.0f s\n", n, m, t }' pan.log
		else
			echo "# found: $found"
		fi
	} >"$dir.tmp"
	rm -rf "$dir"
	mv "$dir.tmp" "$dir.result"
}

need_packages spin gcc tcc libc6-dev
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

list | grep -F -e "${1-}" >"$work/list" || die "no line with ${1-}"
# A mutant that no line runs would be forgotten
if [ $# = 0 ]; then
	grep -oh 'MUTANT_[A-Z_]*[A-Z]' "$TOP"/tests/model/*.pml | sort -u |
	while read -r mutant; do
		grep -q "^mutant [a-z]* ${mutant#MUTANT_}[: ]" "$work/list" || die "$mutant is never run"
	done
fi

echo "KTAP version 1"
echo "1..$(wc -l <"$work/list")"
n=0 status=0
while read -r -u 4 kind model words; do
	n=$((n + 1))
	while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do wait -n; done
	(check_line $n "$kind" "$model" "$words") &
done 4<"$work/list"
wait
for n in $(seq "$n"); do
	cat "$work/$n.result" || echo "not ok $n - broke off"
	grep -q '^ok' "$work/$n.result" || status=1
done
exit $status
