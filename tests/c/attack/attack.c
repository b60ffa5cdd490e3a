/* SPDX-License-Identifier: MIT */
/*
 * attack NAME: plays an attacker who can store what he wants where he wants, and knows all addresses.
 * He wants the call of a closure to go to his function, or to do anything else than it should.
 * Prints "stored" when his stores are done, "made" when the program has made another closure after
 * that, and then what came of it: "redirected", "astray", "unmapped" or "unchanged".  A process that
 * ends earlier was ended by the store, by making a closure, or by the call.
 *
 * attack: prints the names.
 */
#include "check.h"

#include "base/lock.h"
#include "closure/plan.h"
#include "slot/allowed.h"
#include "slot/pool.h"
#include "trampoline/steps.h"

#include <sys/mman.h>
#include <sys/uio.h>

enum { OWN = 1, ATTACKERS = 666, LARGE = 200 };

static union {
    adder *of;
    void *address;
} code;
static void *closure;

/* Where the call goes that is looked at. */
static int (*call)(int);

static void attackers(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)cif, (void)arguments, (void)user_data;
    *(ffi_sarg *)result = ATTACKERS;
}

static int attackers_function(int number)
{
    (void)number;
    return ATTACKERS;
}

static struct tfd_slot slot(void)
{
    return tfd_pool_find_code(code.address);
}

static union tfd_record *record(void)
{
    return (union tfd_record *)(uintptr_t)tfd_slot_record(slot());
}

static struct tfd_plan *plan(void)
{
    return (struct tfd_plan *)(uintptr_t)tfd_plan_get(adder_cif());
}

/* What the program does after the stores: make a closure, and call that one, or the first one. */
static void make_and_call(void)
{
    adder *another;

    make(OWN, &another);
    call = another;
}

static void make_neighbour(void)
{
    adder *neighbour;

    make(ATTACKERS - 41, &neighbour);
}

static void store_entry(void)
{
    record()->go.entry = (tfd_entry *)attackers_function;
}

static void store_handler(void)
{
    record()->closure.fun = attackers;
}

static void store_user_data(void)
{
    record()->closure.user_data = (void *)(intptr_t)(ATTACKERS - 41);
}

static void store_where_programs_do(void)
{
    ((ffi_closure *)closure)->fun = attackers;
}

static void store_result_offset(void)
{
    plan()->result_offset += 8;
}

static void store_argument_offset(void)
{
    plan()->offsets[0] += 16;
}

static void store_dispatch(void)
{
    plan()->call = (tfd_dispatch *)(void (*)(void))attackers_function;
}

static void store_direct_entry(void)
{
    struct tfd_plan *of = plan();

    of->entry = of->direct = (tfd_entry *)attackers_function;
}

static void store_provider(void)
{
    slot().block->provider = (enum tfd_provider_number)0x41414141;
}

static void store_code_of_block(void)
{
    static const struct {
        char slots[TFD_CODE_BYTES];
    } fake;

    slot().block->code = fake.slots;
}

static void store_records_of_block(void)
{
    slot().block->records -= 1;
}

static void store_fork_handlers(void)
{
    ((void (**)(int))(uintptr_t)tfd_repairs)[0] = (void (*)(int))(void (*)(void))attackers_function;
}

/* The memory of a closure that is larger than libffi's is the program's. */
static void make_large(void)
{
    adder *large;

    closure = make_sized(LARGE, OWN, &large);
    call = large;
}

static void store_in_large(void)
{
    make_large();
    ((ffi_closure *)closure)->fun = attackers;
}

/* A trampoline of the backend "context", which goes to a function of the program. */
static int programs_function(int number)
{
    return number + OWN;
}

static void store_in_steps(void)
{
    struct trampfd_context context = {.pc = (void *)(uintptr_t)programs_function};
    struct trampfd_trampoline *trampoline =
        trampfd_trampoline_create(&context, NULL, "context", NULL);
    struct tfd_step *steps;

    CHECK(trampoline, "%s", strerror(errno));
    code.address = trampfd_trampoline_address(trampoline);
    call = code.of;
    steps = (struct tfd_step *)(uintptr_t)record()->context.steps;
    steps->value = (uintptr_t)attackers_function;
}

/*
 * A store to the size that malloc(3) keeps of a large block: when the program frees it, the C library
 * unmaps what the attacker chose.
 */
static void unmap(void *start, size_t size)
{
    char *volatile allocated = malloc(4 << 20); /* the compiler is not to know the block */
    char *block = allocated;
    volatile size_t *header = (volatile size_t *)(void *)(block - 2 * sizeof(size_t));
    size_t before = (size_t)((char *)header - (char *)start);
    unsigned char resident[TFD_RECORD_BYTES / 4096];

    header[0] = before;
    header[1] = (size - before) | 2;
    puts("stored");
    fflush(stdout);
    free(block);
    puts(mincore(start, size, resident) && errno == ENOMEM ? "unmapped" : "unchanged");
    exit(0);
}

static void unmap_records(void)
{
    unmap(record() - slot().index, TFD_RECORD_BYTES);
}

static void unmap_slots(void)
{
    unmap((void *)(uintptr_t)slot().block->code, TFD_CODE_BYTES);
}

/* System calls that store. */

static const void *const attackers_address = (const void *)attackers;

static void write_by_proc(void)
{
    int fd = open("/proc/self/mem", O_RDWR);

    if (pwrite(fd, &attackers_address, sizeof(attackers_address),
               (off_t)(uintptr_t)&record()->closure.fun)
        < 0)
        perror("/proc/self/mem");
}

static void write_by_vm_writev(void)
{
    struct iovec from = {(void *)(uintptr_t)&attackers_address, sizeof(attackers_address)};
    struct iovec to = {&record()->closure.fun, sizeof(attackers_address)};

    if (process_vm_writev(getpid(), &from, 1, &to, 1, 0) < 0)
        perror("process_vm_writev");
}

static void unprotect(void)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)record() & -page;

    if (mprotect((void *)start, page, PROT_READ | PROT_WRITE)) {
        perror("mprotect");
        return;
    }
    store_handler();
}

static const struct {
    const char *name;
    void (*attack)(void);
    void (*then)(void);
} attacks[] = {
    {"record: entry", store_entry, NULL},
    {"record: handler", store_handler, NULL},
    {"record: user data", store_user_data, NULL},
    {"ffi_closure of the program", store_where_programs_do, NULL},
    {"ffi_closure in a larger closure", store_in_large, NULL},
    {"plan: offset of the result", store_result_offset, NULL},
    {"plan: offset of an argument", store_argument_offset, NULL},
    {"plan: dispatch, then a new closure", store_dispatch, make_and_call},
    {"plan: entry, then a new closure", store_direct_entry, make_and_call},
    {"steps of a context", store_in_steps, NULL},
    {"block: provider, then a new closure", store_provider, make_and_call},
    {"block: code, then a new closure", store_code_of_block, make_and_call},
    {"block: records, then a new closure", store_records_of_block, make_neighbour},
    {"handlers of forks", store_fork_handlers, NULL},
    {"size of a block of malloc: records", unmap_records, NULL},
    {"size of a block of malloc: slots", unmap_slots, NULL},
    {"/proc/self/mem", write_by_proc, NULL},
    {"process_vm_writev", write_by_vm_writev, NULL},
    {"mprotect, and a store", unprotect, NULL},
};
enum { ATTACKS = sizeof(attacks) / sizeof(*attacks) };

int main(int argc, char **argv)
{
    int result;

    if (argc < 2) {
        for (int i = 0; i < ATTACKS; i++)
            puts(attacks[i].name);
        return 0;
    }
    closure = make(OWN, &code.of);
    call = code.of;
    CHECK(call(41) == 42, "a call");
    for (int i = 0; i < ATTACKS; i++) {
        if (strcmp(attacks[i].name, argv[1]))
            continue;
        attacks[i].attack();
        puts("stored");
        fflush(stdout);
        if (attacks[i].then)
            attacks[i].then();
        puts("made");
        fflush(stdout);
        result = call(41);
        puts(result == 42 ? "unchanged" : result == ATTACKERS ? "redirected" : "astray");
        return 0;
    }
    CHECK(0, "no attack of that name: %s", argv[1]);
}
