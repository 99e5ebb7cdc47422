/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "client/changes.h"
#include "client/view.h"

static GVariant *
parse(const char *type, const char *text)
{
    g_autoptr(GError) error = NULL;
    GVariant *value = g_variant_parse(G_VARIANT_TYPE(type), text, NULL, NULL, &error);

    g_assert_no_error(error);
    return value;
}

static ApClientView *
make_view(const char *properties, const char *reply)
{
    g_autoptr(GVariant) first = properties != NULL ? parse("a{sv}", properties) : NULL;
    g_autoptr(GVariant) second = parse("(taa{sv}aa{sv})", reply);

    return ap_client_view_new(first, second);
}

#define TUNNEL                                                                                     \
    "{'interface': <'wg0'>, 'public-key': <'A='>, 'backend': <'kernel'>, 'state': <'managed'>, "   \
    "'reason': <'managed'>, 'reason-text': <'Looked after.'>, 'server': <'10.9.0.1:80'>, "         \
    "'last-error': <''>, 'direct': <uint32 1>}"
#define PEER(key, state, reason)                                                                   \
    "{'tunnel': <'wg0'>, 'public-key': <'" key "'>, 'state': <'" state "'>, 'reason': <'" reason   \
    "'>, 'reason-text': <'Text.'>, 'sources': <['server']>, 'endpoint': <'192.168.1.7:51820'>, "   \
    "'addresses': <['10.9.0.3', 'fd00::3']>, 'since': <int64 7>, 'next-try': <int64 8>, "          \
    "'last-handshake': <int64 9>, 'rtt': <int64 420>, 'rx-bytes': <uint64 10>, 'tx-bytes': "       \
    "<uint64 11>, 'refusals': <['limit']>}"

static void
test_view_has_every_member(void)
{
    g_autoptr(ApClientView) view =
        make_view("{'Version': <'0.1.0'>, 'Enabled': <false>, 'State': <'off'>}",
                  "(5, [" TUNNEL "], [" PEER("B=", "direct", "proven") "])");
    const ApClientTunnel *tunnel = view->tunnels->pdata[0];
    const ApClientPeer *peer = view->peers->pdata[0];

    g_assert_cmpuint(view->serial, ==, 5);
    g_assert_cmpstr(view->version, ==, "0.1.0");
    g_assert_false(view->enabled);
    g_assert_cmpstr(view->state, ==, "off");
    g_assert_cmpstr(tunnel->interface, ==, "wg0");
    g_assert_cmpstr(tunnel->backend, ==, "kernel");
    g_assert_cmpstr(tunnel->server, ==, "10.9.0.1:80");
    g_assert_cmpuint(tunnel->n_direct, ==, 1);
    g_assert_cmpstr(peer->tunnel, ==, "wg0");
    g_assert_cmpstr(peer->endpoint, ==, "192.168.1.7:51820");
    g_assert_cmpstr(peer->addresses[1], ==, "fd00::3");
    g_assert_cmpstr(peer->refusals[0], ==, "limit");
    g_assert_cmpint(peer->since_real_usec, ==, 7);
    g_assert_cmpint(peer->next_try_real_usec, ==, 8);
    g_assert_cmpint(peer->handshake_real_usec, ==, 9);
    g_assert_cmpint(peer->rtt_usec, ==, 420);
    g_assert_cmpuint(peer->rx_bytes, ==, 10);
    g_assert_cmpuint(peer->tx_bytes, ==, 11);
    g_assert_null(peer->sentences[0]);
    g_assert_true(ap_client_peer_is_direct(peer));
    g_assert_cmpuint(ap_client_view_count_direct(view), ==, 1);
}

static void
test_missing_and_wrong_members_become_empty(void)
{
    g_autoptr(ApClientView) view = make_view("{'Version': <7>}",
                                             "(1, [{'interface': <1>, 'direct': <'x'>}], "
                                             "[{'addresses': <'10.9.0.3'>, 'since': <int64 -5>, "
                                             "'rx-bytes': <int32 3>, 'unheard-of': <true>}, {}])");
    const ApClientTunnel *tunnel = view->tunnels->pdata[0];
    const ApClientPeer *peer = view->peers->pdata[0];

    g_assert_cmpstr(view->version, ==, "");
    g_assert_true(view->enabled);
    g_assert_cmpstr(tunnel->interface, ==, "");
    g_assert_cmpuint(tunnel->n_direct, ==, 0);
    g_assert_cmpuint(view->peers->len, ==, 2);
    g_assert_cmpstr(peer->state, ==, "");
    g_assert_null(peer->addresses[0]);
    g_assert_cmpint(peer->since_real_usec, ==, 0);
    g_assert_cmpuint(peer->rx_bytes, ==, 0);
    g_assert_false(ap_client_peer_is_direct(peer));
}

static void
test_unknown_words_are_kept(void)
{
    g_autoptr(ApClientView) view =
        make_view(NULL, "(1, [], [" PEER("B=", "levitating", "full-moon") "])");
    const ApClientPeer *peer = ap_client_view_find(view, "wg0", "B=");

    g_assert_nonnull(peer);
    g_assert_cmpstr(peer->state, ==, "levitating");
    g_assert_cmpstr(peer->reason, ==, "full-moon");
    g_assert_null(ap_client_view_find(view, "wg1", "B="));
}

static void
assert_change(const GArray *changes,
              guint i,
              const char *key,
              const char *before,
              const char *after)
{
    const ApClientChange *change = &g_array_index(changes, ApClientChange, i);
    const ApClientPeer *peer = change->after != NULL ? change->after : change->before;

    g_assert_cmpstr(peer->public_key, ==, key);
    g_assert_cmpstr(change->before != NULL ? change->before->state : NULL, ==, before);
    g_assert_cmpstr(change->after != NULL ? change->after->state : NULL, ==, after);
}

static void
test_changes_are_found(void)
{
    g_autoptr(ApClientView) before = make_view(
        NULL,
        "(1, [], [" PEER("A=", "waiting", "new") "," PEER("B=", "direct", "proven") "," PEER(
            "C=",
            "waiting",
            "new") "," PEER("D=", "waiting", "new") "])");
    g_autoptr(ApClientView) after = make_view(
        NULL,
        "(2, [], [" PEER("A=", "waiting", "new") "," PEER("C=", "probing", "probing") "," PEER(
            "D=",
            "waiting",
            "passive") "," PEER("E=", "waiting", "new") "])");
    g_autoptr(GArray) changes = ap_client_changes(before, after);
    g_autoptr(GArray) first = ap_client_changes(NULL, after);
    g_autoptr(GArray) last = ap_client_changes(before, NULL);

    g_assert_cmpuint(changes->len, ==, 4);
    assert_change(changes, 0, "B=", "direct", NULL);
    assert_change(changes, 1, "C=", "waiting", "probing");
    assert_change(changes, 2, "D=", "waiting", "waiting");
    assert_change(changes, 3, "E=", NULL, "waiting");
    g_assert_cmpuint(first->len, ==, 4);
    g_assert_cmpuint(last->len, ==, 4);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/client/view-has-every-member", test_view_has_every_member);
    g_test_add_func("/client/missing-and-wrong-members-become-empty",
                    test_missing_and_wrong_members_become_empty);
    g_test_add_func("/client/unknown-words-are-kept", test_unknown_words_are_kept);
    g_test_add_func("/client/changes-are-found", test_changes_are_found);
    return g_test_run();
}
