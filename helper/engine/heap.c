/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/engine/heap.h"

#include <malloc.h>

/**
 * From how many bytes on a piece of memory goes back to the system as soon as it is free, and how
 * many free bytes the heap may keep. Left to itself malloc() learns from the short-lived
 * arrays of a turn to keep as much for good: with 1,000 members 10 MiB more, with these 3 MiB
 * (measured, tests/bench gossip).
 */
#define HEAP_LARGE (64 * 1024)
#define HEAP_SPARE (128 * 1024)

/**
 * By how much the heap grows. With malloc's own 128 KiB a turn that needs one page more would leave
 * more than may be kept, and an idle helper would take and give back the same memory in each turn.
 */
#define HEAP_STEP (32 * 1024)

/**
 * What is free between pieces that are in use is given back so often at most: 4 s, in
 * microseconds. A turn with 1,000 members leaves 0.3 MiB, and comes each 5 s; one large answer on
 * the bus leaves 8 MiB. It takes some 0.1 ms (measured, tests/bench gossip).
 */
#define TIDY_USEC (4 * AP_USEC_PER_SEC)

/**
 * Makes malloc() keep little of what it is given back. To be called before there are threads: they
 * share one heap, since that of the bus's thread alone would leave 128 KiB free for good.
 */
void
ap_heap_bound(void)
{
    (void) mallopt(M_ARENA_MAX, 1);
    (void) mallopt(M_TOP_PAD, HEAP_STEP);
    (void) mallopt(M_MMAP_THRESHOLD, HEAP_LARGE);
    (void) mallopt(M_TRIM_THRESHOLD, HEAP_SPARE);
}

/**
 * Gives back what is free on the heap, unless that is little or was done a moment ago.
 *
 * @tidied_boot_usec: (inout): when it was done last, 0: never
 */
void
ap_heap_tidy(gint64 *tidied_boot_usec, ApInstant now)
{
    if (now.boot_usec - *tidied_boot_usec < TIDY_USEC || mallinfo2().fordblks < HEAP_SPARE)
        return;

    (void) malloc_trim(0);
    *tidied_boot_usec = now.boot_usec;
}
