/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/ledger-text.h"

#include "common/error.h"
#include "common/json/values.h"

/** Most values of any kind in a file of AP_LEDGER_MAX_BYTES: the shortest prefix has 11 bytes. */
#define MAX_VALUES (AP_LEDGER_MAX_BYTES / 11)

/** Longest name of an interface here: each byte that is not UTF-8 becomes three. */
#define MAX_NAME_BYTES (3 * IF_NAMESIZE)

static void
append_peer(GString *out, const ApOwned *peer)
{
    g_string_append(out, "{\"key\":");
    ap_json_append_key(out, &peer->key);
    g_string_append(out, ",\"allowed\":[");
    for (guint i = 0; i < peer->n_allowed; i++) {
        char text[AP_CIDR_TEXT_LEN];

        ap_cidr_to_text(&peer->allowed[i], text);
        g_string_append_printf(out, "%s\"%s\"", i > 0 ? "," : "", text);
    }
    g_string_append_printf(out,
                           "],\"added_boot_usec\":%" G_GINT64_FORMAT "}",
                           peer->added_boot_usec);
}

static void
append_peers(GString *out, const GArray *peers, guint32 ifindex)
{
    const char *separator = "\n ";

    for (guint i = 0; i < peers->len; i++) {
        const ApOwned *peer = &g_array_index(peers, ApOwned, i);

        if (peer->ifindex != ifindex)
            continue;
        g_string_append(out, separator);
        append_peer(out, peer);
        separator = ",\n ";
    }
}

static void
append_addresses(GString *out, const GArray *addresses, guint32 ifindex)
{
    const char *separator = "";

    for (guint i = 0; i < addresses->len; i++) {
        const ApOwnedAddress *address = &g_array_index(addresses, ApOwnedAddress, i);
        char text[AP_ADDR_TEXT_LEN];

        if (address->ifindex != ifindex)
            continue;
        ap_addr_to_text(&address->addr, text);
        g_string_append_printf(out, "%s\"%s\"", separator, text);
        separator = ",";
    }
}

static void
append_loans(GString *out, const GArray *loans, guint32 ifindex)
{
    const char *separator = ",\"loans\":[";

    for (guint i = 0; i < loans->len; i++) {
        const ApLoan *loan = &g_array_index(loans, ApLoan, i);

        if (loan->ifindex != ifindex)
            continue;
        g_string_append(out, separator);
        ap_json_append_key(out, &loan->key);
        separator = ",";
    }
    if (separator[1] == '\0')
        g_string_append_c(out, ']');
}

/**
 * Writes the record of one device.
 *
 * @holdings: what is ours on @id, and perhaps on others, which is left out; @device_key speaks for
 *     all
 *
 * Returns: (transfer full): one JSON object with a newline
 */
char *
ap_ledger_text_write(const ApDeviceId *id, const ApKey *device_key, const ApHoldings *holdings)
{
    g_autofree char *name = g_utf8_make_valid(id->name, -1);
    GString *out = g_string_new(NULL);

    g_string_append_printf(out,
                           "{\"version\":%d,\"ifindex\":%" G_GUINT32_FORMAT ",\"interface\":",
                           AP_LEDGER_VERSION,
                           id->ifindex);
    ap_json_append_string(out, name);
    g_string_append(out, ",\"device_key\":");
    ap_json_append_key(out, device_key);
    g_string_append(out, ",\"addresses\":[");
    append_addresses(out, holdings->addresses, id->ifindex);
    g_string_append_c(out, ']');
    append_loans(out, holdings->loans, id->ifindex);
    g_string_append(out, ",\"peers\":[");
    append_peers(out, holdings->peers, id->ifindex);
    g_string_append(out, "]}\n");
    return g_string_free(out, FALSE);
}

/* Only what we give to a peer: a single address, in the form in which we write it. */
static gboolean
read_allowed(ApJson *value, ApCidr *out)
{
    const char *text = ap_json_as_string(value, AP_CIDR_TEXT_LEN - 1);
    char canonical[AP_CIDR_TEXT_LEN];

    if (text == NULL || !ap_cidr_parse(out, text, NULL) || !ap_cidr_is_host(out))
        return FALSE;

    ap_cidr_to_text(out, canonical);
    return g_str_equal(text, canonical);
}

static gboolean
read_peer(ApJson *object, ApOwned *out)
{
    ApJson *allowed = ap_json_get_array(object, "allowed");

    if (!ap_json_get_key(object, "key", &out->key)
        || !ap_json_get_int(object, "added_boot_usec", 0, G_MAXINT64 - 1, &out->added_boot_usec)
        || allowed == NULL || ap_json_n_items(allowed) > AP_CHANGE_MAX_ALLOWED)
        return FALSE;

    for (guint i = 0; i < ap_json_n_items(allowed); i++) {
        if (!read_allowed(ap_json_item(allowed, i), &out->allowed[out->n_allowed++]))
            return FALSE;
    }

    return TRUE;
}

/* Only what we give to an interface: a link-local address, in the form in which we write it. */
static gboolean
read_address(ApJson *value, ApAddr *out)
{
    const char *text = ap_json_as_string(value, AP_ADDR_TEXT_LEN - 1);
    char canonical[AP_ADDR_TEXT_LEN];

    if (text == NULL || !ap_addr_parse(out, text, NULL) || out->family != AF_INET6
        || !ap_addr_is_link_local(out))
        return FALSE;

    ap_addr_to_text(out, canonical);
    return g_str_equal(text, canonical);
}

/* Records of peers alone have no such member. */
static gboolean
read_addresses(ApJson *root, guint32 ifindex, ApHoldings *out)
{
    ApJson *addresses = ap_json_get_array(root, "addresses");
    ApOwnedAddress entry = {.ifindex = ifindex};

    if (addresses == NULL)
        return ap_json_member(root, "addresses") == NULL;
    if (!ap_json_get_key(root, "device_key", &entry.device_key)
        || ap_json_n_items(addresses) > AP_LEDGER_MAX_ADDRESSES)
        return FALSE;

    for (guint i = 0; i < ap_json_n_items(addresses); i++) {
        if (!read_address(ap_json_item(addresses, i), &entry.addr)
            || ap_holdings_find_address(out, ifindex, &entry.addr) != NULL)
            return FALSE;
        g_array_append_val(out->addresses, entry);
    }
    return TRUE;
}

/* Records of a helper that lent nothing have no such member. */
static gboolean
read_loans(ApJson *root, guint32 ifindex, ApHoldings *out)
{
    ApJson *loans = ap_json_get_array(root, "loans");
    ApLoan entry = {.ifindex = ifindex};

    if (loans == NULL)
        return ap_json_member(root, "loans") == NULL;

    for (guint i = 0; i < ap_json_n_items(loans); i++) {
        const char *text = ap_json_as_string(ap_json_item(loans, i), AP_KEY_TEXT_LEN - 1);

        if (text == NULL || !ap_key_parse(&entry.key, text, NULL))
            return FALSE;
        g_array_append_val(out->loans, entry);
    }
    return TRUE;
}

static gboolean
read_peers(ApJson *root, guint32 ifindex, GArray *out)
{
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify) g_bytes_unref, NULL);
    ApJson *peers = ap_json_get_array(root, "peers");
    ApKey device_key;

    if (peers == NULL || !ap_json_get_key(root, "device_key", &device_key))
        return FALSE;

    for (guint i = 0; i < ap_json_n_items(peers); i++) {
        ApOwned owned = {.ifindex = ifindex, .device_key = device_key};

        if (!read_peer(ap_json_item(peers, i), &owned)
            || !g_hash_table_add(seen, g_bytes_new(&owned.key, sizeof(owned.key))))
            return FALSE;
        g_array_append_val(out, owned);
    }

    return TRUE;
}

/**
 * Reads the record of one device, whole or not at all.
 *
 * @text: @n_bytes bytes that may be anything
 * @ifindex: which device the file's name promises
 * @out: what the record has is added to it when the answer is AP_LEDGER_TEXT_OK
 * @error: set when the answer is another one; the message says what is wrong
 */
ApLedgerText
ap_ledger_text_read(const char *text,
                    gsize n_bytes,
                    guint32 ifindex,
                    ApHoldings *out,
                    GError **error)
{
    g_autoptr(ApJson) root = ap_json_parse(text, n_bytes, MAX_VALUES, error);
    g_autoptr(ApHoldings) found = ap_holdings_new();
    gint64 number;

    if (root == NULL)
        return AP_LEDGER_TEXT_BAD;

    if (ap_json_get_int(root, "version", AP_LEDGER_VERSION + 1, G_MAXINT32, &number)) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, "a later version wrote it");
        return AP_LEDGER_TEXT_NEWER;
    }

    if (!ap_json_get_int(root, "version", AP_LEDGER_VERSION, AP_LEDGER_VERSION, &number)
        || !ap_json_get_int(root, "ifindex", ifindex, ifindex, &number)
        || ap_json_get_string(root, "interface", MAX_NAME_BYTES) == NULL
        || !read_peers(root, ifindex, found->peers) || !read_addresses(root, ifindex, found)
        || !read_loans(root, ifindex, found)) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_INVALID, "it is not what we write");
        return AP_LEDGER_TEXT_BAD;
    }

    g_array_append_vals(out->peers, found->peers->data, found->peers->len);
    g_array_append_vals(out->loans, found->loans->data, found->loans->len);
    g_array_append_vals(out->addresses, found->addresses->data, found->addresses->len);
    return AP_LEDGER_TEXT_OK;
}
