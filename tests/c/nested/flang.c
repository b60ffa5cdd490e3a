/* SPDX-License-Identifier: MIT */
/*
 * Internal procedures of Fortran by hand: what Flang's compiled code does for them.  The argument
 * names a way to misuse them, which ends the process with a message.
 */
#include "by_hand.h"

void *_FortranATrampolineInit(void *scratch, const void *callee, const void *chain);
void *_FortranATrampolineAdjust(void *handle);
void _FortranATrampolineFree(void *handle);

/* LLVM takes another register for the chain than GCC on this CPU. */
#if defined(__aarch64__)
#undef STATIC_CHAIN
#define STATIC_CHAIN(name)                                                                         \
    void *name;                                                                                    \
    __asm__ volatile("mov %0, x15" : "=r"(name))
#endif

enum { MANY = 20000 };

static __attribute__((noinline)) int internal_add(int argument)
{
    STATIC_CHAIN(chain);

    return argument + *(int *)chain;
}

static void *begin(int *host, adder **procedure)
{
    void *handle = _FortranATrampolineInit(NULL, (void *)(uintptr_t)internal_add, host);

    *procedure = (adder *)(uintptr_t)_FortranATrampolineAdjust(handle);
    return handle;
}

/* More than the pool of Flang's own library has room for, ended in the order of their start. */
static void check_many(void)
{
    static int hosts[MANY];
    static void *handles[MANY];
    static adder *procedures[MANY];
    size_t before = pointers();

    for (int i = 0; i < MANY; i++) {
        hosts[i] = i;
        handles[i] = begin(&hosts[i], &procedures[i]);
    }
    CHECK(pointers() == before + MANY, "%zu pointers", pointers());
    for (int i = 0; i < MANY; i++)
        CHECK(procedures[i](1) == i + 1, "procedure %d", i);
    for (int i = 0; i < MANY; i++)
        _FortranATrampolineFree(handles[i]);
    CHECK(pointers() == before, "%zu pointers", pointers());
}

/* Both compilers' functions in one program. */
static void check_beside_gcc(void)
{
    struct frame frame;
    int host = 20;
    adder *procedure;
    void *handle = begin(&host, &procedure);

    enter(&frame, 1);
    CHECK(procedure(1) == 21 && frame.pointer[0](1) == 2, "each has its own chain");
    _FortranATrampolineFree(handle);
    CHECK(frame.pointer[0](1) == 2, "GCC's is there");
    __gcc_nested_func_ptr_deleted();
}

static void misuse(const char *way)
{
    struct frame frame;
    int host = 1;
    adder *procedure;
    void *handle = begin(&host, &procedure);

    if (!strcmp(way, "a pointer of GCC")) {
        enter(&frame, 1);
        _FortranATrampolineFree((void *)(uintptr_t)frame.pointer[0]);
    }
    _FortranATrampolineFree(handle);
    if (!strcmp(way, "end twice"))
        _FortranATrampolineFree(handle);
    if (!strcmp(way, "call after the end"))
        procedure(1);
    fprintf(stderr, "still alive\n");
    exit(1);
}

int main(int argc, char **argv)
{
    if (argc == 2)
        misuse(argv[1]);
    check_many();
    check_beside_gcc();
    check_w_xor_x();
    return 0;
}
