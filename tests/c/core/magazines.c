/* SPDX-License-Identifier: MIT */
/*
 * What threads keep in their magazines, as the argument says: "end": it is given back when they
 * end; "fork": a child has it; "rest": a freed slot rests before it is handed out again; "shrink":
 * blocks that ran empty are given back; "race": threads that free one closure at once, by mistake.
 */
#include "check.h"

#include <pthread.h>
#include <signal.h>

enum { THREADS = 20, EACH = 100, RESTING = 1000 };

static pthread_barrier_t barrier;

static pthread_t start(void *(*function)(void *), void *argument)
{
    pthread_t thread;

    CHECK(!pthread_create(&thread, NULL, function, argument), "pthread_create");
    return thread;
}

static void join(pthread_t thread)
{
    CHECK(!pthread_join(thread, NULL), "pthread_join");
}

/* Waits for the main thread between that and its end, if it is told so. */
static void *make_and_free(void *waits)
{
    free_many(make_many(EACH));
    if (waits) {
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

/* All slots that are built in can be had. */
static void fill_first_block(void)
{
    struct many many = make_many((int)status_now().slots_free);

    CHECK(many.count == TRAMPFD_BLOCK_SLOTS, "%d slots are free", many.count);
    CHECK(status_now().blocks_own_file == 0, "a block was made for slots that were lost");
    call_many(many);
    free_many(many);
}

static void check_end(void)
{
    for (int i = 0; i < THREADS; i++)
        join(start(make_and_free, NULL));
    CHECK(status_now().slots_used == 0, "%zu slots in use", status_now().slots_used);
    fill_first_block();
}

static void check_fork(void)
{
    pthread_t threads[THREADS];
    pid_t child;

    CHECK(!pthread_barrier_init(&barrier, NULL, THREADS + 1), "pthread_barrier_init");
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(make_and_free, &barrier);
    pthread_barrier_wait(&barrier);
    CHECK(status_now().slots_used == 0, "%zu slots in use", status_now().slots_used);
    child = fork();
    if (child == 0) {
        fill_first_block();
        check_end();
        _exit(0);
    }
    wait_for_success(child, "child");
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    fill_first_block();
}

static void *check_rest(void *unused)
{
    adder *code, *other;

    free_many(make_many(EACH));
    for (int round = 0; round < 100; round++) {
        trampfd_closure_free(make(1, &code));
        for (int i = 0; i < RESTING; i++) {
            void *closure = make(2, &other);

            CHECK(other != code, "round %d: handed out again after %d others", round, i);
            trampfd_closure_free(closure);
        }
    }
    return unused;
}

static void *check_shrink(void *unused)
{
    for (int round = 0; round < 3; round++) {
        struct many many = make_many(5 * TRAMPFD_BLOCK_SLOTS);

        CHECK(status_now().blocks_own_file >= 4, "%zu blocks", status_now().blocks_own_file);
        free_many(many);
        /* One that is empty is kept, and two whose slots the thread has. */
        CHECK(status_now().blocks_own_file <= 3, "%zu blocks", status_now().blocks_own_file);
    }
    return unused;
}

static void *free_at_once(void *closure)
{
    pthread_barrier_wait(&barrier);
    trampfd_closure_free(closure);
    return NULL;
}

static _Noreturn void free_in_two_threads(void)
{
    adder *code;
    void *closure = make(1, &code);
    pthread_t threads[] = {start(free_at_once, closure), start(free_at_once, closure)};

    join(threads[0]);
    join(threads[1]);
    _exit(0);
}

static void check_race(void)
{
    CHECK(!pthread_barrier_init(&barrier, NULL, 2), "pthread_barrier_init");
    CHECK(freopen("/dev/null", "w", stderr), "%s", strerror(errno));
    for (int round = 0; round < scaled(300, 10); round++) {
        pid_t child = fork();
        int status;

        if (child == 0)
            free_in_two_threads();
        CHECK(waitpid(child, &status, 0) == child, "%s", strerror(errno));
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %#x", (unsigned)status);
    }
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";

    alarm(scaled(200, 6000));
    if (!strcmp(way, "end")) {
        check_end();
    } else if (!strcmp(way, "fork")) {
        check_fork();
    } else if (!strcmp(way, "rest")) {
        join(start(check_rest, NULL));
    } else if (!strcmp(way, "shrink")) {
        join(start(check_shrink, NULL));
        CHECK(status_now().blocks_own_file <= 1, "%zu blocks", status_now().blocks_own_file);
    } else if (!strcmp(way, "race")) {
        check_race();
    }
    return 0;
}
