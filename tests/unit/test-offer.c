/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/error.h"
#include "common/json/json.h"
#include "common/json/offer-json.h"
#include "common/offer.h"

#include <string.h>

#define KEY_A "Oa93jYOA8gLRrYeapxsOXvIuiwFZObbHNQ9MfmXHLwY="
#define KEY_B "fHuPNEGIvwdB8zTdO6+kU9o7nQfre700wCXRFgjB2lc="

#define PEER(members) "{\"peers\":[{\"pubkey\":\"" KEY_A "\"," members "}]}"
#define IP "\"ip\":[\"10.9.0.11\"]"

static ApOffer *
parse(const char *text, GError **error)
{
    return ap_offer_from_json(text, strlen(text), error);
}

static guint
n_dropped(const ApOffer *offer)
{
    guint n = 0;

    for (guint i = 0; i < AP_N_DROPS; i++)
        n += offer->dropped[i];
    return n;
}

static char *
endpoint_text(const ApEndpoint *endpoint)
{
    char *text = g_malloc(AP_ENDPOINT_TEXT_LEN);

    ap_endpoint_to_text(endpoint, text);
    return text;
}

/* drop: the only one that is counted; AP_N_DROPS: none */
static const struct {
    const char *text;
    guint n_peers;
    guint n_addresses; /* of the first peer */
    const char *endpoint;
    guint drop;
} plain_cases[] = {
    {"{\"peers\": []}", 0, 0, "", AP_N_DROPS},
    {PEER(IP ",\"endpoint\":\"192.168.77.11\",\"port\":40001"),
     1,
     1,
     "192.168.77.11:40001",
     AP_N_DROPS},
    {PEER("\"port\":40001,\"x\":{\"y\":[1]},\"endpoint\":\"192.168.77.11\"," IP),
     1,
     1,
     "192.168.77.11:40001",
     AP_N_DROPS},
    {PEER("\"ip\":\"10.9.0.11\",\"endpoint\":\"2001:db8::1\",\"port\":1"),
     1,
     1,
     "[2001:db8::1]:1",
     AP_N_DROPS},
    {PEER(IP), 1, 1, "", AP_N_DROPS},
    {PEER(IP ",\"endpoint\":null,\"port\":null"), 1, 1, "", AP_N_DROPS},
    {PEER(IP ",\"endpoint\":\"192.168.77.11\",\"port\":null"), 1, 1, "192.168.77.11:0", AP_N_DROPS},
    {PEER(IP ",\"endpoint\":\"192.168.77.11\""), 1, 1, "192.168.77.11:0", AP_N_DROPS},
    {PEER("\"ip\":[\"10.9.0.11\",\"10.9.0.11\"]"), 1, 1, "", AP_N_DROPS},
    {PEER("\"ip\":[]"), 0, 0, "", AP_DROP_NO_ADDRESS},
    {PEER("\"port\":1"), 0, 0, "", AP_DROP_NO_ADDRESS},
    {PEER("\"ip\":[\"10.9.0.11\",\"10.9.0.12/32\"]"), 1, 1, "", AP_DROP_ADDRESS},
    {PEER("\"ip\":[\"10.9.0.11\",\"0.0.0.0/0\"]"), 1, 1, "", AP_DROP_ADDRESS},
    {PEER("\"ip\":[\"10.9.0.11\",\"::ffff:10.9.0.34\"]"), 1, 1, "", AP_DROP_ADDRESS},
    {PEER("\"ip\":[\"10.9.0.11\",\"fe80::1%eth0\"]"), 1, 1, "", AP_DROP_ADDRESS},
    {PEER("\"ip\":[\"10.9.0.11\",\"010.9.0.34\"]"), 1, 1, "", AP_DROP_ADDRESS},
    {PEER("\"ip\":[\"10.9.0.11\",\"FD00::1\"]"), 1, 1, "", AP_DROP_ADDRESS},
    {PEER("\"ip\":[\"10.9.0.11\",\"fd00:0:0::1\"]"), 1, 1, "", AP_DROP_ADDRESS},
    {PEER("\"ip\":[\"10.9.0.11\",168361995]"), 1, 1, "", AP_DROP_ADDRESS},
    {PEER("\"ip\":[\"10.9.0.11\",null]"), 1, 1, "", AP_DROP_ADDRESS},
    {PEER("\"ip\":[\"10.0.0.1\",\"10.0.0.2\",\"10.0.0.3\",\"10.0.0.4\",\"10.0.0.5\"]"),
     1,
     AP_COORD_MAX_ADDRESSES,
     "",
     AP_DROP_TOO_MANY},
    {PEER(IP ",\"endpoint\":\"hub.example\",\"port\":1"), 1, 1, "", AP_DROP_ENDPOINT},
    {PEER(IP ",\"endpoint\":\"192.168.77.11:40001\",\"port\":1"), 1, 1, "", AP_DROP_ENDPOINT},
    {PEER(IP ",\"endpoint\":[\"192.168.77.11\"],\"port\":1"), 1, 1, "", AP_DROP_ENDPOINT},
    {PEER(IP ",\"endpoint\":\"192.168.77.11\",\"port\":70000"), 1, 1, "", AP_DROP_PORT},
    {PEER(IP ",\"endpoint\":\"192.168.77.11\",\"port\":\"51820\""), 1, 1, "", AP_DROP_PORT},
    {PEER(IP ",\"endpoint\":\"192.168.77.11\",\"port\":51820.5"), 1, 1, "", AP_DROP_PORT},
    {PEER(IP ",\"endpoint\":\"192.168.77.11\",\"port\":-1"), 1, 1, "", AP_DROP_PORT},
    {"{\"peers\":[7]}", 0, 0, "", AP_DROP_NOT_AN_OBJECT},
    {"{\"peers\":[null]}", 0, 0, "", AP_DROP_NOT_AN_OBJECT},
    {"{\"peers\":[{" IP "}]}", 0, 0, "", AP_DROP_KEY},
    {"{\"peers\":[{\"pubkey\":\"short\"," IP "}]}", 0, 0, "", AP_DROP_KEY},
    {"{\"peers\":[{\"pubkey\":42," IP "}]}", 0, 0, "", AP_DROP_KEY},
    {"{\"peers\":[{\"pubkey\":\"fHuPNEGIvwdB8zTdO6-kU9o7nQfre700wCXRFgjB2lc=\"," IP "}]}",
     0,
     0,
     "",
     AP_DROP_KEY},
};

static void
test_plain_answers(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(plain_cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(ApOffer) offer = parse(plain_cases[i].text, &error);
        g_autofree char *endpoint = NULL;

        g_test_message("case %s", plain_cases[i].text);
        g_assert_no_error(error);
        g_assert_cmpuint(offer->peers->len, ==, plain_cases[i].n_peers);
        g_assert_cmpuint(n_dropped(offer), ==, plain_cases[i].drop == AP_N_DROPS ? 0 : 1);
        if (plain_cases[i].drop != AP_N_DROPS)
            g_assert_cmpuint(offer->dropped[plain_cases[i].drop], ==, 1);
        if (offer->peers->len == 0)
            continue;

        const ApOfferPeer *peer = &g_array_index(offer->peers, ApOfferPeer, 0);
        endpoint = endpoint_text(&peer->endpoint);
        g_assert_cmpuint(peer->n_addresses, ==, plain_cases[i].n_addresses);
        g_assert_cmpstr(endpoint, ==, plain_cases[i].endpoint);
    }
}

static const char *const whole_cases[] = {
    "",
    "[]",
    "{}",
    "{\"peers\":null}",
    "{\"peers\":{}}",
    "{\"peers\":\"none\"}",
    "{\"peers\":[]} trailing",
    "{\"peers\":[],\"peers\":[]}",
    "{'peers':[]}",
    "{\"peers\":[],\"v\":NaN}",
    "{\"peers\":[[[[[[[[[]]]]]]]]]}",
    "{\"peers\":[],\"s\":\"\\u0000\"}",
    "{\"error\": \"Invalid client\"}",
};

static void
test_answers_rejected_as_a_whole(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(whole_cases); i++) {
        g_autoptr(GError) error = NULL;

        g_test_message("case '%s'", whole_cases[i]);
        g_assert_null(parse(whole_cases[i], &error));
        g_assert_error(error, AP_ERROR, AP_ERROR_INVALID);
    }
}

/* Mistake 5 of the existing client: one bad entry discards everything, or ends the process. */
static void
test_bad_entries_do_not_hurt_the_others(void)
{
    g_autoptr(ApOffer) offer =
        parse("{\"peers\":[{\"pubkey\":\"x\",\"ip\":[\"10.9.0.1\"]},{\"pubkey\":\"" KEY_A
              "\",\"ip\":17},[],{\"pubkey\":\"" KEY_B
              "\",\"ip\":[\"10.9.0.12\"],\"endpoint\":\"192.168.77.12\",\"port\":40002}]}",
              NULL);
    ApKey key;

    g_assert_cmpuint(offer->peers->len, ==, 1);
    g_assert_true(ap_key_parse(&key, KEY_B, NULL));
    g_assert_true(ap_key_equal(&g_array_index(offer->peers, ApOfferPeer, 0).key, &key));
    g_assert_cmpuint(offer->dropped[AP_DROP_KEY], ==, 1);
    g_assert_cmpuint(offer->dropped[AP_DROP_ADDRESS], ==, 1);
    g_assert_cmpuint(offer->dropped[AP_DROP_NO_ADDRESS], ==, 1);
    g_assert_cmpuint(offer->dropped[AP_DROP_NOT_AN_OBJECT], ==, 1);
}

/* The example of coordination-protocol.md 6 with all that decisions.md 25 adds. */
static const char full[] =
    "{\"peers\": [{\"pubkey\": \"" KEY_A
    "\", \"ip\": [\"10.9.0.11\", \"fd09:9::11\"], \"endpoint\": \"192.168.77.11\", \"port\": 40001,"
    " \"candidates\": [{\"ip\": \"192.168.77.11\", \"port\": 40001, \"prio\": 100, \"type\":"
    " \"lan\"}, {\"ip\": \"bad\", \"port\": 1}, {\"ip\": \"10.1.1.1\", \"port\": 0}, 3,"
    " {\"ip\": \"2001:db8::1\", \"port\": 9}], \"age\": 3, \"mutual\": true, \"bfd\": true,"
    " \"hub_rtt_ms\": 40, \"direct\": false}],"
    " \"gone\": [{\"pubkey\": \"" KEY_B "\", \"why\": \"bye\"}, {\"pubkey\": \"\"}],"
    " \"v\": 2, \"etag\": \"a1b2c3\", \"poll\": 30,"
    " \"you\": {\"ip\": \"203.0.113.21\", \"port\": 40002}}";

static void
test_version_2_answer(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ApOffer) offer = parse(full, &error);

    g_assert_no_error(error);
    const ApOfferPeer *peer = &g_array_index(offer->peers, ApOfferPeer, 0);
    g_autofree char *you = endpoint_text(&offer->you);
    g_autofree char *second = endpoint_text(&peer->candidates[1].endpoint);

    g_assert_cmpuint(offer->version, ==, 2);
    g_assert_cmpstr(offer->etag, ==, "a1b2c3");
    g_assert_cmpuint(offer->poll_sec, ==, 30);
    g_assert_cmpstr(you, ==, "203.0.113.21:40002");
    g_assert_cmpuint(peer->n_addresses, ==, 2);
    g_assert_cmpuint(peer->n_candidates, ==, 2);
    g_assert_cmpuint(peer->candidates[0].prio, ==, 100);
    g_assert_cmpstr(second, ==, "[2001:db8::1]:9");
    g_assert_cmpuint(peer->age_sec, ==, 3);
    g_assert_cmpuint(peer->hub_rtt_ms, ==, 40);
    g_assert_true(peer->mutual && peer->bfd);
    g_assert_cmpint(peer->direct, ==, AP_DIRECT_LOST);
    g_assert_cmpuint(offer->gone->len, ==, 1);
    g_assert_cmpint(g_array_index(offer->gone, ApOfferGone, 0).why, ==, AP_GONE_BYE);
    g_assert_cmpuint(offer->dropped[AP_DROP_ENDPOINT], ==, 2);
    g_assert_cmpuint(offer->dropped[AP_DROP_PORT], ==, 1);
    g_assert_cmpuint(offer->dropped[AP_DROP_KEY], ==, 1);
}

static void
test_senseless_extensions_are_ignored(void)
{
    g_autoptr(ApOffer) offer =
        parse("{\"peers\":[],\"v\":\"2\",\"etag\":\"a b\",\"poll\":-1,\"you\":null,\"gone\":7}",
              NULL);

    g_assert_cmpuint(offer->version, ==, 0);
    g_assert_cmpstr(offer->etag, ==, "");
    g_assert_cmpuint(offer->poll_sec, ==, 0);
    g_assert_false(ap_endpoint_is_set(&offer->you));
    g_assert_cmpuint(n_dropped(offer), ==, 0);
}

/* A server with 999 neighbours: 125,033 bytes were measured. */
static void
test_999_peers(void)
{
    g_autoptr(GString) text = g_string_new("{\"peers\": [");

    for (guint i = 0; i < 999; i++) {
        const ApKey key = {{(guint8) i, (guint8) (i >> 8), 1}};
        char key_text[AP_KEY_TEXT_LEN];

        ap_key_to_text(&key, key_text);
        g_string_append_printf(text,
                               "%s{\"pubkey\": \"%s\", \"ip\": [\"10.9.%u.%u\"], \"endpoint\": "
                               "\"192.168.77.11\", \"port\": 40001}",
                               i == 0 ? "" : ", ",
                               key_text,
                               i / 256,
                               i % 256);
    }
    g_string_append(text, "]}");

    g_autoptr(ApOffer) offer = ap_offer_from_json(text->str, text->len, NULL);
    g_assert_cmpuint(offer->peers->len, ==, AP_COORD_MAX_PEERS);
    g_assert_cmpuint(offer->dropped[AP_DROP_TOO_MANY], ==, 999 - AP_COORD_MAX_PEERS);
}

static void
test_truncated_answers(void)
{
    for (gsize n = 0; n < sizeof(full) - 1; n++) {
        g_autofree char *copy = g_memdup2(full, MAX(n, 1)); /* exact size: overruns are seen */

        g_assert_null(ap_offer_from_json(copy, n, NULL));
    }
}

static GByteArray *
binary(const ApOffer *offer)
{
    GByteArray *out = g_byte_array_new();

    ap_offer_write(offer, out);
    return out;
}

static void
assert_same_peers(const GArray *a, const GArray *b)
{
    g_assert_cmpuint(a->len, ==, b->len);
    for (guint i = 0; i < b->len; i++) {
        const ApOfferPeer *x = &g_array_index(a, ApOfferPeer, i);
        const ApOfferPeer *y = &g_array_index(b, ApOfferPeer, i);

        g_assert_true(ap_key_equal(&x->key, &y->key));
        g_assert_cmpuint(x->n_addresses, ==, y->n_addresses);
        for (guint j = 0; j < y->n_addresses; j++)
            g_assert_true(ap_addr_equal(&x->addresses[j], &y->addresses[j]));
        g_assert_true(ap_endpoint_equal(&x->endpoint, &y->endpoint));
        g_assert_cmpuint(x->n_candidates, ==, y->n_candidates);
        for (guint j = 0; j < y->n_candidates; j++) {
            g_assert_true(
                ap_endpoint_equal(&x->candidates[j].endpoint, &y->candidates[j].endpoint));
            g_assert_cmpuint(x->candidates[j].prio, ==, y->candidates[j].prio);
        }
        g_assert_cmpuint(x->age_sec, ==, y->age_sec);
        g_assert_cmpuint(x->hub_rtt_ms, ==, y->hub_rtt_ms);
        g_assert_cmpint(x->direct, ==, y->direct);
        g_assert_cmpint(x->mutual, ==, y->mutual);
        g_assert_cmpint(x->bfd, ==, y->bfd);
    }
}

static void
assert_same_gone(const GArray *a, const GArray *b)
{
    g_assert_cmpuint(a->len, ==, b->len);
    for (guint i = 0; i < b->len; i++) {
        const ApOfferGone *x = &g_array_index(a, ApOfferGone, i);
        const ApOfferGone *y = &g_array_index(b, ApOfferGone, i);

        g_assert_true(ap_key_equal(&x->key, &y->key));
        g_assert_cmpint(x->why, ==, y->why);
    }
}

static void
test_binary_form_is_the_same_offer(void)
{
    g_autoptr(ApOffer) offer = parse(full, NULL);
    g_autoptr(GByteArray) wire = binary(offer);
    g_autoptr(ApOffer) again = ap_offer_read(wire->data, wire->len, NULL);

    g_assert_cmpuint(again->version, ==, offer->version);
    g_assert_cmpstr(again->etag, ==, offer->etag);
    g_assert_cmpuint(again->poll_sec, ==, offer->poll_sec);
    g_assert_true(ap_endpoint_equal(&again->you, &offer->you));
    assert_same_peers(again->peers, offer->peers);
    assert_same_gone(again->gone, offer->gone);
    g_assert_cmpmem(offer->dropped, sizeof(offer->dropped), again->dropped, sizeof(again->dropped));
}

static void
test_binary_form_of_any_other_length_is_refused(void)
{
    g_autoptr(ApOffer) offer = parse(full, NULL);
    g_autoptr(GByteArray) wire = binary(offer);

    for (guint n = 0; n < wire->len; n++) {
        g_autofree guint8 *copy = g_memdup2(wire->data, MAX(n, 1));

        g_assert_null(ap_offer_read(copy, n, NULL));
    }
    g_byte_array_append(wire, (const guint8 *) "", 1);
    g_assert_null(ap_offer_read(wire->data, wire->len, NULL));
}

/* Whatever a compromised child sends: read within bounds, and what is read obeys the limits. */
static void
test_binary_form_with_random_damage(void)
{
    g_autoptr(ApOffer) offer = parse(full, NULL);
    g_autoptr(GByteArray) wire = binary(offer);

    for (guint round = 0; round < 20000; round++) {
        g_autofree guint8 *copy = g_memdup2(wire->data, wire->len);
        g_autoptr(ApOffer) again = NULL;

        for (int i = g_test_rand_int_range(1, 4); i > 0; i--)
            copy[g_test_rand_int_range(0, (gint32) wire->len)] = (guint8) g_test_rand_int();
        again = ap_offer_read(copy, wire->len, NULL);
        if (again == NULL)
            continue;

        g_autoptr(GByteArray) rewritten = binary(again);
        g_assert_cmpmem(rewritten->data, rewritten->len, copy, wire->len);
    }
}

static ApRequest
request(void)
{
    ApRequest self = {.n_attachments = 1};

    g_assert_true(ap_key_parse(&self.key, KEY_B, NULL));
    g_assert_true(ap_addr_parse(&self.attachments[0].ip, "192.168.77.12", NULL));
    g_assert_true(ap_addr_parse(&self.attachments[0].gateway, "192.168.77.1", NULL));
    self.attachments[0].prefix_len = 24;
    return self;
}

static void
test_plain_request_text(void)
{
    const ApRequest self = request();
    g_autofree char *text = ap_request_to_json(&self);

    g_assert_cmpstr(text,
                    ==,
                    "[{\"ip\":\"192.168.77.12\",\"netmask\":24,\"gateway\":\"192.168.77.1\","
                    "\"pubkey\":\"" KEY_B "\"}]");
}

/* The text of coordination-protocol.md 6, "Request". */
static const char v2_request[] =
    "[{\"ip\":\"192.168.77.12\",\"netmask\":24,\"gateway\":\"192.168.77.1\",\"pubkey\":\"" KEY_B
    "\",\"v\":2,\"listen_port\":40002,\"ttl\":90,\"boot\":\"5c0f19e2\",\"seq\":17,\"wait\":25,"
    "\"etag\":\"a1b2c3\",\"candidates\":[{\"ip\":\"192.168.77.12\",\"port\":40002,\"prio\":100},"
    "{\"ip\":\"2001:db8:77::12\",\"port\":40002,\"prio\":90}],\"direct\":[\"" KEY_A "\"]}]";

static void
test_version_2_request_text(void)
{
    g_auto(ApRequest) self = {0};
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    g_assert_true(ap_request_from_json(&self, v2_request, strlen(v2_request), &error));
    g_assert_no_error(error);
    g_assert_cmpuint(self.seq, ==, 17);
    g_assert_cmpuint(self.n_candidates, ==, 2);
    g_assert_cmpuint(self.direct->len, ==, 1);
    text = ap_request_to_json(&self);
    g_assert_cmpstr(text, ==, v2_request);
}

static void
test_new_members_are_in_the_first_element_only(void)
{
    g_auto(ApRequest) self = request();
    g_autofree char *text = NULL;

    self.version = AP_COORD_VERSION;
    self.bfd = TRUE;
    self.hub_rtt_ms = 40;
    self.attachments[self.n_attachments++] = self.attachments[0];
    text = ap_request_to_json(&self);
    g_assert_true(g_str_has_suffix(text,
                                   ",\"v\":2,\"seq\":0,\"hub_rtt_ms\":40,\"bfd\":true},"
                                   "{\"ip\":\"192.168.77.12\",\"netmask\":24,"
                                   "\"gateway\":\"192.168.77.1\",\"pubkey\":\"" KEY_B "\"}]"));
}

static void
test_bye_is_the_zero_element(void)
{
    g_auto(ApRequest) self = request();
    g_auto(ApRequest) again = {0};
    g_autofree char *text = NULL;

    self.version = AP_COORD_VERSION;
    self.bye = TRUE;
    text = ap_request_to_json(&self);
    g_assert_cmpstr(text,
                    ==,
                    "[{\"ip\":\"0.0.0.0\",\"netmask\":0,\"gateway\":\"0.0.0.0\",\"pubkey\":\"" KEY_B
                    "\",\"v\":2,\"seq\":0,\"bye\":true}]");
    g_assert_true(ap_request_from_json(&again, text, strlen(text), NULL));
    g_assert_true(again.bye);
    g_assert_cmpuint(again.n_attachments, ==, 0);
}

#define ELEMENT(ip, mask, gateway)                                                                 \
    "{\"ip\":" ip ",\"netmask\":" mask ",\"gateway\":" gateway ",\"pubkey\":\"" KEY_A "\"}"
#define GOOD ELEMENT("\"10.0.0.2\"", "24", "\"10.0.0.1\"")
#define GOOD_X4 GOOD "," GOOD "," GOOD "," GOOD
#define V2(members)                                                                                \
    "[{\"ip\":\"10.0.0.2\",\"netmask\":24,\"gateway\":\"10.0.0.1\",\"pubkey\":\"" KEY_A            \
    "\",\"v\":2," members "}]"

/* code -1: taken */
static const struct {
    const char *text;
    int code;
    const char *says;
} request_cases[] = {
    {GOOD, -1, NULL},
    {"[" GOOD "]", -1, NULL},
    {"[" GOOD "," GOOD "]", -1, NULL},
    {"[" ELEMENT("\"2001:DB8::2\"", "64", "\"fe80::1%eth0\"") "]", -1, NULL},
    {"[" ELEMENT("\"0.0.0.0\"", "0", "\"0.0.0.0\"") "]", -1, NULL},
    {"[" GOOD_X4 "," GOOD_X4 "]", -1, NULL},
    {"[" GOOD_X4 "," GOOD_X4 "," GOOD "]", AP_ERROR_LIMIT, "Too many elements"},
    {"", AP_ERROR_INVALID, "Could not decode JSON data"},
    {"[" GOOD "]x", AP_ERROR_INVALID, "Could not decode JSON data"},
    {"[]", AP_ERROR_INVALID, "Empty request"},
    {"[7]", AP_ERROR_INVALID, "Missing field, need 'pubkey', 'ip', 'netmask', 'gateway'"},
    {"[null]", AP_ERROR_INVALID, "Missing field, need 'pubkey', 'ip', 'netmask', 'gateway'"},
    {"{}", AP_ERROR_DENIED, "Invalid client"},
    {"[{\"pubkey\":\"short\"}]", AP_ERROR_DENIED, "Invalid client"},
    {"[{\"pubkey\":{}}]", AP_ERROR_DENIED, "Invalid client"},
    {"[{\"pubkey\":\"" KEY_A "\"}]", AP_ERROR_INVALID, NULL},
    {"[" ELEMENT("\"10.0.0.2\"", "\"24\"", "\"10.0.0.1\"") "]", AP_ERROR_INVALID, NULL},
    {"[" ELEMENT("\"10.0.0.2\"", "33", "\"10.0.0.1\"") "]", AP_ERROR_INVALID, NULL},
    {"[" ELEMENT("\"10.0.0.2\"", "-1", "\"10.0.0.1\"") "]", AP_ERROR_INVALID, NULL},
    {"[" ELEMENT("\"10.0.0.2\"", "24.9", "\"10.0.0.1\"") "]", AP_ERROR_INVALID, NULL},
    {"[" ELEMENT("\"10.0.0.2/24\"", "24", "\"10.0.0.1\"") "]", AP_ERROR_INVALID, NULL},
    {"[" ELEMENT("\"localhost\"", "24", "\"10.0.0.1\"") "]", AP_ERROR_INVALID, NULL},
    {"[" ELEMENT("3232255500", "24", "\"10.0.0.1\"") "]", AP_ERROR_INVALID, NULL},
    {"[" ELEMENT("\"10.0.0.2\"", "24", "null") "]", AP_ERROR_INVALID, NULL},
    {"[" ELEMENT("\"10.0.0.2\"", "24", "\"fe80::1\"") "]", AP_ERROR_INVALID, NULL},
    {"[" GOOD ",3]", AP_ERROR_INVALID, NULL},
    {V2("\"listen_port\":70000"), AP_ERROR_INVALID, "Malformed field"},
    {V2("\"seq\":-1"), AP_ERROR_INVALID, "Malformed field"},
    {V2("\"boot\":\"a b\""), AP_ERROR_INVALID, "Malformed field"},
    {V2("\"bye\":1"), AP_ERROR_INVALID, "Malformed field"},
    {V2("\"candidates\":[{\"ip\":\"10.0.0.2\"}]"), AP_ERROR_INVALID, "Malformed field"},
    {V2("\"direct\":[\"x\"]"), AP_ERROR_INVALID, "Malformed field"},
    {V2("\"unknown\":[1,2]"), -1, NULL},
    {V2("\"wait\":null"), -1, NULL},
};

static void
test_requests_read_by_the_server(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(request_cases); i++) {
        const char *text = request_cases[i].text;
        g_autoptr(GError) error = NULL;
        g_auto(ApRequest) self = {0};
        const gboolean ok = ap_request_from_json(&self, text, strlen(text), &error);

        g_test_message("case %s: %s", text, ok ? "taken" : error->message);
        g_assert_cmpint(ok, ==, request_cases[i].code == -1);
        if (ok)
            continue;
        g_assert_error(error, AP_ERROR, request_cases[i].code);
        if (request_cases[i].says != NULL)
            g_assert_cmpstr(error->message, ==, request_cases[i].says);
    }
}

static void
test_drop_names_differ(void)
{
    for (guint i = 0; i < AP_N_DROPS; i++) {
        for (guint k = 0; k < i; k++)
            g_assert_cmpstr(ap_drop_name(i), !=, ap_drop_name(k));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/offer/plain-answers", test_plain_answers);
    g_test_add_func("/offer/rejected-as-a-whole", test_answers_rejected_as_a_whole);
    g_test_add_func("/offer/bad-entries-do-not-hurt-the-others",
                    test_bad_entries_do_not_hurt_the_others);
    g_test_add_func("/offer/version-2", test_version_2_answer);
    g_test_add_func("/offer/senseless-extensions-are-ignored",
                    test_senseless_extensions_are_ignored);
    g_test_add_func("/offer/999-peers", test_999_peers);
    g_test_add_func("/offer/truncated-at-each-byte", test_truncated_answers);
    g_test_add_func("/offer/binary-form-is-the-same-offer", test_binary_form_is_the_same_offer);
    g_test_add_func("/offer/binary-form-of-any-other-length",
                    test_binary_form_of_any_other_length_is_refused);
    g_test_add_func("/offer/binary-form-with-random-damage", test_binary_form_with_random_damage);
    g_test_add_func("/offer/drop-names-differ", test_drop_names_differ);
    g_test_add_func("/request/plain-text", test_plain_request_text);
    g_test_add_func("/request/version-2-text", test_version_2_request_text);
    g_test_add_func("/request/new-members-in-the-first-element-only",
                    test_new_members_are_in_the_first_element_only);
    g_test_add_func("/request/bye-is-the-zero-element", test_bye_is_the_zero_element);
    g_test_add_func("/request/read-by-the-server", test_requests_read_by_the_server);
    return g_test_run();
}
