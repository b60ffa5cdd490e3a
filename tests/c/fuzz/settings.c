/* SPDX-License-Identifier: MIT */
/* Environments with anything in the variables: what is read from each is what its values mean. */
#include "input.h"

#include "base/trail.h"
#include "provider/provider.h"
#include "slot/reserve.h"
#include "slot/pool.h"

#include "preload/settings.c" /* whose variables are read once in a process */

#include <ctype.h>
#include <errno.h>

static const char *const names[] = {"TRAMPFD_PROVIDER", "TRAMPFD_BACKEND", "TRAMPFD_SEAL",
                                    "TRAMPFD_RESERVE",  "TRAMPFD_DISABLE", "TRAMPFD_REPORT"};
enum { PROVIDER, BACKEND, SEAL, RESERVE, DISABLE, REPORT, NAMES, VALUE_LENGTH_MAX = 30 };

static char *values[NAMES];
static size_t reserved;

/* In place of functions of libc and of the core, by the linker. */
char *__wrap_secure_getenv(const char *name);
int __wrap_tfd_pool_reserve_locked(size_t count, struct trampfd_trail *trail);

char *__wrap_secure_getenv(const char *name)
{
    for (int i = 0; i < NAMES; i++)
        if (!strcmp(name, names[i]))
            return values[i];
    return NULL;
}

int __wrap_tfd_pool_reserve_locked(size_t count, struct trampfd_trail *trail)
{
    (void)trail;
    reserved = count;
    return 0;
}

static int is_set(int name)
{
    return values[name] && *values[name];
}

static int is_yes(int name)
{
    return is_set(name) && strcmp(values[name], "0");
}

static void check_preload(void)
{
    read_environment();
    AGREE(settings.disabled == is_yes(DISABLE), "a switch");
    AGREE(!settings.report == !is_yes(REPORT), "a report");
    if (settings.report)
        AGREE(!strcmp(settings.report, values[REPORT]), "%s", settings.report);
    free((char *)(uintptr_t)settings.report);
}

/* How many providers that name stands for. */
static unsigned count_named(const char *name)
{
    if (!strcmp(name, "auto"))
        return 2;
    for (int i = 0; i < TFD_PROVIDERS; i++)
        if (!strcmp(name, tfd_provider_list[i]->name))
            return 1;
    return 0;
}

static void check_provider(void)
{
    const char *name = is_set(PROVIDER)  ? values[PROVIDER]
                       : is_set(BACKEND) ? values[BACKEND]
                                         : "auto";
    int is_seal_valid = !is_set(SEAL) || !strcmp(values[SEAL], "0") || !strcmp(values[SEAL], "1");
    unsigned count = is_seal_valid ? count_named(name) : 0;
    int were_sealed = tfd_providers_are_sealed(); /* for good */
    struct trampfd_trail trail = {.count = 0};
    struct tfd_providers found = tfd_providers_asked_for(&trail);

    AGREE(found.count == count, "%u providers of %s", found.count, name);
    AGREE(trail.count == !count, "%u attempts", trail.count);
    if (count && (were_sealed || (is_set(SEAL) && *values[SEAL] == '1')))
        for (unsigned i = 0; i < count; i++)
            AGREE(found.list[i] != TFD_PROVIDER_TABLE, "not sealed");
}

static int is_number(const char *text)
{
    const char *at = text;

    while (isdigit((unsigned char)*at))
        at++;
    return at > text && !*at;
}

static void check_reserve(void)
{
    struct trampfd_trail trail;
    size_t wanted =
        is_set(RESERVE) && is_number(values[RESERVE]) ? strtoul(values[RESERVE], NULL, 10) : 0;
    int is_valid = !is_set(RESERVE) || is_number(values[RESERVE]), error;

    reserved = 0;
    error = tfd_reserve_asked_for(&trail);
    AGREE(error == (is_valid ? 0 : -EINVAL), "error %d", error);
    AGREE(trail.count == !is_valid, "%u attempts", trail.count);
    AGREE(reserved == wanted, "%zu, not %zu", reserved, wanted);
}

/* Often what is right, or nearly. */
static char *draw_value(struct input *input)
{
    static const char *const good[] = {
        "",        "0",
        "1",       "auto",
        "table",   "sealed",
        "trampfd", "trampfd-user",
        "4096",    "18446744073709551616",
        "-1",      "+1",
        " 1",      "0x10",
    };
    enum { GOOD = sizeof(good) / sizeof(*good) };
    unsigned kind = take_below(input, 2 * GOOD + 3);
    char *value, *tail;

    if (kind == 2 * GOOD + 2)
        return NULL;
    tail = take_string(input, VALUE_LENGTH_MAX);
    AGREE(asprintf(&value, "%s%s", kind < 2 * GOOD ? good[kind / 2] : "", kind % 2 ? "" : tail)
              >= 0,
          "memory");
    free(tail);
    return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};

    for (int i = 0; i < NAMES; i++)
        values[i] = draw_value(&input);
    check_preload();
    check_provider();
    check_reserve();
    for (int i = 0; i < NAMES; i++)
        free(values[i]);
    return 0;
}
