/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/record/fingerprints.h"

#include "helper/core/world.h"

struct _ApFingerprints {
    GHashTable *made;     /* (owned) (element-type guint64 guint64) by what was recorded */
    GHashTable *recorded; /* (owned) (element-type guint64 guint64) by what is made */
};

/** Makes a list that knows none. Returns: (transfer full) */
ApFingerprints *
ap_fingerprints_new(void)
{
    ApFingerprints *self = g_new0(ApFingerprints, 1);

    self->made = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    self->recorded = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    return self;
}

void
ap_fingerprints_free(ApFingerprints *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->made, g_hash_table_unref);
    g_clear_pointer(&self->recorded, g_hash_table_unref);
    g_free(self);
}

static void
put(GHashTable *table, guint64 key, guint64 value)
{
    (void) g_hash_table_insert(table,
                               g_memdup2(&key, sizeof(key)),
                               g_memdup2(&value, sizeof(value)));
}

/* One that comes out as it was recorded was handed on, and says nothing. */
static gboolean
learn_one(ApFingerprints *self, guint64 recorded, guint64 made)
{
    if (recorded == made || recorded == 0 || made == 0
        || g_hash_table_contains(self->made, &recorded)
        || g_hash_table_contains(self->recorded, &made))
        return FALSE;

    put(self->made, recorded, made);
    put(self->recorded, made, recorded);
    return TRUE;
}

static const ApPath *
find_path(const GArray *paths, const ApPath *wanted)
{
    for (guint i = 0; i < paths->len; i++) {
        const ApPath *path = &g_array_index(paths, ApPath, i);

        if (path->ifindex == wanted->ifindex && ap_key_equal(&path->key, &wanted->key))
            return path;
    }
    return NULL;
}

/** Learns that the planner makes @made where @recorded was recorded, unless it is known otherwise. */
void
ap_fingerprints_learn(ApFingerprints *self, guint64 recorded, guint64 made)
{
    (void) learn_one(self, recorded, made);
}

/**
 * Compares the offers that were recorded of a plan's paths with those that come out.
 *
 * @recorded, @made: (element-type ApPath)
 *
 * Returns: TRUE when something was learned, so that the plan is to be made again
 */
gboolean
ap_fingerprints_learn_offers(ApFingerprints *self, const GArray *recorded, const GArray *made)
{
    gboolean learned = FALSE;

    for (guint i = 0; i < recorded->len; i++) {
        const ApPath *was = &g_array_index(recorded, ApPath, i);
        const ApPath *is = find_path(made, was);

        if (is != NULL)
            learned |= learn_one(self, was->offer, is->offer);
    }
    return learned;
}

static guint64
translate_one(const ApFingerprints *self, guint64 recorded)
{
    const guint64 *made = g_hash_table_lookup(self->made, &recorded);

    return made != NULL ? *made : recorded;
}

/**
 * Copies recorded paths, with the fingerprints that the planner makes.
 *
 * @paths: (element-type ApPath)
 *
 * Returns: (transfer full)
 */
GArray *
ap_fingerprints_translate(const ApFingerprints *self, const GArray *paths)
{
    GArray *copy = g_array_copy((GArray *) paths);

    for (guint i = 0; i < copy->len; i++) {
        ApPath *path = &g_array_index(copy, ApPath, i);

        path->network = translate_one(self, path->network);
        path->offer = translate_one(self, path->offer);
    }
    return copy;
}
