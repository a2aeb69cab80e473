// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What scripts/coccinelle/workqueue-to-slow-work.cocci is to report: never built as
 * it is here.  tests/coccinelle.sh has the reports.
 */
#include <linux/kref.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

struct job {
	struct work_struct work, other;
	struct kref ref;
};

static void other_fn(struct work_struct *work);
static DECLARE_WAIT_QUEUE_HEAD(wait);
static DECLARE_WORK(once, other_fn);

static void job_release(struct kref *ref)
{
	kfree(container_of(ref, struct job, ref));
}

static void job_put(struct job *job)
{
	kref_put(&job->ref, job_release);
}

/* One way out drops the reference and does not come to the end */
static void job_fn(struct work_struct *work)
{
	struct job *job = container_of(work, struct job, work);

	if (work_pending(&once)) {
		job_put(job);
		return;
	}
	wait_event(wait, !work_pending(&job->other));
	job_put(job);
}

static void other_fn(struct work_struct *work)
{
	kfree(container_of(work, struct job, other));
}

void job_start(struct job *job)
{
	INIT_WORK(&job->work, job_fn);
	kref_get(&job->ref);
	if (!queue_work(system_wq, &job->work))
		job_put(job);
	kref_get(&job->ref);
	schedule_work(&job->other);
	disable_work(&job->other);
	queue_work_on(1, system_wq, &job->work);
}
