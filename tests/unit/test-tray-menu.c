/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/error.h"
#include "helper/core/reason.h"
#include "tray-view.h"
#include "tray/menu-model.h"
#include "tray/peer-words.h"
#include "tray/words.h"

#include <string.h>

/* What most cases share: the helper is there, and nobody asked for a Re-sync. */
static ApTrayFacts
make_facts(const ApClientView *view)
{
    static const ApResync nothing;

    return (ApTrayFacts){
        .client = view != NULL ? AP_CLIENT_READY : AP_CLIENT_ABSENT,
        .view = view,
        .resync = &nothing,
        .notifications = TRUE,
    };
}

static ApMenuModel *
make_model(const ApClientView *view)
{
    const ApTrayFacts facts = make_facts(view);

    return ap_menu_model_new(&facts);
}

static void
assert_hidden(const ApMenuModel *model, ApMenuSlot slot)
{
    if (model->items[slot].visible)
        g_test_message("slot %d is shown: %s", slot, model->items[slot].label);
    g_assert_false(model->items[slot].visible);
}

static void
assert_label(const ApMenuModel *model, ApMenuSlot slot, const char *label)
{
    g_assert_true(model->items[slot].visible);
    g_assert_cmpstr(model->items[slot].label, ==, label);
}

static guint
count_visible(const ApMenuModel *model, ApMenuSlot first, ApMenuSlot last)
{
    guint n = 0;

    for (ApMenuSlot slot = first; slot <= last; slot++)
        n += model->items[slot].visible ? 1 : 0;
    return n;
}

static void
test_headline_says_how_things_stand(void)
{
    static const struct {
        const char *properties;
        const char *tunnels;
        guint n_peers, n_direct;
        const char *headline;
    } cases[] = {
        {"'State': <'direct'>", TEST_TUNNEL, 5, 3, "3 of 5 peers direct"},
        {"'State': <'direct'>", TEST_TUNNEL, 1, 1, "1 of 1 peer direct"},
        {"'State': <'relayed'>", TEST_TUNNEL, 2, 0, "0 of 2 peers direct"},
        {"'State': <'levitating'>", TEST_TUNNEL, 2, 1, "1 of 2 peers direct"},
        {"'State': <'relayed'>",
         TEST_TUNNEL,
         0,
         0,
         "No peer is known yet: everything goes by the hub"},
        {"'State': <'no-tunnel'>", "", 0, 0, "No WireGuard tunnel on this computer"},
        {"'State': <'no-tunnel'>",
         TEST_LEFT_ALONE,
         0,
         0,
         "No tunnel is looked after: everything goes as configured"},
        {"'State': <'starting'>", "", 0, 0, "Looking at the tunnels…"},
        {"'State': <'idle'>",
         TEST_TUNNEL,
         2,
         0,
         "Nobody asked for direct paths: everything goes by the hub"},
        {"'State': <'off'>, 'Enabled': <false>",
         TEST_TUNNEL,
         2,
         0,
         "Switched off: everything goes by the hub"},
        {"'State': <'paused'>, 'PauseScope': <'network'>",
         TEST_TUNNEL,
         2,
         0,
         "Paused on this network: everything goes by the hub"},
        {"'State': <'paused'>, 'PauseScope': <'resume'>",
         TEST_TUNNEL,
         2,
         0,
         "Paused: everything goes by the hub"},
        {"'State': <'paused'>, 'PauseScope': <'time'>, 'PausedUntil': <int64 1700000000000000>",
         TEST_TUNNEL,
         2,
         0,
         "Paused until 22:13: everything goes by the hub"},
        {"'State': <'paused'>, 'PauseScope': <'full-moon'>",
         TEST_TUNNEL,
         2,
         0,
         "Paused: everything goes by the hub"},
        {"'State': <'no-tunnel'>",
         "{'interface': <'wg1'>, 'state': <'unmanaged'>, 'reason': <'is-hub'>}",
         0,
         0,
         "This computer is the hub: it needs no direct paths"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(ApClientView) view = test_tray_view(cases[i].properties,
                                                      cases[i].tunnels,
                                                      cases[i].n_peers,
                                                      cases[i].n_direct);
        g_autoptr(ApMenuModel) model = make_model(view);

        g_test_message("%s", cases[i].headline);
        assert_label(model, AP_MENU_HEADLINE, cases[i].headline);
    }
}

static void
test_icon_shows_how_things_stand(void)
{
    static const struct {
        const char *properties;
        guint n_direct;
        ApIcon icon;
    } cases[] = {
        {"'State': <'starting'>", 0, AP_ICON_WORKING},
        {"'State': <'off'>", 0, AP_ICON_OFF},
        {"'State': <'idle'>", 0, AP_ICON_OFF},
        {"'State': <'paused'>", 0, AP_ICON_OFF},
        {"'State': <'no-tunnel'>", 0, AP_ICON_NO_TUNNEL},
        {"'State': <'relayed'>", 0, AP_ICON_RELAYED},
        {"'State': <'working'>", 0, AP_ICON_WORKING},
        {"'State': <'direct'>", 1, AP_ICON_DIRECT},
        {"'State': <'problem'>", 0, AP_ICON_PROBLEM},
        {"'State': <'levitating'>", 0, AP_ICON_RELAYED},
        {"'State': <'levitating'>", 1, AP_ICON_DIRECT},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(ApClientView) view =
            test_tray_view(cases[i].properties, TEST_TUNNEL, 2, cases[i].n_direct);
        ApTrayFacts facts = make_facts(view);

        g_test_message("%s", cases[i].properties);
        g_assert_cmpint(ap_words_icon(&facts), ==, cases[i].icon);
    }
}

static void
test_icons_have_names_of_their_own(void)
{
    for (ApIcon a = 0; a < AP_N_ICONS; a++) {
        g_assert_true(g_str_has_suffix(ap_words_icon_name(a), "-symbolic"));
        for (ApIcon b = 0; b < a; b++)
            g_assert_cmpstr(ap_words_icon_name(a), !=, ap_words_icon_name(b));
    }
}

static void
test_without_helper_it_can_be_started(void)
{
    g_autoptr(ApMenuModel) model = make_model(NULL);
    ApTrayFacts facts = make_facts(NULL);

    g_assert_cmpint(ap_words_icon(&facts), ==, AP_ICON_OFF);
    assert_label(model, AP_MENU_HEADLINE, "The helper is not running: everything goes by the hub");
    assert_label(model, AP_MENU_START, "Start");
    g_assert_false(model->items[AP_MENU_RESYNC].sensitive);
    g_assert_false(model->items[AP_MENU_ENABLED].sensitive);
    g_assert_false(model->items[AP_MENU_ENABLED].checked);
    g_assert_false(model->items[AP_MENU_PAUSE].sensitive);
    g_assert_false(model->items[AP_MENU_COPY].sensitive);
    g_assert_true(model->items[AP_MENU_QUIT].sensitive);
    assert_hidden(model, AP_MENU_PEERS_BELOW);
    g_assert_cmpuint(count_visible(model, AP_MENU_PEER_FIRST, AP_MENU_SHOW_ALL), ==, 0);
}

static void
test_idle_helper_can_be_put_to_work(void)
{
    g_autoptr(ApClientView) view = test_tray_view("'State': <'idle'>", TEST_TUNNEL, 0, 0);
    g_autoptr(ApMenuModel) model = make_model(view);

    assert_label(model, AP_MENU_START, "Start");
}

static void
test_failures_are_told_apart(void)
{
    static const struct {
        ApError code;
        const char *headline, *note, *start;
    } cases[] = {
        {AP_ERROR_DENIED, "You are not allowed to see the peers", NULL, "Try again"},
        {AP_ERROR_TIMED_OUT, "The helper does not answer", "it \\u{1B}said so", "Try again"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = g_error_new_literal(AP_ERROR, cases[i].code, "it \033said so");
        ApTrayFacts facts = make_facts(NULL);
        g_autoptr(ApMenuModel) model = NULL;

        facts.client = AP_CLIENT_FAILED;
        facts.error = error;
        model = ap_menu_model_new(&facts);
        g_assert_cmpint(ap_words_icon(&facts), ==, AP_ICON_PROBLEM);
        assert_label(model, AP_MENU_HEADLINE, cases[i].headline);
        assert_label(model, AP_MENU_START, cases[i].start);
        if (cases[i].note != NULL)
            assert_label(model, AP_MENU_NOTE, cases[i].note);
        else
            assert_hidden(model, AP_MENU_NOTE);
    }
}

static void
test_number_of_peers_decides_on_show_all(void)
{
    static const struct {
        guint n_peers, n_shown;
        const char *show_all;
    } cases[] = {
        {0, 0, NULL},
        {1, 1, NULL},
        {12, 12, NULL},
        {13, 12, "Show all 13…"},
        {300, 12, "Show all 300…"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(ApClientView) view =
            test_tray_view("'State': <'relayed'>", TEST_TUNNEL, cases[i].n_peers, 0);
        g_autoptr(ApMenuModel) model = make_model(view);

        g_test_message("%u peers", cases[i].n_peers);
        g_assert_cmpuint(count_visible(model, AP_MENU_PEER_FIRST, AP_MENU_PEER_LAST),
                         ==,
                         cases[i].n_shown);
        g_assert_cmpuint(count_visible(model, AP_MENU_COPY_FIRST, AP_MENU_COPY_LAST),
                         ==,
                         cases[i].n_shown);
        g_assert_cmpint(model->items[AP_MENU_COPY].sensitive, ==, cases[i].n_shown > 0);
        g_assert_cmpint(model->items[AP_MENU_PEERS_BELOW].visible, ==, cases[i].n_peers > 0);
        if (cases[i].show_all != NULL)
            assert_label(model, AP_MENU_SHOW_ALL, cases[i].show_all);
        else
            assert_hidden(model, AP_MENU_SHOW_ALL);
    }
}

static void
test_direct_peers_come_first(void)
{
    g_autoptr(ApClientView) view = test_tray_view_of_peers(
        "{'tunnel': <'wg0'>, 'state': <'sleeping'>, 'addresses': <['10.9.0.1']>},"
        "{'tunnel': <'wg0'>, 'state': <'waiting'>, 'addresses': <['10.9.0.2']>},"
        "{'tunnel': <'wg0'>, 'state': <'probing'>, 'addresses': <['10.9.0.3']>},"
        "{'tunnel': <'wg1'>, 'state': <'direct'>, 'addresses': <['10.8.0.1']>},"
        "{'tunnel': <'wg0'>, 'state': <'direct'>, 'addresses': <['10.9.0.10']>},"
        "{'tunnel': <'wg0'>, 'state': <'direct'>, 'addresses': <['10.9.0.9']>},"
        "{'tunnel': <'wg0'>, 'state': <'direct'>, 'public-key': <'B='>},"
        "{'tunnel': <'wg0'>, 'state': <'direct'>, 'public-key': <'A='>}");
    static const char *const order[] =
        {"", "", "10.9.0.9", "10.9.0.10", "10.8.0.1", "10.9.0.3", "10.9.0.2", "10.9.0.1"};
    g_autoptr(ApMenuModel) model = make_model(view);
    guint n_copied = 0;

    assert_label(model, AP_MENU_PEER_FIRST, "A= – direct");
    assert_label(model, AP_MENU_PEER_FIRST + 1, "B= – direct");
    for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
        g_assert_true(g_str_has_prefix(model->items[AP_MENU_PEER_FIRST + i].label, order[i]));
        /* A peer without an address has none that could be copied. */
        if (order[i][0] != '\0')
            g_assert_cmpstr(model->items[AP_MENU_COPY_FIRST + n_copied++].argument, ==, order[i]);
    }
    assert_hidden(model, AP_MENU_COPY_FIRST + n_copied);
}

static void
test_peer_tells_path_and_reason(void)
{
    static const struct {
        const char *peer, *line;
    } cases[] = {
        {"'state': <'direct'>, 'endpoint': <'192.168.1.7:51820'>, 'rtt': <int64 640>",
         "10.9.0.3 – direct at 192.168.1.7, 0.6 ms"},
        {"'state': <'direct'>, 'endpoint': <'[2001:db8::1]:51820'>",
         "10.9.0.3 – direct at 2001:db8::1"},
        {"'state': <'direct'>, 'endpoint': <'the moon'>", "10.9.0.3 – direct at the moon"},
        {"'state': <'direct'>", "10.9.0.3 – direct"},
        {"'state': <'waiting'>, 'reason': <'no-handshake'>, 'rtt': <int64 640>",
         "10.9.0.3 – by the hub: no answer on the direct path"},
        {"'state': <'waiting'>, 'reason': <'endpoint-lan'>, 'reason-text': <'Public.'>",
         "10.9.0.3 – by the hub: its place is not acceptable"},
        {"'state': <'probing'>, 'reason': <'probing'>",
         "10.9.0.3 – by the hub: trying the direct path"},
        {"'state': <'waiting'>, 'reason': <'full-moon'>, 'reason-text': <'The moon is full.'>",
         "10.9.0.3 – by the hub: The moon is full."},
        {"'state': <'waiting'>, 'reason': <'full-moon'>", "10.9.0.3 – by the hub: full-moon"},
        {"'state': <'levitating'>", "10.9.0.3 – by the hub: "},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *peer =
            g_strdup_printf("{'tunnel': <'wg0'>, 'addresses': <['10.9.0.3']>, %s}", cases[i].peer);
        g_autoptr(ApClientView) view = test_tray_view_of_peers(peer);
        g_autoptr(ApMenuModel) model = make_model(view);

        assert_label(model, AP_MENU_PEER_FIRST, cases[i].line);
    }
}

/* The line to copy is whole, however long it is. */
static void
test_peer_tells_what_to_do(void)
{
    static const struct {
        const char *peer, *text;
    } cases[] = {
        {"'reason': <'no-answer'>, 'reason-text': <'It did not answer.'>, 'advice': <'Open it.'>, "
         "'command': <'ufw allow 40011/udp'>",
         "It did not answer.\nOpen it.\nufw allow 40011/udp"},
        {"'reason': <'new'>, 'reason-text': <'It is new.'>, 'advice': <'Wait.'>",
         "It is new.\nWait."},
        {"'reason': <'full-moon'>", "full-moon"},
        {"'reason': <'x'>, 'command': <'a\\nb'>", "x\na\\u{A}b"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *peer = g_strdup_printf("{'tunnel': <'wg0'>, %s}", cases[i].peer);
        g_autoptr(ApClientView) view = test_tray_view_of_peers(peer);
        g_autofree char *text = ap_words_peer_advice(view->peers->pdata[0]);

        g_test_message("case %zu", i);
        g_assert_cmpstr(text, ==, cases[i].text);
    }
}

static void
test_text_of_others_cannot_do_harm(void)
{
    static const struct {
        const char *address, *shown;
    } cases[] = {
        {"<b>bold</b> & _more_", "<b>bold</b> & _more_"},
        {"one\ntwo\ttabs", "one\\u{A}two\\u{9}tabs"},
        {"\u202Edesrever", "\\u{202E}desrever"},
        {"שלום", "שלום"},
        {"\u2028line", "\\u{2028}line"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *shown = ap_words_foreign(cases[i].address);

        g_assert_cmpstr(shown, ==, cases[i].shown);
    }
}

static void
test_long_text_is_cut(void)
{
    g_autofree char *long_text = g_strnfill(4000, 'x');
    g_autofree char *shown = ap_words_foreign(long_text);
    g_autofree char *peer =
        g_strdup_printf("{'tunnel': <'wg0'>, 'state': <'waiting'>, 'reason-text': <'%s'>}",
                        long_text);
    g_autoptr(ApClientView) view = test_tray_view_of_peers(peer);
    g_autoptr(ApMenuModel) model = make_model(view);

    g_assert_cmpint(g_utf8_strlen(shown, -1), ==, 100);
    g_assert_true(g_str_has_suffix(shown, "x…"));
    g_assert_cmpint(g_utf8_strlen(model->items[AP_MENU_PEER_FIRST].label, -1), <, 200);
}

static void
test_names_stand_for_addresses(void)
{
    g_autoptr(ApClientView) view = test_tray_view_of_peers(
        "{'tunnel': <'wg0'>, 'state': <'direct'>, 'addresses': <['10.9.0.1']>, 'public-key': "
        "<'A='>, 'name': <'anna'>},"
        "{'tunnel': <'wg1'>, 'state': <'direct'>, 'addresses': <['10.9.0.1']>, 'public-key': "
        "<'A='>, 'name': <'anna'>},"
        "{'tunnel': <'wg2'>, 'state': <'direct'>, 'addresses': <['10.9.0.2']>, 'public-key': "
        "<'B='>, 'name': <'ben'>},"
        "{'tunnel': <'wg3'>, 'state': <'direct'>, 'public-key': <'C='>, 'name': <'ben'>},"
        "{'tunnel': <'wg4'>, 'state': <'direct'>, 'public-key': <'D='>, 'name': "
        "<'c\\u202e much, much too long'>}");
    static const char *const lines[] = {
        "anna – direct",
        "anna – direct",
        "ben (10.9.0.2) – direct",
        "ben (C=) – direct",
        "c\\u{202E} much, much too… – direct",
    };
    g_autoptr(ApMenuModel) model = make_model(view);

    for (guint i = 0; i < G_N_ELEMENTS(lines); i++)
        assert_label(model, AP_MENU_PEER_FIRST + i, lines[i]);
    assert_label(model, AP_MENU_COPY_FIRST, "anna (10.9.0.1)");
    g_assert_cmpstr(model->items[AP_MENU_COPY_FIRST].argument, ==, "10.9.0.1");
}

static void
test_key_stands_for_a_peer_without_address(void)
{
    g_autoptr(ApClientView) view =
        test_tray_view_of_peers("{'tunnel': <'wg0'>, 'state': <'direct'>, 'public-key': "
                                "<'AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfG='>}");
    g_autoptr(ApMenuModel) model = make_model(view);

    assert_label(model, AP_MENU_PEER_FIRST, "AbCdEfGh… – direct");
}

static void
test_pause_and_resume_take_turns(void)
{
    g_autoptr(ApClientView) on = test_tray_view("'State': <'relayed'>", TEST_TUNNEL, 1, 0);
    g_autoptr(ApClientView) off =
        test_tray_view("'State': <'off'>, 'Enabled': <false>", TEST_TUNNEL, 1, 0);
    g_autoptr(ApClientView) paused =
        test_tray_view("'State': <'paused'>, 'PauseScope': <'resume'>", TEST_TUNNEL, 1, 0);
    g_autoptr(ApMenuModel) on_model = make_model(on);
    g_autoptr(ApMenuModel) off_model = make_model(off);
    g_autoptr(ApMenuModel) paused_model = make_model(paused);

    g_assert_true(on_model->items[AP_MENU_PAUSE].sensitive);
    assert_hidden(on_model, AP_MENU_RESUME);
    g_assert_false(off_model->items[AP_MENU_PAUSE].sensitive);
    g_assert_false(off_model->items[AP_MENU_ENABLED].checked);
    assert_hidden(paused_model, AP_MENU_PAUSE);
    assert_label(paused_model, AP_MENU_RESUME, "Resume");
    g_assert_true(paused_model->items[AP_MENU_ENABLED].checked);
}

static void
test_note_says_what_is_wrong(void)
{
    static const struct {
        const char *properties, *tunnels, *note;
    } cases[] = {
        {"'State': <'relayed'>", TEST_TUNNEL, NULL},
        {"'State': <'problem'>",
         "{'interface': <'wg_0'>, 'state': <'managed'>, 'server': <'10.9.0.1:80'>, "
         "'last-error': <'no answer'>}",
         "wg_0: the server 10.9.0.1:80 failed: no answer"},
        {"'State': <'no-tunnel'>",
         TEST_LEFT_ALONE,
         "wg1: No configured peer leads to this tunnel's own network."},
        {"'State': <'relayed'>", TEST_TUNNEL "," TEST_LEFT_ALONE, NULL},
        {"'State': <'off'>, 'Enabled': <false>", TEST_LEFT_ALONE, NULL},
        {"'State': <'no-tunnel'>",
         "{'interface': <'wg1'>, 'state': <'unmanaged'>, 'reason': <'is-hub'>}",
         NULL},
        {"'State': <'no-tunnel'>", "", NULL},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(ApClientView) view = test_tray_view(cases[i].properties, cases[i].tunnels, 0, 0);
        g_autoptr(ApMenuModel) model = make_model(view);

        g_test_message("%s %s", cases[i].properties, cases[i].tunnels);
        if (cases[i].note != NULL)
            assert_label(model, AP_MENU_NOTE, cases[i].note);
        else
            assert_hidden(model, AP_MENU_NOTE);
    }
}

static void
test_every_reason_of_a_peer_has_a_phrase(void)
{
    /* Those that only a tunnel has. */
    static const ApReason of_tunnels[] = {
        AP_REASON_NONE,
        AP_REASON_MANAGED,
        AP_REASON_EXCLUDED,
        AP_REASON_NO_KEY,
        AP_REASON_NO_HUB,
        AP_REASON_IS_HUB,
        AP_REASON_NOT_PRIVATE,
        AP_REASON_NO_ADDRESS,
        AP_REASON_DOWN,
        AP_REASON_NO_UPLINK,
        AP_REASON_NO_SERVER,
        AP_REASON_SERVER_ERROR,
        AP_REASON_PSK_REQUIRED,
        AP_REASON_TOO_MANY_TUNNELS,
        AP_REASON_SAVE_CONFIG,
    };

    for (ApReason reason = 0; reason < AP_N_REASONS; reason++) {
        gboolean of_tunnel = FALSE;

        for (gsize i = 0; i < G_N_ELEMENTS(of_tunnels); i++)
            of_tunnel |= of_tunnels[i] == reason;
        g_test_message("%s", ap_reason_name(reason));
        g_assert_cmpint(ap_words_phrase(ap_reason_name(reason)) != NULL, ==, !of_tunnel);
    }
}

static void
test_complaint_comes_before_other_notes(void)
{
    static const struct {
        ApError code;
        const char *note;
    } cases[] = {
        {AP_ERROR_DENIED, "You are not allowed to do that"},
        {AP_ERROR_FAILED, "That did not work: the disk is full"},
    };
    g_autoptr(ApClientView) view = test_tray_view("'State': <'no-tunnel'>", TEST_LEFT_ALONE, 0, 0);

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = g_error_new_literal(AP_ERROR, cases[i].code, "the disk is full");
        g_autofree char *complaint = ap_words_complaint(error);
        ApTrayFacts facts = make_facts(view);
        g_autoptr(ApMenuModel) model = NULL;

        facts.complaint = complaint;
        model = ap_menu_model_new(&facts);
        assert_label(model, AP_MENU_NOTE, cases[i].note);
    }
}

static void
test_resync_says_how_it_ended(void)
{
    static const struct {
        ApResync resync;
        gboolean sensitive;
        const char *label;
    } cases[] = {
        {{.phase = AP_RESYNC_NONE}, TRUE, "Re-sync"},
        {{.phase = AP_RESYNC_ASKING}, FALSE, "Re-sync – asking…"},
        {{.phase = AP_RESYNC_DONE, .ended_real_usec = 1700000000000000},
         TRUE,
         "Re-sync – done at 22:13"},
        {{.phase = AP_RESYNC_FAILED, .ended_real_usec = 1700000000000000},
         TRUE,
         "Re-sync – no answer by 22:13"},
        {{.phase = AP_RESYNC_FAILED,
          .ended_real_usec = 1700000000000000,
          .why = (char *) "the server is tired"},
         TRUE,
         "Re-sync – failed at 22:13: the server is tired"},
    };
    g_autoptr(ApClientView) view = test_tray_view("'State': <'direct'>", TEST_TUNNEL, 1, 1);

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        ApTrayFacts facts = make_facts(view);
        g_autoptr(ApMenuModel) model = NULL;

        facts.resync = &cases[i].resync;
        model = ap_menu_model_new(&facts);
        assert_label(model, AP_MENU_RESYNC, cases[i].label);
        g_assert_cmpint(model->items[AP_MENU_RESYNC].sensitive, ==, cases[i].sensitive);
        g_assert_cmpint(ap_words_icon(&facts) == AP_ICON_WORKING, ==, !cases[i].sensitive);
    }
}

static void
test_same_facts_need_no_change(void)
{
    g_autoptr(ApClientView) view = test_tray_view("'State': <'direct'>", TEST_TUNNEL, 5, 3);
    g_autoptr(ApMenuModel) before = make_model(view);
    g_autoptr(ApMenuModel) after = make_model(view);
    g_autoptr(GArray) none = ap_menu_model_diff(before, after);
    g_autoptr(GArray) all = ap_menu_model_diff(NULL, after);

    g_assert_cmpuint(none->len, ==, 0);
    g_assert_cmpuint(all->len, ==, AP_MENU_N_SLOTS);
}

static void
test_only_what_changed_is_touched(void)
{
    static const ApMenuSlot expected[] = {
        AP_MENU_HEADLINE,
        AP_MENU_PEER_FIRST + 1,
        AP_MENU_PEER_FIRST + 2,
        AP_MENU_COPY_FIRST + 2,
    };
    g_autoptr(ApClientView) two = test_tray_view("'State': <'direct'>", TEST_TUNNEL, 2, 1);
    g_autoptr(ApClientView) three = test_tray_view("'State': <'direct'>", TEST_TUNNEL, 3, 2);
    g_autoptr(ApMenuModel) before = make_model(two);
    g_autoptr(ApMenuModel) after = make_model(three);
    g_autoptr(GArray) slots = ap_menu_model_diff(before, after);

    g_assert_cmpuint(slots->len, ==, G_N_ELEMENTS(expected));
    for (guint i = 0; i < slots->len; i++)
        g_assert_cmpint(g_array_index(slots, ApMenuSlot, i), ==, expected[i]);
}

static void
test_hidden_items_need_no_change(void)
{
    g_autoptr(ApClientView) view = test_tray_view("'State': <'relayed'>", TEST_TUNNEL, 0, 0);
    g_autoptr(ApMenuModel) before = make_model(view);
    g_autoptr(ApMenuModel) after = make_model(view);
    g_autoptr(GArray) slots = NULL;

    g_free(after->items[AP_MENU_RESUME].label);
    after->items[AP_MENU_RESUME].label = g_strdup("something else");
    slots = ap_menu_model_diff(before, after);
    g_assert_cmpuint(slots->len, ==, 0);
}

int
main(int argc, char **argv)
{
    g_setenv("TZ", "UTC", TRUE);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tray-menu/headline-says-how-things-stand",
                    test_headline_says_how_things_stand);
    g_test_add_func("/tray-menu/icon-shows-how-things-stand", test_icon_shows_how_things_stand);
    g_test_add_func("/tray-menu/icons-have-names-of-their-own", test_icons_have_names_of_their_own);
    g_test_add_func("/tray-menu/without-helper-it-can-be-started",
                    test_without_helper_it_can_be_started);
    g_test_add_func("/tray-menu/idle-helper-can-be-put-to-work",
                    test_idle_helper_can_be_put_to_work);
    g_test_add_func("/tray-menu/failures-are-told-apart", test_failures_are_told_apart);
    g_test_add_func("/tray-menu/number-of-peers-decides-on-show-all",
                    test_number_of_peers_decides_on_show_all);
    g_test_add_func("/tray-menu/direct-peers-come-first", test_direct_peers_come_first);
    g_test_add_func("/tray-menu/peer-tells-path-and-reason", test_peer_tells_path_and_reason);
    g_test_add_func("/tray-menu/peer-tells-what-to-do", test_peer_tells_what_to_do);
    g_test_add_func("/tray-menu/text-of-others-cannot-do-harm", test_text_of_others_cannot_do_harm);
    g_test_add_func("/tray-menu/long-text-is-cut", test_long_text_is_cut);
    g_test_add_func("/tray-menu/names-stand-for-addresses", test_names_stand_for_addresses);
    g_test_add_func("/tray-menu/key-stands-for-a-peer-without-address",
                    test_key_stands_for_a_peer_without_address);
    g_test_add_func("/tray-menu/pause-and-resume-take-turns", test_pause_and_resume_take_turns);
    g_test_add_func("/tray-menu/note-says-what-is-wrong", test_note_says_what_is_wrong);
    g_test_add_func("/tray-menu/every-reason-of-a-peer-has-a-phrase",
                    test_every_reason_of_a_peer_has_a_phrase);
    g_test_add_func("/tray-menu/complaint-comes-before-other-notes",
                    test_complaint_comes_before_other_notes);
    g_test_add_func("/tray-menu/resync-says-how-it-ended", test_resync_says_how_it_ended);
    g_test_add_func("/tray-menu/same-facts-need-no-change", test_same_facts_need_no_change);
    g_test_add_func("/tray-menu/only-what-changed-is-touched", test_only_what_changed_is_touched);
    g_test_add_func("/tray-menu/hidden-items-need-no-change", test_hidden_items_need_no_change);
    return g_test_run();
}
