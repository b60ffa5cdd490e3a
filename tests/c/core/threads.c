/* SPDX-License-Identifier: MIT */
/*
 * Threads make closures, call each other's, look them up, read their own back and free those that
 * another thread made, while others ask for the status.
 */
#include "check.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 3000, SHELF = 256 };

/* Closures on the way from the thread that made them to the one that frees them. */
static struct {
    pthread_mutex_t lock;
    void *closure[SHELF];
    adder *code[SHELF];
    int number[SHELF];
    int count;
} shelf = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* 0 when the shelf is full. */
static int put(void *closure, adder *code, int number)
{
    int placed;

    pthread_mutex_lock(&shelf.lock);
    placed = shelf.count < SHELF;
    if (placed) {
        shelf.closure[shelf.count] = closure;
        shelf.code[shelf.count] = code;
        shelf.number[shelf.count++] = number;
    }
    pthread_mutex_unlock(&shelf.lock);
    return placed;
}

/* NULL when the shelf is empty. */
static void *take(adder **code, int *number)
{
    void *closure = NULL;

    pthread_mutex_lock(&shelf.lock);
    if (shelf.count) {
        closure = shelf.closure[--shelf.count];
        *code = shelf.code[shelf.count];
        *number = shelf.number[shelf.count];
    }
    pthread_mutex_unlock(&shelf.lock);
    return closure;
}

static void use(void *closure, adder *code, int number)
{
    struct trampfd_closure read;
    struct trampfd_slot slot;

    CHECK(code(5) == number + 5, "closure %d", number);
    CHECK(!trampfd_slot_find((void *)code, &slot), "closure %d", number);
    CHECK(!trampfd_closure_read((void *)code, &read), "closure %d", number);
    CHECK(read.closure == closure && read.user_data == (void *)(intptr_t)number, "closure %d",
          number);
}

static void *work(void *argument)
{
    int base = (int)(intptr_t)argument * ROUNDS;

    for (int round = 0; round < ROUNDS; round++) {
        int number = base + round, other_number;
        size_t size = round % 5 ? sizeof(ffi_closure) : 300;
        adder *code, *other_code;
        void *closure = make_sized(size, number, &code), *other = take(&other_code, &other_number);

        use(closure, code, number);
        if (other) {
            use(other, other_code, other_number);
            trampfd_closure_free_named(other, "other");
        }
        if (!put(closure, code, number))
            trampfd_closure_free(closure);
        if (round % 100 == 0)
            free_many(make_many(round % 1000 ? 10 : TRAMPFD_BLOCK_SLOTS));
        if (round % 10 == 0)
            status_now();
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    adder *code;
    void *closure;
    int number;

    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&threads[i], NULL, work, (void *)(intptr_t)i), "pthread_create");
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_join(threads[i], NULL), "pthread_join");
    while ((closure = take(&code, &number)))
        trampfd_closure_free(closure);
    CHECK(status_now().slots_used == 0, "%zu closures are left", status_now().slots_used);
    return 0;
}
