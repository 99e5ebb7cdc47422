/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/json/offer-json.h"

#include "common/error.h"
#include "common/json/values.h"

/**
 * Most values in one answer: 999 plain peers have 7,000, the same with all members of version 2 and
 * two candidates each 21,000. The costliest, an empty object, takes the reader 560 bytes: a hostile
 * answer may cost it 18 MiB for a moment.
 */
#define MAX_ANSWER_VALUES 32768

/** Longest times that are read, in seconds: a day. Whoever uses one has a clamp of its own. */
#define MAX_SECONDS 86400

/** Longest round trip time that is read, in milliseconds: a minute. */
#define MAX_RTT_MS 60000

static guint
get_uint(ApJson *object, const char *name, gint64 max)
{
    gint64 value = 0;

    (void) ap_json_get_int(object, name, 0, max, &value);
    return (guint) value;
}

static gboolean
get_flag(ApJson *object, const char *name)
{
    gboolean value = FALSE;

    (void) ap_json_get_bool(object, name, &value);
    return value;
}

static ApDirectWord
get_told(ApJson *object, const char *name)
{
    gboolean value;

    if (!ap_json_get_bool(object, name, &value))
        return AP_DIRECT_UNTOLD;
    return value ? AP_DIRECT_UP : AP_DIRECT_LOST;
}

static void
add_address(ApOfferPeer *peer, ApJson *value, guint dropped[static AP_N_DROPS])
{
    ApAddr addr;

    if (!ap_json_as_addr(value, &addr)) {
        dropped[AP_DROP_ADDRESS]++;
        return;
    }
    for (guint i = 0; i < peer->n_addresses; i++) {
        if (ap_addr_equal(&peer->addresses[i], &addr))
            return;
    }

    if (peer->n_addresses == AP_COORD_MAX_ADDRESSES)
        dropped[AP_DROP_TOO_MANY]++;
    else
        peer->addresses[peer->n_addresses++] = addr;
}

/* An array of addresses, or, from some servers, one address. */
static gboolean
read_addresses(ApOfferPeer *peer, ApJson *object, guint dropped[static AP_N_DROPS])
{
    ApJson *ip = ap_json_member(object, "ip");

    if (ap_json_is_array(ip)) {
        for (guint i = 0; i < ap_json_n_items(ip); i++)
            add_address(peer, ap_json_item(ip, i), dropped);
    } else if (ip != NULL) {
        add_address(peer, ip, dropped);
    }

    if (peer->n_addresses == 0)
        dropped[AP_DROP_NO_ADDRESS]++;
    return peer->n_addresses > 0;
}

/*
 * The plain members. Both may be absent or null; a port of the wrong type or range says that we
 * and the server disagree about this endpoint, so it is not used with another port either.
 */
static void
read_endpoint(ApOfferPeer *peer, ApJson *object, guint dropped[static AP_N_DROPS])
{
    ApJson *ip = ap_json_member(object, "endpoint");
    ApJson *port = ap_json_member(object, "port");
    ApEndpoint endpoint = {0};
    gint64 number = 0;

    if (port != NULL && !ap_json_as_int(port, 0, G_MAXUINT16, &number)) {
        dropped[AP_DROP_PORT]++;
        return;
    }
    if (ip == NULL)
        return;
    if (!ap_json_as_addr(ip, &endpoint.addr)) {
        dropped[AP_DROP_ENDPOINT]++;
        return;
    }

    endpoint.port = (guint16) number;
    peer->endpoint = endpoint;
}

static void
read_candidates(ApOfferPeer *peer, ApJson *object, guint dropped[static AP_N_DROPS])
{
    ApJson *candidates = ap_json_get_array(object, "candidates");

    for (guint i = 0; i < ap_json_n_items(candidates); i++) {
        ApRankedEndpoint candidate = {0};
        ApDrop why = AP_DROP_ENDPOINT;

        if (peer->n_candidates == AP_COORD_MAX_CANDIDATES)
            dropped[AP_DROP_TOO_MANY]++;
        else if (ap_json_as_ranked(ap_json_item(candidates, i), &candidate, &why))
            peer->candidates[peer->n_candidates++] = candidate;
        else
            dropped[why]++;
    }
}

static gboolean
read_peer(ApOfferPeer *out, ApJson *object, guint dropped[static AP_N_DROPS])
{
    ApOfferPeer peer = {0};

    if (!ap_json_is_object(object)) {
        dropped[AP_DROP_NOT_AN_OBJECT]++;
        return FALSE;
    }
    if (!ap_json_get_key(object, "pubkey", &peer.key)) {
        dropped[AP_DROP_KEY]++;
        return FALSE;
    }
    if (!read_addresses(&peer, object, dropped))
        return FALSE;

    read_endpoint(&peer, object, dropped);
    read_candidates(&peer, object, dropped);
    peer.age_sec = get_uint(object, "age", MAX_SECONDS);
    peer.hub_rtt_ms = get_uint(object, "hub_rtt_ms", MAX_RTT_MS);
    peer.mutual = get_flag(object, "mutual");
    peer.bfd = get_flag(object, "bfd");
    peer.direct = get_told(object, "direct");
    *out = peer;
    return TRUE;
}

static void
read_peers(ApOffer *self, ApJson *peers)
{
    for (guint i = 0; i < ap_json_n_items(peers); i++) {
        ApOfferPeer peer;

        if (self->peers->len == AP_COORD_MAX_PEERS)
            self->dropped[AP_DROP_TOO_MANY]++;
        else if (read_peer(&peer, ap_json_item(peers, i), self->dropped))
            g_array_append_val(self->peers, peer);
    }
}

/* A reason that we do not know is one that the server has: its policy. */
static ApGoneWhy
parse_why(const char *text)
{
    if (g_strcmp0(text, "bye") == 0)
        return AP_GONE_BYE;
    return g_strcmp0(text, "revoked") == 0 ? AP_GONE_REVOKED : AP_GONE_POLICY;
}

static void
read_gone(ApOffer *self, ApJson *list)
{
    for (guint i = 0; i < ap_json_n_items(list); i++) {
        ApJson *item = ap_json_item(list, i);
        ApOfferGone gone = {0};

        if (self->gone->len == AP_COORD_MAX_PEERS) {
            self->dropped[AP_DROP_TOO_MANY]++;
        } else if (!ap_json_is_object(item)) {
            self->dropped[AP_DROP_NOT_AN_OBJECT]++;
        } else if (!ap_json_get_key(item, "pubkey", &gone.key)) {
            self->dropped[AP_DROP_KEY]++;
        } else {
            gone.why = parse_why(ap_json_get_string(item, "why", AP_JSON_MAX_TEXT));
            g_array_append_val(self->gone, gone);
        }
    }
}

static void
read_you(ApOffer *self, ApJson *you)
{
    ApDrop why = AP_DROP_ENDPOINT;

    if (you != NULL && !ap_json_as_endpoint(you, &self->you, &why))
        self->dropped[why]++;
}

/**
 * Reads the body of an answer with status 200 (coordination-protocol.md 3 and 6).
 *
 * @text: @n_bytes bytes from an untrusted server; needs no final NUL
 * @error: AP_ERROR_INVALID when the body as a whole is not strict JSON, no object, or has no
 *     array "peers"
 *
 * A bad entry is dropped alone and counted in @dropped; so is a bad address or endpoint inside
 * an entry. Unknown members are ignored, and so are members of version 2 that make no sense.
 * Only the form is judged here: whether an address may be used is helper/core/guard.h's.
 *
 * Returns: (transfer full)
 */
ApOffer *
ap_offer_from_json(const char *text, gsize n_bytes, GError **error)
{
    g_autoptr(ApJson) json = ap_json_parse(text, n_bytes, MAX_ANSWER_VALUES, error);
    g_autoptr(ApOffer) self = ap_offer_new();

    if (json == NULL)
        return NULL;

    ApJson *peers = ap_json_get_array(json, "peers");
    if (peers == NULL) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, "the answer has no list of peers");
        return NULL;
    }

    const guint version = get_uint(json, "v", G_MAXUINT16);
    self->version = version >= AP_COORD_VERSION ? version : 0;
    if (!ap_json_get_token(json, "etag", self->etag))
        self->etag[0] = '\0';
    self->poll_sec = get_uint(json, "poll", MAX_SECONDS);
    read_you(self, ap_json_member(json, "you"));
    read_peers(self, peers);
    read_gone(self, ap_json_get_array(json, "gone"));
    return g_steal_pointer(&self);
}
