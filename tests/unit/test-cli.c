/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/report.h"
#include "cli/text.h"
#include "common/instant.h"
#include "common/json/json.h"

#include <string.h>

/** "Now" in every case: 2023-11-14 22:13:20 UTC. */
#define NOW (G_GINT64_CONSTANT(1700000000) * AP_USEC_PER_SEC)

static const ApTextStyle plain = {.now_real_usec = NOW};
static const ApTextStyle coloured = {.now_real_usec = NOW, .colour = TRUE};

static ApClientView *
make_view(const char *properties, const char *reply)
{
    g_autoptr(GVariant) first =
        g_variant_parse(G_VARIANT_TYPE_VARDICT, properties, NULL, NULL, NULL);
    g_autoptr(GVariant) second =
        g_variant_parse(G_VARIANT_TYPE("(taa{sv}aa{sv})"), reply, NULL, NULL, NULL);

    g_assert_nonnull(first);
    g_assert_nonnull(second);
    return ap_client_view_new(first, second);
}

#define ON "{'Version': <'0.1.0'>, 'Enabled': <true>, 'State': <'direct'>}"
#define TUNNEL                                                                                     \
    "{'interface': <'wg0'>, 'backend': <'kernel'>, 'state': <'managed'>, 'server': "               \
    "<'10.9.0.1:80'>, 'direct': <uint32 1>}"
#define DIRECT                                                                                     \
    "{'tunnel': <'wg0'>, 'public-key': <'AAAABBBBCCCCDDDD'>, 'state': <'direct'>, 'reason': "      \
    "<'proven'>, 'reason-text': <'It answered.'>, 'sources': <['server', 'gossip']>, 'endpoint': " \
    "<'192.168.1.7:51820'>, 'addresses': <['10.9.0.3', 'fd00::3']>, 'since': <int64 "              \
    "1699999875000000>, 'last-handshake': <int64 1699999988000000>, 'rtt': <int64 420>, "          \
    "'rx-bytes': <uint64 1500>, 'tx-bytes': <uint64 20>}"
#define PROBING                                                                                    \
    "{'tunnel': <'wg0'>, 'public-key': <'EEEEFFFFGGGGHHHH'>, 'state': <'probing'>, 'reason': "     \
    "<'probing'>, 'endpoint': <'192.168.1.8:51820'>, 'addresses': <['10.9.0.4']>, 'since': "       \
    "<int64 1699999999000000>, 'next-try': <int64 1700000005000000>}"
#define HOSTILE                                                                                    \
    "{'tunnel': <'wg0'>, 'public-key': <'\\u001b[?1047h\\nX'>, 'state': <'\\u202elanif'>, "        \
    "'reason-text': <'a\\tb\\u0007'>}"

#define GOLDEN_STATUS                                                                              \
    "1 of 2 peers direct\n"                                                                        \
    "\n"                                                                                           \
    "wg0 (kernel): asks 10.9.0.1:80\n"                                                             \
    "  PEER       ADDRESS   STATE    PATH               RTT      SINCE\n"                          \
    "  AAAABBBB…  10.9.0.3  direct   192.168.1.7:51820  0.42 ms  2 min\n"                        \
    "  EEEEFFFF…  10.9.0.4  probing  by the hub         -        1 s\n"                          \
    "    probing\n"                                                                                \
    "\n"                                                                                           \
    "wg1 (userspace): not managed: No hub.\n"

static void
test_status_is_golden(void)
{
    g_autoptr(ApClientView) view =
        make_view(ON,
                  "(1, [" TUNNEL ", {'interface': <'wg1'>, 'backend': <'userspace'>, 'state': "
                  "<'unmanaged'>, 'reason': <'no-hub'>, 'reason-text': <'No hub.'>}], [" DIRECT
                  "," PROBING "])");
    g_autofree char *text = ap_text_status(view, &plain);

    g_assert_cmpstr(text, ==, GOLDEN_STATUS);
}

#define NAMED(key, name)                                                                           \
    "{'tunnel': <'wg0'>, 'name': <'" name "'>, 'public-key': <'" key "'>, 'state': <'waiting'>, "  \
    "'reason': <'new'>, 'addresses': <['10.9.0.3']>}"

static void
test_names_stand_for_keys(void)
{
    static const struct {
        const char *peers;
        const char *table;
    } cases[] = {
        {NAMED("AAAABBBBCCCC", "anna"), "  anna  10.9.0.3  waiting  "},
        {NAMED("AAAABBBBCCCC", "anna") "," NAMED("DDDDEEEEFFFF", "anna"),
         "  anna (AAAABBBB…)  10.9.0.3  waiting  by the hub  -    -\n    new\n"
         "  anna (DDDDEEEE…)  10.9.0.3  waiting  "},
        {NAMED("AAAABBBBCCCC", "anna") "," NAMED("DDDDEEEEFFFF", "ben\\u202e"),
         "  anna         10.9.0.3  waiting  by the hub  -    -\n    new\n"
         "  ben\\u{202E}  10.9.0.3  waiting  "},
        {NAMED("AAAABBBBCCCC", "全部") "," NAMED("DDDDEEEEFFFF", "e\\u0301cole"),
         "  全部   10.9.0.3  waiting  by the hub  -    -\n    new\n"
         "  e\u0301cole  10.9.0.3  waiting  "},
        {NAMED("AAAABBBBCCCC", "the fastest laptop of the house"),
         "  the fastest lap…  10.9.0.3  waiting  "},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *reply = g_strdup_printf("(1, [" TUNNEL "], [%s])", cases[i].peers);
        g_autoptr(ApClientView) view = make_view(ON, reply);
        g_autofree char *text = ap_text_status(view, &plain);

        g_test_message("case %zu: %s", i, text);
        g_assert_nonnull(strstr(text, cases[i].table));
    }
}

static void
test_reasons_are_wrapped(void)
{
    g_autoptr(ApClientView) view = make_view(
        ON,
        "(1, [" TUNNEL "], [{'tunnel': <'wg0'>, 'state': <'waiting'>, 'public-key': <'AAAA'>, "
        "'reason-text': <'Nobody on this network has the address of the peer: it left, or the "
        "network keeps its clients apart, aplongwordthatisfartoolongforanylineofaterminalandso"
        "hasaplaceofitsownandis.'>}])");
    g_autofree char *text = ap_text_status(view, &plain);

    g_test_message("%s", text);
    g_assert_nonnull(strstr(
        text,
        "  AAAA  -        waiting  by the hub  -    -\n"
        "    Nobody on this network has the address of the peer: it left, or the network\n"
        "    keeps its clients apart,\n"
        "    aplongwordthatisfartoolongforanylineofaterminalandsohasaplaceofitsownandis.\n"));
}

static void
test_explain_begins_with_the_name(void)
{
    g_autoptr(ApClientView) view =
        make_view(ON, "(1, [" TUNNEL "], [" NAMED("AAAABBBB", "anna") "])");
    g_autofree char *text = ap_text_explain(view->peers->pdata[0], &plain);

    g_assert_nonnull(strstr(text, "name            anna\npeer            AAAABBBB\n"));
}

static void
test_colour_only_where_wanted(void)
{
    g_autoptr(ApClientView) view = make_view(ON, "(1, [" TUNNEL "], [" DIRECT "])");
    g_autofree char *without = ap_text_status(view, &plain);
    g_autofree char *with = ap_text_status(view, &coloured);

    g_assert_null(strchr(without, '\033'));
    g_assert_nonnull(strstr(with, "\033[32mdirect\033[0m"));
}

static const struct {
    const char *properties;
    const char *reply;
    const char *headline;
} headline_cases[] = {
    {"{'Enabled': <false>, 'State': <'starting'>}", "(0, [], [])", "The helper has just started"},
    {"{'Enabled': <false>}",
     "(1, [" TUNNEL "], [" DIRECT "])",
     "Switched off: everything goes by the hub"},
    {"{'State': <'idle'>}",
     "(1, [" TUNNEL "], [" DIRECT "])",
     "Nobody holds the helper: everything goes by the hub"},
    {"{'PauseScope': <'time'>, 'PausedUntil': <int64 1700003600000000>}",
     "(1, [" TUNNEL "], [" DIRECT "])",
     "Paused until 2023-11-14 23:13: everything goes by the hub"},
    {"{'PauseScope': <'network'>}",
     "(1, [], [])",
     "Paused on this network: everything goes by the hub"},
    {"{'PauseScope': <'resume'>}", "(1, [], [])", "Paused: everything goes by the hub"},
    {"{'PauseScope': <'moon'>}", "(1, [], [])", "Paused: everything goes by the hub"},
    {"{}", "(1, [], [])", "There is no WireGuard tunnel on this machine"},
    {"{}",
     "(1, [{'interface': <'wg1'>, 'state': <'unmanaged'>}], [])",
     "No tunnel is managed: everything goes as configured"},
    {"{}",
     "(1, [{'interface': <'wg1'>, 'state': <'unmanaged'>, 'reason': <'is-hub'>}], [])",
     "This computer is the hub: it needs no direct paths"},
    {"{}", "(1, [" TUNNEL "], [])", "No peer is known yet: everything goes by the hub"},
    {"{}", "(1, [" TUNNEL "], [" DIRECT "])", "1 of 1 peer direct"},
    {"{}", "(1, [" TUNNEL "], [" PROBING "," DIRECT "])", "1 of 2 peers direct"},
};

static void
test_headlines(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(headline_cases); i++) {
        g_autoptr(ApClientView) view =
            make_view(headline_cases[i].properties, headline_cases[i].reply);
        g_autofree char *text = ap_text_headline(view);

        g_test_message("case %zu", i);
        g_assert_cmpstr(text, ==, headline_cases[i].headline);
    }
}

static void
test_nothing_from_elsewhere_moves_the_cursor(void)
{
    g_autoptr(ApClientView) view = make_view(ON, "(1, [" TUNNEL "], [" HOSTILE "])");
    const ApClientChange change = {.after = view->peers->pdata[0]};
    g_autofree char *status = ap_text_status(view, &plain);
    g_autofree char *explain = ap_text_explain(view->peers->pdata[0], &plain);
    g_autofree char *line = ap_text_change(&change, &plain);
    const char *const texts[] = {status, explain, line};

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_test_message("text %zu: %s", i, texts[i]);
        for (const char *c = texts[i]; *c != '\0'; c++)
            g_assert_true((guchar) *c >= 0x20 || *c == '\n');
        g_assert_null(strstr(texts[i], "\xe2\x80\xae"));
        g_assert_nonnull(strstr(texts[i], "\\u{1B}"));
    }
    g_assert_cmpint(line[strlen(line) - 1], ==, '\n');
    g_assert_true(strchr(line, '\n') == line + strlen(line) - 1);
}

static const struct {
    const char *text;
    const char *escaped;
} escape_cases[] = {
    {"wg0", "wg0"},
    {"Büro–Netz", "Büro–Netz"},
    {"a\nb", "a\\u{A}b"},
    {"\033[31m", "\\u{1B}[31m"},
    {"\x7f", "\\u{7F}"},
    {"\xc2\x9b", "\\u{9B}"},           /* C1: CSI in one character */
    {"\xe2\x80\x8b", "\\u{200B}"},     /* zero width space */
    {"\xe2\x80\xa8", "\\u{2028}"},     /* line separator */
    {"\xff", "\xef\xbf\xbd"},          /* not UTF-8 */
    {"\xf3\xa0\x80\x81", "\\u{E0001}"} /* a tag */
};

static void
test_escape(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(escape_cases); i++) {
        g_autofree char *escaped = ap_text_escape(escape_cases[i].text);

        g_assert_cmpstr(escaped, ==, escape_cases[i].escaped);
    }
}

static const struct {
    gint64 usec;
    const char *text;
} duration_cases[] = {
    {-5, "0 s"},
    {0, "0 s"},
    {AP_USEC_PER_SEC, "1 s"},
    {119 * AP_USEC_PER_SEC, "119 s"},
    {120 * AP_USEC_PER_SEC, "2 min"},
    {7199 * AP_USEC_PER_SEC, "119 min"},
    {7200 * AP_USEC_PER_SEC, "2 h"},
    {172800 * AP_USEC_PER_SEC, "2 d"},
    {G_MAXINT64, "106751991 d"},
};

static void
test_durations(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(duration_cases); i++) {
        g_autofree char *text = ap_text_duration(duration_cases[i].usec);

        g_assert_cmpstr(text, ==, duration_cases[i].text);
    }
}

static const struct {
    const char *text;
    guint64 sec; /* 0: it makes no sense */
} parse_cases[] = {
    {"1s", 1},
    {"90s", 90},
    {"30min", 1800},
    {"2h", 7200},
    {"3d", 259200},
    {"", 0},
    {"0s", 0},
    {"5", 0},
    {"s", 0},
    {"5 s", 0},
    {" 5s", 0},
    {"-5s", 0},
    {"+5s", 0},
    {"5m", 0},
    {"1.5h", 0},
    {"4294967296d", 0},
    {"99999999999999999999s", 0},
};

static void
test_parse_durations(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(parse_cases); i++) {
        g_autoptr(GError) error = NULL;
        guint64 sec = 0;

        g_test_message("'%s'", parse_cases[i].text);
        g_assert_cmpint(ap_text_parse_duration(parse_cases[i].text, &sec, &error),
                        ==,
                        parse_cases[i].sec != 0);
        g_assert_cmpuint(sec, ==, parse_cases[i].sec);
        g_assert_true((error == NULL) == (sec != 0));
    }
}

static void
test_explain_says_everything(void)
{
    g_autoptr(ApClientView) view = make_view(ON, "(1, [" TUNNEL "], [" DIRECT "])");
    ApClientPeer *peer = view->peers->pdata[0];
    g_autofree char *text = NULL;

    g_strfreev(peer->sentences);
    peer->sentences = g_strsplit("One.|Two.", "|", -1);
    text = ap_text_explain(peer, &plain);
    g_assert_cmpstr(text,
                    ==,
                    "peer            AAAABBBBCCCCDDDD\n"
                    "tunnel          wg0\n"
                    "addresses       10.9.0.3, fd00::3\n"
                    "state           direct\n"
                    "since           2 min ago\n"
                    "path            192.168.1.7:51820\n"
                    "round trip      0.42 ms\n"
                    "last handshake  12 s ago\n"
                    "traffic         1.5\xc2\xa0kB received, 20 bytes sent\n"
                    "told by         server, gossip\n"
                    "\n"
                    "One.\n"
                    "Two.\n");
}

static void
test_monitor_lines(void)
{
    g_autoptr(ApClientView) view = make_view(ON, "(1, [" TUNNEL "], [" DIRECT "," PROBING "])");
    const ApClientChange changes[] = {
        {.before = view->peers->pdata[1], .after = view->peers->pdata[0]},
        {.after = view->peers->pdata[1]},
        {.before = view->peers->pdata[0]},
    };
    static const char *const lines[] = {
        "22:13:20  wg0 AAAABBBB…  probing → direct: It answered.\n",
        "22:13:20  wg0 EEEEFFFF…  new → probing: probing\n",
        "22:13:20  wg0 AAAABBBB…  direct → gone: It answered.\n",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autofree char *text = ap_text_change(&changes[i], &plain);

        g_assert_cmpstr(text, ==, lines[i]);
    }
}

static ApJson *
parse_line(const char *line)
{
    g_autoptr(GError) error = NULL;
    ApJson *root;
    gint64 schema = 0;

    g_test_message("%s", line);
    g_assert_true(strchr(line, '\n') == line + strlen(line) - 1);
    root = ap_json_parse(line, strlen(line), AP_JSON_MAX_VALUES, &error);
    g_assert_no_error(error);
    g_assert_true(ap_json_get_int(root, "schema", 1, 1, &schema));
    return root;
}

#define RELAYED                                                                                    \
    "{'tunnel': <'wg0'>, 'public-key': <'AAAA'>, 'state': <'waiting'>, 'reason': <'no-answer'>, "  \
    "'next-try': <int64 1700000005000000>, 'advice': <'Open it.'>, 'command': <'ufw allow 1/udp'>" \
    ", 'rtt': <int64 90000>, 'relay-rtt': <int64 82000>, 'evidence': <{'tried': "                  \
    "<'192.168.1.8:51820'>, 'tried-at': <int64 1699999990000000>, 'sent': <uint64 444>, "          \
    "'neighbour': <'there'>, 'proof-heard': <int64 1699999980000000>, 'proof-sent': <uint64 "      \
    "100>, 'seen': <int64 1699999970000000>, 'breaks': <uint32 2>, 'listen-port': <uint32 1>}>}"

static void
test_explain_says_what_it_rests_on(void)
{
    g_autoptr(ApClientView) view = make_view(ON, "(1, [" TUNNEL "], [" RELAYED "])");
    g_autofree char *text = ap_text_explain(view->peers->pdata[0], &plain);
    g_autofree char *json = ap_report_explain(view->peers);
    g_autoptr(ApJson) root = parse_line(json);
    ApJson *peer = ap_json_item(ap_json_get_array(root, "peers"), 0);
    ApJson *evidence = ap_json_get_object(peer, "evidence");
    gint64 number = 0;

    g_assert_cmpstr(text,
                    ==,
                    "peer                AAAA\n"
                    "tunnel              wg0\n"
                    "state               waiting\n"
                    "path                by the hub\n"
                    "round trip          90.0 ms directly, about 82.0 ms by the hub\n"
                    "last handshake      never\n"
                    "traffic             0 bytes received, 0 bytes sent\n"
                    "next try            in 5 s\n"
                    "latest try          192.168.1.8:51820, 10 s ago\n"
                    "came of it          444 bytes sent, 0 bytes received\n"
                    "on the LAN          somebody has that address\n"
                    "proof of the path   last heard 20 s ago; 100 bytes sent, 0 bytes received\n"
                    "server heard of it  30 s ago\n"
                    "breaks              2\n"
                    "own port            1\n"
                    "\n"
                    "Open it.\n"
                    "\n"
                    "    ufw allow 1/udp\n");
    g_assert_cmpstr(ap_json_get_string(peer, "command", 64), ==, "ufw allow 1/udp");
    g_assert_cmpstr(ap_json_get_string(evidence, "neighbour", 64), ==, "there");
    g_assert_true(ap_json_get_int(evidence, "sent", 444, 444, &number));
    g_assert_true(ap_json_get_int(evidence, "breaks", 2, 2, &number));
}

/* Taking one of these away, or giving it another meaning, takes another schema. */
static const char *const peer_members[] = {
    "tunnel",        "public_key",
    "state",         "reason",
    "reason_text",   "advice",
    "command",       "sources",
    "endpoint",      "addresses",
    "name",          "since_usec",
    "next_try_usec", "last_handshake_usec",
    "rtt_usec",      "relay_rtt_usec",
    "rx_bytes",      "tx_bytes",
    "refusals",
};

static const char *const tunnel_members[] = {
    "interface",
    "public_key",
    "backend",
    "state",
    "reason",
    "reason_text",
    "server",
    "last_error",
    "hub_rtt_usec",
    "direct",
};

static void
test_json_status_is_stable(void)
{
    g_autoptr(ApClientView) view =
        make_view(ON, "(1, [" TUNNEL "], [" DIRECT "," PROBING "," HOSTILE "])");
    g_autofree char *line = ap_report_status(view);
    g_autoptr(ApJson) root = parse_line(line);
    ApJson *peers = ap_json_get_array(root, "peers");
    ApJson *tunnels = ap_json_get_array(root, "tunnels");
    gboolean enabled = FALSE;
    gint64 number = 0;

    g_assert_cmpstr(ap_json_get_string(root, "version", 64), ==, "0.1.0");
    g_assert_cmpstr(ap_json_get_string(root, "state", 64), ==, "direct");
    g_assert_true(ap_json_get_bool(root, "enabled", &enabled) && enabled);
    g_assert_true(ap_json_get_int(root, "direct", 1, 1, &number));
    g_assert_cmpstr(ap_json_get_string(root, "pause", 64), ==, "");
    g_assert_true(ap_json_get_int(root, "paused_until_usec", 0, 0, &number));
    g_assert_cmpuint(ap_json_n_items(tunnels), ==, 1);
    g_assert_cmpuint(ap_json_n_items(peers), ==, 3);
    for (guint i = 0; i < 3; i++) {
        for (gsize k = 0; k < G_N_ELEMENTS(peer_members); k++)
            g_assert_nonnull(ap_json_member(ap_json_item(peers, i), peer_members[k]));
    }
    for (gsize k = 0; k < G_N_ELEMENTS(tunnel_members); k++)
        g_assert_nonnull(ap_json_member(ap_json_item(tunnels, 0), tunnel_members[k]));
    g_assert_true(ap_json_get_int(ap_json_item(peers, 0), "rtt_usec", 420, 420, &number));
}

static void
test_json_monitor_lines(void)
{
    g_autoptr(ApClientView) view = make_view(ON, "(1, [" TUNNEL "], [" DIRECT "," PROBING "])");
    const ApClientChange came = {.after = view->peers->pdata[0]};
    const ApClientChange went = {.before = view->peers->pdata[1]};
    g_autofree char *came_line = ap_report_change(&came, NOW);
    g_autofree char *went_line = ap_report_change(&went, NOW);
    g_autofree char *there_line = ap_report_helper(view, NOW);
    g_autofree char *away_line = ap_report_helper(NULL, NOW);
    g_autoptr(ApJson) came_root = parse_line(came_line);
    g_autoptr(ApJson) went_root = parse_line(went_line);
    g_autoptr(ApJson) there_root = parse_line(there_line);
    g_autoptr(ApJson) away_root = parse_line(away_line);
    gboolean running = TRUE;
    gint64 time = 0;

    g_assert_cmpstr(ap_json_get_string(came_root, "event", 64), ==, "peer");
    g_assert_true(ap_json_get_int(came_root, "time_usec", NOW, NOW, &time));
    g_assert_null(ap_json_member(came_root, "old_state"));
    g_assert_cmpstr(ap_json_get_string(came_root, "state", 64), ==, "direct");
    g_assert_cmpstr(ap_json_get_string(went_root, "old_state", 64), ==, "probing");
    g_assert_cmpstr(ap_json_get_string(went_root, "state", 64), ==, "gone");
    g_assert_cmpstr(ap_json_get_string(there_root, "event", 64), ==, "helper");
    g_assert_cmpstr(ap_json_get_string(there_root, "state", 64), ==, "direct");
    g_assert_true(ap_json_get_bool(away_root, "running", &running));
    g_assert_false(running);
}

int
main(int argc, char **argv)
{
    g_setenv("TZ", "UTC", TRUE);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/status-is-golden", test_status_is_golden);
    g_test_add_func("/cli/colour-only-where-wanted", test_colour_only_where_wanted);
    g_test_add_func("/cli/names-stand-for-keys", test_names_stand_for_keys);
    g_test_add_func("/cli/reasons-are-wrapped", test_reasons_are_wrapped);
    g_test_add_func("/cli/explain-begins-with-the-name", test_explain_begins_with_the_name);
    g_test_add_func("/cli/headlines", test_headlines);
    g_test_add_func("/cli/nothing-from-elsewhere-moves-the-cursor",
                    test_nothing_from_elsewhere_moves_the_cursor);
    g_test_add_func("/cli/escape", test_escape);
    g_test_add_func("/cli/durations", test_durations);
    g_test_add_func("/cli/parse-durations", test_parse_durations);
    g_test_add_func("/cli/explain-says-everything", test_explain_says_everything);
    g_test_add_func("/cli/explain-says-what-it-rests-on", test_explain_says_what_it_rests_on);
    g_test_add_func("/cli/monitor-lines", test_monitor_lines);
    g_test_add_func("/cli/json-status-is-stable", test_json_status_is_stable);
    g_test_add_func("/cli/json-monitor-lines", test_json_monitor_lines);
    return g_test_run();
}
