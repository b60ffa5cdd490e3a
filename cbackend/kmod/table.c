// SPDX-License-Identifier: GPL-2.0-only
/*
 * TRAMPFD_TABLE: a block of slots whose records only the kernel can write. records.h has what an
 * address space owns of it.
 *
 * The pages are not VM_IO: a debugger and a core dump may read code and records. They can never be
 * written by the process, by ptrace or by /proc/PID/mem, because VM_MAYWRITE is off.
 */
#include <linux/mman.h>
#include <linux/seq_file.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "records.h"

#define RECORDS_PGOFF (TRAMPFD_RECORDS_OFFSET / PAGE_SIZE)

static_assert(TRAMPFD_RECORDS_OFFSET % PAGE_SIZE == 0);

static struct table *to_table(struct trampfd *tfd)
{
	return container_of(tfd, struct table, tfd);
}

static struct trampfd *table_create(const void *data)
{
	const struct trampfd_table *args = data;
	struct table *table;

	if (args->flags || args->reserved || !args->nslots || args->nslots > TRAMPFD_MAX_SLOTS)
		return ERR_PTR(-EINVAL);
	table = kzalloc(sizeof(*table), GFP_KERNEL_ACCOUNT);
	if (!table)
		return ERR_PTR(-ENOMEM);
	table->nslots = args->nslots;
	table->npages = DIV_ROUND_UP(args->nslots, RECORDS_PER_PAGE);
	INIT_LIST_HEAD(&table->copies);
	if (!copy_create(table, current->mm)) {
		kfree(table);
		return ERR_PTR(-ENOMEM);
	}
	return &table->tfd;
}

/* Mappings hold the file, so the only copies left are of address spaces that never mapped one. */
static void table_release(struct trampfd *tfd)
{
	struct table *table = to_table(tfd);
	struct copy *copy, *next;

	list_for_each_entry_safe(copy, next, &table->copies, node)
		copy_drop(table, copy);
	kfree(table);
}

static struct trampfd_policy *table_policy(struct trampfd *tfd)
{
	struct copy *copy = copy_of(to_table(tfd), current->mm);

	return copy ? &copy->policy : NULL;
}

static ssize_t read_map(struct table *table, char __user *buf, size_t count)
{
	struct trampfd_table_map map = {
		.code = {
			.size = TRAMPFD_CODE_SIZE,
			.prot = PROT_READ | PROT_EXEC,
			.flags = MAP_PRIVATE,
			.offset = TRAMPFD_CODE_OFFSET,
		},
		.records = {
			.size = table->npages * PAGE_SIZE,
			.prot = PROT_READ,
			.flags = MAP_PRIVATE,
			.offset = TRAMPFD_RECORDS_OFFSET,
		},
		.nslots = table->nslots,
		.slot_size = TRAMPFD_SLOT_SIZE,
		.record_size = TRAMPFD_RECORD_SIZE,
	};

	if (count != sizeof(map))
		return -EINVAL;
	return copy_to_user(buf, &map, count) ? -EFAULT : count;
}

/* Whether @count bytes at @pos are whole records of the table; if so, the first one. */
static bool record_range(struct table *table, size_t count, loff_t pos, u32 *first)
{
	u64 size = table->nslots * TRAMPFD_RECORD_SIZE;
	u64 offset = pos - TRAMPFD_RECORDS_OFFSET;

	if (pos < TRAMPFD_RECORDS_OFFSET || offset >= size || count > size - offset)
		return false;
	if (offset % TRAMPFD_RECORD_SIZE || count % TRAMPFD_RECORD_SIZE)
		return false;
	*first = offset / TRAMPFD_RECORD_SIZE;
	return true;
}

static bool table_has_position(struct trampfd *tfd, loff_t pos)
{
	u32 first;

	return pos == TRAMPFD_MAP_OFFSET || record_range(to_table(tfd), 0, pos, &first);
}

static int copy_records(struct table *table, struct trampfd_record *records, u32 first, u32 n)
{
	struct copy *copy;
	u32 i;

	mutex_lock(&table->tfd.lock);
	copy = copy_of(table, current->mm);
	for (i = 0; copy && i < n; i++)
		records[i] = *copy_record(copy, first + i);
	mutex_unlock(&table->tfd.lock);
	return copy ? 0 : -EXDEV;
}

static ssize_t read_records(struct table *table, char __user *buf, size_t count, u32 first)
{
	struct trampfd_record *records;
	ssize_t ret;

	records = kvzalloc(count, GFP_KERNEL_ACCOUNT);
	if (!records)
		return -ENOMEM;
	ret = copy_records(table, records, first, count / TRAMPFD_RECORD_SIZE);
	if (!ret)
		ret = copy_to_user(buf, records, count) ? -EFAULT : count;
	kvfree(records);
	return ret;
}

static ssize_t table_read(struct trampfd *tfd, char __user *buf, size_t count, loff_t pos)
{
	struct table *table = to_table(tfd);
	u32 first;

	if (pos == TRAMPFD_MAP_OFFSET)
		return read_map(table, buf, count);
	if (!record_range(table, count, pos, &first))
		return -EINVAL;
	return read_records(table, buf, count, first);
}

static bool entries_are_addresses(const struct trampfd_record *records, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (records[i].entry && !trampfd_user_address(records[i].entry))
			return false;
	return true;
}

static int store_records(struct table *table, const struct trampfd_record *records, u32 first,
			 u32 n)
{
	struct copy *copy = copy_of(table, current->mm);

	if (!copy)
		return -EXDEV;
	if (copy_is_frozen(copy, first, n) || !copy_allows(copy, records, n))
		return -EPERM;
	return copy_store(table, copy, records, first, n);
}

static bool has_records(const struct table *table, u32 first, u32 n)
{
	return n && first < table->nslots && n <= table->nslots - first;
}

static int table_freeze(struct trampfd *tfd, u32 first, u32 n)
{
	struct table *table = to_table(tfd);
	struct copy *copy;

	if (!has_records(table, first, n))
		return -EINVAL;
	mutex_lock(&tfd->lock);
	copy = copy_of(table, current->mm);
	if (copy)
		copy_freeze(copy, first, n);
	mutex_unlock(&tfd->lock);
	return copy ? 0 : -EXDEV;
}

static long set_records(struct table *table, const struct trampfd_set_records *set)
{
	struct trampfd_record *records;
	long err = -EINVAL;

	if (!has_records(table, set->first, set->n))
		return -EINVAL;
	records = kvmalloc_array(set->n, sizeof(*records), GFP_KERNEL_ACCOUNT);
	if (!records)
		return -ENOMEM;

	if (copy_from_user(records, u64_to_user_ptr(set->records), set->n * sizeof(*records))) {
		err = -EFAULT;
	} else if (entries_are_addresses(records, set->n)) {
		mutex_lock(&table->tfd.lock);
		err = store_records(table, records, set->first, set->n);
		mutex_unlock(&table->tfd.lock);
	}
	kvfree(records);
	return err;
}

static long table_ioctl(struct trampfd *tfd, unsigned int cmd, unsigned long arg)
{
	struct trampfd_set_records set;

	switch (TRAMPFD_BARE(cmd)) {
	case TRAMPFD_BARE(TRAMPFD_IOC_SET_RECORDS):
		return trampfd_copy_args(&set, sizeof(set), cmd, arg)
			       ?: set_records(to_table(tfd), &set);
	default:
		return -ENOTTY;
	}
}

static bool table_stored_allowed(struct trampfd *tfd)
{
	struct table *table = to_table(tfd);

	return copy_is_allowed(table, copy_of(table, current->mm));
}

/*
 * A vma was duplicated: within its address space by mremap, or into a child by fork. An error
 * cannot be returned here; a mapping left without a copy gives SIGBUS.
 */
static void records_open(struct vm_area_struct *vma)
{
	struct table *table = to_table(vma->vm_file->private_data);
	struct copy *copy = vma->vm_private_data;

	if (!copy)
		return;
	mutex_lock(&table->tfd.lock);
	if (copy->mm != vma->vm_mm)
		copy = copy_of(table, vma->vm_mm) ?: copy_inherit(table, copy, vma->vm_mm);
	if (copy)
		copy->mappings++;
	vma->vm_private_data = copy;
	mutex_unlock(&table->tfd.lock);
}

static void records_close(struct vm_area_struct *vma)
{
	struct table *table = to_table(vma->vm_file->private_data);
	struct copy *copy = vma->vm_private_data;

	if (!copy)
		return;
	mutex_lock(&table->tfd.lock);
	if (!--copy->mappings)
		copy_drop(table, copy);
	mutex_unlock(&table->tfd.lock);
}

static vm_fault_t records_fault(struct vm_fault *vmf)
{
	struct table *table = to_table(vmf->vma->vm_file->private_data);
	struct copy *copy = vmf->vma->vm_private_data;
	u32 i = vmf->pgoff - RECORDS_PGOFF;

	if (!copy || i >= table->npages)
		return VM_FAULT_SIGBUS;
	mutex_lock(&table->tfd.lock);
	vmf->page = copy_lock_page(copy, i);
	mutex_unlock(&table->tfd.lock);
	return VM_FAULT_LOCKED;
}

static int records_mmap(struct table *table, struct vm_area_struct *vma)
{
	static const struct vm_operations_struct ops = {
		.open = records_open,
		.close = records_close,
		.fault = records_fault,
		.name = trampfd_vma_name,
		.may_split = trampfd_refuse_split,
		.mremap = trampfd_refuse_mremap,
		.mprotect = trampfd_refuse_mprotect,
	};
	struct copy *copy;

	if (vma->vm_end - vma->vm_start != table->npages * PAGE_SIZE)
		return -EINVAL;
	if ((vma->vm_flags & (VM_READ | VM_WRITE | VM_EXEC)) != VM_READ)
		return -EINVAL;
	mutex_lock(&table->tfd.lock);
	copy = copy_of(table, vma->vm_mm);
	if (copy)
		copy->mappings++;
	mutex_unlock(&table->tfd.lock);
	if (!copy)
		return -EXDEV;

	trampfd_vma_init(vma, &table->tfd, VM_DONTEXPAND, VM_MAYWRITE | VM_MAYEXEC);
	vma->vm_ops = &ops;
	vma->vm_private_data = copy;
	return 0;
}

/* Without records in the address space, its slots would lead nowhere. */
static int code_mmap(struct table *table, struct vm_area_struct *vma)
{
	bool own;

	mutex_lock(&table->tfd.lock);
	own = copy_of(table, vma->vm_mm);
	mutex_unlock(&table->tfd.lock);
	return own ? trampfd_code_mmap(&table->tfd, vma) : -EXDEV;
}

static int table_mmap(struct trampfd *tfd, struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_MAYSHARE)
		return -EINVAL;
	if (vma->vm_pgoff == TRAMPFD_CODE_OFFSET / PAGE_SIZE)
		return code_mmap(to_table(tfd), vma);
	if (vma->vm_pgoff == RECORDS_PGOFF)
		return records_mmap(to_table(tfd), vma);
	return -EINVAL;
}

static void table_show(struct seq_file *m, struct trampfd *tfd)
{
	struct table *table = to_table(tfd);
	const struct copy *copy = copy_of(table, current->mm);

	seq_printf(m, "slots: %u\n", table->nslots);
	seq_printf(m, "address spaces: %u\n", table->ncopies);
	if (copy)
		seq_printf(m, "records: %u set, %u frozen\n", copy_count_set(table, copy),
			   copy_count_frozen(copy));
	else
		seq_puts(m, "records: none in this address space\n");
}

const struct trampfd_type trampfd_table_type = {
	.name = "TRAMPFD_TABLE",
	.data_size = sizeof(struct trampfd_table),
	.create = table_create,
	.release = table_release,
	.has_position = table_has_position,
	.read = table_read,
	.ioctl = table_ioctl,
	.freeze = table_freeze,
	.mmap = table_mmap,
	.policy = table_policy,
	.stored_allowed = table_stored_allowed,
	.max_allowed = TRAMPFD_MAX_TABLE_PCS,
	.show = table_show,
};
