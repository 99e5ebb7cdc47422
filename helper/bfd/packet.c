/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/bfd/packet.h"

#include "common/reader.h"

#include <string.h>

/** The only version of the protocol. RFC 5880 section 4.1. */
#define PROTOCOL_VERSION 1

/* The second byte: two bits of state, then these. RFC 5880 section 4.1. */
#define FLAG_POLL 0x20
#define FLAG_FINAL 0x10
#define FLAG_AUTHENTICATION 0x04
#define FLAG_DEMAND 0x02
#define FLAG_MULTIPOINT 0x01

static const char *const state_names[AP_N_BFD_STATES] = {
    [AP_BFD_STATE_ADMIN_DOWN] = "admin-down",
    [AP_BFD_STATE_DOWN] = "down",
    [AP_BFD_STATE_INIT] = "init",
    [AP_BFD_STATE_UP] = "up",
};

static const char *const refusal_names[AP_N_BFD_REFUSALS] = {
    [AP_BFD_REFUSAL_NONE] = "none",
    [AP_BFD_REFUSAL_SHORT] = "short",
    [AP_BFD_REFUSAL_VERSION] = "version",
    [AP_BFD_REFUSAL_LENGTH] = "length",
    [AP_BFD_REFUSAL_DETECT_MULT] = "detect-mult",
    [AP_BFD_REFUSAL_MULTIPOINT] = "multipoint",
    [AP_BFD_REFUSAL_MY_DISCRIMINATOR] = "my-discriminator",
    [AP_BFD_REFUSAL_YOUR_DISCRIMINATOR] = "your-discriminator",
    [AP_BFD_REFUSAL_AUTHENTICATION] = "authentication",
    [AP_BFD_REFUSAL_POLL_AND_FINAL] = "poll-and-final",
    [AP_BFD_REFUSAL_SESSION] = "session",
    [AP_BFD_REFUSAL_ADMIN] = "admin",
    [AP_BFD_REFUSAL_RATE] = "rate",
};

/** Returns: the word for @state in logs and on the bus; static */
const char *
ap_bfd_state_name(ApBfdState state)
{
    g_return_val_if_fail((guint) state < AP_N_BFD_STATES, NULL);

    return state_names[state];
}

/** Returns: the word for @refusal, as in a counter's name; static */
const char *
ap_bfd_refusal_name(ApBfdRefusal refusal)
{
    g_return_val_if_fail((guint) refusal < AP_N_BFD_REFUSALS, NULL);

    return refusal_names[refusal];
}

/** The 24 bytes as they stand there. */
typedef struct {
    guint8 version_diag;
    guint8 state_flags;
    guint8 detect_mult;
    guint8 length;
    guint32 my_discriminator;
    guint32 your_discriminator;
    guint32 desired_min_tx_usec;
    guint32 required_min_rx_usec;
    guint32 required_min_echo_rx_usec;
} Wire;

static gboolean
read_wire(Wire *out, const guint8 *payload, gsize n_bytes)
{
    ApReader reader = {.data = payload, .left = n_bytes};

    return ap_reader_take_u8(&reader, &out->version_diag)
           && ap_reader_take_u8(&reader, &out->state_flags)
           && ap_reader_take_u8(&reader, &out->detect_mult)
           && ap_reader_take_u8(&reader, &out->length)
           && ap_reader_take_be32(&reader, &out->my_discriminator)
           && ap_reader_take_be32(&reader, &out->your_discriminator)
           && ap_reader_take_be32(&reader, &out->desired_min_tx_usec)
           && ap_reader_take_be32(&reader, &out->required_min_rx_usec)
           && ap_reader_take_be32(&reader, &out->required_min_echo_rx_usec);
}

/* The checks of RFC 5880 section 6.8.6 in its order. */
static ApBfdRefusal
judge(const Wire *wire, gsize n_bytes)
{
    const ApBfdState state = wire->state_flags >> 6;

    if (wire->version_diag >> 5 != PROTOCOL_VERSION)
        return AP_BFD_REFUSAL_VERSION;
    if (wire->length < AP_BFD_PACKET_BYTES || wire->length > n_bytes)
        return AP_BFD_REFUSAL_LENGTH;
    if (wire->detect_mult == 0)
        return AP_BFD_REFUSAL_DETECT_MULT;
    if (wire->state_flags & FLAG_MULTIPOINT)
        return AP_BFD_REFUSAL_MULTIPOINT;
    if (wire->my_discriminator == 0)
        return AP_BFD_REFUSAL_MY_DISCRIMINATOR;
    if (wire->your_discriminator == 0 && (state == AP_BFD_STATE_INIT || state == AP_BFD_STATE_UP))
        return AP_BFD_REFUSAL_YOUR_DISCRIMINATOR;
    if (wire->state_flags & FLAG_AUTHENTICATION)
        return AP_BFD_REFUSAL_AUTHENTICATION;
    if ((wire->state_flags & FLAG_POLL) && (wire->state_flags & FLAG_FINAL))
        return AP_BFD_REFUSAL_POLL_AND_FINAL;
    return AP_BFD_REFUSAL_NONE;
}

/**
 * Reads a control packet, with whatever padding follows it.
 *
 * @out: (out caller-allocates): the packet; left as it was when it is refused
 * @payload: the payload of one UDP datagram, untrusted
 * @n_bytes: of the whole datagram, padding included
 *
 * Whether the packet belongs to a session is not asked here. What the padding contains is
 * ignored (RFC 9764 section 3), and so are the echo interval and the C bit, which we have no
 * use for.
 *
 * Returns: AP_BFD_REFUSAL_NONE when @out was set, otherwise what is wrong with the bytes
 */
ApBfdRefusal
ap_bfd_packet_decode(ApBfdPacket *out, const guint8 *payload, gsize n_bytes)
{
    ApBfdRefusal refusal;
    Wire wire;

    if (!read_wire(&wire, payload, n_bytes))
        return AP_BFD_REFUSAL_SHORT;

    refusal = judge(&wire, n_bytes);
    if (refusal != AP_BFD_REFUSAL_NONE)
        return refusal;

    *out = (ApBfdPacket){
        .diag = wire.version_diag & 0x1f,
        .state = wire.state_flags >> 6,
        .poll = (wire.state_flags & FLAG_POLL) != 0,
        .final = (wire.state_flags & FLAG_FINAL) != 0,
        .demand = (wire.state_flags & FLAG_DEMAND) != 0,
        .detect_mult = wire.detect_mult,
        .my_discriminator = wire.my_discriminator,
        .your_discriminator = wire.your_discriminator,
        .desired_min_tx_usec = wire.desired_min_tx_usec,
        .required_min_rx_usec = wire.required_min_rx_usec,
        .n_bytes = n_bytes,
    };
    return AP_BFD_REFUSAL_NONE;
}

static void
put_be32(guint8 *out, guint32 value)
{
    out[0] = (guint8) (value >> 24);
    out[1] = (guint8) (value >> 16);
    out[2] = (guint8) (value >> 8);
    out[3] = (guint8) value;
}

/**
 * Writes a control packet and as many zero bytes after it as its n_bytes asks for.
 *
 * @out: (out caller-allocates): room for the packet
 * @size: bytes there are in @out; at least the packet's n_bytes
 *
 * Returns: the packet's n_bytes
 */
gsize
ap_bfd_packet_encode(const ApBfdPacket *self, guint8 *out, gsize size)
{
    g_return_val_if_fail(self->n_bytes >= AP_BFD_PACKET_BYTES && self->n_bytes <= size, 0);
    g_return_val_if_fail(!self->poll || !self->final, 0);

    memset(out, 0, self->n_bytes);
    out[0] = (guint8) (PROTOCOL_VERSION << 5 | (self->diag & 0x1f));
    out[1] = (guint8) (self->state << 6 | (self->poll ? FLAG_POLL : 0)
                       | (self->final ? FLAG_FINAL : 0) | (self->demand ? FLAG_DEMAND : 0));
    out[2] = self->detect_mult;
    out[3] = AP_BFD_PACKET_BYTES;
    put_be32(out + 4, self->my_discriminator);
    put_be32(out + 8, self->your_discriminator);
    put_be32(out + 12, self->desired_min_tx_usec);
    put_be32(out + 16, self->required_min_rx_usec);
    return self->n_bytes;
}
