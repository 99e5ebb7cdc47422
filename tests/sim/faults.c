/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/sim/faults.h"

#include "tests/sim/edges.h"
#include "tests/sim/judge.h"
#include "tests/sim/tunnel.h"
#include "tests/sim/wire.h"

#include <stdio.h>
#include <string.h>

/** Names in a script, and how often each is drawn. */
static const struct {
    const char *name;
    guint weight;
} kinds[N_FAULTS] = {
    [FAULT_TALK] = {"talk", 20},
    [FAULT_CUT] = {"cut", 8},
    [FAULT_CUT_BOTH] = {"cut-both", 8},
    [FAULT_HEAL] = {"heal", 14},
    [FAULT_LOSE] = {"lose", 6},
    [FAULT_DELAY] = {"delay", 5},
    [FAULT_NARROW] = {"narrow", 4},
    [FAULT_HUB_CUT] = {"hub-cut", 5},
    [FAULT_HUB_LOSE] = {"hub-lose", 3},
    [FAULT_HUB_DELAY] = {"hub-delay", 3},
    [FAULT_MOVE] = {"move", 5},
    [FAULT_REBIND] = {"rebind", 3},
    [FAULT_SLEEP] = {"sleep", 4},
    [FAULT_FREEZE] = {"freeze", 4},
    [FAULT_STALL] = {"stall", 8},
    [FAULT_CLOCK] = {"clock", 4},
    [FAULT_KILL] = {"kill", 3},
    [FAULT_KILL_HARD] = {"kill-hard", 3},
    [FAULT_KILL_AT_EDIT] = {"kill-at-edit", 4},
    [FAULT_REBOOT] = {"reboot", 2},
    [FAULT_STOP] = {"stop", 2},
    [FAULT_START] = {"start", 5},
    [FAULT_SWITCH] = {"switch", 4},
    [FAULT_RESYNC] = {"resync", 4},
    [FAULT_WIPE] = {"wipe", 4},
    [FAULT_TAKE] = {"take", 1},
    [FAULT_GIVE_BACK] = {"give-back", 3},
    [FAULT_EDIT_FAILS] = {"edit-fails", 3},
    [FAULT_READ_FAILS] = {"read-fails", 3},
    [FAULT_IPV6] = {"ipv6", 2},
    [FAULT_SERVER] = {"server", 4},
    [FAULT_DEAFEN] = {"deafen", 0},
    [FAULT_TAMPER] = {"tamper", 0},
};

/* --- drawing -------------------------------------------------------------------------------- */

static gint
below(GRand *rand, gint n)
{
    return g_rand_int_range(rand, 0, n);
}

static FaultKind
draw_kind(GRand *rand)
{
    gint sum = 0;
    gint at;

    for (guint i = 0; i < N_FAULTS; i++)
        sum += (gint) kinds[i].weight;
    at = below(rand, sum);
    for (guint i = 0; i < N_FAULTS; i++) {
        at -= (gint) kinds[i].weight;
        if (at < 0)
            return i;
    }
    return FAULT_RESYNC;
}

static gint
draw_value(GRand *rand, FaultKind kind)
{
    static const gint periods_msec[] = {0, 0, 50, 100, 200, 500};
    static const gint short_msec[] = {0, 100, 400, 800, 1000, 2000, 10000, 60000};
    static const gint stalls_msec[] = {20, 100, 160, 300, 700, 1000, 2500, 8000};
    static const gint clock_sec[] = {1, -1, 60, -60, 3600, -3600, 86400};

    switch (kind) {
    case FAULT_TALK:
        return periods_msec[below(rand, G_N_ELEMENTS(periods_msec))];
    case FAULT_CUT:
    case FAULT_CUT_BOTH:
        return short_msec[below(rand, G_N_ELEMENTS(short_msec))];
    case FAULT_HUB_CUT:
    case FAULT_SLEEP:
    case FAULT_FREEZE:
        return short_msec[1 + below(rand, G_N_ELEMENTS(short_msec) - 1)];
    case FAULT_STALL:
        return stalls_msec[below(rand, G_N_ELEMENTS(stalls_msec))];
    case FAULT_LOSE:
        return below(rand, 2) * (5 + below(rand, 30));
    case FAULT_HUB_LOSE:
        return below(rand, 2) * (1 + below(rand, 5));
    case FAULT_DELAY:
        return 1 + below(rand, 20);
    case FAULT_HUB_DELAY:
        return 5 + below(rand, 60);
    case FAULT_NARROW:
        return below(rand, 2) == 0 ? 1500 : 1300;
    case FAULT_MOVE:
        return below(rand, 2) == 0 ? 0 : below(rand, STAGE_N_SITES + 1);
    case FAULT_CLOCK:
        return clock_sec[below(rand, G_N_ELEMENTS(clock_sec))];
    case FAULT_KILL:
    case FAULT_KILL_HARD:
        return 200 + below(rand, 5000);
    case FAULT_KILL_AT_EDIT:
        return 1 + below(rand, 4);
    case FAULT_EDIT_FAILS:
        return below(rand, 3);
    case FAULT_SWITCH:
    case FAULT_SERVER:
    case FAULT_IPV6:
        return below(rand, 3) > 0;
    case FAULT_HEAL:
    case FAULT_REBIND:
    case FAULT_REBOOT:
    case FAULT_STOP:
    case FAULT_START:
    case FAULT_RESYNC:
    case FAULT_WIPE:
    case FAULT_TAKE:
    case FAULT_GIVE_BACK:
    case FAULT_READ_FAILS:
    case FAULT_DEAFEN:
    case FAULT_TAMPER:
    case N_FAULTS:
        break;
    }
    return 0;
}

static void
append(GArray *faults, GRand *rand, guint step, FaultKind kind, guint n_nodes)
{
    const guint a = (guint) below(rand, (gint) n_nodes);
    const Fault fault = {
        .step = step,
        .kind = kind,
        .a = a,
        .b = (a + 1 + (guint) below(rand, (gint) n_nodes - 1)) % n_nodes,
        .value = draw_value(rand, kind),
    };

    g_array_append_val(faults, fault);
}

/**
 * Draws what goes wrong: now and then, and mostly several things within a second or two.
 *
 * Returns: (transfer full) (element-type Fault): in the order of their steps
 */
GArray *
faults_draw(guint32 seed, guint n_nodes, guint n_steps)
{
    GRand *rand = g_rand_new_with_seed(seed);
    GArray *faults = g_array_new(FALSE, TRUE, sizeof(Fault));
    guint step = 0;

    for (guint i = 0; i < n_nodes; i++)
        append(faults, rand, 0, FAULT_TALK, n_nodes);
    step = 1 + (guint) below(rand, 200);
    while (step < n_steps) {
        append(faults, rand, step, draw_kind(rand), n_nodes);
        step += (guint) (below(rand, 2) == 0 ? below(rand, 20) : 20 + below(rand, 300));
    }
    g_rand_free(rand);
    return faults;
}

/* --- as text -------------------------------------------------------------------------------- */

void
faults_print(const GArray *faults, GString *out)
{
    for (guint i = 0; i < faults->len; i++) {
        const Fault *fault = &g_array_index(faults, Fault, i);

        g_string_append_printf(out,
                               "%u %s %u %u %d\n",
                               fault->step,
                               kinds[fault->kind].name,
                               fault->a,
                               fault->b,
                               fault->value);
    }
}

static gboolean
parse_line(const char *line, Fault *out)
{
    char name[32];

    if (sscanf(line, "%u %31s %u %u %d", &out->step, name, &out->a, &out->b, &out->value) != 5)
        return FALSE;
    for (guint i = 0; i < N_FAULTS; i++) {
        if (strcmp(name, kinds[i].name) == 0) {
            out->kind = i;
            return out->a < STAGE_MAX_NODES && out->b < STAGE_MAX_NODES;
        }
    }
    return FALSE;
}

/* Returns: (transfer full) (nullable): NULL when a line is none that faults_print() writes */
GArray *
faults_parse(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GArray) faults = g_array_new(FALSE, TRUE, sizeof(Fault));

    for (guint i = 0; lines[i] != NULL; i++) {
        Fault fault;

        if (lines[i][0] == '\0' || lines[i][0] == '#')
            continue;
        if (!parse_line(lines[i], &fault))
            return NULL;
        g_array_append_val(faults, fault);
    }
    return g_steal_pointer(&faults);
}

/* --- happening ------------------------------------------------------------------------------ */

static void
talk(Stage *stage, guint a, guint b, gint msec)
{
    Flow *flow = &stage->flows[a][b];

    if (flow->period_usec == 0) {
        flow->since_usec = stage->now_usec;
        flow->arrived_usec = 0;
    }
    flow->period_usec = msec * AP_USEC_PER_MSEC;
    flow->next_usec = stage->now_usec;
}

static gint64
until(const Stage *stage, gint msec)
{
    return msec == 0 ? AP_NEVER : stage->now_usec + msec * AP_USEC_PER_MSEC;
}

static void
heal(Stage *stage, guint a, guint b)
{
    stage->lanes[a][b] = (Lane){.delay_usec = AP_USEC_PER_MSEC, .mtu = 1500};
    stage->lanes[b][a] = stage->lanes[a][b];
}

static void
change_lan(Stage *stage, const Fault *fault)
{
    Lane *lane = &stage->lanes[fault->a][fault->b];

    if (fault->kind == FAULT_HEAL) {
        heal(stage, fault->a, fault->b);
    } else if (fault->kind == FAULT_LOSE) {
        lane->loss_percent = (guint) fault->value;
    } else if (fault->kind == FAULT_DELAY) {
        lane->delay_usec = lane->jitter_usec = fault->value * AP_USEC_PER_MSEC;
    } else if (fault->kind == FAULT_NARROW) {
        lane->mtu = (guint) fault->value;
    } else {
        lane->cut_until_usec = until(stage, fault->value);
        if (fault->kind == FAULT_CUT_BOTH)
            stage->lanes[fault->b][fault->a].cut_until_usec = lane->cut_until_usec;
    }
}

static void
change_hub(Stage *stage, const Fault *fault)
{
    HubLane *lane = &stage->hub_lanes[fault->a];

    if (fault->kind == FAULT_HUB_CUT)
        lane->cut_until_usec = until(stage, fault->value);
    else if (fault->kind == FAULT_HUB_LOSE)
        lane->loss_percent = (guint) fault->value;
    else
        lane->delay_usec = fault->value * AP_USEC_PER_MSEC;
}

/* As `wg syncconf` and NetworkManager do it. */
static void
wipe(Node *node)
{
    for (guint i = node->ties->len; i > 0; i--) {
        const Tie *tie = g_array_index(node->ties, Tie *, i - 1);
        const ApKey key = tie->key;

        if (!tie->is_foreign)
            tunnel_remove(node, &key);
    }
}

static void
take(Node *node, const Node *other)
{
    g_autofree char *allowed = g_strdup_printf("10.85.0.%u/32,10.99.%u.0/24",
                                               other->address.bytes[3],
                                               other->address.bytes[3]);

    tunnel_configure(node, &other->key, allowed);
}

static void
give_back(Node *node, const Node *other)
{
    const Tie *tie = tunnel_find(node, &other->key);

    if (tie != NULL && tie->is_foreign)
        tunnel_remove(node, &other->key);
}

static void
change_server(Stage *stage, gboolean open)
{
    wire_close_office(stage);
    if (open)
        wire_open_office(stage);
}

static void
kill_helper(Node *node, const Fault *fault)
{
    const gint64 start = fault->value * AP_USEC_PER_MSEC;

    if (fault->kind == FAULT_KILL_AT_EDIT) {
        if (node->engine != NULL)
            node->edits_to_die = fault->value;
        return;
    }
    node_kill(node, fault->kind == FAULT_KILL ? 50 * AP_USEC_PER_MSEC : AP_NEVER, start);
}

/* What a helper must not do, and does here. */
static void
tamper(Node *node)
{
    g_autoptr(ApWireguard) wireguard = tunnel_open(node);
    const ApDeviceId id = {.ifindex = TUNNEL_IFINDEX, .backend = AP_BACKEND_FAKE};
    const ApPeerChange change = {
        .key = tunnel_hub(node)->key,
        .flags = AP_PEER_UPDATE_ONLY | AP_PEER_SET_KEEPALIVE,
        .keepalive_sec = 7,
    };

    if (!ap_wireguard_apply(wireguard, &id, &change, 1, NULL))
        stage_note(node->stage, "node %u: nothing to tamper with", node->index);
}

void
fault_happen(Stage *stage, const Fault *fault)
{
    Node *node = &stage->nodes[fault->a];
    const Node *other = &stage->nodes[fault->b];
    const gint64 usec = fault->value * AP_USEC_PER_MSEC;

    stage_note(stage,
               "fault: %s %u %u %d",
               kinds[fault->kind].name,
               fault->a,
               fault->b,
               fault->value);
    switch (fault->kind) {
    case FAULT_TALK:
        talk(stage, fault->a, fault->b, fault->value);
        break;
    case FAULT_CUT:
    case FAULT_CUT_BOTH:
    case FAULT_HEAL:
    case FAULT_LOSE:
    case FAULT_DELAY:
    case FAULT_NARROW:
        change_lan(stage, fault);
        break;
    case FAULT_HUB_CUT:
    case FAULT_HUB_LOSE:
    case FAULT_HUB_DELAY:
        change_hub(stage, fault);
        break;
    case FAULT_MOVE:
        node_set_site(node, fault->value < STAGE_N_SITES ? (guint) fault->value : SITE_NONE);
        break;
    case FAULT_REBIND:
        node->nat_generation++;
        break;
    case FAULT_SLEEP:
    case FAULT_FREEZE:
        node_sleep(node, usec, fault->kind == FAULT_SLEEP);
        break;
    case FAULT_STALL:
        node_stall(node, usec);
        break;
    case FAULT_CLOCK:
        node->real_offset_usec += fault->value * AP_USEC_PER_SEC;
        break;
    case FAULT_KILL:
    case FAULT_KILL_HARD:
    case FAULT_KILL_AT_EDIT:
        kill_helper(node, fault);
        break;
    case FAULT_REBOOT:
        node_reboot(node);
        break;
    case FAULT_STOP:
        node_stop(node);
        break;
    case FAULT_START:
        node->is_stopped = FALSE;
        node->start_usec = MIN(node->start_usec, stage->now_usec);
        break;
    case FAULT_SWITCH:
        node_set_enabled(node, fault->value);
        break;
    case FAULT_RESYNC:
        node_resync(node);
        break;
    case FAULT_WIPE:
        wipe(node);
        break;
    case FAULT_TAKE:
        take(node, other);
        break;
    case FAULT_GIVE_BACK:
        give_back(node, other);
        break;
    case FAULT_EDIT_FAILS:
        ap_wireguard_fake_fail_apply(node->device, (guint) fault->value, AP_ERROR_FAILED);
        break;
    case FAULT_READ_FAILS:
        ap_wireguard_fake_fail_read(node->device, AP_ERROR_FAILED);
        break;
    case FAULT_IPV6:
        node_set_ipv6(node, fault->value);
        break;
    case FAULT_SERVER:
        change_server(stage, fault->value);
        break;
    case FAULT_DEAFEN:
        node->is_deaf = TRUE;
        break;
    case FAULT_TAMPER:
        tamper(node);
        break;
    case N_FAULTS:
        break;
    }
}

/**
 * Ends what makes chance play a part, and what a machine does not stay in: it wakes, its helper is
 * there, the hub and its server are. Where everybody is, who is switched off or stopped, which
 * lanes are cut for good or narrow: all that stays. Somebody has to ask for a Re-sync where no
 * server ever answered: there it is left alone (decisions.md 15).
 */
void
faults_end(Stage *stage)
{
    for (guint a = 0; a < stage->n_nodes; a++) {
        Node *node = &stage->nodes[a];

        stage->hub_lanes[a] = (HubLane){.delay_usec = 20 * AP_USEC_PER_MSEC};
        for (guint b = 0; b < stage->n_nodes; b++) {
            Lane *lane = &stage->lanes[a][b];

            lane->loss_percent = 0;
            lane->delay_usec = AP_USEC_PER_MSEC;
            lane->jitter_usec = 0;
        }
        node->edits_to_die = 0;
        if (node->engine == NULL && node->start_usec == AP_NEVER && !node->is_stopped)
            node->start_usec = stage->now_usec;
    }
    wire_open_office(stage);
    for (guint i = 0; i < stage->n_nodes; i++) {
        if (stage->nodes[i].is_new_here)
            node_resync(&stage->nodes[i]);
    }
    stage_note(stage, "no more faults");
}

static void
mend_node(Node *node)
{
    Stage *stage = node->stage;

    for (guint i = 0; i < stage->n_nodes; i++)
        give_back(node, &stage->nodes[i]);
    if (node->site != 0)
        node_set_site(node, 0);
    if (!node->has_ipv6)
        node_set_ipv6(node, TRUE);
    if (!node->is_enabled)
        node_set_enabled(node, TRUE);
    node->is_stopped = FALSE;
    if (node->engine == NULL)
        node->start_usec = stage->now_usec;
}

/**
 * Repairs all that faults_end() leaves: everybody is on one LAN that works, switched on, and no
 * administrator is in the way.
 */
void
faults_mend(Stage *stage)
{
    for (guint a = 0; a < stage->n_nodes; a++) {
        mend_node(&stage->nodes[a]);
        for (guint b = 0; b < stage->n_nodes; b++)
            heal(stage, a, b);
    }
    stage_note(stage, "all is well");
}
