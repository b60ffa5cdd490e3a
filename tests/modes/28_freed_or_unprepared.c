/* SPDX-License-Identifier: MIT */
/*
 * A closure is called that was freed, or never prepared
 *
 * A message says which, and the process ends; no other function is reached.
 *
 * Ways: freed; never prepared
 * Right: reported: call of a
 */
#include "mode.h"

int main(int argc, char **argv)
{
    struct closure one = make(1), other = make(2);
    adder *code = one.code;

    if (way("freed"))
        release(one);
    else
        ffi_closure_alloc(sizeof(ffi_closure), (void **)&code);
    check(other);
    code(7);
    wrong("the call returns");
}
