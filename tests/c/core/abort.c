/* SPDX-License-Identifier: MIT */
/*
 * Misuse that must end the process with a message.  The argument says which, and a second one,
 * "among threads", that there is another thread; the address that the message must name goes to
 * standard output.  Coming back is a failure.
 */
#include "check.h"

#include <pthread.h>

static void announce(const void *address)
{
    printf("%p\n", address);
    fflush(stdout);
}

static void free_twice(size_t size)
{
    adder *code;
    void *closure = make_sized(size, 1, &code);

    trampfd_closure_free(closure);
    announce(closure);
    trampfd_closure_free(closure);
}

static void free_address(void *address)
{
    announce(address);
    trampfd_closure_free(address);
}

static void free_permanent(void *closure)
{
    CHECK(!trampfd_closure_make_permanent(closure), "make it permanent");
    free_address(closure);
}

static void call_freed(const char *name)
{
    adder *code;
    void *closure = make(1, &code);

    trampfd_closure_free_named(closure, name);
    announce((void *)code);
    code(1);
}

static void call_into_block_given_back(void)
{
    struct many rest = make_many(TRAMPFD_BLOCK_SLOTS), two = make_many(2 * TRAMPFD_BLOCK_SLOTS);
    adder *code[] = {two.code[0], two.code[two.count / 2], two.code[two.count - 1]};
    struct trampfd_slot slot;

    free_many(two);
    for (int i = 0; i < 3; i++)
        if (trampfd_slot_find((void *)code[i], &slot))
            code[i](1);
    free_many(rest);
}

/* The last closure of one block, and then of another, of which one is given back. */
static void call_last_of_block(void)
{
    struct many rest = make_many((int)status_now().slots_free);
    struct many two = make_many(2 * TRAMPFD_BLOCK_SLOTS);
    adder *code = two.code[two.count - 1];

    free_many(two);
    CHECK(status_now().slots_free == TRAMPFD_BLOCK_SLOTS, "%zu slots are free",
          status_now().slots_free);
    announce((void *)code);
    code(1);
    free_many(rest);
}

static void call_unprepared(size_t size)
{
    adder *code;

    CHECK(trampfd_closure_alloc(size, (void **)&code, NULL), "%s", strerror(errno));
    announce((void *)code);
    code(1);
}

/* A freed closure was written to, and its turn to be handed out again comes. */
static void write_to_freed(void)
{
    adder *code;
    void *closure = make(1, &code);

    trampfd_closure_free(closure);
    memset(closure, 0xa5, sizeof(ffi_closure));
    announce((void *)code);
    for (int i = 0; i < 2 * TRAMPFD_BLOCK_SLOTS; i++)
        trampfd_closure_free(make(i, &code));
}

static void *wait_for_ever(void *unused)
{
    pause();
    return unused;
}

static void start_thread(void)
{
    pthread_t thread;

    CHECK(!pthread_create(&thread, NULL, wait_for_ever, NULL), "pthread_create");
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";
    void *on_heap = malloc(1000);
    adder *code;
    char *closure;
    long on_stack[4] = {0};

    if (argc > 2)
        start_thread();
    closure = make(1, &code);
    if (!strcmp(way, "free twice"))
        free_twice(sizeof(ffi_closure));
    else if (!strcmp(way, "free a large one twice"))
        free_twice(1000);
    else if (!strcmp(way, "free the code"))
        free_address((void *)code);
    else if (!strcmp(way, "free the middle"))
        free_address(closure + 8);
    else if (!strcmp(way, "free stack"))
        free_address(&on_stack[2]);
    else if (!strcmp(way, "free heap"))
        free_address((char *)on_heap + 64);
    else if (!strcmp(way, "free a small number"))
        free_address((void *)8);
    else if (!strcmp(way, "free a permanent one"))
        free_permanent(closure);
    else if (!strcmp(way, "call freed"))
        call_freed(NULL);
    else if (!strcmp(way, "call freed by name"))
        call_freed("on_click");
    else if (!strcmp(way, "call freed by long name"))
        call_freed("0123456789012345678901234567890123456789 and more");
    else if (!strcmp(way, "call into a block that was given back"))
        call_into_block_given_back();
    else if (!strcmp(way, "call the last of a block"))
        call_last_of_block();
    else if (!strcmp(way, "call unprepared"))
        call_unprepared(sizeof(ffi_closure));
    else if (!strcmp(way, "call large unprepared"))
        call_unprepared(1000);
    else if (!strcmp(way, "write to freed"))
        write_to_freed();
    fprintf(stderr, "%s: nothing happened\n", way);
    free(on_heap);
    return 1;
}
