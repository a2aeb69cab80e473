/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What FS-Cache needs to run on slow-work, for fscache-slow-work.cocci.
 *
 * Netfs and the network filesystems know the layout of a cookie and of a volume,
 * and modversions tell when it changes.  So the items lie beside them, in what is
 * allocated for both.
 */
#ifndef _FSCACHE_SLOW_WORK_H
#define _FSCACHE_SLOW_WORK_H

#include <linux/slow-work.h>

/* What the slab cache hands out as a cookie */
struct fscache_cookie_item {
	struct fscache_cookie cookie;
	struct slow_work work;
};

/* A volume ends with an array, so nothing can lie behind it */
struct fscache_volume_item {
	struct slow_work work;
	struct fscache_volume volume;
};

extern const struct slow_work_ops fscache_cookie_ops, fscache_volume_ops;
extern struct delayed_slow_work fscache_lru;

static inline struct slow_work *fscache_cookie_item(struct fscache_cookie *cookie)
{
	return &container_of(cookie, struct fscache_cookie_item, cookie)->work;
}

static inline struct fscache_cookie *fscache_cookie_of(struct slow_work *work)
{
	return &container_of(work, struct fscache_cookie_item, work)->cookie;
}

static inline struct slow_work *fscache_volume_item(struct fscache_volume *volume)
{
	return &container_of(volume, struct fscache_volume_item, volume)->work;
}

static inline struct fscache_volume *fscache_volume_of(struct slow_work *work)
{
	return &container_of(work, struct fscache_volume_item, work)->volume;
}

struct fscache_volume *fscache_zalloc_volume(size_t coherency_len);
void fscache_kfree_volume(struct fscache_volume *volume);

void fscache_enqueue(struct slow_work *work);
void fscache_lru_no_later(unsigned long when);

/* FS-Cache's, which the semantic patch makes known here */
void fscache_cookie_worker(struct slow_work *work);
void fscache_create_volume_work(struct slow_work *work);
void fscache_cookie_lru_worker(struct slow_work *work);

#endif /* _FSCACHE_SLOW_WORK_H */
