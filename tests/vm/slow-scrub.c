// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-scrub: reads and checksums every regular file under a directory.
 *
 *	echo /srv >/proc/slow_scrub/control	starts a scrub of /srv
 *	echo stop >/proc/slow_scrub/control	ends it
 *	cat /proc/slow_scrub/state		progress, or the outcome
 *
 * It is the load of a real filesystem for the demo and the tests: thousands of
 * objects that come and go, both classes, items that enqueue themselves and
 * others, and a wait for an event.  Symbolic links are not followed, other mounts
 * are not entered, special files are left alone.
 *
 * The checksum does not depend on the order in which threads read the files: it
 * is the sum, modulo 2^64, of scrub_mix() over all files, of each file's size and
 * the CRC-32, as zlib has it, of its data and its name.
 *
 * An object is a file or a directory.  It embeds an item, and has a reference
 * count: the pool holds a reference while the item is queued or executing, and
 * each object holds one on its directory.  The root is the last to go; then the
 * scrub has ended.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/crc32.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/wait.h>
#define VM_LONGEST	256
#include "control.h"
#include "../compat.h"

#define SCRUB_CHUNK	SZ_64K	/* read at once */

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
	struct scrub_object *parent;	/* holds a reference; NULL: the root */
	struct path path;		/* of a directory, once it is open */
	loff_t pos;			/* where to list on */
	bool is_dir;
	bool no_room;			/* for files; a directory is to run again */
	char name[];
};

/* The scrub; there is one at a time */
static struct {
	enum scrub_state state;
	ktime_t start, end;
	atomic_t files_queued;
	wait_queue_head_t room;		/* directories wait to queue files */
	wait_queue_head_t ended;
	atomic64_t files, dirs, bytes, errors, sum;
} scrub = {
	.room = __WAIT_QUEUE_HEAD_INITIALIZER(scrub.room),
	.ended = __WAIT_QUEUE_HEAD_INITIALIZER(scrub.ended),
};

static DEFINE_MUTEX(scrub_mutex);	/* one order at a time */

static const struct slow_work_ops scrub_dir_ops, scrub_file_ops;

static struct scrub_object *to_scrub(struct slow_work *work)
{
	return container_of(work, struct scrub_object, work);
}

static bool scrub_running(void)
{
	return READ_ONCE(scrub.state) == RUNNING;
}

static void scrub_error(struct scrub_object *obj, int err)
{
	if (!scrub_running())
		return;		/* not the filesystem's fault */
	atomic64_inc(&scrub.errors);
	pr_notice_ratelimited("%s: error %d\n", obj->name, err);
}

/* --- objects -------------------------------------------------------------- */

static void scrub_ended(void)
{
	scrub.end = ktime_get();
	if (cmpxchg(&scrub.state, STOPPING, STOPPED) != STOPPING)
		WRITE_ONCE(scrub.state, DONE);
	wake_up_all(&scrub.ended);
}

static void scrub_release(struct kref *ref)
{
	struct scrub_object *obj = container_of(ref, struct scrub_object, ref);

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
 * Called with a raw spinlock held: atomic operations only.  Once a scrub is to
 * stop nothing is queued any more, but for an item that enqueues itself: the
 * reference that it has goes on to its next run.
 */
static int scrub_get_ref(struct slow_work *work)
{
	if (!scrub_running())
		return -EAGAIN;
	kref_get(&to_scrub(work)->ref);
	return 0;
}

static void scrub_put_ref(struct slow_work *work)
{
	scrub_put(to_scrub(work));
}

/* Make an object and leave it to the pool.  A directory is very slow. */
static int scrub_add(struct scrub_object *parent, const char *name, size_t len,
		     bool is_dir, const struct path *path)
{
	struct scrub_object *obj;
	int err;

	obj = kzalloc(struct_size(obj, name, len + 1), GFP_KERNEL);
	if (!obj)
		return -ENOMEM;
	kref_init(&obj->ref);
	memcpy(obj->name, name, len);
	obj->is_dir = is_dir;
	obj->parent = parent;
	if (parent)
		kref_get(&parent->ref);
	if (path) {
		obj->path = *path;
		path_get(path);
	}
	if (is_dir)
		vslow_work_init(&obj->work, &scrub_dir_ops);
	else
		slow_work_init(&obj->work, &scrub_file_ops);
	err = slow_work_enqueue(&obj->work);
	scrub_put(obj);
	return err;
}

/* NULL: of another mount */
static struct file *scrub_open(struct scrub_object *obj, int flags)
{
	struct path *dir = &obj->parent->path;
	struct file *file;

	file = file_open_root(dir, obj->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
			      O_NOATIME | O_LARGEFILE | flags, 0);
	if (IS_ERR(file) || file->f_path.mnt == dir->mnt)
		return file;
	__fput_sync(file);
	return NULL;
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
	/* No further than its present size: a log may grow as fast as we read */
	loff_t pos = 0, size = i_size_read(file_inode(file));
	ssize_t chunk = min_t(loff_t, size, SCRUB_CHUNK), n = 0;
	u32 crc = ~0, name_crc;
	void *buf;

	if (!S_ISREG(file_inode(file)->i_mode))
		return -ESTALE;
	buf = kvmalloc(chunk, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	while (pos < size && scrub_running()) {
		n = kernel_read(file, buf, min_t(loff_t, size - pos, chunk), &pos);
		if (n <= 0)
			break;
		crc = crc32_le(crc, buf, n);
		cond_resched();
	}
	kvfree(buf);
	if (n < 0)
		return n;
	if (n > 0 && pos < size)
		return -EINTR;	/* to stop; half a file is no result */

	name_crc = crc32_le(~0, obj->name, strlen(obj->name));
	atomic64_add(scrub_mix(~crc, ~name_crc, pos), &scrub.sum);
	atomic64_add(pos, &scrub.bytes);
	atomic64_inc(&scrub.files);
	return 0;
}

/* __fput_sync(): in a kernel thread fput() works later, and keeps the mount busy */
static void scrub_file_execute(struct slow_work *work)
{
	struct scrub_object *obj = to_scrub(work);
	struct file *file;
	int err;

	if (!scrub_running())
		return;
	file = scrub_open(obj, 0);
	err = PTR_ERR_OR_ZERO(file);
	if (!IS_ERR_OR_NULL(file)) {
		err = scrub_read(obj, file);
		__fput_sync(file);
	}
	if (err)
		scrub_error(obj, err);
}

static void scrub_file_desc(struct slow_work *work, struct seq_file *m)
{
	struct scrub_object *obj = to_scrub(work);

	seq_printf(m, "read %s/%s", obj->parent->name, obj->name);
}

static const struct slow_work_ops scrub_file_ops = {
	.owner = THIS_MODULE,
	.get_ref = scrub_get_ref,
	.put_ref = scrub_put_ref,
	.execute = scrub_file_execute,
	.desc = scrub_file_desc,
};

/* --- directories ---------------------------------------------------------- */

/* One run of a directory: it enqueues as many of its entries as there is room for */
struct scrub_pass {
	struct dir_context ctx;
	struct scrub_object *dir;
	bool seen;		/* there was something to list */
};

/* False: no more for now; the entry is listed again next time */
static slow_work_actor scrub_entry(struct dir_context *ctx, const char *name,
				   int len, loff_t off, u64 ino,
				   unsigned int type)
{
	struct scrub_pass *pass = container_of(ctx, struct scrub_pass, ctx);
	int err;

	pass->seen = true;
	if ((len == 1 && name[0] == '.') ||
	    (len == 2 && name[0] == '.' && name[1] == '.'))
		return SLOW_WORK_GO_ON;
	if (type != DT_REG && type != DT_DIR)
		return SLOW_WORK_GO_ON;
	if (type == DT_REG &&
	    !atomic_add_unless(&scrub.files_queued, 1, max_files)) {
		pass->dir->no_room = true;
		return SLOW_WORK_STOP;
	}
	/* An enqueue does not sleep, so the directory's lock may be held */
	err = scrub_add(pass->dir, name, len, type == DT_DIR, NULL);
	if (err) {
		if (err == -ENOMEM && type == DT_REG)
			atomic_dec(&scrub.files_queued);
		scrub_error(pass->dir, err);
	}
	return SLOW_WORK_GO_ON;
}

/*
 * Wait for room for files, but not on a thread that others could use.
 *
 * Return: true if the thread is needed for other work, or for a cancel.
 */
static bool scrub_wait_for_room(struct scrub_object *dir)
{
	signed long timeout = MAX_SCHEDULE_TIMEOUT;
	bool needed = false;
	DEFINE_WAIT(wait);

	prepare_to_wait(&scrub.room, &wait, TASK_INTERRUPTIBLE);
	if (atomic_read(&scrub.files_queued) > max_files / 2 && scrub_running())
		needed = slow_work_sleep_till_thread_needed(&dir->work, &timeout);
	finish_wait(&scrub.room, &wait);
	return needed;
}

static int scrub_list(struct scrub_object *dir, struct scrub_pass *pass)
{
	struct file *file;
	int err = 0;

	if (dir->parent)
		file = scrub_open(dir, O_DIRECTORY);
	else
		file = dentry_open(&dir->path, O_RDONLY | O_DIRECTORY,
				   current_cred());
	if (IS_ERR_OR_NULL(file))
		return PTR_ERR_OR_ZERO(file);
	if (!dir->path.mnt) {
		dir->path = file->f_path;
		path_get(&dir->path);
	}
	if (dir->pos)
		err = min_t(loff_t, vfs_llseek(file, dir->pos, SEEK_SET), 0);
	dir->no_room = false;
	do {
		pass->seen = false;
		if (!err)
			err = iterate_dir(file, &pass->ctx);
	} while (!err && pass->seen && !dir->no_room && scrub_running());
	dir->pos = file->f_pos;
	__fput_sync(file);
	if (!err && !dir->no_room)
		atomic64_inc(&scrub.dirs);
	return err;
}

static void scrub_dir_execute(struct slow_work *work)
{
	struct scrub_object *dir = to_scrub(work);
	struct scrub_pass pass = { .ctx.actor = scrub_entry, .dir = dir };
	int err = 0;

	if (!(dir->no_room && scrub_wait_for_room(dir)) && scrub_running())
		err = scrub_list(dir, &pass);
	if (err)
		scrub_error(dir, err);
	else if (dir->no_room && scrub_running())
		slow_work_enqueue(work);	/* the tail: others have a turn */
}

static void scrub_dir_desc(struct slow_work *work, struct seq_file *m)
{
	seq_printf(m, "list %s/", to_scrub(work)->name);
}

static const struct slow_work_ops scrub_dir_ops = {
	.owner = THIS_MODULE,
	.get_ref = scrub_get_ref,
	.put_ref = scrub_put_ref,
	.execute = scrub_dir_execute,
	.desc = scrub_dir_desc,
};

/* --- control -------------------------------------------------------------- */

static int scrub_start(const char *name)
{
	struct path path;
	int err;

	err = kern_path(name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);
	if (err)
		return err;
	err = scrub_running() ? -EBUSY : 0;
	if (!err) {
		atomic64_set(&scrub.files, 0);
		atomic64_set(&scrub.dirs, 0);
		atomic64_set(&scrub.bytes, 0);
		atomic64_set(&scrub.errors, 0);
		atomic64_set(&scrub.sum, 0);
		scrub.start = ktime_get();
		WRITE_ONCE(scrub.state, RUNNING);
		err = scrub_add(NULL, name, strlen(name), true, &path);
		if (err == -ENOMEM)
			scrub_ended();
	}
	path_put(&path);
	return err;
}

/* From here on get_ref refuses, and what runs ends soon */
static void scrub_stop(void)
{
	cmpxchg(&scrub.state, RUNNING, STOPPING);
	wake_up_all(&scrub.room);
	wait_event(scrub.ended, READ_ONCE(scrub.state) != STOPPING);
}

static int vm_order(char *word)
{
	int ret = 0;

	mutex_lock(&scrub_mutex);
	if (!strcmp(word, "stop"))
		scrub_stop();
	else
		ret = word[0] == '/' ? scrub_start(word) : -EINVAL;
	mutex_unlock(&scrub_mutex);
	return ret;
}

static int vm_state(struct seq_file *m, void *unused)
{
	enum scrub_state state = READ_ONCE(scrub.state);
	ktime_t end = state == RUNNING || state == STOPPING ? ktime_get() : scrub.end;

	seq_printf(m, "state       %s\n", scrub_states[state]);
	seq_printf(m, "files       %lld\n", (s64)atomic64_read(&scrub.files));
	seq_printf(m, "directories %lld\n", (s64)atomic64_read(&scrub.dirs));
	seq_printf(m, "bytes       %lld\n", (s64)atomic64_read(&scrub.bytes));
	seq_printf(m, "errors      %lld\n", (s64)atomic64_read(&scrub.errors));
	seq_printf(m, "checksum    %016llx\n", (u64)atomic64_read(&scrub.sum));
	seq_printf(m, "ms          %lld\n", ktime_ms_delta(end, scrub.start));
	return 0;
}

static int __init scrub_init(void)
{
	return max_files ? vm_begin() : -EINVAL;
}

/* First no new command comes, then what runs ends; unregister is the last */
static void __exit scrub_exit(void)
{
	proc_remove(vm_dir);
	scrub_stop();
	slow_work_unregister_user(THIS_MODULE);
}

module_init(scrub_init);
module_exit(scrub_exit);
MODULE_DESCRIPTION("Checksums all files under a directory by slow work");
