/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * gossip-decode [--key KEY]… [--source ADDRESS] [--fact]
 *
 * Reads a packet in hexadecimal a line and prints what the codec says of it, one JSON object a
 * line. A line may go on with the packet's source address and the receiver's private key, which
 * then replace the options. Without a source the packet counts as sent from its signer's
 * address. Without a key it is tried with those of the recordings (tests/data/gossip.json).
 * With --fact, a line is a single fact.
 */

#include "common/json/json.h"
#include "helper/gossip/group.h"
#include "tests/unit/gossip-text.h"

#include <stdio.h>
#include <string.h>

/** Values in the recordings; room for them to grow. */
#define MAX_VALUES 20000

static GStrv key_texts;
static char *source_text;
static gboolean single_facts;

static const GOptionEntry options[] = {
    {"key",
     'k',
     0,
     G_OPTION_ARG_STRING_ARRAY,
     &key_texts,
     "A receiver's private key, base64 or hexadecimal",
     "KEY"},
    {"source", 's', 0, G_OPTION_ARG_STRING, &source_text, "Where the packets came from", "ADDRESS"},
    {"fact", 'f', 0, G_OPTION_ARG_NONE, &single_facts, "Each line is a single fact", NULL},
    {NULL},
};

static gboolean
read_private(const char *text, ApSecretKey *out)
{
    g_autoptr(GByteArray) hex = gossip_from_hex(text);
    ApKey key;

    if (hex != NULL && hex->len == AP_KEY_LEN)
        memcpy(out->bytes, hex->data, AP_KEY_LEN);
    else if (ap_key_parse(&key, text, NULL))
        memcpy(out->bytes, key.bytes, AP_KEY_LEN);
    else
        return FALSE;
    return TRUE;
}

static gboolean
add_key(GArray *keys, const char *text)
{
    g_auto(ApSecretKey) key = {0};

    if (text == NULL || !read_private(text, &key))
        return FALSE;
    g_array_append_val(keys, key);
    return TRUE;
}

static void
add_recorded_keys(GArray *keys, ApJson *recorded)
{
    static const char *const names[] = {"A", "B", "R"};

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        ApJson *key = ap_json_get_object(recorded, names[i]);

        (void) add_key(keys, ap_json_get_string(key, "private_b64", AP_KEY_TEXT_LEN));
    }
}

/* The receivers of the recordings: B of the packets that were made, all of those captured. */
static gboolean
load_recorded_keys(GArray *keys, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr(ApJson) root = NULL;
    ApJson *made, *captured;
    gsize n_bytes;

    if (!g_file_get_contents(AP_GOSSIP_RECORDINGS, &text, &n_bytes, error))
        return FALSE;
    root = ap_json_parse(text, n_bytes, MAX_VALUES, error);
    if (root == NULL)
        return FALSE;

    made = ap_json_get_object(ap_json_get_object(root, "keys"), "B");
    captured = ap_json_item(ap_json_get_array(root, "captured"), 0);
    (void) add_key(keys, ap_json_get_string(made, "private_b64", AP_KEY_TEXT_LEN));
    add_recorded_keys(keys, ap_json_get_object(captured, "keys"));
    return TRUE;
}

static ApGossipRefusal
decode(const GByteArray *bytes, const ApAddr *source, const GArray *keys, ApGroupFacts *facts)
{
    ApReader reader = {.data = bytes->data, .left = bytes->len};
    ApGossipRefusal refusal;

    if (!single_facts)
        return gossip_receive(bytes, source, keys, facts);

    refusal = ap_fact_take(&reader, &facts->items[0]);
    facts->n_items = refusal == AP_GOSSIP_REFUSAL_NONE;
    return refusal;
}

static void
print_verdict(ApGossipRefusal refusal, const ApGroupFacts *facts)
{
    const gboolean accepted = refusal == AP_GOSSIP_REFUSAL_NONE;
    g_autoptr(GString) json = g_string_new(NULL);

    g_string_append_printf(json,
                           "{\"accepted\":%s,\"why\":\"%s\",\"facts\":[",
                           accepted ? "true" : "false",
                           ap_gossip_refusal_name(refusal));
    for (guint i = 0; accepted && i < facts->n_items; i++) {
        if (i > 0)
            g_string_append_c(json, ',');
        gossip_append_fact(json, &facts->items[i]);
    }
    printf("%s]}\n", json->str);
}

/* Returns: FALSE for a line that is not of the form above */
static gboolean
decode_line(char *line, const GArray *keys)
{
    g_auto(GStrv) words = g_strsplit_set(g_strstrip(line), " \t", 3);
    const char *source = words[0] != NULL && words[1] != NULL ? words[1] : source_text;
    g_autoptr(GArray) own = g_array_new(FALSE, FALSE, sizeof(ApSecretKey));
    g_autoptr(GByteArray) bytes = gossip_from_hex(words[0] != NULL ? words[0] : "");
    ApGroupFacts facts = {0};
    ApAddr addr;

    if (bytes == NULL || (source != NULL && !ap_addr_parse(&addr, source, NULL)))
        return FALSE;
    if (source != NULL && words[1] == source && words[2] != NULL) {
        if (!add_key(own, words[2]))
            return FALSE;
        keys = own;
    }

    print_verdict(decode(bytes, source != NULL ? &addr : NULL, keys, &facts), &facts);
    return TRUE;
}

static gboolean
load_keys(GArray *keys, GError **error)
{
    if (key_texts == NULL)
        return load_recorded_keys(keys, error);

    for (guint i = 0; key_texts[i] != NULL; i++) {
        if (!add_key(keys, key_texts[i])) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "not a key");
            return FALSE;
        }
    }
    return TRUE;
}

int
main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new("< PACKETS");
    g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(ApSecretKey));
    g_autoptr(GError) error = NULL;
    char line[2 * AP_GROUP_MAX_READ + 1000];

    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || !load_keys(keys, &error)) {
        g_printerr("gossip-decode: %s\n", error->message);
        return 2;
    }

    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (!decode_line(line, keys)) {
            g_printerr("gossip-decode: a line is not PACKET [SOURCE [KEY]]\n");
            return 2;
        }
        (void) fflush(stdout);
    }
    return 0;
}
