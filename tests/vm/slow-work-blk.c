// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-blk: a block device whose requests are served by slow work
 *
 * /dev/slowblk keeps its data in memory that it takes when it is loaded.  It may
 * carry swap and filesystems, so memory reclaim waits for its items:
 *
 * - it registers with SLOW_WORK_MEM_RECLAIM, before there is a disk;
 * - each request has its item in itself, so that to queue one takes no memory;
 * - from queue_rq until a request is ended nothing is allocated, and nothing that is
 *   called meanwhile may wait for I/O to get memory.
 *
 * The request is ended by put_ref: the pool has let go of the item by then, so the block
 * layer may use both again at once, and when the disk has gone there is no item.
 *
 * Parameters: size_mb; reserve=0 registers without, so that others' items may hold up
 * reclaim for as long as they like.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/bvec.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slow-work.h>
#include <linux/vmalloc.h>
#include "../compat.h"

static unsigned int size_mb = 64;
module_param(size_mb, uint, 0444);
MODULE_PARM_DESC(size_mb, "Size of the device in MiB");

static bool reserve = true;
module_param(reserve, bool, 0444);
MODULE_PARM_DESC(reserve, "Register with SLOW_WORK_MEM_RECLAIM");

/* What a request has room for */
struct blk_item {
	struct slow_work work;
	blk_status_t status;
};

static void *blk_data;
static struct gendisk *blk_disk;

static struct blk_item *to_blk_item(struct slow_work *work)
{
	return container_of(work, struct blk_item, work);
}

static blk_status_t blk_copy(struct request *rq)
{
	void *data = blk_data + (blk_rq_pos(rq) << SECTOR_SHIFT);
	struct req_iterator iter;
	struct bio_vec bvec;

	if (req_op(rq) != REQ_OP_READ && req_op(rq) != REQ_OP_WRITE)
		return BLK_STS_NOTSUPP;
	rq_for_each_segment(bvec, rq, iter) {
		if (rq_data_dir(rq) == WRITE)
			memcpy_from_bvec(data, &bvec);
		else
			memcpy_to_bvec(&bvec, data);
		data += bvec.bv_len;
	}
	return BLK_STS_OK;
}

static void blk_execute(struct slow_work *work)
{
	struct blk_item *item = to_blk_item(work);
	unsigned int noio = memalloc_noio_save();

	item->status = blk_copy(blk_mq_rq_from_pdu(item));
	memalloc_noio_restore(noio);
}

/* Whoever waits for the request is called from here. */
static void blk_put_ref(struct slow_work *work)
{
	struct blk_item *item = to_blk_item(work);
	unsigned int noio = memalloc_noio_save();

	blk_mq_end_request(blk_mq_rq_from_pdu(item), item->status);
	memalloc_noio_restore(noio);
}

static void blk_desc(struct slow_work *work, struct seq_file *m)
{
	struct request *rq = blk_mq_rq_from_pdu(to_blk_item(work));

	seq_printf(m, "slowblk: %s %u at %llu",
		   rq_data_dir(rq) == WRITE ? "write" : "read",
		   blk_rq_sectors(rq), (unsigned long long)blk_rq_pos(rq));
}

static const struct slow_work_ops blk_ops = {
	.owner		= THIS_MODULE,
	.put_ref	= blk_put_ref,
	.execute	= blk_execute,
	.desc		= blk_desc,
};

static blk_status_t blk_queue_rq(struct blk_mq_hw_ctx *hctx,
				 const struct blk_mq_queue_data *bd)
{
	struct blk_item *item = blk_mq_rq_to_pdu(bd->rq);

	blk_mq_start_request(bd->rq);
	slow_work_init(&item->work, &blk_ops);
	return slow_work_enqueue(&item->work) ? BLK_STS_IOERR : BLK_STS_OK;
}

static const struct blk_mq_ops blk_mq_ops = {
	.queue_rq	= blk_queue_rq,
};

static struct blk_mq_tag_set blk_tags = {
	.ops		= &blk_mq_ops,
	.nr_hw_queues	= 1,
	.queue_depth	= 32,
	.numa_node	= NUMA_NO_NODE,
	.cmd_size	= sizeof(struct blk_item),
	.flags		= BLK_MQ_F_NO_SCHED_BY_DEFAULT,
};

static const struct block_device_operations blk_fops = {
	.owner		= THIS_MODULE,
};

static int blk_add_disk(void)
{
	int ret;

	blk_disk = slow_work_alloc_disk(&blk_tags);
	if (IS_ERR(blk_disk))
		return PTR_ERR(blk_disk);
	blk_disk->fops = &blk_fops;
	strscpy(blk_disk->disk_name, "slowblk", sizeof(blk_disk->disk_name));
	set_capacity(blk_disk, (sector_t)size_mb * (SZ_1M >> SECTOR_SHIFT));
	ret = add_disk(blk_disk);
	if (ret)
		put_disk(blk_disk);
	return ret;
}

static int __init blk_init(void)
{
	int ret;

	blk_data = vzalloc((size_t)size_mb * SZ_1M);
	if (!blk_data)
		return -ENOMEM;
	ret = slow_work_register_user_flags(THIS_MODULE, reserve ?
					    SLOW_WORK_MEM_RECLAIM : 0);
	if (ret)
		goto no_user;
	ret = blk_mq_alloc_tag_set(&blk_tags);
	if (ret)
		goto no_tags;
	ret = blk_add_disk();
	if (!ret)
		return 0;
	blk_mq_free_tag_set(&blk_tags);
no_tags:
	slow_work_unregister_user(THIS_MODULE);
no_user:
	vfree(blk_data);
	return ret;
}

static void __exit blk_exit(void)
{
	/* Waits for the requests, and so for what the pool has of them */
	del_gendisk(blk_disk);
	put_disk(blk_disk);
	blk_mq_free_tag_set(&blk_tags);
	slow_work_unregister_user(THIS_MODULE);
	vfree(blk_data);
}

module_init(blk_init);
module_exit(blk_exit);

MODULE_DESCRIPTION("Block device that is served by slow work");
MODULE_AUTHOR("The slow-work developers");
MODULE_LICENSE("GPL");
