/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/serve.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/fd.h"
#include "common/notify.h"
#include "server/edge.h"
#include "server/feed.h"
#include "server/inherit.h"
#include "server/pipe.h"

#include <glib-unix.h>

#include <signal.h>
#include <stdlib.h>
#include <sysexits.h>

/** The HTTP process. */
typedef struct {
    ApEdge *edge;      /* (owned) */
    ApFeed *feed;      /* (owned) */
    GMainLoop *loop;   /* (owned) */
    GArray *inherited; /* (owned) (element-type ApInherited) those not passed on yet */
    ApPlace place;     /* where clients come to */
    const ApOptions *options;
    int status;
} Serve;

static void
clear_serve(Serve *self)
{
    for (guint i = 0; i < self->inherited->len; i++)
        ap_fd_clear(&g_array_index(self->inherited, ApInherited, i).fd);
    g_clear_pointer(&self->inherited, g_array_unref);
    g_clear_pointer(&self->feed, ap_feed_free);
    g_clear_pointer(&self->edge, ap_edge_free);
    g_clear_pointer(&self->loop, g_main_loop_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Serve, clear_serve)

static void
end(Serve *self, int status)
{
    self->status = status;
    g_main_loop_quit(self->loop);
}

static void
fail(Serve *self, int status, const char *why)
{
    g_printerr("wg-autopeer-server: %s\n", why);
    end(self, status);
}

static gboolean
on_end_signal(gpointer data)
{
    end(data, EXIT_SUCCESS);
    return G_SOURCE_CONTINUE;
}

static void
on_lost(gpointer data, int status, const char *why)
{
    fail(data, status, why);
}

static void
on_metrics(gpointer data, int fd)
{
    Serve *self = data;

    ap_edge_add_listener(self->edge, AP_VISITOR_WATCHER, fd, &self->options->metrics);
}

static void
on_look(gpointer data)
{
    ap_feed_ask(((Serve *) data)->feed, AP_ASK_DEVICE);
}

static void
close_former(Serve *self, const ApPlace *place)
{
    for (guint i = 0; i < self->place.n; i++) {
        const ApEndpoint at = {.addr = self->place.own[i].addr, .port = self->place.port};

        if (!ap_place_holds(place, &at.addr))
            ap_edge_remove_listener(self->edge, &at);
    }
}

static void
open_new(Serve *self, const ApPlace *place, const int *fds)
{
    for (guint i = 0; i < place->n; i++) {
        const ApEndpoint at = {.addr = place->own[i].addr, .port = place->port};

        if (place->has_socket[i])
            ap_edge_add_listener(self->edge, AP_VISITOR_CLIENT, *fds++, &at);
    }
}

/* Those for watchers need not wait until it is known where clients come to. */
static gboolean
take_inherited_metrics(Serve *self, GError **error)
{
    for (guint i = self->inherited->len; i > 0; i--) {
        ApInherited *socket = &g_array_index(self->inherited, ApInherited, i - 1);

        if (!socket->is_metrics)
            continue;
        if (!ap_addr_is_loopback(&socket->at.addr)) {
            g_set_error_literal(error,
                                AP_ERROR,
                                AP_ERROR_INVALID,
                                "the socket for metrics is not one of the loopback interface");
            return FALSE;
        }
        ap_edge_add_listener(self->edge, AP_VISITOR_WATCHER, ap_fd_steal(&socket->fd), &socket->at);
        g_array_remove_index_fast(self->inherited, i - 1);
    }
    return TRUE;
}

/*
 * A socket that somebody else has opened is served when it is tied to the interface whose peers
 * are known: any other would let strangers in.
 */
static gboolean
take_inherited(Serve *self, const char *interface)
{
    while (self->inherited->len > 0) {
        ApInherited *socket = &g_array_index(self->inherited, ApInherited, 0);
        char text[AP_ENDPOINT_TEXT_LEN];

        ap_endpoint_to_text(&socket->at, text);
        if (!g_str_equal(socket->interface, interface)) {
            g_autofree char *why =
                g_strdup_printf("the socket at %s is not tied to %s: BindToDevice=%s is missing",
                                text,
                                interface,
                                interface);

            fail(self, EX_USAGE, why);
            return FALSE;
        }
        g_message("serving the peers of %s on %s", interface, text);
        ap_edge_add_listener(self->edge, AP_VISITOR_CLIENT, ap_fd_steal(&socket->fd), &socket->at);
        g_array_remove_index_fast(self->inherited, 0);
    }
    return TRUE;
}

static void
on_place(gpointer data, const ApPlace *place, const int *fds)
{
    Serve *self = data;
    g_autofree char *text = ap_place_to_text(place);
    g_autofree char *state = g_strdup_printf("READY=1\nSTATUS=Serving %s", text);

    close_former(self, place);
    ap_edge_set_own(self->edge, place->own, place->n);
    open_new(self, place, fds);
    self->place = *place;
    if (place->interface[0] != '\0' && !take_inherited(self, place->interface))
        return;

    ap_notify(place->n > 0 ? state : "READY=1\nSTATUS=Waiting for the tunnel");
}

/* Returns: (transfer full): NULL on failure */
static ApRules *
load_rules(const ApOptions *options, GError **error)
{
    const char *path = options->policy != NULL ? options->policy : AP_SERVER_POLICY;
    g_autoptr(GError) reason = NULL;
    g_autofree char *text = NULL;
    gsize n_bytes;

    if (!g_file_get_contents(path, &text, &n_bytes, &reason)) {
        if (options->policy == NULL && g_error_matches(reason, G_FILE_ERROR, G_FILE_ERROR_NOENT))
            return ap_rules_new();
        g_set_error_literal(error, AP_ERROR, AP_ERROR_FAILED, reason->message);
        return NULL;
    }

    ApRules *rules = ap_rules_parse(text, n_bytes, &reason);
    if (rules == NULL)
        g_set_error(error, AP_ERROR, AP_ERROR_INVALID, "%s: %s", path, reason->message);
    return rules;
}

static gboolean
read_policy(Serve *self, GError **error)
{
    ApRules *rules = load_rules(self->options, error);

    ap_edge_count_reload(self->edge, rules != NULL);
    if (rules == NULL)
        return FALSE;

    g_message("policy: %s, %u groups",
              ap_rules_is_enabled(rules) ? "enabled" : "disabled",
              ap_rules_n_groups(rules));
    ap_desk_set_rules(ap_edge_desk(self->edge), rules, ap_clock_now());
    return TRUE;
}

static gboolean
on_reload_signal(gpointer data)
{
    g_autoptr(GError) error = NULL;

    if (!read_policy(data, &error))
        g_warning("the policy stays as it was: %s", error->message);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_watchdog(gpointer data)
{
    (void) data;
    ap_notify("WATCHDOG=1");
    return G_SOURCE_CONTINUE;
}

static void
run(Serve *self)
{
    const guint watchdog_msec = ap_notify_watchdog_msec();

    (void) g_unix_signal_add(SIGTERM, on_end_signal, self);
    (void) g_unix_signal_add(SIGINT, on_end_signal, self);
    (void) g_unix_signal_add(SIGHUP, on_reload_signal, self);
    if (watchdog_msec > 0)
        (void) g_timeout_add(watchdog_msec, on_watchdog, NULL);
    ap_feed_ask(self->feed, self->inherited->len > 0 ? AP_ASK_PLACE : AP_ASK_SOCKETS);
    ap_edge_start(self->edge);
    g_main_loop_run(self->loop);
    ap_notify("STOPPING=1");
    ap_edge_stop(self->edge);
}

/**
 * Serves until a signal comes, or the reading process ends. What goes wrong is said.
 *
 * @feed_fd: (transfer full): to the reading process
 *
 * Returns: the exit status of the process
 */
int
ap_serve_run(int feed_fd, const ApOptions *options)
{
    static const ApFeedOps ops = {on_place, on_metrics, on_lost};
    ap_autofd int owned_fd = feed_fd;
    g_autoptr(GError) error = NULL;
    g_auto(Serve) self = {
        .loop = g_main_loop_new(NULL, FALSE),
        .inherited = g_array_new(FALSE, FALSE, sizeof(ApInherited)),
        .options = options,
        .status = EXIT_FAILURE,
    };

    self.edge = ap_edge_new(on_look, &self, options->is_verbose, &error);
    if (self.edge == NULL) {
        fail(&self, EXIT_FAILURE, error->message);
        return self.status;
    }
    if (!ap_inherit_sockets(self.inherited, &error) || !take_inherited_metrics(&self, &error)) {
        fail(&self, EX_USAGE, error->message);
        return self.status;
    }
    /* without its policy the server would let clients peer that should not */
    if (!read_policy(&self, &error)) {
        fail(&self, EX_CONFIG, error->message);
        return self.status;
    }

    self.feed = ap_feed_new(ap_fd_steal(&owned_fd), ap_edge_desk(self.edge), &ops, &self);
    run(&self);
    return self.status;
}
