// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits per user and per address space, and counts of live objects.
 *
 * Memory is also charged to the memory cgroup (GFP_KERNEL_ACCOUNT where it is allocated); these
 * limits hold where there is none. Pages of records cannot be swapped out, so an address space may
 * have as many as RLIMIT_MEMLOCK says.
 */
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "trampfd.h"

struct trampfd_quota {
	struct hlist_node node; /* quotas_lock */
	unsigned int users;	/* quotas_lock; objects that point here */
	kuid_t uid;
	atomic_long_t used[TRAMPFD_COUNTS];
};

static DEFINE_MUTEX(quotas_lock);
static DEFINE_HASHTABLE(quotas, 6);

static unsigned long limits[TRAMPFD_COUNTS] = {
	[TRAMPFD_DESCRIPTORS] = 65536,
	[TRAMPFD_PAGES] = 65536,
};

module_param_named(max_user_descriptors, limits[TRAMPFD_DESCRIPTORS], ulong, 0644);
MODULE_PARM_DESC(max_user_descriptors, "descriptors that one user may have open (default 65536)");
module_param_named(max_user_pages, limits[TRAMPFD_PAGES], ulong, 0644);
MODULE_PARM_DESC(max_user_pages, "pages of table records that one user may have (default 65536)");

static atomic_long_t live[TRAMPFD_COUNTS];
atomic_long_t trampfd_live_contexts;
atomic_long_t trampfd_live_copies;

static int live_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "descriptors %ld contexts %ld copies %ld pages %ld\n",
			  atomic_long_read(&live[TRAMPFD_DESCRIPTORS]),
			  atomic_long_read(&trampfd_live_contexts),
			  atomic_long_read(&trampfd_live_copies),
			  atomic_long_read(&live[TRAMPFD_PAGES]));
}

static const struct kernel_param_ops live_ops = { .get = live_get };

/* Not for everyone: it tells what other users do. */
module_param_cb(live, &live_ops, NULL, 0400);
MODULE_PARM_DESC(live, "objects alive now: descriptors, contexts, copies of tables, pages");

static struct trampfd_quota *find_quota(kuid_t uid)
{
	struct trampfd_quota *quota;

	hash_for_each_possible(quotas, quota, node, __kuid_val(uid))
		if (uid_eq(quota->uid, uid))
			return quota;
	return NULL;
}

/*
 * Who pays for what the caller makes: its real user, unless an ordinary user made one of the user
 * namespaces that it is in. The ids that somebody has in namespaces of its own give no further
 * limits.
 */
static kuid_t payer(void)
{
	const struct user_namespace *ns;
	kuid_t uid = current_uid();

	for (ns = current_user_ns(); ns != &init_user_ns; ns = ns->parent)
		if (!uid_eq(ns->owner, GLOBAL_ROOT_UID))
			uid = ns->owner;
	return uid;
}

/* The payer's quota with a reference, or NULL when there is no memory. */
static struct trampfd_quota *get_quota(void)
{
	struct trampfd_quota *quota;
	kuid_t uid = payer();

	mutex_lock(&quotas_lock);
	quota = find_quota(uid);
	if (!quota) {
		quota = kzalloc(sizeof(*quota), GFP_KERNEL_ACCOUNT);
		if (!quota)
			goto unlock;
		quota->uid = uid;
		hash_add(quotas, &quota->node, __kuid_val(uid));
	}
	quota->users++;
unlock:
	mutex_unlock(&quotas_lock);
	return quota;
}

static void put_quota(struct trampfd_quota *quota)
{
	mutex_lock(&quotas_lock);
	if (!--quota->users) {
		hash_del(&quota->node);
		kfree(quota);
	}
	mutex_unlock(&quotas_lock);
}

/* Whom one more object was charged to; -ENOMEM or -EDQUOT. */
struct trampfd_quota *trampfd_charge(enum trampfd_count what)
{
	struct trampfd_quota *quota = get_quota();

	if (!quota)
		return ERR_PTR(-ENOMEM);
	if (atomic_long_inc_return(&quota->used[what]) > READ_ONCE(limits[what])) {
		atomic_long_dec(&quota->used[what]);
		put_quota(quota);
		return ERR_PTR(-EDQUOT);
	}
	atomic_long_inc(&live[what]);
	return quota;
}

void trampfd_uncharge(struct trampfd_quota *quota, enum trampfd_count what)
{
	atomic_long_dec(&quota->used[what]);
	atomic_long_dec(&live[what]);
	put_quota(quota);
}

/* One more page that the address space, which is the caller's, cannot swap out. */
int trampfd_pin(struct mm_struct *mm)
{
	const u64 limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;

	if (atomic64_inc_return(&mm->pinned_vm) <= limit || capable(CAP_IPC_LOCK))
		return 0;
	atomic64_dec(&mm->pinned_vm);
	return -ENOMEM;
}

void trampfd_pin_inherited(struct mm_struct *mm, u32 npages)
{
	atomic64_add(npages, &mm->pinned_vm);
}

void trampfd_unpin(struct mm_struct *mm, u32 npages)
{
	atomic64_sub(npages, &mm->pinned_vm);
}

void trampfd_quota_show(struct seq_file *m, const struct trampfd_quota *quota)
{
	static const char *const names[] = {
		[TRAMPFD_DESCRIPTORS] = "descriptors of its user",
		[TRAMPFD_PAGES] = "pages of its user",
	};
	int i;

	for (i = 0; i < TRAMPFD_COUNTS; i++)
		seq_printf(m, "%s: %ld of %lu\n", names[i], atomic_long_read(&quota->used[i]),
			   READ_ONCE(limits[i]));
}
