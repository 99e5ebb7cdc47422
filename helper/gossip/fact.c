/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/gossip/fact.h"

#include "common/writer.h"
#include "helper/gossip/varint.h"

#include <string.h>

/* Returns: FALSE for a byte that is no kind of fact */
static gboolean
is_kind(guint8 byte)
{
    switch ((ApFactKind) byte) {
    case AP_FACT_ALIVE:
    case AP_FACT_ENDPOINT4:
    case AP_FACT_ENDPOINT6:
    case AP_FACT_ALLOWED4:
    case AP_FACT_ALLOWED6:
    case AP_FACT_MEMBER_OLD:
    case AP_FACT_MEMBER:
        return TRUE;
    }
    return FALSE;
}

static ApGossipRefusal
take_addr(ApReader *reader, guint16 family, ApAddr *out)
{
    static const guint8 mapped[12] = {[10] = 0xff, [11] = 0xff}; /* ::ffff:0:0/96 */
    ApAddr addr = {.family = family};

    if (!ap_reader_copy(reader, ap_addr_n_bits(family) / 8, addr.bytes))
        return AP_GOSSIP_REFUSAL_SHORT;
    if (family == AF_INET6 && memcmp(addr.bytes, mapped, sizeof(mapped)) == 0)
        return AP_GOSSIP_REFUSAL_MAPPED;

    *out = addr;
    return AP_GOSSIP_REFUSAL_NONE;
}

/* What is too short is so whatever its first bytes are: all of them are read first. */
static ApGossipRefusal
take_endpoint(ApReader *reader, guint16 family, ApEndpoint *out)
{
    ApEndpoint endpoint = {0};
    const ApGossipRefusal refusal = take_addr(reader, family, &endpoint.addr);

    if (refusal == AP_GOSSIP_REFUSAL_SHORT || !ap_reader_take_be16(reader, &endpoint.port))
        return AP_GOSSIP_REFUSAL_SHORT;

    if (refusal == AP_GOSSIP_REFUSAL_NONE)
        *out = endpoint;
    return refusal;
}

static ApGossipRefusal
take_network(ApReader *reader, guint16 family, ApFactNetwork *out)
{
    ApFactNetwork network = {0};
    const ApGossipRefusal refusal = take_addr(reader, family, &network.addr);

    if (refusal == AP_GOSSIP_REFUSAL_SHORT || !ap_reader_take_u8(reader, &network.prefix_len))
        return AP_GOSSIP_REFUSAL_SHORT;
    if (refusal == AP_GOSSIP_REFUSAL_NONE && network.prefix_len > ap_addr_n_bits(family))
        return AP_GOSSIP_REFUSAL_PREFIX_LENGTH;

    if (refusal == AP_GOSSIP_REFUSAL_NONE)
        *out = network;
    return refusal;
}

static ApGossipRefusal
take_value(ApReader *reader, ApFact *fact)
{
    switch (fact->kind) {
    case AP_FACT_ALIVE:
        return ap_reader_copy(reader, AP_BOOT_ID_LEN, fact->boot_id.bytes)
                   ? AP_GOSSIP_REFUSAL_NONE
                   : AP_GOSSIP_REFUSAL_SHORT;
    case AP_FACT_ENDPOINT4:
        return take_endpoint(reader, AF_INET, &fact->endpoint);
    case AP_FACT_ENDPOINT6:
        return take_endpoint(reader, AF_INET6, &fact->endpoint);
    case AP_FACT_ALLOWED4:
        return take_network(reader, AF_INET, &fact->network);
    case AP_FACT_ALLOWED6:
        return take_network(reader, AF_INET6, &fact->network);
    case AP_FACT_MEMBER_OLD:
        return AP_GOSSIP_REFUSAL_NONE;
    case AP_FACT_MEMBER:
        return ap_member_take(reader, &fact->member, &fact->is_minimal);
    }
    return AP_GOSSIP_REFUSAL_ATTRIBUTE;
}

static ApGossipRefusal
take_ttl(ApReader *reader, ApFact *fact)
{
    guint64 ttl_sec;
    const ApGossipRefusal refusal = ap_varint_take(reader, &ttl_sec, &fact->is_minimal);

    if (refusal != AP_GOSSIP_REFUSAL_NONE)
        return refusal;
    if (ttl_sec > AP_FACT_TTL_MAX_SEC)
        return AP_GOSSIP_REFUSAL_TTL;

    fact->ttl_sec = (guint32) ttl_sec;
    return AP_GOSSIP_REFUSAL_NONE;
}

/**
 * Reads one fact of a group.
 *
 * @reader: stands behind the fact on success, otherwise anywhere
 * @out: (out caller-allocates): set on success only; may borrow bytes of @reader
 *
 * Says what wirelink says about every fact: addresses that make no sense, and networks with
 * host bits, are facts all the same. What may be believed is helper/gossip/trust.h's question.
 *
 * Returns: AP_GOSSIP_REFUSAL_NONE when @out was set, otherwise what is wrong with the bytes
 */
ApGossipRefusal
ap_fact_take(ApReader *reader, ApFact *out)
{
    ApFact fact = {0};
    ApGossipRefusal refusal;
    guint8 kind;

    if (!ap_reader_take_u8(reader, &kind))
        return AP_GOSSIP_REFUSAL_SHORT;
    if (!is_kind(kind))
        return AP_GOSSIP_REFUSAL_ATTRIBUTE;

    fact.kind = (ApFactKind) kind;
    refusal = take_ttl(reader, &fact);
    if (refusal != AP_GOSSIP_REFUSAL_NONE)
        return refusal;
    if (!ap_reader_copy(reader, AP_KEY_LEN, fact.subject.bytes))
        return AP_GOSSIP_REFUSAL_SHORT;

    refusal = take_value(reader, &fact);
    if (refusal == AP_GOSSIP_REFUSAL_NONE)
        *out = fact;
    return refusal;
}

static void
put_addr(const ApAddr *addr, GByteArray *out)
{
    ap_writer_put(out, addr->bytes, ap_addr_n_bits(addr->family) / 8);
}

/**
 * Appends one fact with @ttl_sec as it stands, in its only canonical form.
 */
void
ap_fact_put(const ApFact *self, GByteArray *out)
{
    g_return_if_fail(self->ttl_sec <= AP_FACT_TTL_MAX_SEC);

    ap_writer_put_u8(out, (guint8) self->kind);
    ap_varint_put(out, self->ttl_sec);
    ap_writer_put(out, self->subject.bytes, AP_KEY_LEN);

    switch (self->kind) {
    case AP_FACT_ALIVE:
        ap_writer_put(out, self->boot_id.bytes, AP_BOOT_ID_LEN);
        break;
    case AP_FACT_ENDPOINT4:
    case AP_FACT_ENDPOINT6:
        put_addr(&self->endpoint.addr, out);
        ap_writer_put_be16(out, self->endpoint.port);
        break;
    case AP_FACT_ALLOWED4:
    case AP_FACT_ALLOWED6:
        put_addr(&self->network.addr, out);
        ap_writer_put_u8(out, self->network.prefix_len);
        break;
    case AP_FACT_MEMBER_OLD:
        break;
    case AP_FACT_MEMBER:
        ap_member_put(&self->member, out);
        break;
    }
}

static int
compare_numbers(gsize a, gsize b)
{
    if (a == b)
        return 0;
    return a < b ? -1 : 1;
}

static int
compare_members(const ApMember *a, const ApMember *b)
{
    const int by_length = compare_numbers(a->n_bytes, b->n_bytes);

    if (by_length != 0 || a->n_bytes == 0)
        return by_length;
    return memcmp(a->bytes, b->bytes, a->n_bytes);
}

static int
compare_networks(const ApFactNetwork *a, const ApFactNetwork *b)
{
    const int by_addr = ap_addr_compare(&a->addr, &b->addr);

    return by_addr != 0 ? by_addr : compare_numbers(a->prefix_len, b->prefix_len);
}

/**
 * Orders facts by subject, kind and value, as qsort() wants it. How long they hold makes no
 * difference: 0 means that one renews the other.
 */
int
ap_fact_compare(const ApFact *a, const ApFact *b)
{
    const int by_subject = ap_key_compare(&a->subject, &b->subject);

    if (by_subject != 0)
        return by_subject;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;

    switch (a->kind) {
    case AP_FACT_ALIVE:
        return memcmp(a->boot_id.bytes, b->boot_id.bytes, AP_BOOT_ID_LEN);
    case AP_FACT_ENDPOINT4:
    case AP_FACT_ENDPOINT6:
        return ap_endpoint_compare(&a->endpoint, &b->endpoint);
    case AP_FACT_ALLOWED4:
    case AP_FACT_ALLOWED6:
        return compare_networks(&a->network, &b->network);
    case AP_FACT_MEMBER_OLD:
        return 0;
    case AP_FACT_MEMBER:
        return compare_members(&a->member, &b->member);
    }
    return 0;
}

/** Says that @subject's gossip runs under this boot ID. */
ApFact
ap_fact_alive(const ApKey *subject, const ApBootId *boot_id)
{
    return (ApFact){
        .kind = AP_FACT_ALIVE,
        .is_minimal = TRUE,
        .subject = *subject,
        .boot_id = *boot_id,
    };
}

/** Says that @subject can be reached at @endpoint. A scope is not told: it means nothing elsewhere. */
ApFact
ap_fact_endpoint(const ApKey *subject, const ApEndpoint *endpoint)
{
    return (ApFact){
        .kind = endpoint->addr.family == AF_INET ? AP_FACT_ENDPOINT4 : AP_FACT_ENDPOINT6,
        .is_minimal = TRUE,
        .subject = *subject,
        .endpoint = {.addr = endpoint->addr, .port = endpoint->port},
    };
}

/** Says that @subject owns the addresses @addr/@prefix_len inside the tunnel. */
ApFact
ap_fact_allowed(const ApKey *subject, const ApAddr *addr, guint8 prefix_len)
{
    return (ApFact){
        .kind = addr->family == AF_INET ? AP_FACT_ALLOWED4 : AP_FACT_ALLOWED6,
        .is_minimal = TRUE,
        .subject = *subject,
        .network = {.addr = *addr, .prefix_len = prefix_len},
    };
}

/**
 * Says that @subject is a member, and what it is like.
 *
 * @member: borrowed by the result; from ap_member_take() or ap_member_describe()
 */
ApFact
ap_fact_member(const ApKey *subject, ApMember member)
{
    return (ApFact){
        .kind = AP_FACT_MEMBER,
        .is_minimal = TRUE,
        .subject = *subject,
        .member = member,
    };
}
