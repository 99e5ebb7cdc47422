/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/wireguard/netlink.h"

#include "common/error.h"
#include "common/wireguard/trouble.h"

#include <errno.h>
#include <linux/wireguard.h>

typedef struct {
    ApWireguard parent;
    ApNetlinkAsk ask;
    guint32 seq;
    guint16 family; /* 0: not known */
} ApNetlink;

/* Translates how an exchange ended, after all tries. */
static gboolean
finish(ApNetlinkResult result, const char *what, const char *device, GError **error)
{
    switch (result.verdict) {
    case AP_NETLINK_DONE:
        return TRUE;
    case AP_NETLINK_REFUSED:
        ap_wireguard_set_error(error, result.errnum, what, device);
        return FALSE;
    case AP_NETLINK_MORE:
    case AP_NETLINK_INTERRUPTED:
        break;
    }

    g_set_error(error, AP_ERROR, AP_ERROR_FAILED, "%s %s: it changes too fast", what, device);
    return FALSE;
}

static ApNetlinkResult
look_up_family(ApNetlink *self)
{
    g_autofree ApNetlinkRequest *request = g_new(ApNetlinkRequest, 1);
    ApNetlinkResult result;

    self->family = 0;
    ap_netlink_build_get_family(request, ++self->seq, WG_GENL_NAME);
    result = self->ask(NETLINK_GENERIC, request, ap_netlink_take_family, &self->family);
    if (result.verdict == AP_NETLINK_DONE && self->family == 0)
        result = (ApNetlinkResult){AP_NETLINK_REFUSED, EBADMSG};
    return result;
}

/*
 * Asks WireGuard. Its number is remembered, but the module may have been unloaded and loaded
 * since, which gives it another: then nobody has the old one, and the kernel says ENOENT.
 */
static ApNetlinkResult
ask_wireguard(ApNetlink *self, ApNetlinkRequest *request, ApNetlinkTaker take, gpointer user_data)
{
    ApNetlinkResult result = {AP_NETLINK_REFUSED, ENOENT};

    if (self->family != 0) {
        request->header.nlmsg_type = self->family;
        result = self->ask(NETLINK_GENERIC, request, take, user_data);
    }
    if (result.verdict != AP_NETLINK_REFUSED || result.errnum != ENOENT)
        return result;

    result = look_up_family(self);
    if (result.verdict == AP_NETLINK_DONE) {
        request->header.nlmsg_type = self->family;
        result = self->ask(NETLINK_GENERIC, request, take, user_data);
    }

    /* Without WireGuard in the kernel no device of it is there either. */
    if (result.verdict == AP_NETLINK_REFUSED && result.errnum == ENOENT)
        result.errnum = ENODEV;
    return result;
}

/* By the kind of the links: that needs no family, and so makes nobody load the module. */
static gboolean
netlink_list(ApWireguard *base, GArray *out, GError **error)
{
    ApNetlink *self = (ApNetlink *) base;
    g_autofree ApNetlinkRequest *request = g_new(ApNetlinkRequest, 1);
    ApNetlinkResult result = {AP_NETLINK_INTERRUPTED, 0};

    for (guint i = 0; i < AP_NETLINK_MAX_TRIES && result.verdict == AP_NETLINK_INTERRUPTED; i++) {
        g_array_set_size(out, 0);
        ap_netlink_build_list_links(request, ++self->seq);
        result = self->ask(NETLINK_ROUTE, request, ap_netlink_take_link, out);
    }
    return finish(result, "list", "links", error);
}

static ApDevice *
netlink_read(ApWireguard *base, const ApDeviceId *id, GError **error)
{
    ApNetlink *self = (ApNetlink *) base;
    g_autofree ApNetlinkRequest *request = g_new(ApNetlinkRequest, 1);
    g_autoptr(ApDevice) device = NULL;
    ApNetlinkResult result = {AP_NETLINK_INTERRUPTED, 0};

    for (guint i = 0; i < AP_NETLINK_MAX_TRIES && result.verdict == AP_NETLINK_INTERRUPTED; i++) {
        g_clear_pointer(&device, ap_device_free);
        device = ap_device_new(id);
        device->id.ifindex = 0;
        ap_netlink_build_get_device(request, ++self->seq, self->family, id->ifindex);
        result = ask_wireguard(self, request, ap_netlink_take_device, device);
    }

    /* An answer that does not even name the device is not an empty device. */
    if (result.verdict == AP_NETLINK_DONE && device->id.ifindex != id->ifindex)
        result = (ApNetlinkResult){AP_NETLINK_REFUSED, EBADMSG};
    return finish(result, "read", id->name, error) ? g_steal_pointer(&device) : NULL;
}

/* A listing that changed under our hands has the key all the same. */
static gboolean
netlink_read_secret(ApWireguard *base, const ApDeviceId *id, ApSecretKey *out, GError **error)
{
    ApNetlink *self = (ApNetlink *) base;
    g_autofree ApNetlinkRequest *request = g_new(ApNetlinkRequest, 1);
    ApNetlinkResult result;

    ap_netlink_build_get_device(request, ++self->seq, self->family, id->ifindex);
    result = ask_wireguard(self, request, ap_netlink_take_secret, out);
    if (result.verdict == AP_NETLINK_INTERRUPTED)
        result.verdict = AP_NETLINK_DONE;
    return finish(result, "read", id->name, error);
}

static gboolean
netlink_apply(ApWireguard *base,
              const ApDeviceId *id,
              const ApPeerChange *changes,
              guint n_changes,
              GError **error)
{
    ApNetlink *self = (ApNetlink *) base;
    g_autofree ApNetlinkRequest *request = g_new(ApNetlinkRequest, 1);
    ApNetlinkResult result = {AP_NETLINK_DONE, 0};

    while (n_changes > 0 && result.verdict == AP_NETLINK_DONE) {
        const guint n = ap_netlink_build_set_device(request,
                                                    ++self->seq,
                                                    self->family,
                                                    id->ifindex,
                                                    changes,
                                                    n_changes);

        result = ask_wireguard(self, request, NULL, NULL);
        changes += n;
        n_changes -= n;
    }
    return finish(result, "change", id->name, error);
}

static void
netlink_free(ApWireguard *base)
{
    g_free(base);
}

static const ApWireguardOps netlink_ops = {
    .list = netlink_list,
    .read = netlink_read,
    .read_secret = netlink_read_secret,
    .apply = netlink_apply,
    .free = netlink_free,
};

/**
 * Makes the backend for WireGuard in the kernel; fine without it: then nothing is listed.
 *
 * @ask: ap_netlink_ask(), or what a test has in its place
 *
 * Returns: (transfer full)
 */
ApWireguard *
ap_wireguard_netlink_new(ApNetlinkAsk ask)
{
    ApNetlink *self = g_new0(ApNetlink, 1);

    self->parent.ops = &netlink_ops;
    self->ask = ask;
    return &self->parent;
}
