/* SPDX-License-Identifier: MIT */
/*
 * Bound functions.  If all arguments of the function, including the bound one, are in registers, a
 * record with an entry of the port is enough.  Otherwise the arguments are marshalled twice: a
 * closure without the bound argument has a handler that lets libffi call the function with it.
 * Anything faster would have to move the caller's stack arguments.
 */
#include "arch/port.h"
#include "base/difference.h"
#include "base/ffi_type.h"
#include "closure/closure.h"
#include "closure/verify.h"
#include "slot/pool.h"

#include <errno.h>
#include <string.h>

/* A bound function that libffi calls: the memory of its closure. */
struct marshalled {
    ffi_closure closure;
    ffi_cif cif;   /* what C calls: without the bound argument */
    ffi_cif *full; /* what is called */
    void (*function)(void);
    unsigned bound;    /* index of the argument */
    ffi_arg value;     /* of it, as its type stores it */
    ffi_type *types[]; /* of cif */
};

static int is_bindable(const ffi_type *type)
{
    return tfd_is_integer_or_pointer(type) && type->size <= sizeof(void *);
}

/* The low bytes of `data` are at its other end on big-endian CPUs. */
static ffi_arg stored(const ffi_type *type, void *data)
{
    ffi_arg value = 0;

    switch (type->size) {
    case 1: memcpy(&value, &(uint8_t){(uint8_t)(uintptr_t)data}, 1); break;
    case 2: memcpy(&value, &(uint16_t){(uint16_t)(uintptr_t)data}, 2); break;
    case 4: memcpy(&value, &(uint32_t){(uint32_t)(uintptr_t)data}, 4); break;
    default: memcpy(&value, &data, sizeof(data)); break;
    }
    return value;
}

/* The function may free the bound function: nothing of it is used after the call. */
static void call(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    struct marshalled *self = user_data;
    unsigned count = cif->nargs, bound = self->bound;
    ffi_arg value = self->value;
    void *all[count + 1];

    memcpy(all, arguments, bound * sizeof(*all));
    all[bound] = &value;
    memcpy(all + bound + 1, arguments + bound, (count - bound) * sizeof(*all));
    ffi_call(self->full, self->function, result, all);
}

static int prepare(struct marshalled *self, ffi_cif *full)
{
    unsigned count = full->nargs - 1, bound = self->bound;

    memcpy(self->types, full->arg_types, bound * sizeof(*self->types));
    memcpy(self->types + bound, full->arg_types + bound + 1,
           (count - bound) * sizeof(*self->types));
    if (ffi_prep_cif(&self->cif, full->abi, count, full->rtype, self->types) != FFI_OK)
        return -ENOTSUP;
    return tfd_closure_prep(&self->closure, &self->cif, call, self, tfd_plan_call);
}

static void *bind_marshalled(ffi_cif *cif, void (*function)(void), void *data, unsigned bound,
                             void **code, struct trampfd_trail *trail)
{
    size_t size = sizeof(struct marshalled) + (cif->nargs - 1) * sizeof(ffi_type *);
    void *address;
    struct marshalled *self = trampfd_closure_alloc(size, &address, trail);
    int error;

    if (!self)
        return NULL;
    self->full = cif;
    self->function = function;
    self->bound = bound;
    self->value = stored(cif->arg_types[bound], data);
    error = prepare(self, cif);
    if (error) {
        trampfd_closure_free(self);
        errno = -error;
        return NULL;
    }
    *code = address;
    return self;
}

/* Sets `*entry`, to NULL if libffi has to make the call.  Returns -ENOTSUP if it cannot. */
static int choose_entry(const ffi_cif *cif, enum trampfd_position position, tfd_entry **entry)
{
    const struct tfd_plan *plan = tfd_plan_get(cif);
    int error;

    *entry = NULL;
    if (!plan)
        return 0;
    *entry = tfd_port_bind_entry(plan, cif, position);
    error = !*entry && tfd_port_libffi_miscalls(plan, cif) ? -ENOTSUP : 0;
    tfd_plan_put(plan);
    return error;
}

/*
 * `data` as a compiler fills the register of an argument of that type: on some CPUs, functions rely
 * on it.
 */
static void *widened(const ffi_type *type, void *data)
{
    uintptr_t word = (uintptr_t)data;

    switch (type->type) {
    case FFI_TYPE_UINT8: return (void *)(uintptr_t)(uint8_t)word;
    case FFI_TYPE_SINT8: return (void *)(intptr_t)(int8_t)word;
    case FFI_TYPE_UINT16: return (void *)(uintptr_t)(uint16_t)word;
    case FFI_TYPE_SINT16: return (void *)(intptr_t)(int16_t)word;
    case FFI_TYPE_UINT32: return (void *)(uintptr_t)(TFD_PORT_INT32)word;
    case FFI_TYPE_INT:
    case FFI_TYPE_SINT32: return (void *)(intptr_t)(int32_t)word;
    default: return data;
    }
}

static void *bind_in_registers(union tfd_record *record, void **code, struct trampfd_trail *trail)
{
    struct tfd_slot slot = tfd_closure_new(sizeof(ffi_closure), trail);
    int error = slot.block ? tfd_pool_store(slot, record) : tfd_slot_error(slot);

    if (error) {
        if (slot.block)
            tfd_pool_give(slot, NULL, TFD_HOLDS_NOTHING);
        errno = -error;
        return NULL;
    }
    *code = tfd_slot_code(slot);
    return tfd_closure_memory(slot);
}

static unsigned index_of(enum trampfd_position position, const ffi_cif *cif)
{
    return position == TRAMPFD_LAST ? cif->nargs - 1 : 0;
}

/* Makes the record of a bound function; its entry is NULL if libffi has to make the call. */
static int make_record(union tfd_record *record, ffi_cif *cif, void (*function)(void), void *data,
                       enum trampfd_position position)
{
    const ffi_type *type;

    if (!function || (position != TRAMPFD_FIRST && position != TRAMPFD_LAST) || !cif->nargs)
        return -EINVAL;
    type = cif->arg_types[index_of(position, cif)];
    if (!is_bindable(type))
        return -EINVAL;
    *record = (union tfd_record){.closure = {.user_data = widened(type, data)}};
    record->bound.function = function;
    return choose_entry(cif, position, &record->bound.entry);
}

void *trampfd_bind(ffi_cif *cif, void (*function)(void), void *data, enum trampfd_position position,
                   void **code, struct trampfd_trail *trail)
{
    union tfd_record record;
    int error = make_record(&record, cif, function, data, position);

    if (trail)
        trail->count = 0;
    if (error) {
        errno = -error;
        return NULL;
    }
    if (!record.bound.entry)
        return bind_marshalled(cif, function, data, index_of(position, cif), code, trail);
    return bind_in_registers(&record, code, trail);
}

/* The record leads to memory that holds the target. */
static int verify_marshalled(struct marshalled *self, const void *code, ffi_cif *cif,
                             void (*function)(void), void *data, unsigned bound,
                             struct trampfd_report *report)
{
    int error = tfd_closure_verify(code, &self->cif, call, self, tfd_plan_call, report);

    if (error)
        return error;
    tfd_compare_number(report, "cif of the function", 0, (uintptr_t)cif, (uintptr_t)self->full);
    tfd_compare_number(report, "function", 0, (uintptr_t)function, (uintptr_t)self->function);
    tfd_compare_number(report, "index", 0, bound, self->bound);
    tfd_compare_number(report, "data", 0, stored(cif->arg_types[bound], data), self->value);
    return 0;
}

int trampfd_bind_verify(void *closure, const void *code, ffi_cif *cif, void (*function)(void),
                        void *data, enum trampfd_position position, struct trampfd_report *report)
{
    static const char *const names[TFD_VERIFY_WORDS] = {
        [RECORD_ENTRY / TFD_WORD] = "entry",
        [RECORD_FUNCTION / TFD_WORD] = "function",
        [offsetof(union tfd_record, closure.user_data) / TFD_WORD] = "data",
    };
    union tfd_record wanted;
    int error = make_record(&wanted, cif, function, data, position);

    if (error)
        return error;
    if (!wanted.bound.entry)
        return verify_marshalled(closure, code, cif, function, data, index_of(position, cif),
                                 report);
    return tfd_verify_record(code, &wanted, names, report);
}
