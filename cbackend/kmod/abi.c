// SPDX-License-Identifier: GPL-2.0-only
/* The layout that user space was promised. */
#include <linux/build_bug.h>
#include <linux/trampfd.h>

static_assert(sizeof(struct trampfd_query) == 32);
static_assert(sizeof(struct trampfd_create) == 24);
static_assert(sizeof(struct trampfd_attach) == 16);
static_assert(sizeof(struct trampfd_set) == 16);
static_assert(sizeof(struct trampfd_freeze) == 8);
static_assert(sizeof(struct trampfd_set_records) == 16);
static_assert(sizeof(struct trampfd_map) == 24);
static_assert(sizeof(struct trampfd_values) == 8);
static_assert(sizeof(struct trampfd_user) == 8);
static_assert(sizeof(struct trampfd_reg) == 16);
static_assert(sizeof(struct trampfd_regs) == 8);
static_assert(sizeof(struct trampfd_stack) == 16);
static_assert(sizeof(struct trampfd_table) == 16);
static_assert(sizeof(struct trampfd_table_map) == 64);
static_assert(sizeof(struct trampfd_record) == TRAMPFD_RECORD_SIZE);
static_assert(TRAMPFD_X86_EIP == 7 && TRAMPFD_X86_RAX == 8);
static_assert(TRAMPFD_X86_R10 == 17 && TRAMPFD_X86_RIP == 23 && TRAMPFD_X86_64_MAX == 24);
static_assert(TRAMPFD_ARM64_X18 == 31 && TRAMPFD_ARM64_PC == 42);
