/* SPDX-License-Identifier: MIT */
/*
 * For counting instructions: so many calls of a function of two pointers.
 *
 *     cost direct|first|last CALLS
 */
#include "plan/closures.h"

static void *first_of(void *a, void *b)
{
    (void)b;
    return a;
}

int main(int argc, char **argv)
{
    static ffi_type *types[] = {&ffi_type_pointer, &ffi_type_pointer};
    void *(*volatile function)(void *, void *) = first_of;
    ffi_cif cif;
    int calls;

    CHECK(argc == 3, "which function, how many calls");
    calls = atoi(argv[2]);
    make_cif(&cif, &ffi_type_pointer, 2, types);
    if (strcmp(argv[1], "direct")) {
        enum trampfd_position position = strcmp(argv[1], "last") ? TRAMPFD_FIRST : TRAMPFD_LAST;
        void *code;

        CHECK(trampfd_bind(&cif, (void (*)(void))first_of, &cif, position, &code, NULL), "%s",
              strerror(errno));
        function = (void *(*)(void *, void *))code; /* the second argument goes to nobody */
    }
    for (int i = 0; i < calls; i++)
        function(argv, argv);
    return 0;
}
