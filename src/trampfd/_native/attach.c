/* SPDX-License-Identifier: MIT */
/*
 * A thread that Python did not create has no thread state.  PyGILState_Ensure() would make one and
 * the matching release destroy it, which takes microseconds at each callback.  Here the first
 * callback in such a thread omits the release, so that its thread state is kept for the next one.
 *
 * Objects that Python code leaves in the state (values of threading.local, context variables, trace
 * functions) must not exist longer than with ctypes and cffi.  ctypes destroys the state, and runs
 * the destructors of these objects, at the end of each callback; so does detach_slow(), unless the
 * state is still empty.  cffi keeps the state as long as the thread.
 *
 * When the thread ends its state must be destroyed, too, but not by the ending thread: that would
 * need the interpreter's lock, whose owner may be waiting for this thread to end.  So the ending
 * thread puts the state on a list (with a lock-free push), and the next thread that makes a state
 * destroys those on the list, as in cffi.  Other threads do not: destructors would run between two
 * statements of a program that may hold a lock which they need.
 *
 * The interpreter may destroy a kept state itself: at finalization, and in the child of a fork.  A
 * capsule in the state's dictionary detects that.
 *
 * Free-threaded builds keep nothing: destroying the state of another thread is not safe there while
 * threads run.
 *
 * may_run() describes which threads may run Python during finalization.
 */
#include "attach.h"

#include "state.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Exit functions run in the thread that finalizes. */
static PyObject *note_finalizer(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    native.finalizer = pthread_self();
    atomic_store(&native.finalizer_is_known, 1);
    Py_RETURN_NONE;
}

/* If the program has removed our exit function, the first thread that finalizes is taken. */
static int is_finalizer(void)
{
    if (atomic_load(&native.finalizer_is_known))
        return pthread_equal(pthread_self(), native.finalizer);
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
    return Py_IsFinalizing() ? state && is_finalizer() : Py_IsInitialized();
}

/*
 * In a thread without a state: makes one and attaches, as PyGILState_Ensure() does; the opposite is
 * PyGILState_Release().  Returns 0, not attached, if finalization has begun in the meantime.
 *
 * PyGILState_Ensure() itself is not safe here.  When CPython begins to finalize, it marks the states
 * that exist, so that their threads never attach again.  A state that is made later is not marked:
 * since CPython 3.14 its thread would attach when the interpreter is half destroyed.  So may_run()
 * is asked again once the state exists.  If it still agrees, CPython will find the state and mark
 * it.  If not, the thread must not touch the state: the interpreter destroys it, after it has waited
 * for the threads that are still making one.
 *
 * What remains, as with PyGILState_Ensure(): CPython destroys the states of other threads as soon
 * as finalization has begun, which may be between two instructions of PyThreadState_New().
 */
static int attach_new_state(void)
{
    PyThreadState *state = NULL;
    int is_asked;

    atomic_fetch_add(&native.making_states, 1);
    is_asked = may_run(NULL);
    if (is_asked)
        state = PyThreadState_New(PyInterpreterState_Main());
    atomic_fetch_sub(&native.making_states, 1);

    if (!is_asked || !may_run(NULL))
        return 0;
    if (!state)
        Py_FatalError("no memory for the state of a thread that calls a callback");
    PyEval_RestoreThread(state);
    return 1;
}

/*
 * The destructor of a capsule that the interpreter holds until it destroys itself.  Threads that see
 * finalization make no state any more, and making one needs no lock of the interpreter, so that this
 * waits for a moment; about a second, if a debugger has stopped such a thread.
 */
static void wait_for_states(PyObject *capsule)
{
    const struct timespec moment = {.tv_nsec = 100000};

    (void)capsule;
    for (int i = 0; i < 10000 && atomic_load(&native.making_states); i++)
        nanosleep(&moment, NULL);
}

/* It has none of the threads that were making states. */
static void in_child(void)
{
    atomic_store(&native.making_states, 0);
}

static int call_in_child(void)
{
    static int is_registered;

    if (!is_registered && !pthread_atfork(NULL, NULL, in_child))
        is_registered = 1;
    if (!is_registered)
        PyErr_NoMemory();
    return is_registered ? 0 : -1;
}

#ifdef Py_GIL_DISABLED

static enum attachment make_state(void)
{
    return attach_new_state() ? STATE_MADE : REFUSED;
}

static int enter(PyThreadState *state, enum leftovers leftovers)
{
    (void)state;
    (void)leftovers;
    return 0;
}

static int leave(void)
{
    return 0;
}

static void reap(void)
{
}

static void make_key(void)
{
}

#else

/* Owned by the capsule, and by the thread or, once that has ended, by the list. */
struct kept {
    atomic_uint owners;
    _Atomic(PyThreadState *) state; /* NULL once it is destroyed */
    struct kept *next;              /* on the list of ended threads */
    unsigned depth;                 /* callbacks in this thread, one inside the other */
    enum leftovers leftovers;
};

#define CAPSULE_NAME "trampfd.thread"

static void disown(struct kept *kept)
{
    if (atomic_fetch_sub(&kept->owners, 1) == 1)
        free(kept);
}

static void state_is_destroyed(PyObject *capsule)
{
    struct kept *kept = PyCapsule_GetPointer(capsule, CAPSULE_NAME);

    native.kept_states--;
    atomic_store(&kept->state, NULL);
    disown(kept);
}

static void destroy(PyThreadState *state)
{
    PyThreadState_Clear(state);
    compat_unbind_state(state);
    PyThreadState_Delete(state);
}

/* Destroy the states of ended threads.  Attached. */
static void reap(void)
{
    struct kept *kept = atomic_exchange(&native.ended, NULL);

    while (kept) {
        struct kept *next = kept->next;
        PyThreadState *state = atomic_exchange(&kept->state, NULL);

        if (state)
            destroy(state);
        disown(kept);
        kept = next;
    }
}

static void thread_ends(void *value)
{
    struct kept *kept = value;

    kept->next = atomic_load(&native.ended);
    while (!atomic_compare_exchange_weak(&native.ended, &kept->next, kept))
        ;
}

static void make_key(void)
{
    if (!native.key_is_made)
        native.key_is_made = !pthread_key_create(&native.kept_key, thread_ends);
}

/* The data kept for this thread, if its state is that one.  Attached. */
static struct kept *find_kept(const PyThreadState *state)
{
    struct kept *kept = native.kept_states ? pthread_getspecific(native.kept_key) : NULL;

    return kept && atomic_load(&kept->state) == state ? kept : NULL;
}

/* The state that was kept for this thread is being destroyed. */
static void forget(void)
{
    struct kept *kept = pthread_getspecific(native.kept_key);

    if (kept) {
        pthread_setspecific(native.kept_key, NULL);
        disown(kept);
    }
}

/* Keep the current state, by never releasing it.  Returns 0 if there is no memory for that. */
static int keep(PyThreadState *state)
{
    struct kept *kept = calloc(1, sizeof(*kept));
    PyObject *states = PyThreadState_GetDict();
    PyObject *capsule = kept ? PyCapsule_New(kept, CAPSULE_NAME, NULL) : NULL;

    if (!capsule || !states || PyDict_SetItemString(states, CAPSULE_NAME, capsule)
        || pthread_setspecific(native.kept_key, kept)) {
        PyErr_Clear();
        Py_XDECREF(capsule);
        free(kept);
        return 0;
    }
    atomic_init(&kept->owners, 2);
    atomic_init(&kept->state, state);
    native.kept_states++;
    PyCapsule_SetDestructor(capsule, state_is_destroyed);
    Py_DECREF(capsule);
    return 1;
}

/* In a thread without a state. */
static enum attachment make_state(void)
{
    if (!attach_new_state())
        return REFUSED;
    if (!native.key_is_made)
        return STATE_MADE;
    forget();
    return keep(PyThreadState_Get()) ? KEPT : STATE_MADE;
}

/* A callback begins.  Returns whether leave() must be called at its end. */
static int enter(PyThreadState *state, enum leftovers leftovers)
{
    struct kept *kept = find_kept(state);

    if (kept && !kept->depth++ && leftovers == STAY_WITH_THREAD)
        kept->leftovers = leftovers;
    return kept != NULL;
}

/*
 * Is the capsule the only object in a state?  Checks everything that Python code can leave there.
 */
static int is_clean(const PyThreadState *state)
{
    return PyDict_GET_SIZE(state->dict) == 1 && !compat_is_known_to_threading(state)
           && !state->context && !state->c_tracefunc && !state->c_profilefunc
           && !state->async_gen_firstiter && !state->async_gen_finalizer
           && !state->coroutine_origin_tracking_depth && !state->async_exc;
}

/*
 * A callback ends.  Returns 1 if that destroyed the state, and so detached from it.  The callback
 * counts until then, because destructors may lead to other callbacks.
 */
static int leave(void)
{
    PyThreadState *state = PyThreadState_Get();
    struct kept *kept = find_kept(state);

    if (!kept)
        return 0;
    if (kept->depth > 1 || kept->leftovers == STAY_WITH_THREAD || is_clean(state)) {
        kept->depth--;
        return 0;
    }
    PyGILState_Release(PyGILState_UNLOCKED);
    forget();
    return 1;
}

#endif

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

static int call_at_end_of_interpreter(void)
{
    PyObject *objects = PyInterpreterState_GetDict(PyInterpreterState_Main());
    PyObject *capsule = PyCapsule_New(&native, "trampfd.interpreter", wait_for_states);
    int error = -1;

    if (objects && capsule)
        error = PyDict_SetItemString(objects, "trampfd.interpreter", capsule);
    else if (!PyErr_Occurred())
        PyErr_NoMemory();
    Py_XDECREF(capsule);
    return error;
}

int attach_init(void)
{
    atomic_store(&native.finalizer_is_known, 0);
    make_key();
    return call_in_child() || call_at_exit() || call_at_end_of_interpreter() ? -1 : 0;
}

/* In a thread that has no state yet.  Preserves errno. */
COLD static enum attachment attach_new(enum leftovers leftovers)
{
    int error = errno;
    enum attachment attachment = make_state();

    if (attachment == KEPT)
        enter(PyThreadState_Get(), leftovers);
    if (attachment != REFUSED)
        reap(); /* now that destructors may lead to callbacks in this thread */
    errno = error;
    return attachment;
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
    if (__builtin_expect(!state, 0))
        return attach_new(leftovers);
    PyEval_RestoreThread(state); /* PyGILState_Ensure() would look it up again */
    return enter(state, leftovers) ? KEPT : RESTORED;
}

COLD static void detach_other(enum attachment attachment)
{
    int error = errno;

    if (attachment == STATE_MADE)
        PyGILState_Release(PyGILState_UNLOCKED);
    else if (!leave())
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
