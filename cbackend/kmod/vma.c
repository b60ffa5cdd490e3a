// SPDX-License-Identifier: GPL-2.0-only
/* What no trampfd mapping allows: to be split, moved or given other rights. */
#include <linux/mm.h>

#include "trampfd.h"

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
