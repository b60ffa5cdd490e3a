/* SPDX-License-Identifier: MIT */
/*
 * No store changes a record, and the kernel refuses to make it writable or to write it by another
 * way.  With the argument "private" there is no file in memory: stores are as futile, but the kernel
 * has no reason to refuse the rest.
 */
#include "sealed.h"

#include <signal.h>

static void store(void *place)
{
    memset(place, 0x41, 8);
}

static void check_store_ends_the_process(void *place)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        store(place);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child, "%s", strerror(errno));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "status %#x", (unsigned)status);
}

static void check_kernel_refuses(void *record)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char bytes[8] = "AAAAAAA";
    int fd = open("/proc/self/mem", O_RDWR);

    CHECK(mprotect(page_of(record), page, PROT_READ | PROT_WRITE) && errno == EACCES, "%s",
          strerror(errno));
    CHECK(!can_be_written(record), "process_vm_writev");
    CHECK(fd < 0 || pwrite(fd, bytes, sizeof(bytes), (off_t)(uintptr_t)record) < 0,
          "/proc/self/mem");
    close(fd);
}

int main(int argc, char **argv)
{
    struct many many = make_many(2 * TRAMPFD_BLOCK_SLOTS + 1);
    const int numbers[] = {0, TRAMPFD_BLOCK_SLOTS - 1, TRAMPFD_BLOCK_SLOTS, many.count - 1};
    int is_private = argc > 1 && !strcmp(argv[1], "private");

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        void *record = record_of(many.code[numbers[i]]);

        check_store_ends_the_process(record);
        if (!is_private)
            check_kernel_refuses(record);
        /* What the program writes to is not what slots read. */
        memset(many.closure[numbers[i]], 0x41, sizeof(ffi_closure));
    }
    call_many(many);
    check_w_xor_x();
    return 0;
}
