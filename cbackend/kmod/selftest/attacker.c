// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody who makes the process do arbitrary system calls, and wants a trampoline that leads to
 * honest() to lead to hijacked(), against trampolines of all kinds.
 *
 * Each attack is played in a process of its own, on a trampoline that was made for it, which is
 * called afterwards. For each, a line "attack: NAME: KIND: OUTCOME" tells what came of it:
 * "redirected", "unmapped" (the call ends in a signal), "refused" with the error, "no effect" (all
 * requests were granted, and the trampoline leads where it did) or "does not apply".
 */
#define _GNU_SOURCE
#include "ring.h"
#include "test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HONEST = 111, HIJACKED = 666, SLOT = 1, AROUND = 65536 };

enum { USER = 1, FROZEN = 2, SEALED = 4 };

static const struct kind {
	const char *name;
	unsigned int flags;
} kinds[] = {
	{ "table", 0 },
	{ "table sealed", SEALED },
	{ "table frozen", FROZEN },
	{ "table frozen sealed", FROZEN | SEALED },
	{ "user", USER },
	{ "user frozen sealed", USER | FROZEN | SEALED },
};

/* Values of a struct outcome. */
enum { REDIRECTED, UNMAPPED, REFUSED, NO_EFFECT, NOT_APPLICABLE, OUTCOMES };

struct outcome {
	int what;
	int error; /* of REFUSED */
};

static uint64_t honest(void)
{
	return HONEST;
}

static uint64_t hijacked(void)
{
	return HIJACKED;
}

/* ---- the trampoline that is attacked ---- */

static struct victim {
	unsigned int flags;
	int fd;
	char *code; /* the slot, or the page */
	char *start;
	size_t size; /* of all its mappings */
	struct trampfd_record *record;
} victim;

static bool is_table(void)
{
	return !(victim.flags & USER);
}

/* With room around it, for attacks that take away some of it as well. */
static char *reserve(size_t size)
{
	char *room = mmap(NULL, AROUND + size + AROUND, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			  0);

	victim.start = room + AROUND;
	victim.size = size;
	return victim.start;
}

static void make_table(void)
{
	const size_t size = TRAMPFD_MAX_SLOTS * TRAMPFD_RECORD_SIZE;
	struct table table = { .fd = new_table(TRAMPFD_MAX_SLOTS) };

	table.base = reserve(TRAMPFD_CODE_SIZE + size);
	CHECK(mmap(table.base, TRAMPFD_CODE_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED,
		   table.fd, TRAMPFD_CODE_OFFSET) == table.base);
	CHECK(mmap(table.base + TRAMPFD_RECORDS_OFFSET, size, PROT_READ, MAP_PRIVATE | MAP_FIXED,
		   table.fd, TRAMPFD_RECORDS_OFFSET) != MAP_FAILED);
	CHECK(set_entry(table.fd, SLOT, honest) == 0);
	victim.fd = table.fd;
	victim.code = slot(&table, SLOT);
	victim.record = record(&table, SLOT);
}

static void make_user(void)
{
	const struct trampfd_reg pc = { .name = CPU_PC, .value = (uintptr_t)honest };

	victim.fd = new_user();
	CHECK(set_regs(victim.fd, &pc, 1) == 0);
	victim.code = reserve(4096);
	CHECK(mmap(victim.code, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, victim.fd,
		   0) == victim.code);
}

static void make_victim(unsigned int flags)
{
	struct trampfd_freeze range = { .first = flags & USER ? 0 : SLOT, .n = 1 };

	victim.flags = flags;
	create_flags = flags & SEALED ? TRAMPFD_SEALED : 0;
	if (flags & USER)
		make_user();
	else
		make_table();
	create_flags = 0;
	if (flags & FROZEN)
		CHECK(ioctl(victim.fd, TRAMPFD_IOC_FREEZE, &range) == 0);
	CHECK(((uint64_t (*)(void))victim.code)() == HONEST);
}

static uint64_t returned;

static void call_victim(void *argument)
{
	(void)argument;
	returned = ((uint64_t (*)(void))victim.code)();
}

/* ---- what attacks share ---- */

/* The bytes that the kernel holds, as the attacker wants them. */
static const struct trampfd_record wanted_record = { .entry = (uintptr_t)hijacked };
static const struct {
	struct trampfd_regs head;
	struct trampfd_reg pc;
} wanted_regs = {
	.head.nregs = 1,
	.pc = { .name = CPU_PC, .value = (uintptr_t)hijacked },
};

static const void *wanted(void)
{
	return is_table() ? (const void *)&wanted_record : &wanted_regs;
}

static size_t wanted_size(void)
{
	return is_table() ? sizeof(wanted_record) : sizeof(wanted_regs);
}

static off_t wanted_position(void)
{
	return is_table() ? TRAMPFD_RECORDS_OFFSET + SLOT * TRAMPFD_RECORD_SIZE
			  : TRAMPFD_REGS_OFFSET;
}

/* 0 or an errno value, as all attacks; those return -1 if they do not apply. */
static int error_of(long result)
{
	return result < 0 ? errno : 0;
}

static int set_wanted(int fd)
{
	if (is_table())
		return error_of(set_records(fd, SLOT, &wanted_record, 1));
	return error_of(set_bytes(fd, TRAMPFD_IOC_SET_REGS, &wanted_regs, sizeof(wanted_regs)));
}

/* The attacker's own code, which returns HIJACKED, for any byte of a page that is a slot. */
static const unsigned char code[16] = CODE_RETURNING_666;

static void fill_with_code(char *page, size_t size)
{
	for (size_t i = 0; i < size; i += sizeof(code))
		memcpy(page + i, code, sizeof(code));
	__builtin___clear_cache(page, page + size);
}

static int map_code(char *where, size_t size, int flags)
{
	if (mmap(where, size, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0) != where)
		return errno;
	fill_with_code(where, size);
	return 0;
}

static char *code_elsewhere(size_t size)
{
	char *page = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	fill_with_code(page, size);
	return page;
}

/* Where a store redirects: the entry of the record, or the code itself. */
static void *place(void)
{
	return is_table() ? (void *)victim.record : victim.code;
}

static int store_wanted(void)
{
	if (signal_of(store, place()))
		return EFAULT;
	if (is_table())
		victim.record->entry = (uintptr_t)hijacked;
	else
		memcpy(victim.code, code, sizeof(code));
	return 0;
}

/* Runs in a child; its exit status is the errno value. */
static int error_in_child(int (*function)(void *), void *argument)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(function(argument));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

/* ---- attacks ---- */

static int by_store(void)
{
	return store_wanted();
}

static int by_ioctl(void)
{
	return set_wanted(victim.fd);
}

/* One request, with an argument of each type; TRAMPFD_IOC_ID writes to it. */
static int any_ioctl(unsigned int cmd)
{
	uint64_t set[3] = { (uintptr_t)wanted(), wanted_size() };
	struct {
		uint32_t first, n;
		uint64_t records, zero;
	} records = { .first = SLOT, .n = 1, .records = (uintptr_t)wanted() };

	if (!ioctl(victim.fd, cmd, set) || !ioctl(victim.fd, cmd, &records))
		return 0;
	return errno == EPERM ? EPERM : EINVAL;
}

/* Every request that there may ever be, but FREEZE, which would spoil what comes after it. */
static int by_any_ioctl(void)
{
	int error = 0;

	for (unsigned int i = 0; i < 256 * 4 * 4; i++) {
		unsigned int nr = i / 16, size = i / 4 % 4 * 8;

		if (nr != _IOC_NR(TRAMPFD_IOC_FREEZE) && error != EPERM)
			error = any_ioctl(_IOC(i % 4, TRAMPFD_IOC_MAGIC, nr, size));
	}
	return error;
}

static int by_pwrite(void)
{
	return error_of(pwrite(victim.fd, wanted(), wanted_size(), wanted_position()));
}

static int by_truncation(void)
{
	if (ftruncate(victim.fd, 0) < 0)
		return errno;
	return error_of(fallocate(victim.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				  1 << 20));
}

static int by_io_uring(void)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_WRITE,
		.fd = victim.fd,
		.off = wanted_position(),
		.addr = (uintptr_t)wanted(),
		.len = wanted_size(),
		.user_data = 1,
	};
	struct ring ring;
	int result;

	if (!ring_open(&ring, 0))
		return errno;
	ring_push(&ring, &sqe);
	syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	result = ring_wait(&ring, 1);
	ring_close(&ring);
	return result < 0 ? -result : 0;
}

/* Another descriptor of the same trampoline, then a request. */
static int by_attaching(void)
{
	struct trampfd_attach args = { .address = (uintptr_t)victim.start };
	int fd = ioctl(open_device(), TRAMPFD_IOC_ATTACH, &args);

	return fd < 0 ? errno : set_wanted(fd);
}

static int by_munmap(void)
{
	if (munmap(victim.start, victim.size) < 0)
		return errno;
	return map_code(victim.start, victim.size, MAP_FIXED_NOREPLACE);
}

/* As free() of a block whose header was overwritten: whole pages, and some around them. */
static int by_free(void)
{
	long before = 4096, after = 2 * 4096;
	int error = 0;

	for (long from = -before; from <= before; from += 4096)
		for (long to = -after; to <= after; to += 4096)
			if (munmap(victim.start + from, victim.size + to - from) < 0)
				error = errno;
	/* What malloc hands out again is there, if anything is. */
	if (map_code(victim.start, victim.size, MAP_FIXED_NOREPLACE) && error)
		return error;
	return 0;
}

static int by_map_fixed(void)
{
	return map_code(victim.start, is_table() ? TRAMPFD_CODE_SIZE : 4096, MAP_FIXED);
}

static int by_map_fixed_of_a_page(void)
{
	return map_code(victim.code - (uintptr_t)victim.code % 4096, 4096, MAP_FIXED);
}

static int by_other_records(void)
{
	char *records = victim.start + TRAMPFD_RECORDS_OFFSET;
	size_t size = victim.size - TRAMPFD_RECORDS_OFFSET;

	if (!is_table())
		return -1;
	if (mmap(records, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		return errno;
	victim.record->entry = (uintptr_t)hijacked;
	return 0;
}

static int by_new_descriptor(void)
{
	int fd = is_table() ? new_table(TRAMPFD_MAX_SLOTS) : new_user();
	int error = set_wanted(fd);

	if (error)
		return error;
	if (!is_table())
		return error_of((long)mmap(victim.start, 4096, PROT_READ | PROT_EXEC,
					   MAP_PRIVATE | MAP_FIXED, fd, 0));
	return error_of((long)mmap(victim.start + TRAMPFD_RECORDS_OFFSET,
				   victim.size - TRAMPFD_RECORDS_OFFSET, PROT_READ,
				   MAP_PRIVATE | MAP_FIXED, fd, TRAMPFD_RECORDS_OFFSET));
}

/* Over itself: what the kernel holds could get lost with the old mapping. */
static int by_same_descriptor(void)
{
	if (!is_table())
		return error_of((long)mmap(victim.start, 4096, PROT_READ | PROT_EXEC,
					   MAP_PRIVATE | MAP_FIXED, victim.fd, 0));
	return error_of((long)mmap(victim.start + TRAMPFD_RECORDS_OFFSET,
				   victim.size - TRAMPFD_RECORDS_OFFSET, PROT_READ,
				   MAP_PRIVATE | MAP_FIXED, victim.fd, TRAMPFD_RECORDS_OFFSET));
}

static int by_mremap_away(void)
{
	size_t size = is_table() ? TRAMPFD_CODE_SIZE : 4096;
	char *away = code_elsewhere(size);

	if (mremap(victim.start, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, away) == MAP_FAILED)
		return errno;
	return map_code(victim.start, size, MAP_FIXED_NOREPLACE);
}

static int by_mremap_onto(void)
{
	size_t size = is_table() ? TRAMPFD_CODE_SIZE : 4096;
	void *result = mremap(code_elsewhere(size), size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
			      victim.start);

	return error_of((long)result);
}

static int by_shmat(void)
{
	size_t size = is_table() ? TRAMPFD_CODE_SIZE : 4096;
	int id = shmget(IPC_PRIVATE, size, 0700);
	char *elsewhere = shmat(id, NULL, 0);
	int error;

	fill_with_code(elsewhere, size);
	error = error_of((long)shmat(id, victim.start, SHM_REMAP | SHM_EXEC));
	shmctl(id, IPC_RMID, NULL);
	return error;
}

static int by_mprotect(void)
{
	char *page = (char *)place() - (uintptr_t)place() % 4096;
	size_t size = is_table() ? victim.size - TRAMPFD_RECORDS_OFFSET : 4096;

	if (is_table())
		page = victim.start + TRAMPFD_RECORDS_OFFSET;
	if (mprotect(page, size, PROT_READ | PROT_WRITE | PROT_EXEC) < 0 &&
	    syscall(SYS_pkey_mprotect, page, size, PROT_READ | PROT_WRITE, -1) < 0)
		return errno;
	return store_wanted();
}

/* What may drop or change pages, or make them a private copy. */
static int by_madvise(void)
{
	char *start = is_table() ? victim.start + TRAMPFD_RECORDS_OFFSET : victim.start;
	size_t size = is_table() ? victim.size - TRAMPFD_RECORDS_OFFSET : 4096;
	int error = 0;

	for (int advice = 0; advice < 128; advice++)
		/* A child without the mapping is none of this process. */
		if (advice != MADV_DONTFORK && madvise(start, size, advice) < 0 && errno != EINVAL)
			error = errno;
	if (!store_wanted())
		return 0;
	return error;
}

static int by_process_vm_writev(void)
{
	const uint64_t value = (uintptr_t)hijacked;
	struct iovec local = { .iov_base = (void *)&value, .iov_len = 8 };
	struct iovec remote = { .iov_base = place(), .iov_len = 8 };

	return error_of(process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
}

static int by_proc_mem(void)
{
	const uint64_t value = (uintptr_t)hijacked;
	int fd = open("/proc/self/mem", O_RDWR);

	return error_of(pwrite(fd, &value, 8, (uintptr_t)place()));
}

/* The kernel stores what it reads. */
static int by_read(void)
{
	const uint64_t value = (uintptr_t)hijacked;
	int pipes[2];

	if (pipe(pipes) < 0 || write(pipes[1], &value, 8) != 8)
		return errno;
	return error_of(read(pipes[0], place(), 8));
}

static int poke(void *parent)
{
	pid_t pid = *(pid_t *)parent;
	int error;

	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0)
		return errno;
	waitpid(pid, NULL, 0);
	error = error_of(ptrace(PTRACE_POKEDATA, pid, place(), hijacked));
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	return error;
}

static int by_ptrace(void)
{
	pid_t self = getpid();

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	return error_in_child(poke, &self);
}

static int set_in_child(void *argument)
{
	(void)argument;
	return set_wanted(victim.fd);
}

/* The child of a table has records of its own: setting those is no attack on the parent. */
static int by_child(void)
{
	return error_in_child(set_in_child, NULL);
}

static int set_with_shared_memory(void *argument)
{
	(void)argument;
	return set_wanted(victim.fd);
}

/* A child that is told everything by clone(2) but the memory: it has the same descriptors. */
static int by_clone_with_files(void)
{
	long pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, 0);
	int status;

	if (!pid)
		_exit(set_with_shared_memory(NULL));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

/* ---- a process that is older than the trampoline, for attacks by others ---- */

static struct helper {
	pid_t pid;
	int socket;
} helper;

enum { BY_RIGHTS, BY_PIDFD };

static int steal(pid_t parent, int number)
{
	int pidfd = syscall(SYS_pidfd_open, parent, 0);

	return syscall(SYS_pidfd_getfd, pidfd, number, 0);
}

static void help(int socket, pid_t parent)
{
	int order[2];

	while (read(socket, order, sizeof(order)) == sizeof(order)) {
		int fd = order[0] == BY_RIGHTS ? receive_descriptor(socket)
					       : steal(parent, order[1]);
		int error = fd < 0 ? errno : set_wanted(fd);

		if (write(socket, &error, sizeof(error)) != sizeof(error))
			break;
	}
	_exit(0);
}

static void start_helper(unsigned int flags)
{
	pid_t parent = getpid();
	int sockets[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
	victim.flags = flags;
	helper.pid = fork();
	if (!helper.pid) {
		close(sockets[0]);
		help(sockets[1], parent);
	}
	close(sockets[1]);
	helper.socket = sockets[0];
}

static void stop_helper(void)
{
	close(helper.socket);
	waitpid(helper.pid, NULL, 0);
}

static int ask_helper(int way)
{
	const int order[2] = { way, victim.fd };
	int error = EIO;

	CHECK(write(helper.socket, order, sizeof(order)) == sizeof(order));
	if (way == BY_RIGHTS)
		CHECK(send_descriptor(helper.socket, victim.fd) == 1);
	CHECK(read(helper.socket, &error, sizeof(error)) == sizeof(error));
	return error;
}

static int by_scm_rights(void)
{
	return ask_helper(BY_RIGHTS);
}

static int by_pidfd_getfd(void)
{
	return ask_helper(BY_PIDFD);
}

/* ---- playing them ---- */

static const struct attack {
	const char *name;
	int (*run)(void);
	enum { NEVER, SETS, REPLACES } way; /* to success, against what is not final */
} attacks[] = {
	{ "store", by_store, NEVER },
	{ "ioctl", by_ioctl, SETS },
	{ "any ioctl", by_any_ioctl, SETS },
	{ "ioctl by an attached descriptor", by_attaching, SETS },
	{ "pwrite", by_pwrite, NEVER },
	{ "ftruncate, fallocate", by_truncation, NEVER },
	{ "io_uring", by_io_uring, NEVER },
	{ "read into it", by_read, NEVER },
	{ "process_vm_writev", by_process_vm_writev, NEVER },
	{ "/proc/self/mem", by_proc_mem, NEVER },
	{ "ptrace", by_ptrace, NEVER },
	{ "mprotect, pkey_mprotect", by_mprotect, NEVER },
	{ "madvise", by_madvise, NEVER },
	{ "munmap", by_munmap, REPLACES },
	{ "munmap as by free()", by_free, REPLACES },
	{ "MAP_FIXED", by_map_fixed, REPLACES },
	{ "MAP_FIXED of a page", by_map_fixed_of_a_page, NEVER },
	{ "MAP_FIXED of other records", by_other_records, REPLACES },
	{ "MAP_FIXED of a new descriptor", by_new_descriptor, REPLACES },
	{ "MAP_FIXED of itself", by_same_descriptor, NEVER },
	{ "mremap of it", by_mremap_away, NEVER },
	{ "mremap over it", by_mremap_onto, REPLACES },
	{ "shmat with SHM_REMAP", by_shmat, REPLACES },
	{ "ioctl by a child", by_child, NEVER },
	{ "ioctl by a child with the same files", by_clone_with_files, NEVER },
	{ "ioctl by SCM_RIGHTS", by_scm_rights, NEVER },
	{ "ioctl by pidfd_getfd", by_pidfd_getfd, NEVER },
};

static struct outcome play_here(const struct attack *attack, unsigned int flags)
{
	struct outcome outcome = {};
	int error;

	start_helper(flags);
	make_victim(flags);
	error = attack->run();
	stop_helper();
	if (error < 0)
		return (struct outcome){ .what = NOT_APPLICABLE };
	if (signal_of(call_victim, NULL))
		outcome.what = UNMAPPED;
	else if (returned == HIJACKED)
		outcome.what = REDIRECTED;
	else if (returned == HONEST)
		outcome = (struct outcome){ error ? REFUSED : NO_EFFECT, error };
	else
		CHECK(!"the trampoline led to one of two places");
	return outcome;
}

static struct outcome play(const struct attack *attack, unsigned int flags)
{
	struct outcome outcome = { .what = -1 };
	int pipes[2];
	pid_t pid;

	CHECK(pipe(pipes) == 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		outcome = play_here(attack, flags);
		_exit(write(pipes[1], &outcome, sizeof(outcome)) != sizeof(outcome));
	}
	close(pipes[1]);
	CHECK(read(pipes[0], &outcome, sizeof(outcome)) == sizeof(outcome));
	close(pipes[0]);
	CHECK(end_of_child(pid) == 0);
	return outcome;
}

static void tell(const struct attack *attack, const struct kind *kind, struct outcome outcome)
{
	static const char *const names[OUTCOMES] = {
		"redirected", "unmapped", "refused", "no effect", "does not apply",
	};

	if (outcome.what < 0)
		return;
	printf("attack: %s: %s: %s%s%s\n", attack->name, kind->name, names[outcome.what],
	       outcome.error ? " " : "", outcome.error ? strerrorname_np(outcome.error) : "");
}

/* What must not succeed, and what must, which shows that the attacks are real ones. */
static void judge(const struct attack *attack, const struct kind *kind, struct outcome outcome)
{
	bool succeeds = (attack->way == SETS && !(kind->flags & FROZEN)) ||
			(attack->way == REPLACES && !(kind->flags & SEALED));

	if (outcome.what == NOT_APPLICABLE)
		return;
	/* One page is a part of a table, which stays whole, and all of the other type. */
	if (attack->run == by_map_fixed_of_a_page)
		succeeds = kind->flags & USER && !(kind->flags & SEALED);
	CHECK(outcome.what == REFUSED || outcome.what == NO_EFFECT || outcome.what == REDIRECTED);
	CHECK((outcome.what == REDIRECTED) == succeeds);
}

static void play_all(const struct kind *kind)
{
	if (kind->flags & SEALED && !(features() & TRAMPFD_FEATURE_SEALED)) {
		skip("this kernel cannot seal");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++) {
		struct outcome outcome = play(&attacks[i], kind->flags);

		tell(&attacks[i], kind, outcome);
		judge(&attacks[i], kind, outcome);
	}
}

static void plain_table(void)
{
	play_all(&kinds[0]);
}

static void sealed_table(void)
{
	play_all(&kinds[1]);
}

static void frozen_table(void)
{
	play_all(&kinds[2]);
}

static void final_table(void)
{
	play_all(&kinds[3]);
}

static void user(void)
{
	play_all(&kinds[4]);
}

static void final_user(void)
{
	play_all(&kinds[5]);
}

int main(void)
{
	const struct test tests[] = {
		TEST(plain_table), TEST(sealed_table), TEST(frozen_table),
		TEST(final_table), TEST(user),	       TEST(final_user),
	};

	return run_tests(tests, ARRAY_SIZE(tests));
}
