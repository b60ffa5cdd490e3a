// SPDX-License-Identifier: GPL-2.0-only
/* What no trampfd mapping allows: to be split, moved or given other rights. */
#include <linux/mm.h>

#include "compat.h"
#include "trampfd.h"

bool trampfd_can_seal(void)
{
	return TRAMPFD_VM_SEALED;
}

/* In the mmap operation, when nobody else can see the vma yet. */
void trampfd_vma_init(struct vm_area_struct *vma, const struct trampfd *tfd, unsigned long set,
		      unsigned long clear)
{
	trampfd_vm_flags(vma, set | (tfd->sealed ? TRAMPFD_VM_SEALED : 0), clear);
}

/* A mapping with a name is in core dumps whatever its pages are; in /proc it has that of its file. */
const char *trampfd_vma_name(struct vm_area_struct *vma)
{
	return "[trampfd]";
}

int trampfd_refuse_split(struct vm_area_struct *vma, unsigned long addr)
{
	return -EINVAL;
}

int trampfd_refuse_mremap(struct vm_area_struct *vma)
{
	return -EINVAL;
}

int trampfd_refuse_mprotect(struct vm_area_struct *vma, unsigned long start, unsigned long end,
			    unsigned long newflags)
{
	return -EACCES;
}
