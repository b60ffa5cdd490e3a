/* SPDX-License-Identifier: MIT */
/* A library that makes closures, for programs that load it in their own ways. */
#include "adder.h"

#define EXPORTED __attribute__((visibility("default")))

EXPORTED void *plugin_make(int number, adder **code);
EXPORTED void plugin_free(void *closure);
EXPORTED void plugin_free_by_jump(void *closure);

void *plugin_make(int number, adder **code)
{
    return adder_make(sizeof(ffi_closure), number, code);
}

void plugin_free(void *closure)
{
    ffi_closure_free(closure);
    __asm__ volatile(""); /* so that it is called, not jumped to */
}

void plugin_free_by_jump(void *closure)
{
    ffi_closure_free(closure);
}
