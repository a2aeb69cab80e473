// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Administration: /proc/sys/kernel/slow-work/ and the lines in the log.
 */

#include <linux/cpumask.h>
#include <linux/fs.h>

#include "helper.h"

static const char * const files[] = { "min-threads", "max-threads", "vslow-percentage" };

static int hard_limit(void)
{
	return max_t(int, 255, 2 * num_possible_cpus());
}

/* As the module was loaded without parameters */
static void values_to_start_with(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, swt_first_min, 2);
	KUNIT_EXPECT_EQ(test, swt_first_max, swt_default_max());
	KUNIT_EXPECT_EQ(test, swt_first_share, 50);
}

static void files_have_mode_0644(struct kunit *test)
{
	char path[64];
	int i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), SWT_SYSCTL "%s", files[i]);
		KUNIT_EXPECT_EQ_MSG(test, swt_file_mode(path), 0644, "%s", files[i]);
	}
	KUNIT_EXPECT_EQ(test, swt_file_mode(SWT_SYSCTL "nice"), 0644);
	KUNIT_EXPECT_EQ(test, swt_file_mode(SWT_SYSCTL "stall-warn-secs"), 0644);
	KUNIT_EXPECT_EQ(test, swt_file_mode(SWT_SYSCTL "cpumask"), 0644);
}

static struct file *open_file(struct kunit *test, const char *name, int flags)
{
	struct file *file;
	char path[64];

	snprintf(path, sizeof(path), SWT_SYSCTL "%s", name);
	file = swt_file(path, flags);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	return file;
}

static ssize_t write_text(const char *name, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), SWT_SYSCTL "%s", name);
	return swt_write_file(path, text);
}

static void expect_refused(struct kunit *test, const char *name, const char *text)
{
	int before = swt_read(name);

	KUNIT_EXPECT_EQ_MSG(test, write_text(name, text), (ssize_t)-EINVAL,
			    "\"%s\" to %s", text, name);
	KUNIT_EXPECT_EQ_MSG(test, swt_read(name), before, "\"%s\" to %s", text, name);
}

static void expect_taken(struct kunit *test, const char *name, const char *text, int value)
{
	KUNIT_EXPECT_EQ_MSG(test, write_text(name, text), (ssize_t)strlen(text),
			    "\"%s\" to %s", text, name);
	KUNIT_EXPECT_EQ_MSG(test, swt_read(name), value, "\"%s\" to %s", text, name);
}

static void what_is_no_integer_is_refused(struct kunit *test)
{
	static const char * const texts[] = {
		"x", "3x", "3 4", "3,4", "3.5", "-3", "--3", "0x", "three",
		"4294967299", "18446744073709551619", "99999999999999999999999", "-",
		"2147483648", "-2147483648",
	};
	int i, j;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		for (j = 0; j < ARRAY_SIZE(texts); j++)
			expect_refused(test, files[i], texts[j]);
}

static void the_kernels_usual_notation_is_taken(struct kunit *test)
{
	expect_taken(test, "max-threads", "64", 64);
	expect_taken(test, "max-threads", "63\n", 63);
	expect_taken(test, "max-threads", "\t 62\n", 62);
	expect_taken(test, "max-threads", "0x3d\n", 61);
	expect_taken(test, "vslow-percentage", "42\n", 42);
	expect_taken(test, "min-threads", "3\n", 3);
}

static void share_is_1_to_99(struct kunit *test)
{
	expect_refused(test, "vslow-percentage", "0");
	expect_refused(test, "vslow-percentage", "100");
	expect_refused(test, "vslow-percentage", "-1");
	expect_taken(test, "vslow-percentage", "1\n", 1);
	expect_taken(test, "vslow-percentage", "99\n", 99);
}

static void maximum_is_up_to_the_hard_limit(struct kunit *test)
{
	struct swt *t = test->priv;
	char text[16];

	/* Without a user no thread comes of it */
	swt_unregister(t, THIS_MODULE);
	snprintf(text, sizeof(text), "%d", hard_limit() + 1);
	expect_refused(test, "max-threads", text);
	snprintf(text, sizeof(text), "%d", hard_limit());
	expect_taken(test, "max-threads", text, hard_limit());
	expect_taken(test, "min-threads", text, hard_limit());
	expect_taken(test, "min-threads", "2\n", 2);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

static void minimum_is_2_up_to_the_maximum(struct kunit *test)
{
	expect_taken(test, "max-threads", "5\n", 5);
	expect_refused(test, "min-threads", "0");
	expect_refused(test, "min-threads", "1");
	expect_refused(test, "min-threads", "6");
	expect_taken(test, "min-threads", "5\n", 5);
	expect_taken(test, "min-threads", "2\n", 2);
}

static void maximum_is_not_below_the_minimum(struct kunit *test)
{
	expect_taken(test, "max-threads", "5\n", 5);
	expect_taken(test, "min-threads", "4\n", 4);
	expect_refused(test, "max-threads", "3");
	expect_refused(test, "max-threads", "1");
	expect_refused(test, "max-threads", "0");
	expect_taken(test, "max-threads", "4\n", 4);
}

static void patience_is_up_to_a_week(struct kunit *test)
{
	static const char * const texts[] = {
		"-1", "604801", "x", "120s", "-", "1.5", "3 4", "4294967296",
		"-2147483648", "99999999999999999999999",
	};
	int i;

	KUNIT_EXPECT_EQ(test, swt_read("stall-warn-secs"), 120);
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		expect_refused(test, "stall-warn-secs", texts[i]);
	expect_taken(test, "stall-warn-secs", "604800\n", 604800);
	expect_taken(test, "stall-warn-secs", "0\n", 0);
	expect_taken(test, "stall-warn-secs", " 7 ", 7);
}

static ssize_t write_at(struct kunit *test, const char *name, const char *text, loff_t *at)
{
	struct file *file = open_file(test, name, O_WRONLY);
	ssize_t ret = kernel_write(file, text, strlen(text), at);

	swt_close_file(file);
	return ret;
}

/* As the kernel's own integers have it: no error, and no effect */
static void integer_at_an_offset_is_ignored(struct kunit *test)
{
	static const char * const names[] = {
		"min-threads", "max-threads", "vslow-percentage", "nice", "stall-warn-secs",
	};
	int i, before;
	loff_t at;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		before = swt_read(names[i]);
		at = 1;
		KUNIT_EXPECT_EQ_MSG(test, write_at(test, names[i], "3\n", &at), (ssize_t)2,
				    "%s", names[i]);
		KUNIT_EXPECT_EQ_MSG(test, at, (loff_t)3, "%s", names[i]);
		KUNIT_EXPECT_EQ_MSG(test, swt_read(names[i]), before, "%s", names[i]);
	}
}

#define WRITES_STRICT	"/proc/sys/kernel/sysctl_writes_strict"

static void integer_at_an_offset_is_taken_if_the_kernel_is_told_to(struct kunit *test)
{
	loff_t at = 1, bad_at = 1;
	ssize_t taken, refused;
	char strict[8];
	int value;

	KUNIT_ASSERT_GT(test, swt_read_file(WRITES_STRICT, strict, sizeof(strict)), (ssize_t)0);
	KUNIT_ASSERT_EQ(test, swt_write_file(WRITES_STRICT, "-1\n"), (ssize_t)3);
	taken = write_at(test, "max-threads", "9\n", &at);
	value = swt_read("max-threads");
	refused = write_at(test, "max-threads", "1\n", &bad_at);
	KUNIT_EXPECT_EQ(test, swt_write_file(WRITES_STRICT, strict), (ssize_t)strlen(strict));
	KUNIT_EXPECT_EQ(test, taken, (ssize_t)2);
	KUNIT_EXPECT_EQ(test, value, 9);
	KUNIT_EXPECT_EQ(test, refused, (ssize_t)-EINVAL);
	KUNIT_EXPECT_EQ(test, swt_read("max-threads"), 9);
}

static void raised_share_has_a_thread_woken(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[2];
	int i;

	swt_set(t, "vslow-percentage", 25);
	swt_pool(t, 4, 4);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_blocker(t, SWT_VSLOW);
		swt_must_enqueue(items[i]);
	}
	swt_wait(t, swt_executing(items[0]) && swt_idle_threads() == 3);
	/* By the write itself, before it returns: nothing else comes at that time */
	swt_write("vslow-percentage", 50);
	KUNIT_EXPECT_LT(test, swt_idle_threads(), 3);
	swt_wait(t, swt_executing(items[1]));
}

static void add_nice(struct task_struct *task, void *arg)
{
	*(int *)arg += task_nice(task);
}

/* Of all threads together */
static int all_nice(void)
{
	int sum = 0;

	swt_each_thread(add_nice, &sum);
	return sum;
}

static void nice_is_what_the_kernel_has(struct kunit *test)
{
	static const char * const texts[] = {
		"-21", "20", "100", "-100", "x", "5x", "-", "--3", "3 4", "2.5",
		"4294967296", "-4294967296", "-2147483648", "99999999999999999999999",
	};
	struct swt *t = test->priv;
	int i;

	swt_pool(t, 2, 2);
	KUNIT_EXPECT_EQ(test, swt_read("nice"), -5);
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		expect_refused(test, "nice", texts[i]);
	KUNIT_EXPECT_EQ(test, all_nice(), 2 * -5);
	expect_taken(test, "nice", "-20\n", -20);
	expect_taken(test, "nice", " 19 ", 19);
	KUNIT_EXPECT_EQ(test, all_nice(), 2 * 19);
	swt_pool(t, 4, 4);
	KUNIT_EXPECT_EQ(test, all_nice(), 4 * 19);
	expect_taken(test, "nice", "0", 0);
	KUNIT_EXPECT_EQ(test, all_nice(), 0);
}

#define CPUMASK_TEXT	128	/* of the kernels that run this */

static void read_cpumask(struct kunit *test, char *text)
{
	KUNIT_ASSERT_GT(test, swt_read_file(SWT_SYSCTL "cpumask", text, CPUMASK_TEXT), (ssize_t)0);
}

static void expect_no_cpumask(struct kunit *test, const char *text, int error)
{
	char before[CPUMASK_TEXT], after[CPUMASK_TEXT];

	read_cpumask(test, before);
	KUNIT_EXPECT_EQ_MSG(test, write_text("cpumask", text), (ssize_t)error, "\"%s\"", text);
	read_cpumask(test, after);
	KUNIT_EXPECT_STREQ(test, after, before);
}

static void count_on_first_cpu_alone(struct task_struct *task, void *arg)
{
	*(int *)arg += task->nr_cpus_allowed == 1 && cpumask_test_cpu(0, task->cpus_ptr) &&
		       (task->flags & PF_NO_SETAFFINITY);
}

static void cpumask_is_of_possible_cpus(struct kunit *test)
{
	static const char * const texts[] = {
		"0", "\n", " ", "x", "0x1", "-1", "1\n1", "1\n\n", "00000000", "1.0",
	};
	struct swt *t = test->priv;
	char first[CPUMASK_TEXT], huge[600];
	int i, found = 0;

	read_cpumask(test, first);
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		expect_no_cpumask(test, texts[i], -EINVAL);
	memset(huge, '1', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	expect_no_cpumask(test, huge, -EOVERFLOW);

	KUNIT_EXPECT_EQ(test, write_text("cpumask", "1\n"), (ssize_t)2);
	swt_pool(t, 4, 4);
	swt_each_thread(count_on_first_cpu_alone, &found);
	KUNIT_EXPECT_EQ(test, found, 4);
	KUNIT_EXPECT_EQ(test, write_text("cpumask", first), (ssize_t)strlen(first));
}

/* One file is written again and again, without going back */
static void write_to_cpumask_moves_on(struct kunit *test)
{
	struct file *file = open_file(test, "cpumask", O_WRONLY);
	char first[CPUMASK_TEXT];
	loff_t at = 0;

	read_cpumask(test, first);
	KUNIT_EXPECT_EQ(test, kernel_write(file, "1\n", 2, &at), (ssize_t)2);
	KUNIT_EXPECT_EQ(test, at, (loff_t)2);
	KUNIT_EXPECT_EQ(test, kernel_write(file, "1\n", 2, &at), (ssize_t)-EINVAL);
	KUNIT_EXPECT_EQ(test, at, (loff_t)2);
	swt_close_file(file);
	KUNIT_EXPECT_EQ(test, write_text("cpumask", first), (ssize_t)strlen(first));
}

static void more_than_a_line_is_no_cpumask(struct kunit *test)
{
	static const struct { const char *text; size_t length; } bad[] = {
		{ "1\n1", 3 }, { "1\n\n", 3 }, { "1\0", 2 }, { "1\n\0", 3 }, { "\0", 1 },
	};
	struct file *file = open_file(test, "cpumask", O_WRONLY);
	loff_t at = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, kernel_write(file, bad[i].text, bad[i].length, &at),
				    (ssize_t)-EINVAL, "text %d", i);
	KUNIT_EXPECT_EQ(test, at, (loff_t)0);
	swt_close_file(file);
}

static void cpumask_reads_as_bitmaps_do(struct kunit *test)
{
	char first[CPUMASK_TEXT], wanted[CPUMASK_TEXT], text[CPUMASK_TEXT];
	struct file *file;
	loff_t at = 0;
	int length, i;

	read_cpumask(test, first);
	length = snprintf(wanted, sizeof(wanted), "%*pb\n", cpumask_pr_args(cpumask_of(0)));
	KUNIT_EXPECT_EQ(test, write_text("cpumask", wanted), (ssize_t)length);
	read_cpumask(test, text);
	KUNIT_EXPECT_STREQ(test, text, wanted);

	/* By the byte */
	memset(text, 0, sizeof(text));
	file = open_file(test, "cpumask", O_RDONLY);
	for (i = 0; i < length; i++)
		KUNIT_EXPECT_EQ(test, kernel_read(file, text + i, 1, &at), (ssize_t)1);
	KUNIT_EXPECT_STREQ(test, text, wanted);
	KUNIT_EXPECT_EQ(test, at, (loff_t)length);
	KUNIT_EXPECT_EQ(test, kernel_read(file, text, 1, &at), (ssize_t)0);
	swt_close_file(file);
	KUNIT_EXPECT_EQ(test, write_text("cpumask", first), (ssize_t)strlen(first));
}

static int write_at_once(struct swt_thread *thread)
{
	return swt_write(thread->arg, strcmp(thread->arg, "min-threads") ? 4 : 6);
}

/* Of a minimum of 6 and a maximum of 4, written at once, one must be refused */
static void minimum_and_maximum_are_judged_together(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_budget budget = swt_budget();
	struct swt_thread *raise, *lower;
	int raised, lowered;

	swt_unregister(t, THIS_MODULE);
	/* Each turn leaves two threads' memory behind until the end of the case */
	while (swt_more(t, &budget) && budget.nr < 500) {
		swt_set(t, "max-threads", 8);
		swt_set(t, "min-threads", 2);
		raise = swt_start(t, write_at_once, "min-threads");
		lower = swt_start(t, write_at_once, "max-threads");
		raised = swt_join(raise);
		lowered = swt_join(lower);
		KUNIT_ASSERT_EQ(test, min(raised, lowered), -EINVAL);
		KUNIT_ASSERT_GT(test, max(raised, lowered), 0);
		KUNIT_ASSERT_LE(test, swt_read("min-threads"), swt_read("max-threads"));
	}
}

static int write_and_read_all(struct swt_thread *thread)
{
	int ret = 0;

	ret |= swt_write("max-threads", 5) < 0;
	ret |= swt_write("min-threads", 3) < 0;
	ret |= swt_write("min-threads", 2) < 0;
	ret |= swt_write("vslow-percentage", 33) < 0;
	ret |= swt_read("max-threads") != 5;
	ret |= swt_read("min-threads") != 2;
	ret |= swt_read("vslow-percentage") != 33;
	return ret;
}

/* Their lock is not held while threads are waited for */
static void they_can_be_written_during_the_last_unregister(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread *leave;

	swt_pool(t, 2, 2);
	swt_hold(t, 2);
	leave = swt_unregister_start(t, THIS_MODULE, NULL);
	swt_wait(t, swt_blocked(leave));
	KUNIT_EXPECT_EQ(test, swt_call(t, write_and_read_all, NULL), 0);
	KUNIT_EXPECT_FALSE(test, swt_done(leave));
	swt_release(t->held[0]);
	swt_release(t->held[1]);
	swt_join(leave);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
}

static void they_can_be_written_without_a_user(struct kunit *test)
{
	struct swt *t = test->priv;

	swt_unregister(t, THIS_MODULE);
	KUNIT_EXPECT_EQ(test, swt_call(t, write_and_read_all, NULL), 0);
	KUNIT_EXPECT_EQ(test, swt_threads(), 0);
	swt_set(t, "min-threads", 4);
	KUNIT_ASSERT_EQ(test, swt_register(t, THIS_MODULE), 0);
	KUNIT_EXPECT_EQ(test, swt_threads(), 4);
}

static int change_all(struct swt_thread *thread)
{
	struct swt_budget budget = swt_budget();

	while (swt_more(thread->t, &budget)) {
		/* Refused or not as the others' writes have it */
		swt_write("min-threads", 2 + swt_random(8));
		swt_write("max-threads", 2 + swt_random(12));
		swt_write("vslow-percentage", 1 + swt_random(99));
	}
	return 0;
}

static int keep_queues_full(struct swt_thread *thread)
{
	struct swt_budget budget = swt_budget();
	struct swt_item **items = thread->arg;
	int ret = 0;

	while (swt_more(thread->t, &budget)) {
		ret |= swt_enqueue(items[swt_random(16)]);
		swt_jitter(20);
	}
	return ret;
}

static void changes_race_with_work(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item **items = swt_alloc(t, 16 * sizeof(*items));
	struct swt_thread *threads[3];
	int i;

	for (i = 0; i < 16; i++)
		items[i] = swt_item(t, i % 3);
	threads[0] = swt_start(t, change_all, NULL);
	threads[1] = swt_start(t, change_all, NULL);
	threads[2] = swt_start(t, keep_queues_full, items);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		KUNIT_EXPECT_EQ(test, swt_join(threads[i]), 0);
	for (i = 0; i < 16; i++)
		swt_wait(t, swt_at_rest(items[i]));
	swt_pool(t, 2, 2);
	swt_wait(t, swt_threads() == 2);
}

/* As a notice, and at the beginning of its line */
static bool is_noted(struct swt *t, const char *text)
{
	const char *before = IS_ENABLED(CONFIG_PRINTK_TIME) ? "] " : "<5>";
	char line[64];

	snprintf(line, sizeof(line), "%sSlow work thread pool: %s", before, text);
	return swt_logged(t, "<5>", line);
}

static void users_and_threads_are_logged(struct kunit *test)
{
	struct swt *t = test->priv;

	swt_unregister(t, THIS_MODULE);
	swt_log_mark(t);
	KUNIT_ASSERT_EQ(test, swt_register(t, THIS_MODULE), 0);
	KUNIT_EXPECT_TRUE(test, is_noted(t, "Starting up"));
	KUNIT_EXPECT_TRUE(test, is_noted(t, "Ready"));
	KUNIT_EXPECT_FALSE(test, swt_logged(t, "Slow work thread pool: ", "Shut"));
	swt_log_mark(t);
	swt_unregister(t, THIS_MODULE);
	KUNIT_EXPECT_TRUE(test, is_noted(t, "Shutting down"));
	KUNIT_EXPECT_TRUE(test, is_noted(t, "Shut down complete"));
}

static int sysctl_init(struct kunit *test)
{
	int ret = swt_init(test);

	if (!ret)
		swt_need_sysctls(test->priv);
	return ret;
}

static struct kunit_case sysctl_cases[] = {
	KUNIT_CASE(values_to_start_with),
	KUNIT_CASE(files_have_mode_0644),
	KUNIT_CASE(what_is_no_integer_is_refused),
	KUNIT_CASE(the_kernels_usual_notation_is_taken),
	KUNIT_CASE(share_is_1_to_99),
	KUNIT_CASE(maximum_is_up_to_the_hard_limit),
	KUNIT_CASE(minimum_is_2_up_to_the_maximum),
	KUNIT_CASE(maximum_is_not_below_the_minimum),
	KUNIT_CASE(patience_is_up_to_a_week),
	KUNIT_CASE(integer_at_an_offset_is_ignored),
	KUNIT_CASE(integer_at_an_offset_is_taken_if_the_kernel_is_told_to),
	KUNIT_CASE(raised_share_has_a_thread_woken),
	KUNIT_CASE(nice_is_what_the_kernel_has),
	KUNIT_CASE(cpumask_is_of_possible_cpus),
	KUNIT_CASE(write_to_cpumask_moves_on),
	KUNIT_CASE(more_than_a_line_is_no_cpumask),
	KUNIT_CASE(cpumask_reads_as_bitmaps_do),
	KUNIT_CASE(minimum_and_maximum_are_judged_together),
	KUNIT_CASE(they_can_be_written_during_the_last_unregister),
	KUNIT_CASE(they_can_be_written_without_a_user),
	KUNIT_CASE(changes_race_with_work),
	KUNIT_CASE(users_and_threads_are_logged),
	{}
};

static struct kunit_suite sysctl_suite = {
	.name = "slow_work_sysctl",
	.init = sysctl_init,
	.exit = swt_exit,
	.test_cases = sysctl_cases,
};

kunit_test_suite(sysctl_suite);
