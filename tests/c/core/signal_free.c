/* SPDX-License-Identifier: MIT */
/*
 * A signal handler frees a closure after each instruction of an allocation, a preparation and a
 * freeing, each time in a new process: it is freed, or the process ends with a message.
 */
#include "step.h"

enum { AT_END = 3 };

static void *standing;
static int steps, free_at;

static void free_standing(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
    if (steps++ == free_at)
        trampfd_closure_free(standing);
}

static void use_all(void)
{
    adder *code;
    void *closure;

    set_steps(1);
    closure = make(3, &code);
    trampfd_closure_free(closure);
    set_steps(0);
}

static _Noreturn void in_child(int step, int errors)
{
    struct many many;

    free_at = step;
    CHECK(dup2(errors, STDERR_FILENO) >= 0, "%s", strerror(errno));
    use_all();
    if (steps <= step)
        _exit(AT_END);
    CHECK(status_now().slots_used == 0, "%zu slots in use", status_now().slots_used);
    many = make_many(100);
    call_many(many);
    free_many(many);
    _exit(0);
}

int main(void)
{
    int served = 0, refused = 0, status = 0;
    adder *code;

    alarm(scaled(500, 3000));
    free_many(make_many(10));
    standing = make(1, &code);
    at_each_step(free_standing);
    free_at = -1;
    use_all(); /* what happens once only has happened then */
    for (int step = 0; !WIFEXITED(status) || WEXITSTATUS(status) != AT_END; step += scaled(1, 7)) {
        char text[1000] = {0};
        int errors[2];
        pid_t child;

        CHECK(!pipe(errors), "%s", strerror(errno));
        steps = 0;
        child = fork();
        if (child == 0)
            in_child(step, errors[1]);
        close(errors[1]);
        CHECK(read(errors[0], text, sizeof(text) - 1) >= 0, "%s", strerror(errno));
        close(errors[0]);
        CHECK(waitpid(child, &status, 0) == child, "%s", strerror(errno));
        if (WIFEXITED(status) && WEXITSTATUS(status) == AT_END)
            continue;
        if (status == 0) {
            served++;
            continue;
        }
        refused++;
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT
                  && strstr(text, "by a signal handler that interrupted trampfd itself"),
              "step %d: status %#x: %s", step, (unsigned)status, text);
    }
    printf("%d freed, %d refused\n", served, refused);
    CHECK(served > 20 / scaled(1, 7) && refused > 20 / scaled(1, 7), "%d and %d", served, refused);
    return 0;
}
