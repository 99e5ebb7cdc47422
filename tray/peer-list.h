/* SPDX-License-Identifier: GPL-3.0-or-later */

/**
 * @file
 * The list of peers in the status window.
 */

#pragma once

#include "client/view.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct _ApPeerList ApPeerList;

/** Called when another peer, or none, is selected, or what is known of it changed. */
typedef void (*ApPeerListFunc)(gpointer user_data);

ApPeerList *ap_peer_list_new(ApPeerListFunc selected, gpointer user_data);
GtkWidget *ap_peer_list_get_widget(ApPeerList *self);
void ap_peer_list_update(ApPeerList *self, const ApClientView *view);
void ap_peer_list_select(ApPeerList *self, const char *public_key);
char *ap_peer_list_get_address(ApPeerList *self);
char *ap_peer_list_get_sentence(ApPeerList *self);
void ap_peer_list_free(ApPeerList *self);

G_END_DECLS
