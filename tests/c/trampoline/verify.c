/* SPDX-License-Identifier: MIT */
/*
 * A context reads back as it was asked for, and every change that is made behind the object's back
 * is named: by stores into memory ("context"), by requests to the descriptor ("trampfd-user").
 */
#include "probe.h"
#include "uapi/linux/trampfd.h"

#include <sys/ioctl.h>

static struct trampfd_context context = {
    .nregs = 3,
    .regs = {{"rdi", 1}, {"r10", 2}, {"rbx", 3}},
    .stack_flags = TRAMPFD_SET_SP,
    .stack_offset = 16,
    .stack_size = 5,
    .stack_data = {10, 11, 12, 13, 14},
};

static struct trampfd_report verify(const struct trampfd_trampoline *trampoline)
{
    struct trampfd_report report;
    int error = trampfd_trampoline_verify(trampoline, &report);

    CHECK(!error, "verify: %s", strerror(-error));
    return report;
}

/* The report has exactly this one difference. */
static void check_only(const struct trampfd_trampoline *trampoline, const char *what,
                       unsigned index, enum trampfd_change change, uint64_t wanted, uint64_t found)
{
    struct trampfd_report report = verify(trampoline);
    const struct trampfd_difference *first = &report.differences[0];

    CHECK(report.count == 1, "%s: %u differences, the first is %s", what, report.count,
          report.count ? first->what : "none");
    CHECK(!strcmp(first->what, what), "%s, not %s", first->what, what);
    CHECK(first->index == index && first->change == change, "%s: index %u, change %d", what,
          first->index, (int)first->change);
    CHECK(first->wanted == wanted && first->found == found, "%s: wanted %#lx, found %#lx", what,
          first->wanted, first->found);
}

static void check_read(const struct trampfd_trampoline *trampoline)
{
    struct trampfd_context read;
    int error = trampfd_trampoline_read(trampoline, &read);

    CHECK(!error, "read: %s", strerror(-error));
    CHECK(read.pc == context.pc && read.nregs == context.nregs, "PC and number of registers");
    for (unsigned i = 0; i < context.nregs; i++)
        CHECK(!strcmp(read.regs[i].name, context.regs[i].name)
                  && read.regs[i].value == context.regs[i].value,
              "register %u", i);
    CHECK(read.stack_flags == context.stack_flags && read.stack_offset == context.stack_offset
              && read.stack_size == context.stack_size
              && !memcmp(read.stack_data, context.stack_data, context.stack_size),
          "stack data");
    CHECK(verify(trampoline).count == 0, "no difference");
}

/* A reading of the whole context is refused, as a part of it is no context any more. */
static void check_unreadable(const struct trampfd_trampoline *trampoline)
{
    struct trampfd_context read = {.nregs = 77};

    CHECK(trampfd_trampoline_read(trampoline, &read) == -EBADMSG && read.nregs == 77, "read");
}

static void check_stale(const struct trampfd_trampoline *trampoline)
{
    struct trampfd_context read = {.nregs = 77};
    struct trampfd_report report = {.count = 77};

    CHECK(trampfd_trampoline_read(trampoline, &read) == -ESTALE && read.nregs == 77, "read");
    CHECK(trampfd_trampoline_verify(trampoline, &report) == -ESTALE && report.count == 77,
          "verify");
}

/* As the entry "context" has them. */
struct step {
    uint64_t apply, value;
};

/* Where records are memory of the process. */
static void tamper_with_record(const struct trampfd_trampoline *trampoline, uint64_t *record)
{
    uint64_t good = record[0];

    record[0] = 0x1000;
    check_only(trampoline, "entry", 0, TRAMPFD_CHANGED, good, 0x1000);
    check_unreadable(trampoline);
    record[0] = good;

    good = record[1];
    record[1] = 0x2000;
    check_only(trampoline, "steps", 0, TRAMPFD_CHANGED, good, 0x2000);
    check_unreadable(trampoline);
    record[1] = good;
}

/* What only somebody can do who makes the code writable. */
static void tamper_with_code(const struct trampfd_trampoline *trampoline, unsigned char *code)
{
    void *page = code - (uintptr_t)code % 4096;
    unsigned char good = code[4];

    CHECK(!mprotect(page, 4096, PROT_READ | PROT_WRITE), "%s", strerror(errno));
    code[4] = 0x90;
    check_only(trampoline, "code", 0, TRAMPFD_CHANGED, 1, 0);
    check_unreadable(trampoline);
    code[4] = good;
    CHECK(!mprotect(page, 4096, PROT_READ | PROT_EXEC), "%s", strerror(errno));
}

/* Steps are on a page of their own, which can only be read. */
static void unprotect(void *steps)
{
    CHECK(!mprotect(steps, 4096, PROT_READ | PROT_WRITE), "%s", strerror(errno));
}

static void tamper_with_steps(const struct trampfd_trampoline *trampoline, struct step *steps)
{
    static const char *const names[] = {"stack", "rdi", "rbx", "pc", "r10"};

    for (unsigned i = 0; i < 5; i++) {
        struct step good = steps[i];

        steps[i].apply = 0x3000 + i;
        check_only(trampoline, "step", i, TRAMPFD_CHANGED, good.apply, 0x3000 + i);
        check_unreadable(trampoline);
        steps[i] = good;
        steps[i].value = 0x4000 + i;
        check_only(trampoline, names[i], 0, TRAMPFD_CHANGED, good.value, 0x4000 + i);
        steps[i] = good;
    }
}

static void tamper_with_stack(const struct trampfd_trampoline *trampoline, uint32_t *stack)
{
    uint8_t *data = (uint8_t *)(stack + 3);

    stack[0] = 0;
    check_only(trampoline, "stack flags", 0, TRAMPFD_CHANGED, TRAMPFD_SET_SP, 0);
    stack[0] = TRAMPFD_SET_SP;
    stack[1] = 17;
    check_only(trampoline, "stack offset", 0, TRAMPFD_CHANGED, 16, 17);
    stack[1] = 16;
    stack[2] = 4;
    check_only(trampoline, "stack size", 0, TRAMPFD_CHANGED, 5, 4);
    stack[2] = 1u << 31;
    check_only(trampoline, "stack size", 0, TRAMPFD_CHANGED, 5, 1u << 31);
    check_unreadable(trampoline);
    stack[2] = 5;
    data[3] = 99;
    check_only(trampoline, "stack data", 3, TRAMPFD_CHANGED, 13, 99);
    data[3] = 13;
}

static void emulation(const struct trampfd_trampoline *trampoline)
{
    struct trampfd_closure closure;
    struct trampfd_slot slot;
    struct step *steps;
    uint64_t *record;

    CHECK(!trampfd_slot_find(trampfd_trampoline_address(trampoline), &slot), "slot");
    CHECK(!trampfd_closure_read(trampfd_trampoline_address(trampoline), &closure), "closure");
    CHECK(closure.entry == TRAMPFD_ENTRY_CONTEXT && closure.allocated && !closure.closure,
          "the slot of a trampoline is told from that of a closure");
    CHECK(trampfd_trampoline_descriptor(trampoline) == -1, "no descriptor");
    record = (uint64_t *)(uintptr_t)slot.record;
    steps = (struct step *)record[1];
    if (!strcmp(slot.provider, "table")) {
        tamper_with_record(trampoline, record);
        tamper_with_code(trampoline, trampfd_trampoline_address(trampoline));
    }
    unprotect(steps);
    tamper_with_steps(trampoline, steps);
    tamper_with_stack(trampoline, (uint32_t *)steps[0].value);
}

static int set(int fd, unsigned long request, const void *data, size_t size)
{
    struct trampfd_set set = {.data = (uintptr_t)data, .size = (uint32_t)size};

    return ioctl(fd, request, &set);
}

static void set_registers(int fd, uint64_t rdi, uint64_t pc, unsigned count)
{
    union {
        struct trampfd_regs regs;
        char room[8 + 5 * 16];
    } list = {.regs = {.nregs = count}};
    const struct trampfd_reg regs[] = {
        {.name = TRAMPFD_X86_RDI, .value = rdi}, {.name = TRAMPFD_X86_RIP, .value = pc},
        {.name = TRAMPFD_X86_R10, .value = 2},   {.name = TRAMPFD_X86_RBX, .value = 3},
        {.name = TRAMPFD_X86_R15, .value = 15},
    };

    memcpy(list.regs.regs, regs, count * sizeof(regs[0]));
    CHECK(!set(fd, TRAMPFD_IOC_SET_REGS, &list, 8 + count * 16), "%s", strerror(errno));
}

static void kernel(const struct trampfd_trampoline *trampoline)
{
    int fd = trampfd_trampoline_descriptor(trampoline);
    const uint64_t pc = (uintptr_t)context.pc;
    union {
        struct trampfd_stack head;
        uint8_t bytes[16 + 5];
    } stack = {.head = {.flags = TRAMPFD_SET_SP, .offset = 16, .size = 5}};
    struct trampfd_trampoline *same = create(&context, "trampfd-user");
    int other;

    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC, "descriptor %d is not close-on-exec", fd);
    set_registers(fd, 1, pc, 4);
    CHECK(verify(trampoline).count == 0, "the order of registers is no difference");
    set_registers(fd, 7, pc, 4);
    check_only(trampoline, "rdi", 0, TRAMPFD_CHANGED, 1, 7);
    set_registers(fd, 1, pc + 1, 4);
    check_only(trampoline, "pc", 0, TRAMPFD_CHANGED, pc, pc + 1);
    set_registers(fd, 1, pc, 3);
    check_only(trampoline, "rbx", 0, TRAMPFD_MISSING, 3, 0);
    set_registers(fd, 1, pc, 5);
    check_only(trampoline, "r15", 0, TRAMPFD_ADDED, 0, 15);
    set_registers(fd, 1, pc, 0);
    CHECK(verify(trampoline).count == 4, "PC and three registers are gone");
    set_registers(fd, 1, pc, 4);

    memcpy(stack.head.data, context.stack_data, 5);
    stack.head.data[1] = 0;
    CHECK(!set(fd, TRAMPFD_IOC_SET_STACK, &stack, 21), "%s", strerror(errno));
    check_only(trampoline, "stack data", 1, TRAMPFD_CHANGED, 11, 0);
    stack.head.data[1] = 11;
    CHECK(!set(fd, TRAMPFD_IOC_SET_STACK, &stack, 21), "%s", strerror(errno));
    CHECK(verify(trampoline).count == 0, "all is as it was");

    /* Another file, or another trampoline, in the place of the descriptor. */
    other = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    fd = dup(fd);
    CHECK(dup2(other, trampfd_trampoline_descriptor(trampoline)) >= 0, "%s", strerror(errno));
    check_stale(trampoline);
    CHECK(dup2(trampfd_trampoline_descriptor(same), trampfd_trampoline_descriptor(trampoline)) >= 0,
          "%s", strerror(errno));
    check_stale(trampoline);
    trampfd_trampoline_destroy(same);
    CHECK(dup3(fd, trampfd_trampoline_descriptor(trampoline), O_CLOEXEC) >= 0, "%s",
          strerror(errno));
    close(fd);
    close(other);
}

/* Allowed PCs are locked: not even who has the descriptor can set another one. */
static void locked(const char *backend)
{
    struct trampfd_allowed allowed = {.npcs = 2, .pcs = {(void *)0x1000, (void *)(uintptr_t)probe}};
    struct trampfd_trampoline *trampoline =
        trampfd_trampoline_create(&context, &allowed, backend, NULL);
    union {
        struct trampfd_regs regs;
        char room[8 + 16];
    } list = {.regs = {.nregs = 1}};
    const struct trampfd_values none = {0};
    int fd;

    CHECK(trampoline, "%s", strerror(errno));
    fd = trampfd_trampoline_descriptor(trampoline);
    if (fd >= 0) {
        list.regs.regs[0] = (struct trampfd_reg){.name = TRAMPFD_X86_RIP, .value = 0x2000};
        CHECK(set(fd, TRAMPFD_IOC_SET_REGS, &list, 24) < 0 && errno == EPERM, "other PC");
        CHECK(set(fd, TRAMPFD_IOC_SET_ALLOWED, &none, 8) < 0 && errno == EPERM, "no list");
    }
    CHECK(verify(trampoline).count == 0, "nothing changed");
    trampfd_trampoline_destroy(trampoline);
}

int main(int count, char **arguments)
{
    const char *backend = backend_of(count, arguments);
    struct trampfd_trampoline *trampoline;

    context.pc = (void *)(uintptr_t)probe;
    trampoline = create(&context, backend);
    check_read(trampoline);
    probe_call(trampfd_trampoline_address(trampoline), 0, 2);
    check_read(trampoline);
    if (strcmp(backend, "context"))
        kernel(trampoline);
    else
        emulation(trampoline);
    check_read(trampoline);
    probe_call(trampfd_trampoline_address(trampoline), 0, 2);
    check_registers(&context, backend);
    trampfd_trampoline_destroy(trampoline);
    locked(backend);
    return 0;
}
