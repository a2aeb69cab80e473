// SPDX-License-Identifier: GPL-2.0-or-later
//
// Moves GFS2 of Linux 6.1 (fs/gfs2) from its workqueues to slow-work: what is left to
// do after workqueue-to-slow-work.cocci, which moves types, calls and flushes of single
// works.  The adapter, gfs2-slow-work.[ch], has what is new; tests/gfs2.sh applies both
// and builds what comes out.  For every file of fs/gfs2 that mentions works:
//
//	spatch --sp-file workqueue-to-slow-work.cocci --in-place glock.c
//	spatch --sp-file gfs2-slow-work.cocci --in-place glock.c
//
// Left are the references, which are counted under a spinlock or are not krefs, what
// queue_work() returns, flushes of one workqueue of several, the classes, the operations,
// and the order of tearing down.

@@
symbol glock_workqueue, gfs2_delete_workqueue, gfs2_freeze_wq, gfs_recovery_wq;
symbol gl, gl_work, gl_delete, gl_lockref, count, drop_refs, delay, queued, found, ip;
symbol inode, jd, jd_work, jd_flags, sb, sdp, sd_freeze_work, sd_control_work, sd_flags;
symbol s_active, s_umount, rv, HZ, ret, gl_hash_table, THIS_MODULE, jd_recover_error;
symbol glock_shrinker, delete_work_func_ops, gfs2_control_func_ops, true;
@@
#include <linux/slow-work.h>
+ #include "gfs2-slow-work.h"

// --- operations: with references and a desc, in the adapter; what waits is very slow

@@
identifier ops = {delete_work_func_ops, glock_work_func_ops, gfs2_recover_func_ops,
	gfs2_freeze_func_ops, gfs2_control_func_ops};
@@
- static const struct slow_work_ops ops = { ... };

@@
identifier h = {delete_work_func, glock_work_func, gfs2_control_func}, w;
@@
- static
 void h(struct slow_work *w)
 { ... }

@@
expression w;
@@
- delayed_slow_work_init(w, &delete_work_func_ops)
+ delayed_vslow_work_init(w, &delete_work_func_ops)

@@
expression w;
@@
- delayed_slow_work_init(w, &gfs2_control_func_ops)
+ delayed_vslow_work_init(w, &gfs2_control_func_ops)

@@
expression w;
identifier ops = {gfs2_recover_func_ops, gfs2_freeze_func_ops};
@@
- slow_work_init(w, &ops)
+ vslow_work_init(w, &ops)

// --- a glock's reference of a run is the pool's, taken under gl_lockref.lock, which
// whoever enqueues holds.  The one that was passed on is the caller's, across the call.

@@
@@
- if (!queue_delayed_work(glock_workqueue, &gl->gl_work, delay)) {
-	GLOCK_BUG_ON(gl, gl->gl_lockref.count < 2);
-	gl->gl_lockref.count--;
- }
+ gfs2_glock_enqueue(&gl->gl_work, delay);
+ GLOCK_BUG_ON(gl, gl->gl_lockref.count < 2);
+ gl->gl_lockref.count--;

@@
@@
 glock_work_func(...)
 {
	<...
(
-	unsigned int drop_refs = 1;
+	unsigned int drop_refs = 0;
|
-	drop_refs--;
|
-	__gfs2_glock_queue_work(gl, delay);
+	gfs2_glock_enqueue(&gl->gl_work, delay);
)
	...>
 }

@@
@@
 gl->gl_lockref.count -= drop_refs;
- if (!gl->gl_lockref.count) {
-	__gfs2_glock_put(gl);
-	return;
- }

// --- the same of the deletion of an inode

@@
@@
- queued = queue_delayed_work(gfs2_delete_workqueue, &gl->gl_delete, delay);
+ queued = gfs2_glock_enqueue(&gl->gl_delete, delay);

@@
@@
- gl->gl_lockref.count++;
- if (!queue_delayed_work(gfs2_delete_workqueue, &gl->gl_delete, 0))
-	gl->gl_lockref.count--;
+ gfs2_glock_enqueue(&gl->gl_delete, 0);

@@
@@
- if (gfs2_queue_delete_work(gl, 5 * HZ))
-	return;
+ gfs2_queue_delete_work(gl, 5 * HZ);

@@
expression E;
@@
- if (E && (gfs2_queue_delete_work(gl, 5 * HZ)))
-	return;
+ if (E)
+	gfs2_queue_delete_work(gl, 5 * HZ);

@@
@@
 delete_work_func(...)
 {
	<...
-	gfs2_glock_put(gl);
+	return;
	...>
 }

@@
@@
- if (ip || !gfs2_queue_delete_work(gl, 0))
-	gfs2_glock_put(gl);
- else
-	found++;
+ if (!ip && gfs2_queue_delete_work(gl, 0))
+	found++;
+ gfs2_glock_put(gl);

// The inode, whose last reference goes, has its glock
@@
@@
- gfs2_glock_hold(gl);
- if (!gfs2_queue_delete_work(gl, 0))
-	gfs2_glock_queue_put(gl);
+ gfs2_queue_delete_work(gl, 0);

@@
@@
 if (delayed_slow_work_try_cancel(&gl->gl_delete)) {
	...
-	gfs2_glock_put(gl);
 }

// --- flushes.  Items unmount, and withdraw, so no flush of all of them: each glock's
// own, of this filesystem.  What it puts may sleep, so not within the walk.

@@
identifier x;
@@
+ static void flush_glocks(struct gfs2_sbd *sdp, bool deletes)
+ {
+	struct rhashtable_iter iter;
+	struct gfs2_glock *gl;
+
+	rhashtable_walk_enter(&gl_hash_table, &iter);
+	do {
+		rhashtable_walk_start(&iter);
+		while ((gl = rhashtable_walk_next(&iter)) && !IS_ERR(gl)) {
+			if (gl->gl_name.ln_sbd != sdp ||
+			    (deletes && gl->gl_name.ln_type != LM_TYPE_IOPEN) ||
+			    !lockref_get_not_dead(&gl->gl_lockref))
+				continue;
+			rhashtable_walk_stop(&iter);
+			delayed_slow_work_flush(deletes ? &gl->gl_delete : &gl->gl_work);
+			gfs2_glock_put(gl);
+			rhashtable_walk_start(&iter);
+		}
+		rhashtable_walk_stop(&iter);
+	} while (cond_resched(), gl == ERR_PTR(-EAGAIN));
+	rhashtable_walk_exit(&iter);
+ }
- static void flush_delete_work(struct gfs2_glock *x)
- {
-	...
- }

@@
identifier f != clear_glock;
@@
- glock_hash_walk(f, sdp);
- slow_work_flush_user(THIS_MODULE);
+ flush_glocks(sdp, true);

@@
@@
 gfs2_gl_hash_clear(...)
 {
	<...
-	slow_work_flush_user(THIS_MODULE);
+	flush_glocks(sdp, false);
	...>
 }

// --- recovery.  Whoever waits frees the item when he is told, so that is put_ref's.

@@
@@
 gfs2_recover_func(...)
 {
	...
-	clear_bit(JDF_RECOVERY, &jd->jd_flags);
-	smp_mb__after_atomic();
-	wake_up_bit(&jd->jd_flags, JDF_RECOVERY);
+	return;
 }

@@
@@
- rv = queue_work(gfs_recovery_wq, &jd->jd_work);
- BUG_ON(!rv);
+ rv = slow_work_enqueue(&jd->jd_work);
+ BUG_ON(rv);

// The control item does it itself, as both are very slow
@@
@@
 remote_withdraw(...)
 {
	<...
-	gfs2_recover_journal(jd, true)
+	gfs2_recover_here(jd)
	...>
 }

// --- the reference that a run has on the super block is the pool's

@@
@@
- atomic_inc(&sb->s_active);
- up_read(&sb->s_umount);
- if (!queue_work(gfs2_freeze_wq, &sdp->sd_freeze_work))
-	deactivate_super(sb);
+ slow_work_enqueue(&sdp->sd_freeze_work);
+ up_read(&sb->s_umount);

@@
@@
 gfs2_freeze_func(...)
 {
	...
-	struct super_block *sb = sdp->sd_vfs;
	...
-	deactivate_super(sb);
 }

// --- register with a reserve; unregister before what put_ref() needs is torn down

@@
@@
 gfs2_glock_init(...)
 {
	...
	if (
-	    slow_work_register_user(THIS_MODULE)
+	    gfs2_register_user()
	   ) {
		rhashtable_destroy(&gl_hash_table);
		return -ENOMEM;
	}
	...
 }

@@
@@
 gfs2_glock_exit(...)
 {
	unregister_shrinker(&glock_shrinker);
+	slow_work_unregister_user(THIS_MODULE);
+	slow_work_unregister_user(THIS_MODULE);
	rhashtable_destroy(&gl_hash_table);
-	slow_work_unregister_user(THIS_MODULE);
-	slow_work_unregister_user(THIS_MODULE);
 }
