/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/wireguard/fake.h"
#include "tests/contract/bed.h"

#include <sodium.h>

static ApWireguard *fake; /* (not owned) the bed's */

static ApDeviceId
add_device(const char *name)
{
    static guint32 ifindex = 1;

    return ap_wireguard_fake_add_device(fake, ++ifindex, name, NULL, 0);
}

static void
remove_device(const ApDeviceId *id)
{
    ap_wireguard_fake_remove_device(fake, id->ifindex);
}

static void
rename_device(const ApDeviceId *id, const char *name)
{
    ap_wireguard_fake_rename_device(fake, id->ifindex, name);
}

static void
set_key(const ApDeviceId *id, const char *private_key, guint16 port)
{
    g_auto(ApSecretKey) secret = {0};

    g_assert_cmpint(sodium_base642bin(secret.bytes,
                                      sizeof(secret.bytes),
                                      private_key,
                                      AP_KEY_TEXT_LEN - 1,
                                      NULL,
                                      NULL,
                                      NULL,
                                      sodium_base64_VARIANT_ORIGINAL),
                    ==,
                    0);
    ap_wireguard_fake_set_secret(fake, id->ifindex, &secret);
    ap_wireguard_fake_set_port(fake, id->ifindex, port);
}

static void
add_peer(const ApDeviceId *id,
         const ApKey *key,
         const char *endpoint,
         gboolean with_psk,
         const char *allowed)
{
    g_autoptr(ApDevicePeer) peer = ap_device_peer_new(key);
    ApCidr cidr;

    peer->has_psk = with_psk;
    g_assert_true(endpoint == NULL || ap_endpoint_parse(&peer->endpoint, endpoint, NULL));
    g_assert_true(ap_cidr_parse(&cidr, allowed, NULL));
    g_array_append_val(peer->allowed, cidr);
    ap_wireguard_fake_add_peer(fake, id->ifindex, peer);
}

static const BedOps ops = {
    .add_device = add_device,
    .remove_device = remove_device,
    .rename_device = rename_device,
    .set_key = set_key,
    .add_peer = add_peer,
};

void
bed_open_fake(Bed *out)
{
    fake = ap_wireguard_fake_new();
    *out = (Bed){
        .ops = &ops,
        .wireguard = fake,
        .backend = AP_BACKEND_FAKE,
        .max_changes = G_MAXUINT,
        .keeps_scope = TRUE,
        .survives_renames = TRUE,
    };
}
