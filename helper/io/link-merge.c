/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/link-merge.h"

#include <string.h>

/**
 * Makes a device of which nothing is known but its name.
 *
 * @name: cut to what an interface name can be
 *
 * Returns: (transfer full)
 */
ApNmDevice *
ap_nm_device_new(const char *name)
{
    ApNmDevice *self = g_new0(ApNmDevice, 1);

    (void) g_strlcpy(self->name, name, sizeof(self->name));
    self->kind = AP_LINK_KIND_OTHER;
    self->dns = g_array_new(FALSE, TRUE, sizeof(ApAddr));
    return self;
}

void
ap_nm_device_free(ApNmDevice *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->dns, g_array_unref);
    g_free(self);
}

static const ApNmDevice *
find_device(const GPtrArray *devices, const char *name)
{
    for (guint i = 0; devices != NULL && i < devices->len; i++) {
        const ApNmDevice *device = g_ptr_array_index(devices, i);

        if (strcmp(device->name, name) == 0)
            return device;
    }
    return NULL;
}

/* The same interface in the last list; another one under the same name has another index. */
static const ApLink *
find_before(const GPtrArray *before, const ApLink *link)
{
    for (guint i = 0; before != NULL && i < before->len; i++) {
        const ApLink *other = g_ptr_array_index(before, i);

        if (other->ifindex == link->ifindex)
            return strcmp(other->name, link->name) == 0 ? other : NULL;
    }
    return NULL;
}

/* Only what the kernel cannot tell is believed: nobody makes a LAN of a tunnel this way. */
static ApLinkKind
refine_kind(ApLinkKind kernel, ApLinkKind hint)
{
    if (hint == AP_LINK_KIND_WIFI && kernel == AP_LINK_KIND_ETHERNET)
        return AP_LINK_KIND_WIFI;
    if (hint == AP_LINK_KIND_MOBILE
        && (kernel == AP_LINK_KIND_ETHERNET || kernel == AP_LINK_KIND_OTHER))
        return AP_LINK_KIND_MOBILE;
    return kernel;
}

static void
add_hints(ApLink *link, ApLinkKind kind, const GArray *dns)
{
    link->kind = refine_kind(link->kind, kind);
    if (dns->len > 0)
        g_array_append_vals(link->dns, dns->data, MIN(dns->len, AP_LINK_MERGE_MAX_DNS));
    ap_link_sort(link);
}

static gboolean
had_address(const ApLink *before, const ApLinkAddress *address)
{
    for (guint i = 0; before != NULL && i < before->addresses->len; i++) {
        const ApLinkAddress *other = &g_array_index(before->addresses, ApLinkAddress, i);

        if (ap_addr_equal(&other->addr, &address->addr) && other->prefix_len == address->prefix_len)
            return TRUE;
    }
    return FALSE;
}

/* Takes a gateway away that was not there before. */
static gboolean
hold_route(ApDefaultRoute *route, const ApDefaultRoute *before)
{
    if (route->gateway.family == AF_UNSPEC
        || (before != NULL && ap_addr_equal(&route->gateway, &before->gateway)))
        return FALSE;

    *route = (ApDefaultRoute){.metric = 0};
    return TRUE;
}

/* Takes all news away but bad ones: what is gone is gone. */
static gboolean
hold_back(ApLink *link, const ApLink *before)
{
    gboolean held = FALSE;

    for (guint i = link->addresses->len; i-- > 0;) {
        if (had_address(before, &g_array_index(link->addresses, ApLinkAddress, i)))
            continue;

        g_array_remove_index(link->addresses, i);
        held = TRUE;
    }
    held |= hold_route(&link->route4, before != NULL ? &before->route4 : NULL);
    held |= hold_route(&link->route6, before != NULL ? &before->route6 : NULL);
    return held;
}

/**
 * Adds NetworkManager's view to a list that was just read from the kernel.
 *
 * It adds name servers, and tells Wi-Fi and mobile links from Ethernet. Addresses and routes
 * are the kernel's alone, except that what is new on a link is held back while NetworkManager
 * is still setting it up: half an activation would look like a network without a gateway.
 * What it said last about a link stays while it says nothing.
 *
 * @links: (inout) (element-type ApLink): sorted
 * @devices: (nullable) (element-type ApNmDevice): NULL when it does not run
 * @before: (nullable) (element-type ApLink): the last result
 * @may_hold: FALSE when something was held back for long enough
 *
 * Returns: whether something was held back
 */
gboolean
ap_link_merge(GPtrArray *links,
              const GPtrArray *devices,
              const GPtrArray *before,
              gboolean may_hold)
{
    gboolean held = FALSE;

    for (guint i = 0; i < links->len; i++) {
        ApLink *link = g_ptr_array_index(links, i);
        const ApNmDevice *device = find_device(devices, link->name);
        const ApLink *last = find_before(before, link);

        if (device != NULL)
            add_hints(link, device->kind, device->dns);
        else if (last != NULL)
            add_hints(link, last->kind, last->dns);

        if (device != NULL && device->activating && may_hold)
            held |= hold_back(link, last);
    }
    return held;
}
