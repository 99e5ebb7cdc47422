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

    /* a packet: our own rules */
    AP_GOSSIP_REFUSAL_SIZE,         /* G3: larger than any packet on the wire */
    AP_GOSSIP_REFUSAL_SOURCE,       /* G2: from nobody on the device */
    AP_GOSSIP_REFUSAL_RATE,         /* G4: more than any peer needs to send */
    AP_GOSSIP_REFUSAL_RATE_ALL,     /* G4: more than all peers together need to send */
    AP_GOSSIP_REFUSAL_RATE_SECRETS, /* G4: too many peers that we hear for the first time */
    AP_GOSSIP_REFUSAL_REPLAY,       /* G7: seen before */
    AP_GOSSIP_REFUSAL_NOT_MINIMAL,  /* G5: an integer in a longer form than needed */

    /* one fact of a packet: our own rules */
    AP_GOSSIP_REFUSAL_EXPIRED,     /* over when it comes: it only shows that its sender knows it */
    AP_GOSSIP_REFUSAL_OWN_SUBJECT, /* G8: about ourselves */
    AP_GOSSIP_REFUSAL_REFLECTED,   /* G8: our own boot ID */
    AP_GOSSIP_REFUSAL_ALIVE_OTHER, /* alive is said by oneself only */
    AP_GOSSIP_REFUSAL_SUBJECT_KEY, /* K2: no key that anybody can have */
    AP_GOSSIP_REFUSAL_HOST_BITS,   /* G5: bits after the prefix */
    AP_GOSSIP_REFUSAL_NETWORK,     /* G9: not the address of one host */
    AP_GOSSIP_REFUSAL_ADDRESS,     /* A3: no host can have this address in a tunnel */
    AP_GOSSIP_REFUSAL_ENDPOINT,    /* E1, E2: nobody can be there */
    AP_GOSSIP_REFUSAL_NAME,        /* G9: too long, or characters that are no text */
    AP_GOSSIP_REFUSAL_MEMBER_SIZE, /* more about a member than we keep */
    AP_GOSSIP_REFUSAL_TRUST,       /* G9: not for this peer to say */
    AP_GOSSIP_REFUSAL_LIMIT,       /* G6: more than we keep of one peer */

    AP_N_GOSSIP_REFUSALS,
} ApGossipRefusal;

const char *ap_gossip_refusal_name(ApGossipRefusal refusal) G_GNUC_CONST;

G_END_DECLS
