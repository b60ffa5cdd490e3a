// SPDX-License-Identifier: GPL-2.0-only
/* The fuzzer of system calls: other processes that have trampolines, or trace one that has. */
#define _GNU_SOURCE
#include "syscalls.h"
#include "test.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* Newer than the headers this is compiled with. */
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

enum { NOBODY = 65534 };

/* What waitpid() said of a process that ends with an errno value. */
static long result_of(pid_t pid, int options)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, options) != pid)
		return -1;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	return errno ? -1 : 0;
}

/* In a child, which ends with the errno value that @work returns. */
static pid_t start(struct fuzzer *fuzzer, int (*work)(struct fuzzer *))
{
	const pid_t pid = fork();

	if (pid)
		return pid;
	fuzzer->depth++;
	/* Where the thread goes on after a fault is no place for the child. */
	fuzzer->escape = NULL;
	_exit(work(fuzzer));
}

static int call_a_lot(struct fuzzer *fuzzer)
{
	some_calls(fuzzer, 24);
	return 0;
}

static long do_fork(struct fuzzer *fuzzer)
{
	return result_of(start(fuzzer, call_a_lot), 0);
}

/* In the memory and on the stack of the thread, which waits meanwhile. */
static void call_in_vfork(struct fuzzer *fuzzer)
{
	fuzzer->depth++;
	some_calls(fuzzer, 4);
	_exit(0);
}

static long do_vfork(struct fuzzer *fuzzer)
{
	const pid_t pid = vfork();

	if (!pid)
		call_in_vfork(fuzzer);
	fuzzer->depth = 0;
	return result_of(pid, 0);
}

static int call_in_clone(void *argument)
{
	struct fuzzer *fuzzer = argument;

	fuzzer->depth++;
	some_calls(fuzzer, 8);
	return 0;
}

static long do_clone(struct fuzzer *fuzzer)
{
	static const int flags[] = { 0, CLONE_FILES, CLONE_FILES | CLONE_FS, CLONE_SYSVSEM };
	const pid_t pid = clone(call_in_clone, fuzzer->stack + sizeof(fuzzer->stack),
				CLONE_VM | SIGCHLD | PICK(fuzzer, flags), fuzzer);
	const long result = result_of(pid, 0);

	fuzzer->depth = 0;
	return result;
}

static int execute(struct fuzzer *fuzzer)
{
	(void)fuzzer;
	execl("/bin/true", "true", NULL);
	return errno;
}

static long do_exec(struct fuzzer *fuzzer)
{
	pid_t pid;

	if (pick(fuzzer, 2))
		return result_of(start(fuzzer, execute), 0);
	pid = vfork();
	if (!pid)
		_exit(execute(fuzzer));
	return result_of(pid, 0);
}

/* Without privileges, limits of locked memory apply. */
static int call_as_nobody(struct fuzzer *fuzzer)
{
	if (setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return errno;
	for (unsigned int i = 0; i < OBJECTS; i++)
		renew_object(fuzzer, i);
	return call_a_lot(fuzzer);
}

static long do_users(struct fuzzer *fuzzer)
{
	return result_of(start(fuzzer, call_as_nobody), 0);
}

static int call_with_limits(struct fuzzer *fuzzer)
{
	static const int resources[] = { RLIMIT_MEMLOCK, RLIMIT_AS,    RLIMIT_NOFILE,
					 RLIMIT_DATA,	 RLIMIT_STACK, RLIMIT_NPROC };
	const struct rlimit limit = { .rlim_cur = (rlim_t)1 << pick(fuzzer, 24),
				      .rlim_max = (rlim_t)1 << 24 };

	if (setrlimit(PICK(fuzzer, resources), &limit) < 0)
		return errno;
	return pick(fuzzer, 2) ? call_a_lot(fuzzer) : call_as_nobody(fuzzer);
}

static long do_limits(struct fuzzer *fuzzer)
{
	return result_of(start(fuzzer, call_with_limits), 0);
}

/* Trampolines are never writable, so they can be had where nothing else can be made executable. */
static int call_under_mdwe(struct fuzzer *fuzzer)
{
	if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) < 0)
		return errno;
	for (unsigned int i = 0; i < SEALABLE; i++)
		if (!renew_object(fuzzer, i))
			return errno;
	return call_a_lot(fuzzer);
}

static long do_mdwe(struct fuzzer *fuzzer)
{
	return result_of(start(fuzzer, call_under_mdwe), 0);
}

static int dump_core(struct fuzzer *fuzzer)
{
	const struct rlimit limit = { .rlim_cur = 64 << 20, .rlim_max = 64 << 20 };
	const int filter = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);

	if (filter < 0 || write(filter, "0x7f", 4) != 4 || setrlimit(RLIMIT_CORE, &limit) < 0)
		return errno;
	/* Mappings of a TRAMPFD_USER are not inherited. */
	renew_object(fuzzer, 1);
	some_calls(fuzzer, 4);
	abort();
}

static long do_core_dump(struct fuzzer *fuzzer)
{
	const pid_t pid = start(fuzzer, dump_core);
	char name[128];
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	snprintf(name, sizeof(name), "%s/core.%d", core_folder, pid);
	unlink(name);
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	return WIFSIGNALED(status) && WCOREDUMP(status) ? 0 : -1;
}

/* ---- a process that is traced ---- */

static int be_traced(struct fuzzer *fuzzer)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		return errno;
	renew_object(fuzzer, 1);
	renew_object(fuzzer, 3);
	raise(SIGSTOP);
	return call_a_lot(fuzzer);
}

static long trace(struct fuzzer *fuzzer, long (*work)(struct fuzzer *, pid_t))
{
	const pid_t pid = start(fuzzer, be_traced);
	long result;
	int status, error;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	result = work(fuzzer, pid);
	error = errno;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	errno = error;
	return result;
}

/* Requests at some addresses: one that is granted is enough. */
static long peek(struct fuzzer *fuzzer, pid_t pid)
{
	long granted = 0;

	for (int i = 0; i < 8; i++) {
		errno = 0;
		ptrace(PTRACE_PEEKDATA, pid, any_address(fuzzer), NULL);
		granted += !errno;
	}
	return granted ? granted : -1;
}

static long poke(struct fuzzer *fuzzer, pid_t pid)
{
	long granted = 0;

	for (int i = 0; i < 8; i++)
		granted += !ptrace(PTRACE_POKEDATA, pid, any_address(fuzzer),
				   pick(fuzzer, 1 << 30));
	return granted ? granted : -1;
}

/* Executes some instructions from a trampoline on, one at a time. */
static long step(struct fuzzer *fuzzer, pid_t pid)
{
	struct user_regs_struct regs;
	struct iovec set = { .iov_base = &regs, .iov_len = sizeof(regs) };
	int status;

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &set) < 0)
		return -1;
	USER_PC(regs) = (uintptr_t)any_trampoline(fuzzer);
	LEAVE_SYSCALL(regs);
	if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &set) < 0)
		return -1;
	for (int i = 0; i < 5; i++) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0)
			return -1;
		if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			return -1;
		if (!i && WSTOPSIG(status) != SIGTRAP)
			return -1;
	}
	return 0;
}

static long do_peek(struct fuzzer *fuzzer)
{
	return trace(fuzzer, peek);
}

static long do_poke(struct fuzzer *fuzzer)
{
	return trace(fuzzer, poke);
}

static long do_step(struct fuzzer *fuzzer)
{
	return trace(fuzzer, step);
}

static const struct kind kinds[] = {
	{ .name = "fork", .call = do_fork },
	{ .name = "vfork", .call = do_vfork },
	{ .name = "clone with CLONE_VM", .call = do_clone },
	{ .name = "execve", .call = do_exec },
	{ .name = "setresuid", .call = do_users },
	{ .name = "setrlimit", .call = do_limits },
	{ .name = "PR_SET_MDWE",
	  .call = do_mdwe,
	  .since = KERNEL(6, 3),
	  .why = "Linux 6.3 has it" },
	{ .name = "core dump", .call = do_core_dump },
	{ .name = "ptrace: peek", .call = do_peek },
	{ .name = "ptrace: poke", .call = do_poke },
	{ .name = "ptrace: single step", .call = do_step },
};

const struct kinds process_kinds = { kinds, ARRAY_SIZE(kinds), 2 };
