/* SPDX-License-Identifier: MIT */
/* What breaks a rule is refused with the errno and the words of trampfd.h, and leaves nothing. */
#include "probe.h"

static const char *backend;

static void refused(const struct trampfd_context *context, const struct trampfd_allowed *allowed,
                    int error, const char *text)
{
    struct trampfd_trail trail;
    char told[200];

    errno = 0;
    CHECK(!trampfd_trampoline_create(context, allowed, backend, &trail), "%s: created", text);
    CHECK(errno == error, "%s: errno %s", text, strerror(errno));
    trampfd_trail_format(&trail, told, sizeof(told));
    CHECK(strstr(told, text), "the trail is: %s, not: %s", told, text);
    errno = 0;
    CHECK(!trampfd_trampoline_create(context, allowed, backend, NULL) && errno == error, "%s",
          text);
}

static void check_context(void)
{
    const struct trampfd_context good = {
        .pc = (void *)(uintptr_t)probe,
        .nregs = 2,
        .regs = {{"rax", 1}, {"rdx", 2}},
        .stack_flags = TRAMPFD_SET_SP,
        .stack_offset = TRAMPFD_MAX_STACK_OFFSET,
        .stack_size = TRAMPFD_MAX_DATA_SIZE,
    };
    static const char *const no_registers[] = {"eax", "rsp", "rip", "pc", "x64_rax",
                                               "RAX", "r16", "",    "ra", NULL};
    struct trampfd_context bad;

    trampfd_trampoline_destroy(create(&good, backend));

    bad = good;
    bad.pc = NULL;
    refused(&bad, NULL, EINVAL, "context: pc must not be 0");
    for (size_t i = 0; i < sizeof(no_registers) / sizeof(no_registers[0]); i++) {
        bad = good;
        bad.regs[1].name = no_registers[i];
        refused(&bad, NULL, EINVAL, "context: unknown register name");
    }
    bad = good;
    bad.regs[1].name = "rax";
    refused(&bad, NULL, EINVAL, "context: register named twice");
    bad = good;
    bad.nregs = TRAMPFD_MAX_REGS + 1;
    refused(&bad, NULL, EINVAL, "context: too many registers");
    bad = good;
    bad.stack_size = TRAMPFD_MAX_DATA_SIZE + 1;
    refused(&bad, NULL, EINVAL, "context: stack data too large");
    bad = good;
    bad.stack_offset = TRAMPFD_MAX_STACK_OFFSET + 1;
    refused(&bad, NULL, EINVAL, "context: stack offset too large");
    bad = good;
    bad.stack_flags = 2;
    refused(&bad, NULL, EINVAL, "context: unknown stack flags");
}

static void check_allowed(void)
{
    const struct trampfd_context context = {.pc = (void *)(uintptr_t)probe};
    struct trampfd_allowed allowed = {0};
    struct trampfd_trampoline *trampoline;

    trampoline = trampfd_trampoline_create(&context, &allowed, backend, NULL);
    CHECK(trampoline, "an empty list allows all");
    trampfd_trampoline_destroy(trampoline);

    allowed.npcs = 1;
    refused(&context, &allowed, EINVAL, "context: allowed PCs must not be 0");
    allowed.pcs[0] = (void *)0x1000;
    refused(&context, &allowed, EPERM, "context: pc is not in the allowed list");
    allowed.npcs = TRAMPFD_MAX_PCS + 1;
    refused(&context, &allowed, EINVAL, "context: too many allowed PCs");
    allowed.npcs = TRAMPFD_MAX_PCS;
    for (unsigned i = 0; i < TRAMPFD_MAX_PCS; i++)
        allowed.pcs[i] = (char *)context.pc + i - (TRAMPFD_MAX_PCS - 1);
    trampoline = trampfd_trampoline_create(&context, &allowed, backend, NULL);
    CHECK(trampoline, "the last of sixteen: %s", strerror(errno));
    trampfd_trampoline_destroy(trampoline);
}

static void check_backends(void)
{
    static const char *const automatic[] = {"auto", NULL};
    const struct trampfd_context context = {.pc = (void *)(uintptr_t)probe};
    int in_kernel = !access("/dev/trampfd", R_OK | W_OK);
    struct trampfd_trail trail;

    for (unsigned i = 0; i < 2; i++) {
        struct trampfd_trampoline *made =
            trampfd_trampoline_create(&context, NULL, automatic[i], &trail);

        CHECK(made, "%s", strerror(errno));
        CHECK(!strcmp(trampfd_trampoline_backend(made), in_kernel ? "trampfd-user" : "context"),
              "auto is %s", trampfd_trampoline_backend(made));
        CHECK(!trail.count, "%u attempts", trail.count);
        trampfd_trampoline_destroy(made);
    }
    backend = "trampfd-user";
    if (!in_kernel)
        refused(&context, NULL, ENOENT, "trampfd-user: open /dev/trampfd");
    backend = "table";
    refused(&context, NULL, EINVAL, "backend: name (auto, trampfd-user, context)");
}

int main(int count, char **arguments)
{
    const char *asked = backend_of(count, arguments);
    unsigned descriptors = count_own_descriptors(asked);
    size_t slots = status_now().slots_used;

    backend = asked;
    trampfd_trampoline_destroy(NULL);
    check_context();
    check_allowed();
    check_backends();
    CHECK(count_own_descriptors(asked) == descriptors, "descriptors are left");
    CHECK(status_now().slots_used == slots, "slots are left");
    return 0;
}
