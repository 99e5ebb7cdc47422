/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/wireguard/netlink.h"
#include "common/wireguard/uapi.h"
#include "common/wireguard/wireguard.h"

typedef struct {
    ApWireguard parent;
    ApWireguard *kernel;    /* (owned) */
    ApWireguard *userspace; /* (owned) */
} ApSystem;

/* NULL for a device that cannot be of this system, which is a bug of the caller. */
static ApWireguard *
backend_of(ApWireguard *base, const ApDeviceId *id)
{
    ApSystem *self = (ApSystem *) base;

    switch (id->backend) {
    case AP_BACKEND_KERNEL:
        return self->kernel;
    case AP_BACKEND_USERSPACE:
        return self->userspace;
    case AP_BACKEND_FAKE:
        break;
    }
    g_return_val_if_reached(NULL);
}

static gboolean
holds_index(const GArray *ids, guint32 ifindex)
{
    for (guint i = 0; i < ids->len; i++) {
        if (g_array_index(ids, ApDeviceId, i).ifindex == ifindex)
            return TRUE;
    }
    return FALSE;
}

/* A socket named as a kernel device is not a second device: the kernel's word counts. */
static gboolean
system_list(ApWireguard *base, GArray *out, GError **error)
{
    ApSystem *self = (ApSystem *) base;
    g_autoptr(GArray) more = g_array_new(FALSE, TRUE, sizeof(ApDeviceId));

    if (!self->kernel->ops->list(self->kernel, out, error)
        || !self->userspace->ops->list(self->userspace, more, error))
        return FALSE;

    for (guint i = 0; i < more->len; i++) {
        const ApDeviceId *id = &g_array_index(more, ApDeviceId, i);

        if (!holds_index(out, id->ifindex))
            g_array_append_val(out, *id);
    }
    return TRUE;
}

static ApDevice *
system_read(ApWireguard *base, const ApDeviceId *id, GError **error)
{
    ApWireguard *backend = backend_of(base, id);

    return backend != NULL ? backend->ops->read(backend, id, error) : NULL;
}

static gboolean
system_read_secret(ApWireguard *base, const ApDeviceId *id, ApSecretKey *out, GError **error)
{
    ApWireguard *backend = backend_of(base, id);

    return backend != NULL && backend->ops->read_secret(backend, id, out, error);
}

static gboolean
system_apply(ApWireguard *base,
             const ApDeviceId *id,
             const ApPeerChange *changes,
             guint n_changes,
             GError **error)
{
    ApWireguard *backend = backend_of(base, id);

    return backend != NULL && backend->ops->apply(backend, id, changes, n_changes, error);
}

static void
system_free(ApWireguard *base)
{
    ApSystem *self = (ApSystem *) base;

    ap_wireguard_free(self->kernel);
    ap_wireguard_free(self->userspace);
    g_free(self);
}

static const ApWireguardOps system_ops = {
    .list = system_list,
    .read = system_read,
    .read_secret = system_read_secret,
    .apply = system_apply,
    .free = system_free,
};

/**
 * Opens the door to the devices of this system: those of the kernel and those of userspace
 * daemons. Either kind may be missing altogether.
 *
 * No file stays open between two calls, and nothing is read before the first.
 *
 * Returns: (transfer full)
 */
ApWireguard *
ap_wireguard_new_system(void)
{
    ApSystem *self = g_new0(ApSystem, 1);

    self->parent.ops = &system_ops;
    self->kernel = ap_wireguard_netlink_new(ap_netlink_ask);
    self->userspace = ap_wireguard_uapi_new(AP_WIREGUARD_UAPI_DIR);
    return &self->parent;
}
