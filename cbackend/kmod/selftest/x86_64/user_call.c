// SPDX-License-Identifier: GPL-2.0-only
/* TRAMPFD_USER: mapping it and calling it. */
#define _GNU_SOURCE
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <fcntl.h>
#include <unistd.h>

enum { RIGHTS = PROT_READ | PROT_EXEC };

typedef uint64_t target(void);

static struct trampfd_reg to_capture(void)
{
	return (struct trampfd_reg){ .name = CPU_PC, .value = (uintptr_t)capture };
}

/* A descriptor whose trampoline loads r10 and goes to the target. */
static int r10_descriptor(uint64_t r10, target *function)
{
	const struct trampfd_reg regs[] = {
		{ .name = CPU_CHAIN, .value = r10 },
		{ .name = TRAMPFD_X86_R11, .value = r10 },
		{ .name = CPU_PC, .value = (uintptr_t)function },
	};
	int fd = new_user();

	CHECK(set_regs(fd, regs, 3) == 0);
	return fd;
}

static void mmap_misuse(void)
{
	static const int flags[] = {
		MAP_SHARED,
		MAP_SHARED_VALIDATE,
		MAP_PRIVATE | MAP_POPULATE,
		MAP_PRIVATE | MAP_NORESERVE,
		MAP_PRIVATE | MAP_LOCKED,
		MAP_PRIVATE | MAP_32BIT,
	};
	static const int prots[] = {
		PROT_NONE,
		PROT_READ,
		PROT_WRITE,
		PROT_EXEC,
		PROT_READ | PROT_WRITE,
		PROT_WRITE | PROT_EXEC,
		PROT_READ | PROT_WRITE | PROT_EXEC,
	};
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = new_user();

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		FAILS(mmap(NULL, 4096, RIGHTS, flags[i], fd, 0), EINVAL);
	FAILS(mmap(page, 4096, RIGHTS, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0), EEXIST);
	FAILS(mmap(page, 4096, RIGHTS, MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, fd, 0), EINVAL);
	CHECK(!signal_of(load, page));
	for (size_t i = 0; i < ARRAY_SIZE(prots); i++)
		FAILS(mmap(NULL, 4096, prots[i], MAP_PRIVATE, fd, 0), EINVAL);
	FAILS(mmap(NULL, 0, RIGHTS, MAP_PRIVATE, fd, 0), EINVAL);
	FAILS(mmap(NULL, 8192, RIGHTS, MAP_PRIVATE, fd, 0), EINVAL);
	FAILS(mmap(NULL, 1 << 20, RIGHTS, MAP_PRIVATE, fd, 0), EINVAL);
	FAILS(mmap(NULL, 4096, RIGHTS, MAP_PRIVATE, fd, 4096), EINVAL);
	munmap(page, 4096);
	close(fd);
}

static void where_it_is_wanted(void)
{
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = r10_descriptor(7, return_chain);

	CHECK(mmap(page, 4096, RIGHTS, MAP_PRIVATE | MAP_FIXED, fd, 0) == page);
	CHECK(((uint64_t (*)(void))page)() == 7);
	munmap(page, 4096);
	CHECK(mmap(page, 4096, RIGHTS, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0) == page);
	CHECK(((uint64_t (*)(void))page)() == 7);
	munmap(page, 4096);
	close(fd);
}

static void mapping_is_closed(void)
{
	int fd = r10_descriptor(1, return_chain);
	char *address = map_user(fd);
	int memory = open("/proc/self/mem", O_RDWR), pipes[2];
	struct iovec local = { .iov_base = &(char){ 0 }, .iov_len = 1 };
	struct iovec remote = { .iov_base = address, .iov_len = 1 };
	char byte;

	CHECK(signal_of(load, address) == SIGSEGV && last_fault.address == (uintptr_t)address);
	CHECK(signal_of(store, address) == SIGSEGV);
	CHECK(signal_of(call, address + 1) == SIGSEGV);
	CHECK(signal_of(call, address + 4095) == SIGSEGV);
	FAILS(mprotect(address, 4096, PROT_READ), EACCES);
	FAILS(mprotect(address, 4096, PROT_READ | PROT_WRITE), EACCES);
	FAILS(mprotect(address, 4096, PROT_EXEC), EACCES);
	FAILS(mprotect(address, 4096, PROT_NONE), EACCES);
	FAILS(mremap(address, 4096, 8192, MREMAP_MAYMOVE), EFAULT);
	FAILS(mremap(address, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, address + (1 << 20)),
	      EINVAL);
	FAILS(madvise(address, 4096, MADV_DOFORK), EINVAL);
	FAILS(madvise(address, 4096, MADV_DODUMP), EINVAL);
	CHECK(pipe(pipes) == 0);
	FAILS(write(pipes[1], address, 1), EFAULT);
	CHECK(pread(memory, &byte, 1, (uintptr_t)address) < 0);
	CHECK(pwrite(memory, &byte, 1, (uintptr_t)address) < 0);
	FAILS(process_vm_readv(getpid(), &local, 1, &remote, 1, 0), EFAULT);
	FAILS(process_vm_writev(getpid(), &local, 1, &remote, 1, 0), EFAULT);
	CHECK(((target *)address)() == 1);
	close(pipes[0]);
	close(pipes[1]);
	close(memory);
	munmap(address, 4096);
	close(fd);
}

static void life_cycle(void)
{
	const struct trampfd_reg regs[] = {
		{ .name = CPU_CHAIN, .value = 5 },
		{ .name = CPU_PC, .value = (uintptr_t)return_chain },
	};
	int fd = new_user();
	target *one = map_user(fd), *two = map_user(fd);

	CHECK(one != two);
	CHECK(signal_of(call, one) == SIGSEGV);
	CHECK(set_regs(fd, regs, 2) == 0);
	CHECK(one() == 5 && two() == 5);
	munmap(one, 4096);
	CHECK(signal_of(call, one) == SIGSEGV);
	CHECK(two() == 5);
	CHECK(set_regs(fd, regs, 0) == 0);
	CHECK(signal_of(call, two) == SIGSEGV);
	CHECK(set_regs(fd, regs, 2) == 0);
	close(fd);
	CHECK(two() == 5);
	munmap(two, 4096);
}

static void only_named_registers_change(void)
{
	for (unsigned int name = TRAMPFD_X86_RAX; name < CPU_PC; name++) {
		const struct trampfd_reg regs[] = {
			to_capture(),
			{ .name = name, .value = 0xfeedface00000000 + name },
		};
		int fd = new_user();
		void *address = map_user(fd);

		CHECK(set_regs(fd, regs, 2) == 0);
		call_captured(address, NULL);
		for (unsigned int i = 0; i < CAPTURED_SP; i++)
			CHECK(captured[i] ==
			      (i == name - TRAMPFD_X86_RAX ? regs[1].value : poison_of(i)));
		CHECK(captured[CAPTURED_SP] == entry_sp);
		CHECK(captured_vector == poison_of(0));
		munmap(address, 4096);
		close(fd);
	}
}

static void all_registers(void)
{
	struct trampfd_reg regs[TRAMPFD_MAX_REGS];
	int fd = new_user();
	void *address = map_user(fd);

	/* Each name comes twice or more: the last value counts, and the last PC. */
	for (unsigned int i = 0; i < TRAMPFD_MAX_REGS; i++)
		regs[i] = (struct trampfd_reg){ .name = TRAMPFD_X86_RAX + i % 15,
						.value = 1000 + i };
	regs[0] = (struct trampfd_reg){ .name = CPU_PC, .value = 0x1000 };
	regs[TRAMPFD_MAX_REGS - 1] = to_capture();
	CHECK(set_regs(fd, regs, TRAMPFD_MAX_REGS) == 0);
	call_captured(address, NULL);
	for (unsigned int i = 0; i < CAPTURED_SP; i++)
		CHECK(captured[i] == 1000 + (i + 30 < TRAMPFD_MAX_REGS - 1 ? i + 30 : i + 15));
	munmap(address, 4096);
	close(fd);
}

/* Distance from the stack pointer on entry for size + offset bytes, from the proposal's rule. */
static void stack_vectors(void)
{
	static const struct {
		unsigned int n;
		int sp;
	} vectors[] = {
		{ 4, 16 },  { 8, 16 },	{ 12, 32 },	  { 16, 32 },	     { 24, 32 },
		{ 32, 48 }, { 64, 80 }, { 128 + 8, 144 }, { 256 + 64, 336 },
	};
	const struct trampfd_reg reg = to_capture();
	unsigned char data[TRAMPFD_MAX_DATA_SIZE];
	int fd = new_user();
	void *address = map_user(fd);

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = 0x40 + i;
	CHECK(set_regs(fd, &reg, 1) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		for (unsigned int size = 1; size <= sizeof(data) && size <= vectors[i].n; size++) {
			unsigned int n = vectors[i].n, offset = n - size;

			if (offset > TRAMPFD_MAX_STACK_OFFSET)
				continue;
			CHECK(set_stack(fd, TRAMPFD_SET_SP, offset, data, size) == 0);
			call_captured(address, NULL);
			CHECK(entry_sp % 16 == 8);
			CHECK(captured[CAPTURED_SP] == entry_sp - vectors[i].sp);
			CHECK(!memcmp(below + BELOW - vectors[i].sp, data, size));

			CHECK(set_stack(fd, 0, offset, data, size) == 0);
			call_captured(address, NULL);
			CHECK(captured[CAPTURED_SP] == entry_sp);
			CHECK(!memcmp(below + BELOW - n, data, size));
		}
	}
	CHECK(set_stack(fd, 0, 0, data, 0) == 0);
	call_captured(address, NULL);
	CHECK(captured[CAPTURED_SP] == entry_sp);
	munmap(address, 4096);
	close(fd);
}

static void stack_of_any_alignment(void)
{
	static unsigned char stack[4096] __attribute__((aligned(16)));
	const struct trampfd_reg reg = to_capture();
	const uint64_t data = 0x1122334455667788;
	int fd = new_user();
	void *address = map_user(fd);

	CHECK(set_regs(fd, &reg, 1) == 0);
	CHECK(set_stack(fd, TRAMPFD_SET_SP, 0, &data, 8) == 0);
	for (unsigned int shift = 0; shift < 16; shift++) {
		uint64_t gap;

		call_captured(address, stack + sizeof(stack) - 64 - shift);
		gap = entry_sp - 8 - captured[CAPTURED_SP];
		CHECK(captured[CAPTURED_SP] % 16 == 8);
		CHECK(gap == 8 + (entry_sp - 8) % 16);
		CHECK(!memcmp(below + BELOW - 8 - gap, &data, 8));
	}
	munmap(address, 4096);
	close(fd);
}

/* The data goes to a page that is not there yet, then to one that cannot be written. */
static void stack_page_absent(void)
{
	const struct trampfd_reg regs[] = { to_capture(), { .name = CPU_CHAIN, .value = 1 } };
	const uint64_t data = 0x1122334455667788;
	char *stack = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = new_user();
	void *address = map_user(fd);

	CHECK(set_regs(fd, regs, 2) == 0);
	CHECK(set_stack(fd, TRAMPFD_SET_SP, 256, &data, 8) == 0);
	for (long i = repetitions(200); i >= 0; i--) {
		CHECK(madvise(stack, 4096, MADV_DONTNEED) == 0);
		call_captured(address, stack + 4096 + 64);
		CHECK(captured[CAPTURED_SP] == (uintptr_t)stack + 4096 + 64 - 8 - 272);
		CHECK(*(uint64_t *)(stack + 4096 + 64 - 8 - 272) == data);
	}
	munmap(address, 4096);
	munmap(stack, 8192);
	close(fd);
}

struct jump {
	void *function;
	uint64_t sp;
};

static void jump(void *argument)
{
	const struct jump *to = argument;

	jump_with_stack(to->function, to->sp);
}

/* A push that fails is SIGSEGV at the trampoline with every register as it was. */
static void push_fails(void)
{
	char *page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct trampfd_reg regs[] = { to_capture(), { .name = CPU_CHAIN, .value = 77 } };
	const uint64_t stacks[] = {
		(uintptr_t)page + 4096,
		0,
		8,
		264,
		300,
		4096,
		0x00007ffffffff000,
		0x0000800000000000,
		0x8000000000000000,
		0xffff800000000000,
		0xffffffffffffff00,
		~0ULL,
	};
	const uint64_t data = 1;
	int fd = new_user();
	void *address = map_user(fd);

	CHECK(set_regs(fd, regs, 2) == 0);
	for (unsigned int flags = 0; flags <= TRAMPFD_SET_SP; flags++) {
		CHECK(set_stack(fd, flags, 256, &data, 8) == 0);
		for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
			struct jump to = { .function = address, .sp = stacks[i] };

			CHECK(signal_of(jump, &to) == SIGSEGV);
			CHECK(last_fault.pc == (uintptr_t)address);
			CHECK(last_fault.sp == stacks[i] && last_fault.chain != 77);
		}
	}
	munmap(address, 4096);
	munmap(page, 8192);
	close(fd);
}

static int call_in_child(void *function)
{
	((target *)function)();
	return 0;
}

static int map_in_child(void *argument)
{
	FAILS(mmap(NULL, 4096, RIGHTS, MAP_PRIVATE, *(int *)argument, 0), EXDEV);
	return 0;
}

static void fork_rule(void)
{
	int fd = r10_descriptor(9, return_chain);
	target *address = map_user(fd);

	CHECK(in_child(call_in_child, address) == -SIGSEGV);
	CHECK(in_child(map_in_child, &fd) == 0);
	CHECK(address() == 9);
	munmap(address, 4096);
	close(fd);
}

static target *in_handler;
static volatile long handled;

static void handler(int signal)
{
	(void)signal;
	CHECK(in_handler() == 3);
	handled++;
}

static void under_signals(void)
{
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, never = {};
	int one = r10_descriptor(3, return_chain), two = r10_descriptor(4, return_chain);
	target *called = map_user(two);
	struct sigaction action = { .sa_handler = handler }, old;

	in_handler = map_user(one);
	handled = 0;
	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &often, NULL);
	for (long i = 0; i < repetitions(100000) || handled < 3; i++)
		CHECK(called() == 4);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	munmap(in_handler, 4096);
	munmap(called, 4096);
	close(one);
	close(two);
}

static volatile int raised;

static void on_raise(int signal)
{
	raised = signal;
}

static void as_signal_handler(void)
{
	const struct trampfd_reg reg = { .name = CPU_PC, .value = (uintptr_t)on_raise };
	int fd = new_user();
	void *address = map_user(fd);

	CHECK(set_regs(fd, &reg, 1) == 0);
	signal(SIGUSR1, (void (*)(int))address);
	raise(SIGUSR1);
	CHECK(raised == SIGUSR1);
	signal(SIGUSR1, SIG_DFL);
	munmap(address, 4096);
	close(fd);
}

struct caller {
	target *function;
	volatile bool stop;
	long calls, wrong;
};

static void *call_all_the_time(void *argument)
{
	struct caller *caller = argument;

	while (!caller->stop) {
		caller->wrong += caller->function() != 0;
		caller->calls++;
	}
	return NULL;
}

/* Each context has r10 = r11: a call that sees a difference saw a mixture. */
static void contexts_do_not_mix(void)
{
	int fd = r10_descriptor(0, return_difference);
	struct caller callers[3];
	pthread_t threads[3];
	target *address = map_user(fd);

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		callers[i] = (struct caller){ .function = address };
		pthread_create(&threads[i], NULL, call_all_the_time, &callers[i]);
	}
	for (long i = 0; i < repetitions(100000); i++) {
		const struct trampfd_reg regs[] = {
			{ .name = CPU_CHAIN, .value = i },
			{ .name = TRAMPFD_X86_R11, .value = i },
			{ .name = CPU_PC, .value = (uintptr_t)return_difference },
		};

		CHECK(set_regs(fd, regs, 3) == 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		callers[i].stop = true;
		pthread_join(threads[i], NULL);
		CHECK(callers[i].calls > 0 && !callers[i].wrong);
	}
	munmap(address, 4096);
	close(fd);
}

int main(void)
{
	const struct test tests[] = {
		TEST(mmap_misuse),
		TEST(where_it_is_wanted),
		TEST(mapping_is_closed),
		TEST(life_cycle),
		TEST(only_named_registers_change),
		TEST(all_registers),
		TEST(stack_vectors),
		TEST(stack_of_any_alignment),
		TEST(stack_page_absent),
		TEST(push_fails),
		TEST(fork_rule),
		TEST(under_signals),
		TEST(as_signal_handler),
		TEST(contexts_do_not_mix),
	};

	return run_tests(tests, ARRAY_SIZE(tests));
}
