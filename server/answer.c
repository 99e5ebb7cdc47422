/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/answer.h"

#include "common/decimal.h"

#include <sodium.h>

#include <string.h>

G_STATIC_ASSERT(AP_ANSWER_SEED_LEN == crypto_shorthash_KEYBYTES);

/** Makes another hash of that of a neighbour: any odd number but 1. */
#define LOST_FACTOR 3

/* Addresses and keys have no character that JSON would want escaped. */
static void
append_addr(GString *out, const ApAddr *addr)
{
    char text[AP_ADDR_TEXT_LEN];

    ap_addr_to_text(addr, text);
    g_string_append_c(out, '"');
    g_string_append(out, text);
    g_string_append_c(out, '"');
}

static void
append_key(GString *out, const ApKey *key)
{
    char text[AP_KEY_TEXT_LEN];

    ap_key_to_text(key, text);
    g_string_append(out, "{\"pubkey\": \"");
    g_string_append(out, text);
    g_string_append_c(out, '"');
}

static void
append_plain(GString *out, const ApClient *client, const ApAttachment *attachment)
{
    const guint n_addresses = MIN(client->peer.n_addresses, AP_COORD_MAX_ADDRESSES);
    const guint16 port = ap_client_port(client);

    append_key(out, &client->peer.key);
    g_string_append(out, ", \"ip\": [");
    for (guint i = 0; i < n_addresses; i++) {
        if (i > 0)
            g_string_append(out, ", ");
        append_addr(out, &client->peer.addresses[i]);
    }
    g_string_append(out, "], \"endpoint\": ");
    append_addr(out, &attachment->ip);
    g_string_append(out, ", \"port\": ");
    if (port == 0)
        g_string_append(out, "null");
    else
        ap_decimal_append(out, port);
}

static gboolean
is_on_lan(const ApRequest *said, const ApAddr *addr)
{
    for (guint i = 0; i < said->n_attachments; i++) {
        const ApCidr network =
            ap_cidr_network(&said->attachments[i].ip, said->attachments[i].prefix_len);

        if (ap_cidr_holds(&network, addr))
            return TRUE;
    }
    return FALSE;
}

static void
append_candidates(GString *out, const ApRequest *said)
{
    g_string_append(out, ", \"candidates\": [");
    for (guint i = 0; i < said->n_candidates; i++) {
        const ApRankedEndpoint *candidate = &said->candidates[i];

        g_string_append(out, i > 0 ? ", {\"ip\": " : "{\"ip\": ");
        append_addr(out, &candidate->endpoint.addr);
        g_string_append(out, ", \"port\": ");
        ap_decimal_append(out, candidate->endpoint.port);
        g_string_append(out, ", \"prio\": ");
        ap_decimal_append(out, candidate->prio);
        g_string_append(out,
                        is_on_lan(said, &candidate->endpoint.addr) ? ", \"type\": \"lan\"}"
                                                                   : ", \"type\": \"public\"}");
    }
    g_string_append_c(out, ']');
}

/* What neighbours are shown of a seat changes only with the seat, so it is written once. */
static void
write_seat(ApSeat *seat, const guint8 seed[static AP_ANSWER_SEED_LEN])
{
    const ApRequest *said = &seat->client->said;
    g_autoptr(GString) text = g_string_sized_new(256);

    append_plain(text, seat->client, &said->attachments[seat->attachment]);
    seat->n_plain = (guint) text->len;
    if (said->n_candidates > 0)
        append_candidates(text, said);
    if (said->bfd)
        g_string_append(text, ", \"bfd\": true");

    (void) crypto_shorthash((guint8 *) &seat->hash, (const guint8 *) text->str, text->len, seed);
    seat->n_text = (guint) text->len;
    seat->text = g_strndup(text->str, text->len);
}

/**
 * Writes a hash of what the answer means: who the neighbours are and what they have told, in any
 * order, and where the asker's own packets seem to come from.
 *
 * Ages, round trip times and "mutual" are not part of it: they change by themselves and are no
 * reason to end a poll. Neither are departures, which always come with a change of neighbours. That
 * a neighbour has lost its direct path with the asker is; that it has one for the first time is
 * not.
 *
 * @neighbours: (element-type ApNeighbour): their texts are made here
 * @seed: the same for the life of the server; nobody who does not know it can make two answers
 *     have one etag
 */
void
ap_answer_etag(const ApClient *asker,
               const GArray *neighbours,
               const guint8 seed[static AP_ANSWER_SEED_LEN],
               char out[static AP_ANSWER_ETAG_LEN])
{
    char you[AP_ENDPOINT_TEXT_LEN];
    guint64 hash;

    ap_endpoint_to_text(&asker->peer.endpoint, you);
    (void) crypto_shorthash((guint8 *) &hash, (const guint8 *) you, strlen(you), seed);
    for (guint i = 0; i < neighbours->len; i++) {
        const ApNeighbour *neighbour = &g_array_index(neighbours, ApNeighbour, i);
        ApSeat *seat = neighbour->seat;

        if (seat->text == NULL)
            write_seat(seat, seed);
        hash += neighbour->tie == AP_DIRECT_LOST ? seat->hash * LOST_FACTOR : seat->hash;
    }
    (void) g_snprintf(out, AP_ANSWER_ETAG_LEN, "%016" G_GINT64_MODIFIER "x", hash);
}

static void
append_tie(GString *out, ApDirectWord word)
{
    switch (word) {
    case AP_DIRECT_UNTOLD:
        return;
    case AP_DIRECT_UP:
        g_string_append(out, ", \"direct\": true");
        return;
    case AP_DIRECT_LOST:
        g_string_append(out, ", \"direct\": false");
        return;
    }
}

static void
append_neighbour(GString *out, const ApNeighbour *neighbour, ApInstant now)
{
    const ApClient *client = neighbour->seat->client;

    g_string_append_len(out, neighbour->seat->text, neighbour->seat->n_text);
    if (client->said.hub_rtt_ms > 0) {
        g_string_append(out, ", \"hub_rtt_ms\": ");
        ap_decimal_append(out, client->said.hub_rtt_ms);
    }
    g_string_append(out, ", \"age\": ");
    ap_decimal_append(out,
                      (guint64) MAX(0, now.boot_usec - client->seen_boot_usec) / AP_USEC_PER_SEC);
    g_string_append(out, neighbour->mutual ? ", \"mutual\": true" : ", \"mutual\": false");
    append_tie(out, neighbour->tie);
    g_string_append_c(out, '}');
}

static const char *
why_text(ApGoneWhy why)
{
    switch (why) {
    case AP_GONE_BYE:
        return "bye";
    case AP_GONE_POLICY:
        return "policy";
    case AP_GONE_REVOKED:
        return "revoked";
    }
    g_return_val_if_reached("policy");
}

static void
append_gone(GString *out, const GArray *gone)
{
    g_string_append(out, ", \"gone\": [");
    for (guint i = 0; i < gone->len; i++) {
        const ApOfferGone *entry = &g_array_index(gone, ApOfferGone, i);

        if (i > 0)
            g_string_append(out, ", ");
        append_key(out, &entry->key);
        g_string_append_printf(out, ", \"why\": \"%s\"}", why_text(entry->why));
    }
    g_string_append_c(out, ']');
}

static void
append_v2(GString *out, const ApAnswer *self)
{
    const ApEndpoint *you = &self->asker->peer.endpoint;

    g_string_append_printf(out,
                           ", \"v\": %d, \"etag\": \"%s\", \"poll\": %d",
                           AP_COORD_VERSION,
                           self->etag,
                           AP_ANSWER_POLL_SEC);
    if (ap_endpoint_is_set(you)) {
        g_string_append(out, ", \"you\": {\"ip\": ");
        append_addr(out, &you->addr);
        g_string_append_printf(out, ", \"port\": %u}", you->port);
    }
    if (self->gone->len > 0)
        append_gone(out, self->gone);
}

/**
 * Appends the whole answer: plain members for a plain asker, all of them for one of version 2.
 *
 * The neighbours' texts must have been made by ap_answer_etag().
 */
void
ap_answer_write(const ApAnswer *self, GString *out)
{
    const gboolean is_plain = self->asker->said.version < AP_COORD_VERSION;

    g_string_append(out, "{\"peers\": [");
    for (guint i = 0; i < self->neighbours->len; i++) {
        const ApNeighbour *neighbour = &g_array_index(self->neighbours, ApNeighbour, i);

        if (i > 0)
            g_string_append(out, ", ");
        if (is_plain) {
            g_string_append_len(out, neighbour->seat->text, neighbour->seat->n_plain);
            g_string_append_c(out, '}');
        } else {
            append_neighbour(out, neighbour, self->now);
        }
    }
    g_string_append_c(out, ']');
    if (!is_plain)
        append_v2(out, self);
    g_string_append_c(out, '}');
}
