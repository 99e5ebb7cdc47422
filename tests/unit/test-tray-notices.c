/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/error.h"
#include "tray-view.h"
#include "tray/notices.h"
#include "tray/resync.h"

#define SECOND AP_USEC_PER_SEC
#define DIRECT(address)                                                                            \
    "{'tunnel': <'wg0'>, 'public-key': <'" address "'>, 'state': <'direct'>, 'reason': "           \
    "<'proven'>, 'addresses': <['" address "']>}"
#define WAITING(address, why)                                                                      \
    "{'tunnel': <'wg0'>, 'public-key': <'" address "'>, 'state': <'waiting'>, 'reason': <'" why    \
    "'>, 'addresses': <['" address "']>}"

typedef struct {
    ApNotices notices;
    ApInstant now;
} Fixture;

static void
setup(Fixture *self, gconstpointer unused)
{
    (void) unused;
    self->now = (ApInstant){.boot_usec = 1000 * SECOND, .real_usec = 1700000000 * SECOND};
}

static void
teardown(Fixture *self, gconstpointer unused)
{
    (void) unused;
    ap_notices_clear(&self->notices);
}

static void
pass(Fixture *self, gint64 usec)
{
    self->now.boot_usec += usec;
    self->now.real_usec += usec;
}

static ApNotice *
look(Fixture *self, const char *peers)
{
    g_autoptr(ApClientView) view = test_tray_view_of_peers(peers);
    ApNotice *notice = NULL;

    g_assert_cmpint(ap_notices_look(&self->notices, AP_CLIENT_READY, view, self->now, &notice),
                    ==,
                    AP_NEVER);
    return notice;
}

static void
assert_told(Fixture *self, const char *peers, ApNoticeKind kind, const char *body)
{
    g_autoptr(ApNotice) notice = look(self, peers);

    g_assert_nonnull(notice);
    g_assert_cmpint(notice->kind, ==, kind);
    g_assert_cmpstr(notice->body, ==, body);
    g_assert_cmpstr(notice->title, !=, "");
}

static void
assert_silent(Fixture *self, const char *peers)
{
    g_autoptr(ApNotice) notice = look(self, peers);

    if (notice != NULL)
        g_test_message("told: %s: %s", notice->title, notice->body);
    g_assert_null(notice);
}

static void
test_first_direct_path_is_told(Fixture *self, gconstpointer unused)
{
    (void) unused;
    assert_silent(self, WAITING("10.9.0.3", "new"));
    assert_silent(self, WAITING("10.9.0.3", "no-handshake"));
    assert_told(self,
                DIRECT("10.9.0.3"),
                AP_NOTICE_DIRECT,
                "10.9.0.3 is reached directly, without the hub.");
    assert_silent(self, DIRECT("10.9.0.3"));
    assert_silent(self, DIRECT("10.9.0.3") "," DIRECT("10.9.0.4"));
}

/* GLib hands the text on as it is, and desktops take it for markup. */
static void
test_names_are_no_markup(Fixture *self, gconstpointer unused)
{
    (void) unused;
    assert_silent(self, "");
    assert_told(self,
                "{'tunnel': <'wg0'>, 'state': <'direct'>, 'public-key': <'A='>, 'name': "
                "<'<b>R&D</b>'>}",
                AP_NOTICE_DIRECT,
                " b R D /b  is reached directly, without the hub.");
}

static void
test_several_direct_paths_are_told_together(Fixture *self, gconstpointer unused)
{
    (void) unused;
    assert_silent(self, "");
    assert_told(self,
                DIRECT("10.9.0.3") "," DIRECT("10.9.0.4"),
                AP_NOTICE_DIRECT,
                "2 peers are reached directly, without the hub.");
}

static void
test_what_was_there_at_the_start_is_no_news(Fixture *self, gconstpointer unused)
{
    (void) unused;
    assert_silent(self, DIRECT("10.9.0.3") "," WAITING("10.9.0.4", "new"));
    assert_silent(self, DIRECT("10.9.0.3") "," DIRECT("10.9.0.4"));
}

static void
test_same_network_greets_once(Fixture *self, gconstpointer unused)
{
    g_autoptr(ApNotice) greeting = NULL, loss = NULL;

    (void) unused;
    assert_silent(self, WAITING("10.9.0.3", "new"));
    greeting = look(self, DIRECT("10.9.0.3"));
    g_assert_nonnull(greeting);
    loss = look(self, WAITING("10.9.0.3", "silent"));
    pass(self, 2 * AP_NOTICE_GAP_USEC);
    assert_silent(self, DIRECT("10.9.0.3"));
}

static void
test_another_network_greets_again(Fixture *self, gconstpointer unused)
{
    static const char *const between[] = {"", WAITING("10.9.0.3", "network-changed")};

    (void) unused;
    for (gsize i = 0; i < G_N_ELEMENTS(between); i++) {
        g_autoptr(ApNotice) greeting = NULL, loss = NULL, again = NULL;

        g_test_message("%s", between[i]);
        ap_notices_clear(&self->notices);
        assert_silent(self, WAITING("10.9.0.3", "new"));
        greeting = look(self, DIRECT("10.9.0.3"));
        loss = look(self, between[i]);
        pass(self, AP_NOTICE_GAP_USEC);
        again = look(self, DIRECT("10.9.0.3"));
        g_assert_nonnull(again);
        g_assert_cmpint(again->kind, ==, AP_NOTICE_DIRECT);
    }
}

static void
test_loss_says_why(Fixture *self, gconstpointer unused)
{
    static const struct {
        const char *after, *body;
    } cases[] = {
        {WAITING("10.9.0.3", "silent"), "10.9.0.3: nothing came back on the direct path."},
        {WAITING("10.9.0.3", "far-end-left"), "10.9.0.3: it left."},
        {WAITING("10.9.0.3", "full-moon"), "10.9.0.3: full-moon."},
        {"", "10.9.0.3: nobody announces it."},
    };

    (void) unused;
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        ap_notices_clear(&self->notices);
        assert_silent(self, DIRECT("10.9.0.3"));
        assert_told(self, cases[i].after, AP_NOTICE_LOST, cases[i].body);
    }
}

static void
test_losses_are_told_together(Fixture *self, gconstpointer unused)
{
    (void) unused;
    assert_silent(self, DIRECT("10.9.0.3") "," DIRECT("10.9.0.4"));
    assert_told(self,
                WAITING("10.9.0.3", "silent") "," WAITING("10.9.0.4", "mtu"),
                AP_NOTICE_LOST,
                "2 peers; 10.9.0.3: nothing came back on the direct path.");
}

static void
test_own_wish_is_no_loss(Fixture *self, gconstpointer unused)
{
    static const char *const wishes[] = {
        "'State': <'off'>, 'Enabled': <false>",
        "'State': <'paused'>, 'PauseScope': <'resume'>",
    };

    (void) unused;
    for (gsize i = 0; i < G_N_ELEMENTS(wishes); i++) {
        g_autoptr(ApClientView) off = test_tray_view(wishes[i], TEST_TUNNEL, 0, 0);
        ApNotice *notice = NULL;

        g_test_message("%s", wishes[i]);
        ap_notices_clear(&self->notices);
        assert_silent(self, DIRECT("10.9.0.3"));
        (void) ap_notices_look(&self->notices, AP_CLIENT_READY, off, self->now, &notice);
        g_assert_null(notice);
        /* The network is the same, so that its coming back is no news either. */
        assert_silent(self, WAITING("10.9.0.3", "new"));
        assert_silent(self, DIRECT("10.9.0.3"));
    }
}

static void
test_nothing_repeats_within_ten_minutes(Fixture *self, gconstpointer unused)
{
    g_autoptr(ApNotice) first = NULL;

    (void) unused;
    assert_silent(self, DIRECT("10.9.0.3"));
    first = look(self, WAITING("10.9.0.3", "silent"));
    g_assert_nonnull(first);
    for (guint i = 0; i < 9; i++) {
        pass(self, 60 * SECOND);
        assert_silent(self, DIRECT("10.9.0.3"));
        assert_silent(self, WAITING("10.9.0.3", "silent"));
    }

    assert_silent(self, DIRECT("10.9.0.3"));
    pass(self, 60 * SECOND);
    assert_told(self,
                WAITING("10.9.0.3", "silent"),
                AP_NOTICE_LOST,
                "10.9.0.3: nothing came back on the direct path.");
}

static void
test_helper_that_stays_away_is_told_once(Fixture *self, gconstpointer unused)
{
    ApNotice *notice = NULL;

    (void) unused;
    assert_silent(self, DIRECT("10.9.0.3"));
    g_assert_cmpint(ap_notices_look(&self->notices, AP_CLIENT_ABSENT, NULL, self->now, &notice),
                    ==,
                    self->now.boot_usec + AP_NOTICE_HELPER_USEC);
    g_assert_null(notice);
    pass(self, AP_NOTICE_HELPER_USEC - 1);
    (void) ap_notices_look(&self->notices, AP_CLIENT_ABSENT, NULL, self->now, &notice);
    g_assert_null(notice);
    pass(self, 1);
    g_assert_cmpint(ap_notices_look(&self->notices, AP_CLIENT_ABSENT, NULL, self->now, &notice),
                    ==,
                    AP_NEVER);
    g_assert_nonnull(notice);
    g_assert_cmpint(notice->kind, ==, AP_NOTICE_HELPER);
    g_clear_pointer(&notice, ap_notice_free);

    pass(self, 2 * AP_NOTICE_GAP_USEC);
    (void) ap_notices_look(&self->notices, AP_CLIENT_ABSENT, NULL, self->now, &notice);
    g_assert_null(notice);
}

static void
test_helper_that_restarts_is_not_told(Fixture *self, gconstpointer unused)
{
    ApNotice *notice = NULL;

    (void) unused;
    assert_silent(self, DIRECT("10.9.0.3"));
    (void) ap_notices_look(&self->notices, AP_CLIENT_ABSENT, NULL, self->now, &notice);
    pass(self, SECOND);
    assert_silent(self, WAITING("10.9.0.3", "new"));
    pass(self, SECOND);
    assert_silent(self, DIRECT("10.9.0.3"));
    pass(self, AP_NOTICE_HELPER_USEC);
    assert_silent(self, DIRECT("10.9.0.3"));
}

static void
test_helper_that_never_was_is_not_told(Fixture *self, gconstpointer unused)
{
    ApNotice *notice = NULL;

    (void) unused;
    (void) ap_notices_look(&self->notices, AP_CLIENT_LOOKING, NULL, self->now, &notice);
    g_assert_cmpint(ap_notices_look(&self->notices, AP_CLIENT_ABSENT, NULL, self->now, &notice),
                    ==,
                    AP_NEVER);
    g_assert_null(notice);
}

/* A view of one tunnel per error: "" is a server that answered. */
static ApClientView *
make_resynced(guint n_resyncs, const char *const *errors)
{
    g_autofree char *properties = g_strdup_printf("'Resyncs': <uint64 %u>", n_resyncs);
    g_autoptr(GString) tunnels = g_string_new(NULL);

    for (gsize i = 0; errors[i] != NULL; i++)
        g_string_append_printf(tunnels,
                               "%s{'state': <'managed'>, 'server': <'10.9.0.1:80'>, "
                               "'last-error': <'%s'>}",
                               i > 0 ? "," : "",
                               errors[i]);
    return test_tray_view(properties, tunnels->str, 0, 0);
}

static void
test_resync_ends_with_the_servers_answers(Fixture *self, gconstpointer unused)
{
    static const struct {
        const char *errors[3];
        ApResyncPhase phase;
        const char *why;
    } cases[] = {
        {{""}, AP_RESYNC_DONE, NULL},
        {{NULL}, AP_RESYNC_DONE, NULL},
        {{"no answer"}, AP_RESYNC_FAILED, "no answer"},
        {{"no answer", ""}, AP_RESYNC_DONE, NULL},
    };

    (void) unused;
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(ApClientView) before = make_resynced(4, cases[i].errors);
        g_autoptr(ApClientView) after = make_resynced(5, cases[i].errors);
        ApResync resync = {0};

        ap_resync_begin(&resync, before, self->now);
        pass(self, SECOND);
        g_assert_cmpint(ap_resync_look(&resync, before, self->now), >, self->now.boot_usec);
        g_assert_cmpint(resync.phase, ==, AP_RESYNC_ASKING);
        g_assert_cmpint(ap_resync_look(&resync, after, self->now), ==, AP_NEVER);
        g_assert_cmpint(resync.phase, ==, cases[i].phase);
        g_assert_cmpstr(resync.why, ==, cases[i].why);
        g_assert_cmpint(resync.ended_real_usec, ==, self->now.real_usec);
        ap_resync_clear(&resync);
    }
}

static void
test_resync_gives_up(Fixture *self, gconstpointer unused)
{
    static const char *const errors[] = {"", NULL};
    g_autoptr(ApClientView) view = make_resynced(4, errors);
    ApResync resync = {0};
    gint64 wake_at;

    (void) unused;
    ap_resync_begin(&resync, view, self->now);
    wake_at = ap_resync_look(&resync, view, self->now);
    pass(self, wake_at - self->now.boot_usec);
    g_assert_cmpint(ap_resync_look(&resync, view, self->now), ==, AP_NEVER);
    g_assert_cmpint(resync.phase, ==, AP_RESYNC_FAILED);
    ap_resync_clear(&resync);
}

static void
test_resync_fails_with_the_helper(Fixture *self, gconstpointer unused)
{
    g_autoptr(GError) error = g_error_new_literal(AP_ERROR, AP_ERROR_DENIED, "not allowed");
    ApResync resync = {0};

    (void) unused;
    ap_resync_begin(&resync, NULL, self->now);
    (void) ap_resync_look(&resync, NULL, self->now);
    g_assert_cmpint(resync.phase, ==, AP_RESYNC_FAILED);

    ap_resync_begin(&resync, NULL, self->now);
    ap_resync_refuse(&resync, error, self->now);
    g_assert_cmpint(resync.phase, ==, AP_RESYNC_FAILED);
    g_assert_cmpstr(resync.why, ==, "not allowed");
    ap_resync_clear(&resync);
}

#define ADD(path, function) g_test_add(path, Fixture, NULL, setup, function, teardown)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/tray-notices/first-direct-path-is-told", test_first_direct_path_is_told);
    ADD("/tray-notices/names-are-no-markup", test_names_are_no_markup);
    ADD("/tray-notices/several-direct-paths-are-told-together",
        test_several_direct_paths_are_told_together);
    ADD("/tray-notices/what-was-there-at-the-start-is-no-news",
        test_what_was_there_at_the_start_is_no_news);
    ADD("/tray-notices/same-network-greets-once", test_same_network_greets_once);
    ADD("/tray-notices/another-network-greets-again", test_another_network_greets_again);
    ADD("/tray-notices/loss-says-why", test_loss_says_why);
    ADD("/tray-notices/losses-are-told-together", test_losses_are_told_together);
    ADD("/tray-notices/own-wish-is-no-loss", test_own_wish_is_no_loss);
    ADD("/tray-notices/nothing-repeats-within-ten-minutes",
        test_nothing_repeats_within_ten_minutes);
    ADD("/tray-notices/helper-that-stays-away-is-told-once",
        test_helper_that_stays_away_is_told_once);
    ADD("/tray-notices/helper-that-restarts-is-not-told", test_helper_that_restarts_is_not_told);
    ADD("/tray-notices/helper-that-never-was-is-not-told", test_helper_that_never_was_is_not_told);
    ADD("/tray-resync/ends-with-the-servers-answers", test_resync_ends_with_the_servers_answers);
    ADD("/tray-resync/gives-up", test_resync_gives_up);
    ADD("/tray-resync/fails-with-the-helper", test_resync_fails_with_the_helper);
    return g_test_run();
}
