/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "interpreter.h"

#include <sys/mman.h>

struct interpreter interpreter_main;

struct interpreter *interpreter_find(PyInterpreterState *state)
{
    struct interpreter *interpreter = &interpreter_main;

    while (interpreter && atomic_load(&interpreter->state) != state)
        interpreter = interpreter->next;
    return interpreter;
}

struct interpreter *interpreter_begin(void)
{
    struct interpreter *interpreter = interpreter_now();

    if (!interpreter) {
        interpreter = &interpreter_main;
        atomic_store(&interpreter->state, PyInterpreterState_Get());
    }
    return interpreter;
}
