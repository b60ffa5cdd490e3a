// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trampfd descriptor: the file operations that all types share.
 *
 * The file is an anonymous inode. Newer kernels refuse PROT_EXEC on those, which does not matter
 * here: user space asks for no right to execute, the types add VM_EXEC to what they map.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

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
	return tfd->type->reads_allowed ? trampfd_allowed_read(tfd, buf, count) : -EINVAL;
}

/*
 * Whether a system call of the program is writing right now, from memory of the program.
 *
 * io_uring and AIO read what to write, and where, from memory of the process. With io_uring a plain
 * store into that memory is enough: the kernel polls the queue by itself (SQPOLL), or the next
 * io_uring_enter(2), made for something else, submits the entry along with it. No such request may
 * change where a trampoline goes.
 *
 * The kiocb tells them apart: a request that reports its completion to a queue is not synchronous,
 * whether it runs in a worker, in the thread that polls the queue or, for a descriptor with
 * O_NONBLOCK, in the task that submits it. As io_uring makes some requests synchronous (multishot
 * reads, so far), its workers may not write at all. The kernel's own writes have no buffer in user
 * space.
 */
static bool is_system_call(struct kiocb *iocb, const struct iov_iter *from)
{
	return is_sync_kiocb(iocb) && !(current->flags & PF_IO_WORKER) && user_backed_iter(from);
}

static ssize_t file_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct trampfd *tfd = iocb->ki_filp->private_data;

	if (!is_system_call(iocb, from))
		return -EPERM;
	if (!iov_iter_count(from) || (iter_is_ubuf(from) && !from->ubuf))
		return -EINVAL;
	if (iocb->ki_pos == TRAMPFD_ALLOWED_PCS_OFFSET)
		return trampfd_allowed_write(tfd, from);
	return tfd->type->write(tfd, from, iocb->ki_pos);
}

static long file_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct trampfd *tfd = file->private_data;

	switch (cmd) {
	case TRAMPFD_IOC_LOCK:
		return trampfd_allowed_lock(tfd);
	case TRAMPFD_IOC_ID:
		return put_user(tfd->id, (u64 __user *)arg);
	default:
		return -ENOTTY;
	}
}

static int file_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct trampfd *tfd = file->private_data;

	return tfd->type->mmap(tfd, vma);
}

/* The mmap operation never sees MAP_POPULATE and the like, so they are refused here. */
static unsigned long file_unmapped_area(struct file *file, unsigned long addr, unsigned long len,
					unsigned long pgoff, unsigned long flags)
{
	const unsigned long where = MAP_FIXED | MAP_FIXED_NOREPLACE;
	const unsigned long ignored = MAP_DENYWRITE | MAP_EXECUTABLE;
	struct trampfd *tfd = file->private_data;

	if (tfd->type->plain_mmap_only && (flags & ~(where | ignored)) != MAP_PRIVATE)
		return -EINVAL;
	return trampfd_unmapped_area(file, addr, len, pgoff, flags);
}

static void file_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct trampfd *tfd = file->private_data;

	seq_printf(m, "type: %s\n", tfd->type->name);
	mutex_lock(&tfd->lock);
	seq_printf(m, "allowed: %u%s\n", tfd->allowed ? tfd->allowed->nvalues : 0,
		   tfd->locked ? " locked" : "");
	mutex_unlock(&tfd->lock);
	if (tfd->type->show)
		tfd->type->show(m, tfd);
}

static void destroy(struct trampfd *tfd)
{
	struct trampfd_quota *quota = tfd->quota;

	mutex_destroy(&tfd->lock);
	kfree(tfd->allowed);
	tfd->type->release(tfd);
	trampfd_uncharge(quota, TRAMPFD_DESCRIPTORS, 1);
	trampfd_quota_put(quota);
}

static int file_release(struct inode *inode, struct file *file)
{
	destroy(file->private_data);
	return 0;
}

static const struct file_operations trampfd_fops = {
	.owner = THIS_MODULE,
	.llseek = file_llseek,
	.read = file_read,
	.write_iter = file_write_iter,
	.unlocked_ioctl = file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = file_mmap,
	.get_unmapped_area = file_unmapped_area,
	.show_fdinfo = file_show_fdinfo,
	.release = file_release,
};

/* Gives the new object an owner to charge. The quota is left to destroy() on success only. */
static struct trampfd *create_object(const struct trampfd_type *type, const void __user *user_data)
{
	static atomic64_t last_id;
	struct trampfd_quota *quota;
	struct trampfd *tfd;
	void *data;
	int err;

	data = memdup_user(user_data, type->data_size);
	if (IS_ERR(data))
		return ERR_CAST(data);
	tfd = type->create(data);
	kfree(data);
	if (IS_ERR(tfd))
		return tfd;

	tfd->type = type;
	mutex_init(&tfd->lock);
	quota = trampfd_quota_get();
	err = quota ? trampfd_charge(quota, TRAMPFD_DESCRIPTORS) : -ENOMEM;
	if (err) {
		trampfd_quota_put(quota);
		type->release(tfd);
		return ERR_PTR(err);
	}
	tfd->quota = quota;
	tfd->id = atomic64_inc_return(&last_id);
	return tfd;
}

/* Makes a descriptor; the file owns the object as soon as there is a file. */
int trampfd_create_fd(const struct trampfd_type *type, const void __user *data)
{
	struct trampfd *tfd;
	struct file *file;
	int fd;

	tfd = create_object(type, data);
	if (IS_ERR(tfd))
		return PTR_ERR(tfd);

	file = anon_inode_getfile("[trampfd]", &trampfd_fops, tfd, O_RDWR);
	if (IS_ERR(file)) {
		destroy(tfd);
		return PTR_ERR(file);
	}
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		fput(file);
	else
		fd_install(fd, file);
	return fd;
}
