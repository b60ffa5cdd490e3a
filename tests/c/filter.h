/* SPDX-License-Identifier: MIT */
/* A filter of system calls for programs that need none any more. */
#ifndef FILTER_H
#define FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* exit() and what CHECK() prints would be more system calls. */
#define NEED(condition, text)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            if (write(2, text "\n", sizeof(text)) < 0)                                             \
                _exit(2);                                                                          \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

/*
 * From here on all system calls of all threads end the process, but write(2), futex(2) and _exit(2).
 * Ends the program as one that skips itself where there are no such filters.
 */
static inline void set_filter(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(*code), code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L)
        || syscall(SYS_seccomp, (long)SECCOMP_SET_MODE_FILTER, (long)SECCOMP_FILTER_FLAG_TSYNC,
                   &program)) {
        perror("seccomp");
        exit(77);
    }
}

#endif
