// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the KUnit suites of slow-work share; helper.h says how a case lives.
 */

#define pr_fmt(fmt) "slow_work_kunit: " fmt

#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hash.h>
#include <linux/kmsg_dump.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/refcount.h>
#include <linux/sched/debug.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/umh.h>
#ifdef CONFIG_UML_TIME_TRAVEL_SUPPORT
#include <shared/timetravel.h>
#include "../compat.h"
#endif

#include "helper.h"
#include "../item.c"

/* Set when something hangs for good: nothing after it can be trusted */
static bool swt_wedged;

/* How many things have hung so far */
static unsigned int swt_hangs;

int swt_first_min, swt_first_max, swt_first_share;
static bool swt_first_known;

static struct rnd_state swt_draws;

struct swt_memory {
	struct list_head list;
	/* As much alignment as kmalloc() gives */
	char data[] __aligned(ARCH_KMALLOC_MINALIGN);
};

/* ---- waiting ------------------------------------------------------------ */

/* How many looks make a deadline */
#define SWT_LOOKS	4

/* A case has five minutes of KUnit, which then goes on beside it */
#define SWT_CASE_TIME	(280UL * HZ)

/* Long; but where much hangs, the end is to be seen some time */
static unsigned long swt_deadline(void)
{
	return (swt_hangs < 3 ? 60 : 5) * HZ;
}

struct swt_watch swt_watch(void)
{
	struct swt_watch watch = { .next = jiffies + swt_deadline() / SWT_LOOKS };

	return watch;
}

static void swt_add_thread(struct task_struct *task, void *arg)
{
	*(u32 *)arg += hash_32(task->pid, 32);
}

/* Others when an item came further, a race, or a thread that came or went */
static u64 swt_signs(struct swt *t)
{
	u32 threads = 0;

	swt_each_thread(swt_add_thread, &threads);
	return (u64)threads << 32 | (u32)(atomic_read(&t->pokes) + atomic_read(&t->turns));
}

/*
 * A slow host is no hang: time is up when nothing has moved for long, or when
 * the case has no time left to say what it waits for.
 */
bool swt_stuck(struct swt *t, struct swt_watch *watch)
{
	u64 signs;

	if (time_after(jiffies, READ_ONCE(t->end)))
		return true;
	if (time_before(jiffies, watch->next))
		return false;
	signs = swt_signs(t);
	watch->still = signs == watch->signs ? watch->still + 1 : 0;
	watch->signs = signs;
	watch->next = jiffies + swt_deadline() / SWT_LOOKS;
	return watch->still >= SWT_LOOKS;
}

void swt_poke(struct swt *t)
{
	atomic_inc(&t->pokes);
	wake_up_all(&t->wq);
}

/* Not everything that cases wait for pokes them, so look again soon */
void swt_doze(struct swt *t, int pokes)
{
	wait_event_timeout(t->wq, atomic_read(&t->pokes) != pokes, 1 + HZ / 100);
}

/*
 * Where time travels (time-travel=inf-cpu of User Mode Linux) what is waited for
 * comes at once and code takes no time, but what swt_take_time() says.  A run is
 * like the next then, with races of so many turns, and draws that are the same.
 */
bool swt_time_travel(void)
{
#ifdef CONFIG_UML_TIME_TRAVEL_SUPPORT
	return time_travel_mode == TT_MODE_INFCPU;
#else
	return false;
#endif
}

void swt_take_time(void)
{
	if (swt_time_travel())
		udelay(swt_random(100));
}

struct swt_budget swt_budget(void)
{
	struct swt_budget budget = { .end = jiffies + SWT_RACE_TIME };

	return budget;
}

bool swt_more(struct swt *t, struct swt_budget *budget)
{
	swt_take_time();
	cond_resched();
	if (READ_ONCE(t->stop))
		return false;
	atomic_inc(&t->turns);
	if (swt_time_travel())
		return budget->nr++ < SWT_RACE_TURNS;
	return budget->nr++ < SWT_RACE_MIN || time_before(jiffies, budget->end);
}

/* One turn of a loop that waits for another thread without sleeping for long */
void swt_relax(void)
{
	if (num_online_cpus() > 1) {
		cpu_relax();
		cond_resched();
	} else {
		usleep_range(1, 10);
	}
}

unsigned int swt_random(unsigned int below)
{
	if (swt_time_travel())
		return prandom_u32_state(&swt_draws) % below;
	return get_random_u32() % below;
}

/* So that two threads meet at every point of their ways */
void swt_jitter(unsigned int usecs)
{
	if (num_online_cpus() > 1) {
		udelay(swt_random(usecs + 1));
	} else if (swt_random(4)) {
		/* Of a range timers take the end, unless others go off meanwhile */
		usecs = 1 + swt_random(usecs + 1);
		usleep_range(usecs, usecs + 1);
	}
}

/* ---- memory and gates --------------------------------------------------- */

void *swt_alloc(struct swt *t, size_t size)
{
	struct swt_memory *memory = kvzalloc(sizeof(*memory) + size, GFP_KERNEL | __GFP_NOFAIL);

	spin_lock(&t->lock);
	list_add(&memory->list, &t->memory);
	spin_unlock(&t->lock);
	return memory->data;
}

struct swt_gate *swt_gate(struct swt *t)
{
	struct swt_gate *gate = swt_alloc(t, sizeof(*gate));

	/* In a state that counts as load; see swt_idle_threads() */
	swt_gate_init(gate, TASK_UNINTERRUPTIBLE);
	list_add(&gate->list, &t->gates);
	return gate;
}

/* ---- items -------------------------------------------------------------- */

void swt_item_fault(struct swt_item *item, enum swt_fault fault, const char *where)
{
	struct swt *t = item->t;

	/* An unregister may call put_ref */
	if (fault == SWT_PUT_STRANGER && atomic_read(&t->unregisters))
		return;
	/* The last one ends what is armed; and another's execute takes no notes */
	if (fault == SWT_LOST && (READ_ONCE(t->left) ||
				  item->work.ops->execute != swt_ops.execute))
		return;
	if (!test_and_set_bit(fault, &item->faults))
		pr_info("item %s: %s in %s\n", item->name, swt_fault_names[fault], where);
}

void swt_item_moved(struct swt_item *item)
{
	swt_poke(item->t);
}

void swt_item_began(struct swt_item *item)
{
	swt_poke(item->t);
	swt_take_time();
}

struct slow_work_ops *swt_ops_of(struct swt *t, struct module *owner)
{
	struct slow_work_ops *ops = swt_alloc(t, sizeof(*ops));

	*ops = swt_ops;
	ops->owner = owner;
	return ops;
}

struct swt_item *swt_item_ops(struct swt *t, enum swt_kind kind, const struct slow_work_ops *ops)
{
	static struct lock_class_key keys[SWT_NR_KINDS];
	struct swt_item *item = kzalloc(swt_item_size(kind, 0), GFP_KERNEL | __GFP_NOFAIL);

	item->t = t;
	item->sequence = &t->sequence;
	list_add_tail(&item->list, &t->items);
	swt_item_init(item, kind, ops, "swt_item", &keys[kind]);
	return item;
}

struct swt_item *swt_item(struct swt *t, enum swt_kind kind)
{
	return swt_item_ops(t, kind, &swt_ops);
}

/* An item whose execute waits until swt_release() */
struct swt_item *swt_blocker_ops(struct swt *t, enum swt_kind kind,
				 const struct slow_work_ops *ops)
{
	struct swt_item *item = swt_item_ops(t, kind, ops);

	item->gate = swt_gate(t);
	return item;
}

struct swt_item *swt_blocker(struct swt *t, enum swt_kind kind)
{
	return swt_blocker_ops(t, kind, &swt_ops);
}

void swt_release(struct swt_item *blocker)
{
	swt_open(blocker->gate);
}

/* It began last when it had waited so long since it was last armed */
bool swt_due(struct swt_item *item, unsigned long delay)
{
	return !time_before(READ_ONCE(item->started_at), READ_ONCE(item->armed_at) + delay);
}

/*
 * It began while the first thread that was woken for it since then is counted on, so
 * the pool has not looked for another.  On a busy machine it may be later.
 */
bool swt_came_soon(struct swt_item *item, unsigned long since)
{
	return READ_ONCE(item->started_at) - since <= msecs_to_jiffies(10);
}

void swt_must_enqueue(struct swt_item *item)
{
	KUNIT_ASSERT_EQ(item->t->test, swt_enqueue(item), 0);
}

/* The same, and waits until it executes */
void swt_must_execute(struct swt_item *item)
{
	swt_must_enqueue(item);
	swt_wait(item->t, swt_executing(item));
}

/* The same, and waits until it has run, which it had not before */
void swt_must_run(struct swt_item *item)
{
	swt_must_enqueue(item);
	swt_wait(item->t, swt_runs(item) == 1);
}

void swt_must_arm(struct swt_item *item, unsigned long delay)
{
	KUNIT_ASSERT_EQ(item->t->test, swt_arm(item, delay), 0);
}

/*
 * Arms a new item, which is @due then, and has something done to it before; on a host that
 * is too slow for that all anew, with a longer delay
 */
struct swt_item *swt_arm_and(struct swt *t, unsigned long delay,
			     int (*then)(struct swt_item *item), unsigned long *due)
{
	struct swt_item *item;

	for (;; delay *= 2) {
		item = swt_item(t, SWT_DELAYED);
		swt_must_arm(item, delay);
		*due = item->armed_at + delay;
		KUNIT_ASSERT_EQ(t->test, then(item), 0);
		if ((!swt_flag(item, SLOW_WORK_EXECUTING) && !swt_starts(item)) ||
		    delay > 10 * HZ)
			return item;
		swt_cancel(item);
	}
}

/* The thread that had the item last is off its processor for good */
bool swt_off_processor(struct swt_item *item)
{
	struct task_struct *task = READ_ONCE(item->thread);

	return READ_ONCE(task->__state) != TASK_RUNNING && !READ_ONCE(task->on_rq);
}

/* The same of one that executes it */
bool swt_asleep(struct swt_item *item)
{
	return swt_executing(item) && swt_off_processor(item);
}

void swt_settle(struct swt *t)
{
	struct swt_item *sentinel = swt_item(t, SWT_SLOW);

	swt_must_run(sentinel);
}

void swt_expect_one_run(struct swt_item *item)
{
	struct swt *t = item->t;

	swt_wait(t, swt_runs(item) == 1 && swt_at_rest(item));
	swt_settle(t);
	KUNIT_EXPECT_EQ(t->test, swt_starts(item), 1);
	KUNIT_EXPECT_EQ(t->test, atomic_read(&item->gets), 1);
	KUNIT_EXPECT_TRUE(t->test, swt_at_rest(item));
}

/* ---- helper threads ----------------------------------------------------- */

static int swt_thread_fn(void *data)
{
	struct swt_thread *thread = data;

	smp_store_release(&thread->started, true);	/* for swt_blocked() */
	thread->result = thread->fn(thread);
	swt_poke(thread->t);
	kthread_complete_and_exit(&thread->done, 0);
}

/* Made, but not started: so that the caller can fill in what @fn looks at */
static struct swt_thread *swt_new_thread(struct swt *t, int (*fn)(struct swt_thread *thread))
{
	struct swt_thread *thread = swt_alloc(t, sizeof(*thread));
	struct task_struct *task;

	thread->t = t;
	thread->fn = fn;
	init_completion(&thread->done);
	task = kthread_create(swt_thread_fn, thread, "swt-helper");
	if (IS_ERR(task))
		return NULL;
	thread->task = get_task_struct(task);
	return thread;
}

static void swt_go(struct swt_thread *thread)
{
	list_add(&thread->list, &thread->t->threads);
	wake_up_process(thread->task);
}

static struct swt_thread *swt_start_on(struct swt *t, int (*fn)(struct swt_thread *thread),
				       void *arg, struct swt_item *item, struct module *owner)
{
	struct swt_thread *thread = swt_new_thread(t, fn);

	KUNIT_ASSERT_NOT_NULL(t->test, thread);
	thread->arg = arg;
	thread->item = item;
	thread->owner = owner;
	swt_go(thread);
	return thread;
}

struct swt_thread *swt_start(struct swt *t, int (*fn)(struct swt_thread *thread), void *arg)
{
	return swt_start_on(t, fn, arg, NULL, NULL);
}

bool swt_done(struct swt_thread *thread)
{
	return completion_done(&thread->done);
}

/* It waits for something, or has not needed to */
bool swt_blocked(struct swt_thread *thread)
{
	/* First: a state from before is none that it waits in */
	bool started = smp_load_acquire(&thread->started);

	return swt_done(thread) || (started && READ_ONCE(thread->task->__state) != TASK_RUNNING);
}

int swt_join(struct swt_thread *thread)
{
	swt_wait(thread->t, swt_done(thread));
	return thread->result;
}

/* For calls that a fault would make hang */
int swt_call(struct swt *t, int (*fn)(struct swt_thread *thread), void *arg)
{
	return swt_join(swt_start(t, fn, arg));
}

static int swt_cancel_fn(struct swt_thread *thread)
{
	int prevented = swt_do_cancel(thread->item);

	WRITE_ONCE(thread->seen_at_rest, swt_at_rest(thread->item));
	return prevented;
}

/* A cancel in a thread of its own, which notes the state it leaves the item in */
struct swt_thread *swt_cancel_start(struct swt_item *item)
{
	return swt_start_on(item->t, swt_cancel_fn, NULL, item, NULL);
}

/* Once enqueued, it runs five times */
void swt_enqueue_self_to_5(struct swt_item *item)
{
	if (swt_starts(item) < 5)
		item->result = swt_enqueue(item);
}

void swt_sleep_until_needed(struct swt_item *item)
{
	signed long timeout = SWT_NEVER;

	set_current_state(TASK_UNINTERRUPTIBLE);
	item->value = slow_work_sleep_till_thread_needed(&item->work, &timeout);
}

void swt_allow_signals(struct swt_item *item)
{
	allow_signal(SIGUSR1);
	allow_signal(SIGKILL);
}

/* As the pool has its threads */
void swt_undo_scheduling(struct swt_item *item)
{
	sched_set_normal(current, -5);
}

void swt_look_for_signal(struct swt_item *item)
{
	item->value = signal_pending(current);
}

/* The put_ref of @item stands at its gate: no cancel returns before */
void swt_expect_cancel_waits_for_put(struct swt_item *item)
{
	struct kunit *test = item->t->test;
	struct swt_thread *cancel;

	swt_wait(item->t, atomic_read(&item->putting) == 1);
	cancel = swt_cancel_start(item);
	swt_wait(item->t, swt_blocked(cancel));
	KUNIT_EXPECT_FALSE(test, swt_done(cancel));
	swt_open(item->put_gate);
	KUNIT_EXPECT_EQ(test, swt_join(cancel), 0);
	KUNIT_EXPECT_TRUE(test, cancel->seen_at_rest);
}

static int swt_flush_fn(struct swt_thread *thread)
{
	int waited = swt_do_flush(thread->item);

	WRITE_ONCE(thread->seen_at_rest, swt_at_rest(thread->item));
	return waited;
}

/* The same of a flush */
struct swt_thread *swt_flush_start(struct swt_item *item)
{
	return swt_start_on(item->t, swt_flush_fn, NULL, item, NULL);
}

static int swt_flush_user_fn(struct swt_thread *thread)
{
	slow_work_flush_user(thread->owner);
	if (thread->item)
		WRITE_ONCE(thread->seen_at_rest, swt_at_rest(thread->item));
	return 0;
}

/* And of a user's, with one item that it has to wait for, if any */
struct swt_thread *swt_flush_user_start(struct swt *t, struct module *owner,
					struct swt_item *item)
{
	return swt_start_on(t, swt_flush_user_fn, NULL, item, owner);
}

void swt_cancel(struct swt_item *item)
{
	swt_join(swt_cancel_start(item));
}

/* ---- users -------------------------------------------------------------- */

/* A module that is none: to the pool an owner is an address and a name */
struct module *swt_owner(struct swt *t, const char *name)
{
	struct module *owner = swt_alloc(t, sizeof(*owner));

	strscpy(owner->name, name, sizeof(owner->name));
	return owner;
}

/* A register has returned @ret: the end of the case takes back what was registered */
static int swt_note_user(struct swt *t, struct module *owner, int ret)
{
	if (!ret)
		t->users[t->nr_users++] = owner;
	return ret;
}

int swt_register_flags(struct swt *t, struct module *owner, unsigned int flags)
{
	KUNIT_ASSERT_LT(t->test, t->nr_users, SWT_MAX_USERS);
	return swt_note_user(t, owner, slow_work_register_user_flags(owner, flags));
}

int swt_register(struct swt *t, struct module *owner)
{
	KUNIT_ASSERT_LT(t->test, t->nr_users, SWT_MAX_USERS);
	return swt_note_user(t, owner, slow_work_register_user(owner));
}

static int swt_register_fn(struct swt_thread *thread)
{
	return swt_note_user(thread->t, thread->owner, slow_work_register_user(thread->owner));
}

/*
 * The same in a thread, where a fault would make it hang.  Until it has returned
 * nobody else may register or unregister by these functions.
 */
struct swt_thread *swt_register_start(struct swt *t, struct module *owner)
{
	KUNIT_ASSERT_LT(t->test, t->nr_users, SWT_MAX_USERS);
	return swt_start_on(t, swt_register_fn, NULL, NULL, owner);
}

static void swt_forget_user(struct swt *t, struct module *owner)
{
	int i;

	for (i = t->nr_users - 1; i >= 0; i--) {
		if (t->users[i] == owner) {
			t->users[i] = t->users[--t->nr_users];
			return;
		}
	}
	KUNIT_ASSERT_TRUE_MSG(t->test, false, "the case unregisters who is no user");
}

static int swt_unregister_fn(struct swt_thread *thread)
{
	if (thread->arg)
		swt_enqueue(thread->arg);
	atomic_inc(&thread->t->unregisters);
	slow_work_unregister_user(thread->owner);
	atomic_dec(&thread->t->unregisters);
	if (thread->item)
		WRITE_ONCE(thread->seen_at_rest, swt_at_rest(thread->item));
	return 0;
}

static struct swt_thread *swt_leave(struct swt *t, struct module *owner,
				    struct swt_item *first, struct swt_item *item)
{
	swt_forget_user(t, owner);
	WRITE_ONCE(t->left, true);
	return swt_start_on(t, swt_unregister_fn, first, item, owner);
}

/* The same for an unregister and one item that it has to wait for, if any */
struct swt_thread *swt_unregister_start(struct swt *t, struct module *owner,
					struct swt_item *item)
{
	return swt_leave(t, owner, NULL, item);
}

/* The same for one that enqueues @item first, and does not pause in between */
struct swt_thread *swt_enqueue_and_unregister_start(struct swt *t, struct module *owner,
						    struct swt_item *item)
{
	return swt_leave(t, owner, item, NULL);
}

void swt_unregister(struct swt *t, struct module *owner)
{
	swt_join(swt_unregister_start(t, owner, NULL));
}

/* ---- files -------------------------------------------------------------- */

/*
 * Mounts of our own: built in, the suites run before there is a user space that
 * mounts anything.
 */
static struct swt_mount {
	const char *type;
	const char *path;
	struct vfsmount *mnt;
} swt_mounts[] = {
	{ "proc", "/proc/" },
	{ "debugfs", "/sys/kernel/debug/" },
};

/* Not by an init: Linux 6.1 runs the suites of a module before that */
static int swt_mount(void)
{
	struct file_system_type *type;
	struct vfsmount *mnt;
	int i;

	for (i = 0; i < ARRAY_SIZE(swt_mounts); i++) {
		if (swt_mounts[i].mnt)
			continue;
		type = get_fs_type(swt_mounts[i].type);
		if (!type)
			continue;
		mnt = kern_mount(type);
		module_put(type->owner);
		if (IS_ERR(mnt))
			return PTR_ERR(mnt);
		swt_mounts[i].mnt = mnt;
	}
	return 0;
}

static void __exit swt_unmount(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(swt_mounts); i++)
		if (swt_mounts[i].mnt)
			kern_unmount(swt_mounts[i].mnt);
}
module_exit(swt_unmount);

/* What is opened so is closed by swt_close_file() */
struct file *swt_file(const char *path, int flags)
{
	struct path root;
	size_t len;
	int i;

	for (i = 0; i < ARRAY_SIZE(swt_mounts); i++) {
		len = str_has_prefix(path, swt_mounts[i].path);
		if (!len || !swt_mounts[i].mnt)
			continue;
		root.mnt = swt_mounts[i].mnt;
		root.dentry = root.mnt->mnt_root;
		return file_open_root(&root, path + len, flags, 0);
	}
	return ERR_PTR(-ENOENT);
}

void swt_close_file(struct file *file)
{
	filp_close(file, NULL);
	/* A kernel thread's last reference goes later; the module must not wait */
	flush_delayed_fput();
}

int swt_file_mode(const char *path)
{
	struct file *file = swt_file(path, O_RDONLY);
	int mode;

	if (IS_ERR(file))
		return PTR_ERR(file);
	mode = file_inode(file)->i_mode & 07777;
	swt_close_file(file);
	return mode;
}

ssize_t swt_read_file(const char *path, char *text, size_t size)
{
	struct file *file = swt_file(path, O_RDONLY);
	loff_t pos = 0;
	ssize_t ret;

	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = kernel_read(file, text, size - 1, &pos);
	if (ret >= 0)
		text[ret] = '\0';
	swt_close_file(file);
	return ret;
}

ssize_t swt_write_file(const char *path, const char *text)
{
	struct file *file = swt_file(path, O_WRONLY);
	loff_t pos = 0;
	ssize_t ret;

	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = kernel_write(file, text, strlen(text), &pos);
	swt_close_file(file);
	return ret;
}

/* What a shell ends with where user space has no such file */
#define SWT_NO_FILE	77

/*
 * By a shell, as who writes into a simple attribute has to be a user space.  Built in, the
 * suites run before there is one.
 */
bool swt_echo(struct swt *t, const char *text, const char *path)
{
	char command[128], *argv[] = { "/bin/sh", "-c", command, NULL }, *envp[] = { NULL };
	int status;

	if (IS_ENABLED(CONFIG_STATIC_USERMODEHELPER))
		kunit_skip(t->test, "no shell of ours is run");
	snprintf(command, sizeof(command), "[ -e %s ] || exit %d; echo %s >%s", path, SWT_NO_FILE,
		 text, path);
	status = call_usermodehelper(argv[0], argv, envp, UMH_WAIT_PROC);
	if (status < 0 || status == SWT_NO_FILE << 8)
		kunit_skip(t->test, "no user space that could write %s", path);
	return !status;
}

/* The value of one of our sysctls, or an error */
int swt_read(const char *name)
{
	char path[64], text[32];
	ssize_t ret;
	int value;

	snprintf(path, sizeof(path), SWT_SYSCTL "%s", name);
	ret = swt_read_file(path, text, sizeof(text));
	if (ret < 0)
		return ret;
	ret = kstrtoint(strim(text), 10, &value);
	return ret ? ret : value;
}

ssize_t swt_write(const char *name, int value)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), SWT_SYSCTL "%s", name);
	snprintf(text, sizeof(text), "%d\n", value);
	return swt_write_file(path, text);
}

/* Where there are none, what follows cannot be tried */
void swt_need_sysctls(struct swt *t)
{
	if (!IS_ENABLED(CONFIG_SYSCTL))
		kunit_skip(t->test, "no sysctls to size the pool by");
}

void swt_set(struct swt *t, const char *name, int value)
{
	swt_need_sysctls(t);
	KUNIT_ASSERT_EQ(t->test, swt_write(name, value), snprintf(NULL, 0, "%d\n", value));
	KUNIT_ASSERT_EQ(t->test, swt_read(name), value);
}

/* ---- the pool ----------------------------------------------------------- */

#define SWT_THREADS_MAX	"/proc/sys/kernel/threads-max"

/* What threads-max held, while it does not */
static char swt_threads_max[32];

static void swt_set_threads_max(struct swt *t, int value)
{
	char text[16];

	swt_need_sysctls(t);
	KUNIT_ASSERT_GT(t->test, swt_read_file(SWT_THREADS_MAX, swt_threads_max,
					       sizeof(swt_threads_max)), (ssize_t)0);
	snprintf(text, sizeof(text), "%d\n", value);
	KUNIT_EXPECT_GT(t->test, swt_write_file(SWT_THREADS_MAX, text), (ssize_t)0);
}

/* From now on, and until swt_let_threads_start() or the case's end, none can be started */
void swt_let_no_thread_start(struct swt *t)
{
	swt_set_threads_max(t, 1);
}

static bool swt_nobody_exits(void)
{
	struct task_struct *task;
	bool nobody = true;

	rcu_read_lock();
	for_each_process(task)
		nobody &= !(READ_ONCE(task->flags) & PF_EXITING);
	rcu_read_unlock();
	return nobody;
}

/* The same, but so many can be, of all that the kernel starts */
void swt_let_only_start(struct swt *t, int count)
{
	char text[64];
	int all;

	swt_wait(t, swt_nobody_exits());
	KUNIT_ASSERT_GT(t->test, swt_read_file("/proc/loadavg", text, sizeof(text)), (ssize_t)0);
	if (sscanf(strchrnul(text, '/'), "/%d", &all) != 1)
		KUNIT_ASSERT_TRUE_MSG(t->test, false, "%s", text);
	swt_set_threads_max(t, all + count);
}

void swt_let_threads_start(struct swt *t)
{
	if (!*swt_threads_max)
		return;
	KUNIT_EXPECT_GT(t->test, swt_write_file(SWT_THREADS_MAX, swt_threads_max), (ssize_t)0);
	*swt_threads_max = '\0';
}

int swt_default_max(void)
{
	return max_t(int, 4, num_possible_cpus());
}

/*
 * A kthread has its name before it counts in the pool and has its niceness and
 * its CPUs; once it runs it has all of them.  The first that it does then is to
 * be freezable, which no kthread is by itself.  Without a freezer it has run if
 * it has slept since kthread_create(), where it sleeps once.
 */
bool swt_has_begun(struct task_struct *task)
{
	return IS_ENABLED(CONFIG_FREEZER) ? swt_is_freezable(task) :
					    READ_ONCE(task->nvcsw) > 1;
}

static void swt_count_begun(struct task_struct *task, void *arg)
{
	*(int *)arg += swt_has_begun(task);
}

static int swt_begun_threads(void)
{
	int count = 0;

	swt_each_thread(swt_count_begun, &count);
	return count;
}

/* Sets the limits and waits until the threads are that many, and run */
void swt_pool(struct swt *t, int min, int max)
{
	swt_need_sysctls(t);
	if (max >= swt_read("min-threads")) {
		swt_set(t, "max-threads", max);
		swt_set(t, "min-threads", min);
	} else {
		swt_set(t, "min-threads", min);
		swt_set(t, "max-threads", max);
	}
	swt_wait(t, swt_begun_threads() >= min && swt_threads() <= max);
}

/* Blocks so many threads with slow items, each with a gate of its own */
void swt_hold(struct swt *t, int threads)
{
	struct swt_item *item;

	while (threads--) {
		KUNIT_ASSERT_LT(t->test, t->nr_held, SWT_MAX_HELD);
		item = swt_blocker(t, SWT_SLOW);
		t->held[t->nr_held++] = item;
		swt_must_execute(item);
	}
}

/* All that swt_hold() has blocked */
void swt_release_held(struct swt *t)
{
	while (t->nr_held)
		swt_release(t->held[--t->nr_held]);
}

/*
 * Two threads that cannot become more, both blocked.  With held[0] released
 * there is exactly one that serves the queues, so that order can be seen.
 */
void swt_one_thread(struct swt *t)
{
	swt_pool(t, 2, 2);
	swt_hold(t, 2);
}

/* Or there is no freezer */
bool swt_is_freezable(struct task_struct *task)
{
	return !IS_ENABLED(CONFIG_FREEZER) || !(READ_ONCE(task->flags) & PF_NOFREEZE);
}

/* The kernel's task of that name, with a reference; NULL if there is none */
struct task_struct *swt_get_task(const char *name)
{
	struct task_struct *task, *found = NULL;

	rcu_read_lock();
	for_each_process(task)
		if (!strcmp(task->comm, name) && !(READ_ONCE(task->flags) & PF_EXITING))
			found = task;
	if (found)
		get_task_struct(found);
	rcu_read_unlock();
	return found;
}

struct task_struct *swt_get_manager(void)
{
	return swt_get_task("slow_work_mgr");
}

/* A thread has left, and all that it had is the kernel's again: the last references are ours */
void swt_expect_let_go(struct swt *t, struct task_struct *task, const struct cred *cred)
{
	swt_wait(t, refcount_read(&task->usage) == 1);
	put_task_struct(task);
	/* Its type is another one in later kernels */
	swt_wait(t, READ_ONCE(cred->usage.counter) == 1);
	put_cred(cred);
}

/* Calls @fn for each thread of the pool that has not begun to exit; no sleeping */
void swt_each_thread(void (*fn)(struct task_struct *task, void *arg), void *arg)
{
	struct task_struct *task;

	rcu_read_lock();
	for_each_process(task) {
		if (swt_is_kslowd(task) && !(READ_ONCE(task->flags) & PF_EXITING))
			fn(task, arg);
	}
	rcu_read_unlock();
}

static void swt_count(struct task_struct *task, void *arg)
{
	++*(int *)arg;
}

int swt_threads(void)
{
	int count = 0;

	swt_each_thread(swt_count, &count);
	return count;
}

/* As many as are needed; where the host keeps one from its CPU, another in its place too */
void swt_expect_threads(struct swt *t, int nr)
{
	KUNIT_EXPECT_GE(t->test, swt_threads(), nr);
	if (swt_time_travel())
		KUNIT_EXPECT_EQ(t->test, swt_threads(), nr);
}

static void swt_count_idle(struct task_struct *task, void *arg)
{
	if ((READ_ONCE(task->__state) & (TASK_INTERRUPTIBLE | TASK_NOLOAD)) &&
	    !READ_ONCE(task->on_rq))
		++*(int *)arg;
}

/*
 * Cases block their items in a state that counts as load, so these have nothing to
 * do; or they wait in a cancel or a flush.
 */
int swt_idle_threads(void)
{
	int count = 0;

	swt_each_thread(swt_count_idle, &count);
	return count;
}

/* What the threads have run so far */
struct swt_activity {
	u64 time;
	unsigned long switches;
};

static void swt_add_activity(struct task_struct *task, void *arg)
{
	struct swt_activity *sum = arg;

	sum->time += READ_ONCE(task->se.sum_exec_runtime);
	sum->switches += READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
}

/* None of the threads runs while a few ticks pass; not at the first look perhaps */
bool swt_pool_sleeps(void)
{
	int i;

	for (i = 0; i < 20; i++) {
		struct swt_activity before = { }, after = { };

		swt_each_thread(swt_add_activity, &before);
		schedule_timeout_uninterruptible(5);
		swt_each_thread(swt_add_activity, &after);
		if (before.time == after.time && before.switches == after.switches)
			return true;
	}
	return false;
}

static void swt_note_number(struct task_struct *task, void *arg)
{
	int number = swt_number(task);

	if (number >= 0 && number < SWT_MAX_NUMBER)
		__set_bit(number, arg);
}

/* Which numbers the threads have; returns how many different ones there are */
int swt_numbers(unsigned long *numbers)
{
	bitmap_zero(numbers, SWT_MAX_NUMBER);
	swt_each_thread(swt_note_number, numbers);
	return bitmap_weight(numbers, SWT_MAX_NUMBER);
}

/* ---- the log ------------------------------------------------------------ */

/* swt_logged() looks from here on */
void swt_log_mark(struct swt *t)
{
	struct kmsg_dump_iter iter;

	kmsg_dump_rewind(&iter);
	t->log_from = iter.next_seq;
}

#define SWT_LOG_LINE	512

static void swt_log_begin(struct kmsg_dump_iter *iter, u64 from)
{
	kmsg_dump_rewind(iter);
	iter->cur_seq = from;
}

static bool swt_log_next(struct kmsg_dump_iter *iter, char *line)
{
	size_t len;

	if (!kmsg_dump_get_line(iter, true, line, SWT_LOG_LINE - 1, &len))
		return false;
	line[len] = '\0';
	return true;
}

static int swt_log_lines_from(u64 from, const char *text, const char *text2)
{
	struct kmsg_dump_iter iter;
	char line[SWT_LOG_LINE];
	int lines = 0;

	swt_log_begin(&iter, from);
	while (swt_log_next(&iter, line))
		if (strstr(line, text) && strstr(line, text2))
			lines++;
	return lines;
}

/* How many lines are there that hold both? */
int swt_log_lines(struct swt *t, const char *text, const char *text2)
{
	return swt_log_lines_from(t->log_from, text, text2);
}

/* What follows @prefix in each line that has it, one a line */
char *swt_log_text(struct swt *t, const char *prefix)
{
	char *text = swt_alloc(t, SZ_32K), *to = text, *found;
	struct kmsg_dump_iter iter;
	char line[SWT_LOG_LINE];

	swt_log_begin(&iter, t->log_from);
	while (swt_log_next(&iter, line)) {
		found = strstr(line, prefix);
		if (found)
			to += scnprintf(to, text + SZ_32K - to, "%s", found + strlen(prefix));
	}
	return text;
}

bool swt_logged(struct swt *t, const char *text, const char *text2)
{
	return swt_log_lines(t, text, text2);
}

/* What reads the log takes a splat between the two for wanted */
void swt_expect_splat(struct swt *t)
{
	t->in_splat = true;
	pr_info("EXPECT-SPLAT-BEGIN\n");
}

void swt_splat_over(struct swt *t)
{
	if (!t->in_splat)
		return;
	pr_info("EXPECT-SPLAT-END\n");
	t->in_splat = false;
}

/* The kernel warns once a kind: in this case, or in one before. */
void swt_expect_warned(struct swt *t, const char *text)
{
	KUNIT_EXPECT_GT_MSG(t->test, swt_log_lines_from(0, text, ""), 0, "%s", text);
}

/* ---- debugfs ------------------------------------------------------------ */

#ifdef CONFIG_SLOW_WORK_DEBUG

/*
 * debugfs puts itself before a file's operations and offers reading to user space only,
 * so go round it: behind is a seq_file.
 */
struct file *swt_view(const char *path)
{
	struct file *file = swt_file(path, O_RDONLY);
	struct seq_file *seq;

	if (IS_ERR(file))
		return file;
	seq = file->private_data;
	if (seq && seq->file == file)
		return file;
	swt_close_file(file);
	return ERR_PTR(-EOPNOTSUPP);
}

ssize_t swt_read_view(struct file *file, loff_t pos, char *buf, size_t size)
{
	struct kvec vec = { .iov_base = buf, .iov_len = size };
	struct kiocb kiocb;
	struct iov_iter to;

	init_sync_kiocb(&kiocb, file);
	kiocb.ki_pos = pos;
	iov_iter_kvec(&to, READ, &vec, 1, size);
	return seq_read_iter(&kiocb, &to);
}

/* Reads the whole file */
int swt_read_debugfs(struct swt *t, const char *path, char **text)
{
	struct file *file = swt_view(path);
	size_t size = PAGE_SIZE, len = 0;
	char *buf, *bigger;
	ssize_t ret;

	if (IS_ERR(file))
		return PTR_ERR(file);
	buf = swt_alloc(t, size);
	for (;;) {
		if (size - len < PAGE_SIZE / 2) {
			bigger = swt_alloc(t, size * 4);
			memcpy(bigger, buf, len);
			buf = bigger;
			size *= 4;
		}
		ret = swt_read_view(file, len, buf + len, size - len - 1);
		if (ret <= 0)
			break;
		len += ret;
	}
	swt_close_file(file);
	buf[len] = '\0';
	*text = buf;
	return ret;
}

#else

int swt_read_debugfs(struct swt *t, const char *path, char **text)
{
	return -EOPNOTSUPP;
}

#endif

char *swt_read_values(struct swt *t)
{
	char *text;

	KUNIT_ASSERT_GE(t->test, swt_read_debugfs(t, SWT_VALUES, &text), 0);
	return text;
}

/* -1 where there is no such key */
s64 swt_value_in(const char *text, const char *key)
{
	size_t len = strlen(key);
	s64 value;

	for (; *text; text = strchrnul(text, '\n') + 1)
		if (!strncmp(text, key, len) && text[len] == ' ')
			return sscanf(text + len, "%lld", &value) == 1 ? value : -1;
	return -1;
}

s64 swt_value(struct swt *t, const char *key)
{
	return swt_value_in(swt_read_values(t), key);
}

static int swt_runqueue_fn(struct swt_thread *thread)
{
	return swt_read_debugfs(thread->t, SWT_RUNQUEUE, &thread->text);
}

/* The same in a thread, since the items' desc may block */
struct swt_thread *swt_runqueue_start(struct swt *t)
{
	return swt_start(t, swt_runqueue_fn, NULL);
}

char *swt_runqueue(struct swt *t)
{
	struct swt_thread *thread = swt_runqueue_start(t);

	KUNIT_ASSERT_EQ(t->test, swt_join(thread), 0);
	return thread->text;
}

static void swt_show_thread(struct task_struct *task, void *arg)
{
	sched_show_task(task);
}

/* Where a condition did not come true: tells what the pool is at, and ends the case */
void swt_insist(struct swt *t, bool came_true, const char *what, const char *file, int line)
{
	struct swt_thread *thread;

	if (came_true)
		return;
	swt_hangs++;
	thread = swt_new_thread(t, swt_runqueue_fn);
	if (thread) {
		unsigned long end = jiffies + 5 * HZ;

		swt_go(thread);
		/* It may hang, too */
		while (!swt_done(thread) && time_before(jiffies, end))
			swt_doze(t, atomic_read(&t->pokes));
		if (swt_done(thread) && thread->text)
			kunit_info(t->test, "runqueue:\n%.800s", thread->text);
	}
	swt_each_thread(swt_show_thread, NULL);
	KUNIT_ASSERT_TRUE_MSG(t->test, came_true, "%s:%d: waited in vain for: %s",
			      kbasename(file), line, what);
}

/* ---- a case's beginning and end ----------------------------------------- */

int swt_init_unregistered(struct kunit *test)
{
	struct swt *t;
	int ret;

	if (swt_wedged) {
		kunit_err(test, "not run: an earlier case hangs\n");
		return -EBUSY;
	}
	ret = swt_mount();
	if (ret)
		return ret;
	if (!swt_first_known) {
		swt_first_min = swt_read("min-threads");
		swt_first_max = swt_read("max-threads");
		swt_first_share = swt_read("vslow-percentage");
		swt_first_known = true;
	}
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	prandom_seed_state(&swt_draws, 1);
	t->test = test;
	t->end = jiffies + SWT_CASE_TIME;
	init_waitqueue_head(&t->wq);
	spin_lock_init(&t->lock);
	INIT_LIST_HEAD(&t->memory);
	INIT_LIST_HEAD(&t->gates);
	INIT_LIST_HEAD(&t->items);
	INIT_LIST_HEAD(&t->threads);
	test->priv = t;
	return 0;
}

int swt_init(struct kunit *test)
{
	int ret = swt_init_unregistered(test);

	return ret ? ret : swt_register(test->priv, THIS_MODULE);
}

static int swt_cancel_all(struct swt_thread *thread)
{
	struct swt_item *item;

	list_for_each_entry(item, &thread->t->items, list)
		swt_do_cancel(item);
	return 0;
}

static int swt_reset_pool(struct swt_thread *thread)
{
	struct swt *t = thread->t;

	swt_write("min-threads", 2);
	swt_write("max-threads", swt_default_max());
	swt_write("vslow-percentage", 50);
	swt_write("nice", -5);
	swt_write("stall-warn-secs", 120);
	atomic_inc(&t->unregisters);
	while (t->nr_users)
		slow_work_unregister_user(t->users[--t->nr_users]);
	atomic_dec(&t->unregisters);
	return 0;
}

/* May be asked again and again */
static bool swt_ended(struct swt_thread *thread)
{
	struct swt_watch watch = swt_watch();

	while (!wait_for_completion_timeout(&thread->done, swt_deadline() / SWT_LOOKS))
		if (swt_stuck(thread->t, &watch))
			return false;
	complete(&thread->done);
	return true;
}

/* Calls @fn in a thread, which swt_exit() lets go of; false if it hangs */
static bool swt_ends(struct swt *t, int (*fn)(struct swt_thread *thread))
{
	struct swt_thread *thread = swt_new_thread(t, fn);

	if (!thread)
		return false;
	swt_go(thread);
	return swt_ended(thread);
}

/* Ends all that the case may have left running; false if it would not end */
static bool swt_quiet(struct swt *t)
{
	struct swt_thread *thread;
	struct swt_gate *gate;

	WRITE_ONCE(t->stop, true);
	WRITE_ONCE(t->end, jiffies + SWT_CASE_TIME);
	list_for_each_entry(gate, &t->gates, list)
		swt_open(gate);
	swt_poke(t);
	/* The case's threads may wait for items, and may enqueue them anew */
	if (!swt_ends(t, swt_cancel_all))
		return false;
	list_for_each_entry(thread, &t->threads, list) {
		if (!swt_ended(thread))
			return false;
	}
	return swt_ends(t, swt_cancel_all) && swt_ends(t, swt_reset_pool);
}

static void swt_check_item(struct kunit *test, struct swt_item *item)
{
	swt_audit(item);
	if (item->faults)
		swt_show_item(item, "at rest");
	KUNIT_EXPECT_EQ_MSG(test, item->faults, 0UL, "item %s of kind %d", item->name, item->kind);
}

void swt_exit(struct kunit *test)
{
	struct swt_memory *memory, *next_memory;
	struct swt_thread *thread;
	struct swt_item *item, *next;
	struct swt *t = test->priv;
	bool quiet;

	if (!t || swt_wedged)
		return;
	swt_let_threads_start(t);
	quiet = swt_quiet(t);
	swt_splat_over(t);
	if (!quiet) {
		swt_wedged = true;
		KUNIT_EXPECT_TRUE_MSG(test, false, "the pool hangs; no further case is run");
		return;
	}
	list_for_each_entry_safe(item, next, &t->items, list) {
		swt_check_item(test, item);
		kfree(item);
	}
	list_for_each_entry(thread, &t->threads, list)
		put_task_struct(thread->task);
	list_for_each_entry_safe(memory, next_memory, &t->memory, list)
		kvfree(memory);
	kfree(t);
	test->priv = NULL;
}

MODULE_DESCRIPTION("KUnit tests of slow-work");
MODULE_LICENSE("GPL");
