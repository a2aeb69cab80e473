// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * GFS2's items: what gfs2-slow-work.cocci cannot say with a rule.
 *
 * Who takes a glock may wait for that glock's item to demote it first.  So items that
 * take glocks (recover, delete, freeze, control) are very slow, and the glocks' own are
 * not: these wait for the disk, and for no item.
 */
#include <linux/module.h>
#include <linux/fs.h>
#include <linux/gfs2_ondisk.h>
#include <linux/seq_file.h>
#include "gfs2.h"
#include "incore.h"
#include "glock.h"
#include "recovery.h"
#include "super.h"

static struct gfs2_glock *gfs2_glock_of(struct slow_work *work)
{
	return container_of(work, struct gfs2_glock, gl_work.work);
}

static struct gfs2_glock *gfs2_delete_of(struct slow_work *work)
{
	return container_of(work, struct gfs2_glock, gl_delete.work);
}

static struct gfs2_jdesc *gfs2_jdesc_of(struct slow_work *work)
{
	return container_of(work, struct gfs2_jdesc, jd_work);
}

/* Memory reclaim evicts inodes, which takes glocks, which waits for their items */
static bool gfs2_reserve = true;
module_param_named(reserve, gfs2_reserve, bool, 0444);
MODULE_PARM_DESC(reserve, "have a thread of its own where memory reclaim waits");

int gfs2_register_user(void)
{
	return slow_work_register_user_flags(THIS_MODULE,
					     gfs2_reserve ? SLOW_WORK_MEM_RECLAIM : 0);
}

/*
 * Take a glock's reference for a run.  Nothing is ever cancelled for good, and GFS2 is
 * a user as long as it is loaded.
 */
bool gfs2_glock_enqueue(struct delayed_slow_work *dwork, unsigned long delay)
{
	int err = delayed_slow_work_enqueue(dwork, delay);

	WARN_ONCE(err, "GFS2: not enqueued: %d\n", err);
	return !err;
}

/* --- glocks.  Whoever enqueues holds the lock, as get_ref() may not take it. */

static int gfs2_hold(struct gfs2_glock *gl)
{
	lockdep_assert_held(&gl->gl_lockref.lock);
	gl->gl_lockref.count++;
	return 0;
}

static int gfs2_glock_get_ref(struct slow_work *work)
{
	return gfs2_hold(gfs2_glock_of(work));
}

static void gfs2_glock_put_ref(struct slow_work *work)
{
	gfs2_glock_put(gfs2_glock_of(work));
}

static void gfs2_glock_desc(struct slow_work *work, struct seq_file *m)
{
	static const char * const states[] = {
		[LM_ST_UNLOCKED] = "UN", [LM_ST_EXCLUSIVE] = "EX",
		[LM_ST_DEFERRED] = "DF", [LM_ST_SHARED] = "SH",
	};
	struct gfs2_glock *gl = gfs2_glock_of(work);

	seq_printf(m, "glock n:%u/%llx s:%s", gl->gl_name.ln_type,
		   (unsigned long long)gl->gl_name.ln_number, states[gl->gl_state]);
	if (test_bit(GLF_DEMOTE, &gl->gl_flags))
		seq_printf(m, " demote to %s", states[gl->gl_demote_state]);
	seq_printf(m, " [%s]", gl->gl_name.ln_sbd->sd_fsname);
}

const struct slow_work_ops glock_work_func_ops = {
	.owner = THIS_MODULE,
	.get_ref = gfs2_glock_get_ref,
	.put_ref = gfs2_glock_put_ref,
	.execute = glock_work_func,
	.desc = gfs2_glock_desc,
};

/* --- inodes to be deleted, by their iopen glocks */

static int gfs2_delete_get_ref(struct slow_work *work)
{
	return gfs2_hold(gfs2_delete_of(work));
}

static void gfs2_delete_put_ref(struct slow_work *work)
{
	gfs2_glock_put(gfs2_delete_of(work));
}

static void gfs2_delete_desc(struct slow_work *work, struct seq_file *m)
{
	struct gfs2_glock *gl = gfs2_delete_of(work);

	seq_printf(m, "delete inode %llx [%s]",
		   (unsigned long long)gl->gl_name.ln_number, gl->gl_name.ln_sbd->sd_fsname);
}

const struct slow_work_ops delete_work_func_ops = {
	.owner = THIS_MODULE,
	.get_ref = gfs2_delete_get_ref,
	.put_ref = gfs2_delete_put_ref,
	.execute = delete_work_func,
	.desc = gfs2_delete_desc,
};

/* --- journals.  Whoever recovers one has JDF_RECOVERY, which keeps it. */

static void gfs2_recovered(struct gfs2_jdesc *jd)
{
	clear_and_wake_up_bit(JDF_RECOVERY, &jd->jd_flags);
}

int gfs2_recover_here(struct gfs2_jdesc *jd)
{
	if (test_and_set_bit(JDF_RECOVERY, &jd->jd_flags))
		return -EBUSY;
	gfs2_recover_func(&jd->jd_work);
	gfs2_recovered(jd);
	return jd->jd_recover_error;
}

static void gfs2_recover_put_ref(struct slow_work *work)
{
	gfs2_recovered(gfs2_jdesc_of(work));
}

static void gfs2_recover_desc(struct slow_work *work, struct seq_file *m)
{
	struct gfs2_jdesc *jd = gfs2_jdesc_of(work);

	seq_printf(m, "recover journal %u [%s]", jd->jd_jid,
		   GFS2_SB(jd->jd_inode)->sd_fsname);
}

const struct slow_work_ops gfs2_recover_func_ops = {
	.owner = THIS_MODULE,
	.put_ref = gfs2_recover_put_ref,
	.execute = gfs2_recover_func,
	.desc = gfs2_recover_desc,
};

/* --- freezing, when another node wants it.  Its end may be that of the super block. */

static struct gfs2_sbd *gfs2_freeze_of(struct slow_work *work)
{
	return container_of(work, struct gfs2_sbd, sd_freeze_work);
}

/* Who enqueues has s_umount */
static int gfs2_freeze_get_ref(struct slow_work *work)
{
	atomic_inc(&gfs2_freeze_of(work)->sd_vfs->s_active);
	return 0;
}

static void gfs2_freeze_put_ref(struct slow_work *work)
{
	deactivate_super(gfs2_freeze_of(work)->sd_vfs);
}

static void gfs2_freeze_desc(struct slow_work *work, struct seq_file *m)
{
	seq_printf(m, "freeze [%s]", gfs2_freeze_of(work)->sd_fsname);
}

const struct slow_work_ops gfs2_freeze_func_ops = {
	.owner = THIS_MODULE,
	.get_ref = gfs2_freeze_get_ref,
	.put_ref = gfs2_freeze_put_ref,
	.execute = gfs2_freeze_func,
	.desc = gfs2_freeze_desc,
};

/* --- the cluster's recovery; is flushed before the super block goes */

static void gfs2_control_desc(struct slow_work *work, struct seq_file *m)
{
	struct gfs2_sbd *sdp = container_of(work, struct gfs2_sbd, sd_control_work.work);

	seq_printf(m, "control recovery [%s]", sdp->sd_fsname);
}

const struct slow_work_ops gfs2_control_func_ops = {
	.owner = THIS_MODULE,
	.execute = gfs2_control_func,
	.desc = gfs2_control_desc,
};
