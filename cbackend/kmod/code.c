// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slots: one run of code pages, written when the module is loaded and shared by all tables.
 *
 * A slot finds its record at a fixed distance from itself, so the code is the same in every
 * process and never changes. No process has it writable, and VM_MAYWRITE is off: there is no
 * private copy to be had by mprotect, ptrace or /proc/PID/mem.
 */
#include <linux/cacheflush.h>
#include <linux/mm.h>

#include "trampfd.h"

#define CODE_PAGES (TRAMPFD_CODE_SIZE / PAGE_SIZE)
#define SLOTS_PER_PAGE (PAGE_SIZE / TRAMPFD_SLOT_SIZE)

static_assert(TRAMPFD_CODE_SIZE % PAGE_SIZE == 0);

static struct page *pages[CODE_PAGES];

static void write_page(u8 *code, u32 first_slot)
{
	u32 i, slot;

	for (i = 0; i < SLOTS_PER_PAGE; i++) {
		slot = first_slot + i;
		trampfd_arch_write_slot(code + i * TRAMPFD_SLOT_SIZE,
					TRAMPFD_RECORDS_OFFSET + slot * TRAMPFD_RECORD_SIZE -
						slot * TRAMPFD_SLOT_SIZE);
	}
	flush_icache_range((unsigned long)code, (unsigned long)code + PAGE_SIZE);
}

int trampfd_code_init(void)
{
	u32 i;

	for (i = 0; i < CODE_PAGES; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		if (!pages[i]) {
			trampfd_code_exit();
			return -ENOMEM;
		}
		write_page(page_address(pages[i]), i * SLOTS_PER_PAGE);
	}
	return 0;
}

/* Also takes back a run that is not complete. */
void trampfd_code_exit(void)
{
	u32 i;

	for (i = 0; i < CODE_PAGES; i++)
		if (pages[i])
			__free_page(pages[i]);
}

static vm_fault_t code_fault(struct vm_fault *vmf)
{
	if (vmf->pgoff >= CODE_PAGES)
		return VM_FAULT_SIGBUS;
	vmf->page = pages[vmf->pgoff];
	get_page(vmf->page);
	return 0;
}

int trampfd_code_mmap(const struct trampfd *tfd, struct vm_area_struct *vma)
{
	static const struct vm_operations_struct ops = {
		.fault = code_fault,
		.name = trampfd_vma_name,
		.may_split = trampfd_refuse_split,
		.mremap = trampfd_refuse_mremap,
		.mprotect = trampfd_refuse_mprotect,
	};

	if (vma->vm_end - vma->vm_start != TRAMPFD_CODE_SIZE)
		return -EINVAL;
	if ((vma->vm_flags & (VM_READ | VM_WRITE | VM_EXEC)) != (VM_READ | VM_EXEC))
		return -EINVAL;
	trampfd_vma_init(vma, tfd, VM_DONTEXPAND | trampfd_arch_code_flags(), VM_MAYWRITE);
	vma->vm_ops = &ops;
	return 0;
}
