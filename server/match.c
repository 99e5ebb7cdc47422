/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/match.h"

#include <string.h>

/**
 * Most seats looked at for one answer and group. Without it a group full of aliases, which do
 * not see each other, would cost its size with every request. Design rule: four answers' worth.
 */
#define MAX_STEPS (4 * AP_MATCH_MAX_NEIGHBOURS)

/**
 * Most IPv6 networks of an IPv4 client that are indexed: a laptop on cable and on WLAN has two.
 * Each adds a seat per attachment. Design rule.
 */
#define MAX_ALIASES 2

/** Length in bits of an IPv6 network: RFC 4291 2.5.4; the protocol compares this much. */
#define V6_NETWORK_BITS 64

/** What the members of a group have in common. */
typedef struct {
    ApAddr public; /* IPv4, or the first address of an IPv6 /64 */
    ApAddr gateway;
    ApCidr network;
} Lan;

/** A member that left, for those who were there before. */
typedef struct {
    ApKey key;
    ApGoneWhy why;
    gboolean is_alias;
    ApPass pass; /* by the rules of that time */
    guint epoch;
    guint64 serial;
    gint64 until_boot_usec;
} Departure;

struct _ApGroup {
    Lan lan;
    GQueue members; /* of ApSeat, the latest first */
    GQueue holding; /* of ApSeat: those whose client has a poll held */
    GArray *gone;   /* (owned) (nullable) (element-type Departure) the oldest first */
};

struct _ApMatch {
    GHashTable *groups; /* (owned) Lan inside the value → (owned) ApGroup */
    guint64 serial;
    guint64 visit;
    guint epoch;                   /* how often the rules have been changed */
    gint64 former_until_boot_usec; /* until when it is told who may no longer peer */
};

static guint
lan_hash(gconstpointer key)
{
    const Lan *lan = key;
    guint hash = lan->network.prefix_len;

    hash = hash * 31 + ap_addr_hash(&lan->public);
    hash = hash * 31 + ap_addr_hash(&lan->gateway);
    return hash * 31 + ap_addr_hash(&lan->network.addr);
}

static gboolean
lan_equal(gconstpointer a, gconstpointer b)
{
    const Lan *x = a, *y = b;

    return ap_addr_equal(&x->public, &y->public) && ap_addr_equal(&x->gateway, &y->gateway)
           && ap_cidr_equal(&x->network, &y->network);
}

static void
free_group(gpointer data)
{
    ApGroup *group = data;

    g_clear_pointer(&group->gone, g_array_unref);
    g_free(group);
}

/**
 * Makes an empty index.
 *
 * Returns: (transfer full)
 */
ApMatch *
ap_match_new(void)
{
    ApMatch *self = g_new0(ApMatch, 1);

    self->groups = g_hash_table_new_full(lan_hash, lan_equal, NULL, free_group);
    return self;
}

/**
 * Frees the index. Clients that still have seats must have been taken out before.
 */
void
ap_match_free(ApMatch *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->groups, g_hash_table_unref);
    g_free(self);
}

static ApGroup *
get_group(ApMatch *self, const Lan *lan)
{
    ApGroup *group = g_hash_table_lookup(self->groups, lan);

    if (group != NULL)
        return group;

    group = g_new0(ApGroup, 1);
    group->lan = *lan;
    g_queue_init(&group->members);
    g_queue_init(&group->holding);
    (void) g_hash_table_insert(self->groups, &group->lan, group);
    return group;
}

static ApAddr
public_of(const ApAddr *addr)
{
    return addr->family == AF_INET6 ? ap_cidr_network(addr, V6_NETWORK_BITS).addr : *addr;
}

static ApCidr
network_of(const ApAttachment *attachment)
{
    return ap_cidr_network(&attachment->ip, attachment->prefix_len);
}

static gboolean
holds_addr(const ApAddr *addrs, guint n, const ApAddr *addr)
{
    for (guint i = 0; i < n; i++) {
        if (ap_addr_equal(&addrs[i], addr))
            return TRUE;
    }
    return FALSE;
}

/* The public addresses under which @client is found: its own, then the /64s that it reports. */
static guint
list_publics(const ApClient *client, ApAddr out[static 1 + MAX_ALIASES])
{
    guint n = 0;

    out[n++] = public_of(&client->peer.endpoint.addr);
    if (client->peer.endpoint.addr.family != AF_INET)
        return n;

    for (guint i = 0; i < client->said.n_attachments && n < 1 + MAX_ALIASES; i++) {
        const ApAttachment *attachment = &client->said.attachments[i];
        const ApAddr network = public_of(&attachment->ip);

        if (attachment->ip.family == AF_INET6 && attachment->prefix_len == V6_NETWORK_BITS
            && !holds_addr(out, n, &network))
            out[n++] = network;
    }
    return n;
}

/* Two attachments to one LAN, by cable and by WLAN: the first stands for both. */
static gboolean
is_repeated(const ApRequest *said, guint i)
{
    const ApCidr network = network_of(&said->attachments[i]);

    for (guint j = 0; j < i; j++) {
        const ApCidr earlier = network_of(&said->attachments[j]);

        if (ap_addr_equal(&said->attachments[j].gateway, &said->attachments[i].gateway)
            && ap_cidr_equal(&earlier, &network))
            return TRUE;
    }
    return FALSE;
}

static void
forget_departure(ApGroup *group, const ApKey *key)
{
    for (guint i = group->gone != NULL ? group->gone->len : 0; i > 0; i--) {
        if (ap_key_equal(&g_array_index(group->gone, Departure, i - 1).key, key))
            g_array_remove_index(group->gone, i - 1);
    }
}

/* Those who have been woken need not be found again before they have had a look. */
static gboolean
is_to_be_woken(const ApClient *client)
{
    return client->is_holding && !client->is_woken;
}

static void
sit_down(ApMatch *self, ApSeat *seat, ApClient *client, const Lan *lan)
{
    ApGroup *group = get_group(self, lan);

    seat->client = client;
    seat->group = group;
    seat->serial = self->serial;
    seat->member_link.data = seat;
    seat->holding_link.data = seat;
    forget_departure(group, &client->peer.key);
    g_queue_push_head_link(&group->members, &seat->member_link);
    if (is_to_be_woken(client))
        g_queue_push_head_link(&group->holding, &seat->holding_link);
}

/**
 * Lists @client by what it said and by its public address, in front of those who came before.
 *
 * @client: without seats; keeps its place in memory until it is taken out
 *
 * A client whose public address is not known, or without attachments, is listed nowhere.
 */
void
ap_match_put(ApMatch *self, ApClient *client)
{
    const ApRequest *said = &client->said;
    ApAddr publics[1 + MAX_ALIASES];

    g_return_if_fail(client->seats == NULL);

    self->serial++;
    if (!ap_endpoint_is_set(&client->peer.endpoint) || said->n_attachments == 0)
        return;

    const guint n_publics = list_publics(client, publics);
    client->seats = g_new0(ApSeat, n_publics * said->n_attachments);
    for (guint i = 0; i < said->n_attachments; i++) {
        const ApCidr network = network_of(&said->attachments[i]);

        if (is_repeated(said, i))
            continue;
        for (guint j = 0; j < n_publics; j++) {
            const Lan lan = {publics[j], said->attachments[i].gateway, network};
            ApSeat *seat = &client->seats[client->n_seats++];

            seat->attachment = i;
            seat->is_alias = j > 0;
            sit_down(self, seat, client, &lan);
        }
    }
}

static void
stand_up(ApMatch *self, ApSeat *seat)
{
    ApGroup *group = seat->group;

    g_queue_unlink(&group->members, &seat->member_link);
    if (is_to_be_woken(seat->client))
        g_queue_unlink(&group->holding, &seat->holding_link);
    g_clear_pointer(&seat->text, g_free);

    /* nobody is left who could be told of those who left */
    if (group->members.length == 0)
        (void) g_hash_table_remove(self->groups, &group->lan);
}

/**
 * Takes @client out of the index without a word to its neighbours.
 */
void
ap_match_take(ApMatch *self, ApClient *client)
{
    for (guint i = 0; i < client->n_seats; i++)
        stand_up(self, &client->seats[i]);
    g_clear_pointer(&client->seats, g_free);
    client->n_seats = 0;
}

static void
note_departure(ApMatch *self, const ApSeat *seat, ApGoneWhy why, ApInstant now)
{
    ApGroup *group = seat->group;
    const Departure departure = {
        .key = seat->client->peer.key,
        .why = why,
        .is_alias = seat->is_alias,
        .pass = seat->client->pass,
        .epoch = self->epoch,
        .serial = self->serial,
        .until_boot_usec = now.boot_usec + AP_REGISTRY_REMEMBER_USEC,
    };

    if (group->gone == NULL)
        group->gone = g_array_new(FALSE, FALSE, sizeof(Departure));
    if (group->gone->len == AP_MATCH_MAX_GONE)
        g_array_remove_index(group->gone, 0);
    g_array_append_val(group->gone, departure);
}

/**
 * Takes @client out of the index and lets its neighbours know: see ap_match_gone().
 */
void
ap_match_bury(ApMatch *self, ApClient *client, ApGoneWhy why, ApInstant now)
{
    self->serial++;
    for (guint i = 0; i < client->n_seats; i++)
        note_departure(self, &client->seats[i], why, now);
    ap_match_take(self, client);
}

/* Whether the others of the group have room for @mine in an answer of theirs. */
static gboolean
is_in_sight(const ApSeat *mine)
{
    guint rank = 0;

    if (mine->group->members.length <= AP_MATCH_MAX_NEIGHBOURS)
        return TRUE;

    for (GList *l = mine->group->members.head; rank < AP_MATCH_MAX_NEIGHBOURS; l = l->next) {
        if (l->data == mine)
            return TRUE;
        rank++;
    }
    return FALSE;
}

static gboolean
may_see(const ApSeat *mine, const ApSeat *other)
{
    return !(mine->is_alias && other->is_alias)
           && ap_pass_allows(&mine->client->pass, &other->client->pass);
}

static void
walk_group(const ApMatch *self, const ApSeat *mine, ApInstant now, GArray *out)
{
    const gboolean in_sight = is_in_sight(mine);
    guint n_steps = 0;

    for (GList *l = mine->group->members.head; l != NULL; l = l->next) {
        ApSeat *seat = l->data;
        ApClient *client = seat->client;

        if (out->len == AP_MATCH_MAX_NEIGHBOURS || n_steps++ == MAX_STEPS)
            return;
        if (client->visit == self->visit || !may_see(mine, seat))
            continue;

        client->visit = self->visit;
        if (ap_client_is_alive(client, now)) {
            const ApNeighbour found = {
                .seat = seat,
                .mutual = in_sight && client->told >= mine->serial,
                .tie = ap_ties_find(client->ties, &mine->client->peer.key),
            };

            g_array_append_val(out, found);
        }
    }
}

/**
 * Finds the neighbours of @asker, each once, by the first attachment of @asker that they share.
 *
 * @out: (element-type ApNeighbour): at most AP_MATCH_MAX_NEIGHBOURS; valid until the index changes
 */
void
ap_match_neighbours(ApMatch *self, ApClient *asker, ApInstant now, GArray *out)
{
    asker->visit = ++self->visit;
    for (guint i = 0; i < asker->n_seats; i++)
        walk_group(self, &asker->seats[i], now, out);
}

static gboolean
is_told(const GArray *out, const ApKey *key)
{
    for (guint i = 0; i < out->len; i++) {
        if (ap_key_equal(&g_array_index(out, ApOfferGone, i).key, key))
            return TRUE;
    }
    return FALSE;
}

static void
tell_gone(GArray *out, const ApKey *key, ApGoneWhy why)
{
    const ApOfferGone told = {*key, why};

    if (out->len < AP_MATCH_MAX_GONE && !is_told(out, key))
        g_array_append_val(out, told);
}

/* Whether @asker knew of somebody who left, as far as the rules go. */
static gboolean
was_allowed(const ApMatch *self, const ApClient *asker, const Departure *departure)
{
    if (departure->epoch == self->epoch)
        return ap_pass_allows(&asker->pass, &departure->pass);
    return departure->epoch + 1 == self->epoch && ap_pass_allows(&asker->former, &departure->pass);
}

static void
tell_departures(const ApMatch *self, const ApSeat *mine, ApInstant now, GArray *out)
{
    const GArray *gone = mine->group->gone;

    for (guint i = 0; gone != NULL && i < gone->len; i++) {
        const Departure *departure = &g_array_index(gone, Departure, i);

        if (departure->until_boot_usec > now.boot_usec && departure->serial > mine->serial
            && !(departure->is_alias && mine->is_alias)
            && was_allowed(self, mine->client, departure))
            tell_gone(out, &departure->key, departure->why);
    }
}

/* Those who are still there, and whom the rules no longer allow. */
static void
tell_forbidden(const ApSeat *mine, GArray *out)
{
    guint n_steps = 0;

    for (GList *l = mine->group->members.head; l != NULL && n_steps < MAX_STEPS; l = l->next) {
        const ApSeat *seat = l->data;
        const ApClient *client = seat->client;

        n_steps++;
        if (client != mine->client && !(mine->is_alias && seat->is_alias)
            && ap_pass_allows(&mine->client->former, &client->former)
            && !ap_pass_allows(&mine->client->pass, &client->pass))
            tell_gone(out, &client->peer.key, AP_GONE_POLICY);
    }
}

/**
 * Finds who has left a group of @asker's since @asker sat down in it, and with whom it may no
 * longer peer.
 *
 * @out: (element-type ApOfferGone): at most AP_MATCH_MAX_GONE
 *
 * It is told for AP_REGISTRY_REMEMBER_USEC, not once: an answer may get lost.
 */
void
ap_match_gone(const ApMatch *self, const ApClient *asker, ApInstant now, GArray *out)
{
    for (guint i = 0; i < asker->n_seats; i++) {
        tell_departures(self, &asker->seats[i], now, out);
        if (now.boot_usec < self->former_until_boot_usec)
            tell_forbidden(&asker->seats[i], out);
    }
}

/**
 * Notes that the rules have been changed: what clients may, and might before, is in
 * ApClient.pass and ApClient.former.
 */
void
ap_match_set_rules(ApMatch *self, ApInstant now)
{
    self->epoch++;
    self->former_until_boot_usec = now.boot_usec + AP_REGISTRY_REMEMBER_USEC;
}

/**
 * Notes that @client has got an answer made from the index as it is now.
 */
void
ap_match_tell(const ApMatch *self, ApClient *client)
{
    client->told = self->serial;
}

static void
set_to_be_woken(ApClient *client, gboolean is_to_be)
{
    for (guint i = 0; i < client->n_seats; i++) {
        ApSeat *seat = &client->seats[i];

        if (is_to_be)
            g_queue_push_head_link(&seat->group->holding, &seat->holding_link);
        else
            g_queue_unlink(&seat->group->holding, &seat->holding_link);
    }
}

/**
 * Notes that a poll of @client is being held, or no longer is. A client that was woken is woken
 * again by what happens from here on.
 */
void
ap_match_set_holding(ApClient *client, gboolean is_holding)
{
    const gboolean before = is_to_be_woken(client);

    client->is_holding = is_holding;
    client->is_woken = FALSE;
    if (before != is_holding)
        set_to_be_woken(client, is_holding);
}

/**
 * Finds those whose held poll may have another answer because something about @client changes.
 * Each is found once, until ap_match_set_holding() says that it has had a look: news of a crowd
 * of neighbours cost no more than those of one.
 *
 * @out: (element-type ApKey): appended to
 */
void
ap_match_wake(const ApClient *client, GArray *out)
{
    for (guint i = 0; i < client->n_seats; i++) {
        GList *next;

        for (GList *l = client->seats[i].group->holding.head; l != NULL; l = next) {
            const ApSeat *seat = l->data;

            next = l->next;
            if (seat->client == client || !may_see(seat, &client->seats[i]))
                continue;
            set_to_be_woken(seat->client, FALSE);
            seat->client->is_woken = TRUE;
            g_array_append_val(out, seat->client->peer.key);
        }
    }
}
