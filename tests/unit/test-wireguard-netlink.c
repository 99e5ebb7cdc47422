/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/error.h"
#include "common/wireguard/netlink.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <string.h>

/* The sequence number in all captures, and where struct nlmsghdr has its members. */
#define SEQ 7
#define FLAGS_OFFSET 6
#define PORTID_OFFSET 12

static GByteArray *
load(const char *name)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "wireguard", name, NULL);
    g_autoptr(GError) error = NULL;
    char *bytes;
    gsize n;

    g_file_get_contents(path, &bytes, &n, &error);
    g_assert_no_error(error);
    return g_byte_array_new_take((guint8 *) bytes, n);
}

static guint32
get_u32(const guint8 *bytes)
{
    guint32 value;

    memcpy(&value, bytes, sizeof(value));
    return value;
}

/* The port of the socket that a capture was made with. */
static guint32
portid_of(const GByteArray *bytes)
{
    return get_u32(bytes->data + PORTID_OFFSET);
}

static ApNetlinkResult
walk(const GByteArray *bytes, ApNetlinkTaker take, gpointer user_data)
{
    return ap_netlink_walk(bytes->data, bytes->len, SEQ, portid_of(bytes), take, user_data);
}

static ApDevice *
device_of(const char *name)
{
    g_autoptr(GByteArray) bytes = load(name);
    ApDevice *device = ap_device_new(&(ApDeviceId){.backend = AP_BACKEND_KERNEL});
    const ApNetlinkResult result = walk(bytes, ap_netlink_take_device, device);

    g_assert_cmpint(result.verdict, ==, AP_NETLINK_DONE);
    ap_device_sort(device);
    return device;
}

static ApKey
key(guint8 number)
{
    ApKey out;

    memset(out.bytes, number, sizeof(out.bytes));
    out.bytes[AP_KEY_LEN - 1] = 0x11;
    return out;
}

static const ApDevicePeer *
peer_of(const ApDevice *device, guint8 number)
{
    const ApKey wanted = key(number);
    const ApDevicePeer *peer = ap_device_find(device, &wanted);

    g_assert_nonnull(peer);
    return peer;
}

static void
assert_endpoint(const ApDevicePeer *peer, const char *text)
{
    char endpoint[AP_ENDPOINT_TEXT_LEN];

    ap_endpoint_to_text(&peer->endpoint, endpoint);
    g_assert_cmpstr(endpoint, ==, text);
}

static void
assert_allowed(const ApDevicePeer *peer, const char *texts)
{
    g_auto(GStrv) wanted = g_strsplit(texts, " ", -1);

    g_assert_cmpuint(peer->allowed->len, ==, texts[0] != '\0' ? g_strv_length(wanted) : 0);
    for (guint i = 0; i < peer->allowed->len; i++) {
        char cidr[AP_CIDR_TEXT_LEN];

        ap_cidr_to_text(&g_array_index(peer->allowed, ApCidr, i), cidr);
        g_assert_true(g_strv_contains((const char *const *) wanted, cidr));
    }
}

/* --- captured answers ----------------------------------------------------------------------- */

static void
test_family(void)
{
    g_autoptr(GByteArray) bytes = load("family.bin");
    g_autoptr(GByteArray) missing = load("family-missing.bin");
    guint16 family = 0;
    ApNetlinkResult result = walk(bytes, ap_netlink_take_family, &family);

    g_assert_cmpint(result.verdict, ==, AP_NETLINK_DONE);
    g_assert_cmpuint(family, >=, GENL_MIN_ID);

    result = walk(missing, ap_netlink_take_family, &family);
    g_assert_cmpint(result.verdict, ==, AP_NETLINK_REFUSED);
    g_assert_cmpint(result.errnum, ==, ENOENT);
}

static void
test_links(void)
{
    g_autoptr(GByteArray) bytes = load("links.bin");
    g_autoptr(GArray) ids = g_array_new(FALSE, TRUE, sizeof(ApDeviceId));

    g_assert_cmpint(walk(bytes, ap_netlink_take_link, ids).verdict, ==, AP_NETLINK_DONE);
    g_assert_cmpuint(ids->len, ==, 2);
    for (guint i = 0; i < ids->len; i++) {
        const ApDeviceId *id = &g_array_index(ids, ApDeviceId, i);

        g_assert_true(g_str_has_prefix(id->name, "wg"));
        g_assert_cmpint(id->backend, ==, AP_BACKEND_KERNEL);
        g_assert_cmpuint(id->ifindex, >, 1);
    }
}

static void
test_device_empty(void)
{
    g_autoptr(ApDevice) device = device_of("device-empty.bin");

    g_assert_cmpstr(device->id.name, ==, "wg0");
    g_assert_cmpuint(device->id.ifindex, >, 0);
    g_assert_false(device->has_key);
    g_assert_cmpuint(device->listen_port, ==, 0);
    g_assert_cmpuint(device->peers->len, ==, 0);
}

static void
test_device_peers(void)
{
    g_autoptr(ApDevice) device = device_of("device-peers.bin");
    guint n_with_handshake = 0;

    g_assert_true(device->has_key);
    g_assert_cmpuint(device->listen_port, ==, 51820);
    g_assert_cmpuint(device->fwmark, ==, 0x1234);
    g_assert_cmpuint(device->peers->len, ==, 5);

    assert_endpoint(peer_of(device, 1), "192.0.2.7:51821");
    assert_allowed(peer_of(device, 1), "10.0.0.2/32 10.1.0.0/16 fd00::2/128");
    g_assert_cmpuint(peer_of(device, 1)->keepalive_sec, ==, 25);
    g_assert_false(peer_of(device, 1)->has_psk);
    assert_endpoint(peer_of(device, 2), "[2001:db8::7]:51822");
    assert_allowed(peer_of(device, 2), "0.0.0.0/0 ::/0");
    g_assert_true(peer_of(device, 2)->has_psk);
    g_assert_cmpuint(peer_of(device, 2)->keepalive_sec, ==, 0);
    assert_endpoint(peer_of(device, 3), "[fe80::7%1]:51823");
    assert_allowed(peer_of(device, 3), "");
    assert_endpoint(peer_of(device, 4), "");

    for (guint i = 0; i < device->peers->len; i++) {
        const ApDevicePeer *peer = g_ptr_array_index(device->peers, i);

        if (peer->handshake_real_usec == 0)
            continue;
        n_with_handshake++;
        g_assert_cmpint(peer->handshake_real_usec / AP_USEC_PER_SEC, >, 1700000000);
        g_assert_cmpuint(peer->rx_bytes, >, 0);
        g_assert_cmpuint(peer->tx_bytes, >, 0);
    }
    g_assert_cmpuint(n_with_handshake, ==, 1);
}

static void
test_device_long(void)
{
    g_autoptr(ApDevice) device = device_of("device-long.bin");

    g_assert_cmpuint(device->peers->len, ==, 3);
    g_assert_cmpuint(peer_of(device, 8)->allowed->len, ==, 400);
    for (guint i = 1; i < 400; i++) {
        const ApCidr *cidrs = (const ApCidr *) (const void *) peer_of(device, 8)->allowed->data;

        g_assert_cmpint(ap_cidr_compare(&cidrs[i - 1], &cidrs[i]), <, 0);
    }
    assert_allowed(peer_of(device, 9), "fd00::9/128");
}

static void
test_refusals(void)
{
    static const struct {
        const char *file;
        ApNetlinkVerdict verdict;
        int errnum;
    } cases[] = {
        {"device-gone.bin", AP_NETLINK_REFUSED, ENODEV},
        {"device-other-kind.bin", AP_NETLINK_REFUSED, EOPNOTSUPP},
        {"set-done.bin", AP_NETLINK_DONE, 0},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) bytes = load(cases[i].file);
        const ApNetlinkResult result = walk(bytes, NULL, NULL);

        g_test_message("file %s", cases[i].file);
        g_assert_cmpint(result.verdict, ==, cases[i].verdict);
        g_assert_cmpint(result.errnum, ==, cases[i].errnum);
    }
}

/* --- answers that are not what they should be ------------------------------------------------ */

static ApNetlinkResult
walk_device(const guint8 *bytes, gsize n, guint32 seq, guint32 portid)
{
    g_autoptr(ApDevice) device = ap_device_new(&(ApDeviceId){0});

    return ap_netlink_walk(bytes, n, seq, portid, ap_netlink_take_device, device);
}

/* A shorter answer is never taken for a complete one. */
static void
test_cut_short(void)
{
    g_autoptr(GByteArray) bytes = load("device-long.bin");
    const guint32 portid = portid_of(bytes);

    for (gsize n = 0; n < bytes->len; n++) {
        /* A copy of that very size, so that the sanitizer sees a byte read too far. */
        g_autofree guint8 *copy = g_memdup2(bytes->data, n);

        g_assert_cmpint(walk_device(copy, n, SEQ, portid).verdict, !=, AP_NETLINK_DONE);
    }
}

static void
test_interrupted(void)
{
    g_autoptr(GByteArray) bytes = load("device-long.bin");

    bytes->data[FLAGS_OFFSET] |= NLM_F_DUMP_INTR;
    g_assert_cmpint(walk_device(bytes->data, bytes->len, SEQ, portid_of(bytes)).verdict,
                    ==,
                    AP_NETLINK_INTERRUPTED);
}

static void
test_error_at_end(void)
{
    g_autoptr(GByteArray) bytes = load("device-empty.bin");
    const gint32 code = -EMSGSIZE;
    ApNetlinkResult result;

    memcpy(bytes->data + bytes->len - sizeof(code), &code, sizeof(code));
    result = walk_device(bytes->data, bytes->len, SEQ, portid_of(bytes));
    g_assert_cmpint(result.verdict, ==, AP_NETLINK_REFUSED);
    g_assert_cmpint(result.errnum, ==, EMSGSIZE);
}

static void
test_not_ours(void)
{
    g_autoptr(GByteArray) bytes = load("device-peers.bin");
    const guint32 portid = portid_of(bytes);

    g_assert_cmpint(walk_device(bytes->data, bytes->len, SEQ + 1, portid).verdict,
                    ==,
                    AP_NETLINK_MORE);
    g_assert_cmpint(walk_device(bytes->data, bytes->len, SEQ, portid + 1).verdict,
                    ==,
                    AP_NETLINK_MORE);
}

/* Whatever single bytes are wrong: no crash, no endless loop, no read beyond the end. */
static void
test_mutations(void)
{
    g_autoptr(GByteArray) bytes = load("device-peers.bin");
    const guint32 portid = portid_of(bytes);
    const guint32 seed = g_random_int();
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    g_test_message("seed %u", seed);
    for (guint i = 0; i < 20000; i++) {
        g_autofree guint8 *copy = g_memdup2(bytes->data, bytes->len);

        for (gint n = g_rand_int_range(rand, 1, 4); n > 0; n--)
            copy[g_rand_int_range(rand, 0, (gint) bytes->len)] ^=
                (guint8) g_rand_int_range(rand, 1, 256);
        (void) walk_device(copy, bytes->len, SEQ, portid);
    }
}

/* An attribute that a later kernel might add is passed over wherever it stands. */
static void
test_unknown_attributes(void)
{
    g_autofree ApNetlinkRequest *request = g_new0(ApNetlinkRequest, 1);
    g_autoptr(ApDevice) device = ap_device_new(&(ApDeviceId){0});
    const ApKey one = key(1);
    struct nlmsghdr *header = mnl_nlmsg_put_header(request);
    struct nlattr *peers, *peer;

    header->nlmsg_type = GENL_MIN_ID;
    (void) mnl_nlmsg_put_extra_header(header, GENL_HDRLEN);
    mnl_attr_put_u64(header, 999, 1);
    mnl_attr_put_u32(header, WGDEVICE_A_IFINDEX, 5);
    peers = mnl_attr_nest_start(header, WGDEVICE_A_PEERS);
    peer = mnl_attr_nest_start(header, 0);
    mnl_attr_put_u8(header, 998, 1);
    mnl_attr_put(header, WGPEER_A_PUBLIC_KEY, AP_KEY_LEN, one.bytes);
    mnl_attr_put_u32(header, WGPEER_A_PROTOCOL_VERSION, 2);
    mnl_attr_nest_end(header, peer);
    mnl_attr_nest_end(header, peers);

    g_assert_cmpint(ap_netlink_walk((const guint8 *) request->bytes,
                                    header->nlmsg_len,
                                    0,
                                    0,
                                    ap_netlink_take_device,
                                    device)
                        .verdict,
                    ==,
                    AP_NETLINK_MORE);
    g_assert_cmpuint(device->id.ifindex, ==, 5);
    g_assert_cmpuint(device->peers->len, ==, 1);
}

/* --- requests -------------------------------------------------------------------------------- */

/* wireguard-tools name the device by IFNAME, we by IFINDEX; from there on not a bit differs. */
static void
test_set_as_wg_does(void)
{
    const gsize offset = NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN + 4;
    g_autoptr(GByteArray) wanted = load("wg-set.bin");
    g_autofree ApNetlinkRequest *request = g_new0(ApNetlinkRequest, 1);
    ApPeerChange changes[2] = {
        {
            .key = key(5),
            .flags = AP_PEER_REPLACE_ALLOWED | AP_PEER_SET_ENDPOINT | AP_PEER_SET_KEEPALIVE,
            .keepalive_sec = 25,
            .n_allowed = 2,
        },
        {.key = key(4), .flags = AP_PEER_REMOVE},
    };

    g_assert_true(ap_endpoint_parse(&changes[0].endpoint, "192.0.2.8:51825", NULL));
    g_assert_true(ap_cidr_parse(&changes[0].allowed[0], "10.0.0.55/32", NULL));
    g_assert_true(ap_cidr_parse(&changes[0].allowed[1], "fd00::55/128", NULL));
    g_assert_cmpuint(ap_netlink_build_set_device(request, SEQ, 32, 4, changes, 2), ==, 2);
    g_assert_cmpmem(request->bytes + offset,
                    (int) (request->header.nlmsg_len - offset),
                    wanted->data + offset,
                    (int) (wanted->len - offset));
    g_assert_cmpuint(get_u32((const guint8 *) request->bytes + offset - 4), ==, 4);
}

static void
fill_change(ApPeerChange *change, guint8 number)
{
    const ApAddr base = {.family = AF_INET6, .bytes = {0xfd}};

    *change = (ApPeerChange){
        .key = key(number),
        .flags = AP_PEER_UPDATE_ONLY | AP_PEER_SET_ENDPOINT | AP_PEER_SET_KEEPALIVE,
        .n_allowed = AP_CHANGE_MAX_ALLOWED,
    };
    g_assert_true(ap_endpoint_parse(&change->endpoint, "[2001:db8::1]:5", NULL));
    for (guint i = 0; i < change->n_allowed; i++) {
        change->allowed[i] = ap_cidr_host(&base);
        change->allowed[i].addr.bytes[14] = number;
        change->allowed[i].addr.bytes[15] = (guint8) i;
    }
}

/* The largest changes do not fit into one message together; what is built can be read. */
static void
test_set_splits(void)
{
    g_autofree ApPeerChange *changes = g_new(ApPeerChange, 100);
    g_autofree ApNetlinkRequest *request = g_new0(ApNetlinkRequest, 1);
    g_autoptr(ApDevice) device = ap_device_new(&(ApDeviceId){0});
    guint done = 0, n_messages = 0;

    for (guint i = 0; i < 100; i++)
        fill_change(&changes[i], (guint8) i);

    for (; done < 100; n_messages++) {
        done += ap_netlink_build_set_device(request, SEQ, 32, 4, changes + done, 100 - done);
        g_assert_cmpuint(request->header.nlmsg_len, <=, sizeof(request->bytes));
        g_assert_cmpint(ap_netlink_walk((const guint8 *) request->bytes,
                                        request->header.nlmsg_len,
                                        SEQ,
                                        0,
                                        ap_netlink_take_device,
                                        device)
                            .verdict,
                        ==,
                        AP_NETLINK_MORE);
    }

    g_assert_cmpuint(n_messages, >, 1);
    g_assert_cmpuint(device->peers->len, ==, 100);
    for (guint i = 0; i < 100; i++)
        g_assert_cmpuint(peer_of(device, (guint8) i)->allowed->len, ==, AP_CHANGE_MAX_ALLOWED);
}

/* --- the backend, with a kernel of captures --------------------------------------------------- */

/** What the kernel says to the questions of one case, in their order. */
static struct {
    const char *answers[8];
    gboolean interrupts; /* every device is said to have changed meanwhile */
    guint n_asked;
} kernel;

static ApNetlinkResult
ask_kernel(int protocol, const ApNetlinkRequest *request, ApNetlinkTaker take, gpointer user_data)
{
    const char *name = kernel.answers[kernel.n_asked];
    g_autoptr(GByteArray) bytes = NULL;
    ApNetlinkResult result;

    g_assert_nonnull(name);
    g_assert_cmpint(protocol, ==, g_str_equal(name, "links.bin") ? NETLINK_ROUTE : NETLINK_GENERIC);
    g_assert_cmpuint(request->header.nlmsg_seq, >, 0);
    kernel.n_asked++;

    bytes = load(name);
    result = walk(bytes, take, user_data);
    if (kernel.interrupts && g_str_has_prefix(name, "device"))
        result = (ApNetlinkResult){AP_NETLINK_INTERRUPTED, 0};
    return result;
}

static const struct {
    const char *title;
    const char *answers[8];
    gboolean interrupts;
    int code; /* ApError; -1: none */
    guint n_asked;
} read_cases[] = {
    {
        .title = "looks the family up, then reads",
        .answers = {"family.bin", "device-peers.bin"},
        .code = -1,
        .n_asked = 2,
    },
    {
        .title = "no WireGuard in the kernel",
        .answers = {"family-missing.bin"},
        .code = AP_ERROR_GONE,
        .n_asked = 1,
    },
    {
        .title = "the module went away between two questions",
        .answers = {"family.bin", "family-missing.bin"},
        .code = AP_ERROR_GONE,
        .n_asked = 2,
    },
    {
        .title = "no such device",
        .answers = {"family.bin", "device-gone.bin"},
        .code = AP_ERROR_GONE,
        .n_asked = 2,
    },
    {
        .title = "a device of another kind has the index now",
        .answers = {"family.bin", "device-other-kind.bin"},
        .code = AP_ERROR_GONE,
        .n_asked = 2,
    },
    {
        .title = "interrupted each time: five tries, then an error",
        .answers = {"family.bin",
                    "device-peers.bin",
                    "device-peers.bin",
                    "device-peers.bin",
                    "device-peers.bin",
                    "device-peers.bin"},
        .interrupts = TRUE,
        .code = AP_ERROR_FAILED,
        .n_asked = 1 + AP_NETLINK_MAX_TRIES,
    },
    {
        .title = "an end without a device before it",
        .answers = {"family.bin", "set-done.bin"},
        .code = AP_ERROR_INVALID,
        .n_asked = 2,
    },
};

/* The captures were made of a device with this index. */
static const ApDeviceId captured_id = {.ifindex = 4, .name = "old-name"};

static void
test_read(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(read_cases); i++) {
        g_autoptr(ApWireguard) wireguard = ap_wireguard_netlink_new(ask_kernel);
        g_autoptr(ApDevice) device = NULL;
        g_autoptr(GError) error = NULL;

        g_test_message("case: %s", read_cases[i].title);
        memcpy(kernel.answers, read_cases[i].answers, sizeof(kernel.answers));
        kernel.interrupts = read_cases[i].interrupts;
        kernel.n_asked = 0;

        device = ap_wireguard_read(wireguard, &captured_id, &error);
        g_assert_cmpuint(kernel.n_asked, ==, read_cases[i].n_asked);
        if (read_cases[i].code < 0) {
            g_assert_no_error(error);
            g_assert_cmpuint(device->peers->len, ==, 5);
            g_assert_cmpstr(device->id.name, ==, "wg0");
        } else {
            g_assert_null(device);
            g_assert_error(error, AP_ERROR, read_cases[i].code);
        }
    }
}

/* ENOENT to a question with the number that was right before: look it up and ask once more. */
static void
test_module_reloaded(void)
{
    g_autoptr(ApWireguard) wireguard = ap_wireguard_netlink_new(ask_kernel);
    g_autoptr(ApDevice) before = NULL;
    g_autoptr(ApDevice) after = NULL;
    const char *answers[8] = {"family.bin",
                              "device-peers.bin",
                              "family-missing.bin",
                              "family.bin",
                              "device-peers.bin"};

    memcpy(kernel.answers, answers, sizeof(kernel.answers));
    kernel.interrupts = FALSE;
    kernel.n_asked = 0;
    before = ap_wireguard_read(wireguard, &captured_id, NULL);
    after = ap_wireguard_read(wireguard, &captured_id, NULL);
    g_assert_nonnull(before);
    g_assert_nonnull(after);
    g_assert_cmpuint(kernel.n_asked, ==, 5);
}

static void
test_list(void)
{
    g_autoptr(ApWireguard) wireguard = ap_wireguard_netlink_new(ask_kernel);
    g_autoptr(GArray) ids = NULL;

    kernel.answers[0] = "links.bin";
    kernel.n_asked = 0;
    ids = ap_wireguard_list(wireguard, NULL);
    g_assert_cmpuint(ids->len, ==, 2);
    g_assert_cmpuint(g_array_index(ids, ApDeviceId, 0).ifindex,
                     <,
                     g_array_index(ids, ApDeviceId, 1).ifindex);
}

int
main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/netlink/parse/family", test_family);
    g_test_add_func("/netlink/parse/links", test_links);
    g_test_add_func("/netlink/parse/device-empty", test_device_empty);
    g_test_add_func("/netlink/parse/device-with-every-sort-of-peer", test_device_peers);
    g_test_add_func("/netlink/parse/peer-over-several-messages", test_device_long);
    g_test_add_func("/netlink/parse/refusals", test_refusals);
    g_test_add_func("/netlink/parse/cut-short-is-never-complete", test_cut_short);
    g_test_add_func("/netlink/parse/interrupted", test_interrupted);
    g_test_add_func("/netlink/parse/error-at-the-end", test_error_at_end);
    g_test_add_func("/netlink/parse/other-sequence-or-port", test_not_ours);
    g_test_add_func("/netlink/parse/unknown-attributes", test_unknown_attributes);
    g_test_add_func("/netlink/parse/random-mutations", test_mutations);
    g_test_add_func("/netlink/build/set-as-wireguard-tools-do", test_set_as_wg_does);
    g_test_add_func("/netlink/build/set-over-several-messages", test_set_splits);
    g_test_add_func("/netlink/backend/read", test_read);
    g_test_add_func("/netlink/backend/module-reloaded", test_module_reloaded);
    g_test_add_func("/netlink/backend/list", test_list);

    return g_test_run();
}
