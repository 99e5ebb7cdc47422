/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The codec gives the verdict of the existing program on everything in tests/data/gossip.json, and
 * writes byte for byte what that program wrote.
 */

#include "common/json/json.h"
#include "helper/gossip/group.h"
#include "helper/gossip/varint.h"
#include "tests/unit/gossip-text.h"

#include <string.h>

/** Values in the whole file, and bytes of its longest text; room for it to grow. */
#define MAX_VALUES 20000
#define MAX_TEXT 10000

typedef struct {
    char *text;
    gsize n_bytes;
    ApJson *root;
} Recordings;

static void
recordings_open(Recordings *self)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "gossip.json", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(g_file_get_contents(path, &self->text, &self->n_bytes, &error));
    self->root = ap_json_parse(self->text, self->n_bytes, MAX_VALUES, &error);
    g_assert_no_error(error);
}

static void
recordings_close(Recordings *self)
{
    ap_json_free(self->root);
    g_free(self->text);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Recordings, recordings_close)

static const char *
string_of(ApJson *object, const char *name)
{
    const char *text = ap_json_get_string(object, name, MAX_TEXT);

    g_assert_nonnull(text);
    return text;
}

static GByteArray *
bytes_of(ApJson *object, const char *name)
{
    GByteArray *bytes = gossip_from_hex(string_of(object, name));

    g_assert_nonnull(bytes);
    return bytes;
}

static gboolean
is_true(ApJson *object, const char *name)
{
    gboolean value;

    g_assert_true(ap_json_get_bool(object, name, &value));
    return value;
}

static void
read_hex(ApJson *object, const char *name, void *out, gsize n)
{
    g_autoptr(GByteArray) bytes = bytes_of(object, name);

    g_assert_cmpuint(bytes->len, ==, n);
    memcpy(out, bytes->data, n);
}

static void
read_private(ApJson *keys, const char *who, ApSecretKey *out)
{
    ApKey key;

    g_assert_true(
        ap_key_parse(&key, string_of(ap_json_get_object(keys, who), "private_b64"), NULL));
    memcpy(out->bytes, key.bytes, sizeof(out->bytes));
}

static void
read_public(ApJson *keys, const char *who, ApKey *out)
{
    g_assert_true(ap_key_parse(out, string_of(ap_json_get_object(keys, who), "public_b64"), NULL));
}

static void
check_items(const ApMember *member, ApJson *recorded)
{
    for (guint i = 0; i < 256; i++) {
        const char name[] = {(char) i, '\0'};
        const char *expected = ap_json_get_string(recorded, name, MAX_TEXT);
        g_autofree char *hex = NULL;
        ApReader value;

        if (ap_member_find(member, (guint8) i, &value))
            hex = gossip_to_hex(value.data, value.left);
        g_assert_cmpstr(hex, ==, expected);
    }
}

/* Compares one fact with the recorded one, item by item where it has some. */
static void
check_fact(const ApFact *fact, ApJson *recorded)
{
    g_autofree char *subject = gossip_to_hex(fact->subject.bytes, AP_KEY_LEN);
    g_autofree char *value = gossip_value_text(fact);
    const char kind[] = {(char) fact->kind, '\0'};
    gint64 ttl_sec;

    g_assert_cmpstr(kind, ==, string_of(recorded, "attr"));
    g_assert_cmpstr(subject, ==, string_of(recorded, "subject"));
    if (fact->kind == AP_FACT_MEMBER)
        check_items(&fact->member, ap_json_get_object(recorded, "metadata_hex"));
    else
        g_assert_cmpstr(value, ==, string_of(recorded, "value"));
    g_assert_true(ap_json_get_int(recorded, "ttl_s", 0, AP_FACT_TTL_MAX_SEC, &ttl_sec));
    g_assert_cmpuint(fact->ttl_sec, ==, ttl_sec);
}

static void
check_facts(const ApGroupFacts *facts, ApJson *recorded)
{
    g_assert_cmpuint(facts->n_items, ==, ap_json_n_items(recorded));
    for (guint i = 0; i < facts->n_items; i++)
        check_fact(&facts->items[i], ap_json_item(recorded, i));
}

static ApGossipRefusal
receive(const GByteArray *datagram,
        const ApAddr *source,
        const ApSecretKey *own,
        ApGroupFacts *facts)
{
    g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(ApSecretKey));

    g_array_append_vals(keys, own, 1);
    return gossip_receive(datagram, source, keys, facts);
}

static void
test_recorded_packets(void)
{
    g_auto(Recordings) file = {0};
    g_auto(ApSecretKey) own = {0};
    ApJson *packets, *keys;

    recordings_open(&file);
    packets = ap_json_get_array(file.root, "packets");
    keys = ap_json_get_object(file.root, "keys");
    for (guint i = 0; i < ap_json_n_items(packets); i++) {
        ApJson *entry = ap_json_item(packets, i);
        g_autoptr(GByteArray) datagram = bytes_of(entry, "hex");
        ApGossipRefusal refusal;
        ApGroupFacts facts;
        ApAddr source;

        g_test_message("packet '%s'", string_of(entry, "name"));
        read_private(keys, string_of(entry, "recipient"), &own);
        g_assert_true(ap_addr_parse(&source, string_of(entry, "udp_source_ip"), NULL));
        refusal = receive(datagram, &source, &own, &facts);
        g_test_message("verdict: %s", ap_gossip_refusal_name(refusal));
        g_assert_true((refusal == AP_GOSSIP_REFUSAL_NONE) == is_true(entry, "accepted"));
        if (refusal == AP_GOSSIP_REFUSAL_NONE)
            check_facts(&facts, ap_json_get_array(entry, "decoded"));
    }
}

static void
test_captured_packets(void)
{
    g_auto(Recordings) file = {0};
    g_auto(ApSecretKey) own = {0};
    ApJson *captured, *packets, *keys;

    recordings_open(&file);
    captured = ap_json_item(ap_json_get_array(file.root, "captured"), 0);
    packets = ap_json_get_array(captured, "packets");
    keys = ap_json_get_object(captured, "keys");
    g_assert_cmpuint(ap_json_n_items(packets), ==, 40);
    for (guint i = 0; i < ap_json_n_items(packets); i++) {
        ApJson *entry = ap_json_item(packets, i);
        g_autoptr(GByteArray) datagram = bytes_of(entry, "udp_payload_hex");
        ApGroupFacts facts;
        ApAddr source;

        g_test_message("captured packet %u", i);
        read_private(keys, string_of(entry, "dst"), &own);
        g_assert_true(ap_addr_parse(&source, string_of(entry, "src_ip"), NULL));
        g_assert_cmpint(receive(datagram, &source, &own, &facts), ==, AP_GOSSIP_REFUSAL_NONE);
        check_facts(&facts, ap_json_get_array(entry, "decoded"));
    }
}

/* Reads a fact by itself, which is how the recordings of single facts were made. */
static ApGossipRefusal
read_fact(const GByteArray *bytes, ApFact *out)
{
    ApReader reader = {.data = bytes->data, .left = bytes->len};
    ApGossipRefusal refusal;
    ApGroup group;

    if (bytes->len > 0 && bytes->data[0] == 'S')
        return ap_group_split(&group, bytes->data, bytes->len);
    refusal = ap_fact_take(&reader, out);
    if (refusal == AP_GOSSIP_REFUSAL_NONE)
        g_assert_cmpuint(reader.left, ==, 0);
    return refusal;
}

static void
test_recorded_single_facts(void)
{
    g_auto(Recordings) file = {0};
    ApJson *entries;

    recordings_open(&file);
    entries = ap_json_get_array(file.root, "single_fact_decode");
    for (guint i = 0; i < ap_json_n_items(entries); i++) {
        ApJson *entry = ap_json_item(entries, i);
        g_autoptr(GByteArray) bytes = bytes_of(entry, "hex");
        ApGossipRefusal refusal;
        ApFact fact;

        g_test_message("fact '%s'", string_of(entry, "name"));
        refusal = read_fact(bytes, &fact);
        g_test_message("verdict: %s", ap_gossip_refusal_name(refusal));
        g_assert_true((refusal == AP_GOSSIP_REFUSAL_NONE) == is_true(entry, "accepted"));
        if (refusal == AP_GOSSIP_REFUSAL_NONE)
            check_fact(&fact, ap_json_get_object(entry, "decoded"));
    }
}

static void
test_facts_are_written_as_recorded(void)
{
    g_auto(Recordings) file = {0};
    ApJson *entries;

    recordings_open(&file);
    entries = ap_json_get_array(file.root, "facts");
    for (guint i = 0; i < ap_json_n_items(entries); i++) {
        ApJson *entry = ap_json_item(entries, i);
        g_autoptr(GByteArray) bytes = bytes_of(entry, "hex");
        g_autoptr(GByteArray) written = g_byte_array_new();
        ApFact fact;

        g_test_message("fact '%s'", string_of(entry, "name"));
        g_assert_cmpint(read_fact(bytes, &fact), ==, AP_GOSSIP_REFUSAL_NONE);
        g_assert_true(fact.is_minimal);
        check_fact(&fact, ap_json_get_object(entry, "decoded"));
        ap_fact_put(&fact, written);
        g_assert_cmpmem(written->data, written->len, bytes->data, bytes->len);
    }
}

/* The group that holds the facts of @entry from @first on, as many as fit. */
static guint
write_group(GByteArray *datagram, const ApGroupFacts *facts, guint first)
{
    guint i = first;

    ap_group_begin(datagram);
    while (i < facts->n_items && ap_group_add(datagram, &facts->items[i]))
        i++;
    return i;
}

static void
test_groups_are_written_as_recorded(void)
{
    g_auto(Recordings) file = {0};
    ApJson *entries, *keys;

    recordings_open(&file);
    entries = ap_json_get_array(file.root, "signed_groups");
    keys = ap_json_get_object(file.root, "keys");
    for (guint i = 0; i < ap_json_n_items(entries); i++) {
        ApJson *entry = ap_json_item(entries, i);
        g_autoptr(GByteArray) expected = bytes_of(entry, "packet_hex");
        g_autoptr(GByteArray) written = g_byte_array_new();
        g_auto(ApSharedSecret) secret = {0};
        g_auto(ApSecretKey) own = {0};
        ApGroupFacts facts;
        ApGroupNonce nonce;
        ApKey sender, recipient;
        ApGroup group;

        g_test_message("group '%s'", string_of(entry, "name"));
        read_private(keys, string_of(entry, "sender"), &own);
        read_public(keys, string_of(entry, "sender"), &sender);
        read_public(keys, string_of(entry, "recipient"), &recipient);
        read_hex(entry, "nonce_hex", nonce.bytes, sizeof(nonce.bytes));
        g_assert_true(ap_shared_secret_derive(&secret, &own, &recipient));
        g_assert_cmpint(ap_group_split(&group, expected->data, expected->len),
                        ==,
                        AP_GOSSIP_REFUSAL_NONE);
        g_assert_cmpint(ap_group_read(&group, &facts), ==, AP_GOSSIP_REFUSAL_NONE);

        g_assert_cmpuint(write_group(written, &facts, 0), ==, facts.n_items);
        ap_group_seal(written, &sender, &secret, &nonce);
        g_assert_cmpmem(written->data, written->len, expected->data, expected->len);
    }
}

static void
test_shared_secret_is_the_recorded_one(void)
{
    g_auto(Recordings) file = {0};
    g_auto(ApSharedSecret) secret = {0};
    g_auto(ApSharedSecret) expected = {0};
    g_auto(ApSecretKey) own = {0};
    ApJson *keys;
    ApKey peer;

    recordings_open(&file);
    keys = ap_json_get_object(file.root, "keys");
    read_hex(keys, "shared_AB_x25519_hex", expected.bytes, sizeof(expected.bytes));
    read_private(keys, "A", &own);
    read_public(keys, "B", &peer);
    g_assert_true(ap_shared_secret_derive(&secret, &own, &peer));
    g_assert_cmpmem(secret.bytes, sizeof(secret.bytes), expected.bytes, sizeof(expected.bytes));
}

static void
test_no_secret_with_a_point_of_low_order(void)
{
    g_auto(ApSharedSecret) secret = {{7}};
    g_auto(ApSecretKey) own = {{8}};
    const ApKey points[] = {{{0}}, {{1}}};

    for (guint i = 0; i < G_N_ELEMENTS(points); i++) {
        g_assert_false(ap_shared_secret_derive(&secret, &own, &points[i]));
        g_assert_cmpuint(secret.bytes[0], ==, 7); /* a failure leaves @out alone */
    }
}

/* 60 endpoints of 41 bytes fill a group with 27, as recorded: 1,181 bytes, 1,181 and 320. */
static void
test_groups_stop_at_their_limit(void)
{
    static const gsize expected[] = {1181, 1181, 320};
    g_autoptr(GByteArray) datagram = g_byte_array_new();
    const ApKey subject = {{1}};
    ApGroupFacts facts = {.n_items = 60};
    guint next = 0;

    for (guint i = 0; i < facts.n_items; i++) {
        const ApEndpoint endpoint = {.addr = {AF_INET, {192, 0, 2, (guint8) i}}, .port = 51820};

        facts.items[i] = ap_fact_endpoint(&subject, &endpoint);
        facts.items[i].ttl_sec = 255;
    }
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        next = write_group(datagram, &facts, next);
        g_assert_cmpuint(datagram->len, ==, expected[i]);
    }
    g_assert_cmpuint(next, ==, facts.n_items);
}

/* Every part of every good packet is refused, and what is read stays inside it. */
static void
test_truncated_anywhere(void)
{
    g_auto(Recordings) file = {0};
    ApJson *entries;

    recordings_open(&file);
    entries = ap_json_get_array(file.root, "signed_groups");
    for (guint i = 0; i < ap_json_n_items(entries); i++) {
        g_autoptr(GByteArray) whole = bytes_of(ap_json_item(entries, i), "packet_hex");
        guint n_read = 0;

        for (gsize n = 0; n < whole->len; n++) {
            g_autofree guint8 *part = g_memdup2(whole->data, n);
            ApGroupFacts facts;
            ApGroup group;
            const ApGossipRefusal refusal = ap_group_split(&group, part, n);

            g_assert_cmpint(refusal,
                            ==,
                            n < AP_GROUP_HEADER_LEN ? AP_GOSSIP_REFUSAL_SHORT
                                                    : AP_GOSSIP_REFUSAL_NONE);
            if (refusal == AP_GOSSIP_REFUSAL_NONE)
                n_read += ap_group_read(&group, &facts) == AP_GOSSIP_REFUSAL_NONE;
        }
        g_assert_cmpuint(n_read, >, 0); /* between two facts, where only the tag tells */
    }
}

/* A fact that is cut is "short" wherever it is cut, and @out stays as it was. */
static void
test_facts_truncated_anywhere(void)
{
    g_auto(Recordings) file = {0};
    ApJson *entries;

    recordings_open(&file);
    entries = ap_json_get_array(file.root, "facts");
    for (guint i = 0; i < ap_json_n_items(entries); i++) {
        g_autoptr(GByteArray) whole = bytes_of(ap_json_item(entries, i), "hex");

        for (gsize n = 0; n < whole->len; n++) {
            g_autofree guint8 *part = g_memdup2(whole->data, n);
            ApReader reader = {.data = part, .left = n};
            ApFact fact = {.ttl_sec = 77};

            g_test_message("fact %u, %" G_GSIZE_FORMAT " bytes", i, n);
            g_assert_cmpint(ap_fact_take(&reader, &fact), ==, AP_GOSSIP_REFUSAL_SHORT);
            g_assert_cmpuint(fact.ttl_sec, ==, 77);
        }
    }
}

#define SUBJECT_HEX "9fd7ad6dcff4298dd3f96d5b1b2af910a0535b1488d7f8fabb349a982880b615"

static const struct {
    const char *hex;
    ApGossipRefusal refusal;
} fact_cases[] = {
    {"00ff01" SUBJECT_HEX, AP_GOSSIP_REFUSAL_ATTRIBUTE},
    {"5300" SUBJECT_HEX, AP_GOSSIP_REFUSAL_ATTRIBUTE}, /* a group is no fact */
    {"6dffffffffffffffffff01" SUBJECT_HEX, AP_GOSSIP_REFUSAL_TTL},
    {"6dffffffffffffffffff02" SUBJECT_HEX, AP_GOSSIP_REFUSAL_VARINT},
    {"6dffffffffffffffffffff01" SUBJECT_HEX, AP_GOSSIP_REFUSAL_VARINT},
    {"6dff80808080808080808000" SUBJECT_HEX, AP_GOSSIP_REFUSAL_VARINT},
    {"6dff808080808080808000" SUBJECT_HEX, AP_GOSSIP_REFUSAL_NONE},
    {"6d808004" SUBJECT_HEX, AP_GOSSIP_REFUSAL_TTL},
    {"6dffff03" SUBJECT_HEX, AP_GOSSIP_REFUSAL_NONE},
    {"6501" SUBJECT_HEX "00000000"
     "0000",
     AP_GOSSIP_REFUSAL_NONE},
    {"4101" SUBJECT_HEX "00000000000000000000ffffc0000207"
     "20",
     AP_GOSSIP_REFUSAL_MAPPED},
    {"4101" SUBJECT_HEX "00000000000000000000ffffc0000207"
     "ff",
     AP_GOSSIP_REFUSAL_MAPPED},
    {"4101" SUBJECT_HEX "000000000000000000000000c0000207"
     "20",
     AP_GOSSIP_REFUSAL_NONE},
    {"6101" SUBJECT_HEX "0a010203"
     "08",
     AP_GOSSIP_REFUSAL_NONE}, /* host bits */
    {"6101" SUBJECT_HEX "0a010203"
     "21",
     AP_GOSSIP_REFUSAL_PREFIX_LENGTH},
    {"4d01" SUBJECT_HEX "05"
     "6e03000000",
     AP_GOSSIP_REFUSAL_NONE}, /* NULs are a name */
    {"4d01" SUBJECT_HEX "05"
     "6e0300c080",
     AP_GOSSIP_REFUSAL_MEMBER_NAME},
    {"4d01" SUBJECT_HEX "05"
     "6e03eda080",
     AP_GOSSIP_REFUSAL_MEMBER_NAME}, /* a surrogate */
    {"4d01" SUBJECT_HEX "02"
     "6e00",
     AP_GOSSIP_REFUSAL_NONE}, /* an empty name */
    {"4d01" SUBJECT_HEX "03"
     "620102",
     AP_GOSSIP_REFUSAL_MEMBER_BASIC},
    {"4d01" SUBJECT_HEX "02"
     "6200",
     AP_GOSSIP_REFUSAL_MEMBER_BASIC},
    {"4d01" SUBJECT_HEX "03"
     "6e0261",
     AP_GOSSIP_REFUSAL_MEMBER_FRAME},
    {"4d01" SUBJECT_HEX "06"
     "000101000102",
     AP_GOSSIP_REFUSAL_MEMBER_TWICE},
    {"4d01" SUBJECT_HEX "818040"
     "6e00",
     AP_GOSSIP_REFUSAL_MEMBER_FRAME}, /* over 1 MiB */
    {"4d01" SUBJECT_HEX "808040"
     "6e00",
     AP_GOSSIP_REFUSAL_SHORT},
    {"4d01" SUBJECT_HEX "ffffffffffffffffffff01", AP_GOSSIP_REFUSAL_VARINT},
};

static void
test_facts_are_refused_with_a_reason(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(fact_cases); i++) {
        g_autoptr(GByteArray) bytes = gossip_from_hex(fact_cases[i].hex);
        ApReader reader = {.data = bytes->data, .left = bytes->len};
        ApFact fact;

        g_test_message("case %s", fact_cases[i].hex);
        g_assert_cmpstr(ap_gossip_refusal_name(ap_fact_take(&reader, &fact)),
                        ==,
                        ap_gossip_refusal_name(fact_cases[i].refusal));
    }
}

static void
test_other_packets_than_groups(void)
{
    static const struct {
        const char *hex;
        ApGossipRefusal refusal;
    } cases[] = {
        {"", AP_GOSSIP_REFUSAL_SHORT},
        {"53", AP_GOSSIP_REFUSAL_SHORT},
        {"5380", AP_GOSSIP_REFUSAL_SHORT},
        {"53808004", AP_GOSSIP_REFUSAL_TTL},
        {"53ffffffffffffffffff02", AP_GOSSIP_REFUSAL_VARINT},
        {"6d01" SUBJECT_HEX, AP_GOSSIP_REFUSAL_UNSIGNED},
        {"7801" SUBJECT_HEX, AP_GOSSIP_REFUSAL_ATTRIBUTE},
        {"6d", AP_GOSSIP_REFUSAL_SHORT},
    };
    g_autofree guint8 *giant = g_malloc0(AP_GROUP_MAX_READ + 1);
    ApGroup group;

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) bytes = gossip_from_hex(cases[i].hex);

        g_test_message("case '%s'", cases[i].hex);
        g_assert_cmpstr(ap_gossip_refusal_name(ap_group_split(&group, bytes->data, bytes->len)),
                        ==,
                        ap_gossip_refusal_name(cases[i].refusal));
    }

    giant[0] = 'S';
    g_assert_cmpint(ap_group_split(&group, giant, AP_GROUP_MAX_READ), ==, AP_GOSSIP_REFUSAL_NONE);
    g_assert_cmpint(ap_group_split(&group, giant, AP_GROUP_MAX_READ + 1),
                    ==,
                    AP_GOSSIP_REFUSAL_LONG);
}

/* The largest datagram of the shortest facts fits; a group in a group does not. */
static void
test_facts_of_a_group(void)
{
    g_autoptr(GByteArray) datagram = g_byte_array_new();
    const ApKey subject = {{1}};
    ApFact shortest = {.kind = AP_FACT_MEMBER_OLD, .subject = subject};
    ApGroupFacts facts;
    ApGroup group;

    ap_group_begin(datagram);
    memset(datagram->data, 0, datagram->len);
    datagram->data[0] = 'S';
    g_assert_cmpint(ap_group_split(&group, datagram->data, datagram->len),
                    ==,
                    AP_GOSSIP_REFUSAL_NONE);
    g_assert_cmpint(ap_group_read(&group, &facts), ==, AP_GOSSIP_REFUSAL_NONE);
    g_assert_cmpuint(facts.n_items, ==, 0); /* empty is well-formed */

    for (guint i = 0; i < AP_GROUP_MAX_FACTS; i++)
        ap_fact_put(&shortest, datagram);
    g_assert_cmpint(ap_group_split(&group, datagram->data, datagram->len),
                    ==,
                    AP_GOSSIP_REFUSAL_NONE);
    g_assert_cmpint(ap_group_read(&group, &facts), ==, AP_GOSSIP_REFUSAL_NONE);
    g_assert_cmpuint(facts.n_items, ==, AP_GROUP_MAX_FACTS);

    g_byte_array_set_size(datagram, 2 * AP_GROUP_HEADER_LEN);
    memcpy(datagram->data + AP_GROUP_HEADER_LEN, datagram->data, AP_GROUP_HEADER_LEN);
    g_assert_cmpint(ap_group_split(&group, datagram->data, datagram->len),
                    ==,
                    AP_GOSSIP_REFUSAL_NONE);
    g_assert_cmpint(ap_group_read(&group, &facts), ==, AP_GOSSIP_REFUSAL_NESTED);
}

/* A changed byte anywhere but in the TTL of the header is noticed; none makes us read too far. */
static void
test_random_damage(void)
{
    g_auto(Recordings) file = {0};
    g_auto(ApSecretKey) own = {0};
    g_autoptr(GByteArray) whole = NULL;
    ApJson *entry;
    ApAddr source;

    recordings_open(&file);
    entry = ap_json_item(ap_json_get_array(file.root, "packets"), 0);
    whole = bytes_of(entry, "hex");
    read_private(ap_json_get_object(file.root, "keys"), "B", &own);
    g_assert_true(ap_addr_parse(&source, string_of(entry, "udp_source_ip"), NULL));

    for (guint i = 0; i < 5000; i++) {
        const gsize at = (gsize) g_test_rand_int_range(0, (gint32) whole->len);
        const guint8 flip = (guint8) g_test_rand_int_range(1, 256);
        ApGroupFacts facts;

        if (at == 1)
            continue;
        whole->data[at] ^= flip;
        g_test_message("byte %" G_GSIZE_FORMAT " ^ %02x", at, flip);
        g_assert_cmpint(receive(whole, &source, &own, &facts), !=, AP_GOSSIP_REFUSAL_NONE);
        whole->data[at] ^= flip;
    }
}

/* Facts that were damaged after signing do not exist; those that a peer signs damaged do. */
static void
test_random_facts(void)
{
    for (guint i = 0; i < 200000; i++) {
        static const char kinds[] = "!eEaAmMS";
        const gsize n = (gsize) g_test_rand_int_range(0, 100);
        g_autofree guint8 *bytes = g_malloc(n);
        ApReader reader = {.data = bytes, .left = n};
        g_autoptr(GByteArray) again = g_byte_array_new();
        ApFact fact;

        for (gsize k = 0; k < n; k++)
            bytes[k] = (guint8) g_test_rand_int();
        if (n > 35) {
            bytes[0] = (guint8) kinds[i % 8];
            bytes[1] = 0;
            bytes[34] &= 0x1f;
        }
        if (ap_fact_take(&reader, &fact) != AP_GOSSIP_REFUSAL_NONE || !fact.is_minimal)
            continue;

        ap_fact_put(&fact, again); /* what was read is written back the same */
        g_assert_cmpmem(again->data, again->len, bytes, (int) (n - reader.left));
    }
}

static void
test_varints(void)
{
    static const struct {
        guint64 value;
        const char *hex;
    } cases[] = {
        {0, "00"},
        {127, "7f"},
        {128, "8001"},
        {300, "ac02"},
        {16384, "808001"},
        {G_MAXUINT64, "ffffffffffffffffff01"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        ApReader reader;
        gboolean is_minimal;
        guint64 value;

        ap_varint_put(bytes, cases[i].value);
        g_autofree char *hex = gossip_to_hex(bytes->data, bytes->len);
        g_assert_cmpstr(hex, ==, cases[i].hex);

        reader = (ApReader){.data = bytes->data, .left = bytes->len};
        g_assert_cmpint(ap_varint_take(&reader, &value, &is_minimal), ==, AP_GOSSIP_REFUSAL_NONE);
        g_assert_cmpuint(value, ==, cases[i].value);
        g_assert_true(is_minimal);
    }
}

static void
test_longer_varints_are_told(void)
{
    static const char *const cases[] = {"8000", "ff8100", "80808000"};

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) bytes = gossip_from_hex(cases[i]);
        ApReader reader = {.data = bytes->data, .left = bytes->len};
        gboolean is_minimal;
        guint64 value;

        g_test_message("case %s", cases[i]);
        g_assert_cmpint(ap_varint_take(&reader, &value, &is_minimal), ==, AP_GOSSIP_REFUSAL_NONE);
        g_assert_false(is_minimal);
    }
}

static void
test_own_member_items(void)
{
    g_autoptr(GByteArray) buffer = g_byte_array_new();
    ApMemberWords words = {.name = "laptop", .speaks_bfd = TRUE};
    ApMember member = ap_member_describe(buffer, &words);
    g_autofree char *hex = gossip_to_hex(member.bytes, member.n_bytes);
    g_autofree char *all = NULL;
    ApReader value;

    g_assert_cmpstr(hex, ==, "6e066c6170746f70420101");
    g_assert_true(ap_member_speaks_bfd(&member));
    g_assert_false(ap_member_is_basic(&member));
    g_assert_false(ap_member_has_lost(&member));
    g_assert_true(ap_member_find(&member, AP_MEMBER_NAME, &value));
    g_assert_cmpmem(value.data, (int) value.left, "laptop", 6);

    words.is_basic = TRUE;
    words.lost = 0x01020304;
    member = ap_member_describe(buffer, &words);
    all = gossip_to_hex(member.bytes, member.n_bytes);
    g_assert_cmpstr(all, ==, "6e066c6170746f704201014c0401020304620101");
    g_assert_true(ap_member_has_lost(&member));

    words = (ApMemberWords){.is_basic = TRUE};
    member = ap_member_describe(buffer, &words);
    g_assert_true(ap_member_is_basic(&member));
    g_assert_false(ap_member_speaks_bfd(&member));
    g_assert_false(ap_member_find(&member, AP_MEMBER_NAME, &value));

    words = (ApMemberWords){.name = ""};
    member = ap_member_describe(buffer, &words);
    g_assert_cmpuint(member.n_bytes, ==, 0);
}

static void
test_names_are_distinct(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < AP_N_GOSSIP_REFUSALS; i++)
        g_assert_true(g_hash_table_add(seen, (char *) ap_gossip_refusal_name(i)));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gossip/codec/recorded-packets", test_recorded_packets);
    g_test_add_func("/gossip/codec/captured-packets", test_captured_packets);
    g_test_add_func("/gossip/codec/recorded-single-facts", test_recorded_single_facts);
    g_test_add_func("/gossip/codec/facts-are-written-as-recorded",
                    test_facts_are_written_as_recorded);
    g_test_add_func("/gossip/codec/groups-are-written-as-recorded",
                    test_groups_are_written_as_recorded);
    g_test_add_func("/gossip/codec/shared-secret-is-the-recorded-one",
                    test_shared_secret_is_the_recorded_one);
    g_test_add_func("/gossip/codec/no-secret-with-a-point-of-low-order",
                    test_no_secret_with_a_point_of_low_order);
    g_test_add_func("/gossip/codec/groups-stop-at-their-limit", test_groups_stop_at_their_limit);
    g_test_add_func("/gossip/codec/truncated-anywhere", test_truncated_anywhere);
    g_test_add_func("/gossip/codec/facts-truncated-anywhere", test_facts_truncated_anywhere);
    g_test_add_func("/gossip/codec/facts-are-refused-with-a-reason",
                    test_facts_are_refused_with_a_reason);
    g_test_add_func("/gossip/codec/other-packets-than-groups", test_other_packets_than_groups);
    g_test_add_func("/gossip/codec/facts-of-a-group", test_facts_of_a_group);
    g_test_add_func("/gossip/codec/random-damage", test_random_damage);
    g_test_add_func("/gossip/codec/random-facts", test_random_facts);
    g_test_add_func("/gossip/codec/varints", test_varints);
    g_test_add_func("/gossip/codec/longer-varints-are-told", test_longer_varints_are_told);
    g_test_add_func("/gossip/codec/own-member-items", test_own_member_items);
    g_test_add_func("/gossip/codec/names-are-distinct", test_names_are_distinct);
    return g_test_run();
}
