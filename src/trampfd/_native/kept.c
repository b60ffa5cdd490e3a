/* SPDX-License-Identifier: MIT */
#include "kept.h"

#include <pthread.h>
#include <stdlib.h>

#ifdef Py_GIL_DISABLED

void kept_init(void)
{
}

PyThreadState *kept_state(const struct interpreter *interpreter)
{
    (void)interpreter;
    return NULL;
}

int kept_is(const PyThreadState *state)
{
    (void)state;
    return 0;
}

int kept_keep(struct interpreter *interpreter)
{
    (void)interpreter;
    return 0;
}

int kept_enter(const struct interpreter *interpreter, const PyThreadState *state,
               enum leftovers leftovers)
{
    (void)interpreter;
    (void)state;
    (void)leftovers;
    return 0;
}

int kept_leave(const struct interpreter *interpreter)
{
    (void)interpreter;
    return 0;
}

void kept_reap(struct interpreter *interpreter)
{
    (void)interpreter;
}

void kept_destroy_all(struct interpreter *interpreter)
{
    (void)interpreter;
}

#else

/* Owned by the capsule, and by the thread or, once that has ended, by the list. */
struct kept {
    struct interpreter *interpreter;
    atomic_uint owners;
    _Atomic(PyThreadState *) state; /* NULL once it is destroyed */
    struct kept *next;              /* of this thread; then on the list of ended threads */
    unsigned depth;                 /* callbacks in this thread, one inside the other */
    enum leftovers leftovers;
};

#define CAPSULE_NAME "trampfd.thread"

static pthread_key_t key; /* a list, one for each interpreter */
static int key_is_made;   /* before any callback; guarded by `once` */

static void disown(struct kept *kept)
{
    if (atomic_fetch_sub(&kept->owners, 1) == 1)
        free(kept);
}

static void state_is_destroyed(PyObject *capsule)
{
    struct kept *kept = PyCapsule_GetPointer(capsule, CAPSULE_NAME);

    kept->interpreter->kept_states--;
    atomic_store(&kept->state, NULL);
    disown(kept);
}

void kept_reap(struct interpreter *interpreter)
{
    struct kept *kept = atomic_exchange(&interpreter->ended, NULL);

    while (kept) {
        struct kept *next = kept->next;
        PyThreadState *state = atomic_exchange(&kept->state, NULL);

        if (state && state != PyThreadState_Get())
            compat_destroy_state(state);
        disown(kept);
        kept = next;
    }
}

int kept_is(const PyThreadState *state)
{
    return state->dict && PyDict_GetItemString(state->dict, CAPSULE_NAME);
}

/*
 * An interpreter may be ended with any state of it: before CPython 3.13 _xxsubinterpreters takes the
 * latest one.  If that is one of ours, which nobody else knows, all others have to go; and so they
 * have once the main interpreter finalizes, as their threads never run again.
 */
void kept_destroy_all(struct interpreter *interpreter)
{
    PyThreadState *current = PyThreadState_Get();
    int is_last = kept_is(current) || Py_IsFinalizing();
    PyThreadState *next, *state;

    kept_reap(interpreter);
    for (state = PyInterpreterState_ThreadHead(current->interp); state; state = next) {
        next = PyThreadState_Next(state);
        if (state != current && (is_last || kept_is(state)))
            compat_destroy_state(state);
    }
}

static void thread_ends(void *value)
{
    struct kept *next, *kept = value;

    for (; kept; kept = next) {
        next = kept->next;
        kept->next = atomic_load(&kept->interpreter->ended);
        while (!atomic_compare_exchange_weak(&kept->interpreter->ended, &kept->next, kept))
            ;
    }
}

static void make_key(void)
{
    key_is_made = !pthread_key_create(&key, thread_ends);
}

void kept_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_key);
}

static struct kept *find(const struct interpreter *interpreter)
{
    struct kept *kept = key_is_made ? pthread_getspecific(key) : NULL;

    while (kept && (kept->interpreter != interpreter || !atomic_load(&kept->state)))
        kept = kept->next;
    return kept;
}

PyThreadState *kept_state(const struct interpreter *interpreter)
{
    struct kept *kept = find(interpreter);

    return kept ? atomic_load(&kept->state) : NULL;
}

/* Take those whose state is destroyed from this thread's list.  Returns what is left. */
static struct kept *forget_destroyed(void)
{
    struct kept *list = pthread_getspecific(key);
    struct kept **place = &list;

    while (*place) {
        struct kept *kept = *place;

        if (atomic_load(&kept->state)) {
            place = &kept->next;
        } else {
            *place = kept->next;
            disown(kept);
        }
    }
    return list;
}

int kept_keep(struct interpreter *interpreter)
{
    struct kept *kept = key_is_made ? calloc(1, sizeof(*kept)) : NULL;
    PyObject *states = PyThreadState_GetDict();
    PyObject *capsule = kept ? PyCapsule_New(kept, CAPSULE_NAME, NULL) : NULL;

    if (!capsule || !states || PyDict_SetItemString(states, CAPSULE_NAME, capsule)) {
        PyErr_Clear();
        Py_XDECREF(capsule);
        free(kept);
        return 0;
    }
    kept->interpreter = interpreter;
    atomic_init(&kept->owners, 2);
    atomic_init(&kept->state, PyThreadState_Get());
    interpreter->kept_states++;
    PyCapsule_SetDestructor(capsule, state_is_destroyed);
    Py_DECREF(capsule);
    kept->next = forget_destroyed();
    pthread_setspecific(key, kept->next);
    if (!pthread_setspecific(key, kept))
        return 1;
    disown(kept); /* there was no memory for the first one of this thread */
    return 0;
}

/* The data of that state, if it is kept for this thread.  Attached. */
static struct kept *find_attached(const struct interpreter *interpreter, const PyThreadState *state)
{
    struct kept *kept = interpreter->kept_states ? find(interpreter) : NULL;

    return kept && atomic_load(&kept->state) == state ? kept : NULL;
}

int kept_enter(const struct interpreter *interpreter, const PyThreadState *state,
               enum leftovers leftovers)
{
    struct kept *kept = find_attached(interpreter, state);

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

int kept_leave(const struct interpreter *interpreter)
{
    PyThreadState *state = PyThreadState_Get();
    struct kept *kept = find_attached(interpreter, state);

    if (!kept)
        return 0;
    if (kept->depth > 1 || kept->leftovers == STAY_WITH_THREAD || is_clean(state)) {
        kept->depth--;
        return 0;
    }
    PyThreadState_Clear(state);
    PyThreadState_DeleteCurrent();
    pthread_setspecific(key, forget_destroyed());
    return 1;
}

#endif
