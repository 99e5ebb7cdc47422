/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tray/peer-list.h"

#include "tray/peer-words.h"
#include "tray/peers.h"

#include <glib/gi18n.h>

enum {
    COLUMN_NAME,
    COLUMN_TUNNEL,
    COLUMN_PATH,
    COLUMN_RTT,
    COLUMN_REASON,
    N_SHOWN,
    COLUMN_KEY = N_SHOWN,
    COLUMN_ADDRESS,
    COLUMN_SENTENCE,
    N_COLUMNS,
};

struct _ApPeerList {
    GtkWidget *tree;             /* (owned) */
    GtkListStore *store;         /* (owned) */
    GtkTreeSelection *selection; /* (not owned) of the tree */
    gboolean updating;
    ApPeerListFunc selected;
    gpointer user_data;
};

static void
on_selection(GtkTreeSelection *selection, gpointer user_data)
{
    ApPeerList *self = user_data;

    (void) selection;
    if (!self->updating)
        self->selected(self->user_data);
}

static void
add_column(ApPeerList *self, int column, const char *title)
{
    GtkCellRenderer *cell = gtk_cell_renderer_text_new();
    GtkTreeViewColumn *shown =
        gtk_tree_view_column_new_with_attributes(title, cell, "text", column, NULL);

    gtk_tree_view_column_set_resizable(shown, TRUE);
    /* Who is selected has the whole sentence below the list. */
    if (column == COLUMN_REASON)
        g_object_set(cell, "ellipsize", PANGO_ELLIPSIZE_END, NULL);
    gtk_tree_view_append_column(GTK_TREE_VIEW(self->tree), shown);
}

/**
 * Makes an empty list.
 *
 * @selected: called with @user_data
 *
 * Returns: (transfer full)
 */
ApPeerList *
ap_peer_list_new(ApPeerListFunc selected, gpointer user_data)
{
    const char *const titles[N_SHOWN] = {
        [COLUMN_NAME] = _("Peer"),
        [COLUMN_TUNNEL] = _("Tunnel"),
        [COLUMN_PATH] = _("Path"),
        [COLUMN_RTT] = _("Round trip"),
        [COLUMN_REASON] = _("Why"),
    };
    GType types[N_COLUMNS];
    ApPeerList *self = g_new0(ApPeerList, 1);

    for (int i = 0; i < N_COLUMNS; i++)
        types[i] = G_TYPE_STRING;

    self->selected = selected;
    self->user_data = user_data;
    self->store = gtk_list_store_newv(N_COLUMNS, types);
    self->tree = g_object_ref_sink(gtk_tree_view_new_with_model(GTK_TREE_MODEL(self->store)));
    for (int i = 0; i < N_SHOWN; i++)
        add_column(self, i, titles[i]);

    self->selection = gtk_tree_view_get_selection(GTK_TREE_VIEW(self->tree));
    g_signal_connect(self->selection, "changed", G_CALLBACK(on_selection), self);
    atk_object_set_name(gtk_widget_get_accessible(self->tree), _("Peers"));
    return self;
}

/** Returns: (transfer none) */
GtkWidget *
ap_peer_list_get_widget(ApPeerList *self)
{
    return self->tree;
}

static void
set_row(ApPeerList *self, GtkTreeIter *row, const ApClientPeer *peer)
{
    g_autofree char *name = ap_words_peer_name_and_address(peer);
    g_autofree char *tunnel = ap_words_foreign(peer->tunnel);
    g_autofree char *path = ap_words_peer_path(peer);
    g_autofree char *rtt = ap_words_peer_rtt(peer);
    g_autofree char *reason = ap_words_peer_reason(peer);
    g_autofree char *key = ap_words_foreign(peer->public_key);
    g_autofree char *sentence = ap_words_peer_advice(peer);

    /* clang-format off */
    gtk_list_store_set(self->store, row,
                       COLUMN_NAME, name,
                       COLUMN_TUNNEL, tunnel,
                       COLUMN_PATH, path,
                       COLUMN_RTT, rtt,
                       COLUMN_REASON, reason,
                       COLUMN_KEY, key,
                       COLUMN_ADDRESS, peer->addresses[0] != NULL ? peer->addresses[0] : "",
                       COLUMN_SENTENCE, sentence,
                       -1);
    /* clang-format on */
}

static char *
get_selected(ApPeerList *self, int column)
{
    GtkTreeIter row;
    char *text = NULL;

    if (gtk_tree_selection_get_selected(self->selection, NULL, &row))
        gtk_tree_model_get(GTK_TREE_MODEL(self->store), &row, column, &text, -1);
    return text != NULL ? text : g_strdup("");
}

/**
 * Shows the peers of @view where they were, row by row; who is selected stays selected.
 *
 * @view: (nullable): NULL: nobody is known
 */
void
ap_peer_list_update(ApPeerList *self, const ApClientView *view)
{
    g_autoptr(GPtrArray) peers = view != NULL ? ap_peers_sorted(view) : g_ptr_array_new();
    g_autofree char *key = get_selected(self, COLUMN_KEY);
    GtkTreeModel *model = GTK_TREE_MODEL(self->store);
    GtkTreeIter row;
    gboolean valid = gtk_tree_model_get_iter_first(model, &row);

    self->updating = TRUE;
    for (guint i = 0; i < peers->len; i++) {
        if (!valid)
            gtk_list_store_append(self->store, &row);
        set_row(self, &row, peers->pdata[i]);
        valid = valid && gtk_tree_model_iter_next(model, &row);
    }
    while (valid)
        valid = gtk_list_store_remove(self->store, &row);
    ap_peer_list_select(self, key);
    self->updating = FALSE;
    self->selected(self->user_data);
}

/**
 * Selects a peer by its key, and nobody when there is none such.
 */
void
ap_peer_list_select(ApPeerList *self, const char *public_key)
{
    GtkTreeModel *model = GTK_TREE_MODEL(self->store);
    GtkTreeIter row;
    gboolean valid = gtk_tree_model_get_iter_first(model, &row);
    gboolean found = FALSE;

    for (; valid && !found; valid = !found && gtk_tree_model_iter_next(model, &row)) {
        g_autofree char *key = NULL;

        gtk_tree_model_get(model, &row, COLUMN_KEY, &key, -1);
        found = public_key[0] != '\0' && g_str_equal(key, public_key);
        if (found)
            gtk_tree_selection_select_iter(self->selection, &row);
    }
    if (!found)
        gtk_tree_selection_unselect_all(self->selection);
}

/** Returns: (transfer full): the address of the selected peer; empty when there is none */
char *
ap_peer_list_get_address(ApPeerList *self)
{
    return get_selected(self, COLUMN_ADDRESS);
}

/** Returns: (transfer full): why the selected peer is where it is; empty when there is none */
char *
ap_peer_list_get_sentence(ApPeerList *self)
{
    return get_selected(self, COLUMN_SENTENCE);
}

void
ap_peer_list_free(ApPeerList *self)
{
    if (self == NULL)
        return;

    g_signal_handlers_disconnect_by_data(self->selection, self);
    g_object_unref(self->tree);
    g_object_unref(self->store);
    g_free(self);
}
