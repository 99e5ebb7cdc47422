/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/dbus/senders.h"

/** What one call costs, in microseconds of waiting. */
#define CALL_USEC (AP_USEC_PER_SEC / AP_SENDERS_PER_SEC)

/** A full bucket. */
#define FULL_USEC (AP_SENDERS_BURST * CALL_USEC)

typedef struct {
    ApSenders *owner;   /* (not owned) holds us */
    gint64 credit_usec; /* calls left, times CALL_USEC, at @boot_usec */
    gint64 boot_usec;
    guint watch;
} Bucket;

struct _ApSenders {
    const ApSendersOps *ops; /* (not owned) static */
    gpointer user_data;
    GHashTable *buckets; /* (owned) (element-type utf8 Bucket) by unique name */
};

static void
bucket_free(gpointer data)
{
    Bucket *bucket = data;

    bucket->owner->ops->unwatch(bucket->watch, bucket->owner->user_data);
    g_free(bucket);
}

static gint64
credit_at(const Bucket *bucket, ApInstant now)
{
    gint64 passed = MAX(0, now.boot_usec - bucket->boot_usec);

    return passed >= FULL_USEC ? FULL_USEC : MIN(FULL_USEC, bucket->credit_usec + passed);
}

static gboolean
is_rested(gpointer key, gpointer value, gpointer user_data)
{
    const ApInstant *now = user_data;

    (void) key;
    return credit_at(value, *now) == FULL_USEC;
}

/**
 * Makes an empty table.
 *
 * @ops: (transfer none): static; called with @user_data
 *
 * Returns: (transfer full)
 */
ApSenders *
ap_senders_new(const ApSendersOps *ops, gpointer user_data)
{
    ApSenders *self = g_new0(ApSenders, 1);

    self->ops = ops;
    self->user_data = user_data;
    self->buckets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, bucket_free);
    return self;
}

static Bucket *
add_bucket(ApSenders *self, const char *sender, ApInstant now)
{
    Bucket *bucket;

    /* Nothing is lost with a full bucket: a new one is full, too. */
    if (g_hash_table_size(self->buckets) >= AP_SENDERS_MAX)
        (void) g_hash_table_foreach_remove(self->buckets, is_rested, &now);
    if (g_hash_table_size(self->buckets) >= AP_SENDERS_MAX)
        return NULL;

    bucket = g_new(Bucket, 1);
    *bucket = (Bucket){
        .owner = self,
        .credit_usec = FULL_USEC,
        .boot_usec = now.boot_usec,
        .watch = self->ops->watch(sender, self->user_data),
    };
    g_hash_table_insert(self->buckets, g_strdup(sender), bucket);
    return bucket;
}

/**
 * Counts one call of @sender.
 *
 * @sender: unique name on the bus
 *
 * Returns: FALSE when the call must be refused: @sender called too often, or too many others
 *     have called a moment ago
 */
gboolean
ap_senders_take(ApSenders *self, const char *sender, ApInstant now)
{
    Bucket *bucket = g_hash_table_lookup(self->buckets, sender);

    if (bucket == NULL)
        bucket = add_bucket(self, sender, now);
    if (bucket == NULL)
        return FALSE;

    bucket->credit_usec = credit_at(bucket, now);
    bucket->boot_usec = now.boot_usec;
    if (bucket->credit_usec < CALL_USEC)
        return FALSE;

    bucket->credit_usec -= CALL_USEC;
    return TRUE;
}

/** Drops what is remembered of @sender, which left the bus: unique names are never used again. */
void
ap_senders_forget(ApSenders *self, const char *sender)
{
    (void) g_hash_table_remove(self->buckets, sender);
}

/** Returns: how many senders are remembered */
guint
ap_senders_count(const ApSenders *self)
{
    return g_hash_table_size(self->buckets);
}

/** Forgets and unwatches everybody. */
void
ap_senders_free(ApSenders *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->buckets, g_hash_table_unref);
    g_free(self);
}
