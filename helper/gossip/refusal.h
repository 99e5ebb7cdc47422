/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * Why a gossip packet, or one fact in it, was not used: a word each, and each is a counter.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Why a packet or a fact was not used. */
typedef enum {
    AP_GOSSIP_REFUSAL_NONE, /* it was used */

    /* the bytes of a packet: the verdict that wirelink gives, too */
    AP_GOSSIP_REFUSAL_SHORT,          /* it ends inside a fact */
    AP_GOSSIP_REFUSAL_LONG,           /* more than any receiver reads */
    AP_GOSSIP_REFUSAL_ATTRIBUTE,      /* a kind of fact that nobody knows */
    AP_GOSSIP_REFUSAL_VARINT,         /* an integer of more than 64 bits */
    AP_GOSSIP_REFUSAL_TTL,            /* above 65,535 s */
    AP_GOSSIP_REFUSAL_MAPPED,         /* an IPv4 address in IPv6 form */
    AP_GOSSIP_REFUSAL_PREFIX_LENGTH,  /* more bits than the family has */
    AP_GOSSIP_REFUSAL_MEMBER_FRAME,   /* items that do not add up to the length given */
    AP_GOSSIP_REFUSAL_MEMBER_TWICE,   /* two items with one key */
    AP_GOSSIP_REFUSAL_MEMBER_NAME,    /* not UTF-8 */
    AP_GOSSIP_REFUSAL_MEMBER_BASIC,   /* neither 0 nor 1 */
    AP_GOSSIP_REFUSAL_UNSIGNED,       /* a fact outside a signed group */
    AP_GOSSIP_REFUSAL_NESTED,         /* a signed group inside another */
    AP_GOSSIP_REFUSAL_SIGNER_ADDRESS, /* not sent from the signer's automatic address */
    AP_GOSSIP_REFUSAL_SIGNER_KEY,     /* a point of low order */
    AP_GOSSIP_REFUSAL_TAG,            /* not made with the key that the signer shares with us */

    AP_N_GOSSIP_REFUSALS,
} ApGossipRefusal;

const char *ap_gossip_refusal_name(ApGossipRefusal refusal) G_GNUC_CONST;

G_END_DECLS
