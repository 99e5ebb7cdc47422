/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/guard.h"

#include "helper/core/nets.h"
#include "helper/core/plan.h"
#include "helper/core/spot.h"

/**
 * The lowest port that everybody may use, in host byte order (security rule E1). Below it are
 * the services that a fleet of clients must not be aimed at: DNS, NTP, SNMP. Source: RFC 6335 6.
 */
#define LOWEST_USER_PORT 1024

/**
 * The widest LAN that is taken for one, in bits (security rule E5). A wider prefix would make
 * half the Internet "on-link" for whoever runs the DHCP server.
 */
#define WIDEST_LAN4 16
#define WIDEST_LAN6 48

/** Global IPv6 addresses make a LAN when they are on one ordinary subnet (decisions.md 18). */
#define WIDEST_GLOBAL_LAN6 64

struct _ApGuard {
    const ApWorld *world;   /* (not owned) outlives us: both live for one plan; sorted */
    const ApPolicy *policy; /* (not owned) outlives us: the same */
    ApSpots *spots;         /* (owned) */
    ApNets *nets;           /* (owned) */
};

/**
 * Gathers what the rules compare candidates with, in one pass over links and devices.
 *
 * @world: sorted; borrowed, as is @policy
 * @tunnels: (element-type ApTunnel) the verdicts on all devices of @world; not kept
 *
 * Returns: (transfer full)
 */
ApGuard *
ap_guard_new(const ApWorld *world, const GArray *tunnels, const ApPolicy *policy, ApInstant now)
{
    ApGuard *self = g_new0(ApGuard, 1);

    self->world = world;
    self->policy = policy;
    self->spots = ap_spots_new(world, now);
    self->nets = ap_nets_new(world, tunnels, policy);
    return self;
}

void
ap_guard_free(ApGuard *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->spots, ap_spots_free);
    g_clear_pointer(&self->nets, ap_nets_free);
    g_free(self);
}

static gboolean
is_blocked(const ApPolicy *policy, const ApKey *key)
{
    for (guint i = 0; i < policy->blocked->len; i++) {
        if (ap_key_equal(&g_array_index(policy->blocked, ApKey, i), key))
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_own_key(const ApWorld *world, const ApKey *key)
{
    for (guint i = 0; i < world->devices->len; i++) {
        const ApDevice *device = g_ptr_array_index(world->devices, i);

        if (device->has_key && ap_key_equal(&device->public_key, key))
            return TRUE;
    }
    return FALSE;
}

/* Candidates are sorted: a twin is a neighbour. */
static gboolean
has_twin(const ApWorld *world, const ApCandidate *candidate)
{
    const ApCandidate *first = &g_array_index(world->candidates, ApCandidate, 0);
    const ApCandidate *last = first + world->candidates->len - 1;

    return (candidate > first && candidate[-1].ifindex == candidate->ifindex
            && ap_key_equal(&candidate[-1].key, &candidate->key))
           || (candidate < last && candidate[1].ifindex == candidate->ifindex
               && ap_key_equal(&candidate[1].key, &candidate->key));
}

/* Rules K2, K3 and the first half of K4. */
static ApReason
judge_key(const ApGuard *self, const ApTunnel *tunnel, const ApCandidate *candidate)
{
    const ApDevice *device = ap_world_find_device(self->world, tunnel->ifindex);
    const ApKey *key = &candidate->key;

    if (!ap_key_is_safe(key))
        return AP_REASON_KEY_UNSAFE;
    if (is_own_key(self->world, key))
        return AP_REASON_KEY_OWN;
    if (ap_device_find(device, key) != NULL && ap_world_find_ours(self->world, device, key) == NULL)
        return AP_REASON_KEY_FOREIGN;
    if (is_blocked(self->policy, key))
        return AP_REASON_KEY_BLOCKED;
    if (has_twin(self->world, candidate))
        return AP_REASON_KEY_TWICE;
    return AP_REASON_NONE;
}

/* Whether @addr is in a network that the administrator gave to the tunnel, one way or another. */
static gboolean
is_in_tunnel(const ApGuard *self, const ApTunnel *tunnel, const ApAddr *addr)
{
    const ApDevice *device = ap_world_find_device(self->world, tunnel->ifindex);
    const ApTunnelPolicy *entry = ap_policy_find_tunnel(self->policy, device->id.name);

    if (ap_nets_tunnel_holds(self->nets, tunnel->ifindex, addr))
        return TRUE;
    for (guint i = 0; entry != NULL && i < entry->networks->len; i++) {
        if (ap_cidr_holds(&g_array_index(entry->networks, ApCidr, i), addr))
            return TRUE;
    }
    return FALSE;
}

/*
 * A hub has a server's address in each family, but only one of them is asked and so known. The
 * others are where a server would be looked for, unless somebody told us where it is.
 */
static gboolean
may_be_server(const ApGuard *self, const ApTunnel *tunnel, const ApSpot *spot)
{
    const ApDevice *device = ap_world_find_device(self->world, tunnel->ifindex);
    const ApTunnelPolicy *entry = ap_policy_find_tunnel(self->policy, device->id.name);
    ApAddr first;

    if (spot->router == NULL || ap_spot_is_default(&spot->route)
        || (entry != NULL && ap_endpoint_is_set(&entry->server)))
        return FALSE;

    first = ap_tunnel_first_host(&spot->route);
    return ap_addr_equal(&first, &spot->addr);
}

/* Rule A4. */
static ApReason
judge_identity(const ApGuard *self, const ApTunnel *tunnel, const ApSpot *spot)
{
    if (ap_nets_is_own(self->nets, &spot->addr))
        return AP_REASON_ADDRESS_OWN;
    if (ap_nets_is_reserved(self->nets, &spot->addr)
        || ap_nets_is_edge_of_tunnel(self->nets, tunnel->ifindex, &spot->addr)
        || (spot->router != NULL && ap_nets_is_edge(&spot->route, &spot->addr))
        || may_be_server(self, tunnel, spot))
        return AP_REASON_ADDRESS_HUB;
    return AP_REASON_NONE;
}

/* Rule A5. Spots know only routes that are shorter than the address itself. */
static ApReason
judge_containment(const ApGuard *self, const ApTunnel *tunnel, const ApSpot *spot)
{
    if (spot->router == NULL || !ap_key_equal(&spot->router->key, &tunnel->hub))
        return AP_REASON_ADDRESS_OUTSIDE;
    if (ap_spot_is_default(&spot->route) && !is_in_tunnel(self, tunnel, &spot->addr))
        return AP_REASON_ADDRESS_DEFAULT;
    return AP_REASON_NONE;
}

/* Rules A6 and A8: whoever has the address keeps it. */
static ApReason
judge_possession(const ApSpot *spot, const ApKey *key)
{
    if (spot->contested || (spot->holder != NULL && !ap_key_equal(&spot->holder->key, key)))
        return AP_REASON_ADDRESS_TAKEN;
    if (spot->holder == NULL && spot->pinner != NULL && !ap_key_equal(&spot->pinner->key, key))
        return AP_REASON_ADDRESS_PINNED;
    return AP_REASON_NONE;
}

/* A3, the second half of K4, then A4 to A6 and A8. */
static ApReason
judge_address(const ApGuard *self, const ApTunnel *tunnel, const ApKey *key, const ApSpot *spot)
{
    ApReason reason;

    if (!ap_addr_is_host(&spot->addr))
        return AP_REASON_ADDRESS_CLASS;
    if (spot->n_claims > 1)
        return AP_REASON_ADDRESS_TWICE;

    reason = judge_identity(self, tunnel, spot);
    if (reason == AP_REASON_NONE)
        reason = judge_containment(self, tunnel, spot);
    if (reason == AP_REASON_NONE)
        reason = judge_possession(spot, key);
    return reason;
}

/* Rule E2. A link-local address means nothing without an interface, and we choose that. */
static ApReason
judge_endpoint_class(const ApGuard *self, const ApEndpoint *endpoint)
{
    const ApAddr *addr = &endpoint->addr;

    if (addr->family == AF_INET6 && ap_addr_is_link_local(addr)) {
        if (endpoint->scope_id == 0)
            return AP_REASON_ENDPOINT_CLASS;
    } else if (endpoint->scope_id != 0 || !ap_addr_is_host(addr)) {
        return AP_REASON_ENDPOINT_CLASS;
    }
    return ap_nets_is_own(self->nets, addr) ? AP_REASON_ENDPOINT_OWN : AP_REASON_NONE;
}

/* Rule E3. */
static ApReason
judge_on_link(const ApGuard *self, const ApEndpoint *endpoint, const ApCidr *lan)
{
    if (lan == NULL && self->policy->scope == AP_SCOPE_LAN)
        return AP_REASON_ENDPOINT_OFF_LINK;
    if (ap_nets_is_reserved(self->nets, &endpoint->addr)
        || (lan != NULL && ap_nets_is_edge(lan, &endpoint->addr)))
        return AP_REASON_ENDPOINT_RESERVED;
    return AP_REASON_NONE;
}

/* Rule E4, as far as prefixes tell: whether packets for @addr would enter a tunnel. */
static gboolean
goes_through_tunnel(const ApGuard *self, const ApAddr *addr)
{
    const ApSpot *spot = ap_spots_find(self->spots, AP_SPOT_OUTSIDE, addr);

    return spot == NULL || spot->tunnelled
           || ap_nets_tunnel_holds(self->nets, AP_NETS_ANY_TUNNEL, addr);
}

static gboolean
is_ordinary_lan(const ApCidr *lan, const ApPolicy *policy)
{
    const ApAddr last = ap_cidr_last(lan);
    const gboolean is_private =
        (ap_addr_is_private(&lan->addr) && ap_addr_is_private(&last))
        || (ap_addr_is_link_local(&lan->addr) && ap_addr_is_link_local(&last));

    /* Two hosts or one: a point-to-point link, which no other peer shares with us. */
    if (lan->prefix_len + 2U > ap_addr_n_bits(lan->addr.family))
        return FALSE;
    if (lan->addr.family == AF_INET)
        return lan->prefix_len >= WIDEST_LAN4 && (is_private || policy->allow_public_lan);
    return lan->prefix_len >= (is_private ? WIDEST_LAN6 : WIDEST_GLOBAL_LAN6);
}

/* Whether @lan and the tunnel share addresses, so that nobody can tell them apart. */
static gboolean
overlaps_tunnel(const ApGuard *self, const ApTunnel *tunnel, const ApCidr *lan)
{
    const ApDevice *device = ap_world_find_device(self->world, tunnel->ifindex);
    const ApDevicePeer *hub = ap_device_find(device, &tunnel->hub);

    if (ap_nets_tunnel_overlaps(self->nets, tunnel->ifindex, lan))
        return TRUE;
    for (guint i = 0; hub != NULL && i < hub->allowed->len; i++) {
        const ApCidr *prefix = &g_array_index(hub->allowed, ApCidr, i);

        if (!ap_spot_is_default(prefix) && ap_cidr_overlaps(prefix, lan))
            return TRUE;
    }
    return FALSE;
}

/**
 * Judges one endpoint by rules E1 to E5: one that was offered, or one that the device reports
 * for a peer of ours.
 *
 * @tunnel: a managed one of those that the guard was made with
 * @endpoint: of a candidate of the world, or of a peer of ours on one of its devices
 * @on_link: (out) (optional): whether it is in one of our LANs; set on success only
 *
 * Link-local addresses mean the same on every link, so that only their scope tells them apart
 * from the tunnel's: E4 and the overlap of E5 say nothing about them.
 *
 * Returns: AP_REASON_NONE, or the first rule that it breaks
 */
ApReason
ap_guard_judge_endpoint(const ApGuard *self,
                        const ApTunnel *tunnel,
                        const ApEndpoint *endpoint,
                        gboolean *on_link)
{
    const gboolean is_link_local = ap_addr_is_link_local(&endpoint->addr);
    const ApCidr *lan = ap_nets_find_lan(self->nets, endpoint);
    ApReason reason;

    if (endpoint->port == 0
        || (endpoint->port < LOWEST_USER_PORT && !self->policy->allow_low_ports))
        return AP_REASON_ENDPOINT_PORT;

    reason = judge_endpoint_class(self, endpoint);
    if (reason == AP_REASON_NONE)
        reason = judge_on_link(self, endpoint, lan);
    if (reason != AP_REASON_NONE)
        return reason;

    if (!is_link_local && goes_through_tunnel(self, &endpoint->addr))
        return AP_REASON_ENDPOINT_TUNNEL;
    if (lan != NULL && self->policy->scope == AP_SCOPE_LAN
        && (!is_ordinary_lan(lan, self->policy)
            || (!is_link_local && overlaps_tunnel(self, tunnel, lan))))
        return AP_REASON_ENDPOINT_LAN;

    if (on_link != NULL)
        *on_link = lan != NULL;
    return AP_REASON_NONE;
}

/* What is said of one candidate goes to one place. */
static void
refuse(GArray *refusals, const ApCandidate *candidate, ApReason reason)
{
    const ApRefusal refusal = {
        .ifindex = candidate->ifindex,
        .key = candidate->key,
        .reason = reason,
    };

    g_array_append_val(refusals, refusal);
}

static void
admit_addresses(const ApGuard *self,
                const ApTunnel *tunnel,
                const ApCandidate *candidate,
                ApAdmission *admission,
                GArray *refusals)
{
    for (guint i = 0; i < candidate->n_addresses; i++) {
        const ApAddr *addr = &candidate->addresses[i];
        const ApSpot *spot = ap_spots_find(self->spots, tunnel->ifindex, addr);
        ApReason reason;

        if (ap_spots_is_repeated(candidate->addresses, i))
            continue;

        reason = judge_address(self, tunnel, &candidate->key, spot);
        if (reason == AP_REASON_NONE)
            admission->addresses[admission->n_addresses++] = *addr;
        else if (reason == AP_REASON_ADDRESS_TWICE)
            admission->reason = reason;
        else
            refuse(refusals, candidate, reason);
        if (reason == AP_REASON_ADDRESS_PINNED)
            admission->retry_boot_usec =
                MIN(admission->retry_boot_usec, spot->pinned_until_boot_usec);
    }

    if (admission->reason != AP_REASON_NONE)
        admission->n_addresses = 0;
    else if (admission->n_addresses == 0)
        admission->reason = AP_REASON_ADDRESS_NONE;
}

static void
admit_endpoints(const ApGuard *self,
                const ApTunnel *tunnel,
                const ApCandidate *candidate,
                ApAdmission *admission,
                GArray *refusals)
{
    admission->is_elsewhere = candidate->n_endpoints > 0;
    for (guint i = 0; i < candidate->n_endpoints; i++) {
        ApAdmittedEndpoint *next = &admission->endpoints[admission->n_endpoints];
        const ApEndpoint *endpoint = &candidate->endpoints[i];
        const ApReason reason = ap_guard_judge_endpoint(self, tunnel, endpoint, &next->on_link);

        admission->is_elsewhere &= reason == AP_REASON_ENDPOINT_OFF_LINK;
        if (reason != AP_REASON_NONE) {
            refuse(refusals, candidate, reason);
            continue;
        }
        next->endpoint = *endpoint;
        admission->n_endpoints++;
    }
}

/* The key's own link-local address obeys A6 and K4 too: we give it to the peer. */
static ApReason
judge_link_local(const ApGuard *self,
                 const ApTunnel *tunnel,
                 const ApCandidate *candidate,
                 const ApAddr *addr)
{
    const ApSpot *spot = ap_spots_find(self->spots, tunnel->ifindex, addr);

    if (spot->n_claims > 1)
        return AP_REASON_ADDRESS_TWICE;
    return judge_possession(spot, &candidate->key);
}

/**
 * Judges one candidate. A bad address or endpoint drops itself alone; a bad key, an address that
 * somebody else claims, or no address left, drops the candidate.
 *
 * The far end knows of no rival and would move all its addresses. Moving only some of them here
 * would lose what goes to the rest by the hub: it comes from an address that is direct there.
 *
 * @tunnel: the managed tunnel that the candidate is about
 * @candidate: an element of the world's list
 * @refusals: (element-type ApRefusal): everything that was dropped is appended, by its rule
 */
ApAdmission
ap_guard_admit(const ApGuard *self,
               const ApTunnel *tunnel,
               const ApCandidate *candidate,
               GArray *refusals)
{
    ApAdmission admission = {
        .reason = judge_key(self, tunnel, candidate),
        .retry_boot_usec = AP_NEVER,
    };

    if (admission.reason == AP_REASON_NONE) {
        admission.link_local = ap_key_link_local(&candidate->key);
        admission.reason = judge_link_local(self, tunnel, candidate, &admission.link_local);
    }
    if (admission.reason == AP_REASON_NONE)
        admit_addresses(self, tunnel, candidate, &admission, refusals);
    if (admission.reason == AP_REASON_NONE)
        admit_endpoints(self, tunnel, candidate, &admission, refusals);
    else
        refuse(refusals, candidate, admission.reason);
    return admission;
}
