// SPDX-License-Identifier: GPL-2.0-only
/*
 * trampfd: trampolines whose context is kept by the kernel. The interface is described in
 * uapi/linux/trampfd.h. This file is the device and the start and end of the module.
 */
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "trampfd.h"

static const struct trampfd_type *const types[TRAMPFD_NUM_TYPES] = {
	[TRAMPFD_USER] = &trampfd_user_type,
	[TRAMPFD_TABLE] = &trampfd_table_type,
};

static long query(void __user *arg)
{
	struct trampfd_query q;

	if (copy_from_user(&q, arg, sizeof(q)))
		return -EFAULT;
	if (memchr_inv(&q, 0, sizeof(q)))
		return -EINVAL;

	q.version = TRAMPFD_VERSION;
	q.features = TRAMPFD_FEATURE_USER | TRAMPFD_FEATURE_TABLE | TRAMPFD_FEATURE_LOCK;
	q.max_slots = TRAMPFD_MAX_SLOTS;
	q.slot_size = TRAMPFD_SLOT_SIZE;
	q.record_size = TRAMPFD_RECORD_SIZE;
	q.displacement = TRAMPFD_RECORDS_OFFSET;
	return copy_to_user(arg, &q, sizeof(q)) ? -EFAULT : 0;
}

static long create(void __user *arg)
{
	struct trampfd_create c;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	if (c.flags || c.reserved || !c.data || c.type >= TRAMPFD_NUM_TYPES)
		return -EINVAL;
	if (c.data_size != types[c.type]->data_size)
		return -EINVAL;
	if (!trampfd_arch_caller_supported())
		return -EOPNOTSUPP;
	return trampfd_create_fd(types[c.type], u64_to_user_ptr(c.data));
}

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case TRAMPFD_IOC_QUERY:
		return query((void __user *)arg);
	case TRAMPFD_IOC_CREATE:
		return create((void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "trampfd",
	.fops = &device_fops,
	.mode = 0666,
};

static int __init trampfd_init(void)
{
	int err;

	err = trampfd_code_init();
	if (err)
		return err;
	err = misc_register(&device);
	if (err)
		trampfd_code_exit();
	return err;
}

/* Every descriptor and mapping holds the module, so nothing is left to wait for. */
static void __exit trampfd_exit(void)
{
	misc_deregister(&device);
	trampfd_code_exit();
}

module_init(trampfd_init);
module_exit(trampfd_exit);

MODULE_DESCRIPTION("Trampolines whose context is kept by the kernel");
MODULE_AUTHOR("The trampfd authors");
MODULE_VERSION("1");
MODULE_LICENSE("GPL");
