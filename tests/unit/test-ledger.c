/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/error.h"
#include "helper/io/ledger-text.h"
#include "helper/io/ledger.h"

#include <glib/gstdio.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

/** A directory of its own for each case. */
typedef struct {
    char *path;
    ApLedger *ledger;
    GPtrArray *warnings;
} Fixture;

static const ApDeviceId device = {.ifindex = 7, .name = "wg0"};
static const ApKey device_key = {.bytes = {1, 2, 3}};

static void
remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);

    for (const char *name = dir != NULL ? g_dir_read_name(dir) : NULL; name != NULL;
         name = g_dir_read_name(dir)) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        remove_tree(child);
    }
    (void) g_remove(path);
}

static void
setup(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    self->path = g_dir_make_tmp("ap-ledger-XXXXXX", &error);
    g_assert_no_error(error);
    self->ledger = ap_ledger_open(self->path, &error);
    g_assert_no_error(error);
    self->warnings = g_ptr_array_new_with_free_func(g_free);
}

static void
teardown(Fixture *self, gconstpointer unused)
{
    (void) unused;
    ap_ledger_free(self->ledger);
    remove_tree(self->path);
    g_free(self->path);
    g_ptr_array_unref(self->warnings);
}

static ApOwned
make_owned(guint8 n)
{
    ApOwned owned = {
        .ifindex = device.ifindex,
        .device_key = device_key,
        .key = {.bytes = {n, 9}},
        .added_boot_usec = 123456789 + n,
    };
    g_autofree char *first = g_strdup_printf("10.85.0.%u", n);

    g_assert_true(ap_cidr_parse(&owned.allowed[0], first, NULL));
    g_assert_true(ap_cidr_parse(&owned.allowed[1], "fe80::1234:5678", NULL));
    owned.n_allowed = 2;
    return owned;
}

static char *
file_of(const Fixture *self, const char *name)
{
    return g_build_filename(self->path, name, NULL);
}

static gboolean
exists(const Fixture *self, const char *name)
{
    g_autofree char *path = file_of(self, name);
    struct stat st;

    return lstat(path, &st) == 0;
}

static void
put_file(const Fixture *self, const char *name, const char *text, gsize n)
{
    g_autofree char *path = file_of(self, name);
    g_autoptr(GError) error = NULL;

    g_file_set_contents_full(path, text, n, G_FILE_SET_CONTENTS_NONE, 0600, &error);
    g_assert_no_error(error);
}

static char *
get_file(const Fixture *self, const char *name)
{
    g_autofree char *path = file_of(self, name);
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

static ApHoldings *
holdings_of(const ApOwned *owned, guint n)
{
    ApHoldings *holdings = ap_holdings_new();

    g_array_append_vals(holdings->peers, owned, n);
    return holdings;
}

static gboolean
try_store(ApLedger *ledger, const ApDeviceId *id, const ApOwned *owned, guint n, GError **error)
{
    g_autoptr(ApHoldings) holdings = holdings_of(owned, n);

    return ap_ledger_store(ledger, id, &device_key, holdings, error);
}

static void
store(const Fixture *self, const ApOwned *owned, guint n)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(try_store(self->ledger, &device, owned, n, &error));
    g_assert_no_error(error);
}

static GArray *
load(const Fixture *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ApHoldings) holdings = ap_ledger_load(self->ledger, self->warnings, &error);

    g_assert_no_error(error);
    g_assert_nonnull(holdings);
    return g_array_ref(holdings->peers);
}

static ApOwnedAddress
make_address(const char *text)
{
    ApOwnedAddress address = {.ifindex = device.ifindex, .device_key = device_key};

    g_assert_true(ap_addr_parse(&address.addr, text, NULL));
    return address;
}

static void
assert_equal(const ApOwned *a, const ApOwned *b)
{
    g_assert_cmpuint(a->ifindex, ==, b->ifindex);
    g_assert_true(ap_key_equal(&a->device_key, &b->device_key));
    g_assert_true(ap_key_equal(&a->key, &b->key));
    g_assert_cmpint(a->added_boot_usec, ==, b->added_boot_usec);
    g_assert_cmpuint(a->n_allowed, ==, b->n_allowed);
    for (guint i = 0; i < a->n_allowed; i++)
        g_assert_true(ap_cidr_equal(&a->allowed[i], &b->allowed[i]));
}

static void
test_round_trip(Fixture *self, gconstpointer unused)
{
    const ApDeviceId other = {.ifindex = 12, .name = "wg-\"quo\xff"};
    const ApOwned owned[] = {make_owned(1), make_owned(2), make_owned(3)};
    ApOwned elsewhere = make_owned(1);
    g_autoptr(GArray) back = NULL;
    g_autoptr(GError) error = NULL;

    (void) unused;
    elsewhere.ifindex = other.ifindex;
    g_assert_true(try_store(self->ledger, &other, &elsewhere, 1, &error));
    g_assert_no_error(error);
    store(self, owned, 3);

    back = load(self);
    g_assert_cmpuint(self->warnings->len, ==, 0);
    g_assert_cmpuint(back->len, ==, 4);
    for (guint i = 0; i < 3; i++)
        assert_equal(&g_array_index(back, ApOwned, i), &owned[i]);
    g_assert_cmpuint(g_array_index(back, ApOwned, 3).ifindex, ==, 12);
    g_assert_false(exists(self, "7.json.new"));
}

static void
test_addresses_round_trip(Fixture *self, gconstpointer unused)
{
    const ApOwnedAddress address = make_address("fe80::1234");
    const ApOwnedAddress *found;
    g_autoptr(ApHoldings) holdings = ap_holdings_new();
    g_autoptr(ApHoldings) back = NULL;
    g_autoptr(GError) error = NULL;

    (void) unused;
    g_array_append_val(holdings->addresses, address);
    g_assert_true(ap_ledger_store(self->ledger, &device, &device_key, holdings, &error));
    g_assert_no_error(error);
    g_assert_true(exists(self, "7.json"));

    back = ap_ledger_load(self->ledger, self->warnings, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(back->peers->len, ==, 0);
    g_assert_cmpuint(back->addresses->len, ==, 1);
    found = &g_array_index(back->addresses, ApOwnedAddress, 0);
    g_assert_cmpuint(found->ifindex, ==, device.ifindex);
    g_assert_true(ap_key_equal(&found->device_key, &device_key));
    g_assert_true(ap_addr_equal(&found->addr, &address.addr));

    ap_holdings_strike_address(holdings, device.ifindex, &address.addr);
    g_assert_true(ap_ledger_store(self->ledger, &device, &device_key, holdings, &error));
    g_assert_false(exists(self, "7.json"));
}

static void
test_loans_round_trip(Fixture *self, gconstpointer unused)
{
    const ApLoan loans[] = {{device.ifindex, {{1}}}, {device.ifindex, {{2}}}};
    g_autoptr(ApHoldings) holdings = ap_holdings_new();
    g_autoptr(ApHoldings) back = NULL;
    g_autoptr(GError) error = NULL;

    (void) unused;
    g_array_append_vals(holdings->loans, loans, G_N_ELEMENTS(loans));
    g_assert_true(ap_ledger_store(self->ledger, &device, &device_key, holdings, &error));
    g_assert_no_error(error);

    back = ap_ledger_load(self->ledger, self->warnings, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(back->loans->len, ==, G_N_ELEMENTS(loans));
    for (guint i = 0; i < G_N_ELEMENTS(loans); i++)
        g_assert_true(ap_holdings_has_loan(back, loans[i].ifindex, &loans[i].key));

    for (guint i = 0; i < G_N_ELEMENTS(loans); i++)
        ap_holdings_strike_loan(holdings, loans[i].ifindex, &loans[i].key);
    g_assert_true(ap_ledger_store(self->ledger, &device, &device_key, holdings, &error));
    g_assert_false(exists(self, "7.json"));
}

/* The record of one device says nothing of another. */
static void
test_record_is_of_one_device(Fixture *self, gconstpointer unused)
{
    const ApOwned here = make_owned(1);
    ApOwned elsewhere = make_owned(2);
    g_autoptr(ApHoldings) holdings = holdings_of(&here, 1);
    g_autoptr(GArray) back = NULL;
    g_autoptr(GError) error = NULL;

    (void) unused;
    elsewhere.ifindex = 8;
    g_array_append_val(holdings->peers, elsewhere);
    g_assert_true(ap_ledger_store(self->ledger, &device, &device_key, holdings, &error));
    back = load(self);
    g_assert_cmpuint(back->len, ==, 1);
    assert_equal(&g_array_index(back, ApOwned, 0), &here);
}

static void
test_empty_list_leaves_no_file(Fixture *self, gconstpointer unused)
{
    const ApOwned owned = make_owned(1);

    (void) unused;
    store(self, &owned, 1);
    g_assert_true(exists(self, "7.json"));
    store(self, NULL, 0);
    g_assert_false(exists(self, "7.json"));
    store(self, NULL, 0);
}

static void
test_leftover_of_a_killed_writer_is_no_record(Fixture *self, gconstpointer unused)
{
    const ApOwned owned = make_owned(1);
    g_autoptr(GArray) back = NULL;

    (void) unused;
    put_file(self, "7.json.new", "{\"version\":1,", 13);
    back = load(self);
    g_assert_cmpuint(back->len, ==, 0);
    store(self, &owned, 1);
    g_assert_false(exists(self, "7.json.new"));
}

static char *
sample_text(gsize *n)
{
    const ApOwned owned[] = {make_owned(1), make_owned(2)};
    const ApOwnedAddress address = make_address("fe80::1234");
    g_autoptr(ApHoldings) holdings = holdings_of(owned, G_N_ELEMENTS(owned));
    g_array_append_val(holdings->addresses, address);
    char *text = ap_ledger_text_write(&device, &device_key, holdings);

    *n = strlen(text);
    return text;
}

/* What still parses has values that we could have written; nothing else comes out. */
static void
assert_plausible(const ApHoldings *holdings)
{
    g_assert_cmpuint(holdings->addresses->len, <=, 1);
    for (guint i = 0; i < holdings->addresses->len; i++)
        g_assert_true(
            ap_addr_is_link_local(&g_array_index(holdings->addresses, ApOwnedAddress, i).addr));

    g_assert_cmpuint(holdings->peers->len, <=, 2);
    for (guint i = 0; i < holdings->peers->len; i++) {
        const ApOwned *peer = &g_array_index(holdings->peers, ApOwned, i);

        g_assert_cmpuint(peer->ifindex, ==, device.ifindex);
        g_assert_cmpuint(peer->n_allowed, <=, AP_CHANGE_MAX_ALLOWED);
        g_assert_cmpint(peer->added_boot_usec, >=, 0);
        for (guint k = 0; k < peer->n_allowed; k++)
            g_assert_true(ap_cidr_is_host(&peer->allowed[k]));
    }
}

static void
test_every_flipped_bit(void)
{
    gsize n;
    g_autofree char *text = sample_text(&n);

    for (gsize i = 0; i < n * 8; i++) {
        g_autoptr(ApHoldings) owned = ap_holdings_new();
        g_autoptr(GError) error = NULL;
        ApLedgerText verdict;

        text[i / 8] ^= (char) (1 << (i % 8));
        verdict = ap_ledger_text_read(text, n, device.ifindex, owned, &error);
        text[i / 8] ^= (char) (1 << (i % 8));

        g_test_message("bit %zu", i);
        g_assert_true((verdict == AP_LEDGER_TEXT_OK) == (error == NULL));
        g_assert_true(verdict == AP_LEDGER_TEXT_OK || owned->peers->len == 0);
        assert_plausible(owned);
    }
}

static void
test_every_other_byte(void)
{
    gsize n;
    g_autofree char *text = sample_text(&n);

    for (gsize i = 0; i < n; i++) {
        const char saved = text[i];

        for (guint value = 0; value < 256; value++) {
            g_autoptr(ApHoldings) owned = ap_holdings_new();

            text[i] = (char) value;
            (void) ap_ledger_text_read(text, n, device.ifindex, owned, NULL);
            assert_plausible(owned);
        }
        text[i] = saved;
    }
}

static void
test_every_truncation(void)
{
    gsize n;
    g_autofree char *text = sample_text(&n);

    /* Without its newline the text is complete all the same. */
    for (gsize i = 0; i + 1 < n; i++) {
        g_autofree char *part = g_memdup2(text, i);
        g_autoptr(ApHoldings) owned = ap_holdings_new();

        g_test_message("%zu of %zu bytes", i, n);
        g_assert_cmpint(ap_ledger_text_read(part, i, device.ifindex, owned, NULL),
                        ==,
                        AP_LEDGER_TEXT_BAD);
        g_assert_cmpuint(owned->peers->len, ==, 0);
    }
}

#define KEY "AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define HEAD                                                                                       \
    "{\"version\":1,\"ifindex\":7,\"interface\":\"wg0\",\"device_key\":\"" KEY "\",\"peers\":["
#define ADDRESSES(list) HEAD "],\"addresses\":" list "}"
#define PEER(allowed) "{\"key\":\"" KEY "\",\"allowed\":[" allowed "],\"added_boot_usec\":1}"

static const struct {
    const char *text;
    ApLedgerText verdict;
} text_cases[] = {
    {HEAD "]}", AP_LEDGER_TEXT_OK},
    {HEAD PEER("") "]}", AP_LEDGER_TEXT_OK},
    {HEAD PEER("\"10.0.0.1/32\"") "]}", AP_LEDGER_TEXT_OK},
    {HEAD PEER("\"10.0.0.1\"") "]}", AP_LEDGER_TEXT_BAD},
    {HEAD PEER("\"10.0.0.0/24\"") "]}", AP_LEDGER_TEXT_BAD},
    {HEAD PEER("\"0.0.0.0/0\"") "]}", AP_LEDGER_TEXT_BAD},
    {HEAD PEER("\"FD00::1/128\"") "]}", AP_LEDGER_TEXT_BAD},
    {HEAD PEER("1") "]}", AP_LEDGER_TEXT_BAD},
    {HEAD PEER("") "," PEER("") "]}", AP_LEDGER_TEXT_BAD}, /* a key twice */
    {ADDRESSES("[]"), AP_LEDGER_TEXT_OK},
    {ADDRESSES("[\"fe80::1\"]"), AP_LEDGER_TEXT_OK},
    {ADDRESSES("[\"fe80::1\",\"fe80::2\"]"), AP_LEDGER_TEXT_OK},
    {ADDRESSES("[\"fe80::1\",\"fe80::1\"]"), AP_LEDGER_TEXT_BAD},
    {ADDRESSES("[\"FE80::1\"]"), AP_LEDGER_TEXT_BAD},
    {ADDRESSES("[\"fe80::1/64\"]"), AP_LEDGER_TEXT_BAD},
    {ADDRESSES("[\"fd00::1\"]"), AP_LEDGER_TEXT_BAD},
    {ADDRESSES("[\"169.254.0.1\"]"), AP_LEDGER_TEXT_BAD},
    {ADDRESSES("[1]"), AP_LEDGER_TEXT_BAD},
    {ADDRESSES("\"fe80::1\""), AP_LEDGER_TEXT_BAD},
    {HEAD "null]}", AP_LEDGER_TEXT_BAD},
    {HEAD "{}]}", AP_LEDGER_TEXT_BAD},
    {"{\"version\":2}", AP_LEDGER_TEXT_NEWER},
    {"{\"version\":0}", AP_LEDGER_TEXT_BAD},
    {"{\"version\":\"1\"}", AP_LEDGER_TEXT_BAD},
    {"{}", AP_LEDGER_TEXT_BAD},
    {"[]", AP_LEDGER_TEXT_BAD},
    {"", AP_LEDGER_TEXT_BAD},
    {"{\"version\":1,\"ifindex\":8,\"interface\":\"wg0\",\"device_key\":\"" KEY "\",\"peers\":[]}",
     AP_LEDGER_TEXT_BAD},
    {"{\"version\":1,\"ifindex\":7,\"interface\":\"wg0\",\"device_key\":\"" KEY "\"}",
     AP_LEDGER_TEXT_BAD},
};

static void
test_texts(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(text_cases); i++) {
        const char *text = text_cases[i].text;
        g_autoptr(ApHoldings) owned = ap_holdings_new();

        g_test_message("case '%s'", text);
        g_assert_cmpint(ap_ledger_text_read(text, strlen(text), device.ifindex, owned, NULL),
                        ==,
                        text_cases[i].verdict);
    }
}

static void
assert_set_aside(Fixture *self)
{
    const ApOwned owned = make_owned(1);
    g_autoptr(GArray) back = load(self);

    g_assert_cmpuint(back->len, ==, 0);
    g_assert_cmpuint(self->warnings->len, ==, 1);
    g_assert_false(exists(self, "7.json"));
    g_assert_true(exists(self, "7.json.bad"));
    store(self, &owned, 1);
    g_assert_true(exists(self, "7.json"));
}

static void
test_damaged_record_is_set_aside(Fixture *self, gconstpointer unused)
{
    (void) unused;
    put_file(self, "7.json", "{\"version\":1", 12);
    assert_set_aside(self);
}

static void
test_symlink_is_not_followed(Fixture *self, gconstpointer unused)
{
    g_autofree char *path = file_of(self, "7.json");
    gsize n;
    g_autofree char *text = sample_text(&n);

    (void) unused;
    put_file(self, "elsewhere", text, n);
    g_assert_cmpint(symlink("elsewhere", path), ==, 0);
    assert_set_aside(self);
}

static void
test_hard_link_is_not_ours(Fixture *self, gconstpointer unused)
{
    g_autofree char *path = file_of(self, "7.json"), *other = file_of(self, "elsewhere");
    gsize n;
    g_autofree char *text = sample_text(&n);

    (void) unused;
    put_file(self, "elsewhere", text, n);
    g_assert_cmpint(link(other, path), ==, 0);
    assert_set_aside(self);
}

static void
test_fifo_does_not_block(Fixture *self, gconstpointer unused)
{
    g_autofree char *path = file_of(self, "7.json");

    (void) unused;
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    assert_set_aside(self);
}

static void
test_directory_is_not_a_record(Fixture *self, gconstpointer unused)
{
    g_autofree char *path = file_of(self, "7.json");

    (void) unused;
    g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
    assert_set_aside(self);
}

static void
test_open_mode_is_not_ours(Fixture *self, gconstpointer unused)
{
    g_autofree char *path = file_of(self, "7.json");
    gsize n;
    g_autofree char *text = sample_text(&n);

    (void) unused;
    put_file(self, "7.json", text, n);
    g_assert_cmpint(g_chmod(path, 0644), ==, 0);
    assert_set_aside(self);
}

static void
test_foreign_owner_is_not_ours(Fixture *self, gconstpointer unused)
{
    g_autofree char *path = file_of(self, "7.json");
    gsize n;
    g_autofree char *text = sample_text(&n);

    (void) unused;
    if (geteuid() != 0) {
        g_test_skip("needs root to give a file away");
        return;
    }

    put_file(self, "7.json", text, n);
    g_assert_cmpint(chown(path, 65534, 65534), ==, 0);
    assert_set_aside(self);
}

static void
test_huge_file_is_not_read(Fixture *self, gconstpointer unused)
{
    g_autofree char *path = file_of(self, "7.json");

    (void) unused;
    put_file(self, "7.json", "", 0);
    g_assert_cmpint(truncate(path, AP_LEDGER_MAX_BYTES + 1), ==, 0);
    assert_set_aside(self);
}

static void
test_newer_record_stays_and_bars_its_device(Fixture *self, gconstpointer unused)
{
    const char *text = "{\"version\":2,\"whatever\":[]}";
    const ApOwned owned = make_owned(1);
    g_autoptr(GArray) back = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *after = NULL;

    (void) unused;
    put_file(self, "7.json", text, strlen(text));
    back = load(self);
    g_assert_cmpuint(back->len, ==, 0);
    g_assert_cmpuint(self->warnings->len, ==, 1);

    g_assert_false(try_store(self->ledger, &device, &owned, 1, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_DENIED);
    after = get_file(self, "7.json");
    g_assert_cmpstr(after, ==, text);
}

static void
test_other_names_are_left_alone(Fixture *self, gconstpointer unused)
{
    static const char *const names[] = {"0.json",
                                        "07.json",
                                        "-7.json",
                                        " 7.json",
                                        "7.jsonx",
                                        "x.json",
                                        ".json",
                                        "4294967296.json"};
    g_autoptr(GArray) back = NULL;

    (void) unused;
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        put_file(self, names[i], "x", 1);
    back = load(self);
    g_assert_cmpuint(back->len, ==, 0);
    g_assert_cmpuint(self->warnings->len, ==, 0);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_true(exists(self, names[i]));
}

static void
test_second_opener_is_told(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    (void) unused;
    g_assert_null(ap_ledger_open(self->path, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_BUSY);
    g_assert_nonnull(strstr(error->message, "already running"));

    g_clear_error(&error);
    g_clear_pointer(&self->ledger, ap_ledger_free);
    self->ledger = ap_ledger_open(self->path, &error);
    g_assert_no_error(error);
}

static void
test_directory_must_be_ours_alone(Fixture *self, gconstpointer unused)
{
    g_autofree char *missing = file_of(self, "missing"), *link_path = file_of(self, "link");
    g_autoptr(GError) error = NULL;

    (void) unused;
    g_assert_null(ap_ledger_open(missing, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_FAILED);
    g_clear_error(&error);

    g_assert_cmpint(symlink(self->path, link_path), ==, 0);
    g_assert_null(ap_ledger_open(link_path, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_FAILED);
    g_clear_error(&error);

    g_clear_pointer(&self->ledger, ap_ledger_free);
    g_assert_cmpint(g_chmod(self->path, 0777), ==, 0);
    g_assert_null(ap_ledger_open(self->path, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_DENIED);
}

static void
test_too_many_peers_are_refused(Fixture *self, gconstpointer unused)
{
    const guint n = AP_LEDGER_MAX_BYTES / 64;
    g_autofree ApOwned *owned = g_new0(ApOwned, n);
    const ApOwned first = make_owned(1);
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) back = NULL;

    (void) unused;
    for (guint i = 0; i < n; i++)
        owned[i].ifindex = device.ifindex;
    store(self, &first, 1);
    g_assert_false(try_store(self->ledger, &device, owned, n, &error));
    g_assert_error(error, AP_ERROR, AP_ERROR_LIMIT);
    back = load(self);
    g_assert_cmpuint(back->len, ==, 1);
}

/* In a process of its own: a mount namespace cannot be left. */
static int
fill_a_small_disk(const char *path)
{
    ApOwned owned[256];
    const ApOwned one = make_owned(1);
    g_autoptr(GError) error = NULL;
    g_autoptr(ApLedger) ledger = NULL;
    g_autoptr(ApHoldings) back = NULL;

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0
        || mount("tmpfs", path, "tmpfs", 0, "size=16k,mode=700") < 0)
        return 77;

    for (guint i = 0; i < G_N_ELEMENTS(owned); i++)
        owned[i] = make_owned((guint8) i);
    ledger = ap_ledger_open(path, NULL);
    if (ledger == NULL || !try_store(ledger, &device, &one, 1, NULL))
        return 1;
    if (try_store(ledger, &device, owned, G_N_ELEMENTS(owned), &error))
        return 2;
    if (!g_error_matches(error, AP_ERROR, AP_ERROR_FAILED))
        return 3;

    back = ap_ledger_load(ledger, NULL, NULL);
    if (back == NULL || back->peers->len != 1)
        return 4;

    return try_store(ledger, &device, NULL, 0, NULL) ? 0 : 5;
}

static int
run_in_child(int (*function)(const char *), const char *path)
{
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(function(path));

    g_assert_cmpint(child, >, 0);
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
test_full_disk_keeps_the_old_record(Fixture *self, gconstpointer unused)
{
    g_autofree char *path = file_of(self, "disk");
    int code;

    (void) unused;
    g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
    code = run_in_child(fill_a_small_disk, path);
    if (code == 77)
        g_test_skip("may not mount");
    else
        g_assert_cmpint(code, ==, 0);
}

static int
write_to_a_read_only_disk(const char *path)
{
    const ApOwned one = make_owned(1);
    g_autoptr(GError) error = NULL;
    g_autoptr(ApLedger) ledger = NULL;

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0
        || mount("tmpfs", path, "tmpfs", 0, "size=16k,mode=700") < 0)
        return 77;

    ledger = ap_ledger_open(path, NULL);
    if (ledger == NULL || mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
        return 1;
    if (try_store(ledger, &device, &one, 1, &error))
        return 2;

    return g_error_matches(error, AP_ERROR, AP_ERROR_DENIED) ? 0 : 3;
}

static void
test_read_only_disk_is_an_error(Fixture *self, gconstpointer unused)
{
    g_autofree char *path = file_of(self, "disk");
    int code;

    (void) unused;
    g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
    code = run_in_child(write_to_a_read_only_disk, path);
    if (code == 77)
        g_test_skip("may not mount");
    else
        g_assert_cmpint(code, ==, 0);
}

#define ADD(name, function) g_test_add("/ledger/" name, Fixture, NULL, setup, function, teardown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ledger/texts", test_texts);
    g_test_add_func("/ledger/every-flipped-bit", test_every_flipped_bit);
    g_test_add_func("/ledger/every-other-byte", test_every_other_byte);
    g_test_add_func("/ledger/every-truncation", test_every_truncation);
    ADD("round-trip", test_round_trip);
    ADD("addresses-round-trip", test_addresses_round_trip);
    ADD("loans-round-trip", test_loans_round_trip);
    ADD("record-is-of-one-device", test_record_is_of_one_device);
    ADD("empty-list-leaves-no-file", test_empty_list_leaves_no_file);
    ADD("leftover-of-a-killed-writer-is-no-record", test_leftover_of_a_killed_writer_is_no_record);
    ADD("damaged-record-is-set-aside", test_damaged_record_is_set_aside);
    ADD("symlink-is-not-followed", test_symlink_is_not_followed);
    ADD("hard-link-is-not-ours", test_hard_link_is_not_ours);
    ADD("fifo-does-not-block", test_fifo_does_not_block);
    ADD("directory-is-not-a-record", test_directory_is_not_a_record);
    ADD("open-mode-is-not-ours", test_open_mode_is_not_ours);
    ADD("foreign-owner-is-not-ours", test_foreign_owner_is_not_ours);
    ADD("huge-file-is-not-read", test_huge_file_is_not_read);
    ADD("newer-record-stays-and-bars-its-device", test_newer_record_stays_and_bars_its_device);
    ADD("other-names-are-left-alone", test_other_names_are_left_alone);
    ADD("second-opener-is-told", test_second_opener_is_told);
    ADD("directory-must-be-ours-alone", test_directory_must_be_ours_alone);
    ADD("too-many-peers-are-refused", test_too_many_peers_are_refused);
    ADD("full-disk-keeps-the-old-record", test_full_disk_keeps_the_old_record);
    ADD("read-only-disk-is-an-error", test_read_only_disk_is_an_error);
    return g_test_run();
}
