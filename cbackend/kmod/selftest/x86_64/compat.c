// SPDX-License-Identifier: GPL-2.0-only
/* A caller of 32 bits. */
#include "test.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* getpid(), which a kernel without 32-bit system calls answers with a signal. */
static void call_as_32_bits(void *unused)
{
	long result = 20;

	(void)unused;
	asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
}

/* int $0x80 from a 64-bit program is a 32-bit system call, the only kind that is refused. */
void caller_of_32_bits(void)
{
	struct low {
		struct trampfd_query query;
		struct trampfd_create create;
		struct trampfd_user user;
	} *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
		      -1, 0);
	int device;
	long result;

	if (signal_of(call_as_32_bits, NULL)) {
		skip("this kernel has no 32-bit system calls");
		munmap(low, 4096);
		return;
	}
	device = open_device();
	low->create.data = (uintptr_t)&low->user;
	low->create.data_size = sizeof(low->user);
	asm volatile("int $0x80"
		     : "=a"(result)
		     : "a"(54), "b"(device), "c"(TRAMPFD_IOC_QUERY), "d"(&low->query)
		     : "memory", "r8", "r9", "r10", "r11");
	CHECK(result == 0 && low->query.version == TRAMPFD_VERSION);
	asm volatile("int $0x80"
		     : "=a"(result)
		     : "a"(54), "b"(device), "c"(TRAMPFD_IOC_CREATE), "d"(&low->create)
		     : "memory", "r8", "r9", "r10", "r11");
	CHECK(result == -EOPNOTSUPP);
	munmap(low, 4096);
	close(device);
}
