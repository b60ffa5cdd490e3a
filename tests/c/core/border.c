/* SPDX-License-Identifier: MIT */
/*
 * Making and freeing closures around the border of a block, once past it, neither maps nor unmaps
 * anything.  What is between the two lines "begin" and "end" on standard output may be traced.
 */
#include "check.h"

static void around(struct many *many, int count)
{
    for (int i = 0; i < count; i++)
        trampfd_closure_free(many->closure[i]);
    for (int i = 0; i < count; i++)
        many->closure[i] = make(i, &many->code[i]);
}

static void say(const char *line)
{
    CHECK(write(STDOUT_FILENO, line, strlen(line)) > 0, "%s", strerror(errno));
}

int main(void)
{
    struct many filler = make_many(TRAMPFD_BLOCK_SLOTS - 5);
    struct many border = make_many(10);
    struct many block, beyond;
    unsigned mappings = count_mappings();

    say("begin\n");
    for (int round = 0; round < 1000; round++)
        around(&border, 1 + round % 10);
    for (int round = 0; round < 20; round++) {
        free_many(border);
        border = make_many(10);
    }
    say("end\n");
    CHECK(count_mappings() == mappings, "%u mappings, before %u", count_mappings(), mappings);

    /* Of two empty blocks one is kept. */
    block = make_many(TRAMPFD_BLOCK_SLOTS);
    beyond = make_many(TRAMPFD_BLOCK_SLOTS);
    CHECK(status_now().blocks_own_file == 3, "%zu", status_now().blocks_own_file);
    free_many(block);
    free_many(beyond);
    free_many(border);
    CHECK(status_now().blocks_own_file == 1, "%zu", status_now().blocks_own_file);
    call_many(filler);
    free_many(filler);
    return 0;
}
