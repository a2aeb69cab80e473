// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stalls: what is reported, what is not, and which setting is named.
 */

#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/refcount.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "helper.h"

/* Code that is built in is of no module, and nobody's */
#ifdef MODULE
#define OURS	" [slow_work_kunit]"
#define OWNER	"slow_work_kunit"
#else
#define OURS	""
#define OWNER	"nobody"
#endif

#define PREFIX	"Slow work thread pool: stall: "
#define FN	"swt_execute" OURS
#define NEXT	FN " of " OWNER " is next in turn\n"
#define BEHIND	", which is queued too: they may wait for an item queued behind them\n"
#define ONE	"kslowd%03d (PID %d)"
#define TWO	"kslowd000 (PID %d), kslowd001 (PID %d)"

static int limit_of_threads(void)
{
	return max(255U, 2 * num_possible_cpus());
}

static void begin(struct swt *t, int min, int max)
{
	swt_pool(t, min, max);
	swt_log_mark(t);
	/* A report shows a stack, and another may come until the pool is gone */
	swt_expect_splat(t);
}

static struct swt_item *named(struct swt_item *item, const char *name)
{
	strscpy(item->name, name, sizeof(item->name));
	return item;
}

/* Blocks a thread by an item of that name */
static struct swt_item *hold(struct swt *t, const char *name)
{
	struct swt_item *item = named(swt_blocker(t, SWT_SLOW), name);

	swt_must_execute(item);
	swt_wait(t, swt_asleep(item));
	return item;
}

/* Has a report a line that begins with @text and holds @rest too? */
static bool told(struct swt *t, const char *text, const char *rest)
{
	char line[160];

	snprintf(line, sizeof(line), PREFIX "%s", text);
	return swt_logged(t, line, rest);
}

/* How many reports are there?  Each has one such line. */
static int reports(struct swt *t)
{
	return swt_log_lines(t, PREFIX "queued: ", "");
}

/* A report's last line is the item's own */
static bool reported(struct swt_item *item)
{
	return told(item->t, "the item is: ", item->name);
}

/* Does a report name that value, at which all items would have a thread? */
static bool names(struct swt *t, const char *setting, int value)
{
	bool threads = !strcmp(setting, "max-threads");
	char rest[64];

	snprintf(rest, sizeof(rest), "%s %d (the limit is %d)\n", setting, value,
		 threads ? limit_of_threads() : 99);
	return told(t, "every item queued or executing would have a thread at ", rest);
}

/* Without what depends on the host's time: ages, and which of some is the oldest */
static void blur(char *text)
{
	static const char stack[] = "the stack of ";
	const char *from = text;
	size_t len;

	while (*from) {
		len = strspn(from, "0123456789");
		if (len && from[len] == ' ' && from[len + 1] == 's' && !isalpha(from[len + 2])) {
			*text++ = 'N';
			from += len;
		} else if (str_has_prefix(from, stack)) {
			from = strchrnul(from, '\n');
		} else {
			*text++ = *from++;
		}
	}
	*text = '\0';
}

/* The next line that begins as that */
static char *find_line(char *text, const char *line, size_t len)
{
	while (*text && strncmp(text, line, len))
		text = strchrnul(text, '\n') + !!*strchrnul(text, '\n');
	return text;
}

/*
 * The first report whose first line begins as that of @fmt, up to a number, is that
 * line by line; in seconds only where time travels.  Elsewhere what the item is may come
 * too late for the first.
 */
static __printf(2, 3) void expect_report(struct swt *t, const char *fmt, ...)
{
	char *wanted = swt_alloc(t, SZ_2K), *text = swt_log_text(t, PREFIX), *end, *next;
	va_list args;
	size_t len;

	va_start(args, fmt);
	vsnprintf(wanted, SZ_2K, fmt, args);
	va_end(args);
	len = strcspn(wanted, "0123456789");
	text = find_line(text, wanted, len);
	end = strstr(text, "the item is: ");
	if (end && !swt_time_travel())
		while ((next = find_line(text + 1, wanted, len)) < end)
			text = next;
	if (end)
		*(strchrnul(end, '\n') + 1) = '\0';
	/* of splats only stacks are wanted */
	KUNIT_EXPECT_FALSE(t->test, swt_logged(t, "BUG: ", ""));
	if (!swt_time_travel()) {
		blur(text);
		blur(wanted);
	}
	while (text || wanted) {
		const char *line = strsep(&text, "\n") ?: "";

		KUNIT_EXPECT_STREQ(t->test, line, strsep(&wanted, "\n") ?: "");
	}
}

/* For cases that count jiffies, which a host stretches; or that have the one CPU alone */
static bool begin_exact(struct swt *t, int min, int max)
{
	if (!swt_time_travel()) {
		kunit_info(t->test, "not tried: the time is the host's\n");
		return false;
	}
	begin(t, min, max);
	return true;
}

/* Nothing counts from before; samples begin now, and come eight times in @secs */
static unsigned long count_from_now(struct swt *t, int secs)
{
	swt_set(t, "stall-warn-secs", 0);
	swt_set(t, "stall-warn-secs", secs);
	return jiffies;
}

/* All that is under way has lasted for a second when the first sample finds so */
static void let_all_be_due(struct swt *t)
{
	unsigned long since = count_from_now(t, 60);

	swt_wait(t, time_after(jiffies, since + HZ));
	swt_set(t, "stall-warn-secs", 1);
}

/* Waits until then: a timer of the wheel may be late */
static void at(struct swt *t, unsigned long when)
{
	long left;

	while ((left = when - jiffies) > 0) {
		ktime_t time = ns_to_ktime(left * NSEC_PER_SEC / HZ);

		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_hrtimeout(&time, HRTIMER_MODE_REL);
	}
	KUNIT_EXPECT_EQ(t->test, left, 0L);
}

/* Has a sample then */
static void sample_at(struct swt *t, int secs, unsigned long when)
{
	at(t, when);
	swt_set(t, "stall-warn-secs", secs);
	usleep_range(1, 2);
	KUNIT_EXPECT_EQ(t->test, jiffies, when);
}

/* Blocks threads, one item each; @items by the numbers of these */
static void hold_by_number(struct swt *t, struct swt_item **items, int nr, const char *name)
{
	struct swt_item *item;
	int i;

	for (i = 0; i < nr; i++) {
		item = hold(t, name);
		KUNIT_ASSERT_LT(t->test, item->number, nr);
		items[item->number] = item;
	}
}

static void an_item_that_executes_for_long(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[2], *item;
	unsigned int used;

	begin(t, 2, 2);
	hold_by_number(t, items, 2, "a\nlong one\n");
	swt_release(items[0]);
	swt_wait(t, swt_idle_threads() == 1);
	item = items[1];
	used = refcount_read(&item->thread->usage);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, told(t, "the item is: a long one\n", ""));
	swt_set(t, "stall-warn-secs", 0);
	expect_report(t, FN " of " OWNER ", a slow item, executes for 1 s\n"
		      "queued: 0 slow (next: 0 s), 0 very slow (next: 0 s); threads: 2 of at most 2, 1 executing, 0 of them very slow items of at most 1, 1 blocked, 0 asleep until needed\n"
		      "1 thread in " FN ", for 1 s: kslowd001 (PID %d)\n"
		      "the stack of kslowd001 (PID %d):\n"
		      "the item is: a long one\n", item->pid, item->pid);
	KUNIT_EXPECT_TRUE(test, told(t, "the stack of kslowd001", "):"));
	KUNIT_EXPECT_TRUE(test, swt_logged(t, "swt_execute+0x", OURS));
	swt_wait(t, refcount_read(&item->thread->usage) == used);
	swt_release(item);
}

/* The setting lasts, and nobody sets it again */
static void in_a_pool_that_is_started_anew(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = named(swt_blocker(t, SWT_SLOW), "in the next pool");

	swt_unregister(t, THIS_MODULE);
	swt_set(t, "stall-warn-secs", 1);
	/* Where that takes no time no sample is due any more, from before or by that */
	if (swt_time_travel())
		schedule_timeout_uninterruptible(20 * HZ);
	KUNIT_ASSERT_EQ(test, swt_register(t, THIS_MODULE), 0);
	swt_log_mark(t);
	swt_expect_splat(t);
	swt_must_execute(item);
	swt_wait(t, reported(item));
	swt_release(item);
}

static void a_class_that_starts_nothing(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = named(swt_item(t, SWT_SLOW), "queued"), *held[2];

	begin(t, 2, 2);
	hold_by_number(t, held, 2, "held");
	swt_must_enqueue(item);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, reported(item));
	swt_set(t, "stall-warn-secs", 0);
	expect_report(t, "no slow item has started for 1 s; " NEXT
		      "queued: 1 slow (next: 1 s), 0 very slow (next: 0 s); threads: 2 of at most 2, 2 executing, 0 of them very slow items of at most 1, 2 blocked, 0 asleep until needed\n"
		      "2 threads in " FN ", the longest for 1 s: " TWO "\n"
		      "the stack of kslowd000 (PID %d):\n"
		      "every thread is blocked in " FN BEHIND
		      "every item queued or executing would have a thread at max-threads 3 (the limit is %d)\n"
		      "the item is: queued\n", held[0]->pid, held[1]->pid, held[0]->pid,
		      limit_of_threads());
	swt_set(t, "max-threads", 3);
	swt_wait(t, swt_runs(item) == 1);
}

/* What put_ref has given away may be anything */
static void give_away(struct swt_item *item)
{
	item->work.ops = NULL;
}

static void take_back(struct swt_item *item)
{
	item->work.ops = &swt_ops;
}

static void threads_that_hang_in_put_ref(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *putting[2], *item = named(swt_blocker(t, SWT_SLOW), "first");
	struct swt_item *next = named(swt_item(t, SWT_SLOW), "second"), *put;
	int i;

	begin(t, 2, 2);
	for (i = 0; i < 2; i++) {
		put = swt_item(t, SWT_SLOW);
		put->put_gate = swt_gate(t);
		put->on_put = give_away;
		put->on_last = take_back;
		swt_must_enqueue(put);
		swt_wait(t, atomic_read(&put->putting) == 1 && swt_off_processor(put));
		putting[put->number] = put;
	}
	swt_must_enqueue(item);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, reported(item));
	expect_report(t, "no slow item has started for 1 s; " NEXT
		      "queued: 1 slow (next: 1 s), 0 very slow (next: 0 s); threads: 2 of at most 2, 2 executing, 0 of them very slow items of at most 1, 2 blocked, 0 asleep until needed\n"
		      "2 threads in the put_ref after " FN ": " TWO "\n"
		      "the stack of kslowd000 (PID %d):\n"
		      "every item queued or executing would have a thread at max-threads 3 (the limit is %d)\n"
		      "the item is: first\n", putting[0]->pid, putting[1]->pid, putting[0]->pid,
		      limit_of_threads());
	KUNIT_EXPECT_FALSE(test, told(t, "", " executes for "));
	swt_open(putting[0]->put_gate);
	swt_wait(t, swt_executing(item));
	swt_must_enqueue(next);
	swt_wait(t, reported(next));
	swt_set(t, "stall-warn-secs", 0);
	KUNIT_EXPECT_TRUE(test, told(t, "1 thread in " FN ", for ", " s: kslowd000 (PID "));
	KUNIT_EXPECT_TRUE(test, told(t, "1 thread in the put_ref after " FN ": kslowd001 (PID ",
				     ")\n"));
	swt_open(putting[1]->put_gate);
	swt_wait(t, swt_runs(next) == 1);
	swt_release(item);
}

static void a_share_that_is_full(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *first = swt_blocker(t, SWT_VSLOW), *beside = swt_item(t, SWT_SLOW);
	struct swt_item *second = named(swt_item(t, SWT_VSLOW), "second");

	begin(t, 3, 3);
	swt_hold(t, 1);
	swt_must_execute(first);
	swt_wait(t, swt_asleep(t->held[0]) && swt_asleep(first));
	swt_must_enqueue(second);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, reported(second));
	/* others do not stall meanwhile */
	swt_must_run(beside);
	swt_set(t, "stall-warn-secs", 0);
	expect_report(t, "no very slow item has started for 1 s; " NEXT
		      "queued: 0 slow (next: 0 s), 1 very slow (next: 1 s); threads: 3 of at most 3, 2 executing, 1 of them very slow items of at most 1, 2 blocked, 0 asleep until needed\n"
		      "1 thread in " FN ", for 1 s: " ONE "\n"
		      "the stack of " ONE ":\n"
		      "every item queued or executing would have a thread at vslow-percentage 67 (the limit is 99)\n"
		      "the item is: second\n", first->number, first->pid, first->number,
		      first->pid);
	if (swt_time_travel())
		KUNIT_EXPECT_FALSE(test, told(t, "no slow item", ""));
	KUNIT_EXPECT_EQ(test, swt_runs(second), 0);
	swt_set(t, "vslow-percentage", 67);
	swt_wait(t, swt_runs(second) == 1);
	swt_release(first);
}

static void sleep_until_needed(struct swt_item *item)
{
	wait_queue_head_t *wq = item->data;
	signed long timeout = item->value;
	DEFINE_WAIT(wait);

	prepare_to_wait(wq, &wait, TASK_UNINTERRUPTIBLE);
	slow_work_sleep_till_thread_needed(&item->work, &timeout);
	finish_wait(wq, &wait);
}

/* The older of the two sleeps by permission: the younger is reported, alone */
static void a_sleeper_is_no_stall(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *sleeper = named(swt_item(t, SWT_SLOW), "sleeper"), *item;
	wait_queue_head_t *wq = swt_alloc(t, sizeof(*wq));

	init_waitqueue_head(wq);
	sleeper->data = wq;
	sleeper->value = SWT_NEVER;
	sleeper->on_execute = sleep_until_needed;
	begin(t, 3, 3);
	swt_must_enqueue(sleeper);
	swt_wait(t, swt_asleep(sleeper));
	item = hold(t, "awake");
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, reported(item));
	swt_set(t, "stall-warn-secs", 0);
	KUNIT_EXPECT_FALSE(test, told(t, "", "execute for so long"));
	KUNIT_EXPECT_TRUE(test, told(t, "", "1 blocked, 1 asleep until needed"));
	KUNIT_EXPECT_FALSE(test, reported(sleeper));
	swt_release(item);
	wake_up_all(wq);
}

static void several_at_once_are_one_report(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread *cancel[2];
	struct swt_item *items[2];
	int i;

	begin(t, 2, 2);
	hold_by_number(t, items, 2, "one of them");
	for (i = 0; i < 2; i++) {
		cancel[i] = swt_cancel_start(items[i]);
		swt_wait(t, swt_blocked(cancel[i]));
	}
	let_all_be_due(t);
	swt_wait(t, reported(items[0]));
	swt_set(t, "stall-warn-secs", 0);
	if (swt_time_travel())
		KUNIT_EXPECT_EQ(test, reports(t), 1);
	expect_report(t, FN " of " OWNER ", a slow item, executes for 1 s\n"
		      "queued: 0 slow (next: 0 s), 0 very slow (next: 0 s); threads: 2 of at most 2, 2 executing, 0 of them very slow items of at most 1, 2 blocked, 0 asleep until needed\n"
		      "2 threads execute for so long\n"
		      "2 threads in " FN ", the longest for 1 s: " TWO "\n"
		      "the stack of kslowd000 (PID %d):\n"
		      "a cancel of the item waits for it\n"
		      "the item is: one of them\n", items[0]->pid, items[1]->pid, items[0]->pid);
	for (i = 0; i < 2; i++) {
		swt_release(items[i]);
		swt_join(cancel[i]);
	}
}

static void an_owner_that_waits_to_unregister(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "leaver");
	struct swt_thread *unregister;
	struct swt_item *item;

	begin(t, 2, 2);
	KUNIT_ASSERT_EQ(test, swt_register(t, owner), 0);
	item = named(swt_blocker_ops(t, SWT_VSLOW, swt_ops_of(t, owner)), "last");
	swt_must_execute(item);
	unregister = swt_unregister_start(t, owner, item);
	swt_wait(t, swt_blocked(unregister) && swt_asleep(item));
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, reported(item));
	swt_set(t, "stall-warn-secs", 0);
	expect_report(t, FN " of leaver, a very slow item, executes for 1 s\n"
		      "queued: 0 slow (next: 0 s), 0 very slow (next: 0 s); threads: 2 of at most 2, 1 executing, 1 of them very slow items of at most 1, 1 blocked, 0 asleep until needed\n"
		      "1 thread in " FN ", for 1 s: " ONE "\n"
		      "the stack of " ONE ":\n"
		      "leaver waits for it to unregister\n"
		      "the item is: last\n", item->number, item->pid, item->number, item->pid);
	swt_release(item);
	swt_join(unregister);
}

static void more_threads_than_a_line_names(struct kunit *test)
{
	struct swt *t = test->priv;
	char threads[256] = "", *end = threads, more[32] = "";
	struct swt_item *items[10], *item;
	int pid[10], i, nr;

	/* Or the last round's sample may be late, and note some of them alone */
	if (!begin_exact(t, 10, 10))
		return;
	hold_by_number(t, items, 10, "held");
	for (i = 0; i < 10; i++)
		pid[i] = items[i]->pid;
	for (i = 0; i < 8; i++)
		end += scnprintf(end, threads + sizeof(threads) - end, "%s " ONE,
				 i ? "," : "", i, pid[i]);
	for (nr = 10; nr >= 8; nr--) {
		swt_log_mark(t);
		let_all_be_due(t);
		swt_wait(t, reported(items[0]));
		swt_set(t, "stall-warn-secs", 0);
		*more = '\0';
		if (nr > 8)
			snprintf(more, sizeof(more), ", and %d more", nr - 8);
		expect_report(t, FN " of " OWNER ", a slow item, executes for 1 s\n"
			      "queued: 0 slow (next: 0 s), 0 very slow (next: 0 s); threads: 10 of at most 10, %d executing, 0 of them very slow items of at most 5, %d blocked, 0 asleep until needed\n"
			      "%d threads execute for so long\n"
			      "%d threads in " FN ", the longest for 1 s:%s%s\n"
			      "the stack of kslowd000 (PID %d):\n"
			      "the item is: held\n", nr, nr, nr, nr, threads, more, pid[0]);
		item = items[nr - 1];
		swt_release(item);
		swt_wait(t, swt_idle_threads() == 11 - nr);
	}
}

/* The oldest is neither the first nor the last */
static void the_oldest_of_several(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[3], *queued = named(swt_item(t, SWT_SLOW), "queued"), *item;
	int i;

	if (!begin_exact(t, 3, 3))
		return;
	swt_set(t, "stall-warn-secs", 60);
	hold_by_number(t, items, 3, "oldest");
	for (i = 0; i < 3; i += 2) {
		swt_release(items[i]);
		swt_wait(t, swt_runs(items[i]) == 1);
	}
	at(t, jiffies + 2 * HZ);
	for (i = 0; i < 3; i += 2) {
		item = hold(t, "younger");
		items[item->number] = item;
	}
	swt_must_enqueue(queued);
	swt_set(t, "stall-warn-secs", 60);
	at(t, jiffies + 2 * HZ + HZ / 2);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, told(t, "the item is: oldest", ""));
	swt_set(t, "stall-warn-secs", 0);
	expect_report(t, "no slow item has started for 2 s; " NEXT
		      "queued: 1 slow (next: 2 s), 0 very slow (next: 0 s); threads: 3 of at most 3, 3 executing, 0 of them very slow items of at most 1, 3 blocked, 0 asleep until needed\n"
		      "3 threads in " FN ", the longest for 4 s: " TWO ", kslowd002 (PID %d)\n"
		      "the stack of kslowd001 (PID %d):\n"
		      "every thread is blocked in " FN BEHIND
		      "every item queued or executing would have a thread at max-threads 4 (the limit is %d)\n"
		      "the item is: queued\n", items[0]->pid, items[1]->pid, items[2]->pid,
		      items[1]->pid, limit_of_threads());
	expect_report(t, FN " of " OWNER ", a slow item, executes for 4 s\n"
		      "queued: 1 slow (next: 2 s), 0 very slow (next: 0 s); threads: 3 of at most 3, 3 executing, 0 of them very slow items of at most 1, 3 blocked, 0 asleep until needed\n"
		      "3 threads execute for so long\n"
		      "3 threads in " FN ", the longest for 4 s: " TWO ", kslowd002 (PID %d)\n"
		      "the stack of kslowd001 (PID %d):\n"
		      "the item is: oldest\n", items[0]->pid, items[1]->pid, items[2]->pid,
		      items[1]->pid);
	for (i = 0; i < 3; i++)
		swt_release(items[i]);
}

/* More than there is room for.  It has a file, as far as seq_user_ns() reads that. */
static void describe_at_length(struct swt_item *item, struct seq_file *m)
{
	char *text = item->data;

	item->result = m->file && m->file->f_cred == current_cred();
	seq_user_ns(m);
	seq_puts(m, item->name);
	seq_puts(m, text);
}

static void a_desc_that_does_not_fit(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = named(swt_blocker(t, SWT_SLOW), "begin");

	item->data = memset(swt_alloc(t, 500), 'x', 400);
	item->on_desc = describe_at_length;
	begin(t, 2, 2);
	swt_must_execute(item);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, told(t, "the item is: ", ""));
	swt_set(t, "stall-warn-secs", 0);
	KUNIT_EXPECT_TRUE(test, told(t, "the item is: begin\n", ""));
	KUNIT_EXPECT_EQ(test, item->result, 1);
	swt_release(item);
}

/* One that executes for long ends while a desc blocks the report of another */
static void a_thread_that_has_gone_on_is_no_stall(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[2];
	int i;

	begin(t, 2, 2);
	swt_hold(t, 2);
	for (i = 0; i < 2; i++)
		items[i] = named(swt_blocker(t, SWT_SLOW), "next");
	items[0]->desc_gate = swt_gate(t);
	for (i = 0; i < 2; i++)
		swt_must_enqueue(items[i]);
	count_from_now(t, 1);
	swt_wait(t, atomic_read(&items[0]->describing));
	for (i = 0; i < 2; i++)
		swt_release(t->held[i]);
	for (i = 0; i < 2; i++)
		swt_wait(t, swt_executing(items[i]) &&
			 time_after(jiffies, items[i]->started_at + 1));
	swt_open(items[0]->desc_gate);
	/* these are, in their time */
	swt_wait(t, told(t, "", " executes for "));
	swt_set(t, "stall-warn-secs", 0);
	KUNIT_EXPECT_FALSE(test, told(t, "", " executes for 0 s\n"));
	for (i = 0; i < 2; i++)
		swt_release(items[i]);
}

/* It is a thread like another */
static void a_reserve_that_executes_for_long(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "swt_rsv");
	struct swt_item *item;

	begin(t, 2, 2);
	KUNIT_ASSERT_EQ(test, swt_register_flags(t, owner, SLOW_WORK_MEM_RECLAIM), 0);
	swt_hold(t, 2);
	item = named(swt_blocker_ops(t, SWT_SLOW, swt_ops_of(t, owner)), "of a reserve");
	swt_must_execute(item);
	swt_release_held(t);
	swt_wait(t, swt_idle_threads() == 2);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, reported(item));
	KUNIT_EXPECT_TRUE(test, told(t, FN " of swt_rsv, a slow item, executes for ", " s\n"));
	KUNIT_EXPECT_TRUE(test, told(t, "the stack of kslowr/swt_rsv (PID ", "):"));
	swt_release(item);
	swt_wait(t, swt_at_rest(item));
}

/* As it may where it wants what the stalled item has; its words come when they can */
static void a_desc_that_blocks_holds_up_no_report(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = named(swt_item(t, SWT_SLOW), "is next"), *held[2];

	begin(t, 2, 2);
	hold_by_number(t, held, 2, "held");
	item->desc_gate = swt_gate(t);
	swt_must_enqueue(item);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, told(t, "no slow item has started for ", ""));
	swt_wait(t, told(t, "", " executes for "));
	/* Those that follow come without such a line */
	swt_wait(t, reports(t) >= 4);
	KUNIT_EXPECT_FALSE(test, reported(item));
	swt_set(t, "stall-warn-secs", 0);
	/* And it is kept, however late that is */
	swt_release(held[0]);
	swt_wait(t, swt_runs(item) == 1);
	schedule_timeout_uninterruptible(2);
	KUNIT_EXPECT_FALSE(test, swt_at_rest(item));
	swt_open(item->desc_gate);
	swt_wait(t, reported(item));
	swt_wait(t, swt_at_rest(item) && swt_idle_threads() == 1);
	KUNIT_EXPECT_EQ(test, swt_log_lines(t, PREFIX "the item is: is next", ""), 1);
	swt_set(t, "stall-warn-secs", 1);
	swt_log_mark(t);
	swt_wait(t, reported(held[1]));
}

/* Though the first report waits for a desc: none comes after that by what was set before */
static void a_setting_is_written_when_its_reports_are(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW), *held[2];
	int nr;

	begin(t, 2, 2);
	hold_by_number(t, held, 2, "held");
	item->desc_gate = swt_gate(t);
	swt_must_enqueue(item);
	let_all_be_due(t);
	swt_wait(t, told(t, "no slow item has started for ", ""));
	swt_set(t, "stall-warn-secs", 0);
	nr = reports(t);
	if (swt_time_travel())
		KUNIT_EXPECT_EQ(test, nr, 2);
	schedule_timeout_uninterruptible(2 * HZ);
	KUNIT_EXPECT_EQ(test, reports(t), nr);
	swt_open(item->desc_gate);
}

/* A work that keeps a worker of the kernel's workqueues */
struct keeper {
	struct work_struct work;
	struct completion *gate;
	bool began;
};

static void keep_worker(struct work_struct *work)
{
	struct keeper *keeper = container_of(work, struct keeper, work);

	WRITE_ONCE(keeper->began, true);
	wait_for_completion(keeper->gate);
}

#define NR_KEEPERS	32

/* Has every worker that there is kept, and so many works more queued for one */
static void keep_all_workers(struct swt *t, struct keeper *keepers, int more)
{
	struct completion *gate = swt_alloc(t, sizeof(*gate));
	int i;

	init_completion(gate);
	swt_let_no_thread_start(t);
	for (i = 0; i < NR_KEEPERS && more; i++) {
		INIT_WORK(&keepers[i].work, keep_worker);
		keepers[i].gate = gate;
		schedule_work(&keepers[i].work);
		usleep_range(1000, 2000);
		more -= !READ_ONCE(keepers[i].began);
	}
	KUNIT_ASSERT_EQ(t->test, more, 0);
}

static void let_workers_go(struct swt *t, struct keeper *keepers)
{
	int i;

	swt_let_threads_start(t);
	complete_all(keepers[0].gate);
	for (i = 0; i < NR_KEEPERS && keepers[i].gate; i++)
		flush_work(&keepers[i].work);
}

/* Nor is a stalled item kept for one who would describe it, nor a setting */
static void what_has_no_worker_to_describe_it_goes_on(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW), *held[2];
	struct keeper *keepers;

	if (!begin_exact(t, 2, 2))
		return;
	keepers = swt_alloc(t, NR_KEEPERS * sizeof(*keepers));
	hold_by_number(t, held, 2, "held");
	item->desc_gate = swt_gate(t);
	swt_must_enqueue(item);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, atomic_read(&item->describing) == 1);
	/* One is for the worker that describes, one for that of the samples */
	keep_all_workers(t, keepers, 2);
	swt_open(item->desc_gate);
	swt_wait(t, told(t, "", " executes for "));
	swt_release(held[0]);
	swt_release(held[1]);
	swt_wait(t, swt_at_rest(held[0]) && swt_at_rest(held[1]));
	swt_set(t, "stall-warn-secs", 0);
	let_workers_go(t, keepers);
	KUNIT_EXPECT_EQ(test, swt_log_lines(t, PREFIX "the item is: held", ""), 0);
}

/* As the statistics have it, if there are any */
static s64 counted(struct swt *t)
{
	return IS_ENABLED(CONFIG_SLOW_WORK_DEBUG) ? swt_value(t, "pool.stalls") : -1;
}

static void again_when_it_is_twice_as_old(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = named(swt_item(t, SWT_SLOW), "queued");
	unsigned long since;
	int i, secs;
	s64 before;

	if (!begin_exact(t, 2, 2))
		return;
	swt_hold(t, 2);
	swt_must_enqueue(item);
	before = counted(t);
	since = count_from_now(t, 8);
	for (secs = 8; secs <= 32; secs *= 2) {
		swt_log_mark(t);
		sample_at(t, 8, since + secs * HZ - 1);
		KUNIT_EXPECT_EQ(test, reports(t), 0);
		/* once, for all samples */
		for (i = 0; i < 3; i++)
			sample_at(t, 8, since + secs * HZ);
		KUNIT_EXPECT_EQ(test, reports(t), 2);
	}
	/* All that begins anew */
	swt_log_mark(t);
	since = count_from_now(t, 8);
	sample_at(t, 8, since + 8 * HZ - 1);
	KUNIT_EXPECT_EQ(test, reports(t), 0);
	sample_at(t, 8, since + 8 * HZ);
	KUNIT_EXPECT_TRUE(test, told(t, "no slow item has started for 8 s; ", ""));
	KUNIT_EXPECT_TRUE(test, told(t, "", " executes for 8 s\n"));
	if (IS_ENABLED(CONFIG_SLOW_WORK_DEBUG))
		KUNIT_EXPECT_EQ(test, counted(t), before + 8);
}

static void no_more_than_five_are_printed_in_that_time(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[7];
	s64 before;
	int i;

	if (!begin_exact(t, 7, 7))
		return;
	before = counted(t);
	count_from_now(t, 8);
	for (i = 0; i < 7; i++) {
		items[i] = hold(t, "one by one");
		at(t, jiffies + 2);
	}
	for (i = 0; i < 7; i++)
		sample_at(t, 8, items[i]->started_at + 8 * HZ);
	KUNIT_EXPECT_EQ(test, reports(t), 5);
	if (IS_ENABLED(CONFIG_SLOW_WORK_DEBUG))
		KUNIT_EXPECT_EQ(test, counted(t), before + 7);
	for (i = 0; i < 7; i++)
		swt_release(items[i]);
}

/* A few ticks more, as the timer's may be */
static void samples_come_an_eighth_of_the_time_or_a_quarter_of_a_second_apart(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;
	unsigned long since;

	if (!begin_exact(t, 2, 2))
		return;
	since = count_from_now(t, 1);
	at(t, since + HZ / 10);
	item = hold(t, "for a second");
	at(t, since + 5 * HZ / 4 + 2);
	KUNIT_EXPECT_EQ(test, reports(t), 0);
	at(t, since + 5 * HZ / 4 + 10);
	KUNIT_EXPECT_TRUE(test, reported(item));
	swt_release(item);
	swt_wait(t, swt_runs(item) == 1);

	swt_log_mark(t);
	since = count_from_now(t, 8);
	at(t, since + HZ / 2);
	item = hold(t, "for eight");
	sample_at(t, 8, since + 8 * HZ);
	at(t, since + 9 * HZ - 10);
	KUNIT_EXPECT_EQ(test, reports(t), 0);
	at(t, since + 9 * HZ + 10);
	KUNIT_EXPECT_TRUE(test, reported(item));
	swt_release(item);
}

static void a_class_counts_from_when_it_last_started_one(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *first, *second = named(swt_item(t, SWT_SLOW), "second");
	unsigned long since;

	if (!begin_exact(t, 2, 2))
		return;
	swt_hold(t, 2);
	first = swt_blocker(t, SWT_SLOW);
	swt_must_enqueue(first);
	swt_must_enqueue(second);
	since = count_from_now(t, 8);
	sample_at(t, 8, since + 3 * HZ);
	swt_release(t->held[0]);
	swt_wait(t, swt_executing(first));
	/* as far as samples tell */
	sample_at(t, 8, since + 4 * HZ);
	sample_at(t, 8, since + 12 * HZ - 1);
	KUNIT_EXPECT_FALSE(test, told(t, "no slow item", ""));
	sample_at(t, 8, since + 12 * HZ);
	KUNIT_EXPECT_TRUE(test, told(t, "no slow item has started for 8 s; ", ""));
	KUNIT_EXPECT_TRUE(test, told(t, "queued: 1 slow (next: 12 s), ", ""));
	swt_release(first);
}

static void a_class_counts_from_when_the_next_was_queued(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = named(swt_item(t, SWT_SLOW), "queued");
	unsigned long since;

	if (!begin_exact(t, 2, 2))
		return;
	swt_hold(t, 2);
	since = count_from_now(t, 8);
	at(t, since + HZ / 2);
	swt_must_enqueue(item);
	sample_at(t, 8, since + 8 * HZ + HZ / 2 - 1);
	KUNIT_EXPECT_FALSE(test, told(t, "no slow item", ""));
	sample_at(t, 8, since + 8 * HZ + HZ / 2);
	KUNIT_EXPECT_TRUE(test, told(t, "no slow item has started for 8 s; ", ""));
}

/* Whose turn it is enqueues one item and cancels another, so the next has just come */
static void a_class_in_which_one_waits_behind_new_ones(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[2], *item = named(swt_item(t, SWT_SLOW), "waits");
	struct slow_work_ops *ops = swt_ops_of(t, swt_owner(t, "swt_new"));
	int i;

	if (!begin_exact(t, 2, 2))
		return;
	KUNIT_ASSERT_EQ(test, swt_register(t, ops->owner), 0);
	swt_hold(t, 2);
	for (i = 0; i < 2; i++)
		items[i] = swt_item_ops(t, SWT_SLOW, ops);
	swt_must_enqueue(items[0]);
	swt_must_enqueue(item);
	swt_set(t, "stall-warn-secs", 4);
	for (i = 1; i < 6; i++) {
		schedule_timeout_uninterruptible(HZ);
		swt_must_enqueue(items[i % 2]);
		swt_cancel(items[(i + 1) % 2]);
	}
	KUNIT_EXPECT_TRUE(test, told(t, "no slow item has started for ",
				     " of swt_new is next in turn\n"));
}

static void sleep_between_two_samples(struct swt_item *item)
{
	at(item->t, jiffies + HZ);
	sleep_until_needed(item);
}

static void a_thread_counts_from_its_last_sleep(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = named(swt_blocker(t, SWT_SLOW), "sleeper");
	wait_queue_head_t *wq = swt_alloc(t, sizeof(*wq));
	unsigned long since;

	init_waitqueue_head(wq);
	item->data = wq;
	item->value = HZ / 4;
	item->on_execute = sleep_between_two_samples;
	if (!begin_exact(t, 2, 2))
		return;
	since = count_from_now(t, 8);
	at(t, since + HZ / 4);
	swt_must_enqueue(item);
	sample_at(t, 8, since + HZ);
	sample_at(t, 8, since + 9 * HZ + HZ / 4 - 1);
	KUNIT_EXPECT_EQ(test, reports(t), 0);
	sample_at(t, 8, since + 9 * HZ + HZ / 4);
	KUNIT_EXPECT_TRUE(test, told(t, "", " executes for 8 s\n"));
	swt_release(item);
}

/* Half of the time and 5 s after it was due a sample is as good as none */
static void what_was_before_a_sample_that_is_late(struct kunit *test)
{
	struct swt *t = test->priv;
	unsigned long due, began;
	struct swt_item *item;
	int late;

	if (!begin_exact(t, 2, 2))
		return;
	for (late = 0; late < 2; late++) {
		due = count_from_now(t, 8) + HZ;
		swt_unregister(t, THIS_MODULE);
		/* without a pool there is none, or what there is of it does not count */
		sample_at(t, 8, due - HZ / 2);
		began = due + 8 * HZ + HZ / 2;
		at(t, began);
		KUNIT_ASSERT_EQ(test, swt_register(t, THIS_MODULE), 0);
		swt_log_mark(t);
		item = hold(t, "held");
		sample_at(t, 8, due + 5 * HZ + 4 * HZ + late);
		if (late)
			began = due + 5 * HZ + 4 * HZ + late;
		sample_at(t, 8, began + 8 * HZ - 1);
		KUNIT_EXPECT_EQ(test, reports(t), 0);
		sample_at(t, 8, began + 8 * HZ);
		KUNIT_EXPECT_TRUE(test, told(t, "", " executes for 8 s\n"));
		swt_release(item);
		swt_wait(t, swt_runs(item) == 1);
	}
}

/* It is there as long as the pool */
static struct task_struct *manager(struct swt *t)
{
	struct task_struct *task = swt_get_manager();

	KUNIT_ASSERT_NOT_NULL(t->test, task);
	put_task_struct(task);
	return task;
}

static void no_thread_can_be_started(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = named(swt_item(t, SWT_SLOW), "queued"), *held[2];
	struct task_struct *mgr;

	/* Elsewhere the kernel may want a thread for the desc, and not have it */
	if (!begin_exact(t, 2, 4))
		return;
	hold_by_number(t, held, 2, "held");
	mgr = manager(t);
	swt_let_no_thread_start(t);
	swt_must_enqueue(item);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, reported(item));
	swt_set(t, "stall-warn-secs", 0);
	swt_let_threads_start(t);
	expect_report(t, "no slow item has started for 1 s; " NEXT
		      "queued: 1 slow (next: 1 s), 0 very slow (next: 0 s); threads: 2 of at most 4, 2 executing, 0 of them very slow items of at most 1, 2 blocked, 0 asleep until needed\n"
		      "2 threads in " FN ", the longest for 1 s: " TWO "\n"
		      "the stack of slow_work_mgr (PID %d):\n"
		      "no thread can be started\n"
		      "the item is: queued\n", held[0]->pid, held[1]->pid, mgr->pid);
	KUNIT_EXPECT_TRUE(test, told(t, "the stack of slow_work_mgr", ""));
	swt_wait(t, swt_runs(item) == 1);
}

/*
 * As if @task, which is asleep, got no CPU: nobody wakes it until let_run().  No case may
 * end meanwhile.
 */
static unsigned int let_not_run(struct task_struct *task)
{
	unsigned int state = READ_ONCE(task->__state);

	WRITE_ONCE(task->__state, TASK_PARKED);
	return state;
}

static void let_run(struct task_struct *task, unsigned int state)
{
	WRITE_ONCE(task->__state, state);
	wake_up_process(task);
}

static void the_manager_that_does_not_come(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = named(swt_item(t, SWT_SLOW), "queued"), *held[2];
	struct task_struct *mgr;
	unsigned int state;
	bool came;

	if (!begin_exact(t, 2, 3))
		return;
	hold_by_number(t, held, 2, "held");
	at(t, jiffies + HZ);
	mgr = manager(t);
	state = let_not_run(mgr);
	KUNIT_EXPECT_EQ(test, swt_enqueue(item), 0);
	swt_write("stall-warn-secs", 1);
	came = swt_comes_true(t, reported(item));
	let_run(mgr, state);
	swt_set(t, "stall-warn-secs", 0);
	KUNIT_EXPECT_TRUE(test, came);
	expect_report(t, "no slow item has started for 1 s; " NEXT
		      "queued: 1 slow (next: 1 s), 0 very slow (next: 0 s); threads: 2 of at most 3, 2 executing, 0 of them very slow items of at most 1, 2 blocked, 0 asleep until needed\n"
		      "2 threads in " FN ", the longest for 2 s: " TWO "\n"
		      "the stack of slow_work_mgr (PID %d):\n"
		      "the manager does not get to start a thread\n"
		      "the item is: queued\n", held[0]->pid, held[1]->pid, mgr->pid);
	swt_wait(t, swt_runs(item) == 1);
}

static void find_idle(struct task_struct *task, void *arg)
{
	if ((READ_ONCE(task->__state) & TASK_NOLOAD) && !READ_ONCE(task->on_rq))
		*(struct task_struct **)arg = task;
}

static void a_thread_that_does_not_come(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[4] = { }, *vslow, *slow = named(swt_item(t, SWT_SLOW), "slow");
	char threads[128] = "", *end = threads;
	struct task_struct *idle = NULL;
	unsigned int state;
	bool came;
	int i;

	if (!begin_exact(t, 4, 4))
		return;
	for (i = 0; i < 3; i++) {
		struct swt_item *item = swt_blocker(t, i ? SWT_VSLOW : SWT_SLOW);

		swt_must_execute(item);
		items[item->number] = item;
	}
	for (i = 0; i < 4; i++)
		if (items[i])
			end += scnprintf(end, threads + sizeof(threads) - end, "%s " ONE,
					 end > threads ? "," : "", i, items[i]->pid);
	vslow = named(swt_item(t, SWT_VSLOW), "very slow");
	swt_each_thread(find_idle, &idle);
	KUNIT_ASSERT_NOT_NULL(test, idle);
	state = let_not_run(idle);
	KUNIT_EXPECT_EQ(test, swt_enqueue(slow), 0);
	KUNIT_EXPECT_EQ(test, swt_enqueue(vslow), 0);
	swt_write("stall-warn-secs", 1);
	came = swt_comes_true(t, reported(slow) && reported(vslow));
	let_run(idle, state);
	swt_set(t, "stall-warn-secs", 0);
	KUNIT_EXPECT_TRUE(test, came);
	expect_report(t, "no slow item has started for 1 s; " NEXT
		      "queued: 1 slow (next: 1 s), 1 very slow (next: 1 s); threads: 4 of at most 4, 3 executing, 2 of them very slow items of at most 2, 3 blocked, 0 asleep until needed\n"
		      "3 threads in " FN ", the longest for 1 s:%s\n"
		      "a thread is free, but gets no CPU (see cpumask, nice)\n"
		      "the item is: slow\n", threads);
	/* The very slow one has no slot, and nor would it have a thread at another percentage */
	KUNIT_EXPECT_TRUE(test, names(t, "max-threads", 6));
	swt_wait(t, swt_runs(slow) == 1);
	for (i = 0; i < 4; i++)
		if (items[i])
			swt_release(items[i]);
}

/* As FS-Cache's cookies wait for the work that makes their volume */
static void wait_for_another(struct swt_item *item)
{
	wait_for_completion((struct completion *)item->data);
}

static void complete_others(struct swt_item *item)
{
	complete_all(item->data);
}

static void items_that_wait_for_one_behind_them(struct kunit *test)
{
	struct swt *t = test->priv;
	struct completion *made = swt_alloc(t, sizeof(*made));
	struct swt_item *cookies[4], *volume = named(swt_item(t, SWT_SLOW), "volume");
	int i, max;

	init_completion(made);
	volume->data = made;
	volume->on_execute = complete_others;
	begin(t, 2, 2);
	for (i = 0; i < 4; i++) {
		cookies[i] = named(swt_item(t, SWT_SLOW), "cookie");
		cookies[i]->data = made;
		cookies[i]->on_execute = wait_for_another;
		swt_must_enqueue(cookies[i]);
	}
	swt_must_enqueue(volume);
	swt_set(t, "stall-warn-secs", 1);
	/* One more, and another, helps none of them; what is reported does. */
	for (max = 2; max < 5; max++) {
		swt_log_mark(t);
		swt_set(t, "max-threads", max);
		swt_wait(t, swt_executing(cookies[max - 1]));
		swt_wait(t, told(t, "no slow item has started for ", ""));
		swt_wait(t, names(t, "max-threads", 5));
		swt_wait(t, told(t, "every thread is blocked in swt_execute" OURS,
				 ", which is queued too"));
		KUNIT_EXPECT_EQ(test, swt_runs(volume), 0);
	}
	swt_set(t, "stall-warn-secs", 0);
	swt_set(t, "max-threads", 5);
	swt_wait(t, swt_runs(volume) == 1);
	for (i = 0; i < 4; i++)
		swt_wait(t, swt_runs(cookies[i]) == 1);
}

static void other_execute(struct slow_work *work)
{
	swt_ops.execute(work);
	barrier();	/* a frame, and so a function, of its own */
}

static void threads_are_grouped_by_function(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = swt_ops_of(t, THIS_MODULE);
	struct swt_item *other, *item = named(swt_item(t, SWT_SLOW), "queued");

	ops->execute = other_execute;
	begin(t, 3, 3);
	other = swt_blocker_ops(t, SWT_SLOW, ops);
	swt_must_enqueue(other);
	swt_wait(t, swt_executing(other));
	swt_hold(t, 2);
	swt_must_enqueue(item);
	swt_set(t, "stall-warn-secs", 1);
	swt_wait(t, reported(item));
	swt_set(t, "stall-warn-secs", 0);
	KUNIT_EXPECT_TRUE(test, told(t, "1 thread in other_execute" OURS ", for ", " s: kslowd00"));
	KUNIT_EXPECT_TRUE(test, told(t, "2 threads in swt_execute" OURS ", the longest for ",
				     " s: kslowd00"));
	KUNIT_EXPECT_FALSE(test, told(t, "", "every thread is blocked in"));
	KUNIT_EXPECT_TRUE(test, names(t, "max-threads", 4));
	swt_release(other);
	swt_wait(t, swt_runs(item) == 1);
}

/* As the interface has it: has each item a thread, and each very slow one a slot? */
static bool fits(int threads, int percentage, int vslow, int slow)
{
	int slots = clamp(threads * percentage / 100, 1, max(threads, 2) - 1);

	return vslow <= slots && vslow + slow <= threads;
}

static const struct {
	int threads;
	int slow;
	int vslow;
	const char *setting;
	int value;
} settings[] = {
	{ 3, 4, 0, "max-threads", 4 },
	{ 2, 3, 1, "max-threads", 4 },
	{ 4, 2, 3, "max-threads", 6 },		/* neither a thread nor a slot */
	{ 4, 0, 4, "max-threads", 8 },		/* a slow item keeps a thread */
	{ 4, 1, 3, "vslow-percentage", 75 },
	{ 6, 0, 5, "vslow-percentage", 84 },
	{ 10, 1, 6, "vslow-percentage", 60 },
	{ 6, 2, 5, "max-threads", 10 },		/* a slot, but no thread then */
	{ 100, 0, 99, "vslow-percentage", 99 },
	{ 101, 0, 100, "max-threads", 200 },	/* 100 % may not be */
};

/* With the value that is named all items execute at once; with less they cannot. */
static void the_setting_that_is_named_is_enough(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item **items = swt_alloc(t, 100 * sizeof(*items));
	int i, n, nr;

	begin(t, 2, 2);
	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		int threads = settings[i].threads, value = settings[i].value;
		int slow = settings[i].slow, vslow = settings[i].vslow;

		nr = slow + vslow;
		KUNIT_ASSERT_LE(test, nr, 100);
		if (!strcmp(settings[i].setting, "max-threads"))
			KUNIT_EXPECT_FALSE(test, fits(value - 1, 50, vslow, slow));
		else
			KUNIT_EXPECT_FALSE(test, fits(threads, value - 1, vslow, slow));
		swt_set(t, "vslow-percentage", 50);
		swt_pool(t, threads, threads);
		swt_log_mark(t);
		for (n = 0; n < nr; n++) {
			items[n] = swt_blocker(t, n < slow ? SWT_SLOW : SWT_VSLOW);
			swt_must_enqueue(items[n]);
		}
		swt_set(t, "stall-warn-secs", 1);
		swt_wait(t, names(t, settings[i].setting, value));
		swt_set(t, "stall-warn-secs", 0);
		swt_set(t, settings[i].setting, value);
		for (n = 0; n < nr; n++)
			swt_wait(t, swt_executing(items[n]));
		for (n = 0; n < nr; n++)
			swt_release(items[n]);
		for (n = 0; n < nr; n++)
			swt_wait(t, swt_runs(items[n]) == 1);
	}
}

static void more_items_than_there_may_be_threads(struct kunit *test)
{
	int limit = limit_of_threads(), i;
	struct swt *t = test->priv;
	char text[64];

	begin(t, 2, 2);
	swt_hold(t, 2);
	for (i = 2; i < limit + 1; i++)
		swt_must_enqueue(swt_item(t, SWT_SLOW));
	swt_set(t, "stall-warn-secs", 1);
	snprintf(text, sizeof(text), "at max-threads %d (the limit is %d)", limit + 1, limit);
	swt_wait(t, told(t, "every item queued or executing would have a thread ", text));
	swt_set(t, "stall-warn-secs", 0);
}

static void go_on_for_a_while(struct swt_item *item)
{
	schedule_timeout_uninterruptible(HZ / 20);
	if (!READ_ONCE(item->t->stop))
		swt_enqueue(item);
}

/* Each waits for 2 s before it has its turn, but there is always one that has */
static void a_busy_pool_is_no_stall(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[80];
	unsigned long begin_at;
	int i;

	/* A host may be so busy that none starts for a second */
	if (!begin_exact(t, 2, 2))
		return;
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_item(t, SWT_SLOW);
		items[i]->on_execute = go_on_for_a_while;
		swt_must_enqueue(items[i]);
	}
	swt_set(t, "stall-warn-secs", 1);
	begin_at = jiffies;
	swt_wait(t, time_after(jiffies, begin_at + 4 * HZ));
	swt_set(t, "stall-warn-secs", 0);
	KUNIT_EXPECT_FALSE(test, told(t, "", ""));
	for (i = 0; i < ARRAY_SIZE(items); i++)
		swt_cancel(items[i]);
}

static struct kunit_case stall_cases[] = {
	KUNIT_CASE(an_item_that_executes_for_long),
	KUNIT_CASE(in_a_pool_that_is_started_anew),
	KUNIT_CASE(a_class_that_starts_nothing),
	KUNIT_CASE(threads_that_hang_in_put_ref),
	KUNIT_CASE(a_share_that_is_full),
	KUNIT_CASE(a_sleeper_is_no_stall),
	KUNIT_CASE(several_at_once_are_one_report),
	KUNIT_CASE(an_owner_that_waits_to_unregister),
	KUNIT_CASE(more_threads_than_a_line_names),
	KUNIT_CASE(the_oldest_of_several),
	KUNIT_CASE(a_desc_that_does_not_fit),
	KUNIT_CASE(a_thread_that_has_gone_on_is_no_stall),
	KUNIT_CASE(a_reserve_that_executes_for_long),
	KUNIT_CASE(a_desc_that_blocks_holds_up_no_report),
	KUNIT_CASE(a_setting_is_written_when_its_reports_are),
	KUNIT_CASE(what_has_no_worker_to_describe_it_goes_on),
	KUNIT_CASE(again_when_it_is_twice_as_old),
	KUNIT_CASE(no_more_than_five_are_printed_in_that_time),
	KUNIT_CASE(samples_come_an_eighth_of_the_time_or_a_quarter_of_a_second_apart),
	KUNIT_CASE(a_class_counts_from_when_it_last_started_one),
	KUNIT_CASE(a_class_counts_from_when_the_next_was_queued),
	KUNIT_CASE(a_class_in_which_one_waits_behind_new_ones),
	KUNIT_CASE(a_thread_counts_from_its_last_sleep),
	KUNIT_CASE(what_was_before_a_sample_that_is_late),
	KUNIT_CASE(no_thread_can_be_started),
	KUNIT_CASE(the_manager_that_does_not_come),
	KUNIT_CASE(a_thread_that_does_not_come),
	KUNIT_CASE(items_that_wait_for_one_behind_them),
	KUNIT_CASE(threads_are_grouped_by_function),
	KUNIT_CASE(the_setting_that_is_named_is_enough),
	KUNIT_CASE(more_items_than_there_may_be_threads),
	KUNIT_CASE(a_busy_pool_is_no_stall),
	{}
};

static struct kunit_suite stall_suite = {
	.name = "slow_work_stall",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = stall_cases,
};

kunit_test_suite(stall_suite);
