// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Logs the checksum of each file whose path is written to it:
 *
 *	insmod slow_work_filesum.ko
 *	echo /srv/image >/sys/module/slow_work_filesum/parameters/file
 *
 * A file is an object with a reference count, and an item that reads the file.
 * That may take minutes, so the item is very slow: the pool keeps threads for
 * quicker work.  A delayed item polls how many files are to go.
 */
#include <linux/crc32.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/slow-work.h>

struct filesum {
	struct slow_work work;
	struct kref ref;
	loff_t pos;
	u8 buf[2048];
	char path[];
};

static struct delayed_slow_work poll;
static atomic_t unfinished;
static bool ready;	/* cleared under kernel_param_lock(), as filesum_set() runs */
#define to_filesum(w) container_of(w, struct filesum, work)

static void filesum_release(struct kref *ref)
{
	atomic_dec(&unfinished);
	kfree(container_of(ref, struct filesum, ref));
}

/* Interrupts are off and a raw spinlock is held: atomic operations only */
static int filesum_get_ref(struct slow_work *work)
{
	kref_get(&to_filesum(work)->ref);
	return 0;
}

/* May sleep, and may free the item: the pool does not touch it again */
static void filesum_put_ref(struct slow_work *work)
{
	kref_put(&to_filesum(work)->ref, filesum_release);
}

static void filesum_execute(struct slow_work *work)
{
	struct filesum *obj = to_filesum(work);
	struct file *file = filp_open(obj->path, O_RDONLY | O_LARGEFILE, 0);
	u32 crc = ~0;
	ssize_t n;

	if (IS_ERR(file)) {
		pr_info("filesum: %s: error %ld\n", obj->path, PTR_ERR(file));
		return;
	}
	while (READ_ONCE(ready)) {
		n = kernel_read(file, obj->buf, sizeof(obj->buf), &obj->pos);
		if (n <= 0) {
			pr_info("filesum: %s: %08x, error %zd\n", obj->path, ~crc, n);
			break;
		}
		crc = crc32_le(crc, obj->buf, n);
	}
	filp_close(file, NULL);
}

static void filesum_desc(struct slow_work *work, struct seq_file *m)
{
	struct filesum *obj = to_filesum(work);

	seq_printf(m, "checksum %s, at %lld", obj->path, READ_ONCE(obj->pos));
}

static const struct slow_work_ops filesum_ops = {
	.owner = THIS_MODULE,
	.get_ref = filesum_get_ref,
	.put_ref = filesum_put_ref,
	.execute = filesum_execute,
	.desc = filesum_desc,		/* what runqueue shows */
};

static void poll_execute(struct slow_work *work)
{
	pr_info("filesum: %d files to go\n", atomic_read(&unfinished));
	/* Returns -ECANCELED once a cancel waits for this run */
	if (atomic_read(&unfinished))
		delayed_slow_work_enqueue(&poll, HZ);
}

static const struct slow_work_ops poll_ops = {
	.owner = THIS_MODULE,
	.execute = poll_execute,	/* lives as long as the module: no references */
};

static int filesum_set(const char *val, const struct kernel_param *kp)
{
	size_t len = strcspn(val, "\n");
	struct filesum *obj;
	int err;

	if (!ready)
		return -ENODEV;
	obj = kzalloc(struct_size(obj, path, len + 1), GFP_KERNEL);
	if (!obj)
		return -ENOMEM;
	memcpy(obj->path, val, len);
	kref_init(&obj->ref);
	atomic_inc(&unfinished);
	vslow_work_init(&obj->work, &filesum_ops);
	err = slow_work_enqueue(&obj->work);
	if (!err)		/* merged if the poll is armed already */
		err = delayed_slow_work_enqueue(&poll, HZ);
	kref_put(&obj->ref, filesum_release);	/* the pool has its own */
	return err;
}

static const struct kernel_param_ops file_ops = { .set = filesum_set };
module_param_cb(file, &file_ops, NULL, 0200);

static int __init filesum_init(void)
{
	int err;

	delayed_slow_work_init(&poll, &poll_ops);
	err = slow_work_register_user(THIS_MODULE);
	WRITE_ONCE(ready, !err);
	return err;
}

static void __exit filesum_exit(void)
{
	kernel_param_lock(THIS_MODULE);
	WRITE_ONCE(ready, false);	/* no new files, and reading ends */
	kernel_param_unlock(THIS_MODULE);
	delayed_slow_work_cancel(&poll);
	/* Waits until no item is left and no function of ours runs */
	slow_work_unregister_user(THIS_MODULE);
}

module_init(filesum_init);
module_exit(filesum_exit);
MODULE_DESCRIPTION("A caller that logs checksums of files");
MODULE_LICENSE("GPL");
