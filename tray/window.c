/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tray/window.h"

#include "tray/gtk-menu.h"
#include "tray/peer-list.h"

#include <glib/gi18n.h>

/** Size of a new window in pixels: a dozen peers and their reasons without scrolling. */
#define DEFAULT_WIDTH 760
#define DEFAULT_HEIGHT 480

/** Distance between and around what is in the window, in pixels. Source: GNOME's guidelines. */
#define SPACING 12

struct _ApWindow {
    const ApWindowOps *ops;
    gpointer user_data;
    ApPeerList *peers; /* (owned) */
    ApGtkMenu *menu;   /* (owned) */

    /* (not owned) the window owns all others, and itself until it is destroyed */
    GtkWidget *window;
    GtkWidget *bar;
    GtkWidget *bar_label;
    GtkWidget *icon;
    GtkWidget *headline;
    GtkWidget *note;
    GtkWidget *sentence;
    GtkWidget *start;
    GtkWidget *resync;
    GtkWidget *copy;
};

static void
on_start(GtkButton *button, gpointer user_data)
{
    ApWindow *self = user_data;

    (void) button;
    self->ops->picked(AP_MENU_START, self->user_data);
}

static void
on_resync(GtkButton *button, gpointer user_data)
{
    ApWindow *self = user_data;

    (void) button;
    self->ops->picked(AP_MENU_RESYNC, self->user_data);
}

static void
on_copy(GtkButton *button, gpointer user_data)
{
    ApWindow *self = user_data;
    g_autofree char *address = ap_peer_list_get_address(self->peers);

    (void) button;
    self->ops->copy(address, self->user_data);
}

static void
on_selected(gpointer user_data)
{
    ApWindow *self = user_data;
    g_autofree char *address = ap_peer_list_get_address(self->peers);
    g_autofree char *sentence = ap_peer_list_get_sentence(self->peers);

    gtk_label_set_text(GTK_LABEL(self->sentence), sentence);
    gtk_widget_set_sensitive(self->copy, address[0] != '\0');
}

/* GTK's accessible cells do not outlive the list without complaints: the window is kept. */
static gboolean
on_delete(GtkWidget *window, GdkEvent *event, gpointer user_data)
{
    (void) event;
    (void) user_data;
    gtk_widget_hide(window);
    return TRUE;
}

static gboolean
on_key(GtkWidget *window, GdkEventKey *event, gpointer user_data)
{
    if (event->keyval != GDK_KEY_Escape)
        return GDK_EVENT_PROPAGATE;

    return on_delete(window, NULL, user_data);
}

static void
on_bar_response(GtkInfoBar *bar, int response, gpointer user_data)
{
    (void) response;
    (void) user_data;
    gtk_widget_hide(GTK_WIDGET(bar));
}

static GtkWidget *
make_text(gboolean bold)
{
    GtkWidget *label = gtk_label_new(NULL);

    gtk_label_set_xalign(GTK_LABEL(label), 0);
    gtk_label_set_line_wrap(GTK_LABEL(label), TRUE);
    if (bold) {
        g_autoptr(PangoAttrList) attributes = pango_attr_list_new();

        pango_attr_list_insert(attributes, pango_attr_weight_new(PANGO_WEIGHT_BOLD));
        gtk_label_set_attributes(GTK_LABEL(label), attributes);
    }
    return label;
}

static GtkWidget *
make_bar(ApWindow *self)
{
    self->bar = gtk_info_bar_new();
    self->bar_label = make_text(FALSE);
    gtk_info_bar_set_show_close_button(GTK_INFO_BAR(self->bar), TRUE);
    gtk_container_add(GTK_CONTAINER(gtk_info_bar_get_content_area(GTK_INFO_BAR(self->bar))),
                      self->bar_label);
    g_signal_connect(self->bar, "response", G_CALLBACK(on_bar_response), self);
    return self->bar;
}

static GtkWidget *
make_head(ApWindow *self)
{
    GtkWidget *head = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, SPACING);
    GtkWidget *words = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);

    self->icon = gtk_image_new();
    self->headline = make_text(TRUE);
    self->note = make_text(FALSE);
    gtk_widget_set_valign(words, GTK_ALIGN_CENTER);
    gtk_container_add(GTK_CONTAINER(words), self->headline);
    gtk_container_add(GTK_CONTAINER(words), self->note);
    gtk_container_add(GTK_CONTAINER(head), self->icon);
    gtk_container_add(GTK_CONTAINER(head), words);
    return head;
}

static GtkWidget *
make_list(ApWindow *self)
{
    GtkWidget *scrolled = gtk_scrolled_window_new(NULL, NULL);

    gtk_scrolled_window_set_shadow_type(GTK_SCROLLED_WINDOW(scrolled), GTK_SHADOW_IN);
    gtk_container_add(GTK_CONTAINER(scrolled), ap_peer_list_get_widget(self->peers));
    gtk_widget_set_vexpand(scrolled, TRUE);
    return scrolled;
}

static GtkWidget *
make_menu_button(ApWindow *self)
{
    GtkWidget *button = gtk_menu_button_new();

    gtk_button_set_label(GTK_BUTTON(button), _("_Menu"));
    gtk_button_set_use_underline(GTK_BUTTON(button), TRUE);
    gtk_menu_button_set_direction(GTK_MENU_BUTTON(button), GTK_ARROW_UP);
    gtk_menu_button_set_popup(GTK_MENU_BUTTON(button),
                              GTK_WIDGET(ap_gtk_menu_get_widget(self->menu)));
    return button;
}

static GtkWidget *
make_buttons(ApWindow *self)
{
    GtkWidget *row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, SPACING / 2);

    self->start = gtk_button_new_with_label("");
    self->resync = gtk_button_new_with_label("");
    self->copy = gtk_button_new_with_mnemonic(_("_Copy address"));
    g_signal_connect(self->start, "clicked", G_CALLBACK(on_start), self);
    g_signal_connect(self->resync, "clicked", G_CALLBACK(on_resync), self);
    g_signal_connect(self->copy, "clicked", G_CALLBACK(on_copy), self);
    gtk_box_pack_start(GTK_BOX(row), self->start, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(row), self->resync, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(row), self->copy, FALSE, FALSE, 0);
    gtk_box_pack_end(GTK_BOX(row), make_menu_button(self), FALSE, FALSE, 0);
    return row;
}

static void
fill(ApWindow *self)
{
    GtkWidget *outside = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
    GtkWidget *inside = gtk_box_new(GTK_ORIENTATION_VERTICAL, SPACING);

    self->sentence = make_text(FALSE);
    gtk_label_set_selectable(GTK_LABEL(self->sentence), TRUE);
    gtk_container_set_border_width(GTK_CONTAINER(inside), SPACING);
    gtk_container_add(GTK_CONTAINER(inside), make_head(self));
    gtk_container_add(GTK_CONTAINER(inside), make_list(self));
    gtk_container_add(GTK_CONTAINER(inside), self->sentence);
    gtk_container_add(GTK_CONTAINER(inside), make_buttons(self));
    gtk_container_add(GTK_CONTAINER(outside), make_bar(self));
    gtk_box_pack_start(GTK_BOX(outside), inside, TRUE, TRUE, 0);
    gtk_container_add(GTK_CONTAINER(self->window), outside);
    gtk_widget_show_all(outside);
    gtk_widget_hide(self->bar);
}

/**
 * Makes a window that is not shown yet and is empty until its first update.
 *
 * @ops: (transfer none): static; called with @user_data
 *
 * Returns: (transfer full)
 */
ApWindow *
ap_window_new(GtkApplication *application, const ApWindowOps *ops, gpointer user_data)
{
    ApWindow *self = g_new0(ApWindow, 1);

    self->ops = ops;
    self->user_data = user_data;
    self->window = gtk_application_window_new(application);
    self->peers = ap_peer_list_new(on_selected, self);
    self->menu = ap_gtk_menu_new(AP_MENU_ENABLED, ops->picked, user_data);
    gtk_window_set_title(GTK_WINDOW(self->window), _("Direct WireGuard paths"));
    gtk_window_set_icon_name(GTK_WINDOW(self->window), "org.wgautopeer.Tray");
    gtk_window_set_default_size(GTK_WINDOW(self->window), DEFAULT_WIDTH, DEFAULT_HEIGHT);
    g_signal_connect(self->window, "delete-event", G_CALLBACK(on_delete), self);
    g_signal_connect(self->window, "key-press-event", G_CALLBACK(on_key), self);
    fill(self);
    return self;
}

static void
update_button(GtkWidget *button, const ApMenuItem *item)
{
    gtk_button_set_label(GTK_BUTTON(button), item->label);
    gtk_widget_set_sensitive(button, item->sensitive);
    gtk_widget_set_visible(button, item->visible);
}

/** Returns: whether it was presented and not closed since; what is not open needs no update */
gboolean
ap_window_is_open(ApWindow *self)
{
    return gtk_widget_get_visible(self->window);
}

/**
 * Shows how things stand.
 *
 * @slots: (element-type ApMenuSlot): of @model, those that differ from what is shown
 */
void
ap_window_update(ApWindow *self,
                 const ApTrayFacts *facts,
                 const ApMenuModel *model,
                 const GArray *slots)
{
    const ApMenuItem *note = &model->items[AP_MENU_NOTE];

    ap_gtk_menu_update(self->menu, model, slots);
    ap_peer_list_update(self->peers, facts->view);
    gtk_image_set_from_icon_name(GTK_IMAGE(self->icon),
                                 ap_words_icon_name(ap_words_icon(facts)),
                                 GTK_ICON_SIZE_DND);
    gtk_label_set_text(GTK_LABEL(self->headline), model->items[AP_MENU_HEADLINE].label);
    gtk_label_set_text(GTK_LABEL(self->note), note->label);
    gtk_widget_set_visible(self->note, note->visible);
    update_button(self->start, &model->items[AP_MENU_START]);
    update_button(self->resync, &model->items[AP_MENU_RESYNC]);
}

/** Says something above everything else, until the person has read it. */
void
ap_window_say(ApWindow *self, const char *text)
{
    gtk_label_set_text(GTK_LABEL(self->bar_label), text);
    gtk_widget_show(self->bar);
}

/**
 * Brings the window to the front.
 *
 * @public_key: of the peer to select; empty: whoever is selected stays so
 */
void
ap_window_present(ApWindow *self, const char *public_key)
{
    if (public_key[0] != '\0')
        ap_peer_list_select(self->peers, public_key);
    gtk_window_present(GTK_WINDOW(self->window));
}

void
ap_window_free(ApWindow *self)
{
    if (self == NULL)
        return;

    g_clear_pointer(&self->peers, ap_peer_list_free);
    gtk_widget_destroy(self->window);
    g_clear_pointer(&self->menu, ap_gtk_menu_free);
    g_free(self);
}
