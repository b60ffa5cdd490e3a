/* SPDX-License-Identifier: MIT */
/*
 * The library's own notes of a block can be written: a store that leads elsewhere because of that
 * ends the process, and no call goes anywhere else.
 */
#include "sealed.h"

#include "slot/pool.h"

#include <signal.h>

static void expect_end(void (*damage)(struct tfd_block *, struct tfd_block *), struct many *many,
                       const char *what)
{
    struct tfd_slot first = tfd_pool_find_code((void *)(uintptr_t)many->code[0]);
    struct tfd_slot other =
        tfd_pool_find_code((void *)(uintptr_t)many->code[TRAMPFD_BLOCK_SLOTS + 10]);
    pid_t child = fork();
    adder *code;
    int status;

    if (child == 0) {
        damage(first.block, other.block);
        for (int i = 0; i < 3 * TRAMPFD_BLOCK_SLOTS; i++)
            make(i, &code);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child, "%s", strerror(errno));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%s: status %#x", what,
          (unsigned)status);
}

static void swap_places(struct tfd_block *one, struct tfd_block *other)
{
    void *private = one->private;

    one->private = other->private;
    other->private = private;
}

static void other_code(struct tfd_block *one, struct tfd_block *other)
{
    other->code = one->code;
}

static void other_records(struct tfd_block *one, struct tfd_block *other)
{
    other->records = one->records;
}

int main(void)
{
    struct many many = make_many(TRAMPFD_BLOCK_SLOTS + 100);

    expect_end(swap_places, &many, "places in the file");
    expect_end(other_code, &many, "code");
    expect_end(other_records, &many, "records");
    call_many(many);
    return 0;
}
