/* SPDX-License-Identifier: MIT */
/*
 * Plans cannot be written, without any switch, also those that take the memory of forgotten ones.
 * With the argument "refused" the kernel does not let memory become writable: then plans can be
 * written, or, where records are sealed, libffi marshals new signatures.
 */
#include "sealed.h"

#include "closure/plan.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { SIGNATURES = 600 }; /* more than idle plans are kept */

/* Signature `number` has that many ints, and a long for each bit of it. */
static ffi_cif *signature(int number)
{
    static ffi_type *arguments[12];
    static ffi_cif cif;

    for (int i = 0; i < 12; i++)
        arguments[i] = number >> i & 1 ? &ffi_type_slong : &ffi_type_sint;
    CHECK(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 12, &ffi_type_void, arguments) == FFI_OK, "cif");
    return &cif;
}

static void check_sealed(void)
{
    for (int i = 0; i < SIGNATURES; i++) {
        const struct tfd_plan *plan = tfd_plan_get(signature(i));

        CHECK(plan, "no plan for signature %d", i);
        CHECK(!can_be_written((void *)(uintptr_t)plan), "plan %d", i);
        CHECK(plan->count == 12 && plan->use->references == 1, "plan %d", i);
        tfd_plan_put(plan);
    }
    CHECK(can_be_written(signature(0)), "the test cannot tell");
    check_w_xor_x();
}

static void refuse_mprotect(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};

    CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
              && !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program),
          "%s", strerror(errno));
}

static void check_refused(void)
{
    adder *code;
    void *closure;
    const struct tfd_plan *plan;

    closure = make(1, &code); /* before the filter: it has a plan */
    refuse_mprotect();
    plan = tfd_plan_get(signature(1));
    if (!strcmp(status_now().provider, "sealed"))
        CHECK(!plan, "a plan that can be written");
    else
        CHECK(plan && can_be_written((void *)(uintptr_t)plan), "no plan");
    CHECK(code(1) == 2, "%d", code(1));
    trampfd_closure_free(closure);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "refused"))
        check_refused();
    else
        check_sealed();
    return 0;
}
