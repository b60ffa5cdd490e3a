/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside of the trampfd module.
 *
 * A descriptor is a struct trampfd embedded in the object of its type. file.c owns what all types
 * have in common (file operations, list of allowed PCs, limits); a type fills in struct
 * trampfd_type. Lock order: mmap_lock, then trampfd.lock. User memory is never touched under
 * trampfd.lock, so a fault that needs the lock cannot deadlock.
 */
#ifndef TRAMPFD_H
#define TRAMPFD_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/trampfd.h>

struct seq_file;
struct trampfd;
struct trampfd_list;
struct trampfd_quota;

/**
 * struct trampfd_policy - what an address space may store
 * @list: allowed PCs, owned together with others that inherited it; NULL: anything is allowed
 * @locked: the list is final
 */
struct trampfd_policy {
	struct trampfd_list *list;
	bool locked;
};

/**
 * struct trampfd_type - what a type of descriptor does
 * @name: for fdinfo
 * @data_size: size of its creation data
 * @create: checks the creation data and makes the object, without touching the common part
 * @release: frees the object; nothing else uses it any more
 * @has_position: whether a file position means something beyond the allowed list
 * @read: reads a position
 * @ioctl: does a request of this type
 * @freeze: makes a range final
 * @mmap: maps the descriptor
 * @policy: that of the current address space, NULL if it has none; called under trampfd.lock
 * @stored_allowed: whether all that is stored there is in its list; called under trampfd.lock
 * @max_allowed: most values of the allowed list
 * @plain_mmap_only: mmap flags must be MAP_PRIVATE and may only say where
 * @show: type's own fdinfo lines, or NULL; called under trampfd.lock
 */
struct trampfd_type {
	const char *name;
	size_t data_size;
	struct trampfd *(*create)(const void *data);
	void (*release)(struct trampfd *tfd);
	bool (*has_position)(struct trampfd *tfd, loff_t pos);
	ssize_t (*read)(struct trampfd *tfd, char __user *buf, size_t count, loff_t pos);
	long (*ioctl)(struct trampfd *tfd, unsigned int cmd, unsigned long arg);
	int (*freeze)(struct trampfd *tfd, u32 first, u32 n);
	int (*mmap)(struct trampfd *tfd, struct vm_area_struct *vma);
	struct trampfd_policy *(*policy)(struct trampfd *tfd);
	bool (*stored_allowed)(struct trampfd *tfd);
	u32 max_allowed;
	bool plain_mmap_only;
	void (*show)(struct seq_file *m, struct trampfd *tfd);
};

/**
 * struct trampfd - part that all descriptors have
 * @type: constant
 * @quota: whom this descriptor is charged to; constant
 * @mapping: of the descriptor's file; constant
 * @id: TRAMPFD_IOC_ID; constant
 * @sealed: mappings are; constant
 * @lock: guards what the type says
 */
struct trampfd {
	const struct trampfd_type *type;
	struct trampfd_quota *quota;
	struct address_space *mapping;
	u64 id;
	bool sealed;
	struct mutex lock;
};

/* Where user-space code can be. */
static inline bool trampfd_user_address(u64 address)
{
	return address && address < TASK_SIZE_MAX;
}

/* A request without the size of its argument, which may grow. */
#define TRAMPFD_BARE(cmd) ((cmd) & ~IOCSIZE_MASK)

/* file.c */
int trampfd_create_fd(const struct trampfd_type *type, const struct trampfd_create *create);
int trampfd_attach_fd(unsigned long address);
int trampfd_copy_args(void *to, size_t size, unsigned int cmd, unsigned long arg);
int trampfd_copy_set(struct trampfd_set *set, unsigned int cmd, unsigned long arg);

/* fs.c */
struct file *trampfd_fs_open(const struct file_operations *fops, void *private);
void trampfd_fs_unpin(void);

/* vma.c: a mapping stays whole, where it is and as it is until it is unmapped */
bool trampfd_can_seal(void);
void trampfd_vma_init(struct vm_area_struct *vma, const struct trampfd *tfd, unsigned long set,
		      unsigned long clear);
const char *trampfd_vma_name(struct vm_area_struct *vma);
int trampfd_refuse_split(struct vm_area_struct *vma, unsigned long addr);
int trampfd_refuse_mremap(struct vm_area_struct *vma);
int trampfd_refuse_mprotect(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			    unsigned long newflags);

/* allowed.c */
int trampfd_allowed_set(struct trampfd *tfd, const struct trampfd_set *set);
ssize_t trampfd_allowed_read(struct trampfd *tfd, char __user *buf, size_t count);
int trampfd_allowed_lock(struct trampfd *tfd);
/* The following ones are called under trampfd.lock, or when nobody else can see the policy. */
bool trampfd_policy_allows(const struct trampfd_policy *policy, u64 pc);
u32 trampfd_policy_count(const struct trampfd_policy *policy);
void trampfd_policy_inherit(struct trampfd_policy *policy, const struct trampfd_policy *from);
void trampfd_policy_drop(struct trampfd_policy *policy);

/* limits.c: what is counted per user and per address space, and live objects for leak checks */
enum trampfd_count {
	TRAMPFD_DESCRIPTORS, /* open descriptors */
	TRAMPFD_PAGES,	     /* pages of records */
	TRAMPFD_COUNTS,
};

struct trampfd_quota *trampfd_charge(enum trampfd_count what);
void trampfd_uncharge(struct trampfd_quota *quota, enum trampfd_count what);
int trampfd_pin(struct mm_struct *mm);
void trampfd_pin_inherited(struct mm_struct *mm, u32 npages);
void trampfd_unpin(struct mm_struct *mm, u32 npages);
void trampfd_quota_show(struct seq_file *m, const struct trampfd_quota *quota);
extern atomic_long_t trampfd_live_contexts;
extern atomic_long_t trampfd_live_copies;

/* user.c, table.c */
extern const struct trampfd_type trampfd_user_type;
extern const struct trampfd_type trampfd_table_type;

/* records.c */
int trampfd_records_init(void);
void trampfd_records_exit(void);

/* code.c: the slots of all tables */
int trampfd_code_init(void);
void trampfd_code_exit(void);
int trampfd_code_mmap(const struct trampfd *tfd, struct vm_area_struct *vma);

/* x86_64.c, aarch64.c: all that depends on the processor */
const struct trampfd_type *trampfd_arch_user_type(void); /* NULL: it cannot have TRAMPFD_USER */
bool trampfd_arch_reg_known(u32 name);
bool trampfd_arch_reg_is_pc(u32 name);
void trampfd_arch_set_reg(struct pt_regs *regs, u32 name, u64 value);
struct pt_regs *trampfd_arch_fault_regs(unsigned long pc);
bool trampfd_arch_push(struct pt_regs *regs, const struct trampfd_stack *stack,
		       unsigned long *base);
unsigned long trampfd_arch_code_flags(void); /* VM_ flags that it adds to the slots */
void trampfd_arch_write_slot(u8 *code, u32 displacement);

#endif
