/* SPDX-License-Identifier: MIT */
/* Ending a subinterpreter as programs do that embed Python: with the state that they made it with. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

#define FUNCTION(type, name, ...)                                                                  \
    type (*name)(__VA_ARGS__) = (type (*)(__VA_ARGS__))dlsym(NULL, #name)

/* Called with the lock.  Returns 0 if there is no such interpreter. */
int end_interpreter(int64_t id)
{
    FUNCTION(void *, _PyInterpreterState_LookUpID, int64_t);
    FUNCTION(void *, PyInterpreterState_ThreadHead, void *);
    FUNCTION(void *, PyThreadState_Next, void *);
    FUNCTION(void *, PyThreadState_Swap, void *);
    FUNCTION(void, Py_EndInterpreter, void *);
    void *interpreter = _PyInterpreterState_LookUpID(id);
    void *saved, *next, *state = interpreter ? PyInterpreterState_ThreadHead(interpreter) : 0;

    if (!state)
        return 0;
    while ((next = PyThreadState_Next(state)))
        state = next;
    saved = PyThreadState_Swap(state);
    Py_EndInterpreter(state);
    PyThreadState_Swap(saved);
    return 1;
}
