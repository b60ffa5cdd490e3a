/* SPDX-License-Identifier: MIT */
/* Each of the 4096 built-in slots leads to its own record, handler and arguments. */
#include "check.h"

struct big {
    long a, b, c;
};

typedef long long function(int, double, const void *, struct big, float);

static struct trial {
    int number, calls, odd;
} trials[TRAMPFD_BLOCK_SLOTS];

static ffi_cif cif;

static void handle(ffi_cif *called, void *result, void **arguments, struct trial *trial, int odd)
{
    int number = *(int *)arguments[0];
    const struct big *big = arguments[3];

    CHECK(called == &cif, "cif of call %d", number);
    CHECK(trial == &trials[number], "record of call %d", number);
    CHECK(trial->odd == odd, "handler of call %d", number);
    CHECK(*(double *)arguments[1] == number / 8.0, "double of call %d", number);
    CHECK(*(void **)arguments[2] == (void *)trial, "pointer of call %d", number);
    CHECK(big->a == number && big->b == -number && big->c == 3L * number, "struct of %d", number);
    CHECK(*(float *)arguments[4] == (float)number, "float of call %d", number);
    trial->calls++;
    *(long long *)result = number * 1000000007LL;
}

static void handle_even(ffi_cif *called, void *result, void **arguments, void *user_data)
{
    handle(called, result, arguments, user_data, 0);
}

static void handle_odd(ffi_cif *called, void *result, void **arguments, void *user_data)
{
    handle(called, result, arguments, user_data, 1);
}

int main(void)
{
    static ffi_type *members[] = {&ffi_type_slong, &ffi_type_slong, &ffi_type_slong, NULL};
    static ffi_type big = {.type = FFI_TYPE_STRUCT, .elements = members};
    static ffi_type *types[] = {&ffi_type_sint, &ffi_type_double, &ffi_type_pointer, &big,
                                &ffi_type_float};
    static function *codes[TRAMPFD_BLOCK_SLOTS];
    static char seen[TRAMPFD_BLOCK_SLOTS];
    struct trampfd_slot slot;

    CHECK(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 5, &ffi_type_sint64, types) == FFI_OK, "cif");
    for (int i = 0; i < TRAMPFD_BLOCK_SLOTS; i++) {
        void *closure = trampfd_closure_alloc(sizeof(ffi_closure), (void **)&codes[i], NULL);

        CHECK(closure, "allocation %d: %s", i, strerror(errno));
        trials[i] = (struct trial){.number = i, .odd = i % 2};
        CHECK(!trampfd_closure_prep(closure, &cif, i % 2 ? handle_odd : handle_even, &trials[i]),
              "preparation %d", i);
        CHECK(!trampfd_slot_find((void *)codes[i], &slot), "slot %d", i);
        CHECK(!strcmp(slot.source, "built in"), "slot %d is from %s", i, slot.source);
        CHECK(!seen[slot.index]++, "slot %u is handed out twice", slot.index);
    }
    for (int i = 0; i < TRAMPFD_BLOCK_SLOTS; i++) {
        long long result = codes[i](i, i / 8.0, &trials[i], (struct big){i, -i, 3L * i}, (float)i);

        CHECK(result == i * 1000000007LL, "call %d gives %lld", i, result);
    }
    for (int i = 0; i < TRAMPFD_BLOCK_SLOTS; i++)
        CHECK(trials[i].calls == 1, "handler %d ran %d times", i, trials[i].calls);
    return 0;
}
