/* SPDX-License-Identifier: MIT */
/*
 * A thread that Python did not create has no thread state.  PyGILState_Ensure() makes
 * one and the matching release destroys it: microseconds, at each callback.  Here the
 * first callback in such a thread leaves the release out, so that its thread state
 * stays for the next callback.
 *
 * When the thread ends its state must go too, but the ending thread cannot destroy it:
 * that needs the interpreter's lock, and the thread that holds it may be waiting for
 * this one to end.  So the ending thread puts it on a list (of lock-free pushes) and
 * asks the main thread, by a pending call, to reap the list.
 *
 * The interpreter may destroy a kept state itself: at finalisation, and in the child of
 * a fork.  A capsule in the state's dictionary notices that.  Whichever of thread and
 * state ends first says so in `stage`; the second one to come frees the memory.
 */
#include "attach.h"

#include <pthread.h>
#include <stdatomic.h>

enum stage { BOTH_LIVE, THREAD_ENDED, STATE_DESTROYED };

struct kept {
    _Atomic(enum stage) stage;
    PyThreadState *state;
    struct kept *next; /* on the list of ended threads */
};

#define CAPSULE_NAME "trampfd.thread"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t kept_key;
static int key_error;
static _Atomic(struct kept *) ended;

static void destroy_state(PyThreadState *state)
{
    PyThreadState_Clear(state);
#if PY_VERSION_HEX >= 0x030C0000
    /* Deleting the state of another thread would otherwise make CPython 3.12 and later
       forget the state of this one (it clears the caller's thread-local pointer). */
    state->_status.bound_gilstate = 0;
#endif
    PyThreadState_Delete(state);
}

/* Attached.  Also the pending call, hence the signature. */
static int reap(void *unused)
{
    struct kept *kept = atomic_exchange(&ended, NULL);

    (void)unused;
    while (kept) {
        struct kept *next = kept->next;

        if (atomic_load(&kept->stage) != STATE_DESTROYED)
            destroy_state(kept->state);
        free(kept);
        kept = next;
    }
    return 0;
}

static void thread_ends(void *value)
{
    struct kept *kept = value;

    if (atomic_exchange(&kept->stage, THREAD_ENDED) == STATE_DESTROYED) {
        free(kept);
        return;
    }
    kept->next = atomic_load(&ended);
    while (!atomic_compare_exchange_weak(&ended, &kept->next, kept))
        ;
    /* A full queue is no loss: the next thread that is kept reaps too. */
    if (Py_IsInitialized())
        Py_AddPendingCall(reap, NULL);
}

static void state_is_destroyed(PyObject *capsule)
{
    struct kept *kept = PyCapsule_GetPointer(capsule, CAPSULE_NAME);

    /* An ended thread's memory is on the list, and freed by reap(). */
    atomic_exchange(&kept->stage, STATE_DESTROYED);
}

static void make_key(void)
{
    key_error = pthread_key_create(&kept_key, thread_ends);
}

/*
 * Attached for the first time in a thread without a state: keep the one that was made, by
 * never releasing it.  Returns 0 when there is no memory for that.
 */
static int keep(void)
{
    struct kept *kept = malloc(sizeof(*kept));
    PyObject *states = PyThreadState_GetDict();
    PyObject *capsule = kept ? PyCapsule_New(kept, CAPSULE_NAME, NULL) : NULL;

    if (!capsule || !states || PyDict_SetItemString(states, CAPSULE_NAME, capsule)
        || pthread_setspecific(kept_key, kept)) {
        PyErr_Clear();
        Py_XDECREF(capsule);
        free(kept);
        return 0;
    }
    kept->state = PyThreadState_Get();
    atomic_init(&kept->stage, BOTH_LIVE);
    PyCapsule_SetDestructor(capsule, state_is_destroyed);
    Py_DECREF(capsule);
    return 1;
}

/* The state kept for this thread was destroyed: forget it. */
static void forget(void)
{
    struct kept *kept = pthread_getspecific(kept_key);

    if (kept) {
        pthread_setspecific(kept_key, NULL);
        free(kept);
    }
}

/* In a thread without a state. */
static enum attachment make_state(void)
{
    PyGILState_Ensure();
    pthread_once(&once, make_key);
    if (key_error)
        return STATE_MADE;
    reap(NULL);
    forget();
    return keep() ? RESTORED : STATE_MADE;
}

enum attachment attach_slowly(void)
{
    PyThreadState *state;

    if (!Py_IsInitialized())
        return NOT_RUNNING;
    state = PyGILState_GetThisThreadState();
    if (!state)
        return make_state();
    /* PyGILState_Ensure() would look the state up again, and its release once more. */
    PyEval_RestoreThread(state);
    return RESTORED;
}

void detach_slowly(enum attachment attachment)
{
    if (attachment == STATE_MADE)
        PyGILState_Release(PyGILState_UNLOCKED);
    else
        PyEval_SaveThread();
}
