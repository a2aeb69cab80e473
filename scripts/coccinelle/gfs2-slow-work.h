/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What GFS2 needs to run on slow-work, for gfs2-slow-work.cocci */
#ifndef _GFS2_SLOW_WORK_H
#define _GFS2_SLOW_WORK_H

#include <linux/slow-work.h>

struct gfs2_jdesc;

extern const struct slow_work_ops glock_work_func_ops, delete_work_func_ops;
extern const struct slow_work_ops gfs2_recover_func_ops, gfs2_freeze_func_ops;
extern const struct slow_work_ops gfs2_control_func_ops;

int gfs2_register_user(void);
bool gfs2_glock_enqueue(struct delayed_slow_work *dwork, unsigned long delay);
int gfs2_recover_here(struct gfs2_jdesc *jd);

/* GFS2's, which the semantic patch makes known here */
void glock_work_func(struct slow_work *work);
void delete_work_func(struct slow_work *work);
void gfs2_control_func(struct slow_work *work);

#endif /* _GFS2_SLOW_WORK_H */
