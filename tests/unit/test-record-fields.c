/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The tables of a record against the structs that they describe, and text there and back. */

#include "helper/core/plan.h"
#include "helper/record/tables.h"
#include "helper/record/value.h"

#include <string.h>

/* What members hold, padding apart: their bytes are 1 in an item. */
#define MEMBERS_OF(function, struct_type)                                                          \
    static void function(guint8 *bytes)                                                            \
    {                                                                                              \
        struct_type item;                                                                          \
        memset(&item, 1, sizeof(item));                                                            \
        __builtin_clear_padding(&item);                                                            \
        memcpy(bytes, &item, sizeof(item));                                                        \
    }

MEMBERS_OF(link_members, ApLink)
MEMBERS_OF(device_members, ApDevice)
MEMBERS_OF(peer_members, ApDevicePeer)
MEMBERS_OF(owned_members, ApOwned)
MEMBERS_OF(address_members, ApOwnedAddress)
MEMBERS_OF(loan_members, ApLoan)
MEMBERS_OF(candidate_members, ApCandidate)
MEMBERS_OF(proof_members, ApProof)
MEMBERS_OF(mute_members, guint32)
MEMBERS_OF(host_members, ApLanHost)
MEMBERS_OF(path_members, ApPath)
MEMBERS_OF(policy_members, ApPolicy)
MEMBERS_OF(policy_tunnel_members, ApTunnelPolicy)
MEMBERS_OF(policy_peer_members, ApPeerPolicy)
MEMBERS_OF(turn_members, ApTurnHead)
MEMBERS_OF(plan_members, ApPlan)
MEMBERS_OF(change_members, ApChange)
MEMBERS_OF(address_change_members, ApAddressChange)
MEMBERS_OF(loan_change_members, ApLoanChange)
MEMBERS_OF(session_members, ApSessionWish)
MEMBERS_OF(verdict_members, ApVerdict)
MEMBERS_OF(refusal_members, ApRefusal)
MEMBERS_OF(tunnel_members, ApTunnel)

static void (*const members_of[AP_N_TABLES])(guint8 *) = {
    [AP_TABLE_LINK] = link_members,
    [AP_TABLE_DEVICE] = device_members,
    [AP_TABLE_PEER] = peer_members,
    [AP_TABLE_OWNED] = owned_members,
    [AP_TABLE_ADDRESS] = address_members,
    [AP_TABLE_LOAN] = loan_members,
    [AP_TABLE_CANDIDATE] = candidate_members,
    [AP_TABLE_PROOF] = proof_members,
    [AP_TABLE_MUTE] = mute_members,
    [AP_TABLE_HOST] = host_members,
    [AP_TABLE_PATH] = path_members,
    [AP_TABLE_POLICY] = policy_members,
    [AP_TABLE_POLICY_TUNNEL] = policy_tunnel_members,
    [AP_TABLE_POLICY_PEER] = policy_peer_members,
    [AP_TABLE_TURN] = turn_members,
    [AP_TABLE_PLAN] = plan_members,
    [AP_TABLE_CHANGE] = change_members,
    [AP_TABLE_ADDRESS_CHANGE] = address_change_members,
    [AP_TABLE_LOAN_CHANGE] = loan_change_members,
    [AP_TABLE_SESSION] = session_members,
    [AP_TABLE_VERDICT] = verdict_members,
    [AP_TABLE_REFUSAL] = refusal_members,
    [AP_TABLE_TUNNEL] = tunnel_members,
};

/* Takes the bytes of a field out of @bytes; two fields may not share one. */
static void
cover(guint8 *bytes, guint offset, guint size)
{
    for (guint i = offset; i < offset + size; i++) {
        g_assert_cmpuint(bytes[i], !=, 2);
        bytes[i] = 2;
    }
}

/* GCC 12 sees no padding after a large array. What is left over there may be padding if it is too
 * small for what follows it. */
static void
forgive_gaps(const ApTable *table, guint8 *bytes, guint from)
{
    for (guint begin = from, end; begin < table->size; begin = end + 1) {
        for (end = begin; end < table->size && bytes[end] != 2; end++)
            ;
        if (end - begin < sizeof(guint64) && end % sizeof(guint32) == 0)
            memset(bytes + begin, 0, end - begin);
    }
}

static void
test_complete(void)
{
    for (guint t = 0; t < AP_N_TABLES; t++) {
        const ApTable *table = ap_table_get(t);
        g_autofree guint8 *bytes = g_malloc(table->size);
        guint end_of_array = table->size;

        members_of[t](bytes);
        for (guint i = 0; i < table->n_fields; i++) {
            const ApField *field = &table->fields[i];

            g_test_message("%s.%s", table->name, field->name);
            cover(bytes, field->offset, field->size);
            if (field->form == AP_FIELD_SEVERAL) {
                cover(bytes, field->count_offset, sizeof(guint));
                end_of_array = MIN(end_of_array, field->offset + field->size);
            }
        }
        forgive_gaps(table, bytes, end_of_array);
        for (guint i = 0; i < table->size; i++) {
            g_test_message("%s: byte %u is in a member that the table lacks", table->name, i);
            g_assert_cmpuint(bytes[i], !=, 1);
        }
    }
}

/* A member may be as large as its kind only: a boolean that became a number is another field. */
static void
test_sizes(void)
{
    for (guint t = 0; t < AP_N_TABLES; t++) {
        const ApTable *table = ap_table_get(t);

        for (guint i = 0; i < table->n_fields; i++) {
            const ApField *field = &table->fields[i];
            const guint unit = ap_field_unit(field);

            g_test_message("%s.%s", table->name, field->name);
            if (field->type == AP_FIELD_FLAG || field->type == AP_FIELD_WORD)
                g_assert_cmpuint(field->size, ==, 4);
            else if (field->form == AP_FIELD_ONE)
                g_assert_cmpuint(field->size, ==, unit);
            else if (field->form == AP_FIELD_SEVERAL)
                g_assert_cmpuint(field->size % unit, ==, 0);
            else
                g_assert_cmpuint(field->size, ==, sizeof(gpointer));
        }
    }
}

static void
fill_bytes(GRand *rand, guint8 *bytes, gsize n)
{
    for (gsize i = 0; i < n; i++)
        bytes[i] = (guint8) g_rand_int_range(rand, 0, 256);
}

static ApAddr
random_addr(GRand *rand)
{
    ApAddr addr = {.family = g_rand_boolean(rand) ? AF_INET : AF_INET6};

    fill_bytes(rand, addr.bytes, ap_addr_n_bits(addr.family) / 8);
    return addr;
}

static gint64
random_time(GRand *rand)
{
    return g_rand_int_range(rand, 0, 9) == 0
               ? AP_NEVER
               : (gint64) g_rand_int(rand) << g_rand_int_range(rand, 0, 21);
}

static guint
count_words(ApWords words)
{
    guint n = 0;

    while (ap_word(words, n) != NULL)
        n++;
    return n;
}

static void
fill_value(GRand *rand, const ApField *field, guint8 *out)
{
    const guint unit = ap_field_unit(field);
    ApAddr addr = random_addr(rand);
    const guint8 n_bits = (guint8) ap_addr_n_bits(addr.family);
    const gint64 time = random_time(rand);
    guint word;

    switch (field->type) {
    case AP_FIELD_FLAG:
        *(gboolean *) (void *) out = g_rand_boolean(rand);
        return;
    case AP_FIELD_NUMBER:
    case AP_FIELD_FINGERPRINT:
    case AP_FIELD_KEY:
        fill_bytes(rand, out, unit);
        return;
    case AP_FIELD_TIME:
        memcpy(out, &time, sizeof(time));
        return;
    case AP_FIELD_WORD:
        word = (guint) g_rand_int_range(rand, 0, (int) count_words(field->words));
        memcpy(out, &word, sizeof(word));
        return;
    case AP_FIELD_NAME:
        (void) g_snprintf((char *) out,
                          unit,
                          "wg %c%%,=%u",
                          'a' + g_rand_int_range(rand, 0, 26),
                          out[0]);
        return;
    case AP_FIELD_ADDR:
        memcpy(out, &addr, sizeof(addr));
        return;
    case AP_FIELD_CIDR:
        *(ApCidr *) (void *) out =
            ap_cidr_network(&addr, (guint8) g_rand_int_range(rand, 0, n_bits + 1));
        return;
    case AP_FIELD_ENDPOINT:
        *(ApEndpoint *) (void *) out =
            (ApEndpoint){.addr = addr, .port = (guint16) g_rand_int_range(rand, 0, 65536)};
        return;
    case AP_FIELD_LINK_ADDRESS:
        *(ApLinkAddress *) (void *) out = (ApLinkAddress){
            .addr = addr,
            .prefix_len = (guint8) g_rand_int_range(rand, 0, n_bits + 1),
            .flags = (guint8) g_rand_int_range(rand, 0, 8),
        };
        return;
    case AP_FIELD_PIN:
        *(ApPin *) (void *) out = (ApPin){.addr = addr, .until_boot_usec = time};
        return;
    case AP_FIELD_NAMES:
    case AP_FIELD_LINES:
    case AP_FIELD_UNREAD:
    case AP_N_FIELD_TYPES:
        return;
    }
}

static void
fill_field(GRand *rand, const ApField *field, guint8 *item)
{
    const guint unit = ap_field_unit(field);
    guint8 *at = item + field->offset;
    GArray *array;
    guint n;

    switch (field->form) {
    case AP_FIELD_ONE:
        if (field->type == AP_FIELD_NAMES)
            g_ptr_array_add(*(GPtrArray **) (void *) at, g_strdup("a b,c"));
        else
            fill_value(rand, field, at);
        return;
    case AP_FIELD_SEVERAL:
        n = (guint) g_rand_int_range(rand, 0, (int) (field->size / unit) + 1);
        memcpy(item + field->count_offset, &n, sizeof(n));
        for (guint i = 0; i < n; i++)
            fill_value(rand, field, at + i * unit);
        return;
    case AP_FIELD_ARRAY:
        array = *(GArray **) (void *) at;
        g_array_set_size(array, (guint) g_rand_int_range(rand, 0, 4));
        for (guint i = 0; i < array->len; i++)
            fill_value(rand, field, (guint8 *) array->data + i * unit);
        return;
    }
}

static gpointer
random_item(GRand *rand, const ApTable *table)
{
    gpointer item = ap_table_new_item(table);

    for (guint i = 0; i < table->n_fields; i++) {
        if (g_rand_int_range(rand, 0, 3) > 0)
            fill_field(rand, &table->fields[i], item);
    }
    return item;
}

static void
free_item(const ApTable *table, gpointer item)
{
    ap_table_clear_item(table, item);
    g_free(item);
}

static void
read_all(const ApTable *table, gpointer item, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);

    for (guint i = 1; words[0] != NULL && words[i] != NULL; i++) {
        g_test_message("%s: %s", table->name, words[i]);
        g_assert_true(ap_table_read(table, item, words[i]));
    }
}

/* From the item @from, which has the same names, to @to; and what was read is written the same. */
static void
check_there_and_back(const ApTable *table, gconstpointer from, gpointer read, gconstpointer to)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GString) again = g_string_new(NULL);
    const guint n = ap_table_write(table, from, to, text);

    g_assert_true((n == 0) == (text->len == 0));
    read_all(table, read, text->str);
    for (guint i = 0; i < table->n_ids; i++) {
        g_autoptr(GString) id = g_string_new(NULL);

        ap_field_write(&table->fields[i], to, id);
        g_assert_true(ap_field_read(&table->fields[i], read, id->str));
    }
    g_assert_true(ap_table_equal(table, read, to));
    ap_table_write(table, read, to, again);
    g_assert_cmpstr(again->str, ==, "");
}

static void
test_there_and_back(void)
{
    const guint32 seed = g_test_rand_int();
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    g_test_message("seed %u", seed);
    for (guint round = 0; round < 50 * AP_N_TABLES; round++) {
        const ApTable *table = ap_table_get(round % AP_N_TABLES);
        gpointer first = random_item(rand, table);
        gpointer second = random_item(rand, table);
        gpointer read = ap_table_new_item(table);

        check_there_and_back(table, NULL, read, first);
        check_there_and_back(table, first, read, second);
        free_item(table, first);
        free_item(table, second);
        free_item(table, read);
    }
}

static void
test_refuses(void)
{
    static const struct {
        ApTableId table;
        const char *token;
    } cases[] = {
        {AP_TABLE_LINK, ""},
        {AP_TABLE_LINK, "mtu"},
        {AP_TABLE_LINK, "=5"},
        {AP_TABLE_LINK, "mtu="},
        {AP_TABLE_LINK, "mtu=-1"},
        {AP_TABLE_LINK, "mtu=4294967296"},
        {AP_TABLE_LINK, "colour=5"},
        {AP_TABLE_LINK, "name=sixteen-and-more"},
        {AP_TABLE_LINK, "kind=teapot"},
        {AP_TABLE_LINK, "running=1"},
        {AP_TABLE_LINK, "addresses=192.0.2.7"},
        {AP_TABLE_LINK, "addresses=192.0.2.7/33/0"},
        {AP_TABLE_LINK, "addresses=192.0.2.7/24/256"},
        {AP_TABLE_PEER, "allowed=192.0.2.7/24"},
        {AP_TABLE_PEER, "endpoint=192.0.2.7"},
        {AP_TABLE_PEER, "handshake_real_usec=9223372036854775806"},
        {AP_TABLE_DEVICE, "peers=1"},
        {AP_TABLE_POLICY_PEER, "name=Anna"},
        {AP_TABLE_PATH, "network=#123"},
        {AP_TABLE_PATH, "pins=192.0.2.7"},
        {AP_TABLE_CANDIDATE, "addresses=10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        const ApTable *table = ap_table_get(cases[i].table);
        gpointer item = ap_table_new_item(table);

        g_test_message("%s: %s", table->name, cases[i].token);
        g_assert_false(ap_table_read(table, item, cases[i].token));
        free_item(table, item);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/record/fields/cover-every-member", test_complete);
    g_test_add_func("/record/fields/have-the-size-of-their-kind", test_sizes);
    g_test_add_func("/record/fields/there-and-back", test_there_and_back);
    g_test_add_func("/record/fields/refuses", test_refuses);
    return g_test_run();
}
