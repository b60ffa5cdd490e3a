/* SPDX-License-Identifier: MIT */
/*
 * Many closures that live, and beside them threads that make, call and free others, while the
 * process forks:
 *
 *     soak LIVE ROUNDS FORKS
 *
 * Writes a line at the end of each phase: its name, the closures that live, resident KiB, mappings,
 * descriptors, blocks of slots, rounds so far; then it waits for a line.  Each result is compared,
 * in children too; so is what the second half of the rounds takes with what the first half took,
 * and what the live closures take when they are made a third time with the second time.
 */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>

enum { THREADS = 8, BATCH = 20, CHILD_MAKES = 100, GROWTH_MAX = 2 << 20 };

static void **closures;
static adder **codes;
static long live;

static unsigned count_blocks(void)
{
    struct trampfd_status status = status_now();

    return (unsigned)(status.blocks_built_in + status.blocks_own_file + status.blocks_memfd
                      + status.blocks_trampfd + status.blocks_trampfd_user);
}

static atomic_long rounds_done;

/* Whoever reads it may look at the process meanwhile. */
static void report(const char *phase, long alive)
{
    printf("%s\t%ld\t%zu\t%u\t%u\t%u\t%ld\n", phase, alive, resident() >> 10, count_mappings(),
           count_descriptors(), count_blocks(), atomic_load(&rounds_done));
    fflush(stdout);
    while (getchar() >= ' ')
        continue;
}

static void make_live(void)
{
    closures = malloc((size_t)live * sizeof(*closures));
    codes = malloc((size_t)live * sizeof(*codes));
    CHECK(closures && codes, "memory for %ld closures", live);
    for (long i = 0; i < live; i++)
        closures[i] = make((int)i, &codes[i]);
}

static void call_live(long step)
{
    for (long i = 0; i < live; i += step)
        CHECK(codes[i](7) == (int)i + 7, "closure %ld gives %d", i, codes[i](7));
}

static void free_live(void)
{
    for (long i = 0; i < live; i++)
        trampfd_closure_free(closures[i]);
    free(closures);
    free(codes);
}

/* Some live at the same time, and each thread's numbers are its own. */
static void make_call_free(int count, int number)
{
    void *mine[BATCH];
    adder *code[BATCH];

    for (int i = 0; i < count; i++)
        mine[i] = make(number + i, &code[i]);
    for (int i = 0; i < count; i++)
        CHECK(code[i](1) == number + i + 1, "closure %d gives %d", number + i, code[i](1));
    for (int i = 0; i < count; i++)
        trampfd_closure_free(mine[i]);
}

static atomic_int forking;
static long rounds_of_thread;

/* Goes on slowly when it has done its part. */
static void *work(void *number)
{
    for (long done = 0; done < rounds_of_thread || atomic_load(&forking); done += BATCH) {
        make_call_free(BATCH, (int)(intptr_t)number * 1000000 + (int)(done % 1000000));
        atomic_fetch_add(&rounds_done, BATCH);
        if (done >= rounds_of_thread)
            usleep(1000);
    }
    return NULL;
}

static void in_child(void)
{
    alarm(scaled(120, 1200)); /* a deadlock */
    call_live(live / 1000 + 1);
    for (int i = 0; i < CHILD_MAKES; i += BATCH)
        make_call_free(BATCH, i);
    _exit(0);
}

/* More rounds, if they are done before the forks are. */
static void rounds(long count, int forks)
{
    pthread_t threads[THREADS];

    rounds_of_thread = count / THREADS;
    atomic_store(&forking, 1);
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&threads[i], NULL, work, (void *)(intptr_t)(i + 1)),
              "pthread_create");
    for (int i = 0; i < forks; i++) {
        pid_t child = fork();

        if (child == 0)
            in_child();
        wait_for_success(child, "fork");
    }
    atomic_store(&forking, 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_join(threads[i], NULL), "pthread_join");
}

struct use {
    size_t resident;
    unsigned mappings, descriptors;
};

static struct use use_now(void)
{
    return (struct use){resident(), count_mappings(), count_descriptors()};
}

static void check_growth(struct use before, struct use after)
{
    CHECK(after.resident < before.resident + GROWTH_MAX, "resident: %zu bytes, then %zu",
          before.resident, after.resident);
    CHECK(after.mappings <= before.mappings, "mappings: %u, then %u", before.mappings,
          after.mappings);
    CHECK(after.descriptors == before.descriptors, "descriptors: %u, then %u", before.descriptors,
          after.descriptors);
}

/* Half of the rounds warm up: stacks of threads, arenas of malloc(3), magazines. */
static void all_rounds(long count, int forks)
{
    struct use half;

    rounds(count / 2, forks / 2);
    half = use_now();
    report("half of the rounds", live);
    rounds(count / 2, forks / 2);
    check_growth(half, use_now());
    report("all rounds", live);
    call_live(1);
    report("called again", live);
}

static void free_all(void)
{
    free_live();
    report("freed", (long)status_now().slots_used);
    CHECK(status_now().slots_used == 0, "%zu slots are in use", status_now().slots_used);
}

static struct use make_again(void)
{
    make_live();
    call_live(1);
    report("made again", live);
    return use_now();
}

int main(int count, char **words)
{
    struct use again;

    CHECK(count == 4, "soak LIVE ROUNDS FORKS");
    live = atol(words[1]);
    CHECK(!prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), "no huge pages, which look like growth");
    report("start", 0);
    make_live();
    report("made", live);
    call_live(1);
    report("called", live);
    all_rounds(atol(words[2]), atoi(words[3]));
    free_all();
    again = make_again(); /* of blocks that were given back, which may lie in another order */
    free_all();
    check_growth(again, make_again());
    free_all();
    return 0;
}
