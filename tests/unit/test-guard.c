/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/sim.h"

#include <string.h>

/*
 * The host of every case, named as in security.md 3.5: the tunnel 10.85.0.0/24 with the hub at
 * 10.85.0.1, ourselves at 10.85.0.2, a colleague that the administrator configured at .40; the
 * LAN 192.168.77.0/24 with its gateway at .1 and name server at .3, ourselves at .12.
 */
#define TUNNEL 7
#define LAN 2

static const ApInstant now = {.boot_usec = 1000 * AP_USEC_PER_SEC};

typedef struct {
    Sim *sim;
    ApKey own;
    ApKey hub;
    ApKey colleague;
    ApKey peer;
} Fixture;

static void
set_up(Fixture *self, gconstpointer data)
{
    const char *hub_allowed = data != NULL ? data : "10.85.0.0/24,fd85::/64";
    ApLink *lan;

    self->sim = sim_new();
    self->own = sim_key(10);
    self->hub = sim_key(1);
    self->colleague = sim_key(40);
    self->peer = sim_key(34);

    lan = sim_add_lan(self->sim, LAN, "192.168.77.12/24", "192.168.77.1");
    sim_add_address(lan, "fd77::12/64");
    sim_add_address(lan, "2001:db8:77::12/64");
    sim_add_address(lan, "fe80::12/64");
    lan->route6 = (ApDefaultRoute){.gateway = sim_addr("fe80::1"), .metric = 100};
    g_array_append_vals(lan->dns, &(ApAddr[]){sim_addr("192.168.77.3")}, 1);

    sim_add_tunnel(self->sim, TUNNEL, &self->own, "10.85.0.2/24");
    sim_add_address(g_ptr_array_index(self->sim->links, 1), "fd85::2/64");
    g_array_append_vals(((ApLink *) g_ptr_array_index(self->sim->links, 1))->dns,
                        &(ApAddr[]){sim_addr("10.85.0.53")},
                        1);
    sim_add_peer(self->sim, TUNNEL, &self->hub, hub_allowed);
    sim_add_peer(self->sim, TUNNEL, &self->colleague, "10.85.0.40/32,10.85.0.64/28");
}

static void
tear_down(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    sim_free(self->sim);
}

/* The first refusal of @key; AP_REASON_NONE: everything about it was let through. */
static ApReason
first_refusal(const ApPlan *plan, const ApKey *key)
{
    for (guint i = 0; i < plan->refusals->len; i++) {
        const ApRefusal *refusal = &g_array_index(plan->refusals, ApRefusal, i);

        if (ap_key_equal(&refusal->key, key))
            return refusal->reason;
    }
    return AP_REASON_NONE;
}

static gboolean
was_refused(const ApPlan *plan, const ApKey *key, ApReason reason)
{
    for (guint i = 0; i < plan->refusals->len; i++) {
        const ApRefusal *refusal = &g_array_index(plan->refusals, ApRefusal, i);

        if (ap_key_equal(&refusal->key, key) && refusal->reason == reason)
            return TRUE;
    }
    return FALSE;
}

static const struct {
    const char *address;
    ApReason reason;
} address_cases[] = {
    {"10.85.0.34", AP_REASON_NONE},
    {"10.85.0.254", AP_REASON_NONE},
    {"fd85::34", AP_REASON_NONE},

    {"0.0.0.0", AP_REASON_ADDRESS_CLASS},
    {"0.1.2.3", AP_REASON_ADDRESS_CLASS},
    {"127.0.0.1", AP_REASON_ADDRESS_CLASS},
    {"169.254.0.34", AP_REASON_ADDRESS_CLASS},
    {"224.0.0.1", AP_REASON_ADDRESS_CLASS},
    {"240.0.0.1", AP_REASON_ADDRESS_CLASS},
    {"255.255.255.255", AP_REASON_ADDRESS_CLASS},
    {"::", AP_REASON_ADDRESS_CLASS},
    {"::1", AP_REASON_ADDRESS_CLASS},
    {"::ffff:10.85.0.34", AP_REASON_ADDRESS_CLASS},
    {"::10.85.0.34", AP_REASON_ADDRESS_CLASS},
    {"64:ff9b::a55:22", AP_REASON_ADDRESS_CLASS},
    {"fe80::34", AP_REASON_ADDRESS_CLASS},
    {"ff02::1", AP_REASON_ADDRESS_CLASS},

    {"10.85.0.2", AP_REASON_ADDRESS_OWN},
    {"fd85::2", AP_REASON_ADDRESS_OWN},
    {"192.168.77.12", AP_REASON_ADDRESS_OWN},
    {"2001:db8:77::12", AP_REASON_ADDRESS_OWN},

    {"10.85.0.1", AP_REASON_ADDRESS_HUB},
    {"10.85.0.53", AP_REASON_ADDRESS_HUB},
    {"10.85.0.0", AP_REASON_ADDRESS_HUB},
    {"10.85.0.255", AP_REASON_ADDRESS_HUB},
    {"fd85::", AP_REASON_ADDRESS_HUB},
    {"fd85::1", AP_REASON_ADDRESS_HUB}, /* the server's in the family that is not asked */
    {"192.168.77.1", AP_REASON_ADDRESS_HUB},
    {"192.168.77.3", AP_REASON_ADDRESS_HUB},
    {"203.0.113.1", AP_REASON_ADDRESS_HUB},

    {"10.86.0.34", AP_REASON_ADDRESS_OUTSIDE},
    {"8.8.8.8", AP_REASON_ADDRESS_OUTSIDE},
    {"192.168.77.34", AP_REASON_ADDRESS_OUTSIDE},
    {"fd86::34", AP_REASON_ADDRESS_OUTSIDE},
    {"2001:db8::34", AP_REASON_ADDRESS_OUTSIDE},
    {"10.85.0.66", AP_REASON_ADDRESS_OUTSIDE}, /* in the colleague's network, not the hub's */

    {"10.85.0.40", AP_REASON_ADDRESS_TAKEN},
};

static void
test_addresses(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    for (gsize i = 0; i < G_N_ELEMENTS(address_cases); i++) {
        const char *address = address_cases[i].address;
        const gboolean ok = address_cases[i].reason == AP_REASON_NONE;
        g_autoptr(ApPlan) plan = NULL;

        g_test_message("case %s", address);
        g_array_set_size(self->sim->candidates, 0);
        (void) sim_offer(self->sim, TUNNEL, &self->peer, address, "192.168.77.34:51820");
        plan = sim_plan(self->sim, now);

        g_assert_cmpstr(ap_reason_name(first_refusal(plan, &self->peer)),
                        ==,
                        ap_reason_name(address_cases[i].reason));
        g_assert_cmpuint(plan->changes->len, ==, ok ? 1 : 0);
        g_assert_cmpstr(ap_reason_name(sim_verdict(plan, TUNNEL, &self->peer)->reason),
                        ==,
                        ok ? "probing" : "address-none");
    }
}

static void
test_one_bad_address_drops_itself_alone(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    ApCandidate *candidate =
        sim_offer(self->sim, TUNNEL, &self->peer, "10.85.0.1", "192.168.77.34:51820");
    const ApVerdict *verdict;
    g_autoptr(ApPlan) plan = NULL;

    candidate->addresses[candidate->n_addresses++] = sim_addr("10.85.0.34");
    candidate->endpoints[candidate->n_endpoints++] = sim_endpoint("192.168.77.1:51820");
    plan = sim_plan(self->sim, now);
    verdict = sim_verdict(plan, TUNNEL, &self->peer);

    g_assert_cmpuint(verdict->n_addresses, ==, 1);
    g_assert_true(ap_addr_equal(&verdict->addresses[0], &candidate->addresses[1]));
    g_assert_cmpuint(plan->refusals->len, ==, 2);
    g_assert_cmpuint(plan->changes->len, ==, 1);
}

/* The hub routes everything. Only the tunnel's own network, or Networks=, may move. */
static void
test_full_tunnel(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    static const struct {
        const char *address;
        ApReason plain;
        ApReason with_networks;
    } cases[] = {
        {"8.8.8.8", AP_REASON_ADDRESS_DEFAULT, AP_REASON_ADDRESS_DEFAULT},
        {"2001:4860::8888", AP_REASON_ADDRESS_DEFAULT, AP_REASON_ADDRESS_DEFAULT},
        {"10.99.0.7", AP_REASON_ADDRESS_DEFAULT, AP_REASON_NONE},
        {"10.85.0.34", AP_REASON_NONE, AP_REASON_NONE},
        {"fd85::34", AP_REASON_NONE, AP_REASON_NONE},
    };
    const ApCidr networks = sim_cidr("10.99.0.0/16");
    ApTunnelPolicy *entry = ap_policy_add_tunnel(self->sim->policy, "wg7");

    entry->manage = AP_MANAGE_YES;
    entry->server = sim_endpoint("10.85.0.1:80");
    for (gsize i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
        const gboolean with_networks = i >= G_N_ELEMENTS(cases);
        const gsize at = i % G_N_ELEMENTS(cases);
        g_autoptr(ApPlan) plan = NULL;

        g_test_message("case %s, Networks= %s", cases[at].address, with_networks ? "set" : "unset");
        g_array_set_size(entry->networks, 0);
        if (with_networks)
            g_array_append_val(entry->networks, networks);
        g_array_set_size(self->sim->candidates, 0);
        (void) sim_offer(self->sim, TUNNEL, &self->peer, cases[at].address, "192.168.77.34:51820");
        plan = sim_plan(self->sim, now);

        g_assert_cmpstr(ap_reason_name(first_refusal(plan, &self->peer)),
                        ==,
                        ap_reason_name(with_networks ? cases[at].with_networks : cases[at].plain));
    }
}

/* Text forms of the low-order points and aliases that K2 names. */
static const struct {
    const char *key;
    ApReason reason;
} key_cases[] = {
    {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", AP_REASON_KEY_UNSAFE},
    {"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", AP_REASON_KEY_UNSAFE},
    {"4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA=", AP_REASON_KEY_UNSAFE},
    {"X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc=", AP_REASON_KEY_UNSAFE},
    {"7P///////////////////////////////////////38=", AP_REASON_KEY_UNSAFE},
    {"7f///////////////////////////////////////38=", AP_REASON_KEY_UNSAFE}, /* p */
    {"9v///////////////////////////////////////38=", AP_REASON_KEY_UNSAFE}, /* p + 9 */
    {"CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA=", AP_REASON_KEY_UNSAFE}, /* bit 255 */
    {"own", AP_REASON_KEY_OWN},
    {"hub", AP_REASON_KEY_FOREIGN},
    {"colleague", AP_REASON_KEY_FOREIGN},
    {"blocked", AP_REASON_KEY_BLOCKED},
    {"peer", AP_REASON_NONE},
};

static ApKey
case_key(const Fixture *self, const char *text)
{
    ApKey key;

    if (strcmp(text, "own") == 0)
        return self->own;
    if (strcmp(text, "hub") == 0)
        return self->hub;
    if (strcmp(text, "colleague") == 0)
        return self->colleague;
    if (strcmp(text, "blocked") == 0)
        return sim_key(66);
    if (strcmp(text, "peer") == 0)
        return self->peer;
    g_assert_true(ap_key_parse(&key, text, NULL));
    return key;
}

static void
test_keys(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    const ApKey blocked = sim_key(66);

    g_array_append_val(self->sim->policy->blocked, blocked);
    for (gsize i = 0; i < G_N_ELEMENTS(key_cases); i++) {
        const ApKey key = case_key(self, key_cases[i].key);
        g_autoptr(ApPlan) plan = NULL;

        g_test_message("case %s", key_cases[i].key);
        g_array_set_size(self->sim->candidates, 0);
        (void) sim_offer(self->sim, TUNNEL, &key, "10.85.0.34", "192.168.77.34:51820");
        plan = sim_plan(self->sim, now);

        g_assert_cmpstr(ap_reason_name(first_refusal(plan, &key)),
                        ==,
                        ap_reason_name(key_cases[i].reason));
        g_assert_cmpuint(plan->changes->len, ==, key_cases[i].reason == AP_REASON_NONE ? 1 : 0);
    }
}

static void
test_key_twice(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    g_autoptr(ApPlan) plan = NULL;

    (void) sim_offer(self->sim, TUNNEL, &self->peer, "10.85.0.34", "192.168.77.34:51820");
    (void) sim_offer(self->sim, TUNNEL, &self->peer, "10.85.0.35", "192.168.77.35:51820");
    plan = sim_plan(self->sim, now);

    g_assert_cmpuint(plan->changes->len, ==, 0);
    g_assert_cmpstr(ap_reason_name(first_refusal(plan, &self->peer)), ==, "key-twice");
}

static void
test_two_who_claim_an_address_are_both_dropped(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    const ApKey other = sim_key(35);
    ApCandidate *candidate;
    g_autoptr(ApPlan) plan = NULL;

    (void) sim_offer(self->sim, TUNNEL, &self->peer, "10.85.0.34", "192.168.77.34:51820");
    candidate = sim_offer(self->sim, TUNNEL, &other, "10.85.0.34", "192.168.77.35:51820");
    candidate->addresses[candidate->n_addresses++] = sim_addr("10.85.0.35");
    plan = sim_plan(self->sim, now);

    g_assert_cmpstr(ap_reason_name(first_refusal(plan, &self->peer)), ==, "address-twice");
    g_assert_cmpstr(ap_reason_name(first_refusal(plan, &other)), ==, "address-twice");
    g_assert_cmpuint(plan->changes->len, ==, 0);
    g_assert_cmpint(sim_verdict(plan, TUNNEL, &other)->reason, ==, AP_REASON_ADDRESS_TWICE);
}

/* A hub's device has it once gossip runs there, and servers say what the device has. */
static void
test_own_link_local_address_among_others_does_no_harm(Fixture *self,
                                                      G_GNUC_UNUSED gconstpointer data)
{
    ApCandidate *candidate =
        sim_offer(self->sim, TUNNEL, &self->peer, "10.85.0.34", "192.168.77.34:51820");
    g_autoptr(ApPlan) plan = NULL;

    candidate->addresses[candidate->n_addresses++] = ap_key_link_local(&self->peer);
    plan = sim_plan(self->sim, now);
    g_assert_cmpstr(ap_reason_name(first_refusal(plan, &self->peer)), ==, "address-class");
    g_assert_cmpuint(plan->changes->len, ==, 1);
    g_assert_cmpuint(sim_verdict(plan, TUNNEL, &self->peer)->n_addresses, ==, 1);
}

/* Naming the hub's or the administrator's key beside an address must not take it from anybody. */
static void
test_refused_keys_claim_nothing(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    g_autoptr(ApPlan) plan = NULL;

    (void) sim_offer(self->sim, TUNNEL, &self->peer, "10.85.0.34", "192.168.77.34:51820");
    (void) sim_offer(self->sim, TUNNEL, &self->hub, "10.85.0.34", "192.168.77.1:51820");
    plan = sim_plan(self->sim, now);

    g_assert_cmpstr(ap_reason_name(first_refusal(plan, &self->peer)), ==, "none");
    g_assert_cmpstr(ap_reason_name(first_refusal(plan, &self->hub)), ==, "key-foreign");
}

static void
test_address_stays_with_its_last_key(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    ApPath path = {
        .ifindex = TUNNEL,
        .key = sim_key(35),
        .pins = {{sim_addr("10.85.0.34"), now.boot_usec + 60 * AP_USEC_PER_SEC}},
        .n_pins = 1,
    };
    const ApInstant later = {.boot_usec = path.pins[0].until_boot_usec};
    g_autoptr(ApPlan) plan = NULL;
    g_autoptr(ApPlan) plan_later = NULL;

    g_array_append_val(self->sim->paths, path);
    (void) sim_offer(self->sim, TUNNEL, &self->peer, "10.85.0.34", "192.168.77.34:51820");
    plan = sim_plan(self->sim, now);
    g_assert_true(was_refused(plan, &self->peer, AP_REASON_ADDRESS_PINNED));
    g_assert_cmpint(plan->wake_at_boot_usec, ==, later.boot_usec);

    plan_later = sim_plan(self->sim, later);
    g_assert_cmpstr(ap_reason_name(first_refusal(plan_later, &self->peer)), ==, "none");
}

static const struct {
    const char *endpoint;
    ApReason lan;
    ApReason any;
} endpoint_cases[] = {
    {"192.168.77.34:51820", AP_REASON_NONE, AP_REASON_NONE},
    {"192.168.77.34:1024", AP_REASON_NONE, AP_REASON_NONE},
    {"[fd77::34]:51820", AP_REASON_NONE, AP_REASON_NONE},
    {"[2001:db8:77::34]:51820", AP_REASON_NONE, AP_REASON_NONE}, /* decisions.md 18 */
    {"[fe80::34%2]:51820", AP_REASON_NONE, AP_REASON_NONE},
    {"198.51.100.7:51820", AP_REASON_ENDPOINT_OFF_LINK, AP_REASON_NONE},
    {"192.168.78.34:51820", AP_REASON_ENDPOINT_OFF_LINK, AP_REASON_NONE},
    {"[2001:db8:78::34]:51820", AP_REASON_ENDPOINT_OFF_LINK, AP_REASON_NONE},

    {"192.168.77.34:53", AP_REASON_ENDPOINT_PORT, AP_REASON_ENDPOINT_PORT},
    {"192.168.77.34:1023", AP_REASON_ENDPOINT_PORT, AP_REASON_ENDPOINT_PORT},
    {"127.0.0.1:51820", AP_REASON_ENDPOINT_CLASS, AP_REASON_ENDPOINT_CLASS},
    {"0.0.0.0:51820", AP_REASON_ENDPOINT_CLASS, AP_REASON_ENDPOINT_CLASS},
    {"224.0.0.1:51820", AP_REASON_ENDPOINT_CLASS, AP_REASON_ENDPOINT_CLASS},
    {"255.255.255.255:51820", AP_REASON_ENDPOINT_CLASS, AP_REASON_ENDPOINT_CLASS},
    {"169.254.1.1:51820", AP_REASON_ENDPOINT_CLASS, AP_REASON_ENDPOINT_CLASS},
    {"[::1]:51820", AP_REASON_ENDPOINT_CLASS, AP_REASON_ENDPOINT_CLASS},
    {"[::ffff:192.168.77.34]:51820", AP_REASON_ENDPOINT_CLASS, AP_REASON_ENDPOINT_CLASS},
    {"[ff02::1]:51820", AP_REASON_ENDPOINT_CLASS, AP_REASON_ENDPOINT_CLASS},
    {"[fe80::34]:51820", AP_REASON_ENDPOINT_CLASS, AP_REASON_ENDPOINT_CLASS},
    {"192.168.77.12:51820", AP_REASON_ENDPOINT_OWN, AP_REASON_ENDPOINT_OWN},
    {"10.85.0.2:51820", AP_REASON_ENDPOINT_OWN, AP_REASON_ENDPOINT_OWN},
    {"[fe80::12%2]:51820", AP_REASON_ENDPOINT_OWN, AP_REASON_ENDPOINT_OWN},

    {"192.168.77.1:51820", AP_REASON_ENDPOINT_RESERVED, AP_REASON_ENDPOINT_RESERVED},
    {"192.168.77.3:51820", AP_REASON_ENDPOINT_RESERVED, AP_REASON_ENDPOINT_RESERVED},
    {"192.168.77.0:51820", AP_REASON_ENDPOINT_RESERVED, AP_REASON_ENDPOINT_RESERVED},
    {"192.168.77.255:51820", AP_REASON_ENDPOINT_RESERVED, AP_REASON_ENDPOINT_RESERVED},
    {"[fe80::1%2]:51820", AP_REASON_ENDPOINT_RESERVED, AP_REASON_ENDPOINT_RESERVED},
    {"203.0.113.1:51820", AP_REASON_ENDPOINT_OFF_LINK, AP_REASON_ENDPOINT_RESERVED},
    {"[fe80::34%7]:51820", AP_REASON_ENDPOINT_OFF_LINK, AP_REASON_NONE},

    {"10.85.0.9:51820", AP_REASON_ENDPOINT_OFF_LINK, AP_REASON_ENDPOINT_TUNNEL},
    {"[fd85::9]:51820", AP_REASON_ENDPOINT_OFF_LINK, AP_REASON_ENDPOINT_TUNNEL},
    {"10.77.1.1:51820", AP_REASON_ENDPOINT_OFF_LINK, AP_REASON_ENDPOINT_TUNNEL},
    {"172.19.0.5:51820", AP_REASON_ENDPOINT_OFF_LINK, AP_REASON_ENDPOINT_TUNNEL},
};

/* How a peer is called that may be tried nowhere. */
static const char *
name_without(ApReason refused)
{
    if (refused == AP_REASON_NONE)
        return "probing";
    return refused == AP_REASON_ENDPOINT_OFF_LINK ? "not-same-lan" : "no-endpoint";
}

static void
test_endpoints(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    const ApKey second = sim_key(11);
    const ApKey second_hub = sim_key(2);

    /* Another tunnel of the same host, and one that is not WireGuard at all. */
    sim_add_tunnel(self->sim, 8, &second, "10.77.0.2/32");
    sim_add_peer(self->sim, 8, &second_hub, "10.77.0.0/16,0.0.0.0/0");
    (void) sim_add_link(self->sim, 9, AP_LINK_KIND_TUNNEL, "172.19.0.1/24");

    for (gsize i = 0; i < 2 * G_N_ELEMENTS(endpoint_cases); i++) {
        const gsize at = i / 2;
        const ApReason expected = i % 2 ? endpoint_cases[at].any : endpoint_cases[at].lan;
        g_autoptr(ApPlan) plan = NULL;

        g_test_message("case %s, scope %s", endpoint_cases[at].endpoint, i % 2 ? "any" : "lan");
        self->sim->policy->scope = i % 2 ? AP_SCOPE_ANY : AP_SCOPE_LAN;
        g_array_set_size(self->sim->candidates, 0);
        (void) sim_offer(self->sim, TUNNEL, &self->peer, "10.85.0.34", endpoint_cases[at].endpoint);
        plan = sim_plan(self->sim, now);

        g_assert_cmpstr(ap_reason_name(first_refusal(plan, &self->peer)),
                        ==,
                        ap_reason_name(expected));
        g_assert_cmpstr(ap_reason_name(sim_verdict(plan, TUNNEL, &self->peer)->reason),
                        ==,
                        name_without(expected));
    }
}

static void
test_low_ports_by_configuration(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    g_autoptr(ApPlan) plan = NULL;

    self->sim->policy->allow_low_ports = TRUE;
    (void) sim_offer(self->sim, TUNNEL, &self->peer, "10.85.0.34", "192.168.77.34:443");
    plan = sim_plan(self->sim, now);
    g_assert_cmpstr(ap_reason_name(first_refusal(plan, &self->peer)), ==, "none");
}

/* The LAN is what the attacker chose (security.md T8). */
static const struct {
    const char *own;
    const char *gateway;
    const char *endpoint;
    gboolean allow_public;
    ApReason reason;
} lan_cases[] = {
    {"192.168.1.5/24", "192.168.1.1", "192.168.1.9:51820", FALSE, AP_REASON_NONE},
    {"100.64.1.5/24", "100.64.1.1", "100.64.1.9:51820", FALSE, AP_REASON_NONE},
    {"172.16.1.5/16", "172.16.1.1", "172.16.9.9:51820", FALSE, AP_REASON_NONE},
    {"172.16.1.5/12", "172.16.1.1", "172.17.9.9:51820", FALSE, AP_REASON_ENDPOINT_LAN},
    {"8.8.8.5/24", "8.8.8.1", "8.8.8.9:51820", FALSE, AP_REASON_ENDPOINT_LAN},
    {"8.8.8.5/24", "8.8.8.1", "8.8.8.9:51820", TRUE, AP_REASON_NONE},
    {"10.0.0.5/1", "10.0.0.1", "10.0.0.9:51820", TRUE, AP_REASON_ENDPOINT_LAN},
    {"192.168.1.4/31", "192.168.1.5", "192.168.1.5:51820", FALSE, AP_REASON_ENDPOINT_RESERVED},
    {"192.168.1.4/32", "192.168.1.1", "192.168.1.5:51820", FALSE, AP_REASON_ENDPOINT_OFF_LINK},
    {"10.85.0.77/24", "10.85.0.78", "10.85.0.9:51820", FALSE, AP_REASON_ENDPOINT_TUNNEL},
    {"10.85.0.77/16", "10.85.1.1", "10.85.9.9:51820", FALSE, AP_REASON_ENDPOINT_LAN},
};

static void
test_lans(Fixture *self, G_GNUC_UNUSED gconstpointer data)
{
    for (gsize i = 0; i < G_N_ELEMENTS(lan_cases); i++) {
        ApLink *lan = g_ptr_array_index(self->sim->links, 0);
        g_autoptr(ApPlan) plan = NULL;

        g_test_message("case %s", lan_cases[i].own);
        g_array_set_size(lan->addresses, 0);
        sim_add_address(lan, lan_cases[i].own);
        lan->route4.gateway = sim_addr(lan_cases[i].gateway);
        self->sim->policy->allow_public_lan = lan_cases[i].allow_public;
        g_array_set_size(self->sim->candidates, 0);
        (void) sim_offer(self->sim, TUNNEL, &self->peer, "10.85.0.34", lan_cases[i].endpoint);
        plan = sim_plan(self->sim, now);

        g_assert_cmpstr(ap_reason_name(first_refusal(plan, &self->peer)),
                        ==,
                        ap_reason_name(lan_cases[i].reason));
    }
}

static void
test_every_reason_has_words(void)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < AP_N_REASONS; i++) {
        const char *name = ap_reason_name((ApReason) i);
        const char *sentence = ap_reason_sentence((ApReason) i);

        g_test_message("reason %u", i);
        g_assert_nonnull(name);
        g_assert_true(g_hash_table_add(names, (gpointer) name));
        g_assert_cmpuint(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-"), ==, strlen(name));
        g_assert_true(g_str_has_suffix(sentence, "."));
        g_assert_true(g_str_has_suffix(ap_reason_advice((ApReason) i), "."));
    }
}

#define ADD(path, data, test) g_test_add(path, Fixture, data, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/guard/addresses", NULL, test_addresses);
    ADD("/guard/one-bad-address-drops-itself-alone", NULL, test_one_bad_address_drops_itself_alone);
    ADD("/guard/full-tunnel", "0.0.0.0/0,::/0", test_full_tunnel);
    ADD("/guard/full-tunnel-in-halves", "0.0.0.0/1,128.0.0.0/1,::/1,8000::/1", test_full_tunnel);
    ADD("/guard/keys", NULL, test_keys);
    ADD("/guard/key-twice", NULL, test_key_twice);
    ADD("/guard/two-who-claim-an-address-are-both-dropped",
        NULL,
        test_two_who_claim_an_address_are_both_dropped);
    ADD("/guard/own-link-local-address-among-others-does-no-harm",
        NULL,
        test_own_link_local_address_among_others_does_no_harm);
    ADD("/guard/refused-keys-claim-nothing", NULL, test_refused_keys_claim_nothing);
    ADD("/guard/address-stays-with-its-last-key", NULL, test_address_stays_with_its_last_key);
    ADD("/guard/endpoints", NULL, test_endpoints);
    ADD("/guard/low-ports-by-configuration", NULL, test_low_ports_by_configuration);
    ADD("/guard/lans", NULL, test_lans);
    g_test_add_func("/reason/every-reason-has-words", test_every_reason_has_words);
    return g_test_run();
}
