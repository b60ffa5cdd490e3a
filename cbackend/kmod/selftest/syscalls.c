// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random system calls around trampolines, from threads of several processes. fuzz.c makes requests
 * of the module; this makes calls on the descriptors, mappings and memory of trampolines, for which
 * the kernel calls the module. No result of most is wrong: the kernel must survive it in silence
 * (the log tells) and keep nothing (run.sh). At the end, it is told how often each kind of calls
 * succeeded, and a kind that never did in a run of the usual length is a failure.
 *
 * Processes live for some seconds. They end by themselves, by SIGKILL, or with a core dump while
 * their threads still run, and the next ones take their places.
 *
 * TRAMPFD_SECONDS says for how long (60; 10 with TRAMPFD_SHORT), TRAMPFD_SEED where random numbers
 * start. Equal seeds make equal sequences in each thread; how threads interleave is up to chance.
 *
 * The names of core files (kernel.core_pattern) are others while it runs.
 *
 * Left out is what ends the machine, or touches what is not of these processes: signals to others,
 * pages declared broken, changes of the system.
 */
#define _GNU_SOURCE
#include "syscalls.h"
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PROCESSES = 3,
	THREADS = 3,
	USUAL = 60,	 /* seconds, also those from which on each kind has to succeed */
	PATIENCE = 90,	 /* seconds for a process to end */
	MOST_KINDS = 32, /* of one area */
};

static const struct kinds *const areas[] = {
	&object_kinds, &memory_kinds, &file_kinds, &proc_kinds, &process_kinds,
};

/* What came of the calls of a kind, in memory that all processes share. */
struct count {
	long succeeded, failed, faulted, absent;
};

static struct count (*counts)[MOST_KINDS];
char core_folder[64];

static __thread struct fuzzer *self;
static volatile bool stop;

unsigned int pick(struct fuzzer *fuzzer, unsigned int below_this)
{
	return (unsigned int)rand_r(&fuzzer->seed) % below_this;
}

static void add(long *count)
{
	__atomic_add_fetch(count, 1, __ATOMIC_RELAXED);
}

/* ---- one call ---- */

static void on_fault(int signal)
{
	if (self && self->escape)
		siglongjmp(*self->escape, signal);
	_exit(128 + signal);
}

static void handle_faults(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE };
	const struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_ONSTACK };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);
}

static void count_call(struct count *count, long result, int error)
{
	if (result >= 0)
		add(&count->succeeded);
	else if (error == ENOSYS)
		add(&count->absent);
	else
		add(&count->failed);
}

/* A fault of the call ends it. */
static void make_call(struct fuzzer *fuzzer, const struct kind *kind, struct count *count)
{
	sigjmp_buf here, *const outer = fuzzer->escape;

	fuzzer->escape = &here;
	if (sigsetjmp(here, 1)) {
		add(&count->faulted);
	} else {
		const long result = kind->call(fuzzer);

		count_call(count, result, errno);
	}
	fuzzer->escape = outer;
}

/* An area by its share. */
static size_t any_area(struct fuzzer *fuzzer)
{
	const size_t n = ARRAY_SIZE(areas) - (fuzzer->depth ? 1 : 0);
	unsigned int shares = 0, chosen;
	size_t i;

	for (i = 0; i < n; i++)
		shares += areas[i]->share;
	chosen = pick(fuzzer, shares);
	for (i = 0; chosen >= areas[i]->share; i++)
		chosen -= areas[i]->share;
	return i;
}

static void any_call(struct fuzzer *fuzzer)
{
	const size_t area = any_area(fuzzer);
	const size_t i = pick(fuzzer, areas[area]->n);

	make_call(fuzzer, &areas[area]->list[i], &counts[area][i]);
}

void some_calls(struct fuzzer *fuzzer, unsigned int n)
{
	while (n--)
		any_call(fuzzer);
}

/* ---- processes ---- */

static void *call_all_the_time(void *argument)
{
	const stack_t stack = { .ss_sp = ((struct fuzzer *)argument)->signals,
				.ss_size = sizeof(((struct fuzzer *)argument)->signals) };

	self = argument;
	sigaltstack(&stack, NULL);
	while (!stop)
		any_call(self);
	return NULL;
}

/* Also what its children may write. */
static void limit_core_dumps(void)
{
	const struct rlimit limit = { .rlim_cur = 64 << 20, .rlim_max = 64 << 20 };

	setrlimit(RLIMIT_CORE, &limit);
}

static void end(unsigned int way)
{
	switch (way % 3) {
	case 0:
		kill(getpid(), SIGKILL);
		break;
	case 1:
		limit_core_dumps();
		abort();
	default:
		stop = true;
	}
}

static int live(void *argument)
{
	const unsigned int seed = *(unsigned int *)argument;
	struct fuzzer *fuzzers = mmap(NULL, THREADS * sizeof(*fuzzers), PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t threads[THREADS];
	unsigned int life = seed;

	setpgid(0, 0);
	alarm(PATIENCE);
	handle_faults();
	make_objects();
	for (unsigned int i = 0; i < THREADS; i++) {
		fuzzers[i].seed = seed * 16 + i;
		pthread_create(&threads[i], NULL, call_all_the_time, &fuzzers[i]);
	}
	usleep(500000 + rand_r(&life) % 2500000);
	end(seed);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

/* What was in the process group of one that ended; this process is the reaper of them all. */
static void end_group(pid_t group)
{
	while (kill(-group, SIGKILL) == 0 || errno == EPERM)
		if (waitpid(-group, NULL, 0) < 0)
			break;
}

/*
 * A descriptor in a socket that is on its way through itself stays there until the kernel collects
 * garbage, which it does after another socket was closed.
 */
static void collect_sockets(void)
{
	int sockets[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
	close(sockets[0]);
	close(sockets[1]);
}

static void remove_cores(void)
{
	DIR *folder = opendir(core_folder);
	struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
}

static pid_t start_life(unsigned int *seed)
{
	++*seed;
	return start_child(live, seed);
}

/* A process may die of what it did to itself, but neither hang nor fail a check. */
static void judge_end(int status, unsigned int seed)
{
	const bool hung = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
	const bool failed = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE;

	if (hung || failed)
		printf("# the process with the seed %u %s\n", seed, hung ? "hung" : "failed");
	CHECK(!hung && !failed);
}

static void run_lives(unsigned int seed, long seconds)
{
	const time_t until = time(NULL) + seconds;
	pid_t pids[PROCESSES];
	unsigned int seeds[PROCESSES], next = seed;
	int status, alive = 0;
	long lives = 0;
	pid_t pid;

	for (; alive < PROCESSES; alive++) {
		pids[alive] = start_life(&next);
		seeds[alive] = next;
	}
	while (alive && (pid = waitpid(-1, &status, 0)) > 0) {
		int i = 0;

		while (i < PROCESSES && pids[i] != pid)
			i++;
		if (i == PROCESSES)
			continue; /* an orphan of one of them */
		lives++;
		judge_end(status, seeds[i]);
		end_group(pid);
		remove_cores();
		if (time(NULL) < until) {
			pids[i] = start_life(&next);
			seeds[i] = next;
		} else {
			pids[i] = 0;
			alive--;
		}
	}
	printf("# %ld processes\n", lives);
}

/* ---- the test ---- */

static long number(const char *name, long otherwise)
{
	const char *value = getenv(name);
	char *end;
	long result;

	if (!value)
		return otherwise;
	result = strtol(value, &end, 0);
	if (end == value || *end || result < 0) {
		printf("# %s=%s: give a number that is not negative\n", name, value);
		exit(EXIT_FAILURE);
	}
	return result;
}

static unsigned int running_kernel(void)
{
	struct utsname name;
	unsigned int major = 0, minor = 0;

	uname(&name);
	sscanf(name.release, "%u.%u", &major, &minor);
	return KERNEL(major, minor);
}

static void judge(const struct kind *kind, const struct count *count, bool complete)
{
	const bool too_old = running_kernel() < kind->since;

	printf("calls: %s: %ld succeeded, %ld failed, %ld faulted", kind->name, count->succeeded,
	       count->failed, count->faulted);
	if (count->absent)
		printf(", %ld absent", count->absent);
	if (kind->never || too_old)
		printf(" (%s)", kind->why);
	printf("\n");
	if (kind->never)
		CHECK(!count->succeeded);
	else if (complete && !too_old)
		CHECK(count->succeeded);
}

static void judge_all(bool complete)
{
	for (size_t area = 0; area < ARRAY_SIZE(areas); area++)
		for (size_t i = 0; i < areas[area]->n; i++)
			judge(&areas[area]->list[i], &counts[area][i], complete);
}

/* The pattern of names of core files; it returns the former one to be set again. */
static void set_core_pattern(const char *pattern, char *former, size_t size)
{
	const int fd = open("/proc/sys/kernel/core_pattern", O_RDWR | O_CLOEXEC);
	ssize_t n;

	if (former) {
		n = read(fd, former, size - 1);
		former[n > 0 ? n : 0] = 0;
	}
	CHECK(pwrite(fd, pattern, strlen(pattern), 0) == (ssize_t)strlen(pattern));
	close(fd);
}

static void make_core_folder(void)
{
	const char *place = getenv("TMPDIR");

	snprintf(core_folder, sizeof(core_folder), "%s/trampfd-XXXXXX", place ? place : "/tmp");
	CHECK(mkdtemp(core_folder) != NULL);
	CHECK(chmod(core_folder, 0777) == 0);
}

static void survives(void)
{
	const long seconds = number("TRAMPFD_SECONDS", getenv("TRAMPFD_SHORT") ? 10 : USUAL);
	const unsigned int seed = number("TRAMPFD_SEED", time(NULL) % 1000000 * 1000);
	char pattern[128], former[128];

	counts = mmap(NULL, ARRAY_SIZE(areas) * sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	make_core_folder();
	/* Of four usual seeds, one has cores dumped into a program. */
	snprintf(pattern, sizeof(pattern), seed / 1000 % 4 ? "%s/core.%%p" : "|/bin/true",
		 core_folder);
	set_core_pattern(pattern, former, sizeof(former));
	printf("# TRAMPFD_SEED=%u TRAMPFD_SECONDS=%ld\n", seed, seconds);
	run_lives(seed, seconds);
	collect_sockets();
	set_core_pattern(former, NULL, 0);
	rmdir(core_folder);
	judge_all(seconds >= USUAL);
	check_module_works();
}

int main(void)
{
	const struct test tests[] = { TEST(survives) };

	return run_tests(tests, ARRAY_SIZE(tests));
}
