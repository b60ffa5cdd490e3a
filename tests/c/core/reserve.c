/* SPDX-License-Identifier: MIT */
/*
 * Closures that were reserved, as the argument says, under a filter that kills the process for any
 * system call but those that say how the test went: in a process that is "alone", among "threads",
 * in the child of a "fork"; and "without" a reservation, where the filter has to strike.  The others
 * need no filter: "end" of a reservation, a "race" of several, "refused" ones, and an "idle" one.
 */
#include "check.h"
#include "filter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

/* All slots of three blocks, so that those in magazines are missed. */
enum { COUNT = 3 * TRAMPFD_BLOCK_SLOTS, ROUNDS = 4, THREADS = 32, EACH = COUNT / THREADS };

static void *closures[COUNT];
static adder *codes[COUNT];

static void make_one(int i)
{
    closures[i] = trampfd_closure_alloc(sizeof(ffi_closure), (void **)&codes[i], NULL);
    NEED(closures[i], "a closure that was reserved is refused");
    NEED(!trampfd_closure_prep(closures[i], adder_cif(), add, (void *)(intptr_t)i), "preparation");
}

/* All of them, again and again, with some that are freed and made in between. */
static void use_closures(int first, int count)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = first; i < first + count; i++) {
            make_one(i);
            trampfd_closure_free_named(closures[i], "a name");
            make_one(i);
        }
        for (int i = first; i < first + count; i++)
            NEED(codes[i](7) == i + 7, "a call gives something else");
        for (int i = first; i < first + count; i++)
            trampfd_closure_free_named(closures[i], "a name");
    }
}

/* The signature has a plan then, and pages of this program are there. */
static void prepare(void)
{
    adder *code;

    trampfd_closure_free(make(1, &code));
}

static void reserve(size_t count)
{
    struct trampfd_trail trail;
    int error = trampfd_reserve(count, &trail);

    if (error)
        describe(&trail);
    CHECK(!error, "%zu closures: %s", count, strerror(-error));
}

static size_t blocks_now(void)
{
    struct trampfd_status status = status_now();

    return (status.slots_used + status.slots_free) / TRAMPFD_BLOCK_SLOTS;
}

static _Noreturn void use_alone(void)
{
    set_filter();
    use_closures(0, COUNT);
    _exit(0);
}

static pthread_barrier_t barrier, never;

/* Threads keep their slots to the last moment, when all have as many closures as they may. */
static void *use_among_threads(void *number)
{
    int first = (int)(intptr_t)number * EACH;

    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    use_closures(first, EACH);
    for (int i = first; i < first + EACH; i++)
        make_one(i);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&never);
    return NULL;
}

/* Some of them had closures before. */
static void *make_some_first(void *number)
{
    free_many(make_many(200));
    return use_among_threads(number);
}

static _Noreturn void check_threads(void)
{
    pthread_t thread;

    CHECK(!pthread_barrier_init(&barrier, NULL, THREADS + 1), "pthread_barrier_init");
    CHECK(!pthread_barrier_init(&never, NULL, THREADS + 1), "pthread_barrier_init");
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&thread, NULL, i % 8 ? use_among_threads : make_some_first,
                              (void *)(intptr_t)i),
              "pthread_create");
    pthread_barrier_wait(&barrier);
    reserve(COUNT);
    set_filter();
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    _exit(0);
}

static void check_fork(void)
{
    pid_t child;

    reserve(COUNT);
    child = fork();
    if (child == 0)
        use_alone();
    wait_for_success(child, "child");
    use_alone();
}

/* A smaller reservation gives back what it does not need, but nothing that is in use. */
static void check_end(void)
{
    struct many many;
    unsigned mappings;

    reserve(0);
    mappings = count_mappings();
    reserve((size_t)20 * TRAMPFD_BLOCK_SLOTS);
    CHECK(blocks_now() == 21, "%zu blocks", blocks_now());
    reserve((size_t)5 * TRAMPFD_BLOCK_SLOTS);
    CHECK(blocks_now() == 6, "%zu blocks", blocks_now());
    many = make_many(12 * TRAMPFD_BLOCK_SLOTS);
    CHECK(blocks_now() == 12, "%zu blocks", blocks_now());
    reserve(1);
    CHECK(blocks_now() == 13, "%zu blocks", blocks_now());
    call_many(many);
    free_many(many);
    CHECK(blocks_now() == 13, "%zu blocks", blocks_now());
    reserve(0);
    CHECK(blocks_now() == 2, "%zu blocks: the built-in one and an empty one", blocks_now());
    free_many(make_many(12 * TRAMPFD_BLOCK_SLOTS));
    CHECK(blocks_now() == 2, "%zu blocks", blocks_now());
    /* Blocks that were given back are mapped, too: code, dead records, and what lies in between. */
    CHECK(count_mappings() <= mappings + 3 * 20 + 1 + 6, "%u mappings, before %u", count_mappings(),
          mappings);
}

static void check_refusal(size_t count)
{
    size_t blocks = blocks_now();
    struct trampfd_trail trail;
    char text[1000];

    CHECK(trampfd_reserve(count, &trail) == -ENOMEM, "%zu closures", count);
    CHECK(trampfd_reserve(count, NULL) == -ENOMEM, "%zu closures", count);
    CHECK(trampfd_trail_format(&trail, text, sizeof(text)), "the trail is empty");
    CHECK(strstr(text, "Cannot allocate memory"), "%s", text);
    CHECK(blocks_now() == blocks, "%zu blocks, before %zu", blocks_now(), blocks);
}

/* At whichever step the limit is met. */
static void check_refused(void)
{
    struct rlimit limit = {.rlim_max = RLIM_INFINITY};
    size_t least = address_space();

    check_refusal(SIZE_MAX);
    check_refusal(SIZE_MAX / 2);
    reserve(COUNT);
    for (size_t more = 0; more < (8 << 20); more += 100000) {
        limit.rlim_cur = least + more;
        CHECK(!setrlimit(RLIMIT_AS, &limit), "%s", strerror(errno));
        check_refusal(SIZE_MAX / 1000);
        check_refusal((size_t)60 * TRAMPFD_BLOCK_SLOTS);
    }
    use_alone();
}

static atomic_int is_over;

static void *use_meanwhile(void *first)
{
    while (!is_over)
        use_closures((int)(intptr_t)first, COUNT / 4);
    return NULL;
}

/* The number changes again and again while threads make closures and children are forked. */
static void check_race(void)
{
    pthread_t threads[3];

    for (int i = 0; i < 3; i++)
        CHECK(!pthread_create(&threads[i], NULL, use_meanwhile, (void *)(intptr_t)(i * COUNT / 4)),
              "pthread_create");
    for (int i = 0; i < scaled(100, 10); i++) {
        pid_t child;

        reserve((size_t)(i % 7) * 3000);
        child = fork();
        if (child == 0) {
            reserve(COUNT / 4);
            use_closures(3 * COUNT / 4, COUNT / 4);
            _exit(0);
        }
        wait_for_success(child, "child");
    }
    is_over = 1;
    for (int i = 0; i < 3; i++)
        CHECK(!pthread_join(threads[i], NULL), "pthread_join");
    reserve(0);
    CHECK(blocks_now() <= 2, "%zu blocks", blocks_now());
}

/* Memory is for records that are used.  Code was compared, so its pages are there. */
static void check_idle(void)
{
    size_t before = resident();

    reserve((size_t)400 * TRAMPFD_BLOCK_SLOTS);
    CHECK(SANITIZED || resident() < before + status_now().code_bytes + (8 << 20),
          "from %zu to %zu bytes", before, resident());
    check_w_xor_x();
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";

    alarm(scaled(200, 6000));
    prepare();
    if (!strcmp(way, "alone"))
        reserve(COUNT);
    if (!strcmp(way, "alone") || !strcmp(way, "without"))
        use_alone();
    if (!strcmp(way, "threads"))
        check_threads();
    if (!strcmp(way, "fork"))
        check_fork();
    if (!strcmp(way, "end"))
        check_end();
    if (!strcmp(way, "refused"))
        check_refused();
    if (!strcmp(way, "race"))
        check_race();
    if (!strcmp(way, "idle"))
        check_idle();
    return 0;
}
