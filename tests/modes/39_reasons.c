/* SPDX-License-Identifier: MIT */
/*
 * Nothing works
 *
 * because every executable mapping is refused.  The message (of TRAMPFD_DEBUG=1; in Python, of the
 * exception) names each means that was tried and its error.
 *
 * Right: reported: Operation not permitted
 * Not with trampfd: the kernel maps the code
 * Not with trampfd-user: the kernel maps the code
 */
#include "policy.h"

/* What is written to standard error from here on. */
static int open_pipe(void)
{
    int ends[2];

    NEED(!pipe2(ends, O_NONBLOCK) && dup2(ends[1], 2) == 2, "a pipe");
    return ends[0];
}

int main(void)
{
    int messages = open_pipe(), count = 0;
    char text[4000];
    ssize_t length;
    void *code;

    SET_FILTER({SYS_mmap, 2, PROT_EXEC, REFUSE}, {SYS_mprotect, 2, PROT_EXEC, REFUSE});
    while (count < MANY && ffi_closure_alloc(sizeof(ffi_closure), &code))
        count++;
    EXPECT(count < MANY, "no mapping was refused");
    length = read(messages, text, sizeof(text) - 1);
    EXPECT(length > 0, "ffi_closure_alloc returned NULL, and nothing says why");
    text[length] = '\0';
    reported("%s", text);
}
