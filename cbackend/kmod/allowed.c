// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of PCs that may be stored, and its lock.
 *
 * A list is never changed, only replaced, so the address spaces that a fork gives the same list
 * share it.
 */
#include <linux/overflow.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "trampfd.h"

struct trampfd_list {
	refcount_t users;
	struct trampfd_values values; /* ends in an array */
};

static void put_list(struct trampfd_list *list)
{
	if (list && refcount_dec_and_test(&list->users))
		kfree(list);
}

static size_t list_bytes(u32 nvalues)
{
	return struct_size((struct trampfd_values *)NULL, values, nvalues);
}

void trampfd_policy_inherit(struct trampfd_policy *policy, const struct trampfd_policy *from)
{
	*policy = *from;
	if (policy->list)
		refcount_inc(&policy->list->users);
}

void trampfd_policy_drop(struct trampfd_policy *policy)
{
	put_list(policy->list);
}

static int check_list(const struct trampfd_values *values, u32 max, size_t size)
{
	u32 i;

	if (values->reserved || values->nvalues > max || size != list_bytes(values->nvalues))
		return -EINVAL;
	for (i = 0; i < values->nvalues; i++)
		if (!values->values[i])
			return -EINVAL;
	return 0;
}

/* What the caller set, checked; NULL: it removes the list. */
static struct trampfd_list *copy_list(const struct trampfd_set *set, u32 max)
{
	struct trampfd_list *list;
	int err;

	if (set->size < list_bytes(0) || set->size > list_bytes(max))
		return ERR_PTR(-EINVAL);
	list = kmalloc(offsetof(struct trampfd_list, values) + set->size, GFP_KERNEL_ACCOUNT);
	if (!list)
		return ERR_PTR(-ENOMEM);
	refcount_set(&list->users, 1);
	err = copy_from_user(&list->values, u64_to_user_ptr(set->data), set->size) ? -EFAULT : 0;
	if (!err)
		err = check_list(&list->values, max, set->size);
	if (!err && list->values.nvalues)
		return list;
	kfree(list);
	return ERR_PTR(err);
}

int trampfd_allowed_set(struct trampfd *tfd, const struct trampfd_set *set)
{
	struct trampfd_list *list = copy_list(set, tfd->type->max_allowed);
	struct trampfd_policy *policy;
	int err = 0;

	if (IS_ERR(list))
		return PTR_ERR(list);
	mutex_lock(&tfd->lock);
	policy = tfd->type->policy(tfd);
	if (!policy)
		err = -EXDEV;
	else if (policy->locked)
		err = -EPERM;
	else
		swap(policy->list, list);
	mutex_unlock(&tfd->lock);
	put_list(list);
	return err;
}

static struct trampfd_list *get_list(struct trampfd *tfd)
{
	struct trampfd_policy *policy, copy = {};

	mutex_lock(&tfd->lock);
	policy = tfd->type->policy(tfd);
	if (policy)
		trampfd_policy_inherit(&copy, policy);
	mutex_unlock(&tfd->lock);
	return policy ? copy.list : ERR_PTR(-EXDEV);
}

ssize_t trampfd_allowed_read(struct trampfd *tfd, char __user *buf, size_t count)
{
	static const struct trampfd_values none;
	struct trampfd_list *list;
	ssize_t ret;

	if (count < list_bytes(0) || count > list_bytes(tfd->type->max_allowed))
		return -EINVAL;
	list = get_list(tfd);
	if (IS_ERR(list))
		return PTR_ERR(list);
	count = min(count, list_bytes(list ? list->values.nvalues : 0));
	ret = copy_to_user(buf, list ? &list->values : &none, count) ? -EFAULT : count;
	put_list(list);
	return ret;
}

u32 trampfd_policy_count(const struct trampfd_policy *policy)
{
	return policy->list ? policy->list->values.nvalues : 0;
}

bool trampfd_policy_allows(const struct trampfd_policy *policy, u64 pc)
{
	const struct trampfd_values *values;
	u32 i;

	if (!policy->list)
		return true;
	values = &policy->list->values;
	for (i = 0; i < values->nvalues; i++)
		if (values->values[i] == pc)
			return true;
	return false;
}

/* From here on everything stored is in the list: what is there now, and what comes later. */
int trampfd_allowed_lock(struct trampfd *tfd)
{
	struct trampfd_policy *policy;
	int err = 0;

	mutex_lock(&tfd->lock);
	policy = tfd->type->policy(tfd);
	if (!policy)
		err = -EXDEV;
	else if (!policy->list)
		err = -EINVAL;
	else if (!tfd->type->stored_allowed(tfd))
		err = -EPERM;
	else
		policy->locked = true;
	mutex_unlock(&tfd->lock);
	return err;
}
