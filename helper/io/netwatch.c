/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/netwatch.h"

#include "common/clock.h"
#include "helper/io/link-merge.h"
#include "helper/io/nmwatch.h"
#include "helper/io/rtnetlink.h"

#include <glib-unix.h>

/**
 * How long it must be quiet before the list is read, in milliseconds. An address and its route
 * come within 1 to 13 ms of each other (lab.md, NetworkManager 1.42): less would report them
 * in two halves, more delays every reaction.
 */
#define QUIET_MSEC 15

/**
 * After how long the list is read even though it is never quiet, in microseconds. It bounds the
 * readings under a storm of events to ten a second (security F28).
 */
#define LIMIT_USEC (100 * G_TIME_SPAN_MILLISECOND)

/**
 * When the kernel is asked again after the list could not be read, in milliseconds: the reason
 * may be a storm of events, which is not to be met with one of readings (security F15, F28).
 */
#define RETRY_MSEC 200

/**
 * How long news of a link is held back while NetworkManager activates it, in milliseconds. It
 * needs some ten of them from the first address to "activated"; one that hangs there, or
 * somebody who speaks in its name, must not hide a network from us.
 */
#define HOLD_MSEC 300

struct _ApNetwatch {
    ApRtnetlink *rtnetlink; /* (owned) */
    ApNmwatch *nmwatch;     /* (owned) */
    GPtrArray *links;       /* (owned) (element-type ApLink) never changed, only replaced */
    ApNetwatchFunc changed;
    gpointer user_data;
    guint fd_source;    /* 0: not listening, the quiet timer runs */
    guint quiet_timer;  /* 0: nothing is stale */
    guint hold_timer;   /* 0: nothing is held back */
    gboolean hold_over; /* it was held back for long enough */
    gboolean hinted;    /* NetworkManager said something since the quiet timer last fired */
    gint64 stale_since_usec;
};

static gboolean on_quiet(gpointer data);
static void listen_again(ApNetwatch *self);

static gboolean
lists_equal(const GPtrArray *a, const GPtrArray *b)
{
    if (a->len != b->len)
        return FALSE;

    for (guint i = 0; i < a->len; i++) {
        if (!ap_link_equal(g_ptr_array_index(a, i), g_ptr_array_index(b, i)))
            return FALSE;
    }
    return TRUE;
}

static void
become_stale(ApNetwatch *self)
{
    if (self->quiet_timer != 0)
        return;

    self->stale_since_usec = ap_clock_now().boot_usec;
    self->quiet_timer = g_timeout_add(QUIET_MSEC, on_quiet, self);
}

/* Reads once more, and then takes what is there. */
static gboolean
on_hold_over(gpointer data)
{
    ApNetwatch *self = data;

    self->hold_over = TRUE;
    self->hold_timer = 0;
    become_stale(self);
    return G_SOURCE_REMOVE;
}

/* Starts the time for which news may be held back, or forgets it when there are none left. */
static void
set_held(ApNetwatch *self, gboolean held)
{
    self->hold_over = FALSE;
    if (!held)
        g_clear_handle_id(&self->hold_timer, g_source_remove);
    else if (self->hold_timer == 0)
        self->hold_timer = g_timeout_add(HOLD_MSEC, on_hold_over, self);
}

/* Reads the list; FALSE: it could not be read. @changed is set when it differs from the last. */
static gboolean
reload(ApNetwatch *self, gboolean *changed, GError **error)
{
    g_autoptr(GPtrArray) links = ap_rtnetlink_read(self->rtnetlink, error);
    g_autoptr(GPtrArray) devices = NULL;

    if (links == NULL)
        return FALSE;

    devices = ap_nmwatch_list(self->nmwatch);
    set_held(self, ap_link_merge(links, devices, self->links, !self->hold_over));
    *changed = self->links == NULL || !lists_equal(self->links, links);
    if (*changed) {
        g_clear_pointer(&self->links, g_ptr_array_unref);
        self->links = g_steal_pointer(&links);
    }
    return TRUE;
}

/*
 * Looks into the socket after each quiet time instead of waking up for each event: a thousand
 * events a second cost no more wake-ups than a few.
 */
static gboolean
on_quiet(gpointer data)
{
    ApNetwatch *self = data;
    const gboolean more = ap_rtnetlink_drain(self->rtnetlink) || self->hinted;
    gboolean changed = FALSE;

    self->hinted = FALSE;
    if (more && ap_clock_now().boot_usec - self->stale_since_usec < LIMIT_USEC)
        return G_SOURCE_CONTINUE;

    if (!reload(self, &changed, NULL)) {
        self->quiet_timer = g_timeout_add(RETRY_MSEC, on_quiet, self);
        return G_SOURCE_REMOVE;
    }

    self->quiet_timer = 0;
    listen_again(self);
    if (changed)
        self->changed(self->user_data);
    return G_SOURCE_REMOVE;
}

static gboolean
on_readable(G_GNUC_UNUSED int fd, G_GNUC_UNUSED GIOCondition condition, gpointer data)
{
    ApNetwatch *self = data;

    self->fd_source = 0;
    become_stale(self);
    return G_SOURCE_REMOVE;
}

static void
on_nm_hint(gpointer data)
{
    ApNetwatch *self = data;

    self->hinted = TRUE;
    become_stale(self);
}

static void
listen_again(ApNetwatch *self)
{
    if (self->fd_source == 0)
        self->fd_source =
            g_unix_fd_add(ap_rtnetlink_get_fd(self->rtnetlink), G_IO_IN, on_readable, self);
}

/**
 * Starts to watch; the first list is there when this returns.
 *
 * @changed: called from the main loop, once for all changes that come close together
 * @error: AP_ERROR_DENIED, AP_ERROR_TIMED_OUT or AP_ERROR_FAILED
 *
 * Returns: (transfer full) (nullable)
 */
ApNetwatch *
ap_netwatch_new(ApNetwatchFunc changed, gpointer user_data, GError **error)
{
    g_autoptr(ApNetwatch) self = g_new0(ApNetwatch, 1);

    self->changed = changed;
    self->user_data = user_data;
    self->nmwatch = ap_nmwatch_new(on_nm_hint, self);
    self->rtnetlink = ap_rtnetlink_new(error);
    if (self->rtnetlink == NULL || !ap_netwatch_refresh(self, error))
        return NULL;

    listen_again(self);
    return g_steal_pointer(&self);
}

/** Returns: (transfer none) (nullable): NetworkManager's version; NULL while it does not run */
const char *
ap_netwatch_get_manager_version(const ApNetwatch *self)
{
    return ap_nmwatch_get_version(self->nmwatch);
}

void
ap_netwatch_free(ApNetwatch *self)
{
    if (self == NULL)
        return;

    g_clear_handle_id(&self->fd_source, g_source_remove);
    g_clear_handle_id(&self->quiet_timer, g_source_remove);
    g_clear_handle_id(&self->hold_timer, g_source_remove);
    g_clear_pointer(&self->nmwatch, ap_nmwatch_free);
    g_clear_pointer(&self->rtnetlink, ap_rtnetlink_free);
    g_clear_pointer(&self->links, g_ptr_array_unref);
    g_free(self);
}

/**
 * Tells what is known now.
 *
 * The list itself never changes: after a change there is another one. Whoever needs it for
 * longer than until the next turn of the main loop takes a reference.
 *
 * Returns: (transfer none) (element-type ApLink): by index
 */
const GPtrArray *
ap_netwatch_get_links(ApNetwatch *self)
{
    return self->links;
}

/**
 * Reads the list again at once, without waiting for notifications; for use after a resume.
 *
 * Does not call back: the caller looks at the list itself.
 *
 * @error: as ap_rtnetlink_read(); the list is then still the old one
 */
gboolean
ap_netwatch_refresh(ApNetwatch *self, GError **error)
{
    gboolean changed;

    return reload(self, &changed, error);
}
