/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/commands.h"

#include "cli/report.h"
#include "cli/text.h"
#include "common/clock.h"
#include "common/error.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* https://no-color.org: any value but the empty one. */
static gboolean
wants_colour(void)
{
    const char *no_color = g_getenv("NO_COLOR");

    return isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0')
           && g_strcmp0(g_getenv("TERM"), "dumb") != 0;
}

static ApTextStyle
style_now(void)
{
    return (ApTextStyle){
        .now_real_usec = ap_clock_now().real_usec,
        .colour = wants_colour(),
    };
}

/* People's text goes out in their character set, JSON is UTF-8 everywhere. */
static gboolean
write_out(const char *text, gboolean json, GError **error)
{
    if (json)
        (void) fputs(text, stdout);
    else
        g_print("%s", text);

    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return TRUE;

    g_set_error(error, AP_ERROR, AP_ERROR_FAILED, "could not write: %s", g_strerror(errno));
    return FALSE;
}

static gboolean
run_status(ApSession *session, const char *operand, gboolean json, GError **error)
{
    ApClientView *view = ap_client_get_view(ap_session_get_client(session));
    const ApTextStyle style = style_now();
    g_autofree char *text = json ? ap_report_status(view) : ap_text_status(view, &style);

    (void) operand;
    return write_out(text, json, error);
}

/** What "monitor" has shown last. */
typedef struct {
    ApSession *session; /* (not owned) */
    gboolean json;
    gboolean started;
    ApClientView *shown; /* (owned) (nullable): NULL: the helper is not there */
    GError *error;       /* (owned) (nullable): why it must end */
} Monitor;

static void
monitor_write(Monitor *self, const char *line)
{
    if (self->error == NULL && !write_out(line, self->json, &self->error))
        ap_session_stop(self->session);
}

static gboolean
is_other_helper_state(const ApClientView *a, const ApClientView *b)
{
    if (a == NULL || b == NULL)
        return a != b;

    return a->enabled != b->enabled || !g_str_equal(a->state, b->state);
}

static void
monitor_write_helper(Monitor *self, const ApClientView *view)
{
    const ApTextStyle style = style_now();
    g_autofree char *headline =
        view != NULL ? ap_text_headline(view) : g_strdup("The helper is not running");
    g_autofree char *line =
        self->json ? ap_report_helper(view, style.now_real_usec) : ap_text_event(headline, &style);

    monitor_write(self, line);
}

static void
monitor_write_changes(Monitor *self, const ApClientView *view)
{
    const ApTextStyle style = style_now();
    g_autoptr(GArray) changes = ap_client_changes(self->shown, view);

    for (guint i = 0; i < changes->len; i++) {
        const ApClientChange *change = &g_array_index(changes, ApClientChange, i);
        g_autofree char *line = self->json ? ap_report_change(change, style.now_real_usec)
                                           : ap_text_change(change, &style);

        monitor_write(self, line);
    }
}

static void
on_monitor_changed(gpointer user_data)
{
    Monitor *self = user_data;
    ApClient *client = ap_session_get_client(self->session);
    ApClientView *view = ap_client_get_view(client);

    /* One that stops amid a call is gone, and is waited for; one that refuses us is not. */
    if (ap_client_get_state(client) == AP_CLIENT_FAILED
        && !g_error_matches(ap_client_get_error(client), AP_ERROR, AP_ERROR_TIMED_OUT)) {
        g_clear_error(&self->error);
        self->error = g_error_copy(ap_client_get_error(client));
        ap_session_stop(self->session);
        return;
    }

    /* What becomes of peers while the helper is away is not known: nothing is said of them. */
    if (!self->started || is_other_helper_state(self->shown, view))
        monitor_write_helper(self, view);
    if (view != NULL)
        monitor_write_changes(self, view);

    self->started = TRUE;
    g_clear_pointer(&self->shown, ap_client_view_unref);
    self->shown = view != NULL ? ap_client_view_ref(view) : NULL;
}

static gboolean
run_monitor(ApSession *session, const char *operand, gboolean json, GError **error)
{
    Monitor monitor = {.session = session, .json = json};
    gboolean ok = ap_session_follow(session, on_monitor_changed, &monitor, error);

    (void) operand;
    g_clear_pointer(&monitor.shown, ap_client_view_unref);
    if (monitor.error == NULL)
        return ok;

    g_clear_error(error);
    g_propagate_error(error, monitor.error);
    return FALSE;
}

static gboolean
run_resync(ApSession *session, const char *operand, gboolean json, GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;

    (void) operand;
    (void) json;
    ap_client_resync_async(ap_session_get_client(session), NULL, ap_session_on_result, session);
    result = ap_session_wait_result(session);
    return ap_client_wish_finish(result, error)
           && write_out("The helper asks again.\n", FALSE, error);
}

static gboolean
set_enabled(ApSession *session, gboolean enabled, const char *text, GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;

    ap_client_set_enabled_async(ap_session_get_client(session),
                                enabled,
                                NULL,
                                ap_session_on_result,
                                session);
    result = ap_session_wait_result(session);
    return ap_client_wish_finish(result, error) && write_out(text, FALSE, error);
}

static gboolean
run_enable(ApSession *session, const char *operand, gboolean json, GError **error)
{
    (void) operand;
    (void) json;
    return set_enabled(session, TRUE, "Switched on: peers may go direct.\n", error);
}

static gboolean
run_disable(ApSession *session, const char *operand, gboolean json, GError **error)
{
    (void) operand;
    (void) json;
    return set_enabled(session, FALSE, "Switched off: everything goes by the hub.\n", error);
}

static gboolean
run_explain(ApSession *session, const char *operand, gboolean json, GError **error)
{
    const ApTextStyle style = style_now();
    g_autofree char *peer = g_utf8_make_valid(operand, -1);
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GPtrArray) peers = NULL;
    gboolean ok = TRUE;

    (void) json;
    ap_client_explain_async(ap_session_get_client(session),
                            peer,
                            NULL,
                            ap_session_on_result,
                            session);
    result = ap_session_wait_result(session);
    peers = ap_client_explain_finish(result, error);
    for (guint i = 0; ok && peers != NULL && i < peers->len; i++) {
        g_autofree char *text = ap_text_explain(peers->pdata[i], &style);

        ok = (i == 0 || write_out("\n", FALSE, error)) && write_out(text, FALSE, error);
    }

    return ok && peers != NULL;
}

static const ApCommand commands[] = {
    {"status", NULL, TRUE, "show which peers are direct, and why others are not", run_status},
    {"monitor", NULL, TRUE, "show changes as they come, until Ctrl-C", run_monitor},
    {"explain", "PEER", FALSE, "show everything that is known of one peer", run_explain},
    {"resync", NULL, FALSE, "ask every server again now", run_resync},
    {"enable", NULL, FALSE, "let peers go direct", run_enable},
    {"disable", NULL, FALSE, "send everything by the hub", run_disable},
};

/** Returns: (transfer none) (nullable): NULL when there is no command of that name */
const ApCommand *
ap_command_find(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (g_str_equal(commands[i].name, name))
            return &commands[i];
    }

    return NULL;
}

/** Appends a line for each command. */
void
ap_command_append_help(GString *out)
{
    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_autofree char *synopsis =
            g_strdup_printf("%s%s%s%s",
                            commands[i].name,
                            commands[i].operand != NULL ? " " : "",
                            commands[i].operand != NULL ? commands[i].operand : "",
                            commands[i].has_json ? " [--json]" : "");

        g_string_append_printf(out, "  %-18s %s\n", synopsis, commands[i].help);
    }
}
