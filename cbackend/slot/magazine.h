/* SPDX-License-Identifier: MIT */
/*
 * What a thread has in store, so that it seldom needs the lock: free slots, references to a plan.
 */
#ifndef TFD_MAGAZINE_H
#define TFD_MAGAZINE_H

#include "libc_thread.h"
#include "pool.h"

#define TFD_MAGAZINE_SIZE 32

struct tfd_plan;

/*
 * Its thread changes it while it is inside; the slots in it have the state TFD_STATE_KEPT.  Other
 * threads only read the three numbers.
 */
struct tfd_magazine {
    struct tfd_slot ready[TFD_MAGAZINE_SIZE]; /* to be handed out next */
    struct tfd_slot freed[TFD_MAGAZINE_SIZE]; /* to be given back, oldest first */
    unsigned next, end;                       /* of the ready ones */
    unsigned freed_count;
    struct tfd_slot freeing; /* the one that is being freed right now; or none */
    unsigned most;           /* to make ready at the next visit to the pool */

    const struct tfd_plan *plan; /* the latest of the thread; NULL: none */
    unsigned references;         /* to the plan that are counted already; one keeps it alive */

    struct tfd_magazine *older; /* list of all; guarded by the lock, as is what follows */
    enum { TFD_MAGAZINE_UNUSED, TFD_MAGAZINE_OF_THREAD, TFD_MAGAZINE_ORPHANED } owner;
};

/* That of the calling thread; NULL while it has none, as in a process with a single thread. */
extern TFD_THREAD_LOCAL struct tfd_magazine *tfd_magazine;

/* In closure/plan_cache.c: count more references for a magazine's plan; or release all of them. */
void tfd_magazine_refill_plan_locked(struct tfd_magazine *magazine);
void tfd_magazine_let_go_locked(struct tfd_magazine *magazine);

#endif
