/* SPDX-License-Identifier: MIT */
/* Threads that Python did not make, which call its callbacks: for ever, once, or on request. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef int function(int);

static struct {
    function **functions;
    unsigned count;
    atomic_uint calls;
} called;

static void *call_for_ever(void *argument)
{
    for (unsigned i = (unsigned)(size_t)argument;; i++) {
        called.functions[i % called.count](1);
        atomic_fetch_add(&called.calls, 1);
    }
    return NULL;
}

/* Let `threads` threads call all of `functions`, until the process ends. */
int call_until_the_end(unsigned threads, function **functions, unsigned count)
{
    pthread_t thread;

    called.functions = functions;
    called.count = count;
    for (size_t i = 0; i < threads; i++)
        if (pthread_create(&thread, NULL, call_for_ever, (void *)(i * 7919)))
            return -1;
    return 0;
}

unsigned calls_so_far(void)
{
    return atomic_load(&called.calls);
}

/* One function in one thread. */
struct call {
    pthread_t thread;
    sem_t asked, answered;
    function *function;
    int argument, result;
};

static void *call_some_times(void *argument)
{
    struct call *call = argument;

    for (int i = 0; i < call->argument; i++)
        call->result = call->function(i);
    return NULL;
}

/* Call a function that often in a new thread, and join it.  Returns the last result. */
int call_in_thread(function *one, int times)
{
    struct call call = {.function = one, .argument = times};

    if (pthread_create(&call.thread, NULL, call_some_times, &call))
        return -1;
    pthread_join(call.thread, NULL);
    return call.result;
}

static void *serve(void *argument)
{
    struct call *call = argument;

    for (;;) {
        sem_wait(&call->asked);
        if (!call->function)
            return NULL;
        call->result = call->function(call->argument);
        sem_post(&call->answered);
    }
}

/* A thread that calls what it is asked to. */
struct call *server_start(void)
{
    struct call *call = calloc(1, sizeof(*call));

    sem_init(&call->asked, 0, 0);
    sem_init(&call->answered, 0, 0);
    if (pthread_create(&call->thread, NULL, serve, call))
        abort();
    return call;
}

/* Ask without waiting for the answer. */
void server_ask(struct call *call, function *one, int argument)
{
    call->function = one;
    call->argument = argument;
    sem_post(&call->asked);
}

int server_answer(struct call *call)
{
    sem_wait(&call->answered);
    return call->result;
}

int server_call(struct call *call, function *one, int argument)
{
    server_ask(call, one, argument);
    return server_answer(call);
}

void server_stop(struct call *call)
{
    server_ask(call, NULL, 0);
    pthread_join(call->thread, NULL);
    free(call);
}

/* Threads of which each calls a function that often, all at once.  Returns those that started. */
int call_in_threads(function *one, int threads, int times)
{
    struct call *calls = calloc((size_t)threads, sizeof(*calls));
    int started = 0;

    for (; started < threads; started++) {
        calls[started] = (struct call){.function = one, .argument = times};
        if (pthread_create(&calls[started].thread, NULL, call_some_times, &calls[started]))
            break;
    }
    for (int i = 0; i < started; i++)
        pthread_join(calls[i].thread, NULL);
    free(calls);
    return started;
}

/* Destructors of libraries join their threads. */
static struct call *joined;

static void stop_joined(void)
{
    server_stop(joined);
}

void server_stop_at_exit(struct call *call)
{
    joined = call;
    atexit(stop_joined);
}

/* As a program that embeds Python may: end it in another thread than the first, then the process. */
static void *finalize(void *unused)
{
    int (*ensure)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "PyGILState_Ensure");
    int (*end)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "Py_FinalizeEx");

    ensure();
    _exit(end() ? 1 : 0);
    return unused;
}

void finalize_in_thread(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, finalize, NULL);
    pthread_join(thread, NULL);
}

int call_here(function *one, int argument)
{
    return one(argument);
}

/* Call a function at exit, in the thread that ends the process. */
static struct call later;

static void call_later(void)
{
    later.function(later.argument);
}

void call_at_exit(function *one, int argument)
{
    later = (struct call){.function = one, .argument = argument};
    atexit(call_later);
}

/* PyMemAllocatorEx. */
struct allocator {
    void *context;
    void *(*malloc)(void *, size_t);
    void *(*calloc)(void *, size_t, size_t);
    void *(*realloc)(void *, void *, size_t);
    void (*free)(void *, void *);
};

/* A thread that is held up where CPython allocates the state for its first callback. */
static struct {
    struct call call;
    struct allocator plain;
    sem_t goes_on;
} late;

static __thread int is_late;

static void hold_up(void)
{
    if (!is_late)
        return;
    is_late = 0;
    sem_post(&late.call.asked);
    sem_wait(&late.goes_on);
    usleep(100000);
}

static void *malloc_late(void *context, size_t size)
{
    hold_up();
    return late.plain.malloc(context, size);
}

static void *calloc_late(void *context, size_t count, size_t size)
{
    hold_up();
    return late.plain.calloc(context, count, size);
}

static void *call_late(void *unused)
{
    is_late = 1;
    late.call.result = late.call.function(late.call.argument);
    return unused;
}

static void tell_late(void)
{
    pthread_join(late.call.thread, NULL);
    dprintf(1, "%d\n", late.call.result);
}

/*
 * Call a function in a thread that sees Python running, and is then held up until go_on() and a while.
 * The result is printed at exit.
 */
int call_while_finalization_begins(function *one, int argument)
{
    void (*get)(int, struct allocator *) =
        (void (*)(int, struct allocator *))dlsym(RTLD_DEFAULT, "PyMem_GetAllocator");
    void (*set)(int, struct allocator *) =
        (void (*)(int, struct allocator *))dlsym(RTLD_DEFAULT, "PyMem_SetAllocator");
    struct allocator allocator;

    late.call = (struct call){.function = one, .argument = argument, .result = -1};
    sem_init(&late.call.asked, 0, 0);
    sem_init(&late.goes_on, 0, 0);
    get(0 /* PYMEM_DOMAIN_RAW */, &late.plain);
    allocator = late.plain;
    allocator.malloc = malloc_late;
    allocator.calloc = calloc_late;
    set(0, &allocator);
    if (pthread_create(&late.call.thread, NULL, call_late, NULL))
        return -1;
    sem_wait(&late.call.asked);
    return atexit(tell_late);
}

void go_on(void)
{
    sem_post(&late.goes_on);
}
