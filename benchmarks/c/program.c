/* SPDX-License-Identifier: MIT */
/*
 * What needs a process of its own.
 *
 *     program direct SIGNATURE COUNT   calls of a plain C function, to count their instructions
 *     program call SIGNATURE COUNT     the same of a closure
 *     program live COUNT CYCLES        make and free that many closures, so often
 *     program threads THREADS COUNT    the same in each of some threads, a few at a time
 *
 * "live" prints nanoseconds to make and to free one closure, and, from the first cycle with all
 * of them live, nanoseconds to free one and make it again, bytes of memory for each and mappings:
 * "make free again bytes mappings".  Where no more can be made it prints "stopped COUNT REASON"
 * after that, for those there were, and -1 where what was freed could not be made again.  "threads"
 * prints nanoseconds to make and to free one closure, in the slowest thread.  "fork" prints, with so
 * many live, the least nanoseconds of a fork whose child ends at once, and of the first closure that
 * the parent makes and frees after that: "fork first".
 */
#include "loops.h"
#include "maker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct loop *loop;
static ffi_cif *cif;
static void **closures;

enum { NEWEST = 64, BATCH = 1000, AGAIN = 100000 };
static void *newest[NEWEST]; /* code of some closures, the last ones made among them */

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Proportional: a page of a file that is mapped often is in memory once. */
static double resident(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    long kibibytes = -1;

    if (!file)
        fail("/proc/self/smaps_rollup cannot be read");
    while (kibibytes < 0 && fgets(line, sizeof(line), file))
        sscanf(line, "Pss: %ld", &kibibytes);
    fclose(file);
    if (kibibytes < 0)
        fail("/proc/self/smaps_rollup has no Pss");
    return (double)kibibytes * 1024;
}

static long mappings(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    long lines = 0;

    if (!file)
        fail("/proc/self/maps cannot be read");
    for (int c; (c = getc(file)) != EOF;)
        lines += c == '\n';
    fclose(file);
    return lines;
}

static void check(void *code)
{
    if (loop->call(code, 10) != loop->call(loop->direct, 10))
        fail("a closure returns something else than the function");
}

/* Those from `first` to `last`; returns where it had to stop. */
static long make(long first, long last)
{
    for (long i = first; i < last; i++) {
        closures[i] = maker_new(cif, loop->handler, &newest[i % NEWEST]);
        if (!closures[i])
            return i;
    }
    return last;
}

static void drop(long first, long last)
{
    for (long i = first; i < last; i++)
        maker_free(closures[i]);
}

/* What now() itself takes. */
static double clock_cost(void)
{
    double start = now();

    for (int i = 0; i < 999; i++)
        now();
    return (now() - start) / 1000;
}

/* What it takes to free one of the `have` that are live and to make it again; -1: it cannot be. */
static double again(long have)
{
    long batch = have < BATCH ? have : BATCH, rounds = AGAIN / batch;
    double start = now();

    for (long i = 0; i < rounds; i++) {
        drop(have - batch, have);
        if (make(have - batch, have) < have)
            return -1;
    }
    return (now() - start) / (double)(rounds * batch);
}

static void live(long count, long cycles)
{
    double clock = clock_cost(), make_time = 0, free_time = 0, bytes = 0, again_time = 0, start;
    long have = count, left, maps = 0;
    int error = 0;

    closures = malloc((size_t)count * sizeof(*closures));
    if (!closures)
        fail("no memory");
    memset(closures, 0xff, (size_t)count * sizeof(*closures)); /* its pages are not the closures' */
    for (long i = 0; i < cycles; i++) {
        double bytes_before = i ? 0 : resident();
        long maps_before = i ? 0 : mappings();

        start = now();
        have = make(0, have);
        make_time += now() - start - clock;
        left = have;
        if (i == 0) {
            error = errno;
            bytes = resident() - bytes_before;
            maps = mappings() - maps_before;
            for (long j = 0; j < have && j < NEWEST; j++)
                check(newest[j]);
            again_time = have ? again(have) : -1;
            if (again_time < 0)
                left -= have < BATCH ? have : BATCH; /* not all of the newest are there */
        }
        start = now();
        drop(0, left);
        free_time += now() - start - clock;
    }
    if (!have)
        fail(strerror(error));
    printf("%.3f %.3f %.3f %.3f %ld\n", make_time / (double)(cycles * have),
           free_time / (double)(cycles * have), again_time, bytes / (double)have, maps);
    if (have < count)
        printf("stopped %ld %s\n", have, strerror(error));
}

enum { THREADS_MAX = 64, AT_A_TIME = 100 };

static pthread_barrier_t all_are_there;

struct thread {
    pthread_t thread;
    long count;
    double nanoseconds; /* of one closure */
};

static void make_and_free(long count)
{
    void *some[AT_A_TIME], *code;

    for (long i = 0; i < count; i += AT_A_TIME) {
        for (int j = 0; j < AT_A_TIME; j++) {
            some[j] = maker_new(cif, loop->handler, &code);
            if (!some[j])
                fail(strerror(errno));
        }
        for (int j = 0; j < AT_A_TIME; j++)
            maker_free(some[j]);
    }
}

static void make_and_free_one(void)
{
    void *code, *closure = maker_new(cif, loop->handler, &code);

    if (!closure)
        fail(strerror(errno));
    maker_free(closure);
}

static void *work(void *argument)
{
    struct thread *own = argument;
    double start;

    make_and_free(own->count / 10);
    pthread_barrier_wait(&all_are_there);
    start = now();
    make_and_free(own->count);
    own->nanoseconds = (now() - start) / (double)own->count;
    return NULL;
}

static void threads(long number, long count)
{
    struct thread all[THREADS_MAX];
    double slowest = 0;

    if (number > THREADS_MAX || pthread_barrier_init(&all_are_there, NULL, (unsigned)number))
        fail("too many threads");
    for (long i = 0; i < number; i++) {
        all[i].count = count;
        if (pthread_create(&all[i].thread, NULL, work, &all[i]))
            fail("no thread can be created");
    }
    for (long i = 0; i < number; i++) {
        pthread_join(all[i].thread, NULL);
        if (all[i].nanoseconds > slowest)
            slowest = all[i].nanoseconds;
    }
    printf("%.3f\n", slowest);
}

static void fork_with(long count, long rounds)
{
    double least_fork = 1e18, least_first = 1e18;

    closures = malloc((size_t)count * sizeof(*closures));
    if (!closures || make(0, count) < count)
        fail("no memory");
    for (long i = 0; i < rounds; i++) {
        double start = now(), forked, done;
        pid_t child = fork();

        if (child == 0)
            _exit(0);
        if (child < 0 || waitpid(child, NULL, 0) != child)
            fail("fork");
        forked = now();
        make_and_free_one();
        done = now();
        least_fork = forked - start < least_fork ? forked - start : least_fork;
        least_first = done - forked < least_first ? done - forked : least_first;
    }
    printf("%.3f %.3f\n", least_fork, least_first);
}

static void call(long count)
{
    void *code, *closure = maker_new(cif, loop->handler, &code);

    if (!closure)
        fail(strerror(errno));
    check(code);
    loop->call(code, count);
    maker_free(closure);
}

static void set_signature(const char *name)
{
    loop = loop_find(name);
    cif = signature_cif(name);
    if (!loop || !cif)
        fail("no such signature");
}

static const struct {
    const char *name;
    void (*run)(long, long);
} others[] = {{"live", live}, {"threads", threads}, {"fork", fork_with}};

int main(int argc, char **argv)
{
    if (argc != 4)
        fail("usage: program direct|call SIGNATURE COUNT | program live COUNT CYCLES | "
             "program threads THREADS COUNT | program fork COUNT ROUNDS");
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (!strcmp(argv[1], others[i].name)) {
            set_signature("2 ints");
            others[i].run(atol(argv[2]), atol(argv[3]));
            return 0;
        }
    set_signature(argv[2]);
    if (!strcmp(argv[1], "call"))
        call(atol(argv[3]));
    else
        loop->call(loop->direct, atol(argv[3]));
    return 0;
}
