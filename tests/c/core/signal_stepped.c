/* SPDX-License-Identifier: MIT */
/*
 * A signal handler uses the library after each instruction of an allocation, a preparation and a
 * freeing, in a process with one thread or, as the argument says, "among threads".  It is served
 * or refused; what it got, and what the interrupted code got, are closures of their own.
 */
#include "step.h"

#include <pthread.h>

enum { KEPT_MAX = 4000, ROUNDS = 3 };

static void *standing;
static adder *standing_code, *kept[KEPT_MAX];
static int kept_count, served, refused, wrong;

static void keep(adder *code)
{
    wrong |= kept_count == KEPT_MAX;
    kept[kept_count++] = code;
}

static void check_refusal(const struct trampfd_trail *trail)
{
    struct trampfd_closure closure;
    char text[500];

    refused++;
    wrong |= errno != EDEADLK;
    trampfd_trail_format(trail, text, sizeof(text));
    wrong |= !strstr(text, "a signal handler interrupted trampfd itself");
    wrong |= trampfd_closure_prep(standing, adder_cif(), add, (void *)1) != -EDEADLK;
    wrong |= trampfd_closure_read((void *)standing_code, &closure) != -EDEADLK;
    wrong |= trampfd_reserve(1, NULL) != -EDEADLK;
    wrong |= trampfd_verify_all(NULL, NULL, NULL) != -EDEADLK;
}

static void use(int signal, siginfo_t *info, void *context)
{
    struct trampfd_trail trail;
    adder *code;
    void *closure = trampfd_closure_alloc(sizeof(ffi_closure), (void **)&code, &trail);

    (void)signal, (void)info, (void)context;
    if (!closure) {
        check_refusal(&trail);
        return;
    }
    served++;
    wrong |= trampfd_closure_prep(standing, adder_cif(), add, (void *)2) != 0;
    wrong |= trampfd_closure_prep(closure, adder_cif(), add, (void *)(intptr_t)kept_count) != 0;
    wrong |= code(5) != kept_count + 5;
    if (served % 5 == 0)
        keep(code);
    else
        trampfd_closure_free(closure);
}

static void check_kept(void)
{
    for (int i = 0; i < kept_count; i++) {
        CHECK(kept[i](7) == i + 7, "closure %d gives %d", i, kept[i](7));
        for (int j = 0; j < i; j++)
            CHECK(kept[j] != kept[i], "%p is two closures", (void *)kept[i]);
    }
}

static void *wait_for_ever(void *unused)
{
    pause();
    return unused;
}

int main(int argc, char **argv)
{
    void *closures[ROUNDS];
    adder *codes[ROUNDS], *code;
    pthread_t thread;

    alarm(scaled(500, 3000));
    if (argc > 1 && !strcmp(argv[1], "among threads"))
        CHECK(!pthread_create(&thread, NULL, wait_for_ever, NULL), "pthread_create");
    standing = make(1, &standing_code);
    free_many(make_many(50));
    at_each_step(use);
    for (int round = 0; round < ROUNDS; round++) {
        set_steps(1);
        closures[round] = trampfd_closure_alloc(sizeof(ffi_closure), (void **)&codes[round], NULL);
        trampfd_closure_prep(closures[round], adder_cif(), add, (void *)(intptr_t)(3000 + round));
        trampfd_closure_free(trampfd_closure_alloc(100, (void **)&code, NULL));
        set_steps(0);
    }
    printf("%d served, %d refused\n", served, refused);
    CHECK(!wrong && served > 50 && refused > 50, "wrong %d", wrong);
    for (int round = 0; round < ROUNDS; round++) {
        CHECK(codes[round](1) == 3001 + round, "round %d", round);
        for (int i = 0; i < kept_count; i++)
            CHECK(kept[i] != codes[round], "%p is two closures", (void *)kept[i]);
    }
    check_kept();
    CHECK(status_now().slots_used == (size_t)(kept_count + 1 + ROUNDS), "%zu slots in use",
          status_now().slots_used);
    return 0;
}
