/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/sim/edges.h"

#include "common/clock.h"
#include "common/json/offer-json.h"
#include "common/random.h"
#include "helper/engine/apply.h"
#include "helper/io/fetcher.h"
#include "helper/io/ledger-text.h"
#include "helper/io/neighbours.h"
#include "helper/io/passage.h"
#include "tests/sim/judge.h"
#include "tests/sim/tunnel.h"
#include "tests/sim/wire.h"

#include <string.h>

/** Room for a padded packet of BFD, in bytes. */
#define PAYLOAD_BYTES 1500

/** Headers before BFD's payload: IPv6 and UDP, in bytes. */
#define HEADERS_BYTES 48

/** How long a connection is waited for, and an answer beyond the time that was asked for. */
#define CONNECT_USEC (3 * AP_USEC_PER_SEC)
#define EXCHANGE_USEC (5 * AP_USEC_PER_SEC)

/** How long after a change of the network the watch has settled, in microseconds. */
#define NEWS_USEC (30 * AP_USEC_PER_MSEC)

/* --- clock and timer ------------------------------------------------------------------------ */

ApInstant
ap_clock_now(void)
{
    return node_now(stage_current);
}

/* Not random at all: a run can be played again. */
void
ap_random_fill(gpointer out, gsize n_bytes)
{
    for (gsize i = 0; i < n_bytes; i++)
        ((guint8 *) out)[i] = (guint8) stage_random(stage_current->stage, 256);
}

struct _ApBootTimer {
    Node *node;
};

ApBootTimer *
ap_boot_timer_new(ApBootTimerFunc fired, gpointer user_data, GError **error)
{
    ApBootTimer *self = g_new0(ApBootTimer, 1);

    (void) error;
    self->node = stage_current;
    self->node->fired = fired;
    self->node->timer_data = user_data;
    self->node->timer_boot_usec = AP_NEVER;
    return self;
}

void
ap_boot_timer_arm(ApBootTimer *self, gint64 at_boot_usec)
{
    self->node->timer_boot_usec = at_boot_usec;
}

void
ap_boot_timer_free(ApBootTimer *self)
{
    if (self == NULL)
        return;
    self->node->fired = NULL;
    self->node->timer_boot_usec = AP_NEVER;
    g_free(self);
}

/* --- the network ---------------------------------------------------------------------------- */

struct _ApNetwatch {
    Node *node;
};

ApNetwatch *
ap_netwatch_new(ApNetwatchFunc changed, gpointer user_data, GError **error)
{
    ApNetwatch *self = g_new0(ApNetwatch, 1);

    self->node = stage_current;
    self->node->network_changed = changed;
    self->node->network_data = user_data;
    if (!ap_netwatch_refresh(self, error))
        g_clear_pointer(&self, ap_netwatch_free);
    return self;
}

const GPtrArray *
ap_netwatch_get_links(ApNetwatch *self)
{
    return self->node->seen_links;
}

gboolean
ap_netwatch_refresh(ApNetwatch *self, GError **error)
{
    (void) error;
    g_clear_pointer(&self->node->seen_links, g_ptr_array_unref);
    self->node->seen_links = g_ptr_array_ref(self->node->links);
    return TRUE;
}

void
ap_netwatch_free(ApNetwatch *self)
{
    if (self == NULL)
        return;
    self->node->network_changed = NULL;
    g_clear_pointer(&self->node->seen_links, g_ptr_array_unref);
    g_free(self);
}

static void
add_address(ApLink *link, const ApAddr *addr, guint8 prefix_len)
{
    const ApLinkAddress value = {.addr = *addr, .prefix_len = prefix_len};

    g_array_append_val(link->addresses, value);
}

static ApLink *
add_link(GPtrArray *links, guint32 ifindex, const char *name, ApLinkKind kind, guint32 mtu)
{
    ApLink *link = ap_link_new(ifindex);

    (void) g_strlcpy(link->name, name, sizeof(link->name));
    link->kind = kind;
    link->running = TRUE;
    link->mtu = mtu;
    g_ptr_array_add(links, link);
    return link;
}

static ApLink *
find_tunnel(const GPtrArray *links)
{
    return g_ptr_array_index(links, links->len - 1);
}

/* The links of a node as its place makes them; the tunnel's addresses stay as they were. */
void
edges_put_links(Node *node)
{
    g_autoptr(GPtrArray) links = g_ptr_array_new_with_free_func((GDestroyNotify) ap_link_free);
    ApLink *tunnel;

    if (node->site != SITE_NONE) {
        const ApEndpoint own = wire_lan_endpoint(node);
        ApLink *lan = add_link(links, LAN_IFINDEX, "eth0", AP_LINK_KIND_ETHERNET, 1500);

        add_address(lan, &own.addr, 24);
        lan->route4 = (ApDefaultRoute){.gateway = own.addr, .metric = 100};
        lan->route4.gateway.bytes[3] = 1;
    }
    if (node->links != NULL) {
        g_ptr_array_add(links, ap_link_copy(find_tunnel(node->links)));
    } else {
        tunnel = add_link(links, TUNNEL_IFINDEX, "wg0", AP_LINK_KIND_WIREGUARD, TUNNEL_MTU);
        add_address(tunnel, &node->address, 24);
    }

    g_clear_pointer(&node->links, g_ptr_array_unref);
    node->links = g_steal_pointer(&links);
    node->news_usec = node->stage->now_usec + NEWS_USEC;
}

/* Who answers on the LAN, whatever becomes of other packets. */
GArray *
ap_neighbours_read(GError **error)
{
    const Node *node = stage_current;
    GArray *hosts = g_array_new(FALSE, TRUE, sizeof(ApLanHost));

    (void) error;
    for (guint i = 0; i < node->stage->n_nodes; i++) {
        const Node *other = &node->stage->nodes[i];

        if (other != node && wire_share_lan(node, other)) {
            const ApLanHost host = {
                .addr = wire_lan_endpoint(other).addr,
                .presence = node_is_up(other) ? AP_PRESENCE_THERE : AP_PRESENCE_ABSENT,
            };

            g_array_append_val(hosts, host);
        }
    }
    return hosts;
}

struct _ApPassage {
    Node *node;
};

ApPassage *
ap_passage_new(void)
{
    ApPassage *self = g_new0(ApPassage, 1);

    self->node = stage_current;
    return self;
}

void
ap_passage_free(ApPassage *self)
{
    g_free(self);
}

gboolean
ap_passage_read(ApPassage *self, guint32 ifindex, ApPassed *out)
{
    (void) ifindex;
    *out = self->node->passed;
    return TRUE;
}

/* --- addresses ------------------------------------------------------------------------------ */

static int
find_address(const ApLink *link, const ApAddr *addr)
{
    for (guint i = 0; i < link->addresses->len; i++) {
        if (ap_addr_equal(&g_array_index(link->addresses, ApLinkAddress, i).addr, addr))
            return (int) i;
    }
    return -1;
}

static gboolean
refuse(GError **error, ApError code, const char *why)
{
    g_set_error_literal(error, AP_ERROR, (int) code, why);
    return FALSE;
}

static gboolean
edit_addresses(Node *node, const ApAddr *addr, gboolean add)
{
    ApLink *tunnel;
    int at;

    edges_put_links(node);
    tunnel = find_tunnel(node->links);
    at = find_address(tunnel, addr);
    if (add == (at >= 0))
        return FALSE;
    if (add)
        add_address(tunnel, addr, 64);
    else
        g_array_remove_index(tunnel->addresses, (guint) at);
    ap_link_sort(tunnel);
    return TRUE;
}

static gboolean
give_address(guint32 ifindex, const ApAddr *addr, gboolean *was_there, GError **error)
{
    Node *node = stage_current;

    (void) ifindex;
    if (node->is_dead)
        return refuse(error, AP_ERROR_FAILED, "the helper is dead");
    if (!node->has_ipv6)
        return refuse(error, AP_ERROR_UNSUPPORTED, "no IPv6");
    *was_there = !edit_addresses(node, addr, TRUE);
    return TRUE;
}

static gboolean
take_address(guint32 ifindex, const ApAddr *addr, GError **error)
{
    Node *node = stage_current;

    (void) ifindex;
    if (node->is_dead)
        return refuse(error, AP_ERROR_FAILED, "the helper is dead");
    (void) edit_addresses(node, addr, FALSE);
    return TRUE;
}

const ApAddressOps ap_address_system = {.add = give_address, .remove = take_address};
const ApAddressOps *edges_addresses = &ap_address_system;

/* --- sleep ---------------------------------------------------------------------------------- */

struct _ApSleepWatch {
    Node *node;
};

ApSleepWatch *
ap_sleep_watch_new(ApSleepWatchFunc changed, gpointer user_data)
{
    ApSleepWatch *self = g_new0(ApSleepWatch, 1);

    self->node = stage_current;
    self->node->sleeps = changed;
    self->node->sleep_data = user_data;
    return self;
}

void
ap_sleep_watch_release(ApSleepWatch *self)
{
    if (self->node->sleep_at_usec != AP_NEVER)
        self->node->sleep_at_usec = self->node->stage->now_usec;
}

void
ap_sleep_watch_free(ApSleepWatch *self)
{
    if (self == NULL)
        return;
    self->node->sleeps = NULL;
    g_free(self);
}

/* --- the ledger ----------------------------------------------------------------------------- */

struct _ApLedger {
    Node *node;
};

ApLedger *
edges_open_ledger(Node *node)
{
    ApLedger *self = g_new0(ApLedger, 1);

    self->node = node;
    return self;
}

ApHoldings *
ap_ledger_load(ApLedger *self, GPtrArray *warnings, GError **error)
{
    g_autoptr(ApHoldings) holdings = ap_holdings_new();
    const char *text = self->node->ledger;

    (void) warnings;
    if (text != NULL
        && ap_ledger_text_read(text, strlen(text), TUNNEL_IFINDEX, holdings, error)
               != AP_LEDGER_TEXT_OK)
        return NULL;
    return g_steal_pointer(&holdings);
}

gboolean
ap_ledger_store(ApLedger *self,
                const ApDeviceId *id,
                const ApKey *device_key,
                const ApHoldings *holdings,
                GError **error)
{
    if (self->node->is_dead)
        return refuse(error, AP_ERROR_FAILED, "the helper is dead");

    g_clear_pointer(&self->node->ledger, g_free);
    if (holdings->peers->len + holdings->addresses->len + holdings->loans->len > 0)
        self->node->ledger = ap_ledger_text_write(id, device_key, holdings);
    return TRUE;
}

void
ap_ledger_free(ApLedger *self)
{
    g_free(self);
}

/* --- questions to the server ---------------------------------------------------------------- */

struct _ApFetcher {
    Node *node;
};

ApFetcher *
ap_fetcher_new(const char *program)
{
    ApFetcher *self = g_new0(ApFetcher, 1);

    (void) program;
    self->node = stage_current;
    return self;
}

void
ap_fetcher_free(ApFetcher *self)
{
    g_free(self);
}

void
ap_fetch_reply_free(ApFetchReply *self)
{
    if (self == NULL)
        return;
    ap_offer_free(self->offer);
    g_free(self);
}

void
ap_fetcher_ask_async(ApFetcher *self,
                     const ApFetchTarget *target,
                     const ApRequest *request,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
    Stage *stage = self->node->stage;
    const gint64 delay = stage->hub_lanes[self->node->index].delay_usec;
    const gboolean reaches = wire_reaches_hub(self->node);
    Question *question = g_new0(Question, 1);

    (void) target;
    question->node = self->node;
    question->serial = ++stage->n_questions;
    question->task = g_task_new(NULL, cancellable, callback, user_data);
    question->body = ap_request_to_json(request);
    question->reply_usec = AP_NEVER;
    question->arrive_usec = reaches ? stage->now_usec + 3 * delay : AP_NEVER;
    question->until_usec =
        stage->now_usec
        + (reaches ? EXCHANGE_USEC + request->wait_sec * AP_USEC_PER_SEC : CONNECT_USEC);
    g_ptr_array_add(stage->questions, question);
}

ApFetchReply *
ap_fetcher_ask_finish(ApFetcher *self, GAsyncResult *result, GError **error)
{
    (void) self;
    return g_task_propagate_pointer(G_TASK(result), error);
}

void
edges_answer(Question *question, guint status, const char *body, gint64 delay_usec)
{
    question->status = status;
    question->reply = g_strdup(body);
    question->reply_usec = question->node->stage->now_usec + delay_usec;
}

static ApFetchReply *
read_reply(const Question *question, GError **error)
{
    g_autoptr(ApFetchReply) reply = g_new0(ApFetchReply, 1);

    reply->status = question->status;
    reply->connect_usec = 2 * question->node->stage->hub_lanes[question->node->index].delay_usec;
    reply->too_old = question->status == 400 && strstr(question->reply, "too old") != NULL;
    if (question->status == 200) {
        reply->offer = ap_offer_from_json(question->reply, strlen(question->reply), error);
        if (reply->offer == NULL)
            return NULL;
    }
    return g_steal_pointer(&reply);
}

static void
end_question(Question *question, gboolean is_answered)
{
    g_autoptr(GTask) task = g_steal_pointer(&question->task);
    Stage *stage = question->node->stage;
    GError *error = NULL;
    ApFetchReply *reply = NULL;

    if (question->is_there && stage->office != NULL)
        office_withdraw(stage->office, question->serial);
    if (is_answered && question->status != 0) {
        question->node->is_new_here = FALSE;
        reply = read_reply(question, &error);
    } else {
        error = g_error_new_literal(AP_ERROR, AP_ERROR_TIMED_OUT, "the server does not answer");
    }
    g_ptr_array_remove(stage->questions, question);

    if (reply != NULL)
        g_task_return_pointer(task, reply, (GDestroyNotify) ap_fetch_reply_free);
    else
        g_task_return_error(task, error);
    g_free(question->body);
    g_free(question->reply);
    g_free(question);
}

/* Ends what is answered, given up or cancelled, or @all. Returns: TRUE when anything was. */
gboolean
edges_end_questions(Node *node, gboolean all)
{
    GPtrArray *questions = node->stage->questions;
    const gint64 now = node->stage->now_usec;

    for (guint i = 0; i < questions->len; i++) {
        Question *question = g_ptr_array_index(questions, i);
        const gboolean is_answered = question->reply_usec <= now;

        if (question->node != node)
            continue;
        if (all || is_answered || question->until_usec <= now
            || g_cancellable_is_cancelled(g_task_get_cancellable(question->task))) {
            end_question(question, is_answered && !all);
            return TRUE;
        }
    }
    return FALSE;
}

gint64
edges_question_deadline(const Node *node)
{
    gint64 deadline = AP_NEVER;

    for (guint i = 0; i < node->stage->questions->len; i++) {
        const Question *question = g_ptr_array_index(node->stage->questions, i);

        if (question->node == node)
            deadline = MIN(deadline, MIN(question->reply_usec, question->until_usec));
    }
    return deadline;
}

/* --- BFD ------------------------------------------------------------------------------------ */

static gboolean
is_possible(guint32 ifindex, GError **error)
{
    (void) ifindex;
    return stage_current->has_ipv6 || refuse(error, AP_ERROR_UNSUPPORTED, "no IPv6");
}

static gboolean
is_free(guint32 ifindex, GError **error)
{
    (void) ifindex;
    (void) error;
    return TRUE;
}

static gpointer
open_socket(guint32 ifindex,
            const ApAddr *local,
            ApBfdSocketFunc received,
            gpointer user_data,
            GError **error)
{
    Node *node = stage_current;

    (void) ifindex;
    if (!node->has_ipv6 || find_address(find_tunnel(node->links), local) < 0) {
        (void) refuse(error, AP_ERROR_FAILED, "the address is not there");
        return NULL;
    }
    node->hear = received;
    node->hear_data = user_data;
    node->hear_local = *local;
    return node;
}

static gboolean
send_bfd(gpointer socket, const ApAddr *to, const guint8 *payload, gsize n_bytes, GError **error)
{
    Node *node = socket;
    Cargo cargo = {
        .kind = CARGO_BFD,
        .from = node->hear_local,
        .to = *to,
        .n_bytes = (guint) n_bytes + HEADERS_BYTES,
    };
    Tie *tie = tunnel_route(node, to);

    if (node->is_dead || !node->has_ipv6 || tie == NULL || tie == tunnel_hub(node))
        return refuse(error, AP_ERROR_FAILED, "nobody has the address");
    memcpy(cargo.head, payload, sizeof(cargo.head));
    judge_bfd_sent(node, tie, payload, n_bytes);
    return tunnel_send(node, &cargo);
}

static guint64
n_dropped(gpointer socket, ApBfdDrop drop)
{
    (void) socket;
    (void) drop;
    return 0;
}

static guint64
n_refused(gpointer socket, ApBfdRefusal refusal)
{
    (void) socket;
    (void) refusal;
    return 0;
}

static void
close_socket(gpointer socket)
{
    Node *node = socket;

    node->hear = NULL;
}

const ApVoiceOps ap_voice_system = {
    .is_possible = is_possible,
    .is_free = is_free,
    .open = open_socket,
    .send = send_bfd,
    .n_dropped = n_dropped,
    .n_refused = n_refused,
    .close = close_socket,
};

/* --- gossip --------------------------------------------------------------------------------- */

static gpointer
open_gossip(guint32 ifindex,
            const ApAddr *local,
            guint16 port,
            ApGossipSocketFunc received,
            gpointer user_data,
            GError **error)
{
    Node *node = stage_current;

    (void) ifindex;
    (void) port;
    if (!node->has_ipv6 || find_address(find_tunnel(node->links), local) < 0) {
        (void) refuse(error, AP_ERROR_FAILED, "the address is not there");
        return NULL;
    }
    node->gossip_hear = received;
    node->gossip_data = user_data;
    return node;
}

/* The hub has no gossip: what goes there is lost. */
static gboolean
send_gossip(gpointer socket, const ApAddr *to, const guint8 *payload, gsize n, GError **error)
{
    Node *node = socket;
    GPtrArray *letters = node->stage->letters;
    const Cargo cargo = {
        .kind = CARGO_GOSSIP,
        .from = ap_key_link_local(&node->key),
        .to = *to,
        .n_bytes = (guint) n + HEADERS_BYTES,
        .letter = letters->len,
    };

    if (node->is_dead || !node->has_ipv6 || tunnel_route(node, to) == NULL)
        return refuse(error, AP_ERROR_FAILED, "nobody has the address");
    g_ptr_array_add(letters, g_bytes_new(payload, n));
    return tunnel_send(node, &cargo);
}

static void
close_gossip(gpointer socket)
{
    ((Node *) socket)->gossip_hear = NULL;
}

const ApGossiperOps ap_gossiper_system = {
    .open = open_gossip,
    .send = send_gossip,
    .close = close_gossip,
    .randomize = ap_random_fill,
};

/* --- what is heard -------------------------------------------------------------------------- */

static void
read_bfd(Node *node, const Packet *packet)
{
    guint8 payload[PAYLOAD_BYTES] = {0};
    const Cargo *cargo = &packet->cargo;
    Tie *tie = tunnel_find(node, &node->stage->nodes[packet->from].key);
    ApBfdPacket heard;

    memcpy(payload, cargo->head, sizeof(cargo->head));
    if (node->hear == NULL
        || ap_bfd_packet_decode(&heard, payload, cargo->n_bytes - HEADERS_BYTES)
               != AP_BFD_REFUSAL_NONE)
        return;
    if (tie != NULL)
        judge_bfd_heard(node, tie, &heard);
    node->hear(&cargo->from, &heard, node->hear_data);
}

static void
read_gossip(Node *node, const Packet *packet)
{
    GBytes *letter = g_ptr_array_index(node->stage->letters, packet->cargo.letter);
    gsize n;
    const guint8 *payload = g_bytes_get_data(letter, &n);

    if (node->gossip_hear != NULL)
        node->gossip_hear(&packet->cargo.from, payload, n, node->gossip_data);
}

gboolean
edges_has_mail(const Node *node)
{
    return node->inbox->len > 0;
}

/* What came in while nobody read it is read in its order. */
void
edges_read_inbox(Node *node)
{
    while (node->inbox->len > 0) {
        const Packet packet = g_array_index(node->inbox, Packet, 0);

        g_array_remove_index(node->inbox, 0);
        if (packet.cargo.kind == CARGO_GOSSIP)
            read_gossip(node, &packet);
        else
            read_bfd(node, &packet);
    }
}
