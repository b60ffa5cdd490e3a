/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What changed in the kernel between 6.1 and the newest version this module is built for. Kbuild
 * defines HAS_ macros by what it finds in the headers.
 */
#ifndef TRAMPFD_COMPAT_H
#define TRAMPFD_COMPAT_H

#include <linux/mm.h>
#include <linux/sched/mm.h>

/* What mseal(2) sets; zero in kernels without it. */
#ifdef VM_SEALED
#define TRAMPFD_VM_SEALED VM_SEALED
#else
#define TRAMPFD_VM_SEALED 0
#endif

/* Only for a vma that nobody else can see yet: inside the mmap operation. */
static inline void trampfd_vm_flags(struct vm_area_struct *vma, unsigned long set,
				    unsigned long clear)
{
#ifdef HAS_VM_FLAGS_MOD
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#endif
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
}

/* Whether the fault is handled under the lock of its vma instead of the mmap_lock. */
static inline bool trampfd_fault_has_vma_lock(const struct vm_fault *vmf)
{
#ifdef HAS_VMA_LOCK
	return vmf->flags & FAULT_FLAG_VMA_LOCK;
#else
	return false;
#endif
}

static inline unsigned long trampfd_unmapped_area(struct file *file, unsigned long addr,
						  unsigned long len, unsigned long pgoff,
						  unsigned long flags)
{
#if defined(HAS_UNMAPPED_AREA)
	return mm_get_unmapped_area(file, addr, len, pgoff, flags);
#elif defined(HAS_UNMAPPED_AREA_OF_MM)
	return mm_get_unmapped_area(current->mm, file, addr, len, pgoff, flags);
#else
	return current->mm->get_unmapped_area(file, addr, len, pgoff, flags);
#endif
}

#endif
