/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/io/survey-watch.h"

#include "common/fd.h"

#include <glib-unix.h>

#include <sys/inotify.h>

struct _ApSurveyWatch {
    int fd; /* (owned) of inotify; -1: nothing is watched */
    guint source;
    char *directory; /* (owned) */
    int parent;      /* watch of where @directory is to appear; -1: it is there, and watched */
    ApSurveyFunc changed;
    gpointer user_data;
};

static gboolean
watch_directory(ApSurveyWatch *self)
{
    return inotify_add_watch(self->fd, self->directory, IN_MOVED_TO | IN_DELETE) >= 0;
}

/* Returns: whether the directory is there */
static gboolean
look_for_directory(ApSurveyWatch *self)
{
    if (self->parent < 0)
        return TRUE;
    if (!watch_directory(self))
        return FALSE;

    (void) inotify_rm_watch(self->fd, self->parent);
    self->parent = -1;
    return TRUE;
}

/* Where there is no parent nobody surveys, and nothing will be told. */
static void
watch_parent(ApSurveyWatch *self)
{
    g_autofree char *parent = g_path_get_dirname(self->directory);

    self->parent = inotify_add_watch(self->fd, parent, IN_CREATE | IN_MOVED_TO);
    /* It may have come in between. */
    (void) look_for_directory(self);
}

/* Which file it was does not matter: there is one. */
static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    ApSurveyWatch *self = user_data;
    char events[4096];

    (void) condition;
    while (read(fd, events, sizeof(events)) > 0)
        continue;
    if (look_for_directory(self))
        self->changed(self->user_data);
    return G_SOURCE_CONTINUE;
}

/**
 * Watches the directory of @path, in which the list is replaced. The first survey since the start
 * of the system may be under way, so until that directory is there, its parent is watched for it.
 *
 * Returns: (transfer full)
 */
ApSurveyWatch *
ap_survey_watch_new(const char *path, ApSurveyFunc changed, gpointer user_data)
{
    ApSurveyWatch *self = g_new0(ApSurveyWatch, 1);

    self->directory = g_path_get_dirname(path);
    self->parent = -1;
    self->changed = changed;
    self->user_data = user_data;
    self->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (self->fd < 0)
        return self;

    if (!watch_directory(self))
        watch_parent(self);
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
    g_free(self->directory);
    g_free(self);
}
