/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/wireguard/fake.h"

#include <string.h>

/** A failure that the test ordered. */
typedef struct {
    gboolean armed;
    guint n_before; /* changes that still succeed */
    ApError code;
} Failure;

typedef struct {
    ApWireguard parent;
    GHashTable *devices; /* (owned) (element-type ifindex FakeDevice) */
    GArray *changes;     /* (owned) (element-type ApWireguardFakeChange) */
    ApWireguardFakeCalls calls;
    Failure list;
    Failure read;
    Failure apply;
} ApFake;

/** The two tables keep 10,000 peers as quick as ten. */
typedef struct {
    ApDeviceId id;
    ApKey public_key;
    ApSecretKey secret; /* zero: not known to the test either */
    gboolean has_key;
    guint16 listen_port;
    GHashTable *peers;  /* (owned) (element-type ApKey ApDevicePeer): keys live in the peers */
    GHashTable *owners; /* (owned) (element-type ApCidr ApDevicePeer): who holds a prefix */
} FakeDevice;

static guint
hash_bytes(const guint8 *bytes, gsize n)
{
    guint hash = 5381;

    for (gsize i = 0; i < n; i++)
        hash = hash * 33 + bytes[i];
    return hash;
}

static guint
hash_key(gconstpointer key)
{
    return hash_bytes(((const ApKey *) key)->bytes, AP_KEY_LEN);
}

static gboolean
equal_keys(gconstpointer a, gconstpointer b)
{
    return ap_key_equal(a, b);
}

static guint
hash_cidr(gconstpointer key)
{
    const ApCidr *cidr = key;

    return hash_bytes(cidr->addr.bytes, sizeof(cidr->addr.bytes)) * 33 + cidr->prefix_len;
}

static gboolean
equal_cidrs(gconstpointer a, gconstpointer b)
{
    return ap_cidr_equal(a, b);
}

static FakeDevice *
device_new(void)
{
    FakeDevice *self = g_new0(FakeDevice, 1);

    self->peers =
        g_hash_table_new_full(hash_key, equal_keys, NULL, (GDestroyNotify) ap_device_peer_free);
    self->owners = g_hash_table_new_full(hash_cidr, equal_cidrs, g_free, NULL);
    return self;
}

static void
device_free(gpointer data)
{
    FakeDevice *self = data;

    g_hash_table_unref(self->owners);
    g_hash_table_unref(self->peers);
    g_free(self);
}

static FakeDevice *
find_device(const ApFake *self, guint32 ifindex)
{
    return g_hash_table_lookup(self->devices, GUINT_TO_POINTER(ifindex));
}

/* --- what a device does --------------------------------------------------------------------- */

static void
forget_prefix(ApDevicePeer *peer, const ApCidr *cidr)
{
    for (guint i = 0; i < peer->allowed->len; i++) {
        if (ap_cidr_equal(&g_array_index(peer->allowed, ApCidr, i), cidr)) {
            g_array_remove_index_fast(peer->allowed, i);
            return;
        }
    }
}

/* A prefix has one holder: giving it to @peer takes it from the one that had it. */
static void
give_prefix(FakeDevice *device, ApDevicePeer *peer, const ApCidr *cidr)
{
    ApDevicePeer *holder = g_hash_table_lookup(device->owners, cidr);

    if (holder == peer)
        return;

    if (holder != NULL)
        forget_prefix(holder, cidr);
    g_array_append_val(peer->allowed, *cidr);
    g_hash_table_replace(device->owners, g_memdup2(cidr, sizeof(*cidr)), peer);
}

static void
clear_prefixes(FakeDevice *device, ApDevicePeer *peer)
{
    for (guint i = 0; i < peer->allowed->len; i++)
        g_hash_table_remove(device->owners, &g_array_index(peer->allowed, ApCidr, i));
    g_array_set_size(peer->allowed, 0);
}

static void
remove_peer(FakeDevice *device, const ApKey *key)
{
    ApDevicePeer *peer = g_hash_table_lookup(device->peers, key);

    if (peer == NULL)
        return;

    clear_prefixes(device, peer);
    g_hash_table_remove(device->peers, &peer->key);
}

static ApDevicePeer *
ensure_peer(FakeDevice *device, const ApKey *key)
{
    ApDevicePeer *peer = g_hash_table_lookup(device->peers, key);

    if (peer == NULL) {
        peer = ap_device_peer_new(key);
        g_hash_table_insert(device->peers, &peer->key, peer);
    }
    return peer;
}

static gboolean
is_own_key(const FakeDevice *device, const ApKey *key)
{
    return device->has_key && ap_key_equal(&device->public_key, key);
}

/* The order of steps is that of set_peer(), Linux 6.1 drivers/net/wireguard/netlink.c. */
static void
change_peer(FakeDevice *device, const ApPeerChange *change)
{
    ApDevicePeer *peer;

    if (is_own_key(device, &change->key))
        return;
    if ((change->flags & AP_PEER_REMOVE) != 0) {
        remove_peer(device, &change->key);
        return;
    }
    if ((change->flags & AP_PEER_UPDATE_ONLY) != 0
        && !g_hash_table_contains(device->peers, &change->key))
        return;

    peer = ensure_peer(device, &change->key);
    if ((change->flags & AP_PEER_SET_ENDPOINT) != 0)
        peer->endpoint = change->endpoint;
    if ((change->flags & AP_PEER_REPLACE_ALLOWED) != 0)
        clear_prefixes(device, peer);
    for (guint i = 0; i < change->n_allowed; i++)
        give_prefix(device, peer, &change->allowed[i]);
    if ((change->flags & AP_PEER_SET_KEEPALIVE) != 0)
        peer->keepalive_sec = change->keepalive_sec;
}

static ApDevicePeer *
copy_peer(const ApDevicePeer *peer)
{
    ApDevicePeer *copy = ap_device_peer_new(&peer->key);
    GArray *allowed = copy->allowed;

    *copy = *peer;
    copy->allowed = allowed;
    g_array_append_vals(allowed, peer->allowed->data, peer->allowed->len);
    return copy;
}

static ApDevice *
copy_device(const FakeDevice *device)
{
    ApDevice *copy = ap_device_new(&device->id);
    GHashTableIter iter;
    gpointer peer;

    copy->public_key = device->public_key;
    copy->has_key = device->has_key;
    copy->listen_port = device->listen_port;

    g_hash_table_iter_init(&iter, device->peers);
    while (g_hash_table_iter_next(&iter, NULL, &peer))
        g_ptr_array_add(copy->peers, copy_peer(peer));
    return copy;
}

/* --- the backend ---------------------------------------------------------------------------- */

/* Tells whether the ordered failure is due, and uses it up. */
static gboolean
fails(Failure *failure, GError **error)
{
    if (!failure->armed)
        return FALSE;
    if (failure->n_before > 0) {
        failure->n_before--;
        return FALSE;
    }

    failure->armed = FALSE;
    g_set_error(error, AP_ERROR, (int) failure->code, "fake: a failure was ordered");
    return TRUE;
}

static FakeDevice *
find_or_fail(ApFake *self, const ApDeviceId *id, GError **error)
{
    FakeDevice *device = find_device(self, id->ifindex);

    if (device == NULL)
        g_set_error(error, AP_ERROR, AP_ERROR_GONE, "fake: no device %s", id->name);
    return device;
}

static gboolean
fake_list(ApWireguard *base, GArray *out, GError **error)
{
    ApFake *self = (ApFake *) base;
    GHashTableIter iter;
    gpointer device;

    self->calls.n_list++;
    if (fails(&self->list, error))
        return FALSE;

    g_hash_table_iter_init(&iter, self->devices);
    while (g_hash_table_iter_next(&iter, NULL, &device))
        g_array_append_val(out, ((FakeDevice *) device)->id);
    return TRUE;
}

static ApDevice *
fake_read(ApWireguard *base, const ApDeviceId *id, GError **error)
{
    ApFake *self = (ApFake *) base;
    const FakeDevice *device;

    self->calls.n_read++;
    if (fails(&self->read, error))
        return NULL;

    device = find_or_fail(self, id, error);
    return device != NULL ? copy_device(device) : NULL;
}

static gboolean
fake_read_secret(ApWireguard *base, const ApDeviceId *id, ApSecretKey *out, GError **error)
{
    ApFake *self = (ApFake *) base;
    const FakeDevice *device;

    self->calls.n_read++;
    if (fails(&self->read, error))
        return FALSE;

    device = find_or_fail(self, id, error);
    if (device != NULL)
        *out = device->secret;
    return device != NULL;
}

static gboolean
fake_apply(ApWireguard *base,
           const ApDeviceId *id,
           const ApPeerChange *changes,
           guint n_changes,
           GError **error)
{
    ApFake *self = (ApFake *) base;
    FakeDevice *device;

    self->calls.n_apply++;
    device = find_or_fail(self, id, error);
    if (device == NULL)
        return FALSE;

    for (guint i = 0; i < n_changes; i++) {
        const ApWireguardFakeChange done = {.ifindex = id->ifindex, .change = changes[i]};

        if (fails(&self->apply, error))
            return FALSE;

        change_peer(device, &changes[i]);
        g_array_append_val(self->changes, done);
    }
    return TRUE;
}

static void
fake_free(ApWireguard *base)
{
    ApFake *self = (ApFake *) base;

    g_hash_table_unref(self->devices);
    g_array_unref(self->changes);
    g_free(self);
}

static const ApWireguardOps fake_ops = {
    .list = fake_list,
    .read = fake_read,
    .read_secret = fake_read_secret,
    .apply = fake_apply,
    .free = fake_free,
};

/* --- the test's side ------------------------------------------------------------------------ */

static ApFake *
as_fake(const ApWireguard *wireguard)
{
    g_assert(wireguard != NULL && wireguard->ops == &fake_ops);
    return (ApFake *) wireguard;
}

/* A test that names a device that it never made is wrong: it stops here. */
static FakeDevice *
must_find(const ApWireguard *wireguard, guint32 ifindex)
{
    FakeDevice *device = find_device(as_fake(wireguard), ifindex);

    g_assert_nonnull(device);
    return device;
}

/**
 * Makes a backend without devices.
 *
 * Returns: (transfer full): free it as every other ApWireguard
 */
ApWireguard *
ap_wireguard_fake_new(void)
{
    ApFake *self = g_new0(ApFake, 1);

    self->parent.ops = &fake_ops;
    self->devices = g_hash_table_new_full(NULL, NULL, NULL, device_free);
    self->changes = g_array_new(FALSE, TRUE, sizeof(ApWireguardFakeChange));
    return &self->parent;
}

/**
 * Adds a device without peers; one of the same index is replaced.
 *
 * @public_key: (nullable): NULL: no private key was set yet
 */
ApDeviceId
ap_wireguard_fake_add_device(ApWireguard *wireguard,
                             guint32 ifindex,
                             const char *name,
                             const ApKey *public_key,
                             guint16 listen_port)
{
    FakeDevice *device = device_new();

    device->id.ifindex = ifindex;
    device->id.backend = AP_BACKEND_FAKE;
    g_strlcpy(device->id.name, name, sizeof(device->id.name));
    device->listen_port = listen_port;
    g_hash_table_replace(as_fake(wireguard)->devices, GUINT_TO_POINTER(ifindex), device);
    ap_wireguard_fake_set_key(wireguard, ifindex, public_key);
    return device->id;
}

/** Gives the device another key of which both parts are known. */
void
ap_wireguard_fake_set_secret(ApWireguard *wireguard, guint32 ifindex, const ApSecretKey *secret)
{
    ApKey public_key;

    ap_secret_key_public(secret, &public_key);
    ap_wireguard_fake_set_key(wireguard, ifindex, &public_key);
    must_find(wireguard, ifindex)->secret = *secret;
}

/**
 * Gives the device another key, as an administrator would.
 *
 * @public_key: (nullable): NULL: the private key was removed
 *
 * As in the kernel, a peer with that key goes away.
 */
void
ap_wireguard_fake_set_key(ApWireguard *wireguard, guint32 ifindex, const ApKey *public_key)
{
    FakeDevice *device = must_find(wireguard, ifindex);

    device->has_key = public_key != NULL;
    device->secret = (ApSecretKey){{0}};
    device->public_key = public_key != NULL ? *public_key : (ApKey){{0}};
    if (public_key != NULL)
        remove_peer(device, public_key);
}

/** Has a device listen on another port. */
void
ap_wireguard_fake_set_port(ApWireguard *wireguard, guint32 ifindex, guint16 listen_port)
{
    must_find(wireguard, ifindex)->listen_port = listen_port;
}

/** Gives a device another name; its index stays. */
void
ap_wireguard_fake_rename_device(ApWireguard *wireguard, guint32 ifindex, const char *name)
{
    FakeDevice *device = must_find(wireguard, ifindex);

    g_strlcpy(device->id.name, name, sizeof(device->id.name));
}

/**
 * Deletes a device: from now on every call that names it gives AP_ERROR_GONE.
 */
void
ap_wireguard_fake_remove_device(ApWireguard *wireguard, guint32 ifindex)
{
    g_hash_table_remove(as_fake(wireguard)->devices, GUINT_TO_POINTER(ifindex));
}

/**
 * Adds a peer as an administrator would; one with the same key is replaced.
 *
 * @peer: copied, statistics included
 *
 * Neither this nor any other function of the test's side counts as a call or as a change.
 */
void
ap_wireguard_fake_add_peer(ApWireguard *wireguard, guint32 ifindex, const ApDevicePeer *peer)
{
    FakeDevice *device = must_find(wireguard, ifindex);
    ApDevicePeer *copy;
    GArray *allowed;

    remove_peer(device, &peer->key);
    copy = ensure_peer(device, &peer->key);
    allowed = copy->allowed;
    *copy = *peer;
    copy->allowed = allowed;
    for (guint i = 0; i < peer->allowed->len; i++)
        give_prefix(device, copy, &g_array_index(peer->allowed, ApCidr, i));
}

/**
 * Removes a peer as an administrator would; none of that key is fine.
 */
void
ap_wireguard_fake_remove_peer(ApWireguard *wireguard, guint32 ifindex, const ApKey *key)
{
    remove_peer(must_find(wireguard, ifindex), key);
}

/**
 * Finds a peer, to set what the network would: handshake, counters, a roamed endpoint.
 *
 * Returns: (transfer none) (nullable): valid until the peer is removed; its key and prefixes
 *     are not to be changed through it
 */
ApDevicePeer *
ap_wireguard_fake_peer(ApWireguard *wireguard, guint32 ifindex, const ApKey *key)
{
    return g_hash_table_lookup(must_find(wireguard, ifindex)->peers, key);
}

/**
 * Makes the next ap_wireguard_list() fail.
 */
void
ap_wireguard_fake_fail_list(ApWireguard *wireguard, ApError code)
{
    as_fake(wireguard)->list = (Failure){.armed = TRUE, .code = code};
}

/**
 * Makes the next ap_wireguard_read() fail.
 */
void
ap_wireguard_fake_fail_read(ApWireguard *wireguard, ApError code)
{
    as_fake(wireguard)->read = (Failure){.armed = TRUE, .code = code};
}

/**
 * Makes the (@n_before + 1)-th change from now fail; those before it are carried out (fault
 * F16), those after it in the same call are not.
 */
void
ap_wireguard_fake_fail_apply(ApWireguard *wireguard, guint n_before, ApError code)
{
    as_fake(wireguard)->apply = (Failure){.armed = TRUE, .n_before = n_before, .code = code};
}

/**
 * Returns: (transfer none): lives as long as @wireguard
 */
const ApWireguardFakeCalls *
ap_wireguard_fake_calls(const ApWireguard *wireguard)
{
    return &as_fake(wireguard)->calls;
}

/**
 * Returns: (transfer none) (element-type ApWireguardFakeChange): all changes carried out, in
 *     their order
 */
const GArray *
ap_wireguard_fake_changes(const ApWireguard *wireguard)
{
    return as_fake(wireguard)->changes;
}

/**
 * Starts counting calls and collecting changes anew; devices stay as they are.
 */
void
ap_wireguard_fake_forget(ApWireguard *wireguard)
{
    ApFake *self = as_fake(wireguard);

    self->calls = (ApWireguardFakeCalls){0};
    g_array_set_size(self->changes, 0);
}
