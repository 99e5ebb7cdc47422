/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * What a helper writes for those who are to find out what went wrong: its form, and the file that
 * it comes in.
 */

#include "bus.h"
#include "common/error.h"
#include "common/fd.h"
#include "helper/dbus/view-text.h"
#include "helper/engine/bundle.h"
#include "helper/io/sealed-file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

static void
test_sections_follow_each_other(void)
{
    static const ApBundleSection sections[] = {
        {"about", "version: 1\n"},
        {"view", ""},
        {"log", "one\ntwo"},
    };
    g_autofree char *text = ap_bundle_write(sections, G_N_ELEMENTS(sections));

    g_assert_cmpstr(text,
                    ==,
                    "wg-autopeer bundle 1\n\n"
                    "[about]\nversion: 1\n\n"
                    "[view]\n\n"
                    "[log]\none\ntwo\n\n");
}

static void
test_no_line_passes_for_the_head_of_a_section(void)
{
    static const ApBundleSection sections[] = {{"policy", "[record]\n\n[log]\nx[0]\n"}};
    g_autofree char *text = ap_bundle_write(sections, G_N_ELEMENTS(sections));

    g_assert_cmpstr(text, ==, "wg-autopeer bundle 1\n\n[policy]\n [record]\n\n [log]\nx[0]\n\n");
}

static void
test_names_of_peers_are_left_out(void)
{
    g_autofree char *text = ap_bundle_hide_names("[Peer wg0 x]\nName=my boss\nTrust=auto\nName=\n");

    g_assert_cmpstr(text, ==, "[Peer wg0 x]\nName=(left out)\nTrust=auto\nName=\n");
}

static void
test_view_is_text_with_grounds_and_without_names(void)
{
    static const char *const parts[] = {
        "state: direct\nserial: 5\nenabled: yes\nheld: yes\n",
        "\ntunnel\n  advice: ",
        "\n  backend: kernel\n",
        "\n  interface: wg7\n",
        "\n  last-error: no answer\n",
        "\n  public-key: TQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "\npeer\n  addresses: 10.9.0.10, fd00::a\n",
        "\n  evidence:\n    breaks: 0\n",
        "\n  last-handshake: 2023-11-14T22:13:08.000Z\n",
        "\n  sentence: Traffic goes directly to this peer.\n",
    };
    g_autoptr(ApView) view = test_view_new(5);
    g_autofree char *text = ap_view_text(view, AP_FIREWALL_NFT);

    g_test_message("%s", text);
    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_test_message("part “%s”", parts[i]);
        g_assert_nonnull(strstr(text, parts[i]));
    }
    g_assert_null(strstr(text, ": \n"));
    g_assert_cmpstr(g_array_index(view->peers, ApPeerView, 1).name, ==, "Änne");
    g_assert_null(strstr(text, "Änne"));
}

static void
test_view_before_the_first_turn(void)
{
    g_autofree char *text = ap_view_text(NULL, AP_FIREWALL_NFT);
    g_autofree char *counters = ap_view_text_counters(NULL);

    g_assert_cmpstr(text, ==, "state: starting\n");
    g_assert_cmpstr(counters, ==, "");
}

static void
test_names_of_any_bytes_are_harmless(void)
{
    g_autoptr(ApView) view = test_view_new(1);
    ApTunnelView *tunnel = &g_array_index(view->tunnels, ApTunnelView, 0);
    g_autofree char *text = NULL;

    g_strlcpy(tunnel->id.name, "wg\xff\n[x]\033", IF_NAMESIZE);
    text = ap_view_text(view, AP_FIREWALL_NFT);
    g_test_message("%s", text);
    g_assert_true(g_utf8_validate(text, -1, NULL));
    g_assert_null(strchr(text, '\033'));
    g_assert_null(strstr(text, "\n["));
}

static void
test_a_multitude_of_peers_is_a_number(void)
{
    g_autoptr(ApView) view = test_view_new(1);
    const ApPeerView peer = g_array_index(view->peers, ApPeerView, 0);
    g_autofree char *text = NULL;

    while (view->peers->len < AP_VIEW_TEXT_MAX_PEERS + 7)
        g_array_append_val(view->peers, peer);
    text = ap_view_text(view, AP_FIREWALL_NFT);
    g_assert_true(g_str_has_suffix(text, "\n(7 more peers)\n"));
}

static void
test_counters_are_lines(void)
{
    g_autoptr(ApView) view = test_view_new(1);
    g_autofree char *text = ap_view_text_counters(view);

    g_assert_cmpstr(text, ==, "offers: 3\nrefused-limit: 1\n");
}

static void
test_a_sealed_file_is_only_read(void)
{
    g_autoptr(GError) error = NULL;
    ap_autofd int fd = ap_sealed_file_new("test", "some text\n", &error);
    char text[32] = "";

    g_assert_no_error(error);
    g_assert_cmpint(read(fd, text, sizeof(text)), ==, 10);
    g_assert_cmpstr(text, ==, "some text\n");
    g_assert_cmpint(write(fd, "x", 1), ==, -1);
    g_assert_cmpint(ftruncate(fd, 0), ==, -1);
    g_assert_cmpint(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), ==, -1);
    g_assert_true(mmap(NULL, 10, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    g_assert_cmpint(fcntl(fd, F_GETFD) & FD_CLOEXEC, !=, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bundle/sections-follow-each-other", test_sections_follow_each_other);
    g_test_add_func("/bundle/no-line-passes-for-the-head-of-a-section",
                    test_no_line_passes_for_the_head_of_a_section);
    g_test_add_func("/bundle/names-of-peers-are-left-out", test_names_of_peers_are_left_out);
    g_test_add_func("/bundle/view-is-text-with-grounds-and-without-names",
                    test_view_is_text_with_grounds_and_without_names);
    g_test_add_func("/bundle/view-before-the-first-turn", test_view_before_the_first_turn);
    g_test_add_func("/bundle/names-of-any-bytes-are-harmless",
                    test_names_of_any_bytes_are_harmless);
    g_test_add_func("/bundle/a-multitude-of-peers-is-a-number",
                    test_a_multitude_of_peers_is_a_number);
    g_test_add_func("/bundle/counters-are-lines", test_counters_are_lines);
    g_test_add_func("/bundle/a-sealed-file-is-only-read", test_a_sealed_file_is_only_read);
    return g_test_run();
}
