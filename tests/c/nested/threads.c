/* SPDX-License-Identifier: MIT */
/* Each thread has its own pointers; those that it leaves behind end with it. */
#include "by_hand.h"

#include <pthread.h>

#define THREADS 8

static pthread_barrier_t together;
static pthread_key_t late_key;

static void work(int number)
{
    struct frame frame;

    enter_with_two(&frame, number);
    pthread_barrier_wait(&together);
    CHECK(frame.pointer[0](1) == number + 1, "thread %d adds", number);
    CHECK(frame.pointer[1](3) == number * 3, "thread %d multiplies", number);
    pthread_barrier_wait(&together);
    if (number % 2)
        pthread_exit(NULL);
    __gcc_nested_func_ptr_deleted();
    __gcc_nested_func_ptr_deleted();
}

/* A destructor of thread data, run before and after the library's own. */
static void late(void *count)
{
    struct frame frame;

    enter(&frame, 5);
    CHECK(frame.pointer[0](5) == 10, "in a destructor");
    if ((intptr_t)count > 1)
        pthread_setspecific(late_key, (void *)((intptr_t)count - 1));
}

static void *thread(void *number)
{
    pthread_setspecific(late_key, (void *)2);
    for (int i = 0; i < 1000; i++) {
        struct frame frame;

        enter(&frame, i);
        CHECK(frame.pointer[0](1) == i + 1, "round %d", i);
        __gcc_nested_func_ptr_deleted();
    }
    work((int)(intptr_t)number);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    struct frame frame;

    pthread_barrier_init(&together, NULL, THREADS);
    pthread_key_create(&late_key, late);
    enter(&frame, 9);
    for (intptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, thread, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK(frame.pointer[0](1) == 10, "main's pointer");
    CHECK(pointers() == 1, "%zu pointers are left", pointers());
    __gcc_nested_func_ptr_deleted();
    return 0;
}
