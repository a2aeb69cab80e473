// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * FS-Cache's items: what fscache-slow-work.cocci cannot say with a rule.
 *
 * A cookie that is looked up waits for the item that creates its volume.  In one
 * class that item may be queued behind nothing but such cookies, which hold all
 * threads of the pool, and all wait for ever.  Very slow items never have all
 * threads: so the cookies that wait are very slow, and what they wait for is not.
 */
#include <linux/module.h>
#include "internal.h"
#include "fscache-slow-work.h"

/* --- cookies */

static int fscache_cookie_get_ref(struct slow_work *work)
{
	fscache_get_cookie(fscache_cookie_of(work), fscache_cookie_get_end_access);
	return 0;
}

static void fscache_cookie_put_ref(struct slow_work *work)
{
	fscache_put_cookie(fscache_cookie_of(work), fscache_cookie_put_work);
}

static const char *fscache_state_name(enum fscache_cookie_state state)
{
	switch (state) {
	case FSCACHE_COOKIE_STATE_QUIESCENT:		return "quiescent";
	case FSCACHE_COOKIE_STATE_LOOKING_UP:		return "looking up";
	case FSCACHE_COOKIE_STATE_CREATING:		return "creating";
	case FSCACHE_COOKIE_STATE_ACTIVE:		return "active";
	case FSCACHE_COOKIE_STATE_INVALIDATING:		return "invalidating";
	case FSCACHE_COOKIE_STATE_FAILED:		return "failed";
	case FSCACHE_COOKIE_STATE_LRU_DISCARDING:	return "discarding";
	case FSCACHE_COOKIE_STATE_WITHDRAWING:		return "withdrawing";
	case FSCACHE_COOKIE_STATE_RELINQUISHING:	return "relinquishing";
	case FSCACHE_COOKIE_STATE_DROPPED:		return "dropped";
	}
	return "?";
}

/* What it is in, and with no lock what it is to do */
static void fscache_cookie_desc(struct slow_work *work, struct seq_file *m)
{
	struct fscache_cookie *cookie = fscache_cookie_of(work);

	seq_printf(m, "%s%s%s c=%08x V=%08x [%s] key=%*phN",
		   fscache_state_name(fscache_cookie_state(cookie)),
		   test_bit(FSCACHE_COOKIE_DO_RELINQUISH, &cookie->flags) ? ", relinquish" : "",
		   test_bit(FSCACHE_COOKIE_DO_WITHDRAW, &cookie->flags) ? ", withdraw" : "",
		   cookie->debug_id, cookie->volume->debug_id, cookie->volume->key + 1,
		   (int)cookie->key_len, fscache_get_key(cookie));
}

const struct slow_work_ops fscache_cookie_ops = {
	.owner = THIS_MODULE,
	.get_ref = fscache_cookie_get_ref,
	.put_ref = fscache_cookie_put_ref,
	.execute = fscache_cookie_worker,
	.desc = fscache_cookie_desc,
};

/* --- volumes */

struct fscache_volume *fscache_zalloc_volume(size_t coherency_len)
{
	struct fscache_volume_item *item =
		kzalloc(struct_size(item, volume.coherency, coherency_len), GFP_KERNEL);

	return item ? &item->volume : NULL;
}

void fscache_kfree_volume(struct fscache_volume *volume)
{
	kfree(container_of(volume, struct fscache_volume_item, volume));
}

static int fscache_volume_get_ref(struct slow_work *work)
{
	fscache_get_volume(fscache_volume_of(work), fscache_volume_get_create_work);
	return 0;
}

static void fscache_volume_put_ref(struct slow_work *work)
{
	fscache_put_volume(fscache_volume_of(work), fscache_volume_put_create_work);
}

static void fscache_volume_desc(struct slow_work *work, struct seq_file *m)
{
	struct fscache_volume *volume = fscache_volume_of(work);

	seq_printf(m, "create V=%08x [%s]", volume->debug_id, volume->key + 1);
}

const struct slow_work_ops fscache_volume_ops = {
	.owner = THIS_MODULE,
	.get_ref = fscache_volume_get_ref,
	.put_ref = fscache_volume_put_ref,
	.execute = fscache_create_volume_work,
	.desc = fscache_volume_desc,
};

/* --- unused cookies; lives as long as the module, so no references */

static void fscache_lru_desc(struct slow_work *work, struct seq_file *m)
{
	seq_puts(m, "discard unused cookies");
}

static const struct slow_work_ops fscache_lru_ops = {
	.owner = THIS_MODULE,
	.execute = fscache_cookie_lru_worker,
	.desc = fscache_lru_desc,
};

DEFINE_DELAYED_SLOW_WORK(fscache_lru, &fscache_lru_ops);

/* @when is a time, as timers have it */
void fscache_lru_no_later(unsigned long when)
{
	unsigned long now = jiffies;

	delayed_slow_work_reduce(&fscache_lru, time_after(when, now) ? when - now : 0);
}

/* Nothing is ever cancelled, and FS-Cache is a user as long as it is loaded */
void fscache_enqueue(struct slow_work *work)
{
	int err = slow_work_enqueue(work);

	WARN_ONCE(err, "FS-Cache: not enqueued: %d\n", err);
}
