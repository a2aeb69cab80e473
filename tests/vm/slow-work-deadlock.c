// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work-deadlock: a caller that could hang, and does not
 *
 * It holds a lock while it waits for an item to be let go, and the item takes
 * the same lock; but the item has run before, so nothing hangs.  Lockdep is to
 * tell all the same.  The parameter says what waits for what:
 *
 *	cancel		slow_work_cancel() for execute
 *	put		slow_work_cancel() for put_ref
 *	unregister	slow_work_unregister_user() for execute
 *	nothing		none of this: locks, but not around what waits
 */

#include <linux/completion.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slow-work.h>
#include <linux/string.h>

enum { DEADLOCK_CANCEL, DEADLOCK_PUT, DEADLOCK_UNREGISTER, DEADLOCK_NOTHING };

static const char * const deadlock_ways[] = {
	"cancel", "put", "unregister", "nothing"
};

static char *way = "cancel";
module_param(way, charp, 0);
MODULE_PARM_DESC(way, "cancel, put, unregister or nothing");

static int deadlock_way;
static DEFINE_MUTEX(deadlock_mutex);
static DECLARE_COMPLETION(deadlock_ran);
static struct slow_work deadlock_item, deadlock_other;

static void deadlock_take(void)
{
	mutex_lock(&deadlock_mutex);
	mutex_unlock(&deadlock_mutex);
}

static void deadlock_execute(struct slow_work *work)
{
	/* Others may be cancelled here, and locks be taken */
	slow_work_cancel(&deadlock_other);
	if (deadlock_way != DEADLOCK_PUT)
		deadlock_take();
}

static void deadlock_put_ref(struct slow_work *work)
{
	if (deadlock_way == DEADLOCK_PUT)
		deadlock_take();
	complete(&deadlock_ran);
}

static const struct slow_work_ops deadlock_ops = {
	.owner = THIS_MODULE,
	.execute = deadlock_execute,
	.put_ref = deadlock_put_ref,
};

static void deadlock_other_execute(struct slow_work *work)
{
}

static const struct slow_work_ops deadlock_other_ops = {
	.owner = THIS_MODULE,
	.execute = deadlock_other_execute,
};

static int __init deadlock_init(void)
{
	int ret;

	deadlock_way = match_string(deadlock_ways, ARRAY_SIZE(deadlock_ways),
				    way);
	if (deadlock_way < 0)
		return deadlock_way;
	ret = slow_work_register_user(THIS_MODULE);
	if (ret)
		return ret;
	slow_work_init(&deadlock_item, &deadlock_ops);
	slow_work_init(&deadlock_other, &deadlock_other_ops);
	slow_work_enqueue(&deadlock_item);
	wait_for_completion(&deadlock_ran);

	if (deadlock_way == DEADLOCK_NOTHING) {
		deadlock_take();
	} else if (deadlock_way != DEADLOCK_UNREGISTER) {
		mutex_lock(&deadlock_mutex);
		slow_work_cancel(&deadlock_item);
		mutex_unlock(&deadlock_mutex);
	}
	return 0;
}

static void __exit deadlock_exit(void)
{
	slow_work_cancel(&deadlock_item);
	if (deadlock_way == DEADLOCK_UNREGISTER)
		mutex_lock(&deadlock_mutex);
	slow_work_unregister_user(THIS_MODULE);
	if (deadlock_way == DEADLOCK_UNREGISTER)
		mutex_unlock(&deadlock_mutex);
}

module_init(deadlock_init);
module_exit(deadlock_exit);

MODULE_DESCRIPTION("Caller of slow-work that lockdep is to complain of");
MODULE_AUTHOR("The slow-work developers");
MODULE_LICENSE("GPL");
