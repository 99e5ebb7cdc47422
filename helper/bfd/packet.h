/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The BFD control packet (RFC 5880 section 4.1), without authentication, which WireGuard has
 * done already, and with padding (RFC 9764).
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** Bytes of a control packet without authentication section. RFC 5880 section 4.1. */
#define AP_BFD_PACKET_BYTES 24

/**
 * Bytes of the largest padded packet, and so of every receive buffer: a jumbo frame of 9,000
 * without the headers of IPv6 and UDP. A tunnel with a larger MTU is proven up to here.
 */
#define AP_BFD_PAYLOAD_MAX (9000 - AP_BFD_HEADERS_BYTES)

/** Bytes of the headers of IPv6 (40, RFC 8200) and UDP (8, RFC 768) around a packet. */
#define AP_BFD_HEADERS_BYTES 48

/** Session states; the values are those on the wire. RFC 5880 section 4.1. */
typedef enum {
    AP_BFD_STATE_ADMIN_DOWN = 0,
    AP_BFD_STATE_DOWN = 1,
    AP_BFD_STATE_INIT = 2,
    AP_BFD_STATE_UP = 3,
    AP_N_BFD_STATES,
} ApBfdState;

/** Why a sender last left Up, or what it adds to Up; those that we know. RFC 5880 section 4.1. */
typedef enum {
    AP_BFD_DIAG_NONE = 0,
    AP_BFD_DIAG_DETECTION_EXPIRED = 1,
    AP_BFD_DIAG_NEIGHBOUR_DOWN = 3,
    AP_BFD_DIAG_PATH_DOWN = 5,
    AP_BFD_DIAG_CONCATENATED_PATH_DOWN = 6, /* with Up: "do not route by this path yet" */
    AP_BFD_DIAG_ADMIN_DOWN = 7,
    AP_BFD_DIAG_REVERSE_CONCATENATED_PATH_DOWN = 8,
} ApBfdDiag;

/** Why a packet was not used; each is a counter. */
typedef enum {
    AP_BFD_REFUSAL_NONE, /* it was used */

    /* the bytes */
    AP_BFD_REFUSAL_SHORT,              /* fewer than 24 bytes */
    AP_BFD_REFUSAL_VERSION,            /* not version 1 */
    AP_BFD_REFUSAL_LENGTH,             /* the length field is below 24, or above what came */
    AP_BFD_REFUSAL_DETECT_MULT,        /* 0 */
    AP_BFD_REFUSAL_MULTIPOINT,         /* the M bit, which must be zero */
    AP_BFD_REFUSAL_MY_DISCRIMINATOR,   /* 0 */
    AP_BFD_REFUSAL_YOUR_DISCRIMINATOR, /* 0 in Init or Up, which nobody enters unheard */
    AP_BFD_REFUSAL_AUTHENTICATION,     /* the A bit: we have agreed on none */
    AP_BFD_REFUSAL_POLL_AND_FINAL,     /* both bits: section 6.5 forbids it */

    /* the session */
    AP_BFD_REFUSAL_SESSION, /* meant for a session that we no longer have */
    AP_BFD_REFUSAL_ADMIN,   /* we are in AdminDown */
    AP_BFD_REFUSAL_RATE,    /* more packets than any peer needs to send */
    AP_N_BFD_REFUSALS,
} ApBfdRefusal;

/**
 * One control packet.
 *
 * @diag: of ApBfdDiag, or another value when it was received
 * @poll, @final: never both
 * @demand: the sender is in Demand mode; we never are
 * @desired_min_tx_usec: the sender would not like to send faster
 * @required_min_rx_usec: the sender does not want to receive faster; 0: nothing periodic at all
 * @n_bytes: of the UDP payload; what exceeds AP_BFD_PACKET_BYTES is padding
 */
typedef struct {
    guint8 diag;
    ApBfdState state;
    gboolean poll;
    gboolean final;
    gboolean demand;
    guint8 detect_mult;
    guint32 my_discriminator;
    guint32 your_discriminator;
    guint32 desired_min_tx_usec;
    guint32 required_min_rx_usec;
    gsize n_bytes;
} ApBfdPacket;

ApBfdRefusal ap_bfd_packet_decode(ApBfdPacket *out, const guint8 *payload, gsize n_bytes)
    G_GNUC_WARN_UNUSED_RESULT;
gsize ap_bfd_packet_encode(const ApBfdPacket *self, guint8 *out, gsize size);

const char *ap_bfd_state_name(ApBfdState state) G_GNUC_CONST;
const char *ap_bfd_refusal_name(ApBfdRefusal refusal) G_GNUC_CONST;

G_END_DECLS
