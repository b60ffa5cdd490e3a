// SPDX-License-Identifier: GPL-2.0-only
/*
 * trampfd: trampolines whose context is kept by the kernel. The interface is described in
 * uapi/linux/trampfd.h. This file is the device and the start and end of the module.
 */
#include <linux/compat.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "trampfd.h"

#if !defined(CONFIG_X86_64) && !defined(CONFIG_ARM64)
#error "trampfd has no kernel part for this processor: it needs x86-64 or AArch64"
#endif

/* NULL: the processor cannot have it. */
static const struct trampfd_type *type_of(u32 number)
{
	return number == TRAMPFD_TABLE ? &trampfd_table_type : trampfd_arch_user_type();
}

static long query(unsigned int cmd, unsigned long arg)
{
	struct trampfd_query q;
	int err = trampfd_copy_args(&q, sizeof(q), cmd, arg);

	if (err)
		return err;
	if (memchr_inv(&q, 0, sizeof(q)))
		return -EINVAL;

	q.version = TRAMPFD_VERSION;
	q.features = TRAMPFD_FEATURE_TABLE;
	if (type_of(TRAMPFD_USER))
		q.features |= TRAMPFD_FEATURE_USER;
	if (trampfd_can_seal())
		q.features |= TRAMPFD_FEATURE_SEALED;
	q.max_slots = TRAMPFD_MAX_SLOTS;
	q.slot_size = TRAMPFD_SLOT_SIZE;
	q.record_size = TRAMPFD_RECORD_SIZE;
	q.displacement = TRAMPFD_RECORDS_OFFSET;
	return copy_to_user((void __user *)arg, &q, sizeof(q)) ? -EFAULT : 0;
}

static long create(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct trampfd_create c;
	int err;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	err = trampfd_copy_args(&c, sizeof(c), cmd, arg);
	if (err)
		return err;
	if (c.flags & ~TRAMPFD_SEALED || c.reserved || !c.data || c.type >= TRAMPFD_NUM_TYPES)
		return -EINVAL;
	/* Callers of 32 bits and x32 would need other registers and other slots. */
	if (in_compat_syscall() || !type_of(c.type))
		return -EOPNOTSUPP;
	if (c.flags & TRAMPFD_SEALED && !trampfd_can_seal())
		return -EOPNOTSUPP;
	return trampfd_create_fd(type_of(c.type), &c);
}

static long attach(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct trampfd_attach a;
	int err;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	err = trampfd_copy_args(&a, sizeof(a), cmd, arg);
	if (err)
		return err;
	return a.reserved ? -EINVAL : trampfd_attach_fd(a.address);
}

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (TRAMPFD_BARE(cmd)) {
	case TRAMPFD_BARE(TRAMPFD_IOC_QUERY):
		return query(cmd, arg);
	case TRAMPFD_BARE(TRAMPFD_IOC_CREATE):
		return create(file, cmd, arg);
	case TRAMPFD_BARE(TRAMPFD_IOC_ATTACH):
		return attach(file, cmd, arg);
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
	err = trampfd_records_init();
	if (err)
		goto free_code;
	err = misc_register(&device);
	if (!err)
		return 0;
	trampfd_records_exit();
free_code:
	trampfd_code_exit();
	return err;
}

/* Every descriptor and mapping holds the module, so nothing is left to wait for. */
static void __exit trampfd_exit(void)
{
	misc_deregister(&device);
	trampfd_records_exit();
	trampfd_code_exit();
}

module_init(trampfd_init);
module_exit(trampfd_exit);

MODULE_DESCRIPTION("Trampolines whose context is kept by the kernel");
MODULE_AUTHOR("The trampfd authors");
MODULE_VERSION("2");
MODULE_LICENSE("GPL");
