/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/log-ring.h"

#include "common/text.h"

#include <string.h>

struct _ApLogRing {
    GQueue lines;  /* (owned) (element-type utf8) oldest first, each with its end */
    gsize n_bytes; /* of all lines */
    guint64 n_dropped;
};

/** Returns: (transfer full): without a line */
ApLogRing *
ap_log_ring_new(void)
{
    ApLogRing *self = g_new0(ApLogRing, 1);

    g_queue_init(&self->lines);
    return self;
}

/* Cuts without making half a character. */
static void
cut(GString *line, gsize n_bytes)
{
    if (line->len <= n_bytes)
        return;

    const char *end = g_utf8_find_prev_char(line->str, line->str + n_bytes + 1);
    g_string_truncate(line, (gsize) (end - line->str));
}

static char *
make_line(const char *priority, const char *text, gint64 real_usec)
{
    g_autofree char *when = ap_text_instant(real_usec);
    g_autofree char *clean = ap_text_escape(text);
    GString *line = g_string_new(NULL);

    g_string_printf(line, "%s %s %s", when, priority, clean);
    cut(line, AP_LOG_RING_LINE - 1);
    g_string_append_c(line, '\n');
    return g_string_free(line, FALSE);
}

static void
drop_oldest(ApLogRing *self)
{
    g_autofree char *line = g_queue_pop_head(&self->lines);

    self->n_bytes -= strlen(line);
    self->n_dropped++;
}

/**
 * Keeps one line, at the cost of the oldest when there is no room.
 *
 * @priority: a word for how bad it is
 * @text: any bytes; they become UTF-8 of one line
 */
void
ap_log_ring_add(ApLogRing *self, const char *priority, const char *text, gint64 real_usec)
{
    char *line = make_line(priority, text, real_usec);

    g_queue_push_tail(&self->lines, line);
    self->n_bytes += strlen(line);
    while (self->n_bytes > AP_LOG_RING_BYTES)
        drop_oldest(self);
}

/** Returns: (transfer full): the lines, oldest first, after one that tells how many came before */
char *
ap_log_ring_write(const ApLogRing *self)
{
    GString *out = g_string_sized_new(self->n_bytes + AP_LOG_RING_LINE);

    if (self->n_dropped > 0)
        g_string_append_printf(out,
                               "(%" G_GUINT64_FORMAT " older lines were dropped)\n",
                               self->n_dropped);
    for (const GList *line = self->lines.head; line != NULL; line = line->next)
        g_string_append(out, line->data);
    return g_string_free(out, FALSE);
}

void
ap_log_ring_free(ApLogRing *self)
{
    if (self == NULL)
        return;

    g_queue_clear_full(&self->lines, g_free);
    g_free(self);
}
