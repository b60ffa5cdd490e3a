/* SPDX-License-Identifier: MIT */
/*
 * Whatever is changed of a plan that calls read is found, and named.  With an argument: say where
 * a plan has the offset of its second argument.
 */
#include "closures.h"

#include "closure/plan_compile.h"

#include <stddef.h>

typedef struct {
    double real;
    long whole;
} mixed; /* in two kinds of registers, and so in pieces */

static void first(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)cif, (void)user_data;
    *(double *)result = ((mixed *)arguments[1])->real;
}

static const struct {
    const char *what;
    size_t offset;
} fields[] = {
    {"plan: entry", offsetof(struct tfd_plan, entry)},
    {"plan: tail", offsetof(struct tfd_plan, tail)},
    {"plan: direct entry", offsetof(struct tfd_plan, direct)},
    {"plan: dispatch", offsetof(struct tfd_plan, call)},
    {"plan: result", offsetof(struct tfd_plan, result)},
    {"plan: result offset", offsetof(struct tfd_plan, result_offset)},
    {"plan: result in memory", offsetof(struct tfd_plan, is_in_memory)},
    {"plan: arguments", offsetof(struct tfd_plan, count)},
    {"plan: gathered arguments", offsetof(struct tfd_plan, gather_count)},
    {"plan: gathers", offsetof(struct tfd_plan, gathers)},
    {"plan: argument", offsetof(struct tfd_plan, offsets)},
};

static void check(void *code, ffi_cif *cif, char *byte, const char *what, unsigned index)
{
    struct trampfd_report report;

    *byte ^= 1;
    CHECK(!trampfd_closure_verify(code, cif, first, NULL, &report), "%s", what);
    CHECK(report.count == 1, "%s: %u differences", what, report.count);
    CHECK(!strcmp(report.differences[0].what, what), "%s: %s", what, report.differences[0].what);
    CHECK(report.differences[0].index == index, "%s: %u", what, report.differences[0].index);
    CHECK(report.differences[0].wanted != report.differences[0].found, "%s", what);
    *byte ^= 1;
    CHECK(!trampfd_closure_verify(code, cif, first, NULL, &report), "%s", what);
    CHECK(report.count == 0, "%s: %u differences", what, report.count);
}

int main(int argc, char **argv)
{
    ffi_type *members[] = {&ffi_type_double, &ffi_type_slong, NULL};
    ffi_type structure = {.type = FFI_TYPE_STRUCT, .elements = members};
    ffi_type *types[] = {&ffi_type_sint, &structure};
    struct tfd_plan *plan;
    void *closure, *code;
    ffi_cif cif;

    (void)argv;
    if (argc > 1) {
        printf("%zu\n", offsetof(struct tfd_plan, offsets[1]));
        return 0;
    }
    make_cif(&cif, &ffi_type_double, 2, types);
    closure = trampfd_closure_alloc(sizeof(ffi_closure), &code, NULL);
    CHECK(closure && !trampfd_closure_prep(closure, &cif, first, NULL), "a closure");
    plan = (struct tfd_plan *)(uintptr_t)tfd_plan_get(&cif);
    if (!plan)
        SKIP("this port has no plans");
    make_writable(plan, tfd_plan_size(plan));
    CHECK(((double (*)(int, mixed))code)(1, (mixed){2.5, 3}) == 2.5, "a call");
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        check(code, &cif, (char *)plan + fields[i].offset, fields[i].what, 0);
    check(code, &cif, (char *)&plan->offsets[1], "plan: argument", 1);
    for (unsigned i = 0; i < plan->gather_count; i++) {
        struct tfd_gather *one = &plan->gathers[i];

        check(code, &cif, (char *)&one->argument, "plan: gathered argument", i);
        check(code, &cif, (char *)&one->count, "plan: pieces", i);
        check(code, &cif, (char *)&one->size, "plan: piece size", i);
        check(code, &cif, (char *)&one->from[1], "plan: piece", i * TFD_PIECES + 1);
    }
    tfd_plan_put(plan);
    trampfd_closure_free(closure);
    return 0;
}
