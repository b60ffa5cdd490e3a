// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer of system calls: calls on descriptors, and those that move data between descriptors,
 * processes and memory.
 */
#define _GNU_SOURCE
#include "ring.h"
#include "syscalls.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char no_operation[] = "descriptors have no such operation";

/* Closes what a call used, without losing its errno. */
static void close_after(int fd)
{
	const int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
}

/* ---- calls on a descriptor ---- */

static size_t any_size(struct fuzzer *fuzzer)
{
	static const size_t sizes[] = {
		sizeof(struct trampfd_map), sizeof(struct trampfd_table_map), 64, 648, 4096, 65536,
	};

	return PICK(fuzzer, sizes);
}

static long do_read(struct fuzzer *fuzzer)
{
	const int fd = any_descriptor(fuzzer);
	const struct iovec vector = { .iov_base = any_buffer(fuzzer), .iov_len = any_size(fuzzer) };
	const off_t position = any_position(fuzzer);

	switch (pick(fuzzer, 4)) {
	case 0:
		return read(fd, vector.iov_base, vector.iov_len);
	case 1:
		return preadv2(fd, &vector, 1, position, pick(fuzzer, 2) ? RWF_HIPRI : RWF_NOWAIT);
	default:
		return pread(fd, vector.iov_base, vector.iov_len, position);
	}
}

static long do_write(struct fuzzer *fuzzer)
{
	const int fd = any_descriptor(fuzzer);
	const struct iovec vector = { .iov_base = any_buffer(fuzzer), .iov_len = any_size(fuzzer) };
	const off_t position = any_position(fuzzer);

	switch (pick(fuzzer, 3)) {
	case 0:
		return write(fd, vector.iov_base, vector.iov_len);
	case 1:
		return pwritev2(fd, &vector, 1, position, pick(fuzzer, 2) ? RWF_APPEND : RWF_SYNC);
	default:
		return pwrite(fd, vector.iov_base, vector.iov_len, position);
	}
}

static long do_truncate(struct fuzzer *fuzzer)
{
	return ftruncate(any_descriptor(fuzzer), pick(fuzzer, 2) ? 0 : any_position(fuzzer));
}

static long do_allocate(struct fuzzer *fuzzer)
{
	return fallocate(any_descriptor(fuzzer), pick(fuzzer, 128), any_position(fuzzer),
			 1 + pick(fuzzer, 1 << 20));
}

static long do_sendfile(struct fuzzer *fuzzer)
{
	const int fd = any_descriptor(fuzzer);
	const int other = memfd_create("trampfd", MFD_CLOEXEC);
	loff_t position = any_position(fuzzer);
	long result;

	(void)!write(other, fuzzer->scratch, 4096);
	lseek(other, 0, SEEK_SET);
	switch (pick(fuzzer, 4)) {
	case 0:
		result = sendfile(fd, other, NULL, 4096);
		break;
	case 1:
		result = sendfile(other, fd, &position, 64);
		break;
	case 2:
		result = copy_file_range(fd, &position, other, NULL, 64, 0);
		break;
	default:
		result = copy_file_range(other, NULL, fd, &position, 64, 0);
	}
	close_after(other);
	return result;
}

static long do_epoll(struct fuzzer *fuzzer)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };
	const int epoll = epoll_create1(EPOLL_CLOEXEC);
	const long result = epoll_ctl(epoll, EPOLL_CTL_ADD, any_descriptor(fuzzer), &event);

	close_after(epoll);
	return result;
}

static long do_poll(struct fuzzer *fuzzer)
{
	struct pollfd fds[] = {
		{ .fd = any_descriptor(fuzzer), .events = POLLIN | POLLOUT },
		{ .fd = any_descriptor(fuzzer), .events = POLLPRI },
	};

	return poll(fds, ARRAY_SIZE(fds), 0);
}

static long do_lock_file(struct fuzzer *fuzzer)
{
	static const int commands[] = { F_SETLK, F_GETLK, F_OFD_SETLK, F_OFD_GETLK, F_SETLEASE };
	static const short types[] = { F_RDLCK, F_WRLCK, F_UNLCK };
	struct flock lock = {
		.l_type = PICK(fuzzer, types),
		.l_start = any_position(fuzzer),
		.l_len = pick(fuzzer, 3),
	};
	const int fd = any_descriptor(fuzzer);
	const int command = PICK(fuzzer, commands);

	if (!pick(fuzzer, 4))
		return flock(fd, (pick(fuzzer, 2) ? LOCK_SH : LOCK_EX) | LOCK_NB);
	return command == F_SETLEASE ? fcntl(fd, command, lock.l_type) : fcntl(fd, command, &lock);
}

static long do_fcntl(struct fuzzer *fuzzer)
{
	static const int flags[] = { O_NONBLOCK, O_APPEND, O_DIRECT, O_ASYNC, O_NOATIME, 0 };
	const int fd = any_descriptor(fuzzer);

	switch (pick(fuzzer, 5)) {
	case 0:
		return fcntl(fd, F_SETFL, PICK(fuzzer, flags));
	case 1:
		return fcntl(fd, F_ADD_SEALS, pick(fuzzer, 32));
	case 2:
		return fcntl(fd, F_SETOWN, getpid());
	case 3:
		return fcntl(fd, F_SETPIPE_SZ, 4096);
	default:
		return fcntl(fd, F_GETFL);
	}
}

static long do_lseek(struct fuzzer *fuzzer)
{
	return lseek(any_descriptor(fuzzer), any_position(fuzzer),
		     pick(fuzzer, 2) ? SEEK_SET : (int)pick(fuzzer, 6));
}

static long do_inode(struct fuzzer *fuzzer)
{
	const int fd = any_descriptor(fuzzer);
	struct stat status;
	int number;

	switch (pick(fuzzer, 8)) {
	case 0:
		return fchmod(fd, 0700);
	case 1:
		return fchown(fd, 0, 0);
	case 2:
		return fsync(fd);
	case 3:
		return posix_fadvise(fd, 0, 4096, pick(fuzzer, 6)) ? -1 : 0;
	case 4:
		return readahead(fd, 0, 65536);
	case 5:
		return fsetxattr(fd, "user.trampfd", "1", 1, 0);
	case 6:
		return ioctl(fd, FIONREAD, &number);
	default:
		return fstat(fd, &status);
	}
}

static long do_dup(struct fuzzer *fuzzer)
{
	const int fd = any_descriptor(fuzzer);
	int copy;

	if (!pick(fuzzer, 8))
		return close(fd);
	if (!pick(fuzzer, 4))
		return dup3(any_descriptor(fuzzer), fd, O_CLOEXEC);
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy >= 0)
		close(copy);
	return copy;
}

/* ---- between processes ---- */

static pid_t any_process(struct fuzzer *fuzzer)
{
	return fuzzer->depth && pick(fuzzer, 2) ? getppid() : getpid();
}

static long copy_process_memory(struct fuzzer *fuzzer, long number)
{
	const struct range range = small_range(fuzzer);
	const struct iovec local = { .iov_base = any_buffer(fuzzer), .iov_len = range.size };
	const struct iovec remote = { .iov_base = range.start, .iov_len = range.size };

	return syscall(number, any_process(fuzzer), &local, 1, &remote, 1, 0);
}

static long do_process_vm_readv(struct fuzzer *fuzzer)
{
	return copy_process_memory(fuzzer, SYS_process_vm_readv);
}

static long do_process_vm_writev(struct fuzzer *fuzzer)
{
	return copy_process_memory(fuzzer, SYS_process_vm_writev);
}

static long do_scm_rights(struct fuzzer *fuzzer)
{
	int sockets[2], fd = -1;
	long result;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return -1;
	result = send_descriptor(sockets[0], any_descriptor(fuzzer));
	/* A socket that is on its way through itself is left to the kernel's garbage collection. */
	if (!pick(fuzzer, 4))
		send_descriptor(sockets[0], sockets[1]);
	else if (result > 0 && pick(fuzzer, 4))
		fd = receive_descriptor(sockets[1]);
	close_after(fd);
	close_after(sockets[0]);
	close_after(sockets[1]);
	return result;
}

static long do_pidfd_getfd(struct fuzzer *fuzzer)
{
	const int pidfd = syscall(SYS_pidfd_open, any_process(fuzzer), 0);
	const int fd = syscall(SYS_pidfd_getfd, pidfd, any_descriptor(fuzzer), 0);

	close_after(pidfd);
	if (fd >= 0)
		set_entry(fd, pick(fuzzer, 64), return_chain);
	close_after(fd);
	return fd;
}

/* ---- pipes ---- */

/* Memory of trampolines in a pipe, and then elsewhere; which of both results counts? */
static long through_pipe(struct fuzzer *fuzzer, bool vmsplice_counts)
{
	const struct range range = small_range(fuzzer);
	const struct iovec vector = { .iov_base = range.start, .iov_len = range.size };
	const int file = memfd_create("trampfd", MFD_CLOEXEC);
	long result, spliced;
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) < 0) {
		close_after(file);
		return -1;
	}
	result = vmsplice(pipes[1], &vector, 1,
			  SPLICE_F_NONBLOCK | (pick(fuzzer, 2) ? SPLICE_F_GIFT : 0));
	if (!vmsplice_counts || pick(fuzzer, 2)) {
		spliced = pick(fuzzer, 3) ? splice(pipes[0], NULL, file, NULL, range.size,
						   SPLICE_F_MOVE | SPLICE_F_NONBLOCK)
					  : splice(any_descriptor(fuzzer), NULL, pipes[1], NULL, 64,
						   SPLICE_F_NONBLOCK);
		result = vmsplice_counts ? result : spliced;
	}
	close_after(pipes[0]);
	close_after(pipes[1]);
	close_after(file);
	return result;
}

static long do_vmsplice(struct fuzzer *fuzzer)
{
	return through_pipe(fuzzer, true);
}

static long do_splice(struct fuzzer *fuzzer)
{
	return through_pipe(fuzzer, false);
}

/* The kernel copies from a trampoline, or into one. */
static long do_pipe(struct fuzzer *fuzzer)
{
	int pipes[2];
	long result;

	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	result = write(pipes[1], any_address(fuzzer), 1 + pick(fuzzer, 4096));
	if (result > 0)
		result = read(pipes[0], any_buffer(fuzzer), 4096);
	close_after(pipes[0]);
	close_after(pipes[1]);
	return result;
}

/* ---- io_uring ---- */

static void fill_request(struct fuzzer *fuzzer, struct io_uring_sqe *sqe)
{
	static const unsigned char opcodes[] = {
		IORING_OP_READ,	       IORING_OP_WRITE,	  IORING_OP_READ_FIXED,
		IORING_OP_WRITE_FIXED, IORING_OP_MADVISE, IORING_OP_FADVISE,
		IORING_OP_FALLOCATE,   IORING_OP_FSYNC,	  IORING_OP_POLL_ADD,
		IORING_OP_URING_CMD,
	};

	*sqe = (struct io_uring_sqe){
		.opcode = PICK(fuzzer, opcodes),
		.fd = any_descriptor(fuzzer),
		.off = any_position(fuzzer),
		.addr = (uintptr_t)any_buffer(fuzzer),
		.len = any_size(fuzzer),
		.flags = pick(fuzzer, 2) ? IOSQE_ASYNC : 0,
		.user_data = 1,
	};
	if (sqe->opcode == IORING_OP_MADVISE) {
		sqe->off = 0;
		sqe->addr = (uintptr_t)any_range(fuzzer).start;
		sqe->fadvise_advice = pick(fuzzer, 26);
	}
	if (sqe->opcode == IORING_OP_POLL_ADD)
		sqe->poll32_events = POLLIN;
}

static long completed(struct ring *ring)
{
	const struct io_uring_cqe *cqe = (void *)(ring->memory + ring->params.cq_off.cqes);
	int result;

	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1,
		    IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP, NULL, 0) < 0)
		return -1;
	result = cqe->res;
	errno = result < 0 ? -result : 0;
	return result < 0 ? -1 : result;
}

static long do_io_uring(struct fuzzer *fuzzer)
{
	const struct iovec buffer = { .iov_base = fuzzer->scratch,
				      .iov_len = sizeof(fuzzer->scratch) };
	struct io_uring_sqe sqe;
	struct ring ring;
	long result;

	if (!ring_open(&ring, pick(fuzzer, 8) ? 0 : IORING_SETUP_SQPOLL))
		return -1;
	syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &buffer, 1);
	fill_request(fuzzer, &sqe);
	ring_push(&ring, &sqe);
	result = completed(&ring);
	ring_close(&ring);
	return result;
}

static long do_fixed_buffers(struct fuzzer *fuzzer)
{
	const struct range range = any_range(fuzzer);
	const struct iovec buffer = { .iov_base = range.start, .iov_len = range.size };
	struct io_uring_sqe sqe;
	struct ring ring;
	long result;
	int error;

	if (!ring_open(&ring, 0))
		return -1;
	result = syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &buffer, 1);
	error = errno;
	if (!result) {
		fill_request(fuzzer, &sqe);
		ring_push(&ring, &sqe);
		completed(&ring);
	}
	ring_close(&ring);
	errno = error;
	return result;
}

static const struct kind kinds[] = {
	{ .name = "read", .call = do_read },
	{ .name = "write", .call = do_write, .never = true, .why = no_operation },
	{ .name = "ftruncate", .call = do_truncate, .never = true, .why = no_operation },
	{ .name = "fallocate", .call = do_allocate, .never = true, .why = no_operation },
	{ .name = "sendfile, copy_file_range",
	  .call = do_sendfile,
	  .never = true,
	  .why = no_operation },
	{ .name = "epoll_ctl", .call = do_epoll, .never = true, .why = no_operation },
	{ .name = "poll", .call = do_poll },
	{ .name = "locks of files", .call = do_lock_file },
	{ .name = "fcntl", .call = do_fcntl },
	{ .name = "lseek", .call = do_lseek },
	{ .name = "calls on inodes", .call = do_inode },
	{ .name = "dup, close", .call = do_dup },
	{ .name = "process_vm_readv", .call = do_process_vm_readv },
	{ .name = "process_vm_writev", .call = do_process_vm_writev },
	{ .name = "SCM_RIGHTS", .call = do_scm_rights },
	{ .name = "pidfd_getfd", .call = do_pidfd_getfd },
	{ .name = "vmsplice", .call = do_vmsplice },
	{ .name = "splice", .call = do_splice },
	{ .name = "copies through a pipe", .call = do_pipe },
	{ .name = "io_uring", .call = do_io_uring },
	{ .name = "fixed buffers of io_uring", .call = do_fixed_buffers },
};

const struct kinds file_kinds = { kinds, ARRAY_SIZE(kinds), 20 };
