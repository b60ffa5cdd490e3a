/* SPDX-License-Identifier: MIT */
/*
 * Runs a batch of generated signatures, each through a closure with its plan and through one that
 * libffi marshals, and through functions that have one argument more, bound as the first and as the
 * last: the compiler's call of each must bring every byte of the arguments to the handler and of
 * the result back, and leave the processor as the ABI says.
 *
 *     runner BATCH.so SEED FIRST
 *
 * Values are drawn from the seed and the number of the signature; the first one of the batch has
 * the number FIRST.  Writes a line for each signature that went well: the place of its entry among
 * those of plans, its kind of result, the place of its tail, the count of its gathers, and how many
 * of the bound functions are called by libffi; or "-" where there is no plan.
 */
#include "check.h"
#include "case.h"
#include "shim.h"

#include "closure/entry.h"
#include "closure/plan.h"
#include "slot/pool.h"

#include <dlfcn.h>
#include <float.h>

enum { ARGUMENTS_MAX = 20, VALUE_MAX = 64 };

extern const char tfd_plan_entries[];

struct bytes {
    _Alignas(64) unsigned char at[VALUE_MAX];
};

static uint64_t state;

/* splitmix64 */
static uint64_t random_word(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static void random_bytes(void *to, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)to)[i] = (unsigned char)random_word();
}

/* Emulators may keep no more of a long double than of a double. */
static int x87_is_whole(void)
{
    volatile long double more = 1.0L + LDBL_EPSILON;

    return more != 1.0L;
}

static void random_long_double(unsigned char *to)
{
    double part = (double)random_word();
    long double value = random_word() % 2 ? part : -part;

    if (x87_is_whole())
        random_bytes(to, 10);
    else
        memcpy(to, &value, 10);
}

static void random_value(const struct plan_value *value, struct bytes *bytes)
{
    random_bytes(bytes->at, sizeof(bytes->at));
    for (const struct plan_range *range = value->ranges; range->size; range++)
        if (range->size == 10) /* nothing but long doubles is made of ten bytes */
            random_long_double(bytes->at + range->offset);
}

/* What goes into a call. */
static const struct plan_case *current;
static unsigned number;
static struct bytes arguments_given[ARGUMENTS_MAX], result_given;

/* What comes out of it. */
struct sight {
    const char *entry;
    unsigned calls;
    ffi_cif *cif;
    void *result_at;
    uint64_t word; /* in the first integer register */
    struct bytes arguments[ARGUMENTS_MAX], result;
};

#define CHECK_CASE(condition, ...)                                                                 \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fprintf(stderr, "signature %u: ", number);                                             \
        CHECK(condition, __VA_ARGS__);                                                             \
    } while (0)

/* libffi wants a whole ffi_arg of narrow integers and must not look at more than the integer. */
static size_t bytes_to_store(const ffi_type *type)
{
    int is_integer = type->type != FFI_TYPE_FLOAT && type->type != FFI_TYPE_STRUCT
                     && type->type != FFI_TYPE_VOID && type->type != FFI_TYPE_COMPLEX;

    return is_integer && type->size < sizeof(ffi_arg) ? sizeof(ffi_arg) : type->size;
}

static void handle(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    struct sight *sight = user_data;

    sight->calls++;
    sight->cif = cif;
    sight->result_at = result;
    CHECK_CASE((uintptr_t)__builtin_frame_address(0) % 16 == 0, "%s: the stack at the handler",
               sight->entry);
    for (unsigned i = 0; i < current->count; i++) {
        const struct plan_value *value = &current->values[1 + i];

        memcpy(sight->arguments[i].at, arguments[i], value->size);
        memset(arguments[i], 0xee, value->size); /* the callee owns them */
    }
    if (cif->rtype->type != FFI_TYPE_VOID)
        memcpy(result, result_given.at, bytes_to_store(cif->rtype));
    plan_spoil();
}

/* That, and that a handler may take each argument for an object of its type. */
static void handle_plan(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    for (unsigned i = 0; i < current->count; i++)
        CHECK_CASE((uintptr_t)arguments[i] % current->values[1 + i].alignment == 0,
                   "argument %u is at %p", i, arguments[i]);
    handle(cif, result, arguments, user_data);
}

static void check_bytes(const char *entry, const char *what, unsigned index,
                        const struct plan_value *value, const struct bytes *given,
                        const struct bytes *seen)
{
    for (const struct plan_range *range = value->ranges; range->size; range++)
        for (unsigned i = range->offset; i < range->offset + range->size; i++)
            CHECK_CASE(given->at[i] == seen->at[i], "%s: %s %u: byte %u of %zu is %#x, not %#x",
                       entry, what, index, i, value->size, seen->at[i], given->at[i]);
}

static void check_processor(const char *entry, const ffi_type *result)
{
    const char *wrong = plan_shim_wrong(result);

    CHECK_CASE(!wrong, "%s: %s", entry, wrong);
}

static void call(const char *entry, void (*code)(void), ffi_cif *cif, struct sight *sight)
{
    void *arguments[ARGUMENTS_MAX];

    *sight = (struct sight){.entry = entry};
    for (unsigned i = 0; i < current->count; i++)
        arguments[i] = arguments_given[i].at;
    plan_shim_prepare(code, random_word());
    current->call(plan_shim, arguments, sight->result.at);
    sight->word = plan_shim_word();

    check_processor(entry, cif->rtype);
    CHECK_CASE(sight->calls == 1 && sight->cif == cif, "%s: the handler's call", entry);
    for (unsigned i = 0; i < current->count; i++)
        check_bytes(entry, "argument", i, &current->values[1 + i], &arguments_given[i],
                    &sight->arguments[i]);
    check_bytes(entry, "result", 0, &current->values[0], &result_given, &sight->result);
}

/* Some closure's memory and code. */
struct closure {
    ffi_closure *memory;
    void (*code)(void);
};

static struct closure allocate(void)
{
    struct closure closure;

    closure.memory = trampfd_closure_alloc(sizeof(ffi_closure), (void **)&closure.code, NULL);
    CHECK(closure.memory, "%s", strerror(errno));
    return closure;
}

static void refuse(const void *code, const struct trampfd_report *report, void *data)
{
    (void)code, (void)data;
    CHECK_CASE(0, "%u differences, %s", report->count, report->differences[0].what);
}

/* The plan is what is compiled anew, both from the cif and without it. */
static void check_plan(struct closure closure, ffi_cif *cif, void *user_data)
{
    struct trampfd_report report;

    CHECK_CASE(!trampfd_closure_verify(closure.code, cif, handle_plan, user_data, &report),
               "verification");
    if (report.count)
        refuse(closure.code, &report, NULL);
    CHECK_CASE(!trampfd_verify_all(refuse, NULL, NULL), "verification");
}

static void call_plan(ffi_cif *cif, struct sight *sight)
{
    struct closure closure = allocate();
    struct trampfd_closure read;

    CHECK_CASE(!trampfd_closure_prep(closure.memory, cif, handle_plan, sight), "preparation");
    CHECK_CASE(!trampfd_closure_read(closure.code, &read) && read.entry == TRAMPFD_ENTRY_PLAN,
               "the closure has no plan");
    check_plan(closure, cif, sight);
    call("plan", closure.code, cif, sight);
    trampfd_closure_free(closure.memory);
}

static struct closure make_libffi(ffi_cif *cif, trampfd_handler handler, void *user_data)
{
    union tfd_record record = {.closure = {.cif = cif, .fun = handler, .user_data = user_data}};
    struct closure closure = allocate();

    CHECK_CASE(!tfd_entry_libffi_set(&record), "the libffi entry");
    CHECK_CASE(!tfd_pool_store(tfd_pool_find_closure(closure.memory), &record), "a record");
    return closure;
}

static void call_libffi(ffi_cif *cif, struct sight *sight)
{
    struct closure closure = make_libffi(cif, handle, sight);

    call("libffi", closure.code, cif, sight);
    trampfd_closure_free(closure.memory);
}

/* What the function with the bound argument must see. */
struct bound {
    ffi_cif *cif; /* of the caller */
    unsigned at;
    uintptr_t value;
    struct sight *sight;
};

static void handle_bound(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    struct bound *bound = user_data;
    void *others[ARGUMENTS_MAX];

    CHECK_CASE(!memcmp(arguments[bound->at], &bound->value, cif->arg_types[bound->at]->size),
               "%s: the bound argument", bound->sight->entry);
    for (unsigned i = 0; i + 1 < cif->nargs; i++)
        others[i] = arguments[i + (i >= bound->at)];
    handle(bound->cif, result, others, bound->sight);
}

/* See tfd_port_libffi_miscalls(). */
static int libffi_may_garble(void)
{
    for (unsigned i = 1; i <= current->count; i++)
        if (plan_shim_libffi_may_garble(current->values[i].type))
            return 1;
    return 0;
}

static int has_plan(const ffi_cif *cif)
{
    const struct tfd_plan *plan = tfd_plan_get(cif);

    if (plan)
        tfd_plan_put(plan);
    return plan != NULL;
}

/* Returns whether libffi makes the call.  Any type that may be bound serves. */
static int call_bound(const char *entry, ffi_cif *cif, enum trampfd_position position)
{
    static ffi_type *const bindable[] = {
        &ffi_type_uint8,  &ffi_type_sint8,  &ffi_type_uint16, &ffi_type_sint16,  &ffi_type_uint32,
        &ffi_type_sint32, &ffi_type_uint64, &ffi_type_sint64, &ffi_type_pointer, &ffi_type_pointer,
    };
    static struct sight sight;
    unsigned at = position == TRAMPFD_LAST ? cif->nargs : 0;
    struct bound bound = {.cif = cif, .at = at, .value = random_word(), .sight = &sight};
    ffi_type *types[ARGUMENTS_MAX + 1];
    struct trampfd_closure read;
    struct closure target, closure;
    ffi_cif full;

    for (unsigned i = 0; i < cif->nargs; i++)
        types[i + (i >= at)] = cif->arg_types[i];
    types[at] = bindable[random_word() % 10];
    CHECK_CASE(ffi_prep_cif(&full, FFI_DEFAULT_ABI, cif->nargs + 1, cif->rtype, types) == FFI_OK,
               "ffi_prep_cif");
    if ((libffi_may_garble() && !has_plan(&full)) || plan_shim_libffi_misreads(&full))
        return 1;
    target = make_libffi(&full, handle_bound, &bound);
    closure.memory = trampfd_bind(&full, target.code, (void *)bound.value, position,
                                  (void **)&closure.code, NULL);
    if (!closure.memory && errno == ENOTSUP && libffi_may_garble()
        && !plan_shim_in_registers(&full)) {
        trampfd_closure_free(target.memory);
        return 1;
    }
    CHECK_CASE(closure.memory, "%s: %s", entry, strerror(errno));
    CHECK_CASE(!trampfd_closure_read(closure.code, &read), "%s: reading back", entry);
    if (tfd_entries_bind.count) {
        int in_registers = plan_shim_in_registers(&full);

        CHECK_CASE(read.entry != TRAMPFD_ENTRY_BOUND || in_registers, "%s: the entry", entry);
        CHECK_CASE(read.entry == TRAMPFD_ENTRY_BOUND || !in_registers
                       || current->expectation != PLAN_NEEDED,
                   "%s: the entry", entry);
    }
    call(entry, closure.code, cif, &sight);
    trampfd_closure_free(closure.memory);
    trampfd_closure_free(target.memory);
    return read.entry != TRAMPFD_ENTRY_BOUND;
}

/* Not seen by a C caller: how far a narrow integer is extended. */
static void check_word(const struct tfd_plan *plan, const ffi_type *type, const struct sight *plans,
                       const struct sight *libffis)
{
    if (plan->is_in_memory && plan_shim_returns_address())
        CHECK_CASE(plans->word == (uintptr_t)plans->result_at, "the result's address");
    else if (!plan->is_in_memory && bytes_to_store(type) > type->size)
        CHECK_CASE(!((plans->word ^ libffis->word) & PLAN_SHIM_WORD_MASK),
                   "the register is %#lx, by libffi %#lx", plans->word, libffis->word);
}

static void run(const struct plan_case *one)
{
    static struct sight plans, libffis;
    ffi_type *types[ARGUMENTS_MAX];
    const struct tfd_plan *plan;
    int bound_by_libffi = 0, misreads;
    ffi_cif cif;

    current = one;
    for (unsigned i = 0; i < one->count; i++)
        types[i] = one->values[1 + i].type;
    CHECK_CASE(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, one->count, one->values[0].type, types)
                   == FFI_OK,
               "ffi_prep_cif");
    for (unsigned i = 0; i <= one->count; i++)
        CHECK_CASE(one->values[i].type->type == FFI_TYPE_VOID
                       || (one->values[i].type->size == one->values[i].size
                           && one->values[i].type->alignment == one->values[i].alignment),
                   "the layout of type %u", i);

    misreads = plan_shim_libffi_misreads(&cif);
    plan = tfd_plan_get(&cif);
    CHECK_CASE(plan || one->expectation != PLAN_NEEDED, "there must be a plan");
    CHECK_CASE(!plan || one->expectation != PLAN_REFUSED, "libffi must have this one");
    if (one->expectation != PLAN_REFUSED) {
        for (unsigned i = 0; i < one->count; i++)
            random_value(&one->values[1 + i], &arguments_given[i]);
        random_value(&one->values[0], &result_given);
        if (!misreads)
            call_libffi(&cif, &libffis);
        if (plan)
            call_plan(&cif, &plans);
        if (plan && !misreads)
            check_word(plan, cif.rtype, &plans, &libffis);
        bound_by_libffi = call_bound("first bound", &cif, TRAMPFD_FIRST)
                          + call_bound("last bound", &cif, TRAMPFD_LAST);
    }
    if (!plan) {
        puts("-");
        return;
    }
    printf("%td %d %td %u %d\n", (const char *)(uintptr_t)plan->entry - tfd_plan_entries,
           (int)plan->result, (const char *)(uintptr_t)plan->tail - tfd_plan_entries,
           plan->gather_count, bound_by_libffi);
    tfd_plan_put(plan);
}

int main(int argc, char **argv)
{
    const struct plan_case *cases;
    const unsigned *count;
    void *batch;
    uint64_t seed;

    CHECK(argc == 4, "a batch, a seed and the number of the first signature");
    setvbuf(stdout, NULL, _IOLBF, 0);
    batch = dlopen(argv[1], RTLD_NOW);
    CHECK(batch, "%s", dlerror());
    cases = dlsym(batch, "plan_cases");
    count = dlsym(batch, "plan_case_count");
    CHECK(cases && count, "%s", dlerror());
    seed = strtoull(argv[2], NULL, 0);
    for (unsigned i = 0; i < *count; i++) {
        number = (unsigned)strtoul(argv[3], NULL, 0) + i;
        state = seed << 32 ^ number;
        run(&cases[i]);
    }
    dlclose(batch);
    return 0;
}
