/* SPDX-License-Identifier: MIT */
/*
 * A thread that Python did not create has no thread state.  PyGILState_Ensure() makes
 * one and the matching release destroys it: microseconds, at each callback.  Here the
 * first callback in such a thread leaves one release out, so that its thread state
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

static inline PyThreadState *current_state(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyThreadState_GetUnchecked();
#else
    return _PyThreadState_UncheckedGet();
#endif
}

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
 * Attached for the first time in a thread without a state.  Without memory the state
 * is simply not kept.
 */
static void keep(void)
{
    struct kept *kept = malloc(sizeof(*kept));
    PyObject *states = PyThreadState_GetDict();
    PyObject *capsule = kept ? PyCapsule_New(kept, CAPSULE_NAME, NULL) : NULL;

    if (!capsule || !states || PyDict_SetItemString(states, CAPSULE_NAME, capsule)
        || pthread_setspecific(kept_key, kept)) {
        PyErr_Clear();
        Py_XDECREF(capsule);
        free(kept);
        return;
    }
    kept->state = PyThreadState_Get();
    atomic_init(&kept->stage, BOTH_LIVE);
    PyCapsule_SetDestructor(capsule, state_is_destroyed);
    Py_DECREF(capsule);
    PyGILState_Ensure(); /* never released: keeps the state */
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

int attach(struct attachment *attachment)
{
    PyThreadState *state = PyGILState_GetThisThreadState();

    attachment->was_attached = state && state == current_state();
    if (attachment->was_attached)
        return 1;
    if (!Py_IsInitialized())
        return 0;
    attachment->state = PyGILState_Ensure();
    if (!state) {
        pthread_once(&once, make_key);
        if (!key_error) {
            reap(NULL);
            forget();
            keep();
        }
    }
    return 1;
}

void detach(const struct attachment *attachment)
{
    if (!attachment->was_attached)
        PyGILState_Release(attachment->state);
}
