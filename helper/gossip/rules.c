/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/rules.h"

#include "common/cidr.h"
#include "common/text.h"
#include "helper/core/peer-policy.h"

/**
 * Judges a packet as a whole (security rule G5): a sender that packs differently from everybody
 * else tries something.
 */
ApGossipRefusal
ap_rules_judge_group(const ApGroup *group, const ApGroupFacts *facts)
{
    if (!group->is_minimal)
        return AP_GOSSIP_REFUSAL_NOT_MINIMAL;

    for (guint i = 0; i < facts->n_items; i++) {
        if (!facts->items[i].is_minimal)
            return AP_GOSSIP_REFUSAL_NOT_MINIMAL;
    }
    return AP_GOSSIP_REFUSAL_NONE;
}

static ApGossipRefusal
judge_endpoint(const ApEndpoint *endpoint)
{
    return endpoint->port != 0 && ap_addr_is_host(&endpoint->addr) ? AP_GOSSIP_REFUSAL_NONE
                                                                   : AP_GOSSIP_REFUSAL_ENDPOINT;
}

static ApGossipRefusal
judge_network(const ApFactNetwork *network)
{
    const ApCidr canonical = ap_cidr_network(&network->addr, network->prefix_len);

    if (!ap_addr_equal(&canonical.addr, &network->addr))
        return AP_GOSSIP_REFUSAL_HOST_BITS;
    if (!ap_cidr_is_host(&canonical))
        return AP_GOSSIP_REFUSAL_NETWORK;
    return ap_addr_is_host(&network->addr) ? AP_GOSSIP_REFUSAL_NONE : AP_GOSSIP_REFUSAL_ADDRESS;
}

static ApGossipRefusal
judge_member(const ApMember *member)
{
    ApReader name;

    if (member->n_bytes > AP_RULES_MAX_MEMBER)
        return AP_GOSSIP_REFUSAL_MEMBER_SIZE;
    if (ap_member_find(member, AP_MEMBER_NAME, &name)
        && (name.left > AP_PEER_NAME_MAX
            || !ap_text_is_harmless((const char *) name.data, name.left)))
        return AP_GOSSIP_REFUSAL_NAME;
    return AP_GOSSIP_REFUSAL_NONE;
}

/**
 * Judges one fact by itself. Whether its teller may say it is ap_trust_judge()'s question.
 *
 * @fact: well-formed, as ap_group_read() gave it
 */
ApGossipRefusal
ap_rules_judge(const ApFact *fact)
{
    if (fact->ttl_sec == 0)
        return AP_GOSSIP_REFUSAL_EXPIRED;
    if (!ap_key_is_safe(&fact->subject))
        return AP_GOSSIP_REFUSAL_SUBJECT_KEY;

    switch (fact->kind) {
    case AP_FACT_ALIVE:
    case AP_FACT_MEMBER_OLD:
        return AP_GOSSIP_REFUSAL_NONE;
    case AP_FACT_ENDPOINT4:
    case AP_FACT_ENDPOINT6:
        return judge_endpoint(&fact->endpoint);
    case AP_FACT_ALLOWED4:
    case AP_FACT_ALLOWED6:
        return judge_network(&fact->network);
    case AP_FACT_MEMBER:
        return judge_member(&fact->member);
    }
    return AP_GOSSIP_REFUSAL_ATTRIBUTE;
}
