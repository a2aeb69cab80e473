// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-scrub: reads and checksums every regular file under a directory.
 *
 *	cd /sys/kernel/debug/slow_scrub
 *	echo /srv >control		starts a scrub of /srv
 *	cat result			how far it is, or how it ended
 *	echo rescan 3600 >control	the same again every hour; 0: no more
 *	echo stop >control		ends the scrub and the rescans
 *
 * Symbolic links are not followed, other mounts not entered, special files left
 * alone.  What cannot be read is counted in "errors", and the scrub goes on.
 * Nothing of the filesystem is held once result says "done" or stop returns.
 *
 * The checksum does not depend on the order in which threads get to the files:
 * it is the sum, modulo 2^64, of mix() over all files (see scrub_mix()), made
 * of each file's size and the CRC-32, as zlib has it, of its data and its name.
 *
 * This is an example of a caller of slow work.  An object of ours is a file or a
 * directory; each embeds an item and is counted in references: its maker has
 * one while it sets the object up, the pool one while the item is queued or
 * executes (get_ref, put_ref), and an object has one on the directory it is in.
 * So an object goes when the last who needs it lets go, the root of the tree as
 * the last of all, and that is the end of the scrub.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/crc32.h>
#include <linux/debugfs.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/slow-work.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#define SCRUB_CHUNK	SZ_64K	/* read at once */
#define SCRUB_BATCH	64	/* entries that a directory hands out at once */
#define SCRUB_DIRS	32	/* directories queued at once */
#define SCRUB_RESCAN_MAX (7 * 24 * 3600)

static unsigned int max_files = 256;
module_param(max_files, uint, 0444);
MODULE_PARM_DESC(max_files, "files queued at once (default 256)");

enum scrub_state { IDLE, RUNNING, STOPPING, STOPPED, DONE };

static const char *const scrub_states[] = {
	[IDLE] = "idle", [RUNNING] = "running", [STOPPING] = "stopping",
	[STOPPED] = "stopped", [DONE] = "done",
};

struct scrub_object {
	struct slow_work work;
	struct kref ref;
	struct list_head link;		/* scrub.lock: in scrub.objects */
	struct scrub_object *parent;	/* holds a reference; NULL: the root */
	struct path path;		/* of a directory */
	loff_t pos;			/* where to read on */
	loff_t size;			/* of a file */
	bool is_dir;
	bool no_room;			/* for files, when a directory last ran */
	bool lent;			/* our place in the queue is our parent's */
	char name[];
};

/* The scrub; there is one at a time */
static struct {
	spinlock_t lock;		/* what is marked so; not across sleeps */
	enum scrub_state state;		/* lock */
	ktime_t start, end;		/* lock */
	char path[PATH_MAX];		/* lock, and changed by control only */
	struct list_head objects;	/* lock: all there are, for scrub_stop() */

	atomic_t files_queued, dirs_queued;
	wait_queue_head_t room;		/* for directories with files to queue */
	wait_queue_head_t ended;

	atomic64_t files, dirs, bytes, errors, sum;
} scrub = {
	.lock = __SPIN_LOCK_UNLOCKED(scrub.lock),
	.objects = LIST_HEAD_INIT(scrub.objects),
	.room = __WAIT_QUEUE_HEAD_INITIALIZER(scrub.room),
	.ended = __WAIT_QUEUE_HEAD_INITIALIZER(scrub.ended),
};

static struct {
	struct delayed_slow_work dwork;
	unsigned int seconds;		/* 0: off */
	struct path fs_root;		/* of who asked, to look the path up from */
	char path[PATH_MAX];
} rescan;				/* changes only while dwork is at rest */

static DEFINE_MUTEX(control_lock);	/* one command at a time */

static const struct slow_work_ops scrub_dir_ops, scrub_file_ops;

static bool scrub_running(void)
{
	return READ_ONCE(scrub.state) == RUNNING;
}

static void scrub_error(struct scrub_object *dir, const char *name, int err)
{
	if (!scrub_running())
		return;		/* not the filesystem's fault */
	atomic64_inc(&scrub.errors);
	pr_notice_ratelimited("%s/%s: error %d\n", dir->name, name, err);
}

/* --- objects -------------------------------------------------------------- */

static struct scrub_object *scrub_new(struct scrub_object *parent,
				      const char *name, size_t len, bool is_dir)
{
	struct scrub_object *obj;

	obj = kzalloc(struct_size(obj, name, len + 1), GFP_KERNEL);
	if (!obj)
		return NULL;
	kref_init(&obj->ref);
	INIT_LIST_HEAD(&obj->link);
	memcpy(obj->name, name, len);
	obj->is_dir = is_dir;
	obj->parent = parent;
	if (parent)
		kref_get(&parent->ref);
	return obj;
}

static void scrub_ended(void)
{
	spin_lock(&scrub.lock);
	scrub.end = ktime_get();
	WRITE_ONCE(scrub.state, scrub.state == STOPPING ? STOPPED : DONE);
	spin_unlock(&scrub.lock);
	wake_up_all(&scrub.ended);
}

static void scrub_release(struct kref *ref)
{
	struct scrub_object *obj = container_of(ref, struct scrub_object, ref);

	spin_lock(&scrub.lock);
	list_del(&obj->link);
	spin_unlock(&scrub.lock);
	path_put(&obj->path);
	/* Directories that wait for room go on when half the queue is empty */
	if (!obj->is_dir &&
	    atomic_dec_return(&scrub.files_queued) == max_files / 2)
		wake_up_all(&scrub.room);
}

/* A loop, since trees are deeper than the stack */
static void scrub_put(struct scrub_object *obj)
{
	while (kref_put(&obj->ref, scrub_release)) {
		struct scrub_object *parent = obj->parent;

		kfree(obj);
		if (!parent) {
			scrub_ended();
			break;
		}
		obj = parent;
	}
}

/*
 * The pool pins an item for as long as it is queued or executes, so nobody has to
 * remember it.  Here is also the one place to refuse: from the moment that a
 * scrub is to stop nothing is queued any more, not even what re-queues itself.
 *
 * Called with a raw spinlock held: atomic operations only.
 */
static int scrub_get_ref(struct slow_work *work)
{
	if (!scrub_running())
		return -EAGAIN;
	kref_get(&container_of(work, struct scrub_object, work)->ref);
	return 0;
}

/* May sleep, and may free the item: the pool does not look at it again */
static void scrub_put_ref(struct slow_work *work)
{
	scrub_put(container_of(work, struct scrub_object, work));
}

/* Queue a new object, and leave it to the pool */
static int scrub_enqueue(struct scrub_object *obj)
{
	int err;

	/*
	 * A directory is very slow: it makes work for others.  However many of
	 * them are queued, they leave half of the threads to the files, which
	 * alone bring the end nearer and free memory.
	 */
	if (obj->is_dir)
		vslow_work_init(&obj->work, &scrub_dir_ops);
	else
		slow_work_init(&obj->work, &scrub_file_ops);
	spin_lock(&scrub.lock);
	list_add_tail(&obj->link, &scrub.objects);
	spin_unlock(&scrub.lock);
	err = slow_work_enqueue(&obj->work);
	scrub_put(obj);
	return err;
}

/*
 * Look @name up in @dir.  O_PATH opens nothing, be it a link or a device.
 *
 * In a thread of the pool, as in every kernel thread, a plain fput() has its
 * effect some time later, and would keep the filesystem busy until then.
 */
static int scrub_lookup(struct scrub_object *dir, const char *name,
			struct path *path)
{
	struct file *file;

	file = file_open_root(&dir->path, name, O_PATH | O_NOFOLLOW, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	*path = file->f_path;
	path_get(path);
	__fput_sync(file);
	return 0;
}

/* --- files ---------------------------------------------------------------- */

static u64 scrub_mix(u32 crc, u32 name_crc, u64 size)
{
	u64 x = ((u64)crc << 32 | name_crc) + size * 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 33) * 0xff51afd7ed558ccdULL;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

static int scrub_read(struct scrub_object *obj, struct file *file)
{
	u32 crc = ~0, name_crc = ~0;
	ssize_t chunk, n = 0;
	loff_t pos = 0;
	void *buf;

	/* No further than it is long now: a log may grow as fast as we read */
	obj->size = i_size_read(file_inode(file));
	chunk = min_t(loff_t, obj->size, SCRUB_CHUNK);
	buf = kvmalloc(chunk, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	while (pos < obj->size && scrub_running()) {
		n = min_t(loff_t, obj->size - pos, chunk);
		n = kernel_read(file, buf, n, &pos);
		if (n <= 0)
			break;
		crc = crc32_le(crc, buf, n);
		WRITE_ONCE(obj->pos, pos);
		cond_resched();
	}
	kvfree(buf);
	if (n < 0)
		return n;
	if (n > 0 && pos < obj->size)
		return -EINTR;	/* to stop; half a file is no result */

	name_crc = crc32_le(name_crc, obj->name, strlen(obj->name));
	atomic64_add(scrub_mix(~crc, ~name_crc, pos), &scrub.sum);
	atomic64_add(pos, &scrub.bytes);
	atomic64_inc(&scrub.files);
	return 0;
}

static int scrub_file(struct scrub_object *obj)
{
	struct file *file;
	struct path path;
	int err;

	err = scrub_lookup(obj->parent, obj->name, &path);
	if (err)
		return err;
	if (path.mnt != obj->parent->path.mnt) {
		path_put(&path);
		return 0;
	}
	file = ERR_PTR(-ESTALE);	/* was one when it was listed */
	if (d_is_reg(path.dentry))
		file = dentry_open(&path, O_RDONLY | O_NOATIME | O_LARGEFILE,
				   current_cred());
	path_put(&path);
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = scrub_read(obj, file);
	__fput_sync(file);
	return err;
}

static void scrub_file_execute(struct slow_work *work)
{
	struct scrub_object *obj = container_of(work, struct scrub_object, work);
	int err = scrub_file(obj);

	if (err)
		scrub_error(obj->parent, obj->name, err);
}

static void scrub_file_desc(struct slow_work *work, struct seq_file *m)
{
	struct scrub_object *obj = container_of(work, struct scrub_object, work);

	seq_printf(m, "read %s/%s", obj->parent->name, obj->name);
	if (READ_ONCE(obj->pos))
		seq_printf(m, ", %lld of %lld KiB", READ_ONCE(obj->pos) >> 10,
			   obj->size >> 10);
}

static const struct slow_work_ops scrub_file_ops = {
	.owner = THIS_MODULE,
	.get_ref = scrub_get_ref,
	.put_ref = scrub_put_ref,
	.execute = scrub_file_execute,
	.desc = scrub_file_desc,
};

/* --- directories ---------------------------------------------------------- */

/* One run of a directory: it hands out a batch of its entries */
struct scrub_pass {
	struct dir_context ctx;
	struct scrub_object *dir;
	struct scrub_object *subdir;
	unsigned int entries;
	bool seen;		/* there was something to list */
	bool no_room;
};

/* False: no more for now; the entry is listed again next time */
static bool scrub_entry(struct dir_context *ctx, const char *name, int len,
			loff_t off, u64 ino, unsigned int type)
{
	struct scrub_pass *pass = container_of(ctx, struct scrub_pass, ctx);
	bool is_file = type == DT_REG;
	struct scrub_object *obj;

	pass->seen = true;
	if ((len == 1 && name[0] == '.') ||
	    (len == 2 && name[0] == '.' && name[1] == '.'))
		return true;
	if (!is_file && type != DT_DIR && type != DT_UNKNOWN)
		return true;
	if (pass->subdir || pass->entries == SCRUB_BATCH)
		return false;
	if (is_file && !atomic_add_unless(&scrub.files_queued, 1, max_files)) {
		pass->no_room = true;
		return false;
	}

	pass->entries++;
	obj = scrub_new(pass->dir, name, len, !is_file);
	if (!obj) {
		if (is_file)
			atomic_dec(&scrub.files_queued);
		scrub_error(pass->dir, "(an entry)", -ENOMEM);
	} else if (is_file) {
		/* Enqueueing never sleeps, so the directory's lock is no matter */
		scrub_enqueue(obj);
	} else {
		pass->subdir = obj;
	}
	return true;
}

/*
 * Hand out a subdirectory.  Were it to wait for room, and all others with it,
 * nobody would ever make any.  So where there is none, it gets the place of
 * @dir, and gives it back when it has been listed: the tree is walked depth
 * first then, and the queue does not grow.
 *
 * Return: true if @dir has lent its place.
 */
static bool scrub_subdir(struct scrub_object *dir, struct scrub_object *sub)
{
	bool lent;
	int err;

	err = scrub_lookup(dir, sub->name, &sub->path);
	if (!err && sub->path.mnt == dir->path.mnt) {
		if (d_is_dir(sub->path.dentry)) {
			lent = !atomic_add_unless(&scrub.dirs_queued, 1,
						  SCRUB_DIRS);
			sub->lent = lent;
			return !scrub_enqueue(sub) && lent;
		}
		if (d_is_reg(sub->path.dentry)) {
			/* A filesystem whose directories do not tell types */
			sub->is_dir = false;
			atomic_inc(&scrub.files_queued);
			scrub_enqueue(sub);
			return false;
		}
	}
	if (err)
		scrub_error(dir, sub->name, err);
	scrub_put(sub);
	return false;
}

/*
 * Wait for room for files, but not on a thread that others could use.  As ever
 * one arranges to be woken, sets one's state, then looks; only the call to
 * schedule() is the pool's.
 *
 * Return: true if there is room; false if the thread is wanted for other things,
 * or we are being cancelled.
 */
static bool scrub_wait_for_room(struct scrub_object *dir)
{
	signed long timeout = MAX_SCHEDULE_TIMEOUT;
	bool wanted = false;
	DEFINE_WAIT(wait);

	prepare_to_wait(&scrub.room, &wait, TASK_INTERRUPTIBLE);
	if (atomic_read(&scrub.files_queued) > max_files / 2)
		wanted = slow_work_sleep_till_thread_needed(&dir->work, &timeout);
	finish_wait(&scrub.room, &wait);
	return !wanted;
}

static void scrub_dir_execute(struct slow_work *work)
{
	struct scrub_object *dir = container_of(work, struct scrub_object, work);
	struct scrub_pass pass = { .ctx.actor = scrub_entry, .dir = dir };
	struct scrub_object *sub;
	bool lent = false;
	struct file *file;
	int err;

	if (dir->no_room && !scrub_wait_for_room(dir)) {
		slow_work_enqueue(work);
		return;
	}
	file = dentry_open(&dir->path, O_RDONLY | O_DIRECTORY | O_NOATIME,
			   current_cred());
	err = PTR_ERR_OR_ZERO(file);
	if (err)
		goto listed;
	if (dir->pos)
		err = min_t(loff_t, vfs_llseek(file, dir->pos, SEEK_SET), 0);
	while (!err && scrub_running()) {
		pass.seen = false;
		err = iterate_dir(file, &pass.ctx);
		sub = pass.subdir;
		pass.subdir = NULL;
		if (sub)
			lent = scrub_subdir(dir, sub);
		if (!pass.seen || pass.no_room || lent ||
		    pass.entries == SCRUB_BATCH)
			break;
	}
	WRITE_ONCE(dir->pos, file->f_pos);
	__fput_sync(file);
	if (lent)
		return;		/* the subdirectory will enqueue us */
	if (pass.seen && !err) {
		/* To the tail of the queue: others shall have their turn */
		dir->no_room = pass.no_room;
		slow_work_enqueue(work);
		return;
	}

listed:
	if (err)
		scrub_error(dir, "", err);
	else
		atomic64_inc(&scrub.dirs);
	if (dir->lent)
		slow_work_enqueue(&dir->parent->work);
	else
		atomic_dec(&scrub.dirs_queued);
}

static void scrub_dir_desc(struct slow_work *work, struct seq_file *m)
{
	struct scrub_object *dir = container_of(work, struct scrub_object, work);

	seq_printf(m, "list %s/%s", dir->name,
		   READ_ONCE(dir->pos) ? ", continued" : "");
}

static const struct slow_work_ops scrub_dir_ops = {
	.owner = THIS_MODULE,
	.get_ref = scrub_get_ref,
	.put_ref = scrub_put_ref,
	.execute = scrub_dir_execute,
	.desc = scrub_dir_desc,
};

/* --- control -------------------------------------------------------------- */

static int scrub_start(const char *name, const struct path *path)
{
	struct scrub_object *root;

	lockdep_assert_held(&control_lock);
	if (scrub_running())
		return -EBUSY;
	root = scrub_new(NULL, name, strlen(name), true);
	if (!root)
		return -ENOMEM;
	root->path = *path;
	path_get(path);

	spin_lock(&scrub.lock);
	strscpy(scrub.path, name, sizeof(scrub.path));
	atomic_set(&scrub.dirs_queued, 1);
	atomic64_set(&scrub.files, 0);
	atomic64_set(&scrub.dirs, 0);
	atomic64_set(&scrub.bytes, 0);
	atomic64_set(&scrub.errors, 0);
	atomic64_set(&scrub.sum, 0);
	scrub.start = ktime_get();
	WRITE_ONCE(scrub.state, RUNNING);
	spin_unlock(&scrub.lock);
	return scrub_enqueue(root);
}

/*
 * From here on get_ref refuses.  What is queued is cancelled, so that we do not
 * wait in the queue behind the work of others; what executes looks at the
 * state now and then, and a cancel waits for it.
 */
static void scrub_stop(void)
{
	struct scrub_object *obj;

	spin_lock(&scrub.lock);
	if (scrub.state == RUNNING)
		WRITE_ONCE(scrub.state, STOPPING);
	while (!list_empty(&scrub.objects)) {
		obj = list_first_entry(&scrub.objects, struct scrub_object, link);
		list_del_init(&obj->link);
		/* Whoever calls the pool keeps the item alive meanwhile */
		if (!kref_get_unless_zero(&obj->ref))
			continue;
		spin_unlock(&scrub.lock);
		slow_work_cancel(&obj->work);
		scrub_put(obj);
		spin_lock(&scrub.lock);
	}
	spin_unlock(&scrub.lock);
	wait_event(scrub.ended, READ_ONCE(scrub.state) != STOPPING);
}

/*
 * A delayed item that arms itself again.  It is there as long as the module, so
 * it needs no references.  The filesystem is not held between two scrubs.
 */
static void rescan_execute(struct slow_work *work)
{
	struct file *file;
	int err;

	/* Not mutex_lock(): its holder may be waiting for us, in a cancel */
	if (mutex_trylock(&control_lock)) {
		file = file_open_root(&rescan.fs_root, rescan.path,
				      O_PATH | O_DIRECTORY, 0);
		err = PTR_ERR_OR_ZERO(file);
		if (!err) {
			err = scrub_start(rescan.path, &file->f_path);
			__fput_sync(file);
		}
		mutex_unlock(&control_lock);
		if (err)
			pr_notice("rescan of %s: error %d\n", rescan.path, err);
	}
	/* Fails while we are being cancelled, as it should */
	delayed_slow_work_enqueue(&rescan.dwork, rescan.seconds * HZ);
}

/* No lock: a cancel waits for us, so what changes after one is safe to read */
static void rescan_desc(struct slow_work *work, struct seq_file *m)
{
	seq_printf(m, "rescan %s every %u s", rescan.path, rescan.seconds);
}

static const struct slow_work_ops rescan_ops = {
	.owner = THIS_MODULE,
	.execute = rescan_execute,
	.desc = rescan_desc,
};

static void rescan_off(void)
{
	delayed_slow_work_cancel(&rescan.dwork);
	rescan.seconds = 0;
	path_put(&rescan.fs_root);
	rescan.fs_root = (struct path) {};
}

static int rescan_every(unsigned int seconds)
{
	int err;

	if (seconds && !scrub.path[0])
		return -EINVAL;		/* of what? */
	rescan_off();
	if (!seconds)
		return 0;
	rescan.seconds = seconds;
	strscpy(rescan.path, scrub.path, sizeof(rescan.path));
	get_fs_root(current->fs, &rescan.fs_root);
	err = delayed_slow_work_enqueue(&rescan.dwork, seconds * HZ);
	if (err)
		rescan_off();
	return err;
}

static int scrub_command(const char *cmd)
{
	unsigned int seconds;
	struct path path;
	int err;

	lockdep_assert_held(&control_lock);
	if (!strcmp(cmd, "stop")) {
		rescan_off();
		scrub_stop();
		return 0;
	}
	if (!strncmp(cmd, "rescan ", 7)) {
		err = kstrtouint(cmd + 7, 10, &seconds);
		if (!err && seconds > SCRUB_RESCAN_MAX)
			err = -ERANGE;
		return err ?: rescan_every(seconds);
	}
	if (cmd[0] != '/')
		return -EINVAL;
	err = kern_path(cmd, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);
	if (err)
		return err;
	err = scrub_start(cmd, &path);
	path_put(&path);
	return err;
}

static ssize_t control_write(struct file *file, const char __user *ubuf,
			     size_t count, loff_t *ppos)
{
	char *cmd;
	int err;

	if (!count || *ppos)
		return -EINVAL;
	if (count > PATH_MAX)
		return -ENAMETOOLONG;
	cmd = memdup_user_nul(ubuf, count);
	if (IS_ERR(cmd))
		return PTR_ERR(cmd);
	/* One line; its end may be missing.  Blanks may belong to a name. */
	cmd[strcspn(cmd, "\n")] = '\0';
	err = -EINVAL;
	if (strlen(cmd) + 1 >= count)
		err = mutex_lock_interruptible(&control_lock);
	if (!err) {
		err = scrub_command(cmd);
		mutex_unlock(&control_lock);
	}
	kfree(cmd);
	return err ?: count;
}

static const struct file_operations control_fops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.write = control_write,
};

static int result_show(struct seq_file *m, void *unused)
{
	ktime_t end;

	spin_lock(&scrub.lock);
	end = scrub.state == RUNNING || scrub.state == STOPPING ?
	      ktime_get() : scrub.end;
	seq_printf(m, "state       %s\n", scrub_states[scrub.state]);
	seq_puts(m, "path        ");
	seq_escape(m, scrub.path, "\n\\");
	seq_printf(m, "\nfiles       %lld\n", (s64)atomic64_read(&scrub.files));
	seq_printf(m, "directories %lld\n", (s64)atomic64_read(&scrub.dirs));
	seq_printf(m, "bytes       %lld\n", (s64)atomic64_read(&scrub.bytes));
	seq_printf(m, "errors      %lld\n", (s64)atomic64_read(&scrub.errors));
	seq_printf(m, "checksum    %016llx\n", (u64)atomic64_read(&scrub.sum));
	seq_printf(m, "ms          %lld\n", ktime_ms_delta(end, scrub.start));
	spin_unlock(&scrub.lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(result);

static struct dentry *scrub_debugfs;

static int __init scrub_init(void)
{
	int err;

	if (!max_files)
		return -EINVAL;
	err = slow_work_register_user(THIS_MODULE);
	if (err)
		return err;
	delayed_slow_work_init(&rescan.dwork, &rescan_ops);
	scrub_debugfs = debugfs_create_dir("slow_scrub", NULL);
	if (IS_ERR(scrub_debugfs)) {
		slow_work_unregister_user(THIS_MODULE);
		return PTR_ERR(scrub_debugfs);
	}
	debugfs_create_file("control", 0200, scrub_debugfs, NULL, &control_fops);
	debugfs_create_file("result", 0400, scrub_debugfs, NULL, &result_fops);
	return 0;
}

/*
 * First nobody can give new orders, then nothing starts by itself, then what
 * runs comes to its end.  Unregistering is the last: when it returns no item of
 * ours is left, and no thread is in a function of ours, put_ref included.
 */
static void __exit scrub_exit(void)
{
	debugfs_remove(scrub_debugfs);
	rescan_off();
	scrub_stop();
	slow_work_unregister_user(THIS_MODULE);
}

module_init(scrub_init);
module_exit(scrub_exit);
MODULE_DESCRIPTION("Checksums all files under a directory by slow work");
MODULE_LICENSE("GPL");
