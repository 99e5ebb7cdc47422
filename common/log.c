/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "common/log.h"

#include "common/clock.h"
#include "common/log-limit.h"
#include "common/log-ring.h"

#include <string.h>

/**
 * Messages of one kind in a minute: enough to see what goes on, too few to fill anything. Source:
 * security F39.
 */
#define PER_WINDOW 10

/** The same for what only somebody who looks for a fault sees, with --verbose. */
#define PER_WINDOW_VERBOSE 1000

/** "This was left out", for `journalctl MESSAGE_ID=`; in resources/wg-autopeer.catalog. */
#define LEFT_OUT_ID "8c6bd80a9dd048f7aa9d26e31c313e57"

G_LOCK_DEFINE_STATIC(log);
static ApLogLimit limit;
static const char *identifier; /* (not owned) a constant of the program */
static gboolean is_armed;      /* a timer will tell what was left out */
static ApLogRing *ring;        /* (owned) (nullable) for the program's whole life */

static const char *
field_value(const GLogField *fields, gsize n_fields, const char *name)
{
    for (gsize i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, name) == 0 && fields[i].length < 0)
            return fields[i].value;
    }
    return NULL;
}

/* What a message has in common with those it is counted with: what it is about and why, or where it
 * comes from and how bad it is. */
static char *
kind_of(GLogLevelFlags level, const GLogField *fields, gsize n_fields)
{
    const char *id = field_value(fields, n_fields, "MESSAGE_ID");
    const char *reason = field_value(fields, n_fields, "AUTOPEER_REASON");
    const char *domain = field_value(fields, n_fields, "GLIB_DOMAIN");

    if (id != NULL)
        return g_strdup_printf("%s %s", id, reason != NULL ? reason : "");
    return g_strdup_printf("%u %s", (guint) level, domain != NULL ? domain : "");
}

static const char *
priority_of(GLogLevelFlags level)
{
    /* syslog(3) */
    if ((level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) != 0)
        return "3";
    if ((level & G_LOG_LEVEL_WARNING) != 0)
        return "4";
    if ((level & G_LOG_LEVEL_MESSAGE) != 0)
        return "5";
    return (level & G_LOG_LEVEL_INFO) != 0 ? "6" : "7";
}

static gboolean
is_verbose(GLogLevelFlags level)
{
    return (level & (G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG)) != 0;
}

static const char *
word_of(GLogLevelFlags level)
{
    if ((level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) != 0)
        return "error";
    if ((level & G_LOG_LEVEL_WARNING) != 0)
        return "warning";
    if ((level & G_LOG_LEVEL_MESSAGE) != 0)
        return "notice";
    return (level & G_LOG_LEVEL_INFO) != 0 ? "info" : "debug";
}

static void
remember(GLogLevelFlags level, const GLogField *fields, gsize n_fields)
{
    const char *text = field_value(fields, n_fields, "MESSAGE");

    if (ring != NULL && text != NULL)
        ap_log_ring_add(ring, word_of(level), text, ap_clock_now().real_usec);
}

/* With who we are: the journal knows us by the first fifteen letters of the program otherwise. */
static void
write_out(GLogLevelFlags level, const GLogField *fields, gsize n_fields)
{
    g_autofree GLogField *all = g_new(GLogField, n_fields + 1);

    remember(level, fields, n_fields);
    memcpy(all, fields, n_fields * sizeof(*fields));
    all[n_fields] = (GLogField){"SYSLOG_IDENTIFIER", identifier, -1};
    (void) g_log_writer_default(level, all, n_fields + 1, NULL);
}

static void
write_left_out(const ApLogKind *kind)
{
    g_autofree char *number = g_strdup_printf("%u", kind->n_left_out);
    g_autofree char *text =
        g_strdup_printf("left out %u like this: %s", kind->n_left_out, kind->example);
    const GLogField fields[] = {
        {"MESSAGE", text, -1},
        {"MESSAGE_ID", LEFT_OUT_ID, -1},
        {"PRIORITY", priority_of(G_LOG_LEVEL_MESSAGE), -1},
        {"GLIB_DOMAIN", G_LOG_DOMAIN, -1},
        {"AUTOPEER_LEFT_OUT", number, -1},
    };

    write_out(G_LOG_LEVEL_MESSAGE, fields, G_N_ELEMENTS(fields));
}

static void
tell_left_out(ApInstant now)
{
    ApLogKind kind;

    while (ap_log_limit_take(&limit, now, &kind))
        write_left_out(&kind);
}

static gboolean
on_window_over(gpointer user_data)
{
    (void) user_data;
    G_LOCK(log);
    is_armed = FALSE;
    tell_left_out(ap_clock_now());
    G_UNLOCK(log);
    return G_SOURCE_REMOVE;
}

/* So that it is told also when nothing else is. */
static void
arm(void)
{
    if (is_armed)
        return;
    is_armed = TRUE;
    (void) g_timeout_add_seconds((guint) (AP_LOG_WINDOW_USEC / AP_USEC_PER_SEC) + 1,
                                 on_window_over,
                                 NULL);
}

static GLogWriterOutput
write_limited(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
    const char *domain = field_value(fields, n_fields, "GLIB_DOMAIN");
    const char *text = field_value(fields, n_fields, "MESSAGE");
    const guint max = is_verbose(level) ? PER_WINDOW_VERBOSE : PER_WINDOW;

    (void) user_data;
    if (g_log_writer_default_would_drop(level, domain))
        return G_LOG_WRITER_HANDLED;

    g_autofree char *kind = kind_of(level, fields, n_fields);
    const ApInstant now = ap_clock_now();

    G_LOCK(log);
    tell_left_out(now);
    if (ap_log_limit_pass(&limit, kind, text != NULL ? text : "", max, now))
        write_out(level, fields, n_fields);
    else
        arm();
    G_UNLOCK(log);
    return G_LOG_WRITER_HANDLED;
}

/**
 * Lets everything that the program logs from here on be limited: of each kind of message so many a
 * minute, and then how many more there were. To be called once, before the first message.
 *
 * @name: (transfer none): of the program, for the journal; must outlive it
 */
void
ap_log_install(const char *name)
{
    identifier = name;
    g_log_writer_default_set_use_stderr(TRUE);
    g_log_set_writer_func(write_limited, NULL, NULL);
}

/** Keeps the last lines that are logged from here on, for ap_log_recall(). To be called once. */
void
ap_log_remember(void)
{
    G_LOCK(log);
    ring = ap_log_ring_new();
    G_UNLOCK(log);
}

/**
 * Returns: (transfer full): the last lines that were logged, as ap_log_ring_write() has them; empty
 *     without ap_log_remember()
 */
char *
ap_log_recall(void)
{
    char *text;

    G_LOCK(log);
    text = ring != NULL ? ap_log_ring_write(ring) : g_strdup("");
    G_UNLOCK(log);
    return text;
}

/** Says what was left out, when nothing more will come. */
void
ap_log_flush(void)
{
    G_LOCK(log);
    tell_left_out((ApInstant){AP_NEVER, 0});
    G_UNLOCK(log);
}

/**
 * Logs something that programs may want to find: by its id, and by what it is about.
 *
 * @message_id: 32 hexadecimal digits, as sd_id128_get_machine(3) prints them
 * @fields: at most AP_LOG_MAX_FIELDS
 * @format: for people
 */
void
ap_log_event(const char *message_id,
             GLogLevelFlags level,
             const ApLogField *fields,
             gsize n_fields,
             const char *format,
             ...)
{
    GLogField all[AP_LOG_MAX_FIELDS + 4];
    gsize n = 0;
    va_list arguments;

    g_return_if_fail(n_fields <= AP_LOG_MAX_FIELDS);
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);

    all[n++] = (GLogField){"MESSAGE", text, -1};
    all[n++] = (GLogField){"MESSAGE_ID", message_id, -1};
    all[n++] = (GLogField){"PRIORITY", priority_of(level), -1};
    all[n++] = (GLogField){"GLIB_DOMAIN", G_LOG_DOMAIN, -1};
    for (gsize i = 0; i < n_fields; i++) {
        if (fields[i].value != NULL)
            all[n++] = (GLogField){fields[i].name, fields[i].value, -1};
    }
    g_log_structured_array(level, all, n);
}
