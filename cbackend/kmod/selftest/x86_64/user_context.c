// SPDX-License-Identifier: GPL-2.0-only
/* TRAMPFD_USER: reading, writing and seeking contexts, right and wrong. */
#define _GNU_SOURCE
#include "test.h"

#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct trampfd_reg pc = { .name = CPU_PC, .value = 0x1000 };

/* A read that must fail leaves the buffer alone. */
static void read_fails(int fd, size_t count, off_t position, int error)
{
	unsigned char buffer[1024];

	poison(buffer, sizeof(buffer));
	FAILS(pread(fd, buffer, count, position), error);
	CHECK(poisoned(buffer, sizeof(buffer)));
}

static void map(void)
{
	struct trampfd_map map;
	int fd = new_user();

	poison(&map, sizeof(map));
	CHECK(pread(fd, &map, sizeof(map), TRAMPFD_MAP_OFFSET) == sizeof(map));
	CHECK(map.size == 4096 && map.prot == (PROT_READ | PROT_EXEC) && map.flags == MAP_PRIVATE);
	CHECK(map.offset == 0 && map.ioffset == 0 && map.reserved == 0);
	read_fails(fd, sizeof(map) - 1, TRAMPFD_MAP_OFFSET, EINVAL);
	read_fails(fd, sizeof(map) + 1, TRAMPFD_MAP_OFFSET, EINVAL);
	FAILS(pwrite(fd, &map, sizeof(map), TRAMPFD_MAP_OFFSET), EINVAL);
	FAILS(pread(fd, bad_pointer, sizeof(map), TRAMPFD_MAP_OFFSET), EFAULT);
	close(fd);
}

static void positions(void)
{
	static const off_t unknown[] = { 4, 5, 64, 65536, 1L << 40, INT64_MAX - 4096 };
	unsigned char zeros[24] = {};
	int fd = new_user();

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		read_fails(fd, 24, unknown[i], EINVAL);
		FAILS(pwrite(fd, zeros, 24, unknown[i]), EINVAL); /* as any write */
		FAILS(lseek(fd, unknown[i], SEEK_SET), EINVAL);
	}
	read_fails(fd, 24, -1, EINVAL);
	for (int i = 0; i < TRAMPFD_NUM_OFFSETS; i++) {
		CHECK(lseek(fd, i, SEEK_SET) == i);
		FAILS(lseek(fd, 0, SEEK_CUR), EINVAL);
		FAILS(lseek(fd, 0, SEEK_END), EINVAL);
		FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
		read_fails(fd, 0, i, EINVAL);
		FAILS(pread(fd, null_pointer, 24, i), EINVAL);
		FAILS(pwrite(fd, null_pointer, 24, i), EINVAL);
		FAILS(pwrite(fd, zeros, 0, i), EINVAL);
	}
	close(fd);
}

static void position_stays(void)
{
	struct trampfd_map map;
	struct {
		struct trampfd_regs head;
		struct trampfd_reg reg;
	} regs = {
		.head.nregs = 1, .reg = pc,
	}, back;
	int fd = new_user();

	CHECK(read(fd, &map, sizeof(map)) == sizeof(map));
	CHECK(read(fd, &map, sizeof(map)) == sizeof(map));
	CHECK(lseek(fd, TRAMPFD_REGS_OFFSET, SEEK_SET) == TRAMPFD_REGS_OFFSET);
	FAILS(write(fd, &regs, sizeof(regs)), EINVAL);
	CHECK(set_regs(fd, &regs.reg, 1) == 0);
	CHECK(read(fd, &back, sizeof(back)) == sizeof(back));
	CHECK(read(fd, &back, sizeof(back)) == sizeof(back));
	CHECK(!memcmp(&regs, &back, sizeof(regs)));
	close(fd);
}

static void regs_read_back(void)
{
	struct {
		struct trampfd_regs head;
		struct trampfd_reg regs[TRAMPFD_MAX_REGS];
	} back;
	struct trampfd_reg regs[TRAMPFD_MAX_REGS];
	int fd = new_user();

	poison(&back, sizeof(back));
	CHECK(pread(fd, &back, sizeof(back), TRAMPFD_REGS_OFFSET) == sizeof(back.head));
	CHECK(back.head.nregs == 0 && back.head.reserved == 0);
	CHECK(poisoned(back.regs, sizeof(back.regs)));

	for (unsigned int i = 0; i < TRAMPFD_MAX_REGS; i++)
		regs[i] = (struct trampfd_reg){ .name = TRAMPFD_X86_RAX + i % 16,
						.value = 7 * i + 1 };
	CHECK(set_regs(fd, regs, TRAMPFD_MAX_REGS) == 0);
	CHECK(pread(fd, &back, sizeof(back), TRAMPFD_REGS_OFFSET) == sizeof(back));
	CHECK(back.head.nregs == TRAMPFD_MAX_REGS && !memcmp(back.regs, regs, sizeof(regs)));

	poison(&back, sizeof(back));
	CHECK(pread(fd, &back, 24, TRAMPFD_REGS_OFFSET) == 24);
	CHECK(back.head.nregs == TRAMPFD_MAX_REGS && !memcmp(back.regs, regs, 16));
	CHECK(poisoned(&back.regs[1], sizeof(back) - 24));

	CHECK(set_regs(fd, regs, 0) == 0);
	CHECK(pread(fd, &back, sizeof(back), TRAMPFD_REGS_OFFSET) == 8 && back.head.nregs == 0);
	read_fails(fd, 7, TRAMPFD_REGS_OFFSET, EINVAL);
	read_fails(fd, REGS_BYTES(TRAMPFD_MAX_REGS) + 1, TRAMPFD_REGS_OFFSET, EINVAL);
	close(fd);
}

static void regs_misuse(void)
{
	struct {
		struct trampfd_regs head;
		struct trampfd_reg regs[TRAMPFD_MAX_REGS + 1];
	} context = { .head.nregs = 1, .regs = { pc, pc } };
	static const unsigned int names[] = { TRAMPFD_X86_EAX,	  TRAMPFD_X86_EIP,
					      TRAMPFD_X86_64_MAX, 40,
					      0x80000000,	  ~0u };
	/* Zero, beyond user space with five levels of page tables too, and the kernel's. */
	static const uint64_t pcs[] = { 0, 1ULL << 56, 1ULL << 63, 0xffffffff81000000, ~0ULL };
	int fd = new_user();

#define WRITE_FAILS(count, error) \
	FAILS(set_bytes(fd, TRAMPFD_IOC_SET_REGS, &context, (count)), (error))
	CHECK(set_bytes(fd, TRAMPFD_IOC_SET_REGS, &context, REGS_BYTES(1)) == 0);
	WRITE_FAILS(7, EINVAL);
	WRITE_FAILS(8, EINVAL);
	WRITE_FAILS(REGS_BYTES(1) - 1, EINVAL);
	WRITE_FAILS(REGS_BYTES(1) + 1, EINVAL);
	WRITE_FAILS(REGS_BYTES(2), EINVAL);
	WRITE_FAILS(REGS_BYTES(TRAMPFD_MAX_REGS) + 1, EINVAL);
	FAILS(set_bytes(fd, TRAMPFD_IOC_SET_REGS, bad_pointer, 24), EFAULT);
	FAILS(ioctl(fd, TRAMPFD_IOC_SET_REGS, bad_pointer), EFAULT);
	context.head.reserved = 1;
	WRITE_FAILS(REGS_BYTES(1), EINVAL);
	context.head.reserved = 0;
	context.head.nregs = TRAMPFD_MAX_REGS + 1;
	WRITE_FAILS(REGS_BYTES(TRAMPFD_MAX_REGS + 1), EINVAL);
	WRITE_FAILS(REGS_BYTES(1), EINVAL);
	context.head.nregs = 0x10000001;
	WRITE_FAILS(REGS_BYTES(1), EINVAL);
	context.head.nregs = 2;
	context.regs[0].reserved = 1;
	WRITE_FAILS(REGS_BYTES(2), EINVAL);
	context.regs[0].reserved = 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		context.regs[0].name = names[i];
		WRITE_FAILS(REGS_BYTES(2), EINVAL);
	}
	context.regs[0] = context.regs[1] = (struct trampfd_reg){ .name = CPU_CHAIN, .value = 1 };
	WRITE_FAILS(REGS_BYTES(2), EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(pcs); i++) {
		context.regs[0] = pc;
		context.regs[1] = (struct trampfd_reg){ .name = CPU_PC, .value = pcs[i] };
		WRITE_FAILS(REGS_BYTES(2), EINVAL);
	}
#undef WRITE_FAILS
	/* What was there is still there. */
	CHECK(pread(fd, &context, REGS_BYTES(2), TRAMPFD_REGS_OFFSET) == (ssize_t)REGS_BYTES(1));
	CHECK(context.head.nregs == 1 && !memcmp(&context.regs[0], &pc, sizeof(pc)));
	close(fd);
}

static void set_misuse(void)
{
	struct trampfd_set set = { .data = 8, .size = 24, .reserved = 1 };
	static const unsigned long requests[] = {
		TRAMPFD_IOC_SET_REGS,
		TRAMPFD_IOC_SET_STACK,
		TRAMPFD_IOC_SET_ALLOWED,
	};
	int fd = new_user();

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		set.reserved = 1;
		FAILS(ioctl(fd, requests[i], &set), EINVAL);
		set.reserved = 0;
		FAILS(ioctl(fd, requests[i], &set), EFAULT);
	}
	close(fd);
}

static int use_in_child(void *argument)
{
	const struct trampfd_reg other = { .name = CPU_PC, .value = 0x2000 };
	struct {
		struct trampfd_regs head;
		struct trampfd_reg reg;
	} back;
	int fd = *(int *)argument;

	FAILS(set_regs(fd, &other, 1), EXDEV);
	FAILS(set_regs(fd, &other, 0), EXDEV);
	FAILS(set_stack(fd, 0, 0, "x", 1), EXDEV);
	FAILS(set_allowed(fd, (const uint64_t[]){ 0x2000 }, 1), EXDEV);
	FAILS(ioctl(fd, TRAMPFD_IOC_LOCK), EXDEV);
	FAILS(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0), EXDEV);
	FAILS(pread(fd, &back, sizeof(back), TRAMPFD_ALLOWED_PCS_OFFSET), EXDEV);
	CHECK(pread(fd, &back, sizeof(back), TRAMPFD_REGS_OFFSET) == sizeof(back));
	CHECK(back.reg.value == pc.value);
	return 0;
}

static void other_address_spaces(void)
{
	struct trampfd_values list;
	int fd = new_user();

	CHECK(set_regs(fd, &pc, 1) == 0);
	CHECK(in_child(use_in_child, &fd) == 0);
	CHECK(pread(fd, &list, sizeof(list), TRAMPFD_ALLOWED_PCS_OFFSET) == 8 && !list.nvalues);
	close(fd);
}

static void stack_read_back(void)
{
	struct {
		struct trampfd_stack head;
		unsigned char data[TRAMPFD_MAX_DATA_SIZE];
	} back;
	unsigned char data[TRAMPFD_MAX_DATA_SIZE];
	int fd = new_user();

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = i + 1;
	poison(&back, sizeof(back));
	CHECK(pread(fd, &back, sizeof(back), TRAMPFD_STACK_OFFSET) == sizeof(back.head));
	CHECK(!back.head.flags && !back.head.offset && !back.head.size && !back.head.reserved);
	CHECK(poisoned(back.data, sizeof(back.data)));
	for (unsigned int size = 1; size <= sizeof(data); size++) {
		CHECK(set_stack(fd, TRAMPFD_SET_SP, 256, data, size) == 0);
		poison(&back, sizeof(back));
		CHECK(pread(fd, &back, sizeof(back), TRAMPFD_STACK_OFFSET) == 16 + size);
		CHECK(back.head.flags == 1 && back.head.offset == 256 && back.head.size == size);
		CHECK(!memcmp(back.data, data, size));
		CHECK(poisoned(back.data + size, sizeof(data) - size));
	}
	/* Size zero removes, whatever flags and offset say. */
	CHECK(set_stack(fd, ~0u, ~0u, data, 0) == 0);
	CHECK(pread(fd, &back, sizeof(back), TRAMPFD_STACK_OFFSET) == 16 && back.head.size == 0);
	read_fails(fd, 15, TRAMPFD_STACK_OFFSET, EINVAL);
	read_fails(fd, 81, TRAMPFD_STACK_OFFSET, EINVAL);
	close(fd);
}

static void stack_misuse(void)
{
	struct {
		struct trampfd_stack head;
		unsigned char data[TRAMPFD_MAX_DATA_SIZE + 1];
	} context = { .head.size = 8 };
	int fd = new_user();

#define WRITE_FAILS(count, error) \
	FAILS(set_bytes(fd, TRAMPFD_IOC_SET_STACK, &context, (count)), (error))
	WRITE_FAILS(15, EINVAL);
	WRITE_FAILS(16, EINVAL);
	WRITE_FAILS(23, EINVAL);
	WRITE_FAILS(25, EINVAL);
	WRITE_FAILS(81, EINVAL);
	FAILS(set_bytes(fd, TRAMPFD_IOC_SET_STACK, bad_pointer, 24), EFAULT);
	FAILS(ioctl(fd, TRAMPFD_IOC_SET_STACK, bad_pointer), EFAULT);
	context.head.reserved = 1;
	WRITE_FAILS(24, EINVAL);
	context.head.reserved = 0;
	context.head.flags = 2;
	WRITE_FAILS(24, EINVAL);
	context.head.flags = 0;
	context.head.offset = 257;
	WRITE_FAILS(24, EINVAL);
	context.head.offset = 0;
	context.head.size = 65;
	WRITE_FAILS(80, EINVAL);
	WRITE_FAILS(81, EINVAL);
	context.head.size = 0xfffffff8;
	WRITE_FAILS(24, EINVAL);
#undef WRITE_FAILS
	close(fd);
}

static void allowed_misuse(void)
{
	struct {
		struct trampfd_values head;
		uint64_t values[TRAMPFD_MAX_PCS + 1];
	} list = {
		.head.nvalues = 1,
		.values = { 0x1000, 0x2000 },
	};
	int fd = new_user();

#define WRITE_FAILS(count, error) \
	FAILS(set_bytes(fd, TRAMPFD_IOC_SET_ALLOWED, &list, (count)), (error))
	WRITE_FAILS(7, EINVAL);
	WRITE_FAILS(8, EINVAL);
	WRITE_FAILS(24, EINVAL);
	WRITE_FAILS(sizeof(list), EINVAL);
	FAILS(set_bytes(fd, TRAMPFD_IOC_SET_ALLOWED, bad_pointer, 16), EFAULT);
	FAILS(ioctl(fd, TRAMPFD_IOC_SET_ALLOWED, bad_pointer), EFAULT);
	list.head.reserved = 1;
	WRITE_FAILS(16, EINVAL);
	list.head.reserved = 0;
	list.head.nvalues = TRAMPFD_MAX_PCS + 1;
	WRITE_FAILS(sizeof(list), EINVAL);
	list.head.nvalues = 0x20000001;
	WRITE_FAILS(16, EINVAL);
	list.head.nvalues = 2;
	list.values[1] = 0;
	WRITE_FAILS(24, EINVAL);
#undef WRITE_FAILS
	CHECK(set_regs(fd, &pc, 1) == 0);
	close(fd);
}

static void allowed_list(void)
{
	const struct trampfd_reg other = { .name = CPU_PC, .value = 0x2000 };
	const struct trampfd_reg both[] = { pc, other };
	uint64_t pcs[TRAMPFD_MAX_PCS];
	struct {
		struct trampfd_values head;
		uint64_t values[TRAMPFD_MAX_PCS];
	} back;
	int fd = new_user();

	for (unsigned int i = 0; i < TRAMPFD_MAX_PCS; i++)
		pcs[i] = 0x100000 + i;
	pcs[TRAMPFD_MAX_PCS - 1] = pc.value;
	CHECK(set_regs(fd, &other, 1) == 0);
	/* The list does not look back, locking does. */
	CHECK(set_allowed(fd, pcs, TRAMPFD_MAX_PCS) == 0);
	CHECK(pread(fd, &back, sizeof(back), TRAMPFD_ALLOWED_PCS_OFFSET) == sizeof(back));
	CHECK(back.head.nvalues == TRAMPFD_MAX_PCS && !memcmp(back.values, pcs, sizeof(pcs)));
	read_fails(fd, 7, TRAMPFD_ALLOWED_PCS_OFFSET, EINVAL);
	read_fails(fd, sizeof(back) + 1, TRAMPFD_ALLOWED_PCS_OFFSET, EINVAL);
	FAILS(ioctl(fd, TRAMPFD_IOC_LOCK), EPERM);
	CHECK(set_regs(fd, &pc, 1) == 0);
	FAILS(set_regs(fd, &other, 1), EPERM);
	FAILS(set_regs(fd, both, 2), EPERM);
	/* Removed, everything is allowed again, and there is nothing to lock. */
	CHECK(set_allowed(fd, pcs, 0) == 0);
	CHECK(set_regs(fd, both, 2) == 0);
	FAILS(ioctl(fd, TRAMPFD_IOC_LOCK), EINVAL);
	close(fd);
}

static void locked_list(void)
{
	const struct trampfd_reg other = { .name = CPU_PC, .value = 0x2000 };
	const uint64_t pcs[] = { pc.value };
	int fd = new_user();

	CHECK(set_allowed(fd, pcs, 1) == 0);
	CHECK(ioctl(fd, TRAMPFD_IOC_LOCK) == 0);
	CHECK(ioctl(fd, TRAMPFD_IOC_LOCK) == 0);
	FAILS(set_allowed(fd, pcs, 1), EPERM);
	FAILS(set_allowed(fd, pcs, 0), EPERM);
	FAILS(set_regs(fd, &other, 1), EPERM);
	CHECK(set_regs(fd, &pc, 1) == 0);
	CHECK(set_regs(fd, &pc, 0) == 0);
	close(fd);
}

int main(void)
{
	const struct test tests[] = {
		TEST(map),
		TEST(positions),
		TEST(position_stays),
		TEST(regs_read_back),
		TEST(regs_misuse),
		TEST(set_misuse),
		TEST(other_address_spaces),
		TEST(stack_read_back),
		TEST(stack_misuse),
		TEST(allowed_misuse),
		TEST(allowed_list),
		TEST(locked_list),
	};

	return run_tests(tests, ARRAY_SIZE(tests));
}
