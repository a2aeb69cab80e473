// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The call-outs' table: in which context each is called and what it may do.
 * The contexts are looked at in every call of every suite (helper.c) and judged
 * by each case's exit; here are the cases that make each kind of call happen.
 */

#include <linux/delay.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "helper.h"

/* ---- get_ref ------------------------------------------------------------ */

static void get_ref_is_called_by_the_enqueuer_with_interrupts_off(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_item *armed = swt_item(t, SWT_DELAYED);

	swt_must_enqueue(item);
	swt_must_arm(armed, 1);
	KUNIT_EXPECT_EQ(test, READ_ONCE(item->get_pid), current->pid);
	KUNIT_EXPECT_EQ(test, READ_ONCE(armed->get_pid), current->pid);
	swt_wait(t, swt_at_rest(item) && swt_at_rest(armed));
	/* No second one when the delay ended */
	KUNIT_EXPECT_EQ(test, READ_ONCE(armed->get_pid), current->pid);
	KUNIT_EXPECT_FALSE(test, test_bit(SWT_GET_WITH_IRQS_ON, &item->faults));
	KUNIT_EXPECT_FALSE(test, test_bit(SWT_GET_WITH_IRQS_ON, &armed->faults));
}

/* ---- execute ------------------------------------------------------------ */

static void sleep_a_little(struct swt_item *item)
{
	usleep_range(10, 100);
	item->result = get_current_state();
}

static void execute_runs_in_a_pool_thread_and_may_sleep(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[3];
	int i;

	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_item(t, i);
		items[i]->on_execute = sleep_a_little;
		swt_must_run(items[i]);
		KUNIT_EXPECT_GE(test, items[i]->number, 0);
		KUNIT_EXPECT_FALSE(test, test_bit(SWT_EXECUTE_CONTEXT, &items[i]->faults));
	}
}

static void execute_begins_in_state_running(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	item->on_execute = sleep_a_little;
	item->result = -1;
	swt_must_run(item);
	KUNIT_EXPECT_EQ(test, item->result, TASK_RUNNING);
}

static void enqueue_and_arm(struct swt_item *item)
{
	if (swt_starts(item) == 1) {
		item->result |= swt_enqueue(item);
		item->result |= swt_enqueue(item->other);
	} else if (swt_starts(item) == 2) {
		item->result |= swt_arm(item, 1);
		item->result |= swt_arm(item->other, 1);
	}
}

static void execute_may_enqueue_and_arm_itself_and_others(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	item->other = swt_item(t, SWT_DELAYED);
	item->on_execute = enqueue_and_arm;
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item) == 3 && swt_runs(item->other) >= 1);
	KUNIT_EXPECT_EQ(test, item->result, 0);
	swt_wait(t, swt_at_rest(item->other));
}

/* ---- put_ref ------------------------------------------------------------ */

static void expect_put_by_pool_thread(struct swt *t, struct swt_item *item)
{
	swt_wait(t, swt_at_rest(item) && swt_runs(item) == 1);
	KUNIT_EXPECT_EQ(t->test, item->put_pid, item->pid);
	KUNIT_EXPECT_FALSE(t->test, test_bit(SWT_PUT_CONTEXT, &item->faults));
}

static void put_ref_after_execute_is_called_by_its_thread(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;
	int i;

	for (i = 0; i < 3; i++) {
		item = swt_item(t, i);
		swt_must_enqueue(item);
		expect_put_by_pool_thread(t, item);
	}
}

static void put_ref_after_a_delay_is_called_by_a_pool_thread(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	swt_must_arm(item, 1);
	expect_put_by_pool_thread(t, item);
}

static void put_ref_of_what_is_cancelled_is_called_by_the_canceller(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *queued = swt_item(t, SWT_SLOW);
	struct swt_item *armed = swt_item(t, SWT_DELAYED);
	struct swt_thread *cancel;

	swt_one_thread(t);
	swt_must_enqueue(queued);
	swt_must_arm(armed, SWT_NEVER);
	/* With every thread blocked nobody else could */
	cancel = swt_cancel_start(queued);
	swt_join(cancel);
	KUNIT_EXPECT_EQ(test, queued->put_pid, cancel->task->pid);
	cancel = swt_cancel_start(armed);
	swt_join(cancel);
	KUNIT_EXPECT_EQ(test, armed->put_pid, cancel->task->pid);
}

static void note_put(struct swt_item *item)
{
	/* What swt_put_ref() lets pass for a canceller's is none */
	item->result = swt_is_kslowd(current);
}

static void put_ref_of_what_the_last_unregister_disarms(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item_ops(t, SWT_DELAYED, swt_ops_of(t, NULL));

	item->on_put = note_put;
	swt_must_arm(item, SWT_NEVER);
	swt_unregister(t, THIS_MODULE);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 1);
	KUNIT_EXPECT_EQ(test, item->result, 1);
}

static void sleep_in_put(struct swt_item *item)
{
	usleep_range(10, 100);
}

static void put_ref_may_sleep(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	item->on_put = sleep_in_put;
	swt_must_enqueue(item);
	swt_wait(t, swt_at_rest(item));
	swt_must_arm(item, SWT_NEVER);
	swt_cancel(item);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->puts), 2);
}

static void enqueue_other_from_put(struct swt_item *item)
{
	item->result = swt_enqueue(item->other);
}

static void put_ref_may_enqueue_others(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	item->other = swt_item(t, SWT_SLOW);
	item->on_put = enqueue_other_from_put;
	swt_must_enqueue(item);
	swt_wait(t, swt_runs(item->other) == 1);
	swt_must_arm(item, SWT_NEVER);
	swt_cancel(item);
	swt_wait(t, swt_runs(item->other) == 2);
	KUNIT_EXPECT_EQ(test, item->result, 0);
}

/* A put_ref that takes long holds up its own thread, and nothing else */
static void put_ref_is_called_without_a_lock(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_item *armed = swt_item(t, SWT_DELAYED);

	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	swt_settle(t);
	swt_must_arm(armed, 1);
	swt_wait(t, swt_runs(armed) == 1);
	swt_cancel(armed);
	swt_set(t, "vslow-percentage", 60);
}

/* ---- desc --------------------------------------------------------------- */

#ifdef CONFIG_SLOW_WORK_DEBUG

/* A reader that stands in the desc of an executing item */
static struct swt_thread *read_and_stop_in_desc(struct swt *t, struct swt_item *item)
{
	struct swt_thread *reader;

	item->desc_gate = swt_gate(t);
	swt_must_execute(item);
	reader = swt_runqueue_start(t);
	swt_wait(t, atomic_read(&item->describing) == 1);
	return reader;
}

static void note_reader(struct swt_item *item, struct seq_file *m)
{
	WRITE_ONCE(item->value, current->pid);
	/* As seq_user_ns() wants it */
	WRITE_ONCE(item->result, m->file && file_inode(m->file));
	usleep_range(10, 100);
	seq_printf(m, "during:%d", swt_executing(item));
}

static void desc_is_called_by_the_reader_and_may_sleep(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_thread *reader;

	item->on_desc = note_reader;
	swt_must_execute(item);
	reader = swt_runqueue_start(t);
	KUNIT_ASSERT_EQ(test, swt_join(reader), 0);
	KUNIT_EXPECT_EQ(test, item->value, (long)reader->task->pid);
	KUNIT_EXPECT_EQ(test, item->result, 1);
	KUNIT_EXPECT_NOT_NULL(test, strstr(reader->text, "during:1"));
}

static void execute_may_return_during_desc_but_put_ref_waits(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_thread *reader = read_and_stop_in_desc(t, item);

	swt_release(item);
	swt_wait(t, swt_runs(item) == 1);
	swt_settle(t);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->putting), 0);
	swt_open(item->desc_gate);
	swt_wait(t, atomic_read(&item->puts) == 1);
	swt_join(reader);
	KUNIT_EXPECT_FALSE(test, test_bit(SWT_PUT_DURING_DESC, &item->faults));
}

static void cancel_waits_for_desc(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_thread *reader = read_and_stop_in_desc(t, item);
	struct swt_thread *cancel;

	swt_release(item);
	cancel = swt_cancel_start(item);
	swt_wait(t, swt_runs(item) == 1 && swt_blocked(cancel));
	KUNIT_EXPECT_FALSE(test, swt_done(cancel));
	swt_open(item->desc_gate);
	swt_join(cancel);
	KUNIT_EXPECT_TRUE(test, cancel->seen_at_rest);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->describing), 0);
	swt_join(reader);
}

static void expect_cancel_waits_for_desc_of(struct swt *t, struct swt_item *item)
{
	struct swt_thread *reader = swt_runqueue_start(t);
	struct swt_thread *cancel;

	swt_wait(t, atomic_read(&item->describing) == 1);
	cancel = swt_cancel_start(item);
	swt_wait(t, swt_blocked(cancel));
	KUNIT_EXPECT_FALSE(t->test, swt_done(cancel));
	KUNIT_EXPECT_EQ(t->test, atomic_read(&item->putting), 0);
	swt_open(item->desc_gate);
	swt_join(cancel);
	KUNIT_EXPECT_TRUE(t->test, cancel->seen_at_rest);
	swt_join(reader);
}

static void cancel_of_a_queued_item_waits_for_desc(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);

	swt_one_thread(t);
	item->desc_gate = swt_gate(t);
	swt_must_enqueue(item);
	expect_cancel_waits_for_desc_of(t, item);
}

static void cancel_of_an_armed_item_waits_for_desc(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);

	item->desc_gate = swt_gate(t);
	swt_must_arm(item, SWT_NEVER);
	expect_cancel_waits_for_desc_of(t, item);
}

/* It is nobody's */
static void last_unregister_waits_for_desc_of_an_armed_item(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item_ops(t, SWT_DELAYED, swt_ops_of(t, NULL));
	struct swt_thread *reader, *last;

	item->desc_gate = swt_gate(t);
	swt_must_arm(item, SWT_NEVER);
	reader = swt_runqueue_start(t);
	swt_wait(t, atomic_read(&item->describing) == 1);
	last = swt_unregister_start(t, THIS_MODULE, item);
	swt_wait(t, swt_blocked(last) && !swt_flag(item, SLOW_WORK_DELAYED));
	KUNIT_EXPECT_FALSE(test, swt_done(last));
	KUNIT_EXPECT_EQ(test, atomic_read(&item->putting), 0);
	swt_open(item->desc_gate);
	swt_join(last);
	KUNIT_EXPECT_TRUE(test, last->seen_at_rest);
	swt_join(reader);
	KUNIT_EXPECT_FALSE(test, test_bit(SWT_PUT_DURING_DESC, &item->faults));
}

static void queued_item_may_run_during_its_desc(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_thread *reader;

	swt_one_thread(t);
	item->desc_gate = swt_gate(t);
	swt_must_enqueue(item);
	reader = swt_runqueue_start(t);
	swt_wait(t, atomic_read(&item->describing) == 1);
	swt_release(t->held[0]);
	swt_wait(t, swt_runs(item) == 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->describing), 1);
	swt_open(item->desc_gate);
	swt_join(reader);
	swt_wait(t, swt_at_rest(item));
}

/* While one item describes itself at length, the pool goes on with all others */
static void desc_is_called_without_a_lock(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_item *armed = swt_item(t, SWT_DELAYED);
	struct swt_thread *reader = read_and_stop_in_desc(t, item);

	swt_settle(t);
	swt_must_arm(armed, 1);
	swt_wait(t, swt_runs(armed) == 1);
	swt_cancel(armed);
	swt_set(t, "vslow-percentage", 60);
	swt_open(item->desc_gate);
	swt_join(reader);
}

static void stop_the_first_reader(struct swt_item *item, struct seq_file *m)
{
	if (atomic_read(&item->descs) == 1)
		swt_pass(item->data);
	seq_puts(m, "whole");
}

/* Of an item that executes; until its gate opens, when the first reader is to be joined */
static struct swt_thread *stop_reader_of(struct swt_item *item)
{
	struct swt_thread *reader;

	item->on_desc = stop_the_first_reader;
	item->data = swt_gate(item->t);
	swt_must_execute(item);
	reader = swt_runqueue_start(item->t);
	swt_wait(item->t, atomic_read(&item->describing) == 1 && swt_blocked(reader));
	return reader;
}

/* Nor does one reader stand in the way of another */
static void desc_of_one_reader_holds_up_no_other(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_thread *reader = stop_reader_of(item);

	KUNIT_EXPECT_NOT_NULL(test, strstr(swt_runqueue(t), "whole"));
	swt_open(item->data);
	KUNIT_EXPECT_EQ(test, swt_join(reader), 0);
}

static void stop_each_reader(struct swt_item *item, struct seq_file *m)
{
	struct swt_gate **gates = item->data;

	swt_pass(gates[atomic_read(&item->descs) - 1]);
}

/* Whichever is through first */
static void put_ref_waits_for_both_readers(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_thread *readers[2];
	struct swt_gate **gates;
	struct swt_item *item;
	int i, first;

	for (first = 0; first < 2; first++) {
		item = swt_blocker(t, SWT_SLOW);
		gates = swt_alloc(t, 2 * sizeof(*gates));
		item->data = gates;
		item->on_desc = stop_each_reader;
		swt_must_execute(item);
		for (i = 0; i < 2; i++) {
			gates[i] = swt_gate(t);
			readers[i] = swt_runqueue_start(t);
			swt_wait(t, atomic_read(&item->describing) == i + 1 &&
				 swt_blocked(readers[i]));
		}
		swt_release(item);
		swt_wait(t, swt_runs(item) == 1);
		swt_settle(t);
		swt_open(gates[first]);
		KUNIT_EXPECT_EQ(test, swt_join(readers[first]), 0);
		swt_settle(t);
		KUNIT_EXPECT_EQ(test, atomic_read(&item->putting), 0);
		swt_open(gates[!first]);
		KUNIT_EXPECT_EQ(test, swt_join(readers[!first]), 0);
		swt_wait(t, swt_at_rest(item));
	}
}

/* Each comes before the other has gone: they would keep the item, and who waits, for ever */
static void readers_that_follow_each_other_keep_no_item(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct swt_thread *reader = stop_reader_of(item);

	swt_release(item);
	swt_wait(t, swt_runs(item) == 1 && swt_off_processor(item));
	swt_runqueue(t);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->descs), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->putting), 0);
	swt_open(item->data);
	KUNIT_EXPECT_EQ(test, swt_join(reader), 0);
	swt_wait(t, swt_at_rest(item));
}

/* It cannot be kept there: its line has what the pool knows of it */
static void item_in_put_ref_is_not_described(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	char *text;

	item->put_gate = swt_gate(t);
	swt_must_enqueue(item);
	swt_wait(t, atomic_read(&item->putting) == 1);
	swt_must_arm(item, SWT_NEVER);
	text = swt_runqueue(t);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(text, "\ndly "), "%s", text);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(text, "swt_execute"), "%s", text);
	KUNIT_EXPECT_EQ(test, atomic_read(&item->descs), 0);
	swt_open(item->put_gate);
}

static int enqueue_over_and_over(struct swt_thread *thread)
{
	struct swt_budget budget = swt_budget();
	int ret = 0;

	while (swt_more(thread->t, &budget)) {
		ret |= swt_enqueue(thread->arg);
		swt_jitter(20);
	}
	return ret;
}

static void reading_races_with_everything(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_budget budget = swt_budget();
	struct swt_thread *thread;
	struct swt_item *item;
	char *text;

	thread = swt_start(t, enqueue_over_and_over, swt_item(t, SWT_SLOW));
	/* Each turn leaves some memory behind until the end of the case */
	while (swt_more(t, &budget) && budget.nr < 200) {
		item = swt_item(t, SWT_DELAYED);
		swt_must_arm(item, swt_random(3));
		text = swt_runqueue(t);
		KUNIT_ASSERT_NOT_NULL(test, strstr(text, "THR PID"));
		swt_cancel(item);
	}
	KUNIT_EXPECT_EQ(test, swt_join(thread), 0);
}

#endif /* CONFIG_SLOW_WORK_DEBUG */

static struct kunit_case callouts_cases[] = {
	KUNIT_CASE(get_ref_is_called_by_the_enqueuer_with_interrupts_off),
	KUNIT_CASE(execute_runs_in_a_pool_thread_and_may_sleep),
	KUNIT_CASE(execute_begins_in_state_running),
	KUNIT_CASE(execute_may_enqueue_and_arm_itself_and_others),
	KUNIT_CASE(put_ref_after_execute_is_called_by_its_thread),
	KUNIT_CASE(put_ref_after_a_delay_is_called_by_a_pool_thread),
	KUNIT_CASE(put_ref_of_what_is_cancelled_is_called_by_the_canceller),
	KUNIT_CASE(put_ref_of_what_the_last_unregister_disarms),
	KUNIT_CASE(put_ref_may_sleep),
	KUNIT_CASE(put_ref_may_enqueue_others),
	KUNIT_CASE(put_ref_is_called_without_a_lock),
#ifdef CONFIG_SLOW_WORK_DEBUG
	KUNIT_CASE(desc_is_called_by_the_reader_and_may_sleep),
	KUNIT_CASE(execute_may_return_during_desc_but_put_ref_waits),
	KUNIT_CASE(cancel_waits_for_desc),
	KUNIT_CASE(cancel_of_a_queued_item_waits_for_desc),
	KUNIT_CASE(cancel_of_an_armed_item_waits_for_desc),
	KUNIT_CASE(last_unregister_waits_for_desc_of_an_armed_item),
	KUNIT_CASE(queued_item_may_run_during_its_desc),
	KUNIT_CASE(desc_is_called_without_a_lock),
	KUNIT_CASE(desc_of_one_reader_holds_up_no_other),
	KUNIT_CASE(put_ref_waits_for_both_readers),
	KUNIT_CASE(readers_that_follow_each_other_keep_no_item),
	KUNIT_CASE(item_in_put_ref_is_not_described),
	KUNIT_CASE(reading_races_with_everything),
#endif
	{}
};

static struct kunit_suite callouts_suite = {
	.name = "slow_work_callouts",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = callouts_cases,
};

kunit_test_suite(callouts_suite);
