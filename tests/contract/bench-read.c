/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * bench-read BACKEND N: how long reading a device of N peers takes, beside `wg show dump`
 * (decisions.md 31: a turn takes at most 1.5 times as long).
 */

#include "tests/contract/bed.h"

#include <stdio.h>
#include <stdlib.h>

/** Peers written by one call, so that a daemon is done within its time. */
#define BATCH 100

#define N_RUNS 9

static int
compare_times(gconstpointer a, gconstpointer b)
{
    const gint64 *ta = a;
    const gint64 *tb = b;

    return *ta < *tb ? -1 : *ta > *tb;
}

static double
median_msec(gint64 *times_usec)
{
    qsort(times_usec, N_RUNS, sizeof(*times_usec), compare_times);
    return (double) times_usec[N_RUNS / 2] / 1000;
}

static void
fill(const Bed *bed, const ApDeviceId *id, guint n)
{
    static ApPeerChange changes[BATCH];

    for (guint from = 0; from < n; from += BATCH) {
        const guint n_now = MIN(BATCH, n - from);

        for (guint i = 0; i < n_now; i++) {
            const guint k = from + i;
            const ApAddr addr = {AF_INET, {10, (guint8) (k >> 16), (guint8) (k >> 8), (guint8) k}};

            changes[i] = (ApPeerChange){.flags = AP_PEER_SET_ENDPOINT, .n_allowed = 1};
            *(guint32 *) (void *) changes[i].key.bytes = g_htonl(k);
            changes[i].key.bytes[AP_KEY_LEN - 1] = 0x11;
            changes[i].endpoint = (ApEndpoint){.addr = {AF_INET, {127, 0, 0, 1}}, .port = 1024};
            changes[i].allowed[0] = ap_cidr_host(&addr);
        }
        g_assert_true(ap_wireguard_apply(bed->wireguard, id, changes, n_now, NULL));
    }
}

int
main(int argc, char *argv[])
{
    const guint n = argc == 3 ? (guint) strtoul(argv[2], NULL, 10) : 0;
    gint64 ours[N_RUNS], theirs[N_RUNS];
    double ours_msec, theirs_msec;
    ApDeviceId id;
    Bed bed;

    if (n == 0 || !bed_open(&bed, argv[1]))
        return 2;

    id = bed.ops->add_device("wg0");
    fill(&bed, &id, n);
    for (guint i = 0; i < N_RUNS; i++) {
        gint64 start = g_get_monotonic_time();
        ApDevice *device = ap_wireguard_read(bed.wireguard, &id, NULL);

        ours[i] = g_get_monotonic_time() - start;
        g_assert_true(device != NULL && device->peers->len == n);
        ap_device_free(device);
        start = g_get_monotonic_time();
        g_assert_cmpint(system("wg show wg0 dump >/dev/null"), ==, 0);
        theirs[i] = g_get_monotonic_time() - start;
    }

    ours_msec = median_msec(ours);
    theirs_msec = median_msec(theirs);
    printf("%s, %u peers: read %.1f ms, wg show dump %.1f ms, ratio %.2f\n",
           argv[1],
           n,
           ours_msec,
           theirs_msec,
           ours_msec / theirs_msec);
    bed.ops->remove_device(&id);
    bed_close(&bed);
    return 0;
}
