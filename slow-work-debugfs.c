// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work: /sys/kernel/debug/slow_work/runqueue
 *
 * Every item that executes, is queued or armed, with what its desc says of it.
 * desc is called with no lock held but the reader's, while the item is pinned;
 * its text goes into a buffer of the reader's, so that a line which did not fit
 * into the file's page is shown again without the item, which may be gone.
 */

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/slow-work.h>
#include "slow-work.h"

#define pool slow_work_pool

#define SLOW_WORK_DESC_MAX	PAGE_SIZE

static struct dentry *slow_work_debugfs;

/**
 * struct slow_work_reader - an open runqueue file
 * @walk: where it is
 * @line: the number of the line in @walk and @desc; 0 is before the first
 * @desc: what the item of that line says of itself
 */
struct slow_work_reader {
	struct slow_work_walk walk;
	loff_t line;
	struct seq_file desc;
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

	if (!*pos || *pos < reader->line) {
		slow_work_walk_end(&reader->walk);
		reader->line = 0;
	}
	if (!*pos)
		return SEQ_START_TOKEN;
	if (!reader->line)
		slow_work_walk_begin(&reader->walk);
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

/* Time since @walk's timestamp, or until it: five characters with the unit */
static void slow_work_show_mark(struct seq_file *m,
				const struct slow_work_walk *walk)
{
	unsigned long ticks = walk->list == SLOW_WORK_LIST_ARMED ?
			      max((long)(walk->jiffies - jiffies), 0L) :
			      jiffies - walk->jiffies;
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
	else if (walk->list == SLOW_WORK_LIST_LOST)
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
	INIT_LIST_HEAD(&reader->walk.cursor.link);
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

/* A view that cannot be made is no reason not to load: debugfs may be off. */
void slow_work_debugfs_init(void)
{
	slow_work_debugfs = debugfs_create_dir("slow_work", NULL);
	debugfs_create_file("runqueue", 0400, slow_work_debugfs, NULL,
			    &slow_work_runqueue_fops);
	slow_work_stats_init(slow_work_debugfs);
}

void slow_work_debugfs_exit(void)
{
	debugfs_remove_recursive(slow_work_debugfs);
}
