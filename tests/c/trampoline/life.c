/* SPDX-License-Identifier: MIT */
/*
 * Many trampolines at once, made and destroyed by many threads, between closures; one that is
 * destroyed in its own call; the child of a fork.
 */
#include "probe.h"

#include <pthread.h>

#define MANY 5000 /* more than a block has slots */
#define FEW 500   /* each with a descriptor */
#define THREADS 4

typedef long function(void);

static const char *backend;
static struct trampfd_trampoline *own;

static long add_context(long number, long more)
{
    return number + more;
}

static long destroy_own(long number)
{
    trampfd_trampoline_destroy(own);
    return number;
}

static struct trampfd_trampoline *make_number(void *pc, long number)
{
    const struct trampfd_context context = {
        .pc = pc,
        .nregs = 2,
        .regs = {{"rdi", (uint64_t)number}, {"rsi", 1}},
    };

    return create(&context, backend);
}

static void check_number(const struct trampfd_trampoline *trampoline, long number)
{
    long result = ((function *)trampfd_trampoline_address(trampoline))();

    CHECK(result == number + 1, "trampoline %ld gives %ld", number, result);
}

static void many(int count)
{
    struct trampfd_trampoline **all = calloc((size_t)count, sizeof(*all));

    CHECK(all, "memory");
    for (int i = 0; i < count; i++)
        all[i] = make_number((void *)(uintptr_t)add_context, i);
    for (int i = 0; i < count; i++)
        check_number(all[i], i);
    for (int i = 0; i < count; i += 2)
        trampfd_trampoline_destroy(all[i]);
    for (int i = 0; i < count; i += 2)
        all[i] = make_number((void *)(uintptr_t)add_context, -i);
    for (int i = 0; i < count; i++)
        check_number(all[i], i % 2 ? i : -i);
    for (int i = 0; i < count; i++)
        trampfd_trampoline_destroy(all[i]);
    free(all);
}

static void *many_in_thread(void *unused)
{
    for (int i = 0; i < 20; i++)
        many(25);
    return unused;
}

static void threads(void)
{
    pthread_t ids[THREADS];

    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&ids[i], NULL, many_in_thread, NULL), "thread");
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
}

static void in_own_call(void)
{
    own = make_number((void *)(uintptr_t)destroy_own, 5);
    CHECK(((function *)trampfd_trampoline_address(own))() == 5, "destroyed in its own call");
}

/* Only the emulation is inherited; the kernel's says so, and its memory is not touched. */
static int in_child(struct trampfd_trampoline *trampoline)
{
    struct trampfd_context context = {.nregs = 77};
    struct trampfd_report report = {.count = 77};

    if (!strcmp(backend, "context")) {
        check_number(trampoline, 8);
        CHECK(!trampfd_trampoline_verify(trampoline, &report) && !report.count, "verify");
    } else {
        void *address = trampfd_trampoline_address(trampoline);
        void *mine = mmap(address, 4096, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

        CHECK(mine == address, "the address is free in the child");
        CHECK(trampfd_trampoline_read(trampoline, &context) == -EXDEV && context.nregs == 77,
              "read");
        CHECK(trampfd_trampoline_verify(trampoline, &report) == -EXDEV && report.count == 77,
              "verify");
        trampfd_trampoline_destroy(trampoline);
        *(volatile char *)mine = 1;
        trampoline = make_number((void *)(uintptr_t)add_context, 8);
        check_number(trampoline, 8);
    }
    trampfd_trampoline_destroy(trampoline);
    return 0;
}

static void forks(void)
{
    struct trampfd_trampoline *trampoline = make_number((void *)(uintptr_t)add_context, 8);
    pid_t child = fork();

    if (!child)
        _exit(in_child(trampoline));
    wait_for_success(child, "child of a fork");
    check_number(trampoline, 8);
    trampfd_trampoline_destroy(trampoline);
}

/* One slot, one descriptor and one mapping, all kept when the slot is free. */
static int slots_are_descriptors(void)
{
    return !strcmp(backend, "context") && !strcmp(status_now().provider, "trampfd-user");
}

/* The kernel shows the mapping of a trampoline as executable, although it has no page. */
static unsigned count_executable(void)
{
    char *text = read_maps();
    struct mapping mapping;
    unsigned count = 0;

    while (next_mapping(&text, &mapping))
        count += mapping.mode[2] == 'x';
    return count;
}

int main(int count, char **arguments)
{
    unsigned descriptors, executable;
    adder *code;
    void *closure;

    backend = backend_of(count, arguments);
    closure = make(3, &code);
    many(100); /* makes what stays */
    threads();
    descriptors = count_own_descriptors(backend);
    executable = count_executable();
    many(!strcmp(backend, "context") && !slots_are_descriptors() ? MANY : FEW);
    many(100);
    threads();
    in_own_call();
    forks();
    CHECK(count_own_descriptors(backend) == descriptors, "descriptors are left");
    CHECK(slots_are_descriptors() || count_executable() <= executable + 1,
          "mappings are left (a spare block is one)");
    check_w_xor_x();
    CHECK(status_now().slots_used == 1, "slots are left");
    CHECK(code(4) == 7, "the closure next to them");
    trampfd_closure_free(closure);
    return 0;
}
