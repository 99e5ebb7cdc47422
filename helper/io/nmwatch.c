/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/nmwatch.h"

#include <NetworkManager.h>

/* Counted: the start of the client goes on for a while after ap_nmwatch_free(). */
struct _ApNmwatch {
    NMClient *client;          /* (owned) (nullable): NULL until it is made, or without a bus */
    GCancellable *cancellable; /* (owned) */
    GClosure *notified;        /* (owned) connected to all objects; invalid: all disconnected */
    ApNmwatchFunc hint;
    gpointer user_data;
};

/* Properties of the client, a device and an IP configuration that change what we list. */
static const char *const client_properties[] = {
    "notify::" NM_CLIENT_NM_RUNNING,
    "notify::" NM_CLIENT_DEVICES,
    "notify::" NM_CLIENT_PRIMARY_CONNECTION,
    NULL,
};
static const char *const device_properties[] = {
    "notify::" NM_DEVICE_STATE,
    "notify::" NM_DEVICE_IP4_CONFIG,
    "notify::" NM_DEVICE_IP6_CONFIG,
    "notify::" NM_DEVICE_IP_INTERFACE,
    NULL,
};
static const char *const config_properties[] = {
    "notify::" NM_IP_CONFIG_NAMESERVERS,
    NULL,
};

static void
on_notify(G_GNUC_UNUSED GObject *object, G_GNUC_UNUSED GParamSpec *property, gpointer data)
{
    ApNmwatch *self = data;

    self->hint(self->user_data);
}

/* Listens to @object, unless we do so already. */
static void
follow(ApNmwatch *self, gpointer object, const char *const *signals)
{
    if (g_signal_handler_find(object, G_SIGNAL_MATCH_CLOSURE, 0, 0, self->notified, NULL, NULL)
        != 0)
        return;

    for (; *signals != NULL; signals++)
        (void) g_signal_connect_closure(object, *signals, self->notified, FALSE);
}

static void
clear(gpointer data)
{
    ApNmwatch *self = data;

    g_clear_object(&self->client);
    g_clear_object(&self->cancellable);
    g_clear_pointer(&self->notified, g_closure_unref);
}

static void
release(ApNmwatch *self)
{
    g_rc_box_release_full(self, clear);
}

/* Without a bus there is no NetworkManager either: that is not an error. */
static void
on_client_made(GObject *source, GAsyncResult *result, gpointer data)
{
    ApNmwatch *self = data;
    g_autoptr(GObject) client = g_async_initable_new_finish(G_ASYNC_INITABLE(source), result, NULL);

    if (client != NULL && !g_cancellable_is_cancelled(self->cancellable)) {
        self->client = NM_CLIENT(g_steal_pointer(&client));
        follow(self, self->client, client_properties);
        self->hint(self->user_data);
    }
    release(self);
}

/**
 * Starts to look for NetworkManager. Returns at once, and works the same whether it runs, starts
 * later, dies and comes back, or never exists; it is never started by us.
 *
 * @hint: when to call ap_nmwatch_list() again
 *
 * Returns: (transfer full)
 */
ApNmwatch *
ap_nmwatch_new(ApNmwatchFunc hint, gpointer user_data)
{
    ApNmwatch *self = g_rc_box_new0(ApNmwatch);

    self->hint = hint;
    self->user_data = user_data;
    self->cancellable = g_cancellable_new();
    self->notified = g_closure_ref(g_cclosure_new(G_CALLBACK(on_notify), self, NULL));
    g_closure_sink(self->notified);

    g_async_initable_new_async(NM_TYPE_CLIENT,
                               G_PRIORITY_DEFAULT,
                               self->cancellable,
                               on_client_made,
                               g_rc_box_acquire(self),
                               NM_CLIENT_INSTANCE_FLAGS,
                               (guint) NM_CLIENT_INSTANCE_FLAGS_NO_AUTO_FETCH_PERMISSIONS,
                               NULL);
    return self;
}

/** Returns: (transfer none) (nullable): NetworkManager's version; NULL while it does not run */
const char *
ap_nmwatch_get_version(const ApNmwatch *self)
{
    if (self->client == NULL || !nm_client_get_nm_running(self->client))
        return NULL;
    return nm_client_get_version(self->client);
}

/**
 * Ends the watching; @hint is not called any more.
 */
void
ap_nmwatch_free(ApNmwatch *self)
{
    if (self == NULL)
        return;

    g_cancellable_cancel(self->cancellable);
    g_closure_invalidate(self->notified);
    g_clear_object(&self->client);
    release(self);
}

static ApLinkKind
kind_of(NMDevice *device)
{
    const NMDeviceType type = nm_device_get_device_type(device);

    if (type == NM_DEVICE_TYPE_WIFI || type == NM_DEVICE_TYPE_OLPC_MESH)
        return AP_LINK_KIND_WIFI;
    if (type == NM_DEVICE_TYPE_MODEM)
        return AP_LINK_KIND_MOBILE;
    return AP_LINK_KIND_OTHER;
}

/* Between these states NetworkManager writes the configuration; after them it is complete. */
static gboolean
is_activating(NMDevice *device)
{
    const NMDeviceState state = nm_device_get_state(device);

    return state >= NM_DEVICE_STATE_PREPARE && state <= NM_DEVICE_STATE_IP_CONFIG;
}

static void
add_dns(ApNmwatch *self, ApNmDevice *out, NMIPConfig *config)
{
    const char *const *servers;

    if (config == NULL)
        return;

    follow(self, config, config_properties);
    servers = nm_ip_config_get_nameservers(config);
    for (; servers != NULL && *servers != NULL; servers++) {
        ApAddr addr;

        if (out->dns->len < AP_LINK_MERGE_MAX_DNS && ap_addr_parse(&addr, *servers, NULL))
            g_array_append_val(out->dns, addr);
    }
}

static ApNmDevice *
read_device(ApNmwatch *self, NMDevice *device)
{
    const char *name = nm_device_get_ip_iface(device);
    ApNmDevice *out;

    if (name == NULL)
        name = nm_device_get_iface(device);
    if (name == NULL)
        return NULL;

    out = ap_nm_device_new(name);
    out->kind = kind_of(device);
    out->activating = is_activating(device);
    add_dns(self, out, nm_device_get_ip4_config(device));
    add_dns(self, out, nm_device_get_ip6_config(device));
    return out;
}

/**
 * Tells what NetworkManager says now about the interfaces that it knows.
 *
 * All of it is a hint: an interface is matched by name, since libnm knows no index.
 *
 * Returns: (transfer full) (nullable) (element-type ApNmDevice): NULL when it does not run
 */
GPtrArray *
ap_nmwatch_list(ApNmwatch *self)
{
    const GPtrArray *devices;
    GPtrArray *list;

    if (self->client == NULL || !nm_client_get_nm_running(self->client))
        return NULL;

    list = g_ptr_array_new_with_free_func((GDestroyNotify) ap_nm_device_free);
    devices = nm_client_get_devices(self->client);
    for (guint i = 0; i < devices->len; i++) {
        NMDevice *device = g_ptr_array_index(devices, i);
        ApNmDevice *read = read_device(self, device);

        follow(self, device, device_properties);
        if (read != NULL)
            g_ptr_array_add(list, read);
    }
    return list;
}
