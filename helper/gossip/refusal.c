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
    [AP_GOSSIP_REFUSAL_SIZE] = "size",
    [AP_GOSSIP_REFUSAL_SOURCE] = "source",
    [AP_GOSSIP_REFUSAL_RATE] = "rate",
    [AP_GOSSIP_REFUSAL_RATE_ALL] = "rate-all",
    [AP_GOSSIP_REFUSAL_RATE_SECRETS] = "rate-secrets",
    [AP_GOSSIP_REFUSAL_REPLAY] = "replay",
    [AP_GOSSIP_REFUSAL_NOT_MINIMAL] = "not-minimal",
    [AP_GOSSIP_REFUSAL_EXPIRED] = "expired",
    [AP_GOSSIP_REFUSAL_OWN_SUBJECT] = "own-subject",
    [AP_GOSSIP_REFUSAL_REFLECTED] = "reflected",
    [AP_GOSSIP_REFUSAL_ALIVE_OTHER] = "alive-other",
    [AP_GOSSIP_REFUSAL_SUBJECT_KEY] = "subject-key",
    [AP_GOSSIP_REFUSAL_HOST_BITS] = "host-bits",
    [AP_GOSSIP_REFUSAL_NETWORK] = "network",
    [AP_GOSSIP_REFUSAL_ADDRESS] = "address",
    [AP_GOSSIP_REFUSAL_ENDPOINT] = "endpoint",
    [AP_GOSSIP_REFUSAL_NAME] = "name",
    [AP_GOSSIP_REFUSAL_MEMBER_SIZE] = "member-size",
    [AP_GOSSIP_REFUSAL_TRUST] = "trust",
    [AP_GOSSIP_REFUSAL_LIMIT] = "limit",
};

/** Returns: the word for @refusal, as in a counter's name; static */
const char *
ap_gossip_refusal_name(ApGossipRefusal refusal)
{
    g_return_val_if_fail((guint) refusal < AP_N_GOSSIP_REFUSALS, NULL);

    return refusal_names[refusal];
}
