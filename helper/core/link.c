/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/core/link.h"

#include <string.h>

/**
 * Makes a link without name, addresses, routes and name servers, of kind OTHER.
 *
 * @ifindex: the kernel's number of the interface
 *
 * Returns: (transfer full)
 */
ApLink *
ap_link_new(guint32 ifindex)
{
    ApLink *self = g_new0(ApLink, 1);

    self->ifindex = ifindex;
    self->kind = AP_LINK_KIND_OTHER;
    self->addresses = g_array_new(FALSE, TRUE, sizeof(ApLinkAddress));
    self->dns = g_array_new(FALSE, TRUE, sizeof(ApAddr));
    return self;
}

/**
 * Makes a copy that shares nothing with @self.
 *
 * Returns: (transfer full)
 */
ApLink *
ap_link_copy(const ApLink *self)
{
    ApLink *copy = g_new(ApLink, 1);

    *copy = *self;
    copy->addresses = g_array_copy(self->addresses);
    copy->dns = g_array_copy(self->dns);
    return copy;
}

void
ap_link_free(ApLink *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->addresses, g_array_unref);
    g_clear_pointer(&self->dns, g_array_unref);
    g_free(self);
}

static int
compare_addresses(gconstpointer a, gconstpointer b)
{
    const ApLinkAddress *const x = a;
    const ApLinkAddress *const y = b;
    const int by_addr = ap_addr_compare(&x->addr, &y->addr);

    if (by_addr != 0)
        return by_addr;
    if (x->prefix_len != y->prefix_len)
        return (int) x->prefix_len - (int) y->prefix_len;
    return (int) x->flags - (int) y->flags;
}

static int
compare_dns(gconstpointer a, gconstpointer b)
{
    return ap_addr_compare(a, b);
}

/**
 * Puts addresses and name servers into the one order that two equal links share.
 *
 * Whoever fills a link calls it once, at the end.
 */
void
ap_link_sort(ApLink *self)
{
    g_array_sort(self->addresses, compare_addresses);
    g_array_sort(self->dns, compare_dns);
}

static gboolean
arrays_equal(const GArray *a, const GArray *b, GCompareFunc compare)
{
    const gsize size = g_array_get_element_size((GArray *) a);

    if (a->len != b->len)
        return FALSE;

    for (guint i = 0; i < a->len; i++) {
        if (compare(a->data + i * size, b->data + i * size) != 0)
            return FALSE;
    }
    return TRUE;
}

static gboolean
routes_equal(const ApDefaultRoute *a, const ApDefaultRoute *b)
{
    return ap_addr_equal(&a->gateway, &b->gateway) && a->metric == b->metric;
}

/**
 * Tells whether nothing that the planner may look at differs; both must be sorted.
 */
gboolean
ap_link_equal(const ApLink *a, const ApLink *b)
{
    return a->ifindex == b->ifindex && a->kind == b->kind && a->running == b->running
           && a->mtu == b->mtu && strcmp(a->name, b->name) == 0
           && routes_equal(&a->route4, &b->route4) && routes_equal(&a->route6, &b->route6)
           && arrays_equal(a->addresses, b->addresses, compare_addresses)
           && arrays_equal(a->dns, b->dns, compare_dns);
}

/**
 * Names a kind, in the words of the configuration file: lower case, no spaces.
 *
 * Returns: (transfer none): "other" for a number that is no kind
 */
const char *
ap_link_kind_name(ApLinkKind kind)
{
    static const char *const names[AP_N_LINK_KINDS] = {
        [AP_LINK_KIND_ETHERNET] = "ethernet",
        [AP_LINK_KIND_WIFI] = "wifi",
        [AP_LINK_KIND_MOBILE] = "mobile",
        [AP_LINK_KIND_VLAN] = "vlan",
        [AP_LINK_KIND_BOND] = "bond",
        [AP_LINK_KIND_BRIDGE] = "bridge",
        [AP_LINK_KIND_VETH] = "veth",
        [AP_LINK_KIND_MACVLAN] = "macvlan",
        [AP_LINK_KIND_DUMMY] = "dummy",
        [AP_LINK_KIND_TUNNEL] = "tunnel",
        [AP_LINK_KIND_WIREGUARD] = "wireguard",
        [AP_LINK_KIND_LOOPBACK] = "loopback",
        [AP_LINK_KIND_OTHER] = "other",
    };

    return (guint) kind < AP_N_LINK_KINDS ? names[kind] : "other";
}
