// SPDX-License-Identifier: GPL-2.0-only
/*
 * TRAMPFD_USER: one trampoline without code.
 *
 * The mapping has no page. A call faults, and the fault handler loads the registers of the context
 * into the frame that the fault returns to. VM_EXEC is set so that an instruction fetch gets as far
 * as the handler, and all VM_MAY* bits are cleared; data accesses get there too and are told apart
 * by the fault flags. Without map_pages, the handler always runs under the mmap_lock.
 *
 * Contexts are replaced whole and read under RCU: a call takes the old one or the new one.
 */
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "compat.h"
#include "trampfd.h"

struct regs_context {
	struct rcu_head rcu;
	u64 pc;
	struct trampfd_regs head;
	struct trampfd_reg regs[TRAMPFD_MAX_REGS];
};

struct stack_data {
	struct trampfd_stack head;
	u8 data[TRAMPFD_MAX_DATA_SIZE];
};

struct stack_context {
	struct rcu_head rcu;
	struct stack_data stack;
};

/* Both contexts are replaced under tfd.lock. */
struct user {
	struct trampfd tfd;
	struct regs_context __rcu *regs;
	struct stack_context __rcu *stack;
};

#define REGS_SIZE(nregs) (sizeof(struct trampfd_regs) + (nregs) * sizeof(struct trampfd_reg))

static struct user *to_user(struct trampfd *tfd)
{
	return container_of(tfd, struct user, tfd);
}

static struct trampfd *user_create(const void *data)
{
	const struct trampfd_user *args = data;
	struct user *user;

	if (args->flags || args->reserved)
		return ERR_PTR(-EINVAL);
	user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
	return user ? &user->tfd : ERR_PTR(-ENOMEM);
}

static void drop_regs(struct regs_context *ctx)
{
	if (!ctx)
		return;
	atomic_long_dec(&trampfd_live_contexts);
	kfree_rcu(ctx, rcu);
}

static void drop_stack(struct stack_context *ctx)
{
	if (!ctx)
		return;
	atomic_long_dec(&trampfd_live_contexts);
	kfree_rcu(ctx, rcu);
}

static void user_release(struct trampfd *tfd)
{
	struct user *user = to_user(tfd);

	drop_regs(rcu_dereference_protected(user->regs, true));
	drop_stack(rcu_dereference_protected(user->stack, true));
	kfree(user);
}

static bool user_has_position(struct trampfd *tfd, loff_t pos)
{
	return pos >= 0 && pos < TRAMPFD_NUM_OFFSETS;
}

static ssize_t read_map(char __user *buf, size_t count)
{
	static const struct trampfd_map map = {
		.size = PAGE_SIZE,
		.prot = PROT_NONE,
		.flags = MAP_PRIVATE,
	};

	if (count != sizeof(map))
		return -EINVAL;
	return copy_to_user(buf, &map, count) ? -EFAULT : count;
}

static ssize_t read_regs(struct user *user, char __user *buf, size_t count)
{
	struct {
		struct trampfd_regs head;
		struct trampfd_reg regs[TRAMPFD_MAX_REGS];
	} copy = {};
	struct regs_context *ctx;

	if (count < REGS_SIZE(0) || count > REGS_SIZE(TRAMPFD_MAX_REGS))
		return -EINVAL;
	rcu_read_lock();
	ctx = rcu_dereference(user->regs);
	if (ctx) {
		copy.head = ctx->head;
		memcpy(copy.regs, ctx->regs, sizeof(copy.regs));
	}
	rcu_read_unlock();

	count = min(count, REGS_SIZE(copy.head.nregs));
	return copy_to_user(buf, &copy, count) ? -EFAULT : count;
}

static bool snapshot_stack(struct user *user, struct stack_data *copy)
{
	struct stack_context *ctx;

	rcu_read_lock();
	ctx = rcu_dereference(user->stack);
	if (ctx)
		*copy = ctx->stack;
	rcu_read_unlock();
	return ctx;
}

static ssize_t read_stack(struct user *user, char __user *buf, size_t count)
{
	struct stack_data copy = {};

	if (count < sizeof(copy.head) || count > sizeof(copy))
		return -EINVAL;
	snapshot_stack(user, &copy);
	count = min(count, sizeof(copy.head) + copy.head.size);
	return copy_to_user(buf, &copy, count) ? -EFAULT : count;
}

static ssize_t user_read(struct trampfd *tfd, char __user *buf, size_t count, loff_t pos)
{
	switch (pos) {
	case TRAMPFD_MAP_OFFSET:
		return read_map(buf, count);
	case TRAMPFD_REGS_OFFSET:
		return read_regs(to_user(tfd), buf, count);
	case TRAMPFD_STACK_OFFSET:
		return read_stack(to_user(tfd), buf, count);
	default:
		return -EINVAL;
	}
}

/* Finds the PC, the last one if there are several. */
static int check_regs(struct regs_context *ctx)
{
	const struct trampfd_reg *reg;

	for (reg = ctx->regs; reg < ctx->regs + ctx->head.nregs; reg++) {
		if (reg->reserved || !trampfd_arch_reg_known(reg->name))
			return -EINVAL;
		if (trampfd_arch_reg_is_pc(reg->name))
			ctx->pc = reg->value;
	}
	return trampfd_arch_user_address(ctx->pc) ? 0 : -EINVAL;
}

static struct regs_context *copy_regs(struct iov_iter *from, size_t count)
{
	struct regs_context *ctx;
	int err = -EINVAL;

	ctx = kzalloc(sizeof(*ctx), GFP_KERNEL_ACCOUNT);
	if (!ctx)
		return ERR_PTR(-ENOMEM);
	if (!copy_from_iter_full(&ctx->head, count, from)) {
		err = -EFAULT;
		goto free;
	}
	if (ctx->head.reserved || ctx->head.nregs > TRAMPFD_MAX_REGS ||
	    count != REGS_SIZE(ctx->head.nregs))
		goto free;
	if (!ctx->head.nregs) {
		kfree(ctx);
		return NULL;
	}
	err = check_regs(ctx);
	if (err)
		goto free;
	return ctx;
free:
	kfree(ctx);
	return ERR_PTR(err);
}

static ssize_t write_regs(struct user *user, struct iov_iter *from)
{
	size_t count = iov_iter_count(from);
	struct regs_context *new, *old;

	if (count < REGS_SIZE(0) || count > REGS_SIZE(TRAMPFD_MAX_REGS))
		return -EINVAL;
	new = copy_regs(from, count);
	if (IS_ERR(new))
		return PTR_ERR(new);

	mutex_lock(&user->tfd.lock);
	if (new && !trampfd_allows(&user->tfd, new->pc)) {
		mutex_unlock(&user->tfd.lock);
		kfree(new);
		return -EINVAL;
	}
	old = rcu_replace_pointer(user->regs, new, lockdep_is_held(&user->tfd.lock));
	mutex_unlock(&user->tfd.lock);

	if (new)
		atomic_long_inc(&trampfd_live_contexts);
	drop_regs(old);
	return count;
}

static struct stack_context *copy_stack(struct iov_iter *from, size_t count)
{
	struct trampfd_stack *head;
	struct stack_context *ctx;
	int err = -EINVAL;

	ctx = kzalloc(sizeof(*ctx), GFP_KERNEL_ACCOUNT);
	if (!ctx)
		return ERR_PTR(-ENOMEM);
	head = &ctx->stack.head;
	if (!copy_from_iter_full(&ctx->stack, count, from)) {
		err = -EFAULT;
		goto free;
	}
	if (head->reserved || head->size > TRAMPFD_MAX_DATA_SIZE ||
	    count != sizeof(*head) + head->size)
		goto free;
	if (!head->size) {
		kfree(ctx);
		return NULL;
	}
	if (head->flags & ~TRAMPFD_SFLAGS || head->offset > TRAMPFD_MAX_STACK_OFFSET)
		goto free;
	return ctx;
free:
	kfree(ctx);
	return ERR_PTR(err);
}

static ssize_t write_stack(struct user *user, struct iov_iter *from)
{
	size_t count = iov_iter_count(from);
	struct stack_context *new, *old;

	if (count < sizeof(struct trampfd_stack) || count > sizeof(struct stack_data))
		return -EINVAL;
	new = copy_stack(from, count);
	if (IS_ERR(new))
		return PTR_ERR(new);

	mutex_lock(&user->tfd.lock);
	old = rcu_replace_pointer(user->stack, new, lockdep_is_held(&user->tfd.lock));
	mutex_unlock(&user->tfd.lock);

	if (new)
		atomic_long_inc(&trampfd_live_contexts);
	drop_stack(old);
	return count;
}

static ssize_t user_write(struct trampfd *tfd, struct iov_iter *from, loff_t pos)
{
	switch (pos) {
	case TRAMPFD_REGS_OFFSET:
		return write_regs(to_user(tfd), from);
	case TRAMPFD_STACK_OFFSET:
		return write_stack(to_user(tfd), from);
	default:
		return -EINVAL;
	}
}

static bool user_stored_allowed(struct trampfd *tfd)
{
	struct regs_context *ctx;

	ctx = rcu_dereference_protected(to_user(tfd)->regs, lockdep_is_held(&tfd->lock));
	return !ctx || trampfd_allows(tfd, ctx->pc);
}

static bool load_regs(struct user *user, struct pt_regs *regs)
{
	const struct trampfd_reg *reg;
	struct regs_context *ctx;

	rcu_read_lock();
	ctx = rcu_dereference(user->regs);
	if (ctx)
		for (reg = ctx->regs; reg < ctx->regs + ctx->head.nregs; reg++)
			trampfd_arch_set_reg(regs, reg->name, reg->value);
	rcu_read_unlock();
	return ctx;
}

/*
 * The store failed with page faults off. Let it fault with the mmap_lock dropped, and have the
 * instruction tried again. The vma may be gone then, so nothing here looks at it any more.
 */
static vm_fault_t fault_in_stack(struct vm_fault *vmf, unsigned long base, size_t size)
{
	struct mm_struct *mm = current->mm;

	if (!(vmf->flags & FAULT_FLAG_ALLOW_RETRY))
		return VM_FAULT_SIGSEGV;
	mmap_read_unlock(mm);
	if (!fault_in_writeable((char __user *)base, size))
		return VM_FAULT_RETRY;
	mmap_read_lock(mm);
	return VM_FAULT_SIGSEGV;
}

static vm_fault_t user_fault(struct vm_fault *vmf)
{
	const unsigned int wanted = FAULT_FLAG_INSTRUCTION | FAULT_FLAG_USER;
	struct user *user = vmf->vma->vm_private_data;
	struct pt_regs *regs, next;
	struct stack_data stack;
	unsigned long base;

	if ((vmf->flags & wanted) != wanted || vmf->vma->vm_mm != current->mm)
		return VM_FAULT_SIGSEGV;
	regs = trampfd_arch_fault_regs(vmf->vma->vm_start);
	if (!regs)
		return VM_FAULT_SIGSEGV;

	next = *regs;
	if (!load_regs(user, &next))
		return VM_FAULT_SIGSEGV;
	if (snapshot_stack(user, &stack)) {
		if (!trampfd_arch_push(&next, &stack.head, &base))
			return VM_FAULT_SIGSEGV;
		if (copy_to_user_nofault((void __user *)base, stack.data, stack.head.size))
			return fault_in_stack(vmf, base, stack.head.size);
	}
	*regs = next;
	return VM_FAULT_NOPAGE;
}

static int user_mmap(struct trampfd *tfd, struct vm_area_struct *vma)
{
	static const struct vm_operations_struct ops = {
		.fault = user_fault,
		.mprotect = trampfd_refuse_mprotect,
		.mremap = trampfd_refuse_mremap,
	};

	if (vma->vm_end - vma->vm_start != PAGE_SIZE || vma->vm_pgoff)
		return -EINVAL;
	if (vma->vm_flags & (VM_READ | VM_WRITE | VM_EXEC))
		return -EINVAL;

	/* VM_IO: without it, madvise(MADV_DOFORK) would take VM_DONTCOPY back. */
	trampfd_vm_flags(vma,
			 VM_EXEC | VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTCOPY | VM_DONTDUMP,
			 VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC);
	vma->vm_ops = &ops;
	vma->vm_private_data = to_user(tfd);
	return 0;
}

const struct trampfd_type trampfd_user_type = {
	.name = "TRAMPFD_USER",
	.data_size = sizeof(struct trampfd_user),
	.create = user_create,
	.release = user_release,
	.has_position = user_has_position,
	.read = user_read,
	.write = user_write,
	.mmap = user_mmap,
	.stored_allowed = user_stored_allowed,
	.max_allowed = TRAMPFD_MAX_PCS,
	.plain_mmap_only = true,
};
