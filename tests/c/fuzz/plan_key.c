/* SPDX-License-Identifier: MIT */
/*
 * Plans whose keys say anything, as a stray store may leave them: to compile one again ends in a plan
 * of that key, or in an error.
 */
#include "input.h"

#include "closure/plan_compile.h"

#include <errno.h>

static struct tfd_plan *with_key(unsigned count, const uint8_t *key, size_t size)
{
    const struct tfd_plan empty = {.count = count};
    size_t key_at = tfd_plan_size(&empty);
    struct tfd_plan *plan = calloc(1, key_at + size);
    struct tfd_plan_key hashed;

    AGREE(plan, "memory");
    *plan = (struct tfd_plan){.count = count, .key_size = (unsigned)size};
    tfd_plan_point(plan, (char *)plan);
    hashed.size = size > TFD_PLAN_KEY_SIZE ? TFD_PLAN_KEY_SIZE : (unsigned)size;
    memcpy(hashed.bytes, key, hashed.size);
    memcpy((char *)plan + key_at, key, size);
    plan->hash = tfd_plan_key_hash(&hashed);
    return plan;
}

static void check_made(const struct tfd_plan *made, const uint8_t *key, size_t size)
{
    struct tfd_plan *again;

    AGREE(made->key_size == size && !memcmp(made->key, key, size), "another key");
    AGREE(!tfd_plan_compile_again(made, &again), "only the first time");
    AGREE(tfd_plan_size(again) == tfd_plan_size(made) && again->entry == made->entry
              && again->tail == made->tail && again->result == made->result
              && again->gather_count == made->gather_count
              && !memcmp(again->offsets, made->offsets, made->count * sizeof(*made->offsets)),
          "another plan");
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tfd_plan *plan, *made;
    int error;

    if (!size)
        return 0;
    plan = with_key(data[0], data + 1, size - 1);
    error = tfd_plan_compile_again(plan, &made);
    AGREE(error == 0 || error == -EBADMSG || error == -ENOMEM, "%d", error);
    if (!error) {
        check_made(made, data + 1, size - 1);
        free(made);
    }
    free(plan);
    return 0;
}
