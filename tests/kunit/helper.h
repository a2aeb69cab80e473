/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the KUnit suites of slow-work share.
 *
 * A case lives in a struct swt, made by the suite's init and taken down by its
 * exit, whatever the case left behind: gates are opened, items cancelled, the
 * sysctls put back, users unregistered.  Nothing that another thread may touch
 * is on a stack, since a failed assertion ends the case's thread at once.
 *
 * Cases wait for conditions.  Deadlines are there to turn a hang into a
 * failure, so they count from the last sign of life, and no case asserts that
 * something was quick.
 */

#ifndef _SLOW_WORK_KUNIT_HELPER_H
#define _SLOW_WORK_KUNIT_HELPER_H

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slow-work.h>
#include <linux/wait.h>
#include "../item.h"

/* A delay that no case lives to see the end of */
#define SWT_NEVER	(3600UL * HZ)

/* How long a race is provoked, and how often at the least */
#define SWT_RACE_TIME	HZ
#define SWT_RACE_MIN	50
/* Or how often in all; see swt_time_travel() */
#define SWT_RACE_TURNS	1000

#define SWT_MAX_USERS	1024
#define SWT_MAX_HELD	8

/* The numbers of threads that are looked for */
#define SWT_MAX_NUMBER	512

/* A case's world */
struct swt {
	struct kunit *test;
	bool stop;			/* helper threads shall end */
	bool in_splat;			/* a WARN is expected just now */
	atomic_t pokes;			/* something happened */
	wait_queue_head_t wq;		/* who waits for it */
	atomic_t turns;			/* of races */
	unsigned long end;		/* in jiffies; see swt_stuck() */
	atomic_t sequence;		/* numbers executions */
	spinlock_t lock;		/* for @memory */
	struct list_head memory;
	struct list_head gates;
	struct list_head items;
	struct list_head threads;
	struct module *users[SWT_MAX_USERS];	/* registrations to undo */
	int nr_users;
	struct swt_item *held[SWT_MAX_HELD];	/* what swt_hold() blocked */
	int nr_held;
	bool left;			/* the case has unregistered somebody */
	atomic_t unregisters;		/* under way: they may call put_ref */
	u64 log_from;			/* see swt_log_mark() */
};

/* A thread that does something which may block */
struct swt_thread {
	struct list_head list;
	struct swt *t;
	int (*fn)(struct swt_thread *thread);
	void *arg;			/* for @fn */
	struct swt_item *item;		/* the same */
	struct module *owner;
	char *text;			/* from swt_runqueue_start() */
	struct task_struct *task;
	struct completion done;
	bool started;
	bool seen_at_rest;		/* from swt_cancel_start() and the like */
	int result;
};

/* How long a loop goes on */
struct swt_budget {
	unsigned long end;
	unsigned int nr;
};

/* What who waits has seen move; see swt_stuck() */
struct swt_watch {
	unsigned long next;		/* look, in jiffies */
	u64 signs;			/* of life, at the last one */
	unsigned int still;		/* looks at which they were the same */
};

/* Every suite's init and exit, and one for cases that register themselves */
int swt_init(struct kunit *test);
int swt_init_unregistered(struct kunit *test);
void swt_exit(struct kunit *test);

/* Whether anything moves that a case may be waiting for */
struct swt_watch swt_watch(void);
bool swt_stuck(struct swt *t, struct swt_watch *watch);

/* The same, or the case ends anyway */
static inline bool swt_hopeless(struct swt *t, struct swt_watch *watch)
{
	return READ_ONCE(t->stop) || swt_stuck(t, watch);
}

/* Something happened that a case may be waiting for; any context but get_ref */
void swt_poke(struct swt *t);

void swt_doze(struct swt *t, int pokes);

void swt_insist(struct swt *t, bool came_true, const char *what, const char *file, int line);

/* Waits until @cond; false where that is hopeless.  Any thread. */
#define swt_comes_true(t, cond)						\
({									\
	struct swt *__t = (t);						\
	struct swt_watch __watch = swt_watch();				\
	bool __true;							\
									\
	for (;;) {							\
		int __pokes = atomic_read(&__t->pokes);			\
									\
		__true = (cond);					\
		if (__true || swt_hopeless(__t, &__watch))		\
			break;						\
		swt_doze(__t, __pokes);					\
	}								\
	__true;								\
})

/* The same, and ends the case when it is in vain.  The case's own thread. */
#define swt_wait(t, cond)						\
do {									\
	struct swt *__world = (t);					\
									\
	swt_insist(__world, swt_comes_true(__world, cond), #cond,	\
		   __FILE__, __LINE__);					\
} while (0)

/* A loop that does not sleep says that it takes time: else it may take none */
bool swt_time_travel(void);
void swt_take_time(void);
struct swt_budget swt_budget(void);
bool swt_more(struct swt *t, struct swt_budget *budget);
void swt_relax(void);
void swt_jitter(unsigned int usecs);
unsigned int swt_random(unsigned int below);

/* Memory that goes with the case */
void *swt_alloc(struct swt *t, size_t size);

/* Gates */
struct swt_gate *swt_gate(struct swt *t);

/* Items.  Their owner is this module unless they are made with other operations. */
struct slow_work_ops *swt_ops_of(struct swt *t, struct module *owner);
struct swt_item *swt_item(struct swt *t, enum swt_kind kind);
struct swt_item *swt_item_ops(struct swt *t, enum swt_kind kind, const struct slow_work_ops *ops);
struct swt_item *swt_blocker(struct swt *t, enum swt_kind kind);
struct swt_item *swt_blocker_ops(struct swt *t, enum swt_kind kind,
				 const struct slow_work_ops *ops);
void swt_release(struct swt_item *blocker);
void swt_must_enqueue(struct swt_item *item);
void swt_must_execute(struct swt_item *item);
void swt_must_run(struct swt_item *item);
void swt_must_arm(struct swt_item *item, unsigned long delay);

struct swt_item *swt_arm_and(struct swt *t, unsigned long delay,
			     int (*then)(struct swt_item *item), unsigned long *due);

bool swt_off_processor(struct swt_item *item);
bool swt_asleep(struct swt_item *item);

/* Whatever was queued in the slow class before has been started */
void swt_settle(struct swt *t);

/* @item runs once, with one reference, and then it is at rest */
void swt_expect_one_run(struct swt_item *item);

/* Threads of the case's own */
struct swt_thread *swt_start(struct swt *t, int (*fn)(struct swt_thread *thread), void *arg);
struct swt_thread *swt_cancel_start(struct swt_item *item);
struct swt_thread *swt_flush_start(struct swt_item *item);
struct swt_thread *swt_flush_user_start(struct swt *t, struct module *owner,
					struct swt_item *item);
struct swt_thread *swt_unregister_start(struct swt *t, struct module *owner,
					struct swt_item *item);
struct swt_thread *swt_enqueue_and_unregister_start(struct swt *t, struct module *owner,
						    struct swt_item *item);
bool swt_blocked(struct swt_thread *thread);
bool swt_done(struct swt_thread *thread);
int swt_join(struct swt_thread *thread);
int swt_call(struct swt *t, int (*fn)(struct swt_thread *thread), void *arg);
void swt_cancel(struct swt_item *item);
void swt_expect_cancel_waits_for_put(struct swt_item *item);
bool swt_due(struct swt_item *item, unsigned long delay);
bool swt_came_soon(struct swt_item *item, unsigned long since);

/* For on_execute */
void swt_enqueue_self_to_5(struct swt_item *item);
void swt_sleep_until_needed(struct swt_item *item);
void swt_allow_signals(struct swt_item *item);
void swt_undo_scheduling(struct swt_item *item);
void swt_look_for_signal(struct swt_item *item);

/* Users */
struct module *swt_owner(struct swt *t, const char *name);
int swt_register_flags(struct swt *t, struct module *owner, unsigned int flags);
int swt_register(struct swt *t, struct module *owner);
struct swt_thread *swt_register_start(struct swt *t, struct module *owner);
void swt_unregister(struct swt *t, struct module *owner);

/* The pool */
#define SWT_SYSCTL	"/proc/sys/kernel/slow-work/"

/* What the sysctls held when this module was loaded */
extern int swt_first_min, swt_first_max, swt_first_share;

int swt_default_max(void);
struct file *swt_file(const char *path, int flags);
void swt_close_file(struct file *file);
int swt_file_mode(const char *path);
ssize_t swt_read_file(const char *path, char *text, size_t size);
ssize_t swt_write_file(const char *path, const char *text);
bool swt_echo(struct swt *t, const char *text, const char *path);
int swt_read(const char *name);
ssize_t swt_write(const char *name, int value);
void swt_need_sysctls(struct swt *t);
void swt_set(struct swt *t, const char *name, int value);
void swt_pool(struct swt *t, int min, int max);
void swt_hold(struct swt *t, int threads);
void swt_release_held(struct swt *t);
void swt_one_thread(struct swt *t);
void swt_let_no_thread_start(struct swt *t);
void swt_let_only_start(struct swt *t, int count);
void swt_let_threads_start(struct swt *t);

bool swt_is_freezable(struct task_struct *task);
bool swt_has_begun(struct task_struct *task);
struct task_struct *swt_get_task(const char *name);
struct task_struct *swt_get_manager(void);
void swt_expect_let_go(struct swt *t, struct task_struct *task, const struct cred *cred);
int swt_threads(void);
void swt_expect_threads(struct swt *t, int nr);
int swt_idle_threads(void);
bool swt_pool_sleeps(void);
int swt_numbers(unsigned long *numbers);
void swt_each_thread(void (*fn)(struct task_struct *task, void *arg), void *arg);

/* The kernel's log */
void swt_log_mark(struct swt *t);
int swt_log_lines(struct swt *t, const char *text, const char *text2);
char *swt_log_text(struct swt *t, const char *prefix);
bool swt_logged(struct swt *t, const char *text, const char *text2);
void swt_expect_splat(struct swt *t);
void swt_splat_over(struct swt *t);
void swt_expect_warned(struct swt *t, const char *text);

/* /sys/kernel/debug/slow_work/ */
#define SWT_RUNQUEUE	"/sys/kernel/debug/slow_work/runqueue"
#define SWT_VALUES	"/sys/kernel/debug/slow_work/stats-values"

struct file *swt_view(const char *path);
ssize_t swt_read_view(struct file *file, loff_t pos, char *buf, size_t size);
int swt_read_debugfs(struct swt *t, const char *path, char **text);
char *swt_read_values(struct swt *t);
s64 swt_value_in(const char *text, const char *key);
s64 swt_value(struct swt *t, const char *key);
struct swt_thread *swt_runqueue_start(struct swt *t);
char *swt_runqueue(struct swt *t);

#endif /* _SLOW_WORK_KUNIT_HELPER_H */
