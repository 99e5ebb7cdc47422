/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tray/gtk-menu.h"

struct _ApGtkMenu {
    GtkWidget *menu; /* (owned) */
    ApMenuSlot first;
    GtkWidget *items[AP_MENU_N_SLOTS]; /* (not owned) NULL below @first */
    gboolean updating;
    ApMenuFunc picked;
    gpointer user_data;
};

static const char slot_key[] = "ap-menu-slot";

static void
on_activate(GtkMenuItem *item, gpointer user_data)
{
    ApGtkMenu *self = user_data;

    if (!self->updating)
        self->picked(GPOINTER_TO_INT(g_object_get_data(G_OBJECT(item), slot_key)), self->user_data);
}

/* GTK has moved the mark already; it is to show how things are, not what was asked for. */
static void
on_toggled(GtkCheckMenuItem *item, gpointer user_data)
{
    ApGtkMenu *self = user_data;

    if (self->updating)
        return;

    self->updating = TRUE;
    gtk_check_menu_item_set_active(item, !gtk_check_menu_item_get_active(item));
    self->updating = FALSE;
    on_activate(GTK_MENU_ITEM(item), self);
}

static GtkWidget *
make_item(ApGtkMenu *self, ApMenuSlot slot)
{
    GtkWidget *item;

    switch (ap_menu_slot_kind(slot)) {
    case AP_MENU_KIND_SEPARATOR:
        return gtk_separator_menu_item_new();
    case AP_MENU_KIND_SUBMENU:
        item = gtk_menu_item_new_with_label("");
        gtk_menu_item_set_submenu(GTK_MENU_ITEM(item), gtk_menu_new());
        return item;
    case AP_MENU_KIND_CHECK:
        item = gtk_check_menu_item_new_with_label("");
        g_signal_connect(item, "toggled", G_CALLBACK(on_toggled), self);
        return item;
    case AP_MENU_KIND_ITEM:
        break;
    }

    item = gtk_menu_item_new_with_label("");
    g_signal_connect(item, "activate", G_CALLBACK(on_activate), self);
    return item;
}

static void
add_item(ApGtkMenu *self, ApMenuSlot slot)
{
    const ApMenuSlot parent = ap_menu_slot_parent(slot);
    GtkWidget *item = make_item(self, slot);
    GtkWidget *menu = self->menu;

    if (parent != AP_MENU_N_SLOTS)
        menu = gtk_menu_item_get_submenu(GTK_MENU_ITEM(self->items[parent]));

    g_object_set_data(G_OBJECT(item), slot_key, GINT_TO_POINTER(slot));
    gtk_menu_shell_append(GTK_MENU_SHELL(menu), item);
    self->items[slot] = item;
}

/**
 * Makes a menu in which everything is hidden.
 *
 * @first: the slots from here on are in it
 * @picked: called with @user_data; what is marked or written then is left to the next update
 *
 * Returns: (transfer full)
 */
ApGtkMenu *
ap_gtk_menu_new(ApMenuSlot first, ApMenuFunc picked, gpointer user_data)
{
    ApGtkMenu *self = g_new0(ApGtkMenu, 1);

    self->menu = g_object_ref_sink(gtk_menu_new());
    self->first = first;
    self->picked = picked;
    self->user_data = user_data;
    for (ApMenuSlot slot = first; slot < AP_MENU_N_SLOTS; slot++)
        add_item(self, slot);
    return self;
}

/** Returns: (transfer none): the same for as long as @self lives */
GtkMenu *
ap_gtk_menu_get_widget(ApGtkMenu *self)
{
    return GTK_MENU(self->menu);
}

/*
 * An underscore marks the next letter for the keyboard, and two are one that is shown. GTK can be
 * told that a label has no such marks, but panels are not told so by libdbusmenu.
 */
static void
set_label(GtkMenuItem *item, const char *label)
{
    g_auto(GStrv) parts = g_strsplit(label, "_", -1);
    g_autofree char *escaped = g_strjoinv("__", parts);

    gtk_menu_item_set_use_underline(item, TRUE);
    gtk_menu_item_set_label(item, escaped);
}

static void
update_item(GtkWidget *widget, ApMenuKind kind, const ApMenuItem *item)
{
    if (kind != AP_MENU_KIND_SEPARATOR)
        set_label(GTK_MENU_ITEM(widget), item->label);
    if (kind == AP_MENU_KIND_CHECK)
        gtk_check_menu_item_set_active(GTK_CHECK_MENU_ITEM(widget), item->checked);
    gtk_widget_set_sensitive(widget, item->sensitive);
    gtk_widget_set_visible(widget, item->visible);
}

/**
 * Shows what @model says in some slots.
 *
 * @slots: (element-type ApMenuSlot): those that differ from what is shown
 */
void
ap_gtk_menu_update(ApGtkMenu *self, const ApMenuModel *model, const GArray *slots)
{
    self->updating = TRUE;
    for (guint i = 0; i < slots->len; i++) {
        const ApMenuSlot slot = g_array_index(slots, ApMenuSlot, i);

        if (slot >= self->first)
            update_item(self->items[slot], ap_menu_slot_kind(slot), &model->items[slot]);
    }
    self->updating = FALSE;
}

void
ap_gtk_menu_free(ApGtkMenu *self)
{
    if (self == NULL)
        return;

    gtk_widget_destroy(self->menu);
    g_object_unref(self->menu);
    g_free(self);
}
