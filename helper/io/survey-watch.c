/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/survey-watch.h"

#include "common/fd.h"

#include <glib-unix.h>

#include <sys/inotify.h>

struct ApSurveyWatch {
    int fd; /* (owned) of inotify; -1: nothing is watched */
    guint source;
    ApSurveyFunc changed;
    gpointer user_data;
};

/* Which file it was does not matter: there is one. */
static gboolean
on_readable(gint fd, GIOCondition condition, gpointer user_data)
{
    ApSurveyWatch *self = user_data;
    char events[4096];

    (void) condition;
    while (read(fd, events, sizeof(events)) > 0)
        continue;
    self->changed(self->user_data);
    return G_SOURCE_CONTINUE;
}

/**
 * Watches the directory of @path, in which the list is replaced. Where there is none nobody surveys,
 * and nothing will be told.
 *
 * Returns: (transfer full)
 */
ApSurveyWatch *
ap_survey_watch_new(const char *path, ApSurveyFunc changed, gpointer user_data)
{
    ApSurveyWatch *self = g_new0(ApSurveyWatch, 1);
    g_autofree char *directory = g_path_get_dirname(path);
    ap_autofd int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    self->fd = -1;
    self->changed = changed;
    self->user_data = user_data;
    if (fd < 0 || inotify_add_watch(fd, directory, IN_MOVED_TO | IN_DELETE) < 0)
        return self;

    self->fd = ap_fd_steal(&fd);
    self->source = g_unix_fd_add(self->fd, G_IO_IN, on_readable, self);
    return self;
}

void
ap_survey_watch_free(ApSurveyWatch *self)
{
    if (self == NULL)
        return;

    g_clear_handle_id(&self->source, g_source_remove);
    ap_fd_clear(&self->fd);
    g_free(self);
}
