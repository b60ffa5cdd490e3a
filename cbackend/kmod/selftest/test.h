/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Selftests of the trampfd module: what they share.
 *
 * A test is a function that calls CHECK and friends; main() names them in a list for run_tests().
 * One line is printed for each: "ok NAME", or "not ok NAME" after a line for each failed check. A
 * test that calls skip() and returns is "ok NAME # SKIP WHY".
 */
#ifndef TEST_H
#define TEST_H

#include "cpu.h"

#include <errno.h>
#include <linux/trampfd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <ucontext.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct test {
	const char *name;
	void (*run)(void);
	bool small_pages;
};

#define TEST(function) { #function, function, false }
/* Its numbers are those of pages of 4 KiB; it is skipped where pages are larger. */
#define TEST_OF_SMALL_PAGES(function) { #function, function, true }

int run_tests(const struct test *tests, size_t n);
void skip(const char *why);
void check_failed(const char *file, int line, const char *what);

#define CHECK(cond) \
	do { \
		if (!(cond)) \
			check_failed(__FILE__, __LINE__, #cond); \
	} while (0)

/* The call returns -1 and errno is exactly this. */
#define FAILS(call, wanted) \
	do { \
		errno = 0; \
		long result_ = (long)(call); \
		check_failure(__FILE__, __LINE__, #call, result_, (wanted)); \
	} while (0)

void check_failure(const char *file, int line, const char *call, long result, int wanted);

/* A buffer that must come back as it went in. */
void poison(void *buffer, size_t size);
bool poisoned(const void *buffer, size_t size);

/* Hidden from the compiler, which would warn of them. */
extern void *volatile bad_pointer, *volatile null_pointer;

/* Scales a number of repetitions: TRAMPFD_SHORT divides it by ten. */
long repetitions(long n);

/* Descriptors; they end the program when the module is not usable. */
int open_device(void);
uint64_t features(void);
extern unsigned int create_flags; /* of what is created from now on */
int create(int type, const void *data, size_t size);
int new_user(void);
int new_table(unsigned int nslots);

/* Both types. set_bytes: a request that takes struct trampfd_set. They return 0, or -1 with errno. */
int set_bytes(int fd, unsigned long request, const void *data, size_t size);
int set_allowed(int fd, const uint64_t *values, unsigned int n);

/* TRAMPFD_USER */
#define REGS_BYTES(n) (sizeof(struct trampfd_regs) + (n) * sizeof(struct trampfd_reg))
int set_regs(int fd, const struct trampfd_reg *regs, unsigned int n);
int set_stack(int fd, unsigned int flags, unsigned int offset, const void *data, unsigned int size);
void *map_user(int fd);

/* TRAMPFD_TABLE: code at base, records at base + TRAMPFD_RECORDS_OFFSET. NULL: mmap failed. */
struct table {
	int fd;
	unsigned int nslots;
	size_t records_size;
	char *base;
};

struct table open_table(unsigned int nslots);
void *map_table(int fd);
void unmap_table(const struct table *table);
void close_table(const struct table *table);
int set_records(int fd, unsigned int first, const struct trampfd_record *records, unsigned int n);
ssize_t read_records(int fd, unsigned int first, struct trampfd_record *records, unsigned int n);
int set_entry(int fd, unsigned int i, void *entry);

/* Test: a 32-bit system call may ask what there is, and create nothing. */
void caller_of_32_bits(void);

/* That a trampoline can be made and called, after what may have broken it. */
void check_module_works(void);

/* One descriptor through a socket. Sending returns 1, receiving a descriptor, or both -1. */
ssize_t send_descriptor(int socket, int fd);
int receive_descriptor(int socket);

static inline void *slot(const struct table *table, unsigned int i)
{
	return table->base + (size_t)i * TRAMPFD_SLOT_SIZE;
}

static inline struct trampfd_record *record(const struct table *table, unsigned int i)
{
	return (struct trampfd_record *)(table->base + TRAMPFD_RECORDS_OFFSET) + i;
}

/* Calls function(argument); the signal that it raised, or 0. Only one thread at a time. */
int signal_of(void (*function)(void *), void *argument);
/* State of the last signal that signal_of() saw. */
struct fault {
	uint64_t address, pc, sp, chain;
};
extern struct fault last_fault;

/*
 * What a CPU has in a folder of its own. cpu.h: CPU_PC and CPU_CHAIN, the register names of the PC
 * and of the static chain register, which points to the record.
 */
void fill_fault(struct fault *fault, const ucontext_t *context); /* all but the address */
bool slot_leads_to(const void *slot, const void *record); /* every byte of it is as it should be */

void call(void *function); /* for signal_of: calls it without arguments */
void load(void *address);  /* reads a byte there */
void store(void *address); /* writes a byte there */

/*
 * Runs function(argument) in a child. Its end is the exit status (1 when a check failed), or minus
 * the signal that ended it. With TRAMPFD_FAULTS in the environment, allocations for it may fail: see
 * faults.sh.
 */
pid_t start_child(int (*function)(void *), void *argument);
int end_of_child(pid_t pid);
int in_child(int (*function)(void *), void *argument);

/* capture.S: calls a function with all registers set to known values. */
enum { BELOW = 512 };
/* What the target found: registers in the order of cpu.h; the bytes below entry_sp. */
extern uint64_t captured[CAPTURED_REGS];
extern uint64_t entry_sp; /* stack pointer on entry, had nothing moved it */
extern unsigned char below[BELOW];
extern uint64_t captured_vector;
void call_captured(void *function, void *stack); /* stack: NULL for the current one */
void capture(void);				 /* the target */
uint64_t poison_of(unsigned int i);		 /* value of register i before the call */
void jump_with_stack(void *function, uint64_t sp);
uint64_t return_chain(void);	   /* target: the static chain register */
uint64_t return_chain_again(void); /* the same at another address */
uint64_t return_difference(void);  /* target: that register minus another one */

#endif
