/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/registry.h"

#include <string.h>

struct _ApRegistry {
    GHashTable *by_key; /* (owned) ApKey inside the value → (owned) ApClient */
};

static void
free_client(gpointer data)
{
    ApClient *client = data;

    g_clear_pointer(&client->ties, g_array_unref);
    g_free(client);
}

/**
 * Makes an empty registry.
 *
 * Returns: (transfer full)
 */
ApRegistry *
ap_registry_new(void)
{
    ApRegistry *self = g_new0(ApRegistry, 1);

    self->by_key = g_hash_table_new_full(ap_key_hash, ap_key_same, NULL, free_client);
    return self;
}

void
ap_registry_free(ApRegistry *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->by_key, g_hash_table_unref);
    g_free(self);
}

/**
 * Returns: (transfer none) (nullable): valid until the client is removed
 */
ApClient *
ap_registry_find(const ApRegistry *self, const ApKey *key)
{
    return g_hash_table_lookup(self->by_key, key);
}

/** Returns: how many clients are registered */
guint
ap_registry_n_clients(const ApRegistry *self)
{
    return g_hash_table_size(self->by_key);
}

/*
 * "boot" and "seq" order the requests of one client. A sender without them is taken at its word,
 * and so is a number of 0, which says that it does not count.
 */
static gboolean
is_late(const ApClient *client, const ApRequest *request)
{
    if (request->boot[0] == '\0')
        return FALSE;
    if (strcmp(request->boot, client->former_boot) == 0)
        return TRUE;
    if (strcmp(request->boot, client->said.boot) != 0 || request->seq == 0)
        return FALSE;

    return request->seq < client->said.seq
           || (request->seq == client->said.seq && !client->is_listed);
}

static gboolean
same_attachments(const ApRequest *a, const ApRequest *b)
{
    if (a->n_attachments != b->n_attachments)
        return FALSE;

    for (guint i = 0; i < a->n_attachments; i++) {
        const ApAttachment *x = &a->attachments[i];
        const ApAttachment *y = &b->attachments[i];

        if (!ap_addr_equal(&x->ip, &y->ip) || x->prefix_len != y->prefix_len
            || !ap_addr_equal(&x->gateway, &y->gateway))
            return FALSE;
    }
    return TRUE;
}

static gboolean
same_candidates(const ApRequest *a, const ApRequest *b)
{
    if (a->n_candidates != b->n_candidates)
        return FALSE;

    for (guint i = 0; i < a->n_candidates; i++) {
        if (!ap_endpoint_equal(&a->candidates[i].endpoint, &b->candidates[i].endpoint)
            || a->candidates[i].prio != b->candidates[i].prio)
            return FALSE;
    }
    return TRUE;
}

/* What neighbours are shown. The round trip to the hub is not part of it: it never stands still. */
static gboolean
same_contents(const ApRequest *a, const ApRequest *b)
{
    return a->version == b->version && a->listen_port == b->listen_port && a->bfd == b->bfd
           && same_attachments(a, b) && same_candidates(a, b);
}

/**
 * Tells what @request would do, without doing it.
 *
 * @client: (nullable): the sender as it is registered now
 * @peer: the sender as the device shows it now
 */
ApRegister
ap_registry_judge(const ApClient *client, const ApRequest *request, const ApRosterPeer *peer)
{
    if (client == NULL)
        return AP_REGISTER_CHANGED;
    if (is_late(client, request))
        return AP_REGISTER_STALE;
    if (!client->is_listed || request->bye
        || !ap_addr_equal(&client->peer.endpoint.addr, &peer->endpoint.addr)
        || !same_contents(&client->said, request))
        return AP_REGISTER_CHANGED;

    return AP_REGISTER_SAME;
}

static guint
clamp_ttl(guint ttl_sec)
{
    if (ttl_sec == 0)
        return AP_REGISTRY_TTL_SEC;
    return CLAMP(ttl_sec, AP_REGISTRY_MIN_TTL_SEC, AP_REGISTRY_MAX_TTL_SEC);
}

static void
count(ApClient *self, const ApRequest *request)
{
    if (request->boot[0] == '\0')
        return;

    if (self->said.boot[0] != '\0' && strcmp(request->boot, self->said.boot) != 0)
        (void) g_strlcpy(self->former_boot, self->said.boot, sizeof(self->former_boot));
    (void) g_strlcpy(self->said.boot, request->boot, sizeof(self->said.boot));
    self->said.seq = request->seq;
}

/**
 * Takes over all that @request says; whether it may is ap_registry_judge()'s word.
 *
 * The client must not be in the index while its attachments change: see ap_match_take().
 *
 * @request: copied, except for "direct": see ap_client_tie()
 *
 * Returns: (transfer none): the client, new or old
 */
ApClient *
ap_registry_store(ApRegistry *self,
                  const ApRequest *request,
                  const ApRosterPeer *peer,
                  ApInstant now)
{
    ApClient *client = ap_registry_find(self, &request->key);

    if (client == NULL) {
        client = g_new0(ApClient, 1);
        client->peer.key = request->key;
        (void) g_hash_table_insert(self->by_key, &client->peer.key, client);
    }
    g_return_val_if_fail(client->seats == NULL, client);

    ap_client_touch(client, request, now);
    client->peer = *peer;
    client->said = *request;
    client->said.direct = NULL;
    client->stored_boot_usec = now.boot_usec;
    return client;
}

/**
 * Notes that the client has been seen again, and what changes without being news to others.
 */
void
ap_client_touch(ApClient *self, const ApRequest *request, ApInstant now)
{
    self->seen_boot_usec = now.boot_usec;
    self->ttl_sec = clamp_ttl(request->ttl_sec);
    self->said.hub_rtt_ms = request->hub_rtt_ms;
    count(self, request);
}

/**
 * Takes over with whom the client says that it is direct. A client that leaves says nothing of
 * that any more; a restarted one has lost its paths.
 *
 * @turned: (element-type ApKey): those to whom it is news are appended: see ap_ties_update()
 */
void
ap_client_tie(ApClient *self, const ApRequest *request, GArray *turned)
{
    if (request->bye)
        g_clear_pointer(&self->ties, g_array_unref);
    else
        ap_ties_update(&self->ties, request->direct, turned);
}

/**
 * Tells whether the client counts as being there at @now: it has asked lately and has a session.
 *
 * A handshake in the future, after a step of the clock, counts as fresh.
 */
gboolean
ap_client_is_alive(const ApClient *self, ApInstant now)
{
    return now.boot_usec - self->seen_boot_usec < self->ttl_sec * AP_USEC_PER_SEC
           && self->peer.handshake_real_usec != 0
           && now.real_usec - self->peer.handshake_real_usec < AP_REGISTRY_HANDSHAKE_USEC;
}

/**
 * Tells on which port the client listens, as far as is known: what it says itself, else the
 * port that the hub sees, which is another one when a NAT has changed it.
 *
 * Returns: 0 when nothing is known
 */
guint16
ap_client_port(const ApClient *self)
{
    return self->said.listen_port != 0 ? self->said.listen_port : self->peer.endpoint.port;
}

/**
 * Finds all clients.
 *
 * @out: (element-type ApClient): not owned
 */
void
ap_registry_collect(const ApRegistry *self, GPtrArray *out)
{
    GHashTableIter iter;
    gpointer client;

    g_hash_table_iter_init(&iter, self->by_key);
    while (g_hash_table_iter_next(&iter, NULL, &client))
        g_ptr_array_add(out, client);
}

static gboolean
is_over(const ApClient *client, ApInstant now)
{
    if (client->is_listed)
        return !ap_client_is_alive(client, now);
    return now.boot_usec - client->seen_boot_usec >= AP_REGISTRY_REMEMBER_USEC;
}

/**
 * Finds the clients whose time is over: listed ones that are not alive, and those that left
 * AP_REGISTRY_REMEMBER_USEC ago.
 *
 * @out: (element-type ApClient): not owned
 */
void
ap_registry_collect_expired(const ApRegistry *self, ApInstant now, GPtrArray *out)
{
    GHashTableIter iter;
    gpointer client;

    g_hash_table_iter_init(&iter, self->by_key);
    while (g_hash_table_iter_next(&iter, NULL, &client)) {
        if (is_over(client, now))
            g_ptr_array_add(out, client);
    }
}

/**
 * Forgets a client, which must not be in the index any more.
 */
void
ap_registry_remove(ApRegistry *self, const ApKey *key)
{
    (void) g_hash_table_remove(self->by_key, key);
}
