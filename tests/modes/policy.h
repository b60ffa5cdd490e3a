/* SPDX-License-Identifier: MIT */
/* Policies of hardened systems, put in force for this process and its children. */
#ifndef POLICY_H
#define POLICY_H

#include "mode.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

SHARED void set_mdwe(void)
{
    NEED(!prctl(PR_SET_MDWE, 1L, 0L, 0L, 0L), "PR_SET_MDWE");
}

/* What a filter does with a call of that number that has all of these bits in an argument. */
struct rule {
    int call;
    unsigned argument, bits, action;
};

#define REFUSE (SECCOMP_RET_ERRNO | EPERM)
#define COUNT SECCOMP_RET_TRAP

static volatile int refused_calls;

/* Calls of COUNT come here, and fail. */
SHARED void count_refused(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    refused_calls++;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = -EPERM;
}

SHARED void set_filter(const struct rule *rules, int count)
{
    struct sock_filter code[100];
    struct sock_fprog program = {0, code};
    struct sigaction action = {.sa_sigaction = count_refused, .sa_flags = SA_SIGINFO | SA_NODEFER};

#define ADD(...) code[program.len++] = (struct sock_filter)__VA_ARGS__
    for (int i = 0; i < count; i++) {
        size_t value = offsetof(struct seccomp_data, args) + 8 * rules[i].argument;

        ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
        ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)rules[i].call, 0, 4));
        ADD(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)value));
        ADD(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, rules[i].bits));
        ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rules[i].bits, 0, 1));
        ADD(BPF_STMT(BPF_RET | BPF_K, rules[i].action));
    }
    ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
#undef ADD
    sigaction(SIGSYS, &action, NULL);
    NEED(!prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L), "PR_SET_NO_NEW_PRIVS");
    NEED(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "a filter of system calls");
}

#define SET_FILTER(...)                                                                            \
    do {                                                                                           \
        const struct rule rules[] = {__VA_ARGS__};                                                 \
                                                                                                   \
        set_filter(rules, (int)(sizeof(rules) / sizeof(rules[0])));                                \
    } while (0)

/* What systemd's MemoryDenyWriteExecute= refuses on kernels without PR_SET_MDWE. */
#define DENY_WRITE_EXECUTE(action)                                                                 \
    {SYS_mmap, 2, PROT_WRITE | PROT_EXEC, action}, {SYS_mprotect, 2, PROT_EXEC, action},           \
    {                                                                                              \
        SYS_pkey_mprotect, 2, PROT_EXEC, action                                                    \
    }

#define DENY_MEMFD(action) {SYS_memfd_create, 0, 0, action}

/* A user who is not root becomes root of a namespace. */
SHARED void own_users(void)
{
    char users[50], groups[50];

    snprintf(users, sizeof(users), "0 %u 1", geteuid());
    snprintf(groups, sizeof(groups), "0 %u 1", getegid());
    NEED(!unshare(CLONE_NEWUSER), "a namespace of users");
    write_file("/proc/self/setgroups", "deny", 4);
    write_file("/proc/self/uid_map", users, strlen(users));
    write_file("/proc/self/gid_map", groups, strlen(groups));
}

/* From here on, what the process mounts concerns no other. */
SHARED void own_mounts(void)
{
    if (geteuid())
        own_users();
    NEED(!unshare(CLONE_NEWNS), "a namespace of mounts");
    NEED(!mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
}

SHARED void mount_at(const char *source, const char *target, const char *type, unsigned long flags,
                     const char *options)
{
    NEED(!mount(source, target, type, flags, options), target);
}

#endif
