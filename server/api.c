/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/api.h"

#include "server/screen.h"

#include <string.h>

struct _ApApi {
    ApRoster *roster;     /* (owned) */
    ApRegistry *registry; /* (owned) */
    ApMatch *match;       /* (owned) */
    ApRules *rules;       /* (owned) */
    GArray *neighbours;   /* (owned) (element-type ApNeighbour) scratch of one answer */
    GArray *gone;         /* (owned) (element-type ApOfferGone) scratch of one answer */
    GArray *turned;       /* (owned) (element-type ApKey) scratch of one request */
    guint8 seed[AP_ANSWER_SEED_LEN];
    gint64 swept_boot_usec;
};

/**
 * Makes a server that knows nobody.
 *
 * @seed: random, from the operating system; makes etags unpredictable and different after a
 *     restart, when the registry is empty and every client should be answered
 *
 * Returns: (transfer full)
 */
ApApi *
ap_api_new(const guint8 seed[static AP_ANSWER_SEED_LEN])
{
    ApApi *self = g_new0(ApApi, 1);

    self->roster = ap_roster_new();
    self->registry = ap_registry_new();
    self->match = ap_match_new();
    self->rules = ap_rules_new();
    self->neighbours = g_array_new(FALSE, FALSE, sizeof(ApNeighbour));
    self->gone = g_array_new(FALSE, FALSE, sizeof(ApOfferGone));
    self->turned = g_array_new(FALSE, FALSE, sizeof(ApKey));
    memcpy(self->seed, seed, sizeof(self->seed));
    return self;
}

void
ap_api_free(ApApi *self)
{
    if (self == NULL)
        return;

    g_autoptr(GPtrArray) clients = g_ptr_array_new();

    ap_registry_collect(self->registry, clients);
    for (guint i = 0; i < clients->len; i++)
        ap_match_take(self->match, g_ptr_array_index(clients, i));
    g_clear_pointer(&self->match, ap_match_free);
    g_clear_pointer(&self->registry, ap_registry_free);
    g_clear_pointer(&self->roster, ap_roster_free);
    g_clear_pointer(&self->rules, ap_rules_free);
    g_clear_pointer(&self->neighbours, g_array_unref);
    g_clear_pointer(&self->gone, g_array_unref);
    g_clear_pointer(&self->turned, g_array_unref);
    g_free(self);
}

/**
 * Tells the server its own addresses on the tunnel: nobody is them, and nobody's LAN is there.
 */
void
ap_api_set_own(ApApi *self, const ApOwnAddress *own, guint n_own)
{
    ap_roster_set_own(self->roster, own, n_own);
}

/**
 * Returns: (transfer none): whom the device knows, valid until the next change
 */
const ApRoster *
ap_api_roster(const ApApi *self)
{
    return self->roster;
}

/** Counts the registered clients, those that left a moment ago among them. */
guint
ap_api_n_clients(const ApApi *self)
{
    return ap_registry_n_clients(self->registry);
}

void
ap_reply_clear(ApReply *self)
{
    if (self->body != NULL)
        (void) g_string_free(self->body, TRUE);
    *self = (ApReply){0};
}

/* Off the list without a word: its neighbours see that it is no longer there. */
static void
unlist(ApApi *self, ApClient *client, GArray *wake)
{
    ap_match_wake(client, wake);
    ap_match_take(self->match, client);
    client->is_listed = FALSE;
}

static void
leave(ApApi *self, ApClient *client, ApGoneWhy why, ApInstant now, GArray *wake)
{
    ap_match_wake(client, wake);
    ap_match_bury(self->match, client, why, now);
    client->is_listed = FALSE;
}

static void
list(ApApi *self, ApClient *client, GArray *wake)
{
    client->pass = ap_rules_judge(self->rules, &client->peer);
    ap_match_put(self->match, client);
    ap_match_wake(client, wake);
    client->is_listed = TRUE;
}

static gboolean
same_addresses(const ApRosterPeer *a, const ApRosterPeer *b)
{
    return a->n_addresses == b->n_addresses
           && memcmp(a->addresses, b->addresses, a->n_addresses * sizeof(ApAddr)) == 0;
}

/*
 * The public address of a listed client has changed. It was the LAN then that the client told us
 * about, so it has to tell us again, unless it did so at the very moment of the change.
 */
static void
move(ApApi *self, ApClient *client, const ApRosterPeer *peer, ApInstant now, GArray *wake)
{
    unlist(self, client, wake);
    client->peer = *peer;
    if (now.boot_usec - client->stored_boot_usec <= AP_API_SETTLE_USEC)
        list(self, client, wake);
}

static void
update_client(ApApi *self, ApClient *client, const ApRosterPeer *peer, ApInstant now, GArray *wake)
{
    const ApEndpoint before = client->peer.endpoint;
    const gboolean has_new_port = before.port != peer->endpoint.port;
    const gboolean was_alive = ap_client_is_alive(client, now);

    if (peer->n_addresses == 0) {
        leave(self, client, AP_GONE_POLICY, now, wake);
        client->peer = *peer;
    } else if (!ap_addr_equal(&before.addr, &peer->endpoint.addr)) {
        move(self, client, peer, now, wake);
    } else if (!same_addresses(&client->peer, peer)
               || (has_new_port && client->said.listen_port == 0)) {
        unlist(self, client, wake);
        client->peer = *peer;
        list(self, client, wake);
    } else {
        client->peer = *peer;
        /* The request may have come before the look that shows the handshake. */
        if (ap_client_is_alive(client, now) != was_alive)
            ap_match_wake(client, wake);
    }

    /* it is told its own public endpoint */
    if (client->is_holding && !ap_endpoint_equal(&before, &client->peer.endpoint))
        g_array_append_val(wake, client->peer.key);
}

static void
rejudge(ApApi *self, ApClient *client)
{
    client->former = client->pass;
    client->pass = ap_rules_judge(self->rules, &client->peer);
    client->told = 0;
}

/**
 * Takes over other rules. Who may no longer peer with a neighbour is told "policy"; nobody has to
 * register again.
 *
 * @rules: (transfer full)
 * @wake: as for ap_api_device_put()
 */
void
ap_api_set_rules(ApApi *self, ApRules *rules, ApInstant now, GArray *wake)
{
    g_autoptr(GPtrArray) clients = g_ptr_array_new();

    ap_rules_free(self->rules);
    self->rules = rules;
    ap_match_set_rules(self->match, now);
    ap_registry_collect(self->registry, clients);
    for (guint i = 0; i < clients->len; i++) {
        ApClient *client = g_ptr_array_index(clients, i);

        rejudge(self, client);
        if (client->is_holding)
            g_array_append_val(wake, client->peer.key);
    }
}

/**
 * Returns: (transfer none): valid until the next change
 */
const ApRules *
ap_api_rules(const ApApi *self)
{
    return self->rules;
}

/**
 * Takes over what the device shows of one peer, new or changed.
 *
 * @wake: (element-type ApKey): those whose held poll must be looked at again are appended; a key
 *     may come more than once
 */
void
ap_api_device_put(ApApi *self, const ApRosterPeer *peer, ApInstant now, GArray *wake)
{
    ApClient *client = ap_registry_find(self->registry, &peer->key);

    ap_roster_put(self->roster, peer);
    if (client == NULL)
        return;

    if (client->is_listed)
        update_client(self, client, peer, now, wake);
    else
        client->peer = *peer;
}

/**
 * Takes over that the device no longer has the peer @key: its neighbours are told "revoked".
 *
 * @wake: as for ap_api_device_put()
 */
void
ap_api_device_remove(ApApi *self, const ApKey *key, ApInstant now, GArray *wake)
{
    ApClient *client = ap_registry_find(self->registry, key);

    if (client != NULL) {
        if (client->is_holding)
            g_array_append_val(wake, *key);
        leave(self, client, AP_GONE_REVOKED, now, wake);
        ap_registry_remove(self->registry, key);
    }
    (void) ap_roster_remove(self->roster, key);
}

/**
 * Forgets who has not been seen for too long.
 *
 * @wake: as for ap_api_device_put()
 */
void
ap_api_sweep(ApApi *self, ApInstant now, GArray *wake)
{
    g_autoptr(GPtrArray) expired = g_ptr_array_new();

    self->swept_boot_usec = now.boot_usec;
    ap_registry_collect_expired(self->registry, now, expired);
    for (guint i = 0; i < expired->len; i++) {
        ApClient *client = g_ptr_array_index(expired, i);
        const ApKey key = client->peer.key;

        unlist(self, client, wake);
        ap_registry_remove(self->registry, &key);
    }
}

/**
 * Makes an answer that is an error, as plain servers write it.
 *
 * @says: without characters that JSON escapes
 * @reply: (out caller-allocates)
 */
void
ap_api_refuse(guint status, const char *says, ApReply *reply)
{
    *reply = (ApReply){.status = status, .body = g_string_new(NULL)};
    g_string_printf(reply->body, "{\"error\": \"%s\"}", says);
}

static ApClient *
apply_change(ApApi *self,
             const ApRequest *request,
             const ApRosterPeer *peer,
             ApInstant now,
             GArray *wake)
{
    ApClient *client = ap_registry_find(self->registry, &request->key);

    if (client != NULL && request->bye)
        leave(self, client, AP_GONE_BYE, now, wake);
    else if (client != NULL)
        unlist(self, client, wake);

    client = ap_registry_store(self->registry, request, peer, now);
    if (!request->bye)
        list(self, client, wake);
    return client;
}

/* Who is at the other end of a path that died has to look at once, and to hear when it is back. */
static void
tie(ApApi *self, ApClient *client, const ApRequest *request, GArray *wake)
{
    g_array_set_size(self->turned, 0);
    ap_client_tie(client, request, self->turned);
    for (guint i = 0; i < self->turned->len; i++) {
        const ApClient *other =
            ap_registry_find(self->registry, &g_array_index(self->turned, ApKey, i));

        if (other != NULL && other->is_holding)
            g_array_append_val(wake, other->peer.key);
    }
}

/* Looks up what @client would be answered; the result is in the scratch arrays until the next. */
static void
look(ApApi *self, ApClient *client, ApInstant now, char etag[static AP_ANSWER_ETAG_LEN])
{
    g_array_set_size(self->neighbours, 0);
    ap_match_neighbours(self->match, client, now, self->neighbours);
    ap_answer_etag(client, self->neighbours, self->seed, etag);
}

static void
write_answer(ApApi *self, ApClient *client, const char *etag, ApInstant now, ApReply *reply)
{
    const ApAnswer answer = {client, self->neighbours, self->gone, etag, now};

    g_array_set_size(self->gone, 0);
    ap_match_gone(self->match, client, now, self->gone);
    reply->status = AP_STATUS_OK;
    reply->body = g_string_sized_new(128 + 256 * self->neighbours->len);
    ap_answer_write(&answer, reply->body);
    (void) g_strlcpy(reply->etag, etag, sizeof(reply->etag));
}

static gboolean
wants_to_wait(const ApRequest *request, const char *etag)
{
    return request->version >= AP_COORD_VERSION && request->wait_sec > 0 && !request->bye
           && strcmp(request->etag, etag) == 0;
}

/**
 * Answers one request and does what it asks for.
 *
 * @request: well-formed; what it says is judged here
 * @source: where the TCP connection comes from; with the device's word on whose address that is,
 *     it is all that says who is asking
 * @reply: (out caller-allocates): to be cleared with ap_reply_clear()
 * @wake: as for ap_api_device_put()
 */
void
ap_api_handle(ApApi *self,
              const ApRequest *request,
              const ApAddr *source,
              ApInstant now,
              ApReply *reply,
              GArray *wake)
{
    const ApRosterPeer *peer = ap_roster_holder(self->roster, source);
    ApRequest said = *request;
    char etag[AP_ANSWER_ETAG_LEN];

    if (peer == NULL || !ap_key_equal(&peer->key, &request->key)
        || ap_roster_is_own(self->roster, source)) {
        ap_api_refuse(AP_STATUS_UNAUTHORIZED, "Invalid client", reply);
        return;
    }

    if (now.boot_usec - self->swept_boot_usec >= AP_API_SWEEP_USEC)
        ap_api_sweep(self, now, wake);

    ApClient *client = ap_registry_find(self->registry, &request->key);
    *reply = (ApReply){.is_newest = TRUE, .n_screened = ap_screen_request(&said, self->roster)};
    switch (ap_registry_judge(client, &said, peer)) {
    case AP_REGISTER_SAME:
        ap_client_touch(client, &said, now);
        tie(self, client, &said, wake);
        break;
    case AP_REGISTER_CHANGED:
        client = apply_change(self, &said, peer, now, wake);
        tie(self, client, &said, wake);
        break;
    case AP_REGISTER_STALE:
        reply->is_newest = FALSE;
        break;
    }

    look(self, client, now, etag);
    ap_match_tell(self->match, client);
    if (reply->is_newest && wants_to_wait(&said, etag)) {
        reply->hold_until_boot_usec =
            now.boot_usec + MIN(said.wait_sec, AP_COORD_MAX_WAIT_SEC) * AP_USEC_PER_SEC;
        (void) g_strlcpy(reply->etag, etag, sizeof(reply->etag));
    } else {
        write_answer(self, client, etag, now, reply);
    }
}

/**
 * Notes that the edge holds a poll of the client @key, or no longer does.
 */
void
ap_api_set_holding(ApApi *self, const ApKey *key, gboolean is_holding)
{
    ApClient *client = ap_registry_find(self->registry, key);

    if (client != NULL)
        ap_match_set_holding(client, is_holding);
}

/**
 * Makes the answer to a poll that has been held.
 *
 * @etag: (nullable): what the client has already; NULL answers in any case
 * @reply: (out caller-allocates): only when the function returns TRUE
 *
 * Returns: FALSE when there is nothing new for it
 */
gboolean
ap_api_recheck(ApApi *self, const ApKey *key, const char *etag, ApInstant now, ApReply *reply)
{
    ApClient *client = ap_registry_find(self->registry, key);
    char new_etag[AP_ANSWER_ETAG_LEN];

    if (client == NULL) {
        ap_api_refuse(AP_STATUS_UNAUTHORIZED, "Invalid client", reply);
        return TRUE;
    }

    look(self, client, now, new_etag);
    ap_match_tell(self->match, client);
    if (etag != NULL && strcmp(etag, new_etag) == 0) {
        ap_match_set_holding(client, TRUE);
        return FALSE;
    }

    *reply = (ApReply){0};
    write_answer(self, client, new_etag, now, reply);
    return TRUE;
}
