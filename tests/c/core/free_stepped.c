/* SPDX-License-Identifier: MIT */
/*
 * A closure is freed by another thread at each instruction of a call of it, from its slot to its
 * return; the freeing thread makes and frees others then.  Each time the call gives the right
 * result, or it had not read the entry yet and the process ends with the message that names the
 * closure.  The argument tells how the call is marshalled: "plan", "libffi", "bound".  A call of
 * thousands of instructions, as libffi makes for a bound function on a port that has no entry for
 * it, is interrupted at some of them only: the time grows with the square of their number.
 */
#include "check.h"

#include "closure/entry.h"
#include "slot/pool.h"
#include "stopped.h"

#include <pthread.h>
#include <signal.h>
#include <sys/ptrace.h>

enum { STEPS_MAX = 20000, OTHERS = 300, WRONG = 3 };

typedef struct {
    double d;
    long l;
} pair;
typedef pair function(long, pair, double);

static function *code;
static void *closure;
static int orders[2], done[2], errors[2];

static pair compute(long number, long a, pair b, double c)
{
    return (pair){b.d + c, a + b.l + number};
}

static pair bound(long number, long a, pair b, double c)
{
    return compute(number, a, b, c);
}

static void handle(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)cif;
    *(pair *)result = compute((long)(intptr_t)user_data, *(long *)arguments[0],
                              *(pair *)arguments[1], *(double *)arguments[2]);
}

static ffi_type *members[] = {&ffi_type_double, &ffi_type_slong, NULL};
static ffi_type pair_type = {.type = FFI_TYPE_STRUCT, .elements = members};
static ffi_type *types[] = {&ffi_type_slong, &ffi_type_slong, &pair_type, &ffi_type_double};
static ffi_cif cif, bound_cif;

/* What libffi makes of it, although there is a plan for the signature. */
static void prepare_for_libffi(void)
{
    union tfd_record record = {.closure = {.cif = &cif, .fun = handle, .user_data = (void *)1000}};

    CHECK(!tfd_entry_libffi_set(&record)
              && !tfd_pool_store(tfd_pool_find_closure(closure), &record),
          "a record of libffi's");
}

static void make_closure(const char *way)
{
    CHECK(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 3, &pair_type, types + 1) == FFI_OK
              && ffi_prep_cif(&bound_cif, FFI_DEFAULT_ABI, 4, &pair_type, types) == FFI_OK,
          "cif");
    if (!strcmp(way, "bound")) {
        closure = trampfd_bind(&bound_cif, FFI_FN(bound), (void *)1000, TRAMPFD_FIRST,
                               (void **)&code, NULL);
        CHECK(closure, "%s", strerror(errno));
        return;
    }
    closure = trampfd_closure_alloc(sizeof(ffi_closure), (void **)&code, NULL);
    CHECK(closure, "%s", strerror(errno));
    CHECK(!trampfd_closure_prep(closure, &cif, handle, (void *)1000), "preparation");
    if (!strcmp(way, "libffi"))
        prepare_for_libffi();
}

static void *free_when_told(void *unused)
{
    adder *other;
    char byte;

    (void)unused;
    if (read(orders[0], &byte, 1) == 1) {
        trampfd_closure_free_named(closure, "on_click");
        for (int i = 0; i < OTHERS; i++)
            trampfd_closure_free_named(make(i, &other), "another name");
        CHECK(write(done[1], &byte, 1) == 1, "%s", strerror(errno));
    }
    return NULL;
}

/* The traced process: stops before its call. */
static _Noreturn void call(void)
{
    pthread_t thread;
    pair result;

    CHECK(dup2(errors[1], STDERR_FILENO) >= 0, "%s", strerror(errno));
    CHECK(!pthread_create(&thread, NULL, free_when_told, NULL), "pthread_create");
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
        _exit(77);
    raise(SIGSTOP);
    result = code(20, (pair){0.5, 3}, 0.25);
    _exit(result.d == 0.75 && result.l == 1023 ? 0 : WRONG);
}

static void step(pid_t child)
{
    int status;

    CHECK(!ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), "%s", strerror(errno));
    CHECK(waitpid(child, &status, 0) == child && WIFSTOPPED(status), "status %#x",
          (unsigned)status);
}

/* To the first instruction of the slot; returns where it returns to. */
static uintptr_t step_to_slot(pid_t child)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        if (stopped_at(child) == (uintptr_t)code)
            return stopped_return(child);
        step(child);
    }
    CHECK(0, "the slot is not reached");
    return 0;
}

static int end_of(pid_t child)
{
    int status, signal = 0;

    do {
        CHECK(!ptrace(PTRACE_CONT, child, NULL, signal), "%s", strerror(errno));
        CHECK(waitpid(child, &status, 0) == child, "%s", strerror(errno));
        signal = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
    } while (WIFSTOPPED(status));
    return status;
}

/* Is this how a process ends that calls a freed closure?  Takes what it wrote to standard error. */
static int was_named(int status)
{
    char text[1000] = {0};
    ssize_t length = read(errors[0], text, sizeof(text) - 1);

    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && length > 0
           && strstr(text, "call of a closure that was freed: ") && strstr(text, " (on_click) ");
}

static pid_t start(void)
{
    pid_t child = fork();
    int status;

    CHECK(child >= 0, "fork: %s", strerror(errno));
    if (child == 0)
        call();
    CHECK(waitpid(child, &status, 0) == child, "%s", strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        SKIP("ptrace(2) is not permitted");
    CHECK(WIFSTOPPED(status), "status %#x", (unsigned)status);
    return child;
}

static int count_steps(void)
{
    pid_t child = start();
    uintptr_t end = step_to_slot(child);
    int steps;

    for (steps = 0; stopped_at(child) != end; steps++)
        step(child);
    CHECK(end_of(child) == 0, "the call alone");
    return steps;
}

/* From one step at which the closure is freed to the next. */
static int stride(int count)
{
    /* A short call takes a dozen steps: a few of them would not show both ends. */
    return count < 40 ? 1 : (1 + count / 1000) * scaled(1, 9);
}

/* The status of a process whose closure is freed `steps` instructions after it came to the slot. */
static int freed_after(int steps)
{
    pid_t child = start();
    char byte = 0;

    step_to_slot(child);
    while (steps--)
        step(child);
    CHECK(write(orders[1], &byte, 1) == 1 && read(done[0], &byte, 1) == 1, "%s", strerror(errno));
    return end_of(child);
}

int main(int argc, char **argv)
{
    int count, named = 0, right = 0, other = 0;

    alarm(scaled(500, 6000));
    make_closure(argc > 1 ? argv[1] : "plan");
    CHECK(!pipe(orders) && !pipe(done) && !pipe2(errors, O_NONBLOCK), "%s", strerror(errno));
    count = count_steps();
    for (int steps = 0; steps < count; steps += stride(count)) {
        int status = freed_after(steps);

        if (was_named(status) && !right)
            named++;
        else if (status == 0)
            right++;
        else
            other++;
    }
    printf("%d steps: %d named, %d right, %d neither\n", count, named, right, other);
    CHECK(!other, "%d of %d calls end in another way", other, count);
    CHECK(named && right > named, "%d calls are named, %d right", named, right);
    return 0;
}
