// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files of descriptors, in a pseudo file system of the module.
 *
 * Anonymous inodes would do, but newer kernels refuse PROT_EXEC on all of them, and here it has to
 * be asked for, so that whoever looks at mmap sees it. They also share one inode, and with it one
 * lock, among all their mappings; here each descriptor has its own.
 *
 * The file system is mounted while there are descriptors. As it holds the module, nothing of it is
 * left when the module goes, whatever somebody looked up in /proc meanwhile.
 */
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>

#include "trampfd.h"

#define MAGIC 0x74726d70 /* "trmp" */

/* The name that the proposal gave them. */
static char *file_name(struct dentry *dentry, char *buffer, int length)
{
	static const char name[] = "anon_inode:[trampfd]";

	if (length < (int)sizeof(name))
		return ERR_PTR(-ENAMETOOLONG);
	return memcpy(buffer + length - sizeof(name), name, sizeof(name));
}

static int start_mount(struct fs_context *fc)
{
	static const struct dentry_operations dentries = { .d_dname = file_name };
	struct pseudo_fs_context *ctx = init_pseudo(fc, MAGIC);

	if (!ctx)
		return -ENOMEM;
	ctx->dops = &dentries;
	fc->s_iflags &= ~SB_I_NOEXEC;
	return 0;
}

static struct file_system_type file_system = {
	.owner = THIS_MODULE,
	.name = "trampfd",
	.init_fs_context = start_mount,
	.kill_sb = kill_anon_super,
};

/* Guarded by simple_pin_fs() and simple_release_fs(). */
static struct vfsmount *mount;
static int pins;

static struct inode *new_file_inode(void)
{
	struct inode *inode = new_inode(mount->mnt_sb);

	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	inode->i_mode = S_IFREG | 0600;
	/*
	 * There is no label: security modules judge it like memory that the process executes.
	 * Appending alone is allowed, and there is no write operation: so ftruncate(2) is refused.
	 */
	inode->i_flags |= S_PRIVATE | S_APPEND;
	return inode;
}

/* An open file, which owns @private from then on; its release calls trampfd_fs_unpin(). */
struct file *trampfd_fs_open(const struct file_operations *fops, void *private)
{
	struct inode *inode;
	struct file *file;
	int err;

	err = simple_pin_fs(&file_system, &mount, &pins);
	if (err)
		return ERR_PTR(err);
	inode = new_file_inode();
	if (!inode) {
		file = ERR_PTR(-ENOMEM);
		goto unpin;
	}
	__module_get(fops->owner);
	file = alloc_file_pseudo(inode, mount, "trampfd", O_RDWR, fops);
	if (IS_ERR(file))
		goto put_inode;
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	file->private_data = private;
	return file;

put_inode:
	module_put(fops->owner);
	iput(inode);
unpin:
	trampfd_fs_unpin();
	return file;
}

void trampfd_fs_unpin(void)
{
	simple_release_fs(&mount, &pins);
}
