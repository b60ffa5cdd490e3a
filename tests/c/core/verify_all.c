/* SPDX-License-Identifier: MIT */
/*
 * All closures are looked at, and those that a store changed are reported: each word that the library
 * decides itself, and each part of a plan, by all closures that have it.  Nothing is read of what
 * only the owner knows, and closures may be made and freed meanwhile.
 */
#include "check.h"
#include "closure/plan_compile.h"
#include "slot/record.h"

#include <pthread.h>
#include <stdatomic.h>

enum { COUNT = 5000 };

struct found {
    int closures, differences;
    const void *code;
    struct trampfd_difference first;
};

/* It may call the library. */
static void note(const void *code, const struct trampfd_report *report, void *data)
{
    struct found *found = data;
    struct trampfd_slot slot;

    CHECK(!trampfd_slot_find(code, &slot) && slot.record == report->record, "%p", code);
    CHECK(!strcmp(report->provider, "table"), "%s", report->provider);
    found->closures++;
    found->differences += (int)report->count;
    found->code = code;
    found->first = report->differences[0];
}

static struct found verify(size_t wanted)
{
    struct found found = {0};
    size_t checked = 0;

    CHECK(!trampfd_verify_all(note, &found, &checked), "verification");
    CHECK(checked == wanted, "%zu of %zu were looked at", checked, wanted);
    CHECK(!trampfd_verify_all(note, &(struct found){0}, NULL), "verification");
    return found;
}

static void check_unchanged(size_t count)
{
    struct found found = verify(count);

    CHECK(!found.closures, "%d differ: %s", found.closures, found.first.what);
}

static union tfd_record *record_of(adder *code)
{
    struct trampfd_slot slot;

    CHECK(!trampfd_slot_find((void *)code, &slot), "%p", (void *)code);
    return (union tfd_record *)(uintptr_t)slot.record;
}

/* `what` is NULL for words that only the owner knows. */
static void check_word(adder *code, size_t offset, const char *what, size_t count)
{
    uintptr_t *word = &record_of(code)->words[offset / TFD_WORD], kept = *word;
    struct found found;

    for (uintptr_t value = 0; value <= UINTPTR_MAX / 2; value += UINTPTR_MAX / 3) {
        *word = value + 8;
        found = verify(count);
        *word = kept;
        CHECK(found.closures == (what != NULL), "%s: %d closures", what, found.closures);
        if (!what)
            continue;
        CHECK(found.code == (void *)code && found.differences == 1, "%s", what);
        CHECK(!strcmp(found.first.what, what), "%s: %s", what, found.first.what);
        CHECK(found.first.found == value + 8, "%s: %#lx", what, (long)found.first.found);
    }
}

#define WORD(member) offsetof(union tfd_record, member)

static void check_words(adder *code, size_t count)
{
    check_word(code, WORD(plan.entry), "entry", count);
    check_word(code, WORD(plan.plan), "plan", count);
    check_word(code, WORD(plan.dispatch), "dispatch", count);
    check_word(code, WORD(tail.entry), "tail", count);
    check_word(code, WORD(closure.cif), NULL, count);
    check_word(code, WORD(closure.fun), NULL, count);
    check_word(code, WORD(closure.user_data), NULL, count);
}

static const struct {
    const char *what;
    size_t offset;
} parts[] = {
    {"plan: entry", offsetof(struct tfd_plan, entry)},
    {"plan: result offset", offsetof(struct tfd_plan, result_offset)},
    {"plan: gathered arguments", offsetof(struct tfd_plan, gather_count)},
    {"plan: argument", offsetof(struct tfd_plan, offsets)},
    {"plan: key", offsetof(struct tfd_plan, key)},
    {"plan: key", offsetof(struct tfd_plan, key_size)},
    {"plan: key", offsetof(struct tfd_plan, hash)},
    {"plan: key", offsetof(struct tfd_plan, count)},
};

static void check_plan(adder *code, size_t count, int sharers)
{
    char *plan = (char *)(uintptr_t)record_of(code)->plan.plan;

    make_writable(plan, tfd_plan_size((const struct tfd_plan *)plan));
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        struct found found;

        plan[parts[i].offset] ^= 1;
        found = verify(count);
        plan[parts[i].offset] ^= 1;
        CHECK(found.closures == sharers && found.differences == sharers, "%s: %d closures",
              parts[i].what, found.closures);
        CHECK(!strcmp(found.first.what, parts[i].what), "%s: %s", parts[i].what, found.first.what);
    }
}

/* A bound function and one that libffi calls. */
static void check_others(size_t count)
{
    ffi_type *members[TFD_PLAN_KEY_SIZE / 4 + 1]; /* more than a plan may have */
    ffi_type structure = {.type = FFI_TYPE_STRUCT, .elements = members}, *types[] = {&structure};
    ffi_cif cif;
    void *bound, *closure, *code[2];

    for (int i = 0; i < TFD_PLAN_KEY_SIZE / 4; i++)
        members[i] = &ffi_type_sint;
    members[TFD_PLAN_KEY_SIZE / 4] = NULL;
    CHECK(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, types) == FFI_OK, "ffi_prep_cif");
    closure = trampfd_closure_alloc(100, &code[0], NULL);
    CHECK(closure && !trampfd_closure_prep(closure, &cif, add, NULL), "a closure for libffi");
    bound = trampfd_bind(adder_cif(), (void (*)(void))abs, NULL, TRAMPFD_FIRST, &code[1], NULL);
    CHECK(bound, "a bound function");
    check_unchanged(count + 2);
    check_word((adder *)code[0], WORD(go.entry), "entry", count + 2);
    check_word((adder *)code[0], WORD(go.handler), "handler", count + 2);
    check_word((adder *)code[1], WORD(bound.entry), "entry", count + 2);
    check_word((adder *)code[1], WORD(bound.function), NULL, count + 2);
    trampfd_closure_free(closure);
    trampfd_closure_free(bound);
}

static atomic_int is_over;

static void *use_meanwhile(void *unused)
{
    while (!is_over)
        free_many(make_many(300));
    return unused;
}

static void check_among_threads(void)
{
    pthread_t threads[2];

    for (int i = 0; i < 2; i++)
        CHECK(!pthread_create(&threads[i], NULL, use_meanwhile, NULL), "pthread_create");
    for (int round = 0; round < scaled(300, 20); round++) {
        struct found found = {0};

        CHECK(!trampfd_verify_all(note, &found, NULL), "verification");
    }
    is_over = 1;
    for (int i = 0; i < 2; i++)
        CHECK(!pthread_join(threads[i], NULL), "pthread_join");
}

int main(void)
{
    struct trampfd_closure first;
    struct many many;
    adder *unprepared;
    void *closure;
    pid_t child;

    check_unchanged(0);
    many = make_many(COUNT);
    check_unchanged(COUNT);
    CHECK(!trampfd_closure_read((void *)many.code[0], &first), "the first closure");
    if (first.entry == TRAMPFD_ENTRY_PLAN) {
        check_words(many.code[0], COUNT);
        check_words(many.code[COUNT - 1], COUNT);
        check_plan(many.code[7], COUNT, COUNT);
    }
    closure = trampfd_closure_alloc(sizeof(ffi_closure), (void **)&unprepared, NULL);
    check_unchanged(COUNT + 1);
    trampfd_closure_free(closure);
    check_others(COUNT);
    call_many(many);
    child = fork();
    if (child == 0) {
        check_unchanged(COUNT);
        _exit(0);
    }
    wait_for_success(child, "child");
    free_many(many);
    check_unchanged(0);
    check_among_threads();
    return 0;
}
