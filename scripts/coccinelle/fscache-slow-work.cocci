// SPDX-License-Identifier: GPL-2.0-or-later
//
// Moves FS-Cache of Linux 6.1 (fs/fscache) from its workqueue to slow-work.  The
// adapter, fscache-slow-work.[ch], has what is new; tests/fscache.sh applies this
// and builds what comes out.  For every file of fs/fscache:
//
//	spatch --sp-file fscache-slow-work.cocci --in-place cookie.c
//
// What is moved: the work of each cookie (look-up, withdrawal, invalidation), the
// work that creates a volume, and the timer that queues the work that discards
// unused cookies, which becomes one delayed item.

// --- every file that needs the adapter

@ needs_adapter @
symbol fscache_cookie_jar, fscache_cookie_lru_timer, fscache_create_volume, fscache_wq;
symbol fscache_cookie_put_work;
symbol fscache_cookie_lru_work;
symbol fscache_cookie_put_over_queued, fscache_volume_get_create_work;
symbol fscache_volume_put_create_work, coherency, timer, work, jiffies, error_wq;
@@
(
 fscache_cookie_jar
|
 fscache_cookie_lru_timer
|
 fscache_create_volume
)

@ depends on needs_adapter @
@@
#include "internal.h"
+ #include "fscache-slow-work.h"

// --- a cookie's item lies beside the cookie, whose layout other modules know

@@
expression c;
@@
- INIT_WORK(&c->work, fscache_cookie_worker);
+ vslow_work_init(fscache_cookie_item(c), &fscache_cookie_ops);

@@
expression name;
@@
 kmem_cache_create(name,
-	sizeof(struct fscache_cookie),
+	sizeof(struct fscache_cookie_item),
	...)

@@
@@
- static void fscache_cookie_worker(struct work_struct *work);

// The reference of a run is the pool's: get_ref() takes it, put_ref() drops it
@@
identifier w, c;
@@
- static void fscache_cookie_worker(struct work_struct *w)
+ void fscache_cookie_worker(struct slow_work *w)
 {
	struct fscache_cookie *c =
-		container_of(w, struct fscache_cookie, work);
+		fscache_cookie_of(w);
	...
-	fscache_put_cookie(c, fscache_cookie_put_work);
 }

// The one that was taken before is the caller's, across the call
@@
expression c;
@@
- if (!queue_work(fscache_wq, &c->work))
-	fscache_put_cookie(c, fscache_cookie_put_over_queued);
+ fscache_enqueue(fscache_cookie_item(c));
+ fscache_put_cookie(c, fscache_cookie_put_over_queued);

// --- a volume's item lies in front of the volume, which ends with an array

@@
expression v;
@@
- INIT_WORK(&v->work, fscache_create_volume_work);
+ slow_work_init(fscache_volume_item(v), &fscache_volume_ops);

@@
expression n;
identifier v;
@@
- v = kzalloc(struct_size(v, coherency, n), GFP_KERNEL);
+ v = fscache_zalloc_volume(n);

@@
struct fscache_volume *v;
@@
- kfree(v);
+ fscache_kfree_volume(v);

@@
@@
- static void fscache_create_volume_work(struct work_struct *work);

@@
identifier w, v;
@@
- static void fscache_create_volume_work(struct work_struct *w)
+ void fscache_create_volume_work(struct slow_work *w)
 {
	...
	struct fscache_volume *v =
-		container_of(w, struct fscache_volume, work);
+		fscache_volume_of(w);
	...
-	fscache_put_volume(v, fscache_volume_put_create_work);
 }

// Whoever calls has a reference of his own
@@
expression v;
@@
- fscache_get_volume(v, fscache_volume_get_create_work);
- if (!schedule_work(&v->work))
-	fscache_put_volume(v, fscache_volume_put_create_work);
+ fscache_enqueue(fscache_volume_item(v));

// --- the timer that queues a work is one delayed item

@@
@@
- static void fscache_cookie_lru_timed_out(struct timer_list *timer);

@@
@@
- static void fscache_cookie_lru_worker(struct work_struct *work);

@@
declarer name DEFINE_TIMER;
@@
- DEFINE_TIMER(fscache_cookie_lru_timer, fscache_cookie_lru_timed_out);

@@
declarer name DECLARE_WORK;
@@
- static DECLARE_WORK(fscache_cookie_lru_work, fscache_cookie_lru_worker);

@@
identifier t;
@@
- static void fscache_cookie_lru_timed_out(struct timer_list *t)
- {
-	queue_work(fscache_wq, &fscache_cookie_lru_work);
- }

@@
identifier w;
@@
- static void fscache_cookie_lru_worker(struct work_struct *w)
+ void fscache_cookie_lru_worker(struct slow_work *w)
 { ... }

@@
expression at;
@@
- timer_reduce(&fscache_cookie_lru_timer, at);
+ fscache_lru_no_later(at);

@@
@@
- timer_pending(&fscache_cookie_lru_timer) ?
-	fscache_cookie_lru_timer.expires - jiffies : 0
+ (long)delayed_slow_work_left(&fscache_lru)

@@
@@
- extern struct timer_list fscache_cookie_lru_timer;

// --- register and unregister

@@
@@
- struct workqueue_struct *fscache_wq;

@@
declarer name EXPORT_SYMBOL;
@@
- EXPORT_SYMBOL(fscache_wq);

@@
identifier ret;
expression list e;
@@
- int ret = -ENOMEM;
+ int ret;
  ...
- fscache_wq = alloc_workqueue(e);
- if (!fscache_wq)
+ ret = slow_work_register_user(THIS_MODULE);
+ if (ret)
	goto error_wq;

// put_ref() frees into the slab cache, so this comes before that goes
@ exit @
@@
 fscache_exit(...)
 {
	...
+	delayed_slow_work_cancel(&fscache_lru);
+	slow_work_unregister_user(THIS_MODULE);
	kmem_cache_destroy(fscache_cookie_jar);
	...
-	timer_shutdown_sync(&fscache_cookie_lru_timer);
-	destroy_workqueue(fscache_wq);
	...
 }

@@
@@
- destroy_workqueue(fscache_wq);
+ slow_work_unregister_user(THIS_MODULE);
