/* SPDX-License-Identifier: MIT */
/* What the tests of redirection share: objects made of object.c, and mprotect(2) watched. */
#ifndef REDIRECT_OBJECTS_H
#define REDIRECT_OBJECTS_H

#include "check.h"

#include "redirect/redirect.h"

#include <dlfcn.h>
#include <sys/mman.h>

/* Linked with --wrap=mprotect. */
static int mprotect_calls, mprotect_fails_at; /* counts from 1; 0: never */

int __real_mprotect(void *start, size_t size, int protection);
int __wrap_mprotect(void *start, size_t size, int protection);

int __wrap_mprotect(void *start, size_t size, int protection)
{
    CHECK(!(protection & PROT_EXEC), "nothing is made executable");
    if (++mprotect_calls == mprotect_fails_at) {
        errno = EPERM;
        return -1;
    }
    return __real_mprotect(start, size, protection);
}

/* The functions of an object. */
struct object {
    void *handle;
    adder *call, *address, *pointer, *constant;
};

static inline struct object load(const char *path)
{
    void *handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);

    CHECK(handle, "%s", dlerror());
    return (struct object){
        handle,
        (adder *)dlsym(handle, "object_call"),
        (adder *)dlsym(handle, "object_address"),
        (adder *)dlsym(handle, "object_pointer"),
        (adder *)dlsym(handle, "object_constant"),
    };
}

/* All ways give the argument plus `number`. */
static inline void check_object(struct object object, int number, const char *when)
{
    CHECK(object.call(10) == 10 + number, "%s: call gives %d", when, object.call(10));
    CHECK(object.address(10) == 10 + number, "%s: address gives %d", when, object.address(10));
    CHECK(object.pointer(10) == 10 + number, "%s: pointer gives %d", when, object.pointer(10));
    CHECK(object.constant(10) == 10 + number, "%s: constant gives %d", when, object.constant(10));
}

static inline int add_100(int argument)
{
    return argument + 100;
}

static inline struct tfd_redirection to_100(const char *version)
{
    return (struct tfd_redirection){"target", version, (void (*)(void))add_100};
}

static inline size_t count_redirected(void)
{
    return tfd_redirect_list(NULL, 0);
}

/* The protections of an object's file mappings, to compare before and after. */
static inline char *protections(const char *path)
{
    char *text = strdup(""), *longer;

    for (char *line = strtok(read_maps(), "\n"); line; line = strtok(NULL, "\n")) {
        if (!strstr(line, path))
            continue;
        CHECK(asprintf(&longer, "%s%s\n", text, line) > 0, "memory");
        free(text);
        text = longer;
    }
    CHECK(*text, "%s is mapped", path);
    return text;
}

#endif
