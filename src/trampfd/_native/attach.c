/* SPDX-License-Identifier: MIT */
/* may_run() describes which threads may run Python during finalization. */
#include "attach.h"

#include "callee.h"
#include "kept.h"
#include "state.h"
#include "visit.h"

#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Exit functions run in the thread that finalizes. */
static PyObject *note_finalizer(PyObject *self, PyObject *unused)
{
    struct interpreter *interpreter = interpreter_now();

    (void)self;
    (void)unused;
    interpreter->finalizer = pthread_self();
    atomic_store(&interpreter->finalizer_is_known, 1);
    if (interpreter != &interpreter_main)
        visit_end_all(interpreter);
    Py_RETURN_NONE;
}

/* If the program has removed our exit function, the first thread that finalizes is taken. */
int attach_is_finalizer(const struct interpreter *interpreter)
{
    if (atomic_load(&interpreter->finalizer_is_known))
        return pthread_equal(pthread_self(), interpreter->finalizer);
    return syscall(SYS_gettid) == getpid();
}

/*
 * During finalization, the finalizing thread can run Python as long as it has a state: destructors
 * of the program still run and call functions that must work.  CPython makes all other threads that
 * request its lock end or wait forever.  It is better to refuse them: otherwise a C library that
 * joins its threads when it is unloaded would wait forever, too.
 */
static int may_run(const PyThreadState *state)
{
    return Py_IsFinalizing() ? state && attach_is_finalizer(&interpreter_main) : Py_IsInitialized();
}

/* A subinterpreter waits for its visitors, unless the main interpreter finalizes. */
static int may_make(const struct interpreter *interpreter)
{
    if (interpreter == &interpreter_main)
        return may_run(NULL);
    return !Py_IsFinalizing() || attach_is_finalizer(interpreter);
}

/* The main one may never have imported the extension. */
static PyInterpreterState *state_of(const struct interpreter *interpreter)
{
    return interpreter == &interpreter_main ? PyInterpreterState_Main()
                                            : atomic_load(&interpreter->state);
}

int attach_new_state(const struct interpreter *interpreter)
{
    PyThreadState *state = NULL;
    int is_asked;

    atomic_fetch_add(&native.making_states, 1);
    is_asked = may_make(interpreter);
    if (is_asked)
        state = PyThreadState_New(state_of(interpreter));
    atomic_fetch_sub(&native.making_states, 1);

    if (!is_asked || !may_make(interpreter))
        return 0;
    if (!state)
        Py_FatalError("no memory for the state of a thread that calls a callback");
    PyEval_RestoreThread(state);
    return 1;
}

/*
 * Threads that see finalization make no state any more, and making one needs no lock of the
 * interpreter, so that this waits for a moment; about a second, if a debugger has stopped such a
 * thread.
 */
void attach_wait_for_states(void)
{
    const struct timespec moment = {.tv_nsec = 100000};

    for (int i = 0; i < 10000 && atomic_load(&native.making_states); i++)
        nanosleep(&moment, NULL);
}

/* It has none of the threads that were making states, or visiting. */
static void in_child(void)
{
    atomic_store(&native.making_states, 0);
    callee_in_child();
    visit_in_child();
}

static int call_in_child(void)
{
    static atomic_int is_registered; /* twice does no harm */

    if (!is_registered && !pthread_atfork(NULL, NULL, in_child))
        is_registered = 1;
    if (!is_registered)
        PyErr_NoMemory();
    return is_registered ? 0 : -1;
}

static int call_at_exit(void)
{
    static const PyMethodDef definition = {"note_finalizer", note_finalizer, METH_NOARGS, NULL};
    PyObject *atexit = PyImport_ImportModule("atexit");
    PyObject *function = atexit ? PyCFunction_New((PyMethodDef *)&definition, NULL) : NULL;
    PyObject *done = function ? PyObject_CallMethod(atexit, "register", "O", function) : NULL;

    Py_XDECREF(done);
    Py_XDECREF(function);
    Py_XDECREF(atexit);
    return done ? 0 : -1;
}

int attach_init(void)
{
    atomic_store(&interpreter_now()->finalizer_is_known, 0);
    kept_init();
    visit_init();
    return call_in_child() || call_at_exit() ? -1 : 0;
}

/* In a thread that has no state yet. */
static enum attachment make_state(void)
{
    if (!attach_new_state(&interpreter_main))
        return REFUSED;
    return kept_keep(&interpreter_main) ? KEPT : STATE_MADE;
}

/* In a thread that has no state yet.  Preserves errno. */
COLD static enum attachment attach_new(enum leftovers leftovers)
{
    int error = errno;
    enum attachment attachment = make_state();

    if (attachment == KEPT)
        kept_enter(&interpreter_main, PyThreadState_Get(), leftovers);
    if (attachment != REFUSED)
        kept_reap(&interpreter_main); /* now that it may lead to callbacks in this thread */
    errno = error;
    return attachment;
}

/* Is this thread in another interpreter, or is the state that CPython has for it of another one? */
static int is_elsewhere(const PyThreadState *state)
{
    const PyThreadState *current = visit_current();
    PyInterpreterState *of_main = state_of(&interpreter_main);

    return (state && state->interp != of_main) || (current && current->interp != of_main);
}

/*
 * Threads that Python created get here at each callback from a call that released the interpreter's
 * lock.  CPython preserves errno when it takes and releases that lock.
 */
enum attachment attach_slow(enum leftovers leftovers)
{
    PyThreadState *state = PyGILState_GetThisThreadState();

    if (__builtin_expect(!may_run(state), 0))
        return REFUSED;
    if (__builtin_expect(interpreter_are_many(), 0) && is_elsewhere(state))
        return ELSEWHERE;
    if (__builtin_expect(!state, 0))
        return attach_new(leftovers);
    PyEval_RestoreThread(state); /* PyGILState_Ensure() would look it up again */
    return kept_enter(&interpreter_main, state, leftovers) ? KEPT : RESTORED;
}

COLD static void detach_other(enum attachment attachment)
{
    int error = errno;

    if (attachment == STATE_MADE)
        PyGILState_Release(PyGILState_UNLOCKED);
    else if (!kept_leave(&interpreter_main))
        PyEval_SaveThread();
    errno = error;
}

void detach_slow(enum attachment attachment)
{
    if (__builtin_expect(attachment == RESTORED, 1))
        PyEval_SaveThread();
    else
        detach_other(attachment);
}
