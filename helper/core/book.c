/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/book.h"

#include <string.h>

/** Answers in a row without a peer that is not direct, before it is withdrawn; the answer of a
 * plain server alone means nothing, another request may be under way in it. */
#define N_MISSED_PLAIN 3

/** The same for a peer that is direct (coordination-protocol.md 5, "Removal rules"). */
#define N_MISSED_PLAIN_DIRECT 10

/** The same two for a server of version 2, whose answers are complete and current. */
#define N_MISSED_V2 1
#define N_MISSED_V2_DIRECT 3

/**
 * How long a withdrawn peer is still listed as such, in microseconds: long enough for the
 * planner to act and for a person to read why.
 */
#define WITHDRAWN_USEC (60 * AP_USEC_PER_SEC)

/** Most peers that are remembered, those that left included: two whole answers. */
#define MAX_ENTRIES (2 * AP_COORD_MAX_PEERS)

/**
 * @n_missed: answers in a row that did not name it
 * @n_named: how often the answer being read names it
 * @port: the last one that was told beside its plain address, 0: none
 * @direct: what the peer last said of its direct path with us
 * @withdrawn_boot_usec: when @candidate was withdrawn
 */
typedef struct {
    ApCandidate candidate;
    guint n_missed;
    guint n_named;
    guint16 port;
    ApDirectWord direct;
    gint64 withdrawn_boot_usec;
} Entry;

/**
 * @entries: (owned) (element-type Entry) sorted by key
 * @etag: of the last answer
 */
struct _ApBook {
    guint32 ifindex;
    GArray *entries;
    char etag[AP_COORD_TOKEN_LEN];
};

static Entry *
entry_at(const ApBook *self, guint i)
{
    return &g_array_index(self->entries, Entry, i);
}

/* The index of the first entry whose key is not below @key. */
static guint
lower_bound(const ApBook *self, const ApKey *key)
{
    guint low = 0, high = self->entries->len;

    while (low < high) {
        const guint middle = low + (high - low) / 2;

        if (ap_key_compare(&entry_at(self, middle)->candidate.key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static Entry *
find(const ApBook *self, const ApKey *key)
{
    const guint i = lower_bound(self, key);

    if (i == self->entries->len || !ap_key_equal(&entry_at(self, i)->candidate.key, key))
        return NULL;
    return entry_at(self, i);
}

/* Returns: (nullable): NULL when the book is full */
static Entry *
find_or_add(ApBook *self, const ApKey *key)
{
    const guint i = lower_bound(self, key);
    Entry fresh = {.candidate = {.ifindex = self->ifindex, .key = *key}};

    if (i < self->entries->len && ap_key_equal(&entry_at(self, i)->candidate.key, key))
        return entry_at(self, i);
    if (self->entries->len == MAX_ENTRIES)
        return NULL;

    g_array_insert_val(self->entries, i, fresh);
    return entry_at(self, i);
}

static void
add_endpoint(ApCandidate *self, const ApEndpoint *endpoint)
{
    for (guint i = 0; i < self->n_endpoints; i++) {
        if (ap_endpoint_equal(&self->endpoints[i], endpoint))
            return;
    }
    if (self->n_endpoints < AP_CANDIDATE_MAX_ENDPOINTS)
        self->endpoints[self->n_endpoints++] = *endpoint;
}

/* The candidates by rank; equal ranks stay in the order of the server. */
static void
add_ranked(ApCandidate *self, const ApOfferPeer *peer)
{
    ApRankedEndpoint sorted[AP_COORD_MAX_CANDIDATES];

    for (guint n = 0; n < peer->n_candidates; n++) {
        guint i = n;

        for (; i > 0 && sorted[i - 1].prio < peer->candidates[n].prio; i--)
            sorted[i] = sorted[i - 1];
        sorted[i] = peer->candidates[n];
    }
    for (guint i = 0; i < peer->n_candidates; i++)
        add_endpoint(self, &sorted[i].endpoint);
}

/*
 * A plain server leaves out endpoint and port while the peer registers anew, and has no port
 * where the hub knows none: what was told before still holds then.
 */
static void
fill_endpoints(ApCandidate *out, const Entry *entry, const ApOfferPeer *peer)
{
    ApEndpoint plain = peer->endpoint;

    add_ranked(out, peer);
    if (plain.port == 0)
        plain.port = entry->port;
    if (ap_endpoint_is_set(&plain) && plain.port != 0)
        add_endpoint(out, &plain);

    if (out->n_endpoints == 0 && !ap_endpoint_is_set(&peer->endpoint)) {
        memcpy(out->endpoints, entry->candidate.endpoints, sizeof(out->endpoints));
        out->n_endpoints = entry->candidate.n_endpoints;
    }
}

static void
withdraw(Entry *entry, ApReason why, ApInstant now)
{
    if (!entry->candidate.withdrawn)
        entry->withdrawn_boot_usec = now.boot_usec;
    entry->candidate.withdrawn = TRUE;
    entry->candidate.why = why;
}

/*
 * The far end of a direct path that died while it was quiet sends by the hub, and we refuse it as
 * long as we believe in the path. Whatever it says decides nothing: the path is asked.
 */
static void
note_direct(Entry *entry, ApDirectWord direct, ApInstant now)
{
    if (direct == AP_DIRECT_LOST && entry->direct != AP_DIRECT_LOST)
        entry->candidate.doubted_boot_usec = now.boot_usec;
    entry->direct = direct;
}

/*
 * A key that one answer names twice is two claims, and neither is believed (security rule K4).
 */
static void
name_peer(Entry *entry, const ApOfferPeer *peer, gboolean v2, ApInstant now)
{
    ApCandidate candidate = {
        .ifindex = entry->candidate.ifindex,
        .key = peer->key,
        .sources = AP_SOURCE_SERVER,
        .n_addresses = peer->n_addresses,
        .speaks_bfd = peer->bfd,
        .seen_boot_usec = v2 ? MAX(now.boot_usec - peer->age_sec * AP_USEC_PER_SEC, 1) : 0,
        .hub_rtt_usec = peer->hub_rtt_ms * AP_USEC_PER_MSEC,
        .doubted_boot_usec = entry->candidate.doubted_boot_usec,
    };

    entry->n_missed = 0;
    if (++entry->n_named > 1) {
        withdraw(entry, AP_REASON_KEY_TWICE, now);
        return;
    }

    memcpy(candidate.addresses, peer->addresses, sizeof(candidate.addresses));
    fill_endpoints(&candidate, entry, peer);
    entry->candidate = candidate;
    note_direct(entry, peer->direct, now);
    if (peer->endpoint.port != 0)
        entry->port = peer->endpoint.port;
}

/*
 * A server of version 2 names everybody who is here: who is missing may have gone elsewhere.
 *
 * @counts: FALSE for an answer that only says that nothing changed
 */
static void
miss_peer(Entry *entry, gboolean v2, gboolean direct, gboolean counts, ApInstant now)
{
    const guint limit = v2 ? (direct ? N_MISSED_V2_DIRECT : N_MISSED_V2)
                           : (direct ? N_MISSED_PLAIN_DIRECT : N_MISSED_PLAIN);

    if (counts)
        entry->n_missed++;
    if (v2 && entry->n_missed == 1)
        note_direct(entry, AP_DIRECT_LOST, now);
    if (!entry->candidate.withdrawn && entry->n_missed >= limit)
        withdraw(entry, AP_REASON_NOT_OFFERED, now);
}

static gboolean
is_over(const Entry *entry, ApInstant now)
{
    return entry->candidate.withdrawn
           && now.boot_usec - entry->withdrawn_boot_usec >= WITHDRAWN_USEC;
}

static void
drop_old(ApBook *self, ApInstant now)
{
    for (guint i = self->entries->len; i > 0; i--) {
        if (is_over(entry_at(self, i - 1), now))
            g_array_remove_index(self->entries, i - 1);
    }
}

static void
read_named(ApBook *self, const ApOffer *offer, ApInstant now)
{
    for (guint i = 0; i < self->entries->len; i++)
        entry_at(self, i)->n_named = 0;

    for (guint i = 0; i < offer->peers->len; i++) {
        const ApOfferPeer *peer = &g_array_index(offer->peers, ApOfferPeer, i);
        Entry *entry = find_or_add(self, &peer->key);

        if (entry != NULL)
            name_peer(entry, peer, offer->version >= AP_COORD_VERSION, now);
    }
}

static ApReason
why_gone(ApGoneWhy why)
{
    switch (why) {
    case AP_GONE_BYE:
        return AP_REASON_GONE;
    case AP_GONE_POLICY:
        return AP_REASON_POLICY;
    case AP_GONE_REVOKED:
        return AP_REASON_REVOKED;
    }
    g_return_val_if_reached(AP_REASON_GONE);
}

static void
read_gone(ApBook *self, const ApOffer *offer, ApInstant now)
{
    for (guint i = 0; i < offer->gone->len; i++) {
        const ApOfferGone *gone = &g_array_index(offer->gone, ApOfferGone, i);
        Entry *entry = find(self, &gone->key);

        if (entry != NULL)
            withdraw(entry, why_gone(gone->why), now);
    }
}

static void
read_missing(ApBook *self, const ApOffer *offer, const GArray *direct, ApInstant now)
{
    const gboolean v2 = offer->version >= AP_COORD_VERSION;
    const gboolean unchanged = v2 && offer->etag[0] != '\0' && strcmp(offer->etag, self->etag) == 0;

    for (guint i = 0; i < self->entries->len; i++) {
        Entry *entry = entry_at(self, i);
        const gboolean is_direct = direct != NULL && ap_key_is_among(&entry->candidate.key, direct);

        if (entry->n_named == 0)
            miss_peer(entry, v2, is_direct, !unchanged, now);
    }
}

static gboolean
candidate_equal(const ApCandidate *a, const ApCandidate *b)
{
    if (!ap_key_equal(&a->key, &b->key) || a->n_addresses != b->n_addresses
        || a->n_endpoints != b->n_endpoints || a->speaks_bfd != b->speaks_bfd
        || a->withdrawn != b->withdrawn)
        return FALSE;

    for (guint i = 0; i < a->n_addresses; i++) {
        if (!ap_addr_equal(&a->addresses[i], &b->addresses[i]))
            return FALSE;
    }
    for (guint i = 0; i < a->n_endpoints; i++) {
        if (!ap_endpoint_equal(&a->endpoints[i], &b->endpoints[i]))
            return FALSE;
    }
    return TRUE;
}

static gboolean
differs(const ApBook *self, const GArray *before)
{
    if (self->entries->len != before->len)
        return TRUE;

    for (guint i = 0; i < before->len; i++) {
        const Entry *old = &g_array_index(before, Entry, i);

        if (!candidate_equal(&old->candidate, &entry_at(self, i)->candidate))
            return TRUE;
    }
    return FALSE;
}

/**
 * Starts the book of one server with nobody in it.
 *
 * @ifindex: of the tunnel, for the candidates
 *
 * Returns: (transfer full)
 */
ApBook *
ap_book_new(guint32 ifindex)
{
    ApBook *self = g_new0(ApBook, 1);

    self->ifindex = ifindex;
    self->entries = g_array_new(FALSE, TRUE, sizeof(Entry));
    return self;
}

/**
 * Takes in one answer with status 200.
 *
 * @direct: (nullable) (element-type ApKey): keys with which a direct path is up now; their absence
 *     from an answer weighs less than the path itself
 *
 * A peer is withdrawn when it is absent from enough answers in a row, at once when the server
 * says that it is gone, and as long as one answer names it twice. It is back as soon as an answer
 * names it once. Whether it may be used is not judged here.
 *
 * Returns: whether what ap_book_list() says differs from before, for ap_ask_done()
 */
gboolean
ap_book_add_offer(ApBook *self, const ApOffer *offer, const GArray *direct, ApInstant now)
{
    drop_old(self, now);

    g_autoptr(GArray) before = g_array_copy(self->entries);

    read_named(self, offer, now);
    read_gone(self, offer, now);
    read_missing(self, offer, direct, now);
    (void) g_strlcpy(self->etag, offer->etag, sizeof(self->etag));
    return differs(self, before);
}

/**
 * Forgets all peers at once, without listing them as withdrawn: for a network change, after which
 * no answer holds.
 */
void
ap_book_forget_all(ApBook *self)
{
    g_array_set_size(self->entries, 0);
    self->etag[0] = '\0';
}

/**
 * Appends what is known.
 *
 * @candidates: (element-type ApCandidate): gets the peers sorted by key; those that left are
 *     listed as withdrawn for a minute
 */
void
ap_book_list(const ApBook *self, GArray *candidates, ApInstant now)
{
    for (guint i = 0; i < self->entries->len; i++) {
        if (!is_over(entry_at(self, i), now))
            g_array_append_val(candidates, entry_at(self, i)->candidate);
    }
}

void
ap_book_free(ApBook *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->entries, g_array_unref);
    g_free(self);
}
