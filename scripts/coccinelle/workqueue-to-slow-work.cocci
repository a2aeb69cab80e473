// SPDX-License-Identifier: GPL-2.0-or-later
//
// Moves a module from workqueues to slow-work, as far as rules can, and reports what
// is left to do by hand.  Documentation/from-workqueue.rst tells how to go on.
//
//	spatch --sp-file workqueue-to-slow-work.cocci --in-place FILE.c...
//
// All works of the files move.  What is reported as not moved does not compile until
// it is; what moves but may mean another thing is reported, too.  All items are of the
// slow class, and have no desc.

// --- reports, of the files as they were

@ stays @
identifier f = {queue_work_on, queue_work_node, queue_delayed_work_on, mod_delayed_work_on,
	schedule_work_on, schedule_delayed_work_on, schedule_on_each_cpu, work_on_cpu,
	queue_rcu_work, flush_rcu_work, INIT_RCU_WORK, INIT_DEFERRABLE_WORK, drain_workqueue,
	work_busy, flush_scheduled_work, workqueue_set_max_active, alloc_ordered_workqueue,
	create_singlethread_workqueue, create_workqueue, create_freezable_workqueue,
	disable_work, disable_delayed_work, enable_and_queue_work};
position p;
@@
 f@p(...)

@ script:python @
f << stays.f;
p << stays.p;
@@
coccilib.report.print_report(p[0], "not moved: %s()" % f)

@ reclaim @
expression list before, after;
position p;
@@
 alloc_workqueue@p(before, <+... WQ_MEM_RECLAIM ...+>, after)

@ script:python @
p << reclaim.p;
@@
coccilib.report.print_report(p[0], "WQ_MEM_RECLAIM: does memory reclaim wait for a work? Then register with SLOW_WORK_MEM_RECLAIM")

@ one_by_one @
expression fmt, flags;
position p;
@@
 alloc_workqueue@p(fmt, flags, 1, ...)

@ script:python @
p << one_by_one.p;
@@
coccilib.report.print_report(p[0], "max_active of 1: these items will run side by side")

@ waits @
identifier h, w, f = {wait_event, wait_event_timeout, wait_event_interruptible,
	wait_event_killable, wait_for_completion, wait_for_completion_timeout,
	wait_for_completion_interruptible, wait_for_completion_killable, wait_on_bit,
	wait_var_event, flush_work, flush_delayed_work, cancel_work_sync,
	cancel_delayed_work_sync, disable_work_sync, disable_delayed_work_sync};
position p;
@@
 h(struct work_struct *w)
 {
	<+...
	f@p(...)
	...+>
 }

@ script:python @
h << waits.h;
f << waits.f;
p << waits.p;
@@
coccilib.report.print_report(p[0], "%s() in %s(): for another item? Then that is to be slow, this very slow" % (f, h))

@ frees @
identifier h, w, f = {kfree, kvfree, kfree_sensitive, kmem_cache_free};
position p;
@@
 h(struct work_struct *w)
 {
	<+...
	f@p(...)
	...+>
 }

@ script:python @
h << frees.h;
f << frees.f;
p << frees.p;
@@
coccilib.report.print_report(p[0], "%s() in %s(): of what the item is in? Then it belongs into put_ref" % (f, h))

@ own @
@@
 alloc_workqueue(...)

@ shared depends on !own @
identifier f = {schedule_work, schedule_delayed_work, queue_work, queue_delayed_work};
position p;
@@
 f@p(...)

@ script:python @
f << shared.f;
p << shared.p;
@@
coccilib.report.print_report(p[0], "%s(): no workqueue is allocated here; does the module register?" % f)

// --- the work's function: every one with no parameter but a work

@ prototype @
identifier h, w;
@@
- void h(struct work_struct *w);
+ void h(struct slow_work *);

@ worker @
identifier h, w;
@@
- void h(struct work_struct *w)
+ void h(struct slow_work *w)
 { ... }

@@
identifier worker.w, T, m;
@@
- container_of(to_delayed_work(w), struct T, m)
+ container_of(w, struct T, m.work)

@@
identifier worker.w;
@@
- to_delayed_work(w)
+ container_of(w, struct delayed_slow_work, work)

// --- a reference for each run, by a kref: the pool takes it and drops it

// on every way out of the function
@ drops @
identifier worker.h, worker.w, drop, T, m, o;
expression E;
@@
 void h(struct slow_work *w)
 {
	... when strict
	struct T *o = \(\(container_of(w, struct T, m)\|container_of(w, struct T, m.work)\) \& E\);
	... when strict
	drop(o);
 }

@ counted @
identifier o, ref, drops.m, drops.drop;
expression E;
@@
- kref_get(&o->ref);
(
- if (!\(\(queue_work(...,&o->m)\|schedule_work(&o->m)\|queue_delayed_work(...,&o->m,...)\|schedule_delayed_work(&o->m,...)\) \& E\)) drop(o);
+ E;
|
- if (\(mod_delayed_work(...,&o->m,...) \& E\)) drop(o);
+ E;
)

@ depends on counted @
identifier o, drops.m, drops.drop;
expression E;
@@
- if (\(\(cancel_work_sync(&o->m)\|cancel_delayed_work_sync(&o->m)\|cancel_work(&o->m)\|cancel_delayed_work(&o->m)\) \& E\)) drop(o);
+ E;

@ with_refs @
identifier worker.h, worker.w, counted.ref, drops.drop, drops.T, drops.o;
expression drops.E;
fresh identifier ops = h ## "_ops", get = h ## "_get_ref", put = h ## "_put_ref";
@@
 void h(struct slow_work *w)
 {
	...
-	drop(o);
 }
+
+ static int get(struct slow_work *w)
+ {
+	struct T *o = E;
+
+	kref_get(&o->ref);
+	return 0;
+ }
+
+ static void put(struct slow_work *w)
+ {
+	struct T *o = E;
+
+	drop(o);
+ }
+
+ static const struct slow_work_ops ops = {
+	.owner = THIS_MODULE,
+	.get_ref = get,
+	.put_ref = put,
+	.execute = h,
+ };

@ depends on !with_refs @
identifier worker.h, worker.w;
fresh identifier ops = h ## "_ops";
@@
 void h(struct slow_work *w)
 { ... }
+
+ static const struct slow_work_ops ops = {
+	.owner = THIS_MODULE,
+	.execute = h,
+ };

// --- types and calls

@@
@@
- struct work_struct
+ struct slow_work

@@
@@
- struct delayed_work
+ struct delayed_slow_work

@@
identifier h;
expression w;
fresh identifier ops = h ## "_ops";
@@
(
- INIT_WORK(w, h)
+ slow_work_init(w, &ops)
|
- INIT_DELAYED_WORK(w, h)
+ delayed_slow_work_init(w, &ops)
|
- INIT_WORK_ONSTACK(w, h)
+ slow_work_init_on_stack(w, &ops)
|
- INIT_DELAYED_WORK_ONSTACK(w, h)
+ delayed_slow_work_init_on_stack(w, &ops)
)

@@
declarer name DECLARE_WORK, DEFINE_SLOW_WORK;
identifier n, h;
fresh identifier ops = h ## "_ops";
@@
- DECLARE_WORK(n, h);
+ DEFINE_SLOW_WORK(n, &ops);

@@
declarer name DECLARE_DELAYED_WORK, DEFINE_DELAYED_SLOW_WORK;
identifier n, h;
fresh identifier ops = h ## "_ops";
@@
- DECLARE_DELAYED_WORK(n, h);
+ DEFINE_DELAYED_SLOW_WORK(n, &ops);

// Whoever asks what these return asks another question there and here
@@
expression q, w, t;
@@
(
- queue_work(q, w);
+ slow_work_enqueue(w);
|
- schedule_work(w);
+ slow_work_enqueue(w);
|
- queue_delayed_work(q, w, t);
+ delayed_slow_work_enqueue(w, t);
|
- schedule_delayed_work(w, t);
+ delayed_slow_work_enqueue(w, t);
|
- mod_delayed_work(q, w, t);
+ delayed_slow_work_mod(w, t);
)

@ taken @
position p;
@@
 kref_get@p(...);
 \(slow_work_enqueue\|delayed_slow_work_enqueue\|delayed_slow_work_mod\)(...);

@ script:python @
p << taken.p;
@@
print("%s(): kref_get() before an enqueue: of a run? Then it is get_ref's to take" % p[0].current_element)

@ value @
identifier f = {queue_work, schedule_work, queue_delayed_work, schedule_delayed_work, mod_delayed_work};
position p;
@@
 f@p(...)

@ script:python @
f << value.f;
p << value.p;
@@
print("%s(): not moved: %s() tells whether the work was pending, an enqueue whether a run will come"
	% (p[0].current_element, f))

@@
expression q, w;
@@
(
- cancel_work_sync(w)
+ slow_work_cancel(w)
|
- cancel_delayed_work_sync(w)
+ delayed_slow_work_cancel(w)
|
- cancel_work(w)
+ slow_work_try_cancel(w)
|
- cancel_delayed_work(w)
+ delayed_slow_work_try_cancel(w)
|
- disable_work_sync(w)
+ slow_work_disable_sync(w)
|
- disable_delayed_work_sync(w)
+ delayed_slow_work_disable_sync(w)
|
- enable_work(w)
+ slow_work_enable(w)
|
- enable_delayed_work(w)
+ delayed_slow_work_enable(w)
|
- flush_work(w)
+ slow_work_flush(w)
|
- flush_delayed_work(w)
+ delayed_slow_work_flush(w)
|
- work_pending(w)
+ slow_work_is_queued(w)
|
- delayed_work_pending(&w)
+ slow_work_is_queued(&w.work)
|
- delayed_work_pending(w)
+ slow_work_is_queued(&w->work)
|
- destroy_work_on_stack(w)
+ destroy_slow_work_on_stack(w)
|
- destroy_delayed_work_on_stack(w)
+ destroy_delayed_slow_work_on_stack(w)
|
- current_work()
+ slow_work_current()
|
- flush_workqueue(q)
+ slow_work_flush_user(THIS_MODULE)
|
- destroy_workqueue(q)
+ slow_work_unregister_user(THIS_MODULE)
)

// --- a user in place of a workqueue

@@
expression q;
statement S;
@@
- q = alloc_workqueue(...);
- if (!q) S
+ if (slow_work_register_user(THIS_MODULE)) S

@@
identifier q;
@@
- struct workqueue_struct *q;

@@
@@
- #include <linux/workqueue.h>
+ #include <linux/slow-work.h>

// What is declared before it is defined, its operations are, too
@@
identifier prototype.h;
fresh identifier ops = h ## "_ops";
@@
#include <linux/slow-work.h>
+
+ static const struct slow_work_ops ops;
