/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A hub and two leaves, each with the gossip of one tunnel, and between them a wire in memory. */

#include "common/clock.h"
#include "common/error.h"
#include "common/random.h"
#include "common/wireguard/fake.h"
#include "helper/engine/configuration.h"
#include "helper/engine/gossipers.h"
#include "tests/unit/gossip-scene.h"

#define IFINDEX 7
#define PORT 51820

enum {
    HUB,
    ANNA,
    BEN,
    N_NODES,
};

/** One end's socket. */
typedef struct {
    guint node;
    ApGossipSocketFunc received;
    gpointer user_data;
} Socket;

typedef struct {
    guint to;
    ApAddr from;
    GByteArray *payload; /* (owned) */
} Datagram;

typedef struct {
    GossipNode id;
    ApWireguard *wireguard;
    ApGossipers *gossipers;
    Socket *socket; /* (owned by the gossipers) NULL: closed */
    guint n_opened;
    guint n_decide;
    GPtrArray *links;
} Node;

typedef struct {
    Node nodes[N_NODES];
    ApPolicy *policy;
    GArray *wire; /* (element-type Datagram) */
    gboolean refuses;
} Net;

static Net net;

static guint
node_of(const ApAddr *link_local)
{
    for (guint i = 0; i < N_NODES; i++) {
        if (ap_addr_equal(&net.nodes[i].id.link_local, link_local))
            return i;
    }
    g_error("a datagram to nobody");
}

static gpointer
open_fake(guint32 ifindex,
          const ApAddr *local,
          guint16 port,
          ApGossipSocketFunc received,
          gpointer user_data,
          GError **error)
{
    const guint node = node_of(local);

    g_assert_cmpuint(ifindex, ==, IFINDEX);
    g_assert_cmpuint(port, ==, 51821);
    if (net.refuses) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_FAILED, "the port is taken");
        return NULL;
    }

    g_assert_null(net.nodes[node].socket);
    net.nodes[node].socket = g_new0(Socket, 1);
    *net.nodes[node].socket = (Socket){node, received, user_data};
    net.nodes[node].n_opened++;
    return net.nodes[node].socket;
}

static gboolean
send_fake(gpointer data,
          const ApAddr *to,
          const guint8 *payload,
          gsize n_bytes,
          G_GNUC_UNUSED GError **error)
{
    const Socket *socket = data;
    const Datagram datagram = {
        .to = node_of(to),
        .from = net.nodes[socket->node].id.link_local,
        .payload = g_byte_array_append(g_byte_array_new(), payload, (guint) n_bytes),
    };

    g_array_append_val(net.wire, datagram);
    return TRUE;
}

static void
close_fake(gpointer data)
{
    const Socket *socket = data;

    net.nodes[socket->node].socket = NULL;
    g_free(data);
}

static const ApGossiperOps ops = {open_fake, send_fake, close_fake, ap_random_fill};

static void
on_heard(gboolean decide, gpointer user_data)
{
    net.nodes[GPOINTER_TO_UINT(user_data)].n_decide += decide;
}

/* 192.168.77.10 and so on, with a default route. */
static GPtrArray *
make_links(guint node)
{
    GPtrArray *links = g_ptr_array_new_with_free_func((GDestroyNotify) ap_link_free);
    ApLink *link = ap_link_new(2);
    const ApLinkAddress address = {
        .addr = {AF_INET, {192, 168, 77, (guint8) (10 + node)}},
        .prefix_len = 24,
    };

    link->kind = AP_LINK_KIND_ETHERNET;
    link->running = TRUE;
    link->route4 = (ApDefaultRoute){.gateway = {AF_INET, {192, 168, 77, 1}}, .metric = 100};
    g_array_append_val(link->addresses, address);
    g_ptr_array_add(links, link);
    return links;
}

/* @allowed: beside the link-local address */
static void
add_peer(guint node, guint peer_node, const char *allowed)
{
    const ApKey *key = &net.nodes[peer_node].id.key;
    g_autoptr(ApDevicePeer) peer = ap_device_peer_new(key);
    const ApCidr host = ap_cidr_host(&net.nodes[peer_node].id.link_local);
    ApCidr network;

    g_assert_true(ap_cidr_parse(&network, allowed, NULL));
    g_array_append_val(peer->allowed, network);
    g_array_append_val(peer->allowed, host);
    g_assert_true(ap_endpoint_parse(&peer->endpoint, "198.51.100.7:51820", NULL));
    peer->handshake_real_usec = ap_clock_now().real_usec;
    ap_wireguard_fake_add_peer(net.nodes[node].wireguard, IFINDEX, peer);
}

static void
set_up(G_GNUC_UNUSED gpointer fixture, G_GNUC_UNUSED gconstpointer data)
{
    net = (Net){
        .policy = ap_config_defaults(),
        .wire = g_array_new(FALSE, TRUE, sizeof(Datagram)),
    };
    for (guint i = 0; i < N_NODES; i++) {
        Node *node = &net.nodes[i];

        gossip_node_init(&node->id, i + 1);
        node->links = make_links(i);
        node->wireguard = ap_wireguard_fake_new();
        (void) ap_wireguard_fake_add_device(node->wireguard, IFINDEX, "wg0", NULL, PORT);
        ap_wireguard_fake_set_secret(node->wireguard, IFINDEX, &node->id.secret);
        node->gossipers = ap_gossipers_new(&ops, node->wireguard, on_heard, GUINT_TO_POINTER(i));
    }
    add_peer(HUB, ANNA, "10.9.0.11/32");
    add_peer(HUB, BEN, "10.9.0.12/32");
    add_peer(ANNA, HUB, "10.9.0.0/24");
    add_peer(BEN, HUB, "10.9.0.0/24");
}

static void
tear_down(G_GNUC_UNUSED gpointer fixture, G_GNUC_UNUSED gconstpointer data)
{
    for (guint i = 0; i < N_NODES; i++) {
        Node *node = &net.nodes[i];

        ap_gossipers_free(node->gossipers);
        g_assert_null(node->socket);
        ap_wireguard_free(node->wireguard);
        g_ptr_array_unref(node->links);
    }
    for (guint i = 0; i < net.wire->len; i++)
        g_byte_array_unref(g_array_index(net.wire, Datagram, i).payload);
    g_array_unref(net.wire);
    ap_policy_free(net.policy);
}

/* A turn of that node; the plan wishes gossip or not, and has a direct path to a peer or none. */
static void
turn_with(guint number, gboolean gossips, const ApKey *direct)
{
    Node *node = &net.nodes[number];
    const ApDeviceId id = {.ifindex = IFINDEX, .name = "wg0", .backend = AP_BACKEND_FAKE};
    g_autoptr(GPtrArray) devices = g_ptr_array_new_with_free_func((GDestroyNotify) ap_device_free);
    g_autoptr(GArray) owned = g_array_new(FALSE, TRUE, sizeof(ApOwned));
    g_autoptr(GArray) paths = g_array_new(FALSE, TRUE, sizeof(ApPath));
    g_autoptr(GArray) tunnels = g_array_new(FALSE, TRUE, sizeof(ApTunnel));
    const ApTunnel tunnel = {
        .ifindex = IFINDEX,
        .managed = number != HUB,
        .hub = net.nodes[HUB].id.key,
        .gossips = gossips,
    };
    const ApPlan plan = {.tunnels = tunnels, .paths = paths};
    const ApWorld world = {.links = node->links, .devices = devices, .owned = owned};

    if (direct != NULL) {
        const ApPath path = {.ifindex = IFINDEX, .key = *direct, .state = AP_PATH_DIRECT};

        g_array_append_val(paths, path);
    }
    g_array_append_val(tunnels, tunnel);
    g_ptr_array_add(devices, ap_wireguard_read(node->wireguard, &id, NULL));
    ap_gossipers_match(node->gossipers, &world, &plan, net.policy, ap_clock_now());
}

static void
turn(guint number, gboolean gossips)
{
    turn_with(number, gossips, NULL);
}

/* Delivers what is under way, and lets those decide who want to, until all is quiet. */
static void
settle(void)
{
    guint n_rounds = 0;

    while (net.wire->len > 0) {
        const Datagram datagram = g_array_index(net.wire, Datagram, 0);
        Node *node = &net.nodes[datagram.to];

        g_assert_cmpuint(n_rounds++, <, 100);
        g_array_remove_index(net.wire, 0);
        if (node->socket != NULL)
            node->socket->received(&datagram.from,
                                   datagram.payload->data,
                                   datagram.payload->len,
                                   node->socket->user_data);
        g_byte_array_unref(datagram.payload);
        if (node->n_decide > 0)
            turn(datagram.to, TRUE);
        node->n_decide = 0;
    }
}

static GArray *
list(guint node)
{
    GArray *candidates = g_array_new(FALSE, TRUE, sizeof(ApCandidate));

    ap_gossipers_list(net.nodes[node].gossipers, candidates);
    return candidates;
}

static void
test_hub_brings_two_together(G_GNUC_UNUSED gpointer fixture, G_GNUC_UNUSED gconstpointer data)
{
    const ApEndpoint lan = {.addr = {AF_INET, {192, 168, 77, 10 + BEN}}, .port = PORT};
    g_autoptr(GArray) candidates = NULL;
    const ApCandidate *ben;

    for (guint i = 0; i < N_NODES; i++)
        turn(i, TRUE);
    settle();
    candidates = list(ANNA);
    g_assert_cmpuint(candidates->len, ==, 1);
    ben = &g_array_index(candidates, ApCandidate, 0);
    g_assert_cmpuint(ben->ifindex, ==, IFINDEX);
    g_assert_true(ap_key_equal(&ben->key, &net.nodes[BEN].id.key));
    g_assert_cmpuint(ben->sources, ==, AP_SOURCE_GOSSIP);
    g_assert_cmpuint(ben->n_addresses, ==, 1);
    g_assert_true(ben->speaks_bfd);

    /* Where he says that he is, and where the hub sees him. */
    g_assert_cmpuint(ben->n_endpoints, ==, 2);
    g_assert_true(ap_endpoint_equal(&ben->endpoints[0], &lan)
                  || ap_endpoint_equal(&ben->endpoints[1], &lan));
}

/* On a hub everybody is configured: nobody is told to it as a member. */
static void
test_hub_itself_learns_of_nobody(G_GNUC_UNUSED gpointer fixture, G_GNUC_UNUSED gconstpointer data)
{
    g_autoptr(GArray) candidates = NULL;

    for (guint i = 0; i < N_NODES; i++)
        turn(i, TRUE);
    settle();
    candidates = list(HUB);
    g_assert_cmpuint(candidates->len, ==, 0);
}

static void
test_hub_knows_that_it_is_one(G_GNUC_UNUSED gpointer fixture, G_GNUC_UNUSED gconstpointer data)
{
    turn(HUB, TRUE);
    g_assert_false(ap_gossipers_is_hub(IFINDEX, net.nodes[HUB].gossipers));
    turn(ANNA, TRUE);
    settle();
    g_assert_true(ap_gossipers_is_hub(IFINDEX, net.nodes[HUB].gossipers));
    g_assert_false(ap_gossipers_is_hub(IFINDEX, net.nodes[ANNA].gossipers));
    turn(HUB, FALSE);
    g_assert_false(ap_gossipers_is_hub(IFINDEX, net.nodes[HUB].gossipers));
}

/* Whoever comes first is told again by who comes later. */
static void
test_order_does_not_matter(G_GNUC_UNUSED gpointer fixture, G_GNUC_UNUSED gconstpointer data)
{
    static const guint orders[][N_NODES] = {{HUB, ANNA, BEN}, {BEN, ANNA, HUB}, {ANNA, HUB, BEN}};

    for (gsize i = 0; i < G_N_ELEMENTS(orders); i++) {
        g_autoptr(GArray) annas = NULL;
        g_autoptr(GArray) bens = NULL;

        for (guint j = 0; j < N_NODES; j++) {
            turn(orders[i][j], TRUE);
            settle();
        }
        annas = list(ANNA);
        bens = list(BEN);
        g_test_message("order %" G_GSIZE_FORMAT, i);
        g_assert_cmpuint(annas->len, ==, 1);
        g_assert_cmpuint(bens->len, ==, 1);
        for (guint j = 0; j < N_NODES; j++)
            turn(j, FALSE);
    }
}

static gint64
anna_doubted_by_ben(void)
{
    g_autoptr(GArray) candidates = list(BEN);

    g_assert_cmpuint(candidates->len, ==, 1);
    return g_array_index(candidates, ApCandidate, 0).doubted_boot_usec;
}

/* Nobody else can tell Ben: what Anna sends by the hub is refused as long as he believes in the
 * path. */
static void
test_lost_path_reaches_the_far_end(G_GNUC_UNUSED gpointer fixture, G_GNUC_UNUSED gconstpointer data)
{
    const ApKey *ben = &net.nodes[BEN].id.key;
    gint64 wait;

    for (guint i = 0; i < N_NODES; i++)
        turn(i, TRUE);
    settle();
    turn_with(ANNA, TRUE, ben);
    g_assert_cmpuint(net.wire->len, ==, 0);
    turn(ANNA, TRUE);
    settle();
    g_assert_cmpint(anna_doubted_by_ben(), >, 0);

    /* The next one has to wait, and is not forgotten. */
    turn_with(ANNA, TRUE, ben);
    turn(ANNA, TRUE);
    g_assert_cmpuint(net.wire->len, ==, 0);
    wait = ap_gossipers_deadline(net.nodes[ANNA].gossipers) - ap_clock_now().boot_usec;
    g_assert_cmpint(wait, >, 10 * AP_USEC_PER_SEC);
    g_assert_cmpint(wait, <=, 15 * AP_USEC_PER_SEC);
}

static void
test_idle_net_is_quiet(G_GNUC_UNUSED gpointer fixture, G_GNUC_UNUSED gconstpointer data)
{
    ApInstant now;

    for (guint i = 0; i < N_NODES; i++)
        turn(i, TRUE);
    settle();
    now = ap_clock_now();
    for (guint i = 0; i < N_NODES; i++) {
        const gint64 wait = ap_gossipers_deadline(net.nodes[i].gossipers) - now.boot_usec;

        g_test_message("node %u waits %" G_GINT64_FORMAT " ms", i, wait / AP_USEC_PER_MSEC);
        g_assert_cmpint(wait, >, (i == HUB ? 9 : 20) * AP_USEC_PER_SEC);
        turn(i, TRUE);
        g_assert_cmpuint(net.wire->len, ==, 0);
    }
}

/* Security rule G11. */
static void
test_another_key_is_another_gossip(G_GNUC_UNUSED gpointer fixture, G_GNUC_UNUSED gconstpointer data)
{
    Node *anna = &net.nodes[ANNA];
    g_autoptr(GArray) candidates = NULL;

    for (guint i = 0; i < N_NODES; i++)
        turn(i, TRUE);
    settle();
    gossip_node_init(&anna->id, 77);
    ap_wireguard_fake_set_secret(anna->wireguard, IFINDEX, &anna->id.secret);
    turn(ANNA, TRUE);
    g_assert_cmpuint(anna->n_opened, ==, 2);
    candidates = list(ANNA);
    g_assert_cmpuint(candidates->len, ==, 0);
}

static void
test_not_wished_is_silent(G_GNUC_UNUSED gpointer fixture, G_GNUC_UNUSED gconstpointer data)
{
    turn(ANNA, TRUE);
    g_assert_nonnull(net.nodes[ANNA].socket);
    turn(ANNA, FALSE);
    g_assert_null(net.nodes[ANNA].socket);
    g_assert_cmpint(ap_gossipers_deadline(net.nodes[ANNA].gossipers), ==, AP_NEVER);
}

static void
test_socket_is_tried_again(G_GNUC_UNUSED gpointer fixture, G_GNUC_UNUSED gconstpointer data)
{
    gint64 wait;

    net.refuses = TRUE;
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*the port is taken*");
    turn(ANNA, TRUE);
    turn(ANNA, TRUE);
    g_test_assert_expected_messages();
    wait = ap_gossipers_deadline(net.nodes[ANNA].gossipers) - ap_clock_now().boot_usec;
    g_assert_cmpint(wait, >, 5 * AP_USEC_PER_SEC);
    g_assert_cmpint(wait, <=, 10 * AP_USEC_PER_SEC);

    net.refuses = FALSE;
    turn(ANNA, TRUE);
    g_assert_nonnull(net.nodes[ANNA].socket);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(gpointer fixture, gconstpointer data);
    } cases[] = {
        {"/gossipers/hub-brings-two-together", test_hub_brings_two_together},
        {"/gossipers/hub-itself-learns-of-nobody", test_hub_itself_learns_of_nobody},
        {"/gossipers/hub-knows-that-it-is-one", test_hub_knows_that_it_is_one},
        {"/gossipers/order-does-not-matter", test_order_does_not_matter},
        {"/gossipers/lost-path-reaches-the-far-end", test_lost_path_reaches_the_far_end},
        {"/gossipers/idle-net-is-quiet", test_idle_net_is_quiet},
        {"/gossipers/another-key-is-another-gossip", test_another_key_is_another_gossip},
        {"/gossipers/not-wished-is-silent", test_not_wished_is_silent},
        {"/gossipers/socket-is-tried-again", test_socket_is_tried_again},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        g_test_add_vtable(cases[i].name, 0, NULL, set_up, cases[i].run, tear_down);
    return g_test_run();
}
