/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "server/edge.h"

#include "common/clock.h"
#include "common/fd.h"

#include <errno.h>
#include <sys/socket.h>

/**
 * How long nothing is accepted after the process has run out of file descriptors. Without the
 * pause the waiting connection would keep the loop busy. Design rule.
 */
#define PAUSE_USEC (100 * AP_USEC_PER_MSEC)

/** Most connections accepted from one socket before others get their turn. Design rule. */
#define ACCEPT_AT_ONCE (AP_VISITORS_MAX_TURNED_AWAY / AP_ROSTER_MAX_OWN)

/** A socket that we accept from. */
typedef struct {
    ApVisitor as; /* who comes by it */
    int fd;       /* (owned) */
    ApEndpoint at;
    gpointer tag;
} Listener;

struct _ApEdge {
    ApVisitors *visitors; /* (owned) */
    GSource *source;      /* (owned) */
    GArray *listeners;    /* (owned) (element-type Listener) */
    gpointer visitors_tag;
    gint64 paused_until_boot_usec; /* 0: accepting */
    gboolean is_open;              /* the device has been looked at: it is known who may come */
};

/** The edge as a GSource. */
typedef struct {
    GSource base;
    ApEdge *edge;
} EdgeSource;

/* Clients have to wait until it is known who may come, watchers have not. */
static gboolean
is_accepting(const ApEdge *self, ApVisitor as)
{
    return self->paused_until_boot_usec == 0 && (self->is_open || as == AP_VISITOR_WATCHER);
}

static void
update_accepting(ApEdge *self)
{
    for (guint i = 0; i < self->listeners->len; i++) {
        const Listener *listener = &g_array_index(self->listeners, Listener, i);

        g_source_modify_unix_fd(self->source,
                                listener->tag,
                                is_accepting(self, listener->as) ? G_IO_IN : 0);
    }
}

static void
pause_accepting(ApEdge *self)
{
    self->paused_until_boot_usec = ap_clock_now().boot_usec + PAUSE_USEC;
    update_accepting(self);
}

static void
accept_from(ApEdge *self, const Listener *listener)
{
    for (guint i = 0; i < ACCEPT_AT_ONCE; i++) {
        struct sockaddr_storage from;
        socklen_t n_bytes = sizeof(from);
        const int client = accept4(listener->fd,
                                   (struct sockaddr *) &from,
                                   &n_bytes,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (client < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                pause_accepting(self);
            return;
        }
        ap_visitors_take(self->visitors,
                         listener->as,
                         client,
                         (const struct sockaddr *) &from,
                         n_bytes,
                         listener->at.port);
    }
}

static gint64
get_deadline(const ApEdge *self, ApInstant now)
{
    const gint64 deadline = ap_visitors_deadline(self->visitors, now);

    return self->paused_until_boot_usec != 0 ? MIN(deadline, self->paused_until_boot_usec)
                                             : deadline;
}

static gboolean
on_prepare(GSource *source, int *timeout_msec)
{
    ApEdge *self = ((EdgeSource *) source)->edge;
    const ApInstant now = ap_clock_now();
    if (!self->is_open && ap_desk_is_ready(ap_visitors_desk(self->visitors))) {
        self->is_open = TRUE;
        update_accepting(self);
    }

    const gint64 deadline = get_deadline(self, now);
    *timeout_msec = -1;
    if (deadline == AP_NEVER)
        return FALSE;
    if (deadline <= now.boot_usec)
        return TRUE;

    *timeout_msec = (int) MIN((deadline - now.boot_usec) / AP_USEC_PER_MSEC + 1, G_MAXINT);
    return FALSE;
}

static gboolean
on_check(GSource *source)
{
    const ApEdge *self = ((EdgeSource *) source)->edge;
    const ApInstant now = ap_clock_now();

    if (g_source_query_unix_fd(source, self->visitors_tag) != 0)
        return TRUE;
    for (guint i = 0; i < self->listeners->len; i++) {
        if (g_source_query_unix_fd(source, g_array_index(self->listeners, Listener, i).tag) != 0)
            return TRUE;
    }
    return get_deadline(self, now) <= now.boot_usec;
}

static void
accept_all(ApEdge *self)
{
    for (guint i = 0; i < self->listeners->len; i++) {
        const Listener *listener = &g_array_index(self->listeners, Listener, i);

        if (g_source_query_unix_fd(self->source, listener->tag) != 0)
            accept_from(self, listener);
    }
}

static gboolean
on_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    ApEdge *self = ((EdgeSource *) source)->edge;
    const ApInstant now = ap_clock_now();

    (void) callback;
    (void) data;
    if (self->paused_until_boot_usec != 0 && self->paused_until_boot_usec <= now.boot_usec) {
        self->paused_until_boot_usec = 0;
        update_accepting(self);
    }
    accept_all(self);
    ap_visitors_turn(self->visitors, ap_clock_now());
    return G_SOURCE_CONTINUE;
}

static GSource *
make_source(ApEdge *self)
{
    static GSourceFuncs funcs = {
        .prepare = on_prepare,
        .check = on_check,
        .dispatch = on_dispatch,
    };
    GSource *source = g_source_new(&funcs, sizeof(EdgeSource));

    ((EdgeSource *) source)->edge = self;
    self->visitors_tag = g_source_add_unix_fd(source, ap_visitors_fd(self->visitors), G_IO_IN);
    return source;
}

/**
 * Makes a server without sockets.
 *
 * @look, @data, @verbose: see ap_visitors_new()
 * @error: AP_ERROR_FAILED
 *
 * Returns: (transfer full)
 */
ApEdge *
ap_edge_new(ApVisitorsLook look, gpointer data, gboolean verbose, GError **error)
{
    ApVisitors *visitors = ap_visitors_new(look, data, verbose, error);

    if (visitors == NULL)
        return NULL;

    ApEdge *self = g_new0(ApEdge, 1);
    self->visitors = visitors;
    self->listeners = g_array_new(FALSE, FALSE, sizeof(Listener));
    self->source = make_source(self);
    return self;
}

void
ap_edge_free(ApEdge *self)
{
    if (self == NULL)
        return;

    g_source_destroy(self->source);
    g_clear_pointer(&self->source, g_source_unref);
    for (guint i = 0; i < self->listeners->len; i++)
        ap_fd_clear(&g_array_index(self->listeners, Listener, i).fd);
    g_clear_pointer(&self->listeners, g_array_unref);
    g_clear_pointer(&self->visitors, ap_visitors_free);
    g_free(self);
}

/**
 * Returns: (transfer none): where the device's contents are to be told
 */
ApDesk *
ap_edge_desk(ApEdge *self)
{
    return ap_visitors_desk(self->visitors);
}

/**
 * Takes over which addresses the tunnel interface has now.
 */
void
ap_edge_set_own(ApEdge *self, const ApOwnAddress *own, guint n_own)
{
    ap_api_set_own(ap_visitors_api(self->visitors), own, n_own);
}

/**
 * Serves one more socket.
 *
 * @as: who comes by it
 * @fd: (transfer full): non-blocking, listening
 * @at: its address
 */
void
ap_edge_add_listener(ApEdge *self, ApVisitor as, int fd, const ApEndpoint *at)
{
    const Listener listener = {
        .as = as,
        .fd = fd,
        .at = *at,
        .tag = g_source_add_unix_fd(self->source, fd, is_accepting(self, as) ? G_IO_IN : 0),
    };

    g_array_append_val(self->listeners, listener);
}

/**
 * Closes the socket at @at, if there is one. Connections that came by it stay.
 */
void
ap_edge_remove_listener(ApEdge *self, const ApEndpoint *at)
{
    for (guint i = 0; i < self->listeners->len; i++) {
        Listener *listener = &g_array_index(self->listeners, Listener, i);

        if (!ap_endpoint_equal(&listener->at, at))
            continue;
        g_source_remove_unix_fd(self->source, listener->tag);
        ap_fd_clear(&listener->fd);
        g_array_remove_index_fast(self->listeners, i);
        return;
    }
}

/**
 * Counts a policy file that was read.
 */
void
ap_edge_count_reload(ApEdge *self, gboolean is_good)
{
    ap_visitors_count_reload(self->visitors, is_good);
}

/**
 * Starts to serve from the default main context, as soon as the device has been looked at.
 */
void
ap_edge_start(ApEdge *self)
{
    (void) g_source_attach(self->source, NULL);
    ap_desk_look(ap_edge_desk(self), ap_clock_now());
}

/**
 * Answers every poll that is being held, and accepts nothing any more.
 */
void
ap_edge_stop(ApEdge *self)
{
    g_source_destroy(self->source);
    ap_visitors_close(self->visitors);
}
