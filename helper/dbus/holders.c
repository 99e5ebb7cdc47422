/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "helper/dbus/holders.h"

#include "common/error.h"

struct _ApHolders {
    ApHoldersFunc changed;
    gpointer user_data;
    GHashTable *watches; /* (owned) (element-type utf8 guint) by unique name */
};

static void
unwatch(gpointer id)
{
    g_bus_unwatch_name(GPOINTER_TO_UINT(id));
}

/**
 * Makes an empty set.
 *
 * @changed: called with @user_data, from inside a call or from the main loop; not while the set is
 *     being freed
 *
 * Returns: (transfer full)
 */
ApHolders *
ap_holders_new(ApHoldersFunc changed, gpointer user_data)
{
    ApHolders *self = g_new0(ApHolders, 1);

    self->changed = changed;
    self->user_data = user_data;
    self->watches = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unwatch);
    return self;
}

static void
on_vanished(GDBusConnection *connection, const char *name, gpointer user_data)
{
    (void) connection;
    ap_holders_remove(user_data, name);
}

/**
 * Adds @sender until it leaves the bus; once, however often it asks.
 *
 * The watch asks the bus whether the name is still there. So a caller that left while somebody
 * thought about its authorisation does not hold us for ever.
 *
 * @sender: unique name on @connection
 * @error: AP_ERROR_LIMIT when AP_HOLDERS_MAX others hold us already
 */
gboolean
ap_holders_add(ApHolders *self, GDBusConnection *connection, const char *sender, GError **error)
{
    guint watch;

    if (g_hash_table_contains(self->watches, sender))
        return TRUE;

    if (g_hash_table_size(self->watches) >= AP_HOLDERS_MAX) {
        g_set_error(error,
                    AP_ERROR,
                    AP_ERROR_LIMIT,
                    "%d programs hold the helper already",
                    AP_HOLDERS_MAX);
        return FALSE;
    }

    watch = g_bus_watch_name_on_connection(connection,
                                           sender,
                                           G_BUS_NAME_WATCHER_FLAGS_NONE,
                                           NULL,
                                           on_vanished,
                                           self,
                                           NULL);
    g_hash_table_insert(self->watches, g_strdup(sender), GUINT_TO_POINTER(watch));
    if (g_hash_table_size(self->watches) == 1)
        self->changed(TRUE, self->user_data);
    return TRUE;
}

/** Takes @sender out, if it is in. */
void
ap_holders_remove(ApHolders *self, const char *sender)
{
    if (g_hash_table_remove(self->watches, sender) && g_hash_table_size(self->watches) == 0)
        self->changed(FALSE, self->user_data);
}

/** Forgets everybody without a word. */
void
ap_holders_free(ApHolders *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->watches, g_hash_table_unref);
    g_free(self);
}
