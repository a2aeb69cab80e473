// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /sys/kernel/debug/slow_work/runqueue: what executes, is queued and is armed.
 */

#include <linux/ctype.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "helper.h"

#define HEADER	"THR PID   ITEM ADDR        FL MARK  DESC\n" \
		"=== ===== ================ == ===== ==========\n"

struct row {
	char thr[4];
	char pid[6];
	char addr[17];
	char mark[6];
	unsigned long flags;
	char desc[256];
};

/* Takes a line apart; false where it has not got the format of section 5 */
static bool parse_row(const char *line, struct row *row)
{
	const char *end = strchrnul(line, '\n');
	char flags[17] = "";
	int n;

	/* "  0  3005 ffff880023f52348  a 952ms OBJ17d3: LOOK" */
	if (end - line < 35 || line[3] != ' ' || line[9] != ' ' || line[26] != ' ')
		return false;
	strscpy(row->thr, line, sizeof(row->thr));
	strscpy(row->pid, line + 4, sizeof(row->pid));
	strscpy(row->addr, line + 10, sizeof(row->addr));
	/* Half as long on 32 bits */
	strim(row->addr);
	/* Two characters, more only where they do not do */
	line += 27;
	for (n = 0; n < 16 && (n < 2 || isxdigit(line[n])); n++)
		flags[n] = line[n];
	if (n > 2 && flags[0] == ' ')
		return false;
	if (line[n] != ' ' || kstrtoul(strim(flags), 16, &row->flags))
		return false;
	line += n + 1;
	if (end - line < 5 || (end - line > 5 && line[5] != ' '))
		return false;
	strscpy(row->mark, line, sizeof(row->mark));
	row->desc[0] = '\0';
	if (end - line > 6)
		strscpy(row->desc, line + 6, min_t(size_t, end - line - 5, sizeof(row->desc)));
	return true;
}

/* The @nr-th line after the header, or NULL */
static const char *row_at(const char *text, int nr)
{
	text += strlen(HEADER);
	while (nr-- && *text) {
		text = strchrnul(text, '\n');
		if (*text)
			text++;
	}
	return *text ? text : NULL;
}

static int count_rows(const char *text)
{
	int nr = 0;

	while (row_at(text, nr))
		nr++;
	return nr;
}

/* Reads the file and expects so many rows */
static struct row *read_rows(struct swt *t, int nr)
{
	struct row *rows = swt_alloc(t, max(nr, 1) * sizeof(*rows));
	char *text = swt_runqueue(t);
	int i;

	KUNIT_ASSERT_TRUE_MSG(t->test, !strncmp(text, HEADER, strlen(HEADER)), "%.200s", text);
	KUNIT_ASSERT_EQ_MSG(t->test, count_rows(text), nr, "\n%.800s", text);
	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_TRUE_MSG(t->test, parse_row(row_at(text, i), &rows[i]), "\n%.800s",
				      row_at(text, i));
	return rows;
}

static struct swt_item *named(struct swt_item *item, const char *name)
{
	strscpy(item->name, name, sizeof(item->name));
	return item;
}

static void expect_row(struct kunit *test, struct row *row, const char *thr,
		       unsigned long flags, struct swt_item *item)
{
	char addr[20];

	KUNIT_EXPECT_STREQ(test, &row->thr[0], thr);
	/* Numbers from 6 on are the pool's own */
	KUNIT_EXPECT_EQ(test, row->flags & 0x3f, flags);
	KUNIT_EXPECT_STREQ(test, &row->desc[0], item->name);
	/* As %p has it today, hashed or not; before the key is there it says so */
	snprintf(addr, sizeof(addr), "%p", &item->work);
	if (addr[0] != '(')
		KUNIT_EXPECT_STREQ(test, &row->addr[0], &addr[0]);
}

static void file_has_mode_0400(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, swt_file_mode(SWT_RUNQUEUE), 0400);
}

static void empty_pool_is_a_header(struct kunit *test)
{
	struct swt *t = test->priv;

	read_rows(t, 0);
	swt_unregister(t, THIS_MODULE);
	read_rows(t, 0);
}

static void executing_item_has_number_and_pid_of_its_thread(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = named(swt_blocker(t, SWT_VSLOW), "OBJ17d3: LOOK");
	char thr[4], pid[6];
	struct row *row;

	swt_must_execute(item);
	row = read_rows(t, 1);
	snprintf(thr, sizeof(thr), "%3d", item->number);
	snprintf(pid, sizeof(pid), "%5d", item->pid);
	expect_row(test, row, thr, 0x0a, item);
	KUNIT_EXPECT_STREQ(test, &row->pid[0], &pid[0]);
}

/* The last thread that there may be, too, and nothing that lies behind it */
static void items_on_all_of_255_threads_are_shown(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_gate *gate = swt_gate(t);
	struct swt_item **items;
	struct row *rows;
	int i;

	if (!swt_time_travel())
		return;
	swt_pool(t, 255, 255);
	items = swt_alloc(t, 255 * sizeof(*items));
	for (i = 0; i < 255; i++) {
		items[i] = swt_item(t, SWT_SLOW);
		items[i]->gate = gate;
		swt_must_enqueue(items[i]);
	}
	for (i = 0; i < 255; i++)
		swt_wait(t, swt_starts(items[i]));
	rows = read_rows(t, 255);
	KUNIT_EXPECT_STREQ(test, &rows[254].thr[0], "254");
}

/* Between the threads and the queues */
static void item_on_a_reserve_has_its_pid(struct kunit *test)
{
	struct swt *t = test->priv;
	struct module *owner = swt_owner(t, "swt_rsv");
	struct swt_item *item, *queued = named(swt_item(t, SWT_SLOW), "queued");
	struct row *rows;
	char pid[6];

	KUNIT_ASSERT_EQ(test, swt_register_flags(t, owner, SLOW_WORK_MEM_RECLAIM), 0);
	swt_one_thread(t);
	item = named(swt_blocker_ops(t, SWT_SLOW, swt_ops_of(t, owner)), "on a reserve");
	swt_must_execute(item);
	swt_must_enqueue(queued);
	rows = read_rows(t, 4);
	snprintf(pid, sizeof(pid), "%5d", item->pid);
	expect_row(test, &rows[2], "rsv", 0x02, item);
	KUNIT_EXPECT_STREQ(test, &rows[2].pid[0], &pid[0]);
	expect_row(test, &rows[3], " sq", 0x01, queued);
}

static void queued_items_are_in_their_queues(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *slow = named(swt_item(t, SWT_SLOW), "backup: mkdir");
	struct swt_item *very_slow = named(swt_item(t, SWT_VSLOW), "OBJ17e0 OP60f91: write");
	struct row *rows;

	swt_one_thread(t);
	swt_must_enqueue(very_slow);
	swt_must_enqueue(slow);
	rows = read_rows(t, 4);
	expect_row(test, &rows[2], " sq", 0x01, slow);
	KUNIT_EXPECT_STREQ(test, &rows[2].pid[0], "    -");
	expect_row(test, &rows[3], "vsq", 0x09, very_slow);
	KUNIT_EXPECT_STREQ(test, &rows[3].pid[0], "    -");
}

static void armed_item_is_shown(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = named(swt_item(t, SWT_DELAYED), "lease: renew");
	struct row *row;

	swt_must_arm(item, SWT_NEVER);
	row = read_rows(t, 1);
	expect_row(test, row, "dly", 0x21, item);
	KUNIT_EXPECT_STREQ(test, &row->pid[0], "    -");
}

static void item_that_executes_and_is_armed_is_shown_twice(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = named(swt_blocker(t, SWT_DELAYED), "twofold");
	struct row *rows;
	char thr[4];

	swt_must_execute(item);
	swt_must_arm(item, SWT_NEVER);
	rows = read_rows(t, 2);
	snprintf(thr, sizeof(thr), "%3d", item->number);
	KUNIT_EXPECT_STREQ(test, &rows[0].thr[0], thr);
	KUNIT_EXPECT_STREQ(test, &rows[1].thr[0], "dly");
	KUNIT_EXPECT_STREQ(test, &rows[1].desc[0], "twofold");
}

/* Threads by number, then each queue in its order, then what is armed */
static void rows_are_in_order(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[3][3];
	struct row *rows;
	int i, kind;

	swt_pool(t, 4, 4);
	swt_hold(t, 4);
	for (i = 0; i < 3; i++) {
		for (kind = 0; kind < 3; kind++) {
			items[kind][i] = swt_item(t, kind);
			snprintf(items[kind][i]->name, sizeof(items[kind][i]->name),
				 "kind %d item %d", kind, i);
			if (kind == SWT_DELAYED)
				swt_must_arm(items[kind][i], SWT_NEVER);
			else
				swt_must_enqueue(items[kind][i]);
		}
	}
	rows = read_rows(t, 13);
	for (i = 0; i < 4; i++) {
		char thr[4];

		snprintf(thr, sizeof(thr), "%3d", i);
		KUNIT_EXPECT_STREQ(test, &rows[i].thr[0], thr);
	}
	for (i = 0; i < 3; i++) {
		expect_row(test, &rows[4 + i], " sq", 0x01, items[SWT_SLOW][i]);
		expect_row(test, &rows[7 + i], "vsq", 0x09, items[SWT_VSLOW][i]);
		/* No order is promised among these */
		KUNIT_EXPECT_STREQ(test, &rows[10 + i].thr[0], "dly");
	}
}

/* Then it is told by its function, and the module that is in, if it is in one */
static void item_without_desc_has_a_row(struct kunit *test)
{
	struct swt *t = test->priv;
	struct slow_work_ops *ops = swt_ops_of(t, THIS_MODULE);
	struct swt_item *item;
	struct row *row;

	ops->desc = NULL;
	item = swt_blocker_ops(t, SWT_SLOW, ops);
	swt_must_execute(item);
	row = read_rows(t, 1);
	KUNIT_EXPECT_PTR_NE(test, strstr(row->desc, "swt_execute"), NULL);
	if (__is_defined(MODULE))
		KUNIT_EXPECT_PTR_NE(test, strstr(row->desc, "[slow_work_kunit]"), NULL);
}

/* ---- MARK --------------------------------------------------------------- */

/* Five characters, "952ms" or "   2s", and how many ms its unit has; -1: none of that */
static long mark_value(const char *mark, long *unit)
{
	static const struct { const char *name; long ms; } units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
	};
	const char *p = mark + strspn(mark, " ");
	long value = 0;
	int i;

	if (strlen(mark) != 5 || !isdigit(*p))
		return -1;
	while (isdigit(*p))
		value = value * 10 + *p++ - '0';
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		if (!strcmp(p, units[i].name)) {
			*unit = units[i].ms;
			return value;
		}
	}
	return -1;
}

/* In ms, or below 0 */
static long mark_ms(const char *mark, long *unit)
{
	long value = mark_value(mark, unit);

	return value < 0 ? value : value * *unit;
}

/* It may be rounded either way, and a jiffy may be lost at each end */
static void expect_mark(struct kunit *test, struct row *row, unsigned long least,
			unsigned long most)
{
	long slack = 2 * jiffies_to_msecs(1) + 1, unit = 0, ms = mark_ms(row->mark, &unit);

	KUNIT_EXPECT_GE_MSG(test, ms, 0L, "\"%s\"", row->mark);
	KUNIT_EXPECT_GE_MSG(test, ms, (long)jiffies_to_msecs(least) - unit - slack, "\"%s\"",
			    row->mark);
	KUNIT_EXPECT_LE_MSG(test, ms, (long)jiffies_to_msecs(most) + unit + slack, "\"%s\"",
			    row->mark);
}

static void mark_of_an_executing_item_is_since_it_began(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_DELAYED);
	struct swt_item *later = swt_item(t, SWT_DELAYED);
	unsigned long before, least;
	struct row *rows;

	before = jiffies;
	swt_must_execute(item);
	swt_must_arm(later, HZ / 4);
	swt_wait(t, swt_at_rest(later));
	least = jiffies - item->started_at;
	rows = read_rows(t, 1);
	expect_mark(test, rows, least, jiffies - before);
	/* That it is armed makes no difference */
	swt_must_arm(item, SWT_NEVER);
	rows = read_rows(t, 2);
	expect_mark(test, rows, least, jiffies - before);
}

static void mark_of_a_queued_item_is_since_it_was_queued(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	struct swt_item *armed = swt_item(t, SWT_DELAYED);
	unsigned long before, after, least;
	struct row *rows;

	swt_one_thread(t);
	before = jiffies;
	swt_must_enqueue(item);
	after = jiffies;
	/* One that was armed before is queued since its delay ended */
	swt_must_arm(armed, HZ / 4);
	swt_wait(t, !swt_flag(armed, SLOW_WORK_DELAYED));
	least = jiffies - after;
	rows = read_rows(t, 4);
	expect_mark(test, &rows[2], least, jiffies - before);
	expect_mark(test, &rows[3], 0, jiffies - (armed->armed_at + HZ / 4));
}

/* On 32 bits and with HZ=1000 that takes 25 days */
static void item_that_waits_for_half_the_clock_is_shown(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *old = named(swt_item(t, SWT_SLOW), "old");
	struct swt_item *young = named(swt_item(t, SWT_SLOW), "young");
	struct row *rows;

	swt_one_thread(t);
	swt_must_enqueue(old);
	swt_must_enqueue(young);
	/* The pool's own, but while both threads are blocked nobody else looks at it */
	old->work.timestamp -= ULONG_MAX / 2 + 1000 * HZ;
	rows = read_rows(t, 4);
	KUNIT_EXPECT_STREQ(test, &rows[2].desc[0], "old");
	KUNIT_EXPECT_STREQ(test, &rows[3].desc[0], "young");
	KUNIT_EXPECT_EQ_MSG(test, rows[2].mark[4], BITS_PER_LONG == 64 ? 'd' : 'h',
			    "%s", rows[2].mark);
}

static void mark_of_an_armed_item_is_until_it_is_due(struct kunit *test)
{
	static const unsigned long delays[] = {
		20 * HZ, 90 * HZ, 600 * HZ, 7200 * HZ, 200000 * HZ
	};
	struct swt *t = test->priv;
	struct swt_item *item;
	unsigned long before;
	struct row *row;
	int i;

	for (i = 0; i < ARRAY_SIZE(delays); i++) {
		item = swt_item(t, SWT_DELAYED);
		before = jiffies;
		swt_must_arm(item, delays[i]);
		row = read_rows(t, 1);
		expect_mark(test, row, before + delays[i] - jiffies, delays[i]);
		swt_cancel(item);
	}
}

/*
 * On 32 bits and with HZ=1000 these are from 24 to 49 days, which no timer takes at
 * once.  On 64 bits they are cut to what is longer than anybody lives.
 */
static void mark_of_a_delay_beyond_any_timer(struct kunit *test)
{
	static const unsigned long delays[] = {
		ULONG_MAX / 2 - 7200 * HZ, ULONG_MAX / 2 + 7200 * HZ, ULONG_MAX - 7200 * HZ,
	};
	struct swt *t = test->priv;
	struct swt_item *item;
	long unit = 0, hours, value;
	struct row *row;
	int i;

	for (i = 0; i < ARRAY_SIZE(delays); i++) {
		item = swt_item(t, SWT_DELAYED);
		swt_must_arm(item, delays[i]);
		row = read_rows(t, 1);
		KUNIT_EXPECT_STREQ(test, &row->thr[0], "dly");
		if (BITS_PER_LONG > 32) {
			KUNIT_EXPECT_STREQ(test, &row->mark[0], "9999d");
		} else {
			/* In ms they are too long for 32 bits */
			hours = delays[i] / HZ / 3600;
			value = mark_value(row->mark, &unit);
			unit /= 3600000;
			KUNIT_EXPECT_LE_MSG(test, value * unit, hours, "%s", row->mark);
			KUNIT_EXPECT_GE_MSG(test, value * unit, hours - unit, "%s", row->mark);
		}
		swt_cancel(item);
	}
}

/* The largest number of a unit, and the smallest of the next */
static void mark_has_the_unit_that_fits(struct kunit *test)
{
	static const struct { unsigned long secs; const char *mark; } marks[] = {
		{ 1, "   1s" }, { 9999, "9999s" }, { 10000, " 166m" }, { 599999, "9999m" },
		{ 600000, " 166h" }, { 35999999, "9999h" }, { 36000000, " 416d" },
		{ 36028799, " 416d" }, { 36028800, " 417d" }, { 863999999, "9999d" },
		{ 864000000, "9999d" },
	};
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_SLOW);
	unsigned long now;
	struct row *rows;
	int i;

	swt_one_thread(t);
	swt_must_enqueue(item);
	for (i = 0; i < ARRAY_SIZE(marks); i++) {
		if (marks[i].secs >= ULONG_MAX / 2 / HZ)
			break;
		/* Once more if it has become another second meanwhile */
		do {
			now = jiffies;
			/* The pool's own, but nobody else looks at it while both are blocked */
			item->work.timestamp = now - marks[i].secs * HZ;
			rows = read_rows(t, 3);
		} while (jiffies - now >= HZ);
		KUNIT_EXPECT_STREQ(test, &rows[2].mark[0], marks[i].mark);
	}
}

/* ---- DESC --------------------------------------------------------------- */

static void describe_on_several_lines(struct swt_item *item, struct seq_file *m)
{
	seq_puts(m, "\afirst\nsecond\tthird\rfourth\x07\x1b[2Jfifth\n");
}

static void desc_is_on_one_line(struct kunit *test)
{
	static const char * const words[] = { "first", "second", "third", "fourth", "fifth" };
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct row *row;
	char *c;
	int i;

	item->on_desc = describe_on_several_lines;
	swt_must_execute(item);
	row = read_rows(t, 1);
	for (i = 0; i < ARRAY_SIZE(words); i++)
		KUNIT_EXPECT_NOT_NULL(test, strstr(row->desc, words[i]));
	for (c = row->desc; *c; c++)
		KUNIT_EXPECT_TRUE_MSG(test, isprint(*c), "character %d", *c);
}

static void describe_in_utf8(struct swt_item *item, struct seq_file *m)
{
	seq_puts(m, "l\xc3\xa0\n");
}

/* The last byte of that is a space to the kernel */
static void desc_keeps_its_last_letter(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);

	item->on_desc = describe_in_utf8;
	swt_must_execute(item);
	KUNIT_EXPECT_STREQ(test, read_rows(t, 1)->desc, "l\xc3\xa0");
}

static void describe_at_length(struct swt_item *item, struct seq_file *m)
{
	int i;

	seq_puts(m, "begin ");
	for (i = 0; i < 700; i++)
		seq_printf(m, "%d ", i);
	seq_puts(m, "end");
}

/* More than one would reserve at first, so desc may be called again for the line */
static void long_desc_is_complete(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	char *text, *begin;

	item->on_desc = describe_at_length;
	swt_must_execute(item);
	text = swt_runqueue(t);
	KUNIT_EXPECT_EQ(test, count_rows(text), 1);
	begin = strstr(text, "begin 0 1 2 3");
	KUNIT_ASSERT_NOT_NULL(test, begin);
	KUNIT_EXPECT_NULL(test, strstr(begin + 1, "begin"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(begin, " 698 699 end\n"));
	swt_release(item);
	swt_wait(t, swt_at_rest(item));
}

static void describe_at_great_length(struct swt_item *item, struct seq_file *m)
{
	int i;

	seq_puts(m, "begin ");
	for (i = 0; i < PAGE_SIZE / 4; i++)
		seq_printf(m, "%d\n", 1000 + i);
	seq_puts(m, "end");
}

/* What does not fit is left out, the line ends, and the next item has its own */
static void desc_longer_than_a_page_is_cut(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_blocker(t, SWT_SLOW);
	struct row *row = swt_alloc(t, sizeof(*row));
	const char *text, *line;

	item->on_desc = describe_at_great_length;
	swt_must_enqueue(item);
	swt_wait(t, swt_executing(item));
	swt_must_arm(named(swt_item(t, SWT_DELAYED), "the next"), SWT_NEVER);
	text = swt_runqueue(t);
	KUNIT_ASSERT_EQ(test, count_rows(text), 2);
	line = strstr(text, "begin 1000 1001 ");
	KUNIT_ASSERT_NOT_NULL(test, line);
	KUNIT_EXPECT_GT(test, (size_t)(strchr(line, '\n') - line), PAGE_SIZE - 16);
	KUNIT_EXPECT_NULL(test, strstr(line, "end"));
	KUNIT_ASSERT_TRUE(test, parse_row(row_at(text, 1), row));
	KUNIT_EXPECT_STREQ(test, &row->desc[0], "the next");
	KUNIT_EXPECT_STREQ(test, &row->thr[0], "dly");
	swt_release(item);
	swt_wait(t, swt_at_rest(item));
}

static void describe_to_the_last_byte(struct swt_item *item, struct seq_file *m)
{
	while (!seq_has_overflowed(m))
		seq_putc(m, 'x');
}

static void desc_of_a_page(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	const char *text, *line;

	item->on_desc = describe_to_the_last_byte;
	swt_must_arm(item, SWT_NEVER);
	text = swt_runqueue(t);
	line = strstr(text, "xxx");
	KUNIT_ASSERT_NOT_NULL(test, line);
	KUNIT_EXPECT_EQ(test, (size_t)(strchr(line, '\n') - line), PAGE_SIZE);
}

static void describe_beyond_all_bounds(struct swt_item *item, struct seq_file *m)
{
	seq_puts(m, "begin");
	seq_puts(m, item->data);
}

/* Of what the kernel does not print in part there is nothing, not as many blanks */
static void desc_that_does_not_fit_at_all(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *before = named(swt_blocker(t, SWT_SLOW), "longer, and before it");
	struct swt_item *item = swt_item(t, SWT_DELAYED);
	struct row *rows;

	item->on_desc = describe_beyond_all_bounds;
	item->data = swt_alloc(t, PAGE_SIZE + 1);
	memset(item->data, 'x', PAGE_SIZE);
	swt_must_execute(before);
	swt_must_arm(item, SWT_NEVER);
	rows = read_rows(t, 2);
	KUNIT_EXPECT_STREQ(test, &rows[1].desc[0], "begin");
	swt_cancel(item);
}

static void arm_in_put_ref(struct swt_item *item)
{
	if (!item->value++)
		item->result = swt_arm(item, SWT_NEVER);
}

/* Or a reading might never end; what somebody has for its put_ref is no exception */
static void what_is_armed_after_the_reading_began_is_not_shown(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *executing = swt_blocker(t, SWT_SLOW), *put = swt_item(t, SWT_DELAYED);
	struct swt_thread *reader;
	unsigned long began;

	executing->desc_gate = swt_gate(t);
	swt_pool(t, 2, 2);
	swt_must_enqueue(executing);
	swt_wait(t, swt_executing(executing));
	swt_hold(t, 1);
	put->on_put = arm_in_put_ref;
	swt_must_enqueue(put);
	swt_must_arm(swt_item(t, SWT_DELAYED), SWT_NEVER);
	reader = swt_runqueue_start(t);
	swt_wait(t, atomic_read(&executing->describing) == 1);
	began = jiffies;
	swt_wait(t, time_after(jiffies, began + 1));
	KUNIT_EXPECT_TRUE(test, swt_try_cancel(put));
	KUNIT_EXPECT_EQ(test, put->result, 0);
	KUNIT_EXPECT_TRUE(test, swt_flag(put, SLOW_WORK_DELAYED));
	swt_must_arm(swt_item(t, SWT_DELAYED), SWT_NEVER);
	swt_open(executing->desc_gate);
	KUNIT_ASSERT_EQ(test, swt_join(reader), 0);
	KUNIT_EXPECT_EQ_MSG(test, count_rows(reader->text), 3, "\n%.800s", reader->text);
	read_rows(t, 5);
}

/* An item that executes has its time from before */
static void whatever_it_does_it_is_not_shown_as_armed(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *executing = swt_blocker(t, SWT_SLOW), *item;
	struct swt_thread *reader;
	unsigned long began;
	int i;

	swt_pool(t, 2, 2);
	swt_must_execute(executing);
	for (i = 0; i < 2; i++) {
		item = swt_blocker(t, SWT_DELAYED);
		if (i)
			swt_must_execute(item);
		executing->desc_gate = swt_gate(t);
		reader = swt_runqueue_start(t);
		swt_wait(t, atomic_read(&executing->describing) == 1);
		began = jiffies;
		swt_wait(t, time_after(jiffies, began + 1));
		swt_must_arm(item, SWT_NEVER);
		swt_open(executing->desc_gate);
		KUNIT_ASSERT_EQ(test, swt_join(reader), 0);
		KUNIT_EXPECT_EQ_MSG(test, count_rows(reader->text), i + 1, "\n%.800s",
				    reader->text);
		KUNIT_EXPECT_TRUE(test, swt_flag(item, SLOW_WORK_DELAYED));
		swt_try_cancel(item);
	}
}

/* ---- many --------------------------------------------------------------- */

#define MANY	2000

/* Section 6, row 14: the old code began at the front again for every page */
static void long_queue_is_shown_once_and_in_order(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *item;
	const char *text;
	struct row *row = swt_alloc(t, sizeof(*row));
	char name[32];
	int i, descs = 0;

	swt_one_thread(t);
	for (i = 0; i < MANY; i++) {
		item = swt_item(t, SWT_SLOW);
		snprintf(item->name, sizeof(item->name), "item %d", i);
		swt_must_enqueue(item);
	}
	text = swt_runqueue(t);
	text = row_at(text, 2);
	for (i = 0; i < MANY; i++) {
		KUNIT_ASSERT_NOT_NULL(test, text);
		KUNIT_ASSERT_TRUE(test, parse_row(text, row));
		snprintf(name, sizeof(name), "item %d", i);
		KUNIT_ASSERT_STREQ(test, &row->desc[0], &name[0]);
		text = strchr(text, '\n') + 1;
	}
	KUNIT_EXPECT_EQ(test, *text, '\0');
	/* "Perhaps twice for one line", where a page ends; not for every page */
	list_for_each_entry(item, &t->items, list)
		descs = max(descs, atomic_read(&item->descs));
	KUNIT_EXPECT_LE(test, descs, 2);
	swt_release(t->held[0]);
	swt_release(t->held[1]);
}

static void read_returns_as_much_as_fits(struct kunit *test)
{
	struct swt *t = test->priv;
	char *buf = swt_alloc(t, PAGE_SIZE);
	struct file *file;
	ssize_t ret;
	int i;

	for (i = 0; i < 200; i++)
		swt_must_arm(swt_item(t, SWT_DELAYED), SWT_NEVER);
	file = swt_view(SWT_RUNQUEUE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	ret = swt_read_view(file, 0, buf, 4096);
	swt_close_file(file);
	KUNIT_EXPECT_GT(test, ret, (ssize_t)3000);
}

/* As tail -c and the like do */
static void what_is_read_again_is_read_anew(struct kunit *test)
{
	struct swt *t = test->priv;
	struct swt_item *items[5];
	char *buf = swt_alloc(t, PAGE_SIZE);
	struct file *file;
	ssize_t ret;
	int i;

	swt_one_thread(t);
	for (i = 0; i < ARRAY_SIZE(items); i++) {
		items[i] = swt_item(t, SWT_SLOW);
		snprintf(items[i]->name, sizeof(items[i]->name), "item %d", i);
		swt_must_enqueue(items[i]);
	}
	file = swt_view(SWT_RUNQUEUE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	/* The header and the threads, and some of what is queued */
	ret = swt_read_view(file, 0, buf, 230);
	KUNIT_EXPECT_EQ(test, ret, (ssize_t)230);
	swt_cancel(items[0]);
	ret = swt_read_view(file, 0, buf, PAGE_SIZE - 1);
	swt_close_file(file);
	KUNIT_ASSERT_GT(test, ret, (ssize_t)0);
	buf[ret] = '\0';
	KUNIT_EXPECT_EQ_MSG(test, count_rows(buf), 6, "%s", buf);
	KUNIT_EXPECT_NULL(test, strstr(buf, "item 0"));
	for (i = 1; i < ARRAY_SIZE(items); i++)
		KUNIT_EXPECT_NOT_NULL(test, strstr(buf, items[i]->name));
}

static struct kunit_case runqueue_cases[] = {
	KUNIT_CASE(file_has_mode_0400),
	KUNIT_CASE(empty_pool_is_a_header),
	KUNIT_CASE(executing_item_has_number_and_pid_of_its_thread),
	KUNIT_CASE(items_on_all_of_255_threads_are_shown),
	KUNIT_CASE(item_on_a_reserve_has_its_pid),
	KUNIT_CASE(queued_items_are_in_their_queues),
	KUNIT_CASE(armed_item_is_shown),
	KUNIT_CASE(item_that_executes_and_is_armed_is_shown_twice),
	KUNIT_CASE(rows_are_in_order),
	KUNIT_CASE(item_without_desc_has_a_row),
	KUNIT_CASE(mark_of_an_executing_item_is_since_it_began),
	KUNIT_CASE(mark_of_a_queued_item_is_since_it_was_queued),
	KUNIT_CASE(item_that_waits_for_half_the_clock_is_shown),
	KUNIT_CASE(mark_of_an_armed_item_is_until_it_is_due),
	KUNIT_CASE(mark_of_a_delay_beyond_any_timer),
	KUNIT_CASE(mark_has_the_unit_that_fits),
	KUNIT_CASE(desc_is_on_one_line),
	KUNIT_CASE(desc_keeps_its_last_letter),
	KUNIT_CASE(long_desc_is_complete),
	KUNIT_CASE(desc_longer_than_a_page_is_cut),
	KUNIT_CASE(desc_of_a_page),
	KUNIT_CASE(desc_that_does_not_fit_at_all),
	KUNIT_CASE(what_is_armed_after_the_reading_began_is_not_shown),
	KUNIT_CASE(whatever_it_does_it_is_not_shown_as_armed),
	KUNIT_CASE(long_queue_is_shown_once_and_in_order),
	KUNIT_CASE(read_returns_as_much_as_fits),
	KUNIT_CASE(what_is_read_again_is_read_anew),
	{}
};

static struct kunit_suite runqueue_suite = {
	.name = "slow_work_runqueue",
	.init = swt_init,
	.exit = swt_exit,
	.test_cases = runqueue_cases,
};

kunit_test_suite(runqueue_suite);
