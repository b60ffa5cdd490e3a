// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trampfd descriptor: the file operations that all types share.
 *
 * There is no write operation. What io_uring and AIO write, and where, they read from memory of the
 * process, where a store can make a request; and a program may write to a wrong descriptor. Neither
 * can do an ioctl.
 */
#include <linux/file.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "trampfd.h"

static loff_t file_llseek(struct file *file, loff_t pos, int whence)
{
	struct trampfd *tfd = file->private_data;

	if (whence != SEEK_SET)
		return -EINVAL;
	if (pos != TRAMPFD_ALLOWED_PCS_OFFSET && !tfd->type->has_position(tfd, pos))
		return -EINVAL;
	file->f_pos = pos;
	return pos;
}

static ssize_t file_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct trampfd *tfd = file->private_data;

	if (!buf || !count)
		return -EINVAL;
	if (*pos != TRAMPFD_ALLOWED_PCS_OFFSET)
		return tfd->type->read(tfd, buf, count, *pos);
	return trampfd_allowed_read(tfd, buf, count);
}

/* An argument that may grow: a longer one than is known here must end in zeros. */
int trampfd_copy_args(void *to, size_t size, unsigned int cmd, unsigned long arg)
{
	if (_IOC_SIZE(cmd) < size)
		return -EINVAL;
	return copy_struct_from_user(to, size, (const void __user *)arg, _IOC_SIZE(cmd));
}

int trampfd_copy_set(struct trampfd_set *set, unsigned int cmd, unsigned long arg)
{
	int err = trampfd_copy_args(set, sizeof(*set), cmd, arg);

	return err ?: (set->reserved ? -EINVAL : 0);
}

static long set_allowed(struct trampfd *tfd, unsigned int cmd, unsigned long arg)
{
	struct trampfd_set set;
	int err = trampfd_copy_set(&set, cmd, arg);

	return err ?: trampfd_allowed_set(tfd, &set);
}

static long freeze(struct trampfd *tfd, unsigned int cmd, unsigned long arg)
{
	struct trampfd_freeze args;
	int err = trampfd_copy_args(&args, sizeof(args), cmd, arg);

	return err ?: tfd->type->freeze(tfd, args.first, args.n);
}

static long file_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct trampfd *tfd = file->private_data;

	switch (TRAMPFD_BARE(cmd)) {
	case TRAMPFD_BARE(TRAMPFD_IOC_LOCK):
		return trampfd_allowed_lock(tfd);
	case TRAMPFD_BARE(TRAMPFD_IOC_ID):
		return put_user(tfd->id, (u64 __user *)arg);
	case TRAMPFD_BARE(TRAMPFD_IOC_SET_ALLOWED):
		return set_allowed(tfd, cmd, arg);
	case TRAMPFD_BARE(TRAMPFD_IOC_FREEZE):
		return freeze(tfd, cmd, arg);
	default:
		return tfd->type->ioctl(tfd, cmd, arg);
	}
}

static int file_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct trampfd *tfd = file->private_data;

	return tfd->type->mmap(tfd, vma);
}

/*
 * Whether a mapping of the file itself would have to make room. With it, the records of the address
 * space would be gone before there is a new mapping.
 */
static bool replaces_itself(struct file *file, unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma;

	for (vma = find_vma(current->mm, start); vma && vma->vm_start < end;
	     vma = find_vma(current->mm, vma->vm_end))
		if (vma->vm_file == file)
			return true;
	return false;
}

/*
 * The mmap operation never sees MAP_POPULATE and the like, and comes when room was made already, so
 * this is where they are refused. Called under the mmap_lock.
 */
static unsigned long file_unmapped_area(struct file *file, unsigned long addr, unsigned long len,
					unsigned long pgoff, unsigned long flags)
{
	const unsigned long where = MAP_FIXED | MAP_FIXED_NOREPLACE;
	const unsigned long ignored = MAP_DENYWRITE | MAP_EXECUTABLE;
	struct trampfd *tfd = file->private_data;

	if (tfd->type->plain_mmap_only && (flags & ~(where | ignored)) != MAP_PRIVATE)
		return -EINVAL;
	if (flags & MAP_FIXED && replaces_itself(file, addr, addr + len))
		return -EBUSY;
	return trampfd_unmapped_area(file, addr, len, pgoff, flags);
}

/* What is of an address space is that of the reader. */
static void file_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct trampfd *tfd = file->private_data;
	const struct trampfd_policy *policy;

	seq_printf(m, "type: %s%s\n", tfd->type->name, tfd->sealed ? " sealed" : "");
	mutex_lock(&tfd->lock);
	policy = tfd->type->policy(tfd);
	if (policy)
		seq_printf(m, "allowed: %u of %u%s\n", trampfd_policy_count(policy),
			   tfd->type->max_allowed, policy->locked ? " locked" : "");
	else
		seq_puts(m, "allowed: belongs to another address space\n");
	tfd->type->show(m, tfd);
	mutex_unlock(&tfd->lock);
	trampfd_quota_show(m, tfd->quota);
}

static void destroy(struct trampfd *tfd)
{
	struct trampfd_quota *quota = tfd->quota;

	mutex_destroy(&tfd->lock);
	tfd->type->release(tfd);
	trampfd_uncharge(quota, TRAMPFD_DESCRIPTORS);
}

static int file_release(struct inode *inode, struct file *file)
{
	destroy(file->private_data);
	trampfd_fs_unpin();
	return 0;
}

static const struct file_operations trampfd_fops = {
	.owner = THIS_MODULE,
	.llseek = file_llseek,
	.read = file_read,
	.unlocked_ioctl = file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = file_mmap,
	.get_unmapped_area = file_unmapped_area,
	.show_fdinfo = file_show_fdinfo,
	.release = file_release,
};

/* Gives the new object an owner to charge. The quota is left to destroy() on success only. */
static struct trampfd *create_object(const struct trampfd_type *type, const void *data)
{
	static atomic64_t last_id;
	struct trampfd_quota *quota;
	struct trampfd *tfd;

	tfd = type->create(data);
	if (IS_ERR(tfd))
		return tfd;

	tfd->type = type;
	mutex_init(&tfd->lock);
	quota = trampfd_charge(TRAMPFD_DESCRIPTORS);
	if (IS_ERR(quota)) {
		type->release(tfd);
		return ERR_CAST(quota);
	}
	tfd->quota = quota;
	tfd->id = atomic64_inc_return(&last_id);
	return tfd;
}

/* The descriptor's file, which owns its object. */
static struct file *create_file(const struct trampfd_type *type, const void *data, bool sealed)
{
	struct trampfd *tfd = create_object(type, data);
	struct file *file;

	if (IS_ERR(tfd))
		return ERR_CAST(tfd);
	tfd->sealed = sealed;
	file = trampfd_fs_open(&trampfd_fops, tfd);
	if (IS_ERR(file))
		destroy(tfd);
	else
		tfd->mapping = file->f_mapping;
	return file;
}

static int install_file(struct file *file)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);

	if (fd < 0)
		fput(file);
	else
		fd_install(fd, file);
	return fd;
}

int trampfd_create_fd(const struct trampfd_type *type, const struct trampfd_create *create)
{
	union {
		struct trampfd_user user;
		struct trampfd_table table;
	} data;
	struct file *file;
	int err;

	if (create->data_size < type->data_size)
		return -EINVAL;
	if (create->data_size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(&data, type->data_size, u64_to_user_ptr(create->data),
				    create->data_size);
	if (err)
		return err;
	file = create_file(type, &data, create->flags & TRAMPFD_SEALED);
	return IS_ERR(file) ? PTR_ERR(file) : install_file(file);
}

/* Another descriptor of the file that is mapped at @address. */
int trampfd_attach_fd(unsigned long address)
{
	struct vm_area_struct *vma;
	struct file *file = NULL;

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, address);
	if (vma && vma->vm_file && vma->vm_file->f_op == &trampfd_fops)
		file = get_file(vma->vm_file);
	mmap_read_unlock(current->mm);
	return file ? install_file(file) : -ENOENT;
}
