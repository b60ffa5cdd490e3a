/* SPDX-License-Identifier: MIT */
#include "visit.h"

#include "kept.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* Of one thread in one interpreter. */
struct stay {
    struct interpreter *interpreter;
    unsigned visits;
    struct stay *next; /* of this thread */
};

static pthread_key_t key; /* a list of stays */
static int key_is_made;   /* guarded by `once` */

/* Also where CPython ends a thread that asks for a lock during finalization. */
static void thread_ends(void *value)
{
    struct stay *next, *stay = value;

    for (; stay; stay = next) {
        next = stay->next;
        atomic_fetch_sub(&stay->interpreter->visitors, stay->visits);
        free(stay);
    }
}

static void make_key(void)
{
    key_is_made = !pthread_key_create(&key, thread_ends);
}

void visit_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_key);
}

static struct stay *find_stay(const struct interpreter *interpreter)
{
    struct stay *stay = key_is_made ? pthread_getspecific(key) : NULL;

    while (stay && stay->interpreter != interpreter)
        stay = stay->next;
    return stay;
}

static struct stay *new_stay(struct interpreter *interpreter)
{
    struct stay *stay = key_is_made ? calloc(1, sizeof(*stay)) : NULL;

    if (!stay)
        return NULL;
    stay->interpreter = interpreter;
    stay->next = pthread_getspecific(key);
    if (!pthread_setspecific(key, stay))
        return stay;
    free(stay);
    return NULL;
}

PyThreadState *visit_current(void)
{
    PyThreadState *current = PyThreadState_GetUnchecked();

    return compat_is_of_this_thread(current) || compat_is_run_here(current) ? current : NULL;
}

/* Can this thread run code of the interpreter?  Then the interpreter will wait for it. */
static int enter(struct interpreter *interpreter)
{
    struct stay *stay;

    if (interpreter == &interpreter_main) /* attach_slow() has asked */
        return 1;
    stay = find_stay(interpreter);
    if (!stay)
        stay = new_stay(interpreter);
    if (!stay)
        return 0;
    atomic_fetch_add(&interpreter->visitors, 1);
    stay->visits++;
    if (atomic_load(&interpreter->state)
        && (!interpreter_is_ending(interpreter) || attach_is_finalizer(interpreter)))
        return 1;
    stay->visits--;
    atomic_fetch_sub(&interpreter->visitors, 1);
    return 0;
}

static void leave(struct interpreter *interpreter)
{
    if (interpreter == &interpreter_main)
        return;
    find_stay(interpreter)->visits--;
    atomic_fetch_sub(&interpreter->visitors, 1);
}

/* Only this thread goes on. */
void visit_in_child(void)
{
    struct interpreter *interpreter = &interpreter_main;

    while ((interpreter = atomic_load(&interpreter->next))) {
        const struct stay *stay = find_stay(interpreter);

        atomic_store(&interpreter->visitors, stay ? stay->visits : 0);
    }
}

/*
 * Once the main interpreter finalizes, CPython ends the threads that ask for a lock, or since 3.14
 * lets them wait for ever: then this waits about a second, for those that use memory of the
 * interpreter until they end.  Before 3.12 only the runtime's is used, and this thread would be ended
 * itself if it gave the lock away.
 */
void visit_end_all(struct interpreter *interpreter)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    const struct stay *stay = find_stay(interpreter);
    int left = 1000;

    if (stay && stay->visits) { /* a program that runs the exit functions itself, in a callback */
        atomic_store(&interpreter->finalizer_is_known, 0);
        return;
    }
    while (atomic_load(&interpreter->visitors)
           && (!Py_IsFinalizing() || (!COMPAT_ONE_LOCK && left--))) {
        Py_BEGIN_ALLOW_THREADS
        nanosleep(&moment, NULL);
        Py_END_ALLOW_THREADS
    }
    if (Py_IsFinalizing())
        attach_wait_for_states();
    kept_destroy_all(interpreter);
}

/*
 * The state of the interpreter from which a call that released the lock has detached this thread,
 * and which CPython does not take for the state of the thread: threading.local and the like belong
 * to it.  None that is kept: a thread that has ended may have had the identity of this one.  Needs
 * the interpreter's lock.
 */
static PyThreadState *find_own(const struct interpreter *interpreter, const PyThreadState *made)
{
    PyThreadState *state = PyInterpreterState_ThreadHead(atomic_load(&interpreter->state));

    while (state && (state == made || kept_is(state) || !compat_is_of_thread_here(state)))
        state = PyThreadState_Next(state);
    return state;
}

/* All interpreters have one lock: that of the bound state will do.  Returns 0 if there is none. */
static int attach_own_by_bound(struct visit *visit)
{
    PyThreadState *own;

    if (!COMPAT_ONE_LOCK || !visit->bound)
        return 0;
    PyEval_RestoreThread(visit->bound);
    own = find_own(visit->interpreter, NULL);
    if (!own) {
        PyEval_SaveThread();
        return 0;
    }
    PyThreadState_Swap(own);
    visit->swapped = visit->bound;
    return 1;
}

/* Attach with a new state.  Returns 0 if finalization has begun. */
static int attach_new(struct visit *visit)
{
    PyThreadState *own, *made;

    if (!attach_new_state(visit->interpreter))
        return 0;
    made = PyThreadState_Get();
    own = find_own(visit->interpreter, made);
    if (own) {
        PyThreadState_Swap(own);
        compat_destroy_state(made);
    } else if (!visit->bound || !kept_keep(visit->interpreter)) {
        /* What CPython takes for the state of the thread must exist as long as the thread. */
        visit->attachment = STATE_MADE;
    }
    return 1;
}

static int attach_to(struct visit *visit, enum leftovers leftovers)
{
    struct interpreter *interpreter = visit->interpreter;
    int is_bound = visit->bound && visit->bound->interp == atomic_load(&interpreter->state);
    PyThreadState *state = is_bound ? visit->bound : kept_state(interpreter);

    visit->attachment = RESTORED;
    if (state)
        PyEval_RestoreThread(state);
    else if (!attach_own_by_bound(visit) && !attach_new(visit))
        return 0;
    if (kept_enter(interpreter, PyThreadState_Get(), leftovers))
        visit->attachment = KEPT;
    if (!state)
        kept_reap(interpreter);
    return 1;
}

/*
 * A thread that Python does not know gets a state of the main interpreter first, which is what
 * CPython will take for the state of the thread.
 */
static PyThreadState *bound_state(enum leftovers leftovers)
{
    PyThreadState *state = PyGILState_GetThisThreadState();
    enum attachment attachment = state ? REFUSED : attach(leftovers);

    if (attachment != REFUSED && attachment != ELSEWHERE) {
        detach(attachment);
        state = PyGILState_GetThisThreadState();
    }
    return state;
}

static int begin(struct visit *visit, struct interpreter *interpreter, enum leftovers leftovers)
{
    PyThreadState *current = visit_current();

    *visit = (struct visit){.interpreter = interpreter, .attachment = REFUSED};
    if (current && current->interp == atomic_load(&interpreter->state)) {
        visit->attachment = WAS_ATTACHED;
        return 1;
    }
    if (!enter(interpreter))
        return 0;
    visit->bound = bound_state(leftovers);
    visit->interrupted = current;
    if (current)
        PyEval_SaveThread();
    if (attach_to(visit, leftovers))
        return 1;
    leave(visit->interpreter);
    if (current)
        PyEval_RestoreThread(current);
    return 0;
}

/* CPython 3.12 and later take the latest state for that of the thread. */
static void bind_again(const struct visit *visit)
{
    if (visit->interrupted || !visit->bound || Py_IsFinalizing()
        || PyGILState_GetThisThreadState() == visit->bound)
        return;
    PyEval_RestoreThread(visit->bound);
    PyEval_SaveThread();
}

/* Attached by begin(). */
static void end(struct visit *visit)
{
    if (visit->swapped)
        PyThreadState_Swap(visit->swapped);
    if (visit->attachment == STATE_MADE) {
        PyThreadState_Clear(PyThreadState_Get());
        PyThreadState_DeleteCurrent();
    } else if (visit->attachment != KEPT || !kept_leave(visit->interpreter)) {
        PyEval_SaveThread();
    }
    bind_again(visit);
    leave(visit->interpreter);
    if (visit->interrupted)
        PyEval_RestoreThread(visit->interrupted);
}

void visit_end(struct visit *visit, struct callee *callee)
{
    int error = errno;

    callee_release(callee);
    if (visit->attachment != WAS_ATTACHED)
        end(visit);
    errno = error;
}

static void refuse(const void *user_data, void *result, const char *why)
{
    if (target_is(user_data))
        target_refuse(target_of(user_data), result, why);
    else
        closure_refuse(user_data, result, why);
}

int visit_begin(struct visit *visit, struct callee *callee, const union tfd_record *record,
                void *result, enum leftovers leftovers)
{
    int is_attached, is_held = 0, error = errno;
    uintptr_t second = record->words[1];
    void *user_data = record->closure.user_data;
    struct interpreter *interpreter =
        target_is(user_data) ? atomic_load(&target_of(user_data)->interpreter) : &interpreter_main;

    is_attached = begin(visit, interpreter, leftovers);
    if (!tfd_closure_is_live(record, second, user_data))
        tfd_closure_died(record);
    if (!is_attached) {
        refuse(user_data, result, "while its Python interpreter was not running");
    } else {
        is_held = callee_hold(callee, record, second, user_data);
        if (!is_held) {
            refuse(user_data, result, "after Python had dropped it at the end of its interpreter");
            if (visit->attachment != WAS_ATTACHED)
                end(visit);
        }
    }
    errno = error;
    return is_held;
}
