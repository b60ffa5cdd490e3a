// SPDX-License-Identifier: GPL-2.0-only
/*
 * TRAMPFD_TABLE: a block of slots whose records only the kernel can write.
 *
 * Every address space that uses a table has its own copy of the records. The creator's copy is
 * made with the table; a child gets one when fork duplicates the mapping of the records. A copy
 * goes away with its last mapping (the creator's, if it is never mapped, with the table). A page
 * of records is allocated when it is first written or touched and stays the same page for the life
 * of the copy, so nothing ever has to be unmapped behind a process's back.
 *
 * The pages are not VM_IO: a debugger may read code and records. They can never be written by the
 * process, by ptrace or by /proc/PID/mem, because VM_MAYWRITE is off.
 */
#include <linux/list.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "compat.h"
#include "trampfd.h"

#define RECORDS_PGOFF (TRAMPFD_RECORDS_OFFSET / PAGE_SIZE)
#define RECORDS_PER_PAGE (PAGE_SIZE / TRAMPFD_RECORD_SIZE)

static_assert(TRAMPFD_RECORDS_OFFSET % PAGE_SIZE == 0);
static_assert(PAGE_SIZE % TRAMPFD_RECORD_SIZE == 0);

/**
 * struct copy - the records of one address space
 * @node: in table.copies
 * @mm: the address space; held by mmgrab, so that its address means nothing else meanwhile
 * @mappings: vmas that have this copy as vm_private_data
 * @pages: NULL: all records of the page are zero
 */
struct copy {
	struct list_head node;
	struct mm_struct *mm;
	unsigned int mappings;
	struct page *pages[];
};

/* tfd.lock guards the list, the copies and the contents of their pages. */
struct table {
	struct trampfd tfd;
	u32 nslots;
	u32 npages;
	struct list_head copies;
};

static struct table *to_table(struct trampfd *tfd)
{
	return container_of(tfd, struct table, tfd);
}

static struct copy *add_copy(struct table *table, struct mm_struct *mm)
{
	struct copy *copy;

	copy = kzalloc(struct_size(copy, pages, table->npages), GFP_KERNEL_ACCOUNT);
	if (!copy)
		return NULL;
	mmgrab(mm);
	copy->mm = mm;
	list_add(&copy->node, &table->copies);
	atomic_long_inc(&trampfd_live_copies);
	return copy;
}

static void drop_copy(struct table *table, struct copy *copy)
{
	u32 i, npages = 0;

	for (i = 0; i < table->npages; i++) {
		if (!copy->pages[i])
			continue;
		put_page(copy->pages[i]);
		npages++;
	}
	if (npages)
		trampfd_uncharge(table->tfd.quota, TRAMPFD_PAGES, npages);
	list_del(&copy->node);
	mmdrop(copy->mm);
	kfree(copy);
	atomic_long_dec(&trampfd_live_copies);
}

static struct copy *find_copy(struct table *table, struct mm_struct *mm)
{
	struct copy *copy;

	list_for_each_entry(copy, &table->copies, node)
		if (copy->mm == mm)
			return copy;
	return NULL;
}

/* Makes sure that the copy has page @i. */
static int need_page(struct table *table, struct copy *copy, u32 i)
{
	int err;

	if (copy->pages[i])
		return 0;
	err = trampfd_charge(table->tfd.quota, TRAMPFD_PAGES);
	if (err)
		return err;
	copy->pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (copy->pages[i])
		return 0;
	trampfd_uncharge(table->tfd.quota, TRAMPFD_PAGES, 1);
	return -ENOMEM;
}

static struct copy *clone_copy(struct table *table, const struct copy *from, struct mm_struct *mm)
{
	struct copy *copy;
	u32 i;

	copy = add_copy(table, mm);
	if (!copy)
		return NULL;
	for (i = 0; i < table->npages; i++) {
		if (!from->pages[i])
			continue;
		if (need_page(table, copy, i)) {
			drop_copy(table, copy);
			return NULL;
		}
		copy_page(page_address(copy->pages[i]), page_address(from->pages[i]));
	}
	return copy;
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
	if (!add_copy(table, current->mm)) {
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
		drop_copy(table, copy);
	kfree(table);
}

static ssize_t read_map(struct table *table, char __user *buf, size_t count)
{
	struct trampfd_table_map map = {
		.code = {
			.size = TRAMPFD_CODE_SIZE,
			.prot = PROT_READ,
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

/* Record @i of the copy, or NULL when its page was never needed. */
static struct trampfd_record *record_at(struct copy *copy, u32 i)
{
	struct page *page = copy->pages[i / RECORDS_PER_PAGE];

	return page ? (struct trampfd_record *)page_address(page) + i % RECORDS_PER_PAGE : NULL;
}

static int copy_records(struct table *table, struct trampfd_record *records, u32 first, u32 n)
{
	const struct trampfd_record *record;
	struct copy *copy;
	u32 i;

	mutex_lock(&table->tfd.lock);
	copy = find_copy(table, current->mm);
	for (i = 0; copy && i < n; i++) {
		record = record_at(copy, first + i);
		if (record)
			records[i] = *record;
	}
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
		if (records[i].entry && !trampfd_arch_user_address(records[i].entry))
			return false;
	return true;
}

static bool entries_allowed(struct table *table, const struct trampfd_record *records, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (records[i].entry && !trampfd_allows(&table->tfd, records[i].entry))
			return false;
	return true;
}

/* User space may be jumping through the record: no torn word, and the entry last. */
static void store_record(struct trampfd_record *to, const struct trampfd_record *from)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(to->words); i++)
		WRITE_ONCE(to->words[i], from->words[i]);
	/* Pairs with nothing but the order in which the processor of a caller loads. */
	smp_store_release(&to->entry, from->entry);
}

/* All that can fail comes before the first store. */
static int store_records(struct table *table, const struct trampfd_record *records, u32 first,
			 u32 n)
{
	struct copy *copy = find_copy(table, current->mm);
	u32 i;
	int err;

	if (!copy)
		return -EXDEV;
	if (!entries_allowed(table, records, n))
		return -EPERM;
	for (i = first / RECORDS_PER_PAGE; i <= (first + n - 1) / RECORDS_PER_PAGE; i++) {
		err = need_page(table, copy, i);
		if (err)
			return err;
	}
	for (i = 0; i < n; i++)
		store_record(record_at(copy, first + i), &records[i]);
	return 0;
}

static ssize_t table_write(struct trampfd *tfd, struct iov_iter *from, loff_t pos)
{
	size_t count = iov_iter_count(from);
	u32 first, n = count / TRAMPFD_RECORD_SIZE;
	struct table *table = to_table(tfd);
	struct trampfd_record *records;
	int err = -EINVAL;

	if (!record_range(table, count, pos, &first))
		return -EINVAL;
	records = kvmalloc(count, GFP_KERNEL_ACCOUNT);
	if (!records)
		return -ENOMEM;

	if (!copy_from_iter_full(records, count, from)) {
		err = -EFAULT;
	} else if (entries_are_addresses(records, n)) {
		mutex_lock(&tfd->lock);
		err = store_records(table, records, first, n);
		mutex_unlock(&tfd->lock);
	}
	kvfree(records);
	return err ?: count;
}

static bool table_stored_allowed(struct trampfd *tfd)
{
	struct table *table = to_table(tfd);
	struct copy *copy;
	u32 i;

	list_for_each_entry(copy, &table->copies, node)
		for (i = 0; i < table->npages; i++)
			if (copy->pages[i] &&
			    !entries_allowed(table, page_address(copy->pages[i]), RECORDS_PER_PAGE))
				return false;
	return true;
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
		copy = find_copy(table, vma->vm_mm) ?: clone_copy(table, copy, vma->vm_mm);
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
		drop_copy(table, copy);
	mutex_unlock(&table->tfd.lock);
}

static vm_fault_t records_fault(struct vm_fault *vmf)
{
	struct table *table = to_table(vmf->vma->vm_file->private_data);
	struct copy *copy = vmf->vma->vm_private_data;
	u32 i = vmf->pgoff - RECORDS_PGOFF;
	int err;

	if (!copy || i >= table->npages)
		return VM_FAULT_SIGBUS;
	mutex_lock(&table->tfd.lock);
	err = need_page(table, copy, i);
	if (!err) {
		vmf->page = copy->pages[i];
		get_page(vmf->page);
	}
	mutex_unlock(&table->tfd.lock);
	if (err)
		return err == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
	return 0;
}

static int records_mmap(struct table *table, struct vm_area_struct *vma)
{
	static const struct vm_operations_struct ops = {
		.open = records_open,
		.close = records_close,
		.fault = records_fault,
		.may_split = trampfd_refuse_split,
		.mremap = trampfd_refuse_mremap,
		.mprotect = trampfd_refuse_mprotect,
	};
	struct copy *copy;

	if (vma->vm_end - vma->vm_start != table->npages * PAGE_SIZE)
		return -EINVAL;
	mutex_lock(&table->tfd.lock);
	copy = find_copy(table, vma->vm_mm);
	if (copy)
		copy->mappings++;
	mutex_unlock(&table->tfd.lock);
	if (!copy)
		return -EXDEV;

	trampfd_vm_flags(vma, VM_DONTEXPAND, VM_MAYWRITE | VM_MAYEXEC);
	vma->vm_ops = &ops;
	vma->vm_private_data = copy;
	return 0;
}

static int table_mmap(struct trampfd *tfd, struct vm_area_struct *vma)
{
	if ((vma->vm_flags & (VM_READ | VM_WRITE | VM_EXEC | VM_MAYSHARE)) != VM_READ)
		return -EINVAL;
	if (vma->vm_pgoff == TRAMPFD_CODE_OFFSET / PAGE_SIZE)
		return trampfd_code_mmap(vma);
	if (vma->vm_pgoff == RECORDS_PGOFF)
		return records_mmap(to_table(tfd), vma);
	return -EINVAL;
}

static void table_show(struct seq_file *m, struct trampfd *tfd)
{
	seq_printf(m, "slots: %u\n", to_table(tfd)->nslots);
}

const struct trampfd_type trampfd_table_type = {
	.name = "TRAMPFD_TABLE",
	.data_size = sizeof(struct trampfd_table),
	.create = table_create,
	.release = table_release,
	.has_position = table_has_position,
	.read = table_read,
	.write = table_write,
	.mmap = table_mmap,
	.stored_allowed = table_stored_allowed,
	.max_allowed = TRAMPFD_MAX_TABLE_PCS,
	.reads_allowed = true,
	.show = table_show,
};
