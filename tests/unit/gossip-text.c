/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/gossip-text.h"

#include "common/json/json.h"

#include <string.h>

/** Returns: (transfer full): lower case */
char *
gossip_to_hex(const void *bytes, gsize n)
{
    GString *text = g_string_new(NULL);

    for (gsize i = 0; i < n; i++)
        g_string_append_printf(text, "%02x", ((const guint8 *) bytes)[i]);
    return g_string_free(text, FALSE);
}

/** Returns: (transfer full) (nullable): NULL when @text is not hexadecimal */
GByteArray *
gossip_from_hex(const char *text)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    const gsize n = strlen(text);

    for (gsize i = 0; i + 1 < n; i += 2) {
        const int high = g_ascii_xdigit_value(text[i]), low = g_ascii_xdigit_value(text[i + 1]);
        const guint8 byte = (guint8) (high << 4 | low);

        if (high < 0 || low < 0)
            return NULL;
        g_byte_array_append(bytes, &byte, 1);
    }
    return n % 2 == 0 ? g_steal_pointer(&bytes) : NULL;
}

static char *
uuid_text(const ApBootId *id)
{
    g_autofree char *hex = gossip_to_hex(id->bytes, sizeof(id->bytes));

    return g_strdup_printf("%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

/** Returns: (transfer full): as the recordings have it; the items of a member as hexadecimal */
char *
gossip_value_text(const ApFact *fact)
{
    char addr[AP_ADDR_TEXT_LEN];

    switch (fact->kind) {
    case AP_FACT_ALIVE:
        return uuid_text(&fact->boot_id);
    case AP_FACT_ENDPOINT4:
    case AP_FACT_ENDPOINT6:
        ap_addr_to_text(&fact->endpoint.addr, addr);
        return g_strdup_printf("%s:%u", addr, fact->endpoint.port);
    case AP_FACT_ALLOWED4:
    case AP_FACT_ALLOWED6:
        ap_addr_to_text(&fact->network.addr, addr);
        return g_strdup_printf("%s/%u", addr, fact->network.prefix_len);
    case AP_FACT_MEMBER_OLD:
        return g_strdup("<empty>");
    case AP_FACT_MEMBER:
        return gossip_to_hex(fact->member.bytes, fact->member.n_bytes);
    }
    g_return_val_if_reached(NULL);
}

static void
append_item(GString *out, guint8 key, const ApReader *value)
{
    g_autofree char *hex = gossip_to_hex(value->data, value->left);
    const char name[] = {(char) key, '\0'};

    if (!g_str_has_suffix(out->str, "{"))
        g_string_append_c(out, ',');
    if (g_ascii_isprint(name[0]))
        ap_json_append_string(out, name);
    else
        g_string_append_printf(out, "\"\\u%04x\"", key);
    g_string_append_printf(out, ":\"%s\"", hex);
}

static void
append_items(GString *out, const ApMember *member)
{
    ApReader value;

    g_string_append(out, ",\"metadata_hex\":{");
    for (guint key = 0; key < 256; key++) {
        if (ap_member_find(member, (guint8) key, &value))
            append_item(out, (guint8) key, &value);
    }
    g_string_append_c(out, '}');
}

/**
 * Appends the fact as a JSON object with the members of the recordings.
 */
void
gossip_append_fact(GString *json, const ApFact *fact)
{
    g_autofree char *subject = gossip_to_hex(fact->subject.bytes, AP_KEY_LEN);
    g_autofree char *value = gossip_value_text(fact);

    g_string_append_printf(json,
                           "{\"attr\":\"%c\",\"subject\":\"%s\",\"ttl_s\":%u,\"value\":",
                           fact->kind,
                           subject,
                           fact->ttl_sec);
    ap_json_append_string(json, value);
    if (fact->kind == AP_FACT_MEMBER)
        append_items(json, &fact->member);
    g_string_append_c(json, '}');
}

static ApGossipRefusal
verify(const ApGroup *group, const GArray *keys)
{
    ApGossipRefusal refusal = AP_GOSSIP_REFUSAL_SIGNER_KEY;

    for (guint i = 0; i < keys->len && refusal != AP_GOSSIP_REFUSAL_NONE; i++) {
        const ApSecretKey *own = &g_array_index(keys, ApSecretKey, i);
        g_auto(ApSharedSecret) secret = {0};

        if (ap_shared_secret_derive(&secret, own, &group->signer))
            refusal = ap_group_verify(group, &secret);
    }
    return refusal;
}

/**
 * Takes all steps of a receiver, in the order of gossip-protocol.md 5.
 *
 * @source: (nullable): where the datagram came from; NULL: from its signer's address
 * @keys: (element-type ApSecretKey): one of them is the receiver's
 */
ApGossipRefusal
gossip_receive(const GByteArray *datagram,
               const ApAddr *source,
               const GArray *keys,
               ApGroupFacts *facts)
{
    ApGossipRefusal refusal;
    ApAddr signer_addr;
    ApGroup group;

    refusal = ap_group_split(&group, datagram->data, datagram->len);
    if (refusal != AP_GOSSIP_REFUSAL_NONE)
        return refusal;
    signer_addr = ap_key_link_local(&group.signer);
    if (source != NULL && !ap_addr_equal(&signer_addr, source))
        return AP_GOSSIP_REFUSAL_SIGNER_ADDRESS;
    refusal = verify(&group, keys);
    return refusal == AP_GOSSIP_REFUSAL_NONE ? ap_group_read(&group, facts) : refusal;
}
