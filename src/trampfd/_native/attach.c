/* SPDX-License-Identifier: MIT */
/*
 * A thread that Python did not create has no thread state.  PyGILState_Ensure() makes
 * one and the matching release destroys it: microseconds, at each callback.  Here the
 * first callback in such a thread leaves the release out, so that its thread state
 * stays for the next callback.
 *
 * What Python code leaves in it (values of threading.local, context variables, trace
 * functions) must not outlive what stock keeps.  ctypes destroys the state, and runs the
 * destructors of what is in it, at the end of each callback: so does detach_slow(), unless
 * the state is as it was made.  cffi keeps it as long as the thread.
 *
 * When the thread ends its state must go too, but the ending thread cannot destroy it:
 * that needs the interpreter's lock, and the thread that holds it may be waiting for
 * this one to end.  So the ending thread puts it on a list (of lock-free pushes), and the
 * next thread that makes a state destroys those on the list, as with cffi.  No other
 * thread does: destructors would run between two statements of a program that may hold
 * the very lock they want.
 *
 * The interpreter may destroy a kept state itself: at finalisation, and in the child of
 * a fork.  A capsule in the state's dictionary notices that.
 *
 * Free-threaded builds keep nothing: destroying the state of another thread is not safe
 * there while threads run.
 *
 * Who may run Python while it finalises is said at may_run().
 */
#include "attach.h"

#include "state.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Exit functions run in the thread that finalises. */
static PyObject *note_finalizer(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    native.finalizer = pthread_self();
    atomic_store(&native.finalizer_is_known, 1);
    Py_RETURN_NONE;
}

/* A program may have taken our exit function away: then it is the first thread that finalises. */
static int is_finalizer(void)
{
    if (atomic_load(&native.finalizer_is_known))
        return pthread_equal(pthread_self(), native.finalizer);
    return syscall(SYS_gettid) == getpid();
}

/*
 * While Python finalises, the thread that does it runs Python as long as it has a state: code
 * of the program still runs, in destructors, and expects what it calls to work.  CPython
 * makes all other threads that ask for its lock end or wait for ever.  They are better
 * refused: a C library that joins its threads when it is unloaded would wait for ever too.
 */
static int may_run(const PyThreadState *state)
{
    return Py_IsFinalizing() ? state && is_finalizer() : Py_IsInitialized();
}

#ifdef Py_GIL_DISABLED

static PyThreadState *make_state(void)
{
    PyGILState_Ensure();
    return NULL;
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

/* What is kept for this thread, if its state is that one.  Attached. */
static struct kept *find_kept(const PyThreadState *state)
{
    struct kept *kept = native.kept_states ? pthread_getspecific(native.kept_key) : NULL;

    return kept && atomic_load(&kept->state) == state ? kept : NULL;
}

/* The state that was kept for this thread is destroyed. */
static void forget(void)
{
    struct kept *kept = pthread_getspecific(native.kept_key);

    if (kept) {
        pthread_setspecific(native.kept_key, NULL);
        disown(kept);
    }
}

/* Keep the current state, by never releasing it.  Returns 0 when there is no memory for that. */
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

/* In a thread without a state.  Returns its state, or NULL when it was made for this call only. */
static PyThreadState *make_state(void)
{
    PyThreadState *state;

    PyGILState_Ensure();
    if (!native.key_is_made)
        return NULL;
    state = PyThreadState_Get();
    forget();
    return keep(state) ? state : NULL;
}

/* A callback begins.  Returns whether its end is to be told to leave(). */
static int enter(PyThreadState *state, enum leftovers leftovers)
{
    struct kept *kept = find_kept(state);

    if (kept && !kept->depth++ && leftovers == STAY_WITH_THREAD)
        kept->leftovers = leftovers;
    return kept != NULL;
}

/* Is there nothing in a state but the capsule?  All that Python code can leave in it. */
static int is_clean(const PyThreadState *state)
{
    return PyDict_GET_SIZE(state->dict) == 1 && !compat_is_known_to_threading(state)
           && !state->context && !state->c_tracefunc && !state->c_profilefunc
           && !state->async_gen_firstiter && !state->async_gen_finalizer
           && !state->coroutine_origin_tracking_depth && !state->async_exc;
}

/*
 * A callback ends.  Returns 1 when that has destroyed the state, and so detached from it.  Until
 * the end of that the callback counts, because destructors may lead to other ones.
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

int attach_init(void)
{
    static const PyMethodDef definition = {"note_finalizer", note_finalizer, METH_NOARGS, NULL};
    PyObject *atexit = PyImport_ImportModule("atexit");
    PyObject *function = atexit ? PyCFunction_New((PyMethodDef *)&definition, NULL) : NULL;
    PyObject *done = function ? PyObject_CallMethod(atexit, "register", "O", function) : NULL;

    atomic_store(&native.finalizer_is_known, 0);
    make_key();
    Py_XDECREF(done);
    Py_XDECREF(function);
    Py_XDECREF(atexit);
    return done ? 0 : -1;
}

/* In a thread that has no state yet.  Leaves errno as it is. */
COLD static enum attachment attach_new(enum leftovers leftovers)
{
    int error = errno;
    PyThreadState *state = make_state();

    if (state)
        enter(state, leftovers);
    reap(); /* now that destructors may lead to callbacks in this thread */
    errno = error;
    return state ? KEPT : STATE_MADE;
}

/* Threads of Python's own come this way at each call that has let go of the interpreter's lock:
   CPython leaves errno as it is when it takes that and when it gives it back. */
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
