/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer of system calls: what its files share.
 *
 * Each process has a number of objects, which are trampfd descriptors with a place where they are
 * mapped, and threads that make random calls on them. Descriptors have fixed numbers and places lie
 * where the kernel puts nothing by itself, so threads can close and unmap what others use without
 * hitting anything else.
 */
#ifndef SYSCALLS_H
#define SYSCALLS_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One thread, or a process that it made. */
struct fuzzer {
	unsigned int seed;
	unsigned int depth;  /* how many such processes it is below the thread */
	sigjmp_buf *escape;  /* where a fault of the call that is made goes on */
	char stack[65536];   /* of a process that shares the memory */
	char signals[16384]; /* the stack of signal handlers */
	char scratch[65536] __attribute__((aligned(4096)));
};

/*
 * A kind of calls. @call makes one, or some that belong together, and returns -1 with errno if the
 * one that the kind is named after failed.
 */
struct kind {
	const char *name;
	long (*call)(struct fuzzer *fuzzer);
	bool never;	    /* it never succeeds */
	unsigned int since; /* the kernel that has it first, as KERNEL() */
	const char *why;    /* the reason of either */
};

#define KERNEL(major, minor) ((major) << 8 | (minor))

struct kinds {
	const struct kind *list;
	size_t n;
	unsigned int share; /* how often one of them is taken, compared with the others */
};

extern const struct kinds object_kinds, memory_kinds, file_kinds, proc_kinds, process_kinds;

/* syscalls.c */
unsigned int pick(struct fuzzer *fuzzer, unsigned int below_this);
/* For processes that a call makes: they make none themselves. */
void some_calls(struct fuzzer *fuzzer, unsigned int n);
extern char core_folder[];

#define PICK(fuzzer, array) ((array)[pick(fuzzer, ARRAY_SIZE(array))])

/* syscalls_objects.c */
enum {
	OBJECTS = 12,
	SEALABLE = 8,	    /* places from here on may be sealed, so that others stay usable */
	PLACE = 1 << 20,    /* bytes of each */
	MEMORY = PLACE / 2, /* where a place has memory without a trampoline */
	MEMORY_SIZE = 65536,
};

struct range {
	char *start;
	size_t size;
};

void make_objects(void);
/* Takes the place of the object; false: this or its mapping was refused. */
bool renew_object(struct fuzzer *fuzzer, unsigned int i);
int any_descriptor(struct fuzzer *fuzzer);
struct range any_range(struct fuzzer *fuzzer);
struct range sealable_range(struct fuzzer *fuzzer);
/* At most as long as the scratch memory. */
struct range small_range(struct fuzzer *fuzzer);
/* A memory address that is mostly one of a trampoline; it may lie in the scratch memory. */
char *any_address(struct fuzzer *fuzzer);
void *any_buffer(struct fuzzer *fuzzer);
/* What a call would jump to. */
void *any_trampoline(struct fuzzer *fuzzer);
off_t any_position(struct fuzzer *fuzzer);
bool in_places(const void *address);

#endif
