// SPDX-License-Identifier: GPL-2.0-only
/*
 * TRAMPFD_USER: one trampoline without code.
 *
 * The mapping has no page. A call faults, and the fault handler loads the registers of the context
 * into the frame that the fault returns to. VM_EXEC lets an instruction fetch get as far as the
 * handler, and VM_READ and all VM_MAY* bits are cleared; data accesses get there too and are told
 * apart by the fault flags. Without map_pages, the handler always runs under the mmap_lock.
 *
 * Contexts are replaced whole and read under RCU: a call takes the old one or the new one.
 *
 * Only the address space that created the descriptor maps it, and sets its contexts: a child with
 * fewer privileges must not change where its parent's calls go. It may read them.
 */
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

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

/**
 * struct user - the object of a descriptor
 * @tfd: its lock guards what follows @mm
 * @mm: the address space it belongs to; held by mmgrab, so that its address means nothing else
 * @policy: what may be stored
 * @frozen: nothing may be stored any more
 * @regs: register context
 * @stack: stack context
 */
struct user {
	struct trampfd tfd;
	struct mm_struct *mm;
	struct trampfd_policy policy;
	bool frozen;
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
	if (!user)
		return ERR_PTR(-ENOMEM);
	user->mm = current->mm;
	mmgrab(user->mm);
	return &user->tfd;
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
	trampfd_policy_drop(&user->policy);
	mmdrop(user->mm);
	kfree(user);
}

static struct trampfd_policy *user_policy(struct trampfd *tfd)
{
	struct user *user = to_user(tfd);

	return user->mm == current->mm ? &user->policy : NULL;
}

static bool user_has_position(struct trampfd *tfd, loff_t pos)
{
	return pos >= 0 && pos < TRAMPFD_NUM_OFFSETS;
}

static ssize_t read_map(char __user *buf, size_t count)
{
	static const struct trampfd_map map = {
		.size = PAGE_SIZE,
		.prot = PROT_READ | PROT_EXEC,
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
	return trampfd_user_address(ctx->pc) ? 0 : -EINVAL;
}

static int fill_regs(struct regs_context *ctx, const struct trampfd_set *set)
{
	if (copy_from_user(&ctx->head, u64_to_user_ptr(set->data), set->size))
		return -EFAULT;
	if (ctx->head.reserved || ctx->head.nregs > TRAMPFD_MAX_REGS ||
	    set->size != REGS_SIZE(ctx->head.nregs))
		return -EINVAL;
	return ctx->head.nregs ? check_regs(ctx) : 0;
}

/* What the caller set, checked; NULL: it removes the context. */
static struct regs_context *copy_regs(const struct trampfd_set *set)
{
	struct regs_context *ctx;
	int err;

	if (set->size < REGS_SIZE(0) || set->size > REGS_SIZE(TRAMPFD_MAX_REGS))
		return ERR_PTR(-EINVAL);
	ctx = kzalloc(sizeof(*ctx), GFP_KERNEL_ACCOUNT);
	if (!ctx)
		return ERR_PTR(-ENOMEM);
	err = fill_regs(ctx, set);
	if (!err && ctx->head.nregs)
		return ctx;
	kfree(ctx);
	return ERR_PTR(err);
}

/* Whether the current address space may set a context. */
static int may_set(struct user *user)
{
	if (!user_policy(&user->tfd))
		return -EXDEV;
	return user->frozen ? -EPERM : 0;
}

static int may_set_regs(struct user *user, const struct regs_context *new)
{
	int err = may_set(user);

	if (!err && new && !trampfd_policy_allows(&user->policy, new->pc))
		err = -EPERM;
	return err;
}

static long set_regs(struct user *user, const struct trampfd_set *set)
{
	struct regs_context *new = copy_regs(set);
	int err;

	if (IS_ERR(new))
		return PTR_ERR(new);
	if (new)
		atomic_long_inc(&trampfd_live_contexts);
	mutex_lock(&user->tfd.lock);
	err = may_set_regs(user, new);
	if (!err)
		new = rcu_replace_pointer(user->regs, new, lockdep_is_held(&user->tfd.lock));
	mutex_unlock(&user->tfd.lock);
	drop_regs(new);
	return err;
}

static int fill_stack(struct stack_data *stack, const struct trampfd_set *set)
{
	const struct trampfd_stack *head = &stack->head;

	if (copy_from_user(stack, u64_to_user_ptr(set->data), set->size))
		return -EFAULT;
	if (head->reserved || head->size > TRAMPFD_MAX_DATA_SIZE ||
	    set->size != sizeof(*head) + head->size)
		return -EINVAL;
	if (head->size &&
	    (head->flags & ~TRAMPFD_SFLAGS || head->offset > TRAMPFD_MAX_STACK_OFFSET))
		return -EINVAL;
	return 0;
}

/* What the caller set, checked; NULL: it removes the context. */
static struct stack_context *copy_stack(const struct trampfd_set *set)
{
	struct stack_context *ctx;
	int err;

	if (set->size < sizeof(struct trampfd_stack) || set->size > sizeof(struct stack_data))
		return ERR_PTR(-EINVAL);
	ctx = kzalloc(sizeof(*ctx), GFP_KERNEL_ACCOUNT);
	if (!ctx)
		return ERR_PTR(-ENOMEM);
	err = fill_stack(&ctx->stack, set);
	if (!err && ctx->stack.head.size)
		return ctx;
	kfree(ctx);
	return ERR_PTR(err);
}

static long set_stack(struct user *user, const struct trampfd_set *set)
{
	struct stack_context *new = copy_stack(set);
	int err;

	if (IS_ERR(new))
		return PTR_ERR(new);
	if (new)
		atomic_long_inc(&trampfd_live_contexts);
	mutex_lock(&user->tfd.lock);
	err = may_set(user);
	if (!err)
		new = rcu_replace_pointer(user->stack, new, lockdep_is_held(&user->tfd.lock));
	mutex_unlock(&user->tfd.lock);
	drop_stack(new);
	return err;
}

static int user_freeze(struct trampfd *tfd, u32 first, u32 n)
{
	struct user *user = to_user(tfd);
	bool own;

	if (first || n != 1)
		return -EINVAL;
	mutex_lock(&tfd->lock);
	own = user_policy(tfd);
	if (own)
		user->frozen = true;
	mutex_unlock(&tfd->lock);
	return own ? 0 : -EXDEV;
}

static long user_ioctl(struct trampfd *tfd, unsigned int cmd, unsigned long arg)
{
	struct trampfd_set set;

	switch (TRAMPFD_BARE(cmd)) {
	case TRAMPFD_BARE(TRAMPFD_IOC_SET_REGS):
		return trampfd_copy_set(&set, cmd, arg) ?: set_regs(to_user(tfd), &set);
	case TRAMPFD_BARE(TRAMPFD_IOC_SET_STACK):
		return trampfd_copy_set(&set, cmd, arg) ?: set_stack(to_user(tfd), &set);
	default:
		return -ENOTTY;
	}
}

static bool user_stored_allowed(struct trampfd *tfd)
{
	struct regs_context *ctx;

	ctx = rcu_dereference_protected(to_user(tfd)->regs, lockdep_is_held(&tfd->lock));
	return !ctx || trampfd_policy_allows(&to_user(tfd)->policy, ctx->pc);
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
	/* Another lock than that of the vma is dropped here. */
	if (WARN_ON_ONCE(trampfd_fault_has_vma_lock(vmf)))
		return VM_FAULT_SIGSEGV;
	mmap_read_unlock(mm);
	if (!fault_in_safe_writeable((char __user *)base, size))
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

static int leave_absent(pte_t *pte, unsigned long address, void *data)
{
	return 0;
}

/*
 * Where there is no page table, the kernel makes one for each fault and frees it afterwards, as the
 * fault leaves no page in it.
 */
static int make_page_table(struct vm_area_struct *vma)
{
	return apply_to_page_range(vma->vm_mm, vma->vm_start, PAGE_SIZE, leave_absent, NULL);
}

static int user_mmap(struct trampfd *tfd, struct vm_area_struct *vma)
{
	static const struct vm_operations_struct ops = {
		.fault = user_fault,
		.mprotect = trampfd_refuse_mprotect,
		.mremap = trampfd_refuse_mremap,
	};
	const unsigned long rights = VM_READ | VM_WRITE | VM_EXEC;
	struct user *user = to_user(tfd);

	if (vma->vm_end - vma->vm_start != PAGE_SIZE || vma->vm_pgoff)
		return -EINVAL;
	if ((vma->vm_flags & rights) != (VM_READ | VM_EXEC))
		return -EINVAL;
	if (vma->vm_mm != user->mm)
		return -EXDEV;

	/* VM_IO: without it, madvise(MADV_DOFORK) would take VM_DONTCOPY back. */
	trampfd_vma_init(vma, tfd, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTCOPY | VM_DONTDUMP,
			 VM_READ | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC);
	vma->vm_ops = &ops;
	vma->vm_private_data = user;
	return make_page_table(vma);
}

static void user_show(struct seq_file *m, struct trampfd *tfd)
{
	struct user *user = to_user(tfd);

	seq_printf(m, "registers: %s\n", rcu_access_pointer(user->regs) ? "set" : "not set");
	seq_printf(m, "stack data: %s\n", rcu_access_pointer(user->stack) ? "set" : "not set");
	seq_printf(m, "frozen: %s\n", user->frozen ? "yes" : "no");
}

const struct trampfd_type trampfd_user_type = {
	.name = "TRAMPFD_USER",
	.data_size = sizeof(struct trampfd_user),
	.create = user_create,
	.release = user_release,
	.has_position = user_has_position,
	.read = user_read,
	.ioctl = user_ioctl,
	.freeze = user_freeze,
	.mmap = user_mmap,
	.policy = user_policy,
	.stored_allowed = user_stored_allowed,
	.max_allowed = TRAMPFD_MAX_PCS,
	.plain_mmap_only = true,
	.show = user_show,
};
