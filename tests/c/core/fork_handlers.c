/* SPDX-License-Identifier: MIT */
/*
 * Another library's fork handlers make, call and free closures in all three phases.  They were
 * registered as the argument says: "before" the first closure, "after" it, or "before and after".
 */
#include "check.h"

#include <pthread.h>

static int prepared, in_parent, in_child;

static void use_closures(int *times)
{
    struct many many = make_many(10);

    call_many(many);
    free_many(many);
    ++*times;
}

static void prepare(void)
{
    use_closures(&prepared);
}

static void parent(void)
{
    use_closures(&in_parent);
}

static void child_handler(void)
{
    alarm(scaled(20, 600)); /* a deadlock */
    use_closures(&in_child);
}

static void register_handlers(void)
{
    CHECK(!pthread_atfork(prepare, parent, child_handler), "pthread_atfork");
}

int main(int argc, char **argv)
{
    const char *when = argc > 1 ? argv[1] : "before and after";
    int handlers = 0;

    alarm(scaled(60, 600));
    if (strstr(when, "before")) {
        register_handlers();
        handlers++;
    }
    free_many(make_many(1));
    if (strstr(when, "after")) {
        register_handlers();
        handlers++;
    }
    for (int i = 1; i <= 20; i++) {
        pid_t child = fork();

        if (child == 0) {
            struct many many = make_many(TRAMPFD_BLOCK_SLOTS + 1);

            call_many(many);
            free_many(many);
            _exit(in_child == handlers && prepared == i * handlers ? 0 : 3);
        }
        wait_for_success(child, "fork");
        CHECK(prepared == i * handlers && in_parent == i * handlers, "handlers did not run");
    }
    return 0;
}
