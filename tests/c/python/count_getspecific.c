/* SPDX-License-Identifier: MIT */
/* Preloaded: counts the calls of pthread_getspecific() that come from trampfd's extension. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static unsigned long count;

unsigned long getspecific_count(void)
{
    return count;
}

void *pthread_getspecific(pthread_key_t key)
{
    static void *(*next)(pthread_key_t);
    Dl_info from;

    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "pthread_getspecific");
    if (dladdr(__builtin_return_address(0), &from) && strstr(from.dli_fname, "/trampfd/_native"))
        count++;
    return next(key);
}
