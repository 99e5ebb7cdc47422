/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/monitor.h"

#include "cli/output.h"
#include "cli/report.h"
#include "cli/text.h"
#include "common/error.h"

#include <glib/gi18n.h>

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
    if (self->error == NULL && !ap_output_write(line, self->json, &self->error))
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
    const ApTextStyle style = ap_output_style();
    g_autofree char *headline =
        view != NULL ? ap_text_headline(view) : g_strdup(_("The helper is not running"));
    g_autofree char *line =
        self->json ? ap_report_helper(view, style.now_real_usec) : ap_text_event(headline, &style);

    monitor_write(self, line);
}

static void
monitor_write_changes(Monitor *self, const ApClientView *view)
{
    const ApTextStyle style = ap_output_style();
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

/**
 * Shows every peer as it is, and then what changes, until SIGINT or SIGTERM; goes on when the
 * helper was away.
 *
 * @error: as ap_session_follow(), or what the helper says when it refuses us
 */
gboolean
ap_monitor_run(ApSession *session, const ApCommandInput *input, GError **error)
{
    Monitor monitor = {.session = session, .json = input->json};
    gboolean ok = ap_session_follow(session, on_monitor_changed, &monitor, error);

    g_clear_pointer(&monitor.shown, ap_client_view_unref);
    if (monitor.error == NULL)
        return ok;

    g_clear_error(error);
    g_propagate_error(error, monitor.error);
    return FALSE;
}
