/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/route-tables.h"

#include "helper/io/route-message.h"

#include <libmnl/libmnl.h>

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

struct _ApRouteTables {
    GPtrArray *links;     /* (owned) (element-type ApLink) without addresses and routes */
    GArray *addresses;    /* (owned) (element-type ApRouteAddress) */
    GArray *routes;       /* (owned) (element-type ApRouteDefault) */
    gboolean interrupted; /* the dump under way was */
};

/**
 * Makes empty tables.
 *
 * Returns: (transfer full)
 */
ApRouteTables *
ap_route_tables_new(void)
{
    ApRouteTables *self = g_new0(ApRouteTables, 1);

    self->links = g_ptr_array_new_with_free_func((GDestroyNotify) ap_link_free);
    self->addresses = g_array_new(FALSE, FALSE, sizeof(ApRouteAddress));
    self->routes = g_array_new(FALSE, FALSE, sizeof(ApRouteDefault));
    return self;
}

void
ap_route_tables_free(ApRouteTables *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->links, g_ptr_array_unref);
    g_clear_pointer(&self->addresses, g_array_unref);
    g_clear_pointer(&self->routes, g_array_unref);
    g_free(self);
}

/**
 * Forgets what @dump told before: it starts, or starts again.
 */
void
ap_route_tables_begin(ApRouteTables *self, ApRouteDump dump)
{
    self->interrupted = FALSE;
    switch (dump) {
    case AP_ROUTE_DUMP_LINKS:
        g_ptr_array_set_size(self->links, 0);
        break;
    case AP_ROUTE_DUMP_ADDRESSES:
        g_array_set_size(self->addresses, 0);
        break;
    case AP_ROUTE_DUMP_ROUTES:
        g_array_set_size(self->routes, 0);
        break;
    case AP_N_ROUTE_DUMPS:
        break;
    }
}

static void
take_message(ApRouteTables *self, const struct nlmsghdr *message)
{
    ApLink *link = ap_route_message_read_link(message);
    ApRouteAddress address;
    ApRouteDefault route;

    if (link != NULL)
        g_ptr_array_add(self->links, link);
    else if (ap_route_message_read_address(&address, message))
        g_array_append_val(self->addresses, address);
    else if (ap_route_message_read_default(&route, message))
        g_array_append_val(self->routes, route);
}

/* The highest errno. Source: MAX_ERRNO, include/linux/err.h. */
#define MAX_ERRNO 4095

/* The number that NLMSG_ERROR and NLMSG_DONE carry: zero, or minus an errno. */
static int
read_errno(const struct nlmsghdr *message)
{
    int code = 0;

    if (mnl_nlmsg_get_payload_len(message) >= sizeof(code))
        memcpy(&code, mnl_nlmsg_get_payload(message), sizeof(code));
    else if (message->nlmsg_type == NLMSG_ERROR)
        code = -EBADMSG;
    return code < 0 ? -MAX(code, -MAX_ERRNO) : 0;
}

/* The message at @at, which steps over it; NULL: no whole one is left. */
static const struct nlmsghdr *
next_message(const guint8 **at, gsize *n_left)
{
    const struct nlmsghdr *message = (const void *) *at;
    gsize n;

    /* mnl_nlmsg_ok() of libmnl 1.0.4 takes a length above 2 GiB for a negative one. */
    if (*n_left < sizeof(*message) || message->nlmsg_len < sizeof(*message)
        || message->nlmsg_len > *n_left)
        return NULL;

    n = MIN(MNL_ALIGN((gsize) message->nlmsg_len), *n_left);
    *at += n;
    *n_left -= n;
    return message;
}

/**
 * Takes in one datagram.
 *
 * @seq: number of the request that is being answered; messages that carry another are old and
 *     left out
 * @kernel_errno: (out): why, when the kernel refused; otherwise left as it was
 *
 * What is malformed or of no interest is left out, too: the kernel may know more than we do.
 *
 * Returns: what is known of the dump after this datagram
 */
ApRouteFeed
ap_route_tables_feed(ApRouteTables *self,
                     const void *bytes,
                     gsize n,
                     guint32 seq,
                     int *kernel_errno)
{
    const guint8 *at = bytes;
    const struct nlmsghdr *message;

    while ((message = next_message(&at, &n)) != NULL) {
        if (message->nlmsg_seq != seq)
            continue;

        if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
            self->interrupted = TRUE;
        if (message->nlmsg_type != NLMSG_DONE && message->nlmsg_type != NLMSG_ERROR) {
            take_message(self, message);
            continue;
        }

        if (read_errno(message) != 0) {
            *kernel_errno = read_errno(message);
            return AP_ROUTE_FEED_FAILED;
        }
        return self->interrupted ? AP_ROUTE_FEED_INTERRUPTED : AP_ROUTE_FEED_DONE;
    }
    return AP_ROUTE_FEED_MORE;
}

static int
compare_links(gconstpointer a, gconstpointer b)
{
    const ApLink *const *x = a;
    const ApLink *const *y = b;

    return (*x)->ifindex < (*y)->ifindex ? -1 : (*x)->ifindex > (*y)->ifindex;
}

/*
 * A gateway says that there is a LAN, so a route with one goes before any without; then the
 * metric decides, and between equal ones the address, so that the kernel's order does not.
 */
static gboolean
is_better(const ApDefaultRoute *a, const ApDefaultRoute *b)
{
    if ((a->gateway.family == AF_UNSPEC) != (b->gateway.family == AF_UNSPEC))
        return a->gateway.family != AF_UNSPEC;
    if (a->metric != b->metric)
        return a->metric < b->metric;
    return ap_addr_compare(&a->gateway, &b->gateway) < 0;
}

static void
add_routes(const ApRouteTables *self, GHashTable *by_index)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < self->routes->len; i++) {
        const ApRouteDefault *found = &g_array_index(self->routes, ApRouteDefault, i);
        ApLink *link = g_hash_table_lookup(by_index, GUINT_TO_POINTER(found->ifindex));
        ApDefaultRoute *best;

        if (link == NULL)
            continue;

        best = found->family == AF_INET ? &link->route4 : &link->route6;
        if (g_hash_table_add(seen, best) || is_better(&found->route, best))
            *best = found->route;
    }
}

static void
add_addresses(const ApRouteTables *self, GHashTable *by_index)
{
    for (guint i = 0; i < self->addresses->len; i++) {
        const ApRouteAddress *found = &g_array_index(self->addresses, ApRouteAddress, i);
        ApLink *link = g_hash_table_lookup(by_index, GUINT_TO_POINTER(found->ifindex));

        if (link != NULL && link->addresses->len < AP_ROUTE_TABLES_MAX_ADDRESSES)
            g_array_append_val(link->addresses, found->address);
    }
}

/**
 * Puts the tables together: every link with its addresses and its best default routes.
 *
 * Addresses and routes of links that the dump of links did not name are left out: the links
 * are newer than that dump, and a notification about them is on its way.
 *
 * Returns: (transfer full) (element-type ApLink): by index, each sorted
 */
GPtrArray *
ap_route_tables_list(const ApRouteTables *self)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify) ap_link_free);
    g_autoptr(GHashTable) by_index = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < self->links->len; i++) {
        const ApLink *found = g_ptr_array_index(self->links, i);
        gpointer index = GUINT_TO_POINTER(found->ifindex);

        if (g_hash_table_contains(by_index, index))
            continue;

        g_ptr_array_add(list, ap_link_copy(found));
        (void) g_hash_table_insert(by_index, index, list->pdata[list->len - 1]);
    }
    add_addresses(self, by_index);
    add_routes(self, by_index);

    for (guint i = 0; i < list->len; i++)
        ap_link_sort(g_ptr_array_index(list, i));
    g_ptr_array_sort(list, compare_links);
    return list;
}
