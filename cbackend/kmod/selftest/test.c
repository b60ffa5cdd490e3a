// SPDX-License-Identifier: GPL-2.0-only
/* What the selftests share. */
#define _GNU_SOURCE
#include "test.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POISON = 0xa5 };

static int failures;
static const char *skipped;

void *volatile bad_pointer = (void *)8, *volatile null_pointer;

void skip(const char *why)
{
	skipped = why;
}

void check_failed(const char *file, int line, const char *what)
{
	printf("# %s:%d: not so: %s (errno %d)\n", file, line, what, errno);
	__atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
}

void check_failure(const char *file, int line, const char *call, long result, int wanted)
{
	if (result == -1 && errno == wanted)
		return;
	printf("# %s:%d: %s: %ld, errno %d (%s), wanted -1 and %d\n", file, line, call, result,
	       errno, strerrorname_np(errno), wanted);
	__atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
}

int run_tests(const struct test *tests, size_t n)
{
	bool good = true;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < n; i++) {
		failures = 0;
		skipped = NULL;
		if (tests[i].small_pages && sysconf(_SC_PAGESIZE) != 4096)
			skip("it is for pages of 4 KiB");
		else
			tests[i].run();
		printf("%s %s%s%s\n", failures ? "not ok" : "ok", tests[i].name,
		       skipped ? " # SKIP " : "", skipped ? skipped : "");
		good = good && !failures;
	}
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

void poison(void *buffer, size_t size)
{
	memset(buffer, POISON, size);
}

bool poisoned(const void *buffer, size_t size)
{
	const unsigned char *bytes = buffer;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != POISON)
			return false;
	return true;
}

long repetitions(long n)
{
	return getenv("TRAMPFD_SHORT") ? n / 10 : n;
}

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

int open_device(void)
{
	int device = open(TRAMPFD_DEVICE, O_RDWR | O_CLOEXEC);

	if (device < 0)
		die(TRAMPFD_DEVICE);
	return device;
}

uint64_t features(void)
{
	struct trampfd_query q = {};
	int device = open_device();

	if (ioctl(device, TRAMPFD_IOC_QUERY, &q))
		die("TRAMPFD_IOC_QUERY");
	close(device);
	return q.features;
}

unsigned int create_flags;

int create(int type, const void *data, size_t size)
{
	struct trampfd_create args = {
		.type = type,
		.flags = create_flags,
		.data = (uintptr_t)data,
		.data_size = size,
	};
	int device = open_device();
	int fd = ioctl(device, TRAMPFD_IOC_CREATE, &args);
	int saved = errno;

	close(device);
	errno = saved;
	return fd;
}

int new_user(void)
{
	struct trampfd_user args = {};
	int fd = create(TRAMPFD_USER, &args, sizeof(args));

	if (fd < 0)
		die("create TRAMPFD_USER");
	return fd;
}

int new_table(unsigned int nslots)
{
	struct trampfd_table args = { .nslots = nslots };
	int fd = create(TRAMPFD_TABLE, &args, sizeof(args));

	if (fd < 0)
		die("create TRAMPFD_TABLE");
	return fd;
}

int set_bytes(int fd, unsigned long request, const void *data, size_t size)
{
	struct trampfd_set set = { .data = (uintptr_t)data, .size = size };

	return ioctl(fd, request, &set);
}

int set_regs(int fd, const struct trampfd_reg *regs, unsigned int n)
{
	struct {
		struct trampfd_regs head;
		struct trampfd_reg regs[TRAMPFD_MAX_REGS + 1];
	} context = { .head.nregs = n };

	memcpy(context.regs, regs, n * sizeof(*regs));
	return set_bytes(fd, TRAMPFD_IOC_SET_REGS, &context, REGS_BYTES(n));
}

int set_allowed(int fd, const uint64_t *values, unsigned int n)
{
	struct {
		struct trampfd_values head;
		uint64_t values[TRAMPFD_MAX_TABLE_PCS + 1];
	} list = { .head.nvalues = n };

	memcpy(list.values, values, n * sizeof(*values));
	return set_bytes(fd, TRAMPFD_IOC_SET_ALLOWED, &list,
			 sizeof(list.head) + n * sizeof(*values));
}

int set_stack(int fd, unsigned int flags, unsigned int offset, const void *data, unsigned int size)
{
	struct {
		struct trampfd_stack head;
		unsigned char data[TRAMPFD_MAX_DATA_SIZE + 1];
	} context = { .head = { .flags = flags, .offset = offset, .size = size } };

	memcpy(context.data, data, size);
	return set_bytes(fd, TRAMPFD_IOC_SET_STACK, &context, sizeof(context.head) + size);
}

void *map_user(int fd)
{
	struct trampfd_map map;
	char *address;

	if (pread(fd, &map, sizeof(map), TRAMPFD_MAP_OFFSET) != sizeof(map))
		die("read map");
	address = mmap(NULL, map.size, map.prot, map.flags, fd, map.offset);
	if (address == MAP_FAILED)
		die("mmap TRAMPFD_USER");
	return address + map.ioffset;
}

void *map_table(int fd)
{
	struct trampfd_table_map map;
	char *base;
	void *code, *records;

	if (pread(fd, &map, sizeof(map), TRAMPFD_MAP_OFFSET) != sizeof(map))
		die("read table map");
	base = mmap(NULL, map.records.offset + map.records.size, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		die("reserve");
	code = mmap(base + map.code.offset, map.code.size, map.code.prot,
		    map.code.flags | MAP_FIXED, fd, map.code.offset);
	records = mmap(base + map.records.offset, map.records.size, map.records.prot,
		       map.records.flags | MAP_FIXED, fd, map.records.offset);
	if (code == MAP_FAILED || records == MAP_FAILED) {
		int saved = errno;

		munmap(base, map.records.offset + map.records.size);
		errno = saved;
		return NULL;
	}
	return base;
}

struct table open_table(unsigned int nslots)
{
	struct trampfd_table_map map;
	struct table table = { .fd = new_table(nslots), .nslots = nslots };

	if (pread(table.fd, &map, sizeof(map), TRAMPFD_MAP_OFFSET) != sizeof(map))
		die("read table map");
	table.records_size = map.records.size;
	table.base = map_table(table.fd);
	if (!table.base)
		die("mmap TRAMPFD_TABLE");
	return table;
}

void unmap_table(const struct table *table)
{
	munmap(table->base, TRAMPFD_RECORDS_OFFSET + table->records_size);
}

void close_table(const struct table *table)
{
	unmap_table(table);
	close(table->fd);
}

static off_t record_position(unsigned int i)
{
	return TRAMPFD_RECORDS_OFFSET + (off_t)i * TRAMPFD_RECORD_SIZE;
}

int set_records(int fd, unsigned int first, const struct trampfd_record *records, unsigned int n)
{
	struct trampfd_set_records set = {
		.first = first,
		.n = n,
		.records = (uintptr_t)records,
	};

	return ioctl(fd, TRAMPFD_IOC_SET_RECORDS, &set);
}

ssize_t read_records(int fd, unsigned int first, struct trampfd_record *records, unsigned int n)
{
	return pread(fd, records, n * sizeof(*records), record_position(first));
}

int set_entry(int fd, unsigned int i, void *entry)
{
	struct trampfd_record record = { .entry = (uintptr_t)entry };

	return set_records(fd, i, &record, 1);
}

/* A message of one byte with room for a descriptor. */
struct message {
	char byte, room[CMSG_SPACE(sizeof(int))];
	struct iovec data;
	struct msghdr head;
};

static void make_message(struct message *message)
{
	*message = (struct message){};
	message->data = (struct iovec){ .iov_base = &message->byte, .iov_len = 1 };
	message->head = (struct msghdr){
		.msg_iov = &message->data,
		.msg_iovlen = 1,
		.msg_control = message->room,
		.msg_controllen = sizeof(message->room),
	};
}

ssize_t send_descriptor(int socket, int fd)
{
	struct message message;
	struct cmsghdr *head;

	make_message(&message);
	head = CMSG_FIRSTHDR(&message.head);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	return sendmsg(socket, &message.head, 0);
}

int receive_descriptor(int socket)
{
	struct message message;
	int fd = -1;

	make_message(&message);
	if (recvmsg(socket, &message.head, 0) == 1 && CMSG_FIRSTHDR(&message.head))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message.head)), sizeof(fd));
	return fd;
}

void check_module_works(void)
{
	struct table table = open_table(1);

	CHECK(set_entry(table.fd, 0, return_chain) == 0);
	CHECK(((uint64_t (*)(void))slot(&table, 0))() == (uintptr_t)record(&table, 0));
	close_table(&table);
}

struct fault last_fault;
static sigjmp_buf escape;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	last_fault.address = (uintptr_t)info->si_addr;
	fill_fault(&last_fault, context);
	siglongjmp(escape, signal);
}

int signal_of(void (*function)(void *), void *argument)
{
	static char stack[65536];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	int signal;

	sigaltstack(&alternate, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	signal = sigsetjmp(escape, 1);
	if (!signal)
		function(argument);
	action.sa_handler = SIG_DFL;
	action.sa_flags = 0;
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	return signal;
}

void call(void *function)
{
	((void (*)(void))function)();
}

void load(void *address)
{
	(void)*(volatile char *)address;
}

void store(void *address)
{
	*(volatile char *)address = 1;
}

/* From now on allocations for this process fail as the kernel's fault injection is set. */
static void let_allocations_fail(void)
{
	int fd = open("/proc/self/make-it-fail", O_WRONLY);

	if (fd < 0 || write(fd, "1", 1) != 1)
		die("/proc/self/make-it-fail");
	close(fd);
}

pid_t start_child(int (*function)(void *), void *argument)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	failures = 0;
	if (getenv("TRAMPFD_FAULTS"))
		let_allocations_fail();
	status = function(argument);
	_exit(status ? status : failures != 0);
}

int end_of_child(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int in_child(int (*function)(void *), void *argument)
{
	return end_of_child(start_child(function, argument));
}

uint64_t poison_of(unsigned int i)
{
	return (i + 1) * 0x0101010101010101ULL;
}
