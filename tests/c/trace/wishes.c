/* SPDX-License-Identifier: MIT */
/* Asks for memory as the arguments say, as programs of the field do; a refusal is no error. */
#define _GNU_SOURCE
#include <err.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 8192

static void *map(int protection, int flags, int file)
{
    void *memory = mmap(NULL, SIZE, protection, flags, file, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

static void *anonymous(int protection)
{
    return map(protection, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static int new_memfd(void)
{
    int file = memfd_create("wishes", MFD_CLOEXEC);

    if (file < 0 || ftruncate(file, SIZE))
        err(1, "memfd");
    return file;
}

/* As libffi does it where memory may not be both. */
static void twice(int first, int second)
{
    int file = new_memfd();

    map(first, MAP_SHARED, file);
    map(second, MAP_SHARED, file);
    close(file);
}

/* Through a mapping that is gone when the memory is executed. */
static void one_after_the_other(void)
{
    int file = new_memfd();
    void *memory = map(PROT_READ | PROT_WRITE, MAP_SHARED, file);

    munmap(memory, SIZE);
    map(PROT_READ | PROT_EXEC, MAP_PRIVATE, file);
    close(file);
}

static void protect(int before, int is_written)
{
    char *memory = anonymous(PROT_READ | PROT_WRITE);

    if (!memory)
        err(1, "mmap");
    if (is_written)
        memset(memory, 1, SIZE);
    mprotect(memory, SIZE, before);
    mprotect(memory, SIZE, PROT_READ | PROT_EXEC);
}

static void attach_segment(int flags)
{
    int segment = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0700);

    if (segment < 0)
        err(77, "shmget");
    shmat(segment, NULL, flags);
    shmctl(segment, IPC_RMID, NULL);
}

static void second_address(void)
{
    void *memory = map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1);

    if (memory)
        mremap(memory, 0, SIZE, MREMAP_MAYMOVE);
}

static void in_child(void)
{
    pid_t child = fork();

    if (!child) {
        anonymous(PROT_READ | PROT_WRITE | PROT_EXEC);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static void harmless(void)
{
    void *memory = anonymous(PROT_READ | PROT_WRITE);

    anonymous(PROT_READ | PROT_EXEC);
    mprotect(memory, SIZE, PROT_READ);
    map(PROT_READ | PROT_WRITE, MAP_SHARED, new_memfd());
    memory = anonymous(PROT_READ | PROT_EXEC);
    mprotect(memory, SIZE, PROT_READ | PROT_EXEC); /* as it is */
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *way = argv[i];

        if (!strcmp(way, "mmap"))
            anonymous(PROT_READ | PROT_WRITE | PROT_EXEC);
        else if (!strcmp(way, "writable-second"))
            twice(PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE);
        else if (!strcmp(way, "executable-second"))
            twice(PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC);
        else if (!strcmp(way, "one-after-the-other"))
            one_after_the_other();
        else if (!strcmp(way, "mprotect-writable"))
            protect(PROT_READ | PROT_WRITE, 1);
        else if (!strcmp(way, "mprotect-written"))
            protect(PROT_READ, 1);
        else if (!strcmp(way, "mprotect-unwritten"))
            protect(PROT_NONE, 0);
        else if (!strcmp(way, "shmat"))
            attach_segment(SHM_EXEC);
        else if (!strcmp(way, "mremap"))
            second_address();
        else if (!strcmp(way, "child"))
            in_child();
        else if (!strcmp(way, "harmless"))
            harmless();
        else
            errx(1, "%s?", way);
    }
    return 0;
}
