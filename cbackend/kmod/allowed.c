// SPDX-License-Identifier: GPL-2.0
/* The list of PCs that may be stored in a descriptor, and its lock. */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "trampfd.h"

struct allowed_list {
	struct trampfd_values head;
	u64 values[TRAMPFD_MAX_PCS];
};

ssize_t trampfd_allowed_read(struct trampfd *tfd, char __user *buf, size_t count)
{
	struct allowed_list list = {};

	if (count < sizeof(list.head) || count > sizeof(list))
		return -EINVAL;

	mutex_lock(&tfd->lock);
	list.head.nvalues = tfd->nallowed;
	memcpy(list.values, tfd->allowed, sizeof(list.values));
	mutex_unlock(&tfd->lock);

	count = min(count, sizeof(list.head) + list.head.nvalues * sizeof(u64));
	return copy_to_user(buf, &list, count) ? -EFAULT : count;
}

ssize_t trampfd_allowed_write(struct trampfd *tfd, const char __user *buf, size_t count)
{
	struct allowed_list list = {};
	ssize_t ret = count;
	u32 i;

	if (count < sizeof(list.head) || count > sizeof(list))
		return -EINVAL;
	if (copy_from_user(&list, buf, count))
		return -EFAULT;
	if (list.head.reserved || list.head.nvalues > TRAMPFD_MAX_PCS ||
	    count != sizeof(list.head) + list.head.nvalues * sizeof(u64))
		return -EINVAL;
	for (i = 0; i < list.head.nvalues; i++)
		if (!list.values[i])
			return -EINVAL;

	mutex_lock(&tfd->lock);
	if (tfd->locked) {
		ret = -EPERM;
	} else {
		tfd->nallowed = list.head.nvalues;
		memcpy(tfd->allowed, list.values, sizeof(list.values));
	}
	mutex_unlock(&tfd->lock);
	return ret;
}

/* Whether the list lets @pc be stored. Call it under tfd->lock. */
bool trampfd_allows(const struct trampfd *tfd, u64 pc)
{
	u32 i;

	lockdep_assert_held(&tfd->lock);
	for (i = 0; i < tfd->nallowed; i++)
		if (tfd->allowed[i] == pc)
			return true;
	return !tfd->nallowed;
}

/* From here on everything stored is in the list: what is there now, and what comes later. */
int trampfd_allowed_lock(struct trampfd *tfd)
{
	int err = 0;

	mutex_lock(&tfd->lock);
	if (!tfd->nallowed)
		err = -EINVAL;
	else if (!tfd->type->stored_allowed(tfd))
		err = -EPERM;
	else
		tfd->locked = true;
	mutex_unlock(&tfd->lock);
	return err;
}
