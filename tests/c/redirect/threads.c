/* SPDX-License-Identifier: MIT */
/*
 * threads OBJECT OTHER: threads redirect and undo while others call, load and unload;
 * a constructor that needs the library's lock runs meanwhile.
 */
#include "objects.h"

#include <pthread.h>
#include <stdatomic.h>

static struct object object;
static const char *other_path;
static atomic_int stop;

static void *redirecting(void *unused)
{
    struct tfd_redirection table = to_100(NULL);

    for (int i = scaled(200, 20); i; i--) {
        CHECK(!tfd_redirect(&table, 1, NULL, NULL), "redirected");
        CHECK(!tfd_redirect_undo(&table, 1), "undone");
    }
    return unused;
}

static void *calling(void *unused)
{
    while (!stop) {
        int got = object.call(1);

        CHECK(got == 2 || got == 101, "%d", got);
        got = object.constant(1);
        CHECK(got == 2 || got == 101, "%d", got);
    }
    return unused;
}

static void *loading(void *unused)
{
    while (!stop) {
        struct object other = load(other_path);
        int got = other.call(1);

        CHECK(got == 2 || got == 101, "%d", got);
        dlclose(other.handle);
        status_now();
    }
    return unused;
}

int main(int argc, char **argv)
{
    void *(*const work[])(void *) = {redirecting, redirecting, calling, loading, loading};
    pthread_t threads[5];

    CHECK(argc == 3, "two objects are needed");
    object = load(argv[1]);
    other_path = argv[2];
    check_object(object, 1, "at first");
    for (int i = 0; i < 5; i++)
        CHECK(!pthread_create(&threads[i], NULL, work[i], NULL), "thread %d", i);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    stop = 1;
    for (int i = 2; i < 5; i++)
        pthread_join(threads[i], NULL);
    check_object(object, 1, "at the end");
    return 0;
}
