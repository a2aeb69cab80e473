// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: views: /sys/kernel/debug/slow_work
 *
 * runqueue has a line for each item that executes, is queued or armed.  desc runs while
 * the item is pinned, with no lock held but the reader's; its text goes into a buffer of
 * the reader's, so that a line which did not fit into the file's page is shown again
 * without the item, which may be gone.
 *
 * stats and stats-values: events are counted where they happen; the present is sampled
 * when the file is read, by a walk over all items and by the threads' states.  The lines
 * of one reading are of nearly the same moment.
 */

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/slow-work.h>
#include "slow-work.h"
#include "slow-work-walk.h"

#define SLOW_WORK_DESC_MAX	PAGE_SIZE
#define SLOW_WORK_PUBLIC_FLAGS	GENMASK(SLOW_WORK_DELAYED, SLOW_WORK_PENDING)

/* An open runqueue file */
struct slow_work_reader {
	struct slow_work_walk walk;	/* where it is; begun by the first read */
	loff_t line;		/* its number in @walk and @desc; 0: before the first */
	struct seq_file desc;	/* what the item of that line says of itself */
};

/* Go to the next line.  False: there is none. */
static bool slow_work_advance(struct slow_work_reader *reader)
{
	struct slow_work_walk *walk = &reader->walk;
	bool found;

	found = slow_work_walk_next(walk, true);
	memset(reader->desc.buf, 0, reader->desc.count);
	reader->desc.count = 0;
	if (walk->pinned) {
		slow_work_describe(walk->seen, &reader->desc);
		slow_work_walk_unpin(walk);
	}
	reader->line++;
	return found;
}

/* seq_file **********************************************************/

static void *slow_work_runqueue_start(struct seq_file *m, loff_t *pos)
{
	struct slow_work_reader *reader = m->private;

	if (!*pos) {
		slow_work_walk_end(&reader->walk);
		reader->line = 0;
		return SEQ_START_TOKEN;
	}
	if (!reader->line)
		slow_work_walk_begin_by_turns(&reader->walk);
	while (reader->line < *pos)
		if (!slow_work_advance(reader))
			return NULL;
	return reader->walk.list < SLOW_WORK_LIST_END ? reader : NULL;
}

static void *slow_work_runqueue_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return slow_work_runqueue_start(m, pos);
}

static void slow_work_runqueue_stop(struct seq_file *m, void *v)
{
}

/* For how long @walk's item is where it is, or until it is due: five characters */
static void slow_work_show_mark(struct seq_file *m,
				const struct slow_work_walk *walk)
{
	unsigned long ticks = walk->list == SLOW_WORK_LIST_ARMED ?
			      walk->left : jiffies - walk->jiffies;
	unsigned long s = ticks / HZ;

	if (!s)
		seq_printf(m, "%3ums ", jiffies_to_msecs(ticks));
	else if (s < 10000)
		seq_printf(m, "%4lus ", s);
	else if (s / 60 < 10000)
		seq_printf(m, "%4lum ", s / 60);
	else if (s / 3600 < 10000)
		seq_printf(m, "%4luh ", s / 3600);
	else
		seq_printf(m, "%4lud ", min(s / 86400, 9999UL));
}

static int slow_work_runqueue_show(struct seq_file *m, void *v)
{
	static const char * const lists[] = {
		[SLOW_WORK_LIST_RESERVES] = "rsv",
		[SLOW_WORK_LIST_LOST] = "lst",
		[SLOW_WORK_LIST_SLOW] = " sq",
		[SLOW_WORK_LIST_VSLOW] = "vsq",
		[SLOW_WORK_LIST_ARMED] = "dly",
	};
	struct slow_work_reader *reader = m->private;
	const struct slow_work_walk *walk = &reader->walk;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "THR PID   ITEM ADDR        FL MARK  DESC\n");
		seq_puts(m, "=== ===== ================ == ===== ==========\n");
		return 0;
	}

	if (walk->list == SLOW_WORK_LIST_THREADS)
		seq_printf(m, "%3u %5d ", walk->thread, walk->pid);
	else if (walk->list == SLOW_WORK_LIST_LOST ||
		 walk->list == SLOW_WORK_LIST_RESERVES)
		seq_printf(m, "%s %5d ", lists[walk->list], walk->pid);
	else
		seq_printf(m, "%s     - ", lists[walk->list]);
	/* a width of ours would take the leading zeros away */
	seq_printf(m, "%p%*s %2lx ", walk->seen,
		   (int)(16 - 2 * sizeof(walk->seen)), "",
		   walk->flags & SLOW_WORK_PUBLIC_FLAGS);
	slow_work_show_mark(m, walk);
	if (reader->desc.count)
		seq_write(m, reader->desc.buf, reader->desc.count);
	else	/* its function, and whose that is */
		seq_printf(m, "%ps", walk->execute);
	seq_putc(m, '\n');
	return 0;
}

static const struct seq_operations slow_work_runqueue_ops = {
	.start	= slow_work_runqueue_start,
	.next	= slow_work_runqueue_next,
	.stop	= slow_work_runqueue_stop,
	.show	= slow_work_runqueue_show,
};

static int slow_work_runqueue_open(struct inode *inode, struct file *file)
{
	struct slow_work_reader *reader;

	reader = __seq_open_private(file, &slow_work_runqueue_ops,
				    sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	mutex_init(&reader->desc.lock);
	reader->desc.file = file;
	/* Now, as an allocation may wait for the very item that is pinned. */
	reader->desc.size = SLOW_WORK_DESC_MAX;
	reader->desc.buf = kzalloc(reader->desc.size, GFP_KERNEL);
	if (!reader->desc.buf) {
		seq_release_private(inode, file);
		return -ENOMEM;
	}
	return 0;
}

static int slow_work_runqueue_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;
	struct slow_work_reader *reader = m->private;

	/* An oops in a desc takes the reader with it, and not its item. */
	if (reader->walk.pinned)
		slow_work_walk_unpin(&reader->walk);
	slow_work_walk_end(&reader->walk);
	kfree(reader->desc.buf);
	return seq_release_private(inode, file);
}

static const struct file_operations slow_work_runqueue_fops = {
	.owner		= THIS_MODULE,
	.open		= slow_work_runqueue_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= slow_work_runqueue_release,
};

#define SLOW_WORK_STATS_FORMAT	1	/* of stats-values */

/* Figures of a class or of an owner */
struct slow_work_row {
	char name[MODULE_NAME_LEN];
	const struct slow_work_user *user;	/* the owner; NULL of a class */
	unsigned long queued;		/* items now */
	unsigned long executing;	/* the same */
	unsigned long armed;		/* the same */
	unsigned long oldest;		/* jiffies that the oldest of @queued has been so */
	unsigned long executed;		/* since the reset, as all below */
	unsigned long merged;
	unsigned long counts[SLOW_WORK_NR_COUNTS];
	unsigned long times[SLOW_WORK_NR_TIMES][SLOW_WORK_BUCKETS];
};

/* All figures */
struct slow_work_stats {
	unsigned int threads;		/* now, as all that follows */
	unsigned int idle;		/* those that wait for work */
	unsigned int lost;		/* threads that have died in a call-out */
	unsigned int executing;		/* those that have an item */
	unsigned int blocked;		/* of these, sleep in it for a reason of its own */
	unsigned int sleeping;		/* of these, sleep in it until they are needed */
	unsigned int min;		/* setting */
	unsigned int max;		/* setting */
	unsigned int vslow_percentage;	/* setting */
	unsigned int vslow_limit;	/* slots of the very slow class */
	unsigned int reserves;		/* users that have one */
	bool histograms;		/* they are switched on */
	u64 since;			/* jiffies since the reset */
	u64 histograms_since;		/* jiffies since the histograms count */
	struct slow_work_events events;	/* since the reset; @max_ticks: up to now */
	unsigned int nr_rows;		/* how many of @rows there are */
	struct slow_work_row rows[];	/* the classes, unowned items, and each user */
};

/* Gather ************************************************************/

static void slow_work_gather_times(struct slow_work_row *row,
				   const struct slow_work_times *times)
{
	int which, n;

	for (which = 0; which < SLOW_WORK_NR_TIMES; which++)
		for (n = 0; n < SLOW_WORK_BUCKETS; n++)
			row->times[which][n] =
				atomic_long_read(&times->buckets[which][n]);
}

/* The row of @user; what it has counted without the lock counts for the classes, too. */
static void slow_work_gather_user(struct slow_work_stats *stats,
				  const struct slow_work_user *user)
{
	struct slow_work_row *row = &stats->rows[stats->nr_rows++];
	unsigned long merged;
	int class, i;

	strscpy(row->name, user->name, sizeof(row->name));
	row->user = user;
	slow_work_gather_times(row, &user->times);
	raw_spin_lock_irq(&slow_pool.lock);
	row->executed = user->accounts[0].executed + user->accounts[1].executed;
	for (class = 0; class < SLOW_WORK_NR_CLASSES; class++) {
		merged = atomic_long_read(&user->merged[class]);
		row->merged += merged;
		stats->rows[class].merged += merged;
		for (i = 0; i < SLOW_WORK_NR_COUNTS; i++)
			row->counts[i] += user->counts[i][class];
	}
	raw_spin_unlock_irq(&slow_pool.lock);
}

static void slow_work_gather_class(struct slow_work_row *row,
				   enum slow_work_class_id id)
{
	const struct slow_work_class *class = &slow_pool.classes[id];
	const struct slow_work_class *reserve = &slow_pool.reserve_classes[id];

	strscpy(row->name, id == SLOW_WORK_VSLOW ? "vslow" : "slow",
		sizeof(row->name));
	slow_work_gather_times(row, &slow_pool.times[id]);
	raw_spin_lock_irq(&slow_pool.lock);
	row->executed = class->started - class->executing - class->uncounted +
			reserve->started - reserve->executing - reserve->uncounted;
	row->merged = atomic_long_read(&class->merged);
	memcpy(row->counts, class->counts, sizeof(row->counts));
	raw_spin_unlock_irq(&slow_pool.lock);
}

/* What the thread of a number does; one at a time, as there may be many */
static void slow_work_gather_thread(struct slow_work_stats *stats,
				    unsigned int slot)
{
	const struct slow_work_thread *thread;

	raw_spin_lock_irq(&slow_pool.lock);
	thread = slow_pool.threads[slot];
	if (thread && thread->holder.item) {
		stats->executing++;
		if (!list_empty(&thread->sleeper))
			stats->sleeping++;
		else if (!task_is_running(thread->task))
			stats->blocked++;
	}
	raw_spin_unlock_irq(&slow_pool.lock);
}

static void slow_work_gather_pool(struct slow_work_stats *stats)
{
	u64 now;

	raw_spin_lock_irq(&slow_pool.lock);
	now = get_jiffies_64();		/* one moment for all */
	stats->threads = slow_pool.nr;
	stats->idle = slow_pool.nr_idle;
	stats->lost = slow_pool.nr_lost;
	stats->min = slow_pool.min;
	stats->max = slow_pool.max;
	stats->vslow_percentage = slow_pool.vslow_percentage;
	stats->vslow_limit = slow_pool.classes[SLOW_WORK_VSLOW].limit;
	stats->histograms = slow_pool.histograms;
	stats->since = now - slow_pool.events.reset_at;
	stats->histograms_since = now - slow_pool.histograms_since;
	stats->reserves = slow_pool.nr_reserves;
	stats->events = slow_pool.events;
	if (slow_pool.at_max)
		stats->events.max_ticks += (unsigned long)now - slow_pool.max_since;
	raw_spin_unlock_irq(&slow_pool.lock);
}

static struct slow_work_row *slow_work_row_of(struct slow_work_stats *stats,
					      const struct slow_work_user *user)
{
	unsigned int i;

	for (i = SLOW_WORK_NR_CLASSES; i < stats->nr_rows; i++)
		if (stats->rows[i].user == user)
			return &stats->rows[i];
	return NULL;	/* not here: the mutex keeps users from coming and going */
}

static void slow_work_gather_item(struct slow_work_row *row,
				  const struct slow_work_walk *walk,
				  unsigned long now)
{
	switch (walk->list) {
	case SLOW_WORK_LIST_THREADS:
	case SLOW_WORK_LIST_RESERVES:
		row->executing++;
		break;
	case SLOW_WORK_LIST_LOST:
		break;
	case SLOW_WORK_LIST_ARMED:
		row->armed++;
		break;
	default:
		row->queued++;
		row->oldest = max(row->oldest, now - walk->jiffies);
	}
}

static void slow_work_gather_items(struct slow_work_stats *stats)
{
	struct slow_work_walk walk;
	struct slow_work_row *row;
	unsigned long now;

	slow_work_walk_begin(&walk);
	while (slow_work_walk_next(&walk, false)) {
		now = jiffies;	/* the same age in both rows */
		slow_work_gather_item(&stats->rows[slow_work_class_id(walk.flags)],
				      &walk, now);
		row = slow_work_row_of(stats, walk.user);
		if (row)
			slow_work_gather_item(row, &walk, now);
	}
	slow_work_walk_end(&walk);
}

static struct slow_work_stats *slow_work_alloc_stats(void)
{
	unsigned int rows = SLOW_WORK_NR_CLASSES + 1;
	struct slow_work_stats *stats;
	struct slow_work_user *user;

	list_for_each_entry(user, &slow_work_users, link)
		rows++;
	return kvzalloc(struct_size(stats, rows, rows), GFP_KERNEL);
}

/*
 * slow_work_users_mutex keeps the users there; slow_pool.lock is held for one row at a
 * time.  What is returned is for the caller to free.
 */
static struct slow_work_stats *slow_work_gather(void)
{
	struct slow_work_stats *stats;
	struct slow_work_user *user;
	unsigned int slot;
	int i;

	mutex_lock(&slow_work_users_mutex);
	stats = slow_work_alloc_stats();
	if (!stats)
		goto out;
	for (i = 0; i < SLOW_WORK_NR_CLASSES; i++)
		slow_work_gather_class(&stats->rows[i], i);
	stats->nr_rows = SLOW_WORK_NR_CLASSES;
	slow_work_gather_user(stats, &slow_pool.unowned);
	list_for_each_entry(user, &slow_work_users, link)
		slow_work_gather_user(stats, user);
	slow_work_gather_pool(stats);
	for (slot = 0; slot < slow_pool.limit; slot++)
		slow_work_gather_thread(stats, slot);
	slow_work_gather_items(stats);
out:
	mutex_unlock(&slow_work_users_mutex);
	return stats;
}

/* Show **************************************************************/

static unsigned long slow_work_total(const unsigned long *buckets)
{
	unsigned long total = 0;
	int n;

	for (n = 0; n < SLOW_WORK_BUCKETS; n++)
		total += buckets[n];
	return total;
}

/* What @percent of the times are shorter than, in ns: the end of a bucket */
static u64 slow_work_quantile(const unsigned long *buckets, unsigned int percent)
{
	unsigned long total = slow_work_total(buckets), sum = 0;
	int n;

	if (!total)
		return 0;
	for (n = 0; n < SLOW_WORK_BUCKETS - 1; n++) {
		sum += buckets[n];
		if ((u64)sum * 100 >= (u64)total * percent)
			break;
	}
	return 2ULL << n;
}

static const char * const slow_work_time_names[SLOW_WORK_NR_TIMES] = {
	[SLOW_WORK_TIME_WAIT] = "wait",
	[SLOW_WORK_TIME_RUN] = "run",
};

static void slow_work_show_values_row(struct seq_file *m,
				      const struct slow_work_row *row)
{
	const char *kind = row->user ? "owner" : "class", *name = row->name;
	int which, n;

	seq_printf(m, "%s.%s.queued %lu\n", kind, name, row->queued);
	seq_printf(m, "%s.%s.executing %lu\n", kind, name, row->executing);
	seq_printf(m, "%s.%s.armed %lu\n", kind, name, row->armed);
	seq_printf(m, "%s.%s.executed %lu\n", kind, name, row->executed);
	seq_printf(m, "%s.%s.merged %lu\n", kind, name, row->merged);
	seq_printf(m, "%s.%s.deferred %lu\n", kind, name,
		   row->counts[SLOW_WORK_COUNT_DEFERRED]);
	seq_printf(m, "%s.%s.cancelled %lu\n", kind, name,
		   row->counts[SLOW_WORK_COUNT_CANCELLED]);
	seq_printf(m, "%s.%s.refused %lu\n", kind, name,
		   row->counts[SLOW_WORK_COUNT_REFUSED]);
	seq_printf(m, "%s.%s.oldest-queued-ms %llu\n", kind, name,
		   jiffies64_to_msecs(row->oldest));
	for (which = 0; which < SLOW_WORK_NR_TIMES; which++) {
		const char *time = slow_work_time_names[which];
		const unsigned long *buckets = row->times[which];

		seq_printf(m, "%s.%s.%s.count %lu\n", kind, name, time,
			   slow_work_total(buckets));
		seq_printf(m, "%s.%s.%s.median %llu\n", kind, name, time,
			   slow_work_quantile(buckets, 50));
		seq_printf(m, "%s.%s.%s.p99 %llu\n", kind, name, time,
			   slow_work_quantile(buckets, 99));
		for (n = 0; n < SLOW_WORK_BUCKETS; n++)
			if (buckets[n])
				seq_printf(m, "%s.%s.%s.bucket.%d %lu\n", kind,
					   name, time, n, buckets[n]);
	}
}

/* For programs: a key and its value a line.  Documentation/ has the keys. */
static int slow_work_stats_values_show(struct seq_file *m, void *v)
{
	struct slow_work_stats *stats = slow_work_gather();
	unsigned int i;

	if (!stats)
		return -ENOMEM;
	seq_printf(m, "format %d\n", SLOW_WORK_STATS_FORMAT);
	seq_printf(m, "since-ms %llu\n", jiffies64_to_msecs(stats->since));
	seq_printf(m, "pool.threads %u\n", stats->threads);
	seq_printf(m, "pool.idle %u\n", stats->idle);
	seq_printf(m, "pool.executing %u\n", stats->executing);
	seq_printf(m, "pool.blocked %u\n", stats->blocked);
	seq_printf(m, "pool.sleeping %u\n", stats->sleeping);
	seq_printf(m, "pool.min-threads %u\n", stats->min);
	seq_printf(m, "pool.max-threads %u\n", stats->max);
	seq_printf(m, "pool.limit %u\n", slow_pool.limit);
	seq_printf(m, "pool.vslow-percentage %u\n", stats->vslow_percentage);
	seq_printf(m, "pool.vslow-limit %u\n", stats->vslow_limit);
	seq_printf(m, "pool.peak %u\n", stats->events.peak);
	seq_printf(m, "pool.started %lu\n", stats->events.starts);
	seq_printf(m, "pool.culled %lu\n", stats->events.culled);
	seq_printf(m, "pool.start-failures %lu\n", stats->events.start_failures);
	seq_printf(m, "pool.at-max-ms %llu\n",
		   jiffies64_to_msecs(stats->events.max_ticks));
	seq_printf(m, "pool.stalls %lu\n", stats->events.stalls);
	seq_printf(m, "pool.lost %u\n", stats->lost);
	seq_printf(m, "pool.reserves %u\n", stats->reserves);
	seq_printf(m, "pool.reserve-calls %lu\n", stats->events.reserve_calls);
	seq_printf(m, "histograms %d\n", stats->histograms);
	seq_printf(m, "histograms-since-ms %llu\n",
		   jiffies64_to_msecs(stats->histograms_since));
	for (i = 0; i < stats->nr_rows; i++)
		slow_work_show_values_row(m, &stats->rows[i]);
	kvfree(stats);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(slow_work_stats_values);

/* The end of a bucket, which is a power of two of ns, in the unit that fits */
static void slow_work_show_time(struct seq_file *m, u64 ns)
{
	if (!ns)
		seq_puts(m, "      -");
	else if (ns < 10 * NSEC_PER_USEC)
		seq_printf(m, " %4lluns", ns);
	else if (ns < 10 * NSEC_PER_MSEC)
		seq_printf(m, " %4lluus", div_u64(ns, NSEC_PER_USEC));
	else if (ns < 10ULL * NSEC_PER_SEC)
		seq_printf(m, " %4llums", div_u64(ns, NSEC_PER_MSEC));
	else
		seq_printf(m, " %5llus", div_u64(ns, NSEC_PER_SEC));
}

static void slow_work_show_row(struct seq_file *m,
			       const struct slow_work_row *row)
{
	int which;

	seq_printf(m, "%-16s %7lu %5lu %6lu %10lu %10lu %8lu %8lu %7lu",
		   row->name, row->queued, row->executing, row->armed,
		   row->executed, row->merged,
		   row->counts[SLOW_WORK_COUNT_DEFERRED],
		   row->counts[SLOW_WORK_COUNT_CANCELLED],
		   row->counts[SLOW_WORK_COUNT_REFUSED]);
	for (which = 0; which < SLOW_WORK_NR_TIMES; which++) {
		slow_work_show_time(m, slow_work_quantile(row->times[which], 50));
		slow_work_show_time(m, slow_work_quantile(row->times[which], 99));
	}
	seq_putc(m, '\n');
}

static void slow_work_show_seconds(struct seq_file *m, u64 ticks)
{
	u32 ms;
	u64 s = div_u64_rem(jiffies64_to_msecs(ticks), 1000, &ms);

	seq_printf(m, "%llu.%03u s", s, ms);
}

/* For people */
static int slow_work_stats_show(struct seq_file *m, void *v)
{
	struct slow_work_stats *stats = slow_work_gather();
	unsigned int i;

	if (!stats)
		return -ENOMEM;
	seq_printf(m, "threads  %u now (%u idle, %u executing, of these %u blocked and %u asleep until needed)\n",
		   stats->threads, stats->idle, stats->executing,
		   stats->blocked, stats->sleeping);
	seq_printf(m, "         %u to %u allowed; very slow items may have %u (%u %%)\n",
		   stats->min, stats->max, stats->vslow_limit,
		   stats->vslow_percentage);
	seq_puts(m, "counted  since ");
	slow_work_show_seconds(m, stats->since);
	seq_printf(m, ": at most %u threads, %lu started, %lu culled, %lu not to be had\n",
		   stats->events.peak, stats->events.starts,
		   stats->events.culled, stats->events.start_failures);
	seq_puts(m, "         ");
	slow_work_show_seconds(m, stats->events.max_ticks);
	seq_printf(m, " at the maximum, %lu stalls reported\n", stats->events.stalls);
	if (stats->reserves)
		seq_printf(m, "reserves %u, called %lu times\n", stats->reserves,
			   stats->events.reserve_calls);
	seq_puts(m, "times    ");
	if (stats->histograms) {
		seq_puts(m, "since ");
		slow_work_show_seconds(m, stats->histograms_since);
		seq_puts(m, "; median and 99th, less than\n");
	} else {
		seq_puts(m, "off: sysctl kernel.slow-work.histograms=1\n");
	}

	seq_puts(m, "\n                  QUEUED  EXEC  ARMED   EXECUTED     MERGED DEFERRED CANCELLD REFUSED   WAIT   99TH    RUN   99TH\n");
	for (i = 0; i < stats->nr_rows; i++) {
		if (i == SLOW_WORK_NR_CLASSES)
			seq_putc(m, '\n');
		slow_work_show_row(m, &stats->rows[i]);
	}
	kvfree(stats);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(slow_work_stats);

/* Reset *************************************************************/

static void slow_work_reset_user(struct slow_work_user *user)
{
	int class;

	raw_spin_lock_irq(&slow_pool.lock);
	user->accounts[0].executed = 0;
	user->accounts[1].executed = 0;
	memset(user->counts, 0, sizeof(user->counts));
	for (class = 0; class < SLOW_WORK_NR_CLASSES; class++)
		atomic_long_set(&user->merged[class], 0);
	raw_spin_unlock_irq(&slow_pool.lock);
}

static int slow_work_reset_set(void *data, u64 value)
{
	struct slow_work_class *class, *reserve = slow_pool.reserve_classes;
	struct slow_work_user *user;

	if (value != 1)
		return -EINVAL;
	mutex_lock(&slow_work_users_mutex);
	slow_work_reset_user(&slow_pool.unowned);
	list_for_each_entry(user, &slow_work_users, link)
		slow_work_reset_user(user);
	mutex_unlock(&slow_work_users_mutex);

	raw_spin_lock_irq(&slow_pool.lock);
	for (class = slow_pool.classes;
	     class < slow_pool.classes + SLOW_WORK_NR_CLASSES; class++) {
		class->uncounted = class->started - class->executing;
		reserve->uncounted = reserve->started - reserve->executing;
		reserve++;
		memset(class->counts, 0, sizeof(class->counts));
		atomic_long_set(&class->merged, 0);
	}
	slow_pool.events = (struct slow_work_events) {
		.reset_at = get_jiffies_64(),
		.peak = slow_pool.nr,
	};
	slow_pool.max_since = jiffies;
	raw_spin_unlock_irq(&slow_pool.lock);
	slow_work_reset_times();
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(slow_work_reset_fops, NULL, slow_work_reset_set,
			 "%llu\n");

/* Init **************************************************************/

static struct dentry *slow_work_debugfs;

/* A view that cannot be made is no reason not to load: debugfs may be off. */
void slow_work_debugfs_init(void)
{
	slow_work_debugfs = debugfs_create_dir("slow_work", NULL);
	debugfs_create_file("runqueue", 0400, slow_work_debugfs, NULL,
			    &slow_work_runqueue_fops);
	/* stats cannot be written, so that it can be read under lockdown. */
	debugfs_create_file("stats", 0400, slow_work_debugfs, NULL,
			    &slow_work_stats_fops);
	debugfs_create_file("stats-values", 0400, slow_work_debugfs, NULL,
			    &slow_work_stats_values_fops);
	debugfs_create_file_unsafe("reset", 0200, slow_work_debugfs, NULL,
				   &slow_work_reset_fops);
}

void slow_work_debugfs_exit(void)
{
	debugfs_remove_recursive(slow_work_debugfs);
}
