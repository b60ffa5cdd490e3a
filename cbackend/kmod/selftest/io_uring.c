// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that lie in memory of the process, so that a store can make or change one: io_uring's
 * and those of AIO. None may write a trampfd descriptor, whatever way it takes through the kernel:
 * there is nothing to write to.
 *
 * Each request is played on an ordinary file first, where it must write what it says. So what
 * refuses it on a trampfd descriptor is the module.
 */
#define _GNU_SOURCE
#include "ring.h"
#include "test.h"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	OP_WRITEV_FIXED = 61, /* newer than the headers of some systems */
	HONEST = 111,
	HIJACKED = 666,
	SLOT = 1,
};

static uint64_t honest(void)
{
	return HONEST;
}

static uint64_t hijacked(void)
{
	return HIJACKED;
}

static bool usable(void)
{
	struct ring ring;

	if (ring_open(&ring, 0)) {
		ring_close(&ring);
		return true;
	}
	CHECK(errno == ENOSYS || errno == EPERM);
	skip(errno == ENOSYS ? "this kernel has no io_uring" : "io_uring is switched off");
	return false;
}

static bool supports(const struct ring *ring, unsigned int opcode)
{
	struct {
		struct io_uring_probe head;
		struct io_uring_probe_op ops[256];
	} probe = {};

	if (syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_PROBE, &probe, 256))
		return false;
	return opcode <= probe.head.last_op && probe.ops[opcode].flags & IO_URING_OP_SUPPORTED;
}

static void *enter(void *argument)
{
	struct ring *ring = argument;
	unsigned int n = *ring_word(ring, ring->params.sq_off.tail) -
			 __atomic_load_n(ring_word(ring, ring->params.sq_off.head),
					 __ATOMIC_ACQUIRE);

	CHECK(syscall(SYS_io_uring_enter, ring->fd, n, n, IORING_ENTER_GETEVENTS, NULL, 0) ==
	      (long)n);
	return NULL;
}

/* A thread that polls the queue starts asleep: the program uses its ring for the first time. */
static void wake_up(struct ring *ring)
{
	const struct io_uring_sqe first = { .opcode = IORING_OP_NOP, .user_data = 0 };

	ring_push(ring, &first);
	CHECK(syscall(SYS_io_uring_enter, ring->fd, 1, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0) >= 0);
	CHECK(ring_wait(ring, 0) == 0);
}

/* ---- what is attacked ---- */

static char *payload; /* a page, registered with each ring as buffer 0 */

struct target {
	const char *name;
	int fd;
	off_t position;
	unsigned int index; /* among registered files */
	size_t size;	    /* of the write that would do harm */
	unsigned char bytes[80];
	bool (*unharmed)(void);
};

enum { FILE_TARGET, RECORD, LIST, REGISTERS, TARGETS };
static struct target targets[TARGETS];
static struct table table;
static int user;
static void *user_address;

static bool file_has_payload(void)
{
	char back[sizeof(targets->bytes)] = {};

	return pread(targets[FILE_TARGET].fd, back, targets[FILE_TARGET].size, 0) ==
		       (ssize_t)targets[FILE_TARGET].size &&
	       !memcmp(back, targets[FILE_TARGET].bytes, targets[FILE_TARGET].size);
}

static bool slot_is_right(void)
{
	return ((uint64_t (*)(void))slot(&table, SLOT))() == HONEST;
}

static bool list_is_there(void)
{
	struct {
		struct trampfd_values head;
		uint64_t values[2];
	} list = {};

	return pread(table.fd, &list, sizeof(list), TRAMPFD_ALLOWED_PCS_OFFSET) == sizeof(list) &&
	       list.head.nvalues == 2;
}

static bool registers_are_right(void)
{
	return ((uint64_t (*)(void))user_address)() == HONEST;
}

/* All that an attack may have changed. */
static void restore(void)
{
	const struct trampfd_reg pc = { .name = CPU_PC, .value = (uintptr_t)honest };
	const uint64_t allowed[] = { (uintptr_t)honest, (uintptr_t)hijacked };

	CHECK(ftruncate(targets[FILE_TARGET].fd, 0) == 0);
	CHECK(set_entry(table.fd, SLOT, honest) == 0);
	CHECK(set_allowed(table.fd, allowed, 2) == 0);
	CHECK(set_regs(user, &pc, 1) == 0);
}

static void open_targets(void)
{
	const struct trampfd_record record = { .entry = (uintptr_t)hijacked };
	const struct trampfd_values nothing = {};
	const struct {
		struct trampfd_regs head;
		struct trampfd_reg pc;
	} regs = {
		.head.nregs = 1,
		.pc = { .name = CPU_PC, .value = (uintptr_t)hijacked },
	};

	payload = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	table = open_table(64);
	user = new_user();
	user_address = map_user(user);
	targets[FILE_TARGET] = (struct target){
		"file",		  memfd_create("control", MFD_CLOEXEC), 0, 0, 64, { 1, 2, 3 },
		file_has_payload,
	};
	targets[RECORD] = (struct target){
		"record",
		table.fd,
		TRAMPFD_RECORDS_OFFSET + SLOT * TRAMPFD_RECORD_SIZE,
		1,
		sizeof(record),
		{},
		slot_is_right,
	};
	targets[LIST] = (struct target){
		"list", table.fd, TRAMPFD_ALLOWED_PCS_OFFSET, 1, sizeof(nothing), {}, list_is_there,
	};
	targets[REGISTERS] = (struct target){
		"registers", user, TRAMPFD_REGS_OFFSET, 2, sizeof(regs), {}, registers_are_right,
	};
	memcpy(targets[RECORD].bytes, &record, sizeof(record));
	memcpy(targets[LIST].bytes, &nothing, sizeof(nothing));
	memcpy(targets[REGISTERS].bytes, &regs, sizeof(regs));
	restore();
}

static void close_targets(void)
{
	close(targets[FILE_TARGET].fd);
	close_table(&table);
	munmap(user_address, 4096);
	close(user);
	munmap(payload, 4096);
}

/* ---- ways through io_uring ---- */

struct way {
	unsigned int setup;  /* IORING_SETUP_* of the ring */
	bool by_thread;	     /* somebody else calls io_uring_enter */
	bool nonblock;	     /* O_NONBLOCK: written in the task that submits */
	bool registered;     /* the file is named by its index */
	unsigned char flags; /* IOSQE_* of the request */
	unsigned char opcode;
};

static void describe(const struct way *way, const struct target *target, int result)
{
	printf("# %s: setup %#x thread %d nonblock %d registered %d flags %#x opcode %d: %d\n",
	       target->name, way->setup, way->by_thread, way->nonblock, way->registered, way->flags,
	       way->opcode, result);
}

static int submit(struct ring *ring, const struct way *way, uint64_t user_data)
{
	pthread_t thread;

	if (way->setup & IORING_SETUP_SQPOLL) {
		CHECK(!(*ring_word(ring, ring->params.sq_off.flags) & IORING_SQ_NEED_WAKEUP));
	} else if (way->by_thread) {
		CHECK(pthread_create(&thread, NULL, enter, ring) == 0);
		pthread_join(thread, NULL);
	} else {
		enter(ring);
	}
	return ring_wait(ring, user_data);
}

static struct io_uring_sqe request(const struct way *way, const struct target *target)
{
	static struct iovec vector; /* read when the request is submitted */
	struct io_uring_sqe sqe = {
		.opcode = way->opcode,
		.flags = way->flags & ~IOSQE_IO_LINK,
		.fd = target->fd,
		.off = target->position,
		.addr = (uintptr_t)payload,
		.len = target->size,
	};

	vector = (struct iovec){ .iov_base = payload, .iov_len = target->size };
	if (way->opcode == IORING_OP_WRITEV || way->opcode == OP_WRITEV_FIXED) {
		sqe.addr = (uintptr_t)&vector;
		sqe.len = 1;
	}
	if (way->registered) {
		sqe.fd = target->index;
		sqe.flags |= IOSQE_FIXED_FILE;
	}
	return sqe;
}

/* Plays one request; returns its result. A linked or drained one has another one before it. */
static int play(struct ring *ring, const struct way *way, const struct target *target)
{
	static uint64_t last;
	const struct io_uring_sqe before = {
		.opcode = IORING_OP_NOP,
		.flags = way->flags & IOSQE_IO_LINK,
	};
	struct io_uring_sqe sqe = request(way, target);

	memcpy(payload, target->bytes, target->size);
	if (way->flags & (IOSQE_IO_LINK | IOSQE_IO_DRAIN))
		ring_push(ring, &before);
	sqe.user_data = ++last;
	ring_push(ring, &sqe);
	return submit(ring, way, last);
}

static void attack(struct ring *ring, const struct way *way)
{
	for (int i = 0; i < TARGETS; i++) {
		const struct target *target = &targets[i];
		int wanted = i == FILE_TARGET ? (int)target->size : -EINVAL;
		int result = play(ring, way, target);
		bool good = target->unharmed();

		if (result == wanted && good)
			continue;
		describe(way, target, result);
		CHECK(result == wanted);
		CHECK(good);
		restore();
	}
	CHECK(ftruncate(targets[FILE_TARGET].fd, 0) == 0);
}

static void set_nonblock(bool on)
{
	for (int i = 0; i < TARGETS; i++)
		CHECK(fcntl(targets[i].fd, F_SETFL, on ? O_NONBLOCK : 0) == 0);
}

/* All ways to write with one ring. */
static void attack_by_ring(struct way way)
{
	static const unsigned char opcodes[] = {
		IORING_OP_WRITE,
		IORING_OP_WRITEV,
		IORING_OP_WRITE_FIXED,
		OP_WRITEV_FIXED,
	};
	static const unsigned char flags[] = { 0, IOSQE_ASYNC, IOSQE_IO_LINK, IOSQE_IO_DRAIN };
	const int files[] = { targets[FILE_TARGET].fd, table.fd, user };
	const struct iovec buffer = { .iov_base = payload, .iov_len = 4096 };
	struct ring ring;

	set_nonblock(way.nonblock);
	if (!ring_open(&ring, way.setup)) {
		CHECK(!"the ring was made");
		return;
	}
	if (way.setup & IORING_SETUP_SQPOLL)
		wake_up(&ring);
	CHECK(!syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, files, 3));
	CHECK(!syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &buffer, 1));
	for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
		if (!supports(&ring, opcodes[i]))
			continue;
		for (size_t j = 0; j < 2 * ARRAY_SIZE(flags); j++) {
			way.opcode = opcodes[i];
			way.flags = flags[j / 2];
			way.registered = j % 2;
			attack(&ring, &way);
		}
	}
	ring_close(&ring);
	set_nonblock(false);
}

static void attack_by_rings(struct way way)
{
	if (!usable())
		return;
	open_targets();
	attack_by_ring(way);
	way.nonblock = true;
	attack_by_ring(way);
	close_targets();
}

static void own_enter(void)
{
	attack_by_rings((struct way){});
}

static void enter_of_another_thread(void)
{
	attack_by_rings((struct way){ .by_thread = true });
}

static void deferred_work(void)
{
	attack_by_rings((struct way){
		.setup = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	});
}

/* From here on it takes no system call: the kernel looks into the queue. */
static void stores_only(void)
{
	attack_by_rings((struct way){ .setup = IORING_SETUP_SQPOLL });
}

/* Operations that know nothing of positions, and polled ones: refused by the kernel itself. */
static void other_operations(void)
{
	static const struct {
		unsigned int setup;
		struct way way;
		int error;
	} cases[] = {
		{ 0, { .opcode = IORING_OP_SEND }, -ENOTSOCK },
		{ 0, { .opcode = IORING_OP_URING_CMD }, -EOPNOTSUPP },
		{ 0, { .opcode = IORING_OP_SEND, .flags = IOSQE_ASYNC }, -ENOTSOCK },
		{ IORING_SETUP_IOPOLL, { .opcode = IORING_OP_WRITE }, -EOPNOTSUPP },
	};

	if (!usable())
		return;
	open_targets();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct target target = targets[RECORD];
		struct ring ring;
		int result;

		CHECK(ring_open(&ring, cases[i].setup));
		if (cases[i].way.opcode != IORING_OP_WRITE)
			target.position = 0;
		result = play(&ring, &cases[i].way, &target);
		if (result != cases[i].error)
			describe(&cases[i].way, &target, result);
		CHECK(result == cases[i].error);
		CHECK(slot_is_right());
		ring_close(&ring);
	}
	close_targets();
}

/* From a pipe, by io_uring and by system calls: to a file it works, to a trampoline never. */
static void splices(void)
{
	struct io_uring_sqe sqe = { .opcode = IORING_OP_SPLICE, .splice_off_in = -1 };
	int result, pipes[2], source = memfd_create("source", MFD_CLOEXEC);
	const struct way way = { .opcode = IORING_OP_SPLICE };
	struct ring ring;
	off_t start = 0;
	bool rings;

	open_targets();
	rings = ring_open(&ring, 0);
	CHECK(pwrite(source, targets[RECORD].bytes, 64, 0) == 64);
	for (int i = FILE_TARGET; i <= RECORD; i++) {
		const struct target *target = &targets[i];
		off_t position = target->position;

		CHECK(pipe(pipes) == 0);
		CHECK(write(pipes[1], target->bytes, 64) == 64);
		if (rings) {
			sqe.fd = target->fd;
			sqe.splice_fd_in = pipes[0];
			sqe.off = target->position;
			sqe.len = 64;
			sqe.user_data = i + 1;
			ring_push(&ring, &sqe);
			result = submit(&ring, &way, i + 1);
			CHECK(result == (i == FILE_TARGET ? 64 : -EINVAL));
			CHECK(target->unharmed());
		}
		CHECK(lseek(target->fd, target->position, SEEK_SET) == target->position);
		if (i == FILE_TARGET) {
			CHECK(sendfile(target->fd, source, &start, 64) == 64);
		} else {
			FAILS(splice(pipes[0], NULL, target->fd, &position, 64, 0), EINVAL);
			start = 0;
			FAILS(sendfile(target->fd, source, &start, 64), EINVAL);
		}
		close(pipes[0]);
		close(pipes[1]);
	}
	CHECK(slot_is_right());
	if (rings)
		ring_close(&ring);
	close(source);
	close_targets();
}

/* Its requests are memory of the process too. */
static void aio(void)
{
	aio_context_t context = 0;

	if (syscall(SYS_io_setup, 1, &context)) {
		CHECK(errno == ENOSYS);
		skip("this kernel has no AIO");
		return;
	}
	open_targets();
	for (int i = 0; i < 2 * TARGETS; i++) {
		const struct target *target = &targets[i / 2];
		struct iovec vector = { .iov_base = payload, .iov_len = target->size };
		struct iocb request = {
			.aio_lio_opcode = i % 2 ? IOCB_CMD_PWRITEV : IOCB_CMD_PWRITE,
			.aio_fildes = target->fd,
			.aio_buf = i % 2 ? (uintptr_t)&vector : (uintptr_t)payload,
			.aio_nbytes = i % 2 ? 1 : target->size,
			.aio_offset = target->position,
		}, *requests[] = { &request };
		struct io_event event = {};

		memcpy(payload, target->bytes, target->size);
		if (i / 2 == FILE_TARGET) {
			CHECK(syscall(SYS_io_submit, context, 1, requests) == 1);
			CHECK(syscall(SYS_io_getevents, context, 1, 1, &event, NULL) == 1);
			CHECK(event.res == (long)target->size);
		} else {
			FAILS(syscall(SYS_io_submit, context, 1, requests), EINVAL);
		}
		CHECK(target->unharmed());
	}
	syscall(SYS_io_destroy, context);
	close_targets();
}

int main(void)
{
	const struct test tests[] = {
		TEST(own_enter),   TEST(enter_of_another_thread), TEST(deferred_work),
		TEST(stores_only), TEST(other_operations),	  TEST(splices),
		TEST(aio),
	};

	return run_tests(tests, ARRAY_SIZE(tests));
}
