/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/dbus/gate.h"

#include "common/clock.h"
#include "helper/dbus/senders.h"

/*
 * GDBus reads in a thread of its own and queues what it read for the main loop, as much as comes.
 * A filter is called in that thread. It is the only code of ours that runs outside the main loop,
 * and all that it shares with it is the table.
 */

/**
 * Until a sender that has used up its limit may call again, in microseconds: AP_SENDERS_PER_SEC.
 */
#define CLOSED_USEC (AP_USEC_PER_SEC / AP_SENDERS_PER_SEC)

/** Entries from which on those that are over are swept out: a user's connections, twice. */
#define MANY_SENDERS (2 * AP_SENDERS_MAX)

/** What is known of one sender. */
typedef struct {
    guint n_waiting;
    gint64 closed_until_boot_usec;
} Entry;

/** What filter and main loop share; reference-counted. */
typedef struct {
    GMutex lock;
    GHashTable *entries;   /* (owned) (element-type utf8 Entry) by unique name */
    GMainContext *context; /* (owned) in which GDBus delivers */
} Table;

struct _ApGate {
    GDBusConnection *connection; /* (owned) */
    guint filter;
    Table *table; /* (owned) a reference */
};

/** One call on its way to the main loop. */
typedef struct {
    Table *table; /* (owned) a reference */
    char *sender; /* (owned) */
} Passage;

static void
table_clear(gpointer data)
{
    Table *table = data;

    g_mutex_clear(&table->lock);
    g_hash_table_unref(table->entries);
    g_main_context_unref(table->context);
}

static void
table_unref(gpointer table)
{
    g_atomic_rc_box_release_full(table, table_clear);
}

static void
passage_free(gpointer data)
{
    Passage *passage = data;

    table_unref(passage->table);
    g_free(passage->sender);
    g_free(passage);
}

static gboolean
is_needless(gpointer key, gpointer value, gpointer user_data)
{
    const Entry *entry = value;
    const ApInstant *now = user_data;

    (void) key;
    return entry->n_waiting == 0 && entry->closed_until_boot_usec <= now->boot_usec;
}

/* With the lock held. */
static Entry *
find_or_add(Table *table, const char *sender, ApInstant now)
{
    Entry *entry = g_hash_table_lookup(table->entries, sender);

    if (entry == NULL) {
        if (g_hash_table_size(table->entries) >= MANY_SENDERS)
            (void) g_hash_table_foreach_remove(table->entries, is_needless, &now);
        entry = g_new0(Entry, 1);
        g_hash_table_insert(table->entries, g_strdup(sender), entry);
    }
    return entry;
}

/* Returns: FALSE when nothing more of @sender is to be queued */
static gboolean
enter(Table *table, const char *sender, ApInstant now)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&table->lock);
    Entry *entry = find_or_add(table, sender, now);

    if (entry->n_waiting >= AP_GATE_MAX || now.boot_usec < entry->closed_until_boot_usec)
        return FALSE;

    entry->n_waiting++;
    return TRUE;
}

static gboolean
on_passed(gpointer user_data)
{
    const Passage *passage = user_data;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&passage->table->lock);
    Entry *entry = g_hash_table_lookup(passage->table->entries, passage->sender);

    /* One that is closed is needed until that is over; it goes with the next sweep. */
    if (--entry->n_waiting == 0 && entry->closed_until_boot_usec == 0)
        (void) g_hash_table_remove(passage->table->entries, passage->sender);
    return G_SOURCE_REMOVE;
}

/* GDBus queues the call next, at the same priority: ours runs when its turn has come, whether the
 * call reaches a method of ours or is answered by GDBus itself. */
static void
count_until_its_turn(Table *table, const char *sender)
{
    g_autoptr(GSource) source = g_idle_source_new();
    Passage *passage = g_new(Passage, 1);

    *passage = (Passage){g_atomic_rc_box_acquire(table), g_strdup(sender)};
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, on_passed, passage, passage_free);
    (void) g_source_attach(source, table->context);
}

static void
refuse(GDBusConnection *connection, GDBusMessage *call)
{
    g_autoptr(GDBusMessage) reply = NULL;

    if (g_dbus_message_get_flags(call) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED)
        return;

    reply = g_dbus_message_new_method_error_literal(call,
                                                    "org.freedesktop.DBus.Error.LimitsExceeded",
                                                    "too many calls; try again later");
    (void) g_dbus_connection_send_message(connection,
                                          reply,
                                          G_DBUS_SEND_MESSAGE_FLAGS_NONE,
                                          NULL,
                                          NULL);
}

static GDBusMessage *
on_message(GDBusConnection *connection,
           GDBusMessage *message,
           gboolean incoming,
           gpointer user_data)
{
    Table *table = user_data;
    const char *sender = g_dbus_message_get_sender(message);

    if (!incoming || sender == NULL
        || g_dbus_message_get_message_type(message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL)
        return message;

    if (enter(table, sender, ap_clock_now())) {
        count_until_its_turn(table, sender);
        return message;
    }

    refuse(connection, message);
    g_object_unref(message);
    return NULL;
}

/**
 * Guards @connection, whose calls are delivered in the thread-default main context of the caller.
 *
 * Returns: (transfer full)
 */
ApGate *
ap_gate_new(GDBusConnection *connection)
{
    ApGate *self = g_new0(ApGate, 1);

    self->connection = g_object_ref(connection);
    self->table = g_atomic_rc_box_new0(Table);
    g_mutex_init(&self->table->lock);
    self->table->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->table->context = g_main_context_ref_thread_default();
    self->filter = g_dbus_connection_add_filter(connection,
                                                on_message,
                                                g_atomic_rc_box_acquire(self->table),
                                                table_unref);
    return self;
}

/**
 * Refuses whatever @sender calls for CLOSED_USEC: it has used up its limit, and need not be told so
 * by the main loop again and again.
 */
void
ap_gate_close_for(ApGate *self, const char *sender, ApInstant now)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->table->lock);

    find_or_add(self->table, sender, now)->closed_until_boot_usec = now.boot_usec + CLOSED_USEC;
}

/** Lets everything pass from now on. */
void
ap_gate_free(ApGate *self)
{
    if (self == NULL)
        return;

    g_dbus_connection_remove_filter(self->connection, self->filter);
    g_clear_pointer(&self->table, table_unref);
    g_clear_object(&self->connection);
    g_free(self);
}
