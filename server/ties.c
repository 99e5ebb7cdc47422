/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/ties.h"

typedef struct {
    ApKey key;
    ApDirectWord word;
} Tie;

static Tie *
tie_at(const GArray *ties, guint i)
{
    return &g_array_index(ties, Tie, i);
}

/* Both keys and ties begin with a key. */
static int
compare_keys(gconstpointer a, gconstpointer b)
{
    return ap_key_compare(a, b);
}

static gboolean
is_named(const GArray *direct, const ApKey *key)
{
    return direct != NULL && g_array_binary_search((GArray *) direct, key, compare_keys, NULL);
}

/* Turns the ties that are known. */
static void
turn(GArray *ties, const GArray *direct, GArray *turned)
{
    for (guint i = 0; i < ties->len; i++) {
        Tie *tie = tie_at(ties, i);
        const ApDirectWord word = is_named(direct, &tie->key) ? AP_DIRECT_UP : AP_DIRECT_LOST;

        if (tie->word == word)
            continue;
        tie->word = word;
        g_array_append_val(turned, tie->key);
    }
}

static void
forget_lost(GArray *ties)
{
    for (guint i = ties->len; i > 0; i--) {
        if (tie_at(ties, i - 1)->word == AP_DIRECT_LOST)
            g_array_remove_index(ties, i - 1);
    }
}

/* Adds those that are named for the first time. */
static void
add(GArray *ties, const GArray *direct)
{
    g_autoptr(GArray) fresh = g_array_new(FALSE, FALSE, sizeof(Tie));

    for (guint i = 0; i < direct->len; i++) {
        const Tie tie = {g_array_index(direct, ApKey, i), AP_DIRECT_UP};
        const gboolean is_repeated =
            i > 0 && ap_key_equal(&g_array_index(direct, ApKey, i - 1), &tie.key);

        if (!is_repeated && ap_ties_find(ties, &tie.key) == AP_DIRECT_UNTOLD)
            g_array_append_val(fresh, tie);
    }
    if (fresh->len == 0)
        return;

    g_array_append_vals(ties, fresh->data, fresh->len);
    g_array_sort(ties, compare_keys);
}

/**
 * Takes over with whom a client says that it is direct now.
 *
 * @ties: (inout) (owned) (nullable): of that client; NULL for one that never was direct
 * @direct: (nullable) (element-type ApKey): at most AP_COORD_MAX_PEERS, in any order
 * @turned: (element-type ApKey): whose tie was direct and is lost, or the other way round, is
 *     appended; a tie that was not known is no news
 */
void
ap_ties_update(GArray **ties, const GArray *direct, GArray *turned)
{
    g_autoptr(GArray) sorted = NULL;

    if (direct != NULL && direct->len > 0) {
        sorted = g_array_copy((GArray *) direct);
        g_array_sort(sorted, compare_keys);
    }
    if (*ties != NULL)
        turn(*ties, sorted, turned);
    if (sorted == NULL)
        return;

    if (*ties == NULL)
        *ties = g_array_new(FALSE, FALSE, sizeof(Tie));
    if ((*ties)->len + sorted->len > AP_TIES_MAX)
        forget_lost(*ties);
    add(*ties, sorted);
}

/**
 * Tells what a client has said of its path with @key.
 *
 * @ties: (nullable): of that client
 */
ApDirectWord
ap_ties_find(const GArray *ties, const ApKey *key)
{
    guint i;

    if (ties == NULL || !g_array_binary_search((GArray *) ties, key, compare_keys, &i))
        return AP_DIRECT_UNTOLD;
    return tie_at(ties, i)->word;
}
