/* SPDX-License-Identifier: MIT */
/*
 * A backtrace taken in a handler reaches the function that called the closure, and beyond; from any
 * block, for every entry.  One taken by a signal within a slot does so in the built-in block, for
 * which the library has unwind information.
 */
#include "check.h"

#include "slot/allowed.h"

#include <execinfo.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

static void *expected; /* the return address of call_from_here() */
static int found;
static sigjmp_buf back;

static __attribute__((noinline)) int call_from_here(adder *code)
{
    expected = __builtin_extract_return_addr(__builtin_return_address(0));
#ifdef __thumb__ /* the lowest bit is the instruction set, which backtrace(3) leaves out */
    expected = (void *)((uintptr_t)expected & ~(uintptr_t)1);
#endif
    return code(1) + 1;
}

static void look(void)
{
    void *frames[100];
    int count = backtrace(frames, 100);

    found = 0;
    for (int i = 0; i < count; i++)
        found |= frames[i] == expected;
}

static void handle(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)user_data;
    look();
    if (cif->rtype == &ffi_type_sint)
        *(ffi_sarg *)result = *(int *)arguments[0];
}

static void check_in_handler(void *closure, adder *code, ffi_cif *cif, enum trampfd_entry entry,
                             const char *which)
{
    struct trampfd_closure read;

    CHECK(!trampfd_closure_prep(closure, cif, handle, NULL), "%s", which);
    CHECK(!trampfd_closure_read((void *)code, &read) && read.entry == entry, "%s", which);
    found = 0;
    call_from_here(code);
    CHECK(found, "%s: the backtrace stops short of the caller", which);
}

static void on_fault(int signal)
{
    (void)signal;
    look();
    siglongjmp(back, 1);
}

/* Its record cannot be read: the jump in the slot faults. */
static void check_in_slot(void *closure, adder *code)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = (void *)((uintptr_t)closure / size * size);
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};

    CHECK(!sigaction(SIGSEGV, &action, NULL), "%s", strerror(errno));
    CHECK(!mprotect(page, size, PROT_NONE), "%s", strerror(errno));
    found = 0;
    if (!sigsetjmp(back, 1))
        call_from_here(code);
    CHECK(!mprotect(page, size, PROT_READ | PROT_WRITE), "%s", strerror(errno));
    CHECK(found, "from within a slot the backtrace stops short of the caller");
}

int main(void)
{
    /* Half of it is padding, and such signatures are left to libffi. */
    ffi_type *members[] = {&ffi_type_schar, NULL};
    ffi_type padded = {16, 16, FFI_TYPE_STRUCT, members};
    ffi_type *types[] = {&ffi_type_sint, &padded};
    struct many many = make_many(TRAMPFD_BLOCK_SLOTS + 1);
    enum trampfd_entry usual = tfd_entries_plan.count ? TRAMPFD_ENTRY_PLAN : TRAMPFD_ENTRY_LIBFFI;
    void *warm_up[1];
    ffi_cif cif;

    backtrace(warm_up, 1); /* loads the unwinder */
    CHECK(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 2, &ffi_type_sint, types) == FFI_OK, "cif");
    check_in_handler(many.closure[0], many.code[0], adder_cif(), usual, "usual");
    check_in_handler(many.closure[0], many.code[0], &cif, TRAMPFD_ENTRY_LIBFFI, "libffi");
    check_in_handler(many.closure[many.count - 1], many.code[many.count - 1], adder_cif(), usual,
                     "own file");
    check_in_slot(many.closure[1000], many.code[1000]);
    free_many(many);
    return 0;
}
