/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/refusal.h"

static const char *const refusal_names[AP_N_GOSSIP_REFUSALS] = {
    [AP_GOSSIP_REFUSAL_NONE] = "none",
    [AP_GOSSIP_REFUSAL_SHORT] = "short",
    [AP_GOSSIP_REFUSAL_LONG] = "long",
    [AP_GOSSIP_REFUSAL_ATTRIBUTE] = "attribute",
    [AP_GOSSIP_REFUSAL_VARINT] = "varint",
    [AP_GOSSIP_REFUSAL_TTL] = "ttl",
    [AP_GOSSIP_REFUSAL_MAPPED] = "mapped",
    [AP_GOSSIP_REFUSAL_PREFIX_LENGTH] = "prefix-length",
    [AP_GOSSIP_REFUSAL_MEMBER_FRAME] = "member-frame",
    [AP_GOSSIP_REFUSAL_MEMBER_TWICE] = "member-twice",
    [AP_GOSSIP_REFUSAL_MEMBER_NAME] = "member-name",
    [AP_GOSSIP_REFUSAL_MEMBER_BASIC] = "member-basic",
    [AP_GOSSIP_REFUSAL_UNSIGNED] = "unsigned",
    [AP_GOSSIP_REFUSAL_NESTED] = "nested",
    [AP_GOSSIP_REFUSAL_SIGNER_ADDRESS] = "signer-address",
    [AP_GOSSIP_REFUSAL_SIGNER_KEY] = "signer-key",
    [AP_GOSSIP_REFUSAL_TAG] = "tag",
};

/** Returns: the word for @refusal, as in a counter's name; static */
const char *
ap_gossip_refusal_name(ApGossipRefusal refusal)
{
    g_return_val_if_fail((guint) refusal < AP_N_GOSSIP_REFUSALS, NULL);

    return refusal_names[refusal];
}
