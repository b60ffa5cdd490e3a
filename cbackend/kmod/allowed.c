// SPDX-License-Identifier: GPL-2.0-only
/* The list of PCs that may be stored in a descriptor, and its lock. */
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "trampfd.h"

ssize_t trampfd_allowed_read(struct trampfd *tfd, char __user *buf, size_t count)
{
	struct trampfd_values *list;
	ssize_t ret;

	if (count < sizeof(*list) || count > struct_size(list, values, tfd->type->max_allowed))
		return -EINVAL;
	list = kzalloc(count, GFP_KERNEL);
	if (!list)
		return -ENOMEM;

	mutex_lock(&tfd->lock);
	if (tfd->allowed) {
		count = min(count, struct_size(list, values, tfd->allowed->nvalues));
		memcpy(list, tfd->allowed, count);
	} else {
		count = sizeof(*list);
	}
	mutex_unlock(&tfd->lock);

	ret = copy_to_user(buf, list, count) ? -EFAULT : count;
	kfree(list);
	return ret;
}

static int check_list(const struct trampfd *tfd, const struct trampfd_values *list, size_t count)
{
	u32 i;

	if (list->reserved || list->nvalues > tfd->type->max_allowed ||
	    count != struct_size(list, values, list->nvalues))
		return -EINVAL;
	for (i = 0; i < list->nvalues; i++)
		if (!list->values[i])
			return -EINVAL;
	return 0;
}

/* An owned copy of what the caller wrote, checked. */
static struct trampfd_values *copy_list(const struct trampfd *tfd, struct iov_iter *from,
					size_t count)
{
	struct trampfd_values *list;
	int err;

	if (count < sizeof(*list) || count > struct_size(list, values, tfd->type->max_allowed))
		return ERR_PTR(-EINVAL);
	list = kmalloc(count, GFP_KERNEL_ACCOUNT);
	if (!list)
		return ERR_PTR(-ENOMEM);
	err = copy_from_iter_full(list, count, from) ? check_list(tfd, list, count) : -EFAULT;
	if (!err)
		return list;
	kfree(list);
	return ERR_PTR(err);
}

ssize_t trampfd_allowed_write(struct trampfd *tfd, struct iov_iter *from)
{
	ssize_t ret = iov_iter_count(from);
	struct trampfd_values *list = copy_list(tfd, from, ret);

	if (IS_ERR(list))
		return PTR_ERR(list);
	if (!list->nvalues) {
		kfree(list);
		list = NULL;
	}

	mutex_lock(&tfd->lock);
	if (tfd->locked)
		ret = -EPERM;
	else
		swap(tfd->allowed, list);
	mutex_unlock(&tfd->lock);
	kfree(list);
	return ret;
}

/* Whether the list lets @pc be stored. Call it under tfd->lock. */
bool trampfd_allows(const struct trampfd *tfd, u64 pc)
{
	const struct trampfd_values *list = tfd->allowed;
	u32 i;

	lockdep_assert_held(&tfd->lock);
	if (!list)
		return true;
	for (i = 0; i < list->nvalues; i++)
		if (list->values[i] == pc)
			return true;
	return false;
}

/* From here on everything stored is in the list: what is there now, and what comes later. */
int trampfd_allowed_lock(struct trampfd *tfd)
{
	int err = 0;

	mutex_lock(&tfd->lock);
	if (!tfd->allowed)
		err = -EINVAL;
	else if (!tfd->type->stored_allowed(tfd))
		err = -EPERM;
	else
		tfd->locked = true;
	mutex_unlock(&tfd->lock);
	return err;
}
