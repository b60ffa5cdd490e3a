/* SPDX-License-Identifier: MIT */
/*
 * Every call that making a closure depends on fails in turn: the first, the second and so on, and
 * again with all calls after it.  Each time a closure is made another way, or the failure is clean:
 * the trail names its errno, nothing is leaked, and later all works.  To be linked with --wrap.
 */
#include "check.h"

#include <pthread.h>
#include <sys/mman.h>

enum { INJECTED = EDQUOT, OTHER = 42, REPEATED = 4 };

static struct {
    int armed, persistent;
    unsigned at, calls; /* fail from call `at` on */
    int error;          /* of the call that failed first; 0: none did */
} plan;

static int fails(int error)
{
    if (!plan.armed)
        return 0;
    plan.calls++;
    if (plan.persistent ? plan.calls < plan.at : plan.calls != plan.at)
        return 0;
    if (!plan.error)
        plan.error = error;
    errno = error;
    return 1;
}

/* A variadic function is called as such: it may store what it gets into its caller's frame. */
#define WRAP_AS(type, name, error, failure, real_parameters, parameters, arguments)                \
    type __real_##name real_parameters;                                                            \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return fails(error) ? (failure) : __real_##name arguments;                                 \
    }

#define WRAP(type, name, error, failure, parameters, arguments)                                    \
    WRAP_AS(type, name, error, failure, parameters, parameters, arguments)

WRAP(void *, mmap, INJECTED, MAP_FAILED,
     (void *start, size_t size, int protection, int flags, int fd, off_t offset),
     (start, size, protection, flags, fd, offset))
WRAP(void *, calloc, ENOMEM, NULL, (size_t count, size_t size), (count, size))
WRAP(char *, strdup, ENOMEM, NULL, (const char *text), (text))
WRAP(FILE *, fopen, INJECTED, NULL, (const char *name, const char *mode), (name, mode))
WRAP(ssize_t, getline, ENOMEM, -1, (char **line, size_t *size, FILE *file), (line, size, file))
WRAP(ssize_t, __getdelim, ENOMEM, -1, (char **line, size_t *size, int delimiter, FILE *file),
     (line, size, delimiter, file))
WRAP(ssize_t, pread, INJECTED, -1, (int fd, void *buffer, size_t size, off_t offset),
     (fd, buffer, size, offset))
WRAP(ssize_t, write, INJECTED, -1, (int fd, const void *buffer, size_t size), (fd, buffer, size))
WRAP(int, memfd_create, INJECTED, -1, (const char *name, unsigned flags), (name, flags))
WRAP_AS(int, open, INJECTED, -1, (const char *, int, ...), (const char *name, int flags),
        (name, flags))
WRAP_AS(int, fcntl, INJECTED, -1, (int, int, ...), (int fd, int command, int argument),
        (fd, command, argument))
WRAP(int, pthread_atfork, ENOMEM, ENOMEM,
     (void (*prepare)(void), void (*parent)(void), void (*child)(void)), (prepare, parent, child))

static void *allocate(adder **code, struct trampfd_trail *trail)
{
    errno = 0;
    return trampfd_closure_alloc(200, (void **)code, trail);
}

static int has_error(const struct trampfd_trail *trail, int error)
{
    for (unsigned i = 0; i < trail->count; i++)
        if (trail->attempts[i].error == error)
            return 1;
    return 0;
}

/* One closure with failures; 0 when it was made. */
static int attempt(unsigned at, int persistent)
{
    struct trampfd_trail trail = {.count = 99};
    size_t used = status_now().slots_used;
    adder *code;
    void *closure;

    plan.at = at;
    plan.persistent = persistent;
    plan.calls = 0;
    plan.error = 0;
    plan.armed = 1;
    closure = allocate(&code, &trail);
    plan.armed = 0;

    if (plan.error && !has_error(&trail, plan.error)) {
        describe(&trail);
        CHECK(0, "call %u: the trail does not know %s", at, strerror(plan.error));
    }
    if (!closure) {
        CHECK(errno && trail.count && errno == trail.attempts[trail.count - 1].error, "call %u: %s",
              at, strerror(errno));
        CHECK(status_now().slots_used == used, "call %u keeps a slot", at);
        return errno;
    }
    CHECK(!trampfd_closure_prep(closure, adder_cif(), add, (void *)5), "call %u", at);
    CHECK(code(6) == 11, "call %u", at);
    trampfd_closure_free(closure);
    return 0;
}

/* In a process of its own; exits with OTHER when there is no such call any more. */
static void trial(unsigned at, int persistent)
{
    unsigned mappings, descriptors;
    struct many many;
    int failed = attempt(at, persistent);

    CHECK(plan.calls || status_now().slots_used, "nothing was asked of the system");
    if (!plan.error)
        exit(OTHER);
    if (failed) {
        /* The first failures may leave parts of the table of addresses and of the index behind, for
           the next closure, and a block that is parked. */
        for (int i = 0; i < REPEATED; i++)
            attempt(at, persistent);
        mappings = count_mappings();
        descriptors = count_descriptors();
        for (int i = 0; i < REPEATED; i++)
            attempt(at, persistent);
        CHECK(count_mappings() <= mappings + 3, "call %u: %u mappings, before %u", at,
              count_mappings(), mappings);
        CHECK(count_descriptors() == descriptors, "call %u: %u descriptors, before %u", at,
              count_descriptors(), descriptors);
    }
    many = make_many(2 * TRAMPFD_BLOCK_SLOTS);
    call_many(many);
    free_many(many);
    exit(0);
}

static void check_all(const char *situation, unsigned calls_min)
{
    for (int persistent = 0; persistent < 2; persistent++) {
        unsigned at = 0;
        int status = 0;

        while (!WIFEXITED(status) || WEXITSTATUS(status) != OTHER) {
            pid_t child = fork();

            at++;
            if (child == 0)
                trial(at, persistent);
            CHECK(waitpid(child, &status, 0) == child, "%s", strerror(errno));
            CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 1, "%s: failure %s call %u: %#x",
                  situation, persistent ? "from" : "of", at, (unsigned)status);
        }
        CHECK(at > calls_min, "%s: only %u calls", situation, at);
    }
}

int main(int argc, char **argv)
{
    struct many many;

    (void)argc;
    count_descriptors(); /* makes the heap */
    check_all("first closure", 1);
    many = make_many(TRAMPFD_BLOCK_SLOTS);
    check_all("growth", 10);
    CHECK(!unlink(argv[0]), "unlink %s: %s", argv[0], strerror(errno));
    check_all("growth without the file", 10);
    call_many(many);
    free_many(many);
    return 0;
}
