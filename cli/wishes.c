/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/wishes.h"

#include "cli/output.h"
#include "cli/text.h"
#include "common/error.h"

#include <glib/gi18n.h>

/**
 * How long "resync --wait" waits, in seconds. A server has five to answer (decisions.md 17), and a
 * peer is tried at every endpoint within a few more.
 */
#define WAIT_SEC 12

/* Waits for the call that was just begun, and tells that it went well. */
static gboolean
finish(ApSession *session, const char *text, GError **error)
{
    g_autoptr(GAsyncResult) result = ap_session_wait_result(session);

    return ap_client_wish_finish(result, error) && ap_output_write(text, FALSE, error);
}

/** What "resync --wait" waits for. */
typedef struct {
    ApSession *session; /* (not owned) */
    guint64 n_before;   /* how many were done before ours */
    gboolean done;      /* every server answered, or failed to */
    gboolean idle;      /* and no peer is being tried */
    guint timer;
} Wait;

static gboolean
is_trying(const ApClientView *view)
{
    for (guint i = 0; i < view->peers->len; i++) {
        const ApClientPeer *peer = view->peers->pdata[i];

        if (g_str_equal(peer->state, "probing"))
            return TRUE;
    }
    return FALSE;
}

static void
on_wait_changed(gpointer user_data)
{
    Wait *self = user_data;
    ApClient *client = ap_session_get_client(self->session);
    const ApClientView *view = ap_client_get_view(client);

    if (view == NULL) {
        if (ap_client_get_state(client) != AP_CLIENT_LOOKING)
            ap_session_stop(self->session);
        return;
    }

    self->done = view->n_resyncs > self->n_before;
    self->idle = self->done && !is_trying(view);
    if (self->idle)
        ap_session_stop(self->session);
}

static gboolean
on_wait_over(gpointer user_data)
{
    Wait *self = user_data;

    self->timer = 0;
    ap_session_stop(self->session);
    return G_SOURCE_REMOVE;
}

/* The first thing that a server did not answer well. */
static gboolean
check_servers(const ApClientView *view, GError **error)
{
    for (guint i = 0; i < view->tunnels->len; i++) {
        const ApClientTunnel *tunnel = view->tunnels->pdata[i];

        if (tunnel->last_error[0] != '\0') {
            g_set_error(error,
                        AP_ERROR,
                        AP_ERROR_FAILED,
                        "%s: %s",
                        tunnel->interface,
                        tunnel->last_error);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
wait_for_resync(ApSession *session, guint64 n_before, GError **error)
{
    Wait wait = {.session = session, .n_before = n_before};
    const ApClientView *view;

    wait.timer = g_timeout_add_seconds(WAIT_SEC, on_wait_over, &wait);
    gboolean ok = ap_session_follow(session, on_wait_changed, &wait, error);

    g_clear_handle_id(&wait.timer, g_source_remove);
    if (!ok || !ap_session_check(session, TRUE, error))
        return FALSE;
    if (!wait.done) {
        g_set_error_literal(error, AP_ERROR, AP_ERROR_FAILED, _("it is not done yet"));
        return FALSE;
    }

    view = ap_client_get_view(ap_session_get_client(session));
    g_autofree char *headline = ap_text_headline(view);
    g_autofree char *line = g_strconcat(headline, "\n", NULL);

    return ap_output_write(line, FALSE, error) && check_servers(view, error);
}

/**
 * Makes the helper ask again; with --wait until the servers have answered and no peer is being
 * tried any more, WAIT_SEC at most.
 */
gboolean
ap_wish_resync(ApSession *session, const ApCommandInput *input, GError **error)
{
    ApClient *client = ap_session_get_client(session);
    const ApClientView *view = ap_client_get_view(client);
    const guint64 n_before = view != NULL ? view->n_resyncs : 0;

    if (input->wait && !ap_session_check(session, TRUE, error))
        return FALSE;

    ap_client_resync_async(client, NULL, ap_session_on_result, session);
    if (!input->wait)
        return finish(session, _("The helper asks again.\n"), error);

    return finish(session, "", error) && wait_for_resync(session, n_before, error);
}

static gboolean
set_enabled(ApSession *session, gboolean enabled, const char *text, GError **error)
{
    ApClient *client = ap_session_get_client(session);

    ap_client_set_enabled_async(client, enabled, NULL, ap_session_on_result, session);
    return finish(session, text, error);
}

/** Switches on. */
gboolean
ap_wish_enable(ApSession *session, const ApCommandInput *input, GError **error)
{
    (void) input;
    return set_enabled(session, TRUE, _("Switched on: peers may go direct.\n"), error);
}

/** Switches off. */
gboolean
ap_wish_disable(ApSession *session, const ApCommandInput *input, GError **error)
{
    (void) input;
    return set_enabled(session, FALSE, _("Switched off: everything goes by the hub.\n"), error);
}

/** @error: AP_ERROR_INVALID when @operand is neither "network" nor a duration */
gboolean
ap_wish_check_pause(const char *operand, GError **error)
{
    guint64 sec;

    return operand == NULL || g_str_equal(operand, "network")
           || ap_text_parse_duration(operand, &sec, error);
}

/** Pauses: for this network, for a time, or until "resume". */
gboolean
ap_wish_pause(ApSession *session, const ApCommandInput *input, GError **error)
{
    const char *scope = "time";
    guint64 sec = 0;

    if (input->operand == NULL)
        scope = "resume";
    else if (g_str_equal(input->operand, "network"))
        scope = "network";
    else if (!ap_text_parse_duration(input->operand, &sec, error))
        return FALSE;

    ap_client_pause_async(ap_session_get_client(session),
                          scope,
                          sec,
                          NULL,
                          ap_session_on_result,
                          session);
    return finish(session, _("Paused: everything goes by the hub.\n"), error);
}

/** Ends a pause; the switch stays as it is. */
gboolean
ap_wish_resume(ApSession *session, const ApCommandInput *input, GError **error)
{
    ApClient *client = ap_session_get_client(session);

    (void) input;
    ap_client_pause_async(client, "time", 0, NULL, ap_session_on_result, session);
    return finish(session, _("No pause any more.\n"), error);
}

/** What "hold" has told last. */
typedef struct {
    ApSession *session; /* (not owned) */
    gboolean holding;
    GError *error; /* (owned) (nullable): why it must end */
} Hold;

static const char *
hold_text(gboolean holding)
{
    return holding ? _("The helper is at work. Ctrl-C lets it go.\n")
                   : _("The helper is not running; it is held again when it is.\n");
}

/* The client takes the hold again by itself when the helper is back. */
static void
on_hold_changed(gpointer user_data)
{
    Hold *self = user_data;
    const gboolean holding = ap_client_is_holding(ap_session_get_client(self->session));

    if (holding == self->holding)
        return;

    self->holding = holding;
    if (!ap_output_write(hold_text(holding), FALSE, &self->error))
        ap_session_stop(self->session);
}

/** Keeps the helper at work, and starts it for that, until SIGINT or SIGTERM. */
gboolean
ap_wish_hold(ApSession *session, const ApCommandInput *input, GError **error)
{
    Hold hold = {.session = session, .holding = TRUE};
    gboolean ok;

    (void) input;
    ap_client_activate_async(ap_session_get_client(session), NULL, ap_session_on_result, session);
    if (!finish(session, hold_text(TRUE), error))
        return FALSE;

    ok = ap_session_follow(session, on_hold_changed, &hold, error);
    if (hold.error == NULL)
        return ok;

    g_clear_error(error);
    g_propagate_error(error, hold.error);
    return FALSE;
}
